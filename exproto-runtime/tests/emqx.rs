//! A stand-in for EMQX between devices on real sockets and our own handler.
#![cfg(feature = "emqx")]
#![allow(clippy::unwrap_used)]

#[path = "memory/mod.rs"]
mod memory;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use exproto_runtime::emqx::{Service, StandIn, StandInCounters, StandInError, StandInSettings};
use exproto_runtime::exproto::{
    Bytes, CallError, Callbacks, Connection, Done, End, ExProtoHandler, ExProtoSettings, Message,
    UnknownConnection,
};
use exproto_runtime::host::{Listener, Stopped};
use exproto_runtime::session::Credentials;
use memory::Memory;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Semaphore, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const WATCHDOG: Duration = Duration::from_secs(60);

/// What has happened, in the handler's words.
#[derive(Clone)]
struct Log(Arc<watch::Sender<Vec<String>>>);

impl Log {
    fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Vec::new())))
    }

    fn say(&self, what: impl Into<String>) {
        self.0.send_modify(|log| log.push(what.into()));
    }

    async fn wait(&self, what: &str) {
        let mut log = self.0.subscribe();
        let found = timeout(WATCHDOG, log.wait_for(|log| log.iter().any(|line| line == what))).await;
        assert!(found.is_ok(), "no `{what}` in {:?}", self.0.borrow());
    }
}

/// Does what the device says.
#[derive(Clone)]
struct Obedient {
    log: Log,
    /// Bytes are looked at as long as there are permits.
    permits: Arc<Semaphore>,
    conns: Arc<Mutex<Vec<Connection>>>,
    unknown: UnknownConnection,
}

impl Obedient {
    fn new() -> Self {
        Self {
            log: Log::new(),
            permits: Arc::new(Semaphore::new(1_000_000)),
            conns: Arc::default(),
            unknown: UnknownConnection::Close,
        }
    }

    async fn obey(&self, conn: &Connection, command: &str) -> Result<(), CallError> {
        let (verb, rest) = command.split_once(' ').unwrap_or((command, ""));
        match verb {
            "login" => {
                let who = Credentials { client_id: rest.into(), ..Credentials::default() };
                conn.authenticate(who).await
            }
            "subscribe" => conn.subscribe(rest, 1).await,
            "publish" => conn.publish(rest, "payload", 1).await,
            "raw" => conn.raw_publish(rest, "raw", 0).await,
            "timer" => conn.start_timer(Duration::from_secs(rest.parse().unwrap())).await,
            "close" => conn.close().await,
            _ => conn.send(format!("{command}\n")).await,
        }
    }
}

impl Callbacks for Obedient {
    type State = Vec<u8>;

    async fn on_connect(&self, conn: &Connection, _: &mut Vec<u8>) -> Done {
        self.conns.lock().unwrap().push(conn.clone());
        let info = conn.info();
        self.log.say(format!("connect {} to {} by {}", info.peer, info.local, info.transport.name()));
        Ok(())
    }

    async fn on_received(&self, conn: &Connection, begun: &mut Vec<u8>, bytes: Bytes) -> Done {
        self.log.say("bytes");
        self.permits.acquire().await?.forget();
        begun.extend_from_slice(&bytes);
        while let Some(end) = begun.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = begun.drain(..=end).collect();
            let line = String::from_utf8(line)?;
            let done = self.obey(conn, line.trim_end()).await;
            self.log.say(match done {
                Ok(()) => line.trim_end().to_owned(),
                Err(error) => format!("{}: {error}", line.trim_end()),
            });
        }
        Ok(())
    }

    async fn on_deliver(&self, conn: &Connection, _: &mut Vec<u8>, messages: Vec<Message>) -> Done {
        for message in messages {
            let text = String::from_utf8_lossy(&message.payload);
            conn.send(format!("{} {text}\n", message.topic)).await?;
        }
        Ok(())
    }

    async fn on_terminated(&self, conn: &Connection, _: &mut Vec<u8>, end: End) -> Done {
        // Without a device, because it is gone.
        conn.raw_publish("gone", "", 1).await?;
        self.log.say(format!("terminated: {end}"));
        Ok(())
    }
}

