//! What the frame search knows of each kind of frame.

use core::fmt;
use core::marker::PhantomData;

use super::{Check, Framing, Split, Streamed};
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::{Context, End};
use crate::codec::number::Digits;
use crate::codec::schema::FieldInfo;

/// One kind of frame of a protocol.
#[derive(Clone, Copy, Debug)]
pub struct FrameKind {
    /// What surrounds it.
    pub framing: Framing,
    /// The checksum whose place is known without decoding.
    pub check: Option<Check>,
    /// The bytes it begins with, by which it is recognised.
    pub lead: Lead,
    /// Constants at known places that are not among the leading bytes.
    pub constants: &'static [Constant],
    /// Only ever the first frame of a connection.
    pub first: bool,
    /// Only ever sent to devices: not looked for.
    pub sent: bool,
    /// What ends it may stand in it all the same.
    pub unescaped: bool,
    /// A checksum is verified while its end is looked for.
    pub proven: bool,
    /// It is one only if another frame or nothing follows; else the next kind is
    /// tried.
    pub followed: bool,
    /// What the connection knows decides whether it is looked for.
    pub chosen: bool,
    /// Its payload is handed out in pieces.
    #[doc(hidden)]
    pub stream: Option<Streamed>,
}

impl FrameKind {
    /// A kind of which nothing but the framing is known.
    #[must_use]
    pub const fn new(framing: Framing) -> Self {
        Self {
            framing,
            check: None,
            lead: Lead(&[]),
            constants: &[],
            first: false,
            sent: false,
            unescaped: false,
            proven: false,
            followed: false,
            chosen: false,
            stream: None,
        }
    }

    /// The same kind with a checksum.
    #[must_use]
    pub const fn checked(mut self, check: Option<Check>) -> Self {
        self.check = check;
        self
    }

    /// The same kind, recognised by `lead`.
    #[must_use]
    pub const fn led(mut self, lead: Lead) -> Self {
        self.lead = lead;
        self
    }

    /// The same kind with constants.
    #[must_use]
    pub const fn with(mut self, constants: &'static [Constant]) -> Self {
        self.constants = constants;
        self
    }

    /// The same kind as the first frame of a connection.
    #[must_use]
    pub const fn first(mut self) -> Self {
        self.first = true;
        self
    }

    /// The same kind, which only ever goes to devices.
    #[must_use]
    pub const fn sent(mut self) -> Self {
        self.sent = true;
        self
    }

    /// The same kind, in which its end may stand.
    #[must_use]
    pub const fn unescaped(mut self) -> Self {
        self.unescaped = true;
        self
    }

    /// The same kind, of which the walk to its end verifies a checksum or not.
    #[must_use]
    pub const fn proven(mut self, proven: bool) -> Self {
        self.proven = proven;
        self
    }

    /// The same kind, told from later ones by what follows.
    #[must_use]
    pub const fn followed(mut self) -> Self {
        self.followed = true;
        self
    }

    /// The same kind, looked for where the connection says so.
    #[must_use]
    pub const fn chosen(mut self) -> Self {
        self.chosen = true;
        self
    }

    /// The same kind, the payload of which is handed out in pieces.
    #[doc(hidden)]
    #[must_use]
    pub const fn streamed(mut self, stream: Streamed) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Whether the search verifies a checksum of a whole frame of this kind.
    #[inline]
    pub(super) const fn is_verified(&self) -> bool {
        self.framing.blocks().is_some() || (self.check.is_some() && self.framing.is_plain())
    }

    /// Whether the next frame can be found after bytes that are none.
    pub(super) fn recovers(&self) -> bool {
        // What comes in pieces is handed out before its checksum has come.
        (self.is_verified() && self.stream.is_none())
            || self.proven
            || self.lead.0.iter().any(|byte| !matches!(byte, [(0, 0xFF)]))
            || !matches!(self.framing, Framing::Bare { .. })
    }
}

/// A constant at a known place of a frame.
#[derive(Clone, Copy, Debug)]
pub struct Constant {
    /// Bytes from the start, or from its own start to the end of the frame.
    pub at: usize,
    /// Whether `at` counts from the end.
    pub from_end: bool,
    /// The bytes.
    pub bytes: &'static [u8],
    /// The item.
    pub info: &'static FieldInfo,
}

impl Constant {
    /// The offset in `frame` if the bytes there are others.
    pub(super) fn differs(&self, frame: &[u8]) -> Option<usize> {
        let at = if self.from_end { frame.len().checked_sub(self.at) } else { Some(self.at) };
        let there = at.and_then(|at| frame.get(at..)?.get(..self.bytes.len()));
        (there != Some(self.bytes)).then_some(at.unwrap_or(0))
    }
}

