//! The trait between the routes a user declares and the session that runs them.

use core::time::Duration;

use super::cx::{Asks, Cx};
use super::event::{CloseReason, Outcome};
use super::lookup::Lookup;
use super::topic::TopicBuf;
use crate::codec::{Error, Parts, Protocol};

/// Which part of a frame's routes is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// `auth` alone: a barrier before everything else.
    Auth,
    /// All other routes.
    Rest,
}

/// Who may send a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody: `auth`, `heartbeat`, `ignore`, `close`, replies, `public`.
    Public,
    /// Devices that are logged in, or all in an `anonymous` gateway.
    Member,
    /// Anybody; before the login nothing but the reply happens.
    Heartbeat,
    /// Nobody: frames that only ever go to the device.
    Sent,
}

/// What happens to the connection after a frame is dealt with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum After {
    /// It stays open.
    Stay,
    /// It is closed after the reply.
    Close(CloseReason),
}

/// What ties an answer of the device to the downlink that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Pairing {
    /// The answer echoes a number of the downlink.
    Key(u64),
    /// It echoes a text, bytes or several fields: a digest of them.
    Digest(u64),
    /// The answer carries nothing: it is that to the oldest downlink which
    /// waits for such an answer.
    Order,
    /// Of answers: that to the oldest downlink of these kinds, however its
    /// answer is known else.
    Of(&'static [&'static str]),
}

impl Pairing {
    /// Whether an answer that is known so is one to this downlink.
    pub(crate) fn answers(self, awaited: Self, kind: &str) -> bool {
        match self {
            Self::Of(kinds) => kinds.contains(&kind),
            own => own == awaited,
        }
    }
}

/// What a gateway that asks its devices wants sent, its frame written already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Polled {
    /// A request.
    Ask {
        /// The name of the frame.
        kind: &'static str,
        /// How its answer will be known.
        answer: Pairing,
    },
    /// A frame that is not answered.
    Tell,
    /// Nothing for this time.
    In(Duration),
    /// Nothing until something happens.
    Idle,
}

/// A downlink made of a message from the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The name of the frame that was made.
    pub kind: &'static str,
    /// How the device's answer will be known, if the route says so.
    pub answer: Option<Pairing>,
}

/// Why a message from the broker did not become a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeliverError {
    /// No `deliver` route has a filter that matches the topic.
    NoRoute,
    /// The payload is not what the frame needs.
    Payload(String),
    /// The frame cannot be encoded.
    Encode(Error),
}

impl core::fmt::Display for DeliverError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::NoRoute => f.write_str("no `deliver` route has this topic"),
            Self::Payload(why) => write!(f, "the payload does not make a frame: {why}"),
            Self::Encode(error) => write!(f, "the frame cannot be encoded: {error}"),
        }
    }
}

