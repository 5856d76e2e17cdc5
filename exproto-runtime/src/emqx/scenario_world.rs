//! Devices, handler and broker of a scenario.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Code, Request};

use crate::emqx::adapter::Adapter;
use crate::emqx::event::Event;
use crate::emqx::handler::{Tell, Telling, reason};
use crate::emqx::hub::Hub;
use crate::emqx::{Codes, Connections, StandInSettings, raw};
use crate::exproto::pb::connection_adapter_server::ConnectionAdapter;
use crate::exproto::pb::*;
use crate::host::Listener;
use crate::host::admission::{Entrance, Rules};
use crate::host::serve::{Arrival, Serve as _};
use crate::host::transport::Transport;
use crate::host::worker::Crew;
use crate::metrics::Metrics;
use crate::session::{ConnInfo as At, Transport as Kind};

#[path = "scenario_lab.rs"]
mod lab;

use lab::Lab;

/// Bytes that the system takes of what a device does not read.
const SYSTEM: usize = 4 << 20;

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// The bytes that a scenario names.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    let unhex = |text: &str| {
        let digits: Vec<u8> = text.bytes().collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect::<Vec<u8>>()
    };
    if let Some(text) = value.as_str() {
        return unhex(text);
    }
    if let Some(text) = value["text"].as_str() {
        return text.into();
    }
    if let Some(count) = value["count"].as_u64() {
        return unhex(value["repeat"].as_str().unwrap()).repeat(usize::try_from(count).unwrap());
    }
    let count = value["pattern"].as_u64().unwrap_or(0);
    (0..count).map(|i| ((i * 7 + (i >> 8)) & 255) as u8).collect()
}

#[derive(Debug)]
enum Line {
    Text(String),
    Run(&'static str, Vec<u8>),
}

/// What has happened, as it is compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Lanes(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    lanes: BTreeMap<String, Vec<Line>>,
    activity: usize,
}

impl Lanes {
    /// Something has happened that is not compared.
    pub(super) fn stir(&self) {
        self.0.lock().unwrap().activity += 1;
    }

    pub(super) fn activity(&self) -> usize {
        self.0.lock().unwrap().activity
    }

    fn say(&self, lane: &str, line: impl Into<String>) {
        let mut told = self.0.lock().unwrap();
        told.activity += 1;
        told.lanes.entry(lane.to_owned()).or_default().push(Line::Text(line.into()));
    }

    /// Bytes, joined to those before.
    fn run(&self, lane: &str, what: &'static str, bytes: &[u8]) {
        let mut told = self.0.lock().unwrap();
        told.activity += 1;
        let lines = told.lanes.entry(lane.to_owned()).or_default();
        match lines.last_mut() {
            Some(Line::Run(last, run)) if *last == what => run.extend_from_slice(bytes),
            _ => lines.push(Line::Run(what, bytes.into())),
        }
    }

    fn told(&self, unordered: &[String]) -> BTreeMap<String, Vec<String>> {
        let text = |line: &Line| match line {
            Line::Text(text) => text.clone(),
            Line::Run(what, bytes) => format!("{what} {}", shown(bytes)),
        };
        let mut told = self.0.lock().unwrap();
        let lanes = told.lanes.iter_mut().map(|(lane, lines)| {
            let mut texts: Vec<_>;
            if unordered.contains(lane) {
                // Runs stay in their order, as one.
                let all = lines.iter().fold(Vec::new(), |mut all, line| {
                    if let Line::Run(_, bytes) = line {
                        all.extend_from_slice(bytes);
                    }
                    all
                });
                lines.retain(|line| matches!(line, Line::Text(_)));
                texts = lines.iter().map(text).collect();
                if !all.is_empty() {
                    texts.push(format!("bytes {}", shown(&all)));
                }
                texts.sort();
            } else {
                texts = lines.iter().map(text).collect();
            }
            (lane.clone(), texts)
        });
        lanes.collect()
    }
}

pub(super) fn shown(bytes: &[u8]) -> String {
    if bytes.len() <= 64 { hex(bytes) } else { format!("{} bytes", bytes.len()) }
}

/// A device's socket.
#[derive(Clone, Debug)]
struct Pipe(Arc<Mutex<Side>>);

