//! What EMQX tells of a connection.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::meter::{EventKind, Meter, Timed};
use super::pb;
use crate::grpc::Answer;
use crate::session::{ConnInfo, PeerCertificate, Transport};

/// An event on its way to its connection.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) what: What,
    /// Dropped when the event is done.
    pub(super) done: Finish,
    /// Whether it comes from a stream, so that events of other streams may
    /// have overtaken it.
    pub(super) streamed: bool,
}

impl Job {
    /// An event, and what tells that it is done.
    pub(super) fn new(what: What, streamed: bool, meter: &Arc<Meter>) -> (Self, oneshot::Receiver<()>) {
        let (sender, end) = oneshot::channel();
        (Self::with(what, Told::Waiting { _end: sender }, streamed, meter), end)
    }

    /// An event that is answered when it is done.
    pub(super) fn answered(what: What, answer: Answer, meter: &Arc<Meter>) -> Self {
        Self::with(what, Told::Caller { _answer: answer }, false, meter)
    }

    fn with(what: What, told: Told, streamed: bool, meter: &Arc<Meter>) -> Self {
        let timed = what.kind().map(|kind| Timed::new(meter, kind));
        Self { what, done: Finish { timed, _told: told }, streamed }
    }
}

/// Tells and measures that an event is done, by its end.
#[derive(Debug)]
pub(super) struct Finish {
    // Measured before the answer is out.
    timed: Option<Timed>,
    _told: Told,
}

/// Who learns that an event is done, when this is dropped.
#[derive(Debug)]
enum Told {
    /// Something of ours that waits.
    Waiting { _end: oneshot::Sender<()> },
    /// EMQX.
    Caller { _answer: Answer },
}

impl Finish {
    /// The event's turn has come.
    pub(super) fn begun(&mut self) {
        if let Some(timed) = &mut self.timed {
            timed.taken();
        }
    }
}

/// What has happened to a connection.
#[derive(Debug)]
pub(super) enum What {
    /// Boxed, because a mailbox has room for many events and is mostly empty.
    Created(Option<Box<pb::ConnInfo>>),
    Bytes(Bytes),
    Messages(Vec<pb::Message>),
    TimedOut,
    Closed(String),
    /// Not of EMQX: the device has logged in on another connection.
    Doubted,
}

impl What {
    /// None if EMQX has not told it.
    pub(super) fn kind(&self) -> Option<EventKind> {
        Some(match self {
            Self::Created(_) => EventKind::Created,
            Self::Bytes(_) => EventKind::Bytes,
            Self::Messages(_) => EventKind::Messages,
            Self::TimedOut => EventKind::TimedOut,
            Self::Closed(_) => EventKind::Closed,
            Self::Doubted => return None,
        })
    }
}

/// The facts about a connection.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) conn: ConnInfo,
    /// EMQX ends it soon if no timer is started.
    pub(super) udp: bool,
    pub(super) certificate: Option<pb::CertificateInfo>,
}

impl Facts {
    pub(super) fn new(info: pb::ConnInfo) -> Self {
        let kind = match info.socktype() {
            pb::SocketType::Tcp => "tcp",
            pb::SocketType::Ssl => "ssl",
            pb::SocketType::Udp => "udp",
            pb::SocketType::Dtls => "dtls",
        };
        let udp = info.socktype() == pb::SocketType::Udp;
        let local = address(info.sockname.as_ref());
        let listener = format!("{kind}:{}", local.port()).into();
        let transport = match info.socktype() {
            pb::SocketType::Tcp => Transport::Tcp,
            // EMQX says the same of DTLS, whose records are read as a stream then.
            pb::SocketType::Ssl => Transport::Tls,
            pb::SocketType::Udp => Transport::Udp,
            pb::SocketType::Dtls => Transport::Dtls,
        };
        let certificate =
            info.peercert.as_ref().map(|shown| Arc::new(PeerCertificate::new(&shown.cn, &shown.dn)));
        let peer = address(info.peername.as_ref());
        let conn = ConnInfo { peer, local, listener, transport, certificate };
        Self { conn, udp, certificate: info.peercert }
    }
}

fn address(address: Option<&pb::Address>) -> SocketAddr {
    let none = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let (host, port) = address.map_or((none, 0), |a| (a.host.parse().unwrap_or(none), a.port));
    SocketAddr::new(host, u16::try_from(port).unwrap_or(0))
}
