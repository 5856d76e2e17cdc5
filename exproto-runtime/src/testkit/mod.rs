//! A device connection without sockets, clock or broker, for unit tests of a
//! gateway.
//!
//! A [`TestConn`] is what the drivers are in production: it gives bytes,
//! messages and time to a session and carries its actions out, with a scripted
//! broker at the other end that acknowledges, waits, refuses or fails on
//! command. Nothing happens on its own, so a test sees every state in between.

mod broker;
#[cfg(feature = "grpc")]
pub mod emqx;
pub mod mqtt;
pub mod vectors;

pub use broker::{Fate, Published};

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use broker::{Script, Wanted};

use crate::codec::{self, Deframer, Item, RawFrame, Role};
use crate::session::{
    Action, CloseReason, ConnInfo, Event, Gateway, Lookup, Millis, Now, Out, Outcome, Report, Session,
    SessionSettings, Tally, Ticket,
};

/// A device connection to a gateway, seen from both ends.
///
/// The broker acknowledges everything at once until it is told otherwise.
/// Bytes that are sent while a frame waits for the broker wait too, as they
/// would in a socket.
///
/// # Examples
///
/// ```
/// # mod toy { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/toy/mod.rs")); }
/// # use toy::Toy;
/// use exproto_runtime::testkit::TestConn;
///
/// let mut device = TestConn::<Toy<'static>>::new();
/// device.send_frame(&Toy::Hello { id: 41, key: b"secret" });
/// assert_eq!(device.client_id(), "41");
/// assert_eq!(device.subscriptions(), [("toy/41/down/set".to_owned(), 1)]);
///
/// // A device is told "stored" only when the broker has it.
/// device.pause();
/// device.send_frame(&Toy::Reading { serial: 7, value: 215 });
/// assert_eq!(device.publishes()[0].topic, "toy/41/up/reading");
/// assert_eq!(device.publishes()[0].json()["value"], 215);
/// assert_eq!(device.sent_kinds(), ["welcome"]);
/// device.acknowledge_next();
/// assert_eq!(device.sent_kinds(), ["welcome", "ack"]);
///
/// // Downlinks.
/// assert!(device.message("toy/41/down/set", b"12"));
/// assert_eq!(device.sent_kinds(), ["welcome", "ack", "set"]);
/// assert_eq!(device.closed(), None);
/// ```
pub struct TestConn<G: Gateway> {
    session: Session<G>,
    broker: Script,
    scratch: Vec<u8>,
    out: Out,
    now: Millis,
    /// The wall clock, milliseconds since 1970.
    unix: i64,
    timer: Option<Millis>,
    /// What the present frame waits for.
    lookup: Option<(Ticket, Lookup)>,
    /// What the device sent and the session does not want yet.
    inbound: VecDeque<Vec<u8>>,
    sent: Vec<u8>,
    transcript: Vec<String>,
    /// Whether the last line of the transcript is bytes sent.
    sending: bool,
    open: bool,
    /// What decides the layout of frames now.
    ctx: G::Ctx,
}

/// 2024-01-01T00:00Z.
const EPOCH: i64 = 1_704_067_200_000;

impl<G: Gateway> core::fmt::Debug for TestConn<G> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TestConn")
            .field("session", &self.session)
            .field("transcript", &self.transcript)
            .field("open", &self.open)
            .finish_non_exhaustive()
    }
}

impl<G: Gateway> Default for TestConn<G> {
    fn default() -> Self {
        Self::new()
    }
}

impl<G: Gateway> TestConn<G> {
    /// A new connection with the default settings.
    #[must_use]
    pub fn new() -> Self {
        Self::with(ConnInfo::default(), SessionSettings::default())
    }

    /// A new connection whose routes are those of a profile.
    ///
    /// # Panics
    ///
    /// The gateway has no such profile.
    #[must_use]
    #[track_caller]
    pub fn with_profile(name: &str) -> Self {
        let settings = SessionSettings { profile: Some(name.into()), ..SessionSettings::default() };
        Self::with(ConnInfo::default(), settings)
    }

