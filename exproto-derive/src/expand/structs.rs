//! Structs and the sizes of layouts.

use proc_macro2::TokenStream;
use quote::quote;

use super::common::{construct, ctx_bind, ctx_type, de_lifetime, header, pattern};
use super::decode::Decode;
use super::encode::Encode;
use crate::ir::{Extent, Item, Layout, Model, Presence, Repr};
use crate::lower::fixed_at;

/// `Wire`, `Decode`, `Encode` of a struct.
pub(crate) fn expand(model: &Model, layout: &Layout) -> TokenStream {
    let (min, size, greedy) = sizes(layout);
    let ctx = ctx_type(model);
    let bind = ctx_bind(model);
    let lifetime = de_lifetime(model);
    let ident = &model.ident;
    let read = Decode { model, layout, frame: model.frame.as_ref() }.statements();
    let write = Encode { model, layout }.statements();
    let value = construct(&quote!(#ident), layout);
    let take_apart = pattern(&quote!(#ident), layout);
    let asserts = asserts(layout);
    let wire = header(model, false, &quote!(__p::Wire), &quote!(__p::Wire<Ctx = ()>));
    let decode = header(model, true, &quote!(__p::Decode<#lifetime>), &quote!(__p::Decode<#lifetime, Ctx = ()>));
    let encode = header(model, false, &quote!(__p::Encode), &quote!(__p::Encode<Ctx = ()>));
    quote! {
        #wire {
            const MIN: usize = #min;
            const SIZE: __p::Option<usize> = #size;
            const GREEDY: bool = #greedy;
            type Ctx = #ctx;
        }
        #decode {
            #[inline]
            fn decode<__T: __p::Trace>(__r: &mut __p::Reader<#lifetime, __T>, __ctx: #ctx) -> __p::Result<Self, __p::Error> {
                #asserts
                #bind
                #read
                __p::Ok(#value)
            }
        }
        #encode {
            #[inline]
            fn encode(&self, __w: &mut __p::Writer<'_>, __ctx: #ctx) -> __p::Result<(), __p::Error> {
                #bind
                let #take_apart = self;
                #write
                __p::Ok(())
            }
        }
    }
}

/// Constant expressions: the smallest size, the size if it is constant,
/// whether the layout takes all that there is.
pub(crate) fn sizes(layout: &Layout) -> (TokenStream, TokenStream, TokenStream) {
    let mut min = quote!(0_usize);
    let mut size = quote!(__p::Some(0_usize));
    let mut greedy = quote!(false);
    for (index, item) in layout.items.iter().enumerate() {
        if let Some(bytes) = fixed_at(&layout.items, index) {
            min.extend(quote!(+ #bytes));
            size = quote!(__p::add_sizes(#size, __p::Some(#bytes)));
            continue;
        }
        let ty = &item.ty;
        let own = matches!(item.extent, Extent::Own) && matches!(item.presence, Presence::Always);
        match (&item.repr, own) {
            (Repr::Part, true) => {
                min.extend(quote!(+ <#ty as __p::Wire>::MIN));
                size = quote!(__p::add_sizes(#size, <#ty as __p::Wire>::SIZE));
                greedy = quote!((#greedy || <#ty as __p::Wire>::GREEDY));
            }
            _ => {
                let prefix = match &item.extent {
                    Extent::PrefixSize(int, _) | Extent::PrefixCount(int, _) if matches!(item.presence, Presence::Always) => int.bytes,
                    _ => 0,
                };
                min.extend(quote!(+ #prefix));
                size = quote!(__p::add_sizes(#size, __p::None));
                if item.takes_rest() || (matches!(item.extent, Extent::Own) && matches!(item.repr, Repr::Slice | Repr::Buffer | Repr::Codec(_))) {
                    greedy = quote!(true);
                }
            }
        }
    }
    (quote!(#min), size, greedy)
}

/// What has to hold of the types of fields, with a sentence for each.
pub(crate) fn asserts(layout: &Layout) -> TokenStream {
    let mut out = TokenStream::new();
    for (index, item) in layout.items.iter().enumerate() {
        out.extend(greedy_in_the_middle(layout, index, item));
        out.extend(empty_elements(item));
        out.extend(tag_width(layout, item));
    }
    out
}

/// A value that takes everything may only stand last or have an extent.
fn greedy_in_the_middle(layout: &Layout, index: usize, item: &Item) -> TokenStream {
    let last = index + 1 == layout.items.len();
    if last || !matches!(item.repr, Repr::Part) || !matches!(item.extent, Extent::Own) {
        return TokenStream::new();
    }
    let ty = &item.ty;
    let span = item.span;
    let message = format!(
        "`{}` takes all bytes there are, but other fields follow it: give it a `size`, or let a length field say `= size({})`",
        item.label, item.label
    );
    quote::quote_spanned!(span=> const { ::core::assert!(!<#ty as __p::Wire>::GREEDY, #message) };)
}

/// Elements of no size would make an endless list.
fn empty_elements(item: &Item) -> TokenStream {
    let Repr::List(_, element) = &item.repr else { return TokenStream::new() };
    let elements_are_parts = item.each.as_ref().is_none_or(|each| matches!((&each.repr, &each.extent), (Repr::Part, Extent::Own)));
    if !matches!(item.extent, Extent::Rest(_) | Extent::BySize(_) | Extent::Size(_) | Extent::PrefixSize(..)) || !elements_are_parts {
        return TokenStream::new();
    }
    let span = item.span;
    let message = format!("an element of `{}` may have no bytes, so the list would have no end: say `count`", item.label);
    quote::quote_spanned!(span=> const { ::core::assert!(<#element as __p::Wire>::MIN > 0, #message) };)
}

/// The tags of a body have to fit the field that holds them.
fn tag_width(layout: &Layout, item: &Item) -> TokenStream {
    let Repr::Body(tag) = item.repr else { return TokenStream::new() };
    let Some(carrier) = layout.items.get(tag) else { return TokenStream::new() };
    let bits = match &carrier.repr {
        Repr::Int(int, _) | Repr::Scalar(int, _) => int.bytes as u32 * 8,
        Repr::Bits(slot) => slot.count,
        _ => 64,
    };
    let ty = &item.ty;
    let span = item.span;
    let max = if bits >= 64 { u64::MAX } else { (1_u64 << bits) - 1 };
    let message = format!("a tag of `{}` does not fit the {bits} bits of `{}`", item.label, carrier.label);
    quote::quote_spanned!(span=> const { ::core::assert!(<#ty as __p::Tagged>::MAX_TAG <= #max, #message) };)
}
