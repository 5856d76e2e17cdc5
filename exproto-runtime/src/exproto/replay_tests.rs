//! The handler against recordings of EMQX 5.8.9 and 5.3.2: it gets the bytes
//! that EMQX sent, in the order in which EMQX sent them, makes the calls that
//! the recorded handler made, and gets the answers that EMQX gave.
//!
//! What is to hold in all of them: each event is answered, and without an
//! error; EMQX gets exactly the calls that it got then, but for those that must
//! never leave the handler; never two of one connection at the same time;
//! nothing is left of connections and streams that have ended.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use prost::Message as _;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Request, Response, Status};

use super::call::PROBE;
use super::pb::connection_adapter_server::{ConnectionAdapter, ConnectionAdapterServer};
use super::pb::*;
use super::{
    CallError, Callbacks, Connection, Done, End, EventKind, ExProtoHandler, ExProtoSettings, Publisher,
};
use crate::session::Credentials;

const SCENARIOS: &str = include_str!("../../tests/recordings/exproto-scenarios.jsonl");

/// EMQX refuses a longer timer.
const LONGEST: u64 = 65_535_000;

/// Messages as bytes.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).into()))
    }
}

fn unhex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// Bytes in hexadecimal digits, or so many of them.
fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => unhex(text),
        other => vec![0; usize::try_from(other["len"].as_u64().unwrap()).unwrap()],
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The request of an event as EMQX sent it.
fn request(rpc: &str, conn: &str, rest: &Value) -> Vec<u8> {
    let conn = conn.to_owned();
    if let Value::String(rest) = rest {
        // A request without its other fields, and these.
        return [CloseSocketRequest { conn }.encode_to_vec(), unhex(rest)].concat();
    }
    match rpc {
        "OnSocketClosed" => SocketClosedRequest { conn, reason: text(&rest["reason"]) }.encode_to_vec(),
        "OnReceivedBytes" => ReceivedBytesRequest { conn, bytes: bytes(rest).into() }.encode_to_vec(),
        "OnReceivedMessages" => {
            let message = Message { topic: "t".into(), payload: bytes(rest).into(), ..Message::default() };
            ReceivedMessagesRequest { conn, messages: vec![message] }.encode_to_vec()
        }
        other => panic!("{other} is never so long"),
    }
}

/// A call, as it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Signature {
    rpc: String,
    conn: String,
    what: String,
}

/// Bytes as they are compared; millions of them briefly.
fn shown(bytes: &[u8]) -> String {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    if bytes.len() < 1024 {
        return format!("{bytes:?}");
    }
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    format!("{} bytes {:x}", bytes.len(), hasher.finish())
}

fn signature(rpc: &str, conn: &str, what: impl Into<String>) -> Signature {
    Signature { rpc: rpc.to_owned(), conn: conn.to_owned(), what: what.into() }
}

/// A recorded call.
#[derive(Clone, Debug)]
struct Recorded {
    rpc: String,
    conn: String,
    args: Value,
    grpc: bool,
    code: i32,
    message: String,
}

impl Recorded {
    fn read(step: &Value, conns: &HashMap<String, String>) -> Option<Self> {
        let (rpc, name, args, result) = (text(&step[2]), text(&step[3]), step[4].clone(), &step[5]);
        // A `conn` that EMQX never gave, a login without a client, a timer of
        // a kind that there is not: nobody can say such things here.
        let unspeakable = name == "?"
            || args["clientinfo"].is_null() && rpc == "Authenticate"
            || args["type"].is_number()
            || args["type"].as_str().is_some_and(|kind| kind != "KEEPALIVE");
        if unspeakable {
            return None;
        }
        let conn = conns.get(&name).cloned().unwrap_or_default();
        let said = result[0].as_str().unwrap();
        let code = ResultCode::from_str_name(said).map(|code| code as i32);
        let message = result.get(1).map_or(String::new(), text);
        let grpc = code.is_none() && said != "none";
        Some(Self { rpc, conn, args, grpc, code: code.unwrap_or(0), message })
    }

    fn number(&self, name: &str) -> u64 {
        self.args[name].as_u64().unwrap_or(0)
    }

    fn string(&self, name: &str) -> String {
        self.args[name].as_str().unwrap_or_default().to_owned()
    }

    fn qos(&self) -> u8 {
        u8::try_from(self.number("qos")).unwrap_or(u8::MAX)
    }

