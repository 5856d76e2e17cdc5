//! Finding frames of one or several kinds, and finding them again after bytes
//! that are none.
//!
//! At each place the leading bytes choose the kind, and the kind says where
//! the frame ends: by its fields or by a delimiter. Bytes that turn out to be
//! no frame are given up one by one, from the first, because a damaged length
//! makes the end a lie; they become one [`Step::Bad`] when the next frame is
//! found, when the end of the damaged frame is reached, or when they are as
//! many as a frame may have.
//!
//! # Bound
//!
//! Leading bytes and length fields are looked at once for each place where a
//! frame may begin, delimiters are searched once. A checksum is computed for
//! whole candidates only; what failed ones cost is limited to
//! [`CHECK_FACTOR`] bytes for each byte received, plus as much for the bytes
//! that are buffered. A candidate beyond that is given up as a whole.

use alloc::boxed::Box;
use core::fmt;

use memchr::memchr;

use super::choose::Next;
use super::resync::Trials;
use super::whole::Front;
use super::{FRAME, FrameKind, Frames, Framing, Halt, Role, Scanner, Split, Step, whole};
use crate::codec::error::{Error, ErrorKind};
use crate::codec::frame::kinds::{Proof, size_in_blocks, verify};

/// Bytes of failed checksum computations that each received byte pays for.
pub(super) const CHECK_FACTOR: u64 = 16;

/// Finds frames that are not between flags; see [`Frames`].
pub struct FrameScan<F: Frames> {
    pub(super) sizers: F::Sizers,
    /// What the connection knows that decides the layout.
    pub(super) ctx: F::Ctx,
    /// The kind of the frame that begins after the bytes given up.
    pub(super) chosen: Option<u8>,
    /// A flag shared with the next frame of this kind has been consumed.
    pub(super) flagged: Option<u8>,
    /// Whether the frame at hand lacks its opening flag.
    pub(super) shared: bool,
    /// Bytes at the front that are no frame.
    pub(super) lost: usize,
    /// Why the first of them are none.
    pub(super) error: Option<Error>,
    /// Where the bytes given up become an item of their own.
    pub(super) flush_at: Option<usize>,
    /// The size of the frame at hand, 0 if unknown.
    pub(super) total: usize,
    /// Leading bytes of the frame at hand that were looked at, and the kinds
    /// that they leave possible.
    pub(super) seen: usize,
    pub(super) open: u16,
    /// No more bytes will come.
    pub(super) ended: bool,
    /// Bytes of the frame at hand that hold no end.
    pub(super) from: usize,
    /// A frame that begins right after the bytes given up.
    pub(super) confirmed: Option<(usize, usize, usize)>,
    /// What could be frames behind the bytes given up.
    pub(super) trials: Option<Box<Trials<F::Sizers>>>,
    /// Everything up to the next end is no frame.
    pub(super) dropping: bool,
    /// Nothing has come for a while.
    pub(super) paused: bool,
    /// The frame at hand is whole if nothing follows it.
    pub(super) may_be_whole: bool,
    pub(super) need: usize,
    /// Of the frame at hand, or found last: the payload that comes in pieces.
    pub(super) split: Option<Split>,
    /// What failed checksums have cost, less what bytes have paid.
    pub(super) spent: u64,
    pub(super) checked: u64,
    pub(super) visited: u64,
    pub(super) kind: u8,
    pub(super) greeted: bool,
    pub(super) dead: bool,
    pub(super) accept_bad: bool,
    pub(super) role: Role,
    pub(super) verified: bool,
    /// The frame at hand was whole and not right.
    pub(super) refused: bool,
}

impl<F: Frames> Clone for FrameScan<F> {
    fn clone(&self) -> Self {
        Self { sizers: self.sizers.clone(), trials: self.trials.clone(), ..*self }
    }
}

impl<F: Frames> fmt::Debug for FrameScan<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FrameScan")
            .field("chosen", &self.chosen)
            .field("lost", &self.lost)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// What a place in the stream turned out to be.
