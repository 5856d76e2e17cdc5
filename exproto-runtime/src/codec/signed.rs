//! Values of which a part stands at another place: a sign, or high bits.

use super::layout::Scalar;

/// A number whose sign stands elsewhere than its magnitude:
/// `= sign(field)` of the item that has the sign.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no sign of its own",
    label = "`sign(..)` speaks of a signed integer, `SignMagnitude`, `Dec` or `DegMin`",
    note = "implement `exproto_runtime::codec::Signed` for a type of your own"
)]
pub trait Signed: Sized {
    /// What stands at the place of the field.
    type Magnitude;

    /// The number with this sign; `None` if it is too large. A type that has
    /// no minus zero gives zero.
    fn join(magnitude: Self::Magnitude, negative: bool) -> Option<Self>;

    /// The number without its sign.
    fn magnitude(&self) -> Self::Magnitude;

    /// Whether the sign is minus.
    fn negative(&self) -> bool;

    /// Whether there is no number, so that a word for the sign is empty too.
    fn is_none(&self) -> bool {
        false
    }
}

macro_rules! integers {
    ($($signed:ty: $unsigned:ty),*) => {$(
        impl Signed for $signed {
            type Magnitude = $unsigned;

            #[inline]
            fn join(magnitude: $unsigned, negative: bool) -> Option<Self> {
                if negative {
                    <$signed>::checked_sub_unsigned(0, magnitude)
                } else {
                    <$signed>::try_from(magnitude).ok()
                }
            }

            #[inline]
            fn magnitude(&self) -> $unsigned {
                self.unsigned_abs()
            }

            #[inline]
            fn negative(&self) -> bool {
                *self < 0
            }
        }
    )*};
}

integers!(i8: u8, i16: u16, i32: u32, i64: u64);

/// What stands for the sign of a value.
#[inline]
pub fn sign_of<T: Signed>(value: &T, plus: u64, minus: u64, word: bool) -> u64 {
    if word && value.is_none() {
        return 0;
    }
    if value.negative() { minus } else { plus }
}

const fn mask(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}

/// `bits` bits as a number, with a sign if it has one.
const fn extended(raw: u64, bits: u32, signed: bool) -> u64 {
    let raw = raw & mask(bits);
    if signed && bits < 64 && bits > 0 && raw >> (bits - 1) == 1 { raw | !mask(bits) } else { raw }
}

/// A number of `total` bits with `part` as its bits from `from` up.
#[inline]
pub fn join_bits<T: Scalar>(home: T, part: u64, from: u32, count: u32, total: u32, signed: bool) -> T {
    let raw = home.raw() & !(mask(count) << from) | (part & mask(count)) << from;
    T::from_raw(extended(raw, total, signed))
}

/// The bits of a number from `from` up.
#[inline]
pub fn part_bits<T: Scalar>(value: T, from: u32, count: u32) -> u64 {
    value.raw() >> from & mask(count)
}

/// The lowest bits of a number; `None` if it has more than `total`.
#[inline]
pub fn home_bits<T: Scalar>(value: T, own: u32, total: u32, signed: bool) -> Option<T> {
    let raw = value.raw();
    (extended(raw, total, signed) == raw).then(|| T::from_raw(extended(raw, own, signed)))
}
