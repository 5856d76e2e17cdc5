//! The task behind one MQTT connection.
//!
//! It alone owns what is under way: devices reach it through a bounded
//! channel, and their inboxes take the results. There is no lock on the way of
//! a message.
//!
//! # What survives a lost connection
//!
//! Every publish is kept here until its PUBACK or PUBCOMP is in. After a
//! reconnect the MQTT client sends packets of a resumed session again by
//! itself. If the broker has lost the session, the client gives up everything
//! under way, sent or not, with an error per publish; those are published
//! again from here, oldest first, before anything new. While there is no
//! connection, nothing is taken out of the queue, so the queue fills and
//! devices wait.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::Request;
use super::device::Device;
use super::peer::Peer;
use super::reason::{self, Code};
use super::router::FilterId;
use super::settings::{Backoff, MqttSettings, random};
use super::stats::Stats;
use super::subscriptions::{Answer, Command, Subscriptions, Waiter};
use super::wire::{
    self, Client, Events, Farewell, Heard, Kind, Limits, Message, Plan, Refusal, Subscribed, Trouble,
    Verdict, Welcome,
};
use crate::session::{Outcome, Ticket};

/// SUBSCRIBE and UNSUBSCRIBE packets that may wait for their answer.
const COMMANDS_UNDER_WAY: usize = 256;
/// Requests taken out of the queue at a time, so that their packets share a
/// write to the socket.
pub(crate) const BATCH: usize = 64;
/// Connections in a row that soon broke, after which another broker is tried.
const SHORT_LIVED: u32 = 3;
/// How long a connection nobody uses any more goes on for its publishes.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// A request of a device.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) peer: Arc<Peer>,
    pub(crate) request: Request,
}

/// What cannot wait behind requests. At most one per device and one `Close`,
/// so the channel needs no bound of its own.
#[derive(Debug)]
pub(crate) enum Control {
    /// A device's link was dropped.
    Leave(u64),
    /// Finish what is under way, then end.
    Close { within: Duration, done: oneshot::Sender<()> },
}

/// How a connection is reached, and what it tells of itself.
#[derive(Debug)]
pub(crate) struct Channels {
    pub(crate) jobs: mpsc::Receiver<Job>,
    pub(crate) control: mpsc::UnboundedReceiver<Control>,
    /// Whether it stands.
    pub(crate) status: Option<watch::Sender<bool>>,
}

/// A publish under way.
#[derive(Debug)]
struct Publish {
    peer: Arc<Peer>,
    ticket: Ticket,
    topic: String,
    payload: Bytes,
    qos: u8,
    retain: bool,
}

/// The end of a packet exchange, as the MQTT client reports it.
#[derive(Debug)]
enum End {
    Publish(u64, Verdict),
    Subscribe(FilterId, Subscribed),
    Unsubscribe(Option<Waiter>, Refusal),
}

pub(crate) struct Connection {
    plan: Plan,
    settings: Arc<MqttSettings>,
    client: Client,
    /// The device whose own connection this is.
    device: Option<Device>,
    jobs: mpsc::Receiver<Job>,
    batch: Vec<Job>,
    control: mpsc::UnboundedReceiver<Control>,
    stats: Arc<Stats>,
    status: Option<watch::Sender<bool>>,
    subscriptions: Subscriptions,
    commands: VecDeque<Command>,
    commands_under_way: usize,
    /// By the order in which they were taken over.
    publishes: BTreeMap<u64, Publish>,
    last_publish: u64,
    /// Those of `publishes` that the MQTT client gave up.
    again: BTreeSet<u64>,
    ends: FuturesUnordered<Pin<Box<dyn Future<Output = End> + Send>>>,
    limits: Limits,
    /// The broker that has our session.
    home: Option<usize>,
    connected: bool,
    closing: Option<Closing>,
}

struct Closing {
    deadline: Instant,
    done: Option<oneshot::Sender<()>>,
}

