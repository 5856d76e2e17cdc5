//! How a value is read: by its type, its codec and the extent it is given.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{Expr, Type};

use super::types::{Class, argument_of, classify};
use super::{Scope, need_endian};
use crate::attr::Keyed;
use crate::attr::wire::{Amount, BitsKey, CtxKey, Endian, TagKey, UntilKey, WireAttrs};
use crate::ctxt::Ctxt;
use crate::ir::{BitSlot, Column, Extent, IntTy, Item, ListKind, Meta, Presence, Repr};
use crate::number::Digits;

/// How a value of a type is laid out; presence and names are the caller's.
pub(super) fn value_item(
    label: &str,
    span: Span,
    ty: Type,
    attrs: &WireAttrs,
    scope: &Scope,
    ctxt: &mut Ctxt,
) -> Item {
    let endian = attrs.endian.as_ref().map(|key| key.value.order).or(scope.endian);
    let mut each = None;
    let repr = if matches!(&attrs.tag, Some(Keyed { value: TagKey::Receive, .. })) {
        Repr::TagReceiver
    } else if attrs.skip.is_some() {
        Repr::Skipped(attrs.default.as_ref().map(|key| key.value.clone()))
    } else if attrs.bits.is_some() {
        bit_repr(attrs)
    } else if let Some(codec) = &attrs.codec {
        match int_of_expr(&codec.value, ctxt) {
            Some(int) => {
                let endian = need_endian(int, endian, span, label, scope, ctxt);
                narrow(int, endian, &ty, &codec.value, ctxt)
            }
            None => Repr::Codec(functions(&codec.value, ctxt).unwrap_or_else(|| codec.value.clone())),
        }
    } else if let (Some(int), true) = (IntTy::of_type(&ty), any_width(attrs)) {
        Repr::Sized(need_endian(IntTy { bytes: 2, ..int }, endian, span, label, scope, ctxt))
    } else if let Some(int) = IntTy::of_type(&ty) {
        Repr::Int(int, need_endian(int, endian, span, label, scope, ctxt))
    } else {
        // Numbers of a few bits or in digits are no bytes.
        let last = matches!(&attrs.until, Some(Keyed { value: UntilKey::Element(_), .. }));
        let elements = attrs.each.is_some() || attrs.sep.is_some() || last;
        let class = match (classify(&ty), &ty) {
            (Class::Array(_), Type::Array(array)) if elements => {
                Class::List(ListKind::Array, (*array.elem).clone())
            }
            (Class::Buffer, _) if elements && let Some(element) = argument_of(&ty, "Vec") => {
                Class::List(ListKind::Vec, element.clone())
            }
            (class, _) => class,
        };
        match class {
            Class::Slice => Repr::Slice,
            Class::Buffer => Repr::Buffer,
            Class::Array(len) => Repr::Array(len),
            Class::List(kind, element) => {
                let mut inner = attrs.each.as_ref().map(|key| (*key.value).clone()).unwrap_or_default();
                if kind != ListKind::Lazy {
                    // As on a `List`: the context is the elements'.
                    inner.ctx = inner.ctx.or_else(|| attrs.ctx.clone());
                    inner.endian = inner.endian.or_else(|| attrs.endian.clone());
                    let mut element = value_item(label, span, element.clone(), &inner, scope, ctxt);
                    if let Repr::Bits(slot) = &mut element.repr {
                        // Which bit of the first byte is first, whatever the width.
                        let order = inner.endian.as_ref().map(|key| key.value.order).or(scope.endian);
                        slot.endian = need_endian(IntTy::binary(2), order, span, label, scope, ctxt);
                        slot.first = BitSlot::IN_LIST;
                    }
                    if let Some(key) = &attrs.sep {
                        between(&mut element, key.value);
                    }
                    each = Some(Box::new(element));
                } else if let Some(key) = &attrs.each {
                    ctxt.error_at(
                        key.key,
                        "elements of a `List` read themselves: put these keys on a field of the element's own type, or use `Vec`",
                    );
                }
                Repr::List(kind, element)
            }
            Class::Bool => {
                ctxt.error_at(
                    span,
                    format_args!("`{label}` is a single bit: say `bits = 1`, or `as = u8` for a whole byte"),
                );
                Repr::Part
            }
            Class::Unsupported(why) => {
                ctxt.error(&ty, why);
                Repr::Part
            }
            Class::Other => Repr::Part,
        }
    };
    let extent = match (&repr, &ty) {
        (Repr::List(ListKind::Array, _), Type::Array(array)) => Extent::Count(array.len.clone()),
        _ => extent(label, &repr, attrs, scope, ctxt),
    };
    let (ctx, ctx_span) = match &attrs.ctx {
        Some(Keyed { key, value: CtxKey::Give(values) }) => (values.clone(), Some(*key)),
        _ => (Vec::new(), None),
    };
    Item {
        span,
        local: Ident::new("__v", Span::call_site()),
        name: None,
        label: label.to_string(),
        info: Ident::new("__INFO", Span::call_site()),
        member: None,
        ty,
        presence: Presence::Always,
        group: None,
        repr,
        extent,
        column: None,
        opens: None,
        behind: false,
        relation: None,
        joins: Vec::new(),
        whole: None,
        endian: None,
        absent: None,
        opaque: attrs.opaque.as_ref().map(|key| key.value.clone()),
        ctx,
        ctx_span,
        fill: attrs.fill.as_ref().map(|key| key.value),
        lenient: attrs.lenient.is_some(),
        range: attrs.range.as_ref().map(|key| key.value.clone()),
        strict: attrs.strict.is_some(),
        meta: Meta::default(),
        each,
        attrs: Box::new(attrs.clone()),
        broken: false,
    }
}

