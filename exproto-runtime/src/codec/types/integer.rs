//! Integers in other forms than their bytes: of variable length, by sign and
//! magnitude, in packed decimal.

use core::fmt;

use crate::codec::byte_set::ByteSet;
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::{Codec, End, Scalar};
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::signed::Signed;
use crate::codec::trace::Flag;
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

/// `#[wire(as = Leb128)]`: an unsigned integer, seven bits a byte, the lowest
/// first; all bytes but the last have their highest bit set.
///
/// One that takes more bytes than it needs is flagged.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{Decode, Leb128, Reader, ZigZag};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug)]
/// struct Point {
///     #[wire(as = Leb128)] id: u32,
///     #[wire(as = ZigZag)] delta: i32,
/// }
///
/// let point = Point::decode(&mut Reader::new(&[0xAC, 0x02, 0x03]), ()).unwrap();
/// assert_eq!((point.id, point.delta), (300, -2));
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Leb128;

/// `#[wire(as = ZigZag)]`: a signed integer as [`Leb128`], the sign in the
/// lowest bit.
#[derive(Clone, Copy, Debug, Default)]
pub struct ZigZag;

/// `#[wire(as = BerLength)]`: an unsigned integer up to 127 in one byte; a
/// larger one after a byte that says how many bytes it has, high byte first.
///
/// One that takes more bytes than it needs is flagged.
#[derive(Clone, Copy, Debug, Default)]
pub struct BerLength;

/// `#[wire(as = BcdNumber::<N>)]`: an unsigned integer in `N` bytes of packed
/// decimal.
///
/// Nibbles above 9 are flagged.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{BcdNumber, Decode, Reader};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug)]
/// struct Meter { #[wire(as = BcdNumber::<3>, scale = 0.01, unit = "kWh")] energy: u32 }
///
/// let meter = Meter::decode(&mut Reader::new(&[0x01, 0x23, 0x45]), ()).unwrap();
/// assert_eq!(meter.energy, 12345);
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct BcdNumber<const N: usize>;

fn overflow(r: &Reader<'_>, at: &'static FieldInfo) -> Error {
    r.fail(ErrorKind::Range, r.offset(), at, 0, 0)
}

/// The most bytes of 64 bits, seven a byte.
const LEB128_MOST: usize = 10;

fn read_leb128(r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<u64, Error> {
    let offset = r.offset();
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let [byte] = *r.run::<1>(at)?;
        let part = u64::from(byte & 0x7F);
        if part << shift >> shift != part {
            return Err(overflow(r, at));
        }
        value |= part << shift;
        if byte & 0x80 == 0 {
            if byte == 0 && shift > 0 {
                r.flag_at(Flag::Reserved, at, offset);
            }
            return Ok(value);
        }
    }
    Err(overflow(r, at))
}

fn leb128_end(bytes: &[u8], seen: usize) -> End {
    match bytes.iter().skip(seen).position(|byte| byte & 0x80 == 0) {
        Some(at) if seen + at < LEB128_MOST => End::After(seen + at + 1),
        None if bytes.len() < LEB128_MOST => End::Need(1),
        _ => End::Never,
    }
}

fn write_leb128(mut value: u64, w: &mut Writer<'_>) {
    while value > 0x7F {
        w.run([value as u8 | 0x80]);
        value >>= 7;
    }
    w.run([value as u8]);
}

