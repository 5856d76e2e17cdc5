//! The values of a decoded frame, by field.

use alloc::borrow::Cow;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Place, Span, snake};
use crate::codec::json::JsonWriter;
use crate::codec::schema::{FieldInfo, UNNAMED};
use crate::codec::value::{Value, Visitor};

/// Gives each span that has no others inside the value of its field.
///
/// Fields of the same name (in the elements of a list) stand in the value in
/// the order in which they lie on the wire.
pub(super) fn show_in<F: Value>(frame: &F, spans: &mut [Span]) {
    let mut values = Values::default();
    frame.show(&UNNAMED, &mut values);
    for index in 0..spans.len() {
        let inner = spans.get(index + 1).map_or(0, |next| next.depth);
        let Some(span) = spans.get_mut(index) else {
            continue;
        };
        let Place::Field(at) = span.place else {
            continue;
        };
        let Some(queue) = values.of.get_mut(&key(at)) else {
            continue;
        };
        let shown = |range: &Range<usize>| values.json.get(range.clone()).unwrap_or(&[]);
        let empty = span.end == Some(span.start);
        // An absent field has neither bytes nor a value, an empty one both.
        if empty
            && !queue
                .front()
                .is_some_and(|range| matches!(shown(range), b"\"\"" | b"[]" | b"{}"))
        {
            continue;
        }
        let Some(range) = queue.pop_front() else {
            continue;
        };
        if inner <= span.depth {
            span.value = Some(String::from_utf8_lossy(shown(&range)).into_owned());
        }
    }
}

/// What a field is called in the value. The only field of a tuple variant is
/// not seen there: its value is that of the variant.
fn key(at: &'static FieldInfo) -> (&'static str, Cow<'static, str>) {
    match at.owner.split_once("::") {
        Some((owner, variant)) if at.name == "0" => (owner, snake(variant).into()),
        _ => (at.owner, at.name.into()),
    }
}

/// Writes the frame as JSON and remembers where each field's value stands.
#[derive(Default)]
struct Values {
    json: Vec<u8>,
    /// The present field of each struct that has begun.
    open: Vec<Option<(&'static FieldInfo, usize)>>,
    of: BTreeMap<(&'static str, Cow<'static, str>), VecDeque<Range<usize>>>,
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
        if self.json.get(value.clone()) != Some(b"null") {
            self.of.entry(key(at)).or_default().push_back(value);
        }
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
