//! MQTT 3.1.1.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rumqttc_v4::{
    AckMode, AsyncClient, ClientError, ConnectAuth, ConnectReturnCode, ConnectionError, Event, EventLoop,
    LastWill, MqttOptions, Packet, PublishNotice, PublishNoticeError, PublishOptions, PublishResult, QoS,
    StateError, SubAck, SubscribeNotice, SubscribeNoticeError, SubscribeReasonCode, UnsubscribeNotice,
};

use super::{Ack, Heard, Kind, Limits, Message, Plan, Receipt, Subscribed, Trouble, Verdict, Welcome};
use crate::broker::dial::Login;
use crate::broker::reason::{self, Code};
use crate::session::Outcome;

#[derive(Clone, Debug)]
pub(crate) struct Client(AsyncClient);

pub(crate) struct Events {
    events: EventLoop,
    /// Where messages are confirmed one by one: who does it, and the number of
    /// the present connection.
    confirm: Option<(AsyncClient, Arc<AtomicU64>)>,
}

pub(super) fn open(plan: &Plan) -> (Client, Events) {
    let mut options = MqttOptions::new(&plan.client_id, ("broker", 1883));
    let dialer = Arc::clone(&plan.dialer);
    let largest = usize::try_from(plan.max_packet_size).unwrap_or(usize::MAX);
    options
        .set_clean_session(true)
        .set_max_packet_size(largest, LARGEST_PACKET)
        .set_keep_alive(u16::try_from(plan.keep_alive.as_secs()).unwrap_or(u16::MAX))
        .set_inflight(plan.in_flight.max(1))
        .set_max_request_batch(plan.batch)
        .set_socket_connector(move |_, _| Arc::clone(&dialer).connect());
    if let Some(device) = &plan.device {
        options.set_clean_session(!device.resume);
        options.set_ack_mode(AckMode::Manual);
        if let Some(will) = &device.will {
            let (topic, payload) = (will.topic.clone(), will.payload.to_vec());
            options.set_last_will(LastWill::new(topic, payload, level(will.qos), will.retain));
        }
    }
    let (client, mut events) = AsyncClient::builder(options).unbounded().build();
    let mut network = events.network_options();
    network.set_connection_timeout(plan.connect_timeout.as_secs().max(1));
    events.set_network_options(network);
    let confirm = plan.device.is_some().then(|| (client.clone(), Arc::default()));
    (Client(client), Events { events, confirm })
}

/// The largest packet that MQTT can express.
const LARGEST_PACKET: usize = 268_435_455 + 5;

impl Client {
    pub(super) fn publish(
        &self,
        topic: String,
        payload: Bytes,
        qos: u8,
        retain: bool,
    ) -> Result<PublishNotice, Outcome> {
        let options = PublishOptions::new(level(qos)).retain(retain);
        self.0.try_publish_tracked(topic, payload, options).map_err(|error| match error {
            ClientError::InvalidRequest(_) => reason::refused(Code::TOPIC_NAME_INVALID, None),
            error => Outcome::Failed(error.to_string().into()),
        })
    }

    pub(super) fn subscribe(&self, filter: &str, qos: u8) -> Option<SubscribeNotice> {
        self.0.try_subscribe_tracked(filter, level(qos)).ok()
    }

    pub(super) fn unsubscribe(&self, filter: &str) -> Result<UnsubscribeNotice, Box<str>> {
        self.0.try_unsubscribe_tracked(filter).map_err(|error| error.to_string().into())
    }

    pub(super) fn disconnect(&self) -> bool {
        self.0.try_disconnect_now().is_ok()
    }
}

impl Events {
    pub(super) async fn poll(&mut self) -> Result<Heard, Trouble> {
        match self.events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(answer))) => {
                if let Some((_, present)) = &self.confirm {
                    present.fetch_add(1, Ordering::Relaxed);
                }
                let session_present = answer.session_present;
                Ok(Heard::Connected(Welcome { session_present, limits: Limits::NONE }))
            }
            Ok(Event::Incoming(Packet::Publish(message))) => Ok(Heard::Message(Message {
                receipt: self.confirm.as_ref().and_then(|(client, present)| {
                    let ack = client.prepare_ack(&message)?;
                    Some(Receipt::new(Ack::V3(client.clone(), ack), present))
                }),
                topic: message.topic,
                payload: message.payload,
                qos: message.qos as u8,
                retain: message.retain,
                through: Vec::new(),
            })),
            Ok(_) => Ok(Heard::Other),
            Err(error) => Err(Trouble { kind: kind(&error), text: error.to_string() }),
        }
    }

    pub(super) fn drop_connection(&mut self) {
        self.events.clean();
    }

    pub(super) fn forget_session(&mut self) {
        self.events.reset_session_state();
    }

    /// MQTT 3.1.1 cannot let a session expire, so one that is shared by devices
    /// is never left behind.
    pub(super) fn begin_anew(&mut self, _anew: bool) {}

    pub(super) fn log_in(&mut self, login: Login) {
        let Login { username, password } = login;
        self.events.mqtt_options.set_auth(match (username, password) {
            (None, None) => ConnectAuth::None,
            (Some(username), None) => ConnectAuth::Username { username },
            // The protocol has no password without a name.
            (username, Some(password)) => ConnectAuth::UsernamePassword {
                username: username.unwrap_or_default(),
                password: password.into(),
            },
        });
    }
}

fn level(qos: u8) -> QoS {
    match qos {
        0 => QoS::AtMostOnce,
        1 => QoS::AtLeastOnce,
        _ => QoS::ExactlyOnce,
    }
}

/// What the client's report means for a publish.
pub(super) fn judge(qos: u8, result: Result<PublishResult, PublishNoticeError>) -> Verdict {
    match result {
        Ok(_) => Verdict::Ended(Outcome::Done),
        Err(PublishNoticeError::Qos0NotFlushed) => Verdict::Ended(reason::broken_off()),
        Err(PublishNoticeError::SessionReset) => Verdict::Again,
        Err(_) if qos > 0 => Verdict::Again,
        Err(error) => Verdict::Ended(Outcome::Failed(error.to_string().into())),
    }
}

pub(super) fn subscribed(result: Result<SubAck, SubscribeNoticeError>) -> Subscribed {
    match result.map(|answer| answer.return_codes.first().copied()) {
        Ok(Some(SubscribeReasonCode::Success(_))) => Subscribed::Granted,
        Ok(_) => Subscribed::Refused(Code::UNSPECIFIED, Code::UNSPECIFIED.text()),
        Err(_) => Subscribed::Again,
    }
}

fn kind(error: &ConnectionError) -> Kind {
    match error {
        ConnectionError::Io(_) | ConnectionError::NetworkTimeout | ConnectionError::FlushTimeout => {
            Kind::Network
        }
        ConnectionError::ConnectionRefused(code) => Kind::Refused(refusal(*code)),
        ConnectionError::MqttState(
            StateError::Io(_)
            | StateError::Deserialization(rumqttc_v4::mqttbytes::Error::Io(_))
            | StateError::AwaitPingResp
            | StateError::ConnectionAborted,
        ) => Kind::Network,
        _ => Kind::State,
    }
}

/// The code of MQTT 5 that means the same.
fn refusal(code: ConnectReturnCode) -> Code {
    use ConnectReturnCode as Why;
    Code(match code {
        Why::RefusedProtocolVersion => 0x84,
        Why::BadClientId => 0x85,
        Why::ServiceUnavailable => 0x88,
        Why::BadUserNamePassword => 0x86,
        Why::NotAuthorized => 0x87,
        Why::Success => 0x80,
    })
}
