//! What the user's expressions and types speak of.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, Type};

use crate::attr::idents_in;
use crate::ir::Item;

/// Whether an expression names an item.
pub(crate) fn names(expr: &Expr, item: &Item) -> bool {
    let Some(name) = item.known_as() else { return false };
    mentions(expr, &name.to_string())
}

/// Whether a name stands in an expression.
pub(crate) fn mentions(expr: &Expr, name: &str) -> bool {
    let mut idents = Vec::new();
    idents_in(expr.to_token_stream(), &mut idents);
    idents.iter().any(|ident| ident == name)
}

/// Whether an expression speaks of the bytes that are left, which only
/// decoding knows.
pub(crate) fn mentions_left(expr: &Expr) -> bool {
    mentions(expr, "left")
}

/// Whether an expression calls `peek(..)`, which looks at the bytes that come next.
pub(crate) fn peeks(expr: &Expr) -> bool {
    fn find(tokens: TokenStream) -> bool {
        let (mut named, mut plain) = (false, true);
        tokens.into_iter().any(|token| {
            let was_named = std::mem::replace(
                &mut named,
                plain && matches!(&token, TokenTree::Ident(ident) if ident == "peek"),
            );
            // After a dot or a path stands the name of something else.
            plain = !matches!(&token, TokenTree::Punct(punct) if matches!(punct.as_char(), '.' | ':'));
            match token {
                TokenTree::Group(group) => {
                    was_named && group.delimiter() == proc_macro2::Delimiter::Parenthesis
                        || find(group.stream())
                }
                _ => false,
            }
        })
    }
    find(expr.to_token_stream())
}

/// Whether an expression speaks of bytes that only decoding has.
pub(crate) fn by_bytes(expr: &Expr) -> bool {
    mentions_left(expr) || peeks(expr)
}

/// Whether a codec is a constant that the compiler can be asked about: a unit
/// struct, a constant, or a tuple struct made of such.
pub(crate) fn const_path(codec: &Expr) -> bool {
    match codec {
        Expr::Path(_) | Expr::Lit(_) => true,
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else { return false };
            let name = path.path.segments.last().map(|last| last.ident.to_string());
            name.is_some_and(|name| name.starts_with(char::is_uppercase)) && call.args.iter().all(const_path)
        }
        _ => false,
    }
}

/// Whether a type is that of this name, or a box or list of it.
pub(crate) fn holds_type(ty: &Type, name: &str) -> bool {
    fn find(tokens: TokenStream, name: &str) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(ident) => ident == name || ident == "Self",
            TokenTree::Group(group) => find(group.stream(), name),
            _ => false,
        })
    }
    find(ty.to_token_stream(), name)
}
