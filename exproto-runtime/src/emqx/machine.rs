//! One connection as its handler sees it: what has happened and waits to be
//! told, what the handler wants done. No IO, no clock.
//!
//! * One event is under way; the next follows its answer. What comes meanwhile
//!   is joined to the event that waits last, where it is of the same kind:
//!   bytes of a stream to bytes, messages to messages. So a slow handler gets
//!   fewer and larger events, and none is lost.
//! * When as much waits as the [limits](super::StandInSettings) allow, the
//!   socket is not read and messages stay in the inbox.
//! * The end is the last event, behind everything that waits, and is told
//!   whatever has ended the connection.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};

use super::event::{self, Event, Waiting};
use super::reply::Reply;
use super::settings::StandInSettings;
use super::topic::Mount;
use crate::broker::Request;
use crate::exproto::pb::Message;
use crate::session::{ConnInfo, Credentials, Millis, Outcome, Ticket, Transport};

/// What fits into a datagram of UDP over IPv4, in bytes.
const LONGEST_DATAGRAM: usize = 65_507;

const EXPIRED: &str = "{shutdown,keepalive_timeout}";

/// What a handler asks for a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Send(Bytes),
    Close,
    Authenticate(Credentials),
    StartTimer { seconds: u32 },
    Publish { topic: String, payload: Bytes, qos: u32 },
    Subscribe { topic: String, qos: u32 },
    Unsubscribe { topic: String },
}

/// What is to be done, in this order. `A` is where the answer to a call goes.
#[derive(Debug)]
pub(super) enum Action<A> {
    /// Write to the socket.
    Send(Bytes),
    /// Write what is left and close the socket.
    Close,
    /// Ask the broker.
    Ask(Request),
    /// Answer a call.
    Answer(A, Reply),
}

/// What has become of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// Silent for too long; the handler is being told, and then it ends.
    Expired,
    /// The end waits behind what is left to tell.
    Ended,
    /// The end is being told.
    Telling,
    /// The handler knows of the end.
    Over,
}

#[derive(Debug)]
enum Login {
    None,
    /// The broker decides.
    UnderWay,
    Done,
}

/// A request to the broker under way.
#[derive(Debug)]
enum Asked {
    Login(Box<Mount>),
    Other,
}

#[derive(Debug)]
pub(super) struct Machine<A> {
    settings: Arc<StandInSettings>,
    at: ConnInfo,
    waiting: VecDeque<Waiting>,
    /// Bytes of devices and of payloads that wait.
    held: usize,
    messages: usize,
    in_flight: bool,
    stage: Stage,
    /// The device reads no more, or has been told to go.
    closed: bool,
    login: Login,
    mount: Mount,
    asked: HashMap<Ticket, (A, Asked)>,
    next_ticket: u64,
    actions: VecDeque<Action<A>>,
    /// When the device was last heard.
    heard: Millis,
    /// The silence that ends the connection.
    patience: Option<Duration>,
    /// The handler watches for silence itself, with a timer.
    timed: bool,
}

impl<A> Machine<A> {
    /// A connection that has just been made.
    pub(super) fn new(at: ConnInfo, settings: Arc<StandInSettings>, now: Millis) -> Self {
        let created = Waiting::Created(event::info(&at));
        Self {
            patience: Some(settings.idle_timeout).filter(|idle| !idle.is_zero()),
            settings,
            at,
            waiting: VecDeque::from([created]),
            held: 0,
            messages: 0,
            in_flight: false,
            stage: Stage::Open,
            closed: false,
            login: Login::None,
            mount: Mount::default(),
            asked: HashMap::new(),
            next_ticket: 0,
            actions: VecDeque::new(),
            heard: now,
            timed: false,
        }
    }

    /// What is to be done now.
    pub(super) fn next_action(&mut self) -> Option<Action<A>> {
        self.actions.pop_front()
    }

    /// The next event, if none is under way. It is told until
    /// [`told`](Self::told).
    pub(super) fn next_event(&mut self) -> Option<Event> {
        if self.in_flight {
            return None;
        }
        let event = self.waiting.pop_front()?.event();
        self.in_flight = true;
        match &event {
            Event::Bytes(bytes) => self.held -= bytes.len(),
            Event::Messages(messages) => {
                self.messages -= messages.len();
                self.held -= messages.iter().map(weight).sum::<usize>();
            }
            Event::Closed(_) => {
                // What the handler had to say to the device, it has said.
                self.close();
                self.stage = Stage::Telling;
            }
            Event::Created(_) | Event::TimedOut => {}
        }
        Some(event)
    }

