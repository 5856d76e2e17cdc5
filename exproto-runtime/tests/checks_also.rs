//! Checksums of Fletcher, and over bytes that are not on the wire.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod derived;
mod framing;

use derived::{place, samples};
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Crc, CrcParams, ErrorKind, fletcher, from_bytes, to_bytes};
use framing::same_however_cut;

/// A receiver of positions acknowledges a message.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 512)]
#[wire(endian = little, before(b"\xB5\x62"))]
struct Packet {
    class: u8,
    id: u8,
    #[wire(before(length: u16 = size(data)), after(check: u16 = fletcher256(class..)))]
    data: Vec<u8>,
}

#[test]
fn two_sums_follow_the_bytes() {
    let bytes = [0xB5, 0x62, 0x05, 0x01, 0x02, 0x00, 0x06, 0x01, 0x0F, 0x38];
    let packet = from_bytes::<Packet>(&bytes).unwrap().frame;
    assert_eq!(packet, Packet { class: 5, id: 1, data: vec![6, 1] });
    assert_eq!(to_bytes(&packet).unwrap(), bytes);
    same_however_cut::<Packet>(&[bytes, bytes].concat());
    let mut wrong = bytes;
    wrong[9] ^= 1;
    assert_eq!(place(&from_bytes::<Packet>(&wrong).unwrap_err()), (ErrorKind::Checksum, "check"));
    samples::<Packet>(1);
    let long: Vec<u8> = (0..20_000_u32).map(|at| (at % 251) as u8 | 0x80).collect();
    for modulus in [255, 256] {
        let (mut low, mut high) = (0, 0);
        for byte in &long {
            low = (low + u32::from(*byte)) % modulus;
            high = (high + low) % modulus;
        }
        assert_eq!(u32::from(fletcher(&long, modulus)), high << 8 | low);
    }
}

/// In a list whose end a checksum tells, it goes on from element to element.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = little, before(b"\x01"))]
struct Open {
    #[wire(until = check, after(check: u16 = fletcher255(items)))]
    items: Vec<u8>,
}

#[test]
fn sums_go_on() {
    let open = Open { items: vec![7, 8, 9, 200, 100] };
    let bytes = to_bytes(&open).unwrap();
    assert_eq!(bytes[6..], fletcher(&[7, 8, 9, 200, 100], 255).to_le_bytes());
    assert_eq!(from_bytes::<Open>(&bytes).unwrap().frame, open);
    same_however_cut::<Open>(&[&bytes[..], &bytes].concat());
}

/// What a message looks like is part of its checksum, and not on the wire.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = little, before(b"\xFE"))]
struct Message {
    #[wire(before(length: u8 = size(data)))]
    id: u8,
    data: Vec<u8>,
    #[wire(is = crc("CRC-16/MCRF4XX", length..=data, also = extra(id)))]
    check: u16,
    #[wire(is = crc("CRC-16/MCRF4XX", id..=data, also = [1, id], seed = id))]
    other: u16,
}

fn extra(id: u8) -> Option<u8> {
    [50, 124, 137].get(usize::from(id)).copied()
}

#[test]
fn a_crc_goes_on_over_what_is_not_on_the_wire() {
    static CRC: Crc<u32> = Crc::<u32>::new(CrcParams {
        width: 16,
        poly: 0x1021,
        init: 0xFFFF,
        refin: true,
        refout: true,
        xorout: 0,
    });
    for (id, more) in [(0, &[50][..]), (2, &[137]), (3, &[])] {
        let message = Message { id, data: vec![1, 2, 3], check: 0, other: 0 };
        let bytes = to_bytes(&message).unwrap();
        let want = CRC.compute(&[&[3, id, 1, 2, 3], more].concat()) as u16;
        assert_eq!(bytes[6..8], want.to_le_bytes());
        let seeded = CRC.compute_from(u64::from(id), &[id, 1, 2, 3, 1, id]) as u16;
        assert_eq!(bytes[8..], seeded.to_le_bytes());
        let read = from_bytes::<Message>(&bytes).unwrap().frame;
        assert_eq!((read.check, read.other), (want, seeded));
        same_however_cut::<Message>(&[&bytes[..], &bytes].concat());
        let mut wrong = bytes;
        wrong[6] ^= 1;
        assert_eq!(place(&from_bytes::<Message>(&wrong).unwrap_err()), (ErrorKind::Checksum, "check"));
    }
}
