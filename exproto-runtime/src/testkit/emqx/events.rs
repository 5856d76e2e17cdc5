//! How events come to the handler.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tonic::codegen::tokio_stream::{self, wrappers::ReceiverStream};
use tonic::transport::Channel;
use tonic::{Response, Status};

use super::{Inner, Service};
use crate::exproto::pb::connection_handler_client::ConnectionHandlerClient;
use crate::exproto::pb::connection_unary_handler_client::ConnectionUnaryHandlerClient;
use crate::exproto::pb::{
    ConnInfo, EmptySuccess, Message, ReceivedBytesRequest, ReceivedMessagesRequest, SocketClosedRequest,
    SocketCreatedRequest, TimerTimeoutRequest, TimerType,
};

/// An event to be told.
#[derive(Debug)]
pub(super) enum Event {
    Created(ConnInfo),
    Bytes(Vec<u8>),
    Messages(Vec<Message>),
    TimedOut,
    Closed(&'static str),
}

pub(super) fn message(from: &str, topic: &str, qos: u32, payload: &[u8]) -> Message {
    Message {
        node: "emqx@127.0.0.1".into(),
        id: "0006442A1B0C2D3E4F50010203040506".into(),
        qos,
        from: from.into(),
        topic: topic.into(),
        payload: payload.to_vec().into(),
        timestamp: 1_700_000_000_000,
    }
}

/// The way to a handler.
#[derive(Clone)]
pub(super) struct Handler {
    pub(super) channels: [Channel; 2],
    pub(super) service: Service,
}

type Told = (Event, Option<oneshot::Sender<bool>>);

/// The events of one connection, told one after the other.
pub(super) struct Queue(mpsc::UnboundedSender<Told>);

impl Queue {
    pub(super) fn start(inner: Arc<Inner>, conn: String) -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        tokio::spawn(tell_all(inner, conn, events));
        Self(sender)
    }

    pub(super) fn push(&self, event: Event, answer: Option<oneshot::Sender<bool>>) {
        // The connection may have ended.
        let _ = self.0.send((event, answer));
    }
}

async fn tell_all(inner: Arc<Inner>, conn: String, mut events: mpsc::UnboundedReceiver<Told>) {
    let mut own = Streams::default();
    let mut count = 0;
    while let Some((event, answer)) = events.recv().await {
        let Some(handler) = inner.state().handler.clone() else { continue };
        let last = matches!(event, Event::Closed(_));
        // EMQX takes any of its connections for an event.
        let channel = handler.channels[count % 2].clone();
        count += 1;
        let result = match handler.service {
            Service::Unary => unary(channel, conn.clone(), event).await,
            Service::OneMessageStreams => one_message(channel, conn.clone(), event).await,
            Service::Streams => {
                // EMQX keeps a device to one connection then.
                let channel = handler.channels[conn.len() % 2].clone();
                own.send(&inner, channel, conn.clone(), event).await
            }
            Service::SharedStreams => {
                let shared = Arc::clone(&inner.state().shared);
                let channel = handler.channels[0].clone();
                shared.lock().await.send(&inner, channel, conn.clone(), event).await
            }
        };
        if let Err(status) = &result {
            inner.change(|state| state.errors.push(format!("the handler answered an event with {status}")));
        }
        if last && matches!(handler.service, Service::Unary | Service::OneMessageStreams) {
            inner.change(|state| {
                // While the end was being told the connection still answered.
                if let Some(known) = state.conns.get_mut(&conn) {
                    known.gone = true;
                }
            });
        }
        if let Some(answer) = answer {
            // The test may not wait for it.
            let _ = answer.send(result.is_ok());
        }
    }
    // EMQX leaves the streams of a connection open for ever.
    inner.state().left_open.push(own);
}

fn bytes_request(conn: String, bytes: Vec<u8>) -> ReceivedBytesRequest {
    ReceivedBytesRequest { conn, bytes: bytes.into() }
}