    fn signature(&self) -> Signature {
        let client = &self.args["clientinfo"];
        let what = match &*self.rpc {
            "Send" => shown(&bytes(&self.args["bytes"])),
            "Authenticate" => {
                format!("{} {} {}", client["clientid"], client["username"], self.args["password"])
            }
            "StartTimer" => self.number("interval").min(LONGEST).to_string(),
            "Publish" | "RawPublish" => {
                let payload = shown(&bytes(&self.args["payload"]));
                format!("{:?} {} {payload}", self.string("topic"), self.qos())
            }
            "Subscribe" => format!("{:?} {}", self.string("topic"), self.qos()),
            "Unsubscribe" => format!("{:?}", self.string("topic")),
            _ => String::new(),
        };
        let conn = if self.rpc == "RawPublish" { "" } else { &self.conn };
        signature(&self.rpc, conn, what)
    }

    /// Whether it must never reach EMQX.
    fn is_forbidden(&self) -> bool {
        let topic = self.string("topic");
        match &*self.rpc {
            "Authenticate" => self.args["clientinfo"]["clientid"] == "",
            "StartTimer" => self.number("interval") == 0,
            "Publish" | "RawPublish" => {
                self.qos() > 2 || topic.is_empty() || topic.contains(['+', '#', '\0'])
            }
            "Subscribe" | "Unsubscribe" => {
                let special = ["$share", "$queue", "$exclusive"];
                let wildcards = topic.split('/').any(|level| level.len() > 1 && level.contains(['+', '#']));
                let inside = topic.trim_end_matches('#').contains('#');
                self.qos() > 2
                    || topic.is_empty()
                    || special.contains(&topic.split('/').next().unwrap())
                    || wildcards
                    || inside
            }
            _ => false,
        }
    }

    async fn make(&self, by: &By) -> Result<(), CallError> {
        let conn = match by {
            By::Device(conn) => conn,
            By::Nobody(publisher) => {
                let payload = bytes(&self.args["payload"]);
                return publisher.publish(self.string("topic"), payload, self.qos()).await;
            }
        };
        let client = &self.args["clientinfo"];
        match &*self.rpc {
            "Send" => conn.send(bytes(&self.args["bytes"])).await,
            "Close" => conn.close().await,
            "Authenticate" => {
                let who = Credentials {
                    client_id: text(&client["clientid"]),
                    username: Some(text(&client["username"])),
                    password: Some(self.string("password")),
                };
                conn.authenticate(who).await
            }
            "StartTimer" => conn.start_timer(Duration::from_secs(self.number("interval"))).await,
            "Publish" => conn.publish(self.string("topic"), bytes(&self.args["payload"]), self.qos()).await,
            "RawPublish" => {
                conn.raw_publish(self.string("topic"), bytes(&self.args["payload"]), self.qos()).await
            }
            "Subscribe" => conn.subscribe(self.string("topic"), self.qos()).await,
            "Unsubscribe" => conn.unsubscribe(self.string("topic")).await,
            other => panic!("{other}"),
        }
    }

    /// Makes the call and looks at its end.
    async fn check(&self, by: &By) {
        let result = self.make(by).await;
        if self.is_forbidden() {
            assert!(matches!(result, Err(CallError::BadParams { .. })), "{self:?}: {result:?}");
        } else if self.grpc {
            assert!(matches!(result, Err(CallError::Internal(_))), "{self:?}: {result:?}");
        } else {
            assert_eq!(result, CallError::judge(self.code, &self.message), "{self:?}");
        }
    }
}

/// Who makes a call.
enum By {
    Device(Connection),
    Nobody(Publisher),
}

/// EMQX's side of the calls.
#[derive(Default)]
struct Book {
    expected: Vec<Recorded>,
    unexpected: Vec<Signature>,
    under_way: HashMap<String, u32>,
    overlapped: bool,
    /// EMQX has none of the connections any more.
    gone: bool,
}

#[derive(Clone, Default)]
struct Adapter(Arc<Mutex<Book>>);

type Answer = Result<Response<CodeResponse>, Status>;

