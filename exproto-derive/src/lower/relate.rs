//! What items say of each other: relations tied to the fields they speak of,
//! bits to their containers, tails to the fields that take the rest.

use proc_macro2::Ident;
use syn::Expr;
use syn::ext::IdentExt;

use super::{Scope, need_endian};
use crate::attr::wire::{Endian, WireAttrs};
use crate::ctxt::{Ctxt, nearest};
use crate::ir::{Extent, IntTy, Item, Presence, Repr};
use crate::relation::{Items, Last, Relation, Source, Term};

/// Finds consecutive fields of bits and makes containers of them.
pub(super) fn containers(items: &mut [Item], scope: &Scope, type_attrs: &WireAttrs, ctxt: &mut Ctxt) {
    // A struct of bits has its container on the type.
    if type_attrs.bits.is_some() {
        return;
    }
    let mut at = 0;
    while at < items.len() {
        let Repr::Bits(_) = &items[at].repr else {
            at += 1;
            continue;
        };
        let end = (at..items.len()).find(|i| !matches!(items[*i].repr, Repr::Bits(_))).unwrap_or(items.len());
        let total: u32 = items[at..end]
            .iter()
            .map(|item| if let Repr::Bits(slot) = &item.repr { slot.count } else { 0 })
            .sum();
        if !total.is_multiple_of(8) {
            ctxt.error_at(
                items[at].span,
                format_args!(
                    "the fields of bits from here on have {total} bits together; a container has whole bytes: name reserved bits with `before(_: bits(N))`"
                ),
            );
            return;
        }
        let bytes = total as usize / 8;
        let int = IntTy::binary(bytes);
        let endian = need_endian(int, scope.endian, items[at].span, "the container of bits", scope, ctxt);
        place_bits(&mut items[at..end], endian, bytes);
        for item in &mut items[at..end] {
            if let Repr::Bits(slot) = &mut item.repr {
                slot.first = at;
            }
        }
        at = end;
    }
}

/// Ties relations to the fields they speak of.
///
/// Between separators fields end at the next one, so sizes decide nothing:
/// they are verified.
pub(super) fn relate(items: &mut [Item], separated: bool, ctxt: &mut Ctxt) {
    let mut wide = Vec::new();
    for index in 0..items.len() {
        let Some(relation) = items[index].relation.clone() else { continue };
        match &relation.source {
            Source::Constant(_) => {}
            Source::Count(field) => {
                let Some(target) = find(items, field, ctxt) else { continue };
                let label = &items[target].label;
                if !matches!(items[target].repr, Repr::List(..) | Repr::Slice | Repr::Buffer) {
                    ctxt.error(
                        field,
                        format_args!("`{label}` is no list: `count(..)` speaks of a `List`, `Vec` or bytes"),
                    );
                } else if target < index {
                    // Read before its count is known: the count is verified.
                } else if relation.turns_round()
                    && (matches!(items[target].extent, Extent::Own)
                        // Bytes do not tell how many elements end in the last one.
                        || matches!(items[target].extent, Extent::BySize(_))
                            && items[target].bit_elements().is_some())
                {
                    items[target].extent = Extent::ByCount(index);
                }
            }
            Source::Sum(terms) => sum(items, index, &relation, terms, separated, ctxt),
            Source::Size(range) => {
                let Some((first, last)) = resolve(items, range, index, ctxt) else { continue };
                // Of several things without an end it may be that others say it of
                // all but one.
                let open = |i: &usize| need(items, *i).is_some_and(|need| need.0 < 2);
                if (first.max(index + 1)..=last).filter(open).count() > 1 {
                    wide.push((index, first, last));
                } else {
                    bound(items, index, (first, last), separated);
                }
            }
            Source::Present(field) => {
                let Some(target) = find(items, field, ctxt) else { continue };
                let label = &items[target].label;
                match &items[target].presence {
                    Presence::By(usize::MAX) if target > index => {
                        items[target].presence = Presence::By(index)
                    }
                    Presence::By(usize::MAX) => ctxt.error(
                        field,
                        format_args!(
                            "`{label}` stands before this item, so nothing says yet whether it is there"
                        ),
                    ),
                    Presence::Always => {
                        ctxt.error(field, format_args!("`{label}` is always there: make it an `Option`"))
                    }
                    _ => {}
                }
            }
            Source::Inside(_, path) => {
                let Some(target) = path.first().and_then(|name| find(items, name, ctxt)) else { continue };
                if !matches!(items[target].repr, Repr::Part | Repr::Body(_)) {
                    let (label, name) = (&items[target].label, &path[path.len() - 1]);
                    ctxt.error(
                        name,
                        format_args!("`{label}` is no declared type of its own, so nothing in it has a name"),
                    );
                    items[index].relation = None;
                    items[index].broken = true;
                }
            }
            Source::Tag(field) => {
                let Some(target) = find(items, field, ctxt) else { continue };
                let label = &items[target].label;
                match &items[target].repr {
                    Repr::Part if target > index => items[target].repr = Repr::Body(index),
                    Repr::Part => ctxt.error(field, format_args!("`{label}` stands before its tag and cannot be read")),
                    Repr::Body(_) => ctxt.error(field, format_args!("`{label}` has its tag already: a body has one")),
                    _ => ctxt.error(field, format_args!("`{label}` is no enum: `tag(..)` speaks of an enum with `#[wire(tag = ..)]` on its variants")),
                }
            }
            // Tied when the list has its count.
            Source::Sizes(_) | Source::Counts(_) => {}
            Source::Bits(field, _) | Source::Sign(field, ..) => {
                let _ = find(items, field, ctxt);
            }
            Source::Check(_, range) => {
                let _ = resolve(items, range, index, ctxt);
            }
        }
    }
    for (index, first, last) in wide {
        bound(items, index, (first, last), separated);
    }
}

