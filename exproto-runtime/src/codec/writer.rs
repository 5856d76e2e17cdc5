//! The sink that encoding writes to.

use alloc::vec::Vec;

use super::error::{Error, ErrorKind};
use super::schema::FieldInfo;

/// Appends one frame to a buffer of the caller.
///
/// Lengths, counts and checksums are written when what they speak of is
/// known: [`here`](Self::here) remembers a place, [`patch_be`](Self::patch_be)
/// comes back to it.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{FieldInfo, Writer};
///
/// static LEN: FieldInfo = FieldInfo::new("Message", "len");
/// let mut buffer = Vec::new();
/// let mut w = Writer::new(&mut buffer);
/// let len = w.run([0, 0]);
/// let body = w.here();
/// w.bytes(b"abc");
/// w.patch_be::<2>(len, 0, 16, w.since(body) as u64, &LEN)?;
/// assert_eq!(buffer, [0, 3, b'a', b'b', b'c']);
/// # Ok::<(), exproto_runtime::codec::Error>(())
/// ```
#[derive(Debug)]
pub struct Writer<'w> {
    buf: &'w mut Vec<u8>,
    start: usize,
    /// How deep it is within types that hold themselves.
    depth: u32,
    /// The fields of the type that is written next stand among those of another
    /// with the same byte between them.
    fields: bool,
}

/// A place in a [`Writer`] to come back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At(usize);

impl At {
    /// The place so many bytes later.
    #[inline]
    #[must_use]
    pub fn plus(self, bytes: usize) -> Self {
        Self(self.0.saturating_add(bytes))
    }
}

impl<'w> Writer<'w> {
    /// Appends to `buf`; offsets count from its present end.
    #[inline]
    pub fn new(buf: &'w mut Vec<u8>) -> Self {
        let start = buf.len();
        Self { buf, start, depth: 0, fields: false }
    }

    /// Into a value of a type that may hold itself; every one is followed by
    /// [`shallower`](Self::shallower).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Depth`] within `max` such values already.
    #[inline]
    #[doc(hidden)]
    pub fn deeper(&mut self, max: u32, at: &'static FieldInfo) -> Result<(), Error> {
        if self.depth >= max {
            return Err(self.error(ErrorKind::Depth, self.here(), at));
        }
        self.depth += 1;
        Ok(())
    }

    /// Out of a value of a type that may hold itself.
    #[inline]
    #[doc(hidden)]
    pub fn shallower(&mut self) {
        self.depth -= 1;
    }

    /// Says whether the last field of the type that is written next holds no
    /// separator, as others with the same byte between them follow the type.
    #[inline]
    #[doc(hidden)]
    pub fn set_fields(&mut self, fields: bool) {
        self.fields = fields;
    }

    /// Whether it is so of the type that begins here.
    #[inline]
    #[doc(hidden)]
    pub fn take_fields(&mut self) -> bool {
        core::mem::take(&mut self.fields)
    }

    /// The place of the next byte.
    #[inline]
    #[must_use]
    pub fn here(&self) -> At {
        At(self.buf.len())
    }

    /// Writes what `write` does before the bytes from `from` on, for a length
    /// whose width is known only with its value.
    ///
    /// # Errors
    ///
    /// Those of `write`.
    #[inline]
    pub fn put_before(
        &mut self,
        from: At,
        write: impl FnOnce(&mut Self) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let end = self.buf.len();
        write(self)?;
        let written = self.buf.len() - end;
        if let Some(moved) = self.buf.get_mut(from.0..) {
            moved.rotate_right(written);
        }
        Ok(())
    }

    /// Writes at `at`, in front of what stands there, a number whose width is
    /// known only with its value, and returns that width. `write` appends it;
    /// one that counts itself (`own`) is given the width that it counts, and is
    /// written until it is that wide.
    ///
    /// # Errors
    ///
    /// Those of `write`; [`ErrorKind::Overflow`] if no width is its own.
    pub fn put_number(
        &mut self,
        at: At,
        own: bool,
        field: &'static FieldInfo,
        mut write: impl FnMut(&mut Self, usize) -> Result<(), Error>,
    ) -> Result<usize, Error> {
        let mut width = 0;
        // A wider number is no smaller, so that each step comes closer.
        for _ in 0..32 {
            let end = self.here();
            write(self, width)?;
            let written = self.since(end);
            if !own || written == width {
                if let Some(moved) = self.buf.get_mut(at.0..) {
                    moved.rotate_right(written);
                }
                return Ok(written);
            }
            self.truncate(end);
            width = written;
        }
        Err(self.error(ErrorKind::Overflow, at, field))
    }

    /// The place of the frame's first byte.
    #[inline]
    #[must_use]
    pub fn beginning(&self) -> At {
        At(self.start)
    }

    /// Bytes written since `at`.
    #[inline]
    #[must_use]
    pub fn since(&self, at: At) -> usize {
        // Wrapping, so that the compiler sees what was written in between.
        self.buf.len().wrapping_sub(at.0)
    }

