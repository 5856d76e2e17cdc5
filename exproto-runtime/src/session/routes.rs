//! What generated route code is made of. Not public: changes with every
//! release.

use core::hash::Hasher;
use std::hash::DefaultHasher;

use super::cx::{Asks, Cx};
use super::event::Outcome;
pub use super::form::{Form, Formed};
use super::gateway::{Access, After, DeliverError, Delivery, Gateway, Pairing, Polled, Refusal, Stage};
pub use super::known::{
    any_awaited, check_awaited, check_included, check_kept, check_placeholder, check_profile, check_used,
};
pub use super::lookup::Looks;
use super::lookup::Lookup;
pub use super::payload::{
    content_json, field_payload, json, members, payload_node, payload_raw, put_hex, with_members,
};
use super::poll::Next;
use super::topic::{TopicBuf, TopicValue, capture, unescaped};
use crate::codec::sentence::same;
use crate::codec::{self, Context, Error, Node, Parts, Protocol, Scalar, Value, Wire};

/// An enum of frames, of one of its kinds.
pub trait Holds<Frame: Wire>: Context {
    /// What of the enum's context the frame takes.
    fn narrow(ctx: Self::Ctx) -> Frame::Ctx;
}

/// A body that belongs to a frame. Of two frames that do not share it the compiler
/// says that the implementations of this trait conflict, so its name is the mend.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has routes but no frame has it as its body",
    label = "no `#[frame(..)]` type says `= tag(..)` of a field of this type",
    note = "add `#[route(gateway)]` to the frame whose body this is; where several frames share it, list them here, `#[route(frames(A, B))]`"
)]
pub trait OnlyFrameUnlessShared {
    /// The frame.
    type Frame: Outer<Body = Self>;
}

/// A frame with a body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no routes",
    label = "one kind of frames of a gateway, and nothing says what it means",
    note = "add `#[route(one_of = ENUM, ..)]` to the frame, with its routes if it has no body"
)]
pub trait Outer: Sized {
    /// Whether other frames have its body too: `#[route(shared)]`.
    const SHARES: bool = false;
    /// What `auth` keeps, in any frame of the gateway.
    const KEEPS: &'static [&'static [&'static str]];
    /// The gateway's profiles.
    const PROFILES: &'static [&'static str] = &[];
    /// What the user keeps for each connection.
    type State: Default + Send + 'static;
    /// What the gateway's frames take as context.
    type Context: Copy;
    /// The gateway: this frame, or the enum that it is one kind of.
    type Port;
    /// The body.
    type Body;
    /// See [`Gateway::ctx`](super::Gateway::ctx).
    fn context(cx: &Cx<'_, Self::State>) -> Self::Context;
    /// The body of this frame, which may be absent.
    fn body(&self) -> Option<&Self::Body>;
    /// See [`Gateway::ASKS_MISSING`](super::Gateway::ASKS_MISSING).
    const ASKS_MISSING: bool = false;
    /// See [`Gateway::segment_came`](super::Gateway::segment_came).
    ///
    /// # Errors
    ///
    /// A reply that cannot be encoded.
    fn segment_came(
        &self,
        cx: &mut Cx<'_, Self::State>,
        parts: &Parts<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let _ = (cx, parts, out);
        Ok(())
    }
    /// See [`Gateway::segments_missing`](super::Gateway::segments_missing).
    ///
    /// # Errors
    ///
    /// A frame that cannot be encoded.
    fn segments_missing(
        &self,
        cx: &mut Cx<'_, Self::State>,
        parts: &Parts<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let _ = (cx, parts, out);
        Ok(())
    }
}

/// A gateway that keeps values of its own with what it asks.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say what it keeps with a request",
    label = "`{{request.FIELD}}` needs the type that `cx.remember(..)` is given",
    note = "add `#[route(request = TYPE)]` beside `gateway`"
)]
pub trait Requests {
    /// What `Cx::remember` is given.
    type Request: 'static;
}

/// A frame that knows how to put a header before a body for the device.
#[diagnostic::on_unimplemented(
    message = "`deliver` needs a function that puts the header before the body",
    label = "`{Self}` does not say how",
    note = "write `#[route(downlink = FUNCTION)]` on the frame, with `fn FUNCTION<'a>(body: Body<'a>, cx: &mut Cx<'_, State>) -> Frame<'a>`"
)]
pub trait Envelope: Outer {
    /// Appends the whole frame as it stands on the wire; how its answer will be
    /// known.
    ///
    /// # Errors
    ///
    /// A value that does not fit its field.
    fn envelope(
        body: Self::Body,
        cx: &mut Cx<'_, Self::State>,
        out: &mut Vec<u8>,
    ) -> Result<Option<Pairing>, Error>;
}

