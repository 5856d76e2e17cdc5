//! Values whose parts stand at several places: put together once the last
//! part is read, taken apart where each is written.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::common::{Locals, user_expr};
use super::decode::{Decode, offset_name, raw_name};
use crate::ir::{IntTy, Item, Layout, Model, Part, Presence, Repr};
use crate::lower::position;
use crate::relation::Source;

/// All bits of an integer, and whether the highest of them is a sign.
pub(super) fn total(item: &Item) -> (u32, bool) {
    let own = item.width().unwrap_or(64);
    let ends = item.joins.iter().map(|join| match join.part {
        Part::Bits { from, count } => from + count,
        Part::Sign { .. } => own,
    });
    let signed = IntTy::of_type(&item.ty).is_some_and(|int| int.signed);
    (ends.max().unwrap_or(own).max(own), signed)
}

impl Decode<'_> {
    /// Puts the fields together whose last part is the item `index`.
    pub(crate) fn joined(&self, index: usize) -> TokenStream {
        let items = &self.layout.items;
        let mut out = TokenStream::new();
        for (target, item) in items.iter().enumerate() {
            let last = item.joins.iter().map(|join| join.carrier.max(target)).max();
            if last != Some(index) || !super::group::holds(self.within, items, target) {
                continue;
            }
            let (local, info) = (&item.local, &item.info);
            let (bits, signed) = total(item);
            // The sign is of the whole, so it comes last.
            let (mut parts, mut sign) = (TokenStream::new(), TokenStream::new());
            for join in &item.joins {
                let (raw, offset) = (raw_name(join.carrier), offset_name(join.carrier));
                let carrier = &items[join.carrier].info;
                match join.part {
                    Part::Bits { from, count } => {
                        parts.extend(
                            quote!(let #local = __p::join_bits(#local, #raw, #from, #count, #bits, #signed);),
                        );
                    }
                    Part::Sign { plus, minus } => {
                        let ty = item.field_ty();
                        let word = matches!(items[join.carrier].repr, Repr::Part);
                        let at = offset_name(target);
                        sign.extend(quote! {
                            let #local = match <#ty as __p::Signed>::join(#local, #raw == #minus) {
                                __p::Some(__v) => __v,
                                __p::None => return __p::Err(__r.fail(__p::ErrorKind::Range, #at, &#info, 0, 0)),
                            };
                            if __p::sign_of(&#local, #plus, #minus, #word) != #raw {
                                __r.flag_at(__p::Flag::Reserved, &#carrier, #offset);
                            }
                        });
                    }
                }
            }
            out.extend(parts);
            out.extend(sign);
            out.extend(self.in_range(target));
        }
        out
    }
}

impl Decode<'_> {
    /// Where a field is absent, its parts at other places are those of no value.
    pub(super) fn no_parts(&self, field: usize) -> TokenStream {
        let items = &self.layout.items;
        let elsewhere = items[field].joins.iter().filter(|join| items[join.carrier].group != Some(field));
        let odd = elsewhere.map(|join| {
            let (raw, offset) = (raw_name(join.carrier), offset_name(join.carrier));
            let info = &items[join.carrier].info;
            let none = match join.part {
                Part::Bits { .. } => 0,
                Part::Sign { plus, .. } => plus,
            };
            quote!(if #raw != #none { __r.flag_at(__p::Flag::Reserved, &#info, #offset); })
        });
        quote!(#(#odd)*)
    }
}

/// What is written at the place of a part, as `i64`.
pub(crate) fn part(items: &[Item], carrier: usize) -> Option<TokenStream> {
    let item = items.get(carrier)?;
    let field = |field| position(items, field).and_then(|at| items.get(at));
    let (field, none, part) = match &item.relation.as_ref()?.source {
        Source::Bits(name, from) => {
            let count = item.width()?;
            (field(name)?, 0, quote!((__p::part_bits(*__x, #from, #count) as i64)))
        }
        Source::Sign(name, plus, minus) => {
            let word = matches!(item.repr, Repr::Part);
            (field(name)?, *plus as i64, quote!((__p::sign_of(__x, #plus, #minus, #word) as i64)))
        }
        _ => return None,
    };
    let local = &field.local;
    Some(match field.presence {
        Presence::Always => quote!({ let __x = #local; #part }),
        _ => quote!(match #local { __p::Some(__x) => #part, __p::None => #none }),
    })
}

/// Statements around the writing of a field whose other parts stand
/// elsewhere: what stands here takes the place of the field, and back.
pub(super) fn home(items: &[Item], index: usize) -> (TokenStream, TokenStream) {
    let item = &items[index];
    if item.joins.is_empty() {
        return Default::default();
    }
    let (local, info) = (&item.local, &item.info);
    let (full, home) = (format_ident!("__full{}", index), format_ident!("__home{}", index));
    let (bits, signed) = total(item);
    let mut value = quote!(*#full);
    let mut before = quote!(let #full = #local;);
    for join in &item.joins {
        if let Part::Sign { .. } = join.part {
            let ty = item.field_ty();
            value = quote!(<#ty as __p::Signed>::magnitude(#full));
        }
    }
    if let Some(own) = item.width().filter(|own| *own < bits) {
        value = quote! {
            match __p::home_bits(#value, #own, #bits, #signed) {
                __p::Some(__v) => __v,
                __p::None => return __p::Err(__w.error(__p::ErrorKind::Overflow, __w.here(), &#info)),
            }
        };
    }
    before.extend(quote!(let #home = #value; let #local = &#home;));
    (before, quote!(let #local = #full;))
}

/// A random value that fits its places.
pub(super) fn sample(model: &Model, layout: &Layout, item: &Item) -> TokenStream {
    let (ty, info) = (item.field_ty(), &item.info);
    let (bits, signed) = total(item);
    let with_sign = item.joins.iter().any(|join| matches!(join.part, Part::Sign { .. }));
    if let (Some((low, high)), true) = (&item.range, IntTy::of_type(ty).is_some()) {
        let low = user_expr(low, layout, item, model, Locals::Sample);
        let high = user_expr(high, layout, item, model, Locals::Sample);
        return quote!(__random.within::<#ty>((#low)..=(#high)));
    }
    let value_bits = if signed { bits - 1 } else { bits };
    let max = if value_bits >= 64 { u64::MAX } else { (1_u64 << value_bits) - 1 };
    if with_sign {
        // Without a width of its own the codec says what it can hold: digits.
        let max = if item.width().is_some() { max } else { 99 };
        if item.whole.is_some() {
            return quote!({
                let __v = __random.within(0..=#max) as i64;
                (if __random.chance(0.5) { -__v } else { __v }) as #ty
            });
        }
        return quote!({
            let __v = <#ty as __p::Sample>::sample(__random, __p::None, &#info, ());
            let __m = __p::Signed::magnitude(&__v);
            <#ty as __p::Signed>::join(__m, __random.chance(0.5)).unwrap_or(__v)
        });
    }
    if IntTy::of_type(ty).is_some() {
        return quote!(__random.within(0..=#max) as #ty);
    }
    quote!(<#ty as __p::Sample>::sample(__random, __p::None, &#info, ()))
}
