//! Enums: variants with content, or one integer.

use quote::{ToTokens, format_ident};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{DeriveInput, Expr, Fields};

use super::{Scope, layout, need_endian, order, snake_case};
use crate::attr::wire::{TagKey, WireAttrs, bits_of};
use crate::attr::{Keyed, Place, doc_of, frame, route, wire};
use crate::ctxt::Ctxt;
use crate::ir::{EnumModel, IntTy, ScalarEnum, Shape, Variant};

pub(super) fn enum_shape(
    input: &DeriveInput,
    data: &syn::DataEnum,
    (attrs, one_of): (&WireAttrs, bool),
    scope: &Scope,
    routes_broken: &mut bool,
    ctxt: &mut Ctxt,
) -> Option<Shape> {
    let bits = match &attrs.tag {
        Some(Keyed { value: TagKey::Type(ty), .. }) => bits_of(ty).map(|bits| (bits, ty)),
        _ => None,
    };
    let bits = match bits {
        None => None,
        Some((Ok(bits @ 1..=63), ty)) => Some((bits, ty)),
        Some((_, ty)) => {
            ctxt.error(ty, "an enum of bits has 1 to 63 of them: `tag = bits(2)`");
            return None;
        }
    };
    let tag_ty = match &attrs.tag {
        _ if let Some((bits, ty)) = bits => Some((IntTy::binary(bits.div_ceil(8) as usize), ty)),
        Some(Keyed { value: TagKey::Type(ty), .. }) => match IntTy::on_wire(ty) {
            Some(int) if int.own_width() => {
                ctxt.error(
                    ty,
                    "the digits of the tag have nothing that ends them: say how many, `tag = dec(2)`",
                );
                return None;
            }
            Some(int) if !int.signed && !int.float => Some((int, ty)),
            _ => {
                ctxt.error(ty, "a tag is an unsigned integer: `tag = u8`, `u16`, `u24` .. `u64`");
                return None;
            }
        },
        _ => None,
    };
    let parsed: Vec<(WireAttrs, bool)> = data
        .variants
        .iter()
        .map(|variant| {
            if !one_of && let Some(attr) = variant.attrs.iter().find(|attr| attr.path().is_ident("frame")) {
                ctxt.error(
                    attr.path(),
                    "`#[frame]` goes on a struct, the outermost type of the protocol, not on a variant",
                );
            }
            let before = ctxt.count();
            let attrs = wire::parse(&variant.attrs, Place::Variant, ctxt);
            (attrs, ctxt.count() > before)
        })
        .collect();
    let c_like = tag_ty.is_some()
        && parsed.iter().all(|(attrs, _)| attrs.when.is_none())
        && data.variants.iter().zip(&parsed).all(|(variant, (attrs, _))| {
            matches!(variant.fields, Fields::Unit) || (attrs.other.is_some() && single_int(&variant.fields))
        });
    if let (true, Some((int, _))) = (c_like, tag_ty) {
        let scalar = scalar_enum(data, &parsed, int, scope, ctxt);
        return Some(Shape::Scalar(ScalarEnum { bits: bits.map(|(bits, _)| bits), ..scalar }));
    }
    if let Some((_, ty)) = bits {
        ctxt.error(ty, "the tag of variants with content is an integer of whole bytes; one of some bits stands in an item, `before(id: bits(2) = tag(body))`");
        return None;
    }
    let inline_tag =
        tag_ty.map(|(int, ty)| (int, need_endian(int, scope.endian, ty.span(), "the tag", scope, ctxt)));
    let mut variants = Vec::new();
    let mut other = None;
    for (index, (variant, (wire_attrs, wire_broken))) in data.variants.iter().zip(&parsed).enumerate() {
        let owner = format!("{}::{}", input.ident.unraw(), variant.ident.unraw());
        let layout = layout(owner, &variant.fields, &WireAttrs::default(), scope, ctxt);
        let before = ctxt.count();
        let tags = match &wire_attrs.tag {
            Some(Keyed { value: TagKey::Pattern(pat), .. }) => patterns(pat, ctxt),
            _ => variant
                .discriminant
                .as_ref()
                .and_then(|(_, expr)| crate::ir::literal(expr))
                .map_or_else(Vec::new, |tag| vec![(tag as u64, tag as u64)]),
        };
        let broken = *wire_broken || ctxt.count() > before;
        if wire_attrs.other.is_some() {
            if other.is_some() {
                ctxt.error(&variant.ident, "an enum has one `other` variant");
            }
            other = Some(index);
        }
        let before = ctxt.count();
        let routes = route::parse_variant(&variant.attrs, ctxt);
        *routes_broken |= ctxt.count() > before;
        let frame = if one_of {
            frame::parse(&variant.attrs, Place::Variant, ctxt)
        } else {
            frame::FrameAttrs::default()
        };
        variants.push(Variant {
            ident: variant.ident.clone(),
            info: format_ident!("__V{}", index),
            snake: snake_case(&variant.ident.unraw().to_string()),
            tags,
            when: wire_attrs.when.as_ref().map(|key| key.value.clone()),
            layout,
            doc: doc_of(&variant.attrs),
            routes,
            frame,
            attrs: wire_attrs.clone(),
            broken,
        });
    }
    let tagged = inline_tag.is_some() || variants.iter().any(|variant| !variant.tags.is_empty());
    let tried = attrs.tried.as_ref().map(|key| key.key);
    let chosen = tried.is_some() || !tagged && variants.iter().any(|variant| variant.when.is_some());
    Some(Shape::Enum(EnumModel {
        tag_endian: inline_tag.and_then(|(_, endian)| order::tag(endian, scope, ctxt)),
        inline_tag,
        chosen,
        tried,
        one_of,
        lenient: attrs.lenient.is_some(),
        lenient_at: attrs.lenient.as_ref().map(|key| key.key),
        variants,
        other,
    }))
}

