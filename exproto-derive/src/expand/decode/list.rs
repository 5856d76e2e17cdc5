//! Lists whose elements are counted, and what an element is.

use proc_macro2::TokenStream;
use quote::quote;

use super::extent::limit;
use super::{Decode, offset_name, raw_name};
use crate::attr::wire::Endian;
use crate::expand::common::{Locals, ctx_value, is_number, read_int, user_expr};
use crate::expand::{index, rows};
use crate::ir::{Extent, IntTy, Item, ListKind, Presence, Repr};
use crate::lower::position;
use crate::relation::{self, Source};

impl Decode<'_> {
    /// The elements of an array, each read where the one before ends.
    pub(super) fn array(&self, item: &Item, index: usize, element: &syn::Type) -> TokenStream {
        if let Some(slot) = item.bit_elements() {
            return self.array_of_bits(item, slot, element);
        }
        let (value, ty) = (self.element(item, index, &quote!(__i)), &item.ty);
        let between = between(item, &first_too(item, quote!((__i > 0))));
        quote!({
            let __array: #ty = __p::try_array(|__i| -> __p::Result<#element, __p::Error> {
                #between
                __r.enter_element(__i);
                let __at: usize = __i;
                let __v = #value;
                __r.leave();
                __p::Ok(__v)
            })?;
            __array
        })
    }

    /// A list with a known number of elements.
    pub(super) fn counted(&self, item: &Item, index: usize) -> TokenStream {
        if let Repr::List(ListKind::Array, element) = &item.repr {
            return self.array(item, index, element);
        }
        let info = &item.info;
        let count = match &item.extent {
            Extent::Count(expr) => {
                let value = user_expr(expr, self.layout, item, self.model, Locals::Values);
                quote!(__p::ToSize::to_size(#value))
            }
            Extent::PrefixCount(int, endian) => {
                let value = self.number(*int, *endian, info);
                quote!((#value as usize))
            }
            Extent::PrefixCountBy(codec) => self.prefix_by(item, codec),
            Extent::ByCount(carrier) => {
                let raw = raw_name(*carrier);
                let (carrier_info, offset) = (&self.layout.items[*carrier].info, offset_name(*carrier));
                let ops = self.layout.items[*carrier].relation.as_ref().map(|r| &r.ops[..]).unwrap_or(&[]);
                let value = self
                    .rest_of_sum(*carrier, index)
                    .unwrap_or_else(|| relation::backward(ops, quote!(#raw as i64)));
                quote! {
                    __p::size_of_rest(#value)
                        .ok_or_else(|| __r.fail(__p::ErrorKind::Relation, #offset, &#carrier_info, #raw, 0))?
                }
            }
            Extent::ByCounts(row) => rows::decode(&self.layout.items, *row, &quote!(Relation)),
            _ => quote!(0_usize),
        };
        let limit = limit(item, &quote!(__n));
        let count = quote!({ let __n: usize = #count; #limit __n });
        match &item.repr {
            Repr::Slice => quote!({ let __n: usize = #count; __r.take(__n, &#info)? }),
            Repr::Row(int, _) => {
                let bytes = int.bytes;
                quote!({ let __n: usize = #count; __r.take(__n.saturating_mul(#bytes), &#info)? })
            }
            Repr::Buffer => quote!({ let __n: usize = #count; __r.take(__n, &#info)?.to_vec() }),
            Repr::List(ListKind::Lazy, element) => {
                let ty = &item.ty;
                let ctx = self.element_ctx(item, element, Locals::Values);
                quote!({ let __n = #count; <#ty as __p::Sequence<'_>>::decode_count(__r, __n, #ctx, &#info)? })
            }
            Repr::List(ListKind::Vec, _) if let Some(slot) = item.bit_elements() => {
                self.counted_bits(item, slot, &count)
            }
            Repr::List(ListKind::Vec, _) if let Some((ty, ctx)) = self.plain_parts(item) => {
                quote!({ let __n = #count; __p::list_of::<#ty, _>(__r, __n, #ctx, &#info)? })
            }
            Repr::List(ListKind::Vec, _) if let Some((int, of)) = plain_numbers(item) => {
                let bytes = int.bytes;
                quote!({ let __n = #count; __p::numbers_of::<#bytes, _, _>(__r, __n, &#info, #of)? })
            }
            Repr::List(ListKind::Vec, _) => {
                let value = self.element(item, index, &quote!(__at));
                let min = self.element_min(item);
                let between = between(item, &first_too(item, quote!((__at > 0))));
                // Elements without bytes would let a count of millions through.
                let bound = match item.each.as_deref() {
                    Some(Item { repr: Repr::Part, extent: Extent::Own, ty, .. }) => quote! {
                        if <#ty as __p::Wire>::MIN == 0 && __n > __r.left() {
                            return __p::Err(__r.fail(__p::ErrorKind::Short, __r.offset(), &#info, __r.left() as u64, __n as u64));
                        }
                    },
                    _ if item.attrs.sep.is_some() => quote! {
                        if __n > __r.left().saturating_add(1) {
                            return __p::Err(__r.fail(__p::ErrorKind::Short, __r.offset(), &#info, __r.left() as u64, __n as u64));
                        }
                    },
                    Some(each)
                        if each.fixed().is_none_or(|size| size == 0)
                            && !matches!(
                                each.extent,
                                Extent::PrefixSize(..)
                                    | Extent::PrefixCount(..)
                                    | Extent::BySizes(_)
                                    | Extent::ByCounts(_)
                            ) =>
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
                    let mut __list = __p::Vec::with_capacity(__p::core::cmp::Ord::min(__n, __r.left() / #min));
                    for __at in 0..__n {
                        #between
                        __r.enter_element(__at);
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

    /// The type of the elements and their context, if each decodes itself where the
    /// one before ends.
    pub(super) fn plain_parts(&self, item: &Item) -> Option<(syn::Type, TokenStream)> {
        let each = item.each.as_deref()?;
        let plain = matches!((&each.repr, &each.extent), (Repr::Part, Extent::Own))
            && each.attrs.via.is_none()
            && each.column.is_none()
            && item.attrs.sep.is_none()
            && !index::numbered(item);
        let ctx = || ctx_value(each, self.layout, self.model, &quote!(__p::Wire), Locals::Values);
        plain.then(|| (each.ty.clone(), ctx()))
    }

    /// How many elements a field before the list says that it has, 0 if none does.
    pub(super) fn said_count(&self, index: usize) -> TokenStream {
        let items = &self.layout.items;
        let says = |carrier: &usize| {
            let item = &items[*carrier];
            let counts = match item.relation.as_ref().map(|relation| &relation.source) {
                Some(Source::Count(list)) => position(items, list) == Some(index),
                _ => false,
            };
            counts && is_number(item) && item.fixed().is_some()
        };
        let first = self.within.map_or(0, |(first, _)| first);
        let Some(carrier) = (first..index).find(says) else { return quote!(0_usize) };
        let raw = raw_name(carrier);
        let ops = items[carrier].relation.as_ref().map_or(&[][..], |relation| &relation.ops);
        let count = relation::backward(ops, quote!(#raw as i64));
        quote!(__p::size_of_rest(#count).unwrap_or(0))
    }

    /// A list that ends with the first element for which `last` holds.
    pub(super) fn ended(&self, item: &Item, index: usize, last: &syn::Expr) -> TokenStream {
        let (info, ty) = (&item.info, &item.ty);
        let last = user_expr(last, self.layout, item, self.model, Locals::Values);
        let limit = limit(item, &quote!((__list.len() + 1)));
        if let Repr::List(ListKind::Lazy, element) = &item.repr {
            let ctx = self.element_ctx(item, element, Locals::Values);
            let max = item.attrs.max.as_ref().map_or_else(
                || quote!(usize::MAX),
                |max| {
                    let max = &max.value;
                    quote!(#max)
                },
            );
            return quote!(<#ty as __p::Sequence<'_>>::decode_until(__r, #max, #ctx, &#info, #last)?);
        }
        let value = self.element(item, index, &quote!(__list.len()));
        let between = between(item, &quote!(!__list.is_empty()));
        // Where a byte stands between elements, each takes one.
        let moves = between.is_empty().then(|| {
            quote! {
                if __r.left() == __before {
                    return __p::Err(__r.fail(__p::ErrorKind::Trailing, __r.offset(), &#info, __before as u64, 0));
                }
            }
        });
        quote!({
            let mut __list = __p::Vec::new();
            loop {
                #limit
                #between
                let __before = __r.left();
                __r.enter_element(__list.len());
                let __v = #value;
                __r.leave();
                let __last: bool = __p::holds(&__v, #last);
                __list.push(__v);
                if __last { break; }
                #moves
            }
            __list
        })
    }

    /// The elements of a list with a byte between them, up to the end.
    pub(super) fn separated(&self, item: &Item, index: usize, byte: u8) -> TokenStream {
        let (info, value) = (&item.info, self.element(item, index, &quote!(__list.len())));
        // A separator behind the last one.
        let extra = item.attrs.extra.is_some().then(|| {
            quote! {
                if __r.left() == 0 {
                    __r.flag_at(__p::Flag::Extra, &#info, __r.offset());
                    break;
                }
            }
        });
        quote!({
            let mut __list = __p::Vec::new();
            while __r.left() > 0 || !__list.is_empty() {
                __r.enter_element(__list.len());
                let __v = #value;
                __r.leave();
                __list.push(__v);
                if !__r.separator(#byte, 0) { break; }
                #extra
            }
            __list
        })
    }

    /// The next element of a list, whose number is `number`.
    pub(super) fn element(&self, item: &Item, index: usize, number: &TokenStream) -> TokenStream {
        let value = item.each.as_ref().map_or_else(|| quote!(()), |each| self.bounded(each, index));
        match index::say(item, number) {
            said if said.is_empty() => value,
            said => quote!({ #said #value }),
        }
    }

    pub(super) fn element_min(&self, item: &Item) -> TokenStream {
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

    pub(crate) fn element_ctx(&self, item: &Item, element: &syn::Type, locals: Locals) -> TokenStream {
        let holder = Item {
            ty: element.clone(),
            local: item.local.clone(),
            ctx: item.ctx.clone(),
            presence: Presence::Always,
            group: None,
            repr: Repr::Part,
            extent: Extent::Own,
            column: None,
            opens: None,
            behind: false,
            name: None,
            label: item.label.clone(),
            info: item.info.clone(),
            member: None,
            relation: None,
            absent: None,
            opaque: None,
            endian: None,
            joins: Vec::new(),
            whole: None,
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
        ctx_value(&holder, self.layout, self.model, &quote!(__p::Wire), locals)
    }
}

/// The number that each element is, and the closure that makes it of its bytes, if
/// that is all there is to it.
pub(super) fn plain_numbers(item: &Item) -> Option<(IntTy, TokenStream)> {
    let each = item.each.as_deref()?;
    let (Repr::Int(int, endian), Extent::Own) = (&each.repr, &each.extent) else { return None };
    let plain = int.digits.is_none()
        && !matches!(endian, Endian::Chosen(_))
        && each.attrs.via.is_none()
        && each.column.is_none()
        && item.attrs.sep.is_none()
        && !index::numbered(item);
    // Digits are more bytes than the number holds.
    plain.then(|| {
        let (value, bytes) = (read_int(&quote!(__b), 0, *int, *endian), int.bytes);
        (*int, quote!(|__b: &[u8; #bytes]| #value))
    })
}

/// Whether an element has the byte before it: the first too, where a field
/// stands before a list whose elements are fields.
fn first_too(item: &Item, later: TokenStream) -> TokenStream {
    if item.column.is_some_and(|column| column.vanishes) { quote!((__due || #later)) } else { later }
}

/// Takes the byte between elements, where this is not the first.
fn between(item: &Item, later: &TokenStream) -> TokenStream {
    let Some(byte) = item.attrs.sep.as_ref().map(|key| key.value) else { return TokenStream::new() };
    let info = &item.info;
    quote! {
        if #later && !__r.separator(#byte, 0) {
            return __p::Err(__r.fail(__p::ErrorKind::Short, __r.offset(), &#info, 0, 1));
        }
    }
}
