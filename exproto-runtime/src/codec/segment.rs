//! What generated code asks of the fields of a segment.

use alloc::vec::Vec;

/// What says where in its message a segment belongs.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say where a segment belongs",
    label = "the number of a segment, and how many there are, are integers"
)]
pub trait SegmentNumber {
    /// The number; what is too large for any message is the largest there is.
    fn number(self) -> u32;
}

macro_rules! numbers {
    ($($int:ty)*) => {$(
        impl SegmentNumber for $int {
            #[inline]
            fn number(self) -> u32 {
                u32::try_from(self).unwrap_or(u32::MAX)
            }
        }
    )*};
}

numbers!(u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize);

impl<T: SegmentNumber + Copy> SegmentNumber for &T {
    #[inline]
    fn number(self) -> u32 {
        (*self).number()
    }
}

/// What the bytes of segments are joined to.
#[diagnostic::on_unimplemented(
    message = "segments cannot be joined to a `{Self}`",
    label = "a field of bytes: `&'a [u8]`, `Vec<u8>` or an `Option` of them"
)]
pub trait SegmentData<'f> {
    /// The bytes of one segment, `None` where a frame carries none.
    fn data(&self) -> Option<&[u8]>;
    /// Puts those of all segments there.
    fn join(&mut self, all: &'f [u8]);
}

impl<'f> SegmentData<'f> for &'f [u8] {
    #[inline]
    fn data(&self) -> Option<&[u8]> {
        Some(self)
    }

    #[inline]
    fn join(&mut self, all: &'f [u8]) {
        *self = all;
    }
}

impl<'f> SegmentData<'f> for Vec<u8> {
    #[inline]
    fn data(&self) -> Option<&[u8]> {
        Some(self)
    }

    fn join(&mut self, all: &'f [u8]) {
        *self = all.to_vec();
    }
}

impl<'f, T: SegmentData<'f>> SegmentData<'f> for Option<T> {
    #[inline]
    fn data(&self) -> Option<&[u8]> {
        self.as_ref()?.data()
    }

    fn join(&mut self, all: &'f [u8]) {
        if let Some(data) = self {
            data.join(all);
        }
    }
}
