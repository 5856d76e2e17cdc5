//! Parsers of winnow, which writes nothing.

use winnow::binary::{be_u16, length_and_then, u8 as byte};
use winnow::combinator::{dispatch, eof, fail, repeat, seq};
use winnow::error::ContextError;
use winnow::{Parser, Result};

use super::ours::{Answer, Ask, Request, Response};

/// Transaction, unit and what `pdu` reads, of a frame whose length is right.
fn framed<'i, T>(
    input: &mut &'i [u8],
    mut pdu: impl Parser<&'i [u8], T, ContextError>,
) -> Result<(u16, u8, T)> {
    let (transaction, _) = (be_u16, be_u16.verify(|protocol| *protocol == 0)).parse_next(input)?;
    let content = |content: &mut &'i [u8]| (byte, pdu.by_ref(), eof).parse_next(content);
    let ((unit, pdu, _), _) = (length_and_then(be_u16, content), eof).parse_next(input)?;
    Ok((transaction, unit, pdu))
}

fn registers(input: &mut &[u8]) -> Result<Vec<u16>> {
    let all = |content: &mut &[u8]| -> Result<Vec<u16>> {
        let (values, _) = (repeat(0.., be_u16), eof).parse_next(content)?;
        Ok(values)
    };
    length_and_then(byte, all).parse_next(input)
}

fn request(input: &mut &[u8]) -> Result<Request> {
    dispatch! {byte;
        3 => seq!(Request::ReadHolding { address: be_u16, count: be_u16 }),
        4 => seq!(Request::ReadInput { address: be_u16, count: be_u16 }),
        6 => seq!(Request::Write { address: be_u16, value: be_u16 }),
        16 => (be_u16, be_u16, registers)
            .verify(|(_, count, values): &(_, u16, Vec<u16>)| values.len() == usize::from(*count))
            .map(|(address, _, values)| Request::WriteMany { address, values }),
        _ => fail,
    }
    .parse_next(input)
}

fn response(input: &mut &[u8]) -> Result<Response> {
    dispatch! {byte;
        3 => registers.map(Response::Holding),
        4 => registers.map(Response::Input),
        6 => seq!(Response::Written { address: be_u16, value: be_u16 }),
        16 => seq!(Response::WrittenMany { address: be_u16, count: be_u16 }),
        function @ 0x81.. => byte.map(move |code| Response::Exception { function, code }),
        _ => fail,
    }
    .parse_next(input)
}

/// Reads a request; `None` if it is none.
#[inline]
#[must_use]
pub fn ask(wire: &[u8]) -> Option<Ask> {
    let (transaction, unit, pdu) = framed(&mut &wire[..], request).ok()?;
    Some(Ask { transaction, unit, pdu })
}

/// Reads a response; `None` if it is none.
#[inline]
#[must_use]
pub fn answer(wire: &[u8]) -> Option<Answer> {
    let (transaction, unit, pdu) = framed(&mut &wire[..], response).ok()?;
    Some(Answer { transaction, unit, pdu })
}
