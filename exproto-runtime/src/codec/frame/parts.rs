//! What has come of a message that is put together, and what has not.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::Range;

use crate::codec::layout::{Position, Segment};

/// One segment that has come.
#[derive(Debug)]
pub(super) struct Part {
    data: Box<[u8]>,
    /// Of the frame that carried it.
    hash: u64,
}

/// The segments of a message that have come.
#[derive(Debug)]
pub(super) enum Store {
    /// Each at its place, from the first on.
    Numbered { first: u32, parts: Vec<Option<Part>>, count: u32 },
    /// The bytes, which of them have come, in order and apart from each other,
    /// and the frames that brought them.
    Bytes { data: Vec<u8>, have: Vec<Range<u32>>, hashes: Vec<u64> },
}

/// A place of a segment that makes sense: what comes before it and how much
/// there is in all, in segments or in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) at: u32,
    pub(super) end: u32,
    pub(super) total: Option<u32>,
}

impl Slot {
    /// The slot of a segment, `None` for numbers that make no sense.
    pub(super) fn of(segment: &Segment<'_>) -> Option<Self> {
        let (at, more, total) = match segment.at {
            Position::Number { index, first, total } => (index.checked_sub(first)?, 1, total),
            Position::Byte { offset, size } => (offset, u32::try_from(segment.data.len()).ok()?, size),
        };
        let end = at.checked_add(more)?;
        (total.is_none_or(|total| end <= total)).then_some(Self { at, end, total })
    }
}

impl Store {
    pub(super) fn new(at: Position) -> Self {
        match at {
            Position::Number { first, .. } => Self::Numbered { first, parts: Vec::new(), count: 0 },
            Position::Byte { .. } => Self::Bytes { data: Vec::new(), have: Vec::new(), hashes: Vec::new() },
        }
    }

    /// Whether this is how the message is cut up.
    pub(super) fn is_cut_so(&self, at: Position) -> bool {
        match (self, at) {
            (Self::Numbered { first, .. }, Position::Number { first: other, .. }) => *first == other,
            (Self::Bytes { .. }, Position::Byte { .. }) => true,
            _ => false,
        }
    }

    /// The number of the first segment, as on the wire.
    pub(super) fn first(&self) -> u32 {
        match self {
            Self::Numbered { first, .. } => *first,
            Self::Bytes { .. } => 0,
        }
    }

    /// Where the last segment ends that has come.
    pub(super) fn end(&self) -> u32 {
        match self {
            Self::Numbered { parts, .. } => {
                let last = parts.iter().rposition(Option::is_some).map_or(0, |at| at + 1);
                u32::try_from(last).unwrap_or(u32::MAX)
            }
            Self::Bytes { have, .. } => have.last().map_or(0, |range| range.end),
        }
    }

    /// What it costs besides the data: a hostile number allocates nothing that
    /// no limit covers.
    pub(super) fn table(slot: Slot, at: Position) -> usize {
        match at {
            Position::Number { .. } => {
                let parts = slot.total.unwrap_or(slot.end) as usize;
                parts.saturating_mul(size_of::<Option<Part>>())
            }
            Position::Byte { .. } => slot.at as usize,
        }
    }

    /// Takes a segment in; whether it brings something new, and how many bytes
    /// more, or less, are kept now.
    pub(super) fn put(&mut self, slot: Slot, segment: &[u8], frame: u64) -> (bool, isize) {
        match self {
            Self::Numbered { parts, count, .. } => {
                let most = slot.total.unwrap_or(slot.end) as usize;
                let before = parts.len();
                if before < most {
                    parts.resize_with(most, || None);
                }
                let mut more = (parts.len() - before).saturating_mul(size_of::<Option<Part>>()) as isize;
                let Some(place) = parts.get_mut(slot.at as usize) else { return (false, more) };
                let old = place.replace(Part { data: segment.into(), hash: frame });
                more += segment.len() as isize - old.as_ref().map_or(0, |old| old.data.len()) as isize;
                *count += u32::from(old.is_none());
                (old.is_none(), more)
            }
            Self::Bytes { data, have, hashes } => {
                let before = data.len() + size_of_val(&have[..]) + size_of_val(&hashes[..]);
                let around = have.get(have.partition_point(|range| range.end < slot.end));
                let new = slot.at < slot.end && around.is_none_or(|range| slot.at < range.start);
                if data.len() < slot.end as usize {
                    data.resize(slot.end as usize, 0);
                }
                if let Some(place) = data.get_mut(slot.at as usize..slot.end as usize) {
                    place.copy_from_slice(segment);
                }
                if new {
                    merge(have, slot.at..slot.end);
                    hashes.push(frame);
                }
                let after = data.len() + size_of_val(&have[..]) + size_of_val(&hashes[..]);
                (new, after as isize - before as isize)
            }
        }
    }

