//! The declared layout as constant data: names, scales, units, documentation.

use core::fmt;

/// A field of a declared type, or an item that stands only on the wire.
#[derive(Debug, PartialEq, Eq)]
pub struct FieldInfo {
    /// The type that declares the field: `Location`, or `Body::Location`.
    pub owner: &'static str,
    /// The field's name as declared; `0`, `1`.. in tuples, `_` for reserved bits.
    pub name: &'static str,
    /// How the raw number becomes the physical value.
    pub scale: Scale,
    /// The unit of the physical value, `""` without one.
    pub unit: &'static str,
    /// The raw values that are plausible, lowest and highest, if declared.
    pub range: Option<(i64, i64)>,
    /// Raw values that stand for a state instead of a number, with their names;
    /// `null` says that there is no value.
    pub sentinels: &'static [(i64, &'static str)],
    /// What fills the rest of a field of fixed size.
    pub pad: u8,
    /// The first sentence of the doc comment.
    pub doc: &'static str,
}

impl FieldInfo {
    /// A field without scale, unit or range.
    #[must_use]
    pub const fn new(owner: &'static str, name: &'static str) -> Self {
        Self { owner, name, scale: Scale::ONE, unit: "", range: None, sentinels: &[], pad: 0, doc: "" }
    }

    /// The same field with a scale.
    #[must_use]
    pub const fn scaled(mut self, scale: Scale) -> Self {
        self.scale = scale;
        self
    }

    /// The same field with a unit.
    #[must_use]
    pub const fn with_unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// The same field with the lowest and highest plausible raw value.
    #[must_use]
    pub const fn with_range(mut self, low: i64, high: i64) -> Self {
        self.range = Some((low, high));
        self
    }

    /// The same field with names for raw values that are no numbers.
    #[must_use]
    pub const fn with_sentinels(mut self, sentinels: &'static [(i64, &'static str)]) -> Self {
        self.sentinels = sentinels;
        self
    }

    /// The same field with another padding than NUL.
    #[must_use]
    pub const fn padded_with(mut self, pad: u8) -> Self {
        self.pad = pad;
        self
    }

    /// The name of a raw value that is no number.
    #[inline]
    #[must_use]
    pub fn sentinel(&self, raw: i64) -> Option<&'static str> {
        self.sentinels.iter().find(|(value, _)| *value == raw).map(|(_, name)| *name)
    }

    /// The raw value of this name.
    #[must_use]
    pub fn sentinel_named(&self, name: &str) -> Option<i64> {
        self.sentinels.iter().find(|(_, known)| *known == name).map(|(value, _)| *value)
    }

    /// The same field with a sentence that describes it.
    #[must_use]
    pub const fn with_doc(mut self, doc: &'static str) -> Self {
        self.doc = doc;
        self
    }
}

impl fmt::Display for FieldInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.owner.is_empty() {
            return f.write_str(self.name);
        }
        write!(f, "{}.{}", self.owner, self.name)
    }
}

/// The linear rule from the raw integer to the physical value:
/// `(raw * mul / div + add) / 10^decimals`.
///
/// All are integers, so that the physical value never passes through a float. With a
/// `div` of 1 it is an exact decimal; else it is rounded to the nearest of so many
/// decimals.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::Scale;
///
/// let degrees = Scale { mul: 1, add: 0, decimals: 6, div: 1 };
/// assert_eq!(degrees.render(22_589_078), "22.589078");
/// assert_eq!(degrees.invert("22.589078"), Some(22_589_078));
/// let current = Scale { mul: 1, add: -10_000, decimals: 1, div: 1 };   // 0.1 A, -1000 A
/// assert_eq!(current.render(10_005), "0.5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// Factor of the raw value, in units of the last decimal.
    pub mul: i64,
    /// Offset, in units of the last decimal.
    pub add: i64,
    /// Decimal places of the physical value.
    pub decimals: u8,
    /// What the scaled raw value is divided by, more than 0.
    pub div: i64,
}

impl Scale {
    /// The raw value is the physical value.
    pub const ONE: Self = Self { mul: 1, add: 0, decimals: 0, div: 1 };

    /// Whether the raw value is the physical value.
    #[must_use]
    pub const fn is_one(&self) -> bool {
        self.mul == 1 && self.add == 0 && self.decimals == 0 && self.div == 1
    }

