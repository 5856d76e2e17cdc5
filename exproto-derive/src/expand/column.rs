//! What decoding and encoding know alike of fields between separators.

use proc_macro2::TokenStream;
use quote::quote;

use super::asserts::const_path;
use super::common::pattern;
use crate::ir::{EnumModel, Extent, Item, Layout, Model, Presence, Repr, literal};

/// Whether a value has at least one byte, so that an empty column holds none:
/// a constant expression.
pub(crate) fn never_empty(item: &Item) -> TokenStream {
    let ty = &item.ty;
    match (&item.repr, &item.extent) {
        (_, Extent::Fixed(size)) => {
            let some = *size > 0;
            quote!(#some)
        }
        (Repr::Int(..) | Repr::Scalar(..), _) => quote!(true),
        (Repr::Array(len), _) => {
            let some = literal(len) != Some(0);
            quote!(#some)
        }
        (Repr::Part, _) => quote!((<#ty as __p::Wire>::MIN > 0)),
        (Repr::Codec(codec), _) if const_path(codec) => {
            quote!((__p::codec_min::<#ty, _>(&#codec) > 0))
        }
        _ => quote!(false),
    }
}

/// What is said of the separator before a value of this layout, whose fields are
/// in scope as references; `None` if there always is one.
fn lead(layout: &Layout) -> Option<TokenStream> {
    let on_wire = |item: &&Item| !matches!(item.repr, Repr::TagReceiver | Repr::Skipped(_));
    let items: Vec<&Item> = layout.items.iter().filter(on_wire).collect();
    // Another type alone says it itself.
    if let [Item { repr: Repr::Part, presence: Presence::Always, absent: None, attrs, ty, local, .. }] =
        items[..]
        && attrs.via.is_none()
    {
        return Some(quote!(<#ty as __p::Wire>::joint(#local)));
    }
    let mut missing = Vec::new();
    for item in items {
        if !matches!(item.presence, Presence::More) {
            return None;
        }
        let local = &item.local;
        missing.push(quote!(#local.is_none()));
    }
    if missing.is_empty() {
        return Some(quote!(__p::Joint::Never));
    }
    Some(quote!(if #(#missing)&&* { __p::Joint::Never } else { __p::Joint::Always }))
}

/// The method of a struct that says it.
pub(crate) fn lead_of_struct(layout: &Layout, path: &TokenStream) -> TokenStream {
    let Some(lead) = lead(layout) else { return TokenStream::new() };
    let take_apart = pattern(path, layout);
    quote! {
        fn joint(&self) -> __p::Joint { let #take_apart = self; #lead }
    }
}

/// The method of an enum. What keeps whatever comes may stand without a
/// separator.
pub(crate) fn lead_of_enum(model: &Model, data: &EnumModel) -> TokenStream {
    let ident = &model.ident;
    let leads: Vec<TokenStream> = data
        .variants
        .iter()
        .enumerate()
        .filter_map(|(index, variant)| {
            let lead = match lead(&variant.layout) {
                None if data.other == Some(index) => quote!(__p::Joint::May),
                lead => lead?,
            };
            let name = &variant.ident;
            let take_apart = pattern(&quote!(#ident::#name), &variant.layout);
            Some(quote!(#take_apart => #lead,))
        })
        .collect();
    if leads.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn joint(&self) -> __p::Joint { match self { #(#leads)* _ => __p::Joint::Always } }
    }
}
