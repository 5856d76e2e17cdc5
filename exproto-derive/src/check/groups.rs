//! Rules about what belongs to a field that may be absent.

use crate::ctxt::Ctxt;
use crate::ir::{Item, Layout};
use crate::lower::{decided_by, reaches};

// What may be absent decides nothing that is there without it, and speaks of
// nothing behind it.
pub(super) fn decides(layout: &Layout, index: usize, item: &Item, ctxt: &mut Ctxt) {
    let items = &layout.items;
    let (Some(relation), Some(field), None) = (&item.relation, item.group, &item.absent) else { return };
    let (label, with) = (&item.label, &items[field].label);
    let whose = if field == index { String::new() } else { format!(", with `{with}`") };
    let outside = |other: &&Item| other.group != Some(field) && decided_by(other, index);
    if let Some(other) = items.iter().find(outside) {
        ctxt.error_at(
            relation.span,
            format_args!(
                "`{label}` may be absent{whose}, so it cannot be what says how `{}` is read: move it to a field that is always there",
                other.label
            ),
        );
        return;
    }
    let last = reaches(items, index);
    let behind = last.and_then(|last| items.get(last)).filter(|last| last.group != Some(field));
    if let (Some(behind), Some(last)) = (behind, last)
        && last > index
    {
        ctxt.error_at(
            relation.span,
            format_args!(
                "`{label}` may be absent{whose}, so it speaks of nothing that is there without it: `{}` is",
                behind.label
            ),
        );
    }
}
