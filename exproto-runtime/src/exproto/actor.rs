//! One EMQX connection: a task that owns its session and works off its events
//! one after the other.
//!
//! An event is done when everything it led to is done: frames settled, calls
//! to EMQX answered. Only then its sender is told, which is the one way to
//! make EMQX wait (unary service), and the next event is taken.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::vec;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::beginning::{Begun, CLOSE_WAIT, after, next_probe};
use super::call::Call;
use super::ending::End;
use super::error::CallError;
use super::event::{Finish, Job, What};
use super::pb;
use super::registry::{Kind, Seat, Shared, Work};
use crate::session::{
    Action, CloseReason, ConnInfo, Event, Gateway, Lookup, Memory, Out, Outcome, Ran, Session,
    SessionSettings, Ticket,
};

/// Memory that a thread keeps for the next event.
const KEPT: usize = 1 << 20;

/// A call that waits for its turn.
struct Todo {
    call: Call,
    ticket: Option<Ticket>,
}

#[derive(PartialEq, Eq)]
enum Phase {
    Open,
    /// We have asked EMQX to close it. Events mean nothing any more.
    Closing,
    Ended,
}

type Calling = Pin<Box<dyn Future<Output = Result<(), CallError>> + Send>>;

pub(super) struct Actor<G: Gateway> {
    // Given up first: who is told that an event is done must find the
    // connection gone.
    seat: Seat,
    jobs: mpsc::Receiver<Job>,
    phase: Phase,
    /// None after a panic.
    session: Option<Session<G>>,
    /// Events that came before the beginning and are due now.
    backlog: VecDeque<Job>,
    /// Messages of the present event, given to the session one by one.
    messages: vec::IntoIter<pb::Message>,
    todo: VecDeque<Todo>,
    /// What the present frame waits for.
    lookup: Option<(Ticket, Lookup)>,
    /// A call is under way.
    busy: bool,
    /// Publishes under way side by side, of which the session thinks that they
    /// are done: what must not happen before they are waits in `todo`.
    flying: Vec<Calling>,
    /// Its ticket, if it has one.
    ticket: Option<Ticket>,
    /// The senders of the events that are not done.
    waiting: Vec<Finish>,
    timer: Option<Instant>,
    /// When the end is certain, once it was reported by a stream.
    quiet: Option<Instant>,
    /// When EMQX is asked whether it still has the connection.
    probe: Instant,
    /// EMQX has this device logged in.
    member: bool,
    /// The registry is gone: no more events.
    deserted: bool,
}

/// The connections of a declared gateway.
pub(super) struct Declared<G> {
    session: Arc<SessionSettings>,
    gateway: PhantomData<fn() -> G>,
}

impl<G> Declared<G> {
    pub(super) fn new(session: Arc<SessionSettings>) -> Self {
        Self { session, gateway: PhantomData }
    }
}

impl<G: Gateway> Kind for Declared<G> {
    fn work(&self, seat: Seat, jobs: mpsc::Receiver<Job>, begun: Begun) -> Work {
        let session = Arc::clone(&self.session);
        Box::pin(Actor::<G>::new(seat, jobs, begun, session).run())
    }
}

impl<G: Gateway> Actor<G> {
    fn new(seat: Seat, jobs: mpsc::Receiver<Job>, begun: Begun, session: Arc<SessionSettings>) -> Self {
        let Begun { info, memory, backlog, waiting, quiet } = begun;
        let probe = next_probe(Instant::now(), seat.shared.settings.probe);
        let mut actor = Self {
            seat,
            jobs,
            phase: Phase::Open,
            session: None,
            backlog,
            messages: Vec::new().into_iter(),
            todo: VecDeque::new(),
            lookup: None,
            busy: false,
            flying: Vec::new(),
            ticket: None,
            waiting,
            timer: None,
            quiet,
            probe,
            member: false,
            deserted: false,
        };
        let info = match info {
            Some(info) => {
                if let Some(seconds) = actor.seat.shared.settings.timer(info.udp, session.idle) {
                    actor.todo.push_back(Todo { call: Call::StartTimer(seconds), ticket: None });
                }
                info.conn
            }
            None => {
                // EMQX may have the device logged in; then it says so when the
                // device logs in again.
                actor.member = true;
                ConnInfo { listener: "adopted".into(), ..ConnInfo::default() }
            }
        };
        actor.open(info, session, memory.as_ref());
        actor
    }