/// A handler that is served by a runtime of its own, which can be ended with
/// all its connections.
struct Served {
    runtime: Option<tokio::runtime::Runtime>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl Served {
    fn start(handler: Obedient, adapter: SocketAddr, listener: std::net::TcpListener) -> Self {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let mut settings = ExProtoSettings::new(format!("http://{adapter}"));
        settings.unknown = handler.unknown;
        let (stop, stopped) = oneshot::channel();
        let serving = runtime.spawn(async move {
            let handler = ExProtoHandler::with_callbacks(settings, handler).unwrap();
            let listener = TcpListener::from_std(listener).unwrap();
            let stopped = async {
                let _ = stopped.await;
            };
            handler.serve(listener, stopped).await.unwrap();
        });
        Self { runtime: Some(runtime), stop: Some(stop), serving }
    }

    /// Ends it in order; it waits for what is under way.
    fn stop(&mut self) {
        self.stop.take().unwrap().send(()).unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.runtime.take().unwrap().shutdown_background();
    }
}

struct Bench {
    devices: SocketAddr,
    adapter: SocketAddr,
    broker: Memory,
    counters: StandInCounters,
    stop: Option<oneshot::Sender<()>>,
    running: JoinHandle<Result<Stopped, StandInError>>,
}

impl Bench {
    async fn new(handler: SocketAddr, set: impl FnOnce(&mut StandInSettings)) -> Self {
        let broker = Memory::default();
        let mut settings = StandInSettings::new(format!("http://{handler}"));
        set(&mut settings);
        let stand_in = StandIn::builder(settings)
            .listener(Listener::tcp(([127, 0, 0, 1], 0)))
            .adapter(([127, 0, 0, 1], 0))
            .workers(1)
            .bind(broker.clone())
            .await
            .unwrap();
        let devices = stand_in.addresses().next().unwrap().1;
        let adapter = stand_in.adapter().unwrap();
        let counters = stand_in.counters();
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(stand_in.run(async {
            let _ = stopped.await;
        }));
        Self { devices, adapter, broker, counters, stop: Some(stop), running }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.devices).await.unwrap()
    }

    async fn stopped(mut self) -> Stopped {
        drop(self.stop.take());
        timeout(WATCHDOG, self.running).await.unwrap().unwrap().unwrap()
    }
}

fn listening() -> (std::net::TcpListener, SocketAddr) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn say(device: &mut TcpStream, what: &str) {
    device.write_all(what.as_bytes()).await.unwrap();
}

async fn hear(device: &mut TcpStream, what: &str) {
    let mut heard = vec![0; what.len()];
    timeout(WATCHDOG, device.read_exact(&mut heard)).await.unwrap().unwrap();
    assert_eq!(String::from_utf8(heard).unwrap(), what);
}

/// Everything up to the end of the stream.
async fn hear_all(device: &mut TcpStream) -> String {
    let mut heard = Vec::new();
    // A reset is an end, too.
    let _ = timeout(WATCHDOG, device.read_to_end(&mut heard)).await.unwrap();
    String::from_utf8(heard).unwrap()
}

