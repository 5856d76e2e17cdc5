//! One frame from its bytes and back, without a stream.

use alloc::vec::Vec;

use super::item::kind_at;
use super::{FRAME, FrameKind, Framing, RawFrame, Received, Stuffing};
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::{Encode, NoCtx, Protocol};
use crate::codec::trace::{Flag, Flags};
use crate::codec::writer::Writer;

/// Decodes the payload of one frame: the bytes inside its delimiters, without
/// escapes. Its checksum is verified.
///
/// Of a protocol with several kinds of frames it is one whose leading bytes
/// stand there, the first of them that can be decoded; kinds without leading
/// bytes are tried last. A [`Deframer`](super::Deframer) knows more: which
/// kinds come first on a connection and which side reads.
///
/// # Errors
///
/// [`ErrorKind::Checksum`]; [`ErrorKind::Garbage`] when no kind begins so;
/// what the layout refuses.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{ErrorKind, decode};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[frame(one_of)]
/// enum Port { Ping(Ping), Reading(Reading) }
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[frame]
/// #[wire(before(b"P"))]
/// struct Ping {}
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[frame]
/// struct Reading {
///     #[wire(before(mark: u8 = 0x52), after(check: u8 = xor(mark..)))]
///     value: u8,
/// }
///
/// assert_eq!(decode::<Port>(b"P").unwrap().frame, Port::Ping(Ping {}));
/// assert_eq!(decode::<Port>(b"R\x07\x55").unwrap().frame, Port::Reading(Reading { value: 7 }));
/// assert_eq!(decode::<Port>(b"R\x07\x54").unwrap_err().kind(), ErrorKind::Checksum);
/// assert_eq!(decode::<Port>(b"Q").unwrap_err().kind(), ErrorKind::Garbage);
/// # }
/// ```
#[inline]
pub fn decode<P: Protocol<Ctx: NoCtx>>(payload: &[u8]) -> Result<Received<P::At<'_>>, Error> {
    decode_with::<P>(payload, NoCtx::NONE)
}

/// As [`decode`], of a frame whose layout takes a context.
///
/// # Errors
///
/// Those of [`decode`].
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::ExProtoFrame;
/// use exproto_runtime::codec::{decode_with, encode_with};
///
/// /// Devices of version 2 send a status too; which they are is known from
/// /// somewhere else.
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[frame(datagram)]
/// #[wire(ctx(version: u8))]
/// struct Reading {
///     value: u8,
///     #[wire(if = version >= 2)]
///     status: Option<u8>,
/// }
///
/// let old = decode_with::<Reading>(&[7], ReadingCtx { version: 1 }).unwrap().frame;
/// assert_eq!(old, Reading { value: 7, status: None });
///
/// let (new, mut bytes) = (Reading { value: 7, status: Some(1) }, Vec::new());
/// encode_with::<Reading>(&new, ReadingCtx { version: 2 }, &mut bytes).unwrap();
/// assert_eq!(bytes, [7, 1]);
/// # }
/// ```
pub fn decode_with<P: Protocol>(payload: &[u8], ctx: P::Ctx) -> Result<Received<P::At<'_>>, Error> {
    by_lead::<P>(payload, ctx, |payload, kind| {
        if let Some(check) = &kind_at::<P>(kind).check
            && let Err((at, wrong)) = check.verify(payload)
        {
            return Err(Error::new(wrong, at as u32, check.at));
        }
        decode_as::<P>(payload, kind, ctx)
    })
}

/// As [`decode`], without verifying the checksum that a
/// [`Deframer`](super::Deframer) verifies before it hands a frame out: for
/// bytes that are known to be right.
///
/// # Errors
///
/// Those of [`decode`]; [`ErrorKind::Checksum`] only where the layout has more
/// than one or its place is not constant.
pub fn decode_unverified<P: Protocol<Ctx: NoCtx>>(payload: &[u8]) -> Result<Received<P::At<'_>>, Error> {
    by_lead::<P>(payload, NoCtx::NONE, |payload, kind| decode_as::<P>(payload, kind, NoCtx::NONE))
}

/// Tries the kinds that begin as the payload does.
#[inline]
fn by_lead<'f, P: Protocol>(
    payload: &'f [u8],
    ctx: P::Ctx,
    decode: impl Fn(&'f [u8], usize) -> Result<Received<P::At<'f>>, Error>,
) -> Result<Received<P::At<'f>>, Error> {
    if let [_] = P::KINDS {
        return decode(payload, 0);
    }
    let mut refused = None;
    for led in [true, false] {
        let kinds = P::KINDS.iter().enumerate();
        for (index, _) in kinds.filter(|(_, kind)| begins(kind, payload) == Some(led)) {
            if !P::wanted(index, ctx) {
                continue;
            }
            match decode(payload, index) {
                Ok(received) => return Ok(received),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
    }
    Err(refused.unwrap_or(Error::new(ErrorKind::Garbage, 0, &FRAME)))
}

#[inline]
fn decode_as<P: Protocol>(payload: &[u8], kind: usize, ctx: P::Ctx) -> Result<Received<P::At<'_>>, Error> {
    let raw = RawFrame {
        wire: payload,
        payload,
        offset: 0,
        flags: Flags::NONE,
        accept_bad: false,
        kind,
        piece: None,
    };
    raw.decode_with::<P>(ctx)
}

impl<'f> RawFrame<'f> {
    /// A frame that was read before, of which the payload was kept.
    #[cfg(feature = "session")]
    pub(crate) fn of(kind: usize, payload: &'f [u8], accept_bad: bool) -> Self {
        Self { wire: payload, payload, offset: 0, flags: Flags::NONE, accept_bad, kind, piece: None }
    }
}

