//! Which bytes a layout may hold: what is known here, and what the compiler
//! has to be asked.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned as _;

use crate::framing::constant_bytes;
use crate::ir::{Extent, IntTy, Item, Layout, Model, Repr, constant};
use crate::number::Digits;
use crate::spoken::const_path;

/// The bytes that something may hold.
#[derive(Default)]
pub(crate) struct Holds {
    known: [u64; 4],
    /// Constants with the rest.
    asked: Vec<TokenStream>,
}

const ALL: [u64; 4] = [u64::MAX; 4];

impl Holds {
    fn all() -> Self {
        Self { known: ALL, asked: Vec::new() }
    }

    fn of(bytes: &[u8]) -> Self {
        let mut known = [0; 4];
        for byte in bytes {
            known[usize::from(byte >> 6)] |= 1 << (byte & 63);
        }
        Self { known, asked: Vec::new() }
    }

    fn ask(what: TokenStream) -> Self {
        Self { known: [0; 4], asked: vec![what] }
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        for (bits, more) in self.known.iter_mut().zip(other.known) {
            *bits |= more;
        }
        self.asked.extend(other.asked);
        self
    }

    /// Whether this byte is known to be among them.
    pub(crate) fn has(&self, byte: u8) -> bool {
        self.known[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    /// Whether the compiler knows more.
    pub(crate) fn asks(&self) -> bool {
        !self.asked.is_empty()
    }

    /// The runtime's constant.
    pub(crate) fn tokens(&self) -> TokenStream {
        // A type that holds itself is not asked about itself without need.
        if self.known == ALL {
            return quote!(__p::ByteSet::ALL);
        }
        let (known, asked) = (self.known, &self.asked);
        quote!(__p::ByteSet::of_bits([#(#known),*]) #(.or(#asked))*)
    }
}

/// A type that is one integer.
pub(crate) fn of_scalar(int: IntTy, ty: &TokenStream) -> Holds {
    match int.digits {
        Some(digits) => digit(digits),
        None => widened(Holds::ask(quote!(<#ty as __p::Scalar>::BYTES)), int),
    }
}

/// All that a layout may hold.
pub(crate) fn layout(model: &Model, layout: &Layout) -> Holds {
    let each = (0..layout.items.len()).map(|index| item(model, layout, index));
    each.fold(Holds::default(), Holds::and)
}

/// The bytes of tags as they stand in an integer.
pub(crate) fn tags(tags: impl Iterator<Item = (u64, u64)>, int: Option<IntTy>) -> Holds {
    if let Some(digits) = int.and_then(|int| int.digits) {
        return digit(digits);
    }
    let mut found = Holds::default();
    for (low, high) in tags {
        if high - low > 0x100 {
            return Holds::all();
        }
        for tag in low..=high {
            let bytes = tag.to_be_bytes();
            let leading = match int {
                Some(int) => 8_usize.saturating_sub(int.bytes),
                None => (tag.leading_zeros() as usize / 8).min(7),
            };
            found = found.and(Holds::of(bytes.get(leading..).unwrap_or(&bytes)));
        }
    }
    found
}

/// The bytes of one item.
pub(crate) fn item(model: &Model, layout: &Layout, index: usize) -> Holds {
    let Some(item) = layout.items.get(index) else { return Holds::default() };
    let body = layout.items.iter().find(|body| matches!(body.repr, Repr::Body(tag) if tag == index));
    let value = match (&item.repr, body) {
        (Repr::Int(int, _) | Repr::Scalar(int, _), Some(body)) if int.digits.is_none() => {
            let plain = item.relation.as_ref().is_some_and(|relation| relation.ops.is_empty());
            match (plain, own(model, &body.ty)) {
                (true, false) => {
                    let ty = &body.ty;
                    widened(Holds::ask(quote!(<#ty as __p::Tagged>::TAG_BYTES)), *int)
                }
                _ => Holds::all(),
            }
        }
        _ => value(model, item),
    };
    match &item.each {
        Some(each) if !matches!(item.repr, Repr::Codec(_)) && item.attrs.via.is_none() => {
            value.and(self::value(model, each)).and(extent(each))
        }
        _ => value,
    }
    .and(extent(item))
}

/// What stands around a value to say where it ends.
fn extent(item: &Item) -> Holds {
    let separator = match &item.column {
        Some(column) if !column.first => Holds::of(&[column.byte]),
        _ => Holds::default(),
    };
    let between = item.attrs.sep.as_ref().map_or_else(Holds::default, |key| Holds::of(&[key.value]));
    separator.and(between).and(around(item))
}

fn around(item: &Item) -> Holds {
    match &item.extent {
        Extent::PrefixSize(int, _) | Extent::PrefixCount(int, _) => integer(*int),
        Extent::PrefixSizeBy(codec) | Extent::PrefixCountBy(codec) if const_path(codec) => {
            Holds::ask(quote_spanned!(codec.span()=> __p::codec_bytes::<u64, _>(&#codec, false)))
        }
        Extent::PrefixSizeBy(_) | Extent::PrefixCountBy(_) => Holds::all(),
        Extent::Until(end) => Holds::of(end),
        // Text is filled up.
        Extent::Fixed(_) | Extent::Size(_) if matches!(item.repr, Repr::Codec(_)) => {
            Holds::of(&[item.fill.unwrap_or(0)])
        }
        _ => Holds::default(),
    }
}

fn value(model: &Model, item: &Item) -> Holds {
    // It ends where a delimiter says, so it is no more than what others keep
    // between delimiters.
    let open = matches!(item.extent, Extent::Rest(_) | Extent::Until(_) | Extent::Column);
    if let Some(bytes) = constant_bytes(item) {
        return Holds::of(&bytes);
    }
    // What a transform makes may be any byte.
    if item.attrs.via.is_some() {
        return if open { Holds::default() } else { Holds::all() };
    }
    let ty = &item.ty;
    match &item.repr {
        Repr::TagReceiver | Repr::Skipped(_) => Holds::default(),
        Repr::Constant(bytes) => Holds::of(bytes),
        Repr::Int(int, _) if int.digits.is_some() => integer(*int),
        Repr::Int(int, _) => ranged(item, *int).unwrap_or_else(Holds::all),
        Repr::Scalar(int, _) if IntTy::of_type(ty).is_some() || item.whole.is_some() => integer(*int),
        Repr::Scalar(int, _) => of_scalar(*int, &ty.to_token_stream()),
        Repr::Bits(_) | Repr::Array(_) | Repr::Gap(_) | Repr::Row(..) | Repr::Sized(_) => Holds::all(),
        Repr::Slice | Repr::Buffer if open => Holds::default(),
        Repr::Slice | Repr::Buffer => Holds::all(),
        Repr::Codec(codec) if const_path(codec) => {
            Holds::ask(quote_spanned!(codec.span()=> __p::codec_bytes::<#ty, _>(&#codec, #open)))
        }
        Repr::Codec(_) if open => Holds::default(),
        Repr::Codec(_) => Holds::all(),
        Repr::List(_, element) => match &item.each {
            Some(_) => Holds::default(),
            None => part(model, element, &quote!(__p::Wire)),
        },
        Repr::Body(_) => part(model, ty, &quote!(__p::Tagged)),
        Repr::Part => part(model, ty, &quote!(__p::Wire)),
    }
}

/// Another declared type; the type itself holds nothing that it has not.
fn part(model: &Model, ty: &Type, trait_: &TokenStream) -> Holds {
    if own(model, ty) { Holds::default() } else { Holds::ask(quote!(<#ty as #trait_>::BYTES)) }
}

fn own(model: &Model, ty: &Type) -> bool {
    crate::spoken::holds_type(ty, &model.ident.to_string())
}

/// An integer of any value.
fn integer(int: IntTy) -> Holds {
    int.digits.map_or_else(Holds::all, digit)
}

fn digit(digits: Digits) -> Holds {
    Holds::of(if digits == Digits::Dec { b"0123456789" } else { b"0123456789ABCDEFabcdef" })
}

/// A byte with a range.
fn ranged(item: &Item, int: IntTy) -> Option<Holds> {
    let (low, high) = item.range.as_ref().filter(|_| int.bytes == 1 && !int.signed)?;
    let (low, high) = (u8::try_from(constant(low)?).ok()?, u8::try_from(constant(high)?).ok()?);
    Some(Holds::of(&(low..=high).collect::<Vec<u8>>()))
}

/// The bytes of a number in an integer that has room for zeros before it.
fn widened(holds: Holds, int: IntTy) -> Holds {
    if int.bytes > 1 { holds.and(Holds::of(&[0])) } else { holds }
}
