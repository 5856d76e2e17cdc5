//! Variants and fields that the next bytes tell, which are read again.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(feature = "derive")]

mod framing;

use exproto_runtime::codec::{ErrorKind, Random, encode, from_bytes, to_bytes};
use exproto_runtime::prelude::*;
use framing::{Got, same_however_cut};

/// A control field whose lowest bits say what the other bits are.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = little)]
pub enum Control {
    #[wire(when = peek(0) & 1 == 0)]
    Numbered {
        #[wire(before(_: bits(1) = 0), bits = 15)]
        sent: u16,
        #[wire(before(_: bits(1)), bits = 15)]
        received: u16,
    },
    #[wire(when = peek(0) & 3 == 1)]
    Supervisory {
        #[wire(before(_: bits(2) = 1), before(_: bits(14)), before(_: bits(1)), bits = 15)]
        received: u16,
    },
    #[wire(when = peek(0) & 3 == 3)]
    Unnumbered {
        #[wire(before(_: bits(2) = 3), bits = 6, after(_: bits(24)))]
        function: u8,
    },
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 255)]
#[wire(before(b"\x68"))]
pub struct Apdu<'a> {
    #[wire(before(length: u8 = size(control..=data)))]
    pub control: Control,
    pub data: &'a [u8],
}

/// No length: what the walk chose is kept while bytes come.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(before(b"!"))]
pub struct Walked {
    #[wire(before(_: u8, fill = 7))]
    pub body: Body,
    #[wire(after(b"."))]
    pub end: u8,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
pub enum Body {
    #[wire(when = peek(0..2) == b"AB")]
    Word {
        #[wire(before(b"AB"), size = prefix(u8))]
        text: Vec<u8>,
    },
    #[wire(when = matches!(peek(0), b'0'..=b'9') && peek(1) == 0)]
    Digit {
        #[wire(range = 0x3000..=0x3900)]
        digit: u16,
        value: u8,
    },
    #[wire(when = peek(3) == 9)]
    Far {
        head: [u8; 3],
        #[wire(before(b"\x09"))]
        value: u8,
    },
}

fn wire<P: exproto_runtime::codec::Protocol<Ctx = ()>>(frame: &P::At<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode::<P>(frame, &mut out).unwrap();
    out
}

#[test]
fn the_next_bytes_tell_the_variant() {
    for (control, bytes) in [
        (Control::Numbered { sent: 1, received: 2 }, [2, 0, 4, 0]),
        (Control::Supervisory { received: 2 }, [1, 0, 4, 0]),
        (Control::Unnumbered { function: 16 }, [0x43, 0, 0, 0]),
    ] {
        assert_eq!(to_bytes(&control).unwrap(), bytes);
        assert_eq!(from_bytes::<Control>(&bytes).unwrap().frame, control);
    }
    // Without the byte no condition over it holds.
    assert_eq!(from_bytes::<Control>(&[]).unwrap_err().kind(), ErrorKind::Tag);
    let mut random = Random::new(1);
    let mut seen = [false; 3];
    for _ in 0..100 {
        let control: Control = random.make();
        assert_eq!(from_bytes::<Control>(&to_bytes(&control).unwrap()).unwrap().frame, control);
        seen[match control {
            Control::Numbered { .. } => 0,
            Control::Supervisory { .. } => 1,
            Control::Unnumbered { .. } => 2,
        }] = true;
    }
    assert_eq!(seen, [true; 3]);
}

#[test]
fn a_frame_with_a_length_is_found() {
    let frame = Apdu { control: Control::Numbered { sent: 5, received: 9 }, data: b"asdu" };
    let mut bytes = wire::<Apdu<'_>>(&frame);
    bytes.extend(wire::<Apdu<'_>>(&Apdu { control: Control::Unnumbered { function: 1 }, data: b"" }));
    assert_eq!(bytes, *b"\x68\x08\x0A\x00\x12\x00asdu\x68\x04\x07\x00\x00\x00");
    same_however_cut::<Apdu<'_>>(&bytes);
}

#[test]
fn the_walk_keeps_what_it_chose() {
    let frames = [
        Walked { body: Body::Word { text: b"hello".to_vec() }, end: 1 },
        Walked { body: Body::Digit { digit: 0x3500, value: 2 }, end: 2 },
        Walked { body: Body::Far { head: [1, 2, 3], value: 5 }, end: 3 },
        Walked { body: Body::Word { text: vec![] }, end: 4 },
    ];
    let bytes: Vec<u8> = frames.iter().flat_map(wire::<Walked>).collect();
    let got = same_however_cut::<Walked>(&bytes);
    assert_eq!(got.iter().filter(|got| matches!(got, Got::Frame(..))).count(), 4);
}

/// An optional field that its own first byte tells.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Marked {
    #[wire(if = peek(0) == 0xAA, before(b"\xAA"))]
    speed: Option<u16>,
    #[wire(if = peek(0..2) == [1, 2])]
    pair: Option<[u8; 2]>,
    #[wire(rest)]
    more: Vec<u8>,
}

#[test]
fn the_next_bytes_tell_whether_a_field_is_there() {
    for (value, bytes) in [
        (Marked { speed: Some(5), pair: None, more: vec![1] }, &[0xAA, 0, 5, 1][..]),
        (Marked { speed: None, pair: Some([1, 2]), more: vec![3] }, &[1, 2, 3]),
        (Marked { speed: None, pair: None, more: vec![] }, &[]),
    ] {
        assert_eq!(to_bytes(&value).unwrap(), bytes);
        assert_eq!(from_bytes::<Marked>(bytes).unwrap().frame, value);
    }
}
