//! A frame within bytes that are none: the delimiter that should have ended
//! what stands before it was lost.

use alloc::vec::Vec;
use core::iter;

use super::{FrameKind, Framing, Scanner};

/// The most places within one frame where another is looked for, so that each
/// byte is looked at a limited number of times.
const MOST: usize = 16;

/// Where in `wire`, which begins with a start mark and whose content ends at
/// `end`, a sound frame begins if the whole is none.
pub(super) fn lost_end(kind: &FrameKind, wire: &[u8], end: usize, scratch: &mut Vec<u8>) -> Option<usize> {
    let Framing::Delimited { start, .. } = kind.framing else { return None };
    let opening = start.len();
    if opening == 0 {
        return None;
    }
    let mut within = memchr::memmem::find_iter(wire.get(opening..end)?, start).map(|at| opening + at);
    // Most frames hold no start mark.
    let first = within.next()?;
    let mut sound = |at: usize| wire.get(at + opening..end).is_some_and(|inner| sound(kind, inner, scratch));
    if sound(0) {
        return None;
    }
    iter::once(first).chain(within.take(MOST - 1)).find(|at| sound(*at))
}

/// The same of a frame of any kind: one of its own kind, or of another that the
/// scanner knows, whichever comes first.
pub(super) fn another<S: Scanner>(
    scan: &mut S,
    kind: &FrameKind,
    wire: &[u8],
    (from, end): (usize, usize),
    scratch: &mut Vec<u8>,
) -> Option<usize> {
    let own = lost_end(kind, wire, end, scratch);
    let other = match kind.framing {
        Framing::Delimited { .. } => {
            let wire = wire.get(..own.unwrap_or(wire.len()))?;
            let inner = wire.get(from..end).filter(|_| own.is_none());
            scan.within(wire, &mut || inner.is_some_and(|inner| sound(kind, inner, scratch)))
        }
        _ => None,
    };
    other.or(own)
}

/// Whether the bytes between delimiters are a frame as far as that is known
/// without decoding.
pub(super) fn sound(kind: &FrameKind, inner: &[u8], scratch: &mut Vec<u8>) -> bool {
    let mut payload = inner;
    if let Some(stuffing) = kind.framing.stuffing().filter(|stuffing| stuffing.occurs_in(inner)) {
        scratch.clear();
        if stuffing.remove(inner, scratch).is_err() {
            return false;
        }
        payload = scratch;
    }
    !payload.is_empty() && kind.check.as_ref().is_none_or(|check| check.verify(payload).is_ok())
}
