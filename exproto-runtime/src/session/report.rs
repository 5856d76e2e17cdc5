//! What a session counts and what it has to tell a log.

use core::fmt;
use core::fmt::Write as _;

use super::event::Outcome;
use crate::codec::Error;

/// A counter that stops at its end.
#[derive(Debug, Default)]
pub(crate) struct Count(u32);

impl Count {
    pub(crate) fn up(&mut self) {
        self.add(1);
    }

    pub(crate) fn add(&mut self, more: u32) {
        self.0 = self.0.saturating_add(more);
    }
}

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*; $($(#[$about:meta])* $few:ident,)*; $($(#[$told:meta])* $odd:ident,)*) => {
        /// What happened in a session since the last
        /// [`take_tally`](super::Session::take_tally).
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct Tally {
            $($(#[$doc])* pub $name: u64,)*
            $($(#[$about])* pub $few: u64,)*
            $($(#[$told])* pub $odd: u64,)*
        }

        impl Tally {
            /// Adds what another session counted.
            pub fn add(&mut self, other: &Self) {
                $(self.$name = self.$name.saturating_add(other.$name);)*
                $(self.$few = self.$few.saturating_add(other.$few);)*
                $(self.$odd = self.$odd.saturating_add(other.$odd);)*
            }

            /// Each counter with its name, for metrics.
            pub fn each(&self, mut each: impl FnMut(&'static str, u64)) {
                $(each(stringify!($name), self.$name);)*
                $(each(stringify!($few), self.$few);)*
                $(each(stringify!($odd), self.$odd);)*
            }
        }

        /// The counters of one session: narrow, because every idle connection
        /// carries them.
        #[derive(Debug, Default)]
        pub(crate) struct Counters {
            $(pub(crate) $name: Count,)*
        }

        impl Counters {
            pub(crate) fn take(&mut self) -> Tally {
                let now = core::mem::take(self);
                Tally { $($name: u64::from(now.$name.0),)* ..Tally::default() }
            }
        }

        /// What only a gateway counts that asks its devices.
        #[derive(Debug, Default)]
        pub(crate) struct LineCounters {
            $(pub(crate) $few: Count,)*
        }

        impl LineCounters {
            pub(crate) fn take(&mut self, tally: &mut Tally) {
                let now = core::mem::take(self);
                $(tally.$few = u64::from(now.$few.0);)*
            }
        }

        /// What only sessions count that keep something rare.
        #[derive(Debug, Default)]
        pub(crate) struct RareCounters {
            $(pub(crate) $odd: Count,)*
        }

        impl RareCounters {
            /// Whether nothing was counted.
            pub(crate) fn is_empty(&self) -> bool {
                true $(&& self.$odd.0 == 0)*
            }

            pub(crate) fn take(&mut self, tally: &mut Tally) {
                let now = core::mem::take(self);
                $(tally.$odd = u64::from(now.$odd.0);)*
            }
        }
    };
}

counters! {
    /// Whole frames that were decoded.
    frames,
    /// Frames and bytes between frames that could not be read.
    bad_frames,
    /// Frames with something odd in them that were decoded all the same.
    flagged,
    /// Logins that the broker accepted.
    logins,
    /// Logins that were refused.
    logins_refused,
    /// Publishes handed to the broker.
    publishes,
    /// Replies sent to the device.
    replies,
    /// Frames that were refused: sent before the login, with values that must
    /// not stand in a topic, or not allowed by the broker.
    refused,
    /// Messages of the broker that became a frame to the device.
    downlinks,
    /// Downlinks that the device has answered.
    answered,
    /// Frames that got no reply because the broker failed, was too slow, or
    /// the connection ended first.
    undelivered,
    ;
    /// Requests and other frames that the gateway has sent of itself.
    polls,
    /// Requests that could not be encoded.
    unasked,
    ;
    /// Frames that carried a segment of a longer message.
    segments,
    /// Messages put together from segments.
    joined,
    /// Segments that could not be used, and messages that were given up
    /// because segments were missing.
    segments_lost,
    /// Replies that could not be encoded.
    replies_lost,
    /// Frames that only the platform sends, received from a device.
    unexpected,
    /// Subscriptions of `deliver` routes that the broker refused.
    subscriptions_refused,
    /// Messages of the broker that did not.
    undeliverable,
    /// Requests for segments that were missing.
    segments_asked,
    /// Requests and downlinks sent again because no answer came in time.
    repeated,
    /// Requests and downlinks given up without an answer.
    unanswered,
}

/// Something odd, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Report {
    /// Bytes of the device that could not be read.
    BadFrame {
        /// The first [`HEX_BYTES`] bytes.
        hex: String,
        /// How many bytes there are in all.
        len: usize,
        /// Bytes of the connection before them.
        at: u64,
        /// What is wrong; the offset counts from the first byte of `hex`.
        error: Error,
    },
    /// A frame whose routes were not carried out.
    Refused {
        /// The name of the message.
        kind: &'static str,
        /// Why.
        reason: String,
    },
    /// A segment of a longer message that could not be used.
    Segment {
        /// The name of the message.
        kind: &'static str,
        /// Why.
        reason: &'static str,
    },
    /// A subscription of a `deliver` route that there is not: messages of
    /// this route will not reach the device.
    NotSubscribed {
        /// Why.
        reason: String,
    },
    /// A message of the broker that did not reach the device.
    Undeliverable {
        /// Its topic.
        topic: String,
        /// Why.
        reason: String,
    },
    /// A request or downlink that the device has not answered, however often it
    /// was sent.
    Unanswered {
        /// The name of the request.
        kind: &'static str,
    },
    /// A request of the `poll` function that could not be encoded.
    NotAsked {
        /// Why.
        error: Error,
    },
    /// A reply that could not be encoded; the device got none.
    NoReply {
        /// The name of the message that it answers.
        kind: &'static str,
        /// Why.
        error: Error,
    },
}

/// The most bytes that a [`Report::BadFrame`] shows.
pub const HEX_BYTES: usize = 256;

/// The most reports that wait to be taken; further ones are counted only.
pub(crate) const MAX_REPORTS: usize = 8;

impl Report {
    #[cold]
    pub(crate) fn bad_frame(wire: &[u8], at: u64, error: Error) -> Self {
        let mut hex = String::with_capacity(2 * wire.len().min(HEX_BYTES));
        for byte in wire.iter().take(HEX_BYTES) {
            // Writing to a `String` cannot fail.
            let _ = write!(hex, "{byte:02X}");
        }
        Self::BadFrame { hex, len: wire.len(), at, error }
    }

    #[cold]
    pub(crate) fn refused(kind: &'static str, outcome: &Outcome) -> Self {
        let reason = match outcome {
            Outcome::Refused { reason, .. } => reason.to_string(),
            other => other.to_string(),
        };
        Self::Refused { kind, reason }
    }
}

impl Report {
    /// The same without bytes of the device, which may hold a password.
    #[cfg(any(feature = "host", feature = "grpc"))]
    pub(crate) fn without_bytes(self) -> Self {
        match self {
            Self::BadFrame { len, at, error, .. } => Self::BadFrame { hex: String::new(), len, at, error },
            other => other,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadFrame { hex, len, at, error } => {
                if hex.is_empty() {
                    return write!(f, "bad frame of {len} bytes at {at} of the stream: {error}");
                }
                let cut = if *len > HEX_BYTES { ".." } else { "" };
                write!(f, "bad frame of {len} bytes at {at} of the stream: {error}: {hex}{cut}")
            }
            Self::Refused { kind, reason } => write!(f, "`{kind}` refused: {reason}"),
            Self::Segment { kind, reason } => write!(f, "segment in `{kind}` not used: {reason}"),
            Self::NotSubscribed { reason } => write!(f, "downlinks will not arrive: {reason}"),
            Self::Undeliverable { topic, reason } => {
                write!(f, "message on `{topic}` not delivered: {reason}")
            }
            Self::Unanswered { kind } => write!(f, "no answer to `{kind}`"),
            Self::NotAsked { error } => write!(f, "a request cannot be encoded: {error}"),
            Self::NoReply { kind, error } => write!(f, "no reply to `{kind}`: {error}"),
        }
    }
}
