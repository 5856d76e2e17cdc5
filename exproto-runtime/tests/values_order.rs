//! Byte orders that are chosen when a frame is read.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, unreachable_pub)]

mod framing;

use exproto_runtime::codec::{Endian, FieldInfo, Fill, Node, from_bytes, to_bytes, to_json};
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
enum Order {
    #[wire(tag = 0x49)]
    Intel,
    #[wire(tag = 0x4D)]
    Motorola,
    #[wire(other)]
    Other(u8),
}

impl Order {
    fn endian(self) -> Endian {
        if self == Self::Intel { Endian::Little } else { Endian::Big }
    }
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u16)]
struct Flags {
    #[wire(bits = 4)]
    high: u8,
    #[wire(bits = 12)]
    low: u16,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = order.endian())]
struct Report {
    order: Order,
    #[wire(before(length: u16 = size(count..=course)), before(_: u16))]
    count: u16,
    #[wire(as = u24)]
    odometer: u32,
    #[wire(as = i24)]
    height: i32,
    temperature: f32,
    #[wire(as = u16)]
    flags: Flags,
    #[wire(bits = 6)]
    sats: u8,
    #[wire(bits = 10)]
    course: u16,
    #[wire(endian = big)]
    fixed: u16,
    #[wire(if = count > 1)]
    extra: Option<u32>,
    #[wire(count = prefix(u16))]
    samples: Vec<u16>,
    #[wire(count = 2, endian = little)]
    pair: Vec<u16>,
    #[wire(ctx(order = order.endian()))]
    part: Part,
    #[wire(count = 1, ctx(order = order.endian()))]
    bodies: Vec<Body>,
    #[wire(after(check: u16 = sum(order..)))]
    last: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(ctx(order: Endian), endian = order)]
struct Part {
    value: u64,
    #[wire(size = prefix(u16))]
    data: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(ctx(order: Endian), endian = order, tag = u16)]
enum Body {
    #[wire(tag = 0x0102)]
    One { a: u16 },
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u16,
    },
}

fn report(order: Order) -> Report {
    Report {
        order,
        count: 2,
        odometer: 0x01_0203,
        height: -2,
        temperature: 1.5,
        flags: Flags { high: 0xA, low: 0xBCD },
        sats: 0x15,
        course: 0x0F3,
        fixed: 0x0102,
        extra: Some(0x0102_0304),
        samples: vec![0x0102, 0x0304],
        pair: vec![1, 2],
        part: Part { value: 1, data: vec![9] },
        bodies: vec![Body::One { a: 7 }],
        last: 0,
    }
}

#[test]
fn a_field_chooses_the_order_of_all_that_follow_it() {
    let big = report(Order::Motorola);
    let bytes = to_bytes(&big).unwrap();
    let head = [
        0x4D, 0, 60, 0, 0, 0, 2, 1, 2, 3, 0xFF, 0xFF, 0xFE, 0x3F, 0xC0, 0, 0, 0xAB, 0xCD, 0x54, 0xF3, 1, 2,
        1, 2, 3, 4, 0, 2, 1, 2, 3, 4, 1, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 9, 1, 2, 0, 7, 0,
    ];
    assert_eq!(bytes.len() - 2, head.len());
    assert_eq!(bytes[5..53], head[5..]);
    assert_eq!(from_bytes::<Report>(&bytes).unwrap().frame, big);

    let little = report(Order::Intel);
    let bytes = to_bytes(&little).unwrap();
    let back = [
        0x49, 0, 0, 0, 0, 2, 0, 3, 2, 1, 0xFE, 0xFF, 0xFF, 0, 0, 0xC0, 0x3F, 0xCD, 0xAB, 0xF3, 0x54, 1, 2, 4,
        3, 2, 1, 2, 0, 2, 1, 4, 3, 1, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 9, 2, 1, 7, 0, 0,
    ];
    assert_eq!(bytes[5..53], back[5..]);
    assert_eq!(from_bytes::<Report>(&bytes).unwrap().frame, little);
    // The length and the checksum are in that order too.
    assert_eq!(bytes[1..3], [16, 0]);
    let sum: u16 = bytes[..53].iter().map(|byte| u16::from(*byte)).sum();
    assert_eq!(bytes[53..], sum.to_le_bytes());
    for end in 0..bytes.len() {
        assert!(from_bytes::<Report>(&bytes[..end]).is_err(), "{end}");
    }
}

#[test]
fn random_values_and_json_come_back() {
    static AT: FieldInfo = FieldInfo::new("", "report");
    let mut random = Random::new(3);
    for _ in 0..300 {
        let made: Report = random.make();
        let bytes = to_bytes(&made).unwrap();
        assert_eq!(to_bytes(&from_bytes::<Report>(&bytes).unwrap().frame).unwrap(), bytes);
        let mut json = Vec::new();
        to_json(&made, &mut json);
        let node = Node::parse(&json).unwrap();
        assert_eq!(to_bytes(&Report::fill(Some(&node), &AT).unwrap()).unwrap(), bytes);
    }
}

/// The length that ends the frame has the order that the first byte says.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64, lead = [0x49 | 0x4D])]
#[wire(endian = if mark == 0x49 { little } else { big })]
struct Ended {
    mark: u8,
    #[wire(before(length: u16 = size(data..=check)))]
    data: Vec<u8>,
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", ..)))]
    end: u8,
}

/// The same by a count right before the elements.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = if mark & 1 == 1 { little } else { big })]
struct Counting {
    #[wire(before(b"\x55"))]
    mark: u8,
    #[wire(count = prefix(u16))]
    values: Vec<u16>,
    end: u8,
}

#[test]
fn the_length_that_ends_a_frame_has_the_order_that_the_frame_says() {
    use exproto_runtime::codec::encode;
    let mut stream = Vec::new();
    for mark in [0x49, 0x4D] {
        encode::<Ended>(&Ended { mark, data: vec![7; 5], end: 9 }, &mut stream).unwrap();
    }
    assert_eq!((&stream[..3], &stream[11..14]), (&[0x49, 8, 0][..], &[0x4D, 0, 8][..]));
    assert_eq!(framing::same_however_cut::<Ended>(&stream).len(), 2);
    assert_eq!(framing::round_trip::<Ended>(&stream), 2);
    let mut stream = b"noise".to_vec();
    for mark in [0, 1] {
        encode::<Counting>(&Counting { mark, values: vec![1, 2], end: 9 }, &mut stream).unwrap();
    }
    let got = framing::same_however_cut::<Counting>(&stream);
    assert_eq!(got.iter().filter(|got| matches!(got, framing::Got::Frame(..))).count(), 2);
}
