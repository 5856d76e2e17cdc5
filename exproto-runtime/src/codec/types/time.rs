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
        Some(Self(parts.map(|part| part / 10 << 4 | part % 10)))
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
        let parts @ [year, month, day, hour, minute, second] = self.0.map(|byte| (byte >> 4) * 10 + (byte & 15));
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if year % 4 == 0 => 29,
            2 => 28,
            1..=12 => 31,
            _ => return None,
        };
        ((1..=days).contains(&day) && hour < 24 && minute < 60 && second < 60).then_some(parts)
    }

    /// Reads `YYYY-MM-DDThh:mm:ss` with `Z` or an offset, or the 12 digits.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = |text: &str| -> Option<Self> {
            let mut bytes = [0; 6];
            for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
                for digit in pair {
                    *byte = *byte << 4 | (*digit as char).to_digit(16)? as u8;
                }
            }
            Some(Self(bytes))
        };
        if text.len() == 12 {
            return digits(text);
        }
        let date_time = text.get(..19)?;
        let number = |range: core::ops::Range<usize>| date_time.get(range)?.parse::<i64>().ok();
        let days = days_from_civil(number(0..4)?, number(5..7)?.try_into().ok()?, number(8..10)?.try_into().ok()?);
        let local = days * 86_400 + number(11..13)? * 3600 + number(14..16)? * 60 + number(17..19)?;
        let rest = text.get(19..)?.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
        let offset = match rest.split_at_checked(1) {
            None => i64::from(ZONE),
            Some(("Z" | "z", _)) => 0,
            Some((sign @ ("+" | "-"), offset)) => {
                let (hours, minutes) = offset.split_once(':').unwrap_or((offset, "0"));
                let minutes = hours.parse::<i64>().ok()? * 60 + minutes.parse::<i64>().ok()?;
                if sign == "-" { -minutes } else { minutes }
            }
            Some(_) => return None,
        };
        let time = Self::from_unix(local - offset * 60)?;
        time.is_valid().then_some(time)
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
