//! One device: its socket, its events for the handler, the handler's calls.
//!
//! One future without inner tasks. What must wait is bounded:
//!
//! | what waits | bound | effect of reaching it |
//! |---|---|---|
//! | bytes and messages for the handler | `held_bytes`, `batch` | the socket is not read, messages stay in the inbox |
//! | messages in the inbox | the listener's `inbox` | further ones are dropped and counted |
//! | bytes for the device | the listener's `unsent` and one `Send` | calls for the device wait |
//! | all of these | the listener's `buffer`, and `all_buffers` for all devices | the device is disconnected; it is not read |
//! | calls | `calls` | further ones wait with whoever makes them |
//! | requests to the broker | those of `calls` | calls for the device wait |

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::debug;

use super::handler::{Tell, Telling};
use super::hub::{Asking, Place, To};
use super::machine::{Action, Machine};
use crate::broker::{Link, Notice, Outbox, Request};
use crate::host::buffers::lend;
use crate::host::serve::Arrival;
use crate::host::settings::Limits;
use crate::host::throttle::{GUARANTEED, Throttle, Verdict};
use crate::host::transport::Transport;
use crate::host::worker::{Seat, Stage};
use crate::metrics::{Counter, Ended};
use crate::session::Millis;

/// Steps before other connections of the worker get their turn.
const TURN: u32 = 16;

/// Far enough for a timer that is not set.
const NEVER: Duration = Duration::from_secs(86_400 * 365);

/// Requests to the broker that are not taken over above which no call is
/// taken.
const REQUESTS: usize = 16;

/// A datagram is read as a whole or cut; this is more than any of them has.
const LONGEST_DATAGRAM: usize = 65_536;

/// How far the socket is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Socket {
    Open,
    /// What is left is written, then it is closed.
    Closing,
    /// Bytes still under way are read and thrown away, or the system would cut
    /// the connection and the last reply with it.
    Lingering,
    Closed,
}

enum Turn {
    /// Hand the next request to the broker.
    Submit,
    /// The connection is over.
    End,
}

struct Connection<T, H> {
    machine: Machine<To>,
    handler: H,
    telling: Option<Telling>,
    calls: mpsc::Receiver<Asking>,
    /// Given back when the handler knows of the end.
    place: Option<Place>,
    transport: T,
    outbox: Outbox,
    requests: VecDeque<Request>,
    /// What the device has not taken yet; of a datagram socket, datagrams.
    unsent: VecDeque<Bytes>,
    unsent_bytes: usize,
    unsent_due: Option<Instant>,
    socket: Socket,
    socket_due: Option<Instant>,
    /// The device has said that it sends no more.
    read_all: bool,
    ended: Option<Ended>,
    /// Why it may not be read.
    throttle: Option<Box<Throttle>>,
    /// Bytes kept, as far as they count towards the limit of all.
    held: usize,
    dropped: u64,
    start: Instant,
    limits: Arc<Limits>,
    datagrams: bool,
    seat: Seat,
    registered: Option<Waker>,
}

/// Runs a connection to its end.
pub(super) async fn run<T: Transport, L: Link, H: Tell>(
    arrival: Arrival,
    transport: T,
    mut link: L,
    outbox: Outbox,
    handler: H,
    (place, calls): (Place, mpsc::Receiver<Asking>),
) {
    let Arrival { info, limits, seat, .. } = arrival;
    let datagrams = info.transport.is_datagram();
    let settings = Arc::clone(place.hub().settings());
    let mut connection = Connection {
        machine: Machine::new(info, settings, 0),
        handler,
        telling: None,
        calls,
        place: Some(place),
        transport,
        outbox,
        requests: VecDeque::new(),
        unsent: VecDeque::new(),
        unsent_bytes: 0,
        unsent_due: None,
        socket: Socket::Open,
        socket_due: None,
        read_all: false,
        ended: None,
        throttle: Throttle::of(limits.rates, Instant::now()),
        held: 0,
        dropped: 0,
        start: Instant::now(),
        limits,
        datagrams,
        seat,
        registered: None,
    };
    let mut timer = pin!(sleep_until(Instant::now() + NEVER));
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
            // The rest goes on meanwhile.
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
    connection.count_dropped();
    let Connection { mut seat, ended, held, .. } = connection;
    seat.shard().hold(held, 0);
    seat.ended(ended.unwrap_or(Ended::Other));
}