#[derive(Debug)]
struct Side {
    lanes: Lanes,
    lane: String,
    datagrams: bool,
    inbound: VecDeque<Vec<u8>>,
    ended: bool,
    broken: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
    /// Bytes that fit before the device has to read.
    room: usize,
    paused: bool,
    /// The device has closed its socket.
    closed: bool,
    finished: bool,
}

impl Side {
    fn wake(&mut self) {
        self.lanes.stir();
        self.reader.take().into_iter().chain(self.writer.take()).for_each(Waker::wake);
    }
}

impl Transport for Pipe {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut side = self.0.lock().unwrap();
        if !side.inbound.is_empty() || side.ended || side.broken {
            return Poll::Ready(Ok(()));
        }
        side.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut side = self.0.lock().unwrap();
        if side.broken {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let Some(mut first) = side.inbound.pop_front() else {
            return if side.ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        };
        let length = first.len().min(buffer.len());
        buffer[..length].copy_from_slice(&first[..length]);
        first.drain(..length);
        if !first.is_empty() && !side.datagrams {
            side.inbound.push_front(first);
        }
        Ok(length)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut side = self.0.lock().unwrap();
        if side.room > 0 || side.broken {
            return Poll::Ready(Ok(()));
        }
        side.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut side = self.0.lock().unwrap();
        if side.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let length = bytes.len().min(side.room);
        if side.paused {
            side.room -= length;
        }
        if !side.closed {
            side.lanes.run(&side.lane, "receives", &bytes[..length]);
        }
        Ok(length)
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close();
        Poll::Ready(Ok(()))
    }
}

impl Pipe {
    fn close(&self) {
        let mut side = self.0.lock().unwrap();
        if !std::mem::replace(&mut side.finished, true) && !side.closed && !side.datagrams {
            side.lanes.say(&side.lane, "closed");
            // A device that is told so closes its half, too.
            side.ended = true;
            side.wake();
        }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // One is the device's, one the connection's.
        if Arc::strong_count(&self.0) == 2 {
            self.close();
        }
    }
}

/// The scripted handler.
#[derive(Clone)]
struct Script(Arc<Inner>);

struct Inner {
    hub: OnceLock<Arc<Hub>>,
    lanes: Lanes,
    rules: Vec<Value>,
    /// The names of connections, and the other way round.
    names: Mutex<HashMap<String, String>>,
    conns: Mutex<HashMap<String, String>>,
    ports: Mutex<HashMap<u32, String>>,
    /// Events by kind and name.
    counts: Mutex<HashMap<(String, String), u64>>,
}

impl Tell for Script {
    fn tell(&self, conn: &Arc<str>, event: Event) -> Telling {
        let (this, conn) = (self.clone(), conn.to_string());
        Box::pin(async move {
            let limit = this.0.hub.get().unwrap().settings().event_timeout;
            match timeout(limit, this.event(&conn, &event)).await {
                Ok(answer) => answer,
                Err(_) => Err(reason(&event, Code::DeadlineExceeded, "no answer in time")),
            }
        })
    }
}

impl Script {
    fn name(&self, conn: &str) -> String {
        self.0.names.lock().unwrap().get(conn).cloned().unwrap_or_else(|| "unknown".into())
    }

