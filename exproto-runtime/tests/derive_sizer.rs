//! Frames whose end is worked out from the layout, beyond a length at a place
//! that the macro knows.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(feature = "derive")]

mod framing;

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{ErrorKind, Protocol, decode, encode};
use framing::{Got, same_however_cut};

// --- A checksum behind parts of constant size -------------------------------

/// What a frame is for: one byte, as only the compiler knows.
#[derive(ExProtoFrame, Debug, PartialEq, Clone, Copy)]
#[wire(tag = u8)]
pub enum Purpose {
    #[wire(tag = 1)]
    Report,
    #[wire(tag = 2)]
    Alarm,
    #[wire(other)]
    Other(u8),
}

/// A checksum after parts whose size only the compiler knows, with one of them
/// behind it.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 300)]
#[wire(endian = big)]
pub struct Headed<'a> {
    #[wire(before(b"#"))]
    pub purpose: Purpose,
    #[wire(before(len: u8 = size(data)))]
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", len..)))]
    pub data: &'a [u8],
    pub again: Purpose,
}

/// The same, with a part that varies in size before the checksum's range: its
/// place is not constant, so decoding verifies it.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(line, max = 300)]
#[wire(endian = big)]
pub struct Varying<'a> {
    pub first: Short<'a>,
    #[wire(before(len: u8 = size(data)))]
    #[wire(after(check: u8 = xor(len..)))]
    pub data: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
pub struct Short<'a> {
    #[wire(size = prefix(u8))]
    pub text: &'a [u8],
}

#[test]
fn the_frame_search_verifies_a_checksum_behind_parts_of_constant_size() {
    let headed = |data: &[u8]| {
        let mut out = Vec::new();
        let frame = Headed { purpose: Purpose::Report, data, again: Purpose::Alarm };
        encode::<Headed<'_>>(&frame, &mut out).unwrap();
        out
    };
    let check = Headed::KINDS[0].check.unwrap();
    assert_eq!((check.from, check.tail, check.width), (2, 3, 2));
    let mut bad = headed(b"spoilt");
    bad[4] ^= 1;
    let stream = [headed(b"one"), bad, headed(b"two")].concat();
    let got = same_however_cut::<Headed<'_>>(&stream);
    assert!(matches!(&got[1], Got::Bad(ErrorKind::Checksum, _, false)), "{got:?}");
    assert!(
        got.iter().any(|got| matches!(got, Got::Frame(_, wire, _) if *wire == headed(b"two"))),
        "{got:?}"
    );

    assert!(Varying::KINDS[0].check.is_none());
    let mut out = Vec::new();
    encode::<Varying<'_>>(&Varying { first: Short { text: b"ab" }, data: b"c" }, &mut out).unwrap();
    out[4] ^= 1;
    let error = decode::<Varying<'_>>(&out[..6]).map(|received| received.frame);
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Checksum);
}
