//! Frames that are in hand as a whole: the way of most frames.

use alloc::vec::Vec;

use memchr::{memchr, memchr2};

use super::item::kind_at;
use super::seek::FrameScan;
use super::{Cursor, Deframer, Escape, FrameKind, Frames, Framing, Item, RawFrame, Scanner, Step, Stuffing};
use crate::codec::layout::Protocol;
use crate::codec::trace::Flags;

/// What stands around and within the frames of a stream with one kind of them,
/// which can be written in one form only.
#[derive(Clone, Copy)]
pub(super) struct Marks {
    pub(super) flag: u8,
    escape: Option<&'static Escape>,
    max: usize,
}

/// What stands behind an opening flag.
pub(super) enum Whole<'i> {
    /// A frame: its bytes, the last of which is its closing flag, its payload,
    /// and what follows.
    Clean { wire: &'i [u8], payload: &'i [u8], rest: &'i [u8] },
    /// A frame whose payload is in the scratch.
    Escaped { wire: &'i [u8], rest: &'i [u8] },
    /// No whole and right frame.
    Not {
        /// So many bytes were looked at and are no flag.
        looked: usize,
        /// One of them is an escape.
        escaped: bool,
    },
}

impl Marks {
    pub(super) const fn of(kinds: &[FrameKind]) -> Option<Self> {
        let [kind] = kinds else { return None };
        match kind.framing {
            Framing::Flag { flag, escape: None, max } => Some(Self { flag, escape: None, max }),
            Framing::Flag { flag, escape: Some(Stuffing::Escape(escape)), max }
                if kind.framing.has_one_form() =>
            {
                Some(Self { flag, escape: Some(escape), max })
            }
            _ => None,
        }
    }

    /// Looks for a frame in `inner`, which stands behind a flag.
    #[inline(always)]
    pub(super) fn whole<'i, P: Protocol>(self, inner: &'i [u8], scratch: &mut Vec<u8>) -> Whole<'i> {
        let found = match self.escape {
            // One pass for both: most frames have no escape.
            Some(escape) => memchr2(self.flag, escape.byte, inner),
            None => memchr(self.flag, inner),
        };
        let Some(looked) = found else { return Whole::Not { looked: inner.len(), escaped: false } };
        let (payload, behind) = inner.split_at_checked(looked).unwrap_or((inner, &[]));
        match behind.split_first() {
            Some((byte, rest)) if self.escape.is_none() || *byte == self.flag => {
                if looked.wrapping_sub(1) < self.max && is_right::<P>(payload) {
                    let wire = inner.get(..looked + 1).unwrap_or(inner);
                    return Whole::Clean { wire, payload, rest };
                }
                Whole::Not { looked, escaped: false }
            }
            _ => unescaped::<P>(inner, looked, scratch),
        }
    }
}

/// The frame in `inner`, in which the first escape stands `at`.
#[inline(never)]
fn unescaped<'i, P: Protocol>(inner: &'i [u8], at: usize, scratch: &mut Vec<u8>) -> Whole<'i> {
    // Not an argument: where it is a constant, so is the table of codes.
    let Some(Marks { flag, escape: Some(escape), max }) = (const { Marks::of(P::KINDS) }) else {
        return Whole::Not { looked: at, escaped: true };
    };
    scratch.clear();
    match escape.remove_until(flag, inner, at, scratch) {
        Ok(end) if end <= max && is_right::<P>(scratch) => {
            let (wire, rest) = inner.split_at_checked(end + 1).unwrap_or((inner, &[]));
            Whole::Escaped { wire, rest }
        }
        Ok(looked) | Err(looked) => Whole::Not { looked, escaped: true },
    }
}

/// Whether the checksum, if it can be verified here, is right.
#[inline(always)]
fn is_right<P: Protocol>(payload: &[u8]) -> bool {
    kind_at::<P>(0).check.as_ref().is_none_or(|check| check.verify(payload).is_ok())
}

/// What stands at the front of a stream.
#[derive(Clone, Copy, Debug)]
pub enum Front {
    /// A frame of so many bytes, with the right checksum.
    Frame(usize),
    /// The beginning of one that lacks so many.
    Need(usize),
    /// What only a closer look tells.
    Other,
}

/// Whether the leading bytes, the size and the checksum of a frame are all there is
/// to its search.
pub(super) const fn tells(kinds: &[FrameKind], skip: &[u8]) -> bool {
    match kinds {
        [kind] => {
            let bare = matches!(kind.framing, Framing::Bare { escape: None, .. });
            bare && kind.stream.is_none() && !kind.followed && skip.is_empty()
        }
        _ => false,
    }
}

