//! Which of the kinds of frames of a port begins at a place: by its leading
//! bytes, and where these leave several, by what follows the frame.
//!
//! Of a kind that is marked [`followed`](FrameKind::followed) a frame is one if
//! bytes that mean nothing and then the leading bytes of some kind, or the end of
//! all bytes, stand behind it; else the next kind is tried. Where the connection
//! leaves only one kind that begins so, nothing has to follow. What decides is waited
//! for, so that the same frames are found however the stream is cut.

use memchr::memchr;

use super::seek::{Attempt, FrameScan};
use super::{FRAME, FrameKind, Frames, Role, Scanner, Step};
use crate::codec::error::{Error, ErrorKind};

/// Bytes without meaning behind a frame that are looked at to tell what
/// follows; more of them follow no other kind.
const MOST_SKIPPED: usize = 16;

/// Which kind is tried after one that failed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Chosen,
    /// So many bytes more tell.
    Need(usize),
    None,
}

/// What stands behind a frame.
enum Behind {
    /// What may stand there.
    Fits,
    Other,
    /// So many bytes more tell.
    Need(usize),
}

impl<F: Frames> FrameScan<F> {
    /// When a kind is tried, the lowest rank first; `None` if it is not looked
    /// for.
    #[inline]
    pub(super) fn rank(&self, index: usize, kind: &FrameKind) -> Option<u8> {
        self.role.rank(kind, self.greeted).filter(|_| F::wanted(index, self.ctx))
    }

    /// Which kind begins with these bytes; `Err` if more are needed to tell.
    pub(super) fn choose(&mut self, rest: &[u8]) -> Result<Option<u8>, usize> {
        let mut furthest = self.seen;
        if self.seen == 0 {
            self.open = u16::MAX;
        }
        let mut found = Ok(None);
        let ranks = if self.role == Role::Platform { 1 } else { Role::RANKS };
        let ranked = (0..ranks).flat_map(|rank| F::KINDS.iter().enumerate().map(move |kind| (rank, kind)));
        for (rank, (index, kind)) in ranked {
            let bit = 1 << index;
            if self.open & bit == 0 || self.rank(index, kind) != Some(rank) {
                continue;
            }
            let (bytes, until) = (rest.get(self.seen..).unwrap_or(&[]), kind.lead.0.len());
            furthest = furthest.max(until.min(rest.len()));
            if !kind.lead.agrees(self.seen, bytes) {
                self.open &= !bit;
            } else if matches!(found, Ok(None)) {
                // An earlier kind that is still possible comes first.
                found = match until.saturating_sub(rest.len()) {
                    0 => Ok(u8::try_from(index).ok()),
                    more => Err(more),
                };
            }
        }
        self.visited += (furthest - self.seen) as u64;
        if let Ok(Some(_)) | Err(_) = found {
            self.seen = furthest;
            return found;
        }
        match self.flagged.filter(|_| self.lost == 0) {
            Some(kind) => {
                self.shared = true;
                Ok(Some(kind))
            }
            None => Ok(None),
        }
    }

    /// Bytes to the next place, at least one on, where a frame may begin.
    pub(super) fn next_place(&mut self, rest: &[u8]) -> usize {
        let within =
            self.flush_at.map_or(rest.len(), |at| at.saturating_sub(self.lost)).clamp(1, rest.len().max(1));
        let ahead = rest.get(1..within).unwrap_or(&[]);
        let found = match F::KINDS {
            [FrameKind { lead, .. }] if let Some(byte) = lead.only() => memchr(byte, ahead),
            kinds => ahead.iter().position(|byte| {
                let begins = |(index, kind): (usize, &FrameKind)| {
                    kind.lead.begins(*byte) && self.rank(index, kind).is_some()
                };
                kinds.iter().enumerate().any(begins)
            }),
        };
        self.visited += found.map_or(ahead.len(), |at| at + 1) as u64;
        found.map_or(within, |at| at + 1)
    }

    /// The next kind that the bytes may be after they were not the one that was
    /// tried: on the device's side, and after one that is `followed`.
    pub(super) fn try_next(&mut self, tried: Option<u8>, rest: &[u8]) -> Next {
        let kind = tried.and_then(|tried| F::KINDS.get(usize::from(tried)));
        if self.role == Role::Platform && !kind.is_some_and(|kind| kind.followed) {
            return Next::None;
        }
        let tried = tried.and_then(|tried| Some((self.rank(usize::from(tried), kind?)?, usize::from(tried))));
        let mut next = None;
        let mut more = None;
        for (index, kind) in F::KINDS.iter().enumerate() {
            let of = self.rank(index, kind).map(|rank| (rank, index));
            let Some(of) = of.filter(|of| tried.is_none_or(|tried| *of > tried)) else { continue };
            match kind.lead.matches(rest) {
                Ok(true) => next = Some(next.map_or(of, |next: (u8, usize)| next.min(of))),
                Err(bytes) if !self.ended && self.role == Role::Platform => {
                    more = Some(more.map_or(bytes, |more: usize| more.min(bytes)));
                }
                _ => {}
            }
        }
        match (next.and_then(|(_, index)| u8::try_from(index).ok()), more) {
            (Some(next), _) => {
                self.forget();
                self.chosen = Some(next);
                Next::Chosen
            }
            (None, Some(more)) => Next::Need(more),
            (None, None) => Next::None,
        }
    }

