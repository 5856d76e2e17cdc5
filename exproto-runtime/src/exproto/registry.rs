//! Which connection belongs to which actor, and what all of them share.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::Write as _;
use std::future::Future;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tracing::{debug, warn};

use super::adapter::Adapter;
use super::beginning::{self, Begun};
use super::call::Call;
use super::ending::End;
use super::error::CallError;
use super::event::{Job, What};
use super::memory::{Memories, Record};
use super::meter::{Meter, Timed};
use super::pb;
use super::settings::{ExProtoSettings, SettingsError, UnknownConnection};
use super::stats::{Counters, SHARDS, Stats};
use crate::clock::unix_millis;
use crate::grpc::Answer;
use crate::metrics::{Escaped, Metrics};
use crate::session::{ConnInfo, Memory, Millis, Now};

/// The work of one connection, from its beginning to its end.
pub(super) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is done with the connections of some listeners.
pub(super) trait Kind: Send + Sync + 'static {
    fn work(&self, seat: Seat, jobs: mpsc::Receiver<Job>, begun: Begun) -> Work;
}

/// What is done with which connections.
pub(super) struct Kinds {
    first: Arc<dyn Kind>,
    /// Those of devices that connect to these addresses.
    at: OnceLock<Vec<(SocketAddr, Arc<dyn Kind>)>>,
}

impl Kinds {
    pub(super) fn new(first: Arc<dyn Kind>) -> Self {
        Self { first, at: OnceLock::new() }
    }

    /// None for a connection of which it is not known what it is.
    fn of(&self, begun: &Begun) -> Option<&dyn Kind> {
        let at = self.at.get().map_or(&[][..], Vec::as_slice);
        let Some(info) = &begun.info else { return at.is_empty().then_some(&*self.first) };
        let local = info.conn.local;
        let here = || at.iter().filter(|(at, _)| at.port() == local.port());
        let exact = here().find(|(at, _)| at.ip() == local.ip());
        let found = exact.or_else(|| here().find(|(at, _)| at.ip().is_unspecified()));
        Some(found.map_or(&*self.first, |(_, kind)| &**kind))
    }
}

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: ExProtoSettings,
    pub(super) adapter: Arc<Adapter>,
    pub(super) counters: Arc<Counters>,
    /// Only if connections are to be resumed.
    pub(super) memories: Option<Arc<Memories>>,
    epoch: Instant,
    warned_of_retain: AtomicBool,
}

impl Shared {
    pub(super) fn now(&self) -> Now {
        let clock = Millis::try_from(self.epoch.elapsed().as_millis()).unwrap_or(Millis::MAX);
        Now::new(clock, unix_millis())
    }

    /// Counts a call that had no success, and tells the log.
    pub(super) fn note(&self, conn: &str, error: &CallError) {
        if *error == CallError::Gone {
            self.counters.gone.up();
        } else {
            self.counters.calls_failed.up();
        }
        debug!(conn, %error, "call to EMQX failed");
    }

    /// ExProto has no retain flag.
    pub(super) fn warn_of_retain(&self) {
        if !self.warned_of_retain.swap(true, Ordering::Relaxed) {
            warn!("a route publishes with `retain`, which ExProto cannot carry; EMQX keeps nothing");
        }
    }
}

type Shard = HashMap<Arc<str>, mpsc::Sender<Job>>;

pub(super) struct Registry {
    shared: Arc<Shared>,
    kinds: Arc<Kinds>,
    // A lock is held for one look-up; events of different connections rarely
    // meet.
    shards: [Mutex<Shard>; SHARDS],
    /// Who is logged in where: EMQX ends the connection that a client id was
    /// logged in on before, and does not always say so.
    logins: [Mutex<HashMap<Arc<str>, Arc<str>>>; SHARDS],
    hasher: RandomState,
    live: AtomicUsize,
    /// Each actor holds one; the receiver learns that all have ended.
    alive: mpsc::Sender<Infallible>,
    stop: watch::Sender<bool>,
    /// Streams carry events of several connections, as with EMQX before 5.1.
    pub(super) mixed_streams: AtomicBool,
}

/// An actor's entry in the registry, removed when dropped.
pub(super) struct Seat {
    pub(super) conn: Arc<str>,
    pub(super) shared: Arc<Shared>,
    pub(super) shard: usize,
    client_id: Option<Arc<str>>,
    registry: Weak<Registry>,
    _alive: mpsc::Sender<Infallible>,
}

impl Seat {
    /// Makes a call for this connection.
    pub(super) async fn call(&self, call: Call) -> Result<(), CallError> {
        self.shared.adapter.call(&self.conn, call).await
    }

