//! Rules about where a frame begins and ends.

use proc_macro2::Span;
use syn::LitInt;

use super::{field_hint, field_named};
use crate::attr::frame::{EscapeTable, Reassemble};
use crate::ctxt::Ctxt;
use crate::ir::{Frame, Item, Layout, Model, Presence, Repr, Shape};

/// Runs the rules on a type with `#[frame(..)]`.
pub(crate) fn check(model: &Model, ctxt: &mut Ctxt) {
    let Some(frame) = &model.frame else { return };
    match &model.shape {
        Shape::Struct(layout) => {
            boundary(frame, ctxt);
            transparent(frame, ctxt);
            max(frame, ctxt);
            if let (Some(table), Some(flag)) = (&frame.attrs.escape, &frame.attrs.flag) {
                escape_table(&table.value, &flag.value, table.key, ctxt);
            }
            if let Some(reassemble) = &frame.attrs.reassemble {
                reassembly(&reassemble.value, layout, ctxt);
            }
            no_context(model, ctxt);
        }
        Shape::Bits(_) => {
            if let Some(span) = frame.attrs.span {
                ctxt.error_at(
                    span,
                    "a struct of bits is one integer, no frame: put `#[frame]` on the struct that holds it",
                );
            }
        }
        // Refused where the attribute is read.
        Shape::Scalar(_) | Shape::Enum(_) => {}
    }
}

// Something on the wire says where a frame ends.
fn boundary(frame: &Frame, ctxt: &mut Ctxt) {
    if frame.broken || frame.attrs.flag.is_some() {
        return;
    }
    if let Some(escape) = &frame.attrs.escape {
        ctxt.error_at(
            escape.key,
            "`escape` keeps the flag out of a frame, and there is none: add `flag = 0x7E`",
        );
    } else if let Some(span) = frame.attrs.span {
        ctxt.error_at(span, "nothing on the wire says where this frame ends: add `flag = 0x7E`");
    }
}

// The flag never stands within a frame. A layout of integers may hold any
// byte, so it needs escapes.
fn transparent(frame: &Frame, ctxt: &mut Ctxt) {
    if let (Some(flag), None, false) = (&frame.attrs.flag, &frame.attrs.escape, frame.broken) {
        ctxt.error(
            &flag.value,
            format_args!(
                "a field may hold the byte {0} and would end its own frame: say how it is escaped, `escape(0x7D: 0x01 => 0x7D, 0x02 => {0})`",
                flag.value
            ),
        );
    }
}

// A frame whose end never comes is given up at `max` bytes.
fn max(frame: &Frame, ctxt: &mut Ctxt) {
    match &frame.attrs.max {
        None if frame.broken || frame.attrs.flag.is_none() => {}
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

// Segments are joined into a body that a tag selects; what makes a frame a
// segment is an optional field.
fn reassembly(reassemble: &Reassemble, layout: &Layout, ctxt: &mut Ctxt) {
    if layout.broken {
        return;
    }
    let named = |name: &proc_macro2::Ident, ctxt: &mut Ctxt| -> Option<&Item> {
        let text = syn::ext::IdentExt::unraw(name).to_string();
        let found = field_named(layout, &text);
        if found.is_none() {
            ctxt.error(name, format_args!("no field `{text}` here; {}", field_hint(layout, &text, &[])));
        }
        found
    };
    if let Some(body) = named(&reassemble.into, ctxt)
        && !matches!(body.repr, Repr::Body(_))
        && !body.broken
    {
        ctxt.error(
            &reassemble.into,
            format_args!("segments are joined into a body, and no `tag(..)` selects `{}`: add `before(id: u16 = tag({0}))`", body.label),
        );
    }
    if let Some(part) = named(&reassemble.part, ctxt)
        && matches!(part.presence, Presence::Always)
        && !part.broken
    {
        ctxt.error(
            &reassemble.part,
            format_args!(
                "every frame has `{0}`, so every frame would be a segment: make it an `Option`",
                part.label
            ),
        );
    }
}

// Nothing surrounds a frame that could give it a context.
fn no_context(model: &Model, ctxt: &mut Ctxt) {
    if let Some((name, _)) = model.ctx.first() {
        ctxt.error(name, "nothing surrounds a frame that could give it a context: remove `ctx`");
    }
}
