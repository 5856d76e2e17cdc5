//! Bytes carried as characters of text.

use alloc::vec::Vec;

use crate::codec::bits::{bit_bytes, bit_padding, bits_at, put_bits};
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::{Codec, Decode, Encode};
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::Flag;
use crate::codec::writer::Writer;

/// `#[wire(as = Armor::HEX)]`: bytes, or a declared type, that stand as
/// characters of text, of which each carries some bits: hexadecimal, base64, or
/// an [alphabet](Self::new) of the protocol.
///
/// Takes all characters of its extent. The bits of the characters follow each
/// other, highest first; those that make no whole byte are 0. What we would
/// write in another way, digits in the other case, other bits behind the last
/// byte, a missing `=`, is flagged [`Reserved`](Flag::Reserved). Another
/// character is a [`Digits`](ErrorKind::Digits) error. A declared type owns its
/// bytes and takes no context.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{Armor, from_bytes, to_bytes, to_json};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[wire(sep = b',')]
/// struct Line {
///     #[wire(as = Armor::HEX)]
///     status: Status,
///     #[wire(as = Armor::BASE64)]
///     key: Vec<u8>,
/// }
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[wire(endian = big)]
/// struct Status { alarms: u8, voltage: u16 }
///
/// let line = from_bytes::<Line>(b"05012C,3q2+7w==").unwrap().frame;
/// let status = Status { alarms: 5, voltage: 300 };
/// assert_eq!(line, Line { status, key: vec![0xDE, 0xAD, 0xBE, 0xEF] });
/// assert_eq!(to_bytes(&line).unwrap(), *b"05012C,3q2+7w==");
/// let mut json = Vec::new();
/// to_json(&line, &mut json);
/// assert_eq!(json, br#"{"status":{"alarms":5,"voltage":300},"key":"deadbeef"}"#);
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Armor {
    alphabet: &'static [u8],
    bits: u32,
    /// Characters come in groups, filled up with `=`.
    group: usize,
    /// The other case is read too.
    any_case: bool,
}

impl Armor {
    /// Two hexadecimal digits a byte, written as `0A`; `0a` is read too.
    pub const HEX: Self = Self { any_case: true, ..Self::new(b"0123456789ABCDEF") };

    /// Two hexadecimal digits a byte, written as `0a`; `0A` is read too.
    pub const HEX_LOWER: Self = Self { any_case: true, ..Self::new(b"0123456789abcdef") };