    /// The device is logged in with EMQX. If it was on another connection,
    /// that one is looked after.
    pub(super) fn logged_in(&mut self, client_id: &str) {
        if client_id.is_empty() || self.client_id.as_deref() == Some(client_id) {
            return;
        }
        self.forget_login();
        let client_id: Arc<str> = client_id.into();
        self.client_id = Some(Arc::clone(&client_id));
        let Some(registry) = self.registry.upgrade() else { return };
        let before = registry.logins(&client_id).insert(Arc::clone(&client_id), Arc::clone(&self.conn));
        if let Some(before) = before {
            registry.doubt(&before);
        }
    }

    /// Leaves the connection to the next handler.
    pub(super) fn leave(&self, info: &ConnInfo, certificate: Option<pb::CertificateInfo>, memory: Memory) {
        if let Some(memories) = &self.shared.memories {
            memories.leave(&self.conn, Record::new(info, certificate, memory));
        }
    }

    /// Who is logged in, `""` if nobody.
    pub(super) fn client_id(&self) -> &str {
        self.client_id.as_deref().unwrap_or_default()
    }

    fn forget_login(&mut self) {
        let (Some(client_id), Some(registry)) = (self.client_id.take(), self.registry.upgrade()) else {
            return;
        };
        let mut logins = registry.logins(&client_id);
        if logins.get(&client_id).is_some_and(|conn| Arc::ptr_eq(conn, &self.conn)) {
            logins.remove(&client_id);
        }
    }

