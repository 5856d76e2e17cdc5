//! `#[route(..)]`: what a frame means to MQTT.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, LitStr, Member, Path, Token, Type};

use super::act::{deliver, inner, pairing, publish, reply, subscribe};
pub(crate) use super::auth::Auth;
use super::auth::auth;
use super::profile::{self, Profile};
use super::{Keyed, Place, after_eq, in_parens, set, unknown_key};
use crate::ctxt::Ctxt;

const STRUCT_KEYS: &[&str] = &[
    "gateway",
    "state",
    "ctx",
    "downlink",
    "one_of",
    "anonymous",
    "profiles",
    "poll",
    "unanswered",
    "request",
    "nulls",
    "segment",
    "missing",
    "shared",
];
const ENUM_KEYS: &[&str] = &[
    "auth",
    "publish",
    "subscribe",
    "unsubscribe",
    "reply",
    "with",
    "anonymous",
    "login_elsewhere",
    "profile",
    "frames",
];
/// What the enum may say of all its variants.
const OF_ALL: &[&str] = &["auth", "publish", "subscribe", "unsubscribe", "reply", "with"];
const ONE_OF_KEYS: &[&str] =
    &["gateway", "state", "ctx", "profiles", "poll", "unanswered", "request", "nulls"];
const VARIANT_KEYS: &[&str] = &[
    "auth",
    "publish",
    "subscribe",
    "unsubscribe",
    "deliver",
    "answer",
    "answers",
    "last",
    "inner",
    "lookup",
    "reply",
    "with",
    "heartbeat",
    "close",
    "ignore",
    "sent",
    "public",
    "profile",
];
const ALL_KEYS: &[&str] = &[
    "gateway",
    "state",
    "ctx",
    "downlink",
    "one_of",
    "anonymous",
    "login_elsewhere",
    "auth",
    "publish",
    "subscribe",
    "unsubscribe",
    "deliver",
    "answer",
    "answers",
    "last",
    "inner",
    "lookup",
    "reply",
    "with",
    "heartbeat",
    "close",
    "ignore",
    "sent",
    "public",
    "profile",
    "profiles",
    "poll",
    "unanswered",
    "request",
    "nulls",
    "segment",
    "missing",
    "shared",
    "frames",
];

/// `poll = FUNCTION`, or `poll(FUNCTION, before_login)`.
pub(crate) struct Poll {
    pub(crate) function: Path,
    pub(crate) before_login: bool,
}

fn poll(input: ParseStream<'_>, key: &Ident) -> syn::Result<Poll> {
    if !input.peek(syn::token::Paren) {
        let function = after_eq(input, key, "FUNCTION", |input| input.parse())?;
        return Ok(Poll { function, before_login: false });
    }
    in_parens(input, key, "FUNCTION, before_login", |input| {
        let function = input.parse()?;
        let before_login = input.parse::<Option<Token![,]>>()?.is_some() && !input.is_empty();
        if before_login {
            let word: Ident = input.parse()?;
            if word != "before_login" {
                return Err(syn::Error::new(word.span(), "write `before_login`, or nothing"));
            }
        }
        Ok(Poll { function, before_login })
    })
}

/// The keys of `#[route(..)]` on a type.
#[derive(Default)]
pub(crate) struct RouteAttrs {
    /// Whether there is a `#[route(..)]` at all, and where.
    pub(crate) span: Option<Span>,
    pub(crate) gateway: Option<Keyed<()>>,
    pub(crate) state: Option<Keyed<Type>>,
    /// What makes the context of the frames.
    pub(crate) ctx: Option<Keyed<Path>>,
    pub(crate) downlink: Option<Keyed<Path>>,
    /// What the gateway asks its devices for.
    pub(crate) poll: Option<Keyed<Poll>>,
    /// What happens when a device does not answer.
    pub(crate) unanswered: Option<Keyed<Path>>,
    /// What the device is told of each segment of a message.
    pub(crate) segment: Option<Keyed<Expr>>,
    /// What asks it for segments that are missing.
    pub(crate) missing: Option<Keyed<Expr>>,
    /// Members of JSON without a value are left out.
    pub(crate) nulls: Option<Keyed<()>>,
    /// What is kept with a request, for templates.
    pub(crate) request: Option<Keyed<Type>>,
    pub(crate) anonymous: Option<Keyed<()>>,
    /// Another kind of frame logs the device in.
    pub(crate) login_elsewhere: Option<Keyed<()>>,
    /// The gateway that this frame is one kind of.
    pub(crate) one_of: Option<Keyed<Type>>,
    /// The body of this frame is that of others too.
    pub(crate) shared: Option<Keyed<()>>,
    /// The frames that share this body.
    pub(crate) frames: Option<Keyed<Vec<Type>>>,
    /// The routes of a frame without a body.
    pub(crate) own: VariantRoutes,
    /// The names of all profiles of a gateway.
    pub(crate) profiles: Option<Keyed<Vec<Ident>>>,
    /// What profiles say of all variants.
    pub(crate) of_all: Vec<Profile>,
}

