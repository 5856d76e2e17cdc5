//! A scripted MQTT 5 broker for fault tests.
//!
//! It speaks just enough MQTT to be published to, and does what the script
//! says: withholds acknowledgements, refuses, drops connections, forgets its
//! sessions, stops listening. It records what it has acknowledged, *before*
//! the acknowledgement leaves. It is a test instrument, not a broker: it does
//! not pass messages from one client to another, keeps everything in memory
//! for ever, and trusts its clients.
//!
//! ```
//! use exproto_runtime::broker::{Broker, Link, MqttBroker, MqttSettings, Request, inbox};
//! use exproto_runtime::session::{ConnInfo, Outcome, Ticket};
//! use exproto_runtime::testkit::mqtt::ScriptedBroker;
//!
//! # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
//! let scripted = ScriptedBroker::start().await?;
//! let broker = MqttBroker::start(MqttSettings::new(scripted.url()));
//! let (sender, mut receiver) = inbox(10);
//! let mut link = broker.link(&ConnInfo::default(), sender);
//!
//! scripted.pause();
//! let publish = Request::Publish { ticket: Ticket(1), topic: "t".into(), payload: "p".into(), qos: 1, retain: false };
//! link.submit(publish).await.unwrap();
//! scripted.until(|seen| seen.received.len() == 1).await;
//! assert!(receiver.try_next().is_none(), "not acknowledged, not done");
//!
//! scripted.kill();
//! scripted.resume();
//! receiver.next().await;
//! assert_eq!(scripted.seen().acknowledged[0].topic, "t");
//! # Ok(()) }
//! ```

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use rumqttc::{
    ConnAck, ConnAckProperties, ConnectAuth, ConnectReturnCode, Disconnect, DisconnectReasonCode, Packet,
    PubAck, PubAckReason, PubComp, PubRec, PubRecReason, Publish, PublishProperties, QoS, SubAck, Subscribe,
    SubscribeReasonCode, UnsubAck, UnsubAckReason,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;

use crate::broker::MqttUrl;

/// A publish, as the scripted broker got it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether it came with the retain flag.
    pub retain: bool,
    /// Whether the client marked it as sent again.
    pub dup: bool,
}

/// What the scripted broker has seen so far.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Seen {
    /// Every PUBLISH that arrived, in order.
    pub received: Vec<Published>,
    /// Every publish it acknowledged well (QoS 0: took), in order, noted
    /// before the acknowledgement was written. QoS 2: with its PUBCOMP.
    pub acknowledged: Vec<Published>,
    /// Every filter of a SUBSCRIBE that arrived, in order.
    pub subscribed: Vec<String>,
    /// Every filter of an UNSUBSCRIBE that arrived, in order.
    pub unsubscribed: Vec<String>,
    /// CONNECT packets that arrived.
    pub connects: usize,
    /// User name and password of every CONNECT, in order.
    pub logins: Vec<(Option<String>, Option<String>)>,
    /// CONNECT packets answered with "session present".
    pub resumed: usize,
    /// Clients connected now, after their CONNACK.
    pub connected: usize,
}

/// A broker that does what a test says.
pub struct ScriptedBroker {
    shared: Arc<Shared>,
    address: SocketAddr,
    acceptor: Mutex<Option<AbortHandle>>,
}

struct Shared {
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    seen: Seen,
    paused: bool,
    hold_connack: bool,
    kill_at_publish: Option<usize>,
    refusals: Vec<(String, u8)>,
    refused_filters: Vec<(String, u8)>,
    refused_logins: Vec<(String, u8)>,
    max_packet_size: Option<u32>,
    max_qos: Option<u8>,
    sessions: HashMap<String, Session>,
    clients: HashMap<u64, Client>,
    last_client: u64,
    frozen: bool,
}

/// What outlives a connection.
#[derive(Default)]
struct Session {
    /// Filter, QoS, subscription identifier.
    filters: Vec<(String, u8, Option<usize>)>,
    /// Publishes of QoS 2 between PUBREC and PUBREL.
    halfway: HashMap<u16, Published>,
}

struct Client {
    client_id: String,
    keep: bool,
    established: bool,
    out: mpsc::UnboundedSender<Packet>,
    task: Option<AbortHandle>,
    withheld: Vec<Publish>,
    last_packet_id: u16,
}

