//! Relations whose number varies in width: lengths, counts and tags in LEB128,
//! BER and digits, also of ranges that they lie in.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod derived;
mod framing;

use derived::{both, read, refused, write};
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{BerLength, ErrorKind, Leb128, Random, to_bytes};
use framing::{round_trip, same_however_cut};

/// A length that does not count itself, one inside it, and a checksum over all.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 100_000)]
#[wire(endian = big, before(b"\x30"))]
struct Outer {
    #[wire(before(outer: BerLength = size(kind..=rest)), before(_: pad(1)))]
    kind: u8,
    #[wire(before(inner: Leb128 = size(data)))]
    data: Vec<u8>,
    #[wire(before(n: Leb128 = count(rest)))]
    rest: Vec<u16>,
    #[wire(before(check: u8 = xor(..)))]
    end: u8,
}

fn outer(data: usize, rest: usize) -> Outer {
    Outer { kind: 1, data: vec![7; data], rest: vec![8; rest], end: 9 }
}

#[test]
fn a_length_moves_what_stands_behind_it() {
    both(&[0x30, 6, 0, 1, 1, 7, 1, 0, 8, 0x30 ^ 6 ^ 1 ^ 1 ^ 7 ^ 1 ^ 8, 9], outer(1, 1));
    let mut stream = Vec::new();
    let sizes = [0, 1, 63, 120, 126, 127, 128, 129, 250, 300, 16_383, 16_384, 20_000];
    for (data, rest) in sizes.into_iter().flat_map(|data| [0, 1, 62, 64, 200].map(|rest| (data, rest))) {
        let value = outer(data, rest);
        let bytes = to_bytes(&value).unwrap();
        both(&bytes, value);
        stream.extend(bytes);
    }
    assert_eq!(round_trip::<Outer>(&stream), sizes.len() * 5);
    let short: Vec<u8> = [(1, 1), (130, 3), (2, 130), (300, 300)]
        .into_iter()
        .flat_map(|(a, b)| to_bytes(&outer(a, b)).unwrap())
        .collect();
    assert_eq!(same_however_cut::<Outer>(&short).len(), 4);
}

#[test]
fn a_wrong_length_is_refused() {
    let bytes = to_bytes(&outer(1, 1)).unwrap();
    for (at, add, kind) in [(1, 1, ErrorKind::Length), (4, 1, ErrorKind::Length), (6, 1, ErrorKind::Length)] {
        let mut wrong = bytes.clone();
        wrong[at] += add;
        let error = read::<Outer>(&wrong).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Short) || error.kind() == kind, "{at}: {error}");
    }
    for len in 0..bytes.len() {
        assert!(read::<Outer>(&bytes[..len]).is_err());
    }
}

/// Lengths that count themselves.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 100_000)]
struct Inclusive {
    #[wire(before(mark: u8 = 0xA5), before(length: Leb128 = size(mark..=data)))]
    kind: u8,
    data: Vec<u8>,
}

/// Of text, with what ends the digits.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 100_000)]
struct Digits {
    #[wire(before(length: dec = size(..), until = b":"))]
    data: Vec<u8>,
    #[wire(before(b","))]
    last: u8,
}

#[test]
fn a_length_may_count_itself() {
    both(&[0xA5, 4, 1, 7], Inclusive { kind: 1, data: vec![7] });
    both(b"6:ab,x", Digits { data: b"ab".to_vec(), last: b'x' });
    // 9 + 1 digit is 10, which has two.
    both(b"11:aaaaaa,x", Digits { data: vec![b'a'; 6], last: b'x' });
    both(b"9:aaaaa,x", Digits { data: vec![b'a'; 5], last: b'x' });
    let (mut frames, mut texts) = (Vec::new(), Vec::new());
    for size in (0..300).chain(990..1010).chain(9_990..10_010).chain(16_370..16_400) {
        let value = Inclusive { kind: 1, data: vec![7; size] };
        let bytes = write(&value).unwrap();
        assert_eq!(Leb128_of(&bytes[1..]), bytes.len());
        both(&bytes, value);
        frames.extend(bytes);
        let value = Digits { data: vec![b'a'; size], last: b'x' };
        let bytes = write(&value).unwrap();
        both(&bytes, value);
        texts.extend(bytes);
    }
    assert_eq!(round_trip::<Inclusive>(&frames), 370);
    assert_eq!(round_trip::<Digits>(&texts), 370);
}

#[allow(non_snake_case)]
fn Leb128_of(bytes: &[u8]) -> usize {
    let size = bytes.iter().position(|byte| *byte < 0x80).unwrap();
    (0..=size).rev().fold(0, |value, at| value << 7 | usize::from(bytes[at] & 0x7F))
}

/// Tags and lengths of varying width, and a field that shows what it was.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Tlv {
    #[wire(before(id: Leb128 = tag(value)), before(len: BerLength = size(value)))]
    value: Value,
    #[wire(as = Leb128, is = size(more))]
    length: u32,
    more: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
enum Value {
    #[wire(tag = 5)]
    Small(u8),
    #[wire(tag = 300..=400)]
    Large {
        #[wire(tag)]
        id: u16,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[test]
fn tags_may_vary_in_width() {
    both(&[5, 1, 9, 2, 3, 4], Tlv { value: Value::Small(9), length: 2, more: vec![3, 4] });
    let large = Tlv { value: Value::Large { id: 300, data: vec![1; 200] }, length: 0, more: vec![] };
    let bytes = write(&large).unwrap();
    assert_eq!(bytes[..4], [0xAC, 2, 0x81, 200]);
    both(&bytes, large);
    assert_eq!(refused::<Tlv>(&[6, 1, 9, 0]).0, ErrorKind::Tag);
    let mut random = Random::new(2);
    for _ in 0..200 {
        let value: Outer = random.make();
        both(&write(&value).unwrap(), value);
    }
}
