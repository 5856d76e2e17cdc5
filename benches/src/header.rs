//! A header of 16 bytes: a constant, bit fields in two integers, a CRC-16.
//!
//! | bytes | what |
//! |---|---|
//! | 2 | the constant 5A A5 |
//! | 2 | 3 bits version, 3 bits priority, encrypted, asks for an answer, 8 bits kind |
//! | 4 | device |
//! | 4 | 12 bits sequence, 12 bits length, 5 bits channel, 3 bits flags |
//! | 2 | counter |
//! | 2 | CRC-16/IBM-3740 of all before it, its low byte first |

use exproto_runtime::codec;

use crate::cases::{Case, Work};
use crate::input::frames;
use crate::rounds::{encoding, ok, some, work};

const FILE: &str = include_str!("../../tests/captures/made/bench_header.hexl");
const SYNC: u16 = 0x5AA5;

/// The value in the form in which peers are compared, and what those that have
/// no types for it of their own make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Header {
    pub version: u8,
    pub priority: u8,
    pub encrypted: bool,
    pub asks: bool,
    pub kind: u8,
    pub device: u32,
    pub sequence: u16,
    pub length: u16,
    pub channel: u8,
    pub flags: u8,
    pub counter: u16,
}

impl Header {
    #[inline(always)]
    fn of(packed: u16, device: u32, wide: u32, counter: u16) -> Self {
        Self {
            version: (packed >> 13) as u8,
            priority: (packed >> 10 & 7) as u8,
            encrypted: packed >> 9 & 1 != 0,
            asks: packed >> 8 & 1 != 0,
            kind: packed as u8,
            device,
            sequence: (wide >> 20) as u16,
            length: (wide >> 8 & 0xFFF) as u16,
            channel: (wide >> 3 & 31) as u8,
            flags: (wide & 7) as u8,
            counter,
        }
    }

    /// The two integers of bit fields, if all fit.
    #[inline(always)]
    fn packed(&self) -> Option<(u16, u32)> {
        let fits = self.version < 8
            && self.priority < 8
            && self.sequence < 1 << 12
            && self.length < 1 << 12
            && self.channel < 32
            && self.flags < 8;
        let packed = u16::from(self.version) << 13
            | u16::from(self.priority) << 10
            | u16::from(self.encrypted) << 9
            | u16::from(self.asks) << 8
            | u16::from(self.kind);
        let wide = u32::from(self.sequence) << 20
            | u32::from(self.length) << 8
            | u32::from(self.channel) << 3
            | u32::from(self.flags);
        fits.then_some((packed, wide))
    }
}

/// By hand.
pub mod hand {
    use super::*;

    static CRC: crc::Crc<u16, crc::Table<16>> = crc::Crc::<u16, crc::Table<16>>::new(&crc::CRC_16_IBM_3740);

    /// The checksum of the first 14 bytes.
    #[inline]
    #[must_use]
    pub fn check(bytes: &[u8]) -> u16 {
        CRC.checksum(bytes)
    }

    /// Verifies the checksum of a header.
    #[inline]
    #[must_use]
    pub fn verify(wire: &[u8]) -> Option<&[u8]> {
        let (covered, sent) = wire.split_last_chunk::<2>()?;
        (check(covered) == u16::from_le_bytes(*sent)).then_some(wire)
    }

    /// Reads a header; `None` if it is none.
    #[inline]
    #[must_use]
    pub fn parse(wire: &[u8]) -> Option<Header> {
        let &[s0, s1, p0, p1, d0, d1, d2, d3, w0, w1, w2, w3, c0, c1, _, _] = wire else { return None };
        if u16::from_be_bytes([s0, s1]) != SYNC {
            return None;
        }
        let packed = u16::from_be_bytes([p0, p1]);
        let device = u32::from_be_bytes([d0, d1, d2, d3]);
        let wide = u32::from_be_bytes([w0, w1, w2, w3]);
        Some(Header::of(packed, device, wide, u16::from_be_bytes([c0, c1])))
    }

