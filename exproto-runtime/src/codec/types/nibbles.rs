//! Packed decimal digits that are a number: any count of them, on any bit.

use core::fmt;

use crate::codec::json::{Fill, FillError, Node};
use crate::codec::layout::Scalar;
use crate::codec::random::Random;
use crate::codec::sample::Sample;
use crate::codec::schema::FieldInfo;
use crate::codec::signed::Signed;
use crate::codec::value::{Value, Visitor};

/// Where a sign from another place is kept: above fifteen digits.
const SIGN: u64 = 1 << 63;

/// The number that nibbles stand for, if all are digits.
fn number(nibbles: u64, digits: u32) -> Option<u64> {
    (0..digits).rev().try_fold(0_u64, |number, at| {
        let digit = nibbles >> (4 * at) & 15;
        (digit <= 9).then_some(number * 10 + digit)
    })
}

/// The nibbles of a number, if it has no more digits.
fn nibbles(mut number: u64, digits: u32) -> Option<u64> {
    let mut all = 0;
    for at in 0..digits {
        all |= (number % 10) << (4 * at);
        number /= 10;
    }
    (number == 0).then_some(all)
}

macro_rules! digits {
    ($(#[$doc:meta])* $name:ident [$($generics:tt)*] [$($args:tt)*]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name<$($generics)*>(u64);

        impl<$($generics)*> $name<$($args)*> {
            const VALID: () = assert!(DIGITS > 0 && DIGITS <= 15, "between 1 and 15 digits");

            /// The nibbles, the last digit lowest.
            #[must_use]
            pub const fn nibbles(self) -> u64 {
                self.0 & !SIGN
            }
        }

        impl<$($generics)*> Scalar for $name<$($args)*> {
            const MAX_RAW: u64 = 0;

            #[inline(always)]
            fn from_raw(raw: u64) -> Self {
                let () = Self::VALID;
                Self(raw)
            }

            #[inline(always)]
            fn raw(self) -> u64 {
                self.0
            }
        }

        impl<$($generics)*> Signed for $name<$($args)*> {
            type Magnitude = Self;

            fn join(magnitude: Self, negative: bool) -> Option<Self> {
                Some(Self(magnitude.nibbles() | if negative { SIGN } else { 0 }))
            }

            fn magnitude(&self) -> Self {
                Self(self.nibbles())
            }

            fn negative(&self) -> bool {
                self.0 & SIGN != 0
            }
        }

        impl<$($generics)*> fmt::Display for $name<$($args)*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let width = DIGITS as usize;
                write!(f, "{}{:0width$x}", if self.negative() { "-" } else { "" }, self.nibbles())
            }
        }

        impl<$($generics)*> fmt::Debug for $name<$($args)*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }
    };
}

digits!(
    /// A number of `DIGITS` packed decimal digits, at most 15, as `bits = 4 * DIGITS`
    /// or as an integer: `as = u32, endian = little` has the last two digits first.
    ///
    /// The nibbles are kept. In JSON it is a number with the field's scale; if a
    /// nibble is above 9, the text of the nibbles. `= sign(..)` may stand elsewhere.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use exproto_runtime::codec::{BcdInt, from_bytes, to_bytes};
    /// use exproto_runtime::ExProtoFrame;
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[wire(endian = big)]
    /// struct Motion {
    ///     #[wire(bits = 12)] speed: BcdInt<3>,
    ///     #[wire(bits = 12)] course: BcdInt<3>,
    /// }
    ///
    /// let motion = from_bytes::<Motion>(&[0x08, 0x73, 0x59]).unwrap().frame;
    /// assert_eq!((motion.speed.get(), motion.course.get()), (Some(87), Some(359)));
    /// assert_eq!(BcdInt::<3>::new(87), Some(motion.speed));
    /// assert_eq!(to_bytes(&motion).unwrap(), [0x08, 0x73, 0x59]);
    /// # }
    /// ```
    BcdInt [const DIGITS: u32] [DIGITS]
);

impl<const DIGITS: u32> BcdInt<DIGITS> {
    /// The digits of a number; `None` if it has more.
    #[must_use]
    pub fn new(value: i64) -> Option<Self> {
        let () = Self::VALID;
        let nibbles = nibbles(value.unsigned_abs(), DIGITS)?;
        Some(Self(nibbles | if value < 0 { SIGN } else { 0 }))
    }

    /// The number, if all nibbles are digits.
    #[must_use]
    pub fn get(self) -> Option<i64> {
        // Fifteen digits at most.
        let value = number(self.nibbles(), DIGITS)? as i64;
        Some(if self.negative() { -value } else { value })
    }
}

impl<const DIGITS: u32> Value for BcdInt<DIGITS> {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        match self.get() {
            Some(value) => value.show(at, v),
            None => super::time::show_text(self, v),
        }
    }
}

impl<'f, const DIGITS: u32> Fill<'f> for BcdInt<DIGITS> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        if let Some(text) = node.and_then(Node::as_str)
            && at.sentinel_named(text).is_none()
            && text.len() == DIGITS as usize
            && let Ok(nibbles) = u64::from_str_radix(text, 16)
        {
            return Ok(Self(nibbles));
        }
        Self::new(i64::fill(node, at)?)
            .ok_or_else(|| FillError::new("the number has more digits than the field"))
    }
}

