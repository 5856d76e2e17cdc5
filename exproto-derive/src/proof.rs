//! The checksums of a layout that are verified while its end is looked for.

use syn::Expr;

use crate::attr::wire::UntilKey;
use crate::ir::{Extent, Frame, Item, Layout, Model, Presence, Repr};
use crate::lower::{bounds, fixed_at, position};
use crate::relation::{Algorithm, Relation, Source};
use crate::spoken::by_bytes;
use crate::walk::{Step, Walk, can_be_kept, expression_needs, mentions};

/// A checksum that is verified as soon as all it covers has come.
pub(crate) struct Proof {
    /// The item that holds it.
    pub(crate) carrier: usize,
    /// The first and the last item that it covers.
    pub(crate) first: usize,
    pub(crate) last: usize,
    /// Whether something else may verify it.
    pub(crate) before: Before,
}

/// Whether a checksum of a frame is verified before decoding.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    Yes,
    No,
    /// If what stands around it is of constant size, which only the compiler knows.
    IfConstant,
}

/// Whether the checksum that `carrier` holds is verified before decoding.
pub(crate) fn checked_before(frame: &Frame, items: &[Item], carrier: usize) -> Before {
    let range = match items.get(carrier).and_then(|item| item.relation.as_ref()).map(|one| &one.source) {
        Some(Source::Check(_, range)) if frame.check == Some(carrier) => range,
        _ => return Before::No,
    };
    let first = bounds(items, range, carrier).map_or(0, |(first, _)| first);
    let fixed = (0..first).chain(carrier..items.len()).all(|at| fixed_at(items, at).is_some());
    if fixed { Before::Yes } else { Before::IfConstant }
}

impl Proof {
    /// The item behind which it can be verified.
    pub(crate) fn due(&self) -> usize {
        self.carrier.max(self.last)
    }

    /// Whether a walk that runs ahead from the item `from` behind the item
    /// `last` would miss a place that is needed.
    pub(crate) fn within(&self, items: &[Item], from: usize, last: usize) -> bool {
        let uses = |item: &Item| {
            item.name
                .as_deref()
                .is_some_and(|name| arguments(items, self.carrier).iter().any(|expr| mentions(expr, name)))
        };
        (from..=last).contains(&self.carrier)
            || (from + 1..=last).contains(&self.first)
            || (from..last).contains(&self.last)
            || items.iter().take(last + 1).skip(from).any(uses)
    }
}

/// What a checksum depends on besides the bytes.
pub(crate) fn arguments(items: &[Item], carrier: usize) -> Vec<&Expr> {
    match items.get(carrier).and_then(|item| item.relation.as_ref()).map(|relation| &relation.source) {
        Some(Source::Check(Algorithm::Crc { seed, also, .. }, _)) => seed.iter().chain(also).collect(),
        Some(Source::Check(Algorithm::Function { args, .. }, _)) => args.iter().collect(),
        _ => Vec::new(),
    }
}

/// The checksums of a layout that a walk can verify: those at a known distance
/// from the ends of a frame are verified without one, and those that depend on
/// what a walk cannot keep when the frame is decoded.
pub(crate) fn proofs(layout: &Layout, model: &Model) -> Vec<Proof> {
    let items = &layout.items;
    let separated = |item: &Item| item.column.is_some();
    let between = items.iter().position(separated).zip(items.iter().rposition(separated));
    let mut found = Vec::new();
    for (carrier, item) in items.iter().enumerate() {
        let Some(Relation { source: Source::Check(_, range), .. }) = &item.relation else { continue };
        let Some((first, last)) = bounds(items, range, carrier) else { continue };
        let before = model.frame.as_ref().map_or(Before::No, |frame| checked_before(frame, items, carrier));
        if before == Before::Yes {
            continue;
        }
        let seen = between.is_none_or(|(from, to)| {
            (first <= from || first > to + 1)
                && (last < from || last > to)
                && !(from..=to + 1).contains(&carrier)
        });
        let number = matches!(item.repr, Repr::Int(..) | Repr::Scalar(..) | Repr::Bits(_));
        let always =
            matches!(item.presence, Presence::Always) && item.absent.is_none() || item.group.is_some();
        let known = arguments(items, carrier).iter().all(|expr| {
            !by_bytes(expr)
                && items.iter().take(carrier).all(|earlier| match earlier.known_as() {
                    Some(name) => can_be_kept(earlier) || !mentions(expr, &name.to_string()),
                    None => true,
                })
        });
        if seen && number && always && known {
            found.push(Proof { carrier, first, last, before });
        }
    }
    found
}

/// The checksum that tells where an item ends, `until = NAME`: its place.
pub(crate) fn summed(items: &[Item], index: usize) -> Option<usize> {
    match &items.get(index)?.attrs.until.as_ref()?.value {
        UntilKey::Check(name) => position(items, name),
        _ => None,
    }
}

/// What the items have to leave for the checksums.
pub(crate) fn proof_needs(items: &[Item], walk: &mut Walk) {
    for at in 0..walk.proofs.len() {
        let Proof { carrier, first, last, .. } = walk.proofs[at];
        walk.needs[carrier].raw = true;
        walk.needs[container(items, carrier)].offset = true;
        walk.needs[first].offset = true;
        walk.needs[last].end = true;
        for expr in arguments(items, carrier) {
            expression_needs(items, expr, carrier, walk);
        }
    }
    for index in 0..items.len() {
        if let Some(Relation { source: Source::Check(_, range), .. }) =
            summed(items, index).and_then(|carrier| items[carrier].relation.as_ref())
            && let Some((first, _)) = bounds(items, range, index)
        {
            walk.needs[first].offset = true;
        }
    }
    walk.lengths = lengths(items, walk);
    for (carrier, first, last) in &walk.lengths {
        walk.needs[*carrier].raw = true;
        walk.needs[*first].offset = true;
        walk.needs[*last].end = true;
    }
}

/// The lengths that decide nothing, so that they have to be compared: of each
/// the item and the first and last that it speaks of. Only where a checksum
/// lets the search go on behind a wrong one.
fn lengths(items: &[Item], walk: &Walk) -> Vec<(usize, usize, usize)> {
    if walk.proofs.is_empty() {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (carrier, item) in items.iter().enumerate() {
        let Some(Relation { source: Source::Size(range), .. }) = &item.relation else { continue };
        let Some((first, last)) = bounds(items, range, carrier) else { continue };
        let decided = items.iter().any(|item| {
            matches!(item.extent, Extent::BySize(by) if by == carrier)
                && matches!(item.presence, Presence::Always)
        });
        let seen = walk.steps.iter().all(|step| {
            let (from, to) = match *step {
                Step::Item(_) => return true,
                Step::Ahead { carrier: by, .. } if by == carrier => return false,
                Step::Ahead { at, last, .. } => (at, last),
                Step::Separated { at, end } => (at, end),
            };
            !((from..=to).contains(&carrier)
                || (from + 1..=to).contains(&first)
                || (from..to).contains(&last))
        });
        let always = matches!(item.presence, Presence::Always) && item.group.is_none();
        if !decided && seen && always && item.absent.is_none() {
            found.push((carrier, first, last));
        }
    }
    found
}

/// The item whose start is that of the bytes an item stands in.
pub(crate) fn container(items: &[Item], index: usize) -> usize {
    match items.get(index).map(|item| &item.repr) {
        Some(Repr::Bits(slot)) => slot.first,
        _ => index,
    }
}