    /// Appends a header; `None` if a value has too many bits.
    #[inline]
    #[must_use]
    pub fn encode(header: &Header, out: &mut Vec<u8>) -> Option<()> {
        let (packed, wide) = header.packed()?;
        let [s0, s1] = SYNC.to_be_bytes();
        let [p0, p1] = packed.to_be_bytes();
        let [d0, d1, d2, d3] = header.device.to_be_bytes();
        let [w0, w1, w2, w3] = wide.to_be_bytes();
        let [c0, c1] = header.counter.to_be_bytes();
        let bytes = [s0, s1, p0, p1, d0, d1, d2, d3, w0, w1, w2, w3, c0, c1];
        let [k0, k1] = check(&bytes).to_le_bytes();
        out.extend_from_slice(&[s0, s1, p0, p1, d0, d1, d2, d3, w0, w1, w2, w3, c0, c1, k0, k1]);
        Some(())
    }
}

/// Declared for exproto.
pub mod ours {
    use exproto_runtime::ExProtoFrame;

    /// A header.
    #[derive(ExProtoFrame, Clone, Copy, Debug, PartialEq)]
    #[frame]
    #[wire(endian = big)]
    #[allow(missing_docs)]
    pub struct Header {
        #[wire(before(sync: u16 = 0x5AA5))]
        #[wire(bits = 3)]
        pub version: u8,
        #[wire(bits = 3)]
        pub priority: u8,
        #[wire(bits = 1)]
        pub encrypted: bool,
        #[wire(bits = 1)]
        pub asks: bool,
        #[wire(bits = 8)]
        pub kind: u8,
        pub device: u32,
        #[wire(bits = 12)]
        pub sequence: u16,
        #[wire(bits = 12)]
        pub length: u16,
        #[wire(bits = 5)]
        pub channel: u8,
        #[wire(bits = 3)]
        pub flags: u8,
        #[wire(after(check: u16 = crc("CRC-16/IBM-3740", sync..), endian = little))]
        pub counter: u16,
    }

    impl Header {
        /// The value to compare with that of other peers.
        #[must_use]
        pub fn plain(&self) -> super::Header {
            let Self { version, priority, encrypted, asks, kind, device, .. } = *self;
            let Self { sequence, length, channel, flags, counter, .. } = *self;
            super::Header {
                version,
                priority,
                encrypted,
                asks,
                kind,
                device,
                sequence,
                length,
                channel,
                flags,
                counter,
            }
        }
    }
}

/// Bytes reinterpreted by zerocopy, bit fields by hand.
pub mod with_zerocopy {
    use zerocopy::byteorder::{BE, LE, U16, U32};
    use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, Unaligned};

    use super::*;

    #[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
    #[repr(C)]
    struct Raw {
        sync: U16<BE>,
        packed: U16<BE>,
        device: U32<BE>,
        wide: U32<BE>,
        counter: U16<BE>,
        check: U16<LE>,
    }

    /// Reads a header; `None` if it is none.
    #[inline]
    #[must_use]
    pub fn parse(wire: &[u8]) -> Option<Header> {
        let raw = Raw::ref_from_bytes(wire).ok()?;
        (raw.sync.get() == SYNC)
            .then(|| Header::of(raw.packed.get(), raw.device.get(), raw.wide.get(), raw.counter.get()))
    }

    /// Appends a header; `None` if a value has too many bits.
    #[inline]
    #[must_use]
    pub fn encode(header: &Header, out: &mut Vec<u8>) -> Option<()> {
        let (packed, wide) = header.packed()?;
        let mut raw = Raw {
            sync: SYNC.into(),
            packed: packed.into(),
            device: header.device.into(),
            wide: wide.into(),
            counter: header.counter.into(),
            check: 0.into(),
        };
        let (covered, _) = raw.as_bytes().split_last_chunk::<2>()?;
        raw.check = hand::check(covered).into();
        out.extend_from_slice(raw.as_bytes());
        Some(())
    }
}

