//! Sums of sizes and counts, weights, and what rounds up: each stated once,
//! written and read by it.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod derived;

use derived::samples;
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Decode, ErrorKind, Wire, from_bytes, to_bytes};

/// The kind and place of the first mistake.
fn failed<'a, T: Decode<'a> + Wire<Ctx = ()> + std::fmt::Debug>(
    bytes: &'a [u8],
) -> (ErrorKind, &'static str) {
    let error = T::decode(&mut exproto_runtime::codec::Reader::new(bytes), ()).unwrap_err();
    (error.kind(), error.field().name)
}

/// The second list has what the first leaves of the sum.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Records {
    #[wire(before(records: u8 = count(now) + 2 * count(old) + 1))]
    #[wire(count = prefix(u8))]
    now: Vec<u16>,
    old: Vec<u16>,
    check: u8,
}

#[test]
fn a_sum_of_counts_leaves_the_rest_to_one_list() {
    let records = Records { now: vec![1], old: vec![2, 3], check: 9 };
    let bytes = [6, 1, 0, 1, 0, 2, 0, 3, 9];
    assert_eq!(to_bytes(&records).unwrap(), bytes);
    assert_eq!(from_bytes::<Records>(&bytes).unwrap().frame, records);
    // One more cannot be divided by the weight; less than the first has.
    assert_eq!(failed::<Records>(&[7, 1, 0, 1, 0, 2, 0, 3, 9]), (ErrorKind::Relation, "records"));
    assert_eq!(failed::<Records>(&[1, 1, 0, 1, 9]), (ErrorKind::Relation, "records"));
    assert_eq!(failed::<Records>(&[254, 1, 0, 1, 9]).0, ErrorKind::Short);
    let error = to_bytes(&Records { old: vec![0; 200], ..records }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "records"));
    samples::<Records>(1);
}

/// A length counts two blocks that do not lie side by side.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Blocks {
    #[wire(before(length: u16 = 3 + size(name) + size(data..=end)))]
    #[wire(size = prefix(u8))]
    name: Vec<u8>,
    #[wire(before(gap: u32 = 0))]
    data: Vec<u8>,
    end: u8,
    #[wire(after(check: u8 = xor(length..)))]
    more: u8,
}

#[test]
fn a_sum_of_sizes_leaves_the_rest_to_one_block() {
    let blocks = Blocks { name: vec![7], data: vec![1, 2], end: 5, more: 6 };
    let bytes = to_bytes(&blocks).unwrap();
    // The prefix of the name is part of what the name takes.
    assert_eq!(bytes, [0, 8, 1, 7, 0, 0, 0, 0, 1, 2, 5, 6, 0x0E]);
    assert_eq!(from_bytes::<Blocks>(&bytes).unwrap().frame, blocks);
    assert_eq!(failed::<Blocks>(&[0, 4, 1, 7, 0, 0, 0, 0, 1, 2, 5, 6, 0x0E]), (ErrorKind::Length, "length"));
    samples::<Blocks>(2);
}

/// All is closed: the sums are only verified, those rounded up too.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Closed {
    #[wire(before(n: u8 = 2 * count(a) + count(b)))]
    #[wire(before(bytes: u8 = count(a).div_ceil(2)))]
    #[wire(size = prefix(u8), max = 9)]
    a: Vec<u8>,
    #[wire(count = prefix(u8))]
    #[wire(after(words: u8 = (size(a) + size(b)).div_ceil(4)))]
    b: Vec<u8>,
}

#[test]
fn closed_parts_are_verified() {
    let closed = Closed { a: vec![1, 2, 3], b: vec![4] };
    let bytes = [7, 2, 3, 1, 2, 3, 1, 4, 2];
    assert_eq!(to_bytes(&closed).unwrap(), bytes);
    assert_eq!(from_bytes::<Closed>(&bytes).unwrap().frame, closed);
    assert_eq!(failed::<Closed>(&[8, 2, 3, 1, 2, 3, 1, 4, 2]), (ErrorKind::Relation, "n"));
    assert_eq!(failed::<Closed>(&[7, 1, 3, 1, 2, 3, 1, 4, 2]), (ErrorKind::Relation, "bytes"));
    assert_eq!(failed::<Closed>(&[7, 2, 3, 1, 2, 3, 1, 4, 3]), (ErrorKind::Length, "words"));
    samples::<Closed>(3);
}