/// How much an item needs that something says where it ends: bytes and lists
/// have no end of their own, a body rarely has, codecs and parts often do.
fn need(items: &[Item], index: usize) -> Option<(u8, usize)> {
    match &items[index] {
        Item { extent: Extent::Own, repr, relation, .. } => match repr {
            Repr::Slice | Repr::Buffer | Repr::List(..) => Some((0, index)),
            Repr::Body(_) => Some((1, index)),
            // What is computed knows its end.
            Repr::Codec(_) if relation.is_none() => Some((2, index)),
            Repr::Part => Some((3, items.len() - index)),
            _ => None,
        },
        _ => None,
    }
}

/// A length bounds what needs it most in its range.
fn bound(items: &mut [Item], index: usize, (first, last): (usize, usize), separated: bool) {
    let turns_round = items[index].relation.as_ref().is_some_and(Relation::turns_round);
    // What has a count is left to that if something else varies behind it.
    let counted =
        |i: usize| has_count(items, i) && (i + 1..=last).any(|after| fixed_beside(items, i, after).is_none());
    let open = (first.max(index + 1)..=last).filter(|i| !counted(*i));
    let candidates = open.filter_map(|i| Some((need(items, i)?, i)));
    // Between separators it bounds one field, which may then hold some.
    let alone = first == last && !matches!(items[first].presence, Presence::By(usize::MAX));
    if let Some((_, target)) = candidates.min().filter(|_| (!separated || alone) && turns_round) {
        items[target].extent = Extent::BySize(index);
    }
}

/// Whether an item before it says how many elements it has.
fn has_count(items: &[Item], target: usize) -> bool {
    items.iter().take(target).any(|item| match &item.relation {
        Some(relation @ Relation { source: Source::Count(field), .. }) => {
            relation.turns_round() && position(items, field) == Some(target)
        }
        _ => false,
    })
}

