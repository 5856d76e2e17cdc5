//! An MQTT broker started in the same process.
//!
//! It is the crate [`rmqtt`], reached like any other broker by TCP, on
//! loopback unless asked otherwise. It serves the first steps, demonstrations
//! and tests, and small installations that want one process: it keeps
//! everything in memory.
//!
//! # Why this crate
//!
//! The other candidate was `rumqttd` 0.20, a faster one. What decided, read in
//! the sources of both:
//!
//! * it binds the socket before it serves, so port 0 works and a port in use
//!   is an error of [`start`](EmbeddedBroker::start); `rumqttd` binds inside
//!   of its threads and never tells the port;
//! * all its tasks belong to one tokio runtime, so dropping that runtime stops
//!   it and frees the port; `rumqttd` starts threads that nothing ends;
//! * MQTT 3.1.1 and 5 come in on one port; `rumqttd` wants two;
//! * it is maintained; the advisories on its tree (`instant`, `atomic-polyfill`)
//!   say unmaintained, not vulnerable;
//! * it needs a C compiler (for `ring`, which it always builds) but neither
//!   OpenSSL nor cmake nor protoc.
//!
//! It costs some 190 crates more to build (233 instead of 44, with duplicates
//! of host and target counted once) and takes 65,000 to 90,000 publishes of
//! QoS 1 per second through [`MqttBroker`](super::MqttBroker) on two cores
//! that were busy with other work too.
//!
//! The library comes without retained messages and shared subscriptions, which
//! are plug-ins of the server; [`Retained`] and [`Turns`] below supply them.
//! Its check for a busy machine, which refuses clients by the load average, is
//! turned off.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use rmqtt::context::ServerContext;
use rmqtt::net::Builder;
use rmqtt::retain::{DefaultRetainStorage, RetainStorage};
use rmqtt::server::MqttServer;
use rmqtt::subscribe::SharedSubscription;
use rmqtt::types::{
    ClientId, Id, IsOnline, NodeId, Retain, SharedGroup, SubscriptionIdentifier, SubscriptionOptions,
    TopicFilter, TopicName,
};
use tokio::runtime::Runtime;

use super::MqttUrl;

/// Messages without an expiry of their own are kept this long: in effect for
/// ever, where the crate would forget retained messages after five minutes.
const KEPT: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Settings of an [`EmbeddedBroker`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EmbeddedSettings {
    /// Where to listen. Default 127.0.0.1, port 1883. Port 0 lets the system
    /// choose. It lets in everybody who can reach the address: anything but
    /// loopback opens it to the network.
    pub bind: SocketAddr,
    /// Threads it works on. Default 1; at least 1.
    pub threads: usize,
    /// The largest packet it takes. Default 1 MiB; at least 1 KiB.
    pub max_packet_size: u32,
    /// Clients that may be connected. Default 10,000; at least 1.
    pub max_connections: usize,
    /// QoS 1 and 2 messages per client on their way to acknowledgement, in
    /// each direction. Default 1,000; at least 1.
    pub max_in_flight: u16,
    /// Messages that wait for a client that is slow or away; further ones are
    /// dropped. Default 10,000.
    pub max_queue: usize,
    /// Topics with a retained message; publishing to further ones retains
    /// nothing. Default 100,000.
    pub max_retained: usize,
}

impl Default for EmbeddedSettings {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 1883)),
            threads: 1,
            max_packet_size: 1 << 20,
            max_connections: 10_000,
            max_in_flight: 1_000,
            max_queue: 10_000,
            max_retained: 100_000,
        }
    }
}

impl EmbeddedSettings {
    /// The defaults, on a port of loopback that the system chooses: as many
    /// brokers side by side as tests like.
    #[must_use]
    pub fn any_port() -> Self {
        Self { bind: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), ..Self::default() }
    }
}

/// A running MQTT broker, 3.1.1 and 5 on one port. It stops when dropped.
///
/// ```
/// use exproto_runtime::broker::{EmbeddedBroker, EmbeddedSettings, MqttBroker, MqttSettings};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// let embedded = EmbeddedBroker::start(EmbeddedSettings::any_port()).await?;
/// let broker = MqttBroker::start(MqttSettings::new(embedded.url()));
/// broker.connected().await.unwrap();
/// embedded.stop().await;
/// # Ok(()) }
/// ```
pub struct EmbeddedBroker {
    address: SocketAddr,
    /// Its own, because ending it is the one way to end all of its tasks.
    runtime: Option<Runtime>,
}

