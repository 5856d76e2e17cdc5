//! What each kind of event and each kind of call takes.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use super::ending::End;
use super::error::CallError;
use crate::metrics::Escaped;

/// The upper bounds of what is told apart, in microseconds: 0.5 ms to 30 s.
const BOUNDS: [u64; 12] =
    [500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 500_000, 1_000_000, 5_000_000, 30_000_000];

/// How long something has taken, how often.
#[derive(Debug, Default)]
struct Times {
    /// One for each bound, and one above them.
    counts: [AtomicU64; BOUNDS.len() + 1],
    /// Microseconds.
    sum: AtomicU64,
}

impl Times {
    fn add(&self, time: Duration) {
        let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        if let Some(count) = self.counts.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(micros, Ordering::Relaxed);
    }

    fn count(&self) -> u64 {
        self.counts.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }

    fn write(&self, out: &mut String, name: &str, labels: &str) {
        let mut below = 0;
        for (index, count) in self.counts.iter().enumerate() {
            below += count.load(Ordering::Relaxed);
            // Writing to a `String` cannot fail.
            let _ = match BOUNDS.get(index) {
                #[allow(clippy::cast_precision_loss, reason = "at most 30,000,000")]
                Some(bound) => {
                    writeln!(out, "{name}_bucket{{{labels},le=\"{}\"}} {below}", *bound as f64 / 1e6)
                }
                None => writeln!(out, "{name}_bucket{{{labels},le=\"+Inf\"}} {below}"),
            };
        }
        let sum = Duration::from_micros(self.sum.load(Ordering::Relaxed)).as_secs_f64();
        let _ = writeln!(out, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {below}");
    }
}

/// A number that goes up and down.
#[derive(Debug, Default)]
struct Level(AtomicU64);

impl Level {
    fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The kinds of events that EMQX tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// `OnSocketCreated`.
    Created,
    /// `OnReceivedBytes`.
    Bytes,
    /// `OnReceivedMessages`.
    Messages,
    /// `OnTimerTimeout`.
    TimedOut,
    /// `OnSocketClosed`.
    Closed,
}

impl EventKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Created, Self::Bytes, Self::Messages, Self::TimedOut, Self::Closed];

    fn label(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Bytes => "bytes",
            Self::Messages => "messages",
            Self::TimedOut => "timed_out",
            Self::Closed => "closed",
        }
    }
}

/// The kinds of calls to EMQX.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// `Send`.
    Send,
    /// `Close`.
    Close,
    /// `Authenticate`.
    Authenticate,
    /// `StartTimer`.
    StartTimer,
    /// `Publish`.
    Publish,
    /// `RawPublish`.
    RawPublish,
    /// `Subscribe`.
    Subscribe,
    /// `Unsubscribe`.
    Unsubscribe,
    /// Whether EMQX still has a connection.
    Probe,
}

impl CallKind {
    /// All kinds.
    pub const ALL: [Self; 9] = [
        Self::Send,
        Self::Close,
        Self::Authenticate,
        Self::StartTimer,
        Self::Publish,
        Self::RawPublish,
        Self::Subscribe,
        Self::Unsubscribe,
        Self::Probe,
    ];

    fn label(self) -> &'static str {
        match self {
            Self::Send => "send",
            Self::Close => "close",
            Self::Authenticate => "authenticate",
            Self::StartTimer => "start_timer",
            Self::Publish => "publish",
            Self::RawPublish => "raw_publish",
            Self::Subscribe => "subscribe",
            Self::Unsubscribe => "unsubscribe",
            Self::Probe => "probe",
        }
    }
}

/// How calls end, in the order of the table.
const ENDS: [&str; 10] = [
    "done",
    "not_authenticated",
    "already_authenticated",
    "closed",
    "bad_params",
    "denied",
    "gone",
    "internal",
    "unsupported",
    "unreachable",
];

