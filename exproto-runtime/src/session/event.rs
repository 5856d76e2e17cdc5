//! What happens to a session, and what it wants done.

use core::fmt;
use core::ops::Range;
use core::time::Duration;

use super::lookup::{Lookup, Ran};
use super::topic::{TopicBuf, TopicPolicy};

/// Milliseconds on a clock of the driver that never runs backwards.
///
/// The session has no clock: each event says when it happened.
pub type Millis = u64;

/// When an event happened, on two clocks of the driver.
///
/// # Examples
///
/// ```
/// use exproto_runtime::session::Now;
///
/// let now = Now::new(1_500, 1_717_128_000_000);
/// assert_eq!((now.clock, now.unix), (1_500, 1_717_128_000_000));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// What timeouts are counted on: never runs backwards.
    pub clock: Millis,
    /// Milliseconds since 1970-01-01T00:00Z, as far as the machine knows:
    /// what a device is told that asks for the time.
    pub unix: i64,
}

impl Now {
    /// The reading of both clocks.
    #[must_use]
    pub const fn new(clock: Millis, unix: i64) -> Self {
        Self { clock, unix }
    }
}

/// Something that happened to a device connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'e> {
    /// The socket is open.
    Connected,
    /// Bytes arrived; where the [transport](super::Transport) has datagrams, one
    /// of them.
    Bytes(&'e [u8]),
    /// A message arrived for a filter the session subscribed to.
    Message {
        /// The topic it was published on.
        topic: &'e str,
        /// Its payload.
        payload: &'e [u8],
    },
    /// An action that carried this ticket has ended.
    Completed(Ticket, Outcome),
    /// The lookup of an [`Action::Run`] that carried this ticket has ended.
    Ran(Ticket, Ran),
    /// The time asked for with [`Action::StartTimer`] has come.
    Timer,
    /// The socket is closed; no event follows.
    Closed,
}

/// The number under which an action reports its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// How an action ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// Done: for a QoS 1 or 2 publish, the broker has acknowledged it.
    Done,
    /// The broker refused: bad credentials, not authorised.
    Refused {
        /// The MQTT 5 reason code, 0x87 "not authorized" where nothing better is known.
        code: u8,
        /// The reason as text.
        reason: Box<str>,
    },
    /// It could not be tried or its end is unknown.
    Failed(Box<str>),
}

impl Outcome {
    /// `done` on success, `otherwise` else.
    pub fn pick<T>(&self, done: T, otherwise: T) -> T {
        if self.is_done() { done } else { otherwise }
    }

    /// Whether it ended well.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Refused { code, reason } => write!(f, "refused ({code:#04x} {reason})"),
            Self::Failed(why) => write!(f, "failed ({why})"),
        }
    }
}

/// Who a device says it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Credentials {
    /// The MQTT client id of the device.
    pub client_id: String,
    /// The user name, if the protocol has one.
    pub username: Option<String>,
    /// The password, if the protocol has one.
    pub password: Option<String>,
}

/// Why a session closes its connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The device said good-bye.
    Done(Box<str>),
    /// The broker refused the device.
    Refused(Box<str>),
    /// More bad frames in a row than the settings allow.
    BadFrames,
    /// The stream cannot be read any further.
    Unreadable,
    /// No whole frame arrived in the time that a new connection has for it.
    NoFrame,
    /// Nothing arrived for too long.
    Idle,
    /// More bytes arrived than are kept while a frame waits for the broker.
    Flooded,
    /// What the device sent could not be handed to the broker in time.
    Undelivered(Box<str>),
    /// Code of the user asked for it, or panicked.
    User(Box<str>),
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done(why) => write!(f, "done: {why}"),
            Self::Refused(why) => write!(f, "refused: {why}"),
            Self::BadFrames => f.write_str("too many bad frames"),
            Self::Unreadable => f.write_str("stream cannot be read any further"),
            Self::NoFrame => f.write_str("no whole frame arrived in time"),
            Self::Idle => f.write_str("idle"),
            Self::Flooded => {
                f.write_str("more bytes arrived than are kept while a frame waits for the broker")
            }
            Self::Undelivered(why) => write!(f, "not delivered to the broker: {why}"),
            Self::User(why) => f.write_str(why),
        }
    }
}

