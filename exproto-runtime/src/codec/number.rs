//! Integers that stand on the wire as digits, in place of bytes.

use alloc::vec::Vec;

use super::error::{Error, ErrorKind};
use super::schema::FieldInfo;
use super::writer::{At, Writer};

/// Which digits an integer is written in: what `dec(N)` and `hex(N)` are.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Digits;
///
/// assert_eq!(Digits::Dec.read(b"0042"), Ok((42, true)));
/// assert_eq!(Digits::Hex.read(b"4f"), Ok((0x4F, false))); // we write 4F
/// assert_eq!(Digits::Dec.read(b"4F"), Err(1));
/// assert_eq!(Digits::HexLower.write(0x4F), *b"004f");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Digits {
    /// Decimal.
    Dec,
    /// Hexadecimal, written as `0A`; `0a` is read too.
    Hex,
    /// Hexadecimal, written as `0a`; `0A` is read too.
    HexLower,
}

impl Digits {
    /// The number that `text` is, and whether we write its digits so.
    ///
    /// # Errors
    ///
    /// The place of the first byte that is no digit or with which the number
    /// is too large for 64 bits; 0 if there are no digits.
    #[inline]
    pub fn read(self, text: &[u8]) -> Result<(u64, bool), usize> {
        if text.is_empty() {
            return Err(0);
        }
        let (mut value, mut same) = (0_u64, true);
        for (at, byte) in text.iter().enumerate() {
            let (base, digit) = match (self, byte) {
                (Self::Dec, b'0'..=b'9') => (10, byte - b'0'),
                (_, b'0'..=b'9') => (16, byte - b'0'),
                (Self::Hex | Self::HexLower, b'a'..=b'f') => {
                    same &= self == Self::HexLower;
                    (16, byte - b'a' + 10)
                }
                (Self::Hex | Self::HexLower, b'A'..=b'F') => {
                    same &= self == Self::Hex;
                    (16, byte - b'A' + 10)
                }
                _ => return Err(at),
            };
            let next = value.checked_mul(base).and_then(|value| value.checked_add(u64::from(digit)));
            value = next.ok_or(at)?;
        }
        Ok((value, same))
    }

    /// As [`read`](Self::read), of a number that we write in as many digits as
    /// it needs.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    #[inline]
    pub fn read_own(self, text: &[u8]) -> Result<(u64, bool), usize> {
        let (value, same) = self.read(text)?;
        Ok((value, same && (text.len() == 1 || text.first() != Some(&b'0'))))
    }

    /// The number in `N` digits, with leading zeros; of a larger one the
    /// lowest digits.
    #[inline]
    #[must_use]
    pub fn write<const N: usize>(self, value: u64) -> [u8; N] {
        let mut rest = value;
        let mut text = [b'0'; N];
        for place in text.iter_mut().rev() {
            *place = self.digit(&mut rest);
        }
        text
    }

    /// Takes the lowest digit off.
    #[inline]
    fn digit(self, rest: &mut u64) -> u8 {
        let (base, ten) = match self {
            Self::Dec => (10, b'0'),
            Self::HexLower => (16, b'a'),
            Self::Hex => (16, b'A'),
        };
        let digit = (*rest % base) as u8;
        *rest /= base;
        if digit < 10 { b'0' + digit } else { ten + digit - 10 }
    }

    /// The largest number of `width` digits.
    #[must_use]
    pub const fn max(self, width: usize) -> u64 {
        match self {
            Self::Dec if width >= 20 => u64::MAX,
            Self::Dec => 10_u64.pow(width as u32) - 1,
            Self::Hex | Self::HexLower if width >= 16 => u64::MAX,
            Self::Hex | Self::HexLower => (1 << (width * 4)) - 1,
        }
    }

    /// A checksum as it stands in `width` digits: as many of its lowest; all of
    /// them if `width` is 0.
    #[inline]
    #[must_use]
    pub fn fold(self, value: u64, width: usize) -> u64 {
        match self.max(width) {
            0 | u64::MAX => value,
            max => value % (max + 1),
        }
    }
}

impl Writer<'_> {
    /// Comes back to the `W` digits at `at` and writes a number there.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Overflow`] when it has more digits.
    #[inline]
    pub fn patch_digits<const W: usize>(
        &mut self,
        at: At,
        digits: Digits,
        value: u64,
        field: &'static FieldInfo,
    ) -> Result<(), Error> {
        if value > digits.max(W) {
            return Err(self.error(ErrorKind::Overflow, at, field));
        }
        self.replace::<W>(at, digits.write(value));
        Ok(())
    }

    /// Writes a number in as many digits as it needs.
    #[inline]
    pub fn digits(&mut self, digits: Digits, value: u64) {
        let at = self.here();
        self.insert_digits(at, digits, value);
    }

    /// Comes back to `at` and writes a number there in as many digits as it
    /// needs, in front of what was written since. Returns how many these are.
    pub fn insert_digits(&mut self, at: At, digits: Digits, value: u64) -> usize {
        let mut text = Vec::with_capacity(20);
        let mut rest = value;
        loop {
            text.push(digits.digit(&mut rest));
            if rest == 0 {
                break;
            }
        }
        text.reverse();
        self.insert(at, &text);
        text.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOWER: Digits = Digits::HexLower;
    const UPPER: Digits = Digits::Hex;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for value in [0, 1, 9, 10, 15, 16, 255, 256, 999, 65_535, u64::from(u32::MAX)] {
            for digits in [Digits::Dec, UPPER, LOWER] {
                let text: [u8; 12] = digits.write(value);
                assert_eq!(digits.read(&text), Ok((value, true)));
                let mut own = Vec::new();
                Writer::new(&mut own).digits(digits, value);
                assert_eq!(digits.read(&own), Ok((value, true)));
                assert!(own == b"0" || own.first() != Some(&b'0'));
            }
        }
        assert_eq!(UPPER.read(b"FFFFFFFFFFFFFFFF"), Ok((u64::MAX, true)));
        assert_eq!(UPPER.read(b"1FFFFFFFFFFFFFFFF"), Err(16));
        assert_eq!(Digits::Dec.read(b"18446744073709551615"), Ok((u64::MAX, true)));
        assert_eq!(Digits::Dec.read(b"18446744073709551616"), Err(19));
    }

    #[test]
    fn what_is_no_digit_is_found_where_it_stands() {
        assert_eq!(Digits::Dec.read(b""), Err(0));
        assert_eq!(Digits::Dec.read(b"12a"), Err(2));
        assert_eq!(Digits::Dec.read(b" 12"), Err(0));
        assert_eq!(Digits::Dec.read(b"-1"), Err(0));
        assert_eq!(UPPER.read(b"0G"), Err(1));
        assert_eq!(UPPER.read(b"aB"), Ok((0xAB, false)));
        assert_eq!(LOWER.read(b"aB"), Ok((0xAB, false)));
        assert_eq!(LOWER.read(b"ab"), Ok((0xAB, true)));
    }

    #[test]
    fn a_number_goes_in_front_of_what_it_speaks_of() {
        let mut out = b"x".to_vec();
        let mut w = Writer::new(&mut out);
        let at = w.here();
        w.bytes(b":twelve bytes");
        assert_eq!(w.insert_digits(at, Digits::Dec, 12), 2);
        assert_eq!(out, b"x12:twelve bytes");
    }
}
