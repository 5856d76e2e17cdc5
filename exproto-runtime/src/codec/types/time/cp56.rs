//! The seven-byte time of telecontrol protocols.

use core::fmt;

use super::{TIME, TimeError, parse_iso, parts_of, seconds_of, show_text, write_iso};
use crate::codec::error::Error;
use crate::codec::layout::{Decode, Encode, Wire};
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::{Flag, Trace};
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

/// A `CP56Time2a`, as in IEC 60870-5: milliseconds of the minute, low byte
/// first, minute, hour, day, month and year from 2000, in a zone `ZONE` minutes
/// east of UTC. Flags in the upper bits are kept.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Cp56Time;
///
/// let time = Cp56Time::<0>::from_bytes([0xE8, 0x03, 0x1E, 0x0C, 0x7F, 0x05, 0x18]);
/// assert_eq!(time.to_string(), "2024-05-31T12:30:01.000Z");
/// assert!(!time.is_invalid());
/// assert_eq!("2024-05-31T12:30:01.000Z".parse::<Cp56Time>()?.unix(), time.unix());
/// # Ok::<(), exproto_runtime::codec::TimeError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Cp56Time<const ZONE: i32 = 0>([u8; 7]);

impl<const ZONE: i32> Cp56Time<ZONE> {
    /// The time in these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 7]) -> Self {
        Self(bytes)
    }

    /// The bytes as on the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 7] {
        &self.0
    }

    /// Whether the device says that the time is not to be trusted.
    #[must_use]
    pub const fn is_invalid(&self) -> bool {
        self.0[2] & 0x80 != 0
    }

    /// Whether the device says that it is summer time.
    #[must_use]
    pub const fn is_summer(&self) -> bool {
        self.0[3] & 0x80 != 0
    }

    /// The time of a Unix time stamp in milliseconds, from 2000 to 2099.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        let local = millis.div_euclid(1000).checked_add(i64::from(ZONE) * 60)?;
        let [year, month, day, hour, minute, second] = parts_of(local)?;
        // Monday is 1, and 1970 began on a Thursday.
        let weekday = ((local.div_euclid(86_400) + 3).rem_euclid(7) + 1) as u8;
        let [low, high] = (u16::from(second) * 1000 + millis.rem_euclid(1000) as u16).to_le_bytes();
        Some(Self([low, high, minute, hour, weekday << 5 | day, month, year]))
    }

    /// The Unix time stamp in seconds, if such a time exists.
    #[must_use]
    pub fn unix(&self) -> Option<i64> {
        Some(self.local()?.0 - i64::from(ZONE) * 60)
    }

    /// Seconds since 1970 on the device's clock, and milliseconds.
    fn local(&self) -> Option<(i64, u16)> {
        let [low, high, minute, hour, day, month, year] = self.0;
        let millis = u16::from_le_bytes([low, high]);
        let second = u8::try_from(millis / 1000).ok()?;
        let local = seconds_of([year & 0x7F, month & 0x0F, day & 0x1F, hour & 0x1F, minute & 0x3F, second])?;
        Some((local, millis % 1000))
    }
}

impl<const ZONE: i32> core::str::FromStr for Cp56Time<ZONE> {
    type Err = TimeError;

    fn from_str(text: &str) -> Result<Self, TimeError> {
        let (seconds, millis) = parse_iso(text, ZONE).ok_or(TimeError)?;
        let millis = seconds.checked_mul(1000).and_then(|time| time.checked_add(i64::from(millis)));
        millis.and_then(Self::from_unix_millis).ok_or(TimeError)
    }
}

impl<const ZONE: i32> fmt::Display for Cp56Time<ZONE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.local() {
            Some((local, millis)) => write_iso(f, local, Some(millis), ZONE),
            None => self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
        }
    }
}

impl<const ZONE: i32> fmt::Debug for Cp56Time<ZONE> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cp56Time({self})")
    }
}

impl<const ZONE: i32> Wire for Cp56Time<ZONE> {
    const MIN: usize = 7;
    const SIZE: Option<usize> = Some(7);
    type Ctx = ();
}

impl<'a, const ZONE: i32> Decode<'a> for Cp56Time<ZONE> {
    fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
        let offset = r.offset();
        let time = Self(*r.run::<7>(&TIME)?);
        if time.local().is_none() {
            r.flag_at(Flag::Time, &TIME, offset);
        }
        Ok(time)
    }
}

impl<const ZONE: i32> Encode for Cp56Time<ZONE> {
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        w.run(self.0);
        Ok(())
    }
}

impl<const ZONE: i32> Value for Cp56Time<ZONE> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        show_text(self, v);
    }
}
