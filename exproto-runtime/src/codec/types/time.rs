//! Dates and times as devices write them.

use alloc::string::String;
use core::fmt;

use super::bcd::all_digits;
use crate::codec::error::Error;
use crate::codec::layout::{Decode, Encode, Wire};
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::{Flag, Trace};
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

static TIME: FieldInfo = FieldInfo::new("", "time");

/// A time of six bytes of packed decimal, `YYMMDDhhmmss`, years from 2000, in
/// a zone `ZONE` minutes east of UTC.
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
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct BcdTime<const ZONE: i32 = 0>([u8; 6]);

impl<const ZONE: i32> BcdTime<ZONE> {
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
        let local = seconds.checked_add(i64::from(ZONE) * 60)?;
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let year = u8::try_from(year - 2000).ok().filter(|year| *year < 100)?;
        let parts = [year, month, day, (second / 3600) as u8, (second / 60 % 60) as u8, (second % 60) as u8];
        Some(Self(parts.map(|part| ((part / 10) << 4) | (part % 10))))
    }

    /// The Unix time stamp in seconds, if such a time exists.
    #[must_use]
    pub fn unix(&self) -> Option<i64> {
        let [year, month, day, hour, minute, second] = self.parts()?;
        let days = days_from_civil(2000 + i64::from(year), month, day);
        let local = days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second);
        Some(local - i64::from(ZONE) * 60)
    }

    /// Whether such a time exists.
    #[inline]
    #[must_use]
    pub fn is_valid(&self) -> bool {
        let [_, month, day, hour, minute, second] = self.0;
        // Packed digits compare like the numbers they stand for.
        if all_digits(&self.0)
            && matches!(month, 1..=0x12)
            && matches!(day, 1..=0x28)
            && hour < 0x24
            && minute < 0x60
            && second < 0x60
        {
            return true;
        }
        self.ends_a_month()
    }

    /// The rest of [`is_valid`](Self::is_valid): the last days of months.
    #[cold]
    #[inline(never)]
    fn ends_a_month(self) -> bool {
        self.parts().is_some()
    }

    fn parts(&self) -> Option<[u8; 6]> {
        if !all_digits(&self.0) {
            return None;
        }
        let parts @ [year, month, day, hour, minute, second] =
            self.0.map(|byte| (byte >> 4) * 10 + (byte & 15));
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if year % 4 == 0 => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        ((1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60).then_some(parts)
    }

    /// Reads `YYYY-MM-DDThh:mm:ss`, perhaps with a fraction, which is dropped,
    /// in the zone that `Z` or an offset names, else in `ZONE`; or the 12 digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().as_bytes();
        if let Ok(digits) = <&[u8; 12]>::try_from(text) {
            // Also those of a time that does not exist: it is shown like that.
            let mut bytes = [0; 6];
            for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
                *byte = pair
                    .iter()
                    .try_fold(0, |byte, digit| Some((byte << 4) | char::from(*digit).to_digit(16)? as u8))?;
            }
            return Some(Self(bytes));
        }
        let (date_time, rest) = text.split_at_checked(19)?;
        let separators = [4, 7, 10, 13, 16].map(|at| date_time.get(at).copied().unwrap_or(0));
        if !matches!(separators, [b'-', b'-', b'T' | b't' | b' ', b':', b':']) {
            return None;
        }
        let year = number(date_time.get(..4)?)?;
        let [month, day, hour, minute, second] =
            [5, 8, 11, 14, 17].map(|at| number(date_time.get(at..at + 2)?));
        let (month, day) = (u8::try_from(month?).ok()?, u8::try_from(day?).ok()?);
        let (hour, minute, second) = (hour?, minute?, second?);
        let days = days_from_civil(year, month, day);
        // The day after the last of a month would silently be the first of the next.
        if civil_from_days(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let local = days * 86_400 + hour * 3600 + minute * 60 + second;
        Self::from_unix(local - offset(rest, i64::from(ZONE))? * 60)
    }
}

