//! EMQX's side of ExProto: our own listeners in front of a handler in any
//! language.
//!
//! EMQX removes ExProto in 6.3. A [`StandIn`] takes its place for the handlers
//! that are left: it listens for the devices, calls the handler over gRPC with
//! what they do, serves the adapter that the handler calls, and reaches any
//! MQTT broker. How it differs from EMQX is listed in the
//! [manual](crate::doc::exproto#when-emqx-removes-exproto).
//!
//! | module | what it holds |
//! |---|---|
//! | `machine` | one connection without IO: events in their order, calls, timers |
//! | `connection` | its socket, its way to the broker and the handler |
//! | `hub` | names of connections, the way of a call to its connection |
//! | `adapter`, `reply` | the service that handlers call, and its result codes |
//! | `handler` | the calls to the handler: what is repeated, what is given up |
//! | `raw` | messages without a connection |
//! | `stats` | counters of events and calls |
//! | `topic` | mount points, which topics brokers take |
//!
//! **Architecture Invariant:** the events of a connection are told one after
//! the other, the end last and whatever ended it, unless the process ends.
//! **Architecture Invariant:** every queue has a limit, and reaching it slows
//! the device down. **Architecture Invariant:** no answer to a call waits for
//! the event that the call was made in.

mod adapter;
mod connection;
mod event;
mod handler;
mod hub;
mod machine;
mod name;
mod raw;
mod reply;
#[cfg(test)]
mod scenario_tests;
mod settings;
mod stats;
mod topic;

use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};

pub use reply::Codes;
pub use settings::{Service, StandInSettings};
pub use stats::StandInCounters;

use crate::broker::{Broker, inbox};
use crate::grpc::GrpcServer;
use crate::host::front::Front;
use crate::host::serve::{Arrival, Serve};
use crate::host::transport::Transport;
use crate::host::{HostError, Listener, Stopped};
use crate::metrics::Metrics;
use adapter::Adapter;
use handler::{Handler, Tell};
use hub::Hub;

/// Raw publishes that wait to be handed to the broker.
const RAW: usize = 256;

/// Listeners for devices whose protocol a handler knows.
///
/// ```no_run
/// use exproto_runtime::broker::{MqttBroker, MqttSettings};
/// use exproto_runtime::emqx::{StandIn, StandInSettings};
/// use exproto_runtime::host::Listener;
///
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// let broker = MqttBroker::start(MqttSettings::new("mqtt://127.0.0.1:1883".parse()?));
/// let stand_in = StandIn::builder(StandInSettings::new("http://127.0.0.1:9001"))
///     .listener(Listener::tcp(([0, 0, 0, 0], 7993)))
///     .adapter(([127, 0, 0, 1], 9100))
///     .bind(broker)
///     .await?;
/// stand_in.run(std::future::pending()).await?;
/// # Ok(())
/// # }
/// ```
pub struct StandIn<B> {
    front: Front<Connections<B, Handler>>,
    broker: B,
    counters: StandInCounters,
    adapter: TcpListener,
    server: GrpcServer,
    raw: mpsc::Receiver<(raw::RawPublish, hub::To)>,
    workers: usize,
    drain: Duration,
}

/// Listeners and addresses of a [`StandIn`].
#[derive(Debug)]
pub struct StandInBuilder {
    settings: StandInSettings,
    listeners: Vec<Listener>,
    adapter: SocketAddr,
    server: GrpcServer,
    workers: usize,
    drain: Duration,
}

/// Why a stand-in cannot run.
#[derive(Debug)]
#[non_exhaustive]
pub enum StandInError {
    /// The handler's address, or a certificate for it, cannot be used.
    Handler {
        /// The address.
        url: String,
        /// What is wrong.
        why: String,
    },
    /// The adapter cannot have its address.
    Adapter {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A listener for devices.
    Host(HostError),
    /// Serving the adapter has failed.
    Serve(io::Error),
}

impl fmt::Display for StandInError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Handler { url, why } => write!(f, "the handler's address `{url}`: {why}"),
            Self::Adapter { address, source } => {
                write!(f, "the adapter cannot listen on {address}: {source}")
            }
            Self::Host(source) => source.fmt(f),
            Self::Serve(source) => write!(f, "the adapter cannot be served: {source}"),
        }
    }
}

impl std::error::Error for StandInError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Handler { .. } => None,
            Self::Adapter { source, .. } | Self::Serve(source) => Some(source),
            Self::Host(source) => Some(source),
        }
    }
}

impl StandIn<()> {
    /// Begins with no listener, the adapter at 127.0.0.1:9100 and a worker for
    /// each processor.
    #[must_use]
    pub fn builder(settings: StandInSettings) -> StandInBuilder {
        StandInBuilder {
            settings,
            listeners: Vec::new(),
            adapter: SocketAddr::from(([127, 0, 0, 1], 9100)),
            server: GrpcServer::new(),
            workers: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            drain: Duration::from_secs(10),
        }
    }
}

