//! Rules about what selects a variant.

use quote::ToTokens;

use super::max_of;
use crate::ctxt::Ctxt;
use crate::ir::{EnumModel, IntTy, Item, Model, Repr, ScalarEnum, Shape, Variant};

/// Runs the rules on an enum.
pub(crate) fn check(model: &Model, ctxt: &mut Ctxt) {
    match &model.shape {
        Shape::Scalar(data) => {
            values_differ(data, ctxt);
            values_fit(data, ctxt);
            values_kept(model, data, ctxt);
            no_context(model, ctxt);
        }
        Shape::Enum(data) => {
            if data.one_of {
                // The frame search chooses.
                return;
            }
            if data.chosen {
                no_tags(model, data, ctxt);
                if data.tried.is_none() {
                    unreachable(data, ctxt);
                }
            } else {
                tag_missing(model, data, ctxt);
                tags_differ(data, ctxt);
                tags_fit(data, ctxt);
                other(data, ctxt);
            }
            for variant in &data.variants {
                receivers(data, variant, ctxt);
            }
        }
        Shape::Struct(_) | Shape::Bits(_) => {}
    }
}

// Two variants of a C-like enum have different values.
fn values_differ(data: &ScalarEnum, ctxt: &mut Ctxt) {
    for (index, (name, value, _)) in data.variants.iter().enumerate() {
        let earlier = data.variants.iter().take(index).find(|(_, earlier, _)| earlier == value);
        if let (Some((earlier, ..)), Some(at)) = (earlier, data.values_at.get(index)) {
            ctxt.error(
                at,
                format_args!(
                    "`{name}` and `{earlier}` have the same value {value}: give one of them another"
                ),
            );
        }
    }
}

// The values of a C-like enum fit its integer.
fn values_fit(data: &ScalarEnum, ctxt: &mut Ctxt) {
    let tag = data.name();
    for ((name, value, _), at) in data.variants.iter().zip(&data.values_at) {
        if *value > data.max() {
            ctxt.error(at, format_args!("the value {value} of `{name}` does not fit `tag = {tag}`"));
        }
    }
}

// Every value that a device may send has a name, or a variant that keeps it:
// else it would be lost on the way.
fn values_kept(model: &Model, data: &ScalarEnum, ctxt: &mut Ctxt) {
    if data.broken {
        return;
    }
    let name = data.name();
    match &data.other_ty {
        Some(ty) => {
            let holds = IntTy::of_type(ty).is_some_and(|int| {
                !int.signed && !int.float && int.bytes >= data.int.held.min(data.int.bytes)
            });
            if !holds {
                let text = ty.to_token_stream();
                ctxt.error(
                    ty,
                    format_args!(
                        "`{text}` cannot keep every value of a `{name}`: use `u{}`",
                        data.int.held * 8
                    ),
                );
            }
        }
        None if data.other.is_some() => {
            if let Some(name) = &data.other {
                ctxt.error(
                    name,
                    format_args!("`{name}` does not keep the value: write `{name}(u{})`", data.int.held * 8),
                );
            }
        }
        None => {
            let named = data.variants.len() as u64;
            let max = data.max();
            if named <= max {
                let all = max.checked_add(1).map_or_else(|| "2^64".to_string(), |all| all.to_string());
                ctxt.error(
                    &model.ident,
                    format_args!(
                        "`{}` names {named} of {all} values and would lose the others: add `#[wire(other)] Other(u{})`",
                        model.ident,
                        data.int.held * 8
                    ),
                );
            }
        }
    }
}

// A C-like enum is one integer, whatever surrounds it.
fn no_context(model: &Model, ctxt: &mut Ctxt) {
    if let Some((name, _)) = model.ctx.first() {
        ctxt.error(name, "an enum that is one integer takes no context: remove `ctx`");
    }
}

