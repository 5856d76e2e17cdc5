//! Times by a pattern: how bits or characters make up date and time.

use core::fmt;
use core::marker::PhantomData;

use super::{TIME, TimeError, civil_from_days, days_from_civil, parse_iso_nanos, show_text, write_zone};
use crate::codec::byte_set::ByteSet;
use crate::codec::error::{Error, ErrorKind};
use crate::codec::json::{Fill, FillError, Node};
use crate::codec::layout::{Decode, Encode, Scalar, Wire};
use crate::codec::random::Random;
use crate::codec::reader::Reader;
use crate::codec::sample::Sample;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::{Flag, Trace};
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

/// How a time is laid out, for [`BitTime`] and [`TextTime`].
///
/// In the pattern of a [`BitTime`] each letter is a bit, the highest first; in
/// that of a [`TextTime`] each is a digit. Letters of a kind that stand apart
/// are put together in their order.
///
/// | letter | meaning |
/// |---|---|
/// | `Y` | year, from `YEAR` unless it has four digits of text; see `WINDOW` |
/// | `C` | century, 100 years each |
/// | `M`, `D` | month, day |
/// | `W` | weekday, 1 is Monday; not looked at, but written |
/// | `w`, `d` | weeks, days since `EPOCH` |
/// | `h`, `m` | hour, minute; the minutes of the day without `h` |
/// | `s` | counts of `SECOND`; since the last unit there is |
/// | `f` | fraction of a second: decimals in text, else 1 / `FRACTION` |
/// | `_` | bits that are kept and mean something else |
///
/// Blanks between bits mean nothing; other characters of text stand for
/// themselves.
pub trait TimeLayout {
    /// The letters.
    const PATTERN: &'static str;
    /// The year that `Y` counts from.
    const YEAR: i64 = 2000;
    /// Years `Y` below this, without a century `C` or in the first one, are a
    /// hundred years later: with `YEAR = 1900` and `WINDOW = 81` the year 81 is
    /// 1981 and 80 is 2080.
    const WINDOW: i64 = 0;
    /// Minutes east of UTC.
    const ZONE: i32 = 0;
    /// One count of `s` in seconds, as a fraction: `(2, 1)`, `(1, 1000)`.
    const SECOND: (i64, i64) = (1, 1);
    /// Counts of `f` in a second.
    const FRACTION: i64 = 1000;
    /// What `w` and `d` count from, in seconds since 1970.
    const EPOCH: i64 = 0;
    /// Whether the bits of each letter are packed decimal digits.
    const BCD: bool = false;
}

const LETTERS: &[u8; 11] = b"YCMDWwdhmsf";
const NANOS: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

/// The values of the letters.
#[derive(Clone, Copy, Default)]
struct Found {
    values: [i64; 11],
    digits: [u32; 11],
}

impl Found {
    fn at(letter: u8) -> usize {
        LETTERS.iter().position(|known| *known == letter).unwrap_or(0)
    }

    fn get(&self, letter: u8) -> Option<i64> {
        let at = Self::at(letter);
        (self.digits[at] > 0).then_some(self.values[at])
    }

    fn or(&self, letter: u8, missing: i64) -> i64 {
        self.get(letter).unwrap_or(missing)
    }
}

/// Whether letters stand for a whole date, and for the time of a day.
struct Kind {
    date: bool,
    hour: bool,
    second: bool,
    fraction: u32,
}

fn has(pattern: &str, letter: u8) -> bool {
    pattern.as_bytes().contains(&letter)
}

fn kind<L: TimeLayout>(text: bool) -> Kind {
    let count = L::PATTERN.bytes().filter(|byte| *byte == b'f').count() as u32;
    let of = |parts: i64| (0..=9).find(|digits| 10_i64.pow(*digits) >= parts).unwrap_or(9);
    let fraction = if count == 0 {
        of(L::SECOND.1)
    } else if text {
        count.min(9)
    } else {
        of(L::FRACTION)
    };
    Kind {
        date: has(L::PATTERN, b'Y') || has(L::PATTERN, b'w') || has(L::PATTERN, b'd'),
        hour: has(L::PATTERN, b'h') || has(L::PATTERN, b'm') || has(L::PATTERN, b's'),
        second: has(L::PATTERN, b's'),
        fraction,
    }
}

