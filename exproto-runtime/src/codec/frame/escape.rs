//! Byte stuffing: keeping a flag out of the bytes it delimits.

use alloc::vec::Vec;
use memchr::{memchr, memchr2};

/// An escape byte and the codes that may follow it.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Escape;
///
/// // PPP-like: 7E and 7D never stand in a frame.
/// static ESCAPE: Escape = Escape { byte: 0x7D, codes: &[(0x01, 0x7D), (0x02, 0x7E)] };
/// let mut wire = Vec::new();
/// ESCAPE.apply(&[0x30, 0x7E, 0x08, 0x7D, 0x55], &mut wire);
/// assert_eq!(wire, [0x30, 0x7D, 0x02, 0x08, 0x7D, 0x01, 0x55]);
/// let mut plain = Vec::new();
/// ESCAPE.remove(&wire, &mut plain).unwrap();
/// assert_eq!(plain, [0x30, 0x7E, 0x08, 0x7D, 0x55]);
/// // An escape byte at the very end, or before a byte that is no code:
/// assert_eq!(ESCAPE.remove(&[0x30, 0x7D], &mut plain), Err(1));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Escape {
    /// The byte that begins an escape sequence.
    pub byte: u8,
    /// What may follow it, and the byte that the pair stands for.
    pub codes: &'static [(u8, u8)],
}

impl Escape {
    /// Whether `wire` holds an escape sequence, so that [`remove`](Self::remove)
    /// has anything to do.
    #[inline]
    #[must_use]
    pub fn occurs_in(&self, wire: &[u8]) -> bool {
        memchr(self.byte, wire).is_some()
    }

    /// Appends `wire` without escapes.
    ///
    /// # Errors
    ///
    /// The offset in `wire` of an escape byte that no code follows.
    pub fn remove(&self, wire: &[u8], out: &mut Vec<u8>) -> Result<(), usize> {
        out.reserve(wire.len());
        let mut rest = wire;
        while let Some(at) = memchr(self.byte, rest) {
            let (plain, escaped) = rest.split_at(at);
            out.extend_from_slice(plain);
            let value = escaped.get(1).and_then(|code| self.value_of(*code));
            let (Some(value), Some(after)) = (value, escaped.get(2..)) else {
                return Err(wire.len() - escaped.len());
            };
            out.push(value);
            rest = after;
        }
        out.extend_from_slice(rest);
        Ok(())
    }

    /// Appends `plain` with escapes.
    pub fn apply(&self, plain: &[u8], out: &mut Vec<u8>) {
        out.reserve(plain.len());
        match self.codes {
            // The usual table has two bytes to keep out: one search for both.
            [(code_a, a), (code_b, b)] => {
                let mut rest = plain;
                while let Some(at) = memchr2(*a, *b, rest) {
                    let (clean, special) = rest.split_at(at);
                    out.extend_from_slice(clean);
                    let code = if special.first() == Some(a) { *code_a } else { *code_b };
                    out.extend_from_slice(&[self.byte, code]);
                    rest = special.get(1..).unwrap_or(&[]);
                }
                out.extend_from_slice(rest);
            }
            codes => {
                for &byte in plain {
                    match codes.iter().find(|(_, value)| *value == byte) {
                        Some((code, _)) => out.extend_from_slice(&[self.byte, *code]),
                        None => out.push(byte),
                    }
                }
            }
        }
    }

    /// Where in the escaped bytes the un-escaped byte `offset` begins.
    #[must_use]
    pub fn raw_offset(&self, wire: &[u8], offset: usize) -> usize {
        let mut raw = 0;
        for _ in 0..offset {
            raw += match wire.get(raw) {
                Some(byte) if *byte == self.byte => 2,
                _ => 1,
            };
        }
        raw
    }

    #[inline]
    fn value_of(&self, code: u8) -> Option<u8> {
        self.codes.iter().find(|(of, _)| *of == code).map(|(_, value)| *value)
    }
}
