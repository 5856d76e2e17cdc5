//! Several kinds of frames on one port.

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Deframer, ErrorKind, Item, Protocol, encode};

use super::delimiters::{Marked, Xor};
use super::framing::{Got, hex, round_trip, same_however_cut};
use super::lengths::Prefixed;
use super::payloads;

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(one_of, skip = b"\r\n")]
pub enum Port<'a> {
    #[frame(first, lead = [0x00, 0x01..=0xFF])]
    Hello(Prefixed<'a>),
    Batch(Batch<'a>),
    Text(Marked<'a>),
    Short(Short<'a>),
    Long(Long<'a>),
    Flagged(Xor<'a>),
    Ping(Ping),
}

/// Four zeros, a length, data and how much it was.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 32)]
#[wire(endian = big)]
pub struct Batch<'a> {
    #[wire(before(_preamble: u32 = 0))]
    #[wire(before(len: u32 = size(data)), after(check: u32 = sum(data)))]
    pub data: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Short<'a> {
    #[wire(before(b"xx"))]
    #[wire(before(len: u8 = size(data)), after(b"\r\n"))]
    pub data: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Long<'a> {
    #[wire(before(b"yy"))]
    #[wire(before(len: u16 = size(data)), after(b"\r\n"))]
    pub data: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(before(b"\xFF"))]
pub struct Ping {}

fn port(frames: &[Port<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        encode::<Port<'_>>(frame, &mut out).unwrap();
    }
    out
}

#[test]
fn leading_bytes_choose_the_kind() {
    let hello = hex("0003 313233");
    let sent = [
        Port::Batch(Batch { data: b"\r\n" }),
        Port::Ping(Ping {}),
        Port::Text(Marked { text: b"V1,ok" }),
        Port::Short(Short { data: b"yy\r\n" }),
        Port::Flagged(Xor { data: b"\x7E\x7D" }),
        Port::Flagged(Xor { data: b"*" }),
        Port::Long(Long { data: &[b'*'; 300] }),
        Port::Ping(Ping {}),
        Port::Ping(Ping {}),
    ];
    let stream = [hello, port(&sent)].concat();
    let got = same_however_cut::<Port<'_>>(&stream);
    let kinds: Vec<_> =
        got.iter().map(|got| if let Got::Frame(kind, ..) = got { *kind } else { 99 }).collect();
    assert_eq!(kinds, [0, 1, 6, 2, 3, 5, 5, 4, 6, 6]);
    assert_eq!(round_trip::<Port<'_>>(&stream), 10);
    let mut deframer = Deframer::<Port<'_>>::new();
    let (mut input, mut scratch, mut at) = (&stream[..], Vec::new(), 0);
    while let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) {
        let frame = raw.decode::<Port<'_>>().unwrap().frame;
        if at > 0 {
            assert_eq!(frame, sent[at - 1]);
        }
        let names = ["hello", "batch", "ping", "text", "short", "flagged", "flagged", "long", "ping", "ping"];
        assert_eq!(Port::kind(&frame), names[at]);
        at += 1;
    }
}

#[test]
fn a_hello_is_the_first_frame_only() {
    let got = same_however_cut::<Port<'_>>(&[&b"\xFF"[..], &hex("0003 313233"), b"*a##"].concat());
    assert!(
        matches!(&got[..], [Got::Frame(6, ..), Got::Bad(ErrorKind::Garbage, lost, false), Got::Frame(2, ..)] if lost.len() == 5),
        "{got:?}"
    );
}

#[test]
fn neighbours_of_one_kind_may_share_a_flag() {
    let got = same_however_cut::<Port<'_>>(b"\x7Eone\x7Etwo\x7E\x7Ethree\x7E*text##\x7Efour\x7E");
    assert_eq!(payloads(&got), [&b"one"[..], b"two", b"three", b"text", b"four"]);
}

#[test]
fn any_kind_is_found_after_garbage() {
    let mut broken = port(&[Port::Batch(Batch { data: b"hello" })]);
    *broken.last_mut().unwrap() ^= 1;
    let stream = [
        &b"\xFF??\x00\x00"[..],
        &broken,
        &port(&[Port::Ping(Ping {}), Port::Short(Short { data: b"s" })]),
        b"yy\x00\x01a!!*t##",
    ]
    .concat();
    let got = same_however_cut::<Port<'_>>(&stream);
    let kinds: Vec<_> = got
        .iter()
        .filter_map(|got| if let Got::Frame(kind, ..) = got { Some(*kind) } else { None })
        .collect();
    assert_eq!(kinds, [6, 6, 3, 2], "{got:x?}");
}

#[test]
fn a_one_of_is_named_and_shown() {
    let frame = Port::Text(Marked { text: b"hi" });
    let mut json = Vec::new();
    exproto_runtime::codec::to_json(&frame, &mut json);
    assert!(String::from_utf8(json).unwrap().starts_with("{\"text\":"));
}