impl ScriptedBroker {
    /// Listens on loopback, on a port the system chooses.
    ///
    /// # Errors
    ///
    /// What binding the socket says.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let broker = Self {
            address: listener.local_addr()?,
            shared: Arc::new(Shared { state: Mutex::default(), changed: watch::channel(()).0 }),
            acceptor: Mutex::new(None),
        };
        broker.accept(listener);
        Ok(broker)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as the address of a broker.
    #[must_use]
    pub fn url(&self) -> MqttUrl {
        self.address.into()
    }

    /// What it has seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.shared.lock().seen.clone()
    }

    /// Waits until it has seen something.
    pub async fn until(&self, mut condition: impl FnMut(&Seen) -> bool) {
        let mut changes = self.shared.changed.subscribe();
        loop {
            changes.mark_unchanged();
            if condition(&self.shared.lock().seen) {
                return;
            }
            // The sender lives as long as `self`.
            let _ = changes.changed().await;
        }
    }

    /// Withholds acknowledgements of publishes until [`resume`](Self::resume).
    /// All else goes on, pings too.
    pub fn pause(&self) {
        self.shared.lock().paused = true;
    }

    /// Sends the acknowledgements withheld, and withholds none from now on.
    pub fn resume(&self) {
        let mut state = self.shared.lock();
        state.paused = false;
        let clients: Vec<_> = state.clients.keys().copied().collect();
        for client in clients {
            for publish in state
                .clients
                .get_mut(&client)
                .map(|client| std::mem::take(&mut client.withheld))
                .into_iter()
                .flatten()
            {
                state.acknowledge(client, &publish);
            }
        }
        drop(state);
        self.shared.changed.send_replace(());
    }

    /// Lets clients connect but leaves CONNECT unanswered, until
    /// [`answer_connects`](Self::answer_connects).
    pub fn hold_connects(&self) {
        self.shared.lock().hold_connack = true;
    }

    /// Answers CONNECT packets from now on. Those held stay unanswered: drop
    /// them with [`kill`](Self::kill).
    pub fn answer_connects(&self) {
        self.shared.lock().hold_connack = false;
    }

    /// Stops reading from its clients, until [`thaw`](Self::thaw): their writes
    /// fill the socket and stand still.
    pub fn freeze(&self) {
        self.shared.lock().frozen = true;
    }

    /// Reads from its clients again.
    pub fn thaw(&self) {
        self.shared.lock().frozen = false;
        self.shared.changed.send_replace(());
    }

    /// Drops all connections at once, without acknowledging anything.
    pub fn kill(&self) {
        let mut state = self.shared.lock();
        let clients: Vec<_> = state.clients.keys().copied().collect();
        for client in clients {
            state.drop_client(client);
        }
        drop(state);
        self.shared.changed.send_replace(());
    }

    /// Drops the connection on which the `n`th PUBLISH from now arrives,
    /// before it is acknowledged (1: the next one).
    pub fn kill_at_publish(&self, n: usize) {
        self.shared.lock().kill_at_publish = Some(n);
    }

    /// Forgets the sessions of clients that are not connected.
    pub fn forget_sessions(&self) {
        let mut state = self.shared.lock();
        let connected: Vec<_> = state.clients.values().map(|client| client.client_id.clone()).collect();
        state.sessions.retain(|client_id, _| connected.contains(client_id));
    }

    /// Refuses the next publish on a topic with this reason code.
    pub fn refuse(&self, topic: &str, code: u8) {
        self.shared.lock().refusals.push((topic.into(), code));
    }

    /// Refuses the next subscription of a filter with this reason code.
    pub fn refuse_subscription(&self, filter: &str, code: u8) {
        self.shared.lock().refused_filters.push((filter.into(), code));
    }

    /// Refuses the next CONNECT of a client with this reason code: 0x86 to
    /// 0x89.
    pub fn refuse_login(&self, client_id: &str, code: u8) {
        self.shared.lock().refused_logins.push((client_id.into(), code));
    }

    /// Announces limits in CONNACK, from the next connection on.
    pub fn announce(&self, max_packet_size: Option<u32>, max_qos: Option<u8>) {
        let mut state = self.shared.lock();
        (state.max_packet_size, state.max_qos) = (max_packet_size, max_qos);
    }

    /// Refuses connections from now on; those that stand stay.
    pub fn stop_listening(&self) {
        if let Some(acceptor) = self.acceptor.lock().unwrap_or_else(PoisonError::into_inner).take() {
            acceptor.abort();
        }
    }

    /// Listens on the same port again.
    ///
    /// # Errors
    ///
    /// What binding the socket says.
    pub async fn listen_again(&self) -> io::Result<()> {
        self.stop_listening();
        let listener = loop {
            // The old listener goes with its task, shortly after the abort.
            match TcpListener::bind(self.address).await {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => tokio::task::yield_now().await,
                other => break other?,
            }
        };
        self.accept(listener);
        Ok(())
    }

    /// Sends a message to every client that subscribed to it: one copy per
    /// matching subscription, as a broker may. Returns the number of copies.
    pub fn deliver(&self, topic: &str, payload: impl Into<Bytes>, qos: u8) -> usize {
        let payload = payload.into();
        let mut state = self.shared.lock();
        let State { sessions, clients, .. } = &mut *state;
        let mut copies = 0;
        for client in clients.values_mut().filter(|client| client.established) {
            let filters = sessions.get(&client.client_id).map_or(&[][..], |session| &session.filters);
            for (filter, granted, id) in filters {
                if !rumqttc::matches(topic, filter) {
                    continue;
                }
                let qos = level(qos.min(*granted));
                let mut publish = Publish::new(topic, qos, payload.clone(), None);
                if qos != QoS::AtMostOnce {
                    client.last_packet_id = client.last_packet_id.checked_add(1).unwrap_or(1);
                    publish.pkid = client.last_packet_id;
                }
                publish.properties = id
                    .map(|id| PublishProperties { subscription_identifiers: vec![id], ..Default::default() });
                copies += 1;
                let _ = client.out.send(Packet::Publish(publish));
            }
        }
        copies
    }

    fn accept(&self, listener: TcpListener) {
        let shared = Arc::clone(&self.shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                shared.admit(stream);
            }
        });
        *self.acceptor.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.abort_handle());
    }
}

