//! `Value`: the walk over a decoded value.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};

use super::common::{fields, header, pattern, transparent};
use super::own;
use crate::ir::{Item, Layout, Model, Shape, Style};

/// `Value` of any type.
pub(crate) fn expand(model: &Model) -> TokenStream {
    let ident = &model.ident;
    let header = header(model, false, &quote!(__p::Value), &quote!(__p::Value));
    let body = match &model.shape {
        Shape::Struct(layout) => of_struct(model, layout),
        Shape::Bits(bits) => of_struct(model, &bits.layout),
        Shape::Scalar(scalar) => {
            let arms =
                scalar.variants.iter().map(|(name, _, snake)| quote!(#ident::#name => __v.text(#snake),));
            let other = scalar
                .other
                .as_ref()
                .map(|other| quote!(#ident::#other(__x) => __p::Value::show(__x, __at, __v),));
            quote!(match self { #(#arms)* #other })
        }
        Shape::Enum(data) => {
            // Content is shown as it is within another struct, so that there is one
            // function with it.
            let units = data.variants.iter().filter(|variant| fields(&variant.layout).next().is_none());
            let units = units.map(|variant| {
                let (name, snake) = (&variant.ident, &variant.snake);
                quote!(#ident::#name { .. } => __v.text(#snake),)
            });
            quote! {
                match self {
                    #(#units)*
                    #[allow(unreachable_patterns, reason = "an enum may have no content")]
                    _ => { __v.begin(); __p::Flat::show_fields(self, __v); __v.end(); }
                }
            }
        }
    };
    let content_of = match &model.shape {
        Shape::Enum(data) => {
            let arms = data.variants.iter().map(|variant| {
                let (name, info) = (&variant.ident, &variant.info);
                if fields(&variant.layout).next().is_none() {
                    return quote!(#ident::#name { .. } => { __v.begin(); __v.end(); });
                }
                let take_apart = pattern(&quote!(#ident::#name), &variant.layout);
                let content = content(&variant.layout, &quote!(&#info));
                quote!(#take_apart => { #content })
            });
            quote! {
                fn show_content<__V: __p::Visitor>(&self, __at: &'static __p::FieldInfo, __v: &mut __V) {
                    match self { #(#arms)* }
                }
            }
        }
        _ => TokenStream::new(),
    };
    quote! {
        #header {
            fn show<__V: __p::Visitor>(&self, __at: &'static __p::FieldInfo, __v: &mut __V) { #body }
            #content_of
        }
    }
}

fn of_struct(model: &Model, layout: &Layout) -> TokenStream {
    if super::shape::named(layout) {
        return quote!(__v.begin(); __p::Flat::show_fields(self, __v); __v.end(););
    }
    let ident = &model.ident;
    let take_apart = pattern(&quote!(#ident), layout);
    let content = content(layout, &quote!(__at));
    quote!(let #take_apart = self; #content)
}

/// Shows the fields that are in scope as references.
pub(super) fn content(layout: &Layout, at: &TokenStream) -> TokenStream {
    if transparent(layout) {
        let only = fields(layout).map(|item| {
            if item.attrs.map.is_some() {
                return shown(item);
            }
            let (local, info) = (own::value(item, &item.local.to_token_stream()), &item.info);
            // What the field itself says of its numbers, else what it stands for says.
            let meta = &item.meta;
            if meta.scale.is_some() || !meta.unit.is_empty() || !meta.sentinels.is_empty() {
                quote!(__p::Value::show(#local, &#info, __v);)
            } else {
                quote!(__p::Value::show(#local, #at, __v);)
            }
        });
        return quote!(#(#only)*);
    }
    if layout.style == Style::Tuple {
        let each = fields(layout).map(|item| {
            let shown = shown(item);
            quote!(__v.element(); #shown)
        });
        return quote!(__v.begin_list(); #(#each)* __v.end_list(););
    }
    let members = members(layout);
    quote!(__v.begin(); #members __v.end();)
}

/// Shows the fields with names, without what is around them.
pub(super) fn members(layout: &Layout) -> TokenStream {
    each_member(&fields(layout).collect::<Vec<_>>())
}

/// The same of some of them.
pub(super) fn each_member(items: &[&Item]) -> TokenStream {
    let each = items.iter().map(|item| {
        let (info, shown) = (&item.info, shown(item));
        if item.attrs.hidden.is_some() {
            return quote!(if __v.plain() { __v.field(&#info); #shown });
        }
        if item.attrs.flatten.is_some() {
            let (local, span) = (&item.local, item.span);
            let flat = quote_spanned!(span=> __p::Flat::show_fields(#local, __v));
            return quote!(if __v.plain() { __v.field(&#info); #shown } else { #flat });
        }
        quote!(__v.field(&#info); #shown)
    });
    quote!(#(#each)*)
}

/// Shows a field that is in scope as a reference.
pub(super) fn shown(item: &Item) -> TokenStream {
    let (local, info) = (own::value(item, &item.local.to_token_stream()), &item.info);
    match &item.attrs.map {
        Some(key) => quote_spanned!(key.key=> __p::show_map(#local, &#info, __v);),
        None => quote!(__p::Value::show(#local, &#info, __v);),
    }
}
