//! Checksums: exclusive or, sums, CRCs.

mod crc;
mod running;

pub use crc::{Crc, CrcParams, Register};
pub(crate) use running::Running;

use super::error::ErrorKind;
use super::frame::Check;
use super::number::Digits;

/// A checksum algorithm.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Algorithm {
    /// All bytes combined by exclusive or.
    Xor,
    /// All bytes added, modulo 2^(8 * width).
    Sum,
    /// All bytes added, modulo 2^N.
    SumBits(u32),
    /// All bytes added, then negated, modulo 2^(8 * width): with the checksum
    /// itself added the sum is 0.
    Lrc,
    /// The checksum of internet protocols: ones' complement of the ones'
    /// complement sum of 16-bit words, high byte first.
    Internet,
    /// The sum of all bytes, and above it the sum of what that was after each of
    /// them, both modulo 255 or 256; see [`fletcher`].
    Fletcher(u32),
    /// A CRC of up to 16 bits.
    Crc16(&'static Crc<u16>),
    /// A CRC of up to 32 bits.
    Crc(&'static Crc<u32>),
    /// A CRC of more than 32 bits.
    Crc64(&'static Crc<u64>),
    /// A function of the user.
    Function(fn(&[u8]) -> u64),
}

/// The lowest `bits` bits.
const fn low(value: u64, bits: u32) -> u64 {
    if bits >= 64 { value } else { value & ((1 << bits) - 1) }
}

impl Algorithm {
    /// The checksum of `bytes` for a field of `width` bytes, in the low bits.
    // Always inlined: the algorithm is a constant nearly everywhere.
    #[inline(always)]
    #[must_use]
    pub fn compute(self, bytes: &[u8], width: usize) -> u64 {
        let bits = (width as u32).saturating_mul(8);
        match self {
            Self::Xor => u64::from(xor(bytes)),
            Self::Sum => low(sum(bytes), bits),
            Self::SumBits(own) => low(sum(bytes), bits.min(own)),
            Self::Lrc => low(sum(bytes).wrapping_neg(), bits),
            Self::Internet => u64::from(internet(bytes)),
            Self::Fletcher(modulus) => u64::from(fletcher(bytes, modulus)),
            Self::Crc16(crc) => crc.compute(bytes),
            Self::Crc(crc) => crc.compute(bytes),
            Self::Crc64(crc) => crc.compute(bytes),
            Self::Function(function) => low(function(bytes), bits),
        }
    }

    /// The checksum of `bytes` for a field of `width` digits: as many of its
    /// lowest digits.
    #[inline]
    #[must_use]
    pub fn in_digits(self, digits: Digits, bytes: &[u8], width: usize) -> u64 {
        let value = match self {
            Self::Lrc => self.compute(bytes, 1.max(width / 2)),
            _ => self.compute(bytes, 8),
        };
        digits.fold(value, width)
    }
}

/// All bytes added.
///
/// ```
/// assert_eq!(exproto_runtime::codec::sum(&[0xFF, 0x02]), 0x101);
/// ```
#[inline]
#[must_use]
pub fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0_u64, |sum, byte| sum.wrapping_add(u64::from(*byte)))
}

/// The checksum of internet protocols (RFC 1071); an odd last byte counts as
/// the high one of a word.
///
/// ```
/// assert_eq!(exproto_runtime::codec::internet(&[0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]), 0x220D);
/// ```
#[must_use]
pub fn internet(bytes: &[u8]) -> u16 {
    let (words, tail) = bytes.as_chunks::<2>();
    let mut total = words.iter().fold(0_u64, |sum, word| sum + u64::from(u16::from_be_bytes(*word)));
    if let [last] = tail {
        total += u64::from(*last) << 8;
    }
    while total >> 16 != 0 {
        total = (total & 0xFFFF) + (total >> 16);
    }
    !(total as u16)
}

/// The checksum of Fletcher over bytes, with sums modulo 255, as it was described
/// first, or 256, as in RFC 1146: the plain sum in the low byte, in the high one the
/// sum of what that was after each byte. Little-endian the plain sum comes first.
///
/// ```
/// assert_eq!(exproto_runtime::codec::fletcher(b"abcde", 255), 0xC8F0);
/// assert_eq!(exproto_runtime::codec::fletcher(&[0x05, 0x01, 0x02, 0x00, 0x06, 0x01], 256), 0x380F);
/// ```
#[must_use]
pub fn fletcher(bytes: &[u8], modulus: u32) -> u16 {
    let (low, high) = fletcher_on((0, 0), bytes, modulus);
    (high << 8 | low) as u16
}

/// Both sums with more bytes.
fn fletcher_on((mut low, mut high): (u32, u32), bytes: &[u8], modulus: u32) -> (u32, u32) {
    let modulus = modulus.max(1);
    // So many do not overflow: 4096 * 4096 / 2 * 255 and what was before.
    for block in bytes.chunks(4096) {
        for byte in block {
            low += u32::from(*byte);
            high += low;
        }
        (low, high) = (low % modulus, high % modulus);
    }
    (low, high)
}

/// What a checksum goes on over behind the bytes of its range, a byte or several.
#[diagnostic::on_unimplemented(
    message = "`also = ..` is a byte or bytes, not `{Self}`",
    label = "a `u8`, `[u8; N]`, `&[u8]`, or an `Option` of one"
)]
pub trait MoreBytes: Sized {
    /// Calls `then` with the bytes.
    fn with<R>(self, then: impl FnOnce(&[u8]) -> R) -> R;
}

