//! `index`: the number of an element, in the expressions of elements.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use crate::attr::idents_in;
use crate::ir::{Item, Layout, Model};
use crate::walk::all_expressions;

/// Whether the elements of a list know their number.
pub(crate) fn numbered(item: &Item) -> bool {
    let of = |item: &Item| all_expressions(item).into_iter().any(mentions);
    let mut each = item.each.as_deref();
    while let Some(inner) = each {
        if of(inner) {
            return true;
        }
        each = inner.each.as_deref();
    }
    false
}

pub(crate) fn mentions(expr: &syn::Expr) -> bool {
    let mut idents = Vec::new();
    idents_in(expr.to_token_stream(), &mut idents);
    idents.iter().any(|ident| ident == "index")
}

/// Says the number of the element at hand, where something depends on it.
pub(super) fn say(item: &Item, number: &TokenStream) -> TokenStream {
    if numbered(item) { quote!(let __index: usize = #number;) } else { TokenStream::new() }
}

/// Brings it into scope of an expression of the element `before`.
pub(super) fn bind(expr: &syn::Expr, layout: &Layout, before: &Item, model: &Model) -> TokenStream {
    let element = |item: &Item| {
        let mut each = item.each.as_deref();
        while let Some(inner) = each {
            if std::ptr::eq(inner, before) {
                return true;
            }
            each = inner.each.as_deref();
        }
        false
    };
    if mentions(expr) && !known(layout, model) && layout.items.iter().any(element) {
        return quote!(let index: usize = __index;);
    }
    TokenStream::new()
}

/// Whether `index` is a field or of the context.
pub(crate) fn known(layout: &Layout, model: &Model) -> bool {
    model.ctx.iter().any(|(name, _)| name == "index")
        || layout.items.iter().any(|item| item.known_as().is_some_and(|name| name == "index"))
}
