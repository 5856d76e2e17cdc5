//! What can be set about a session.

use core::time::Duration;
use std::collections::BTreeMap;

use super::gateway::Gateway;
use super::topic::TopicPolicy;
use crate::codec::ReassemblyLimits;

/// What happens to a frame that only a device that is logged in may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BeforeLogin {
    /// It is dropped, counted and reported; the device may still log in.
    #[default]
    Drop,
    /// The same, and the connection is closed.
    Close,
}

/// What happens to a device that the broker refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRefused {
    /// It gets the reply, if its route has one, and the connection is closed.
    #[default]
    Close,
    /// It gets the reply and may try again.
    Keep,
}

/// How a session behaves. Shared by all sessions of a listener.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use exproto_runtime::session::SessionSettings;
///
/// let mut settings = SessionSettings::default();
/// settings.idle = Duration::from_secs(180);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionSettings {
    /// Frames with a wrong checksum or length are flagged instead of refused.
    /// Default: no.
    pub accept_bad: bool,
    /// Bad frames in a row that close the connection; a good frame starts the
    /// count again. 0: never. Default: 10.
    pub max_bad_frames: u32,
    /// Frames of a device that is not logged in. Default: drop them.
    pub before_login: BeforeLogin,
    /// A device that the broker refuses. Default: reply, then close.
    pub on_refused: OnRefused,
    /// Values with characters that mean something in a topic. Default: refuse
    /// the frame.
    pub topics: TopicPolicy,
    /// Time from the connection to the first whole frame; then it is closed.
    /// Zero: no limit. Default: 30 s.
    pub first_frame: Duration,
    /// Time without a byte from the device; then it is closed. Time in which
    /// a frame waits for the broker does not count, because the gateway does
    /// not read then. Zero: no limit. Default: 10 min.
    pub idle: Duration,
    /// Time without a byte after which a frame that is [told by what
    /// follows](crate::doc::frame#followed) is taken for whole, and after which a
    /// sound frame is looked for within bytes that [wait for
    /// more](crate::doc::frame#what-waits). Zero: they wait for the next byte.
    /// Default: 1 s.
    pub pause: Duration,
    /// Time that a frame waits for the broker; then the connection is closed
    /// without a reply, so that the device sends it again. Zero: no limit,
    /// and a lost completion stops the device for ever. Default: 60 s.
    pub deadline: Duration,
    /// Time that a frame waits for its [lookup](crate::doc::route#lookup); then
    /// it is refused. Zero: no limit. Default: 10 s.
    pub lookup_timeout: Duration,
    /// Bytes that are kept when they arrive although the session does not
    /// want any; more close the connection. Drivers that can stop reading
    /// never come near. Default: 256 KiB.
    pub stash: usize,
    /// Messages that arrive in several frames. Before the login at most 64
    /// KiB are kept whatever this says. Default: 4 messages, 1 MiB, 120 s.
    pub reassembly: ReassemblyLimits,
    /// Where the gateway [asks for missing
    /// segments](crate::doc::frame#segments-that-are-missing): time without a
    /// segment of a message after which the device is asked for the rest.
    /// Zero: never. Default: 5 s.
    pub missing_after: Duration,
    /// How often it is asked in a row without anything new coming; then the
    /// message waits for its timeout. Default: 3.
    pub missing_tries: u32,
    /// Filters that the `subscribe` routes and `with` functions of one connection
    /// may be subscribed to at the same time; a frame that asks for one more is
    /// refused. Default: 1024.
    pub subscriptions: usize,
    /// Downlinks whose answers are waited for at the same time; one more
    /// gives up the oldest. Default: 64.
    pub answers: usize,
    /// Time to wait for the answer to a downlink, and for the next frame of an
    /// answer [of several](crate::doc::route#answers-in-steps). Zero: as long as
    /// the connection lasts. Default: 60 s.
    pub answer_timeout: Duration,
    /// How often a downlink is sent again, byte for byte, when no answer came in
    /// that time; then it is given up, counted and reported. Default: 0.
    pub answer_retries: u32,
    /// Where the gateway [asks its devices](crate::doc::route#poll): time to
    /// wait for the answer to a request. Zero: as long as the connection
    /// lasts. Default: 1 s.
    pub request_timeout: Duration,
    /// How often a request is sent again when no answer came in time; then it
    /// is given up and the next one goes out. Default: 2.
    pub request_retries: u32,
    /// Silence between an answer, or a frame without one, and the next
    /// request. On a serial line, where silence is what ends a frame, what is
    /// incomplete when a request has timed out is then thrown away. Default:
    /// none.
    pub request_gap: Duration,
    /// Messages of the broker that wait for the device to answer; further ones
    /// are dropped, counted and reported. Default: 32.
    pub request_queue: usize,
    /// What operators tell the protocol, by name: functions call
    /// [`Cx::param`](super::Cx::param), topics hold `{param.NAME}`. On the
    /// command line `--param NAME=VALUE`. Default: none.
    pub params: BTreeMap<String, String>,
    /// The profile whose routes hold, one of
    /// [`Gateway::PROFILES`](super::Gateway::PROFILES). On the command line
    /// `--profile NAME`. Default: none, and the routes are those without a
    /// profile.
    pub profile: Option<Box<str>>,
}

impl SessionSettings {
    /// Whether the gateway has the profile that is asked for. Whoever listens
    /// asks before the first device comes.
    ///
    /// # Errors
    ///
    /// It has not; the error names the nearest that it has.
    pub fn check_profile<G: Gateway>(&self) -> Result<(), UnknownProfile> {
        match self.profile.as_deref() {
            Some(name) if !G::PROFILES.contains(&name) => {
                Err(UnknownProfile { name: name.into(), gateway: G::NAME, known: G::PROFILES })
            }
            _ => Ok(()),
        }
    }
}

/// The gateway has no such profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownProfile {
    name: Box<str>,
    gateway: &'static str,
    known: &'static [&'static str],
}

impl core::fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { name, gateway, known } = self;
        write!(f, "{gateway} has no profile `{name}`")?;
        match crate::codec::sentence::nearest(name, known) {
            Some(near) => write!(f, "; did you mean `{near}`?"),
            None if known.is_empty() => f.write_str(", nor any other"),
            None => write!(f, "; there are: {}", known.join(", ")),
        }
    }
}

impl core::error::Error for UnknownProfile {}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            accept_bad: false,
            max_bad_frames: 10,
            before_login: BeforeLogin::Drop,
            on_refused: OnRefused::Close,
            topics: TopicPolicy::Refuse,
            first_frame: Duration::from_secs(30),
            idle: Duration::from_secs(600),
            pause: Duration::from_secs(1),
            deadline: Duration::from_secs(60),
            lookup_timeout: Duration::from_secs(10),
            stash: 256 << 10,
            reassembly: ReassemblyLimits::default(),
            missing_after: Duration::from_secs(5),
            missing_tries: 3,
            subscriptions: 1024,
            answers: 64,
            answer_timeout: Duration::from_secs(60),
            answer_retries: 0,
            request_timeout: Duration::from_secs(1),
            request_retries: 2,
            request_gap: Duration::ZERO,
            request_queue: 32,
            params: BTreeMap::new(),
            profile: None,
        }
    }
}
