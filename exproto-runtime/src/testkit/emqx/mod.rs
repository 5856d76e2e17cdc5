//! EMQX's side of ExProto, for tests of a gateway as EMQX's handler.
//!
//! A [`FakeEmqx`] serves the adapter as EMQX 5.8 does, with its result codes,
//! and calls the handler with the events of its devices: one after the other
//! and each answered before the next, or over streams without an order. What a
//! real EMQX would suffer from is kept in [`FakeEmqx::faults`].

mod adapter;
mod events;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Endpoint, Server};

use self::adapter::AdapterServer;
use self::events::{Handler, Queue, Streams};
use crate::exproto::pb;
use crate::exproto::pb::connection_adapter_server::ConnectionAdapterServer;

/// How long a test waits for something before it is said not to happen.
const WATCHDOG: Duration = Duration::from_secs(60);

/// The ways in which versions of EMQX call a handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Service {
    /// `ConnectionUnaryHandler`: each event is answered before the next one
    /// of the same connection. EMQX 5.1 and later.
    Unary,
    /// `ConnectionHandler` with streams of their own for each connection,
    /// which are left open. EMQX 5.1 and later.
    Streams,
    /// `ConnectionHandler` with streams that connections share. EMQX 4.3 to
    /// 5.0.
    SharedStreams,
    /// `ConnectionHandler` with a stream for each event, which ends with it
    /// and is answered before the next. EMQX Enterprise 4.2.
    OneMessageStreams,
}

/// What a device is connected with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
}

/// A call that the handler has made.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Call {
    /// The connection it is for, `""` if for none.
    pub conn: String,
    /// What is to be done.
    pub what: What,
}

/// What a handler asks of EMQX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// Send bytes to the device.
    Send(Vec<u8>),
    /// Close its socket.
    Close,
    /// Log it in.
    Authenticate {
        /// Its client id.
        client_id: String,
        /// Its user name, `""` if it has none.
        username: String,
        /// Its password, `""` if it has none.
        password: String,
        /// The name of its protocol.
        proto_name: String,
    },
    /// Watch for its silence.
    StartTimer {
        /// The time.
        seconds: u32,
    },
    /// Publish in its name.
    Publish {
        /// The topic.
        topic: String,
        /// 0, 1 or 2.
        qos: u32,
        /// The payload.
        payload: Vec<u8>,
    },
    /// Subscribe it.
    Subscribe {
        /// The filter.
        filter: String,
        /// 0, 1 or 2.
        qos: u32,
    },
    /// End its subscription.
    Unsubscribe {
        /// The filter.
        filter: String,
    },
    /// Publish in nobody's name.
    RawPublish {
        /// The topic.
        topic: String,
        /// 0, 1 or 2.
        qos: u32,
        /// The payload.
        payload: Vec<u8>,
    },
}

impl What {
    /// The name of the method.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Send(_) => "Send",
            Self::Close => "Close",
            Self::Authenticate { .. } => "Authenticate",
            Self::StartTimer { .. } => "StartTimer",
            Self::Publish { .. } => "Publish",
            Self::Subscribe { .. } => "Subscribe",
            Self::Unsubscribe { .. } => "Unsubscribe",
            Self::RawPublish { .. } => "RawPublish",
        }
    }
}

/// What EMQX answers to a call.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reply {
    /// A result code and its message.
    Code(i32, &'static str),
    /// A gRPC error.
    Crash,
    /// The gRPC error of a method that this EMQX does not have.
    Unknown,
}