impl Adapter {
    async fn answer(&self, call: Signature) -> Answer {
        *self.0.lock().unwrap().under_way.entry(call.conn.clone()).or_default() += 1;
        // Others get a turn meanwhile.
        tokio::task::yield_now().await;
        let mut book = self.0.lock().unwrap();
        let under_way = book.under_way.get_mut(&call.conn).unwrap();
        let overlaps = *under_way > 1 && !call.conn.is_empty();
        *under_way -= 1;
        book.overlapped |= overlaps;
        let say = |code, message: String| Ok(Response::new(CodeResponse { code, message }));
        let found = book.expected.iter().position(|expected| expected.signature() == call);
        if let Some(found) = found {
            let found = book.expected.remove(found);
            if found.grpc {
                return Err(Status::internal(found.message));
            }
            return say(found.code, found.message);
        }
        // What the handler does of itself.
        let probe = call.rpc == "Unsubscribe" && call.what == format!("{PROBE:?}");
        let timer = call.rpc == "StartTimer" && call.what == "600";
        if !probe && !timer {
            book.unexpected.push(call);
        }
        if book.gone && probe {
            return say(2, "<<\"Connection process is not alive\">>".into());
        }
        say(0, String::new())
    }
}

#[tonic::async_trait]
impl ConnectionAdapter for Adapter {
    async fn send(&self, request: Request<SendBytesRequest>) -> Answer {
        let it = request.into_inner();
        self.answer(signature("Send", &it.conn, shown(&it.bytes))).await
    }

    async fn close(&self, request: Request<CloseSocketRequest>) -> Answer {
        self.answer(signature("Close", &request.into_inner().conn, "")).await
    }

    async fn authenticate(&self, request: Request<AuthenticateRequest>) -> Answer {
        let it = request.into_inner();
        let client = it.clientinfo.unwrap();
        assert_eq!((&*client.proto_name, &*client.mountpoint), ("exproto", ""));
        let json = |text: String| Value::String(text);
        let what = format!("{} {} {}", json(client.clientid), json(client.username), json(it.password));
        self.answer(signature("Authenticate", &it.conn, what)).await
    }

    async fn start_timer(&self, request: Request<TimerRequest>) -> Answer {
        let it = request.into_inner();
        assert_eq!(it.r#type(), TimerType::Keepalive);
        self.answer(signature("StartTimer", &it.conn, it.interval.to_string())).await
    }

    async fn publish(&self, request: Request<PublishRequest>) -> Answer {
        let it = request.into_inner();
        let what = format!("{:?} {} {}", it.topic, it.qos, shown(&it.payload));
        self.answer(signature("Publish", &it.conn, what)).await
    }

    async fn subscribe(&self, request: Request<SubscribeRequest>) -> Answer {
        let it = request.into_inner();
        self.answer(signature("Subscribe", &it.conn, format!("{:?} {}", it.topic, it.qos))).await
    }

    async fn unsubscribe(&self, request: Request<UnsubscribeRequest>) -> Answer {
        let it = request.into_inner();
        self.answer(signature("Unsubscribe", &it.conn, format!("{:?}", it.topic))).await
    }

    async fn raw_publish(&self, request: Request<RawPublishRequest>) -> Answer {
        let it = request.into_inner();
        let what = format!("{:?} {} {}", it.topic, it.qos, shown(&it.payload));
        self.answer(signature("RawPublish", "", what)).await
    }
}

/// Does in each callback what the recorded handler did.
#[derive(Default)]
struct Script {
    /// The calls of each event, by method and connection, in the order of the
    /// events.
    calls: HashMap<(String, String), Vec<Vec<Recorded>>>,
    counts: Mutex<HashMap<(String, String), usize>>,
    handles: watch::Sender<HashMap<String, Connection>>,
}

impl Script {
    async fn event(&self, rpc: &str, conn: &Connection) -> Done {
        let key = (rpc.to_owned(), conn.id().to_owned());
        let index = {
            let mut counts = self.counts.lock().unwrap();
            let count = counts.entry(key.clone()).or_default();
            *count += 1;
            *count - 1
        };
        let calls = self.calls.get(&key).and_then(|events| events.get(index));
        for call in calls.into_iter().flatten() {
            call.check(&By::Device(conn.clone())).await;
        }
        Ok(())
    }

    async fn handle(&self, conn: &str) -> Connection {
        let mut handles = self.handles.subscribe();
        let handles = handles.wait_for(|handles| handles.contains_key(conn)).await.unwrap();
        handles[conn].clone()
    }
}

impl Callbacks for Arc<Script> {
    type State = ();

