//! HTTP/2 to one adapter: a connection for each thread that serves, made with the
//! first call and again when it is lost.
//!
//! gRPC needs little of HTTP/2 here, one message each way, so the calls are put
//! together without a client in between: for each frame of a device there is one.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use h2::client::{ResponseFuture, SendRequest};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri, Version, header};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tonic::Code;

use super::meter::CallKind;
use crate::grpc::{WORKERS, keep_alive, worker};
#[cfg(feature = "tls")]
use crate::tls::{ClientConnector, ClientTls};

const WINDOW: u32 = 1 << 20;

/// For a connection to be made, TLS included.
const PATIENCE: Duration = Duration::from_secs(10);

/// EMQX drops a connection that was silent for a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// EMQX's answers are a code and a line of text.
const MOST: usize = 4 << 20;

/// Why there is no answer of the adapter's own.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// There is no connection: EMQX knows nothing of the call.
    NotSent(Arc<str>),
    /// EMQX has ended the call with a gRPC error.
    Status(Code, Box<str>),
    /// The connection was lost, or what came was no answer.
    Lost(Box<str>),
}

/// The way to one adapter.
pub(super) struct Channel {
    to: Arc<Target>,
    uris: Vec<Uri>,
    headers: HeaderMap,
    /// One for each thread that serves, and the first for all others: a
    /// connection is never far from whom it serves.
    lanes: Vec<Arc<Lane>>,
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("host", &self.to.host).field("port", &self.to.port).finish()
    }
}

struct Target {
    host: String,
    port: u16,
    #[cfg(feature = "tls")]
    tls: Option<ClientConnector>,
}

#[derive(Default)]
struct Lane(Mutex<Line>);

#[derive(Default)]
enum Line {
    #[default]
    None,
    /// Somebody is making the connection.
    Making(watch::Receiver<Option<Made>>),
    Open(Open),
}

#[derive(Clone)]
struct Open {
    line: SendRequest<Bytes>,
    /// Tells the connections of a lane apart.
    life: Arc<()>,
}

type Made = Result<Open, Arc<str>>;

