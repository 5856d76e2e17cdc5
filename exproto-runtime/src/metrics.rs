//! Counters of a gateway, and their text form for a scraper.
//!
//! Each worker of a driver counts in a [`Shard`] of its own, so that counting
//! touches no memory that two threads write; reading adds the shards up.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::session::{CloseReason, Tally};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $help:literal;)*) => {
        /// What is counted.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Counter {
            $($(#[$doc])* $name,)*
        }

        impl Counter {
            /// All counters, in the order of the text form.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            const fn text(self) -> (&'static str, &'static str) {
                match self {
                    $(Self::$name => ($text, $help),)*
                }
            }
        }
    };
}

counters! {
    /// Connections taken.
    Accepted = "connections_accepted", "Connections taken.";
    /// Failures to take a connection.
    AcceptErrors = "accept_errors", "Failures to take a connection.";
    /// Times that a connection was not read for a while: it sent too fast, or the
    /// buffers of all were full.
    Delayed = "reads_delayed", "Times that a connection was not read for a while: too fast, or no room.";
    /// TLS handshakes that came to their end.
    Handshakes = "tls_handshakes", "TLS handshakes that came to their end.";
    /// Bytes received from devices.
    BytesIn = "received_bytes", "Bytes received from devices.";
    /// Bytes sent to devices.
    BytesOut = "sent_bytes", "Bytes sent to devices.";
    /// Whole frames that were decoded.
    Frames = "frames", "Whole frames that were decoded.";
    /// Frames and bytes between frames that could not be read.
    BadFrames = "bad_frames", "Frames and bytes between frames that could not be read.";
    /// Frames with something odd in them that were decoded all the same.
    Flagged = "frames_flagged", "Frames with something odd in them that were decoded all the same.";
    /// Frames that carried a segment of a longer message.
    Segments = "segments", "Frames that carried a segment of a longer message.";
    /// Messages put together from segments.
    Joined = "messages_joined", "Messages put together from segments.";
    /// Segments that could not be used or whose message was given up.
    SegmentsLost = "segments_lost", "Segments that could not be used or whose message was given up.";
    /// Devices asked for segments that are missing.
    SegmentsAsked = "segments_asked", "Devices asked for segments that are missing.";
    /// Logins that the broker accepted.
    Logins = "logins", "Logins that the broker accepted.";
    /// Logins that were refused.
    LoginsRefused = "logins_refused", "Logins that were refused.";
    /// Messages handed to the broker.
    Publishes = "publishes", "Messages handed to the broker.";
    /// Messages the broker has acknowledged or taken over.
    Acknowledged = "publishes_acknowledged", "Messages the broker has acknowledged or taken over.";
    /// Messages the broker refused or whose end is unknown.
    Unpublished = "publishes_failed", "Messages the broker refused or whose end is unknown.";
    /// Replies sent to devices.
    Replies = "replies", "Replies sent to devices.";
    /// Replies that could not be encoded.
    RepliesLost = "replies_lost", "Replies that could not be encoded.";
    /// Frames whose routes were not carried out: before the login, unusable values, not allowed.
    Refused = "frames_refused", "Frames whose routes were not carried out: before the login, unusable values, not allowed.";
    /// Frames that only the platform sends, received from a device.
    Unexpected = "frames_unexpected", "Frames that only the platform sends, received from a device.";
    /// Subscriptions for downlinks that the broker refused.
    SubscriptionsRefused = "subscriptions_refused", "Subscriptions for downlinks that the broker refused.";
    /// Messages of the broker that became frames for devices.
    Downlinks = "downlinks", "Messages of the broker that became frames for devices.";
    /// Messages of the broker that could not become a frame.
    Undeliverable = "downlinks_undeliverable", "Messages of the broker that could not become a frame.";
    /// Downlinks that the device has answered.
    Answered = "downlinks_answered", "Downlinks that the device has answered.";
    /// Requests and other frames that gateways have sent of themselves.
    Polls = "polls", "Requests and other frames that gateways have sent of themselves.";
    /// Requests sent again because no answer came in time.
    Repeated = "polls_repeated", "Requests sent again because no answer came in time.";
    /// Requests given up without an answer.
    Unanswered = "polls_unanswered", "Requests given up without an answer.";
    /// Requests that could not be encoded.
    Unasked = "polls_failed", "Requests that could not be encoded.";
    /// Frames without a reply because the broker failed, was too slow or the connection ended first.
    Undelivered = "frames_undelivered", "Frames without a reply because the broker failed, was too slow or the connection ended first.";
    /// Messages of the broker dropped because a device did not take them in time.
    Overflowed = "downlinks_dropped", "Messages of the broker dropped because a device did not take them in time.";
    /// Panics in the user's code.
    Panics = "panics", "Panics in the user's code.";
}

