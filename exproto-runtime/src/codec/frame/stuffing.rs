//! Transparency: how delimiters are kept out of the bytes they delimit.

use alloc::vec::Vec;

use super::{Blocks, Escape, FRAME, hex};
use crate::codec::error::ErrorKind;
use crate::codec::schema::FieldInfo;

/// What stands on the wire in place of bytes that must not stand there.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Stuffing;
///
/// // Each sequence on the wire, and what it stands for.
/// static TABLE: Stuffing = Stuffing::Sequences(&[
///     (&[0x5A, 0x01], &[0x5B]),
///     (&[0x5A, 0x02], &[0x5A]),
///     (&[0x5E, 0x01], &[0x5D]),
///     (&[0x5E, 0x02], &[0x5E]),
/// ]);
/// let mut wire = Vec::new();
/// TABLE.apply(&[1, 0x5B, 0x5E, 2], &mut wire);
/// assert_eq!(wire, [1, 0x5A, 0x01, 0x5E, 0x02, 2]);
/// let mut plain = Vec::new();
/// TABLE.remove(&wire, &mut plain).unwrap();
/// assert_eq!(plain, [1, 0x5B, 0x5E, 2]);
///
/// // COBS keeps zero out of the frame.
/// let mut wire = Vec::new();
/// Stuffing::Cobs.apply(&[0x11, 0x22, 0, 0x33], &mut wire);
/// assert_eq!(wire, [0x03, 0x11, 0x22, 0x02, 0x33]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stuffing {
    /// One escape byte and one code byte.
    Escape(&'static Escape),
    /// Sequences on the wire and what each stands for. The first byte of a
    /// sequence never stands on the wire for itself.
    Sequences(&'static [(&'static [u8], &'static [u8])]),
    /// Consistent overhead byte stuffing: keeps zero out.
    Cobs,
    /// Each byte as two hexadecimal digits, written in upper case; both cases
    /// are read.
    Hex,
    /// Blocks with a checksum behind each.
    Blocks(&'static Blocks),
    /// What a transform of the user makes of the bytes.
    By(&'static ByTransform),
}

/// A [`Transform`](crate::codec::Transform) of whole frames. Emitted by the derive.
#[derive(Clone, Copy, Debug)]
pub struct ByTransform {
    /// From the bytes on the wire to those of the frame, at most so many.
    pub decode: fn(&[u8], usize) -> Option<Vec<u8>>,
    /// Back.
    pub encode: fn(&[u8]) -> Option<Vec<u8>>,
    /// Whether the frame's bytes give the same bytes on the wire again.
    pub exact: fn() -> bool,
    /// The most bytes of a frame.
    pub max: usize,
}

impl PartialEq for ByTransform {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

impl Eq for ByTransform {}

impl Stuffing {
    /// Whether [`remove`](Self::remove) has anything to do.
    #[inline]
    #[must_use]
    pub fn occurs_in(&self, wire: &[u8]) -> bool {
        match self {
            Self::Escape(escape) => escape.occurs_in(wire),
            Self::Sequences(table) => {
                wire.iter().any(|byte| table.iter().any(|(sequence, _)| sequence.first() == Some(byte)))
            }
            Self::Cobs | Self::Hex | Self::Blocks(_) | Self::By(_) => true,
        }
    }

    /// What is wrong where [`remove`](Self::remove) fails.
    #[must_use]
    pub const fn error(&self) -> ErrorKind {
        match self {
            Self::Hex => ErrorKind::Digits,
            Self::Blocks(blocks) => blocks.error(),
            Self::By(_) => ErrorKind::Transform,
            Self::Escape(_) | Self::Sequences(_) | Self::Cobs => ErrorKind::Escape,
        }
    }

    /// What an error of [`remove`](Self::remove) speaks of.
    pub(crate) fn at(&self) -> &'static FieldInfo {
        match self {
            Self::Blocks(blocks) => blocks.at,
            _ => &FRAME,
        }
    }

    /// Appends `wire` as it was before stuffing.
    ///
    /// # Errors
    ///
    /// The offset in `wire` of a sequence that means nothing, or of a byte that
    /// is no digit or lacks its second one, or of a wrong checksum; 0 where a transform
    /// refuses the bytes.
    pub fn remove(&self, wire: &[u8], out: &mut Vec<u8>) -> Result<(), usize> {
        match self {
            Self::Escape(escape) => escape.remove(wire, out),
            Self::Sequences(table) => {
                out.reserve(wire.len());
                let mut at = 0;
                while let Some(rest) = wire.get(at..).filter(|rest| !rest.is_empty()) {
                    let (taken, plain) = sequence(table, rest).ok_or(at)?;
                    out.extend_from_slice(plain);
                    at += taken;
                }
                Ok(())
            }
            Self::Cobs => cobs_remove(wire, out),
            Self::Hex => hex::remove(wire, out),
            Self::Blocks(blocks) => {
                blocks.verify(wire)?;
                blocks.take_out(wire, out);
                Ok(())
            }
            Self::By(by) => {
                let plain = (by.decode)(wire, by.max).filter(|plain| plain.len() <= by.max).ok_or(0_usize)?;
                out.extend_from_slice(&plain);
                Ok(())
            }
        }
    }

    /// Appends `plain` as it stands on the wire; nothing where a transform refuses the
    /// bytes.
    pub fn apply(&self, plain: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Escape(escape) => escape.apply(plain, out),
            Self::Sequences(table) => {
                out.reserve(plain.len());
                let mut rest = plain;
                while let Some(first) = rest.first() {
                    let coded = table
                        .iter()
                        .filter(|(_, value)| rest.starts_with(value))
                        .max_by_key(|(_, value)| value.len());
                    match coded {
                        Some((sequence, value)) if !value.is_empty() => {
                            out.extend_from_slice(sequence);
                            rest = rest.get(value.len()..).unwrap_or(&[]);
                        }
                        _ => {
                            out.push(*first);
                            rest = rest.get(1..).unwrap_or(&[]);
                        }
                    }
                }
            }
            Self::Cobs => cobs_apply(plain, out),
            Self::Hex => hex::apply(plain, out),
            Self::Blocks(blocks) => blocks.apply(plain, out),
            Self::By(by) => out.extend((by.encode)(plain).unwrap_or_default()),
        }
    }

    /// Stuffs what stands in `out` from `from` on. `None` where a transform refuses the
    /// bytes.
    #[inline]
    pub fn apply_in_place(&self, out: &mut Vec<u8>, from: usize) -> Option<()> {
        if let Self::Escape(escape) = self {
            escape.apply_in_place(out, from);
            return Some(());
        }
        let plain = out.split_off(from.min(out.len()));
        match self {
            Self::By(by) => out.extend((by.encode)(&plain)?),
            _ => self.apply(&plain, out),
        }
        Some(())
    }

    /// Whether our own encoder would write `wire` for what it stands for.
    #[must_use]
    pub fn is_canonical(&self, wire: &[u8]) -> bool {
        match self {
            Self::Escape(escape) => escape.is_canonical(wire),
            Self::Blocks(blocks) => blocks.verify(wire).is_ok(),
            Self::By(by) if (by.exact)() => true,
            Self::Hex => !wire.iter().any(u8::is_ascii_lowercase),
            Self::Sequences(_) | Self::Cobs | Self::By(_) => {
                let (mut plain, mut again) = (Vec::new(), Vec::new());
                self.remove(wire, &mut plain).is_ok() && {
                    self.apply(&plain, &mut again);
                    again == wire
                }
            }
        }
    }

    /// Where in the stuffed bytes the byte `offset` of the plain ones begins.
    #[must_use]
    pub fn raw_offset(&self, wire: &[u8], offset: usize) -> usize {
        match self {
            Self::Escape(escape) => escape.raw_offset(wire, offset),
            Self::Sequences(table) => {
                let (mut raw, mut plain) = (0, 0);
                while plain < offset {
                    let taken = wire
                        .get(raw..)
                        .filter(|rest| !rest.is_empty())
                        .and_then(|rest| sequence(table, rest));
                    let (taken, value) = taken.unwrap_or((1, &[0]));
                    raw += taken;
                    plain += value.len().max(1);
                }
                raw
            }
            Self::Hex => offset.saturating_mul(2),
            Self::Blocks(blocks) => blocks.raw_offset(offset),
            // Only the transform knows.
            Self::By(_) => offset.min(wire.len()),
            // A run of up to 254 bytes stands behind each code byte.
            Self::Cobs => {
                let (mut raw, mut plain) = (0, 0);
                while let Some(code) = wire.get(raw).filter(|code| **code != 0) {
                    let run = usize::from(*code) - 1;
                    if plain + run > offset {
                        return raw + 1 + offset - plain;
                    }
                    plain += run + usize::from(*code < 0xFF);
                    raw += run + 1;
                    if plain > offset {
                        return raw;
                    }
                }
                raw
            }
        }
    }
}

/// The bytes that the front of `rest` takes, and what they stand for.
fn sequence<'w>(table: &[(&'static [u8], &'static [u8])], rest: &'w [u8]) -> Option<(usize, &'w [u8])>
where
    'static: 'w,
{
    let first = rest.first()?;
    let mut special = false;
    let mut best: Option<(usize, &'w [u8])> = None;
    for (sequence, value) in table {
        special |= sequence.first() == Some(first);
        if rest.starts_with(sequence) && best.is_none_or(|(len, _)| len < sequence.len()) {
            best = Some((sequence.len(), value));
        }
    }
    match best {
        None if !special => Some((1, rest.get(..1)?)),
        best => best,
    }
}

fn cobs_remove(wire: &[u8], out: &mut Vec<u8>) -> Result<(), usize> {
    out.reserve(wire.len());
    let mut at = 0;
    while let Some(code) = wire.get(at) {
        let run = usize::from(*code).checked_sub(1).ok_or(at)?;
        let bytes = wire.get(at + 1..at + 1 + run).ok_or(at)?;
        if let Some(zero) = bytes.iter().position(|byte| *byte == 0) {
            return Err(at + 1 + zero);
        }
        out.extend_from_slice(bytes);
        at += run + 1;
        if *code < 0xFF && at < wire.len() {
            out.push(0);
        }
    }
    Ok(())
}

fn cobs_apply(plain: &[u8], out: &mut Vec<u8>) {
    out.reserve(plain.len() + plain.len() / 254 + 1);
    let mut rest = plain;
    loop {
        let zero = memchr::memchr(0, rest.get(..254).unwrap_or(rest));
        let run = zero.unwrap_or(rest.len().min(254));
        out.push(run as u8 + 1);
        out.extend_from_slice(rest.get(..run).unwrap_or(&[]));
        rest = rest.get(run + usize::from(zero.is_some())..).unwrap_or(&[]);
        // A zero at the very end still needs the run behind it.
        if rest.is_empty() && zero.is_none() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    #[test]
    fn cobs_gives_the_published_examples() {
        let run: Vec<u8> = (1..=254).collect();
        let mut full = vec![0xFF];
        full.extend(&run);
        let cases: [(&[u8], &[u8]); 7] = [
            (&[], &[1]),
            (&[0], &[1, 1]),
            (&[0, 0], &[1, 1, 1]),
            (&[0x11, 0x22, 0, 0x33], &[3, 0x11, 0x22, 2, 0x33]),
            (&[0x11, 0, 0, 0], &[2, 0x11, 1, 1, 1]),
            (&[0, 0x11, 0], &[1, 2, 0x11, 1]),
            (&run, &full),
        ];
        for (plain, wire) in cases {
            let (mut stuffed, mut again) = (Vec::new(), Vec::new());
            Stuffing::Cobs.apply(plain, &mut stuffed);
            assert_eq!(stuffed, wire, "{plain:x?}");
            assert_eq!(Stuffing::Cobs.remove(wire, &mut again), Ok(()));
            assert_eq!(again, plain);
            for at in 0..plain.len() {
                let raw = Stuffing::Cobs.raw_offset(wire, at);
                assert!(
                    raw < wire.len() && (plain[at] == 0 || wire[raw] == plain[at]),
                    "{plain:x?} {at} {raw}"
                );
            }
        }
    }

    #[test]
    fn cobs_keeps_zero_out_of_any_length() {
        for len in 0..600 {
            let plain: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
            let (mut wire, mut again) = (Vec::new(), Vec::new());
            Stuffing::Cobs.apply(&plain, &mut wire);
            assert!(!wire.contains(&0));
            assert_eq!(Stuffing::Cobs.remove(&wire, &mut again), Ok(()));
            assert_eq!(again, plain, "{len}");
        }
        let mut out = Vec::new();
        assert_eq!(Stuffing::Cobs.remove(&[3, 1], &mut out), Err(0));
        assert_eq!(Stuffing::Cobs.remove(&[2, 1, 0], &mut out), Err(2));
        assert_eq!(Stuffing::Cobs.remove(&[3, 0, 1], &mut out), Err(1));
    }

    #[test]
    fn sequences_that_are_unknown_are_refused() {
        let table = Stuffing::Sequences(&[(b"\x10\x10", b"\x10"), (b"\x10\x03\x01", b"\x10\x03")]);
        let (mut wire, mut plain) = (Vec::new(), Vec::new());
        table.apply(b"a\x10b\x10\x03c", &mut wire);
        assert_eq!(wire, b"a\x10\x10b\x10\x03\x01c");
        assert_eq!(table.remove(&wire, &mut plain), Ok(()));
        assert_eq!(plain, b"a\x10b\x10\x03c");
        assert_eq!(table.raw_offset(&wire, 2), 3);
        assert_eq!(table.raw_offset(&wire, 5), 7);
        assert_eq!(table.remove(b"a\x10\x03", &mut plain), Err(1));
        assert_eq!(table.remove(b"\x10", &mut plain), Err(0));
    }

    #[test]
    fn the_exclusive_or_form_accepts_escapes_that_are_not_needed() {
        static PPP: Escape = Escape { byte: 0x7D, codes: &[(0x5E, 0x7E), (0x5D, 0x7D)], xor: Some(0x20) };
        let mut plain = Vec::new();
        assert_eq!(PPP.remove(b"\x7D\x5E\x7D\x21\x7D\x5D", &mut plain), Ok(()));
        assert_eq!(plain, b"\x7E\x01\x7D");
        assert!(!PPP.is_canonical(b"\x7D\x5E\x7D\x21\x7D\x5D"));
        assert!(PPP.is_canonical(b"\x7D\x5E\x01\x7D\x5D"));
    }
}
