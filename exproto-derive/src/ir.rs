//! The lowered model: what the attributes mean, item by item in wire order.
//! Checks and expansion see nothing else.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::{Expr, Generics, Lifetime, Member, Type, Visibility};

use crate::attr::Keyed;
use crate::attr::frame::{FrameAttrs, Ranges};
use crate::attr::gap::Gap;
use crate::attr::route::{RouteAttrs, VariantRoutes};
use crate::attr::wire::{Endian, WireAttrs};
use crate::framing::{Bounds, Fixture};
use crate::number::Digits;
use crate::relation::Relation;

/// A type with a layout.
pub(crate) struct Model {
    pub(crate) ident: Ident,
    pub(crate) vis: Visibility,
    pub(crate) generics: Generics,
    /// `::exproto_runtime::__private`, or the user's name for it.
    pub(crate) private: TokenStream,
    /// The lifetime of borrowed fields, if there is one.
    pub(crate) lifetime: Option<Lifetime>,
    pub(crate) ctx: Vec<(Ident, Type)>,
    /// How many values of it may lie within each other, if they may.
    pub(crate) max_depth: Option<u32>,
    pub(crate) shape: Shape,
    pub(crate) frame: Option<Frame>,
    /// The name of a struct in an object of elements.
    pub(crate) key: Option<Keyed<syn::LitStr>>,
    pub(crate) routes: RouteAttrs,
    /// Whether some `#[route(..)]` could not be read, so that what seems to be
    /// missing may stand there.
    pub(crate) routes_broken: bool,
}

/// What kind of type it is.
pub(crate) enum Shape {
    Struct(Layout),
    /// A struct of bits over one integer.
    Bits(BitStruct),
    /// A C-like enum: one integer.
    Scalar(ScalarEnum),
    /// Variants with content, chosen by a tag or by conditions.
    Enum(EnumModel),
}

/// Items in wire order.
#[derive(Clone)]
pub(crate) struct Layout {
    /// `Message`, `Body::Location`: for errors.
    pub(crate) owner: String,
    pub(crate) style: Style,
    pub(crate) items: Vec<Item>,
    /// Whether a relation could not be tied to a field: what it would have
    /// decided is unknown, not missing.
    pub(crate) broken: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    Named,
    Tuple,
    Unit,
}

/// A field, or something that stands only on the wire.
#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) span: Span,
    /// The local variable that holds it.
    pub(crate) local: Ident,
    /// The name relations know it by.
    pub(crate) name: Option<String>,
    /// The name in errors.
    pub(crate) label: String,
    /// The static with its `FieldInfo`.
    pub(crate) info: Ident,
    /// The struct's member, unless it stands only on the wire.
    pub(crate) member: Option<Member>,
    /// The type of the value without `Option`.
    pub(crate) ty: Type,
    pub(crate) presence: Presence,
    /// The field that it is there with, if that may be absent; the field itself
    /// too.
    pub(crate) group: Option<usize>,
    pub(crate) repr: Repr,
    pub(crate) extent: Extent,
    /// Its place between separators.
    pub(crate) column: Option<Column>,
    /// The column whose separator stands right before this item.
    pub(crate) opens: Option<usize>,
    /// Written as `after(..)`.
    pub(crate) behind: bool,
    pub(crate) relation: Option<Relation>,
    pub(crate) opaque: Option<Expr>,
    /// What the field is where it is not there, if it has a value all the same.
    pub(crate) absent: Option<Absent>,
    /// The other places that parts of the value stand at.
    pub(crate) joins: Vec<Join>,
    /// The type of the field, where `ty` is that of its magnitude.
    pub(crate) whole: Option<Type>,
    /// What chooses the byte order, if that is chosen at run time.
    pub(crate) endian: Option<Expr>,
    pub(crate) ctx: Vec<(Ident, Expr)>,
    pub(crate) ctx_span: Option<Span>,
    pub(crate) fill: Option<u8>,
    pub(crate) lenient: bool,
    pub(crate) range: Option<(Expr, Expr)>,
    pub(crate) strict: bool,
    pub(crate) meta: Meta,
    /// How each element of a list is laid out.
    pub(crate) each: Option<Box<Item>>,
    /// What was written: the places of the keys, for messages.
    pub(crate) attrs: Box<WireAttrs>,
    /// Whether a mistake in it is reported already.
    pub(crate) broken: bool,
}

