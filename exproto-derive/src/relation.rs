//! The expressions behind `is` and `=`: a value on the wire that is computed
//! from other items. Stated once, used in both directions.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::parse::Parse;
use syn::spanned::Spanned;
use syn::{BinOp, Expr, ExprRange, RangeLimits};

use crate::catalogue::Crc;

/// A relation as written; fields are still names.
#[derive(Clone)]
pub(crate) struct Relation {
    pub(crate) span: Span,
    pub(crate) source: Source,
    /// What is done to the source to get the value on the wire, first to last.
    pub(crate) ops: Vec<Op>,
}

/// What a relation is computed from.
#[derive(Clone)]
pub(crate) enum Source {
    Size(Items),
    Count(Ident),
    /// The bytes of each element of a list, a row of integers.
    Sizes(Ident),
    /// The elements of each element of a list, a row of integers.
    Counts(Ident),
    /// Sizes and counts added up, at least one of them a size or a count.
    Sum(Vec<Term>),
    Present(Ident),
    /// What a field holds that a type further in reads: `count(body.items)`.
    Inside(Asked, Vec<Ident>),
    Tag(Ident),
    /// The bits of a field from this one up.
    Bits(Ident, u32),
    /// Whether a field is negative: what stands for plus and for minus.
    Sign(Ident, u64, u64),
    Check(Algorithm, Items),
    Constant(Expr),
}

/// What is asked of a field within another.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// How many elements it has.
    Count,
    /// How many bytes it has.
    Size,
    /// Whether it is there.
    Present,
}

/// A size or count, so many times.
#[derive(Clone)]
pub(crate) struct Term {
    pub(crate) weight: i64,
    pub(crate) source: Source,
}

/// How a checksum is computed.
#[derive(Clone)]
pub(crate) enum Algorithm {
    Xor,
    /// Modulo 2^n; `None`: as wide as its field.
    Sum(Option<u32>),
    Lrc,
    Internet,
    /// Two running sums, modulo 255 or 256.
    Fletcher(u32),
    Crc {
        crc: Crc,
        /// The register before the first byte, if it is not the usual one.
        seed: Option<Expr>,
        /// Bytes behind those of the range that are not on the wire.
        also: Option<Expr>,
        span: Span,
    },
    /// A function of the user over the bytes, with more arguments.
    Function {
        path: Expr,
        args: Vec<Expr>,
    },
}

impl Algorithm {
    /// Whether the bytes alone decide it.
    pub(crate) fn is_plain(&self) -> bool {
        match self {
            Self::Crc { seed, also, .. } => seed.is_none() && also.is_none(),
            Self::Function { args, .. } => args.is_empty(),
            _ => true,
        }
    }
}

/// A range of items: `body`, `a..=b`, `a..`, `..`.
#[derive(Clone)]
pub(crate) struct Items {
    pub(crate) first: Option<Ident>,
    pub(crate) last: Last,
    /// An open end is the end of the layout: lengths count what follows them.
    pub(crate) to_end: bool,
    pub(crate) span: Span,
}

/// Where a range of items ends.
#[derive(Clone)]
pub(crate) enum Last {
    /// With this item.
    With(Ident),
    /// Before this item.
    Before(Ident),
    /// Before the item that carries the relation, or at the end.
    Open,
}

/// One step of arithmetic.
#[derive(Clone, Copy)]
pub(crate) enum Op {
    Add(i64),
    Mul(i64),
    Div(i64),
    /// Rounded up.
    DivCeil(i64),
}

impl Relation {
    /// Whether the source follows from the value on the wire.
    pub(crate) fn turns_round(&self) -> bool {
        !self.ops.iter().any(|op| matches!(op, Op::DivCeil(_)))
    }
}

const FUNCTIONS: &[&str] = &[
    "size",
    "count",
    "sizes",
    "counts",
    "present",
    "tag",
    "bits",
    "sign",
    "xor",
    "sum",
    "sum8",
    "sum16",
    "sum32",
    "lrc",
    "internet",
    "fletcher255",
    "fletcher256",
    "crc",
    "fn",
];

/// What stands for `fn` in `fn(path, range)`, which is no Rust expression.
const FUNCTION: &str = "__fn";