/// Why a new connection was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shed {
    /// As many are open as may be.
    Connections,
    /// As many of its address are open as may be.
    Address,
    /// Too many came in this second.
    Rate,
    /// Its network may not connect.
    Network,
    /// The buffers of all connections are full.
    Buffers,
    /// As many are at their TLS handshake as may be.
    Handshakes,
}

impl Shed {
    /// All reasons, in the order of the text form.
    pub const ALL: &'static [Self] =
        &[Self::Connections, Self::Address, Self::Rate, Self::Network, Self::Buffers, Self::Handshakes];

    /// The reason as the counters' label has it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Address => "address",
            Self::Rate => "rate",
            Self::Network => "network",
            Self::Buffers => "buffers",
            Self::Handshakes => "handshakes",
        }
    }
}

impl std::fmt::Display for Shed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connections => "too many connections",
            Self::Address => "too many connections of its address",
            Self::Rate => "too many new connections",
            Self::Network => "its network may not connect",
            Self::Buffers => "the buffers of all connections are full",
            Self::Handshakes => "too many TLS handshakes",
        })
    }
}

/// Why a connection ended, as far as the counters tell it apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The device closed it.
    ByDevice,
    /// The network broke it.
    Broken,
    /// The device said good-bye.
    Done,
    /// The broker refused the device.
    Refused,
    /// Too many bad frames.
    BadFrames,
    /// The stream could not be read any further.
    Unreadable,
    /// No whole frame arrived in time.
    NoFrame,
    /// Nothing arrived for too long.
    Idle,
    /// More bytes than may be kept for one device.
    Flooded,
    /// The buffers of all connections were full for too long.
    Crowded,
    /// A frame could not be handed to the broker in time.
    Undelivered,
    /// Code of the user asked for it.
    User,
    /// Code of the user panicked.
    Panic,
    /// The device did not read what it was sent.
    Unread,
    /// The broker asked for it.
    Kicked,
    /// The broker is gone for good.
    BrokerGone,
    /// The TLS handshake failed: no certificate, or one that is not taken.
    BadHandshake,
    /// The PROXY header or the TLS handshake took too long.
    NoHandshake,
    /// The connection of a load balancer began without a PROXY header.
    BadHeader,
    /// A limit was against the address that a PROXY header told.
    TurnedAway,
    /// The driver stopped.
    Shutdown,
    /// Another reason of the session.
    Other,
}

impl Ended {
    /// All reasons, in the order of the text form.
    pub const ALL: &'static [Self] = &[
        Self::ByDevice,
        Self::Broken,
        Self::Done,
        Self::Refused,
        Self::BadFrames,
        Self::Unreadable,
        Self::NoFrame,
        Self::Idle,
        Self::Flooded,
        Self::Crowded,
        Self::Undelivered,
        Self::User,
        Self::Panic,
        Self::Unread,
        Self::Kicked,
        Self::BrokerGone,
        Self::BadHandshake,
        Self::NoHandshake,
        Self::BadHeader,
        Self::TurnedAway,
        Self::Shutdown,
        Self::Other,
    ];

    /// The reason as the counters' label has it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::ByDevice => "device",
            Self::Broken => "broken",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::BadFrames => "bad_frames",
            Self::Unreadable => "unreadable",
            Self::NoFrame => "no_frame",
            Self::Idle => "idle",
            Self::Flooded => "flooded",
            Self::Crowded => "crowded",
            Self::Undelivered => "undelivered",
            Self::User => "user",
            Self::Panic => "panic",
            Self::Unread => "unread",
            Self::Kicked => "kicked",
            Self::BrokerGone => "broker_gone",
            Self::BadHandshake => "handshake_failed",
            Self::NoHandshake => "handshake_timeout",
            Self::BadHeader => "proxy_header",
            Self::TurnedAway => "turned_away",
            Self::Shutdown => "shutdown",
            Self::Other => "other",
        }
    }
}