/// A part of a value that stands at another place.
#[derive(Clone, Copy)]
pub(crate) struct Join {
    /// The item that holds the part.
    pub(crate) carrier: usize,
    pub(crate) part: Part,
}

/// Which part.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// So many bits from this one up.
    Bits { from: u32, count: u32 },
    /// What stands for plus and for minus.
    Sign { plus: u64, minus: u64 },
}

/// The physical value: `(raw * mul / div + add) / 10^decimals`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    pub(crate) mul: i64,
    pub(crate) add: i64,
    pub(crate) decimals: u8,
    pub(crate) div: i64,
}

/// Data for rendering.
#[derive(Clone, Default)]
pub(crate) struct Meta {
    pub(crate) scale: Option<Scale>,
    pub(crate) unit: String,
    /// Raw values with a meaning of their own; `null` is no value.
    pub(crate) sentinels: Vec<(i64, String)>,
    pub(crate) doc: String,
}

/// Whether the item is always there.
#[derive(Clone)]
pub(crate) enum Presence {
    Always,
    /// `Option`, decided by an expression.
    If(Expr),
    /// `Option`, there if the fields before it did not end the text.
    More,
    /// `Option`, there if its column between separators is not empty.
    Filled,
    /// `Option`, decided by the `present(..)` relation of this item.
    By(usize),
}

/// A field that has a value whether or not it is on the wire.
#[derive(Clone)]
pub(crate) struct Absent {
    /// When it is on the wire; without a condition between separators: if the
    /// fields before it did not end the text.
    pub(crate) unless: Option<Expr>,
    /// What it is otherwise.
    pub(crate) value: Expr,
}

impl Absent {
    /// Whether only the bytes that came tell if it is there.
    pub(crate) fn by_end(&self) -> bool {
        self.unless.as_ref().is_none_or(crate::spoken::by_bytes)
    }
}