    async fn on_connect(&self, conn: &Connection, (): &mut ()) -> Done {
        self.handles.send_modify(|handles| {
            handles.insert(conn.id().to_owned(), conn.clone());
        });
        self.event("OnSocketCreated", conn).await
    }

    async fn on_received(&self, conn: &Connection, (): &mut (), _: Bytes) -> Done {
        self.event("OnReceivedBytes", conn).await
    }

    async fn on_deliver(&self, conn: &Connection, (): &mut (), messages: Vec<super::Message>) -> Done {
        assert!(!messages.is_empty());
        self.event("OnReceivedMessages", conn).await
    }

    async fn on_timer(&self, conn: &Connection, (): &mut ()) -> Done {
        self.event("OnTimerTimeout", conn).await
    }

    async fn on_terminated(&self, conn: &Connection, (): &mut (), _: End) -> Done {
        self.event("OnSocketClosed", conn).await
    }
}

/// The way of the events.
struct Way {
    channels: [Channel; 2],
    /// The event under way of each connection.
    last: HashMap<String, JoinHandle<()>>,
    streams: HashMap<u64, (mpsc::Sender<Vec<u8>>, JoinHandle<()>)>,
    count: usize,
}

impl Way {
    async fn event(&mut self, rpc: &str, conn: &str, bytes: Vec<u8>, stream: Option<u64>) {
        let service = if stream.is_some() { "ConnectionHandler" } else { "ConnectionUnaryHandler" };
        let path = PathAndQuery::try_from(format!("/emqx.exproto.v1.{service}/{rpc}")).unwrap();
        self.count += 1;
        let mut client = Grpc::new(self.channels[self.count % 2].clone());
        let Some(stream) = stream else {
            if let Some(last) = self.last.remove(conn) {
                last.await.unwrap();
            }
            let event = tokio::spawn(async move {
                client.ready().await.unwrap();
                let answer = client.unary(Request::new(bytes), path, Raw).await.unwrap();
                assert_eq!(answer.into_inner(), b"");
            });
            self.last.insert(conn.to_owned(), event);
            return;
        };
        let (sender, _) = self.streams.entry(stream).or_insert_with(|| {
            let (sender, requests) = mpsc::channel(64);
            let answer = tokio::spawn(async move {
                client.ready().await.unwrap();
                let requests = Request::new(ReceiverStream::new(requests));
                let answer = client.client_streaming(requests, path, Raw).await.unwrap();
                assert_eq!(answer.into_inner(), b"");
            });
            (sender, answer)
        });
        sender.send(bytes).await.unwrap();
    }
}

async fn replay(recording: Value) {
    let name = format!("{} {} {}", recording["name"], recording["emqx"], recording["service"]);
    let conns: HashMap<String, String> = recording["conns"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, conn)| (name.clone(), text(conn)))
        .collect();
    let steps = recording["steps"].as_array().unwrap();
    let calls: Vec<_> = steps
        .iter()
        .filter(|step| step[0] == "call")
        .filter_map(|step| Some((step[1].clone(), Recorded::read(step, &conns)?)))
        .collect();