    /// Bytes from the start of the frame to `at`.
    #[inline]
    #[must_use]
    pub fn offset_of(&self, at: At) -> u32 {
        u32::try_from(at.0.saturating_sub(self.start)).unwrap_or(u32::MAX)
    }

    /// The bytes written since `at`.
    #[inline]
    #[must_use]
    pub fn slice(&self, at: At) -> &[u8] {
        self.buf.get(at.0..).unwrap_or(&[])
    }

    /// The number of bytes from `from` to before `to`, which is not before it.
    #[inline]
    #[must_use]
    #[doc(hidden)]
    pub fn size_between(&self, from: At, to: At) -> usize {
        to.0.wrapping_sub(from.0)
    }

    /// The bytes from `from` to before `to`.
    #[inline]
    #[must_use]
    pub fn between(&self, from: At, to: At) -> &[u8] {
        self.buf.get(from.0..to.0).unwrap_or(&[])
    }

    /// Writes a run of fixed fields and returns its place.
    #[inline]
    pub fn run<const N: usize>(&mut self, bytes: [u8; N]) -> At {
        let at = self.here();
        self.buf.extend_from_slice(&bytes);
        at
    }

    /// Writes a run of fixed fields and, at once, what stands before it.
    #[inline]
    #[doc(hidden)]
    pub fn run_behind<const N: usize, const M: usize>(&mut self, head: [u8; N], bytes: [u8; M]) {
        let mut both = [0; 64];
        if let Some((before, rest)) = both.split_first_chunk_mut::<N>()
            && let Some(behind) = rest.first_chunk_mut::<M>()
        {
            *before = head;
            *behind = bytes;
            if let Some(both) = both.get(..N + M) {
                self.buf.extend_from_slice(both);
            }
            return;
        }
        self.run(head);
        self.run(bytes);
    }

    /// Writes an integer of `W` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Overflow`] when `value` needs more.
    #[inline]
    #[doc(hidden)]
    pub fn number<const W: usize>(
        &mut self,
        value: u64,
        little: bool,
        field: &'static FieldInfo,
    ) -> Result<(), Error> {
        let mut bytes = self.fitted::<W>(self.here(), 0, W as u32 * 8, value, field)?;
        if little {
            bytes.reverse();
        }
        self.run(bytes);
        Ok(())
    }

