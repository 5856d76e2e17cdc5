//! Character sets, and the codecs that read and write text in them.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use super::short_text::ShortText;
use super::text::{Text, TextBuf};
use crate::codec::byte_set::ByteSet;
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::Codec;
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::Flag;
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
    /// windows-1250, Central European.
    #[cfg(feature = "charsets")]
    Windows1250,
    /// windows-1251, Cyrillic.
    #[cfg(feature = "charsets")]
    Windows1251,
    /// windows-1252, Western European.
    #[cfg(feature = "charsets")]
    Windows1252,
    /// windows-1253, Greek.
    #[cfg(feature = "charsets")]
    Windows1253,
    /// windows-1254, Turkish.
    #[cfg(feature = "charsets")]
    Windows1254,
    /// windows-1255, Hebrew.
    #[cfg(feature = "charsets")]
    Windows1255,
    /// windows-1256, Arabic.
    #[cfg(feature = "charsets")]
    Windows1256,
    /// windows-1257, Baltic.
    #[cfg(feature = "charsets")]
    Windows1257,
    /// windows-1258, Vietnamese.
    #[cfg(feature = "charsets")]
    Windows1258,
    /// windows-874, Thai.
    #[cfg(feature = "charsets")]
    Windows874,
    /// ISO 8859-2, Central European.
    #[cfg(feature = "charsets")]
    Iso8859_2,
    /// ISO 8859-5, Cyrillic.
    #[cfg(feature = "charsets")]
    Iso8859_5,
    /// ISO 8859-7, Greek.
    #[cfg(feature = "charsets")]
    Iso8859_7,
    /// ISO 8859-15, Western European with the euro sign.
    #[cfg(feature = "charsets")]
    Iso8859_15,
    /// KOI8-R, Russian.
    #[cfg(feature = "charsets")]
    Koi8R,
    /// KOI8-U, Ukrainian.
    #[cfg(feature = "charsets")]
    Koi8U,
    /// code page 866, Cyrillic.
    #[cfg(feature = "charsets")]
    Ibm866,
    /// Shift_JIS, Japanese.
    #[cfg(feature = "charsets")]
    ShiftJis,
    /// EUC-JP, Japanese.
    #[cfg(feature = "charsets")]
    EucJp,
    /// EUC-KR with the characters of code page 949, Korean.
    #[cfg(feature = "charsets")]
    EucKr,
    /// Big5, traditional Chinese.
    #[cfg(feature = "charsets")]
    Big5,
}

impl Charset {
    pub(super) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
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
            #[cfg(feature = "charsets")]
            _ => self.table().decode_without_bom_handling(bytes).0,
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
            #[cfg(feature = "charsets")]
            Self::ShiftJis | Self::EucKr | Self::Big5 => ByteSet::range(0x40, 0xFF),
            #[cfg(feature = "charsets")]
            _ => ByteSet::range(0x80, 0xFF),
        }
    }

    /// The table of a character set that has one.
    #[cfg(feature = "charsets")]
    fn table(self) -> &'static encoding_rs::Encoding {
        match self {
            Self::Windows1250 => encoding_rs::WINDOWS_1250,
            Self::Windows1251 => encoding_rs::WINDOWS_1251,
            Self::Windows1252 => encoding_rs::WINDOWS_1252,
            Self::Windows1253 => encoding_rs::WINDOWS_1253,
            Self::Windows1254 => encoding_rs::WINDOWS_1254,
            Self::Windows1255 => encoding_rs::WINDOWS_1255,
            Self::Windows1256 => encoding_rs::WINDOWS_1256,
            Self::Windows1257 => encoding_rs::WINDOWS_1257,
            Self::Windows1258 => encoding_rs::WINDOWS_1258,
            Self::Windows874 => encoding_rs::WINDOWS_874,
            Self::Iso8859_2 => encoding_rs::ISO_8859_2,
            Self::Iso8859_5 => encoding_rs::ISO_8859_5,
            Self::Iso8859_7 => encoding_rs::ISO_8859_7,
            Self::Iso8859_15 => encoding_rs::ISO_8859_15,
            Self::Koi8R => encoding_rs::KOI8_R,
            Self::Koi8U => encoding_rs::KOI8_U,
            Self::Ibm866 => encoding_rs::IBM866,
            Self::ShiftJis => encoding_rs::SHIFT_JIS,
            Self::EucJp => encoding_rs::EUC_JP,
            Self::EucKr => encoding_rs::EUC_KR,
            Self::Big5 => encoding_rs::BIG5,
            Self::Gbk => encoding_rs::GB18030,
            _ => encoding_rs::UTF_8,
        }
    }

    /// The code units of UTF-16.
    fn units(self, bytes: &[u8]) -> impl Iterator<Item = u16> + '_ {
        let (pairs, _) = bytes.as_chunks::<2>();
        let read = if self == Self::Utf16Le { u16::from_le_bytes } else { u16::from_be_bytes };
        pairs.iter().map(move |pair| read(*pair))
    }

    /// How many letters of the commonest take so many bytes.
    const fn letters_in(self, size: usize) -> usize {
        if self.is_wide() { size / 2 } else { size }
    }

    const fn is_wide(self) -> bool {
        matches!(self, Self::Utf16Be | Self::Utf16Le)
    }

    /// The bytes without the padding after the text.
    pub(super) fn trim(self, bytes: &[u8], pad: u8) -> &[u8] {
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

    pub(super) fn is_valid(self, bytes: &[u8]) -> bool {
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
            #[cfg(feature = "charsets")]
            _ => self.table().decode_without_bom_handling_and_without_replacement(bytes).is_some(),
        }
    }

    /// The text in this character set; `None` if it has no such characters.
    pub(super) fn encode(self, text: &str) -> Option<Cow<'_, [u8]>> {
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
            // Some write different characters alike.
            #[cfg(feature = "charsets")]
            _ => match self.table().encode(text) {
                (bytes, _, false) if self.decode(&bytes) == text => Some(bytes),
                _ => None,
            },
        }
    }
}

