//! What becomes of a frame: may it be sent, its routes, its reply.

use super::limits::after;
use super::segments::Refused;
use super::{Core, Given, NEVER, Wait};
use crate::codec::{Error, Item, RawFrame};
use crate::session::cx::{Asks, Subscribed};
use crate::session::event::{Action, CloseReason, Millis, Out, Outcome, Ticket};
use crate::session::flight::{Ended, Flight, Kept, Login, Tickets};
use crate::session::gateway::{Access, After, Gateway, Refusal, Stage};
use crate::session::line::Request;
use crate::session::lookup::{Lookup, Ran};
use crate::session::report::Report;
use crate::session::settings::{BeforeLogin, OnRefused};
use crate::session::topic::MAX_TOPIC;

/// MQTT 5 reason code for a refusal of ours: implementation specific error.
const OWN_REFUSAL: u8 = 0x83;
/// MQTT 5 reason code: client identifier not valid.
const BAD_CLIENT_ID: u8 = 0x85;

impl<G: Gateway> Core<G> {
    pub(super) fn item(&mut self, now: Millis, item: Item<'_>, out: &mut Out) {
        let raw = match item {
            Item::Frame(raw) => raw,
            Item::Bad(bad) => {
                self.bad_frame(bad.wire, bad.offset, bad.error, out);
                // The rest of the stream means nothing; the next datagram is
                // another one.
                if bad.fatal && !self.device.info.transport.is_datagram() {
                    self.close(CloseReason::BadFrames, out);
                }
                return;
            }
        };
        let ctx = self.ctx(raw.payload);
        match raw.decode_with::<G>(ctx) {
            Ok(received) => {
                if !received.flags.is_empty() {
                    self.counters.flagged.up();
                }
                self.frame(now, received.frame, ctx, &raw, out);
            }
            Err(error) => {
                let at = raw.stream_offset::<G>(error.offset()).saturating_sub(raw.offset);
                let error = error.at_offset(u32::try_from(at).unwrap_or(u32::MAX));
                self.bad_frame(raw.wire, raw.offset, error, out);
            }
        }
    }

    #[cold]
    pub(super) fn bad_frame(&mut self, wire: &[u8], at: u64, error: Error, out: &mut Out) {
        self.note_bad(wire, at, error);
        let max = self.settings.max_bad_frames;
        if max != 0 && self.bad_in_a_row >= max {
            self.close(CloseReason::BadFrames, out);
        }
    }

    /// Counts and reports it, and no more.
    #[cold]
    pub(super) fn note_bad(&mut self, wire: &[u8], at: u64, error: Error) {
        self.counters.bad_frames.up();
        self.report(Report::bad_frame(wire, at, error));
        self.bad_in_a_row = self.bad_in_a_row.saturating_add(1);
    }

    pub(super) fn frame(
        &mut self,
        now: Millis,
        frame: G::At<'_>,
        ctx: G::Ctx,
        raw: &RawFrame<'_>,
        out: &mut Out,
    ) {
        self.counters.frames.up();
        self.bad_in_a_row = 0;
        self.stir();
        if !self.greeted {
            self.greeted = true;
            self.since = now;
        }
        if let Some(segment) = G::segment(&frame, ctx) {
            match self.segment(now, G::kind(&frame), segment, raw) {
                Ok(joined) => {
                    self.answer_segment(&frame, segment, raw.payload, out);
                    if let Some(kept) = joined {
                        self.joined(now, kept, ctx, raw, out);
                    }
                }
                Err(Refused) => self.rest_segments(),
            }
        } else if let Some((wait, request)) = self.begin(now, &frame, raw.payload, out) {
            self.wait(now, Kept::of(raw), ctx, wait, request);
        }
    }

    pub(super) fn is_member(&self) -> bool {
        G::ANONYMOUS || !self.device.client_id().is_empty()
    }

