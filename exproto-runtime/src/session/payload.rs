//! Payloads of what is published, and of downlinks. Not public: changes with
//! every release.

use super::gateway::DeliverError;
use crate::codec::{Chunk, FieldInfo, JsonWriter, Node, Value, Visitor};

/// Appends the JSON of a variant's content.
pub fn content_json<T: Value>(body: &T, at: &'static FieldInfo, omit_nulls: bool, out: &mut Vec<u8>) {
    body.show_content(at, &mut writer(omit_nulls, out));
}

/// Appends a value as JSON.
pub fn json<T: Value + ?Sized>(value: &T, omit_nulls: bool, out: &mut Vec<u8>) {
    static VALUE: FieldInfo = FieldInfo::new("", "");
    value.show(&VALUE, &mut writer(omit_nulls, out));
}

fn writer(omit_nulls: bool, out: &mut Vec<u8>) -> JsonWriter<'_> {
    let writer = JsonWriter::new(out);
    if omit_nulls { writer.omitting_nulls() } else { writer }
}

/// Appends bytes as hex digits.
pub fn put_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend(bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| DIGITS[usize::from(digit)]));
}

/// Appends the payload that a single field makes: bytes and text as they are,
/// nothing for no value, anything else as JSON.
pub fn field_payload<T: Value + ?Sized>(value: &T, omit_nulls: bool, out: &mut Vec<u8>) {
    static FIELD: FieldInfo = FieldInfo::new("", "payload");
    let start = out.len();
    let mut leaf = Leaf { out, plain: false, first: true };
    value.show(&FIELD, &mut leaf);
    if !leaf.plain {
        out.truncate(start);
        json(value, omit_nulls, out);
    }
}

/// Takes a value that is bytes, text or nothing.
struct Leaf<'o> {
    out: &'o mut Vec<u8>,
    plain: bool,
    first: bool,
}

impl Leaf<'_> {
    fn take(&mut self, bytes: &[u8]) {
        if self.first {
            self.plain = true;
            self.out.extend_from_slice(bytes);
        }
        self.first = false;
    }
}

impl Visitor for Leaf<'_> {
    fn uint(&mut self, _: u64, _: &'static FieldInfo) {
        self.first = false;
    }
    fn int(&mut self, _: i64, _: &'static FieldInfo) {
        self.first = false;
    }
    fn float(&mut self, _: f64) {
        self.first = false;
    }
    fn bool(&mut self, _: bool) {
        self.first = false;
    }
    fn null(&mut self) {
        self.take(&[]);
    }
    fn text(&mut self, value: &str) {
        self.take(value.as_bytes());
    }
    fn bytes(&mut self, value: &[u8]) {
        self.take(value);
    }
    fn chunk(&mut self, value: &Chunk<&[u8]>) {
        self.take(value.bytes);
    }
    fn json(&mut self, _: &str) {
        self.first = false;
    }
    fn begin(&mut self) {
        self.first = false;
    }
    fn field(&mut self, _: &'static FieldInfo) {}
    fn key(&mut self, _: &str) {}
    fn end(&mut self) {}
    fn begin_list(&mut self) {
        self.first = false;
    }
    fn element(&mut self) {}
    fn end_list(&mut self) {}
}

/// The payload of a downlink; an empty one is an object without fields.
///
/// # Errors
///
/// It is no JSON.
pub fn payload_node(payload: &[u8]) -> Result<Node, DeliverError> {
    let payload = if payload.is_empty() { b"{}" } else { payload };
    Node::parse(payload).map_err(|error| DeliverError::Payload(error.to_string()))
}

/// A payload that is one value; as a field of an object if that has a name.
///
/// # Errors
///
/// It is too large.
pub fn payload_raw(payload: &[u8], field: Option<&str>) -> Result<Node, DeliverError> {
    match field {
        Some(name) => Node::raw_field(name, payload),
        None => Node::raw(payload),
    }
    .map_err(|error| DeliverError::Payload(error.to_string()))
}