    async fn event(&self, conn: &str, event: &Event) -> Result<(), String> {
        if let Event::Created(info) = event {
            let device = self.0.ports.lock().unwrap()[&info.peername.as_ref().unwrap().port].clone();
            let mut conns = self.0.conns.lock().unwrap();
            let name = (1..)
                .map(|n| if n == 1 { device.clone() } else { format!("{device}#{n}") })
                .find(|name| !conns.contains_key(name))
                .unwrap();
            self.0.names.lock().unwrap().insert(conn.into(), name.clone());
            conns.insert(name, conn.into());
        }
        let name = self.name(conn);
        let lane = format!("handler {name}");
        let mut bytes = Vec::new();
        let mut payload = Vec::new();
        let kind = match event {
            Event::Created(info) => {
                self.0.lanes.say(&lane, format!("created {}", info.socktype().as_str_name()));
                "OnSocketCreated"
            }
            Event::Bytes(it) => {
                self.0.lanes.run(&lane, "bytes", it);
                bytes = it.to_vec();
                "OnReceivedBytes"
            }
            Event::Messages(messages) => {
                for Message { topic, qos, payload, .. } in messages {
                    self.0.lanes.say(&lane, format!("message {topic} {qos} {}", shown(payload)));
                }
                payload = messages[0].payload.to_vec();
                "OnReceivedMessages"
            }
            Event::TimedOut => {
                self.0.lanes.say(&lane, "timed out");
                "OnTimerTimeout"
            }
            Event::Closed(reason) => {
                self.0.lanes.say(&lane, format!("closed {reason}"));
                "OnSocketClosed"
            }
        };
        let nth = {
            let mut counts = self.0.counts.lock().unwrap();
            let count = counts.entry((kind.into(), name.clone())).or_default();
            *count += 1;
            *count
        };
        let rule = self.0.rules.iter().find(|rule| {
            rule["on"] == kind
                && rule["conn"].as_str().is_none_or(|conn| conn == name)
                && rule["nth"].as_u64().is_none_or(|n| n == nth)
                && rule["from_nth"].as_u64().is_none_or(|n| n <= nth)
        });
        let Some(rule) = rule else { return Ok(()) };
        let known = Known { conn: conn.into(), bytes, payload };
        for action in rule["do"].as_array().into_iter().flatten() {
            if let Some(ms) = action["sleep"].as_u64() {
                sleep(Duration::from_millis(ms)).await;
            } else if let Some(error) = action["error"].as_array() {
                let code = code(error[0].as_str().unwrap());
                return Err(reason(event, code, error[1].as_str().unwrap()));
            } else if action["hang"] == true {
                std::future::pending::<()>().await;
            } else if action["call"].is_string() {
                self.call(action, &known, &lane).await;
            }
        }
        if let Some(after) = rule["after"].as_array().cloned() {
            let (this, lane) = (self.clone(), format!("calls after {name} {kind}"));
            tokio::spawn(async move {
                sleep(Duration::from_millis(30)).await;
                for action in &after {
                    match action["sleep"].as_u64() {
                        Some(ms) => sleep(Duration::from_millis(ms)).await,
                        None => this.call(action, &known, &lane).await,
                    }
                }
            });
        }
        Ok(())
    }

