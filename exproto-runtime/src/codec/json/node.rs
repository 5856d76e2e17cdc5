//! A parsed JSON value that frames can borrow from.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::cell::OnceCell;

use super::fill::FillError;
use super::{JsonWriter, read};
use crate::codec::value::Visitor;

/// A parsed JSON value, the payload of a downlink.
///
/// Borrowed frames are built from it: text leaves give `&str`, and bytes that
/// are made of a leaf (from hex, from text in another character set) are kept
/// in the node and live as long as it.
///
/// Numbers stay text, so that a scaled value is never rounded by a float.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Node;
///
/// let node = Node::parse(br#"{"id": 513, "data": "7e02"}"#)?;
/// assert_eq!(node.get("id").and_then(Node::as_number), Some("513"));
/// assert_eq!(node.get("data").unwrap().bytes_of_hex()?, [0x7E, 0x02]);
/// # Ok::<(), exproto_runtime::codec::FillError>(())
/// ```
#[derive(Debug)]
pub struct Node {
    pub(super) kind: Kind,
    kept: OnceCell<Box<Kept>>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Null,
    Bool(bool),
    Number(Box<str>),
    Text(Box<str>),
    List(Vec<Node>),
    Object(Vec<(Box<str>, Node)>),
    /// No JSON: what a field takes it for.
    Raw(Box<[u8]>),
}

/// Bytes made of a node; a list that only ever grows, so that what was handed
/// out stays where it is.
#[derive(Debug)]
struct Kept {
    bytes: Box<[u8]>,
    next: OnceCell<Box<Kept>>,
}

impl Node {
    /// The longest payload that is parsed.
    pub const MAX_BYTES: usize = 1 << 20;
    /// The most values in a payload.
    pub const MAX_NODES: usize = 1 << 16;
    /// How deep objects and arrays may be nested.
    pub const MAX_DEPTH: usize = 64;

    /// Parses a payload.
    ///
    /// # Errors
    ///
    /// It is no JSON (RFC 8259), has the same key twice in an object, or is
    /// larger or deeper than the limits.
    pub fn parse(payload: &[u8]) -> Result<Self, FillError> {
        read::parse(payload)
    }

    /// A payload that is no JSON but one value: bytes, text or a number,
    /// whichever the field has that it is made to.
    ///
    /// ```
    /// use exproto_runtime::codec::Node;
    ///
    /// let node = Node::raw(b"21.5")?;
    /// assert_eq!(node.as_number(), Some("21.5"));
    /// assert_eq!(node.as_str(), Some("21.5"));
    /// assert_eq!(node.bytes_of_hex()?, b"21.5"); // the bytes themselves
    /// # Ok::<(), exproto_runtime::codec::FillError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is larger than [`MAX_BYTES`](Self::MAX_BYTES).
    pub fn raw(payload: &[u8]) -> Result<Self, FillError> {
        if payload.len() > Self::MAX_BYTES {
            return Err(FillError::new(format!("{} bytes are more than a payload may have", payload.len())));
        }
        Ok(Self::new(Kind::Raw(payload.into())))
    }

    /// An object whose only field is the payload, see [`raw`](Self::raw).
    ///
    /// # Errors
    ///
    /// As [`raw`](Self::raw).
    pub fn raw_field(name: &str, payload: &[u8]) -> Result<Self, FillError> {
        let members = Vec::from([(Box::from(name), Self::raw(payload)?)]);
        Ok(Self::new(Kind::Object(members)))
    }

    /// The same object with one more member, whose value is [`raw`](Self::raw).
    ///
    /// ```
    /// use exproto_runtime::codec::Node;
    ///
    /// let node = Node::parse(br#"{"limit": 9}"#)?.with_raw("device", b"7")?;
    /// assert_eq!(node.get("device").and_then(Node::as_number), Some("7"));
    /// assert!(node.with_raw("limit", b"8").is_err());
    /// # Ok::<(), exproto_runtime::codec::FillError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is no object, or has such a member.
    pub fn with_raw(mut self, name: &str, value: &[u8]) -> Result<Self, FillError> {
        if self.get(name).is_some() {
            return Err(
                FillError::new("is given beside the payload, so the payload must not have it").within(name)
            );
        }
        match &mut self.kind {
            Kind::Object(members) => members.push((name.into(), Self::raw(value)?)),
            _ => return Err(self.expected("an object")),
        }
        Ok(self)
    }

    pub(super) fn new(kind: Kind) -> Self {
        Self { kind, kept: OnceCell::new() }
    }