    /// A new connection with settings of the test.
    ///
    /// # Panics
    ///
    /// The gateway has no such profile as the settings name.
    #[must_use]
    #[track_caller]
    pub fn with(info: ConnInfo, settings: SessionSettings) -> Self {
        if let Err(error) = settings.check_profile::<G>() {
            panic!("{error}");
        }
        let mut session = Session::new(info, Arc::new(settings));
        let ctx = session.ctx();
        let mut conn = Self {
            session,
            broker: Script::default(),
            scratch: Vec::new(),
            out: Out::new(),
            now: 0,
            unix: EPOCH,
            timer: None,
            lookup: None,
            inbound: VecDeque::new(),
            sent: Vec::new(),
            transcript: Vec::new(),
            sending: false,
            open: true,
            ctx,
        };
        conn.run(Event::Connected);
        conn
    }

    /// The device sends bytes: a frame, several, or part of one.
    pub fn send(&mut self, bytes: &[u8]) -> &mut Self {
        if self.open && !bytes.is_empty() {
            self.inbound.push_back(bytes.to_vec());
            self.settle();
        }
        self
    }

    /// The device sends a frame, written as what the connection knows now
    /// [decides](crate::doc::route#ctx).
    ///
    /// # Panics
    ///
    /// The frame cannot be encoded.
    #[track_caller]
    pub fn send_frame(&mut self, frame: &G::At<'_>) -> &mut Self {
        let mut bytes = Vec::new();
        if let Err(error) = codec::encode_with::<G>(frame, self.ctx, &mut bytes) {
            panic!("the frame cannot be encoded: {error}");
        }
        self.send(&bytes)
    }

    /// Makes the device known under `client_id` without a login. Nothing is
    /// subscribed.
    pub fn log_in(&mut self, client_id: &str) -> &mut Self {
        self.session.log_in(client_id);
        self.ctx = self.session.ctx();
        self
    }

    /// Somebody publishes to the broker, which hands the message to the device
    /// if it has subscribed to such topics; whether it has.
    pub fn message(&mut self, topic: &str, payload: &[u8]) -> bool {
        let subscribed = self.broker.has_subscriber(topic);
        if subscribed {
            self.deliver(topic, payload);
        }
        subscribed
    }

    /// As [`message`](Self::message), subscribed or not.
    pub fn deliver(&mut self, topic: &str, payload: &[u8]) -> &mut Self {
        if self.open {
            self.run(Event::Message { topic, payload });
            self.settle();
        }
        self
    }

    /// Time passes.
    pub fn advance(&mut self, time: Duration) -> &mut Self {
        let end = self.now.saturating_add(u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
        while let Some(at) = self.timer.filter(|at| self.open && *at <= end) {
            self.go_to(at.max(self.now));
            self.timer = None;
            self.run(Event::Timer);
            self.settle();
        }
        self.go_to(end);
        self
    }

    fn go_to(&mut self, now: Millis) {
        let passed = i64::try_from(now.saturating_sub(self.now)).unwrap_or(i64::MAX);
        self.unix = self.unix.saturating_add(passed);
        self.now = now;
    }

    /// Sets the wall clock, in milliseconds since 1970; it goes on with
    /// [`advance`](Self::advance). A test begins at 2024-01-01T00:00Z.
    pub fn set_clock(&mut self, unix_millis: i64) -> &mut Self {
        self.unix = unix_millis;
        self
    }

    /// The device closes its side.
    pub fn disconnect(&mut self) -> &mut Self {
        if self.open {
            self.open = false;
            self.run(Event::Closed);
        }
        self
    }
}

/// The broker's part.
impl<G: Gateway> TestConn<G> {
    /// The broker answers nothing until it is told to.
    pub fn pause(&mut self) -> &mut Self {
        self.broker.paused = true;
        self
    }

    /// The broker answers what waits, and everything at once from now on.
    pub fn resume(&mut self) -> &mut Self {
        self.broker.paused = false;
        self.settle();
        self
    }

    /// Requests that the broker has not answered.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.broker.waiting.len()
    }

    /// The broker does what it was asked first and confirms it.
    ///
    /// # Panics
    ///
    /// Nothing waits.
    #[track_caller]
    pub fn acknowledge_next(&mut self) -> &mut Self {
        assert!(self.waiting() > 0, "no request waits for the broker");
        self.end_next(Outcome::Done)
    }

    /// The broker refuses what it was asked first, or, if nothing waits, what
    /// it will be asked next.
    pub fn refuse_next(&mut self, code: u8, reason: &str) -> &mut Self {
        self.end_next(Outcome::Refused { code, reason: reason.into() })
    }

