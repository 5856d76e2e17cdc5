//! Events that wait to be worked off: in order for each client, at once for
//! different ones, and never more than the settings allow.
//!
//! A client whose event is being worked off, or is about to be, has a queue for
//! what comes meanwhile; one without events costs nothing. Few tasks, the
//! runners, take the events that may start, many in one go. Most end without
//! ever waiting; a runner whose event waits stays with it, and another takes its
//! place. So clients don't wait for each other, and what is told costs no task
//! and no wake-up of its own.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::thread::available_parallelism;

use tokio::sync::{Notify, Semaphore};
use tokio::task::yield_now;

/// Parts of the table, so that calls seldom meet at its lock.
const SHARDS: usize = 16;

/// Events that may start before another runner comes to help, and after which
/// one lets other tasks run.
const BUNCH: usize = 32;

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) client_events: usize,
    pub(super) concurrency: usize,
}

/// What works events off.
pub(super) trait Work: Send + Sync + 'static {
    type Event: Send + 'static;

    /// The lanes of this worker.
    fn lanes(&self) -> &Lanes<Self::Event>;

    /// Works an event off. Must not panic.
    fn work(&self, event: Box<Self::Event>) -> impl Future<Output = ()> + Send;
}

/// Keys are hashes already.
#[derive(Debug, Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

struct Waiting<E> {
    event: Box<E>,
    bytes: usize,
}

/// By client: what waits behind its event that is being worked off or may start.
type Shard<E> = HashMap<u64, VecDeque<Waiting<E>>, BuildHasherDefault<AsIs>>;

/// Events that may start, at most one of each client.
struct Ready<E> {
    events: VecDeque<(u64, Waiting<E>)>,
    /// Tasks that take them.
    runners: usize,
}

pub(super) struct Lanes<E> {
    shards: [Mutex<Shard<E>>; SHARDS],
    ready: Mutex<Ready<E>>,
    most_runners: usize,
    limits: Limits,
    events: AtomicUsize,
    bytes: AtomicUsize,
    permits: Semaphore,
    hasher: RandomState,
    /// Told when the last event is done.
    empty: Notify,
}

impl<E> std::fmt::Debug for Lanes<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lanes").field("events", &self.len()).finish_non_exhaustive()
    }
}