/// A sum decides where the one thing ends that nothing else says the end of.
fn sum(
    items: &mut [Item],
    index: usize,
    relation: &Relation,
    terms: &[Term],
    separated: bool,
    ctxt: &mut Ctxt,
) {
    let list = |item: &Item| matches!(item.repr, Repr::List(..) | Repr::Slice | Repr::Buffer);
    let open = |item: &Item| {
        matches!(item.extent, Extent::Own) && (list(item) || matches!(item.repr, Repr::Body(_)))
    };
    let mut targets: Vec<(usize, usize)> = Vec::new();
    for (at, term) in terms.iter().enumerate() {
        match &term.source {
            Source::Count(field) => {
                let Some(target) = find(items, field, ctxt) else { return };
                if !list(&items[target]) {
                    let label = &items[target].label;
                    ctxt.error(
                        field,
                        format_args!("`{label}` is no list: `count(..)` speaks of a `List`, `Vec` or bytes"),
                    );
                    return;
                }
                if target > index && open(&items[target]) {
                    targets.push((at, target));
                }
            }
            Source::Size(range) => {
                let Some((first, last)) = resolve(items, range, index, ctxt) else { return };
                let found = (first.max(index + 1)..=last).filter(|i| open(&items[*i]));
                targets.extend(found.map(|target| (at, target)));
            }
            _ => {}
        }
    }
    if separated || !relation.turns_round() {
        return;
    }
    match targets[..] {
        [(at, target)] => {
            let label = &items[target].label;
            if terms[at].weight <= 0 {
                ctxt.error_at(
                    relation.span,
                    format_args!(
                        "`{label}` is taken away here, which does not say where it ends: give it an extent of its own"
                    ),
                );
                return;
            }
            let later = terms.iter().enumerate().find_map(|(other, term)| {
                let last = last_of(items, term, index).filter(|_| other != at)?;
                (last >= target && constant_size(items, term, index).is_none()).then_some(last)
            });
            if let Some(later) = later {
                ctxt.error_at(
                    relation.span,
                    format_args!(
                        "this does not say where `{label}` ends, because `{}` is read after it: give `{label}` an extent of its own",
                        items[later].label
                    ),
                );
                return;
            }
            let counted = matches!(terms[at].source, Source::Count(_));
            items[target].extent = if counted { Extent::ByCount(index) } else { Extent::BySize(index) };
        }
        [(_, first), (_, second), ..] => ctxt.error_at(
            relation.span,
            format_args!(
                "nothing says how much of this is `{}` and how much `{}`: give one of them an extent of its own",
                items[first].label, items[second].label
            ),
        ),
        [] => {}
    }
}

/// The last item that a size or count speaks of.
pub(crate) fn last_of(items: &[Item], term: &Term, carrier: usize) -> Option<usize> {
    match &term.source {
        Source::Count(field) => position(items, field),
        Source::Size(range) => bounds(items, range, carrier).map(|(_, last)| last),
        _ => None,
    }
}

/// The bytes of a size, if they are always the same.
pub(crate) fn constant_size(items: &[Item], term: &Term, carrier: usize) -> Option<usize> {
    let Source::Size(range) = &term.source else { return None };
    let (first, last) = bounds(items, range, carrier)?;
    (first..=last).map(|at| fixed_at(items, at)).sum()
}

/// Every optional field needs something that says whether it is there.
pub(super) fn presence(items: &[Item], relations_broken: bool, ctxt: &mut Ctxt) {
    for item in items {
        if matches!(item.presence, Presence::By(usize::MAX)) && !item.broken && !relations_broken {
            ctxt.error_at(
                item.span,
                format_args!("nothing says when `{0}` is there: add `#[wire(if = ..)]`, or let a flag say `= present({0})`", item.label),
            );
        }
    }
}

