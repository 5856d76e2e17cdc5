//! The driver that makes a gateway an ExProto handler of EMQX (4.3 to 6.2).
//!
//! EMQX listens for the devices and calls an [`ExProtoHandler`] with what they
//! do; the handler runs a [`Session`](crate::session::Session) for each
//! connection and calls EMQX to carry out what it wants.
//!
//! A gateway is declared, or it is a set of [`Callbacks`]. How EMQX is set up
//! and what to expect of it: [the manual](crate::doc::exproto).
//!
//! # What to expect
//!
//! * The events of a connection are worked off one after the other. An event
//!   is answered when all it led to is done: a frame's publishes have been
//!   accepted by EMQX and its reply has been sent. For a QoS 1 publish that
//!   means that EMQX has taken it, not that a subscriber has it.
//! * ExProto cannot carry `retain`; such messages are published without it.
//! * Shared subscriptions (`$share`, `$queue`) are refused, as are wildcards
//!   in topics and empty client ids: EMQX would crash on them.
//! * EMQX does not answer devices that come while no handler runs: it closes
//!   them. A restart of the handler costs every device that has an event under
//!   way its connection; see [`UnknownConnection`] for those that stay.
//! * A panic in a function of the gateway closes the device concerned.

mod actor;
mod adapter;
mod beginning;
mod call;
mod callbacks;
mod channel;
mod ending;
mod error;
mod event;
mod memory;
mod meter;
pub(crate) mod node;
pub(crate) mod pb;
mod publisher;
mod registry;
#[cfg(test)]
mod replay_tests;
mod server;
mod settings;
mod stats;
#[cfg(all(test, feature = "tls", feature = "testkit"))]
mod tls_tests;
mod wire;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tonic::service::{Routes, RoutesBuilder};

use self::actor::Declared;
use self::callbacks::Imperative;
pub use bytes::Bytes;

pub use self::callbacks::{Callbacks, Connection, Done, Message, PeerCertificate};
pub use self::ending::End;
pub use self::error::CallError;
pub use self::meter::{CallKind, CallStats, EventKind, EventStats};
use self::pb::connection_handler_server::ConnectionHandlerServer;
use self::pb::connection_unary_handler_server::ConnectionUnaryHandlerServer;
pub use self::publisher::Publisher;
use self::registry::{Kind, Kinds, Registry};
use self::server::Service;
pub use self::settings::{ExProtoSettings, SettingsError, UnknownConnection};
pub use self::stats::Stats;
use crate::grpc::sealed::Mount;
use crate::grpc::{self, Direct, GrpcServer, Running};
use crate::session::{Gateway, SessionSettings};

/// How often a shutdown looks whether no event is under way.
const CALM_ASKED: Duration = Duration::from_micros(200);

/// An EMQX ExProto handler for one gateway.
///
/// # Examples
///
/// ```no_run
/// use exproto_runtime::exproto::{ExProtoHandler, ExProtoSettings};
/// use exproto_runtime::session::Gateway;
///
/// async fn serve<G: Gateway>() -> Result<(), Box<dyn std::error::Error>> {
///     let settings = ExProtoSettings::new("http://127.0.0.1:9100");
///     let handler = ExProtoHandler::<G>::new(settings)?;
///     handler.listen("0.0.0.0:9001", std::future::pending()).await?;
///     Ok(())
/// }
/// ```
pub struct ExProtoHandler<G> {
    registry: Arc<Registry>,
    ended: mpsc::Receiver<Infallible>,
    /// What is done with the connections to certain addresses.
    at: Vec<(SocketAddr, Arc<dyn Kind>)>,
    gateway: PhantomData<fn() -> G>,
}

impl<G> std::fmt::Debug for ExProtoHandler<G> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ExProtoHandler").field("settings", self.registry.settings()).finish_non_exhaustive()
    }
}

