//! Numbers written as text: kept as the characters that were received.

use core::fmt;

use crate::codec::byte_set::ByteSet;
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::{Decode, Encode, Wire};
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::signed::Signed;
use crate::codec::trace::{Flag, Trace};
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

static NUMBER: FieldInfo = FieldInfo::new("", "number");

/// The longest number that is kept.
const MOST: usize = 23;

/// A few characters, in place.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Short {
    bytes: [u8; MOST],
    len: u8,
}

impl Short {
    fn new(bytes: &[u8]) -> Option<Self> {
        let mut all = [0; MOST];
        all.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self { bytes: all, len: bytes.len() as u8 })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or(&[])
    }

    fn as_str(&self) -> &str {
        core::str::from_utf8(self.as_bytes()).unwrap_or("")
    }
}

/// Sign, digits before the point, digits after it.
fn parts(text: &str) -> Option<(bool, &str, &str)> {
    let text = text.trim();
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(fraction) && !(whole.is_empty() && fraction.is_empty()))
        .then_some((negative, whole, fraction))
}

/// Digits as a number.
fn number(text: &str) -> Option<i64> {
    text.bytes().try_fold(0_i64, |number, byte| number.checked_mul(10)?.checked_add(i64::from(byte - b'0')))
}

/// A number of characters whose sign stands elsewhere: a leading `-` here.
macro_rules! signed_text {
    ($name:ident [$($generics:tt)*] [$($args:tt)*]) => {
        impl<$($generics)*> Signed for $name<$($args)*> {
            type Magnitude = Self;

            fn join(magnitude: Self, negative: bool) -> Option<Self> {
                if !negative || magnitude.is_none() {
                    return Some(magnitude);
                }
                let mut all = [b'-'; MOST];
                let text = magnitude.as_bytes();
                all.get_mut(1..=text.len())?.copy_from_slice(text);
                Self::from_bytes(all.get(..=text.len())?)
            }

            fn magnitude(&self) -> Self {
                let text = self.as_bytes();
                // No longer than before.
                Self::from_bytes(text.strip_prefix(b"-").unwrap_or(text)).unwrap_or_default()
            }

            fn negative(&self) -> bool {
                self.as_bytes().first() == Some(&b'-')
            }

            fn is_none(&self) -> bool {
                self.as_bytes().is_empty()
            }
        }
    };
}

signed_text!(Dec [] []);
signed_text!(DegMin [const DEGREES: usize] [DEGREES]);

macro_rules! text_number {
    ($(#[$doc:meta])* $name:ident [$($generics:tt)*] [$($args:tt)*]) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name<$($generics)*>(Short);

        impl<$($generics)*> $name<$($args)*> {
            /// The characters as on the wire; `None` if they are more than 23.
            #[must_use]
            pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Short::new(bytes).map(Self)
            }

            /// The characters as on the wire.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                self.0.as_bytes()
            }

            /// The text; empty if it is no UTF-8.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.0.as_str()
            }
        }

        impl<$($generics)*> fmt::Display for $name<$($args)*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl<$($generics)*> fmt::Debug for $name<$($args)*> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl<$($generics)*> Wire for $name<$($args)*> {
            const MIN: usize = 0;
            const SIZE: Option<usize> = None;
            const GREEDY: bool = true;
            const BYTES: ByteSet = ByteSet::NONE;
            type Ctx = ();
        }

        impl<'a, $($generics)*> Decode<'a> for $name<$($args)*> {
            fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
                let offset = r.offset();
                let bytes = r.rest();
                let Some(number) = Self::from_bytes(bytes) else {
                    return Err(r.fail(ErrorKind::Size, offset, &NUMBER, bytes.len() as u64, MOST as u64));
                };
                if !bytes.is_empty() && number.value().is_none() {
                    r.flag_at(Flag::Digits, &NUMBER, offset);
                }
                Ok(number)
            }
        }

        impl<$($generics)*> Encode for $name<$($args)*> {
            fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
                w.bytes(self.as_bytes());
                Ok(())
            }
        }
    };
}

