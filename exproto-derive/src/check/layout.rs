//! Rules about fields: what kind of value they are, and which keys concern it.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;

use super::extents::{between, bounded, each, extent_of_fixed, fill, lenient, no_extent};
use super::layouts;
use super::numbers::{range, scale, sentinel, strict};
use super::relations::relation;
use super::via::via;
use crate::attr::wire::{TagKey, WireAttrs};
use crate::ctxt::Ctxt;
use crate::ir::{IntTy, Item, Layout, Model, Presence, Repr, Shape};
use crate::lower::{Class, classify};

/// Runs the rules on every layout of a type.
pub(crate) fn check(model: &Model, ctxt: &mut Ctxt) {
    for layout in layouts(model) {
        names(layout, ctxt);
        super::stream::check(model, layout, ctxt);
        for (index, item) in layout.items.iter().enumerate() {
            recursion(model, item, ctxt);
            if item.broken {
                continue;
            }
            value(model, layout, item, item, ctxt);
            if let Some(each) = &item.each {
                value(model, layout, item, each, ctxt);
                super::absent::element(each, ctxt);
            }
            super::absent::default(layout, index, ctxt);
            relation(layout, index, item, ctxt);
            super::summed::summed(layout, index, item, ctxt);
            super::digits::covers_itself(layout, index, item, ctxt);
            super::groups::decides(layout, index, item, ctxt);
            super::named::names(model, layout, index, ctxt);
            super::peek::check(item, ctxt);
            super::index::check(model, layout, index, item, ctxt);
        }
    }
    struct_of_bits(model, ctxt);
    receiver_in_struct(model, ctxt);
}

/// The rules about one value: `item` itself or, in a `Vec`, each element of it.
fn value(model: &Model, layout: &Layout, item: &Item, value: &Item, ctxt: &mut Ctxt) {
    if value.member.is_none() && std::ptr::eq(item, value) {
        wire_only(value, ctxt);
        if let Repr::Gap(_) = value.repr {
            super::absent::gap(value, ctxt);
            return;
        }
        fill(value, ctxt);
        range(value, ctxt);
        sentinel(value, ctxt);
        bounded(value, ctxt);
        strict(value, ctxt);
        return;
    }
    if matches!(value.repr, Repr::Skipped(_)) {
        super::absent::skipped(value, ctxt);
        return;
    }
    if matches!(value.repr, Repr::TagReceiver) {
        receiver(value, ctxt);
        return;
    }
    no_extent(layout, item, value, ctxt);
    extent_of_fixed(value, ctxt);
    bits(value, ctxt);
    each(value, ctxt);
    between(value, ctxt);
    fill(value, ctxt);
    ctx(value, ctxt);
    opaque(value, ctxt);
    lenient(value, ctxt);
    range(value, ctxt);
    sentinel(value, ctxt);
    bounded(value, ctxt);
    strict(value, ctxt);
    scale(value, ctxt);
    via(model, layout, value, ctxt);
}

// Relations and messages speak of items by name, so a name stands for one
// item: `before(len: u8 = ..)` next to a field `len` is a mistake.
fn names(layout: &Layout, ctxt: &mut Ctxt) {
    for (index, item) in layout.items.iter().enumerate() {
        let Some(name) = &item.name else { continue };
        if layout.items.iter().take(index).any(|earlier| earlier.name.as_ref() == Some(name)) {
            ctxt.error_at(
                item.span,
                format_args!("two items are called `{name}`: give one of them another name"),
            );
        }
    }
}

// A type that names itself could be nested by a device until the stack is
// exhausted, also behind `Option`, `Box` or in a list.
fn recursion(model: &Model, item: &Item, ctxt: &mut Ctxt) {
    fn find(tokens: TokenStream, name: &str) -> Option<Span> {
        tokens.into_iter().find_map(|token| match token {
            TokenTree::Ident(ident) if ident == name || ident == "Self" => Some(ident.span()),
            TokenTree::Group(group) => find(group.stream(), name),
            _ => None,
        })
    }
    let name = model.ident.to_string();
    if model.max_depth.is_none()
        && item.member.is_some()
        && let Some(span) = find(item.ty.to_token_stream(), &name)
    {
        ctxt.error_at(
            span,
            format_args!(
                "`{name}` contains itself, so a device could nest it without end: say how deep, `#[wire(max_depth = 8)]`, or declare a type for each level that the protocol has"
            ),
        );
    }
}

