//! Protocols that are not among the examples, each declared by someone who had only
//! the documentation, with frames of real devices where there are any.
#![allow(clippy::unwrap_used, clippy::large_enum_variant, dead_code, missing_docs)]

mod bce;
mod calamp;
mod dlms;
mod egts;
mod iec104;
mod knx;
mod mavlink;
mod mbus;
mod meitrack;
mod ruptela;
mod suntech;
#[path = "../support/mod.rs"]
mod support;
mod tramigo;
mod ublox;

use exproto_runtime::session::{Gateway, SessionSettings};
use exproto_runtime::testkit::TestConn;
use serde_json::Value as Json;

pub use support::{cut_everywhere, hex};

/// Bytes in hex digits, with blanks between them.
pub fn unhex(text: &str) -> Vec<u8> {
    support::unhex(&text.replace(char::is_whitespace, ""))
}

/// The frames of a file, one a line.
pub fn frames(lines: &str) -> Vec<Vec<u8>> {
    lines.lines().map(unhex).collect()
}

/// Each of these is one frame with nothing odd about it, is written again byte for
/// byte, and is found however it is cut. What they are in JSON.
#[track_caller]
pub fn sound<G: Gateway>(frames: &[Vec<u8>]) -> Vec<Json> {
    let all = frames.iter().map(|frame| {
        let mut seen = support::seen::<G>(&hex(frame), frame);
        assert_eq!(seen.len(), 1, "{}", hex(frame));
        assert!(seen[0].flags.is_empty(), "{:?} in {}", seen[0].flags, hex(frame));
        cut_everywhere::<G>(frame);
        seen.remove(0).json
    });
    all.collect()
}

/// Nothing comes of a frame whose last byte but `behind` is another.
#[track_caller]
pub fn refused<G: Gateway>(frame: &[u8], behind: usize) -> Vec<u8> {
    let mut damaged = frame.to_vec();
    let last = damaged.len() - 1 - behind;
    damaged[last] ^= 0x01;
    let conn = sent::<G>(&damaged);
    assert!(conn.publishes().is_empty() && conn.sent().is_empty(), "{}", hex(&damaged));
    damaged
}

/// As [`refused`], and the frame behind it is found, at the latest when the device has
/// paused.
#[track_caller]
pub fn spared<G: Gateway>(frame: &[u8], behind: usize) {
    let damaged = refused::<G>(frame, behind);
    let (alone, mut both) = (sent::<G>(frame), sent::<G>(&[&damaged, frame].concat()));
    both.advance(SessionSettings::default().pause);
    let told = |conn: &TestConn<G>| (texts(conn), hex(conn.sent()));
    assert!(told(&both) == told(&alone), "{}", hex(&damaged));
    assert!(both.take_tally().bad_frames > 0, "{}", hex(&damaged));
}

/// All messages.
pub fn texts<G: Gateway>(conn: &TestConn<G>) -> Vec<String> {
    conn.publishes().iter().map(|publish| format!("{} {}", publish.topic, publish.text())).collect()
}

/// A connection that has sent this.
pub fn sent<G: Gateway>(bytes: &[u8]) -> TestConn<G> {
    let mut conn = TestConn::new();
    conn.send(bytes);
    conn
}

/// The topics of all messages.
pub fn topics<G: Gateway>(conn: &TestConn<G>) -> Vec<&str> {
    conn.publishes().iter().map(|publish| publish.topic.as_str()).collect()
}