// Where no variant has a tag there are no other tags to take. What is tried has
// no need of tags, and a last variant takes what does not fit.
fn no_tags(model: &Model, data: &EnumModel, ctxt: &mut Ctxt) {
    for variant in data.variants.iter().filter(|variant| !variant.broken) {
        if let Some(key) = &variant.attrs.other {
            ctxt.error_at(
                key.key,
                "`other` is for tags; here a last variant without `when` takes what is left",
            );
        }
        if let (Some(_), Some(key)) = (data.tried, &variant.attrs.tag) {
            ctxt.error_at(
                key.key,
                "the first variant that fits is taken here: remove `tag`, or `try` from the enum",
            );
        }
    }
    let Some(span) = data.tried else { return };
    if model.max_depth.is_some() {
        ctxt.error_at(
            span,
            "what is tried at every level of values within each other has no end in sight: tell these variants apart by a tag or by `when`",
        );
    }
    if data.inline_tag.is_some() {
        ctxt.error_at(
            span,
            "this enum begins with a tag, which says which variant follows: remove `try`, or `tag`",
        );
    } else if data.lenient {
        ctxt.error_at(
            span,
            "`try` looks already for a variant that fits: remove `lenient`; a last variant with `#[wire(rest)] data: &'a [u8]` keeps the rest",
        );
    }
}

// A variant without `when` takes everything, so it is the last.
fn unreachable(data: &EnumModel, ctxt: &mut Ctxt) {
    let Some(open) = data.variants.iter().position(|variant| variant.when.is_none() && !variant.broken)
    else {
        return;
    };
    if let (Some(open), Some(next)) = (data.variants.get(open), data.variants.get(open + 1)) {
        ctxt.error(
            &next.ident,
            format_args!("`{}` is never chosen, because `{}` before it has no `when`: add one there, or move it to the end", next.ident, open.ident),
        );
    }
}

// Each variant of a tagged enum has a tag, or is the `other` one.
fn tag_missing(model: &Model, data: &EnumModel, ctxt: &mut Ctxt) {
    let lacks =
        |variant: &Variant| variant.tags.is_empty() && variant.attrs.other.is_none() && !variant.broken;
    let mut missing = data.variants.iter().filter(|variant| lacks(variant));
    if !data.variants.is_empty() && data.variants.iter().all(lacks) {
        ctxt.error(
            &model.ident,
            format_args!(
                "nothing says which variant of `{}` is meant: give each of them `#[wire(tag = ..)]` or `#[wire(when = ..)]`",
                model.ident
            ),
        );
    } else if data.variants.iter().any(|variant| variant.broken) {
        // The attribute that could not be read may be the `when` of an enum
        // that has no tags at all.
    } else if let Some(variant) = missing.next() {
        let also: Vec<String> = missing.map(|variant| format!("`{}`", variant.ident)).collect();
        let also =
            if also.is_empty() { String::new() } else { format!("; neither have {}", also.join(", ")) };
        ctxt.error(
            &variant.ident,
            format_args!(
                "`{}` has no tag: add `#[wire(tag = ..)]`, or `#[wire(other)]` to take all other tags{also}",
                variant.ident
            ),
        );
    }
}

// No two variants have a tag in common, unless a condition decides which it is.
fn tags_differ(data: &EnumModel, ctxt: &mut Ctxt) {
    for (index, variant) in data.variants.iter().enumerate() {
        for (nth, (low, high)) in variant.tags.iter().enumerate() {
            let overlap = |(from, to): &(u64, u64)| (low.max(from) <= high.min(to)).then(|| *low.max(from));
            let within = variant.tags.iter().take(nth).find_map(overlap);
            if let Some(tag) = within {
                tag_error(
                    variant,
                    format_args!("`{}` has the tag {tag:#04X} twice: remove one", variant.ident),
                    ctxt,
                );
                continue;
            }
            for earlier in data.variants.iter().take(index).filter(|earlier| earlier.when.is_none()) {
                if let Some(tag) = earlier.tags.iter().find_map(overlap) {
                    tag_error(
                        variant,
                        format_args!(
                            "`{}` and `{}` both have the tag {tag:#04X}: give one of them another",
                            variant.ident, earlier.ident
                        ),
                        ctxt,
                    );
                    break;
                }
            }
        }
    }
}

// Tags fit the integer that the enum begins with.
fn tags_fit(data: &EnumModel, ctxt: &mut Ctxt) {
    let Some((int, _)) = data.inline_tag else { return };
    let tag = crate::number::name(int);
    for variant in &data.variants {
        if let Some((_, high)) = variant.tags.iter().find(|(_, high)| *high > int.max()) {
            tag_error(variant, format_args!("the tag {high:#04X} does not fit `tag = {tag}`"), ctxt);
        }
    }
}

