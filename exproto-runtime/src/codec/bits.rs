//! Bits that lie across bytes: containers that no integer holds, lists of
//! elements that are no whole bytes.

const fn mask(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

/// `count` bits, at most 64, after the first `from`. The first bit is the
/// lowest of the first byte (`little`) or the highest. 0 if the bytes end
/// before it.
#[inline]
#[must_use]
pub fn bits_at(bytes: &[u8], little: bool, from: usize, count: u32) -> u64 {
    let end = from.saturating_add(count as usize);
    let held = bytes.get(from / 8..end.div_ceil(8).min(bytes.len())).unwrap_or(&[]);
    let fold = |all: u128, byte: &u8| all << 8 | u128::from(*byte);
    let (all, below) = if little {
        (held.iter().rev().fold(0, fold), from % 8)
    } else {
        (held.iter().fold(0, fold), end.next_multiple_of(8) - end)
    };
    (all >> below) as u64 & mask(count)
}

/// Puts a value of `count` bits after the first `from`; the bits there are 0
/// so far.
#[inline]
pub(super) fn put_bits(bytes: &mut [u8], little: bool, from: usize, count: u32, value: u64) {
    let end = from.saturating_add(count as usize);
    let last = end.div_ceil(8).min(bytes.len());
    let Some(held) = bytes.get_mut(from / 8..last) else { return };
    let below = if little { from % 8 } else { end.next_multiple_of(8) - end };
    let mut rest = u128::from(value) << below;
    let mut put = |byte: &mut u8| {
        *byte |= rest as u8;
        rest >>= 8;
    };
    if little {
        held.iter_mut().for_each(&mut put);
    } else {
        held.iter_mut().rev().for_each(&mut put);
    }
}

/// The bits before those that have `shift` bits below them.
#[inline(always)]
const fn before<const N: usize>(little: bool, shift: u32, count: u32) -> usize {
    if little { shift as usize } else { (N * 8).saturating_sub((shift + count) as usize) }
}

/// `count` bits with `shift` bits below them, of bytes that are one number.
#[inline]
#[must_use]
pub fn wide_bits<const N: usize>(bytes: &[u8; N], little: bool, shift: u32, count: u32) -> u64 {
    bits_at(bytes, little, before::<N>(little, shift, count), count)
}

/// Puts a value where `shift` bits are below it.
#[inline]
pub fn put_wide<const N: usize>(bytes: &mut [u8; N], little: bool, shift: u32, count: u32, value: u64) {
    put_bits(bytes, little, before::<N>(little, shift, count), count, value);
}

/// The bytes that so many elements of `bits` bits need.
#[inline]
#[must_use]
pub const fn bit_bytes(elements: usize, bits: u32) -> usize {
    elements.saturating_mul(bits as usize).div_ceil(8)
}

/// The elements of `bits` bits that so many bytes hold.
#[inline]
#[must_use]
pub const fn bit_count(bytes: usize, bits: u32) -> usize {
    match bytes.saturating_mul(8).checked_div(bits as usize) {
        Some(count) => count,
        None => 0,
    }
}

/// Whether the bits behind the last element are 0.
#[inline]
#[must_use]
pub fn bit_padding(bytes: &[u8], elements: usize, bits: u32, little: bool) -> bool {
    let used = elements.saturating_mul(bits as usize);
    let left = bytes.len().saturating_mul(8).saturating_sub(used);
    bits_at(bytes, little, used, left.min(64) as u32) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_every_width_in_both_orders() {
        for little in [false, true] {
            for count in 1..=64 {
                for shift in 0..=(88 - count) {
                    let value = 0xA5C3_96F1_7E18_DB42 & mask(count) | 1;
                    let mut bytes = [0_u8; 11];
                    put_wide(&mut bytes, little, shift, count, value);
                    assert_eq!(wide_bits(&bytes, little, shift, count), value);
                    let mut number = bytes;
                    if little {
                        number.reverse();
                    }
                    let number = number.iter().fold(0_u128, |all, byte| all << 8 | u128::from(*byte));
                    assert_eq!(number, u128::from(value) << shift, "{count} bits, {shift} below");
                    // Its neighbours are not its bits.
                    let others = bytes.map(|byte| !byte);
                    assert_eq!(wide_bits(&others, little, shift, count), !value & mask(count));
                }
            }
        }
    }

    #[test]
    fn bits_that_are_not_there_are_none() {
        assert_eq!(bits_at(&[0xFF], true, 8, 4), 0);
        assert_eq!(bits_at(&[], false, 0, 64), 0);
        put_bits(&mut [], true, 40, 12, 1);
        assert_eq!((bit_bytes(usize::MAX, 12), bit_count(3, 12)), (usize::MAX.div_ceil(8), 2));
        assert!(bit_padding(&[0xE0], 3, 1, false) && !bit_padding(&[0xE0], 2, 1, false));
    }
}
