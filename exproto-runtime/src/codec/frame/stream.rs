//! Frames whose payload is too large to keep: it is handed out in pieces.
//!
//! What stands before the payload is kept as long as the frame goes on, so that each
//! piece is an item that decodes to a frame of its own. A checksum over the payload
//! is added up piece by piece and compared with the last one.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Bad, FrameKind, Item, RawFrame};
use crate::codec::check::Running;
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::Protocol;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::{Flag, Flags, Trace};

/// How a kind of frames hands out its payload. Emitted by the derive.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Streamed {
    /// The most bytes of a piece.
    pub chunk: usize,
    /// Bytes behind the payload.
    pub tail: usize,
    /// The payload.
    pub at: &'static FieldInfo,
}

/// Where the payload of a frame lies that does not come in one piece.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    /// Bytes before it.
    pub head: usize,
    /// Its bytes.
    pub len: usize,
}

/// Which piece of a payload a [`RawFrame`] has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Bytes of the frame before the payload: the first of
    /// [`RawFrame::payload`], the others are the piece.
    pub head: usize,
    /// Bytes of the stream before the frame.
    pub frame: u64,
    /// Bytes of the payload before this piece.
    pub offset: u64,
    /// Bytes of the whole payload.
    pub total: u64,
    /// Whether nothing of the payload follows.
    pub last: bool,
}

/// Whether a protocol has frames that come in pieces.
pub(super) const fn streams<P: Protocol>() -> bool {
    let mut at = 0;
    while at < P::KINDS.len() {
        if P::KINDS[at].stream.is_some() {
            return true;
        }
        at += 1;
    }
    false
}

/// What is between a frame's beginning and its last piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A piece is being put together.
    Goes,
    /// It was handed out.
    Out,
    /// It was the last.
    Over,
}

/// A frame that comes in pieces.
#[derive(Clone, Debug)]
pub(super) struct Streaming {
    kind: usize,
    found: &'static FrameKind,
    of: Streamed,
    /// What stands before the payload, the piece at hand and, with the last one, what
    /// stands behind it.
    buffer: Vec<u8>,
    /// The piece that comes next or was handed out.
    piece: Piece,
    /// Its bytes.
    size: usize,
    /// What a checksum makes of all before it.
    sum: Running,
    state: State,
    accept_bad: bool,
}

impl Streaming {
    /// A frame that begins with `head`, at this place of the stream.
    pub(super) fn begin(
        (kind, found): (usize, &'static FrameKind),
        (head, split): (&[u8], Split),
        frame: u64,
        accept_bad: bool,
    ) -> Option<Box<Self>> {
        let of = found.stream?;
        let mut buffer = Vec::with_capacity(head.len() + split.len.min(of.chunk) + of.tail);
        buffer.extend_from_slice(head);
        let sum = match &found.check {
            Some(check) => Running::default().and(check.algorithm, head.get(check.from..).unwrap_or(&[])),
            None => Running::default(),
        };
        let piece = Piece { head: head.len(), frame, offset: 0, total: split.len as u64, last: false };
        let mut streaming =
            Self { kind, found, of, buffer, piece, size: 0, sum, state: State::Goes, accept_bad };
        streaming.next();
        Some(Box::new(streaming))
    }

    /// Turns to the piece that begins at the present offset.
    fn next(&mut self) {
        let left = self.piece.total - self.piece.offset;
        self.size = usize::try_from(left).unwrap_or(usize::MAX).min(self.of.chunk);
        self.piece.last = self.size as u64 == left;
        self.state = State::Goes;
    }

    /// The bytes that the buffer has when the piece is whole.
    fn whole(&self) -> usize {
        self.piece.head + self.size + if self.piece.last { self.of.tail } else { 0 }
    }

    /// The bytes of the frame that are not handed out.
    pub(super) fn pending(&self) -> &[u8] {
        let from = if self.piece.offset == 0 { 0 } else { self.piece.head };
        self.buffer.get(from..).filter(|_| self.state == State::Goes).unwrap_or(&[])
    }

    /// Whether the last piece was handed out.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Takes the bytes that the piece still needs: how many these were.
    pub(super) fn take(&mut self, bytes: &[u8]) -> usize {
        if self.state == State::Out {
            self.buffer.truncate(self.piece.head);
            self.piece.offset += self.size as u64;
            self.next();
        }
        let wanted = self.whole().saturating_sub(self.buffer.len());
        let taken = bytes.get(..wanted).unwrap_or(bytes);
        self.buffer.extend_from_slice(taken);
        taken.len()
    }

    /// Whether all of the piece is there.
    pub(super) fn is_whole(&self) -> bool {
        self.state == State::Goes && self.buffer.len() >= self.whole()
    }

    /// The piece, if it is whole; `end` bytes of the stream have been taken.
    pub(super) fn item(&mut self, end: u64) -> Option<Item<'_>> {
        if !self.is_whole() {
            return None;
        }
        self.state = if self.piece.last { State::Over } else { State::Out };
        let behind = self.piece.head + self.size;
        let mut flags = Flags::NONE;
        if let Err((at, kind, info)) = self.verify(behind) {
            if kind == ErrorKind::Checksum && self.accept_bad {
                flags.set(Flag::Checksum);
            } else {
                return Some(self.bad(Error::new(kind, at as u32, info), end));
            }
        }
        let (wire, offset) = self.wire(end);
        let payload = self.buffer.get(..behind)?;
        let (accept_bad, kind, piece) = (self.accept_bad, self.kind, Some(&self.piece));
        Some(Item::Frame(RawFrame { wire, payload, offset, flags, accept_bad, kind, piece }))
    }