fn tag_error(variant: &Variant, message: impl std::fmt::Display, ctxt: &mut Ctxt) {
    match &variant.attrs.tag {
        Some(crate::attr::Keyed { value: crate::attr::wire::TagKey::Pattern(pattern), .. }) => {
            ctxt.error(pattern, message)
        }
        _ => ctxt.error(&variant.ident, message),
    }
}

// `other` takes every tag that no variant has and keeps it; `lenient` needs it
// for what does not fit its variant, with all the bytes.
fn other(data: &EnumModel, ctxt: &mut Ctxt) {
    let Some(other) = data.other.and_then(|index| data.variants.get(index)) else {
        if let Some(span) = data.lenient_at
            && !data.variants.iter().any(|variant| variant.broken)
        {
            ctxt.error_at(
                span,
                "`lenient` keeps what does not fit its variant in `other`: add `#[wire(other)] Other { #[wire(tag)] id: u16, #[wire(rest)] data: &'a [u8] }`",
            );
        }
        return;
    };
    if let Some(key) = &other.attrs.tag {
        ctxt.error_at(key.key, "`other` takes every tag that no variant has: remove `tag`");
        return;
    }
    if let Some(key) = &other.attrs.when {
        ctxt.error_at(key.key, "`other` takes every tag that no variant has: remove `when`");
        return;
    }
    if other.broken || other.layout.broken || other.layout.items.iter().any(|item| item.broken) {
        return;
    }
    let name = &other.ident;
    if !other.layout.items.iter().any(|item| matches!(item.repr, Repr::TagReceiver)) {
        ctxt.error(name, format_args!("`{name}` would lose the tag: add a field `#[wire(tag)] id: u16`"));
        return;
    }
    let keeps = |item: &Item| matches!(item.repr, Repr::Slice | Repr::Buffer) && item.takes_rest();
    if data.lenient && !other.layout.items.iter().any(keeps) {
        ctxt.error(
            name,
            format_args!("`lenient` keeps what does not fit its variant in `{name}`, which has no place for it: add `#[wire(rest)] data: &'a [u8]`"),
        );
    }
}

// A variant with several tags needs a field that says which one it was; there
// is one such field, an unsigned integer that holds every tag it may get.
fn receivers(data: &EnumModel, variant: &Variant, ctxt: &mut Ctxt) {
    let mut found = variant.layout.items.iter().filter(|item| matches!(item.repr, Repr::TagReceiver));
    let Some(item) = found.next() else {
        if variant.tags.len() > 1 || variant.tags.iter().any(|(low, high)| low != high) {
            let name = &variant.ident;
            tag_error(
                variant,
                format_args!(
                    "`{name}` has several tags, and nothing says which one was received: add a field `#[wire(tag)] id: u8` to it"
                ),
                ctxt,
            );
        }
        return;
    };
    if let Some(second) = found.next() {
        ctxt.error_at(
            second.span,
            format_args!("`{}` receives the tag already: remove one of the two", item.label),
        );
        return;
    }
    if item.broken {
        return;
    }
    let label = &item.label;
    if data.chosen {
        ctxt.error_at(
            item.span,
            format_args!(
                "`{label}` would receive a tag, but the variants here are chosen by `when`: remove `tag`"
            ),
        );
        return;
    }
    let Some(int) = IntTy::of_type(&item.ty) else { return };
    let bits = int.held as u32 * 8;
    if int.signed || int.float {
        ctxt.error(&item.ty, format_args!("a tag is an unsigned integer: use `u{bits}` for `{label}`"));
        return;
    }
    let highest = match data.inline_tag {
        Some((tag, _)) if variant.attrs.other.is_some() => tag.max(),
        _ => variant.tags.iter().map(|(_, high)| *high).max().unwrap_or(0),
    };
    if highest > max_of(bits) {
        ctxt.error(&item.ty, format_args!("`{label}` may receive the tag {highest:#04X}, which does not fit a `u{bits}`: use a larger integer"));
    }
}
