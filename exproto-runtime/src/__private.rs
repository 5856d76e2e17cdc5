//! What generated code names. Not public: changes with every release.
#![allow(missing_docs)]

pub use alloc::string::{String, ToString};
pub use alloc::vec::Vec;
pub use core;
pub use core::array::from_fn as array_of;
pub use core::convert::{From, TryFrom};
pub use core::option::Option::{self, None, Some};
pub use core::result::Result::{self, Err, Ok};

pub use crate::codec::*;
#[cfg(feature = "exhook")]
pub mod exhook {
    pub use crate::exhook::{Hook, Registration};
}
#[cfg(feature = "session")]
pub use crate::session::routes::*;
#[cfg(feature = "session")]
pub use crate::session::{
    Access, After, Asks, CloseReason, Credentials, Cx, DeliverError, Delivery, Gateway, Lookup, Outcome,
    Pairing, Polled, Refusal, Stage, TopicBuf, TopicValue, matches,
};

/// Nothing stands before a body.
///
/// # Errors
///
/// None.
#[inline(always)]
pub fn no_head(_: &Writer<'_>, _: u64, _: Option<usize>) -> Result<[u8; 0], Error> {
    Ok([])
}

/// A reference that gives a copy where the type is `Copy`; see [`ViewCopy`].
#[derive(Debug)]
pub struct View<'v, T>(pub &'v T);

/// Chosen by method resolution for types that are `Copy`.
pub trait ViewCopy {
    type Out;
    fn view(&self) -> Self::Out;
}

/// Chosen by method resolution for all other types.
pub trait ViewRef {
    type Out;
    fn view(&self) -> Self::Out;
}

impl<T: Copy> ViewCopy for View<'_, T> {
    type Out = T;
    #[inline(always)]
    fn view(&self) -> T {
        *self.0
    }
}

impl<'v, T> ViewRef for &View<'v, T> {
    type Out = &'v T;
    #[inline(always)]
    fn view(&self) -> &'v T {
        self.0
    }
}

/// Whether a closure, whose argument has its type from here, holds for a value.
#[inline(always)]
pub fn holds<T: ?Sized>(value: &T, last: impl FnOnce(&T) -> bool) -> bool {
    last(value)
}

/// What `endian = EXPR` may be.
#[diagnostic::on_unimplemented(
    message = "a byte order is an `Endian`, not `{Self}`",
    label = "give `big`, `little` or an expression that chooses between them",
    note = "such as `endian = if mark == 0x49 {{ little }} else {{ big }}`"
)]
pub trait ToEndian {
    fn little(self) -> bool;
}

impl ToEndian for Endian {
    #[inline(always)]
    fn little(self) -> bool {
        self == Self::Little
    }
}

impl ToEndian for &Endian {
    #[inline(always)]
    fn little(self) -> bool {
        *self == Endian::Little
    }
}

/// What `size = EXPR` and `count = EXPR` may be.
#[diagnostic::on_unimplemented(
    message = "a size or count is an integer, not `{Self}`",
    label = "give a number of bytes or elements"
)]
pub trait ToSize {
    fn to_size(self) -> usize;
}

macro_rules! to_size {
    ($($int:ty),*) => {$(
        impl ToSize for $int {
            #[inline(always)]
            fn to_size(self) -> usize {
                // A size that does not fit is larger than any frame.
                usize::try_from(self).unwrap_or(usize::MAX)
            }
        }
        impl ToSize for &$int {
            #[inline(always)]
            fn to_size(self) -> usize {
                (*self).to_size()
            }
        }
    )*};
}

to_size!(u8, u16, u32, u64, usize, i32);

/// Bytes as a big-endian number, for reports.
#[must_use]
pub fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte))
}

/// Whether bytes that mean nothing are what we would write.
#[inline]
#[must_use]
pub fn all_are(bytes: &[u8], fill: u8) -> bool {
    bytes.iter().all(|byte| *byte == fill)
}

