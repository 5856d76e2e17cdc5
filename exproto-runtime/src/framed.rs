//! Frames as items of `tokio_util::codec::Framed`: the codec alone over any
//! stream. Feature `tokio-util`.
//!
//! [`FrameCodec`] hands out frames that may borrow, as [`HeldFrame`]s;
//! [`OwnedFrameCodec`] hands out the values of frame types that own their
//! bytes. Bytes that are no frame are an item of their own, a [`BadFrame`] in
//! an `Err` within `Ok`: the stream goes on behind them.
//!
//! # Examples
//!
//! ```
//! use exproto_runtime::ExProtoFrame;
//! use exproto_runtime::framed::OwnedFrameCodec;
//! use futures_util::{SinkExt, StreamExt};
//! use tokio::io::AsyncWriteExt;
//! use tokio_util::codec::Framed;
//!
//! #[derive(ExProtoFrame, Debug, PartialEq)]
//! #[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
//! #[wire(endian = big)]
//! struct Reading {
//!     sensor: u8,
//!     #[wire(after(check: u8 = xor(sensor..)))]
//!     value: u16,
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> std::io::Result<()> {
//! let (mut device, server) = tokio::io::duplex(64);
//! let mut frames = Framed::new(server, OwnedFrameCodec::<Reading>::new());
//!
//! // A frame, one with a wrong checksum, a frame.
//! device.write_all(b"\x7E\x01\x00\x02\x03\x7E\x01\x00\x02\x04\x7E\x01\x00\x05\x04\x7E").await?;
//! assert_eq!(frames.next().await.unwrap()?, Ok(Reading { sensor: 1, value: 2 }));
//! let bad = frames.next().await.unwrap()?.unwrap_err();
//! assert_eq!(bad.to_string(), "Reading.check at byte 3: the checksum does not match the bytes received");
//! assert_eq!(frames.next().await.unwrap()?, Ok(Reading { sensor: 1, value: 5 }));
//!
//! frames.send(&Reading { sensor: 9, value: 0x7E }).await?;
//! drop(frames);
//! let mut sent = Vec::new();
//! tokio::io::AsyncReadExt::read_to_end(&mut device, &mut sent).await?;
//! assert_eq!(sent, b"\x7E\x09\x00\x7D\x02\x77\x7E");
//! # Ok(())
//! # }
//! ```

use core::fmt;
use core::marker::PhantomData;
use std::io;

use bytes::{Buf, BytesMut};
use tokio_util::codec::{Decoder, Encoder};

use crate::codec::{
    Deframer, Error, Family, Flags, FrameKind, Item, NoCtx, Piece, Protocol, RawFrame, Received, encode_with,
};

/// Frames of `P`, which may borrow: each is handed out as a [`HeldFrame`].
///
/// It never fails but with the stream. After a [fatal](BadFrame::fatal) item
/// nothing more is found, and what comes is dropped. At most one frame is
/// buffered, see `max` of `#[frame(..)]`.
///
/// What is sent is a reference to a frame, or a [`HeldFrame`] that goes on as
/// it was received. A frame that cannot be encoded is an error of the kind
/// [`InvalidInput`](io::ErrorKind::InvalidInput) that holds the
/// [`Error`]; nothing is written then.
///
/// # Examples
///
/// ```
/// use bytes::BytesMut;
/// use exproto_runtime::ExProtoFrame;
/// use exproto_runtime::framed::FrameCodec;
/// use tokio_util::codec::Decoder;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[frame(start = b"*", end = b"#", max = 64)]
/// struct Line<'a> { #[wire(rest)] text: &'a [u8] }
///
/// let mut codec = FrameCodec::<Line<'static>>::new();
/// let mut input = BytesMut::from("*one#noise*tw");
/// let held = codec.decode(&mut input)?.unwrap().unwrap();
/// assert_eq!(held.decode().unwrap().frame, Line { text: b"one" });
/// assert!(codec.decode(&mut input)?.is_none()); // the noise may go on
/// input.extend_from_slice(b"o#");
/// assert_eq!(codec.decode(&mut input)?.unwrap().unwrap_err().wire, b"noise");
/// assert_eq!(codec.decode(&mut input)?.unwrap().unwrap().payload(), b"two");
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct FrameCodec<P: Protocol> {
    deframer: Deframer<P>,
    ctx: P::Ctx,
    scratch: Vec<u8>,
}

/// As [`FrameCodec`], for frame types that own their bytes: each is decoded,
/// and one that cannot be is a [`BadFrame`].
pub struct OwnedFrameCodec<P: Protocol>(FrameCodec<P>);

/// One frame as it came, with its bytes.
pub struct HeldFrame<P> {
    wire: Vec<u8>,
    /// Inside the delimiters, without escapes.
    payload: Vec<u8>,
    offset: u64,
    flags: Flags,
    accept_bad: bool,
    kind: usize,
    piece: Option<Piece>,
    of: PhantomData<fn() -> P>,
}

/// Bytes that are no frame, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadFrame {
    /// What is wrong. Its offset counts from the start of `wire`, or in the
    /// un-escaped bytes where a whole frame could not be decoded.
    pub error: Error,
    /// The bytes.
    pub wire: Vec<u8>,
    /// Bytes of the stream before `wire`.
    pub offset: u64,
    /// Nothing in the stream says where the next frame begins: whatever comes
    /// is dropped, and the connection is best closed.
    pub fatal: bool,
}