/// What a `downlink` function may make.
#[diagnostic::on_unimplemented(
    message = "a `downlink` function makes a frame of the same gateway, not `{Self}`",
    label = "`{Frame}`, or the enum of frames that it is one kind of"
)]
pub trait Whole<Frame: Outer>: ReplyTo<Frame> {
    /// How its answer will be known.
    fn awaited(&self) -> Option<Pairing>;
}

/// Appends a frame for the device; how its answer will be known.
///
/// # Errors
///
/// A value that does not fit its field.
pub fn encode_whole<Frame: Outer, W: Whole<Frame>>(
    whole: W,
    ctx: Frame::Context,
    out: &mut Vec<u8>,
) -> Result<Option<Pairing>, Error> {
    let awaited = whole.awaited();
    whole.write(ctx, out)?;
    Ok(awaited)
}

/// What can stand behind `reply =`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot answer a `{Frame}`",
    label = "a reply is a frame of the same protocol, an `Option` or several of them in a `Vec` or an array, or `()`"
)]
pub trait ReplyTo<Frame: Outer> {
    /// Appends the reply as it stands on the wire.
    ///
    /// # Errors
    ///
    /// A value that does not fit its field.
    fn write(self, ctx: Frame::Context, out: &mut Vec<u8>) -> Result<(), Error>;
}

impl<Frame: Outer> ReplyTo<Frame> for () {
    fn write(self, _: Frame::Context, _: &mut Vec<u8>) -> Result<(), Error> {
        Ok(())
    }
}

impl<Frame: Outer, R: ReplyTo<Frame>> ReplyTo<Frame> for Vec<R> {
    fn write(self, ctx: Frame::Context, out: &mut Vec<u8>) -> Result<(), Error> {
        self.into_iter().try_for_each(|reply| reply.write(ctx, out))
    }
}

impl<Frame: Outer, R: ReplyTo<Frame>, const N: usize> ReplyTo<Frame> for [R; N] {
    fn write(self, ctx: Frame::Context, out: &mut Vec<u8>) -> Result<(), Error> {
        self.into_iter().try_for_each(|reply| reply.write(ctx, out))
    }
}

impl<Frame: Outer, R: ReplyTo<Frame>> ReplyTo<Frame> for Option<R> {
    fn write(self, ctx: Frame::Context, out: &mut Vec<u8>) -> Result<(), Error> {
        self.map_or(Ok(()), |reply| reply.write(ctx, out))
    }
}

/// What can stand behind `client_id =`, `username =` and `password =` besides
/// a template.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no text of a login",
    label = "a text, a number, a value with `TopicValue`, or an `Option` of one"
)]
pub trait LoginText {
    /// The text, if there is one.
    fn text(self) -> Option<String>;
}

impl<T: TopicValue> LoginText for T {
    fn text(self) -> Option<String> {
        let mut text = String::new();
        self.put(&mut text);
        Some(text)
    }
}

impl<T: TopicValue> LoginText for Option<T> {
    fn text(self) -> Option<String> {
        self.and_then(LoginText::text)
    }
}

/// What a `with` function may return.
#[diagnostic::on_unimplemented(
    message = "a `with` function returns `()` or `Result<(), Refusal>`, not `{Self}`",
    label = "publish and subscribe through its third argument, `&mut Asks<'_>`"
)]
pub trait Hatch {
    /// Whether the frame is refused.
    ///
    /// # Errors
    ///
    /// The refusal.
    fn result(self) -> Result<(), Refusal>;
}

