//! The state machine of one device connection.
//!
//! Frames of a device are worked off one after the other. A frame that asks
//! the broker for something becomes a [`Flight`]: its bytes are kept, the
//! frames behind it wait, and when the last of its tickets has ended it is
//! decoded again and settled. So a reply never overtakes what it confirms,
//! and nothing of a frame is owned while none waits.

use core::fmt;
use core::time::Duration;
use std::sync::Arc;

use super::cx::{Asks, ConnInfo, Cx};
use super::event::{Action, CloseReason, Event, Millis, Out, Outcome, Ticket};
use super::flight::{Ended, Flight, Kept, Tickets};
use super::gateway::{Access, After, Gateway, Refusal, Stage};
use super::rare::Rare;
use super::report::{Counters, Report, Tally};
use super::settings::{BeforeLogin, OnRefused, SessionSettings};
use super::topic::MAX_TOPIC;
use crate::codec::{Deframer, Error, Item, RawFrame, Segment};

/// MQTT 5 reason code for a refusal of ours: implementation specific error.
const OWN_REFUSAL: u8 = 0x83;
/// MQTT 5 reason code: client identifier not valid.
const BAD_CLIENT_ID: u8 = 0x85;

/// One device connection: events in, actions out.
///
/// It does no IO, has no clock and never blocks. A driver owns the socket and
/// the way to the broker; it gives each [`Event`] to [`on`](Self::on) and
/// carries out the actions in order.
///
/// # What a driver has to do
///
/// * Give [`Event::Connected`] first and [`Event::Closed`] last.
/// * Read from the socket only while [`wants_bytes`](Self::wants_bytes).
/// * Report the end of every ticket, once, in any order.
/// * Keep one timer: [`Action::StartTimer`] replaces the one before.
/// * Let `now` never run backwards.
///
/// # Memory
///
/// An idle session of a small gateway is less than 330 bytes plus the user's
/// state and the client id. What is rare is boxed: a waiting frame, segments
/// of a message, downlinks that wait for an answer, reports.
pub struct Session<G: Gateway> {
    // Beside each other, because a frame borrows the deframer's bytes while
    // everything else works on it.
    deframer: Deframer<G>,
    core: Core<G>,
}

struct Core<G: Gateway> {
    device: Device<G::State>,
    settings: Arc<SessionSettings>,
    flight: Option<Box<Flight>>,
    rare: Option<Box<Rare>>,
    closed: Option<Box<CloseReason>>,
    next_ticket: u64,
    /// When the last byte came; before the first frame, when the connection
    /// was made.
    since: Millis,
    /// When the driver's timer fires, `NEVER` if it is not set.
    timer_at: Millis,
    counters: Counters,
    bad_in_a_row: u32,
    /// Whether a whole frame has arrived.
    greeted: bool,
}

const NEVER: Millis = Millis::MAX;

/// What the user's functions see.
struct Device<S> {
    state: S,
    info: ConnInfo,
    client_id: Box<str>,
    serial: u64,
}

impl<S> Device<S> {
    fn cx(&mut self, settings: &SessionSettings, request: Option<&'static str>) -> Cx<'_, S> {
        Cx::new(&mut self.state, &self.info, &self.client_id, request, &mut self.serial)
            .with_topics(settings.topics)
    }
}

/// What a frame waits for.
struct Wait {
    stage: Stage,
    tickets: Tickets,
    filters: u32,
    login: Option<Box<str>>,
    request: Option<&'static str>,
    outcome: Outcome,
}

impl<G: Gateway> fmt::Debug for Session<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("client_id", &self.core.device.client_id)
            .field("waiting", &self.core.flight.is_some())
            .field("closed", &self.core.closed)
            .finish_non_exhaustive()
    }
}

