//! The user's expressions, made total: `len - 2` has a result also when a device
//! sends 1, and `table[kind]` is an error when the table is shorter. Without it,
//! such a byte would stop the program. The inside of closures is the user's: an
//! operand may be a reference there, and nothing can return out of it.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{BinOp, Block, Expr, Stmt};

use super::common::located;

/// The expression with operators that saturate, and give 0 for what is divided
/// by 0 or shifted out. What `missing` does happens for an element that is not
/// there; it does not return.
pub(crate) fn total(expr: &Expr, missing: &TokenStream) -> Expr {
    let mut expr = expr.clone();
    rewrite(&mut expr, missing);
    expr
}

/// The expression with something else in place of each `peek(AT)`.
pub(crate) fn peeked(expr: &Expr, ahead: &mut dyn FnMut(&Expr) -> TokenStream) -> Expr {
    let mut expr = expr.clone();
    replace_peeks(&mut expr, ahead);
    expr
}

fn replace_peeks(expr: &mut Expr, ahead: &mut dyn FnMut(&Expr) -> TokenStream) {
    if let Expr::Call(call) = expr
        && let Some(at) = peek(call)
    {
        *expr = Expr::Verbatim(ahead(at));
        return;
    }
    each_inner(expr, &mut |inner| replace_peeks(inner, ahead));
}

/// What `peek(AT)` looks at.
pub(crate) fn peek(call: &syn::ExprCall) -> Option<&Expr> {
    let Expr::Path(path) = &*call.func else { return None };
    path.path.is_ident("peek").then(|| call.args.first().filter(|_| call.args.len() == 1)).flatten()
}

/// Whether an expression takes elements of something.
pub(crate) fn takes_elements(expr: &Expr) -> bool {
    let mark = quote::quote!(__missing);
    let text = quote::ToTokens::to_token_stream(&total(expr, &mark)).to_string();
    text.contains("__missing")
}

fn rewrite(expr: &mut Expr, missing: &TokenStream) {
    each_inner(expr, &mut |inner| rewrite(inner, missing));
    match expr {
        Expr::Binary(binary) => {
            let name = match binary.op {
                BinOp::Add(_) => "plus",
                BinOp::Sub(_) => "minus",
                BinOp::Mul(_) => "times",
                BinOp::Div(_) => "over",
                BinOp::Rem(_) => "modulo",
                BinOp::Shl(_) => "shifted_left",
                BinOp::Shr(_) => "shifted_right",
                _ => return,
            };
            let span = proc_macro2::Span::call_site().located_at(binary.op.span());
            let name = proc_macro2::Ident::new(name, span);
            let (left, right) = (&binary.left, &binary.right);
            let whole = located(binary);
            *expr = Expr::Verbatim(quote_spanned!(whole=> __p::#name(#left, #right)));
        }
        Expr::Index(inner) => {
            let (list, index) = (&inner.expr, &inner.index);
            let whole = located(inner);
            *expr = Expr::Verbatim(quote_spanned! {whole=>
                (*match (#list).get(#index) { __p::Some(__at) => __at, __p::None => #missing })
            });
        }
        _ => {}
    }
}

/// The expressions that an expression is made of, but for those in closures.
fn each_inner(expr: &mut Expr, each: &mut dyn FnMut(&mut Expr)) {
    match expr {
        Expr::Binary(binary) => {
            each(&mut binary.left);
            each(&mut binary.right);
        }
        Expr::Paren(inner) => each(&mut inner.expr),
        Expr::Group(inner) => each(&mut inner.expr),
        Expr::Unary(inner) => each(&mut inner.expr),
        Expr::Cast(inner) => each(&mut inner.expr),
        Expr::Reference(inner) => each(&mut inner.expr),
        Expr::Field(inner) => each(&mut inner.base),
        Expr::Index(inner) => {
            each(&mut inner.expr);
            each(&mut inner.index);
        }
        Expr::Call(call) => call.args.iter_mut().for_each(each),
        Expr::MethodCall(call) => {
            each(&mut call.receiver);
            call.args.iter_mut().for_each(each);
        }
        Expr::If(branch) => {
            each(&mut branch.cond);
            block(&mut branch.then_branch, each);
            if let Some((_, otherwise)) = &mut branch.else_branch {
                each(otherwise);
            }
        }
        Expr::Match(choice) => {
            each(&mut choice.expr);
            for arm in &mut choice.arms {
                each(&mut arm.body);
            }
        }
        Expr::Let(binding) => each(&mut binding.expr),
        Expr::Tuple(tuple) => tuple.elems.iter_mut().for_each(each),
        Expr::Array(array) => array.elems.iter_mut().for_each(each),
        Expr::Range(range) => {
            for end in range.start.iter_mut().chain(&mut range.end) {
                each(end);
            }
        }
        Expr::Block(inner) => block(&mut inner.block, each),
        Expr::Macro(inner) if inner.mac.path.is_ident("matches") => {
            let parts = |input: syn::parse::ParseStream<'_>| {
                Ok((input.parse::<Expr>()?, input.parse::<TokenStream>()?))
            };
            if let Ok((mut value, pattern)) = inner.mac.parse_body_with(parts) {
                each(&mut value);
                inner.mac.tokens = quote::quote!(#value #pattern);
            }
        }
        _ => {}
    }
}

fn block(block: &mut Block, each: &mut dyn FnMut(&mut Expr)) {
    for statement in &mut block.stmts {
        match statement {
            Stmt::Expr(expr, _) => each(expr),
            Stmt::Local(local) => {
                if let Some(init) = &mut local.init {
                    each(&mut init.expr);
                }
            }
            _ => {}
        }
    }
}