impl Reply {
    /// Success.
    pub const SUCCESS: Self = Self::Code(0, "");
    /// The device is not logged in.
    pub const UNEXPECTED: Self = Self::Code(1, "{error,unexpected_call}");
    /// Something crashed in EMQX.
    pub const CRASHED: Self = Self::Code(1, "{error,'UNKNOWN',<<\"Unknown crashes\">>}");
    /// The connection is gone.
    pub const GONE: Self = Self::Code(2, "<<\"Connection process is not alive\">>");
    /// The device is not allowed to publish or subscribe there.
    pub const DENIED: Self = Self::Code(5, "<<\"Authorization deny\">>");
    /// The device is logged in already.
    pub const DUPLICATE: Self = Self::Code(5, "<<\"Duplicated authenticate command\">>");
}

type Rule = Box<dyn FnMut(&Call) -> Option<Reply> + Send>;

/// One connection, as EMQX knows it.
struct Conn {
    queue: Queue,
    client_id: Option<String>,
    filters: Vec<(String, u32)>,
    open: bool,
    /// Its process has ended.
    gone: bool,
    under_way: usize,
    received: Vec<u8>,
    socket: Socket,
    port: u16,
    /// The address of EMQX that the device has connected to.
    local: SocketAddr,
}

#[derive(Default)]
struct State {
    conns: HashMap<String, Conn>,
    calls: Vec<Call>,
    rules: Vec<Rule>,
    /// Methods whose calls wait.
    held: Vec<&'static str>,
    under_way: usize,
    most_under_way: usize,
    /// What a real EMQX would have suffered from.
    faults: Vec<String>,
    errors: Vec<String>,
    streams: usize,
    handler: Option<Handler>,
    shared: Arc<tokio::sync::Mutex<Streams>>,
    /// Streams of connections that have ended.
    left_open: Vec<Streams>,
    made: u32,
}

pub(super) struct Inner {
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.send_modify(|version| *version += 1);
        result
    }

    async fn until<T>(&self, mut ready: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut changed = self.changed.subscribe();
        loop {
            if let Some(result) = ready(&mut self.state()) {
                return result;
            }
            // The sender lives as long as `self`.
            let _ = changed.changed().await;
        }
    }
}

/// An EMQX with devices, as a handler sees it.
///
/// # Examples
///
/// ```
/// # mod toy { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/toy/mod.rs")); }
/// # use toy::Toy;
/// use exproto_runtime::exproto::{ExProtoHandler, ExProtoSettings};
/// use exproto_runtime::testkit::emqx::{FakeEmqx, Service};
/// use tokio::net::TcpListener;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let emqx = FakeEmqx::start().await?;
/// let handler = ExProtoHandler::<Toy<'static>>::new(ExProtoSettings::new(emqx.adapter()))?;
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// emqx.use_handler(listener.local_addr()?, Service::Unary);
/// tokio::spawn(handler.serve(listener, std::future::pending()));
///
/// let device = emqx.connect().await;
/// // `Hello` of device 41 with an empty key.
/// device.bytes(b"\x7E\x01\x00\x29\x28\x7E").answered().await;
/// assert_eq!(device.client_id().as_deref(), Some("41"));
/// assert_eq!(device.received(), b"\x7E\x82\x01\x83\x7E");
/// # Ok(())
/// # }
/// ```
pub struct FakeEmqx {
    inner: Arc<Inner>,
    address: SocketAddr,
    _server: JoinSet<()>,
}

impl fmt::Debug for FakeEmqx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeEmqx").field("address", &self.address).finish_non_exhaustive()
    }
}

impl FakeEmqx {
    /// Starts with an adapter on a free port of the loopback interface.
    ///
    /// # Errors
    ///
    /// There is no such port.
    pub async fn start() -> io::Result<Self> {
        Ok(Self::with(TcpListener::bind(("127.0.0.1", 0)).await?))
    }