    /// Base64 with `+`, `/` and `=` (RFC 4648, section 4).
    pub const BASE64: Self =
        Self { group: 4, ..Self::new(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") };

    /// Base64 with `-` and `_`, without `=` (RFC 4648, section 5).
    pub const BASE64_URL: Self =
        Self::new(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

    /// The characters in the order of the bits that they carry: 2, 4, 8 ..
    /// 128 of them.
    ///
    /// # Panics
    ///
    /// There are not so many characters.
    #[must_use]
    pub const fn new(alphabet: &'static [u8]) -> Self {
        let count = alphabet.len();
        assert!(
            count.is_power_of_two() && count >= 2 && count <= 128,
            "an alphabet has 2, 4, 8 .. 128 characters"
        );
        Self { alphabet, bits: count.ilog2(), group: 1, any_case: false }
    }

    fn code(&self, wanted: u8) -> Option<u64> {
        let same = |character: &u8| match self.any_case {
            true => character.eq_ignore_ascii_case(&wanted),
            false => *character == wanted,
        };
        self.alphabet.iter().position(same).map(|at| at as u64)
    }

    /// The bytes that a text carries, and whether we write it so.
    fn read(&self, text: &[u8]) -> Result<(Vec<u8>, bool), usize> {
        let filler =
            if self.group > 1 { text.iter().rev().take_while(|byte| **byte == b'=').count() } else { 0 };
        let chars = text.get(..text.len().saturating_sub(filler)).unwrap_or(text);
        let mut all = alloc::vec![0; bit_bytes(chars.len(), self.bits)];
        for (at, character) in chars.iter().enumerate() {
            let code = self.code(*character).ok_or(at)?;
            put_bits(&mut all, false, at * self.bits as usize, self.bits, code);
        }
        let whole = chars.len().saturating_mul(self.bits as usize) / 8;
        let clean = bit_padding(&all, whole, 8, false);
        all.truncate(whole);
        let same = clean && self.write(&all).eq(text.iter().copied());
        Ok((all, same))
    }

    /// The characters of some bytes.
    fn write<'b>(&self, bytes: &'b [u8]) -> impl Iterator<Item = u8> + use<'b> {
        let Self { alphabet, bits, group, .. } = *self;
        let count = bytes.len().saturating_mul(8).div_ceil(bits as usize);
        let filler = count.next_multiple_of(group) - count;
        let character = move |at: usize| {
            // Bits behind the last byte are 0.
            let from = at * bits as usize;
            let there = (bytes.len() * 8 - from).min(bits as usize) as u32;
            let code = bits_at(bytes, false, from, there) << (bits - there);
            alphabet.get(code as usize).copied().unwrap_or(b'?')
        };
        (0..count).map(character).chain(core::iter::repeat_n(b'=', filler))
    }

    /// The bytes that fill so many characters.
    fn bytes_in(&self, chars: usize) -> usize {
        (chars - chars % self.group).saturating_mul(self.bits as usize) / 8
    }

    fn bytes_of(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<Vec<u8>, Error> {
        let offset = r.offset();
        match self.read(r.rest()) {
            Ok((bytes, same)) => {
                if !same {
                    r.flag_at(Flag::Reserved, at, offset);
                }
                Ok(bytes)
            }
            Err(place) => Err(r.fail(ErrorKind::Digits, offset + place as u32, at, 0, 0)),
        }
    }
}

impl Codec<'_, Vec<u8>> for Armor {
    fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<Vec<u8>, Error> {
        self.bytes_of(r, at)
    }

    fn encode(&self, value: &Vec<u8>, w: &mut Writer<'_>, _: &'static FieldInfo) -> Result<(), Error> {
        self.write(value).for_each(|character| w.bytes(&[character]));
        Ok(())
    }

    fn holds(&self, size: usize) -> usize {
        self.bytes_in(size)
    }
}

impl<T: for<'b> Decode<'b, Ctx = ()> + Encode<Ctx = ()>> Codec<'_, T> for Armor {
    fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<T, Error> {
        let offset = r.offset();
        let bytes = self.bytes_of(r, at)?;
        // Errors tell the character that the byte begins with.
        let place = |byte: u32| offset.saturating_add(byte.saturating_mul(8) / self.bits);
        let mut inner = Reader::new(&bytes);
        let value = T::decode(&mut inner, ()).map_err(|error| error.at_offset(place(error.offset())))?;
        for flag in inner.flags().iter() {
            r.flag_at(flag, at, offset);
        }
        if inner.left() > 0 {
            return Err(r.fail(ErrorKind::Trailing, place(inner.offset()), at, inner.left() as u64, 0));
        }
        Ok(value)
    }

    fn encode(&self, value: &T, w: &mut Writer<'_>, _: &'static FieldInfo) -> Result<(), Error> {
        let mut bytes = Vec::new();
        value.encode(&mut Writer::new(&mut bytes), ())?;
        self.write(&bytes).for_each(|character| w.bytes(&[character]));
        Ok(())
    }

    fn holds(&self, size: usize) -> usize {
        self.bytes_in(size)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn text(armor: Armor, bytes: &[u8]) -> Vec<u8> {
        armor.write(bytes).collect()
    }

    #[test]
    fn the_vectors_of_rfc_4648() {
        let cases = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (bytes, base64) in cases {
            assert_eq!(text(Armor::BASE64, bytes.as_bytes()), base64.as_bytes());
            assert_eq!(Armor::BASE64.read(base64.as_bytes()), Ok((bytes.into(), true)));
            let bare = base64.trim_end_matches('=').as_bytes();
            assert_eq!(text(Armor::BASE64_URL, bytes.as_bytes()), bare);
            assert_eq!(Armor::BASE64.read(bare), Ok((bytes.into(), bare.len() == base64.len())));
        }
        assert_eq!(Armor::BASE64.read(b"Zh=="), Ok((b"f".to_vec(), false)));
        assert_eq!(Armor::BASE64.read(b"Zm-v"), Err(2));
        assert_eq!(Armor::BASE64_URL.read(b"_-8"), Ok((Vec::from([0xFF, 0xEF]), true)));
    }

    #[test]
    fn every_byte_in_every_alphabet() {
        const FIVE: Armor = Armor::new(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567");
        const ONE: Armor = Armor::new(b"01");
        let all: Vec<u8> = (0..=255).collect();
        for armor in [Armor::HEX, Armor::HEX_LOWER, Armor::BASE64, Armor::BASE64_URL, FIVE, ONE] {
            for end in 0..=all.len() {
                let bytes = &all[all.len() - end..];
                assert_eq!(armor.read(&text(armor, bytes)), Ok((bytes.to_vec(), true)));
            }
        }
        assert_eq!(text(Armor::HEX, &[0x0A, 0xFF]), b"0AFF");
        assert_eq!(Armor::HEX.read(b"0aFF"), Ok((Vec::from([0x0A, 0xFF]), false)));
        assert_eq!(Armor::HEX.read(b"0AF"), Ok((Vec::from([0x0A]), false)));
    }
}
