//! Packed decimal digits.

use core::fmt;

use crate::codec::byte_set::ByteSet;
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::{Decode, Encode, Wire};
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::{Flag, Trace};
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

static DIGITS: FieldInfo = FieldInfo::new("", "digits");

/// Up to `N` bytes of packed decimal digits, two a byte, the first in the high
/// half. Leading zeros are kept.
///
/// Takes all bytes of its extent, so the field needs a `size`. Nibbles `F` after
/// the last digit are padding: an odd number of digits has one, and `fill = 0xFF`
/// makes more; text that ends in `f` is the same as text without. Other nibbles
/// above 9 are kept, shown as `a` to `f` and flagged.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Bcd;
///
/// let phone: Bcd<6> = "013800138000".parse()?;
/// assert_eq!(phone.as_bytes(), [0x01, 0x38, 0x00, 0x13, 0x80, 0x00]);
/// assert_eq!(phone.to_string(), "013800138000");
/// let odd: Bcd<6> = "13800138000".parse()?;
/// assert_eq!(odd.as_bytes(), [0x13, 0x80, 0x01, 0x38, 0x00, 0x0F]);
/// assert_eq!(odd.to_string(), "13800138000");
/// # Ok::<(), exproto_runtime::codec::BcdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Bcd<const N: usize> {
    bytes: [u8; N],
    len: u8,
}

/// Text that is no packed decimal of the type's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BcdError;

impl fmt::Display for BcdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("packed decimal takes digits, no more than the field has")
    }
}

impl core::error::Error for BcdError {}

impl<const N: usize> Bcd<N> {
    /// The digits in these bytes; `None` if there are more than `N` bytes.
    #[must_use]
    #[inline]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let all = zero_padded(bytes)?;
        Some(Self { bytes: all, len: u8::try_from(bytes.len()).ok()? })
    }

    /// The digits of a number, with leading zeros, in `size` bytes.
    #[must_use]
    pub fn from_number(mut number: u64, size: usize) -> Option<Self> {
        let mut all = [0; N];
        for byte in all.get_mut(..size)?.iter_mut().rev() {
            *byte = (((number / 10 % 10) << 4) | (number % 10)) as u8;
            number /= 100;
        }
        (number == 0).then_some(Self { bytes: all, len: u8::try_from(size).ok()? })
    }

    /// The bytes as on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// Whether all nibbles are digits, but for padding.
    #[must_use]
    pub fn is_decimal(&self) -> bool {
        is_padded_decimal(self.as_bytes())
    }

    /// The nibbles before the padding, the first in the high half of its byte.
    fn nibbles(&self) -> impl Iterator<Item = u8> + '_ {
        let bytes = self.as_bytes();
        bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(digits_of(bytes))
    }

    /// The digits as a number, if they are all digits and fit.
    #[must_use]
    pub fn to_number(&self) -> Option<u64> {
        self.nibbles().try_fold(0_u64, |number, digit| {
            if digit > 9 { None } else { number.checked_mul(10)?.checked_add(u64::from(digit)) }
        })
    }

    /// Appends the digits as text.
    pub(crate) fn write<'b>(&self, buffer: &'b mut [u8; 64]) -> &'b str {
        let mut at = 0;
        for (nibble, place) in self.nibbles().zip(buffer.iter_mut()) {
            *place = hex_digit(nibble);
            at += 1;
        }
        core::str::from_utf8(buffer.get(..at).unwrap_or(&[])).unwrap_or("")
    }
}

/// How many nibbles stand before the padding.
fn digits_of(bytes: &[u8]) -> usize {
    let Some(last) = bytes.iter().rposition(|byte| *byte != 0xFF) else { return 0 };
    let half = bytes.get(last).is_some_and(|byte| byte & 15 == 15);
    2 * last + if half { 1 } else { 2 }
}

/// The bytes and zeros behind them, without a call for so few bytes.
#[inline(always)]
fn zero_padded<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut all = [0; N];
    let to = all.get_mut(..bytes.len())?;
    if N > 16 || bytes.len() < 4 {
        copy_few(to, bytes);
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        // Two words that overlap, or are the same.
        if let Some(to) = to.first_chunk_mut() {
            *to = *first;
        }
        if let Some(to) = to.last_chunk_mut() {
            *to = *last;
        }
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        if let Some(to) = to.first_chunk_mut() {
            *to = *first;
        }
        if let Some(to) = to.last_chunk_mut() {
            *to = *last;
        }
    }
    Some(all)
}

