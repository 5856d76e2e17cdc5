//! `Fill`: a value made of JSON, the mirror of `Value`.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};

use super::common::{Locals, construct, de_lifetime, fields, header, transparent, user_expr};
use super::{own, shape};
use crate::attr::idents_in;
use crate::ir::{Item, Layout, Model, Repr, Shape, Style, Variant};

/// `Fill` of any type.
pub(crate) fn expand(model: &Model) -> TokenStream {
    let lifetime = de_lifetime(model);
    let ident = &model.ident;
    let header = header(model, true, &quote!(__p::Fill<#lifetime>), &quote!(__p::Fill<#lifetime>));
    let body = match &model.shape {
        Shape::Struct(layout) if shape::named(layout) => flat(layout, &lifetime),
        Shape::Bits(bits) if shape::named(&bits.layout) => flat(&bits.layout, &lifetime),
        Shape::Struct(layout) => content(model, layout, &quote!(#ident), &quote!(__node), None),
        Shape::Bits(bits) => content(model, &bits.layout, &quote!(#ident), &quote!(__node), None),
        Shape::Scalar(scalar) => {
            let names = scalar.variants.iter().map(|(_, _, snake)| snake);
            let arms = scalar
                .variants
                .iter()
                .enumerate()
                .map(|(index, (name, ..))| quote!(#index => #ident::#name,));
            let max = scalar.max();
            quote! {
                if __node.is_some_and(|__n| __n.as_number().is_some()) {
                    let __raw = <u64 as __p::Fill<#lifetime>>::fill(__node, &__TYPE)?;
                    if __raw > #max { return __p::Err(__p::FillError::new("the number is too large for this field")); }
                    return __p::Ok(<Self as __p::Scalar>::from_raw(__raw));
                }
                let (__index, _) = __p::Node::variant(__node, &[#(#names),*])?;
                __p::Ok(match __index { #(#arms)* _ => return __p::Err(__p::FillError::missing()) })
            }
        }
        Shape::Enum(data) => {
            let names = data.variants.iter().map(|variant| &variant.snake);
            quote! {
                let (__index, __content) = __p::Node::variant(__node, &[#(#names),*])?;
                <Self as __p::FillVariant<#lifetime>>::fill_variant(__index, __content)
            }
        }
    };
    let variants = variants(model);
    quote! {
        #variants
        #header {
            fn fill(__node: __p::Option<&#lifetime __p::Node>, __at: &'static __p::FieldInfo)
                -> __p::Result<Self, __p::FillError>
            { #body }
        }
    }
}

/// The keys are looked at, then the fields are filled.
fn flat(layout: &Layout, lifetime: &syn::Lifetime) -> TokenStream {
    let open = shape::open(layout, &quote!(__node));
    quote!(#open; <Self as __p::FillFlat<#lifetime>>::fill_fields(__node))
}

/// `FillVariant` of an enum with content.
fn variants(model: &Model) -> TokenStream {
    let Shape::Enum(data) = &model.shape else { return TokenStream::new() };
    let (ident, lifetime) = (&model.ident, de_lifetime(model));
    let header = header(model, true, &quote!(__p::FillVariant<#lifetime>), &quote!(__p::Fill<#lifetime>));
    let arms = data.variants.iter().enumerate().map(|(index, variant)| {
        let (name, snake) = (&variant.ident, &variant.snake);
        let body = content(model, &variant.layout, &quote!(#ident::#name), &quote!(__content), Some(variant));
        quote!(#index => (|| -> __p::Result<Self, __p::FillError> { #body })().map_err(|__e| __e.within(#snake)),)
    });
    quote! {
        #header {
            fn fill_variant(__index: usize, __content: __p::Option<&#lifetime __p::Node>)
                -> __p::Result<Self, __p::FillError>
            { match __index { #(#arms)* _ => __p::Err(__p::FillError::missing()) } }
        }
    }
}

/// An expression of `Result<Self, FillError>` that fills a layout from `node`.
pub(crate) fn content(
    model: &Model,
    layout: &Layout,
    path: &TokenStream,
    node: &TokenStream,
    variant: Option<&Variant>,
) -> TokenStream {
    let value = construct(path, layout);
    if fields(layout).next().is_none() {
        return quote!(__p::Ok(#value));
    }
    if transparent(layout) {
        let only = fields(layout).map(|item| {
            let (local, info, ty) = (&item.local, &item.info, full_type(item));
            let (value, _) = (of(item, node), info);
            quote!(let #local: #ty = #value?;)
        });
        return quote!({ #(#only)* __p::Ok(#value) });
    }
    if layout.style == Style::Tuple {
        let each = fields(layout).enumerate().map(|(index, item)| {
            let (local, info, ty) = (&item.local, &item.info, full_type(item));
            let node = quote!(__list.and_then(|__l| __l.get(#index)));
            let (value, _) = (of(item, &node), info);
            let value = match unsaid(model, layout, item) {
                Some(unsaid) => quote!(if #node.is_some() { #value } else { __p::Ok(#unsaid) }),
                None => value,
            };
            quote!(let #local: #ty = (#value).map_err(|__e| __e.within_element(#index))?;)
        });
        return quote!({ let __list = #node.and_then(|__n| __n.elements()); #(#each)* __p::Ok(#value) });
    }
    let open = shape::open(layout, node);
    let filled = members(model, layout, path, &open, variant);
    quote!({ let __node = #node; #filled })
}

/// The same of fields with names, from an object that `open` opens.
pub(super) fn members(
    model: &Model,
    layout: &Layout,
    path: &TokenStream,
    open: &TokenStream,
    variant: Option<&Variant>,
) -> TokenStream {
    let value = construct(path, layout);
    let each = each_member(model, layout, &fields(layout).collect::<Vec<_>>(), variant);
    quote!({ let __node_of = __node; let __object = #open; #each __p::Ok(#value) })
}

/// Statements that fill some of the fields from `__object`.
pub(super) fn each_member(
    model: &Model,
    layout: &Layout,
    items: &[&Item],
    variant: Option<&Variant>,
) -> TokenStream {
    let each = items.iter().map(|item| {
        let (local, info) = (&item.local, &item.info);
        let ty = full_type(item);
        // A tag that only one value is possible for need not be given.
        if let (Repr::TagReceiver, Some([(low, high)])) =
            (&item.repr, variant.map(|variant| &variant.tags[..]))
            && low == high
        {
            let name = &item.label;
            return quote! {
                let #local: #ty = match __object.get(#name) {
                    __p::Some(_) => __object.field(&#info)?,
                    __p::None => __p::tag_into::<#ty>(#low),
                };
            };
        }
        if item.attrs.flatten.is_some() {
            let span = item.span;
            return quote_spanned!(span=> let #local: #ty = __p::FillFlat::fill_fields(__node_of)?;);
        }
        if item.attrs.map.is_some() {
            let value = of(item, &quote!(__n));
            return quote!(let #local: #ty = __object.field_by(&#info, |__n| #value)?;);
        }
        let value = match own::fill(item, &quote!(__n)) {
            Some(value) => quote!(__object.field_by(&#info, |__n| #value)?),
            None => quote!(__object.field(&#info)?),
        };
        match unsaid(model, layout, item) {
            Some(unsaid) => {
                let name = &item.label;
                quote!(let #local: #ty = if __object.get(#name).is_some() { #value } else { #unsaid };)
            }
            None if item.attrs.hidden.is_some() && matches!(item.presence, crate::ir::Presence::Always) => {
                let name = &item.label;
                quote! {
                    let #local: #ty = if __object.get(#name).is_some() { #value } else {
                        use __p::{UnseenDefault as _, UnseenMissing as _};
                        (&__p::Unseen::<#ty>(__p::core::marker::PhantomData)).unseen().map_err(|__e| __e.within(#name))?
                    };
                }
            }
            None => quote!(let #local: #ty = #value;),
        }
    });
    quote!(#(#each)*)
}

/// A `Result` of one field made of `node`.
pub(super) fn of(item: &Item, node: &TokenStream) -> TokenStream {
    let (ty, info) = (full_type(item), &item.info);
    if let (Some(key), Repr::List(_, element)) = (&item.attrs.map, &item.repr) {
        let list = item.field_ty();
        let list = quote_spanned!(key.key=> __p::fill_map::<#element, #list>(#node, &#info));
        return match item.presence {
            crate::ir::Presence::Always => list,
            _ => {
                quote!(match #node { __p::Some(__l) if !__l.is_null() => { let __l = __p::Some(__l); #list.map(__p::Some) } _ => __p::Ok(__p::None) })
            }
        };
    }
    own::fill(item, node).unwrap_or_else(|| quote!(<#ty as __p::Fill<'_>>::fill(#node, &#info)))
}

/// What a field is that need not be given; one whose default depends on what
/// only a frame knows has to be.
fn unsaid(model: &Model, layout: &Layout, item: &Item) -> Option<TokenStream> {
    let default = match (&item.repr, &item.absent) {
        (Repr::Skipped(None), _) => return Some(quote!(__p::core::default::Default::default())),
        (Repr::Skipped(Some(value)), _) => value,
        (_, Some(absent)) => &absent.value,
        _ => return None,
    };
    let mut names = Vec::new();
    idents_in(default.to_token_stream(), &mut names);
    let known = |name: &String| name != "left" && !model.ctx.iter().any(|(ctx, _)| ctx == name);
    names.iter().all(known).then(|| user_expr(default, layout, item, model, Locals::Sample))
}

/// The type of the field, with its `Option`.
pub(crate) fn full_type(item: &crate::ir::Item) -> TokenStream {
    let ty = item.field_ty();
    match item.presence {
        crate::ir::Presence::Always => quote!(#ty),
        _ => quote!(__p::Option<#ty>),
    }
}
