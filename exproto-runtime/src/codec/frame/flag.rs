//! Frames between flag bytes.

use memchr::memchr;

use super::{Scanner, Step};
use crate::codec::error::ErrorKind;

/// Finds frames between flag bytes; see [`Framing::Flag`](super::Framing::Flag).
///
/// Every flag is a boundary, so a damaged frame costs nothing but itself.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{FlagScan, Scanner, Step};
///
/// let mut scan = FlagScan::new(0x7E, 64);
/// assert_eq!(scan.scan(b"\x7Eab"), Step::Skip(1));            // the opening flag
/// assert_eq!(scan.scan(b"ab"), Step::Need(1));
/// assert_eq!(scan.scan(b"ab\x7Ecd\x7E"), Step::Frame { start: 0, end: 2, next: 3 });
/// // The closing flag opens the neighbour.
/// assert_eq!(scan.scan(b"cd\x7E"), Step::Frame { start: 0, end: 2, next: 3 });
/// ```
#[derive(Clone, Debug)]
pub struct FlagScan {
    flag: u8,
    max: usize,
    /// Bytes at the front that were looked at and are no flag.
    from: usize,
    /// Whether a flag stands right before the front.
    open: bool,
    /// The frame has outgrown `max`: drop everything up to the next flag.
    dropping: bool,
    visited: u64,
}

impl FlagScan {
    /// Looks for frames of at most `max` bytes between two `flag`s.
    #[must_use]
    pub const fn new(flag: u8, max: usize) -> Self {
        Self { flag, max, from: 0, open: false, dropping: false, visited: 0 }
    }

    /// What stands before a flag at `at`.
    fn boundary(&mut self, at: usize) -> Step {
        self.from = 0;
        let next = at + 1;
        if self.dropping {
            // Reported when the limit was passed.
            self.dropping = false;
            self.open = true;
            return Step::Skip(next);
        }
        if !self.open {
            if at == 0 {
                self.open = true;
                return Step::Skip(next);
            }
            // The flag opens a frame and is no part of the garbage: the next
            // scan finds it at once.
            return Step::Bad { kind: ErrorKind::Garbage, len: at };
        }
        match at {
            0 => Step::Skip(next),
            _ if at > self.max => Step::Bad { kind: ErrorKind::TooLong, len: next },
            _ => Step::Frame { start: 0, end: at, next },
        }
    }
}

impl Scanner for FlagScan {
    #[inline]
    fn scan(&mut self, buf: &[u8]) -> Step {
        let unseen = buf.get(self.from..).unwrap_or(&[]);
        if let Some(at) = memchr(self.flag, unseen) {
            self.visited += at as u64 + 1;
            let at = self.from + at;
            return self.boundary(at);
        }
        self.visited += unseen.len() as u64;
        self.from = buf.len();
        if self.dropping {
            self.from = 0;
            return if buf.is_empty() { Step::Need(1) } else { Step::Skip(buf.len()) };
        }
        if !self.open && !buf.is_empty() {
            self.from = 0;
            return Step::Bad { kind: ErrorKind::Garbage, len: buf.len() };
        }
        if buf.len() > self.max {
            self.from = 0;
            self.dropping = true;
            return Step::Bad { kind: ErrorKind::TooLong, len: buf.len() };
        }
        Step::Need(1)
    }

    fn want(&mut self, have: usize, input: &[u8]) -> usize {
        let room = self.max.saturating_sub(have).saturating_add(1);
        let input = input.get(..room).unwrap_or(input);
        match memchr(self.flag, input) {
            Some(at) => {
                // The flag is looked at again by `scan`, which finds it at once.
                self.visited += at as u64;
                self.from = have + at;
                at + 1
            }
            None => {
                self.visited += input.len() as u64;
                self.from = have + input.len();
                input.len()
            }
        }
    }

    fn in_frame(&self) -> bool {
        self.open && !self.dropping
    }

    fn visited(&self) -> u64 {
        self.visited
    }
}
