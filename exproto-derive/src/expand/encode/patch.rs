//! Lengths and checksums that are written when what they speak of is there.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use super::{Due, Encode, end_name, place_name};
use crate::expand::check;
use crate::expand::common::{Locals, located, patch_name, patch_order};
use crate::expand::group::holds;
use crate::ir::{IntTy, Repr};
use crate::lower::{bounds, fixed_at, position};
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
        Some(quote!((__w.size_between(#from, #to) as i64 + #tail)))
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
        if self.layout.items[last].column.is_some() {
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
    pub(crate) fn patches(&self, done: usize, written: usize) -> TokenStream {
        let items = &self.layout.items;
        let mut due: Vec<usize> = (0..items.len())
            .filter(|index| {
                (holds(self.within, items, *index) || self.outlasts(*index))
                    && matches!(self.due(*index), Some(Due::After(last)) if last == done)
            })
            .collect();
        // Lengths first, then checksums, each after those that it covers.
        let is_check =
            |index: usize| matches!(items[index].relation, Some(Relation { source: Source::Check(..), .. }));
        // A length that varies in width is written before those that count it.
        let holds = |index: usize, other: usize| match items[index].relation.as_ref().map(|one| &one.source) {
            Some(Source::Size(range)) => self.within(range, index, other),
            Some(Source::Sum(terms)) => terms
                .iter()
                .any(|term| matches!(&term.source, Source::Size(range) if self.within(range, index, other))),
            _ => false,
        };
        let covered = |index: usize| {
            let before = |other: &&usize| {
                **other != index && (self.reaches(index, **other, &due) || holds(index, **other))
            };
            due.iter().filter(before).count()
        };
        let rank: Vec<(bool, usize)> = due.iter().map(|index| (is_check(*index), covered(*index))).collect();
        let mut order: Vec<usize> = (0..due.len()).collect();
        order.sort_by_key(|at| rank[*at]);
        due = order.into_iter().map(|at| due[at]).collect();
        let each = due.into_iter().map(|index| match items[index].group {
            Some(field) if self.outlasts(index) => self.late_in_group(field, index, written),
            _ => self.patch(index, written),
        });
        each.collect()
    }

    /// Whether the item belongs to a field that may be absent, and is written
    /// when all that belongs to it is long written: a checksum over a length.
    fn outlasts(&self, index: usize) -> bool {
        let items = &self.layout.items;
        let Some(field) = items[index].group.filter(|_| self.within.is_none()) else { return false };
        let last = items.iter().rposition(|item| item.group == Some(field));
        matches!(self.due(index), Some(Due::After(done)) if last.is_some_and(|last| done > last))
    }

    /// Writes the length or checksum that the item `index` holds, when all items
    /// before `written` are written.
    pub(crate) fn patch(&self, index: usize, written: usize) -> TokenStream {
        let items = &self.layout.items;
        let item = &items[index];
        let Some(relation) = &item.relation else { return TokenStream::new() };
        let info = &item.info;
        let (place, said) = (place_name(index), self.said(index));
        let own = self.counts_itself(index, relation);
        let number = |size: TokenStream| {
            let size = match own {
                0 => size,
                _ => quote!(i64::saturating_add(#size, i64::saturating_mul(#own, __n as i64))),
            };
            let size = relation::forward(&relation.ops, size);
            quote! {
                <u64 as __p::TryFrom<i64>>::try_from(#size)
                    .map_err(|_| __w.error(__p::ErrorKind::Overflow, #place, &#info))?
            }
        };
        let value = match &relation.source {
            Source::Size(range) => {
                let Some(size) = self.size(range, index, written) else { return TokenStream::new() };
                number(size)
            }
            Source::Sum(terms) => number(self.sum(terms, index, written)),
            Source::Check(_, range) => {
                let Some((first, last)) = bounds(items, range, index) else { return TokenStream::new() };
                let (from, to) = (place_name(first), self.end_place(last, written));
                let bytes = quote!(__w.between(#from, #to));
                check::compute(self.model, self.layout, item, &bytes, Locals::References)
            }
            _ => return TokenStream::new(),
        };
        match &item.repr {
            Repr::Int(IntTy { digits: Some(digits), bytes, .. }, _)
            | Repr::Scalar(IntTy { digits: Some(digits), bytes, .. }, _)
                if *bytes > 0 =>
            {
                let digits = digits.tokens();
                return quote! {
                    let __v: u64 = #value;
                    #said
                    __w.patch_digits::<#bytes>(#place, #digits, __v, &#info)?;
                };
            }
            Repr::Int(IntTy { digits: Some(digits), .. }, _)
            | Repr::Scalar(IntTy { digits: Some(digits), .. }, _) => {
                let digits = digits.tokens();
                return self.insert(index, written, own, &value, &quote!(__w.digits(#digits, __v);));
            }
            Repr::Codec(codec) => {
                let (ty, span) = (&item.ty, located(codec));
                let encode =
                    quote_spanned!(span=> __p::Codec::<'_, #ty>::encode(&(#codec), &__v, __w, &#info));
                let write = quote! {
                    let __v = <#ty as __p::TryFrom<u64>>::try_from(__v)
                        .map_err(|_| __w.error(__p::ErrorKind::Overflow, #place, &#info))?;
                    #encode?;
                };
                return self.insert(index, written, own, &value, &write);
            }
            _ => {}
        }
        let (bytes, shift, bits, endian) = match &item.repr {
            Repr::Bits(slot) => (slot.bytes, slot.shift, slot.count, slot.endian),
            Repr::Int(int, endian) | Repr::Scalar(int, endian) => {
                (int.bytes, 0, int.bytes as u32 * 8, *endian)
            }
            _ => return TokenStream::new(),
        };
        let (patch, order) = (patch_name(endian), patch_order(endian));
        let patch = quote! {
            let __v: u64 = #value;
            #said
            __w.#patch::<#bytes>(#place, #shift, #bits, __v, &#info #order)?;
        };
        match self.known {
            Some(head) if self.says_size(head, index) => quote!(if !__known { #patch }),
            _ => patch,
        }
    }

    /// How often a number that varies in width counts its own bytes: nothing of
    /// it is written yet when sizes are measured.
    fn counts_itself(&self, index: usize, relation: &Relation) -> i64 {
        let varies = self.varies(index);
        match &relation.source {
            Source::Size(range) if varies => i64::from(self.within(range, index, index)),
            Source::Sum(terms) if varies => {
                let own = |term: &&Term| matches!(&term.source, Source::Size(range) if self.within(range, index, index));
                terms.iter().filter(own).map(|term| term.weight).sum()
            }
            _ => 0,
        }
    }

    /// Whether the number that an item holds is as wide as it needs.
    pub(crate) fn varies(&self, index: usize) -> bool {
        match &self.layout.items[index].repr {
            Repr::Codec(_) => true,
            Repr::Int(int, _) | Repr::Scalar(int, _) => int.own_width(),
            _ => false,
        }
    }

    /// Whether the range of the item `carrier` has the item `other` in it.
    fn within(&self, range: &Items, carrier: usize, other: usize) -> bool {
        bounds(&self.layout.items, range, carrier)
            .is_some_and(|(first, last)| (first..=last).contains(&other))
    }

    /// Writes a number that is as wide as it needs; what was written behind its
    /// place moves. `write` appends `__v`.
    fn insert(
        &self,
        index: usize,
        written: usize,
        own: i64,
        value: &TokenStream,
        write: &TokenStream,
    ) -> TokenStream {
        let said = self.said(index);
        let items = &self.layout.items;
        let (info, place, own) = (&items[index].info, place_name(index), own != 0);
        let moved = self.behind(index, written);
        let moved = moved.iter().map(|name| quote!(let #name = #name.plus(__n);));
        quote! {
            let __n: usize = __w.put_number(#place, #own, &#info, |__w, __n| {
                let __v: u64 = #value;
                #said
                #write
                __p::Ok(())
            })?;
            #(#moved)*
        }
    }

    /// The places that move when something is put at that of the item `index`.
    pub(crate) fn behind(&self, index: usize, written: usize) -> Vec<Ident> {
        let later = (index + 1..written).map(place_name);
        let ends = (index..written).filter(|at| self.layout.items[*at].column.is_some()).map(end_name);
        later.chain(ends).collect()
    }

    /// Whether the checksum at `index` covers the one at `other`, directly or
    /// by way of one that it covers.
    pub(super) fn reaches(&self, index: usize, other: usize, among: &[usize]) -> bool {
        let items = &self.layout.items;
        let mut seen = vec![index];
        let mut at = 0;
        while let Some(from) = seen.get(at).copied() {
            let next = among
                .iter()
                .copied()
                .filter(|to| crate::covered::covers(items, from, *to) && !seen.contains(to));
            let next: Vec<usize> = next.collect();
            seen.extend(next);
            at += 1;
        }
        index != other && seen.contains(&other)
    }
}
