//! The macros of exproto: the derive, and `#[exhook]` in the module of that
//! name. Use them through `exproto-runtime`, which re-exports them and documents
//! their attributes.
//!
//! The derive is a pipeline: `attr` reads the attributes, `lower` turns them and the syntax
//! tree into the model of `ir`, `check` looks for mistakes in the model, and
//! `expand` writes the code. Mistakes are collected in `ctxt` and reported
//! together; `fallback` then stands in for the code, so that one mistake gives
//! one message.

// Syntax trees are large, and a type has few of them.
#![allow(clippy::large_enum_variant)]

mod attr;
mod blocks;
mod catalogue;
mod check;
mod covered;
mod ctxt;
mod exhook;
mod expand;
mod fallback;
mod framing;
mod holds;
mod ir;
mod line;
mod lower;
mod number;
mod proof;
mod relation;
mod spoken;
mod stream;
mod template;
#[cfg(test)]
mod tests;
mod walk;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Derives the layout of a frame or a part of one: decoder, encoder, frame
/// search, JSON form and, with `#[route(..)]`, the way to MQTT.
///
/// See the documentation of `exproto_runtime` for the attributes.
#[proc_macro_derive(ExProtoFrame, attributes(frame, wire, route))]
pub fn derive_exproto_frame(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    derive(&input).into()
}

/// Registers the hooks that an `impl` of `HookProvider` writes, and checks them.
///
/// See the documentation of `exproto_runtime::doc::exhook`.
#[proc_macro_attribute]
pub fn exhook(args: TokenStream, item: TokenStream) -> TokenStream {
    exhook::exhook(args.into(), item.into()).into()
}

fn derive(input: &DeriveInput) -> proc_macro2::TokenStream {
    let mut ctxt = ctxt::Ctxt::default();
    let model = lower::lower(input, &mut ctxt);
    if let Some(model) = &model {
        check::check(model, &mut ctxt);
        if ctxt.is_ok() {
            return expand::expand(model);
        }
    }
    let mut tokens = ctxt.into_compile_errors();
    tokens.extend(fallback::fallback(input, model.as_ref()));
    tokens
}
