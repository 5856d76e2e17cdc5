//! Rules about what frames mean to MQTT.

use proc_macro2::{Ident, Span};
use quote::ToTokens;
use syn::LitStr;
use syn::ext::IdentExt;

use super::{field_hint, field_named, profiles};
use crate::attr::route::{Pairing, Payload, Publish, Taken, VariantRoutes};
use crate::ctxt::Ctxt;
use crate::ir::{EnumModel, IntTy, Layout, Model, Presence, Repr, Shape};
use crate::template::{self, Piece, Use};

/// Runs the rules on the routes of a type.
pub(crate) fn check(model: &Model, ctxt: &mut Ctxt) {
    match &model.shape {
        Shape::Struct(_) => frame(model, ctxt),
        Shape::Enum(data) if data.one_of => one_of(model, data, ctxt),
        Shape::Enum(data) if data.variants.iter().any(|variant| !variant.routes.is_empty()) => {
            if let Some(key) = model.routes.own.without.first() {
                ctxt.error(
                    key,
                    format_args!(
                        "what is said of all variants is taken back on a variant: `{key} = none` goes there"
                    ),
                );
            }
            all_routed(model, data, ctxt);
            login(model, data, ctxt);
            filters_differ(data, ctxt);
            for variant in &data.variants {
                taken_back(&variant.routes, Some(&model.routes.own), ctxt);
                conflicts(&variant.routes, ctxt);
                of_frame(&variant.layout, &variant.routes, ctxt);
            }
            profiles::of_all(model, data, ctxt);
        }
        Shape::Enum(_) => {
            if let Some(key) = &model.routes.anonymous {
                ctxt.error_at(
                    key.key,
                    "no variant of this enum has a route: add them, or remove `anonymous`",
                );
            }
        }
        Shape::Scalar(_) | Shape::Bits(_) => {
            if let Some(span) = model.routes.span {
                ctxt.error_at(span, "this type is one integer, no frame: `#[route]` goes on the frame and on the variants of its body");
            }
        }
    }
}

// The frames of a `one_of` enum say themselves what they mean.
fn one_of(model: &Model, data: &EnumModel, ctxt: &mut Ctxt) {
    for variant in &data.variants {
        if let Some(span) = variant.routes.span {
            ctxt.error_at(
                span,
                format_args!(
                    "put the routes on the frame in `{}`, with `one_of = {}`",
                    variant.ident, model.ident
                ),
            );
        }
    }
    for profile in &model.routes.of_all {
        ctxt.error(
            &profile.name,
            format_args!("put the routes of the profile on the frames in `{}`", model.ident),
        );
    }
    if model.routes.gateway.is_none()
        && let Some((key, span)) = asking(model).next()
    {
        ctxt.error_at(
            span,
            format_args!("`{key}` belongs to a gateway: write `#[route(gateway, {key} = ..)]`"),
        );
    } else if model.routes.gateway.is_none()
        && let Some(span) = model.routes.span
        && !model.routes_broken
    {
        ctxt.error_at(span, "write `#[route(gateway)]`, or remove it");
    }
    context(model, ctxt);
    polls(model, ctxt);
}

/// The keys that are of the gateway alone.
fn asking(model: &Model) -> impl Iterator<Item = (&'static str, Span)> {
    let routes = &model.routes;
    let poll = routes.poll.as_ref().map(|key| ("poll", key.key));
    let unanswered = routes.unanswered.as_ref().map(|key| ("unanswered", key.key));
    let request = routes.request.as_ref().map(|key| ("request", key.key));
    let nulls = routes.nulls.as_ref().map(|key| ("nulls", key.key));
    [poll, unanswered, request, nulls].into_iter().flatten()
}

// Who is not answered has asked, and the gateway asks, not one kind of its
// frames.
fn polls(model: &Model, ctxt: &mut Ctxt) {
    let routes = &model.routes;
    if routes.one_of.is_some() {
        for (key, span) in asking(model) {
            ctxt.error_at(span, format_args!("the enum is the gateway: put `{key}` there"));
        }
    }
}