    /// Decides whether the frame may be sent at all, then starts its routes.
    pub(super) fn begin(
        &mut self,
        now: Millis,
        frame: &G::At<'_>,
        wire: &[u8],
        out: &mut Out,
    ) -> Option<(Wait, Option<Request>)> {
        match G::access(frame) {
            Access::Public => {}
            Access::Heartbeat if self.is_member() => {}
            Access::Heartbeat => {
                let given = Given { wire, ..Given::NONE };
                self.settle(frame, given, &Outcome::Done, Stage::Rest, out);
                return None;
            }
            Access::Member if self.is_member() => {}
            Access::Member => {
                self.too_early(frame, out);
                return None;
            }
            Access::Sent => {
                let reason = "only ever sent to devices".into();
                self.rare().counters.unexpected.up();
                self.report(Report::Refused { kind: G::kind(frame), reason });
                return None;
            }
        }
        let request = self.take_request(now, frame);
        let given = Given { wire, request: request.as_ref(), found: None };
        let wait = match G::lookup(frame, &mut self.device.cx(&self.settings, given)) {
            Some(lookup) => Some(self.look_up(lookup, out)),
            None => self.start(frame, given, out),
        };
        if wait.is_none() {
            self.put_back(now, request, out);
            return None;
        }
        wait.map(|wait| (wait, request))
    }

    /// Starts the routes of a frame of which everything is known.
    fn start(&mut self, frame: &G::At<'_>, given: Given<'_>, out: &mut Out) -> Option<Wait> {
        let asked = self.ask_login(frame, given, out);
        if tracing::enabled!(tracing::Level::TRACE) {
            self.trace(frame, given.wire, matches!(asked, Ok(None)));
        }
        match asked {
            Ok(Some(wait)) => Some(wait),
            Ok(None) => self.rest(frame, given, false, out),
            Err(Some(refused)) => {
                self.settle(frame, given, &refused, Stage::Auth, out);
                None
            }
            Err(None) => {
                self.too_early(frame, out);
                None
            }
        }
    }

    /// Shows a frame to who looks closely. One that logs in, and what comes before the
    /// login, may hold a password: of these only the name and the length.
    #[cold]
    fn trace(&self, frame: &G::At<'_>, payload: &[u8], open: bool) {
        let (kind, bytes) = (G::kind(frame), payload.len());
        if open && self.is_member() {
            tracing::trace!(kind, bytes, hex = %Hex(payload), "received");
        } else {
            tracing::trace!(kind, bytes, "received");
        }
    }

    /// A frame that waits for what is known elsewhere. Where nobody is logged in
    /// its refusal is that of a login.
    fn look_up(&mut self, lookup: Lookup, out: &mut Out) -> Wait {
        let first = self.next_ticket;
        self.next_ticket += 1;
        out.push(Action::Run(Ticket(first), lookup));
        let stage = if self.is_member() { Stage::Rest } else { Stage::Auth };
        let tickets = Tickets::new(first, 1);
        Wait { stage, tickets, filters: 0, login: None, outcome: Outcome::Done, lookup: true }
    }

    /// Notes the end of a lookup; whether the frame waited for it.
    pub(super) fn ran(&mut self, ticket: Ticket, ran: Ran) -> bool {
        let Some(flight) = self.flight.as_mut().filter(|flight| flight.lookup) else { return false };
        let outcome = match ran.0 {
            Ok(found) => {
                flight.found = Some(found);
                Outcome::Done
            }
            Err(refusal) => own_refusal(refusal),
        };
        flight.end(ticket, outcome).0 == Ended::All
    }

    /// Refuses the frame that has waited for its lookup too long.
    pub(super) fn lookup_expired(&mut self, now: Millis) -> bool {
        let seconds = self.settings.lookup_timeout.as_secs_f32();
        let Some(flight) = self.flight.as_mut().filter(|flight| flight.lookup) else { return false };
        if flight.deadline.is_none_or(|at| at > now) {
            return false;
        }
        self.timer_at = NEVER;
        flight.outcome = own_refusal(Refusal::new(format!("the lookup did not end within {seconds} s")));
        true
    }

    /// A frame that needs a login came before it.
    fn too_early(&mut self, frame: &G::At<'_>, out: &mut Out) {
        let kind = G::kind(frame);
        self.counters.refused.up();
        self.report(Report::Refused { kind, reason: "sent before the login".into() });
        if self.settings.before_login == BeforeLogin::Close {
            self.close(CloseReason::Refused(format!("`{kind}` before the login").into()), out);
        }
    }

