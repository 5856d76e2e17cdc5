//! The payload of a frame that is handed out in pieces: `stream`.

use proc_macro2::TokenStream;
use quote::quote;

use crate::ir::{Frame, Item, Layout};
use crate::lower::fixed_at;

/// The payload, if the frame has one that is handed out in pieces.
pub(crate) fn payload(items: &[Item]) -> Option<usize> {
    items.iter().position(|item| item.attrs.stream.is_some())
}

/// The bytes behind the payload.
pub(crate) fn tail(items: &[Item], payload: usize) -> usize {
    (payload + 1..items.len()).filter_map(|index| fixed_at(items, index)).sum()
}

/// The most bytes of a piece.
pub(crate) fn chunk(item: &Item) -> usize {
    item.attrs.stream.as_ref().and_then(|key| key.value.base10_parse().ok()).unwrap_or(1)
}

/// What the frame search is told about it.
pub(crate) fn kind(layout: &Layout) -> Option<TokenStream> {
    let index = payload(&layout.items)?;
    let item = layout.items.get(index)?;
    let (chunk, tail, info) = (chunk(item), tail(&layout.items, index), &item.info);
    Some(quote!(.streamed(__p::Streamed { chunk: #chunk, tail: #tail, at: &#info })))
}

/// The most bytes that are kept of a frame, where nothing is said: its payload counts
/// with one piece.
pub(crate) fn limit(frame: &Frame, layout: &Layout) -> Option<TokenStream> {
    let item = layout.items.get(payload(&layout.items)?).filter(|_| frame.attrs.max.is_none())?;
    let max = 65_536_usize.saturating_add(chunk(item));
    Some(quote!(#max))
}