/// The keys of `#[route(..)]` on a variant.
#[derive(Clone, Default)]
pub(crate) struct VariantRoutes {
    pub(crate) span: Option<Span>,
    pub(crate) auth: Option<Keyed<Auth>>,
    pub(crate) publish: Vec<Publish>,
    pub(crate) subscribe: Vec<Subscribe>,
    pub(crate) unsubscribe: Vec<Subscribe>,
    pub(crate) deliver: Option<Keyed<Deliver>>,
    /// How the answer will be known to this frame that goes to the device.
    pub(crate) answer: Option<Keyed<Pairing>>,
    /// How the downlink is known that this frame answers.
    pub(crate) answers: Option<Keyed<Pairing>>,
    /// Whether the answer ends with this frame.
    pub(crate) last: Option<Keyed<Expr>>,
    /// What is asked elsewhere before anything else.
    pub(crate) lookup: Option<Keyed<Path>>,
    /// Frames within this one that have routes of their own.
    pub(crate) inner: Option<Keyed<Inner>>,
    pub(crate) reply: Vec<Reply>,
    pub(crate) with: Option<Keyed<Path>>,
    pub(crate) heartbeat: Option<Keyed<()>>,
    pub(crate) close: Option<Keyed<Option<LitStr>>>,
    pub(crate) ignore: Option<Keyed<()>>,
    pub(crate) sent: Option<Keyed<()>>,
    pub(crate) public: Option<Keyed<()>>,
    /// What stands in for some of these under a profile.
    pub(crate) profiles: Vec<Profile>,
    /// What the enum says of all variants and not of this one.
    pub(crate) without: Vec<Ident>,
}

/// A text of a login.
#[derive(Clone)]
pub(crate) enum LoginText {
    Template(LitStr),
    /// What a function or another expression makes of the frame.
    Made(Expr),
}

/// `reply = EXPR`, `reply(EXPR, each = items)`.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) span: Span,
    pub(crate) value: Expr,
    pub(crate) each: Option<Ident>,
}

/// `inner = LIST`, `inner(LIST, reply = FUNCTION)`.
#[derive(Clone)]
pub(crate) struct Inner {
    pub(crate) list: Ident,
    /// What puts the envelope around their replies, and whether around all
    /// together.
    pub(crate) envelope: Option<(Path, bool)>,
}

/// What ties an answer to its downlink.
#[derive(Clone)]
pub(crate) enum Pairing {
    /// Nothing: answers come in the order of the downlinks.
    Order,
    /// A field that is echoed, or several.
    Key(Vec<FieldPath>),
    /// The kind: the oldest downlink among these.
    Of(Vec<Ident>),
}

/// `serial`, `header.serial`: a field of the variant or of the frame, and
/// fields within it.
#[derive(Clone)]
pub(crate) struct FieldPath {
    pub(crate) first: Ident,
    pub(crate) rest: Vec<Member>,
}

/// `publish("topic", qos = 1, retain, payload = .., each = items)`.
#[derive(Clone)]
pub(crate) struct Publish {
    pub(crate) span: Span,
    pub(crate) topic: LitStr,
    pub(crate) qos: u8,
    pub(crate) retain: bool,
    pub(crate) payload: Payload,
    pub(crate) each: Option<Ident>,
    /// When it is published, if not always.
    pub(crate) condition: Option<Expr>,
    /// Fields of the frame, or beside the list, that the JSON holds as well.
    pub(crate) include: Vec<Ident>,
    /// It stands for all variants, so it speaks of no variant's fields.
    pub(crate) of_all: bool,
}

/// What a publish carries.
#[derive(Clone)]
pub(crate) enum Payload {
    /// The fields of the variant as JSON.
    Json,
    /// The whole frame as JSON.
    Frame,
    /// One field: bytes and text as they are, else JSON.
    Field(Ident),
    /// What a function writes.
    With(Path),
    /// The frame as it was received.
    Raw,
    /// The same as hex digits.
    Hex,
}

