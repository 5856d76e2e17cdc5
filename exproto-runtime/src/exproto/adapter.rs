//! The way to EMQX: clients of its nodes' `ConnectionAdapter` services.
//!
//! Each call is made for one connection, which has one under way at most; the
//! number of calls of all connections together is bounded too. A call that has
//! begun is never given up: EMQX closes channels on which many calls are
//! cancelled, and its adapter answers within 5 s.

use std::error::Error as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};
use tracing::{info, warn};

use super::call::{Call, PROBE};
use super::error::CallError;
use super::node;
use super::pb::connection_adapter_client::ConnectionAdapterClient;
use super::pb::{
    AuthenticateRequest, ClientInfo, CloseSocketRequest, CodeResponse, PublishRequest, RawPublishRequest,
    SendBytesRequest, SubscribeRequest, TimerRequest, TimerType, UnsubscribeRequest,
};
use super::settings::{ExProtoSettings, SettingsError};
use super::stats::Counters;

/// What EMQX knows the protocol as. EMQX makes an atom of it and never frees
/// it, and 5.8 checks passwords for this name only.
const PROTO_NAME: &str = "exproto";

const WINDOW: u32 = 1 << 20;

/// The adapters of all nodes, which all connections share.
#[derive(Debug)]
pub(super) struct Adapter {
    /// One at least.
    nodes: Vec<Node>,
    permits: Semaphore,
    proto_ver: String,
    patience: Duration,
    counters: Arc<Counters>,
}

/// The adapter of one node.
#[derive(Debug)]
struct Node {
    /// The node's own name, if it was given.
    name: Option<String>,
    /// The host of the adapter's address.
    host: String,
    url: String,
    client: ConnectionAdapterClient<Channel>,
    /// The log has been told that it is not reachable.
    lost: AtomicBool,
}

impl Adapter {
    /// A client that connects with its first call and again whenever the
    /// connection is lost.
    pub(super) fn new(settings: &ExProtoSettings, counters: Arc<Counters>) -> Result<Self, SettingsError> {
        let max_calls = settings.max_calls.clamp(1, 1 << 20);
        let mut nodes = Vec::new();
        if settings.nodes.is_empty() || !settings.adapter.is_empty() {
            nodes.push(Node::new(None, &settings.adapter, settings, max_calls)?);
        }
        for (name, url) in &settings.nodes {
            let name = Some(name.as_str()).filter(|name| !name.is_empty());
            nodes.push(Node::new(name, url, settings, max_calls)?);
        }
        Ok(Self {
            nodes,
            permits: Semaphore::new(max_calls),
            proto_ver: settings.proto_ver.clone(),
            patience: settings.adapter_patience,
            counters,
        })
    }

    /// The node that probably has this connection; any node will do, by a
    /// detour.
    fn nearest(&self, conn: &str) -> usize {
        if self.nodes.len() < 2 {
            return 0;
        }
        let Some(name) = node::of(conn) else { return 0 };
        let host = name.split_once('@').map_or(&*name, |(_, host)| host);
        let named = self.nodes.iter().position(|node| node.name.as_deref() == Some(&name));
        let beside = || self.nodes.iter().position(|node| node.name.is_none() && node.host == host);
        named.or_else(beside).unwrap_or(0)
    }

    /// Makes a call. Repeats it as long as EMQX has certainly not got it,
    /// which is while no connection can be made.
    pub(super) async fn call(&self, conn: &str, call: Call) -> Result<(), CallError> {
        let calling = self.counters.meter.call(call.kind());
        let result = match call.check() {
            Ok(()) => self.checked(conn, call).await,
            Err(error) => Err(error),
        };
        calling.ends(&result);
        result
    }

