//! The way to an MQTT broker.
//!
//! A [`Broker`] gives each device connection a [`Link`]. Requests go out
//! through the link in order; their ends and the messages for the device come
//! back through the [`Inbox`] that the driver gave when it made the link.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::session::{ConnInfo, Credentials, Outcome, Ticket};

mod auth;
mod client;
mod connection;
#[cfg(feature = "embedded-broker")]
mod embedded;
mod mqtt;
mod peer;
mod reason;
mod router;
mod settings;
mod stats;
mod subscriptions;
mod url;

pub use auth::{AcceptAll, Authenticator, Login};
pub use client::{MqttClient, Received};
#[cfg(feature = "embedded-broker")]
pub use embedded::{EmbeddedBroker, EmbeddedSettings};
pub use mqtt::{MqttBroker, MqttLink};
pub use settings::MqttSettings;
pub use stats::MqttCounters;
pub use url::{MqttUrl, UrlError};

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

/// Where [`Notice`]s of one device go.
///
/// The ends of requests always fit, because a device has few requests under
/// way. Messages are bounded: one that finds the inbox full is dropped and
/// counted, because a broker connection that is shared by many devices must
/// not wait for one of them.
#[derive(Clone, Debug)]
pub struct Inbox {
    notices: mpsc::UnboundedSender<Notice>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
    limit: usize,
}

/// The other end of an [`Inbox`].
#[derive(Debug)]
pub struct Outbox {
    notices: mpsc::UnboundedReceiver<Notice>,
    waiting: Arc<AtomicUsize>,
    dropped: Arc<AtomicU64>,
}

/// An inbox for at most `limit` messages that wait.
#[must_use]
pub fn inbox(limit: usize) -> (Inbox, Outbox) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(AtomicUsize::new(0));
    let dropped = Arc::new(AtomicU64::new(0));
    (
        Inbox { notices: sender, waiting: Arc::clone(&waiting), dropped: Arc::clone(&dropped), limit },
        Outbox { notices: receiver, waiting, dropped },
    )
}

impl Inbox {
    /// Reports the end of a request.
    pub fn completed(&self, ticket: Ticket, outcome: Outcome) {
        // The device may be gone; then nobody waits for it.
        let _ = self.notices.send(Notice::Completed(ticket, outcome));
    }

    /// Hands a message over; `false` if it was dropped.
    pub fn message(&self, topic: Arc<str>, payload: Bytes, qos: u8) -> bool {
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= self.limit {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return false;
        }
        self.notices.send(Notice::Message { topic, payload, qos }).is_ok()
    }

    /// Tells the device to go.
    pub fn close(&self, reason: &str) {
        let _ = self.notices.send(Notice::Closed(reason.into()));
    }

    /// Whether the device is gone.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.notices.is_closed()
    }
}

impl Outbox {
    /// The next notice; `None` when the broker side is gone.
    pub async fn next(&mut self) -> Option<Notice> {
        let notice = self.notices.recv().await?;
        self.took(&notice);
        Some(notice)
    }

    /// The next notice if one is there.
    pub fn try_next(&mut self) -> Option<Notice> {
        let notice = self.notices.try_recv().ok()?;
        self.took(&notice);
        Some(notice)
    }

    /// Messages dropped because the inbox was full.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn took(&self, notice: &Notice) {
        if matches!(notice, Notice::Message { .. }) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

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
}
