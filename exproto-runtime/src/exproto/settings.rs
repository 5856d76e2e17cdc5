//! What can be set about the handler.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::session::SessionSettings;

/// What happens to events of a connection whose beginning was not seen: after
/// a restart of this program EMQX goes on with the connections it has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnknownConnection {
    /// The connection is closed, so that the device connects and logs in anew.
    #[default]
    Close,
    /// The connection is taken over in the middle of its stream, with an
    /// unknown address and not logged in. For protocols whose devices identify
    /// themselves in each message.
    Adopt,
    /// The connection goes on as it was: with its address, logged in and with
    /// its next serial number, as the handler before has left it in the file
    /// [`memory`](ExProtoSettings::memory). The state of the gateway's own is a
    /// fresh one, and the frame that was under way is lost. A connection that
    /// is not in the file is closed.
    Resume,
}

/// How the handler behaves.
///
/// # Examples
///
/// ```
/// use exproto_runtime::exproto::{ExProtoSettings, UnknownConnection};
///
/// let mut settings = ExProtoSettings::new("http://127.0.0.1:9100");
/// settings.unknown = UnknownConnection::Adopt;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExProtoSettings {
    /// Where EMQX serves its `ConnectionAdapter`: `http://HOST:PORT`, or
    /// `https://` with [`adapter_tls`](Self::adapter_tls).
    pub adapter: String,
    /// The adapters of further nodes of a cluster: the node's name, such as
    /// `emqx@10.0.0.5`, or `""` if it is known by the host of the address, and
    /// the address of its adapter. A call goes to the node
    /// that has the connection, as far as EMQX's name for the connection
    /// tells; otherwise, and while that one cannot be reached, to any other,
    /// which EMQX 5 and later pass on. See [`node`](Self::node).
    pub nodes: Vec<(String, String)>,
    /// Certificates for adapters with an `https` address. EMQX 4 serves its
    /// adapter with TLS; 5 and 6 have the setting and do not use it, so a proxy
    /// must.
    #[cfg(feature = "tls")]
    pub adapter_tls: Option<crate::tls::ClientTls>,
    /// How the sessions behave.
    pub session: Arc<SessionSettings>,
    /// The protocol version that EMQX shows for the devices. Default: `1`.
    pub proto_ver: String,
    /// The silence after which EMQX itself closes a connection, in whole
    /// seconds. `None`, the default: for UDP the session's idle time, because
    /// without a timer EMQX ends every UDP connection half a minute after its
    /// first datagram; for the others none, because the session watches them.
    pub keepalive: Option<Duration>,
    /// Events of connections whose beginning was not seen. Default: close.
    pub unknown: UnknownConnection,
    /// The file in which a handler that ends leaves what is needed to
    /// [resume](UnknownConnection::Resume) its connections. Nothing is written
    /// by a handler that does not end in order, and with another setting of
    /// [`unknown`](Self::unknown) it is neither read nor written. Default: none.
    pub memory: Option<PathBuf>,
    /// Calls to EMQX under way at once, of all connections together; further
    /// ones wait, and with them the answers to EMQX. Default: 1024.
    pub max_calls: usize,
    /// Publishes of one connection under way at once. With the default, 1, one
    /// call of a connection follows the other, in order.
    ///
    /// With more, what is published because of one event goes out together, which
    /// is much faster where devices send many frames at once. EMQX gives no order
    /// to calls that are under way together, so a device's messages may overtake
    /// each other. All other calls wait for the publishes before them, so a device
    /// is told of nothing that EMQX has not taken over: if a publish fails whose
    /// frame was to be answered, the connection is closed without the answer. Of
    /// declared gateways; [`Callbacks`](super::Callbacks) see each result.
    pub concurrent_publishes: usize,
    /// How long a call is tried again while no connection to EMQX can be made;
    /// then it fails. Default: 30 s.
    pub adapter_patience: Duration,
    /// How long a callback of [`Callbacks`](super::Callbacks) may take; one that
    /// takes longer is given up and its connection closed. Zero: for ever.
    /// Default: 60 s.
    pub callback_timeout: Duration,
    /// Connections at the same time; a further one is closed. Default:
    /// 1,000,000.
    pub max_connections: usize,
    /// Events of one connection that wait; the streaming service then reads
    /// no further from the stream. With the unary service there is one at
    /// most. Default: 32.
    pub mailbox: usize,
    /// Bytes of a connection kept while its beginning is not seen yet, which
    /// happens with the streaming service; more close it. Default: 64 KiB.
    pub early_bytes: usize,
    /// How long the beginning of a connection may come after its first bytes;
    /// then it counts as unknown. Streaming service only. Default: 1 s.
    pub created_wait: Duration,
    /// How long after the end of a connection, or after the last event that
    /// came behind it, further events are waited for. EMQX collects messages
    /// of a stream for 20 ms. Streaming service only. Default: 100 ms.
    pub quiet: Duration,
    /// How long a stream whose only connection has ended is left open for
    /// another one; ended too early it loses an event with EMQX before 5.1,
    /// never ended it is a leak with EMQX 5.1 and later. Default: 2 s.
    pub stream_linger: Duration,
    /// The time without an event after which EMQX is asked whether it still
    /// has a connection: it does not report the end of each. Zero: never, and
    /// what is left of such connections stays. Default: 10 min.
    pub probe: Duration,
    /// The largest message that EMQX may send. Default: 64 MiB.
    pub max_message: usize,
    /// How long a shutdown waits for a moment in which no event is under way,
    /// before EMQX is told to go: then EMQX closes a device of which more than
    /// the event under way has come. Default: 1 s.
    pub handover: Duration,
    /// How long a shutdown waits for calls in flight. Default: 30 s.
    pub drain: Duration,
}

