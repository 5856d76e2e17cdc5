//! Text in the character sets of devices.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::Codec;
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::Flag;
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

/// A character set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// 7-bit ASCII.
    Ascii,
    /// GBK, decoded as its superset GB 18030.
    #[cfg(feature = "charsets")]
    Gbk,
}

impl Charset {
    fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 | Self::Ascii => String::from_utf8_lossy(bytes),
            #[cfg(feature = "charsets")]
            Self::Gbk => encoding_rs::GB18030.decode_without_bom_handling(bytes).0,
        }
    }

    fn is_valid(self, bytes: &[u8]) -> bool {
        if bytes.is_ascii() {
            return true;
        }
        match self {
            Self::Ascii => false,
            Self::Utf8 => core::str::from_utf8(bytes).is_ok(),
            #[cfg(feature = "charsets")]
            Self::Gbk => encoding_rs::GB18030
                .decode_without_bom_handling_and_without_replacement(bytes)
                .is_some(),
        }
    }

    /// The text in this character set; `None` if it has no such characters.
    fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        if text.is_ascii() {
            return Some(Cow::Borrowed(text.as_bytes()));
        }
        match self {
            Self::Utf8 => Some(Cow::Borrowed(text.as_bytes())),
            Self::Ascii => None,
            #[cfg(feature = "charsets")]
            Self::Gbk => match encoding_rs::GBK.encode(text) {
                (bytes, _, false) => Some(bytes),
                _ => None,
            },
        }
    }
}

/// Text as received: the bytes, padding included, and their character set.
///
/// Converted when it is looked at, so that text that is not valid is not lost.
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
}

impl<'a> Text<'a> {
    /// Bytes in a character set.
    #[must_use]
    pub const fn new(bytes: &'a [u8], charset: Charset) -> Self {
        Self { bytes, charset }
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

    /// The text without NUL padding; bytes that are not valid become U+FFFD.
    #[must_use]
    pub fn to_str(&self) -> Cow<'a, str> {
        self.charset.decode(trim_nul(self.bytes))
    }

    /// Whether all bytes are valid in the character set.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.charset.is_valid(self.bytes)
    }
}

fn trim_nul(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    bytes.get(..end).unwrap_or(bytes)
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self { bytes: text.as_bytes(), charset: Charset::Utf8 }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        if self.charset == other.charset { self.bytes == other.bytes } else { self.to_str() == other.to_str() }
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
}

impl TextBuf {
    /// The text, borrowed.
    #[must_use]
    pub fn as_text(&self) -> Text<'_> {
        Text { bytes: &self.bytes, charset: self.charset }
    }
}

impl From<Text<'_>> for TextBuf {
    fn from(text: Text<'_>) -> Self {
        Self { bytes: text.bytes.to_vec(), charset: text.charset }
    }
}

impl From<&str> for TextBuf {
    fn from(text: &str) -> Self {
        Text::from(text).into()
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

fn read<'a>(charset: Charset, r: &mut Reader<'a>, at: &'static FieldInfo) -> Text<'a> {
    let offset = r.offset();
    let text = Text { bytes: r.rest(), charset };
    if !text.is_valid() {
        r.flag_at(Flag::Text, at, offset);
    }
    text
}

fn write(charset: Charset, text: &Text<'_>, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
    if text.charset == charset {
        w.bytes(text.bytes);
        return Ok(());
    }
    match charset.encode(&text.to_str()) {
        Some(bytes) => {
            w.bytes(&bytes);
            Ok(())
        }
        None => Err(w.error(ErrorKind::Custom, w.here(), at)),
    }
}

macro_rules! charset {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default)]
        pub struct $name;

        impl<'a> Codec<'a, Text<'a>> for $name {
            fn decode(&self, r: &mut Reader<'a>, at: &'static FieldInfo) -> Result<Text<'a>, Error> {
                Ok(read(Charset::$name, r, at))
            }

            fn encode(&self, value: &Text<'a>, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
                write(Charset::$name, value, w, at)
            }
        }

        impl<'a> Codec<'a, TextBuf> for $name {
            fn decode(&self, r: &mut Reader<'a>, at: &'static FieldInfo) -> Result<TextBuf, Error> {
                Ok(read(Charset::$name, r, at).into())
            }

            fn encode(&self, value: &TextBuf, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
                write(Charset::$name, &value.as_text(), w, at)
            }
        }
    };
}

charset!(
    /// `#[wire(as = Utf8)]`: text in UTF-8.
    Utf8
);
charset!(
    /// `#[wire(as = Ascii)]`: text in 7-bit ASCII.
    Ascii
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Gbk)]`: text in GBK (GB 18030 when reading).
    Gbk
);