    /// The `auth` route alone: a barrier before all others. `Err(None)` for a
    /// frame that logs nobody in and needs a login before it.
    pub(super) fn ask_login(
        &mut self,
        frame: &G::At<'_>,
        given: Given<'_>,
        out: &mut Out,
    ) -> Result<Option<Wait>, Option<Outcome>> {
        let mark = out.mark();
        let first = self.next_ticket;
        let mut asks = Asks::new(out, &mut self.next_ticket).with_topics(self.settings.topics);
        let mut cx = self.device.cx(&self.settings, given);
        let result = G::ask(frame, Stage::Auth, &mut cx, &mut asks);
        let (asked, no_login) = (asks.asked(), asks.is_no_login());
        let login = out.since(mark).iter().find_map(|action| match action {
            Action::Authenticate(_, credentials) => Some(credentials.client_id.as_str()),
            _ => None,
        });
        let refused = match (result, login) {
            (Err(refusal), _) => Some(own_refusal(refusal)),
            (Ok(()), Some(id)) => check_client_id(self.device.client_id(), id).err(),
            (Ok(()), None) => None,
        };
        if let Some(refused) = refused {
            out.rewind(mark);
            self.next_ticket = first;
            return Err(Some(refused));
        }
        if no_login && !self.is_member() {
            return Err(None);
        }
        let login =
            login.map(Box::from).map(|client_id| Box::new(Login { client_id, kept: out.take_kept() }));
        Ok((asked > 0).then(|| Wait {
            stage: Stage::Auth,
            tickets: Tickets::new(first, asked),
            filters: 0,
            login,
            outcome: Outcome::Done,
            lookup: false,
        }))
    }

    /// All routes but `auth`; after a login also the `deliver` filters, which may
    /// be made of what `with` has noted. They are asked for first, so that an
    /// answer to what is published is not missed.
    pub(super) fn rest(
        &mut self,
        frame: &G::At<'_>,
        given: Given<'_>,
        fresh_login: bool,
        out: &mut Out,
    ) -> Option<Wait> {
        let first = self.next_ticket;
        let mark = out.mark();
        let held = self.rare.as_ref().map(|rare| &rare.subscribed);
        let mut asks = Asks::new(out, &mut self.next_ticket)
            .with_topics(self.settings.topics)
            .holding(held, self.settings.subscriptions);
        let mut cx = self.device.cx(&self.settings, given);
        let outcome = match G::ask(frame, Stage::Rest, &mut cx, &mut asks) {
            Ok(()) => {
                self.counters.publishes.add(asks.publishes());
                if asks.asked() > asks.publishes() {
                    self.rare().subscribed.note(out.since(mark), out);
                }
                Outcome::Done
            }
            Err(refusal) => {
                out.rewind(mark);
                self.next_ticket = first;
                own_refusal(refusal)
            }
        };
        let routed = out.mark();
        let filters = if fresh_login { self.subscribe(out) } else { 0 };
        out.put_first(mark, routed);
        let asked = u32::try_from(self.next_ticket - first).unwrap_or(u32::MAX);
        if asked == 0 {
            self.settle(frame, given, &outcome, Stage::Rest, out);
            return None;
        }
        let tickets = Tickets::new(first, asked);
        Some(Wait { stage: Stage::Rest, tickets, filters, login: None, outcome, lookup: false })
    }