    async fn run(mut self) {
        let mut calling: Option<Calling> = None;
        let mut armed = self.due();
        let mut sleep = pin!(sleep_until(armed));
        loop {
            if calling.is_none() {
                calling = self.next_call();
            }
            // A call under way is never given up.
            if calling.is_none() && self.flying.is_empty() {
                if self.phase == Phase::Ended || self.deserted && self.todo.is_empty() {
                    break;
                }
                if self.is_done() {
                    self.waiting.clear();
                    self.count();
                }
            }
            // A timer that fires too early costs less than setting it anew
            // with each event.
            let due = self.due();
            if due < armed {
                armed = due;
                sleep.as_mut().reset(armed);
            }
            tokio::select! {
                biased;
                result = finished(&mut calling) => {
                    calling = None;
                    self.called(result);
                }
                result = landed(&mut self.flying), if !self.flying.is_empty() => self.landed(result),
                (ticket, ran) = looked_up(&mut self.lookup) => {
                    self.lookup = None;
                    if ran.is_panic() {
                        self.seat.shared.counters.panics.up();
                    }
                    self.feed(Event::Ran(ticket, ran));
                }
                job = self.jobs.recv(), if calling.is_none()
                    && self.flying.is_empty()
                    && !self.deserted
                    && self.takes_jobs() =>
                {
                    match job {
                        Some(job) => self.take(job),
                        None => self.deserted = true,
                    }
                }
                () = sleep.as_mut() => {
                    self.on_time(Instant::now());
                    armed = self.due();
                    sleep.as_mut().reset(armed);
                }
            }
        }
        if self.deserted
            && self.phase == Phase::Open
            && self.quiet.is_none()
            && let Some(session) = &self.session
        {
            self.seat.leave(session.info(), None, session.memory());
        }
        self.end();
        self.count();
    }

    /// The call whose turn it is. Takes up what waits inside the actor until
    /// there is one.
    fn next_call(&mut self) -> Option<Calling> {
        loop {
            if self.fly() {
                continue;
            }
            if !self.todo.is_empty() && !self.flying.is_empty() {
                return None;
            }
            if let Some(todo) = self.todo.pop_front() {
                self.busy = true;
                self.ticket = todo.ticket;
                return Some(self.calling(todo.call));
            }
            if let Some(message) = self.messages.next() {
                self.feed(Event::Message { topic: &message.topic, payload: &message.payload });
            } else if self.flying.is_empty()
                && self.takes_jobs()
                && let Some(job) = self.backlog.pop_front()
            {
                self.take(job);
            } else {
                return None;
            }
        }
    }

    fn calling(&self, call: Call) -> Calling {
        let (shared, conn) = (Arc::clone(&self.seat.shared), Arc::clone(&self.seat.conn));
        Box::pin(async move { shared.adapter.call(&conn, call).await })
    }

    /// Lets the next publish go out beside others, if that is wanted. It
    /// overtakes answers, which wait for all of them.
    fn fly(&mut self) -> bool {
        let most = self.seat.shared.settings.concurrent_publishes;
        if most < 2 || self.flying.len() >= most {
            return false;
        }
        let Some(at) = self.todo.iter().position(|todo| !matches!(todo.call, Call::Send(_))) else {
            return false;
        };
        match self.todo.remove(at) {
            Some(Todo { call: call @ Call::Publish { .. }, ticket: Some(ticket) }) => {
                let calling = self.calling(call);
                self.flying.push(calling);
                self.feed(Event::Completed(ticket, Outcome::Done));
                true
            }
            Some(other) => {
                self.todo.insert(at, other);
                false
            }
            None => false,
        }
    }

    fn is_busy(&self) -> bool {
        self.busy || !self.flying.is_empty()
    }

    /// Whether all work of the events taken so far is done.
    fn is_done(&self) -> bool {
        self.backlog.is_empty() && self.messages.len() == 0 && self.takes_jobs()
    }

    /// Whether the next event may be taken, calls apart.
    fn takes_jobs(&self) -> bool {
        match self.phase {
            Phase::Closing => true,
            Phase::Open => self.session.as_ref().is_none_or(Session::wants_bytes),
            Phase::Ended => false,
        }
    }

    fn take(&mut self, job: Job) {
        let now = Instant::now();
        self.probe = next_probe(now, self.seat.shared.settings.probe);
        let quiet = after(now, self.seat.shared.settings.quiet);
        if self.quiet.is_some() {
            self.quiet = Some(quiet);
        }
        let Job { what, mut done, streamed } = job;
        done.begun();
        self.waiting.push(done);
        match what {
            What::Closed(reason) => {
                let end = End::of(&reason);
                debug!(conn = &*self.seat.conn, %end, reason, "closed");
                if streamed {
                    self.quiet = Some(quiet);
                } else {
                    self.end();
                }
            }
            what if self.phase == Phase::Open => self.work(what),
            _ => {}
        }
    }

