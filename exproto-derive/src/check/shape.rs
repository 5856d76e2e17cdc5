//! Rules about the shape of JSON.

use quote::ToTokens;
use syn::LitStr;

use super::field_hint;
use super::field_named;
use crate::attr::wire::WireAttrs;
use crate::ctxt::Ctxt;
use crate::ir::{IntTy, Item, Layout, ListKind, Model, Repr, Shape, Style};

/// Runs the rules.
pub(super) fn check(model: &Model, ctxt: &mut Ctxt) {
    for layout in super::layouts(model) {
        for item in &layout.items {
            field(model, layout, item, ctxt);
        }
    }
    if let Some(key) = &model.key {
        match &model.shape {
            Shape::Struct(layout) => {
                number_of(layout, &key.value, ctxt);
            }
            _ => ctxt.error_at(
                key.key,
                "`key` names structs and variants with a number in them; this type is one integer",
            ),
        }
    }
    let Shape::Enum(data) = &model.shape else { return };
    let mut keyed: Vec<(&str, String, String)> = Vec::new();
    for variant in &data.variants {
        let Some(key) = &variant.attrs.key else { continue };
        let Some((before, behind)) = number_of(&variant.layout, &key.value, ctxt) else { continue };
        if let Some((_, earlier)) =
            keyed.iter().map(|(name, b, a)| ((b, a), name)).find(|(at, _)| *at == (&before, &behind))
        {
            ctxt.error(
                &key.value,
                format_args!(
                    "`{earlier}` has the same names, so `{}` would never be made of JSON",
                    variant.ident
                ),
            );
        }
        let fits = |name: &str| {
            name.strip_prefix(&*before)
                .and_then(|rest| rest.strip_suffix(&*behind))
                .is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
        };

        if let Some(other) =
            data.variants.iter().find(|other| other.attrs.key.is_none() && fits(&other.snake))
        {
            ctxt.error(&key.value, format_args!("`{}` is also the name of `{}`", other.snake, other.ident));
        }
        keyed.push((&variant.snake, before, behind));
    }
}

// Keys of the shape go on fields that have it.
fn field(model: &Model, layout: &Layout, item: &Item, ctxt: &mut Ctxt) {
    let label = &item.label;
    let attrs: &WireAttrs = &item.attrs;
    for (name, key) in [("hidden", &attrs.hidden), ("flatten", &attrs.flatten)] {
        if let Some(key) = key
            && layout.style == Style::Tuple
        {
            ctxt.error_at(
                key.key,
                format_args!(
                    "`{name}` is for fields with names: in JSON a tuple is a list, or its only value"
                ),
            );
            return;
        }
    }
    if item.broken {
        return;
    }
    if let (Some(hidden), Some(_)) = (&attrs.hidden, attrs.flatten.as_ref().or(attrs.map.as_ref())) {
        ctxt.error_at(
            hidden.key,
            format_args!(
                "what is hidden has no shape in JSON: remove `hidden`, or the other key of `{label}`"
            ),
        );
        return;
    }
    if let Some(key) = &attrs.flatten
        && !matches!(item.repr, Repr::Part | Repr::Body(_))
    {
        ctxt.error_at(
            key.key,
            format_args!(
                "`flatten` puts the fields of a declared struct or enum here, and `{label}` is neither"
            ),
        );
    }
    let parameter = |ty: &syn::Type| {
        let ty = ty.to_token_stream().to_string();
        model.generics.type_params().any(|param| param.ident == ty)
    };
    if let Some(key) = attrs.flatten.as_ref().filter(|_| parameter(&item.ty)) {
        ctxt.error_at(
            key.key,
            format_args!(
                "`{}` is a type parameter, whose fields are not known here: name the type of `{label}`, or remove `flatten`",
                item.ty.to_token_stream()
            ),
        );
    }
    if let Some(key) = &attrs.map
        && !matches!(item.repr, Repr::List(ListKind::Vec | ListKind::Lazy, _))
    {
        ctxt.error_at(
            key.key,
            format_args!("`map` shows a `List`, `ListBuf` or `Vec` as an object, and `{label}` is none"),
        );
    }
}

/// Whether a field is text that can be a name.
pub(crate) fn names_itself(item: &Item) -> bool {
    let syn::Type::Path(path) = item.field_ty() else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "Word" || last.ident == "TextBuf")
}

// A name holds one number: text before it, and text behind it.
fn number_of(layout: &Layout, key: &LitStr, ctxt: &mut Ctxt) -> Option<(String, String)> {
    let text = key.value();
    let parts = text.split_once('{').and_then(|(before, rest)| {
        let (name, behind) = rest.split_once('}')?;
        Some((before.to_string(), name.trim().to_string(), behind.to_string()))
    });
    let whole =
        |text: &str| text.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':' | '/'));
    let Some((before, name, behind)) = parts.filter(|(before, _, behind)| whole(before) && whole(behind))
    else {
        ctxt.error(key, "a name holds one number, with letters, digits, `_`, `-`, `.`, `:` and `/` around it: `\"io{id}\"`");
        return None;
    };
    if layout.broken {
        return None;
    }
    if layout.style != Style::Named {
        ctxt.error(
            key,
            format_args!(
                "the number is a field, by its name, and `{0}` has none: write `{0} {{ {name}: u8, .. }}`",
                layout.owner
            ),
        );
        return None;
    }
    let Some(item) = field_named(layout, &name) else {
        ctxt.error(
            key,
            format_args!("`{}` has no field `{name}`; {}", layout.owner, field_hint(layout, &name, &[])),
        );
        return None;
    };
    let number = IntTy::of_type(item.field_ty()).is_some_and(|int| !int.float);
    let always = matches!(item.presence, crate::ir::Presence::Always);
    if !(always && (number || names_itself(item))) && !item.broken {
        let ty = item.ty.to_token_stream();
        ctxt.error(
            key,
            format_args!(
                "`{name}` is a `{ty}`: a name holds an integer, a `Word` or a `TextBuf` that is always there"
            ),
        );
        return None;
    }
    Some((before, behind))
}