/// Reads the expression of a relation.
pub(crate) fn expression(input: syn::parse::ParseStream<'_>) -> syn::Result<Expr> {
    if !(input.peek(syn::Token![fn]) && input.peek2(syn::token::Paren)) {
        return input.parse();
    }
    let keyword: syn::Token![fn] = input.parse()?;
    let content;
    let paren_token = syn::parenthesized!(content in input);
    let args = content.parse_terminated(Expr::parse, syn::Token![,])?;
    let name = Ident::new(FUNCTION, keyword.span());
    let func = Box::new(syn::parse_quote!(#name));
    Ok(Expr::Call(syn::ExprCall { attrs: Vec::new(), func, paren_token, args }))
}

/// Reads a relation.
pub(crate) fn parse(expr: &Expr) -> syn::Result<Relation> {
    let mut ops = Vec::new();
    let source = peel(expr, &mut ops)?;
    Ok(Relation { span: expr.span(), source, ops })
}

/// Takes `+ - * /` by constants off, from the outside in.
fn peel(expr: &Expr, ops: &mut Vec<Op>) -> syn::Result<Source> {
    match expr {
        Expr::Paren(paren) => peel(&paren.expr, ops),
        Expr::Group(group) => peel(&group.expr, ops),
        Expr::Binary(binary) if mentions_function(&binary.left) && mentions_function(&binary.right) => {
            let (mut sum, mut constant) = (Vec::new(), 0);
            terms(expr, 1, &mut sum, &mut constant)?;
            if constant != 0 {
                ops.push(Op::Add(constant));
            }
            Ok(Source::Sum(sum))
        }
        // `2 * count(list)` is `count(list) * 2`.
        Expr::Binary(binary) if mentions_function(&binary.right) => {
            let source = peel(&binary.right, ops)?;
            let constant = integer(&binary.left)?;
            ops.push(match binary.op {
                BinOp::Add(_) => Op::Add(constant),
                BinOp::Mul(_) if constant > 0 => Op::Mul(constant),
                _ => return Err(not_turned_round(&binary.op)),
            });
            Ok(source)
        }
        Expr::Binary(binary) if mentions_function(&binary.left) => {
            let source = peel(&binary.left, ops)?;
            let constant = integer(&binary.right)?;
            ops.push(match binary.op {
                BinOp::Add(_) => Op::Add(constant),
                BinOp::Sub(_) => Op::Add(-constant),
                BinOp::Mul(_) if constant > 0 => Op::Mul(constant),
                BinOp::Div(_) if constant > 0 => Op::Div(constant),
                _ => return Err(not_turned_round(&binary.op)),
            });
            Ok(source)
        }
        Expr::MethodCall(call) if mentions_function(&call.receiver) => {
            let source = peel(&call.receiver, ops)?;
            match (call.method == "div_ceil", call.args.len(), call.args.first().map(integer).transpose()?) {
                (true, 1, Some(constant)) if constant > 0 => ops.push(Op::DivCeil(constant)),
                _ => {
                    return Err(syn::Error::new(
                        call.method.span(),
                        "the one method of a relation is `.div_ceil(N)`, which divides by a positive constant and rounds up",
                    ));
                }
            }
            Ok(source)
        }
        Expr::Call(call) => function(call),
        other => Ok(Source::Constant(other.clone())),
    }
}

fn not_turned_round(op: &BinOp) -> syn::Error {
    syn::Error::new_spanned(
        op,
        "a relation can be turned round only with `+`, `-`, and `*`, `/` by a positive constant",
    )
}

/// The sizes and counts of a sum, and what is added to them.
fn terms(expr: &Expr, weight: i64, sum: &mut Vec<Term>, constant: &mut i64) -> syn::Result<()> {
    let form = |at: &dyn ToTokens| {
        syn::Error::new_spanned(
            at,
            "a sum is made of sizes, counts and integers, each of which may be multiplied by an integer",
        )
    };
    let times = |by: &Expr| integer(by).map(|by| weight.saturating_mul(by));
    match expr {
        Expr::Paren(paren) => terms(&paren.expr, weight, sum, constant),
        Expr::Group(group) => terms(&group.expr, weight, sum, constant),
        Expr::Binary(binary) => match binary.op {
            BinOp::Add(_) | BinOp::Sub(_) => {
                terms(&binary.left, weight, sum, constant)?;
                let sign = if matches!(binary.op, BinOp::Sub(_)) { -1 } else { 1 };
                terms(&binary.right, weight.saturating_mul(sign), sum, constant)
            }
            BinOp::Mul(_) if !mentions_function(&binary.right) => {
                terms(&binary.left, times(&binary.right)?, sum, constant)
            }
            BinOp::Mul(_) if !mentions_function(&binary.left) => {
                terms(&binary.right, times(&binary.left)?, sum, constant)
            }
            op => Err(form(&op)),
        },
        Expr::Call(call) => match function(call)? {
            source @ (Source::Size(_) | Source::Count(_)) => {
                sum.push(Term { weight, source });
                Ok(())
            }
            _ => Err(form(&call.func)),
        },
        Expr::Lit(_) => {
            *constant += times(expr)?;
            Ok(())
        }
        other => Err(form(other)),
    }
}

fn mentions_function(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(paren) => mentions_function(&paren.expr),
        Expr::Group(group) => mentions_function(&group.expr),
        Expr::Binary(binary) => mentions_function(&binary.left) || mentions_function(&binary.right),
        Expr::MethodCall(call) => mentions_function(&call.receiver),
        // A function of the user's is none where it stands in a constant.
        Expr::Call(call) => match &*call.func {
            Expr::Path(path) => path.path.get_ident().is_some(),
            _ => false,
        },
        _ => false,
    }
}

fn integer(expr: &Expr) -> syn::Result<i64> {
    if let Expr::Lit(literal) = expr
        && let syn::Lit::Int(int) = &literal.lit
    {
        return int.base10_parse();
    }
    Err(syn::Error::new(
        expr.span(),
        "a relation is turned round on decode, so this has to be an integer literal",
    ))
}

fn function(call: &syn::ExprCall) -> syn::Result<Source> {
    let name = match &*call.func {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        _ => None,
    };
    let unknown = |name: &str| {
        let near = crate::ctxt::nearest(name, FUNCTIONS.iter().copied());
        let hint = near.map_or_else(
            || format!("the relations are: {}", FUNCTIONS.join(", ")),
            |near| format!("did you mean `{near}`?"),
        );
        syn::Error::new(call.func.span(), format!("no relation `{name}`; {hint}"))
    };
    let Some(mut name) = name else { return Err(unknown("(..)")) };
    if name == FUNCTION {
        name = "fn".into();
    }
    if !FUNCTIONS.contains(&name.as_str()) {
        return Err(unknown(&name));
    }
    match name.as_str() {
        "crc" => return crc(call),
        "fn" => return user_function(call),
        "bits" => return bits(call),
        "sign" => return sign(call),
        _ => {}
    }
    let argument = match (call.args.len(), call.args.first()) {
        (1, Some(argument)) => argument,
        _ => {
            return Err(syn::Error::new(
                call.span(),
                format!("`{name}(..)` takes one argument, the field it speaks of"),
            ));
        }
    };
    let one = |expr: &Expr| {
        if let Expr::Field(inner) = expr {
            let (whole, part) = (inner.base.to_token_stream(), inner.member.to_token_stream());
            return Err(syn::Error::new(
                expr.span(),
                format!(
                    "`{part}` is read by the type of `{whole}`, and `{name}(..)` speaks of a field beside it; only `count`, `size` and `present` look further in"
                ),
            ));
        }
        field_name(expr).ok_or_else(|| {
            syn::Error::new(expr.span(), format!("`{name}(..)` speaks of one field: write its name"))
        })
    };
    let asked = match name.as_str() {
        "count" => Some(Asked::Count),
        "size" => Some(Asked::Size),
        "present" => Some(Asked::Present),
        _ => None,
    };
    if let (Some(asked), Some(path)) = (asked, inner_path(argument)) {
        return Ok(Source::Inside(asked, path));
    }
    Ok(match name.as_str() {
        "count" => Source::Count(one(argument)?),
        "sizes" => Source::Sizes(one(argument)?),
        "counts" => Source::Counts(one(argument)?),
        "present" => Source::Present(one(argument)?),
        "tag" => Source::Tag(one(argument)?),
        "size" => Source::Size(Items { to_end: true, ..range(argument)? }),
        "xor" => Source::Check(Algorithm::Xor, range(argument)?),
        "lrc" => Source::Check(Algorithm::Lrc, range(argument)?),
        "internet" => Source::Check(Algorithm::Internet, range(argument)?),
        "fletcher255" => Source::Check(Algorithm::Fletcher(255), range(argument)?),
        "fletcher256" => Source::Check(Algorithm::Fletcher(256), range(argument)?),
        "sum8" => Source::Check(Algorithm::Sum(Some(8)), range(argument)?),
        "sum16" => Source::Check(Algorithm::Sum(Some(16)), range(argument)?),
        "sum32" => Source::Check(Algorithm::Sum(Some(32)), range(argument)?),
        _ => Source::Check(Algorithm::Sum(None), range(argument)?),
    })
}

/// An expression without the invisible group that a macro puts around it.
fn ungrouped(expr: &Expr) -> &Expr {
    match expr {
        Expr::Group(group) => ungrouped(&group.expr),
        other => other,
    }
}

/// The names of `body.items`, outermost first, if it is more than one.
fn inner_path(expr: &Expr) -> Option<Vec<Ident>> {
    let Expr::Field(inner) = ungrouped(expr) else { return None };
    let mut path = match inner_path(&inner.base) {
        Some(path) => path,
        None => vec![field_name(&inner.base)?],
    };
    path.push(match &inner.member {
        syn::Member::Named(name) => name.clone(),
        syn::Member::Unnamed(index) => Ident::new(&format!("__{}", index.index), index.span),
    });
    Some(path)
}

/// `crc("NAME", RANGE)`, with `seed = EXPR` and `also = EXPR`.
fn crc(call: &syn::ExprCall) -> syn::Result<Source> {
    let form = || {
        syn::Error::new(
            call.span(),
            "write `crc(\"CRC-16/MODBUS\", RANGE)`, with `, seed = EXPR` if it has one, and `, also = EXPR` for bytes behind the range that are not on the wire",
        )
    };
    let mut args = call.args.iter();
    let (Some(name), Some(items)) = (args.next(), args.next()) else { return Err(form()) };
    let Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. }) = ungrouped(name) else {
        return Err(form());
    };
    let (mut seed, mut also) = (None, None);
    for arg in args {
        let Expr::Assign(assign) = arg else { return Err(form()) };
        let given = match assign.left.to_token_stream().to_string().as_str() {
            "seed" => &mut seed,
            "also" => &mut also,
            _ => return Err(form()),
        };
        if given.replace((*assign.right).clone()).is_some() {
            return Err(form());
        }
    }
    let crc = crate::catalogue::named(&name.value()).map_err(|why| syn::Error::new(name.span(), why))?;
    Ok(Source::Check(Algorithm::Crc { crc, seed, also, span: name.span() }, range(items)?))
}

