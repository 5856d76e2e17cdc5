//! Numbers in as many bytes as their extent has.

use super::error::{Error, ErrorKind};
use super::schema::FieldInfo;
use super::writer::Writer;

/// A number that is read from and written to any number of bytes.
pub trait AnyWidth: Copy {
    /// The number of these bytes; `None` if the type cannot hold it.
    fn of_bytes(bytes: &[u8], little: bool) -> Option<Self>;

    /// The fewest bytes it is written in where nothing says how many.
    fn width(self) -> usize;

    /// What is left of it in so many bytes: for random values.
    #[must_use]
    fn cut(self, width: usize) -> Self;

    /// Its lowest bytes, and what stands before them; `None` if they are not all
    /// of it.
    fn low_bytes(self, width: usize) -> Option<([u8; 8], u8)>;
}

impl Writer<'_> {
    /// Writes a number in so many bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Overflow`] when it needs more, and for a float in a width
    /// that none has.
    pub fn any_width<T: AnyWidth>(
        &mut self,
        value: T,
        width: usize,
        little: bool,
        at: &'static FieldInfo,
    ) -> Result<(), Error> {
        let Some((bytes, before)) = value.low_bytes(width) else {
            return Err(self.error(ErrorKind::Overflow, self.here(), at));
        };
        let from = self.here();
        self.pad(width.saturating_sub(8), before, at)?;
        self.bytes(bytes.get(8_usize.saturating_sub(width)..).unwrap_or(&[]));
        if little {
            self.reverse(from);
        }
        Ok(())
    }
}

/// The number that up to eight big-endian bytes are, the others being `before`.
fn number(bytes: &[u8], little: bool, before: u8) -> Option<u64> {
    let mut all = [before; 8];
    for at in 0..bytes.len() {
        // From the lowest up.
        let byte = *bytes.get(if little { at } else { bytes.len() - 1 - at })?;
        match all.len().checked_sub(at + 1).and_then(|place| all.get_mut(place)) {
            Some(place) => *place = byte,
            None if byte == before => {}
            None => return None,
        }
    }
    Some(u64::from_be_bytes(all))
}

/// The bits of a number in so many bytes.
fn mask(width: usize) -> u64 {
    match width {
        0 => 0,
        1..8 => (1 << (8 * width)) - 1,
        _ => u64::MAX,
    }
}

macro_rules! unsigned {
    ($($int:ty),*) => {$(
        impl AnyWidth for $int {
            #[inline]
            fn of_bytes(bytes: &[u8], little: bool) -> Option<Self> {
                Self::try_from(number(bytes, little, 0)?).ok()
            }
            #[inline]
            fn width(self) -> usize {
                (u64::from(self).checked_ilog2().unwrap_or(0) / 8 + 1) as usize
            }
            fn cut(self, width: usize) -> Self {
                (u64::from(self) & mask(width)) as Self
            }
            #[inline]
            fn low_bytes(self, width: usize) -> Option<([u8; 8], u8)> {
                let value = u64::from(self);
                (value & mask(width) == value).then(|| (value.to_be_bytes(), 0))
            }
        }
    )*};
}

unsigned!(u8, u16, u32, u64);

/// A number in so many bytes with its sign.
fn extended(value: i64, width: usize) -> i64 {
    match width {
        0 => 0,
        1..8 => (value << (64 - 8 * width)) >> (64 - 8 * width),
        _ => value,
    }
}

macro_rules! signed {
    ($($int:ty),*) => {$(
        impl AnyWidth for $int {
            #[inline]
            fn of_bytes(bytes: &[u8], little: bool) -> Option<Self> {
                let high = if little { bytes.last() } else { bytes.first() };
                let before = if high.is_some_and(|byte| byte & 0x80 != 0) { 0xFF } else { 0 };
                let value = number(bytes, little, before)? as i64;
                // More bytes than eight must not say more than eight do.
                if bytes.len() > 8 && (value < 0) != (before != 0) {
                    return None;
                }
                Self::try_from(value).ok()
            }
            #[inline]
            fn width(self) -> usize {
                let value = i64::from(self);
                (1..8).find(|width| extended(value, *width) == value).unwrap_or(8)
            }
            fn cut(self, width: usize) -> Self {
                extended(i64::from(self), width) as Self
            }
            #[inline]
            fn low_bytes(self, width: usize) -> Option<([u8; 8], u8)> {
                let value = i64::from(self);
                let before = if value < 0 { 0xFF } else { 0 };
                (extended(value, width) == value).then(|| (value.to_be_bytes(), before))
            }
        }
    )*};
}

signed!(i8, i16, i32, i64);

/// The double that a single is; of what is no number all bits are kept.
fn widened(single: f32) -> f64 {
    let bits = single.to_bits();
    if single.is_nan() {
        let (sign, rest) = (u64::from(bits >> 31), u64::from(bits & 0x7F_FFFF));
        return f64::from_bits(sign << 63 | 0x7FF << 52 | rest << 29);
    }
    f64::from(single)
}

