//! Structs and the sizes of layouts.

use proc_macro2::TokenStream;
use quote::quote;

use super::asserts::{const_path, where_used};
use super::common::{construct, ctx_bind, ctx_type, de_lifetime, header, pattern};
use super::decode::Decode;
use super::depth;
use super::encode::Encode;
use crate::ir::{Extent, Item, Layout, ListKind, Model, Presence, Repr};
use crate::lower::fixed_at;

/// `Wire`, `Decode`, `Encode` of a struct.
pub(crate) fn expand(model: &Model, layout: &Layout) -> TokenStream {
    let (min, size, greedy) = sizes(layout);
    let bytes = crate::holds::layout(model, layout).tokens();
    let any_bytes = super::any_bytes::of_struct(model, layout);
    let ctx = ctx_type(model);
    let bind = ctx_bind(model);
    let lifetime = de_lifetime(model);
    let ident = &model.ident;
    let read = Decode { model, layout, frame: model.frame.as_ref(), within: None }.statements();
    let write = Encode::new(model, layout).statements();
    let value = construct(&quote!(#ident), layout);
    let take_apart = pattern(&quote!(#ident), layout);
    let asserts = where_used(model, layout);
    // A frame may be a part of another layout, where nobody has looked yet.
    let found = model.frame.is_some().then(|| quote!(let __found: bool = __r.take_found();));
    let delimited = model.frame.as_ref().is_some_and(super::bounds::delimited).then(|| {
        quote!(
            const DELIMITED: bool = true;
        )
    });
    let read = depth::decode(model, &quote!(#found #bind #read __p::Ok(#value)));
    let write = depth::encode(model, &quote!(#bind let #take_apart = self; #write __p::Ok(())));
    let ends = depth::ends(model);
    let lead = super::column::lead_of_struct(layout, &quote!(#ident));
    let fields = super::column::fields_of(std::iter::once(layout), false);
    let inner = super::inner::expand(model);
    let wire = header(model, false, &quote!(__p::Wire), &quote!(__p::Wire<Ctx = ()>));
    let decode =
        header(model, true, &quote!(__p::Decode<#lifetime>), &quote!(__p::Decode<#lifetime, Ctx = ()>));
    let encode = header(model, false, &quote!(__p::Encode), &quote!(__p::Encode<Ctx = ()>));
    quote! {
        #wire {
            const MIN: usize = #min;
            const SIZE: __p::Option<usize> = #size;
            const GREEDY: bool = #greedy;
            const BYTES: __p::ByteSet = #bytes;
            #any_bytes
            #fields
            #delimited
            #ends
            type Ctx = #ctx;
            #lead
            #inner
        }
        #decode {
            #[inline]
            fn decode<__T: __p::Trace>(__r: &mut __p::Reader<#lifetime, __T>, __ctx: #ctx) -> __p::Result<Self, __p::Error> {
                #asserts
                #read
            }
        }
        #encode {
            #[inline]
            fn encode(&self, __w: &mut __p::Writer<'_>, __ctx: #ctx) -> __p::Result<(), __p::Error> {
                #write
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
        let always =
            matches!(item.presence, Presence::Always) && item.absent.is_none() && item.group.is_none();
        // Of a value that lies within one of its own type nothing more is known.
        if matches!(item.repr, Repr::Part | Repr::Body(_))
            && matches!(item.extent, Extent::Own)
            && crate::spoken::holds_type(ty, layout.owner.split("::").next().unwrap_or_default())
        {
            size = quote!(__p::None);
            continue;
        }
        let own = matches!(item.extent, Extent::Own);
        let greedy_too = match &item.repr {
            _ if item.takes_rest() => Some(quote!(true)),
            Repr::Part if own => Some(quote!(<#ty as __p::Wire>::GREEDY)),
            Repr::Body(_) if own => Some(quote!(<#ty as __p::Tagged>::GREEDY)),
            Repr::Codec(codec) if own && const_path(codec) => {
                Some(quote!(!__p::codec_delimited::<#ty, _>(&#codec)))
            }
            Repr::Slice | Repr::Buffer | Repr::Codec(_) if own => Some(quote!(true)),
            _ => None,
        };
        if let Some(too) = greedy_too {
            greedy = quote!((#greedy || #too));
        }
        let (least, exact) = match (&item.repr, &item.extent) {
            _ if !always => (None, None),
            (Repr::Part, Extent::Own) => {
                (Some(quote!(<#ty as __p::Wire>::MIN)), Some(quote!(<#ty as __p::Wire>::SIZE)))
            }
            (Repr::Codec(codec), Extent::Own) if const_path(codec) => (
                Some(quote!(__p::codec_min::<#ty, _>(&#codec))),
                Some(quote!(__p::codec_size::<#ty, _>(&#codec))),
            ),
            (Repr::List(ListKind::Array, element), Extent::Count(len)) => array_sizes(item, element, len),
            (Repr::Array(len), Extent::Own) => (Some(quote!({ #len })), Some(quote!(__p::Some({ #len })))),
            (_, Extent::Until(end)) => {
                let bytes = end.len();
                (Some(quote!(#bytes)), None)
            }
            (_, Extent::Fixed(bytes)) => (Some(quote!(#bytes)), Some(quote!(__p::Some(#bytes)))),
            (_, Extent::PrefixSizeBy(codec) | Extent::PrefixCountBy(codec)) if const_path(codec) => {
                (Some(quote!(__p::codec_min::<u64, _>(&#codec))), None)
            }
            (_, Extent::PrefixSize(int, _) | Extent::PrefixCount(int, _)) => {
                let bytes = int.bytes;
                (Some(quote!(#bytes)), None)
            }
            _ => (None, None),
        };
        if let Some(least) = least {
            min.extend(quote!(+ #least));
        }
        let exact = exact.filter(|_| item.column.is_none());
        if item.column.is_some_and(|column| column.lead) {
            min.extend(quote!(+ 1_usize));
        }
        let exact = exact.unwrap_or_else(|| quote!(__p::None));
        size = quote!(__p::add_sizes(#size, #exact));
    }
    (quote!(#min), size, greedy)
}

/// The smallest size of an array and, if its elements have one, its size.
pub(crate) fn array_sizes(
    item: &Item,
    element: &syn::Type,
    len: &syn::Expr,
) -> (Option<TokenStream>, Option<TokenStream>) {
    match item.each.as_deref() {
        Some(Item { repr: Repr::Part, extent: Extent::Own, .. }) => (
            Some(quote!((#len) * <#element as __p::Wire>::MIN)),
            Some(quote!(__p::times_size(#len, <#element as __p::Wire>::SIZE))),
        ),
        each => match each.and_then(Item::fixed) {
            Some(bytes) => (Some(quote!((#len) * #bytes)), Some(quote!(__p::Some((#len) * #bytes)))),
            None => (None, None),
        },
    }
}
