//! MQTT 5 reason codes, as numbers and as text.

use rumqttc::{
    PubAck, PubAckReason, PubRec, PubRecReason, SubAck, SubscribeReasonCode, UnsubAck, UnsubAckReason,
};

use super::wire::Refusal;
use crate::session::Outcome;

/// A reason code of MQTT 5 that means failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(pub(crate) u8);

impl Code {
    pub(crate) const UNSPECIFIED: Self = Self(0x80);
    pub(crate) const CLIENT_ID_INVALID: Self = Self(0x85);
    pub(crate) const SESSION_TAKEN_OVER: Self = Self(0x8E);
    pub(crate) const TOPIC_FILTER_INVALID: Self = Self(0x8F);
    pub(crate) const TOPIC_NAME_INVALID: Self = Self(0x90);
    pub(crate) const PACKET_TOO_LARGE: Self = Self(0x95);
    pub(crate) const RETAIN_NOT_SUPPORTED: Self = Self(0x9A);
    pub(crate) const QOS_NOT_SUPPORTED: Self = Self(0x9B);

    /// Whether it may go by itself, so that trying again makes sense: the
    /// broker, not the client, is what the reason is about.
    pub(crate) fn is_passing(self) -> bool {
        matches!(self.0, 0x00..=0x04 | 0x88 | 0x89 | 0x8B | 0x8D | 0x9C | 0x9D | 0x9F)
    }

    /// The name that the MQTT standard gives it.
    pub(crate) fn text(self) -> Box<str> {
        let text = match self.0 {
            0x80 => "unspecified error",
            0x81 => "malformed packet",
            0x82 => "protocol error",
            0x83 => "implementation specific error",
            0x84 => "unsupported protocol version",
            0x85 => "client identifier not valid",
            0x86 => "bad user name or password",
            0x87 => "not authorized",
            0x88 => "server unavailable",
            0x89 => "server busy",
            0x8A => "banned",
            0x8B => "server shutting down",
            0x8C => "bad authentication method",
            0x8D => "keep alive timeout",
            0x8E => "session taken over",
            0x8F => "topic filter invalid",
            0x90 => "topic name invalid",
            0x91 => "packet identifier in use",
            0x95 => "packet too large",
            0x97 => "quota exceeded",
            0x98 => "administrative action",
            0x99 => "payload format invalid",
            0x9A => "retain not supported",
            0x9B => "QoS not supported",
            0x9C => "use another server",
            0x9D => "server moved",
            0x9E => "shared subscriptions not supported",
            0x9F => "connection rate exceeded",
            0xA1 => "subscription identifiers not supported",
            0xA2 => "wildcard subscriptions not supported",
            _ => "refused",
        };
        text.into()
    }
}

/// The outcome for a code, with the broker's own words if it gave any.
pub(crate) fn refused(code: Code, words: Option<&str>) -> Outcome {
    Outcome::Refused { code: code.0, reason: words.map_or_else(|| code.text(), Into::into) }
}

/// QoS 0 is at most once: it may or may not have been written.
pub(crate) fn broken_off() -> Outcome {
    Outcome::Failed("the connection to the MQTT broker broke while it was written".into())
}

fn refusal(code: u8, words: Option<&String>) -> Refusal {
    // Codes below 0x80 are kinds of success.
    (code >= 0x80)
        .then(|| (Code(code), words.map_or_else(|| Code(code).text(), |words| words.as_str().into())))
}

pub(crate) fn of_puback(answer: &PubAck) -> Refusal {
    let words = answer.properties.as_ref().and_then(|properties| properties.reason_string.as_ref());
    match answer.reason {
        PubAckReason::Success => None,
        reason => refusal(reason as u8, words),
    }
}

pub(crate) fn of_pubrec(answer: &PubRec) -> Refusal {
    let words = answer.properties.as_ref().and_then(|properties| properties.reason_string.as_ref());
    match answer.reason {
        PubRecReason::Success => None,
        reason => refusal(reason as u8, words),
    }
}

pub(crate) fn of_suback(answer: &SubAck) -> Refusal {
    let words = answer.properties.as_ref().and_then(|properties| properties.reason_string.as_ref());
    let code = match answer.return_codes.first() {
        Some(SubscribeReasonCode::Success(_)) => return None,
        Some(SubscribeReasonCode::ImplementationSpecific) => 0x83,
        Some(SubscribeReasonCode::NotAuthorized) => 0x87,
        Some(SubscribeReasonCode::TopicFilterInvalid) => 0x8F,
        Some(SubscribeReasonCode::PkidInUse) => 0x91,
        Some(SubscribeReasonCode::QuotaExceeded) => 0x97,
        Some(SubscribeReasonCode::SharedSubscriptionsNotSupported) => 0x9E,
        Some(SubscribeReasonCode::SubscriptionIdNotSupported) => 0xA1,
        Some(SubscribeReasonCode::WildcardSubscriptionsNotSupported) => 0xA2,
        Some(SubscribeReasonCode::Failure | SubscribeReasonCode::Unspecified) | None => Code::UNSPECIFIED.0,
    };
    refusal(code, words)
}

pub(crate) fn of_unsuback(answer: &UnsubAck) -> Refusal {
    let words = answer.properties.as_ref().and_then(|properties| properties.reason_string.as_ref());
    match answer.reasons.first() {
        None | Some(UnsubAckReason::Success | UnsubAckReason::NoSubscriptionExisted) => None,
        Some(reason) => refusal(*reason as u8, words),
    }
}