#[tokio::test]
async fn a_handler_serves_devices_by_both_services() {
    for service in [Service::Unary, Service::Streaming] {
        let handler = Obedient::new();
        let (listener, address) = listening();
        let bench = Bench::new(address, |settings| {
            settings.service = service;
            settings.mountpoint = "site/${clientid}/".into();
        })
        .await;
        let _served = Served::start(handler.clone(), bench.adapter, listener);
        let mut device = bench.connect().await;
        let (own, to) = (device.local_addr().unwrap(), bench.devices);
        handler.log.wait(&format!("connect {own} to {to} by tcp")).await;

        say(
            &mut device,
            "publish up\nlogin dev-1\nlogin dev-1\nsubscribe down\npublish up\nraw all\nhello\n",
        )
        .await;
        hear(&mut device, "hello\n").await;
        let log = handler.log.0.borrow().clone();
        for what in [
            "publish up: the device is not logged in at EMQX, or its socket is closed",
            "login dev-1",
            "login dev-1: the device is logged in at EMQX already",
        ] {
            assert!(log.iter().any(|line| line == what), "{what}: {log:?}");
        }
        let published = |topic: &str, payload: &str| (topic.to_owned(), payload.to_owned());
        assert_eq!(
            bench.broker.published(),
            [published("site/dev-1/up", "payload"), published("all", "raw")]
        );
        assert_eq!(bench.broker.deliver("site/dev-1/down", "!"), 1);
        hear(&mut device, "down !\n").await;

        // What is said last is worked off, and answered, although no more comes.
        say(&mut device, "publish last\nbye\n").await;
        device.shutdown().await.unwrap();
        assert_eq!(hear_all(&mut device).await, "bye\n");
        handler.log.wait("terminated: the device closed it").await;
        assert_eq!(
            bench.broker.published()[2..],
            [published("site/dev-1/last", "payload"), published("gone", "")]
        );
        let conn = handler.conns.lock().unwrap()[0].clone();
        let mut counted = String::new();
        bench.counters.write_open_metrics(&mut counted);
        for line in [
            "exproto_stand_in_events_total{event=\"created\",result=\"told\"} 1",
            "exproto_stand_in_calls_total{call=\"authenticate\",result=\"success\"} 1",
            "exproto_stand_in_calls_total{call=\"authenticate\",result=\"refused\"} 1",
            "exproto_stand_in_handler_reachable 1",
        ] {
            assert!(counted.lines().any(|counted| counted == line), "{line}: {counted}");
        }
        // As soon as the handler has answered.
        let gone = async {
            while conn.send("x").await != Err(CallError::Gone) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        timeout(WATCHDOG, gone).await.unwrap();
    }
}

#[tokio::test]
async fn bytes_that_come_while_the_handler_is_busy_are_told_together() {
    let handler = Obedient::new();
    let (listener, address) = listening();
    let bench = Bench::new(address, |_| {}).await;
    let _served = Served::start(handler.clone(), bench.adapter, listener);
    handler.permits.forget_permits(1_000_000);
    let mut device = bench.connect().await;
    say(&mut device, "a").await;
    handler.log.wait("bytes").await;
    for byte in ["b", "c", "\n"] {
        say(&mut device, byte).await;
    }
    device.shutdown().await.unwrap();
    handler.permits.add_permits(1_000_000);
    assert_eq!(hear_all(&mut device).await, "abc\n");
    handler.log.wait("terminated: the device closed it").await;
}

#[tokio::test]
async fn a_handler_that_starts_late_is_waited_for() {
    let handler = Obedient::new();
    // The address is taken, but nobody listens there.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let bench = Bench::new(socket.local_addr().unwrap(), |settings| settings.patience = WATCHDOG).await;
    let mut devices = Vec::new();
    for _ in 0..3 {
        let mut device = bench.connect().await;
        say(&mut device, "hello\n").await;
        devices.push(device);
    }
    let listener = socket.listen(64).unwrap().into_std().unwrap();
    let _served = Served::start(handler.clone(), bench.adapter, listener);
    for device in &mut devices {
        hear(device, "hello\n").await;
    }
}

#[tokio::test]
async fn without_a_handler_devices_are_disconnected_when_the_patience_ends() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let patience = Duration::from_millis(100);
    let bench = Bench::new(socket.local_addr().unwrap(), |settings| settings.patience = patience).await;
    let mut device = bench.connect().await;
    say(&mut device, "hello\n").await;
    assert_eq!(hear_all(&mut device).await, "");
    let counters = bench.counters.clone();
    assert_eq!(bench.stopped().await.cut_off, 0);
    // The beginning and the end.
    assert_eq!((counters.events_lost(), counters.is_handler_reachable()), (2, false));
}

#[tokio::test]
async fn a_device_whose_event_was_lost_with_the_handler_is_disconnected_and_others_stay() {
    let (first, second) = (Obedient::new(), Obedient::new());
    let (listener, address) = listening();
    let bench = Bench::new(address, |settings| settings.patience = WATCHDOG).await;
    let served = Served::start(first.clone(), bench.adapter, listener.try_clone().unwrap());
    let mut busy = bench.connect().await;
    let mut silent = bench.connect().await;
    for device in [&mut busy, &mut silent] {
        say(device, "hello\n").await;
        hear(device, "hello\n").await;
    }
    first.permits.forget_permits(1_000_000);
    let heard = first.log.0.borrow().len();
    say(&mut busy, "lost\n").await;
    let mut log = first.log.0.subscribe();
    timeout(WATCHDOG, log.wait_for(|log| log.len() > heard)).await.unwrap().unwrap();
    drop(served);
    assert_eq!(hear_all(&mut busy).await, "");

    let _served = Served::start(second.clone(), bench.adapter, listener);
    // The new one has not seen this connection, and closes it: the event has come.
    say(&mut silent, "hello\n").await;
    assert_eq!(hear_all(&mut silent).await, "");
    let mut anew = bench.connect().await;
    say(&mut anew, "hello\n").await;
    hear(&mut anew, "hello\n").await;
}

