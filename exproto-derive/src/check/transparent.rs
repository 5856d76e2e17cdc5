//! Rules about delimiters that stand within a frame.

use proc_macro2::Span;

use crate::attr::frame::{Escapes, FrameAttrs};
use crate::ctxt::Ctxt;
use crate::holds::{Holds, item};
use crate::ir::{Frame, Layout, Model};

/// A delimiter that nothing keeps out of the frame.
pub(crate) struct Bare {
    pub(crate) span: Span,
    pub(crate) bytes: Vec<u8>,
    /// As it is written.
    shown: String,
    name: &'static str,
}

impl Bare {
    /// The delimiter of a frame, unless it is escaped or meant so.
    pub(crate) fn of(frame: &Frame) -> Option<Self> {
        let attrs = &frame.attrs;
        if attrs.escape.is_some() || attrs.stuffing.is_some() || attrs.unescaped.is_some() {
            return None;
        }
        marks(attrs)
    }

    /// What is said of a field that may hold it.
    pub(crate) fn message(&self, label: &str) -> String {
        let (what, shown) = (self.name, &self.shown);
        let escape = match self.bytes[..] {
            [byte] => format!("`escape(0x7D: 0x01 => 0x7D, 0x02 => 0x{byte:02X})`"),
            _ => "`escape(..)`".into(),
        };
        let length = match what {
            "flag" => String::new(),
            _ => format!(
                ", or let a length say where the frame ends and write the end as a constant, `after({shown})`"
            ),
        };
        format!(
            "`{label}` may hold {shown} and would end its own frame: say how it is escaped, {escape}{length}; where the protocol does without, `unescaped` ends a frame at the first {what} there is"
        )
    }
}

/// What ends a frame.
fn marks(attrs: &FrameAttrs) -> Option<Bare> {
    if let Some(flag) = &attrs.flag {
        let byte = flag.value.base10_parse().ok()?;
        let shown = flag.value.to_string();
        return Some(Bare { span: flag.value.span(), bytes: vec![byte], shown, name: "flag" });
    }
    let (span, bytes, name) = match (&attrs.end, &attrs.line) {
        (Some(end), _) => (end.key, end.value.bytes.clone(), "end"),
        (None, Some(line)) => (line.key, vec![b'\n'], "line end"),
        (None, None) => return None,
    };
    Some(Bare { span, shown: format!("b\"{}\"", bytes.escape_ascii()), bytes, name })
}

// A delimiter never stands within a frame: no field may hold it, or it is
// escaped. What other types hold the compiler says, see `expand::asserts`.
pub(super) fn check(model: &Model, frame: &Frame, layout: &Layout, ctxt: &mut Ctxt) {
    if frame.broken || layout.broken || layout.items.iter().any(|item| item.broken) {
        return;
    }
    consent(&frame.attrs, ctxt);
    escaped(&frame.attrs, ctxt);
    let Some(bare) = Bare::of(frame) else { return };
    let held: Vec<Holds> = (0..layout.items.len()).map(|index| item(model, layout, index)).collect();
    let known = |byte: &u8| held.iter().any(|held| held.has(*byte));
    if !bare.bytes.iter().all(known) {
        return;
    }
    let first =
        held.iter().zip(&layout.items).find(|(held, _)| bare.bytes.iter().any(|byte| held.has(*byte)));
    if let Some((_, item)) = first {
        ctxt.error_at(bare.span, bare.message(&item.label));
    }
}

// `unescaped` is about delimiters that could be escaped.
fn consent(attrs: &FrameAttrs, ctxt: &mut Ctxt) {
    let Some(key) = &attrs.unescaped else { return };
    if marks(attrs).is_none() || attrs.escape.is_some() || attrs.stuffing.is_some() {
        ctxt.error_at(
            key.key,
            "`unescaped` is for a `flag`, `end` or `line` that nothing keeps out of a frame: remove it",
        );
    }
}

// Escapes keep the end out of a frame. Those of a flag are looked at closer.
fn escaped(attrs: &FrameAttrs, ctxt: &mut Ctxt) {
    let (Some(escape), None) = (&attrs.escape, &attrs.flag) else { return };
    let Some(marks) = marks(attrs) else { return };
    let number = |literal: &syn::LitInt| literal.base10_parse::<u8>().ok();
    let values: Vec<u8> = match &escape.value {
        Escapes::Table(table) => table.codes.iter().filter_map(|(_, value)| number(value)).collect(),
        Escapes::Xor { values, .. } => values.iter().filter_map(number).collect(),
        Escapes::Sequences(table) => table.iter().flat_map(|(_, value)| value.bytes.clone()).collect(),
    };
    if !marks.bytes.iter().any(|byte| values.contains(byte)) {
        ctxt.error_at(
            escape.key,
            format_args!(
                "the end {} is not escaped, so it could not be sent within a frame: add a code for it",
                marks.shown
            ),
        );
    }
}