impl<G: Gateway> ExProtoHandler<G> {
    /// A handler that is not served yet. Must be called inside a tokio
    /// runtime; EMQX is connected to when it is first needed.
    ///
    /// # Errors
    ///
    /// A setting that cannot be used.
    pub fn new(settings: ExProtoSettings) -> Result<Self, SettingsError> {
        settings.session.check_profile::<G>()?;
        let session = Arc::clone(&settings.session);
        Self::of(settings, Arc::new(Declared::<G>::new(session)))
    }
}

impl<C: Callbacks> ExProtoHandler<C> {
    /// A handler that calls functions of the program, without a declaration
    /// of the protocol; see [`Callbacks`]. For the rest see
    /// [`new`](ExProtoHandler::new). Of the session's settings `idle` counts, for
    /// the timer of UDP.
    ///
    /// # Errors
    ///
    /// A setting that cannot be used.
    pub fn with_callbacks(settings: ExProtoSettings, callbacks: C) -> Result<Self, SettingsError> {
        Self::of(settings, Arc::new(Imperative(Arc::new(callbacks))))
    }
}

impl<G> ExProtoHandler<G> {
    fn of(settings: ExProtoSettings, kind: Arc<dyn Kind>) -> Result<Self, SettingsError> {
        let (registry, ended) = Registry::new(settings, Kinds::new(kind))?;
        Ok(Self { registry, ended, at: Vec::new(), gateway: PhantomData })
    }

    /// Runs another gateway for the devices that connect to this address of
    /// EMQX: EMQX has one ExProto gateway with one handler, but several
    /// listeners.
    ///
    /// An unspecified IP address such as `0.0.0.0` stands for any, and an
    /// exact one goes before it. The gateway of the handler itself has the
    /// rest. A connection whose beginning was not seen does not say where it
    /// belongs, so with several gateways [`UnknownConnection::Adopt`] closes it.
    ///
    /// # Errors
    ///
    /// A setting that cannot be used.
    ///
    /// ```no_run
    /// use exproto_runtime::exproto::{ExProtoHandler, ExProtoSettings, SettingsError};
    /// use exproto_runtime::session::{Gateway, SessionSettings};
    ///
    /// fn both<Meter: Gateway, Tracker: Gateway>() -> Result<ExProtoHandler<Meter>, SettingsError> {
    ///     let settings = ExProtoSettings::new("http://127.0.0.1:9100");
    ///     ExProtoHandler::<Meter>::new(settings)?
    ///         .with_listener::<Tracker>(([0, 0, 0, 0], 7994), SessionSettings::default())
    /// }
    /// ```
    pub fn with_listener<H: Gateway>(
        mut self,
        address: impl Into<SocketAddr>,
        session: SessionSettings,
    ) -> Result<Self, SettingsError> {
        session.check_profile::<H>()?;
        self.at.push((address.into(), Arc::new(Declared::<H>::new(Arc::new(session)))));
        Ok(self)
    }

    /// Calls these functions for the devices that connect to this address of
    /// EMQX, see [`with_listener`](Self::with_listener).
    #[must_use]
    pub fn with_callbacks_at(mut self, address: impl Into<SocketAddr>, callbacks: impl Callbacks) -> Self {
        self.at.push((address.into(), Arc::new(Imperative(Arc::new(callbacks)))));
        self
    }

    /// A view of the counters, which outlives [`serve`](Self::serve).
    #[must_use]
    pub fn counters(&self) -> StatsHandle {
        StatsHandle { registry: Arc::downgrade(&self.registry) }
    }

