//! Frames in blocks with a checksum behind each: `blocks(first = 8, size = 16, check: u16 = crc(..))`.

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::spanned::Spanned;
use syn::{Expr, LitInt, Token, Type};

use crate::attr::Keyed;
use crate::attr::wire::Endian;
use crate::ctxt::Ctxt;
use crate::ir::IntTy;
use crate::relation::{self, Algorithm, Items, Last, Source};

/// The key as written.
pub(crate) struct BlocksKey {
    first: LitInt,
    size: LitInt,
    ty: Type,
    relation: Expr,
}

/// The blocks of a frame.
pub(crate) struct Blocks {
    pub(crate) key: Span,
    /// Bytes of the first block, and where that is written.
    pub(crate) first: usize,
    pub(crate) first_at: Span,
    pub(crate) size: usize,
    pub(crate) int: IntTy,
    pub(crate) endian: Endian,
    pub(crate) algorithm: Algorithm,
}

/// Reads what stands in the parentheses.
pub(crate) fn parse(key: &Ident, input: ParseStream<'_>) -> syn::Result<BlocksKey> {
    let (mut first, mut size, mut check) = (None, None, None);
    while !input.is_empty() {
        let name: Ident = input.parse()?;
        match name.to_string().as_str() {
            "first" | "size" => {
                let _: Token![=] = input.parse()?;
                let value: LitInt = input.parse()?;
                let slot = if name == "first" { &mut first } else { &mut size };
                *slot = Some(value);
            }
            "check" => {
                let _: Token![:] = input.parse()?;
                let ty: Type = input.parse()?;
                let _: Token![=] = input.parse()?;
                check = Some((ty, relation::expression(input)?));
            }
            _ => {
                return Err(syn::Error::new(
                    name.span(),
                    format!("`blocks` has no key `{name}`; its keys are: first, size, check"),
                ));
            }
        }
        if !input.is_empty() {
            let _: Token![,] = input.parse()?;
        }
    }
    let missing = |what: &str| syn::Error::new(key.span(), format!("`blocks` needs `{what}`"));
    let (ty, relation) = check.ok_or_else(|| missing("check: u16 = crc(\"..\", ..)"))?;
    Ok(BlocksKey {
        first: first.ok_or_else(|| missing("first = BYTES"))?,
        size: size.ok_or_else(|| missing("size = BYTES"))?,
        ty,
        relation,
    })
}

/// What the key means, in a type of this byte order. `None` where it is wrong.
pub(crate) fn lower(written: &Keyed<BlocksKey>, endian: Option<Endian>, ctxt: &mut Ctxt) -> Option<Blocks> {
    let BlocksKey { first, size, ty, relation } = &written.value;
    let bytes = |literal: &LitInt, ctxt: &mut Ctxt| {
        let bytes = literal.base10_parse::<u16>().ok().filter(|bytes| *bytes > 0);
        if bytes.is_none() {
            ctxt.error(literal, "a block has 1 to 65535 bytes, its checksum not counted");
        }
        bytes.map(usize::from)
    };
    let (counts, int) = ((bytes(first, ctxt), bytes(size, ctxt)), IntTy::of_name(&name_of(ty)));
    let Some(int) = int.filter(|int| !int.signed && !int.float) else {
        ctxt.error(ty, "the checksum of a block is an unsigned integer: `u8`, `u16`, `u24` .. `u64`");
        return None;
    };
    let form = "a block's checksum covers the block: write `xor(..)`, `sum(..)`, `lrc(..)`, `internet(..)`, `crc(\"CRC-16/DNP\", ..)` or `fn(FUNCTION, ..)`";
    let algorithm = match relation::parse(relation) {
        Ok(relation::Relation {
            source: Source::Check(algorithm, Items { first: None, last: Last::Open, .. }),
            ops,
            ..
        }) if ops.is_empty() && algorithm.is_plain() => algorithm,
        Ok(_) => {
            ctxt.error_at(relation.span(), form);
            return None;
        }
        Err(error) => {
            ctxt.error_at(error.span(), error);
            return None;
        }
    };
    let endian = match endian {
        Some(endian @ (Endian::Big | Endian::Little)) => endian,
        _ if !int.ordered() => Endian::Big,
        _ => {
            ctxt.error(
                ty,
                "the checksum of a block has no byte order: add `#[wire(endian = big)]` or `little` to the type",
            );
            return None;
        }
    };
    let ((Some(first_bytes), Some(size)), key) = (counts, written.key) else { return None };
    Some(Blocks { key, first: first_bytes, first_at: first.span(), size, int, endian, algorithm })
}

fn name_of(ty: &Type) -> String {
    match ty {
        Type::Path(path) => path.path.get_ident().map(ToString::to_string).unwrap_or_default(),
        _ => String::new(),
    }
}
