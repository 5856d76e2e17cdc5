//! What the server offers beside the services.
#![allow(clippy::unwrap_used)]

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::GrpcServer;
use crate::exproto::{Callbacks, ExProtoHandler, ExProtoSettings};

struct Nothing;

impl Callbacks for Nothing {
    type State = ();
}

async fn served() -> (String, oneshot::Sender<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let handler =
        ExProtoHandler::with_callbacks(ExProtoSettings::new("http://127.0.0.1:1"), Nothing).unwrap();
    let (stop, stopped) = oneshot::channel();
    tokio::spawn(GrpcServer::new().with(handler).serve(listener, async {
        let _ = stopped.await;
    }));
    (url, stop)
}

#[tokio::test]
async fn health_is_served_until_the_shutdown() {
    let (url, stop) = served().await;
    let channel = Endpoint::from_shared(url).unwrap().connect_lazy();
    let mut client = HealthClient::new(channel);
    let whole = HealthCheckRequest { service: String::new() };
    assert_eq!(client.check(whole.clone()).await.unwrap().into_inner().status, 1);
    let mut watch = client.watch(whole).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, 1);
    stop.send(()).unwrap();
    assert_eq!(watch.message().await.unwrap().unwrap().status, 2);
}

#[cfg(feature = "reflection")]
#[tokio::test]
async fn reflection_tells_the_services() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let (url, _stop) = served().await;
    let mut client = ServerReflectionClient::new(Endpoint::from_shared(url).unwrap().connect_lazy());
    let mut ask = async |message_request| {
        let request = ServerReflectionRequest { host: String::new(), message_request: Some(message_request) };
        let requests = tonic::codegen::tokio_stream::once(request);
        let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
        answers.message().await.unwrap().unwrap().message_response.unwrap()
    };
    let MessageResponse::ListServicesResponse(list) = ask(MessageRequest::ListServices(String::new())).await
    else {
        panic!("no list")
    };
    let names: Vec<_> = list.service.iter().map(|service| &*service.name).collect();
    for name in ["ConnectionAdapter", "ConnectionHandler", "ConnectionUnaryHandler"] {
        assert!(names.contains(&&*format!("emqx.exproto.v1.{name}")), "{names:?}");
    }
    assert!(names.contains(&"grpc.health.v1.Health"), "{names:?}");
    let symbol = MessageRequest::FileContainingSymbol("emqx.exproto.v1.ReceivedBytesRequest".into());
    assert!(matches!(ask(symbol).await, MessageResponse::FileDescriptorResponse(_)));
}