fn read_ber(r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<u64, Error> {
    let offset = r.offset();
    let [first] = *r.run::<1>(at)?;
    if first < 0x80 {
        return Ok(u64::from(first));
    }
    let bytes = r.take(usize::from(first & 0x7F), at)?;
    let skip = bytes.iter().take_while(|byte| **byte == 0).count();
    if bytes.is_empty() || bytes.len() - skip > 8 {
        // An indefinite length, or one that no frame has.
        return Err(overflow(r, at));
    }
    let value = bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    if skip > 0 || value < 0x80 {
        r.flag_at(Flag::Reserved, at, offset);
    }
    Ok(value)
}

fn ber_end(bytes: &[u8]) -> End {
    match bytes.first() {
        None => End::Need(1),
        Some(0x80) => End::Never,
        Some(first) if *first < 0x80 => End::After(1),
        Some(first) => End::After(1 + usize::from(first & 0x7F)),
    }
}

fn write_ber(value: u64, w: &mut Writer<'_>) {
    if value < 0x80 {
        w.run([value as u8]);
        return;
    }
    let bytes = value.to_be_bytes();
    let skip = value.leading_zeros() as usize / 8;
    w.run([0x80 | (bytes.len() - skip) as u8]);
    w.bytes(bytes.get(skip..).unwrap_or(&bytes));
}

macro_rules! variable {
    ($($int:ty),*) => {$(
        impl Codec<'_, $int> for Leb128 {
            const DELIMITED: bool = true;
            const FINDS_END: bool = true;

            fn end(&self, bytes: &[u8], seen: usize) -> End {
                leb128_end(bytes, seen)
            }

            fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<$int, Error> {
                <$int>::try_from(read_leb128(r, at)?).map_err(|_| overflow(r, at))
            }

            fn encode(&self, value: &$int, w: &mut Writer<'_>, _: &'static FieldInfo) -> Result<(), Error> {
                write_leb128(u64::from(*value), w);
                Ok(())
            }
        }

        impl Codec<'_, $int> for BerLength {
            const DELIMITED: bool = true;
            const FINDS_END: bool = true;

            fn end(&self, bytes: &[u8], _: usize) -> End {
                ber_end(bytes)
            }

            fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<$int, Error> {
                <$int>::try_from(read_ber(r, at)?).map_err(|_| overflow(r, at))
            }

            fn encode(&self, value: &$int, w: &mut Writer<'_>, _: &'static FieldInfo) -> Result<(), Error> {
                write_ber(u64::from(*value), w);
                Ok(())
            }
        }

        impl<const N: usize> Codec<'_, $int> for BcdNumber<N> {
            const SIZE: Option<usize> = Some(N);
            const BYTES: Option<ByteSet> = Some(ByteSet::PACKED);

            fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<$int, Error> {
                let offset = r.offset();
                let bytes = *r.run::<N>(at)?;
                if !super::bcd::all_digits(&bytes) {
                    r.flag_at(Flag::Digits, at, offset);
                }
                let add = |number: u64, digit: u8| number.checked_mul(10)?.checked_add(u64::from(digit));
                let digits = bytes.into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
                let number = digits.into_iter().try_fold(0, add);
                number.and_then(|number| <$int>::try_from(number).ok()).ok_or_else(|| overflow(r, at))
            }

            fn encode(&self, value: &$int, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
                match super::Bcd::<N>::from_number(u64::from(*value), N) {
                    Some(digits) => {
                        w.bytes(digits.as_bytes());
                        Ok(())
                    }
                    None => Err(w.error(ErrorKind::Overflow, w.here(), at)),
                }
            }
        }
    )*};
}

variable!(u8, u16, u32, u64);

macro_rules! zigzag {
    ($($int:ty),*) => {$(
        impl Codec<'_, $int> for ZigZag {
            const DELIMITED: bool = true;
            const FINDS_END: bool = true;

            fn end(&self, bytes: &[u8], seen: usize) -> End {
                leb128_end(bytes, seen)
            }

            fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<$int, Error> {
                let raw = read_leb128(r, at)?;
                let value = (raw >> 1) as i64 ^ -((raw & 1) as i64);
                <$int>::try_from(value).map_err(|_| overflow(r, at))
            }

            fn encode(&self, value: &$int, w: &mut Writer<'_>, _: &'static FieldInfo) -> Result<(), Error> {
                let value = i64::from(*value);
                write_leb128((value << 1 ^ value >> 63) as u64, w);
                Ok(())
            }
        }
    )*};
}

zigzag!(i8, i16, i32, i64);

/// A signed number whose highest bit of `BITS` is the sign, and whose others
/// are the magnitude. The field says the integer on the wire with `as`, or its
/// `bits`.
///
/// Minus zero is kept.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{Decode, Reader, SignMagnitude};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug)]
/// #[wire(endian = big)]
/// struct Climate { #[wire(as = u16, scale = 0.1, unit = "°C")] outside: SignMagnitude<16> }
///
/// let climate = Climate::decode(&mut Reader::new(&[0x80, 0x69]), ()).unwrap();
/// assert_eq!(climate.outside.get(), -105);
/// assert_eq!(SignMagnitude::<16>::new(-105), Some(climate.outside));
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SignMagnitude<const BITS: u32>(u64);

impl<const BITS: u32> SignMagnitude<BITS> {
    const SIGN: u64 = 1 << (BITS - 1);

    /// The number; `None` if its magnitude does not fit.
    #[must_use]
    pub fn new(value: i64) -> Option<Self> {
        let magnitude = value.unsigned_abs();
        let sign = if value < 0 { Self::SIGN } else { 0 };
        (magnitude < Self::SIGN).then_some(Self(magnitude | sign))
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        let magnitude = (self.0 & (Self::SIGN - 1)) as i64;
        if self.0 & Self::SIGN == 0 { magnitude } else { -magnitude }
    }
}

impl<const BITS: u32> Signed for SignMagnitude<BITS> {
    type Magnitude = Self;

    fn join(magnitude: Self, negative: bool) -> Option<Self> {
        if magnitude.0 >= Self::SIGN {
            return None;
        }
        Some(if negative { Self(magnitude.0 | Self::SIGN) } else { magnitude })
    }

    fn magnitude(&self) -> Self {
        Self(self.0 & (Self::SIGN - 1))
    }

    fn negative(&self) -> bool {
        self.0 & Self::SIGN != 0
    }
}

impl<const BITS: u32> fmt::Debug for SignMagnitude<BITS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.0 == Self::SIGN { "-" } else { "" }, self.get())
    }
}

impl<const BITS: u32> Scalar for SignMagnitude<BITS> {
    const MAX_RAW: u64 = Self::SIGN;

    #[inline(always)]
    fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    #[inline(always)]
    fn raw(self) -> u64 {
        self.0
    }
}

impl<const BITS: u32> Value for SignMagnitude<BITS> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        v.int(self.get(), at);
    }
}
