//! Bytes that mean nothing: how many they are.

use proc_macro2::TokenStream;
use quote::quote;

use super::common::{Locals, user_expr};
use crate::attr::gap::Gap;
use crate::ir::{Item, Layout, Model};

/// The bytes of a gap as a `usize`; `begun` is how many the layout has before it.
pub(crate) fn count(
    gap: &Gap,
    item: &Item,
    layout: &Layout,
    model: &Model,
    begun: &TokenStream,
    locals: Locals,
) -> TokenStream {
    let said = |expr| {
        let value = user_expr(expr, layout, item, model, locals);
        quote!(__p::ToSize::to_size(#value))
    };
    match gap {
        Gap::Bytes(bytes) => said(bytes),
        Gap::To(end) => {
            let end = said(end);
            quote!(usize::saturating_sub(#end, #begun))
        }
        Gap::Align(of) => quote!({
            let __n: usize = #begun;
            __n.next_multiple_of(#of) - __n
        }),
    }
}

/// The byte it is made of.
pub(crate) fn fill(item: &Item) -> u8 {
    item.fill.unwrap_or(0)
}
