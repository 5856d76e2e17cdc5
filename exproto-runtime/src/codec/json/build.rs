//! JSON of any shape, written by functions: where the shape of the types is not
//! what the readers know.

use alloc::string::String;
use alloc::vec::Vec;

use super::JsonWriter;
use super::fill::{Fill, FillError};
use super::node::Node;
use super::write::write_string;
use crate::codec::schema::{FieldInfo, UNNAMED};
use crate::codec::value::{Value, Visitor};

/// A JSON object in the making.
///
/// Numbers are written as they stand on the wire: scale, unit and the names of
/// states belong to fields of a declared type, and here there is none. The keys
/// are the caller's, a key that is given twice stands there twice.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{Base64, JsonObject};
///
/// let (level, cells) = (3_u8, [3_700_u16, 3_701]);
/// let mut out = Vec::new();
/// JsonObject::write(&mut out, |json| {
///     json.put("Level", &level);
///     json.object("Time", |json| json.put("Hour", &12_u8).put("Minute", &0_u8).end());
///     json.objects("Cells", &cells, |json, cell| json.put("Voltage", cell).end());
///     json.put("Raw", &Base64(&[1, 2, 0xFF]));
/// });
/// assert_eq!(
///     String::from_utf8_lossy(&out),
///     r#"{"Level":3,"Time":{"Hour":12,"Minute":0},"Cells":[{"Voltage":3700},{"Voltage":3701}],"Raw":"AQL/"}"#
/// );
/// ```
#[derive(Debug)]
pub struct JsonObject<'o> {
    out: &'o mut Vec<u8>,
}

impl JsonObject<'_> {
    /// Appends the object that `members` makes.
    pub fn write(out: &mut Vec<u8>, members: impl FnOnce(&mut JsonObject<'_>)) {
        out.push(b'{');
        members(&mut JsonObject { out });
        out.push(b'}');
    }

    fn key(&mut self, name: &str) {
        // No value ends in an opening brace.
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        write_string(name, self.out);
        self.out.push(b':');
    }

    /// A member with a value.
    pub fn put<T: Value + ?Sized>(&mut self, name: &str, value: &T) -> &mut Self {
        self.key(name);
        value.show(&UNNAMED, &mut JsonWriter::new(self.out));
        self
    }

    /// A member that is an object.
    pub fn object(&mut self, name: &str, members: impl FnOnce(&mut JsonObject<'_>)) -> &mut Self {
        self.key(name);
        JsonObject::write(self.out, members);
        self
    }

    /// A member that is an array of values.
    pub fn list<T: Value>(&mut self, name: &str, values: impl IntoIterator<Item = T>) -> &mut Self {
        self.key(name);
        self.out.push(b'[');
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            value.show(&UNNAMED, &mut JsonWriter::new(self.out));
        }
        self.out.push(b']');
        self
    }

    /// A member that is an array of objects, one of each value.
    pub fn objects<T>(
        &mut self,
        name: &str,
        values: impl IntoIterator<Item = T>,
        mut members: impl FnMut(&mut JsonObject<'_>, T),
    ) -> &mut Self {
        self.key(name);
        self.out.push(b'[');
        for (index, value) in values.into_iter().enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            JsonObject::write(self.out, |json| members(json, value));
        }
        self.out.push(b']');
        self
    }

    /// Says that a chain of members is all: a closure then gives `()`.
    pub fn end(&mut self) {}
}

/// Bytes that are shown as base64 with padding (RFC 4648, section 4), in
/// pictures as bytes are.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{Base64, Node};
///
/// let mut out = Vec::new();
/// exproto_runtime::codec::to_json(&Base64(b"any bytes"), &mut out);
/// assert_eq!(out, b"\"YW55IGJ5dGVz\"");
/// assert_eq!(Node::parse(&out)?.bytes_of_base64()?, b"any bytes");
/// # Ok::<(), exproto_runtime::codec::FillError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Base64<'b>(pub &'b [u8]);

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

impl Value for Base64<'_> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        let mut text = String::with_capacity(self.0.len().div_ceil(3) * 4);
        for three in self.0.chunks(3) {
            let byte = |index| three.get(index).map_or(0, |byte| u32::from(*byte));
            let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
            for digit in 0..4 {
                let value = (bits >> (18 - 6 * digit)) as usize & 63;
                let character = DIGITS.get(value).filter(|_| digit <= three.len());
                text.push(character.map_or('=', |character| char::from(*character)));
            }
        }
        v.text(&text);
    }
}