pub(super) enum Attempt {
    Need(usize),
    Frame(usize, usize, usize),
    /// Delimiters with nothing between.
    Empty(usize),
    /// No frame; the end it claimed to have.
    Bad(Error, Option<usize>),
    /// Not worth looking at.
    Dear(Error, usize),
}

impl<F: Frames> FrameScan<F> {
    /// A search at the start of a stream.
    #[must_use]
    pub fn new(ctx: F::Ctx) -> Self {
        Self {
            sizers: F::Sizers::default(),
            ctx,
            chosen: None,
            flagged: None,
            shared: false,
            lost: 0,
            error: None,
            flush_at: None,
            total: 0,
            seen: 0,
            open: 0,
            ended: false,
            paused: false,
            may_be_whole: false,
            from: 0,
            confirmed: None,
            trials: None,
            dropping: false,
            need: 1,
            split: None,
            spent: 0,
            checked: 0,
            visited: 0,
            kind: 0,
            greeted: false,
            dead: false,
            accept_bad: false,
            role: Role::Platform,
            verified: false,
            refused: false,
        }
    }

    /// Bytes over which checksums were computed, for tests of the bound.
    #[must_use]
    pub fn checked(&self) -> u64 {
        self.checked
    }

    /// What the connection knows from now on: the frame at hand is looked at
    /// again from its start.
    pub fn tell(&mut self, ctx: F::Ctx) {
        self.ctx = ctx;
        self.trials = None;
        if self.confirmed.is_none() && !self.dropping {
            self.forget();
        }
    }

    /// The most bytes a frame may have.
    pub(super) fn limit() -> usize {
        let max = |kind: &FrameKind| match kind.framing {
            // It is there as a whole.
            Framing::Datagram { .. } => usize::MAX,
            framing => framing.max(),
        };
        F::KINDS.iter().map(max).max().unwrap_or(0).max(1)
    }

    pub(super) fn need(&mut self, more: usize) -> Step {
        self.need = more;
        Step::Need(more)
    }

    pub(super) fn frame(&mut self, (start, end, next): (usize, usize, usize)) -> Step {
        let kind = self.chosen.unwrap_or(0);
        self.kind = kind;
        self.greeted = true;
        let split = self.split;
        self.forget();
        self.split = split;
        self.pay(next);
        if let Some(Framing::Flag { .. }) = F::KINDS.get(usize::from(kind)).map(|kind| kind.framing) {
            self.flagged = Some(kind);
        } else {
            self.flagged = None;
        }
        Step::Frame { start, end, next }
    }

    /// Forgets what is known of the frame at hand.
    pub(super) fn forget(&mut self) {
        self.chosen = None;
        self.refused = false;
        self.shared = false;
        self.total = 0;
        self.may_be_whole = false;
        self.split = None;
        self.seen = 0;
        self.from = 0;
        self.sizers = F::Sizers::default();
    }

    /// Whether failed checksums have cost more than the bytes have paid.
    pub(super) fn is_dear(&self) -> bool {
        self.spent > CHECK_FACTOR.saturating_mul(Self::limit() as u64)
    }

    pub(super) fn pay(&mut self, bytes: usize) {
        self.spent = self.spent.saturating_sub(CHECK_FACTOR.saturating_mul(bytes as u64));
    }

    /// Gives up bytes after those given up before.
    pub(super) fn give_up(&mut self, bytes: usize) {
        let from = self.from.saturating_sub(bytes);
        self.forget();
        self.from = from;
        self.flagged = None;
        self.lost += bytes;
        self.pay(bytes);
    }

    /// Notes why the bytes that are given up next are no frame.
    pub(super) fn blame(&mut self, error: Error, claimed: Option<usize>) {
        if self.error.is_none() {
            self.error = Some(error.at_offset(error.offset().saturating_add(self.lost as u32)));
        }
        if let (None, Some(claimed)) = (self.flush_at, claimed) {
            self.flush_at = Some(self.lost + claimed);
        }
    }