// Fields of bits are integers, `bool`, C-like enums or structs of bits, have
// no more bits than their type, and are always there: nothing could say where
// the bits after an absent one lie.
fn bits(item: &Item, ctxt: &mut Ctxt) {
    let Repr::Bits(slot) = &item.repr else { return };
    let (label, count) = (&item.label, slot.count);
    let ty = item.ty.to_token_stream();
    if !matches!(item.presence, Presence::Always) {
        ctxt.error_at(
            item.span,
            format_args!("`{label}` is made of bits, so it is always there: remove `Option`"),
        );
        return;
    }
    if let Some(int) = IntTy::of_type(&item.ty) {
        if int.float {
            ctxt.error(
                &item.ty,
                format_args!("`{label}` is a float, which takes whole bytes: remove `bits`"),
            );
        } else if count > int.held as u32 * 8 {
            ctxt.error(
                &item.ty,
                format_args!("{count} bits do not fit a `{ty}`: use a larger integer for `{label}`"),
            );
        }
        return;
    }
    match classify(&item.ty) {
        Class::Bool if count != 1 => ctxt.error(
            &item.ty,
            format_args!("`{label}` is a `bool`, which is one bit, not {count}: use an integer, or `before(_: bits({}))` for reserved ones", count - 1),
        ),
        Class::Slice | Class::Buffer | Class::Array(_) | Class::List(..) | Class::Unsupported(_) => ctxt.error(
            &item.ty,
            format_args!("`{label}` cannot be made of bits: use an integer, `bool`, a C-like enum or a struct of bits"),
        ),
        Class::Bool | Class::Other => {}
    }
}

// A context goes to a declared type.
fn ctx(item: &Item, ctxt: &mut Ctxt) {
    let Some(span) = item.ctx_span else { return };
    let label = &item.label;
    match &item.repr {
        Repr::Part | Repr::Body(_) | Repr::List(..) => {}
        Repr::Codec(_) => ctxt.error_at(span, format_args!("`{label}` is read by a codec, which takes no context: give the codec its values, or remove `ctx`")),
        _ => ctxt.error_at(span, format_args!("`{label}` is no declared type, so it takes no context: remove `ctx`")),
    }
}

// `opaque` chooses between a body's variants and its `other`.
fn opaque(item: &Item, ctxt: &mut Ctxt) {
    if let Some(key) = &item.attrs.opaque
        && !matches!(item.repr, Repr::Body(_))
    {
        ctxt.error_at(
            key.key,
            format_args!("`opaque` keeps a body raw, and no `tag(..)` selects `{}`: remove it, or add `before(id: u8 = tag({0}))`", item.label),
        );
    }
}

// What stands only on the wire has a value of its own making: it takes a byte
// order, a fill value and a range, no extents or presence.
fn wire_only(item: &Item, ctxt: &mut Ctxt) {
    super::digits::end(item, ctxt);
    let open = super::digits::own_width(item) || matches!(item.repr, Repr::Part);
    for (key, span) in keys(&item.attrs) {
        if open && key == "until" {
            continue;
        }
        if matches!(item.repr, Repr::Gap(_)) {
            if key != "fill" {
                ctxt.error_at(
                    span,
                    format_args!(
                        "`{key}` does not go on bytes that mean nothing; the one key there is `fill`"
                    ),
                );
            }
            continue;
        }
        if !matches!(key, "endian" | "fill" | "range" | "strict" | "scale" | "offset" | "unit") {
            ctxt.error_at(
                span,
                format_args!("`{key}` does not go on what stands only on the wire; the keys there are: endian, fill, range, strict"),
            );
        }
    }
}

