//! Values whose parts stand at several places: ties each part to its field
//! and looks whether the parts make up the value.

use proc_macro2::Ident;
use quote::{ToTokens, format_ident};

use super::relate::position;
use crate::attr::idents_in;
use crate::ctxt::Ctxt;
use crate::ir::{Extent, IntTy, Item, Join, Part, Presence, Repr};
use crate::relation::Source;

pub(super) fn join(items: &mut [Item], ctxt: &mut Ctxt) {
    for carrier in 0..items.len() {
        let (field, part) = match items[carrier].relation.as_ref().map(|relation| &relation.source) {
            Some(Source::Bits(field, from)) => {
                let Some(count) = items[carrier].width() else { continue };
                (field.clone(), Part::Bits { from: *from, count })
            }
            Some(Source::Sign(field, plus, minus)) => {
                (field.clone(), Part::Sign { plus: *plus, minus: *minus })
            }
            _ => continue,
        };
        let Some(target) = position(items, &field) else { continue };
        if !ties(items, target, carrier, part, &field, ctxt) {
            items[target].broken = true;
            continue;
        }
        items[target].joins.push(Join { carrier, part });
    }
    for index in 0..items.len() {
        magnitude(&mut items[index], ctxt);
        whole(items, index, ctxt);
    }
    for index in 0..items.len() {
        early(items, index, ctxt);
    }
}

/// An expression that reads a field sees all of it, so none stands before its
/// last part.
fn early(items: &[Item], index: usize, ctxt: &mut Ctxt) {
    let item = &items[index];
    let condition = match &item.presence {
        Presence::If(expr) => Some(expr),
        _ => None,
    };
    let extent = match &item.extent {
        Extent::Size(expr) | Extent::Count(expr) => Some(expr),
        _ => None,
    };
    let given = item.ctx.iter().map(|(_, expr)| expr);
    let mut names = Vec::new();
    for expr in condition.into_iter().chain(extent).chain(&item.opaque).chain(given) {
        idents_in(expr.to_token_stream(), &mut names);
    }
    let late = items.iter().take(index).find_map(|field| {
        let last = field.joins.iter().map(|join| join.carrier).max().filter(|last| *last >= index)?;
        let name = field.name.as_ref()?;
        names.iter().any(|known| known.trim_start_matches("r#") == name).then_some((field, &items[last]))
    });
    if let Some((field, part)) = late {
        ctxt.error_at(
            item.span,
            format_args!(
                "`{}` depends on `{}`, whose part `{}` is not read yet: nothing can depend on it here",
                item.label, field.label, part.label
            ),
        );
    }
}

/// Whether the part may be one of the field's.
fn ties(items: &[Item], target: usize, carrier: usize, part: Part, field: &Ident, ctxt: &mut Ctxt) -> bool {
    let (item, label) = (&items[target], &items[target].label);
    let width = items[carrier].width();
    let fits = |value: u64| width.is_none_or(|bits| bits >= 64 || value >> bits == 0);
    if item.member.is_none() || item.relation.is_some() || target == carrier {
        ctxt.error(field, format_args!("`{label}` is no field with a value of its own: name one that is"));
    } else if !matches!(item.presence, Presence::Always)
        && (item.group.is_none() || item.group != items[carrier].group && carrier > target)
    {
        ctxt.error(
            field,
            format_args!(
                "`{label}` may be missing, and its other part is read after it: let that part stand before it, or in `after(..)` of it"
            ),
        );
    } else if let Part::Sign { plus, minus } = part {
        if item.joins.iter().any(|join| matches!(join.part, Part::Sign { .. })) {
            ctxt.error(field, format_args!("`{label}` has its sign already: a value has one"));
        } else if IntTy::of_type(&item.ty).is_some_and(|int| !int.signed && !int.float) {
            ctxt.error(
                field,
                format_args!("`{label}` is never negative: make it an `i64`, or another signed integer"),
            );
        } else if !fits(plus) || !fits(minus) {
            ctxt.error(
                field,
                format_args!("`{}` cannot hold what stands for plus or minus", items[carrier].label),
            );
        } else {
            return true;
        }
    } else if item.width().is_none() || item.ty.to_token_stream().to_string() == "bool" {
        ctxt.error(
            field,
            format_args!("`{label}` is no integer on the wire, so it has no bits at another place"),
        );
    } else {
        return true;
    }
    false
}

/// The integer that holds the magnitude of a signed one has no sign.
fn magnitude(item: &mut Item, ctxt: &mut Ctxt) {
    let Some(own) = IntTy::of_type(&item.ty).filter(|int| int.signed) else { return };
    let signed = item.joins.iter().any(|join| matches!(join.part, Part::Sign { .. }));
    let text = item.ty.to_token_stream();
    if !signed {
        if let (Repr::Int(int, _), Some(codec)) = (&item.repr, &item.attrs.codec)
            && !int.signed
            && !item.broken
        {
            ctxt.error(
                &codec.value,
                format_args!(
                    "a `{text}` is no `{}`: use the same kind of integer on both sides",
                    codec.value.to_token_stream()
                ),
            );
        }
        return;
    }
    let bits = item.width();
    if let Some(bits) = bits
        && bits >= own.held as u32 * 8
    {
        ctxt.error_at(
            item.span,
            format_args!("a `{text}` cannot hold every sign and {bits} bits: use a larger integer, or `SignMagnitude<{}>`, which keeps minus zero", bits + 1),
        );
        item.broken = true;
        return;
    }
    if let Repr::Int(int, _) = &mut item.repr {
        int.signed = false;
    }
    let twin = format_ident!("u{}", own.held * 8);
    let twin = syn::parse_quote!(#twin);
    item.whole = Some(std::mem::replace(&mut item.ty, twin));
}

/// The bits at other places follow those of the field without a gap.
fn whole(items: &mut [Item], index: usize, ctxt: &mut Ctxt) {
    let item = &items[index];
    let (Some(own), false) = (item.width(), item.broken) else { return };
    let mut parts: Vec<(u32, u32, usize)> = item
        .joins
        .iter()
        .filter_map(|join| match join.part {
            Part::Bits { from, count } => Some((from, count, join.carrier)),
            Part::Sign { .. } => None,
        })
        .collect();
    parts.sort_unstable();
    let mut at = own;
    for (from, count, carrier) in parts {
        let label = &items[carrier].label;
        if from != at {
            ctxt.error_at(
                items[carrier].span,
                format_args!("`{label}` holds the bits of `{}` from {from}, but those before it end at {at}: write `bits({}, {at})`", item.label, item.label),
            );
            items[index].broken = true;
            return;
        }
        at += count;
    }
    let held = IntTy::of_type(&item.ty).map_or(64, |int| int.held as u32 * 8);
    if at > held && at > own {
        ctxt.error_at(
            item.span,
            format_args!(
                "`{}` has {at} bits with its parts, more than a `{}`: use a larger integer",
                item.label,
                item.ty.to_token_stream()
            ),
        );
        items[index].broken = true;
    }
}