impl Node {
    /// The value of the member `name`, whatever else the object has. Numbers are
    /// taken as they stand on the wire.
    ///
    /// ```
    /// use exproto_runtime::codec::Node;
    ///
    /// let node = Node::parse(br#"{"header": {"id": 513}, "text": "hi"}"#)?;
    /// assert_eq!(node.field::<&str>("text")?, "hi");
    /// assert_eq!(node.field::<Option<u8>>("kind")?, None);
    /// let error = node.field::<&Node>("header")?.field::<u8>("id").unwrap_err();
    /// assert_eq!(error.within("header").to_string(), "header.id: 513 is not within 0 to 255");
    /// # Ok::<(), exproto_runtime::codec::FillError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It is no object, or the member is missing or no such value.
    pub fn field<'f, T: Fill<'f>>(&'f self, name: &str) -> Result<T, FillError> {
        if self.members().is_none() {
            return Err(self.expected("an object"));
        }
        T::fill(self.get(name), &UNNAMED).map_err(|error| error.within(name))
    }

    /// The bytes that a string of base64 stands for.
    ///
    /// # Errors
    ///
    /// It is no string, has other characters, or ends within a byte.
    pub fn bytes_of_base64(&self) -> Result<&[u8], FillError> {
        let text = self.as_str().ok_or_else(|| self.expected("a string of base64"))?;
        let wrong = || self.expected("a string of base64");
        let digits = text.trim_end_matches('=').as_bytes();
        // Padding only fills the last four up; six bits alone are no byte.
        if text.len() - digits.len() > 2 || digits.len() % 4 == 1 {
            return Err(wrong());
        }
        let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
        for four in digits.chunks(4) {
            let mut bits = 0_u32;
            for place in 0..4 {
                let value = match four.get(place) {
                    Some(digit) => DIGITS.iter().position(|known| known == digit).ok_or_else(wrong)?,
                    None => 0,
                };
                bits = bits << 6 | value as u32;
            }
            bytes.extend(bits.to_be_bytes().into_iter().skip(1).take(four.len().saturating_sub(1)));
        }
        Ok(self.keep(bytes))
    }
}

impl<'f> Fill<'f> for &'f Node {
    fn fill(node: Option<&'f Node>, _: &'static FieldInfo) -> Result<Self, FillError> {
        node.ok_or_else(FillError::missing)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    #[test]
    fn base64_of_every_length_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        for len in 0..40 {
            let mut out = Vec::new();
            crate::codec::to_json(&Base64(&bytes[255 - len..255]), &mut out);
            let node = Node::parse(&out).unwrap();
            assert_eq!(node.bytes_of_base64().unwrap(), &bytes[255 - len..255]);
            // Padding may be left out.
            let bare = node.as_str().unwrap().trim_end_matches('=').to_string();
            let node = Node::parse(format!("\"{bare}\"").as_bytes()).unwrap();
            assert_eq!(node.bytes_of_base64().unwrap(), &bytes[255 - len..255]);
        }
        for (bytes, text) in [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")] {
            let mut out = Vec::new();
            crate::codec::to_json(&Base64(bytes.as_bytes()), &mut out);
            assert_eq!(out, format!("\"{text}\"").into_bytes());
        }
    }

    #[test]
    fn what_is_no_base64_is_refused() {
        for wrong in ["A", "AAAAA", "A===", "AA*A", "A=AA", "é", " AAA"] {
            let node = Node::parse(format!("\"{wrong}\"").as_bytes()).unwrap();
            let error = node.bytes_of_base64().unwrap_err().to_string();
            assert_eq!(error, format!("a string of base64 is needed here, not the text \"{wrong}\""));
        }
    }

    #[test]
    fn members_are_separated_whatever_the_values_end_in() {
        let mut out = Vec::new();
        JsonObject::write(&mut out, |json| {
            json.put("a", "{")
                .object("b", |_| {})
                .list("c", [1_u8; 0])
                .put("d\"", &true)
                .list("e", [1, 2_u8]);
        });
        assert_eq!(out, br#"{"a":"{","b":{},"c":[],"d\"":true,"e":[1,2]}"#);
    }
}
