//! The values of a decoded frame, by field.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Place, Span};
use crate::codec::json::JsonWriter;
use crate::codec::schema::{FieldInfo, UNNAMED};
use crate::codec::value::{Value, Visitor};

/// Gives each span that has no others inside the value of its field.
///
/// Decoding enters every field, also an absent one, so that fields of the same
/// name (in the elements of a list) stand in the value in the order in which
/// they were entered.
pub(super) fn show_in<F: Value>(frame: &F, spans: &mut [Span]) {
    let mut values = Values::default();
    frame.show(&UNNAMED, &mut values);
    // The value of the span before, if this one lies right inside it.
    let mut outer: Option<Range<usize>> = None;
    for index in 0..spans.len() {
        let inside = spans
            .get(index + 1)
            .is_some_and(|next| Some(next.depth) > spans.get(index).map(|span| span.depth));
        let Some(span) = spans.get_mut(index) else {
            continue;
        };
        let own = match span.place {
            Place::Field(at) => values.of.get_mut(&(at.owner, at.name)).and_then(VecDeque::pop_front),
            Place::Element(_) => None,
        };
        // The only field of a tuple is not seen in the value: its own is that
        // of what holds it.
        let tuple = matches!(span.place, Place::Field(at) if at.name == "0");
        let value = own.or(outer.take().filter(|_| tuple));
        if inside {
            outer = value;
        } else if let Some(json) = value.and_then(|range| values.json.get(range))
            && json != b"null"
        {
            span.value = Some(String::from_utf8_lossy(json).into_owned());
        }
    }
}

/// Writes the frame as JSON and remembers where each field's value stands.
#[derive(Default)]
struct Values {
    json: Vec<u8>,
    /// The present field of each struct that has begun.
    open: Vec<Option<(&'static FieldInfo, usize)>>,
    of: BTreeMap<(&'static str, &'static str), VecDeque<Range<usize>>>,
}

impl Values {
    fn writer(&mut self) -> JsonWriter<'_> {
        JsonWriter::new(&mut self.json)
    }

    /// The present field of the innermost struct ends.
    fn close(&mut self) {
        let Some((at, start)) = self.open.last_mut().and_then(Option::take) else {
            return;
        };
        let value = start..self.json.len();
        self.of.entry((at.owner, at.name)).or_default().push_back(value);
    }
}

impl Visitor for Values {
    fn uint(&mut self, value: u64, at: &'static FieldInfo) {
        self.writer().uint(value, at);
    }

    fn int(&mut self, value: i64, at: &'static FieldInfo) {
        self.writer().int(value, at);
    }

    fn float(&mut self, value: f64) {
        self.writer().float(value);
    }

    fn float32(&mut self, value: f32) {
        self.writer().float32(value);
    }

    fn bool(&mut self, value: bool) {
        self.writer().bool(value);
    }

    fn null(&mut self) {
        self.writer().null();
    }

    fn text(&mut self, value: &str) {
        self.writer().text(value);
    }

    fn bytes(&mut self, value: &[u8]) {
        self.writer().bytes(value);
    }

    fn json(&mut self, value: &str) {
        self.writer().json(value);
    }

    fn begin(&mut self) {
        self.writer().begin();
        self.open.push(None);
    }

    fn field(&mut self, at: &'static FieldInfo) {
        self.close();
        self.writer().field(at);
        let start = self.json.len();
        if let Some(open) = self.open.last_mut() {
            *open = Some((at, start));
        }
    }

    fn key(&mut self, name: &str) {
        self.close();
        self.writer().key(name);
    }

    fn plain(&self) -> bool {
        true
    }

    fn end(&mut self) {
        self.close();
        self.open.pop();
        self.writer().end();
    }

    fn begin_list(&mut self) {
        self.writer().begin_list();
    }

    fn element(&mut self) {
        self.writer().element();
    }

    fn end_list(&mut self) {
        self.writer().end_list();
    }
}
