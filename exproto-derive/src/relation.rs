//! The expressions behind `is` and `=`: a value on the wire that is computed
//! from other items. Stated once, used in both directions.

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::spanned::Spanned;
use syn::{BinOp, Expr, ExprRange, RangeLimits};

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
    Present(Ident),
    Tag(Ident),
    Check(Algorithm, Items),
    Constant(Expr),
}

/// A checksum by name.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Algorithm {
    Xor,
    Sum,
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
}

const FUNCTIONS: &[&str] = &["size", "count", "present", "tag", "xor", "sum"];

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
        Expr::Binary(binary) if mentions_function(&binary.left) => {
            let source = peel(&binary.left, ops)?;
            let constant = integer(&binary.right)?;
            ops.push(match binary.op {
                BinOp::Add(_) => Op::Add(constant),
                BinOp::Sub(_) => Op::Add(-constant),
                BinOp::Mul(_) if constant > 0 => Op::Mul(constant),
                BinOp::Div(_) if constant > 0 => Op::Div(constant),
                _ => {
                    return Err(syn::Error::new_spanned(
                        binary.op,
                        "a relation can be turned round only with `+`, `-`, and `*`, `/` by a positive constant",
                    ));
                }
            });
            Ok(source)
        }
        Expr::Call(call) => function(call),
        other => Ok(Source::Constant(other.clone())),
    }
}

fn mentions_function(expr: &Expr) -> bool {
    match expr {
        Expr::Paren(paren) => mentions_function(&paren.expr),
        Expr::Binary(binary) => mentions_function(&binary.left),
        Expr::Call(_) => true,
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
    let Some(name) = name else { return Err(unknown("(..)")) };
    if !FUNCTIONS.contains(&name.as_str()) {
        return Err(unknown(&name));
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
        field_name(expr).ok_or_else(|| {
            syn::Error::new(expr.span(), format!("`{name}(..)` speaks of one field: write its name"))
        })
    };
    Ok(match name.as_str() {
        "count" => Source::Count(one(argument)?),
        "present" => Source::Present(one(argument)?),
        "tag" => Source::Tag(one(argument)?),
        "size" => Source::Size(Items { to_end: true, ..range(argument)? }),
        "xor" => Source::Check(Algorithm::Xor, range(argument)?),
        _ => Source::Check(Algorithm::Sum, range(argument)?),
    })
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

/// The value on the wire from the source, as `i64`; a negative one, which fits
/// no field, when the source cannot be divided. Saturates: a device may send
/// any number, and none of them may overflow.
pub(crate) fn forward(ops: &[Op], source: TokenStream) -> TokenStream {
    ops.iter().fold(source, |value, op| match op {
        Op::Add(n) => quote!(i64::saturating_add(#value, #n)),
        Op::Mul(n) => quote!(i64::saturating_mul(#value, #n)),
        Op::Div(n) => quote!({ let __v: i64 = #value; if __v % (#n) == 0 { __v / (#n) } else { i64::MIN } }),
    })
}

/// The source from the value on the wire, as `i64`; a remainder gives
/// a negative one.
pub(crate) fn backward(ops: &[Op], wire: TokenStream) -> TokenStream {
    ops.iter().rev().fold(wire, |value, op| match op {
        Op::Add(n) => quote!(i64::saturating_sub(#value, #n)),
        Op::Mul(n) => quote!({ let __v: i64 = #value; if __v % (#n) == 0 { __v / (#n) } else { i64::MIN } }),
        Op::Div(n) => quote!(i64::saturating_mul(#value, #n)),
    })
}
