//! MQTT 5.

use std::sync::Arc;

use bytes::Bytes;
use rumqttc::{
    AsyncClient, ClientError, ConnAck, ConnectAuth, ConnectReturnCode, ConnectionError, DisconnectProperties,
    DisconnectReasonCode, Event, EventLoop, MqttOptions, Packet, PublishNotice, PublishNoticeError,
    PublishOptions, PublishResult, QoS, StateError, SubAck, SubscribeNotice, SubscribeNoticeError,
    SubscribeProperties, UnsubAck, UnsubscribeNotice, UnsubscribeNoticeError,
};

use super::{Heard, Kind, Limits, Message, Plan, Refusal, Subscribed, Trouble, Verdict, Welcome};
use crate::broker::dial::Login;
use crate::broker::reason::{self, Code};
use crate::session::Outcome;

#[derive(Clone, Debug)]
pub(crate) struct Client(AsyncClient);

pub(crate) struct Events(EventLoop);

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
    let (client, events) = AsyncClient::builder(options).unbounded().build();
    (Client(client), Events(events))
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

    pub(super) fn disconnect(&self) -> bool {
        let properties = DisconnectProperties {
            session_expiry_interval: Some(0),
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
        match self.0.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(answer))) => Ok(Heard::Connected(Welcome {
                session_present: answer.session_present,
                limits: limits(&answer),
            })),
            Ok(Event::Incoming(Packet::Publish(message))) => Ok(Heard::Message(Message {
                topic: message.topic,
                payload: message.payload,
                qos: message.qos as u8,
                retain: message.retain,
                through: message
                    .properties
                    .map_or_else(Vec::new, |properties| properties.subscription_identifiers),
            })),
            Ok(Event::Incoming(Packet::Disconnect(why))) => {
                Ok(Heard::Leaving(format!("{:?}", why.reason_code).into()))
            }
            Ok(_) => Ok(Heard::Other),
            Err(error) => Err(Trouble { kind: kind(&error), text: error.to_string() }),
        }
    }

    pub(super) fn drop_connection(&mut self) {
        self.0.clean();
    }

    pub(super) fn forget_session(&mut self) {
        self.0.reset_session_state();
    }

    pub(super) fn begin_anew(&mut self, anew: bool) {
        self.0.options.set_clean_start(anew);
    }

    pub(super) fn log_in(&mut self, login: Login) {
        let Login { username, password } = login;
        self.0.options.set_auth(match (username, password) {
            (None, None) => ConnectAuth::None,
            (Some(username), None) => ConnectAuth::Username { username },
            (None, Some(password)) => ConnectAuth::Password { password: password.into() },
            (Some(username), Some(password)) => {
                ConnectAuth::UsernamePassword { username, password: password.into() }
            }
        });
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
            | StateError::ConnectionAborted
            | StateError::ServerDisconnect { .. },
        ) => Kind::Network,
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
