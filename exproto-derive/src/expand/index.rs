//! `index`: the number of an element, in the expressions of elements.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Item, Layout, Model};
pub(crate) use crate::walk::numbered;
use crate::walk::{mentions_index, number_hidden};

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
    if mentions_index(expr) && !number_hidden(layout, model) && layout.items.iter().any(element) {
        return quote!(let index: usize = __index;);
    }
    TokenStream::new()
}
