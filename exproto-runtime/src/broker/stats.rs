//! Numbers about the connections to a broker.

use std::sync::atomic::{AtomicU64, Ordering};

/// What happened on the connections to a broker, since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MqttCounters {
    /// Publishes taken over from devices.
    pub published: u64,
    /// Publishes that ended well: acknowledged, with QoS 0 written.
    pub acknowledged: u64,
    /// Publishes that the broker refused.
    pub refused: u64,
    /// Publishes whose end is unknown: QoS 0 when the connection broke, or
    /// under way when the broker was closed.
    pub failed: u64,
    /// Publishes sent again after a reconnect.
    pub resent: u64,
    /// Connections made to the broker.
    pub connects: u64,
    /// Connections to the broker that were lost or refused.
    pub disconnects: u64,
    /// Messages handed to devices.
    pub messages: u64,
    /// Messages dropped because a device's inbox was full.
    pub dropped: u64,
    /// Subscriptions the broker refused.
    pub refused_subscriptions: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Stats {
    pub(crate) published: Counter,
    pub(crate) acknowledged: Counter,
    pub(crate) refused: Counter,
    pub(crate) failed: Counter,
    pub(crate) resent: Counter,
    pub(crate) connects: Counter,
    pub(crate) disconnects: Counter,
    pub(crate) messages: Counter,
    pub(crate) dropped: Counter,
    pub(crate) refused_subscriptions: Counter,
}

/// Counts on one task, is read by others.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Stats {
    pub(crate) fn read(&self) -> MqttCounters {
        MqttCounters {
            published: self.published.get(),
            acknowledged: self.acknowledged.get(),
            refused: self.refused.get(),
            failed: self.failed.get(),
            resent: self.resent.get(),
            connects: self.connects.get(),
            disconnects: self.disconnects.get(),
            messages: self.messages.get(),
            dropped: self.dropped.get(),
            refused_subscriptions: self.refused_subscriptions.get(),
        }
    }
}
