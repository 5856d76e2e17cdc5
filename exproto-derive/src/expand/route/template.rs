//! Placeholders: what they stand for, and the checks of their names.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{LitStr, Member};

use super::{FrameTy, Site};
use crate::attr::route::{Pairing, VariantRoutes};
use crate::ctxt::Ctxt;
use crate::expand::common::fields;
use crate::ir::Model;
use crate::template::{self, Form, Piece, Use};

/// A reference to what a placeholder stands for: a field of the variant, what
/// the session knows, or a field of the frame.
pub(super) fn placeholder(variant: &Site<'_>, name: &str, span: Span) -> TokenStream {
    let (first, rest) = parts(name);
    match own_field(variant, first) {
        Some(local) => within(&quote!(*#local), rest, span),
        None => outer(variant, name, span),
    }
}

/// The same where `__item` is the element of a list.
pub(super) fn with_element(variant: &Site<'_>, name: &str, span: Span, element: &TokenStream) -> TokenStream {
    match parts(name) {
        ("item", rest) => within(&quote!(*#element), rest, span),
        _ => placeholder(variant, name, span),
    }
}

/// The first name of a path, and those behind it.
fn parts(name: &str) -> (&str, Option<&str>) {
    name.split_once('.').map_or((name, None), |(first, rest)| (first, Some(rest)))
}

/// A reference to a field within a value, by its path, which may lead through
/// what is absent. `kind` at its end is the name of an enum's variant, or a field
/// of that name.
fn within(value: &TokenStream, path: Option<&str>, span: Span) -> TokenStream {
    // Errors on the template, names as everywhere in this code.
    let span = Span::call_site().located_at(span);
    let Some(path) = path else { return quote!(&#value) };
    let (path, kind) = match path.strip_suffix("kind") {
        Some("") => (None, true),
        Some(path) if path.ends_with('.') => (Some(&path[..path.len() - 1]), true),
        _ => (Some(path), false),
    };
    let members: Vec<_> =
        path.into_iter().flat_map(|path| path.split('.')).map(|name| member(name, span)).collect();
    let last = match kind {
        true => quote_spanned!(span=> __p::Some(__p::Kinded::kind(__at))),
        false => quote_spanned!(span=> __p::Some(__at)),
    };
    let whole = members.iter().rev().fold(last, |inner, member| {
        quote_spanned! {span=>
            match (&__p::PathStep(&(*__at).#member)).step() { __p::Some(__at) => #inner, __p::None => __p::None }
        }
    });
    quote_spanned! {span=>
        &{
            use __p::{PathPlain as _, PathSome as _};
            match (&__p::PathStep(&(#value))).step() { __p::Some(__at) => #whole, __p::None => __p::None }
        }
    }
}

/// A name of a path; the parser of templates lets through what can be one.
fn member(name: &str, span: Span) -> Member {
    if name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Member::Unnamed(syn::Index { index: name.parse().unwrap_or(u32::MAX), span });
    }
    match syn::parse_str::<Ident>(name) {
        Ok(_) => Member::Named(Ident::new(name, span)),
        Err(_) => Member::Named(Ident::new_raw(name, span)),
    }
}

/// The value of a placeholder that is no field of the variant.
pub(super) fn outer(variant: &Site<'_>, name: &str, span: Span) -> TokenStream {
    if let Some(known) = known(name, span) {
        return known;
    }
    match name {
        "kind" => {
            let snake = &variant.snake;
            quote!(#snake)
        }
        "request" => quote!(__cx.request.unwrap_or("none")),
        _ if name.starts_with("request.") => {
            let frame = &variant.frame.fixed;
            let path = name.trim_start_matches("request.").split('.').map(|name| member(name, span));
            // Errors on the template, names as everywhere in this code.
            let at = span.resolved_at(Span::call_site());
            let port = quote_spanned!(at=> <#frame as __p::Outer>::Port);
            let value = quote_spanned!(span=> &__request #(.#path)* as &dyn __p::TopicValue);
            quote_spanned! {at=>
                match __cx.asked::<<#port as __p::Requests>::Request>() {
                    __p::Some(__request) => #value,
                    __p::None => &"",
                }
            }
        }
        _ if name.contains('.') => within(&quote!(*__frame), Some(name), span),
        _ => {
            let frame = &variant.frame.fixed;
            quote!(__p::Names::value(__frame, const { __p::name_index::<#frame>(#name) }))
        }
    }
}

/// What is known of the connection, whatever frame is in hand.
pub(super) fn known(name: &str, span: Span) -> Option<TokenStream> {
    if let Some(kept) = name.strip_prefix("login.") {
        return Some(quote!(__cx.login(#kept)));
    }
    if let Some(param) = name.strip_prefix("param.") {
        return Some(quote!(__cx.param(#param).unwrap_or("")));
    }
    // Other names are fields of a field of the frame that is called like that.
    if let Some(part) = name.strip_prefix("certificate.").filter(|part| CERTIFICATE.contains(part)) {
        return Some(quote!(__cx.certificate(#part)));
    }
    if let Some(field) = name.strip_prefix("state.") {
        let fields = field.split('.').map(|name| member(name, span));
        return Some(quote_spanned!(span=> &__cx.state #(.#fields)*));
    }
    match name {
        "client_id" => Some(quote!(__cx.client_id)),
        "peer" => Some(quote!(&__p::ToString::to_string(&__cx.info.peer.ip()))),
        "listener" => Some(quote!(&__cx.info.listener)),
        _ => None,
    }
}

const CERTIFICATE: &[&str] = &["name", "subject", "alternative", "fingerprint"];

const BUILT_IN: &[&str] = &["client_id", "peer", "listener", "kind", "request"];

pub(super) fn own_field<'v>(variant: &'v Site<'_>, name: &str) -> Option<&'v Ident> {
    fields(variant.layout)
        .find(|item| match &item.member {
            Some(syn::Member::Unnamed(index)) => index.index.to_string() == name,
            _ => item.name.as_deref() == Some(name),
        })
        .map(|item| &item.local)
}

/// Constant evaluations on the spans of the templates: placeholders that are
/// looked up in the frame.
pub(super) fn checks(sites: &[Site<'_>]) -> TokenStream {
    let mut out = TokenStream::new();
    for variant in sites {
        let frame = &variant.frame.fixed;
        let place = &variant.place;
        let own: Vec<String> = fields(variant.layout)
            .map(|item| item.label.clone())
            .chain(BUILT_IN.iter().map(ToString::to_string))
            .collect();
        let profiles = variant.routes.profiles.iter().map(|profile| &profile.routes);
        for (literal, purpose, each) in profiles.chain([variant.routes]).flat_map(templates) {
            let of_variant = |name: &str| (each && name == "item") || own_field(variant, name).is_some();
            out.extend(check(frame, literal, purpose, place, &own, of_variant));
        }
        if let Some(Pairing::Of(kinds)) = variant.routes.answers.as_ref().map(|key| &key.value) {
            for kind in kinds {
                let (span, name) = (kind.span(), kind.unraw().to_string());
                out.extend(quote_spanned! {span=>
                    const _: () = __p::check_awaited::<#frame>(#name, #place);
                });
            }
        }
        let under = variant.routes.profiles.iter().map(|profile| &profile.routes);
        for publish in under.chain([variant.routes]).flat_map(|routes| &routes.publish) {
            for field in &publish.include {
                let (span, name) = (field.span(), field.unraw().to_string());
                if publish.each.is_none() || own_field(variant, &name).is_none() {
                    out.extend(quote_spanned! {span=>
                        const _: () = __p::check_included::<#frame>(#name, #place);
                    });
                }
            }
        }
        for field in variant.routes.auth.iter().flat_map(|auth| &auth.value.keep) {
            let name = field.unraw().to_string();
            if own_field(variant, &name).is_none() {
                let span = field.span();
                out.extend(quote_spanned! {span=>
                    const _: () = __p::check_placeholder::<#frame>(#name, #place, &[#(#own),*]);
                });
            }
        }
    }
    out
}

/// The checks of what profiles say of all variants.
pub(super) fn checks_of_all(model: &Model, frame: &FrameTy) -> TokenStream {
    let mut out = TokenStream::new();
    let own: Vec<String> = BUILT_IN.iter().map(ToString::to_string).collect();
    for profile in &model.routes.of_all {
        for (literal, purpose, _) in templates(&profile.routes) {
            out.extend(check(&frame.fixed, literal, purpose, &model.ident.to_string(), &own, |_| false));
        }
    }
    out
}

fn check(
    frame: &TokenStream,
    literal: &LitStr,
    purpose: Use,
    place: &str,
    own: &[String],
    of_variant: impl Fn(&str) -> bool,
) -> TokenStream {
    let mut out = TokenStream::new();
    for piece in pieces(literal, purpose) {
        let Piece::Placeholder(name, _) = piece else { continue };
        let (first, rest) = parts(&name);
        if of_variant(first) || BUILT_IN.contains(&name.as_str()) {
            continue;
        }
        let span = literal.span();
        if let Some(kept) = name.strip_prefix("login.") {
            out.extend(quote_spanned! {span=>
                const _: () = __p::check_kept::<#frame>(#kept, #place);
            });
            continue;
        }
        // The compiler says where the path of a value ends: at its own field access.
        if rest.is_some() {
            continue;
        }
        out.extend(quote_spanned! {span=>
            const _: () = __p::check_placeholder::<#frame>(#name, #place, &[#(#own),*]);
        });
    }
    out
}

/// The templates of a variant that may speak of the frame, and whether they
/// are made for each element of a list.
fn templates(routes: &VariantRoutes) -> Vec<(&LitStr, Use, bool)> {
    let mut found: Vec<(&LitStr, Use, bool)> = Vec::new();
    if let Some(auth) = &routes.auth {
        found.extend(auth.value.templates().map(|literal| (literal, Use::Text, false)));
    }
    found.extend(routes.deliver.iter().map(|deliver| (&deliver.value.filter, Use::Deliver, false)));
    let publishes = routes.publish.iter();
    found.extend(publishes.map(|publish| (&publish.topic, Use::Topic, publish.each.is_some())));
    let subscribes = routes.subscribe.iter().chain(&routes.unsubscribe);
    found.extend(subscribes.map(|subscribe| (&subscribe.filter, Use::Filter, subscribe.each.is_some())));
    found
}

/// A reference to a placeholder's value as it is to be written.
pub(super) fn slot(value: &TokenStream, form: &Form, span: Span) -> TokenStream {
    let span = Span::call_site().located_at(span);
    if form.is_plain() {
        return quote_spanned!(span=> &__p::Slot(#value));
    }
    let Form { width, missing, .. } = form;
    let hex = match form.hex {
        None => quote!(__p::None),
        Some(upper) => quote!(__p::Some(#upper)),
    };
    quote_spanned!(span=> &__p::Formed(#value, __p::Form { width: #width, hex: #hex, missing: #missing }))
}

/// The pieces of a template that was checked before.
pub(super) fn pieces(literal: &LitStr, purpose: Use) -> Vec<Piece> {
    template::parse(literal, purpose, &mut Ctxt::default())
}
