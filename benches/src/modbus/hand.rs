//! By hand.

use super::ours::{Answer, Ask, Request, Response};

#[inline(always)]
fn pair(high: u8, low: u8) -> u16 {
    u16::from_be_bytes([high, low])
}

/// Transaction, unit and what follows, of a frame whose length is right.
#[inline(always)]
fn open(wire: &[u8]) -> Option<(u16, u8, &[u8])> {
    let &[t0, t1, 0, 0, l0, l1, unit, ref pdu @ ..] = wire else { return None };
    (usize::from(pair(l0, l1)) == pdu.len() + 1).then_some((pair(t0, t1), unit, pdu))
}

/// Whether a frame is whole and no more, for peers that cannot say so.
#[inline]
#[must_use]
pub fn is_whole(wire: &[u8]) -> bool {
    open(wire).is_some()
}

/// Registers of which there are as many bytes as `bytes` says.
#[inline(always)]
fn registers(bytes: u8, data: &[u8]) -> Option<&[[u8; 2]]> {
    let (registers, odd) = data.as_chunks::<2>();
    (odd.is_empty() && usize::from(bytes) == data.len()).then_some(registers)
}

#[inline(always)]
fn values(registers: &[[u8; 2]]) -> Vec<u16> {
    registers.iter().map(|register| u16::from_be_bytes(*register)).collect()
}

/// Reads a request; `None` if it is none.
#[inline]
#[must_use]
pub fn ask(wire: &[u8]) -> Option<Ask> {
    let (transaction, unit, pdu) = open(wire)?;
    let pdu = match *pdu {
        [3, a0, a1, c0, c1] => Request::ReadHolding { address: pair(a0, a1), count: pair(c0, c1) },
        [4, a0, a1, c0, c1] => Request::ReadInput { address: pair(a0, a1), count: pair(c0, c1) },
        [6, a0, a1, v0, v1] => Request::Write { address: pair(a0, a1), value: pair(v0, v1) },
        [16, a0, a1, c0, c1, bytes, ref data @ ..] => {
            let registers = registers(bytes, data)?;
            if registers.len() != usize::from(pair(c0, c1)) {
                return None;
            }
            Request::WriteMany { address: pair(a0, a1), values: values(registers) }
        }
        _ => return None,
    };
    Some(Ask { transaction, unit, pdu })
}

/// A response whose registers are read where they lie.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub struct AnswerRef<'a> {
    pub transaction: u16,
    pub unit: u8,
    pub pdu: ResponseRef<'a>,
}

/// What is in it.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum ResponseRef<'a> {
    Holding(&'a [[u8; 2]]),
    Input(&'a [[u8; 2]]),
    Written { address: u16, value: u16 },
    WrittenMany { address: u16, count: u16 },
    Exception { function: u8, code: u8 },
}

/// Reads a response, its registers not; `None` if it is none.
#[inline]
#[must_use]
pub fn answer_ref(wire: &[u8]) -> Option<AnswerRef<'_>> {
    let (transaction, unit, pdu) = open(wire)?;
    let pdu = match *pdu {
        [3, bytes, ref data @ ..] => ResponseRef::Holding(registers(bytes, data)?),
        [4, bytes, ref data @ ..] => ResponseRef::Input(registers(bytes, data)?),
        [6, a0, a1, v0, v1] => ResponseRef::Written { address: pair(a0, a1), value: pair(v0, v1) },
        [16, a0, a1, c0, c1] => ResponseRef::WrittenMany { address: pair(a0, a1), count: pair(c0, c1) },
        [function @ 0x81..=0xFF, code] => ResponseRef::Exception { function, code },
        _ => return None,
    };
    Some(AnswerRef { transaction, unit, pdu })
}

/// Reads a response; `None` if it is none.
#[inline]
#[must_use]
pub fn answer(wire: &[u8]) -> Option<Answer> {
    let AnswerRef { transaction, unit, pdu } = answer_ref(wire)?;
    let pdu = match pdu {
        ResponseRef::Holding(registers) => Response::Holding(values(registers)),
        ResponseRef::Input(registers) => Response::Input(values(registers)),
        ResponseRef::Written { address, value } => Response::Written { address, value },
        ResponseRef::WrittenMany { address, count } => Response::WrittenMany { address, count },
        ResponseRef::Exception { function, code } => Response::Exception { function, code },
    };
    Some(Answer { transaction, unit, pdu })
}

/// A frame around a unit's `pdu` of `len` bytes; `None` if it is too long.
#[inline(always)]
fn head(out: &mut Vec<u8>, transaction: u16, unit: u8, len: usize) -> Option<()> {
    let ([t0, t1], [l0, l1]) = (transaction.to_be_bytes(), u16::try_from(len + 1).ok()?.to_be_bytes());
    out.reserve(7 + len);
    out.extend_from_slice(&[t0, t1, 0, 0, l0, l1, unit]);
    Some(())
}

/// Two registers behind a function code, the form of most.
#[inline(always)]
fn two(out: &mut Vec<u8>, (transaction, unit): (u16, u8), function: u8, a: u16, b: u16) -> Option<()> {
    head(out, transaction, unit, 5)?;
    let ([a0, a1], [b0, b1]) = (a.to_be_bytes(), b.to_be_bytes());
    out.extend_from_slice(&[function, a0, a1, b0, b1]);
    Some(())
}

#[inline(always)]
fn put(out: &mut Vec<u8>, values: &[u16]) {
    for value in values {
        out.extend_from_slice(&value.to_be_bytes());
    }
}

/// Appends a request; `None` if it is too long.
#[inline]
#[must_use]
pub fn write_ask(ask: &Ask, out: &mut Vec<u8>) -> Option<()> {
    let to = (ask.transaction, ask.unit);
    match &ask.pdu {
        Request::ReadHolding { address, count } => two(out, to, 3, *address, *count),
        Request::ReadInput { address, count } => two(out, to, 4, *address, *count),
        Request::Write { address, value } => two(out, to, 6, *address, *value),
        Request::WriteMany { address, values } => {
            let bytes = u8::try_from(2 * values.len()).ok()?;
            head(out, ask.transaction, ask.unit, 6 + usize::from(bytes))?;
            let ([a0, a1], [c0, c1]) = (address.to_be_bytes(), u16::from(bytes / 2).to_be_bytes());
            out.extend_from_slice(&[16, a0, a1, c0, c1, bytes]);
            put(out, values);
            Some(())
        }
    }
}

/// Appends a response; `None` if it is too long.
#[inline]
#[must_use]
pub fn write_answer(answer: &Answer, out: &mut Vec<u8>) -> Option<()> {
    let to = (answer.transaction, answer.unit);
    let (function, values) = match &answer.pdu {
        Response::Holding(values) => (3, values),
        Response::Input(values) => (4, values),
        Response::Written { address, value } => return two(out, to, 6, *address, *value),
        Response::WrittenMany { address, count } => return two(out, to, 16, *address, *count),
        Response::Exception { function, code } => {
            head(out, to.0, to.1, 2)?;
            out.extend_from_slice(&[*function, *code]);
            return Some(());
        }
    };
    let bytes = u8::try_from(2 * values.len()).ok()?;
    head(out, to.0, to.1, 2 + usize::from(bytes))?;
    out.extend_from_slice(&[function, bytes]);
    put(out, values);
    Some(())
}