impl<T: Transport, H: Tell> Connection<T, H> {
    fn poll(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>, submitting: bool) -> Poll<Turn> {
        if !self.registered.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.seat.register(cx.waker());
            self.registered = Some(cx.waker().clone());
        }
        for _ in 0..TURN {
            match self.seat.stage() {
                Stage::Running => {}
                Stage::Draining => self.gone(Ended::Shutdown, "{shutdown,listener_stopped}"),
                Stage::Aborting => {
                    self.ended.get_or_insert(Ended::Shutdown);
                    return Poll::Ready(Turn::End);
                }
            }
            self.poll_write(cx);
            let progress = self.poll_notice(cx)
                | self.poll_handler(cx)
                | self.poll_calls(cx, submitting)
                | self.poll_read(cx)
                | self.poll_timer(cx, timer.as_mut())
                | self.act()
                | self.poll_close(cx);
            self.count_held();
            if self.machine.is_over() {
                // Calls find nobody from here on.
                self.place = None;
                if self.socket == Socket::Closed && !submitting && self.requests.is_empty() {
                    return Poll::Ready(Turn::End);
                }
            }
            if !submitting && !self.requests.is_empty() {
                return Poll::Ready(Turn::Submit);
            }
            if !progress {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn now(&self) -> Millis {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Takes a notice of the broker; whether there was one.
    fn poll_notice(&mut self, cx: &mut Context<'_>) -> bool {
        // The end of a request never waits behind messages: the handler may
        // wait for it in the event that keeps them back.
        let notice =
            if self.machine.wants_messages() { self.outbox.poll_next(cx) } else { self.outbox.poll_end(cx) };
        match notice {
            Poll::Pending => return false,
            Poll::Ready(None) => {
                if self.machine.is_over() || self.ended == Some(Ended::BrokerGone) {
                    return false;
                }
                self.broker_gone();
            }
            Poll::Ready(Some(Notice::Completed(ticket, outcome))) => self.machine.completed(ticket, &outcome),
            Poll::Ready(Some(Notice::Message { topic, payload, qos, receipt })) => {
                self.count_dropped();
                if let Some(place) = &self.place {
                    self.machine.message(place.hub().message(&topic, payload, qos));
                    if let Some(receipt) = receipt {
                        receipt.confirm();
                    }
                }
            }
            Poll::Ready(Some(Notice::Closed(reason))) => {
                let taken_over = reason.contains("took over") || reason.contains("taken over");
                let words = if taken_over { "{shutdown,discarded}" } else { "{shutdown,kicked}" };
                self.gone(Ended::Kicked, words);
            }
        }
        true
    }

    /// Tells the next event; whether something has changed.
    fn poll_handler(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(telling) = &mut self.telling {
            let Poll::Ready(answer) = telling.as_mut().poll(cx) else { return false };
            self.telling = None;
            if let Err(why) = &answer {
                debug!(conn = self.conn(), %why, "the handler lost an event");
                self.ended.get_or_insert(Ended::Undelivered);
            }
            self.machine.told(answer);
            return true;
        }
        let (Some(place), Some(event)) = (&self.place, self.machine.next_event()) else { return false };
        self.telling = Some(self.handler.tell(place.conn(), event));
        true
    }

    /// Takes a call; whether there was one.
    fn poll_calls(&mut self, cx: &mut Context<'_>, submitting: bool) -> bool {
        let busy = submitting && self.requests.len() >= REQUESTS;
        if busy || self.unsent_bytes > self.limits.unsent {
            return false;
        }
        let Poll::Ready(Some(asking)) = self.calls.poll_recv(cx) else { return false };
        let (call, to) = *asking;
        // Whoever asked has given up: it must not be done behind their back.
        if !to.is_closed() {
            self.machine.call(self.now(), call, to);
        }
        true
    }

    /// Reads a chunk if there is one; whether something has changed.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> bool {
        let discard = self.socket == Socket::Lingering;
        if self.read_all || !(discard || self.socket == Socket::Open && self.machine.wants_bytes()) {
            return false;
        }
        if !discard
            && (self.held != 0 || self.throttle.is_some())
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
        let now = self.now();
        let read = lend(|buffers| {
            let chunk = self.limits.chunk;
            let chunk = self.throttle.as_ref().map_or(chunk, |throttle| throttle.at_once(chunk));
            buffers.read.resize(if self.datagrams { LONGEST_DATAGRAM } else { chunk }, 0);
            let read = self.transport.try_read(&mut buffers.read);
            if let (Ok(length @ 1..), false) = (&read, discard) {
                self.machine.bytes(now, buffers.read.get(..*length).unwrap_or(&[]));
            }
            read
        });
        match read {
            Ok(0) => {
                self.read_all = true;
                if discard {
                    self.socket = Socket::Closed;
                } else {
                    self.ended.get_or_insert(Ended::ByDevice);
                    self.machine.half_closed();
                }
            }
            Ok(length) => {
                self.seat.shard().add(Counter::BytesIn, length as u64);
                if let Some(throttle) = &mut self.throttle {
                    throttle.bytes(Instant::now(), length);
                }
            }
            Err(error) if is_transient(&error) => {}
            Err(error) => self.broken(&error),
        }
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
                debug!(conn = self.conn(), "there is no room for what the device sends");
                self.gone(Ended::Crowded, "{shutdown,no_buffers}");
                Some(true)
            }
        }
    }

