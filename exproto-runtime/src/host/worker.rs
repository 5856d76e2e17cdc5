//! The threads that connections run on.
//!
//! Each worker is a thread with a runtime of its own, and a connection stays
//! with the worker it was given to: nothing of it moves between threads, and
//! no queue, timer or counter is shared by all workers. A host without workers
//! runs its connections on the runtime of its caller.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::thread;

use tokio::runtime::{Builder, Handle};
use tokio::sync::{Notify, oneshot};

use super::admission::Place;
use crate::metrics::{Ended, Shard};

/// How far a worker is from its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Stage {
    /// At work.
    Running,
    /// Connections finish what is in flight.
    Draining,
    /// Connections end at once.
    Aborting,
}

/// What the connections of one worker share.
#[derive(Debug)]
struct Desk {
    index: usize,
    stage: AtomicU8,
    open: AtomicUsize,
    empty: Notify,
    next_id: AtomicU64,
    /// To wake every connection when the stage changes. Locked when a
    /// connection begins and ends.
    wakers: Mutex<HashMap<u64, Waker>>,
}

impl Desk {
    fn wakers(&self) -> MutexGuard<'_, HashMap<u64, Waker>> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, stage: Stage) {
        self.stage.fetch_max(stage as u8, Ordering::AcqRel);
        for waker in self.wakers().values() {
            waker.wake_by_ref();
        }
    }
}

/// A connection's place at a worker, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    desk: Arc<Desk>,
    id: u64,
    place: Place,
    ended: Ended,
}

impl Seat {
    /// How far the worker is from its end.
    pub(crate) fn stage(&self) -> Stage {
        match self.desk.stage.load(Ordering::Acquire) {
            0 => Stage::Running,
            1 => Stage::Draining,
            _ => Stage::Aborting,
        }
    }

    /// Where the connection counts.
    pub(crate) fn shard(&self) -> &Shard {
        self.place.shard(self.desk.index)
    }

    /// Tells whose connection it is, where that was not known.
    pub(crate) fn identify(&mut self, peer: std::net::IpAddr) -> Result<(), crate::metrics::Shed> {
        self.place.identify(peer)
    }

    /// Why the connection is over, counted when the place is given back.
    pub(crate) fn ended(&mut self, reason: Ended) {
        self.ended = reason;
    }

    /// Bytes that all connections of the gateway keep.
    pub(crate) fn held(&self) -> u64 {
        self.place.held()
    }

    /// Has `waker` woken when the stage changes. The caller looks at the stage
    /// afterwards, so a change in between is not missed.
    pub(crate) fn register(&self, waker: &Waker) {
        self.desk.wakers().insert(self.id, waker.clone());
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.desk.wakers().remove(&self.id);
        self.place.leave();
        // Whoever sees the connection counted as ended finds room for another,
        // and whoever sees the worker empty finds every end counted.
        self.shard().ended(self.ended);
        if self.desk.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.desk.empty.notify_waiters();
        }
    }
}

#[derive(Debug)]
struct Worker {
    desk: Arc<Desk>,
    runtime: Handle,
    /// Ends the thread when dropped; `None` on the caller's runtime.
    running: Option<oneshot::Sender<()>>,
    ended: Option<oneshot::Receiver<()>>,
}

/// All workers of a host. Dropping it ends them.
#[derive(Debug)]
pub(crate) struct Crew {
    workers: Vec<Worker>,
}

impl Crew {
    /// Starts `count` threads; with 0, uses the runtime of the caller.
    pub(crate) fn start(count: usize, name: &str) -> io::Result<Self> {
        let desk = |index| {
            Arc::new(Desk {
                index,
                stage: AtomicU8::new(Stage::Running as u8),
                open: AtomicUsize::new(0),
                empty: Notify::new(),
                next_id: AtomicU64::new(0),
                wakers: Mutex::default(),
            })
        };
        if count == 0 {
            let worker = Worker { desk: desk(0), runtime: Handle::current(), running: None, ended: None };
            return Ok(Self { workers: vec![worker] });
        }
        let mut workers = Vec::with_capacity(count);
        for index in 0..count {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let handle = runtime.handle().clone();
            let (running, stopped) = oneshot::channel::<()>();
            let (report, ended) = oneshot::channel();
            thread::Builder::new().name(format!("{name}-{index}")).spawn(move || {
                // Ends when the other half is dropped.
                let _ = runtime.block_on(stopped);
                drop(runtime);
                let _ = report.send(());
            })?;
            workers.push(Worker {
                desk: desk(index),
                runtime: handle,
                running: Some(running),
                ended: Some(ended),
            });
        }
        Ok(Self { workers })
    }

    /// The least busy worker, and a place there.
    pub(crate) fn seat(&self, place: Place) -> Option<(Handle, Seat)> {
        let worker = self.workers.iter().min_by_key(|worker| worker.desk.open.load(Ordering::Acquire))?;
        let desk = Arc::clone(&worker.desk);
        desk.open.fetch_add(1, Ordering::AcqRel);
        let id = desk.next_id.fetch_add(1, Ordering::Relaxed);
        let seat = Seat { desk, id, place, ended: Ended::Other };
        Some((worker.runtime.clone(), seat))
    }

    /// Moves all workers to a stage.
    pub(crate) fn enter(&self, stage: Stage) {
        for worker in &self.workers {
            worker.desk.enter(stage);
        }
    }

    /// Waits until no connection is open.
    pub(crate) async fn empty(&self) {
        for worker in &self.workers {
            loop {
                let notified = worker.desk.empty.notified();
                let mut notified = std::pin::pin!(notified);
                notified.as_mut().enable();
                if worker.desk.open.load(Ordering::Acquire) == 0 {
                    break;
                }
                notified.await;
            }
        }
    }

    /// Ends the threads and waits for them.
    pub(crate) async fn stop(mut self) {
        for worker in &mut self.workers {
            worker.running = None;
            if let Some(ended) = worker.ended.take() {
                let _ = ended.await;
            }
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.enter(Stage::Aborting);
    }
}
