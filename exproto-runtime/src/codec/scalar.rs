//! Integers as scalars: what `as = INTEGER` makes of a field's own integer.

use super::byte_set::ByteSet;
use super::layout::Scalar;

macro_rules! unsigned {
    ($($int:ty),*) => {$(
        impl Scalar for $int {
            const MAX_RAW: u64 = <$int>::MAX as u64;

            #[inline(always)]
            fn from_raw(raw: u64) -> Self {
                raw as $int
            }

            #[inline(always)]
            fn raw(self) -> u64 {
                u64::from(self)
            }
        }
    )*};
}

unsigned!(u8, u16, u32, u64);

macro_rules! signed {
    ($($int:ty),*) => {$(
        impl Scalar for $int {
            // Widths are checked where the integer on the wire is known.
            const MAX_RAW: u64 = 0;

            #[inline(always)]
            fn from_raw(raw: u64) -> Self {
                raw as $int
            }

            #[inline(always)]
            fn raw(self) -> u64 {
                i64::from(self) as u64
            }
        }
    )*};
}

signed!(i8, i16, i32, i64);

impl Scalar for bool {
    const MAX_RAW: u64 = 1;
    const BYTES: ByteSet = ByteSet::range(0, 1);

    #[inline(always)]
    fn from_raw(raw: u64) -> Self {
        raw != 0
    }

    #[inline(always)]
    fn raw(self) -> u64 {
        u64::from(self)
    }
}
