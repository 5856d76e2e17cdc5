//! `#[wire(..)]`: the layout of contiguous bytes.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::spanned::Spanned;
use syn::{Attribute, Expr, Ident, Lit, LitInt, Pat, Path, Token, Type};

use super::gap::{self, Gap};
use super::{Keyed, Place, after_eq, entries, in_parens, set, unknown_key};
use crate::ctxt::Ctxt;

const STRUCT_KEYS: &[&str] =
    &["endian", "ctx", "bits", "sep", "max_depth", "before", "after", "key", "crate"];
const ENUM_KEYS: &[&str] = &["endian", "ctx", "tag", "lenient", "try", "sep", "max_depth", "crate"];
const VARIANT_KEYS: &[&str] = &["tag", "other", "when", "key"];
const FIELD_KEYS: &[&str] = &[
    "endian", "as", "bits", "size", "count", "rest", "until", "max", "extra", "each", "fill", "is", "if",
    "tag", "opaque", "lenient", "range", "strict", "ctx", "scale", "offset", "unit", "sentinel", "hidden",
    "flatten", "map", "skip", "default", "via", "sep", "stream", "before", "after",
];
const ALL_KEYS: &[&str] = &[
    "hidden",
    "flatten",
    "map",
    "key",
    "endian",
    "ctx",
    "bits",
    "before",
    "after",
    "crate",
    "tag",
    "lenient",
    "try",
    "other",
    "when",
    "as",
    "size",
    "count",
    "rest",
    "each",
    "fill",
    "is",
    "if",
    "opaque",
    "range",
    "strict",
    "scale",
    "offset",
    "unit",
    "sentinel",
    "skip",
    "default",
    "sep",
    "until",
    "max",
    "extra",
    "via",
    "stream",
    "max_depth",
];

/// The byte order of an integer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Endian {
    Big,
    Little,
    /// Decided by the expression of the item of this index.
    Chosen(usize),
}

/// `endian = big`, or an expression that makes an `Endian`.
#[derive(Clone)]
pub(crate) struct EndianKey {
    pub(crate) order: Endian,
    pub(crate) chosen: Option<Expr>,
}

/// `size = ..`, `count = ..`.
#[derive(Clone)]
pub(crate) enum Amount {
    /// A prefix of this integer type, or read by this codec, right before the value.
    Prefix(Type),
    /// An expression over earlier fields and the context.
    Expr(Expr),
}

/// `until = ..`.
#[derive(Clone)]
pub(crate) enum UntilKey {
    /// Bytes that are not part of the value.
    Bytes(Vec<u8>),
    /// What holds for the last element of a list, and for no other: a closure.
    Element(Expr),
    /// The checksum that fits behind the last element.
    Check(Ident),
}

/// `tag`, `tag = u8`, `tag = 0x01 | 0x02`.
#[derive(Clone)]
pub(crate) enum TagKey {
    /// On a field: it receives the tag.
    Receive,
    /// On an enum: the integer type of the inline tag.
    Type(Type),
    /// On a variant: the tags it has.
    Pattern(Pat),
}

/// `ctx(..)`.
#[derive(Clone)]
pub(crate) enum CtxKey {
    /// On a type: names and types.
    Declare(Vec<(Ident, Type)>),
    /// On a field: names and values.
    Give(Vec<(Ident, Expr)>),
}

/// An item that stands only on the wire: `NAME: TYPE = EXPR, KEYS` or a constant.
#[derive(Clone)]
pub(crate) struct WireItem {
    pub(crate) span: Span,
    /// `None` for `_`.
    pub(crate) name: Option<Ident>,
    pub(crate) content: WireContent,
    pub(crate) attrs: Box<WireAttrs>,
}

#[derive(Clone)]
pub(crate) enum WireContent {
    /// A constant: `b"\xFF"`.
    Bytes(Vec<u8>),
    /// Bytes that mean nothing: `pad(3)`, `align(4)`.
    Gap(Gap),
    /// `TYPE` or `bits(N)`, and the relation behind `=`.
    Value { ty: Option<Type>, relation: Option<Expr> },
}