    /// Whether all of it is there.
    pub(super) fn is_whole(&self, total: Option<u32>) -> bool {
        let Some(total) = total else { return false };
        match self {
            Self::Numbered { count, .. } => *count == total,
            Self::Bytes { have, .. } => match &have[..] {
                [] => total == 0,
                [all] => all.start == 0 && all.end == total,
                _ => false,
            },
        }
    }

    /// What the segments make together, and the frames that brought them.
    pub(super) fn join(self) -> (Vec<u8>, Vec<u64>) {
        match self {
            Self::Numbered { parts, .. } => {
                let size = parts.iter().flatten().map(|part| part.data.len()).sum();
                let mut body = Vec::with_capacity(size);
                let mut hashes = Vec::with_capacity(parts.len());
                for part in parts.into_iter().flatten() {
                    body.extend_from_slice(&part.data);
                    hashes.push(part.hash);
                }
                (body, hashes)
            }
            Self::Bytes { data, hashes, .. } => (data, hashes),
        }
    }
}

/// Adds a range to those that are there, in order and apart from each other.
fn merge(have: &mut Vec<Range<u32>>, new: Range<u32>) {
    let from = have.partition_point(|range| range.end < new.start);
    let to = have.partition_point(|range| range.start <= new.end);
    let Some(joined) = have.get(from..to.max(from)) else { return };
    let start = joined.first().map_or(new.start, |range| range.start.min(new.start));
    let end = joined.last().map_or(new.end, |range| range.end.max(new.end));
    have.splice(from..to.max(from), core::iter::once(start..end));
}

/// What has come of a message that is put together from segments, as the
/// functions of [`segment`](crate::doc::frame#segments-that-are-answered) and
/// [`missing`](crate::doc::frame#segments-that-are-missing) see it.
///
/// Numbers are those on the wire: of segments, or offsets of bytes where the
/// message is cut up so.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{Reassembler, ReassemblyLimits, Segment};
///
/// let mut reassembler = Reassembler::new(ReassemblyLimits::default());
/// for number in [1, 3] {
///     reassembler.add(0, Segment::numbered(7, number, 5, b"data"), b"frame").unwrap();
/// }
/// let parts = reassembler.parts(&Segment::numbered(7, 3, 5, b"data"));
/// assert_eq!((parts.number(), parts.total(), parts.wanted()), (3, Some(5), Some(2)));
/// assert_eq!(parts.missing().collect::<Vec<_>>(), [2, 4, 5]);
/// assert_eq!(parts.gaps().collect::<Vec<_>>(), [2..3, 4..6]);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Parts<'r> {
    pub(super) number: u32,
    pub(super) total: Option<u32>,
    pub(super) asked: u32,
    /// `None` once all have come.
    pub(super) store: Option<&'r Store>,
}

