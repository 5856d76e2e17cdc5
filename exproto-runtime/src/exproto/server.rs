//! The two gRPC services that EMQX calls.
//!
//! No fault of a device, of the user's functions or of EMQX's adapter is ever
//! answered with a gRPC error: EMQX would close the device without a word in
//! its log that helps.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::sleep;
use tonic::{Request, Response, Status, Streaming};

use super::event::{Job, What};
use super::pb::connection_handler_server::ConnectionHandler;
use super::pb::connection_unary_handler_server::ConnectionUnaryHandler;
use super::pb::{
    EmptySuccess, ReceivedBytesRequest, ReceivedMessagesRequest, SocketClosedRequest, SocketCreatedRequest,
    TimerTimeoutRequest,
};
use super::registry::{Registry, Route};
use crate::grpc::{Answer, Direct, Refused};

/// Both services.
pub(super) struct Service(pub(super) Arc<Registry>);

type Done = Result<Response<EmptySuccess>, Status>;

const OK: EmptySuccess = EmptySuccess {};

impl Service {
    async fn unary(&self, request: Request<impl EventRequest>) -> Done {
        let (conn, what) = request.into_inner().split();
        self.0.handle(conn, what).await;
        Ok(Response::new(OK))
    }

    async fn streaming<R: EventRequest>(&self, request: Request<Streaming<R>>) -> Done {
        let mut stream = request.into_inner();
        let Ok(Some(first)) = stream.message().await else { return Ok(Response::new(OK)) };
        let (conn, what) = first.split();
        // Enterprise 4.2 calls these methods as unary ones: one message, and
        // the end of the stream with it. Then nothing overtakes anything.
        let second = match now(stream.message()).await {
            Some(Ok(None)) => {
                self.0.handle(conn, what).await;
                return Ok(Response::new(OK));
            }
            Some(Ok(second)) => second,
            // The stream has broken; the next poll says so again.
            Some(Err(_)) | None => None,
        };
        let mut pump = Pump { registry: &self.0, owner: None, last: None };
        pump.event(conn, what).await;
        if let Some(second) = second {
            let (conn, what) = second.split();
            pump.event(conn, what).await;
        }
        pump.run(stream).await;
        Ok(Response::new(OK))
    }
}

/// The paths that begin with the service's name.
const UNARY: &str = "/emqx.exproto.v1.ConnectionUnaryHandler/";

/// What is called for each frame.
impl Direct for Service {
    fn method(&self, path: &str) -> Option<usize> {
        let name = path.strip_prefix(UNARY)?;
        METHODS.iter().position(|(method, _)| *method == name)
    }

    fn limit(&self) -> usize {
        self.0.settings().max_message
    }

    fn call(&self, method: usize, message: Bytes, answer: Answer) -> Result<(), Refused> {
        let Some((_, read)) = METHODS.get(method) else {
            return Err(Refused(answer, "no such method".to_owned()));
        };
        match read(message) {
            Ok((conn, what)) => {
                self.0.accept(conn, what, answer);
                Ok(())
            }
            Err(error) => Err(Refused(answer, error.to_string())),
        }
    }
}

type Read = fn(Bytes) -> Result<(String, What), prost::DecodeError>;

const METHODS: [(&str, Read); 5] = [
    ("OnReceivedBytes", read::<ReceivedBytesRequest>),
    ("OnReceivedMessages", read::<ReceivedMessagesRequest>),
    ("OnSocketCreated", read::<SocketCreatedRequest>),
    ("OnSocketClosed", read::<SocketClosedRequest>),
    ("OnTimerTimeout", read::<TimerTimeoutRequest>),
];

fn read<R: EventRequest + prost::Message + Default>(
    message: Bytes,
) -> Result<(String, What), prost::DecodeError> {
    R::decode(message).map(R::split)
}

/// Carries the events of a stream to their connections.
struct Pump<'r> {
    registry: &'r Arc<Registry>,
    /// The connection whose events it carries, if it is one.
    owner: Option<Owner>,
    /// Ends when the last event is done.
    last: Option<oneshot::Receiver<()>>,
}

struct Owner {
    conn: String,
    /// Closed when the connection has ended.
    actor: Option<mpsc::Sender<Job>>,
}

