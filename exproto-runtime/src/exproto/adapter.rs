//! The way to EMQX: a client of its `ConnectionAdapter` service.
//!
//! Each call is made for one connection by that connection's actor, which has
//! one under way at most; the number of calls of all connections together is
//! bounded too. A call that has begun is never given up: EMQX closes channels
//! on which many calls are cancelled, and its adapter answers within 5 s.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tracing::{info, warn};

use super::error::AdapterError;
use super::pb::connection_adapter_client::ConnectionAdapterClient;
use super::pb::{
    AuthenticateRequest, ClientInfo, CloseSocketRequest, CodeResponse, PublishRequest,
    SendBytesRequest, SubscribeRequest, TimerRequest, TimerType, UnsubscribeRequest,
};
use super::settings::{ExProtoSettings, SettingsError};
use super::stats::Counters;
use crate::session::Credentials;

/// What EMQX knows the protocol as. EMQX makes an atom of it and never frees
/// it, and 5.8 checks passwords for this name only.
const PROTO_NAME: &str = "exproto";

/// The filter of a subscription that nobody has: ending it has no effect but
/// to tell whether EMQX still has the connection.
const PROBE: &str = "exproto/probe";

const WINDOW: u32 = 1 << 20;

/// Something to be done with a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Send(Bytes),
    Close,
    Authenticate(Box<Credentials>),
    /// Seconds.
    StartTimer(u32),
    Publish { topic: String, payload: Bytes, qos: u8 },
    Subscribe { filter: String, qos: u8 },
    Unsubscribe { filter: String },
    /// Asks whether EMQX still has the connection, without an effect.
    Probe,
}

impl Call {
    /// Refuses what EMQX would not refuse but crash on, or what would hit
    /// others than the device.
    fn check(&self) -> Result<(), AdapterError> {
        match self {
            Self::Authenticate(who) if who.client_id.is_empty() => {
                // EMQX takes the empty id for an id, which devices would
                // contend for.
                Err(AdapterError::client_id("the client id is empty"))
            }
            Self::Authenticate(who) if who.client_id.contains('\0') => {
                Err(AdapterError::client_id("the client id contains a zero character"))
            }
            Self::Publish { qos, .. } | Self::Subscribe { qos, .. } if *qos > 2 => {
                Err(AdapterError::qos(*qos))
            }
            Self::Publish { topic, .. } => check_topic(topic),
            Self::Subscribe { filter, .. } | Self::Unsubscribe { filter } => check_filter(filter),
            _ => Ok(()),
        }
    }
}

const MAX_TOPIC: usize = 65_535;

fn check_topic(topic: &str) -> Result<(), AdapterError> {
    if topic.is_empty() || topic.len() > MAX_TOPIC {
        return Err(AdapterError::topic("the topic is empty or longer than 65,535 bytes"));
    }
    if topic.contains(['+', '#', '\0']) {
        return Err(AdapterError::topic("the topic contains `+`, `#` or a zero character"));
    }
    Ok(())
}

fn check_filter(filter: &str) -> Result<(), AdapterError> {
    if filter.is_empty() || filter.len() > MAX_TOPIC || filter.contains('\0') {
        return Err(AdapterError::filter(
            "the filter is empty, longer than 65,535 bytes or contains a zero character",
        ));
    }
    let mut levels = filter.split('/').peekable();
    if matches!(levels.peek(), Some(&"$share" | &"$queue" | &"$exclusive")) {
        return Err(AdapterError::shared());
    }
    while let Some(level) = levels.next() {
        if level.contains(['+', '#']) && level.len() > 1 {
            return Err(AdapterError::filter("a wildcard must stand alone between slashes"));
        }
        if level == "#" && levels.peek().is_some() {
            return Err(AdapterError::filter("`#` must stand at the end of the filter"));
        }
    }
    Ok(())
}

/// A client that all connections share.
#[derive(Debug)]
pub(super) struct Adapter {
    client: ConnectionAdapterClient<Channel>,
    permits: Semaphore,
    proto_ver: String,
    patience: Duration,
    counters: Arc<Counters>,
    /// The log has been told that EMQX is not reachable.
    lost: AtomicBool,
}

impl Adapter {
    /// A client that connects with its first call and again whenever the
    /// connection is lost.
    pub(super) fn new(
        settings: &ExProtoSettings,
        counters: Arc<Counters>,
    ) -> Result<Self, SettingsError> {
        let endpoint = Endpoint::from_shared(settings.adapter.clone())
            .map_err(|error| SettingsError::adapter(&settings.adapter, &error.to_string()))?;
        if endpoint.uri().scheme_str() != Some("http") {
            return Err(SettingsError::adapter(
                &settings.adapter,
                "write `http://HOST:PORT`; EMQX serves its adapter without TLS",
            ));
        }
        let max_calls = settings.max_calls.clamp(1, 1 << 20);
        let channel = endpoint
            .tcp_nodelay(true)
            .initial_stream_window_size(WINDOW)
            .initial_connection_window_size(WINDOW)
            .buffer_size(max_calls)
            .connect_timeout(Duration::from_secs(10))
            // EMQX drops a channel that was silent for a minute.
            .http2_keep_alive_interval(Duration::from_secs(20))
            .keep_alive_timeout(Duration::from_secs(20))
            .keep_alive_while_idle(true)
            .connect_lazy();
        Ok(Self {
            client: ConnectionAdapterClient::new(channel),
            permits: Semaphore::new(max_calls),
            proto_ver: settings.proto_ver.clone(),
            patience: settings.adapter_patience,
            counters,
            lost: AtomicBool::new(false),
        })
    }

