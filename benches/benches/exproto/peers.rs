//! The handlers that are measured, each served by a process of its own.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use exproto_runtime::exproto::{ExProtoHandler, ExProtoSettings};
use exproto_runtime::grpc::GrpcServer;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::net::{TcpListener, TcpStream};
use tonic::codegen::http::{self, HeaderMap, HeaderValue};
use tonic::codegen::{Body, Service, StdError};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};
use tonic::{Request, Response, Status};

use crate::Failure;
use crate::by_hand::{Act, Devices};
use crate::declared::Message;
use crate::pb::connection_adapter_client::ConnectionAdapterClient;
use crate::pb::connection_unary_handler_server::{ConnectionUnaryHandler, ConnectionUnaryHandlerServer};
use crate::pb::{
    AuthenticateRequest, ClientInfo, EmptySuccess, PublishRequest, ReceivedBytesRequest,
    ReceivedMessagesRequest, SocketClosedRequest, SocketCreatedRequest, TimerTimeoutRequest,
};

/// Serves until it is killed, and says where.
pub(crate) async fn serve(peer: &str, adapter: &str) -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    match peer {
        "tonic" => plain(listener, adapter).await,
        "tuned" => tuned(listener, adapter).await,
        "h2" => bare(listener, adapter).await,
        _ => ours(listener, adapter, peer).await,
    }
}

/// `ours`, with `concurrent` or a number of `workers` behind it.
async fn ours(listener: TcpListener, adapter: &str, peer: &str) -> Result<(), Failure> {
    let mut settings = ExProtoSettings::new(format!("http://{adapter}"));
    if peer == "ours-concurrent" {
        settings.concurrent_publishes = 16;
    }
    let workers = peer.strip_prefix("ours-workers-").map_or(Ok(0), str::parse)?;
    let server = GrpcServer::new().workers(workers);
    let handler = ExProtoHandler::<Message<'static>>::new(settings)?;
    Ok(server.with(handler).serve(listener, std::future::pending()).await?)
}

// ---------------------------------------------------------------- with tonic

/// By hand, over what tonic generated.
struct ByHand<T> {
    devices: Devices,
    adapter: ConnectionAdapterClient<T>,
}

type Answer = Result<Response<EmptySuccess>, Status>;

fn login(conn: String, client_id: String) -> AuthenticateRequest {
    let clientinfo = ClientInfo {
        proto_name: "exproto".into(),
        proto_ver: "1".into(),
        clientid: client_id,
        username: String::new(),
        mountpoint: String::new(),
    };
    AuthenticateRequest { conn, clientinfo: Some(clientinfo), password: String::new() }
}

impl<T> ByHand<T>
where
    T: tonic::client::GrpcService<tonic::body::Body> + Clone,
    T::Error: Into<StdError>,
    T::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as Body>::Error: Into<StdError> + Send,
{
    fn new(adapter: T, url: &str) -> Result<Self, Failure> {
        let adapter = ConnectionAdapterClient::with_origin(adapter, url.parse()?);
        Ok(Self { devices: Devices::default(), adapter })
    }
}

#[tonic::async_trait]
impl<T> ConnectionUnaryHandler for ByHand<T>
where
    T: tonic::client::GrpcService<tonic::body::Body> + Clone + Send + Sync + 'static,
    T::Future: Send,
    T::Error: Into<StdError>,
    T::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as Body>::Error: Into<StdError> + Send,
{
    async fn on_received_bytes(&self, request: Request<ReceivedBytesRequest>) -> Answer {
        let ReceivedBytesRequest { conn, bytes } = request.into_inner();
        let mut adapter = self.adapter.clone();
        match self.devices.received(&conn, &bytes) {
            Act::LogIn { client_id } => {
                if adapter.authenticate(login(conn.clone(), client_id.clone())).await?.into_inner().code == 0
                {
                    self.devices.logged_in(conn, client_id);
                }
            }
            Act::Publish { topic, payload } => {
                let request = PublishRequest { conn, topic, qos: 1, payload: payload.into() };
                adapter.publish(request).await?;
            }
            Act::Nothing => {}
        }
        Ok(Response::new(EmptySuccess {}))
    }

    async fn on_socket_created(&self, request: Request<SocketCreatedRequest>) -> Answer {
        drop(request);
        Ok(Response::new(EmptySuccess {}))
    }

    async fn on_socket_closed(&self, request: Request<SocketClosedRequest>) -> Answer {
        drop(request);
        Ok(Response::new(EmptySuccess {}))
    }

    async fn on_timer_timeout(&self, request: Request<TimerTimeoutRequest>) -> Answer {
        drop(request);
        Ok(Response::new(EmptySuccess {}))
    }

    async fn on_received_messages(&self, request: Request<ReceivedMessagesRequest>) -> Answer {
        drop(request);
        Ok(Response::new(EmptySuccess {}))
    }
}