impl Parts<'_> {
    /// The number of the segment in the frame that the function is given, or
    /// the offset of its first byte.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// How many segments, or bytes, the message has; `None` as long as it is
    /// not known.
    #[must_use]
    pub fn total(&self) -> Option<u32> {
        self.total
    }

    /// Whether all segments have come.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.store.is_none()
    }

    /// How often the device has been asked for what is missing since it last
    /// sent something new: 0 in the first call of a `missing` function.
    #[must_use]
    pub fn asked(&self) -> u32 {
        self.asked
    }

    /// The first number, or byte, that has not come; `None` if all have.
    #[must_use]
    pub fn wanted(&self) -> Option<u32> {
        self.gaps().next().map(|gap| gap.start)
    }

    /// The numbers of the segments that have not come, or the offsets of the
    /// bytes.
    pub fn missing(&self) -> impl Iterator<Item = u32> {
        self.gaps().flatten()
    }

    /// The same as ranges. Where it is not known how many there are, the last
    /// one begins behind what has come: one segment, or bytes without an end
    /// (`u32::MAX`).
    pub fn gaps(&self) -> impl Iterator<Item = Range<u32>> {
        let mut at = 0;
        core::iter::from_fn(move || self.gap(&mut at))
    }

    /// The first gap at `at` or behind it, which then stands behind the gap.
    fn gap(&self, at: &mut u32) -> Option<Range<u32>> {
        match self.store? {
            Store::Numbered { first, parts, .. } => {
                let here = |at: u32| parts.get(at as usize).is_some_and(Option::is_some);
                let most = match self.total {
                    Some(total) => total,
                    // One more than there are.
                    None => u32::try_from(parts.len()).ok()?.saturating_add(1),
                };
                let from = (*at..most).find(|at| !here(*at))?;
                let to = (from..most).find(|at| here(*at)).unwrap_or(most);
                *at = to;
                Some(from.saturating_add(*first)..to.saturating_add(*first))
            }
            Store::Bytes { have, .. } => {
                let most = self.total.unwrap_or(u32::MAX);
                let next = have.partition_point(|range| range.end <= *at);
                let mut ranges = have.get(next..).unwrap_or(&[]).iter();
                let mut next = ranges.next();
                if let Some(range) = next.filter(|range| range.start <= *at) {
                    *at = range.end;
                    next = ranges.next();
                }
                let (from, to) = (*at, next.map_or(most, |range| range.start));
                *at = to;
                (from < to).then_some(from..to)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::single_range_in_vec_init)]

    use alloc::vec;

    use super::*;

    #[test]
    fn ranges_are_joined_where_they_meet() {
        for (given, all) in [
            (&[0..2, 4..6, 2..4][..], vec![0..6]),
            (&[4..6, 0..2][..], vec![0..2, 4..6]),
            (&[4..6, 0..2, 1..5][..], vec![0..6]),
            (&[4..6, 4..6, 5..6][..], vec![4..6]),
            (&[0..1, 2..3, 4..5, 6..7, 1..6][..], vec![0..7]),
            (&[3..4, 0..9][..], vec![0..9]),
        ] {
            let mut have = Vec::new();
            for range in given {
                merge(&mut have, range.clone());
            }
            assert_eq!(have, all, "{given:?}");
        }
    }

    #[test]
    fn gaps_are_what_is_not_there() {
        // Every set of eight bytes, told one by one in two orders.
        for set in 1..=255_u32 {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            for at in (0..8).filter(|at| set & (1 << at) != 0) {
                merge(&mut up, at..at + 1);
            }
            for at in (0..8).rev().filter(|at| set & (1 << at) != 0) {
                merge(&mut down, at..at + 1);
            }
            assert_eq!(up, down);
            let store = Store::Bytes { data: Vec::new(), have: up, hashes: Vec::new() };
            let whole = store.is_whole(Some(8));
            let parts = Parts { number: 0, total: Some(8), asked: 0, store: Some(&store) };
            let missing: Vec<u32> = parts.missing().collect();
            let expected: Vec<u32> = (0..8).filter(|at| set & (1 << at) == 0).collect();
            assert_eq!(missing, expected, "{set:#b}");
            assert_eq!(whole, expected.is_empty());
            // Of unknown size it goes on behind the last.
            let open = Parts { total: None, ..parts };
            assert_eq!(open.gaps().last().unwrap().end, u32::MAX);
            assert_eq!(open.wanted(), Some(set.trailing_ones()));
        }
    }

    #[test]
    fn numbers_are_those_of_the_wire() {
        for first in [0, 1, 7] {
            let mut store = Store::new(Position::Number { index: 0, first, total: None });
            for at in [0, 2] {
                let slot = Slot { at, end: at + 1, total: None };
                assert!(store.put(slot, b"x", 0).0);
            }
            let parts = Parts { number: 0, total: None, asked: 0, store: Some(&store) };
            assert_eq!(parts.missing().collect::<Vec<_>>(), [first + 1, first + 3]);
            let parts = Parts { total: Some(5), ..parts };
            assert_eq!(parts.gaps().collect::<Vec<_>>(), [first + 1..first + 2, first + 3..first + 5]);
            assert_eq!(parts.wanted(), Some(first + 1));
        }
    }
}
