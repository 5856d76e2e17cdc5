//! Where frames begin and end in a stream of bytes.
//!
//! A [`Scanner`] finds the boundaries and never looks at a byte twice; the
//! [`Deframer`] keeps what is incomplete, takes escapes out, verifies the
//! checksum and hands out one [`Item`] after the other. A malformed frame is an
//! item too: only the owner of the deframer ends a connection.

mod deframer;
mod escape;
mod flag;
mod reassemble;

pub use deframer::{Bad, Deframer, Item, RawFrame, Received, decode, encode, reencode};
pub use escape::Escape;
pub use flag::FlagScan;
pub use reassemble::{Assembled, Reassembler, ReassemblyLimits};

use super::check::Algorithm;
use super::error::ErrorKind;
use super::schema::FieldInfo;

/// How frames are told apart on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// One byte that stands before and after each frame and never inside, as
    /// in HDLC: neighbours may share it, empty frames are no frames.
    Flag {
        /// The byte.
        flag: u8,
        /// How the flag is kept out of the frame.
        escape: Option<&'static Escape>,
        /// The most bytes between two flags, escapes included.
        max: usize,
    },
}

impl Framing {
    /// Appends the frame whose un-escaped bytes are `payload`, as it stands on
    /// the wire.
    pub fn wrap(&self, payload: &[u8], out: &mut alloc::vec::Vec<u8>) {
        match self {
            Self::Flag { flag, escape, .. } => {
                out.reserve(payload.len() + 2);
                out.push(*flag);
                match escape {
                    Some(escape) => escape.apply(payload, out),
                    None => out.extend_from_slice(payload),
                }
                out.push(*flag);
            }
        }
    }

    /// Begins a frame at the end of `out`: its content is to be appended next.
    #[inline]
    pub(crate) fn begin(&self, out: &mut alloc::vec::Vec<u8>) {
        match self {
            Self::Flag { flag, .. } => out.push(*flag),
        }
    }

    /// Ends the frame whose content was appended from `from` on.
    #[inline]
    pub(crate) fn end(&self, out: &mut alloc::vec::Vec<u8>, from: usize) {
        match self {
            Self::Flag { flag, escape, .. } => {
                if let Some(escape) = escape {
                    escape.apply_in_place(out, from);
                }
                out.push(*flag);
            }
        }
    }

    /// Where on the wire the un-escaped byte `offset` stands; `wire` is the
    /// whole frame with its delimiters.
    #[must_use]
    pub fn wire_offset(&self, wire: &[u8], offset: usize) -> usize {
        match self {
            Self::Flag { flag, escape, .. } => {
                let opening = usize::from(wire.first() == Some(flag));
                let inner = wire.get(opening..).unwrap_or(&[]);
                opening + escape.map_or(offset, |escape| escape.raw_offset(inner, offset))
            }
        }
    }
}

/// A checksum that can be verified without decoding the frame: it covers
/// everything from a fixed offset to itself.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The first byte it covers.
    pub from: usize,
    /// Bytes from the checksum's first byte to the end of the frame.
    pub tail: usize,
    /// Bytes of the checksum.
    pub width: usize,
    /// Whether its first byte is the highest.
    pub big_endian: bool,
    /// How it is computed.
    pub algorithm: Algorithm,
    /// The item that holds it.
    pub at: &'static FieldInfo,
}

/// What a [`Scanner`] found at the front of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// No whole frame yet: at least so many bytes more are needed.
    Need(usize),
    /// These bytes at the front stand between frames and mean nothing.
    Skip(usize),
    /// A frame: `start..end` inside its delimiters, `next` bytes in all.
    Frame {
        /// First byte inside the delimiters.
        start: usize,
        /// End of the bytes inside the delimiters.
        end: usize,
        /// Bytes to drop from the front.
        next: usize,
    },
    /// The first `len` bytes are no frame.
    Bad {
        /// What is wrong with them.
        kind: ErrorKind,
        /// Bytes to drop from the front.
        len: usize,
    },
}

/// Finds frames at the front of a growing buffer and remembers how far it has
/// looked.
pub trait Scanner: Clone + core::fmt::Debug + Send {
    /// Looks for the next frame. `buf` begins where the last [`Step`] that
    /// dropped bytes left off and only ever grows in between.
    fn scan(&mut self, buf: &[u8]) -> Step;

    /// How many bytes of `input` to append to an incomplete frame of which
    /// `have` bytes are buffered, so that as little as possible is copied.
    /// They count as looked at.
    fn want(&mut self, have: usize, input: &[u8]) -> usize;

    /// Whether the buffered bytes, if any, are the beginning of a frame; else
    /// they would be dropped by the next step anyway.
    fn in_frame(&self) -> bool;

    /// Whether the frame of the last [`Step`] is known to hold no escape, so
    /// that nobody needs to look for one.
    fn clean(&self) -> bool {
        false
    }

    /// Bytes looked at so far, for tests of the promise that none is looked at
    /// twice.
    fn visited(&self) -> u64;
}