/// How driving a connection ended.
enum Drove {
    Lost(Lost),
    Finished,
}

/// Why there is no connection.
#[derive(Debug)]
enum Lost {
    Error(Trouble),
    /// What is needed to connect is not there.
    NotReady(std::io::Error),
    /// The broker stopped reading. The MQTT client waits in a write then, where
    /// it neither pings nor reads.
    Stalled,
}

impl std::fmt::Display for Lost {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Error(error) => error.fmt(f),
            Self::NotReady(error) => error.fmt(f),
            Self::Stalled => f.write_str("the broker neither reads nor writes"),
        }
    }
}

impl Connection {
    /// Prepares a connection; [`run`](Self::run) makes it.
    pub(crate) fn new(
        plan: Plan,
        settings: Arc<MqttSettings>,
        channels: Channels,
        stats: Arc<Stats>,
        device: Option<Device>,
    ) -> (Self, Events) {
        let Channels { jobs, control, status } = channels;
        let (client, events) = wire::open(&plan);
        let this = Self {
            // A device has few requests at a time.
            batch: Vec::with_capacity(if device.is_some() { 0 } else { BATCH }),
            plan,
            settings,
            client,
            device,
            jobs,
            control,
            stats,
            status,
            subscriptions: Subscriptions::default(),
            commands: VecDeque::new(),
            commands_under_way: 0,
            publishes: BTreeMap::new(),
            last_publish: 0,
            again: BTreeSet::new(),
            ends: FuturesUnordered::new(),
            limits: Limits::NONE,
            home: None,
            connected: false,
            closing: None,
        };
        (this, events)
    }

    /// Runs until it is closed, or nobody can reach it any more.
    pub(crate) async fn run(mut self, mut events: Events) {
        let mut backoff = Backoff::new(&self.settings);
        let mut short_lived = 0;
        loop {
            let started = Instant::now();
            let broker = self.plan.dialer.at();
            let tried = self.plan.dialer.url().clone();
            if self.home.is_some_and(|home| home != broker) && !self.settings.one_cluster {
                // What another broker kept of an earlier visit is out of date.
                self.begin_anew(&mut events);
            }
            let lost = match self.drive(&mut events).await {
                Drove::Finished => break,
                Drove::Lost(error) => error,
            };
            let was_connected = std::mem::replace(&mut self.connected, false);
            self.tell(false);
            self.stats.disconnects.add(1);
            if backoff.is_stable(started.elapsed()) {
                backoff.reset();
                short_lived = 0;
            }
            short_lived += u32::from(was_connected);
            // One that was there has our session, so it is asked again first.
            if !was_connected || short_lived > SHORT_LIVED {
                short_lived = 0;
                self.plan.dialer.pass_over(broker);
            }
            let trouble = match &lost {
                Lost::Error(trouble) => Some(trouble),
                Lost::NotReady(_) | Lost::Stalled => None,
            };
            if self.device.as_mut().is_some_and(|device| device.is_over(trouble)) {
                break;
            }
            match &lost {
                Lost::Stalled => events.drop_connection(),
                Lost::NotReady(_)
                | Lost::Error(Trouble { kind: Kind::Network | Kind::Ended(_) | Kind::Refused(_), .. }) => {}
                // The state that the two sides share may be what is wrong. Begin a
                // new session; what was not acknowledged comes back as `Again`.
                Lost::Error(_) => self.begin_anew(&mut events),
            }
            let pause = backoff.next(random());
            tracing::warn!(
                connection = self.plan.client_id,
                broker = %tried,
                error = %lost,
                under_way = self.publishes.len(),
                again_in_ms = pause.as_millis(),
                "no connection to the MQTT broker"
            );
            if !self.pause(pause).await {
                break;
            }
        }
        self.finish(&mut events).await;
    }

