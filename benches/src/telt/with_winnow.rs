//! Parsers of winnow, which writes nothing.

use winnow::binary::{be_i16, be_i32, be_u8, be_u16, be_u32, be_u64, length_repeat, u8 as byte};
use winnow::combinator::{eof, repeat, seq};
use winnow::{Parser as _, Result};

use super::{Fix, Record};

fn fix(input: &mut &[u8]) -> Result<Fix> {
    seq!(Fix {
        time: be_u64,
        priority: be_u8,
        lon: be_i32,
        lat: be_i32,
        altitude: be_i16,
        course: be_u16,
        satellites: be_u8,
        speed: be_u16,
        event: be_u8,
    })
    .parse_next(input)
}

fn record(input: &mut &[u8]) -> Result<Record> {
    let (fix, _, one, two, four, eight) = (
        fix,
        byte,
        length_repeat(byte, (byte, be_u8)),
        length_repeat(byte, (byte, be_u16)),
        length_repeat(byte, (byte, be_u32)),
        length_repeat(byte, (byte, be_u64)),
    )
        .verify(|(_, total, one, two, four, eight): &(_, u8, Vec<_>, Vec<_>, Vec<_>, Vec<_>)| {
            one.len() + two.len() + four.len() + eight.len() == usize::from(*total)
        })
        .parse_next(input)?;

    Ok(Record { fix, one, two, four, eight })
}

fn packet(input: &mut &[u8]) -> Result<Vec<Record>> {
    let (_, count) = (byte.verify(|codec| *codec == 8), byte).parse_next(input)?;
    let (records, _, _) =
        (repeat(usize::from(count), record), byte.verify(|again| *again == count), eof).parse_next(input)?;
    Ok(records)
}

/// Reads the content of a packet; `None` if it is none.
#[inline]
#[must_use]
pub fn parse(data: &[u8]) -> Option<Vec<Record>> {
    packet(&mut &data[..]).ok()
}
