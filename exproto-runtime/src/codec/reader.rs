//! The cursor that decoding reads from.

mod columns;

use super::error::{Error, ErrorKind};
use super::schema::FieldInfo;
use super::trace::{Flag, Flags, NoTrace, Trace};

/// A cursor over the bytes of one extent.
///
/// `Copy`, so that an attempt that may fail works on a copy. It knows the
/// offset in the frame, collects [`Flags`] and, in a traced decode, reports
/// each step.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{ErrorKind, FieldInfo, Reader};
///
/// static ID: FieldInfo = FieldInfo::new("Message", "id");
/// let mut reader = Reader::new(&[0x02, 0x00, 0xFF]);
/// assert_eq!(u16::from_be_bytes(*reader.run(&ID)?), 0x0200);
/// let error = reader.run::<2>(&ID).unwrap_err();
/// assert_eq!((error.kind(), error.offset()), (ErrorKind::Short, 2));
/// # Ok::<(), exproto_runtime::codec::Error>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a, T: Trace = NoTrace> {
    rest: &'a [u8],
    end: u32,
    flags: Flags,
    trace: T,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` from the first to the last.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::traced(bytes, NoTrace)
    }
}

impl<'a, T: Trace> Reader<'a, T> {
    /// Reads `bytes` and reports to `trace`.
    #[inline]
    pub fn traced(bytes: &'a [u8], trace: T) -> Self {
        // Frames are limited far below 4 GiB by their `max`.
        let end = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Self { rest: bytes, end, flags: Flags::NONE, trace }
    }

    /// Wrong checksums and lengths are flagged instead of refused.
    #[inline]
    #[must_use]
    pub fn accepting_bad(mut self, accept: bool) -> Self {
        if accept {
            self.flags.merge(Flags::ACCEPT_BAD);
        }
        self
    }

    /// The bytes are a frame that was found by its framing, and its checksum is
    /// verified: the decode that begins next does not look again, and knows
    /// that the frame ends where the bytes do.
    #[inline]
    #[must_use]
    #[doc(hidden)]
    pub fn found(mut self) -> Self {
        self.flags.merge(Flags::FOUND);
        self
    }

    /// Whether a frame that begins here was found and verified; what is inside
    /// was not.
    #[inline(always)]
    #[doc(hidden)]
    pub fn take_found(&mut self) -> bool {
        self.flags.take_found()
    }

    /// Into a value of a type that may hold itself; every one is followed by
    /// [`shallower`](Self::shallower).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Depth`] within `max` such values already.
    #[inline(always)]
    #[doc(hidden)]
    pub fn deeper(&mut self, max: u32, at: &'static FieldInfo) -> Result<(), Error> {
        match self.flags.deeper(max) {
            true => Ok(()),
            false => Err(self.fail(ErrorKind::Depth, self.offset(), at, u64::from(max) + 1, u64::from(max))),
        }
    }

    /// Out of a value of a type that may hold itself.
    #[inline(always)]
    #[doc(hidden)]
    pub fn shallower(&mut self) {
        self.flags.shallower();
    }

    /// The same reader with nothing flagged yet.
    #[inline]
    #[must_use]
    #[doc(hidden)]
    pub fn unflagged(&self) -> Self {
        Self { flags: self.flags.unflagged(), ..*self }
    }

    /// Bytes from the start of the frame to the next byte.
    #[inline]
    #[must_use]
    pub fn offset(&self) -> u32 {
        self.end.wrapping_sub(self.rest.len() as u32)
    }

    /// Bytes left in this extent.
    #[inline]
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// The bytes left in this extent.
    #[inline]
    #[must_use]
    pub fn ahead(&self) -> &'a [u8] {
        self.rest
    }

    /// What was odd so far.
    #[inline]
    #[must_use]
    pub fn flags(&self) -> Flags {
        self.flags
    }

    /// The next `N` bytes: one bounds check for a whole run of fixed fields.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Short`] when fewer are left.
    #[inline(always)]
    pub fn run<const N: usize>(&mut self, at: &'static FieldInfo) -> Result<&'a [u8; N], Error> {
        match self.rest.split_first_chunk::<N>() {
            Some((run, rest)) => {
                self.rest = rest;
                Ok(run)
            }
            None => Err(self.short(N, at)),
        }
    }

    /// As [`run`](Self::run) for several fields: `ends` says where in the run
    /// each one ends, so that the error names the one that is cut short.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Short`] when fewer than `N` bytes are left.
    #[inline(always)]
    pub fn run_of<const N: usize>(
        &mut self,
        ends: &'static [(u32, &'static FieldInfo)],
    ) -> Result<&'a [u8; N], Error> {
        match self.rest.split_first_chunk::<N>() {
            Some((run, rest)) => {
                self.rest = rest;
                Ok(run)
            }
            None => Err(Self::short_of(self.rest.len() as u32, self.offset(), self.trace, ends)),
        }
    }

    #[cold]
    #[inline(never)]
    fn short_of(left: u32, offset: u32, trace: T, ends: &'static [(u32, &'static FieldInfo)]) -> Error {
        let mut start = 0;
        for (end, at) in ends {
            if *end > left {
                let got = u64::from(left.saturating_sub(start));
                if T::ON {
                    trace.fail(ErrorKind::Short, at, offset + start, got, u64::from(end - start));
                }
                return Error::new(ErrorKind::Short, offset + start, at);
            }
            start = *end;
        }
        Error::new(ErrorKind::Short, offset, &crate::codec::schema::UNNAMED)
    }

    /// A reader over bytes that were taken as part of a run; `end` is the
    /// offset of the byte after them.
    #[inline(always)]
    #[must_use]
    pub fn within(&self, bytes: &'a [u8], end: u32) -> Self {
        Self { rest: bytes, end, flags: self.flags, trace: self.trace }
    }

    /// The bytes between two offsets at or after the next byte.
    #[inline]
    #[must_use]
    pub fn slice(&self, from: u32, to: u32) -> &'a [u8] {
        let start = self.offset();
        self.rest.get(from.wrapping_sub(start) as usize..to.wrapping_sub(start) as usize).unwrap_or(&[])
    }

    /// Compares a checksum with the one computed.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Checksum`] when they differ, unless bad ones are accepted.
    #[inline(always)]
    pub fn check(
        &mut self,
        computed: u64,
        sent: u64,
        offset: u32,
        at: &'static FieldInfo,
    ) -> Result<(), Error> {
        if computed == sent {
            return Ok(());
        }
        if self.flags.accepts_bad() {
            self.flag_at(Flag::Checksum, at, offset);
            return Ok(());
        }
        Err(self.fail(ErrorKind::Checksum, offset, at, sent, computed))
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Short`] when fewer are left.
    #[inline(always)]
    pub fn take(&mut self, count: usize, at: &'static FieldInfo) -> Result<&'a [u8], Error> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.short(count, at)),
        }
    }

    /// The next `count` bytes, if they are there.
    #[inline(always)]
    pub(crate) fn take_if(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(count)?;
        self.rest = rest;
        Some(taken)
    }

    /// A reader over the next `count` bytes alone.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Short`] when fewer are left.
    #[inline]
    pub fn sub(&mut self, count: usize, at: &'static FieldInfo) -> Result<Self, Error> {
        let flags = self.flags;
        let taken = self.take(count, at)?;
        Ok(Self { rest: taken, end: self.offset(), flags, trace: self.trace })
    }

    /// A reader over the bytes up to `end`, which is taken too.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Short`] when `end` does not come.
    #[inline]
    pub fn sub_until(&mut self, end: &[u8], at: &'static FieldInfo) -> Result<Self, Error> {
        let found = match end {
            [byte] => memchr::memchr(*byte, self.rest),
            _ => memchr::memmem::find(self.rest, end),
        };
        let Some(size) = found else { return Err(self.short(self.rest.len() + end.len(), at)) };
        let sub = self.sub(size, at)?;
        self.take(end.len(), at)?;
        Ok(sub)
    }

    /// All bytes that are left in this extent.
    #[inline]
    pub fn rest(&mut self) -> &'a [u8] {
        let rest = self.rest;
        self.rest = &[];
        rest
    }

    /// A reader over all but the last `tail` bytes of this extent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Short`] when fewer than `tail` are left.
    #[inline]
    pub fn sub_rest(&mut self, tail: usize, at: &'static FieldInfo) -> Result<Self, Error> {
        match self.rest.len().checked_sub(tail) {
            Some(count) => self.sub(count, at),
            None => Err(self.short(tail, at)),
        }
    }

    /// A reader over the next `declared` bytes of an extent that also ends
    /// `tail` bytes before the end of the frame: both have to agree.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Length`] at the length field when they do not, unless the
    /// reader accepts bad lengths: then the end of the frame decides.
    #[inline]
    pub fn sub_framed(
        &mut self,
        declared: usize,
        tail: usize,
        length: (&'static FieldInfo, u32),
        at: &'static FieldInfo,
    ) -> Result<Self, Error> {
        let real = self.rest.len().wrapping_sub(tail);
        if declared != real {
            self.length_differs(declared, tail, length)?;
        }
        self.sub(real, at)
    }

    #[inline(always)]
    fn length_differs(
        &mut self,
        declared: usize,
        tail: usize,
        (at, offset): (&'static FieldInfo, u32),
    ) -> Result<(), Error> {
        let real = self.rest.len().saturating_sub(tail) as u64;
        if self.rest.len() < tail || !self.flags.accepts_bad() {
            return Err(self.fail(ErrorKind::Length, offset, at, declared as u64, real));
        }
        self.flag_at(Flag::Length, at, offset);
        Ok(())
    }

    /// Ends a sub-reader: takes its flags over and checks that it is used up.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Trailing`] when bytes are left in it.
    #[inline]
    pub fn finish(&mut self, sub: Self, at: &'static FieldInfo) -> Result<(), Error> {
        self.flags.merge(sub.flags);
        if sub.rest.is_empty() {
            return Ok(());
        }
        Err(sub.fail(ErrorKind::Trailing, sub.offset(), at, sub.rest.len() as u64, 0))
    }

    /// Ends a sub-reader that may have bytes left: they are flagged.
    #[inline]
    pub fn finish_extra(&mut self, sub: Self, at: &'static FieldInfo) {
        self.flags.merge(sub.flags);
        if !sub.rest.is_empty() {
            self.flag_at(Flag::Extra, at, sub.offset());
        }
    }

    /// The same without the bytes that are left, if these are zeros that nobody has
    /// to read.
    #[inline]
    #[must_use]
    #[doc(hidden)]
    pub fn without_zeros(mut self, unread: bool) -> Self {
        if unread && self.rest.iter().all(|byte| *byte == 0) {
            self.rest = &[];
        }
        self
    }

    /// A reader over what a transform made of the bytes of the field `at`;
    /// offsets count in that. [`close`](Self::close) ends it.
    #[inline]
    #[doc(hidden)]
    pub fn open<'b>(&self, bytes: &'b [u8], at: &'static FieldInfo) -> Reader<'b, T> {
        if T::ON {
            self.trace.open(at, bytes);
        }
        let end = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        Reader { rest: bytes, end, flags: self.flags, trace: self.trace }
    }

    /// Ends a reader over what a transform made: takes its flags over.
    #[inline]
    #[doc(hidden)]
    pub fn close(&mut self, flags: Flags) {
        self.flags.merge(flags);
        if T::ON {
            self.trace.close();
        }
    }

    /// Takes the flags of a sub-reader over, whatever it has left.
    #[inline]
    pub fn absorb(&mut self, sub: Self) {
        self.flags.merge(sub.flags);
    }

    /// Marks the frame as odd and keeps decoding.
    // Inline, as all that takes the reader: one call with its address, on
    // however cold a path, would keep it in memory instead of registers.
    #[inline(always)]
    pub fn flag_at(&mut self, flag: Flag, at: &'static FieldInfo, offset: u32) {
        self.flags.set(flag);
        if T::ON {
            self.trace.flag(flag, at, offset);
        }
    }

    /// An error that the trace also hears of.
    #[inline(always)]
    pub fn fail(&self, kind: ErrorKind, offset: u32, at: &'static FieldInfo, got: u64, want: u64) -> Error {
        if T::ON {
            self.trace.fail(kind, at, offset, got, want);
        }
        Error::new(kind, offset, at)
    }

    #[inline(always)]
    fn short(&self, wanted: usize, at: &'static FieldInfo) -> Error {
        self.fail(ErrorKind::Short, self.offset(), at, self.rest.len() as u64, wanted as u64)
    }

    /// Tells the trace that a field begins here.
    #[inline(always)]
    pub fn enter(&self, at: &'static FieldInfo) {
        if T::ON {
            self.trace.enter(at, self.offset());
        }
    }

    /// Tells the trace that an element of a list begins here.
    #[inline(always)]
    pub fn enter_element(&self, index: usize) {
        if T::ON {
            self.trace.element(u32::try_from(index).unwrap_or(u32::MAX), self.offset());
        }
    }

    /// Tells the trace that the field or element ends here.
    #[inline(always)]
    pub fn leave(&self) {
        if T::ON {
            self.trace.leave(self.offset());
        }
    }

    /// Tells the trace that a field begins at `offset`, in bytes that were read
    /// before.
    #[inline(always)]
    pub fn enter_at(&self, at: &'static FieldInfo, offset: u32) {
        if T::ON {
            self.trace.enter(at, offset);
        }
    }

    /// Tells the trace that the field ends before `offset`.
    #[inline(always)]
    pub fn leave_at(&self, offset: u32) {
        if T::ON {
            self.trace.leave(offset);
        }
    }

    /// Tells the trace of a field that was read as part of a run.
    #[inline(always)]
    pub fn span(&self, at: &'static FieldInfo, offset: u32, len: u32) {
        if T::ON {
            self.trace.enter(at, offset);
            self.trace.leave(offset + len);
        }
    }

    /// The trace, to mark and rewind.
    #[inline(always)]
    pub fn trace(&self) -> T {
        self.trace
    }

    /// Which piece of a payload the bytes end with, if they are not a whole frame.
    #[inline(always)]
    #[doc(hidden)]
    pub fn piece(&self) -> Option<super::Piece> {
        self.trace.piece()
    }

    /// Hands the bytes that are left to code that knows nothing of traces,
    /// such as a [`Codec`](crate::codec::Codec) of the user.
    ///
    /// # Errors
    ///
    /// Those of `read`.
    #[inline]
    pub fn plain<V>(&mut self, read: impl FnOnce(&mut Reader<'a>) -> Result<V, Error>) -> Result<V, Error> {
        let mut plain = Reader { rest: self.rest, end: self.end, flags: self.flags, trace: NoTrace };
        let result = read(&mut plain);
        self.rest = plain.rest;
        if T::ON {
            if let Err(error) = &result {
                self.trace.fail(error.kind(), error.field(), error.offset(), 0, 0);
            }
            for flag in plain.flags.iter() {
                if !self.flags.has(flag) {
                    self.trace.flag(flag, &crate::codec::schema::UNNAMED, plain.offset());
                }
            }
        }
        self.flags = plain.flags;
        result
    }
}
