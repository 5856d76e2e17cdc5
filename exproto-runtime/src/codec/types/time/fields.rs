//! Times written field by field: year, month, day, hour, minute, second.

#[cfg(test)]
mod tests;

use core::fmt;

use super::{Parts, TIME, TimeError, parse_iso, parts_of, seconds_of, show_text, write_iso};
use crate::codec::byte_set::ByteSet;
use crate::codec::error::Error;
use crate::codec::layout::{Decode, Encode, Wire};
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::{Flag, Trace};
use crate::codec::types::bcd::all_digits;
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

/// Year, month, day, hour, minute, second: the usual [`order`].
pub const YMDHMS: u32 = order("YMDhms");

/// The order in which the parts of a time are written: `Y`, `M`, `D`, `h`, `m`
/// and `s`, each once.
///
/// # Panics
///
/// If a part is missing or unknown; at compile time, where it belongs.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{BcdTime, order};
///
/// // hhmmssDDMMYY
/// type Clock = BcdTime<0, { order("hmsDMY") }>;
/// let time = Clock::from_bytes([0x16, 0x42, 0x52, 0x13, 0x11, 0x20]);
/// assert_eq!(time.to_string(), "2020-11-13T16:42:52Z");
/// ```
#[must_use]
pub const fn order(parts: &str) -> u32 {
    let names = b"YMDhms";
    let parts = parts.as_bytes();
    assert!(parts.len() == 6, "an order has six parts, such as `YMDhms`");
    let mut places = 0;
    let mut part = 0;
    while part < 6 {
        let mut at = 0;
        while at < 6 && parts[at] != names[part] {
            at += 1;
        }
        assert!(at < 6, "an order has each of `Y`, `M`, `D`, `h`, `m`, `s` once");
        places |= (at as u32) << (4 * part);
        part += 1;
    }
    places
}

/// The six bytes in the order of [`YMDHMS`].
#[inline(always)]
fn sorted(bytes: [u8; 6], order: u32) -> Parts {
    core::array::from_fn(|part| bytes[(order >> (4 * part) & 7) as usize % 6])
}

/// The parts in the order of the wire.
#[inline(always)]
fn placed(parts: Parts, order: u32) -> [u8; 6] {
    let mut bytes = [0; 6];
    for (part, value) in parts.into_iter().enumerate() {
        bytes[(order >> (4 * part) & 7) as usize % 6] = value;
    }
    bytes
}

macro_rules! six_bytes {
    ($(#[$doc:meta])* $name:ident, $bytes:expr, $parts:expr, $byte:expr, $in_range:expr) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name<const ZONE: i32 = 0, const ORDER: u32 = YMDHMS>([u8; 6]);

        impl<const ZONE: i32, const ORDER: u32> $name<ZONE, ORDER> {
            /// The time in these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 6]) -> Self {
                Self(bytes)
            }

            /// The bytes as on the wire.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 6] {
                &self.0
            }

            /// The time of a Unix time stamp in seconds, from 2000 to 2099.
            #[must_use]
            pub fn from_unix(seconds: i64) -> Option<Self> {
                let parts = parts_of(seconds.checked_add(i64::from(ZONE) * 60)?)?;
                Some(Self(placed(parts.map($byte), ORDER)))
            }

            /// The Unix time stamp in seconds, if such a time exists.
            #[must_use]
            pub fn unix(&self) -> Option<i64> {
                Some(self.local()? - i64::from(ZONE) * 60)
            }

            /// Whether such a time exists.
            #[inline]
            #[must_use]
            pub fn is_valid(&self) -> bool {
                let in_range: fn(Parts) -> bool = $in_range;
                in_range(sorted(self.0, ORDER)) || self.ends_a_month()
            }

            /// The rest of [`is_valid`](Self::is_valid): the last days of months.
            #[cold]
            #[inline(never)]
            fn ends_a_month(self) -> bool {
                self.local().is_some()
            }

            /// Seconds since 1970 on the device's clock.
            fn local(&self) -> Option<i64> {
                let parts: fn(Parts) -> Option<Parts> = $parts;
                seconds_of(parts(sorted(self.0, ORDER))?)
            }
        }

        impl<const ZONE: i32, const ORDER: u32> core::str::FromStr for $name<ZONE, ORDER> {
            type Err = TimeError;

            /// Reads `2024-05-31T12:00:00+08:00`, or the bytes in hex.
            fn from_str(text: &str) -> Result<Self, TimeError> {
                let text = text.trim();
                if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                    let mut bytes = [0; 6];
                    for (byte, digit) in text.bytes().enumerate().map(|(at, digit)| (at / 2, digit)) {
                        let value = (digit as char).to_digit(16).ok_or(TimeError)? as u8;
                        bytes[byte] = bytes[byte] << 4 | value;
                    }
                    return Ok(Self(bytes));
                }
                let (seconds, _) = parse_iso(text, ZONE).ok_or(TimeError)?;
                Self::from_unix(seconds).ok_or(TimeError)
            }
        }

        impl<const ZONE: i32, const ORDER: u32> fmt::Display for $name<ZONE, ORDER> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.local() {
                    Some(local) => write_iso(f, local, None, ZONE),
                    None => self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
                }
            }
        }

        impl<const ZONE: i32, const ORDER: u32> fmt::Debug for $name<ZONE, ORDER> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl<const ZONE: i32, const ORDER: u32> Wire for $name<ZONE, ORDER> {
            const MIN: usize = 6;
            const SIZE: Option<usize> = Some(6);
            const BYTES: ByteSet = $bytes;
            type Ctx = ();
        }

        impl<'a, const ZONE: i32, const ORDER: u32> Decode<'a> for $name<ZONE, ORDER> {
            #[inline(always)]
            fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
                let offset = r.offset();
                let time = Self(*r.run::<6>(&TIME)?);
                if !time.is_valid() {
                    r.flag_at(Flag::Time, &TIME, offset);
                }
                Ok(time)
            }
        }

        impl<const ZONE: i32, const ORDER: u32> Encode for $name<ZONE, ORDER> {
            #[inline]
            fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
                w.run(self.0);
                Ok(())
            }
        }

        impl<const ZONE: i32, const ORDER: u32> Value for $name<ZONE, ORDER> {
            fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
                show_text(self, v);
            }
        }
    };
}

