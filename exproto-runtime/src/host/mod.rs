//! Our own listeners in front of a broker.
//!
//! A [`Host`] takes connections of devices, runs a
//! [`Session`](crate::session::Session) for each and carries out what it wants
//! through a [`Broker`].
//!
//! | module | what it holds |
//! |---|---|
//! | `settings` | what a listener is told |
//! | `front` | listeners that are served alike: binding, running, the end |
//! | `listen` | one listener: taking connections, turning new ones away |
//! | `serve` | what is made of connections: sessions, or what another driver makes |
//! | `worker` | the threads that connections run on |
//! | `entry`, `proxy` | what a connection has to do before it is served; a load balancer's header |
//! | `connection` | one device: events in, actions out, deadlines, the end |
//! | `transport` | what a connection needs of its socket |
//! | `tls` | a transport: TLS over TCP |
//! | `buffers` | the buffers that connections of a thread share |
//! | `rate`, `throttle` | how fast a device may send, and what all keep together |
//! | `limits` | what of this a listener is told |
//! | `admission` | which new connections are turned away |
//! | `network` | networks: who may connect |
//! | `log` | the span of a connection, samples of what is odd |
//! | `reload` | new settings for later connections |
//! | `files` | the limit of open files |
//!
//! # Memory
//!
//! A connection is one task with the session inside, and a silent one owns no
//! buffer: about 2.8 kB each, logged in, with the inbox and the runtime's part
//! (measured by `tests/host_memory.rs`; the system's socket is not counted).
//! Bounds of a busy one are in `connection`.
//!
//! # Where further transports belong
//!
//! A connection knows its `Transport` alone: *wait for
//! readiness, try*. TLS is one more implementation, a sans-IO engine over the
//! stream, and its handshake is part of waiting for readability; a PROXY header
//! is read before the session is made, because it decides about
//! [`ConnInfo`](crate::session::ConnInfo); a UDP peer, and DTLS over it, is a
//! queue that the socket's receive loop fills, with the peer's address as its
//! listener-wide key. Each is one more constructor or setter of [`Listener`].
//! Limits that need more than one connection's view (rates of new connections,
//! networks) belong to taking connections, in `listen`; those of one
//! connection (rates of bytes and frames) to `connection`, as one more reason
//! not to read.
//!
//! **Architecture Invariant:** no lock, queue or counter is shared by all
//! devices on the way of a frame. **Architecture Invariant:** an idle
//! connection owns no buffer. **Architecture Invariant:** nothing here knows a
//! protocol.

pub(crate) mod admission;
pub(crate) mod buffers;
mod connection;
mod entry;
mod files;
pub(crate) mod front;
mod limits;
mod listen;
pub(crate) mod log;
mod network;
mod proxy;
mod publishing;
mod rate;
mod reload;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod throttle;
#[cfg(feature = "tls")]
mod tls;
#[cfg(all(test, feature = "tls"))]
#[path = "tls_tests.rs"]
mod tls_tests;
pub(crate) mod transport;
pub(crate) mod worker;

// What the tests of several modules here share with those outside.
#[cfg(test)]
#[path = "../../tests/line/mod.rs"]
mod line;
#[cfg(test)]
#[path = "../../tests/memory/mod.rs"]
mod memory;

use std::fmt;
use std::future::Future;
use std::io;
use std::marker::PhantomData;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

pub use files::OpenFiles;
pub use network::{Network, NetworkError};
pub use reload::Reload;
pub use settings::Listener;

use crate::broker::Broker;
use crate::metrics::Metrics;
use crate::session::{Gateway, UnknownProfile};
#[cfg(feature = "tls")]
use crate::tls::TlsError;
use front::Front;
use serve::Sessions;

/// Listeners for the devices of one gateway.
///
/// # Examples
///
/// ```no_run
/// use exproto_runtime::host::{Host, Listener};
/// # use exproto_runtime::{broker::Broker, session::Gateway};
///
/// # async fn serve<Message: Gateway, B: Broker>(broker: B) -> Result<(), Box<dyn std::error::Error>> {
/// let host = Host::<Message>::builder()
///     .listener(Listener::tcp(([127, 0, 0, 1], 7611)))
///     .bind(broker)?;
/// println!("listening on {:?}", host.addresses().collect::<Vec<_>>());
/// host.run(async {
///     // until the program is told to stop
/// })
/// .await?;
/// # Ok(()) }
/// ```
pub struct Host<G, B = ()> {
    front: Front<Sessions<G, B>>,
    workers: usize,
    drain: Duration,
}

/// Settings of a [`Host`].
pub struct HostBuilder<G> {
    listeners: Vec<Listener>,
    workers: usize,
    drain: Duration,
    gateway: PhantomData<fn() -> G>,
}

