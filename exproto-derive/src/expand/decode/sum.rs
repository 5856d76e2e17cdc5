//! Sums of sizes and counts: what they leave for the one item that nothing else
//! says the end of, and whether they hold.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Decode, offset_name, raw_name};
use crate::ir::{Extent, Presence};
use crate::lower::{bounds, constant_size, last_of, position};
use crate::relation::{self, Items, Relation, Source, Term};

impl Decode<'_> {
    /// The range of a size, if the item `index` is in it.
    pub(super) fn speaks_of<'t>(&self, term: &'t Term, carrier: usize, index: usize) -> Option<&'t Items> {
        let Source::Size(range) = &term.source else { return None };
        let (first, last) = bounds(&self.layout.items, range, carrier)?;
        (first..=last).contains(&index).then_some(range)
    }

    /// What a sum leaves for the size or count that speaks of the item `index`,
    /// as `i64`: a negative number if it cannot be. `None` if it is no sum.
    pub(super) fn rest_of_sum(&self, carrier: usize, index: usize) -> Option<TokenStream> {
        let items = &self.layout.items;
        let Some(Relation { source: Source::Sum(terms), ops, .. }) = &items.get(carrier)?.relation else {
            return None;
        };
        let counted = matches!(items[index].extent, Extent::ByCount(_));
        let open = terms.iter().position(|term| match &term.source {
            Source::Count(field) => counted && position(items, field) == Some(index),
            _ => !counted && self.speaks_of(term, carrier, index).is_some(),
        })?;
        let raw = raw_name(carrier);
        let all = relation::backward(ops, quote!(#raw as i64));
        let others = terms
            .iter()
            .enumerate()
            .filter(|(at, _)| *at != open)
            .filter_map(|(_, term)| Some((term.weight, self.amount(term, carrier, index)?)));
        let others = relation::sum(others);
        let weight = terms[open].weight;
        let rest = quote!(i64::saturating_sub(#all, #others));
        Some(match weight {
            1 => rest,
            _ => {
                quote!({ let __v: i64 = #rest; if __v % (#weight) == 0 { __v / (#weight) } else { i64::MIN } })
            }
        })
    }

    /// A size or count once all before the item `index` is read, as `i64`.
    fn amount(&self, term: &Term, carrier: usize, index: usize) -> Option<TokenStream> {
        let items = &self.layout.items;
        if let Some(size) = constant_size(items, term, carrier) {
            let size = size as i64;
            return Some(quote!(#size));
        }
        match &term.source {
            Source::Count(field) => {
                let list = &items.get(position(items, field)?)?.local;
                Some(quote!(__p::Counted::counted(&#list) as i64))
            }
            Source::Size(range) => {
                let (first, last) = bounds(items, range, carrier)?;
                let (start, end) = (offset_name(first), self.end_of(last, index));
                Some(quote!((#end - #start) as i64))
            }
            _ => None,
        }
    }

    /// Looks whether a sum holds once the item `index`, the last it speaks of,
    /// is read, unless it decided where one ends.
    pub(super) fn verify_sum(&self, carrier: usize, index: usize) -> Option<TokenStream> {
        let items = &self.layout.items;
        let item = items.get(carrier)?;
        let Some(Relation { source: Source::Sum(terms), ops, .. }) = &item.relation else { return None };
        let last = terms.iter().filter_map(|term| last_of(items, term, carrier)).max()?;
        let decided = items.iter().any(|item| {
            matches!(item.extent, Extent::BySize(by) | Extent::ByCount(by) if by == carrier)
                && matches!(item.presence, Presence::Always)
        });
        if decided || last.max(carrier) != index {
            return None;
        }
        let sum = terms.iter().filter_map(|term| Some((term.weight, self.amount(term, carrier, index)?)));
        let want = relation::forward(ops, relation::sum(sum));
        let (raw, info, offset) = (raw_name(carrier), &item.info, offset_name(carrier));
        let sizes = terms.iter().any(|term| matches!(term.source, Source::Size(_)));
        let kind = if sizes { quote!(Length) } else { quote!(Relation) };
        Some(quote! {
            {
                let __want: i64 = #want;
                if #raw as i64 != __want {
                    return __p::Err(__r.fail(__p::ErrorKind::#kind, #offset, &#info, #raw, __want as u64));
                }
            }
        })
    }
}