impl EmbeddedBroker {
    /// Binds the socket and starts to serve.
    ///
    /// # Errors
    ///
    /// What binding the socket says, or starting a thread.
    pub async fn start(settings: EmbeddedSettings) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(settings.threads.max(1))
            .thread_name("mqtt-broker")
            .enable_all()
            .build()?;
        // From here on an early return drops it with its runtime.
        let mut broker = Self { address: settings.bind, runtime: Some(runtime) };
        let Some(runtime) = &broker.runtime else { return Ok(broker) };
        broker.address = runtime.spawn(serve(settings)).await.map_err(io::Error::other)??;
        Ok(broker)
    }

    /// Where it listens; tells the port if 0 was asked for.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Where to reach it from this machine.
    #[must_use]
    pub fn url(&self) -> MqttUrl {
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        address.into()
    }

    /// Drops all connections, forgets everything and frees the port.
    pub async fn stop(mut self) {
        if let Some(runtime) = self.runtime.take() {
            let stopped =
                tokio::task::spawn_blocking(move || runtime.shutdown_timeout(Duration::from_secs(5)));
            // It cannot panic, and there is nothing left to do if it did.
            let _ = stopped.await;
        }
    }
}

impl Drop for EmbeddedBroker {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for EmbeddedBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedBroker").field("address", &self.address).finish_non_exhaustive()
    }
}

async fn serve(settings: EmbeddedSettings) -> io::Result<SocketAddr> {
    let context = ServerContext::new().busy_check_enable(false).build().await;
    *context.extends.retain_mut().await = Box::new(Retained::new(settings.max_retained));
    *context.extends.shared_subscription_mut().await = Box::new(Turns::default());

    let listener = Builder::new()
        .name("embedded")
        .laddr(settings.bind)
        // A port whose last connections still linger can be bound again.
        .reuseaddr(cfg!(unix).then_some(true))
        .nodelay(true)
        .max_connections(settings.max_connections.max(1))
        .max_handshaking_limit(settings.max_connections.clamp(1, 1_000))
        .max_packet_size(settings.max_packet_size.max(1 << 10))
        .max_inflight(NonZeroU16::new(settings.max_in_flight).unwrap_or(NonZeroU16::MIN))
        .max_mqueue_len(settings.max_queue)
        .message_expiry_interval(KEPT)
        .bind()
        .and_then(|listener| listener.tcp())
        .map_err(|error| error.downcast().unwrap_or_else(io::Error::other))?;
    let address = listener.local_addr().map_err(io::Error::other)?;
    let server = MqttServer::new(context).listener_by_id(listener, address.port()).build();
    tokio::spawn(async move {
        if let Err(error) = server.run().await {
            tracing::error!(%address, %error, "the embedded MQTT broker has ended");
        }
    });
    tracing::info!(%address, "the embedded MQTT broker listens");
    Ok(address)
}

/// Retained messages, in memory.
struct Retained {
    messages: DefaultRetainStorage,
    limit: usize,
}

impl Retained {
    fn new(limit: usize) -> Self {
        Self { messages: DefaultRetainStorage::new(), limit }
    }

    async fn is_full(&self) -> bool {
        usize::try_from(self.messages.count().await).unwrap_or(0) >= self.limit
    }
}

#[async_trait]
impl RetainStorage for Retained {
    fn enable(&self) -> bool {
        true
    }

    async fn set(&self, topic: &TopicName, retain: Retain, expires: Option<Duration>) -> rmqtt::Result<()> {
        let is_new = !retain.publish.payload.is_empty() && self.messages.get_message(topic).await?.is_empty();
        if is_new && self.is_full().await && self.messages.remove_expired_messages().await == 0 {
            tracing::warn!(%topic, limit = self.limit, "too many retained messages: this one is not kept");
            return Ok(());
        }
        self.messages.set_with_timeout(topic, retain, expires).await
    }

    async fn get(&self, filter: &TopicFilter) -> rmqtt::Result<Vec<(TopicName, Retain)>> {
        self.messages.get_message(filter).await
    }

    async fn count(&self) -> isize {
        self.messages.count().await
    }

    async fn max(&self) -> isize {
        self.messages.max().await
    }
}

/// Shared subscriptions: the members of a group take turns; one who is away is
/// passed over while another is there.
#[derive(Default)]
struct Turns {
    next: AtomicUsize,
}

#[async_trait]
impl SharedSubscription for Turns {
    fn is_supported(&self) -> bool {
        true
    }

    async fn choice(
        &self,
        context: &ServerContext,
        _group: &SharedGroup,
        _publisher: &Id,
        _topic: &TopicName,
        members: &[(
            NodeId,
            ClientId,
            SubscriptionOptions,
            Option<Vec<SubscriptionIdentifier>>,
            Option<IsOnline>,
        )],
    ) -> Option<(usize, IsOnline)> {
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        for turn in 0..members.len() {
            let at = first.wrapping_add(turn) % members.len();
            let (node, client, _, _, online) = &members[at];
            let online = match online {
                Some(online) => *online,
                None => context.extends.router().await.is_online(*node, client).await,
            };
            if online {
                return Some((at, true));
            }
        }
        // Nobody is there: it waits for the one whose turn it is.
        (!members.is_empty()).then(|| (first % members.len(), false))
    }
}
