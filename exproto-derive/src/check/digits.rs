//! Rules about integers that stand as digits.

use crate::ctxt::Ctxt;
use crate::ir::{Extent, IntTy, Item, Layout, Repr};
use crate::lower::bounds;
use crate::relation::{Algorithm, Relation, Source};

/// Whether it is an integer of as many digits as it needs.
pub(super) fn own_width(item: &Item) -> bool {
    matches!(&item.repr, Repr::Int(int, _) | Repr::Scalar(int, _) if int.own_width())
}

// Digits of no fixed number end at a separator or before given bytes. Says
// whether it is such a number.
pub(super) fn end(item: &Item, ctxt: &mut Ctxt) -> bool {
    if !own_width(item) {
        return false;
    }
    if !matches!(item.extent, Extent::Column | Extent::Until(_)) {
        ctxt.error_at(
            item.span,
            format_args!(
                "nothing ends the digits of `{}`: say how many they are, `dec(4)`, or what ends them, `until = b\":\"`, or put it between separators, `sep = b','`",
                item.label
            ),
        );
    }
    true
}

// A checksum over digits that vary in number would change what it covers.
pub(super) fn covers_itself(layout: &Layout, index: usize, item: &Item, ctxt: &mut Ctxt) {
    let Some(Relation { source: Source::Check(_, range), span, .. }) = &item.relation else { return };
    let covers =
        bounds(&layout.items, range, index).is_some_and(|(first, last)| (first..=last).contains(&index));
    if own_width(item) && covers {
        ctxt.error_at(
            *span,
            format_args!(
                "`{}` covers itself, and its own digits change with it: say how many they are, `dec(4)`",
                item.label
            ),
        );
    }
}

// A checksum fits its digits. Says whether it stands as digits.
pub(super) fn check_fits(item: &Item, algorithm: &Algorithm, ctxt: &mut Ctxt) -> bool {
    let (Repr::Int(int, _) | Repr::Scalar(int, _)) = &item.repr else { return false };
    let Some(digits) = int.digits else { return false };
    let (what, bits) = match algorithm {
        Algorithm::Xor => ("xor", 8),
        Algorithm::Sum(Some(bits)) => ("the sum", *bits),
        Algorithm::Lrc => ("lrc", 8),
        Algorithm::Internet => ("internet", 16),
        Algorithm::Fletcher(_) => ("the Fletcher checksum", 16),
        Algorithm::Crc { crc, .. } => (crc.name, crc.width),
        Algorithm::Sum(None) | Algorithm::Function { .. } => return true,
    };
    let needed = super::max_of(bits);
    if int.max() < needed {
        let enough = (1..).find(|width| digits.max(*width) >= needed).unwrap_or(16);
        let (name, wider) = (crate::number::name(*int), IntTy { bytes: enough, ..*int });
        ctxt.error_at(
            item.span,
            format_args!(
                "{what} makes {bits} bits, too many for `{name}` of `{}`: use `{}`",
                item.label,
                crate::number::name(wider)
            ),
        );
    }
    true
}