impl<G: Gateway> Session<G> {
    /// A session of a connection that has just been made.
    #[must_use]
    pub fn new(info: ConnInfo, settings: Arc<SessionSettings>) -> Self {
        let device = Device { state: G::State::default(), info, client_id: Box::default(), serial: 0 };
        Self {
            deframer: Deframer::new().accepting_bad(settings.accept_bad),
            core: Core {
                device,
                settings,
                flight: None,
                rare: None,
                closed: None,
                next_ticket: 0,
                since: 0,
                timer_at: NEVER,
                counters: Counters::default(),
                bad_in_a_row: 0,
                greeted: false,
            },
        }
    }

    /// Takes in what happened at `now` and appends to `out` what to do.
    ///
    /// `scratch` is a buffer of the driver for un-escaping, one per thread.
    /// After a [`Action::Close`] all events are ignored.
    pub fn on(&mut self, now: Millis, event: Event<'_>, scratch: &mut Vec<u8>, out: &mut Out) {
        out.begin();
        let core = &mut self.core;
        if core.closed.is_some() {
            return;
        }
        match event {
            Event::Connected => core.since = now,
            Event::Bytes(bytes) => {
                if core.greeted {
                    core.since = now;
                }
                if core.flight.is_none() {
                    self.pump(now, bytes, scratch, out);
                } else if self.deframer.pending().len().saturating_add(bytes.len()) > core.settings.stash {
                    core.close(CloseReason::Flooded, out);
                } else {
                    self.deframer.stash(bytes);
                }
            }
            Event::Message { topic, payload } => core.message(now, topic, payload, out),
            Event::Completed(ticket, outcome) => {
                if core.completed(ticket, outcome) {
                    core.land(now, out);
                    self.pump(now, &[], scratch, out);
                }
            }
            Event::Timer => core.timer(now, out),
            Event::Closed => return core.ended(),
        }
        self.core.arm(now, out);
    }

    /// Works off frames until there are none or one has to wait.
    fn pump(&mut self, now: Millis, mut input: &[u8], scratch: &mut Vec<u8>, out: &mut Out) {
        loop {
            if self.core.closed.is_some() {
                return;
            }
            if self.core.flight.is_some() {
                if !input.is_empty() {
                    self.deframer.stash(input);
                }
                return;
            }
            let Some(item) = self.deframer.next(&mut input, scratch) else { break };
            self.core.item(now, item, out);
        }
        self.deframer.rest_memory();
    }

    /// Whether to read from the socket. While a frame waits for the broker it
    /// is not, which is how the device feels a slow broker.
    #[must_use]
    pub fn wants_bytes(&self) -> bool {
        self.core.flight.is_none() && self.core.closed.is_none()
    }

    /// The client id the device logged in with, `""` before.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.core.device.client_id
    }

    /// Starts logged in, without asking the broker: for tools.
    pub fn log_in(&mut self, client_id: &str) {
        self.core.device.client_id = client_id.into();
    }

    /// The user's own state of this connection.
    #[must_use]
    pub fn state(&self) -> &G::State {
        &self.core.device.state
    }

    /// Where the device connected from and to.
    #[must_use]
    pub fn info(&self) -> &ConnInfo {
        &self.core.device.info
    }

    /// The bytes of a frame that has begun and not ended.
    #[must_use]
    pub fn incomplete(&self) -> &[u8] {
        self.deframer.incomplete()
    }

    /// What happened since the last call.
    pub fn take_tally(&mut self) -> Tally {
        self.core.counters.take()
    }

    /// What was odd since the last call: the first few, all are counted in
    /// the [`Tally`].
    pub fn take_reports(&mut self) -> Vec<Report> {
        let Some(rare) = &mut self.core.rare else { return Vec::new() };
        let reports = core::mem::take(&mut rare.reports);
        self.core.forget_rare();
        reports
    }

    /// Why the session has asked to close the connection, if it has.
    #[must_use]
    pub fn close_reason(&self) -> Option<&CloseReason> {
        self.core.closed.as_deref()
    }
}