impl RawFrame<'_> {
    /// The same frame as the kind that it has for a device. Between the same
    /// delimiters several kinds may be sent, which only decoding tells apart: it
    /// is the first that can be decoded, and what it was if none can.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use exproto_runtime::codec::{Ascii, Deframer, Item, Role, Text};
    /// use exproto_runtime::ExProtoFrame;
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[frame(one_of)]
    /// enum Port<'a> { #[frame(sent)] Done(Done<'a>), #[frame(sent)] Order(Order<'a>) }
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[frame(start = b"*", end = b"#", max = 64)]
    /// struct Done<'a> { #[wire(before(b"OK"), rest, as = Ascii)] what: Text<'a> }
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[frame(start = b"*", end = b"#", max = 64)]
    /// struct Order<'a> { #[wire(rest, as = Ascii)] text: Text<'a> }
    ///
    /// let (mut device, mut scratch) = (Deframer::<Port>::new().read_as(Role::Device), Vec::new());
    /// let mut input = &b"*OK07#*stop#"[..];
    /// for want in [Port::Done(Done { what: "07".into() }), Port::Order(Order { text: "stop".into() })] {
    ///     let Some(Item::Frame(raw)) = device.next(&mut input, &mut scratch) else { panic!() };
    ///     assert_eq!(raw.as_sent::<Port>(()).decode::<Port>().unwrap().frame, want);
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn as_sent<P: Protocol>(self, ctx: P::Ctx) -> Self {
        let of = kind_at::<P>(self.kind);
        if P::KINDS.len() == 1 || self.decode_with::<P>(ctx).is_ok() {
            return self;
        }
        let fits = |(index, kind): &(usize, &FrameKind)| {
            *index > self.kind
                && (!of.sent || kind.sent)
                && kind.first == of.first
                && kind.framing.same_marks(&of.framing)
                && P::wanted(*index, ctx)
                && kind.check.as_ref().is_none_or(|check| check.verify(self.payload).is_ok())
        };
        let others = P::KINDS.iter().enumerate().filter(fits).map(|(kind, _)| Self { kind, ..self });
        others.into_iter().find(|raw| raw.decode_with::<P>(ctx).is_ok()).unwrap_or(self)
    }
}

/// Whether a kind may have this payload; `Some(false)` if nothing tells.
fn begins(kind: &FrameKind, payload: &[u8]) -> Option<bool> {
    let opening = match kind.framing {
        Framing::Flag { .. } => 1,
        Framing::Delimited { start, .. } => start.len(),
        Framing::Bare { .. } | Framing::Datagram { .. } => 0,
    };
    let led = kind.lead.0.len().saturating_sub(opening);
    (payload.len() >= led && kind.lead.agrees(opening, payload)).then_some(led > 0)
}

/// Appends the frame as it stands on the wire: encoded, escaped, delimited.
///
/// # Errors
///
/// A length, count or value that does not fit its field;
/// [`ErrorKind::Delimiter`] when text holds the delimiter; [`ErrorKind::Transform`] when
/// a [stuffing](crate::doc::frame#stuffing) refuses the bytes. Nothing is appended then.
#[inline]
pub fn encode<P: Protocol<Ctx: NoCtx>>(frame: &P::At<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
    encode_with::<P>(frame, NoCtx::NONE, out)
}

/// As [`encode`], of a frame whose layout takes a context.
///
/// # Errors
///
/// Those of [`encode`].
pub fn encode_with<P: Protocol>(frame: &P::At<'_>, ctx: P::Ctx, out: &mut Vec<u8>) -> Result<(), Error> {
    let start = out.len();
    let kind = kind_at::<P>(P::kind_of(frame));
    let framing = &kind.framing;
    framing.begin(out);
    let from = out.len();
    if let Err(error) = frame.encode(&mut Writer::new(out), ctx) {
        out.truncate(start);
        return Err(error);
    }
    if framing.end(out, from).is_none() {
        out.truncate(start);
        return Err(Error::new(ErrorKind::Transform, 0, &FRAME));
    }
    if let Some(at) = framing.cut_at(out, from).filter(|_| !kind.unescaped) {
        out.truncate(start);
        return Err(Error::new(ErrorKind::Delimiter, at as u32, &FRAME));
    }
    Ok(())
}

/// Appends a received frame: encoded if its value says everything, else as it
/// was received.
///
/// # Errors
///
/// Those of [`encode`].
pub fn reencode<P: Protocol<Ctx: NoCtx>>(
    received: &Received<P::At<'_>>,
    raw: &RawFrame<'_>,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    reencode_with::<P>(received, raw, NoCtx::NONE, out)
}

/// As [`reencode`], of a frame whose layout takes a context.
///
/// # Errors
///
/// Those of [`encode`].
pub fn reencode_with<P: Protocol>(
    received: &Received<P::At<'_>>,
    raw: &RawFrame<'_>,
    ctx: P::Ctx,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    if raw.piece.is_some() {
        // The pieces of a frame one behind the other are the frame.
        out.extend_from_slice(raw.wire);
        return Ok(());
    }
    let framing = &kind_at::<P>(raw.kind).framing;
    let by_transform = matches!(framing.stuffing(), Some(Stuffing::By(_)));
    if received.flags.has(Flag::Framing) || (received.flags.is_lossy() && by_transform) {
        framing.restore(raw.wire, out);
        return Ok(());
    }
    if received.flags.is_lossy() {
        framing.wrap(raw.payload, out);
        return Ok(());
    }
    encode_with::<P>(&received.frame, ctx, out)
}
