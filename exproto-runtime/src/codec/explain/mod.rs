//! The picture of a frame: its bytes, what each of them means, what is wrong
//! and where.
//!
//! | module | what it holds |
//! |---|---|
//! | `record` | the trace that writes down what a decode does |
//! | `values` | the values of a decoded frame, by field |
//! | `draw` | the picture as text |

mod draw;
mod record;
#[cfg(test)]
mod tests;
mod values;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::error::{Error, ErrorKind};
use super::frame::{Bad, Check, FRAME, Item, RawFrame, kind_at};
use super::layout::{NoCtx, Protocol};
use super::schema::FieldInfo;
use super::trace::{Flag, Flags};
use super::value::Value;
pub use record::{Layer, Recorder, Span};

/// The way from the frame to a field: `Message.body > Body::Location.lat`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    steps: Vec<Place>,
}

/// One step of a [`Path`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Into a field.
    Field(&'static FieldInfo),
    /// Into an element of the list that the field is.
    Element(u32),
}

impl Path {
    /// The steps from the outermost inwards.
    #[must_use]
    pub fn steps(&self) -> &[Place] {
        &self.steps
    }

    /// Adds the field unless the path ends there already. What has no owner is
    /// a part of the field and has no place of its own.
    fn ending_in(mut self, at: &'static FieldInfo) -> Self {
        let part = at.owner.is_empty() && !self.steps.is_empty();
        if !part && self.steps.last() != Some(&Place::Field(at)) {
            self.steps.push(Place::Field(at));
        }
        self
    }

    /// The way through the frame's JSON: `body.location.lat`.
    #[must_use]
    pub fn dotted(&self) -> String {
        let mut out = String::new();
        let mut before = None;
        for step in &self.steps {
            match step {
                Place::Element(index) => out.push_str(&alloc::format!("[{index}]")),
                Place::Field(at) => {
                    if let Some((owner, variant)) = at.owner.split_once("::") {
                        let variant = snake(variant);
                        // Where the variant is a step of its own, it is there
                        // already.
                        if before != Some((owner, variant.as_str())) {
                            dot(&mut out, &variant);
                        }
                    }
                    // The only field of a tuple is not seen in the JSON.
                    if at.name != "0" {
                        dot(&mut out, at.name);
                    }
                    before = Some((at.owner, at.name));
                }
            }
        }
        out
    }
}

fn dot(out: &mut String, name: &str) {
    if !out.is_empty() {
        out.push('.');
    }
    out.push_str(name);
}

/// `PlatformAck` as `platform_ack`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    let mut before = None::<char>;
    let mut characters = name.chars().peekable();
    while let Some(character) = characters.next() {
        let word_begins = character.is_uppercase()
            && before.is_some_and(|before| {
                !before.is_uppercase() || characters.peek().is_some_and(|next| next.is_lowercase())
            });
        if word_begins && before != Some('_') {
            out.push('_');
        }
        out.extend(character.to_lowercase());
        before = Some(character);
    }
    out
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, step) in self.steps.iter().enumerate() {
            match step {
                Place::Element(index) => write!(f, "[{index}]")?,
                Place::Field(at) if place > 0 => write!(f, " > {at}")?,
                Place::Field(at) => write!(f, "{at}")?,
            }
        }
        Ok(())
    }
}

/// Something odd in a frame that was decoded all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Oddity {
    /// What.
    pub flag: Flag,
    /// In which field.
    pub path: Path,
    /// At which byte of the un-escaped frame, or of the layer.
    pub offset: u32,
    /// Which bytes the offset counts in, as [`Span::layer`] says it.
    pub layer: usize,
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = if self.layer > 0 { " of the transformed bytes" } else { "" };
        write!(f, "{} at byte {}{bytes}: {}", self.path, self.offset, self.flag.sentence())
    }
}

/// Why bytes did not become a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The error; its offset counts in the bytes of the picture.
    pub error: Error,
    /// The field with all that surrounds it.
    pub path: Path,
    /// What the rule compared, if the decode told: what was received and what
    /// was wanted.
    pub compared: Option<(u64, u64)>,
    /// Which bytes the error's offset counts in, as [`Span::layer`] says it.
    pub layer: usize,
}

