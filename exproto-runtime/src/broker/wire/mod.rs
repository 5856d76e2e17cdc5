//! The MQTT client library, with one face for both versions of the protocol.
//!
//! `v5` and `v3` hide two crates of one make behind the same few calls; above
//! them nothing depends on the version. Where MQTT 3.1.1 cannot say something
//! (a reason, a subscription identifier, an expiry), it is left out.

mod v3;
mod v5;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::MqttSettings;
use super::dial::{Dialer, Login};
use super::mode::Will;
use super::reason::Code;
use super::url::MqttVersion;
use crate::session::Outcome;

/// What a connection is like.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) version: MqttVersion,
    pub(crate) client_id: String,
    pub(crate) dialer: Arc<Dialer>,
    pub(crate) keep_alive: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) session_expiry: Duration,
    pub(crate) in_flight: u16,
    pub(crate) max_packet_size: u32,
    /// Requests whose packets may share a write to the socket.
    pub(crate) batch: usize,
    /// For a client that is a device.
    pub(crate) device: Option<DevicePlan>,
}

/// What is different for a client that is a device.
#[derive(Clone, Debug)]
pub(crate) struct DevicePlan {
    /// A session that the broker has from before goes on.
    pub(crate) resume: bool,
    /// Messages that the broker may have under way to the device. It keeps each
    /// until its [`Receipt`] is confirmed.
    pub(crate) receive_max: u16,
    pub(crate) will: Option<Will>,
}

impl Plan {
    /// What the settings say, for a client with this name.
    pub(crate) fn new(settings: &MqttSettings, client_id: &str, dialer: &Arc<Dialer>, batch: usize) -> Self {
        Self {
            version: settings.url.version(),
            client_id: client_id.into(),
            dialer: Arc::clone(dialer),
            keep_alive: settings.keep_alive,
            connect_timeout: settings.connect_timeout,
            session_expiry: settings.session_expiry,
            in_flight: settings.in_flight,
            max_packet_size: settings.max_packet_size,
            batch,
            device: None,
        }
    }
}

/// Hands requests to the connection.
#[derive(Clone, Debug)]
pub(crate) enum Client {
    V5(v5::Client),
    V3(v3::Client),
}

/// The connection itself: works while it is polled.
pub(crate) enum Events {
    V5(Box<v5::Events>),
    V3(Box<v3::Events>),
}

/// What happened on the connection.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The broker has let us in.
    Connected(Welcome),
    /// A message for one of our subscriptions.
    Message(Message),
    /// The broker says that it ends the connection, and why.
    Leaving(Code),
    /// Anything else: the connection lives.
    Other,
}

/// The broker's answer to CONNECT.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Welcome {
    /// Whether it has our session from before.
    pub(crate) session_present: bool,
    pub(crate) limits: Limits,
}

/// What the broker said of itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) max_packet_size: Option<u32>,
    pub(crate) max_qos: u8,
    pub(crate) subscription_ids: bool,
}

impl Limits {
    /// Of a broker that has said nothing.
    pub(crate) const NONE: Self = Self { max_packet_size: None, max_qos: 2, subscription_ids: false };
}

/// A message from the broker.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) topic: Bytes,
    pub(crate) payload: Bytes,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    /// The identifiers of the subscriptions that it came through, if the
    /// broker names them.
    pub(crate) through: Vec<usize>,
    /// For a client that is a device.
    pub(crate) receipt: Option<Receipt>,
}

/// Lets the broker forget a message that it keeps for a device.
///
/// Where each device is a client of the broker, the broker keeps a message of
/// QoS 1 or 2 until it is confirmed; one that is not comes again when the device
/// is back.
#[derive(Clone)]
pub struct Receipt(Box<Kept>);

#[derive(Clone)]
struct Kept {
    ack: Ack,
    /// The connection it came through, and the present one.
    of: u64,
    present: Arc<AtomicU64>,
}

#[derive(Clone)]
enum Ack {
    V5(rumqttc::AsyncClient, rumqttc::ManualAck),
    V3(rumqttc_v4::AsyncClient, rumqttc_v4::ManualAck),
}

impl Receipt {
    fn new(ack: Ack, present: &Arc<AtomicU64>) -> Self {
        Self(Box::new(Kept { ack, of: present.load(Ordering::Relaxed), present: Arc::clone(present) }))
    }

    /// The device has the message.
    pub fn confirm(self) {
        let Kept { ack, of, present } = *self.0;
        // After a reconnect the broker sends it again, with a receipt of its own.
        if of == present.load(Ordering::Relaxed) {
            // An error says that the connection is gone.
            let _ = match ack {
                Ack::V5(client, ack) => client.try_manual_ack(ack).is_ok(),
                Ack::V3(client, ack) => client.try_manual_ack(ack).is_ok(),
            };
        }
    }
}

impl std::fmt::Debug for Receipt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Receipt").finish_non_exhaustive()
    }
}

/// How to say good-bye to the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Farewell {
    /// It may forget the session.
    Forget,
    /// It keeps the session.
    Keep,
    /// It keeps the session and publishes the will: nothing is said, because
    /// some brokers take every DISCONNECT for one that forbids it.
    Will,
}

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct Trouble {
    text: String,
    pub(crate) kind: Kind,
}

#[derive(Debug)]
pub(crate) enum Kind {
    /// Both sides may go on with the session after this.
    Network,
    /// The same, and the broker has said why it ends the connection.
    Ended(Code),
    /// The broker has refused CONNECT.
    Refused(Code),
    /// The state that the two sides share may be what is wrong.
    State,
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            Kind::Refused(code) => write!(f, "the broker refuses the connection: {}", code.text()),
            Kind::Ended(code) => write!(f, "the broker ends the connection: {}", code.text()),
            Kind::Network | Kind::State => f.write_str(&self.text),
        }
    }
}