impl<G: Gateway> Core<G> {
    fn item(&mut self, now: Millis, item: Item<'_>, out: &mut Out) {
        let raw = match item {
            Item::Frame(raw) => raw,
            Item::Bad(bad) => {
                self.bad_frame(bad.wire, bad.offset, bad.error, out);
                // The rest of the stream means nothing.
                if bad.fatal {
                    self.close(CloseReason::BadFrames, out);
                }
                return;
            }
        };
        match raw.decode::<G>() {
            Ok(received) => {
                if !received.flags.is_empty() {
                    self.counters.flagged.up();
                }
                self.frame(now, received.frame, &raw, out);
            }
            Err(error) => {
                let at = raw.stream_offset::<G>(error.offset()).saturating_sub(raw.offset);
                let error = error.at_offset(u32::try_from(at).unwrap_or(u32::MAX));
                self.bad_frame(raw.wire, raw.offset, error, out);
            }
        }
    }

    #[cold]
    fn bad_frame(&mut self, wire: &[u8], at: u64, error: Error, out: &mut Out) {
        self.counters.bad_frames.up();
        self.report(Report::bad_frame(wire, at, error));
        self.bad_in_a_row = self.bad_in_a_row.saturating_add(1);
        let max = self.settings.max_bad_frames;
        if max != 0 && self.bad_in_a_row >= max {
            self.close(CloseReason::BadFrames, out);
        }
    }

    fn frame(&mut self, now: Millis, frame: G::At<'_>, raw: &RawFrame<'_>, out: &mut Out) {
        self.counters.frames.up();
        self.bad_in_a_row = 0;
        if !self.greeted {
            self.greeted = true;
            self.since = now;
        }
        if let Some(segment) = G::segment(&frame) {
            if let Some(kept) = self.segment(now, G::kind(&frame), segment, raw) {
                self.joined(now, kept, raw, out);
            }
        } else if let Some(wait) = self.begin(now, &frame, out) {
            self.wait(now, Kept::Frame(raw.kind, raw.payload.into()), wait);
        }
    }

    /// Keeps a segment; the whole message when it was the last.
    fn segment(
        &mut self,
        now: Millis,
        kind: &'static str,
        segment: Segment<'_>,
        raw: &RawFrame<'_>,
    ) -> Option<Kept> {
        self.counters.segments.up();
        let limits = self.settings.reassembly;
        let member = self.is_member();
        let result = self.rare().add_segment(now, limits, member, segment, raw.payload);
        let (lost, joined) = match result {
            Ok((lost, joined)) => (lost, joined),
            Err(reason) => {
                self.report(Report::Segment { kind, reason });
                (1, None)
            }
        };
        self.counters.segments_lost.add(lost);
        self.forget_rare();
        joined.map(|whole| Kept::Joined { kind: raw.kind, head: whole.head, body: whole.body })
    }

    fn joined(&mut self, now: Millis, kept: Kept, raw: &RawFrame<'_>, out: &mut Out) {
        let frame = match kept.decode::<G>(self.settings.accept_bad) {
            Ok(frame) => frame,
            Err(error) => {
                let body: &[u8] = if let Kept::Joined { body, .. } = &kept { body } else { &[] };
                return self.bad_frame(body, raw.offset, error, out);
            }
        };
        self.counters.joined.up();
        let wait = self.begin(now, &frame, out);
        drop(frame);
        if let Some(wait) = wait {
            self.wait(now, kept, wait);
        }
    }

    fn is_member(&self) -> bool {
        G::ANONYMOUS || !self.device.client_id.is_empty()
    }

    /// Decides whether the frame may be sent at all, then starts its routes.
    fn begin(&mut self, now: Millis, frame: &G::At<'_>, out: &mut Out) -> Option<Wait> {
        match G::access(frame) {
            Access::Public => {}
            Access::Member if self.is_member() => {}
            Access::Member => {
                let kind = G::kind(frame);
                self.counters.refused.up();
                self.report(Report::Refused { kind, reason: "sent before the login".into() });
                if self.settings.before_login == BeforeLogin::Close {
                    self.close(CloseReason::Refused(format!("`{kind}` before the login").into()), out);
                }
                return None;
            }
            Access::Sent => {
                let reason = "only ever sent to devices".into();
                self.counters.unexpected.up();
                self.report(Report::Refused { kind: G::kind(frame), reason });
                return None;
            }
        }
        let request = self.take_request(now, frame);
        match self.ask_login(frame, request, out) {
            Ok(Some(wait)) => Some(wait),
            Ok(None) => self.rest(frame, request, false, out),
            Err(refused) => {
                self.settle(frame, request, &refused, Stage::Auth, out);
                None
            }
        }
    }

