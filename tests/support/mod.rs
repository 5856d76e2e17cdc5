//! What the tests of several examples share: captured frames, what Traccar
//! makes of them, and streams cut in every way.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

use exproto_runtime::codec::{Deframer, Flags, Item, explain_with, reencode_with, to_json};
use exproto_runtime::session::Gateway;
use exproto_runtime::testkit::TestConn;
use serde_json::Value as Json;

/// A frame, or several, with what another project's tests say of it.
pub struct Capture {
    pub name: String,
    pub wire: Vec<u8>,
    pub line: Json,
}

impl Capture {
    /// What Traccar's decoder makes of it.
    pub fn positions(&self) -> &[Json] {
        self.line["expect"]["decoded"].as_array().map_or(&[], Vec::as_slice)
    }

    /// What Traccar answers.
    pub fn replies(&self) -> Vec<Vec<u8>> {
        let replies = self.line["expect"]["replies"].as_array();
        replies.map_or_else(Vec::new, |all| all.iter().map(|reply| unhex(reply.as_str().unwrap())).collect())
    }

    pub fn is_uplink(&self) -> bool {
        self.line["direction"] == "uplink"
    }
}

/// The lines of a file of frames.
pub fn captures(lines: &str) -> Vec<Capture> {
    let lines = lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    lines
        .map(|line| {
            let name = line["name"].as_str().unwrap().to_owned();
            Capture { name, wire: unhex(line["hex"].as_str().unwrap()), line }
        })
        .collect()
}

pub fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether two numbers agree, as far as a rounded one can.
#[track_caller]
pub fn near(name: &str, key: &str, ours: &Json, theirs: &Json) {
    let (Some(a), Some(b)) = (ours.as_f64(), theirs.as_f64()) else {
        return assert_eq!(ours, theirs, "{name} {key}");
    };
    assert!((a - b).abs() <= 1e-6 * (1.0 + b.abs()), "{name} {key}: {a}, {b}");
}

/// A frame as it was read.
pub struct Seen {
    pub json: Json,
    pub flags: Flags,
}

/// The frames of `wire`, each written again byte for byte as it came.
#[track_caller]
pub fn seen<G: Gateway>(name: &str, wire: &[u8]) -> Vec<Seen> {
    let ctx = TestConn::<G>::new().ctx();
    let (mut deframer, mut scratch, mut found) = (Deframer::<G>::with_ctx(ctx), Vec::new(), Vec::new());
    let mut again = Vec::new();
    deframer.datagram(wire, &mut scratch, |item| {
        let Item::Frame(raw) = item else { panic!("{name}: no frame: {item:?}") };
        let received = raw
            .decode_with::<G>(ctx)
            .unwrap_or_else(|error| panic!("{name}: {error}\n{}", explain_with::<G>(&raw, ctx)));
        reencode_with::<G>(&received, &raw, ctx, &mut again).unwrap();
        let mut json = Vec::new();
        to_json(&received.frame, &mut json);
        found.push(Seen { json: serde_json::from_slice(&json).unwrap(), flags: received.flags });
    });
    assert_eq!(hex(&again), hex(wire), "{name}");
    found
}

/// What happens when `stream` comes in these pieces: the items found, and all
/// that broker and device are told.
fn events<G: Gateway>(pieces: &[&[u8]]) -> (Vec<String>, Vec<String>) {
    let mut conn = TestConn::<G>::new();
    let (mut deframer, mut scratch, mut found) =
        (Deframer::<G>::with_ctx(conn.ctx()), Vec::new(), Vec::new());
    for piece in pieces {
        let mut input = *piece;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            found.push(match item {
                Item::Frame(raw) => format!("{} {} {}", raw.offset, raw.kind, hex(raw.payload)),
                Item::Bad(bad) => format!("{} {} {}", bad.offset, bad.error, hex(bad.wire)),
            });
        }
        conn.send(piece);
    }
    let reports = conn.take_reports();
    let told = conn.publishes().iter().map(|message| format!("{} {}", message.topic, message.text()));
    let told = told.chain([hex(conn.sent())]).chain(reports.iter().map(ToString::to_string));
    (found, told.collect())
}

/// Cuts `stream` at every byte, into single bytes and into random pieces;
/// always the same happens. How many items there are.
#[track_caller]
pub fn cut_everywhere<G: Gateway>(stream: &[u8]) -> usize {
    let whole = events::<G>(&[stream]);
    for at in 1..stream.len() {
        let (front, back) = stream.split_at(at);
        assert_eq!(events::<G>(&[front, back]), whole, "cut at {at}");
    }
    assert_eq!(events::<G>(&stream.chunks(1).collect::<Vec<_>>()), whole, "single bytes");
    let mut chance = 0x9E37_79B9_u32;
    for round in 0..50 {
        let (mut pieces, mut rest) = (Vec::new(), stream);
        while !rest.is_empty() {
            chance = chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (piece, more) = rest.split_at((1 + chance as usize % 1024 % 40).min(rest.len()));
            pieces.push(piece);
            rest = more;
        }
        assert_eq!(events::<G>(&pieces), whole, "random pieces, round {round}");
    }
    whole.0.len()
}
