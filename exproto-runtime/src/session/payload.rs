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

/// The chosen fields of a frame, and of the variant in it, as members of an
/// object, without its brackets.
pub fn members<F: Value + ?Sized, B: Value + ?Sized>(
    frame: &F,
    of_frame: &[&str],
    body: &B,
    at: &'static FieldInfo,
    of_body: &[&str],
    omit_nulls: bool,
) -> Vec<u8> {
    static FRAME: FieldInfo = FieldInfo::new("", "");
    let mut out = Vec::new();
    let mut writer = writer(omit_nulls, &mut out);
    writer.begin();
    if !of_frame.is_empty() {
        frame.show(&FRAME, &mut Pick::new(&mut writer, of_frame));
    }
    if !of_body.is_empty() {
        body.show_content(at, &mut Pick::new(&mut writer, of_body));
    }
    writer.end();
    out.pop();
    out.drain(..out.len().min(1));
    out
}

/// Appends an object with these members before its own; what is no object
/// becomes its member `value`.
pub fn with_members(members: &[u8], out: &mut Vec<u8>, payload: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.push(b'{');
    out.extend_from_slice(members);
    let comma = out.len();
    payload(out);
    let (first, second) = (out.get(comma).copied(), out.get(comma + 1).copied());
    match (first, second) {
        (Some(b'{'), Some(b'}')) => drop(out.drain(comma..=comma)),
        (Some(b'{'), _) if members.is_empty() => drop(out.drain(start..=start)),
        (Some(b'{'), _) => {
            if let Some(bracket) = out.get_mut(comma) {
                *bracket = b',';
            }
        }
        _ => {
            let name: &[u8] = if members.is_empty() { b"\"value\":" } else { b",\"value\":" };
            drop(out.splice(comma..comma, name.iter().copied()));
            out.push(b'}');
        }
    }
}

/// Lets through the fields of a struct that have one of these names.
struct Pick<'p, 'w> {
    writer: &'p mut JsonWriter<'w>,
    names: &'p [&'p str],
    depth: u32,
    on: bool,
}

impl<'p, 'w> Pick<'p, 'w> {
    fn new(writer: &'p mut JsonWriter<'w>, names: &'p [&'p str]) -> Self {
        Self { writer, names, depth: 0, on: false }
    }

    /// Something begins within the struct, or ends.
    fn nested(&mut self, deeper: bool) -> bool {
        if !deeper {
            self.depth = self.depth.saturating_sub(1);
        }
        let through = self.on && self.depth > 0;
        if deeper {
            self.depth += 1;
        }
        through
    }
}

impl Visitor for Pick<'_, '_> {
    fn uint(&mut self, value: u64, at: &'static FieldInfo) {
        if self.on {
            self.writer.uint(value, at);
        }
    }
    fn int(&mut self, value: i64, at: &'static FieldInfo) {
        if self.on {
            self.writer.int(value, at);
        }
    }
    fn float(&mut self, value: f64) {
        if self.on {
            self.writer.float(value);
        }
    }
    fn float32(&mut self, value: f32) {
        if self.on {
            self.writer.float32(value);
        }
    }
    fn bool(&mut self, value: bool) {
        if self.on {
            self.writer.bool(value);
        }
    }
    fn null(&mut self) {
        if self.on {
            self.writer.null();
        }
    }
    fn text(&mut self, value: &str) {
        if self.on {
            self.writer.text(value);
        }
    }
    fn bytes(&mut self, value: &[u8]) {
        if self.on {
            self.writer.bytes(value);
        }
    }
    fn chunk(&mut self, value: &Chunk<&[u8]>) {
        if self.on {
            self.writer.chunk(value);
        }
    }
    fn json(&mut self, value: &str) {
        if self.on {
            self.writer.json(value);
        }
    }
    fn begin(&mut self) {
        if self.nested(true) {
            self.writer.begin();
        }
    }
    fn field(&mut self, at: &'static FieldInfo) {
        if self.depth == 1 {
            self.on = self.names.contains(&at.name);
        }
        if self.on {
            self.writer.field(at);
        }
    }
    fn key(&mut self, name: &str) {
        if self.depth == 1 {
            self.on = self.names.contains(&name);
        }
        if self.on {
            self.writer.key(name);
        }
    }
    fn end(&mut self) {
        if self.nested(false) {
            self.writer.end();
        }
    }
    // A field that is chosen is there, however the whole would be shown.
    fn plain(&self) -> bool {
        self.depth <= 1
    }
    fn begin_list(&mut self) {
        if self.nested(true) {
            self.writer.begin_list();
        }
    }
    fn element(&mut self) {
        if self.on {
            self.writer.element();
        }
    }
    fn end_list(&mut self) {
        if self.nested(false) {
            self.writer.end_list();
        }
    }
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
