//! What can be set about a hook provider.

use std::time::Duration;

/// What is answered when the user's code is late, fails, panics or is not
/// called because too much is under way.
///
/// EMQX has a setting of its own for providers that do not answer
/// (`failed_action`); since this server always answers in time, that one
/// applies only while no provider runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailSafe {
    /// The client may not, the message is dropped.
    #[default]
    Deny,
    /// As if the hook were not written: a client that is to be authenticated
    /// may not connect unless somebody else says yes, one that is to be
    /// authorised may unless somebody says no, a message goes on.
    Ignore,
}

/// How a hook provider is served.
///
/// # Examples
///
/// ```
/// use exproto_runtime::exhook::{ExHookSettings, FailSafe};
///
/// let mut settings = ExHookSettings::default();
/// // Rather lose the rewriting than the message.
/// settings.publish = FailSafe::Ignore;
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ExHookSettings {
    /// When `client.authenticate` fails. Default: deny.
    pub authenticate: FailSafe,
    /// When `client.authorize` fails. Default: deny.
    pub authorize: FailSafe,
    /// When `message.publish` fails. Default: deny, which drops the message.
    pub publish: FailSafe,
    /// The longest time for an answer. EMQX sends how long it waits
    /// (`request_timeout`, 5 s); the answer is given a tenth of that, at most
    /// [`margin`](Self::margin), before, or after this time, whichever comes
    /// first. Default: 30 s, so EMQX decides.
    pub patience: Duration,
    /// The most that an answer is given before EMQX stops waiting. Default:
    /// 250 ms.
    pub margin: Duration,
    /// Answers under way at once; further calls are answered as
    /// [`FailSafe`] says without calling the user's code. Default: 10,000.
    pub max_calls: usize,
    /// Events that wait or are being worked off, of all clients; further ones
    /// are dropped and counted. Default: 65,536.
    pub max_events: usize,
    /// Bytes of the messages in those events. Default: 64 MiB.
    pub max_event_bytes: usize,
    /// Events of one client that wait; further ones are dropped and counted.
    /// Default: 1,024.
    pub max_client_events: usize,
    /// Events worked off at once; those of one client always one after the
    /// other. Default: 256.
    pub concurrency: usize,
    /// The longest time that the user's code may work on an event; then it is
    /// given up and counted as late. Default: 30 s.
    pub event_patience: Duration,
    /// How long an event that happens once, like the end of a connection, is
    /// remembered, so that EMQX's telling it twice has no effect. Zero: not at
    /// all. Default: 10 s.
    pub duplicates: Duration,
    /// The largest request that EMQX may send. Default: 64 MiB.
    pub max_message: usize,
    /// How long a shutdown waits for answers and then for events. Default: 30 s.
    pub drain: Duration,
}

impl Default for ExHookSettings {
    fn default() -> Self {
        Self {
            authenticate: FailSafe::Deny,
            authorize: FailSafe::Deny,
            publish: FailSafe::Deny,
            patience: Duration::from_secs(30),
            margin: Duration::from_millis(250),
            max_calls: 10_000,
            max_events: 65_536,
            max_event_bytes: 64 << 20,
            max_client_events: 1_024,
            concurrency: 256,
            event_patience: Duration::from_secs(30),
            duplicates: Duration::from_secs(10),
            max_message: 64 << 20,
            drain: Duration::from_secs(30),
        }
    }
}

impl ExHookSettings {
    /// The time for an answer that EMQX waits `given` for.
    pub(crate) fn deadline(&self, given: Option<Duration>) -> Duration {
        let Some(given) = given else { return self.patience };
        given.saturating_sub(self.margin.min(given / 10)).min(self.patience)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_given_before_emqx_stops_waiting() {
        let settings = ExHookSettings::default();
        assert_eq!(settings.deadline(Some(Duration::from_secs(5))), Duration::from_millis(4750));
        assert_eq!(settings.deadline(Some(Duration::from_millis(100))), Duration::from_millis(90));
        assert_eq!(settings.deadline(Some(Duration::from_secs(600))), Duration::from_secs(30));
        assert_eq!(settings.deadline(None), Duration::from_secs(30));
    }
}
