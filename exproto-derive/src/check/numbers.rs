//! Rules about how numbers are read and rendered.

use quote::ToTokens;
use syn::Expr;

use crate::ctxt::Ctxt;
use crate::ir::{IntTy, Item, Repr};
use crate::lower::{Class, classify};

// A range has a lowest and a highest value, in this order, of a number.
pub(super) fn range(item: &Item, ctxt: &mut Ctxt) {
    let Some((low, high)) = &item.range else { return };
    let number = match &item.repr {
        Repr::Int(..) | Repr::Sized(_) => true,
        Repr::Codec(_) => IntTy::of_type(&item.ty).is_some(),
        Repr::Bits(_) | Repr::Scalar(..) => item.member.is_none() || IntTy::of_type(&item.ty).is_some(),
        _ => false,
    };
    if !number {
        if let Some(key) = &item.attrs.range {
            ctxt.error_at(
                key.key,
                format_args!("`range` is for numbers, and `{}` is none: remove it", item.label),
            );
        }
        return;
    }
    if let (Some(from), Some(to)) = (constant(low), constant(high))
        && from > to
    {
        ctxt.error(
            quote::quote!(#low..=#high),
            format_args!(
                "no value lies in this range: write `range = {}..={}`",
                high.to_token_stream(),
                low.to_token_stream()
            ),
        );
    }
}

// `strict` refuses what `range` would only flag.
pub(super) fn strict(item: &Item, ctxt: &mut Ctxt) {
    if let (Some(key), None) = (&item.attrs.strict, &item.attrs.range) {
        ctxt.error_at(
            key.key,
            "`strict` refuses values outside a range: add `range = LOW..=HIGH`, or remove it",
        );
    }
}

// Sentinels are values of an integer, or of the integers of a list, that fit
// it; each has one name.
pub(super) fn sentinel(item: &Item, ctxt: &mut Ctxt) {
    let Some(key) = &item.attrs.sentinel else { return };
    let label = &item.label;
    let integer = crate::number::integer_of(item).filter(|(int, _)| !int.float && item.member.is_some());
    let Some((int, bits)) = integer else {
        ctxt.error_at(
            key.key,
            format_args!("`sentinel` names values of an integer, and `{label}` is none: remove it"),
        );
        return;
    };
    for (index, (value, name)) in key.value.iter().enumerate() {
        let fits = bits >= 64
            || (0..1_i64 << bits).contains(value)
            || (int.signed && (-(1_i64 << (bits - 1))..0).contains(value));
        if !fits {
            ctxt.error(name, format_args!("the value of `{name}` does not fit the {bits} bits of `{label}`"));
        }
        if key.value.iter().take(index).any(|(other, other_name)| other == value || other_name == name) {
            ctxt.error(
                name,
                format_args!("`{name}` or its value is given twice: each sentinel has one name"),
            );
        }
    }
}

// `scale`, `offset` and `unit` render numbers. Floats have no exact decimal
// form, so they are not scaled.
pub(super) fn scale(item: &Item, ctxt: &mut Ctxt) {
    let attrs = &item.attrs;
    let scale = attrs.scale.as_ref().map(|key| ("scale", key.key));
    let offset = attrs.offset.as_ref().map(|key| ("offset", key.key));
    let unit = attrs.unit.as_ref().map(|key| ("unit", key.key));
    let Some((key, span)) = scale.or(offset).or(unit) else { return };
    let label = &item.label;
    let flag = matches!(classify(&item.ty), Class::Bool);
    if flag || matches!(item.repr, Repr::Slice | Repr::Buffer | Repr::Array(_) | Repr::Body(_)) {
        ctxt.error_at(span, format_args!("`{key}` renders numbers, and `{label}` is none: remove it"));
    } else if IntTy::of_type(&item.ty).is_some_and(|int| int.float) && key != "unit" {
        ctxt.error_at(
            span,
            format_args!("`{label}` is a float, which holds the physical value already: remove `{key}`"),
        );
    }
}

/// The value of an integer literal, with sign.
pub(super) fn constant(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::Lit(lit) => match &lit.lit {
            syn::Lit::Int(int) => int.base10_parse().ok(),
            syn::Lit::Byte(byte) => Some(i128::from(byte.value())),
            syn::Lit::Bool(value) => Some(i128::from(value.value)),
            _ => None,
        },
        Expr::Unary(syn::ExprUnary { op: syn::UnOp::Neg(_), expr, .. }) => constant(expr).map(|value| -value),
        Expr::Paren(paren) => constant(&paren.expr),
        Expr::Group(group) => constant(&group.expr),
        _ => None,
    }
}
