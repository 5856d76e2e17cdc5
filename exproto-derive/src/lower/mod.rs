//! Attributes and syntax tree to the model of `ir`: decides how each field is
//! read, ties relations to what they speak of, builds containers of bits.

mod enums;
mod groups;
mod join;
mod order;
mod relate;
mod rows;
mod scale;
mod separate;
mod types;
mod value;

use std::cell::Cell;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Expr, Fields, Member, Type};

use crate::attr::wire::{BitsKey, CtxKey, Endian, UntilKey, WireAttrs, WireContent, WireItem};
use crate::attr::{Keyed, Place, doc_of, frame, route, wire};
use crate::ctxt::Ctxt;
use crate::framing::frame_of;
use crate::ir::{Absent, BitStruct, Extent, IntTy, Item, Layout, Model, Presence, Repr, Shape, Style};
use crate::relation::{self, Relation, Source};

use enums::enum_shape;
pub(crate) use groups::{decided_by, reaches};
pub(crate) use relate::{bounds, constant_size, fixed_at, fixed_beside, last_of, position};
use relate::{containers, ends, place_bits, presence, relate, tails};
pub(crate) use types::{Class, classify, snake_case};
use types::{bare, meta, option_of};
use value::{bit_repr, value_item};

/// What the fields of a type have in common.
struct Scope {
    endian: Option<Endian>,
    /// The expression that chooses it.
    chosen: Option<Expr>,
    /// The context, by name.
    ctx: Vec<Ident>,
    /// The byte between fields.
    sep: Option<u8>,
    /// Whether the missing byte order is reported already, or an attribute
    /// that may hold it could not be read: one mistake, one message.
    endian_reported: Cell<bool>,
}

/// Lowers a type. `None` when nothing sensible can be made of it; every
/// mistake is in `ctxt`.
pub(crate) fn lower(input: &DeriveInput, ctxt: &mut Ctxt) -> Option<Model> {
    let place = match &input.data {
        Data::Struct(_) => Place::Struct,
        Data::Enum(_) => Place::Enum,
        Data::Union(union) => {
            ctxt.error(union.union_token, "a union has no layout: use a struct or an enum");
            return None;
        }
    };
    let before = ctxt.count();
    let attrs = wire::parse(&input.attrs, place, ctxt);
    let wire_broken = ctxt.count() > before;
    let frame_attrs = frame::parse(&input.attrs, place, ctxt);
    let frame_broken = ctxt.count() > before;
    let before = ctxt.count();
    let routes = route::parse_type(&input.attrs, place, frame_attrs.one_of.is_some(), ctxt);
    let routes_broken = ctxt.count() > before;
    let ctx = match attrs.ctx.clone() {
        Some(Keyed { value: CtxKey::Declare(params), .. }) => params,
        _ => Vec::new(),
    };
    let private = private_path(&attrs);
    let mut lifetimes = input.generics.lifetimes();
    let lifetime = lifetimes.next().map(|param| param.lifetime.clone());
    if let Some(second) = lifetimes.next() {
        ctxt.error(second, "a frame borrows from one buffer: use one lifetime for all borrowed fields");
    }
    let scope = Scope {
        endian: attrs.endian.as_ref().map(|key| key.value.order),
        chosen: attrs.endian.as_ref().and_then(|key| key.value.chosen.clone()),
        ctx: ctx.iter().map(|(name, _)| name.clone()).collect(),
        sep: attrs.sep.as_ref().map(|key| key.value),
        endian_reported: Cell::new(wire_broken),
    };
    let mut variant_routes_broken = false;
    let mut shape = match &input.data {
        Data::Struct(data) => struct_shape(input, &data.fields, &attrs, &scope, ctxt)?,
        Data::Enum(data) => {
            let one_of = frame_attrs.span.is_some();
            enum_shape(input, data, (&attrs, one_of), &scope, &mut variant_routes_broken, ctxt)?
        }
        Data::Union(_) => return None,
    };
    if let (Shape::Enum(data), false) = (&mut shape, routes.own.is_empty()) {
        data.variants.iter_mut().for_each(|variant| variant.routes.inherit(&routes.own));
    }
    let blocks = frame_attrs.blocks.as_ref().map(|key| crate::blocks::lower(key, scope.endian, ctxt));
    let frame_broken = frame_broken || matches!(blocks, Some(None));
    let blocks = blocks.flatten();
    let mut frame = frame_attrs.span.is_some().then(|| frame_of(frame_attrs, blocks, &shape, frame_broken));
    if let Some(frame) = &mut frame
        && routes.span.is_some()
        && routes.own.is_empty()
    {
        frame.body = frame.body.or_else(|| crate::framing::named_body(&shape));
    }
    Some(Model {
        ident: input.ident.clone(),
        vis: input.vis.clone(),
        generics: input.generics.clone(),
        private,
        lifetime,
        ctx,
        max_depth: attrs.max_depth.as_ref().map(|key| key.value),
        shape,
        frame,
        key: attrs.key.clone(),
        routes,
        routes_broken: routes_broken || variant_routes_broken,
    })
}