#[inline(never)]
fn copy_few(to: &mut [u8], from: &[u8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = *from;
    }
}

/// Whether all nibbles before the padding are at most 9.
#[inline]
fn is_padded_decimal(bytes: &[u8]) -> bool {
    all_digits(bytes) || decimal_before_padding(bytes)
}

#[cold]
fn decimal_before_padding(bytes: &[u8]) -> bool {
    let digits = digits_of(bytes);
    let (whole, half) = (bytes.get(..digits / 2).unwrap_or(bytes), bytes.get(digits / 2));
    all_digits(whole) && (digits.is_multiple_of(2) || half.is_none_or(|byte| byte >> 4 <= 9))
}

/// Whether all nibbles are at most 9.
#[inline]
pub(crate) fn all_digits(bytes: &[u8]) -> bool {
    // Whole words; the last one overlaps, so that no byte is left over.
    if let Some(last) = bytes.last_chunk::<8>() {
        let (words, _) = bytes.as_chunks::<8>();
        let odd = words.iter().fold(above_nine(u64::from_ne_bytes(*last)), |odd, word| {
            odd | above_nine(u64::from_ne_bytes(*word))
        });
        return odd == 0;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let pair = u64::from(u32::from_ne_bytes(*first)) << 32 | u64::from(u32::from_ne_bytes(*last));
        return above_nine(pair) == 0;
    }
    bytes.iter().fold(0, |odd, byte| odd | above_nine(u64::from(*byte))) == 0
}

/// A set bit for each nibble above 9: those with the highest bit and one of
/// the two below it.
#[inline(always)]
const fn above_nine(nibbles: u64) -> u64 {
    nibbles >> 3 & (nibbles >> 2 | nibbles >> 1) & 0x1111_1111_1111_1111
}

const fn hex_digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

impl<const N: usize> core::str::FromStr for Bcd<N> {
    type Err = BcdError;

    fn from_str(text: &str) -> Result<Self, BcdError> {
        let digits = text.as_bytes();
        let mut all = [0; N];
        let len = digits.len().div_ceil(2);
        let bytes = all.get_mut(..len).ok_or(BcdError)?;
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let nibble = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8).ok_or(BcdError);
            *byte = match pair {
                [high, low] => nibble(*high)? << 4 | nibble(*low)?,
                [high] => nibble(*high)? << 4 | 0x0F,
                _ => 0,
            };
        }
        Ok(Self { bytes: all, len: u8::try_from(len).map_err(|_| BcdError)? })
    }
}

impl<const N: usize> fmt::Display for Bcd<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.nibbles().try_for_each(|nibble| write!(f, "{nibble:x}"))
    }
}

impl<const N: usize> fmt::Debug for Bcd<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bcd({self})")
    }
}

impl<const N: usize> Default for Bcd<N> {
    fn default() -> Self {
        Self { bytes: [0; N], len: 0 }
    }
}

impl<const N: usize> Wire for Bcd<N> {
    const MIN: usize = 0;
    const SIZE: Option<usize> = None;
    const GREEDY: bool = true;
    const BYTES: ByteSet = ByteSet::PACKED;
    type Ctx = ();
}

impl<'a, const N: usize> Decode<'a> for Bcd<N> {
    #[inline]
    fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
        let offset = r.offset();
        let bytes = r.rest();
        let Some(digits) = Self::from_bytes(bytes) else {
            return Err(r.fail(ErrorKind::Size, offset, &DIGITS, bytes.len() as u64, N as u64));
        };
        // The zeros behind them are digits too.
        if !all_digits(&digits.bytes) && !decimal_before_padding(bytes) {
            r.flag_at(Flag::Digits, &DIGITS, offset);
        }
        Ok(digits)
    }
}

impl<const N: usize> Encode for Bcd<N> {
    #[inline]
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        // All of them at once, then without those that are none.
        let end = w.run(self.bytes).plus(usize::from(self.len));
        w.truncate(end);
        Ok(())
    }
}

