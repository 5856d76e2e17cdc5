//! Decoding a layout: runs of fixed items with one bounds check, and the rest
//! item by item.

mod bits;
mod column;
mod extent;
mod list;
mod sum;
mod value;
mod verify;
mod via;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::Type;

pub(crate) use verify::differs;
pub(crate) use via::most;

use column::Column;

use super::common::{
    Locals, choose_order, construct, is_little, mentions_left, read_int, read_number, type_is, user_expr,
};
use super::group::group_at;
use crate::attr::gap::Gap;
use crate::ir::{Extent, Frame, IntTy, Item, Layout, Model, Presence, Repr};
use crate::lower::fixed_at;
use crate::relation;

/// What is decoded and what is known of its surroundings.
pub(crate) struct Decode<'d> {
    pub(crate) model: &'d Model,
    pub(crate) layout: &'d Layout,
    /// Set for the outermost type of a protocol.
    pub(crate) frame: Option<&'d Frame>,
    /// The items that are read, if not all: first and last.
    pub(crate) within: Option<(usize, usize)>,
}

impl Decode<'_> {
    /// Statements that read all items into their locals from `__r`.
    pub(crate) fn statements(&self) -> TokenStream {
        let items = &self.layout.items;
        let mut out = TokenStream::new();
        if self.needs_start() {
            out.extend(quote!(let __start = *__r;));
        }
        out.extend(self.before_columns());
        out.extend(self.range(0, items.len()));
        out.extend(self.after_columns());
        out
    }

    /// Statements that read the items from `from` to before `to`.
    pub(crate) fn range(&self, from: usize, to: usize) -> TokenStream {
        let items = &self.layout.items;
        let mut out = TokenStream::new();
        let mut index = from;
        while index < to {
            if let Some((field, last)) = group_at(self.layout, index) {
                out.extend(self.group(index, field, last));
                index = last + 1;
                continue;
            }
            out.extend(self.opening(index));
            let ends = |i: &usize| fixed_at(items, *i).is_none() || *i > index && items[*i].opens.is_some();
            let end = (index..to).find(ends).unwrap_or(to);
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
                let value = read_number(run, at, (*int, *endian), &quote!(#offset), info);
                out.extend(quote!(let #local = #value;));
            }
            Repr::Scalar(int, endian) => {
                let value = read_number(run, at, (*int, *endian), &quote!(#offset), info);
                let raw = raw_name(index);
                out.extend(
                    quote!(let #raw: u64 = #value as u64; let #local = <#ty as __p::Scalar>::from_raw(#raw);),
                );
            }
            Repr::Bits(slot) => {
                let container = format_ident!("__c{}", slot.first);
                if slot.first == index && slot.wide() {
                    let (bytes, places) = (slot.bytes, at..at + slot.bytes);
                    out.extend(quote!(let #container: [u8; #bytes] = [#(#run[#places]),*];));
                } else if slot.first == index {
                    let int = IntTy::binary(slot.bytes);
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
            Repr::Skipped(_) => {
                let value = self.whole(item, index);
                out.extend(quote!(let #local: #ty = #value;));
            }
            Repr::Gap(_) => {
                let end = at + size;
                out.extend(quote!(let #local: &[u8] = &#run[#at..#end];));
            }
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
        let (value, column) = match item.column {
            Some(column) => self.in_column(item, index, column, value),
            None => (self.or_default(item, index, value), Column::default()),
        };
        let Column { before: separator, there, after } = column;
        let left =
            if self.uses_left(item) { quote!(let __left: usize = __r.left();) } else { TokenStream::new() };
        let condition = there.or_else(|| self.condition(item));
        let read = match condition {
            _ if matches!(item.presence, Presence::Always) => quote!(let #local = #value;),
            None => quote!(let #local = #value;),
            Some(condition) => quote!(let #local = if #condition { __p::Some(#value) } else { __p::None };),
        };
        let checks = self.after(index);
        let order = self.choose_order(index);
        // The separator after a field is no part of it.
        let end = if item.column.is_some() && self.layout.items.iter().any(|item| item.relation.is_some()) {
            let end = end_name(index);
            quote!(let #end: u32 = __r.offset();)
        } else {
            TokenStream::new()
        };
        let piece = self.piece(item, &offset);
        quote! {
            #left
            #separator
            let #offset: u32 = __r.offset();
            #order
            __r.enter(&#info);
            #piece
            #read
            __r.leave();
            #end
            #after
            #checks
        }
    }

    /// A piece of the payload is all that there is, and the frame ends with it.
    fn piece(&self, item: &Item, offset: &Ident) -> TokenStream {
        if item.attrs.stream.is_none() || self.frame.is_none() {
            return TokenStream::new();
        }
        let (local, ty, ident) = (&item.local, &item.ty, &self.model.ident);
        let value = construct(&quote!(#ident), self.layout);
        quote! {
            if __found && let __p::Some(__piece) = __r.piece() {
                let #local = <#ty as __p::InPieces<'_>>::of_piece(__r.rest(), #offset, &__piece);
                __r.leave();
                return __p::Ok(#value);
            }
        }
    }

    /// Looks up the byte order of an item that has one chosen at run time.
    fn choose_order(&self, index: usize) -> TokenStream {
        choose_order(&self.layout.items[index], index, self.layout, self.model, Locals::Values)
    }

    pub(crate) fn uses_left(&self, item: &Item) -> bool {
        let extent = match &item.extent {
            Extent::Size(expr) | Extent::Count(expr) => mentions_left(expr),
            _ => false,
        };
        let condition = matches!(&item.presence, Presence::If(expr) if mentions_left(expr));
        extent
            || condition
            || item.opaque.as_ref().is_some_and(mentions_left)
            || item.ctx.iter().any(|(_, expr)| mentions_left(expr))
            || item.absent.as_ref().and_then(|absent| absent.unless.as_ref()).is_some_and(mentions_left)
            || matches!(&item.repr, Repr::Skipped(Some(expr)) if mentions_left(expr))
            || matches!(&item.repr, Repr::Gap(Gap::Bytes(expr) | Gap::To(expr)) if mentions_left(expr))
    }

    /// A value, or what it is where it is not there.
    fn or_default(&self, item: &Item, index: usize, value: TokenStream) -> TokenStream {
        let Some(absent) = &item.absent else { return value };
        let there = match &absent.unless {
            Some(unless) => user_expr(unless, self.layout, item, self.model, Locals::Values),
            None => quote!(__there),
        };
        self.or_default_if(item, index, &there, value)
    }

    /// The same where it is known whether it is there.
    fn or_default_if(
        &self,
        item: &Item,
        index: usize,
        there: &TokenStream,
        value: TokenStream,
    ) -> TokenStream {
        let Some(absent) = &item.absent else { return value };
        let (ty, info, offset) = (&item.ty, &item.info, offset_name(index));
        let default = user_expr(&absent.value, self.layout, item, self.model, Locals::Values);
        let flag = absent.by_end().then(|| quote!(__r.flag_at(__p::Flag::Missing, &#info, #offset);));
        quote!(if #there { #value } else { #flag let __d: #ty = #default; __d })
    }

    pub(crate) fn condition(&self, item: &Item) -> Option<TokenStream> {
        match &item.presence {
            Presence::Always => None,
            Presence::More | Presence::Filled => Some(quote!(__there)),
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
}

/// The value of a field of bits from its container.
pub(crate) fn bits_value(item: &Item, index: usize, container: &TokenStream) -> TokenStream {
    let Repr::Bits(slot) = &item.repr else { return TokenStream::new() };
    let (local, ty, raw) = (&item.local, &item.ty, raw_name(index));
    let (shift, count) = (slot.shift, slot.count);
    let mask = if count >= 64 { u64::MAX } else { (1_u64 << count) - 1 };
    let mut out = if slot.wide() {
        let little = is_little(slot.endian);
        quote!(let #raw: u64 = __p::wide_bits(&#container, #little, #shift, #count);)
    } else {
        quote!(let #raw: u64 = (#container >> #shift) & #mask;)
    };
    if item.member.is_none() {
        if item.name.is_some() {
            out.extend(quote!(let #local: u64 = #raw;));
        }
        return out;
    }
    let value = of_bits(ty, count, &quote!(#raw));
    out.extend(quote!(let #local: #ty = #value;));
    out
}

/// What so many bits are in a type.
pub(crate) fn of_bits(ty: &Type, count: u32, raw: &TokenStream) -> TokenStream {
    if type_is(ty, "bool") {
        return quote!(#raw != 0);
    }
    match IntTy::of_type(ty) {
        Some(int) if int.signed => {
            let up = 64 - count;
            quote!(((#raw << #up) as i64 >> #up) as #ty)
        }
        Some(_) => quote!(#raw as #ty),
        None => quote!(<#ty as __p::Scalar>::from_raw(#raw)),
    }
}

/// The variable with the offset after a field between separators.
fn end_name(index: usize) -> Ident {
    format_ident!("__z{}", index)
}

/// The variable with the offset of an item.
pub(crate) fn offset_name(index: usize) -> Ident {
    format_ident!("__o{}", index)
}

/// The variable with the integer on the wire of an item.
pub(crate) fn raw_name(index: usize) -> Ident {
    format_ident!("__raw{}", index)
}
