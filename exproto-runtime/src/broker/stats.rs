//! Numbers about the connections to a broker.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::Escaped;

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

impl MqttCounters {
    /// Appends the numbers in the OpenMetrics text format, without the final
    /// `# EOF`, so that other families can follow; `gateway` becomes a label.
    ///
    /// ```
    /// let mut text = String::new();
    /// exproto_runtime::broker::MqttCounters::default().write_open_metrics(&mut text, "toy");
    /// assert!(text.contains("exproto_mqtt_published_total{gateway=\"toy\"} 0\n"));
    /// ```
    pub fn write_open_metrics(&self, out: &mut String, gateway: &str) {
        let gateway = Escaped(gateway);
        for (name, help, value) in [
            ("published", "Publishes taken over from devices.", self.published),
            ("acknowledged", "Publishes that ended well.", self.acknowledged),
            ("refused", "Publishes that the broker refused.", self.refused),
            ("failed", "Publishes whose end is unknown.", self.failed),
            ("resent", "Publishes sent again after a reconnect.", self.resent),
            ("connects", "Connections made to the broker.", self.connects),
            ("disconnects", "Connections to the broker that were lost or refused.", self.disconnects),
            ("messages", "Messages handed to devices.", self.messages),
            ("dropped", "Messages dropped because the inbox of a device was full.", self.dropped),
            ("refused_subscriptions", "Subscriptions that the broker refused.", self.refused_subscriptions),
        ] {
            // Writing to a `String` cannot fail.
            let _ = write!(
                out,
                "# HELP exproto_mqtt_{name} {help}\n# TYPE exproto_mqtt_{name} counter\n\
                 exproto_mqtt_{name}_total{{gateway=\"{gateway}\"}} {value}\n"
            );
        }
    }
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
