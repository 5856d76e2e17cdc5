//! One device connection: the session's events in, its actions out.
//!
//! The whole connection is one future without inner tasks, channels to itself
//! or buffers of its own: everything an event needs is lent by the thread
//! while the event is dealt with, which never waits. What must wait is kept
//! small and bounded:
//!
//! | what waits | bound | effect of reaching it |
//! |---|---|---|
//! | frames from the device | one chunk, in the session | the socket is not read |
//! | requests to the broker | those of one event | the socket is not read |
//! | bytes for the device | [`Limits::unsent`] plus one event's | the socket is not read, downlinks wait in the inbox |
//! | messages from the broker | [`Limits::inbox`] | further ones are dropped and counted |
//! | all of the first three, of all connections | [`Limits::all_buffers`] | see `throttle` |

use std::any::Any;
use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::{debug, warn};

use super::buffers::{Buffers, give_back, lend, spare};
use super::log;
use super::publishing::Publishing;
use super::settings::Limits;
use super::throttle::{GUARANTEED, Throttle, Verdict};
use super::transport::Transport;
use super::worker::{Seat, Stage};
use crate::broker::{Link, Notice, Outbox, Request};
use crate::clock::unix_millis;
use crate::metrics::{Counter, Ended};
use crate::session::{Action, Event, Gateway, Lookup, Now, Out, Outcome, Session, Ticket};

/// Events dealt with before other connections of the worker get their turn.
const TURN: u32 = 16;

/// Far enough for a timer that is not set.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// What a connection is about.
#[derive(Debug)]
enum Phase {
    /// Reading, as long as the session wants bytes.
    Open,
    /// Not reading any more; the frame that waits for the broker may finish.
    Draining,
    /// The session is done; what it asked for is carried out.
    Closing,
    /// Everything is sent. Bytes still under way are read and thrown away, or
    /// the system would cut the connection and the last reply with it.
    Lingering,
    /// Over.
    Over,
}

/// What the outer loop has to do.
enum Turn {
    /// Hand the next request to the broker.
    Submit,
    /// The connection is over.
    End,
}

struct Connection<G: Gateway, T> {
    session: Session<G>,
    transport: T,
    outbox: Outbox,
    requests: VecDeque<Request>,
    /// Bytes the device has not taken yet, from `sent` on: written when nothing
    /// else can be done, so that replies to frames that came together go together.
    unsent: Vec<u8>,
    sent: usize,
    phase: Phase,
    ended: Ended,
    finished: bool,
    publishing: Publishing,
    /// What the present frame waits for.
    lookup: Option<Box<(Ticket, Lookup)>>,
    /// Messages dropped by the inbox that are counted already.
    dropped: u64,
    /// Why it may not be read.
    throttle: Option<Box<Throttle>>,
    /// Bytes kept, as far as they count towards the limit of all.
    held: usize,
    session_due: Option<Instant>,
    unsent_due: Option<Instant>,
    phase_due: Option<Instant>,
    start: Instant,
    limits: Arc<Limits>,
    seat: Seat,
    registered: Option<Waker>,
}

/// Runs a connection to its end.
///
/// `start` is the zero of the clock that the session is told.
///
/// Not an `async fn`, because that keeps its arguments beside what is made of
/// them for as long as the connection lasts.
pub(super) fn run<G: Gateway, T: Transport, L: Link>(
    session: Session<G>,
    transport: T,
    link: L,
    outbox: Outbox,
    limits: Arc<Limits>,
    start: Instant,
    seat: Seat,
) -> impl Future<Output = ()> + Send {
    let connection = Connection {
        session,
        transport,
        outbox,
        requests: VecDeque::new(),
        unsent: Vec::new(),
        sent: 0,
        phase: Phase::Open,
        ended: Ended::Other,
        finished: false,
        publishing: Publishing::default(),
        lookup: None,
        dropped: 0,
        throttle: Throttle::of(limits.rates, Instant::now()),
        held: 0,
        session_due: None,
        unsent_due: None,
        phase_due: None,
        start,
        limits,
        seat,
        registered: None,
    };
    drive(connection, link)
}