impl fmt::Display for BadFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for BadFrame {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.error)
    }
}

impl<P> HeldFrame<P> {
    /// The frame as a [`Deframer`] hands it out.
    #[must_use]
    pub fn raw(&self) -> RawFrame<'_> {
        RawFrame {
            wire: &self.wire,
            payload: &self.payload,
            offset: self.offset,
            flags: self.flags,
            accept_bad: self.accept_bad,
            kind: self.kind,
            piece: self.piece.as_ref(),
        }
    }

    /// The bytes inside the delimiters, without escapes.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The bytes on the wire; an opening flag that was shared with the frame
    /// before is not among them.
    #[must_use]
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }
}

impl<P: Protocol> HeldFrame<P> {
    /// Decodes the frame, which borrows from this.
    ///
    /// # Errors
    ///
    /// What the layout refuses.
    pub fn decode(&self) -> Result<Received<P::At<'_>>, Error>
    where
        P::Ctx: NoCtx,
    {
        self.decode_with(NoCtx::NONE)
    }

    /// Decodes a frame whose layout takes a context.
    ///
    /// # Errors
    ///
    /// What the layout refuses.
    pub fn decode_with(&self, ctx: P::Ctx) -> Result<Received<P::At<'_>>, Error> {
        self.raw().decode_with::<P>(ctx)
    }
}

impl<P> Clone for HeldFrame<P> {
    fn clone(&self) -> Self {
        Self { wire: self.wire.clone(), payload: self.payload.clone(), of: PhantomData, ..*self }
    }
}

impl<P> fmt::Debug for HeldFrame<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldFrame").field("payload", &self.payload).field("offset", &self.offset).finish()
    }
}

impl<P: Protocol<Ctx: NoCtx>> FrameCodec<P> {
    /// A codec at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self::with_ctx(NoCtx::NONE)
    }
}

impl<P: Protocol> FrameCodec<P> {
    /// A codec of frames whose layout takes a context, at the start of a
    /// stream.
    #[must_use]
    pub fn with_ctx(ctx: P::Ctx) -> Self {
        Self { deframer: Deframer::with_ctx(ctx), ctx, scratch: Vec::new() }
    }

    /// The context from now on. A [`HeldFrame`] that was handed out is decoded
    /// with [`decode_with`](HeldFrame::decode_with).
    pub fn set_ctx(&mut self, ctx: P::Ctx) {
        self.ctx = ctx;
        self.deframer.set_ctx(ctx);
    }

    /// Flags wrong checksums and lengths instead of refusing the frame.
    #[must_use]
    pub fn accepting_bad(mut self, accept: bool) -> Self {
        self.deframer = self.deframer.accepting_bad(accept);
        self
    }

    fn held(item: Item<'_>) -> Result<HeldFrame<P>, BadFrame> {
        match item {
            Item::Frame(raw) => Ok(HeldFrame {
                wire: raw.wire.to_vec(),
                payload: raw.payload.to_vec(),
                offset: raw.offset,
                flags: raw.flags,
                accept_bad: raw.accept_bad,
                kind: raw.kind,
                piece: raw.piece.copied(),
                of: PhantomData,
            }),
            Item::Bad(bad) => Err(BadFrame {
                error: bad.error,
                wire: bad.wire.to_vec(),
                offset: bad.offset,
                fatal: bad.fatal,
            }),
        }
    }