/// `bits(FIELD, 24)`.
fn bits(call: &syn::ExprCall) -> syn::Result<Source> {
    let mut args = call.args.iter();
    if let (Some(field), Some(from), None) = (args.next().and_then(field_name), args.next(), args.next())
        && let Some(from) = crate::ir::literal(from).and_then(|from| u32::try_from(from).ok())
    {
        return Ok(Source::Bits(field, from));
    }
    Err(syn::Error::new(
        call.span(),
        "write `bits(FIELD, N)`: this holds the bits of the field from bit N up, the field itself those below",
    ))
}

/// `sign(FIELD)` or `sign(FIELD, PLUS, MINUS)`.
fn sign(call: &syn::ExprCall) -> syn::Result<Source> {
    let form = || {
        syn::Error::new(
            call.span(),
            "write `sign(FIELD)`, or `sign(FIELD, b\"N\", b\"S\")` with what stands for plus and for minus",
        )
    };
    let mut args = call.args.iter();
    let field = args.next().and_then(field_name).ok_or_else(form)?;
    let (plus, minus) = match (args.next(), args.next(), args.next()) {
        (None, ..) => (0, 1),
        (Some(plus), Some(minus), None) => {
            (crate::ir::constant(plus).ok_or_else(form)?, crate::ir::constant(minus).ok_or_else(form)?)
        }
        _ => return Err(form()),
    };
    if plus == minus {
        return Err(syn::Error::new(
            call.span(),
            "plus and minus are the same: nothing would tell them apart",
        ));
    }
    Ok(Source::Sign(field, plus, minus))
}