/// A parser of winnow, bit fields by hand.
pub mod with_winnow {
    use winnow::Parser as _;
    use winnow::Result;
    use winnow::binary::{be_u16, be_u32, le_u16};
    use winnow::combinator::eof;

    use super::*;

    fn header(input: &mut &[u8]) -> Result<Header> {
        let (_, packed, device, wide, counter, _, _) =
            (be_u16.verify(|sync: &u16| *sync == SYNC), be_u16, be_u32, be_u32, be_u16, le_u16, eof)
                .parse_next(input)?;
        Ok(Header::of(packed, device, wide, counter))
    }

    /// Reads a header; `None` if it is none.
    #[inline]
    #[must_use]
    pub fn parse(wire: &[u8]) -> Option<Header> {
        header(&mut &wire[..]).ok()
    }
}

/// Declared for binrw, with integers for the bit fields.
pub mod with_binrw {
    use std::io::Cursor;

    use binrw::{BinRead as _, BinWrite as _, binrw};

    use super::*;

    #[binrw]
    #[brw(big, magic = 0x5AA5_u16)]
    #[derive(Clone, Copy)]
    struct Raw {
        packed: u16,
        device: u32,
        wide: u32,
        counter: u16,
        #[brw(little)]
        check: u16,
    }

    /// Reads a header; `None` if it is none.
    #[inline]
    #[must_use]
    pub fn parse(wire: &[u8]) -> Option<Header> {
        let raw = Raw::read(&mut Cursor::new(wire)).ok()?;
        Some(Header::of(raw.packed, raw.device, raw.wide, raw.counter))
    }

    /// Appends a header; `None` if a value has too many bits.
    #[inline]
    #[must_use]
    pub fn encode(header: &Header, out: &mut Vec<u8>) -> Option<()> {
        let (packed, wide) = header.packed()?;
        let start = out.len();
        let raw = Raw { packed, device: header.device, wide, counter: header.counter, check: 0 };
        let mut cursor = Cursor::new(&mut *out);
        cursor.set_position(start as u64);
        raw.write(&mut cursor).ok()?;
        let (covered, place) = out.get_mut(start..)?.split_last_chunk_mut::<2>()?;
        *place = hand::check(covered).to_le_bytes();
        Some(())
    }
}

/// Declared for deku, bit fields included.
pub mod with_deku {
    use std::io::Cursor;

    use deku::prelude::*;

    use super::*;

    #[derive(DekuRead, DekuWrite)]
    #[deku(endian = "big", magic = b"\x5A\xA5")]
    struct Raw {
        #[deku(bits = 3)]
        version: u8,
        #[deku(bits = 3)]
        priority: u8,
        #[deku(bits = 1)]
        encrypted: bool,
        #[deku(bits = 1)]
        asks: bool,
        kind: u8,
        device: u32,
        #[deku(bits = 12)]
        sequence: u16,
        #[deku(bits = 12)]
        length: u16,
        #[deku(bits = 5)]
        channel: u8,
        #[deku(bits = 3)]
        flags: u8,
        counter: u16,
        #[deku(endian = "little")]
        check: u16,
    }

    /// Reads a header; `None` if it is none.
    #[inline]
    #[must_use]
    pub fn parse(wire: &[u8]) -> Option<Header> {
        let mut cursor = Cursor::new(wire);
        let raw = Raw::from_reader_with_ctx(&mut Reader::new(&mut cursor), ()).ok()?;
        let Raw { version, priority, encrypted, asks, kind, device, .. } = raw;
        let Raw { sequence, length, channel, flags, counter, .. } = raw;
        Some(Header {
            version,
            priority,
            encrypted,
            asks,
            kind,
            device,
            sequence,
            length,
            channel,
            flags,
            counter,
        })
    }

