//! Numbers as decimal text, held as integers.

use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::Codec;
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::Flag;
use crate::codec::writer::Writer;

/// The most characters that are written.
const MOST: usize = 48;

/// `#[wire(as = Decimal::places(2))]`: a number as decimal text, such as
/// `-12.34`, held in an integer of any width, signed or not: `-1234`.
///
/// With `scale = 0.01` on the field it shows as `-12.34` again. Takes all bytes
/// of its extent: between separators, before given bytes or in a `size`, for
/// which [`width`](Self::width) or [`spaces`](Self::spaces) says how many
/// characters are written.
///
/// Spaces around the number, a `+`, zeros in front and a point without decimals
/// are understood. What we would write in another way is flagged
/// [`Reserved`](Flag::Reserved), more decimals than the integer has
/// [`Digits`](Flag::Digits). Text that is no number is a
/// [`Digits`](ErrorKind::Digits) error, one that the integer cannot hold a
/// [`Range`](ErrorKind::Range) error.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{Decimal, from_bytes, to_bytes, to_json};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[wire(sep = b',')]
/// struct Weather {
///     #[wire(as = Decimal::places(1).plus(), scale = 0.1)]
///     temperature: i16,
///     #[wire(as = Decimal::places(2).width(6), scale = 0.01)]
///     pressure: u32,
///     #[wire(as = Decimal::places(0).spaces(4))]
///     serial: u16,
/// }
///
/// let weather = from_bytes::<Weather>(b"-3.5,099.75,  42").unwrap().frame;
/// assert_eq!(weather, Weather { temperature: -35, pressure: 9975, serial: 42 });
/// assert_eq!(to_bytes(&weather).unwrap(), *b"-3.5,099.75,  42");
/// let mut json = Vec::new();
/// to_json(&weather, &mut json);
/// assert_eq!(json, br#"{"temperature":-3.5,"pressure":99.75,"serial":42}"#);
/// assert_eq!(to_bytes(&Weather { temperature: 5, ..weather }).unwrap(), *b"+0.5,099.75,  42");
/// # }
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct Decimal {
    places: u32,
    width: usize,
    spaces: bool,
    plus: bool,
}

impl Decimal {
    /// So many decimals, at most 18; without any there is no point.
    ///
    /// # Panics
    ///
    /// More than 18 decimals.
    #[must_use]
    pub const fn places(places: u32) -> Self {
        assert!(places <= 18, "a number has at most 18 decimals");
        Self { places, width: 0, spaces: false, plus: false }
    }

    /// At least so many characters, filled up with zeros behind the sign.
    ///
    /// # Panics
    ///
    /// More than 48 characters.
    #[must_use]
    pub const fn width(mut self, width: usize) -> Self {
        assert!(width <= MOST, "a number has at most 48 characters");
        self.width = width;
        self
    }

    /// At least so many characters, filled up with spaces before the sign.
    ///
    /// # Panics
    ///
    /// More than 48 characters.
    #[must_use]
    pub const fn spaces(mut self, width: usize) -> Self {
        self.spaces = true;
        self.width(width)
    }

    /// With a `+` before numbers that are not negative.
    #[must_use]
    pub const fn plus(mut self) -> Self {
        self.plus = true;
        self
    }

    /// The number, and whether all of its decimals are kept.
    fn read(&self, text: &[u8]) -> Result<(i128, bool), ErrorKind> {
        let text = text.trim_ascii();
        let (negative, digits) = match text.split_first() {
            Some((b'-', digits)) => (true, digits),
            Some((b'+', digits)) => (false, digits),
            _ => (false, text),
        };
        let (mut value, mut any, mut decimals, mut whole) = (0_i128, false, None, true);
        for byte in digits {
            match (byte, decimals) {
                (b'.', None) => decimals = Some(0),
                (b'0'..=b'9', Some(count)) if count >= self.places => {
                    any = true;
                    whole &= *byte == b'0';
                }
                (b'0'..=b'9', _) => {
                    any = true;
                    let digit = i128::from(byte - b'0');
                    value =
                        value.checked_mul(10).and_then(|v| v.checked_add(digit)).ok_or(ErrorKind::Range)?;
                    decimals = decimals.map(|count| count + 1);
                }
                _ => return Err(ErrorKind::Digits),
            }
        }
        if !any {
            return Err(ErrorKind::Digits);
        }
        let missing = 10_i128.pow(self.places.saturating_sub(decimals.unwrap_or(0)));
        let value = value.checked_mul(missing).ok_or(ErrorKind::Range)?;
        Ok((if negative { -value } else { value }, whole))
    }