// What a gateway's frames take as context the connection gives.
fn context(model: &Model, ctxt: &mut Ctxt) {
    let (routes, name) = (&model.routes, &model.ident);
    if model.routes_broken {
        return;
    }
    match (&routes.ctx, model.ctx.first()) {
        (Some(ctx), _) if routes.one_of.is_some() => ctxt.error_at(
            ctx.key,
            "the enum asks the connection: put `ctx` there, and `#[wire(ctx(name))]` on the field that holds this frame",
        ),
        (Some(ctx), None) => ctxt.error_at(
            ctx.key,
            format_args!("`{name}` takes no context: add `#[wire(ctx(name: TYPE))]`, or remove `ctx`"),
        ),
        (None, Some((first, _))) if routes.gateway.is_some() => ctxt.error(
            first,
            format_args!(
                "the connection has to say what `{first}` is: add `#[route(ctx = FUNCTION)]`, with `fn FUNCTION(cx: &Cx<'_, STATE>) -> {name}Ctx`"
            ),
        ),
        _ => {}
    }
}

// A gateway is a frame with a body that a tag selects; `state` and `downlink`
// belong to it.
fn frame(model: &Model, ctxt: &mut Ctxt) {
    let Some(span) = model.routes.span else { return };
    if let (Some(shared), Some(frame)) = (&model.routes.shared, &model.frame)
        && (frame.body.is_none() || !model.routes.own.is_empty())
        && !model.routes_broken
    {
        ctxt.error_at(
            shared.key,
            "`shared` is about a body that other frames have too, which lists them with `frames(..)`; this frame has no body with routes: remove it",
        );
        return;
    }
    let Some(frame) = &model.frame else {
        ctxt.error_at(
            span,
            "`#[route]` goes on the outermost type: add `#[frame(..)]` here, or put the route there",
        );
        return;
    };
    if model.routes_broken {
        return;
    }
    context(model, ctxt);
    polls(model, ctxt);
    super::segments::routes(model, ctxt);
    if model.routes.one_of.is_some() || !model.routes.own.is_empty() {
        return flat(model, frame, ctxt);
    }
    let Some(gateway) = &model.routes.gateway else {
        let state = model.routes.state.as_ref().map(|key| ("state", key.key));
        let downlink = model.routes.downlink.as_ref().map(|key| ("downlink", key.key));
        if let Some(profiles) = &model.routes.profiles {
            ctxt.error_at(
                profiles.key,
                "`profiles` belongs to a gateway: write `#[route(gateway, profiles(..))]`",
            );
            return;
        }
        let ctx = model.routes.ctx.as_ref().map(|key| ("ctx", key.key));
        match state.or(downlink).or(ctx).or(asking(model).next()) {
            // Said already.
            None if model.routes.segment.is_some() || model.routes.missing.is_some() => {}
            Some((key, span)) => {
                ctxt.error_at(
                    span,
                    format_args!("`{key}` belongs to a gateway: write `#[route(gateway, {key} = ..)]`"),
                );
            }
            None => ctxt.error_at(span, "this says nothing: write `#[route(gateway)]`, or remove it"),
        }
        return;
    };
    let Shape::Struct(layout) = &model.shape else { return };
    if frame.body.is_none() && !layout.broken && !layout.items.iter().any(|item| item.broken) {
        ctxt.error_at(
            gateway.key,
            "a gateway has a body whose variants have routes: add `before(id: u16 = tag(body))` and an enum as `body`",
        );
    }
}