/// `fn(PATH, RANGE, MORE ARGUMENTS)`.
fn user_function(call: &syn::ExprCall) -> syn::Result<Source> {
    let mut args = call.args.iter();
    let (Some(path @ Expr::Path(_)), Some(items)) = (args.next(), args.next()) else {
        return Err(syn::Error::new(
            call.span(),
            "write `fn(path::to::function, RANGE)`; the function takes the bytes, and the arguments that follow",
        ));
    };
    Ok(Source::Check(
        Algorithm::Function { path: path.clone(), args: args.cloned().collect() },
        range(items)?,
    ))
}

fn range(expr: &Expr) -> syn::Result<Items> {
    let name = |expr: &Expr| match field_name(expr) {
        Some(name) => Ok(Some(name)),
        None => Err(syn::Error::new(expr.span(), "a range of fields is written `a..=b`, `a..` or `..`")),
    };
    let span = expr.span();
    match expr {
        Expr::Range(ExprRange { start, end, limits, .. }) => {
            let first = start.as_deref().map_or(Ok(None), name)?;
            let last = match (end.as_deref().map_or(Ok(None), name)?, limits) {
                (Some(end), RangeLimits::Closed(_)) => Last::With(end),
                (Some(end), RangeLimits::HalfOpen(_)) => Last::Before(end),
                (None, _) => Last::Open,
            };
            Ok(Items { first, last, to_end: false, span })
        }
        other => match name(other)? {
            Some(field) => {
                Ok(Items { first: Some(field.clone()), last: Last::With(field), to_end: false, span })
            }
            None => Err(syn::Error::new(span, "write the name of a field")),
        },
    }
}