fn single_int(fields: &Fields) -> bool {
    matches!(fields, Fields::Unnamed(fields) if fields.unnamed.len() == 1
        && fields.unnamed.first().is_some_and(|field| IntTy::of_type(&field.ty).is_some()))
}

fn scalar_enum(
    data: &syn::DataEnum,
    parsed: &[(WireAttrs, bool)],
    int: IntTy,
    scope: &Scope,
    ctxt: &mut Ctxt,
) -> ScalarEnum {
    let mut variants = Vec::new();
    let mut values_at = Vec::new();
    let mut other = None;
    let mut other_ty = None;
    let before = ctxt.count();
    let mut next = 0_u64;
    for (variant, (attrs, _)) in data.variants.iter().zip(parsed) {
        if !variant.attrs.is_empty() {
            let routes = route::parse_variant(&variant.attrs, ctxt);
            if let Some(span) = routes.span {
                ctxt.error_at(span, "this enum is one integer, no body: routes go on the variants of the enum that `tag(..)` selects");
            }
        }
        if let Some(key) = &attrs.key {
            ctxt.error_at(key.key, "`key` names variants with a number in them; this enum is one integer");
        }
        if attrs.other.is_some() {
            if other.is_some() {
                ctxt.error(&variant.ident, "an enum has one `other` variant");
            }
            other = Some(variant.ident.clone());
            other_ty = variant.fields.iter().next().map(|field| field.ty.clone());
            continue;
        }
        let value = match (&attrs.tag, &variant.discriminant) {
            (Some(Keyed { value: TagKey::Pattern(pat), .. }), _) => match patterns(pat, ctxt).as_slice() {
                [(low, high)] if low == high => *low,
                _ => {
                    ctxt.error(pat, "a variant without content has one value");
                    next
                }
            },
            (_, Some((_, expr))) => match crate::ir::literal(expr) {
                Some(value) => value as u64,
                None => {
                    ctxt.error(expr, "the value has to be an integer literal");
                    next
                }
            },
            _ => next,
        };
        next = value.wrapping_add(1);
        values_at.push(match (&attrs.tag, &variant.discriminant) {
            (Some(Keyed { value: TagKey::Pattern(pat), .. }), _) => pat.to_token_stream(),
            (_, Some((_, expr))) => expr.to_token_stream(),
            _ => variant.ident.to_token_stream(),
        });
        variants.push((variant.ident.clone(), value, snake_case(&variant.ident.unraw().to_string())));
    }
    order::fixed(scope, "an enum that is one integer", ctxt);
    let broken = ctxt.count() > before || parsed.iter().any(|(_, broken)| *broken);
    ScalarEnum { int, bits: None, endian: scope.endian, variants, values_at, other, other_ty, broken }
}

/// The tags of a pattern, as lowest and highest.
fn patterns(pat: &syn::Pat, ctxt: &mut Ctxt) -> Vec<(u64, u64)> {
    let number = crate::ir::constant;
    let mut wrong = || {
        ctxt.error(pat, "a tag is an integer, a range or several with `|`: `0x02`, `0x80..=0xFE`, `1 | 2`");
        Vec::new()
    };
    match pat {
        syn::Pat::Or(or) => or.cases.iter().flat_map(|case| patterns(case, ctxt)).collect(),
        syn::Pat::Paren(paren) => patterns(&paren.pat, ctxt),
        syn::Pat::Lit(lit) => match number(&Expr::Lit(lit.clone())) {
            Some(tag) => vec![(tag, tag)],
            None => wrong(),
        },
        syn::Pat::Range(range) => match (&range.start, &range.end, &range.limits) {
            (Some(start), Some(end), syn::RangeLimits::Closed(_)) => match (number(start), number(end)) {
                (Some(start), Some(end)) if start <= end => vec![(start, end)],
                _ => wrong(),
            },
            _ => wrong(),
        },
        _ => wrong(),
    }
}