    /// Publishes in nobody's name, for what the program itself has to say.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher::new(self.registry.shared())
    }

    /// Listens at `address` and serves EMQX until `shutdown` ends, see
    /// [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// The address cannot be listened at.
    pub async fn listen(
        self,
        address: impl ToSocketAddrs,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        self.serve(TcpListener::bind(address).await?, shutdown).await
    }

    /// Serves EMQX until `shutdown` ends. Then no connection is accepted any
    /// more, events that have come are worked off, for at most
    /// [`drain`](ExProtoSettings::drain), and the function returns. Devices
    /// stay connected to EMQX. To serve hooks on the same port, add the handler
    /// to a [`GrpcServer`].
    ///
    /// # Errors
    ///
    /// The listener fails.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        GrpcServer::new().with(self).serve(listener, shutdown).await
    }

    /// The two services, to be mounted in a tonic server of your own: without
    /// a limit on streams and on the age of connections, with `TCP_NODELAY`.
    #[must_use]
    pub fn into_services(self) -> Routes {
        grpc::routes(self)
    }
}

impl<G> Mount for ExProtoHandler<G> {
    #[allow(private_interfaces)]
    fn mount(self, routes: &mut RoutesBuilder) -> Running {
        let Self { registry, mut ended, at, .. } = self;
        registry.place(at);
        let settings = registry.settings();
        let (limit, drain) = (settings.max_message, settings.drain);
        let service = Arc::new(Service(Arc::clone(&registry)));
        let direct: Arc<dyn Direct> = Arc::clone(&service) as _;
        routes.add_service(
            ConnectionUnaryHandlerServer::from_arc(Arc::clone(&service)).max_decoding_message_size(limit),
        );
        routes.add_service(ConnectionHandlerServer::from_arc(service).max_decoding_message_size(limit));
        let memories = registry.shared().memories.clone();
        let late = Arc::downgrade(&registry);
        let calm = {
            let (registry, handover) = (Arc::clone(&registry), settings.handover);
            async move {
                // Asked again and again, because it happens too often to be
                // told of.
                let calm = async {
                    while registry.meter().events_in_flight() > 0 {
                        sleep(CALM_ASKED).await;
                    }
                };
                // What is under way then is waited for all the same.
                let _ = timeout(handover, calm).await;
            }
        };
        Running {
            name: "ExProto handler",
            direct: Some(direct),
            calm: Box::pin(calm),
            #[cfg(feature = "reflection")]
            descriptors: &[include_bytes!("pb/emqx_exproto_v1.bin")],
            stop: Box::new(move || registry.stop()),
            finish: Box::pin(async move {
                // Calls that are late hold the registry still.
                if let Some(registry) = late.upgrade() {
                    registry.desert();
                }
                // The connections end when their calls have. Who hangs is not
                // waited for until there is no time left to write.
                let _ = timeout(drain * 9 / 10, ended.recv()).await;
                if let Some(memories) = memories {
                    // It ends, or the whole runtime does.
                    let _ = tokio::task::spawn_blocking(move || memories.write()).await;
                }
            }),
            drain,
        }
    }
}

/// Reads the counters of a handler that is being served.
#[derive(Clone)]
pub struct StatsHandle {
    registry: Weak<Registry>,
}

impl std::fmt::Debug for StatsHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("StatsHandle").field(&self.read()).finish()
    }
}

impl StatsHandle {
    /// What has happened so far; `None` once the handler has ended.
    #[must_use]
    pub fn read(&self) -> Option<Stats> {
        self.registry.upgrade().map(|registry| registry.stats())
    }

    /// What is known of one kind of events; `None` once the handler has ended.
    #[must_use]
    pub fn events(&self, kind: EventKind) -> Option<EventStats> {
        self.registry.upgrade().map(|registry| registry.meter().events(kind))
    }

    /// What is known of one kind of calls to EMQX; `None` once the handler has
    /// ended.
    #[must_use]
    pub fn calls(&self, kind: CallKind) -> Option<CallStats> {
        self.registry.upgrade().map(|registry| registry.meter().calls(kind))
    }

    /// Appends everything in the OpenMetrics text format, without the final
    /// `# EOF`, so that other families can follow; `handler` becomes a label.
    /// Nothing once the handler has ended.
    pub fn write_open_metrics(&self, out: &mut String, handler: &str) {
        if let Some(registry) = self.registry.upgrade() {
            registry.write_open_metrics(out, handler);
        }
    }
}