    fn write(&mut self, frame: &P::At<'_>, out: &mut BytesMut) -> io::Result<()> {
        self.scratch.clear();
        encode_with::<P>(frame, self.ctx, &mut self.scratch)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        out.extend_from_slice(&self.scratch);
        Ok(())
    }
}

impl<P: Protocol<Ctx: NoCtx>> Default for FrameCodec<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Protocol> fmt::Debug for FrameCodec<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FrameCodec").field(&self.deframer).finish()
    }
}

impl<P: Protocol> Decoder for FrameCodec<P> {
    type Item = Result<HeldFrame<P>, BadFrame>;
    type Error = io::Error;

    fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let mut rest = &input[..];
        let item = self.deframer.next(&mut rest, &mut self.scratch).map(Self::held);
        let used = input.len() - rest.len();
        input.advance(used);
        Ok(item)
    }

    fn decode_eof(&mut self, input: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        if let Some(item) = self.decode(input)? {
            return Ok(Some(item));
        }
        Ok(self.deframer.finish(&mut self.scratch).map(Self::held))
    }
}

impl<P: Protocol> Encoder<&<P as Family>::At<'_>> for FrameCodec<P> {
    type Error = io::Error;

    fn encode(&mut self, frame: &P::At<'_>, out: &mut BytesMut) -> io::Result<()> {
        self.write(frame, out)
    }
}

impl<P: Protocol> Encoder<HeldFrame<P>> for FrameCodec<P> {
    type Error = io::Error;

    fn encode(&mut self, frame: HeldFrame<P>, out: &mut BytesMut) -> io::Result<()> {
        self.scratch.clear();
        if let Some(FrameKind { framing, .. }) = P::KINDS.get(frame.kind) {
            framing.restore(&frame.wire, &mut self.scratch);
        }
        out.extend_from_slice(&self.scratch);
        Ok(())
    }
}

impl<P: Protocol<Ctx: NoCtx>> OwnedFrameCodec<P> {
    /// A codec at the start of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self(FrameCodec::new())
    }
}

impl<P: Protocol> OwnedFrameCodec<P> {
    /// A codec of frames whose layout takes a context, at the start of a
    /// stream.
    #[must_use]
    pub fn with_ctx(ctx: P::Ctx) -> Self {
        Self(FrameCodec::with_ctx(ctx))
    }

    /// The context from now on.
    pub fn set_ctx(&mut self, ctx: P::Ctx) {
        self.0.set_ctx(ctx);
    }

    /// Flags wrong checksums and lengths instead of refusing the frame.
    #[must_use]
    pub fn accepting_bad(self, accept: bool) -> Self {
        Self(self.0.accepting_bad(accept))
    }
}

impl<P: Protocol<Ctx: NoCtx>> Default for OwnedFrameCodec<P> {
    fn default() -> Self {
        Self::new()
    }
}

impl<P: Protocol> fmt::Debug for OwnedFrameCodec<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OwnedFrameCodec").field(&self.0.deframer).finish()
    }
}

fn owned<P: for<'f> Protocol<At<'f> = P>>(
    item: Result<HeldFrame<P>, BadFrame>,
    ctx: P::Ctx,
) -> Result<P, BadFrame> {
    let held = item?;
    match held.decode_with(ctx) {
        Ok(received) => Ok(received.frame),
        Err(error) => Err(BadFrame { error, wire: held.wire, offset: held.offset, fatal: false }),
    }
}

impl<P: for<'f> Protocol<At<'f> = P>> Decoder for OwnedFrameCodec<P> {
    type Item = Result<P, BadFrame>;
    type Error = io::Error;

    fn decode(&mut self, input: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let ctx = self.0.ctx;
        Ok(self.0.decode(input)?.map(|item| owned(item, ctx)))
    }

    fn decode_eof(&mut self, input: &mut BytesMut) -> io::Result<Option<Self::Item>> {
        let ctx = self.0.ctx;
        Ok(self.0.decode_eof(input)?.map(|item| owned(item, ctx)))
    }
}

impl<P: for<'f> Protocol<At<'f> = P>> Encoder<&P> for OwnedFrameCodec<P> {
    type Error = io::Error;

    fn encode(&mut self, frame: &P, out: &mut BytesMut) -> io::Result<()> {
        self.0.write(frame, out)
    }
}

impl<P: for<'f> Protocol<At<'f> = P>> Encoder<P> for OwnedFrameCodec<P> {
    type Error = io::Error;

    fn encode(&mut self, frame: P, out: &mut BytesMut) -> io::Result<()> {
        self.0.write(&frame, out)
    }
}
