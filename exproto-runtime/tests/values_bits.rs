//! Fields of bits that lie across many bytes, and lists of bits.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, unreachable_pub)]

use derived::{json, round};
use exproto_runtime::codec::{Deframer, Flag, encode, explain_item, from_bytes, to_bytes};
use exproto_runtime::prelude::*;
use framing::Got;

mod derived;
mod framing;

/// Ten bytes; fields begin and end anywhere.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Report {
    #[wire(bits = 25, scale = 1e-5)]
    lon: i32,
    #[wire(bits = 22, scale = 1e-5)]
    lat: i32,
    #[wire(before(_: bits(1)), bits = 21)]
    seconds: u32,
    #[wire(bits = 1)]
    valid: bool,
    #[wire(bits = 7)]
    speed: u8,
    #[wire(before(_: bits(2)), bits = 1)]
    moving: bool,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = little)]
struct Lsb {
    kind: u8,
    #[wire(bits = 12)]
    a: u16,
    #[wire(bits = 61)]
    b: u64,
    #[wire(bits = 13)]
    c: i16,
    #[wire(bits = 64)]
    d: u64,
    #[wire(bits = 10)]
    e: u16,
}

#[test]
fn a_container_has_any_number_of_bytes() {
    let report =
        Report { lon: -1, lat: 0x15_5555, seconds: 0x1F_0F0F, valid: true, speed: 0x41, moving: true };
    let bytes = to_bytes(&report).unwrap();
    let number =
        (0x1FF_FFFF_u128 << 55) | (0x15_5555 << 33) | (0x1F_0F0F << 11) | (1 << 10) | (0x41 << 3) | 1;
    assert_eq!(bytes, number.to_be_bytes()[6..]);
    assert_eq!(from_bytes::<Report>(&bytes).unwrap().frame, report);
    for end in 0..bytes.len() {
        assert!(from_bytes::<Report>(&bytes[..end]).is_err());
    }
    let lsb = Lsb { kind: 7, a: 0xABC, b: 0x1234_5678_9ABC_DEF0, c: -2, d: u64::MAX - 1, e: 0x201 };
    let bytes = to_bytes(&lsb).unwrap();
    let low = 0xABC | 0x1234_5678_9ABC_DEF0_u128 << 12 | 0x1FFE << 73 | (u128::from(u64::MAX - 1)) << 86;
    assert_eq!(bytes[..1], [7]);
    assert_eq!(bytes[1..17], low.to_le_bytes());
    assert_eq!(bytes[17..], ((0x201_u32 << 22) | ((u64::MAX - 1) >> 42) as u32).to_le_bytes());
    assert_eq!(from_bytes::<Lsb>(&bytes).unwrap().frame, lsb);
    round::<Report>(200);
    round::<Lsb>(200);
}

#[test]
fn too_large_and_unknown_bits_are_told_in_wide_containers_too() {
    let report = Report { lon: 0, lat: 0, seconds: 0, valid: false, speed: 0, moving: false };
    assert!(to_bytes(&Report { lon: 1 << 24, ..report }).is_err());
    assert!(to_bytes(&Report { lon: -(1 << 24), speed: 127, ..report }).is_ok());
    assert!(to_bytes(&Report { speed: 128, ..report }).is_err());
    let mut bytes = to_bytes(&report).unwrap();
    bytes[9] = 0b100;
    assert!(from_bytes::<Report>(&bytes).unwrap().flags.has(Flag::Reserved));
}

/// The order of a wide container is chosen, its bits hold flags, tags, lengths
/// and parts of other fields.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = if mark == 1 { little } else { big })]
struct Chosen {
    mark: u8,
    #[wire(before(has: bits(1) = present(extra)), before(length: bits(15) = size(text)), bits = 50)]
    serial: u64,
    #[wire(before(high: bits(4) = bits(meter, 16)), before(check: bits(8) = sum(text)), bits = 2)]
    mode: u8,
    #[wire(as = u16)]
    meter: u32,
    text: Vec<u8>,
    extra: Option<u8>,
}

