//! Values to JSON.

use alloc::vec::Vec;
use core::fmt::{self, Write};

use crate::codec::schema::{FieldInfo, UNNAMED};
use crate::codec::value::{Value, Visitor};

/// Appends `value` as JSON.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{FieldInfo, Scale, Value, Visitor, to_json};
///
/// struct Position { lat: i32, name: &'static str }
///
/// static LAT: FieldInfo =
///     FieldInfo::new("Position", "lat").scaled(Scale { mul: 1, add: 0, decimals: 6, div: 1 });
/// static NAME: FieldInfo = FieldInfo::new("Position", "name");
///
/// // What the derive writes:
/// impl Value for Position {
///     fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
///         v.begin();
///         v.field(&LAT);
///         self.lat.show(&LAT, v);
///         v.field(&NAME);
///         self.name.show(&NAME, v);
///         v.end();
///     }
/// }
///
/// let mut out = Vec::new();
/// to_json(&Position { lat: -22_589_078, name: "\"A\"" }, &mut out);
/// assert_eq!(out, br#"{"lat":-22.589078,"name":"\"A\""}"#);
/// ```
pub fn to_json<T: Value + ?Sized>(value: &T, out: &mut Vec<u8>) {
    value.show(&UNNAMED, &mut JsonWriter::new(out));
}

/// Appends what it is shown to a buffer as JSON, without blanks.
#[derive(Debug)]
pub struct JsonWriter<'o> {
    out: &'o mut Vec<u8>,
    /// Where the last key begins, if members without a value are left out.
    key: Option<usize>,
}

impl<'o> JsonWriter<'o> {
    /// Appends to `out`.
    #[inline]
    pub fn new(out: &'o mut Vec<u8>) -> Self {
        Self { out, key: None }
    }

    /// The same; a member of an object whose value is `null` is left out.
    ///
    /// ```
    /// use exproto_runtime::codec::{FieldInfo, JsonWriter, Visitor};
    ///
    /// static SPEED: FieldInfo = FieldInfo::new("Report", "speed");
    /// let mut out = Vec::new();
    /// let mut writer = JsonWriter::new(&mut out).omitting_nulls();
    /// writer.begin();
    /// writer.field(&SPEED);
    /// writer.null();
    /// writer.end();
    /// assert_eq!(out, b"{}");
    /// ```
    #[must_use]
    pub fn omitting_nulls(mut self) -> Self {
        // There is no key yet, so nothing to leave out.
        self.key = Some(usize::MAX);
        self
    }

    #[inline]
    fn member(&mut self, name: &str) {
        let start = self.out.len();
        if let Some(key) = &mut self.key {
            *key = start;
        }
        self.separate(b'{');
        write_string(name, self.out);
        self.out.push(b':');
    }

    /// No value ends in an opening bracket, so the last byte tells whether an
    /// element is the first one: no state to keep.
    #[inline]
    fn separate(&mut self, opening: u8) {
        if self.out.last() != Some(&opening) {
            self.out.push(b',');
        }
    }

    #[cold]
    fn shortest(&mut self, args: fmt::Arguments<'_>) {
        // Writing to a vector cannot fail.
        let _ = Bytes(self.out).write_fmt(args);
    }
}

impl Visitor for JsonWriter<'_> {
    #[inline]
    fn uint(&mut self, value: u64, at: &'static FieldInfo) {
        if at.scale.is_one() {
            write_unsigned(value, self.out);
        } else {
            at.scale.write(i128::from(value), self.out);
        }
    }

    #[inline]
    fn int(&mut self, value: i64, at: &'static FieldInfo) {
        if at.scale.is_one() {
            if value < 0 {
                self.out.push(b'-');
            }
            write_unsigned(value.unsigned_abs(), self.out);
        } else {
            at.scale.write(i128::from(value), self.out);
        }
    }

    fn json(&mut self, value: &str) {
        self.out.extend_from_slice(value.as_bytes());
    }

    fn float(&mut self, value: f64) {
        // JSON has no word for what is not finite.
        if value.is_finite() {
            self.shortest(format_args!("{value:?}"));
        } else {
            self.null();
        }
    }

    fn float32(&mut self, value: f32) {
        if value.is_finite() {
            self.shortest(format_args!("{value:?}"));
        } else {
            self.null();
        }
    }

    #[inline]
    fn bool(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
    }

    #[inline]
    fn null(&mut self) {
        match self.key {
            // No value ends in a colon: this is the value of the last key.
            Some(start) if start < self.out.len() && self.out.last() == Some(&b':') => {
                self.out.truncate(start)
            }
            _ => self.out.extend_from_slice(b"null"),
        }
    }

    #[inline]
    fn text(&mut self, value: &str) {
        write_string(value, self.out);
    }

    #[inline]
    fn bytes(&mut self, value: &[u8]) {
        self.out.reserve(2 * value.len() + 2);
        self.out.push(b'"');
        write_hex(value, self.out);
        self.out.push(b'"');
    }

    #[inline]
    fn begin(&mut self) {
        self.out.push(b'{');
    }

    #[inline]
    fn field(&mut self, at: &'static FieldInfo) {
        self.member(at.name);
    }

    #[inline]
    fn key(&mut self, name: &str) {
        self.member(name);
    }

    #[inline]
    fn end(&mut self) {
        self.out.push(b'}');
    }

    #[inline]
    fn begin_list(&mut self) {
        self.out.push(b'[');
    }

    #[inline]
    fn element(&mut self) {
        self.separate(b'[');
    }

    #[inline]
    fn end_list(&mut self) {
        self.out.push(b']');
    }
}

