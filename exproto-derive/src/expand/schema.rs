//! The statics that say what each field is called and how it is rendered.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Expr;

use super::common::layouts;
use crate::ir::{Item, Model, Scale, Shape};
use crate::number::integer_of;

/// One `FieldInfo` for each item and variant.
pub(crate) fn infos(model: &Model) -> TokenStream {
    let mut out = TokenStream::new();
    for layout in layouts(model) {
        for item in &layout.items {
            let info = &item.info;
            let value = info_value(&layout.owner, item);
            out.extend(quote!(static #info: __p::FieldInfo = #value;));
        }
    }
    let owner = model.ident.to_string();
    if let Shape::Enum(data) = &model.shape {
        for variant in &data.variants {
            let (info, name, doc) = (&variant.info, &variant.snake, &variant.doc);
            out.extend(
                quote!(static #info: __p::FieldInfo = __p::FieldInfo::new(#owner, #name).with_doc(#doc);),
            );
        }
    }
    out.extend(quote!(static __TYPE: __p::FieldInfo = __p::FieldInfo::new("", #owner);));
    out
}

fn info_value(owner: &str, item: &Item) -> TokenStream {
    let label = &item.label;
    let mut value = quote!(__p::FieldInfo::new(#owner, #label));
    if let Some(Scale { mul, add, decimals, div }) = item.meta.scale {
        value.extend(quote!(.scaled(__p::Scale { mul: #mul, add: #add, decimals: #decimals, div: #div })));
    }
    if !item.meta.unit.is_empty() {
        let unit = &item.meta.unit;
        value.extend(quote!(.with_unit(#unit)));
    }
    if let (Some(pad), Some(_)) = (item.fill, &item.member) {
        value.extend(quote!(.padded_with(#pad)));
    }
    if !item.meta.sentinels.is_empty() {
        let named = sentinels(item).into_iter().map(|(value, name)| quote!((#value, #name)));
        value.extend(quote!(.with_sentinels(&[#(#named),*])));
    }
    if let Some((low, high)) = &item.range
        && constant(low)
        && constant(high)
    {
        value.extend(quote!(.with_range((#low) as i64, (#high) as i64)));
    }
    if !item.meta.doc.is_empty() {
        let doc = &item.meta.doc;
        value.extend(quote!(.with_doc(#doc)));
    }
    value
}

/// The sentinels as the field's integer holds them: `0x80` in an `i8` is -128.
pub(crate) fn sentinels(item: &Item) -> Vec<(i64, &str)> {
    let signed = integer_of(item).filter(|(int, bits)| int.signed && *bits < 64);
    let held = |value: i64| match signed {
        Some((_, bits)) if value >> (bits - 1) == 1 => value - (1 << bits),
        _ => value,
    };
    item.meta.sentinels.iter().map(|(value, name)| (held(*value), name.as_str())).collect()
}

/// Whether a bound is a number or a constant, not an earlier field.
pub(crate) fn constant(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) => true,
        Expr::Unary(unary) => constant(&unary.expr),
        Expr::Paren(paren) => constant(&paren.expr),
        Expr::Binary(binary) => constant(&binary.left) && constant(&binary.right),
        Expr::Path(path) => {
            let name = path.to_token_stream().to_string();
            name.contains("::") || name.chars().all(|c| c.is_uppercase() || c == '_' || c.is_ascii_digit())
        }
        _ => false,
    }
}