    /// Counts what is kept for the device, beyond what every connection may keep.
    fn count_held(&mut self) {
        let requests: usize = self.requests.iter().map(Request::size).sum();
        let all = self.machine.held() + requests + self.unsent_bytes;
        let held = if all > GUARANTEED { all } else { 0 };
        if held != self.held {
            self.seat.shard().hold(self.held, held);
            self.held = held;
        }
        if all > self.limits.buffer && self.machine.is_writable() {
            debug!(conn = self.conn(), bytes = all, "more than may be kept for one device");
            self.gone(Ended::Flooded, "{shutdown,buffer_too_large}");
        }
    }

    /// Sends what the device has not taken yet.
    fn poll_write(&mut self, cx: &mut Context<'_>) {
        while let Some(first) = self.unsent.front_mut() {
            match self.transport.poll_writable(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return self.unwritable(&error),
            }
            match self.transport.try_write(first) {
                Ok(length) => {
                    self.seat.shard().add(Counter::BytesOut, length as u64);
                    self.unsent_due = Some(Instant::now() + self.limits.write_timeout);
                    if self.datagrams || length >= first.len() {
                        self.unsent_bytes -= first.len();
                        self.unsent.pop_front();
                    } else {
                        first.advance(length);
                        self.unsent_bytes -= length;
                    }
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => return self.unwritable(&error),
            }
        }
        self.unsent_due = None;
    }

    /// Carries out what the machine wants; whether there was something.
    fn act(&mut self) -> bool {
        let mut acted = false;
        while let Some(action) = self.machine.next_action() {
            acted = true;
            match action {
                Action::Send(bytes) => {
                    // An empty datagram is one.
                    if self.socket == Socket::Open && (self.datagrams || !bytes.is_empty()) {
                        if self.unsent.is_empty() {
                            self.unsent_due = Some(Instant::now() + self.limits.write_timeout);
                        }
                        self.unsent_bytes += bytes.len();
                        self.unsent.push_back(bytes);
                    }
                }
                Action::Close => {
                    if self.socket == Socket::Open {
                        self.socket = Socket::Closing;
                        self.socket_due = Some(Instant::now() + self.limits.drain);
                    }
                }
                Action::Ask(request) => self.requests.push_back(request),
                // Whoever asked may have given up.
                Action::Answer(to, reply) => drop(to.send(reply)),
            }
        }
        acted
    }

    /// Closes the socket when everything is written; whether it moved on.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> bool {
        if self.socket != Socket::Closing || !self.unsent.is_empty() {
            return false;
        }
        match self.transport.poll_finish(cx) {
            Poll::Pending => return false,
            Poll::Ready(Ok(())) if !self.read_all && !self.datagrams => {
                self.socket = Socket::Lingering;
                self.socket_due = Some(Instant::now() + self.limits.linger);
            }
            Poll::Ready(_) => self.socket = Socket::Closed,
        }
        true
    }

