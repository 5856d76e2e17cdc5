//! `#[frame(..)]`: where a frame begins and ends on the wire.

use proc_macro2::{Ident, Span};
use syn::parse::ParseStream;
use syn::{Attribute, Expr, LitInt, Token};

use super::{Keyed, Place, after_eq, entries, in_parens, set, unknown_key};
use crate::ctxt::Ctxt;

const KEYS: &[&str] = &["flag", "escape", "max", "reassemble"];

/// The keys of `#[frame(..)]` as written.
#[derive(Default)]
pub(crate) struct FrameAttrs {
    /// Where the attribute stands, if there is one.
    pub(crate) span: Option<Span>,
    pub(crate) flag: Option<Keyed<LitInt>>,
    pub(crate) escape: Option<Keyed<EscapeTable>>,
    pub(crate) max: Option<Keyed<LitInt>>,
    pub(crate) reassemble: Option<Keyed<Reassemble>>,
}

/// `escape(BYTE: CODE => VALUE, ..)`.
pub(crate) struct EscapeTable {
    pub(crate) byte: LitInt,
    pub(crate) codes: Vec<(LitInt, LitInt)>,
}

/// `reassemble(key = (..), index = EXPR, total = EXPR, into = FIELD)`.
pub(crate) struct Reassemble {
    pub(crate) key: Vec<Expr>,
    pub(crate) index: Expr,
    pub(crate) total: Expr,
    pub(crate) into: Ident,
    /// The optional field whose presence makes a frame a segment.
    pub(crate) part: Ident,
}

/// Reads the `#[frame(..)]` attributes of a type.
pub(crate) fn parse(attrs: &[Attribute], place: Place, ctxt: &mut Ctxt) -> FrameAttrs {
    let mut found = FrameAttrs::default();
    if let Some(attr) = attrs.iter().find(|attr| attr.path().is_ident("frame")) {
        found.span = attr.path().get_ident().map(Ident::span);
        if place != Place::Struct {
            ctxt.error(
                attr.path(),
                format_args!(
                    "`#[frame]` goes on a struct, the outermost type of the protocol, not on {}",
                    place.name()
                ),
            );
        }
    }
    entries(attrs, "frame", ctxt, |key, input, ctxt| {
        match key.to_string().as_str() {
            "flag" => set(&mut found.flag, key, after_eq(input, key, "0x7E", byte)?, ctxt),
            "escape" => {
                let table = in_parens(input, key, "0x7D: 0x01 => 0x7D, ..", escape_table)?;
                set(&mut found.escape, key, table, ctxt);
            }
            "max" => set(&mut found.max, key, after_eq(input, key, "BYTES", |input| input.parse())?, ctxt),
            "reassemble" => {
                let what = "key = .., index = .., total = .., into = ..";
                let value = in_parens(input, key, what, |input| reassemble(key, input))?;
                set(&mut found.reassemble, key, value, ctxt);
            }
            _ => return Err(unknown_key(key, "frame", place, KEYS, KEYS)),
        }
        Ok(())
    });
    found
}

fn byte(input: ParseStream<'_>) -> syn::Result<LitInt> {
    let literal: LitInt = input.parse()?;
    match literal.base10_parse::<u8>() {
        Ok(_) => Ok(literal),
        Err(_) => Err(syn::Error::new(literal.span(), format!("`{literal}` is no byte: write 0x00 to 0xFF"))),
    }
}

fn escape_table(input: ParseStream<'_>) -> syn::Result<EscapeTable> {
    let escape = byte(input)?;
    let _: Token![:] = input.parse()?;
    let mut codes = Vec::new();
    while !input.is_empty() {
        let code = byte(input)?;
        let _: Token![=>] = input.parse()?;
        codes.push((code, byte(input)?));
        if input.is_empty() {
            break;
        }
        let _: Token![,] = input.parse()?;
    }
    Ok(EscapeTable { byte: escape, codes })
}

fn reassemble(key_span: &Ident, input: ParseStream<'_>) -> syn::Result<Reassemble> {
    let (mut key, mut index, mut total, mut into) = (None, None, None, None);
    while !input.is_empty() {
        let name: Ident = input.parse()?;
        let _: Token![=] = input.parse()?;
        match name.to_string().as_str() {
            "key" => {
                key = Some(match input.parse::<Expr>()? {
                    Expr::Tuple(tuple) => tuple.elems.into_iter().collect(),
                    Expr::Paren(paren) => vec![*paren.expr],
                    other => vec![other],
                });
            }
            "index" => index = Some(input.parse::<Expr>()?),
            "total" => total = Some(input.parse::<Expr>()?),
            "into" => into = Some(input.parse::<Ident>()?),
            _ => {
                return Err(syn::Error::new(
                    name.span(),
                    format!("`reassemble` has no key `{name}`; its keys are: key, index, total, into"),
                ));
            }
        }
        if !input.is_empty() {
            let _: Token![,] = input.parse()?;
        }
    }
    let missing = |what: &str| syn::Error::new(key_span.span(), format!("`reassemble` needs `{what} = ..`"));
    let index = index.ok_or_else(|| missing("index"))?;
    // `part.index`: the field before the point is the optional one.
    let part = match &index {
        Expr::Field(field) => match &*field.base {
            Expr::Path(path) => path.path.get_ident().cloned(),
            _ => None,
        },
        _ => None,
    };
    let part = part.ok_or_else(|| {
        syn::Error::new_spanned(
            &index,
            "write `index = FIELD.NAME`, where FIELD is the optional field that only segments have",
        )
    })?;
    Ok(Reassemble {
        key: key.ok_or_else(|| missing("key"))?,
        index,
        total: total.ok_or_else(|| missing("total"))?,
        into: into.ok_or_else(|| missing("into"))?,
        part,
    })
}
