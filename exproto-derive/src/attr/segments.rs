//! `reassemble(..)`: which frames are segments of a longer message.

use proc_macro2::Ident;
use syn::parse::ParseStream;
use syn::{Expr, LitInt, Member, Path, Token};

use super::route::FieldPath;

/// `reassemble(key = (..), index = EXPR, total = EXPR, into = FIELD)`.
pub(crate) struct Reassemble {
    pub(crate) key: Vec<Expr>,
    pub(crate) cut: Cut,
    pub(crate) end: End,
    /// What the segments are joined to.
    pub(crate) into: FieldPath,
    /// The variant of the body that has it.
    pub(crate) of: Option<Path>,
}

/// How a message is cut up.
pub(crate) enum Cut {
    /// Into segments with numbers, which begin with this one.
    Number { index: Expr, first: Option<LitInt> },
    /// Into bytes from this one on.
    Byte { offset: Expr },
}

/// How it is known where a message ends.
pub(crate) enum End {
    /// Each segment says how much there is in all.
    Total(Expr),
    /// The last one says that it is.
    Last(Expr),
}

impl Reassemble {
    /// The expressions that say where in its message a segment belongs.
    pub(crate) fn place(&self) -> [&Expr; 2] {
        let at = match &self.cut {
            Cut::Number { index, .. } => index,
            Cut::Byte { offset } => offset,
        };
        let (End::Total(end) | End::Last(end)) = &self.end;
        [at, end]
    }
}

pub(super) fn reassemble(at: &Ident, input: ParseStream<'_>) -> syn::Result<Reassemble> {
    let (mut key, mut index, mut first, mut offset) = (None, None, None, None);
    let (mut total, mut size, mut last, mut into, mut of) = (None, None, None, None, None);
    while !input.is_empty() {
        let name: Ident = input.parse()?;
        let _: Token![=] = input.parse()?;
        let twice = match name.to_string().as_str() {
            "key" => key
                .replace(match input.parse::<Expr>()? {
                    Expr::Tuple(tuple) => tuple.elems.into_iter().collect(),
                    Expr::Paren(paren) => vec![*paren.expr],
                    other => vec![other],
                })
                .is_some(),
            "index" => index.replace(input.parse::<Expr>()?).is_some(),
            "first" => first.replace(number(input)?).is_some(),
            "offset" => offset.replace(input.parse::<Expr>()?).is_some(),
            "total" => total.replace(input.parse::<Expr>()?).is_some(),
            "size" => size.replace(input.parse::<Expr>()?).is_some(),
            "last" => last.replace(input.parse::<Expr>()?).is_some(),
            "into" => into.replace(path(input)?).is_some(),
            "of" => of.replace(input.parse::<Path>()?).is_some(),
            _ => {
                return Err(syn::Error::new(
                    name.span(),
                    format!(
                        "`reassemble` has no key `{name}`; its keys are: key, index, first, offset, total, size, last, into, of"
                    ),
                ));
            }
        };
        if twice {
            return Err(syn::Error::new(name.span(), format!("`{name}` is given twice; remove one")));
        }
        if !input.is_empty() {
            let _: Token![,] = input.parse()?;
        }
    }
    let wrong = |what: &str| syn::Error::new(at.span(), what);
    let missing = |what: &str| wrong(&format!("`reassemble` needs `{what} = ..`"));
    let cut = match (index, offset) {
        (Some(index), None) => Cut::Number { index, first },
        (None, Some(offset)) => Cut::Byte { offset },
        (None, None) => return Err(missing("index")),
        (Some(_), Some(offset)) => {
            return Err(syn::Error::new_spanned(
                offset,
                "a segment has a number or a place among the bytes: give `index` or `offset`",
            ));
        }
    };
    // What there is of each is called what is counted.
    let (all, other, whole) = match &cut {
        Cut::Number { .. } => (total, size, "total"),
        Cut::Byte { .. } => (size, total, "size"),
    };
    if let Some(other) = other {
        let why = match &cut {
            Cut::Number { .. } => "segments have numbers here: `total` says how many there are",
            Cut::Byte { .. } => "the message is told by its bytes here: `size` says how many there are",
        };
        return Err(syn::Error::new_spanned(other, why));
    }
    let end = match (all, last) {
        (Some(all), None) => End::Total(all),
        (None, Some(last)) => End::Last(last),
        (None, None) => {
            return Err(wrong(&format!(
                "`reassemble` needs `{whole} = ..`, or `last = ..` where only the last segment says that it is"
            )));
        }
        (Some(_), Some(last)) => {
            return Err(syn::Error::new_spanned(
                last,
                format!("where `{whole}` is known, so is the last segment: remove `last`"),
            ));
        }
    };
    Ok(Reassemble {
        key: key.ok_or_else(|| missing("key"))?,
        cut,
        end,
        into: into.ok_or_else(|| missing("into"))?,
        of,
    })
}

/// The number of the first segment.
fn number(input: ParseStream<'_>) -> syn::Result<LitInt> {
    let literal: LitInt = input.parse()?;
    literal
        .base10_parse::<u32>()
        .map_err(|_| syn::Error::new(literal.span(), "write the number of the first segment: `first = 0`"))?;
    Ok(literal)
}

/// A field and fields within it.
fn path(input: ParseStream<'_>) -> syn::Result<FieldPath> {
    let (first, mut rest): (Ident, Vec<Member>) = (input.parse()?, Vec::new());
    while input.peek(Token![.]) {
        let _: Token![.] = input.parse()?;
        rest.push(input.parse()?);
    }
    Ok(FieldPath { first, rest })
}