impl Drop for ScriptedBroker {
    fn drop(&mut self) {
        self.stop_listening();
        self.kill();
    }
}

impl fmt::Debug for ScriptedBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedBroker")
            .field("address", &self.address)
            .field("seen", &self.seen())
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(self: &Arc<Self>, stream: TcpStream) {
        let (out, queue) = mpsc::unbounded_channel();
        let mut state = self.lock();
        state.last_client += 1;
        let number = state.last_client;
        let client = Client {
            client_id: String::new(),
            keep: false,
            established: false,
            out,
            task: None,
            withheld: Vec::new(),
            last_packet_id: 0,
        };
        state.clients.insert(number, client);
        let shared = Arc::clone(self);
        // The task needs the lock for its first step, so it cannot end before
        // its handle is stored.
        let task = tokio::spawn(async move {
            // Malformed packets and closed sockets end the client alike.
            let _ = shared.serve(number, stream, queue).await;
            shared.lock().drop_client(number);
            shared.changed.send_replace(());
        });
        if let Some(client) = state.clients.get_mut(&number) {
            client.task = Some(task.abort_handle());
        }
    }

    async fn serve(
        &self,
        number: u64,
        stream: TcpStream,
        mut queue: mpsc::UnboundedReceiver<Packet>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let _ = stream.set_nodelay(true);
        let (mut reader, mut writer) = stream.into_split();
        let mut input = BytesMut::with_capacity(1 << 16);
        let mut output = BytesMut::new();
        let mut changes = self.changed.subscribe();
        loop {
            tokio::select! {
                packet = queue.recv() => {
                    let Some(packet) = packet else { return Ok(()) };
                    packet.write(&mut output, None)?;
                    while let Ok(packet) = queue.try_recv() {
                        packet.write(&mut output, None)?;
                    }
                    writer.write_all_buf(&mut output).await?;
                }
                read = async {
                    let _ = changes.wait_for(|()| !self.lock().frozen).await;
                    reader.read_buf(&mut input).await
                } => {
                    if read? == 0 {
                        return Ok(());
                    }
                    loop {
                        match Packet::read(&mut input, None) {
                            Ok(packet) => {
                                let goes_on = self.lock().take(number, packet);
                                self.changed.send_replace(());
                                if !goes_on {
                                    return Ok(());
                                }
                            }
                            Err(rumqttc::mqttbytes::Error::InsufficientBytes(_)) => break,
                            Err(error) => return Err(error.into()),
                        }
                    }
                }
            }
        }
    }
}

