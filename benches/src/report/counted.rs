//! Declared for deku and for binrw: counts and lengths are fields of their own
//! and written as they were read, which favours both.
#![allow(missing_docs)]

use std::io::Cursor;

use binrw::{BinRead, BinResult, BinWrite};
use deku::prelude::*;

use super::{Extremes, Location, Motor, Running, System, ours};
use crate::framing::xor;

#[derive(DekuRead, DekuWrite, BinRead, BinWrite, Clone, Debug, PartialEq)]
#[deku(endian = "big")]
#[brw(big)]
pub struct Frame {
    command: u8,
    response: u8,
    vin: [u8; 17],
    encryption: u8,
    length: u16,
    time: [u8; 6],
    // `until_eof` of binrw would take an error inside a block for the end.
    #[deku(read_all)]
    #[br(parse_with = blocks, args(u64::from(length) + 22))]
    blocks: Vec<Block>,
}

#[derive(DekuRead, DekuWrite, BinRead, BinWrite, Clone, Debug, PartialEq)]
#[deku(id_type = "u8", endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
enum Block {
    #[deku(id = "1")]
    #[brw(magic = 1_u8)]
    Running(Running),
    #[deku(id = "2")]
    #[brw(magic = 2_u8)]
    Motors {
        n: u8,
        #[deku(count = "n")]
        #[br(count = n)]
        motors: Vec<Motor>,
    },
    #[deku(id = "5")]
    #[brw(magic = 5_u8)]
    Location(Location),
    #[deku(id = "6")]
    #[brw(magic = 6_u8)]
    Extremes(Extremes),
    #[deku(id = "7")]
    #[brw(magic = 7_u8)]
    Alarms { level: u8, flags: u32, battery: Codes, motor: Codes, engine: Codes, other: Codes },
    #[deku(id = "8")]
    #[brw(magic = 8_u8)]
    Voltages {
        n: u8,
        #[deku(count = "n")]
        #[br(count = n)]
        systems: Vec<Voltages>,
    },
    #[deku(id = "9")]
    #[brw(magic = 9_u8)]
    Temperatures {
        n: u8,
        #[deku(count = "n")]
        #[br(count = n)]
        systems: Vec<Temperatures>,
    },
    #[deku(id_pat = "0x80..=0xFE")]
    User {
        #[br(assert((0x80..=0xFE).contains(&id)))]
        id: u8,
        n: u16,
        #[deku(count = "n")]
        #[br(count = n)]
        data: Vec<u8>,
    },
}

#[derive(DekuRead, DekuWrite, BinRead, BinWrite, Clone, Debug, PartialEq)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
struct Codes {
    n: u8,
    #[deku(count = "n")]
    #[br(count = n)]
    codes: Vec<u32>,
}

#[derive(DekuRead, DekuWrite, BinRead, BinWrite, Clone, Debug, PartialEq)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
struct Voltages {
    system: System,
    n: u8,
    #[deku(count = "n")]
    #[br(count = n)]
    cells: Vec<u16>,
}

#[derive(DekuRead, DekuWrite, BinRead, BinWrite, Clone, Debug, PartialEq)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
struct Temperatures {
    system: u8,
    n: u16,
    #[deku(count = "n")]
    #[br(count = n)]
    probes: Vec<u8>,
}

#[binrw::parser(reader, endian)]
fn blocks(end: u64) -> BinResult<Vec<Block>> {
    let mut blocks = Vec::new();
    while reader.stream_position()? < end {
        blocks.push(Block::read_options(reader, endian, ())?);
    }
    Ok(blocks)
}

impl Frame {
    /// Reads what [`open`](super::hand::open) gives.
    #[inline]
    #[must_use]
    pub fn parse_deku(content: &[u8]) -> Option<Self> {
        Self::from_reader_with_ctx(&mut Reader::new(&mut Cursor::new(content)), ()).ok()
    }

    /// Reads what [`open`](super::hand::open) gives.
    #[inline]
    #[must_use]
    pub fn parse_binrw(content: &[u8]) -> Option<Self> {
        Self::read(&mut Cursor::new(content)).ok()
    }

    /// Appends the frame as it stands on the wire.
    #[inline]
    #[must_use]
    pub fn encode_deku(&self, out: &mut Vec<u8>) -> Option<()> {
        framed(out, |cursor| self.to_writer(&mut Writer::new(cursor), ()).ok())
    }

    /// Appends the frame as it stands on the wire.
    #[inline]
    #[must_use]
    pub fn encode_binrw(&self, out: &mut Vec<u8>) -> Option<()> {
        framed(out, |cursor| self.write(cursor).ok())
    }

    /// The value to compare with that of other peers.
    #[must_use]
    pub fn plain(&self) -> ours::Owned {
        let Self { command, response, vin, encryption, time, .. } = *self;
        let blocks = self.blocks.iter().cloned().map(Block::plain).collect();
        ours::Owned { command, response, vin, encryption, report: ours::Report { time, blocks } }
    }
}

/// Leading bytes and checksum around what `write` writes.
#[inline(always)]
fn framed(out: &mut Vec<u8>, write: impl FnOnce(&mut Cursor<&mut Vec<u8>>) -> Option<()>) -> Option<()> {
    out.extend_from_slice(b"##");
    let start = out.len();
    let mut cursor = Cursor::new(&mut *out);
    cursor.set_position(start as u64);
    write(&mut cursor)?;
    let check = xor(out.get(start..)?);
    out.push(check);
    Some(())
}

impl Block {
    fn plain(self) -> ours::Block {
        match self {
            Self::Running(running) => ours::Block::Running(running),
            Self::Motors { motors, .. } => ours::Block::Motors(motors),
            Self::Location(location) => ours::Block::Location(location),
            Self::Extremes(extremes) => ours::Block::Extremes(extremes),
            Self::Alarms { level, flags, battery, motor, engine, other } => {
                let [battery, motor, engine, other] = [battery, motor, engine, other].map(|list| list.codes);
                ours::Block::Alarms(ours::Alarms { level, flags, battery, motor, engine, other })
            }
            Self::Voltages { systems, .. } => {
                let plain = |Voltages { system, cells, .. }| ours::Voltages { system, cells };
                ours::Block::Voltages(systems.into_iter().map(plain).collect())
            }
            Self::Temperatures { systems, .. } => {
                let plain = |Temperatures { system, probes, .. }| ours::Temperatures { system, probes };
                ours::Block::Temperatures(systems.into_iter().map(plain).collect())
            }
            Self::User { id, data, .. } => ours::Block::User { id, data },
        }
    }
}
