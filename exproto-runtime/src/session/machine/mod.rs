//! The state machine of one device connection.
//!
//! Frames of a device are worked off one after the other. A frame that asks
//! the broker for something becomes a [`Flight`]: its bytes are kept, the
//! frames behind it wait, and when the last of its tickets has ended it is
//! decoded again and settled. So a reply never overtakes what it confirms,
//! and nothing of a frame is owned while none waits.

mod answers;
mod downlink;
mod frames;
mod limits;
mod line;
mod segments;

use core::fmt;
use std::sync::Arc;

use super::cx::{ConnInfo, Cx};
use super::event::{Action, CloseReason, Event, Millis, Now, Out, Outcome};
use super::flight::{Flight, Login, Tickets};
use super::gateway::{Gateway, Stage};
use super::line::{Note, Request};
use super::rare::Rare;
use super::report::{Counters, Report, Tally};
use super::settings::SessionSettings;
use crate::codec::{Deframer, Item};

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
/// * Let [`Now::clock`] never run backwards.
///
/// # Memory
///
/// An idle session of a small gateway is less than 370 bytes plus the user's
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
    flight: Option<Box<Flight<G::Ctx>>>,
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
    /// Whether the gateway asks its devices.
    polls: bool,
}

const NEVER: Millis = Millis::MAX;

/// What the user's functions see.
struct Device<S> {
    state: S,
    info: ConnInfo,
    /// What the device has logged in with.
    login: Option<Box<Login>>,
    serial: u64,
    /// The wall clock of the present event, milliseconds since 1970.
    unix: i64,
    /// The driver's clock at the present event.
    clock: Millis,
    /// Milliseconds without a byte that end the connection, if the device says it;
    /// 0 for the setting.
    idle: u32,
    /// Why a function of the user wants an end, when nothing waits any more.
    closing: Option<Box<CloseReason>>,
}

/// What belongs to the frame in hand besides what it says.
#[derive(Clone, Copy)]
struct Given<'w> {
    wire: &'w [u8],
    request: Option<&'w Request>,
    found: Option<&'w Note>,
}

impl Given<'_> {
    const NONE: Self = Self { wire: &[], request: None, found: None };
}

impl<S> Device<S> {
    fn client_id(&self) -> &str {
        self.login.as_ref().map_or("", |login| &login.client_id)
    }

    fn cx<'c>(&'c mut self, settings: &'c SessionSettings, given: Given<'c>) -> Cx<'c, S> {
        let login = self.login.as_deref();
        let client_id = login.map_or("", |login| &login.client_id);
        let request = given.request.map(|request| request.kind);
        let mut cx = Cx::new(&mut self.state, &self.info, client_id, request, &mut self.serial)
            .with_topics(settings.topics)
            .at(self.unix)
            .of_wire(given.wire);
        cx.clock = self.clock;
        cx.closing = Some(&mut self.closing);
        cx.idle = Some(&mut self.idle);
        cx.asked = line::note(given.request);
        cx.found = given.found.map(|found| &**found);
        cx.params = Some(&settings.params);
        cx.profile = settings.profile.as_deref().unwrap_or("");
        cx.kept = login.map_or(&[], |login| &login.kept);
        cx
    }
}

/// What a frame waits for.
struct Wait {
    stage: Stage,
    tickets: Tickets,
    filters: u32,
    login: Option<Box<Login>>,
    outcome: Outcome,
    lookup: bool,
}

impl<G: Gateway> fmt::Debug for Session<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("client_id", &self.core.device.client_id())
            .field("waiting", &self.core.flight.is_some())
            .field("closed", &self.core.closed)
            .finish_non_exhaustive()
    }
}

impl<G: Gateway> Session<G> {
    /// A session of a connection that has just been made.
    #[must_use]
    pub fn new(info: ConnInfo, settings: Arc<SessionSettings>) -> Self {
        let device = Device {
            state: G::State::default(),
            info,
            login: None,
            serial: 0,
            unix: 0,
            clock: 0,
            idle: 0,
            closing: None,
        };
        let mut core = Core {
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
            polls: G::POLLS,
        };
        let deframer = Deframer::with_ctx(core.ctx(&[])).accepting_bad(core.settings.accept_bad);
        Self { deframer, core }
    }

