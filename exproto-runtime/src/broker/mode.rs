//! Who is a client of the broker: the gateway, or each device.

use std::time::Duration;

use bytes::Bytes;

/// Who is a client of the broker.
///
/// ```
/// use exproto_runtime::broker::{DeviceSettings, Mode, MqttSettings};
///
/// let mut settings = MqttSettings::new("mqtt://broker.example".parse()?);
/// settings.mode = Mode::PerDevice(DeviceSettings::default());
/// # Ok::<(), exproto_runtime::broker::UrlError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The gateway: few connections for all devices.
    #[default]
    Shared,
    /// Each device, with a connection of its own.
    PerDevice(DeviceSettings),
}

/// How devices are clients of the broker, in [`Mode::PerDevice`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceSettings {
    /// A device begins with a new session each time, so nothing waits for it
    /// while it is away. Default: no.
    pub clean_start: bool,
    /// How long the broker keeps the session of a device that is away: its
    /// subscriptions, and the messages for them. Default 24 h. 0: not at all.
    /// MQTT 3.1.1 cannot say how long; the broker's own limit holds.
    pub session_expiry: Duration,
    /// The MQTT keep alive of a device's connection, which the gateway serves.
    /// Default 120 s; held within 1 s and 65,535 s.
    pub keep_alive: Duration,
    /// Publishes of a device that may wait for their acknowledgement. Default
    /// 16; at least 1.
    pub in_flight: u16,
    /// Requests of a device that may wait to be sent. Default 16; at least 1.
    pub queue: usize,
    /// What the broker publishes when a device is gone. Default: nothing.
    pub will: Option<DeviceWill>,
}

impl Default for DeviceSettings {
    fn default() -> Self {
        Self {
            clean_start: false,
            session_expiry: Duration::from_secs(24 * 3600),
            keep_alive: Duration::from_secs(120),
            in_flight: 16,
            queue: 16,
            will: None,
        }
    }
}

impl DeviceSettings {
    /// Brings values into their bounds.
    pub(crate) fn bound(&mut self) {
        self.in_flight = self.in_flight.max(1);
        self.queue = self.queue.max(1);
        self.keep_alive = self.keep_alive.clamp(Duration::from_secs(1), Duration::from_secs(u16::MAX.into()));
    }
}

/// What the broker publishes for a device that is gone without a good-bye: its
/// connection ended otherwise than by a [`close`](crate::doc::route) route, or
/// the whole gateway is gone.
///
/// ```
/// use exproto_runtime::broker::{DeviceSettings, DeviceWill};
///
/// let mut settings = DeviceSettings::default();
/// let mut will = DeviceWill::new("devices/{client_id}/state", "offline");
/// will.retain = true;
/// settings.will = Some(will);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeviceWill {
    /// The topic; `{client_id}` stands for the device's. A device whose client
    /// id cannot stand in a topic is refused.
    pub topic: String,
    /// The payload; `{client_id}` stands for the device's.
    pub payload: String,
    /// 0, 1 or 2. Default 1.
    pub qos: u8,
    /// Whether the broker keeps it for later subscribers. Default: no.
    pub retain: bool,
    /// How long the broker waits with it for the device to come back. Default:
    /// not at all. MQTT 3.1.1 has no such wait.
    pub delay: Duration,
}

impl DeviceWill {
    /// A will with the defaults.
    #[must_use]
    pub fn new(topic: impl Into<String>, payload: impl Into<String>) -> Self {
        Self { topic: topic.into(), payload: payload.into(), qos: 1, retain: false, delay: Duration::ZERO }
    }

    /// The will of one device; `None` if its topic cannot be published to.
    pub(crate) fn of(&self, client_id: &str) -> Option<Will> {
        let fill = |template: &str| template.replace("{client_id}", client_id);
        let topic = fill(&self.topic);
        if topic.is_empty() || topic.contains(['+', '#', '\0']) || topic.len() > usize::from(u16::MAX) {
            return None;
        }
        Some(Will {
            topic,
            payload: fill(&self.payload).into(),
            qos: self.qos.min(2),
            retain: self.retain,
            delay: u32::try_from(self.delay.as_secs()).unwrap_or(u32::MAX),
        })
    }
}

/// A will with everything in place.
#[derive(Clone, Debug)]
pub(crate) struct Will {
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    /// In seconds.
    pub(crate) delay: u32,
}
