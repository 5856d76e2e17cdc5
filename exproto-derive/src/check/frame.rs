//! Rules about where a frame begins and ends.

use proc_macro2::Span;
use syn::LitInt;

use crate::attr::frame::{EscapeTable, Escapes, FrameAttrs, Named};
use crate::ctxt::Ctxt;
use crate::framing::{Bounds, Length, Place};
use crate::ir::{EnumModel, Frame, Item, Layout, Model, Repr, Shape};

/// Runs the rules on a type with `#[frame(..)]`.
pub(crate) fn check(model: &Model, ctxt: &mut Ctxt) {
    let Some(frame) = &model.frame else { return };
    match &model.shape {
        Shape::Struct(layout) => {
            one_boundary(frame, ctxt);
            boundary(model, frame, layout, ctxt);
            wide_length(frame, layout, ctxt);
            super::transparent::check(model, frame, layout, ctxt);
            delimiters(frame, ctxt);
            super::blocks::check(frame, layout, ctxt);
            max(frame, ctxt);
            if let (Some(table), Some(flag)) = (&frame.attrs.escape, &frame.attrs.flag) {
                match &table.value {
                    Escapes::Table(escapes) => escape_table(escapes, &flag.value, table.key, ctxt),
                    Escapes::Xor { byte, values, .. } => {
                        escape_values(byte, values, &flag.value, table.key, ctxt)
                    }
                    Escapes::Sequences(_) => {}
                }
            }
            for reassemble in &frame.attrs.reassemble {
                super::segments::check(&reassemble.value, layout, ctxt);
            }
        }
        Shape::Bits(_) => {
            if let Some(span) = frame.attrs.span {
                ctxt.error_at(
                    span,
                    "a struct of bits is one integer, no frame: put `#[frame]` on the struct that holds it",
                );
            }
        }
        Shape::Scalar(_) => {
            if let Some(span) = frame.attrs.span {
                ctxt.error_at(
                    span,
                    "an enum that is one integer is no frame: put `#[frame]` on the struct that holds it",
                );
            }
        }
        Shape::Enum(data) => one_of(model, frame, data, ctxt),
    }
}

// An enum is a frame only as one of several.
fn one_of(model: &Model, frame: &Frame, data: &EnumModel, ctxt: &mut Ctxt) {
    if frame.broken {
        return;
    }
    if frame.attrs.one_of.is_none() {
        if let Some(span) = frame.attrs.span {
            ctxt.error_at(
                span,
                "`#[frame]` goes on the struct that surrounds an enum; an enum whose variants are whole frames says `#[frame(one_of)]`",
            );
        }
        return;
    }
    for variant in data.variants.iter().filter(|variant| !variant.broken) {
        let whole = match &variant.layout.items[..] {
            [only] => matches!(only.repr, Repr::Part) && variant.layout.style == crate::ir::Style::Tuple,
            _ => false,
        };
        if !whole && !variant.layout.broken {
            ctxt.error(
                &variant.ident,
                format_args!("a variant of a `one_of` enum is one whole frame: write `{0}(TYPE)`, where TYPE has `#[frame]`", variant.ident),
            );
        }
        if let (Some(key), true) = (&variant.frame.condition, model.ctx.is_empty()) {
            ctxt.error_at(
                key.key,
                "what the connection knows decides here, and nothing of it is declared: add `#[wire(ctx(NAME: TYPE))]` to the enum",
            );
        }
        if let Some(key) = &variant.attrs.tag {
            ctxt.error_at(
                key.key,
                "frames are told apart by their leading bytes: write `#[frame(lead = [..])]`",
            );
        }
    }
    if data.variants.is_empty() || data.variants.len() > 12 {
        ctxt.error(&model.ident, "a `one_of` enum has 1 to 12 variants");
    }
}