// A frame is a gateway of its own or one kind of frames of another; it has a
// body with routes, or routes itself.
fn flat(model: &Model, frame: &crate::ir::Frame, ctxt: &mut Ctxt) {
    let routes = &model.routes;
    let Shape::Struct(layout) = &model.shape else { return };
    match (&routes.gateway, &routes.one_of) {
        (Some(_), Some(one_of)) => ctxt.error_at(
            one_of.key,
            "a frame is a gateway, or one kind of frames of the enum that is: remove `gateway` or `one_of`",
        ),
        (None, None) => {
            if let Some(span) = routes.own.span {
                ctxt.error_at(
                    span,
                    "routes on a frame need a gateway: add `gateway`, or `one_of = ENUM` if the frame is one of several kinds",
                );
            }
        }
        _ => {}
    }
    if let (Some(state), Some(_)) = (&routes.state, &routes.one_of) {
        ctxt.error_at(state.key, "the enum says what the state is: remove `state` here");
    }
    if let (Some(profiles), Some(_)) = (&routes.profiles, &routes.one_of) {
        ctxt.error_at(profiles.key, "the enum says which profiles there are: remove `profiles` here");
    }
    if layout.broken || layout.items.iter().any(|item| item.broken) {
        return;
    }
    let own = &routes.own;
    match (frame.body, own.span, &routes.one_of) {
        (Some(_), Some(span), _) => ctxt.error_at(
            span,
            "this frame has a body that a tag selects: put the routes on its variants, or on the enum for all of them",
        ),
        (None, None, Some(one_of)) => ctxt.error_at(
            one_of.key,
            "this frame has no body whose variants have routes: say here what it means, `publish(\"topic\")`, `ignore`, ..",
        ),
        (None, Some(_), _) => {
            taken_back(own, None, ctxt);
            conflicts(own, ctxt);
            of_frame(layout, own, ctxt);
            let login = routes.anonymous.is_some() || own.auth.is_some() || routes.one_of.is_some();
            if let (false, Some(publish)) = (login, own.publish.first()) {
                ctxt.error_at(
                    publish.span,
                    "no frame logs the device in: add an `auth(client_id = \"{..}\")` route, or `anonymous`",
                );
            }
        }
        _ => {}
    }
}

// What the routes of a frame name is there, under each profile.
pub(super) fn of_frame(layout: &Layout, routes: &VariantRoutes, ctxt: &mut Ctxt) {
    let under = routes.profiles.iter().map(|profile| &profile.routes);
    for routes in under.chain([routes]) {
        publishes(layout, routes, ctxt);
        answers(layout, routes, ctxt);
        templates(layout, routes, ctxt);
    }
    profiles::conflicts(routes, ctxt);
}

// Where one variant has a route, all say what they mean.
fn all_routed(model: &Model, data: &EnumModel, ctxt: &mut Ctxt) {
    if model.routes_broken {
        return;
    }
    for variant in &data.variants {
        if named(&variant.routes).is_empty() {
            ctxt.error(
                &variant.ident,
                format_args!(
                    "`{}` has no route: add `#[route(ignore)]`, or `#[route(sent)]` if only the gateway sends it",
                    variant.ident
                ),
            );
        }
    }
}

// Who publishes has logged in, or the gateway says that nobody does.
fn login(model: &Model, data: &EnumModel, ctxt: &mut Ctxt) {
    if model.routes_broken || model.routes.anonymous.is_some() || model.routes.login_elsewhere.is_some() {
        return;
    }
    if data.variants.iter().any(|variant| variant.routes.auth.is_some()) {
        return;
    }
    let first = data.variants.iter().flat_map(|variant| profiles::publishes(&variant.routes)).next();
    if let Some(publish) = first {
        ctxt.error_at(
            publish.span,
            "no frame logs the device in: add an `auth(client_id = \"{..}\")` route, or `#[route(anonymous)]` to the enum",
        );
    }
}

// A message from the broker becomes one frame: no two `deliver` routes have
// the same filter.
fn filters_differ(data: &EnumModel, ctxt: &mut Ctxt) {
    let mut seen: Vec<(String, &Ident)> = Vec::new();
    for variant in &data.variants {
        let Some(deliver) = &variant.routes.deliver else { continue };
        let pieces = template::parse(&deliver.value.filter, Use::Deliver, &mut Ctxt::default());
        let filter = template::with_levels(&pieces);
        if let Some((_, earlier)) = seen.iter().find(|(text, _)| *text == filter) {
            ctxt.error(
                &deliver.value.filter,
                format_args!(
                    "`{earlier}` takes this filter already, so `{}` is never made: use another filter",
                    variant.ident
                ),
            );
        }
        seen.push((filter, &variant.ident));
    }
}

