//! Routes: what frames mean to MQTT.
//!
//! The body's derive cannot see the frame around it. It speaks of it as
//! `<Self as OnlyFrameUnlessShared>::Frame`, which the frame's derive implements; placeholders
//! of the frame are looked up in its table of names by constant evaluation, on
//! the span of the template.

mod acts;
mod profiles;
mod segments;
mod template;

pub(crate) use profiles::{declared, used};
pub(crate) use segments::of_gateway as segments_of_gateway;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Lifetime;
use syn::ext::IdentExt;

use super::common::{
    at_lifetime, ctx_type, de_lifetime, fields, header, lifetimes_as, located, static_lifetimes,
};
use crate::attr::route::VariantRoutes;
use crate::ir::{EnumModel, Layout, Model, Shape, Variant};

/// The code for the routes of a type, if it has any.
pub(crate) fn expand(model: &Model) -> TokenStream {
    match &model.shape {
        Shape::Struct(layout) => {
            let frame = frame(model);
            if model.routes.own.is_empty() {
                return frame;
            }
            // A frame without a body is its own.
            let own = FrameTy::of(model, None);
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
                frame: &own,
            };
            let body = body(model, &[site], &own);
            quote!(#frame #body)
        }
        Shape::Enum(data) if data.one_of => super::one_of::gateway(model, data),
        Shape::Enum(data) if data.variants.iter().any(|variant| !variant.routes.is_empty()) => {
            let frames = FrameTy::all(model);
            frames.iter().map(|frame| within(model, data, frame)).chain(shared(model, &frames)).collect()
        }
        _ => TokenStream::new(),
    }
}

/// The frames that a body lists have to say that they share it.
fn shared(model: &Model, frames: &[FrameTy]) -> Vec<TokenStream> {
    let listed = model.routes.frames.as_ref().filter(|_| !super::asserts::generic(model));
    let types = listed.map_or(&[][..], |key| key.value.as_slice());
    let assertion = |(ty, frame): (&syn::Type, &FrameTy)| {
        let (fixed, name) = (&frame.fixed, ty.to_token_stream().to_string().replace(' ', ""));
        let message = format!("`{name}` shares this body: add `shared` to its `#[route(..)]`");
        quote_spanned! {located(ty)=>
            const _: () = ::core::assert!(<#fixed as __p::Outer>::SHARES, #message);
        }
    };
    types.iter().zip(frames).map(assertion).collect()
}

/// What the variants of a body mean within a frame.
fn within(model: &Model, data: &EnumModel, frame: &FrameTy) -> TokenStream {
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
                frame,
            }
        })
        .collect();
    body(model, &sites, frame)
}

/// The frame around a body, as generated code names it.
struct FrameTy {
    /// In what is implemented for the body.
    here: TokenStream,
    /// With any lifetime.
    any: TokenStream,
    fixed: TokenStream,
}

impl FrameTy {
    /// All frames that a body is in: the one that says so, or those it lists.
    fn all(model: &Model) -> Vec<Self> {
        match &model.routes.frames {
            Some(key) => key.value.iter().map(|ty| Self::of(model, Some(ty))).collect(),
            None => vec![Self::of(model, None)],
        }
    }

