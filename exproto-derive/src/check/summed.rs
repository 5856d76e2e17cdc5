//! Rules about values that the checksum behind them ends.

use super::field_hint;
use crate::attr::wire::UntilKey;
use crate::ctxt::Ctxt;
use crate::ir::{Item, Layout, Repr};
use crate::lower::{bounds, position};
use crate::relation::{Algorithm, Relation, Source};

// `until = NAME` names a checksum behind a list or bytes that covers them, and
// that can go on where it left off, so that no byte is added up twice.
pub(super) fn summed(layout: &Layout, index: usize, item: &Item, ctxt: &mut Ctxt) {
    let Some(UntilKey::Check(name)) = item.attrs.until.as_ref().map(|key| &key.value) else { return };
    let label = &item.label;
    if !matches!(item.repr, Repr::List(..) | Repr::Slice | Repr::Buffer) {
        ctxt.error(
            name,
            format_args!("a checksum ends a list or bytes, and `{label}` is neither: give the bytes that end it, `until = b\"\\0\"`"),
        );
        return;
    }
    if layout.broken {
        return;
    }
    let items = &layout.items;
    let Some(carrier) = position(items, name) else {
        let sums = items.iter().filter(|item| is_check(item)).filter_map(|item| item.name.as_deref());
        let hint = field_hint(layout, &name.to_string(), &sums.collect::<Vec<_>>());
        ctxt.error(name, format_args!("no checksum `{name}` here; {hint}"));
        return;
    };
    let Some(Relation { source: Source::Check(algorithm, range), ops, .. }) = &items[carrier].relation else {
        ctxt.error(name, format_args!("`{name}` is no checksum, so it does not tell where `{label}` ends: name one, `after(check: u8 = sum(..))`"));
        return;
    };
    let covers = bounds(items, range, carrier)
        .is_some_and(|(first, last)| first <= index && index <= last && last < carrier);
    if !covers {
        ctxt.error(
            name,
            format_args!(
                "`{name}` does not stand behind `{label}` and cover it, so it does not tell where that ends"
            ),
        );
    } else if matches!(
        algorithm,
        Algorithm::Function { .. }
            | Algorithm::Crc { seed: Some(_), .. }
            | Algorithm::Crc { also: Some(_), .. }
    ) || !ops.is_empty()
        || !matches!(items[carrier].repr, Repr::Int(..))
    {
        ctxt.error(
            name,
            format_args!("`{name}` is computed behind each element of `{label}` and has to go on where it left off: use `xor`, `sum`, `lrc`, `internet` or `crc` in an integer of its own, without a seed or arithmetic"),
        );
    }
}

fn is_check(item: &Item) -> bool {
    matches!(&item.relation, Some(Relation { source: Source::Check(..), .. }))
}
