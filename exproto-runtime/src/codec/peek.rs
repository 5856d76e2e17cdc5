//! `peek(AT)` in conditions: the bytes that come next, which are read again.

use core::ops::Range;

/// What `peek(..)` looks at: the byte at a place, or the bytes of a range.
#[diagnostic::on_unimplemented(
    message = "`peek` looks at a byte or a range of bytes, not at `{Self}`",
    label = "give a number, `peek(0)`, or a range, `peek(0..2)`"
)]
pub trait Peek {
    /// A byte, or bytes.
    type Out<'b>: Default;
    /// How many bytes have to be there.
    fn end(&self) -> usize;
    /// What it sees, if that is there.
    fn of(self, bytes: &[u8]) -> Option<Self::Out<'_>>;
}

impl Peek for usize {
    type Out<'b> = u8;

    #[inline(always)]
    fn end(&self) -> usize {
        self.saturating_add(1)
    }

    #[inline(always)]
    fn of(self, bytes: &[u8]) -> Option<u8> {
        bytes.get(self).copied()
    }
}

impl Peek for Range<usize> {
    type Out<'b> = &'b [u8];

    #[inline(always)]
    fn end(&self) -> usize {
        self.end
    }

    #[inline(always)]
    fn of(self, bytes: &[u8]) -> Option<&[u8]> {
        bytes.get(self)
    }
}