    fn of(model: &Model, listed: Option<&syn::Type>) -> Self {
        // On the name, where a body that belongs to no frame is reported.
        let at = listed.map_or_else(|| located(&model.ident), located);
        let own = de_lifetime(model);
        let at_lt = |lifetime: &Lifetime| match listed {
            Some(ty) => lifetimes_as(ty.to_token_stream(), &quote!(#lifetime)),
            None => {
                let body = at_lifetime(model, lifetime);
                quote_spanned!(at=> <#body as __p::OnlyFrameUnlessShared>::Frame)
            }
        };
        Self { here: at_lt(&own), any: at_lt(&syn::parse_quote!('_)), fixed: at_lt(&static_lt()) }
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
    frame: &'m FrameTy,
}

impl<'m> Site<'m> {
    /// The same place with other routes.
    fn with_routes(&self, routes: &'m VariantRoutes) -> Self {
        Self { path: self.path.clone(), place: self.place.clone(), info: self.info.clone(), routes, ..*self }
    }
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
    let shares = model.routes.shared.is_some();
    // A body that frames share lists them.
    let within = model.routes.shared.is_none().then(|| {
        quote_spanned! {span=>
            impl #generics __p::OnlyFrameUnlessShared for #body_ty { type Frame = #this; }
        }
    });
    let of_frame = match body.map(|body| &body.presence) {
        Some(crate::ir::Presence::Always) | None => quote!(__p::Some(&self #point #member)),
        _ => quote!(__p::Option::as_ref(&self #point #member)),
    };

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
    // A type that fewer may see than the frame is reported where it is named.
    let state_at =
        model.routes.state.as_ref().map_or(proc_macro2::Span::call_site(), |key| located(&key.value));
    let state_item = quote_spanned!(state_at=> type State = #state;);
    let body_item = quote_spanned!(located(&body_ty)=> type Body = #body_ty;);
    let keeps = match &model.routes.one_of {
        Some(key) => {
            let port = static_lifetimes(key.value.to_token_stream());
            quote!(<#port as __p::Gateway>::KEEPS)
        }
        None => {
            let body = static_lifetimes(body_ty.to_token_stream());
            let own = at_lifetime(model, &static_lt());
            quote!(&[<#body as __p::Routes<#own>>::KEEPS])
        }
    };
    let profiles = match &model.routes.one_of {
        Some(key) => {
            let port = static_lifetimes(key.value.to_token_stream());
            quote!(<#port as __p::Gateway>::PROFILES)
        }
        None => profiles::declared(&model.routes),
    };
    let envelope = match &model.routes.downlink {
        // Errors on the function, names as everywhere in this code.
        Some(key) => {
            let path = &key.value;
            Some(quote_spanned!(located(path)=> #path(__body, __cx)))
        }
        // The routes of a frame without a body deliver the frame.
        None => flat.then(|| quote!(__body)),
    };
    let downlink = envelope.map(|whole| {
        let envelope = header(model, false, &quote!(__p::Envelope), &TokenStream::new());
        let mut generics = model.generics.clone();
        generics.params.insert(0, syn::parse_quote!('__to));
        let (impl_generics, _, where_clause) = generics.split_for_impl();
        let to = at_lifetime(model, &syn::parse_quote!('__to));
        quote! {
            #envelope {
                fn envelope(__body: Self::Body, __cx: &mut __p::Cx<'_, Self::State>, __out: &mut __p::Vec<u8>)
                    -> __p::Result<__p::Option<__p::Pairing>, __p::Error>
                {
                    let __context = <Self as __p::Outer>::context(__cx);
                    __p::encode_whole::<Self, _>(#whole, __context, __out)
                }
            }
            impl #impl_generics __p::Whole<#to> for #this #where_clause {
                #[inline]
                fn awaited(&self) -> __p::Option<__p::Pairing> { __p::awaits_of(self) }
            }
        }
    });
    let port = model.routes.one_of.as_ref().map(|key| static_lifetimes(key.value.to_token_stream()));
    let own_context = ctx_type(model);
    // A frame of several kinds takes its context from that of the enum.
    let (context, asked, narrow) = match &port {
        Some(port) => (
            quote!(<#port as __p::Context>::Ctx),
            quote!(<#port as __p::Gateway>::ctx(__cx)),
            quote!(<#port as __p::Holds<Self>>::narrow(__ctx)),
        ),
        None => (quote!(#own_context), context(model), quote!(__ctx)),
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
                fn write(self, __ctx: #context, __out: &mut __p::Vec<u8>) -> __p::Result<(), __p::Error> {
                    __p::encode_with::<#own>(&self, #narrow, __out)
                }
            }
        }
    };
    let own = at_lifetime(model, &static_lt());
    let at = at_lifetime(model, &syn::parse_quote!('_));
    let port = port.unwrap_or_else(|| own.to_token_stream());
    let body_static = static_lifetimes(body_ty.to_token_stream());
    let body_any = {
        let (ty, has) = super::common::with_lifetime(body_ty.to_token_stream());
        let generics = if has { quote!(<'__c>) } else { TokenStream::new() };
        quote!(type __B #generics = #ty;)
    };
    let body_here = if model.lifetime.is_some() { quote!(__B<'_>) } else { quote!(__B) };
    let polls = polls(model, &state);
    let nulls = model.routes.nulls.is_some();
    let segments = segments::of_frame(model);
    let routed = model.routes.segment.is_some() || model.routes.missing.is_some();
    let segments_of_gateway = routed.then(|| {
        let asks = quote!(<#own as __p::Outer>::ASKS_MISSING);
        segments_of_gateway(
            &at.to_token_stream(),
            &state,
            &asks,
            |name| quote!(__p::Outer::#name(__f, __cx, __parts, __out)),
        )
    });
    let gateway = model.routes.gateway.is_some().then(|| quote! {
        impl __p::Gateway for #own {
            #state_item
            const ANONYMOUS: bool = <#body_static as __p::Routes<#own>>::ANONYMOUS;
            const KEEPS: &'static [&'static [&'static str]] = &[<#body_static as __p::Routes<#own>>::KEEPS];
            const AWAITED: &'static [&'static [&'static str]] = &[<#body_static as __p::Routes<#own>>::AWAITED];
            const OMIT_NULLS: bool = #nulls;
            const PROFILES: &'static [&'static str] = #profiles;
            #[inline]
            fn ctx(__cx: &__p::Cx<'_, #state>) -> #context { #asked }
            #[inline]
            fn access(__f: &#at) -> __p::Access { __p::access_of(__f) }
            #[inline]
            fn answers(__f: &#at) -> __p::Option<__p::Pairing> { <#body_here as __p::Routes<_>>::answers(__f) }
            fn is_last(__f: &#at) -> bool { <#body_here as __p::Routes<_>>::is_last(__f) }
            fn awaits(__f: &#at) -> __p::Option<__p::Pairing> { <#body_here as __p::Routes<_>>::awaits(__f) }
            #polls
            #segments_of_gateway
            #[inline]
            fn lookup(__f: &#at, __cx: &mut __p::Cx<'_, #state>) -> __p::Option<__p::Lookup>
            { <#body_here as __p::Routes<_>>::lookup(__f, __cx) }
            fn ask(__f: &#at, __stage: __p::Stage, __cx: &mut __p::Cx<'_, #state>, __asks: &mut __p::Asks<'_>)
                -> __p::Result<(), __p::Refusal>
            { <#body_here as __p::Routes<_>>::ask(__f, __stage, __cx, __asks) }
            fn settle(__f: &#at, __cx: &mut __p::Cx<'_, #state>, __outcome: &__p::Outcome, __reply: &mut __p::Vec<u8>)
                -> __p::Result<__p::After, __p::Error>
            { <#body_here as __p::Routes<_>>::settle(__f, __cx, __outcome, __reply) }
            fn filters(__cx: &__p::Cx<'_, #state>, __each: &mut dyn __p::core::ops::FnMut(&__p::TopicBuf, u8))
                -> __p::Result<(), __p::Refusal>
            { <#body_static as __p::Routes<#own>>::filters(__cx, __each) }
            fn deliver(__topic: &str, __payload: &[u8], __cx: &mut __p::Cx<'_, #state>, __out: &mut __p::Vec<u8>)
                -> __p::Result<__p::Delivery, __p::DeliverError>
            { <#body_static as __p::Routes<#own>>::deliver(__topic, __payload, __cx, __out) }
        }
    });
    let requests = model.routes.gateway.is_some().then(|| requests(model, &own));
    let waits = model.routes.gateway.is_some().then(|| waits(model, &own));
    let used = model
        .routes
        .gateway
        .is_some()
        .then(|| profiles::used(&model.routes, &[(body_static.clone(), own.to_token_stream())]));
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
            fn value(&self, __index: usize) -> &dyn __p::Placeholder {
                use __p::{TopicFieldNo as _, TopicFieldYes as _};
                match __index { #(#values)* _ => &"" }
            }
        }
        #outer_header {
            const SHARES: bool = #shares;
            const KEEPS: &'static [&'static [&'static str]] = #keeps;
            const PROFILES: &'static [&'static str] = #profiles;
            #state_item
            type Context = #context;
            type Port = #port;
            #body_item
            #[inline]
            fn context(__cx: &__p::Cx<'_, Self::State>) -> Self::Context { #asked }
            #[inline(always)]
            fn body(&self) -> __p::Option<&Self::Body> { #of_frame }
            #segments
        }
        #downlink
        #reply
        #body_any
        #gateway
        #requests
        #waits
        #used
    }
}

/// What makes the context of the frames, from `__cx`.
pub(super) fn context(model: &Model) -> TokenStream {
    match &model.routes.ctx {
        Some(key) => {
            // Errors on the function, names as everywhere in this code.
            let (path, span) = (&key.value, located(&key.value));
            quote_spanned!(span=> #path(__cx))
        }
        None => {
            let (span, context) = (located(&model.ident), ctx_type(model));
            quote_spanned!(span=> <#context as __p::NoCtx>::NONE)
        }
    }
}

/// What a gateway says that asks its devices.
pub(super) fn polls(model: &Model, state: &TokenStream) -> TokenStream {
    let poll = model.routes.poll.as_ref().map(|key| {
        let (path, asked) = (&key.value.function, context(model));
        let before_login = key.value.before_login.then(|| {
            quote!(
                const POLLS_BEFORE_LOGIN: bool = true;
            )
        });
        // Errors on the function, names as everywhere in this code.
        let next = quote_spanned!(located(path)=> #path(&mut *__cx));
        quote! {
            const POLLS: bool = true;
            #before_login
            fn poll(__cx: &mut __p::Cx<'_, #state>, __out: &mut __p::Vec<u8>)
                -> __p::Result<__p::Polled, __p::Error>
            {
                let __context = #asked;
                __p::polled::<Self>(#next, __context, __out)
            }
        }
    });
    let unanswered = model.routes.unanswered.as_ref().map(|key| {
        let path = &key.value;
        let done = quote_spanned!(located(path)=> __p::Hatch::result(#path(__cx, __asks)));
        quote! {
            fn unanswered(__cx: &mut __p::Cx<'_, #state>, __asks: &mut __p::Asks<'_>)
                -> __p::Result<(), __p::Refusal>
            { #done }
        }
    });
    quote!(#poll #unanswered)
}

/// What a gateway keeps with its requests.
pub(super) fn requests(model: &Model, own: &impl ToTokens) -> Option<TokenStream> {
    let ty = &model.routes.request.as_ref()?.value;
    Some(quote!(impl __p::Requests for #own { type Request = #ty; }))
}

/// What has to hold of a gateway that hears of what is not answered: it waits
/// for answers.
pub(super) fn waits(model: &Model, own: &impl ToTokens) -> Option<TokenStream> {
    let unanswered = model.routes.unanswered.as_ref()?;
    if model.routes.poll.is_some() || super::asserts::generic(model) {
        return None;
    }
    let span = located(&unanswered.value);
    Some(quote_spanned! {span=>
        const _: () = ::core::assert!(
            __p::any_awaited(<#own as __p::Gateway>::AWAITED),
            "nothing is waited for: add `answer` to a `deliver` route, or `poll = FUNCTION`"
        );
    })
}

/// What a body with routes says.
fn body(model: &Model, sites: &[Site<'_>], within: &FrameTy) -> TokenStream {
    let at_name = located(&model.ident);
    let frame = &within.here;
    let borrows = model.lifetime.is_none() && frame.to_string().contains("'__de");
    let header = header(model, borrows, &quote_spanned!(at_name=> __p::Routes<#frame>), &TokenStream::new());
    let anonymous = model.routes.anonymous.is_some();
    let access = sites.iter().map(|variant| {
        let (path, access) = (&variant.path, acts::access(variant));
        quote!(#path { .. } => #access,)
    });
    let answers = sites.iter().filter_map(acts::answers);
    let last: Vec<_> = sites.iter().filter_map(acts::last).collect();
    let last = (!last.is_empty()).then(|| {
        quote! {
            fn is_last(__frame: &#frame) -> bool {
                let __p::Some(__body) = __p::Outer::body(__frame) else { return true };
                #[allow(unreachable_patterns, reason = "a body may have one variant only")]
                match __body { #(#last)* _ => true }
            }
        }
    });
    let awaits: Vec<_> = sites.iter().filter_map(acts::awaits).collect();
    let awaits = (!awaits.is_empty()).then(|| {
        quote! {
            fn awaits(__frame: &#frame) -> __p::Option<__p::Pairing> {
                #[allow(unreachable_patterns, reason = "a body may have one variant only")]
                match __p::Outer::body(__frame)? { #(#awaits)* _ => __p::None }
            }
        }
    });
    let lookups: Vec<_> = sites.iter().filter_map(acts::lookup).collect();
    let lookup = (!lookups.is_empty()).then(|| {
        quote! {
            fn lookup(
                __frame: &#frame,
                __cx: &mut __p::Cx<'_, <#frame as __p::Outer>::State>,
            ) -> __p::Option<__p::Lookup> {
                #[allow(unreachable_patterns, reason = "a body may have one variant only")]
                match __p::Outer::body(__frame)? { #(#lookups)* _ => __p::None }
            }
        }
    });
    let awaited = sites.iter().filter(|site| site.routes.awaited().is_some()).map(|site| site.snake);
    let keeps = sites.iter().filter_map(|variant| variant.routes.auth.as_ref());
    let keeps = keeps.flat_map(|auth| &auth.value.keep).map(|field| field.unraw().to_string());
    let auth = sites.iter().filter_map(acts::auth);
    let under = profiles::Under::new(model, sites);
    let rest = under.rest(sites);
    let settle = under.settle(sites);
    let filters = under.filters(sites);
    let deliver = under.deliver(model, sites);
    let (names, profile_checks) = (under.names(), under.checks(model, sites, within));
    let of_all = template::checks_of_all(model, within);
    let checks = template::checks(sites);
    let state = quote_spanned!(at_name=> <#frame as __p::Outer>::State);
    quote! {
        #checks
        #of_all
        #profile_checks
        #header {
            const ANONYMOUS: bool = #anonymous;
            const KEEPS: &'static [&'static str] = &[#(#keeps),*];
            const PROFILES: &'static [&'static str] = &[#(#names),*];
            const AWAITED: &'static [&'static str] = &[#(#awaited),*];
            #[inline]
            fn access(&self) -> __p::Access { match self { #(#access)* } }
            fn answers(__frame: &#frame) -> __p::Option<__p::Pairing> {
                match __p::Outer::body(__frame)? { #(#answers)* _ => __p::None }
            }
            #last
            #awaits
            #lookup
            fn ask(
                __frame: &#frame,
                __stage: __p::Stage,
                __cx: &mut __p::Cx<'_, #state>,
                __asks: &mut __p::Asks<'_>,
            ) -> __p::Result<(), __p::Refusal> {
                let __p::Some(__body) = __p::Outer::body(__frame) else { return __p::Ok(()) };
                match __stage {
                    __p::Stage::Auth => match __body { #(#auth)* _ => {} },
                    __p::Stage::Rest => #rest,
                }
                __p::Ok(())
            }
            fn settle(
                __frame: &#frame,
                __cx: &mut __p::Cx<'_, #state>,
                __outcome: &__p::Outcome,
                __reply: &mut __p::Vec<u8>,
            ) -> __p::Result<__p::After, __p::Error> {
                let __p::Some(__body) = __p::Outer::body(__frame) else { return __p::Ok(__p::After::Stay) };
                #settle
                __p::Ok(__p::After::Stay)
            }
            fn filters(
                __cx: &__p::Cx<'_, #state>,
                __each: &mut dyn __p::core::ops::FnMut(&__p::TopicBuf, u8),
            ) -> __p::Result<(), __p::Refusal> {
                #filters
                __p::Ok(())
            }
            fn deliver(
                __topic: &str,
                __payload: &[u8],
                __cx: &mut __p::Cx<'_, #state>,
                __out: &mut __p::Vec<u8>,
            ) -> __p::Result<__p::Delivery, __p::DeliverError> {
                #deliver
                __p::Err(__p::DeliverError::NoRoute)
            }
        }
    }
}

fn static_lt() -> Lifetime {
    syn::parse_quote!('static)
}