/// Leading bytes: for each the ranges it lies in, lowest and highest.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Lead;
///
/// // 23 23 or 24 24, then anything.
/// const LEAD: Lead = Lead(&[&[(0x23, 0x24)], &[(0x23, 0x24)], &[(0, 0xFF)]]);
/// assert_eq!(LEAD.matches(b"##\x01"), Ok(true));
/// assert_eq!(LEAD.matches(b"#"), Err(2));     // so many bytes more tell
/// assert_eq!(LEAD.matches(b"x"), Ok(false));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lead(pub &'static [&'static [(u8, u8)]]);

impl Lead {
    /// Whether `bytes` begin so.
    ///
    /// # Errors
    ///
    /// So many bytes more are needed to tell.
    #[inline]
    pub fn matches(&self, bytes: &[u8]) -> Result<bool, usize> {
        if self.0.iter().zip(bytes).any(|(ranges, byte)| !within(ranges, *byte)) {
            return Ok(false);
        }
        match self.0.len().saturating_sub(bytes.len()) {
            0 => Ok(true),
            more => Err(more),
        }
    }

    /// Whether `bytes`, which stand after the first `from`, agree.
    #[inline]
    pub(super) fn agrees(&self, from: usize, bytes: &[u8]) -> bool {
        self.0.iter().skip(from).zip(bytes).all(|(ranges, byte)| within(ranges, *byte))
    }

    /// Whether a frame may begin with `byte`.
    #[inline]
    pub(super) fn begins(&self, byte: u8) -> bool {
        self.0.first().is_none_or(|ranges| within(ranges, byte))
    }

    /// The first byte if only one is possible.
    pub(super) const fn only(&self) -> Option<u8> {
        match self.0 {
            [[(low, high)], ..] if *low == *high => Some(*low),
            _ => None,
        }
    }
}

#[inline]
fn within(ranges: &[(u8, u8)], byte: u8) -> bool {
    ranges.iter().any(|(low, high)| (*low..=*high).contains(&byte))
}

/// Why the size of a frame is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Halt {
    /// So many bytes more are needed to go on.
    Need(usize),
    /// The bytes are no frame; the offset counts from its start.
    Bad(Error),
}

/// The bytes that follow the start of a frame, for finding its end.
#[derive(Debug)]
pub struct Cursor<'b> {
    bytes: &'b [u8],
    max: usize,
    visited: u64,
    proof: Proof,
    split: Option<Split>,
}

/// What is to be done about checksums on the way to the end of a frame, and
/// what they cost.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Proof {
    /// Wrong ones are accepted.
    pub(super) accept_bad: bool,
    /// The most bytes that one may cover, if that is limited.
    pub(super) most: Option<usize>,
    /// Bytes over which checksums were computed.
    pub(super) checked: u64,
    /// The size of a frame with a wrong one, if that is known.
    pub(super) claimed: Option<usize>,
    /// The size of the frame if nothing follows.
    pub(super) perhaps: Option<usize>,
}

impl<'b> Cursor<'b> {
    /// Looks at the bytes from the start of a frame on, of which it has at
    /// most `max`.
    #[must_use]
    pub const fn new(bytes: &'b [u8], max: usize) -> Self {
        let proof = Proof { accept_bad: false, most: None, checked: 0, claimed: None, perhaps: None };
        Self { bytes, max, visited: 0, proof, split: None }
    }

    /// The same with other rules for checksums.
    pub(super) const fn proving(mut self, proof: Proof) -> Self {
        self.proof = proof;
        self
    }

    /// What checksums cost.
    pub(super) const fn proof(&self) -> Proof {
        self.proof
    }

    /// Where the payload lies that is handed out in pieces.
    pub(super) const fn split(&self) -> Option<Split> {
        self.split
    }

    /// Notes where it lies.
    pub(super) const fn split_at(&mut self, split: Option<Split>) {
        self.split = split;
    }

    /// Bytes over which checksums were computed.
    #[must_use]
    pub const fn checked(&self) -> u64 {
        self.proof.checked
    }

    /// Notes what checksums cost.
    pub(super) const fn proved(&mut self, proof: Proof) {
        self.proof = proof;
    }

