//! Rules about `peek`, which looks at the bytes that come next.

use syn::Expr;
use syn::spanned::Spanned;

use crate::ctxt::Ctxt;
use crate::ir::{Item, Presence};
use crate::spoken::peeks;
use crate::walk::all_expressions;

// Only where it is decided what is read next are there bytes to look at.
pub(super) fn check(item: &Item, ctxt: &mut Ctxt) {
    let own: Option<&Expr> = match &item.presence {
        Presence::If(condition) => Some(condition),
        _ => None,
    };
    let unless = item.absent.as_ref().and_then(|absent| absent.unless.as_ref());
    for expr in all_expressions(item).into_iter().filter(|expr| peeks(expr)) {
        if own.is_some_and(|own| std::ptr::eq(own, expr)) {
            continue;
        }
        if unless.is_some_and(|unless| std::ptr::eq(unless, expr)) {
            ctxt.error_at(
                expr.span(),
                format_args!("whether `{0}` is there is told by its bytes, so that its `default` would be written as well: make it an `Option`, or tell it by a field", item.label),
            );
            continue;
        }
        ctxt.error_at(
            expr.span(),
            "`peek` looks at the bytes that come next, which only `when` and `if` do: let a field decide",
        );
    }
}