    /// Gives the session up. A device's own may hold messages for it, so what
    /// is given up there is our side of it.
    fn begin_anew(&mut self, events: &mut Events) {
        self.home = None;
        if self.device.is_some() {
            (self.client, *events) = wire::open(&self.plan);
        } else {
            events.forget_session();
            events.begin_anew(true);
        }
    }

    /// Tells those who ask whether the connection stands.
    fn tell(&self, connected: bool) {
        if let Some(status) = &self.status {
            status.send_replace(connected);
        }
    }

    /// When there is no more time, for the login or for closing.
    fn deadline(&self) -> Option<Instant> {
        let closing = self.closing.as_ref().map(|closing| closing.deadline);
        let login = self.device.as_ref().and_then(Device::deadline);
        [closing, login].into_iter().flatten().min()
    }

    /// Connects and works until the connection is lost.
    async fn drive(&mut self, events: &mut Events) -> Drove {
        let login = match &self.device {
            Some(device) => Ok(device.login.clone()),
            None => self.plan.dialer.login(),
        };
        match login {
            Ok(login) => events.log_in(login),
            Err(error) => return Drove::Lost(Lost::NotReady(error)),
        }
        // A connection that works has an event per keep alive at least: a ping.
        let patience = self.plan.keep_alive * 5 / 2;
        let mut watch = tokio::time::interval(self.plan.keep_alive / 2);
        let mut last_event = Instant::now();
        loop {
            let event = {
                let mut poll = pin!(events.poll());
                loop {
                    if self.is_finished() {
                        return Drove::Finished;
                    }
                    if self.connected {
                        self.send_again();
                        self.send_commands();
                    }
                    let room = self.room();
                    let deadline = self.deadline();
                    tokio::select! {
                        event = &mut poll => break event,
                        Some(end) = self.ends.next(), if !self.ends.is_empty() => {
                            self.ended(end);
                            self.collect_ends();
                        }
                        Some(control) = self.control.recv() => self.control(control),
                        taken = self.jobs.recv_many(&mut self.batch, room), if room > 0 => {
                            if taken > 0 {
                                self.work();
                            }
                        }
                        () = until(deadline) => return Drove::Finished,
                        _ = watch.tick(), if self.connected => {
                            if patience < last_event.elapsed() {
                                return Drove::Lost(Lost::Stalled);
                            }
                        }
                    }
                }
            };
            last_event = Instant::now();
            match event {
                Ok(Heard::Connected(welcome)) => {
                    // From now on the broker may resume our session; what an
                    // earlier process left under this client id is gone.
                    events.begin_anew(self.plan.session_expiry.is_zero());
                    self.on_connected(welcome);
                    if self.device.as_mut().is_some_and(|device| !device.connected(welcome.session_present)) {
                        return Drove::Finished;
                    }
                }
                Ok(Heard::Message(message)) => self.on_message(message),
                Ok(Heard::Leaving(code)) => {
                    let reason = code.text();
                    tracing::warn!(connection = self.plan.client_id, %reason, "the MQTT broker ends the connection");
                    if let Some(device) = &mut self.device {
                        device.leaving = Some(code);
                    }
                }
                Ok(Heard::Other) => {}
                Err(error) => return Drove::Lost(Lost::Error(error)),
            }
        }
    }

    /// How many requests may be taken out of the queue now.
    fn room(&self) -> usize {
        let ready = self.connected && self.again.is_empty() && self.commands.len() < COMMANDS_UNDER_WAY;
        if !ready || self.jobs.is_closed() && self.jobs.is_empty() {
            return 0;
        }
        usize::from(self.plan.in_flight).saturating_sub(self.publishes.len()).min(BATCH)
    }

    fn is_finished(&mut self) -> bool {
        if self.closing.is_none() && self.jobs.is_closed() {
            self.begin_closing(LAST_WORDS, None);
        }
        self.closing.is_some()
            && self.publishes.is_empty()
            && self.jobs.is_empty()
            && self.commands_under_way == 0
    }

