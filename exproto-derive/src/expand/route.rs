//! Routes: what frames mean to MQTT.
//!
//! The body's derive cannot see the frame around it. It speaks of it as
//! `<Self as Within>::Frame`, which the frame's derive implements; placeholders
//! of the frame are looked up in its table of names by constant evaluation, on
//! the span of the template.

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, Lifetime, LitStr};

use super::common::{at_lifetime, fields, header, located, pattern, static_lifetimes};
use super::fill;
use crate::attr::route::{Payload, Publish, VariantRoutes};
use crate::ctxt::Ctxt;
use crate::ir::{Layout, Model, Shape, Variant};
use crate::template::{self, Piece, Use};

/// The code for the routes of a type, if it has any.
pub(crate) fn expand(model: &Model) -> TokenStream {
    match &model.shape {
        Shape::Struct(layout) => {
            let frame = frame(model);
            if model.routes.own.is_empty() {
                return frame;
            }
            // A frame without a body is its own.
            let ident = &model.ident;
            let name = crate::lower::snake_case(&ident.unraw().to_string());
            let site = Site {
                path: quote!(#ident),
                place: ident.to_string(),
                snake: &name,
                info: Ident::new("__TYPE", proc_macro2::Span::call_site()),
                layout,
                routes: &model.routes.own,
                variant: None,
            };
            let body = body(model, &[site]);
            quote!(#frame #body)
        }
        Shape::Enum(data) if data.one_of => super::one_of::gateway(model, data),
        Shape::Enum(data) if data.variants.iter().any(|variant| !variant.routes.is_empty()) => {
            let ident = &model.ident;
            let sites: Vec<_> = data
                .variants
                .iter()
                .map(|variant| {
                    let name = &variant.ident;
                    Site {
                        path: quote!(#ident::#name),
                        place: format!("{ident}::{name}"),
                        snake: &variant.snake,
                        info: variant.info.clone(),
                        layout: &variant.layout,
                        routes: &variant.routes,
                        variant: Some(variant),
                    }
                })
                .collect();
            body(model, &sites)
        }
        _ => TokenStream::new(),
    }
}

/// What has routes: a variant of a body, or a frame without one.
struct Site<'m> {
    /// What its values are made of: `Body::Location`, `Hello`.
    path: TokenStream,
    /// The same for messages.
    place: String,
    snake: &'m str,
    info: Ident,
    layout: &'m Layout,
    routes: &'m VariantRoutes,
    variant: Option<&'m Variant>,
}

/// What a frame says: its names, its body and, with `#[route(..)]`, that it is
/// a gateway.
fn frame(model: &Model) -> TokenStream {
    let (Some(frame), Shape::Struct(layout)) = (&model.frame, &model.shape) else {
        return TokenStream::new();
    };
    if model.routes.span.is_none() {
        return TokenStream::new();
    }
    let body = frame.body.and_then(|index| layout.items.get(index)).filter(|_| model.routes.own.is_empty());
    let flat = body.is_none();
    if flat && model.routes.own.is_empty() {
        return TokenStream::new();
    }
    let member = body.and_then(|body| body.member.as_ref());
    let point = member.map(|_| quote!(.));
    let (_, type_generics, _) = model.generics.split_for_impl();
    let ident = &model.ident;
    let this = quote!(#ident #type_generics);
    let generics = &model.generics;
    let span = body.map_or_else(|| model.ident.span(), |body| body.span);
    let body_ty = body.map_or_else(|| this.clone(), |body| body.ty.to_token_stream());
    let within = quote_spanned!(span=> impl #generics __p::Within for #body_ty { type Frame = #this; });

    let named: Vec<_> = fields(layout)
        .filter(|item| item.name.is_some() && (flat || item.member.as_ref() != member))
        .collect();
    let names = named.iter().map(|item| &item.label);
    let types = named.iter().map(|item| {
        let ty = item.ty.to_token_stream().to_string().replace(' ', "");
        match item.presence {
            crate::ir::Presence::Always => ty,
            _ => format!("Option<{ty}>"),
        }
    });
    let full = named.iter().map(|item| {
        let ty = static_lifetimes(item.ty.to_token_stream());
        match item.presence {
            crate::ir::Presence::Always => quote!(#ty),
            _ => quote!(__p::Option<#ty>),
        }
    });
    let values = named.iter().enumerate().map(|(index, item)| {
        let member = &item.member;
        quote!(#index => (&__p::TopicField(&self.#member)).value(),)
    });
    let name = model.ident.to_string();
    let names_header = header(model, false, &quote!(__p::Names), &TokenStream::new());
    let outer_header = header(model, false, &quote!(__p::Outer), &TokenStream::new());
    let state = match (&model.routes.state, &model.routes.one_of) {
        (Some(key), _) => key.value.to_token_stream(),
        (None, Some(key)) => {
            let port = static_lifetimes(key.value.to_token_stream());
            quote!(<#port as __p::Gateway>::State)
        }
        (None, None) => quote!(()),
    };
    let downlink = model.routes.downlink.as_ref().map(|key| {
        let path = &key.value;
        let header = header(model, false, &quote!(__p::Envelope), &TokenStream::new());
        quote! {
            #header {
                #[inline]
                fn envelope(__body: Self::Body, __cx: &mut __p::Cx<'_, Self::State>) -> Self { #path(__body, __cx) }
            }
        }
    });
    let downlink = if flat {
        let header = header(model, false, &quote!(__p::Envelope), &TokenStream::new());
        Some(quote! {
            #header {
                #[inline]
                fn envelope(__body: Self::Body, _: &mut __p::Cx<'_, Self::State>) -> Self { __body }
            }
        })
    } else {
        downlink
    };
    let reply = {
        let mut generics = model.generics.clone();
        generics.params.insert(0, syn::parse_quote!('__to));
        let (impl_generics, _, where_clause) = generics.split_for_impl();
        let to = at_lifetime(model, &syn::parse_quote!('__to));
        let own = at_lifetime(model, &static_lt());
        quote! {
            impl #impl_generics __p::ReplyTo<#to> for #this #where_clause {
                #[inline]
                fn write(self, __out: &mut __p::Vec<u8>) -> __p::Result<(), __p::Error> {
                    __p::encode::<#own>(&self, __out)
                }
            }
        }
    };
    let own = at_lifetime(model, &static_lt());
    let at = at_lifetime(model, &syn::parse_quote!('_));
    let body_static = static_lifetimes(body_ty.to_token_stream());
    let body_any = {
        let (ty, has) = super::common::with_lifetime(body_ty.to_token_stream());
        let generics = if has { quote!(<'__c>) } else { TokenStream::new() };
        quote!(type __B #generics = #ty;)
    };
    let body_here = if model.lifetime.is_some() { quote!(__B<'_>) } else { quote!(__B) };
    let gateway = model.routes.gateway.is_some().then(|| quote! {
        impl __p::Gateway for #own {
            type State = #state;
            const ANONYMOUS: bool = <#body_static as __p::Routes>::ANONYMOUS;
            #[inline]
            fn access(__f: &#at) -> __p::Access { <#body_here as __p::Routes>::access(&__f #point #member) }
            #[inline]
            fn answers(__f: &#at) -> __p::Option<u64> { <#body_here as __p::Routes>::answers(&__f #point #member) }
            fn ask(__f: &#at, __stage: __p::Stage, __cx: &mut __p::Cx<'_, #state>, __asks: &mut __p::Asks<'_>)
                -> __p::Result<(), __p::Refusal>
            { <#body_here as __p::Routes>::ask(__f, __stage, __cx, __asks) }
            fn settle(__f: &#at, __cx: &mut __p::Cx<'_, #state>, __outcome: &__p::Outcome, __reply: &mut __p::Vec<u8>)
                -> __p::Result<__p::After, __p::Error>
            { <#body_here as __p::Routes>::settle(__f, __cx, __outcome, __reply) }
            fn filters(__cx: &__p::Cx<'_, #state>, __each: &mut dyn __p::core::ops::FnMut(&__p::TopicBuf, u8))
                -> __p::Result<(), __p::Refusal>
            { <#body_static as __p::Routes>::filters(__cx, __each) }
            fn deliver(__topic: &str, __payload: &[u8], __cx: &mut __p::Cx<'_, #state>, __out: &mut __p::Vec<u8>)
                -> __p::Result<__p::Delivery, __p::DeliverError>
            { <#body_static as __p::Routes>::deliver(__topic, __payload, __cx, __out) }
        }
    });
    quote! {
        #within
        #names_header {
            const TYPE: &'static str = #name;
            const NAMES: &'static [&'static str] = &[#(#names),*];
            const TYPES: &'static [&'static str] = &[#(#types),*];
            const USABLE: &'static [bool] = {
                use __p::NotUsable as _;
                &[#(<__p::Probe<#full>>::USABLE),*]
            };
            #[inline(always)]
            fn value(&self, __index: usize) -> &dyn __p::TopicValue {
                use __p::{TopicFieldNo as _, TopicFieldYes as _};
                match __index { #(#values)* _ => &"" }
            }
        }
        #outer_header {
            type State = #state;
            type Body = #body_ty;
            #[inline(always)]
            fn body(&self) -> &Self::Body { &self #point #member }
        }
        #downlink
        #reply
        #body_any
        #gateway
    }
}

/// What a body with routes says.
fn body(model: &Model, sites: &[Site<'_>]) -> TokenStream {
    let at_name = located(&model.ident);
    let header = header(model, false, &quote_spanned!(at_name=> __p::Routes), &TokenStream::new());
    let anonymous = model.routes.anonymous.is_some();
    let access = sites.iter().map(|variant| {
        let (path, access) = (&variant.path, access(variant));
        quote!(#path { .. } => #access,)
    });
    let answers = sites.iter().filter_map(|variant| {
        let field = &variant.routes.answers.as_ref()?.value;
        let path = &variant.path;
        let item =
            fields(variant.layout).find(|item| item.name.as_deref() == Some(&field.unraw().to_string()))?;
        let (member, local) = (&item.member, &item.local);
        Some(quote!(#path { #member: #local, .. } => __p::Some(__p::Scalar::raw(*#local)),))
    });
    let auth = sites.iter().filter_map(|variant| auth(model, variant));
    let rest = sites.iter().filter_map(|variant| rest(model, variant));
    let settle = sites.iter().filter_map(|variant| settle(variant));
    let filters = sites.iter().filter_map(filters);
    let deliver = sites.iter().filter_map(|variant| deliver(model, variant));
    let checks = checks(model, sites);
    // On the name, where a body that belongs to no frame is reported.
    let frame = quote_spanned!(at_name=> <Self as __p::Within>::Frame);
    let state = quote_spanned!(at_name=> <#frame as __p::Outer>::State);
    quote! {
        #checks
        #header {
            const ANONYMOUS: bool = #anonymous;
            #[inline]
            fn access(&self) -> __p::Access { match self { #(#access)* } }
            #[inline]
            fn answers(&self) -> __p::Option<u64> { match self { #(#answers)* _ => __p::None } }
            fn ask(
                __frame: &#frame,
                __stage: __p::Stage,
                __cx: &mut __p::Cx<'_, #state>,
                __asks: &mut __p::Asks<'_>,
            ) -> __p::Result<(), __p::Refusal> {
                let __body: &Self = __p::Outer::body(__frame);
                match __stage {
                    __p::Stage::Auth => match __body { #(#auth)* _ => {} },
                    __p::Stage::Rest => match __body { #(#rest)* _ => {} },
                }
                __p::Ok(())
            }
            fn settle(
                __frame: &#frame,
                __cx: &mut __p::Cx<'_, #state>,
                __outcome: &__p::Outcome,
                __reply: &mut __p::Vec<u8>,
            ) -> __p::Result<__p::After, __p::Error> {
                let __body: &Self = __p::Outer::body(__frame);
                match __body { #(#settle)* _ => {} }
                __p::Ok(__p::After::Stay)
            }
            fn filters(
                __cx: &__p::Cx<'_, #state>,
                __each: &mut dyn __p::core::ops::FnMut(&__p::TopicBuf, u8),
            ) -> __p::Result<(), __p::Refusal> {
                #(#filters)*
                __p::Ok(())
            }
            fn deliver(
                __topic: &str,
                __payload: &[u8],
                __cx: &mut __p::Cx<'_, #state>,
                __out: &mut __p::Vec<u8>,
            ) -> __p::Result<__p::Delivery, __p::DeliverError> {
                #(#deliver)*
                __p::Err(__p::DeliverError::NoRoute)
            }
        }
    }
}

fn access(variant: &Site<'_>) -> TokenStream {
    let routes = &variant.routes;
    let uplink = routes.auth.is_some()
        || !routes.publish.is_empty()
        || !routes.subscribe.is_empty()
        || !routes.unsubscribe.is_empty()
        || routes.with.is_some();
    if routes.sent.is_some() || (routes.deliver.is_some() && !uplink && routes.reply.is_none()) {
        return quote!(__p::Access::Sent);
    }
    let public = routes.public.is_some()
        || routes.auth.is_some()
        || routes.heartbeat.is_some()
        || routes.ignore.is_some()
        || routes.close.is_some()
        || (routes.reply.is_some() && !uplink);
    if public { quote!(__p::Access::Public) } else { quote!(__p::Access::Member) }
}

fn auth(model: &Model, variant: &Site<'_>) -> Option<TokenStream> {
    let auth = &variant.routes.auth.as_ref()?.value;
    let take_apart = take_apart(variant);
    let text = |literal: &LitStr| {
        let pieces = pieces(literal, Use::Text).into_iter().map(|piece| match piece {
            Piece::Literal(text) => quote!(__t.push_str(#text);),
            Piece::Placeholder(name) => {
                let value = placeholder(model, variant, &name);
                quote!(__p::TopicValue::put(#value, &mut __t);)
            }
        });
        quote!({ let mut __t = __p::String::new(); #(#pieces)* __t })
    };
    let client_id = text(&auth.client_id);
    let optional = |literal: &Option<LitStr>| match literal {
        Some(literal) => {
            let text = text(literal);
            quote!(__p::Some(#text))
        }
        None => quote!(__p::None),
    };
    let (username, password) = (optional(&auth.username), optional(&auth.password));
    Some(quote! {
        #take_apart => {
            __asks.authenticate(__p::Credentials { client_id: #client_id, username: #username, password: #password });
        }
    })
}

fn rest(model: &Model, variant: &Site<'_>) -> Option<TokenStream> {
    let routes = &variant.routes;
    let mut out = TokenStream::new();
    for publish in &routes.publish {
        out.extend(publish_ask(model, variant, publish));
    }
    for subscribe in &routes.subscribe {
        let (topic, qos) = (topic(model, variant, &subscribe.filter, Use::Filter), subscribe.qos);
        out.extend(quote!({ #topic __asks.subscribe(&__t, #qos)?; __asks.reuse(__t); }));
    }
    for unsubscribe in &routes.unsubscribe {
        let topic = topic(model, variant, &unsubscribe.filter, Use::Filter);
        out.extend(quote!({ #topic __asks.unsubscribe(&__t)?; __asks.reuse(__t); }));
    }
    if let Some(with) = &routes.with {
        let path = &with.value;
        out.extend(quote!(__p::Hatch::result(#path(__frame, __cx, __asks))?;));
    }
    if out.is_empty() {
        return None;
    }
    let take_apart = take_apart(variant);
    Some(quote!(#take_apart => { #out }))
}

fn publish_ask(model: &Model, variant: &Site<'_>, publish: &Publish) -> TokenStream {
    let topic = topic(model, variant, &publish.topic, Use::Topic);
    let (qos, retain) = (publish.qos, publish.retain);
    let info = &variant.info;
    if let Some(list) = &publish.each {
        let local = fields(variant.layout)
            .find(|item| item.name.as_deref() == Some(&list.unraw().to_string()))
            .map(|item| &item.local);
        return quote! {
            for __item in #local.iter() {
                #topic
                __asks.publish(&__t, #qos, #retain, |__out| __p::to_json(&__item, __out))?;
                __asks.reuse(__t);
            }
        };
    }
    let payload = match &publish.payload {
        Payload::Json => quote!(__p::content_json(__body, &#info, __out)),
        Payload::Frame => quote!(__p::to_json(__frame, __out)),
        Payload::Field(field) => {
            let item =
                fields(variant.layout).find(|item| item.name.as_deref() == Some(&field.unraw().to_string()));
            let value = item.map(|item| super::own::value(item, &item.local.to_token_stream()));
            quote!(__p::field_payload(#value, __out))
        }
    };
    quote!({
        #topic
        __asks.publish(&__t, #qos, #retain, |__out| #payload)?;
        __asks.reuse(__t);
    })
}

/// Statements that make the topic `__t`.
fn topic(model: &Model, variant: &Site<'_>, literal: &LitStr, purpose: Use) -> TokenStream {
    let pieces = pieces(literal, purpose).into_iter().map(|piece| match piece {
        Piece::Literal(text) => quote!(__t.literal(#text);),
        Piece::Placeholder(name) => {
            let value = placeholder(model, variant, &name);
            quote!(__t.value(#value);)
        }
    });
    quote!(let mut __t = __asks.topic(); #(#pieces)*)
}

fn settle(variant: &Site<'_>) -> Option<TokenStream> {
    let routes = &variant.routes;
    let reply = routes.reply.as_ref().map(|reply| {
        // Errors on the function, names as everywhere in this code.
        let span = located(&reply.value);
        let expr = match &reply.value {
            Expr::Path(path) => quote_spanned!(span=> #path(__frame, __cx, __outcome)),
            // Any other expression finds the three by name.
            other => quote!({ let (frame, cx, outcome) = (__frame, __cx, __outcome); #other }),
        };
        quote_spanned! {span=>
            __p::ReplyTo::<<Self as __p::Within>::Frame>::write(#expr, __reply)?;
        }
    });
    let close = routes.close.as_ref().map(|close| {
        let reason = close.value.as_ref().map_or_else(|| variant.snake.to_string(), LitStr::value);
        quote!(return __p::Ok(__p::After::Close(__p::CloseReason::Done(__p::core::convert::Into::into(#reason))));)
    });
    if reply.is_none() && close.is_none() {
        return None;
    }
    let take_apart = take_apart(variant);
    Some(quote!(#take_apart => { #reply #close }))
}

fn filters(variant: &Site<'_>) -> Option<TokenStream> {
    let deliver = &variant.routes.deliver.as_ref()?.value;
    let (topic, qos) = (device_filter(&deliver.filter), deliver.qos);
    Some(quote!({ #topic __each(&__t, #qos); }))
}

/// Statements that make the filter `__t` of a device.
fn device_filter(literal: &LitStr) -> TokenStream {
    let pieces = pieces(literal, Use::Filter).into_iter().map(|piece| match piece {
        Piece::Literal(text) => quote!(__t.literal(#text);),
        Piece::Placeholder(_) => quote!(__t.value(__cx.client_id);),
    });
    quote!(let mut __t = __cx.topic(); #(#pieces)*)
}

fn deliver(model: &Model, variant: &Site<'_>) -> Option<TokenStream> {
    let deliver = &variant.routes.deliver.as_ref()?.value;
    let (path, snake) = (&variant.path, &variant.snake);
    let filter = device_filter(&deliver.filter);
    let content = fill::content(variant.layout, path, &quote!(__node), variant.variant);
    let key = match &deliver.answer {
        Some(field) => quote!(__p::Some(__p::Scalar::raw(__frame.#field))),
        None => quote!(__p::None),
    };
    // A function of its own, so that the frame borrows from the payload and not
    // for the lifetime of this implementation.
    let own = super::common::de_lifetime(model);
    let here = at_lifetime(model, &own);
    let any = at_lifetime(model, &syn::parse_quote!('_));
    // Errors on the literal, names as everywhere in this code.
    let span = located(&deliver.filter);
    let envelope =
        quote_spanned!(span=> <<#any as __p::Within>::Frame as __p::Envelope>::envelope(__made, __cx));
    Some(quote!({
        #filter
        if __t.finish().is_ok_and(|__f| __p::matches(__f, __topic)) {
            fn __make<#own>(__node: __p::Option<&#own __p::Node>) -> __p::Result<#here, __p::FillError> { #content }
            let __node = __p::payload_node(__payload)?;
            let __made = __make(__p::Some(&__node)).map_err(|__e| __p::DeliverError::Payload(__p::ToString::to_string(&__e)))?;
            let __frame = #envelope;
            let __key = #key;
            __p::encode_frame(__frame, __out).map_err(__p::DeliverError::Encode)?;
            return __p::Ok(__p::Delivery { kind: #snake, answer_key: __key });
        }
    }))
}

/// The pattern of a variant with its fields as references.
fn take_apart(variant: &Site<'_>) -> TokenStream {
    pattern(&variant.path, variant.layout)
}

/// The value of a placeholder: a field of the variant, what the session knows,
/// or a field of the frame.
fn placeholder(model: &Model, variant: &Site<'_>, name: &str) -> TokenStream {
    if let Some(local) = own_field(variant, name) {
        return quote!(#local);
    }
    match name {
        "client_id" => quote!(__cx.client_id),
        "peer" => quote!(&__p::ToString::to_string(&__cx.info.peer.ip())),
        "listener" => quote!(&__cx.info.listener),
        "kind" => {
            let snake = &variant.snake;
            quote!(#snake)
        }
        "request" => quote!(__cx.request.unwrap_or("none")),
        _ => {
            let body = at_lifetime(model, &static_lt());
            quote!(__p::Names::value(__frame, const { __p::name_index::<<#body as __p::Within>::Frame>(#name) }))
        }
    }
}

const BUILT_IN: &[&str] = &["client_id", "peer", "listener", "kind", "request"];

fn own_field<'v>(variant: &'v Site<'_>, name: &str) -> Option<&'v Ident> {
    fields(variant.layout)
        .find(|item| match &item.member {
            Some(syn::Member::Unnamed(index)) => index.index.to_string() == name,
            _ => item.name.as_deref() == Some(name),
        })
        .map(|item| &item.local)
}

/// Constant evaluations on the spans of the templates: placeholders that are
/// looked up in the frame.
fn checks(model: &Model, sites: &[Site<'_>]) -> TokenStream {
    let mut out = TokenStream::new();
    let body = at_lifetime(model, &static_lt());
    for variant in sites {
        let place = &variant.place;
        let own: Vec<String> = fields(variant.layout)
            .map(|item| item.label.clone())
            .chain(BUILT_IN.iter().map(ToString::to_string))
            .collect();
        for (literal, purpose) in templates(variant) {
            for piece in pieces(literal, purpose) {
                let Piece::Placeholder(name) = piece else { continue };
                if own_field(variant, &name).is_some() || BUILT_IN.contains(&name.as_str()) {
                    continue;
                }
                let span = literal.span();
                out.extend(quote_spanned! {span=>
                    const _: () = __p::check_placeholder::<<#body as __p::Within>::Frame>(#name, #place, &[#(#own),*]);
                });
            }
        }
    }
    out
}

/// The templates of a variant that may speak of the frame.
fn templates<'m>(variant: &Site<'m>) -> Vec<(&'m LitStr, Use)> {
    let routes = &variant.routes;
    let mut found: Vec<(&'m LitStr, Use)> = Vec::new();
    if let Some(auth) = &routes.auth {
        found.push((&auth.value.client_id, Use::Text));
        found.extend(
            auth.value.username.iter().chain(&auth.value.password).map(|literal| (literal, Use::Text)),
        );
    }
    found.extend(routes.publish.iter().map(|publish| (&publish.topic, Use::Topic)));
    found.extend(
        routes.subscribe.iter().chain(&routes.unsubscribe).map(|subscribe| (&subscribe.filter, Use::Filter)),
    );
    found
}

/// The pieces of a template that was checked before.
fn pieces(literal: &LitStr, purpose: Use) -> Vec<Piece> {
    template::parse(literal, purpose, &mut Ctxt::default())
}

fn static_lt() -> Lifetime {
    syn::parse_quote!('static)
}
