//! The arms of a body's routes: what each variant asks for, replies and takes.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Expr, LitStr, Path};

use super::Site;
use super::template::{known, outer, pieces, placeholder, slot, with_element};
use crate::attr::idents_in;
use crate::attr::route::{
    Deliver, FieldPath, LoginText, Pairing, Payload, Publish, Reply, Subscribe, Taken, VariantRoutes,
};
use crate::expand::common::{at_lifetime, de_lifetime, fields, located, pattern, transparent};
use crate::expand::{calc, fill, own};
use crate::ir::{Item, ListKind, Model, Repr};
use crate::template::{Piece, Use};

pub(super) fn access(variant: &Site<'_>) -> TokenStream {
    let routes = &variant.routes;
    let uplink =
        routes.auth.is_some() || asks(routes) || routes.profiles.iter().any(|profile| asks(&profile.routes));
    let arrives = uplink || !routes.reply.is_empty() || routes.ignore.is_some();
    if routes.sent.is_some() || (routes.deliver.is_some() && !arrives) {
        return quote!(__p::Access::Sent);
    }
    if routes.heartbeat.is_some() && uplink && routes.public.is_none() && routes.auth.is_none() {
        return quote!(__p::Access::Heartbeat);
    }
    let public = routes.public.is_some()
        || routes.auth.is_some()
        || routes.heartbeat.is_some()
        || routes.ignore.is_some()
        || routes.close.is_some()
        || (!routes.reply.is_empty() && !uplink);
    if public { quote!(__p::Access::Public) } else { quote!(__p::Access::Member) }
}

/// Whether the broker is asked for something.
fn asks(routes: &VariantRoutes) -> bool {
    !routes.publish.is_empty()
        || !routes.subscribe.is_empty()
        || !routes.unsubscribe.is_empty()
        || routes.with.is_some()
        || routes.inner.is_some()
        || routes.lookup.is_some()
}

