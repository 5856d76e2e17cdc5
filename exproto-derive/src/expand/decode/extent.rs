//! A value within its extent: which bytes are its own.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};

use super::{Decode, offset_name, raw_name};
use crate::expand::common::{Locals, located, user_expr};
use crate::expand::rows;
use crate::ir::{Extent, Item, Repr};
use crate::lower::{bounds, fixed_at};
use crate::relation::{self, Relation, Source};

impl Decode<'_> {
    /// The value within its extent, read from `__r`.
    pub(super) fn bounded(&self, item: &Item, index: usize) -> TokenStream {
        match item.column {
            Some(column) if !matches!(item.extent, Extent::Until(_)) => {
                let value = self.sized(item, index);
                self.column(item, column, &value)
            }
            _ => self.sized(item, index),
        }
    }

    /// The same within its column.
    fn sized(&self, item: &Item, index: usize) -> TokenStream {
        let info = &item.info;
        let size = match &item.extent {
            Extent::Own | Extent::Column => return self.whole(item, index),
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
            Extent::UntilElement(last) => return self.ended(item, index, last),
            Extent::Fixed(size) => quote!(#size),
            Extent::Size(expr) => {
                let value = user_expr(expr, self.layout, item, self.model, Locals::Values);
                quote!(__p::ToSize::to_size(#value))
            }
            Extent::PrefixSize(int, endian) => {
                let value = self.number(*int, *endian, info);
                quote!((#value as usize))
            }
            Extent::PrefixSizeBy(codec) => self.prefix_by(item, codec),
            Extent::BySize(carrier) => {
                let (size, framed) = self.declared_size(index, *carrier);
                if let Some(tail) = framed {
                    let carrier_info = &self.layout.items[*carrier].info;
                    let carrier_offset = offset_name(*carrier);
                    let value = self.whole(item, index);
                    let reader = quote!({
                        let __size: usize = #size;
                        if __found {
                            __r.sub_framed(__size, #tail, (&#carrier_info, #carrier_offset), &#info)?
                        } else {
                            __r.sub(__size, &#info)?
                        }
                    });
                    let reader = self.at_most(item, &reader);
                    return self.sub(item, &reader, &value);
                }
                size
            }
            Extent::BySizes(row) => rows::decode(&self.layout.items, *row, &quote!(Length)),
            Extent::Count(_)
            | Extent::PrefixCount(..)
            | Extent::PrefixCountBy(_)
            | Extent::ByCount(_)
            | Extent::ByCounts(_) => {
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

    /// The number that a codec reads before the value.
    pub(super) fn prefix_by(&self, item: &Item, codec: &syn::Expr) -> TokenStream {
        let (info, span) = (&item.info, located(codec));
        let read = quote_spanned!(span=> __p::Codec::<'_, u64>::decode(&(#codec), __q, &#info));
        quote!(__p::ToSize::to_size(__r.plain(|__q| #read)?))
    }

    /// A reader of no more than `max` bytes.
    pub(super) fn at_most(&self, item: &Item, reader: &TokenStream) -> TokenStream {
        let limit = limit(item, &quote!(__s.left()));
        if limit.is_empty() { reader.clone() } else { quote!({ let __s = #reader; #limit __s }) }
    }

    /// The value in an extent of its own, used up unless `extra` bytes may
    /// follow it there.
    pub(super) fn sub(&self, item: &Item, reader: &TokenStream, value: &TokenStream) -> TokenStream {
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
    pub(super) fn declared_size(&self, index: usize, carrier: usize) -> (TokenStream, Option<usize>) {
        let items = &self.layout.items;
        let raw = raw_name(carrier);
        let (info, offset) = (&items[carrier].info, offset_name(carrier));
        let (range, value, sum) = match &items[carrier].relation {
            Some(Relation { source: Source::Size(range), ops, .. }) => {
                (range, relation::backward(ops, quote!(#raw as i64)), false)
            }
            Some(Relation { source: Source::Sum(terms), .. }) => {
                let range = terms.iter().find_map(|term| self.speaks_of(term, carrier, index));
                let (Some(range), Some(rest)) = (range, self.rest_of_sum(carrier, index)) else {
                    return (quote!(0_usize), None);
                };
                (range, rest, true)
            }
            _ => return (quote!(0_usize), None),
        };
        let (first, last) = bounds(items, range, carrier).unwrap_or((index, index));
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
        // What follows a field between separators is not its own.
        let framed = self.frame.is_some() && !sum && items[index].column.is_none();
        (size, after.filter(|_| framed))
    }
}

/// Refuses more bytes or elements than `max`.
pub(super) fn limit(item: &Item, amount: &TokenStream) -> TokenStream {
    let (Some(max), info) = (item.wire_max(), &item.info) else { return TokenStream::new() };
    quote! {
        if #amount > (#max) {
            return __p::Err(__r.fail(__p::ErrorKind::TooLong, __r.offset(), &#info, #amount as u64, (#max) as u64));
        }
    }
}

pub(super) fn sub(reader: &TokenStream, value: &TokenStream, info: &Ident) -> TokenStream {
    quote!({
        let mut __s = #reader;
        let __v = { let __r = &mut __s; #value };
        __r.finish(__s, &#info)?;
        __v
    })
}