impl<E> Lanes<E> {
    pub(super) fn new(limits: Limits) -> Self {
        let permits = limits.concurrency.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            ready: Mutex::new(Ready { events: VecDeque::new(), runners: 0 }),
            most_runners: available_parallelism().map_or(1, usize::from),
            limits,
            events: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            permits: Semaphore::new(permits),
            hasher: RandomState::new(),
            empty: Notify::new(),
        }
    }

    /// Events that wait or are being worked off.
    pub(super) fn len(&self) -> usize {
        self.events.load(Ordering::Relaxed)
    }

    /// Ends when no event is left.
    pub(super) async fn emptied(&self) {
        loop {
            let empty = self.empty.notified();
            if self.events.load(Ordering::Acquire) == 0 {
                return;
            }
            empty.await;
        }
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shard<E>> {
        // The table inside a shard uses the low bits.
        let index = usize::try_from(key >> 32).unwrap_or(0) % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ready(&self) -> MutexGuard<'_, Ready<E>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The event that may start now, or an end for the runner that asks.
    fn take(&self) -> Option<(u64, Waiting<E>)> {
        let mut ready = self.ready();
        let next = ready.events.pop_front();
        if next.is_none() {
            ready.runners -= 1;
        }
        next
    }

    /// Whether another runner has to take the place of the one that asks.
    fn replaced(&self) -> bool {
        let mut ready = self.ready();
        let needed = !ready.events.is_empty();
        if !needed {
            ready.runners -= 1;
        }
        needed
    }

    /// What the client's next event is, when one is done.
    fn done(&self, key: u64, bytes: usize) -> Option<Waiting<E>> {
        let next = {
            let mut shard = self.shard(key);
            let next = shard.get_mut(&key).and_then(VecDeque::pop_front);
            if next.is_none() {
                shard.remove(&key);
            }
            next
        };
        self.leave(bytes);
        next
    }

    fn enter(&self, bytes: usize) -> bool {
        if self.events.fetch_add(1, Ordering::Relaxed) < self.limits.events {
            if self.bytes.fetch_add(bytes, Ordering::Relaxed) < self.limits.bytes {
                return true;
            }
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        self.leave_event();
        false
    }

    fn leave(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.leave_event();
    }

    fn leave_event(&self) {
        if self.events.fetch_sub(1, Ordering::Release) == 1 {
            self.empty.notify_waiters();
        }
    }
}

/// Gives an event of a client to its lane; false if there is no room for it.
///
/// Clients with equal hashes share a lane, which costs them nothing but time.
pub(super) fn push<W: Work>(
    worker: &Arc<W>,
    event: W::Event,
    client: impl Fn(&W::Event) -> &str,
    bytes: usize,
) -> bool {
    let lanes = worker.lanes();
    if !lanes.enter(bytes) {
        return false;
    }
    let key = lanes.hasher.hash_one(client(&event));
    let waiting = Waiting { event: Box::new(event), bytes };
    let mut shard = lanes.shard(key);
    match shard.entry(key) {
        Entry::Occupied(mut queue) => {
            if queue.get().len() >= lanes.limits.client_events {
                drop(shard);
                lanes.leave(waiting.bytes);
                return false;
            }
            queue.get_mut().push_back(waiting);
        }
        Entry::Vacant(place) => {
            place.insert(VecDeque::new());
            drop(shard);
            start(worker, key, waiting);
        }
    }
    true
}

/// Lets an event be worked off, whose client has none under way.
fn start<W: Work>(worker: &Arc<W>, key: u64, event: Waiting<W::Event>) {
    let lanes = worker.lanes();
    let mut ready = lanes.ready();
    ready.events.push_back((key, event));
    let more = ready.runners < lanes.most_runners && ready.events.len() > ready.runners * BUNCH;
    if more {
        ready.runners += 1;
        drop(ready);
        spawn(worker);
    }
}

fn spawn<W: Work>(worker: &Arc<W>) {
    tokio::spawn(run(Arc::clone(worker)));
}

async fn run<W: Work>(worker: Arc<W>) {
    let lanes = worker.lanes();
    // Calls that came together are all answered first, and find one runner.
    yield_now().await;
    for turn in 1_usize.. {
        // Never closed; taken for each event, so that a busy client does not
        // keep others out.
        let permit = lanes.permits.acquire().await;
        let Some((key, Waiting { event, bytes })) = lanes.take() else { return };
        let mut work = pin!(worker.work(event));
        let waits = poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx).is_pending())).await;
        if waits {
            if lanes.replaced() {
                spawn(&worker);
            }
            work.await;
        }
        drop(permit);
        if let Some(next) = lanes.done(key, bytes) {
            start(&worker, key, next);
        }
        if waits {
            return;
        }
        if turn % BUNCH == 0 {
            yield_now().await;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    struct Recorder {
        lanes: Lanes<(usize, usize)>,
        seen: Mutex<Vec<(usize, usize)>>,
        gate: Semaphore,
        busy: [AtomicBool; 8],
    }

    impl Recorder {
        fn new(limits: Limits) -> Arc<Self> {
            Arc::new(Self {
                lanes: Lanes::new(limits),
                seen: Mutex::default(),
                gate: Semaphore::new(0),
                busy: Default::default(),
            })
        }
    }

    impl Work for Recorder {
        type Event = (usize, usize);

        fn lanes(&self) -> &Lanes<Self::Event> {
            &self.lanes
        }

        async fn work(&self, event: Box<Self::Event>) {
            let (client, number) = *event;
            assert!(!self.busy[client].swap(true, Ordering::SeqCst), "two events of one client at once");
            self.gate.acquire().await.unwrap().forget();
            self.seen.lock().unwrap().push((client, number));
            self.busy[client].store(false, Ordering::SeqCst);
        }
    }

    fn name(event: &(usize, usize)) -> &str {
        ["a", "b", "c", "d", "e", "f", "g", "h"][event.0]
    }

    const ROOMY: Limits = Limits { events: 1000, bytes: 1000, client_events: 100, concurrency: 8 };

    fn block_on(test: impl Future<Output = ()>) {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap().block_on(test);
    }

    #[test]
    fn events_of_a_client_keep_their_order() {
        block_on(async {
            let recorder = Recorder::new(ROOMY);
            for number in 0..50 {
                for client in 0..8 {
                    assert!(push(&recorder, (client, number), name, 1));
                }
            }
            assert_eq!(recorder.lanes.len(), 400);
            recorder.gate.add_permits(400);
            recorder.lanes.emptied().await;
            let seen = recorder.seen.lock().unwrap();
            for client in 0..8 {
                let numbers: Vec<_> = seen.iter().filter(|(c, _)| *c == client).map(|(_, n)| *n).collect();
                assert_eq!(numbers, (0..50).collect::<Vec<_>>());
            }
            assert!(recorder.lanes.shards.iter().all(|shard| shard.lock().unwrap().is_empty()));
        });
    }

    #[test]
    fn each_limit_turns_events_away_and_lets_them_in_again() {
        block_on(async {
            for limits in [
                Limits { events: 3, ..ROOMY },
                Limits { bytes: 30, ..ROOMY },
                // One is being worked on.
                Limits { client_events: 2, ..ROOMY },
            ] {
                let recorder = Recorder::new(limits);
                for round in 0..2 {
                    let taken = (0..10).filter(|number| push(&recorder, (0, *number), name, 10)).count();
                    assert_eq!(taken, 3, "{limits:?} in round {round}");
                    recorder.gate.add_permits(3);
                    recorder.lanes.emptied().await;
                    assert_eq!(recorder.lanes.len(), 0);
                    assert_eq!(recorder.lanes.bytes.load(Ordering::SeqCst), 0);
                }
            }
        });
    }

    /// Only the first client's events wait for the gate.
    struct OneWaits(Arc<Recorder>);

    impl Work for OneWaits {
        type Event = (usize, usize);

        fn lanes(&self) -> &Lanes<Self::Event> {
            &self.0.lanes
        }

        async fn work(&self, event: Box<Self::Event>) {
            if event.0 == 0 {
                self.0.gate.acquire().await.unwrap().forget();
            }
            self.0.seen.lock().unwrap().push(*event);
        }
    }

    #[test]
    fn an_event_that_waits_holds_up_no_other_client() {
        block_on(async {
            let worker = Arc::new(OneWaits(Recorder::new(ROOMY)));
            for number in 0..2 * BUNCH {
                for client in 0..8 {
                    assert!(push(&worker, (client, number), name, 1));
                }
            }
            while worker.lanes().len() > 2 * BUNCH {
                yield_now().await;
            }
            let others = worker.0.seen.lock().unwrap().len();
            assert_eq!(others, 7 * 2 * BUNCH);
            worker.0.gate.add_permits(2 * BUNCH);
            worker.lanes().emptied().await;
            assert_eq!(worker.0.seen.lock().unwrap().len(), 8 * 2 * BUNCH);
            while worker.lanes().ready().runners > 0 {
                yield_now().await;
            }
        });
    }
}