    /// Takes in what happened at `now` and appends to `out` what to do.
    ///
    /// `scratch` is a buffer of the driver for un-escaping, one per thread.
    /// After a [`Action::Close`] all events are ignored.
    pub fn on(&mut self, now: Now, event: Event<'_>, scratch: &mut Vec<u8>, out: &mut Out) {
        out.begin();
        let core = &mut self.core;
        if core.closed.is_some() {
            return;
        }
        core.device.unix = now.unix;
        let now = now.clock;
        core.device.clock = now;
        match event {
            Event::Connected => core.since = now,
            Event::Bytes(bytes) => {
                if core.greeted {
                    core.since = now;
                }
                if core.device.info.transport.is_datagram() {
                    self.datagram(now, bytes, scratch, out);
                } else if core.flight.is_none() {
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
                    self.go_on(now, scratch, out);
                }
            }
            Event::Ran(ticket, ran) => {
                if core.ran(ticket, ran) {
                    core.land(now, out);
                    self.go_on(now, scratch, out);
                }
            }
            Event::Timer if core.lookup_expired(now) => {
                core.land(now, out);
                self.go_on(now, scratch, out);
            }
            Event::Timer => {
                if core.waited(now) {
                    self.pause(now, scratch, out);
                }
                // On a line where silence ends frames, no more comes of this one.
                if self.core.timer(now, out) && !self.core.settings.request_gap.is_zero() {
                    self.silence(now, scratch, out);
                }
            }
            Event::Closed => return self.closed(scratch),
        }
        self.core.end_if_told(out);
        self.core.ask_device(now, out);
        self.core.end_if_told(out);
        self.core.arm(now, out);
    }

    /// The connection is gone. A frame of which pieces were handed out is not whole;
    /// pieces that wait behind another one are handed to nobody any more.
    fn closed(&mut self, scratch: &mut Vec<u8>) {
        while self.deframer.in_pieces()
            && let Some(item) = self.deframer.finish(scratch)
        {
            if let Item::Bad(bad) = item {
                self.core.note_bad(bad.wire, bad.offset, bad.error);
            }
        }
        self.core.ended();
    }

    /// Works off what has come while a frame waited.
    fn go_on(&mut self, now: Millis, scratch: &mut Vec<u8>, out: &mut Out) {
        self.pump(now, &[], scratch, out);
        if self.core.device.info.transport.is_datagram() {
            self.end_of_datagram(now, scratch, out);
            while let Some(next) = self.core.next_datagram() {
                self.pump(now, &next, scratch, out);
                self.end_of_datagram(now, scratch, out);
            }
        }
    }

    /// Works off a datagram, or keeps it for later.
    fn datagram(&mut self, now: Millis, bytes: &[u8], scratch: &mut Vec<u8>, out: &mut Out) {
        if self.core.flight.is_some() {
            let kept = self.deframer.pending().len();
            return self.core.keep_datagram(bytes, kept, out);
        }
        self.pump(now, bytes, scratch, out);
        self.end_of_datagram(now, scratch, out);
    }

    /// What is not whole in a datagram never will be.
    fn end_of_datagram(&mut self, now: Millis, scratch: &mut Vec<u8>, out: &mut Out) {
        if self.core.flight.is_none() && !self.core.is_ending() {
            self.silence(now, scratch, out);
        }
    }

    /// What is incomplete will not be completed.
    fn silence(&mut self, now: Millis, scratch: &mut Vec<u8>, out: &mut Out) {
        // After bytes that are no frame the search may have given up.
        let in_step = self.core.bad_in_a_row == 0;
        if in_step && self.deframer.incomplete().is_empty() && !self.deframer.in_pieces() {
            return;
        }
        while let Some(item) = self.deframer.finish(scratch) {
            self.core.item(now, item, out);
            // A frame that waits for the broker keeps others waiting.
            if self.core.flight.is_some() || self.core.is_ending() {
                return;
            }
        }
        if self.core.greeted {
            self.deframer.go_on();
        }
    }

    /// Works off frames until there are none or one has to wait.
    fn pump(&mut self, now: Millis, mut input: &[u8], scratch: &mut Vec<u8>, out: &mut Out) {
        // What decides the layout of a frame is known when it begins.
        let mut begins = input.is_empty() || self.deframer.pending().is_empty();
        loop {
            if self.core.is_ending() {
                return;
            }
            if self.core.flight.is_some() {
                if !input.is_empty() {
                    self.deframer.stash(input);
                }
                return;
            }
            if size_of::<G::Ctx>() != 0 && begins {
                self.deframer.set_ctx(self.core.ctx(&[]));
            }
            begins = true;
            let Some(item) = self.deframer.next(&mut input, scratch) else { break };
            self.core.item(now, item, out);
        }
        self.deframer.rest_memory();
        let waits = self.deframer.may_pause() && !self.core.device.info.transport.is_datagram();
        self.core.wait_for_more(now, waits);
    }