#[tokio::test]
async fn a_handler_that_ends_in_order_loses_no_device() {
    let (first, mut second) = (Obedient::new(), Obedient::new());
    second.unknown = UnknownConnection::Adopt;
    let (listener, address) = listening();
    let bench = Bench::new(address, |settings| settings.patience = WATCHDOG).await;
    let mut served = Served::start(first.clone(), bench.adapter, listener.try_clone().unwrap());
    let mut devices = Vec::new();
    for _ in 0..4 {
        let mut device = bench.connect().await;
        say(&mut device, "hello\n").await;
        hear(&mut device, "hello\n").await;
        devices.push(device);
    }
    // Half of them have something under way when it is told to end.
    first.permits.forget_permits(1_000_000);
    let heard = first.log.0.borrow().len();
    for device in &mut devices[..2] {
        say(device, "one\n").await;
    }
    let mut log = first.log.0.subscribe();
    timeout(WATCHDOG, log.wait_for(|log| log.len() >= heard + 2)).await.unwrap().unwrap();
    served.stop();
    let _served = Served::start(second.clone(), bench.adapter, listener);
    for device in &mut devices[2..] {
        say(device, "two\n").await;
    }
    first.permits.add_permits(1_000_000);
    for device in &mut devices[..2] {
        hear(device, "one\n").await;
    }
    for device in &mut devices[2..] {
        hear(device, "two\n").await;
    }
    timeout(WATCHDOG, &mut served.serving).await.unwrap().unwrap();
    for device in &mut devices {
        say(device, "three\n").await;
        hear(device, "three\n").await;
    }
    assert!(second.log.0.borrow().iter().filter(|line| *line == "three").count() >= 2);
}

#[tokio::test]
async fn at_the_end_the_handler_is_told_and_may_still_publish() {
    let handler = Obedient::new();
    let (listener, address) = listening();
    let bench = Bench::new(address, |_| {}).await;
    let _served = Served::start(handler.clone(), bench.adapter, listener);
    let mut device = bench.connect().await;
    say(&mut device, "login dev-1\nhello\n").await;
    hear(&mut device, "hello\n").await;
    let broker = bench.broker.clone();
    let stopping = tokio::spawn(bench.stopped());
    assert_eq!(hear_all(&mut device).await, "");
    drop(device);
    let stopped = timeout(WATCHDOG, stopping).await.unwrap().unwrap();
    assert_eq!((stopped.open, stopped.cut_off), (1, 0));
    assert_eq!(broker.published(), [("gone".to_owned(), String::new())]);
}

#[tokio::test]
async fn what_cannot_run_says_why() {
    let why = |settings: StandInSettings, listener: Option<Listener>, adapter: SocketAddr| async move {
        let mut builder = StandIn::builder(settings).adapter(adapter);
        if let Some(listener) = listener {
            builder = builder.listener(listener);
        }
        builder.bind(Memory::default()).await.unwrap_err().to_string()
    };
    let any: SocketAddr = ([127, 0, 0, 1], 0).into();
    let listener = || Some(Listener::tcp(any));
    let text = why(StandInSettings::new("127.0.0.1:9001"), listener(), any).await;
    assert_eq!(text, "the handler's address `127.0.0.1:9001`: write `http://HOST:PORT`");
    let text = why(StandInSettings::new("http://127.0.0.1:9001"), None, any).await;
    assert!(text.contains("no listener"), "{text}");
    let (_taken, taken) = listening();
    let text = why(StandInSettings::new("http://127.0.0.1:9001"), listener(), taken).await;
    assert!(text.starts_with(&format!("the adapter cannot listen on {taken}: ")), "{text}");
}
