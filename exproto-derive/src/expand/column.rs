//! What decoding and encoding know alike of fields between separators.

use proc_macro2::TokenStream;
use quote::quote;

use super::asserts::const_path;
use super::common::pattern;
use crate::ir::{Absent, EnumModel, Extent, Item, Layout, Model, Presence, Repr, literal};
use crate::spoken::by_bytes;

/// What says where a column ends.
pub(crate) enum Ends {
    /// The next separator, or the end.
    Separator,
    /// Its size, so that it may hold separators.
    Size,
    /// A list, which takes a field or more for each element.
    List,
    /// A type with the same byte between its fields, if this constant
    /// expression is true; else the next separator.
    Type(TokenStream),
}

/// What says where the column of an item ends.
pub(crate) fn ends(item: &Item, byte: u8) -> Ends {
    if item.lists_fields(byte) {
        return Ends::List;
    }
    if item.sized() {
        return Ends::Size;
    }
    match among(item, byte) {
        Some(among) => Ends::Type(among),
        None => Ends::Separator,
    }
}

/// Whether its fields stand among those around it: a constant expression.
pub(crate) fn among(item: &Item, byte: u8) -> Option<TokenStream> {
    fields(item).map(|fields| quote!((const { #fields.among(#byte) })))
}

/// What stands between the fields of the type of an item: a constant.
pub(crate) fn fields(item: &Item) -> Option<TokenStream> {
    let ty = &item.ty;
    if !item.may_have_fields() || !matches!(item.extent, Extent::Column) {
        return None;
    }
    Some(match item.repr {
        Repr::Body(_) => quote!(<#ty as __p::Tagged>::FIELDS),
        _ => quote!(<#ty as __p::Wire>::FIELDS),
    })
}

/// What stands between the fields of a layout: a constant.
pub(crate) fn fields_of<'l>(layouts: impl Iterator<Item = &'l Layout>, tried: bool) -> TokenStream {
    let mut between = None;
    let mut open = quote!(#tried);
    for layout in layouts {
        for item in &layout.items {
            let Some(column) = item.column else { continue };
            between = Some(column.byte);
            let by_end = item.absent.as_ref().is_some_and(Absent::by_end)
                || matches!(&item.presence, Presence::If(condition) if by_bytes(condition));
            let all = column.last
                && (item.attrs.rest.is_some()
                    || matches!(item.extent, Extent::Column)
                        && item.attrs.sep.as_ref().is_some_and(|key| key.value == column.byte));
            // What stands behind the last field is part of it.
            let sometimes =
                !matches!(item.presence, Presence::Always) || item.absent.is_some() || column.vanishes;
            let by_end = by_end || column.last && column.tail > 0 && sometimes;
            if by_end || all || matches!(item.presence, Presence::More) {
                open = quote!(true);
            }
            // Of a value that lies within one of its own type nothing more is known.
            let owner = layout.owner.split("::").next().unwrap_or_default();
            if column.last
                && !crate::spoken::holds_type(&item.ty, owner)
                && let Some(fields) = fields(item)
            {
                let byte = column.byte;
                open = quote!((#open || #fields.open_among(#byte)));
            }
        }
    }
    match between {
        Some(byte) => quote!(const FIELDS: __p::Fields = __p::Fields::new(#byte, #open);),
        None => TokenStream::new(),
    }
}

/// Whether a value has at least one byte, so that an empty column holds none:
/// a constant expression.
pub(crate) fn never_empty(item: &Item) -> TokenStream {
    let ty = &item.ty;
    match (&item.repr, &item.extent) {
        (_, Extent::Fixed(size)) => {
            let some = *size > 0;
            quote!(#some)
        }
        (Repr::Int(..) | Repr::Scalar(..), _) => quote!(true),
        (Repr::Array(len), _) => {
            let some = literal(len) != Some(0);
            quote!(#some)
        }
        // Of several fields the first may be empty.
        (Repr::Part, _) => match item.column.and_then(|column| among(item, column.byte)) {
            Some(among) => quote!((<#ty as __p::Wire>::MIN > 0 && !#among)),
            None => quote!((<#ty as __p::Wire>::MIN > 0)),
        },
        (Repr::Codec(codec), _) if const_path(codec) => {
            quote!((__p::codec_min::<#ty, _>(&#codec) > 0))
        }
        _ => quote!(false),
    }
}

/// What is said of the separator before a value of this layout, whose fields are
/// in scope as references; `None` if there always is one.
fn lead(layout: &Layout) -> Option<TokenStream> {
    let on_wire = |item: &&Item| !matches!(item.repr, Repr::TagReceiver | Repr::Skipped(_));
    let items: Vec<&Item> = layout.items.iter().filter(on_wire).collect();
    // Another type alone says it itself.
    if let [Item { repr: Repr::Part, presence: Presence::Always, absent: None, attrs, ty, local, .. }] =
        items[..]
        && attrs.via.is_none()
    {
        return Some(quote!(<#ty as __p::Wire>::joint(#local)));
    }
    let mut missing = Vec::new();
    for item in items {
        let local = &item.local;
        match item.presence {
            Presence::More => missing.push(quote!(#local.is_none())),
            // A list without elements has no field.
            Presence::Always if item.column.is_some_and(|it| it.vanishes && item.lists_fields(it.byte)) => {
                missing.push(quote!(#local.is_empty()));
            }
            _ => return None,
        }
    }
    if missing.is_empty() {
        return Some(quote!(__p::Joint::Never));
    }
    Some(quote!(if #(#missing)&&* { __p::Joint::Never } else { __p::Joint::Always }))
}

/// The method of a struct that says it.
pub(crate) fn lead_of_struct(layout: &Layout, path: &TokenStream) -> TokenStream {
    let Some(lead) = lead(layout) else { return TokenStream::new() };
    let take_apart = pattern(path, layout);
    quote! {
        fn joint(&self) -> __p::Joint { let #take_apart = self; #lead }
    }
}

/// The method of an enum. What keeps whatever comes may stand without a
/// separator.
pub(crate) fn lead_of_enum(model: &Model, data: &EnumModel) -> TokenStream {
    let ident = &model.ident;
    let leads: Vec<TokenStream> = data
        .variants
        .iter()
        .enumerate()
        .filter_map(|(index, variant)| {
            let lead = match lead(&variant.layout) {
                None if data.other == Some(index) => quote!(__p::Joint::May),
                lead => lead?,
            };
            let name = &variant.ident;
            let take_apart = pattern(&quote!(#ident::#name), &variant.layout);
            Some(quote!(#take_apart => #lead,))
        })
        .collect();
    if leads.is_empty() {
        return TokenStream::new();
    }
    quote! {
        fn joint(&self) -> __p::Joint { match self { #(#leads)* _ => __p::Joint::Always } }
    }
}
