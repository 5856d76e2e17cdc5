//! Working out where a frame ends by walking over its layout.
//!
//! A walk stops where bytes are missing and goes on there when they have come.
//! Two rules make that exact. The position is absolute and may run ahead of
//! the bytes in hand: only reading something that decides a size ever waits,
//! skipping never does. And what decides is read whole or not at all, the
//! position moves behind it.

use core::fmt;

use memchr::{memchr, memmem};

use super::kinds::Proof;
use super::{Cursor, FRAME, Halt, Split};
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::{Codec, End};
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;

/// A type whose end can be worked out by walking over it. Emitted by the
/// derive for every layout. The parameter `X`, always `()`, puts the work off
/// to where a frame needs it; `C` is the context of the layout.
#[diagnostic::on_unimplemented(
    message = "the frame search cannot walk over `{Self}`",
    label = "nothing says where this frame ends",
    note = "derive `ExProtoFrame` on it, or let something before it say its size: `size = EXPR`, `size = prefix(u16)` or a length field"
)]
pub trait Walk<X = (), C = ()> {
    /// How far the walk has come.
    type Scan: Default + Clone + Send;
    /// Why a value does not say where it ends, if it does not.
    const STUCK: Option<&'static str>;

    /// Walks on, behind the value if all that decides has come.
    ///
    /// # Errors
    ///
    /// See [`Halt`].
    fn walk(scan: &mut Self::Scan, w: &mut Walker<'_>, ctx: C) -> Result<(), Halt>;
}

/// The same for an enum whose tag lies elsewhere.
#[diagnostic::on_unimplemented(
    message = "the frame search cannot walk over `{Self}`",
    label = "nothing says where this frame ends",
    note = "derive `ExProtoFrame` on it, or let something before it say its size: `size = EXPR`, `size = prefix(u16)` or a length field"
)]
pub trait WalkBody<X = (), C = ()> {
    /// How far the walk has come.
    type Scan: Default + Clone + Send;
    /// Why a value does not say where it ends, if it does not.
    const STUCK: Option<&'static str>;

    /// Walks on over the variant that `tag` selects; see [`Walk::walk`].
    ///
    /// # Errors
    ///
    /// See [`Halt`]; a tag of which the end is not known.
    fn walk_body(tag: u64, scan: &mut Self::Scan, w: &mut Walker<'_>, ctx: C) -> Result<(), Halt>;

    /// Walks on over the variant that keeps other tags.
    ///
    /// # Errors
    ///
    /// As [`walk_body`](Self::walk_body).
    fn walk_opaque(tag: u64, scan: &mut Self::Scan, w: &mut Walker<'_>) -> Result<(), Halt>;
}

/// A field that sizes depend on: kept while the walk goes on.
#[diagnostic::on_unimplemented(
    message = "the frame search has to keep a `{Self}`, on which a size depends, and cannot copy it",
    label = "this field decides where the frame ends",
    note = "derive `Clone` and `Copy` on the type, or let the size depend on a field of its own"
)]
pub trait Kept: Copy + Send + 'static {}

impl<T: Copy + Send + 'static> Kept for T {}

/// A place for such a field.
#[derive(Clone, Debug)]
pub struct Keep<T>(Option<T>);

impl<T> Default for Keep<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Kept> Keep<T> {
    /// Keeps a value.
    #[inline(always)]
    pub fn put(&mut self, value: T) {
        self.0 = Some(value);
    }

    /// The value kept.
    ///
    /// # Errors
    ///
    /// None has been, which the order of the steps rules out.
    #[inline(always)]
    pub fn get(&self, w: &Walker<'_>, at: &'static FieldInfo) -> Result<T, Halt> {
        self.0.ok_or_else(|| w.bad(ErrorKind::Relation, at))
    }
}

/// How far the walk over the items of a layout has come.
#[derive(Clone, Debug, Default)]
pub struct Steps<K, C> {
    /// The step that comes next.
    pub step: u16,
    /// What later steps need.
    pub kept: K,
    /// How far the walk over the item at hand has come.
    pub child: C,
}

/// States of which one is in use at a time.
#[derive(Clone, Debug, Default)]
pub enum Turn<A, B> {
    /// None is.
    #[default]
    Idle,
    /// The first is.
    This(A),
    /// One of the others is.
    Next(B),
}

impl<A: Default, B: Default> Turn<A, B> {
    /// The first state, fresh if it was not in use.
    #[inline]
    pub fn this(&mut self) -> &mut A {
        match self {
            Self::This(state) => state,
            other => {
                *other = Self::This(A::default());
                other.this()
            }
        }
    }

