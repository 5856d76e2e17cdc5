//! Rules about fields, their extents and relations.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Expr;

use super::{layouts, max_of};
use crate::attr::wire::{Amount, TagKey, WireAttrs};
use crate::ctxt::Ctxt;
use crate::expand::check::due;
use crate::ir::{Extent, IntTy, Item, Layout, ListKind, Model, Presence, Repr, Shape};
use crate::lower::{Class, bounds, classify, fixed_at};
use crate::relation::{Algorithm, Items, Last, Relation, Source};

/// Runs the rules on every layout of a type.
pub(crate) fn check(model: &Model, ctxt: &mut Ctxt) {
    for layout in layouts(model) {
        names(layout, ctxt);
        for (index, item) in layout.items.iter().enumerate() {
            recursion(model, item, ctxt);
            if item.broken {
                continue;
            }
            value(layout, item, item, ctxt);
            if let Some(each) = &item.each {
                value(layout, item, each, ctxt);
            }
            relation(layout, index, item, ctxt);
        }
    }
    struct_of_bits(model, ctxt);
    receiver_in_struct(model, ctxt);
}

/// The rules about one value: `item` itself or, in a `Vec`, each element of it.
fn value(layout: &Layout, item: &Item, value: &Item, ctxt: &mut Ctxt) {
    if value.member.is_none() && std::ptr::eq(item, value) {
        wire_only(value, ctxt);
        fill(value, ctxt);
        range(value, ctxt);
        sentinel(value, ctxt);
        bounded(value, ctxt);
        strict(value, ctxt);
        return;
    }
    if matches!(value.repr, Repr::TagReceiver) {
        receiver(value, ctxt);
        return;
    }
    no_extent(layout, item, value, ctxt);
    extent_of_fixed(value, ctxt);
    bits(value, ctxt);
    each(value, ctxt);
    fill(value, ctxt);
    ctx(value, ctxt);
    opaque(value, ctxt);
    lenient(value, ctxt);
    range(value, ctxt);
    sentinel(value, ctxt);
    bounded(value, ctxt);
    strict(value, ctxt);
    scale(value, ctxt);
}

// Relations and messages speak of items by name, so a name stands for one
// item: `before(len: u8 = ..)` next to a field `len` is a mistake.
fn names(layout: &Layout, ctxt: &mut Ctxt) {
    for (index, item) in layout.items.iter().enumerate() {
        let Some(name) = &item.name else { continue };
        if layout.items.iter().take(index).any(|earlier| earlier.name.as_ref() == Some(name)) {
            ctxt.error_at(
                item.span,
                format_args!("two items are called `{name}`: give one of them another name"),
            );
        }
    }
}

// A type that names itself could be nested by a device until the stack is
// exhausted, also behind `Option`, `Box` or in a list.
fn recursion(model: &Model, item: &Item, ctxt: &mut Ctxt) {
    fn find(tokens: TokenStream, name: &str) -> Option<Span> {
        tokens.into_iter().find_map(|token| match token {
            TokenTree::Ident(ident) if ident == name || ident == "Self" => Some(ident.span()),
            TokenTree::Group(group) => find(group.stream(), name),
            _ => None,
        })
    }
    let name = model.ident.to_string();
    if item.member.is_some()
        && let Some(span) = find(item.ty.to_token_stream(), &name)
    {
        ctxt.error_at(
            span,
            format_args!(
                "`{name}` contains itself, so a device could nest it without end: declare a type for each level that the protocol has"
            ),
        );
    }
}

