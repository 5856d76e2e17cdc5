//! The service that handlers call.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::hub::Hub;
use super::machine::Call;
use super::raw::RawPublish;
use super::reply::Reply;
use super::stats::Method;
use crate::exproto::pb::connection_adapter_server::{ConnectionAdapter, ConnectionAdapterServer};
use crate::exproto::pb::{
    AuthenticateRequest, CloseSocketRequest, CodeResponse, PublishRequest, RawPublishRequest,
    SendBytesRequest, SubscribeRequest, TimerRequest, TimerType, UnsubscribeRequest,
};
use crate::grpc::{Running, sealed};
use crate::session::Credentials;

type Answer = Result<Response<CodeResponse>, Status>;

/// The adapter as a service.
#[derive(Clone, Debug)]
pub(super) struct Adapter(pub(super) Arc<Hub>);

impl Adapter {
    async fn call(&self, conn: String, method: Method, call: Call) -> Answer {
        self.answer(method, self.0.call(&conn, call).await)
    }

    fn answer(&self, method: Method, reply: Reply) -> Answer {
        self.0.stats().call(method, &reply);
        reply.answer(self.0.settings().codes)
    }
}

impl sealed::Mount for Adapter {
    #[allow(private_interfaces)]
    fn mount(self, routes: &mut tonic::service::RoutesBuilder) -> Running {
        let settings = Arc::clone(self.0.settings());
        routes
            .add_service(ConnectionAdapterServer::new(self).max_decoding_message_size(settings.max_message));
        Running {
            name: "the ExProto adapter",
            direct: None,
            #[cfg(feature = "reflection")]
            descriptors: &[include_bytes!("../exproto/pb/emqx_exproto_v1.bin")],
            calm: Box::pin(std::future::ready(())),
            stop: Box::new(|| {}),
            finish: Box::pin(std::future::ready(())),
            drain: settings.call_timeout,
        }
    }
}

/// Texts of proto3 have no other way to say that they are not there.
fn given(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

#[tonic::async_trait]
impl ConnectionAdapter for Adapter {
    async fn send(&self, request: Request<SendBytesRequest>) -> Answer {
        let SendBytesRequest { conn, bytes } = request.into_inner();
        self.call(conn, Method::Send, Call::Send(bytes)).await
    }

    async fn close(&self, request: Request<CloseSocketRequest>) -> Answer {
        self.call(request.into_inner().conn, Method::Close, Call::Close).await
    }

    async fn authenticate(&self, request: Request<AuthenticateRequest>) -> Answer {
        let AuthenticateRequest { conn, clientinfo, password } = request.into_inner();
        let Some(client) = clientinfo else { return self.answer(Method::Authenticate, Reply::Missing) };
        let who = Credentials {
            client_id: client.clientid,
            username: given(client.username),
            password: given(password),
        };
        self.call(conn, Method::Authenticate, Call::Authenticate(who)).await
    }

    async fn start_timer(&self, request: Request<TimerRequest>) -> Answer {
        let TimerRequest { conn, r#type, interval: seconds } = request.into_inner();
        if seconds == 0 || TimerType::try_from(r#type).is_err() {
            return self.answer(Method::StartTimer, Reply::Wrong);
        }
        self.call(conn, Method::StartTimer, Call::StartTimer { seconds }).await
    }

    async fn publish(&self, request: Request<PublishRequest>) -> Answer {
        let PublishRequest { conn, topic, qos, payload } = request.into_inner();
        self.call(conn, Method::Publish, Call::Publish { topic, payload, qos }).await
    }

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Answer {
        let SubscribeRequest { conn, topic, qos } = request.into_inner();
        self.call(conn, Method::Subscribe, Call::Subscribe { topic, qos }).await
    }

    async fn unsubscribe(&self, request: Request<UnsubscribeRequest>) -> Answer {
        let UnsubscribeRequest { conn, topic } = request.into_inner();
        self.call(conn, Method::Unsubscribe, Call::Unsubscribe { topic }).await
    }

    async fn raw_publish(&self, request: Request<RawPublishRequest>) -> Answer {
        let RawPublishRequest { topic, qos, payload } = request.into_inner();
        self.answer(Method::RawPublish, self.0.publish(RawPublish { topic, payload, qos }).await)
    }
}