/// Where generated code finds the runtime.
pub(crate) fn private_path(attrs: &WireAttrs) -> TokenStream {
    match &attrs.krate {
        Some(krate) => {
            let path = &krate.value;
            quote!(#path::__private)
        }
        None => quote!(::exproto_runtime::__private),
    }
}

fn struct_shape(
    input: &DeriveInput,
    fields: &Fields,
    attrs: &WireAttrs,
    scope: &Scope,
    ctxt: &mut Ctxt,
) -> Option<Shape> {
    let owner = input.ident.unraw().to_string();
    let mut layout = layout(owner, fields, attrs, scope, ctxt);
    let Some(Keyed { value: BitsKey::Container(ty), .. }) = &attrs.bits else {
        return Some(Shape::Struct(layout));
    };
    let Some(int) = IntTy::on_wire(ty).filter(|int| !int.signed && !int.float && int.digits.is_none()) else {
        ctxt.error(ty, "a struct of bits lies in an unsigned integer: `bits = u8`, `u16`, `u24` .. `u64`");
        return None;
    };
    let total: u32 =
        layout.items.iter().map(|item| if let Repr::Bits(slot) = &item.repr { slot.count } else { 0 }).sum();
    let mut known = !layout.broken;
    for item in &mut layout.items {
        if !matches!(item.repr, Repr::Bits(_)) {
            known = false;
            if !item.broken {
                ctxt.error_at(
                    item.span,
                    format_args!(
                        "`{}` needs `bits = N`: all fields of a struct of bits are bits",
                        item.label
                    ),
                );
                item.broken = true;
            }
        }
        known &= !item.broken;
    }
    if known && total as usize != int.bytes * 8 {
        ctxt.error(ty, format_args!("the fields have {total} bits, the integer has {}: name reserved bits with `before(_: bits(N))`", int.bytes * 8));
    }
    order::fixed(scope, "a struct of bits", ctxt);
    // In a struct of bits the first field is the highest, as in tables that
    // begin with bit 31, unless the container is little-endian.
    place_bits(&mut layout.items, scope.endian.unwrap_or(Endian::Big), int.bytes);
    Some(Shape::Bits(BitStruct { int, endian: scope.endian, layout }))
}

/// Lowers the fields of a struct or variant.
fn layout(owner: String, fields: &Fields, type_attrs: &WireAttrs, scope: &Scope, ctxt: &mut Ctxt) -> Layout {
    let style = match fields {
        Fields::Named(_) => Style::Named,
        Fields::Unnamed(_) => Style::Tuple,
        Fields::Unit => Style::Unit,
    };
    let mut build = Builder { items: Vec::new(), owner: &owner, scope, broken: false };
    let mut spans: Vec<groups::Span> = Vec::new();
    for item in &type_attrs.before {
        build.wire_item(item, false, ctxt);
    }
    for (index, field) in fields.iter().enumerate() {
        let before = ctxt.count();
        let attrs = wire::parse(&field.attrs, Place::Field, ctxt);
        misplaced(field, ctxt);
        let broken = ctxt.count() > before;
        let first = build.items.len();
        for item in &attrs.before {
            build.wire_item(item, false, ctxt);
        }
        let at = build.items.len();
        build.field(index, field, &attrs, broken, ctxt);
        for item in &attrs.after {
            build.wire_item(item, true, ctxt);
        }
        spans.push((first, at, build.items.len() - 1));
    }
    for item in &type_attrs.after {
        build.wire_item(item, true, ctxt);
    }
    let build_broken = build.broken;
    let mut items = build.items;
    let before = ctxt.count();
    containers(&mut items, scope, type_attrs, ctxt);
    relate(&mut items, scope.sep.is_some(), ctxt);
    rows::rows(&mut items, ctxt);
    if let Some(byte) = scope.sep {
        separate::separate(&mut items, byte, ctxt);
    }
    let broken = build_broken || ctxt.count() > before;
    presence(&items, broken, ctxt);
    if scope.sep.is_none() && type_attrs.bits.is_none() {
        groups::groups(&mut items, &spans);
    }
    tails(&mut items, ctxt);
    if scope.sep.is_none() {
        ends(&mut items);
    }
    join::join(&mut items, ctxt);
    order::choose(&mut items, scope, ctxt);
    Layout { owner, style, items, broken }
}

/// `#[frame(..)]` and `#[route(..)]` do not go on fields.
fn misplaced(field: &syn::Field, ctxt: &mut Ctxt) {
    for attr in &field.attrs {
        if attr.path().is_ident("frame") {
            ctxt.error(
                attr.path(),
                "`#[frame]` goes on a struct, the outermost type of the protocol, not on a field",
            );
        } else if attr.path().is_ident("route") {
            ctxt.error(attr.path(), "`#[route]` does not go on a field: routes stand on the frame and on the variants of its body");
        }
    }
}

struct Builder<'b> {
    items: Vec<Item>,
    owner: &'b str,
    scope: &'b Scope,
    /// Whether an item is missing because of a mistake in it.
    broken: bool,
}