/// Seconds on the device's clock and nanoseconds, if there is such a time.
fn join<L: TimeLayout>(found: &Found, text: bool) -> Option<(i64, i64)> {
    let days = if let Some(weeks) = found.get(b'w') {
        L::EPOCH.div_euclid(DAY) + weeks * 7 + found.or(b'd', 0)
    } else if let Some(days) = found.get(b'd') {
        L::EPOCH.div_euclid(DAY) + days
    } else if let Some(year) = found.get(b'Y') {
        let four = text && found.digits[Found::at(b'Y')] >= 4;
        let century = found.or(b'C', 0);
        let later = if !four && century == 0 && year < L::WINDOW { 100 } else { 0 };
        let year = year + if four { 0 } else { L::YEAR } + 100 * century + later;
        let (month, day) = (found.or(b'M', 1), found.or(b'D', 1));
        let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        let days = days_from_civil(year, month, day);
        if !(0..10_000).contains(&year) || civil_from_days(days) != (year, month, day) {
            return None;
        }
        days
    } else {
        0
    };
    let rest = if found.get(b'w').or(found.get(b'd')).is_some() { L::EPOCH.rem_euclid(DAY) } else { 0 };
    let (hour, minute) = (found.get(b'h'), found.get(b'm'));
    let counts = found.or(b's', 0).checked_mul(L::SECOND.0)?;
    let (second, part) = (counts / L::SECOND.1, counts % L::SECOND.1 * NANOS / L::SECOND.1);
    let too_late = hour.is_some_and(|hour| hour > 23)
        || hour.and(minute).is_some_and(|minute| minute > 59)
        || hour.or(minute).is_some() && second > 59;
    if too_late {
        return None;
    }
    let fraction = match found.get(b'f') {
        None => part,
        Some(f) => {
            let digits = found.digits[Found::at(b'f')];
            let parts = if text { 10_i64.checked_pow(digits)? } else { L::FRACTION };
            (f < parts).then_some(())?;
            (i128::from(f) * i128::from(NANOS) / i128::from(parts)) as i64
        }
    };
    let seconds = days * DAY + rest + found.or(b'h', 0) * 3600 + found.or(b'm', 0) * 60 + second;
    // Without a date there is one day.
    let in_day = kind::<L>(text).date || (0..DAY).contains(&seconds);
    in_day.then_some((seconds, fraction))
}

/// The values of the letters for a time on the device's clock.
fn split<L: TimeLayout>(local: i64, nanos: i64, found: &mut Found, text: bool) -> Option<()> {
    let mut set = |letter: u8, value: i64| found.values[Found::at(letter)] = value;
    let pattern = L::PATTERN;
    let mut left = local;
    if has(pattern, b'w') || has(pattern, b'd') {
        left -= L::EPOCH;
        if left < 0 {
            return None;
        }
        if has(pattern, b'w') {
            set(b'w', left / (7 * DAY));
            left %= 7 * DAY;
        }
        if has(pattern, b'd') {
            set(b'd', left / DAY);
            left %= DAY;
        }
    } else if has(pattern, b'Y') {
        let days = left.div_euclid(DAY);
        let (year, month, day) = civil_from_days(days);
        left = left.rem_euclid(DAY);
        set(b'W', (days + 3).rem_euclid(7) + 1);
        set(b'M', i64::from(month));
        set(b'D', i64::from(day));
        if !has(pattern, b'M') {
            left += (days - days_from_civil(year, 1, 1)) * DAY;
        } else if !has(pattern, b'D') {
            left += (i64::from(day) - 1) * DAY;
        }
        let four = text && pattern.bytes().filter(|byte| *byte == b'Y').count() >= 4;
        let mut year = if four { year } else { year - L::YEAR };
        // What would be read as a hundred years later cannot be written.
        if year < 0 || !four && year < L::WINDOW {
            return None;
        }
        if has(pattern, b'C') {
            set(b'C', year / 100);
            year %= 100;
        } else if !four && (100..100 + L::WINDOW).contains(&year) {
            year -= 100;
        }
        set(b'Y', year);
    } else {
        left = left.rem_euclid(DAY);
    }
    if has(pattern, b'h') {
        set(b'h', left / 3600);
        left %= 3600;
    }
    if has(pattern, b'm') {
        set(b'm', left / 60);
        left %= 60;
    }
    let part = nanos * L::SECOND.1 / NANOS;
    set(b's', (left * L::SECOND.1 + if has(pattern, b'f') { 0 } else { part }) / L::SECOND.0);
    let digits = pattern.bytes().filter(|byte| *byte == b'f').count() as u32;
    let parts = if text { 10_i64.checked_pow(digits)? } else { L::FRACTION };
    set(b'f', (i128::from(nanos) * i128::from(parts) / i128::from(NANOS)) as i64);
    Some(())
}

