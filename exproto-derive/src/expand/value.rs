//! `Value`: the walk over a decoded value.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};

use super::common::{fields, header, pattern, transparent};
use super::own;
use crate::ir::{Layout, Model, Shape, Style};

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
            let arms = data.variants.iter().map(|variant| {
                let (name, snake, info) = (&variant.ident, &variant.snake, &variant.info);
                if fields(&variant.layout).next().is_none() {
                    return quote!(#ident::#name { .. } => __v.text(#snake),);
                }
                let take_apart = pattern(&quote!(#ident::#name), &variant.layout);
                let content = content(&variant.layout, &quote!(&#info));
                quote!(#take_apart => { __v.begin(); __v.field(&#info); #content __v.end(); })
            });
            quote!(match self { #(#arms)* })
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
    let ident = &model.ident;
    let take_apart = pattern(&quote!(#ident), layout);
    let content = content(layout, &quote!(__at));
    quote!(let #take_apart = self; #content)
}

/// Shows the fields that are in scope as references.
fn content(layout: &Layout, at: &TokenStream) -> TokenStream {
    if transparent(layout) {
        let only = fields(layout).map(|item| {
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
            let (local, info) = (own::value(item, &item.local.to_token_stream()), &item.info);
            quote!(__v.element(); __p::Value::show(#local, &#info, __v);)
        });
        return quote!(__v.begin_list(); #(#each)* __v.end_list(););
    }
    let each = fields(layout).map(|item| {
        let (local, info) = (own::value(item, &item.local.to_token_stream()), &item.info);
        quote!(__v.field(&#info); __p::Value::show(#local, &#info, __v);)
    });
    quote!(__v.begin(); #(#each)* __v.end();)
}
