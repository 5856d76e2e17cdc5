//! Which hooks there are, and from which version of EMQX on.

/// What a method of the trait is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// EMQX waits for this answer.
    Asks(&'static str),
    /// EMQX only tells.
    Tells,
}

/// A method of the trait.
pub(super) struct Method {
    pub(super) name: &'static str,
    /// The hook, and the type that the method is given.
    pub(super) event: &'static str,
    pub(super) kind: Kind,
    /// Whether it takes filters of topics.
    pub(super) topics: bool,
    /// Whether there is something to register; loading comes unasked.
    pub(super) registered: bool,
    /// The first version of EMQX that has it.
    pub(super) since: Version,
    /// What it was called before EMQX 5, and in the SDKs of 4.1.
    pub(super) old_name: Option<&'static str>,
}

/// Major and minor.
pub(super) type Version = (u32, u32);

/// Hooks by gRPC came with this version.
pub(super) const FIRST: Version = (4, 3);

const fn tells(name: &'static str, event: &'static str) -> Method {
    Method { name, event, kind: Kind::Tells, topics: false, registered: true, since: FIRST, old_name: None }
}

const fn asks(name: &'static str, event: &'static str, answer: &'static str) -> Method {
    Method { kind: Kind::Asks(answer), ..tells(name, event) }
}

/// All methods, in the order in which hooks are registered.
pub(super) const METHODS: &[Method] = &[
    Method { registered: false, ..tells("on_loaded", "Loaded") },
    Method { registered: false, ..tells("on_unloaded", "Unloaded") },
    tells("on_client_connect", "ClientConnect"),
    tells("on_client_connack", "ClientConnack"),
    tells("on_client_connected", "ClientConnected"),
    tells("on_client_disconnected", "ClientDisconnected"),
    asks("on_client_authenticate", "ClientAuthenticate", "Auth"),
    Method {
        old_name: Some("on_client_check_acl"),
        ..asks("on_client_authorize", "ClientAuthorize", "Auth")
    },
    tells("on_client_subscribe", "ClientSubscribe"),
    tells("on_client_unsubscribe", "ClientUnsubscribe"),
    tells("on_session_created", "SessionCreated"),
    tells("on_session_subscribed", "SessionSubscribed"),
    tells("on_session_unsubscribed", "SessionUnsubscribed"),
    tells("on_session_resumed", "SessionResumed"),
    tells("on_session_discarded", "SessionDiscarded"),
    Method { old_name: Some("on_session_takeovered"), ..tells("on_session_takenover", "SessionTakenover") },
    tells("on_session_terminated", "SessionTerminated"),
    Method { topics: true, ..asks("on_message_publish", "MessagePublish", "Publish") },
    Method { topics: true, ..tells("on_message_delivered", "MessageDelivered") },
    Method { topics: true, ..tells("on_message_acked", "MessageAcked") },
    Method { topics: true, ..tells("on_message_dropped", "MessageDropped") },
];

/// Whether the oldest chosen version does not have a hook.
pub(super) fn missing_in(method: &Method, chosen: Version) -> bool {
    method.since > chosen
}

impl Method {
    /// What to say of it where it is missing.
    pub(super) fn too_new(&self) -> String {
        let (Self { name, .. }, (major, minor)) = (self, self.since);
        format!("EMQX has `{name}` from {major}.{minor} on: remove it, or write `emqx = \"{major}.{minor}\"`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_hook_is_missing_in_an_older_version() {
        let later = Method { since: (5, 9), ..tells("on_later", "Later") };
        assert!(missing_in(&later, (5, 8)) && missing_in(&later, FIRST));
        assert!(!missing_in(&later, (5, 9)) && !missing_in(&later, (6, 0)));
    }
}
