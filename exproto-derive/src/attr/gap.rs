//! `pad(..)` and `align(..)`: bytes that mean nothing.

use syn::parse::ParseStream;
use syn::{Expr, Ident, LitInt, Token};

use super::in_parens;
use crate::ir::literal;

/// How many bytes that mean nothing.
#[derive(Clone)]
pub(crate) enum Gap {
    /// So many.
    Bytes(Expr),
    /// Until there are so many from the start of the type on.
    To(Expr),
    /// Until there is a multiple of so many from the start of the type on.
    Align(usize),
}

/// Reads `pad(N)`, `pad(to = N)` or `align(N)`, if one of them stands here.
pub(super) fn parse(input: ParseStream<'_>) -> syn::Result<Option<Gap>> {
    if !(input.peek(Ident) && input.peek2(syn::token::Paren)) {
        return Ok(None);
    }
    let word: Ident = input.fork().parse()?;
    if word != "pad" && word != "align" {
        return Ok(None);
    }
    let _: Ident = input.parse()?;
    let of = |content: ParseStream<'_>| if word == "align" { align(content) } else { pad(content) };
    let gap = in_parens(input, &word, "N", of)?;
    if input.peek(Token![=]) {
        return Err(input.error(format!(
            "`{word}(..)` has no meaning that could be computed: remove the relation; what the bytes are is `fill = 0x00`"
        )));
    }
    Ok(Some(gap))
}

fn align(content: ParseStream<'_>) -> syn::Result<Gap> {
    let literal: LitInt = content.parse()?;
    match literal.base10_parse::<usize>() {
        Ok(of) if (2..=4096).contains(&of) => Ok(Gap::Align(of)),
        _ => Err(syn::Error::new(
            literal.span(),
            "what follows begins at a multiple of 2 to 4096 bytes: `align(4)`",
        )),
    }
}

fn pad(content: ParseStream<'_>) -> syn::Result<Gap> {
    if content.peek(Ident) && content.peek2(Token![=]) && !content.peek2(Token![==]) {
        let name: Ident = content.parse()?;
        if name != "to" {
            return Err(syn::Error::new(
                name.span(),
                format!(
                    "`pad` has no `{name}`: write `pad(3)`, three bytes, or `pad(to = 64)`, up to 64 bytes"
                ),
            ));
        }
        let _: Token![=] = content.parse()?;
        return Ok(Gap::To(content.parse()?));
    }
    let bytes: Expr = content.parse()?;
    if literal(&bytes) == Some(0) {
        return Err(syn::Error::new_spanned(bytes, "this has no bytes: remove it, or say how many"));
    }
    Ok(Gap::Bytes(bytes))
}
