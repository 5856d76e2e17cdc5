//! The way to the handler.
//!
//! An event that certainly has not reached the handler is tried again, one
//! event of all at a time, until its patience ends; so a handler that is started
//! again is found at once and not flooded. An event that was under way when the
//! connection broke may have been worked off: it is not repeated, the device is
//! disconnected and connects anew.

use std::error::Error as _;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::{Instant, sleep, timeout, timeout_at};
use tonic::codegen::tokio_stream::once;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tracing::{info, warn};

use super::StandInError;
use super::event::{Event, Request};
use super::settings::{Service, StandInSettings};
use super::stats::Stats;
use crate::exproto::pb::connection_handler_client::ConnectionHandlerClient;
use crate::exproto::pb::connection_unary_handler_client::ConnectionUnaryHandlerClient;

/// The flow-control windows of each connection.
const WINDOW: u32 = 8 << 20;

/// An event being told: `Err` with the words of the end that follows.
pub(super) type Telling = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// Whoever is told the events.
pub(super) trait Tell: Clone + Send + Sync + 'static {
    /// Tells an event; ends when it is answered.
    fn tell(&self, conn: &Arc<str>, event: Event) -> Telling;
}

/// A handler over gRPC.
#[derive(Clone, Debug)]
pub(super) struct Handler(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    url: String,
    channels: Vec<Channel>,
    service: Service,
    event_timeout: Duration,
    patience: Duration,
    stats: Arc<Stats>,
    /// Held by the one that tries meanwhile.
    trying: Mutex<()>,
}

impl Handler {
    pub(super) fn new(settings: &StandInSettings, stats: Arc<Stats>) -> Result<Self, StandInError> {
        let wrong = |why: String| StandInError::Handler { url: settings.handler.clone(), why };
        let endpoint =
            Endpoint::from_shared(settings.handler.clone()).map_err(|error| wrong(error.to_string()))?;
        let endpoint = match endpoint.uri().scheme_str() {
            Some("http") => endpoint,
            Some("https") => secure(endpoint, settings).map_err(wrong)?,
            _ => return Err(wrong("write `http://HOST:PORT`".into())),
        };
        let endpoint = endpoint
            .tcp_nodelay(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .connect_timeout(Duration::from_secs(5))
            // Often enough for firewalls, seldom enough for servers that count.
            .http2_keep_alive_interval(Duration::from_secs(60))
            .keep_alive_timeout(Duration::from_secs(20));
        let channels = (0..settings.channels.clamp(1, 64)).map(|_| endpoint.connect_lazy()).collect();
        Ok(Self(Arc::new(Inner {
            url: settings.handler.clone(),
            channels,
            service: settings.service,
            event_timeout: settings.event_timeout,
            patience: settings.patience,
            stats,
            trying: Mutex::new(()),
        })))
    }
}

impl Tell for Handler {
    fn tell(&self, conn: &Arc<str>, event: Event) -> Telling {
        let (inner, conn) = (Arc::clone(&self.0), Arc::clone(conn));
        Box::pin(async move {
            let told = inner.tell(&conn, &event).await;
            inner.stats.event(&event, told.is_ok());
            told
        })
    }
}

impl Inner {
    async fn tell(&self, conn: &str, event: &Event) -> Result<(), String> {
        let channel = self.channel(conn);
        let end = Instant::now() + self.patience;
        let mut pause = Duration::from_millis(50);
        loop {
            let turn = if self.stats.down.load(Ordering::Relaxed) {
                let Ok(turn) = timeout_at(end, self.trying.lock()).await else {
                    return Err(reason(event, Code::Unavailable, "the handler cannot be reached"));
                };
                // Whoever tried before may have found it.
                self.stats.down.load(Ordering::Relaxed).then_some(turn)
            } else {
                None
            };
            let once = self.once(channel.clone(), event.request(conn));
            let status = match timeout(self.event_timeout, once).await {
                Ok(Ok(())) => {
                    self.reached();
                    return Ok(());
                }
                Ok(Err(status)) => status,
                Err(_) => return Err(reason(event, Code::DeadlineExceeded, "no answer in time")),
            };
            if !never_sent(&status) {
                return Err(reason(event, status.code(), status.message()));
            }
            self.missed(&status);
            self.stats.repeated();
            if Instant::now() + pause >= end {
                return Err(reason(event, status.code(), "the handler cannot be reached"));
            }
            sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
            drop(turn);
        }
    }

