//! The way to an MQTT broker.
//!
//! A [`Broker`] gives each device connection a [`Link`]. Requests go out
//! through the link in order; their ends and the messages for the device come
//! back through the [`Inbox`] that the driver gave when it made the link.
//!
//! | | |
//! |---|---|
//! | [`MqttBroker`] | any broker of MQTT 5 or 3.1.1, over few connections for all devices, or one for each |
//! | `EmbeddedBroker` | an MQTT broker in this process (feature `embedded-broker`) |
//! | [`MqttClient`] | a plain client, to watch topics and send messages by hand |
//!
//! Ends are reported in the order in which they come, which is not always the
//! order of the requests: what matters is the [`Ticket`].

mod inbox;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

pub use inbox::{Inbox, Outbox, inbox};

use crate::session::{ConnInfo, Credentials, Outcome, Ticket};

mod auth;
mod client;
mod connection;
mod device;
mod dial;
#[cfg(feature = "embedded-broker")]
mod embedded;
mod mode;
mod mqtt;
mod peer;
mod reason;
mod router;
mod settings;
mod stats;
mod subscriptions;
#[cfg(all(test, feature = "tls", feature = "testkit"))]
mod tls_tests;
mod url;
mod wire;

pub use auth::{AcceptAll, Authenticator, Login};
pub use client::{MqttClient, Received};
#[cfg(feature = "embedded-broker")]
pub use embedded::{EmbeddedBroker, EmbeddedSettings};
pub use mode::{DeviceSettings, DeviceWill, Mode};
pub use mqtt::{MqttBroker, MqttLink};
pub use settings::MqttSettings;
pub use stats::MqttCounters;
pub use url::{MqttUrl, MqttVersion, UrlError};
pub use wire::Receipt;

/// Something a device connection wants of the broker.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Request {
    /// Log the device in.
    Authenticate(Ticket, Box<Credentials>),
    /// Publish; ends when the broker has acknowledged it (QoS 1 and 2) or
    /// taken it over (QoS 0).
    Publish {
        /// Reports its end.
        ticket: Ticket,
        /// The topic.
        topic: String,
        /// The payload.
        payload: Bytes,
        /// 0, 1 or 2.
        qos: u8,
        /// Whether the broker keeps it for later subscribers.
        retain: bool,
    },
    /// Subscribe; ends when the broker has confirmed it.
    Subscribe {
        /// Reports its end.
        ticket: Ticket,
        /// The filter.
        filter: String,
        /// 0, 1 or 2.
        qos: u8,
    },
    /// End a subscription.
    Unsubscribe {
        /// Reports its end.
        ticket: Ticket,
        /// The filter.
        filter: String,
    },
}

impl Request {
    /// About how many bytes it keeps.
    #[cfg(feature = "host")]
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Publish { topic, payload, .. } => topic.len().saturating_add(payload.len()),
            Self::Subscribe { filter, .. } | Self::Unsubscribe { filter, .. } => filter.len(),
            Self::Authenticate(..) => 0,
        }
    }

    /// Under which number its end is reported.
    #[must_use]
    pub fn ticket(&self) -> Ticket {
        match self {
            Self::Authenticate(ticket, _)
            | Self::Publish { ticket, .. }
            | Self::Subscribe { ticket, .. }
            | Self::Unsubscribe { ticket, .. } => *ticket,
        }
    }
}

/// Something the broker has for a device connection.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// A request has ended.
    Completed(Ticket, Outcome),
    /// A message for a filter of this device.
    Message {
        /// The topic.
        topic: Arc<str>,
        /// The payload.
        payload: Bytes,
        /// 0, 1 or 2.
        qos: u8,
        /// To be confirmed when the device has it, if the broker keeps it until
        /// then.
        receipt: Option<Receipt>,
    },
    /// The device has to go: another one took its client id, or an
    /// administrator asked for it.
    Closed(Box<str>),
}

/// The connection to the broker is gone for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

impl std::fmt::Display for Gone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the broker connection has ended")
    }
}

impl std::error::Error for Gone {}

/// A broker, or the way to one.
pub trait Broker: Send + Sync + 'static {
    /// What one device connection holds. Dropping it ends the device's
    /// subscriptions and, where it has one, its session.
    type Link: Link;

    /// Makes a link for a device.
    fn link(&self, info: &ConnInfo, inbox: Inbox) -> Self::Link;
}

/// One device's way to the broker.
pub trait Link: Send + 'static {
    /// Takes a request over. Waits while the queue to the broker is full,
    /// which is how a slow broker slows devices down.
    fn submit(&mut self, request: Request) -> impl Future<Output = Result<(), Gone>> + Send;

    /// The device has said good-bye; the link is dropped next.
    fn good_bye(&mut self) {}
}