    /// The physical value of `raw` as a decimal.
    #[must_use]
    pub fn render(&self, raw: i128) -> alloc::string::String {
        let mut out = alloc::vec::Vec::new();
        self.write(raw, &mut out);
        alloc::string::String::from_utf8(out).unwrap_or_default()
    }

    /// Appends the physical value of `raw` as a decimal, without trailing zeros.
    pub fn write(&self, raw: i128, out: &mut alloc::vec::Vec<u8>) {
        let scaled = raw.saturating_mul(i128::from(self.mul));
        let scaled = if self.div > 1 { nearest(scaled, i128::from(self.div)) } else { scaled };
        let scaled = scaled.saturating_add(i128::from(self.add));
        if scaled == 0 {
            return out.push(b'0');
        }
        if scaled < 0 {
            out.push(b'-');
        }
        // As many digits as the largest 128-bit number has.
        let mut buffer = [b'0'; 39];
        let mut at = buffer.len();
        let mut wide = scaled.unsigned_abs();
        // The narrow loop is the common one: 128-bit division is a call.
        while wide > u128::from(u64::MAX) {
            at -= 1;
            buffer[at] = b'0' + (wide % 10) as u8;
            wide /= 10;
        }
        let mut narrow = wide as u64;
        while narrow > 0 {
            at -= 1;
            buffer[at] = b'0' + (narrow % 10) as u8;
            narrow /= 10;
        }
        let decimals = usize::from(self.decimals);
        let digits = &buffer[at..];
        let zeros = digits.iter().rev().take(decimals).take_while(|digit| **digit == b'0').count();
        let (digits, decimals) = (&digits[..digits.len() - zeros], decimals - zeros);
        match digits.len().checked_sub(decimals) {
            Some(whole) if whole > 0 => {
                let (whole, fraction) = digits.split_at(whole);
                out.extend_from_slice(whole);
                if decimals > 0 {
                    out.push(b'.');
                    out.extend_from_slice(fraction);
                }
            }
            _ => {
                out.extend_from_slice(b"0.");
                out.resize(out.len() + decimals - digits.len(), b'0');
                out.extend_from_slice(digits);
            }
        }
    }

    /// The raw value whose physical value is nearest to `text`, if it is a number.
    #[must_use]
    pub fn invert(&self, text: &str) -> Option<i128> {
        let (mantissa, exponent) = parse_decimal(text)?;
        // mantissa * 10^(exponent + decimals) == raw * mul + add
        let shift = exponent.checked_add(i32::from(self.decimals))?;
        let scaled = if shift >= 0 {
            mantissa.checked_mul(10_i128.checked_pow(shift.unsigned_abs())?)?
        } else {
            let divisor = 10_i128.checked_pow(shift.unsigned_abs())?;
            // More decimals than the field has: round to the nearest.
            let half = divisor / 2;
            let rounded = if mantissa < 0 { mantissa - half } else { mantissa + half };
            rounded / divisor
        };
        let raw = scaled.checked_sub(i128::from(self.add))?.checked_mul(i128::from(self.div.max(1)))?;
        let mul = i128::from(self.mul);
        if mul == 0 {
            return None;
        }
        Some(nearest(raw, mul))
    }
}

/// The integer nearest to a quotient; halves are rounded away from 0.
fn nearest(value: i128, by: i128) -> i128 {
    let half = by.abs() / 2;
    (if value < 0 { value.saturating_sub(half) } else { value.saturating_add(half) }) / by
}

/// Splits a decimal number into mantissa and power of ten.
fn parse_decimal(text: &str) -> Option<(i128, i32)> {
    let (number, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], text[at + 1..].parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let mut mantissa = 0_i128;
    let mut fraction = 0_i32;
    let mut seen_point = false;
    let mut digits = 0;
    for byte in number.bytes() {
        match byte {
            b'0'..=b'9' => {
                mantissa = mantissa.checked_mul(10)?.checked_add(i128::from(byte - b'0'))?;
                fraction += i32::from(seen_point);
                digits += 1;
            }
            b'.' if !seen_point => seen_point = true,
            _ => return None,
        }
    }
    (digits > 0).then_some((if negative { -mantissa } else { mantissa }, exponent.checked_sub(fraction)?))
}

/// Stands in where no field is known.
pub(crate) static UNNAMED: FieldInfo = FieldInfo::new("", "value");
