//! Frames of other kinds within what was taken for a frame between delimiters:
//! its end was lost, and the next end is that of a later frame.

use super::restart::sound;
use super::resync::Trial;
use super::seek::FrameScan;
use super::{FrameKind, Frames, Framing};

impl<F: Frames> FrameScan<F> {
    /// Whether a right checksum tells a frame of this kind from other bytes.
    const fn told(kind: &FrameKind) -> bool {
        let checked = kind.check.is_some() || kind.proven;
        checked
            && kind.stream.is_none()
            && !kind.followed
            && !kind.first
            && !kind.lead.0.is_empty()
            && matches!(kind.framing, Framing::Bare { .. } | Framing::Delimited { .. })
    }

    const fn any_told() -> bool {
        let mut at = 0;
        while at < F::KINDS.len() {
            if Self::told(&F::KINDS[at]) {
                return true;
            }
            at += 1;
        }
        false
    }

    /// The first place behind the beginning of `wire` where a whole frame begins
    /// that a checksum tells, unless `wire` is one.
    pub(super) fn stands_within(&mut self, wire: &[u8], whole: &mut dyn FnMut() -> bool) -> Option<usize> {
        if F::KINDS.len() < 2 || F::CLOSE || self.accept_bad || !const { Self::any_told() } || self.is_dear()
        {
            return None;
        }
        let own = self.kind;
        let mut looked = false;
        for at in 1..wire.len() {
            let rest = wire.get(at..)?;
            for (index, kind) in F::KINDS.iter().enumerate() {
                let index = u8::try_from(index).ok()?;
                let begins = rest.first().is_some_and(|first| kind.lead.begins(*first))
                    && kind.lead.matches(rest) == Ok(true);
                if index == own
                    || !begins
                    || !Self::told(kind)
                    || self.rank(usize::from(index), kind).is_none()
                {
                    continue;
                }
                if !looked {
                    looked = true;
                    self.spent += wire.len() as u64;
                    self.checked += wire.len() as u64;
                    if whole() {
                        return None;
                    }
                }
                if self.is_dear() {
                    return None;
                }
                if self.whole_at(index, kind, rest) {
                    return Some(at);
                }
            }
        }
        None
    }

    /// Whether a sound frame of this kind stands at the front of `rest`.
    fn whole_at(&mut self, index: u8, kind: &FrameKind, rest: &[u8]) -> bool {
        match kind.framing {
            Framing::Delimited { start, end, max, .. } => {
                let Some(inner) = rest.strip_prefix(start) else { return false };
                let inner = inner.get(..max.saturating_sub(start.len())).unwrap_or(inner);
                let found = memchr::memmem::find(inner, end);
                // A look that finds nothing costs as much.
                let cost = found.unwrap_or(inner.len()) as u64;
                self.visited += cost;
                self.checked += cost;
                self.spent += cost;
                let Some(size) = found else { return false };
                let mut scratch = alloc::vec::Vec::new();
                inner.get(..size).is_some_and(|inner| sound(kind, inner, &mut scratch))
            }
            _ => self.is_whole(&mut Trial::of(index, rest.len().min(1)), rest),
        }
    }
}
