//! Lists that are walked where they lie.

use alloc::vec::Vec;
use core::fmt;

use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::{Decode, Encode, Wire};
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::{Flag, Trace};
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

use super::at_once;

static TAIL: FieldInfo = FieldInfo::new("", "tail");

/// A list of `T` in the bytes of a frame, or one built to be sent.
///
/// Decoding checks every element and counts them; [`iter`](Self::iter) decodes
/// them again where they lie, so no memory is allocated. With
/// `#[wire(lenient)]` a list that breaks off keeps the whole elements before
/// the break, and the bytes after them as [`tail`](Self::tail).
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{Decode, List, Reader};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
/// #[wire(endian = big)]
/// struct Sample { at: u8, value: u16 }
///
/// #[derive(ExProtoFrame, Debug)]
/// struct Samples<'a> { #[wire(rest)] list: List<'a, Sample> }
///
/// let samples = Samples::decode(&mut Reader::new(&[1, 0, 7, 2, 0, 9]), ()).unwrap();
/// assert_eq!(samples.list.len(), 2);
/// assert_eq!(samples.list.iter().map(|sample| sample.value).sum::<u16>(), 16);
///
/// let built = Samples { list: vec![Sample { at: 3, value: 1 }].into() };
/// assert_eq!(built.list.len(), 1);
/// # }
/// ```
pub struct List<'a, T: Wire> {
    inner: Inner<'a, T>,
}

enum Inner<'a, T: Wire> {
    /// `whole` bytes of `bytes` are `count` elements.
    Wire { bytes: &'a [u8], whole: u32, count: u32, ctx: T::Ctx },
    /// Made by the user.
    Built(Vec<T>),
}

impl<T: Wire + Clone> Clone for List<'_, T> {
    fn clone(&self) -> Self {
        let inner = match &self.inner {
            Inner::Wire { bytes, whole, count, ctx } => {
                Inner::Wire { bytes, whole: *whole, count: *count, ctx: *ctx }
            }
            Inner::Built(list) => Inner::Built(list.clone()),
        };
        Self { inner }
    }
}

impl<T: Wire> Default for List<'_, T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T: Wire> From<Vec<T>> for List<'_, T> {
    fn from(list: Vec<T>) -> Self {
        Self { inner: Inner::Built(list) }
    }
}

impl<'a, T: Wire> List<'a, T> {
    /// The `count` elements that `bytes` were read as.
    pub(super) fn lying(bytes: &'a [u8], count: usize, ctx: T::Ctx) -> Self {
        Self { inner: Inner::Wire { bytes, whole: bytes.len() as u32, count: count as u32, ctx } }
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.inner {
            Inner::Wire { count, .. } => *count as usize,
            Inner::Built(list) => list.len(),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes after the last whole element of a lenient list.
    #[must_use]
    pub fn tail(&self) -> &'a [u8] {
        match &self.inner {
            Inner::Wire { bytes, whole, .. } => bytes.get(*whole as usize..).unwrap_or(&[]),
            Inner::Built(_) => &[],
        }
    }

    /// The elements.
    #[must_use]
    pub fn iter(&self) -> ListIter<'a, '_, T> {
        match &self.inner {
            Inner::Wire { bytes, whole, count, ctx } => ListIter {
                reader: Reader::traced(bytes.get(..*whole as usize).unwrap_or(&[]), Again),
                left: *count,
                ctx: Some(*ctx),
                built: [].iter(),
            },
            Inner::Built(list) => {
                ListIter { reader: Reader::traced(&[], Again), left: 0, ctx: None, built: list.iter() }
            }
        }
    }
}

impl<'a, 'l, T: Decode<'a> + Clone> IntoIterator for &'l List<'a, T> {
    type Item = T;
    type IntoIter = ListIter<'a, 'l, T>;

    fn into_iter(self) -> ListIter<'a, 'l, T> {
        self.iter()
    }
}

/// Traces nothing, as [`NoTrace`](crate::codec::NoTrace) does. A type of its
/// own, so that the code that checks elements is not the code that decodes
/// them again, and the compiler drops the values from it.
#[derive(Clone, Copy, Debug)]
struct Again;

impl Trace for Again {
    const ON: bool = false;
}

