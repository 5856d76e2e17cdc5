//! What a deframer hands out: frames as they came, and bytes that are none.

use super::stream::{OfPiece, streams};
use super::{FRAME, FrameKind, Framing, Piece};
use crate::codec::error::Error;
use crate::codec::layout::{NoCtx, Protocol};
use crate::codec::reader::Reader;
use crate::codec::trace::{Flags, NoTrace, Trace};

/// One frame as it came, not decoded yet.
#[derive(Clone, Copy, Debug)]
pub struct RawFrame<'f> {
    /// The bytes on the wire. Delimiters are included, but for the opening flag
    /// of flag framing: it may be shared with the frame before.
    pub wire: &'f [u8],
    /// The bytes inside the delimiters, without escapes.
    pub payload: &'f [u8],
    /// Bytes of the stream before `wire`.
    pub offset: u64,
    /// What was odd about it so far.
    pub flags: Flags,
    /// Whether wrong lengths and checksums are accepted.
    pub accept_bad: bool,
    /// Which of the protocol's kinds of frames it is.
    pub kind: usize,
    /// Which piece of its payload it has, where that is [handed out in
    /// pieces](crate::doc::wire#stream) and larger than one; `None` for whole frames.
    /// Then `payload` is what stands before the payload and the piece, and `wire` is what
    /// came on the wire since the piece before.
    pub piece: Option<&'f Piece>,
}

/// Bytes that are no frame, and why.
#[derive(Clone, Copy, Debug)]
pub struct Bad<'f> {
    /// What is wrong; its offset counts from the start of `wire`.
    pub error: Error,
    /// The bytes.
    pub wire: &'f [u8],
    /// Bytes of the stream before `wire`.
    pub offset: u64,
    /// Nothing in the stream says where the next frame begins: whatever comes
    /// is dropped, and the connection is best closed.
    pub fatal: bool,
}

/// What a [`Deframer`](super::Deframer) hands out.
#[derive(Clone, Copy, Debug)]
pub enum Item<'f> {
    /// A whole frame with the right checksum.
    Frame(RawFrame<'f>),
    /// Bytes that are none.
    Bad(Bad<'f>),
}

/// What is known of a kind of frames; a constant where there is only one.
#[inline(always)]
pub(crate) fn kind_at<P: Protocol>(kind: usize) -> &'static FrameKind {
    match P::KINDS {
        [only] => only,
        kinds => kinds.get(kind).unwrap_or(&const { FrameKind::new(Framing::Bare { escape: None, max: 0 }) }),
    }
}

/// A decoded frame with what is known about its decoding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Received<F> {
    /// The frame.
    pub frame: F,
    /// What was odd about it.
    pub flags: Flags,
}

/// Decodes a frame that was found. Takes what it needs in registers.
#[inline(never)]
fn decode_all<P: Protocol, T: Trace>(
    payload: &[u8],
    kind: usize,
    accept_bad: bool,
    ctx: P::Ctx,
    trace: T,
) -> Result<Received<P::At<'_>>, Error> {
    let mut r = Reader::traced(payload, trace).accepting_bad(accept_bad).found();
    // By `match`: the mark of interrogation moves the value once more.
    match P::decode_kind(kind, &mut r, ctx) {
        Ok(frame) => {
            r.take_found();
            let end = r;
            match r.finish(end, &FRAME) {
                Ok(()) => Ok(Received { frame, flags: r.flags() }),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

impl<'f> RawFrame<'f> {
    /// Decodes the frame.
    ///
    /// # Errors
    ///
    /// What the layout refuses; the offset counts in [`payload`](Self::payload).
    #[inline]
    pub fn decode<P: Protocol<Ctx: NoCtx>>(&self) -> Result<Received<P::At<'f>>, Error> {
        self.decode_with::<P>(NoCtx::NONE)
    }

    /// Decodes a frame whose layout [takes a context](crate::doc::wire#ctx).
    ///
    /// # Errors
    ///
    /// What the layout refuses; the offset counts in [`payload`](Self::payload).
    #[inline]
    pub fn decode_with<P: Protocol>(&self, ctx: P::Ctx) -> Result<Received<P::At<'f>>, Error> {
        self.decode_traced::<P, _>(ctx, NoTrace)
    }

    /// Decodes the frame and reports each step.
    ///
    /// # Errors
    ///
    /// What the layout refuses.
    #[inline]
    pub fn decode_traced<P: Protocol, T: Trace>(
        &self,
        ctx: P::Ctx,
        trace: T,
    ) -> Result<Received<P::At<'f>>, Error> {
        match self.piece {
            Some(piece) if const { streams::<P>() } => {
                self.decode_bytes::<P, _>(ctx, OfPiece { trace, piece })
            }
            _ => self.decode_bytes::<P, _>(ctx, trace),
        }
    }

    #[inline]
    fn decode_bytes<P: Protocol, T: Trace>(
        &self,
        ctx: P::Ctx,
        trace: T,
    ) -> Result<Received<P::At<'f>>, Error> {
        let mut received = decode_all::<P, T>(self.payload, self.kind, self.accept_bad, ctx, trace);
        if let Ok(received) = &mut received {
            received.flags.merge(self.flags);
        }
        received
    }

    /// Where in the stream the byte `offset` of the payload stands.
    #[must_use]
    pub fn stream_offset<P: Protocol>(&self, offset: u32) -> u64 {
        if let Some(piece) = self.piece {
            // Of a later piece only itself stands on the wire.
            return match u64::from(offset).checked_sub(piece.head as u64) {
                Some(behind) => piece.frame + piece.head as u64 + piece.offset + behind,
                None => piece.frame + u64::from(offset),
            };
        }
        self.offset + kind_at::<P>(self.kind).framing.wire_offset(self.wire, offset as usize) as u64
    }
}
