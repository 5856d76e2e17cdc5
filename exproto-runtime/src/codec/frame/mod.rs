//! Where frames begin and end in a stream of bytes.
//!
//! A [`Scanner`] finds the boundaries and never looks at a byte twice; the
//! [`Deframer`] keeps what is incomplete, takes escapes out, verifies the
//! checksum and hands out one [`Item`] after the other. A malformed frame is an
//! item too: only the owner of the deframer ends a connection.

mod apart;
mod blocks;
mod choose;
mod deframer;
mod escape;
mod flag;
mod framing;
mod hex;
mod item;
mod kinds;
mod list_scan;
mod open;
mod parts;
mod payload;
mod reassemble;
mod restart;
mod resync;
mod role;
mod seek;
mod stream;
mod stuffing;
mod summed;
mod walk;
mod whole;
mod within;

pub use apart::{followers_tell, kinds_apart};
pub use blocks::Blocks;
pub use deframer::Deframer;
pub use escape::Escape;
pub use flag::FlagScan;
pub use framing::Framing;
pub(crate) use item::kind_at;
pub use item::{Bad, Item, RawFrame, Received};
pub use kinds::{Constant, Cursor, FrameKind, FrameLayout, Frames, Halt, Lead, Only, frame_size};
pub use list_scan::ListScan;
pub use parts::Parts;
pub use payload::{decode, decode_unverified, decode_with, encode, encode_with, reencode, reencode_with};
pub use reassemble::{Ask, Assembled, Reassembler, ReassemblyLimits};
pub use role::Role;
pub use seek::FrameScan;
pub use stream::{Piece, Split, Streamed};
pub use stuffing::{ByTransform, Stuffing};
pub use summed::SummedScan;
pub(crate) use walk::walk_whole;
pub use walk::{
    FrameWalk, Keep, Kept, Steps, Turn, Walk, WalkBody, Walker, codec_stuck, first_stuck, not_stuck,
};

use super::check::Algorithm;
use super::error::{Error, ErrorKind};
use super::number::Digits;
use super::schema::FieldInfo;

/// What errors of the frame search speak of.
pub(super) static FRAME: FieldInfo = FieldInfo::new("", "frame");

/// A checksum that can be verified without decoding the frame: it covers
/// everything from a fixed offset to itself, or to constants before it.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The first byte it covers.
    pub from: usize,
    /// Bytes from the checksum's first byte to the end of the frame.
    pub tail: usize,
    /// Bytes between what it covers and itself.
    pub gap: usize,
    /// Bytes of the checksum.
    pub width: usize,
    /// Its digits, if it stands as text.
    pub digits: Option<Digits>,
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
        /// What is wrong with them; its offset counts from the front.
        error: Error,
        /// Bytes to drop from the front.
        len: usize,
        /// Nothing in the stream says where the next frame begins.
        fatal: bool,
    },
}

/// Finds frames at the front of a growing buffer and remembers how far it has
/// looked.
pub trait Scanner: Clone + core::fmt::Debug + Send {
    /// Looks for the next frame. `buf` begins where the last [`Step`] that
    /// dropped bytes left off and only ever grows in between.
    fn scan(&mut self, buf: &[u8]) -> Step;

    /// Whether who has a whole frame in hand may look for its end himself: the way
    /// of most frames, without what has to be remembered of those that come in
    /// pieces. Only of frames between flags, where the first byte is one and no
    /// byte before it is kept. [`took`](Self::took) or [`looked`](Self::looked)
    /// follows.
    const WHOLE: bool = false;

    /// A frame at the front, both flags included, was taken.
    #[inline(always)]
    fn took(&mut self) {}

    /// Whether [`front`](Self::front) tells anything.
    #[doc(hidden)]
    const FRONT: bool = false;

    /// The frame at the front, if there is no more to be said of it than where it ends.
    #[doc(hidden)]
    #[inline]
    fn front(&mut self, buf: &[u8]) -> whole::Front {
        let _ = buf;
        whole::Front::Other
    }

    /// Behind the flag at the front stand so many bytes that are no flag;
    /// whether one of them is an escape.
    #[inline]
    fn looked(&mut self, bytes: usize, escaped: bool) {
        let _ = (bytes, escaped);
    }

    /// Looks for the next frame in bytes after which nothing will come: what
    /// is not whole is no frame. [`Step::Need`] says that nothing is left.
    fn finish(&mut self, buf: &[u8]) -> Step {
        if buf.is_empty() {
            return Step::Need(1);
        }
        let error = Error::new(ErrorKind::Short, buf.len() as u32, &FRAME);
        Step::Bad { error, len: buf.len(), fatal: false }
    }

    /// Looks for a frame that ends with these bytes, after which nothing has come
    /// for a while: for kinds of frames that are told apart by what follows, and
    /// for a sound frame within bytes that wait for more.
    /// [`Step::Need`] says that there is none; more may come.
    fn pause(&mut self, buf: &[u8]) -> Step {
        let _ = buf;
        Step::Need(1)
    }

    /// Whether [`pause`](Self::pause) may find a frame.
    fn may_pause(&self) -> bool {
        false
    }

    /// How many bytes of `input` to append to an incomplete frame of which
    /// `have` bytes are buffered, so that as little as possible is copied.
    /// They count as looked at.
    fn want(&mut self, have: usize, input: &[u8]) -> usize;

    /// Whether `input` goes on with a frame of which `have` bytes are buffered and all
    /// were looked at, and tells nothing: then it counts as looked at. For frames that
    /// come byte by byte.
    fn grows(&mut self, have: usize, input: &[u8]) -> bool {
        let _ = (have, input);
        false
    }

    /// Whether the buffered bytes, if any, are the beginning of a frame; else
    /// they would be dropped by the next step anyway.
    fn in_frame(&self) -> bool;

    /// Whether buffered bytes are known to be no frame and wait for the next
    /// one to be found.
    fn holds_garbage(&self) -> bool {
        false
    }

    /// Where in `wire`, which was found between delimiters, a sound frame of
    /// another kind begins if `wire` itself is none, as `sound` tells.
    #[doc(hidden)]
    fn within(&mut self, wire: &[u8], sound: &mut dyn FnMut() -> bool) -> Option<usize> {
        let _ = (wire, sound);
        None
    }

    /// Whether the frame of the last [`Step`] is known to hold no escape, so
    /// that nobody needs to look for one.
    fn clean(&self) -> bool {
        false
    }

    /// Whether the checksum of the frame of the last [`Step`] is known to be
    /// right.
    fn verified(&self) -> bool {
        false
    }

    /// Which of the protocol's kinds the frame of the last [`Step`] has.
    fn kind(&self) -> usize {
        0
    }

    /// The payload of the frame of the last [`Step`], if it is to be handed out in
    /// pieces; what the step has told is what stands before it.
    #[doc(hidden)]
    fn split(&mut self) -> Option<Split> {
        None
    }

    /// A frame whose beginning was found turned out to be none: whether the connection
    /// ends with it.
    #[doc(hidden)]
    fn broke(&mut self) -> bool {
        false
    }

    /// Takes frames with a wrong checksum for frames.
    fn accept_bad(&mut self, accept: bool) {
        let _ = accept;
    }

    /// Looks for the frames that go to this side.
    fn read_as(&mut self, role: Role) {
        let _ = role;
    }

    /// The stream began earlier: no frame is its first.
    fn go_on(&mut self) {}

    /// Bytes looked at so far, for tests of the promise that none is looked at
    /// twice.
    fn visited(&self) -> u64;
}