/// The elements of a [`List`], decoded one after the other.
pub struct ListIter<'a, 'l, T: Wire> {
    reader: Reader<'a, Again>,
    /// Elements that are still to come: one may have no bytes.
    left: u32,
    ctx: Option<T::Ctx>,
    built: core::slice::Iter<'l, T>,
}

impl<T: Wire> fmt::Debug for ListIter<'_, '_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListIter").field("left", &self.reader.left()).finish_non_exhaustive()
    }
}

impl<'a, T: Decode<'a> + Clone> Iterator for ListIter<'a, '_, T> {
    type Item = T;

    #[inline]
    fn next(&mut self) -> Option<T> {
        let Some(ctx) = self.ctx else { return self.built.next().cloned() };
        if const { at_once::size_of::<T, Again>() > 0 } {
            // The bytes say how many are left, and one look at them serves both.
            if self.reader.left() < const { at_once::size_of::<T, Again>() } {
                return None;
            }
        } else {
            self.left = self.left.checked_sub(1)?;
        }
        // Every element was decoded once before, so this does not fail.
        T::decode(&mut self.reader, ctx).ok()
    }
}

impl<'a, T: Decode<'a> + Clone + PartialEq> PartialEq for List<'a, T> {
    fn eq(&self, other: &Self) -> bool {
        self.tail() == other.tail() && self.iter().eq(other.iter())
    }
}

impl<'a, T: Decode<'a> + Clone + fmt::Debug> fmt::Debug for List<'a, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        list.entries(self.iter());
        if !self.tail().is_empty() {
            list.entry(&format_args!("tail {:02x?}", self.tail()));
        }
        list.finish()
    }
}

impl<'a, T: Decode<'a> + Clone + Value> Value for List<'a, T> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        v.begin_list();
        for value in self.iter() {
            v.element();
            value.show(at, v);
        }
        if !self.tail().is_empty() {
            v.element();
            v.begin();
            v.field(&TAIL);
            v.bytes(self.tail());
            v.end();
        }
        v.end_list();
    }
}

/// A list that owns its elements and, if it is lenient, what follows them.
#[derive(Clone, Debug, PartialEq)]
pub struct ListBuf<T> {
    /// The elements.
    pub items: Vec<T>,
    /// The bytes after the last whole element of a lenient list.
    pub tail: Vec<u8>,
}

impl<T> Default for ListBuf<T> {
    fn default() -> Self {
        Vec::new().into()
    }
}

impl<T> From<Vec<T>> for ListBuf<T> {
    fn from(items: Vec<T>) -> Self {
        Self { items, tail: Vec::new() }
    }
}

impl<T> core::ops::Deref for ListBuf<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T: Value> Value for ListBuf<T> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        v.begin_list();
        for value in &self.items {
            v.element();
            value.show(at, v);
        }
        if !self.tail.is_empty() {
            v.element();
            v.begin();
            v.field(&TAIL);
            v.bytes(&self.tail);
            v.end();
        }
        v.end_list();
    }
}

/// What `count(..)` counts.
#[doc(hidden)]
pub trait Counted {
    fn counted(&self) -> usize;
}

impl<T: Wire> Counted for List<'_, T> {
    fn counted(&self) -> usize {
        self.len()
    }
}

impl<T> Counted for ListBuf<T> {
    fn counted(&self) -> usize {
        self.items.len()
    }
}

impl<T> Counted for Vec<T> {
    fn counted(&self) -> usize {
        self.len()
    }
}

impl<T> Counted for [T] {
    fn counted(&self) -> usize {
        self.len()
    }
}

impl<T, const N: usize> Counted for [T; N] {
    fn counted(&self) -> usize {
        N
    }
}

impl<C: Counted + ?Sized> Counted for &C {
    fn counted(&self) -> usize {
        (**self).counted()
    }
}

impl<C: Counted> Counted for Option<C> {
    fn counted(&self) -> usize {
        self.as_ref().map_or(0, Counted::counted)
    }
}

/// Whether a closure holds for the last element, and for no other.
#[doc(hidden)]
pub fn only_last<'v, T: 'v>(list: impl IntoIterator<Item = &'v T>, mut last: impl FnMut(&T) -> bool) -> bool {
    let mut ended = false;
    for value in list {
        if ended {
            return false;
        }
        ended = last(value);
    }
    ended
}

