//! `/metrics`, `/healthz` and `/readyz` for those who watch over the program.
//!
//! An endpoint of few small answers, for few clients: it asks for no password and
//! changes nothing. What it may cost is bounded by [`Bounds`].

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tracing::{debug, warn};

use super::Failure;

/// What the endpoint may cost.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// Connections at the same time; further ones are closed at once.
    connections: usize,
    /// Bytes of a request's head; a longer one is refused.
    head: usize,
    /// How long a connection lasts, with its one request.
    time: Duration,
}

const BOUNDS: Bounds = Bounds { connections: 16, head: 8192, time: Duration::from_secs(10) };

/// How long to wait when no connection can be taken.
const BACK_OFF: Duration = Duration::from_millis(100);

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
const PATHS: &str = "there are: /metrics, /healthz, /readyz\n";

/// Says why the program is not ready, if it is not.
type Ready = Box<dyn Fn() -> Result<(), String> + Send + Sync>;
/// Appends counters, without the final line.
type Counters = Box<dyn Fn(&mut String) + Send + Sync>;

/// What the endpoint tells.
pub(super) struct Admin {
    ready: Ready,
    counters: Counters,
    draining: AtomicBool,
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("draining", &self.draining).finish_non_exhaustive()
    }
}

impl Admin {
    pub(super) fn new(
        ready: impl Fn() -> Result<(), String> + Send + Sync + 'static,
        counters: impl Fn(&mut String) + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            ready: Box::new(ready),
            counters: Box::new(counters),
            draining: AtomicBool::new(false),
        })
    }

    /// The program was told to stop: it is not ready any more.
    pub(super) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// Serves at this address, if there is one, until the runtime ends.
    pub(super) async fn start(self: &Arc<Self>, address: Option<SocketAddr>) -> Result<(), Failure> {
        let Some(address) = address else { return Ok(()) };
        let failed = |error| {
            Failure::new(format!("cannot listen on {address}: {error}: choose another address with --admin"))
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        println!("  admin    http://{address}/metrics, /healthz, /readyz");
        tokio::spawn(serve(listener, Arc::clone(self), BOUNDS));
        Ok(())
    }

    fn answer(&self, method: &Method, path: &str) -> Answer {
        if method != Method::GET && method != Method::HEAD {
            return Answer { status: StatusCode::METHOD_NOT_ALLOWED, kind: TEXT, text: "GET only\n".into() };
        }
        let (status, kind, text) = match path {
            "/metrics" => {
                let mut text = String::new();
                (self.counters)(&mut text);
                text.push_str("# EOF\n");
                (StatusCode::OK, OPEN_METRICS, text)
            }
            // Who answers lives.
            "/healthz" => (StatusCode::OK, TEXT, "alive\n".into()),
            "/readyz" => match self.is_ready() {
                Ok(()) => (StatusCode::OK, TEXT, "ready\n".into()),
                Err(why) => (StatusCode::SERVICE_UNAVAILABLE, TEXT, format!("not ready: {why}\n")),
            },
            "/" => (StatusCode::OK, TEXT, PATHS.into()),
            _ => (StatusCode::NOT_FOUND, TEXT, PATHS.into()),
        };
        Answer { status, kind, text }
    }

    fn is_ready(&self) -> Result<(), String> {
        if self.draining.load(Ordering::Acquire) {
            return Err("the program is about to end".into());
        }
        (self.ready)()
    }
}

struct Answer {
    status: StatusCode,
    kind: &'static str,
    text: String,
}

impl Answer {
    fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.text.into()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        }
        response
    }
}

/// Takes connections until it is dropped.
async fn serve(listener: TcpListener, admin: Arc<Admin>, bounds: Bounds) {
    let places = Arc::new(Semaphore::new(bounds.connections));
    loop {
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!(%error, "the admin endpoint cannot take a connection");
                sleep(BACK_OFF).await;
                continue;
            }
        };
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else { continue };
        let admin = Arc::clone(&admin);
        tokio::spawn(async move {
            talk(stream, admin, bounds).await;
            drop(place);
        });
    }
}