/// An element that ends before this byte, or with the list.
fn between(element: &mut Item, byte: u8) {
    if let Repr::Bits(_) = element.repr {
        return;
    }
    element.column = Some(Column {
        byte,
        first: true,
        lead: false,
        last: false,
        behind: 0,
        tail: 0,
        lacks: false,
        may_end: false,
        vanishes: false,
    });
    if matches!(element.extent, Extent::Own | Extent::Rest(_)) {
        element.extent = Extent::Column;
    }
}

/// Whether a number has as many bytes as something says that is not known here.
fn any_width(attrs: &WireAttrs) -> bool {
    let size = match attrs.size.as_ref().map(|key| &key.value) {
        Some(Amount::Expr(expr)) => crate::ir::literal(expr).is_none(),
        Some(Amount::Prefix(_)) => true,
        None => false,
    };
    size || attrs.rest.is_some()
}

/// `as = with(READ, WRITE)`: two functions as a codec.
fn functions(codec: &Expr, ctxt: &mut Ctxt) -> Option<Expr> {
    let Expr::Call(call) = codec else { return None };
    let Expr::Path(path) = &*call.func else { return None };
    if !path.path.is_ident("with") {
        return None;
    }
    let mut args = call.args.iter();
    let (Some(read), Some(write), None) = (args.next(), args.next(), args.next()) else {
        ctxt.error(
            codec,
            "`with` takes two functions: `as = with(READ, WRITE)`, from `&[u8]` to the value and from a reference to it to its bytes",
        );
        return Some(syn::parse_quote!(__p::With((), ())));
    };
    Some(syn::parse_quote!(__p::With(#read, #write)))
}

/// `as = INTEGER`: an integer of another width than its type, or what is made
/// of an integer.
fn narrow(int: IntTy, endian: Endian, ty: &Type, at: &Expr, ctxt: &mut Ctxt) -> Repr {
    let Some(own) = IntTy::of_type(ty) else {
        if int.signed || int.float {
            ctxt.error(at, "`as` needs an unsigned integer here: `as = u8`, `u16`, `u24` .. `u64`");
        }
        return Repr::Scalar(int, endian);
    };
    let text = ty.to_token_stream();
    let name = crate::number::name(int);
    let digits = int.digits.is_some();
    // Of a fixed number of hexadecimal digits the highest bit is the sign.
    let twos = own.signed && matches!(int.digits, Some(Digits::Hex | Digits::HexLower)) && !int.own_width();
    let int = IntTy { signed: int.signed || twos, ..int };
    // A magnitude whose sign stands elsewhere is found later.
    if own.float || int.float || own.signed != int.signed && (int.signed || digits) {
        ctxt.error(at, format_args!("a `{text}` is no `{name}`: use the same kind of integer on both sides"));
    } else if !int.own_width() && int.held > own.held {
        ctxt.error(
            at,
            format_args!("a `{text}` cannot hold every `{name}`: use a larger type for the field"),
        );
    }
    let held = if int.own_width() { own.held } else { own.held.max(int.held) };
    Repr::Int(IntTy { held, ..int }, endian)
}

pub(super) fn bit_repr(attrs: &WireAttrs) -> Repr {
    let count = match &attrs.bits {
        Some(Keyed { value: BitsKey::Count(count), .. }) => *count,
        _ => 0,
    };
    Repr::Bits(BitSlot { count, shift: 0, first: 0, bytes: 0, endian: Endian::Big })
}

/// The codec that a type names: a path like `Leb128` or `BcdNumber::<2>`.
pub(super) fn codec_of(ty: &Type) -> Option<Expr> {
    let Ok(codec @ Expr::Path(_)) = syn::parse2(ty.to_token_stream()) else { return None };
    let Expr::Path(path) = &codec else { return None };
    let name = path.path.segments.last()?.ident.to_string();
    name.starts_with(char::is_uppercase).then_some(codec)
}

/// What stands before a value and says how much of it there is.
enum Prefix {
    Integer(IntTy, Endian),
    Codec(Expr),
    Wrong,
}

fn extent(label: &str, repr: &Repr, attrs: &WireAttrs, scope: &Scope, ctxt: &mut Ctxt) -> Extent {
    let given = [
        attrs.size.as_ref().map(|key| key.key),
        attrs.count.as_ref().map(|key| key.key),
        attrs.rest.as_ref().map(|key| key.key),
        attrs.until.as_ref().map(|key| key.key),
    ];
    if given.iter().flatten().count() > 1
        && let Some(second) = given.into_iter().flatten().last()
    {
        ctxt.error_at(
            second,
            format_args!("`{label}` has two extents: keep one of `size`, `count`, `rest`, `until`"),
        );
    }
    let prefix = |of: &Type, ctxt: &mut Ctxt| match IntTy::on_wire(of) {
        Some(int) if int.own_width() => {
            ctxt.error(
                of,
                "the digits of a prefix have nothing that ends them: say how many, `prefix(dec(4))`",
            );
            Prefix::Wrong
        }
        Some(int) if !int.signed && !int.float => {
            let endian = need_endian(int, scope.endian, of.span(), "the prefix", scope, ctxt);
            Prefix::Integer(int, endian)
        }
        // A codec is named like a type, `Leb128` or `BcdNumber::<2>`.
        None if let Ok(codec @ Expr::Path(_)) = syn::parse2(of.to_token_stream()) => Prefix::Codec(codec),
        _ => {
            ctxt.error(
                of,
                "a prefix is an unsigned integer or a codec of one: `prefix(u8)`, `prefix(Leb128)`",
            );
            Prefix::Wrong
        }
    };
    if let Some(key) = &attrs.size {
        return match &key.value {
            Amount::Prefix(of) => match prefix(of, ctxt) {
                Prefix::Integer(int, endian) => Extent::PrefixSize(int, endian),
                Prefix::Codec(codec) => Extent::PrefixSizeBy(codec),
                Prefix::Wrong => Extent::Own,
            },
            Amount::Expr(expr) => match crate::ir::literal(expr) {
                Some(size) => Extent::Fixed(size),
                None => Extent::Size(expr.clone()),
            },
        };
    }
    if let Some(key) = &attrs.count {
        if !matches!(repr, Repr::List(..) | Repr::Slice | Repr::Buffer) {
            ctxt.error_at(
                key.key,
                format_args!("`count` is for lists; say the bytes of `{label}` with `size`"),
            );
            return Extent::Own;
        }
        return match &key.value {
            Amount::Prefix(of) => match prefix(of, ctxt) {
                Prefix::Integer(int, endian) => Extent::PrefixCount(int, endian),
                Prefix::Codec(codec) => Extent::PrefixCountBy(codec),
                Prefix::Wrong => Extent::Own,
            },
            Amount::Expr(expr) => Extent::Count(expr.clone()),
        };
    }
    if let Some(key) = &attrs.until {
        return match &key.value {
            UntilKey::Bytes(bytes) => Extent::Until(bytes.clone()),
            // The frame search knows the end when the frame is decoded.
            UntilKey::Check(_) => Extent::Rest(0),
            UntilKey::Element(last) => {
                if matches!(repr, Repr::Int(..) | Repr::Scalar(..) | Repr::Bits(_) | Repr::Array(_)) {
                    return Extent::Own;
                }
                if !matches!(repr, Repr::List(..)) {
                    ctxt.error(
                        last,
                        format_args!(
                            "this asks each element of a list whether it is the last, and `{label}` is no list: give the bytes that end it, `until = b\"\\0\"`"
                        ),
                    );
                    return Extent::Until(vec![0]);
                }
                if attrs.each.as_ref().is_some_and(|each| each.value.bits.is_some()) {
                    ctxt.error(
                        last,
                        format_args!(
                            "the elements of `{label}` are bits, and only all of them together end with a byte: say `count` or `size`"
                        ),
                    );
                    return Extent::Rest(0);
                }
                Extent::UntilElement(last.clone())
            }
        };
    }
    if attrs.rest.is_some() {
        return Extent::Rest(0);
    }
    Extent::Own
}

fn int_of_expr(expr: &Expr, ctxt: &mut Ctxt) -> Option<IntTy> {
    match crate::number::of_expr(expr) {
        Some(Ok(int)) => return Some(int),
        Some(Err(error)) => ctxt.syn(error),
        None => {}
    }
    match expr {
        Expr::Path(path) => IntTy::of_name(&path.path.get_ident()?.to_string()),
        _ => None,
    }
}