// The field that receives a tag is not on the wire, so nothing there concerns
// it, and it is always there.
fn receiver(item: &Item, ctxt: &mut Ctxt) {
    let label = &item.label;
    if !matches!(item.presence, Presence::Always) {
        ctxt.error_at(
            item.span,
            format_args!("`{label}` receives the tag, which is always there: remove `Option`"),
        );
        return;
    }
    if item.attrs.bits.is_some() {
        ctxt.error_at(
            item.span,
            format_args!("`{label}` receives the tag and is not on the wire itself: remove `bits`"),
        );
    }
    for (key, span) in keys(&item.attrs) {
        if !matches!(key, "scale" | "offset" | "unit") {
            ctxt.error_at(
                span,
                format_args!("`{label}` receives the tag and is not on the wire itself: remove `{key}`"),
            );
        }
    }
}

/// The keys that are given, with their places.
pub(super) fn keys(attrs: &WireAttrs) -> Vec<(&'static str, Span)> {
    let all = [
        ("endian", attrs.endian.as_ref().map(|key| key.key)),
        ("as", attrs.codec.as_ref().map(|key| key.key)),
        ("size", attrs.size.as_ref().map(|key| key.key)),
        ("count", attrs.count.as_ref().map(|key| key.key)),
        ("rest", attrs.rest.as_ref().map(|key| key.key)),
        ("until", attrs.until.as_ref().map(|key| key.key)),
        ("max", attrs.max.as_ref().map(|key| key.key)),
        ("extra", attrs.extra.as_ref().map(|key| key.key)),
        ("each", attrs.each.as_ref().map(|key| key.key)),
        ("fill", attrs.fill.as_ref().map(|key| key.key)),
        ("is", attrs.is.as_ref().map(|key| key.key)),
        ("if", attrs.condition.as_ref().map(|key| key.key)),
        ("tag", attrs.tag.as_ref().filter(|key| !matches!(key.value, TagKey::Receive)).map(|key| key.key)),
        ("opaque", attrs.opaque.as_ref().map(|key| key.key)),
        ("lenient", attrs.lenient.as_ref().map(|key| key.key)),
        ("range", attrs.range.as_ref().map(|key| key.key)),
        ("strict", attrs.strict.as_ref().map(|key| key.key)),
        ("ctx", attrs.ctx.as_ref().map(|key| key.key)),
        ("skip", attrs.skip.as_ref().map(|key| key.key)),
        ("default", attrs.default.as_ref().map(|key| key.key)),
        ("scale", attrs.scale.as_ref().map(|key| key.key)),
        ("offset", attrs.offset.as_ref().map(|key| key.key)),
        ("unit", attrs.unit.as_ref().map(|key| key.key)),
        ("sentinel", attrs.sentinel.as_ref().map(|key| key.key)),
        ("via", attrs.via.as_ref().map(|key| key.key)),
    ];
    all.into_iter().filter_map(|(key, span)| Some((key, span?))).collect()
}

// A struct of bits is one integer: nothing in it is computed from elsewhere.
fn struct_of_bits(model: &Model, ctxt: &mut Ctxt) {
    let Shape::Bits(bits) = &model.shape else { return };
    for item in &bits.layout.items {
        if let Some(relation) = &item.relation {
            ctxt.error_at(
                relation.span,
                format_args!("`{}` lies in a struct of bits, which is one integer: relations go where that integer is a field", item.label),
            );
        }
    }
    if let Some((name, _)) = model.ctx.first() {
        ctxt.error(name, "a struct of bits is one integer and takes no context: remove `ctx`");
    }
}

// Only variants have tags to receive.
fn receiver_in_struct(model: &Model, ctxt: &mut Ctxt) {
    let (Shape::Struct(layout) | Shape::Bits(crate::ir::BitStruct { layout, .. })) = &model.shape else {
        return;
    };
    for item in &layout.items {
        if matches!(item.repr, Repr::TagReceiver) {
            ctxt.error_at(
                item.span,
                format_args!(
                    "`{}` would receive the tag of a variant, and this is a struct: remove `tag`",
                    item.label
                ),
            );
        }
    }
}