impl From<&CloseReason> for Ended {
    fn from(reason: &CloseReason) -> Self {
        match reason {
            CloseReason::Done(_) => Self::Done,
            CloseReason::Refused(_) => Self::Refused,
            CloseReason::BadFrames => Self::BadFrames,
            CloseReason::Unreadable => Self::Unreadable,
            CloseReason::NoFrame => Self::NoFrame,
            CloseReason::Idle => Self::Idle,
            CloseReason::Flooded => Self::Flooded,
            CloseReason::Undelivered(_) => Self::Undelivered,
            CloseReason::User(_) => Self::User,
            #[allow(unreachable_patterns, reason = "the enum grows")]
            _ => Self::Other,
        }
    }
}

impl Counter {
    /// What a session counts itself, see [`Shard::add_tally`].
    #[cfg(feature = "grpc")]
    const OF_SESSIONS: &'static [Self] = &[
        Self::Frames,
        Self::BadFrames,
        Self::Flagged,
        Self::Segments,
        Self::Joined,
        Self::SegmentsLost,
        Self::SegmentsAsked,
        Self::Logins,
        Self::LoginsRefused,
        Self::Publishes,
        Self::Replies,
        Self::RepliesLost,
        Self::Refused,
        Self::Unexpected,
        Self::SubscriptionsRefused,
        Self::Downlinks,
        Self::Undeliverable,
        Self::Answered,
        Self::Polls,
        Self::Repeated,
        Self::Unanswered,
        Self::Unasked,
        Self::Undelivered,
    ];
}

const COUNTERS: usize = Counter::ALL.len();
const REASONS: usize = Ended::ALL.len();
const SHED: usize = Shed::ALL.len();

/// The counters of one worker.
///
/// Aligned so that two shards never share a cache line.
#[derive(Debug)]
#[repr(align(128))]
pub struct Shard {
    counters: [AtomicU64; COUNTERS],
    ended: [AtomicU64; REASONS],
    shed: [AtomicU64; SHED],
    /// Bytes kept now, by connections that keep many.
    held: AtomicU64,
}

impl Default for Shard {
    fn default() -> Self {
        Self {
            counters: [const { AtomicU64::new(0) }; COUNTERS],
            ended: [const { AtomicU64::new(0) }; REASONS],
            shed: [const { AtomicU64::new(0) }; SHED],
            held: AtomicU64::new(0),
        }
    }
}

impl Shard {
    /// Adds to a counter.
    pub fn add(&self, counter: Counter, count: u64) {
        if count != 0
            && let Some(cell) = self.counters.get(counter as usize)
        {
            cell.fetch_add(count, Ordering::Relaxed);
        }
    }

    /// Adds what a session has counted.
    pub fn add_tally(&self, tally: &Tally) {
        self.add(Counter::Frames, tally.frames);
        self.add(Counter::BadFrames, tally.bad_frames);
        self.add(Counter::Flagged, tally.flagged);
        self.add(Counter::Segments, tally.segments);
        self.add(Counter::Joined, tally.joined);
        self.add(Counter::SegmentsLost, tally.segments_lost);
        self.add(Counter::SegmentsAsked, tally.segments_asked);
        self.add(Counter::Logins, tally.logins);
        self.add(Counter::LoginsRefused, tally.logins_refused);
        self.add(Counter::Publishes, tally.publishes);
        self.add(Counter::Replies, tally.replies);
        self.add(Counter::RepliesLost, tally.replies_lost);
        self.add(Counter::Refused, tally.refused);
        self.add(Counter::Unexpected, tally.unexpected);
        self.add(Counter::SubscriptionsRefused, tally.subscriptions_refused);
        self.add(Counter::Downlinks, tally.downlinks);
        self.add(Counter::Undeliverable, tally.undeliverable);
        self.add(Counter::Answered, tally.answered);
        self.add(Counter::Polls, tally.polls);
        self.add(Counter::Repeated, tally.repeated);
        self.add(Counter::Unanswered, tally.unanswered);
        self.add(Counter::Unasked, tally.unasked);
        self.add(Counter::Undelivered, tally.undelivered);
    }

