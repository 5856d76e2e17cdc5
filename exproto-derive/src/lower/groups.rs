//! What stands before and after a field that may be absent belongs to it.

use crate::ir::{Extent, Item, Presence, Repr};
use crate::relation::{Items, Relation, Source};
use crate::spoken::names;
use crate::walk::all_expressions;

use super::{bounds, position};

/// The items of each field: the first, the field, the last.
pub(super) type Span = (usize, usize, usize);

/// Marks the items that are there only if their field is, and a computed field
/// that may be absent itself. What something else depends on is always there, as
/// is what says whether the field is, and what shares a container of bits with
/// other fields.
pub(super) fn groups(items: &mut [Item], spans: &[Span]) {
    for &span in spans {
        let (mut first, field, mut last) = span;
        let Some(item) = items.get(field) else { continue };
        let optional = match item.presence {
            Presence::By(flag) => flag != usize::MAX,
            Presence::If(_) => true,
            Presence::More | Presence::Filled => false,
            Presence::Always => item.absent.is_some(),
        };
        if !optional || matches!(item.repr, Repr::Bits(_)) {
            continue;
        }
        // What is always there may depend on what seemed not to be needed.
        loop {
            let span = (first, field, last);
            if let Some(needed) = (first..field).rev().find(|at| needed(items, *at, span)) {
                first = needed + 1;
            }
            if let Some(needed) = (field + 1..=last).find(|at| needed(items, *at, span)) {
                last = needed - 1;
            }
            if span == (first, field, last) {
                break;
            }
        }
        let container = |at: usize| match items.get(at).map(|item| &item.repr) {
            Some(Repr::Bits(slot)) => Some(slot.first),
            _ => None,
        };
        while first < field && container(first).is_some_and(|start| start < first) {
            first += 1;
        }
        while last > field && container(last).is_some() && container(last) == container(last + 1) {
            last -= 1;
        }
        if first == last && item.relation.is_none() && !has_parts(items, field) {
            continue;
        }
        for item in &mut items[first..=last] {
            item.group = Some(field);
        }
    }
}

/// Whether an item is there without the field: something outside depends on it
/// or speaks of it, or it speaks of something outside.
fn needed(items: &[Item], at: usize, (first, field, last): Span) -> bool {
    let (item, own) = (&items[at], &items[field]);
    let condition = match &own.presence {
        Presence::By(flag) if *flag == at => return true,
        Presence::If(expr) => Some(expr),
        _ => own.absent.as_ref().and_then(|absent| absent.unless.as_ref()),
    };
    let outside = |other: &usize| !(first..=last).contains(other);
    let speaks = |other: usize| {
        decided_by(&items[other], at)
            || all_expressions(&items[other]).iter().any(|expr| names(expr, item))
            || ends(items, other).contains(&Some(at))
    };
    condition.is_some_and(|expr| names(expr, item))
        || (0..items.len()).filter(outside).any(speaks)
        || ends(items, at).into_iter().flatten().any(|end| outside(&end))
}

/// The first and the last item of each range that a relation speaks of.
fn ends(items: &[Item], at: usize) -> Vec<Option<usize>> {
    let both = |range: &Items| {
        let (first, last) = bounds(items, range, at).unzip();
        [first, last]
    };
    match items.get(at).and_then(|item| item.relation.as_ref()).map(|relation| &relation.source) {
        Some(Source::Size(range) | Source::Check(_, range)) => both(range).to_vec(),
        Some(Source::Sum(terms)) => terms
            .iter()
            .flat_map(|term| match &term.source {
                Source::Size(range) => both(range),
                _ => [super::last_of(items, term, at), None],
            })
            .collect(),
        _ => vec![reaches(items, at)],
    }
}

/// Whether parts of a field stand at other places.
fn has_parts(items: &[Item], field: usize) -> bool {
    items.iter().enumerate().any(|(at, item)| part_of(item) && reaches(items, at) == Some(field))
}

fn part_of(item: &Item) -> bool {
    matches!(&item.relation, Some(Relation { source: Source::Bits(..) | Source::Sign(..), .. }))
}

/// The last item that a relation speaks of.
pub(crate) fn reaches(items: &[Item], at: usize) -> Option<usize> {
    let end = |range: &Items| bounds(items, range, at).map(|(_, last)| last);
    match &items.get(at)?.relation.as_ref()?.source {
        Source::Size(range) | Source::Check(_, range) => end(range),
        Source::Sum(terms) => terms.iter().filter_map(|term| super::last_of(items, term, at)).max(),
        Source::Count(field)
        | Source::Present(field)
        | Source::Tag(field)
        | Source::Sizes(field)
        | Source::Counts(field)
        | Source::Bits(field, _)
        | Source::Sign(field, ..) => position(items, field),
        Source::Inside(_, path) => position(items, path.first()?),
        Source::Constant(_) => None,
    }
}

/// Whether the relation of the item `by` decides how an item is read.
pub(crate) fn decided_by(item: &Item, by: usize) -> bool {
    matches!(item.presence, Presence::By(at) if at == by)
        || matches!(item.extent, Extent::BySize(at) | Extent::ByCount(at) if at == by)
        || matches!(item.repr, Repr::Body(at) if at == by)
        || item
            .each
            .as_deref()
            .is_some_and(|each| matches!(each.extent, Extent::BySizes(at) | Extent::ByCounts(at) if at == by))
}