/// `2024-05-31T12:00:00.250+08:00`; without a date the time of day alone,
/// without a time the date.
fn write<L: TimeLayout>(f: &mut fmt::Formatter<'_>, (local, nanos): (i64, i64), text: bool) -> fmt::Result {
    let kind = kind::<L>(text);
    let (days, second) = (local.div_euclid(DAY), local.rem_euclid(DAY));
    if kind.date {
        let (year, month, day) = civil_from_days(days);
        write!(f, "{year:04}-{month:02}-{day:02}")?;
    }
    if kind.hour {
        if kind.date {
            f.write_str("T")?;
        }
        write!(f, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        if kind.fraction > 0 && kind.second {
            let digits = kind.fraction as usize;
            write!(f, ".{:0digits$}", nanos / 10_i64.pow(9 - kind.fraction))?;
        }
        if kind.date {
            write_zone(f, L::ZONE)?;
        }
    }
    Ok(())
}

/// The reverse, on the device's clock.
fn read<L: TimeLayout>(text: &str, of_text: bool) -> Option<(i64, i64)> {
    let kind = kind::<L>(of_text);
    let mut full = alloc::string::String::new();
    if !kind.date {
        full.push_str("1970-01-01T");
    }
    full.push_str(text);
    if !kind.hour {
        full.push_str("T00:00:00");
    }
    let (seconds, nanos) = parse_iso_nanos(&full, L::ZONE)?;
    Some((seconds + i64::from(L::ZONE) * 60, nanos))
}

macro_rules! common {
    ($name:ident, $text:literal) => {
        impl<L: TimeLayout> $name<L> {
            /// The time of a Unix time stamp in seconds; `None` if the layout
            /// has no such time.
            #[must_use]
            pub fn from_unix(seconds: i64) -> Option<Self> {
                Self::from_local(seconds.checked_add(i64::from(L::ZONE) * 60)?, 0)
            }

            /// The Unix time stamp in seconds; of a time without date the
            /// seconds of the day. `None` if there is no such time.
            #[must_use]
            pub fn unix(&self) -> Option<i64> {
                let (local, _) = self.local()?;
                Some(if kind::<L>($text).date { local - i64::from(L::ZONE) * 60 } else { local })
            }
        }

        impl<L> Clone for $name<L> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<L> Copy for $name<L> {}

        impl<L> PartialEq for $name<L> {
            fn eq(&self, other: &Self) -> bool {
                self.0 == other.0
            }
        }

        impl<L> Eq for $name<L> {}

        impl<L> Default for $name<L> {
            fn default() -> Self {
                Self(Default::default(), PhantomData)
            }
        }

        impl<L: TimeLayout> fmt::Debug for $name<L> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl<L: TimeLayout> core::str::FromStr for $name<L> {
            type Err = TimeError;

            /// Reads the form that `Display` writes.
            fn from_str(text: &str) -> Result<Self, TimeError> {
                let (local, nanos) = read::<L>(text, $text).ok_or(TimeError)?;
                Self::from_local(local, nanos).ok_or(TimeError)
            }
        }

        impl<L: TimeLayout> Sample for $name<L> {
            fn sample(random: &mut Random, _: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
                // A layout of few years may begin anywhere.
                let first = if has(L::PATTERN, b'Y') {
                    ((L::YEAR + L::WINDOW).max(1970) - 1969) * 366 * DAY
                } else {
                    L::EPOCH
                };
                Self::from_unix(first + random.within(DAY..=300 * DAY)).unwrap_or_default()
            }
        }
    };
}

/// A time in the bits of one integer, as its [`TimeLayout`] says. The field
/// says the integer on the wire with `as`, or its `bits`.
///
/// The bits are kept. One that does not exist is shown as its number.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{BitTime, TimeLayout, from_bytes, to_bytes};
/// use exproto_runtime::ExProtoFrame;
///
/// /// Two seconds a count, years from 1980.
/// struct Packed;
/// impl TimeLayout for Packed {
///     const PATTERN: &'static str = "YYYYYYYMMMMDDDDD hhhhhmmmmmmsssss";
///     const YEAR: i64 = 1980;
///     const SECOND: (i64, i64) = (2, 1);
/// }
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[wire(endian = big)]
/// struct Entry { #[wire(as = u32)] at: BitTime<Packed> }
///
/// let entry = from_bytes::<Entry>(&[0x58, 0xBF, 0x60, 0x05]).unwrap().frame;
/// assert_eq!(entry.at.to_string(), "2024-05-31T12:00:10Z");
/// assert_eq!(to_bytes(&Entry { at: "2024-05-31T12:00:10Z".parse().unwrap() }).unwrap(), [0x58, 0xBF, 0x60, 0x05]);
/// # }
/// ```
pub struct BitTime<L>(u64, PhantomData<L>);

common!(BitTime, false);

impl<L: TimeLayout> BitTime<L> {
    /// The time in these bits.
    #[must_use]
    pub const fn new(raw: u64) -> Self {
        Self(raw, PhantomData)
    }

    /// The bits.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    fn bits() -> impl Iterator<Item = u8> {
        L::PATTERN.bytes().filter(|byte| !byte.is_ascii_whitespace())
    }

    /// Seconds on the device's clock, and nanoseconds.
    fn local(self) -> Option<(i64, i64)> {
        let mut found = Found::default();
        let count = Self::bits().count() as u32;
        for (at, letter) in (0..count).zip(Self::bits()).filter(|(_, letter)| LETTERS.contains(letter)) {
            let slot = Found::at(letter);
            let bit = (self.0 >> (count - 1 - at)).cast_signed() & 1;
            found.values[slot] = found.values[slot] << 1 | bit;
            found.digits[slot] += 1;
        }
        if L::BCD {
            for value in &mut found.values {
                let digits = (0..16).rev().map(|at| *value >> (4 * at) & 15);
                *value = digits
                    .into_iter()
                    .try_fold(0, |number, digit| (digit <= 9).then_some(number * 10 + digit))?;
            }
        }
        join::<L>(&found, false)
    }

    fn from_local(local: i64, nanos: i64) -> Option<Self> {
        let mut found = Found::default();
        split::<L>(local, nanos, &mut found, false)?;
        if L::BCD {
            for value in &mut found.values {
                let number = *value;
                let digits = (0..15).map(|at| (number / 10_i64.pow(at) % 10) << (4 * at));
                *value = digits.into_iter().fold(0, |all, digit| all | digit);
            }
        }
        // The lowest bit of each letter stands last.
        let mut raw = 0;
        let letters: alloc::vec::Vec<u8> = Self::bits().collect();
        for (at, letter) in letters.iter().rev().enumerate().filter(|(_, letter)| LETTERS.contains(letter)) {
            let slot = Found::at(*letter);
            raw |= (found.values[slot].cast_unsigned() & 1) << at;
            found.values[slot] >>= 1;
            found.digits[slot] += 1;
        }
        // What has no place, and would not be read back, has to be nothing.
        let fits = found.digits.iter().zip(found.values).all(|(digits, left)| *digits == 0 || left == 0);
        fits.then_some(Self(raw, PhantomData))
    }
}

