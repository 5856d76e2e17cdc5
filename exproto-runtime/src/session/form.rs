//! How a value is written where a template says so. Not public: changes with
//! every release.

use core::fmt::Write as _;

use super::routes::Placeholder;
use super::topic::TopicValue;

/// `:015`, `:04X`, `|none`.
#[derive(Clone, Copy, Debug)]
pub struct Form {
    /// Characters that the value has at least; zeros are put before it.
    pub width: usize,
    /// In hexadecimal digits: whether they are upper case.
    pub hex: Option<bool>,
    /// What stands there if the value is missing or empty.
    pub missing: &'static str,
}

/// A placeholder's value with its form.
#[derive(Debug)]
pub struct Formed<'v, T: ?Sized>(pub &'v T, pub Form);

impl<T: Placeholder + ?Sized> TopicValue for Formed<'_, T> {
    fn put(&self, out: &mut String) {
        let Self(value, form) = self;
        let start = out.len();
        value.put(out);
        let Some(text) = out.get(start..) else { return };
        if text.is_empty() {
            return out.push_str(form.missing);
        }
        if let (Some(upper), Ok(number)) = (form.hex, text.parse::<u128>()) {
            out.truncate(start);
            // Writing to a `String` cannot fail.
            let _ = if upper { write!(out, "{number:X}") } else { write!(out, "{number:x}") };
        }
        let Some(text) = out.get(start..) else { return };
        let (sign, has) = (usize::from(text.starts_with('-')), text.chars().count());
        for _ in has..form.width {
            out.insert(start + sign, '0');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn formed(value: &(impl Placeholder + ?Sized), width: usize, hex: Option<bool>) -> String {
        let mut out = String::from("a/");
        TopicValue::put(&Formed(value, Form { width, hex, missing: "none" }), &mut out);
        out
    }

    #[test]
    fn values_are_filled_up_turned_to_hex_and_replaced() {
        assert_eq!(formed(&861_234_567_u64, 15, None), "a/000000861234567");
        assert_eq!(formed(&-5, 4, None), "a/-005");
        assert_eq!(formed(&123_456, 3, None), "a/123456");
        assert_eq!(formed("ä1", 4, None), "a/00ä1");
        assert_eq!(formed(&0xAB_u8, 0, Some(true)), "a/AB");
        assert_eq!(formed(&0xAB_u8, 4, Some(false)), "a/00ab");
        assert_eq!(formed(&u64::MAX, 0, Some(true)), "a/FFFFFFFFFFFFFFFF");
        // What is no number stays as it is.
        assert_eq!(formed("x1", 0, Some(true)), "a/x1");
        assert_eq!(formed("", 4, None), "a/none");
        assert_eq!(formed(&None::<u8>, 4, Some(true)), "a/none");
        assert_eq!(formed(&Some(9_u8), 2, None), "a/09");
    }
}
