//! Text whose characters take less than a byte.

use alloc::string::String;

use crate::codec::bits::{bit_bytes, bit_count, bit_padding, bits_at};
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::Codec;
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::Flag;
use crate::codec::types::{Charset, Text, TextBuf};
use crate::codec::writer::Writer;

/// `#[wire(as = BitText::big(TABLE))]`: text of which each character takes a
/// few bits, one behind the other. The table has the characters in the order
/// of their numbers: 16, 32, 64 or 128 of them, for 4, 5, 6 or 7 bits.
///
/// [`big`](Self::big) begins with the highest bit of the first byte,
/// [`little`](Self::little) with the lowest: with a table of 16 characters that
/// are the digits of swapped nibbles.
///
/// The text has as many characters as the bytes hold. [`pad`](Self::pad) says
/// which character stands behind its end: that is kept, but not shown, and
/// written to the end of the last byte, or up to [`chars`](Self::chars)
/// characters. Other characters than those of the table are refused. Bits that
/// are no whole character, if they are not those of the padding, are flagged
/// [`Reserved`](Flag::Reserved).
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{BitText, TextBuf, from_bytes, to_bytes};
/// use exproto_runtime::ExProtoFrame;
///
/// const SIX: &str = "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_ !\"#$%&'()*+,-./0123456789:;<=>?";
/// const DIGITS: &str = "0123456789*#abcF";
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// struct Ship {
///     #[wire(size = 6, as = BitText::big(SIX).pad('@').chars(8))]
///     name: TextBuf,
///     #[wire(size = prefix(u8), as = BitText::little(DIGITS).pad('F'))]
///     number: TextBuf,
/// }
///
/// let ship = Ship { name: "EIDER 7".into(), number: "12*45".into() };
/// let bytes = to_bytes(&ship).unwrap();
/// assert_eq!(bytes, [0x14, 0x91, 0x05, 0x4A, 0x0D, 0xC0, 3, 0x21, 0x4A, 0xF5]);
/// assert_eq!(from_bytes::<Ship>(&bytes).unwrap().frame, ship);
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct BitText {
    table: &'static str,
    bits: u32,
    little: bool,
    pad: Option<char>,
    chars: usize,
}

impl BitText {
    const fn new(table: &'static str, little: bool) -> Self {
        let bytes = table.as_bytes();
        let (mut chars, mut at) = (0_u32, 0);
        while at < bytes.len() {
            if bytes[at] & 0xC0 != 0x80 {
                chars += 1;
            }
            at += 1;
        }
        assert!(
            chars.is_power_of_two() && chars >= 16 && chars <= 128,
            "the table has 16, 32, 64 or 128 characters"
        );
        Self { table, bits: chars.ilog2(), little, pad: None, chars: 0 }
    }

    /// The first character begins with the highest bit of the first byte.
    ///
    /// # Panics
    ///
    /// The table has not 16, 32, 64 or 128 characters.
    #[must_use]
    pub const fn big(table: &'static str) -> Self {
        Self::new(table, false)
    }

    /// The first character begins with the lowest bit of the first byte.
    ///
    /// # Panics
    ///
    /// The table has not 16, 32, 64 or 128 characters.
    #[must_use]
    pub const fn little(table: &'static str) -> Self {
        Self::new(table, true)
    }

    /// The character behind the end of the text; an ASCII character.
    #[must_use]
    pub const fn pad(mut self, pad: char) -> Self {
        self.pad = Some(pad);
        self
    }

    /// How many characters are written at least, with the padding.
    #[must_use]
    pub const fn chars(mut self, chars: usize) -> Self {
        self.chars = chars;
        self
    }

    fn code(&self, wanted: char) -> Option<u64> {
        self.table.chars().position(|character| character == wanted).map(|at| at as u64)
    }

    /// The bytes that the text is written to.
    fn write(&self, text: &str, w: &mut Writer<'_>) -> Option<()> {
        let shown = text.chars().count();
        // Whole bytes of the padding, if its characters can fill them.
        let filled = bit_count(bit_bytes(shown, self.bits), self.bits);
        let count = if self.pad.is_some() { shown.max(self.chars).max(filled) } else { shown };
        let at = w.here();
        w.fill(0, bit_bytes(count, self.bits));
        let padding = core::iter::repeat_n(self.pad.unwrap_or_default(), count.saturating_sub(shown));
        let mut from = 0;
        for character in text.chars().chain(padding) {
            let Some(code) = self.code(character) else {
                w.truncate(at);
                return None;
            };
            w.put_bits(at, self.little, from, self.bits, code);
            from += self.bits as usize;
        }
        Some(())
    }
}

impl Codec<'_, TextBuf> for BitText {
    fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<TextBuf, Error> {
        let offset = r.offset();
        let bytes = r.rest();
        let count = bit_count(bytes.len(), self.bits);
        let mut text = String::with_capacity(count);
        for index in 0..count {
            let code = bits_at(bytes, self.little, index * self.bits as usize, self.bits);
            text.extend(self.table.chars().nth(code as usize));
        }
        if !bit_padding(bytes, count, self.bits, self.little) {
            r.flag_at(Flag::Reserved, at, offset);
        }
        let pad = self.pad.and_then(|pad| u8::try_from(pad).ok()).filter(u8::is_ascii).unwrap_or(0);
        Ok(Text::new(text.as_bytes(), Charset::Utf8).padded_with(pad).into())
    }

    fn encode(&self, value: &TextBuf, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
        let text = value.as_text();
        // What was read has its padding.
        let kept = core::str::from_utf8(text.as_bytes()).ok().and_then(|text| self.write(text, w));
        match kept.or_else(|| self.write(&text.to_str(), w)) {
            Some(()) => Ok(()),
            None => Err(w.error(ErrorKind::Custom, w.here(), at)),
        }
    }
}
