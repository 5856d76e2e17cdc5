//! Rules about what items say of each other.

use quote::ToTokens;
use syn::Expr;

use super::max_of;
use super::numbers::constant;
use crate::covered;
use crate::ctxt::Ctxt;
use crate::ir::{Extent, IntTy, Item, Layout, Presence, Repr};
use crate::lower::{bounds, fixed_beside};
use crate::relation::{Algorithm, Asked, Items, Last, Relation, Source};

/// The rules about the relation of an item.
pub(super) fn relation(layout: &Layout, index: usize, item: &Item, ctxt: &mut Ctxt) {
    let Some(relation) = &item.relation else { return };
    if !carrier(item, relation, ctxt) {
        return;
    }
    arithmetic(item, relation, ctxt);
    match &relation.source {
        Source::Constant(expr) => constant_fits(item, expr, ctxt),
        Source::Size(range) => {
            whole_containers(layout, range, index, ctxt);
            invertible(layout, range, index, ctxt);
        }
        Source::Check(algorithm, range) => {
            whole_containers(layout, range, index, ctxt);
            covered_in_turn(layout, range, index, ctxt);
            width_of_check(item, algorithm, ctxt);
        }
        Source::Sum(terms) => {
            for term in terms {
                if let Source::Size(range) = &term.source {
                    whole_containers(layout, range, index, ctxt);
                    invertible(layout, range, index, ctxt);
                }
            }
        }
        Source::Count(_)
        | Source::Sizes(_)
        | Source::Counts(_)
        | Source::Present(_)
        | Source::Inside(..)
        | Source::Tag(_)
        | Source::Bits(..)
        | Source::Sign(..) => {}
    }
}

// The value of a relation is an integer that is always there.
pub(super) fn carrier(item: &Item, relation: &Relation, ctxt: &mut Ctxt) -> bool {
    let label = &item.label;
    if !matches!(item.presence, Presence::Always) && item.group.is_none() {
        ctxt.error_at(
            relation.span,
            format_args!("`{label}` is an `Option`, but what is computed is always there: remove `Option`"),
        );
        return false;
    }
    let integer = match &item.repr {
        Repr::Row(..) => return true,
        // A number of varying width.
        Repr::Codec(_) if IntTy::of_type(&item.ty).is_some_and(|int| !int.signed && !int.float) => {
            let number = matches!(
                relation.source,
                Source::Size(_)
                    | Source::Count(_)
                    | Source::Sum(_)
                    | Source::Tag(_)
                    | Source::Present(_)
                    | Source::Inside(..)
                    | Source::Constant(_)
            );
            if !number {
                ctxt.error_at(
                    relation.span,
                    format_args!("`{label}` varies in width: it holds a size, count, tag or constant, other relations an integer of fixed width"),
                );
            }
            return number;
        }
        // Another number says its width.
        Repr::Sized(_) if IntTy::of_type(&item.ty).is_some_and(|int| !int.signed && !int.float) => {
            let number = matches!(
                relation.source,
                Source::Count(_)
                    | Source::Tag(_)
                    | Source::Present(_)
                    | Source::Inside(..)
                    | Source::Constant(_)
            );
            if !number || !matches!(item.extent, Extent::Size(_)) {
                ctxt.error_at(
                    relation.span,
                    format_args!("`{label}` is a number whose width is said elsewhere, `size = EXPR`: it holds a count, tag, flag or constant, other relations an integer of fixed width"),
                );
                return false;
            }
            return true;
        }
        _ if matches!(relation.source, Source::Sizes(_) | Source::Counts(_)) => {
            ctxt.error_at(
                relation.span,
                format_args!("`{label}` is one value, and there is one for each element: write it as an item, `before({label}: [u16] = ..)`"),
            );
            return false;
        }
        Repr::Int(int, _) => !int.float,
        Repr::Scalar(..) | Repr::Bits(_) => true,
        // A tag may be a word, which stands for an integer.
        Repr::Part => {
            matches!(relation.source, Source::Tag(_) | Source::Sign(..) | Source::Constant(_))
                && relation.ops.is_empty()
        }
        _ => false,
    };
    if !integer {
        ctxt.error_at(
            relation.span,
            format_args!("`{label}` is no integer, so nothing can be computed into it: use an integer type or `bits = N`"),
        );
    }
    integer
}

// A flag is 0 or 1: arithmetic is for sizes, counts, tags and sums.
pub(super) fn arithmetic(item: &Item, relation: &Relation, ctxt: &mut Ctxt) {
    if !relation.ops.is_empty() && matches!(relation.source, Source::Bits(..) | Source::Sign(..)) {
        ctxt.error_at(
            relation.span,
            format_args!("`{}` is a part of a value: remove the arithmetic", item.label),
        );
    }
    if !relation.turns_round() && matches!(relation.source, Source::Tag(_)) {
        ctxt.error_at(
            relation.span,
            format_args!(
                "`{}` is rounded up, which does not say which tag it was: remove `div_ceil`",
                item.label
            ),
        );
    }
    if !relation.ops.is_empty()
        && matches!(relation.source, Source::Present(_) | Source::Inside(Asked::Present, _))
    {
        ctxt.error_at(
            relation.span,
            format_args!("the flag `{}` is 0 or 1: remove the arithmetic", item.label),
        );
    }
}

