//! Placeholders: what they stand for, and the checks of their names.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::LitStr;
use syn::ext::IdentExt;

use super::{Site, static_lt};
use crate::attr::route::VariantRoutes;
use crate::ctxt::Ctxt;
use crate::expand::common::{at_lifetime, fields};
use crate::ir::Model;
use crate::template::{self, Piece, Use};

/// The value of a placeholder: a field of the variant, what the session knows,
/// or a field of the frame.
pub(super) fn placeholder(model: &Model, variant: &Site<'_>, name: &str, span: Span) -> TokenStream {
    if let Some(local) = own_field(variant, name) {
        return quote!(#local);
    }
    outer(model, variant, name, span)
}

/// The value of a placeholder that is no field of the variant.
pub(super) fn outer(model: &Model, variant: &Site<'_>, name: &str, span: Span) -> TokenStream {
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
            let body = at_lifetime(model, &static_lt());
            let field = Ident::new_raw(name.trim_start_matches("request."), span);
            // Errors on the template, names as everywhere in this code.
            let at = span.resolved_at(Span::call_site());
            let port = quote_spanned!(at=> <<#body as __p::Within>::Frame as __p::Outer>::Port);
            let value = quote_spanned!(span=> &__request.#field as &dyn __p::TopicValue);
            quote_spanned! {at=>
                match __cx.asked::<<#port as __p::Requests>::Request>() {
                    __p::Some(__request) => #value,
                    __p::None => &"",
                }
            }
        }
        _ => {
            let body = at_lifetime(model, &static_lt());
            quote!(__p::Names::value(__frame, const { __p::name_index::<<#body as __p::Within>::Frame>(#name) }))
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
    if let Some(field) = name.strip_prefix("state.") {
        let field = Ident::new_raw(field, span);
        return Some(quote_spanned!(span=> &__cx.state.#field));
    }
    match name {
        "client_id" => Some(quote!(__cx.client_id)),
        "peer" => Some(quote!(&__p::ToString::to_string(&__cx.info.peer.ip()))),
        "listener" => Some(quote!(&__cx.info.listener)),
        _ => None,
    }
}

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
pub(super) fn checks(model: &Model, sites: &[Site<'_>]) -> TokenStream {
    let mut out = TokenStream::new();
    let body = at_lifetime(model, &static_lt());
    for variant in sites {
        let place = &variant.place;
        let own: Vec<String> = fields(variant.layout)
            .map(|item| item.label.clone())
            .chain(BUILT_IN.iter().map(ToString::to_string))
            .collect();
        let profiles = variant.routes.profiles.iter().map(|profile| &profile.routes);
        for (literal, purpose) in profiles.chain([variant.routes]).flat_map(templates) {
            let of_variant = |name: &str| own_field(variant, name).is_some();
            out.extend(check(&body, literal, purpose, place, &own, of_variant));
        }
        for field in variant.routes.auth.iter().flat_map(|auth| &auth.value.keep) {
            let name = field.unraw().to_string();
            if own_field(variant, &name).is_none() {
                let span = field.span();
                out.extend(quote_spanned! {span=>
                    const _: () = __p::check_placeholder::<<#body as __p::Within>::Frame>(#name, #place, &[#(#own),*]);
                });
            }
        }
    }
    out
}

/// The checks of what profiles say of all variants.
pub(super) fn checks_of_all(model: &Model) -> TokenStream {
    let mut out = TokenStream::new();
    let body = at_lifetime(model, &static_lt());
    let own: Vec<String> = BUILT_IN.iter().map(ToString::to_string).collect();
    for profile in &model.routes.of_all {
        for (literal, purpose) in templates(&profile.routes) {
            out.extend(check(&body, literal, purpose, &model.ident.to_string(), &own, |_| false));
        }
    }
    out
}

fn check(
    body: &TokenStream,
    literal: &LitStr,
    purpose: Use,
    place: &str,
    own: &[String],
    of_variant: impl Fn(&str) -> bool,
) -> TokenStream {
    let mut out = TokenStream::new();
    for piece in pieces(literal, purpose) {
        let Piece::Placeholder(name) = piece else { continue };
        if of_variant(&name) || BUILT_IN.contains(&name.as_str()) {
            continue;
        }
        let span = literal.span();
        if let Some(kept) = name.strip_prefix("login.") {
            out.extend(quote_spanned! {span=>
                const _: () = __p::check_kept::<<#body as __p::Within>::Frame>(#kept, #place);
            });
            continue;
        }
        if ["state.", "param.", "request."].iter().any(|of| name.starts_with(of)) {
            continue;
        }
        out.extend(quote_spanned! {span=>
            const _: () = __p::check_placeholder::<<#body as __p::Within>::Frame>(#name, #place, &[#(#own),*]);
        });
    }
    out
}

/// The templates of a variant that may speak of the frame.
fn templates(routes: &VariantRoutes) -> Vec<(&LitStr, Use)> {
    let mut found: Vec<(&LitStr, Use)> = Vec::new();
    if let Some(auth) = &routes.auth {
        found.extend(auth.value.templates().map(|literal| (literal, Use::Text)));
    }
    found.extend(routes.deliver.iter().map(|deliver| (&deliver.value.filter, Use::Filter)));
    found.extend(routes.publish.iter().map(|publish| (&publish.topic, Use::Topic)));
    found.extend(
        routes.subscribe.iter().chain(&routes.unsubscribe).map(|subscribe| (&subscribe.filter, Use::Filter)),
    );
    found
}

/// The pieces of a template that was checked before.
pub(super) fn pieces(literal: &LitStr, purpose: Use) -> Vec<Piece> {
    template::parse(literal, purpose, &mut Ctxt::default())
}
