//! A plain MQTT client: watch topics, publish a message.
//!
//! For command lines and tests. Devices go through
//! [`MqttBroker`](super::MqttBroker).

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;

use super::dial::Dialer;
use super::settings::made_up_client_id;
use super::wire::{self, Client, Events, Heard, Message, Plan, Subscribed, Trouble, Verdict};
use super::{MqttSettings, MqttUrl};
use crate::session::Outcome;

/// Packets larger than this are not taken from the broker.
const MAX_PACKET: u32 = 1 << 28;
/// Messages kept while an answer is waited for; further ones are dropped.
const MAX_ARRIVED: usize = 10_000;

/// A message from a broker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Received {
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: Bytes,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether the broker had kept it from before the subscription.
    pub retained: bool,
}

/// A connection to a broker that receives and publishes.
///
/// It does not reconnect: where a user looks on, a lost connection should be
/// seen.
///
/// ```
/// # use exproto_runtime::broker::{EmbeddedBroker, EmbeddedSettings};
/// use exproto_runtime::broker::MqttClient;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> std::io::Result<()> {
/// # let embedded = EmbeddedBroker::start(EmbeddedSettings::any_port()).await?;
/// let mut watcher = MqttClient::connect(&embedded.url()).await?;
/// watcher.subscribe("greetings/#", 1).await?;
///
/// let mut sender = MqttClient::connect(&embedded.url()).await?;
/// sender.publish("greetings/all", "hello", 1, false).await?;
///
/// assert_eq!(watcher.next().await?.payload, "hello");
/// # Ok(()) }
/// ```
pub struct MqttClient {
    client: Client,
    events: Events,
    url: MqttUrl,
    arrived: Arrived,
}

/// What arrived and was not asked for yet.
#[derive(Default)]
struct Arrived {
    messages: VecDeque<Received>,
    dropped: u64,
}

impl MqttClient {
    /// Connects, with a client id of its own and a new session.
    ///
    /// # Errors
    ///
    /// If the broker cannot be reached within 5 s or refuses; the text names
    /// the broker.
    pub async fn connect(url: &MqttUrl) -> io::Result<Self> {
        Self::connect_with(MqttSettings::new(url.clone())).await
    }

    /// Connects as the settings say: with their TLS and password file, and in
    /// their time. The client id is one of its own all the same.
    ///
    /// # Errors
    ///
    /// If the broker cannot be reached or refuses; the text names the broker.
    pub async fn connect_with(settings: MqttSettings) -> io::Result<Self> {
        let mut settings = settings.bounded();
        settings.max_packet_size = MAX_PACKET;
        settings.session_expiry = std::time::Duration::ZERO;
        let dialer = Arc::new(Dialer::new(&settings));
        let name = made_up_client_id();
        let (client, mut events) = wire::open(&Plan::new(&settings, &name, &dialer, 1));
        events.log_in(dialer.login()?);
        let mut this = Self { client, events, url: settings.url, arrived: Arrived::default() };
        loop {
            if let Heard::Connected(_) = Self::poll(&mut this.events, &this.url).await? {
                return Ok(this);
            }
        }
    }

    /// Subscribes and waits for the broker's answer.
    ///
    /// # Errors
    ///
    /// If the broker refuses or goes away.
    pub async fn subscribe(&mut self, filter: &str, qos: u8) -> io::Result<()> {
        let Some(end) = self.client.subscribe(filter, qos, None) else {
            let what = format!("`{filter}` is not a valid topic filter");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        };
        match self.until(end.wait()).await? {
            Subscribed::Granted => Ok(()),
            Subscribed::Refused(_, why) => {
                Err(self.error(&format!("refuses to subscribe `{filter}`: {why}")))
            }
            Subscribed::Again => Err(self.error("went away")),
        }
    }

    /// Publishes and waits until the broker has acknowledged it (QoS 0: until
    /// it is written).
    ///
    /// # Errors
    ///
    /// If the broker refuses or goes away.
    pub async fn publish(
        &mut self,
        topic: &str,
        payload: impl Into<Bytes>,
        qos: u8,
        retain: bool,
    ) -> io::Result<()> {
        let end = match self.client.publish(topic.into(), payload.into(), qos, retain) {
            Ok(end) => end,
            Err(Outcome::Refused { .. }) => {
                let what = format!("`{topic}` is not a topic that can be published to");
                return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
            }
            Err(other) => return Err(self.error(&other.to_string())),
        };
        match self.until(end.wait(qos)).await? {
            Verdict::Ended(Outcome::Done) => Ok(()),
            Verdict::Ended(Outcome::Refused { reason, .. } | Outcome::Failed(reason)) => {
                Err(self.error(&format!("did not take the message: {reason}")))
            }
            Verdict::Again => Err(self.error("went away")),
        }
    }

    /// Goes on until the end of a request has come.
    async fn until<T>(&mut self, end: impl Future<Output = T>) -> io::Result<T> {
        let mut end = pin!(end);
        loop {
            tokio::select! {
                biased;
                end = &mut end => return Ok(end),
                heard = Self::poll(&mut self.events, &self.url) => {
                    if let Heard::Message(message) = heard? {
                        self.arrived.keep(message);
                    }
                }
            }
        }
    }

    /// Waits for the next message.
    ///
    /// # Errors
    ///
    /// If the broker goes away.
    pub async fn next(&mut self) -> io::Result<Received> {
        loop {
            if let Some(received) = self.arrived.messages.pop_front() {
                return Ok(received);
            }
            if let Heard::Message(message) = Self::poll(&mut self.events, &self.url).await? {
                self.arrived.keep(message);
            }
        }
    }

    /// Messages dropped because 10,000 were waiting while a call other than
    /// [`next`](Self::next) waited for an answer.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.arrived.dropped
    }

    async fn poll(events: &mut Events, url: &MqttUrl) -> io::Result<Heard> {
        let failed = |error: Trouble| io::Error::other(format!("MQTT broker {url}: {error}"));
        events.poll().await.map_err(failed)
    }

    fn error(&self, what: &str) -> io::Error {
        io::Error::other(format!("MQTT broker {} {what}", self.url))
    }
}

impl Arrived {
    fn keep(&mut self, message: Message) {
        if self.messages.len() >= MAX_ARRIVED {
            self.dropped += 1;
            return;
        }
        self.messages.push_back(Received {
            topic: String::from_utf8_lossy(&message.topic).into_owned(),
            payload: message.payload,
            qos: message.qos,
            retained: message.retain,
        });
    }
}

impl fmt::Debug for MqttClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttClient").field("url", &self.url).finish_non_exhaustive()
    }
}