text_number!(
    /// A decimal number as text, such as `007`, `+12.50` or nothing at all.
    ///
    /// Takes all bytes of its extent and keeps them, so leading zeros and signs
    /// are written as they came. In JSON it is a number, without text `null`;
    /// text that is no number is flagged and stays text.
    ///
    /// # Examples
    ///
    /// ```
    /// # #[cfg(feature = "derive")] {
    /// use exproto_runtime::codec::{Dec, Decode, Reader};
    /// use exproto_runtime::ExProtoFrame;
    ///
    /// #[derive(ExProtoFrame, Debug)]
    /// struct Fix { #[wire(size = 6)] speed: Dec, #[wire(size = 3)] course: Dec }
    ///
    /// let fix = Fix::decode(&mut Reader::new(b"000.50045"), ()).unwrap();
    /// assert_eq!(fix.speed.scaled(2), Some(50));
    /// assert_eq!(fix.course.value(), Some(45));
    /// # }
    /// ```
    Dec [] []
);

impl Dec {
    /// The number, without what stands after the point; `None` if it is none.
    #[must_use]
    pub fn value(&self) -> Option<i64> {
        self.scaled(0)
    }

    /// The number times 10^`decimals`; further decimals are dropped.
    #[must_use]
    pub fn scaled(&self, decimals: u8) -> Option<i64> {
        let (negative, whole, fraction) = parts(self.as_str())?;
        let decimals = usize::from(decimals);
        let kept = fraction.get(..decimals.min(fraction.len()))?;
        let missing = u32::try_from(decimals - kept.len()).ok()?;
        let high = number(whole)?.checked_mul(10_i64.checked_pow(u32::try_from(kept.len()).ok()?)?)?;
        let value = high.checked_add(number(kept)?)?.checked_mul(10_i64.checked_pow(missing)?)?;
        Some(if negative { -value } else { value })
    }

    /// The number as floating point.
    #[must_use]
    pub fn to_f64(&self) -> Option<f64> {
        parts(self.as_str())?;
        self.as_str().trim().parse().ok()
    }
}

impl From<i64> for Dec {
    fn from(value: i64) -> Self {
        use fmt::Write as _;
        let mut text = alloc::string::String::new();
        let _ = write!(text, "{value}");
        // 20 characters at most.
        Self::from_bytes(text.as_bytes()).unwrap_or_default()
    }
}

impl Value for Dec {
    fn show<V: Visitor>(&self, at: &'static FieldInfo, v: &mut V) {
        if self.as_bytes().is_empty() {
            return v.null();
        }
        let decimals = parts(self.as_str()).map(|(_, _, fraction)| fraction.trim_end_matches('0').len());
        match decimals.map(|decimals| (decimals, u8::try_from(decimals).ok().and_then(|d| self.scaled(d)))) {
            Some((0, Some(value))) => v.int(value, at),
            Some((_, Some(_))) => match self.to_f64() {
                Some(value) => v.float(value),
                None => v.text(self.as_str()),
            },
            _ => v.text(self.as_str()),
        }
    }
}

text_number!(
    /// A hexadecimal number as text, such as `FFFFFBFF`.
    ///
    /// Takes all bytes of its extent and keeps them; text in JSON, without
    /// digits `null`.
    ///
    /// # Examples
    ///
    /// ```
    /// use exproto_runtime::codec::HexNum;
    ///
    /// let status = HexNum::from_bytes(b"00fb").unwrap();
    /// assert_eq!(status.value(), Some(0xFB));
    /// assert_eq!(HexNum::new(0xFB, 4), HexNum::from_bytes(b"00FB").unwrap());
    /// ```
    HexNum [] []
);

impl HexNum {
    /// A number in at least `width` upper-case digits.
    #[must_use]
    pub fn new(value: u64, width: usize) -> Self {
        use fmt::Write as _;
        let mut text = alloc::string::String::new();
        let _ = write!(text, "{value:0width$X}", width = width.min(MOST));
        Self::from_bytes(text.as_bytes()).unwrap_or_default()
    }

    /// The number; `None` if it is none or has more than 64 bits.
    #[must_use]
    pub fn value(&self) -> Option<u64> {
        let digits = self.as_bytes();
        if digits.is_empty() {
            return None;
        }
        digits.iter().try_fold(0_u64, |value, digit| {
            let digit = char::from(*digit).to_digit(16)?;
            (value >> 60 == 0).then_some(value << 4 | u64::from(digit))
        })
    }
}

impl Value for HexNum {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        if self.as_bytes().is_empty() { v.null() } else { v.text(self.as_str()) }
    }
}