    fn work(&mut self, what: What) {
        match what {
            What::Created(_) => self.seat.shared.counters.duplicates.up(),
            What::Bytes(bytes) => self.feed(Event::Bytes(&bytes)),
            What::Messages(messages) => self.messages = messages.into_iter(),
            What::TimedOut => {
                self.seat.shared.counters.timeouts.up();
                // EMQX before 4.3.19 leaves it to us.
                self.todo.push_back(Todo { call: Call::Close, ticket: None });
            }
            What::Doubted => self.todo.push_back(Todo { call: Call::Probe, ticket: None }),
            What::Closed(_) => {}
        }
    }

    fn open(&mut self, info: ConnInfo, settings: Arc<SessionSettings>, memory: Option<&Memory>) {
        // The user's state is made here.
        match catch_unwind(AssertUnwindSafe(|| Session::new(info, settings))) {
            Ok(mut session) => {
                if let Some(memory) = memory {
                    session.resume(memory);
                    self.member = !memory.client_id.is_empty();
                }
                self.session = Some(session);
                self.feed(Event::Connected);
            }
            Err(_) => self.panicked(),
        }
    }

    /// Asks EMQX to close the connection.
    fn close(&mut self, why: &str) {
        debug!(conn = &*self.seat.conn, why, "closing");
        self.todo.push_back(Todo { call: Call::Close, ticket: None });
        self.closing();
    }

    fn closing(&mut self) {
        self.phase = Phase::Closing;
        self.backlog.clear();
        self.messages = Vec::new().into_iter();
        self.timer = None;
        self.lookup = None;
        self.probe = Instant::now() + CLOSE_WAIT;
    }

    fn end(&mut self) {
        self.feed(Event::Closed);
        self.phase = Phase::Ended;
        self.backlog.clear();
        self.messages = Vec::new().into_iter();
        self.todo.clear();
    }

    fn panicked(&mut self) {
        self.seat.shared.counters.panics.up();
        warn!(conn = &*self.seat.conn, "a function of the gateway panicked; its device is closed");
        // What it was about to do is not known to be right.
        self.session = None;
        self.close("panic");
    }

    /// The earliest time at which there is something to do.
    fn due(&self) -> Instant {
        [self.timer, self.quiet].into_iter().flatten().fold(self.probe, Instant::min)
    }

    fn on_time(&mut self, now: Instant) {
        if self.timer.is_some_and(|timer| timer <= now) {
            self.timer = None;
            self.feed(Event::Timer);
        }
        if self.quiet.is_some_and(|quiet| quiet <= now) {
            if self.is_done() && self.todo.is_empty() && !self.is_busy() {
                return self.end();
            }
            self.quiet = Some(after(now, self.seat.shared.settings.quiet));
        }
        if self.probe <= now {
            let call = if self.phase == Phase::Closing {
                // It should be closed; perhaps EMQX did not get our call.
                self.probe = now + CLOSE_WAIT;
                Call::Close
            } else {
                self.probe = next_probe(now, self.seat.shared.settings.probe);
                Call::Probe
            };
            // A call under way will tell as well.
            if self.todo.is_empty() && !self.is_busy() {
                self.todo.push_back(Todo { call, ticket: None });
            }
        }
    }

    /// A call has ended.
    fn called(&mut self, result: Result<(), CallError>) {
        self.busy = false;
        let ticket = self.ticket.take();
        if let Err(error) = &result {
            self.seat.note(error);
        }
        if result == Err(CallError::Gone) {
            return self.end();
        }
        if let Some(ticket) = ticket {
            let outcome = match result {
                Ok(()) => Outcome::Done,
                // The session lets a device log in again under its own client
                // id; EMQX knows one login per connection.
                Err(error) if self.member && error == CallError::AlreadyAuthenticated => Outcome::Done,
                Err(error) => error.outcome(),
            };
            self.feed(Event::Completed(ticket, outcome));
            if let Some(session) = self.session.as_ref().filter(|session| !session.client_id().is_empty()) {
                self.member = true;
                self.seat.logged_in(session.client_id());
            }
        }
    }

    /// One of the publishes side by side has ended.
    fn landed(&mut self, result: Result<(), CallError>) {
        let Err(error) = result else { return };
        self.seat.note(&error);
        if error == CallError::Gone {
            return self.end();
        }
        // The session has been told that it was done, and the device must not be.
        let answered = self.todo.iter().any(|todo| matches!(todo.call, Call::Send(_)));
        if self.phase == Phase::Open && answered {
            self.todo.clear();
            self.close("a publish failed of which the device was about to be told that it was done");
        }
    }

