//! Integers as digits: `dec(4)`, `hex(2, lower)`, `dec`.

use proc_macro2::{Ident, TokenStream};
use quote::quote;
use syn::parse::{ParseStream, Parser as _};
use syn::{Expr, LitInt, Token, Type};

use crate::ir::{IntTy, Item, Repr};

/// The digits that an integer is written in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Digits {
    Dec,
    Hex,
    HexLower,
}

impl Digits {
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        match name {
            "dec" => Some(Self::Dec),
            "hex" => Some(Self::Hex),
            _ => None,
        }
    }

    /// The most digits that fit 64 bits.
    fn most(self) -> usize {
        match self {
            Self::Dec => 19,
            Self::Hex | Self::HexLower => 16,
        }
    }

    /// The largest number of so many digits.
    pub(crate) fn max(self, width: usize) -> u64 {
        match self {
            Self::Dec => 10_u64.checked_pow(width as u32).map_or(u64::MAX, |power| power - 1),
            Self::Hex | Self::HexLower if width >= 16 => u64::MAX,
            Self::Hex | Self::HexLower => (1 << (4 * width)) - 1,
        }
    }

    /// A number in so many digits.
    pub(crate) fn text(self, value: u64, width: usize) -> Option<Vec<u8>> {
        let text = match self {
            Self::Dec => format!("{value:0width$}"),
            Self::HexLower => format!("{value:0width$x}"),
            Self::Hex => format!("{value:0width$X}"),
        };
        (text.len() == width).then(|| text.into_bytes())
    }

    /// The integer of so many digits; of as many as it needs without a width.
    fn int(self, width: Option<usize>) -> IntTy {
        let held = match width {
            None => 8,
            Some(width) => match self.max(width) {
                0..=0xFF => 1,
                0x100..=0xFFFF => 2,
                0x1_0000..=0xFFFF_FFFF => 4,
                _ => 8,
            },
        };
        IntTy { bytes: width.unwrap_or(0), held, signed: false, float: false, digits: Some(self) }
    }

    /// The runtime's constant.
    pub(crate) fn tokens(self) -> TokenStream {
        match self {
            Self::Dec => quote!(__p::Digits::Dec),
            Self::Hex => quote!(__p::Digits::Hex),
            Self::HexLower => quote!(__p::Digits::HexLower),
        }
    }
}

/// What stands in the parentheses of `dec(..)` and `hex(..)`.
fn arguments(name: &Ident, digits: Digits, input: ParseStream<'_>) -> syn::Result<IntTy> {
    let mut digits = digits;
    let mut width = None;
    let form = |span| {
        let text = match digits {
            Digits::Dec => "write `dec(4)`, a number of four digits, or `dec`, one of as many as it needs",
            Digits::Hex | Digits::HexLower => {
                "write `hex(2)` or `hex(2, lower)`, a number of two digits, or `hex`, `hex(lower)`, one of as many as it needs"
            }
        };
        syn::Error::new(span, text)
    };
    if input.peek(LitInt) {
        let literal: LitInt = input.parse()?;
        let most = digits.most();
        width = match literal.base10_parse::<usize>() {
            Ok(width) if (1..=most).contains(&width) => Some(width),
            _ => return Err(syn::Error::new(literal.span(), format!("`{name}` has 1 to {most} digits"))),
        };
        if !input.is_empty() {
            let comma = input.span();
            input.parse::<Token![,]>().map_err(|_| form(comma))?;
        }
    }
    if !input.is_empty() {
        let span = input.span();
        let word: Ident = input.parse().map_err(|_| form(span))?;
        if word != "lower" || digits == Digits::Dec || !input.is_empty() {
            return Err(form(span));
        }
        digits = Digits::HexLower;
    } else if width.is_none() {
        return Err(form(name.span()));
    }
    Ok(digits.int(width))
}

/// The integer of `dec(..)` and `hex(..)`, which travel as macro types.
pub(crate) fn of_type(ty: &Type) -> Option<syn::Result<IntTy>> {
    match ty {
        Type::Macro(mac) => {
            let name = mac.mac.path.get_ident()?;
            let digits = Digits::of_name(&name.to_string())?;
            let parse = |input: ParseStream<'_>| arguments(name, digits, input);
            Some(parse.parse2(mac.mac.tokens.clone()))
        }
        Type::Path(path) if path.qself.is_none() => {
            Some(Ok(Digits::of_name(&path.path.get_ident()?.to_string())?.int(None)))
        }
        _ => None,
    }
}

/// The same of the expression behind `as`.
pub(crate) fn of_expr(expr: &Expr) -> Option<syn::Result<IntTy>> {
    match expr {
        Expr::Path(path) => Some(Ok(Digits::of_name(&path.path.get_ident()?.to_string())?.int(None))),
        Expr::Call(call) => {
            let Expr::Path(path) = &*call.func else { return None };
            let name = path.path.get_ident()?;
            let digits = Digits::of_name(&name.to_string())?;
            let args = &call.args;
            let parse = |input: ParseStream<'_>| arguments(name, digits, input);
            Some(parse.parse2(quote!(#args)))
        }
        _ => None,
    }
}

/// The name of an integer for messages: `u24`, `dec(4)`.
pub(crate) fn name(int: IntTy) -> String {
    let width = |name: &str, more: &str| match int.bytes {
        0 => format!("{name}{}", if more.is_empty() { String::new() } else { "(lower)".into() }),
        width => format!("{name}({width}{more})"),
    };
    match int.digits {
        Some(Digits::Dec) => width("dec", ""),
        Some(Digits::Hex) => width("hex", ""),
        Some(Digits::HexLower) => width("hex", ", lower"),
        None => {
            let kind = if int.float {
                'f'
            } else if int.signed {
                'i'
            } else {
                'u'
            };
            format!("{kind}{}", int.bytes * 8)
        }
    }
}

/// The integer whose values sentinels are, and its bits: that of the field, or
/// of the elements of a list.
pub(crate) fn integer_of(item: &Item) -> Option<(IntTy, u32)> {
    let of_list = || match &item.repr {
        Repr::List(_, element) => IntTy::of_type(element),
        _ => None,
    };
    let int = IntTy::of_type(&item.ty).or_else(of_list)?;
    let bits = match &item.repr {
        Repr::Bits(slot) => slot.count,
        Repr::Int(wire, _) | Repr::Scalar(wire, _) => wire.bits(),
        _ => int.bytes as u32 * 8,
    };
    Some((int, bits))
}