    fn begin_closing(&mut self, within: Duration, done: Option<oneshot::Sender<()>>) {
        self.jobs.close();
        let deadline = Instant::now() + within;
        match &mut self.closing {
            Some(closing) => {
                closing.deadline = closing.deadline.min(deadline);
                closing.done = done.or(closing.done.take());
            }
            None => self.closing = Some(Closing { deadline, done }),
        }
    }

    fn control(&mut self, control: Control) {
        match control {
            // A device's own subscriptions stay in its session.
            Control::Leave(_) if self.device.is_some() => {}
            Control::Leave(peer) => self.commands.extend(self.subscriptions.leave(peer)),
            Control::Close { within, done } => self.begin_closing(within, Some(done)),
        }
    }

    /// Carries out the requests of `batch`.
    fn work(&mut self) {
        let mut batch = std::mem::take(&mut self.batch);
        for Job { peer, request } in batch.drain(..) {
            match request {
                Request::Publish { ticket, topic, payload, qos, retain } => {
                    self.stats.published.add(1);
                    self.last_publish += 1;
                    let most =
                        if self.device.as_ref().is_some_and(|device| device.inherited) { 1 } else { 2 };
                    let publish = Publish { peer, ticket, topic, payload, qos: qos.min(most), retain };
                    self.publishes.insert(self.last_publish, publish);
                    self.send(self.last_publish);
                }
                Request::Subscribe { ticket, filter, qos } => {
                    if peer.is_gone() {
                        continue;
                    }
                    if filter.len() > usize::from(u16::MAX) || !rumqttc::valid_filter(&filter) {
                        peer.inbox.completed(ticket, reason::refused(Code::TOPIC_FILTER_INVALID, None));
                        continue;
                    }
                    self.commands.extend(self.subscriptions.subscribe(peer, ticket, &filter, qos.min(2)));
                }
                Request::Unsubscribe { ticket, filter } => {
                    self.commands.extend(self.subscriptions.unsubscribe(peer, ticket, &filter));
                }
                Request::Authenticate(ticket, _) => {
                    peer.inbox.completed(
                        ticket,
                        Outcome::Failed("logins don't go through the MQTT connection".into()),
                    );
                }
            }
        }
        self.batch = batch;
    }

    /// Gives a publish to the MQTT client.
    fn send(&mut self, number: u64) {
        let Some(publish) = self.publishes.get(&number) else { return };
        let outcome = match self.limits.admit(publish) {
            Err(code) => reason::refused(code, None),
            Ok(()) => {
                let Publish { topic, payload, qos, retain, .. } = publish;
                let (qos, retain) = (*qos, *retain);
                match self.client.publish(topic.clone(), payload.clone(), qos, retain) {
                    Ok(end) => {
                        self.ends.push(Box::pin(async move { End::Publish(number, end.wait(qos).await) }));
                        return;
                    }
                    Err(outcome) => outcome,
                }
            }
        };
        self.end_publish(number, outcome);
    }

    fn send_again(&mut self) {
        while let Some(number) = self.again.pop_first() {
            self.stats.resent.add(1);
            self.send(number);
        }
    }

    fn send_commands(&mut self) {
        while self.commands_under_way < COMMANDS_UNDER_WAY
            && let Some(command) = self.commands.pop_front()
        {
            match command {
                Command::Subscribe { id } => self.send_subscribe(id),
                Command::Unsubscribe { filter, waiter } => match self.client.unsubscribe(&filter) {
                    Ok(end) => {
                        self.commands_under_way += 1;
                        self.ends.push(Box::pin(async move { End::Unsubscribe(waiter, end.wait().await) }));
                    }
                    Err(error) => complete(waiter, Outcome::Failed(error)),
                },
            }
        }
    }