#[test]
fn the_order_of_a_wide_container_may_be_chosen() {
    let chosen = Chosen {
        mark: 0,
        serial: 0x2_3456_789A_BCDE,
        mode: 3,
        meter: 0xF_1234,
        text: b"abc".to_vec(),
        extra: Some(9),
    };
    let number = 1_u128 << 79 | 3 << 64 | 0x2_3456_789A_BCDE << 14 | 0xF << 10 | 0x26 << 2 | 3;
    let bytes = to_bytes(&chosen).unwrap();
    assert_eq!(bytes[1..11], number.to_be_bytes()[6..]);
    assert_eq!(from_bytes::<Chosen>(&bytes).unwrap().frame, chosen);
    let little = Chosen { mark: 1, ..chosen };
    let bytes = to_bytes(&little).unwrap();
    assert_eq!(bytes[1..11], number.to_le_bytes()[..10]);
    assert_eq!(from_bytes::<Chosen>(&bytes).unwrap().frame, little);
}

/// A length within the container ends the frame.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
#[frame(max = 300)]
struct Framed {
    #[wire(before(b"\xA5"), bits = 33)]
    serial: u64,
    #[wire(before(length: bits(11) = size(..)), bits = 36)]
    time: u64,
    text: Vec<u8>,
}

#[test]
fn a_length_in_a_wide_container_ends_the_frame() {
    let frame = Framed { serial: 0x1_2345_6789, time: 0xF_EDCB_A987, text: b"hello".to_vec() };
    let mut bytes = Vec::new();
    encode::<Framed>(&frame, &mut bytes).unwrap();
    assert_eq!(bytes.len(), 16);
    let number = 0x1_2345_6789_u128 << 47 | 16 << 36 | 0xF_EDCB_A987;
    assert_eq!(bytes[1..11], number.to_be_bytes()[6..]);
    let twice = [&bytes[..], &bytes[..]].concat();
    let found = framing::same_however_cut::<Framed>(&twice);
    let frame = Got::Frame(0, bytes.clone(), bytes.clone());
    assert_eq!(found, [frame.clone(), frame]);
    let (mut deframer, mut input, mut scratch) = (Deframer::<Framed>::new(), &bytes[..], Vec::new());
    let picture = explain_item::<Framed>(&deframer.next(&mut input, &mut scratch).unwrap()).to_string();
    assert!(picture.contains("serial  4886718345"), "{picture}");
}

/// As a request that sets coils: their count and their bytes.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Coils {
    #[wire(before(quantity: u16 = count(coils)), before(bytes: u8 = size(coils)))]
    #[wire(each(bits = 1), endian = little)]
    coils: Vec<bool>,
    #[wire(before(length: u8 = size(samples)), before(count: u8 = count(samples)))]
    #[wire(each(bits = 12, endian = big))]
    samples: Vec<i16>,
}

#[test]
fn lists_of_bits_are_counted_in_elements() {
    let coils = Coils {
        coils: vec![true, false, true, true, false, false, true, true, true, true],
        samples: vec![-1, 0x123, 0x7FF],
    };
    let bytes = to_bytes(&coils).unwrap();
    assert_eq!(bytes, [0, 10, 2, 0xCD, 0x03, 5, 3, 0xFF, 0xF1, 0x23, 0x7F, 0xF0]);
    assert_eq!(from_bytes::<Coils>(&bytes).unwrap().frame, coils);
    assert_eq!(
        json(&coils),
        format!("{{\"coils\":{:?},\"samples\":[-1,291,2047]}}", coils.coils).replace(' ', "")
    );
    for end in 0..bytes.len() {
        assert!(from_bytes::<Coils>(&bytes[..end]).is_err());
    }
    // Bits behind the last element are no elements.
    let mut odd = bytes.clone();
    odd[4] |= 4;
    let read = from_bytes::<Coils>(&odd).unwrap();
    assert!(read.flags.has(Flag::Reserved));
    assert_eq!(read.frame, coils);
    // Bytes that the count does not need.
    let mut odd = bytes;
    odd[2] = 3;
    assert!(from_bytes::<Coils>(&odd).is_err());
    assert!(to_bytes(&Coils { samples: vec![2048], ..coils }).is_err());
    round::<Coils>(100);
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
enum Level {
    #[wire(tag = 0)]
    Low,
    #[wire(tag = 1)]
    High,
    #[wire(tag = 2)]
    Bad,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = if mark { little } else { big })]
