//! Rules about fields that are not always on the wire and have a value all the
//! same.

use super::layout::keys;
use crate::ctxt::Ctxt;
use crate::ir::{Absent, Item, Layout, Presence, Repr};
use crate::lower::fixed_at;
use crate::spoken::mentions_left;

// A field that is not on the wire has nothing said of its bytes.
pub(super) fn skipped(item: &Item, ctxt: &mut Ctxt) {
    let label = &item.label;
    for (key, span) in keys(&item.attrs) {
        if !matches!(key, "skip" | "default" | "scale" | "offset" | "unit" | "sentinel") {
            ctxt.error_at(span, format_args!("`{label}` is not on the wire: remove `{key}`, or `skip`"));
        }
    }
    if let Some(bits) = &item.attrs.bits {
        ctxt.error_at(bits.key, format_args!("`{label}` is not on the wire: remove `bits`, or `skip`"));
    }
}

// A default is for a field that is not made of bits, not computed, and no
// `Option`, which would be `None`.
pub(super) fn default(layout: &Layout, index: usize, ctxt: &mut Ctxt) {
    let Some(item) = layout.items.get(index) else { return };
    let (Some(key), Some(absent)) = (&item.attrs.default, &item.absent) else { return };
    let label = &item.label;
    if !matches!(item.presence, Presence::Always) {
        ctxt.error_at(
            key.key,
            format_args!("`{label}` is `None` where it is not there: remove `default`, or the `Option`"),
        );
    } else if matches!(item.repr, Repr::Bits(_)) {
        ctxt.error_at(
            key.key,
            format_args!("`{label}` is made of bits, so it is always there: remove `default`"),
        );
    } else if item.relation.is_some() || item.joins.iter().any(|join| !together(layout, index, join.carrier))
    {
        ctxt.error_at(
            key.key,
            format_args!(
                "`{label}` is computed or stands at several places, so it is always there: remove `default`"
            ),
        );
    } else if item.attrs.condition.is_none() {
        last(layout, index, absent, ctxt);
    }
}

/// Whether two items are there with the same field.
fn together(layout: &Layout, one: usize, other: usize) -> bool {
    let group = |at: usize| layout.items.get(at).and_then(|item| item.group);
    group(one).is_some() && group(one) == group(other)
}

// Only fields at the end can be missing: what follows has a fixed size, or may
// be missing too.
fn last(layout: &Layout, index: usize, absent: &Absent, ctxt: &mut Ctxt) {
    if absent.unless.is_none() {
        return;
    }
    let ends = |field: usize| layout.items.get(field).is_some_and(|item| item.absent.is_some());
    let varies = |at: &usize| {
        fixed_at(&layout.items, *at).is_none()
            && layout
                .items
                .get(*at)
                .is_some_and(|item| item.absent.is_none() && !item.group.is_some_and(ends))
    };
    let (Some(item), Some(key)) = (layout.items.get(index), layout.items[index].attrs.default.as_ref())
    else {
        return;
    };
    if let Some(later) = (index + 1..layout.items.len()).find(varies).and_then(|at| layout.items.get(at)) {
        ctxt.error_at(
            key.key,
            format_args!(
                "nothing says whether `{}` is missing, because `{}` after it has no fixed size: add `if = CONDITION`",
                item.label, later.label
            ),
        );
    }
}

// Elements are counted, so none of them is missing.
pub(super) fn element(each: &Item, ctxt: &mut Ctxt) {
    let keys = [
        ("skip", each.attrs.skip.as_ref().map(|key| key.key)),
        ("default", each.attrs.default.as_ref().map(|key| key.key)),
    ];
    for (key, span) in keys.into_iter().filter_map(|(key, span)| Some((key, span?))) {
        ctxt.error_at(span, format_args!("`{key}` goes on a field, not on each element of it: remove it"));
    }
}

// Only decoding knows how many bytes are left, and padding is written too.
pub(super) fn gap(item: &Item, ctxt: &mut Ctxt) {
    use crate::attr::gap::Gap;
    if let Repr::Gap(Gap::Bytes(expr) | Gap::To(expr)) = &item.repr
        && mentions_left(expr)
    {
        ctxt.error(
            expr,
            "only decoding knows how many bytes are `left`: let the padding depend on fields or the context",
        );
    }
}