    /// The others, fresh if none was in use.
    #[inline]
    pub fn others(&mut self) -> &mut B {
        match self {
            Self::Next(state) => state,
            other => {
                *other = Self::Next(B::default());
                other.others()
            }
        }
    }
}

/// How far the size of a frame has been worked out by walking.
#[derive(Clone, Default)]
pub struct FrameWalk<S> {
    at: usize,
    scan: S,
}

impl<S> fmt::Debug for FrameWalk<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameWalk").field("at", &self.at).finish_non_exhaustive()
    }
}

impl<S> FrameWalk<S> {
    /// Walks on and says how long the frame is.
    ///
    /// # Errors
    ///
    /// See [`Halt`].
    #[inline]
    pub fn run<'b>(
        &mut self,
        c: &mut Cursor<'b>,
        walk: impl FnOnce(&mut S, &mut Walker<'b>) -> Result<(), Halt>,
    ) -> Result<usize, Halt> {
        let proof = c.proof();
        let mut w = Walker {
            bytes: c.rest(),
            at: self.at,
            max: c.max(),
            visited: 0,
            proof,
            whole: false,
            split: None,
        };
        let walked = walk(&mut self.scan, &mut w);
        self.at = w.at;
        c.looked(w.visited);
        c.proved(w.proof);
        c.split_at(w.split);
        walked.map(|()| w.at)
    }
}

/// The bytes of a frame and the place up to which its layout is known.
#[derive(Debug)]
pub struct Walker<'b> {
    bytes: &'b [u8],
    at: usize,
    max: usize,
    visited: u64,
    proof: Proof,
    whole: bool,
    split: Option<Split>,
}