    /// Whether some kind waits for what follows its frames.
    pub(super) const fn waits() -> bool {
        let mut at = 0;
        while at < F::KINDS.len() {
            if F::KINDS[at].followed {
                return true;
            }
            at += 1;
        }
        false
    }

    /// A frame of a kind that is told by what follows is one only before that.
    #[inline]
    pub(super) fn behind(&mut self, kind: u8, rest: &[u8], attempt: Attempt) -> Attempt {
        let Attempt::Frame(_, _, next) = attempt else { return attempt };
        if self.split.is_some()
            || !const { Self::waits() }
            || !F::KINDS.get(usize::from(kind)).is_some_and(|kind| kind.followed)
        {
            return attempt;
        }
        let alone = F::KINDS.iter().enumerate().all(|(index, other)| {
            index == usize::from(kind)
                || other.lead.matches(rest) == Ok(false)
                || self.rank(index, other).is_none()
        });
        if alone {
            return attempt;
        }
        match self.what_follows(rest.get(next..).unwrap_or(&[])) {
            Behind::Fits => attempt,
            Behind::Need(more) => Attempt::Need(more),
            Behind::Other => Attempt::Bad(Error::new(ErrorKind::Garbage, next as u32, &FRAME), None),
        }
    }

    fn what_follows(&mut self, bytes: &[u8]) -> Behind {
        let over = self.ended || self.paused;
        let skipped = bytes.iter().take_while(|byte| F::SKIP.contains(byte)).take(MOST_SKIPPED).count();
        let rest = bytes.get(skipped..).unwrap_or(&[]);
        if skipped == MOST_SKIPPED || (rest.is_empty() && over) {
            return Behind::Fits;
        }
        let mut need = None;
        for (index, kind) in F::KINDS.iter().enumerate() {
            // A hello comes first, and follows nothing.
            if kind.first || self.rank(index, kind).is_none() {
                continue;
            }
            match kind.lead.matches(rest) {
                Ok(true) => return Behind::Fits,
                Ok(false) => {}
                Err(_) if over => return Behind::Fits,
                Err(more) => need = Some(need.map_or(more, |need: usize| need.min(more))),
            }
        }
        need.map_or(Behind::Other, Behind::Need)
    }

    /// Takes the frame at hand for whole, because nothing has come for a while.
    fn taken_for_whole(&mut self, buf: &[u8]) -> Step {
        let rest = buf.get(self.lost..).unwrap_or(&[]);
        let Some(kind) = self.chosen else { return self.need(1) };
        self.paused = true;
        let attempt = self.attempt(kind, rest);
        let attempt = self.behind(kind, rest, attempt);
        self.paused = false;
        match attempt {
            Attempt::Frame(start, end, next) if self.lost == 0 => self.frame((start, end, next)),
            Attempt::Frame(start, end, next) => {
                self.confirmed = Some((start, end, next));
                self.bad(self.lost)
            }
            // It is looked at again when more comes.
            _ => {
                self.total = 0;
                self.need(1)
            }
        }
    }

    /// Looks for a frame that ends with the bytes there are, because nothing has
    /// come for a while. What is none is looked at again when more comes.
    pub(super) fn without_more(&mut self, buf: &[u8]) -> Step {
        if self.confirmed.is_some() {
            return self.before_confirmed();
        }
        if self.may_be_whole {
            return self.taken_for_whole(buf);
        }
        if self.all_checked() {
            // Behind a frame that was found so there may be more.
            return match self.scan(buf) {
                Step::Need(_) if self.may_hold_one() => self.within_waiting(buf),
                step => step,
            };
        }
        if !const { Self::waits() } || self.dead || self.dropping {
            return Step::Need(1);
        }
        let rest = buf.get(self.lost..).unwrap_or(&[]);
        self.paused = true;
        let mut found = None;
        for (index, kind) in F::KINDS.iter().enumerate() {
            if !kind.followed || self.rank(index, kind).is_none() || kind.lead.matches(rest) != Ok(true) {
                continue;
            }
            let Ok(index) = u8::try_from(index) else { continue };
            self.forget();
            self.chosen = Some(index);
            let attempt = self.attempt(index, rest);
            if let Attempt::Frame(start, end, next) = self.behind(index, rest, attempt) {
                found = Some((start, end, next));
                break;
            }
        }
        self.paused = false;
        match found {
            None => {
                self.forget();
                self.need(1)
            }
            Some(found) if self.lost == 0 => self.frame(found),
            Some(found) => {
                self.confirmed = Some(found);
                self.bad(self.lost)
            }
        }
    }
}
