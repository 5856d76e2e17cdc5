//! Values that encoding computes, where expressions speak of them: what a field
//! holds may be out of date, and an item that stands only on the wire has none.
//!
//! Tags, counts and flags follow from the value, so they are known beforehand. A
//! size or checksum is known when its bytes are written: the layout is written
//! with what the field holds, and again if that was another.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Due, Encode};
use crate::expand::common::{Locals, computed_name, names, user_expr};
use crate::expand::decode::of_bits;
use crate::expand::group::holds;
use crate::ir::{Item, Presence, Repr};
use crate::lower::position;
use crate::relation::{Relation, Source};
use crate::walk::all_expressions;

/// How often a layout is written before its sizes are said to depend on
/// themselves.
const ROUNDS: u8 = 4;

/// Whether expressions speak of an item when it is written.
fn spoken_of(items: &[Item], index: usize) -> bool {
    let later = items.iter().skip(index);
    items.get(index).is_some_and(|item| later.flat_map(all_expressions).any(|expr| names(expr, item)))
}

/// Whether the value of a relation is known only when its bytes are written.
pub(crate) fn known_late(item: &Item) -> bool {
    match &item.relation {
        Some(Relation { source: Source::Size(_) | Source::Check(..), .. }) => true,
        Some(Relation { source: Source::Sum(terms), .. }) => {
            terms.iter().any(|term| matches!(term.source, Source::Size(_)))
        }
        _ => false,
    }
}

impl Encode<'_> {
    /// The items that expressions speak of and that are known late.
    pub(super) fn late(&self) -> Vec<usize> {
        let items = &self.layout.items;
        (0..items.len()).filter(|at| known_late(&items[*at]) && spoken_of(items, *at)).collect()
    }

    /// The statements that write the items, with what their expressions speak of.
    pub(super) fn with_computed(&self, all: TokenStream) -> TokenStream {
        let (late, known) = (self.late(), self.known());
        let Some(first) = late.first().and_then(|at| self.layout.items.get(*at)) else {
            return quote!(#known #all);
        };
        let info = &first.info;
        let count = late.len();
        let held = late.iter().map(|at| match &self.layout.items[*at] {
            item if item.member.is_none() || !matches!(item.presence, Presence::Always) => quote!(0),
            item => self.stored_raw(item),
        });
        quote! {
            let __begin = __w.here();
            let mut __late: [u64; #count] = [#(#held),*];
            let mut __round: u8 = 0;
            loop {
                let mut __said: [u64; #count] = __late;
                let mut __odd: __p::Option<__p::Error> = __p::None;
                #known
                #all
                if __said == __late {
                    if let __p::Some(__e) = __odd { return __p::Err(__e); }
                    break;
                }
                __round += 1;
                if __round == #ROUNDS { return __p::Err(__w.error(__p::ErrorKind::Relation, __begin, &#info)); }
                __late = __said;
                __w.truncate(__begin);
            }
        }
    }

    /// The computed values that expressions speak of.
    pub(crate) fn known(&self) -> TokenStream {
        let (items, late) = (&self.layout.items, self.late());
        let mut out = TokenStream::new();
        for (index, item) in items.iter().enumerate() {
            if !item.computed() || !spoken_of(items, index) || !holds(self.within, items, index) {
                continue;
            }
            let (name, ty) = (computed_name(index), &item.ty);
            let raw = late.iter().position(|at| *at == index).map(|slot| quote!(__late[#slot]));
            let value = match (&item.repr, &item.relation) {
                (Repr::Skipped(Some(value)), _) => {
                    user_expr(value, self.layout, item, self.model, Locals::References)
                }
                (Repr::Part, Some(Relation { source: Source::Tag(body), .. })) => {
                    let body = position(items, body).and_then(|at| items.get(at));
                    let Some(body) = body.map(|body| &body.local) else { continue };
                    quote!(<#ty as __p::Scalar>::from_raw(__p::Tagged::tag(#body)))
                }
                (Repr::Part, _) => {
                    let Some(part) = crate::expand::join::part(items, index) else { continue };
                    quote!(<#ty as __p::Scalar>::from_raw((#part) as u64))
                }
                (Repr::Int(int, _), _) => {
                    let value = raw.unwrap_or_else(|| self.int_value(index, *int));
                    quote!((#value as #ty))
                }
                (Repr::Codec(_) | Repr::Sized(_), _) => match (raw, self.due(index)) {
                    (Some(raw), _) => quote!((#raw as #ty)),
                    (None, Some(Due::Now(value))) => {
                        let info = &item.info;
                        quote! {
                            <#ty as __p::TryFrom<i64>>::try_from(#value)
                                .map_err(|_| __w.error(__p::ErrorKind::Overflow, __w.here(), &#info))?
                        }
                    }
                    _ => continue,
                },
                (Repr::Bits(slot), _) => {
                    let value = raw.unwrap_or_else(|| self.raw_value(index));
                    of_bits(ty, slot.count, &quote!({ let __v: u64 = #value; __v }))
                }
                _ => {
                    let value = raw.unwrap_or_else(|| self.raw_value(index));
                    quote!(<#ty as __p::Scalar>::from_raw(#value))
                }
            };
            out.extend(quote!(let #name: #ty = #value;));
        }
        out
    }

    /// Remembers what a value is that is known late, where it is written.
    pub(super) fn noted(&self, index: usize, value: TokenStream) -> TokenStream {
        match self.said(index) {
            said if said.is_empty() => value,
            said => quote!({ let __v = #value; let __n = __v; { let __v = __n as u64; #said } __n }),
        }
    }

    /// The same of the `u64` in `__v`.
    pub(super) fn said(&self, index: usize) -> TokenStream {
        match self.late().iter().position(|at| *at == index) {
            Some(slot) => quote!(__said[#slot] = __v;),
            None => TokenStream::new(),
        }
    }

    /// Refuses a value: at once, or when what it was held against is known.
    pub(crate) fn refuse(&self, error: &TokenStream) -> TokenStream {
        if self.late().is_empty() {
            return quote!(return __p::Err(#error););
        }
        quote!(__odd = __odd.or(__p::Some(#error));)
    }

    /// The same of what `result` says.
    pub(super) fn insist(&self, result: &TokenStream) -> TokenStream {
        if self.late().is_empty() {
            return quote!(#result?;);
        }
        quote!(if let __p::Err(__e) = #result { __odd = __odd.or(__p::Some(__e)); })
    }
}
