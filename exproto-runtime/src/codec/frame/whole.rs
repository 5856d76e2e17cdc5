//! Frames between flags that are in hand as a whole: the way of most frames.

use alloc::vec::Vec;

use memchr::{memchr, memchr2};

use super::item::kind_at;
use super::{Escape, FrameKind, Framing, Stuffing};
use crate::codec::layout::Protocol;

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