    /// The event under way has been answered, or will not be: then the words of
    /// why it ends the connection.
    pub(super) fn told(&mut self, answer: Result<(), String>) {
        self.in_flight = false;
        match self.stage {
            Stage::Telling => self.stage = Stage::Over,
            Stage::Open | Stage::Expired | Stage::Ended if answer.is_err() => {
                // The handler has lost track of the connection.
                self.waiting.clear();
                self.held = 0;
                self.messages = 0;
                self.stage = Stage::Open;
                self.close();
                self.end(&answer.err().unwrap_or_default());
            }
            Stage::Expired if self.waiting.is_empty() => {
                self.close();
                self.end(EXPIRED);
            }
            _ => {}
        }
    }

    /// Whether the socket may be read.
    pub(super) fn wants_bytes(&self) -> bool {
        self.stage == Stage::Open && !self.closed && self.held < self.settings.held_bytes
    }

    /// Whether messages may be taken from the inbox.
    pub(super) fn wants_messages(&self) -> bool {
        self.stage == Stage::Open
            && !self.closed
            && self.held < self.settings.held_bytes
            && self.messages < self.settings.batch
    }

    /// Bytes that wait for the handler.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// Whether the device can still be sent something.
    pub(super) fn is_writable(&self) -> bool {
        !self.closed
    }

    /// Whether everything is done.
    pub(super) fn is_over(&self) -> bool {
        self.stage == Stage::Over
    }

    /// The device has sent bytes; of a datagram socket, one datagram.
    pub(super) fn bytes(&mut self, now: Millis, bytes: &[u8]) {
        self.heard = now;
        let datagrams = self.at.transport.is_datagram();
        if !self.timed && !datagrams {
            // It has to say something once.
            self.patience = None;
        }
        if bytes.is_empty() || !matches!(self.stage, Stage::Open | Stage::Expired) {
            return;
        }
        self.held += bytes.len();
        match self.waiting.back_mut() {
            Some(Waiting::Bytes(waiting)) if !datagrams => waiting.extend_from_slice(bytes),
            _ => self.waiting.push_back(Waiting::Bytes(BytesMut::from(bytes))),
        }
    }

    /// A message has come, with the topic that the broker knows.
    pub(super) fn message(&mut self, mut message: Message) {
        if self.stage != Stage::Open {
            return;
        }
        let stripped = self.mount.strip(&message.topic).len();
        message.topic.drain(..message.topic.len() - stripped);
        self.held += weight(&message);
        self.messages += 1;
        match self.waiting.back_mut() {
            Some(Waiting::Messages(waiting)) => waiting.push(message),
            _ => self.waiting.push_back(Waiting::Messages(vec![message])),
        }
    }

    /// The device has said that it sends no more. It may still read what the
    /// handler answers to its last bytes.
    pub(super) fn half_closed(&mut self) {
        self.end(self.closed_by_device());
    }

