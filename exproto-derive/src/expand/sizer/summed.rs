//! Over elements that only the checksum behind them ends.

use proc_macro2::TokenStream;
use quote::quote;

use super::steps::{Slot, Steps};
use crate::attr::wire::Endian;
use crate::expand::check;
use crate::ir::{Extent, Item, Repr};
use crate::lower::{bounds, fixed_at};
use crate::proof::summed;
use crate::relation::{Relation, Source};

impl Steps<'_> {
    /// Over a list that ends where the checksum behind it fits.
    pub(super) fn summed(&mut self, item: &Item, index: usize) -> (TokenStream, TokenStream, bool) {
        let nothing = || (quote!(()), TokenStream::new(), false);
        let items = &self.layout.items;
        let Some(carrier) = summed(items, index) else { return nothing() };
        let Some(Relation { source: Source::Check(algorithm, range), .. }) = &items[carrier].relation else {
            return nothing();
        };
        let Some((first, last)) = bounds(items, range, carrier) else { return nothing() };
        let sizes = |from: usize| -> usize { (from..carrier).filter_map(|at| fixed_at(items, at)).sum() };
        let (tail, gap) = (sizes(index + 1), sizes(last.max(index) + 1));
        let holder = &items[carrier];
        let width = fixed_at(items, carrier).unwrap_or(1);
        let digits = match &holder.repr {
            Repr::Int(int, _) if int.digits.is_some() => {
                let digits = int.digits.map(crate::number::Digits::tokens);
                quote!(__p::Some(#digits))
            }
            _ => quote!(__p::None),
        };
        let big = !matches!(&holder.repr, Repr::Int(_, Endian::Little));
        let (algorithm, info) = (check::algorithm(holder, algorithm), &holder.info);
        let (scan, element) = match (&item.repr, item.each.as_deref()) {
            (Repr::List(_, element), None | Some(Item { repr: Repr::Part, extent: Extent::Own, .. })) => {
                let (scan, walk) = self.part(item, index, element);
                let code = quote! {
                    match <#element as __p::Wire>::SIZE {
                        __p::Some(__size) => __w.skip(__size),
                        __p::None => #walk
                    }
                };
                (scan, code)
            }
            (Repr::List(..), Some(each)) => {
                let (scan, code, _) = self.skip(each, index);
                (scan, code)
            }
            _ => (quote!(()), quote!(__w.skip(1);)),
        };
        let from = self.slot(first, Slot::Offset);
        let code = quote! {
            let __check = __p::Check {
                from: #from, tail: #tail, gap: #gap, width: #width, digits: #digits, big_endian: #big,
                algorithm: #algorithm, at: &#info,
            };
            __e.each(__w, &__check, |__e, __w| { #element __p::Ok(()) })?;
        };
        (quote!(__p::SummedScan<#scan>), code, true)
    }
}
