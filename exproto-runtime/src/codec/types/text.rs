//! Text in the character sets of devices.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use crate::codec::byte_set::ByteSet;
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
    /// ISO 8859-1: each byte is the character of that number.
    Latin1,
    /// UTF-16, high byte first.
    Utf16Be,
    /// UTF-16, low byte first.
    Utf16Le,
}

impl Charset {
    fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        match self {
            Self::Utf8 | Self::Ascii => String::from_utf8_lossy(bytes),
            #[cfg(feature = "charsets")]
            Self::Gbk => encoding_rs::GB18030.decode_without_bom_handling(bytes).0,
            Self::Latin1 if bytes.is_ascii() => String::from_utf8_lossy(bytes),
            Self::Latin1 => Cow::Owned(bytes.iter().map(|byte| char::from(*byte)).collect()),
            Self::Utf16Be | Self::Utf16Le => {
                let odd =
                    if bytes.len().is_multiple_of(2) { None } else { Some(char::REPLACEMENT_CHARACTER) };
                let chars = char::decode_utf16(self.units(bytes));
                Cow::Owned(chars.map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).chain(odd).collect())
            }
        }
    }

    /// The bytes of characters outside of ASCII.
    const fn bytes(self) -> ByteSet {
        match self {
            Self::Ascii => ByteSet::NONE,
            Self::Utf8 | Self::Latin1 => ByteSet::range(0x80, 0xFF),
            // The second byte of a character may be a letter or digit.
            #[cfg(feature = "charsets")]
            Self::Gbk => ByteSet::range(b'0', b'9').or(ByteSet::range(0x40, 0xFF)),
            Self::Utf16Be | Self::Utf16Le => ByteSet::ALL,
        }
    }

    /// The code units of UTF-16.
    fn units(self, bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
        let (pairs, _) = bytes.as_chunks::<2>();
        let read = if self == Self::Utf16Le { u16::from_le_bytes } else { u16::from_be_bytes };
        pairs.iter().map(move |pair| read(*pair))
    }

    const fn is_wide(self) -> bool {
        matches!(self, Self::Utf16Be | Self::Utf16Le)
    }

    /// The bytes without the padding after the text.
    fn trim(self, bytes: &[u8], pad: u8) -> &[u8] {
        let padding = |byte: &u8| *byte == 0 || *byte == pad;
        let end = if self.is_wide() {
            // Of a pair both bytes are padding, or none.
            let (pairs, odd) = bytes.as_chunks::<2>();
            let last = pairs.iter().rposition(|pair| !pair.iter().all(padding));
            if odd.is_empty() { last.map_or(0, |last| 2 * last + 2) } else { bytes.len() }
        } else {
            bytes.iter().rposition(|byte| !padding(byte)).map_or(0, |last| last + 1)
        };
        bytes.get(..end).unwrap_or(bytes)
    }

    fn is_valid(self, bytes: &[u8]) -> bool {
        if self.is_wide() {
            return bytes.len().is_multiple_of(2) && char::decode_utf16(self.units(bytes)).all(|c| c.is_ok());
        }
        if bytes.is_ascii() {
            return true;
        }
        match self {
            Self::Latin1 | Self::Utf16Be | Self::Utf16Le => true,
            Self::Ascii => false,
            Self::Utf8 => core::str::from_utf8(bytes).is_ok(),
            #[cfg(feature = "charsets")]
            Self::Gbk => {
                encoding_rs::GB18030.decode_without_bom_handling_and_without_replacement(bytes).is_some()
            }
        }
    }

    /// The text in this character set; `None` if it has no such characters.
    fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
        if text.is_ascii() && !self.is_wide() {
            return Some(Cow::Borrowed(text.as_bytes()));
        }
        match self {
            Self::Latin1 => {
                text.chars().map(|c| u8::try_from(c).ok()).collect::<Option<Vec<u8>>>().map(Cow::Owned)
            }
            Self::Utf16Be => Some(Cow::Owned(text.encode_utf16().flat_map(u16::to_be_bytes).collect())),
            Self::Utf16Le => Some(Cow::Owned(text.encode_utf16().flat_map(u16::to_le_bytes).collect())),
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
    let text = Text { bytes: r.rest(), charset, pad: at.pad };
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
            const BYTES: Option<ByteSet> = Some(Charset::$name.bytes());

            fn decode(&self, r: &mut Reader<'a>, at: &'static FieldInfo) -> Result<Text<'a>, Error> {
                Ok(read(Charset::$name, r, at))
            }

            fn encode(&self, value: &Text<'a>, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
                write(Charset::$name, value, w, at)
            }
        }

        impl<'a> Codec<'a, TextBuf> for $name {
            const BYTES: Option<ByteSet> = Some(Charset::$name.bytes());

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

charset!(
    /// `#[wire(as = Latin1)]`: text in ISO 8859-1.
    Latin1
);
charset!(
    /// `#[wire(as = Utf16Be)]`: text in UTF-16, high byte first.
    Utf16Be
);
charset!(
    /// `#[wire(as = Utf16Le)]`: text in UTF-16, low byte first.
    Utf16Le
);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;

    static AT: FieldInfo = FieldInfo::new("Test", "text");

    fn decoded<'a>(codec: &impl Codec<'a, Text<'a>>, wire: &'a [u8]) -> (Text<'a>, bool) {
        let mut r = Reader::new(wire);
        let text = codec.decode(&mut r, &AT).unwrap();
        assert_eq!((r.left(), text.as_bytes()), (0, wire));
        (text, r.flags().has(Flag::Text))
    }

    fn encoded<'a>(codec: &impl Codec<'a, Text<'a>>, text: Text<'a>) -> Result<Vec<u8>, Error> {
        let mut out = Vec::new();
        codec.encode(&text, &mut Writer::new(&mut out), &AT).map(|()| out)
    }

    #[test]
    fn invalid_bytes_are_flagged_kept_and_replaced_when_shown() {
        let cases: [(&[u8], bool, bool); 6] = [
            (b"plain", true, true),
            (b"", true, true),
            (b"pad\0\0", true, true),
            ("caf\u{e9}".as_bytes(), true, false),
            (b"caf\xE9", false, false),
            (b"\xC3", false, false),
        ];
        for (wire, utf8, ascii) in cases {
            for (valid, (text, flagged), again) in [
                (utf8, decoded(&Utf8, wire), encoded(&Utf8, Text::new(wire, Charset::Utf8))),
                (ascii, decoded(&Ascii, wire), encoded(&Ascii, Text::new(wire, Charset::Ascii))),
            ] {
                assert_eq!((text.is_valid(), flagged), (valid, !valid), "{text:?}");
                assert_eq!(again.unwrap(), wire);
            }
            assert_eq!(decoded(&Utf8, wire).0.to_str().contains('\u{FFFD}'), !utf8);
        }
    }

    #[test]
    fn padding_belongs_to_the_bytes_and_not_to_the_text() {
        let text = Text::new(b"a\0b\0\0", Charset::Utf8);
        assert_eq!(text.to_str(), "a\0b");
        assert_eq!(Text::new(b"\0\0", Charset::Ascii).to_str(), "");
        assert_eq!(encoded(&Utf8, text).unwrap(), b"a\0b\0\0");
        // In another character set the text is written, without it.
        assert_eq!(encoded(&Ascii, text).unwrap(), b"a\0b");
    }

    #[test]
    fn what_a_character_set_lacks_is_refused() {
        let error = encoded(&Ascii, Text::from("caf\u{e9}")).unwrap_err();
        assert_eq!((error.kind(), error.field().name), (ErrorKind::Custom, "text"));
        assert_eq!(encoded(&Ascii, Text::from("cafe")).unwrap(), b"cafe");
    }

    #[test]
    fn texts_are_equal_that_read_the_same() {
        let texts = [
            Text::from("ab"),
            Text::new(b"ab\0", Charset::Utf8),
            Text::new(b"ab", Charset::Ascii),
            Text::new(b"a\xFF", Charset::Utf8),
            Text::new(b"a\xFE", Charset::Utf8),
            Text::new(b"a\xFF", Charset::Ascii),
            Text::from("a\u{FFFD}"),
        ];
        let same = |a: usize, b: usize| a == b || (a < 3 && b < 3);
        for (a, text) in texts.iter().enumerate() {
            for (b, other) in texts.iter().enumerate() {
                assert_eq!(text == other, same(a, b), "{a} {b}");
                assert_eq!(TextBuf::from(*text) == TextBuf::from(*other), same(a, b), "{a} {b}");
            }
        }
        assert_eq!(format!("{} {:?}", texts[1], texts[1]), "ab \"ab\"");
        assert_eq!(TextBuf::from(texts[0]).to_string(), "ab");
    }

    #[cfg(feature = "charsets")]
    mod gbk {
        use super::*;

        #[test]
        fn a_number_plate_goes_out_and_comes_back() {
            // From the GB 2312 table: row 30, cell 9.
            let wire = b"\xBE\xA9A12345";
            assert_eq!(encoded(&Gbk, Text::from("\u{4EAC}A12345")).unwrap(), wire);
            let (text, flagged) = decoded(&Gbk, wire);
            assert_eq!((text.to_str().as_ref(), flagged), ("\u{4EAC}A12345", false));
            assert_eq!(text, Text::from("\u{4EAC}A12345"));
            assert_eq!(encoded(&Gbk, text).unwrap(), wire);
            assert_eq!(encoded(&Utf8, text).unwrap(), "\u{4EAC}A12345".as_bytes());
        }

        #[test]
        fn every_character_it_has_survives() {
            let mut buffer = [0; 4];
            let mut double = 0;
            // It has none above U+FFFF. Of private use some, which GB 18030 has
            // given to characters of Unicode since.
            let all = (0..=0xFFFF).filter_map(char::from_u32);
            for character in all.filter(|character| !matches!(character, '\u{E000}'..='\u{F8FF}')) {
                let text = &*character.encode_utf8(&mut buffer);
                let Some(bytes) = Charset::Gbk.encode(text) else { continue };
                double += usize::from(bytes.len() == 2);
                assert!(Charset::Gbk.is_valid(&bytes), "{character:?}");
                assert_eq!(Charset::Gbk.decode(&bytes), text, "{character:?}");
            }
            // 20,902 ideographs and the symbols.
            assert!(double > 21_700, "{double}");
        }

        #[test]
        fn bytes_that_are_no_characters_are_flagged_and_kept() {
            for wire in [&b"a\xBE"[..], b"\xFF", b"\xBE\x20b", b"\x81\x30"] {
                let (text, flagged) = decoded(&Gbk, wire);
                assert!(flagged && !text.is_valid(), "{wire:x?}");
                assert!(text.to_str().contains('\u{FFFD}'), "{wire:x?}");
                assert_eq!(encoded(&Gbk, text).unwrap(), wire);
            }
        }

        #[test]
        fn more_is_read_than_written() {
            // Four bytes of GB 18030: U+1F69A.
            let (text, flagged) = decoded(&Gbk, b"\x94\x39\xFC\x30");
            assert!(!flagged);
            let truck = text.to_str();
            assert_eq!(truck.chars().count(), 1);
            // As received it can be written, as other text not.
            assert_eq!(encoded(&Gbk, text).unwrap(), text.as_bytes());
            let error = encoded(&Gbk, Text::from(&*truck)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Custom);
        }
    }
}