impl<const N: usize> Value for Bcd<N> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        if N <= 32 {
            v.text(self.write(&mut [0; 64]));
        } else {
            v.bytes(self.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::format;
    use alloc::string::ToString as _;
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_nibble_above_nine_is_found_wherever_it_stands() {
        for len in 0..20 {
            let mut bytes = [0x99_u8; 20];
            assert!(all_digits(&bytes[..len]), "{len} bytes");
            for at in 0..len {
                for odd in (0..=255_u8).filter(|byte| byte >> 4 > 9 || byte & 15 > 9) {
                    bytes[at] = odd;
                    assert!(!all_digits(&bytes[..len]), "{odd:02x} at {at} of {len}");
                }
                bytes[at] = 0x10;
            }
            assert!(all_digits(&bytes[..len]), "{len} bytes");
        }
    }

    #[test]
    fn nibbles_above_nine_are_kept_shown_and_flagged() {
        for byte in 0..=255_u8 {
            let wire = [0x12, byte, 0x90];
            let mut r = Reader::new(&wire);
            let bcd = Bcd::<4>::decode(&mut r, ()).unwrap();
            let decimal = byte >> 4 < 10 && byte & 15 < 10;
            assert_eq!(r.flags().has(Flag::Digits), !decimal, "{byte:02x}");
            assert_eq!(r.left(), 0);
            assert_eq!(bcd.is_decimal(), decimal, "{byte:02x}");
            // The digits as text are the number.
            let text = format!("12{byte:02x}90");
            assert_eq!(bcd.to_string(), text);
            assert_eq!(bcd.write(&mut [0; 64]), text);
            assert_eq!(bcd.to_number(), text.parse().ok());
            // Back from text and on the wire nothing is lost.
            assert_eq!(text.parse(), Ok(bcd));
            assert_eq!(text.to_uppercase().parse(), Ok(bcd));
            let mut out = Vec::new();
            bcd.encode(&mut Writer::new(&mut out), ()).unwrap();
            assert_eq!(out, wire);
        }
    }

    #[test]
    fn too_many_digits_and_other_characters_are_refused() {
        for text in ["123456789", "1x", "+1", "-1", " 1", "12 3", "\u{e9}", "1234567890"] {
            assert_eq!(text.parse::<Bcd<4>>(), Err(BcdError), "{text}");
        }
        assert_eq!("12345678".parse::<Bcd<4>>().unwrap().as_bytes(), [0x12, 0x34, 0x56, 0x78]);
        assert_eq!("12345".parse::<Bcd<4>>().unwrap().as_bytes(), [0x12, 0x34, 0x5F]);
        assert_eq!("".parse::<Bcd<4>>(), Ok(Bcd::default()));
    }

    #[test]
    fn numbers_keep_their_leading_zeros() {
        for (number, size, text) in [
            (0, 0, ""),
            (0, 2, "0000"),
            (7, 1, "07"),
            (42, 3, "000042"),
            (99_999_999, 4, "99999999"),
            (100_000_000, 5, "0100000000"),
        ] {
            let bcd = Bcd::<6>::from_number(number, size).unwrap();
            assert_eq!(bcd.to_string(), text);
            assert_eq!(bcd.to_number(), Some(number));
        }
        assert_eq!(Bcd::<6>::from_number(1, 0), None);
        assert_eq!(Bcd::<6>::from_number(100, 1), None);
        assert_eq!(Bcd::<6>::from_number(1, 7), None);
        // The largest number and the one after it.
        let most = Bcd::<10>::from_number(u64::MAX, 10).unwrap();
        assert_eq!(most.to_string(), "18446744073709551615");
        assert_eq!(most.to_number(), Some(u64::MAX));
        assert_eq!("18446744073709551616".parse::<Bcd<10>>().unwrap().to_number(), None);
    }

    #[test]
    fn no_more_bytes_are_taken_than_there_is_room_for() {
        assert_eq!(Bcd::<2>::from_bytes(&[0x12, 0x34]).unwrap().to_string(), "1234");
        assert_eq!(Bcd::<2>::from_bytes(&[0x12, 0x34, 0x56]), None);
        let wire = [0x12, 0x34, 0x56];
        let error = Bcd::<2>::decode(&mut Reader::new(&wire), ()).unwrap_err();
        assert_eq!((error.kind(), error.offset()), (ErrorKind::Size, 0));
        // The length is kept in a byte.
        assert!(Bcd::<300>::from_bytes(&vec![0; 255]).is_some());
        assert_eq!(Bcd::<300>::from_bytes(&vec![0; 256]), None);
        assert_eq!(Bcd::<300>::from_number(1, 256), None);
    }

    #[test]
    fn a_shorter_one_is_another_value() {
        let short = Bcd::<4>::from_bytes(&[0x12]).unwrap();
        let long = Bcd::<4>::from_bytes(&[0x12, 0x00]).unwrap();
        assert_ne!(short, long);
        assert_eq!((short.to_string().as_str(), long.to_string().as_str()), ("12", "1200"));
    }
}