/// The keys of `#[wire(..)]` as written.
#[derive(Clone, Default)]
pub(crate) struct WireAttrs {
    pub(crate) endian: Option<Keyed<EndianKey>>,
    pub(crate) codec: Option<Keyed<Expr>>,
    pub(crate) bits: Option<Keyed<BitsKey>>,
    pub(crate) size: Option<Keyed<Amount>>,
    pub(crate) count: Option<Keyed<Amount>>,
    pub(crate) rest: Option<Keyed<()>>,
    /// What ends the value.
    pub(crate) until: Option<Keyed<UntilKey>>,
    /// The most bytes or elements.
    pub(crate) max: Option<Keyed<Expr>>,
    /// Bytes of the extent that the value does not use are no mistake.
    pub(crate) extra: Option<Keyed<()>>,
    /// The byte between fields.
    pub(crate) sep: Option<Keyed<u8>>,
    pub(crate) each: Option<Keyed<Box<WireAttrs>>>,
    pub(crate) fill: Option<Keyed<u8>>,
    pub(crate) is: Option<Keyed<Expr>>,
    pub(crate) condition: Option<Keyed<Expr>>,
    pub(crate) tag: Option<Keyed<TagKey>>,
    pub(crate) other: Option<Keyed<()>>,
    pub(crate) when: Option<Keyed<Expr>>,
    pub(crate) opaque: Option<Keyed<Expr>>,
    pub(crate) lenient: Option<Keyed<()>>,
    /// The first variant that fits is taken.
    pub(crate) tried: Option<Keyed<()>>,
    /// Not in JSON.
    pub(crate) hidden: Option<Keyed<()>>,
    /// Its fields stand in its parent, in JSON.
    pub(crate) flatten: Option<Keyed<()>>,
    /// Its elements stand in an object, in JSON.
    pub(crate) map: Option<Keyed<()>>,
    /// The name of an element in such an object.
    pub(crate) key: Option<Keyed<syn::LitStr>>,
    pub(crate) range: Option<Keyed<(Expr, Expr)>>,
    pub(crate) strict: Option<Keyed<()>>,
    pub(crate) ctx: Option<Keyed<CtxKey>>,
    pub(crate) scale: Option<Keyed<Expr>>,
    pub(crate) offset: Option<Keyed<Expr>>,
    pub(crate) unit: Option<Keyed<String>>,
    /// Values that stand for something else than a number, with their names.
    pub(crate) sentinel: Option<Keyed<Vec<(i64, Ident)>>>,
    /// The field is not on the wire.
    pub(crate) skip: Option<Keyed<()>>,
    /// What the field is when it is not there.
    pub(crate) default: Option<Keyed<Expr>>,
    /// What stands between the layout of the value and its bytes on the wire.
    pub(crate) via: Option<Keyed<Expr>>,
    /// The most bytes that the payload is handed out in.
    pub(crate) stream: Option<Keyed<LitInt>>,
    /// How many values of the type may lie within each other.
    pub(crate) max_depth: Option<Keyed<u32>>,
    pub(crate) krate: Option<Keyed<Path>>,
    pub(crate) before: Vec<WireItem>,
    pub(crate) after: Vec<WireItem>,
}

/// `bits = 3` on a field, `bits = u16` on a struct.
#[derive(Clone)]
pub(crate) enum BitsKey {
    Count(u32),
    Container(Type),
}

/// Reads the `#[wire(..)]` attributes at `place`.
pub(crate) fn parse(attrs: &[Attribute], place: Place, ctxt: &mut Ctxt) -> WireAttrs {
    let mut found = WireAttrs::default();
    entries(attrs, "wire", ctxt, |key, input, ctxt| one(&mut found, key, input, place, ctxt));
    found
}

fn keys_of(place: Place) -> &'static [&'static str] {
    match place {
        Place::Struct => STRUCT_KEYS,
        Place::Enum => ENUM_KEYS,
        Place::Variant => VARIANT_KEYS,
        Place::Field => FIELD_KEYS,
    }
}

