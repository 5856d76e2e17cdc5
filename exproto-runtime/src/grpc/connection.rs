//! One HTTP/2 connection of EMQX's, and the calls that come over it.
//!
//! A call whose service takes it [directly](Direct) costs no task and no box: its
//! message is handed over as it came, and whoever has the [`Answer`] ends the call
//! by dropping it. All others go the usual way, through tonic.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{Ping, PingPong, Reason, RecvStream, SendStream};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body::{Body, Frame, SizeHint};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tonic::codegen::Service as _;
use tonic::service::Routes;
use tracing::debug;

/// EMQX's client does not look at our limit on streams and keeps to our
/// windows.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// Of one stream: more than this waits for the peer to read.
const SEND_BUFFER: usize = 400 << 10;

const MAX_HEADERS: u32 = 16 << 10;

/// EMQX resets streams of clients that have gone.
const MOST_RESETS: usize = 100_000;
const MOST_OWN_RESETS: usize = 1024;

/// A silent connection is asked after this time, and given this time to answer.
const KEEP_ALIVE: Duration = Duration::from_secs(60);

/// Time for a connection to begin.
const PATIENCE: Duration = Duration::from_secs(10);

/// A service that takes calls with one message and an empty answer.
pub(crate) trait Direct: Send + Sync + 'static {
    /// The number of the method at this path; none if it is not taken here.
    fn method(&self, path: &str) -> Option<usize>;

    /// The largest message that is taken.
    fn limit(&self) -> usize;

    /// Takes a call. What cannot be understood is an error of the caller.
    fn call(&self, method: usize, message: Bytes, answer: Answer) -> Result<(), Refused>;
}

/// A call that is not taken, with what is wrong with it.
pub(crate) struct Refused(pub(crate) Answer, pub(crate) String);

/// The answer to a call that is empty and a success: sent when this is dropped.
#[derive(Debug)]
pub(crate) struct Answer(Option<SendResponse<Bytes>>);

impl Answer {
    fn refuse(mut self, code: tonic::Code, message: &str) {
        if let Some(respond) = self.0.take() {
            refuse(respond, code, message);
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        let Some(mut respond) = self.0.take() else { return };
        let mut response = Response::new(());
        response.headers_mut().insert(header::CONTENT_TYPE, GRPC);
        // The caller may have gone.
        let Ok(mut stream) = respond.send_response(response, false) else { return };
        // A message that is not compressed and empty. EMQX counts an answer
        // without a message as an error.
        if stream.send_data(Bytes::from_static(&[0; 5]), false).is_ok() {
            let mut trailers = HeaderMap::with_capacity(1);
            trailers.insert("grpc-status", HeaderValue::from_static("0"));
            let _ = stream.send_trailers(trailers);
        }
    }
}

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// Ends a call without a message.
fn refuse(mut respond: SendResponse<Bytes>, code: tonic::Code, message: &str) {
    let mut response = Response::new(());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, GRPC);
    headers.insert("grpc-status", HeaderValue::from(code as i32));
    if let Ok(message) = HeaderValue::from_str(message) {
        headers.insert("grpc-message", message);
    }
    // The caller may have gone.
    let _ = respond.send_response(response, true);
}

/// What is served.
pub(super) struct Services {
    pub(super) direct: Vec<Arc<dyn Direct>>,
    pub(super) routes: Routes,
}

/// Serves a connection to its end; with `stop`, until its calls are answered.
pub(super) async fn serve(
    io: impl AsyncRead + AsyncWrite + Unpin,
    services: Arc<Services>,
    mut stop: watch::Receiver<bool>,
) {
    let mut builder = h2::server::Builder::new();
    // EMQX opens more streams than we would allow, and gives up what a refused
    // one was for: no limit on streams.
    builder
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_header_list_size(MAX_HEADERS)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(MOST_RESETS)
        .max_local_error_reset_streams(Some(MOST_OWN_RESETS));
    let mut connection = match timeout(PATIENCE, builder.handshake::<_, Bytes>(io)).await {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return debug!(%error, "a connection is no HTTP/2"),
        Err(_) => return debug!("a connection did not begin in time"),
    };
    let mut alive = pin!(keep_alive(connection.ping_pong(), KEEP_ALIVE, KEEP_ALIVE));
    let mut stopping = Some(Box::pin(async move {
        // Without a sender there is no stop.
        if stop.wait_for(|stop| *stop).await.is_err() {
            std::future::pending::<()>().await;
        }
    }));
    loop {
        let call = poll_fn(|cx| {
            if let Some(stop) = &mut stopping
                && stop.as_mut().poll(cx).is_ready()
            {
                stopping = None;
                connection.graceful_shutdown();
            }
            if let Poll::Ready(call) = connection.poll_accept(cx) {
                return Poll::Ready(call);
            }
            alive.as_mut().poll(cx).map(|()| None)
        })
        .await;
        match call {
            Some(Ok((request, respond))) => services.take(request, respond).await,
            Some(Err(error)) => return debug!(%error, "a connection of EMQX has ended"),
            None => return,
        }
    }
}

/// Ends when the other side does not answer any more.
pub(crate) async fn keep_alive(pings: Option<PingPong>, interval: Duration, patience: Duration) {
    let Some(mut pings) = pings else { return std::future::pending().await };
    loop {
        sleep(interval).await;
        match timeout(patience, pings.ping(Ping::opaque())).await {
            Ok(Ok(_)) => {}
            // The connection tells.
            Ok(Err(_)) => return std::future::pending().await,
            Err(_) => return debug!("a connection does not answer"),
        }
    }
}