six_bytes!(
    /// A time of six bytes of packed decimal, years from 2000, in a zone `ZONE`
    /// minutes east of UTC: `YYMMDDhhmmss` unless another [`order`] is given.
    ///
    /// The bytes are kept as received: a time that does not exist is flagged and
    /// shown as its digits.
    ///
    /// # Examples
    ///
    /// ```
    /// use exproto_runtime::codec::BcdTime;
    ///
    /// let time = BcdTime::<{ 8 * 60 }>::from_bytes([0x18, 0x07, 0x15, 0x10, 0x10, 0x10]);
    /// assert_eq!(time.to_string(), "2018-07-15T10:10:10+08:00");
    /// assert_eq!(time.unix(), Some(1_531_620_610));
    /// assert_eq!(BcdTime::<{ 8 * 60 }>::from_unix(1_531_620_610), Some(time));
    /// ```
    BcdTime,
    ByteSet::PACKED,
    |bytes| all_digits(&bytes).then(|| bytes.map(|byte| (byte >> 4) * 10 + (byte & 15))),
    |part| ((part / 10) << 4) | (part % 10),
    |[year, month, day, hour, minute, second]| {
        // Packed digits compare like the numbers they stand for.
        all_digits(&[year, month, day, hour, minute, second])
            && matches!(month, 1..=0x12)
            && matches!(day, 1..=0x28)
            && hour < 0x24
            && minute < 0x60
            && second < 0x60
    }
);

six_bytes!(
    /// A time of six plain bytes, years from 2000, in a zone `ZONE` minutes east
    /// of UTC: year, month, day, hour, minute, second unless another [`order`]
    /// is given.
    ///
    /// The bytes are kept as received: a time that does not exist is flagged and
    /// shown in hex.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use exproto_runtime::codec::{ByteTime, Decode, Reader};
    /// use exproto_runtime::ExProtoFrame;
    ///
    /// #[derive(ExProtoFrame, Debug)]
    /// struct Login { time: ByteTime<{ 8 * 60 }> }
    ///
    /// let login = Login::decode(&mut Reader::new(&[24, 5, 31, 12, 0, 9]), ()).unwrap();
    /// assert_eq!(login.time.to_string(), "2024-05-31T12:00:09+08:00");
    /// assert_eq!(login.time.unix(), Some(1_717_128_009));
    /// # }
    /// ```
    ByteTime,
    ByteSet::ALL,
    |bytes| Some(bytes),
    |part| part,
    |[year, month, day, hour, minute, second]| {
        year < 100 && matches!(month, 1..=12) && matches!(day, 1..=28) && hour < 24 && minute < 60 && second < 60
    }
);
