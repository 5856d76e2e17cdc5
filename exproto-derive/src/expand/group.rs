//! Fields that may be absent with what belongs to them: read and written as one,
//! or not at all.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::common::{Locals, by_bytes, user_expr};
use super::decode::{Decode, offset_name};
use super::encode::{Encode, place_name};
use crate::ir::{Absent, Item, Layout, Presence};

/// The variable that says whether a field is there.
fn there_name(field: usize) -> Ident {
    format_ident!("__there{}", field)
}

/// The field that an item belongs to, and the last item that does.
pub(super) fn group_at(layout: &Layout, index: usize) -> Option<(usize, usize)> {
    let field = layout.items.get(index)?.group?;
    let last = layout.items.iter().rposition(|item| item.group == Some(field))?;
    Some((field, last))
}

/// The layout where the field is there.
fn alone(layout: &Layout, field: usize) -> Layout {
    let mut layout = layout.clone();
    for item in layout.items.iter_mut().filter(|item| item.group == Some(field)) {
        item.group = None;
        item.presence = Presence::Always;
        item.absent = None;
    }
    layout
}

/// Whether an item is one of these.
pub(super) fn holds(within: Option<(usize, usize)>, items: &[Item], index: usize) -> bool {
    match within {
        Some((first, last)) => (first..=last).contains(&index),
        None => items.get(index).is_some_and(|item| item.group.is_none()),
    }
}

impl Decode<'_> {
    /// Reads a field with what belongs to it, from `first` to `last`.
    pub(super) fn group(&self, first: usize, field: usize, last: usize) -> TokenStream {
        let item = &self.layout.items[field];
        let (local, ty, info, there) = (&item.local, item.field_ty(), &item.info, there_name(field));
        let layout = alone(self.layout, field);
        let inner = Decode { layout: &layout, within: Some((first, last)), ..*self };
        let read = inner.range(first, last + 1);
        let offsets: Vec<Ident> = (first..=last).map(offset_name).collect();
        let begins = offsets.iter().map(|_| quote!(__begun));
        let left = self.uses_left(item).then(|| quote!(let __left: usize = __r.left();));
        let (condition, made, otherwise) = match &item.absent {
            Some(Absent { unless: Some(unless), value }) => {
                let there = user_expr(unless, self.layout, item, self.model, Locals::Values);
                let default = user_expr(value, self.layout, item, self.model, Locals::Values);
                let flag =
                    by_bytes(unless).then(|| quote!(__r.flag_at(__p::Flag::Missing, &#info, __begun);));
                (there, quote!(#local), quote!({ #flag let __d: #ty = #default; __d }))
            }
            _ => {
                let there = self.condition(item).unwrap_or_else(|| quote!(true));
                (there, quote!(__p::Some(#local)), quote!(__p::None))
            }
        };
        let no_parts = self.no_parts(field);
        let verify = (first..=last).map(|index| self.verify(index));
        quote! {
            let __begun: u32 = __r.offset();
            #left
            let #there: bool = #condition;
            let (#local, #(#offsets,)*) = if #there {
                #read
                (#made, #(#offsets,)*)
            } else {
                #no_parts
                (#otherwise, #(#begins,)*)
            };
            #(#verify)*
        }
    }
}

impl Encode<'_> {
    /// Writes a field with what belongs to it, from `first` to `last`.
    pub(super) fn group(&self, first: usize, field: usize, last: usize) -> TokenStream {
        let item = &self.layout.items[field];
        let (local, ty, info, there) = (&item.local, item.field_ty(), &item.info, there_name(field));
        let layout = alone(self.layout, field);
        let inner = Encode { layout: &layout, within: Some((first, last)), ..*self };
        let (known, write) = (inner.known(), inner.range(first, last + 1));
        let places: Vec<Ident> = (first..=last).map(place_name).collect();
        let begins = places.iter().map(|_| quote!(__h));
        let odd = self.refuse(&quote!(__w.error(__p::ErrorKind::Relation, __w.here(), &#info)));
        let user = |expr| user_expr(expr, self.layout, item, self.model, Locals::References);
        let computed = item.relation.is_some();
        let said = match (&item.presence, &item.absent) {
            // What is computed needs no value.
            (Presence::If(condition), _) if computed && !by_bytes(condition) => user(condition),
            (Presence::If(condition), _) if !by_bytes(condition) => {
                let condition = user(condition);
                quote!({ if #condition != #local.is_some() { #odd } #local.is_some() })
            }
            (Presence::Always, Some(Absent { unless: Some(unless), value })) if !by_bytes(unless) => {
                let (unless, default) = (user(unless), user(value));
                quote!({
                    let __t: bool = #unless;
                    if !__t {
                        let __d: #ty = #default;
                        if __p::core::cmp::PartialEq::ne(#local, &__d) { #odd }
                    }
                    __t
                })
            }
            (Presence::Always, _) => quote!(true),
            _ => quote!(#local.is_some()),
        };
        let holds = holds_in_group(item, field);
        let patches = (first..=last).map(|done| self.patches(done, last + 1));
        quote! {
            let #there: bool = #said;
            let (#(#places,)*) = if #holds {
                #known
                #write
                (#(#places,)*)
            } else {
                let __h = __w.here();
                (#(#begins,)*)
            };
            #(#patches)*
        }
    }

    /// What an item that belongs to a field holds, where that is known only
    /// when more is written: a checksum over a length of what follows.
    pub(super) fn late_in_group(&self, field: usize, index: usize, written: usize) -> TokenStream {
        let (Some(first), Some(last)) = (
            self.layout.items.iter().position(|item| item.group == Some(field)),
            self.layout.items.iter().rposition(|item| item.group == Some(field)),
        ) else {
            return TokenStream::new();
        };
        let layout = alone(self.layout, field);
        let inner = Encode { layout: &layout, within: Some((first, last)), ..*self };
        let holds = holds_in_group(&self.layout.items[field], field);
        let (order, known, patch) = (inner.choose_order(index), inner.known(), inner.patch(index, written));
        let moved = if self.varies(index) { self.behind(index, written) } else { Vec::new() };
        quote! {
            let (#(#moved,)*) = if #holds {
                #order
                #known
                #patch
                (#(#moved,)*)
            } else {
                (#(#moved,)*)
            };
        }
    }
}

/// The condition of what is written only if a field is there, whose value it
/// brings into scope.
fn holds_in_group(item: &Item, field: usize) -> TokenStream {
    let (local, there) = (&item.local, there_name(field));
    match item.presence {
        Presence::Always => quote!(#there),
        // What is computed needs no value.
        _ if item.relation.is_some() => quote!(#there),
        _ => quote!(let (true, __p::Some(#local)) = (#there, #local)),
    }
}