    /// What there is of the frame when no more comes.
    pub(super) fn cut_short(&mut self, end: u64) -> Option<Item<'_>> {
        if self.state == State::Over {
            return None;
        }
        if self.state == State::Out {
            self.take(&[]);
        }
        self.state = State::Over;
        let at = self.wire(end).0.len() as u32;
        Some(self.bad(Error::new(ErrorKind::Short, at, self.of.at), end))
    }

    /// The bytes on the wire that belong to the piece, and their place in the stream.
    fn wire(&self, end: u64) -> (&[u8], u64) {
        let from = if self.piece.offset == 0 { 0 } else { self.piece.head };
        let wire = self.buffer.get(from..).unwrap_or(&[]);
        (wire, end.saturating_sub(wire.len() as u64))
    }

    fn bad(&self, error: Error, end: u64) -> Item<'_> {
        let (wire, offset) = self.wire(end);
        Item::Bad(Bad { error, wire, offset, fatal: false })
    }

    /// Adds the piece up; of the last one also what stands behind it. What is wrong is
    /// told with its offset in [`wire`](Self::wire).
    fn verify(&mut self, behind: usize) -> Result<(), (usize, ErrorKind, &'static FieldInfo)> {
        let check = self.found.check.as_ref();
        let head = self.piece.head;
        let start = if self.piece.offset == 0 { 0 } else { head };
        if let Some(check) = check {
            let bytes = self.buffer.get(head..behind).unwrap_or(&[]);
            self.sum = self.sum.and(check.algorithm, bytes);
        }
        if !self.piece.last {
            return Ok(());
        }
        let tail = self.buffer.get(behind..).unwrap_or(&[]);
        for constant in self.found.constants.iter().filter(|constant| constant.from_end) {
            if let Some(at) = constant.differs(tail) {
                return Err((behind - start + at, ErrorKind::Constant, constant.info));
            }
        }
        let Some(check) = check else { return Ok(()) };
        let at = tail.len().saturating_sub(check.tail);
        let sent = tail.get(at..at + check.width).and_then(|sent| check.number(sent));
        let between = tail.get(..at.saturating_sub(check.gap)).unwrap_or(&[]);
        let sum = self.sum.and(check.algorithm, between);
        let place = behind - start + at;
        match sent {
            Some(sent) if sent == sum.value(check.algorithm, check.width, check.digits) => Ok(()),
            Some(_) => Err((place, ErrorKind::Checksum, check.at)),
            None => Err((place, ErrorKind::Digits, check.at)),
        }
    }
}

/// The trace of a decode of one piece: also tells which one it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfPiece<'p, T> {
    pub(super) trace: T,
    pub(super) piece: &'p Piece,
}

impl<T: Trace> Trace for OfPiece<'_, T> {
    const ON: bool = T::ON;

    #[inline(always)]
    fn piece(self) -> Option<Piece> {
        Some(*self.piece)
    }

    fn enter(self, at: &'static FieldInfo, offset: u32) {
        self.trace.enter(at, offset);
    }

    fn element(self, index: u32, offset: u32) {
        self.trace.element(index, offset);
    }

    fn leave(self, offset: u32) {
        self.trace.leave(offset);
    }

    fn open(self, at: &'static FieldInfo, bytes: &[u8]) {
        self.trace.open(at, bytes);
    }

    fn close(self) {
        self.trace.close();
    }

    fn flag(self, flag: Flag, at: &'static FieldInfo, offset: u32) {
        self.trace.flag(flag, at, offset);
    }

    fn fail(self, kind: ErrorKind, at: &'static FieldInfo, offset: u32, got: u64, want: u64) {
        self.trace.fail(kind, at, offset, got, want);
    }

    fn rewind(self, mark: usize) {
        self.trace.rewind(mark);
    }

    fn mark(self) -> usize {
        self.trace.mark()
    }
}