text_number!(
    /// Degrees and minutes as text, `DDMM.MMMM` with `DEGREES` digits before
    /// the minutes: 2 for a latitude, 3 for a longitude. Also `-DD-MM.MMMM`, and
    /// `DDMMMMMM` without a point.
    ///
    /// The characters are kept; in JSON it is decimal degrees, without text
    /// `null`. What JSON gives is written as `DDMM.MMMM`. A hemisphere that
    /// stands elsewhere says `= sign(field, b"N", b"S")`.
    ///
    /// # Examples
    ///
    /// ```
    /// use exproto_runtime::codec::DegMin;
    ///
    /// let latitude = DegMin::<2>::from_bytes(b"2235.3445").unwrap();
    /// assert_eq!(latitude.micro(), Some(22_589_075));
    /// assert_eq!(DegMin::<2>::from_degrees(22.589075), Some(latitude));
    /// ```
    DegMin [const DEGREES: usize] [DEGREES]
);

impl<const DEGREES: usize> DegMin<DEGREES> {
    /// Degrees as text with four decimals of a minute; `None` if they have more
    /// digits than the field.
    #[must_use]
    pub fn from_degrees(degrees: f64) -> Option<Self> {
        use fmt::Write as _;
        if !(-1e6..1e6).contains(&degrees) {
            return None;
        }
        let sign = if degrees < 0.0 { "-" } else { "" };
        let degrees = if degrees < 0.0 { -degrees } else { degrees };
        // Rounded as a whole, so that no minute is 60.
        let minutes = (degrees * 600_000.0 + 0.5) as u64;
        let (whole, minutes) = (minutes / 600_000, minutes % 600_000);
        let mut text = alloc::string::String::new();
        let _ = write!(text, "{sign}{whole:0DEGREES$}{:02}.{:04}", minutes / 10_000, minutes % 10_000);
        (text.len() == sign.len() + DEGREES + 7).then(|| Self::from_bytes(text.as_bytes()))?
    }

    /// Whole degrees and minutes times 10^8, if it is degrees and minutes.
    fn split(&self) -> Option<(bool, i64, i64)> {
        let (negative, text) = match self.as_str().strip_prefix('-') {
            Some(text) => (true, text),
            None => (false, self.as_str()),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let (degrees, minutes) = match whole.split_once(['-', ' ']) {
            Some(halves) => halves,
            // The two digits before the point are minutes.
            None if text.contains('.') => whole.split_at_checked(whole.len().checked_sub(2)?)?,
            None => whole.split_at_checked(DEGREES)?,
        };
        // Without a point the digits after two of them are the fraction.
        let (minutes, more) = minutes.split_at_checked(2)?;
        let fraction = match (more, fraction) {
            ("", fraction) => fraction,
            (more, "") if !text.contains('.') => more,
            _ => return None,
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if degrees.is_empty() || !digits(degrees) || !digits(minutes) || !digits(fraction) {
            return None;
        }
        let kept = fraction.get(..fraction.len().min(8))?;
        let fraction = number(kept)? * 10_i64.checked_pow(8 - u32::try_from(kept.len()).ok()?)?;
        Some((negative, number(degrees)?, number(minutes)?.checked_mul(100_000_000)? + fraction))
            .filter(|(_, _, m)| *m < 6_000_000_000)
    }

    /// Millionths of a degree.
    #[must_use]
    pub fn micro(&self) -> Option<i64> {
        self.value().map(|degrees| if degrees < 0 { (degrees - 50) / 100 } else { (degrees + 50) / 100 })
    }

    /// Degrees times 10^8.
    fn value(&self) -> Option<i64> {
        let (negative, degrees, minutes) = self.split()?;
        let value = degrees.checked_mul(100_000_000)?.checked_add((minutes + 30) / 60)?;
        Some(if negative { -value } else { value })
    }

    /// Decimal degrees.
    #[must_use]
    pub fn degrees(&self) -> Option<f64> {
        Some(self.value()? as f64 / 1e8)
    }
}

impl<const DEGREES: usize> Value for DegMin<DEGREES> {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        match self.degrees() {
            Some(degrees) => v.float(degrees),
            None if self.as_bytes().is_empty() => v.null(),
            None => v.text(self.as_str()),
        }
    }
}
