//! Parsers of winnow, which writes nothing.

use winnow::binary::{be_u8, be_u16, be_u32, length_repeat, length_take, u8 as byte};
use winnow::combinator::{dispatch, eof, fail, repeat, seq};
use winnow::error::ContextError;
use winnow::token::take;
use winnow::{Parser, Result};

use super::ours::{Alarms, Block, Owned, Report, Temperatures, Voltages};
use super::{Cell, Extremes, Location, Motor, Running, System};

/// An array of bytes.
fn bytes<'i, const N: usize>(input: &mut &'i [u8]) -> Result<[u8; N]> {
    take(N).try_map(|taken: &'i [u8]| taken.try_into()).parse_next(input)
}

/// A count of one byte and as many elements.
fn list<'i, T>(
    element: impl Parser<&'i [u8], T, ContextError>,
) -> impl Parser<&'i [u8], Vec<T>, ContextError> {
    length_repeat(byte, element)
}

fn running(input: &mut &[u8]) -> Result<Running> {
    seq!(Running {
        state: byte,
        charging: byte,
        mode: byte,
        speed: be_u16,
        mileage: be_u32,
        voltage: be_u16,
        current: be_u16,
        soc: byte,
        dc_dc: byte,
        gear: byte,
        insulation: be_u16,
        accelerator: byte,
        brake: byte,
    })
    .parse_next(input)
}

fn motor(input: &mut &[u8]) -> Result<Motor> {
    seq!(Motor {
        number: byte,
        state: byte,
        controller: byte,
        speed: be_u16,
        torque: be_u16,
        temperature: byte,
        voltage: be_u16,
        current: be_u16,
    })
    .parse_next(input)
}

fn location(input: &mut &[u8]) -> Result<Location> {
    seq!(Location { state: byte, lon: be_u32, lat: be_u32 }).parse_next(input)
}

fn cell(input: &mut &[u8]) -> Result<Cell> {
    seq!(Cell { system: byte, cell: byte, voltage: be_u16 }).parse_next(input)
}

fn extremes(input: &mut &[u8]) -> Result<Extremes> {
    seq!(Extremes { highest: cell, lowest: cell, hottest: bytes, coldest: bytes }).parse_next(input)
}

fn alarms(input: &mut &[u8]) -> Result<Alarms> {
    seq!(Alarms {
        level: byte,
        flags: be_u32,
        battery: list(be_u32),
        motor: list(be_u32),
        engine: list(be_u32),
        other: list(be_u32),
    })
    .parse_next(input)
}

fn system(input: &mut &[u8]) -> Result<System> {
    seq!(System { number: byte, voltage: be_u16, current: be_u16, total: be_u16, first: be_u16 })
        .parse_next(input)
}

fn voltages(input: &mut &[u8]) -> Result<Voltages> {
    seq!(Voltages { system: system, cells: list(be_u16) }).parse_next(input)
}

fn temperatures(input: &mut &[u8]) -> Result<Temperatures> {
    seq!(Temperatures { system: be_u8, probes: length_take(be_u16).map(<[u8]>::to_vec) }).parse_next(input)
}

fn block(input: &mut &[u8]) -> Result<Block> {
    dispatch! {byte;
        1 => running.map(Block::Running),
        2 => list(motor).map(Block::Motors),
        5 => location.map(Block::Location),
        6 => extremes.map(Block::Extremes),
        7 => alarms.map(Block::Alarms),
        8 => list(voltages).map(Block::Voltages),
        9 => list(temperatures).map(Block::Temperatures),
        id @ 0x80..=0xFE => {
            length_take(be_u16).map(move |data: &[u8]| Block::User { id, data: data.to_vec() })
        },
        _ => fail,
    }
    .parse_next(input)
}

fn frame(input: &mut &[u8]) -> Result<Owned> {
    let (command, response, vin, encryption, length) = (byte, byte, bytes, byte, be_u16).parse_next(input)?;
    let mut data = take(length).parse_next(input)?;
    eof.parse_next(input)?;
    let time = bytes(&mut data)?;
    let (blocks, _) = (repeat(0.., block), eof).parse_next(&mut data)?;
    Ok(Owned { command, response, vin, encryption, report: Report { time, blocks } })
}

/// Reads what [`open`](super::hand::open) gives; `None` if it is no report.
#[inline]
#[must_use]
pub fn parse(content: &[u8]) -> Option<Owned> {
    frame(&mut &content[..]).ok()
}
