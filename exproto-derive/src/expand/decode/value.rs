//! A value that may take all that the reader has.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use super::list::plain_numbers;
use super::{Decode, offset_name, raw_name};
use crate::attr::wire::Endian;
use crate::expand::common::{
    Locals, ctx_value, is_little, located, mentions_left, read_number, read_own_width, user_expr,
};
use crate::expand::gap;
use crate::ir::{Extent, IntTy, Item, ListKind, Repr};
use crate::relation;

impl Decode<'_> {
    /// The value of an item that may take all that `__r` has.
    pub(super) fn whole(&self, item: &Item, index: usize) -> TokenStream {
        let value = self.plain(item, index);
        match &item.attrs.via {
            Some(via) => self.transformed(item, &via.value, &value),
            None => match self.opaque(item) {
                Some((opaque, kept)) => quote!(if #opaque { #kept } else { #value }),
                None => value,
            },
        }
    }

    /// The value of an item in the bytes that its layout speaks of.
    fn plain(&self, item: &Item, index: usize) -> TokenStream {
        let (info, ty) = (&item.info, &item.ty);
        match &item.repr {
            Repr::Slice => quote!(__r.rest()),
            Repr::Buffer => quote!(__r.rest().to_vec()),
            Repr::Array(len) => quote!(*__r.run::<{ #len }>(&#info)?),
            Repr::Int(int, endian) => self.number(*int, *endian, info),
            Repr::Scalar(int, endian) => {
                let value = self.number(*int, *endian, info);
                quote!(<#ty as __p::Scalar>::from_raw(#value as u64))
            }
            Repr::Codec(codec) => {
                let span = located(codec);
                let decode = quote_spanned!(span=> __p::Codec::<'_, #ty>::decode(&(#codec), __q, &#info));
                quote!(__r.plain(|__q| #decode)?)
            }
            Repr::Body(tag) => {
                let ctx = ctx_value(item, self.layout, self.model, &quote!(__p::Tagged), Locals::Values);
                let tag = self.tag(*tag);
                or_return(&quote!(<#ty as __p::Select<'_>>::select(#tag, __r, #ctx)))
            }
            Repr::Part => {
                let ctx = ctx_value(item, self.layout, self.model, &quote!(__p::Wire), Locals::Values);
                // Words and numbers of a line do not know what they are called.
                match item.column.is_some() || matches!(item.extent, Extent::Until(_)) {
                    true => quote!(match <#ty as __p::Decode<'_>>::decode(__r, #ctx) {
                        __p::Ok(__v) => __v,
                        __p::Err(__e) => return __p::Err(__e.named(&#info)),
                    }),
                    false => or_return(&quote!(<#ty as __p::Decode<'_>>::decode(__r, #ctx))),
                }
            }
            Repr::List(ListKind::Lazy, element) => {
                let ctx = self.element_ctx(item, element, Locals::Values);
                let lenient = item.lenient;
                quote!(<#ty as __p::Sequence<'_>>::decode_rest(__r, #ctx, #lenient, &#info)?)
            }
            Repr::List(ListKind::Array, element) => self.array(item, index, element),
            Repr::List(ListKind::Vec, _) if let Some(slot) = item.bit_elements() => self.all_bits(item, slot),
            Repr::List(ListKind::Vec, _) if let Some(key) = &item.attrs.sep => {
                self.separated(item, index, key.value)
            }
            Repr::List(ListKind::Vec, _) if let Some((ty, ctx)) = self.plain_parts(item) => {
                let expected = self.said_count(index);
                quote!(__p::list_to_end::<#ty, _>(__r, #expected, #ctx, &#info)?)
            }
            Repr::List(ListKind::Vec, _) if let Some((int, of)) = plain_numbers(item) => {
                let bytes = int.bytes;
                quote!(__p::numbers_to_end::<#bytes, _, _>(__r, &#info, #of)?)
            }
            Repr::List(ListKind::Vec, _) => {
                let value = self.element(item, index, &quote!(__list.len()));
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
            Repr::Sized(endian) => {
                let little = is_little(*endian);
                // Where nothing says the width again, we write the fewest bytes.
                let fewest = (!self.says_width(item)).then(|| {
                    quote!(if __p::AnyWidth::width(__v) != __d.len() { __r.flag_at(__p::Flag::Reserved, &#info, __from); })
                });
                quote!({
                    let __from: u32 = __r.offset();
                    let __d: &[u8] = __r.rest();
                    match <#ty as __p::AnyWidth>::of_bytes(__d, #little) {
                        __p::Some(__v) => { #fewest __v }
                        __p::None => return __p::Err(__r.fail(__p::ErrorKind::Range, __from, &#info,
                            __d.len() as u64, __p::core::mem::size_of::<#ty>() as u64)),
                    }
                })
            }
            Repr::Gap(gap) => {
                let start = offset_name(0);
                let begun = quote!((__r.offset() - #start) as usize);
                let count = gap::count(gap, item, self.layout, self.model, &begun, Locals::Values);
                quote!({ let __n: usize = #count; __r.take(__n, &#info)? })
            }
            Repr::Skipped(value) => match value {
                Some(value) => user_expr(value, self.layout, item, self.model, Locals::Values),
                None => quote!(__p::core::default::Default::default()),
            },
            Repr::Bits(_) | Repr::Constant(_) | Repr::Row(..) | Repr::TagReceiver => quote!(()),
        }
    }

    /// The tag of a body.
    pub(super) fn tag(&self, carrier: usize) -> TokenStream {
        let raw = raw_name(carrier);
        let ops = self.layout.items[carrier].relation.as_ref().map(|r| &r.ops[..]).unwrap_or(&[]);
        let tag = relation::backward(ops, quote!(#raw as i64));
        quote!((#tag) as u64)
    }

    /// When a body is kept raw, and the value that it is then.
    pub(super) fn opaque(&self, item: &Item) -> Option<(TokenStream, TokenStream)> {
        let (Some(opaque), Repr::Body(tag)) = (&item.opaque, &item.repr) else { return None };
        let opaque = user_expr(opaque, self.layout, item, self.model, Locals::Values);
        let (ty, tag) = (&item.ty, self.tag(*tag));
        Some((opaque, quote!(<#ty as __p::Select<'_>>::opaque(#tag, __r)?)))
    }

    /// Whether encoding knows how many bytes a number has.
    fn says_width(&self, item: &Item) -> bool {
        matches!(&item.extent, Extent::Size(expr) if !mentions_left(expr))
    }

    /// An integer at the reader.
    pub(super) fn number(&self, int: IntTy, endian: Endian, info: &Ident) -> TokenStream {
        match int.digits {
            Some(digits) if int.own_width() => read_own_width(digits, int, info),
            digits => {
                let bytes = int.bytes;
                let from = digits.map(|_| quote!(let __from: u32 = __r.offset();));
                let value = read_number(&quote!(__n), 0, (int, endian), &quote!(__from), info);
                quote!({ #from let __n = __r.run::<#bytes>(&#info)?; #value })
            }
        }
    }
}

/// The value of a result whose error is returned: as `?`, which moves the value once
/// more and costs the compiler two calls.
fn or_return(result: &TokenStream) -> TokenStream {
    quote!(match #result { __p::Ok(__v) => __v, __p::Err(__e) => return __p::Err(__e) })
}