    /// Counts a new connection that was turned away.
    pub fn shed(&self, reason: Shed) {
        if let Some(cell) = self.shed.get(reason as usize) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that a connection keeps so many bytes, after so many before. Both
    /// count as 0 while it keeps no more than every connection may.
    pub fn hold(&self, before: usize, now: usize) {
        // A sum of differences: it wraps where that of one connection would.
        let change = (now as u64).wrapping_sub(before as u64);
        if change != 0 {
            self.held.fetch_add(change, Ordering::Relaxed);
        }
    }

    /// Counts the end of a connection. Whoever sees it counted sees what the
    /// connection did before.
    pub fn ended(&self, reason: Ended) {
        if let Some(cell) = self.ended.get(reason as usize) {
            cell.fetch_add(1, Ordering::Release);
        }
    }
}

/// The counters of a gateway.
#[derive(Debug)]
pub struct Metrics {
    name: Box<str>,
    shards: Box<[Shard]>,
}

impl Metrics {
    /// Counters for `shards` workers of the gateway `name`, all zero.
    #[must_use]
    pub fn new(name: &str, shards: usize) -> Self {
        let shards = (0..shards.max(1)).map(|_| Shard::default()).collect();
        Self { name: name.into(), shards }
    }

    /// The counters of a worker; workers beyond the number given to
    /// [`new`](Self::new) share.
    #[must_use]
    #[allow(clippy::indexing_slicing, reason = "there is at least one shard")]
    pub fn shard(&self, worker: usize) -> &Shard {
        &self.shards[worker % self.shards.len()]
    }

    /// A counter over all workers.
    #[must_use]
    pub fn get(&self, counter: Counter) -> u64 {
        self.sum(|shard| shard.counters.get(counter as usize))
    }

    /// How many new connections were turned away for this reason.
    #[must_use]
    pub fn shed(&self, reason: Shed) -> u64 {
        self.sum(|shard| shard.shed.get(reason as usize))
    }

    /// How many connections ended for this reason.
    #[must_use]
    pub fn ended(&self, reason: Ended) -> u64 {
        self.sum(|shard| shard.ended.get(reason as usize))
    }

    /// Bytes that connections keep now which keep more than 16 KiB: frames that
    /// are not whole or wait for the broker, segments, bytes that devices have not
    /// taken.
    #[must_use]
    pub fn held(&self) -> u64 {
        self.sum(|shard| Some(&shard.held))
    }

    /// Connections open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        // Ends are read first: a connection that ends in between counts as
        // open, never as less than none.
        let ended: u64 = Ended::ALL.iter().map(|reason| self.ended(*reason)).sum();
        self.get(Counter::Accepted).saturating_sub(ended)
    }

    fn sum(&self, cell: impl Fn(&Shard) -> Option<&AtomicU64>) -> u64 {
        self.shards
            .iter()
            .filter_map(cell)
            .map(|cell| cell.load(Ordering::Acquire))
            .fold(0, u64::wrapping_add)
    }

    /// Appends what sessions count alone, for drivers without sockets of their own.
    #[cfg(feature = "grpc")]
    pub(crate) fn write_sessions(&self, out: &mut String) {
        self.write_counters(out, Counter::OF_SESSIONS);
    }

    fn write_counters(&self, out: &mut String, counters: &[Counter]) {
        let gateway = Escaped(&self.name);
        for counter in counters {
            let (name, help) = counter.text();
            // Writing to a `String` cannot fail.
            let _ = write!(
                out,
                "# HELP exproto_{name} {help}\n# TYPE exproto_{name} counter\n\
                 exproto_{name}_total{{gateway=\"{gateway}\"}} {}\n",
                self.get(*counter)
            );
        }
    }