impl StandInBuilder {
    /// Adds a listener. Its session settings and its limit on frames have no
    /// meaning here.
    #[must_use]
    pub fn listener(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// Where the handler calls. Whoever reaches this port can act for every
    /// device.
    #[must_use]
    pub fn adapter(mut self, address: impl Into<SocketAddr>) -> Self {
        self.adapter = address.into();
        self
    }

    /// Serves the adapter with TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn adapter_tls(mut self, tls: crate::tls::ServerTls) -> Self {
        self.server = self.server.tls(tls);
        self
    }

    /// Threads that devices are served on; with 0 they are served on the
    /// runtime that calls [`StandIn::run`].
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How long connections may take to end when the stand-in is told to stop,
    /// with all that the handler is to be told.
    #[must_use]
    pub fn drain(mut self, time: Duration) -> Self {
        self.drain = time;
        self
    }

    /// Binds listeners and adapter.
    ///
    /// # Errors
    ///
    /// A handler's address that is none, no listener, an address that cannot
    /// be had.
    pub async fn bind<B: Broker + Clone>(self, broker: B) -> Result<StandIn<B>, StandInError> {
        let (jobs, raw) = mpsc::channel(RAW);
        let hub = Arc::new(Hub::new(Arc::new(self.settings), jobs));
        let handler = Handler::new(hub.settings(), Arc::clone(hub.stats()))?;
        let counters = StandInCounters(Arc::clone(hub.stats()));
        let server = self.server.with(Adapter(Arc::clone(&hub)));
        let connections = Connections { hub, broker: broker.clone(), handler };
        let front =
            Front::bind(self.listeners, "stand-in", self.workers, connections).map_err(StandInError::Host)?;
        let adapter = TcpListener::bind(self.adapter)
            .await
            .map_err(|source| StandInError::Adapter { address: self.adapter, source })?;
        Ok(StandIn {
            front,
            broker,
            counters,
            adapter,
            server,
            raw,
            workers: self.workers,
            drain: self.drain,
        })
    }
}

impl<B: Broker> StandIn<B> {
    /// Name and address of each listener.
    pub fn addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.front.addresses()
    }

    /// Where the handler calls.
    ///
    /// # Errors
    ///
    /// The system does not say.
    pub fn adapter(&self) -> io::Result<SocketAddr> {
        self.adapter.local_addr()
    }

    /// What the handler was told and has called, which stays readable.
    #[must_use]
    pub fn counters(&self) -> StandInCounters {
        self.counters.clone()
    }

    /// The counters of the connections, which stay readable.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(self.front.metrics())
    }

    /// Serves devices until `shutdown` is ready. Then no more are taken, those
    /// that are connected are closed, the handler is told of all that has
    /// happened, and may call until then.
    ///
    /// # Errors
    ///
    /// Threads or sockets that the system refuses.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Stopped, StandInError> {
        let raw = raw::run(self.broker, self.raw);
        let (ended, end) = oneshot::channel::<()>();
        let adapter = self.server.serve(self.adapter, async {
            // Ends with the sender.
            let _ = end.await;
        });
        let (mut raw, mut adapter) = (pin!(raw), pin!(adapter));
        let mut front = pin!(self.front.run(self.workers, self.drain, shutdown));
        let mut published = false;
        let stopped = loop {
            tokio::select! {
                stopped = &mut front => break stopped.map_err(StandInError::Host)?,
                served = &mut adapter => {
                    served.map_err(StandInError::Serve)?;
                    return Err(StandInError::Serve(io::ErrorKind::ConnectionAborted.into()));
                }
                () = &mut raw, if !published => published = true,
            }
        };
        drop(ended);
        // What the last calls wait for.
        tokio::select! {
            served = &mut adapter => served.map_err(StandInError::Serve)?,
            () = &mut raw, if !published => adapter.await.map_err(StandInError::Serve)?,
        }
        Ok(stopped)
    }
}

impl<B> fmt::Debug for StandIn<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StandIn").field("adapter", &self.adapter).finish_non_exhaustive()
    }
}

/// Makes connections of a handler's devices of what listeners take.
struct Connections<B, H> {
    hub: Arc<Hub>,
    broker: B,
    handler: H,
}

impl<B: Broker, H: Tell> Serve for Connections<B, H> {
    fn begin<T: Transport>(&self, runtime: &Handle, arrival: Arrival, transport: T) {
        let (notices, outbox) = inbox(arrival.limits.inbox);
        let link = self.broker.link(&arrival.info, notices);
        let place = self.hub.enter();
        runtime.spawn(connection::run(arrival, transport, link, outbox, self.handler.clone(), place));
    }
}
