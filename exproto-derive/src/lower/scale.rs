//! `scale` and `offset`: decimals and ratios as integers.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{BinOp, Expr};

use crate::attr::wire::WireAttrs;
use crate::ctxt::Ctxt;
use crate::ir::Scale;

/// The most decimals of a physical value.
const MOST: u32 = 18;
/// A ratio that has an exact decimal of so many digits is that.
const EXACT: u32 = 9;

/// What the keys say of the physical value.
pub(super) fn scale(attrs: &WireAttrs, ctxt: &mut Ctxt) -> Option<Scale> {
    if attrs.scale.is_none() && attrs.offset.is_none() {
        return None;
    }
    let factor = match &attrs.scale {
        None => Ratio { num: 1, den: 1 },
        Some(key) => match ratio(&key.value) {
            Some(ratio) if ratio.num != 0 => ratio,
            Some(_) => {
                ctxt.error(&key.value, "a factor of 0 makes all values the same: write another");
                return None;
            }
            None => {
                ctxt.error(
                    &key.value,
                    "write a decimal number or a ratio of two, such as `0.1`, `1e-6` or `1 / 1_800_000`",
                );
                return None;
            }
        },
    };
    let offset = match &attrs.offset {
        None => Ratio { num: 0, den: 1 },
        Some(key) => match decimal(&key.value.to_token_stream()) {
            Some(offset) => offset,
            None => {
                ctxt.error(&key.value, "write a decimal number, such as `0.5` or `-40`");
                return None;
            }
        },
    };
    let Some(mut decimals) = factor.decimals() else {
        if let Some(key) = &attrs.scale {
            ctxt.error(
                &key.value,
                format_args!("this scale needs more than {MOST} decimals: scale to another unit"),
            );
        }
        return None;
    };
    let own = offset.exact(MOST);
    decimals = decimals.max(own.unwrap_or(0));
    let scaled = factor.times_power(decimals);
    let add = own.and_then(|_| i64::try_from(offset.num * 10_i128.pow(decimals) / offset.den).ok());
    match (scaled, add, u8::try_from(decimals)) {
        (Some((mul, div)), Some(add), Ok(decimals)) => Some(Scale { mul, add, decimals, div }),
        (Some(_), None, _) => {
            if let Some(key) = &attrs.offset {
                ctxt.error(
                    &key.value,
                    format_args!("this offset does not fit beside the {decimals} decimals that the values have: both have 18 digits together"),
                );
            }
            None
        }
        _ => {
            if let Some(key) = attrs.scale.as_ref().or(attrs.offset.as_ref()) {
                ctxt.error(
                    &key.value,
                    format_args!("this scale does not fit beside the {decimals} decimals that the values have: both have 18 digits together"),
                );
            }
            None
        }
    }
}

/// A quotient of two integers without common factors; the second is more than 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ratio {
    num: i128,
    den: i128,
}

impl Ratio {
    fn new(num: i128, den: i128) -> Option<Self> {
        if den == 0 {
            return None;
        }
        let by = gcd(num.unsigned_abs(), den.unsigned_abs());
        let by = i128::try_from(by).ok()? * den.signum();
        Some(Self { num: num / by, den: den / by })
    }

    /// How many decimals it has, if at most so many.
    fn exact(self, most: u32) -> Option<u32> {
        (0..=most).find(|places| 10_i128.pow(*places) % self.den == 0)
    }

    /// How many decimals the values have: all, if they are few, else as many as
    /// tell neighbours apart.
    fn decimals(self) -> Option<u32> {
        let written = self.den == 10_i128.pow(self.den.to_string().len() as u32 - 1);
        self.exact(if written { MOST } else { EXACT }).or_else(|| {
            let enough = |places: &u32| {
                self.num.abs().checked_mul(10_i128.pow(*places)).is_some_and(|step| step >= 2 * self.den)
            };
            (0..=MOST).find(enough)
        })
    }

    /// The ratio with so many decimals: factor and divisor.
    fn times_power(self, decimals: u32) -> Option<(i64, i64)> {
        let scaled = Self::new(self.num.checked_mul(10_i128.pow(decimals))?, self.den)?;
        Some((i64::try_from(scaled.num).ok()?, i64::try_from(scaled.den).ok()?))
    }
}

fn gcd(a: u128, b: u128) -> u128 {
    if b == 0 { a.max(1) } else { gcd(b, a % b) }
}

/// A decimal or a quotient of two.
fn ratio(expr: &Expr) -> Option<Ratio> {
    match expr {
        Expr::Paren(inner) => ratio(&inner.expr),
        Expr::Group(inner) => ratio(&inner.expr),
        Expr::Binary(binary) if matches!(binary.op, BinOp::Div(_)) => {
            let (over, under) = (ratio(&binary.left)?, ratio(&binary.right)?);
            Ratio::new(over.num.checked_mul(under.den)?, over.den.checked_mul(under.num)?)
        }
        other => decimal(&other.to_token_stream()),
    }
}

/// A decimal literal.
fn decimal(tokens: &TokenStream) -> Option<Ratio> {
    let text: String = tokens.to_string().chars().filter(|c| !c.is_whitespace() && *c != '_').collect();
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest.to_string()),
        None => (false, text),
    };
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, exponent.parse::<i32>().ok()?),
        None => (text.as_str(), 0),
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let fraction = fraction.trim_end_matches('0');
    let mantissa: i64 = format!("{whole}{fraction}").parse().ok()?;
    let mantissa = i128::from(if negative { -mantissa } else { mantissa });
    let exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    let power = 10_i128.checked_pow(exponent.unsigned_abs())?;
    if exponent < 0 { Ratio::new(mantissa, power) } else { Ratio::new(mantissa.checked_mul(power)?, 1) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<(i64, u32, i64)> {
        let ratio = ratio(&syn::parse_str(text).unwrap())?;
        let decimals = ratio.decimals()?;
        let (mul, div) = ratio.times_power(decimals)?;
        Some((mul, decimals, div))
    }

    #[test]
    fn ratios_have_as_many_decimals_as_tell_values_apart() {
        assert_eq!(of("0.1"), Some((1, 1, 1)));
        assert_eq!(of("-1e-6"), Some((-1, 6, 1)));
        assert_eq!(of("1e-18"), Some((1, 18, 1)));
        assert_eq!(of("1e-19"), None);
        assert_eq!(of("1e3"), Some((1000, 0, 1)));
        assert_eq!(of("1 / 8"), Some((125, 3, 1)));
        assert_eq!(of("1 / 3"), Some((10, 1, 3)));
        assert_eq!(of("1 / 1_800_000"), Some((50, 7, 9)));
        assert_eq!(of("180 / 2147483648"), Some((17_578_125, 8, 2_097_152)));
        assert_eq!(of("1 / 65536"), Some((15_625, 6, 1024)));
        assert_eq!(of("1 / 0"), None);
        assert_eq!(of("a"), None);
    }
}