/// `subscribe("filter", qos = 1, each = items)`.
#[derive(Clone)]
pub(crate) struct Subscribe {
    pub(crate) filter: LitStr,
    pub(crate) qos: u8,
    pub(crate) each: Option<Ident>,
}

/// `deliver("filter", qos = 1, answer = KEY, payload = FIELD)`.
#[derive(Clone)]
pub(crate) struct Deliver {
    pub(crate) filter: LitStr,
    pub(crate) qos: u8,
    /// How the device's answer will be known.
    pub(crate) answer: Option<Pairing>,
    /// What the payload is, if it is not the JSON of the variant.
    pub(crate) payload: Option<Taken>,
}

/// How the payload of a downlink is read.
#[derive(Clone)]
pub(crate) enum Taken {
    /// It is one field.
    Field(Ident),
    /// A function makes a body of it.
    With(Path),
}

impl VariantRoutes {
    /// How the answer will be known to this frame.
    pub(crate) fn awaited(&self) -> Option<&Pairing> {
        let delivered = self.deliver.as_ref().and_then(|deliver| deliver.value.answer.as_ref());
        delivered.or(self.answer.as_ref().map(|key| &key.value))
    }

    /// Whether the variant says anything about MQTT.
    pub(crate) fn is_empty(&self) -> bool {
        self.span.is_none()
    }
}

/// Reads `#[route(..)]` on a struct or enum; `one_of` is an enum of frames.
pub(crate) fn parse_type(attrs: &[Attribute], place: Place, one_of: bool, ctxt: &mut Ctxt) -> RouteAttrs {
    let mut found = RouteAttrs { span: span_of(attrs), ..RouteAttrs::default() };
    let here = match place {
        Place::Enum if one_of => ONE_OF_KEYS,
        Place::Enum => ENUM_KEYS,
        _ => STRUCT_KEYS,
    };
    profile::entries(attrs, ctxt, |of, key, input, ctxt| {
        let name = key.unraw().to_string();
        match (of, place) {
            (Some(of), Place::Enum) => {
                return profile::route(&mut found.of_all, of, key, input, profile::OF_ALL, ctxt);
            }
            (Some(of), _) => {
                found.own.span = found.own.span.or(Some(key.span()));
                return profile::route(&mut found.own.profiles, of, key, input, profile::KEYS, ctxt);
            }
            (None, _) => {}
        }
        // What holds for all variants.
        if place == Place::Enum && !one_of && OF_ALL.contains(&name.as_str()) {
            found.own.span = found.own.span.or(Some(key.span()));
            return route(&mut found.own, key, input, ctxt);
        }
        // A frame without a body has the routes of a variant itself.
        if place == Place::Struct && VARIANT_KEYS.contains(&name.as_str()) {
            found.own.span = found.own.span.or(Some(key.span()));
            return route(&mut found.own, key, input, ctxt);
        }
        if !here.contains(&name.as_str()) {
            return Err(unknown_key(key, "route", place, here, ALL_KEYS));
        }
        match name.as_str() {
            "gateway" => set(&mut found.gateway, key, (), ctxt),
            "one_of" => {
                set(&mut found.one_of, key, after_eq(input, key, "ENUM", |input| input.parse())?, ctxt)
            }
            "state" => set(&mut found.state, key, after_eq(input, key, "TYPE", |input| input.parse())?, ctxt),
            "ctx" => set(&mut found.ctx, key, after_eq(input, key, "FUNCTION", |input| input.parse())?, ctxt),
            "nulls" => {
                after_eq(input, key, "omit", |input| {
                    let word = input.call(Ident::parse_any)?;
                    match word == "omit" {
                        true => Ok(()),
                        false => Err(syn::Error::new(
                            word.span(),
                            "nulls stand in JSON, or are left out: `nulls = omit`",
                        )),
                    }
                })?;
                set(&mut found.nulls, key, (), ctxt);
            }
            "poll" => {
                let value = poll(input, key)?;
                set(&mut found.poll, key, value, ctxt);
            }
            "unanswered" => set(
                &mut found.unanswered,
                key,
                after_eq(input, key, "FUNCTION", |input| input.parse())?,
                ctxt,
            ),
            "request" => {
                set(&mut found.request, key, after_eq(input, key, "TYPE", |input| input.parse())?, ctxt)
            }
            "downlink" => {
                set(&mut found.downlink, key, after_eq(input, key, "FUNCTION", |input| input.parse())?, ctxt)
            }
            "segment" | "missing" => {
                let value = after_eq(input, key, "FUNCTION", |input| input.parse())?;
                set(
                    if name == "segment" { &mut found.segment } else { &mut found.missing },
                    key,
                    value,
                    ctxt,
                );
            }
            "profiles" => {
                let names = in_parens(input, key, "NAME", profile::names)?;
                set(&mut found.profiles, key, names, ctxt);
            }
            "frames" => {
                let types = in_parens(input, key, "FRAME, FRAME", |input| {
                    Ok(input.call(Punctuated::<Type, Token![,]>::parse_terminated)?.into_iter().collect())
                })?;
                set(&mut found.frames, key, types, ctxt);
            }
            "shared" => set(&mut found.shared, key, (), ctxt),
            "login_elsewhere" => set(&mut found.login_elsewhere, key, (), ctxt),
            _ => set(&mut found.anonymous, key, (), ctxt),
        }
        Ok(())
    });
    found
}