/// How generated code reads and writes a list.
#[doc(hidden)]
pub trait Sequence<'a>: Sized {
    type Item: Wire;

    fn decode_rest<T: Trace>(
        r: &mut Reader<'a, T>,
        ctx: <Self::Item as Wire>::Ctx,
        lenient: bool,
        at: &'static FieldInfo,
    ) -> Result<Self, Error>;

    fn decode_count<T: Trace>(
        r: &mut Reader<'a, T>,
        count: usize,
        ctx: <Self::Item as Wire>::Ctx,
        at: &'static FieldInfo,
    ) -> Result<Self, Error>;

    /// Up to the first element for which `last` holds, which is part of it.
    fn decode_until<T: Trace>(
        r: &mut Reader<'a, T>,
        max: usize,
        ctx: <Self::Item as Wire>::Ctx,
        at: &'static FieldInfo,
        last: impl FnMut(&Self::Item) -> bool,
    ) -> Result<Self, Error>;

    /// Whether `last` holds for the last element, and for no other.
    fn ends_with(&self, last: impl FnMut(&Self::Item) -> bool) -> bool;

    fn encode_all(&self, w: &mut Writer<'_>, ctx: <Self::Item as Wire>::Ctx) -> Result<(), Error>;
}

/// Decodes elements until the extent ends; `each` takes them. In a lenient
/// list returns the bytes that are no whole element.
#[inline]
pub(super) fn elements<'a, I: Decode<'a>, T: Trace>(
    r: &mut Reader<'a, T>,
    ctx: I::Ctx,
    lenient: bool,
    at: &'static FieldInfo,
    mut each: impl FnMut(I),
) -> Result<&'a [u8], Error> {
    let mut index = 0;
    while r.left() > 0 {
        let before = *r;
        let mark = r.trace().mark();
        r.enter_element(index);
        match I::decode(r, ctx) {
            Ok(_) if I::MIN == 0 && r.left() == before.left() => {
                return Err(r.fail(ErrorKind::Trailing, r.offset(), at, r.left() as u64, 0));
            }
            Ok(value) => {
                r.leave();
                each(value);
            }
            Err(_) if lenient => {
                // Flags of the broken element are not its own: it is not kept.
                *r = before;
                r.trace().rewind(mark);
                r.flag_at(Flag::Tail, at, before.offset());
                return Ok(r.rest());
            }
            Err(error) => return Err(error),
        }
        index += 1;
    }
    Ok(&[])
}

/// Decodes elements up to the first for which `last` holds; `each` takes them.
#[inline]
fn ended<'a, I: Decode<'a>, T: Trace>(
    r: &mut Reader<'a, T>,
    max: usize,
    ctx: I::Ctx,
    at: &'static FieldInfo,
    mut last: impl FnMut(&I) -> bool,
    mut each: impl FnMut(I),
) -> Result<(), Error> {
    let mut index = 0;
    loop {
        if index >= max {
            return Err(r.fail(ErrorKind::TooLong, r.offset(), at, index as u64 + 1, max as u64));
        }
        let before = r.left();
        r.enter_element(index);
        let value = I::decode(r, ctx)?;
        r.leave();
        let ends = last(&value);
        each(value);
        if ends {
            return Ok(());
        }
        if r.left() == before {
            return Err(r.fail(ErrorKind::Trailing, r.offset(), at, before as u64, 0));
        }
        index += 1;
    }
}

impl<'a, I: Decode<'a> + Encode> Sequence<'a> for List<'a, I> {
    type Item = I;

    #[inline]
    fn decode_rest<T: Trace>(
        r: &mut Reader<'a, T>,
        ctx: I::Ctx,
        lenient: bool,
        at: &'static FieldInfo,
    ) -> Result<Self, Error> {
        if let Some(bytes) = at_once::take_all::<I, T>(r) {
            let size = const { at_once::size_of::<I, T>() };
            return Ok(Self::lying(bytes, bytes.len() / size.max(1), ctx));
        }
        let mut ahead = *r;
        let mut count = 0_u32;
        let tail = elements::<I, T>(&mut ahead, ctx, lenient, at, |_| count += 1)?;
        let bytes = r.rest();
        r.absorb(ahead);
        let whole = (bytes.len() - tail.len()) as u32;
        Ok(Self { inner: Inner::Wire { bytes, whole, count, ctx } })
    }