impl<'b> Walker<'b> {
    /// Bytes from the start of the frame.
    #[inline(always)]
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }

    /// What is wrong at this place.
    #[cold]
    #[must_use]
    pub fn bad(&self, kind: ErrorKind, at: &'static FieldInfo) -> Halt {
        Halt::Bad(Error::new(kind, u32::try_from(self.at).unwrap_or(u32::MAX), at))
    }

    #[cold]
    fn need(&self, end: usize) -> Halt {
        Halt::Need(end.saturating_sub(self.bytes.len()).max(1))
    }

    /// Refuses a frame of more bytes than one may have.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`].
    #[inline]
    pub fn fits(&self) -> Result<(), Halt> {
        if self.at > self.max {
            return Err(Halt::Bad(Error::new(ErrorKind::TooLong, 0, &FRAME)));
        }
        Ok(())
    }

    /// Skips bytes, whether they have come or not.
    #[inline(always)]
    pub fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    /// Notes that the payload of `len` bytes that ends here may be handed out in pieces,
    /// and skips the `tail` bytes behind it.
    #[inline]
    pub fn streams(&mut self, len: usize, tail: usize) {
        self.split = Some(Split { head: self.at.saturating_sub(len), len });
        self.skip(tail);
    }

    /// Reads `N` bytes and moves behind them.
    ///
    /// # Errors
    ///
    /// They have not all come yet.
    #[inline(always)]
    pub fn run<const N: usize>(&mut self) -> Result<&'b [u8; N], Halt> {
        match self.bytes.get(self.at..).and_then(|bytes| bytes.first_chunk::<N>()) {
            Some(run) => {
                self.at += N;
                self.visited += N as u64;
                Ok(run)
            }
            None => Err(self.need(self.at.saturating_add(N))),
        }
    }

    /// Reads `count` bytes and moves behind them.
    ///
    /// # Errors
    ///
    /// They have not all come yet.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&'b [u8], Halt> {
        let end = self.at.saturating_add(count);
        match self.bytes.get(self.at..end) {
            Some(taken) => {
                self.at = end;
                self.visited += count as u64;
                Ok(taken)
            }
            None => Err(self.need(end)),
        }
    }

    /// The next bytes, at least `count` of them, which are read again.
    ///
    /// # Errors
    ///
    /// They have not all come yet.
    #[inline]
    pub fn next_bytes(&mut self, count: usize) -> Result<&'b [u8], Halt> {
        match self.bytes.get(self.at..).filter(|bytes| bytes.len() >= count) {
            Some(bytes) => {
                self.visited += count as u64;
                Ok(bytes)
            }
            None => Err(self.need(self.at.saturating_add(count))),
        }
    }

    /// Moves behind a constant.
    ///
    /// # Errors
    ///
    /// It has not all come yet, or other bytes stand there.
    #[inline]
    pub fn constant<const N: usize>(&mut self, want: &[u8; N], at: &'static FieldInfo) -> Result<(), Halt> {
        let start = self.at;
        if self.run::<N>()? == want {
            return Ok(());
        }
        self.at = start;
        Err(self.bad(ErrorKind::Constant, at))
    }

    /// Moves behind the next `end`, and says where it begins.
    ///
    /// # Errors
    ///
    /// It has not come yet.
    #[inline]
    pub fn until(&mut self, end: &[u8]) -> Result<usize, Halt> {
        let unseen = self.bytes.get(self.at..).unwrap_or(&[]);
        let found = match end {
            [byte] => memchr(*byte, unseen),
            _ => memmem::find(unseen, end),
        };
        match found {
            Some(at) => {
                self.visited += (at + end.len()) as u64;
                let begins = self.at + at;
                self.at = begins + end.len();
                Ok(begins)
            }
            None => {
                // What may be the beginning of the end is looked at again.
                let again = super::seek::overlap(end, unseen);
                self.visited += (unseen.len() - again) as u64;
                self.at += unseen.len() - again;
                Err(self.need(self.at.saturating_add(end.len())))
            }
        }
    }

    /// Moves behind a value of a codec that knows where it ends; `seen` of its
    /// bytes were looked at before.
    ///
    /// # Errors
    ///
    /// It has not all come yet, or no value begins so.
    #[inline]
    pub fn codec<'a, T, C: Codec<'a, T>>(
        &mut self,
        seen: &mut usize,
        codec: &C,
        at: &'static FieldInfo,
    ) -> Result<(), Halt> {
        let bytes = self.bytes.get(self.at..).unwrap_or(&[]);
        let known = (*seen).min(bytes.len());
        match codec.end(bytes, known) {
            End::After(size) => {
                if C::SIZE.is_none() {
                    self.visited += size.min(bytes.len()).saturating_sub(known) as u64;
                }
                *seen = 0;
                self.skip(size);
                Ok(())
            }
            End::Perhaps(size) if size < bytes.len() => {
                self.visited += size.saturating_sub(known) as u64;
                *seen = 0;
                self.skip(size);
                Ok(())
            }
            End::Perhaps(size) => {
                *seen = known.min(size.saturating_sub(1));
                Err(self.need(self.at.saturating_add(size).saturating_add(1)))
            }
            End::Need(more) => {
                self.visited += (bytes.len() - known) as u64;
                *seen = bytes.len();
                Err(self.need(self.at.saturating_add(bytes.len()).saturating_add(more)))
            }
            End::Never => Err(self.bad(ErrorKind::Range, at)),
        }
    }

    /// Reads a number by a codec and moves behind it; as [`codec`](Self::codec).
    ///
    /// # Errors
    ///
    /// It has not all come yet, or is none.
    #[inline]
    pub fn prefix<C: Codec<'b, u64>>(
        &mut self,
        seen: &mut usize,
        codec: &C,
        at: &'static FieldInfo,
    ) -> Result<u64, Halt> {
        let from = self.at;
        self.codec(seen, codec, at)?;
        let value = self.value(from, |r| codec.decode(r, at));
        if value.is_err() {
            self.at = from;
            *seen = self.bytes.len().saturating_sub(from);
        }
        value
    }

    /// Decodes what stands between `from` and this place.
    ///
    /// # Errors
    ///
    /// It has not all come yet, or is no value.
    #[inline]
    pub fn value<T>(
        &mut self,
        from: usize,
        read: impl FnOnce(&mut Reader<'b>) -> Result<T, Error>,
    ) -> Result<T, Halt> {
        let Some(bytes) = self.bytes.get(from..self.at) else { return Err(self.need(self.at)) };
        let started = |error: Error| {
            let from = u32::try_from(from).unwrap_or(u32::MAX);
            Halt::Bad(error.at_offset(error.offset().saturating_add(from)))
        };
        read(&mut Reader::new(bytes)).map_err(started)
    }

    /// Goes back to a place, because what begins there has not all come.
    #[inline]
    pub fn back(&mut self, at: usize) {
        self.at = at;
    }

    /// Runs ahead to the end of what a length speaks of: `said` bytes from
    /// `start` on, of which at least `least` are still to come.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Length`] if that is not so.
    #[inline]
    pub fn ahead(
        &mut self,
        said: i64,
        start: usize,
        least: usize,
        at: &'static FieldInfo,
    ) -> Result<(), Halt> {
        let end = usize::try_from(said).ok().and_then(|said| start.checked_add(said));
        match end {
            Some(end) if end >= self.at.saturating_add(least) => {
                self.at = end;
                Ok(())
            }
            _ => Err(self.bad(ErrorKind::Length, at)),
        }
    }

    /// A number of bytes or elements that a relation says.
    ///
    /// # Errors
    ///
    /// One that is none.
    #[inline]
    pub fn amount(&self, said: i64, kind: ErrorKind, at: &'static FieldInfo) -> Result<usize, Halt> {
        usize::try_from(said).map_err(|_| self.bad(kind, at))
    }

    /// The bytes that a checksum covers.
    ///
    /// # Errors
    ///
    /// They have not all come yet; they are more than may be spent on one.
    #[inline]
    pub fn covered(&mut self, from: usize, to: usize, at: &'static FieldInfo) -> Result<&'b [u8], Halt> {
        if to > self.bytes.len() {
            return Err(self.need(to));
        }
        let Some(bytes) = self.bytes.get(from..to) else { return Err(self.bad(ErrorKind::Checksum, at)) };
        let checked = self.proof.checked + bytes.len() as u64;
        if self.proof.most.is_some_and(|most| checked > most as u64) {
            return Err(self.bad(ErrorKind::Checksum, at));
        }
        self.proof.checked = checked;
        Ok(bytes)
    }

    /// The `count` bytes that begin at `from`, without moving.
    ///
    /// # Errors
    ///
    /// They have not all come yet.
    #[inline]
    pub(super) fn behind(&self, from: usize, count: usize) -> Result<&'b [u8], Halt> {
        let end = from.saturating_add(count);
        self.bytes.get(from..end).ok_or_else(|| self.need(end))
    }

    /// The frame ends here, even if it turns out to be none.
    #[inline]
    pub fn whole(&mut self) {
        self.whole = true;
    }

    /// Compares the checksum that stands at `offset` with the one computed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Checksum`] when they differ, unless wrong ones are accepted.
    #[inline]
    pub fn check(
        &mut self,
        computed: u64,
        sent: u64,
        offset: usize,
        at: &'static FieldInfo,
    ) -> Result<(), Halt> {
        if computed == sent || self.proof.accept_bad {
            return Ok(());
        }
        self.proof.claimed = self.whole.then_some(self.at);
        Err(Halt::Bad(Error::new(ErrorKind::Checksum, u32::try_from(offset).unwrap_or(u32::MAX), at)))
    }

    /// Refuses more than `max` bytes or elements.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`].
    #[inline]
    pub fn at_most(&self, amount: usize, max: usize, at: &'static FieldInfo) -> Result<usize, Halt> {
        if amount > max { Err(self.bad(ErrorKind::TooLong, at)) } else { Ok(amount) }
    }
}