// Bytes and lists do not say themselves where they end: they need `size`,
// `count` or `rest`, or a length or count that speaks of them. Declared types
// and codecs may know their own end.
fn no_extent(layout: &Layout, item: &Item, value: &Item, ctxt: &mut Ctxt) {
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
fn extent_of_fixed(item: &Item, ctxt: &mut Ctxt) {
    let Some((key, span)) = extent_key(&item.attrs) else { return };
    let label = &item.label;
    match &item.repr {
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
        Repr::Array(_) => {
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
        Repr::Constant(_) | Repr::TagReceiver => {}
    }
}

fn extent_key(attrs: &WireAttrs) -> Option<(&'static str, Span)> {
    let size = attrs.size.as_ref().map(|key| ("size", key.key));
    let count = attrs.count.as_ref().map(|key| ("count", key.key));
    let rest = attrs.rest.as_ref().map(|key| ("rest", key.key));
    let until = attrs.until.as_ref().map(|key| ("until", key.key));
    size.or(count).or(rest).or(until)
}

// Fields of bits are integers, `bool`, C-like enums or structs of bits, have
// no more bits than their type, and are always there: nothing could say where
// the bits after an absent one lie.
fn bits(item: &Item, ctxt: &mut Ctxt) {
    let Repr::Bits(slot) = &item.repr else { return };
    let (label, count) = (&item.label, slot.count);
    let ty = item.ty.to_token_stream();
    if !matches!(item.presence, Presence::Always) {
        ctxt.error_at(
            item.span,
            format_args!("`{label}` is made of bits, so it is always there: remove `Option`"),
        );
        return;
    }
    if let Some(int) = IntTy::of_type(&item.ty) {
        if int.float {
            ctxt.error(
                &item.ty,
                format_args!("`{label}` is a float, which takes whole bytes: remove `bits`"),
            );
        } else if count > int.held as u32 * 8 {
            ctxt.error(
                &item.ty,
                format_args!("{count} bits do not fit a `{ty}`: use a larger integer for `{label}`"),
            );
        }
        return;
    }
    match classify(&item.ty) {
        Class::Bool if count != 1 => ctxt.error(
            &item.ty,
            format_args!("`{label}` is a `bool`, which is one bit, not {count}: use an integer, or `before(_: bits({}))` for reserved ones", count - 1),
        ),
        Class::Slice | Class::Buffer | Class::Array(_) | Class::List(..) | Class::Unsupported(_) => ctxt.error(
            &item.ty,
            format_args!("`{label}` cannot be made of bits: use an integer, `bool`, a C-like enum or a struct of bits"),
        ),
        Class::Bool | Class::Other => {}
    }
}

// `each(..)` says how the elements of a `Vec` are laid out.
fn each(item: &Item, ctxt: &mut Ctxt) {
    if let Some(key) = &item.attrs.each
        && !matches!(item.repr, Repr::List(ListKind::Vec, _))
    {
        ctxt.error_at(
            key.key,
            format_args!("`each` is for the elements of a `Vec`, and `{}` is none: remove it", item.label),
        );
    }
}

// `fill` pads a value up to a size that is known without it; on an item that
// stands only on the wire it is the value of reserved bits, which a relation
// would decide instead.
fn fill(item: &Item, ctxt: &mut Ctxt) {
    let Some(key) = &item.attrs.fill else { return };
    let label = &item.label;
    if item.member.is_none() && !item.label.is_empty() && matches!(item.repr, Repr::Int(..) | Repr::Bits(_)) {
        if item.relation.is_some() {
            ctxt.error_at(key.key, format_args!("`{label}` is computed: remove `fill`"));
        }
        return;
    }
    if !matches!(item.extent, Extent::Fixed(_) | Extent::Size(_)) {
        ctxt.error_at(
            key.key,
            format_args!(
                "`fill` pads up to a size, and `{label}` has none: add `size = N`, or remove `fill`"
            ),
        );
    }
}

// A context goes to a declared type.
fn ctx(item: &Item, ctxt: &mut Ctxt) {
    let Some(span) = item.ctx_span else { return };
    let label = &item.label;
    match &item.repr {
        Repr::Part | Repr::Body(_) | Repr::List(..) => {}
        Repr::Codec(_) => ctxt.error_at(span, format_args!("`{label}` is read by a codec, which takes no context: give the codec its values, or remove `ctx`")),
        _ => ctxt.error_at(span, format_args!("`{label}` is no declared type, so it takes no context: remove `ctx`")),
    }
}

// `opaque` chooses between a body's variants and its `other`.
fn opaque(item: &Item, ctxt: &mut Ctxt) {
    if let Some(key) = &item.attrs.opaque
        && !matches!(item.repr, Repr::Body(_))
    {
        ctxt.error_at(
            key.key,
            format_args!("`opaque` keeps a body raw, and no `tag(..)` selects `{}`: remove it, or add `before(id: u8 = tag({0}))`", item.label),
        );
    }
}

// On a field, `lenient` keeps the whole elements of a list that breaks off.
// That takes a list that ends with its extent, and one that has a place for
// what is cut off.
fn lenient(item: &Item, ctxt: &mut Ctxt) {
    let Some(key) = &item.attrs.lenient else { return };
    let label = &item.label;
    match (&item.repr, &item.extent) {
        (Repr::List(ListKind::Vec, _), _) => ctxt.error_at(
            key.key,
            format_args!("a `Vec` has no place for the bytes of an element that is cut off: use `List` or `ListBuf` for `{label}`"),
        ),
        (Repr::List(..), Extent::Count(_) | Extent::PrefixCount(..) | Extent::ByCount(_)) => ctxt.error_at(
            key.key,
            format_args!("`lenient` takes the elements that are there, but `{label}` has a count: say `rest` or `size` instead, or remove it"),
        ),
        (Repr::List(..), _) => {}
        _ => ctxt.error_at(
            key.key,
            format_args!("`lenient` goes on enums and on lists, and `{label}` is neither: remove it"),
        ),
    }
}

// A range has a lowest and a highest value, in this order, of a number.
fn range(item: &Item, ctxt: &mut Ctxt) {
    let Some((low, high)) = &item.range else { return };
    let number = match &item.repr {
        Repr::Int(..) => true,
        Repr::Bits(_) | Repr::Scalar(..) => item.member.is_none() || IntTy::of_type(&item.ty).is_some(),
        _ => false,
    };
    if !number {
        if let Some(key) = &item.attrs.range {
            ctxt.error_at(
                key.key,
                format_args!("`range` is for numbers, and `{}` is none: remove it", item.label),
            );
        }
        return;
    }
    if let (Some(from), Some(to)) = (constant(low), constant(high))
        && from > to
    {
        ctxt.error(
            quote::quote!(#low..=#high),
            format_args!(
                "no value lies in this range: write `range = {}..={}`",
                high.to_token_stream(),
                low.to_token_stream()
            ),
        );
    }
}

// `strict` refuses what `range` would only flag.
fn strict(item: &Item, ctxt: &mut Ctxt) {
    if let (Some(key), None) = (&item.attrs.strict, &item.attrs.range) {
        ctxt.error_at(
            key.key,
            "`strict` refuses values outside a range: add `range = LOW..=HIGH`, or remove it",
        );
    }
}

// `max` bounds what a device decides; `extra` bytes stand after a value that
// does not take its whole extent.
fn bounded(item: &Item, ctxt: &mut Ctxt) {
    let label = &item.label;
    let decided = matches!(
        item.extent,
        Extent::Size(_)
            | Extent::Count(_)
            | Extent::PrefixSize(..)
            | Extent::PrefixCount(..)
            | Extent::BySize(_)
            | Extent::ByCount(_)
            | Extent::Until(_)
    );
    if let Some(key) = item.attrs.max.as_ref().filter(|_| !decided) {
        ctxt.error_at(
            key.key,
            format_args!(
                "`max` bounds a size or count that the device says, and `{label}` has none: remove it"
            ),
        );
    }
    let sized =
        decided && !matches!(item.extent, Extent::Count(_) | Extent::PrefixCount(..) | Extent::ByCount(_));
    let sized = sized || matches!(item.extent, Extent::Fixed(_) | Extent::Separated(_));
    let takes_all = matches!(item.repr, Repr::Slice | Repr::Buffer | Repr::List(..));
    if let Some(key) = item.attrs.extra.as_ref().filter(|_| !sized || takes_all) {
        ctxt.error_at(
            key.key,
            format_args!(
                "`extra` bytes follow a declared type within its `size`, and `{label}` leaves none: remove it"
            ),
        );
    }
}

// Sentinels are values of an integer, or of the integers of a list, that fit
// it; each has one name.
fn sentinel(item: &Item, ctxt: &mut Ctxt) {
    let Some(key) = &item.attrs.sentinel else { return };
    let label = &item.label;
    let integer =
        crate::expand::schema::integer_of(item).filter(|(int, _)| !int.float && item.member.is_some());
    let Some((int, bits)) = integer else {
        ctxt.error_at(
            key.key,
            format_args!("`sentinel` names values of an integer, and `{label}` is none: remove it"),
        );
        return;
    };
    for (index, (value, name)) in key.value.iter().enumerate() {
        let fits = bits >= 64
            || (0..1_i64 << bits).contains(value)
            || (int.signed && (-(1_i64 << (bits - 1))..0).contains(value));
        if !fits {
            ctxt.error(name, format_args!("the value of `{name}` does not fit the {bits} bits of `{label}`"));
        }
        if key.value.iter().take(index).any(|(other, other_name)| other == value || other_name == name) {
            ctxt.error(
                name,
                format_args!("`{name}` or its value is given twice: each sentinel has one name"),
            );
        }
    }
}

// `scale`, `offset` and `unit` render numbers. Floats have no exact decimal
// form, so they are not scaled.
fn scale(item: &Item, ctxt: &mut Ctxt) {
    let attrs = &item.attrs;
    let scale = attrs.scale.as_ref().map(|key| ("scale", key.key));
    let offset = attrs.offset.as_ref().map(|key| ("offset", key.key));
    let unit = attrs.unit.as_ref().map(|key| ("unit", key.key));
    let Some((key, span)) = scale.or(offset).or(unit) else { return };
    let label = &item.label;
    let flag = matches!(classify(&item.ty), Class::Bool);
    if flag || matches!(item.repr, Repr::Slice | Repr::Buffer | Repr::Array(_) | Repr::Body(_)) {
        ctxt.error_at(span, format_args!("`{key}` renders numbers, and `{label}` is none: remove it"));
    } else if IntTy::of_type(&item.ty).is_some_and(|int| int.float) && key != "unit" {
        ctxt.error_at(
            span,
            format_args!("`{label}` is a float, which holds the physical value already: remove `{key}`"),
        );
    }
}

// What stands only on the wire has a value of its own making: it takes a byte
// order, a fill value and a range, no extents or presence.
fn wire_only(item: &Item, ctxt: &mut Ctxt) {
    for (key, span) in keys(&item.attrs) {
        if !matches!(key, "endian" | "fill" | "range" | "strict" | "scale" | "offset" | "unit") {
            ctxt.error_at(
                span,
                format_args!("`{key}` does not go on what stands only on the wire; the keys there are: endian, fill, range, strict"),
            );
        }
    }
}

// The field that receives a tag is not on the wire, so nothing there concerns
// it, and it is always there.
fn receiver(item: &Item, ctxt: &mut Ctxt) {
    let label = &item.label;
    if !matches!(item.presence, Presence::Always) {
        ctxt.error_at(
            item.span,
            format_args!("`{label}` receives the tag, which is always there: remove `Option`"),
        );
        return;
    }
    if item.attrs.bits.is_some() {
        ctxt.error_at(
            item.span,
            format_args!("`{label}` receives the tag and is not on the wire itself: remove `bits`"),
        );
    }
    for (key, span) in keys(&item.attrs) {
        if !matches!(key, "scale" | "offset" | "unit") {
            ctxt.error_at(
                span,
                format_args!("`{label}` receives the tag and is not on the wire itself: remove `{key}`"),
            );
        }
    }
}

/// The keys that are given, with their places.
fn keys(attrs: &WireAttrs) -> Vec<(&'static str, Span)> {
    let all = [
        ("endian", attrs.endian.as_ref().map(|key| key.key)),
        ("as", attrs.codec.as_ref().map(|key| key.key)),
        ("size", attrs.size.as_ref().map(|key| key.key)),
        ("count", attrs.count.as_ref().map(|key| key.key)),
        ("rest", attrs.rest.as_ref().map(|key| key.key)),
        ("until", attrs.until.as_ref().map(|key| key.key)),
        ("max", attrs.max.as_ref().map(|key| key.key)),
        ("extra", attrs.extra.as_ref().map(|key| key.key)),
        ("each", attrs.each.as_ref().map(|key| key.key)),
        ("fill", attrs.fill.as_ref().map(|key| key.key)),
        ("is", attrs.is.as_ref().map(|key| key.key)),
        ("if", attrs.condition.as_ref().map(|key| key.key)),
        ("tag", attrs.tag.as_ref().filter(|key| !matches!(key.value, TagKey::Receive)).map(|key| key.key)),
        ("opaque", attrs.opaque.as_ref().map(|key| key.key)),
        ("lenient", attrs.lenient.as_ref().map(|key| key.key)),
        ("range", attrs.range.as_ref().map(|key| key.key)),
        ("strict", attrs.strict.as_ref().map(|key| key.key)),
        ("ctx", attrs.ctx.as_ref().map(|key| key.key)),
        ("scale", attrs.scale.as_ref().map(|key| key.key)),
        ("offset", attrs.offset.as_ref().map(|key| key.key)),
        ("unit", attrs.unit.as_ref().map(|key| key.key)),
        ("sentinel", attrs.sentinel.as_ref().map(|key| key.key)),
    ];
    all.into_iter().filter_map(|(key, span)| Some((key, span?))).collect()
}

/// The rules about the relation of an item.
fn relation(layout: &Layout, index: usize, item: &Item, ctxt: &mut Ctxt) {
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
        Source::Count(_) | Source::Present(_) | Source::Tag(_) => {}
    }
}

// The value of a relation is an integer that is always there.
fn carrier(item: &Item, relation: &Relation, ctxt: &mut Ctxt) -> bool {
    let label = &item.label;
    if !matches!(item.presence, Presence::Always) {
        ctxt.error_at(
            relation.span,
            format_args!("`{label}` is an `Option`, but what is computed is always there: remove `Option`"),
        );
        return false;
    }
    let integer = match &item.repr {
        Repr::Int(int, _) => !int.float,
        Repr::Scalar(..) | Repr::Bits(_) => true,
        // A tag may be a word, which stands for an integer.
        Repr::Part => {
            item.member.is_some() && matches!(relation.source, Source::Tag(_)) && relation.ops.is_empty()
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
fn arithmetic(item: &Item, relation: &Relation, ctxt: &mut Ctxt) {
    if !relation.ops.is_empty() && matches!(relation.source, Source::Present(_)) {
        ctxt.error_at(
            relation.span,
            format_args!("the flag `{}` is 0 or 1: remove the arithmetic", item.label),
        );
    }
}

// A constant fits the bits of its field.
fn constant_fits(item: &Item, expr: &Expr, ctxt: &mut Ctxt) {
    let Some(value) = constant(expr) else { return };
    let (bits, signed) = match &item.repr {
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
fn whole_containers(layout: &Layout, range: &Items, index: usize, ctxt: &mut Ctxt) {
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
fn invertible(layout: &Layout, range: &Items, index: usize, ctxt: &mut Ctxt) {
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
        if fixed_at(&layout.items, after).is_none() && !reported {
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
fn covered_in_turn(layout: &Layout, range: &Items, index: usize, ctxt: &mut Ctxt) {
    let Some(item) = layout.items.get(index) else { return };
    if bounds(&layout.items, range, index).is_some() && due(&layout.items, index).is_none() {
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
fn width_of_check(item: &Item, algorithm: &Algorithm, ctxt: &mut Ctxt) {
    let bits = crate::expand::check::bits(item);
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
        _ => {}
    }
}

// A struct of bits is one integer: nothing in it is computed from elsewhere.
fn struct_of_bits(model: &Model, ctxt: &mut Ctxt) {
    let Shape::Bits(bits) = &model.shape else { return };
    for item in &bits.layout.items {
        if let Some(relation) = &item.relation {
            ctxt.error_at(
                relation.span,
                format_args!("`{}` lies in a struct of bits, which is one integer: relations go where that integer is a field", item.label),
            );
        }
    }
    if let Some((name, _)) = model.ctx.first() {
        ctxt.error(name, "a struct of bits is one integer and takes no context: remove `ctx`");
    }
}

// Only variants have tags to receive.
fn receiver_in_struct(model: &Model, ctxt: &mut Ctxt) {
    let (Shape::Struct(layout) | Shape::Bits(crate::ir::BitStruct { layout, .. })) = &model.shape else {
        return;
    };
    for item in &layout.items {
        if matches!(item.repr, Repr::TagReceiver) {
            ctxt.error_at(
                item.span,
                format_args!(
                    "`{}` would receive the tag of a variant, and this is a struct: remove `tag`",
                    item.label
                ),
            );
        }
    }
}

/// The value of an integer literal, with sign.
fn constant(expr: &Expr) -> Option<i128> {
    match expr {
        Expr::Lit(lit) => match &lit.lit {
            syn::Lit::Int(int) => int.base10_parse().ok(),
            syn::Lit::Byte(byte) => Some(i128::from(byte.value())),
            syn::Lit::Bool(value) => Some(i128::from(value.value)),
            _ => None,
        },
        Expr::Unary(syn::ExprUnary { op: syn::UnOp::Neg(_), expr, .. }) => constant(expr).map(|value| -value),
        Expr::Paren(paren) => constant(&paren.expr),
        Expr::Group(group) => constant(&group.expr),
        _ => None,
    }
}
