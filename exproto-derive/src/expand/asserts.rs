//! What has to hold of types that a macro sees only the names of: constant
//! evaluations, each with a sentence.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{Member, Type};

use super::common::{layouts, static_lifetimes, type_is};
use crate::check::transparent::Bare;
use crate::holds::Holds;
use crate::ir::{Extent, IntTy, Item, Layout, Model, Presence, Repr, Shape, Variant};
use crate::relation::{Relation, Source};
pub(crate) use crate::spoken::const_path;

/// The assertions about all layouts of a type, as items: they are evaluated
/// whether or not the type is used.
pub(crate) fn expand(model: &Model) -> TokenStream {
    if generic(model) {
        return TokenStream::new();
    }
    // The frames of a port are searched for.
    let port = matches!(&model.shape, Shape::Enum(data) if data.one_of);
    let layouts = layouts(model)
        .into_iter()
        .filter(|_| !port)
        .map(|layout| of_layout(layout, model.routes.shared.is_some(), false));
    let whole = frame_limit(model).into_iter().chain(receivers(model)).map(|Assertion { span, condition, message }| {
        quote_spanned!(span=> const _: () = ::core::assert!(#condition, #message);)
    });
    let delimiter = delimiter(model, false);
    let depth = super::depth::assertion(model);
    static_lifetimes(quote!(#(#layouts)* #(#whole)* #delimiter #depth))
}

/// The same where a type has parameters: what holds of them depends on the
/// use, so they stand in the code that decodes the layout.
pub(crate) fn where_used(model: &Model, layout: &Layout) -> TokenStream {
    if !generic(model) {
        return TokenStream::new();
    }
    let delimiter = delimiter(model, true);
    let layout = of_layout(layout, model.routes.shared.is_some(), true);
    quote!(#layout #delimiter)
}

/// No field holds a delimiter that nothing keeps out; the first that may is
/// named.
fn delimiter(model: &Model, within: bool) -> TokenStream {
    let (Some(frame), Shape::Struct(layout)) = (&model.frame, &model.shape) else {
        return TokenStream::new();
    };
    let Some(bare) = Bare::of(frame) else { return TokenStream::new() };
    let held: Vec<_> =
        (0..layout.items.len()).map(|index| crate::holds::item(model, layout, index)).collect();
    if !held.iter().any(Holds::asks) {
        return TokenStream::new();
    }
    let sets: Vec<_> = held.iter().map(Holds::tokens).collect();
    let bytes = proc_macro2::Literal::byte_string(&bare.bytes);
    let span = bare.span;
    let each = sets.iter().zip(&layout.items).map(|(set, item)| {
        let message = bare.message(&item.label);
        quote_spanned!(span=> ::core::assert!(!(__all && (#set).has_any(#bytes)), #message);)
    });
    let body = quote_spanned! {span=> {
        let __all: bool = __p::ByteSet::NONE #(.or(#sets))* .has_all(#bytes);
        #(#each)*
    }};
    if within { quote_spanned!(span=> const #body;) } else { quote_spanned!(span=> const _: () = #body;) }
}

pub(crate) fn generic(model: &Model) -> bool {
    model.generics.params.iter().any(|param| !matches!(param, syn::GenericParam::Lifetime(_)))
}

fn of_layout(layout: &Layout, shared: bool, within: bool) -> TokenStream {
    let mut out = TokenStream::new();
    let mut add = |assertions: Vec<Assertion>| {
        for Assertion { span, condition, message } in assertions {
            out.extend(if within {
                quote_spanned!(span=> const { ::core::assert!(#condition, #message) };)
            } else {
                quote_spanned!(span=> const _: () = ::core::assert!(#condition, #message);)
            });
        }
    };
    for (index, item) in layout.items.iter().enumerate() {
        add(greedy_in_the_middle(layout, index, item));
        add(elements(item));
        add(among_fields(item));
        add(delimited_parts(item));
        add(prefix_ends(item));
        add(tag_width(layout, item, shared));
        add(opaque_needs_other(item));
        if item.member.is_some() {
            add(scalar_width(item));
        }
        add(constant_width(item));
    }
    out.extend(super::inner::checks(layout, within));
    out
}

/// Something that has to hold, and what to say where it does not.
struct Assertion {
    span: Span,
    condition: TokenStream,
    message: String,
}

fn assertion(span: Span, condition: TokenStream, message: &str) -> Assertion {
    Assertion { span, condition, message: message.to_string() }
}

/// A value that takes everything may only stand last or have an extent.
fn greedy_in_the_middle(layout: &Layout, index: usize, item: &Item) -> Vec<Assertion> {
    if index + 1 == layout.items.len() || !matches!(item.extent, Extent::Own) {
        return Vec::new();
    }
    let ty = &item.ty;
    let greedy = match &item.repr {
        Repr::Part => quote!(<#ty as __p::Wire>::GREEDY),
        Repr::Body(_) => quote!(<#ty as __p::Tagged>::GREEDY),
        Repr::Codec(codec) if const_path(codec) => quote!(!__p::codec_delimited::<#ty, _>(&#codec)),
        _ => return Vec::new(),
    };
    let how = if item.name.is_some() {
        format!("give it a `size`, or let a length field say `= size({})`", item.label)
    } else {
        "give it a `size`".into()
    };
    let message = format!("`{}` takes all bytes there are, but other fields follow it: {how}", item.label);
    vec![assertion(item.span, quote!(!#greedy), &message)]
}

/// A type with the byte of the line between its fields stands before other
/// fields only if it says itself how many it has, and as an `Option` only if
/// something says whether it is there.
fn among_fields(item: &Item) -> Vec<Assertion> {
    let mut out = item.each.as_deref().map_or_else(Vec::new, among_fields);
    let Some((column, fields)) = item.column.zip(super::column::fields(item)) else { return out };
    let (byte, label) = (column.byte, &item.label);
    let sign = char::from(byte).escape_default();
    if !column.last {
        let what = if item.member.is_some() { "" } else { "an element of " };
        let message = format!(
            "{what}`{label}` has `{sign}` between its fields as what follows it has, and does not say how many they are: its last fields may be missing or take the rest; let a condition or a count speak of them, or put it last"
        );
        out.push(assertion(item.span, quote!(!#fields.open_among(#byte)), &message));
    }
    if matches!(item.presence, Presence::Filled) {
        let message = format!(
            "`{label}` has several fields between `{sign}`, and nothing says whether they are there: add `if = CONDITION`"
        );
        out.push(assertion(item.span, quote!(!#fields.among(#byte)), &message));
    }
    out
}

/// Elements of no size would make an endless list; an element that takes
/// everything would be the only one.
fn elements(item: &Item) -> Vec<Assertion> {
    let Repr::List(_, element) = &item.repr else { return Vec::new() };
    let own = |each: &Item| matches!((&each.repr, &each.extent), (Repr::Part, Extent::Own));
    if !item.each.as_deref().is_none_or(own) {
        return Vec::new();
    }
    let mut out = Vec::new();
    let label = &item.label;
    if matches!(
        item.extent,
        Extent::Rest(_)
            | Extent::BySize(_)
            | Extent::Size(_)
            | Extent::Fixed(_)
            | Extent::PrefixSize(..)
            | Extent::PrefixSizeBy(_)
    ) {
        let message =
            format!("an element of `{label}` may have no bytes, so the list would have no end: say `count`");
        out.push(assertion(item.span, quote!(<#element as __p::Wire>::MIN > 0), &message));
    }
    let message = format!(
        "an element of `{label}` takes all bytes there are, so there could be only one: give the last field of the element a `size`, which may be `size = left` for one that is the last"
    );
    out.push(assertion(item.span, quote!(!<#element as __p::Wire>::GREEDY), &message));
    out
}

/// Delimiters and escapes are taken off by the frame search, which looks for
/// whole frames only.
fn delimited_parts(item: &Item) -> Vec<Assertion> {
    if item.member.is_none() {
        return item.each.as_deref().map_or_else(Vec::new, delimited_parts);
    }
    let ty = match (&item.repr, item.each.as_deref()) {
        (Repr::Part, _) => &item.ty,
        (Repr::List(_, element), None | Some(Item { repr: Repr::Part, .. })) => element,
        _ => return Vec::new(),
    };
    let message = format!(
        "`{}` holds frames whose delimiters and escapes only the frame search takes off: declare what is inside as a type without `#[frame(..)]`, with the delimiters as constants, `before(b\"..\")`, `after(b\"..\")`",
        item.label
    );
    vec![assertion(item.span, quote!(!<#ty as __p::Wire>::DELIMITED), &message)]
}

/// A prefix is followed by its value, so it says itself where it ends.
fn prefix_ends(item: &Item) -> Vec<Assertion> {
    let mut out = item.each.as_deref().map_or_else(Vec::new, prefix_ends);
    if let Extent::PrefixSizeBy(codec) | Extent::PrefixCountBy(codec) = &item.extent
        && const_path(codec)
    {
        let message = format!(
            "the prefix of `{}` would take all bytes there are: `prefix(..)` needs a codec that is `DELIMITED`",
            item.label
        );
        let span = syn::spanned::Spanned::span(codec);
        out.push(assertion(span, quote!(__p::codec_delimited::<u64, _>(&#codec)), &message));
    }
    out
}

/// The tags of a body fit the field that holds them, and its `other` variant
/// can keep whatever that field may hold.
fn tag_width(layout: &Layout, item: &Item, shared: bool) -> Vec<Assertion> {
    let Repr::Body(tag) = item.repr else { return Vec::new() };
    let Some(carrier) = layout.items.get(tag) else { return Vec::new() };
    let Some(bits) = width(carrier) else { return Vec::new() };
    let ty = &item.ty;
    let max = max_of(bits);
    // The number of a field reads as a tag.
    let field = if matches!(item.member, Some(Member::Unnamed(_))) { "the field " } else { "" };
    let fits =
        format!("a tag of {field}`{}` does not fit the {bits} bits of `{}`", item.label, carrier.label);
    let keeps = format!(
        "`other` cannot keep every tag of the {bits} bits of `{}`: give its `#[wire(tag)]` field a larger type",
        carrier.label
    );
    let fits = assertion(item.span, quote!(<#ty as __p::Tagged>::MAX_TAG <= #max), &fits);
    // Of a body that frames share, some tags are those of the others alone.
    let fits = (!shared).then_some(fits);
    let arithmetic = carrier.relation.as_ref().is_none_or(|relation| !relation.ops.is_empty());
    if arithmetic {
        return fits.into_iter().collect();
    }
    let keeps = assertion(
        item.span,
        quote!(!<#ty as __p::Tagged>::HAS_OTHER || <#ty as __p::Tagged>::MAX_OTHER >= #max),
        &keeps,
    );
    fits.into_iter().chain([keeps]).collect()
}

/// What `opaque` keeps raw, the `other` variant keeps.
fn opaque_needs_other(item: &Item) -> Vec<Assertion> {
    let (Repr::Body(_), Some(_)) = (&item.repr, &item.opaque) else { return Vec::new() };
    let ty = &item.ty;
    let message =
        format!("`opaque` keeps `{}` raw in its `other` variant, and it has none: add one", item.label);
    let span = item.attrs.opaque.as_ref().map_or(item.span, |key| key.key);
    vec![assertion(span, quote!(<#ty as __p::Tagged>::HAS_OTHER), &message)]
}

/// The values of an enum or a struct of bits fit the bits or bytes they get,
/// and it knows all values of those.
fn scalar_width(item: &Item) -> Vec<Assertion> {
    if let (Repr::List(..), Some(each)) = (&item.repr, &item.each) {
        return scalar_width(each);
    }
    if type_is(&item.ty, "bool") || IntTy::of_type(&item.ty).is_some() {
        return Vec::new();
    }
    if !matches!(item.repr, Repr::Bits(_) | Repr::Scalar(..)) {
        return Vec::new();
    }
    let (Some((max, room)), Some(bits)) = (room(item), width(item)) else { return Vec::new() };
    let ty = &item.ty;
    let name = ty.to_token_stream().to_string();
    // Bits at other places are counted where they are tied.
    let bits = if item.joins.is_empty() { bits } else { super::join::total(item).0 };
    let lost = format!(
        "`{name}` has fewer bits than the {bits} of `{}`, whose other values it would lose: give it as many",
        item.label
    );
    let keeps = assertion(item.span, quote!(<#ty as __p::Scalar>::BITS >= #bits), &lost);
    if !item.joins.is_empty() {
        return vec![keeps];
    }
    let message = format!("a value of `{name}` does not fit {room} of `{}`", item.label);
    vec![assertion(item.span, quote!(<#ty as __p::Scalar>::MAX_RAW <= #max), &message), keeps]
}

/// What takes the tag of its variant knows all the tags there are.
fn receivers(model: &Model) -> Vec<Assertion> {
    let Shape::Enum(data) = &model.shape else { return Vec::new() };
    let of_variant = |variant: &Variant| {
        let item = super::enums::receiver(variant)?;
        let highest = match data.inline_tag {
            Some((tag, _)) if variant.attrs.other.is_some() => tag.max(),
            _ => variant.tags.iter().map(|(_, high)| *high).max()?,
        };
        if IntTy::of_type(&item.ty).is_some() || type_is(&item.ty, "bool") {
            return None;
        }
        let (ty, bits) = (&item.ty, u64::BITS - highest.leading_zeros());
        let name = ty.to_token_stream().to_string();
        let message = format!(
            "`{}` may receive the tag {highest:#04X}, and `{name}` has fewer bits: give it as many",
            item.label
        );
        Some(assertion(item.span, quote!(<#ty as __p::Scalar>::BITS >= #bits), &message))
    };
    data.variants.iter().filter_map(of_variant).collect()
}

/// A constant by name fits its field.
fn constant_width(item: &Item) -> Vec<Assertion> {
    let Some(Relation { source: Source::Constant(expr), .. }) = &item.relation else { return Vec::new() };
    let Some(bits) = width(item) else { return Vec::new() };
    let signed = matches!(&item.repr, Repr::Int(int, _) if int.signed);
    let Some((max, room)) = room(item) else { return Vec::new() };
    let (low, high) =
        if signed { (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1) } else { (0, i128::from(max)) };
    let message = format!("this constant does not fit {room} of `{}`", item.label);
    let span = syn::spanned::Spanned::span(expr);
    vec![assertion(span, quote!((#expr) as i128 >= #low && (#expr) as i128 <= #high), &message)]
}

/// The smallest frame is not larger than the largest.
fn frame_limit(model: &Model) -> Vec<Assertion> {
    let (Some(frame), Shape::Struct(_)) = (&model.frame, &model.shape) else { return Vec::new() };
    let Some(max) = frame.attrs.max.as_ref().map(|key| &key.value) else { return Vec::new() };
    let ty: Type = {
        let (ident, (_, generics, _)) = (&model.ident, model.generics.split_for_impl());
        syn::parse_quote!(#ident #generics)
    };
    let message = format!("no frame fits into `max = {max}`: the smallest `{}` has more bytes", model.ident);
    vec![assertion(max.span(), quote!(<#ty as __p::Wire>::MIN <= #max), &message)]
}

/// The bits of an integer on the wire.
fn width(item: &Item) -> Option<u32> {
    match &item.repr {
        Repr::Int(int, _) | Repr::Scalar(int, _) => Some(int.bits()),
        Repr::Bits(slot) => Some(slot.count),
        _ => None,
    }
}

/// Its largest value without a sign, and how much room that is.
fn room(item: &Item) -> Option<(u64, String)> {
    match &item.repr {
        Repr::Int(int, _) | Repr::Scalar(int, _) if int.digits.is_some() => {
            Some((int.max(), format!("`{}`", crate::number::name(*int))))
        }
        _ => width(item).map(|bits| (max_of(bits), format!("the {bits} bits"))),
    }
}

fn max_of(bits: u32) -> u64 {
    if bits >= 64 { u64::MAX } else { (1 << bits) - 1 }
}