impl Hatch for () {
    fn result(self) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Hatch for Result<(), Refusal> {
    fn result(self) -> Result<(), Refusal> {
        self
    }
}

/// The routes of a body.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no routes",
    label = "a gateway needs routes on the variants of its body",
    note = "add `#[route(publish(\"topic\"))]`, `#[route(ignore)]`, .. to each variant",
    note = "a body that frames share lists them, `#[route(frames(A, B))]`"
)]
pub trait Routes<F: Outer<Body = Self>>: Sized {
    /// See [`Gateway::ANONYMOUS`](super::Gateway::ANONYMOUS).
    const ANONYMOUS: bool;
    /// What `auth` keeps.
    const KEEPS: &'static [&'static str];
    /// The profiles that any of them is under.
    const PROFILES: &'static [&'static str] = &[];
    /// The downlinks that are answered.
    const AWAITED: &'static [&'static str] = &[];
    /// See [`Gateway::access`](super::Gateway::access).
    fn access(&self) -> Access;
    /// See [`Gateway::answers`](super::Gateway::answers).
    fn answers(frame: &F) -> Option<Pairing>;
    /// See [`Gateway::is_last`](super::Gateway::is_last).
    fn is_last(frame: &F) -> bool {
        let _ = frame;
        true
    }
    /// See [`Gateway::awaits`](super::Gateway::awaits).
    fn awaits(frame: &F) -> Option<Pairing> {
        let _ = frame;
        None
    }
    /// See [`Gateway::lookup`](super::Gateway::lookup).
    fn lookup(frame: &F, cx: &mut Cx<'_, F::State>) -> Option<Lookup> {
        let _ = (frame, cx);
        None
    }
    /// See [`Gateway::ask`](super::Gateway::ask).
    ///
    /// # Errors
    ///
    /// The frame is refused.
    fn ask(frame: &F, stage: Stage, cx: &mut Cx<'_, F::State>, asks: &mut Asks<'_>) -> Result<(), Refusal>;
    /// See [`Gateway::settle`](super::Gateway::settle).
    ///
    /// # Errors
    ///
    /// The reply cannot be encoded.
    fn settle(
        frame: &F,
        cx: &mut Cx<'_, F::State>,
        outcome: &Outcome,
        reply: &mut Vec<u8>,
    ) -> Result<After, Error>;
    /// See [`Gateway::filters`](super::Gateway::filters).
    ///
    /// # Errors
    ///
    /// A value that must not stand in a filter.
    fn filters(cx: &Cx<'_, F::State>, each: &mut dyn FnMut(&TopicBuf, u8)) -> Result<(), Refusal>;
    /// See [`Gateway::deliver`](super::Gateway::deliver).
    ///
    /// # Errors
    ///
    /// See [`DeliverError`].
    fn deliver(
        topic: &str,
        payload: &[u8],
        cx: &mut Cx<'_, F::State>,
        frame: &mut Vec<u8>,
    ) -> Result<Delivery, DeliverError>;
}

/// See [`Gateway::access`](super::Gateway::access), of one kind of frames.
#[inline]
pub fn access_of<F: Outer<Body: Routes<F>>>(frame: &F) -> Access {
    // Without its body a frame means nothing.
    frame.body().map_or(Access::Public, Routes::<F>::access)
}

/// See [`Gateway::answers`](super::Gateway::answers), of one kind of frames.
#[inline]
pub fn answers_of<F: Outer<Body: Routes<F>>>(frame: &F) -> Option<Pairing> {
    <F::Body as Routes<F>>::answers(frame)
}

/// See [`Gateway::is_last`](super::Gateway::is_last), of one kind of frames.
#[inline]
pub fn is_last_of<F: Outer<Body: Routes<F>>>(frame: &F) -> bool {
    <F::Body as Routes<F>>::is_last(frame)
}

/// See [`Gateway::awaits`](super::Gateway::awaits), of one kind of frames.
#[inline]
pub fn awaits_of<F: Outer<Body: Routes<F>>>(frame: &F) -> Option<Pairing> {
    <F::Body as Routes<F>>::awaits(frame)
}

/// As [`ask_of`], of a frame within another one, which has logged the device in.
///
/// # Errors
///
/// The frame is refused, and the one around it.
pub fn ask_inner<F: Outer<Body: Routes<F>>>(
    frame: &F,
    cx: &mut Cx<'_, F::State>,
    asks: &mut Asks<'_>,
) -> Result<(), Refusal> {
    if access_of(frame) == Access::Sent {
        return Err(Refusal::new("a frame within it is only ever sent to devices"));
    }
    ask_of(frame, Stage::Rest, cx, asks)
}

/// As [`settle_of`], of a frame within another one.
///
/// # Errors
///
/// The reply cannot be encoded.
pub fn settle_inner<F: Outer<Body: Routes<F>>>(
    frame: &F,
    cx: &mut Cx<'_, F::State>,
    outcome: &Outcome,
    reply: &mut Vec<u8>,
) -> Result<After, Error> {
    settle_of(frame, cx, outcome, reply)
}

/// What a `poll` function wants sent; the frame is appended to `out`.
///
/// # Errors
///
/// A value that does not fit its field.
pub fn polled<G: Gateway>(
    next: Next<<G as codec::Family>::At<'_>>,
    ctx: G::Ctx,
    out: &mut Vec<u8>,
) -> Result<Polled, Error> {
    match next {
        Next::Ask(frame) => {
            codec::encode_with::<G>(&frame, ctx, out)?;
            let answer = G::awaits(&frame).unwrap_or(Pairing::Order);
            Ok(Polled::Ask { kind: <G as Protocol>::kind(&frame), answer })
        }
        Next::Tell(frame) => codec::encode_with::<G>(&frame, ctx, out).map(|()| Polled::Tell),
        Next::In(time) => Ok(Polled::In(time)),
        Next::Idle => Ok(Polled::Idle),
    }
}