async fn plain(listener: TcpListener, adapter: &str) -> Result<(), Failure> {
    let url = format!("http://{adapter}");
    let channel = Endpoint::from_shared(url.clone())?.tcp_nodelay(true).connect().await?;
    let service = ConnectionUnaryHandlerServer::new(ByHand::new(channel, &url)?);
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Ok(Server::builder().add_service(service).serve_with_incoming(incoming).await?)
}

/// hyper's client under tonic's, without a queue in between.
#[derive(Clone)]
struct Direct(hyper::client::conn::http2::SendRequest<tonic::body::Body>);

impl Service<http::Request<tonic::body::Body>> for Direct {
    type Response = http::Response<hyper::body::Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

/// hyper on both sides of what tonic generated.
async fn tuned(listener: TcpListener, adapter: &str) -> Result<(), Failure> {
    let socket = TcpStream::connect(adapter).await?;
    socket.set_nodelay(true)?;
    let (client, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(socket)).await?;
    tokio::spawn(connection);
    let by_hand = ByHand::new(Direct(client), &format!("http://{adapter}"))?;
    let service = ConnectionUnaryHandlerServer::new(by_hand);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let service = service.clone();
        let service = hyper::service::service_fn(move |request| {
            let mut service = service.clone();
            async move { service.call(request).await }
        });
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder.max_concurrent_streams(None);
        tokio::spawn(async move { builder.serve_connection(TokioIo::new(socket), service).await });
    }
}

// ------------------------------------------------------------ with h2 alone

/// What is left when everything above HTTP/2 is by hand too.
async fn bare(listener: TcpListener, adapter: &str) -> Result<(), Failure> {
    let socket = TcpStream::connect(adapter).await?;
    socket.set_nodelay(true)?;
    let (client, connection) = h2::client::handshake(socket).await?;
    tokio::spawn(connection);
    let devices = Arc::new(Devices::default());
    let url = format!("http://{adapter}/emqx.exproto.v1.ConnectionAdapter");
    let urls: [http::Uri; 2] = [format!("{url}/Publish").parse()?, format!("{url}/Authenticate").parse()?];
    let urls = Arc::new(urls);
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let (client, devices, urls) = (client.clone(), Arc::clone(&devices), Arc::clone(&urls));
        tokio::spawn(async move {
            let Ok(mut connection) = h2::server::handshake(socket).await else { return };
            while let Some(Ok((request, respond))) = connection.accept().await {
                let (client, devices, urls) = (client.clone(), Arc::clone(&devices), Arc::clone(&urls));
                tokio::spawn(async move { answer(request, respond, client, &devices, &urls).await });
            }
        });
    }
}

async fn answer(
    request: http::Request<h2::RecvStream>,
    mut respond: h2::server::SendResponse<Bytes>,
    client: h2::client::SendRequest<Bytes>,
    devices: &Devices,
    urls: &[http::Uri; 2],
) -> Option<()> {
    let received = request.uri().path().ends_with("/OnReceivedBytes");
    let mut body = request.into_body();
    let mut message = body.data().await?.ok()?;
    let _ = body.flow_control().release_capacity(message.len());
    while !body.is_end_stream() && body.data().await.is_some() {}
    if received {
        message.advance(5);
        let ReceivedBytesRequest { conn, bytes } = ReceivedBytesRequest::decode(message).ok()?;
        match devices.received(&conn, &bytes) {
            Act::LogIn { client_id } => {
                let request = framed(&login(conn.clone(), client_id.clone()));
                call(client, urls[1].clone(), request).await?;
                devices.logged_in(conn, client_id);
            }
            Act::Publish { topic, payload } => {
                let request = PublishRequest { conn, topic, qos: 1, payload: payload.into() };
                call(client, urls[0].clone(), framed(&request)).await?;
            }
            Act::Nothing => {}
        }
    }
    let mut response = http::Response::new(());
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
    let mut stream = respond.send_response(response, false).ok()?;
    stream.send_data(Bytes::from_static(&[0; 5]), false).ok()?;
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    stream.send_trailers(trailers).ok()
}

fn framed(message: &impl prost::Message) -> Bytes {
    let mut out = BytesMut::with_capacity(5 + message.encoded_len());
    out.put_u8(0);
    out.put_u32(message.encoded_len() as u32);
    // There is room.
    let _ = message.encode(&mut out);
    out.freeze()
}

/// A call of HTTP/2 with one message each way.
pub(crate) async fn call(
    mut client: h2::client::SendRequest<Bytes>,
    url: http::Uri,
    message: Bytes,
) -> Option<()> {
    let mut request = http::Request::new(());
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = url;
    let headers = request.headers_mut();
    headers.insert("te", HeaderValue::from_static("trailers"));
    headers.insert("content-type", HeaderValue::from_static("application/grpc"));
    let (response, mut stream) = client.send_request(request, false).ok()?;
    stream.send_data(message, true).ok()?;
    let mut body = response.await.ok()?.into_body();
    while let Some(bytes) = body.data().await {
        let _ = body.flow_control().release_capacity(bytes.ok()?.len());
    }
    let trailers = body.trailers().await.ok()??;
    (trailers.get("grpc-status")? == "0").then_some(())
}