/// Something the session wants done, in this order.
///
/// Texts and bytes are ranges of the [`Out`] that carries the action.
#[derive(Debug)]
#[non_exhaustive]
pub enum Action {
    /// Send these bytes to the device.
    Send(Range<usize>),
    /// Close the socket after what was sent.
    Close(CloseReason),
    /// Log the device in; answered by [`Event::Completed`].
    Authenticate(Ticket, Box<Credentials>),
    /// Publish; answered by [`Event::Completed`].
    Publish {
        /// Reports its end.
        ticket: Ticket,
        /// The topic, valid for publishing.
        topic: Range<usize>,
        /// The payload.
        payload: Range<usize>,
        /// 0, 1 or 2.
        qos: u8,
        /// Whether the broker keeps it for later subscribers.
        retain: bool,
    },
    /// Subscribe; answered by [`Event::Completed`].
    Subscribe {
        /// Reports its end.
        ticket: Ticket,
        /// A valid filter.
        filter: Range<usize>,
        /// 0, 1 or 2.
        qos: u8,
    },
    /// Unsubscribe; answered by [`Event::Completed`].
    Unsubscribe {
        /// Reports its end.
        ticket: Ticket,
        /// A filter subscribed to before.
        filter: Range<usize>,
    },
    /// Poll this to its end; answered by [`Event::Ran`].
    Run(Ticket, Lookup),
    /// Give [`Event::Timer`] after this time. Replaces an earlier timer.
    StartTimer(Duration),
}

/// The actions of one event and the bytes they speak of.
///
/// A driver keeps one per thread and reuses it.
#[derive(Debug, Default)]
pub struct Out {
    actions: Vec<Action>,
    bytes: Vec<u8>,
    /// Actions before this one belong to earlier events.
    first: usize,
    /// Lent to the routes, see [`Asks::topic`](super::Asks::topic).
    topic: TopicBuf,
    /// What the `auth` route that is just asked keeps.
    kept: Vec<(&'static str, Box<str>)>,
}

/// A state of an [`Out`] to come back to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    actions: usize,
    bytes: usize,
}

impl Out {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets all actions, keeps the memory.
    pub fn clear(&mut self) {
        self.actions.clear();
        self.bytes.clear();
        self.first = 0;
    }

    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty()
    }

    /// The actions in order.
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// Takes the actions out, in order; the bytes stay until [`clear`](Self::clear).
    pub fn drain(&mut self) -> std::vec::Drain<'_, Action> {
        self.actions.drain(..)
    }

    /// Takes actions and bytes apart, so that the bytes can be read while the
    /// actions are taken out.
    pub fn parts(&mut self) -> (std::vec::Drain<'_, Action>, &[u8]) {
        (self.actions.drain(..), &self.bytes)
    }

    /// The bytes of a range.
    #[must_use]
    pub fn bytes(&self, range: &Range<usize>) -> &[u8] {
        self.bytes.get(range.clone()).unwrap_or(&[])
    }

    /// The text of a range.
    #[must_use]
    pub fn text(&self, range: &Range<usize>) -> &str {
        core::str::from_utf8(self.bytes(range)).unwrap_or("")
    }

    /// A new event begins: what it sends is not joined to what is there.
    pub(crate) fn begin(&mut self) {
        self.first = self.actions.len();
    }

    pub(crate) fn push(&mut self, action: Action) {
        self.actions.push(action);
    }

    /// Sends what stands in the buffer from `start` on, if anything, together
    /// with what was sent right before.
    pub(crate) fn send_from(&mut self, start: usize) -> bool {
        let end = self.bytes.len();
        if end <= start {
            return false;
        }
        match self.actions.get_mut(self.first..).and_then(|now| now.last_mut()) {
            Some(Action::Send(before)) if before.end == start => before.end = end,
            _ => self.actions.push(Action::Send(start..end)),
        }
        true
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { actions: self.actions.len(), bytes: self.bytes.len() }
    }

    /// Takes back everything since `mark`.
    pub(crate) fn rewind(&mut self, mark: Mark) {
        self.kept.clear();
        self.actions.truncate(mark.actions);
        self.bytes.truncate(mark.bytes);
    }

    /// Puts the actions since `later` before those since `earlier`.
    pub(crate) fn put_first(&mut self, earlier: Mark, later: Mark) {
        if let Some(actions) = self.actions.get_mut(earlier.actions..) {
            let first = actions.len().min(later.actions.saturating_sub(earlier.actions));
            actions.rotate_left(first);
        }
    }

    /// The actions since `mark`.
    pub(crate) fn since(&self, mark: Mark) -> &[Action] {
        self.actions.get(mark.actions..).unwrap_or(&[])
    }

    pub(crate) fn take_topic(&mut self, policy: TopicPolicy) -> TopicBuf {
        core::mem::take(&mut self.topic).begun(policy)
    }

    pub(crate) fn keep_topic(&mut self, topic: TopicBuf) {
        self.topic = topic;
    }

    pub(crate) fn keep(&mut self, name: &'static str, value: String) {
        self.kept.push((name, value.into()));
    }

    pub(crate) fn take_kept(&mut self) -> Box<[(&'static str, Box<str>)]> {
        core::mem::take(&mut self.kept).into()
    }

    pub(crate) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.bytes
    }

    /// Appends bytes and returns where they are.
    pub(crate) fn store(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        start..self.bytes.len()
    }
}