impl<const DIGITS: u32> Sample for BcdInt<DIGITS> {
    fn sample(random: &mut Random, _: Option<usize>, at: &'static FieldInfo, (): ()) -> Self {
        let most = 10_i64.pow(DIGITS) - 1;
        let (low, high) = at.range.unwrap_or((0, most));
        Self::new(random.within(low.max(0)..=high.min(most))).unwrap_or_default()
    }
}

digits!(
    /// Degrees and minutes in `DIGITS` packed decimal digits, at most 15: the
    /// first `DEGREES` of them are degrees, two are minutes, the others their
    /// decimals. As `bits = 4 * DIGITS` or as an integer.
    ///
    /// The nibbles are kept. In JSON it is decimal degrees; if a nibble is above
    /// 9 or the minutes are 60, the text of the nibbles. `= sign(..)` of the
    /// hemisphere may stand elsewhere.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use exproto_runtime::codec::{BcdDegMin, from_bytes, to_bytes};
    /// use exproto_runtime::ExProtoFrame;
    ///
    /// #[derive(ExProtoFrame, Debug, PartialEq)]
    /// #[wire(endian = big)]
    /// struct Longitude {
    ///     #[wire(bits = 36, after(west: bits(1) = sign(lon)), after(_: bits(3)))]
    ///     lon: BcdDegMin<3, 9>,
    /// }
    ///
    /// let bytes = [0x11, 0x35, 0x40, 0x60, 0x08];
    /// let lon = from_bytes::<Longitude>(&bytes).unwrap().frame.lon;
    /// assert_eq!(lon.degrees(), Some(-113.9010));
    /// assert_eq!(BcdDegMin::from_degrees(-113.9010), Some(lon));
    /// # }
    /// ```
    BcdDegMin [const DEGREES: u32, const DIGITS: u32] [DEGREES, DIGITS]
);

impl<const DEGREES: u32, const DIGITS: u32> BcdDegMin<DEGREES, DIGITS> {
    /// The value of a minute.
    const MINUTE: u64 = {
        assert!(DIGITS >= DEGREES + 2, "two of the digits are minutes");
        10_u64.pow(DIGITS - DEGREES - 2)
    };

    /// Decimal degrees, if they are degrees and minutes.
    #[must_use]
    pub fn degrees(self) -> Option<f64> {
        let value = number(self.nibbles(), DIGITS)?;
        let (degrees, minutes) = (value / (100 * Self::MINUTE), value % (100 * Self::MINUTE));
        if minutes >= 60 * Self::MINUTE {
            return None;
        }
        // In the digits that the minutes are good for, so that JSON has no more.
        let minutes = (minutes as f64 / Self::MINUTE as f64 * 1e8 / 60.0 + 0.5) as u64;
        let value = (degrees * 100_000_000 + minutes) as f64 / 1e8;
        Some(if self.negative() { -value } else { value })
    }

    /// The nearest degrees and minutes; `None` if they have more digits.
    #[must_use]
    pub fn from_degrees(degrees: f64) -> Option<Self> {
        let () = Self::VALID;
        let magnitude = if degrees < 0.0 { -degrees } else { degrees };
        if !(0.0..1e6).contains(&magnitude) {
            return None;
        }
        let hour = 60 * Self::MINUTE;
        // Rounded as a whole, so that no minute is 60.
        let minutes = (magnitude * hour as f64 + 0.5) as u64;
        let nibbles = nibbles(minutes / hour * 100 * Self::MINUTE + minutes % hour, DIGITS)?;
        Some(Self(nibbles | if degrees < 0.0 { SIGN } else { 0 }))
    }
}

impl<const DEGREES: u32, const DIGITS: u32> Value for BcdDegMin<DEGREES, DIGITS> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        match self.degrees() {
            Some(degrees) => v.float(degrees),
            None => super::time::show_text(self, v),
        }
    }
}

impl<'f, const DEGREES: u32, const DIGITS: u32> Fill<'f> for BcdDegMin<DEGREES, DIGITS> {
    fn fill(node: Option<&'f Node>, at: &'static FieldInfo) -> Result<Self, FillError> {
        if let Some(text) = node.and_then(Node::as_str)
            && text.len() == DIGITS as usize
            && let Ok(nibbles) = u64::from_str_radix(text, 16)
        {
            return Ok(Self(nibbles));
        }
        Self::from_degrees(f64::fill(node, at)?)
            .ok_or_else(|| FillError::new("degrees are needed here, within what the field can hold"))
    }
}

impl<const DEGREES: u32, const DIGITS: u32> Sample for BcdDegMin<DEGREES, DIGITS> {
    fn sample(random: &mut Random, _: Option<usize>, _: &'static FieldInfo, (): ()) -> Self {
        Self::from_degrees(f64::from(random.within(0..=89_999_999_u32)) / 1e6).unwrap_or_default()
    }
}
