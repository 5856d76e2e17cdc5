//! What is verified on the way: checksums, as soon as all they cover has come,
//! and lengths that decide nothing.

use std::ops::RangeInclusive;

use proc_macro2::TokenStream;
use quote::quote;

use super::steps::{Slot, Steps};
use crate::expand::check;
use crate::expand::common::Locals;
use crate::expand::decode::differs;
use crate::expand::frame::verified_before;
use crate::ir::Repr;
use crate::lower::fixed_beside;
use crate::proof::{Before, arguments, container};

impl Steps<'_> {
    /// Notes where an item begins, if something asks.
    pub(super) fn begins(&mut self, index: usize) {
        let within = match self.layout.items.get(index).map(|item| &item.repr) {
            Some(Repr::Bits(slot)) => slot.first != index,
            _ => false,
        };
        if self.walk.needs[index].offset && !within {
            let slot = self.slot(index, Slot::Offset);
            self.then(quote!(#slot = __w.at();));
        }
    }

    /// Notes where items end, and verifies what is due behind them.
    pub(super) fn behind(&mut self, done: RangeInclusive<usize>) {
        for index in done.clone() {
            if self.walk.needs[index].end {
                let slot = self.slot(index, Slot::End);
                self.then(quote!(#slot = __w.at();));
            }
        }
        let lengths = self.walk.lengths.clone();
        for (carrier, first, last) in lengths {
            if done.contains(&carrier.max(last)) {
                self.compare(carrier, first, last);
            }
        }
        for at in 0..self.walk.proofs.len() {
            if done.contains(&self.walk.proofs[at].due()) {
                let verify = self.verify(at);
                self.waits(verify);
            }
        }
    }

    /// Compares a length with what it speaks of.
    fn compare(&mut self, carrier: usize, first: usize, last: usize) {
        let (Some(item), layout) = (self.layout.items.get(carrier), self.layout) else { return };
        let Some(relation) = &item.relation else { return };
        let begins = container(&layout.items, first);
        let (raw, start, end) =
            (self.slot(carrier, Slot::Raw), self.slot(begins, Slot::Offset), self.slot(last, Slot::End));
        let (differs, info) = (
            differs(relation, &quote!((#raw)), &quote!(usize::saturating_sub(#end, #start) as i64)),
            &item.info,
        );
        self.then(quote! {
            if #differs { return __p::Err(__w.bad(__p::ErrorKind::Length, &#info)); }
        });
    }

    /// Computes a checksum and compares it.
    fn verify(&mut self, at: usize) -> TokenStream {
        let (layout, model) = (self.layout, self.model);
        let proof = &self.walk.proofs[at];
        let (carrier, first, last) = (proof.carrier, proof.first, proof.last);
        let (due, before) = (proof.due(), proof.before);
        let Some(item) = layout.items.get(carrier) else { return TokenStream::new() };
        let (raw, info) = (self.slot(carrier, Slot::Raw), &item.info);
        let offset = self.slot(container(&layout.items, carrier), Slot::Offset);
        let start = self.slot(container(&layout.items, first), Slot::Offset);
        let end = self.slot(last, Slot::End);
        let depends = !arguments(&layout.items, carrier).is_empty();
        let binds = if depends { self.binds(carrier) } else { TokenStream::new() };
        let covered = if (first..=last).contains(&carrier) {
            // A checksum over itself counts its own bytes as 0.
            let width = fixed_beside(&layout.items, carrier, carrier).unwrap_or(0);
            quote!(&__p::blanked(__b, #offset - #start, #width))
        } else {
            quote!(__b)
        };
        let computed = check::compute(model, layout, item, &covered, Locals::Walk);
        // Behind the last item of a frame its end is known, whatever is wrong.
        let whole = (self.outermost && due + 1 == layout.items.len()).then(|| quote!(__w.whole();));
        let verify = quote!({
            #binds
            let __b = __w.covered(#start, #end, &#info)?;
            #whole
            __w.check(#computed, #raw, #offset, &#info)?;
        });
        match (before, item.group) {
            (Before::IfConstant, _) => {
                let before = verified_before(&layout.items, carrier, first);
                quote!(if const { !#before } #verify)
            }
            (_, Some(field)) => {
                let there = self.slot(field, Slot::There);
                quote!(if #there #verify)
            }
            (_, None) => verify,
        }
    }
}