impl ExProtoSettings {
    /// The defaults, for an EMQX whose adapter is at `http://HOST:PORT`.
    pub fn new(adapter: impl Into<String>) -> Self {
        Self {
            adapter: adapter.into(),
            nodes: Vec::new(),
            #[cfg(feature = "tls")]
            adapter_tls: None,
            session: Arc::new(SessionSettings::default()),
            proto_ver: "1".to_owned(),
            keepalive: None,
            unknown: UnknownConnection::Close,
            memory: None,
            max_calls: 1024,
            concurrent_publishes: 1,
            adapter_patience: Duration::from_secs(30),
            callback_timeout: Duration::from_secs(60),
            max_connections: 1_000_000,
            mailbox: 32,
            early_bytes: 64 << 10,
            created_wait: Duration::from_secs(1),
            quiet: Duration::from_millis(100),
            stream_linger: Duration::from_secs(2),
            probe: Duration::from_secs(600),
            max_message: 64 << 20,
            handover: Duration::from_secs(1),
            drain: Duration::from_secs(30),
        }
    }

    /// Adds a node of a cluster, by its name and the address of its adapter.
    ///
    /// ```
    /// use exproto_runtime::exproto::ExProtoSettings;
    ///
    /// let settings = ExProtoSettings::new("http://10.0.0.4:9100")
    ///     .node("emqx@10.0.0.5", "http://10.0.0.5:9100")
    ///     .node("emqx@10.0.0.6", "http://10.0.0.6:9100");
    /// assert_eq!(settings.nodes.len(), 2);
    /// ```
    #[must_use]
    pub fn node(mut self, name: impl Into<String>, adapter: impl Into<String>) -> Self {
        self.nodes.push((name.into(), adapter.into()));
        self
    }

    /// Seconds for EMQX's timer, if it is to be started.
    pub(super) fn timer(&self, udp: bool, idle: Duration) -> Option<u32> {
        /// For sessions that are never idle.
        const LONG: Duration = Duration::from_secs(24 * 3600);
        /// EMQX refuses more.
        const MOST: u64 = 65_535_000;
        let time = match self.keepalive {
            Some(time) => time,
            None if !udp => return None,
            None if idle.is_zero() => LONG,
            None => idle,
        };
        let seconds = time.as_secs().clamp(1, MOST);
        u32::try_from(seconds).ok()
    }
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    message: String,
}

impl SettingsError {
    pub(super) fn adapter(given: &str, why: &str) -> Self {
        Self { message: format!("`{given}` is no address of EMQX's ExProto adapter: {why}") }
    }
}

impl SettingsError {
    pub(super) fn memory() -> Self {
        let message = "connections can be resumed only with a file for them: set `memory`";
        Self { message: message.to_owned() }
    }
}

impl From<crate::session::UnknownProfile> for SettingsError {
    fn from(unknown: crate::session::UnknownProfile) -> Self {
        Self { message: unknown.to_string() }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SettingsError {}
