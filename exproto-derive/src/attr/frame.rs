//! `#[frame(..)]`: where a frame begins and ends on the wire.

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::{Attribute, Expr, LitInt, Token};

pub(crate) use super::segments::Reassemble;
use super::segments::reassemble;
use super::{Keyed, Place, after_eq, entries, in_parens, set, unknown_key};
use crate::blocks::BlocksKey;
use crate::ctxt::Ctxt;

/// The keys of a struct that is a frame.
const STRUCT: &[&str] = &[
    "flag",
    "start",
    "end",
    "line",
    "escape",
    "stuffing",
    "unescaped",
    "blocks",
    "datagram",
    "find",
    "max",
    "skip",
    "resync",
    "lead",
    "reassemble",
];
/// The keys of an enum of frames.
const ENUM: &[&str] = &["one_of", "skip", "resync"];
/// The keys of a variant that is a frame.
const VARIANT: &[&str] = &["first", "followed", "if", "lead", "sent"];
const ALL: &[&str] = &[
    "flag",
    "start",
    "end",
    "line",
    "escape",
    "stuffing",
    "unescaped",
    "blocks",
    "datagram",
    "find",
    "max",
    "skip",
    "resync",
    "lead",
    "reassemble",
    "one_of",
    "first",
    "followed",
    "if",
    "sent",
];

/// The keys of `#[frame(..)]` as written.
#[derive(Default)]
pub(crate) struct FrameAttrs {
    /// Where the attribute stands, if there is one.
    pub(crate) span: Option<Span>,
    pub(crate) flag: Option<Keyed<LitInt>>,
    pub(crate) start: Option<Keyed<Bytes>>,
    pub(crate) end: Option<Keyed<Bytes>>,
    pub(crate) line: Option<Keyed<()>>,
    pub(crate) escape: Option<Keyed<Escapes>>,
    pub(crate) stuffing: Option<Keyed<Named>>,
    /// The transform that `stuffing` names, if it is none of ours.
    pub(crate) transform: Option<Expr>,
    /// A checksum behind each block.
    pub(crate) blocks: Option<Keyed<BlocksKey>>,
    /// Fields may hold the delimiter all the same.
    pub(crate) unescaped: Option<Keyed<()>>,
    pub(crate) datagram: Option<Keyed<()>>,
    /// The function that finds the end.
    pub(crate) find: Option<Keyed<syn::Path>>,
    pub(crate) max: Option<Keyed<LitInt>>,
    pub(crate) skip: Option<Keyed<Bytes>>,
    /// `resync = close`.
    pub(crate) close: Option<Keyed<bool>>,
    pub(crate) lead: Option<Keyed<Vec<Ranges>>>,
    pub(crate) one_of: Option<Keyed<()>>,
    pub(crate) first: Option<Keyed<()>>,
    /// Only ever sent to devices: not looked for.
    pub(crate) sent: Option<Keyed<()>>,
    /// Told from later kinds by what follows.
    pub(crate) followed: Option<Keyed<()>>,
    /// Looked for where the connection says so.
    pub(crate) condition: Option<Keyed<Expr>>,
    pub(crate) reassemble: Vec<Keyed<Reassemble>>,
}

/// Bytes as written.
#[derive(Clone)]
pub(crate) struct Bytes {
    pub(crate) bytes: Vec<u8>,
}

/// What a leading byte may be: ranges, lowest and highest.
pub(crate) type Ranges = Vec<(u8, u8)>;

/// A stuffing by its name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Named {
    Slip,
    Hdlc,
    Ppp,
    Cobs,
    Hex,
    /// A transform of the user.
    Own,
}

impl Named {
    /// Whether it has no delimiters of its own, or takes others.
    pub(crate) fn takes_delimiters(self) -> bool {
        matches!(self, Self::Cobs | Self::Hex | Self::Own)
    }

    /// The flag that is its own.
    pub(crate) fn flag(self) -> Option<&'static str> {
        match self {
            Self::Slip => Some("0xC0"),
            Self::Hdlc | Self::Ppp => Some("0x7E"),
            Self::Cobs | Self::Hex | Self::Own => None,
        }
    }
}

/// The forms of `escape(..)`.
pub(crate) enum Escapes {
    /// `BYTE: CODE => VALUE, ..`.
    Table(EscapeTable),
    /// `BYTE ^ MASK: VALUE, ..`.
    Xor { byte: LitInt, mask: LitInt, values: Vec<LitInt> },
    /// `SEQUENCE => BYTES, ..`.
    Sequences(Vec<(Bytes, Bytes)>),
}