// `sent` frames never arrive, and `ignore` means that nothing else happens.
fn conflicts(routes: &VariantRoutes, ctxt: &mut Ctxt) {
    let given = named(routes);
    let arriving =
        |(name, _): &&(&'static str, Span)| !matches!(*name, "sent" | "deliver" | "answer" | "ignore");
    if let Some(sent) = &routes.sent {
        if let Some((name, _)) = given.iter().find(arriving) {
            ctxt.error_at(sent.key, format_args!("a frame that is only ever sent never arrives, so `{name}` has nothing to act on: remove one of the two"));
        } else if routes.ignore.is_some() {
            ctxt.error_at(
                sent.key,
                "`ignore` is for frames that arrive, `sent` for those that never do: remove one of the two",
            );
        }
        return;
    }
    if let Some(ignore) = &routes.ignore {
        // What the broker has for the device may be something else than what it sends.
        let other = |(name, _): &&(&'static str, Span)| !matches!(*name, "ignore" | "deliver" | "answer");
        if let Some((name, _)) = given.iter().find(other) {
            ctxt.error_at(
                ignore.key,
                format_args!(
                    "`ignore` means that nothing happens, but there is `{name}`: remove one of the two"
                ),
            );
        }
        return;
    }
    if let (Some(answer), None) = (&routes.answer, &routes.deliver) {
        ctxt.error_at(
            answer.key,
            "`answer` is for frames that go to the device: add `sent` or `deliver(\"filter\")`, or write `answers` on the device's own frame",
        );
    }
}

// `KEY = none` takes back what the enum says of all variants.
fn taken_back(routes: &VariantRoutes, all: Option<&VariantRoutes>, ctxt: &mut Ctxt) {
    let said = all.map_or_else(Vec::new, named);
    let own = named(routes);
    for key in &routes.without {
        let name = key.unraw().to_string();
        if own.iter().any(|(given, _)| *given == name) {
            ctxt.error(key, format_args!("`{name}` is given and is `none`; remove one"));
        } else if said.iter().all(|(given, _)| *given != name) {
            ctxt.error(key, format_args!("`{name} = none` takes back what the enum says of all variants, and it says no `{name}`: remove it"));
        }
    }
}

/// The routes that a variant has.
pub(super) fn named(routes: &VariantRoutes) -> Vec<(&'static str, Span)> {
    let all = [
        ("auth", routes.auth.as_ref().map(|key| key.key)),
        ("publish", routes.publish.first().map(|publish| publish.span)),
        ("subscribe", routes.subscribe.first().map(|subscribe| subscribe.filter.span())),
        ("unsubscribe", routes.unsubscribe.first().map(|subscribe| subscribe.filter.span())),
        ("deliver", routes.deliver.as_ref().map(|key| key.key)),
        ("answer", routes.answer.as_ref().map(|key| key.key)),
        ("answers", routes.answers.as_ref().map(|key| key.key)),
        ("last", routes.last.as_ref().map(|key| key.key)),
        ("lookup", routes.lookup.as_ref().map(|key| key.key)),
        ("inner", routes.inner.as_ref().map(|key| key.key)),
        ("reply", routes.reply.first().map(|reply| reply.span)),
        ("with", routes.with.as_ref().map(|key| key.key)),
        ("heartbeat", routes.heartbeat.as_ref().map(|key| key.key)),
        ("close", routes.close.as_ref().map(|key| key.key)),
        ("ignore", routes.ignore.as_ref().map(|key| key.key)),
        ("sent", routes.sent.as_ref().map(|key| key.key)),
        ("public", routes.public.as_ref().map(|key| key.key)),
    ];
    all.into_iter().filter_map(|(name, span)| Some((name, span?))).collect()
}

// `each` walks a list of the variant and makes the payload of each element;
// `payload` names a field of the variant.
fn publishes(layout: &Layout, routes: &VariantRoutes, ctxt: &mut Ctxt) {
    if let Some(inner) = &routes.inner {
        each(layout, &inner.value.list, "`inner` runs the routes of", ctxt);
    }
    for reply in &routes.reply {
        if let Some(list) = &reply.each {
            each(layout, list, "`each` answers", ctxt);
        }
    }
    for subscribe in routes.subscribe.iter().chain(&routes.unsubscribe) {
        if let Some(list) = &subscribe.each {
            each(layout, list, "names", ctxt);
        }
    }
    for publish in &routes.publish {
        included(layout, publish, ctxt);
        if let Some(list) = &publish.each {
            each(layout, list, "`each` publishes", ctxt);
            if let Payload::Field(word) = &publish.payload {
                ctxt.error(word, "with `each` the payload is the element as JSON: remove `payload`");
            }
        } else if let Payload::Field(field) = &publish.payload {
            let text = field.unraw().to_string();
            if field_named(layout, &text).is_none() {
                ctxt.error(
                    field,
                    format_args!(
                        "`{}` has no field `{text}` to make the payload of; {}",
                        layout.owner,
                        field_hint(layout, &text, &["json", "frame", "raw", "hex"])
                    ),
                );
            }
        }
    }
}

// `include` adds to JSON what is not in it: fields of the frame, and with `each`
// those beside the list.
fn included(layout: &Layout, publish: &Publish, ctxt: &mut Ctxt) {
    let Some(first) = publish.include.first() else { return };
    if !matches!(publish.payload, Payload::Json) {
        ctxt.error(
            first,
            "`include` adds to the JSON of the variant or of an element: remove `payload`, or `include`",
        );
        return;
    }
    for name in &publish.include {
        let text = name.unraw().to_string();
        let here = publish.of_all.then_some(()).is_none() && field_named(layout, &text).is_some();
        match &publish.each {
            Some(list) if *list == *name => {
                ctxt.error(name, format_args!("the elements of `{text}` are the payloads: include others"));
            }
            None if here => ctxt.error(name, format_args!("`{text}` is in the payload already: remove it")),
            _ => {}
        }
    }
}

// `each` names a list of the variant.
fn each(layout: &Layout, list: &Ident, does: &str, ctxt: &mut Ctxt) {
    let text = list.unraw().to_string();
    match field_named(layout, &text) {
        None => ctxt.error(
            list,
            format_args!("`{}` has no field `{text}`; {}", layout.owner, field_hint(layout, &text, &[])),
        ),
        Some(item) if !matches!(item.repr, Repr::List(..)) && !item.broken => {
            ctxt.error(list, format_args!("`{text}` is no list: {does} the elements of a `List` or `Vec`"));
        }
        Some(_) => {}
    }
}

// What a device echoes of a downlink is one value. One that is no field of the
// variant is one of the frame: the compiler looks there.
fn answers(layout: &Layout, routes: &VariantRoutes, ctxt: &mut Ctxt) {
    if let (Some(last), None) = (&routes.last, &routes.answers) {
        ctxt.error_at(
            last.key,
            "`last` says whether an answer ends with this frame, and it answers nothing: add `answers = FIELD`",
        );
    }
    let answers = routes.answers.as_ref().map(|key| (&key.value, "answers"));
    let deliver = routes.deliver.as_ref().and_then(|key| Some((key.value.answer.as_ref()?, "answer")));
    if let (Some(_), Some(answer)) = (deliver, &routes.answer) {
        ctxt.error_at(answer.key, "`deliver` says already how the answer is known: remove one of the two");
    }
    let answer = routes.answer.as_ref().map(|key| (&key.value, "answer"));
    for (pairing, name) in answers.into_iter().chain(deliver).chain(answer) {
        let Pairing::Key(paths) = pairing else { continue };
        for path in paths.iter().filter(|path| path.rest.is_empty()) {
            echoed(layout, &path.first, name, ctxt);
        }
    }
}

fn echoed(layout: &Layout, field: &Ident, name: &str, ctxt: &mut Ctxt) {
    let text = field.unraw().to_string();
    let Some(item) = field_named(layout, &text) else { return };
    let several = match &item.repr {
        Repr::Int(int, _) => int.float,
        Repr::Scalar(..) | Repr::Bits(_) => IntTy::of_type(&item.ty).is_some_and(|int| int.float),
        Repr::List(..) => true,
        _ => false,
    };
    if several && !item.broken {
        ctxt.error(
            field,
            format_args!(
                "`{text}` is no number or text: `{name}` names what the answer echoes of the downlink"
            ),
        );
    }
}

// Templates are well-formed; the filter of a `deliver` route is subscribed
// when nothing but the client id is known.
pub(super) fn templates(layout: &Layout, routes: &VariantRoutes, ctxt: &mut Ctxt) {
    if let Some(auth) = &routes.auth {
        for literal in auth.value.templates() {
            let pieces = template::parse(literal, Use::Text, ctxt);
            numbers(layout, literal, &pieces, ctxt);
        }
    }
    for publish in &routes.publish {
        let pieces = template::parse(&publish.topic, Use::Topic, ctxt);
        of_element(layout, &publish.topic, &pieces, publish.each.as_ref(), ctxt);
        numbers(layout, &publish.topic, &pieces, ctxt);
    }
    for subscribe in routes.subscribe.iter().chain(&routes.unsubscribe) {
        let pieces = template::parse(&subscribe.filter, Use::Filter, ctxt);
        of_element(layout, &subscribe.filter, &pieces, subscribe.each.as_ref(), ctxt);
        numbers(layout, &subscribe.filter, &pieces, ctxt);
    }
    if let Some(deliver) = &routes.deliver {
        device_filter(&deliver.value.filter, ctxt);
        if let Some(Taken::Field(field)) = &deliver.value.payload {
            whole_payload(layout, field, ctxt);
        }
    }
}

// Hexadecimal digits are those of an unsigned number.
fn numbers(layout: &Layout, at: &LitStr, pieces: &[Piece], ctxt: &mut Ctxt) {
    for piece in pieces {
        let Piece::Placeholder(name, form) = piece else { continue };
        let (Some(upper), Some(item)) = (form.hex, field_named(layout, name)) else { continue };
        let text = match &item.repr {
            Repr::Codec(_) => matches!(
                item.ty.to_token_stream().to_string().split([' ', '<']).next(),
                Some("Text" | "TextBuf" | "ShortText" | "String")
            ),
            Repr::Slice | Repr::Buffer => true,
            _ => matches!(&item.ty, syn::Type::Path(path) if path.path.is_ident("bool")),
        };
        let signed = IntTy::of_type(&item.ty).is_some_and(|int| int.signed || int.float);
        if (text || signed) && !item.broken {
            let letter = if upper { 'X' } else { 'x' };
            ctxt.error(
                at,
                format_args!("`{name}` is no unsigned integer, so `:{letter}` has no digits for it"),
            );
        }
    }
}

// `item` is an element of the list that `each` names.
fn of_element(layout: &Layout, at: &LitStr, pieces: &[Piece], each: Option<&Ident>, ctxt: &mut Ctxt) {
    if each.is_some() || field_named(layout, "item").is_some() {
        return;
    }
    let of_item = |piece: &&Piece| matches!(piece, Piece::Placeholder(name, _) if name.starts_with("item."));
    if let Some(Piece::Placeholder(name, _)) = pieces.iter().find(of_item) {
        ctxt.error(
            at,
            format_args!("`{{{name}}}` speaks of an element of a list: say which list, `each = LIST`"),
        );
    }
}

// A payload that is one field leaves nothing to make the others of.
fn whole_payload(layout: &Layout, field: &Ident, ctxt: &mut Ctxt) {
    let text = field.unraw().to_string();
    if field_named(layout, &text).is_none() {
        ctxt.error(
            field,
            format_args!(
                "`{}` has no field `{text}` to make of the payload; {}",
                layout.owner,
                field_hint(layout, &text, &["json"])
            ),
        );
        return;
    }
    let other = layout.items.iter().find(|item| {
        item.member.is_some()
            && item.name.as_deref() != Some(&text)
            && matches!(item.presence, Presence::Always)
            && !matches!(item.repr, Repr::TagReceiver)
            && !item.broken
    });
    if let Some(other) = other {
        ctxt.error(
            field,
            format_args!(
                "the payload is `{text}` alone, so there is nothing to make `{}` of: remove `payload`, and the payload is JSON with both",
                other.label
            ),
        );
    }
}

fn device_filter(literal: &LitStr, ctxt: &mut Ctxt) {
    let mut levels: Vec<String> = Vec::new();
    for piece in template::parse(literal, Use::Deliver, ctxt) {
        if let Piece::Level(name) = &piece {
            if levels.contains(name) {
                ctxt.error(literal, format_args!("the level `{{+{name}}}` is given twice: name them apart"));
            }
            levels.push(name.clone());
        }
        if let Piece::Placeholder(name, _) = piece
            && !matches!(name.as_str(), "client_id" | "peer" | "listener")
            && !["login.", "state.", "param.", "certificate."].iter().any(|of| name.starts_with(of))
        {
            ctxt.error(
                literal,
                format_args!(
                    "`{{{name}}}` is not known when the filter is subscribed: there are `{{client_id}}`, `{{peer}}`, `{{listener}}`, `{{login.FIELD}}` that `auth(.., keep(FIELD))` has kept, `{{state.FIELD}}`, `{{param.NAME}}` and `{{certificate.PART}}`; a level that the topic gives is `{{+name}}`"
                ),
            );
            return;
        }
    }
}
