//! What has to hold for every input, target by target.
//!
//! Each function reads what it needs from the front of the input; the layout
//! is what `seeds.rs` writes.

mod session;

use crate::common::jt808::{self, Body, Encryption, Register};
use crate::common::kept::{kept, repair_length};
use crate::common::{Conn, Found, MAX, Message, Rng, encoded, find, hex, with_check};
use exproto_runtime::codec::{
    Deframer, FieldInfo, Fill, FillError, Item, NoTrace, Node, Protocol, Random, Received,
    decode as decode_payload, encode, explain_joined, to_json,
};
use serde_json::Value as Json;

pub use session::{answered_when_done, session};

/// The longest input that means more than a shorter one.
const LONGEST: usize = 16 << 10;

/// An input, read from its front; where it has ended, zeros follow.
struct Input<'d>(&'d [u8]);

impl<'d> Input<'d> {
    fn new(data: &'d [u8]) -> Self {
        Self(&data[..data.len().min(LONGEST)])
    }

    fn take(&mut self, len: usize) -> &'d [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    fn number<const N: usize>(&mut self) -> u64 {
        self.take(N).iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    fn byte(&mut self) -> u8 {
        self.number::<1>() as u8
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn utf8(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// Shows a value as JSON and checks that it is some.
fn json_of<T: exproto_runtime::codec::Value>(value: &T) -> Vec<u8> {
    let mut json = Vec::new();
    to_json(value, &mut json);
    if let Err(error) = serde_json::from_slice::<Json>(&json) {
        panic!("no JSON: {error}: {}", utf8(&json));
    }
    json
}

/// The same items come out of a stream however it is cut and whenever the rest
/// of a chunk is put aside; memory and work are bounded.
pub fn deframe(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    let mut rng = Rng(input.number::<4>());
    let stream = input.0;
    let accept_bad = mode & 1 != 0;
    let stashes = mode & 2 != 0;
    let most = [1, 9, 300, 6000][usize::from(mode >> 2 & 3)];

    let mut whole = Deframer::<Message>::new().accepting_bad(accept_bad);
    let expected = find(&mut whole, &[stream]);
    looked_at_once(&whole, stream, expected.len());

    let mut deframer = Deframer::<Message>::new().accepting_bad(accept_bad);
    let (mut found, mut scratch) = (Vec::new(), Vec::new());
    for mut chunk in rng.chunks(stream, most) {
        while let Some(item) = deframer.next(&mut chunk, &mut scratch) {
            let (wire, offset) = match &item {
                Item::Frame(raw) => (raw.wire, raw.offset),
                Item::Bad(bad) => (bad.wire, bad.offset),
            };
            let at = offset as usize;
            assert_eq!(stream.get(at..at + wire.len()), Some(wire), "the bytes at {at}");
            found.push(Found::from(item));
            // A frame that waits for the broker does this.
            if stashes && rng.below(2) == 0 {
                deframer.stash(chunk);
                chunk = &[];
            }
        }
        assert!(chunk.is_empty(), "{} bytes of a chunk were left", chunk.len());
        assert!(deframer.pending().len() <= MAX, "{} bytes pending", deframer.pending().len());
        if rng.below(4) == 0 {
            deframer.rest_memory();
        }
    }
    assert_eq!(found, expected, "mode {mode:02x}: {}", hex(stream));
    assert_eq!(deframer.offset() as usize + deframer.pending().len(), stream.len());
    assert_eq!((deframer.offset(), deframer.pending()), (whole.offset(), whole.pending()));
    looked_at_once(&deframer, stream, found.len());
}

/// Each byte once, and for each item at most once more its closing flag and,
/// where a frame that was cut goes on, its first byte.
fn looked_at_once(deframer: &Deframer<Message>, stream: &[u8], items: usize) {
    let (visited, bound) = (deframer.visited(), (stream.len() + 2 * items + 2) as u64);
    assert!(visited <= bound, "{visited} bytes looked at of {} with {items} items", stream.len());
}

/// What decodes is written again as it came, its picture and its JSON can be
/// made; what does not is an error at a place.
pub fn decode(data: &[u8]) {
    let mut input = Input::new(data);
    let mode = input.byte();
    if mode & 4 != 0 {
        return join(&mut input);
    }
    // Escaped, it still has to be a frame.
    let mut payload = input.take(MAX / 2).to_vec();
    if mode & 1 != 0 {
        repair_length(&mut payload);
    }
    if mode & 2 != 0 {
        payload = with_check(payload);
    }
    kept(&payload, false, mode & 8 != 0);
    kept(&payload, true, mode & 8 != 0);
}

/// A message that was put together of segments.
fn join(input: &mut Input<'_>) {
    let head = input.number::<2>() as usize;
    let (head, body) = (input.take(head), input.0);
    let explanation = explain_joined::<Message>(0, head, body);
    assert!(!explanation.to_string().is_empty());
    match Message::join(0, head, body, (), NoTrace) {
        Ok((frame, _)) => {
            assert_eq!(explanation.failure(), None);
            json_of(&frame);
            // Most are too long for one frame.
            let mut wire = Vec::new();
            if encode::<Message>(&frame, &mut wire).is_err() {
                assert!(wire.is_empty(), "an error leaves {} bytes", wire.len());
            }
        }
        Err(error) => assert_eq!(explanation.failure().map(|failure| failure.error), Some(error)),
    }
}

/// The payload that is found in a frame of ours.
fn found_in(wire: &[u8]) -> Vec<u8> {
    let (mut input, mut scratch) = (wire, Vec::new());
    match Deframer::<Message>::new().next(&mut input, &mut scratch) {
        Some(Item::Frame(raw)) if input.is_empty() => raw.payload.to_vec(),
        other => panic!("{other:?} in {}", hex(wire)),
    }
}

/// Decodes what the codec has encoded.
#[track_caller]
fn decoded(payload: &[u8]) -> Received<jt808::Message<'_>> {
    decode_payload::<Message>(payload).unwrap_or_else(|error| panic!("{error} in {}", hex(payload)))
}

/// Made-up values and values that were decoded come back from their bytes.
pub fn roundtrip(data: &[u8]) {
    let mut input = Input::new(data);
    let mut random = Random::new(input.number::<8>());
    made(&mut random, input.byte() & 1 != 0);

    // Out of a frame as it came.
    for accept_bad in [false, true] {
        let payload = input.0;
        let raw = exproto_runtime::codec::RawFrame {
            wire: payload,
            payload,
            offset: 0,
            flags: Default::default(),
            accept_bad,
            kind: 0,
            piece: None,
        };
        let Ok(received) = raw.decode::<Message>() else { continue };
        let mut wire = Vec::new();
        if encode::<Message>(&received.frame, &mut wire).is_err() {
            assert!(received.flags.is_lossy() || payload.len() > MAX, "{:?}", received.frame);
            continue;
        }
        if wire.len() > MAX {
            continue;
        }
        let payload = found_in(&wire);
        let again = decoded(&payload);
        assert_eq!(again.frame, received.frame, "{}", hex(&payload));
        assert!(!again.flags.is_lossy(), "{:?}: {:?}", again.flags, again.frame);
    }
}

fn made(random: &mut Random, opaque: bool) {
    // Before the frame, to outlive it: both frames are of one lifetime.
    let mut payload = Vec::new();
    let mut frame: jt808::Message<'_> = random.make();
    while !opaque && (frame.part.is_some() || frame.encryption != Encryption::None) {
        frame = random.make();
    }
    let wire = encoded(&frame);
    payload.extend(found_in(&wire));
    let again = decoded(&payload);
    assert_eq!(encoded(&again.frame), wire, "{:?}", again.frame);
    json_of(&frame);
    if frame.part.is_some() || frame.encryption != Encryption::None {
        // The body means nothing then and is kept as bytes.
        let Body::Other { .. } = again.frame.body else { panic!("{:?}", again.frame) };
        return;
    }
    // A long licence plate of 2011 makes the message as long as those of 2013.
    if let Body::Register(Register::V2011 { plate, .. }) = &frame.body
        && plate.as_bytes().len() >= 12
    {
        return;
    }
    assert!(again.flags.is_empty(), "{:?}: {frame:?}", again.flags);
    assert_eq!(again.frame, frame, "{}", hex(&wire));
}

/// The topics that downlinks come on.
const DOWN: [&str; 3] = [
    "jt808/013800138000/down/text",
    "jt808/013800138000/down/set_parameters",
    "jt808/013800138000/down/query_parameters",
];

/// A body and a whole message made of JSON give JSON of which they can be made
/// again, and come back from their bytes.
fn filled(node: &Node) {
    static TOP: FieldInfo = FieldInfo::new("", "");
    // By their JSON: padding of digits, for one, is no part of it.
    let same = |json: &[u8], again: Result<Vec<u8>, FillError>| {
        let again = again.unwrap_or_else(|error| panic!("{error}: {}", utf8(json)));
        assert_eq!(utf8(&again), utf8(json));
    };
    if let Ok(body) = Body::fill(Some(node), &TOP) {
        let json = json_of(&body);
        let again = Node::parse(&json).unwrap();
        same(&json, Body::fill(Some(&again), &TOP).map(|body| json_of(&body)));
    }
    let Ok(frame) = jt808::Message::fill(Some(node), &TOP) else { return };
    let json = json_of(&frame);
    let again = Node::parse(&json).unwrap();
    same(&json, jt808::Message::fill(Some(&again), &TOP).map(|frame| json_of(&frame)));
    let mut wire = Vec::new();
    if encode::<Message>(&frame, &mut wire).is_ok() && wire.len() <= MAX {
        let payload = found_in(&wire);
        assert_eq!(encoded(&decoded(&payload).frame), wire, "{}", utf8(&json));
    }
}

/// Any payload becomes a whole downlink or an error; what is filled from JSON
/// gives the same JSON.
pub fn json(data: &[u8]) {
    let payload = Input::new(data).0;
    let theirs = serde_json::from_slice::<Json>(payload);
    match (&Node::parse(payload), theirs) {
        (Ok(node), theirs) => {
            // Numbers are text here and never too large.
            if let Err(error) = theirs {
                assert!(error.to_string().contains("out of range"), "{error}: {}", utf8(payload));
            }
            filled(node);
        }
        (Err(error), theirs) => {
            let known = ["twice", "nested more", "values"].iter().any(|why| error.message().contains(why));
            assert!(known || theirs.is_err(), "{error}: {}", utf8(payload));
        }
    }
    let mut conn = Conn::new();
    conn.log_in("013800138000");
    for topic in DOWN {
        conn.deliver(topic, payload);
    }
    conn.each_sent(|frame| {
        json_of(frame);
    });
    let tally = conn.take_tally();
    assert_eq!(tally.downlinks + tally.undeliverable, 3);
}
