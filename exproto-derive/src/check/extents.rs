//! Rules about where a value ends.

use proc_macro2::Span;

use crate::attr::wire::{Amount, WireAttrs};
use crate::ctxt::Ctxt;
use crate::ir::{Extent, Item, Layout, ListKind, Repr};

// Bytes and lists do not say themselves where they end: they need `size`,
// `count` or `rest`, or a length or count that speaks of them. Declared types
// and codecs may know their own end.
pub(super) fn no_extent(layout: &Layout, item: &Item, value: &Item, ctxt: &mut Ctxt) {
    if layout.broken || !matches!(value.extent, Extent::Own) {
        return;
    }
    let label = &value.label;
    if !std::ptr::eq(item, value) {
        if matches!(value.repr, Repr::Slice | Repr::Buffer | Repr::List(..)) {
            ctxt.error(
                &value.ty,
                format_args!("an element of `{label}` has no extent: add `each(size = ..)`, such as `each(size = prefix(u8))`"),
            );
        }
        return;
    }
    let how = match &value.repr {
        Repr::Slice | Repr::Buffer => "a length field say `= size",
        Repr::List(..) => "a count say `= count",
        _ => return,
    };
    let hint = if value.name.is_some() { format!(", or let {how}({label})`") } else { String::new() };
    ctxt.error_at(value.span, format_args!("`{label}` has no extent: add `size`, `count` or `rest`{hint}"));
}

// `size`, `count` and `rest` are for what may vary: integers, arrays and bits
// have the size of their type.
pub(super) fn extent_of_fixed(item: &Item, ctxt: &mut Ctxt) {
    if super::digits::end(item, ctxt) {
        return;
    }
    let Some((key, span)) = extent_key(&item.attrs) else { return };
    let label = &item.label;
    match &item.repr {
        Repr::Int(int, _) | Repr::Scalar(int, _) if int.digits.is_some() => {
            let name = crate::number::name(*int);
            ctxt.error_at(
                span,
                format_args!("`{label}` has as many characters as `{name}` says: remove `{key}`"),
            );
        }
        Repr::Int(int, _) | Repr::Scalar(int, _) => {
            let bytes = int.bytes;
            ctxt.error_at(
                span,
                format_args!(
                    "`{label}` is an integer of {bytes} bytes: remove `{key}`; another width is `as = u24`"
                ),
            );
        }
        Repr::Bits(_) => ctxt.error_at(span, format_args!("`{label}` is made of bits: remove `{key}`")),
        Repr::Array(_) | Repr::List(ListKind::Array, _) => {
            ctxt.error_at(span, format_args!("`{label}` has the size of its array: remove `{key}`"))
        }
        Repr::Slice | Repr::Buffer | Repr::List(..) | Repr::Codec(_) | Repr::Part | Repr::Body(_) => {
            if let Some(key) = &item.attrs.size
                && let Amount::Expr(expr) = &key.value
                && crate::ir::literal(expr) == Some(0)
            {
                ctxt.error(
                    expr,
                    format_args!("`{label}` has no bytes: remove the field, or say how many it has"),
                );
            }
        }
        Repr::Constant(_)
        | Repr::Gap(_)
        | Repr::Row(..)
        | Repr::Sized(_)
        | Repr::Skipped(_)
        | Repr::TagReceiver => {}
    }
}

pub(super) fn extent_key(attrs: &WireAttrs) -> Option<(&'static str, Span)> {
    let size = attrs.size.as_ref().map(|key| ("size", key.key));
    let count = attrs.count.as_ref().map(|key| ("count", key.key));
    let rest = attrs.rest.as_ref().map(|key| ("rest", key.key));
    let until = attrs.until.as_ref().map(|key| ("until", key.key));
    size.or(count).or(rest).or(until)
}

// `each(..)` says how the elements of a `Vec` are laid out.
pub(super) fn each(item: &Item, ctxt: &mut Ctxt) {
    if let Some(key) = &item.attrs.each
        && !matches!(item.repr, Repr::List(ListKind::Vec | ListKind::Array, _))
    {
        ctxt.error_at(
            key.key,
            format_args!(
                "`each` is for the elements of a `Vec` or an array, and `{}` is none: remove it",
                item.label
            ),
        );
    }
}

// A byte stands between the elements of a `Vec` or an array, which are text.
pub(super) fn between(item: &Item, ctxt: &mut Ctxt) {
    let Some(key) = &item.attrs.sep else { return };
    let label = &item.label;
    match (&item.repr, item.each.as_deref()) {
        (Repr::List(ListKind::Lazy, _), _) => ctxt.error_at(
            key.key,
            format_args!("elements of a `List` have nothing between them: use `Vec` for `{label}`"),
        ),
        (Repr::List(..), Some(each)) => {
            let binary = match &each.repr {
                Repr::Int(int, _) | Repr::Scalar(int, _) => int.digits.is_none(),
                Repr::Bits(_) => true,
                _ => false,
            };
            if binary {
                ctxt.error_at(
                    item.span,
                    format_args!("the elements of `{label}` would be binary between separators: use numbers as text: `each(as = dec)`, `Dec` or `HexNum`"),
                );
            } else if let Extent::Until(_) = each.extent {
                ctxt.error_at(
                    key.key,
                    format_args!("each element of `{label}` ends by itself: remove `sep`, or `until` in `each`"),
                );
            }
        }
        _ => ctxt.error_at(
            key.key,
            format_args!("`sep` stands between the fields of a type or the elements of a list, and `{label}` is no list: remove it, or put it on the type of `{label}`"),
        ),
    }
}