    /// The end of what the broker was asked first is unknown; if nothing
    /// waits, of what it will be asked next.
    pub fn fail_next(&mut self, reason: &str) -> &mut Self {
        self.end_next(Outcome::Failed(reason.into()))
    }

    /// The broker is gone: everything that waits fails.
    pub fn fail_all(&mut self, reason: &str) -> &mut Self {
        let waiting = self.waiting();
        for _ in 0..waiting {
            self.end_next(Outcome::Failed(reason.into()));
        }
        self
    }

    /// The broker refuses all logins from now on.
    pub fn deny_login(&mut self, code: u8, reason: &str) -> &mut Self {
        self.broker.deny = Some(Outcome::Refused { code, reason: reason.into() });
        self
    }

    /// The broker accepts logins again.
    pub fn allow_login(&mut self) -> &mut Self {
        self.broker.deny = None;
        self
    }

    fn end_next(&mut self, outcome: Outcome) -> &mut Self {
        if self.broker.waiting.is_empty() {
            self.broker.verdicts.push_back(outcome);
        } else {
            self.end(Some(outcome));
            self.settle();
        }
        self
    }
}

/// What there is to see.
impl<G: Gateway> TestConn<G> {
    /// What the gateway has handed to the broker to publish, in order.
    #[must_use]
    pub fn publishes(&self) -> &[Published] {
        &self.broker.published
    }

    /// The filters the broker has subscribed the device to, with their QoS.
    #[must_use]
    pub fn subscriptions(&self) -> &[(String, u8)] {
        &self.broker.subscriptions
    }

    /// The bytes that the device has received.
    #[must_use]
    pub fn sent(&self) -> &[u8] {
        &self.sent
    }

    /// The bytes that the device has received since the last call.
    pub fn take_sent(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.sent)
    }

    /// The frames that the device has received, without delimiters and
    /// escapes.
    ///
    /// # Panics
    ///
    /// The device has received something that is no frame.
    #[track_caller]
    #[must_use]
    pub fn sent_frames(&self) -> Vec<Vec<u8>> {
        let mut frames = Vec::new();
        self.each_raw(&mut |raw| frames.push(raw.payload.to_vec()));
        frames
    }

    /// Reads as the device would; an answer that could be the beginning of
    /// another frame is whole when nothing follows.
    #[track_caller]
    fn each_raw(&self, each: &mut dyn FnMut(&RawFrame<'_>)) {
        let (mut deframer, mut scratch) =
            (Deframer::<G>::with_ctx(self.ctx).read_as(Role::Device), Vec::new());
        let mut wrong = None;
        deframer.datagram(self.sent(), &mut scratch, |item| match item {
            Item::Frame(raw) => each(&raw.as_sent::<G>(self.ctx)),
            Item::Bad(bad) => wrong = wrong.or(Some(bad.error)),
        });
        if let Some(error) = wrong {
            panic!("the device received bytes that are no frame: {error}");
        }
    }

    /// Shows each frame that the device has received. Where the connection
    /// [decides the layout](crate::doc::route#ctx), they are read with what it
    /// knows now: look before it learns something new.
    ///
    /// # Panics
    ///
    /// The device has received something that is no frame.
    #[track_caller]
    pub fn each_sent(&self, mut each: impl FnMut(&G::At<'_>)) {
        self.each_raw(&mut |raw| match raw.decode_with::<G>(self.ctx) {
            Ok(received) => each(&received.frame),
            Err(error) => panic!("the device received a frame that cannot be decoded: {error}"),
        });
    }

    /// The names of the messages that the device has received.
    ///
    /// # Panics
    ///
    /// The device has received something that is no frame.
    #[track_caller]
    #[must_use]
    pub fn sent_kinds(&self) -> Vec<&'static str> {
        let mut kinds = Vec::new();
        self.each_sent(|frame| kinds.push(G::kind(frame)));
        kinds
    }

    /// Why the gateway has closed the connection, if it has.
    #[must_use]
    pub fn closed(&self) -> Option<&CloseReason> {
        self.session.close_reason()
    }

    /// Whether neither side has closed the connection.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether the gateway would read from the socket now.
    #[must_use]
    pub fn wants_bytes(&self) -> bool {
        self.session.wants_bytes()
    }

    /// What the connection knows that [decides the layout](crate::doc::route#ctx)
    /// of the next frame.
    #[must_use]
    pub fn ctx(&self) -> G::Ctx {
        self.ctx
    }

    /// The client id the device logged in with, `""` before.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.session.client_id()
    }

    /// The user's state of this connection.
    #[must_use]
    pub fn state(&self) -> &G::State {
        self.session.state()
    }

    /// What happened since the last call.
    pub fn take_tally(&mut self) -> Tally {
        self.session.take_tally()
    }

    /// What was odd since the last call.
    pub fn take_reports(&mut self) -> Vec<Report> {
        self.session.take_reports()
    }

    /// Everything that went out of the session and every answer of the
    /// broker, line by line in order. What was sent in a row is one line, so
    /// that it does not depend on how the device's bytes were cut.
    #[must_use]
    pub fn transcript(&self) -> &[String] {
        &self.transcript
    }
}