impl Builder<'_> {
    fn info(&self) -> Ident {
        let owner: String = self.owner.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        format_ident!("__{}_{}", owner.to_uppercase(), self.items.len())
    }

    fn wire_item(&mut self, item: &WireItem, behind: bool, ctxt: &mut Ctxt) {
        let index = self.items.len();
        let before = ctxt.count();
        let (repr, ty, relation) = match &item.content {
            WireContent::Bytes(bytes) => (Repr::Constant(bytes.clone()), syn::parse_quote!(()), None),
            WireContent::Gap(gap) => (Repr::Gap(gap.clone()), syn::parse_quote!(()), None),
            WireContent::Value { ty, relation } => {
                let relation = relation.as_ref().and_then(|expr| match relation::parse(expr) {
                    Ok(relation) => Some(relation),
                    Err(error) => {
                        self.broken = true;
                        ctxt.syn(error);
                        None
                    }
                });
                match ty {
                    None => (bit_repr(&item.attrs), syn::parse_quote!(u64), relation),
                    Some(Type::Slice(slice)) => {
                        let Some(repr) = self.row(&slice.elem, item, relation.as_ref(), ctxt) else {
                            self.broken = true;
                            return;
                        };
                        (repr, syn::parse_quote!(()), relation)
                    }
                    Some(ty)
                        if matches!(
                            &relation,
                            Some(Relation { source: Source::Sizes(_) | Source::Counts(_), .. })
                        ) =>
                    {
                        let ty = ty.to_token_stream();
                        ctxt.error_at(
                            item.span,
                            format_args!("there is one for each element of the list: write `[{ty}]`"),
                        );
                        self.broken = true;
                        return;
                    }
                    Some(ty) => match IntTy::on_wire(ty).filter(|int| !int.float) {
                        Some(int) => {
                            let endian =
                                item.attrs.endian.as_ref().map(|key| key.value.order).or(self.scope.endian);
                            let endian = need_endian(int, endian, item.span, &item.label(), self.scope, ctxt);
                            let held = int.rust();
                            (Repr::Int(int, endian), syn::parse_quote!(#held), relation)
                        }
                        // A word between separators.
                        None if matches!(&relation, Some(Relation { source: Source::Sign(..), .. })) => {
                            (Repr::Part, ty.clone(), relation)
                        }
                        // A word that is a tag or a constant.
                        None if is_word(ty)
                            && matches!(
                                &relation,
                                Some(Relation { source: Source::Tag(_) | Source::Constant(_), .. })
                            ) =>
                        {
                            (Repr::Part, ty.clone(), relation.map(in_number))
                        }
                        // A codec is named like a type.
                        None if let Some(codec) =
                            value::codec_of(ty).filter(|_| relation.is_some() || self.broken) =>
                        {
                            (Repr::Codec(codec), syn::parse_quote!(u64), relation)
                        }
                        None if value::codec_of(ty).is_some() => {
                            let ty_name = ty.to_token_stream();
                            ctxt.error(
                                ty,
                                format_args!("a number of varying width is computed: write what it is, `{ty_name} = size(FIELD)`"),
                            );
                            self.broken = true;
                            return;
                        }
                        None => {
                            ctxt.error(
                                ty,
                                "an item that stands only on the wire is an integer, `bits(N)`, `dec(N)`, `hex(N)`, a codec such as `Leb128`, `pad(N)`, `align(N)` or a constant",
                            );
                            self.broken = true;
                            return;
                        }
                    },
                }
            }
        };
        let local = match &item.name {
            Some(name) => format_ident!("__w_{}", name.unraw()),
            None => format_ident!("__w{}", index),
        };
        self.items.push(Item {
            span: item.span,
            local,
            name: item.name.as_ref().map(|name| name.unraw().to_string()),
            label: item.name.as_ref().map_or_else(|| "_".into(), |name| name.unraw().to_string()),
            info: self.info(),
            member: None,
            ty,
            presence: Presence::Always,
            group: None,
            repr,
            extent: until_bytes(&item.attrs, ctxt),
            column: None,
            opens: None,
            behind,
            relation,
            opaque: None,
            absent: None,
            joins: Vec::new(),
            whole: None,
            endian: None,
            ctx: Vec::new(),
            ctx_span: None,
            fill: item.attrs.fill.as_ref().map(|key| key.value),
            lenient: false,
            range: item.attrs.range.as_ref().map(|key| key.value.clone()),
            strict: item.attrs.strict.is_some(),
            meta: meta(&item.attrs, String::new(), ctxt),
            each: None,
            attrs: item.attrs.clone(),
            broken: ctxt.count() > before,
        });
    }

    /// The integers of a row: `[u16] = sizes(LIST)`.
    fn row(&self, int: &Type, item: &WireItem, relation: Option<&Relation>, ctxt: &mut Ctxt) -> Option<Repr> {
        let known = IntTy::on_wire(int).filter(|int| !int.float && !int.signed && int.digits.is_none());
        let (Some(int), Some(Relation { source: Source::Sizes(_) | Source::Counts(_), .. })) =
            (known, relation)
        else {
            ctxt.error_at(
                item.span,
                "a row holds the size or count of each element of a list: write `[u16] = sizes(LIST)` or `counts(LIST)`",
            );
            return None;
        };
        let endian = item.attrs.endian.as_ref().map(|key| key.value.order).or(self.scope.endian);
        Some(Repr::Row(int, need_endian(int, endian, item.span, &item.label(), self.scope, ctxt)))
    }

    fn field(&mut self, index: usize, field: &syn::Field, attrs: &WireAttrs, broken: bool, ctxt: &mut Ctxt) {
        let before = ctxt.count();
        let (member, local, label) = match &field.ident {
            // Not its own name, which may be that of a function of the user.
            Some(ident) => {
                let local = format_ident!("__f_{}", ident.unraw(), span = ident.span());
                (Member::Named(ident.clone()), local, ident.unraw().to_string())
            }
            None => (Member::from(index), format_ident!("__{}", index), index.to_string()),
        };
        let span = field.ident.as_ref().map_or_else(|| field.ty.span(), Ident::span);
        let (optional, ty) = match option_of(&field.ty) {
            Some(inner) if attrs.skip.is_none() => (true, inner.clone()),
            _ => (false, bare(&field.ty).clone()),
        };
        let presence = match (&attrs.condition, optional) {
            (Some(key), true) => Presence::If(key.value.clone()),
            // It has a value all the same.
            (Some(_), false) if attrs.default.is_some() || attrs.skip.is_some() => Presence::Always,
            (Some(key), false) => {
                ctxt.error_at(
                    key.key,
                    format_args!(
                        "`if` makes the field optional: write `{label}: Option<{}>`",
                        ty.to_token_stream()
                    ),
                );
                Presence::Always
            }
            // Filled in when a `present(..)` relation is found.
            (None, true) => Presence::By(usize::MAX),
            (None, false) => Presence::Always,
        };
        let relation = attrs.is.as_ref().and_then(|key| match relation::parse(&key.value) {
            Ok(relation) => Some(relation),
            Err(error) => {
                self.broken = true;
                ctxt.syn(error);
                None
            }
        });
        let info = self.info();
        let mut item = value_item(&label, span, ty, attrs, self.scope, ctxt);
        item.local = local;
        item.name = Some(
            field.ident.as_ref().map_or_else(|| format!("__{index}"), |ident| ident.unraw().to_string()),
        );
        item.info = info.clone();
        item.member = Some(member);
        item.presence = presence;
        item.relation = relation;
        item.absent = attrs.default.as_ref().filter(|_| attrs.skip.is_none()).map(|key| Absent {
            unless: attrs.condition.as_ref().map(|key| key.value.clone()),
            value: key.value.clone(),
        });
        item.meta = meta(attrs, doc_of(&field.attrs), ctxt);
        // Elements, and their elements, go by the name of the field.
        let mut inner = item.each.as_deref_mut();
        while let Some(each) = inner {
            each.info = info.clone();
            each.meta = item.meta.clone();
            inner = each.each.as_deref_mut();
        }
        // A key that could not be read may be the one that is missing.
        self.broken |= broken && attrs.is.is_none();
        item.broken = broken || ctxt.count() > before;
        self.items.push(item);
    }
}

fn need_endian(
    int: IntTy,
    endian: Option<Endian>,
    span: Span,
    label: &str,
    scope: &Scope,
    ctxt: &mut Ctxt,
) -> Endian {
    match endian {
        Some(Endian::Chosen(_)) if !int.ordered() => Endian::Big,
        Some(endian) => endian,
        None => {
            if int.ordered() && !scope.endian_reported.replace(true) {
                let label = if label.contains(' ') { label.to_string() } else { format!("`{label}`") };
                ctxt.error_at(
                    span,
                    format_args!("{label} has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field"),
                );
            }
            Endian::Big
        }
    }
}

/// Whether it is the `Word` of the runtime.
fn is_word(ty: &syn::Type) -> bool {
    matches!(bare(ty), syn::Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Word"))
}

/// The constant of a word as the number that it stands for.
fn in_number(relation: Relation) -> Relation {
    let Source::Constant(expr) = &relation.source else { return relation };
    let Some(number) = crate::ir::constant(expr) else { return relation };
    let literal = syn::LitInt::new(&format!("{number}u64"), expr.span());
    Relation { source: Source::Constant(syn::parse_quote!(#literal)), ..relation }
}

/// What ends the digits of an item that stands only on the wire.
fn until_bytes(attrs: &WireAttrs, ctxt: &mut Ctxt) -> Extent {
    match attrs.until.as_ref().map(|key| &key.value) {
        None => Extent::Own,
        Some(UntilKey::Bytes(bytes)) => Extent::Until(bytes.clone()),
        Some(UntilKey::Element(last)) => {
            ctxt.error(last, "an item that stands only on the wire is no list: give the bytes that end it");
            Extent::Until(vec![0])
        }
        Some(UntilKey::Check(name)) => {
            ctxt.error(name, "an item that stands only on the wire is no list: give the bytes that end it");
            Extent::Until(vec![0])
        }
    }
}