/// How the bytes become the value.
#[derive(Clone)]
pub(crate) enum Repr {
    /// An integer of the field's own type.
    Int(IntTy, Endian),
    /// A number in as many bytes as its extent has.
    Sized(Endian),
    /// An integer that the field's type is made of by `Scalar`.
    Scalar(IntTy, Endian),
    /// Some bits of a container; position filled in by lowering.
    Bits(BitSlot),
    /// Constant bytes.
    Constant(Vec<u8>),
    /// Bytes that mean nothing.
    Gap(Gap),
    /// One integer for each element of a list.
    Row(IntTy, Endian),
    /// A codec value.
    Codec(Expr),
    /// `&[u8]`.
    Slice,
    /// `Vec<u8>`.
    Buffer,
    /// `[u8; N]`.
    Array(Expr),
    /// `Vec<T>`, `List<T>`, `ListBuf<T>`.
    List(ListKind, Type),
    /// An enum selected by the `tag(..)` relation of this item.
    Body(usize),
    /// Another declared type.
    Part,
    /// Takes the tag of its variant; not on the wire.
    TagReceiver,
    /// Not on the wire: this, or the default of its type.
    Skipped(Option<Expr>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListKind {
    /// `Vec`.
    Vec,
    /// `List` or `ListBuf`: elements decode themselves.
    Lazy,
    /// `[T; N]`; the extent says how many.
    Array,
}

/// A place in a container of bits.
#[derive(Clone)]
pub(crate) struct BitSlot {
    pub(crate) count: u32,
    /// Bits between it and the container's lowest.
    pub(crate) shift: u32,
    /// The index of the first item of the container.
    pub(crate) first: usize,
    /// Bytes of the container.
    pub(crate) bytes: usize,
    pub(crate) endian: Endian,
}

impl BitSlot {
    /// `first` of the elements of a list, which have no container.
    pub(crate) const IN_LIST: usize = usize::MAX;

    /// Whether the container is no integer, but a row of bytes.
    pub(crate) fn wide(&self) -> bool {
        self.bytes > 8
    }

    /// The bytes of the container that hold it: the first of them, how many
    /// there are, and the bits below it there. Of an integer all bytes.
    pub(crate) fn window(&self) -> (usize, usize, u32) {
        if !self.wide() {
            return (0, self.bytes, self.shift);
        }
        let (low, high) = (self.shift as usize / 8, (self.shift + self.count).saturating_sub(1) as usize / 8);
        let first = if self.endian == Endian::Little { low } else { self.bytes - 1 - high };
        (first, high - low + 1, self.shift % 8)
    }
}

/// An integer on the wire.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct IntTy {
    /// Bytes on the wire.
    pub(crate) bytes: usize,
    /// Bytes of the Rust type that holds it.
    pub(crate) held: usize,
    pub(crate) signed: bool,
    pub(crate) float: bool,
    /// Its digits, if it stands as text: `bytes` of them, or as many as it
    /// needs if `bytes` is 0.
    pub(crate) digits: Option<Digits>,
}

/// Where a value of variable size ends.
#[derive(Clone)]
pub(crate) enum Extent {
    /// It says so itself.
    Own,
    /// A constant number of bytes.
    Fixed(usize),
    /// So many bytes.
    Size(Expr),
    /// So many elements.
    Count(Expr),
    /// An integer before it holds its bytes.
    PrefixSize(IntTy, Endian),
    /// An integer before it holds its elements.
    PrefixCount(IntTy, Endian),
    /// What a codec reads before it says its bytes.
    PrefixSizeBy(Expr),
    /// What a codec reads before it says its elements.
    PrefixCountBy(Expr),
    /// The `size(..)` relation of this item.
    BySize(usize),
    /// The `count(..)` relation of this item.
    ByCount(usize),
    /// Of an element: the bytes that the row of this item says.
    BySizes(usize),
    /// Of an element: the elements that the row of this item says.
    ByCounts(usize),
    /// To these bytes, which are not part of it.
    Until(Vec<u8>),
    /// With the first element that this closure holds for.
    UntilElement(Expr),
    /// All of its column between separators.
    Column,
    /// To the end of the surrounding extent, but for this many bytes after it.
    Rest(usize),
}

/// The place of a field of a layout whose fields have a byte between them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) byte: u8,
    /// Nothing stands before it.
    pub(crate) first: bool,
    /// A separator stands before it for certain.
    pub(crate) lead: bool,
    /// It takes all that is left, but for `tail` bytes.
    pub(crate) last: bool,
    /// The bytes that stand behind its value before the next separator.
    pub(crate) behind: usize,
    /// The bytes behind the last column.
    pub(crate) tail: usize,
    /// Without content it has no separator before it either.
    pub(crate) lacks: bool,
    /// It is empty if it is none, and missing where the text ends before it, as
    /// what follows it may be missing too.
    pub(crate) may_end: bool,
    /// It is not the last, and what it holds may have no fields at all, so that
    /// it has no separator either.
    pub(crate) vanishes: bool,
}

/// A struct of bits over one integer.
pub(crate) struct BitStruct {
    pub(crate) int: IntTy,
    pub(crate) endian: Option<Endian>,
    pub(crate) layout: Layout,
}

/// A C-like enum.
pub(crate) struct ScalarEnum {
    pub(crate) int: IntTy,
    /// How many bits it has, if they are no whole integer.
    pub(crate) bits: Option<u32>,
    pub(crate) endian: Option<Endian>,
    pub(crate) variants: Vec<(Ident, u64, String)>,
    /// Where each value is written: the pattern, the discriminant or the name.
    pub(crate) values_at: Vec<TokenStream>,
    /// The variant that keeps other values.
    pub(crate) other: Option<Ident>,
    /// The type of the integer in that variant.
    pub(crate) other_ty: Option<Type>,
    /// Whether a mistake in it is reported already.
    pub(crate) broken: bool,
}