/// Reads `#[route(..)]` on a variant.
pub(crate) fn parse_variant(attrs: &[Attribute], ctxt: &mut Ctxt) -> VariantRoutes {
    let mut found = VariantRoutes { span: span_of(attrs), ..VariantRoutes::default() };
    profile::entries(attrs, ctxt, |of, key, input, ctxt| match of {
        Some(of) => profile::route(&mut found.profiles, of, key, input, profile::KEYS, ctxt),
        None => route(&mut found, key, input, ctxt),
    });
    found
}

/// Reads one key of the routes of a frame.
pub(super) fn route(
    found: &mut VariantRoutes,
    key: &Ident,
    input: ParseStream<'_>,
    ctxt: &mut Ctxt,
) -> syn::Result<()> {
    let name = key.unraw().to_string();
    if OF_ALL.contains(&name.as_str()) && profile::none(input)? {
        found.without.push(key.clone());
        return Ok(());
    }
    match name.as_str() {
        "auth" => {
            let value = in_parens(input, key, "client_id = \"{..}\"", |input| auth(key, input))?;
            set(&mut found.auth, key, value, ctxt);
        }
        "publish" => {
            found.publish.push(in_parens(input, key, "\"topic\"", |input| publish(key, input))?);
        }
        "subscribe" | "unsubscribe" => {
            let value = in_parens(input, key, "\"filter\"", |input| subscribe(&name, input))?;
            if name == "subscribe" { &mut found.subscribe } else { &mut found.unsubscribe }.push(value);
        }
        "deliver" => {
            let value = in_parens(input, key, "\"filter\"", deliver)?;
            set(&mut found.deliver, key, value, ctxt);
        }
        "answer" => {
            let value = pairing(input, key)?;
            set(&mut found.answer, key, value, ctxt);
        }
        "answers" => {
            let value = pairing(input, key)?;
            set(&mut found.answers, key, value, ctxt);
        }
        "last" => set(&mut found.last, key, after_eq(input, key, "CONDITION", |input| input.parse())?, ctxt),
        "lookup" => {
            set(&mut found.lookup, key, after_eq(input, key, "FUNCTION", |input| input.parse())?, ctxt);
        }
        "inner" => {
            let value = inner(input, key)?;
            set(&mut found.inner, key, value, ctxt);
        }
        "reply" => found.reply.push(reply(input, key)?),
        "with" => set(&mut found.with, key, after_eq(input, key, "FUNCTION", |input| input.parse())?, ctxt),
        "heartbeat" => set(&mut found.heartbeat, key, (), ctxt),
        "close" => {
            let reason = if input.peek(syn::token::Paren) {
                Some(in_parens(input, key, "\"reason\"", |input| input.parse())?)
            } else {
                None
            };
            set(&mut found.close, key, reason, ctxt);
        }
        "ignore" => set(&mut found.ignore, key, (), ctxt),
        "sent" => set(&mut found.sent, key, (), ctxt),
        "public" => set(&mut found.public, key, (), ctxt),
        _ => return Err(unknown_key(key, "route", Place::Variant, VARIANT_KEYS, ALL_KEYS)),
    }
    Ok(())
}

/// Whether some place has this key.
pub(super) fn is_key(name: &str) -> bool {
    ALL_KEYS.contains(&name)
}

fn span_of(attrs: &[Attribute]) -> Option<Span> {
    attrs.iter().find_map(|attr| attr.path().get_ident().filter(|ident| *ident == "route").map(Ident::span))
}

pub(super) fn comma(input: ParseStream<'_>) -> syn::Result<()> {
    if !input.is_empty() {
        let _: Token![,] = input.parse()?;
    }
    Ok(())
}