impl Lane {
    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel {
    /// The way to an address, on which nothing is done yet.
    pub(super) fn new(url: &str, #[cfg(feature = "tls")] tls: Option<&ClientTls>) -> Result<Self, String> {
        let uri: Uri = url.parse().map_err(|error: http::uri::InvalidUri| error.to_string())?;
        let (Some(scheme), Some(authority)) = (uri.scheme(), uri.authority()) else {
            return Err("write `http://HOST:PORT`".to_owned());
        };
        let secure = match scheme.as_str() {
            "http" => false,
            "https" => true,
            _ => return Err("write `http://HOST:PORT`".to_owned()),
        };
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        #[cfg(not(feature = "tls"))]
        if secure {
            return Err("write `http://HOST:PORT`, or build with the feature `tls`".to_owned());
        }
        #[cfg(feature = "tls")]
        let tls = match (secure, tls) {
            (false, _) => None,
            (true, Some(tls)) => {
                Some(ClientConnector::open(tls.clone(), b"h2").map_err(|error| error.to_string())?)
            }
            (true, None) => {
                return Err("an `https` address needs the authority that has signed EMQX's certificate: \
                    set `adapter_tls`"
                    .to_owned());
            }
        };
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(
            header::USER_AGENT,
            HeaderValue::from_static(concat!("exproto/", env!("CARGO_PKG_VERSION"))),
        );
        Ok(Self {
            uris: CallKind::ALL.map(|kind| uri_of(kind, scheme, authority)).into(),
            headers,
            lanes: (0..=WORKERS).map(|_| Arc::default()).collect(),
            to: Arc::new(Target {
                host,
                port,
                #[cfg(feature = "tls")]
                tls,
            }),
        })
    }

    pub(super) fn host(&self) -> &str {
        &self.to.host
    }

    /// Makes a call: `body` is a message with its prefix, and so is the answer
    /// but for its prefix.
    pub(super) async fn call(&self, kind: CallKind, body: Bytes) -> Result<Bytes, Trouble> {
        let lane = &self.lanes[worker() % self.lanes.len()];
        let mut fresh = false;
        loop {
            let known = match &*lane.line() {
                Line::Open(open) => Some(open.clone()),
                _ => None,
            };
            let mut open = match known {
                Some(open) => open,
                None => {
                    fresh = true;
                    self.open(lane).await.map_err(Trouble::NotSent)?
                }
            };
            let mut request = Request::new(());
            *request.method_mut() = Method::POST;
            *request.version_mut() = Version::HTTP_2;
            request.uri_mut().clone_from(&self.uris[kind as usize % self.uris.len()]);
            request.headers_mut().clone_from(&self.headers);
            match open.line.send_request(request, false) {
                Ok((response, mut stream)) => {
                    if let Err(error) = stream.send_data(body, true) {
                        return Err(lost(&error));
                    }
                    return answer(response).await;
                }
                // It has ended, and its end was not noticed yet.
                Err(error) => {
                    lane.forget(&open.life);
                    if fresh {
                        return Err(Trouble::NotSent(error.to_string().into()));
                    }
                }
            }
        }
    }

    /// The connection of a lane, made if there is none. All who wait for it
    /// wait for one attempt.
    async fn open(&self, lane: &Arc<Lane>) -> Made {
        let mut making = {
            let mut line = lane.line();
            match &*line {
                Line::Open(open) => return Ok(open.clone()),
                // Its runtime may have ended with the attempt.
                Line::Making(making) if making.has_changed().is_ok() || making.borrow().is_some() => {
                    making.clone()
                }
                _ => {
                    let (made, making) = watch::channel(None);
                    *line = Line::Making(making.clone());
                    tokio::spawn(make(Arc::clone(&self.to), Arc::clone(lane), made));
                    making
                }
            }
        };
        match making.wait_for(Option::is_some).await {
            Ok(made) => made.clone().unwrap_or_else(|| Err("no attempt was made".into())),
            Err(_) => Err("the program ends".into()),
        }
    }
}

impl Lane {
    fn forget(&self, life: &Arc<()>) {
        let mut line = self.line();
        // Perhaps there is another one already.
        if matches!(&*line, Line::Open(open) if Arc::ptr_eq(&open.life, life)) {
            *line = Line::None;
        }
    }
}

fn uri_of(kind: CallKind, scheme: &Scheme, authority: &Authority) -> Uri {
    let path = PathAndQuery::from_static(match kind {
        CallKind::Send => "/emqx.exproto.v1.ConnectionAdapter/Send",
        CallKind::Close => "/emqx.exproto.v1.ConnectionAdapter/Close",
        CallKind::Authenticate => "/emqx.exproto.v1.ConnectionAdapter/Authenticate",
        CallKind::StartTimer => "/emqx.exproto.v1.ConnectionAdapter/StartTimer",
        CallKind::Publish => "/emqx.exproto.v1.ConnectionAdapter/Publish",
        CallKind::RawPublish => "/emqx.exproto.v1.ConnectionAdapter/RawPublish",
        CallKind::Subscribe => "/emqx.exproto.v1.ConnectionAdapter/Subscribe",
        CallKind::Unsubscribe | CallKind::Probe => "/emqx.exproto.v1.ConnectionAdapter/Unsubscribe",
    });
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(scheme.clone());
    parts.authority = Some(authority.clone());
    parts.path_and_query = Some(path);
    // All three are there.
    Uri::from_parts(parts).unwrap_or_default()
}

/// Makes the connection of a lane and serves it to its end.
async fn make(to: Arc<Target>, lane: Arc<Lane>, made: watch::Sender<Option<Made>>) {
    let failed = |why: String| {
        *lane.line() = Line::None;
        made.send_replace(Some(Err(why.into())));
    };
    let (line, driver) = match timeout(PATIENCE, connect(&to)).await {
        Ok(Ok(begun)) => begun,
        Ok(Err(error)) => return failed(error.to_string()),
        Err(_) => return failed("no connection was made in time".to_owned()),
    };
    let open = Open { line, life: Arc::default() };
    let life = Arc::clone(&open.life);
    *lane.line() = Line::Open(open.clone());
    made.send_replace(Some(Ok(open)));
    drop(made);
    driver.await;
    lane.forget(&life);
}

type Driver = std::pin::Pin<Box<dyn Future<Output = ()> + Send>>;

async fn connect(to: &Target) -> io::Result<(SendRequest<Bytes>, Driver)> {
    let socket = socket(to).await?;
    #[cfg(feature = "tls")]
    if let Some(tls) = &to.tls {
        return begin(tls.connect(&to.host, socket).await?).await;
    }
    begin(socket).await
}

async fn socket(to: &Target) -> io::Result<TcpStream> {
    let socket = TcpStream::connect((&*to.host, to.port)).await?;
    // A call must not wait for the acknowledgement of another. A socket that
    // can't have it works all the same.
    let _ = socket.set_nodelay(true);
    Ok(socket)
}

async fn begin<T>(io: T) -> io::Result<(SendRequest<Bytes>, Driver)>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let (line, mut connection) = h2::client::Builder::new()
        .enable_push(false)
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .handshake(io)
        .await
        .map_err(io::Error::other)?;
    let pings = connection.ping_pong();
    let driver = async move {
        tokio::select! {
            biased;
            ended = connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "the connection to an adapter has ended");
                }
            }
            () = keep_alive(pings, KEEP_ALIVE, KEEP_ALIVE) => {}
        }
    };
    Ok((line, Box::pin(driver)))
}

