//! Fields with a byte between them: which separators are there, and where a
//! column ends.

use proc_macro2::TokenStream;
use quote::quote;

use super::{Decode, offset_name};
use crate::expand::column::{Ends, among, ends, never_empty};
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
        quote!(let __open: bool = __r.take_fields(); let mut __due = false; #hollow)
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
        if !self.always(item) || column.lacks || column.vanishes || column.may_end {
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
                self.or_lacks(item, column, value),
                Column {
                    before: quote!(let __mark = *__r; let __there: bool = !__due || #separator;),
                    there: None,
                    after: always,
                },
            );
        }
        if column.vanishes {
            return self.or_nothing(item, column, value, &separator);
        }
        if column.may_end {
            let before = quote! {
                let __there: bool = !__due || #separator;
                if !__there {
                    if __open || __r.left() > #tail {
                        return __p::Err(__r.fail(__p::ErrorKind::Short, __r.offset(), &#info, 0, 1));
                    }
                    __r.flag_at(__p::Flag::Missing, &#info, __r.offset());
                }
                let __there: bool = __there && !#empty;
            };
            return (value, Column { before, there: Some(quote!(__there)), after: always });
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
    fn or_lacks(&self, item: &Item, column: ir::Column, value: TokenStream) -> TokenStream {
        let info = &item.info;
        let lead = joint(item);
        let among = among(item, column.byte).unwrap_or_else(|| quote!(false));
        quote!({
            let __at: u32 = __r.offset();
            let __v = #value;
            match #lead {
                // The separator is that of what follows.
                __p::Joint::Never if __there && __due && __open && #among => __r.column_back(__mark),
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

    /// A value among others that may have no field at all: each of its fields
    /// has the separator before it.
    fn or_nothing(
        &self,
        item: &Item,
        column: ir::Column,
        value: TokenStream,
        separator: &TokenStream,
    ) -> (TokenStream, Column) {
        let (info, local) = (&item.info, &item.local);
        // The elements of a list take their own.
        let Some(among) = among(item, column.byte) else {
            let after = quote!(__due |= !#local.is_empty(););
            return (value, Column { after, ..Column::default() });
        };
        let lead = joint(item);
        let before = quote! {
            let __mark = *__r;
            let mut __here = true;
            let __there: bool = !__due || #separator;
            if !__there && !#among {
                return __p::Err(__r.fail(__p::ErrorKind::Short, __r.offset(), &#info, 0, 1));
            }
        };
        let value = quote!({
            let __at: u32 = __r.offset();
            let __v = #value;
            match #lead {
                __p::Joint::Never if #among => { __r.column_back(__mark); __here = false; }
                _ if !__there => return __p::Err(__r.fail(__p::ErrorKind::Short, __at, &#info, 0, 1)),
                _ => {}
            }
            __v
        });
        (
            value,
            Column {
                before,
                there: None,
                after: quote!(if __here {
                    __due = true;
                }),
            },
        )
    }

    /// The value in what its column has, without what stands behind it there.
    pub(super) fn column(&self, item: &Item, column: ir::Column, value: &TokenStream) -> TokenStream {
        let info = &item.info;
        let (byte, behind, tail, last) = (column.byte, column.behind, column.tail, column.last);
        let open = matches!(item.extent, Extent::Column);
        let bare = last && tail == 0 && open && item.attrs.max.is_none() && item.attrs.extra.is_none();
        // Where the value ends by itself: always, or as a constant or the type
        // around it says.
        let (own, fields) = match ends(item, byte) {
            Ends::Separator => (None, false),
            Ends::Size | Ends::List if last => (Some(quote!(__open)), false),
            Ends::Size | Ends::List => (Some(TokenStream::new()), false),
            Ends::Type(among) if last => (Some(quote!(__open && #among)), true),
            Ends::Type(among) => (Some(among), true),
        };
        let after = if last { 0 } else { tail };
        let own_reader = quote!(__r.column_open(#after, #fields, &#info)?);
        // What stands behind it in its column is read with it.
        let goes_on = (item.sized() && behind == 0 && (!last || tail == 0))
            .then(|| quote!(__r.column_ends(#byte, #after, &#info)?;));
        if let Some(always) = own.as_ref().filter(|own| own.is_empty()) {
            let _ = always;
            return quote!({
                let mut __s = #own_reader;
                let __v = { let __r = &mut __s; #value };
                __r.column_close(__s);
                #goes_on
                __v
            });
        }
        let (reader, end) = match (last, bare) {
            (false, _) => (quote!(__r.column(#byte, #behind, #tail, &#info)?), None),
            // What is left is seen by what surrounds this.
            (true, true) => (
                quote!(if __open { __r.column(#byte, 0, 0, &#info)? } else { __r.column_open(0, false, &#info)? }),
                Some(quote!(if __open { __r.finish(__s, &#info)?; } else { __r.column_close(__s); })),
            ),
            (true, false) => (
                quote!(if __open { __r.column(#byte, #tail, 0, &#info)? } else { __r.sub_rest(#tail, &#info)? }),
                None,
            ),
        };
        let reader = if open { self.at_most(item, &reader) } else { reader };
        let end = end.unwrap_or_else(|| match open && item.attrs.extra.is_some() {
            true => quote!(__r.finish_extra(__s, &#info);),
            false => quote!(__r.finish(__s, &#info)?;),
        });
        let Some(own) = own else {
            return quote!({
                let mut __s = #reader;
                let __v = { let __r = &mut __s; #value };
                #end
                __v
            });
        };
        quote!({
            let __own: bool = #own;
            let mut __s = if __own { #own_reader } else { #reader };
            let __v = { let __r = &mut __s; #value };
            if __own { __r.column_close(__s); #goes_on } else { #end }
            __v
        })
    }
}

/// Whether a separator stands before a value `__v`.
fn joint(item: &Item) -> TokenStream {
    let ty = &item.ty;
    match &item.repr {
        Repr::Body(_) => quote!(<#ty as __p::Tagged>::joint(&__v)),
        _ => quote!(<#ty as __p::Wire>::joint(&__v)),
    }
}