fn place(result: &Result<(), CallError>) -> usize {
    match result {
        Ok(()) => 0,
        Err(CallError::NotAuthenticated) => 1,
        Err(CallError::AlreadyAuthenticated) => 2,
        Err(CallError::Closed) => 3,
        Err(CallError::BadParams { .. }) => 4,
        Err(CallError::Denied { .. }) => 5,
        Err(CallError::Gone) => 6,
        Err(CallError::Internal(_)) => 7,
        Err(CallError::Unsupported) => 8,
        Err(CallError::Unreachable(_)) => 9,
    }
}

#[derive(Debug, Default)]
struct OfEvent {
    in_flight: Level,
    queued: Level,
    times: Times,
}

#[derive(Debug, Default)]
struct OfCall {
    in_flight: Level,
    ends: [AtomicU64; ENDS.len()],
    times: Times,
}

/// Of all events and calls.
#[derive(Debug, Default)]
pub(super) struct Meter {
    events: [OfEvent; EventKind::ALL.len()],
    calls: [OfCall; CallKind::ALL.len()],
    ended: [AtomicU64; End::ALL.len()],
}

impl Meter {
    /// A connection has ended.
    pub(super) fn ended(&self, end: End) {
        self.ended[end as usize % End::ALL.len()].fetch_add(1, Ordering::Relaxed);
    }

    /// A call begins.
    pub(super) fn call(&self, kind: CallKind) -> Calling<'_> {
        let call = &self.calls[kind as usize];
        call.in_flight.up();
        Calling { call, since: Instant::now(), end: place(&Err(CallError::Gone)) }
    }

    /// Events that are not answered yet, of all kinds.
    pub(super) fn events_in_flight(&self) -> u64 {
        self.events.iter().map(|event| event.in_flight.get()).sum()
    }

    pub(super) fn events(&self, kind: EventKind) -> EventStats {
        let event = &self.events[kind as usize];
        EventStats {
            done: event.times.count(),
            in_flight: event.in_flight.get(),
            queued: event.queued.get(),
            time: Duration::from_micros(event.times.sum.load(Ordering::Relaxed)),
        }
    }

    pub(super) fn calls(&self, kind: CallKind) -> CallStats {
        let call = &self.calls[kind as usize];
        let done = call.ends[0].load(Ordering::Relaxed);
        CallStats {
            done,
            failed: call.times.count().saturating_sub(done),
            in_flight: call.in_flight.get(),
            time: Duration::from_micros(call.times.sum.load(Ordering::Relaxed)),
        }
    }

    pub(super) fn write_open_metrics(&self, out: &mut String, handler: &str) {
        let handler = Escaped(handler);
        out.push_str("# HELP exproto_event_seconds Time from an event of EMQX to its answer.\n");
        out.push_str("# TYPE exproto_event_seconds histogram\n# UNIT exproto_event_seconds seconds\n");
        for (kind, event) in EventKind::ALL.iter().zip(&self.events) {
            let labels = format!("handler=\"{handler}\",event=\"{}\"", kind.label());
            event.times.write(out, "exproto_event_seconds", &labels);
        }
        let in_flight: fn(&OfEvent) -> u64 = |event| event.in_flight.get();
        let levels = [
            ("events_in_flight", "Events that are not answered yet.", in_flight),
            ("events_queued", "Events that wait behind others of their connection.", |event| {
                event.queued.get()
            }),
        ];
        for (name, help, level) in levels {
            let _ = writeln!(out, "# HELP exproto_{name} {help}\n# TYPE exproto_{name} gauge");
            for (kind, event) in EventKind::ALL.iter().zip(&self.events) {
                let kind = kind.label();
                let _ = writeln!(
                    out,
                    "exproto_{name}{{handler=\"{handler}\",event=\"{kind}\"}} {}",
                    level(event)
                );
            }
        }
        out.push_str(
            "# HELP exproto_call_seconds Time that a call to EMQX took, its wait for others included.\n",
        );
        out.push_str("# TYPE exproto_call_seconds histogram\n# UNIT exproto_call_seconds seconds\n");
        for (kind, call) in CallKind::ALL.iter().zip(&self.calls) {
            let labels = format!("handler=\"{handler}\",call=\"{}\"", kind.label());
            call.times.write(out, "exproto_call_seconds", &labels);
        }
        out.push_str(
            "# HELP exproto_calls_in_flight Calls to EMQX under way.\n# TYPE exproto_calls_in_flight gauge\n",
        );
        for (kind, call) in CallKind::ALL.iter().zip(&self.calls) {
            let kind = kind.label();
            let level = call.in_flight.get();
            let _ = writeln!(out, "exproto_calls_in_flight{{handler=\"{handler}\",call=\"{kind}\"}} {level}");
        }
        out.push_str(
            "# HELP exproto_calls Calls to EMQX, by how they ended.\n# TYPE exproto_calls counter\n",
        );
        for (kind, call) in CallKind::ALL.iter().zip(&self.calls) {
            for (end, count) in ENDS.iter().zip(&call.ends) {
                let kind = kind.label();
                let count = count.load(Ordering::Relaxed);
                let _ = writeln!(
                    out,
                    "exproto_calls_total{{handler=\"{handler}\",call=\"{kind}\",result=\"{end}\"}} {count}"
                );
            }
        }
        out.push_str(
            "# HELP exproto_connections_ended Connections that EMQX has reported as ended, by reason.\n\
             # TYPE exproto_connections_ended counter\n",
        );
        // EMQX reports none as vanished.
        let reported = |(end, _): &(&End, _)| !matches!(end, End::Vanished);
        for (end, count) in End::ALL.iter().zip(&self.ended).filter(reported) {
            let count = count.load(Ordering::Relaxed);
            let reason = end.label();
            let _ = writeln!(
                out,
                "exproto_connections_ended_total{{handler=\"{handler}\",reason=\"{reason}\"}} {count}"
            );
        }
    }
}