impl<G: Gateway> TestConn<G> {
    /// Gives one event to the session and carries its actions out.
    fn run(&mut self, event: Event<'_>) {
        self.out.clear();
        let now = Now::new(self.now, self.unix);
        self.session.on(now, event, &mut self.scratch, &mut self.out);
        let mut out = core::mem::take(&mut self.out);
        for action in out.drain().collect::<Vec<_>>() {
            self.carry_out(action, &out);
        }
        self.out = out;
        self.ctx = self.session.ctx();
    }

    fn carry_out(&mut self, action: Action, out: &Out) {
        match action {
            Action::Send(range) => {
                let bytes = out.bytes(&range);
                self.sent.extend_from_slice(bytes);
                self.write_sent(bytes);
            }
            Action::Close(reason) => {
                self.write(format!("close: {reason}"));
                self.open = false;
                self.inbound.clear();
                self.run(Event::Closed);
            }
            Action::StartTimer(time) => {
                let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                self.timer = Some(self.now.saturating_add(millis));
            }
            Action::Run(ticket, lookup) => self.lookup = Some((ticket, lookup)),
            Action::Authenticate(ticket, credentials) => {
                self.ask(Wanted::login(ticket, *credentials));
            }
            Action::Publish { ticket, topic, payload, qos, retain } => {
                let publish = Published::new(out.text(&topic), out.bytes(&payload), qos, retain);
                self.ask(Wanted::publish(ticket, publish));
            }
            Action::Subscribe { ticket, filter, qos } => {
                self.ask(Wanted::subscribe(ticket, out.text(&filter), qos));
            }
            Action::Unsubscribe { ticket, filter } => {
                self.ask(Wanted::unsubscribe(ticket, out.text(&filter)));
            }
        }
    }

    fn ask(&mut self, wanted: Wanted) {
        self.write(wanted.to_string());
        self.broker.ask(wanted);
    }

    /// The broker answers what was asked first.
    fn end(&mut self, outcome: Option<Outcome>) {
        let Some((ticket, line, outcome)) = self.broker.answer(outcome) else { return };
        self.write(format!("{line}: {outcome}"));
        if self.open {
            self.run(Event::Completed(ticket, outcome));
        }
    }

    /// Goes on with lookups that were not ready; those that are end at once.
    pub fn look(&mut self) -> &mut Self {
        self.settle();
        self
    }

    /// Asks the lookup under way whether it has ended.
    fn poll_lookup(&mut self) -> bool {
        let Some((ticket, lookup)) = &mut self.lookup else { return false };
        let mut cx = Context::from_waker(Waker::noop());
        let Poll::Ready(ran) = Pin::new(lookup).poll(&mut cx) else { return false };
        let ticket = *ticket;
        self.lookup = None;
        if self.open {
            self.run(Event::Ran(ticket, ran));
        }
        true
    }

    /// Lets broker and socket go on until nothing more happens.
    fn settle(&mut self) {
        loop {
            if self.poll_lookup() {
                continue;
            }
            if self.broker.is_ready() {
                self.end(None);
            } else if self.open && self.session.wants_bytes() {
                let Some(bytes) = self.inbound.pop_front() else { return };
                self.run(Event::Bytes(&bytes));
            } else {
                return;
            }
        }
    }

    fn write(&mut self, line: String) {
        self.transcript.push(line);
        self.sending = false;
    }

    fn write_sent(&mut self, bytes: &[u8]) {
        if !self.sending {
            self.write("send ".into());
            self.sending = true;
        }
        if let Some(line) = self.transcript.last_mut() {
            line.extend(bytes.iter().map(|byte| format!("{byte:02X}")));
        }
    }
}
