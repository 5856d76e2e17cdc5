//! Real frames of several protocols, found in streams however those are cut.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(all(feature = "derive", feature = "session"))]

mod framing;

use std::fs;
use std::path::Path;

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Ascii, Text};
use framing::{Got, feed, hex, round_trip, same_however_cut, visits};
use serde_json::Value;

fn captures(name: &str) -> Vec<Vec<u8>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/captures").join(name);
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| hex(serde_json::from_str::<Value>(line).unwrap()["hex"].as_str().unwrap()))
        .collect()
}

fn wires(got: Vec<Got>) -> Vec<Vec<u8>> {
    got.into_iter()
        .map(|got| match got {
            Got::Frame(_, wire, _) => wire,
            Got::Bad(..) => panic!("{got:x?}"),
        })
        .collect()
}

/// Whole streams byte by byte, the first frames cut at every place.
fn all_found<P: exproto_runtime::codec::Protocol<Ctx = ()>>(frames: &[Vec<u8>], first: usize) {
    let stream = frames.concat();
    assert_eq!(wires(feed::<P>(&[&stream], false).0), frames);
    assert_eq!(wires(feed::<P>(&stream.chunks(1).collect::<Vec<_>>(), false).0), frames);
    assert_eq!(round_trip::<P>(&stream), frames.len());
    same_however_cut::<P>(&frames[..first].concat());
}

// --- GT06: two widths of the length, told apart by the leading bytes -------

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(one_of, skip = b"\r\n")]
pub enum Gt06<'a> {
    Short(Gt06Short<'a>),
    Long(Gt06Long<'a>),
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Gt06Short<'a> {
    #[wire(before(b"xx"), before(len: u8 = size(kind..=crc)))]
    pub kind: u8,
    pub content: &'a [u8],
    pub serial: u16,
    #[wire(after(b"\r\n"))]
    pub crc: u16,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 2048)]
#[wire(endian = big)]
pub struct Gt06Long<'a> {
    #[wire(before(b"yy"), before(len: u16 = size(kind..=crc)))]
    pub kind: u8,
    pub content: &'a [u8],
    pub serial: u16,
    #[wire(after(b"\r\n"))]
    pub crc: u16,
}

/// The frames whose length is right; the rest of the file belongs to vendors
/// with other rules.
fn gt06() -> Vec<Vec<u8>> {
    let length = |frame: &[u8]| match frame {
        [b'x', b'x', len, ..] => usize::from(*len) + 5,
        [b'y', b'y', high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])) + 6,
        _ => 0,
    };
    // One has neither content nor serial.
    captures("gt06/traccar.jsonl")
        .into_iter()
        .filter(|frame| length(frame) == frame.len() && frame.len() >= 10)
        .collect()
}

#[test]
fn gt06_is_two_kinds_of_frames() {
    let frames = gt06();
    assert!(frames.len() > 150, "{}", frames.len());
    all_found::<Gt06<'_>>(&frames, 12);
    // Two or three leading bytes and the length.
    assert!(visits::<Gt06<'_>>(&frames.concat()) < 0.15);
}

#[test]
fn gt06_frames_are_found_between_those_of_other_rules() {
    // A frame whose length lies, in the middle of good ones.
    let good = gt06();
    let lie = hex("7878 01 17 010203040506 0d0a");
    let stream = [&good[0][..], &lie, &good[1], &good[2]].concat();
    let got = same_however_cut::<Gt06<'_>>(&stream);
    let found: Vec<_> = got
        .iter()
        .filter_map(|got| if let Got::Frame(_, wire, _) = got { Some(wire) } else { None })
        .collect();
    assert_eq!(found, [&good[0], &good[1], &good[2]]);
}

// --- Teltonika: a hello, batches, one byte that keeps the connection -------

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(one_of)]
pub enum Teltonika<'a> {
    #[frame(first, lead = [0x00, 0x01..=0xFF])]
    Hello(Hello<'a>),
    Batch(Batch<'a>),
    Ping(Ping),
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Hello<'a> {
    #[wire(size = prefix(u16), as = Ascii)]
    pub imei: Text<'a>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 4096)]
#[wire(endian = big)]
pub struct Batch<'a> {
    #[wire(before(preamble: u32 = 0), before(len: u32 = size(data)))]
    pub data: &'a [u8],
    pub crc: u32,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(before(b"\xFF"))]
pub struct Ping {}

#[test]
fn teltonika_mixes_three_kinds() {
    let whole = |frame: &Vec<u8>| match &frame[..] {
        [0, 0, 0, 0, a, b, c, d, ..] => u32::from_be_bytes([*a, *b, *c, *d]) as usize + 12 == frame.len(),
        _ => false,
    };
    let batches: Vec<_> = captures("teltonika/traccar.jsonl").into_iter().filter(whole).collect();
    assert!(batches.len() > 40, "{}", batches.len());
    let mut frames = vec![hex("000f313233343536373839303132333435")];
    for batch in batches {
        frames.push(batch);
        frames.push(vec![0xFF]);
    }
    all_found::<Teltonika<'_>>(&frames, 5);
    // The kept alive connection of the file: no hello after the first byte.
    let got = same_however_cut::<Teltonika<'_>>(&hex("ff000f313233343536373839303132333435"));
    assert!(matches!(&got[0], Got::Frame(2, ..)));
}

// --- H02: text, and frames of a constant size ------------------------------

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(one_of, skip = b"\r\n")]
pub enum H02<'a> {
    Text(H02Text<'a>),
    Beat(H02Beat),
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(start = b"*", end = b"#", max = 512)]
pub struct H02Text<'a> {
    #[wire(rest, as = Ascii)]
    pub text: Text<'a>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
pub struct H02Beat {
    #[wire(before(b"X"))]
    pub body: [u8; 31],
}

#[test]
fn h02_is_text_beside_binary() {
    let text = |frame: &Vec<u8>| frame.starts_with(b"*") && frame.ends_with(b"#");
    let mut frames: Vec<_> = captures("h02/traccar.jsonl").into_iter().filter(text).collect();
    assert!(frames.len() > 60, "{}", frames.len());
    frames.insert(1, hex("58000098149910240311ffff00000000000000000000000000fffffbffff0033"));
    all_found::<H02<'_>>(&frames, 4);
    assert!(visits::<H02<'_>>(&frames.concat()) < 1.1);
}

// --- Modbus TCP ------------------------------------------------------------

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Adu<'a> {
    pub transaction: u16,
    #[wire(before(protocol: u16 = 0), before(len: u16 = size(unit..=pdu), range = 2..=254))]
    pub unit: u8,
    pub pdu: &'a [u8],
}

#[test]
fn modbus_tcp_says_its_length() {
    let whole = |frame: &Vec<u8>| frame.len() == 6 + usize::from(u16::from_be_bytes([frame[4], frame[5]]));
    let frames: Vec<_> = captures("modbus/pymodbus_tcp.jsonl").into_iter().filter(whole).collect();
    assert!(frames.len() > 15, "{}", frames.len());
    all_found::<Adu<'_>>(&frames, 6);
}
