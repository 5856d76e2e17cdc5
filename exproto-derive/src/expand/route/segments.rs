//! What the device is told of segments: of each that comes, and of those that
//! do not.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::Expr;

use super::acts::is_function;
use crate::expand::common::located;
use crate::ir::Model;

/// The functions of `Outer` for a frame.
pub(super) fn of_frame(model: &Model) -> TokenStream {
    let routes = &model.routes;
    let function = |name: TokenStream, value: &Expr| {
        // Errors on the function, names as everywhere in this code.
        let span = located(value);
        let made = match value {
            Expr::Path(path) if is_function(path) => {
                quote_spanned!(span=> #path(__frame, &mut *__cx, __parts))
            }
            other => quote!({ let (frame, cx, parts) = (__frame, &mut *__cx, __parts); #other }),
        };
        let written = quote_spanned!(span=> __p::ReplyTo::<Self>::write(#made, __context, __out));
        quote! {
            fn #name(
                &self,
                __cx: &mut __p::Cx<'_, Self::State>,
                __parts: &__p::Parts<'_>,
                __out: &mut __p::Vec<u8>,
            ) -> __p::Result<(), __p::Error> {
                let (__frame, __context) = (self, <Self as __p::Outer>::context(__cx));
                #written
            }
        }
    };
    let segment = routes.segment.as_ref().map(|key| function(quote!(segment_came), &key.value));
    let missing = routes.missing.as_ref().map(|key| {
        let function = function(quote!(segments_missing), &key.value);
        quote! {
            const ASKS_MISSING: bool = true;
            #function
        }
    });
    quote!(#segment #missing)
}

/// The functions of `Gateway`: whether any of its frames asks, and the call of
/// the function of `Outer` that `__f` has.
pub(crate) fn of_gateway(
    at: &TokenStream,
    state: &TokenStream,
    asks: &TokenStream,
    call: impl Fn(TokenStream) -> TokenStream,
) -> TokenStream {
    let (came, missing) = (call(quote!(segment_came)), call(quote!(segments_missing)));
    quote! {
        const ASKS_MISSING: bool = #asks;
        fn segment_came(
            __f: &#at, __cx: &mut __p::Cx<'_, #state>, __parts: &__p::Parts<'_>, __out: &mut __p::Vec<u8>,
        ) -> __p::Result<(), __p::Error> { #came }
        fn segments_missing(
            __f: &#at, __cx: &mut __p::Cx<'_, #state>, __parts: &__p::Parts<'_>, __out: &mut __p::Vec<u8>,
        ) -> __p::Result<(), __p::Error> { #missing }
    }
}