impl MoreBytes for u8 {
    #[inline]
    fn with<R>(self, then: impl FnOnce(&[u8]) -> R) -> R {
        then(&[self])
    }
}

impl<const N: usize> MoreBytes for [u8; N] {
    #[inline]
    fn with<R>(self, then: impl FnOnce(&[u8]) -> R) -> R {
        then(&self)
    }
}

impl MoreBytes for &[u8] {
    #[inline]
    fn with<R>(self, then: impl FnOnce(&[u8]) -> R) -> R {
        then(self)
    }
}

impl<const N: usize> MoreBytes for &[u8; N] {
    #[inline]
    fn with<R>(self, then: impl FnOnce(&[u8]) -> R) -> R {
        then(self)
    }
}

impl MoreBytes for &alloc::vec::Vec<u8> {
    #[inline]
    fn with<R>(self, then: impl FnOnce(&[u8]) -> R) -> R {
        then(self)
    }
}

impl<T: MoreBytes> MoreBytes for Option<T> {
    #[inline]
    fn with<R>(self, then: impl FnOnce(&[u8]) -> R) -> R {
        match self {
            Some(bytes) => bytes.with(then),
            None => then(&[]),
        }
    }
}

/// All bytes combined by exclusive or.
///
/// ```
/// assert_eq!(exproto_runtime::codec::xor(&[0x01, 0x02, 0x04]), 0x07);
/// ```
#[inline]
#[must_use]
pub fn xor(bytes: &[u8]) -> u8 {
    // By words, and by halves where fewer than a line is left: a plain fold leaves
    // up to 31 bytes to a loop over single ones.
    let mut tail = bytes;
    let mut block = 0_u128;
    while let Some((line, rest)) = tail.split_first_chunk::<64>() {
        block ^= line.as_chunks().0.iter().fold(0, |block, bytes| block ^ u128::from_ne_bytes(*bytes));
        tail = rest;
    }
    if let Some((half, rest)) = tail.split_first_chunk::<32>() {
        block ^= half.as_chunks().0.iter().fold(0, |block, bytes| block ^ u128::from_ne_bytes(*bytes));
        tail = rest;
    }
    if let Some((bytes, rest)) = tail.split_first_chunk::<16>() {
        block ^= u128::from_ne_bytes(*bytes);
        tail = rest;
    }
    let mut word = block as u64 ^ (block >> 64) as u64;
    if let Some((bytes, rest)) = tail.split_first_chunk::<8>() {
        word ^= u64::from_ne_bytes(*bytes);
        tail = rest;
    }
    let mut check = 0;
    match bytes.last_chunk::<8>() {
        // The last word overlaps; what it repeats is shifted out.
        Some(last) if !tail.is_empty() => word ^= u64::from_le_bytes(*last) >> (8 * (8 - tail.len())),
        Some(_) => {}
        None => check = tail.iter().fold(0, |check, byte| check ^ byte),
    }
    word ^= word >> 32;
    word ^= word >> 16;
    word ^= word >> 8;
    check ^ word as u8
}

impl Check {
    /// Compares the checksum in `payload` with the bytes it covers.
    ///
    /// # Errors
    ///
    /// The offset of the checksum and what is wrong.
    #[inline(always)]
    pub fn verify(&self, payload: &[u8]) -> Result<(), (usize, ErrorKind)> {
        let Some(at) = payload.len().checked_sub(self.tail) else {
            return Err((payload.len(), ErrorKind::Short));
        };
        let covered = at.checked_sub(self.gap).and_then(|end| payload.get(self.from..end));
        let (Some(covered), Some(sent)) = (covered, payload.get(at..at + self.width)) else {
            return Err((payload.len(), ErrorKind::Short));
        };
        if let Some(digits) = self.digits {
            return self.verify_digits(digits, covered, sent, at);
        }
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let sent = if self.big_endian { sent.iter().fold(0, fold) } else { sent.iter().rev().fold(0, fold) };
        if self.algorithm.compute(covered, self.width) == sent {
            Ok(())
        } else {
            Err((at, ErrorKind::Checksum))
        }
    }

    /// The number that a checksum on the wire is, if it is one.
    pub(crate) fn number(&self, sent: &[u8]) -> Option<u64> {
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        match self.digits {
            Some(digits) => digits.read(sent).ok().map(|(value, _)| value),
            None if self.big_endian => Some(sent.iter().fold(0, fold)),
            None => Some(sent.iter().rev().fold(0, fold)),
        }
    }

    fn verify_digits(
        &self,
        digits: Digits,
        covered: &[u8],
        sent: &[u8],
        at: usize,
    ) -> Result<(), (usize, ErrorKind)> {
        let (sent, _) = digits.read(sent).map_err(|wrong| (at + wrong, ErrorKind::Digits))?;
        if self.algorithm.in_digits(digits, covered, self.width) == sent {
            Ok(())
        } else {
            Err((at, ErrorKind::Checksum))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_give_the_same_as_bytes() {
        let bytes: [u8; 150] = core::array::from_fn(|i| (i as u8).wrapping_mul(37) ^ 0x5A);
        for from in 0..8 {
            for to in from..=bytes.len() {
                let bytes = &bytes[from..to];
                assert_eq!(xor(bytes), bytes.iter().fold(0, |check, byte| check ^ byte), "{from}..{to}");
            }
        }
    }
}