impl State {
    /// Takes a packet; `false` ends the client.
    fn take(&mut self, number: u64, packet: Packet) -> bool {
        match packet {
            Packet::Connect(connect, _, auth) => {
                self.seen.logins.push(login(auth));
                let keep =
                    connect.properties.is_some_and(|properties| properties.session_expiry_interval > Some(0));
                self.connect(number, connect.client_id, connect.clean_start, keep);
            }
            Packet::Publish(publish) => return self.publish(number, publish),
            Packet::PubRel(release) => {
                let client_id = self.client_id(number);
                let published = self
                    .sessions
                    .get_mut(&client_id)
                    .and_then(|session| session.halfway.remove(&release.pkid));
                self.seen.acknowledged.extend(published);
                self.send(number, Packet::PubComp(PubComp::new(release.pkid, None)));
            }
            Packet::Subscribe(subscribe) => self.subscribe(number, &subscribe),
            Packet::Unsubscribe(unsubscribe) => {
                let client_id = self.client_id(number);
                let session = self.sessions.entry(client_id).or_default();
                session.filters.retain(|(filter, ..)| !unsubscribe.filters.contains(filter));
                let reasons = unsubscribe.filters.iter().map(|_| UnsubAckReason::Success).collect();
                self.seen.unsubscribed.extend(unsubscribe.filters);
                self.send(
                    number,
                    Packet::UnsubAck(UnsubAck { pkid: unsubscribe.pkid, reasons, properties: None }),
                );
            }
            Packet::PingReq => self.send(number, Packet::PingResp),
            Packet::Disconnect(disconnect) => {
                let expiry = disconnect.properties.and_then(|properties| properties.session_expiry_interval);
                if let (Some(0), Some(client)) = (expiry, self.clients.get_mut(&number)) {
                    client.keep = false;
                }
                return false;
            }
            // Acknowledgements of what was delivered.
            _ => {}
        }
        true
    }

    fn connect(&mut self, number: u64, client_id: String, clean_start: bool, keep: bool) {
        self.seen.connects += 1;
        if let Some(at) = self.refused_logins.iter().position(|(refused, _)| *refused == client_id) {
            let code = connect_reason(self.refused_logins.remove(at).1);
            let properties = Some(no_properties());
            self.send(number, Packet::ConnAck(ConnAck { session_present: false, code, properties }));
            return;
        }
        self.take_over(&client_id);
        if clean_start {
            self.sessions.remove(&client_id);
        }
        let session_present = self.sessions.contains_key(&client_id);
        self.sessions.entry(client_id.clone()).or_default();
        let Some(client) = self.clients.get_mut(&number) else { return };
        (client.client_id, client.keep) = (client_id, keep);
        if self.hold_connack {
            return;
        }
        client.established = true;
        self.seen.connected += 1;
        self.seen.resumed += usize::from(session_present);
        let properties = ConnAckProperties {
            max_packet_size: self.max_packet_size,
            max_qos: self.max_qos,
            ..no_properties()
        };
        let answer =
            ConnAck { session_present, code: ConnectReturnCode::Success, properties: Some(properties) };
        self.send(number, Packet::ConnAck(answer));
    }

    /// Ends the connection that has the client id now.
    fn take_over(&mut self, client_id: &str) {
        let has_it = |client: &Client| client.established && client.client_id == client_id;
        let Some(number) = self.clients.iter().find(|(_, client)| has_it(client)).map(|(number, _)| *number)
        else {
            return;
        };
        let code = DisconnectReasonCode::SessionTakenOver;
        self.send(number, Packet::Disconnect(Disconnect::new(code)));
        // Its task ends when it has written that.
        self.clients.remove(&number);
        self.seen.connected -= 1;
    }

