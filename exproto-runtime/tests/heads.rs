//! What stands right before a body is written together with it, or patched where the
//! size of the body is known only when it is written: the bytes are the same.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used)]

use exproto_runtime::codec::{ErrorKind, from_bytes, to_bytes};
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Item {
    #[wire(before(b"<"), before(id: u16 = tag(value)), before(length: u8 = size(value) + 1))]
    flags: u8,
    #[wire(before(again: u16 = size(value) * 2, endian = little))]
    #[wire(after(check: u8 = xor(id..)))]
    value: Value,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
enum Value {
    #[wire(tag = 1)]
    Nothing {},
    #[wire(tag = 2)]
    Numbers { one: u16, two: [u8; 3] },
    #[wire(tag = 3)]
    Bits {
        #[wire(bits = 3)]
        low: u8,
        #[wire(bits = 5)]
        high: u8,
    },
    #[wire(tag = 4)]
    Texts {
        kind: u8,
        #[wire(count = prefix(u8), each(size = prefix(u8)))]
        texts: Vec<Vec<u8>>,
    },
    #[wire(tag = 5)]
    Part(Pair),
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u16,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Pair(u8, u8);

/// The frame by hand.
fn frame(id: u16, flags: u8, value: &[u8]) -> Vec<u8> {
    let [high, low] = id.to_be_bytes();
    let [first, second] = (value.len() as u16 * 2).to_le_bytes();
    let mut frame = vec![b'<', high, low, value.len() as u8 + 1, flags, first, second];
    frame.extend_from_slice(value);
    frame.push(frame.iter().skip(1).fold(0, |check, byte| check ^ byte));
    frame
}

#[test]
fn heads_are_the_same_however_they_are_written() {
    let texts = vec![b"ab".to_vec(), Vec::new(), b"c".to_vec()];
    let other = (0..=100).collect::<Vec<u8>>();
    let values = [
        (1, Value::Nothing {}, vec![]),
        (2, Value::Numbers { one: 0x0102, two: [3, 4, 5] }, vec![1, 2, 3, 4, 5]),
        (3, Value::Bits { low: 5, high: 2 }, vec![0xA2]),
        (4, Value::Texts { kind: 7, texts }, vec![7, 3, 2, b'a', b'b', 0, 1, b'c']),
        (5, Value::Part(Pair(8, 9)), vec![8, 9]),
        (0x1234, Value::Other { id: 0x1234, data: other.clone() }, other),
    ];
    for (id, value, bytes) in values {
        let item = Item { flags: 0x55, value };
        let wire = frame(id, 0x55, &bytes);
        assert_eq!(to_bytes(&item).unwrap(), wire, "{item:?}");
        assert_eq!(from_bytes::<Item>(&wire).unwrap().frame, item);
        // Every byte that is derived is verified.
        for at in [0, 3, 5, wire.len() - 1] {
            let mut wrong = wire.clone();
            wrong[at] ^= 1;
            assert!(from_bytes::<Item>(&wrong).is_err(), "byte {at} of {item:?}");
        }
    }
}

#[test]
fn a_body_that_its_length_cannot_hold_is_refused() {
    let refused = |value: Value| {
        let mut out = vec![1, 2];
        let error = exproto_runtime::codec::Encode::encode(
            &Item { flags: 0, value },
            &mut exproto_runtime::codec::Writer::new(&mut out),
            (),
        );
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Overflow);
        (error.field().name, error.offset())
    };
    // Known before, and known when it is written.
    assert_eq!(refused(Value::Other { id: 9, data: vec![0; 255] }), ("length", 3));
    assert_eq!(refused(Value::Texts { kind: 0, texts: vec![vec![0; 254]] }), ("length", 3));
    let fits = Item { flags: 0, value: Value::Other { id: 9, data: vec![0; 254] } };
    assert!(to_bytes(&fits).is_ok());
}

/// A tag that begins an enum, and one that a variant holds.
#[test]
fn tags_of_enums_are_written_with_them() {
    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[wire(tag = u24, endian = little)]
    enum Message {
        #[wire(tag = 0x01_0203)]
        Fixed { value: u32 },
        #[wire(other)]
        Other {
            #[wire(tag)]
            id: u32,
            #[wire(rest)]
            data: Vec<u8>,
        },
    }

    assert_eq!(to_bytes(&Message::Fixed { value: 1 }).unwrap(), [3, 2, 1, 1, 0, 0, 0]);
    assert_eq!(to_bytes(&Message::Other { id: 7, data: vec![9] }).unwrap(), [7, 0, 0, 9]);
    let large = to_bytes(&Message::Other { id: 1 << 24, data: vec![] }).unwrap_err();
    assert_eq!(large.kind(), ErrorKind::Overflow);
}

/// More than a writer puts together at once.
#[test]
fn large_variants_are_written_behind_their_head() {
    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[wire(tag = u8)]
    enum Large {
        #[wire(tag = 1)]
        Block { bytes: [u8; 70] },
    }

    let block = Large::Block { bytes: [7; 70] };
    assert_eq!(to_bytes(&block).unwrap(), [[1].as_slice(), &[7; 70]].concat());
}