/// An event that is not answered yet.
#[derive(Debug)]
pub(super) struct Timed {
    meter: Arc<Meter>,
    kind: EventKind,
    since: Instant,
    queued: bool,
}

impl Timed {
    pub(super) fn new(meter: &Arc<Meter>, kind: EventKind) -> Self {
        let event = &meter.events[kind as usize];
        event.in_flight.up();
        event.queued.up();
        Self { meter: Arc::clone(meter), kind, since: Instant::now(), queued: true }
    }

    /// Its turn has come.
    pub(super) fn taken(&mut self) {
        if std::mem::take(&mut self.queued) {
            self.meter.events[self.kind as usize].queued.down();
        }
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        self.taken();
        let event = &self.meter.events[self.kind as usize];
        event.in_flight.down();
        event.times.add(self.since.elapsed());
    }
}

/// A call under way.
pub(super) struct Calling<'m> {
    call: &'m OfCall,
    since: Instant,
    end: usize,
}

impl Calling<'_> {
    pub(super) fn ends(mut self, result: &Result<(), CallError>) {
        self.end = place(result);
    }
}

impl Drop for Calling<'_> {
    fn drop(&mut self) {
        self.call.in_flight.down();
        self.call.ends[self.end].fetch_add(1, Ordering::Relaxed);
        self.call.times.add(self.since.elapsed());
    }
}

/// What is known of one kind of events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventStats {
    /// Events that are answered.
    pub done: u64,
    /// Events that are not answered yet.
    pub in_flight: u64,
    /// Those of them that wait behind others of their connection.
    pub queued: u64,
    /// The time from event to answer, of all of them together.
    pub time: Duration,
}

/// What is known of one kind of calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallStats {
    /// Calls with success.
    pub done: u64,
    /// Calls without.
    pub failed: u64,
    /// Calls under way.
    pub in_flight: u64,
    /// The time of all that have ended, their wait for others included.
    pub time: Duration,
}
