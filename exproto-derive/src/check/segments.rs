//! Rules about messages that arrive in several frames.

use proc_macro2::Ident;
use quote::ToTokens;
use syn::Expr;
use syn::ext::IdentExt;

use super::{field_hint, field_named};
use crate::attr::segments::Reassemble;
use crate::ctxt::Ctxt;
use crate::ir::{Item, Layout, Model, Presence, Repr};

/// Runs the rules on one `reassemble(..)`.
pub(super) fn check(reassemble: &Reassemble, layout: &Layout, ctxt: &mut Ctxt) {
    if layout.broken {
        return;
    }
    let into = named(&reassemble.into.first, layout, ctxt);
    let root = root(reassemble.place()[0]);
    let part = root.and_then(|root| named(root, layout, ctxt));
    let Some(into) = into.filter(|into| !into.broken) else { return };
    joined(reassemble, into, ctxt);
    whole_body(reassemble, into, root.zip(part), ctxt);
}

/// The field that an expression goes into: `part` of `part.index`.
fn root(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Field(field) => root(&field.base),
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    }
}

// What is named is there.
fn named<'l>(name: &Ident, layout: &'l Layout, ctxt: &mut Ctxt) -> Option<&'l Item> {
    let text = name.unraw().to_string();
    let found = field_named(layout, &text);
    if found.is_none() {
        ctxt.error(name, format_args!("no field `{text}` here; {}", field_hint(layout, &text, &[])));
    }
    found
}

// Segments are joined into a body that a tag selects, or into a field of bytes,
// of the frame or of a variant of its body, which is named then.
fn joined(reassemble: &Reassemble, into: &Item, ctxt: &mut Ctxt) {
    let (name, rest) = (&reassemble.into.first, &reassemble.into.rest);
    match (&reassemble.of, rest.first(), &into.repr) {
        (Some(of), None, _) => ctxt.error(
            of,
            format_args!(
                "`of` names the variant whose field the segments are joined to: write `into = {}.FIELD`, or remove `of`",
                into.label
            ),
        ),
        (None, Some(field), Repr::Body(_)) => ctxt.error(
            name,
            format_args!(
                "`{}` is an enum, and its variants have fields of their own: say which one has `{}`, `of = BODY::VARIANT`",
                into.label,
                field.to_token_stream()
            ),
        ),
        (None, None, Repr::Part) => ctxt.error(
            name,
            format_args!("segments are joined into a body, and no `tag(..)` selects `{}`: add `before(id: u16 = tag({0}))`", into.label),
        ),
        _ => {}
    }
}

// Where a body is put together, what makes a frame a segment is an optional
// field, or what keeps its body raw.
fn whole_body(reassemble: &Reassemble, into: &Item, part: Option<(&Ident, &Item)>, ctxt: &mut Ctxt) {
    if reassemble.of.is_some() || !reassemble.into.rest.is_empty() || into.attrs.opaque.is_some() {
        return;
    }
    if let Some((name, part)) = part
        && matches!(part.presence, Presence::Always)
        && matches!(into.repr, Repr::Body(_) | Repr::Part)
        && !part.broken
    {
        ctxt.error(
            name,
            format_args!(
                "every frame has `{0}`, so every frame would be a segment: make it an `Option`, or say when the body is one, `#[wire(opaque = CONDITION)]`",
                part.label
            ),
        );
    }
}

// Segments are answered, and asked for, of frames that are put together.
pub(super) fn routes(model: &Model, ctxt: &mut Ctxt) {
    let routes = &model.routes;
    let reassembles = model.frame.as_ref().is_some_and(|frame| !frame.attrs.reassemble.is_empty());
    let segment = routes.segment.as_ref().map(|key| ("segment", key.key));
    let missing = routes.missing.as_ref().map(|key| ("missing", key.key));
    for (key, span) in [segment, missing].into_iter().flatten() {
        if routes.gateway.is_none() && routes.one_of.is_none() {
            ctxt.error_at(
                span,
                format_args!("`{key}` belongs to a gateway: write `#[route(gateway, {key} = ..)]`"),
            );
        } else if !reassembles {
            ctxt.error_at(
                span,
                format_args!("no message arrives in several of these frames, so `{key}` is never called: add `#[frame(reassemble(..))]`, or remove it"),
            );
        }
    }
}