impl Services {
    async fn take(self: &Arc<Self>, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
        let path = request.uri().path();
        let mut found = self.direct.iter().filter_map(|it| Some((it, it.method(path)?)));
        let Some((direct, method)) = found.next() else {
            tokio::spawn(through(self.routes.clone(), request, respond));
            return;
        };
        let mut body = request.into_body();
        // It comes with the head, but for large ones.
        let first = poll_fn(|cx| Poll::Ready(body.poll_data(cx))).await;
        if let Poll::Ready(Some(Ok(bytes))) = &first
            && body.is_end_stream()
        {
            // It is read, so there is room for more.
            let _ = body.flow_control().release_capacity(bytes.len());
            return hand_over(&**direct, method, bytes.clone(), respond);
        }
        let direct = Arc::clone(direct);
        tokio::spawn(async move {
            let mut all = BytesMut::new();
            let mut next = match first {
                Poll::Ready(next) => next,
                Poll::Pending => body.data().await,
            };
            loop {
                match next {
                    Some(Ok(bytes)) => {
                        // More than one message is told from one that is too
                        // long further down.
                        if all.len() + bytes.len() > direct.limit().saturating_add(PREFIX) {
                            return refuse(respond, tonic::Code::OutOfRange, "the message is too long");
                        }
                        let _ = body.flow_control().release_capacity(bytes.len());
                        all.extend_from_slice(&bytes);
                    }
                    // The caller has given up.
                    Some(Err(_)) => return,
                    None => break,
                }
                next = body.data().await;
            }
            hand_over(&*direct, method, all.freeze(), respond);
        });
    }
}

/// Before each message: whether it is compressed, and its length.
const PREFIX: usize = 5;

fn hand_over(direct: &dyn Direct, method: usize, mut body: Bytes, respond: SendResponse<Bytes>) {
    if body.len() < PREFIX {
        return refuse(respond, tonic::Code::Internal, "the call has no message");
    }
    let compressed = body.get_u8();
    let length = usize::try_from(body.get_u32()).unwrap_or(usize::MAX);
    if compressed != 0 {
        return refuse(respond, tonic::Code::Unimplemented, "compressed messages are not understood");
    }
    if length > direct.limit() {
        return refuse(respond, tonic::Code::OutOfRange, "the message is too long");
    }
    if length != body.len() {
        return refuse(respond, tonic::Code::Internal, "the call has not one message");
    }
    if let Err(Refused(answer, why)) = direct.call(method, body, Answer(Some(respond))) {
        answer.refuse(tonic::Code::Internal, &why);
    }
}

/// A call that goes through tonic.
async fn through(mut routes: Routes, request: Request<RecvStream>, mut respond: SendResponse<Bytes>) {
    let answer = {
        let mut answer = pin!(routes.call(request.map(|stream| Incoming { stream })));
        // A caller that gives up the call ends it.
        poll_fn(|cx| {
            if let Poll::Ready(answer) = answer.as_mut().poll(cx) {
                return Poll::Ready(Some(answer));
            }
            respond.poll_reset(cx).map(|_| None)
        })
        .await
    };
    let Some(Ok(answer)) = answer else { return };
    let (head, body) = answer.into_parts();
    let end = body.is_end_stream();
    let Ok(mut stream) = respond.send_response(Response::from_parts(head, ()), end) else { return };
    if !end && pump(body, &mut stream).await.is_err() {
        stream.send_reset(Reason::INTERNAL_ERROR);
    }
}

/// Sends a body as fast as it is taken.
async fn pump(body: tonic::body::Body, stream: &mut SendStream<Bytes>) -> Result<(), ()> {
    let mut body = pin!(body);
    loop {
        let frame = poll_fn(|cx| {
            if let Poll::Ready(frame) = body.as_mut().poll_frame(cx) {
                return Poll::Ready(Ok(frame));
            }
            // The caller may have gone meanwhile.
            stream.poll_reset(cx).map(|_| Err(()))
        })
        .await?;
        let Some(frame) = frame else {
            return stream.send_data(Bytes::new(), true).map_err(drop);
        };
        match frame.map_err(drop)?.into_data() {
            Ok(mut bytes) => {
                while !bytes.is_empty() {
                    stream.reserve_capacity(bytes.len());
                    while stream.capacity() == 0 {
                        poll_fn(|cx| stream.poll_capacity(cx)).await.ok_or(())?.map_err(drop)?;
                    }
                    let piece = bytes.split_to(stream.capacity().min(bytes.len()));
                    stream.send_data(piece, false).map_err(drop)?;
                }
            }
            Err(frame) => {
                let Ok(trailers) = frame.into_trailers() else { continue };
                return stream.send_trailers(trailers).map_err(drop);
            }
        }
    }
}

/// The body of a call that goes through tonic.
struct Incoming {
    stream: RecvStream,
}

impl Body for Incoming {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match ready!(self.stream.poll_data(cx)) {
            Some(Ok(bytes)) => {
                // It is read, so there is room for more.
                let _ = self.stream.flow_control().release_capacity(bytes.len());
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Some(Err(error)) if error.reason() == Some(Reason::NO_ERROR) => Poll::Ready(None),
            Some(Err(error)) => Poll::Ready(Some(Err(io::Error::other(error)))),
            None => match ready!(self.stream.poll_trailers(cx)) {
                Ok(Some(trailers)) => Poll::Ready(Some(Ok(Frame::trailers(trailers)))),
                Ok(None) => Poll::Ready(None),
                Err(error) => Poll::Ready(Some(Err(io::Error::other(error)))),
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}
