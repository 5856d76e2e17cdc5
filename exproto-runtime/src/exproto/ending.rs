//! Why EMQX says that a connection has ended.

use std::fmt;

/// Why a connection has ended, as EMQX reports it.
///
/// EMQX gives the reason as an Erlang term printed as text, which differs from
/// version to version; this is what all of them mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum End {
    /// The device closed its socket.
    ByDevice,
    /// The network broke it.
    Broken,
    /// This handler asked for it.
    ByHandler,
    /// Nothing came for the time of
    /// [`start_timer`](super::ExProtoSettings::keepalive).
    Silent,
    /// EMQX's `idle_timeout`: no byte since the device has connected, or a UDP
    /// device without a timer.
    Idle,
    /// Somebody has disconnected the device, through EMQX's dashboard say.
    Kicked,
    /// The client id has logged in on another connection.
    Replaced,
    /// The login was good for a limited time.
    Expired,
    /// EMQX could not reach this handler, or got an error from it.
    HandlerFailed,
    /// EMQX had no memory for it.
    Overloaded,
    /// Something crashed inside EMQX.
    Crashed,
    /// EMQX turned out not to have it any more, without having said so.
    Vanished,
    /// Another reason.
    Other,
}

/// What a reason contains, most telling first: the text of an error may
/// contain the words of others.
const SIGNS: &[(&str, End)] = &[
    ("stacktrace", End::Crashed),
    ("badmatch", End::HandlerFailed),
    ("{error,{on_", End::HandlerFailed),
    ("proc_heap_too_large", End::Overloaded),
    ("message_queue_too_long", End::Overloaded),
    ("keepalive_timeout", End::Silent),
    ("idle_timeout", End::Idle),
    ("discarded", End::Replaced),
    ("takenover", End::Replaced),
    ("kicked", End::Kicked),
    ("expired", End::Expired),
    ("tcp_closed", End::ByDevice),
    ("ssl_closed", End::ByDevice),
    ("peer_closed", End::ByDevice),
    ("tcp_error", End::Broken),
    ("ssl_error", End::Broken),
    ("econnreset", End::Broken),
    ("etimedout", End::Broken),
    ("timeout", End::Broken),
    ("einval", End::Broken),
    ("epipe", End::Broken),
    ("ehostunreach", End::Broken),
    ("enetunreach", End::Broken),
    ("emsgsize", End::Broken),
    ("closed", End::Broken),
    ("normal", End::ByHandler),
];

impl End {
    /// All reasons.
    pub const ALL: [Self; 13] = [
        Self::ByDevice,
        Self::Broken,
        Self::ByHandler,
        Self::Silent,
        Self::Idle,
        Self::Kicked,
        Self::Replaced,
        Self::Expired,
        Self::HandlerFailed,
        Self::Overloaded,
        Self::Crashed,
        Self::Vanished,
        Self::Other,
    ];

    pub(super) fn label(self) -> &'static str {
        match self {
            Self::ByDevice => "by_device",
            Self::Broken => "broken",
            Self::ByHandler => "by_handler",
            Self::Silent => "silent",
            Self::Idle => "idle",
            Self::Kicked => "kicked",
            Self::Replaced => "replaced",
            Self::Expired => "expired",
            Self::HandlerFailed => "handler_failed",
            Self::Overloaded => "overloaded",
            Self::Crashed => "crashed",
            Self::Vanished => "vanished",
            Self::Other => "other",
        }
    }

    /// Reads EMQX's reason.
    ///
    /// ```
    /// use exproto_runtime::exproto::End;
    ///
    /// assert_eq!(End::of("{shutdown,tcp_closed}"), End::ByDevice);
    /// // EMQX 4.3 to 5.0.
    /// assert_eq!(End::of("{shutdown,{sock_closed,tcp_closed}}"), End::ByDevice);
    /// assert_eq!(End::of("{shutdown,something_new}"), End::Other);
    /// ```
    #[must_use]
    pub fn of(reason: &str) -> Self {
        let found = SIGNS.iter().find(|(sign, _)| reason.contains(sign));
        found.map_or(Self::Other, |(_, end)| *end)
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ByDevice => "the device closed it",
            Self::Broken => "the network broke it",
            Self::ByHandler => "the handler closed it",
            Self::Silent => "the device was silent for too long",
            Self::Idle => "EMQX's idle timeout",
            Self::Kicked => "somebody has disconnected the device",
            Self::Replaced => "the client id has logged in on another connection",
            Self::Expired => "the login has expired",
            Self::HandlerFailed => "EMQX could not reach this handler or got an error",
            Self::Overloaded => "EMQX had no memory for it",
            Self::Crashed => "something crashed inside EMQX",
            Self::Vanished => "EMQX does not have it any more",
            Self::Other => "another reason",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regex_the_reason() {
        for (reason, end) in [
            ("{shutdown,tcp_closed}", End::ByDevice),
            ("{shutdown,ssl_closed}", End::ByDevice),
            ("{shutdown,{sock_closed,tcp_closed}}", End::ByDevice),
            ("{shutdown,etimedout}", End::Broken),
            ("{shutdown,econnreset}", End::Broken),
            ("{shutdown,einval}", End::Broken),
            ("{shutdown,closed}", End::Broken),
            ("{shutdown,emsgsize}", End::Broken),
            ("{shutdown,normal}", End::ByHandler),
            ("{shutdown,keepalive_timeout}", End::Silent),
            ("{shutdown,idle_timeout}", End::Idle),
            ("{shutdown,kicked}", End::Kicked),
            ("{shutdown,discarded}", End::Replaced),
            ("{shutdown,expired}", End::Expired),
            ("{shutdown,{error,{on_received_bytes,{internal,<<\"boom\">>}}}}", End::HandlerFailed),
            ("{shutdown,{error,{on_socket_created,{shutdown,econnrefused}}}}", End::HandlerFailed),
            ("{shutdown,{error,{on_received_bytes,{badmatch,{error,not_found}}}}}", End::HandlerFailed),
            ("{shutdown,{error,{force_close,{shutdown,tcp_closed}}}}", End::ByDevice),
            ("{shutdown,#{reason => proc_heap_too_large,value => 9,max => 8}}", End::Overloaded),
            ("#{context => x,exception => error,stacktrace => [{a,b,2,[]}]}", End::Crashed),
            ("", End::Other),
            ("{shutdown,a_reason_of_next_year}", End::Other),
        ] {
            assert_eq!(End::of(reason), end, "{reason}");
        }
    }
}