    /// The bytes in hand.
    pub(super) const fn rest(&self) -> &'b [u8] {
        self.bytes
    }

    /// The most bytes of a frame.
    pub(super) const fn max(&self) -> usize {
        self.max
    }

    /// Counts bytes that a walk has looked at.
    pub(super) const fn looked(&mut self, bytes: u64) {
        self.visited += bytes;
    }

    /// Bytes looked at.
    #[must_use]
    pub const fn visited(&self) -> u64 {
        self.visited
    }

    /// The `width` bytes at `at`: whole or not at all.
    ///
    /// # Errors
    ///
    /// They have not all come yet.
    #[inline(always)]
    pub fn bytes(&mut self, at: usize, width: usize) -> Result<&'b [u8], Halt> {
        let end = at.saturating_add(width);
        match self.bytes.get(at..end) {
            Some(bytes) => {
                self.visited += width as u64;
                Ok(bytes)
            }
            None => Err(Halt::Need(end.saturating_sub(self.bytes.len()).max(1))),
        }
    }

    /// The size of the frame as a function of the user finds it; `seen` of its
    /// bytes were looked at before.
    ///
    /// # Errors
    ///
    /// It has not all come yet, or no frame begins here.
    #[inline]
    pub fn find(
        &mut self,
        seen: &mut usize,
        info: &'static FieldInfo,
        end: impl FnOnce(&'b [u8], usize) -> End,
    ) -> Result<usize, Halt> {
        let bytes = self.bytes.get(..self.max).unwrap_or(self.bytes);
        let known = (*seen).min(bytes.len());
        match end(bytes, known) {
            End::After(size) => {
                self.visited += size.min(bytes.len()).saturating_sub(known) as u64;
                Ok(size)
            }
            // What comes next decides, if it can belong to the frame.
            End::Perhaps(size) if size == bytes.len() && size < self.max => {
                self.visited += (size - known) as u64;
                *seen = size.saturating_sub(1);
                self.proof.perhaps = Some(size);
                Err(Halt::Need(1))
            }
            End::Perhaps(size) if size > bytes.len() => {
                *seen = known;
                Err(Halt::Need(size - bytes.len()))
            }
            End::Perhaps(size) => {
                self.visited += size.saturating_sub(known) as u64;
                Ok(size)
            }
            End::Need(more) => {
                self.visited += (bytes.len() - known) as u64;
                *seen = bytes.len();
                Err(Halt::Need(more.max(1)))
            }
            End::Never => Err(Halt::Bad(Error::new(ErrorKind::Garbage, 0, info))),
        }
    }

    /// The unsigned integer of `width` bytes at `at`.
    ///
    /// # Errors
    ///
    /// It has not all come yet.
    #[inline(always)]
    pub fn uint(&mut self, at: usize, width: usize, big_endian: bool) -> Result<u64, Halt> {
        let bytes = self.bytes(at, width)?;
        let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        Ok(if big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) })
    }

    /// The number of `width` digits at `at`.
    ///
    /// # Errors
    ///
    /// It has not all come yet, or it is no number.
    #[inline]
    pub fn digits(
        &mut self,
        at: usize,
        width: usize,
        digits: Digits,
        info: &'static FieldInfo,
    ) -> Result<u64, Halt> {
        match digits.read(self.bytes(at, width)?) {
            Ok((value, _)) => Ok(value),
            Err(wrong) => Err(Halt::Bad(Error::new(ErrorKind::Digits, (at + wrong) as u32, info))),
        }
    }

    /// Verifies a constant at `at`.
    ///
    /// # Errors
    ///
    /// It has not all come yet, or other bytes stand there.
    #[inline]
    pub fn constant(&mut self, at: usize, want: &[u8], info: &'static FieldInfo) -> Result<(), Halt> {
        if self.bytes(at, want.len())? == want {
            return Ok(());
        }
        Err(Halt::Bad(Error::new(ErrorKind::Constant, at as u32, info)))
    }
}

/// The size of a frame from what its length field says; `base` bytes do not
/// count.
///
/// # Errors
///
/// A length that no frame has, or less than `min` bytes in all.
#[inline]
pub fn frame_size(
    said: i64,
    base: usize,
    min: usize,
    at: usize,
    info: &'static FieldInfo,
) -> Result<usize, Halt> {
    let size = usize::try_from(said).ok().and_then(|said| said.checked_add(base));
    match size {
        Some(size) if size >= min.max(1) => Ok(size),
        _ => Err(Halt::Bad(Error::new(ErrorKind::Length, at as u32, info))),
    }
}

