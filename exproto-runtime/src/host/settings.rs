//! What a listener is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::admission::Rules;
use super::network::Network;
use super::rate::Rates;
use crate::session::SessionSettings;
#[cfg(feature = "tls")]
use crate::tls::ServerTls;

/// A socket that devices connect to, and the limits of its connections.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use exproto_runtime::host::Listener;
///
/// let listener = Listener::tcp(([127, 0, 0, 1], 7611))
///     .name("trucks")
///     .max_connections(50_000)
///     .write_timeout(Duration::from_secs(10));
/// ```
#[derive(Clone, Debug)]
pub struct Listener {
    pub(super) name: Box<str>,
    pub(super) address: SocketAddr,
    pub(super) backlog: u32,
    pub(super) rules: Rules,
    pub(super) receive_buffer: Option<usize>,
    pub(super) send_buffer: Option<usize>,
    pub(crate) limits: Limits,
    pub(super) session: Arc<SessionSettings>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<ServerTls>,
    pub(super) balancers: Vec<Network>,
    pub(super) handshake_timeout: Duration,
    pub(super) handshakes: usize,
}

/// Limits of one connection.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// Bytes read at once.
    pub(crate) chunk: usize,
    /// Bytes a device has not taken yet above which nothing more is made for it.
    pub(crate) unsent: usize,
    /// How long a device may take none of them.
    pub(crate) write_timeout: Duration,
    /// Messages of the broker that wait for a device.
    pub(crate) inbox: usize,
    /// How fast a device may send.
    pub(crate) rates: Rates,
    /// Bytes that may be kept for one device.
    pub(crate) buffer: usize,
    /// Bytes that may be kept for all devices of the gateway.
    pub(crate) all_buffers: usize,
    /// How long what is in flight may take to finish at the end.
    pub(crate) drain: Duration,
    /// How long bytes still under way are waited for after the end.
    pub(crate) linger: Duration,
}

impl Listener {
    /// A TCP listener. Port 0 takes a free port, see
    /// [`Host::addresses`](super::Host::addresses).
    #[must_use]
    pub fn tcp(address: impl Into<SocketAddr>) -> Self {
        Self {
            name: "tcp".into(),
            address: address.into(),
            backlog: 1024,
            rules: Rules::default(),
            receive_buffer: None,
            send_buffer: None,
            limits: Limits {
                chunk: 4096,
                unsent: 16 * 1024,
                write_timeout: Duration::from_secs(30),
                inbox: 64,
                rates: Rates::default(),
                buffer: usize::MAX,
                all_buffers: 256 << 20,
                drain: Duration::from_secs(5),
                linger: Duration::from_secs(1),
            },
            session: Arc::default(),
            #[cfg(feature = "tls")]
            tls: None,
            balancers: Vec::new(),
            handshake_timeout: Duration::from_secs(10),
            handshakes: 1024,
        }
    }

    /// A listener for TLS over TCP, with this certificate. Port 0 takes a free
    /// port.
    ///
    /// ```
    /// use exproto_runtime::host::Listener;
    /// use exproto_runtime::tls::ServerTls;
    ///
    /// let files = ServerTls::new("tls/server.crt", "tls/server.key").require_client("tls/fleet-ca.crt");
    /// let listener = Listener::tls(([0, 0, 0, 0], 8443), files).handshakes(200);
    /// ```
    ///
    /// What certificate the device has shown is in
    /// [`ConnInfo`](crate::session::ConnInfo) and in `{certificate.name}` and the like
    /// of templates. The files are looked at every ten seconds, and those that
    /// have changed are read again.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(address: impl Into<SocketAddr>, files: ServerTls) -> Self {
        Self { name: "tls".into(), tls: Some(files), ..Self::tcp(address) }
    }

    /// Takes connections from load balancers of this network, and of others that
    /// are named so, and from nobody else. Each begins with a PROXY header of
    /// version 1 or 2, before TLS if there is TLS, and the device has the
    /// address that it says: for routes, logs and limits. Default: none, and
    /// connections come from the devices themselves.
    ///
    /// ```
    /// use exproto_runtime::host::Listener;
    ///
    /// let listener = Listener::tcp(([0, 0, 0, 0], 7611)).balanced("10.0.0.0/24".parse()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn balanced(mut self, network: Network) -> Self {
        self.balancers.push(network);
        self
    }

    /// The time that a connection has for the PROXY header and the TLS handshake,
    /// where there are such; then it is closed, and counted as
    /// `handshake_timeout`. Default: 10 s.
    #[must_use]
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// The most connections that are at their PROXY header or TLS handshake at once. A new one
    /// above it is closed at once, and counted; those that are served do not
    /// count, and stay. Default: 1024, which keep 32 MiB at the very most.
    #[must_use]
    pub fn handshakes(mut self, most: usize) -> Self {
        self.handshakes = most;
        self
    }

    /// The name that routes, logs and counters know the listener by.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.name = name.into();
        self
    }

    /// Connections the system keeps ready for us to take.
    #[must_use]
    pub fn backlog(mut self, backlog: u32) -> Self {
        self.backlog = backlog;
        self
    }

    /// The most connections at once. A new one above it is closed at once and
    /// counted, see [`Shed::Connections`](crate::metrics::Shed); those that are
    /// open stay. Default: what the limit of open files leaves room for, which
    /// no other value exceeds.
    #[must_use]
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.rules.connections = connections;
        self
    }

    /// Bytes read from a device at once, which is also what is kept of a
    /// device's bytes while one of its frames waits for the broker.
    #[must_use]
    pub fn chunk(mut self, bytes: usize) -> Self {
        self.limits.chunk = bytes.max(64);
        self
    }

    /// Bytes a device has not taken yet above which its socket is not read and
    /// messages for it wait.
    #[must_use]
    pub fn unsent(mut self, bytes: usize) -> Self {
        self.limits.unsent = bytes;
        self
    }

    /// How long a device may take nothing of what was sent to it before it is
    /// disconnected.
    #[must_use]
    pub fn write_timeout(mut self, timeout: Duration) -> Self {
        self.limits.write_timeout = timeout;
        self
    }

    /// Messages of the broker that may wait for a device; further ones are
    /// dropped and counted.
    #[must_use]
    pub fn inbox(mut self, messages: usize) -> Self {
        self.limits.inbox = messages;
        self
    }

    /// How long what is in flight may take to finish when a connection ends by
    /// our doing.
    #[must_use]
    pub fn drain(mut self, time: Duration) -> Self {
        self.limits.drain = time;
        self
    }

    /// How long bytes still under way are waited for after the end, so that
    /// the last reply is not lost.
    #[must_use]
    pub fn linger(mut self, time: Duration) -> Self {
        self.limits.linger = time;
        self
    }

    /// The size of the system's receive buffer per connection. The system's
    /// default grows by itself, up to megabytes for a device that sends faster
    /// than the broker takes.
    #[must_use]
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.receive_buffer = Some(bytes);
        self
    }

    /// The size of the system's send buffer per connection.
    #[must_use]
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.send_buffer = Some(bytes);
        self
    }

    /// Time limits, tolerance of bad input and the like, see
    /// [`SessionSettings`].
    #[must_use]
    pub fn session(mut self, settings: impl Into<Arc<SessionSettings>>) -> Self {
        self.session = settings.into();
        self
    }
}