    /// Whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Null)
    }

    /// The value of a boolean.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.kind {
            Kind::Bool(value) => Some(value),
            Kind::Raw(ref bytes) if **bytes == *b"true" => Some(true),
            Kind::Raw(ref bytes) if **bytes == *b"false" => Some(false),
            _ => None,
        }
    }

    /// A number as it was written.
    #[must_use]
    pub fn as_number(&self) -> Option<&str> {
        match &self.kind {
            Kind::Number(text) => Some(text),
            Kind::Raw(bytes) => number_of(bytes),
            _ => None,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::Raw(bytes) => core::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// The elements of an array.
    #[must_use]
    pub fn elements(&self) -> Option<&[Node]> {
        match &self.kind {
            Kind::List(list) => Some(list),
            _ => None,
        }
    }

    /// The members of an object, in the order they were written.
    pub fn members(&self) -> Option<impl Iterator<Item = (&str, &Node)>> {
        match &self.kind {
            Kind::Object(members) => Some(members.iter().map(|(name, node)| (&**name, node))),
            _ => None,
        }
    }

    /// The member `name` of an object.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Object(members) => members.iter().find(|(key, _)| **key == *name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The bytes that a string of hex digits stands for.
    ///
    /// # Errors
    ///
    /// It is no string, or one with other characters or half a byte.
    pub fn bytes_of_hex(&self) -> Result<&[u8], FillError> {
        if let Kind::Raw(bytes) = &self.kind {
            return Ok(bytes);
        }
        let text = self.as_str().ok_or_else(|| self.expected("a string of hex digits"))?;
        Ok(self.keep(bytes_of_hex(text)?))
    }

    /// Keeps bytes that were made of this node, for as long as it lives.
    pub fn keep(&self, bytes: Vec<u8>) -> &[u8] {
        let mut cell = &self.kept;
        while let Some(kept) = cell.get() {
            cell = &kept.next;
        }
        &cell.get_or_init(|| Box::new(Kept { bytes: bytes.into(), next: OnceCell::new() })).bytes
    }

    /// Appends the value as JSON, without blanks; a raw payload as hex.
    pub fn write(&self, out: &mut Vec<u8>) {
        match &self.kind {
            Kind::Null => out.extend_from_slice(b"null"),
            Kind::Bool(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
            Kind::Number(text) => out.extend_from_slice(text.as_bytes()),
            Kind::Text(text) => JsonWriter::new(out).text(text),
            Kind::List(list) => {
                out.push(b'[');
                for (index, node) in list.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    node.write(out);
                }
                out.push(b']');
            }
            Kind::Object(members) => {
                out.push(b'{');
                for (index, (name, node)) in members.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    JsonWriter::new(out).text(name);
                    out.push(b':');
                    node.write(out);
                }
                out.push(b'}');
            }
            Kind::Raw(bytes) => JsonWriter::new(out).bytes(bytes),
        }
    }

    /// An error that says what was wanted and what stands there.
    #[must_use]
    pub fn expected(&self, wanted: &str) -> FillError {
        let found = match &self.kind {
            Kind::Null => String::from("null"),
            Kind::Bool(value) => format!("{value}"),
            Kind::Number(text) => format!("the number {}", clip(text)),
            Kind::Text(text) => format!("the text \"{}\"", clip(text)),
            Kind::List(_) => String::from("an array"),
            Kind::Object(_) => String::from("an object"),
            Kind::Raw(bytes) => format!("a payload of {} bytes", bytes.len()),
        };
        FillError::new(format!("{wanted} is needed here, not {found}"))
    }
}

/// The text of a number as JSON writes it.
fn number_of(bytes: &[u8]) -> Option<&str> {
    let text = core::str::from_utf8(bytes).ok()?;
    match Node::parse(bytes).ok()?.kind {
        Kind::Number(whole) if *whole == *text => Some(text),
        _ => None,
    }
}

fn bytes_of_hex(text: &str) -> Result<Vec<u8>, FillError> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut high = None;
    for (at, character) in text.chars().enumerate() {
        let Some(digit) = character.to_digit(16) else {
            return Err(FillError::new(format!("character {at}, {character:?}, is no hex digit")));
        };
        match high.take() {
            None => high = Some(digit),
            Some(high) => bytes.push((high << 4 | digit) as u8),
        }
    }
    match high {
        None => Ok(bytes),
        Some(_) => Err(FillError::new("an odd number of hex digits: the last byte is only half")),
    }
}

/// The beginning of a text of any length, for messages.
pub(super) fn clip(text: &str) -> String {
    const MOST: usize = 40;
    match text.char_indices().nth(MOST) {
        None => String::from(text),
        Some((at, _)) => format!("{}..", text.get(..at).unwrap_or("")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::string::ToString;
    use alloc::vec;

    use super::*;

    #[test]
    fn kept_bytes_stay_where_they_are() {
        let node = Node::parse(b"\"0102\"").unwrap();
        let first = node.bytes_of_hex().unwrap();
        let others: Vec<&[u8]> = (0..50_u8).map(|n| node.keep(vec![n; 3])).collect();
        assert_eq!(first, [1, 2]);
        for (n, kept) in others.iter().enumerate() {
            assert_eq!(*kept, [n as u8; 3]);
        }
    }

    #[test]
    fn hex_says_what_is_wrong() {
        let error = |text: &str| {
            let node = Node::parse(text.as_bytes()).unwrap();
            node.bytes_of_hex().unwrap_err().to_string()
        };
        assert_eq!(error("\"01x2\""), "character 2, 'x', is no hex digit");
        assert_eq!(error("\"012\""), "an odd number of hex digits: the last byte is only half");
        assert_eq!(error("12"), "a string of hex digits is needed here, not the number 12");
        let node = Node::parse(b"\"aBcD\"").unwrap();
        assert_eq!(node.bytes_of_hex().unwrap(), [0xAB, 0xCD]);
    }
}
