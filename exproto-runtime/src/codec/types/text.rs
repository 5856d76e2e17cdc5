//! Text in the character sets of devices.

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

use super::charset::Charset;
use crate::codec::schema::FieldInfo;
use crate::codec::value::{Value, Visitor};

/// Text as received: the bytes, padding included, and their character set.
///
/// Converted when it is looked at, so that text that is not valid is not lost.
/// Texts are equal that read the same, whatever their character sets and
/// padding; one that is not valid equals the same bytes alone.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Text;
///
/// let text = Text::from("hello");
/// assert_eq!(text.to_str(), "hello");
/// assert_eq!(text, *"hello");
/// ```
#[derive(Clone, Copy)]
pub struct Text<'a> {
    bytes: &'a [u8],
    charset: Charset,
    pad: u8,
}

impl<'a> Text<'a> {
    /// Bytes in a character set.
    #[must_use]
    pub const fn new(bytes: &'a [u8], charset: Charset) -> Self {
        Self { bytes, charset, pad: 0 }
    }

    /// The bytes, padding included.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The character set of the bytes.
    #[must_use]
    pub const fn charset(&self) -> Charset {
        self.charset
    }

    /// The same text, padded with `pad` besides NUL.
    #[must_use]
    pub const fn padded_with(mut self, pad: u8) -> Self {
        self.pad = pad;
        self
    }

    /// What it is padded with besides NUL.
    pub(super) const fn pad(&self) -> u8 {
        self.pad
    }

    /// The bytes without padding.
    fn trimmed(&self) -> &'a [u8] {
        self.charset.trim(self.bytes, self.pad)
    }

    /// The text without padding, which is NUL or the field's `fill`; bytes that are not valid become U+FFFD.
    #[must_use]
    pub fn to_str(&self) -> Cow<'a, str> {
        self.charset.decode(self.trimmed())
    }

    /// Whether all bytes are valid in the character set.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.charset.is_valid(self.trimmed())
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), charset: Charset::Utf8, pad: 0 }
    }
}

/// No text.
impl Default for Text<'_> {
    fn default() -> Self {
        Self::from("")
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        if self.charset == other.charset && self.trimmed() == other.trimmed() {
            return true;
        }
        // Replaced bytes are no reason for two texts to be the same.
        self.is_valid() && other.is_valid() && self.to_str() == other.to_str()
    }
}

impl Eq for Text<'_> {}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        self.to_str() == other
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_str())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_str())
    }
}

impl Value for Text<'_> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        v.text(&self.to_str());
    }
}

/// [`Text`] that owns its bytes, for frames without a lifetime.
#[derive(Clone)]
pub struct TextBuf {
    bytes: Vec<u8>,
    charset: Charset,
    pad: u8,
}

impl TextBuf {
    /// The text, borrowed.
    #[must_use]
    pub fn as_text(&self) -> Text<'_> {
        Text { bytes: &self.bytes, charset: self.charset, pad: self.pad }
    }
}

impl From<Text<'_>> for TextBuf {
    fn from(text: Text<'_>) -> Self {
        Self { bytes: text.bytes.to_vec(), charset: text.charset, pad: text.pad }
    }
}

impl From<&str> for TextBuf {
    fn from(text: &str) -> Self {
        Text::from(text).into()
    }
}

/// No text.
impl Default for TextBuf {
    fn default() -> Self {
        Self::from("")
    }
}

impl PartialEq for TextBuf {
    fn eq(&self, other: &Self) -> bool {
        self.as_text() == other.as_text()
    }
}

impl Eq for TextBuf {}

impl fmt::Display for TextBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_text().fmt(f)
    }
}

impl fmt::Debug for TextBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.as_text(), f)
    }
}

impl Value for TextBuf {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        self.as_text().show(at, v);
    }
}