struct Bytes<'o>(&'o mut Vec<u8>);

impl Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

static PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut at = 0;
    while at < 100 {
        pairs[at] = [b'0' + (at / 10) as u8, b'0' + (at % 10) as u8];
        at += 1;
    }
    pairs
};

/// Appends a number in decimal.
#[inline]
fn write_unsigned(mut value: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    // Two digits for each division: it is what costs.
    while value >= 10 {
        at -= 2;
        let pair = PAIRS[(value % 100) as usize];
        digits[at] = pair[0];
        digits[at + 1] = pair[1];
        value /= 100;
    }
    // The pair loop leaves one digit, or nothing but the leading zero of
    // a pair that began the number.
    if value > 0 || at == digits.len() {
        at -= 1;
        digits[at] = b'0' + value as u8;
    }
    let start = at + usize::from(at + 1 < digits.len() && digits[at] == b'0');
    out.extend_from_slice(&digits[start..]);
}

/// Appends bytes as lower-case hex.
pub(crate) fn write_hex(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    let places = out.get_mut(start..).unwrap_or(&mut []).chunks_exact_mut(2);
    for (place, byte) in places.zip(bytes) {
        place.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// Appends text as a JSON string (RFC 8259, section 7).
#[inline]
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    // No early exit, so that the loop is made as wide as the machine allows.
    let special = bytes.iter().fold(false, |any, byte| any | is_special(*byte));
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    if special {
        write_escaped(bytes, out);
    } else {
        out.extend_from_slice(bytes);
    }
    out.push(b'"');
}

#[inline]
fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

#[cold]
fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| is_special(*byte)) {
        let (plain, special) = rest.split_at(at);
        out.extend_from_slice(plain);
        let Some((byte, after)) = special.split_first() else {
            break;
        };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0C => out.extend_from_slice(b"\\f"),
            control => {
                out.extend_from_slice(b"\\u00");
                write_hex(&[*control], out);
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::boxed::Box;
    use alloc::string::{String, ToString};
    use alloc::vec;

    use super::*;
    use crate::codec::Scale;

    #[test]
    fn only_members_are_left_out() {
        let mut out = b"before:".to_vec();
        JsonWriter::new(&mut out).omitting_nulls().null();
        assert_eq!(out, b"before:null");
    }

    fn json<T: Value>(value: T) -> String {
        let mut out = Vec::new();
        to_json(&value, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn scaled(raw: i64, scale: Scale) -> String {
        let at: &'static FieldInfo = Box::leak(Box::new(FieldInfo::new("T", "x").scaled(scale)));
        let mut out = Vec::new();
        JsonWriter::new(&mut out).int(raw, at);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn integers_are_exact_at_every_length() {
        let mut value = 1_u64;
        while let Some(next) = value.checked_mul(10) {
            for near in [value - 1, value, value + 1, next - 1, value * 5] {
                assert_eq!(json(near), near.to_string());
            }
            value = next;
        }
        for value in [0, 9, 10, 99, 100, 101, u64::MAX, 1 << 53, (1 << 53) + 1] {
            assert_eq!(json(value), value.to_string());
        }
        for value in [i64::MIN, -1, 0, 1, -10, -100, i64::MAX] {
            assert_eq!(json(value), value.to_string());
        }
        let back: serde_json::Value = serde_json::from_str(&json(u64::MAX)).unwrap();
        assert_eq!(back.as_u64(), Some(u64::MAX));
    }

    #[test]
    fn scaled_values_are_exact_decimals() {
        let degrees = Scale { mul: 1, add: 0, decimals: 6, div: 1 };
        assert_eq!(scaled(22_589_078, degrees), "22.589078");
        assert_eq!(scaled(-22_589_078, degrees), "-22.589078");
        assert_eq!(scaled(-1, degrees), "-0.000001");
        assert_eq!(scaled(0, degrees), "0");
        assert_eq!(scaled(90_000_000, degrees), "90");
        assert_eq!(scaled(-90_100_000, degrees), "-90.1");
        assert_eq!(scaled(i64::MAX, degrees), "9223372036854.775807");
        assert_eq!(scaled(i64::MIN, degrees), "-9223372036854.775808");
        let tiny = Scale { mul: 1, add: 0, decimals: 60, div: 1 };
        assert_eq!(scaled(-120, tiny), alloc::format!("-0.{}12", "0".repeat(57)));
        let large = Scale { mul: i64::MAX, add: 0, decimals: 40, div: 1 };
        assert_eq!(scaled(i64::MAX, large), "0.0085070591730234615847396907784232501249");
        let current = Scale { mul: 1, add: -10_000, decimals: 1, div: 1 };
        assert_eq!(scaled(0, current), "-1000");
        assert_eq!(scaled(9_999, current), "-0.1");
        assert_eq!(scaled(10_005, current), "0.5");
        // The nearest of the decimals that tell raw values apart; back again to the same.
        let minutes = Scale { mul: 50, add: 0, decimals: 7, div: 9 };
        for (raw, text) in [(40_500_000, "22.5"), (1, "0.0000006"), (-1_000_001, "-0.5555561"), (0, "0")] {
            assert_eq!(scaled(raw, minutes), text);
            assert_eq!(minutes.invert(text), Some(i128::from(raw)));
        }
        for raw in (-5_000_000..5_000_000).step_by(997) {
            assert_eq!(minutes.invert(&minutes.render(raw)), Some(raw));
        }
        let half = Scale { mul: 5, add: -400, decimals: 1, div: 1 };
        assert_eq!(scaled(1, half), "-39.5");
        assert_eq!(scaled(81, half), "0.5");
    }

    #[test]
    fn floats_come_back_the_same() {
        for value in [0.0, -0.0, 0.1, 1.0 / 3.0, 1e300, 5e-324, -1.5e-9, f64::MAX, f64::MIN_POSITIVE] {
            assert!(serde_json::from_str::<f64>(&json(value)).is_ok());
            let back: f64 = json(value).parse().unwrap();
            assert_eq!(back.to_bits(), value.to_bits(), "{}", json(value));
        }
        assert_eq!(json(0.1_f32), "0.1");
        assert_eq!(json(f64::NAN), "null");
        assert_eq!(json(f32::NEG_INFINITY), "null");
    }

    #[test]
    fn text_is_escaped_and_comes_back_the_same() {
        assert_eq!(json("plain"), "\"plain\"");
        assert_eq!(json("a\"b\\c\nd\u{1}\u{7f}é京🚚"), "\"a\\\"b\\\\c\\nd\\u0001\u{7f}é京🚚\"");
        for code in 0..0x300 {
            let Some(character) = char::from_u32(code) else {
                continue;
            };
            for text in [
                String::from(character),
                alloc::format!("ab{character}cd"),
                alloc::format!("{character}{character}"),
            ] {
                let back: String = serde_json::from_str(&json(text.clone())).unwrap();
                assert_eq!(back, text);
            }
        }
    }

    #[test]
    fn lists_options_and_bytes_have_their_forms() {
        assert_eq!(json(vec![1_u16, 2, 3]), "[1,2,3]");
        assert_eq!(json(Vec::<u16>::new()), "[]");
        assert_eq!(json(vec![0x0A_u8, 0xFF]), "\"0aff\"");
        assert_eq!(json([0_u8; 2]), "\"0000\"");
        assert_eq!(json(vec![Some(1_u16), None]), "[1,null]");
        assert_eq!(json(vec![vec![1_u16], vec![], vec![2]]), "[[1],[],[2]]");
        assert_eq!(json([true, false]), "[true,false]");
    }

    static A: FieldInfo = FieldInfo::new("T", "a");
    static B: FieldInfo = FieldInfo::new("T", "a\"b");

    struct Nested;

    impl Value for Nested {
        fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
            v.begin();
            v.field(&A);
            v.begin();
            v.end();
            v.field(&B);
            v.begin_list();
            for _ in 0..2 {
                v.element();
                v.begin();
                v.field(&A);
                "{".show(&A, v);
                v.field(&A);
                v.bool(true);
                v.end();
            }
            v.end_list();
            v.end();
        }
    }

    #[test]
    fn nested_values_are_separated() {
        assert_eq!(json(Nested), r#"{"a":{},"a\"b":[{"a":"{","a":true},{"a":"{","a":true}]}"#);
    }
}