    #[inline]
    fn decode_count<T: Trace>(
        r: &mut Reader<'a, T>,
        count: usize,
        ctx: I::Ctx,
        at: &'static FieldInfo,
    ) -> Result<Self, Error> {
        if let Some(bytes) = at_once::take::<I, T>(r, count, ctx, at)? {
            return Ok(Self::lying(bytes, count, ctx));
        }
        let mut ahead = *r;
        for index in 0..count {
            let before = ahead.left();
            ahead.enter_element(index);
            I::decode(&mut ahead, ctx)?;
            ahead.leave();
            if ahead.left() == before {
                // Elements without bytes: a count of billions is no work.
                break;
            }
        }
        let bytes = r.take(r.left() - ahead.left(), at)?;
        r.absorb(ahead);
        Ok(Self { inner: Inner::Wire { bytes, whole: bytes.len() as u32, count: count as u32, ctx } })
    }

    #[inline]
    fn decode_until<T: Trace>(
        r: &mut Reader<'a, T>,
        max: usize,
        ctx: I::Ctx,
        at: &'static FieldInfo,
        last: impl FnMut(&I) -> bool,
    ) -> Result<Self, Error> {
        let mut ahead = *r;
        let mut count = 0_u32;
        ended::<I, T>(&mut ahead, max, ctx, at, last, |_| count += 1)?;
        let bytes = r.take(r.left() - ahead.left(), at)?;
        r.absorb(ahead);
        Ok(Self { inner: Inner::Wire { bytes, whole: bytes.len() as u32, count, ctx } })
    }

    fn ends_with(&self, mut last: impl FnMut(&I) -> bool) -> bool {
        match &self.inner {
            Inner::Wire { bytes, whole, ctx, .. } => {
                let mut r = Reader::traced(bytes.get(..*whole as usize).unwrap_or(&[]), Again);
                let mut ends = false;
                while let (false, Ok(value)) = (ends, I::decode(&mut r, *ctx)) {
                    ends = last(&value);
                }
                ends && r.left() == 0 && self.tail().is_empty()
            }
            Inner::Built(list) => only_last(list, last),
        }
    }

    fn encode_all(&self, w: &mut Writer<'_>, ctx: I::Ctx) -> Result<(), Error> {
        match &self.inner {
            Inner::Wire { bytes, .. } => w.bytes(bytes),
            Inner::Built(list) => {
                for value in list {
                    value.encode(w, ctx)?;
                }
            }
        }
        Ok(())
    }
}

impl<'a, I: Decode<'a> + Encode> Sequence<'a> for ListBuf<I> {
    type Item = I;

    #[inline]
    fn decode_rest<T: Trace>(
        r: &mut Reader<'a, T>,
        ctx: I::Ctx,
        lenient: bool,
        at: &'static FieldInfo,
    ) -> Result<Self, Error> {
        if const { at_once::size_of::<I, T>() > 0 } && !lenient {
            return Ok(at_once::list_to_end(r, 0, ctx, at)?.into());
        }
        // What the first `push` would allocate, without its detour.
        let mut items = Vec::with_capacity((r.left() / I::MIN.max(1)).min(4));
        let tail = elements::<I, T>(r, ctx, lenient, at, |value| items.push(value))?;
        Ok(Self { items, tail: tail.to_vec() })
    }

    #[inline]
    fn decode_count<T: Trace>(
        r: &mut Reader<'a, T>,
        count: usize,
        ctx: I::Ctx,
        at: &'static FieldInfo,
    ) -> Result<Self, Error> {
        let items = at_once::list_of(r, count, ctx, at)?;
        Ok(Self { items, tail: Vec::new() })
    }

    #[inline]
    fn decode_until<T: Trace>(
        r: &mut Reader<'a, T>,
        max: usize,
        ctx: I::Ctx,
        at: &'static FieldInfo,
        last: impl FnMut(&I) -> bool,
    ) -> Result<Self, Error> {
        let mut items = Vec::new();
        ended::<I, T>(r, max, ctx, at, last, |value| items.push(value))?;
        Ok(Self { items, tail: Vec::new() })
    }

    fn ends_with(&self, last: impl FnMut(&I) -> bool) -> bool {
        self.tail.is_empty() && only_last(&self.items, last)
    }

    fn encode_all(&self, w: &mut Writer<'_>, ctx: I::Ctx) -> Result<(), Error> {
        for value in &self.items {
            value.encode(w, ctx)?;
        }
        w.bytes(&self.tail);
        Ok(())
    }
}