/// What the bytes of a frame mean; its `Display` draws the picture.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{Deframer, explain_item};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug, PartialEq)]
/// #[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
/// #[wire(endian = big)]
/// struct Reading { value: u16 }
///
/// let mut input = &b"\x7E\x01\x7E"[..];
/// let mut scratch = Vec::new();
/// let item = Deframer::<Reading>::new().next(&mut input, &mut scratch).map(|item| {
///     explain_item::<Reading>(&item).to_string()
/// });
/// println!("{}", item.unwrap_or_default());
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Explanation {
    /// The frame's type.
    name: &'static str,
    /// The message in it, once decoded.
    kind: Option<&'static str>,
    bytes: Vec<u8>,
    /// Which bytes these are.
    source: Source,
    spans: Vec<Span>,
    layers: Vec<Layer>,
    oddities: Vec<Oddity>,
    failure: Option<Failure>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// The un-escaped bytes of a frame whose wire begins at this byte of the
    /// stream.
    Frame(u64),
    /// Bytes of the stream that are no frame.
    Stream(u64),
    /// Segments that were joined: offsets of the head's fields count in the
    /// head, so only the values are shown.
    Joined,
}

impl Explanation {
    /// What was odd, in the order in which it was found.
    #[must_use]
    pub fn oddities(&self) -> &[Oddity] {
        &self.oddities
    }

    /// Why there is no frame, if there is none.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        self.failure.as_ref()
    }

    /// The fields as they lie in the bytes, each before those inside it.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// What transforms (`via`) made of the bytes of fields, in the order in which
    /// the fields were read. The spans inside them count in these bytes.
    #[must_use]
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }

    fn of_decode<F: Value>(
        mut self,
        recorder: Recorder,
        result: Result<&F, Error>,
        early: Flags,
        check: Option<(&'static FieldInfo, u32)>,
    ) -> Self {
        let found = recorder.into_found(result.as_ref().err());
        self.spans = found.spans;
        self.layers = found.layers;
        // What the frame search saw is not in the trace; a checksum that the layout
        // looks at too is.
        let untold = |flag| early.has(flag) && found.oddities.iter().all(|oddity| oddity.flag != flag);
        if let (true, Some((at, offset))) = (untold(Flag::Checksum), check) {
            let path = Path::default().ending_in(at);
            self.oddities.push(Oddity { flag: Flag::Checksum, path, offset, layer: 0 });
        }
        if untold(Flag::Framing) {
            let path = Path::default().ending_in(&FRAME);
            self.oddities.push(Oddity { flag: Flag::Framing, path, offset: 0, layer: 0 });
        }
        self.oddities.extend(found.oddities);
        match result {
            Ok(frame) => values::show_in(frame, &mut self.spans),
            Err(error) => {
                self.failure =
                    Some(Failure { error, path: found.path, compared: found.compared, layer: found.layer });
            }
        }
        self
    }
}

/// Decodes a frame and explains it.
#[must_use]
pub fn explain<P: Protocol<Ctx: NoCtx>>(raw: &RawFrame<'_>) -> Explanation {
    explain_with::<P>(raw, NoCtx::NONE)
}

/// As [`explain`], of a frame whose layout takes a context.
#[must_use]
pub fn explain_with<P: Protocol>(raw: &RawFrame<'_>, ctx: P::Ctx) -> Explanation {
    let recorder = Recorder::default();
    let result = raw.decode_traced::<P, _>(ctx, &recorder);
    let check = kind_at::<P>(raw.kind)
        .check
        .as_ref()
        .map(|check| (check.at, raw.payload.len().saturating_sub(check.tail) as u32));
    let explanation = Explanation {
        name: P::NAME,
        kind: result.as_ref().ok().map(|received| P::kind(&received.frame)),
        bytes: raw.payload.to_vec(),
        source: Source::Frame(raw.offset),
        spans: Vec::new(),
        layers: Vec::new(),
        oddities: Vec::new(),
        failure: None,
    };
    let frame = result.as_ref().map(|received| &received.frame).map_err(|error| *error);
    explanation.of_decode(recorder, frame, raw.flags, check)
}

/// Explains bytes that are no frame.
#[must_use]
pub fn explain_bad<P: Protocol<Ctx: NoCtx>>(bad: &Bad<'_>) -> Explanation {
    explain_bad_with::<P>(bad, NoCtx::NONE)
}