/// One connection with one request.
async fn talk(stream: TcpStream, admin: Arc<Admin>, bounds: Bounds) {
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = admin.answer(request.method(), request.uri().path());
        async move { Ok::<_, Infallible>(answer.into_response()) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(bounds.time)
        .max_buf_size(bounds.head)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(bounds.time, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!(%error, "a request to the admin endpoint failed"),
        Err(_) => debug!("a request to the admin endpoint took too long"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;
    use crate::metrics::{Counter, Metrics};

    /// An endpoint and its address.
    async fn started(bounds: Bounds) -> (Arc<Admin>, Arc<AtomicBool>, SocketAddr) {
        let metrics = Metrics::new("line", 1);
        metrics.shard(0).add(Counter::Frames, 7);
        let broker = Arc::new(AtomicBool::new(true));
        let connected = Arc::clone(&broker);
        let admin = Admin::new(
            move || match connected.load(Ordering::Acquire) {
                true => Ok(()),
                false => Err("the broker is away".into()),
            },
            move |out| metrics.write_open_metrics(out),
        );
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, Arc::clone(&admin), bounds));
        (admin, broker, address)
    }

    /// Everything that comes back.
    async fn sent(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The answer may come, and the connection end, before all is written.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut text = Vec::new();
        let _ = stream.read_to_end(&mut text).await;
        String::from_utf8(text).unwrap()
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        sent(address, &format!("GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n")).await
    }

    #[tokio::test]
    async fn counters_health_and_readiness_are_told() {
        let (admin, broker, address) = started(BOUNDS).await;
        let metrics = get(address, "/metrics").await;
        assert!(metrics.starts_with("HTTP/1.1 200 OK\r\n"), "{metrics}");
        assert!(metrics.contains("content-type: application/openmetrics-text; version=1.0.0"), "{metrics}");
        assert!(metrics.contains("\nexproto_frames_total{gateway=\"line\"} 7\n"), "{metrics}");
        assert!(metrics.ends_with("\n# EOF\n"), "{metrics}");

        assert!(get(address, "/healthz").await.ends_with("\r\n\r\nalive\n"));
        assert!(get(address, "/readyz?verbose").await.ends_with("\r\n\r\nready\n"));
        broker.store(false, Ordering::Release);
        let away = get(address, "/readyz").await;
        assert!(
            away.starts_with("HTTP/1.1 503 ") && away.ends_with("not ready: the broker is away\n"),
            "{away}"
        );
        broker.store(true, Ordering::Release);
        admin.drain();
        let draining = get(address, "/readyz").await;
        assert!(draining.ends_with("not ready: the program is about to end\n"), "{draining}");
        assert!(get(address, "/healthz").await.starts_with("HTTP/1.1 200 "));
    }

    #[tokio::test]
    async fn what_there_is_not_is_refused() {
        let (_, _, address) = started(BOUNDS).await;
        assert!(get(address, "/metric").await.starts_with("HTTP/1.1 404 "));
        let post = sent(address, "POST /metrics HTTP/1.1\r\nHost: g\r\nContent-Length: 0\r\n\r\n").await;
        assert!(post.starts_with("HTTP/1.1 405 ") && post.contains("allow: GET, HEAD\r\n"), "{post}");
        let head = sent(address, "HEAD /healthz HTTP/1.1\r\nHost: g\r\n\r\n").await;
        assert!(head.starts_with("HTTP/1.1 200 ") && head.ends_with("\r\n\r\n"), "{head}");
        assert!(sent(address, "\x16\x03\x01\x02 \r\n\r\n").await.starts_with("HTTP/1.1 400 "));
        let long = format!("GET / HTTP/1.1\r\nHost: g\r\nX: {}\r\n\r\n", "x".repeat(20_000));
        // Refused, or cut off while it is still being sent.
        let refused = sent(address, &long).await;
        assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 431 "), "{refused}");
        assert!(get(address, "/healthz").await.ends_with("alive\n"));
    }

    #[tokio::test]
    async fn more_connections_than_there_are_places_end_at_once() {
        let bounds = Bounds { connections: 2, ..BOUNDS };
        let (_, _, address) = started(bounds).await;
        let mut silent = Vec::new();
        for _ in 0..2 {
            silent.push(TcpStream::connect(address).await.unwrap());
        }
        let mut third = TcpStream::connect(address).await.unwrap();
        let mut text = Vec::new();
        // Ended or reset, without an answer.
        let _ = third.read_to_end(&mut text).await;
        assert!(text.is_empty());
        // A place that is given back is taken again, as soon as that is noticed.
        drop(silent);
        while !get(address, "/healthz").await.ends_with("alive\n") {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_does_not_end_is_given_up() {
        let (_, _, address) = started(BOUNDS).await;
        let half = sent(address, "GET /healthz HTTP/1.1\r\nHost: ").await;
        assert!(!half.contains("200"), "{half}");
    }
}
