//! Types that hold themselves: how deep is counted by the reader and the
//! writer, so that what a device nests does not exhaust the stack.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};

use super::common::{layouts, located};
use crate::ir::{Item, Layout, Model, Repr, Shape, Variant};

/// Reads a value one level deeper, if the type may hold itself.
pub(super) fn decode(model: &Model, read: &TokenStream) -> TokenStream {
    let Some(max) = model.max_depth else { return read.clone() };
    quote! {
        __r.deeper(#max, &__TYPE)?;
        let __done = (|| -> __p::Result<Self, __p::Error> { #read })();
        __r.shallower();
        __done
    }
}

/// Writes a value one level deeper, if the type may hold itself.
pub(super) fn encode(model: &Model, write: &TokenStream) -> TokenStream {
    let Some(max) = model.max_depth else { return write.clone() };
    quote! {
        __w.deeper(#max, &__TYPE)?;
        let __done = (|| -> __p::Result<(), __p::Error> { #write })();
        __w.shallower();
        __done
    }
}

/// The constant that goes round in circles where types hold each other and none
/// says how deep.
pub(super) fn ends(model: &Model) -> TokenStream {
    let mut parts = Vec::new();
    if model.max_depth.is_none() {
        layouts(model).into_iter().flat_map(|layout| &layout.items).for_each(|item| add(item, &mut parts));
    }
    // The compiler names the constant and its place.
    quote_spanned!(located(&model.ident)=> const ENDS_WITHOUT_MAX_DEPTH: () = { #(#parts;)* };)
}

fn add(item: &Item, parts: &mut Vec<TokenStream>) {
    let ty = &item.ty;
    match (&item.repr, item.each.as_deref()) {
        _ if item.member.is_none() && item.name.is_some() => {}
        (Repr::Part, _) => parts.push(quote!(<#ty as __p::Wire>::ENDS_WITHOUT_MAX_DEPTH)),
        (Repr::Body(_), _) => parts.push(quote!(<#ty as __p::Tagged>::ENDS_WITHOUT_MAX_DEPTH)),
        (Repr::List(..), Some(each)) => add(each, parts),
        (Repr::List(_, element), None) => {
            parts.push(quote!(<#element as __p::Wire>::ENDS_WITHOUT_MAX_DEPTH));
        }
        _ => {}
    }
}

/// Looks whether it goes round in circles, whether or not the type is used.
pub(super) fn assertion(model: &Model) -> TokenStream {
    let own = super::common::at_lifetime(model, &syn::parse_quote!('static));
    let trait_ = match &model.shape {
        Shape::Struct(_) => quote!(__p::Wire),
        Shape::Enum(data) if data.one_of => return TokenStream::new(),
        Shape::Enum(data) if data.chosen => quote!(__p::Wire),
        Shape::Enum(_) => quote!(__p::Tagged),
        Shape::Bits(_) | Shape::Scalar(_) => return TokenStream::new(),
    };
    let span = model.ident.span();
    quote_spanned!(span=> const _: () = <#own as #trait_>::ENDS_WITHOUT_MAX_DEPTH;)
}

/// A random value, with few values within each other.
pub(super) fn sample(model: &Model, make: &TokenStream) -> TokenStream {
    let Some(max) = model.max_depth else { return make.clone() };
    quote!(__random.nested(#max, |__random| -> Self { #make }))
}

/// The variants that hold no declared types, if others do: what is made where
/// values lie deep within each other.
pub(super) fn shallow(variants: &[&Variant]) -> Option<Vec<usize>> {
    let leaf = |layout: &Layout| {
        layout.items.iter().all(|item| {
            item.member.is_none() || !matches!(item.repr, Repr::Part | Repr::Body(_) | Repr::List(..))
        })
    };
    let found: Vec<usize> = variants
        .iter()
        .enumerate()
        .filter(|(_, variant)| leaf(&variant.layout))
        .map(|(index, _)| index)
        .collect();
    (!found.is_empty() && found.len() < variants.len()).then_some(found)
}