/// `escape(BYTE: CODE => VALUE, ..)`.
pub(crate) struct EscapeTable {
    pub(crate) byte: LitInt,
    pub(crate) codes: Vec<(LitInt, LitInt)>,
}

/// Reads the `#[frame(..)]` attributes of a type or variant.
pub(crate) fn parse(attrs: &[Attribute], place: Place, ctxt: &mut Ctxt) -> FrameAttrs {
    let mut found = FrameAttrs::default();
    if let Some(attr) = attrs.iter().find(|attr| attr.path().is_ident("frame")) {
        found.span = attr.path().get_ident().map(Ident::span);
    }
    let keys = match place {
        Place::Enum => ENUM,
        Place::Variant => VARIANT,
        Place::Struct | Place::Field => STRUCT,
    };
    entries(attrs, "frame", ctxt, |key, input, ctxt| {
        let name = key.to_string();
        if !keys.contains(&name.as_str()) {
            return Err(unknown_key(key, "frame", place, keys, ALL));
        }
        match name.as_str() {
            "flag" => set(&mut found.flag, key, after_eq(input, key, "0x7E", byte)?, ctxt),
            "start" => set(&mut found.start, key, after_eq(input, key, "b\"*\"", bytes)?, ctxt),
            "end" => set(&mut found.end, key, after_eq(input, key, "b\"#\"", bytes)?, ctxt),
            "line" => set(&mut found.line, key, (), ctxt),
            "unescaped" => set(&mut found.unescaped, key, (), ctxt),
            "datagram" => set(&mut found.datagram, key, (), ctxt),
            "one_of" => set(&mut found.one_of, key, (), ctxt),
            "first" => set(&mut found.first, key, (), ctxt),
            "sent" => set(&mut found.sent, key, (), ctxt),
            "followed" => set(&mut found.followed, key, (), ctxt),
            "if" => {
                let condition = after_eq(input, key, "CONDITION", |input| input.parse())?;
                set(&mut found.condition, key, condition, ctxt);
            }
            "escape" => {
                let table = in_parens(input, key, "0x7D: 0x01 => 0x7D, ..", escapes)?;
                set(&mut found.escape, key, table, ctxt);
            }
            "stuffing" => {
                let named = after_eq(input, key, "slip", |input| {
                    let (name, by) = stuffing(input)?;
                    let Some(name) = name else {
                        found.transform = by;
                        return Ok(Named::Own);
                    };
                    match name.to_string().as_str() {
                        "slip" => Ok(Named::Slip),
                        "hdlc" => Ok(Named::Hdlc),
                        "ppp" => Ok(Named::Ppp),
                        "cobs" => Ok(Named::Cobs),
                        "hex" => Ok(Named::Hex),
                        _ => Err(syn::Error::new(
                            name.span(),
                            format!(
                                "no stuffing `{name}`: there are slip, hdlc, ppp, cobs and hex; another one is `escape(..)` or `stuffing = with(DECODE, ENCODE)`"
                            ),
                        )),
                    }
                })?;
                set(&mut found.stuffing, key, named, ctxt);
            }
            "blocks" => {
                let what = "first = 8, size = 16, check: u16 = crc(\"..\", ..)";
                let value = in_parens(input, key, what, |input| crate::blocks::parse(key, input))?;
                set(&mut found.blocks, key, value, ctxt);
            }
            "find" => {
                set(&mut found.find, key, after_eq(input, key, "FUNCTION", |input| input.parse())?, ctxt)
            }
            "max" => set(&mut found.max, key, after_eq(input, key, "BYTES", |input| input.parse())?, ctxt),
            "skip" => set(&mut found.skip, key, after_eq(input, key, "b\"\\r\\n\"", bytes)?, ctxt),
            "resync" => {
                let close = after_eq(input, key, "auto", |input| {
                    let name: Ident = input.parse()?;
                    match name.to_string().as_str() {
                        "auto" => Ok(false),
                        "close" => Ok(true),
                        _ => Err(syn::Error::new(name.span(), "write `resync = auto` or `resync = close`")),
                    }
                })?;
                set(&mut found.close, key, close, ctxt);
            }
            "lead" => set(&mut found.lead, key, after_eq(input, key, "[0x78, 0x78]", lead)?, ctxt),
            _ => {
                let what = "key = .., index = .., total = .., into = ..";
                let value = in_parens(input, key, what, |input| reassemble(key, input))?;
                found.reassemble.push(Keyed { key: key.span(), value });
            }
        }
        Ok(())
    });
    found
}