// A frame ends in one way.
fn one_boundary(frame: &Frame, ctxt: &mut Ctxt) {
    let attrs = &frame.attrs;
    let delimiters = attrs.start.as_ref().map(|key| key.key).or(attrs.end.as_ref().map(|key| key.key));
    let given = [
        ("flag", attrs.flag.as_ref().map(|key| key.key)),
        ("start/end", delimiters),
        ("line", attrs.line.as_ref().map(|key| key.key)),
        ("datagram", attrs.datagram.as_ref().map(|key| key.key)),
        ("find", attrs.find.as_ref().map(|key| key.key)),
    ];
    let mut given = given.iter().filter_map(|(name, span)| Some((name, (*span)?)));
    if let (Some((first, _)), Some((second, span))) = (given.next(), given.next())
        && !(*first == "start/end" && *second == "line" && attrs.end.is_none())
    {
        ctxt.error_at(
            span,
            format_args!("`{first}` and `{second}` both say where a frame ends: keep one of them"),
        );
    }
    if let (Some(key), Some(escape)) = (&attrs.stuffing, &attrs.escape) {
        ctxt.error_at(
            escape.key,
            format_args!("`stuffing = {}` is an escape table already: remove one of them", name(key.value)),
        );
    }
    if let Some(key) = &attrs.stuffing {
        own_marks(attrs, key.value, ctxt);
    }
    if let (Some(key), true) =
        (&attrs.stuffing, delimiters.is_some() || attrs.line.is_some() || attrs.datagram.is_some())
        && !key.value.takes_delimiters()
    {
        ctxt.error_at(
            key.key,
            format_args!(
                "`stuffing = {}` has a flag of its own: remove the other delimiter",
                name(key.value)
            ),
        );
    }
}

// A stuffing keeps its own marks out of a frame, and no others.
fn own_marks(attrs: &FrameAttrs, stuffing: Named, ctxt: &mut Ctxt) {
    let named = name(stuffing);
    if let (Some(flag), Some(own)) = (&attrs.flag, stuffing.flag()) {
        ctxt.error_at(
            flag.key,
            format_args!("`stuffing = {named}` has the flag {own} of its own: remove `flag`, or write `escape(..)` with the codes for another flag in place of `stuffing`"),
        );
    }
    if stuffing != Named::Cobs {
        return;
    }
    let end = attrs.end.as_ref().filter(|end| !end.value.bytes.contains(&0)).map(|key| key.key);
    for (name, key) in [
        ("flag", attrs.flag.as_ref().map(|key| key.key)),
        ("end", end),
        ("line", attrs.line.as_ref().map(|key| key.key)),
        ("datagram", attrs.datagram.as_ref().map(|key| key.key)),
    ] {
        if let Some(key) = key {
            ctxt.error_at(
                key,
                format_args!("`stuffing = cobs` keeps nothing but zeros out of a frame and ends it with one: remove `{name}`"),
            );
        }
    }
}

const fn name(stuffing: Named) -> &'static str {
    match stuffing {
        Named::Slip => "slip",
        Named::Hdlc => "hdlc",
        Named::Ppp => "ppp",
        Named::Cobs => "cobs",
        Named::Hex => "hex",
        Named::Own => "TRANSFORM",
    }
}

/// Whether delimiters say where a frame ends.
fn marked(attrs: &FrameAttrs) -> bool {
    attrs.flag.is_some()
        || attrs.start.is_some()
        || attrs.end.is_some()
        || attrs.line.is_some()
        || attrs.stuffing.as_ref().is_some_and(|key| key.value != Named::Own)
}

// Something on the wire says where a frame ends.
fn boundary(model: &Model, frame: &Frame, layout: &Layout, ctxt: &mut Ctxt) {
    if frame.broken || marked(&frame.attrs) {
        return;
    }
    let given = frame.attrs.datagram.is_some() || frame.attrs.find.is_some();
    if let Some(key) = frame.attrs.stuffing.as_ref().filter(|_| !given) {
        ctxt.error_at(
            key.key,
            "a transform is given a whole frame, and its layout is read only behind it: say where a frame ends by `flag`, `end`, `line`, `datagram` or `find`",
        );
        return;
    }
    if let Some(escape) = &frame.attrs.escape {
        ctxt.error_at(
            escape.key,
            "`escape` keeps the flag out of a frame, and there is none: add `flag = 0x7E`",
        );
    } else if let Bounds::Walk = frame.bounds
        && !layout.broken
        && layout.items.iter().all(|item| !item.broken)
    {
        for (span, message) in crate::walk::plan(layout, model).stuck {
            ctxt.error_at(span, message);
        }
    }
}

// A length is read as an integer of at most eight bytes.
fn wide_length(frame: &Frame, layout: &Layout, ctxt: &mut Ctxt) {
    let Bounds::Length(Length { place: Place::Item(index), .. }) = &frame.bounds else { return };
    if let Some(Item { repr: Repr::Bits(slot), label, span, .. }) = layout.items.get(*index)
        && slot.wide()
        && slot.window().1 > 8
    {
        ctxt.error_at(
            *span,
            format_args!("`{label}` says where the frame ends and lies in nine bytes: such a length has at most 57 bits, or begins with a byte"),
        );
    }
}

