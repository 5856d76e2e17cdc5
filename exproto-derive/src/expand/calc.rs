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

/// Whether an expression takes elements of something.
pub(crate) fn takes_elements(expr: &Expr) -> bool {
    let mark = quote::quote!(__missing);
    let text = quote::ToTokens::to_token_stream(&total(expr, &mark)).to_string();
    text.contains("__missing")
}

fn rewrite(expr: &mut Expr, missing: &TokenStream) {
    match expr {
        Expr::Binary(binary) => {
            rewrite(&mut binary.left, missing);
            rewrite(&mut binary.right, missing);
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
        Expr::Paren(inner) => rewrite(&mut inner.expr, missing),
        Expr::Group(inner) => rewrite(&mut inner.expr, missing),
        Expr::Unary(inner) => rewrite(&mut inner.expr, missing),
        Expr::Cast(inner) => rewrite(&mut inner.expr, missing),
        Expr::Reference(inner) => rewrite(&mut inner.expr, missing),
        Expr::Field(inner) => rewrite(&mut inner.base, missing),
        Expr::Index(inner) => {
            rewrite(&mut inner.expr, missing);
            rewrite(&mut inner.index, missing);
            let (list, index) = (&inner.expr, &inner.index);
            let whole = located(inner);
            *expr = Expr::Verbatim(quote_spanned! {whole=>
                (*match (#list).get(#index) { __p::Some(__at) => __at, __p::None => #missing })
            });
        }
        Expr::Call(call) => call.args.iter_mut().for_each(|arg| rewrite(arg, missing)),
        Expr::MethodCall(call) => {
            rewrite(&mut call.receiver, missing);
            call.args.iter_mut().for_each(|arg| rewrite(arg, missing));
        }
        Expr::If(branch) => {
            rewrite(&mut branch.cond, missing);
            block(&mut branch.then_branch, missing);
            if let Some((_, otherwise)) = &mut branch.else_branch {
                rewrite(otherwise, missing);
            }
        }
        Expr::Match(choice) => {
            rewrite(&mut choice.expr, missing);
            for arm in &mut choice.arms {
                rewrite(&mut arm.body, missing);
            }
        }
        Expr::Let(binding) => rewrite(&mut binding.expr, missing),
        Expr::Tuple(tuple) => tuple.elems.iter_mut().for_each(|part| rewrite(part, missing)),
        Expr::Array(array) => array.elems.iter_mut().for_each(|part| rewrite(part, missing)),
        Expr::Range(range) => {
            range.start.iter_mut().chain(&mut range.end).for_each(|end| rewrite(end, missing));
        }
        Expr::Block(inner) => block(&mut inner.block, missing),
        _ => {}
    }
}

fn block(block: &mut Block, missing: &TokenStream) {
    for statement in &mut block.stmts {
        match statement {
            Stmt::Expr(expr, _) => rewrite(expr, missing),
            Stmt::Local(local) => {
                if let Some(init) = &mut local.init {
                    rewrite(&mut init.expr, missing);
                }
            }
            _ => {}
        }
    }
}
