//! Lists that end with an element that says so.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

use exproto_runtime::codec::{
    ErrorKind, FieldInfo, Fill, Flags, Node, Random, from_bytes, to_bytes, to_json,
};
use exproto_runtime::prelude::*;

static AT: FieldInfo = FieldInfo::new("", "value");

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Part {
    #[wire(bits = 1)]
    more: bool,
    #[wire(bits = 7)]
    left: u8,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Owned {
    end: u8,
    #[wire(until = |part| !part.more, max = 4)]
    parts: Vec<Part>,
    #[wire(until = |code| *code & 0xFF == u16::from(end))]
    codes: Vec<u16>,
    #[wire(until = |part| part.left == 0, max = 4)]
    kept: ListBuf<Part>,
    #[wire(until = |id| *id == 0xFFFF_FFFF)]
    ids: Vec<u32>,
    check: u8,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Borrowed<'a> {
    end: u8,
    #[wire(until = |part| !part.more, max = 4)]
    parts: List<'a, Part>,
    check: u8,
}

/// An element may have no bytes; a list of them has no end.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Nothing {
    #[wire(if = left > 9)]
    byte: Option<u8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Endless {
    #[wire(until = |one| one.byte == Some(0))]
    vec: Vec<Nothing>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct EndlessList {
    #[wire(until = |one| one.byte == Some(0))]
    list: ListBuf<Nothing>,
}

#[test]
fn the_last_element_ends_a_list_and_is_kept() {
    let bytes = [9, 0x81, 0x02, 0, 1, 2, 0, 3, 9, 0x85, 0x80, 0xFF, 0xFF, 0xFF, 0xFF, 7];
    let owned = from_bytes::<Owned>(&bytes).unwrap().frame;
    assert_eq!(owned.parts, [Part { more: true, left: 1 }, Part { more: false, left: 2 }]);
    assert_eq!((&owned.codes[..], owned.kept.len(), owned.check), (&[1, 512, 0x309][..], 2, 7));
    assert_eq!(to_bytes(&owned).unwrap(), bytes);

    let bytes = [9, 0x81, 0x02, 7];
    let borrowed = from_bytes::<Borrowed<'_>>(&bytes).unwrap().frame;
    assert_eq!((borrowed.parts.len(), borrowed.check), (2, 7));
    assert_eq!(to_bytes(&borrowed).unwrap(), bytes);
}

#[test]
fn a_list_without_a_last_element_is_an_error() {
    let error = from_bytes::<Owned>(&[9, 0x81, 0x82]).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Short, "more"));
    let error = from_bytes::<Owned>(&[9, 0x81, 0x82, 0x83, 0x84, 0x05]).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::TooLong, "parts"));
    let error = from_bytes::<Borrowed<'_>>(&[9, 0x81, 0x82, 0x83, 0x84, 0x05]).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::TooLong, "parts"));
    assert_eq!(from_bytes::<Endless>(&[1, 2]).unwrap_err().kind(), ErrorKind::Trailing);
    assert_eq!(from_bytes::<EndlessList>(&[1, 2]).unwrap_err().kind(), ErrorKind::Trailing);
}

#[test]
fn only_the_last_element_may_end_a_list_that_is_sent() {
    let (go, end) = (Part { more: true, left: 1 }, Part { more: false, left: 0 });
    let of = |parts: Vec<Part>| {
        let borrowed = Borrowed { end: 0, parts: parts.clone().into(), check: 1 };
        let kept = vec![end.clone()].into();
        let owned = Owned { end: 0, parts, codes: vec![0], kept, ids: vec![u32::MAX], check: 1 };
        let kinds = [to_bytes(&owned).err(), to_bytes(&borrowed).err()];
        kinds.map(|error| error.map(|error| (error.kind(), error.field().name)))
    };
    let refused = [Some((ErrorKind::Custom, "parts")); 2];
    assert_eq!(of(vec![go.clone(), end.clone()]), [None; 2]);
    assert_eq!(of(vec![]), refused);
    assert_eq!(of(vec![go.clone()]), refused);
    assert_eq!(of(vec![end.clone(), end.clone()]), refused);
    // A list as it was received is looked at again: its place may be another.
    let bytes = [9, 0x81, 0x02, 7];
    let received = from_bytes::<Borrowed<'_>>(&bytes).unwrap().frame;
    assert!(to_bytes(&Borrowed { end: 1, ..received }).is_ok());
}

#[test]
fn random_lists_end_and_return() {
    let mut random = Random::new(5);
    for _ in 0..300 {
        let value: Owned = random.make();
        let bytes = to_bytes(&value).unwrap();
        let again = from_bytes::<Owned>(&bytes).unwrap();
        assert_eq!((&again.frame, again.flags), (&value, Flags::NONE));
        let mut json = Vec::new();
        to_json(&value, &mut json);
        let node = Node::parse(&json).unwrap();
        assert_eq!(Owned::fill(Some(&node), &AT).unwrap(), value);
        for at in 0..bytes.len() {
            let _ = from_bytes::<Owned>(&bytes[..at]);
            let _ = from_bytes::<Borrowed<'_>>(&bytes[at..]);
        }
    }
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Many {
    #[wire(count = prefix(u32))]
    vec: Vec<Nothing>,
    #[wire(count = prefix(u32))]
    list: ListBuf<Nothing>,
    #[wire(rest)]
    more: Vec<u8>,
}

#[test]
fn a_count_of_elements_that_may_have_no_bytes_is_bounded_and_kept() {
    let bytes = [0, 0, 0, 1, 0, 0, 0, 2, 9, 9];
    let many = from_bytes::<Many>(&bytes).unwrap().frame;
    assert_eq!((many.vec.len(), many.list.len(), many.more.len()), (1, 2, 2));
    assert_eq!(to_bytes(&many).unwrap(), bytes);
    for (at, field) in [(0, "vec"), (4, "list")] {
        let mut bytes = bytes;
        bytes[at] = 0x7F;
        let error = from_bytes::<Many>(&bytes).unwrap_err();
        assert_eq!((error.kind(), error.field().name), (ErrorKind::Short, field));
    }
}