    /// Appends the counters in the OpenMetrics text format, without the final
    /// `# EOF`, so that several gateways and other families can follow.
    pub fn write_open_metrics(&self, out: &mut String) {
        self.write_counters(out, Counter::ALL);
        let gateway = Escaped(&self.name);
        out.push_str(
            "# HELP exproto_connections_closed Connections that ended, by reason.\n\
             # TYPE exproto_connections_closed counter\n",
        );
        for reason in Ended::ALL {
            let _ = writeln!(
                out,
                "exproto_connections_closed_total{{gateway=\"{gateway}\",reason=\"{}\"}} {}",
                reason.label(),
                self.ended(*reason)
            );
        }
        out.push_str(
            "# HELP exproto_connections_shed New connections that were turned away, by reason.\n\
             # TYPE exproto_connections_shed counter\n",
        );
        for reason in Shed::ALL {
            let _ = writeln!(
                out,
                "exproto_connections_shed_total{{gateway=\"{gateway}\",reason=\"{}\"}} {}",
                reason.label(),
                self.shed(*reason)
            );
        }
        let _ = write!(
            out,
            "# HELP exproto_connections_open Connections open now.\n\
             # TYPE exproto_connections_open gauge\n\
             exproto_connections_open{{gateway=\"{gateway}\"}} {}\n\
             # HELP exproto_buffered_bytes Bytes kept by connections that keep more than 16 KiB.\n\
             # TYPE exproto_buffered_bytes gauge\n\
             # UNIT exproto_buffered_bytes bytes\n\
             exproto_buffered_bytes{{gateway=\"{gateway}\"}} {}\n",
            self.open(),
            self.held()
        );
    }
}

/// A label's value with the characters replaced that would end it.
pub(crate) struct Escaped<'t>(pub(crate) &'t str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for character in self.0.chars() {
            match character {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                other => f.write_char(other)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_add_up_and_the_text_names_every_counter_once() {
        let metrics = Metrics::new("a\"b", 2);
        metrics.shard(0).add(Counter::Accepted, 3);
        metrics.shard(1).add(Counter::Accepted, 4);
        metrics.shard(1).ended(Ended::Idle);
        assert_eq!(metrics.get(Counter::Accepted), 7);
        assert_eq!(metrics.open(), 6);

        let mut text = String::new();
        metrics.write_open_metrics(&mut text);
        assert!(text.contains("exproto_connections_accepted_total{gateway=\"a\\\"b\"} 7\n"), "{text}");
        assert!(
            text.contains("exproto_connections_closed_total{gateway=\"a\\\"b\",reason=\"idle\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("exproto_connections_open{gateway=\"a\\\"b\"} 6\n"), "{text}");
        let families: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")).collect();
        let mut distinct = families.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(families.len(), distinct.len());
        assert_eq!(families.len(), Counter::ALL.len() + 4);
    }

    #[test]
    fn every_reason_has_its_own_cell() {
        let metrics = Metrics::new("g", 1);
        for reason in Ended::ALL {
            metrics.shard(0).ended(*reason);
        }
        assert!(Ended::ALL.iter().all(|reason| metrics.ended(*reason) == 1));
    }

    #[cfg(feature = "grpc")]
    #[test]
    fn all_that_sessions_count_is_written_without_the_rest() {
        let tally = format!("{:?}", Tally::default());
        assert_eq!(tally.matches(": 0").count(), Counter::OF_SESSIONS.len(), "{tally}");
        let metrics = Metrics::new("g", 1);
        metrics.shard(0).add_tally(&Tally { frames: 3, undelivered: 4, ..Tally::default() });
        let mut text = String::new();
        metrics.write_sessions(&mut text);
        assert!(text.contains("exproto_frames_total{gateway=\"g\"} 3\n"), "{text}");
        assert!(text.contains("exproto_frames_undelivered_total{gateway=\"g\"} 4\n"), "{text}");
        assert!(!text.contains("connections"), "{text}");
    }
}