    /// Subscribes what `deliver` routes need; how many tickets that took.
    pub(super) fn subscribe(&mut self, out: &mut Out) -> u32 {
        let mut asks = Asks::new(out, &mut self.next_ticket).with_topics(self.settings.topics);
        let mut refused = None;
        let cx = self.device.cx(&self.settings, Given::NONE);
        // Kinds of frames that share a body have the same filters.
        let mut seen: Vec<String> = Vec::new();
        let result = G::filters(&cx, &mut |filter, qos| {
            if let Ok(filter) = filter.finish() {
                if seen.iter().any(|one| one == filter) {
                    return;
                }
                seen.push(filter.into());
            }
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
    pub(super) fn not_subscribed(&mut self, reason: String) {
        self.rare().counters.subscriptions_refused.up();
        self.report(Report::NotSubscribed { reason });
    }

    pub(super) fn wait(
        &mut self,
        now: Millis,
        kept: Kept,
        ctx: G::Ctx,
        wait: Wait,
        request: Option<Request>,
    ) {
        let mut flight = Flight::new(kept, ctx);
        flight.request = request;
        self.fly(now, Box::new(flight), wait);
    }

    pub(super) fn fly(&mut self, now: Millis, mut flight: Box<Flight<G::Ctx>>, wait: Wait) {
        flight.stage = wait.stage;
        flight.tickets = wait.tickets;
        flight.filters = wait.filters;
        flight.login = wait.login;
        flight.outcome = wait.outcome;
        flight.lookup = wait.lookup;
        let time = if wait.lookup { self.settings.lookup_timeout } else { self.settings.deadline };
        flight.deadline = after(now, time);
        self.flight = Some(flight);
    }

    /// Notes the end of a ticket; whether it was the last of the flight.
    pub(super) fn completed(&mut self, ticket: Ticket, outcome: Outcome) -> bool {
        let Some(flight) = &mut self.flight else { return false };
        let (ended, aside) = flight.end(ticket, outcome);
        if let Some(refused) = aside {
            self.not_subscribed(refused.to_string());
        }
        ended == Ended::All
    }

    /// All tickets of the waiting frame have ended.
    pub(super) fn land(&mut self, now: Millis, out: &mut Out) {
        let Some(mut flight) = self.flight.take() else { return };
        self.since = now;
        self.stir();
        self.wait_anew(now);
        self.listen_anew(now);
        self.wait_for_answers(now);
        let outcome = core::mem::replace(&mut flight.outcome, Outcome::Done);
        if let Outcome::Failed(why) = outcome {
            self.counters.undelivered.up();
            return self.close(CloseReason::Undelivered(why), out);
        }
        let frame = match flight.kept.decode::<G>(flight.ctx, self.settings.accept_bad) {
            Ok(frame) => frame,
            // It was decoded before; only a decoder that is not a function of
            // its bytes comes here.
            Err(error) => return self.bad_frame(&[], 0, error, out),
        };
        let found = flight.found.as_ref();
        let given = Given { wire: flight.kept.wire(), request: flight.request.as_ref(), found };
        if flight.lookup && outcome.is_done() {
            let wait = self.start(&frame, given, out);
            drop(frame);
            match wait {
                Some(wait) => self.fly(now, flight, wait),
                None => self.put_back(now, flight.request, out),
            }
            return;
        }
        if flight.stage == Stage::Auth && outcome.is_done() {
            let login = flight.login.take();
            let fresh_login = login.is_some();
            if let Some(login) = login {
                self.device.login = Some(login);
                self.counters.logins.up();
            }
            let wait = self.rest(&frame, given, fresh_login, out);
            drop(frame);
            match wait {
                Some(wait) => self.fly(now, flight, wait),
                None => self.put_back(now, flight.request, out),
            }
        } else {
            if let (false, Some(rare)) = (outcome.is_done(), &mut self.rare) {
                // Which of them were refused is not known: they are asked for again.
                rare.subscribed = Subscribed::default();
            }
            self.settle(&frame, given, &outcome, flight.stage, out);
            drop(frame);
            self.put_back(now, flight.request, out);
        }
    }

    /// Writes the reply and does what the frame wants done afterwards.
    pub(super) fn settle(
        &mut self,
        frame: &G::At<'_>,
        given: Given<'_>,
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
        let mut cx = self.device.cx(&self.settings, given);
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
                self.rare().counters.replies_lost.up();
                self.report(Report::NoReply { kind: G::kind(frame), error });
            }
        }
        if let (Stage::Auth, Outcome::Refused { reason, .. }, OnRefused::Close) =
            (stage, outcome, self.settings.on_refused)
        {
            self.close(CloseReason::Refused(reason.clone()), out);
        }
    }
}

#[cold]
fn own_refusal(refusal: Refusal) -> Outcome {
    Outcome::Refused { code: OWN_REFUSAL, reason: refusal.reason.into() }
}

/// Bytes of a frame, the first few.
struct Hex<'b>(&'b [u8]);

impl core::fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        /// More than this is for a recording.
        const SHOWN: usize = 256;
        for byte in self.0.iter().take(SHOWN) {
            write!(f, "{byte:02x}")?;
        }
        if self.0.len() > SHOWN { f.write_str("..") } else { Ok(()) }
    }
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