    /// The downlink that the frame answers.
    fn take_request(&mut self, now: Millis, frame: &G::At<'_>) -> Option<&'static str> {
        let rare = self.rare.as_mut().filter(|rare| rare.has_answers())?;
        let kind = rare.take_answer(now, G::answers(frame)?);
        if kind.is_some() {
            self.counters.answered.up();
        }
        self.forget_rare();
        kind
    }

    /// The `auth` route alone: a barrier before all others.
    fn ask_login(
        &mut self,
        frame: &G::At<'_>,
        request: Option<&'static str>,
        out: &mut Out,
    ) -> Result<Option<Wait>, Outcome> {
        let mark = out.mark();
        let first = self.next_ticket;
        let mut asks = Asks::new(out, &mut self.next_ticket).with_topics(self.settings.topics);
        let mut cx = self.device.cx(&self.settings, request);
        let result = G::ask(frame, Stage::Auth, &mut cx, &mut asks);
        let asked = asks.asked();
        let login = out.since(mark).iter().find_map(|action| match action {
            Action::Authenticate(_, credentials) => Some(credentials.client_id.as_str()),
            _ => None,
        });
        let refused = match (result, login) {
            (Err(refusal), _) => Some(own_refusal(refusal)),
            (Ok(()), Some(id)) => check_client_id(&self.device.client_id, id).err(),
            (Ok(()), None) => None,
        };
        if let Some(refused) = refused {
            out.rewind(mark);
            self.next_ticket = first;
            return Err(refused);
        }
        Ok((asked > 0).then(|| Wait {
            stage: Stage::Auth,
            tickets: Tickets::new(first, asked),
            filters: 0,
            login: login.map(Into::into),
            request,
            outcome: Outcome::Done,
        }))
    }

    /// All routes but `auth`; after a login also the `deliver` filters.
    fn rest(
        &mut self,
        frame: &G::At<'_>,
        request: Option<&'static str>,
        fresh_login: bool,
        out: &mut Out,
    ) -> Option<Wait> {
        let first = self.next_ticket;
        let filters = if fresh_login { self.subscribe(out) } else { 0 };
        let mark = out.mark();
        let mut asks = Asks::new(out, &mut self.next_ticket).with_topics(self.settings.topics);
        let mut cx = self.device.cx(&self.settings, request);
        let outcome = match G::ask(frame, Stage::Rest, &mut cx, &mut asks) {
            Ok(()) => {
                self.counters.publishes.add(asks.publishes());
                Outcome::Done
            }
            Err(refusal) => {
                out.rewind(mark);
                self.next_ticket = first + u64::from(filters);
                own_refusal(refusal)
            }
        };
        let asked = u32::try_from(self.next_ticket - first).unwrap_or(u32::MAX);
        if asked == 0 {
            self.settle(frame, request, &outcome, Stage::Rest, out);
            return None;
        }
        let tickets = Tickets::new(first, asked);
        Some(Wait { stage: Stage::Rest, tickets, filters, login: None, request, outcome })
    }

    /// Subscribes what `deliver` routes need; how many tickets that took.
    fn subscribe(&mut self, out: &mut Out) -> u32 {
        let mut asks = Asks::new(out, &mut self.next_ticket).with_topics(self.settings.topics);
        let mut refused = None;
        let cx = self.device.cx(&self.settings, None);
        let result = G::filters(&cx, &mut |filter, qos| {
            if let Err(refusal) = asks.subscribe(filter, qos) {
                refused.get_or_insert(refusal);
            }
        });
        let asked = asks.asked();
        if let Some(refusal) = result.err().or(refused) {
            self.not_subscribed(refusal.reason);
        }
        asked
    }

    #[cold]
    fn not_subscribed(&mut self, reason: String) {
        self.counters.subscriptions_refused.up();
        self.report(Report::NotSubscribed { reason });
    }

    fn wait(&mut self, now: Millis, kept: Kept, wait: Wait) {
        let mut flight = Flight::new(kept);
        flight.request = wait.request;
        self.fly(now, Box::new(flight), wait);
    }

    fn fly(&mut self, now: Millis, mut flight: Box<Flight>, wait: Wait) {
        flight.stage = wait.stage;
        flight.tickets = wait.tickets;
        flight.filters = wait.filters;
        flight.login = wait.login;
        flight.outcome = wait.outcome;
        flight.deadline = after(now, self.settings.deadline);
        self.flight = Some(flight);
    }

    /// Notes the end of a ticket; whether it was the last of the flight.
    fn completed(&mut self, ticket: Ticket, outcome: Outcome) -> bool {
        let Some(flight) = &mut self.flight else { return false };
        let (ended, aside) = flight.end(ticket, outcome);
        if let Some(refused) = aside {
            self.not_subscribed(refused.to_string());
        }
        ended == Ended::All
    }

    /// All tickets of the waiting frame have ended.
    fn land(&mut self, now: Millis, out: &mut Out) {
        let Some(mut flight) = self.flight.take() else { return };
        self.since = now;
        let outcome = core::mem::replace(&mut flight.outcome, Outcome::Done);
        if let Outcome::Failed(why) = outcome {
            self.counters.undelivered.up();
            return self.close(CloseReason::Undelivered(why), out);
        }
        let frame = match flight.kept.decode::<G>(self.settings.accept_bad) {
            Ok(frame) => frame,
            // It was decoded before; only a decoder that is not a function of
            // its bytes comes here.
            Err(error) => return self.bad_frame(&[], 0, error, out),
        };
        let request = flight.request;
        if flight.stage == Stage::Auth && outcome.is_done() {
            let login = flight.login.take();
            let fresh_login = login.is_some();
            if let Some(client_id) = login {
                self.device.client_id = client_id;
                self.counters.logins.up();
            }
            let wait = self.rest(&frame, request, fresh_login, out);
            drop(frame);
            if let Some(wait) = wait {
                self.fly(now, flight, wait);
            }
        } else {
            self.settle(&frame, request, &outcome, flight.stage, out);
        }
    }

    /// Writes the reply and does what the frame wants done afterwards.
    fn settle(
        &mut self,
        frame: &G::At<'_>,
        request: Option<&'static str>,
        outcome: &Outcome,
        stage: Stage,
        out: &mut Out,
    ) {
        if !outcome.is_done() {
            match stage {
                Stage::Auth => self.counters.logins_refused.up(),
                Stage::Rest => self.counters.refused.up(),
            }
            self.report(Report::refused(G::kind(frame), outcome));
        }
        let start = out.buffer().len();
        let mut cx = self.device.cx(&self.settings, request);
        match G::settle(frame, &mut cx, outcome, out.buffer()) {
            Ok(after) => {
                if out.send_from(start) {
                    self.counters.replies.up();
                }
                if let After::Close(reason) = after {
                    self.close(reason, out);
                }
            }
            Err(error) => {
                out.buffer().truncate(start);
                self.counters.replies_lost.up();
                self.report(Report::NoReply { kind: G::kind(frame), error });
            }
        }
        if let (Stage::Auth, Outcome::Refused { reason, .. }, OnRefused::Close) =
            (stage, outcome, self.settings.on_refused)
        {
            self.close(CloseReason::Refused(reason.clone()), out);
        }
    }

    fn message(&mut self, now: Millis, topic: &str, payload: &[u8], out: &mut Out) {
        if !self.is_member() {
            return self.undeliverable(topic, "the device is not logged in".into());
        }
        let start = out.buffer().len();
        let mut cx = self.device.cx(&self.settings, None);
        match G::deliver(topic, payload, &mut cx, out.buffer()) {
            Ok(delivery) => {
                if out.send_from(start) {
                    self.counters.downlinks.up();
                }
                if let Some(key) = delivery.answer_key {
                    let until = after(now, self.settings.answer_timeout);
                    let most = self.settings.answers;
                    self.rare().expect_answer(key, delivery.kind, until, most);
                }
            }
            Err(error) => {
                out.buffer().truncate(start);
                self.undeliverable(topic, error.to_string());
            }
        }
    }

    #[cold]
    fn undeliverable(&mut self, topic: &str, reason: String) {
        self.counters.undeliverable.up();
        self.report(Report::Undeliverable { topic: topic.into(), reason });
    }

    fn timer(&mut self, now: Millis, out: &mut Out) {
        self.timer_at = NEVER;
        if let Some(rare) = &mut self.rare {
            let lost = rare.expire(now);
            self.counters.segments_lost.add(lost);
            self.forget_rare();
        }
        if self.next_limit().is_some_and(|at| at <= now) {
            let reason = if self.flight.is_some() {
                let seconds = self.settings.deadline.as_secs_f32();
                CloseReason::Undelivered(format!("the broker did not answer within {seconds} s").into())
            } else if self.greeted || self.settings.first_frame.is_zero() {
                CloseReason::Idle
            } else {
                CloseReason::NoFrame
            };
            self.close(reason, out);
        }
    }

    /// When the connection is closed if nothing happens.
    fn next_limit(&self) -> Option<Millis> {
        if let Some(flight) = &self.flight {
            return flight.deadline;
        }
        if !self.greeted && !self.settings.first_frame.is_zero() {
            return after(self.since, self.settings.first_frame);
        }
        after(self.since, self.settings.idle)
    }

    /// Sets the timer if the one that is set is too late. One that is too
    /// early does no harm: most events only move the limit on.
    fn arm(&mut self, now: Millis, out: &mut Out) {
        if self.closed.is_some() {
            return;
        }
        let segments = self.rare.as_ref().and_then(|rare| rare.expires());
        let next = [self.next_limit(), segments].into_iter().flatten().min();
        if let Some(next) = next.filter(|next| *next < self.timer_at) {
            self.timer_at = next;
            out.push(Action::StartTimer(Duration::from_millis(next.saturating_sub(now))));
        }
    }

    fn close(&mut self, reason: CloseReason, out: &mut Out) {
        if self.closed.is_some() {
            return;
        }
        out.push(Action::Close(reason.clone()));
        self.closed = Some(Box::new(reason));
        self.ended();
    }

    /// Nothing more will happen: what waits has failed.
    fn ended(&mut self) {
        if self.flight.take().is_some() {
            self.counters.undelivered.up();
        }
        if let Some(rare) = &mut self.rare {
            rare.give_up();
        }
        self.forget_rare();
    }

    fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    fn forget_rare(&mut self) {
        if self.rare.as_ref().is_some_and(|rare| rare.is_empty()) {
            self.rare = None;
        }
    }

    #[cold]
    fn report(&mut self, report: Report) {
        self.rare().report(report);
    }
}

/// A time that much later; `None` if the setting says never.
fn after(now: Millis, time: Duration) -> Option<Millis> {
    (!time.is_zero()).then(|| now.saturating_add(u64::try_from(time.as_millis()).unwrap_or(NEVER)))
}

#[cold]
fn own_refusal(refusal: Refusal) -> Outcome {
    Outcome::Refused { code: OWN_REFUSAL, reason: refusal.reason.into() }
}

/// A connection is one device: its id is text that MQTT allows, and it does
/// not change.
fn check_client_id(present: &str, id: &str) -> Result<(), Outcome> {
    let reason: Box<str> = if id.is_empty() {
        "the client id is empty".into()
    } else if id.len() > MAX_TOPIC || id.chars().any(char::is_control) {
        "the client id is too long or holds control characters".into()
    } else if !present.is_empty() && present != id {
        format!("the connection is logged in as {present:?} and cannot become {id:?}").into()
    } else {
        return Ok(());
    };
    Err(Outcome::Refused { code: BAD_CLIENT_ID, reason })
}
