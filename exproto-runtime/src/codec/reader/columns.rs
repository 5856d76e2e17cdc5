//! Reading fields with a byte between them.

use super::Reader;
use crate::codec::error::{Error, ErrorKind};
use crate::codec::schema::FieldInfo;
use crate::codec::trace::Trace;

impl<T: Trace> Reader<'_, T> {
    /// Takes a `separator` that more than `tail` bytes begin with; whether there
    /// was one.
    #[inline]
    pub fn separator(&mut self, separator: u8, tail: usize) -> bool {
        match self.rest.split_first() {
            Some((byte, rest)) if *byte == separator && rest.len() >= tail => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// A reader over the bytes up to the next `separator`, or to the last `tail`
    /// bytes, without `behind` bytes that stand there after the value.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Short`] when fewer than that are left.
    #[inline]
    pub fn column(
        &mut self,
        separator: u8,
        behind: usize,
        tail: usize,
        at: &'static FieldInfo,
    ) -> Result<Self, Error> {
        let Some(most) = self.rest.len().checked_sub(tail) else { return Err(self.short(tail, at)) };
        let area = self.rest.get(..most).unwrap_or(&[]);
        let column = memchr::memchr(separator, area).unwrap_or(most);
        match column.checked_sub(behind) {
            Some(size) => self.sub(size, at),
            None => Err(self.short(behind + tail, at)),
        }
    }

    /// Whether nothing stands before the next `separator`, or in the `last`
    /// column before the last `tail` bytes.
    #[inline]
    #[must_use]
    pub fn column_is_empty(&self, separator: u8, tail: usize, last: bool) -> bool {
        self.rest.len() <= tail || !last && self.rest.first() == Some(&separator)
    }

    /// A reader that ends with this one but for the last `tail` bytes, for a
    /// value that knows its own end; [`column_close`](Self::column_close) goes on
    /// behind it. With `fields` it is read by a type with the same byte between
    /// its fields, whose last field ends at a separator too.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Short`] when fewer than `tail` bytes are left.
    #[inline]
    #[doc(hidden)]
    pub fn column_open(&self, tail: usize, fields: bool, at: &'static FieldInfo) -> Result<Self, Error> {
        let most = self.rest.len().checked_sub(tail);
        let Some(rest) = most.and_then(|most| self.rest.get(..most)) else {
            return Err(self.short(tail, at));
        };
        let mut flags = self.flags;
        flags.set_fields(fields);
        Ok(Self { rest, end: self.end.wrapping_sub(tail as u32), flags, trace: self.trace })
    }

    /// Goes on where `column`, which [`column_open`](Self::column_open) made,
    /// has got to.
    #[inline]
    #[doc(hidden)]
    pub fn column_close(&mut self, column: Self) {
        let taken = column.offset().wrapping_sub(self.offset()) as usize;
        self.rest = self.rest.get(taken..).unwrap_or(&[]);
        self.flags.merge(column.flags);
    }

    /// Goes back to where it was, and keeps what was flagged since.
    #[inline]
    #[doc(hidden)]
    pub fn column_back(&mut self, to: Self) {
        (self.rest, self.end) = (to.rest, to.end);
    }

    /// A field whose size is known ends at a `separator` or before the last
    /// `tail` bytes.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Trailing`] when it goes on.
    #[inline]
    #[doc(hidden)]
    pub fn column_ends(&self, separator: u8, tail: usize, at: &'static FieldInfo) -> Result<(), Error> {
        let left = self.rest.len().saturating_sub(tail);
        if left == 0 || self.rest.first() == Some(&separator) {
            return Ok(());
        }
        Err(self.fail(ErrorKind::Trailing, self.offset(), at, left as u64, 0))
    }

    /// Whether the last field of the type that is read next ends at a separator,
    /// as others with the same byte between them follow the type.
    #[inline]
    #[doc(hidden)]
    pub fn take_fields(&mut self) -> bool {
        let fields = self.flags.has_fields();
        self.flags = self.flags.without_fields();
        fields
    }
}
