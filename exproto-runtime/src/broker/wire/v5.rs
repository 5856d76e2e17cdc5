//! MQTT 5.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use rumqttc::{
    AckMode, AsyncClient, ClientError, ConnAck, ConnectAuth, ConnectReturnCode, ConnectionError,
    DisconnectProperties, DisconnectReasonCode, Event, EventLoop, LastWill, LastWillProperties, MqttOptions,
    Packet, PersistedAckMode, PersistedSession, PublishNotice, PublishNoticeError, PublishOptions,
    PublishResult, QoS, SessionStore, SessionStoreError, SessionStoreKey, StateError, SubAck,
    SubscribeNotice, SubscribeNoticeError, SubscribeProperties, UnsubAck, UnsubscribeNotice,
    UnsubscribeNoticeError,
};

use super::{
    Ack, Farewell, Heard, Kind, Limits, Message, Plan, Receipt, Refusal, Subscribed, Trouble, Verdict,
    Welcome,
};
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
    // The address is the dialer's business.
    let mut options = MqttOptions::new(&plan.client_id, ("broker", 1883));
    let dialer = Arc::clone(&plan.dialer);
    options
        // The first connection only; later ones resume the session.
        .set_clean_start(true)
        .set_session_expiry_interval(Some(u32::try_from(plan.session_expiry.as_secs()).unwrap_or(u32::MAX)))
        .set_max_packet_size(Some(plan.max_packet_size))
        .set_keep_alive(u16::try_from(plan.keep_alive.as_secs()).unwrap_or(u16::MAX))
        .set_connect_timeout(plan.connect_timeout)
        .set_outgoing_inflight_upper_limit(plan.in_flight)
        .set_max_request_batch(plan.batch)
        .set_socket_connector(move |_, _| Arc::clone(&dialer).connect());
    if let Some(device) = &plan.device {
        options.set_clean_start(!device.resume);
        options.set_receive_maximum(Some(device.receive_max.max(1)));
        options.set_ack_mode(AckMode::Manual);
        if let Some(will) = &device.will {
            let properties = LastWillProperties {
                delay_interval: (will.delay > 0).then_some(will.delay),
                payload_format_indicator: None,
                message_expiry_interval: None,
                content_type: None,
                response_topic: None,
                correlation_data: None,
                user_properties: Vec::new(),
            };
            let (topic, payload) = (will.topic.clone(), will.payload.to_vec());
            let properties = Some(properties);
            options.set_last_will(LastWill::new(topic, payload, level(will.qos), will.retain, properties));
        }
        if device.resume {
            options.set_session_store(Nothing { in_flight: plan.in_flight });
        }
    }
    let (client, events) = AsyncClient::builder(options).unbounded().build();
    let confirm = plan.device.is_some().then(|| (client.clone(), Arc::default()));
    (Client(client), Events { events, confirm })
}

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

    pub(super) fn subscribe(&self, filter: &str, qos: u8, id: Option<usize>) -> Option<SubscribeNotice> {
        let properties = SubscribeProperties { id, user_properties: Vec::new() };
        self.0.try_subscribe_with_properties_tracked(filter, level(qos), properties).ok()
    }

    pub(super) fn unsubscribe(&self, filter: &str) -> Result<UnsubscribeNotice, Box<str>> {
        self.0.try_unsubscribe_tracked(filter).map_err(|error| error.to_string().into())
    }

    pub(super) fn disconnect(&self, farewell: Farewell) -> bool {
        let properties = DisconnectProperties {
            session_expiry_interval: (farewell == Farewell::Forget).then_some(0),
            reason_string: None,
            user_properties: Vec::new(),
            server_reference: None,
        };
        let reason = DisconnectReasonCode::NormalDisconnection;
        self.0.try_disconnect_now_with_properties(reason, properties).is_ok()
    }
}

impl Events {
    pub(super) async fn poll(&mut self) -> Result<Heard, Trouble> {
        match self.events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(answer))) => {
                // From here on the library knows the session by itself.
                self.events.options.clear_session_store();
                if let Some((_, present)) = &self.confirm {
                    present.fetch_add(1, Ordering::Relaxed);
                }
                let session_present = answer.session_present;
                Ok(Heard::Connected(Welcome { session_present, limits: limits(&answer) }))
            }
            Ok(Event::Incoming(Packet::Publish(message))) => Ok(Heard::Message(Message {
                receipt: self.confirm.as_ref().and_then(|(client, present)| {
                    let ack = client.prepare_ack(&message)?;
                    Some(Receipt::new(Ack::V5(client.clone(), ack), present))
                }),
                topic: message.topic,
                payload: message.payload,
                qos: message.qos as u8,
                retain: message.retain,
                through: message
                    .properties
                    .map_or_else(Vec::new, |properties| properties.subscription_identifiers),
            })),
            Ok(Event::Incoming(Packet::Disconnect(why))) => Ok(Heard::Leaving(Code(why.reason_code as u8))),
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

    pub(super) fn begin_anew(&mut self, anew: bool) {
        self.events.options.set_clean_start(anew);
    }

    pub(super) fn log_in(&mut self, login: Login) {
        let Login { username, password } = login;
        self.events.options.set_auth(match (username, password) {
            (None, None) => ConnectAuth::None,
            (Some(username), None) => ConnectAuth::Username { username },
            (None, Some(password)) => ConnectAuth::Password { password: password.into() },
            (Some(username), Some(password)) => {
                ConnectAuth::UsernamePassword { username, password: password.into() }
            }
        });
    }
}

