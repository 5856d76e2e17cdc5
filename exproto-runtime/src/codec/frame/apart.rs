//! Whether the kinds of frames of one port can be told apart, for the compiler.

use super::{FrameKind, Framing};

/// Whether a frame of the kind `later` is found although `earlier` is tried
/// first: their leading bytes differ, or `earlier` is a special case of
/// `later`. Of frames that only a device reads, which tries the next kind after
/// one that failed, `certain` says that `earlier` takes whatever comes; `equal`
/// that both always have the same size, so that nothing else may follow one of
/// them than follows the other.
#[must_use]
pub const fn kinds_apart(earlier: &FrameKind, later: &FrameKind, certain: bool, equal: bool) -> bool {
    // A hello is looked for once. What the sides send are two streams.
    if earlier.first != later.first || earlier.sent != later.sent || earlier.chosen {
        return true;
    }
    if earlier.followed && !(equal && earlier.check.is_none()) {
        return true;
    }
    let (narrow, wide) = (covers(later, earlier), covers(earlier, later));
    if earlier.sent {
        // A device looks for frames without leading bytes last.
        let takes_all = certain && earlier.check.is_none() && !earlier.proven && earlier.constants.is_empty();
        return !(wide && takes_all) || (earlier.lead.0.is_empty() && !later.lead.0.is_empty());
    }
    !overlap(earlier, later) || narrow && !wide
}

/// Whether what follows a frame can tell that it is one: the frame says itself
/// how long it is, and no kind that may follow begins with any byte.
#[must_use]
pub const fn followers_tell(kind: &FrameKind, kinds: &[FrameKind]) -> bool {
    if !matches!(kind.framing, Framing::Bare { .. }) {
        return false;
    }
    let mut i = 0;
    while i < kinds.len() {
        let (mut byte, mut any) = (0_u16, true);
        while byte < 0x100 {
            any &= holds(ranges(&kinds[i], 0), byte as u8);
            byte += 1;
        }
        if any && !kinds[i].first && kinds[i].sent == kind.sent {
            return false;
        }
        i += 1;
    }
    true
}

/// The ranges of the leading byte `at`.
const fn ranges(kind: &FrameKind, at: usize) -> &'static [(u8, u8)] {
    if at < kind.lead.0.len() { kind.lead.0[at] } else { &[(0, 0xFF)] }
}

const fn longer(a: &FrameKind, b: &FrameKind) -> usize {
    if a.lead.0.len() > b.lead.0.len() { a.lead.0.len() } else { b.lead.0.len() }
}

const fn holds(ranges: &[(u8, u8)], byte: u8) -> bool {
    let mut i = 0;
    while i < ranges.len() {
        if ranges[i].0 <= byte && byte <= ranges[i].1 {
            return true;
        }
        i += 1;
    }
    false
}

/// Whether some bytes begin both.
const fn overlap(a: &FrameKind, b: &FrameKind) -> bool {
    let mut at = 0;
    while at < longer(a, b) {
        let (mut byte, mut both) = (0_u16, false);
        while byte < 0x100 {
            both |= holds(ranges(a, at), byte as u8) && holds(ranges(b, at), byte as u8);
            byte += 1;
        }
        if !both {
            return false;
        }
        at += 1;
    }
    true
}

/// Whether whatever begins `inner` begins `outer`.
const fn covers(outer: &FrameKind, inner: &FrameKind) -> bool {
    let mut at = 0;
    while at < longer(outer, inner) {
        let mut byte = 0_u16;
        while byte < 0x100 {
            if holds(ranges(inner, at), byte as u8) && !holds(ranges(outer, at), byte as u8) {
                return false;
            }
            byte += 1;
        }
        at += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::frame::{Framing, Lead};

    const fn kind(lead: &'static [&'static [(u8, u8)]]) -> FrameKind {
        FrameKind::new(Framing::Bare { escape: None, max: 9 }).led(Lead(lead))
    }

    const ANY: FrameKind = kind(&[]);
    const A: FrameKind = kind(&[&[(1, 1)]]);
    const AB: FrameKind = kind(&[&[(1, 1)], &[(2, 2)]]);
    const XB: FrameKind = kind(&[&[(0, 0xFF)], &[(2, 2)]]);
    const C: FrameKind = kind(&[&[(3, 4), (6, 6)]]);

    #[test]
    fn what_comes_first_is_a_special_case() {
        for (earlier, later, apart) in [
            (A, C, true),
            (C, A, true),
            (AB, A, true),
            (A, AB, false),
            (A, A, false),
            (A, ANY, true),
            (ANY, A, false),
            (ANY, ANY, false),
            // 01 02 could be both.
            (A, XB, false),
            (XB, A, false),
            (AB, XB, true),
            (A.first(), A, true),
            (A.first(), A.first(), false),
            (ANY.sent(), A, true),
            (A, A.sent(), true),
            (A.followed(), A, true),
            (A, A.followed(), false),
            (A.chosen(), A, true),
            (A, A.chosen(), false),
        ] {
            assert_eq!(kinds_apart(&earlier, &later, true, false), apart, "{earlier:?} {later:?}");
        }
    }

    #[test]
    fn what_follows_tells_sizes_apart_and_nothing_else() {
        assert!(!kinds_apart(&A.followed(), &A, true, true));
        assert!(followers_tell(&A.followed(), &[A.followed(), C]));
        assert!(followers_tell(&A.followed(), &[A.followed(), ANY.first(), ANY.sent()]));
        assert!(!followers_tell(&A.followed(), &[A.followed(), ANY]));
        assert!(!followers_tell(&A.followed(), &[A.followed(), XB]));
        let marked = FrameKind::new(Framing::Datagram { escape: None, max: 9 }).led(A.lead).followed();
        assert!(!followers_tell(&marked, &[marked]));
    }

    #[test]
    fn a_device_tries_on() {
        for (earlier, later, certain, apart) in [
            (ANY, ANY, true, false),
            (ANY, ANY, false, true),
            (ANY, A, true, true),
            (A, A, true, false),
            (A, A, false, true),
            (A, XB, true, true),
            (A, AB, true, false),
        ] {
            assert_eq!(
                kinds_apart(&earlier.sent(), &later.sent(), certain, false),
                apart,
                "{earlier:?} {later:?}"
            );
        }
    }
}
