//! What can be set about a stand-in for EMQX.

use std::time::Duration;

use super::Codes;

/// Which of its two services a handler is called by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Service {
    /// `ConnectionUnaryHandler`: a call for each event.
    #[default]
    Unary,
    /// `ConnectionHandler`: a stream of one message for each event, which ends
    /// with it and is answered before the next, as from EMQX Enterprise 4.2. So
    /// events keep their order, which they do not in the streams of EMQX 4.3
    /// and later.
    Streaming,
}

/// How a [`StandIn`](super::StandIn) behaves.
///
/// ```
/// use exproto_runtime::emqx::{Codes, StandInSettings};
///
/// let mut settings = StandInSettings::new("http://127.0.0.1:9001");
/// settings.mountpoint = "site-7/${clientid}/".into();
/// settings.codes = Codes::Emqx5;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct StandInSettings {
    /// Where the handler serves: `http://HOST:PORT`, or `https://` with
    /// `handler_tls`.
    pub handler: String,
    /// The authority that has signed the handler's certificate, and ours for
    /// it.
    #[cfg(feature = "tls")]
    pub handler_tls: Option<crate::tls::ClientTls>,
    /// The service of the handler that is called. Default: unary.
    pub service: Service,
    /// Connections to the handler; events of a device keep to one. Default: 2.
    pub channels: usize,
    /// The result codes of calls. Default: as documented.
    pub codes: Codes,
    /// A prefix of all topics and filters of a device, with `${clientid}`,
    /// `${username}` and `${peerhost}`; `OnReceivedMessages` has the topics
    /// without it, `RawPublish` does not get it. Default: none.
    pub mountpoint: String,
    /// The name in the beginning of every `conn` and in messages, where a
    /// handler with several nodes looks for the adapter; cut after 200 bytes.
    /// Default: `exproto@127.0.0.1`.
    pub node: String,
    /// How long a device may take to its first byte, and a peer of a datagram
    /// socket from its last datagram on, unless the handler starts a timer.
    /// Zero: for ever. Default: 30 s.
    pub idle_timeout: Duration,
    /// How long the handler may take to answer an event; then the device is
    /// disconnected. Default: 60 s.
    pub event_timeout: Duration,
    /// How long an event waits while the handler cannot be reached; then the
    /// device is disconnected. Its socket is not read meanwhile. Default: 30 s.
    pub patience: Duration,
    /// How long a call of the handler may take, because the broker is slow or
    /// the device does not read. Default: 30 s.
    pub call_timeout: Duration,
    /// Bytes of a device, received or in messages, that may wait for the
    /// handler; then its socket is not read. One read and one message may lie
    /// above it. Default: 64 KiB.
    pub held_bytes: usize,
    /// Messages that may wait, which is how many an event has at most. Default:
    /// 100.
    pub batch: usize,
    /// Calls of the handler for one connection that may wait for their turn.
    /// Further ones wait for these. Default: 32.
    pub calls: usize,
    /// The largest message that the handler may send. Default: 64 MiB.
    pub max_message: usize,
}

impl StandInSettings {
    /// The defaults, for a handler at `http://HOST:PORT`.
    pub fn new(handler: impl Into<String>) -> Self {
        Self {
            handler: handler.into(),
            #[cfg(feature = "tls")]
            handler_tls: None,
            service: Service::default(),
            channels: 2,
            codes: Codes::default(),
            mountpoint: String::new(),
            node: "exproto@127.0.0.1".into(),
            idle_timeout: Duration::from_secs(30),
            event_timeout: Duration::from_secs(60),
            patience: Duration::from_secs(30),
            call_timeout: Duration::from_secs(30),
            held_bytes: 64 * 1024,
            batch: 100,
            calls: 32,
            max_message: 64 << 20,
        }
    }
}
