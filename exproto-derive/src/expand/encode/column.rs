//! Writing fields with a byte between them.

use proc_macro2::TokenStream;
use quote::quote;

use super::Encode;
use crate::expand::column::{Ends, among, ends, never_empty};
use crate::expand::common::{Locals, by_bytes, user_expr};
use crate::ir::{Extent, Item, Presence, Repr};

impl Encode<'_> {
    /// What columns have in common: whether a separator stands before the next.
    pub(super) fn before_columns(&self) -> TokenStream {
        let items = &self.layout.items;
        if !items.iter().any(|item| item.column.is_some()) {
            return TokenStream::new();
        }
        let optional = items.iter().any(|item| matches!(item.presence, Presence::More));
        // Empty columns that are written if another follows them.
        let optional = optional.then(|| quote!(let mut __ended = false; let mut __empty: usize = 0;));
        quote!(let __open: bool = __w.take_fields(); let mut __due = false; #optional)
    }

    /// Writes the separator of a column that is always there, before the first
    /// thing that stands in it.
    pub(super) fn opening(&self, index: usize) -> TokenStream {
        let items = &self.layout.items;
        let Some(at) = items.get(index).and_then(|item| item.opens) else { return TokenStream::new() };
        let (item, Some(column)) = (&items[at], items[at].column) else { return TokenStream::new() };
        let byte = column.byte;
        let separator = quote!(if __due { __w.bytes(&[#byte]); });
        match item.presence {
            // The elements write their own.
            Presence::Always if column.vanishes && item.lists_fields(byte) => TokenStream::new(),
            Presence::Always if column.vanishes => {
                let gone = vanished(item, byte);
                quote!(if !#gone { #separator })
            }
            Presence::Always if column.lacks => {
                let (local, ty) = (&item.local, &item.ty);
                let tagged = if let Repr::Body(_) = item.repr { quote!(Tagged) } else { quote!(Wire) };
                quote! {
                    if !matches!(<#ty as __p::#tagged>::joint(#local), __p::Joint::Never) { #separator }
                }
            }
            Presence::Always if self.unless(item).is_some() => TokenStream::new(),
            Presence::Always | Presence::Filled => separator,
            _ => TokenStream::new(),
        }
    }

    /// The separator of a column that may be missing, and what comes of it for
    /// the next one. What is said of a field is said without the separator
    /// before it.
    pub(super) fn separator(&self, index: usize) -> TokenStream {
        let item = &self.layout.items[index];
        let Some(column) = item.column else { return TokenStream::new() };
        let (local, byte) = (&item.local, column.byte);
        let due = !matches!(item.extent, Extent::Until(_));
        let separator = quote!(if __due { __w.bytes(&[#byte]); } __due = #due;);
        match item.presence {
            Presence::Always if let Some(there) = self.unless(item) => quote!(if #there { #separator }),
            // Set when it is written.
            Presence::Always if column.vanishes && item.lists_fields(byte) => TokenStream::new(),
            Presence::Always if column.vanishes => {
                let gone = vanished(item, byte);
                quote!(__due |= !#gone;)
            }
            Presence::Always | Presence::Filled => quote!(__due = #due;),
            Presence::More => quote! {
                if #local.is_some() {
                    for _ in 0..__empty {
                        if __due { __w.bytes(&[#byte]); }
                        __due = true;
                    }
                    __empty = 0;
                    #separator
                }
            },
            _ => quote!(if #local.is_some() { #separator }),
        }
    }

    /// Writes a column: unless it ends by itself, it holds no separator.
    pub(super) fn in_column(&self, item: &Item, value: TokenStream) -> TokenStream {
        let Some(column) = item.column.filter(|_| !matches!(item.extent, Extent::Until(_))) else {
            return value;
        };
        let (byte, info) = (column.byte, &item.info);
        let without = quote!(__w.without(__column, #byte, &#info)?;);
        let write = |before: TokenStream, after: TokenStream| quote!({ #before let __column = __w.here(); #value #after });
        match (ends(item, byte), column.last) {
            (Ends::Size | Ends::List, _) => value,
            (Ends::Separator, false) => write(TokenStream::new(), without),
            (Ends::Separator, true) => write(TokenStream::new(), quote!(if __open { #without })),
            (Ends::Type(among), false) => {
                write(quote!(__w.set_fields(#among);), quote!(if !#among { #without }))
            }
            (Ends::Type(among), true) => {
                write(quote!(__w.set_fields(__open && #among);), quote!(if __open && !#among { #without }))
            }
        }
    }

    /// When a field with a default is written, if not always.
    fn unless(&self, item: &Item) -> Option<TokenStream> {
        let unless = item.absent.as_ref()?.unless.as_ref().filter(|unless| !by_bytes(unless))?;
        Some(user_expr(unless, self.layout, item, self.model, Locals::References))
    }

    /// A field that may be missing with those after it; where its type cannot
    /// be empty, it can be missing alone.
    pub(super) fn or_missing(&self, item: &Item, index: usize) -> TokenStream {
        let (local, info) = (&item.local, &item.info);
        let value = self.value(item, index, &quote!(__x));
        let never = never_empty(item);
        quote! {
            match #local {
                __p::Some(__x) if !__ended => { #value }
                __p::Some(_) => return __p::Err(__w.error(__p::ErrorKind::Relation, __w.here(), &#info)),
                __p::None if #never => __empty += 1,
                __p::None => __ended = true,
            }
        }
    }
}

/// Whether a value among others has no field.
fn vanished(item: &Item, byte: u8) -> TokenStream {
    let (local, ty) = (&item.local, &item.ty);
    let tagged = if let Repr::Body(_) = item.repr { quote!(Tagged) } else { quote!(Wire) };
    let among = among(item, byte).unwrap_or_else(|| quote!(false));
    quote!((#among && matches!(<#ty as __p::#tagged>::joint(#local), __p::Joint::Never)))
}
