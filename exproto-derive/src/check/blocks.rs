//! Rules about frames in blocks.

use crate::ctxt::Ctxt;
use crate::framing::{Bounds, Place};
use crate::ir::{Frame, Layout, Repr};
use crate::lower::fixed_at;

// Where a frame in blocks ends its first block says: by a length at a constant place.
pub(super) fn check(frame: &Frame, layout: &Layout, ctxt: &mut Ctxt) {
    let Some(blocks) = &frame.blocks else { return };
    let attrs = &frame.attrs;
    let others = [
        attrs.flag.as_ref().map(|key| ("flag", key.key)),
        attrs.start.as_ref().map(|key| ("start", key.key)),
        attrs.end.as_ref().map(|key| ("end", key.key)),
        attrs.line.as_ref().map(|key| ("line", key.key)),
        attrs.datagram.as_ref().map(|key| ("datagram", key.key)),
        attrs.find.as_ref().map(|key| ("find", key.key)),
        attrs.stuffing.as_ref().map(|key| ("stuffing", key.key)),
        attrs.escape.as_ref().map(|key| ("escape", key.key)),
    ];
    if let Some((name, span)) = others.into_iter().flatten().next() {
        ctxt.error_at(
            span,
            format_args!("a length in the first block says where a frame in blocks ends: remove `{name}`"),
        );
        return;
    }
    if frame.broken || layout.broken || layout.items.iter().any(|item| item.broken) {
        return;
    }
    let items = &layout.items;
    let behind = |to: usize| (0..to).map(|at| fixed_at(items, at)).sum::<Option<usize>>();
    let end = match &frame.bounds {
        Bounds::Fixed => return,
        Bounds::Length(length) => match length.place {
            Place::Prefix(index, int, _) => behind(index).map(|before| before + int.bytes),
            Place::Item(index) => match items.get(index).map(|item| &item.repr) {
                // The offset of a field of bits is that of its container.
                Some(Repr::Bits(slot)) => behind(slot.first).map(|before| before + slot.bytes),
                _ => behind(index + 1),
            },
        },
        _ => {
            ctxt.error_at(
                blocks.key,
                "the end of a frame in blocks is known from its first block: let a length at a constant place say how many bytes follow, `before(length: u8 = size(a..))`",
            );
            return;
        }
    };
    match end {
        Some(end) if end > blocks.first => ctxt.error_at(
            blocks.first_at,
            format_args!("the length ends at byte {end}, behind the first block: it has to lie within, because it counts only once the checksum behind it is right"),
        ),
        Some(_) => {}
        None => ctxt.error_at(
            blocks.first_at,
            "what stands before the length has no size that is known here: write arrays and integers before it",
        ),
    }
}