#[allow(clippy::manual_async_fn, reason = "see `run`")]
fn drive<G: Gateway, T: Transport, L: Link>(
    mut connection: Connection<G, T>,
    mut link: L,
) -> impl Future<Output = ()> + Send {
    async move {
        let mut timer = pin!(sleep_until(Instant::now() + NEVER));
        connection.feed(Event::Connected);
        loop {
            let Some(request) = connection.requests.pop_front() else {
                match poll_fn(|cx| connection.poll(cx, timer.as_mut(), false)).await {
                    Turn::Submit => continue,
                    Turn::End => break,
                }
            };
            let mut submit = pin!(link.submit(request));
            let taken = poll_fn(|cx| {
                if let Poll::Ready(taken) = submit.as_mut().poll(cx) {
                    return Poll::Ready(Some(taken));
                }
                // The rest goes on meanwhile: replies leave, timers run.
                match ready!(connection.poll(cx, timer.as_mut(), true)) {
                    Turn::Submit => Poll::Pending,
                    Turn::End => Poll::Ready(None),
                }
            })
            .await;
            match taken {
                Some(Ok(())) => {}
                Some(Err(_gone)) => connection.broker_gone(),
                None => break,
            }
        }
        if connection.ended == Ended::Done {
            link.good_bye();
        }
    }
}

