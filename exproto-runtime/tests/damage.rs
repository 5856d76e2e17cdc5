//! Damage of every kind to streams of every framing: how many frames it costs.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(feature = "derive")]

mod framing;

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Deframer, Item, Protocol, encode};

macro_rules! frames {
    ($($name:ident $frame:tt $([$($wire:tt)*])?;)*) => {$(
        #[derive(ExProtoFrame, Debug, PartialEq)]
        #[frame $frame]
        #[wire(endian = big)]
        pub struct $name {
            $(#[wire($($wire)*)])?
            #[wire(before(number: u16 = 0x4142), before(length: u8 = size(data)))]
            #[wire(after(check: u16 = crc("CRC-16/X-25", ..)))]
            pub data: Vec<u8>,
        }
    )*};
}

frames! {
    Plain(max = 64);
    Led(max = 64) [before(b"##")];
    Flagged(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64);
    Slip(stuffing = slip, max = 64);
    Cobs(stuffing = cobs, max = 64);
    Marked(start = b"*", end = b"#", escape(0x2F ^ 0x80: 0x2A, 0x23, 0x2F), max = 96);
    Hex(start = b":", end = b"\r\n", stuffing = hex, max = 128);
}

/// The header has a checksum of its own.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Headed {
    #[wire(before(length: u16 = size(data)), before(header: u16 = crc("CRC-16/DNP", ..)))]
    #[wire(after(check: u16 = crc("CRC-16/X-25", data)))]
    pub data: Vec<u8>,
}

/// The search walks over the layout.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = big)]
pub struct Walked {
    #[wire(before(routed: u8 = present(route)))]
    pub route: Option<u16>,
    #[wire(count = prefix(u8), max = 40, after(check: u16 = crc("CRC-16/X-25", routed..)))]
    pub data: Vec<u8>,
}

/// Only the checksum ends it.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = big)]
pub struct Summed {
    #[wire(before(mark: u16 = 0x4142), until = check, after(check: u32 = crc("CRC-32/ISO-HDLC", ..)))]
    pub data: Vec<u8>,
}

/// Two kinds on one port.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(one_of)]
pub enum Port {
    Led(Led),
    Marked(Marked),
}

struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most.max(1)
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.below(256) as u8).collect()
    }
}

/// What comes out, in chunks of at most so many bytes.
fn found<P: Protocol<Ctx = ()>>(stream: &[u8], size: usize) -> Vec<Vec<u8>> {
    let (mut deframer, mut scratch, mut found) = (Deframer::<P>::new(), Vec::new(), Vec::new());
    let mut take = |item: Item<'_>| match item {
        Item::Frame(raw) => {
            if raw.decode::<P>().is_ok() {
                found.push(raw.payload.to_vec());
            }
        }
        Item::Bad(bad) => assert!(!bad.fatal),
    };
    for mut input in stream.chunks(size) {
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            take(item);
        }
    }
    while let Some(item) = deframer.pause(&mut scratch) {
        take(item);
    }
    while let Some(item) = deframer.finish(&mut scratch) {
        take(item);
    }
    found
}

/// Frames, one of them damaged: the others are found, but for the one that
/// follows where delimiters went with the damage.
fn damaged<P: Protocol<Ctx = ()>>(
    name: &str,
    mut make: impl FnMut(Vec<u8>, usize) -> Vec<u8>,
    neighbour: bool,
) {
    let mut random = Random(0x9E37_79B9_7F4A_7C15 ^ name.len() as u64);
    for round in 0..400 {
        let frames: Vec<Vec<u8>> = (0..6)
            .map(|at| {
                let count = random.below(24) + 1;
                let mut data = random.bytes(count);
                data.push(at as u8);
                make(data, at)
            })
            .collect();
        let payload = |wire: &[u8]| found::<P>(wire, wire.len()).pop().unwrap();
        let at = 1 + random.below(3);
        let mut stream = Vec::new();
        for (index, frame) in frames.iter().enumerate() {
            let mut frame = frame.clone();
            let place = random.below(frame.len());
            if index == at {
                match round % 7 {
                    0 => frame[place] ^= 1 << random.below(8),
                    1 => drop(frame.remove(place)),
                    2 => frame.insert(place, random.below(256) as u8),
                    // Cut short.
                    3 => frame.truncate(place),
                    // Its beginning comes twice.
                    4 => frame = [&frame[..place], &frame[..]].concat(),
                    5 => {
                        let count = random.below(12) + 1;
                        frame = [random.bytes(count), frame].concat();
                    }
                    _ => {
                        let first = frame[0];
                        frame.fill(first);
                    }
                }
            }
            stream.extend(frame);
        }
        let whole = found::<P>(&stream, stream.len());
        for size in [1, 3, 16] {
            assert_eq!(found::<P>(&stream, size), whole, "{name} {round}: in chunks of {size}");
        }
        for (index, frame) in frames.iter().enumerate() {
            let spared = index == at || (neighbour && index == at + 1);
            let there = whole.contains(&payload(frame));
            assert!(there || spared, "{name} {round}: frame {index} is lost behind {at}: {stream:02x?}");
        }
    }
}

macro_rules! damage {
    ($($type:ident($neighbour:literal, $data:ident => $frame:expr))*) => {$(
        damaged::<$type>(
            stringify!($type),
            |$data, _| {
                let mut out = Vec::new();
                encode::<$type>(&$frame, &mut out).unwrap();
                out
            },
            $neighbour,
        );
    )*};
}

#[test]
fn damage_costs_a_frame_and_at_most_its_neighbour() {
    damage! {
        Plain(false, data => Plain { data })
        Led(false, data => Led { data })
        Headed(false, data => Headed { data })
        Walked(false, data => Walked { route: data.first().map(|byte| u16::from(*byte)).filter(|n| n % 2 == 0), data })
        Summed(false, data => Summed { data })
        Flagged(true, data => Flagged { data })
        Slip(true, data => Slip { data })
        Cobs(true, data => Cobs { data })
        Marked(true, data => Marked { data })
        Hex(true, data => Hex { data })
    }
    damaged::<Port>(
        "Port",
        |data, at| {
            let frame = if at % 2 == 0 { Port::Led(Led { data }) } else { Port::Marked(Marked { data }) };
            let mut out = Vec::new();
            encode::<Port>(&frame, &mut out).unwrap();
            out
        },
        true,
    );
}