impl ScalarEnum {
    /// The largest value that a device may send.
    pub(crate) fn max(&self) -> u64 {
        self.bits.map_or(self.int.max(), |bits| (1 << bits) - 1)
    }

    /// The integer as it is declared.
    pub(crate) fn name(&self) -> String {
        self.bits.map_or_else(|| crate::number::name(self.int).to_string(), |bits| format!("bits({bits})"))
    }
}

/// An enum with content.
pub(crate) struct EnumModel {
    /// The integer type of an inline tag.
    pub(crate) inline_tag: Option<(IntTy, Endian)>,
    /// What chooses the byte order of the inline tag.
    pub(crate) tag_endian: Option<Expr>,
    /// Chosen by conditions, not by a tag.
    pub(crate) chosen: bool,
    /// Where `try` stands: the first variant that fits is taken.
    pub(crate) tried: Option<Span>,
    /// The variants are frames, told apart by the frame search.
    pub(crate) one_of: bool,
    pub(crate) lenient: bool,
    /// Where `lenient` stands.
    pub(crate) lenient_at: Option<Span>,
    pub(crate) variants: Vec<Variant>,
    /// The index of the catch-all.
    pub(crate) other: Option<usize>,
}

pub(crate) struct Variant {
    pub(crate) ident: Ident,
    pub(crate) info: Ident,
    /// Its name in JSON and topics.
    pub(crate) snake: String,
    /// Tags, lowest and highest.
    pub(crate) tags: Vec<(u64, u64)>,
    pub(crate) when: Option<Expr>,
    pub(crate) layout: Layout,
    pub(crate) doc: String,
    pub(crate) routes: VariantRoutes,
    /// `#[frame(..)]` of a variant that is a frame.
    pub(crate) frame: FrameAttrs,
    /// What was written: the places of the keys, for messages.
    pub(crate) attrs: WireAttrs,
    /// Whether a mistake in its attributes is reported already.
    pub(crate) broken: bool,
}

/// `#[frame(..)]`.
pub(crate) struct Frame {
    pub(crate) attrs: FrameAttrs,
    /// The checksum that the frame layer verifies: its item.
    pub(crate) check: Option<usize>,
    /// The body: the field selected by a tag.
    pub(crate) body: Option<usize>,
    /// A checksum behind each block of it.
    pub(crate) blocks: Option<crate::blocks::Blocks>,
    /// What says where a frame ends.
    pub(crate) bounds: Bounds,
    /// The leading bytes by which it is recognised.
    pub(crate) lead: Vec<Ranges>,
    /// Other bytes that are always the same.
    pub(crate) fixtures: Vec<Fixture>,
    /// Whether a mistake in the attributes is reported already.
    pub(crate) broken: bool,
}