    let mut script = Script::default();
    for step in steps.iter().filter(|step| step[0] == "event") {
        let inside = calls.iter().filter(|(origin, _)| origin[0] == "in" && origin[1] == step[1]);
        let key = (text(&step[2]), conns[step[3].as_str().unwrap()].clone());
        script.calls.entry(key).or_default().push(inside.map(|(_, call)| call.clone()).collect());
    }
    let script = Arc::new(script);
    let adapter = Adapter::default();
    adapter.0.lock().unwrap().expected =
        calls.iter().filter(|(_, call)| !call.is_forbidden()).map(|(_, call)| call.clone()).collect();

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut settings = ExProtoSettings::new(format!("http://{}", listener.local_addr().unwrap()));
    settings.probe = Duration::from_millis(100);
    // However late an event on another stream is.
    settings.quiet = Duration::from_secs(3);
    settings.stream_linger = Duration::from_millis(10);
    let service = ConnectionAdapterServer::new(adapter.clone()).max_decoding_message_size(64 << 20);
    let server = Server::builder().add_service(service);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        server.serve_with_incoming(TcpIncoming::from(listener)).await.unwrap();
    });
    let handler = ExProtoHandler::with_callbacks(settings, Arc::clone(&script)).unwrap();
    let stats = handler.counters();
    let publisher = handler.publisher();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tasks.spawn(async move { handler.serve(listener, std::future::pending()).await.unwrap() });

    let channel = || Endpoint::from_shared(url.clone()).unwrap().connect_lazy();
    let mut way =
        Way { channels: [channel(), channel()], last: HashMap::new(), streams: HashMap::new(), count: 0 };
    let mut outside = JoinSet::new();
    for step in steps {
        match step[0].as_str().unwrap() {
            "event" => {
                let (rpc, conn) = (step[2].as_str().unwrap(), &conns[step[3].as_str().unwrap()]);
                way.event(rpc, conn, request(rpc, conn, &step[4]), step.get(5).and_then(Value::as_u64)).await;
            }
            "call" if step[1][0] != "in" => {
                let Some(call) = Recorded::read(step, &conns) else { continue };
                if call.code == ResultCode::ConnProcessNotAlive as i32 {
                    // Of a connection that EMQX does not have any more it tells
                    // nothing more either.
                    let come = || {
                        let events = EventKind::ALL.map(|kind| stats.events(kind).unwrap());
                        events.iter().map(|it| it.done + it.in_flight).sum::<u64>()
                    };
                    while come() < way.count as u64 {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
                let by = if call.conn.is_empty() {
                    By::Nobody(publisher.clone())
                } else {
                    By::Device(script.handle(&call.conn).await)
                };
                outside.spawn(async move { call.check(&by).await });
            }
            _ => {}
        }
    }
    for (_, last) in way.last.drain() {
        last.await.unwrap();
    }
    while let Some(call) = outside.join_next().await {
        call.unwrap();
    }
    // Calls of events that came by streams.
    loop {
        if adapter.0.lock().unwrap().expected.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    adapter.0.lock().unwrap().gone = true;
    while stats.read().unwrap().connections > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for (_, (sender, answer)) in way.streams.drain() {
        answer.await.unwrap();
        drop(sender);
    }
    let book = adapter.0.lock().unwrap();
    assert!(book.unexpected.is_empty(), "{name}: {:?}", book.unexpected);
    assert!(!book.overlapped, "{name}: two calls of one connection at the same time");
    assert_eq!(stats.read().unwrap().panics, 0, "{name}");
}

#[test]
fn recorded_events_are_read_and_written_alike() {
    fn again<M: prost::Message + Default>(wire: &[u8]) -> Vec<u8> {
        M::decode(wire).unwrap().encode_to_vec()
    }
    let mut count = 0;
    for line in SCENARIOS.lines() {
        let recording: Value = serde_json::from_str(line).unwrap();
        let steps = recording["steps"].as_array().unwrap();
        for step in steps.iter().filter(|step| step[0] == "event" && step[4].is_string()) {
            let conn = recording["conns"][step[3].as_str().unwrap()].as_str().unwrap();
            let wire = request(step[2].as_str().unwrap(), conn, &step[4]);
            let written = match step[2].as_str().unwrap() {
                "OnSocketCreated" => again::<SocketCreatedRequest>(&wire),
                "OnReceivedBytes" => again::<ReceivedBytesRequest>(&wire),
                "OnReceivedMessages" => again::<ReceivedMessagesRequest>(&wire),
                "OnTimerTimeout" => again::<TimerTimeoutRequest>(&wire),
                "OnSocketClosed" => again::<SocketClosedRequest>(&wire),
                other => panic!("{other}"),
            };
            assert_eq!(written, wire, "{} {step}", recording["name"]);
            count += 1;
        }
    }
    assert!(count > 1000, "{count}");
}

#[tokio::test]
async fn the_handler_behaves_in_every_recorded_scenario() {
    let mut replays = JoinSet::new();
    let mut names = std::collections::BTreeSet::new();
    for line in SCENARIOS.lines() {
        let recording: Value = serde_json::from_str(line).unwrap();
        names.insert(recording["name"].to_string());
        let name = format!("{} {} {}", recording["name"], recording["emqx"], recording["service"]);
        replays.spawn(async move {
            let replay = tokio::time::timeout(Duration::from_secs(600), replay(recording));
            assert!(replay.await.is_ok(), "{name} stalls");
        });
    }
    assert_eq!((names.len(), replays.len()), (102, 186));
    let mut failed = 0;
    while let Some(replay) = replays.join_next().await {
        failed += usize::from(replay.is_err());
    }
    assert_eq!(failed, 0);
}
