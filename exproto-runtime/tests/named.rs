//! Expressions over values that are computed: written, they see what is written,
//! and items that stand only on the wire have names in them.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod derived;
mod framing;

use derived::{place, samples};
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{ErrorKind, Leb128, from_bytes, to_bytes};
use framing::{Got, feed};

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
enum Body {
    #[wire(tag = 1)]
    One(u8),
    #[wire(tag = 2)]
    Two(u16),
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Stored {
    #[wire(is = tag(body))]
    kind: u8,
    #[wire(if = kind == 2)]
    extra: Option<u8>,
    body: Body,
}

#[test]
fn a_field_that_is_computed_counts_as_what_is_written() {
    let stale = Stored { kind: 0, extra: None, body: Body::Two(5) };
    assert_eq!(place(&to_bytes(&stale).unwrap_err()), (ErrorKind::Relation, "extra"));
    let two = Stored { extra: Some(9), ..stale };
    assert_eq!(to_bytes(&two).unwrap(), [2, 9, 0, 5]);
    assert_eq!(from_bytes::<Stored>(&[2, 9, 0, 5]).unwrap().frame, Stored { kind: 2, ..two });
    let one = Stored { kind: 2, extra: None, body: Body::One(7) };
    assert_eq!(to_bytes(&one).unwrap(), [1, 7]);
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Named {
    #[wire(before(kind: u8 = tag(body)), before(n: bits(4) = count(list) + 1), before(more: bits(1) = present(last)))]
    #[wire(bits = 3)]
    mode: u8,
    #[wire(if = kind == 2 && n > 1)]
    extra: Option<u8>,
    #[wire(size = if more == 1 { 2 } else { 1 })]
    code: Vec<u8>,
    list: Vec<u16>,
    body: Body,
    last: Option<u8>,
}

#[test]
fn items_have_names_in_expressions() {
    let named =
        Named { mode: 5, extra: Some(7), code: vec![1, 2], list: vec![3], body: Body::Two(4), last: Some(8) };
    let bytes = [2, 0b0010_1101, 7, 1, 2, 0, 3, 0, 4, 8];
    assert_eq!(to_bytes(&named).unwrap(), bytes);
    assert_eq!(from_bytes::<Named>(&bytes).unwrap().frame, named);
    let wrong = Named { list: vec![], ..named };
    assert_eq!(place(&to_bytes(&wrong).unwrap_err()), (ErrorKind::Relation, "extra"));
    samples::<Named>(1);
}

/// What depends on a size that is known only when it is written.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Sized {
    #[wire(before(length: u8 = size(control..=data)))]
    control: u8,
    #[wire(is = size(data))]
    held: u16,
    #[wire(if = length > 5 && held != 4)]
    kind: Option<u8>,
    data: Vec<u8>,
    #[wire(size = length / 2, fill = 0xEE)]
    name: Vec<u8>,
    #[wire(skip, default = held as u32 * 2)]
    double: u32,
    #[wire(if = double > 6)]
    last: Option<u8>,
}

#[test]
fn sizes_are_known_in_expressions() {
    let long = Sized {
        control: 1,
        held: 0,
        kind: Some(9),
        data: vec![7; 5],
        name: vec![1; 4],
        double: 0,
        last: Some(3),
    };
    let bytes = [9, 1, 0, 5, 9, 7, 7, 7, 7, 7, 1, 1, 1, 1, 3];
    assert_eq!(to_bytes(&long).unwrap(), bytes);
    let read = from_bytes::<Sized>(&bytes).unwrap().frame;
    assert_eq!(read, Sized { held: 5, double: 10, ..long });
    assert_eq!(to_bytes(&read).unwrap(), bytes);
    let short = Sized { kind: None, data: vec![7], name: vec![2], last: None, ..long };
    assert_eq!(to_bytes(&short).unwrap(), [4, 1, 0, 1, 7, 2, 0xEE]);
    let wrong = Sized { kind: Some(1), data: vec![7], name: vec![2], last: None, ..short };
    assert_eq!(place(&to_bytes(&wrong).unwrap_err()), (ErrorKind::Relation, "kind"));
    let wrong = Sized { kind: None, data: vec![7], name: vec![2; 3], ..wrong };
    assert_eq!(place(&to_bytes(&wrong).unwrap_err()), (ErrorKind::Size, "name"));
    let wrong = Sized { name: vec![2; 2], last: Some(3), ..wrong };
    assert_eq!(place(&to_bytes(&wrong).unwrap_err()), (ErrorKind::Relation, "last"));
}

/// The end is found by walking over it.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = big, before(b"\x7E"))]
struct Message {
    #[wire(before(kind: u8 = tag(body)), before(long: bits(1) = present(name)), bits = 7)]
    mode: u8,
    #[wire(if = kind == 2 && long != 0)]
    extra: Option<u8>,
    body: Body,
    #[wire(size = kind)]
    name: Option<Vec<u8>>,
}

#[test]
fn the_frame_search_knows_them_too() {
    let message = Message { mode: 3, extra: Some(1), body: Body::Two(5), name: Some(vec![6, 7]) };
    let bytes = to_bytes(&message).unwrap();
    assert_eq!(bytes, [0x7E, 2, 0x83, 1, 0, 5, 6, 7]);
    let other = to_bytes(&Message { mode: 3, extra: None, body: Body::One(5), name: None }).unwrap();
    let stream: Vec<u8> = [&bytes[..], &other, &bytes].concat();
    for at in 0..=stream.len() {
        let (got, _) = feed::<Message>(&[&stream[..at], &stream[at..]], false);
        let found: Vec<Vec<u8>> = got
            .into_iter()
            .map(|got| match got {
                Got::Frame(_, wire, _) => wire,
                Got::Bad(..) => panic!("{got:?}"),
            })
            .collect();
        assert_eq!(found, [&bytes[..], &other, &bytes], "split at {at}");
    }
}

/// Numbers that vary in width.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Varying {
    #[wire(before(total: Leb128 = size(total..=data)), before(kind: Leb128 = tag(body)))]
    #[wire(if = total > 4 && kind == 2)]
    extra: Option<u8>,
    body: Body,
    data: Vec<u8>,
}

#[test]
fn numbers_of_varying_width_have_names() {
    let varying = Varying { extra: Some(9), body: Body::Two(1), data: vec![7; 200] };
    let bytes = to_bytes(&varying).unwrap();
    assert_eq!((&bytes[..6], bytes.len()), (&[0xCE, 1, 2, 9, 0, 1][..], 206));
    assert_eq!(from_bytes::<Varying>(&bytes).unwrap().frame, varying);
    let short = Varying { extra: None, body: Body::One(1), data: vec![] };
    assert_eq!(to_bytes(&short).unwrap(), [3, 1, 1]);
}
