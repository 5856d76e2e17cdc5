//! Checksums that go on where they left off.

use super::{Algorithm, internet, sum, xor};
use crate::codec::number::Digits;

/// The checksum of bytes that come in pieces.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Running {
    /// Of all bytes so far: what the algorithm makes of them, or their sum.
    state: u64,
    /// How many there were.
    seen: u64,
}

impl Running {
    /// The same with more bytes.
    pub(crate) fn and(self, algorithm: Algorithm, bytes: &[u8]) -> Self {
        let state = match algorithm {
            Algorithm::Xor => self.state ^ u64::from(xor(bytes)),
            Algorithm::Sum | Algorithm::SumBits(_) | Algorithm::Lrc => self.state.wrapping_add(sum(bytes)),
            Algorithm::Internet => {
                let (first, rest) = match bytes.split_first() {
                    // The word that the byte before began.
                    Some((first, rest)) if self.seen % 2 == 1 => (u64::from(*first), rest),
                    _ => (0, bytes),
                };
                let words = rest.chunks(2).map(|word| match word {
                    [high, low] => u64::from(*high) << 8 | u64::from(*low),
                    [high] => u64::from(*high) << 8,
                    _ => 0,
                });
                words.fold(self.state.wrapping_add(first), u64::wrapping_add)
            }
            Algorithm::Fletcher(modulus) => {
                let before = (self.state as u32, (self.state >> 32) as u32);
                let (low, high) = super::fletcher_on(before, bytes, modulus);
                u64::from(high) << 32 | u64::from(low)
            }
            Algorithm::Crc16(crc) if self.seen == 0 => crc.compute(bytes),
            Algorithm::Crc16(crc) => crc.go_on(self.state, bytes),
            Algorithm::Crc(crc) if self.seen == 0 => crc.compute(bytes),
            Algorithm::Crc(crc) => crc.go_on(self.state, bytes),
            Algorithm::Crc64(crc) if self.seen == 0 => crc.compute(bytes),
            Algorithm::Crc64(crc) => crc.go_on(self.state, bytes),
            // Refused where a checksum has to go on.
            Algorithm::Function(_) => 0,
        };
        Self { state, seen: self.seen + bytes.len() as u64 }
    }

    /// The checksum for a field of `width` bytes or digits.
    pub(crate) fn value(self, algorithm: Algorithm, width: usize, digits: Option<Digits>) -> u64 {
        let bits = (width as u32).saturating_mul(8);
        let bits = match (digits, algorithm) {
            (Some(_), Algorithm::Lrc) => 8 * 1.max(width as u32 / 2),
            (Some(_), _) => 64,
            (None, Algorithm::SumBits(own)) => bits.min(own),
            (None, _) => bits,
        };
        let value = match algorithm {
            Algorithm::Sum => super::low(self.state, bits),
            Algorithm::SumBits(own) => super::low(self.state, bits.min(own)),
            Algorithm::Lrc => super::low(self.state.wrapping_neg(), bits),
            Algorithm::Internet => {
                // As two bytes a word, the sum of which is the state.
                let folded = (0..4).fold(self.state, |sum, _| (sum & 0xFFFF) + (sum >> 16));
                u64::from(internet(&(folded as u16).to_be_bytes()))
            }
            Algorithm::Fletcher(_) => self.state >> 24 & 0xFF00 | self.state & 0xFF,
            Algorithm::Crc16(crc) if self.seen == 0 => crc.compute(&[]),
            Algorithm::Crc(crc) if self.seen == 0 => crc.compute(&[]),
            Algorithm::Crc64(crc) if self.seen == 0 => crc.compute(&[]),
            Algorithm::Xor
            | Algorithm::Crc16(_)
            | Algorithm::Crc(_)
            | Algorithm::Crc64(_)
            | Algorithm::Function(_) => self.state,
        };
        match digits {
            Some(digits) => digits.fold(value, width),
            None => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Crc, CrcParams};

    static REFLECTED: Crc<u32> = Crc::<u32>::new(CrcParams {
        width: 16,
        poly: 0x1021,
        init: 0xFFFF,
        refin: true,
        refout: true,
        xorout: 0xFFFF,
    });
    static SHORT: Crc<u16> = Crc::<u16>::new(CrcParams {
        width: 12,
        poly: 0x80F,
        init: 0x123,
        refin: false,
        refout: true,
        xorout: 0xABC,
    });
    static PLAIN: Crc<u32> = Crc::<u32>::new(CrcParams {
        width: 16,
        poly: 0x1021,
        init: 0x1D0F,
        refin: false,
        refout: false,
        xorout: 0x55AA,
    });
    static WIDE: Crc<u64> = Crc::<u64>::new(CrcParams {
        width: 40,
        poly: 0x00_0482_0009,
        init: 0,
        refin: false,
        refout: true,
        xorout: 0xFF_FFFF_FFFF,
    });

    #[test]
    fn in_pieces_it_is_the_same() {
        let bytes: [u8; 61] = core::array::from_fn(|at| (at as u8).wrapping_mul(89) ^ 0xC3);
        let all = [
            (Algorithm::Xor, 1),
            (Algorithm::Sum, 1),
            (Algorithm::Sum, 2),
            (Algorithm::SumBits(7), 1),
            (Algorithm::Lrc, 1),
            (Algorithm::Internet, 2),
            (Algorithm::Crc16(&SHORT), 2),
            (Algorithm::Crc(&REFLECTED), 2),
            (Algorithm::Crc(&PLAIN), 2),
            (Algorithm::Crc64(&WIDE), 5),
        ];
        for (algorithm, width) in all {
            for size in 1..20 {
                let mut running = Running::default();
                let mut end = 0;
                for piece in bytes.chunks(size) {
                    running = running.and(algorithm, piece);
                    end += piece.len();
                    let whole = algorithm.compute(&bytes[..end], width);
                    assert_eq!(running.value(algorithm, width, None), whole, "{algorithm:?} {size} {end}");
                }
            }
        }
    }
}
