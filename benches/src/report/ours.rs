//! Declared for exproto.
#![allow(missing_docs)]

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::List;

use super::{Extremes, Location, Motor, Running, System};

/// A frame that owns its blocks.
#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[frame(max = 65_560)]
#[wire(endian = big)]
pub struct Owned {
    #[wire(before(b"##"))]
    pub command: u8,
    pub response: u8,
    pub vin: [u8; 17],
    pub encryption: u8,
    #[wire(before(length: u16 = size(report)))]
    #[wire(after(check: u8 = xor(command..)))]
    pub report: Report,
}

#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
pub struct Report {
    pub time: [u8; 6],
    #[wire(rest)]
    pub blocks: Vec<Block>,
}

/// By type; nobody knows the length of another type.
#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum Block {
    #[wire(tag = 1)]
    Running(Running),
    #[wire(tag = 2)]
    Motors(#[wire(count = prefix(u8))] Vec<Motor>),
    #[wire(tag = 5)]
    Location(Location),
    #[wire(tag = 6)]
    Extremes(Extremes),
    #[wire(tag = 7)]
    Alarms(Alarms),
    #[wire(tag = 8)]
    Voltages(#[wire(count = prefix(u8))] Vec<Voltages>),
    #[wire(tag = 9)]
    Temperatures(#[wire(count = prefix(u8))] Vec<Temperatures>),
    #[wire(tag = 0x80..=0xFE)]
    User {
        #[wire(tag)]
        id: u8,
        #[wire(size = prefix(u16))]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(endian = big)]
pub struct Alarms {
    pub level: u8,
    pub flags: u32,
    #[wire(count = prefix(u8))]
    pub battery: Vec<u32>,
    #[wire(count = prefix(u8))]
    pub motor: Vec<u32>,
    #[wire(count = prefix(u8))]
    pub engine: Vec<u32>,
    #[wire(count = prefix(u8))]
    pub other: Vec<u32>,
}

#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(endian = big)]
pub struct Voltages {
    pub system: System,
    #[wire(count = prefix(u8))]
    pub cells: Vec<u16>,
}

#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(endian = big)]
pub struct Temperatures {
    pub system: u8,
    #[wire(count = prefix(u16))]
    pub probes: Vec<u8>,
}

/// A frame whose blocks are read where they lie.
#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[frame(max = 65_560)]
#[wire(endian = big)]
pub struct Borrowed<'a> {
    #[wire(before(b"##"))]
    pub command: u8,
    pub response: u8,
    pub vin: [u8; 17],
    pub encryption: u8,
    #[wire(before(length: u16 = size(report)))]
    #[wire(after(check: u8 = xor(command..)))]
    pub report: ReportRef<'a>,
}

#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
pub struct ReportRef<'a> {
    pub time: [u8; 6],
    #[wire(rest)]
    pub blocks: List<'a, BlockRef<'a>>,
}

/// As [`Block`], its lists where they lie.
#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum BlockRef<'a> {
    #[wire(tag = 1)]
    Running(Running),
    #[wire(tag = 2)]
    Motors(#[wire(count = prefix(u8))] List<'a, Motor>),
    #[wire(tag = 5)]
    Location(Location),
    #[wire(tag = 6)]
    Extremes(Extremes),
    #[wire(tag = 7)]
    Alarms(AlarmsRef<'a>),
    #[wire(tag = 8)]
    Voltages(#[wire(count = prefix(u8))] List<'a, VoltagesRef<'a>>),
    #[wire(tag = 9)]
    Temperatures(#[wire(count = prefix(u8))] List<'a, TemperaturesRef<'a>>),
    #[wire(tag = 0x80..=0xFE)]
    User {
        #[wire(tag)]
        id: u8,
        #[wire(size = prefix(u16))]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(endian = big)]
pub struct AlarmsRef<'a> {
    pub level: u8,
    pub flags: u32,
    #[wire(count = prefix(u8))]
    pub battery: List<'a, Code>,
    #[wire(count = prefix(u8))]
    pub motor: List<'a, Code>,
    #[wire(count = prefix(u8))]
    pub engine: List<'a, Code>,
    #[wire(count = prefix(u8))]
    pub other: List<'a, Code>,
}

#[derive(ExProtoFrame, Clone, Copy, Debug, PartialEq)]
#[wire(endian = big)]
pub struct Code(pub u32);

#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(endian = big)]
pub struct VoltagesRef<'a> {
    pub system: System,
    #[wire(count = prefix(u8))]
    pub cells: List<'a, Voltage>,
}

#[derive(ExProtoFrame, Clone, Copy, Debug, PartialEq)]
#[wire(endian = big)]
pub struct Voltage(pub u16);

#[derive(ExProtoFrame, Clone, Debug, PartialEq)]
#[wire(endian = big)]
pub struct TemperaturesRef<'a> {
    pub system: u8,
    #[wire(count = prefix(u16))]
    pub probes: &'a [u8],
}

impl Borrowed<'_> {
    /// The same value with everything of its own.
    #[must_use]
    pub fn owned(&self) -> Owned {
        let Self { command, response, vin, encryption, ref report } = *self;
        let blocks = report.blocks.iter().map(|block| block.owned()).collect();
        Owned { command, response, vin, encryption, report: Report { time: report.time, blocks } }
    }
}

impl BlockRef<'_> {
    fn owned(&self) -> Block {
        let codes = |list: &List<'_, Code>| list.iter().map(|code| code.0).collect::<Vec<_>>();
        match self {
            Self::Running(running) => Block::Running(*running),
            Self::Motors(motors) => Block::Motors(motors.iter().collect()),
            Self::Location(location) => Block::Location(*location),
            Self::Extremes(extremes) => Block::Extremes(*extremes),
            Self::Alarms(alarms) => Block::Alarms(Alarms {
                level: alarms.level,
                flags: alarms.flags,
                battery: codes(&alarms.battery),
                motor: codes(&alarms.motor),
                engine: codes(&alarms.engine),
                other: codes(&alarms.other),
            }),
            Self::Voltages(systems) => Block::Voltages(
                systems
                    .iter()
                    .map(|of| Voltages { system: of.system, cells: of.cells.iter().map(|v| v.0).collect() })
                    .collect(),
            ),
            Self::Temperatures(systems) => Block::Temperatures(
                systems
                    .iter()
                    .map(|of| Temperatures { system: of.system, probes: of.probes.to_vec() })
                    .collect(),
            ),
            Self::User { id, data } => Block::User { id: *id, data: data.to_vec() },
        }
    }
}