    /// Hands out the first `len` of the bytes given up.
    pub(super) fn bad(&mut self, len: usize) -> Step {
        let error = self.error.take().unwrap_or(Error::new(ErrorKind::Garbage, 0, &FRAME));
        self.lost = self.lost.saturating_sub(len);
        self.flush_at = self.flush_at.and_then(|at| at.checked_sub(len)).filter(|at| *at > 0);
        Step::Bad { error, len, fatal: false }
    }

    /// The bytes given up, once they are to become an item.
    pub(super) fn flush(&mut self) -> Option<Step> {
        let limit = Self::limit();
        match self.flush_at {
            Some(at) if at <= self.lost && at <= limit => Some(self.bad(at)),
            _ if self.lost >= limit => Some(self.bad(limit)),
            _ => None,
        }
    }

    /// The bytes given up before the frame that was found, then that.
    pub(super) fn before_confirmed(&mut self) -> Step {
        if let Some(step) = self.flush() {
            return step;
        }
        if self.lost > 0 {
            return self.bad(self.lost);
        }
        match self.confirmed.take() {
            Some(found) => self.frame(found),
            None => self.need(1),
        }
    }

    /// Nothing tells where the next frame is.
    fn end(&mut self, error: Error, len: usize) -> Step {
        self.dead = true;
        let len = len + self.lost;
        let error = self.error.take().unwrap_or(error);
        self.lost = 0;
        Step::Bad { error, len, fatal: true }
    }

    pub(super) fn attempt(&mut self, index: u8, rest: &[u8]) -> Attempt {
        let Some(kind) = F::KINDS.get(usize::from(index)) else {
            return Attempt::Bad(Error::new(ErrorKind::Garbage, 0, &FRAME), None);
        };
        match kind.framing {
            Framing::Bare { max, .. } => self.sized(index, kind, max, rest),
            Framing::Delimited { start, end, line, max, .. } => {
                self.delimited(start.len(), end, line, max, rest)
            }
            Framing::Flag { flag, max, .. } => {
                let opening = usize::from(!self.shared);
                match self.delimited(opening, &[flag], false, max.saturating_add(2), rest) {
                    // Of two flags the second may open the frame.
                    Attempt::Empty(_) => Attempt::Empty(1),
                    attempt => attempt,
                }
            }
            Framing::Datagram { max, .. } if rest.len() > max => {
                Attempt::Bad(Error::new(ErrorKind::TooLong, max as u32, &FRAME), Some(rest.len()))
            }
            Framing::Datagram { .. } => Attempt::Frame(0, rest.len(), rest.len()),
        }
    }

