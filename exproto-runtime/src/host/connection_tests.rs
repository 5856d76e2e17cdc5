//! One connection over a transport in memory, on a clock that stands still
//! unless everybody waits for it.

#![allow(clippy::unwrap_used)]

#[path = "simulation_tests.rs"]
mod simulation;

use std::collections::VecDeque;
use std::sync::Mutex;

use tokio::task::JoinHandle;

use super::*;
use crate::broker::{Broker, inbox};
use crate::host::Listener;
use crate::host::admission::{Entrance, Rules};
use crate::host::line::{Line, wire};
use crate::host::memory::Memory;
use crate::host::worker::{Crew, Seat};
use crate::metrics::Metrics;
use crate::session::{ConnInfo, SessionSettings};

/// The device's end of the transport.
#[derive(Clone, Debug, Default)]
struct Pipe(Arc<Mutex<Side>>);

#[derive(Debug, Default)]
struct Side {
    inbound: VecDeque<u8>,
    ended: bool,
    broken: bool,
    reader: Option<Waker>,
    outbound: Vec<u8>,
    /// Bytes the device has room for.
    room: usize,
    writer: Option<Waker>,
    finished: bool,
}

impl Pipe {
    fn change(&self, work: impl FnOnce(&mut Side)) {
        let mut side = self.0.lock().unwrap();
        work(&mut side);
        for waker in [side.reader.take(), side.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }

    fn send(&self, lines: &[&str]) {
        self.change(|side| side.inbound.extend(wire(lines)));
    }

    fn lines(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut self.0.lock().unwrap().outbound);
        let text = String::from_utf8(bytes).unwrap();
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

impl Transport for Pipe {
    fn poll_readable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut side = self.0.lock().unwrap();
        if side.broken {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        if !side.inbound.is_empty() || side.ended {
            return Poll::Ready(Ok(()));
        }
        side.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    fn try_read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut side = self.0.lock().unwrap();
        if side.inbound.is_empty() && !side.ended {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = side.inbound.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(side.inbound.drain(..length)) {
            *to = from;
        }
        Ok(length)
    }

    fn poll_writable(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut side = self.0.lock().unwrap();
        if side.room > 0 {
            return Poll::Ready(Ok(()));
        }
        side.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut side = self.0.lock().unwrap();
        if side.broken {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if side.room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let length = side.room.min(bytes.len());
        side.room -= length;
        side.outbound.extend_from_slice(&bytes[..length]);
        Ok(length)
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().unwrap().finished = true;
        Poll::Ready(Ok(()))
    }
}

/// A place at the one worker.
fn seat(crew: &Crew, metrics: &Arc<Metrics>) -> Seat {
    let entrance = Entrance::new(metrics, Rules::default(), Instant::now());
    let place = entrance.admit([127, 0, 0, 1].into(), Instant::now()).unwrap();
    crew.seat(place).unwrap().1
}

struct Bench {
    pipe: Pipe,
    broker: Memory,
    metrics: Arc<Metrics>,
    crew: Crew,
    task: JoinHandle<()>,
    start: Instant,
}

impl Bench {
    fn new(settings: SessionSettings) -> Self {
        Self::with(Listener::tcp(([127, 0, 0, 1], 0)), settings)
    }

    fn with(listener: Listener, settings: SessionSettings) -> Self {
        let metrics = Arc::new(Metrics::new("Line", 1));
        let crew = Crew::start(0, "test").unwrap();
        let seat = seat(&crew, &metrics);
        let pipe = Pipe::default();
        pipe.0.lock().unwrap().room = usize::MAX;
        let broker = Memory::default();
        let (notices, outbox) = inbox(4);
        let info = ConnInfo::default();
        let link = broker.link(&info, notices);
        let session = Session::<Line<'static>>::new(info, Arc::new(settings));
        let start = Instant::now();
        let task =
            tokio::spawn(run(session, pipe.clone(), link, outbox, Arc::new(listener.limits), start, seat));
        Self { pipe, broker, metrics, crew, task, start }
    }

    /// The end, its reason and how long it took.
    async fn ended(self, reason: Ended) -> Duration {
        self.task.await.unwrap();
        assert_eq!(self.metrics.ended(reason), 1, "{:?}", self.metrics);
        self.start.elapsed()
    }
}

/// Lets the connection work without the clock moving.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

/// Whether a time is what was set, but for the granularity of the timer.
#[track_caller]
fn assert_about(time: Duration, expected: Duration) {
    assert!(
        time >= expected && time < expected + Duration::from_millis(10),
        "{time:?} instead of {expected:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_device_that_never_speaks_is_disconnected() {
    let settings = SessionSettings::default();
    let linger = Duration::from_secs(1);
    let time = Bench::new(settings.clone()).ended(Ended::NoFrame).await;
    assert_about(time, settings.first_frame + linger);
}

#[tokio::test(start_paused = true)]
async fn a_device_is_idle_only_when_it_is_silent() {
    let settings = SessionSettings::default();
    let bench = Bench::new(settings.clone());
    for _ in 0..10 {
        bench.pipe.send(&["ping"]);
        tokio::time::sleep(settings.idle / 2).await;
        assert_eq!(bench.pipe.lines(), ["pong"]);
        assert!(!bench.task.is_finished());
    }
    let time = bench.ended(Ended::Idle).await;
    assert_about(time, settings.idle / 2 * 9 + settings.idle + Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_publish_that_never_ends_ends_the_connection_without_a_reply() {
    let settings = SessionSettings::default();
    let bench = Bench::new(settings.clone());
    bench.broker.hold("line/1/up");
    bench.pipe.send(&["hello 1", "data 1"]);
    let pipe = bench.pipe.clone();
    let time = bench.ended(Ended::Undelivered).await;
    assert_about(time, settings.deadline + Duration::from_secs(1));
    assert_eq!(pipe.lines(), ["welcome"]);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_stays_full_ends_the_connection_too() {
    let settings = SessionSettings::default();
    let bench = Bench::new(settings.clone());
    bench.broker.refuse_room("line/1/up");
    bench.pipe.send(&["hello 1", "data 1"]);
    // The request that waits for room may still be taken for a while.
    let time = bench.ended(Ended::Undelivered).await;
    assert_about(time, settings.deadline + Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_takes_nothing_is_disconnected() {
    let bench = Bench::new(SessionSettings::default());
    bench.pipe.change(|side| side.room = 3);
    bench.pipe.send(&["ping"]);
    let pipe = bench.pipe.clone();
    let time = bench.ended(Ended::Unread).await;
    assert_about(time, Duration::from_secs(30));
    assert!(!pipe.0.lock().unwrap().finished);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_takes_little_at_a_time_stays_and_gets_all_in_order() {
    let bench = Bench::new(SessionSettings { idle: Duration::ZERO, ..SessionSettings::default() });
    bench.pipe.change(|side| side.room = 0);
    bench.pipe.send(&["ping", "flood 100", "ping"]);
    for _ in 0..114 {
        // Longer than the write timeout in all, never without progress.
        tokio::time::sleep(Duration::from_secs(20)).await;
        bench.pipe.change(|side| side.room += 1);
    }
    settle().await;
    assert_eq!(bench.pipe.lines(), ["pong", &"x".repeat(100), "pong"]);
    assert!(!bench.task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn the_end_waits_for_the_device_but_not_for_ever() {
    let bench = Bench::new(SessionSettings::default());
    bench.pipe.send(&["ping", "bye", "ping"]);
    settle().await;
    assert!(bench.pipe.0.lock().unwrap().finished, "the device is told");
    assert!(!bench.task.is_finished(), "what it still sends is taken");
    bench.pipe.send(&["ping"]);
    settle().await;
    assert!(bench.pipe.0.lock().unwrap().inbound.is_empty());
    let pipe = bench.pipe.clone();
    assert_about(bench.ended(Ended::Done).await, Duration::from_secs(1));
    assert_eq!(pipe.lines(), ["pong", "good bye"]);

    let bench = Bench::new(SessionSettings::default());
    bench.pipe.send(&["bye"]);
    bench.pipe.change(|side| side.ended = true);
    assert_about(bench.ended(Ended::Done).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_the_stream_and_a_broken_one_end_at_once() {
    let bench = Bench::new(SessionSettings::default());
    bench.pipe.send(&["ping"]);
    bench.pipe.change(|side| side.ended = true);
    let pipe = bench.pipe.clone();
    assert_about(bench.ended(Ended::ByDevice).await, Duration::ZERO);
    assert_eq!(pipe.lines(), ["pong"]);

    let bench = Bench::new(SessionSettings::default());
    settle().await;
    bench.pipe.change(|side| side.broken = true);
    assert_about(bench.ended(Ended::Broken).await, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn draining_waits_for_what_is_in_flight_but_not_for_ever() {
    let bench = Bench::new(SessionSettings::default());
    bench.broker.hold("line/1/up");
    bench.pipe.send(&["hello 1", "data 1"]);
    bench.broker.waiting(1).await;
    bench.crew.enter(Stage::Draining);
    settle().await;
    assert!(!bench.task.is_finished());
    let pipe = bench.pipe.clone();
    assert_about(bench.ended(Ended::Shutdown).await, Duration::from_secs(5 + 1));
    assert_eq!(pipe.lines(), ["welcome"]);
}

#[tokio::test(start_paused = true)]
async fn messages_above_the_inbox_are_dropped_and_counted() {
    let bench = Bench::new(SessionSettings::default());
    bench.pipe.send(&["hello 1"]);
    bench.broker.subscribed("line/1/down").await;
    settle().await;
    for text in ["1", "2", "3", "4", "5", "6"] {
        bench.broker.deliver("line/1/down", text);
    }
    settle().await;
    assert_eq!(bench.pipe.lines(), ["welcome", "down 1", "down 2", "down 3", "down 4"]);
    assert_eq!(bench.metrics.get(Counter::Overflowed), 2);
    assert_eq!(bench.metrics.get(Counter::Downlinks), 4);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_small() {
    let metrics = Arc::new(Metrics::new("Line", 1));
    let crew = Crew::start(0, "test").unwrap();
    let seat = seat(&crew, &metrics);
    let (notices, outbox) = inbox(4);
    let link = Memory::default().link(&ConnInfo::default(), notices);
    let session = Session::<Line<'static>>::new(ConnInfo::default(), Arc::default());
    let limits = Arc::new(Listener::tcp(([127, 0, 0, 1], 0)).limits);
    let whole = run(session, Pipe::default(), link, outbox, limits, Instant::now(), seat);
    let size = std::mem::size_of_val(&whole);
    assert!(size < 1536, "the future of a connection takes {size} bytes");
}

fn listener() -> Listener {
    Listener::tcp(([127, 0, 0, 1], 0))
}

#[tokio::test(start_paused = true)]
async fn bytes_beyond_the_rate_are_read_later_and_none_is_lost() {
    let line = wire(&["ping"]).len();
    let bench = Bench::with(listener().bytes_per_second(1000), SessionSettings::default());
    for _ in 0..5000 / line {
        bench.pipe.send(&["ping"]);
    }
    settle().await;
    // A second's worth at once, and what was owed when nothing was.
    let read = bench.metrics.get(Counter::BytesIn);
    assert!((1000..=2000).contains(&read), "{read} bytes were read at once");
    tokio::time::sleep(Duration::from_secs(2)).await;
    let more = bench.metrics.get(Counter::BytesIn) - read;
    assert!((1000..=3000).contains(&more), "{more} bytes were read in two seconds");
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(bench.metrics.get(Counter::BytesIn), (5000 / line * line) as u64);
    assert_eq!(bench.pipe.lines().len(), 5000 / line);
    assert!(bench.metrics.get(Counter::Delayed) > 0);
    assert!(!bench.task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_not_read_is_not_idle() {
    let settings = SessionSettings { idle: Duration::from_secs(20), ..SessionSettings::default() };
    let bench = Bench::with(listener().frames_per_second(1).chunk(600), settings);
    for _ in 0..300 {
        bench.pipe.send(&["ping"]);
    }
    // A chunk holds a hundred frames, so that each is followed by a wait of
    // about as many seconds; all waits but the last are over then.
    tokio::time::sleep(Duration::from_secs(205)).await;
    assert_eq!(bench.pipe.lines().len(), 300);
    assert!(!bench.task.is_finished());
    // It is silent from here on: the wait that is left and the limit pass.
    let time = bench.ended(Ended::Idle).await;
    assert!(time > Duration::from_secs(300) && time < Duration::from_secs(345), "{time:?}");
}

#[tokio::test(start_paused = true)]
async fn bad_frames_count_towards_the_rate() {
    let settings = SessionSettings { max_bad_frames: 0, ..SessionSettings::default() };
    let bench = Bench::with(listener().frames_per_second(10).chunk(64), settings);
    // Longer than any line may be.
    let noise = "x".repeat(3000);
    for _ in 0..100 {
        bench.pipe.send(&[&noise]);
    }
    settle().await;
    assert!(!bench.pipe.0.lock().unwrap().inbound.is_empty());
    assert!(bench.metrics.get(Counter::BadFrames) <= 12, "{:?}", bench.metrics);
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert!(bench.pipe.0.lock().unwrap().inbound.is_empty(), "{:?}", bench.metrics);
}

#[tokio::test(start_paused = true)]
async fn a_device_for_which_too_much_is_kept_is_disconnected() {
    let bench = Bench::with(listener().buffer(10_000), SessionSettings::default());
    bench.pipe.change(|side| side.room = 0);
    bench.pipe.send(&["flood 9000"]);
    settle().await;
    assert!(!bench.task.is_finished());
    bench.pipe.send(&["flood 9000"]);
    let metrics = Arc::clone(&bench.metrics);
    let _ = bench.ended(Ended::Flooded).await;
    assert_eq!(metrics.held(), 0);
}

#[tokio::test(start_paused = true)]
async fn devices_that_keep_much_wait_for_room_and_others_do_not() {
    let many = || listener().all_buffers(1000).unsent(1 << 20).write_timeout(Duration::from_secs(3600));
    let bench = Bench::with(many(), SessionSettings::default());
    bench.pipe.change(|side| side.room = 0);
    bench.pipe.send(&["flood 15000", "ping"]);
    settle().await;
    assert_eq!(bench.metrics.held(), 0, "every connection may keep this");
    bench.pipe.send(&["flood 5000"]);
    settle().await;
    assert_eq!(bench.metrics.held(), 15_002 + 6 + 5_002);
    bench.pipe.send(&["ping"]);
    tokio::time::sleep(Duration::from_secs(25)).await;
    assert!(!bench.pipe.0.lock().unwrap().inbound.is_empty(), "it is not read");
    assert_eq!(bench.metrics.get(Counter::Delayed), 1);
    // What it takes makes room.
    bench.pipe.change(|side| side.room = usize::MAX);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.metrics.held(), 0);
    assert_eq!(bench.pipe.lines().len(), 4);

    // The wait begins anew, and ends.
    bench.pipe.change(|side| side.room = 0);
    bench.pipe.send(&["flood 20000"]);
    settle().await;
    let (metrics, before) = (Arc::clone(&bench.metrics), bench.start.elapsed());
    let time = bench.ended(Ended::Crowded).await - before;
    assert!(time >= Duration::from_secs(30) && time < Duration::from_secs(40), "{time:?}");
    assert_eq!(metrics.held(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_over_while_a_frame_waits_for_the_broker_costs_nothing() {
    let bench = Bench::with(listener().bytes_per_second(10).chunk(64), SessionSettings::default());
    bench.broker.hold("line/1/up");
    bench.pipe.send(&["hello 1", "data 1"]);
    // If the connection asked for its turn for ever, the clock would stand still.
    tokio::time::sleep(Duration::from_secs(20)).await;
    bench.broker.release();
    settle().await;
    assert_eq!(bench.pipe.lines(), ["welcome", "stored 1"]);
}