    /// Gives an event to the session and queues what it wants done.
    fn feed(&mut self, event: Event<'_>) {
        let Some(session) = &mut self.session else { return };
        let now = self.seat.shared.now();
        let todo = &mut self.todo;
        let (mut timer, mut lookup) = (self.timer, self.lookup.take());
        let mut closed = None;
        let sound = ROOM.with_borrow_mut(|room| {
            let Room { scratch, out } = room;
            let sound = catch_unwind(AssertUnwindSafe(|| session.on(now, event, scratch, out))).is_ok();
            let (actions, bytes) = out.parts();
            let held = bytes.len();
            if sound {
                for action in actions {
                    match action {
                        Action::Run(ticket, asked) => lookup = Some((ticket, asked)),
                        Action::StartTimer(time) => timer = Some(after(Instant::now(), time)),
                        Action::Close(reason) => {
                            todo.push_back(Todo { call: Call::Close, ticket: None });
                            closed = Some(reason);
                        }
                        action => todo.extend(to_call(action, bytes, &self.seat.shared)),
                    }
                }
            } else {
                drop(actions);
            }
            if held > KEPT {
                *out = Out::new();
            } else {
                out.clear();
            }
            if scratch.capacity() > KEPT {
                *scratch = Vec::new();
            }
            sound
        });
        (self.timer, self.lookup) = (timer, lookup);
        if !sound {
            return self.panicked();
        }
        if let Some(reason) = closed {
            self.session_closes(&reason);
        }
    }

    fn session_closes(&mut self, reason: &CloseReason) {
        let client_id = self.session.as_ref().map_or("", Session::client_id);
        debug!(conn = &*self.seat.conn, client_id, %reason, "closing");
        self.closing();
    }

    /// Passes on what the session has counted and has to say.
    fn count(&mut self) {
        let Some(session) = &mut self.session else { return };
        self.seat.shared.counters.add(self.seat.shard, &session.take_tally());
        for report in session.take_reports() {
            let member = G::ANONYMOUS || !session.client_id().is_empty();
            let report = if member { report } else { report.without_bytes() };
            debug!(conn = &*self.seat.conn, client_id = session.client_id(), "{report}");
        }
    }
}

/// What a thread needs to run sessions.
#[derive(Default)]
struct Room {
    scratch: Vec<u8>,
    out: Out,
}

thread_local! {
    static ROOM: RefCell<Room> = RefCell::default();
}

async fn finished(calling: &mut Option<Calling>) -> Result<(), CallError> {
    match calling {
        Some(call) => call.await,
        None => pending().await,
    }
}

/// The end of one of several calls, which is taken out.
async fn landed(flying: &mut Vec<Calling>) -> Result<(), CallError> {
    poll_fn(|cx| {
        for index in 0..flying.len() {
            if let Poll::Ready(result) = flying[index].as_mut().poll(cx) {
                drop(flying.swap_remove(index));
                return Poll::Ready(result);
            }
        }
        Poll::Pending
    })
    .await
}

/// The end of the lookup under way.
async fn looked_up(lookup: &mut Option<(Ticket, Lookup)>) -> (Ticket, Ran) {
    match lookup {
        Some((ticket, lookup)) => (*ticket, lookup.await),
        None => pending().await,
    }
}

fn to_call(action: Action, bytes: &[u8], shared: &Shared) -> Option<Todo> {
    let part = |range: &std::ops::Range<usize>| bytes.get(range.clone()).unwrap_or(&[]);
    let text = |range: &std::ops::Range<usize>| String::from_utf8_lossy(part(range)).into_owned();
    let (ticket, call) = match action {
        Action::Send(range) => (None, Call::Send(Bytes::copy_from_slice(part(&range)))),
        Action::Authenticate(ticket, who) => (Some(ticket), Call::Authenticate(who)),
        Action::Publish { ticket, topic, payload, qos, retain } => {
            if retain {
                shared.warn_of_retain();
            }
            let payload = Bytes::copy_from_slice(part(&payload));
            (Some(ticket), Call::Publish { topic: text(&topic), payload, qos })
        }
        Action::Subscribe { ticket, filter, qos } => {
            (Some(ticket), Call::Subscribe { filter: text(&filter), qos })
        }
        Action::Unsubscribe { ticket, filter } => (Some(ticket), Call::Unsubscribe { filter: text(&filter) }),
        // Dealt with by the caller.
        Action::Close(_) | Action::StartTimer(_) | Action::Run(..) => return None,
    };
    Some(Todo { call, ticket })
}