    /// Appends a header; `None` if a value has too many bits.
    #[inline]
    #[must_use]
    pub fn encode(header: &Header, out: &mut Vec<u8>) -> Option<()> {
        let Header { version, priority, encrypted, asks, kind, device, .. } = *header;
        let Header { sequence, length, channel, flags, counter, .. } = *header;
        let raw = Raw {
            version,
            priority,
            encrypted,
            asks,
            kind,
            device,
            sequence,
            length,
            channel,
            flags,
            counter,
            check: 0,
        };
        let start = out.len();
        let mut cursor = Cursor::new(&mut *out);
        cursor.set_position(start as u64);
        raw.to_writer(&mut Writer::new(&mut cursor), ()).ok()?;
        let (covered, place) = out.get_mut(start..)?.split_last_chunk_mut::<2>()?;
        *place = hand::check(covered).to_le_bytes();
        Some(())
    }
}

/// The measurements: `header-decode` verifies the checksum, `header-parse` does
/// not.
pub const CASES: &[Case] = &[
    Case { task: "header-decode", peer: "hand", prepare: || decode(hand::parse) },
    Case { task: "header-decode", peer: "ours", prepare: decode_ours },
    Case { task: "header-decode", peer: "zerocopy", prepare: || decode(with_zerocopy::parse) },
    Case { task: "header-decode", peer: "winnow", prepare: || decode(with_winnow::parse) },
    Case { task: "header-decode", peer: "binrw", prepare: || decode(with_binrw::parse) },
    Case { task: "header-decode", peer: "deku-bits", prepare: || decode(with_deku::parse) },
    Case { task: "header-parse", peer: "hand", prepare: || parse(hand::parse) },
    Case { task: "header-parse", peer: "ours", prepare: parse_ours },
    Case { task: "header-parse", peer: "zerocopy", prepare: || parse(with_zerocopy::parse) },
    Case { task: "header-parse", peer: "winnow", prepare: || parse(with_winnow::parse) },
    Case { task: "header-parse", peer: "binrw", prepare: || parse(with_binrw::parse) },
    Case { task: "header-parse", peer: "deku-bits", prepare: || parse(with_deku::parse) },
    Case { task: "header-encode", peer: "hand", prepare: || encode(hand::encode) },
    Case { task: "header-encode", peer: "ours", prepare: encode_ours },
    Case { task: "header-encode", peer: "zerocopy", prepare: || encode(with_zerocopy::encode) },
    Case { task: "header-encode", peer: "binrw", prepare: || encode(with_binrw::encode) },
    Case { task: "header-encode", peer: "deku-bits", prepare: || encode(with_deku::encode) },
];

/// The 256 headers.
#[must_use]
pub fn input() -> Vec<Vec<u8>> {
    frames(FILE)
}

fn decode(read: fn(&[u8]) -> Option<Header>) -> Work {
    work(input(), move |wire| some(&hand::verify(wire).and_then(read)))
}

fn parse(read: fn(&[u8]) -> Option<Header>) -> Work {
    work(input(), move |wire| some(&read(wire)))
}

fn decode_ours() -> Work {
    work(input(), |wire| ok(&codec::decode::<ours::Header>(wire)))
}

fn parse_ours() -> Work {
    work(input(), |wire| ok(&codec::decode_unverified::<ours::Header>(wire)))
}

fn encode(write: fn(&Header, &mut Vec<u8>) -> Option<()>) -> Work {
    let values: Vec<Header> = input().iter().filter_map(|wire| hand::parse(wire)).collect();
    encoding(values, move |value, out| write(value, out).is_some())
}

fn encode_ours() -> Work {
    let value = |wire: &Vec<u8>| Some(codec::decode::<ours::Header>(wire).ok()?.frame);
    let values = input().iter().filter_map(value).collect();
    encoding(values, |value: &ours::Header, out| codec::encode::<ours::Header>(value, out).is_ok())
}
