//! Checksums by name.

use super::error::ErrorKind;
use super::frame::Check;

/// A checksum algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// All bytes combined by exclusive or.
    Xor,
    /// All bytes added, modulo 2^(8 * width).
    Sum,
}

impl Algorithm {
    /// The checksum of `bytes`, in the low bits.
    #[inline]
    #[must_use]
    pub fn compute(self, bytes: &[u8], width: usize) -> u64 {
        match self {
            Self::Xor => u64::from(xor(bytes)),
            Self::Sum => {
                let sum = bytes.iter().fold(0_u64, |sum, byte| sum.wrapping_add(u64::from(*byte)));
                if width >= 8 { sum } else { sum & ((1 << (8 * width)) - 1) }
            }
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
    // By words: a plain fold leaves up to 31 bytes to a loop over single ones.
    let (words, tail) = bytes.as_chunks::<8>();
    let mut word = words.iter().fold(0_u64, |word, bytes| word ^ u64::from_ne_bytes(*bytes));
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
    #[inline]
    pub fn verify(&self, payload: &[u8]) -> Result<(), (usize, ErrorKind)> {
        let Some(at) = payload.len().checked_sub(self.tail) else {
            return Err((payload.len(), ErrorKind::Short));
        };
        let (Some(covered), Some(sent)) = (payload.get(self.from..at), payload.get(at..at + self.width))
        else {
            return Err((payload.len(), ErrorKind::Short));
        };
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let sent = if self.big_endian { sent.iter().fold(0, fold) } else { sent.iter().rev().fold(0, fold) };
        if self.algorithm.compute(covered, self.width) == sent {
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
        let bytes: [u8; 70] = core::array::from_fn(|i| (i as u8).wrapping_mul(37) ^ 0x5A);
        for from in 0..8 {
            for to in from..=bytes.len() {
                let bytes = &bytes[from..to];
                assert_eq!(xor(bytes), bytes.iter().fold(0, |check, byte| check ^ byte), "{from}..{to}");
            }
        }
    }
}
