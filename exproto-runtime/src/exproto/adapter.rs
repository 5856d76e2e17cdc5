//! The way to EMQX: clients of its nodes' `ConnectionAdapter` services.
//!
//! Each call is made for one connection, which has one under way at most; the
//! number of calls of all connections together is bounded too. A call that has
//! begun is never given up: EMQX closes channels on which many calls are
//! cancelled, and its adapter answers within 5 s.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use prost::Message as _;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tonic::Code;
use tracing::{info, warn};

use super::call::Call;
use super::channel::{Channel, Trouble};
use super::error::CallError;
use super::node;
use super::pb::CodeResponse;
use super::settings::{ExProtoSettings, SettingsError};
use super::stats::Counters;
use super::wire;

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
    url: String,
    channel: Channel,
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
            nodes.push(Node::new(None, &settings.adapter, settings)?);
        }
        for (name, url) in &settings.nodes {
            let name = Some(name.as_str()).filter(|name| !name.is_empty());
            nodes.push(Node::new(name, url, settings)?);
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
        let beside = || self.nodes.iter().position(|node| node.name.is_none() && node.channel.host() == host);
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
        let (kind, body) = (call.kind(), wire::encode(&call, conn, &self.proto_ver));
        drop(call);
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
                    node.channel.call(kind, body.clone()).await
                };
                let trouble = match answer {
                    Ok(answer) => {
                        node.found();
                        return judge(answer);
                    }
                    Err(trouble) => trouble,
                };
                let sent = !matches!(trouble, Trouble::NotSent(_));
                let error = failure(trouble);
                if matches!(error, CallError::Unreachable(_)) {
                    node.missed(&error);
                }
                if sent {
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
}

impl Node {
    fn new(
        name: Option<&str>,
        url: &str,
        #[cfg_attr(not(feature = "tls"), allow(unused_variables))] settings: &ExProtoSettings,
    ) -> Result<Self, SettingsError> {
        #[cfg(feature = "tls")]
        let channel = Channel::new(url, settings.adapter_tls.as_ref());
        #[cfg(not(feature = "tls"))]
        let channel = Channel::new(url);
        Ok(Self {
            name: name.map(str::to_owned),
            url: url.to_owned(),
            channel: channel.map_err(|why| SettingsError::adapter(url, &why))?,
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

/// What EMQX says of a call.
fn judge(answer: Bytes) -> Result<(), CallError> {
    match CodeResponse::decode(answer) {
        Ok(answer) => CallError::judge(answer.code, &answer.message),
        Err(error) => Err(CallError::Internal(error.to_string().into())),
    }
}

fn failure(trouble: Trouble) -> CallError {
    match trouble {
        Trouble::NotSent(why) => CallError::Unreachable(format!("no connection: {why}").into()),
        Trouble::Lost(why) => CallError::Unreachable(format!("the answer was lost: {why}").into()),
        // What EMQX answers itself: an unknown method, a crash.
        Trouble::Status(Code::NotFound | Code::Unimplemented, _) => CallError::Unsupported,
        Trouble::Status(Code::Internal, why) => {
            CallError::Internal(format!("{:?}: {why}", Code::Internal).into())
        }
        Trouble::Status(code, why) => CallError::Unreachable(format!("{code:?}: {why}").into()),
    }
}
