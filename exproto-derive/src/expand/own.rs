//! Values behind `as = CODEC`: their types need no JSON form and no random
//! values of their own, the codec has them. Which of the two is there is asked
//! by method resolution in the generated code.

use proc_macro2::TokenStream;
use quote::quote;
use syn::Expr;

use crate::ir::{Item, ListKind, Presence, Repr};

/// The codec of a field, or of the elements of a `Vec`.
fn codec(item: &Item) -> Option<&Expr> {
    match (&item.repr, &item.each) {
        // Its magnitude is read by the codec; the whole is an integer.
        _ if item.whole.is_some() => None,
        (Repr::Codec(codec), _) => Some(codec),
        (Repr::List(ListKind::Vec, _), Some(each)) => codec(each),
        _ => None,
    }
}

/// The reference `x` to a field, as a reference to a `Value`.
pub(crate) fn value(item: &Item, x: &TokenStream) -> TokenStream {
    let Some(codec) = codec(item) else { return x.clone() };
    let shown = match item.presence {
        Presence::Always => shown(item, x),
        _ => {
            let one = shown(item, &quote!(__x));
            quote!(match #x { __p::Some(__x) => __p::Some(#one), __p::None => __p::None })
        }
    };
    quote!(&match &(#codec) { __c => { use __p::{ShowByCodec as _, ShowOwn as _}; #shown } })
}

fn shown(item: &Item, x: &TokenStream) -> TokenStream {
    match &item.each {
        Some(each) if !matches!(item.repr, Repr::Codec(_)) => {
            let one = shown(each, &quote!(__x));
            quote!(__p::ShownList(#x, move |__x| #one))
        }
        _ => {
            let ty = &item.ty;
            quote!((&__p::Shown::<_, #ty>(__c, #x)).shown())
        }
    }
}

/// A `Result<_, FillError>` of the field made of `node`, if a codec may have
/// to make it.
pub(crate) fn fill(item: &Item, node: &TokenStream) -> Option<TokenStream> {
    let codec = codec(item)?;
    let filled = match item.presence {
        Presence::Always => filled(item, node),
        _ => {
            let one = filled(item, &quote!(__n));
            quote!(__p::fill_option(#node, |__n| #one))
        }
    };
    Some(quote!(match &(#codec) { __c => { use __p::{FillByCodec as _, FillOwn as _}; #filled } }))
}

fn filled(item: &Item, node: &TokenStream) -> TokenStream {
    match &item.each {
        Some(each) if !matches!(item.repr, Repr::Codec(_)) => {
            let one = filled(each, &quote!(__n));
            quote!(__p::fill_each(#node, |__n| #one))
        }
        _ => {
            let (ty, info) = (&item.ty, &item.info);
            quote!((&__p::Made::<_, #ty>::by(__c)).filled(#node, &#info))
        }
    }
}

/// A random value of a field that a codec reads.
pub(crate) fn sample(item: &Item, codec: &Expr, size: &TokenStream) -> TokenStream {
    let (ty, info) = (&item.ty, &item.info);
    quote!(match &(#codec) {
        __c => {
            use __p::{HeldAll as _, HeldByCodec as _};
            use __p::{SampleByCodec as _, SampleOrDefault as _, SampleOwn as _};
            let (__m, __n) = (__p::Made::<_, #ty>::by(__c), #size);
            (&&__m).sampled(__random, __n, __p::Option::map(__n, |__n| (&&__m).held(__n)), &#info)
        }
    })
}
