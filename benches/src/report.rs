//! A report of blocks that have no lengths: GB/T 32960, the tables of 2016.
//!
//! What has no counts in it is one type for all peers; code by hand and the
//! parsers of winnow make the values that are declared for exproto.

use std::hint::black_box;

use binrw::{BinRead, BinWrite};
use deku::prelude::*;
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec;

use crate::cases::{Case, Work};
use crate::input::frames;
use crate::rounds::{encoding, ok, some, work};

pub mod counted;
pub mod hand;
pub mod ours;
pub mod with_winnow;

const FILE: &str = include_str!("../../tests/captures/gbt32960/bench_mix.hexl");

/// The vehicle itself.
#[derive(ExProtoFrame, DekuRead, DekuWrite, BinRead, BinWrite, Clone, Copy, Debug, PartialEq)]
#[wire(endian = big)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
#[allow(missing_docs)]
pub struct Running {
    pub state: u8,
    pub charging: u8,
    pub mode: u8,
    pub speed: u16,
    pub mileage: u32,
    pub voltage: u16,
    pub current: u16,
    pub soc: u8,
    pub dc_dc: u8,
    pub gear: u8,
    pub insulation: u16,
    pub accelerator: u8,
    pub brake: u8,
}

/// A motor.
#[derive(ExProtoFrame, DekuRead, DekuWrite, BinRead, BinWrite, Clone, Copy, Debug, PartialEq)]
#[wire(endian = big)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
#[allow(missing_docs)]
pub struct Motor {
    pub number: u8,
    pub state: u8,
    pub controller: u8,
    pub speed: u16,
    pub torque: u16,
    pub temperature: u8,
    pub voltage: u16,
    pub current: u16,
}

/// Where it is.
#[derive(ExProtoFrame, DekuRead, DekuWrite, BinRead, BinWrite, Clone, Copy, Debug, PartialEq)]
#[wire(endian = big)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
#[allow(missing_docs)]
pub struct Location {
    pub state: u8,
    pub lon: u32,
    pub lat: u32,
}

/// The highest and lowest of all cells and probes.
#[derive(ExProtoFrame, DekuRead, DekuWrite, BinRead, BinWrite, Clone, Copy, Debug, PartialEq)]
#[wire(endian = big)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
#[allow(missing_docs)]
pub struct Extremes {
    pub highest: Cell,
    pub lowest: Cell,
    pub hottest: [u8; 3],
    pub coldest: [u8; 3],
}

/// The voltage of a cell.
#[derive(ExProtoFrame, DekuRead, DekuWrite, BinRead, BinWrite, Clone, Copy, Debug, PartialEq)]
#[wire(endian = big)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
#[allow(missing_docs)]
pub struct Cell {
    pub system: u8,
    pub cell: u8,
    pub voltage: u16,
}

/// What stands before the cells of a system.
#[derive(ExProtoFrame, DekuRead, DekuWrite, BinRead, BinWrite, Clone, Copy, Debug, PartialEq)]
#[wire(endian = big)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
#[brw(big)]
#[allow(missing_docs)]
pub struct System {
    pub number: u8,
    pub voltage: u16,
    pub current: u16,
    pub total: u16,
    pub first: u16,
}

/// The measurements. `report-decode` verifies length and checksum,
/// `report-parse` does not; `report-ref` verifies the extents of all blocks,
/// `report-walk` then reads each block once.
pub const CASES: &[Case] = &[
    Case { task: "report-decode", peer: "hand", prepare: || decode(hand::parse) },
    Case {
        task: "report-decode",
        peer: "ours",
        prepare: || work(input(), |w| ok(&codec::decode::<ours::Owned>(w))),
    },
    Case { task: "report-decode", peer: "winnow", prepare: || decode(with_winnow::parse) },
    Case { task: "report-decode", peer: "binrw", prepare: || decode(counted::Frame::parse_binrw) },
    Case { task: "report-decode", peer: "deku", prepare: || decode(counted::Frame::parse_deku) },
    Case { task: "report-parse", peer: "hand", prepare: || parse(hand::parse) },
    Case {
        task: "report-parse",
        peer: "ours",
        prepare: || work(input(), |w| ok(&codec::decode_unverified::<ours::Owned>(w))),
    },
    Case { task: "report-parse", peer: "winnow", prepare: || parse(with_winnow::parse) },
    Case { task: "report-parse", peer: "binrw", prepare: || parse(counted::Frame::parse_binrw) },
    Case { task: "report-parse", peer: "deku", prepare: || parse(counted::Frame::parse_deku) },
    Case {
        task: "report-ref",
        peer: "hand",
        prepare: || work(input(), |w| some(&hand::parse_ref(content(w)))),
    },
    Case {
        task: "report-ref",
        peer: "ours",
        prepare: || work(input(), |w| ok(&codec::decode_unverified::<ours::Borrowed<'_>>(w))),
    },
    Case { task: "report-walk", peer: "hand", prepare: || work(input(), walk_hand) },
    Case { task: "report-walk", peer: "ours", prepare: || work(input(), walk_ours) },
    Case { task: "report-encode", peer: "hand", prepare: || encode(hand::parse, hand::encode) },
    Case { task: "report-encode", peer: "ours", prepare: || encode(hand::parse, encode_ours) },
    Case {
        task: "report-encode",
        peer: "binrw",
        prepare: || encode(counted::Frame::parse_binrw, counted::Frame::encode_binrw),
    },
    Case {
        task: "report-encode",
        peer: "deku",
        prepare: || encode(counted::Frame::parse_deku, counted::Frame::encode_deku),
    },
];

/// The 143 reports of the mix.
#[must_use]
pub fn input() -> Vec<Vec<u8>> {
    frames(FILE).into_iter().filter(|frame| matches!(frame.get(2), Some(2 | 3))).collect()
}

/// What stands between the leading bytes and the checksum.
#[inline]
#[must_use]
pub fn content(wire: &[u8]) -> &[u8] {
    wire.get(2..wire.len() - 1).unwrap_or(&[])
}

fn decode<V: 'static>(read: fn(&[u8]) -> Option<V>) -> Work {
    work(input(), move |wire| some(&hand::open(wire).and_then(read)))
}

fn parse<V: 'static>(read: fn(&[u8]) -> Option<V>) -> Work {
    work(input(), move |wire| some(&read(content(wire))))
}

fn encode<V: 'static>(
    read: fn(&[u8]) -> Option<V>,
    write: impl Fn(&V, &mut Vec<u8>) -> Option<()> + 'static,
) -> Work {
    let values: Vec<V> = input().iter().filter_map(|wire| read(content(wire))).collect();
    encoding(values, move |value, out| write(value, out).is_some())
}

#[inline]
fn encode_ours(value: &ours::Owned, out: &mut Vec<u8>) -> Option<()> {
    codec::encode::<ours::Owned>(value, out).ok()
}

fn walk_hand(wire: &[u8]) -> bool {
    let Some((_, mut rest)) = hand::parse_ref(content(wire)) else { return false };
    while !rest.is_empty() {
        black_box(&hand::BlockRef::read(&mut rest));
    }
    true
}

fn walk_ours(wire: &[u8]) -> bool {
    let Ok(received) = codec::decode_unverified::<ours::Borrowed<'_>>(wire) else { return false };
    for block in &received.frame.report.blocks {
        black_box(&block);
    }
    true
}
