//! What single routes are made of: the keys within `publish(..)`, `deliver(..)`,
//! `reply(..)` and their like.

use proc_macro2::Ident;
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{LitInt, LitStr, Path, Token};

use super::route::{Deliver, FieldPath, Inner, Pairing, Payload, Publish, Reply, Subscribe, Taken, comma};
use super::{after_eq, in_parens};

pub(super) fn publish(at: &Ident, input: ParseStream<'_>) -> syn::Result<Publish> {
    let topic = template(input)?;
    let mut found = Publish {
        span: at.span(),
        topic,
        qos: 0,
        retain: false,
        payload: Payload::Json,
        each: None,
        condition: None,
        include: Vec::new(),
        of_all: false,
    };
    while !input.is_empty() {
        let key: Ident = input.call(Ident::parse_any)?;
        match key.to_string().as_str() {
            "qos" => found.qos = after_eq(input, &key, "1", qos)?,
            "retain" => found.retain = true,
            "each" => found.each = Some(after_eq(input, &key, "FIELD", |input| input.parse())?),
            "if" => found.condition = Some(after_eq(input, &key, "CONDITION", |input| input.parse())?),
            "include" => {
                found.include = in_parens(input, &key, "FIELD", |input| {
                    let mut fields = Vec::new();
                    while !input.is_empty() {
                        fields.push(input.call(Ident::parse_any)?);
                        comma(input)?;
                    }
                    Ok(fields)
                })?;
            }
            "payload" => {
                found.payload = match after_eq(input, &key, "json", word_or_function)? {
                    Word::Function(path) => Payload::With(path),
                    Word::Is(word) => match word.to_string().as_str() {
                        "json" => Payload::Json,
                        "frame" => Payload::Frame,
                        "raw" => Payload::Raw,
                        "hex" => Payload::Hex,
                        _ => Payload::Field(word),
                    },
                };
            }
            _ => {
                return Err(syn::Error::new(
                    key.span(),
                    format!(
                        "`publish` has no key `{key}`; its keys are: qos, retain, payload, each, if, include"
                    ),
                ));
            }
        }
        comma(input)?;
    }
    Ok(found)
}

pub(super) fn subscribe(name: &str, input: ParseStream<'_>) -> syn::Result<Subscribe> {
    let filter = template(input)?;
    let mut found = Subscribe { filter, qos: 0, each: None };
    while !input.is_empty() {
        let key: Ident = input.parse()?;
        match key.to_string().as_str() {
            "qos" if name == "subscribe" => found.qos = after_eq(input, &key, "1", qos)?,
            "each" => found.each = Some(after_eq(input, &key, "LIST", |input| input.parse())?),
            _ => {
                let keys =
                    if name == "subscribe" { "its keys are: qos, each" } else { "there is only `each`" };
                return Err(syn::Error::new(key.span(), format!("`{name}` has no key `{key}`; {keys}")));
            }
        }
        comma(input)?;
    }
    Ok(found)
}

pub(super) fn deliver(input: ParseStream<'_>) -> syn::Result<Deliver> {
    let filter = template(input)?;
    let mut found = Deliver { filter, qos: 0, answer: None, payload: None };
    while !input.is_empty() {
        let key: Ident = input.parse()?;
        match key.to_string().as_str() {
            "qos" => found.qos = after_eq(input, &key, "1", qos)?,
            "answer" => found.answer = Some(pairing(input, &key)?),
            "payload" => {
                found.payload = match after_eq(input, &key, "json", word_or_function)? {
                    Word::Function(path) => Some(Taken::With(path)),
                    Word::Is(word) if word == "json" => None,
                    Word::Is(word) => Some(Taken::Field(word)),
                };
            }
            _ => {
                return Err(syn::Error::new(
                    key.span(),
                    format!("`deliver` has no key `{key}`; its keys are: qos, answer, payload"),
                ));
            }
        }
        comma(input)?;
    }
    Ok(found)
}

enum Word {
    Is(Ident),
    Function(Path),
}

/// A word, or `with(FUNCTION)`.
fn word_or_function(input: ParseStream<'_>) -> syn::Result<Word> {
    let word: Ident = input.parse()?;
    if word != "with" || !input.peek(syn::token::Paren) {
        return Ok(Word::Is(word));
    }
    in_parens(input, &word, "FUNCTION", |input| input.parse()).map(Word::Function)
}