/// The name of a stuffing, or the transform that is one.
fn stuffing(input: ParseStream<'_>) -> syn::Result<(Option<Ident>, Option<Expr>)> {
    let expr = super::wire::via(input)?;
    // A name in capitals is a constant of the user.
    let name = match &expr {
        Expr::Path(path) => path
            .path
            .get_ident()
            .filter(|name| name.to_string().starts_with(|first: char| first.is_lowercase())),
        _ => None,
    };
    match name {
        Some(name) => Ok((Some(name.clone()), None)),
        None => Ok((None, Some(expr))),
    }
}

/// `b"##"`, `0x7E` or `b'#'`.
fn bytes(input: ParseStream<'_>) -> syn::Result<Bytes> {
    let span = input.span();
    let bytes = if input.peek(syn::LitByteStr) {
        input.parse::<syn::LitByteStr>()?.value()
    } else if input.peek(syn::LitByte) {
        vec![input.parse::<syn::LitByte>()?.value()]
    } else {
        vec![byte(input)?.base10_parse()?]
    };
    if bytes.is_empty() {
        return Err(syn::Error::new(span, "write at least one byte"));
    }
    Ok(Bytes { bytes })
}

/// `[0x00, 0x01..=0xFF, b'#' | b'$', _]` or `b"##"`.
fn lead(input: ParseStream<'_>) -> syn::Result<Vec<Ranges>> {
    if input.peek(syn::LitByteStr) {
        return Ok(bytes(input)?.bytes.into_iter().map(|byte| vec![(byte, byte)]).collect());
    }
    let content;
    syn::bracketed!(content in input);
    let patterns = content.parse_terminated(syn::Pat::parse_multi, Token![,])?;
    patterns.iter().map(ranges).collect()
}

fn ranges(pat: &syn::Pat) -> syn::Result<Ranges> {
    let wrong = || {
        syn::Error::new_spanned(
            pat,
            "a leading byte is `0x7E`, a range `0x01..=0xFF`, several with `|`, or `_`",
        )
    };
    let number = |expr: &Expr| match expr {
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(int), .. }) => {
            int.base10_parse::<u8>().map_err(|_| wrong())
        }
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Byte(byte), .. }) => Ok(byte.value()),
        _ => Err(wrong()),
    };
    match pat {
        syn::Pat::Wild(_) => Ok(vec![(0, 0xFF)]),
        syn::Pat::Paren(paren) => ranges(&paren.pat),
        syn::Pat::Or(or) => Ok(or.cases.iter().map(ranges).collect::<syn::Result<Vec<_>>>()?.concat()),
        syn::Pat::Lit(lit) => {
            let byte = number(&Expr::Lit(lit.clone()))?;
            Ok(vec![(byte, byte)])
        }
        syn::Pat::Range(range) => match (&range.start, &range.end, &range.limits) {
            (Some(start), Some(end), syn::RangeLimits::Closed(_)) => {
                let (low, high) = (number(start)?, number(end)?);
                if low > high {
                    return Err(wrong());
                }
                Ok(vec![(low, high)])
            }
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}

/// One of the forms of `escape(..)`: see [`Escapes`].
fn escapes(input: ParseStream<'_>) -> syn::Result<Escapes> {
    if input.peek2(Token![=>]) {
        let mut table = Vec::new();
        while !input.is_empty() {
            let sequence = bytes(input)?;
            let _: Token![=>] = input.parse()?;
            table.push((sequence, bytes(input)?));
            if !input.is_empty() {
                let _: Token![,] = input.parse()?;
            }
        }
        return Ok(Escapes::Sequences(table));
    }
    if !input.peek2(Token![^]) {
        return escape_table(input).map(Escapes::Table);
    }
    let escape = byte(input)?;
    let _: Token![^] = input.parse()?;
    let mask = byte(input)?;
    let _: Token![:] = input.parse()?;
    let values = input.parse_terminated(byte, Token![,])?.into_iter().collect();
    Ok(Escapes::Xor { byte: escape, mask, values })
}

fn byte(input: ParseStream<'_>) -> syn::Result<LitInt> {
    let literal: LitInt = input.parse()?;
    match literal.base10_parse::<u8>() {
        Ok(_) => Ok(literal),
        Err(_) => Err(syn::Error::new(literal.span(), format!("`{literal}` is no byte: write 0x00 to 0xFF"))),
    }
}

fn escape_table(input: ParseStream<'_>) -> syn::Result<EscapeTable> {
    let escape = byte(input)?;
    let _: Token![:] = input.parse()?;
    let mut codes = Vec::new();
    while !input.is_empty() {
        let code = byte(input)?;
        let _: Token![=>] = input.parse()?;
        codes.push((code, byte(input)?));
        if input.is_empty() {
            break;
        }
        let _: Token![,] = input.parse()?;
    }
    Ok(EscapeTable { byte: escape, codes })
}