/// Reads what follows one key.
fn one(
    found: &mut WireAttrs,
    key: &Ident,
    input: ParseStream<'_>,
    place: Place,
    ctxt: &mut Ctxt,
) -> syn::Result<()> {
    let name = key.unraw().to_string();
    if !keys_of(place).contains(&name.as_str()) {
        return Err(unknown_key(key, "wire", place, keys_of(place), ALL_KEYS));
    }
    let expr = |input: ParseStream<'_>| input.parse::<Expr>();
    match name.as_str() {
        "endian" => set(&mut found.endian, key, after_eq(input, key, "big", endian)?, ctxt),
        "as" => set(&mut found.codec, key, after_eq(input, key, "CODEC", expr)?, ctxt),
        "bits" => set(&mut found.bits, key, after_eq(input, key, "N", |input| bits(input, place))?, ctxt),
        "size" => set(&mut found.size, key, after_eq(input, key, "BYTES", amount)?, ctxt),
        "count" => set(&mut found.count, key, after_eq(input, key, "ELEMENTS", amount)?, ctxt),
        "until" => set(&mut found.until, key, after_eq(input, key, "b\"\\0\"", until)?, ctxt),
        "max" => set(&mut found.max, key, after_eq(input, key, "64", expr)?, ctxt),
        "extra" => set(&mut found.extra, key, (), ctxt),
        "sep" => set(&mut found.sep, key, after_eq(input, key, "b','", byte)?, ctxt),
        "rest" => set(&mut found.rest, key, (), ctxt),
        "each" => {
            let inner = in_parens(input, key, "KEYS of each element", |input| {
                let tokens: TokenStream = input.parse()?;
                Ok(parse_list(tokens, Place::Field, ctxt))
            })?;
            set(&mut found.each, key, Box::new(inner), ctxt);
        }
        "fill" => set(&mut found.fill, key, after_eq(input, key, "0x00", byte)?, ctxt),
        "is" => {
            set(&mut found.is, key, after_eq(input, key, "size(FIELD)", crate::relation::expression)?, ctxt)
        }
        "if" => set(&mut found.condition, key, after_eq(input, key, "CONDITION", expr)?, ctxt),
        "tag" => set(&mut found.tag, key, tag(input, key, place)?, ctxt),
        "other" => set(&mut found.other, key, (), ctxt),
        "when" => set(&mut found.when, key, after_eq(input, key, "CONDITION", expr)?, ctxt),
        "opaque" => set(&mut found.opaque, key, after_eq(input, key, "CONDITION", expr)?, ctxt),
        "lenient" => set(&mut found.lenient, key, (), ctxt),
        "try" => set(&mut found.tried, key, (), ctxt),
        "hidden" => set(&mut found.hidden, key, (), ctxt),
        "flatten" => set(&mut found.flatten, key, (), ctxt),
        "map" => set(&mut found.map, key, (), ctxt),
        "key" => set(&mut found.key, key, after_eq(input, key, "\"{field}\"", |input| input.parse())?, ctxt),
        "range" => set(&mut found.range, key, after_eq(input, key, "LOW..=HIGH", range)?, ctxt),
        "strict" => set(&mut found.strict, key, (), ctxt),
        "ctx" => set(&mut found.ctx, key, in_parens(input, key, "..", |input| ctx(input, place))?, ctxt),
        "scale" => set(&mut found.scale, key, after_eq(input, key, "0.1", expr)?, ctxt),
        "offset" => set(&mut found.offset, key, after_eq(input, key, "-40", expr)?, ctxt),
        "unit" => {
            let text = after_eq(input, key, "\"km/h\"", |input| input.parse::<syn::LitStr>())?;
            set(&mut found.unit, key, text.value(), ctxt);
        }
        "sentinel" => {
            set(&mut found.sentinel, key, in_parens(input, key, "0xFF => invalid", sentinels)?, ctxt);
        }
        "skip" => set(&mut found.skip, key, (), ctxt),
        "default" => set(&mut found.default, key, after_eq(input, key, "0", expr)?, ctxt),
        "max_depth" => set(&mut found.max_depth, key, after_eq(input, key, "8", depth)?, ctxt),
        "via" => set(&mut found.via, key, after_eq(input, key, "TRANSFORM", via)?, ctxt),
        "stream" => set(&mut found.stream, key, after_eq(input, key, "4096", |input| input.parse())?, ctxt),
        "crate" => set(
            &mut found.krate,
            key,
            after_eq(input, key, "path", |input| input.call(Path::parse_mod_style))?,
            ctxt,
        ),
        "before" => {
            found.before.push(in_parens(input, key, "NAME: TYPE = RELATION", |input| item(key, input, ctxt))?)
        }
        "after" => {
            found.after.push(in_parens(input, key, "NAME: TYPE = RELATION", |input| item(key, input, ctxt))?)
        }
        _ => return Err(unknown_key(key, "wire", place, keys_of(place), ALL_KEYS)),
    }
    Ok(())
}