impl Pump<'_> {
    async fn run<R: EventRequest>(mut self, mut stream: Streaming<R>) {
        let mut stop = self.registry.stopped();
        loop {
            let message = tokio::select! {
                biased;
                message = stream.message() => message,
                () = self.owner_gone() => break,
                _ = stop.wait_for(|stop| *stop) => break,
            };
            // Whatever the end is, EMQX sends no more on this stream.
            let Ok(Some(message)) = message else { break };
            let (conn, what) = message.split();
            self.event(conn, what).await;
        }
        if let Some(last) = self.last {
            // It is dropped, not sent.
            let _ = last.await;
        }
    }

    async fn event(&mut self, conn: String, what: What) {
        let (job, end) = Job::new(what, true, &self.registry.shared().counters.meter);
        match self.registry.route(&conn, &job.what, true) {
            Route::Actor(actor) => {
                self.note(&conn, Some(&actor));
                let _ = actor.send(job).await;
            }
            Route::Nobody => self.note(&conn, None),
            Route::Close => {
                self.note(&conn, None);
                self.registry.close(conn).await;
            }
        }
        self.last = Some(end);
    }

    fn note(&mut self, conn: &str, actor: Option<&mpsc::Sender<Job>>) {
        match &mut self.owner {
            None => self.owner = Some(Owner { conn: conn.to_owned(), actor: actor.cloned() }),
            Some(owner) if owner.conn != conn => {
                self.registry.mixed_streams.store(true, Ordering::Relaxed);
            }
            Some(_) => {}
        }
    }

    /// Ends when the stream is of no more use. EMQX 5.1 and later opens
    /// streams for each connection and leaves them open for ever. EMQX before
    /// has streams for many connections, and loses the next event when one is
    /// ended; once that was seen, no stream is ended any more.
    async fn owner_gone(&self) {
        if let Some(Owner { actor: Some(actor), .. }) = &self.owner {
            actor.closed().await;
        }
        sleep(self.registry.settings().stream_linger).await;
        if self.registry.mixed_streams.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    }
}

/// The value of a future that is ready at once.
async fn now<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

/// A request that tells of an event.
trait EventRequest: Send + 'static {
    /// The connection and what has happened to it.
    fn split(self) -> (String, What);
}

impl EventRequest for SocketCreatedRequest {
    fn split(self) -> (String, What) {
        (self.conn, What::Created(self.conninfo.map(Box::new)))
    }
}

impl EventRequest for SocketClosedRequest {
    fn split(self) -> (String, What) {
        (self.conn, What::Closed(self.reason))
    }
}

impl EventRequest for ReceivedBytesRequest {
    fn split(self) -> (String, What) {
        (self.conn, What::Bytes(self.bytes))
    }
}

impl EventRequest for TimerTimeoutRequest {
    fn split(self) -> (String, What) {
        (self.conn, What::TimedOut)
    }
}

impl EventRequest for ReceivedMessagesRequest {
    fn split(self) -> (String, What) {
        (self.conn, What::Messages(self.messages))
    }
}

#[tonic::async_trait]
impl ConnectionUnaryHandler for Service {
    async fn on_socket_created(&self, request: Request<SocketCreatedRequest>) -> Done {
        self.unary(request).await
    }

    async fn on_socket_closed(&self, request: Request<SocketClosedRequest>) -> Done {
        self.unary(request).await
    }

    async fn on_received_bytes(&self, request: Request<ReceivedBytesRequest>) -> Done {
        self.unary(request).await
    }

    async fn on_timer_timeout(&self, request: Request<TimerTimeoutRequest>) -> Done {
        self.unary(request).await
    }

    async fn on_received_messages(&self, request: Request<ReceivedMessagesRequest>) -> Done {
        self.unary(request).await
    }
}

#[tonic::async_trait]
impl ConnectionHandler for Service {
    async fn on_socket_created(&self, request: Request<Streaming<SocketCreatedRequest>>) -> Done {
        self.streaming(request).await
    }

    async fn on_socket_closed(&self, request: Request<Streaming<SocketClosedRequest>>) -> Done {
        self.streaming(request).await
    }

    async fn on_received_bytes(&self, request: Request<Streaming<ReceivedBytesRequest>>) -> Done {
        self.streaming(request).await
    }

    async fn on_timer_timeout(&self, request: Request<Streaming<TimerTimeoutRequest>>) -> Done {
        self.streaming(request).await
    }

    async fn on_received_messages(&self, request: Request<Streaming<ReceivedMessagesRequest>>) -> Done {
        self.streaming(request).await
    }
}