/// The single that is the same number.
fn narrowed(double: f64) -> Option<f32> {
    let single = if double.is_nan() {
        let bits = double.to_bits();
        let (sign, rest) = ((bits >> 63) as u32, (bits >> 29) as u32 & 0x7F_FFFF);
        f32::from_bits(sign << 31 | 0xFF << 23 | rest)
    } else {
        double as f32
    };
    (widened(single).to_bits() == double.to_bits()).then_some(single)
}

impl AnyWidth for f64 {
    fn of_bytes(bytes: &[u8], little: bool) -> Option<Self> {
        let bits = number(bytes, little, 0)?;
        match bytes.len() {
            4 => Some(widened(f32::from_bits(bits as u32))),
            8 => Some(Self::from_bits(bits)),
            _ => None,
        }
    }

    fn width(self) -> usize {
        8
    }

    fn cut(self, width: usize) -> Self {
        if width == 4 { Self::from(self as f32) } else { self }
    }

    fn low_bytes(self, width: usize) -> Option<([u8; 8], u8)> {
        let bits = match width {
            4 => u64::from(narrowed(self)?.to_bits()),
            8 => self.to_bits(),
            _ => return None,
        };
        Some((bits.to_be_bytes(), 0))
    }
}

impl AnyWidth for f32 {
    fn of_bytes(bytes: &[u8], little: bool) -> Option<Self> {
        narrowed(f64::of_bytes(bytes, little)?)
    }

    fn width(self) -> usize {
        4
    }

    fn cut(self, _: usize) -> Self {
        self
    }

    fn low_bytes(self, width: usize) -> Option<([u8; 8], u8)> {
        widened(self).low_bytes(width)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    static AT: FieldInfo = FieldInfo::new("", "value");

    fn both<T: AnyWidth + PartialEq + core::fmt::Debug>(value: T, bytes: &[u8]) {
        let mut turned = bytes.to_vec();
        turned.reverse();
        for (bytes, little) in [(bytes, false), (&turned[..], true)] {
            assert_eq!(T::of_bytes(bytes, little), Some(value), "{bytes:02X?}");
            let mut out = Vec::new();
            Writer::new(&mut out).any_width(value, bytes.len(), little, &AT).unwrap();
            assert_eq!(out, bytes);
        }
    }

    #[test]
    fn a_number_is_the_same_in_every_width_that_holds_it() {
        both(0x1234_u16, &[0x12, 0x34]);
        both(0x1234_u64, &[0, 0x12, 0x34]);
        both(7_u8, &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
        both(u64::MAX, &[0xFF; 8]);
        both(0_u32, &[]);
        both(-2_i64, &[0xFE]);
        both(-2_i16, &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE]);
        both(0x80_i16, &[0, 0x80]);
        both(i64::MIN, &[0x80, 0, 0, 0, 0, 0, 0, 0]);
        both(1.5_f64, &1.5_f32.to_be_bytes());
        both(0.1_f64, &0.1_f64.to_be_bytes());
        both(1.5_f32, &1.5_f64.to_be_bytes());
        for bits in [0x7F80_0001_u32, 0xFFC0_1234, 0xFF80_0000, 1] {
            let value = f64::of_bytes(&bits.to_be_bytes(), false).unwrap();
            let (bytes, _) = value.low_bytes(4).unwrap();
            assert_eq!(bytes[4..], bits.to_be_bytes());
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert_eq!(u8::of_bytes(&[1, 0], false), None);
        assert_eq!(u64::of_bytes(&[1, 0, 0, 0, 0, 0, 0, 0, 0], false), None);
        assert_eq!(i8::of_bytes(&[0, 0x80], false), None);
        // Nine bytes, of which the lowest eight would be negative.
        assert_eq!(i64::of_bytes(&[0, 0x80, 0, 0, 0, 0, 0, 0, 0], false), None);
        assert_eq!(f32::of_bytes(&0.1_f64.to_be_bytes(), false), None);
        assert_eq!(f64::of_bytes(&[1, 2, 3], false), None);
        let mut out = Vec::new();
        let mut w = Writer::new(&mut out);
        assert_eq!(w.any_width(256_u16, 1, false, &AT).unwrap_err().kind(), ErrorKind::Overflow);
        assert_eq!(w.any_width(-129_i16, 1, true, &AT).unwrap_err().kind(), ErrorKind::Overflow);
        assert_eq!(w.any_width(0.1_f64, 4, true, &AT).unwrap_err().kind(), ErrorKind::Overflow);
        assert!(out.is_empty());
    }

    #[test]
    fn the_fewest_bytes_hold_the_number() {
        for (value, width) in [(0_u64, 1), (0xFF, 1), (0x100, 2), (u64::MAX, 8)] {
            assert_eq!(value.width(), width);
        }
        for (value, width) in [(0_i64, 1), (127, 1), (128, 2), (-128, 1), (-129, 2), (i64::MIN, 8)] {
            assert_eq!(value.width(), width);
            assert_eq!(value.cut(width), value);
        }
        assert_eq!((0x1234_u16.cut(1), 0x1FF_i32.cut(1), 7_u8.cut(0)), (0x34, -1, 0));
    }
}