struct Rest {
    #[wire(as = u8)]
    mark: bool,
    #[wire(size = 2, each(bits = 2))]
    levels: Vec<Level>,
    #[wire(size = 1, each(bits = 1, endian = big))]
    flags: Vec<bool>,
    #[wire(rest, each(bits = 12))]
    samples: Vec<u16>,
}

#[test]
fn lists_of_bits_take_their_bytes_in_either_order() {
    let rest = from_bytes::<Rest>(&[1, 0b00_01_10_11, 0, 0x80, 0x23, 0x61, 0x45, 0x78, 0x09]).unwrap().frame;
    let levels = [Level::Other(3), Level::Bad, Level::High, Level::Low];
    assert_eq!(rest.levels[..4], levels);
    assert_eq!(rest.flags, [true, false, false, false, false, false, false, false]);
    assert_eq!(rest.samples, [0x123, 0x456, 0x978]);
    assert_eq!(to_bytes(&rest).unwrap()[4..], [0x23, 0x61, 0x45, 0x78, 0x09]);
    let big = Rest { mark: false, ..rest };
    let bytes = to_bytes(&big).unwrap();
    assert_eq!(bytes, [0, 0b11_10_01_00, 0, 0x80, 0x12, 0x34, 0x56, 0x97, 0x80]);
    assert_eq!(from_bytes::<Rest>(&bytes).unwrap().frame, big);
    // A whole byte that is no element would be lost.
    assert!(from_bytes::<Rest>(&[&bytes[..], &[0]].concat()).is_ok());
    assert!(from_bytes::<Rest>(&bytes[..5]).is_err());
    round::<Rest>(100);
}

/// Nothing but walking over it tells where this frame ends.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
#[frame(max = 64)]
struct Walked {
    #[wire(before(b"\xA5"), before(more: bits(1) = present(coils)))]
    #[wire(before(count: bits(7) = count(coils)), bits = 64)]
    serial: u64,
    #[wire(each(bits = 1))]
    coils: Option<Vec<bool>>,
    #[wire(each(bits = 6))]
    text: [u8; 3],
    #[wire(count = prefix(u8), each(bits = 12))]
    samples: Vec<u16>,
    #[wire(count = prefix(u8))]
    last: Vec<u8>,
}

#[test]
fn the_end_is_found_behind_lists_of_bits() {
    let frame = Walked {
        serial: 0x0123_4567_89AB_CDEF,
        coils: Some(vec![true; 9]),
        text: [1, 2, 63],
        samples: vec![0xABC],
        last: vec![7],
    };
    let mut bytes = Vec::new();
    encode::<Walked>(&frame, &mut bytes).unwrap();
    assert_eq!(bytes[1..3], [0x89, 0x01]);
    assert_eq!(bytes[10..], [0xFF, 0x80, 0x04, 0x2F, 0xC0, 1, 0xAB, 0xC0, 1, 7]);
    assert_eq!(exproto_runtime::codec::decode::<Walked>(&bytes).unwrap().frame, frame);
    let twice = [&bytes[..], &bytes[..]].concat();
    let frame = Got::Frame(0, bytes.clone(), bytes.clone());
    assert_eq!(framing::same_however_cut::<Walked>(&twice), [frame.clone(), frame]);
}