/// The first reason why a frame does not say where it ends.
#[must_use]
pub const fn first_stuck(reasons: &[Option<&'static str>]) -> Option<&'static str> {
    let mut i = 0;
    while i < reasons.len() {
        if reasons[i].is_some() {
            return reasons[i];
        }
        i += 1;
    }
    None
}

/// Why a codec does not say where its values end, if it does not.
#[must_use]
pub const fn codec_stuck<'a, T, C: Codec<'a, T>>(_: &C, why: &'static str) -> Option<&'static str> {
    if C::FINDS_END { None } else { Some(why) }
}

/// Refuses a frame that does not say where it ends.
#[track_caller]
pub const fn not_stuck(constant: bool, why: Option<&'static str>) {
    if let (false, Some(why)) = (constant, why) {
        panic!("{}", why);
    }
}

/// `Walk` of types of the runtime: all values take the same number of bytes, or
/// all bytes there are.
macro_rules! walk_whole {
    ($([$($generics:tt)*] $name:ident $([$($args:tt)*])?;)*) => {$(
        impl<X, $($generics)*> $crate::codec::frame::Walk<X> for $name$(<$($args)*>)? {
            type Scan = ();
            const STUCK: Option<&'static str> = match <Self as $crate::codec::layout::Wire>::SIZE {
                Some(_) => None,
                None => Some(concat!(
                    "nothing says where this frame ends: a `", stringify!($name),
                    "` takes all bytes there are; give it a `size`"
                )),
            };

            #[inline]
            fn walk(
                (): &mut (),
                w: &mut $crate::codec::frame::Walker<'_>,
                (): (),
            ) -> Result<(), $crate::codec::frame::Halt> {
                w.skip(<Self as $crate::codec::layout::Wire>::MIN);
                Ok(())
            }
        }
    )*};
}

pub(crate) use walk_whole;