/// What became of a publish.
#[derive(Debug)]
pub(crate) enum Verdict {
    Ended(Outcome),
    /// The broker has not got it for sure, and the client has given it up.
    Again,
}

/// What became of a subscription.
#[derive(Debug)]
pub(crate) enum Subscribed {
    Granted,
    Refused(Code, Box<str>),
    /// The session ended before the answer came.
    Again,
}

/// A reason to refuse, in the broker's words.
pub(crate) type Refusal = Option<(Code, Box<str>)>;

pub(crate) enum PublishEnd {
    V5(rumqttc::PublishNotice),
    V3(rumqttc_v4::PublishNotice),
}

pub(crate) enum SubscribeEnd {
    V5(rumqttc::SubscribeNotice),
    V3(rumqttc_v4::SubscribeNotice),
}

pub(crate) enum UnsubscribeEnd {
    V5(rumqttc::UnsubscribeNotice),
    V3(rumqttc_v4::UnsubscribeNotice),
}

impl PublishEnd {
    /// Waits for the end of a publish of this QoS.
    pub(crate) async fn wait(self, qos: u8) -> Verdict {
        match self {
            Self::V5(notice) => v5::judge(qos, notice.wait_async().await),
            Self::V3(notice) => v3::judge(qos, notice.wait_async().await),
        }
    }
}

impl SubscribeEnd {
    pub(crate) async fn wait(self) -> Subscribed {
        match self {
            Self::V5(notice) => v5::subscribed(notice.wait_async().await),
            Self::V3(notice) => v3::subscribed(notice.wait_async().await),
        }
    }
}

impl UnsubscribeEnd {
    /// An end of the session ends the subscription too.
    pub(crate) async fn wait(self) -> Refusal {
        match self {
            Self::V5(notice) => v5::unsubscribed(notice.wait_async().await),
            Self::V3(notice) => {
                // MQTT 3.1.1 has no way to refuse.
                let _ = notice.wait_async().await;
                None
            }
        }
    }
}

/// Prepares a connection; polling the events connects.
///
/// The requests under way are bounded by what the caller lets be under way.
pub(crate) fn open(plan: &Plan) -> (Client, Events) {
    match plan.version {
        MqttVersion::V5 => {
            let (client, events) = v5::open(plan);
            (Client::V5(client), Events::V5(Box::new(events)))
        }
        MqttVersion::V3 => {
            let (client, events) = v3::open(plan);
            (Client::V3(client), Events::V3(Box::new(events)))
        }
    }
}

impl Client {
    /// Publishes; the error is the end of it.
    pub(crate) fn publish(
        &self,
        topic: String,
        payload: Bytes,
        qos: u8,
        retain: bool,
    ) -> Result<PublishEnd, Outcome> {
        match self {
            Self::V5(client) => client.publish(topic, payload, qos, retain).map(PublishEnd::V5),
            Self::V3(client) => client.publish(topic, payload, qos, retain).map(PublishEnd::V3),
        }
    }

    /// Subscribes; `None` if the filter is not valid.
    pub(crate) fn subscribe(&self, filter: &str, qos: u8, id: Option<usize>) -> Option<SubscribeEnd> {
        match self {
            Self::V5(client) => client.subscribe(filter, qos, id).map(SubscribeEnd::V5),
            Self::V3(client) => client.subscribe(filter, qos).map(SubscribeEnd::V3),
        }
    }

    /// Unsubscribes; the error says why it cannot be tried.
    pub(crate) fn unsubscribe(&self, filter: &str) -> Result<UnsubscribeEnd, Box<str>> {
        match self {
            Self::V5(client) => client.unsubscribe(filter).map(UnsubscribeEnd::V5),
            Self::V3(client) => client.unsubscribe(filter).map(UnsubscribeEnd::V3),
        }
    }

    /// Says good-bye; `false` if there is nothing to be said.
    pub(crate) fn disconnect(&self, farewell: Farewell) -> bool {
        if farewell == Farewell::Will {
            return false;
        }
        match self {
            Self::V5(client) => client.disconnect(farewell),
            Self::V3(client) => client.disconnect(),
        }
    }
}

impl Events {
    /// Connects if there is no connection, and waits for what happens next.
    pub(crate) async fn poll(&mut self) -> Result<Heard, Trouble> {
        match self {
            Self::V5(events) => events.poll().await,
            Self::V3(events) => events.poll().await,
        }
    }

    /// Drops the connection, keeps the session.
    pub(crate) fn drop_connection(&mut self) {
        match self {
            Self::V5(events) => events.drop_connection(),
            Self::V3(events) => events.drop_connection(),
        }
    }

    /// Forgets the session on our side; what was under way comes back as
    /// [`Verdict::Again`].
    pub(crate) fn forget_session(&mut self) {
        match self {
            Self::V5(events) => events.forget_session(),
            Self::V3(events) => events.forget_session(),
        }
    }

    /// Whether the next CONNECT asks for a new session.
    pub(crate) fn begin_anew(&mut self, anew: bool) {
        match self {
            Self::V5(events) => events.begin_anew(anew),
            Self::V3(events) => events.begin_anew(anew),
        }
    }

    /// As whom the next CONNECT logs in.
    pub(crate) fn log_in(&mut self, login: Login) {
        match self {
            Self::V5(events) => events.log_in(login),
            Self::V3(events) => events.log_in(login),
        }
    }
}
