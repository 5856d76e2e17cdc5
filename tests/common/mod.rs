//! What the tests of the JT/T 808 example share: its declaration, the captured
//! frames, frames made by hand, and a small source of repeatable chance.
//!
//! Frames are built here without the codec, so that a mistake in it cannot
//! hide behind itself.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used)]

#[path = "../../examples/jt808.rs"]
#[allow(non_shorthand_field_patterns, clippy::print_stdout)]
pub mod jt808;
mod kept;

pub use kept::{kept, repair_length};

use exproto_runtime::codec::{Deframer, ErrorKind, Flags, Item, encode};
use exproto_runtime::session::SessionSettings;
use exproto_runtime::testkit::TestConn;
use serde_json::Value as Json;

/// The frame type of the example.
pub type Message = jt808::Message<'static>;

/// A device of the example and the gateway it talks to.
pub type Conn = TestConn<Message>;

/// Bytes between two flags, as the example declares it.
pub const MAX: usize = 4096;

/// A frame that another project tests with.
pub struct Capture {
    pub name: String,
    pub wire: Vec<u8>,
    pub checksum_ok: bool,
    pub length_ok: bool,
    pub expect: Json,
}

impl Capture {
    pub fn is_good(&self) -> bool {
        self.checksum_ok && self.length_ok
    }

    pub fn payload(&self) -> Vec<u8> {
        unescape(&self.wire[1..self.wire.len() - 1]).unwrap_or_else(|| panic!("{}: escapes", self.name))
    }
}

pub fn traccar() -> Vec<Capture> {
    captures("traccar", include_str!("../captures/jt808/traccar.jsonl"))
}

pub fn smallchi() -> Vec<Capture> {
    captures("smallchi", include_str!("../captures/jt808/smallchi.jsonl"))
}

pub fn all_captures() -> Vec<Capture> {
    let mut all = traccar();
    all.extend(smallchi());
    all
}

/// The frames of both files whose length and checksum are right, each once.
pub fn good_frames() -> Vec<Vec<u8>> {
    let mut frames: Vec<_> = all_captures().into_iter().filter(Capture::is_good).map(|c| c.wire).collect();
    frames.sort();
    frames.dedup();
    assert!(frames.len() > 150, "only {} good captures", frames.len());
    frames
}

fn captures(file: &str, lines: &str) -> Vec<Capture> {
    let parse = |line: &str| -> Capture {
        let json: Json = serde_json::from_str(line).unwrap_or_else(|error| panic!("{file}: {error}: {line}"));
        let text =
            |key: &str| json[key].as_str().unwrap_or_else(|| panic!("{file}: {key} in {line}")).to_owned();
        let yes = |key: &str| json[key].as_bool().unwrap_or_else(|| panic!("{file}: {key} in {line}"));
        let capture = Capture {
            name: text("name"),
            wire: unhex(&text("hex")),
            checksum_ok: yes("checksum_ok"),
            length_ok: yes("length_ok"),
            expect: json["expect"].clone(),
        };
        assert!(capture.wire.len() > 2, "{}: no frame", capture.name);
        assert!(
            capture.wire.starts_with(&[0x7E]) && capture.wire.ends_with(&[0x7E]),
            "{}: flags",
            capture.name
        );
        capture
    };
    let captures: Vec<_> = lines.lines().filter(|line| !line.trim().is_empty()).map(parse).collect();
    assert!(!captures.is_empty(), "{file}: the capture file is empty");
    captures
}

pub fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    assert!(digits.len().is_multiple_of(2), "odd hex: {hex}");
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or_else(|| panic!("no hex: {hex}")) as u8;
    digits.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `7E`, the escaped payload, `7E`.
pub fn wrap(payload: &[u8]) -> Vec<u8> {
    let mut wire = vec![0x7E];
    for &byte in payload {
        match byte {
            0x7E => wire.extend([0x7D, 0x02]),
            0x7D => wire.extend([0x7D, 0x01]),
            byte => wire.push(byte),
        }
    }
    wire.push(0x7E);
    wire
}

/// The payload without escapes, `None` where an escape means nothing.
pub fn unescape(inner: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = inner.iter();
    let mut plain = Vec::new();
    while let Some(&byte) = bytes.next() {
        plain.push(match byte {
            0x7D => match bytes.next()? {
                0x01 => 0x7D,
                0x02 => 0x7E,
                _ => return None,
            },
            byte => byte,
        });
    }
    Some(plain)
}

/// Where the un-escaped byte `offset` stands in `wire`.
pub fn wire_offset(wire: &[u8], offset: usize) -> usize {
    let mut at = 1;
    for _ in 0..offset {
        at += if wire[at] == 0x7D { 2 } else { 1 };
    }
    at
}

pub fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |check, byte| check ^ byte)
}