/// See [`Gateway::lookup`](super::Gateway::lookup), of one kind of frames.
#[inline]
pub fn lookup_of<F: Outer<Body: Routes<F>>>(frame: &F, cx: &mut Cx<'_, F::State>) -> Option<Lookup> {
    <F::Body as Routes<F>>::lookup(frame, cx)
}

/// See [`Gateway::ask`](super::Gateway::ask), of one kind of frames.
///
/// # Errors
///
/// The frame is refused.
#[inline]
pub fn ask_of<F: Outer<Body: Routes<F>>>(
    frame: &F,
    stage: Stage,
    cx: &mut Cx<'_, F::State>,
    asks: &mut Asks<'_>,
) -> Result<(), Refusal> {
    <F::Body as Routes<F>>::ask(frame, stage, cx, asks)
}

/// See [`Gateway::settle`](super::Gateway::settle), of one kind of frames.
///
/// # Errors
///
/// The reply cannot be encoded.
#[inline]
pub fn settle_of<F: Outer<Body: Routes<F>>>(
    frame: &F,
    cx: &mut Cx<'_, F::State>,
    outcome: &Outcome,
    reply: &mut Vec<u8>,
) -> Result<After, Error> {
    <F::Body as Routes<F>>::settle(frame, cx, outcome, reply)
}

/// A value that an answer echoes.
#[derive(Debug)]
pub struct Echo<'v, T: ?Sized>(pub &'v T);

/// Chosen by method resolution for values that are one number.
pub trait EchoNumber {
    /// What both sides have in common.
    fn pairing(&self) -> Option<Pairing>;
}

/// Chosen by method resolution for all others.
pub trait EchoValue {
    /// What both sides have in common; `None` for no value.
    fn pairing(&self) -> Option<Pairing>;
}

impl<T: Scalar> EchoNumber for Echo<'_, T> {
    #[inline]
    fn pairing(&self) -> Option<Pairing> {
        Some(Pairing::Key(self.0.raw()))
    }
}

impl<T: Value + ?Sized> EchoValue for &Echo<'_, T> {
    fn pairing(&self) -> Option<Pairing> {
        let mut text = Vec::new();
        codec::to_json(self.0, &mut text);
        if text == b"null" {
            return None;
        }
        // The downlink may have a number as text, or the answer: the same number
        // all the same.
        let plain = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\"")).unwrap_or(&text);
        let number = core::str::from_utf8(plain).ok().and_then(|text| text.parse::<u64>().ok());
        match number.filter(|number| number.to_string().as_bytes() == plain) {
            Some(number) => Some(Pairing::Key(number)),
            None => Some(digest(|hash| hash.write(&text))),
        }
    }
}

/// Several values that an answer echoes together.
#[must_use]
pub fn echo_all<const N: usize>(all: [Option<Pairing>; N]) -> Option<Pairing> {
    let all = all.into_iter().collect::<Option<Vec<_>>>()?;
    Some(digest(|hash| {
        for pairing in all {
            match pairing {
                Pairing::Key(number) => hash.write_u64(number),
                Pairing::Digest(digest) => hash.write_u64(digest ^ 1 << 63),
                // Both say nothing of the value.
                Pairing::Order | Pairing::Of(_) => {}
            }
        }
    }))
}

fn digest(feed: impl FnOnce(&mut DefaultHasher)) -> Pairing {
    let mut hash = DefaultHasher::new();
    feed(&mut hash);
    Pairing::Digest(hash.finish())
}

/// What can stand for a placeholder: a value, or one that may be missing.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand in a topic",
    label = "integers, `bool`, text and packed decimals can, and an `Option` of them",
    note = "use another field, or implement `exproto_runtime::session::TopicValue` for the type"
)]
pub trait Placeholder {
    /// Appends the value as text; nothing if it is missing.
    fn put(&self, out: &mut String);
}

impl<T: TopicValue + ?Sized> Placeholder for T {
    #[inline]
    fn put(&self, out: &mut String) {
        TopicValue::put(self, out);
    }
}

impl<T: TopicValue> Placeholder for Option<T> {
    fn put(&self, out: &mut String) {
        if let Some(value) = self {
            TopicValue::put(value, out);
        }
    }
}

impl<T: TopicValue> Placeholder for &Option<T> {
    fn put(&self, out: &mut String) {
        (**self).put(out);
    }
}