    /// A frame whose fields say where it ends.
    fn sized(&mut self, index: u8, kind: &FrameKind, max: usize, rest: &[u8]) -> Attempt {
        let too_long = Error::new(ErrorKind::TooLong, 0, &FRAME);
        if self.total == 0 {
            let most = self.is_dear().then_some(CHECK_FACTOR as usize);
            let proof = Proof { accept_bad: self.accept_bad, most, ..Proof::default() };
            let mut proof = proof;
            let (sizers, ctx) = (&mut self.sizers, self.ctx);
            let (mut size, visited, split) = size_in_blocks(kind, (rest, max), &mut proof, |c| {
                F::size(usize::from(index), sizers, c, ctx)
            });
            self.visited += visited;
            let Proof { checked, claimed, perhaps, .. } = proof;
            self.may_be_whole = perhaps.is_some();
            if let (Err(Halt::Need(_)), Some(whole)) = (&size, perhaps.filter(|_| self.ended || self.paused))
            {
                size = Ok(whole);
            }
            self.checked += checked;
            self.spent += checked;
            if let (Ok(size), Some(of), Some(split)) = (&mut size, kind.stream, split) {
                let kept = split.head.saturating_add(split.len.min(of.chunk)).saturating_add(of.tail);
                if kept > max {
                    return Attempt::Bad(too_long, None);
                }
                if split.len > of.chunk {
                    self.split = Some(split);
                    *size = split.head;
                }
            }
            match size {
                Ok(0) => return Attempt::Bad(Error::new(ErrorKind::Length, 0, &FRAME), None),
                Ok(size) if size > max => return Attempt::Bad(too_long, None),
                Ok(size) => self.total = size,
                Err(Halt::Need(more)) if rest.len().saturating_add(more) > max => {
                    return Attempt::Bad(too_long, None);
                }
                Err(Halt::Need(more)) => return Attempt::Need(more),
                Err(Halt::Bad(error)) => return Attempt::Bad(error, claimed),
            }
        }
        let Some(frame) = rest.get(..self.total) else { return Attempt::Need(self.total - rest.len()) };
        self.verified = false;
        if self.split.is_some() {
            // Everything before the payload is right, as far as that tells.
            return Attempt::Frame(0, self.total, self.total);
        }
        for constant in kind.constants {
            if let Some(at) = constant.differs(frame) {
                let error = Error::new(ErrorKind::Constant, at as u32, constant.info);
                return Attempt::Bad(error, Some(frame.len()));
            }
        }
        if kind.is_verified() {
            if self.is_dear() {
                let at = kind.check.as_ref().map_or(&FRAME, |check| check.at);
                return Attempt::Dear(Error::new(ErrorKind::Checksum, 0, at), frame.len());
            }
            self.checked += frame.len() as u64;
            match verify(kind, frame) {
                Some(Err(error)) if error.kind() == ErrorKind::Checksum && self.accept_bad => {}
                Some(Err(error)) => {
                    self.spent += frame.len() as u64;
                    return Attempt::Bad(error, Some(frame.len()));
                }
                _ => self.verified = true,
            }
        }
        Attempt::Frame(0, self.total, self.total)
    }

    /// A frame that begins with `opening` bytes and goes on to `end`.
    fn delimited(&mut self, opening: usize, end: &[u8], line: bool, max: usize, rest: &[u8]) -> Attempt {
        let from = self.from.max(opening);
        let unseen = rest.get(from..).unwrap_or(&[]);
        let found = find(end, unseen);
        self.visited += found.map_or(unseen.len(), |at| at + end.len()) as u64;
        let too_long = Error::new(ErrorKind::TooLong, 0, &FRAME);
        let Some(at) = found else {
            // What may be the beginning of the end is looked at again.
            self.from = rest.len().saturating_sub(overlap(end, unseen)).max(from.min(rest.len()));
            if rest.len() >= max {
                return Attempt::Bad(too_long, None);
            }
            return Attempt::Need(1);
        };
        let close = from + at;
        let next = close + end.len();
        if next > max {
            self.from = close;
            return Attempt::Bad(too_long, None);
        }
        let inner = rest.get(opening..close).unwrap_or(&[]);
        let inner = if line { inner.strip_suffix(b"\r").unwrap_or(inner) } else { inner };
        if inner.is_empty() {
            Attempt::Empty(next)
        } else {
            Attempt::Frame(opening, opening + inner.len(), next)
        }
    }

    /// A frame that will never be whole; another may begin within it.
    fn cut_short(&mut self, rest: &[u8]) {
        self.blame(Error::new(ErrorKind::Short, rest.len() as u32, &FRAME), None);
        let bytes = self.next_place(rest);
        self.give_up(bytes);
    }

    /// The end mark of frames of which only the end is marked.
    fn end_mark(kind: u8) -> Option<&'static [u8]> {
        match F::KINDS.get(usize::from(kind))?.framing {
            Framing::Delimited { start: [], end, .. } => Some(end),
            _ => None,
        }
    }

    /// Drops what follows of a frame that was too long, up to its end.
    fn drop_on(&mut self, buf: &[u8]) -> Step {
        let end = self.chosen.and_then(Self::end_mark).unwrap_or(&[]);
        let found = find(end, buf);
        self.visited += found.map_or(buf.len(), |at| at + end.len()) as u64;
        let bytes = match found {
            Some(at) => {
                self.dropping = false;
                self.forget();
                at + end.len()
            }
            None if self.ended => buf.len(),
            None => buf.len() - overlap(end, buf),
        };
        if bytes == 0 { self.need(1) } else { Step::Skip(bytes) }
    }
}

