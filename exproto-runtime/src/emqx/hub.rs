//! Which connection has which name, and the way of a call to it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::machine::Call;
use super::name;
use super::raw::RawPublish;
use super::reply::Reply;
use super::settings::StandInSettings;
use super::stats::Stats;
use crate::clock::unix_millis;
use crate::exproto::node;
use crate::exproto::pb::Message;

/// Where the answer to a call goes.
pub(super) type To = oneshot::Sender<Reply>;

/// A call under way to its connection; a pointer, because every connection has
/// room for some.
pub(super) type Asking = Box<(Call, To)>;

/// Parts of the table, so that calls for different devices seldom meet.
const SHARDS: usize = 64;

type Table = HashMap<Box<str>, mpsc::Sender<Asking>>;

/// The connections of a stand-in.
#[derive(Debug)]
pub(super) struct Hub {
    settings: Arc<StandInSettings>,
    stats: Arc<Stats>,
    shards: Box<[Mutex<Table>; SHARDS]>,
    hasher: RandomState,
    creation: u32,
    connections: AtomicU64,
    messages: AtomicU64,
    raw: mpsc::Sender<(RawPublish, To)>,
}

impl Hub {
    pub(super) fn new(settings: Arc<StandInSettings>, raw: mpsc::Sender<(RawPublish, To)>) -> Self {
        let hasher = RandomState::new();
        // Never 0, which Erlang has for nodes that are not alive.
        let creation = hasher.hash_one("creation") as u32 | 1;
        Self {
            settings,
            stats: Arc::default(),
            shards: Box::new(std::array::from_fn(|_| Mutex::default())),
            hasher,
            creation,
            connections: AtomicU64::new(1),
            messages: AtomicU64::new(0),
            raw,
        }
    }

    pub(super) fn stats(&self) -> &Arc<Stats> {
        &self.stats
    }

    pub(super) fn settings(&self) -> &Arc<StandInSettings> {
        &self.settings
    }

    /// Names a new connection and gives it its calls.
    pub(super) fn enter(self: &Arc<Self>) -> (Place, mpsc::Receiver<Asking>) {
        let number = self.connections.fetch_add(1, Ordering::Relaxed);
        let conn: Arc<str> = name::of(&self.settings.node, number, self.creation).into();
        let (sender, calls) = mpsc::channel(self.settings.calls.max(1));
        self.shard(&conn).insert((*conn).into(), sender);
        (Place { hub: Arc::clone(self), conn }, calls)
    }

    /// Makes a call and waits for its end.
    pub(super) async fn call(&self, conn: &str, call: Call) -> Reply {
        // A statement of its own, or the lock would be held while waiting.
        let found = self.shard(conn).get(conn).cloned();
        let Some(calls) = found else {
            let ours = node::of(conn).is_some_and(|node| node == name::node(&self.settings.node));
            return if ours { Reply::Gone } else { Reply::NeverWas };
        };
        let (to, reply) = oneshot::channel();
        let asked = async {
            if calls.send(Box::new((call, to))).await.is_err() {
                return Reply::Gone;
            }
            reply.await.unwrap_or(Reply::Gone)
        };
        timeout(self.settings.call_timeout, asked).await.unwrap_or_else(|_| Reply::taken_too_long())
    }

    /// Publishes without a connection.
    pub(super) async fn publish(&self, what: RawPublish) -> Reply {
        if what.qos > 2 {
            return Reply::WrongRaw;
        }
        if !super::topic::is_topic(&what.topic) {
            return Reply::Wrong;
        }
        let (to, reply) = oneshot::channel();
        let asked = async {
            if self.raw.send((what, to)).await.is_err() {
                return Reply::Failed("the stand-in is ending".into());
            }
            reply.await.unwrap_or_else(|_| Reply::Failed("the stand-in is ending".into()))
        };
        timeout(self.settings.call_timeout, asked).await.unwrap_or_else(|_| Reply::taken_too_long())
    }

    /// A message of the broker in a handler's form. Who published it, and when,
    /// MQTT does not tell.
    pub(super) fn message(&self, topic: &str, payload: Bytes, qos: u8) -> Message {
        let millis = u64::try_from(unix_millis()).unwrap_or(0);
        let number = self.messages.fetch_add(1, Ordering::Relaxed);
        let id = format!(
            "{:012X}{:08X}{:012X}",
            millis & 0xFFFF_FFFF_FFFF,
            self.creation,
            number & 0xFFFF_FFFF_FFFF
        );
        Message {
            node: self.settings.node.clone(),
            id,
            qos: qos.into(),
            from: String::new(),
            topic: topic.to_owned(),
            payload,
            timestamp: millis,
        }
    }

    fn shard(&self, conn: &str) -> MutexGuard<'_, Table> {
        lock(&self.shards[(self.hasher.hash_one(conn) % SHARDS as u64) as usize])
    }
}

fn lock(shard: &Mutex<Table>) -> MutexGuard<'_, Table> {
    // Nothing panics under the lock.
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A connection's place in the table, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    hub: Arc<Hub>,
    conn: Arc<str>,
}

impl Place {
    pub(super) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    pub(super) fn conn(&self) -> &Arc<str> {
        &self.conn
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.hub.shard(&self.conn).remove(&*self.conn);
    }
}