/// A placeholder's value on its way into a topic.
#[derive(Debug)]
pub struct Slot<'v, T: ?Sized>(pub &'v T);

impl<T: Placeholder + ?Sized> TopicValue for Slot<'_, T> {
    #[inline]
    fn put(&self, out: &mut String) {
        self.0.put(out);
    }
}

/// A value on the way to one within it, which may be absent.
#[derive(Debug)]
pub struct PathStep<'v, T>(pub &'v T);

/// Chosen by method resolution for options.
pub trait PathSome<'v> {
    /// What may be there.
    type To;
    /// It, if it is.
    fn step(&self) -> Option<&'v Self::To>;
}

/// Chosen by method resolution for all other values.
pub trait PathPlain<'v> {
    /// The value.
    type To;
    /// It.
    fn step(&self) -> Option<&'v Self::To>;
}

impl<'v, T> PathSome<'v> for PathStep<'v, Option<T>> {
    type To = T;
    #[inline(always)]
    fn step(&self) -> Option<&'v T> {
        self.0.as_ref()
    }
}

impl<'v, T> PathPlain<'v> for &PathStep<'v, T> {
    type To = T;
    #[inline(always)]
    fn step(&self) -> Option<&'v T> {
        Some(self.0)
    }
}

/// The fields of a frame by name, for placeholders.
pub trait Names {
    /// The frame's name.
    const TYPE: &'static str;
    /// Its fields.
    const NAMES: &'static [&'static str];
    /// Their types, as text.
    const TYPES: &'static [&'static str];
    /// Whether they can stand in a topic.
    const USABLE: &'static [bool];
    /// The value of a field by its place in `NAMES`.
    fn value(&self, index: usize) -> &dyn Placeholder;
}

/// Tells at compile time whether a type can stand in a topic.
#[derive(Debug)]
pub struct Probe<T>(core::marker::PhantomData<T>);

impl<T: Placeholder> Probe<T> {
    /// It can.
    pub const USABLE: bool = true;
}

/// The answer for all other types.
pub trait NotUsable {
    /// It cannot.
    const USABLE: bool = false;
}

impl<T> NotUsable for Probe<T> {}

/// A field that may be one for topics.
#[derive(Debug)]
pub struct TopicField<'v, T>(pub &'v T);

/// Chosen by method resolution for types that can stand in a topic.
pub trait TopicFieldYes<'v> {
    /// The value.
    fn value(&self) -> &'v dyn Placeholder;
}

/// Chosen by method resolution for all others.
pub trait TopicFieldNo<'v> {
    /// Nothing: no template names such a field.
    fn value(&self) -> &'v dyn Placeholder;
}

impl<'v, T: Placeholder> TopicFieldYes<'v> for TopicField<'v, T> {
    #[inline(always)]
    fn value(&self) -> &'v dyn Placeholder {
        self.0
    }
}

impl<'v, T> TopicFieldNo<'v> for &TopicField<'v, T> {
    #[inline(always)]
    fn value(&self) -> &'v dyn Placeholder {
        &""
    }
}

/// The place of a field by its name.
#[must_use]
pub const fn name_index<N: Names>(name: &str) -> usize {
    let mut index = 0;
    while index < N::NAMES.len() {
        if same(N::NAMES[index], name) {
            return index;
        }
        index += 1;
    }
    // `check_placeholder` has said what is wrong, on the template itself.
    usize::MAX
}

/// Whether a filter with `N` wildcards matches the topic; then what stands at
/// the named ones is noted.
pub fn note_levels<S, const N: usize>(
    cx: &mut Cx<'_, S>,
    filter: &str,
    topic: &str,
    named: &[(&'static str, usize)],
) -> bool {
    let Some(found) = capture::<N>(filter, topic) else { return false };
    let level = |at: usize| found.get(at).copied().unwrap_or("");
    let levels = named.iter().map(|(name, at)| (*name, unescaped(level(*at), cx.topics)));
    cx.levels = levels.collect();
    true
}

/// The payload with what a level of the topic gives.
///
/// # Errors
///
/// The payload gives it too, or is no object.
pub fn with_level<S>(node: Node, name: &str, cx: &Cx<'_, S>) -> Result<Node, DeliverError> {
    node.with_raw(name, cx.level(name).as_bytes()).map_err(|error| DeliverError::Payload(error.to_string()))
}

/// The body that a function has made of a payload.
///
/// # Errors
///
/// What the function says of the payload.
pub fn made<B, E: core::fmt::Display>(body: Result<B, E>) -> Result<B, DeliverError> {
    body.map_err(|error| DeliverError::Payload(error.to_string()))
}
