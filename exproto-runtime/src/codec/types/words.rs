//! Numbers in word orders of their own, and floats of two bytes.

use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::Codec;
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::writer::Writer;

/// `#[wire(as = Cdab)]`: an integer or float of 32 or 64 bits in words of two
/// bytes, the lowest word first, in each word the high byte first: `CD AB`, and
/// `GH EF CD AB`. Registers are often joined like this.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{Badc, Cdab, from_bytes, to_bytes};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// struct Registers {
///     #[wire(as = Cdab)] power: f32,
///     #[wire(as = Badc)] energy: u32,
/// }
///
/// let registers = Registers { power: 1.5, energy: 0x0A0B_0C0D };
/// let bytes = [0x00, 0x00, 0x3F, 0xC0, 0x0B, 0x0A, 0x0D, 0x0C];
/// assert_eq!(to_bytes(&registers).unwrap(), bytes);
/// assert_eq!(from_bytes::<Registers>(&bytes).unwrap().frame, registers);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Cdab;

/// `#[wire(as = Badc)]`: an integer or float of 32 or 64 bits in words of two
/// bytes, the highest word first, in each word the low byte first: `BA DC`, and
/// `BA DC FE HG`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Badc;

macro_rules! orders {
    ($($number:ty: $bytes:literal),*) => {$(
        impl Codec<'_, $number> for Cdab {
            const SIZE: Option<usize> = Some($bytes);

            fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<$number, Error> {
                let mut bytes = *r.run::<$bytes>(at)?;
                pairs(&mut bytes);
                Ok(<$number>::from_le_bytes(bytes))
            }

            fn encode(&self, value: &$number, w: &mut Writer<'_>, _: &'static FieldInfo) -> Result<(), Error> {
                let mut bytes = value.to_le_bytes();
                pairs(&mut bytes);
                w.run(bytes);
                Ok(())
            }
        }

        impl Codec<'_, $number> for Badc {
            const SIZE: Option<usize> = Some($bytes);

            fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<$number, Error> {
                let mut bytes = *r.run::<$bytes>(at)?;
                pairs(&mut bytes);
                Ok(<$number>::from_be_bytes(bytes))
            }

            fn encode(&self, value: &$number, w: &mut Writer<'_>, _: &'static FieldInfo) -> Result<(), Error> {
                let mut bytes = value.to_be_bytes();
                pairs(&mut bytes);
                w.run(bytes);
                Ok(())
            }
        }
    )*};
}

orders!(u32: 4, i32: 4, f32: 4, u64: 8, i64: 8, f64: 8);

/// Swaps the bytes of each word.
fn pairs(bytes: &mut [u8]) {
    for word in bytes.as_chunks_mut::<2>().0 {
        word.reverse();
    }
}

/// `#[wire(as = Half::BIG)]`: an `f32` as two bytes (IEEE 754 binary16).
///
/// Every such number is an `f32`; one that is none is rounded to the nearest,
/// the even one of two, and a finite one beyond 65 504 is an
/// [`Overflow`](ErrorKind::Overflow).
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{Half, from_bytes, to_bytes};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// struct Sample {
///     #[wire(as = Half::BIG)] x: f32,
///     #[wire(as = Half::LITTLE)] y: f32,
/// }
///
/// let sample = from_bytes::<Sample>(&[0xC0, 0x00, 0x55, 0x35]).unwrap().frame;
/// assert_eq!(sample, Sample { x: -2.0, y: 0.333_251_95 });
/// assert_eq!(to_bytes(&sample).unwrap(), [0xC0, 0x00, 0x55, 0x35]);
/// assert!(to_bytes(&Sample { x: 1e6, ..sample }).is_err());
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Half {
    little: bool,
}

impl Half {
    /// High byte first.
    pub const BIG: Self = Self { little: false };

    /// Low byte first.
    pub const LITTLE: Self = Self { little: true };
}

/// The number of sixteen bits.
fn widen(half: u16) -> f32 {
    let (sign, exponent, fraction) = (u32::from(half >> 15) << 31, half >> 10 & 31, u32::from(half & 0x3FF));
    let bits = match exponent {
        0 => {
            // A fraction of 2^-24, exact in more bits.
            let value = fraction as f32 / 16_777_216.0;
            return f32::from_bits(sign | value.to_bits());
        }
        31 => 0x7F80_0000 | fraction << 13,
        _ => (u32::from(exponent) + 127 - 15) << 23 | fraction << 13,
    };
    f32::from_bits(sign | bits)
}

/// The sixteen bits of a number; `None` if it is finite and too large.
fn narrow(value: f32) -> Option<u16> {
    let bits = value.to_bits();
    let (sign, all) = ((bits >> 16) as u16 & 0x8000, bits & 0x7FFF_FFFF);
    let exponent = (all >> 23) as i32 - 127;
    if all >= 0x7F80_0000 {
        let fraction = (all >> 13) as u16 & 0x3FF;
        // Not a number stays none.
        let quiet = if all > 0x7F80_0000 && fraction == 0 { 0x200 } else { 0 };
        return Some(sign | 0x7C00 | fraction | quiet);
    }
    // Steps of 2^-24 below the normal numbers, else of the last of ten bits.
    let drop = if exponent < -14 { (-1 - exponent).min(31) } else { 13 } as u32;
    let mantissa = if all >> 23 == 0 { 0 } else { all & 0x7F_FFFF | 0x80_0000 };
    let (kept, rest) = (mantissa >> drop, mantissa & ((1_u32 << drop) - 1));
    let half = 1_u32 << (drop - 1);
    let up = rest > half || rest == half && kept & 1 == 1;
    let kept = kept + u32::from(up);
    // A carry goes into the exponent.
    let number = if exponent < -14 { kept } else { (((exponent + 14) as u32) << 10) + kept };
    (number < 0x7C00).then_some(sign | number as u16)
}

impl Codec<'_, f32> for Half {
    const SIZE: Option<usize> = Some(2);

    fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<f32, Error> {
        let bytes = *r.run::<2>(at)?;
        Ok(widen(if self.little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) }))
    }

    fn encode(&self, value: &f32, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
        let Some(half) = narrow(*value) else { return Err(w.error(ErrorKind::Overflow, w.here(), at)) };
        w.run(if self.little { half.to_le_bytes() } else { half.to_be_bytes() });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_half_comes_back() {
        for half in 0..=u16::MAX {
            assert_eq!(narrow(widen(half)), Some(half), "{half:04x}");
        }
        assert_eq!((widen(0x3C00), widen(0x7BFF), widen(0x0001)), (1.0, 65_504.0, 2.0_f32.powi(-24)));
        assert!(widen(0x7C01).is_nan() && widen(0xFC00) == f32::NEG_INFINITY);
    }

    #[test]
    fn others_are_rounded_to_the_nearest() {
        // Between two numbers the nearer one, in the middle the even one.
        for half in 0..0x7BFF_u16 {
            let (low, high) = (widen(half), widen(half + 1));
            let middle = (low + high) / 2.0;
            assert_eq!(narrow(middle), Some(half + (half & 1)), "{half:04x}");
            assert_eq!(narrow(middle.next_down()), Some(half));
            assert_eq!(narrow(middle.next_up()), Some(half + 1));
        }
        assert_eq!((narrow(65_519.0), narrow(65_520.0), narrow(f32::MAX)), (Some(0x7BFF), None, None));
        assert_eq!((narrow(f32::MIN_POSITIVE), narrow(-1e-30)), (Some(0), Some(0x8000)));
    }
}