impl<L: TimeLayout> Scalar for BitTime<L> {
    const MAX_RAW: u64 = 0;

    #[inline(always)]
    fn from_raw(raw: u64) -> Self {
        Self(raw, PhantomData)
    }

    #[inline(always)]
    fn raw(self) -> u64 {
        self.0
    }
}

impl<L: TimeLayout> fmt::Display for BitTime<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.local() {
            Some(time) => write::<L>(f, time, false),
            None => fmt::Display::fmt(&self.0, f),
        }
    }
}

impl<L: TimeLayout> Value for BitTime<L> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        match (at.sentinel(self.0.cast_signed()), self.local()) {
            (None, Some(_)) => show_text(self, v),
            _ => self.0.show(at, v),
        }
    }
}

impl<'f, L: TimeLayout> Fill<'f> for BitTime<L> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        use alloc::string::ToString as _;
        match node.and_then(Node::as_str) {
            Some(text) if at.sentinel_named(text).is_none() => {
                text.parse().map_err(|error: TimeError| FillError::new(error.to_string()))
            }
            _ => u64::fill(node, at).map(Self::new),
        }
    }
}

/// The longest time as text.
const MOST: usize = 31;

/// A time as text, as its [`TimeLayout`] says. Takes all bytes of its extent.
///
/// The characters are kept. One that does not exist is flagged and shown as
/// its text, without text it is `null`.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{TextTime, TimeLayout, from_bytes, to_bytes};
/// use exproto_runtime::ExProtoFrame;
///
/// struct Local;
/// impl TimeLayout for Local {
///     const PATTERN: &'static str = "DDMMYY hhmmss.ff";
///     const ZONE: i32 = 8 * 60;
/// }
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[wire(sep = b',')]
/// struct Line { at: TextTime<Local>, before: TextTime<Local> }
///
/// let line = from_bytes::<Line>(b"310524 120009.25,").unwrap().frame;
/// assert_eq!(line.at.to_string(), "2024-05-31T12:00:09.25+08:00");
/// assert_eq!(to_bytes(&line).unwrap(), b"310524 120009.25,");
/// # }
/// ```
pub struct TextTime<L>(([u8; MOST], u8), PhantomData<L>);