// `fill` pads a value up to a size that is known without it; on an item that
// stands only on the wire it is the value of reserved bits, which a relation
// would decide instead.
pub(super) fn fill(item: &Item, ctxt: &mut Ctxt) {
    let Some(key) = &item.attrs.fill else { return };
    let label = &item.label;
    if item.member.is_none()
        && !item.label.is_empty()
        && matches!(item.repr, Repr::Int(..) | Repr::Bits(_) | Repr::Gap(_))
    {
        if item.relation.is_some() {
            ctxt.error_at(key.key, format_args!("`{label}` is computed: remove `fill`"));
        }
        return;
    }
    if let Repr::Sized(_) = item.repr {
        ctxt.error_at(
            key.key,
            format_args!("`{label}` is a number, which takes all bytes of its size: remove `fill`"),
        );
    } else if !matches!(item.extent, Extent::Fixed(_) | Extent::Size(_)) {
        ctxt.error_at(
            key.key,
            format_args!(
                "`fill` pads up to a size, and `{label}` has none: add `size = N`, or remove `fill`"
            ),
        );
    }
}

// On a field, `lenient` keeps the whole elements of a list that breaks off.
// That takes a list that ends with its extent, and one that has a place for
// what is cut off.
pub(super) fn lenient(item: &Item, ctxt: &mut Ctxt) {
    let Some(key) = &item.attrs.lenient else { return };
    let label = &item.label;
    match (&item.repr, &item.extent) {
        (Repr::List(ListKind::Array, _), _) => ctxt.error_at(
            key.key,
            format_args!("`{label}` has the size of its array, so nothing of it can be missing: remove `lenient`"),
        ),
        (Repr::List(ListKind::Vec, _), _) => ctxt.error_at(
            key.key,
            format_args!("a `Vec` has no place for the bytes of an element that is cut off: use `List` or `ListBuf` for `{label}`"),
        ),
        (Repr::List(..), Extent::UntilElement(_)) => ctxt.error_at(
            key.key,
            format_args!("`lenient` takes the elements that are there, but the last of `{label}` has to be: remove `lenient`, or say `rest` or `size` instead of `until`"),
        ),
        (Repr::List(..), _) if item.counted() => ctxt.error_at(
            key.key,
            format_args!("`lenient` takes the elements that are there, but `{label}` has a count: say `rest` or `size` instead, or remove it"),
        ),
        (Repr::List(..), _) => {}
        (Repr::Buffer | Repr::Body(_), _) if item.attrs.via.is_some() => {}
        (_, _) if item.attrs.via.is_some() => ctxt.error_at(
            key.key,
            format_args!("`lenient` keeps what cannot be transformed as it came, and `{label}` has no place for it: use `Vec<u8>` or a body with an `other` variant, or remove it"),
        ),
        _ => ctxt.error_at(
            key.key,
            format_args!("`lenient` goes on enums and on lists, and `{label}` is neither: remove it"),
        ),
    }
}

// `max` bounds what a device decides; `extra` bytes stand after a value that
// does not take its whole extent.
pub(super) fn bounded(item: &Item, ctxt: &mut Ctxt) {
    let label = &item.label;
    let array = matches!(item.repr, Repr::List(ListKind::Array, _));
    let decided = !array
        && matches!(
            item.extent,
            Extent::Size(_)
                | Extent::Count(_)
                | Extent::PrefixSize(..)
                | Extent::PrefixCount(..)
                | Extent::PrefixSizeBy(_)
                | Extent::PrefixCountBy(_)
                | Extent::BySize(_)
                | Extent::ByCount(_)
                | Extent::Until(_)
                | Extent::UntilElement(_)
                | Extent::Column
        );
    // Behind a transform it bounds what that makes.
    if let Some(key) = item.attrs.max.as_ref().filter(|_| !decided && item.attrs.via.is_none()) {
        ctxt.error_at(
            key.key,
            format_args!(
                "`max` bounds a size or count that the device says, and `{label}` has none: remove it"
            ),
        );
    }
    let sized = decided && !item.counted() || item.attrs.sep.is_some() && item.takes_rest();
    let sized = sized || matches!(item.extent, Extent::Fixed(_) | Extent::Column);
    let takes_all =
        matches!(item.repr, Repr::Slice | Repr::Buffer | Repr::List(..)) && item.attrs.sep.is_none();
    if let Some(key) = item.attrs.extra.as_ref().filter(|_| !sized || takes_all) {
        ctxt.error_at(
            key.key,
            format_args!(
                "`extra` bytes follow a declared type within its `size`, and `{label}` leaves none: remove it"
            ),
        );
    }
}
