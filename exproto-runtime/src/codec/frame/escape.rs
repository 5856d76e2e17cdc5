//! Byte stuffing: keeping a flag out of the bytes it delimits.

use alloc::vec::Vec;
use memchr::{memchr, memchr2, memchr2_iter, memrchr2};

/// An escape byte and the codes that may follow it.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Escape;
///
/// // PPP-like: 7E and 7D never stand in a frame.
/// static ESCAPE: Escape = Escape { byte: 0x7D, codes: &[(0x01, 0x7D), (0x02, 0x7E)], xor: None };
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
    /// What any other code is combined with by exclusive or to give the byte
    /// it stands for; without it, only `codes` may follow.
    pub xor: Option<u8>,
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

    /// Appends the bytes before the next `flag` without escapes, of which the
    /// first stands `at`; says where that flag is.
    ///
    /// # Errors
    ///
    /// There is none, or an escape byte before it that no code follows: so many
    /// bytes are known not to be the flag.
    #[inline]
    pub(super) fn remove_until(
        &self,
        flag: u8,
        bytes: &[u8],
        at: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize, usize> {
        let (mut clean, mut special) = bytes.split_at_checked(at).ok_or(0_usize)?;
        loop {
            out.extend_from_slice(clean);
            let after = match special {
                [byte, ..] if *byte == flag => return Ok(bytes.len() - special.len()),
                [_, code, after @ ..]
                    if *code != flag
                        && let Some(value) = self.value_of(*code) =>
                {
                    out.push(value);
                    after
                }
                _ => return Err(bytes.len() - special.len()),
            };
            let at = memchr2(self.byte, flag, after).ok_or(bytes.len())?;
            (clean, special) = after.split_at_checked(at).ok_or(bytes.len())?;
        }
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

    /// Escapes what stands in `out` from `from` on.
    #[inline]
    pub fn apply_in_place(&self, out: &mut Vec<u8>, from: usize) {
        let plain = out.get(from..).unwrap_or(&[]);
        let first = match self.codes {
            [(_, a), (_, b)] => memchr2(*a, *b, plain),
            _ => plain.iter().position(|byte| self.code_of(*byte).is_some()),
        };
        if let Some(at) = first {
            self.expand(out, from + at);
        }
    }

    /// Moves each run of clean bytes once, from the back.
    #[inline(never)]
    fn expand(&self, out: &mut Vec<u8>, from: usize) {
        let plain = out.get(from..).unwrap_or(&[]);
        let more = match self.codes {
            [(_, a), (_, b)] => memchr2_iter(*a, *b, plain).count(),
            _ => plain.iter().filter(|byte| self.code_of(**byte).is_some()).count(),
        };
        let mut end = out.len();
        out.resize(end + more, 0);
        // `left` escapes are still to be made room for before `end`.
        for left in (1..=more).rev() {
            let plain = out.get(from..end).unwrap_or(&[]);
            let last = match self.codes {
                [(_, a), (_, b)] => memrchr2(*a, *b, plain),
                _ => plain.iter().rposition(|byte| self.code_of(*byte).is_some()),
            };
            let Some(at) = last.map(|at| from + at) else { return };
            out.copy_within(at + 1..end, at + 1 + left);
            let code = out.get(at).and_then(|byte| self.code_of(*byte)).unwrap_or(0);
            if let Some(place) = out.get_mut(at + left - 1..at + left + 1) {
                place.copy_from_slice(&[self.byte, code]);
            }
            end = at;
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

    /// Whether our own encoder would escape as `wire` does: a sender may escape
    /// more than it has to where `xor` is given, and less where the table has
    /// bytes that are no delimiters.
    #[must_use]
    pub fn is_canonical(&self, wire: &[u8]) -> bool {
        let mut rest = wire;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            if *byte == self.byte {
                let Some((code, after)) = after.split_first() else { return false };
                if !self.codes.iter().any(|(of, _)| of == code) {
                    return false;
                }
                rest = after;
            } else if self.code_of(*byte).is_some() {
                return false;
            }
        }
        true
    }

    #[inline]
    fn code_of(&self, byte: u8) -> Option<u8> {
        self.codes.iter().find(|(_, value)| *value == byte).map(|(code, _)| *code)
    }

    #[inline]
    fn value_of(&self, code: u8) -> Option<u8> {
        let coded = self.codes.iter().find(|(of, _)| *of == code).map(|(_, value)| *value);
        coded.or_else(|| self.xor.map(|mask| code ^ mask))
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    static TWO: Escape = Escape { byte: 0x7D, codes: &[(0x01, 0x7D), (0x02, 0x7E)], xor: None };
    static THREE: Escape =
        Escape { byte: 0x10, codes: &[(0xAA, 0x10), (0xBB, 0x02), (0xCC, 0x03)], xor: None };

    #[test]
    fn what_should_have_been_escaped_is_seen() {
        assert!(THREE.is_canonical(b"ab\x10\xBBc\x10\xAA"));
        assert!(!THREE.is_canonical(b"ab\x02c"), "02 has a code");
        assert!(!THREE.is_canonical(b"ab\x10"), "an escape byte at the end");
        let ppp = Escape { byte: 0x7D, codes: &[(0x5D, 0x7D), (0x5E, 0x7E)], xor: Some(0x20) };
        assert!(ppp.is_canonical(b"a\x7D\x5Eb"));
        assert!(!ppp.is_canonical(b"a\x7D\x21b"), "01 needs no escape");
    }

    #[test]
    fn a_frame_is_taken_up_to_its_flag() {
        let until = |bytes: &[u8], at| {
            let mut plain = vec![0xEE];
            plain.clear();
            (TWO.remove_until(0x7E, bytes, at, &mut plain), plain)
        };
        assert_eq!(until(b"a\x7D\x01b\x7D\x02\x7Ec", 1), (Ok(6), b"a\x7Db\x7E".to_vec()));
        assert_eq!(until(b"\x7D\x01\x7E", 0), (Ok(2), b"\x7D".to_vec()));
        // All was looked at, or all up to the escape that means nothing.
        assert_eq!(until(b"a\x7D\x01b", 1).0, Err(4));
        assert_eq!(until(b"a\x7D\x01b\x7D", 1).0, Err(4));
        assert_eq!(until(b"a\x7D\x03b\x7E", 1).0, Err(1));
        assert_eq!(until(b"a\x7D\x7Eb\x7E", 1).0, Err(1));
    }

    #[test]
    fn in_place_is_the_same_as_appended() {
        for escape in [TWO, THREE] {
            for plain in
                [&b""[..], b"ab", b"\x7E", b"\x7D\x7E\x7D", b"a\x7Eb\x7D", b"\x10\x02x\x03", b"\x03\x10"]
            {
                let mut appended = vec![0x7E];
                escape.apply(plain, &mut appended);
                let mut in_place = vec![0x7E];
                in_place.extend_from_slice(plain);
                escape.apply_in_place(&mut in_place, 1);
                assert_eq!(in_place, appended, "{plain:x?}");
                let mut again = Vec::new();
                assert_eq!(escape.remove(&in_place[1..], &mut again), Ok(()));
                assert_eq!(again, plain);
            }
        }
    }

    /// Byte by byte from the table; also where each plain byte begins.
    fn by_table(escape: Escape, plain: &[u8]) -> (Vec<u8>, Vec<usize>) {
        let (mut wire, mut places) = (Vec::new(), Vec::new());
        for byte in plain {
            places.push(wire.len());
            match escape.codes.iter().find(|(_, value)| value == byte) {
                Some((code, _)) => wire.extend([escape.byte, *code]),
                None => wire.push(*byte),
            }
        }
        (wire, places)
    }

    #[test]
    fn tables_of_any_size_do_what_they_say() {
        static ONE: Escape = Escape { byte: 0x5C, codes: &[(0x5C, 0x5C)], xor: None };
        static FOUR: Escape = Escape {
            byte: 0x3D,
            codes: &[(0x14, 0x3D), (0x03, 0x24), (0x04, 0x23), (0x0A, 0x2A)],
            xor: None,
        };
        for escape in [ONE, TWO, THREE, FOUR] {
            let mut alphabet = vec![b'x', b'y', escape.byte];
            for (code, value) in escape.codes {
                alphabet.extend([*code, *value]);
            }
            alphabet.sort_unstable();
            alphabet.dedup();
            // All strings of four of these bytes.
            let n = alphabet.len();
            for string in 0..n.pow(4) {
                let plain =
                    [string, string / n, string / n.pow(2), string / n.pow(3)].map(|at| alphabet[at % n]);
                let (expected, places) = by_table(escape, &plain);
                let mut wire = Vec::new();
                escape.apply(&plain, &mut wire);
                assert_eq!(wire, expected, "{plain:x?}");
                let mut in_place = plain.to_vec();
                escape.apply_in_place(&mut in_place, 0);
                assert_eq!(in_place, expected, "{plain:x?}");
                assert_eq!(escape.occurs_in(&wire), wire.contains(&escape.byte));
                let mut again = vec![0xEE];
                assert_eq!(escape.remove(&wire, &mut again), Ok(()));
                assert_eq!(again[1..], plain);
                for (offset, place) in places.into_iter().enumerate() {
                    assert_eq!(escape.raw_offset(&wire, offset), place, "{plain:x?}");
                }
                // What the escape keeps out of the frame is out of it.
                let kept_out =
                    escape.codes.iter().map(|(_, value)| *value).filter(|value| *value != escape.byte);
                for value in kept_out {
                    assert!(!wire.contains(&value), "{wire:x?}");
                }
            }
        }
    }

    #[test]
    fn an_escape_without_code_is_found_where_it_stands() {
        for escape in [TWO, THREE] {
            for code in 0..=255_u8 {
                let good = escape.codes.iter().find(|(of, _)| *of == code);
                let first = escape.codes[0].0;
                let wire = [b'a', escape.byte, first, b'b', escape.byte, code, b'c'];
                let mut plain = Vec::new();
                match good {
                    Some((_, value)) => {
                        assert_eq!(escape.remove(&wire, &mut plain), Ok(()));
                        assert_eq!(plain, [b'a', escape.codes[0].1, b'b', *value, b'c']);
                    }
                    None => assert_eq!(escape.remove(&wire, &mut plain), Err(4), "{code:02x}"),
                }
            }
            assert_eq!(escape.remove(&[b'a', b'b', escape.byte], &mut Vec::new()), Err(2));
            assert_eq!(escape.remove(&[escape.byte], &mut Vec::new()), Err(0));
        }
    }
}