    /// Counts a call that had no success, and tells the log.
    pub(super) fn note(&self, error: &CallError) {
        self.shared.note(&self.conn, error);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.forget_login();
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

impl Registry {
    pub(super) fn new(
        settings: ExProtoSettings,
        kinds: Kinds,
    ) -> Result<(Arc<Self>, mpsc::Receiver<Infallible>), SettingsError> {
        let counters = Arc::new(Counters::default());
        let adapter = Arc::new(Adapter::new(&settings, Arc::clone(&counters))?);
        let memories = match (settings.unknown, &settings.memory) {
            (UnknownConnection::Resume, None) => return Err(SettingsError::memory()),
            (UnknownConnection::Resume, Some(path)) => Some(Arc::new(Memories::new(path.clone()))),
            _ => None,
        };
        let (alive, ended) = mpsc::channel(1);
        let registry = Self {
            shared: Arc::new(Shared {
                settings,
                adapter,
                counters,
                memories,
                epoch: Instant::now(),
                warned_of_retain: AtomicBool::new(false),
            }),
            kinds: Arc::new(kinds),
            shards: Default::default(),
            logins: Default::default(),
            hasher: RandomState::new(),
            live: AtomicUsize::new(0),
            alive,
            stop: watch::Sender::new(false),
            mixed_streams: AtomicBool::new(false),
        };
        Ok((Arc::new(registry), ended))
    }

    /// Says what is done with the connections to certain addresses.
    pub(super) fn place(&self, at: Vec<(SocketAddr, Arc<dyn Kind>)>) {
        // Once, before the first event.
        let _ = self.kinds.at.set(at);
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    pub(super) fn settings(&self) -> &ExProtoSettings {
        &self.shared.settings
    }

    pub(super) fn stats(&self) -> Stats {
        self.shared.counters.stats(self.live.load(Ordering::Relaxed))
    }

    pub(super) fn meter(&self) -> &Meter {
        &self.shared.counters.meter
    }

    pub(super) fn write_open_metrics(&self, out: &mut String, handler: &str) {
        let label = Escaped(handler);
        self.shared.counters.each(|name, help, value| {
            // Writing to a `String` cannot fail.
            let _ = write!(
                out,
                "# HELP exproto_handler_{name} {}\n# TYPE exproto_handler_{name} counter\n\
                 exproto_handler_{name}_total{{handler=\"{label}\"}} {value}\n",
                help.trim()
            );
        });
        let _ = write!(
            out,
            "# HELP exproto_handler_connections Connections that are open now.\n\
             # TYPE exproto_handler_connections gauge\n\
             exproto_handler_connections{{handler=\"{label}\"}} {}\n",
            self.live.load(Ordering::Relaxed)
        );
        self.meter().write_open_metrics(out, handler);
        let sessions = Metrics::new(handler, 1);
        sessions.shard(0).add_tally(&self.stats().sessions);
        sessions.write_sessions(out);
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
                let (job, end) = Job::new(what, false, &self.shared.counters.meter);
                if sender.send(job).await.is_ok() {
                    // It is dropped, not sent.
                    let _ = end.await;
                }
            }
            Route::Nobody => {}
            Route::Close => {
                let _timed = what.kind().map(|kind| Timed::new(&self.shared.counters.meter, kind));
                self.close(conn).await;
            }
        }
    }

    /// Works an event off and answers it when that is done.
    pub(super) fn accept(self: &Arc<Self>, conn: String, what: What, answer: Answer) {
        let meter = &self.shared.counters.meter;
        match self.route(&conn, &what, false) {
            Route::Actor(sender) => {
                let job = Job::answered(what, answer, meter);
                // There is room: EMQX has one event of a connection under way.
                if let Err(TrySendError::Full(job)) = sender.try_send(job) {
                    tokio::spawn(async move {
                        let _ = sender.send(job).await;
                    });
                }
            }
            Route::Nobody => {}
            Route::Close => {
                let timed = what.kind().map(|kind| Timed::new(meter, kind));
                let registry = Arc::clone(self);
                tokio::spawn(async move {
                    registry.close(conn).await;
                    drop(timed);
                    drop(answer);
                });
            }
        }
    }

    /// Finds or makes the actor of an event.
    pub(super) fn route(self: &Arc<Self>, conn: &str, what: &What, streamed: bool) -> Route {
        let counters = &self.shared.counters;
        match what {
            What::Created(_) => counters.created.up(),
            What::Bytes(_) => counters.received_bytes.up(),
            What::Messages(_) => counters.received_messages.up(),
            What::TimedOut | What::Doubted => {}
            What::Closed(reason) => {
                counters.closed.up();
                counters.meter.ended(End::of(reason));
            }
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
            client_id: None,
            registry: Arc::downgrade(self),
            _alive: self.alive.clone(),
        };
        tokio::spawn(live(Arc::clone(&self.kinds), seat, jobs, begins));
        Route::Actor(sender)
    }

    /// Asks EMQX to close a connection that has no actor.
    pub(super) async fn close(&self, conn: String) {
        let shared = self.shared();
        let alive = self.alive.clone();
        // A task of its own, because EMQX may give up the event while a call
        // must be carried through.
        let task = tokio::spawn(async move {
            let _alive = alive;
            if let Err(error) = shared.adapter.call(&conn, Call::Close).await {
                shared.note(&conn, &error);
            }
        });
        // It neither panics nor is it cancelled, but with the whole runtime.
        let _ = task.await;
    }

    /// No connection gets further events: each ends when it has worked off
    /// what it has, and is left to the next handler.
    pub(super) fn desert(&self) {
        for shard in &self.shards {
            shard.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
    }

    /// Has a connection ask EMQX whether it still exists.
    fn doubt(&self, conn: &str) {
        let jobs = self.shard(self.index(conn)).get(conn).cloned();
        if let Some(jobs) = jobs {
            let (job, _) = Job::new(What::Doubted, false, &self.shared.counters.meter);
            // One that has so much to do will find out by itself.
            let _ = jobs.try_send(job);
        }
    }

    fn logins(&self, client_id: &str) -> MutexGuard<'_, HashMap<Arc<str>, Arc<str>>> {
        self.logins[self.index(client_id) % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self, conn: &str) -> usize {
        usize::try_from(self.hasher.hash_one(conn) % SHARDS as u64).unwrap_or(0)
    }

    fn shard(&self, index: usize) -> MutexGuard<'_, Shard> {
        self.shards[index % SHARDS].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection from its first event to its end.
async fn live(kinds: Arc<Kinds>, seat: Seat, mut jobs: mpsc::Receiver<Job>, begins: bool) {
    let (mut seat, mut begun) = if begins {
        let Some(begun) = beginning::wait(seat, &mut jobs).await else { return };
        begun
    } else {
        (seat, Begun::default())
    };
    if begun.info.is_none()
        && let Some(memories) = &seat.shared.memories
    {
        let memories = Arc::clone(memories);
        let Some(record) = memories.find(&seat.conn).await else {
            return beginning::close(seat, &mut jobs, begun, "nothing is known of it").await;
        };
        seat.shared.counters.resumed.up();
        seat.logged_in(&record.memory.client_id);
        begun.info = Some(record.facts());
        begun.memory = Some(record.memory);
    }
    let Some(kind) = kinds.of(&begun) else {
        return beginning::close(seat, &mut jobs, begun, "nobody knows which listener it belongs to").await;
    };
    if begun.info.is_none() {
        seat.shared.counters.adopted.up();
    }
    let work = kind.work(seat, jobs, begun);
    drop(kinds);
    work.await;
}