/// Reads a list of keys that stands in no attribute of its own.
fn parse_list(tokens: TokenStream, place: Place, ctxt: &mut Ctxt) -> WireAttrs {
    let attr: Attribute = syn::parse_quote!(#[wire(#tokens)]);
    parse(&[attr], place, ctxt)
}

fn byte(input: ParseStream<'_>) -> syn::Result<u8> {
    let literal: Lit = input.parse()?;
    match &literal {
        Lit::Int(int) => int.base10_parse::<u8>(),
        Lit::Byte(byte) => Ok(byte.value()),
        _ => Err(syn::Error::new(literal.span(), "write a byte: `0x20` or `b' '`")),
    }
}

fn until(input: ParseStream<'_>) -> syn::Result<UntilKey> {
    if input.peek(Token![|]) {
        let at = input.span();
        let mut closure: syn::ExprClosure = input.parse()?;
        // It takes along the earlier fields that it speaks of.
        closure.capture.get_or_insert_with(|| Token![move](at));
        return Ok(UntilKey::Element(Expr::Closure(closure)));
    }
    if input.peek(syn::Ident) {
        return input.parse().map(UntilKey::Check);
    }
    sentinel_bytes(input).map(UntilKey::Bytes)
}

/// The bytes that end a value: `b"\r\n"`, `b'\0'`, `0xFF`.
fn sentinel_bytes(input: ParseStream<'_>) -> syn::Result<Vec<u8>> {
    if let Ok(Lit::ByteStr(bytes)) = input.fork().parse() {
        let _: Lit = input.parse()?;
        if bytes.value().is_empty() {
            return Err(syn::Error::new(
                bytes.span(),
                "something has to end the value: give at least one byte",
            ));
        }
        return Ok(bytes.value());
    }
    byte(input).map(|byte| vec![byte])
}

fn endian(input: ParseStream<'_>) -> syn::Result<EndianKey> {
    let expr: Expr = input.parse()?;
    let order = match &expr {
        Expr::Path(path) if path.path.is_ident("big") => Endian::Big,
        Expr::Path(path) if path.path.is_ident("little") => Endian::Little,
        _ => return Ok(EndianKey { order: Endian::Chosen(0), chosen: Some(expr) }),
    };
    Ok(EndianKey { order, chosen: None })
}

fn depth(input: ParseStream<'_>) -> syn::Result<u32> {
    let literal: LitInt = input.parse()?;
    match literal.base10_parse::<u32>() {
        Ok(depth @ 1..=64) => Ok(depth),
        _ => Err(syn::Error::new(
            literal.span(),
            "values lie within each other 1 to 64 deep, so that they do not exhaust the stack",
        )),
    }
}

/// A transform, or `with(DECODE, ENCODE)`.
pub(super) fn via(input: ParseStream<'_>) -> syn::Result<Expr> {
    let expr: Expr = input.parse()?;
    let Expr::Call(call) = &expr else { return Ok(expr) };
    if !matches!(&*call.func, Expr::Path(path) if path.path.is_ident("with")) {
        return Ok(expr);
    }
    let mut args = call.args.iter();
    let (Some(decode), Some(encode), None) = (args.next(), args.next(), args.next()) else {
        return Err(syn::Error::new(
            expr.span(),
            "`with` takes two functions, `with(DECODE, ENCODE)`: from the bytes on the wire to those that the layout reads, and back",
        ));
    };
    Ok(syn::parse_quote!(__p::through(#decode, #encode)))
}

fn bits(input: ParseStream<'_>, place: Place) -> syn::Result<BitsKey> {
    if place == Place::Struct {
        return Ok(BitsKey::Container(input.parse()?));
    }
    let literal: LitInt = input.parse()?;
    let count = literal.base10_parse::<u32>()?;
    if (1..=64).contains(&count) {
        Ok(BitsKey::Count(count))
    } else {
        Err(syn::Error::new(literal.span(), "a field of bits has 1 to 64 of them"))
    }
}

fn amount(input: ParseStream<'_>) -> syn::Result<Amount> {
    if input.peek(Ident) && input.peek2(syn::token::Paren) {
        let ahead = input.fork();
        let word: Ident = ahead.parse()?;
        if word == "prefix" {
            let _: Ident = input.parse()?;
            let content;
            syn::parenthesized!(content in input);
            return Ok(Amount::Prefix(parse_bits_or_type(&content)?));
        }
    }
    Ok(Amount::Expr(input.parse()?))
}

fn tag(input: ParseStream<'_>, key: &Ident, place: Place) -> syn::Result<TagKey> {
    match place {
        Place::Field if !input.peek(Token![=]) => Ok(TagKey::Receive),
        Place::Field => Err(syn::Error::new(
            key.span(),
            "`tag` on a field has no value: the field receives the tag of its variant",
        )),
        Place::Variant => after_eq(input, key, "0x01", |input| Pat::parse_multi(input).map(TagKey::Pattern)),
        _ => after_eq(input, key, "u8", |input| parse_bits_or_type(input).map(TagKey::Type)),
    }
}

fn range(input: ParseStream<'_>) -> syn::Result<(Expr, Expr)> {
    let expr: Expr = input.parse()?;
    if let Expr::Range(range) = &expr
        && let (Some(start), Some(end), syn::RangeLimits::Closed(_)) =
            (&range.start, &range.end, &range.limits)
    {
        return Ok(((**start).clone(), (**end).clone()));
    }
    Err(syn::Error::new(expr.span(), "a range names its lowest and highest value: `range = 1..=12`"))
}

/// `0xFE => abnormal, 0xFF => invalid`.
fn sentinels(input: ParseStream<'_>) -> syn::Result<Vec<(i64, Ident)>> {
    let mut all = Vec::new();
    while !input.is_empty() {
        let minus = if input.peek(Token![-]) { Some(input.parse::<Token![-]>()?) } else { None };
        let literal: LitInt = input.parse()?;
        let value = literal.base10_parse::<u64>()? as i64;
        let _: Token![=>] = input.parse()?;
        all.push((if minus.is_some() { value.wrapping_neg() } else { value }, input.parse()?));
        if !input.is_empty() {
            let _: Token![,] = input.parse()?;
        }
    }
    if all.is_empty() {
        return Err(syn::Error::new(input.span(), "name at least one value: `sentinel(0xFF => invalid)`"));
    }
    Ok(all)
}

fn ctx(input: ParseStream<'_>, place: Place) -> syn::Result<CtxKey> {
    let mut declare = Vec::new();
    let mut give = Vec::new();
    while !input.is_empty() {
        let name: Ident = input.parse()?;
        if place == Place::Field {
            let value = if input.peek(Token![=]) {
                let _: Token![=] = input.parse()?;
                input.parse()?
            } else {
                syn::parse_quote!(#name)
            };
            give.push((name, value));
        } else {
            if !input.peek(Token![:]) {
                return Err(syn::Error::new(name.span(), format!("say the type: `ctx({name}: TYPE)`")));
            }
            let _: Token![:] = input.parse()?;
            declare.push((name, input.parse()?));
        }
        if !input.is_empty() {
            let _: Token![,] = input.parse()?;
        }
    }
    Ok(if place == Place::Field { CtxKey::Give(give) } else { CtxKey::Declare(declare) })
}

/// Reads the content of `before(..)` or `after(..)`.
fn item(key: &Ident, input: ParseStream<'_>, ctxt: &mut Ctxt) -> syn::Result<WireItem> {
    if input.peek(Lit) {
        let literal: Lit = input.parse()?;
        let bytes = match &literal {
            Lit::ByteStr(bytes) => bytes.value(),
            Lit::Byte(byte) => vec![byte.value()],
            _ => return Err(syn::Error::new(literal.span(), "a constant is bytes: `b\"\\x7E\"`")),
        };
        let content = WireContent::Bytes(bytes);
        return Ok(WireItem { span: literal.span(), name: None, content, attrs: Box::default() });
    }
    let span = input.span();
    let name = if input.peek(Token![_]) {
        let _: Token![_] = input.parse()?;
        None
    } else {
        Some(input.parse::<Ident>()?)
    };
    if !input.peek(Token![:]) {
        return Err(syn::Error::new(
            span,
            format!("say the type: `{key}(NAME: u8 = ..)` or `{key}(NAME: bits(3))`"),
        ));
    }
    let _: Token![:] = input.parse()?;
    if let Some(gap) = gap::parse(input)? {
        let attrs = item_keys(input, ctxt)?;
        return Ok(WireItem { span, name, content: WireContent::Gap(gap), attrs: Box::new(attrs) });
    }
    let ty: Type = parse_bits_or_type(input)?;
    let relation = if input.peek(Token![=]) {
        let _: Token![=] = input.parse()?;
        Some(crate::relation::expression(input)?)
    } else {
        None
    };
    let mut attrs = item_keys(input, ctxt)?;
    let ty = match bits_of(&ty) {
        Some(Ok(count)) => {
            attrs.bits = Some(Keyed { key: ty.span(), value: BitsKey::Count(count) });
            None
        }
        Some(Err(error)) => return Err(error),
        None => Some(ty),
    };
    Ok(WireItem { span, name, content: WireContent::Value { ty, relation }, attrs: Box::new(attrs) })
}

/// The keys behind an item.
fn item_keys(input: ParseStream<'_>, ctxt: &mut Ctxt) -> syn::Result<WireAttrs> {
    if !input.peek(Token![,]) {
        return Ok(WireAttrs::default());
    }
    let _: Token![,] = input.parse()?;
    let rest: TokenStream = input.parse()?;
    Ok(parse_list(rest, Place::Field, ctxt))
}

/// `bits(3)` and `dec(4)` are no types; they travel as macro types, `bits!(3)`.
fn parse_bits_or_type(input: ParseStream<'_>) -> syn::Result<Type> {
    if input.peek(Ident) && input.peek2(syn::token::Paren) {
        let word: Ident = input.parse()?;
        let content;
        syn::parenthesized!(content in input);
        let tokens: TokenStream = content.parse()?;
        if word != "bits" && word != "dec" && word != "hex" {
            return Err(syn::Error::new(
                word.span(),
                format!("no type `{word}(..)`: write an integer type, `bits(N)`, `dec(N)` or `hex(N)`"),
            ));
        }
        let ty = syn::parse_quote!(#word!(#tokens));
        return match crate::number::of_type(&ty) {
            Some(Err(error)) => Err(error),
            _ => Ok(ty),
        };
    }
    input.parse()
}

pub(crate) fn bits_of(ty: &Type) -> Option<syn::Result<u32>> {
    let Type::Macro(mac) = ty else { return None };
    if !mac.mac.path.is_ident("bits") {
        return None;
    }
    let parse = |input: ParseStream<'_>| bits(input, Place::Field);
    Some(parse.parse2(mac.mac.tokens.clone()).map(|key| match key {
        BitsKey::Count(count) => count,
        BitsKey::Container(_) => 0,
    }))
}

impl WireItem {
    /// The name for messages.
    pub(crate) fn label(&self) -> String {
        match (&self.name, &self.content) {
            (Some(name), _) => name.to_string(),
            (None, WireContent::Bytes(bytes)) => format!("constant {bytes:02X?}"),
            (None, WireContent::Value { ty: Some(ty), .. }) => format!("_: {}", ty.to_token_stream()),
            (None, WireContent::Gap(_) | WireContent::Value { ty: None, .. }) => "_".to_string(),
        }
    }
}
