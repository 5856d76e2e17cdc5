//! Which connection belongs to which actor, and what all of them share.

use std::collections::HashMap;
use std::convert::Infallible;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::actor::{Actor, Job, What};
use super::adapter::{Adapter, Call};
use super::settings::{ExProtoSettings, SettingsError, UnknownConnection};
use super::stats::{Counters, SHARDS, Stats};
use crate::clock::unix_millis;
use crate::session::{Gateway, Millis, Now};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: ExProtoSettings,
    pub(super) adapter: Arc<Adapter>,
    pub(super) counters: Arc<Counters>,
    epoch: Instant,
    warned_of_retain: AtomicBool,
}

impl Shared {
    pub(super) fn now(&self) -> Now {
        let clock = Millis::try_from(self.epoch.elapsed().as_millis()).unwrap_or(Millis::MAX);
        Now::new(clock, unix_millis())
    }

    /// ExProto has no retain flag.
    pub(super) fn warn_of_retain(&self) {
        if !self.warned_of_retain.swap(true, Ordering::Relaxed) {
            warn!("a route publishes with `retain`, which ExProto cannot carry; EMQX keeps nothing");
        }
    }
}

type Shard = HashMap<Arc<str>, mpsc::Sender<Job>>;

pub(super) struct Registry<G: Gateway> {
    shared: Arc<Shared>,
    // A lock is held for one look-up; events of different connections rarely
    // meet.
    shards: [Mutex<Shard>; SHARDS],
    hasher: RandomState,
    live: AtomicUsize,
    /// Each actor holds one; the receiver learns that all have ended.
    alive: mpsc::Sender<Infallible>,
    stop: watch::Sender<bool>,
    /// Streams carry events of several connections, as with EMQX before 5.1.
    pub(super) mixed_streams: AtomicBool,
    actors: std::marker::PhantomData<fn() -> G>,
}

/// An actor's entry in the registry, removed when dropped.
pub(super) struct Seat<G: Gateway> {
    pub(super) conn: Arc<str>,
    pub(super) shared: Arc<Shared>,
    pub(super) shard: usize,
    registry: Weak<Registry<G>>,
    _alive: mpsc::Sender<Infallible>,
}

impl<G: Gateway> Drop for Seat<G> {
    fn drop(&mut self) {
        if let Some(registry) = self.registry.upgrade()
            && registry.shard(self.shard).remove(&self.conn).is_some()
        {
            registry.live.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// What became of an event.
pub(super) enum Route {
    /// It goes to this actor.
    Actor(mpsc::Sender<Job>),
    /// Nobody wants it.
    Nobody,
    /// Its connection is to be closed.
    Close,
}

impl<G: Gateway> Registry<G> {
    pub(super) fn new(
        settings: ExProtoSettings,
    ) -> Result<(Arc<Self>, mpsc::Receiver<Infallible>), SettingsError> {
        settings.session.check_profile::<G>()?;
        let counters = Arc::new(Counters::default());
        let adapter = Arc::new(Adapter::new(&settings, Arc::clone(&counters))?);
        let (alive, ended) = mpsc::channel(1);
        let registry = Self {
            shared: Arc::new(Shared {
                settings,
                adapter,
                counters,
                epoch: Instant::now(),
                warned_of_retain: AtomicBool::new(false),
            }),
            shards: Default::default(),
            hasher: RandomState::new(),
            live: AtomicUsize::new(0),
            alive,
            stop: watch::Sender::new(false),
            mixed_streams: AtomicBool::new(false),
            actors: std::marker::PhantomData,
        };
        Ok((Arc::new(registry), ended))
    }

    pub(super) fn settings(&self) -> &ExProtoSettings {
        &self.shared.settings
    }

    pub(super) fn stats(&self) -> Stats {
        self.shared.counters.stats(self.live.load(Ordering::Relaxed))
    }

    /// Ends all streams after the events they have brought.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(super) fn stopped(&self) -> watch::Receiver<bool> {
        self.stop.subscribe()
    }

    /// Works an event off and returns when that is done.
    pub(super) async fn handle(self: &Arc<Self>, conn: String, what: What) {
        match self.route(&conn, &what, false) {
            Route::Actor(sender) => {
                let (done, end) = oneshot::channel();
                if sender.send(Job { what, done, streamed: false }).await.is_ok() {
                    // It is dropped, not sent.
                    let _ = end.await;
                }
            }
            Route::Nobody => {}
            Route::Close => self.close(conn).await,
        }
    }

    /// Finds or makes the actor of an event.
    pub(super) fn route(self: &Arc<Self>, conn: &str, what: &What, streamed: bool) -> Route {
        let counters = &self.shared.counters;
        match what {
            What::Created(_) => counters.created.up(),
            What::Bytes(_) => counters.received_bytes.up(),
            What::Messages(_) => counters.received_messages.up(),
            What::TimedOut => {}
            What::Closed(_) => counters.closed.up(),
        }
        let index = self.index(conn);
        let mut shard = self.shard(index);
        if let Some(sender) = shard.get(conn) {
            return Route::Actor(sender.clone());
        }
        let begins = streamed || matches!(what, What::Created(_));
        if !begins {
            if matches!(what, What::Closed(_)) {
                return Route::Nobody;
            }
            counters.unknown.up();
            if self.shared.settings.unknown == UnknownConnection::Close {
                debug!(conn, "closing a connection whose beginning was not seen");
                return Route::Close;
            }
        }
        if self.live.fetch_add(1, Ordering::Relaxed) >= self.shared.settings.max_connections {
            self.live.fetch_sub(1, Ordering::Relaxed);
            counters.too_many.up();
            return Route::Close;
        }
        let conn: Arc<str> = conn.into();
        let (sender, jobs) = mpsc::channel(self.shared.settings.mailbox.max(1));
        shard.insert(Arc::clone(&conn), sender.clone());
        drop(shard);
        let seat = Seat {
            conn,
            shared: Arc::clone(&self.shared),
            shard: index,
            registry: Arc::downgrade(self),
            _alive: self.alive.clone(),
        };
        let actor = Actor::<G>::new(seat, jobs);
        let actor = if begins { actor } else { actor.adopted() };
        tokio::spawn(actor.run());
        Route::Actor(sender)
    }

    /// Asks EMQX to close a connection that has no actor.
    pub(super) async fn close(&self, conn: String) {
        let call = Arc::clone(&self.shared.adapter).call(conn.into(), Call::Close);
        let alive = self.alive.clone();
        // A task of its own, because EMQX may give up the event while a call
        // must be carried through.
        let task = tokio::spawn(async move {
            let _alive = alive;
            call.await
        });
        if let Ok(Err(error)) = task.await {
            debug!(%error, "an unknown connection was not closed");
        }
    }

    fn index(&self, conn: &str) -> usize {
        usize::try_from(self.hasher.hash_one(conn) % SHARDS as u64).unwrap_or(0)
    }

    fn shard(&self, index: usize) -> MutexGuard<'_, Shard> {
        self.shards[index % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