pub(super) fn auth(variant: &Site<'_>) -> Option<TokenStream> {
    let auth = &variant.routes.auth.as_ref()?.value;
    let take_apart = take_apart(variant);
    let text = |text: &LoginText| match text {
        LoginText::Template(literal) => {
            let pieces = pieces(literal, Use::Text).into_iter().map(|piece| match piece {
                Piece::Literal(text) => quote!(__t.push_str(#text);),
                Piece::Placeholder(name, form) => {
                    let value = placeholder(variant, &name, literal.span());
                    let value = slot(&value, &form, literal.span());
                    quote_spanned!(located(literal)=> __p::TopicValue::put(#value, &mut __t);)
                }
                Piece::Level(_) => TokenStream::new(),
            });
            quote!({ let mut __t = __p::String::new(); #(#pieces)* __p::Some(__t) })
        }
        // Errors on the expression, names as everywhere in this code.
        LoginText::Made(made) => {
            let span = located(made);
            let made = match made {
                Expr::Path(path) if is_function(path) => quote_spanned!(span=> #path(__frame, __cx)),
                other => quote!({ let (frame, cx) = (__frame, &mut *__cx); #other }),
            };
            quote_spanned!(span=> __p::LoginText::text(#made))
        }
    };
    let client_id = text(&auth.client_id);
    let optional = |given: &Option<LoginText>| given.as_ref().map_or_else(|| quote!(__p::None), text);
    let (username, password) = (optional(&auth.username), optional(&auth.password));
    let keep = auth.keep.iter().map(|field| {
        let (name, span) = (field.unraw().to_string(), located(field));
        let value = placeholder(variant, &name, field.span());
        quote_spanned!(span=> __asks.keep(#name, &__p::Slot(#value));)
    });
    // Each frame says who the device is; it logs in once.
    let again = (auth.shared || variant.variant.is_none()).then(|| {
        quote!(__p::Some(__client_id) if !__cx.client_id.is_empty() && __client_id.as_str() == __cx.client_id => {})
    });
    Some(quote! {
        #take_apart => match #client_id {
            #again
            __p::Some(__client_id) => {
                __asks.authenticate(__p::Credentials {
                    client_id: __client_id, username: #username, password: #password,
                });
                #(#keep)*
            }
            __p::None => __asks.no_login(),
        },
    })
}

pub(super) fn rest(variant: &Site<'_>) -> Option<TokenStream> {
    let routes = &variant.routes;
    let mut out = TokenStream::new();
    for publish in &routes.publish {
        out.extend(publish_ask(variant, publish));
    }
    for subscribe in &routes.subscribe {
        let qos = subscribe.qos;
        out.extend(subscribe_ask(variant, subscribe, &quote!(__asks.subscribe(&__t, #qos)?;)));
    }
    for unsubscribe in &routes.unsubscribe {
        out.extend(subscribe_ask(variant, unsubscribe, &quote!(__asks.unsubscribe(&__t)?;)));
    }
    if let Some((local, element, span)) = inner(variant) {
        out.extend(quote_spanned! {span=>
            for __item in #local.iter() { __p::ask_inner(#element, &mut *__cx, &mut *__asks)?; }
        });
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

/// A subscription that begins or ends, or one for each element of a list.
fn subscribe_ask(variant: &Site<'_>, subscribe: &Subscribe, ask: &TokenStream) -> TokenStream {
    let item = subscribe.each.as_ref().and_then(|list| field(variant, &list.unraw().to_string()));
    let topic = topic(variant, &subscribe.filter, Use::Filter, item);
    let ask = quote!({ #topic #ask __asks.reuse(__t); });
    match item.map(|item| &item.local) {
        Some(local) => quote!(for __item in #local.iter() #ask),
        None => ask,
    }
}

fn publish_ask(variant: &Site<'_>, publish: &Publish) -> TokenStream {
    let item = publish.each.as_ref().and_then(|list| field(variant, &list.unraw().to_string()));
    let topic = match publish.of_all {
        true => topic_by(&publish.topic, Use::Topic, |name, span| outer(variant, name, span)),
        false => topic(variant, &publish.topic, Use::Topic, item),
    };
    let (qos, retain) = (publish.qos, publish.retain);
    let frame = &variant.frame.here;
    let nulls = quote!(<<#frame as __p::Outer>::Port as __p::Gateway>::OMIT_NULLS);
    let info = &variant.info;
    let included = included(variant, publish);
    let put = |payload: TokenStream| match &included {
        Some(_) => quote!(__p::with_members(&__members, __out, |__out: &mut __p::Vec<u8>| #payload)),
        None => payload,
    };
    if let Some(item) = item {
        let local = &item.local;
        let payload = match &publish.payload {
            Payload::With(path) => {
                let element = element(item);
                quote_spanned!(located(path)=> #path(__frame, #element, &mut *__cx, __out))
            }
            _ => put(quote!(__p::json(&__item, #nulls, __out))),
        };
        let unless = unless(variant, publish, Some(&element(item)), &quote!(continue));
        return quote! {
            #included
            for __item in #local.iter() {
                #unless
                #topic
                __asks.publish(&__t, #qos, #retain, |__out| #payload)?;
                __asks.reuse(__t);
            }
        };
    }
    let payload = match &publish.payload {
        Payload::Json => put(quote!(__p::content_json(__body, &#info, #nulls, __out))),
        Payload::Frame => quote!(__p::json(__frame, #nulls, __out)),
        Payload::Raw => quote!(__p::Vec::extend_from_slice(__out, __cx.wire)),
        Payload::Hex => quote!(__p::put_hex(__cx.wire, __out)),
        Payload::Field(field) => {
            let item = self::field(variant, &field.unraw().to_string());
            let value = item.map(|item| own::value(item, &item.local.to_token_stream()));
            quote!(__p::field_payload(#value, #nulls, __out))
        }
        Payload::With(path) => quote_spanned!(located(path)=> #path(__frame, &mut *__cx, __out)),
    };
    let unless = unless(variant, publish, None, &quote!(break '__publish));
    let publish = quote! {
        #included
        #topic
        __asks.publish(&__t, #qos, #retain, |__out| #payload)?;
        __asks.reuse(__t);
    };
    if unless.is_empty() { quote!({ #publish }) } else { quote!('__publish: { #unless #publish }) }
}

/// Leaves out what is published only under a condition, over the fields of the
/// variant, `frame`, `cx` and the element, `item`.
fn unless(
    variant: &Site<'_>,
    publish: &Publish,
    element: Option<&TokenStream>,
    leave: &TokenStream,
) -> TokenStream {
    let Some(condition) = &publish.condition else { return TokenStream::new() };
    let mut names = Vec::new();
    idents_in(condition.to_token_stream(), &mut names);
    let named = |name: &str| names.iter().any(|ident| ident == name);
    let own = fields(variant.layout).filter(|_| !publish.of_all).filter_map(|field| {
        let (name, local) = (field.known_as()?, &field.local);
        named(&name.to_string()).then(|| quote!(let #name = (&__p::View(#local)).view();))
    });
    let given =
        [("frame", quote!(__frame)), ("cx", quote!(&*__cx)), ("item", element.cloned().unwrap_or_default())];
    let given =
        given.into_iter().filter(|(name, value)| named(name) && !value.is_empty()).map(|(name, value)| {
            let name = Ident::new(name, Span::call_site());
            quote!(let #name = #value;)
        });
    let missing =
        quote!(return __p::Err(__p::Refusal::new("a condition speaks of an element that is not there")));
    let total = crate::expand::calc::total(condition, &missing);
    let value = quote_spanned! {located(condition)=>
        let __holds: bool = { #[allow(unused_imports)] use __p::{ViewCopy as _, ViewRef as _}; #(#given)* #(#own)* #total };
    };
    quote!(#value if !__holds { #leave })
}

/// The statement that makes the members which the JSON holds besides.
fn included(variant: &Site<'_>, publish: &Publish) -> Option<TokenStream> {
    if publish.include.is_empty() {
        return None;
    }
    let (frame, info) = (&variant.frame.here, &variant.info);
    let nulls = quote!(<<#frame as __p::Outer>::Port as __p::Gateway>::OMIT_NULLS);
    let name = |name: &Ident| name.unraw().to_string();
    let (own, outer): (Vec<_>, Vec<_>) = publish
        .include
        .iter()
        .map(name)
        .partition(|name| publish.each.is_some() && field(variant, name).is_some());
    Some(quote! {
        let __members = __p::members(__frame, &[#(#outer),*], __body, &#info, &[#(#own),*], #nulls);
    })
}

/// Statements that make the topic `__t`; with a list, of its element.
fn topic(variant: &Site<'_>, literal: &LitStr, purpose: Use, list: Option<&Item>) -> TokenStream {
    let element = list.map(element);
    topic_by(literal, purpose, |name, span| match &element {
        Some(element) => with_element(variant, name, span, element),
        None => placeholder(variant, name, span),
    })
}

fn topic_by(literal: &LitStr, purpose: Use, value: impl Fn(&str, Span) -> TokenStream) -> TokenStream {
    let pieces = pieces(literal, purpose).into_iter().map(|piece| match piece {
        Piece::Literal(text) => quote!(__t.literal(#text);),
        Piece::Placeholder(name, form) => {
            let (value, span) = (value(&name, literal.span()), located(literal));
            let value = slot(&value, &form, literal.span());
            quote_spanned!(span=> __t.value(#value);)
        }
        Piece::Level(_) => TokenStream::new(),
    });
    quote!(let mut __t = __asks.topic(); #(#pieces)*)
}

pub(super) fn settle(variant: &Site<'_>) -> Option<TokenStream> {
    let routes = &variant.routes;
    let inner = inner_settle(variant);
    let reply: Vec<_> = routes.reply.iter().map(|reply| reply_to(variant, reply)).collect();
    let close = routes.close.as_ref().map(|close| {
        let reason = close.value.as_ref().map_or_else(|| variant.snake.to_string(), LitStr::value);
        quote!(return __p::Ok(__p::After::Close(__p::CloseReason::Done(__p::core::convert::Into::into(#reason))));)
    });
    if reply.is_empty() && close.is_none() && inner.is_none() {
        return None;
    }
    let take_apart = take_apart(variant);
    let closed = inner.is_some().then(|| {
        quote!(if __closes {
            return __p::Ok(__after);
        })
    });
    Some(quote!(#take_apart => { #inner #(#reply)* #closed #close }))
}

/// The list of frames within the variant, an element of it by reference, and
/// where errors about it belong.
fn inner<'v>(variant: &'v Site<'_>) -> Option<(&'v Ident, TokenStream, Span)> {
    let list = &variant.routes.inner.as_ref()?.value.list;
    let item = field(variant, &list.unraw().to_string())?;
    Some((&item.local, element(item), located(list)))
}

/// The replies to the frames within the variant.
fn inner_settle(variant: &Site<'_>) -> Option<TokenStream> {
    let (local, element, span) = inner(variant)?;
    let frame = &variant.frame.here;
    let envelope = variant.routes.inner.as_ref().and_then(|key| key.value.envelope.as_ref());
    let into = if envelope.is_some() { quote!(&mut __replies) } else { quote!(&mut *__reply) };
    let wrap = envelope.map(|(path, _)| {
        let at = located(path);
        quote_spanned! {at=>
            if !__replies.is_empty() {
                let __context = <#frame as __p::Outer>::context(__cx);
                __p::ReplyTo::<#frame>::write(
                    #path(__frame, &__replies[..], &mut *__cx, __outcome), __context, __reply,
                )?;
            }
        }
    });
    let (each, all) = match envelope {
        Some((_, false)) => (wrap.map(|wrap| quote!(#wrap __replies.clear();)), None),
        _ => (None, wrap),
    };
    let replies = envelope.map(|_| quote!(let mut __replies = __p::Vec::new();));
    Some(quote_spanned! {span=>
        let (mut __closes, mut __after) = (false, __p::After::Stay);
        #replies
        for __item in #local.iter() {
            let __then = __p::settle_inner(#element, &mut *__cx, __outcome, #into)?;
            if !__closes && !__p::core::matches!(__then, __p::After::Stay) { (__closes, __after) = (true, __then); }
            #each
        }
        #all
    })
}

fn reply_to(variant: &Site<'_>, reply: &Reply) -> TokenStream {
    let frame = &variant.frame.here;
    // Errors on the function, names as everywhere in this code.
    let span = located(&reply.value);
    let Some(list) = &reply.each else {
        let expr = match &reply.value {
            Expr::Path(path) if is_function(path) => quote_spanned!(span=> #path(__frame, __cx, __outcome)),
            // Any other expression finds the three by name.
            other => quote!({ let (frame, cx, outcome) = (__frame, &mut *__cx, __outcome); #other }),
        };
        return quote_spanned! {span=> {
            let __context = <#frame as __p::Outer>::context(__cx);
            __p::ReplyTo::<#frame>::write(#expr, __context, __reply)?;
        }};
    };
    let Some(item) = field(variant, &list.unraw().to_string()) else { return TokenStream::new() };
    let local = &item.local;
    let element = element(item);
    let expr = match &reply.value {
        Expr::Path(path) if is_function(path) => {
            quote_spanned!(span=> #path(__frame, #element, __cx, __outcome))
        }
        other => {
            quote!({ let (frame, item, cx, outcome) = (__frame, #element, &mut *__cx, __outcome); #other })
        }
    };
    quote_spanned! {span=>
        for __item in #local.iter() {
            let __context = <#frame as __p::Outer>::context(__cx);
            __p::ReplyTo::<#frame>::write(#expr, __context, __reply)?;
        }
    }
}

/// Whether a path is a function by its name: `acknowledge`; `NOTHING` and
/// `None::<Message>` are values.
pub(super) fn is_function(path: &syn::ExprPath) -> bool {
    let last = path.path.segments.last().map(|segment| segment.ident.unraw().to_string());
    !last.is_some_and(|name| name.starts_with(char::is_uppercase))
}

/// An element of a list by reference: those of a `List` are made one by one,
/// those of a `Vec` are there.
fn element(list: &Item) -> TokenStream {
    match &list.repr {
        Repr::List(ListKind::Lazy, _) => quote!(&__item),
        _ => quote!(__item),
    }
}

/// The field of the variant with this name.
fn field<'v>(variant: &'v Site<'_>, name: &str) -> Option<&'v Item> {
    fields(variant.layout).find(|item| item.name.as_deref() == Some(name))
}

/// The arm that tells which downlink the variant answers.
pub(super) fn answers(variant: &Site<'_>) -> Option<TokenStream> {
    if let Some(key) = &variant.routes.answers {
        return Some(pairing_arm(variant, &key.value));
    }
    let (local, element, span) = inner(variant)?;
    let take_apart = take_apart(variant);
    Some(quote_spanned! {span=>
        #take_apart => {
            for __item in #local.iter() {
                if let __p::Some(__pairing) = __p::answers_of(#element) { return __p::Some(__pairing); }
            }
            __p::None
        },
    })
}

/// The arm that tells whether an answer ends with the variant.
pub(super) fn last(variant: &Site<'_>) -> Option<TokenStream> {
    let condition = &variant.routes.last.as_ref()?.value;
    let mut idents = Vec::new();
    idents_in(condition.to_token_stream(), &mut idents);
    let named = fields(variant.layout).filter_map(|item| {
        let name = item.known_as().filter(|name| idents.iter().any(|ident| name == ident))?;
        Some((name, &item.member, &item.local))
    });
    let (mut bound, mut views) = (TokenStream::new(), TokenStream::new());
    for (name, member, local) in named {
        bound.extend(quote!(#member: #local,));
        views.extend(quote!(let #name = (&__p::View(#local)).view();));
    }
    let (path, span) = (&variant.path, located(condition));
    let holds = calc::total(condition, &quote!(return true));
    let holds = quote_spanned!(span=> let __last: bool = #holds;);
    Some(quote! {
        #path { #bound .. } => {
            #[allow(unused_imports, reason = "values that are copied and all others are told apart")]
            use __p::{ViewCopy as _, ViewRef as _};
            #[allow(unused_variables, reason = "the condition may speak of the variant alone")]
            let frame = __frame;
            #views
            #holds
            __last
        }
    })
}

/// The arm that asks elsewhere before anything else.
pub(super) fn lookup(variant: &Site<'_>) -> Option<TokenStream> {
    let (path, function) = (&variant.path, &variant.routes.lookup.as_ref()?.value);
    // Errors on the function, names as everywhere in this code.
    let made = quote_spanned!(located(function)=> __p::Looks::lookup(#function(__frame, &mut *__cx)));
    Some(quote!(#path { .. } => #made,))
}

/// The arm that tells how the answer to the variant will be known, which is the
/// same under all profiles.
pub(super) fn awaits(variant: &Site<'_>) -> Option<TokenStream> {
    let under = variant.routes.profiles.iter().map(|profile| &profile.routes);
    let pairing = [variant.routes].into_iter().chain(under).find_map(VariantRoutes::awaited)?;
    Some(pairing_arm(variant, pairing))
}

/// Where nothing is echoed the answer is that to the route, even if the frame
/// that goes out is of another kind.
fn in_order(deliver: &Deliver) -> Option<TokenStream> {
    matches!(deliver.answer, Some(Pairing::Order)).then(|| quote!(.or(__p::Some(__p::Pairing::Order))))
}

fn pairing_arm(variant: &Site<'_>, pairing: &Pairing) -> TokenStream {
    let path = &variant.path;
    let fields = match pairing {
        Pairing::Key(fields) => fields,
        Pairing::Order => return quote!(#path { .. } => __p::Some(__p::Pairing::Order),),
        Pairing::Of(kinds) => {
            let kinds = kinds.iter().map(|kind| kind.unraw().to_string());
            return quote!(#path { .. } => __p::Some(__p::Pairing::Of(&[#(#kinds),*])),);
        }
    };
    let mut bound = Vec::new();
    let echoes: Vec<_> = fields
        .iter()
        .map(|FieldPath { first, rest }| {
            // Errors on the field, names as everywhere in this code.
            let span = located(first);
            match field(variant, &first.unraw().to_string()) {
                Some(item) => {
                    let (member, local) = (&item.member, &item.local);
                    let pattern = quote!(#member: #local,).to_string();
                    if bound.iter().all(|(seen, _)| *seen != pattern) {
                        bound.push((pattern, quote!(#member: #local,)));
                    }
                    let value = if rest.is_empty() { quote!(#local) } else { quote!(&#local #(.#rest)*) };
                    quote_spanned!(span=> (&__p::Echo(#value)).pairing())
                }
                None => quote_spanned!(span=> (&__p::Echo(&__frame.#first #(.#rest)*)).pairing()),
            }
        })
        .collect();
    let bound = bound.iter().map(|(_, pattern)| pattern);
    let pairing = match &echoes[..] {
        [one] => one.clone(),
        several => quote!(__p::echo_all([#(#several),*])),
    };
    quote! {
        #path { #(#bound)* .. } => {
            #[allow(unused_imports, reason = "numbers and all other values are told apart")]
            use __p::{EchoNumber as _, EchoValue as _};
            #pairing
        }
    }
}

pub(super) fn filters(deliver: &Deliver) -> TokenStream {
    // What a topic names is known once a frame has subscribed to it.
    if !levels(&deliver.filter).is_empty() {
        return TokenStream::new();
    }
    let (topic, qos) = (device_filter(&deliver.filter), deliver.qos);
    quote!({ #topic __each(&__t, #qos); })
}

/// The levels that a topic gives, each with its place among the wildcards.
fn levels(literal: &LitStr) -> Vec<(String, usize)> {
    let (mut found, mut wildcards) = (Vec::new(), 0);
    for piece in pieces(literal, Use::Deliver) {
        match piece {
            Piece::Literal(text) => wildcards += text.matches(['+', '#']).count(),
            Piece::Placeholder(..) => {}
            Piece::Level(name) => {
                found.push((name, wildcards));
                wildcards += 1;
            }
        }
    }
    found
}

/// The condition that a message is for this route, which notes the levels that
/// its topic gives.
fn is_for(deliver: &Deliver) -> TokenStream {
    let levels = levels(&deliver.filter);
    if levels.is_empty() {
        return quote!(__t.finish().is_ok_and(|__f| __p::matches(__f, __topic)));
    }
    let wildcards = pieces(&deliver.filter, Use::Deliver).iter().fold(0, |all, piece| match piece {
        Piece::Literal(text) => all + text.matches(['+', '#']).count(),
        Piece::Placeholder(..) => all,
        Piece::Level(_) => all + 1,
    });
    let named = levels.iter().map(|(name, at)| quote!((#name, #at)));
    quote!(__t.finish().is_ok_and(|__f| __p::note_levels::<_, #wildcards>(__cx, __f, __topic, &[#(#named),*])))
}

/// Statements that make the filter `__t` of a device.
fn device_filter(literal: &LitStr) -> TokenStream {
    let pieces = pieces(literal, Use::Deliver).into_iter().map(|piece| match piece {
        Piece::Literal(text) => quote!(__t.literal(#text);),
        Piece::Level(_) => quote!(__t.literal("+");),
        Piece::Placeholder(name, form) => {
            let value = known(&name, literal.span()).unwrap_or_else(|| quote!(__cx.client_id));
            let value = slot(&value, &form, literal.span());
            quote!(__t.value(#value);)
        }
    });
    quote!(let mut __t = __cx.topic(); #(#pieces)*)
}

pub(super) fn deliver(model: &Model, variant: &Site<'_>, sites: &[Site<'_>]) -> Option<TokenStream> {
    let deliver = &variant.routes.deliver.as_ref()?.value;
    if let Some(Taken::With(function)) = &deliver.payload {
        return Some(deliver_with(model, sites, deliver, function));
    }
    let (path, snake) = (&variant.path, &variant.snake);
    let (filter, is_for) = (device_filter(&deliver.filter), is_for(deliver));
    // Levels that are fields of the variant.
    let given = levels(&deliver.filter).into_iter().map(|(name, _)| name);
    let given = given.filter(|name| field(variant, name).is_some());
    let given = given.map(|name| quote!(let __node = __p::with_level(__node, #name, __cx)?;));
    let content = fill::content(model, variant.layout, path, &quote!(__node), variant.variant);
    let answer = in_order(deliver);
    let node = match &deliver.payload {
        Some(Taken::Field(_)) if transparent(variant.layout) => {
            quote!(__p::payload_raw(__payload, __p::None)?)
        }
        Some(Taken::Field(field)) => {
            let name = field.unraw().to_string();
            quote!(__p::payload_raw(__payload, __p::Some(#name))?)
        }
        _ => quote!(__p::payload_node(__payload)?),
    };
    // A function of its own, so that the frame borrows from the payload and not
    // for the lifetime of this implementation.
    let own = de_lifetime(model);
    let here = at_lifetime(model, &own);
    let frame = at_span(&variant.frame.any, located(&deliver.filter));
    // Errors on the literal, names as everywhere in this code.
    let span = located(&deliver.filter);
    let envelope = quote_spanned!(span=> <#frame as __p::Envelope>::envelope(__made, __cx, __out));
    Some(quote!({
        #filter
        if #is_for {
            fn __make<#own>(__node: __p::Option<&#own __p::Node>) -> __p::Result<#here, __p::FillError> { #content }
            let __node = #node;
            #(#given)*
            let __made = __make(__p::Some(&__node)).map_err(|__e| __p::DeliverError::Payload(__p::ToString::to_string(&__e)))?;
            let __answer = #envelope.map_err(__p::DeliverError::Encode)?;
            return __p::Ok(__p::Delivery { kind: #snake, answer: __answer #answer });
        }
    }))
}

/// A message of which a function makes the body, whichever variant it is.
pub(super) fn deliver_with(
    model: &Model,
    sites: &[Site<'_>],
    deliver: &Deliver,
    function: &Path,
) -> TokenStream {
    let (filter, is_for) = (device_filter(&deliver.filter), is_for(deliver));
    let frame = sites.first().map(|site| at_span(&site.frame.any, located(&deliver.filter)));
    let kinds = sites.iter().map(|site| {
        let (path, snake) = (&site.path, site.snake);
        quote!(#path { .. } => #snake,)
    });
    let any = at_lifetime(model, &syn::parse_quote!('_));
    let span = located(function);
    let made = quote_spanned!(span=> __p::made::<#any, _>(#function(&__node, &mut *__cx))?);
    let span = located(&deliver.filter);
    let envelope = quote_spanned!(span=> <#frame as __p::Envelope>::envelope(__made, __cx, __out));
    quote!({
        #filter
        if #is_for {
            let __node = __p::payload_node(__payload)?;
            let __made = #made;
            let __kind = match &__made { #(#kinds)* };
            let __answer = #envelope.map_err(__p::DeliverError::Encode)?;
            return __p::Ok(__p::Delivery { kind: __kind, answer: __answer });
        }
    })
}

/// The frame where errors about it belong.
fn at_span(frame: &TokenStream, span: Span) -> TokenStream {
    let moved = frame.clone().into_iter().map(|mut token| {
        token.set_span(span);
        token
    });
    moved.collect()
}

/// The pattern of a variant with its fields as references.
fn take_apart(variant: &Site<'_>) -> TokenStream {
    pattern(&variant.path, variant.layout)
}
