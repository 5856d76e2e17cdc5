//! Attribute syntax: tokens to values with spans. Knows which keys there are
//! and how each is written, not what they mean together.

mod act;
mod auth;
pub(crate) mod frame;
pub(crate) mod gap;
mod inherit;
pub(crate) mod profile;
pub(crate) mod route;
pub(crate) mod segments;
pub(crate) mod wire;

use proc_macro2::{Delimiter, Ident, Span, TokenStream, TokenTree};
use syn::ext::IdentExt;
use syn::parse::{ParseStream, Parser};
use syn::{Attribute, Token};

use crate::ctxt::{Ctxt, nearest};

/// Where an attribute stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    Struct,
    Enum,
    Variant,
    Field,
}

impl Place {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Struct => "a struct",
            Self::Enum => "an enum",
            Self::Variant => "a variant",
            Self::Field => "a field",
        }
    }
}

/// A value with the key it was given by.
#[derive(Clone)]
pub(crate) struct Keyed<T> {
    pub(crate) key: Span,
    pub(crate) value: T,
}

/// Sets a key once.
pub(crate) fn set<T>(slot: &mut Option<Keyed<T>>, key: &Ident, value: T, ctxt: &mut Ctxt) {
    if slot.is_some() {
        ctxt.error(key, format_args!("`{key}` is given twice; remove one"));
        return;
    }
    *slot = Some(Keyed { key: key.span(), value });
}

/// Runs `each` for every `key ..` entry of the attributes named `name`. After
/// a mistake it goes on with the next entry.
pub(crate) fn entries(
    attrs: &[Attribute],
    name: &str,
    ctxt: &mut Ctxt,
    mut each: impl FnMut(&Ident, ParseStream<'_>, &mut Ctxt) -> syn::Result<()>,
) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident(name)) {
        let tokens = match &attr.meta {
            syn::Meta::List(list) if matches!(list.delimiter, syn::MacroDelimiter::Paren(_)) => {
                list.tokens.clone()
            }
            syn::Meta::Path(_) => continue,
            other => {
                ctxt.error(other, format_args!("write `#[{name}(..)]` with parentheses"));
                continue;
            }
        };
        let parse = |input: ParseStream<'_>| {
            while !input.is_empty() {
                let result = Ident::parse_any(input).and_then(|key| {
                    each(&key, input, ctxt)?;
                    if input.is_empty() || input.peek(Token![,]) {
                        return Ok(());
                    }
                    let found: TokenTree = input.fork().parse()?;
                    Err(syn::Error::new(found.span(), format!("expected `,` after `{key}`")))
                });
                if let Err(error) = result {
                    ctxt.syn(error);
                    skip_to_comma(input);
                }
                if input.peek(Token![,]) {
                    let _: Token![,] = input.parse()?;
                }
            }
            Ok(())
        };
        if let Err(error) = parse.parse2(tokens) {
            ctxt.syn(error);
        }
    }
}

fn skip_to_comma(input: ParseStream<'_>) {
    while !input.is_empty() && !input.peek(Token![,]) {
        if input.parse::<TokenTree>().is_err() {
            return;
        }
    }
}

/// The error for a key that does not exist, or not here.
pub(crate) fn unknown_key(key: &Ident, attr: &str, place: Place, here: &[&str], all: &[&str]) -> syn::Error {
    let name = key.unraw().to_string();
    let message = if all.contains(&name.as_str()) && !here.contains(&name.as_str()) {
        format!(
            "`{name}` does not go on {}; the keys of `#[{attr}]` there are: {}",
            place.name(),
            here.join(", ")
        )
    } else if let Some(near) = nearest(&name, here.iter().copied()) {
        format!("`#[{attr}]` has no key `{name}`; did you mean `{near}`?")
    } else {
        format!("`#[{attr}]` has no key `{name}`; the keys on {} are: {}", place.name(), here.join(", "))
    };
    syn::Error::new(key.span(), message)
}

/// Parses `= VALUE`.
pub(crate) fn after_eq<T>(
    input: ParseStream<'_>,
    key: &Ident,
    what: &str,
    parse: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    if !input.peek(Token![=]) {
        return Err(syn::Error::new(key.span(), format!("`{key}` needs a value: `{key} = {what}`")));
    }
    let _: Token![=] = input.parse()?;
    parse(input)
}

/// Parses `(CONTENT)` and hands the content on.
pub(crate) fn in_parens<T>(
    input: ParseStream<'_>,
    key: &Ident,
    what: &str,
    parse: impl FnOnce(ParseStream<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    if !input.peek(syn::token::Paren) {
        return Err(syn::Error::new(key.span(), format!("`{key}` needs parentheses: `{key}({what})`")));
    }
    let content;
    syn::parenthesized!(content in input);
    let result = parse(&content).and_then(|value| {
        if content.is_empty() {
            Ok(value)
        } else {
            Err(content.error(format!("unexpected here: `{key}({what})` is complete before this")))
        }
    });
    // What is left unread would be a second mistake for the parser.
    while !content.is_empty() {
        let _: TokenTree = content.parse()?;
    }
    result
}

/// The first sentence of the doc comment.
pub(crate) fn doc_of(attrs: &[Attribute]) -> String {
    let mut doc = String::new();
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("doc")) {
        let syn::Meta::NameValue(meta) = &attr.meta else { continue };
        let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &meta.value else { continue };
        let line = text.value();
        let line = line.trim();
        if line.is_empty() && !doc.is_empty() {
            break;
        }
        if !doc.is_empty() {
            doc.push(' ');
        }
        doc.push_str(line);
    }
    if let Some(end) = doc.find(". ") {
        doc.truncate(end + 1);
    }
    doc
}

/// All identifiers in an expression, groups included, but for the names of what
/// is called: functions are no fields, whatever their name.
pub(crate) fn idents_in(tokens: TokenStream, found: &mut Vec<String>) {
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let called = |next: &TokenTree| matches!(next, TokenTree::Group(group) if group.delimiter() == Delimiter::Parenthesis);
        match token {
            TokenTree::Ident(_) if tokens.peek().is_some_and(called) => {}
            TokenTree::Ident(ident) => found.push(ident.to_string()),
            TokenTree::Group(group) => {
                idents_in(group.stream(), found);
            }
            _ => {}
        }
    }
}