impl<G: Gateway, T: Transport> Connection<G, T> {
    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>, submitting: bool) -> Poll<Turn> {
        self.register(cx);
        for _ in 0..TURN {
            match self.seat.stage() {
                Stage::Running => {}
                Stage::Draining => self.drain(Ended::Shutdown),
                Stage::Aborting => self.over(Ended::Shutdown),
            }
            let notice = self.poll_notice(cx) | self.poll_lookup(cx);
            let timer = self.poll_timer(cx, timer.as_mut());
            let read = self.poll_read(cx, submitting);
            let phase = self.advance(cx, submitting);
            if matches!(self.phase, Phase::Over) {
                // What the device was still to get, if it takes it at once.
                self.poll_write(cx);
                return Poll::Ready(Turn::End);
            }
            if !submitting && !self.requests.is_empty() {
                return Poll::Ready(Turn::Submit);
            }
            if !(notice || timer || read || phase || self.poll_write(cx)) {
                return Poll::Pending;
            }
        }
        self.poll_write(cx);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Lets the worker wake this connection when it shuts down.
    fn register(&mut self, cx: &Context<'_>) {
        if !self.registered.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.seat.register(cx.waker());
            self.registered = Some(cx.waker().clone());
        }
    }

    fn reading(&self) -> bool {
        matches!(self.phase, Phase::Open) && self.session.wants_bytes()
    }

    fn clogged(&self) -> bool {
        self.unsent.len() - self.sent > self.limits.unsent
    }

    /// Reads a chunk if there is one; whether to try again.
    fn poll_read(&mut self, cx: &mut Context<'_>, submitting: bool) -> bool {
        if matches!(self.phase, Phase::Lingering) {
            return self.discard(cx);
        }
        if !self.reading() || submitting || !self.requests.is_empty() || self.clogged() {
            return false;
        }
        if (self.held != 0 || self.throttle.is_some())
            && let Some(again) = self.delayed()
        {
            return again;
        }
        match self.transport.poll_readable(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => {
                self.broken(&error);
                return true;
            }
        }
        lend(|buffers| {
            let chunk = self.limits.chunk;
            let chunk = self.throttle.as_ref().map_or(chunk, |throttle| throttle.at_once(chunk));
            buffers.read.resize(chunk, 0);
            match self.transport.try_read(&mut buffers.read) {
                Ok(0) => self.close(Ended::ByDevice),
                Ok(length) => {
                    if let Some(throttle) = &mut self.throttle {
                        throttle.bytes(Instant::now(), length);
                    }
                    self.seat.shard().add(Counter::BytesIn, length as u64);
                    let Buffers { read, write, scratch, out } = buffers;
                    let chunk = read.get(..length).unwrap_or(&[]);
                    self.dispatch(Event::Bytes(chunk), write, scratch, out);
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => self.broken(&error),
            }
        });
        true
    }

    /// Whether the socket is not to be read yet, and then whether to set the timer.
    #[cold]
    fn delayed(&mut self) -> Option<bool> {
        let crowded = self.held != 0 && self.seat.held() > self.limits.all_buffers as u64;
        if !crowded && self.throttle.is_none() {
            return None;
        }
        match self.throttle.get_or_insert_default().look(Instant::now(), crowded) {
            Verdict::Read => None,
            Verdict::StillWait => Some(false),
            Verdict::Wait { begins } => {
                self.seat.shard().add(Counter::Delayed, u64::from(begins));
                Some(true)
            }
            Verdict::GiveUp => {
                debug!(client_id = self.session.client_id(), "there is no room for what the device sends");
                self.close(Ended::Crowded);
                Some(true)
            }
        }
    }

    /// Counts what is kept for the device, beyond what every connection may keep.
    fn count_held(&mut self) {
        let requests: usize = self.requests.iter().map(Request::size).sum();
        let all = self.session.held().saturating_add(requests).saturating_add(self.unsent.len());
        let held = if all > GUARANTEED { all } else { 0 };
        if held != self.held {
            self.seat.shard().hold(self.held, held);
            self.held = held;
        }
        if all > self.limits.buffer && matches!(self.phase, Phase::Open) {
            debug!(client_id = self.session.client_id(), bytes = all, "more than may be kept for one device");
            self.close(Ended::Flooded);
        }
    }

    /// Throws away what still arrives after the end.
    fn discard(&mut self, cx: &mut Context<'_>) -> bool {
        match self.transport.poll_readable(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => {
                self.phase = Phase::Over;
                return true;
            }
        }
        let end = lend(|buffers| {
            buffers.read.resize(self.limits.chunk, 0);
            match self.transport.try_read(&mut buffers.read) {
                Ok(0) => true,
                Ok(_) => false,
                Err(error) => !is_transient(&error),
            }
        });
        if end {
            self.phase = Phase::Over;
        }
        true
    }

    /// Takes a notice of the broker; whether there was one.
    fn poll_notice(&mut self, cx: &mut Context<'_>) -> bool {
        if !matches!(self.phase, Phase::Open | Phase::Draining) || self.clogged() {
            return false;
        }
        match self.outbox.poll_next(cx) {
            Poll::Pending => return false,
            Poll::Ready(None) => self.broker_gone(),
            Poll::Ready(Some(Notice::Completed(ticket, outcome))) => {
                self.count_publish(ticket, &outcome);
                self.feed(Event::Completed(ticket, outcome));
            }
            Poll::Ready(Some(Notice::Message { topic, payload, receipt, .. })) => {
                self.count_dropped();
                self.feed(Event::Message { topic: &topic, payload: &payload });
                if let Some(receipt) = receipt {
                    receipt.confirm();
                }
            }
            Poll::Ready(Some(Notice::Closed(reason))) => {
                debug!(client_id = self.session.client_id(), %reason, "the broker asks the device to go");
                self.drain(Ended::Kicked);
            }
        }
        true
    }

    /// Goes on with the lookup of the present frame; whether it has ended.
    fn poll_lookup(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(lookup) = &mut self.lookup else { return false };
        let (ticket, lookup) = &mut **lookup;
        let Poll::Ready(ran) = Pin::new(lookup).poll(cx) else { return false };
        let ticket = *ticket;
        self.seat.shard().add(Counter::Panics, u64::from(ran.is_panic()));
        self.lookup = None;
        self.feed(Event::Ran(ticket, ran));
        true
    }

    /// Writes what the device has not taken yet; whether something else may be done
    /// for that.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> bool {
        if self.unsent.is_empty() {
            return false;
        }
        let (before, was_clogged, was_due) = (self.sent, self.clogged(), self.unsent_due);
        self.write(cx);
        let ends = !matches!(self.phase, Phase::Open) && (self.sent != before || self.unsent.is_empty());
        ends || was_clogged && !self.clogged() || was_due.is_none() && self.unsent_due.is_some()
    }

    fn write(&mut self, cx: &mut Context<'_>) {
        while let Some(rest) = self.unsent.get(self.sent..).filter(|rest| !rest.is_empty()) {
            match self.transport.poll_writable(cx) {
                Poll::Pending => {
                    self.unsent_due.get_or_insert_with(|| Instant::now() + self.limits.write_timeout);
                    return;
                }
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return self.broken(&error),
            }
            match self.transport.try_write(rest) {
                Ok(length) => {
                    self.seat.shard().add(Counter::BytesOut, length as u64);
                    self.sent += length;
                    self.unsent_due = None;
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => return self.broken(&error),
            }
        }
        give_back(std::mem::take(&mut self.unsent));
        self.sent = 0;
        self.unsent_due = None;
        if self.held != 0 {
            self.count_held();
        }
    }

    /// Deals with a deadline that has come; whether one had.
    ///
    /// Deadlines move with every frame, the timer does not: it is only set
    /// anew when it went off or when an earlier deadline comes up.
    fn poll_timer(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> bool {
        let throttled = self.throttle.as_ref().and_then(|throttle| throttle.due());
        let Some(due) =
            [self.session_due, self.unsent_due, self.phase_due, throttled].into_iter().flatten().min()
        else {
            return false;
        };
        loop {
            if due < timer.deadline() {
                timer.as_mut().reset(due);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return false;
            }
            let now = Instant::now();
            if due <= now {
                timer.as_mut().reset(now + NEVER);
                self.due(now);
                return true;
            }
            timer.as_mut().reset(due);
        }
    }

    fn due(&mut self, now: Instant) {
        if self.session_due.take_if(|due| *due <= now).is_some() {
            // The device may have sent what was not read.
            if self.clogged() || self.throttle.as_ref().is_some_and(|throttle| throttle.due().is_some()) {
                self.session.not_listening(self.now());
            }
            self.feed(Event::Timer);
        }
        if let Some(throttle) = &mut self.throttle {
            throttle.passed(now);
        }
        if self.unsent_due.take_if(|due| *due <= now).is_some() {
            debug!(client_id = self.session.client_id(), "the device does not read what it is sent");
            self.close(Ended::Unread);
            self.phase = Phase::Over;
        }
        if self.phase_due.take_if(|due| *due <= now).is_some() {
            match self.phase {
                // What waits has had its time.
                Phase::Draining => self.close(self.ended),
                Phase::Closing | Phase::Lingering => self.phase = Phase::Over,
                Phase::Open | Phase::Over => {}
            }
        }
    }

    /// Moves towards the end when the present phase has nothing left to do.
    fn advance(&mut self, cx: &mut Context<'_>, submitting: bool) -> bool {
        let busy = submitting || !self.requests.is_empty();
        match self.phase {
            Phase::Draining if !busy && self.session.wants_bytes() => {
                self.close(self.ended);
                true
            }
            Phase::Closing if !busy && self.unsent.is_empty() => {
                if !self.finished {
                    match self.transport.poll_finish(cx) {
                        Poll::Pending => return false,
                        Poll::Ready(Ok(())) => self.finished = true,
                        Poll::Ready(Err(_)) => {
                            self.phase = Phase::Over;
                            return true;
                        }
                    }
                }
                if matches!(self.ended, Ended::ByDevice | Ended::Broken) {
                    self.phase = Phase::Over;
                } else {
                    self.phase = Phase::Lingering;
                    self.phase_due = Some(Instant::now() + self.limits.linger);
                }
                true
            }
            _ => false,
        }
    }

    /// Gives the session an event and carries out what it wants.
    fn feed(&mut self, event: Event<'_>) {
        lend(|buffers| {
            let Buffers { write, scratch, out, .. } = buffers;
            self.dispatch(event, write, scratch, out);
        });
    }

    fn dispatch(&mut self, event: Event<'_>, write: &mut Vec<u8>, scratch: &mut Vec<u8>, out: &mut Out) {
        let now = self.now();
        let session = &mut self.session;
        // The session is not used again after a panic, so nobody sees it
        // half-changed.
        match catch_unwind(AssertUnwindSafe(|| session.on(now, event, scratch, out))) {
            Ok(()) => {
                let tally = self.session.take_tally();
                if let Some(throttle) = &mut self.throttle {
                    throttle.frames(Instant::now(), tally.frames + tally.bad_frames);
                }
                self.seat.shard().add_tally(&tally);
                if tally.logins > 0 {
                    log::logged_in(self.session.client_id());
                }
                for report in self.session.take_reports() {
                    log::report(report, G::ANONYMOUS || !self.session.client_id().is_empty());
                }
                self.carry_out(write, out);
                self.count_held();
            }
            Err(panic) => {
                out.clear();
                self.panicked(&*panic);
            }
        }
    }

    fn carry_out(&mut self, write: &mut Vec<u8>, out: &mut Out) {
        let mut close = None;
        let (actions, bytes) = out.parts();
        let part = |range: &std::ops::Range<usize>| bytes.get(range.clone()).unwrap_or(&[]);
        let text = |range: &std::ops::Range<usize>| String::from_utf8_lossy(part(range)).into_owned();
        for action in actions {
            match action {
                Action::Send(range) => write.extend_from_slice(part(&range)),
                Action::Close(reason) => close = Some(reason),
                Action::StartTimer(after) => self.session_due = Instant::now().checked_add(after),
                Action::Authenticate(ticket, credentials) => {
                    self.requests.push_back(Request::Authenticate(ticket, credentials));
                }
                Action::Run(ticket, lookup) => self.lookup = Some(Box::new((ticket, lookup))),
                Action::Publish { ticket, topic, payload, qos, retain } => {
                    self.publishing.insert(ticket);
                    let payload = Bytes::copy_from_slice(part(&payload));
                    self.requests.push_back(Request::Publish {
                        ticket,
                        topic: text(&topic),
                        payload,
                        qos,
                        retain,
                    });
                }
                Action::Subscribe { ticket, filter, qos } => {
                    self.requests.push_back(Request::Subscribe { ticket, filter: text(&filter), qos });
                }
                Action::Unsubscribe { ticket, filter } => {
                    self.requests.push_back(Request::Unsubscribe { ticket, filter: text(&filter) });
                }
            }
        }
        self.send(write);
        write.clear();
        if let Some(reason) = close {
            debug!(client_id = self.session.client_id(), %reason, "connection is closed");
            self.close(Ended::from(&reason));
        }
    }

    /// Sends bytes when nothing else can be done; of a datagram at once, because
    /// what is sent together is one.
    fn send(&mut self, mut bytes: &[u8]) {
        if bytes.is_empty() || matches!(self.phase, Phase::Lingering | Phase::Over) {
            return;
        }
        if self.unsent.is_empty() {
            if self.session.info().transport.is_datagram() {
                match self.transport.try_write(bytes) {
                    Ok(length) => {
                        self.seat.shard().add(Counter::BytesOut, length as u64);
                        bytes = bytes.get(length..).unwrap_or(&[]);
                    }
                    Err(error) if is_transient(&error) => {}
                    Err(error) => return self.broken(&error),
                }
                if bytes.is_empty() {
                    return;
                }
            }
            self.unsent = spare();
        } else if self.sent > 0 {
            self.unsent.drain(..self.sent);
            self.sent = 0;
        }
        self.unsent.extend_from_slice(bytes);
    }

    /// Stops reading and lets what is in flight finish.
    fn drain(&mut self, why: Ended) {
        if matches!(self.phase, Phase::Open) {
            self.phase = Phase::Draining;
            self.ended = why;
            self.phase_due = Some(Instant::now() + self.limits.drain);
        }
    }

    /// Ends the session; what it asked for before is still carried out.
    fn close(&mut self, why: Ended) {
        if !matches!(self.phase, Phase::Open | Phase::Draining) {
            return;
        }
        self.phase = Phase::Closing;
        self.ended = why;
        self.session_due = None;
        self.lookup = None;
        self.phase_due = Some(Instant::now() + self.limits.drain);
        self.feed(Event::Closed);
    }

    fn over(&mut self, why: Ended) {
        self.close(why);
        self.phase = Phase::Over;
    }

    fn broken(&mut self, error: &io::Error) {
        debug!(client_id = self.session.client_id(), %error, "connection is broken");
        self.unsent = Vec::new();
        self.sent = 0;
        self.unsent_due = None;
        match self.phase {
            Phase::Open | Phase::Draining => self.close(Ended::Broken),
            // What the broker is still to get does not need the device.
            Phase::Closing => {}
            Phase::Lingering | Phase::Over => self.phase = Phase::Over,
        }
    }

    fn broker_gone(&mut self) {
        self.requests.clear();
        warn!(client_id = self.session.client_id(), "the broker is gone, the device is disconnected");
        self.close(Ended::BrokerGone);
        self.requests.clear();
    }

    fn panicked(&mut self, panic: &(dyn Any + Send)) {
        count_panic(&self.seat, self.session.client_id(), panic);
        // Without an event: this session gets no more of them.
        self.phase = Phase::Over;
        self.ended = Ended::Panic;
    }

    fn now(&self) -> Now {
        let clock = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Now::new(clock, unix_millis())
    }

    fn count_publish(&mut self, ticket: Ticket, outcome: &Outcome) {
        if self.publishing.remove(ticket) {
            let counter = outcome.pick(Counter::Acknowledged, Counter::Unpublished);
            self.seat.shard().add(counter, 1);
        }
    }
}

impl<G: Gateway, T> Connection<G, T> {
    fn count_dropped(&mut self) {
        let dropped = self.outbox.dropped();
        self.seat.shard().add(Counter::Overflowed, dropped.saturating_sub(self.dropped));
        self.dropped = dropped;
    }
}

/// Counts the end of the connection, whatever has ended it.
impl<G: Gateway, T> Drop for Connection<G, T> {
    fn drop(&mut self) {
        if matches!(self.phase, Phase::Open | Phase::Draining) {
            // The worker is gone before the connection was over.
            self.ended = Ended::Shutdown;
        }
        self.count_dropped();
        self.seat.shard().hold(self.held, 0);
        self.seat.ended(self.ended);
        debug!(client_id = self.session.client_id(), reason = self.ended.label(), "connection ended");
    }
}

/// Counts and tells that the user's code has panicked.
pub(super) fn count_panic(seat: &Seat, client_id: &str, panic: &(dyn Any + Send)) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text");
    warn!(client_id, panic = text, "the gateway's code panicked, the device is disconnected");
    seat.shard().add(Counter::Panics, 1);
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
