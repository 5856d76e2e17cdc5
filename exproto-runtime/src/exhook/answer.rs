//! What a provider answers, in types that leave no wrong answer.

use std::error::Error;
use std::fmt;

use bytes::Bytes;

/// A decision that ends the chain of hooks, see [`Auth::Stop`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow,
    /// No.
    Deny,
}

/// May the client connect, publish, subscribe?
///
/// # Examples
///
/// ```
/// use exproto_runtime::exhook::{Auth, Decision};
///
/// let known = true;
/// let answer = if known { Auth::Allow } else { Auth::Stop(Decision::Deny) };
/// assert_eq!(answer.decision(), Some(Decision::Allow));
/// assert_eq!(Auth::Ignore.decision(), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auth {
    /// Yes, unless another hook provider after this one says no.
    Allow,
    /// No, unless another hook provider after this one says yes.
    Deny,
    /// This provider has no say. When authenticating, EMQX takes that as **no**
    /// if nobody else says yes; when authorising, as yes if nobody has said no.
    Ignore,
    /// The last word: no other hook provider is asked.
    Stop(Decision),
}

impl Auth {
    /// What was decided, if anything was.
    #[must_use]
    pub const fn decision(self) -> Option<Decision> {
        match self {
            Self::Allow | Self::Stop(Decision::Allow) => Some(Decision::Allow),
            Self::Deny | Self::Stop(Decision::Deny) => Some(Decision::Deny),
            Self::Ignore => None,
        }
    }
}

/// `true` is [`Auth::Allow`], `false` is [`Auth::Deny`].
impl From<bool> for Auth {
    fn from(allow: bool) -> Self {
        if allow { Self::Allow } else { Self::Deny }
    }
}

/// The parts of a message that EMQX lets a provider change. What is not set
/// stays as it is; everything else of a message (publisher, id, retain flag,
/// properties) cannot be changed.
///
/// # Examples
///
/// ```
/// use exproto_runtime::exhook::{Publish, Replace};
///
/// let answer = Publish::Replace(Replace::new().topic("in/7").payload("{}"));
/// assert_ne!(answer, Publish::Pass);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct Replace {
    pub(crate) topic: Option<String>,
    pub(crate) qos: Option<Qos>,
    pub(crate) payload: Option<Bytes>,
}

impl Replace {
    /// Nothing is changed.
    pub const fn new() -> Self {
        Self { topic: None, qos: None, payload: None }
    }

    /// Another topic. EMQX does not ask again whether the client may publish
    /// there. A topic with a wildcard, for which EMQX would disconnect the
    /// publisher, or an empty one counts as an error of this provider.
    pub fn topic(self, topic: impl Into<String>) -> Self {
        Self { topic: Some(topic.into()), ..self }
    }

    /// Another quality of service.
    pub fn qos(self, qos: Qos) -> Self {
        Self { qos: Some(qos), ..self }
    }

    /// Another payload.
    pub fn payload(self, payload: impl Into<Bytes>) -> Self {
        Self { payload: Some(payload.into()), ..self }
    }
}

/// The quality of service of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Qos {
    /// At most once.
    #[default]
    AtMostOnce = 0,
    /// At least once.
    AtLeastOnce = 1,
    /// Exactly once.
    ExactlyOnce = 2,
}

impl Qos {
    /// From its number; EMQX takes anything above 2 as 2.
    #[must_use]
    pub const fn from_number(number: u32) -> Self {
        match number {
            0 => Self::AtMostOnce,
            1 => Self::AtLeastOnce,
            _ => Self::ExactlyOnce,
        }
    }

    /// 0, 1 or 2.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }
}

/// An answer that ends the chain of hooks, see [`Publish::Stop`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The message goes on as it is.
    Pass,
    /// The message goes on with changes.
    Replace(Replace),
    /// The message goes nowhere.
    Drop,
}

/// What becomes of a message.
///
/// The answer speaks of what EMQX routes to subscribers. Rules and the store of
/// retained messages see a message *before* the hook: a dropped or rewritten
/// message still triggers rules, and is still kept and given, unchanged, to
/// later subscribers if it was retained. The publisher's PUBACK is sent in any
/// case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Publish {
    /// It goes on as it is.
    Pass,
    /// It goes on with changes.
    Replace(Replace),
    /// It goes nowhere, unless another hook provider after this one permits it.
    Drop,
    /// The last word: no other hook provider is asked.
    Stop(Verdict),
}

/// Why a hook could not be worked off: any error, by `?`.
///
/// # Examples
///
/// ```
/// use exproto_runtime::exhook::{Auth, HookError};
///
/// fn parse(text: &str) -> Result<Auth, HookError> {
///     let number: u8 = text.parse()?;
///     Ok(Auth::from(number > 0))
/// }
/// assert!(parse("x").is_err());
/// ```
pub struct HookError(Box<dyn Error + Send + Sync>);

impl fmt::Debug for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for HookError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

// Not an `Error` itself, so that all errors convert by `?`.
impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for HookError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// What a hook may return: the answer `A`, or a `Result` with any error. An
/// error counts as a failure of the hook, see
/// [`FailSafe`](super::FailSafe).
#[diagnostic::on_unimplemented(
    message = "this hook answers with `{A}`, not with `{Self}`",
    label = "return `{A}`, or a `Result` of it"
)]
pub trait IntoAnswer<A> {
    /// The answer, or why there is none.
    ///
    /// # Errors
    ///
    /// The user's code has failed.
    fn into_answer(self) -> Result<A, HookError>;
}

macro_rules! answers {
    ($($answer:ty),*) => {$(
        impl IntoAnswer<$answer> for $answer {
            fn into_answer(self) -> Result<$answer, HookError> {
                Ok(self)
            }
        }

        impl<E: Into<HookError>> IntoAnswer<$answer> for Result<$answer, E> {
            fn into_answer(self) -> Result<$answer, HookError> {
                self.map_err(Into::into)
            }
        }
    )*};
}

answers!(Auth, Publish, ());