fn read<'a>(charset: Charset, r: &mut Reader<'a>, at: &'static FieldInfo) -> Text<'a> {
    let offset = r.offset();
    let text = Text::new(r.rest(), charset).padded_with(at.pad);
    if !text.is_valid() {
        r.flag_at(Flag::Text, at, offset);
    }
    text
}

fn write(charset: Charset, text: &Text<'_>, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
    if text.charset() == charset {
        w.bytes(text.as_bytes());
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

            fn holds(&self, size: usize) -> usize {
                Charset::$name.letters_in(size)
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

            fn holds(&self, size: usize) -> usize {
                Charset::$name.letters_in(size)
            }
        }

        impl<'a, const N: usize> Codec<'a, ShortText<N>> for $name {
            const BYTES: Option<ByteSet> = Some(Charset::$name.bytes());

            fn decode(&self, r: &mut Reader<'a>, at: &'static FieldInfo) -> Result<ShortText<N>, Error> {
                let offset = r.offset();
                ShortText::fitting(read(Charset::$name, r, at), r, offset, at)
            }

            fn encode(&self, value: &ShortText<N>, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
                write(Charset::$name, &value.as_text(), w, at)
            }

            fn holds(&self, size: usize) -> usize {
                Charset::$name.letters_in(size)
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

#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Windows1250)]`: text in windows-1250, Central European.
    Windows1250
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Windows1251)]`: text in windows-1251, Cyrillic.
    Windows1251
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Windows1252)]`: text in windows-1252, Western European.
    Windows1252
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Windows1253)]`: text in windows-1253, Greek.
    Windows1253
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Windows1254)]`: text in windows-1254, Turkish.
    Windows1254
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Windows1255)]`: text in windows-1255, Hebrew.
    Windows1255
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Windows1256)]`: text in windows-1256, Arabic.
    Windows1256
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Windows1257)]`: text in windows-1257, Baltic.
    Windows1257
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Windows1258)]`: text in windows-1258, Vietnamese.
    Windows1258
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Windows874)]`: text in windows-874, Thai.
    Windows874
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Iso8859_2)]`: text in ISO 8859-2, Central European.
    Iso8859_2
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Iso8859_5)]`: text in ISO 8859-5, Cyrillic.
    Iso8859_5
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Iso8859_7)]`: text in ISO 8859-7, Greek.
    Iso8859_7
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Iso8859_15)]`: text in ISO 8859-15, Western European with the euro sign.
    Iso8859_15
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Koi8R)]`: text in KOI8-R, Russian.
    Koi8R
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Koi8U)]`: text in KOI8-U, Ukrainian.
    Koi8U
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Ibm866)]`: text in code page 866, Cyrillic.
    Ibm866
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = ShiftJis)]`: text in Shift_JIS, Japanese.
    ShiftJis
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = EucJp)]`: text in EUC-JP, Japanese.
    EucJp
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = EucKr)]`: text in EUC-KR with the characters of code page 949, Korean.
    EucKr
);
#[cfg(feature = "charsets")]
charset!(
    /// `#[wire(as = Big5)]`: text in Big5, traditional Chinese.
    Big5
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
    #[test]
    fn tables_go_both_ways() {
        for (charset, text, wire) in [
            (Charset::Windows1250, "\u{17C}", &b"\xBF"[..]),
            (Charset::Windows1251, "\u{414}\u{430}", b"\xC4\xE0"),
            (Charset::Windows1252, "\u{20AC}", b"\x80"),
            (Charset::Koi8R, "\u{414}\u{430}", b"\xE4\xC1"),
            (Charset::Ibm866, "\u{414}", b"\x84"),
            (Charset::Iso8859_15, "\u{20AC}", b"\xA4"),
            (Charset::ShiftJis, "\u{65E5}", b"\x93\xFA"),
            (Charset::EucJp, "\u{65E5}", b"\xC6\xFC"),
            (Charset::EucKr, "\u{D55C}", b"\xC7\xD1"),
            (Charset::Big5, "\u{4E2D}", b"\xA4\xA4"),
        ] {
            assert_eq!(charset.encode(text).as_deref(), Some(wire), "{charset:?}");
            assert_eq!(charset.decode(wire), text);
            assert!(charset.is_valid(wire));
            assert!(wire.iter().all(|byte| charset.bytes().has(*byte)), "{charset:?}");
            assert_eq!(charset.encode("\u{1F69A}"), None);
        }
        // A yen sign would come back as a backslash.
        assert_eq!(Charset::ShiftJis.encode("\u{A5}"), None);
        let (text, flagged) = decoded(&ShiftJis, b"a\x93");
        assert!(flagged && encoded(&ShiftJis, text).unwrap() == b"a\x93");
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
