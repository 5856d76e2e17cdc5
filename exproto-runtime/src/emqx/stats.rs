//! What a stand-in has told and done, for a scraper.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::event::Event;
use super::reply::Reply;

const EVENTS: [&str; 5] = ["created", "bytes", "messages", "timer", "closed"];
const CALLS: [&str; 8] =
    ["send", "close", "authenticate", "start_timer", "publish", "subscribe", "unsubscribe", "raw_publish"];
const RESULTS: [&str; 5] = ["success", "refused", "invalid", "gone", "failed"];

/// A method of the adapter.
#[derive(Clone, Copy, Debug)]
pub(super) enum Method {
    Send,
    Close,
    Authenticate,
    StartTimer,
    Publish,
    Subscribe,
    Unsubscribe,
    RawPublish,
}

/// Counters that all connections share: an event is a call over the network, to
/// which an addition is nothing.
#[derive(Debug, Default)]
pub(super) struct Stats {
    told: [AtomicU64; 5],
    lost: [AtomicU64; 5],
    repeated: AtomicU64,
    /// The handler was not reached the last time.
    pub(super) down: AtomicBool,
    calls: [[AtomicU64; 5]; 8],
}

impl Stats {
    pub(super) fn event(&self, event: &Event, told: bool) {
        let counters = if told { &self.told } else { &self.lost };
        let [created, bytes, messages, timer, closed] = counters;
        let counter = match event {
            Event::Created(_) => created,
            Event::Bytes(_) => bytes,
            Event::Messages(_) => messages,
            Event::TimedOut => timer,
            Event::Closed(_) => closed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn repeated(&self) {
        self.repeated.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn call(&self, method: Method, reply: &Reply) {
        let [success, refused, invalid, gone, failed] = &self.calls[method as usize];
        let counter = match reply {
            Reply::Done => success,
            Reply::Unexpected
            | Reply::Duplicate
            | Reply::Disconnected
            | Reply::Refused(_)
            | Reply::Denied => refused,
            Reply::Wrong | Reply::WrongRaw | Reply::Missing | Reply::Nameless => invalid,
            Reply::Gone | Reply::NeverWas => gone,
            Reply::Failed(_) => failed,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// The counters of a [`StandIn`](super::StandIn), which stay readable while it
/// runs and after.
///
/// | family | labels | |
/// |---|---|---|
/// | `exproto_stand_in_events` | `event`, `result` | events that the handler has answered (`told`), and those that it answered with an error, did not answer in time or could not be told (`lost`) |
/// | `exproto_stand_in_events_repeated` | | attempts after one that did not reach the handler |
/// | `exproto_stand_in_handler_reachable` | | 0 while the handler cannot be reached |
/// | `exproto_stand_in_calls` | `call`, `result` | calls of the handler: `success`, `refused` by us or the broker, `invalid` parameters, connection `gone`, `failed` or too slow |
///
/// Connections and bytes are in [`StandIn::metrics`](super::StandIn::metrics).
#[derive(Clone, Debug)]
pub struct StandInCounters(pub(super) Arc<Stats>);

impl StandInCounters {
    /// Whether the handler was reached the last time; true before the first.
    #[must_use]
    pub fn is_handler_reachable(&self) -> bool {
        !self.0.down.load(Ordering::Relaxed)
    }

    /// Events that were not told: their devices were disconnected.
    #[must_use]
    pub fn events_lost(&self) -> u64 {
        self.0.lost.iter().map(|counter| counter.load(Ordering::Relaxed)).sum()
    }

    /// Appends all counters in the OpenMetrics text format, without the final
    /// `# EOF`, so that other families can follow.
    pub fn write_open_metrics(&self, out: &mut String) {
        let stats = &*self.0;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        // Writing to a string never fails.
        let _ = writeln!(out, "# HELP exproto_stand_in_events Events for the handler, by how they ended.");
        let _ = writeln!(out, "# TYPE exproto_stand_in_events counter");
        for (result, counters) in [("told", &stats.told), ("lost", &stats.lost)] {
            for (event, counter) in EVENTS.iter().zip(counters) {
                let count = read(counter);
                let _ = writeln!(
                    out,
                    "exproto_stand_in_events_total{{event=\"{event}\",result=\"{result}\"}} {count}"
                );
            }
        }
        let _ = writeln!(
            out,
            "# HELP exproto_stand_in_events_repeated Attempts after one that did not reach the handler.\n\
             # TYPE exproto_stand_in_events_repeated counter\n\
             exproto_stand_in_events_repeated_total {}",
            read(&stats.repeated)
        );
        let _ = writeln!(
            out,
            "# HELP exproto_stand_in_handler_reachable 0 while the handler cannot be reached.\n\
             # TYPE exproto_stand_in_handler_reachable gauge\n\
             exproto_stand_in_handler_reachable {}",
            u8::from(self.is_handler_reachable())
        );
        let _ = writeln!(out, "# HELP exproto_stand_in_calls Calls of the handler, by how they ended.");
        let _ = writeln!(out, "# TYPE exproto_stand_in_calls counter");
        for (call, counters) in CALLS.iter().zip(&stats.calls) {
            for (result, counter) in RESULTS.iter().zip(counters) {
                let count = read(counter);
                // Most of them never are.
                if count > 0 || *result == "success" {
                    let _ = writeln!(
                        out,
                        "exproto_stand_in_calls_total{{call=\"{call}\",result=\"{result}\"}} {count}"
                    );
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_and_calls_are_counted_by_how_they_end() {
        let counters = StandInCounters(Arc::default());
        let stats = &counters.0;
        stats.event(&Event::TimedOut, true);
        stats.event(&Event::Closed("".into()), false);
        stats.repeated();
        stats.call(Method::RawPublish, &Reply::Done);
        stats.call(Method::Authenticate, &Reply::Refused("no".into()));
        stats.call(Method::Publish, &Reply::Wrong);
        stats.call(Method::Close, &Reply::Gone);
        stats.call(Method::Send, &Reply::taken_too_long());
        stats.down.store(true, Ordering::Relaxed);
        assert_eq!((counters.events_lost(), counters.is_handler_reachable()), (1, false));
        let mut text = String::new();
        counters.write_open_metrics(&mut text);
        for line in [
            "exproto_stand_in_events_total{event=\"timer\",result=\"told\"} 1",
            "exproto_stand_in_events_total{event=\"closed\",result=\"lost\"} 1",
            "exproto_stand_in_events_total{event=\"bytes\",result=\"told\"} 0",
            "exproto_stand_in_events_repeated_total 1",
            "exproto_stand_in_handler_reachable 0",
            "exproto_stand_in_calls_total{call=\"raw_publish\",result=\"success\"} 1",
            "exproto_stand_in_calls_total{call=\"authenticate\",result=\"refused\"} 1",
            "exproto_stand_in_calls_total{call=\"publish\",result=\"invalid\"} 1",
            "exproto_stand_in_calls_total{call=\"close\",result=\"gone\"} 1",
            "exproto_stand_in_calls_total{call=\"send\",result=\"failed\"} 1",
        ] {
            assert!(text.lines().any(|it| it == line), "{line}\n{text}");
        }
    }
}