    /// Starts with an adapter at a listener of the test.
    ///
    /// # Panics
    ///
    /// The listener has no address.
    #[must_use]
    pub fn with(listener: TcpListener) -> Self {
        let Ok(address) = listener.local_addr() else { panic!("the listener has no address") };
        let inner = Arc::new(Inner { state: Mutex::default(), changed: watch::Sender::new(0) });
        let service = ConnectionAdapterServer::new(AdapterServer(Arc::clone(&inner)));
        let mut server = JoinSet::new();
        server.spawn(async move {
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            let served = Server::builder().add_service(service).serve_with_incoming(incoming).await;
            if let Err(error) = served {
                panic!("the adapter of the test has failed: {error}");
            }
        });
        Self { inner, address, _server: server }
    }

    /// The adapter's URL, for the handler's settings.
    #[must_use]
    pub fn adapter(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Sends events to the handler at this address from now on.
    ///
    /// # Panics
    ///
    /// The address makes no URL.
    pub fn use_handler(&self, address: SocketAddr, service: Service) {
        let Ok(endpoint) = Endpoint::from_shared(format!("http://{address}")) else {
            panic!("{address} makes no URL")
        };
        let endpoint = endpoint.tcp_nodelay(true);
        // EMQX has a connection for each of its schedulers.
        let channels = [endpoint.connect_lazy(), endpoint.connect_lazy()];
        self.inner.change(|state| {
            state.handler = Some(Handler { channels, service });
            state.shared = Arc::default();
        });
    }

    /// A device connects by TCP; waits until the handler has been told.
    pub async fn connect(&self) -> Device {
        self.connect_by(Socket::Tcp).await
    }

    /// A device connects by TCP to a listener of EMQX at this address instead
    /// of 127.0.0.1:7993; waits until the handler has been told.
    pub async fn connect_to(&self, local: SocketAddr) -> Device {
        let device = self.appear(Socket::Tcp);
        self.inner.change(|state| {
            if let Some(conn) = state.conns.get_mut(&device.conn) {
                conn.local = local;
            }
        });
        device.created().answered().await;
        device
    }

    /// A device connects; waits until the handler has been told.
    pub async fn connect_by(&self, socket: Socket) -> Device {
        let device = self.appear(socket);
        device.created().answered().await;
        device
    }

    /// A device is connected, but the handler is not told, as after a restart
    /// of the handler.
    #[must_use]
    pub fn appear(&self, socket: Socket) -> Device {
        let conn = self.inner.change(|state| {
            state.made += 1;
            let made = state.made;
            // The first bytes of a process identifier as EMQX writes them.
            let conn = format!("g1hkAA5lbXF4QDEyNy4wLjAuMQ{made:08}AAAAAAAAAAM=");
            let port = u16::try_from(made % 50_000).unwrap_or(0) + 10_000;
            let fresh = Conn {
                queue: Queue::start(Arc::clone(&self.inner), conn.clone()),
                client_id: None,
                filters: Vec::new(),
                open: true,
                gone: false,
                under_way: 0,
                received: Vec::new(),
                socket,
                port,
                local: SocketAddr::from(([127, 0, 0, 1], 7993)),
            };
            state.conns.insert(conn.clone(), fresh);
            conn
        });
        Device { inner: Arc::clone(&self.inner), conn }
    }

    /// Somebody publishes; devices that have subscribed to such topics get it.
    pub fn publish(&self, topic: &str, payload: &[u8]) {
        self.inner.change(|state| state.deliver("somebody", topic, 1, payload));
    }

    /// Lets calls of this method wait, `"Publish"` say, until
    /// [`release`](Self::release).
    pub fn hold(&self, method: &'static str) {
        self.inner.change(|state| state.held.push(method));
    }

    /// Lets calls of this method through again.
    pub fn release(&self, method: &'static str) {
        self.inner.change(|state| state.held.retain(|held| *held != method));
    }

    /// Answers calls as `rule` says; those it says nothing about get EMQX's
    /// usual answer. Later rules come first.
    pub fn answer(&self, rule: impl FnMut(&Call) -> Option<Reply> + Send + 'static) {
        self.inner.change(|state| state.rules.push(Box::new(rule)));
    }

    /// All calls so far, in the order of their arrival.
    #[must_use]
    pub fn calls(&self) -> Vec<Call> {
        self.inner.state().calls.clone()
    }

    /// Waits until the calls so far are as wanted.
    ///
    /// # Panics
    ///
    /// That did not happen.
    pub async fn wait(&self, mut wanted: impl FnMut(&[Call]) -> bool) {
        watch_over("the calls that were waited for", || format!("{:#?}", self.calls()), async {
            self.inner.until(|state| wanted(&state.calls).then_some(())).await;
        })
        .await;
    }

    /// Waits until no streams to the handler are open.
    ///
    /// # Panics
    ///
    /// That did not happen.
    pub async fn streams_ended(&self) {
        watch_over("the end of the streams", || format!("{} left", self.streams()), async {
            self.inner.until(|state| (state.streams == 0).then_some(())).await;
        })
        .await;
    }

    /// Streams to the handler that are open.
    #[must_use]
    pub fn streams(&self) -> usize {
        self.inner.state().streams
    }

    /// The most calls that were under way at the same time.
    #[must_use]
    pub fn most_under_way(&self) -> usize {
        self.inner.state().most_under_way
    }

    /// What a handler must not do and has done: calls that crash EMQX, two
    /// calls for one connection at the same time, gRPC errors as answers to
    /// events.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let state = self.inner.state();
        state.faults.iter().chain(&state.errors).cloned().collect()
    }
}

