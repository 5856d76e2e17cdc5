//! Frames in blocks with a checksum behind each.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::check;
use crate::attr::wire::Endian;
use crate::blocks::Blocks;
use crate::ir::{Frame, Model};
use crate::relation::Algorithm;

fn info() -> Ident {
    Ident::new("__BLOCKS", Span::call_site())
}

/// What errors speak of, and the table of a CRC.
pub(super) fn statics(model: &Model) -> TokenStream {
    let Some(blocks) = model.frame.as_ref().and_then(|frame| frame.blocks.as_ref()) else {
        return TokenStream::new();
    };
    let (info, owner) = (info(), model.ident.to_string());
    let table = match &blocks.algorithm {
        Algorithm::Crc { crc, .. } => check::table(&info, crc),
        _ => TokenStream::new(),
    };
    quote!(static #info: __p::FieldInfo = __p::FieldInfo::new(#owner, "blocks"); #table)
}

/// The `Stuffing` of a frame in blocks.
pub(super) fn stuffing(frame: &Frame) -> Option<TokenStream> {
    let Blocks { first, size, int, endian, algorithm, .. } = frame.blocks.as_ref()?;
    let (info, width, big) = (info(), int.bytes, *endian == Endian::Big);
    let algorithm = check::named_algorithm(&info, algorithm);
    Some(quote!(__p::Some(__p::Stuffing::Blocks({
        static __B: __p::Blocks = __p::Blocks {
            first: #first, size: #size, width: #width, big_endian: #big, algorithm: #algorithm, at: &#info,
        };
        &__B
    }))))
}

/// The most bytes on the wire of a frame of so many.
pub(super) fn on_wire(frame: &Frame, most: TokenStream) -> TokenStream {
    let Some(Blocks { first, size, int, .. }) = &frame.blocks else { return most };
    let width = int.bytes;
    quote!({
        let __l: usize = #most;
        __l + #width * (__l.saturating_sub(#first).div_ceil(#size) + 1)
    })
}
