//! Whether any bytes are a value, so that lists need not look at their elements.

use proc_macro2::TokenStream;
use quote::quote;

use super::common::type_is;
use crate::ir::{Extent, IntTy, Item, Layout, Model, Presence, Repr};

/// The constant that says it of a struct; nothing where it is not so.
pub(super) fn of_struct(model: &Model, layout: &Layout) -> TokenStream {
    if model.frame.is_some() || model.max_depth.is_some() || layout.broken || layout.items.is_empty() {
        return TokenStream::new();
    }
    let Some(parts) = layout.items.iter().map(of_item).collect::<Option<Vec<_>>>() else {
        return TokenStream::new();
    };
    quote!(const ANY_BYTES: bool = true #(#parts)*;)
}

/// What has to hold besides, as `&& ..`, if any bytes may be a value of the item.
fn of_item(item: &Item) -> Option<TokenStream> {
    let always = matches!(item.presence, Presence::Always) && item.absent.is_none() && item.group.is_none();
    let alone =
        item.joins.is_empty() && item.whole.is_none() && item.column.is_none() && item.opens.is_none();
    let unchecked = item.relation.is_none() && item.range.is_none() && item.opaque.is_none();
    let plain = item.endian.is_none() && item.attrs.via.is_none() && item.attrs.extra.is_none();
    if !(always && alone && unchecked && plain && item.member.is_some()) || item.broken {
        return None;
    }
    match (&item.repr, &item.extent) {
        (Repr::Int(int, _), Extent::Own) if int.digits.is_none() => Some(TokenStream::new()),
        // All bits are in the field.
        (Repr::Bits(slot), _) => {
            let bool = type_is(&item.ty, "bool") && slot.count == 1;
            (bool || IntTy::of_type(&item.ty).is_some()).then(TokenStream::new)
        }
        (Repr::Array(_), Extent::Own) if item.fixed().is_some() => Some(TokenStream::new()),
        (Repr::Part, Extent::Own) => {
            let ty = &item.ty;
            Some(quote!(&& <#ty as __p::Wire>::ANY_BYTES))
        }
        _ => None,
    }
}
