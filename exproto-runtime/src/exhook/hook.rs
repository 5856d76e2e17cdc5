//! Which hooks there are, what each version of EMQX calls them, and which ones
//! a provider registers.

use std::fmt;

/// The generations of the interface; EMQX calls exactly one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Generation {
    /// EMQX 4.3 and 4.4.
    V1,
    /// EMQX 5.0 to 5.8.
    V2,
    /// EMQX 5.9 and later.
    V3,
}

macro_rules! hooks {
    ($($(#[$doc:meta])* $name:ident = $text:literal $(, v1 = $old:literal)?;)*) => {
        /// Something that EMQX can tell or ask.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Hook {
            $($(#[$doc])* $name,)*
        }

        impl Hook {
            /// All hooks, in the order in which they are registered.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The name in EMQX's configuration and dashboard.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            pub(crate) fn name_in(self, generation: Generation) -> &'static str {
                match (self, generation) {
                    $($((Self::$name, Generation::V1) => $old,)?)*
                    _ => self.name(),
                }
            }
        }
    };
}

hooks! {
    /// A CONNECT packet has come.
    ClientConnect = "client.connect";
    /// A CONNACK packet is sent.
    ClientConnack = "client.connack";
    /// A client is connected.
    ClientConnected = "client.connected";
    /// A client is no longer connected.
    ClientDisconnected = "client.disconnected";
    /// May this client connect?
    ClientAuthenticate = "client.authenticate";
    /// May this client publish or subscribe here?
    ClientAuthorize = "client.authorize", v1 = "client.check_acl";
    /// A SUBSCRIBE packet has come.
    ClientSubscribe = "client.subscribe";
    /// An UNSUBSCRIBE packet has come.
    ClientUnsubscribe = "client.unsubscribe";
    /// A session was made.
    SessionCreated = "session.created";
    /// A session has a subscription more.
    SessionSubscribed = "session.subscribed";
    /// A session has a subscription less.
    SessionUnsubscribed = "session.unsubscribed";
    /// A session goes on after a reconnect.
    SessionResumed = "session.resumed";
    /// A session was ended by a clean start of the same client id.
    SessionDiscarded = "session.discarded";
    /// A session moved to another connection.
    SessionTakenover = "session.takenover", v1 = "session.takeovered";
    /// A session has ended for another reason.
    SessionTerminated = "session.terminated";
    /// What becomes of this message?
    MessagePublish = "message.publish";
    /// A message was given to a subscriber.
    MessageDelivered = "message.delivered";
    /// A subscriber has acknowledged a message.
    MessageAcked = "message.acked";
    /// A message reached nobody.
    MessageDropped = "message.dropped";
}

impl Hook {
    pub(crate) const COUNT: usize = Self::ALL.len();

    pub(crate) const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Whether EMQX waits for a decision, and is not only told.
    #[must_use]
    pub const fn asks(self) -> bool {
        matches!(self, Self::ClientAuthenticate | Self::ClientAuthorize | Self::MessagePublish)
    }
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A hook that a provider registers, written by `#[exhook]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registration {
    hook: Hook,
    topics: &'static [&'static str],
}

impl Registration {
    /// A hook for all topics.
    #[must_use]
    pub const fn new(hook: Hook) -> Self {
        Self { hook, topics: &[] }
    }

    /// For messages on these topics only; without one for all.
    #[must_use]
    pub const fn on(self, topics: &'static [&'static str]) -> Self {
        Self { topics, ..self }
    }

    /// The hook.
    #[must_use]
    pub const fn hook(&self) -> Hook {
        self.hook
    }

    /// The filters of its topics; none means all topics.
    #[must_use]
    pub const fn topics(&self) -> &'static [&'static str] {
        self.topics
    }
}

/// The hooks of a provider, prepared for looking them up.
#[derive(Debug)]
pub(crate) struct Registered {
    all: &'static [Registration],
    bits: u32,
    filtered: u32,
}

impl Registered {
    pub(crate) fn new(all: &'static [Registration]) -> Self {
        let bits = |of: &dyn Fn(&Registration) -> bool| {
            all.iter().filter(|one| of(one)).fold(0, |bits, one| bits | one.hook.bit())
        };
        Self { all, bits: bits(&|_| true), filtered: bits(&|one| !one.topics.is_empty()) }
    }

    pub(crate) fn has(&self, hook: Hook) -> bool {
        self.bits & hook.bit() != 0
    }

    /// Whether the provider wants this message. EMQX has filtered already, by
    /// what it was told when it loaded the provider: perhaps an older program.
    pub(crate) fn wants(&self, hook: Hook, topic: &str) -> bool {
        if self.filtered & hook.bit() == 0 {
            return self.has(hook);
        }
        let mut filters = self.all.iter().filter(|one| one.hook == hook).flat_map(|one| one.topics);
        filters.any(|filter| crate::session::matches(filter, topic))
    }

    /// What EMQX is told: names as its version has them, each once.
    pub(crate) fn list(
        &self,
        generation: Generation,
    ) -> impl Iterator<Item = (&'static str, &'static [&'static str])> {
        let all = self.all;
        let first =
            move |at: usize, one: &Registration| !all[..at].iter().any(|other| other.hook == one.hook);
        let each = all.iter().enumerate().filter(move |(at, one)| first(*at, one));
        each.map(move |(_, one)| (one.hook.name_in(generation), one.topics))
    }
}

/// A version of EMQX as far as numbers go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version([u16; 3]);

impl Version {
    /// The numbers in the text that a broker gives: `5.8.9`, `4.3.0-rc.1`,
    /// `e4.4.19`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim_start_matches(|char: char| !char.is_ascii_digit());
        let end = text.find(|char: char| !char.is_ascii_digit() && char != '.').unwrap_or(text.len());
        let mut numbers = text.get(..end)?.split('.').filter(|part| !part.is_empty()).map(str::parse);
        let mut next = || numbers.next().and_then(Result::ok);
        let major = next()?;
        Some(Self([major, next().unwrap_or(0), next().unwrap_or(0)]))
    }

    /// EMQX 4.3.0 to 4.3.2 number the kinds of an answer in another order.
    pub(crate) fn has_old_order(self) -> bool {
        (Self([4, 3, 0])..=Self([4, 3, 2])).contains(&self)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_brokers_write_them() {
        let version = |text| Version::parse(text).unwrap();
        assert_eq!(version("5.8.9"), Version([5, 8, 9]));
        assert_eq!(version("4.3.0-rc.1"), Version([4, 3, 0]));
        assert_eq!(version("e5.9.0"), Version([5, 9, 0]));
        assert_eq!(version("v6"), Version([6, 0, 0]));
        assert_eq!(Version::parse(""), None);
        assert_eq!(Version::parse("unknown"), None);
        assert_eq!(Version::parse("99999999.1"), None);
        assert!(version("4.3.0").has_old_order() && version("4.3.2").has_old_order());
        assert!(!version("4.3.3").has_old_order() && !version("4.2.9").has_old_order());
    }

    #[test]
    fn each_generation_gets_its_own_names_once() {
        static HOOKS: [Registration; 4] = [
            Registration::new(Hook::ClientAuthorize),
            Registration::new(Hook::SessionTakenover),
            Registration::new(Hook::MessagePublish).on(&["t/#"]),
            Registration::new(Hook::ClientAuthorize),
        ];
        let registered = Registered::new(&HOOKS);
        let names = |generation| registered.list(generation).map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names(Generation::V1), ["client.check_acl", "session.takeovered", "message.publish"]);
        assert_eq!(names(Generation::V2), ["client.authorize", "session.takenover", "message.publish"]);
        assert_eq!(names(Generation::V3), names(Generation::V2));
        assert!(registered.has(Hook::ClientAuthorize) && !registered.has(Hook::ClientConnect));
        assert!(registered.wants(Hook::MessagePublish, "t/1"));
        assert!(!registered.wants(Hook::MessagePublish, "u"));
        assert!(!registered.wants(Hook::MessageAcked, "t/1"));
    }
}
