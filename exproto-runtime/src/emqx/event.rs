//! What a handler is told of a connection.

use bytes::{Bytes, BytesMut};

use crate::exproto::pb::{
    Address, CertificateInfo, ConnInfo as PbInfo, Message, ReceivedBytesRequest, ReceivedMessagesRequest,
    SocketClosedRequest, SocketCreatedRequest, SocketType, TimerTimeoutRequest, TimerType,
};
use crate::session::{ConnInfo, Transport};

/// What has happened to a connection.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Event {
    /// A device has connected.
    Created(Box<PbInfo>),
    /// It has sent bytes.
    Bytes(Bytes),
    /// Messages have come for it.
    Messages(Vec<Message>),
    /// It was silent for too long.
    TimedOut,
    /// It is gone, and why.
    Closed(Box<str>),
}

impl Event {
    /// The method's name as EMQX writes it in the reason of an end.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Created(_) => "on_socket_created",
            Self::Bytes(_) => "on_received_bytes",
            Self::Messages(_) => "on_received_messages",
            Self::TimedOut => "on_timer_timeout",
            Self::Closed(_) => "on_socket_closed",
        }
    }
}

/// A request of each method.
pub(super) enum Request {
    Created(SocketCreatedRequest),
    Bytes(ReceivedBytesRequest),
    Messages(ReceivedMessagesRequest),
    TimedOut(TimerTimeoutRequest),
    Closed(SocketClosedRequest),
}

impl Event {
    pub(super) fn request(&self, conn: &str) -> Request {
        let conn = conn.to_owned();
        match self {
            Self::Created(info) => {
                Request::Created(SocketCreatedRequest { conn, conninfo: Some((**info).clone()) })
            }
            Self::Bytes(bytes) => Request::Bytes(ReceivedBytesRequest { conn, bytes: bytes.clone() }),
            Self::Messages(messages) => {
                Request::Messages(ReceivedMessagesRequest { conn, messages: messages.clone() })
            }
            Self::TimedOut => {
                Request::TimedOut(TimerTimeoutRequest { conn, r#type: TimerType::Keepalive as i32 })
            }
            Self::Closed(reason) => {
                Request::Closed(SocketClosedRequest { conn, reason: reason.clone().into_string() })
            }
        }
    }
}

/// What a handler gets to know of a socket.
pub(super) fn info(at: &ConnInfo) -> Box<PbInfo> {
    let address = |address: std::net::SocketAddr| {
        Some(Address { host: address.ip().to_canonical().to_string(), port: address.port().into() })
    };
    let socktype = match at.transport {
        Transport::Tcp => SocketType::Tcp,
        Transport::Tls => SocketType::Ssl,
        Transport::Udp => SocketType::Udp,
        Transport::Dtls => SocketType::Dtls,
    };
    Box::new(PbInfo {
        socktype: socktype as i32,
        peername: address(at.peer),
        sockname: address(at.local),
        peercert: at
            .certificate
            .as_ref()
            .map(|shown| CertificateInfo { cn: shown.name.to_string(), dn: shown.subject.to_string() }),
    })
}

/// An event that waits for its turn.
#[derive(Debug)]
pub(super) enum Waiting {
    Created(Box<PbInfo>),
    Bytes(BytesMut),
    Messages(Vec<Message>),
    TimedOut,
    Closed(Box<str>),
}

impl Waiting {
    pub(super) fn event(self) -> Event {
        match self {
            Self::Created(info) => Event::Created(info),
            Self::Bytes(bytes) => Event::Bytes(bytes.freeze()),
            Self::Messages(messages) => Event::Messages(messages),
            Self::TimedOut => Event::TimedOut,
            Self::Closed(reason) => Event::Closed(reason),
        }
    }
}
