//! Rules about payloads that are handed out in pieces.

use proc_macro2::Span;

use crate::attr::frame::FrameAttrs;
use crate::ctxt::Ctxt;
use crate::ir::{Extent, Frame, Item, Layout, Model, Presence, Repr};
use crate::lower::{bounds, fixed_at};
use crate::relation::{Algorithm, Relation, Source};
use crate::stream::{chunk, payload};

/// Runs the rules on a layout.
pub(super) fn check(model: &Model, layout: &Layout, ctxt: &mut Ctxt) {
    let Some(index) = payload(&layout.items) else { return };
    let Some(item) = layout.items.get(index) else { return };
    let Some(key) = &item.attrs.stream else { return };
    let label = &item.label;
    for other in layout.items.iter().skip(index + 1) {
        if let Some(second) = &other.attrs.stream {
            ctxt.error_at(second.key, format_args!("`{label}` is handed out in pieces already, and a frame has one such payload: remove `stream`"));
        }
    }
    let frame = match (&model.frame, &model.shape) {
        (Some(frame), crate::ir::Shape::Struct(_)) => frame,
        _ => {
            ctxt.error_at(
                key.key,
                "only a frame is handed out in pieces: put `stream` on a field of the struct with `#[frame(..)]`",
            );
            return;
        }
    };
    match key.value.base10_parse::<u32>() {
        Ok(0) | Err(_) => {
            ctxt.error(
                &key.value,
                "this is no number of bytes: write the most that a piece has, such as `stream = 4096`",
            );
            return;
        }
        Ok(_) => {}
    }
    if frame.broken || layout.broken || item.broken {
        return;
    }
    if let Some((name, span)) = ended_elsewhere(&frame.attrs) {
        ctxt.error_at(
            span,
            format_args!("`{name}` ends a frame that is there as a whole, and `{label}` is handed out before: remove `{name}` and let a length say how many bytes `{label}` has"),
        );
        return;
    }
    if let Some(reassemble) = frame.attrs.reassemble.first() {
        ctxt.error_at(
            reassemble.key,
            format_args!("segments are joined when they are whole, and `{label}` is handed out in pieces: remove one of `reassemble` and `stream`"),
        );
    }
    one_payload(item, key.key, ctxt);
    behind(layout, index, ctxt);
    checksums(frame, layout, index, ctxt);
    fits(frame, layout, index, ctxt);
}

/// What ends a frame that is found as a whole.
fn ended_elsewhere(attrs: &FrameAttrs) -> Option<(&'static str, Span)> {
    let stuffing = attrs.stuffing.as_ref().map(|key| ("stuffing", key.key));
    [
        attrs.flag.as_ref().map(|key| ("flag", key.key)),
        attrs.end.as_ref().map(|key| ("end", key.key)),
        attrs.line.as_ref().map(|key| ("line", key.key)),
        attrs.datagram.as_ref().map(|key| ("datagram", key.key)),
        attrs.find.as_ref().map(|key| ("find", key.key)),
        stuffing,
        attrs.blocks.as_ref().map(|key| ("blocks", key.key)),
    ]
    .into_iter()
    .flatten()
    .next()
}

// It is bytes of which something before says how many there are, in every frame.
fn one_payload(item: &Item, key: Span, ctxt: &mut Ctxt) {
    let label = &item.label;
    if item.column.is_some() {
        ctxt.error_at(
            key,
            format_args!(
                "`{label}` stands between separators, which are looked for in all of it: remove `stream`"
            ),
        );
    } else if !matches!(item.presence, Presence::Always) || item.absent.is_some() {
        ctxt.error_at(
            key,
            format_args!("`{label}` is not in every frame: declare a frame without it and tell the two apart by `#[frame(one_of)]`, or let it be empty"),
        );
    } else if item.attrs.via.is_some() {
        ctxt.error_at(
            key,
            format_args!("`via` is given all bytes of `{label}` at once: remove one of `via` and `stream`"),
        );
    } else if !matches!(item.repr, Repr::Part) {
        ctxt.error(
            &item.ty,
            format_args!("a field with `stream` holds one piece and which one it is: write `Chunk<&'a [u8]>` or `Chunk<Vec<u8>>`"),
        );
    } else if !matches!(
        item.extent,
        Extent::Size(_) | Extent::PrefixSize(..) | Extent::PrefixSizeBy(_) | Extent::BySize(_)
    ) {
        ctxt.error_at(
            key,
            format_args!("nothing before `{label}` says how many bytes it has: add `size = prefix(u32)`, or let a length say `= size({label})`"),
        );
    }
}

// Behind the payload stand constants and its checksum, which no piece has room for.
fn behind(layout: &Layout, payload: usize, ctxt: &mut Ctxt) {
    let label = &layout.items[payload].label;
    for (index, item) in layout.items.iter().enumerate().skip(payload + 1) {
        if item.broken {
            continue;
        }
        let is_check = matches!(&item.relation, Some(Relation { source: Source::Check(..), .. }));
        let allowed = item.member.is_none()
            && fixed_at(&layout.items, index).is_some()
            && (is_check || crate::framing::constant_bytes(item).is_some());
        if !allowed {
            let mend = if is_check { "write it as `after(..)`" } else { "put it before" };
            ctxt.error_at(
                item.span,
                format_args!("`{}` comes behind `{label}`, of which pieces are handed out before: only constants and a checksum in `after(..)` may stand there; {mend}", item.label),
            );
        }
    }
}

// A checksum over the payload stands behind it and goes on where it left off.
fn checksums(frame: &Frame, layout: &Layout, payload: usize, ctxt: &mut Ctxt) {
    let items = &layout.items;
    let label = &items[payload].label;
    for (index, item) in items.iter().enumerate() {
        let Some(Relation { source: Source::Check(algorithm, range), span, .. }) = &item.relation else {
            continue;
        };
        let Some((first, last)) = bounds(items, range, index) else { continue };
        if item.broken || last < payload && index < payload {
            continue;
        }
        let goes_on = frame.check == Some(index)
            && first <= payload
            && (0..first).all(|at| fixed_at(items, at).is_some())
            && !matches!(algorithm, Algorithm::Function { .. });
        if !goes_on {
            ctxt.error_at(
                *span,
                format_args!("`{}` is added up piece by piece: it stands behind `{label}`, covers all from a constant place up to itself, and is `xor`, `sum`, `lrc`, `internet` or `crc` without a seed or arithmetic", item.label),
            );
        }
    }
}

// One piece and what surrounds it are within `max`.
fn fits(frame: &Frame, layout: &Layout, payload: usize, ctxt: &mut Ctxt) {
    let Some(max) = &frame.attrs.max else { return };
    let Ok(most) = max.value.base10_parse::<usize>() else { return };
    let items = &layout.items;
    let around: usize =
        (0..items.len()).filter(|at| *at != payload).filter_map(|at| fixed_at(items, at)).sum();
    let needed = chunk(&items[payload]).saturating_add(around);
    if most < needed {
        ctxt.error(
            &max.value,
            format_args!("a piece of `{}` and what surrounds it have {needed} bytes: write at least that, the payload counts no more", items[payload].label),
        );
    }
}
