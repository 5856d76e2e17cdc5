//! Hostile bytes for what layouts can say: counts, lengths, nesting, transforms, segments,
//! pieces. Nothing takes more memory than its bytes are worth, and nothing panics.
#![allow(clippy::unwrap_used, clippy::panic)]

use exproto_hostile::{Chance, FLOOR, most, payload, spoilt, stream};
use exproto_runtime::codec::{
    Ascii, Bcd, BerLength, BitText, Chunk, Deframer, Item, Leb128, List, ListBuf, NoCtx, Position, Protocol,
    Random, Reassembler, ReassemblyLimits, Sample, Segment, TextBuf, Transform, Utf16Be, encode,
};
use exproto_runtime::prelude::*;

/// An element of one byte that is larger in memory.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8)]
enum Element {
    #[wire(tag = 1)]
    Nothing,
    #[wire(tag = 2)]
    Number { value: u8 },
    #[wire(other)]
    Other {
        #[wire(tag)]
        tag: u8,
        #[wire(size = prefix(u8))]
        data: Vec<u8>,
    },
}

/// It has no bytes at all.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Empty {}

/// It holds others of its kind.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(max_depth = 6, endian = big)]
struct Node {
    value: u8,
    #[wire(count = prefix(u32))]
    children: Vec<Node>,
    #[wire(before(more: u8 = present(next)))]
    next: Option<Box<Node>>,
}

/// A run of bytes for each two: what a decompressor does.
struct Runs;

impl Transform for Runs {
    fn decode(&self, bytes: &[u8], max: usize) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        for pair in bytes.chunks(2) {
            let [byte, count] = *pair else { return None };
            let count = usize::from(count) * 256;
            if out.len() + count > max {
                return None;
            }
            out.extend(std::iter::repeat_n(byte, count));
        }
        Some(out)
    }
    fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        bytes
            .chunk_by(|a, b| a == b)
            .map(|run| (run.len() % 256 == 0).then(|| [run[0], (run.len() / 256) as u8]))
            .collect::<Option<Vec<_>>>()
            .map(|pairs| pairs.concat())
    }
}

macro_rules! payloads {
    ($($name:ident { $($body:tt)* })*) => {
        $(
            #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
            #[frame(datagram, max = 65_536)]
            #[wire(endian = big)]
            struct $name { $($body)* }
        )*

        #[test]
        fn values_take_no_more_than_their_bytes_are_worth() {
            $(hostile::<$name>();)*
        }
    };
}

