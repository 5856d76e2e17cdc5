//! Framing that follows from the layout, delimiters, stuffing, several kinds
//! of frames on one port, and finding frames again.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(feature = "derive")]

mod delimiters;
#[path = "../framing/mod.rs"]
mod framing;
mod kinds;
mod lengths;

use framing::Got;

/// The frames, where there is nothing else.
fn frames(got: &[Got]) -> Vec<Vec<u8>> {
    got.iter()
        .map(|got| match got {
            Got::Frame(_, wire, _) => wire.clone(),
            Got::Bad(..) => panic!("{got:?}"),
        })
        .collect()
}

/// The payloads of the frames.
fn payloads(got: &[Got]) -> Vec<&[u8]> {
    got.iter()
        .filter_map(|got| if let Got::Frame(_, _, payload) = got { Some(&payload[..]) } else { None })
        .collect()
}
