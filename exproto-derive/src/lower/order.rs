//! Byte orders that are chosen at run time: by earlier fields or the context.

use syn::Expr;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

use super::Scope;
use crate::attr::idents_in;
use crate::attr::wire::Endian;
use crate::ctxt::{Ctxt, nearest};
use crate::ir::{BitSlot, Extent, Item, Repr};
use quote::ToTokens;

/// Gives each item whose byte order is chosen the expression that does it.
pub(super) fn choose(items: &mut [Item], scope: &Scope, ctxt: &mut Ctxt) {
    let mut unknown = false;
    for index in 0..items.len() {
        let of_type = scope.chosen.as_ref();
        let own = items[index].attrs.endian.as_ref().and_then(|key| key.value.chosen.as_ref());
        let of_each = items[index].each.as_ref().and_then(|each| each.attrs.endian.as_ref());
        let of_each = of_each.and_then(|key| key.value.chosen.as_ref());
        let Some(expr) = of_each.or(own).or(of_type).cloned() else { continue };
        if !mark(&mut items[index], index) {
            continue;
        }
        let names = names_in(&expr);
        if let [name] = &names[..]
            && matches!(expr, Expr::Path(_))
            && !known(name, items, scope)
        {
            // Said once, however many fields it is the order of.
            if !std::mem::replace(&mut unknown, true) {
                let hint = nearest(name, ["big", "little"])
                    .map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                ctxt.error(&expr, format_args!("no byte order `{name}`: write `big`, `little` or an expression over earlier fields and the context{hint}"));
            }
        }
        let late = items[index..].iter().find(|item| {
            // A later field of such a name is not what is meant by it.
            item.member.is_some()
                && item
                    .name
                    .as_ref()
                    .is_some_and(|name| name != "big" && name != "little" && names.contains(name))
        });
        if let Some(late) = late
            && !scope.ctx.iter().any(|ctx| late.name.as_deref() == Some(&ctx.unraw().to_string()))
        {
            let (label, decides) = (&items[index].label, &late.label);
            ctxt.error_at(
                items[index].span,
                format_args!("`{label}` is read before `{decides}`, which chooses its byte order: give `{label}` an `endian` of its own"),
            );
        }
        items[index].endian = Some(expr);
    }
}

/// A type that is one integer has no earlier fields.
pub(super) fn fixed(scope: &Scope, what: &str, ctxt: &mut Ctxt) {
    if let Some(expr) = &scope.chosen {
        ctxt.error(
            expr,
            format_args!("{what} says `endian = big` or `little`: where the order is chosen, say `as = u16, endian = ..` on the field that holds it"),
        );
    }
}

/// What chooses the byte order of an inline tag.
pub(super) fn tag(endian: Endian, scope: &Scope, ctxt: &mut Ctxt) -> Option<Expr> {
    let expr = scope.chosen.clone().filter(|_| matches!(endian, Endian::Chosen(_)))?;
    if let Expr::Path(_) = &expr
        && let [name] = &names_in(&expr)[..]
        && !known(name, &[], scope)
    {
        ctxt.error_at(
            expr.span(),
            format_args!("no byte order `{name}`: write `big`, `little` or an expression over the context"),
        );
    }
    Some(expr)
}

fn names_in(expr: &Expr) -> Vec<String> {
    let mut idents = Vec::new();
    idents_in(expr.to_token_stream(), &mut idents);
    idents.iter().map(|ident| ident.trim_start_matches("r#").to_string()).collect()
}

fn known(name: &str, items: &[Item], scope: &Scope) -> bool {
    let upper = name.chars().all(|c| c.is_uppercase() || c == '_' || c.is_ascii_digit());
    upper
        || scope.ctx.iter().any(|ctx| ctx.unraw() == name)
        || items.iter().any(|item| item.member.is_some() && item.name.as_deref() == Some(name))
}

/// Says in each integer of an item that the order is that of this item;
/// whether there is one.
fn mark(item: &mut Item, index: usize) -> bool {
    let mut any = false;
    let mut set = |endian: &mut Endian| {
        if let Endian::Chosen(at) = endian {
            *at = index;
            any = true;
        }
    };
    match &mut item.repr {
        Repr::Int(_, endian) | Repr::Scalar(_, endian) | Repr::Row(_, endian) | Repr::Sized(endian) => {
            set(endian);
        }
        // The first of a container looks the order up for all.
        Repr::Bits(slot) if [index, BitSlot::IN_LIST].contains(&slot.first) => set(&mut slot.endian),
        Repr::Bits(slot) => {
            if let Endian::Chosen(at) = &mut slot.endian {
                *at = slot.first;
            }
        }
        _ => {}
    }
    match &mut item.extent {
        Extent::PrefixSize(_, endian) | Extent::PrefixCount(_, endian) => set(endian),
        _ => {}
    }
    match &mut item.each {
        Some(each) => mark(each, index) || any,
        None => any,
    }
}
