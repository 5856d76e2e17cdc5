//! Payloads whose zeros at the end do not stand on the wire.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]

mod framing;

use exproto_runtime::codec::{
    Crc, CrcParams, ErrorKind, Flag, Random, TrailingZeros, encode, explain_item, from_bytes, to_bytes,
};
use exproto_runtime::prelude::*;

/// A payload whose zeros at the end are not sent; the length and the checksum speak of
/// what is.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 300)]
#[wire(endian = little, before(b"\xFD"))]
pub struct Short {
    #[wire(before(length: u8 = size(body)), before(id: u8 = tag(body)))]
    #[wire(via = TrailingZeros::keep(1), max = 16)]
    pub body: Body,
    #[wire(after(check: u16 = crc("CRC-16/MCRF4XX", length..)))]
    pub end: u8,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = little)]
pub enum Body {
    #[wire(tag = 1)]
    Status { mode: u8, voltage: u16, errors: u32 },
    #[wire(tag = 2)]
    Wide { first: u64, second: u64 },
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[test]
fn zeros_at_the_end_are_not_sent() {
    let round = |body: Body, on_wire: &[u8]| {
        let frame = Short { body, end: 9 };
        let mut bytes = Vec::new();
        encode::<Short>(&frame, &mut bytes).unwrap();
        assert_eq!(&bytes[3..bytes.len() - 3], on_wire);
        let received = from_bytes::<Short>(&bytes).unwrap();
        assert_eq!(received.frame, frame);
        assert!(received.flags.is_empty());
    };
    round(Body::Status { mode: 4, voltage: 0x100, errors: 0 }, &[4, 0, 1]);
    round(Body::Status { mode: 4, voltage: 0, errors: 1 << 24 }, &[4, 0, 0, 0, 0, 0, 1]);
    round(Body::Status { mode: 0, voltage: 0, errors: 0 }, &[0]);
    round(Body::Wide { first: 0, second: 5 }, &[0, 0, 0, 0, 0, 0, 0, 0, 5]);
    // What takes the rest finds what there is.
    round(Body::Other { id: 7, data: vec![1, 2] }, &[1, 2]);
}

#[test]
fn zeros_that_are_sent_all_the_same_go_back() {
    let check = |payload: &[u8]| {
        let mut bytes = vec![0xFD, payload.len() as u8, 1];
        bytes.extend(payload);
        bytes.push(9);
        let crc = CrcParams { width: 16, poly: 0x1021, init: 0xFFFF, refin: true, refout: true, xorout: 0 };
        let sum = Crc::<u32>::new(crc).compute(&bytes[1..]);
        bytes.extend((sum as u16).to_le_bytes());
        bytes
    };
    let whole = check(&[4, 0, 1, 0, 0, 0, 0]);
    let received = from_bytes::<Short>(&whole).unwrap();
    assert_eq!(received.frame.body, Body::Status { mode: 4, voltage: 0x100, errors: 0 });
    assert!(received.flags.has(Flag::Transform));
    // More than the layout has is no zero that is missing.
    let error = from_bytes::<Short>(&check(&[4, 0, 1, 0, 0, 0, 0, 8])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Trailing);
    // Not more than the field may have.
    let mut wide = check(&[1; 9]);
    wide[2] = 2;
    assert_eq!(from_bytes::<Short>(&wide).unwrap_err().kind(), ErrorKind::Checksum);
}

#[test]
fn streams_pictures_and_random_values_know_it() {
    let mut stream = Vec::new();
    for seed in 0..50 {
        let frame: Short = Random::new(seed).make();
        let bytes = to_bytes(&frame).unwrap();
        assert_eq!(from_bytes::<Short>(&bytes).unwrap().frame, frame);
        stream.extend(bytes);
    }
    framing::same_however_cut::<Short>(&stream[..stream.len().min(300)]);
    assert_eq!(framing::round_trip::<Short>(&stream), 50);
    let frame = to_bytes(&Short { body: Body::Wide { first: 1, second: 0 }, end: 9 }).unwrap();
    let (mut input, mut scratch) = (&frame[..], Vec::new());
    let item = Deframer::<Short>::new().next(&mut input, &mut scratch).map(|item| {
        let picture = explain_item::<Short>(&item).to_string();
        // The bytes are shown once, with the zeros that were read.
        assert_eq!(picture.matches("body transformed").count(), 1, "{picture}");
        assert!(picture.contains("second"), "{picture}");
    });
    assert!(item.is_some());
}
