//! Rows of sizes or counts: one for each element of a list that follows.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::common::{is_little, patch_name, patch_order};
use super::decode::offset_name;
use crate::attr::wire::Endian;
use crate::ir::{IntTy, Item, Repr};
use crate::relation::{self, Op};

/// The integers of a row and what relates them to the elements.
fn row(items: &[Item], carrier: usize) -> Option<(&Item, IntTy, Endian, &[Op])> {
    let item = items.get(carrier)?;
    let Repr::Row(int, endian) = item.repr else { return None };
    Some((item, int, endian, item.relation.as_ref().map_or(&[], |relation| &relation.ops)))
}

/// What the row says of the element at hand, as a `usize`.
pub(super) fn decode(items: &[Item], carrier: usize, kind: &TokenStream) -> TokenStream {
    let Some((item, int, endian, ops)) = row(items, carrier) else { return quote!(0_usize) };
    let (local, info, offset) = (&item.local, &item.info, offset_name(carrier));
    let (bytes, little) = (int.bytes, is_little(endian));
    let said = relation::backward(ops, quote!(__raw as i64));
    quote!({
        let __raw: u64 = __p::row_at(#local, __at, #bytes, #little);
        __p::size_of_rest(#said).ok_or_else(|| {
            __r.fail(__p::ErrorKind::#kind, #offset + (__at * #bytes) as u32, &#info, __raw, 0)
        })?
    })
}

/// All bytes or elements that a row speaks of, of which `__d` holds the integers.
pub(super) fn total(items: &[Item], carrier: usize) -> TokenStream {
    let Some((item, int, endian, ops)) = row(items, carrier) else { return quote!(0_u64) };
    let (info, bytes, little) = (&item.info, int.bytes, is_little(endian));
    let said = relation::backward(ops, quote!(__raw as i64));
    quote!({
        let mut __sum: u64 = 0;
        for __at in 0..__d.len() / #bytes {
            let __raw: u64 = __p::row_at(__d, __at, #bytes, #little);
            let __one = __w.amount(#said, __p::ErrorKind::Relation, &#info)?;
            __sum = __sum.saturating_add(__one as u64);
        }
        __sum
    })
}

/// Writes what the row says of an element, `value`, at the row's place.
pub(super) fn patch(items: &[Item], carrier: usize, value: &TokenStream) -> TokenStream {
    let Some((item, int, endian, ops)) = row(items, carrier) else { return TokenStream::new() };
    let (info, place, bytes) = (&item.info, format_ident!("__e{}", carrier), int.bytes);
    let bits = int.bytes as u32 * 8;
    let said = relation::forward(ops, value.clone());
    let (patch, order) = (patch_name(endian), patch_order(endian));
    quote! {
        let __at = #place.plus(__i * #bytes);
        let __v = <u64 as __p::TryFrom<i64>>::try_from(#said)
            .map_err(|_| __w.error(__p::ErrorKind::Overflow, __at, &#info))?;
        __w.#patch::<#bytes>(__at, 0, #bits, __v, &#info #order)?;
    }
}