/// How many bytes at the end of `bytes` may be the beginning of `needle`.
pub(super) fn overlap(needle: &[u8], bytes: &[u8]) -> usize {
    let most = needle.len().saturating_sub(1).min(bytes.len());
    (1..=most).rev().find(|len| needle.get(..*len).is_some_and(|part| bytes.ends_with(part))).unwrap_or(0)
}

/// Where `needle` begins in `bytes`.
fn find(needle: &[u8], bytes: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let mut from = 0;
    loop {
        let at = from + memchr(first, bytes.get(from..)?)?;
        if bytes.get(at..)?.starts_with(needle) {
            return Some(at);
        }
        from = at + 1;
    }
}

impl<F: Frames> Scanner for FrameScan<F> {
    const FRONT: bool = whole::tells(F::KINDS, F::SKIP);

    #[inline]
    fn front(&mut self, buf: &[u8]) -> Front {
        self.at_front(buf)
    }

    fn scan(&mut self, buf: &[u8]) -> Step {
        if Self::FRONT
            && let Some(step) = self.whole(buf)
        {
            return step;
        }
        if self.confirmed.is_some() {
            return self.before_confirmed();
        }
        if self.dead {
            return if buf.is_empty() { Step::Need(1) } else { Step::Skip(buf.len()) };
        }
        if self.dropping {
            return self.drop_on(buf);
        }
        if self.lost == 0 && self.chosen.is_none() && !F::SKIP.is_empty() {
            let idle = buf.iter().take_while(|byte| F::SKIP.contains(byte)).count();
            if idle > 0 {
                self.visited += idle as u64;
                return Step::Skip(idle);
            }
        }
        loop {
            if self.lost > 0 && self.chosen.is_none() && self.all_checked() {
                return self.resync(buf);
            }
            if let Some(step) = self.flush() {
                return step;
            }
            let rest = buf.get(self.lost..).unwrap_or(&[]);
            if rest.is_empty() {
                if self.ended && self.lost > 0 {
                    return self.bad(self.lost);
                }
                return self.need(1);
            }
            let kind = match self.chosen.map_or_else(|| self.choose(rest), |kind| Ok(Some(kind))) {
                Ok(Some(kind)) => kind,
                // What could become one kind is another when nothing follows.
                Err(_) if self.ended && self.try_next(None, rest) == Next::Chosen => continue,
                Err(_) if self.ended => {
                    self.cut_short(rest);
                    continue;
                }
                Err(more) => return self.need(more),
                Ok(None) => {
                    let error = Error::new(ErrorKind::Garbage, 0, &FRAME);
                    if F::CLOSE {
                        return self.end(error, 1);
                    }
                    self.blame(error, None);
                    let bytes = self.next_place(rest);
                    self.give_up(bytes);
                    continue;
                }
            };
            self.chosen = Some(kind);
            let attempt = self.attempt(kind, rest);
            let mut attempt = self.behind(kind, rest, attempt);
            if matches!(attempt, Attempt::Bad(..)) || (self.ended && matches!(attempt, Attempt::Need(_))) {
                match self.try_next(Some(kind), rest) {
                    Next::Chosen => continue,
                    Next::Need(more) => attempt = Attempt::Need(more),
                    Next::None => {}
                }
            }
            match attempt {
                Attempt::Need(_) if self.ended => self.cut_short(rest),
                Attempt::Need(more) => return self.need(more),
                Attempt::Frame(start, end, next) => {
                    if self.lost == 0 {
                        return self.frame((start, end, next));
                    }
                    self.confirmed = Some((start, end, next));
                    return self.bad(self.lost);
                }
                Attempt::Empty(bytes) if self.lost == 0 => {
                    self.forget();
                    return Step::Skip(bytes);
                }
                Attempt::Empty(bytes) => self.give_up(bytes),
                Attempt::Dear(error, bytes) => {
                    self.blame(error, Some(bytes));
                    self.give_up(bytes);
                }
                Attempt::Bad(error, claimed) => {
                    if F::CLOSE || !F::KINDS.get(usize::from(kind)).is_some_and(FrameKind::recovers) {
                        return self.end(error, claimed.unwrap_or(1).min(rest.len()));
                    }
                    if let (0, Some(end)) = (self.lost, Self::end_mark(kind)) {
                        // Where it ends the next one begins: nowhere before.
                        let max = F::KINDS.get(usize::from(kind)).map_or(1, |kind| kind.framing.max());
                        let bytes = rest.get(..max).unwrap_or(rest);
                        self.dropping = true;
                        return Step::Bad {
                            error,
                            len: (bytes.len() - overlap(end, bytes)).max(1),
                            fatal: false,
                        };
                    }
                    self.blame(error, claimed);
                    let bytes = match F::KINDS.get(usize::from(kind)).map(|kind| kind.framing) {
                        Some(Framing::Datagram { .. }) => rest.len(),
                        _ => self.next_place(rest),
                    };
                    self.give_up(bytes);
                }
            }
        }
    }

