//! Other shapes of JSON: fields of parts in their parent, elements of lists
//! under their names.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::LitStr;

use super::common::{construct, de_lifetime, fields, header, pattern, static_lifetimes, transparent};
use super::{fill, value};
use crate::check::shape::names_itself;
use crate::ir::{EnumModel, Item, Layout, Model, Shape, Style};

/// `Flat`, `FillFlat`, `Entry` and `FillEntry`, where a type can have them.
pub(crate) fn expand(model: &Model) -> TokenStream {
    let mut out = distinct(model);
    match &model.shape {
        Shape::Struct(layout) if named(layout) => {
            out.extend(flat_struct(model, layout));
            if let Some(key) = &model.key {
                let ident = &model.ident;
                out.extend(entry(model, &[Keyed { path: quote!(#ident), layout, key: &key.value }], None));
            }
        }
        Shape::Bits(bits) if named(&bits.layout) => out.extend(flat_struct(model, &bits.layout)),
        Shape::Enum(data) => {
            out.extend(flat_enum(model, data));
            let ident = &model.ident;
            let keyed: Vec<_> = data
                .variants
                .iter()
                .filter_map(|variant| {
                    let (name, key) = (&variant.ident, &variant.attrs.key.as_ref()?.value);
                    Some(Keyed { path: quote!(#ident::#name), layout: &variant.layout, key })
                })
                .collect();
            out.extend(entry(model, &keyed, Some(data)));
        }
        _ => {}
    }
    out
}

/// Whether the fields have names, so that the value is an object.
pub(crate) fn named(layout: &Layout) -> bool {
    layout.style == Style::Named && !transparent(layout) && fields(layout).next().is_some()
}

/// What of the layout is in JSON.
fn keys(layout: &Layout) -> TokenStream {
    let keys = fields(layout).map(|item| {
        let label = &item.label;
        if item.attrs.flatten.is_none() {
            return quote!(__p::JsonKey::Name(#label));
        }
        let (ty, span) = (static_lifetimes(item.ty.to_token_stream()), item.span);
        quote_spanned!(span=> __p::JsonKey::Of(<#ty as __p::JsonKeys>::KEYS))
    });
    quote!(&[#(#keys),*])
}

/// How the object is opened whose members are the fields.
pub(crate) fn open(layout: &Layout, node: &TokenStream) -> TokenStream {
    if fields(layout).any(|item| item.attrs.flatten.is_some()) {
        let keys = keys(layout);
        return quote!(__p::Node::with_keys(#node, #keys)?);
    }
    let names = fields(layout).map(|item| &item.label);
    quote!(__p::Node::object(#node, &[#(#names),*])?)
}

/// The checks that no two fields have the same name.
fn distinct(model: &Model) -> TokenStream {
    let layouts: Vec<&Layout> = match &model.shape {
        Shape::Struct(layout) => vec![layout],
        Shape::Enum(data) => data.variants.iter().map(|variant| &variant.layout).collect(),
        _ => Vec::new(),
    };
    if model.generics.type_params().next().is_some() {
        return TokenStream::new();
    }
    let checks = layouts.into_iter().filter_map(|layout| {
        let flat = fields(layout).find_map(|item| item.attrs.flatten.as_ref())?;
        let (span, keys) = (flat.key, keys(layout));
        Some(quote_spanned!(span=> const _: () = __p::check_distinct(#keys);))
    });
    checks.collect()
}

fn flat_struct(model: &Model, layout: &Layout) -> TokenStream {
    let (ident, lifetime) = (&model.ident, de_lifetime(model));
    let flat = header(model, false, &quote!(__p::Flat), &quote!(__p::Value));
    let json_keys = header(model, false, &quote!(__p::JsonKeys), &TokenStream::new());
    let fill_flat = header(model, true, &quote!(__p::FillFlat<#lifetime>), &quote!(__p::Fill<#lifetime>));
    let (keys, take_apart, shown) = (keys(layout), pattern(&quote!(#ident), layout), value::members(layout));
    let filled = fill::members(model, layout, &quote!(#ident), &quote!(__p::Node::open(__node)?), None);
    quote! {
        #json_keys { const KEYS: &'static [__p::JsonKey] = #keys; }
        #flat {
            #[inline]
            fn show_fields<__V: __p::Visitor>(&self, __v: &mut __V) { let #take_apart = self; #shown }
        }
        #fill_flat {
            fn fill_fields(__node: __p::Option<&#lifetime __p::Node>) -> __p::Result<Self, __p::FillError> { #filled }
        }
    }
}

fn flat_enum(model: &Model, data: &EnumModel) -> TokenStream {
    let (ident, lifetime) = (&model.ident, de_lifetime(model));
    let flat = header(model, false, &quote!(__p::Flat), &quote!(__p::Value));
    let json_keys = header(model, false, &quote!(__p::JsonKeys), &TokenStream::new());
    let fill_flat = header(model, true, &quote!(__p::FillFlat<#lifetime>), &quote!(__p::Fill<#lifetime>));
    let names: Vec<_> = data.variants.iter().map(|variant| &variant.snake).collect();
    let arms = data.variants.iter().map(|variant| {
        let (name, info) = (&variant.ident, &variant.info);
        if fields(&variant.layout).next().is_none() {
            return quote!(#ident::#name { .. } => { __v.field(&#info); __v.bool(true); });
        }
        let take_apart = pattern(&quote!(#ident::#name), &variant.layout);
        let content = value::content(&variant.layout, &quote!(&#info));
        quote!(#take_apart => { __v.field(&#info); #content })
    });
    quote! {
        #json_keys { const KEYS: &'static [__p::JsonKey] = &[#(__p::JsonKey::Name(#names)),*]; }
        #flat {
            fn show_fields<__V: __p::Visitor>(&self, __v: &mut __V) { match self { #(#arms)* } }
        }
        #fill_flat {
            fn fill_fields(__node: __p::Option<&#lifetime __p::Node>) -> __p::Result<Self, __p::FillError> {
                let (__index, __content) = __p::Node::one_of(__node, &[#(#names),*])?;
                <Self as __p::FillVariant<#lifetime>>::fill_variant(__index, __content)
            }
        }
    }
}

/// A struct or variant with a name that one of its numbers is part of.
struct Keyed<'m> {
    path: TokenStream,
    layout: &'m Layout,
    key: &'m LitStr,
}

impl Keyed<'_> {
    /// What is before the number, the number, and what is behind it; the rules
    /// have looked at it.
    fn parts(&self) -> Option<(String, &Item, String)> {
        let text = self.key.value();
        let (before, rest) = text.split_once('{')?;
        let (name, behind) = rest.split_once('}')?;
        let item = fields(self.layout).find(|item| item.name.as_deref() == Some(name.trim()))?;
        Some((before.to_string(), item, behind.to_string()))
    }
}

/// `Entry` and `FillEntry`; the variants without a `key` are named as they are.
fn entry(model: &Model, keyed: &[Keyed<'_>], data: Option<&EnumModel>) -> TokenStream {
    let (ident, lifetime) = (&model.ident, de_lifetime(model));
    let shown = header(model, false, &quote!(__p::Entry), &quote!(__p::Value));
    let filled = header(model, true, &quote!(__p::FillEntry<#lifetime>), &quote!(__p::Fill<#lifetime>));
    let (mut names, mut shows, mut fills, mut known) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for variant in data.into_iter().flat_map(|data| &data.variants) {
        if variant.attrs.key.is_some() {
            continue;
        }
        let (name, snake) = (&variant.ident, &variant.snake);
        let index = data.and_then(|data| data.variants.iter().position(|other| other.ident == *name));
        names.push(quote!(#ident::#name { .. } => __out.push_str(#snake),));
        shows.push(match fields(&variant.layout).next() {
            None => quote!(#ident::#name { .. } => __v.bool(true),),
            Some(_) => quote!(#ident::#name { .. } => __p::Value::show_content(self, &__TYPE, __v),),
        });
        fills.push(quote! {
            if __name == #snake {
                return <Self as __p::FillVariant<#lifetime>>::fill_variant(#index, __p::Some(__node));
            }
        });
        known.push(snake.clone());
    }
    for one in keyed {
        let Some((before, number, behind)) = one.parts() else { continue };
        let (path, layout) = (&one.path, one.layout);
        let take_apart = pattern(path, layout);
        let (local, ty) = (&number.local, number.field_ty());
        names.push(quote!(#take_apart => __p::put_number(#local, #before, #behind, __out),));
        let others: Vec<&Item> = fields(layout).filter(|item| !std::ptr::eq(*item, number)).collect();
        let (content, rest) = match others[..] {
            [only] => {
                let (local, info) = (&only.local, &only.info);
                let shown = value::shown(only);
                let value = fill::of(only, &quote!(__p::Some(__node)));
                let ty = fill::full_type(only);
                (quote!(#shown), quote!(let #local: #ty = #value?; let _ = &#info;))
            }
            _ => {
                let shown = value::each_member(&others);
                let filled = fill::each_member(model, layout, &others, None);
                let keys = others.iter().map(|item| &item.label);
                (
                    quote!(__v.begin(); #shown __v.end();),
                    quote! {
                        let __node_of = __p::Some(__node);
                        let __object = __p::Node::object(__node_of, &[#(#keys),*])?;
                        #filled
                    },
                )
            }
        };
        shows.push(quote!(#take_apart => { #content }));
        let value = construct(path, layout);
        let taken = if names_itself(number) { quote!(text_in) } else { quote!(number_in) };
        fills.push(quote! {
            if let __p::Some(#local) = __p::#taken::<#ty>(__name, #before, #behind) {
                #rest
                return __p::Ok(#value);
            }
        });
        known.push(format!("{before}{{{}}}{behind}", number.label));
    }
    quote! {
        #shown {
            fn put_key(&self, __out: &mut __p::String) { match self { #(#names)* } }
            fn show_entry<__V: __p::Visitor>(&self, __v: &mut __V) { match self { #(#shows)* } }
        }
        #filled {
            fn fill_entry(__name: &str, __node: &#lifetime __p::Node) -> __p::Result<Self, __p::FillError> {
                #(#fills)*
                __p::Err(__p::no_entry(&[#(#known),*]))
            }
        }
    }
}