/// An integer of a row of integers of so many bytes; 0 where there is none.
#[inline]
#[must_use]
pub fn row_at(row: &[u8], index: usize, bytes: usize, little: bool) -> u64 {
    let from = index.saturating_mul(bytes);
    let one = row.get(from..from.saturating_add(bytes)).unwrap_or(&[]);
    if little { one.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte)) } else { number(one) }
}

/// The bytes that a checksum covers, with its own as 0.
#[must_use]
pub fn blanked(bytes: &[u8], at: usize, width: usize) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    if let Some(own) = copy.get_mut(at..at.saturating_add(width)) {
        own.fill(0);
    }
    copy
}

/// A declared size, if it is one.
#[inline(always)]
#[must_use]
pub fn size_of_rest(value: i64) -> Option<usize> {
    usize::try_from(value).ok()
}

/// The constant size of two items in a row.
#[must_use]
pub const fn add_sizes(a: Option<usize>, b: Option<usize>) -> Option<usize> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a + b),
        _ => None,
    }
}

/// Whether both always have the same size.
#[must_use]
pub const fn same_size(a: Option<usize>, b: Option<usize>) -> bool {
    matches!((a, b), (Some(a), Some(b)) if a == b)
}

/// How many elements of one size fill a list of so many bytes.
#[must_use]
pub fn elements_in(size: Option<usize>, each: Option<usize>) -> usize {
    match (size, each) {
        (Some(size), Some(each)) => size.checked_div(each).unwrap_or(0),
        _ => 0,
    }
}

/// The constant size of so many items.
#[must_use]
pub const fn times_size(count: usize, size: Option<usize>) -> Option<usize> {
    match size {
        Some(size) => Some(count * size),
        None => None,
    }
}

/// An array of what `make` returns for each place, or its first error.
///
/// # Errors
///
/// The first of `make`; it is not called again after it.
#[inline(always)]
pub fn try_array<T, const N: usize, E>(mut make: impl FnMut(usize) -> Result<T, E>) -> Result<[T; N], E> {
    let mut error = None;
    let made: [Option<T>; N] = core::array::from_fn(|index| {
        if error.is_some() {
            return None;
        }
        make(index).map_err(|why| error = Some(why)).ok()
    });
    match error {
        Some(why) => Err(why),
        // Without an error every call returned a value.
        None => Ok(made.map(|value| match value {
            Some(value) => value,
            None => unreachable!("every place of the array is made"),
        })),
    }
}

/// The constant size of a part; 0 where it varies and nothing asks.
#[must_use]
pub const fn part_size(size: Option<usize>) -> usize {
    match size {
        Some(size) => size,
        None => 0,
    }
}

/// Whether a codec knows where a value ends.
#[must_use]
pub const fn codec_delimited<'a, T, C: Codec<'a, T>>(_: &C) -> bool {
    C::DELIMITED
}

/// The bytes that a value of a codec may hold; of one that does not say it none
/// where the value goes on to a delimiter (`open`).
#[must_use]
pub const fn codec_bytes<'a, T, C: Codec<'a, T>>(_: &C, open: bool) -> ByteSet {
    match C::BYTES {
        Some(bytes) => bytes,
        None if open => ByteSet::NONE,
        None => ByteSet::ALL,
    }
}

/// The size of all values of a codec.
#[must_use]
pub const fn codec_size<'a, T, C: Codec<'a, T>>(_: &C) -> Option<usize> {
    C::SIZE
}

/// The smallest size of a value of a codec.
#[must_use]
pub const fn codec_min<'a, T, C: Codec<'a, T>>(_: &C) -> usize {
    C::MIN
}

/// The smallest of some sizes.
#[must_use]
pub const fn smallest(sizes: &[usize]) -> usize {
    let mut least = usize::MAX;
    let mut i = 0;
    while i < sizes.len() {
        if sizes[i] < least {
            least = sizes[i];
        }
        i += 1;
    }
    if least == usize::MAX { 0 } else { least }
}

