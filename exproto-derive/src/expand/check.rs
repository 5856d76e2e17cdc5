//! Checksums: how generated code computes them.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::common::{Locals, layouts, located, user_expr};
use crate::catalogue::Crc;
use crate::covered::bits;
use crate::ir::{Item, Layout, Model, Repr};
use crate::relation::{Algorithm, Relation, Source, forward_check};

/// The tables of the CRCs of a model.
pub(crate) fn tables(model: &Model) -> TokenStream {
    let items = layouts(model).into_iter().flat_map(|layout| &layout.items);
    let tables = items.filter_map(|item| {
        let Some(Relation { source: Source::Check(Algorithm::Crc { crc, .. }, _), .. }) = &item.relation
        else {
            return None;
        };
        Some(table(&item.info, crc))
    });
    let blocks = super::blocks::statics(model);
    quote!(#(#tables)* #blocks)
}

/// The table of a CRC of what has this `FieldInfo`.
pub(crate) fn table(info: &Ident, crc: &Crc) -> TokenStream {
    let name = table_name(info);
    let (width, poly, init, reflected, xorout) = (crc.width, crc.poly, crc.init, crc.reflected, crc.xorout);
    let register = match width {
        0..=16 => quote!(u16),
        17..=32 => quote!(u32),
        _ => quote!(u64),
    };
    quote! {
        static #name: __p::Crc<#register> = __p::Crc::<#register>::new(__p::CrcParams {
            width: #width, poly: #poly, init: #init, refin: #reflected, refout: #reflected, xorout: #xorout,
        });
    }
}

fn table_name(info: &Ident) -> Ident {
    format_ident!("{}_CRC", info)
}

/// The algorithm as a constant; only of one that the bytes alone decide.
pub(crate) fn algorithm(item: &Item, algorithm: &Algorithm) -> TokenStream {
    named_algorithm(&item.info, algorithm)
}

/// The same of what has this `FieldInfo`.
pub(crate) fn named_algorithm(info: &Ident, algorithm: &Algorithm) -> TokenStream {
    match algorithm {
        Algorithm::Xor => quote!(__p::Algorithm::Xor),
        Algorithm::Sum(None) => quote!(__p::Algorithm::Sum),
        Algorithm::Sum(Some(bits)) => quote!(__p::Algorithm::SumBits(#bits)),
        Algorithm::Lrc => quote!(__p::Algorithm::Lrc),
        Algorithm::Internet => quote!(__p::Algorithm::Internet),
        Algorithm::Fletcher(modulus) => quote!(__p::Algorithm::Fletcher(#modulus)),
        Algorithm::Crc { crc, .. } => {
            let table = table_name(info);
            match crc.width {
                0..=16 => quote!(__p::Algorithm::Crc16(&#table)),
                17..=32 => quote!(__p::Algorithm::Crc(&#table)),
                _ => quote!(__p::Algorithm::Crc64(&#table)),
            }
        }
        Algorithm::Function { path, .. } => quote!(__p::Algorithm::Function(|__bytes| #path(__bytes) as u64)),
    }
}

/// The checksum over `bytes` as it stands in its field, a `u64`.
pub(crate) fn compute(
    model: &Model,
    layout: &Layout,
    item: &Item,
    bytes: &TokenStream,
    locals: Locals,
) -> TokenStream {
    let Some(Relation { source: Source::Check(kind, _), ops, .. }) = &item.relation else {
        return quote!(0_u64);
    };
    let digits = match &item.repr {
        Repr::Int(int, _) | Repr::Scalar(int, _) => int.digits.map(|digits| (digits.tokens(), int.bytes)),
        _ => None,
    };
    let bits = bits(item);
    let width = bits.div_ceil(8) as usize;
    let user = |expr| user_expr(expr, layout, item, model, locals);
    let value = match kind {
        Algorithm::Crc { seed, also, .. } if !kind.is_plain() => {
            let table = table_name(&item.info);
            let first = match seed.as_ref().map(user) {
                Some(seed) => quote!(#table.compute_from((#seed) as u64, #bytes)),
                None => quote!(#table.compute(#bytes)),
            };
            match also {
                // Errors on the expression, names as everywhere in this code.
                Some(expr) => {
                    let (also, span) = (user(expr), located(expr));
                    quote_spanned!(span=> __p::MoreBytes::with(#also, |__more| #table.go_on(#first, __more)))
                }
                None => first,
            }
        }
        Algorithm::Function { path, args } => {
            let args = args.iter().map(user);
            quote!((#path(#bytes, #(#args),*) as u64))
        }
        plain => {
            let algorithm = algorithm(item, plain);
            match &digits {
                Some((digits, width)) => quote!(#algorithm.in_digits(#digits, #bytes, #width)),
                None => quote!(#algorithm.compute(#bytes, #width)),
            }
        }
    };
    let value = forward_check(ops, value);
    if let Some((digits, width)) = digits {
        return quote!(#digits.fold(#value, #width));
    }
    if bits >= 64 {
        return value;
    }
    let mask = (1_u64 << bits) - 1;
    quote!((#value & #mask))
}