common!(TextTime, true);

impl<L: TimeLayout> TextTime<L> {
    /// The characters as on the wire; `None` if they are more than 31.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let mut all = [0; MOST];
        all.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self((all, bytes.len() as u8), PhantomData))
    }

    /// The characters as on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.0.get(..usize::from(self.0.1)).unwrap_or(&[])
    }

    /// Seconds on the device's clock, and nanoseconds.
    fn local(&self) -> Option<(i64, i64)> {
        let (bytes, pattern) = (self.as_bytes(), L::PATTERN.as_bytes());
        if bytes.len() != pattern.len() {
            return None;
        }
        let mut found = Found::default();
        for (byte, letter) in bytes.iter().zip(pattern) {
            if !LETTERS.contains(letter) {
                (*letter == b'_' || byte == letter).then_some(())?;
                continue;
            }
            let slot = Found::at(*letter);
            let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
            found.values[slot] = found.values[slot].checked_mul(10)?.checked_add(digit)?;
            found.digits[slot] += 1;
        }
        join::<L>(&found, true)
    }

    fn from_local(local: i64, nanos: i64) -> Option<Self> {
        let mut found = Found::default();
        split::<L>(local, nanos, &mut found, true)?;
        let mut text = Self::from_bytes(L::PATTERN.as_bytes())?;
        let end = text.as_bytes().len();
        for byte in text.0.0.get_mut(..end)?.iter_mut().rev() {
            if LETTERS.contains(byte) {
                let slot = Found::at(*byte);
                *byte = b'0' + (found.values[slot] % 10) as u8;
                found.values[slot] /= 10;
                found.digits[slot] += 1;
            }
        }
        let fits = found.digits.iter().zip(found.values).all(|(digits, left)| *digits == 0 || left == 0);
        fits.then_some(text)
    }
}

impl<L> Wire for TextTime<L> {
    const MIN: usize = 0;
    const SIZE: Option<usize> = None;
    const GREEDY: bool = true;
    const BYTES: ByteSet = ByteSet::NONE;
    type Ctx = ();
}

impl<'a, L: TimeLayout> Decode<'a> for TextTime<L> {
    fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
        let offset = r.offset();
        let bytes = r.rest();
        let Some(time) = Self::from_bytes(bytes) else {
            return Err(r.fail(ErrorKind::Size, offset, &TIME, bytes.len() as u64, MOST as u64));
        };
        if !bytes.is_empty() && time.local().is_none() {
            r.flag_at(Flag::Time, &TIME, offset);
        }
        Ok(time)
    }
}

impl<L: TimeLayout> Encode for TextTime<L> {
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        w.bytes(self.as_bytes());
        Ok(())
    }
}

impl<L: TimeLayout> fmt::Display for TextTime<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.local() {
            Some(time) => write::<L>(f, time, true),
            None => f.write_str(&alloc::string::String::from_utf8_lossy(self.as_bytes())),
        }
    }
}

impl<L: TimeLayout> Value for TextTime<L> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        if self.as_bytes().is_empty() { v.null() } else { show_text(self, v) }
    }
}

impl<'f, L: TimeLayout> Fill<'f> for TextTime<L> {
    fn fill(node: Option<&'f Node>, _: &'static FieldInfo) -> Result<Self, FillError> {
        use alloc::string::ToString as _;
        let Some(node) = node.filter(|node| !node.is_null()) else { return Ok(Self::default()) };
        let text = node.as_str().ok_or_else(|| node.expected("a text"))?;
        match text.parse() {
            Ok(time) => Ok(time),
            // Or the characters themselves.
            Err(error) => Self::from_bytes(text.as_bytes())
                .filter(|time| time.local().is_some())
                .ok_or_else(|| FillError::new(TimeError::to_string(&error))),
        }
    }
}
