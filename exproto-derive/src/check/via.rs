//! Rules about transforms.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;

use crate::ctxt::Ctxt;
use crate::ir::{Extent, Item, Layout, Model, Repr};
use crate::spoken::mentions_left;

// A transform makes bytes of the bytes of a field: there is an extent, the value
// is read from all that the transform makes, and nothing borrows from that,
// because it is gone when the field is read.
pub(super) fn via(model: &Model, layout: &Layout, item: &Item, ctxt: &mut Ctxt) {
    let Some(key) = &item.attrs.via else { return };
    let label = &item.label;
    if let Repr::Int(..) | Repr::Scalar(..) | Repr::Bits(_) | Repr::Array(_) = &item.repr {
        ctxt.error_at(
            key.key,
            format_args!(
                "`via` is for bytes that a size or length ends, and `{label}` has the size of its type: declare a type for what is inside and give it a `size`"
            ),
        );
        return;
    }
    if let Some(span) = borrowed(item.ty.to_token_stream()) {
        ctxt.error_at(
            span,
            format_args!(
                "`{label}` would borrow from what `via` makes, which is gone when the field is read: use a type without a lifetime that owns its bytes (`Vec<u8>`, `TextBuf`, `ListBuf`)"
            ),
        );
        return;
    }
    let parameter = model.generics.type_params().find(|param| named(item.ty.to_token_stream(), &param.ident));
    if let Some(parameter) = parameter {
        ctxt.error(
            &item.ty,
            format_args!(
                "`{}` is a type parameter, which may borrow, and what `via` makes is gone when the field is read: name the type",
                parameter.ident
            ),
        );
        return;
    }
    if item.counted() {
        ctxt.error_at(
            key.key,
            format_args!(
                "a count does not say how many bytes `via` is given for `{label}`: say `size` or `rest`, or let a length say `= size({label})`"
            ),
        );
    } else if matches!(item.extent, Extent::Own)
        && matches!(item.repr, Repr::Part | Repr::Body(_) | Repr::Codec(_))
        && !layout.broken
    {
        ctxt.error_at(
            key.key,
            format_args!(
                "nothing says how many bytes `via` is given for `{label}`: add `size` or `rest`, or let a length say `= size({label})`"
            ),
        );
    }
    if let Some(fill) = &item.attrs.fill {
        ctxt.error_at(
            fill.key,
            format_args!(
                "what `via` makes of `{label}` is not filled up: let the transform do it, or remove `fill`"
            ),
        );
    }
    let own_left = model.ctx.iter().any(|(name, _)| name == "left");
    let both = [Some(&key.value), item.opaque.as_ref()];
    for expr in both.into_iter().flatten().filter(|expr| mentions_left(expr) && !own_left) {
        ctxt.error(
            expr,
            "how many bytes are `left` is not known when the field is written: let an earlier field or the context decide",
        );
    }
}

/// The place of a lifetime or reference.
fn borrowed(tokens: TokenStream) -> Option<Span> {
    tokens.into_iter().find_map(|token| match token {
        TokenTree::Punct(punct) if matches!(punct.as_char(), '\'' | '&') => Some(punct.span()),
        TokenTree::Group(group) => borrowed(group.stream()),
        _ => None,
    })
}

fn named(tokens: TokenStream, name: &syn::Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => named(group.stream(), name),
        _ => false,
    })
}
