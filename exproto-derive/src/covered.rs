//! What a checksum covers: how wide it is, and when it can be computed.

use crate::ir::{Item, Repr};
use crate::lower::{bounds, last_of};
use crate::relation::{Relation, Source};

/// The bits of the field that holds a checksum.
pub(crate) fn bits(item: &Item) -> u32 {
    match &item.repr {
        Repr::Int(int, _) | Repr::Scalar(int, _) if int.digits.is_none() => int.bytes as u32 * 8,
        Repr::Bits(slot) => slot.count,
        _ => 64,
    }
}

/// The item after which the checksum that `carrier` holds can be computed:
/// all that it covers is written by then, lengths and other checksums
/// included. `None` if checksums cover each other.
pub(crate) fn due(items: &[Item], carrier: usize) -> Option<usize> {
    due_after(items, carrier, &mut Vec::new())
}

fn due_after(items: &[Item], carrier: usize, open: &mut Vec<usize>) -> Option<usize> {
    if open.contains(&carrier) {
        return None;
    }
    let Some(Relation { source: Source::Check(_, range), .. }) = &items.get(carrier)?.relation else {
        return None;
    };
    let (first, last) = bounds(items, range, carrier)?;
    open.push(carrier);
    let mut due = last;
    for index in (first..=last).filter(|index| *index != carrier) {
        let written = match &items[index].relation {
            Some(Relation { source: Source::Size(range), .. }) => {
                bounds(items, range, index).map_or(index, |(_, last)| last)
            }
            Some(Relation { source: Source::Sum(terms), .. }) => {
                terms.iter().filter_map(|term| last_of(items, term, index)).max().unwrap_or(index)
            }
            Some(Relation { source: Source::Check(..), .. }) => due_after(items, index, open)?,
            _ => index,
        };
        due = due.max(written);
    }
    open.pop();
    Some(due)
}

/// Whether the checksum that `carrier` holds covers the one that `other` holds.
pub(crate) fn covers(items: &[Item], carrier: usize, other: usize) -> bool {
    let Some(Relation { source: Source::Check(_, range), .. }) = &items[carrier].relation else {
        return false;
    };
    carrier != other
        && matches!(items[other].relation, Some(Relation { source: Source::Check(..), .. }))
        && bounds(items, range, carrier).is_some_and(|(first, last)| (first..=last).contains(&other))
}
