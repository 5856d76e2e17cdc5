//! From bytes that were found to a frame: without escapes, and with the right
//! checksum.

use alloc::vec::Vec;

use super::item::kind_at;
use super::{Bad, Deframer, Framing, Item, RawFrame};
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::Protocol;
use crate::codec::trace::{Flag, Flags};

/// A frame as the search found it.
pub(super) struct Found<'d> {
    pub(super) wire: &'d [u8],
    pub(super) inner: &'d [u8],
    pub(super) offset: u64,
    pub(super) clean: bool,
    pub(super) verified: bool,
    pub(super) kind: usize,
}

impl<'d> Found<'d> {
    /// The frame, if it is right and stands on the wire as it is.
    #[inline(always)]
    pub(super) fn as_it_is<P: Protocol>(&self, accept_bad: bool) -> Option<Item<'d>> {
        let Self { wire, inner, offset, verified, kind, .. } = *self;
        let of = kind_at::<P>(kind);
        if !matches!(of.framing, Framing::Bare { escape: None, .. }) || of.check.is_some() && !verified {
            return None;
        }
        let (flags, piece) = (Flags::NONE, None);
        Some(Item::Frame(RawFrame { wire, payload: inner, offset, flags, accept_bad, kind, piece }))
    }
}

impl<P: Protocol> Deframer<P> {
    /// Takes escapes out and verifies the checksum.
    #[inline(never)]
    pub(super) fn open<'d>(found: Found<'d>, accept_bad: bool, scratch: &'d mut Vec<u8>) -> Item<'d> {
        let Found { wire, inner, offset, clean, verified, kind } = found;
        let mut payload = inner;
        let mut flags = Flags::NONE;
        let (framing, check) = (&kind_at::<P>(kind).framing, &kind_at::<P>(kind).check);
        if let Some(escape) = framing.stuffing()
            && !clean
        {
            scratch.clear();
            let removed = match framing.blocks() {
                // The search has verified them.
                Some(blocks) if accept_bad && blocks.verify(inner).is_err() => {
                    // Others than ours would stand there again.
                    flags.set(Flag::Checksum);
                    flags.set(Flag::Framing);
                    blocks.take_out(inner, scratch);
                    Ok(())
                }
                Some(blocks) => {
                    blocks.take_out(inner, scratch);
                    Ok(())
                }
                None => escape.remove(inner, scratch),
            };
            if let Err(at) = removed {
                let at = at + (wire.len().saturating_sub(inner.len())).min(framing.wire_offset(wire, 0));
                let error = Error::new(escape.error(), at as u32, escape.at());
                return Item::Bad(Bad { error, wire, offset, fatal: false });
            }
            payload = scratch;
        }
        if let Some(check) = check.as_ref().filter(|_| !verified)
            && let Err((at, kind)) = check.verify(payload)
        {
            if kind == ErrorKind::Checksum && accept_bad {
                flags.set(Flag::Checksum);
            } else {
                let raw = framing.wire_offset(wire, at);
                let error = Error::new(kind, raw as u32, check.at);
                return Item::Bad(Bad { error, wire, offset, fatal: false });
            }
        }
        if !clean && framing.blocks().is_none() && !framing.is_canonical(wire) {
            flags.set(Flag::Framing);
        }
        Item::Frame(RawFrame { wire, payload, offset, flags, accept_bad, kind, piece: None })
    }
}
