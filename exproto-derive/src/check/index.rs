//! Rules about `index`, the number of an element.

use syn::spanned::Spanned;

use crate::ctxt::Ctxt;
use crate::ir::{Item, Layout, ListKind, Model, Repr};
use crate::proof::summed;
use crate::walk::{mentions_index, number_hidden, numbered};

// Elements have numbers where they are read one after the other.
pub(super) fn check(model: &Model, layout: &Layout, at: usize, item: &Item, ctxt: &mut Ctxt) {
    if number_hidden(layout, model) {
        return;
    }
    let lazy = matches!(item.repr, Repr::List(ListKind::Lazy, _));
    if let Some((_, expr)) = item.ctx.iter().find(|(_, expr)| lazy && mentions_index(expr)) {
        ctxt.error_at(
            expr.span(),
            format_args!("the elements of `{}` are read when they are looked at, all with the same context: use a `Vec`, whose elements have an `index`", item.label),
        );
    } else if numbered(item) && summed(&layout.items, at).is_some() {
        ctxt.error_at(
            item.span,
            format_args!("where only a checksum ends `{}`, its elements have no `index`", item.label),
        );
    }
}
