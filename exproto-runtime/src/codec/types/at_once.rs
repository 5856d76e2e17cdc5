//! Lists of elements that any bytes are: taken as one piece.

use alloc::vec::Vec;

use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::{Decode, Wire};
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::Trace;

/// The bytes of an element that any bytes are; 0 if it has to be looked at: by its
/// type or because a trace wants to hear of it.
#[inline(always)]
pub(super) const fn size_of<I: Wire, T: Trace>() -> usize {
    match I::SIZE {
        Some(size) if I::ANY_BYTES && !T::ON => size,
        _ => 0,
    }
}

/// The bytes of so many elements, if nothing of them has to be looked at.
///
/// # Errors
///
/// The first of them that is not there as a whole.
#[inline(always)]
pub(super) fn take<'a, I: Decode<'a>, T: Trace>(
    r: &mut Reader<'a, T>,
    count: usize,
    ctx: I::Ctx,
    at: &'static FieldInfo,
) -> Result<Option<&'a [u8]>, Error> {
    let size = const { size_of::<I, T>() };
    if size == 0 {
        return Ok(None);
    }
    match r.take_if(count.saturating_mul(size)) {
        Some(bytes) => Ok(Some(bytes)),
        None => Err(cut_short::<I, T>(*r, ctx, at)),
    }
}

/// The bytes of all whole elements, if nothing of them has to be looked at and there
/// is nothing else.
#[inline(always)]
pub(super) fn take_all<'a, I: Decode<'a>, T: Trace>(r: &mut Reader<'a, T>) -> Option<&'a [u8]> {
    let size = const { size_of::<I, T>() };
    if size == 0 || !r.left().is_multiple_of(size) {
        return None;
    }
    Some(r.rest())
}

/// What is wrong with the first element that is not there as a whole.
#[cold]
#[inline(never)]
fn cut_short<'a, I: Decode<'a>, T: Trace>(
    mut r: Reader<'a, T>,
    ctx: I::Ctx,
    at: &'static FieldInfo,
) -> Error {
    for _ in 0..=r.left() {
        if let Err(error) = I::decode(&mut r, ctx) {
            return error;
        }
    }
    r.fail(ErrorKind::Short, r.offset(), at, 0, 1)
}

/// The elements that `bytes` are, of which each has `size`.
#[inline(always)]
fn collect<'a, I: Decode<'a>>(bytes: &'a [u8], size: usize, ctx: I::Ctx) -> Vec<I> {
    let mut list = Vec::with_capacity(bytes.len() / size.max(1));
    for element in bytes.chunks_exact(size.max(1)) {
        if let Ok(value) = I::decode(&mut Reader::new(element), ctx) {
            list.push(value);
        }
    }
    list
}

/// So many elements, each where the one before ends.
#[doc(hidden)]
#[inline]
pub fn list_of<'a, I: Decode<'a>, T: Trace>(
    r: &mut Reader<'a, T>,
    count: usize,
    ctx: I::Ctx,
    at: &'static FieldInfo,
) -> Result<Vec<I>, Error> {
    if let Some(bytes) = take::<I, T>(r, count, ctx, at)? {
        return Ok(collect(bytes, const { size_of::<I, T>() }, ctx));
    }
    // Elements without bytes would let a count of millions through.
    if I::MIN == 0 && count > r.left() {
        return Err(r.fail(ErrorKind::Short, r.offset(), at, r.left() as u64, count as u64));
    }
    // Never more than the bytes in hand can hold.
    let mut list = Vec::with_capacity(count.min(r.left() / I::MIN.max(1)));
    for index in 0..count {
        r.enter_element(index);
        list.push(I::decode(r, ctx)?);
        r.leave();
    }
    Ok(list)
}

/// As many elements as there are bytes for: as many as `expected`, as far as is known.
#[doc(hidden)]
#[inline]
pub fn list_to_end<'a, I: Decode<'a>, T: Trace>(
    r: &mut Reader<'a, T>,
    expected: usize,
    ctx: I::Ctx,
    at: &'static FieldInfo,
) -> Result<Vec<I>, Error> {
    if let Some(bytes) = take_all::<I, T>(r) {
        return Ok(collect(bytes, const { size_of::<I, T>() }, ctx));
    }
    let mut list = Vec::with_capacity(expected.min(r.left() / I::MIN.max(1)));
    super::list::elements::<I, T>(r, ctx, false, at, |value| list.push(value))?;
    Ok(list)
}

/// So many numbers of `N` bytes, each of which `of` makes of its bytes.
#[doc(hidden)]
#[inline]
pub fn numbers_of<'a, const N: usize, V, T: Trace>(
    r: &mut Reader<'a, T>,
    count: usize,
    at: &'static FieldInfo,
    of: impl Fn(&[u8; N]) -> V,
) -> Result<Vec<V>, Error> {
    if !T::ON
        && let Some(bytes) = r.take_if(count.saturating_mul(N))
    {
        return Ok(bytes.as_chunks::<N>().0.iter().map(of).collect());
    }
    let mut list = Vec::with_capacity(count.min(r.left() / N.max(1)));
    for index in 0..count {
        r.enter_element(index);
        list.push(of(r.run::<N>(at)?));
        r.leave();
    }
    Ok(list)
}

/// As many numbers as there are bytes for.
#[doc(hidden)]
#[inline]
pub fn numbers_to_end<'a, const N: usize, V, T: Trace>(
    r: &mut Reader<'a, T>,
    at: &'static FieldInfo,
    of: impl Fn(&[u8; N]) -> V,
) -> Result<Vec<V>, Error> {
    // What is left of one more is too short for it.
    let count = r.left().div_ceil(N.max(1));
    numbers_of(r, count, at, of)
}