    /// Makes a call. Repeats it as long as EMQX has certainly not got it,
    /// which is while no connection can be made.
    pub(super) async fn call(self: Arc<Self>, conn: Arc<str>, call: Call) -> Result<(), AdapterError> {
        call.check()?;
        let mut pause = Duration::from_millis(50);
        let mut began = None;
        loop {
            let answer = {
                // The semaphore is never closed.
                let _permit = self.permits.acquire().await;
                self.once(&conn, &call).await
            };
            let status = match answer {
                Ok(answer) => {
                    self.found();
                    return AdapterError::judge(answer.code, &answer.message);
                }
                Err(status) => status,
            };
            let error = failure(&status);
            if matches!(error, AdapterError::Unreachable(_)) && !self.lost.swap(true, Ordering::Relaxed) {
                warn!("{error}");
            }
            let began = *began.get_or_insert_with(Instant::now);
            if !never_sent(&status) || began.elapsed() + pause >= self.patience {
                return Err(error);
            }
            self.counters.calls_repeated.up();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    fn found(&self) {
        if self.lost.load(Ordering::Relaxed) && self.lost.swap(false, Ordering::Relaxed) {
            info!("EMQX's ExProto adapter is reachable again");
        }
    }

    async fn once(&self, conn: &str, call: &Call) -> Result<CodeResponse, Status> {
        let conn = conn.to_owned();
        let mut client = self.client.clone();
        let answer = match call {
            Call::Send(bytes) => client.send(SendBytesRequest { conn, bytes: bytes.clone() }).await,
            Call::Close => client.close(CloseSocketRequest { conn }).await,
            Call::Authenticate(who) => {
                let clientinfo = Some(ClientInfo {
                    proto_name: PROTO_NAME.to_owned(),
                    proto_ver: self.proto_ver.clone(),
                    clientid: who.client_id.clone(),
                    username: who.username.clone().unwrap_or_default(),
                    mountpoint: String::new(),
                });
                let password = who.password.clone().unwrap_or_default();
                client.authenticate(AuthenticateRequest { conn, clientinfo, password }).await
            }
            Call::StartTimer(interval) => {
                let r#type = TimerType::Keepalive as i32;
                client.start_timer(TimerRequest { conn, r#type, interval: *interval }).await
            }
            Call::Publish { topic, payload, qos } => {
                let (topic, payload, qos) = (topic.clone(), payload.clone(), u32::from(*qos));
                client.publish(PublishRequest { conn, topic, qos, payload }).await
            }
            Call::Subscribe { filter, qos } => {
                let (topic, qos) = (filter.clone(), u32::from(*qos));
                client.subscribe(SubscribeRequest { conn, topic, qos }).await
            }
            Call::Unsubscribe { filter } => {
                client.unsubscribe(UnsubscribeRequest { conn, topic: filter.clone() }).await
            }
            Call::Probe => {
                client.unsubscribe(UnsubscribeRequest { conn, topic: PROBE.to_owned() }).await
            }
        };
        answer.map(tonic::Response::into_inner)
    }
}

/// Whether no connection could be made, so that EMQX knows nothing of the call.
fn never_sent(status: &Status) -> bool {
    let mut cause = status.source();
    while let Some(error) = cause {
        if error.is::<tonic::ConnectError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn failure(status: &Status) -> AdapterError {
    let text = format!("{:?}: {}", status.code(), status.message()).into();
    match status.code() {
        // What EMQX answers itself: an unknown method, a crash.
        Code::Internal | Code::NotFound | Code::Unimplemented if status.source().is_none() => {
            AdapterError::Internal(text)
        }
        _ => AdapterError::Unreachable(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_emqx_crashes_on_is_refused_here() {
        let publish = |topic: &str| {
            Call::Publish { topic: topic.into(), payload: Bytes::new(), qos: 1 }.check()
        };
        for topic in ["", "a/+/b", "a/#", "a\0b"] {
            assert!(publish(topic).is_err(), "{topic:?}");
        }
        assert!(publish(&"x".repeat(65_536)).is_err());
        assert_eq!(publish("a/b"), Ok(()));
        assert_eq!(publish("$share/a"), Ok(()));

        for filter in [
            "", "$share/g/t", "$share/g", "$share", "$queue/t", "$exclusive/t", "$exclusive/",
            "a/#/b", "a#", "a/b+", "a\0",
        ] {
            assert!(check_filter(filter).is_err(), "{filter:?}");
            assert!(Call::Unsubscribe { filter: filter.into() }.check().is_err(), "{filter:?}");
        }
        for filter in ["#", "+", "a/+/b", "a/#", "+/+", "$sharex/g", "a/$share/b"] {
            assert_eq!(check_filter(filter), Ok(()), "{filter:?}");
        }

        assert!(Call::Publish { topic: "t".into(), payload: Bytes::new(), qos: 3 }.check().is_err());
        assert!(Call::Subscribe { filter: "t".into(), qos: 3 }.check().is_err());
        assert!(Call::Authenticate(Box::default()).check().is_err());
        assert_eq!(check_filter(PROBE), Ok(()));
    }
}
