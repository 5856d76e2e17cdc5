//! Mistakes in declarations: what is said of them, and of which tokens.
#![allow(clippy::unwrap_used)]

mod absent;
mod blocks;
mod columns;
mod depth;
mod digits;
mod ends;
mod frame;
mod gateways;
mod groups;
mod index;
mod join;
mod keys;
mod layout;
mod lists;
mod named;
mod order;
mod peek;
mod relations;
mod routes;
mod segments;
mod sentences;
mod shape;
mod stream;
mod sums;
mod syntax;
mod tags;
mod via;

use std::fmt::Write as _;

use crate::ctxt::Ctxt;

/// A declaration, and each message with the text of the token it points to.
type Row = (&'static str, &'static [(&'static str, &'static str)]);

/// What is said of a declaration.
fn mistakes_in(source: &str) -> Vec<(String, String)> {
    let input = syn::parse_str(source).unwrap();
    let mut ctxt = Ctxt::default();
    if let Some(model) = crate::lower::lower(&input, &mut ctxt) {
        crate::check::check(&model, &mut ctxt);
    }
    ctxt.into_messages()
}

/// Compares all rows: exactly these messages, in any order.
fn mistakes(rows: &[Row]) {
    let mut wrong = String::new();
    for (source, expected) in rows {
        let mut found = mistakes_in(source);
        for (message, token) in *expected {
            match found.iter().position(|(text, at)| text == message && at == token) {
                Some(at) => {
                    found.remove(at);
                }
                None => writeln!(wrong, "{source}\n  not said: {message}\n        of: {token}").unwrap(),
            }
        }
        for (message, token) in found {
            writeln!(wrong, "{source}\n  said: {message}\n    of: {token}").unwrap();
        }
        // Whatever the mistakes are, what stands in for the code is well-formed.
        let tokens = crate::derive(&syn::parse_str(source).unwrap());
        if syn::parse2::<syn::File>(tokens).is_err() {
            writeln!(wrong, "{source}\n  what is emitted does not parse").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
