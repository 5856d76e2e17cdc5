//! Decoding a layout: runs of fixed items with one bounds check, and the rest
//! item by item.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote, quote_spanned};

use super::check;
use super::common::{
    Locals, choose_order, ctx_value, is_number, located, mentions_left, read_int, type_is, user_expr,
};
use super::frame::checked_before;
use crate::ir::{BitSlot, Extent, Frame, Item, Layout, ListKind, Model, Presence, Repr};
use crate::lower::{bounds, fixed_at, position};
use crate::relation::{self, Relation, Source};

/// What is decoded and what is known of its surroundings.
pub(crate) struct Decode<'d> {
    pub(crate) model: &'d Model,
    pub(crate) layout: &'d Layout,
    /// Set for the outermost type of a protocol.
    pub(crate) frame: Option<&'d Frame>,
}

impl Decode<'_> {
    /// Statements that read all items into their locals from `__r`.
    pub(crate) fn statements(&self) -> TokenStream {
        let items = &self.layout.items;
        let mut out = TokenStream::new();
        if self.needs_start() {
            out.extend(quote!(let __start = *__r;));
        }
        if items.iter().any(|item| matches!(item.extent, Extent::Separated(_))) {
            out.extend(quote!(let mut __more = true;));
        }
        let mut index = 0;
        while index < items.len() {
            let end = (index..items.len()).find(|i| fixed_at(items, *i).is_none()).unwrap_or(items.len());
            if end > index {
                out.extend(self.run(index, end));
                index = end;
            } else {
                out.extend(self.single(index));
                out.extend(self.verify(index));
                index += 1;
            }
        }
        out
    }

    /// Fixed items: one bounds check, then constant offsets.
    fn run(&self, first: usize, end: usize) -> TokenStream {
        let items = &self.layout.items;
        let size: usize = (first..end).filter_map(|i| fixed_at(items, i)).sum();
        let mut out = TokenStream::new();
        let offset = offset_name(first);
        let run = format_ident!("__h{}", first);
        out.extend(quote!(let #offset: u32 = __r.offset();));
        if size > 0 {
            let mut at = 0;
            let ends = (first..end).filter_map(|i| {
                let size = fixed_at(items, i)?;
                at += size;
                let info = &items[i].info;
                let end = at as u32;
                (size > 0).then(|| quote!((#end, &#info)))
            });
            let table = format_ident!("__RUN{}", first);
            out.extend(quote! {
                static #table: &[(u32, &'static __p::FieldInfo)] = &[#(#ends),*];
                let #run = __r.run_of::<#size>(#table)?;
            });
        }
        let mut at = 0;
        for index in first..end {
            let offset_of = offset_name(index);
            if index > first {
                // Bits lie where their container does.
                let at = match &items[index].repr {
                    Repr::Bits(slot) if slot.first < index => {
                        (first..slot.first).filter_map(|i| fixed_at(items, i)).sum()
                    }
                    _ => at,
                } as u32;
                out.extend(quote!(let #offset_of: u32 = #offset + #at;));
            }
            out.extend(self.in_run(index, &quote!(#run), at));
            out.extend(self.verify(index));
            at += fixed_at(items, index).unwrap_or(0);
        }
        out
    }

    fn in_run(&self, index: usize, run: &TokenStream, at: usize) -> TokenStream {
        let item = &self.layout.items[index];
        let (local, info, ty) = (&item.local, &item.info, &item.ty);
        let offset = offset_name(index);
        let size = fixed_at(&self.layout.items, index).unwrap_or(0);
        let len = if let Repr::Bits(slot) = &item.repr { slot.bytes } else { size } as u32;
        // Before what may be said about the field, and around those inside it.
        let mut out = quote!(__r.enter_at(&#info, #offset););
        out.extend(self.choose_order(index));
        let leave = quote!(__r.leave_at(#offset + #len););
        match &item.repr {
            Repr::Int(int, endian) => {
                let value = read_int(run, at, *int, *endian);
                out.extend(quote!(let #local = #value;));
            }
            Repr::Scalar(int, endian) => {
                let value = read_int(run, at, *int, *endian);
                let raw = raw_name(index);
                out.extend(
                    quote!(let #raw: u64 = #value as u64; let #local = <#ty as __p::Scalar>::from_raw(#raw);),
                );
            }
            Repr::Bits(slot) => {
                let container = format_ident!("__c{}", slot.first);
                if slot.first == index {
                    let int = crate::ir::IntTy {
                        bytes: slot.bytes,
                        held: slot.bytes.next_power_of_two(),
                        signed: false,
                        float: false,
                    };
                    let value = read_int(run, at, int, slot.endian);
                    out.extend(quote!(let #container: u64 = #value as u64;));
                }
                out.extend(bits_value(item, index, &quote!(#container)));
            }
            Repr::Constant(bytes) => {
                let comparisons = bytes.iter().enumerate().map(|(i, byte)| {
                    let k = at + i;
                    quote!(#run[#k] != #byte)
                });
                let got = (0..bytes.len().min(8)).map(|i| {
                    let k = at + i;
                    quote!(#run[#k])
                });
                let want = bytes.iter().take(8);
                out.extend(quote! {
                    if #(#comparisons)||* {
                        return __p::Err(__r.fail(__p::ErrorKind::Constant, #offset, &#info,
                            __p::number(&[#(#got),*]), __p::number(&[#(#want),*])));
                    }
                });
            }
            Repr::Array(_) => {
                let bytes = (0..size).map(|i| {
                    let k = at + i;
                    quote!(#run[#k])
                });
                out.extend(quote!(let #local: #ty = [#(#bytes),*];));
            }
            Repr::TagReceiver => out.extend(quote!(let #local = __p::tag_into::<#ty>(__tag);)),
            _ => {
                let finish = if item.attrs.extra.is_some() {
                    quote!(__r.finish_extra(__s, &#info);)
                } else {
                    quote!(__r.finish(__s, &#info)?;)
                };
                let end = at + size;
                let value = self.whole(item, index);
                out.extend(quote! {
                    let #local = {
                        let mut __s = __r.within(&#run[#at..#end], #offset + #len);
                        let __v = { let __r = &mut __s; #value };
                        #finish
                        __v
                    };
                });
            }
        }
        out.extend(leave);
        out.extend(self.after(index));
        out
    }

    /// An item that is not part of a run.
    fn single(&self, index: usize) -> TokenStream {
        let item = &self.layout.items[index];
        let (local, info) = (&item.local, &item.info);
        let offset = offset_name(index);
        let value = self.bounded(item, index);
        let left =
            if self.uses_left(item) { quote!(let __left: usize = __r.left();) } else { TokenStream::new() };
        let read = match self.condition(item) {
            None => quote!(let #local = #value;),
            Some(condition) => quote!(let #local = if #condition { __p::Some(#value) } else { __p::None };),
        };
        let checks = self.after(index);
        let order = self.choose_order(index);
        quote! {
            let #offset: u32 = __r.offset();
            #left
            #order
            __r.enter(&#info);
            #read
            __r.leave();
            #checks
        }
    }

    /// Looks up the byte order of an item that has one chosen at run time.
    fn choose_order(&self, index: usize) -> TokenStream {
        choose_order(&self.layout.items[index], index, self.layout, self.model, Locals::Values)
    }

    fn uses_left(&self, item: &Item) -> bool {
        let extent = match &item.extent {
            Extent::Size(expr) | Extent::Count(expr) => mentions_left(expr),
            _ => false,
        };
        let condition = matches!(&item.presence, Presence::If(expr) if mentions_left(expr));
        extent
            || condition
            || item.opaque.as_ref().is_some_and(mentions_left)
            || item.ctx.iter().any(|(_, expr)| mentions_left(expr))
    }

    fn condition(&self, item: &Item) -> Option<TokenStream> {
        match &item.presence {
            Presence::Always => None,
            Presence::More => Some(quote!(__more)),
            Presence::If(expr) => Some(user_expr(expr, self.layout, item, self.model, Locals::Values)),
            Presence::By(flag) => {
                let raw = raw_name(*flag);
                let ops =
                    self.layout.items.get(*flag).and_then(|item| item.relation.as_ref()).map(|r| &r.ops[..]);
                let value = relation::backward(ops.unwrap_or(&[]), quote!(#raw as i64));
                Some(quote!((#value) != 0))
            }
        }
    }

    /// The value within its extent, read from `__r`.
    fn bounded(&self, item: &Item, index: usize) -> TokenStream {
        let info = &item.info;
        let size = match &item.extent {
            Extent::Own => return self.whole(item, index),
            Extent::Rest(0) => return self.whole(item, index),
            Extent::Rest(tail) => {
                let value = self.whole(item, index);
                return sub(&quote!(__r.sub_rest(#tail, &#info)?), &value, info);
            }
            Extent::Until(end) => {
                let value = self.whole(item, index);
                let end = end.iter();
                let reader = self.at_most(item, &quote!(__r.sub_until(&[#(#end),*], &#info)?));
                return self.sub(item, &reader, &value);
            }
            Extent::Separated(sep) => {
                let value = self.whole(item, index);
                let missing = match item.presence {
                    Presence::Always if !sep.first => quote! {
                        if !__more { return __p::Err(__r.fail(__p::ErrorKind::Short, __r.offset(), &#info, 0, 1)); }
                    },
                    _ => TokenStream::new(),
                };
                if sep.last && sep.tail == 0 {
                    return quote!({ #missing #value });
                }
                if sep.last {
                    let tail = sep.tail;
                    let value = self.sub(item, &quote!(__r.sub_rest(#tail, &#info)?), &value);
                    return quote!({ #missing #value });
                }
                let byte = sep.byte;
                let value = self.sub(item, &quote!(__r.sub_separated(#byte, &mut __more)), &value);
                return quote!({ #missing #value });
            }
            Extent::Fixed(size) => quote!(#size),
            Extent::Size(expr) => {
                let value = user_expr(expr, self.layout, item, self.model, Locals::Values);
                quote!(__p::ToSize::to_size(#value))
            }
            Extent::PrefixSize(int, endian) => {
                let bytes = int.bytes;
                let value = read_int(&quote!(__n), 0, *int, *endian);
                quote!({ let __n = __r.run::<#bytes>(&#info)?; #value as usize })
            }
            Extent::BySize(carrier) => {
                let (size, framed) = self.declared_size(index, *carrier);
                if let Some(tail) = framed {
                    let carrier_info = &self.layout.items[*carrier].info;
                    let carrier_offset = offset_name(*carrier);
                    let value = self.whole(item, index);
                    let reader = quote!({
                        let __size: usize = #size;
                        __r.sub_framed(__size, #tail, (&#carrier_info, #carrier_offset), &#info)?
                    });
                    let reader = self.at_most(item, &reader);
                    return self.sub(item, &reader, &value);
                }
                size
            }
            Extent::Count(_) | Extent::PrefixCount(..) | Extent::ByCount(_) => {
                return self.counted(item, index);
            }
        };
        let limit = limit(item, &quote!(__size));
        if let Repr::Slice = item.repr {
            return quote!({ let __size: usize = #size; #limit __r.take(__size, &#info)? });
        }
        let value = self.whole(item, index);
        self.sub(item, &quote!({ let __size: usize = #size; #limit __r.sub(__size, &#info)? }), &value)
    }

    /// A reader of no more than `max` bytes.
    fn at_most(&self, item: &Item, reader: &TokenStream) -> TokenStream {
        let limit = limit(item, &quote!(__s.left()));
        if limit.is_empty() { reader.clone() } else { quote!({ let __s = #reader; #limit __s }) }
    }

    /// The value in an extent of its own, used up unless `extra` bytes may
    /// follow it there.
    fn sub(&self, item: &Item, reader: &TokenStream, value: &TokenStream) -> TokenStream {
        if item.attrs.extra.is_none() {
            return sub(reader, value, &item.info);
        }
        let info = &item.info;
        quote!({
            let mut __s = #reader;
            let __v = { let __r = &mut __s; #value };
            __r.finish_extra(__s, &#info);
            __v
        })
    }

    /// The size that a length field declares for its target, and, if the end
    /// of the frame says it too, how many bytes follow the target there.
    fn declared_size(&self, index: usize, carrier: usize) -> (TokenStream, Option<usize>) {
        let items = &self.layout.items;
        let raw = raw_name(carrier);
        let (info, offset) = (&items[carrier].info, offset_name(carrier));
        let Some(Relation { source: Source::Size(range), ops, .. }) = &items[carrier].relation else {
            return (quote!(0_usize), None);
        };
        let (first, last) = bounds(items, range, carrier).unwrap_or((index, index));
        let value = relation::backward(ops, quote!(#raw as i64));
        let tail: usize = (index + 1..=last).filter_map(|i| fixed_at(items, i)).sum();
        let before = if first == index {
            quote!(0_i64)
        } else {
            let start = offset_name(first);
            quote!((__r.offset() - #start) as i64)
        };
        let size = quote! {
            __p::size_of_rest(i64::saturating_sub(i64::saturating_sub(#value, #before), #tail as i64))
                .ok_or_else(|| __r.fail(__p::ErrorKind::Length, #offset, &#info, #raw, 0))?
        };
        let after: Option<usize> =
            (index + 1..items.len()).map(|i| fixed_at(items, i)).try_fold(0, |sum, size| Some(sum + size?));
        (size, after.filter(|_| self.frame.is_some()))
    }

    /// A list with a known number of elements.
    fn counted(&self, item: &Item, index: usize) -> TokenStream {
        let info = &item.info;
        let count = match &item.extent {
            Extent::Count(expr) => {
                let value = user_expr(expr, self.layout, item, self.model, Locals::Values);
                quote!(__p::ToSize::to_size(#value))
            }
            Extent::PrefixCount(int, endian) => {
                let bytes = int.bytes;
                let value = read_int(&quote!(__n), 0, *int, *endian);
                quote!({ let __n = __r.run::<#bytes>(&#info)?; #value as usize })
            }
            Extent::ByCount(carrier) => {
                let raw = raw_name(*carrier);
                let (carrier_info, offset) = (&self.layout.items[*carrier].info, offset_name(*carrier));
                let ops = self.layout.items[*carrier].relation.as_ref().map(|r| &r.ops[..]).unwrap_or(&[]);
                let value = relation::backward(ops, quote!(#raw as i64));
                quote! {
                    __p::size_of_rest(#value)
                        .ok_or_else(|| __r.fail(__p::ErrorKind::Relation, #offset, &#carrier_info, #raw, 0))?
                }
            }
            _ => quote!(0_usize),
        };
        let limit = limit(item, &quote!(__n));
        let count = quote!({ let __n: usize = #count; #limit __n });
        match &item.repr {
            Repr::Slice => quote!({ let __n: usize = #count; __r.take(__n, &#info)? }),
            Repr::Buffer => quote!({ let __n: usize = #count; __r.take(__n, &#info)?.to_vec() }),
            Repr::List(ListKind::Lazy, element) => {
                let ty = &item.ty;
                let ctx = self.element_ctx(item, element);
                quote!({ let __n = #count; <#ty as __p::Sequence<'_>>::decode_count(__r, __n, #ctx, &#info)? })
            }
            Repr::List(ListKind::Vec, _) => {
                let value = self.element(item, index);
                let min = self.element_min(item);
                // Elements without bytes would let a count of millions through.
                let bound = match item.each.as_deref() {
                    Some(Item { repr: Repr::Part, extent: Extent::Own, ty, .. }) => quote! {
                        if <#ty as __p::Wire>::MIN == 0 && __n > __r.left() {
                            return __p::Err(__r.fail(__p::ErrorKind::Short, __r.offset(), &#info, __r.left() as u64, __n as u64));
                        }
                    },
                    Some(each)
                        if each.fixed().is_none_or(|size| size == 0)
                            && !matches!(each.extent, Extent::PrefixSize(..) | Extent::PrefixCount(..)) =>
                    {
                        quote! {
                            if __n > __r.left() {
                                return __p::Err(__r.fail(__p::ErrorKind::Short, __r.offset(), &#info, __r.left() as u64, __n as u64));
                            }
                        }
                    }
                    _ => TokenStream::new(),
                };
                quote!({
                    let __n: usize = #count;
                    #bound
                    let mut __list = __p::Vec::with_capacity(__n.min(__r.left() / #min));
                    for _ in 0..__n {
                        __r.enter_element(__list.len());
                        let __v = #value;
                        __r.leave();
                        __list.push(__v);
                    }
                    __list
                })
            }
            _ => quote!(()),
        }
    }

    /// The value of an item that may take all that `__r` has.
    fn whole(&self, item: &Item, index: usize) -> TokenStream {
        let (info, ty) = (&item.info, &item.ty);
        match &item.repr {
            Repr::Slice => quote!(__r.rest()),
            Repr::Buffer => quote!(__r.rest().to_vec()),
            Repr::Array(len) => quote!(*__r.run::<{ #len }>(&#info)?),
            Repr::Int(int, endian) => {
                let bytes = int.bytes;
                let value = read_int(&quote!(__n), 0, *int, *endian);
                quote!({ let __n = __r.run::<#bytes>(&#info)?; #value })
            }
            Repr::Scalar(int, endian) => {
                let bytes = int.bytes;
                let value = read_int(&quote!(__n), 0, *int, *endian);
                quote!({ let __n = __r.run::<#bytes>(&#info)?; <#ty as __p::Scalar>::from_raw(#value as u64) })
            }
            Repr::Codec(codec) => {
                let span = located(codec);
                let decode = quote_spanned!(span=> __p::Codec::<'_, #ty>::decode(&(#codec), __q, &#info));
                quote!(__r.plain(|__q| #decode)?)
            }
            Repr::Body(tag) => {
                let raw = raw_name(*tag);
                let ctx = ctx_value(item, self.layout, self.model, &quote!(__p::Tagged), Locals::Values);
                let ops = self.layout.items[*tag].relation.as_ref().map(|r| &r.ops[..]).unwrap_or(&[]);
                let tag = relation::backward(ops, quote!(#raw as i64));
                let select = quote!(<#ty as __p::Select<'_>>::select((#tag) as u64, __r, #ctx)?);
                match &item.opaque {
                    None => select,
                    Some(opaque) => {
                        let opaque = user_expr(opaque, self.layout, item, self.model, Locals::Values);
                        quote!(if #opaque { <#ty as __p::Select<'_>>::opaque((#tag) as u64, __r)? } else { #select })
                    }
                }
            }
            Repr::Part => {
                let ctx = ctx_value(item, self.layout, self.model, &quote!(__p::Wire), Locals::Values);
                quote!(<#ty as __p::Decode<'_>>::decode(__r, #ctx)?)
            }
            Repr::List(ListKind::Lazy, element) => {
                let ctx = self.element_ctx(item, element);
                let lenient = item.lenient;
                quote!(<#ty as __p::Sequence<'_>>::decode_rest(__r, #ctx, #lenient, &#info)?)
            }
            Repr::List(ListKind::Vec, _) => {
                let value = self.element(item, index);
                quote!({
                    let mut __list = __p::Vec::new();
                    while __r.left() > 0 {
                        let __before = __r.left();
                        __r.enter_element(__list.len());
                        let __v = #value;
                        __r.leave();
                        if __r.left() == __before {
                            return __p::Err(__r.fail(__p::ErrorKind::Trailing, __r.offset(), &#info, __before as u64, 0));
                        }
                        __list.push(__v);
                    }
                    __list
                })
            }
            Repr::Bits(_) | Repr::Constant(_) | Repr::TagReceiver => quote!(()),
        }
    }

    fn element(&self, item: &Item, index: usize) -> TokenStream {
        item.each.as_ref().map_or_else(|| quote!(()), |each| self.bounded(each, index))
    }

    fn element_min(&self, item: &Item) -> TokenStream {
        let Some(each) = &item.each else { return quote!(1) };
        let ty = &each.ty;
        match (&each.repr, &each.extent) {
            (Repr::Part, Extent::Own) => {
                quote!((if <#ty as __p::Wire>::MIN == 0 { 1 } else { <#ty as __p::Wire>::MIN }))
            }
            (_, Extent::PrefixSize(int, _) | Extent::PrefixCount(int, _)) => {
                let bytes = int.bytes;
                quote!(#bytes)
            }
            _ => {
                let size = each.fixed().unwrap_or(1).max(1);
                quote!(#size)
            }
        }
    }

    pub(crate) fn element_ctx(&self, item: &Item, element: &syn::Type) -> TokenStream {
        let holder = Item {
            ty: element.clone(),
            local: item.local.clone(),
            ctx: item.ctx.clone(),
            presence: Presence::Always,
            repr: Repr::Part,
            extent: Extent::Own,
            name: None,
            label: item.label.clone(),
            info: item.info.clone(),
            member: None,
            relation: None,
            opaque: None,
            endian: None,
            ctx_span: item.ctx_span,
            fill: None,
            lenient: false,
            range: None,
            strict: false,
            meta: item.meta.clone(),
            each: None,
            span: item.span,
            attrs: Box::default(),
            broken: false,
        };
        ctx_value(&holder, self.layout, self.model, &quote!(__p::Wire), Locals::Values)
    }

    /// What is looked at right after an item is read: its range, constants.
    fn after(&self, index: usize) -> TokenStream {
        let item = &self.layout.items[index];
        let (local, info, offset) = (&item.local, &item.info, offset_name(index));
        let mut out = TokenStream::new();
        if is_number(item) && matches!(item.presence, Presence::Always) && item.relation.is_some() {
            let raw = raw_name(index);
            match &item.repr {
                // Set where the value was read.
                Repr::Scalar(..) | Repr::Bits(_) => {}
                _ => out.extend(quote!(let #raw: u64 = #local as u64;)),
            }
        }
        if let (Repr::Part, Some(Relation { source: Source::Tag(_), .. })) = (&item.repr, &item.relation) {
            let raw = raw_name(index);
            out.extend(quote!(let #raw: u64 = __p::Scalar::raw(#local);));
        }
        if let Some((low, high)) = &item.range
            && is_number(item)
        {
            let low = user_expr(low, self.layout, item, self.model, Locals::Values);
            let high = user_expr(high, self.layout, item, self.model, Locals::Values);
            let odd = if item.strict {
                quote!(return __p::Err(__r.fail(__p::ErrorKind::Range, #offset, &#info, *__v as u64, 0)))
            } else {
                quote!(__r.flag_at(__p::Flag::Range, &#info, #offset))
            };
            let value = match item.presence {
                // Bits that stand only on the wire have no local of their own.
                Presence::Always if item.member.is_none() && matches!(item.repr, Repr::Bits(_)) => {
                    let raw = raw_name(index);
                    quote!(__p::Some(&#raw))
                }
                Presence::Always => quote!(__p::Some(&#local)),
                _ => quote!(#local.as_ref()),
            };
            let sentinels = super::schema::sentinels(item).into_iter().map(|(value, _)| value);
            let plausible = if item.meta.sentinels.is_empty() {
                quote!(((#low)..=(#high)).contains(__v))
            } else {
                quote!((((#low)..=(#high)).contains(__v) || [#(#sentinels),*].contains(&(*__v as i64))))
            };
            out.extend(quote! {
                if let __p::Some(__v) = #value && !#plausible { #odd; }
            });
        }
        if item.member.is_none() && item.relation.is_none() && !matches!(item.repr, Repr::Constant(_)) {
            let fill = u64::from(item.fill.unwrap_or(0));
            let raw = if let Repr::Bits(_) = item.repr { raw_name(index) } else { local.clone() };
            out.extend(
                quote!(if #raw as u64 != #fill { __r.flag_at(__p::Flag::Reserved, &#info, #offset); }),
            );
        }
        // Bits that the type has no name for are not kept by it.
        let one_bit = type_is(&item.ty, "bool") && matches!(item.repr, Repr::Bits(_));
        let kept = one_bit || crate::ir::IntTy::of_type(&item.ty).is_some();
        if matches!(item.repr, Repr::Scalar(..) | Repr::Bits(_))
            && matches!(item.presence, Presence::Always)
            && item.member.is_some()
            && !kept
        {
            let raw = raw_name(index);
            out.extend(quote!(if __p::Scalar::raw(#local) != #raw { __r.flag_at(__p::Flag::Reserved, &#info, #offset); }));
        }
        if let Some(Relation { source: Source::Constant(expr), .. }) = &item.relation {
            let raw = raw_name(index);
            out.extend(quote! {
                if #raw != ((#expr) as u64) {
                    return __p::Err(__r.fail(__p::ErrorKind::Constant, #offset, &#info, #raw, (#expr) as u64));
                }
            });
        }
        out
    }

    /// Relations that did not decide an extent and can be verified once the
    /// item `index` is read.
    fn verify(&self, index: usize) -> TokenStream {
        let items = &self.layout.items;
        let mut out = TokenStream::new();
        for (carrier, item) in items.iter().enumerate() {
            let Some(relation) = &item.relation else { continue };
            let (raw, info, offset) = (raw_name(carrier), &item.info, offset_name(carrier));
            match &relation.source {
                Source::Count(field) => {
                    let Some(target) = position(items, field) else { continue };
                    let decided = matches!(items[target].extent, Extent::ByCount(by) if by == carrier)
                        && matches!(items[target].presence, Presence::Always);
                    if decided || target.max(carrier) != index {
                        continue;
                    }
                    let list = &items[target].local;
                    let want = relation::backward(&relation.ops, quote!(#raw as i64));
                    out.extend(quote! {
                        if #want != __p::Counted::counted(&#list) as i64 {
                            return __p::Err(__r.fail(__p::ErrorKind::Relation, #offset, &#info, #raw, __p::Counted::counted(&#list) as u64));
                        }
                    });
                }
                Source::Size(range) => {
                    let Some((first, last)) = bounds(items, range, carrier) else { continue };
                    // Where it decided an extent it holds, unless that item
                    // is absent.
                    let decided = |i: &Item| {
                        matches!(i.extent, Extent::BySize(by) if by == carrier)
                            && matches!(i.presence, Presence::Always)
                    };
                    if items.iter().any(decided) || last.max(carrier) != index {
                        continue;
                    }
                    let start = offset_name(first);
                    let end = self.end_of(last, index);
                    let want = relation::backward(&relation.ops, quote!(#raw as i64));
                    out.extend(quote! {
                        if #want != (#end - #start) as i64 {
                            return __p::Err(__r.fail(__p::ErrorKind::Length, #offset, &#info, #raw, (#end - #start) as u64));
                        }
                    });
                }
                Source::Check(_, range) => {
                    let (checked, elsewhere) =
                        self.frame.map_or((false, None), |frame| checked_before(frame, items, carrier));
                    if checked {
                        continue;
                    }
                    let Some((first, last)) = bounds(items, range, carrier) else { continue };
                    if last.max(carrier) != index {
                        continue;
                    }
                    let start = offset_name(first);
                    let end = self.end_of(last, index);
                    let covered = quote!(__start.slice(#start, #end));
                    let covered = if (first..=last).contains(&carrier) {
                        // A checksum over itself counts its own bytes as 0.
                        let width = fixed_at(items, carrier).unwrap_or(0);
                        quote!(&__p::blanked(#covered, (#offset - #start) as usize, #width))
                    } else {
                        covered
                    };
                    let computed = check::compute(self.model, self.layout, item, &covered, Locals::Values);
                    let verify = quote!(__r.check(#computed, #raw, #offset, &#info)?;);
                    out.extend(match elsewhere {
                        Some(elsewhere) => quote!(if const { !#elsewhere } { #verify }),
                        None => verify,
                    });
                }
                Source::Present(field) => {
                    let Some(target) = position(items, field) else { continue };
                    // One bit that decided says no more than it decided.
                    let decided = matches!(items[target].presence, Presence::By(by) if by == carrier)
                        && matches!(items[carrier].repr, Repr::Bits(BitSlot { count: 1, .. }));
                    if decided || target.max(carrier) != index {
                        continue;
                    }
                    let local = &items[target].local;
                    out.extend(quote! {
                        if #raw != #local.is_some() as u64 {
                            return __p::Err(__r.fail(__p::ErrorKind::Relation, #offset, &#info, #raw, #local.is_some() as u64));
                        }
                    });
                }
                Source::Tag(_) | Source::Constant(_) => {}
            }
        }
        out
    }

    /// The offset right after the item `last`, once the item `index` is read.
    fn end_of(&self, last: usize, index: usize) -> TokenStream {
        let start = offset_name(last);
        match fixed_at(&self.layout.items, last) {
            // The offset of a field of bits is that of its container.
            Some(_) if let Some(Repr::Bits(slot)) = self.layout.items.get(last).map(|item| &item.repr) => {
                let size = slot.bytes as u32;
                quote!((#start + #size))
            }
            Some(size) => {
                let size = size as u32;
                quote!((#start + #size))
            }
            None if last == index => quote!(__r.offset()),
            None => {
                let after = offset_name(last + 1);
                quote!(#after)
            }
        }
    }

    fn needs_start(&self) -> bool {
        self.layout.items.iter().enumerate().any(|(index, item)| {
            matches!(&item.relation, Some(Relation { source: Source::Check(..), .. }))
                && self.frame.is_none_or(|frame| !checked_before(frame, &self.layout.items, index).0)
        })
    }
}

/// The value of a field of bits from its container.
pub(crate) fn bits_value(item: &Item, index: usize, container: &TokenStream) -> TokenStream {
    let Repr::Bits(slot) = &item.repr else { return TokenStream::new() };
    let (local, ty, raw) = (&item.local, &item.ty, raw_name(index));
    let (shift, count) = (slot.shift, slot.count);
    let mask = if count >= 64 { u64::MAX } else { (1_u64 << count) - 1 };
    let mut out = quote!(let #raw: u64 = (#container >> #shift) & #mask;);
    if item.member.is_none() {
        return out;
    }
    out.extend(if type_is(ty, "bool") {
        quote!(let #local: #ty = #raw != 0;)
    } else if let Some(int) = crate::ir::IntTy::of_type(ty) {
        if int.signed {
            let up = 64 - count;
            quote!(let #local: #ty = ((#raw << #up) as i64 >> #up) as #ty;)
        } else {
            quote!(let #local: #ty = #raw as #ty;)
        }
    } else {
        quote!(let #local: #ty = <#ty as __p::Scalar>::from_raw(#raw);)
    });
    out
}

/// Refuses more bytes or elements than `max`.
fn limit(item: &Item, amount: &TokenStream) -> TokenStream {
    let (Some(max), info) = (&item.attrs.max, &item.info) else { return TokenStream::new() };
    let max = &max.value;
    quote! {
        if #amount > (#max) {
            return __p::Err(__r.fail(__p::ErrorKind::TooLong, __r.offset(), &#info, #amount as u64, (#max) as u64));
        }
    }
}

fn sub(reader: &TokenStream, value: &TokenStream, info: &Ident) -> TokenStream {
    quote!({
        let mut __s = #reader;
        let __v = { let __r = &mut __s; #value };
        __r.finish(__s, &#info)?;
        __v
    })
}

/// The variable with the offset of an item.
pub(crate) fn offset_name(index: usize) -> Ident {
    format_ident!("__o{}", index)
}

/// The variable with the integer on the wire of an item.
pub(crate) fn raw_name(index: usize) -> Ident {
    format_ident!("__raw{}", index)
}