// A constant fits the bits of its field.
pub(super) fn constant_fits(item: &Item, expr: &Expr, ctxt: &mut Ctxt) {
    let Some(value) = constant(expr) else { return };
    let (bits, signed) = match &item.repr {
        Repr::Int(int, _) | Repr::Scalar(int, _) if int.digits.is_some() => {
            if value < 0 || value > i128::from(int.max()) {
                let (text, name) = (expr.to_token_stream(), crate::number::name(*int));
                ctxt.error(expr, format_args!("`{text}` does not fit `{name}` of `{}`", item.label));
            }
            return;
        }
        Repr::Int(int, _) => (int.bytes as u32 * 8, int.signed),
        Repr::Scalar(int, _) => (int.bytes as u32 * 8, false),
        Repr::Bits(slot) => (slot.count, false),
        _ => return,
    };
    let (low, high) = if signed {
        (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1)
    } else {
        (0, i128::from(max_of(bits)))
    };
    if !(low..=high).contains(&value) {
        let text = expr.to_token_stream();
        ctxt.error(expr, format_args!("`{text}` does not fit the {bits} bits of `{}`", item.label));
    }
}

// A range of items has a size in whole bytes: it neither begins nor ends
// within a container of bits.
pub(super) fn whole_containers(layout: &Layout, range: &Items, index: usize, ctxt: &mut Ctxt) {
    let Some((first, last)) = bounds(&layout.items, range, index) else { return };
    let container = |at: usize| match layout.items.get(at).map(|item| &item.repr) {
        Some(Repr::Bits(slot)) => Some(slot.first),
        _ => None,
    };
    if container(first).is_some_and(|start| start != first) {
        ctxt.error_at(
            range.span,
            "the range begins within a container of bits: begin with the container's first field",
        );
    } else if container(last).is_some()
        && container(last) == container(last + 1)
        && !matches!(range.last, Last::Open)
    {
        ctxt.error_at(
            range.span,
            "the range ends within a container of bits: end with the container's last field",
        );
    }
}

// A length is turned round on decode: it gives the size of one variable item
// in its range. Whatever comes after that item, within the range, has to be
// fixed, or nothing says where the one ends and the other begins.
pub(super) fn invertible(layout: &Layout, range: &Items, index: usize, ctxt: &mut Ctxt) {
    if layout.broken {
        return;
    }
    let Some((_, last)) = bounds(&layout.items, range, index) else { return };
    let by_this = |item: &Item| matches!(item.extent, Extent::BySize(by) if by == index);
    let Some(target) = layout.items.iter().position(by_this) else { return };
    for after in target + 1..=last {
        let (Some(item), Some(open)) = (layout.items.get(after), layout.items.get(target)) else { continue };
        let reported = matches!(item.repr, Repr::Slice | Repr::Buffer | Repr::List(..))
            && matches!(item.extent, Extent::Own);
        if fixed_beside(&layout.items, target, after).is_none() && !reported {
            ctxt.error_at(
                range.span,
                format_args!(
                    "this length does not say where `{}` ends, because `{}` after it has no fixed size: give `{0}` an extent of its own",
                    open.label, item.label
                ),
            );
            return;
        }
    }
}

// Of two checksums that cover each other neither can be computed first. One
// that covers itself counts its own bytes as 0.
pub(super) fn covered_in_turn(layout: &Layout, range: &Items, index: usize, ctxt: &mut Ctxt) {
    let Some(item) = layout.items.get(index) else { return };
    if bounds(&layout.items, range, index).is_some() && covered::due(&layout.items, index).is_none() {
        ctxt.error_at(
            range.span,
            format_args!(
                "the checksum `{}` covers one that covers it in turn: neither can be computed first",
                item.label
            ),
        );
    }
}

// A checksum fits its field.
pub(super) fn width_of_check(item: &Item, algorithm: &Algorithm, ctxt: &mut Ctxt) {
    if super::digits::check_fits(item, algorithm, ctxt) {
        return;
    }
    let bits = covered::bits(item);
    let label = &item.label;
    match algorithm {
        Algorithm::Xor if bits > 8 => {
            ctxt.error_at(
                item.span,
                format_args!("`xor` makes one byte, and `{label}` has {bits} bits: use `u8`"),
            );
        }
        Algorithm::Crc { crc, span, .. } if crc.width > bits => {
            ctxt.error_at(
                *span,
                format_args!(
                    "{} makes {} bits, and `{label}` has {bits}: widen the field",
                    crc.name, crc.width
                ),
            );
        }
        Algorithm::Internet if bits < 16 => {
            ctxt.error_at(
                item.span,
                format_args!("`internet` makes 16 bits, and `{label}` has {bits}: use `u16`"),
            );
        }
        Algorithm::Fletcher(_) if bits < 16 => {
            ctxt.error_at(
                item.span,
                format_args!("a Fletcher checksum makes 16 bits, and `{label}` has {bits}: use `u16`"),
            );
        }
        _ => {}
    }
}