/// Why a host cannot run.
#[derive(Debug)]
#[non_exhaustive]
pub enum HostError {
    /// There is nothing to listen on.
    NoListener,
    /// A listener cannot have its address.
    Bind {
        /// The listener's name.
        listener: Box<str>,
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// A listener's certificate cannot be used.
    #[cfg(feature = "tls")]
    Tls {
        /// The listener's name.
        listener: Box<str>,
        /// What is wrong with it.
        source: TlsError,
    },
    /// A listener's sessions are told of a profile that the gateway does not
    /// have.
    Profile(UnknownProfile),
    /// The host has no listener of this name.
    NoSuchListener {
        /// The name.
        listener: Box<str>,
    },
    /// A worker or a listener cannot be started.
    Start(io::Error),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoListener => f.write_str("the host has no listener: add one with `HostBuilder::listener`"),
            Self::Bind { listener, address, source } => {
                write!(f, "listener `{listener}` cannot listen on {address}: {source}")
            }
            #[cfg(feature = "tls")]
            Self::Tls { listener, source } => write!(f, "listener `{listener}` has no TLS: {source}"),
            Self::Profile(source) => source.fmt(f),
            Self::NoSuchListener { listener } => write!(f, "the host has no listener `{listener}`"),
            Self::Start(source) => write!(f, "the host cannot start: {source}"),
        }
    }
}

impl std::error::Error for HostError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::NoListener | Self::NoSuchListener { .. } => None,
            #[cfg(feature = "tls")]
            Self::Tls { source, .. } => Some(source),
            Self::Profile(source) => Some(source),
            Self::Bind { source, .. } | Self::Start(source) => Some(source),
        }
    }
}

/// How a host ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stopped {
    /// Connections open when the host was told to stop.
    pub open: usize,
    /// Those of them that did not finish in time and were cut off.
    pub cut_off: usize,
}

impl<G: Gateway> Host<G> {
    /// Settings to begin with: no listener, a worker for each processor.
    #[must_use]
    pub fn builder() -> HostBuilder<G> {
        let workers = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        HostBuilder { listeners: Vec::new(), workers, drain: Duration::from_secs(10), gateway: PhantomData }
    }
}

impl<G: Gateway> HostBuilder<G> {
    /// Adds a listener.
    #[must_use]
    pub fn listener(mut self, listener: Listener) -> Self {
        self.listeners.push(listener);
        self
    }

    /// The number of threads that connections run on, each with a runtime of
    /// its own. With 0 they run on the runtime that calls [`Host::run`].
    #[must_use]
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How long connections may take to finish what is in flight when the host
    /// is told to stop.
    #[must_use]
    pub fn drain(mut self, time: Duration) -> Self {
        self.drain = time;
        self
    }

    /// Binds the listeners. Devices can connect from here on, and are dealt
    /// with when [`Host::run`] is called.
    ///
    /// # Errors
    ///
    /// No listener; an address that cannot be had.
    pub fn bind<B: Broker>(self, broker: B) -> Result<Host<G, B>, HostError> {
        for listener in &self.listeners {
            listener.session.check_profile::<G>().map_err(HostError::Profile)?;
        }
        let front = Front::bind(self.listeners, G::NAME, self.workers, Sessions::new(broker))?;
        Ok(Host { front, workers: self.workers, drain: self.drain })
    }
}

impl<G: Gateway, B: Broker> Host<G, B> {
    /// Name and address of each listener.
    pub fn addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.front.addresses()
    }

    /// The counters, which stay readable while the host runs and after.
    #[must_use]
    pub fn metrics(&self) -> Arc<Metrics> {
        Arc::clone(self.front.metrics())
    }

    /// What changes the settings of the listeners while the host runs.
    #[must_use]
    pub fn reload(&self) -> Reload<G> {
        Reload::new(&self.front.serve.newer, self.addresses().map(|(name, _)| name.into()).collect())
    }

    /// Serves devices until `shutdown` is ready; then takes no more
    /// connections, finishes what is in flight, and closes.
    ///
    /// Dropping the future ends everything at once.
    ///
    /// # Errors
    ///
    /// Threads or sockets that the system refuses.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<Stopped, HostError> {
        self.front.run(self.workers, self.drain, shutdown).await
    }
}

impl<G, B> fmt::Debug for Host<G, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("listeners", &self.front.listeners)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}

impl<G> fmt::Debug for HostBuilder<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostBuilder")
            .field("listeners", &self.listeners)
            .field("workers", &self.workers)
            .finish_non_exhaustive()
    }
}
