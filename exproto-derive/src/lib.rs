//! The derive macro of exproto. Use it through `exproto-runtime`.

use proc_macro::TokenStream;

/// Derives the layout of a frame or a part of one.
#[proc_macro_derive(ExProtoFrame, attributes(frame, wire, route))]
pub fn derive_exproto_frame(input: TokenStream) -> TokenStream {
    let _ = input;
    TokenStream::new()
}