/// The size of a frame on the wire that may stand in blocks, of which the first has to
/// be right before a length in it counts. What that costs is noted.
pub(super) fn size_in_blocks(
    kind: &FrameKind,
    (bytes, max): (&[u8], usize),
    proof: &mut Proof,
    size: impl FnOnce(&mut Cursor<'_>) -> Result<usize, Halt>,
) -> (Result<usize, Halt>, u64, Option<Split>) {
    let Some(blocks) = kind.framing.blocks() else {
        let mut c = Cursor::new(bytes, max).proving(*proof);
        let size = size(&mut c);
        *proof = c.proof();
        return (size, c.visited(), c.split());
    };
    let whole = blocks.first_on_wire();
    let Some(first) = bytes.get(..whole) else {
        return (Err(Halt::Need(whole - bytes.len())), 0, None);
    };
    let wrong = |error, at: usize| Halt::Bad(Error::new(error, at as u32, blocks.at));
    if !proof.accept_bad {
        proof.checked += whole as u64;
        if proof.most.is_some_and(|most| whole > most) {
            return (Err(wrong(ErrorKind::Checksum, blocks.first)), 0, None);
        }
        if let Err(at) = blocks.verify(first) {
            return (Err(wrong(ErrorKind::Checksum, at)), 0, None);
        }
    }
    let mut c = Cursor::new(first.get(..blocks.first).unwrap_or(first), max);
    let size = match size(&mut c) {
        Ok(size) if size < blocks.first => Err(wrong(ErrorKind::Length, 0)),
        // All that decides lies in the first block.
        Err(Halt::Need(_)) => Err(wrong(ErrorKind::Length, 0)),
        size => size.map(|size| blocks.on_wire(size)),
    };
    (size, c.visited(), None)
}

/// Verifies what the search can of a whole frame: the checksums of its blocks, or the one
/// at a constant place. `None` if there is none.
pub(super) fn verify(kind: &FrameKind, frame: &[u8]) -> Option<Result<(), Error>> {
    let error = |kind, at: usize, info| Error::new(kind, at as u32, info);
    match (kind.framing.blocks(), &kind.check) {
        (Some(blocks), _) => {
            Some(blocks.verify(frame).map_err(|at| error(ErrorKind::Checksum, at, blocks.at)))
        }
        (None, Some(check)) => Some(check.verify(frame).map_err(|(at, kind)| error(kind, at, check.at))),
        (None, None) => None,
    }
}

/// A frame that can be found in a stream. Emitted by the derive.
pub trait FrameLayout: Context {
    /// What the search knows of it.
    const KIND: FrameKind;
    /// Bytes that may stand between frames and mean nothing.
    const SKIP: &'static [u8] = &[];
    /// Whether the first bytes that are no frame end the connection.
    const CLOSE: bool = false;
    /// How far the size has been worked out.
    type Sizer: Default + Clone + fmt::Debug + Send;

    /// The size of the frame, if it is not found by delimiters.
    ///
    /// # Errors
    ///
    /// See [`Halt`].
    fn size(sizer: &mut Self::Sizer, c: &mut Cursor<'_>, ctx: Self::Ctx) -> Result<usize, Halt>;
}

/// The kinds of frames that share a stream. Emitted by the derive.
pub trait Frames: Context {
    /// The kinds, in the order in which they are tried.
    const KINDS: &'static [FrameKind];
    /// Bytes that may stand between frames and mean nothing.
    const SKIP: &'static [u8];
    /// Whether the first bytes that are no frame end the connection.
    const CLOSE: bool;
    /// How far sizes have been worked out.
    type Sizers: Default + Clone + fmt::Debug + Send;

    /// Whether a kind is looked for on a connection that knows this.
    #[inline(always)]
    fn wanted(kind: usize, ctx: Self::Ctx) -> bool {
        let _ = (kind, ctx);
        true
    }

    /// The size of the frame of a kind.
    ///
    /// # Errors
    ///
    /// See [`Halt`].
    fn size(
        kind: usize,
        sizers: &mut Self::Sizers,
        c: &mut Cursor<'_>,
        ctx: Self::Ctx,
    ) -> Result<usize, Halt>;
}

/// A stream of one kind of frames.
#[derive(Debug)]
pub struct Only<F>(PhantomData<fn() -> F>);

impl<F: FrameLayout> Context for Only<F> {
    type Ctx = F::Ctx;
}

impl<F: FrameLayout> Frames for Only<F> {
    const KINDS: &'static [FrameKind] = &[F::KIND];
    const SKIP: &'static [u8] = F::SKIP;
    const CLOSE: bool = F::CLOSE;
    type Sizers = F::Sizer;

    #[inline(always)]
    fn size(_: usize, sizers: &mut Self::Sizers, c: &mut Cursor<'_>, ctx: Self::Ctx) -> Result<usize, Halt> {
        F::size(sizers, c, ctx)
    }
}