    async fn call(&self, action: &Value, known: &Known, lane: &str) {
        let args = &action["args"];
        let conn = match args["conn"].as_str() {
            Some("$self") => known.conn.clone(),
            Some(conn) => match conn.strip_prefix('$') {
                Some(name) => self.0.conns.lock().unwrap().get(name).cloned().unwrap_or_default(),
                None => conn.to_owned(),
            },
            None => String::new(),
        };
        let some = |field: &str| match args[field].as_str() {
            Some("$bytes") => known.bytes.clone().into(),
            Some("$payload") => known.payload.clone().into(),
            _ if args[field].is_null() => Bytes::new(),
            _ => bytes(&args[field]).into(),
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let number = |field: &str| args[field].as_u64().unwrap_or(0) as u32;
        let (topic, qos) = (text(&args["topic"]), number("qos"));
        let adapter = Adapter(Arc::clone(self.0.hub.get().unwrap()));
        self.0.lanes.stir();
        let rpc = action["call"].as_str().unwrap();
        let answer = match rpc {
            "Send" => adapter.send(Request::new(SendBytesRequest { conn, bytes: some("bytes") })).await,
            "Close" => adapter.close(Request::new(CloseSocketRequest { conn })).await,
            "Authenticate" => {
                let client = &args["clientinfo"];
                let clientinfo = client.is_object().then(|| ClientInfo {
                    proto_name: text(&client["proto_name"]),
                    proto_ver: text(&client["proto_ver"]),
                    clientid: text(&client["clientid"]),
                    username: text(&client["username"]),
                    mountpoint: text(&client["mountpoint"]),
                });
                let password = text(&args["password"]);
                adapter.authenticate(Request::new(AuthenticateRequest { conn, clientinfo, password })).await
            }
            "StartTimer" => {
                let r#type = args["type"].as_i64().unwrap_or(0) as i32;
                let interval = number("interval");
                adapter.start_timer(Request::new(TimerRequest { conn, r#type, interval })).await
            }
            "Publish" => {
                let payload = some("payload");
                adapter.publish(Request::new(PublishRequest { conn, topic, qos, payload })).await
            }
            "RawPublish" => {
                let payload = some("payload");
                adapter.raw_publish(Request::new(RawPublishRequest { topic, qos, payload })).await
            }
            "Subscribe" => adapter.subscribe(Request::new(SubscribeRequest { conn, topic, qos })).await,
            "Unsubscribe" => adapter.unsubscribe(Request::new(UnsubscribeRequest { conn, topic })).await,
            other => panic!("{other}"),
        };
        let line = match answer {
            Ok(answer) => {
                let answer = answer.into_inner();
                format!("{rpc}: {} {}", answer.code().as_str_name(), answer.message)
            }
            Err(status) if status.code() == Code::Internal => {
                format!("{rpc}: gRPC INTERNAL {}", status.message())
            }
            Err(status) => panic!("{status}"),
        };
        self.0.lanes.say(lane, line.trim_end());
    }
}

/// What the arguments of calls may speak of.
#[derive(Clone, Default)]
struct Known {
    conn: String,
    bytes: Vec<u8>,
    payload: Vec<u8>,
}

fn code(name: &str) -> Code {
    (0..17)
        .map(Code::from_i32)
        .find(|code| format!("{code:?}").eq_ignore_ascii_case(&name.replace('_', "")))
        .unwrap()
}

/// Everything of one scenario.
pub(super) struct World {
    pub(super) lanes: Lanes,
    pub(super) lab: Lab,
    script: Script,
    connections: Connections<Lab, Script>,
    crew: Crew,
    entrance: Arc<Entrance>,
    kind: Kind,
    listener: Listener,
    pipes: Mutex<HashMap<String, Pipe>>,
}

impl World {
    pub(super) fn new(scenario: &Value) -> Self {
        let mut settings = StandInSettings::new("http://127.0.0.1:9001");
        settings.idle_timeout = Duration::from_secs(scenario["idle"].as_u64().unwrap());
        settings.mountpoint = scenario["mountpoint"].as_str().unwrap().into();
        settings.codes = Codes::Emqx5;
        settings.node = "emqx5@127.0.0.1".into();
        let lab = Lab::default();
        lab.check_logins(scenario["authn"] == true);
        let (jobs, raws) = mpsc::channel(16);
        tokio::spawn(raw::run(lab.clone(), raws));
        let hub = Arc::new(Hub::new(Arc::new(settings), jobs));
        let lanes = Lanes::default();
        let script = Script(Arc::new(Inner {
            hub: OnceLock::from(Arc::clone(&hub)),
            lanes: lanes.clone(),
            rules: scenario["handler"].as_array().unwrap().clone(),
            names: Mutex::default(),
            conns: Mutex::default(),
            ports: Mutex::default(),
            counts: Mutex::default(),
        }));
        let kind = match scenario["listener"].as_str().unwrap() {
            "tcp" => Kind::Tcp,
            "ssl" => Kind::Tls,
            "udp" => Kind::Udp,
            _ => Kind::Dtls,
        };
        Self {
            connections: Connections { hub, broker: lab.clone(), handler: script.clone() },
            lanes,
            lab,
            script,
            crew: Crew::start(0, "test").unwrap(),
            entrance: Entrance::new(&Arc::new(Metrics::new("test", 1)), Rules::default(), Instant::now()),
            kind,
            // As many messages as the bursts of the scenarios have.
            listener: Listener::tcp(([127, 0, 0, 1], 7993)).inbox(1000),
            pipes: Mutex::default(),
        }
    }

    pub(super) fn connect(&self, device: &str) {
        if !self.kind.is_datagram() {
            self.begin(device);
        }
    }

    #[allow(clippy::needless_update, reason = "there may be more to know")]
    fn begin(&self, device: &str) -> Pipe {
        let pipe = Pipe(Arc::new(Mutex::new(Side {
            lanes: self.lanes.clone(),
            lane: format!("device {device}"),
            datagrams: self.kind.is_datagram(),
            inbound: VecDeque::new(),
            ended: false,
            broken: false,
            reader: None,
            writer: None,
            room: usize::MAX,
            paused: false,
            closed: false,
            finished: false,
        })));
        let mut ports = self.script.0.ports.lock().unwrap();
        let known = ports.iter().find(|(_, known)| *known == device).map(|(port, _)| *port);
        let port = known.unwrap_or(10_000 + ports.len() as u32);
        ports.insert(port, device.into());
        drop(ports);
        let info = At {
            peer: ([127, 0, 0, 1], port as u16).into(),
            local: ([127, 0, 0, 1], 7993).into(),
            listener: "test".into(),
            transport: self.kind,
            ..At::default()
        };
        let place = self.entrance.admit(info.peer.ip(), Instant::now()).unwrap();
        let (_, seat) = self.crew.seat(place).unwrap();
        let limits = Arc::new(self.listener.limits.clone());
        let arrival = Arrival { info, limits, session: Arc::default(), seat };
        self.connections.begin(&Handle::current(), arrival, pipe.clone());
        self.pipes.lock().unwrap().insert(device.into(), pipe.clone());
        pipe
    }

    pub(super) fn send(&self, device: &str, bytes: Vec<u8>) {
        let known = self.pipes.lock().unwrap().get(device).cloned();
        let ended = |pipe: &Pipe| pipe.0.lock().unwrap().finished;
        let pipe = match known {
            Some(pipe) if !self.kind.is_datagram() || !ended(&pipe) => pipe,
            _ => self.begin(device),
        };
        let mut side = pipe.0.lock().unwrap();
        // To a transport, an empty read is the end.
        if !bytes.is_empty() {
            side.inbound.push_back(bytes);
        }
        side.wake();
    }

    fn with(&self, device: &str, change: impl FnOnce(&mut Side)) {
        // A datagram socket is nobody's concern.
        if let Some(pipe) = self.pipes.lock().unwrap().get(device) {
            let mut side = pipe.0.lock().unwrap();
            change(&mut side);
            side.wake();
        }
    }

    pub(super) fn close(&self, device: &str, whole: bool) {
        if self.kind != Kind::Udp {
            self.with(device, |side| (side.ended, side.closed) = (true, whole));
        }
    }

    pub(super) fn reset(&self, device: &str) {
        self.with(device, |side| (side.broken, side.closed) = (true, true));
    }

    pub(super) fn pause(&self, device: &str, paused: bool) {
        let room = if paused { SYSTEM } else { usize::MAX };
        self.with(device, |side| (side.paused, side.room) = (paused, room));
    }

    /// Whether what a step waits for has happened.
    pub(super) fn has_happened(&self, step: &Value) -> bool {
        if let Some(device) = step["dev_closed"].as_str() {
            return self
                .pipes
                .lock()
                .unwrap()
                .get(device)
                .is_some_and(|pipe| pipe.0.lock().unwrap().finished);
        }
        if let Some(event) = step["event"].as_str() {
            let wanted = step["count"].as_u64().unwrap_or(1);
            let counts = self.script.0.counts.lock().unwrap();
            let of = |name: &str| counts.get(&(event.to_owned(), name.to_owned())).copied().unwrap_or(0);
            return match step["conn"].as_str() {
                Some(conn) => of(conn) >= wanted,
                None => {
                    counts.iter().filter(|((kind, _), _)| kind == event).map(|(_, n)| n).sum::<u64>()
                        >= wanted
                }
            };
        }
        let wanted = usize::try_from(step["rx_len"].as_u64().unwrap_or(0)).unwrap();
        let told = self.lanes.0.lock().unwrap();
        let lines = told.lanes.get(&format!("device {}", step["dev"].as_str().unwrap_or_default()));
        let received = lines.into_iter().flatten().map(|line| match line {
            Line::Run(_, bytes) => bytes.len(),
            Line::Text(_) => 0,
        });
        received.sum::<usize>() >= wanted
    }

    /// Makes a call and puts its end into a lane.
    pub(super) fn call(
        &self,
        step: Value,
        lane: &'static str,
    ) -> impl Future<Output = ()> + Send + 'static + use<> {
        let script = self.script.clone();
        async move { script.call(&step, &Known::default(), lane).await }
    }

    /// What is compared.
    pub(super) fn told(&self, unordered: &[String]) -> BTreeMap<String, Vec<String>> {
        let mut told = self.lanes.told(unordered);
        let mut seen = self.lab.seen();
        if !seen.is_empty() {
            seen.sort();
            told.insert("mqtt obs".into(), seen);
        }
        told
    }
}