impl<F: Frames> FrameScan<F> {
    /// The frame at the front, if it is there as a whole and right and nothing is
    /// given up: the way of most frames, without all that is to be known of others.
    /// Else nothing has changed, but that what was looked at is known to have been.
    #[inline]
    pub(super) fn whole(&mut self, buf: &[u8]) -> Option<Step> {
        match self.at_front(buf) {
            Front::Frame(size) => Some(Step::Frame { start: 0, end: size, next: size }),
            Front::Need(more) => Some(Step::Need(more)),
            Front::Other => None,
        }
    }

    #[inline]
    pub(super) fn at_front(&mut self, buf: &[u8]) -> Front {
        let [kind] = F::KINDS else { return Front::Other };
        let Framing::Bare { max, .. } = kind.framing else { return Front::Other };
        let calm = self.lost == 0 && self.spent == 0 && self.confirmed.is_none();
        let goes_on = !self.ended && !self.paused && !self.dead;
        if !calm || !goes_on || self.accept_bad || self.refused {
            return Front::Other;
        }
        let size = match self.chosen {
            None => match self.size_at_front(kind, max, buf) {
                Ok(size) => size,
                Err(other) => return other,
            },
            // Where it ends is known since its beginning came.
            Some(_) if self.total > 0 => self.total,
            Some(_) => return Front::Other,
        };
        let Some(frame) = buf.get(..size) else {
            self.need = size - buf.len();
            return Front::Need(self.need);
        };
        let right = kind.constants.iter().all(|constant| constant.differs(frame).is_none())
            && kind.check.as_ref().is_none_or(|check| check.verify(frame).is_ok());
        if !right {
            self.refused = true;
            return Front::Other;
        }
        if self.chosen.is_some() {
            self.forget();
        }
        self.verified = kind.check.is_some();
        self.checked += if self.verified { size as u64 } else { 0 };
        (self.kind, self.greeted, self.flagged, self.split) = (0, true, None, None);
        Front::Frame(size)
    }

    /// The size of a frame of which nothing was looked at before.
    #[inline(always)]
    fn size_at_front(&mut self, kind: &FrameKind, max: usize, buf: &[u8]) -> Result<usize, Front> {
        let lead = kind.lead.0.len();
        if self.seen > 0 || buf.len() < lead || !kind.lead.agrees(0, buf) || self.rank(0, kind) != Some(0) {
            return Err(Front::Other);
        }
        let mut sizers = F::Sizers::default();
        let mut c = Cursor::new(buf, max);
        match F::size(0, &mut sizers, &mut c, self.ctx) {
            Ok(size) if size > 0 && size <= max => {
                self.visited += (lead as u64) + c.visited();
                self.checked += c.checked();
                if size > buf.len() {
                    (self.chosen, self.seen, self.total) = (Some(0), lead, size);
                }
                Ok(size)
            }
            _ => Err(Front::Other),
        }
    }
}

impl<P: Protocol> Deframer<P> {
    /// The whole frame that stands in `input` between its opening flag and `rest`.
    #[inline(always)]
    pub(super) fn take_whole<'d, 'i: 'd>(
        &mut self,
        wire: &'d [u8],
        payload: &'d [u8],
        rest: &'i [u8],
        input: &mut &'i [u8],
    ) -> Item<'d> {
        let offset = self.offset + 1;
        self.scan.took();
        self.offset = offset + wire.len() as u64;
        *input = rest;
        let (flags, accept_bad, kind, piece) = (Flags::NONE, self.accept_bad, 0, None);
        Item::Frame(RawFrame { wire, payload, offset, flags, accept_bad, kind, piece })
    }

    /// The frame of so many bytes at the front of `input`, which is right.
    #[inline(always)]
    pub(super) fn take_front<'d, 'i: 'd>(&mut self, size: usize, input: &mut &'i [u8]) -> Option<Item<'d>> {
        let (wire, rest) = input.split_at_checked(size)?;
        *input = rest;
        let offset = self.offset;
        self.advance(size);
        let (flags, accept_bad, kind, piece) = (Flags::NONE, self.accept_bad, 0, None);
        Some(Item::Frame(RawFrame { wire, payload: wire, offset, flags, accept_bad, kind, piece }))
    }

    /// Keeps the beginning of a frame that lacks so many bytes.
    #[inline(never)]
    pub(super) fn keep_front(&mut self, more: usize, input: &mut &[u8]) {
        self.append(input);
        self.need = u32::try_from(more).unwrap_or(0);
        *input = &[];
    }

    /// Keeps `input` if it only goes on with what is kept, and nothing is to be
    /// looked at before more comes.
    #[inline]
    pub(super) fn keeps(&mut self, input: &mut &[u8]) -> bool {
        let have = self.pending.len() - self.head;
        if have == 0 {
            return false;
        }
        if input.len() < self.need as usize {
            self.need -= input.len() as u32;
        } else if self.need != 1 || !self.scan.grows(have, input) {
            return false;
        }
        self.pending.extend_from_slice(input);
        *input = &[];
        true
    }
}