    /// Deals with a deadline that has come; whether one had.
    fn poll_timer(&mut self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> bool {
        let machine = self.machine.next_due().map(|due| {
            // A patience that no clock can count is none.
            self.start.checked_add(Duration::from_millis(due)).unwrap_or_else(|| Instant::now() + NEVER)
        });
        // What is not to be read anyhow is looked at when it is.
        let reads = !self.read_all && self.machine.wants_bytes();
        let throttled = self.throttle.as_ref().filter(|_| reads).and_then(|throttle| throttle.due());
        let due = [machine, self.unsent_due, self.socket_due, throttled].into_iter().flatten().min();
        let Some(due) = due else { return false };
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
        let before = self.machine.is_writable();
        self.machine.due(self.now());
        if before && !self.machine.is_writable() {
            self.ended.get_or_insert(Ended::Idle);
        }
        if self.unsent_due.take_if(|due| *due <= now).is_some() {
            self.cut();
            self.gone(Ended::Unread, "{shutdown,timeout}");
        }
        if self.socket_due.take_if(|due| *due <= now).is_some() {
            self.cut();
        }
    }

    /// The socket is of no use any more.
    fn cut(&mut self) {
        self.socket = Socket::Closed;
        self.socket_due = None;
        self.unsent.clear();
        self.unsent_bytes = 0;
        self.unsent_due = None;
    }

    fn gone(&mut self, why: Ended, words: &str) {
        self.ended.get_or_insert(why);
        self.machine.gone(words);
    }

    fn broken(&mut self, error: &io::Error) {
        debug!(conn = self.conn(), %error, "connection is broken");
        self.read_all = true;
        self.cut();
        let words = match error.kind() {
            io::ErrorKind::TimedOut => "{shutdown,etimedout}",
            io::ErrorKind::HostUnreachable => "{shutdown,ehostunreach}",
            io::ErrorKind::NetworkUnreachable => "{shutdown,enetunreach}",
            // A reset is no more to EMQX than an end.
            _ => self.machine.closed_by_device(),
        };
        self.gone(Ended::Broken, words);
    }

    /// The device does not take bytes any more. What it has sent before is
    /// still there to be read.
    fn unwritable(&mut self, error: &io::Error) {
        if self.datagrams {
            // As good as lost on the way.
            debug!(conn = self.conn(), %error, "a datagram cannot be sent");
            if let Some(datagram) = self.unsent.pop_front() {
                self.unsent_bytes -= datagram.len();
            }
            return;
        }
        if self.read_all || self.socket != Socket::Open {
            return self.broken(error);
        }
        debug!(conn = self.conn(), %error, "the device takes no bytes any more");
        self.unsent.clear();
        self.unsent_bytes = 0;
        self.unsent_due = None;
    }

    fn broker_gone(&mut self) {
        self.requests.clear();
        self.machine.abandon();
        self.ended = Some(Ended::BrokerGone);
        self.machine.gone("{shutdown,broker_gone}");
    }

    fn count_dropped(&mut self) {
        let dropped = self.outbox.dropped();
        self.seat.shard().add(Counter::Overflowed, dropped.saturating_sub(self.dropped));
        self.dropped = dropped;
    }

    fn conn(&self) -> &str {
        self.place.as_ref().map_or("", |place| place.conn())
    }
}

fn is_transient(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