fn timeout_request(conn: String) -> TimerTimeoutRequest {
    TimerTimeoutRequest { conn, r#type: TimerType::Keepalive as i32 }
}

fn closed_request(conn: String, reason: &str) -> SocketClosedRequest {
    SocketClosedRequest { conn, reason: reason.into() }
}

async fn unary(channel: Channel, conn: String, event: Event) -> Result<(), Status> {
    let mut client = ConnectionUnaryHandlerClient::new(channel);
    let answer: Result<Response<EmptySuccess>, Status> = match event {
        Event::Created(info) => {
            client.on_socket_created(SocketCreatedRequest { conn, conninfo: Some(info) }).await
        }
        Event::Bytes(bytes) => client.on_received_bytes(bytes_request(conn, bytes)).await,
        Event::Messages(messages) => {
            client.on_received_messages(ReceivedMessagesRequest { conn, messages }).await
        }
        Event::TimedOut => client.on_timer_timeout(timeout_request(conn)).await,
        Event::Closed(reason) => client.on_socket_closed(closed_request(conn, reason)).await,
    };
    answer.map(drop)
}

async fn one_message(channel: Channel, conn: String, event: Event) -> Result<(), Status> {
    use tokio_stream::once;
    let mut client = ConnectionHandlerClient::new(channel);
    let answer: Result<Response<EmptySuccess>, Status> = match event {
        Event::Created(info) => {
            client.on_socket_created(once(SocketCreatedRequest { conn, conninfo: Some(info) })).await
        }
        Event::Bytes(bytes) => client.on_received_bytes(once(bytes_request(conn, bytes))).await,
        Event::Messages(messages) => {
            client.on_received_messages(once(ReceivedMessagesRequest { conn, messages })).await
        }
        Event::TimedOut => client.on_timer_timeout(once(timeout_request(conn))).await,
        Event::Closed(reason) => client.on_socket_closed(once(closed_request(conn, reason))).await,
    };
    answer.map(drop)
}

/// A stream for each method.
#[derive(Default)]
pub(super) struct Streams {
    created: Option<mpsc::Sender<SocketCreatedRequest>>,
    bytes: Option<mpsc::Sender<ReceivedBytesRequest>>,
    messages: Option<mpsc::Sender<ReceivedMessagesRequest>>,
    timeouts: Option<mpsc::Sender<TimerTimeoutRequest>>,
    closed: Option<mpsc::Sender<SocketClosedRequest>>,
}

macro_rules! send {
    ($inner:expr, $channel:expr, $stream:expr, $method:ident, $request:expr) => {{
        if $stream.is_none() {
            let (sender, requests) = mpsc::channel(64);
            let mut client = ConnectionHandlerClient::new($channel);
            let inner = Arc::clone($inner);
            inner.change(|state| state.streams += 1);
            tokio::spawn(async move {
                let ended = client.$method(ReceiverStream::new(requests)).await;
                inner.change(|state| {
                    state.streams -= 1;
                    if let Err(status) = ended {
                        state.errors.push(format!("the handler ended a stream with {status}"));
                    }
                });
            });
            $stream = Some(sender);
        }
        if let Some(sender) = &$stream
            && sender.send($request).await.is_err()
        {
            // The handler has ended the stream: the event is lost.
            $stream = None;
        }
    }};
}

impl Streams {
    async fn send(
        &mut self,
        inner: &Arc<Inner>,
        channel: Channel,
        conn: String,
        event: Event,
    ) -> Result<(), Status> {
        match event {
            Event::Created(info) => {
                let request = SocketCreatedRequest { conn, conninfo: Some(info) };
                send!(inner, channel, self.created, on_socket_created, request);
            }
            Event::Bytes(bytes) => {
                send!(inner, channel, self.bytes, on_received_bytes, bytes_request(conn, bytes));
            }
            Event::Messages(messages) => {
                let request = ReceivedMessagesRequest { conn, messages };
                send!(inner, channel, self.messages, on_received_messages, request);
            }
            Event::TimedOut => {
                send!(inner, channel, self.timeouts, on_timer_timeout, timeout_request(conn));
            }
            Event::Closed(reason) => {
                send!(inner, channel, self.closed, on_socket_closed, closed_request(conn, reason));
            }
        }
        Ok(())
    }
}
