//! A plain MQTT client: watch topics, publish a message.
//!
//! For command lines and tests. Devices go through
//! [`MqttBroker`](super::MqttBroker).

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, PublishOptions, QoS};

use super::MqttUrl;
use super::mqtt::login;
use super::reason;
use super::settings::random;

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
    client: AsyncClient,
    events: EventLoop,
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
        let mut options =
            MqttOptions::new(format!("exproto-cli-{:016x}", random()), (url.host(), url.port()));
        options
            .set_clean_start(true)
            .set_keep_alive(30)
            .set_connect_timeout(Duration::from_secs(5))
            .set_max_packet_size(Some(MAX_PACKET))
            .set_auth(login(url.username(), url.password()));
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        let (client, events) = AsyncClient::builder(options).unbounded().build();
        let mut this = Self { client, events, url: url.clone(), arrived: Arrived::default() };
        loop {
            if let Packet::ConnAck(_) = this.packet().await? {
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
        self.client.try_subscribe(filter, level(qos)).map_err(|_| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("`{filter}` is not a valid topic filter"))
        })?;
        loop {
            if let Packet::SubAck(answer) = self.packet().await? {
                return match reason::of_suback(&answer) {
                    None => Ok(()),
                    Some((_, why)) => Err(self.error(&format!("refuses to subscribe `{filter}`: {why}"))),
                };
            }
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
        let options = PublishOptions::new(level(qos)).retain(retain);
        let notice = self.client.try_publish_tracked(topic, payload.into(), options).map_err(|_| {
            io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("`{topic}` is not a topic that can be published to"),
            )
        })?;
        let mut end = std::pin::pin!(notice.wait_completion_async());
        loop {
            tokio::select! {
                biased;
                end = &mut end => return end.map_err(|why| self.error(&format!("did not take the message: {why}"))),
                packet = Self::poll(&mut self.events, &self.url) => {
                    self.arrived.keep(&packet?);
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
            self.packet().await?;
        }
    }

    /// Messages dropped because 10,000 were waiting while a call other than
    /// [`next`](Self::next) waited for an answer.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.arrived.dropped
    }

    async fn packet(&mut self) -> io::Result<Packet> {
        let packet = Self::poll(&mut self.events, &self.url).await?;
        self.arrived.keep(&packet);
        Ok(packet)
    }

    async fn poll(events: &mut EventLoop, url: &MqttUrl) -> io::Result<Packet> {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(packet)) => return Ok(packet),
                Ok(_) => {}
                Err(error) => return Err(io::Error::other(format!("MQTT broker {url}: {error}"))),
            }
        }
    }

    fn error(&self, what: &str) -> io::Error {
        io::Error::other(format!("MQTT broker {} {what}", self.url))
    }
}

impl Arrived {
    fn keep(&mut self, packet: &Packet) {
        let Packet::Publish(publish) = packet else { return };
        if self.messages.len() >= MAX_ARRIVED {
            self.dropped += 1;
            return;
        }
        self.messages.push_back(Received {
            topic: String::from_utf8_lossy(&publish.topic).into_owned(),
            payload: publish.payload.clone(),
            qos: publish.qos as u8,
            retained: publish.retain,
        });
    }
}

impl fmt::Debug for MqttClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttClient").field("url", &self.url).finish_non_exhaustive()
    }
}

fn level(qos: u8) -> QoS {
    match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}
