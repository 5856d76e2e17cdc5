//! What is read off a type, a name or a number as it is written.

use quote::ToTokens;
use syn::{Expr, Type};

use crate::attr::wire::WireAttrs;
use crate::ctxt::Ctxt;
use crate::ir::{ListKind, Meta};

/// What a field's type is to the layout.
pub(crate) enum Class {
    Slice,
    Buffer,
    Array(Expr),
    List(ListKind, Type),
    Bool,
    Unsupported(&'static str),
    Other,
}

/// A type without what a `macro_rules` macro puts around its `$ty:ty`.
pub(super) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        _ => ty,
    }
}

/// Looks at a type by its name: a macro knows no more of it.
pub(crate) fn classify(ty: &Type) -> Class {
    let is_u8 = |ty: &Type| ty.to_token_stream().to_string() == "u8";
    match bare(ty) {
        Type::Reference(reference) => match &*reference.elem {
            Type::Slice(slice) if is_u8(&slice.elem) => Class::Slice,
            Type::Path(path) if path.path.is_ident("str") => Class::Unsupported(
                "text keeps the bytes it was received as: use `Text<'a>` with `as = Ascii`, `Utf8` or `Gbk`",
            ),
            _ => Class::Unsupported("a borrowed field is `&[u8]`, `Text` or `List`"),
        },
        Type::Array(array) if is_u8(&array.elem) => Class::Array(array.len.clone()),
        Type::Array(array) => Class::List(ListKind::Array, bare(&array.elem).clone()),
        Type::Path(path) => {
            let Some(last) = path.path.segments.last() else { return Class::Other };
            let element = match &last.arguments {
                syn::PathArguments::AngleBracketed(args) => args.args.iter().find_map(|arg| match arg {
                    syn::GenericArgument::Type(ty) => Some(bare(ty).clone()),
                    _ => None,
                }),
                _ => None,
            };
            match (last.ident.to_string().as_str(), element) {
                ("bool", None) => Class::Bool,
                ("Vec", Some(element)) if is_u8(&element) => Class::Buffer,
                ("Vec", Some(element)) => Class::List(ListKind::Vec, element),
                ("List" | "ListBuf", Some(element)) => Class::List(ListKind::Lazy, element),
                ("String", None) => Class::Unsupported(
                    "text keeps the bytes it was received as: use `TextBuf` with `as = Ascii`, `Utf8` or `Gbk`",
                ),
                _ => Class::Other,
            }
        }
        _ => Class::Other,
    }
}

/// The `T` of `Option<T>`.
pub(super) fn option_of(ty: &Type) -> Option<&Type> {
    argument_of(ty, "Option")
}

/// The `T` of `NAME<T>`.
pub(super) fn argument_of<'t>(ty: &'t Type, name: &str) -> Option<&'t Type> {
    let Type::Path(path) = bare(ty) else { return None };
    let last = path.path.segments.last()?;
    if last.ident != name {
        return None;
    }
    match &last.arguments {
        syn::PathArguments::AngleBracketed(args) => match args.args.first()? {
            syn::GenericArgument::Type(ty) => Some(bare(ty)),
            _ => None,
        },
        _ => None,
    }
}

pub(super) fn meta(attrs: &WireAttrs, doc: String, ctxt: &mut Ctxt) -> Meta {
    let scale = super::scale::scale(attrs, ctxt);
    let named = attrs.sentinel.iter().flat_map(|key| &key.value);
    let sentinels =
        named.map(|(value, name)| (*value, syn::ext::IdentExt::unraw(name).to_string())).collect();
    Meta { scale, unit: attrs.unit.as_ref().map(|key| key.value.clone()).unwrap_or_default(), sentinels, doc }
}

/// `PlatformAck` to `platform_ack`, `GPSInfo` to `gps_info`.
pub(crate) fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in chars.iter().enumerate() {
        if c.is_uppercase() {
            let after_lower = i > 0 && (chars[i - 1].is_lowercase() || chars[i - 1].is_ascii_digit());
            let before_lower = i > 0 && chars.get(i + 1).is_some_and(|next| next.is_lowercase());
            if (after_lower || before_lower) && !out.ends_with('_') && !out.is_empty() {
                out.push('_');
            }
            out.extend(c.to_lowercase());
        } else {
            out.push(*c);
        }
    }
    out
}