    fn publish(&mut self, number: u64, publish: Publish) -> bool {
        self.seen.received.push(record(&publish));
        if let Some(left) = &mut self.kill_at_publish {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.kill_at_publish = None;
                return false;
            }
        }
        if self.paused && publish.qos != QoS::AtMostOnce {
            if let Some(client) = self.clients.get_mut(&number) {
                client.withheld.push(publish);
            }
        } else {
            self.acknowledge(number, &publish);
        }
        true
    }

    fn acknowledge(&mut self, number: u64, publish: &Publish) {
        let published = record(publish);
        let refusal = self.refusals.iter().position(|(topic, _)| *topic == published.topic);
        let code = refusal.map(|at| self.refusals.remove(at).1);
        let packet = match publish.qos {
            QoS::AtMostOnce => {
                self.seen.acknowledged.push(published);
                return;
            }
            QoS::AtLeastOnce => {
                let mut answer = PubAck::new(publish.pkid, None);
                match code {
                    Some(code) => answer.reason = puback_reason(code),
                    None => self.seen.acknowledged.push(published),
                }
                Packet::PubAck(answer)
            }
            QoS::ExactlyOnce => {
                let mut answer = PubRec::new(publish.pkid, None);
                match code {
                    Some(_) => answer.reason = PubRecReason::NotAuthorized,
                    None => {
                        let client_id = self.client_id(number);
                        self.sessions.entry(client_id).or_default().halfway.insert(publish.pkid, published);
                    }
                }
                Packet::PubRec(answer)
            }
        };
        self.send(number, packet);
    }

    fn subscribe(&mut self, number: u64, subscribe: &Subscribe) {
        let client_id = self.client_id(number);
        let id = subscribe.properties.as_ref().and_then(|properties| properties.id);
        let mut return_codes = Vec::new();
        for filter in &subscribe.filters {
            self.seen.subscribed.push(filter.path.clone());
            let refusal = self.refused_filters.iter().position(|(path, _)| *path == filter.path);
            if let Some(at) = refusal {
                return_codes.push(suback_reason(self.refused_filters.remove(at).1));
                continue;
            }
            let session = self.sessions.entry(client_id.clone()).or_default();
            session.filters.retain(|(path, ..)| *path != filter.path);
            session.filters.push((filter.path.clone(), filter.qos as u8, id));
            return_codes.push(SubscribeReasonCode::Success(filter.qos));
        }
        self.send(number, Packet::SubAck(SubAck { pkid: subscribe.pkid, return_codes, properties: None }));
    }

    fn send(&self, number: u64, packet: Packet) {
        if let Some(client) = self.clients.get(&number) {
            // The client may be gone.
            let _ = client.out.send(packet);
        }
    }

    fn client_id(&self, number: u64) -> String {
        self.clients.get(&number).map(|client| client.client_id.clone()).unwrap_or_default()
    }

    fn drop_client(&mut self, number: u64) {
        let Some(client) = self.clients.remove(&number) else { return };
        self.seen.connected -= usize::from(client.established);
        let taken_over = self.clients.values().any(|other| other.client_id == client.client_id);
        if !client.keep && !taken_over {
            self.sessions.remove(&client.client_id);
        }
        if let Some(task) = client.task {
            task.abort();
        }
    }
}

fn login(auth: ConnectAuth) -> (Option<String>, Option<String>) {
    let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
    match auth {
        ConnectAuth::None => (None, None),
        ConnectAuth::Username { username } => (Some(username), None),
        ConnectAuth::Password { password } => (None, Some(text(password))),
        ConnectAuth::UsernamePassword { username, password } => (Some(username), Some(text(password))),
    }
}

fn record(publish: &Publish) -> Published {
    Published {
        topic: String::from_utf8_lossy(&publish.topic).into_owned(),
        payload: publish.payload.clone(),
        qos: publish.qos as u8,
        retain: publish.retain,
        dup: publish.dup,
    }
}

fn level(qos: u8) -> QoS {
    match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

fn puback_reason(code: u8) -> PubAckReason {
    match code {
        0x10 => PubAckReason::NoMatchingSubscribers,
        0x83 => PubAckReason::ImplementationSpecificError,
        0x87 => PubAckReason::NotAuthorized,
        0x90 => PubAckReason::TopicNameInvalid,
        0x97 => PubAckReason::QuotaExceeded,
        0x99 => PubAckReason::PayloadFormatInvalid,
        _ => PubAckReason::UnspecifiedError,
    }
}

fn connect_reason(code: u8) -> ConnectReturnCode {
    match code {
        0x86 => ConnectReturnCode::BadUserNamePassword,
        0x87 => ConnectReturnCode::NotAuthorized,
        0x89 => ConnectReturnCode::ServerBusy,
        _ => ConnectReturnCode::ServerUnavailable,
    }
}

fn suback_reason(code: u8) -> SubscribeReasonCode {
    match code {
        0x87 => SubscribeReasonCode::NotAuthorized,
        0x8F => SubscribeReasonCode::TopicFilterInvalid,
        0x97 => SubscribeReasonCode::QuotaExceeded,
        _ => SubscribeReasonCode::Unspecified,
    }
}

fn no_properties() -> ConnAckProperties {
    ConnAckProperties {
        session_expiry_interval: None,
        receive_max: None,
        max_qos: None,
        retain_available: None,
        max_packet_size: None,
        assigned_client_identifier: None,
        topic_alias_max: None,
        reason_string: None,
        user_properties: Vec::new(),
        wildcard_subscription_available: None,
        subscription_identifiers_available: None,
        shared_subscription_available: None,
        server_keep_alive: None,
        response_information: None,
        server_reference: None,
        authentication_method: None,
        authentication_data: None,
    }
}