    /// Writes bytes.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.buf.extend_from_slice(bytes);
    }

    /// Writes `count` times `byte`.
    #[inline]
    pub fn fill(&mut self, byte: u8, count: usize) {
        self.buf.resize(self.buf.len().saturating_add(count), byte);
    }

    /// Writes a value of a fixed-size slot: `bytes`, then padding.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Size`] when `bytes` is longer than the slot.
    #[inline]
    pub fn slot(&mut self, bytes: &[u8], size: usize, pad: u8, at: &'static FieldInfo) -> Result<(), Error> {
        let Some(missing) = size.checked_sub(bytes.len()) else {
            return Err(self.error(ErrorKind::Size, self.here(), at));
        };
        self.bytes(bytes);
        self.fill(pad, missing);
        Ok(())
    }

    /// Writes `count` times `byte`, bytes that mean nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`] when they are more than any frame has, 2^24.
    #[inline]
    pub fn pad(&mut self, count: usize, byte: u8, at: &'static FieldInfo) -> Result<(), Error> {
        if count > 1 << 24 {
            return Err(self.error(ErrorKind::TooLong, self.here(), at));
        }
        self.fill(byte, count);
        Ok(())
    }

    /// Pads what was written since `from` to `size` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Size`] when it is longer already.
    #[inline]
    pub fn pad_to(&mut self, from: At, size: usize, pad: u8, at: &'static FieldInfo) -> Result<(), Error> {
        let Some(missing) = size.checked_sub(self.since(from)) else {
            return Err(self.error(ErrorKind::Size, from, at));
        };
        self.fill(pad, missing);
        Ok(())
    }

    /// Ends a value with bytes that do not occur in it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Custom`] when they do.
    #[inline]
    pub fn end_with(&mut self, from: At, end: &[u8], at: &'static FieldInfo) -> Result<(), Error> {
        let length = self.since(from);
        self.bytes(end);
        // Found with its own first bytes, `end` could begin in the value.
        if memchr::memmem::find(self.slice(from), end) == Some(length) {
            return Ok(());
        }
        Err(self.error(ErrorKind::Custom, from, at))
    }

    /// Checks that a value does not hold the separator.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Custom`] when it does.
    #[inline]
    pub fn without(&self, from: At, separator: u8, at: &'static FieldInfo) -> Result<(), Error> {
        match memchr::memchr(separator, self.slice(from)) {
            None => Ok(()),
            Some(_) => Err(self.error(ErrorKind::Custom, from, at)),
        }
    }

    /// Checks that a field with a fixed extent has written exactly that.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Size`] when it has not.
    #[inline]
    pub fn exactly(&self, from: At, size: usize, at: &'static FieldInfo) -> Result<(), Error> {
        if self.since(from) == size { Ok(()) } else { Err(self.error(ErrorKind::Size, from, at)) }
    }

    /// Comes back to the `W` bytes at `at` and adds a big-endian value of
    /// `bits` bits, `shift` bits above the lowest.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Overflow`] when `value` needs more than `bits` bits.
    #[inline]
    pub fn patch_be<const W: usize>(
        &mut self,
        at: At,
        shift: u32,
        bits: u32,
        value: u64,
        field: &'static FieldInfo,
    ) -> Result<(), Error> {
        let bytes = self.fitted::<W>(at, shift, bits, value, field)?;
        self.or_into::<W>(at, bytes);
        Ok(())
    }

    /// As [`patch_be`](Self::patch_be), little-endian.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Overflow`] when `value` needs more than `bits` bits.
    #[inline]
    pub fn patch_le<const W: usize>(
        &mut self,
        at: At,
        shift: u32,
        bits: u32,
        value: u64,
        field: &'static FieldInfo,
    ) -> Result<(), Error> {
        let mut bytes = self.fitted::<W>(at, shift, bits, value, field)?;
        bytes.reverse();
        self.or_into::<W>(at, bytes);
        Ok(())
    }

    /// As [`patch_be`](Self::patch_be), or little-endian.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Overflow`] when `value` needs more than `bits` bits.
    #[inline]
    pub fn patch<const W: usize>(
        &mut self,
        at: At,
        shift: u32,
        bits: u32,
        value: u64,
        field: &'static FieldInfo,
        little: bool,
    ) -> Result<(), Error> {
        if little {
            self.patch_le::<W>(at, shift, bits, value, field)
        } else {
            self.patch_be::<W>(at, shift, bits, value, field)
        }
    }

    #[inline]
    fn fitted<const W: usize>(
        &self,
        at: At,
        shift: u32,
        bits: u32,
        value: u64,
        field: &'static FieldInfo,
    ) -> Result<[u8; W], Error> {
        if bits < 64 && value >> bits != 0 {
            return Err(self.error(ErrorKind::Overflow, at, field));
        }
        if W > 8 {
            let mut bytes = [0; W];
            super::bits::put_wide(&mut bytes, false, shift, bits, value);
            return Ok(bytes);
        }
        let all = (value << shift).to_be_bytes();
        match all.last_chunk::<W>() {
            Some(low) => Ok(*low),
            None => Err(self.error(ErrorKind::Overflow, at, field)),
        }
    }

    #[inline]
    fn or_into<const W: usize>(&mut self, at: At, bytes: [u8; W]) {
        if let Some(place) = self.buf.get_mut(at.0..).and_then(|rest| rest.first_chunk_mut::<W>()) {
            for (to, from) in place.iter_mut().zip(bytes) {
                *to |= from;
            }
        }
    }

    /// Puts a value of `count` bits after the first `from` of what is written
    /// since `at`; the bits there are 0 so far.
    #[inline]
    #[doc(hidden)]
    pub fn put_bits(&mut self, at: At, little: bool, from: usize, count: u32, value: u64) {
        if let Some(written) = self.buf.get_mut(at.0..) {
            super::bits::put_bits(written, little, from, count, value);
        }
    }

    /// Comes back to the `W` bytes at `at` and writes others there.
    #[inline]
    pub(crate) fn replace<const W: usize>(&mut self, at: At, bytes: [u8; W]) {
        if let Some(place) = self.buf.get_mut(at.0..).and_then(|rest| rest.first_chunk_mut::<W>()) {
            *place = bytes;
        }
    }

    /// Comes back to `at` and writes bytes in front of what stands there.
    pub(crate) fn insert(&mut self, at: At, bytes: &[u8]) {
        let at = at.0.min(self.buf.len());
        self.buf.splice(at..at, bytes.iter().copied());
    }

    /// Puts what was written since `from` through a transform.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::TooLong`] when it is more than `max` bytes,
    /// [`ErrorKind::Transform`] when the transform refuses it.
    #[doc(hidden)]
    pub fn through<V: super::Transform + ?Sized>(
        &mut self,
        from: At,
        via: &V,
        max: usize,
        at: &'static FieldInfo,
    ) -> Result<(), Error> {
        if self.since(from) > max {
            return Err(self.error(ErrorKind::TooLong, from, at));
        }
        let Some(bytes) = via.encode(self.slice(from)) else {
            return Err(self.error(ErrorKind::Transform, from, at));
        };
        self.truncate(from);
        self.bytes(&bytes);
        Ok(())
    }

    /// Turns what was written since `at` round.
    pub(crate) fn reverse(&mut self, at: At) {
        if let Some(written) = self.buf.get_mut(at.0..) {
            written.reverse();
        }
    }

    /// An error at a place of this frame.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn error(&self, kind: ErrorKind, at: At, field: &'static FieldInfo) -> Error {
        Error::new(kind, self.offset_of(at), field)
    }

    /// Takes back what was written since `at`.
    #[inline]
    pub fn truncate(&mut self, at: At) {
        self.buf.truncate(at.0);
    }
}
