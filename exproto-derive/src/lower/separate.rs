//! Layouts whose fields have a byte between them: each field becomes a column,
//! whatever else says where its value ends.

use super::relate::fixed_at;
use crate::ctxt::Ctxt;
use crate::ir::{Column, Extent, Item, Presence, Repr};

/// Makes columns of the fields, and of what stands only on the wire and varies
/// in size. What else stands only on the wire belongs to the column of its field.
pub(super) fn separate(items: &mut [Item], byte: u8, ctxt: &mut Ctxt) {
    for item in items.iter().filter(|item| item.member.is_some() && !item.broken) {
        if matches!(item.repr, Repr::Int(..) | Repr::Scalar(..) | Repr::Bits(_) | Repr::Sized(_))
            && !in_digits(item)
        {
            ctxt.error_at(
                item.span,
                format_args!(
                    "`{}` would be binary between separators: use a number as text: `as = dec`, `Dec` or `HexNum`",
                    item.label
                ),
            );
        }
    }
    let columns: Vec<usize> = (0..items.len()).filter(|at| items.get(*at).is_some_and(is_column)).collect();
    let Some(last) = columns.last().copied() else { return };
    let tail = tail(items, last, ctxt);
    let mut before: Option<usize> = None;
    for at in columns {
        // Behind the field before and before this one.
        let from = before.map_or(0, |before| before + 1);
        let behind =
            (at + 1..items.len()).take_while(|next| items[*next].behind && !is_column(&items[*next])).count();
        let prefix = (from..at).find(|next| on_wire(&items[*next]) && !items[*next].behind);
        let ends_itself = matches!(items[at].extent, Extent::Until(_));
        let optional = !matches!(items[at].presence, Presence::Always) || items[at].absent.is_some();
        let always = |item: &Item| matches!(item.presence, Presence::Always) && item.absent.is_none();
        if at != last {
            constant_behind(items, at, behind, byte, ctxt);
        }
        let endless = at != last && matches!(items[at].extent, Extent::Own);
        if let Some(key) = items[at].attrs.sep.as_ref().filter(|key| key.value == byte && endless) {
            ctxt.error_at(
                key.key,
                format_args!(
                    "the elements of `{}` have the same byte between them as the fields, so nothing says which is the last: say how many they are, `count = ..`, give it another `sep`, or put it last",
                    items[at].label
                ),
            );
        }
        let glued = prefix.filter(|_| before.is_some()).or((behind > 0 && at != last).then_some(at + 1));
        if let Some(glued) = glued.filter(|_| optional) {
            ctxt.error_at(
                items[glued].span,
                format_args!(
                    "`{}` may be missing, what stands with it between two separators may not: put both into a type of their own",
                    items[at].label
                ),
            );
        }
        let lacks = at == last
            && before.is_some()
            && prefix.is_none()
            && !optional
            && matches!(items[at].repr, Repr::Part | Repr::Body(_))
            && items[at].member.is_some()
            && matches!(items[at].extent, Extent::Own);
        let vanishes = at != last
            && prefix.is_none()
            && always(&items[at])
            && items[at].member.is_some()
            && items[at].may_have_fields()
            && matches!(items[at].extent, Extent::Own)
            || items[at].lists_fields(byte)
                && prefix.is_none()
                && always(&items[at])
                && matches!(items[at].extent, Extent::Count(_) | Extent::ByCount(_));
        let lead = before.is_some_and(|before| {
            always(&items[before])
                && !matches!(items[before].extent, Extent::Until(_))
                && items[before].column.is_some_and(|column| !column.vanishes)
        });
        let column = Column {
            byte,
            first: before.is_none(),
            lead: lead && !lacks && !optional && !vanishes,
            last: at == last && !ends_itself,
            behind: (at + 1..=at + behind).filter_map(|next| fixed_at(items, next)).sum(),
            tail,
            lacks,
            may_end: false,
            vanishes,
        };
        if before.is_some() {
            let opening = prefix.unwrap_or(at);
            items[opening].opens = Some(at);
        }
        let item = &mut items[at];
        item.column = Some(column);
        if matches!(item.extent, Extent::Own) || column.last && matches!(item.extent, Extent::Rest(_)) {
            item.extent = Extent::Column;
        }
        before = Some(at);
    }
    optional(items);
}

/// An `Option` with nothing that says whether it is there: at the end it may be
/// missing, elsewhere its column is empty.
fn optional(items: &mut [Item]) {
    let mut trailing = true;
    // A condition behind it decides more than the end of the text.
    let mut may_end = true;
    for item in items.iter_mut().rev().filter(|item| item.column.is_some()) {
        if matches!(item.presence, Presence::By(usize::MAX)) {
            item.presence = if trailing { Presence::More } else { Presence::Filled };
            if let Some(column) = item.column.as_mut().filter(|_| may_end && !trailing) {
                column.may_end = true;
            }
        }
        trailing &= matches!(item.presence, Presence::More);
        may_end &= !matches!(item.presence, Presence::Always);
    }
}

/// Whether something stands in a place of its own between separators.
fn is_column(item: &Item) -> bool {
    match &item.repr {
        Repr::Constant(_) | Repr::Gap(_) | Repr::Skipped(_) | Repr::TagReceiver | Repr::Bits(_) => false,
        _ if item.member.is_some() => true,
        _ => matches!(item.extent, Extent::Own) && item.fixed().is_none(),
    }
}

fn on_wire(item: &Item) -> bool {
    !matches!(item.repr, Repr::Skipped(_) | Repr::TagReceiver)
}

/// The bytes behind the last column.
fn tail(items: &[Item], last: usize, ctxt: &mut Ctxt) -> usize {
    if matches!(items[last].extent, Extent::Until(_)) {
        return 0;
    }
    let mut tail = 0;
    for after in last + 1..items.len() {
        match fixed_at(items, after) {
            Some(bytes) => tail += bytes,
            None => {
                let (item, label) = (&items[after], &items[last].label);
                ctxt.error_at(
                    item.span,
                    format_args!(
                        "`{}` follows `{label}`, the last separated field, and has no fixed size",
                        item.label
                    ),
                );
                break;
            }
        }
    }
    tail
}

/// What stands behind a field, before the next separator, has a fixed size and
/// does not hold the separator.
fn constant_behind(items: &[Item], at: usize, behind: usize, byte: u8, ctxt: &mut Ctxt) {
    for next in at + 1..=at + behind {
        let item = &items[next];
        if fixed_at(items, next).is_none() {
            ctxt.error_at(
                item.span,
                format_args!(
                    "`{}` stands behind `{}`, before a separator, and has no fixed size: put it before the next field",
                    item.label, items[at].label
                ),
            );
        } else if let Repr::Constant(bytes) = &item.repr
            && bytes.contains(&byte)
        {
            ctxt.error_at(
                item.span,
                format_args!(
                    "the separator behind `{}` is written without being said: leave it out here, or put these bytes before the next field",
                    items[at].label
                ),
            );
        }
    }
}

/// Whether an integer stands as text.
fn in_digits(item: &Item) -> bool {
    matches!(&item.repr, Repr::Int(int, _) | Repr::Scalar(int, _) if int.digits.is_some())
}