    /// Calls `write` with the text of a number of at most 64 bits.
    fn text<R>(&self, value: i128, write: impl FnOnce(&[u8]) -> R) -> R {
        let sign = match value {
            ..0 => Some(b'-'),
            _ => self.plus.then_some(b'+'),
        };
        let zeros = if self.spaces { 0 } else { self.width.saturating_sub(usize::from(sign.is_some())) };
        let (mut text, mut at) = ([b' '; MOST], MOST);
        let mut put = |byte: u8| {
            at = at.saturating_sub(1);
            if let Some(place) = text.get_mut(at) {
                *place = byte;
            }
            MOST - at
        };
        let (mut rest, mut decimals, mut length) = (value.unsigned_abs(), 0, 0);
        // One digit at least stands before the point.
        while rest > 0 || decimals <= self.places || length < zeros {
            if decimals == self.places && self.places > 0 {
                put(b'.');
            }
            length = put(b'0' + (rest % 10) as u8);
            rest /= 10;
            decimals += 1;
        }
        if let Some(sign) = sign {
            put(sign);
        }
        let start = if self.spaces { at.min(MOST - self.width) } else { at };
        write(text.get(start..).unwrap_or(&[]))
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl Codec<'_, $int> for Decimal {
            fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<$int, Error> {
                let offset = r.offset();
                let text = r.rest();
                let (number, whole) = self.read(text).map_err(|kind| r.fail(kind, offset, at, 0, 0))?;
                let value = <$int>::try_from(number).map_err(|_| r.fail(ErrorKind::Range, offset, at, 0, 0))?;
                if !whole {
                    r.flag_at(Flag::Digits, at, offset);
                } else if !self.text(number, |ours| ours == text) {
                    r.flag_at(Flag::Reserved, at, offset);
                }
                Ok(value)
            }

            fn encode(&self, value: &$int, w: &mut Writer<'_>, _: &'static FieldInfo) -> Result<(), Error> {
                self.text(i128::from(*value), |text| w.bytes(text));
                Ok(())
            }
        }
    )*};
}

integers!(u8, u16, u32, u64, i8, i16, i32, i64);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    static AT: FieldInfo = FieldInfo::new("Test", "number");

    fn written<T>(codec: Decimal, value: T) -> String
    where
        Decimal: for<'a> Codec<'a, T>,
    {
        let mut out = Vec::new();
        codec.encode(&value, &mut Writer::new(&mut out), &AT).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn read<T>(codec: Decimal, text: &str) -> Result<(T, Vec<Flag>), ErrorKind>
    where
        Decimal: for<'a> Codec<'a, T>,
    {
        let mut r = Reader::new(text.as_bytes());
        let value = codec.decode(&mut r, &AT).map_err(|error| error.kind())?;
        Ok((value, r.flags().iter().collect()))
    }

    #[test]
    fn numbers_are_written_in_their_width() {
        let cases = [
            (Decimal::places(0), -7, "-7"),
            (Decimal::places(0), 0, "0"),
            (Decimal::places(2), 5, "0.05"),
            (Decimal::places(2), -1234, "-12.34"),
            (Decimal::places(2).width(7), -1234, "-012.34"),
            (Decimal::places(2).width(3), 12345, "123.45"),
            (Decimal::places(0).width(4).plus(), 42, "+042"),
            (Decimal::places(1).spaces(7).plus(), 42, "   +4.2"),
            (Decimal::places(1).spaces(2), 42, "4.2"),
            (Decimal::places(18), i64::MIN, "-9.223372036854775808"),
        ];
        for (codec, value, text) in cases {
            assert_eq!(written(codec, value), text);
            assert_eq!(read(codec, text), Ok((value, Vec::new())), "{text}");
        }
        assert_eq!(written(Decimal::places(0).width(48), u64::MAX).len(), 48);
        assert_eq!(read(Decimal::places(0), "18446744073709551615"), Ok((u64::MAX, Vec::new())));
    }

    #[test]
    fn other_forms_are_read_and_flagged() {
        let two = Decimal::places(2);
        for text in ["+1.50", "01.50", " 1.50 ", "1.5", "1.500", ".", "1.5.0", "1e2", "", "-", "1 5"] {
            let want = match text {
                "." | "1.5.0" | "1e2" | "" | "-" | "1 5" => Err(ErrorKind::Digits),
                _ => Ok((150_i16, [Flag::Reserved].to_vec())),
            };
            assert_eq!(read(two, text), want, "{text}");
        }
        assert_eq!(read::<i16>(two, ".5"), Ok((50, [Flag::Reserved].to_vec())));
        assert_eq!(read::<i16>(two, "1.509"), Ok((150, [Flag::Digits].to_vec())));
        assert_eq!(read::<i16>(two, "-0.00"), Ok((0, [Flag::Reserved].to_vec())));
        assert_eq!(read::<u8>(two, "2.56"), Err(ErrorKind::Range));
        assert_eq!(read::<u8>(two, "-0.01"), Err(ErrorKind::Range));
        let long = "9".repeat(60);
        assert_eq!(read::<u64>(two, &long), Err(ErrorKind::Range));
        assert_eq!(read::<u64>(two, &alloc::format!("0.{long}")), Ok((99, [Flag::Digits].to_vec())));
    }
}