/// The number that digits stand for, and nothing but digits.
fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| match digit {
        b'0'..=b'9' => Some(number * 10 + i64::from(digit - b'0')),
        _ => None,
    })
}

/// The minutes east of UTC that stand behind a time and its fraction.
fn offset(text: &[u8], missing: i64) -> Option<i64> {
    let zone = match text {
        [b'.', fraction @ ..] => {
            let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
            fraction.get(digits..).filter(|_| digits > 0)?
        }
        zone => zone,
    };
    let (sign, hours, minutes) = match zone {
        [] => return Some(missing),
        [b'Z' | b'z'] => return Some(0),
        [sign, hours @ .., b':', m1, m2] if hours.len() == 2 => (sign, hours, [*m1, *m2]),
        [sign, h1, h2, m1, m2] => (sign, &[*h1, *h2][..], [*m1, *m2]),
        [sign, hours @ ..] if hours.len() == 2 => (sign, hours, *b"00"),
        _ => return None,
    };
    let minutes = number(&minutes).filter(|minutes| *minutes < 60)?;
    let offset = number(hours)? * 60 + minutes;
    match sign {
        b'+' => Some(offset),
        b'-' => Some(-offset),
        _ => None,
    }
}

impl<const ZONE: i32> core::str::FromStr for BcdTime<ZONE> {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        Self::parse(text).ok_or(TimeError)
    }
}

/// Text that is no time from 2000 to 2099.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeError;

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write a time from 2000 to 2099 as `2024-05-31T12:00:00+08:00`")
    }
}

impl core::error::Error for TimeError {}

/// Days since 1970-01-01 (Howard Hinnant's civil calendar algorithm).
fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let shifted = (i64::from(month) + 9) % 12;
    let of_year = (153 * shifted + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

fn civil_from_days(days: i64) -> (i64, u8, u8) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * shifted + 2) / 5 + 1) as u8;
    let month = (if shifted < 10 { shifted + 3 } else { shifted - 9 }) as u8;
    (year + era * 400 + i64::from(month <= 2), month, day)
}

impl<const ZONE: i32> fmt::Display for BcdTime<ZONE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some([year, month, day, hour, minute, second]) = self.parts() else {
            return self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"));
        };
        write!(f, "20{year:02}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if ZONE == 0 {
            return f.write_str("Z");
        }
        let sign = if ZONE < 0 { '-' } else { '+' };
        write!(f, "{sign}{:02}:{:02}", ZONE.abs() / 60, ZONE.abs() % 60)
    }
}

impl<const ZONE: i32> fmt::Debug for BcdTime<ZONE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BcdTime({self})")
    }
}

impl<const ZONE: i32> Wire for BcdTime<ZONE> {
    const MIN: usize = 6;
    const SIZE: Option<usize> = Some(6);
    type Ctx = ();
}

impl<'a, const ZONE: i32> Decode<'a> for BcdTime<ZONE> {
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

impl<const ZONE: i32> Encode for BcdTime<ZONE> {
    #[inline]
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        w.run(self.0);
        Ok(())
    }
}

