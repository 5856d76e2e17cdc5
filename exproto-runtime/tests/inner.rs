//! Relations of a header that speak of fields further in: counts, sizes and
//! presence of what a variant of the body holds.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used)]

use exproto_runtime::codec::{ErrorKind, Flag, Random, from_bytes, to_bytes, to_json};
use exproto_runtime::prelude::*;

/// kind, number of records, bytes of the note, flags; then the body.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Message {
    #[wire(before(kind: u8 = tag(body)), before(n: u8 = count(body.records)))]
    #[wire(before(length: u8 = size(body.note)))]
    #[wire(before(has_fix: bits(1) = present(body.fix)), before(has_block: bits(1) = present(body.block)))]
    #[wire(before(_: bits(6)))]
    serial: u8,
    #[wire(ctx(n, length, fix = has_fix != 0, block = has_block != 0))]
    body: Body,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, ctx(n: u8, length: u8, fix: bool, block: bool))]
enum Body {
    #[wire(tag = 1)]
    Report {
        #[wire(size = length, as = Utf8)]
        note: TextBuf,
        #[wire(if = fix)]
        fix: Option<u16>,
        #[wire(count = n)]
        records: Vec<u16>,
    },
    #[wire(tag = 2)]
    Batch(#[wire(ctx(n, block))] Batch),
    #[wire(tag = 3)]
    Beat,
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, ctx(n: u8, block: bool))]
struct Batch {
    #[wire(count = n)]
    records: Vec<u8>,
    #[wire(if = block, size = 2)]
    block: Option<Vec<u8>>,
}

fn round(message: &Message, bytes: &[u8]) {
    assert_eq!(to_bytes(message).unwrap(), bytes);
    let received = from_bytes::<Message>(bytes).unwrap();
    assert_eq!(&received.frame, message);
    assert!(received.flags.is_empty());
}

#[test]
fn what_a_variant_holds_is_said_in_the_header() {
    let report = Body::Report { note: "ab".into(), fix: Some(7), records: vec![1, 2] };
    round(&Message { serial: 9, body: report }, &[1, 2, 2, 0x80, 9, b'a', b'b', 0, 7, 0, 1, 0, 2]);
    let bare = Body::Report { note: "".into(), fix: None, records: vec![] };
    round(&Message { serial: 9, body: bare }, &[1, 0, 0, 0, 9]);
    // A variant without the fields has none of them.
    round(&Message { serial: 9, body: Body::Beat }, &[3, 0, 0, 0, 9]);
}

#[test]
fn what_the_type_of_a_variant_holds_counts_too() {
    let batch = Body::Batch(Batch { records: vec![5, 6, 7], block: Some(vec![1, 2]) });
    round(&Message { serial: 9, body: batch }, &[2, 3, 0, 0x40, 9, 5, 6, 7, 1, 2]);
}

#[test]
fn another_number_is_an_error_or_kept_with_what_nobody_reads() {
    // A count of something that the variant does not have.
    let odd = [3, 4, 0, 0, 9];
    let received = from_bytes::<Message>(&odd).unwrap();
    assert!(received.flags.has(Flag::Reserved));
    let unknown = [0x77, 4, 1, 0x80, 9, 1, 2];
    let received = from_bytes::<Message>(&unknown).unwrap();
    assert!(received.flags.has(Flag::Reserved));
    assert_eq!(received.frame.body, Body::Other { id: 0x77, data: vec![1, 2] });
}

/// The count is behind the body, counted twice, and decides nothing.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Counted {
    #[wire(before(n: u8 = count(list.items) * 2 + 1), size = prefix(u8))]
    list: Items,
    #[wire(before(bytes: u8 = size(list.inner.data)))]
    end: u8,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Items {
    #[wire(count = prefix(u8))]
    items: Vec<u8>,
    inner: Box<Inner>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Inner {
    #[wire(size = prefix(u8))]
    data: Vec<u8>,
}

#[test]
fn numbers_that_decide_nothing_are_compared() {
    let value =
        Counted { list: Items { items: vec![7, 8], inner: Box::new(Inner { data: vec![1, 2, 3] }) }, end: 9 };
    let bytes = [5, 7, 2, 7, 8, 3, 1, 2, 3, 3, 9];
    assert_eq!(to_bytes(&value).unwrap(), bytes);
    assert_eq!(from_bytes::<Counted>(&bytes).unwrap().frame, value);
    for (at, kind, name) in [(0, ErrorKind::Relation, "n"), (9, ErrorKind::Length, "bytes")] {
        let mut odd = bytes;
        odd[at] += 2;
        let error = from_bytes::<Counted>(&odd).unwrap_err();
        assert_eq!((error.kind(), error.field().name), (kind, name));
    }
}

/// A frame whose kinds are parameters, and a body that may be missing.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Generic<B> {
    #[wire(before(n: u8 = count(body.items)))]
    body: B,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Maybe {
    #[wire(before(there: u8 = present(list)), before(n: u8 = count(list.items)))]
    list: Option<Items>,
}

#[test]
fn parameters_and_options_are_asked_too() {
    let items = || Items { items: vec![7], inner: Box::new(Inner { data: vec![] }) };
    let generic = Generic { body: items() };
    assert_eq!(to_bytes(&generic).unwrap(), [1, 1, 7, 0]);
    assert_eq!(from_bytes::<Generic<Items>>(&[1, 1, 7, 0]).unwrap().frame, generic);
    let maybe = Maybe { list: Some(items()) };
    assert_eq!(to_bytes(&maybe).unwrap(), [1, 1, 1, 7, 0]);
    assert_eq!(from_bytes::<Maybe>(&[1, 1, 1, 7, 0]).unwrap().frame, maybe);
    // The count belongs to the list, the flag does not.
    assert_eq!(to_bytes(&Maybe { list: None }).unwrap(), [0]);
    assert_eq!(from_bytes::<Maybe>(&[0]).unwrap().frame, Maybe { list: None });
}

#[test]
fn random_values_encode_and_are_read_again() {
    for seed in 0..300 {
        let mut random = Random::new(seed);
        let message: Message = random.make();
        let bytes = to_bytes(&message).unwrap();
        assert_eq!(from_bytes::<Message>(&bytes).unwrap().frame, message);
    }
}

#[test]
fn a_computed_count_is_not_in_json() {
    let mut json = Vec::new();
    to_json(&Message { serial: 9, body: Body::Beat }, &mut json);
    assert_eq!(json, br#"{"serial":9,"body":"beat"}"#);
}