    /// Events of a connection keep to one channel.
    fn channel(&self, conn: &str) -> Channel {
        let sum = conn.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
        // There is one at least.
        self.channels[sum % self.channels.len()].clone()
    }

    async fn once(&self, channel: Channel, request: Request) -> Result<(), Status> {
        let answer = match self.service {
            Service::Unary => {
                let mut client = ConnectionUnaryHandlerClient::new(channel);
                match request {
                    Request::Created(request) => client.on_socket_created(request).await,
                    Request::Bytes(request) => client.on_received_bytes(request).await,
                    Request::Messages(request) => client.on_received_messages(request).await,
                    Request::TimedOut(request) => client.on_timer_timeout(request).await,
                    Request::Closed(request) => client.on_socket_closed(request).await,
                }
            }
            Service::Streaming => {
                let mut client = ConnectionHandlerClient::new(channel);
                match request {
                    Request::Created(request) => client.on_socket_created(once(request)).await,
                    Request::Bytes(request) => client.on_received_bytes(once(request)).await,
                    Request::Messages(request) => client.on_received_messages(once(request)).await,
                    Request::TimedOut(request) => client.on_timer_timeout(once(request)).await,
                    Request::Closed(request) => client.on_socket_closed(once(request)).await,
                }
            }
        };
        answer.map(drop)
    }

    fn reached(&self) {
        if self.stats.down.load(Ordering::Relaxed) && self.stats.down.swap(false, Ordering::Relaxed) {
            info!(handler = self.url, "the handler is reachable again");
        }
    }

    fn missed(&self, status: &Status) {
        if !self.stats.down.swap(true, Ordering::Relaxed) {
            warn!(handler = self.url, "the handler cannot be reached, events wait: {}", status.message());
        }
    }
}

#[cfg(feature = "tls")]
fn secure(endpoint: Endpoint, settings: &StandInSettings) -> Result<Endpoint, String> {
    let Some(tls) = &settings.handler_tls else {
        return Err("an `https` address needs the authority that has signed the handler's certificate: \
            set `handler_tls`"
            .to_owned());
    };
    let config = tls.to_tonic().map_err(|error| error.to_string())?;
    endpoint.tls_config(config).map_err(|error| match error.source() {
        Some(source) => source.to_string(),
        None => error.to_string(),
    })
}

#[cfg(not(feature = "tls"))]
fn secure(_: Endpoint, _: &StandInSettings) -> Result<Endpoint, String> {
    Err("write `http://HOST:PORT`, or build with the feature `tls`".to_owned())
}

/// Whether the handler certainly knows nothing: no connection could be made, the
/// one there was had ended before the call was sent, or the handler has said that
/// it will not look at it, as one does that is about to end.
fn never_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        let refused = error.downcast_ref::<h2::Error>().is_some_and(|error| {
            error.is_remote()
                && (error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)
                    || error.reason() == Some(h2::Reason::REFUSED_STREAM))
        });
        let unsent = error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_canceled);
        if refused || unsent || error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The reason of an end by the handler, as EMQX words it.
pub(super) fn reason(event: &Event, code: Code, message: &str) -> String {
    /// Of the handler's message.
    const LONGEST: usize = 200;
    let code = match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    };
    let mut text = String::new();
    for c in message.chars().take(LONGEST) {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            '\n' => text.push_str("\\n"),
            c if c.is_control() => text.push(' '),
            c => text.push(c),
        }
    }
    if !text.is_empty() {
        text = format!("\"{text}\"");
    }
    format!("{{shutdown,{{error,{{{},{{{code},<<{text}>>}}}}}}}}", event.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_by_the_handler_is_worded_as_emqx_does() {
        let bytes = Event::Bytes(bytes::Bytes::new());
        assert_eq!(
            reason(&bytes, Code::Internal, "boom"),
            "{shutdown,{error,{on_received_bytes,{internal,<<\"boom\">>}}}}"
        );
        assert_eq!(
            reason(&bytes, Code::Cancelled, ""),
            "{shutdown,{error,{on_received_bytes,{cancelled,<<>>}}}}"
        );
        assert_eq!(
            reason(&Event::TimedOut, Code::Aborted, "quote \" and \\ and \n"),
            "{shutdown,{error,{on_timer_timeout,{aborted,<<\"quote \\\" and \\\\ and \\n\">>}}}}"
        );
        let long = reason(&Event::TimedOut, Code::Unknown, &"\"\r".repeat(500));
        assert!(long.len() < 400 && !long.contains('\r'), "{long}");
    }
}