/// The local variable of a field that is named, or numbered in a tuple.
fn field_name(expr: &Expr) -> Option<Ident> {
    match expr {
        Expr::Path(path) => path.path.get_ident().cloned(),
        Expr::Lit(syn::ExprLit { lit: syn::Lit::Int(index), .. }) => {
            let index: usize = index.base10_parse().ok()?;
            Some(Ident::new(&format!("__{index}"), expr.span()))
        }
        _ => None,
    }
}

/// What a field is called whose name is that of a variable: `0` of `__0`.
pub(crate) fn label_of(name: &Ident) -> String {
    let text = syn::ext::IdentExt::unraw(name).to_string();
    text.strip_prefix("__")
        .filter(|rest| rest.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(text.clone(), Into::into)
}

/// The value on the wire from the source, as `i64`; a negative one, which fits
/// no field, when the source cannot be divided. Saturates: a device may send
/// any number, and none of them may overflow.
pub(crate) fn forward(ops: &[Op], source: TokenStream) -> TokenStream {
    ops.iter().fold(source, |value, op| match op {
        Op::Add(n) => quote!(i64::saturating_add(#value, #n)),
        Op::Mul(n) => quote!(i64::saturating_mul(#value, #n)),
        Op::Div(n) => quote!({ let __v: i64 = #value; if __v % (#n) == 0 { __v / (#n) } else { i64::MIN } }),
        Op::DivCeil(n) => quote!({ let __v: i64 = #value; __v / (#n) + (__v % (#n) > 0) as i64 }),
    })
}

/// Values added up, each so many times.
pub(crate) fn sum(sources: impl Iterator<Item = (i64, TokenStream)>) -> TokenStream {
    sources.fold(
        quote!(0_i64),
        |sum, (weight, source)| quote!(i64::saturating_add(#sum, i64::saturating_mul(#weight, #source))),
    )
}

/// A checksum with what is done to it, as `u64`, before it is cut to its field.
pub(crate) fn forward_check(ops: &[Op], source: TokenStream) -> TokenStream {
    ops.iter().fold(source, |value, op| match op {
        Op::Add(n) => quote!(#value.wrapping_add((#n) as u64)),
        Op::Mul(n) => quote!(#value.wrapping_mul((#n) as u64)),
        Op::Div(n) => quote!((#value / ((#n) as u64))),
        Op::DivCeil(n) => quote!((#value.div_ceil((#n) as u64))),
    })
}

/// The source from the value on the wire, as `i64`; a remainder gives
/// a negative one.
pub(crate) fn backward(ops: &[Op], wire: TokenStream) -> TokenStream {
    ops.iter().rev().fold(wire, |value, op| match op {
        Op::Add(n) => quote!(i64::saturating_sub(#value, #n)),
        Op::Mul(n) => quote!({ let __v: i64 = #value; if __v % (#n) == 0 { __v / (#n) } else { i64::MIN } }),
        // What rounds up decides nothing; this is the most it may be.
        Op::Div(n) | Op::DivCeil(n) => quote!(i64::saturating_mul(#value, #n)),
    })
}