/// A frame with routes. The derive implements it for frames that carry
/// `#[route(..)]`; nobody writes it by hand.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no gateway",
    label = "this frame has no routes",
    note = "add `#[route(gateway)]` to the frame and routes to the variants of its body"
)]
pub trait Gateway: Protocol + 'static {
    /// What the user keeps for each connection.
    type State: Default + Send + 'static;

    /// Whether frames are published for devices that never log in.
    const ANONYMOUS: bool;

    /// What the connection knows that decides the layout of its frames, in
    /// both directions: see [`ctx`](crate::doc::route#ctx). Asked before each
    /// frame is decoded and before each function that makes one is called.
    fn ctx(cx: &Cx<'_, Self::State>) -> Self::Ctx;

    /// Who may send this frame.
    fn access(frame: &Self::At<'_>) -> Access;

    /// What `auth` keeps of a login, for each kind of frames that has one.
    const KEEPS: &'static [&'static [&'static str]] = &[];

    /// Whether members of JSON without a value are left out.
    const OMIT_NULLS: bool = false;

    /// The downlinks that are answered, for each kind of frames.
    const AWAITED: &'static [&'static [&'static str]] = &[];

    /// The names of the profiles that
    /// [`SessionSettings::profile`](super::SessionSettings::profile) chooses
    /// from.
    const PROFILES: &'static [&'static str] = &[];

    /// Which downlink this frame answers, if any.
    fn answers(frame: &Self::At<'_>) -> Option<Pairing>;

    /// Whether this frame ends the answer that it is one of, or more will come.
    fn is_last(frame: &Self::At<'_>) -> bool {
        let _ = frame;
        true
    }

    /// How the answer to this frame will be known, of frames that go to the
    /// device.
    fn awaits(frame: &Self::At<'_>) -> Option<Pairing> {
        let _ = frame;
        None
    }

    /// What has to be known from elsewhere before anything else is done with
    /// the frame.
    fn lookup(frame: &Self::At<'_>, cx: &mut Cx<'_, Self::State>) -> Option<Lookup> {
        let _ = (frame, cx);
        None
    }

    /// Whether the gateway [asks its devices](crate::doc::route#poll): then one
    /// request at a time goes out, and downlinks wait behind it.
    const POLLS: bool = false;

    /// Whether it asks those too that have not logged in.
    const POLLS_BEFORE_LOGIN: bool = false;

    /// Names what is to be sent now that nothing waits for an answer, and
    /// appends its bytes as they stand on the wire.
    ///
    /// # Errors
    ///
    /// The frame cannot be encoded.
    fn poll(cx: &mut Cx<'_, Self::State>, frame: &mut Vec<u8>) -> Result<Polled, Error> {
        let _ = (cx, frame);
        Ok(Polled::Idle)
    }

    /// The device has not answered a request or a downlink, which [`Cx::request`]
    /// names.
    ///
    /// # Errors
    ///
    /// A value that must not stand in a topic: nothing is published then.
    fn unanswered(cx: &mut Cx<'_, Self::State>, asks: &mut Asks<'_>) -> Result<(), Refusal> {
        let _ = (cx, asks);
        Ok(())
    }

    /// Whether the device is asked for segments that are missing.
    const ASKS_MISSING: bool = false;

    /// A segment has been kept; appends what the device is told of it. The last
    /// one of a message completes it, and its routes follow.
    ///
    /// # Errors
    ///
    /// A reply that cannot be encoded.
    fn segment_came(
        frame: &Self::At<'_>,
        cx: &mut Cx<'_, Self::State>,
        parts: &Parts<'_>,
        reply: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let _ = (frame, cx, parts, reply);
        Ok(())
    }

    /// No segment of a message has come for a while; appends what asks the
    /// device for those that are missing. The frame is the one with the first
    /// segment of those that have come.
    ///
    /// # Errors
    ///
    /// A frame that cannot be encoded.
    fn segments_missing(
        frame: &Self::At<'_>,
        cx: &mut Cx<'_, Self::State>,
        parts: &Parts<'_>,
        request: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let _ = (frame, cx, parts, request);
        Ok(())
    }

    /// Emits what the routes of this frame ask for at this stage. Called for
    /// [`Stage::Auth`] and, once that has ended well, for [`Stage::Rest`].
    ///
    /// # Errors
    ///
    /// A topic value that must not stand in a topic, a payload that cannot be
    /// made: nothing of this stage is done, and [`settle`](Self::settle) is
    /// called with an outcome that is refused.
    fn ask(
        frame: &Self::At<'_>,
        stage: Stage,
        cx: &mut Cx<'_, Self::State>,
        asks: &mut Asks<'_>,
    ) -> Result<(), Refusal>;

    /// Appends the reply to a frame whose routes have all ended, as it stands
    /// on the wire.
    ///
    /// The outcome is `Done` or `Refused`, of the login if that was refused,
    /// else of the other routes. It is never `Failed`: what the broker did
    /// with the frame is unknown then, so the device gets no answer.
    ///
    /// # Errors
    ///
    /// A reply that cannot be encoded.
    fn settle(
        frame: &Self::At<'_>,
        cx: &mut Cx<'_, Self::State>,
        outcome: &Outcome,
        reply: &mut Vec<u8>,
    ) -> Result<After, Error>;

    /// Names the filters that `deliver` routes need, once the device has
    /// logged in. The reply to the login waits until they are subscribed; one
    /// that the broker refuses is reported and does not stop the login.
    ///
    /// # Errors
    ///
    /// A value that must not stand in a filter.
    fn filters(cx: &Cx<'_, Self::State>, each: &mut dyn FnMut(&TopicBuf, u8)) -> Result<(), Refusal>;

    /// Makes a frame of a message from the broker and appends its bytes as
    /// they stand on the wire.
    ///
    /// # Errors
    ///
    /// See [`DeliverError`].
    fn deliver(
        topic: &str,
        payload: &[u8],
        cx: &mut Cx<'_, Self::State>,
        frame: &mut Vec<u8>,
    ) -> Result<Delivery, DeliverError>;
}

/// Why a frame's routes could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What was wrong, in one sentence.
    pub reason: String,
}

impl Refusal {
    /// A refusal with its reason.
    #[must_use]
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&self.reason)
    }
}
