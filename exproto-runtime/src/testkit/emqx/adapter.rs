//! The adapter, with the result codes of EMQX 5.8.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::events::{self, Event};
use super::{Call, Inner, Reply, State, What};
use crate::exproto::pb::connection_adapter_server::ConnectionAdapter;
use crate::exproto::pb::{
    AuthenticateRequest, CloseSocketRequest, CodeResponse, PublishRequest, RawPublishRequest,
    SendBytesRequest, SubscribeRequest, TimerRequest, UnsubscribeRequest,
};
use crate::session;

pub(super) struct AdapterServer(pub(super) Arc<Inner>);

type Answer = Result<Response<CodeResponse>, Status>;

impl AdapterServer {
    async fn call(&self, conn: String, what: What) -> Answer {
        let call = Call { conn, what };
        let method = call.what.name();
        let _under_way = UnderWay::begin(&self.0, &call.conn);
        self.0.change(|state| {
            state.calls.push(call.clone());
        });
        self.0.until(|state| (!state.held.contains(&method)).then_some(())).await;
        let reply = self.0.change(|state| state.answer(&call));
        match reply {
            Reply::Code(code, message) => Ok(Response::new(CodeResponse { code, message: message.into() })),
            Reply::Crash => Err(Status::internal("RPC Execution Crashed")),
            Reply::Unknown => Err(Status::not_found("Service Not Found")),
        }
    }
}

/// Counts a call as under way.
struct UnderWay<'i> {
    inner: &'i Inner,
    conn: String,
}

impl<'i> UnderWay<'i> {
    fn begin(inner: &'i Inner, conn: &str) -> Self {
        inner.change(|state| {
            state.under_way += 1;
            state.most_under_way = state.most_under_way.max(state.under_way);
            if let Some(known) = state.conns.get_mut(conn) {
                known.under_way += 1;
                if known.under_way > 1 {
                    state.faults.push(format!("two calls at the same time for {conn}"));
                }
            }
        });
        Self { inner, conn: conn.to_owned() }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.inner.change(|state| {
            state.under_way -= 1;
            if let Some(known) = state.conns.get_mut(&self.conn) {
                known.under_way -= 1;
            }
        });
    }
}

impl State {
    fn answer(&mut self, call: &Call) -> Reply {
        for rule in self.rules.iter_mut().rev() {
            if let Some(reply) = rule(call) {
                return reply;
            }
        }
        match &call.what {
            What::RawPublish { topic, qos, payload } => {
                if *qos > 2 {
                    self.faults.push(format!("RawPublish with QoS {qos}"));
                    return Reply::Crash;
                }
                self.deliver("exproto", topic, *qos, payload);
                Reply::SUCCESS
            }
            what => self.answer_conn(&call.conn, what),
        }
    }