/// The tag in the type of the field that receives it.
#[inline(always)]
pub fn tag_into<T: Scalar>(tag: u64) -> T {
    T::from_raw(tag)
}

/// The tag of a field that received it.
#[inline(always)]
pub fn tag_from<T: Scalar>(tag: T) -> u64 {
    tag.raw()
}

/// The name of a variant.
pub trait Kind {
    fn kind(&self) -> &'static str;
}

/// What `{path.kind}` stands for in a template: the name of a variant, or the
/// field `kind` of a struct.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no `kind`",
    label = "an enum has one, the name of its variant; a struct if it has such a field"
)]
pub trait Kinded {
    type Of<'k>
    where
        Self: 'k;
    fn kind(&self) -> Self::Of<'_>;
}

/// The bytes of a body that was kept raw.
#[diagnostic::on_unimplemented(
    message = "`{Self}` keeps no raw bytes, so segments of it cannot be joined",
    label = "the body needs an `other` variant with the bytes",
    note = "add `#[wire(other)] Other {{ #[wire(tag)] id: u16, #[wire(rest)] data: &'a [u8] }}`"
)]
pub trait RawBody {
    fn raw_body(&self) -> Option<&[u8]>;
}

impl<T: Kind> Kind for alloc::boxed::Box<T> {
    fn kind(&self) -> &'static str {
        (**self).kind()
    }
}

impl<T: RawBody> RawBody for alloc::boxed::Box<T> {
    fn raw_body(&self) -> Option<&[u8]> {
        (**self).raw_body()
    }
}

/// Integers and floats with operators that have a result for all operands.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no number that an expression of `#[wire(..)]` can compute with",
    label = "use integers, or a function of your own: `size = bytes_of(field)`"
)]
pub trait Number: Sized {
    fn plus(self, other: Self) -> Self;
    fn minus(self, other: Self) -> Self;
    fn times(self, other: Self) -> Self;
    fn over(self, other: Self) -> Self;
    fn modulo(self, other: Self) -> Self;
}

/// Integers that can be shifted, and by which can be shifted.
pub trait Shift: Sized {
    fn left(self, by: u32) -> Self;
    fn right(self, by: u32) -> Self;
    fn places(self) -> u32;
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Number for $int {
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                self.saturating_add(other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                self.saturating_sub(other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                self.saturating_mul(other)
            }
            #[inline(always)]
            fn over(self, other: Self) -> Self {
                self.checked_div(other).unwrap_or(0)
            }
            #[inline(always)]
            fn modulo(self, other: Self) -> Self {
                self.checked_rem(other).unwrap_or(0)
            }
        }
        impl Shift for $int {
            #[inline(always)]
            fn left(self, by: u32) -> Self {
                self.checked_shl(by).unwrap_or(0)
            }
            #[inline(always)]
            fn right(self, by: u32) -> Self {
                self.checked_shr(by).unwrap_or(0)
            }
            #[inline(always)]
            fn places(self) -> u32 {
                u32::try_from(self).unwrap_or(u32::MAX)
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize);

macro_rules! floats {
    ($($float:ty),*) => {$(
        impl Number for $float {
            fn plus(self, other: Self) -> Self {
                self + other
            }
            fn minus(self, other: Self) -> Self {
                self - other
            }
            fn times(self, other: Self) -> Self {
                self * other
            }
            fn over(self, other: Self) -> Self {
                self / other
            }
            fn modulo(self, other: Self) -> Self {
                self % other
            }
        }
    )*};
}

floats!(f32, f64);

macro_rules! operators {
    ($($name:ident),*) => {$(
        #[inline(always)]
        pub fn $name<T: Number>(left: T, right: T) -> T {
            left.$name(right)
        }
    )*};
}

operators!(plus, minus, times, over, modulo);

#[inline(always)]
pub fn shifted_left<T: Shift>(value: T, by: impl Shift) -> T {
    value.left(by.places())
}

#[inline(always)]
pub fn shifted_right<T: Shift>(value: T, by: impl Shift) -> T {
    value.right(by.places())
}
