//! Times counted from an epoch.

use core::fmt;

use super::{TimeError, has_iso, parse_iso, show_text, write_iso};
use crate::codec::layout::Scalar;
use crate::codec::schema::FieldInfo;
use crate::codec::value::{Value, Visitor};

macro_rules! counted {
    ($(#[$doc:meta])* $name:ident, $per_second:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name<const EPOCH: i64 = 0, const ZONE: i32 = 0>(u64);

        impl<const EPOCH: i64, const ZONE: i32> $name<EPOCH, ZONE> {
            const PER_SECOND: u64 = $per_second;

            /// The time that the wire writes as `raw`.
            #[must_use]
            pub const fn new(raw: u64) -> Self {
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
                Self::from_unix_millis(seconds.checked_mul(1000)?)
            }

            /// The time of a Unix time stamp in milliseconds; `None` before the
            /// epoch.
            #[must_use]
            pub fn from_unix_millis(millis: i64) -> Option<Self> {
                let start = EPOCH.checked_sub(i64::from(ZONE) * 60)?.checked_mul(1000)?;
                let count = millis.checked_sub(start)?.div_euclid(1000 / Self::PER_SECOND as i64);
                u64::try_from(count).ok().map(Self)
            }

            /// The Unix time stamp in seconds, if it is within its range.
            #[must_use]
            pub fn unix(self) -> Option<i64> {
                Some(self.local()? - i64::from(ZONE) * 60)
            }

            /// Seconds since 1970 on the device's clock.
            fn local(self) -> Option<i64> {
                i64::try_from(self.0 / Self::PER_SECOND).ok()?.checked_add(EPOCH)
            }
        }

        impl<const EPOCH: i64, const ZONE: i32> Scalar for $name<EPOCH, ZONE> {
            const MAX_RAW: u64 = 0;

            #[inline(always)]
            fn from_raw(raw: u64) -> Self {
                Self(raw)
            }

            #[inline(always)]
            fn raw(self) -> u64 {
                self.0
            }
        }

        impl<const EPOCH: i64, const ZONE: i32> core::str::FromStr for $name<EPOCH, ZONE> {
            type Err = TimeError;

            /// Reads `2024-05-31T12:00:00+08:00`, or the number on the wire.
            fn from_str(text: &str) -> Result<Self, TimeError> {
                if let Ok(raw) = text.parse() {
                    return Ok(Self(raw));
                }
                let (seconds, millis) = parse_iso(text, ZONE).ok_or(TimeError)?;
                let millis = seconds.checked_mul(1000).and_then(|time| time.checked_add(i64::from(millis)));
                millis.and_then(Self::from_unix_millis).ok_or(TimeError)
            }
        }

        impl<const EPOCH: i64, const ZONE: i32> fmt::Display for $name<EPOCH, ZONE> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let millis = (Self::PER_SECOND > 1).then_some(self.0.rem_euclid(Self::PER_SECOND) as u16);
                match self.local() {
                    Some(local) if has_iso(local) => write_iso(f, local, millis, ZONE),
                    _ => fmt::Display::fmt(&self.0, f),
                }
            }
        }

        impl<const EPOCH: i64, const ZONE: i32> fmt::Debug for $name<EPOCH, ZONE> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl<const EPOCH: i64, const ZONE: i32> Value for $name<EPOCH, ZONE> {
            fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
                match self.local() {
                    Some(local) if has_iso(local) => show_text(self, v),
                    _ => v.uint(self.0, at),
                }
            }
        }
    };
}

counted!(
    /// A time counted in seconds from `EPOCH`, itself in seconds from 1970: 0
    /// unless given, `946_684_800` for 2000. A device that counts on its local
    /// clock has a `ZONE`, in minutes east of UTC.
    ///
    /// The field says the integer on the wire with `as`.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use exproto_runtime::codec::{Decode, Reader, UnixSeconds};
    /// use exproto_runtime::ExProtoFrame;
    ///
    /// #[derive(ExProtoFrame, Debug)]
    /// #[wire(endian = little)]
    /// struct Fix {
    ///     #[wire(as = u32)] time: UnixSeconds,
    ///     #[wire(as = u32)] start: UnixSeconds<946_684_800>,   // seconds since 2000
    /// }
    ///
    /// let fix = Fix::decode(&mut Reader::new(&[0, 0, 0, 0, 60, 0, 0, 0]), ()).unwrap();
    /// assert_eq!(fix.time.to_string(), "1970-01-01T00:00:00Z");
    /// assert_eq!(fix.start.to_string(), "2000-01-01T00:01:00Z");
    /// # }
    /// ```
    UnixSeconds,
    1
);

counted!(
    /// As [`UnixSeconds`], counted in milliseconds.
    ///
    /// # Examples
    ///
    /// ```
    /// use exproto_runtime::codec::UnixMillis;
    ///
    /// let time: UnixMillis = "2024-05-31T12:00:00.250Z".parse()?;
    /// assert_eq!(time.get(), 1_717_156_800_250);
    /// assert_eq!(time.to_string(), "2024-05-31T12:00:00.250Z");
    /// # Ok::<(), exproto_runtime::codec::TimeError>(())
    /// ```
    UnixMillis,
    1000
);
