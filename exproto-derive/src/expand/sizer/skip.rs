//! Over values that nobody needs: by a size, element by element, or by what
//! the value says itself.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Expr, Type};

use super::add_bound;
use super::steps::{Slot, Steps};
use crate::attr::gap::Gap;
use crate::expand::asserts::const_path;
use crate::expand::common::{Locals, choose_order, ctx_value, ctx_value_at, located, user_expr};
use crate::expand::{gap, index, rows};
use crate::ir::{Extent, IntTy, Item, ListKind, Repr};
use crate::lower::{bounds, fixed_at};
use crate::proof::summed;
use crate::relation::{self, Relation, Source};
use crate::walk::asks_codec;

impl<'m> Steps<'m> {
    /// Over an item or element whose value nobody needs: the state, what moves
    /// `__w` on with the state in `__e`, and whether that may wait.
    pub(super) fn skip(&mut self, item: &Item, index: usize) -> (TokenStream, TokenStream, bool) {
        let none = quote!(());
        let info = &item.info;
        let at_most = |amount: TokenStream| match item.wire_max() {
            Some(max) => {
                quote!({ let __n: usize = #amount; __w.at_most(__n, #max, &#info)? })
            }
            None => amount,
        };
        match &item.extent {
            Extent::Fixed(size) => (none, quote!(__w.skip(#size);), false),
            Extent::Size(expr) => {
                let binds = self.binds(index);
                let expr = user_expr(expr, self.layout, self.speaker(item, index), self.model, Locals::Walk);
                let size = at_most(quote!(__p::ToSize::to_size({ #binds #expr })));
                (none, quote!(let __size: usize = #size; __w.skip(__size);), false)
            }
            Extent::PrefixSize(int, _) => {
                let read = self.prefix(item, index, *int);
                let size = at_most(read);
                (none, quote!(let __size: usize = #size; __w.skip(__size);), true)
            }
            Extent::PrefixSizeBy(codec) => {
                let size = at_most(self.prefix_by(item, codec));
                let code = quote!(let __q = __e; let __size: usize = #size; __w.skip(__size););
                (quote!(usize), code, true)
            }
            Extent::PrefixCountBy(codec) => {
                let count = at_most(self.prefix_by(item, codec));
                let (scan, code, _) = self.counted(item, index, &count);
                (quote!((usize, #scan)), quote!(let (__q, __e) = (&mut __e.0, &mut __e.1); #code), true)
            }
            Extent::BySize(carrier) => {
                let size = at_most(self.declared(index, *carrier));
                (none, quote!(let __size: usize = #size; __w.skip(__size);), false)
            }
            Extent::Until(end) => {
                let end = Literal::byte_string(end);
                (none, quote!(__w.until(#end)?;), true)
            }
            Extent::Count(_) | Extent::PrefixCount(..) | Extent::ByCount(_) => {
                let count = at_most(self.count(item, index));
                self.counted(item, index, &count)
            }
            Extent::Own => self.own(item, index),
            Extent::Rest(_) if summed(&self.layout.items, index).is_some() => self.summed(item, index),
            Extent::Rest(_) if matches!(item.repr, Repr::Part | Repr::Body(_)) => self.own(item, index),
            Extent::Column
            | Extent::Rest(_)
            | Extent::UntilElement(_)
            | Extent::BySizes(_)
            | Extent::ByCounts(_) => (none, quote!(), false),
        }
    }

    /// The item of the layout that an element belongs to.
    fn outer(&self, index: usize) -> &'m Item {
        &self.layout.items[index]
    }

    /// What an expression of an item stands at; of an element only where it speaks
    /// of its number.
    fn speaker<'i>(&self, item: &'i Item, index: usize) -> &'i Item
    where
        'm: 'i,
    {
        let outer = self.outer(index);
        if index::numbered(outer) { item } else { outer }
    }

    fn prefix(&mut self, item: &Item, index: usize, int: IntTy) -> TokenStream {
        let (Extent::PrefixSize(_, endian) | Extent::PrefixCount(_, endian)) = item.extent else {
            return quote!(0_usize);
        };
        let outer = self.outer(index);
        let binds = if outer.endian.is_some() { self.binds(index) } else { TokenStream::new() };
        let order = choose_order(outer, index, self.layout, self.model, Locals::Walk);
        let read = super::read(int, endian, &item.info);
        quote!({ #binds #order __p::ToSize::to_size(#read) })
    }

    /// The number that a codec reads before a value, with its state in `__q`.
    fn prefix_by(&mut self, item: &Item, codec: &Expr) -> TokenStream {
        if const_path(codec) {
            let why = stuck_codec(item);
            self.reasons.push(quote!(__p::codec_stuck::<u64, _>(&#codec, #why)));
        }
        let (info, span) = (&item.info, located(codec));
        let read = quote_spanned!(span=> __w.prefix(__q, &(#codec), &#info)?);
        quote!(__p::ToSize::to_size(#read))
    }

    /// The size that a length field declares for an item.
    fn declared(&mut self, index: usize, carrier: usize) -> TokenStream {
        let items = &self.layout.items;
        let Some(Relation { source: Source::Size(range), ops, .. }) = &items[carrier].relation else {
            return quote!(0_usize);
        };
        let (first, last) = bounds(items, range, carrier).unwrap_or((index, index));
        let raw = self.slot(carrier, Slot::Raw);
        let said = relation::backward(ops, quote!(#raw as i64));
        let before = if first == index {
            quote!(0_i64)
        } else {
            let start = self.slot(first, Slot::Offset);
            quote!((__w.at() - #start) as i64)
        };
        let tail: usize = (index + 1..=last).filter_map(|at| fixed_at(items, at)).sum();
        let info = &items[carrier].info;
        quote! {
            __w.amount(
                i64::saturating_sub(i64::saturating_sub(#said, #before), #tail as i64),
                __p::ErrorKind::Length, &#info,
            )?
        }
    }

    fn count(&mut self, item: &Item, index: usize) -> TokenStream {
        match &item.extent {
            Extent::Count(expr) => {
                let binds = self.binds(index);
                let expr = user_expr(expr, self.layout, self.speaker(item, index), self.model, Locals::Walk);
                quote!(__p::ToSize::to_size({ #binds #expr }))
            }
            Extent::PrefixCount(int, _) => self.prefix(item, index, *int),
            Extent::ByCount(carrier) => {
                let raw = self.slot(*carrier, Slot::Raw);
                let carrier = &self.layout.items[*carrier];
                let ops = carrier.relation.as_ref().map_or(&[][..], |relation| &relation.ops[..]);
                let said = relation::backward(ops, quote!(#raw as i64));
                let info = &carrier.info;
                quote!(__w.amount(#said, __p::ErrorKind::Relation, &#info)?)
            }
            _ => quote!(0_usize),
        }
    }

    /// Over a row, of which all is added up that it speaks of.
    pub(super) fn row(&mut self, index: usize, int: IntTy) -> TokenStream {
        let (layout, item) = (self.layout, self.outer(index));
        let (bytes, sum) = (int.bytes, rows::total(&layout.items, index));
        let count = self.count(item, index);
        let binds = if item.endian.is_some() { self.binds(index) } else { TokenStream::new() };
        let order = choose_order(item, index, layout, self.model, Locals::Walk);
        let slot = self.slot(index, Slot::Raw);
        quote!({
            let __count: usize = #count;
            #binds
            #order
            let __d = __w.take(__count.saturating_mul(#bytes))?;
            #slot = #sum;
        })
    }

    fn counted(
        &mut self,
        item: &Item,
        index: usize,
        count: &TokenStream,
    ) -> (TokenStream, TokenStream, bool) {
        let waits = matches!(item.extent, Extent::PrefixCount(..));
        match item.each.as_deref() {
            Some(Item { extent: Extent::BySizes(row), .. }) => {
                let sum = self.slot(*row, Slot::Raw);
                return (quote!(()), quote!(__w.skip(usize::try_from(#sum).unwrap_or(usize::MAX));), false);
            }
            Some(Item { extent: Extent::ByCounts(row), each, .. }) => {
                let size = each.as_ref().and_then(|each| each.fixed()).unwrap_or(1) as u64;
                let sum = self.slot(*row, Slot::Raw);
                let code =
                    quote!(__w.skip(usize::try_from(#sum.saturating_mul(#size)).unwrap_or(usize::MAX)););
                return (quote!(()), code, false);
            }
            _ => {}
        }
        if let Repr::Slice | Repr::Buffer = item.repr {
            return (quote!(()), quote!(let __count: usize = #count; __w.skip(__count);), waits);
        }
        let begin = quote!(__e.begin(__w, |__w| __p::Ok(#count))?;);
        let part = match (&item.repr, &item.each) {
            (Repr::List(ListKind::Lazy, element), _) => Some(element),
            (Repr::List(_, element), Some(each))
                if matches!((&each.repr, &each.extent), (Repr::Part, Extent::Own)) =>
            {
                Some(element)
            }
            _ => None,
        };
        if let Some(element) = part {
            let (scan, walk) = self.part(item, index, element);
            let scan = quote!(__p::ListScan<#scan>);
            let each = each_element(item, &walk);
            let code = quote! {
                #begin
                match <#element as __p::Wire>::SIZE {
                    __p::Some(__size) => __e.skip(__w, __size),
                    __p::None => #each,
                }
            };
            return (scan, code, true);
        }
        let Some(each) = &item.each else { return (quote!(()), quote!(), false) };
        if let Some(slot) = item.bit_elements() {
            let bits = slot.count;
            let code = quote!(let __count: usize = #count; __w.skip(__p::bit_bytes(__count, #bits)););
            return (quote!(()), code, waits);
        }
        if let Some(size) = each.fixed() {
            let code = quote!(let __count: usize = #count; __w.skip(__count.saturating_mul(#size)););
            return (quote!(()), code, waits);
        }
        let (scan, code, _) = self.skip(each, index);
        let each = each_element(item, &code);
        let code = quote!(#begin #each;);
        (quote!(__p::ListScan<#scan>), code, true)
    }

    /// Over a part that ends itself, with its state in `__e`.
    pub(super) fn part(&mut self, item: &Item, index: usize, ty: &Type) -> (TokenStream, TokenStream) {
        add_bound(&mut self.bounds, quote!(#ty: __p::Walk<__X, <#ty as __p::Wire>::Ctx>));
        self.reasons.push(quote! {
            match <#ty as __p::Wire>::SIZE { __p::Some(_) => __p::None, __p::None => <#ty as __p::Walk<__X, <#ty as __p::Wire>::Ctx>>::STUCK }
        });
        let holder = Item { ty: ty.clone(), ctx: item.ctx.clone(), span: item.span, ..Item::nowhere() };
        let binds = self.binds(index);
        let ctx = self.context(&holder, index, &quote!(__p::Wire));
        (
            quote!(<#ty as __p::Walk<__X, <#ty as __p::Wire>::Ctx>>::Scan),
            quote!({ let __c = { #binds #ctx }; <#ty as __p::Walk<__X, <#ty as __p::Wire>::Ctx>>::walk(__e, __w, __c)?; }),
        )
    }

    /// The context that an item or its elements get.
    fn context(&self, holder: &Item, index: usize, trait_: &TokenStream) -> TokenStream {
        let outer = self.outer(index);
        // What an element is given may speak of its number.
        let at = match outer.each.as_deref().filter(|_| index::numbered(outer)) {
            Some(each) => each,
            None => outer,
        };
        ctx_value_at(holder, at, self.layout, self.model, trait_, Locals::Walk)
    }

    /// Over a value that says itself where it ends.
    fn own(&mut self, item: &Item, index: usize) -> (TokenStream, TokenStream, bool) {
        let (ty, info) = (&item.ty, &item.info);
        match &item.repr {
            Repr::Int(int, _) | Repr::Scalar(int, _) => {
                let bytes = int.bytes;
                (quote!(()), quote!(__w.skip(#bytes);), false)
            }
            Repr::Array(len) => (quote!(()), quote!(__w.skip(#len);), false),
            Repr::Gap(gap) => {
                let begun = match gap {
                    Gap::Bytes(_) => quote!(0_usize),
                    _ => {
                        let start = self.slot(0, Slot::Offset);
                        quote!((__w.at() - #start))
                    }
                };
                let binds = self.binds(index);
                let count = gap::count(gap, item, self.layout, self.model, &begun, Locals::Walk);
                (quote!(()), quote!({ #binds let __n: usize = #count; __w.skip(__n); }), false)
            }
            Repr::Codec(codec) => {
                if asks_codec(item).is_some() {
                    let why = stuck_codec(item);
                    self.reasons.push(quote!(__p::codec_stuck::<#ty, _>(&#codec, #why)));
                }
                let span = located(codec);
                (quote!(usize), quote_spanned!(span=> __w.codec::<#ty, _>(__e, &(#codec), &#info)?;), true)
            }
            Repr::Body(tag) => {
                add_bound(&mut self.bounds, quote!(#ty: __p::WalkBody<__X, <#ty as __p::Tagged>::Ctx>));
                self.reasons.push(quote!(<#ty as __p::WalkBody<__X, <#ty as __p::Tagged>::Ctx>>::STUCK));
                let raw = self.slot(*tag, Slot::Raw);
                let ops =
                    self.layout.items[*tag].relation.as_ref().map_or(&[][..], |relation| &relation.ops[..]);
                let tag = relation::backward(ops, quote!(#raw as i64));
                let binds = self.binds(index);
                let ctx = ctx_value(item, self.layout, self.model, &quote!(__p::Tagged), Locals::Walk);
                let walk = quote!(<#ty as __p::WalkBody<__X, <#ty as __p::Tagged>::Ctx>>::walk_body(__tag, __e, __w, #ctx)?;);
                let code = match &item.opaque {
                    None => quote!(let __tag = (#tag) as u64; #binds #walk),
                    Some(opaque) => {
                        let opaque = user_expr(opaque, self.layout, item, self.model, Locals::Walk);
                        quote! {
                            let __tag = (#tag) as u64;
                            #binds
                            if #opaque { <#ty as __p::WalkBody<__X, <#ty as __p::Tagged>::Ctx>>::walk_opaque(__tag, __e, __w)?; } else { #walk }
                        }
                    }
                };
                (quote!(<#ty as __p::WalkBody<__X, <#ty as __p::Tagged>::Ctx>>::Scan), code, true)
            }
            Repr::Part => {
                let (scan, walk) = self.part(item, index, ty);
                let code = quote! {
                    match <#ty as __p::Wire>::SIZE {
                        __p::Some(__size) => __w.skip(__size),
                        __p::None => #walk
                    }
                };
                (scan, code, true)
            }
            _ => (quote!(()), quote!(), false),
        }
    }
}

/// Over all elements of a list.
fn each_element(item: &Item, walk: &TokenStream) -> TokenStream {
    let info = &item.info;
    if index::numbered(item) {
        return quote!(__e.each_numbered(__w, &#info, |__e, __w, __index| { #walk __p::Ok(()) })?);
    }
    quote!(__e.each(__w, |__e, __w| { #walk __p::Ok(()) })?)
}

fn stuck_codec(item: &Item) -> String {
    format!(
        "nothing says where this frame ends: the codec of `{}` does not tell where a value ends; let it implement `Codec::end`, or give the field a `size`",
        item.label
    )
}