    fn send_subscribe(&mut self, id: FilterId) {
        let Some((filter, qos)) = self.subscriptions.filter(id) else { return };
        let number = self.limits.subscription_ids.then_some(id as usize);
        match self.client.subscribe(&filter, qos, number) {
            Some(end) => {
                self.commands_under_way += 1;
                self.ends.push(Box::pin(async move { End::Subscribe(id, end.wait().await) }));
            }
            None => self.answer(
                id,
                Answer::Refused { code: Code::TOPIC_FILTER_INVALID.0, reason: "invalid filter".into() },
            ),
        }
    }

    fn on_connected(&mut self, welcome: Welcome) {
        self.connected = true;
        self.home = Some(self.plan.dialer.at());
        self.stats.connects.add(1);
        self.limits = welcome.limits;
        self.collect_ends();
        if welcome.session_present {
            self.stats.resent.add((self.publishes.len() - self.again.len()) as u64);
        } else {
            // No session, no subscriptions: those that nobody wants any more
            // are gone by themselves, the others have to be made again.
            for command in std::mem::take(&mut self.commands) {
                if let Command::Unsubscribe { waiter, .. } = command {
                    complete(waiter, Outcome::Done);
                }
            }
            self.commands.extend(self.subscriptions.restore());
        }
        self.tell(true);
        if self.device.is_some() {
            tracing::debug!(
                client_id = self.plan.client_id,
                session_present = welcome.session_present,
                "a device is connected to the MQTT broker"
            );
            return;
        }
        tracing::info!(
            connection = self.plan.client_id,
            broker = %self.plan.dialer.url(),
            session_present = welcome.session_present,
            under_way = self.publishes.len(),
            subscriptions = self.subscriptions.len(),
            "connected to the MQTT broker"
        );
    }

    fn on_message(&mut self, mut message: Message) {
        let topic = std::mem::take(&mut message.topic);
        let Ok(topic) = std::str::from_utf8(&topic) else { return };
        let (taken, dropped) = match &self.device {
            Some(device) if device.deliver(topic, &mut message) => (1, 0),
            Some(_) => (0, 1),
            None => self.subscriptions.deliver(topic, &message.through, &message.payload, message.qos),
        };
        self.stats.messages.add(taken);
        if dropped > 0 {
            self.stats.dropped.add(dropped);
            tracing::debug!(
                connection = self.plan.client_id,
                topic,
                dropped,
                "devices had no room for a message"
            );
        }
    }

    /// Takes all reports of the MQTT client that are there.
    fn collect_ends(&mut self) {
        // Without the budget of the runtime, which would hide ready ones.
        while let Some(Some(end)) = tokio::task::unconstrained(self.ends.next()).now_or_never() {
            self.ended(end);
        }
    }

    fn ended(&mut self, end: End) {
        match end {
            End::Publish(number, Verdict::Ended(outcome)) => self.end_publish(number, outcome),
            End::Publish(number, Verdict::Again) => {
                self.again.insert(number);
            }
            End::Subscribe(id, answer) => {
                self.commands_under_way -= 1;
                match answer {
                    Subscribed::Granted => self.answer(id, Answer::Granted),
                    Subscribed::Refused(code, reason) => {
                        self.answer(id, Answer::Refused { code: code.0, reason });
                    }
                    // Filters given up meanwhile are skipped when it is sent.
                    Subscribed::Again => self.commands.push_back(Command::Subscribe { id }),
                }
            }
            End::Unsubscribe(waiter, refusal) => {
                self.commands_under_way -= 1;
                complete(
                    waiter,
                    refusal.map_or(Outcome::Done, |(code, reason)| Outcome::Refused { code: code.0, reason }),
                );
            }
        }
    }

    fn answer(&mut self, id: FilterId, answer: Answer) {
        if let (Answer::Refused { code, reason }, Some((filter, _))) =
            (&answer, self.subscriptions.filter(id))
        {
            self.stats.refused_subscriptions.add(1);
            tracing::warn!(connection = self.plan.client_id, %filter, code, reason, "the MQTT broker refuses a subscription");
        }
        self.subscriptions.subscribed(id, &answer);
    }