/// The one message of an answer.
async fn answer(response: ResponseFuture) -> Result<Bytes, Trouble> {
    let (head, mut body) = response.await.map_err(|error| lost(&error))?.into_parts();
    if let Some(status) = status(&head.headers) {
        // Without a message.
        return Err(status.err().unwrap_or_else(|| Trouble::Lost("an answer without a message".into())));
    }
    if head.status != StatusCode::OK {
        return Err(Trouble::Lost(format!("HTTP status {}", head.status).into()));
    }
    let mut all = Bytes::new();
    // Read to its end, because EMQX closes connections on which many calls are
    // given up.
    while let Some(bytes) = body.data().await {
        let bytes = bytes.map_err(|error| lost(&error))?;
        let _ = body.flow_control().release_capacity(bytes.len());
        if all.is_empty() {
            all = bytes;
        } else if all.len() + bytes.len() > MOST {
            return Err(Trouble::Lost("the answer is too long".into()));
        } else {
            let mut more = BytesMut::from(all);
            more.extend_from_slice(&bytes);
            all = more.freeze();
        }
    }
    let trailers = body.trailers().await.map_err(|error| lost(&error))?.unwrap_or_default();
    match status(&trailers) {
        None => return Err(Trouble::Lost("an answer without a status".into())),
        Some(Err(trouble)) => return Err(trouble),
        Some(Ok(())) => {}
    }
    if all.len() < 5 || all.get_u8() != 0 {
        return Err(Trouble::Lost("an answer without a message, or a compressed one".into()));
    }
    let length = usize::try_from(all.get_u32()).unwrap_or(usize::MAX);
    if length > all.len() {
        return Err(Trouble::Lost("half an answer".into()));
    }
    Ok(all.split_to(length))
}

/// The gRPC status among headers, if it is there.
fn status(headers: &HeaderMap) -> Option<Result<(), Trouble>> {
    let status = headers.get("grpc-status")?;
    if status == "0" {
        return Some(Ok(()));
    }
    let code = Code::from_bytes(status.as_bytes());
    let message = headers.get("grpc-message").map_or(&b""[..], HeaderValue::as_bytes);
    Some(Err(Trouble::Status(code, plain(message).into())))
}

/// A message as it is sent in a header: `%` and two digits for a byte.
fn plain(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, more @ ..] = rest {
        let escaped = match more {
            [high, low, ..] if *first == b'%' => {
                let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|it| u8::try_from(it).ok());
                digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low)
            }
            _ => None,
        };
        bytes.push(escaped.unwrap_or(*first));
        rest = &more[if escaped.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn lost(error: &h2::Error) -> Trouble {
    Trouble::Lost(error.to_string().into())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Otherwise a call waits up to 40 ms for the acknowledgement of the one
    /// before it.
    #[tokio::test]
    async fn calls_do_not_wait_for_acknowledgements() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        #[cfg(feature = "tls")]
        let channel = Channel::new(&url, None).unwrap();
        #[cfg(not(feature = "tls"))]
        let channel = Channel::new(&url).unwrap();
        assert!(socket(&channel.to).await.unwrap().nodelay().unwrap());
    }

    #[test]
    fn messages_in_headers_are_read() {
        for (sent, text) in [
            ("RPC Execution Crashed", "RPC Execution Crashed"),
            ("a%20b%C3%BC", "a b\u{fc}"),
            ("100%", "100%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("", ""),
        ] {
            assert_eq!(plain(sent.as_bytes()), text, "{sent}");
        }
    }
}
