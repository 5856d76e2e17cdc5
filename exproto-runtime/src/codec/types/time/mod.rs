//! Dates and times as devices write them: kept as received, ISO 8601 in JSON.

mod cp56;
mod fields;
mod pattern;
mod ticks;
mod unix;

pub use cp56::Cp56Time;
pub use fields::{BcdTime, ByteTime, YMDHMS, order};
pub use pattern::{BitTime, TextTime, TimeLayout};
pub use ticks::Ticks;
pub use unix::{UnixMillis, UnixSeconds};

use core::fmt;

use crate::codec::schema::FieldInfo;

static TIME: FieldInfo = FieldInfo::new("", "time");

/// Text that is no time of the field's range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeError;

impl fmt::Display for TimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("write a time that the field can hold, such as `2024-05-31T12:00:00+08:00`")
    }
}

impl core::error::Error for TimeError {}

/// Year, month, day, hour, minute and second of a local clock.
type Parts = [u8; 6];

/// Seconds since 1970 on the local clock; the year counts from 2000. `None` if
/// there is no such time.
fn seconds_of([year, month, day, hour, minute, second]: Parts) -> Option<i64> {
    let days = match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 => 29,
        2 => 28,
        1..=12 => 31,
        _ => return None,
    };
    if year > 99 || !(1..=days).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let days = days_from_civil(2000 + i64::from(year), month, day);
    Some(days * 86_400 + i64::from(hour) * 3600 + i64::from(minute) * 60 + i64::from(second))
}

/// The reverse: from 2000 to 2099.
fn parts_of(local: i64) -> Option<Parts> {
    let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let year = u8::try_from(year - 2000).ok().filter(|year| *year < 100)?;
    Some([year, month, day, (second / 3600) as u8, (second / 60 % 60) as u8, (second % 60) as u8])
}

/// Whether a year of four digits is enough for a local time.
fn has_iso(local: i64) -> bool {
    (-62_167_219_200..253_402_300_800).contains(&local)
}

/// Writes a local time and its zone, `2024-05-31T12:00:00.250+08:00`.
fn write_iso(f: &mut fmt::Formatter<'_>, local: i64, millis: Option<u16>, zone: i32) -> fmt::Result {
    let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
    let (year, month, day) = civil_from_days(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
    if let Some(millis) = millis {
        write!(f, ".{millis:03}")?;
    }
    write_zone(f, zone)
}

/// Writes `Z` or `+08:00`.
fn write_zone(f: &mut fmt::Formatter<'_>, zone: i32) -> fmt::Result {
    if zone == 0 {
        return f.write_str("Z");
    }
    let sign = if zone < 0 { '-' } else { '+' };
    write!(f, "{sign}{:02}:{:02}", zone.abs() / 60, zone.abs() % 60)
}

/// Reads `YYYY-MM-DDThh:mm:ss`, perhaps with a fraction, in the zone that `Z`
/// or an offset names, else in `zone`. Seconds since 1970 in UTC, and
/// milliseconds.
fn parse_iso(text: &str, zone: i32) -> Option<(i64, u16)> {
    // Below a thousand.
    parse_iso_nanos(text, zone).map(|(seconds, nanos)| (seconds, (nanos / 1_000_000) as u16))
}

/// The same with nanoseconds.
fn parse_iso_nanos(text: &str, zone: i32) -> Option<(i64, i64)> {
    let (date_time, rest) = text.trim().as_bytes().split_at_checked(19)?;
    let separators = [4, 7, 10, 13, 16].map(|at| date_time.get(at).copied().unwrap_or(0));
    if !matches!(separators, [b'-', b'-', b'T' | b't' | b' ', b':', b':']) {
        return None;
    }
    let year = number(date_time.get(..4)?)?;
    let [month, day, hour, minute, second] = [5, 8, 11, 14, 17].map(|at| number(date_time.get(at..at + 2)?));
    let (month, day) = (u8::try_from(month?).ok()?, u8::try_from(day?).ok()?);
    let (hour, minute, second) = (hour?, minute?, second?);
    let days = days_from_civil(year, month, day);
    // The day after the last of a month would silently be the first of the next.
    if civil_from_days(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let fraction = rest.strip_prefix(b".").unwrap_or(&[]).iter().take_while(|byte| byte.is_ascii_digit());
    let weights = (0..9).map(|at| 10_i64.pow(8 - at));
    let nanos = fraction.zip(weights).map(|(digit, weight)| i64::from(digit - b'0') * weight).sum();
    let local = days * 86_400 + hour * 3600 + minute * 60 + second;
    Some((local - offset(rest, i64::from(zone))? * 60, nanos))
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

/// Shows a value by its text form.
pub(super) fn show_text<V: crate::codec::value::Visitor>(value: &impl fmt::Display, v: &mut V) {
    use fmt::Write as _;
    let mut text = alloc::string::String::with_capacity(32);
    // Writing to a `String` cannot fail.
    let _ = write!(text, "{value}");
    v.text(&text);
}

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
