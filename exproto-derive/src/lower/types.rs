//! What is read off a type, a name or a number as it is written.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Expr, Type};

use crate::attr::Keyed;
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
    let decimal = |key: &Option<Keyed<Expr>>, ctxt: &mut Ctxt| {
        let key = key.as_ref()?;
        let parsed = decimal(&key.value.to_token_stream());
        if parsed.is_none() {
            ctxt.error(&key.value, "write a decimal number, such as `0.1`, `1e-6` or `-40`");
        }
        parsed
    };
    let scale = decimal(&attrs.scale, ctxt);
    let offset = decimal(&attrs.offset, ctxt);
    let scale = if scale.is_some() || offset.is_some() {
        let (factor, factor_exp) = scale.unwrap_or((1, 0));
        let (add, add_exp) = offset.unwrap_or((0, 0));
        let decimals = 0.max(-factor_exp).max(-add_exp);
        let lift = |mantissa: i64, exp: i32| {
            u32::try_from(exp + decimals)
                .ok()
                .and_then(|by| 10_i64.checked_pow(by))
                .and_then(|power| mantissa.checked_mul(power))
        };
        match (lift(factor, factor_exp), lift(add, add_exp), u8::try_from(decimals)) {
            (Some(mul), Some(add), Ok(decimals)) if decimals <= 18 && mul != 0 => Some((mul, add, decimals)),
            _ => {
                let key = attrs.scale.as_ref().or(attrs.offset.as_ref());
                if let Some(key) = key {
                    ctxt.error(
                        &key.value,
                        "this scale has no exact form: use at most 18 decimals and a factor that is not 0",
                    );
                }
                None
            }
        }
    } else {
        None
    };
    let named = attrs.sentinel.iter().flat_map(|key| &key.value);
    let sentinels =
        named.map(|(value, name)| (*value, syn::ext::IdentExt::unraw(name).to_string())).collect();
    Meta { scale, unit: attrs.unit.as_ref().map(|key| key.value.clone()).unwrap_or_default(), sentinels, doc }
}

/// A decimal literal as mantissa and power of ten.
fn decimal(tokens: &TokenStream) -> Option<(i64, i32)> {
    let text: String = tokens.to_string().chars().filter(|c| !c.is_whitespace() && *c != '_').collect();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.to_string()),
        None => (false, text),
    };
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text.as_str(), 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut mantissa: i64 = format!("{whole}{fraction}").parse().ok()?;
    if negative {
        mantissa = -mantissa;
    }
    Some((mantissa, exponent - i32::try_from(fraction.len()).ok()?))
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