/// As [`explain_bad`], of a frame whose layout takes a context.
#[must_use]
pub fn explain_bad_with<P: Protocol>(bad: &Bad<'_>, ctx: P::Ctx) -> Explanation {
    if let Some(explanation) = explain_wrong_check::<P>(bad, ctx) {
        return explanation;
    }
    Explanation {
        name: P::NAME,
        kind: None,
        bytes: bad.wire.to_vec(),
        source: Source::Stream(bad.offset),
        spans: Vec::new(),
        layers: Vec::new(),
        oddities: Vec::new(),
        failure: Some(Failure {
            error: bad.error,
            path: Path::default().ending_in(bad.error.field()),
            compared: None,
            layer: 0,
        }),
    }
}

/// The fields of a frame with a wrong checksum: they often tell why.
fn explain_wrong_check<P: Protocol>(bad: &Bad<'_>, ctx: P::Ctx) -> Option<Explanation> {
    if bad.error.kind() != ErrorKind::Checksum {
        return None;
    }
    // The kind whose checksum it is that was wrong.
    let holds = |check: &Check| core::ptr::eq(check.at, bad.error.field());
    let (kind, found) =
        P::KINDS.iter().enumerate().find(|(_, found)| found.check.as_ref().is_some_and(holds))?;
    let check = found.check.as_ref().filter(|_| found.stream.is_none())?;
    let inner = found.framing.inner(bad.wire);
    let mut payload = Vec::new();
    match found.framing.stuffing() {
        Some(escape) => escape.remove(inner, &mut payload).ok()?,
        None => payload.extend_from_slice(inner),
    }
    let at = payload.len().checked_sub(check.tail)?;
    let sent = payload.get(at..at + check.width)?;
    let fold = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    let sent = if check.big_endian { sent.iter().fold(0, fold) } else { sent.iter().rev().fold(0, fold) };
    let computed = check.algorithm.compute(payload.get(check.from..at)?, check.width);
    let raw = RawFrame {
        wire: bad.wire,
        payload: &payload,
        offset: bad.offset,
        flags: Flags::NONE,
        accept_bad: true,
        kind,
        piece: None,
    };
    let mut explanation = explain_with::<P>(&raw, ctx);
    explanation.oddities.retain(|oddity| oddity.flag != Flag::Checksum);
    explanation.failure = Some(Failure {
        error: Error::new(ErrorKind::Checksum, at as u32, check.at),
        path: Path::default().ending_in(check.at),
        compared: Some((sent, computed)),
        layer: 0,
    });
    Some(explanation)
}

/// Explains what a deframer handed out.
#[must_use]
pub fn explain_item<P: Protocol<Ctx: NoCtx>>(item: &Item<'_>) -> Explanation {
    explain_item_with::<P>(item, NoCtx::NONE)
}

/// As [`explain_item`], of a protocol whose layout takes a context.
#[must_use]
pub fn explain_item_with<P: Protocol>(item: &Item<'_>, ctx: P::Ctx) -> Explanation {
    match item {
        Item::Frame(raw) => explain_with::<P>(raw, ctx),
        Item::Bad(bad) => explain_bad_with::<P>(bad, ctx),
    }
}

/// Explains a message that was put together of segments, the first of which
/// came in a frame of this kind.
#[must_use]
pub fn explain_joined<P: Protocol<Ctx: NoCtx>>(kind: usize, head: &[u8], body: &[u8]) -> Explanation {
    explain_joined_with::<P>(kind, head, body, NoCtx::NONE)
}

/// As [`explain_joined`], of a message whose layout takes a context.
#[must_use]
pub fn explain_joined_with<P: Protocol>(kind: usize, head: &[u8], body: &[u8], ctx: P::Ctx) -> Explanation {
    let recorder = Recorder::default();
    let result = P::join(kind, head, body, ctx, &recorder);
    let explanation = Explanation {
        name: P::NAME,
        kind: result.as_ref().ok().map(|(frame, _)| P::kind(frame)),
        bytes: body.to_vec(),
        source: Source::Joined,
        spans: Vec::new(),
        layers: Vec::new(),
        oddities: Vec::new(),
        failure: None,
    };
    let frame = result.as_ref().map(|(frame, _)| frame).map_err(|error| *error);
    explanation.of_decode(recorder, frame, Flags::NONE, None)
}