/// Nothing, `= FIELD` and fields within it, or the kinds that `answers` has.
pub(super) fn pairing(input: ParseStream<'_>, key: &Ident) -> syn::Result<Pairing> {
    if key == "answers" && input.peek(syn::token::Paren) {
        return in_parens(input, key, "KIND", |input| {
            let mut kinds: Vec<Ident> = Vec::new();
            while !input.is_empty() {
                kinds.push(input.call(Ident::parse_any)?);
                comma(input)?;
            }
            if kinds.is_empty() {
                return Err(syn::Error::new(
                    key.span(),
                    "`answers(..)` names the downlinks, in snake case: `answers(set_limit)`",
                ));
            }
            Ok(Pairing::Of(kinds))
        });
    }
    if !input.peek(Token![=]) {
        return Ok(Pairing::Order);
    }
    after_eq(input, key, "FIELD", |input| {
        if !input.peek(syn::token::Paren) {
            return Ok(Pairing::Key(vec![field_path(input)?]));
        }
        let (inner, mut fields) = (parenthesized(input)?, Vec::new());
        while !inner.is_empty() {
            fields.push(field_path(&inner)?);
            comma(&inner)?;
        }
        if fields.is_empty() {
            return Err(syn::Error::new(
                inner.span(),
                "name a field that is echoed, or several: `(unit, serial)`",
            ));
        }
        Ok(Pairing::Key(fields))
    })
}

fn parenthesized(input: ParseStream<'_>) -> syn::Result<syn::parse::ParseBuffer<'_>> {
    let inner;
    syn::parenthesized!(inner in input);
    Ok(inner)
}

fn field_path(input: ParseStream<'_>) -> syn::Result<FieldPath> {
    let (first, mut rest) = (input.parse()?, Vec::new());
    while input.peek(Token![.]) {
        let _: Token![.] = input.parse()?;
        rest.push(input.parse()?);
    }
    Ok(FieldPath { first, rest })
}

pub(super) fn reply(input: ParseStream<'_>, key: &Ident) -> syn::Result<Reply> {
    let span = key.span();
    if !input.peek(syn::token::Paren) {
        let value = after_eq(input, key, "FUNCTION", |input| input.parse())?;
        return Ok(Reply { span, value, each: None });
    }
    in_parens(input, key, "FUNCTION, each = LIST", |input| {
        let (mut value, mut each) = (None, None);
        while !input.is_empty() {
            let named = input.peek(syn::Ident) && input.peek2(Token![=]) && !input.peek2(Token![==]);
            if named {
                let key: Ident = input.parse()?;
                if key != "each" {
                    return Err(syn::Error::new(
                        key.span(),
                        format!("`reply` has no key `{key}`; there is only `each`"),
                    ));
                }
                each = Some(after_eq(input, &key, "LIST", |input| input.parse())?);
            } else {
                value = Some(input.parse()?);
            }
            comma(input)?;
        }
        let value = value.ok_or_else(|| {
            syn::Error::new(span, "`reply` has to say what the reply is: `reply(FUNCTION, each = LIST)`")
        })?;
        Ok(Reply { span, value, each })
    })
}

pub(super) fn inner(input: ParseStream<'_>, key: &Ident) -> syn::Result<Inner> {
    if !input.peek(syn::token::Paren) {
        return Ok(Inner { list: after_eq(input, key, "LIST", |input| input.parse())?, envelope: None });
    }
    in_parens(input, key, "LIST", |input| {
        let mut found = Inner { list: input.parse()?, envelope: None };
        comma(input)?;
        while !input.is_empty() {
            let key: Ident = input.parse()?;
            let together = match key.to_string().as_str() {
                "reply" => false,
                "replies" => true,
                _ => {
                    return Err(syn::Error::new(
                        key.span(),
                        format!("`inner` has no key `{key}`; its keys are: reply, replies"),
                    ));
                }
            };
            if found.envelope.is_some() {
                return Err(syn::Error::new(
                    key.span(),
                    "replies go out one by one or together: give `reply` or `replies`",
                ));
            }
            found.envelope = Some((after_eq(input, &key, "FUNCTION", |input| input.parse())?, together));
            comma(input)?;
        }
        Ok(found)
    })
}

/// The leading topic or filter.
fn template(input: ParseStream<'_>) -> syn::Result<LitStr> {
    let literal = input.parse::<LitStr>().map_err(|error| {
        syn::Error::new(error.span(), "the first argument is the topic, as text: `\"site/{field}/up\"`")
    })?;
    comma(input)?;
    Ok(literal)
}

fn qos(input: ParseStream<'_>) -> syn::Result<u8> {
    let literal: LitInt = input.parse()?;
    match literal.base10_parse::<u8>() {
        Ok(qos @ 0..=2) => Ok(qos),
        _ => Err(syn::Error::new(literal.span(), format!("MQTT has no QoS {literal}: write 0, 1 or 2"))),
    }
}