pub(super) fn find(items: &[Item], name: &Ident, ctxt: &mut Ctxt) -> Option<usize> {
    let text = name.unraw().to_string();
    let found = items.iter().position(|item| item.name.as_deref() == Some(text.as_str()));
    if found.is_none() {
        let known: Vec<&str> =
            items.iter().filter(|item| item.name.is_some()).map(|item| item.label.as_str()).collect();
        // Numbered fields go by the names of their variables.
        let text = text.trim_start_matches("__");
        let hint = nearest(text, known.iter().copied()).map_or_else(
            || format!("the fields are: {}", known.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        ctxt.error(name, format_args!("no field `{text}` here; {hint}"));
    }
    found
}

/// The place of the item that a relation calls `name`.
pub(crate) fn position(items: &[Item], name: &Ident) -> Option<usize> {
    let text = name.unraw().to_string();
    items.iter().position(|item| item.name.as_deref() == Some(text.as_str()))
}

/// The first and last item of a range; an open end stops before `carrier`.
pub(crate) fn bounds(items: &[Item], range: &Items, carrier: usize) -> Option<(usize, usize)> {
    let position = |name: &Ident| position(items, name);
    let first = match &range.first {
        Some(name) => position(name)?,
        None => 0,
    };
    let last = match &range.last {
        Last::With(name) => position(name)?,
        Last::Before(name) => position(name)?.checked_sub(1)?,
        Last::Open if first < carrier && !range.to_end => carrier.checked_sub(1)?,
        Last::Open => items.len().checked_sub(1)?,
    };
    Some((first, last))
}

fn resolve(items: &[Item], range: &Items, carrier: usize, ctxt: &mut Ctxt) -> Option<(usize, usize)> {
    let mut known = true;
    for name in range.first.iter().chain(match &range.last {
        Last::With(name) | Last::Before(name) => Some(name),
        Last::Open => None,
    }) {
        // `size(a)` is `a..=a`: one mistake.
        known = known && find(items, name, ctxt).is_some();
    }
    if !known {
        return None;
    }
    let found = bounds(items, range, carrier);
    match found {
        Some((first, last)) if first <= last => Some((first, last)),
        _ => {
            ctxt.error_at(range.span, "the range is empty: its end stands before its beginning");
            None
        }
    }
}

/// How many bytes follow each field that takes the rest.
pub(super) fn tails(items: &mut [Item], ctxt: &mut Ctxt) {
    for index in 0..items.len() {
        if !matches!(items[index].extent, Extent::Rest(_)) {
            continue;
        }
        let (mut tail, mut perhaps) = (0, Vec::new());
        for after in index + 1..items.len() {
            match (fixed_beside(items, index, after), decided_before(items, index, after)) {
                (Some(bytes), _) => tail += bytes,
                (None, Some(found)) => perhaps.push(found),
                (None, None) => {
                    ctxt.error_at(
                        items[index].span,
                        format_args!(
                            "`{}` takes the rest, but `{}` after it has no fixed size: give one of them a `size`",
                            items[index].label, items[after].label
                        ),
                    );
                    break;
                }
            }
        }
        items[index].extent = match perhaps.is_empty() {
            true => Extent::Rest(tail),
            false => {
                let perhaps = perhaps
                    .iter()
                    .map(|(there, bytes)| quote::quote!(- (if #there { #bytes } else { 0_usize })));
                Extent::Size(syn::parse_quote!(left - #tail #(#perhaps)*))
            }
        };
    }
}

/// Whether the item `after` is there, by what is known before the item `index`,
/// and its bytes if it is.
fn decided_before(items: &[Item], index: usize, after: usize) -> Option<(Expr, usize)> {
    let item = items.get(after)?;
    let bytes = item.fixed_if_there()?;
    let Presence::If(condition) = &items.get(item.group.unwrap_or(after))?.presence else { return None };
    let late = items.iter().skip(index).any(|later| crate::spoken::names(condition, later));
    (!late && !crate::spoken::by_bytes(condition) && item.column.is_none())
        .then(|| (condition.clone(), bytes))
}

/// A field with a default and no condition is there as long as there are more
/// bytes than what follows it has.
pub(super) fn ends(items: &mut [Item]) {
    for index in 0..items.len() {
        let tail: usize = (index + 1..items.len()).filter_map(|after| fixed_at(items, after)).sum();
        let Item { absent: Some(absent), attrs, .. } = &mut items[index] else { continue };
        if let (None, Some(key)) = (&absent.unless, &attrs.default) {
            absent.unless = Some(syn::parse_quote_spanned!(key.key=> left > #tail));
        }
    }
}

/// The bytes an item takes if that is a constant; a container of bits counts
/// with its first field.
pub(crate) fn fixed_at(items: &[Item], index: usize) -> Option<usize> {
    let item = items.get(index).filter(|item| item.group.is_none())?;
    match &item.repr {
        Repr::Bits(slot) => Some(if slot.first == index { slot.bytes } else { 0 }),
        _ => item.fixed(),
    }
}

/// The same as seen from another item: what belongs to the same field is there.
pub(crate) fn fixed_beside(items: &[Item], from: usize, index: usize) -> Option<usize> {
    let item = items.get(index)?;
    if item.group.is_none() || item.group != items.get(from)?.group {
        return fixed_at(items, index);
    }
    match &item.repr {
        Repr::Bits(slot) => Some(if slot.first == index { slot.bytes } else { 0 }),
        _ => item.fixed_if_there(),
    }
}

pub(super) fn place_bits(items: &mut [Item], endian: Endian, bytes: usize) {
    let total = bytes as u32 * 8;
    let mut used = 0;
    for item in items {
        if let Repr::Bits(slot) = &mut item.repr {
            slot.shift = match endian {
                // A word whose byte order is chosen is read as a table shows it.
                Endian::Big | Endian::Chosen(_) => total.saturating_sub(used + slot.count),
                Endian::Little => used,
            };
            used += slot.count;
            slot.first = 0;
            slot.bytes = bytes;
            slot.endian = endian;
        }
    }
}