// What has a start has an end, and what is escaped can be found.
fn delimiters(frame: &Frame, ctxt: &mut Ctxt) {
    let attrs = &frame.attrs;
    let cobs = attrs.stuffing.as_ref().is_some_and(|key| key.value == Named::Cobs);
    if let (Some(start), None, None, false) = (&attrs.start, &attrs.end, &attrs.line, cobs) {
        ctxt.error_at(
            start.key,
            "`start` says where a frame begins; say where it ends with `end = b\"..\"`. If a length says it, write the constant as `before(b\"..\")`",
        );
    }
    if let Some(key) = attrs.stuffing.as_ref().filter(|key| key.value == Named::Hex) {
        hex(attrs, key.key, ctxt);
    }
}

// Digits stand between delimiters that are none.
fn hex(attrs: &FrameAttrs, key: Span, ctxt: &mut Ctxt) {
    if attrs.start.is_none() && attrs.end.is_none() && attrs.line.is_none() && attrs.flag.is_none() {
        ctxt.error_at(
            key,
            "`stuffing = hex` makes digits of the bytes between delimiters, and there are none: add `start = b\":\", end = b\"\\r\\n\"` or `line`",
        );
    }
    for delimiter in [&attrs.start, &attrs.end].into_iter().flatten() {
        if let Some(digit) = delimiter.value.bytes.iter().find(|byte| byte.is_ascii_hexdigit()) {
            ctxt.error_at(
                delimiter.key,
                format_args!(
                    "every frame may hold the digit `{}`: a delimiter has other bytes",
                    char::from(*digit)
                ),
            );
        }
    }
}

// A frame whose end never comes is given up at `max` bytes.
fn max(frame: &Frame, ctxt: &mut Ctxt) {
    match &frame.attrs.max {
        None if frame.broken || !marked(&frame.attrs) => {}
        None => {
            if let Some(span) = frame.attrs.span {
                ctxt.error_at(span, "a frame whose end never comes would be kept for ever: add `max = BYTES`, the most that a frame has");
            }
        }
        Some(key) => match key.value.base10_parse::<u32>() {
            Ok(0) => ctxt.error(&key.value, "no frame has 0 bytes: write the most that a frame has"),
            Ok(_) => {}
            Err(_) => ctxt.error(
                &key.value,
                "this is no number of bytes: write the most that a frame has, such as `max = 4096`",
            ),
        },
    }
}

// The flag and the escape byte are escaped.
fn escape_values(escape: &LitInt, values: &[LitInt], flag: &LitInt, key: Span, ctxt: &mut Ctxt) {
    let byte = |literal: &LitInt| literal.base10_parse::<u8>().ok();
    for (what, literal) in [("flag", flag), ("escape byte", escape)] {
        if !values.iter().any(|value| byte(value) == byte(literal)) {
            ctxt.error_at(key, format_args!("the {what} {literal} is not escaped, so it could not be sent within a frame: add `{literal}`"));
        }
    }
}

// Escapes can be undone: each code stands for one byte and each byte has one
// code, there are codes for the flag and for the escape byte, and no code is
// one of these two itself.
fn escape_table(table: &EscapeTable, flag: &LitInt, key: Span, ctxt: &mut Ctxt) {
    let byte = |literal: &LitInt| literal.base10_parse::<u8>().ok();
    let (escape_value, flag_value) = (byte(&table.byte), byte(flag));
    if escape_value == flag_value {
        ctxt.error(
            &table.byte,
            "the escape byte is the flag itself, which ends the frame: they have to differ",
        );
        return;
    }
    for (index, (code, value)) in table.codes.iter().enumerate() {
        let earlier = || table.codes.iter().take(index);
        if byte(code) == flag_value {
            ctxt.error(
                code,
                format_args!("the code {code} is the flag itself, which ends the frame: use another code"),
            );
        } else if byte(code) == escape_value {
            ctxt.error(code, format_args!("the code {code} is the escape byte itself: use another code"));
        } else if earlier().any(|(other, _)| byte(other) == byte(code)) {
            ctxt.error(
                code,
                format_args!("the code {code} stands for two bytes: use another code for {value}"),
            );
        }
        if earlier().any(|(_, other)| byte(other) == byte(value)) {
            ctxt.error(value, format_args!("the byte {value} has two codes: remove one"));
        }
    }
    for (what, literal) in [("flag", flag), ("escape byte", &table.byte)] {
        if !table.codes.iter().any(|(_, value)| byte(value) == byte(literal)) {
            ctxt.error_at(key, format_args!("the {what} {literal} has no code, so it could not be sent within a frame: add `0x02 => {literal}`"));
        }
    }
}