    /// Takes what waits for more bytes for whole.
    fn pause(&mut self, now: Millis, scratch: &mut Vec<u8>, out: &mut Out) {
        if self.core.flight.is_some() {
            return;
        }
        while let Some(item) = self.deframer.pause(scratch) {
            self.core.item(now, item, out);
            if self.core.flight.is_some() || self.core.is_ending() {
                return;
            }
        }
        self.deframer.rest_memory();
    }

    /// Whether to read from the socket. While a frame waits for the broker it
    /// is not, which is how the device feels a slow broker.
    #[must_use]
    pub fn wants_bytes(&self) -> bool {
        self.core.flight.is_none() && self.core.closed.is_none()
    }

    /// The driver does not read what the device sends, for reasons of its own:
    /// this time does not count as silence of the device. It does before the
    /// first frame, which has its own limit.
    pub fn not_listening(&mut self, now: Now) {
        if self.core.greeted {
            self.core.since = now.clock;
            self.core.listen_anew(now.clock);
        }
    }

    /// About how many bytes of the device are kept: of frames that are not whole
    /// or wait, and segments of messages.
    #[must_use]
    pub fn held(&self) -> usize {
        let rare = self.core.rare.as_ref().map_or(0, |rare| rare.held());
        let flight = self.core.flight.as_ref().map_or(0, |flight| flight.kept.wire().len());
        self.deframer.pending().len().saturating_add(flight).saturating_add(rare)
    }

    /// The client id the device logged in with, `""` before.
    #[must_use]
    pub fn client_id(&self) -> &str {
        self.core.device.client_id()
    }

    /// Starts logged in, without asking the broker: for tools.
    pub fn log_in(&mut self, client_id: &str) {
        let login = Login { client_id: client_id.into(), kept: Box::default() };
        self.core.device.login = Some(Box::new(login));
    }

    /// What the device has logged in with, and the next serial number.
    #[cfg(feature = "grpc")]
    pub(super) fn standing(&self) -> (Option<&Login>, u64) {
        (self.core.device.login.as_deref(), self.core.device.serial)
    }

    /// Begins in the middle of a connection.
    #[cfg(feature = "grpc")]
    pub(super) fn stand(&mut self, login: Option<Box<Login>>, serial: u64) {
        self.core.device.login = login;
        self.core.device.serial = serial;
        self.core.greeted = true;
    }

    /// Never asks the device for anything of itself: for tools.
    #[must_use]
    pub fn without_polls(mut self) -> Self {
        self.core.polls = false;
        self
    }

    /// What the connection knows that decides the layout of the next frame.
    #[must_use]
    pub fn ctx(&mut self) -> G::Ctx {
        self.core.ctx(&[])
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
        let mut tally = self.core.counters.take();
        if let Some(rare) = &mut self.core.rare {
            rare.counters.take(&mut tally);
            if let Some(line) = &mut rare.line {
                line.counters.take(&mut tally);
            }
            self.core.forget_rare();
        }
        tally
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
    /// What decides the layout of a frame, here of these bytes.
    #[inline]
    fn ctx(&mut self, wire: &[u8]) -> G::Ctx {
        let request = self.rare.as_ref().and_then(|rare| Some(&rare.line.as_ref()?.open.as_ref()?.request));
        G::ctx(&self.device.cx(&self.settings, Given { wire, request, found: None }))
    }

    fn close(&mut self, reason: CloseReason, out: &mut Out) {
        if self.closed.is_some() {
            return;
        }
        out.push(Action::Close(reason.clone()));
        self.closed = Some(Box::new(reason));
        self.ended();
    }

    /// Whether frames are not worked off any more.
    fn is_ending(&self) -> bool {
        self.closed.is_some() || (self.device.closing.is_some() && self.flight.is_none())
    }

    /// Ends the connection if a function of the user has said so. What waits for
    /// the broker is worth its reply.
    fn end_if_told(&mut self, out: &mut Out) {
        if self.flight.is_none()
            && let Some(reason) = self.device.closing.take()
        {
            self.close(*reason, out);
        }
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