payloads! {
    Counted { #[wire(count = prefix(u32))] list: Vec<Element> }
    CountedBytes { #[wire(before(n: u64 = count(list)))] list: Vec<u8> }
    CountedWide { #[wire(count = prefix(u32))] list: Vec<u64> }
    CountedEmpty { #[wire(count = prefix(u16))] list: Vec<Empty> }
    CountedText { #[wire(count = prefix(u32), each(size = prefix(u8), as = Utf16Be))] list: Vec<TextBuf> }
    CountedLists { #[wire(count = prefix(u32), each(count = prefix(u32)))] list: Vec<Vec<u16>> }
    CountedBits { #[wire(count = prefix(u32), each(bits = 3))] list: Vec<u8> }
    CountedRows { #[wire(before(n: u16 = count(list)), before(rows: [u32] = sizes(list)))] list: Vec<Vec<u8>> }
    Lazy { #[wire(count = prefix(u32))] list: ListBuf<Element> }
    Rest { #[wire(rest)] list: Vec<Element> }
    Sized { #[wire(before(length: u64 = size(data)))] data: Vec<u8> }
    SizedByCodec { #[wire(before(length: BerLength = size(data)))] data: Vec<u8>, #[wire(as = Leb128)] n: u64 }
    SizedBelow { #[wire(before(length: u32 = size(data) - 7))] data: Vec<u8>, #[wire(rest)] more: Vec<u8> }
    Texts { #[wire(size = prefix(u32), as = Ascii)] text: TextBuf, #[wire(size = prefix(u16))] digits: Bcd<8> }
    Characters { #[wire(size = prefix(u16), as = BitText::little("0123456789*#abcF").pad('F'))] text: TextBuf }
    Ended { #[wire(until = b"\0")] data: Vec<u8>, #[wire(until = |e| matches!(e, Element::Nothing))] list: Vec<Element> }
    Separated { #[wire(rest, sep = b',', each(as = Ascii))] list: Vec<TextBuf> }
    Nested { node: Node }
    Inflated { #[wire(size = prefix(u16), via = Runs, max = 512)] list: Vec<u8>, rest: u8 }
    Optional { n: u8, #[wire(if = n > 7, count = n)] list: Option<Vec<Element>>, #[wire(size = left / 2)] half: Vec<u8>, #[wire(rest)] more: Vec<u8> }
}

fn hostile<P: Protocol<Ctx: NoCtx>>()
where
    for<'f> P::At<'f>: Sample,
{
    let (mut random, mut chance) = (Random::new(5), Chance(7));
    for round in 0..600 {
        let mut sound = Vec::new();
        let frame: P::At<'_> = random.make();
        let _ = encode::<P>(&frame, &mut sound);
        let bytes = spoilt(&mut chance, &sound);
        payload::<P>(&bytes, round % 4 == 0);
    }
    for byte in [0x00, 0x01, 0x7F, 0x80, 0xFF] {
        for size in (0..40).chain([255, 1000, 5000]) {
            payload::<P>(&vec![byte; size], false);
        }
    }
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 256)]
#[wire(endian = big)]
struct Checked<'a> {
    #[wire(before(b"##"), before(length: u32 = size(list)))]
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", ..)))]
    list: List<'a, Element>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 300)]
#[wire(endian = big)]
struct Walked {
    #[wire(before(n: u32 = count(list)))]
    kind: u8,
    list: Vec<Element>,
    #[wire(count = prefix(u32), after(check: u32 = crc("CRC-32/ISO-HDLC", ..)))]
    more: Vec<Vec16>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Vec16 {
    #[wire(size = prefix(u16))]
    data: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256)]
struct Flagged {
    #[wire(rest, after(check: u8 = xor(..)))]
    list: Vec<Element>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(stuffing = cobs, max = 256)]
struct Cobs {
    #[wire(rest)]
    data: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(line, stuffing = hex, max = 256)]
struct Hex {
    #[wire(rest, after(check: u8 = lrc(..)))]
    data: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(line, stuffing = Runs, max = 600)]
struct Unpacked {
    #[wire(rest)]
    data: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(blocks(first = 4, size = 7, check: u16 = sum(..)), max = 400)]
#[wire(endian = big)]
struct Blocked {
    #[wire(before(b"@"), before(length: u16 = size(kind..)))]
    kind: u8,
    #[wire(rest)]
    data: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 128)]
#[wire(endian = big)]
struct Streamed {
    #[wire(before(b"S"), before(length: u64 = size(data)))]
    #[wire(stream = 64, after(check: u32 = crc("CRC-32/ISO-HDLC", ..)))]
    data: Chunk<Vec<u8>>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(one_of, skip = b"\r\n")]
enum Port {
    Checked(CheckedOwned),
    Streamed(Streamed),
    Line(Line),
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 256)]
#[wire(endian = big)]
struct CheckedOwned {
    #[wire(before(b"##"), before(length: u32 = size(list)))]
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", ..)))]
    list: Vec<Element>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(start = b"*", end = b"#", escape(0x2F ^ 0x80: 0x2A, 0x23, 0x2F), max = 96)]
struct Line {
    kind: u8,
    #[wire(rest)]
    data: Vec<u8>,
}

/// Streams of sound and spoilt frames, in pieces of every size.
fn streams<P: Protocol<Ctx: NoCtx>>()
where
    for<'f> P::At<'f>: Sample,
{
    let (mut random, mut chance, mut frames) = (Random::new(3), Chance(11), 0);
    for round in 0..150 {
        let mut bytes = Vec::new();
        for _ in 0..6 {
            let mut sound = Vec::new();
            let frame: P::At<'_> = random.make();
            if encode::<P>(&frame, &mut sound).is_err() {
                continue;
            }
            let hostile = chance.below(2) == 0;
            bytes.extend(if hostile { spoilt(&mut chance, &sound) } else { sound });
        }
        let size = 1 + chance.below(bytes.len() + 1);
        frames += stream::<P>(NoCtx::NONE, &bytes, size, round % 4 == 0);
    }
    assert!(frames > 100, "{}: {frames}", P::NAME);
    for byte in [0x00, 0x23, 0x40, 0x53, 0x7E, 0xFF] {
        stream::<P>(NoCtx::NONE, &vec![byte; 5000], 100, false);
    }
}

#[test]
fn streams_take_no_more_than_a_frame() {
    streams::<Checked<'_>>();
    streams::<Walked>();
    streams::<Flagged>();
    streams::<Cobs>();
    streams::<Hex>();
    streams::<Blocked>();
    streams::<Streamed>();
    streams::<Port>();
}

/// In sound frames each byte is looked at once at most, and for each frame a few more: where
/// one was cut, and a delimiter.
fn looked_at_once<P: Protocol<Ctx: NoCtx>>()
where
    for<'f> P::At<'f>: Sample,
{
    let (mut random, mut bytes, mut frames) = (Random::new(3), Vec::new(), 0_u64);
    while frames < 60 {
        let frame: P::At<'_> = random.make();
        frames += u64::from(encode::<P>(&frame, &mut bytes).is_ok());
    }
    for size in [1, 2, 3, 7, 50, 1000, bytes.len()] {
        let (mut deframer, mut scratch, mut found) = (Deframer::<P>::new(), Vec::new(), 0);
        for chunk in bytes.chunks(size) {
            let mut input = chunk;
            while let Some(item) = deframer.next(&mut input, &mut scratch) {
                assert!(matches!(item, Item::Frame(_)), "{}: {item:?}", P::NAME);
                found += 1;
            }
        }
        assert!(found >= frames, "{}: {found} of {frames}", P::NAME);
        let (looked, most) = (deframer.visited(), bytes.len() as u64 + 4 * frames);
        assert!(looked <= most, "{}: {looked} looked at of {} in {size}", P::NAME, bytes.len());
    }
}

#[test]
fn in_step_no_byte_is_looked_at_twice() {
    looked_at_once::<Checked<'_>>();
    looked_at_once::<Walked>();
    looked_at_once::<Flagged>();
    looked_at_once::<Hex>();
    looked_at_once::<Blocked>();
    looked_at_once::<Streamed>();
    looked_at_once::<Port>();
}

#[test]
fn an_unstuffed_frame_is_bounded_too() {
    let (mut deframer, mut scratch) = (Deframer::<Unpacked>::new(), Vec::new());
    for wire in [&b"a\x02b\x01\n"[..], &b"a\xFFb\xFFc\xFF\n".repeat(50)] {
        let mut input = wire;
        let ((), taken) = most(|| while deframer.next(&mut input, &mut scratch).is_some() {});
        assert!(taken < FLOOR, "{taken}");
    }
}

#[test]
fn a_payload_in_pieces_takes_one_piece() {
    let payload = vec![0x55; 4 << 20];
    let mut wire = Vec::new();
    encode::<Streamed>(&Streamed { data: Chunk::whole(payload) }, &mut wire).unwrap();
    let (mut deframer, mut scratch, mut pieces) = (Deframer::<Streamed>::new(), Vec::new(), 0);
    let ((), taken) = most(|| {
        for packet in wire.chunks(1400) {
            let mut input = packet;
            while let Some(item) = deframer.next(&mut input, &mut scratch) {
                let Item::Frame(raw) = item else { panic!("{item:?}") };
                assert!(raw.payload.len() <= 9 + 64);
                pieces += 1;
            }
        }
    });
    assert_eq!(pieces, (4 << 20) / 64);
    assert!(taken < 1024, "{taken} bytes taken for pieces of 64");
    assert_eq!(scratch.capacity(), 0);
}

#[test]
fn segments_take_no_more_than_their_limit() {
    let mut limits = ReassemblyLimits::default();
    limits.bytes = 10_000;
    let (mut chance, mut reassembler) = (Chance(9), Reassembler::new(limits));
    let data = [7; 300];
    let mut whole = 0;
    let ((), taken) = most(|| {
        for now in 0..20_000 {
            let total = [2, 3, 200, 60_000, u32::MAX][chance.below(5)];
            let (key, data) = (chance.below(50) as u64, &data[..chance.below(300)]);
            let at = if chance.below(3) == 0 {
                let size = [None, Some(400), Some(u32::MAX)][chance.below(3)];
                Position::Byte { offset: chance.bits() as u32 >> chance.below(32), size }
            } else {
                let index = 1 + chance.below(total.min(300) as usize) as u32;
                Position::Number { index, first: 1, total: Some(total) }
            };
            let segment = Segment { kind: 0, key, at, data };
            let head = [now as u8; 40];
            whole += usize::from(matches!(reassembler.add(now, segment, &head), Ok(Some(_))));
        }
    });
    assert!(whole > 10, "{whole}");
    assert!(taken < 8 * 10_000, "{taken}");
}