    fn finish(&mut self, buf: &[u8]) -> Step {
        self.ended = true;
        self.scan(buf)
    }

    fn pause(&mut self, buf: &[u8]) -> Step {
        self.without_more(buf)
    }

    fn may_pause(&self) -> bool {
        (Self::waits() && !self.dead && !self.dropping) || self.may_be_whole || self.may_hold_one()
    }

    fn want(&mut self, _: usize, input: &[u8]) -> usize {
        let framing = self.chosen.and_then(|kind| F::KINDS.get(usize::from(kind))).map(|kind| kind.framing);
        match framing {
            None if self.trials.is_some() => input.len().min(256),
            // Where the end is only the search tells: not byte by byte.
            Some(Framing::Flag { .. } | Framing::Delimited { .. }) => input.len().min(256),
            _ => self.need.min(input.len()),
        }
    }

    fn within(&mut self, wire: &[u8], sound: &mut dyn FnMut() -> bool) -> Option<usize> {
        self.stands_within(wire, sound)
    }

    fn grows(&mut self, have: usize, input: &[u8]) -> bool {
        let ([byte], Some(kind)) = (input, self.chosen.and_then(|kind| F::KINDS.get(usize::from(kind))))
        else {
            return false;
        };
        let (end, max) = match kind.framing {
            Framing::Flag { flag, max, .. } => (Some(flag), max),
            Framing::Delimited { end, max, .. } => (end.first().copied(), max),
            Framing::Bare { .. } | Framing::Datagram { .. } => return false,
        };
        let within = self.from == have && self.lost == 0 && !self.dropping && self.confirmed.is_none();
        if !within || have + 1 >= max || end == Some(*byte) {
            return false;
        }
        self.visited += 1;
        self.from += 1;
        true
    }

    fn in_frame(&self) -> bool {
        self.chosen.is_some() && !self.dropping
    }

    fn holds_garbage(&self) -> bool {
        self.lost > 0
    }

    fn verified(&self) -> bool {
        self.verified
    }

    fn kind(&self) -> usize {
        usize::from(self.kind)
    }

    fn accept_bad(&mut self, accept: bool) {
        self.accept_bad = accept;
    }

    fn split(&mut self) -> Option<Split> {
        self.split.take()
    }

    fn broke(&mut self) -> bool {
        self.dead |= F::CLOSE;
        F::CLOSE
    }

    fn go_on(&mut self) {
        self.greeted = true;
    }

    fn read_as(&mut self, role: Role) {
        self.role = role;
    }

    fn visited(&self) -> u64 {
        self.visited
    }
}
