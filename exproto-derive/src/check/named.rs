//! Rules about the names in expressions: what they speak of is known by then.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Expr;

use crate::ctxt::Ctxt;
use crate::ir::{Item, Layout, Model};
use crate::walk::all_expressions;

// An expression speaks of items before it that have a value.
pub(super) fn names(model: &Model, layout: &Layout, index: usize, ctxt: &mut Ctxt) {
    let Some(item) = layout.items.get(index) else { return };
    // What chooses a byte order has rules of its own.
    let order = |expr: &&Expr| item.endian.as_ref().is_some_and(|order| std::ptr::eq(order, *expr));
    for expr in all_expressions(item).into_iter().filter(|expr| !order(expr)) {
        for name in plain_names(expr) {
            if model.ctx.iter().any(|(ctx, _)| *ctx == name) {
                continue;
            }
            let known = |(_, item): &(usize, &Item)| item.known_as().is_some_and(|known| known == name);
            let Some((at, other)) = layout.items.iter().enumerate().find(known) else { continue };
            if at > index {
                ctxt.error(
                    &name,
                    format_args!(
                        "`{name}` is read after `{}`: an expression speaks of what stands before it",
                        item.label
                    ),
                );
            } else if other.group.is_some_and(|field| field == at && at != index && other.relation.is_some())
            {
                ctxt.error(
                    &name,
                    format_args!("`{name}` is computed and may be absent: let this depend on what says so"),
                );
            } else if other.member.is_none() && other.relation.is_none() {
                ctxt.error(
                    &name,
                    format_args!("`{name}` is reserved and always written the same, so nothing can depend on it: make it a field"),
                );
            }
        }
    }
}

/// The names in an expression that are neither those of a method, field, path,
/// function or struct, nor within a closure, which has names of its own.
fn plain_names(expr: &Expr) -> Vec<Ident> {
    let mut found = Vec::new();
    if !matches!(expr, Expr::Closure(_)) {
        collect(expr.to_token_stream(), &mut found);
    }
    found
}

fn collect(tokens: TokenStream, found: &mut Vec<Ident>) {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let punct = |at: Option<usize>, chars: &[char]| {
        at.and_then(|at| tokens.get(at))
            .is_some_and(|token| matches!(token, TokenTree::Punct(punct) if chars.contains(&punct.as_char())))
    };
    // What a pattern or a closure binds is not told apart from what it uses.
    let binds = tokens.iter().any(|token| match token {
        TokenTree::Ident(name) => name == "let" || name == "match",
        TokenTree::Punct(punct) => punct.as_char() == '|',
        _ => false,
    });
    if binds {
        return;
    }
    for (at, token) in tokens.iter().enumerate() {
        match token {
            TokenTree::Group(group) => collect(group.stream(), found),
            TokenTree::Ident(name) => {
                let before = punct(at.checked_sub(1), &['.', ':', '\'']);
                let after = punct(Some(at + 1), &[':', '!'])
                    && !matches!(tokens.get(at + 2), Some(TokenTree::Punct(next)) if next.as_char() == '=');
                if !before && !after && !matches!(tokens.get(at + 1), Some(TokenTree::Group(_))) {
                    found.push(name.clone());
                }
            }
            _ => {}
        }
    }
}