impl IntTy {
    /// The type of this name, if it is an integer or float.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let (kind, bits) = name.split_at_checked(1)?;
        let bits: usize = bits.parse().ok()?;
        let bytes = match bits {
            8 | 16 | 24 | 32 | 40 | 48 | 56 | 64 => bits / 8,
            _ => return None,
        };
        let int = Self::binary(bytes);
        match kind {
            "u" => Some(int),
            "i" => Some(Self { signed: true, ..int }),
            "f" if bytes >= 4 && bytes == int.held => Some(Self { float: true, ..int }),
            _ => None,
        }
    }

    /// An unsigned integer of so many bytes.
    pub(crate) fn binary(bytes: usize) -> Self {
        Self { bytes, held: bytes.next_power_of_two(), signed: false, float: false, digits: None }
    }

    /// Whether it is as wide as its number needs.
    pub(crate) fn own_width(self) -> bool {
        self.bytes == 0
    }

    /// Whether a byte order changes its bytes.
    pub(crate) fn ordered(self) -> bool {
        self.bytes > 1 && self.digits.is_none()
    }

    /// The largest value, if it has no sign.
    pub(crate) fn max(self) -> u64 {
        match self.digits {
            Some(_) if self.own_width() => u64::MAX,
            Some(digits) => digits.max(self.bytes),
            None if self.bytes >= 8 => u64::MAX,
            None => (1 << (self.bytes * 8)) - 1,
        }
    }

    /// The bits that its largest value has.
    pub(crate) fn bits(self) -> u32 {
        u64::BITS - self.max().leading_zeros()
    }

    /// The integer a type is in Rust. `u24` is none: a type of that name is the
    /// user's own.
    pub(crate) fn of_type(ty: &Type) -> Option<Self> {
        Self::on_wire(ty).filter(|int| int.bytes == int.held && int.digits.is_none())
    }

    /// The integer a type names on the wire, where there are `u24` and others.
    pub(crate) fn on_wire(ty: &Type) -> Option<Self> {
        if let Some(digits) = crate::number::of_type(ty) {
            return digits.ok();
        }
        match ty {
            Type::Path(path) if path.qself.is_none() => Self::of_name(&path.path.get_ident()?.to_string()),
            Type::Paren(paren) => Self::on_wire(&paren.elem),
            Type::Group(group) => Self::on_wire(&group.elem),
            _ => None,
        }
    }

    /// The Rust type that holds it.
    pub(crate) fn rust(self) -> Ident {
        let kind = if self.float {
            'f'
        } else if self.signed {
            'i'
        } else {
            'u'
        };
        Ident::new(&format!("{kind}{}", self.held * 8), Span::call_site())
    }
}

impl Item {
    /// The bytes it takes if that is a constant known here and it is always
    /// there: such items make up runs.
    pub(crate) fn fixed(&self) -> Option<usize> {
        if !matches!(self.presence, Presence::Always)
            || self.absent.is_some()
            || self.group.is_some()
            || self.column.is_some()
        {
            return None;
        }
        self.fixed_if_there()
    }

    /// The same where it is there.
    pub(crate) fn fixed_if_there(&self) -> Option<usize> {
        match (&self.repr, &self.extent) {
            // How many bytes are left is said where they are read.
            (Repr::Skipped(Some(value)), _) if crate::spoken::mentions_left(value) => None,
            (Repr::Skipped(_), _) => Some(0),
            (Repr::Int(..) | Repr::Scalar(..), Extent::Until(_)) => None,
            (Repr::Int(int, _) | Repr::Scalar(int, _), _) => Some(int.bytes).filter(|_| !int.own_width()),
            (Repr::Constant(bytes), _) => Some(bytes.len()),
            (Repr::Gap(Gap::Bytes(bytes)), _) => literal(bytes),
            (Repr::Bits(_), _) => None,
            (Repr::TagReceiver, _) => Some(0),
            (Repr::Array(len), Extent::Own) => literal(len),
            (Repr::List(ListKind::Array, _), Extent::Count(len)) => {
                literal(len)?.checked_mul(self.each.as_ref()?.fixed()?)
            }
            (Repr::List(..) | Repr::Body(_), _) => None,
            (_, Extent::Fixed(size)) => Some(*size),
            _ => None,
        }
    }

    /// The type of the field, without `Option`.
    pub(crate) fn field_ty(&self) -> &Type {
        self.whole.as_ref().unwrap_or(&self.ty)
    }

    /// The name that expressions know it by.
    pub(crate) fn known_as(&self) -> Option<Ident> {
        match &self.member {
            Some(Member::Named(member)) => Some(member.clone()),
            Some(Member::Unnamed(_)) => None,
            None if matches!(self.repr, Repr::Gap(_) | Repr::Row(..) | Repr::Constant(_)) => None,
            None => {
                let (name, span) = (self.name.as_ref()?, self.local.span());
                let plain = syn::parse_str::<Ident>(name).is_ok();
                Some(if plain { Ident::new(name, span) } else { Ident::new_raw(name, span) })
            }
        }
    }