/// A device connected to a [`FakeEmqx`].
#[derive(Clone)]
pub struct Device {
    inner: Arc<Inner>,
    conn: String,
}

impl fmt::Debug for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Device").field(&self.conn).finish()
    }
}

impl Device {
    /// EMQX's name for the connection.
    #[must_use]
    pub fn conn(&self) -> &str {
        &self.conn
    }

    /// EMQX tells that the device has connected.
    pub fn created(&self) -> Told {
        let unknown = (Socket::Tcp, 0, SocketAddr::from(([127, 0, 0, 1], 0)));
        let (socket, port, local) = self.look(|conn| (conn.socket, conn.port, conn.local)).unwrap_or(unknown);
        let host = || "127.0.0.1".to_owned();
        let info = pb::ConnInfo {
            socktype: match socket {
                Socket::Tcp => pb::SocketType::Tcp as i32,
                Socket::Udp => pb::SocketType::Udp as i32,
            },
            peername: Some(pb::Address { host: host(), port: port.into() }),
            sockname: Some(pb::Address { host: local.ip().to_string(), port: local.port().into() }),
            peercert: None,
        };
        self.tell(events::Event::Created(info))
    }

    /// EMQX tells that bytes of the device have come.
    pub fn bytes(&self, bytes: &[u8]) -> Told {
        self.tell(events::Event::Bytes(bytes.to_vec()))
    }

    /// EMQX hands messages over, topics and payloads, in one event.
    pub fn messages(&self, messages: &[(&str, &[u8])]) -> Told {
        let messages = messages.iter().map(|(topic, payload)| events::message("somebody", topic, 1, payload));
        self.tell(events::Event::Messages(messages.collect()))
    }

    /// EMQX tells that the device was silent for too long.
    pub fn timed_out(&self) -> Told {
        self.tell(events::Event::TimedOut)
    }

    /// The device has gone, and EMQX tells so.
    pub fn close(&self) -> Told {
        self.tell(events::Event::Closed("{shutdown,tcp_closed}"))
    }

    /// EMQX loses the connection and does not tell.
    pub fn vanish(&self) {
        self.inner.change(|state| state.conns.remove(&self.conn));
    }

    /// What the handler has sent to the device.
    #[must_use]
    pub fn received(&self) -> Vec<u8> {
        self.look(|conn| conn.received.clone()).unwrap_or_default()
    }

    /// The client id the device is logged in with.
    #[must_use]
    pub fn client_id(&self) -> Option<String> {
        self.look(|conn| conn.client_id.clone()).flatten()
    }