impl<const ZONE: i32> Value for BcdTime<ZONE> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        use fmt::Write as _;
        let mut text = String::with_capacity(25);
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{self}");
        v.text(&text);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::format;
    use alloc::string::ToString as _;
    use alloc::vec::Vec;

    use super::*;

    /// All days from 2000-01-01 to 2099-12-31 with the second they begin at in
    /// UTC, counted one by one.
    fn days() -> impl Iterator<Item = (i64, [u8; 3])> {
        // `date -u -d 2000-01-01 +%s`.
        let mut second = 946_684_800;
        (0..100_u8)
            .flat_map(|year| {
                let february = if year.is_multiple_of(4) { 29 } else { 28 };
                [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
                    .into_iter()
                    .enumerate()
                    .flat_map(move |(month, days)| (1..=days).map(move |day| [year, month as u8 + 1, day]))
            })
            .map(move |day| {
                second += 86_400;
                (second - 86_400, day)
            })
    }

    fn packed(parts: [u8; 6]) -> [u8; 6] {
        parts.map(|part| u8::from_str_radix(&format!("{part}"), 16).unwrap())
    }

    fn every_day_in<const ZONE: i32>() {
        let east = i64::from(ZONE) * 60;
        for (begin, [year, month, day]) in days() {
            for (second, [h, m, s]) in [(0, [0, 0, 0]), (45_296, [12, 34, 56]), (86_399, [23, 59, 59])] {
                let time = BcdTime::<ZONE>::from_bytes(packed([year, month, day, h, m, s]));
                let unix = begin + second - east;
                assert!(time.is_valid(), "{time}");
                assert_eq!(time.unix(), Some(unix), "{time}");
                assert_eq!(BcdTime::from_unix(unix), Some(time), "{unix}");
                if second == 45_296 {
                    continue;
                }
                assert_eq!(time.to_string().parse(), Ok(time));
                // Seen from another zone it is the same moment, or outside the century.
                let utc = BcdTime::<0>::from_unix(unix);
                assert_eq!(utc.map(|utc| utc.unix()), utc.map(|_| Some(unix)));
                if let Some(utc) = utc {
                    assert_eq!(utc.to_string().parse(), Ok(time), "{utc}");
                }
            }
        }
    }

    #[test]
    fn every_day_of_the_century_agrees_with_counting() {
        assert_eq!(days().count(), 36_525);
        // `date -u -d 2099-12-31 +%s`.
        assert_eq!(days().last(), Some((4_102_358_400, [99, 12, 31])));
        every_day_in::<0>();
        every_day_in::<{ 8 * 60 }>();
        every_day_in::<{ 14 * 60 }>();
        every_day_in::<{ -12 * 60 }>();
        every_day_in::<{ 5 * 60 + 45 }>();
        every_day_in::<{ -(9 * 60 + 30) }>();
    }

    #[test]
    fn outside_the_century_there_is_no_time() {
        fn at<const ZONE: i32>() {
            let first = 946_684_800 - i64::from(ZONE) * 60;
            let last = 4_102_444_799 - i64::from(ZONE) * 60;
            let digits = |unix| BcdTime::<ZONE>::from_unix(unix).map(|time| time.0);
            assert_eq!(digits(first - 1), None);
            assert_eq!(digits(first), Some([0, 1, 1, 0, 0, 0]));
            assert_eq!(digits(last), Some([0x99, 0x12, 0x31, 0x23, 0x59, 0x59]));
            assert_eq!(digits(last + 1), None);
            assert_eq!(digits(i64::MAX), None);
            assert_eq!(digits(i64::MIN), None);
        }
        at::<0>();
        at::<{ 8 * 60 }>();
        at::<{ -(3 * 60 + 30) }>();
    }

    #[test]
    fn a_time_exists_if_its_day_was_counted() {
        let days: Vec<[u8; 6]> =
            days().map(|(_, [year, month, day])| packed([year, month, day, 23, 59, 59])).collect();
        // All months and days there could be, in a leap year, one that is none,
        // and years that are no decimal.
        for year in [0x00, 0x01, 0x24, 0x99, 0x0A, 0xA0] {
            for month in 0..=255 {
                for day in 0..=255 {
                    let time = BcdTime::<0>::from_bytes([year, month, day, 0x23, 0x59, 0x59]);
                    let exists = days.binary_search(time.as_bytes()).is_ok();
                    assert_eq!(time.is_valid(), exists, "{:x?}", time.0);
                    assert_eq!(time.unix().is_some(), exists, "{:x?}", time.0);
                }
            }
        }
        // And all values of the clock.
        for byte in 0..=255_u8 {
            let decimal = byte >> 4 < 10 && byte & 15 < 10;
            for (at, end) in [(3, 0x24), (4, 0x60), (5, 0x60)] {
                let mut bytes = [0x24, 0x02, 0x29, 0, 0, 0];
                bytes[at] = byte;
                assert_eq!(BcdTime::<0>(bytes).is_valid(), decimal && byte < end, "{bytes:x?}");
            }
        }
    }

    #[test]
    fn a_time_that_does_not_exist_is_flagged_shown_and_read_again() {
        for bytes in [[0x23, 0x02, 0x29, 0, 0, 0], [0; 6], [0xFF; 6], [0x24, 0x05, 0x31, 0x24, 0, 0]] {
            let mut r = Reader::new(&bytes);
            let time = BcdTime::<480>::decode(&mut r, ()).unwrap();
            assert!(r.flags().has(Flag::Time), "{bytes:x?}");
            assert_eq!((time.unix(), time.as_bytes()), (None, &bytes));
            assert_eq!(time.to_string().parse(), Ok(time));
        }
        let mut r = Reader::new(&[0x24, 0x02, 0x29, 0, 0, 0]);
        BcdTime::<480>::decode(&mut r, ()).unwrap();
        assert!(r.flags().is_empty());
    }

    #[test]
    fn text_may_name_its_zone() {
        let parse = |text: &str| text.parse::<BcdTime<480>>().map(|time| time.to_string());
        for text in [
            "2024-02-29T00:30:00+08:00",
            "2024-02-29T00:30:00",
            " 2024-02-29 00:30:00.999 ",
            "2024-02-28T16:30:00Z",
            "2024-02-28t16:30:00.5z",
            "2024-02-29T00:30:00+0800",
            "2024-02-29T00:30:00+08",
            "2024-02-28T16:00:00-00:30",
            "2024-02-28T05:30:00-11",
            "240229003000",
        ] {
            assert_eq!(parse(text).as_deref(), Ok("2024-02-29T00:30:00+08:00"), "{text}");
        }
        // The zone decides about the century.
        assert_eq!(parse("1999-12-31T16:00:00Z").as_deref(), Ok("2000-01-01T00:00:00+08:00"));
        assert_eq!(parse("2100-01-01T00:00:00+09:00").as_deref(), Ok("2099-12-31T23:00:00+08:00"));
        assert_eq!(parse("2099-12-31T16:00:00Z"), Err(TimeError));
    }

    #[test]
    fn other_text_is_no_time() {
        for text in [
            "",
            "2024",
            "24022900300",
            "24022900300x",
            "2024-02-30T00:00:00",
            "2023-02-29T00:00:00",
            "2024-00-10T00:00:00",
            "2024-13-10T00:00:00",
            "2024-01-00T00:00:00",
            "2024-01-10T24:00:00",
            "2024-01-10T00:60:00",
            "2024-01-10T00:00:60",
            "2024-01-10T-1:00:00",
            "2024-+1-10T00:00:00",
            "2024/01/10T00:00:00",
            "2024-01-10_00:00:00",
            "2024-01-10T00:00:00.",
            "2024-01-10T00:00:00.Z",
            "2024-01-10T00:00:005",
            "2024-01-10T00:00:00Zx",
            "2024-01-10T00:00:00+8",
            "2024-01-10T00:00:00+08:0",
            "2024-01-10T00:00:00+08:60",
            "2024-01-10T00:00:00+-8:00",
            "2024-01-10T00:00:00 08:00",
            "2024-01-10T00:00:00+9223372036854775807",
            "2024-01-10T00:00:00+9223372036854775807:00",
            "2024-01-10T00:00:0\u{e9}",
            "1999-01-10T00:00:00",
            "2100-01-10T00:00:00",
            "9999-12-31T23:59:59-99:59",
            "0000-01-01T00:00:00+99:59",
        ] {
            assert_eq!(text.parse::<BcdTime<480>>(), Err(TimeError), "{text}");
        }
    }
}
