//! Times counted in any unit from any epoch.

use core::fmt;

use super::{TimeError, civil_from_days, has_iso, parse_iso_nanos, show_text, write_zone};
use crate::codec::json::{Fill, FillError, Node};
use crate::codec::layout::Scalar;
use crate::codec::random::Random;
use crate::codec::sample::Sample;
use crate::codec::schema::FieldInfo;
use crate::codec::value::{Value, Visitor};

/// A time counted from `EPOCH`, in seconds from 1970: `PER` counts are
/// `SECONDS` seconds. `ZONE` is in minutes east of UTC, for a device that
/// counts on its local clock. The field says the integer on the wire with `as`.
///
/// | type | counts |
/// |---|---|
/// | `Ticks<100>` | 10 ms from 1970 |
/// | `Ticks<1, 60, 946_684_800>` | minutes from 2000 |
/// | `Ticks<1, 86_400>` | days from 1970 |
/// | `Ticks<10_000_000, 1, -11_644_473_600>` | 100 ns from 1601 |
/// | `Ticks<10_000_000, 1, -62_135_596_800>` | 100 ns from the year 1 |
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Ticks;
///
/// let start: Ticks<10_000_000, 1, -11_644_473_600> = "1970-01-01T00:00:00.5Z".parse()?;
/// assert_eq!(start.get(), 116_444_736_005_000_000);
/// assert_eq!(start.to_string(), "1970-01-01T00:00:00.5000000Z");
/// assert_eq!(Ticks::<1, 60>::new(1).to_string(), "1970-01-01T00:01:00Z");
/// # Ok::<(), exproto_runtime::codec::TimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Ticks<const PER: u64, const SECONDS: u64 = 1, const EPOCH: i64 = 0, const ZONE: i32 = 0>(u64);

const NANOS: i128 = 1_000_000_000;

impl<const PER: u64, const SECONDS: u64, const EPOCH: i64, const ZONE: i32> Ticks<PER, SECONDS, EPOCH, ZONE> {
    const VALID: () =
        assert!(PER > 0 && SECONDS > 0 && PER <= 1_000_000_000, "1 to 10^9 counts in some seconds");

    /// The time that the wire writes as `raw`.
    #[must_use]
    pub const fn new(raw: u64) -> Self {
        let () = Self::VALID;
        Self(raw)
    }

    /// The number as on the wire.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The time of a Unix time stamp in seconds; `None` before the epoch.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Option<Self> {
        Self::from_nanos(i128::from(seconds) * NANOS)
    }

    /// The Unix time stamp in seconds, if it is within its range.
    #[must_use]
    pub fn unix(self) -> Option<i64> {
        let (local, _) = self.local()?;
        local.checked_sub(i64::from(ZONE) * 60)
    }

    /// Nanoseconds since 1970 in UTC, to the nearest count.
    fn from_nanos(nanos: i128) -> Option<Self> {
        let since = nanos - (i128::from(EPOCH) - i128::from(ZONE) * 60) * NANOS;
        let unit = i128::from(SECONDS) * NANOS;
        let count = (since * i128::from(PER) + unit / 2).div_euclid(unit);
        u64::try_from(count).ok().map(Self)
    }

    /// Seconds since 1970 on the device's clock, and nanoseconds.
    fn local(self) -> Option<(i64, u32)> {
        let nanos = i128::from(self.0) * i128::from(SECONDS) * NANOS / i128::from(PER);
        let seconds = i64::try_from(nanos / NANOS).ok()?.checked_add(EPOCH)?;
        Some((seconds, (nanos % NANOS) as u32)).filter(|(local, _)| has_iso(*local))
    }
}

impl<const PER: u64, const SECONDS: u64, const EPOCH: i64, const ZONE: i32> Scalar
    for Ticks<PER, SECONDS, EPOCH, ZONE>
{
    const MAX_RAW: u64 = 0;

    #[inline(always)]
    fn from_raw(raw: u64) -> Self {
        Self::new(raw)
    }

    #[inline(always)]
    fn raw(self) -> u64 {
        self.0
    }
}

impl<const PER: u64, const SECONDS: u64, const EPOCH: i64, const ZONE: i32> core::str::FromStr
    for Ticks<PER, SECONDS, EPOCH, ZONE>
{
    type Err = TimeError;

    /// Reads `2024-05-31T12:00:00+08:00`, or the number on the wire.
    fn from_str(text: &str) -> Result<Self, TimeError> {
        if let Ok(raw) = text.parse() {
            return Ok(Self(raw));
        }
        let (seconds, nanos) = parse_iso_nanos(text, ZONE).ok_or(TimeError)?;
        Self::from_nanos(i128::from(seconds) * NANOS + i128::from(nanos)).ok_or(TimeError)
    }
}

impl<const PER: u64, const SECONDS: u64, const EPOCH: i64, const ZONE: i32> fmt::Display
    for Ticks<PER, SECONDS, EPOCH, ZONE>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((local, nanos)) = self.local() else { return fmt::Display::fmt(&self.0, f) };
        let (days, second) = (local.div_euclid(86_400), local.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        write!(f, "{year:04}-{month:02}-{day:02}T")?;
        write!(f, "{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)?;
        let digits = (0..9).find(|digits| 10_u64.pow(*digits) >= PER).unwrap_or(9);
        if digits > 0 {
            let width = digits as usize;
            write!(f, ".{:0width$}", nanos / 10_u32.pow(9 - digits))?;
        }
        write_zone(f, ZONE)
    }
}

impl<const PER: u64, const SECONDS: u64, const EPOCH: i64, const ZONE: i32> fmt::Debug
    for Ticks<PER, SECONDS, EPOCH, ZONE>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticks({self})")
    }
}

impl<const PER: u64, const SECONDS: u64, const EPOCH: i64, const ZONE: i32> Value
    for Ticks<PER, SECONDS, EPOCH, ZONE>
{
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        match (at.sentinel(self.0.cast_signed()), self.local()) {
            (None, Some(_)) => show_text(self, v),
            _ => self.0.show(at, v),
        }
    }
}

impl<'f, const PER: u64, const SECONDS: u64, const EPOCH: i64, const ZONE: i32> Fill<'f>
    for Ticks<PER, SECONDS, EPOCH, ZONE>
{
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

impl<const PER: u64, const SECONDS: u64, const EPOCH: i64, const ZONE: i32> Sample
    for Ticks<PER, SECONDS, EPOCH, ZONE>
{
    fn sample(random: &mut Random, _: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        // Within what two bytes of the coarsest unit and eight of the finest hold.
        Self::new(random.within(0..=0xFFFF))
    }
}
