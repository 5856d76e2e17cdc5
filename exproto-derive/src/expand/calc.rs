//! Arithmetic of the user's expressions, made total: `len - 2` has a result
//! also when a device sends 1. Without it, such a byte would stop a program
//! that is built with overflow checks.

use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{BinOp, Block, Expr, Stmt};

use super::common::located;

/// The expression with operators that saturate, and give 0 for what is divided
/// by 0 or shifted out.
pub(crate) fn total(expr: &Expr) -> Expr {
    let mut expr = expr.clone();
    rewrite(&mut expr);
    expr
}

fn rewrite(expr: &mut Expr) {
    match expr {
        Expr::Binary(binary) => {
            rewrite(&mut binary.left);
            rewrite(&mut binary.right);
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
        Expr::Paren(inner) => rewrite(&mut inner.expr),
        Expr::Group(inner) => rewrite(&mut inner.expr),
        Expr::Unary(inner) => rewrite(&mut inner.expr),
        Expr::Cast(inner) => rewrite(&mut inner.expr),
        Expr::Reference(inner) => rewrite(&mut inner.expr),
        Expr::Field(inner) => rewrite(&mut inner.base),
        Expr::Index(inner) => {
            rewrite(&mut inner.expr);
            rewrite(&mut inner.index);
        }
        Expr::Call(call) => call.args.iter_mut().for_each(rewrite),
        Expr::MethodCall(call) => {
            rewrite(&mut call.receiver);
            call.args.iter_mut().for_each(rewrite);
        }
        Expr::If(branch) => {
            rewrite(&mut branch.cond);
            block(&mut branch.then_branch);
            if let Some((_, otherwise)) = &mut branch.else_branch {
                rewrite(otherwise);
            }
        }
        Expr::Match(choice) => {
            rewrite(&mut choice.expr);
            for arm in &mut choice.arms {
                rewrite(&mut arm.body);
            }
        }
        Expr::Block(inner) => block(&mut inner.block),
        _ => {}
    }
}

fn block(block: &mut Block) {
    for statement in &mut block.stmts {
        if let Stmt::Expr(expr, _) = statement {
            rewrite(expr);
        }
    }
}