    /// The filters the device is subscribed to, with their QoS.
    #[must_use]
    pub fn filters(&self) -> Vec<(String, u32)> {
        self.look(|conn| conn.filters.clone()).unwrap_or_default()
    }

    /// Whether EMQX has the connection open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.look(|conn| conn.open).unwrap_or(false)
    }

    /// The calls made for this device so far.
    #[must_use]
    pub fn calls(&self) -> Vec<What> {
        let state = self.inner.state();
        state.calls.iter().filter(|call| call.conn == self.conn).map(|call| call.what.clone()).collect()
    }

    /// Waits until the calls for this device are as wanted.
    ///
    /// # Panics
    ///
    /// That did not happen.
    pub async fn wait(&self, mut wanted: impl FnMut(&[What]) -> bool) {
        watch_over("the calls that were waited for", || format!("{:#?}", self.calls()), async {
            let mut changed = self.inner.changed.subscribe();
            while !wanted(&self.calls()) {
                // The sender lives as long as `self`.
                let _ = changed.changed().await;
            }
        })
        .await;
    }

    /// Waits until the device has received so many bytes.
    ///
    /// # Panics
    ///
    /// That did not happen.
    pub async fn wait_received(&self, len: usize) {
        watch_over("bytes to the device", || format!("{:02X?}", self.received()), async {
            self.inner
                .until(|state| {
                    let conn = state.conns.get(&self.conn)?;
                    (conn.received.len() >= len).then_some(())
                })
                .await;
        })
        .await;
    }

    /// Waits until the handler has closed the connection, or its end has been
    /// told to the handler.
    ///
    /// # Panics
    ///
    /// That did not happen.
    pub async fn wait_closed(&self) {
        watch_over("the end of the connection", || format!("{:#?}", self.calls()), async {
            self.inner
                .until(|state| {
                    let open = state.conns.get(&self.conn).is_some_and(|conn| conn.open);
                    (!open).then_some(())
                })
                .await;
        })
        .await;
    }

    fn look<T>(&self, look: impl FnOnce(&Conn) -> T) -> Option<T> {
        self.inner.state().conns.get(&self.conn).map(look)
    }

    fn tell(&self, event: events::Event) -> Told {
        let (answer, answered) = oneshot::channel();
        self.inner.change(|state| {
            if let Some(conn) = state.conns.get_mut(&self.conn) {
                if matches!(event, events::Event::Closed(_)) {
                    conn.open = false;
                }
                conn.queue.push(event, Some(answer));
            }
        });
        Told { answered }
    }
}

/// An event that the handler is being told of.
#[derive(Debug)]
#[must_use = "the event is told in any case; say so with `.later()`, or wait with `.answered()`"]
pub struct Told {
    answered: oneshot::Receiver<bool>,
}

impl Told {
    /// Waits until the handler has answered; over a stream, until the event
    /// is on its way.
    ///
    /// # Panics
    ///
    /// The handler did not answer, or with an error.
    pub async fn answered(self) {
        watch_over("an answer of the handler", String::new, async {
            match self.answered.await {
                Ok(true) => {}
                Ok(false) => panic!("the handler answered an event with an error"),
                Err(_) => panic!("an event of a connection that EMQX does not have"),
            }
        })
        .await;
    }

    /// Whether the handler has answered.
    #[must_use]
    pub fn is_answered(&mut self) -> bool {
        matches!(self.answered.try_recv(), Ok(true))
    }

    /// Does not wait.
    pub fn later(self) {}
}

async fn watch_over<T>(what: &str, state: impl FnOnce() -> String, wait: impl Future<Output = T>) -> T {
    match tokio::time::timeout(WATCHDOG, wait).await {
        Ok(result) => result,
        Err(_) => panic!("{what} did not come within {WATCHDOG:?}: {}", state()),
    }
}