    async fn checked(&self, conn: &str, call: Call) -> Result<(), CallError> {
        let nearest = self.nearest(conn);
        let mut pause = Duration::from_millis(50);
        let mut began = None;
        loop {
            // One round over all nodes, this connection's own first.
            let mut last = None;
            let (before, from) = self.nodes.split_at(nearest.min(self.nodes.len()));
            for node in from.iter().chain(before) {
                let answer = {
                    // The semaphore is never closed.
                    let _permit = self.permits.acquire().await;
                    self.once(node, conn, &call).await
                };
                let status = match answer {
                    Ok(answer) => {
                        node.found();
                        return CallError::judge(answer.code, &answer.message);
                    }
                    Err(status) => status,
                };
                let error = failure(&status);
                if matches!(error, CallError::Unreachable(_)) {
                    node.missed(&error);
                }
                if !never_sent(&status) {
                    return Err(error);
                }
                last = Some(error);
            }
            let began = *began.get_or_insert_with(Instant::now);
            if began.elapsed() + pause >= self.patience {
                return Err(last.unwrap_or(CallError::Gone));
            }
            self.counters.calls_repeated.up();
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }

    async fn once(&self, node: &Node, conn: &str, call: &Call) -> Result<CodeResponse, Status> {
        let conn = conn.to_owned();
        let mut client = node.client.clone();
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
            Call::RawPublish { topic, payload, qos } => {
                let (topic, payload, qos) = (topic.clone(), payload.clone(), u32::from(*qos));
                client.raw_publish(RawPublishRequest { topic, qos, payload }).await
            }
            Call::Subscribe { filter, qos } => {
                let (topic, qos) = (filter.clone(), u32::from(*qos));
                client.subscribe(SubscribeRequest { conn, topic, qos }).await
            }
            Call::Unsubscribe { filter } => {
                client.unsubscribe(UnsubscribeRequest { conn, topic: filter.clone() }).await
            }
            Call::Probe => client.unsubscribe(UnsubscribeRequest { conn, topic: PROBE.to_owned() }).await,
        };
        answer.map(tonic::Response::into_inner)
    }
}

impl Node {
    fn new(
        name: Option<&str>,
        url: &str,
        settings: &ExProtoSettings,
        max_calls: usize,
    ) -> Result<Self, SettingsError> {
        let wrong = |why: &str| SettingsError::adapter(url, why);
        let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|error| wrong(&error.to_string()))?;
        let endpoint = match endpoint.uri().scheme_str() {
            Some("http") => endpoint,
            Some("https") => secure(endpoint, settings).map_err(|why| wrong(&why))?,
            _ => return Err(wrong("write `http://HOST:PORT`")),
        };
        let host = endpoint.uri().host().unwrap_or_default().to_owned();
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
            name: name.map(str::to_owned),
            host,
            url: url.to_owned(),
            client: ConnectionAdapterClient::new(channel),
            lost: AtomicBool::new(false),
        })
    }

    fn found(&self) {
        if self.lost.load(Ordering::Relaxed) && self.lost.swap(false, Ordering::Relaxed) {
            info!(adapter = self.url, "EMQX's ExProto adapter is reachable again");
        }
    }

    fn missed(&self, error: &CallError) {
        if !self.lost.swap(true, Ordering::Relaxed) {
            warn!(adapter = self.url, "{error}");
        }
    }
}

#[cfg(feature = "tls")]
fn secure(endpoint: Endpoint, settings: &ExProtoSettings) -> Result<Endpoint, String> {
    let Some(tls) = &settings.adapter_tls else {
        return Err("an `https` address needs the authority that has signed EMQX's certificate: \
            set `adapter_tls`"
            .to_owned());
    };
    let config = tls.to_tonic().map_err(|error| error.to_string())?;
    endpoint.tls_config(config).map_err(|error| match error.source() {
        Some(source) => source.to_string(),
        None => error.to_string(),
    })
}

#[cfg(not(feature = "tls"))]
fn secure(_: Endpoint, _: &ExProtoSettings) -> Result<Endpoint, String> {
    Err("write `http://HOST:PORT`, or build with the feature `tls`".to_owned())
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

fn failure(status: &Status) -> CallError {
    let text = || format!("{:?}: {}", status.code(), status.message()).into();
    match status.code() {
        // What EMQX answers itself: an unknown method, a crash.
        Code::NotFound | Code::Unimplemented if status.source().is_none() => CallError::Unsupported,
        Code::Internal if status.source().is_none() => CallError::Internal(text()),
        _ => CallError::Unreachable(text()),
    }
}