    fn answer_conn(&mut self, name: &str, what: &What) -> Reply {
        if let What::StartTimer { seconds: 0 } = what {
            return Reply::Code(1, "{error,'PARAMS_TYPE_ERROR'}");
        }
        let Some(conn) = self.conns.get_mut(name).filter(|conn| !conn.gone) else { return Reply::GONE };
        match what {
            What::Send(bytes) => {
                conn.received.extend_from_slice(bytes);
                Reply::SUCCESS
            }
            What::StartTimer { .. } => Reply::SUCCESS,
            What::Close => {
                if conn.open {
                    conn.open = false;
                    conn.queue.push(Event::Closed("{shutdown,normal}"), None);
                }
                Reply::SUCCESS
            }
            What::Authenticate { .. } if !conn.open => Reply::Code(5, "<<\"Client socket disconnected\">>"),
            What::Authenticate { .. } if conn.client_id.is_some() => Reply::DUPLICATE,
            What::Authenticate { client_id, proto_name, .. } => {
                if client_id.is_empty() || proto_name != "exproto" {
                    self.faults.push(format!("login of {client_id:?} for protocol {proto_name:?}"));
                }
                conn.client_id = Some(client_id.clone());
                Reply::SUCCESS
            }
            _ if conn.client_id.is_none() || !conn.open => Reply::UNEXPECTED,
            What::Publish { qos: 3.., .. } | What::Subscribe { qos: 3.., .. } => {
                self.faults.push(format!("QoS out of range: {what:?}"));
                Reply::Code(1, "{error,'PARAMS_TYPE_ERROR'}")
            }
            What::Publish { topic, .. } if topic.starts_with("denied/") => Reply::DENIED,
            What::Subscribe { filter, .. } if filter.starts_with("denied/") => Reply::DENIED,
            What::Publish { topic, qos, payload } => {
                if topic.contains(['+', '#']) {
                    return self.crash(name, what);
                }
                let from = conn.client_id.clone().unwrap_or_default();
                self.deliver(&from, topic, *qos, payload);
                Reply::SUCCESS
            }
            What::Subscribe { filter, qos } => {
                if filter.starts_with("$share/") || filter.starts_with("$queue/") {
                    return self.crash(name, what);
                }
                conn.filters.retain(|(known, _)| known != filter);
                conn.filters.push((filter.clone(), *qos));
                Reply::SUCCESS
            }
            What::Unsubscribe { filter } => {
                conn.filters.retain(|(known, _)| known != filter);
                Reply::SUCCESS
            }
            What::RawPublish { .. } => Reply::SUCCESS,
        }
    }

    /// The connection's process crashes.
    fn crash(&mut self, conn: &str, what: &What) -> Reply {
        self.faults.push(format!("EMQX crashes: {what:?}"));
        self.conns.remove(conn);
        Reply::CRASHED
    }

    /// Hands a message to everybody who has subscribed.
    pub(super) fn deliver(&mut self, from: &str, topic: &str, qos: u32, payload: &[u8]) {
        for conn in self.conns.values_mut().filter(|conn| conn.open) {
            if conn.filters.iter().any(|(filter, _)| session::matches(filter, topic)) {
                let message = events::message(from, topic, qos, payload);
                conn.queue.push(Event::Messages(vec![message]), None);
            }
        }
    }
}

#[tonic::async_trait]
impl ConnectionAdapter for AdapterServer {
    async fn send(&self, request: Request<SendBytesRequest>) -> Answer {
        let request = request.into_inner();
        self.call(request.conn, What::Send(request.bytes.into())).await
    }

    async fn close(&self, request: Request<CloseSocketRequest>) -> Answer {
        self.call(request.into_inner().conn, What::Close).await
    }

    async fn authenticate(&self, request: Request<AuthenticateRequest>) -> Answer {
        let AuthenticateRequest { conn, clientinfo, password } = request.into_inner();
        let Some(client) = clientinfo else {
            self.0.change(|state| state.faults.push("login without clientinfo".into()));
            return Err(Status::internal("RPC Execution Crashed"));
        };
        let what = What::Authenticate {
            client_id: client.clientid,
            username: client.username,
            password,
            proto_name: client.proto_name,
        };
        self.call(conn, what).await
    }

    async fn start_timer(&self, request: Request<TimerRequest>) -> Answer {
        let request = request.into_inner();
        self.call(request.conn, What::StartTimer { seconds: request.interval }).await
    }

    async fn publish(&self, request: Request<PublishRequest>) -> Answer {
        let PublishRequest { conn, topic, qos, payload } = request.into_inner();
        self.call(conn, What::Publish { topic, qos, payload: payload.into() }).await
    }

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Answer {
        let SubscribeRequest { conn, topic, qos } = request.into_inner();
        self.call(conn, What::Subscribe { filter: topic, qos }).await
    }

    async fn unsubscribe(&self, request: Request<UnsubscribeRequest>) -> Answer {
        let UnsubscribeRequest { conn, topic } = request.into_inner();
        self.call(conn, What::Unsubscribe { filter: topic }).await
    }

    async fn raw_publish(&self, request: Request<RawPublishRequest>) -> Answer {
        let RawPublishRequest { topic, qos, payload } = request.into_inner();
        self.call(String::new(), What::RawPublish { topic, qos, payload: payload.into() }).await
    }
}
