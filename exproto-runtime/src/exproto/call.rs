//! What is asked of EMQX, and what must never be.

use bytes::Bytes;

use super::error::CallError;
use super::meter::CallKind;
use crate::session::Credentials;

/// The filter of a subscription that nobody has: ending it has no effect but
/// to tell whether EMQX still has the connection.
pub(super) const PROBE: &str = "exproto/probe";

/// Something to be done with a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Call {
    Send(Bytes),
    Close,
    Authenticate(Box<Credentials>),
    /// Seconds.
    StartTimer(u32),
    Publish {
        topic: String,
        payload: Bytes,
        qos: u8,
    },
    /// Publishes in nobody's name.
    RawPublish {
        topic: String,
        payload: Bytes,
        qos: u8,
    },
    Subscribe {
        filter: String,
        qos: u8,
    },
    Unsubscribe {
        filter: String,
    },
    /// Asks whether EMQX still has the connection, without an effect.
    Probe,
}

impl Call {
    pub(super) fn kind(&self) -> CallKind {
        match self {
            Self::Send(_) => CallKind::Send,
            Self::Close => CallKind::Close,
            Self::Authenticate(_) => CallKind::Authenticate,
            Self::StartTimer(_) => CallKind::StartTimer,
            Self::Publish { .. } => CallKind::Publish,
            Self::RawPublish { .. } => CallKind::RawPublish,
            Self::Subscribe { .. } => CallKind::Subscribe,
            Self::Unsubscribe { .. } => CallKind::Unsubscribe,
            Self::Probe => CallKind::Probe,
        }
    }

    /// Refuses what EMQX would not refuse but crash on, or what would hit
    /// others than the device.
    pub(super) fn check(&self) -> Result<(), CallError> {
        match self {
            Self::Authenticate(who) if who.client_id.is_empty() => {
                // EMQX takes the empty id for an id, which devices would
                // contend for.
                Err(CallError::client_id("the client id is empty"))
            }
            Self::Authenticate(who) if who.client_id.contains('\0') => {
                Err(CallError::client_id("the client id contains a zero character"))
            }
            Self::StartTimer(0) => Err(CallError::interval()),
            Self::Publish { qos, .. } | Self::RawPublish { qos, .. } | Self::Subscribe { qos, .. }
                if *qos > 2 =>
            {
                Err(CallError::qos(*qos))
            }
            Self::Publish { topic, .. } | Self::RawPublish { topic, .. } => check_topic(topic),
            Self::Subscribe { filter, .. } | Self::Unsubscribe { filter } => check_filter(filter),
            _ => Ok(()),
        }
    }
}

const MAX_TOPIC: usize = 65_535;

fn check_topic(topic: &str) -> Result<(), CallError> {
    if topic.is_empty() || topic.len() > MAX_TOPIC {
        return Err(CallError::topic("the topic is empty or longer than 65,535 bytes"));
    }
    if topic.contains(['+', '#', '\0']) {
        return Err(CallError::topic("the topic contains `+`, `#` or a zero character"));
    }
    Ok(())
}

fn check_filter(filter: &str) -> Result<(), CallError> {
    if filter.is_empty() || filter.len() > MAX_TOPIC || filter.contains('\0') {
        return Err(CallError::filter(
            "the filter is empty, longer than 65,535 bytes or contains a zero character",
        ));
    }
    let mut levels = filter.split('/').peekable();
    if matches!(levels.peek(), Some(&"$share" | &"$queue" | &"$exclusive")) {
        return Err(CallError::shared());
    }
    while let Some(level) = levels.next() {
        if level.contains(['+', '#']) && level.len() > 1 {
            return Err(CallError::filter("a wildcard must stand alone between slashes"));
        }
        if level == "#" && levels.peek().is_some() {
            return Err(CallError::filter("`#` must stand at the end of the filter"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_emqx_crashes_on_is_refused_here() {
        let publish =
            |topic: &str| Call::Publish { topic: topic.into(), payload: Bytes::new(), qos: 1 }.check();
        for topic in ["", "a/+/b", "a/#", "a\0b"] {
            assert!(publish(topic).is_err(), "{topic:?}");
        }
        assert!(publish(&"x".repeat(65_536)).is_err());
        assert_eq!(publish("a/b"), Ok(()));
        assert_eq!(publish("$share/a"), Ok(()));

        for filter in [
            "",
            "$share/g/t",
            "$share/g",
            "$share",
            "$queue/t",
            "$exclusive/t",
            "$exclusive/",
            "a/#/b",
            "a#",
            "a/b+",
            "a\0",
        ] {
            assert!(check_filter(filter).is_err(), "{filter:?}");
            assert!(Call::Unsubscribe { filter: filter.into() }.check().is_err(), "{filter:?}");
        }
        for filter in ["#", "+", "a/+/b", "a/#", "+/+", "$sharex/g", "a/$share/b"] {
            assert_eq!(check_filter(filter), Ok(()), "{filter:?}");
        }

        assert!(Call::Publish { topic: "t".into(), payload: Bytes::new(), qos: 3 }.check().is_err());
        assert!(Call::Subscribe { filter: "t".into(), qos: 3 }.check().is_err());
        assert!(Call::Authenticate(Box::default()).check().is_err());
        assert_eq!(check_filter(PROBE), Ok(()));
    }
}