    fn end_publish(&mut self, number: u64, outcome: Outcome) {
        let Some(publish) = self.publishes.remove(&number) else { return };
        match &outcome {
            Outcome::Done => self.stats.acknowledged.add(1),
            Outcome::Refused { .. } => self.stats.refused.add(1),
            Outcome::Failed(_) => self.stats.failed.add(1),
        }
        publish.peer.inbox.completed(publish.ticket, outcome);
    }

    /// Waits before the next attempt; `false` if there is to be none.
    async fn pause(&mut self, pause: Duration) -> bool {
        let mut over = pin!(tokio::time::sleep(pause));
        loop {
            if self.is_finished() {
                return false;
            }
            let deadline = self.deadline();
            tokio::select! {
                () = &mut over => return true,
                () = until(deadline) => return false,
                Some(end) = self.ends.next(), if !self.ends.is_empty() => self.ended(end),
                Some(control) = self.control.recv() => self.control(control),
            }
        }
    }

    /// Says good-bye, and to those who still wait that nothing will come.
    async fn finish(mut self, events: &mut Events) {
        self.jobs.close();
        let farewell = match &mut self.device {
            None => Farewell::Forget,
            Some(device) => {
                device.too_late();
                let quiet = device.peer.has_said_good_bye() || device.peer.is_replaced();
                let has_will = self.plan.device.as_ref().is_some_and(|plan| plan.will.is_some());
                if has_will && !quiet { Farewell::Will } else { Farewell::Keep }
            }
        };
        if self.connected {
            if self.client.disconnect(farewell) {
                let gone = async { while events.poll().await.is_ok() {} };
                // A broker that does not take it in time misses only a courtesy.
                let _ = tokio::time::timeout(Duration::from_secs(1), gone).await;
            }
            self.collect_ends();
        }
        let why = "the connection to the MQTT broker was closed";
        while let Ok(job) = self.jobs.try_recv() {
            let ticket = job.request.ticket();
            job.peer.inbox.completed(ticket, Outcome::Failed(why.into()));
        }
        for publish in std::mem::take(&mut self.publishes).into_values() {
            self.stats.failed.add(1);
            publish.peer.inbox.completed(publish.ticket, Outcome::Failed(why.into()));
        }
        self.subscriptions.fail(why);
        self.tell(false);
        if let Some(done) = self.closing.and_then(|closing| closing.done) {
            let _ = done.send(());
        }
    }
}

impl Limits {
    /// Whether the broker may be given this at all: a packet beyond what it
    /// announced ends the connection, for all devices and again after each
    /// reconnect.
    fn admit(&self, publish: &Publish) -> Result<(), Code> {
        if publish.topic.len() > usize::from(u16::MAX) {
            return Err(Code::TOPIC_NAME_INVALID);
        }
        if publish.qos > self.max_qos {
            return Err(Code::QOS_NOT_SUPPORTED);
        }
        if packet_size(publish) > self.max_packet_size.map_or(LARGEST_PACKET, |max| max as usize) {
            return Err(Code::PACKET_TOO_LARGE);
        }
        Ok(())
    }
}

/// The largest packet that MQTT can express.
const LARGEST_PACKET: usize = 268_435_455 + 5;

fn packet_size(publish: &Publish) -> usize {
    let packet_id = if publish.qos == 0 { 0 } else { 2 };
    // Length and text of the topic, packet identifier, no properties, payload.
    let rest = 2 + publish.topic.len() + packet_id + 1 + publish.payload.len();
    let width = match rest {
        0..128 => 1,
        128..16_384 => 2,
        16_384..2_097_152 => 3,
        _ => 4,
    };
    1 + width + rest
}

fn complete(waiter: Option<Waiter>, outcome: Outcome) {
    if let Some((peer, ticket)) = waiter {
        peer.inbox.completed(ticket, outcome);
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
