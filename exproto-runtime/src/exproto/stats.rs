//! What the handler counts.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::meter::Meter;
use crate::session::Tally;

/// Parts of what all connections share, so that they seldom meet there.
pub(super) const SHARDS: usize = 16;

/// A number that only grows.
#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

macro_rules! counters {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        #[derive(Debug, Default)]
        pub(super) struct Counters {
            $(pub(super) $name: Counter,)*
            pub(super) meter: Arc<Meter>,
            tallies: [Mutex<Tally>; SHARDS],
        }

        /// What has happened since the handler was made.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Stats {
            /// Connections that are open now.
            pub connections: usize,
            $($(#[doc = $doc])* pub $name: u64,)*
            /// What all sessions together have counted.
            pub sessions: Tally,
        }

        impl Counters {
            /// Adds what a session has counted; `shard` is its connection's.
            pub(super) fn add(&self, shard: usize, tally: &Tally) {
                let tallies = &self.tallies[shard % SHARDS];
                tallies.lock().unwrap_or_else(PoisonError::into_inner).add(tally);
            }

            /// Name, help and value of each.
            pub(super) fn each(&self, mut each: impl FnMut(&'static str, &'static str, u64)) {
                $(each(stringify!($name), concat!($($doc),*), self.$name.get());)*
            }

            pub(super) fn stats(&self, connections: usize) -> Stats {
                let mut sessions = Tally::default();
                for tally in &self.tallies {
                    sessions.add(&tally.lock().unwrap_or_else(PoisonError::into_inner));
                }
                Stats { connections, $($name: self.$name.get(),)* sessions }
            }
        }
    };
}

counters! {
    /// `OnSocketCreated` events.
    created,
    /// `OnReceivedBytes` events.
    received_bytes,
    /// `OnReceivedMessages` events, of one or more messages each.
    received_messages,
    /// `OnTimerTimeout` events of connections that were known.
    timeouts,
    /// `OnSocketClosed` events.
    closed,
    /// `OnSocketCreated` events of connections that were known already.
    duplicates,
    /// Events of connections whose beginning was not seen.
    unknown,
    /// Connections taken over in the middle.
    adopted,
    /// Connections that go on as an earlier handler has left them.
    resumed,
    /// Connections closed because there were too many.
    too_many,
    /// Connections that EMQX turned out not to have any more.
    gone,
    /// Calls to EMQX that failed or were refused.
    calls_failed,
    /// Calls tried again because there was no connection to EMQX.
    calls_repeated,
    /// Devices closed because a function of the gateway panicked.
    panics,
}
