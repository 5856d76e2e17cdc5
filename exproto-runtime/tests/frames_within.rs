//! Frames that are parts of others: verified where they are decoded.
#![allow(clippy::unwrap_used, clippy::panic)]

mod derived;
#[allow(unreachable_pub)]
mod framing;

use derived::{both, refused};
use exproto_runtime::codec::{ErrorKind, Flag, Item, ListBuf, decode, encode, explain_item};
use exproto_runtime::prelude::*;
use framing::{Got, same_however_cut};

/// A frame with a length and a checksum at constant places.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 64)]
struct Packet {
    #[wire(before(b"xx"), before(length: u8 = size(data)))]
    #[wire(after(check: u8 = sum(length..)))]
    data: Vec<u8>,
}

/// One whose search has to know how large its parts are.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 64)]
#[wire(endian = big)]
struct Parted {
    #[wire(before(b"yy"))]
    head: Head,
    #[wire(before(length: u16 = size(data..=check)))]
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", head..)))]
    data: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
struct Head(u8, u8);

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 250)]
struct Envelope {
    #[wire(before(b"E"), before(length: u8 = size(inner)), after(check: u8 = xor(length..)))]
    inner: Inner,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Inner {
    first: Packet,
    #[wire(count = prefix(u8))]
    parted: Vec<Parted>,
    #[wire(rest)]
    more: ListBuf<Packet>,
}

fn packet(data: &[u8]) -> Packet {
    Packet { data: data.to_vec() }
}

fn envelope() -> Envelope {
    let parted = vec![Parted { head: Head(1, 2), data: vec![3] }, Parted { head: Head(4, 5), data: vec![] }];
    let more = vec![packet(b""), packet(b"d")].into();
    Envelope { inner: Inner { first: packet(b"abc"), parted, more } }
}

fn wire(frame: &Envelope) -> Vec<u8> {
    let mut wire = Vec::new();
    encode::<Envelope>(frame, &mut wire).unwrap();
    wire
}

#[test]
fn frames_follow_each_other_inside_of_one() {
    both(&wire(&envelope()), envelope());
    let less = Envelope { inner: Inner { parted: vec![], ..envelope().inner } };
    let stream = [wire(&envelope()), wire(&less)].concat();
    let found = same_however_cut::<Envelope>(&stream);
    assert_eq!(found.len(), 2);
    let Got::Frame(_, first, _) = &found[0] else { panic!("{found:?}") };
    assert_eq!(decode::<Envelope>(first).unwrap().frame, envelope());
}

#[test]
fn no_byte_inside_can_change_unnoticed() {
    let good = wire(&envelope());
    for at in 0..good.len() - 1 {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        // The outer checksum is made to agree.
        let end = bytes.len() - 1;
        bytes[end] ^= 0x10;
        assert!(decode::<Envelope>(&bytes).is_err(), "byte {at}");
    }
}

#[test]
fn a_wrong_checksum_inside_is_an_error_at_its_place_or_flagged() {
    let mut bytes = wire(&envelope());
    bytes[8] ^= 1;
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    let error = decode::<Envelope>(&bytes).unwrap_err();
    assert_eq!((error.kind(), error.offset(), error.field().owner), (ErrorKind::Checksum, 8, "Packet"));

    let mut deframer = Deframer::<Envelope>::new().accepting_bad(true);
    let (mut input, mut scratch) = (&bytes[..], Vec::new());
    let item = deframer.next(&mut input, &mut scratch).unwrap();
    let Item::Frame(raw) = &item else { panic!("{item:?}") };
    let received = raw.decode::<Envelope>().unwrap();
    assert!(received.flags.has(Flag::Checksum));
    let picture = explain_item::<Envelope>(&item);
    assert_eq!(picture.oddities().len(), 1, "{picture}");
    assert_eq!(picture.oddities()[0].offset, 8);
}

#[test]
fn a_frame_alone_is_verified_too() {
    both(b"xx\x01a\x62", packet(b"a"));
    assert_eq!(refused::<Packet>(b"xx\x01a\x63"), (ErrorKind::Checksum, 4, "check"));
    assert_eq!(refused::<Parted>(b"yy\x01\x02\x00\x02\x00\x00"), (ErrorKind::Checksum, 6, "check"));
}
