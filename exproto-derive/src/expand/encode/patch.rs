//! Lengths and checksums that are written when what they speak of is there.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Due, Encode, end_name, place_name};
use crate::expand::check;
use crate::expand::common::{Locals, patch_name, patch_order};
use crate::ir::{Extent, IntTy, Repr};
use crate::lower::{bounds, fixed_at, position};
use crate::number::Digits;
use crate::relation::{self, Items, Relation, Source, Term};

impl Encode<'_> {
    /// How many items of constant size end a range that holds the item `index`
    /// or begins after it, and their bytes. A length is known before they are
    /// written, and has to be: one of them may be a checksum over the length.
    pub(super) fn constant_tail(&self, index: usize, last: usize) -> (usize, usize) {
        let items = &self.layout.items;
        let (mut count, mut bytes) = (0, 0);
        for at in (index + 1..=last).rev() {
            // Bits lie where their container does.
            match fixed_at(items, at) {
                Some(size) if !matches!(items[at].repr, Repr::Bits(_)) => bytes += size,
                _ => break,
            }
            count += 1;
        }
        (count, bytes)
    }

    /// The bytes of a range, as `i64`, when all items before `written` are written.
    fn size(&self, range: &Items, index: usize, written: usize) -> Option<TokenStream> {
        let (first, last) = bounds(&self.layout.items, range, index)?;
        let (count, tail) = self.constant_tail(index, last);
        let tail = tail as i64;
        if first + count > last {
            // Nothing but constant sizes.
            return Some(quote!(#tail));
        }
        let (from, to) = (place_name(first), self.end_place(last - count, written));
        Some(quote!((__w.between(#from, #to).len() as i64 + #tail)))
    }

    /// Sizes and counts added up, as `i64`.
    pub(super) fn sum(&self, terms: &[Term], index: usize, written: usize) -> TokenStream {
        let items = &self.layout.items;
        let sources = terms.iter().filter_map(|term| {
            let source = match &term.source {
                Source::Size(range) => self.size(range, index, written)?,
                Source::Count(field) => {
                    let list = &items.get(position(items, field)?)?.local;
                    quote!(__p::Counted::counted(#list) as i64)
                }
                _ => return None,
            };
            Some((term.weight, source))
        });
        relation::sum(sources)
    }

    /// The place right after the item `last`, seen from the later item `from`.
    pub(super) fn end_place(&self, last: usize, from: usize) -> TokenStream {
        if matches!(self.layout.items[last].extent, Extent::Separated(_)) {
            let end = end_name(last);
            return quote!(#end);
        }
        if last + 1 >= from {
            return quote!(__w.here());
        }
        let next = place_name(last + 1);
        quote!(#next)
    }

    /// Writes lengths and checksums whose range ends with the item `done`, when
    /// all items before `written` are written.
    pub(super) fn patches(&self, done: usize, written: usize) -> TokenStream {
        let items = &self.layout.items;
        let mut out = TokenStream::new();
        let mut due: Vec<usize> = (0..items.len())
            .filter(|index| matches!(self.due(*index), Some(Due::After(last)) if last == done))
            .collect();
        // Lengths first, then checksums, each after those that it covers.
        let is_check =
            |index: usize| matches!(items[index].relation, Some(Relation { source: Source::Check(..), .. }));
        let covered = |index: usize| due.iter().filter(|other| self.reaches(index, **other, &due)).count();
        let rank: Vec<(bool, usize)> = due.iter().map(|index| (is_check(*index), covered(*index))).collect();
        let mut order: Vec<usize> = (0..due.len()).collect();
        order.sort_by_key(|at| rank[*at]);
        due = order.into_iter().map(|at| due[at]).collect();
        for index in due {
            let item = &items[index];
            let Some(relation) = &item.relation else { continue };
            let info = &item.info;
            let place = place_name(index);
            let value = match &relation.source {
                Source::Size(range) => {
                    let Some(size) = self.size(range, index, written) else { continue };
                    let size = relation::forward(&relation.ops, size);
                    quote! {
                        <u64 as __p::TryFrom<i64>>::try_from(#size)
                            .map_err(|_| __w.error(__p::ErrorKind::Overflow, #place, &#info))?
                    }
                }
                Source::Sum(terms) => {
                    let sum = relation::forward(&relation.ops, self.sum(terms, index, written));
                    quote! {
                        <u64 as __p::TryFrom<i64>>::try_from(#sum)
                            .map_err(|_| __w.error(__p::ErrorKind::Overflow, #place, &#info))?
                    }
                }
                Source::Check(_, range) => {
                    let Some((first, last)) = bounds(items, range, index) else { continue };
                    let (from, to) = (place_name(first), self.end_place(last, written));
                    let bytes = quote!(__w.between(#from, #to));
                    check::compute(self.model, self.layout, item, &bytes, Locals::References)
                }
                _ => continue,
            };
            if let Repr::Int(IntTy { digits: Some(digits), bytes, .. }, _)
            | Repr::Scalar(IntTy { digits: Some(digits), bytes, .. }, _) = &item.repr
            {
                out.extend(self.patch_digits(index, written, (*digits, *bytes), &value));
                continue;
            }
            let (bytes, shift, bits, endian) = match &item.repr {
                Repr::Bits(slot) => (slot.bytes, slot.shift, slot.count, slot.endian),
                Repr::Int(int, endian) | Repr::Scalar(int, endian) => {
                    (int.bytes, 0, int.bytes as u32 * 8, *endian)
                }
                _ => continue,
            };
            let (patch, order) = (patch_name(endian), patch_order(endian));
            out.extend(quote! {
                let __v: u64 = #value;
                __w.#patch::<#bytes>(#place, #shift, #bits, __v, &#info #order)?;
            });
        }
        out
    }

    /// Writes digits; those of a number that is as wide as it needs move what
    /// was written behind them.
    fn patch_digits(
        &self,
        index: usize,
        written: usize,
        (digits, width): (Digits, usize),
        value: &TokenStream,
    ) -> TokenStream {
        let (info, place, digits) = (&self.layout.items[index].info, place_name(index), digits.tokens());
        if width > 0 {
            return quote! {
                let __v: u64 = #value;
                __w.patch_digits::<#width>(#place, #digits, __v, &#info)?;
            };
        }
        let items = &self.layout.items;
        let later = (index + 1..written).map(place_name);
        let ends =
            (index..written).filter(|at| matches!(items[*at].extent, Extent::Separated(_))).map(end_name);
        let moved = later.chain(ends).map(|name| quote!(let #name = #name.plus(__n);));
        quote! {
            let __v: u64 = #value;
            let __n: usize = __w.insert_digits(#place, #digits, __v);
            #(#moved)*
        }
    }

    /// Whether the checksum at `index` covers the one at `other`, directly or
    /// by way of one that it covers.
    pub(super) fn reaches(&self, index: usize, other: usize, among: &[usize]) -> bool {
        let items = &self.layout.items;
        let mut seen = vec![index];
        let mut at = 0;
        while let Some(from) = seen.get(at).copied() {
            let next =
                among.iter().copied().filter(|to| check::covers(items, from, *to) && !seen.contains(to));
            let next: Vec<usize> = next.collect();
            seen.extend(next);
            at += 1;
        }
        index != other && seen.contains(&other)
    }
}
