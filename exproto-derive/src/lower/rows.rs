//! Rows of sizes or counts: ties each to the elements of its list.

use proc_macro2::Ident;

use super::relate::find;
use crate::ctxt::Ctxt;
use crate::ir::{Extent, Item, ListKind, Repr};
use crate::relation::{Relation, Source};

/// Gives the elements of a list their extents, and the row as many integers.
pub(super) fn rows(items: &mut [Item], ctxt: &mut Ctxt) {
    for index in 0..items.len() {
        let (field, counts) = match items[index].relation.as_ref().map(|relation| &relation.source) {
            Some(Source::Sizes(field)) => (field.clone(), false),
            Some(Source::Counts(field)) => (field.clone(), true),
            _ => continue,
        };
        let Some(target) = find(items, &field, ctxt) else { continue };
        if let Err(why) = tie(items, index, target, counts) {
            say(&field, &why, ctxt);
            items[index].broken = true;
            items[target].broken = true;
        }
    }
}

fn say(field: &Ident, why: &str, ctxt: &mut Ctxt) {
    ctxt.error(field, why);
}

fn tie(items: &mut [Item], index: usize, target: usize, counts: bool) -> Result<(), String> {
    let (row, label) = (items[index].label.clone(), items[target].label.clone());
    if !matches!(items[target].repr, Repr::List(ListKind::Vec | ListKind::Array, _)) {
        return Err(format!(
            "`{label}` is no `Vec` or array whose elements are laid out here: what `{row}` says is of each of those"
        ));
    }
    if target < index {
        return Err(format!("`{label}` stands before `{row}`, so nothing says yet where its elements end"));
    }
    // As many integers as there are elements, which is known before them.
    items[index].extent = match &items[target].extent {
        Extent::Count(expr) => Extent::Count(expr.clone()),
        Extent::ByCount(carrier)
            if *carrier < index
                && matches!(items[*carrier].relation, Some(Relation { source: Source::Count(_), .. })) =>
        {
            Extent::ByCount(*carrier)
        }
        _ => {
            return Err(format!(
                "nothing says before `{row}` how many elements `{label}` has: let an item before it say `= count({label})`, or add `count = ..`"
            ));
        }
    };
    let Some(each) = &mut items[target].each else { return Ok(()) };
    let list =
        matches!(each.repr, Repr::List(ListKind::Vec | ListKind::Lazy, _) | Repr::Slice | Repr::Buffer);
    let varies = list || !counts && matches!(each.repr, Repr::Part | Repr::Codec(_));
    if !matches!(each.extent, Extent::Own) || !varies {
        return Err(if counts {
            format!("an element of `{label}` is no list without a count of its own")
        } else {
            format!("an element of `{label}` has a size already")
        });
    }
    each.extent = if counts { Extent::ByCounts(index) } else { Extent::BySizes(index) };
    Ok(())
}
