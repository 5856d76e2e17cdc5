//! Fields with a byte between them: which separators are there, and where a
//! column ends.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Decode, offset_name};
use crate::expand::column::never_empty;
use crate::expand::common::{Locals, user_expr};
use crate::ir::{self, Extent, Item, Presence, Repr};

/// Statements around the reading of a column.
#[derive(Default)]
pub(super) struct Column {
    /// Takes the separator before it.
    pub(super) before: TokenStream,
    /// Whether an optional field is there.
    pub(super) there: Option<TokenStream>,
    pub(super) after: TokenStream,
}

impl Decode<'_> {
    /// What columns have in common: whether a separator stands before the next.
    pub(super) fn before_columns(&self) -> TokenStream {
        let items = &self.layout.items;
        if !items.iter().any(|item| item.column.is_some()) {
            return TokenStream::new();
        }
        let hollow =
            items.iter().any(|item| self.may_be_hollow(item)).then(|| quote!(let mut __hollow = false;));
        quote!(let mut __due = false; #hollow)
    }

    /// What is said of empty columns that no other follows.
    pub(super) fn after_columns(&self) -> TokenStream {
        let items = &self.layout.items;
        let last = items.iter().rposition(|item| item.column.is_some() && self.may_be_hollow(item));
        let Some(last) = last else { return TokenStream::new() };
        let (info, offset) = (&items[last].info, offset_name(last));
        quote!(if __hollow { __r.flag_at(__p::Flag::Framing, &#info, #offset); })
    }

    /// Whether it is none where its column is empty, and need not have one.
    fn may_be_hollow(&self, item: &Item) -> bool {
        item.column.is_some() && matches!(item.presence, Presence::More)
    }

    /// Takes the separator of a column that is always there, before the first
    /// thing that stands in it.
    pub(super) fn opening(&self, index: usize) -> TokenStream {
        let items = &self.layout.items;
        let Some(at) = items.get(index).and_then(|item| item.opens) else { return TokenStream::new() };
        let (item, Some(column)) = (&items[at], items[at].column) else { return TokenStream::new() };
        if !self.always(item) || column.lacks {
            return TokenStream::new();
        }
        let info = &item.info;
        let separator = self.separator(column);
        quote! {
            if __due && !#separator {
                return __p::Err(__r.fail(__p::ErrorKind::Short, __r.offset(), &#info, 0, 1));
            }
        }
    }

    /// Whether its column is there whatever the bytes are.
    fn always(&self, item: &Item) -> bool {
        matches!(item.presence, Presence::Always | Presence::Filled) && item.absent.is_none()
    }

    fn separator(&self, column: ir::Column) -> TokenStream {
        let (byte, tail) = (column.byte, column.tail);
        quote!(__r.separator(#byte, #tail))
    }

    /// The value of a column, and what stands around its reading.
    pub(super) fn in_column(
        &self,
        item: &Item,
        index: usize,
        column: ir::Column,
        value: TokenStream,
    ) -> (TokenStream, Column) {
        let (info, offset) = (&item.info, offset_name(index));
        let (tail, last) = (column.tail, column.last);
        let separator = self.separator(column);
        let byte = column.byte;
        // What ends by itself has no separator behind it.
        let due = !matches!(item.extent, Extent::Until(_));
        let always = quote!(__due = #due;);
        let taken = quote!(if __there { __due = #due; });
        let empty = quote!(__r.column_is_empty(#byte, #tail, #last));
        if column.lacks {
            return (
                self.or_lacks(item, value),
                Column {
                    before: quote!(let __there: bool = !__due || #separator;),
                    there: None,
                    after: always,
                },
            );
        }
        if let Presence::Filled = item.presence {
            return (
                value,
                Column {
                    before: quote!(let __there: bool = !#empty;),
                    there: Some(quote!(__there)),
                    after: always,
                },
            );
        }
        let by_end = matches!(item.presence, Presence::More)
            || item.absent.as_ref().is_some_and(|absent| absent.unless.is_none());
        if by_end {
            let before = quote!(let __there: bool = if __due { #separator } else { __r.left() > #tail };);
            let value = self.or_default(item, index, value);
            if !self.may_be_hollow(item) {
                return (value, Column { before, there: None, after: taken });
            }
            let never = never_empty(item);
            return (
                value,
                Column {
                    before,
                    there: Some(quote!(__there && !(#never && #empty))),
                    after: quote! {
                        if __there { __due = #due; __hollow = #never && __r.offset() == #offset; }
                    },
                },
            );
        }
        let condition = match &item.absent {
            Some(absent) => absent
                .unless
                .as_ref()
                .map(|unless| user_expr(unless, self.layout, item, self.model, Locals::Values)),
            None => self.condition(item),
        };
        let Some(condition) = condition else {
            return (value, Column { after: always, ..Column::default() });
        };
        let before = quote! {
            let __there: bool = #condition;
            if __there && __due && !#separator {
                return __p::Err(__r.fail(__p::ErrorKind::Short, __r.offset(), &#info, 0, 1));
            }
        };
        let value = match &item.absent {
            Some(_) => self.or_default_if(item, index, &quote!(__there), value),
            None => value,
        };
        (value, Column { before, there: Some(quote!(__there)), after: taken })
    }

    /// The last value, which has no separator before it if it has no content.
    fn or_lacks(&self, item: &Item, value: TokenStream) -> TokenStream {
        let (ty, info) = (&item.ty, &item.info);
        let lead = match &item.repr {
            Repr::Body(_) => quote!(<#ty as __p::Tagged>::joint(&__v)),
            _ => quote!(<#ty as __p::Wire>::joint(&__v)),
        };
        quote!({
            let __at: u32 = __r.offset();
            let __v = #value;
            match #lead {
                __p::Joint::Never if __there && __due => __r.flag_at(__p::Flag::Framing, &#info, __at),
                __p::Joint::May if !__there => __r.flag_at(__p::Flag::Missing, &#info, __at),
                __p::Joint::Always if !__there => {
                    return __p::Err(__r.fail(__p::ErrorKind::Short, __at, &#info, 0, 1));
                }
                _ => {}
            }
            __v
        })
    }

    /// The value in what its column has, without what stands behind it there.
    pub(super) fn column(&self, item: &Item, column: ir::Column, value: &TokenStream) -> TokenStream {
        let info = &item.info;
        let (byte, behind, tail) = (column.byte, column.behind, column.tail);
        let open = matches!(item.extent, Extent::Column);
        if column.last && tail == 0 && open && item.attrs.max.is_none() && item.attrs.extra.is_none() {
            return value.clone();
        }
        let reader = if column.last {
            quote!(__r.sub_rest(#tail, &#info)?)
        } else {
            quote!(__r.column(#byte, #behind, #tail, &#info)?)
        };
        if open {
            let reader = self.at_most(item, &reader);
            return self.sub(item, &reader, value);
        }
        super::extent::sub(&reader, value, info)
    }
}