/// A payload with its checksum made right.
pub fn with_check(mut payload: Vec<u8>) -> Vec<u8> {
    if let Some((check, covered)) = payload.split_last_mut() {
        *check = xor(covered);
    }
    payload
}

/// A header to put before bodies.
#[derive(Clone)]
pub struct Header {
    /// `Some` for the form of 2019.
    pub version: Option<u8>,
    pub phone: Vec<u8>,
    pub serial: u16,
    /// Total and number.
    pub part: Option<(u16, u16)>,
}

/// The digits of the device in most tests.
pub const PHONE: &str = "013800138000";

pub fn v2013(serial: u16) -> Header {
    Header { version: None, phone: unhex(PHONE), serial, part: None }
}

pub fn v2019(serial: u16) -> Header {
    Header { version: Some(1), phone: unhex("00000000013800138000"), serial, part: None }
}

impl Header {
    pub fn part(mut self, total: u16, index: u16) -> Self {
        self.part = Some((total, index));
        self
    }

    /// The payload of the message `id`.
    pub fn payload(&self, id: u16, body: &[u8]) -> Vec<u8> {
        assert!(body.len() < 1024, "the body needs segments");
        let mut attributes = body.len() as u16;
        attributes |= u16::from(self.part.is_some()) << 13 | u16::from(self.version.is_some()) << 14;
        let mut payload = [id.to_be_bytes(), attributes.to_be_bytes()].concat();
        payload.extend(self.version);
        payload.extend(&self.phone);
        payload.extend(self.serial.to_be_bytes());
        if let Some((total, index)) = self.part {
            payload.extend(total.to_be_bytes());
            payload.extend(index.to_be_bytes());
        }
        payload.extend(body);
        payload.push(xor(&payload));
        payload
    }

    /// The message `id` as it stands on the wire.
    pub fn frame(&self, id: u16, body: &[u8]) -> Vec<u8> {
        wrap(&self.payload(id, body))
    }
}

/// The 28 bytes of a report near Shanghai, and items after them.
pub fn location_body(items: &[u8]) -> Vec<u8> {
    let mut body = unhex("00000001 00000003 01dc9d84 073f1a58 0028 0226 005a 240531120000");
    body.extend(items);
    body
}

/// A general answer of the platform.
pub fn acknowledgement(header: &Header, serial: u16, id: u16, result: u8) -> Vec<u8> {
    let body = [&serial.to_be_bytes()[..], &id.to_be_bytes(), &[result]].concat();
    header.frame(0x8001, &body)
}

/// Encodes with the codec.
pub fn encoded(frame: &jt808::Message<'_>) -> Vec<u8> {
    let mut wire = Vec::new();
    encode::<Message>(frame, &mut wire).unwrap_or_else(|error| panic!("{error}: {frame:?}"));
    wire
}

/// Settings with a change.
pub fn settings(change: impl FnOnce(&mut SessionSettings)) -> SessionSettings {
    let mut settings = SessionSettings::default();
    change(&mut settings);
    settings
}

/// What a deframer found, without borrows.
#[derive(Clone, Debug, PartialEq)]
pub enum Found {
    Frame {
        at: u64,
        payload: Vec<u8>,
        flags: Flags,
    },
    /// `len` is 0 where it depends on how much of what is dropped was there.
    Bad {
        at: u64,
        kind: ErrorKind,
        offset: u32,
        len: usize,
    },
}

impl From<Item<'_>> for Found {
    fn from(item: Item<'_>) -> Self {
        match item {
            Item::Frame(raw) => {
                Self::Frame { at: raw.offset, payload: raw.payload.to_vec(), flags: raw.flags }
            }
            Item::Bad(bad) => {
                let kind = bad.error.kind();
                let dropped = matches!(kind, ErrorKind::TooLong | ErrorKind::Garbage);
                let len = if dropped { 0 } else { bad.wire.len() };
                Self::Bad { at: bad.offset, kind, offset: bad.error.offset(), len }
            }
        }
    }
}

/// What there is in a stream cut into these chunks.
pub fn find(deframer: &mut Deframer<Message>, chunks: &[&[u8]]) -> Vec<Found> {
    let mut scratch = Vec::new();
    let mut found = Vec::new();
    for &chunk in chunks {
        let mut input = chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            found.push(item.into());
        }
        assert!(input.is_empty(), "{} bytes of a chunk were left", input.len());
    }
    found
}

/// SplitMix64: the same numbers on every machine.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    pub fn byte(&mut self) -> u8 {
        self.next() as u8
    }

    /// `bytes` in chunks of 1 to `most` bytes.
    pub fn chunks<'b>(&mut self, mut bytes: &'b [u8], most: usize) -> Vec<&'b [u8]> {
        let mut chunks = Vec::new();
        while !bytes.is_empty() {
            let (chunk, rest) = bytes.split_at((1 + self.below(most)).min(bytes.len()));
            chunks.push(chunk);
            bytes = rest;
        }
        chunks
    }
}