type Stored<'a, T> = Pin<Box<dyn Future<Output = Result<T, SessionStoreError>> + Send + 'a>>;

/// The state of a session in which nothing is under way from our side.
///
/// The library goes on with a session only if it knows about it; this is what
/// is known of one that another connection has begun.
#[derive(Debug)]
struct Nothing {
    in_flight: u16,
}

impl SessionStore for Nothing {
    fn load<'a>(&'a self, key: &'a SessionStoreKey) -> Stored<'a, Option<PersistedSession>> {
        let session = PersistedSession {
            format_version: 1,
            client_id: key.client_id().to_owned(),
            clean_start: false,
            session_expiry_interval: None,
            outgoing_inflight_upper_limit: Some(self.in_flight),
            ack_mode: PersistedAckMode::Manual,
            last_pkid: 0,
            last_puback: 0,
            replay: Vec::new(),
            incoming_qos2: Vec::new(),
        };
        Box::pin(std::future::ready(Ok(Some(session))))
    }

    fn save<'a>(&'a self, _: &'a SessionStoreKey, _: &'a PersistedSession) -> Stored<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn clear<'a>(&'a self, _: &'a SessionStoreKey) -> Stored<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn limits(answer: &ConnAck) -> Limits {
    let properties = answer.properties.as_ref();
    Limits {
        max_packet_size: properties.and_then(|properties| properties.max_packet_size),
        max_qos: properties.and_then(|properties| properties.max_qos).unwrap_or(2),
        subscription_ids: properties.and_then(|properties| properties.subscription_identifiers_available)
            != Some(0),
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
    let refused = match result {
        Ok(PublishResult::Qos0Flushed) => None,
        Ok(PublishResult::Qos1(answer)) => reason::of_puback(&answer),
        Ok(PublishResult::Qos2PubRecRejected(answer)) => reason::of_pubrec(&answer),
        // The broker no longer knew the packet: whether it had passed it on is
        // open, so it has not acknowledged it.
        Ok(PublishResult::Qos2Completed(answer)) if answer.reason != rumqttc::PubCompReason::Success => {
            return Verdict::Again;
        }
        Ok(PublishResult::Qos2Completed(_)) => None,
        Err(PublishNoticeError::RetainNotSupported) => {
            Some((Code::RETAIN_NOT_SUPPORTED, Code::RETAIN_NOT_SUPPORTED.text()))
        }
        Err(PublishNoticeError::Qos0NotFlushed) => return Verdict::Ended(reason::broken_off()),
        Err(PublishNoticeError::SessionReset) => return Verdict::Again,
        Err(_) if qos > 0 => return Verdict::Again,
        Err(error) => return Verdict::Ended(Outcome::Failed(error.to_string().into())),
    };
    Verdict::Ended(refused.map_or(Outcome::Done, |(code, reason)| Outcome::Refused { code: code.0, reason }))
}

pub(super) fn subscribed(result: Result<SubAck, SubscribeNoticeError>) -> Subscribed {
    match result.map(|answer| reason::of_suback(&answer)) {
        Ok(None) => Subscribed::Granted,
        Ok(Some((code, reason))) => Subscribed::Refused(code, reason),
        Err(_) => Subscribed::Again,
    }
}

pub(super) fn unsubscribed(result: Result<UnsubAck, UnsubscribeNoticeError>) -> Refusal {
    result.ok().and_then(|answer| reason::of_unsuback(&answer))
}

fn kind(error: &ConnectionError) -> Kind {
    match error {
        ConnectionError::Io(_) | ConnectionError::Timeout(_) => Kind::Network,
        ConnectionError::ConnectionRefused(code) => Kind::Refused(refusal(*code)),
        ConnectionError::MqttState(
            StateError::Io(_)
            | StateError::Deserialization(rumqttc::mqttbytes::Error::Io(_))
            | StateError::AwaitPingResp
            | StateError::ConnectionAborted,
        ) => Kind::Network,
        ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) => {
            Kind::Ended(Code(*reason_code as u8))
        }
        _ => Kind::State,
    }
}

fn refusal(code: ConnectReturnCode) -> Code {
    use ConnectReturnCode as Why;
    Code(match code {
        Why::MalformedPacket => 0x81,
        Why::ProtocolError => 0x82,
        Why::ImplementationSpecificError => 0x83,
        Why::UnsupportedProtocolVersion | Why::RefusedProtocolVersion => 0x84,
        Why::ClientIdentifierNotValid | Why::BadClientId => 0x85,
        Why::BadUserNamePassword => 0x86,
        Why::NotAuthorized => 0x87,
        Why::ServerUnavailable | Why::ServiceUnavailable => 0x88,
        Why::ServerBusy => 0x89,
        Why::Banned => 0x8A,
        Why::BadAuthenticationMethod => 0x8C,
        Why::TopicNameInvalid => 0x90,
        Why::PacketTooLarge => 0x95,
        Why::QuotaExceeded => 0x97,
        Why::PayloadFormatInvalid => 0x99,
        Why::RetainNotSupported => 0x9A,
        Why::QoSNotSupported => 0x9B,
        Why::UseAnotherServer => 0x9C,
        Why::ServerMoved => 0x9D,
        Why::ConnectionRateExceeded => 0x9F,
        Why::UnspecifiedError | Why::Success => 0x80,
    })
}