    /// Whether encoding works its value out, whatever the field holds.
    pub(crate) fn computed(&self) -> bool {
        match &self.repr {
            // What borrows cannot be made anew from references.
            Repr::Skipped(Some(value)) => {
                let ty = self.ty.to_token_stream().to_string();
                !crate::spoken::mentions_left(value) && !ty.contains(['&', '\''])
            }
            _ => self.relation.is_some(),
        }
    }

    /// The bits of an integer on the wire.
    pub(crate) fn width(&self) -> Option<u32> {
        match &self.repr {
            Repr::Int(int, _) | Repr::Scalar(int, _) => Some(int.bytes as u32 * 8),
            Repr::Bits(slot) => Some(slot.count),
            _ => None,
        }
    }

    /// The most bytes on the wire, or elements.
    pub(crate) fn wire_max(&self) -> Option<&Expr> {
        // Behind a transform, `max` is about what that makes.
        self.attrs.max.as_ref().filter(|_| self.attrs.via.is_none()).map(|key| &key.value)
    }

    /// Whether it ends with an element, not with a byte.
    pub(crate) fn counted(&self) -> bool {
        matches!(
            self.extent,
            Extent::Count(_)
                | Extent::PrefixCount(..)
                | Extent::PrefixCountBy(_)
                | Extent::ByCount(_)
                | Extent::ByCounts(_)
                | Extent::UntilElement(_)
        )
    }

    /// How the elements of a list are laid out, if they are made of bits.
    pub(crate) fn bit_elements(&self) -> Option<&BitSlot> {
        match self.each.as_deref().map(|each| &each.repr) {
            Some(Repr::Bits(slot)) => Some(slot),
            _ => None,
        }
    }

    /// Whether it takes everything up to the end of its surroundings.
    pub(crate) fn takes_rest(&self) -> bool {
        matches!(self.extent, Extent::Rest(_)) || self.column.is_some_and(|column| column.last)
    }
}

/// An integer, a byte or a word of up to eight characters, as `Word` has it.
pub(crate) fn constant(expr: &Expr) -> Option<u64> {
    match expr {
        Expr::Lit(lit) => match &lit.lit {
            syn::Lit::Int(int) => int.base10_parse().ok(),
            syn::Lit::Byte(byte) => Some(u64::from(byte.value())),
            syn::Lit::ByteStr(word) if word.value().len() <= 8 => {
                Some(word.value().iter().fold(0, |number, byte| (number << 8) | u64::from(*byte)))
            }
            _ => None,
        },
        Expr::Group(group) => constant(&group.expr),
        _ => None,
    }
}

/// The value of an integer literal.
pub(crate) fn literal(expr: &Expr) -> Option<usize> {
    if let Expr::Lit(lit) = expr
        && let syn::Lit::Int(int) = &lit.lit
    {
        return int.base10_parse().ok();
    }
    None
}

impl Item {
    /// An item that belongs to no layout.
    pub(crate) fn nowhere() -> Self {
        let name = Ident::new("__none", Span::call_site());
        Self {
            span: Span::call_site(),
            local: name,
            name: None,
            label: String::new(),
            info: Ident::new("__TYPE", Span::call_site()),
            member: None,
            ty: syn::parse_quote!(()),
            presence: Presence::Always,
            group: None,
            repr: Repr::TagReceiver,
            extent: Extent::Own,
            column: None,
            opens: None,
            behind: false,
            relation: None,
            opaque: None,
            absent: None,
            joins: Vec::new(),
            whole: None,
            endian: None,
            ctx: Vec::new(),
            ctx_span: None,
            fill: None,
            lenient: false,
            range: None,
            strict: false,
            meta: Meta::default(),
            each: None,
            attrs: Box::default(),
            broken: false,
        }
    }
}