    /// The words for an end that came from the device, or from nobody knows
    /// where.
    pub(super) fn closed_by_device(&self) -> &'static str {
        match self.at.transport {
            Transport::Tls | Transport::Dtls => "{shutdown,ssl_closed}",
            Transport::Tcp | Transport::Udp => "{shutdown,tcp_closed}",
        }
    }

    /// The socket is gone, or is to go: the words of why.
    pub(super) fn gone(&mut self, reason: &str) {
        self.close();
        self.end(reason);
    }

    /// When [`due`](Self::due) has to be called.
    pub(super) fn next_due(&self) -> Option<Millis> {
        let patience = self.patience.filter(|_| self.stage == Stage::Open)?;
        Some(self.heard.saturating_add(u64::try_from(patience.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Time has passed.
    pub(super) fn due(&mut self, now: Millis) {
        if self.next_due().is_none_or(|due| due > now) {
            return;
        }
        if self.timed {
            self.stage = Stage::Expired;
            self.waiting.push_back(Waiting::TimedOut);
        } else {
            self.gone("{shutdown,idle_timeout}");
        }
    }

    /// The handler asks for something.
    pub(super) fn call(&mut self, now: Millis, call: Call, to: A) {
        let reply = match call {
            Call::Send(bytes) if self.at.transport.is_datagram() && bytes.len() > LONGEST_DATAGRAM => {
                Reply::Wrong
            }
            Call::Send(bytes) => {
                if !self.closed {
                    self.actions.push_back(Action::Send(bytes));
                }
                Reply::Done
            }
            Call::Close => {
                let expired = self.stage == Stage::Expired;
                self.gone(if expired { EXPIRED } else { "{shutdown,normal}" });
                Reply::Done
            }
            Call::StartTimer { seconds: 0 } => Reply::Wrong,
            Call::StartTimer { seconds } => {
                // One and a half times the interval, as EMQX does from 5.7.2 on.
                self.patience = Some(Duration::from_millis(u64::from(seconds) * 1500));
                self.timed = true;
                self.heard = now;
                Reply::Done
            }
            Call::Authenticate(who) => return self.authenticate(who, to),
            Call::Publish { qos: 3.., .. } | Call::Subscribe { qos: 3.., .. } => Reply::Wrong,
            _ if !self.may_ask() => Reply::Unexpected,
            Call::Publish { topic, payload, qos } => {
                let Some(topic) = self.mount.topic(&topic) else { return self.wrong(to) };
                let qos = qos as u8;
                return self.ask(to, Asked::Other, |ticket| Request::Publish {
                    ticket,
                    topic,
                    payload,
                    qos,
                    retain: false,
                });
            }
            // Messages come with the QoS they were published with, as from EMQX.
            Call::Subscribe { topic, .. } => {
                let Some(filter) = self.mount.filter(&topic) else { return self.wrong(to) };
                return self.ask(to, Asked::Other, |ticket| Request::Subscribe { ticket, filter, qos: 2 });
            }
            Call::Unsubscribe { topic } => {
                // What cannot be subscribed to was not.
                match self.mount.filter(&topic) {
                    Some(filter) => {
                        return self.ask(to, Asked::Other, |ticket| Request::Unsubscribe { ticket, filter });
                    }
                    None => Reply::Done,
                }
            }
        };
        self.actions.push_back(Action::Answer(to, reply));
    }

    /// The broker has answered a request.
    pub(super) fn completed(&mut self, ticket: Ticket, outcome: &Outcome) {
        let Some((to, asked)) = self.asked.remove(&ticket) else { return };
        let reply = match asked {
            Asked::Login(mount) if outcome.is_done() => {
                self.login = Login::Done;
                self.mount = *mount;
                Reply::Done
            }
            Asked::Login(_) => {
                // The connection stays; the handler may try again or close it.
                self.login = Login::None;
                Reply::of_login(outcome)
            }
            Asked::Other => Reply::of(outcome),
        };
        self.actions.push_back(Action::Answer(to, reply));
    }

    /// Where the answers go that nobody will give any more.
    pub(super) fn abandon(&mut self) {
        let tickets: Vec<Ticket> = self.asked.keys().copied().collect();
        for ticket in tickets {
            self.completed(ticket, &Outcome::Failed("the connection to the broker has ended".into()));
        }
    }

    fn may_ask(&self) -> bool {
        // What the last bytes of a device lead to is still done when it has gone.
        matches!(self.login, Login::Done) && !matches!(self.stage, Stage::Telling | Stage::Over)
    }

    fn authenticate(&mut self, who: Credentials, to: A) {
        let reply = match (self.stage, &self.login) {
            (Stage::Telling | Stage::Over, _) => Reply::Disconnected,
            (_, Login::UnderWay | Login::Done) => Reply::Duplicate,
            _ if who.client_id.is_empty() || who.client_id.contains('\0') => Reply::Nameless,
            _ => {
                self.login = Login::UnderWay;
                let username = who.username.as_deref().unwrap_or_default();
                let template = &self.settings.mountpoint;
                let mount = Box::new(Mount::of(template, &who.client_id, username, self.at.peer.ip()));
                let who = Box::new(who);
                return self.ask(to, Asked::Login(mount), |ticket| Request::Authenticate(ticket, who));
            }
        };
        self.actions.push_back(Action::Answer(to, reply));
    }

    fn wrong(&mut self, to: A) {
        self.actions.push_back(Action::Answer(to, Reply::Wrong));
    }

    fn ask(&mut self, to: A, asked: Asked, request: impl FnOnce(Ticket) -> Request) {
        self.next_ticket += 1;
        let ticket = Ticket(self.next_ticket);
        self.asked.insert(ticket, (to, asked));
        self.actions.push_back(Action::Ask(request(ticket)));
    }

    fn close(&mut self) {
        if !std::mem::replace(&mut self.closed, true) {
            self.actions.push_back(Action::Close);
        }
    }

    fn end(&mut self, reason: &str) {
        if matches!(self.stage, Stage::Open | Stage::Expired) {
            self.stage = Stage::Ended;
            self.waiting.push_back(Waiting::Closed(reason.into()));
        }
    }
}

/// What a message holds of the memory that waits.
fn weight(message: &Message) -> usize {
    message.topic.len() + message.payload.len()
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
