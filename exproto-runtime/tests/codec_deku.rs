//! Types of the `deku` crate as fields of ours.
#![cfg(feature = "deku")]
#![allow(clippy::unwrap_used, reason = "a test that fails says so")]

use deku::prelude::*;
use exproto_runtime::codec::{
    Deframer, Deku, ErrorKind, FieldInfo, Fill, Flag, Item, Node, Serde, from_bytes, reencode, to_bytes,
    to_json,
};
use exproto_runtime::prelude::ExProtoFrame;
use exproto_runtime::prelude::Random;
use serde::{Deserialize, Serialize};

#[derive(DekuRead, DekuWrite, Serialize, Deserialize, Debug, PartialEq)]
#[deku(endian = "big")]
struct Reading {
    #[deku(assert = "*count <= 8")]
    count: u8,
    #[deku(count = "count")]
    values: Vec<u16>,
}

#[derive(DekuRead, DekuWrite, Debug, PartialEq)]
#[deku(id_type = "u8", endian = "big")]
enum Event {
    #[deku(id = "1")]
    Door(u8),
    #[deku(id_pat = "_")]
    Other(u8),
}

#[derive(DekuRead, DekuWrite, Debug, PartialEq)]
struct Nibble {
    #[deku(bits = 4)]
    value: u8,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256)]
struct Message {
    #[wire(as = Serde(Deku))]
    reading: Reading,
    #[wire(size = prefix(u8), as = Deku)]
    event: Event,
    #[wire(as = Deku)]
    nibble: Nibble,
    #[wire(rest, as = Deku)]
    last: Reading,
}

const BYTES: &[u8] = &[2, 0, 1, 0, 2, 2, 1, 9, 0x50, 1, 0, 7];

fn message() -> Message {
    Message {
        reading: Reading { count: 2, values: vec![1, 2] },
        event: Event::Door(9),
        nibble: Nibble { value: 5 },
        last: Reading { count: 1, values: vec![7] },
    }
}

#[test]
fn its_own_end_and_extents() {
    let received = from_bytes::<Message>(BYTES).unwrap();
    assert_eq!(received.frame, message());
    assert!(received.flags.is_empty());
    assert_eq!(to_bytes(&message()).unwrap(), BYTES);
}

#[test]
fn errors_have_their_place() {
    let at = |bytes: &[u8]| {
        let error = from_bytes::<Message>(bytes).unwrap_err();
        (error.kind(), error.offset(), error.field().name)
    };
    // More values than the assertion allows, and than there are bytes.
    assert_eq!(at(&[9, 0]), (ErrorKind::Custom, 1, "reading"));
    assert_eq!(at(&[2, 0, 1, 0]), (ErrorKind::Short, 4, "reading"));
    // The extent is too short for the event, or too long.
    assert_eq!(at(&[0, 1, 1, 9, 0x50, 0]), (ErrorKind::Short, 3, "event"));
    assert_eq!(at(&[0, 3, 1, 9, 9, 0x50, 0]), (ErrorKind::Trailing, 4, "event"));
    assert_eq!(at(&[0, 2, 1, 9, 0x50, 1, 0, 7, 8]), (ErrorKind::Trailing, 8, "value"));
    for cut in 0..BYTES.len() {
        assert!(from_bytes::<Message>(&BYTES[..cut]).is_err(), "{cut}");
    }
}

#[test]
fn bits_that_it_drops_are_kept() {
    let mut odd = vec![0x7E];
    odd.extend(BYTES);
    odd.push(0x7E);
    odd[9] = 0x53;
    let (mut input, mut scratch) = (&odd[..], Vec::new());
    let mut deframer = Deframer::<Message>::new();
    let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!("a frame") };
    let received = raw.decode::<Message>().unwrap();
    assert!(received.flags.has(Flag::Reserved));
    assert_eq!(received.frame, message());
    let mut again = Vec::new();
    reencode::<Message>(&received, &raw, &mut again).unwrap();
    assert_eq!(again, odd);
}

#[test]
fn every_byte_changed_is_an_error_or_kept() {
    for at in 0..BYTES.len() {
        for change in 1..=255 {
            let mut bytes = BYTES.to_vec();
            bytes[at] ^= change;
            if let Ok(received) = from_bytes::<Message>(&bytes)
                && received.flags.is_empty()
            {
                assert_eq!(to_bytes(&received.frame).unwrap(), bytes, "byte {at}");
            }
        }
    }
}

#[test]
fn json_by_serde_or_in_hex() {
    let mut json = Vec::new();
    to_json(&message(), &mut json);
    let json = String::from_utf8(json).unwrap();
    assert_eq!(
        json,
        r#"{"reading":{"count":2,"values":[1,2]},"event":"0109","nibble":"50","last":"010007"}"#
    );
    static AT: FieldInfo = FieldInfo::new("", "payload");
    assert_eq!(Message::fill(Some(&Node::parse(json.as_bytes()).unwrap()), &AT).unwrap(), message());
    let wrong = Node::parse(json.replace("[1,2]", "\"\\u0041\\\"\"").as_bytes()).unwrap();
    let error = Message::fill(Some(&wrong), &AT).unwrap_err().to_string();
    assert!(error.starts_with("reading: invalid type: string \"A\\\"\", expected a sequence"), "{error}");
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Made {
    #[wire(as = Deku)]
    event: Event,
    #[wire(as = Deku)]
    nibble: Nibble,
}

#[test]
fn random_bytes_are_tried() {
    let mut random = Random::new(3);
    for _ in 0..50 {
        let made: Made = random.make();
        to_bytes(&made).unwrap();
    }
}
