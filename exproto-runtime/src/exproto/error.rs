//! How calls to EMQX's adapter end, and what a session gets to know of it.

use std::fmt;

use super::pb::ResultCode;
use crate::session::Outcome;

/// MQTT 5 reason codes, the language of [`Outcome::Refused`].
mod reason {
    pub(super) const IMPLEMENTATION_SPECIFIC: u8 = 0x83;
    pub(super) const CLIENT_ID_NOT_VALID: u8 = 0x85;
    pub(super) const BAD_USER_NAME_OR_PASSWORD: u8 = 0x86;
    pub(super) const NOT_AUTHORIZED: u8 = 0x87;
    pub(super) const BANNED: u8 = 0x8A;
    pub(super) const TOPIC_FILTER_INVALID: u8 = 0x8F;
    pub(super) const TOPIC_NAME_INVALID: u8 = 0x90;
    pub(super) const QOS_NOT_SUPPORTED: u8 = 0x9B;
    pub(super) const SHARED_NOT_SUPPORTED: u8 = 0x9E;
}

/// Why a call to EMQX had no success.
///
/// EMQX has six result codes of which it uses four, and puts the rest into
/// Erlang terms printed as text; here each case has one name, and nobody sees
/// Erlang:
///
/// | call | EMQX's answer | here |
/// |---|---|---|
/// | publish, subscribe, unsubscribe before the login or after the end | `UNKNOWN` `unexpected_call` | [`NotAuthenticated`](Self::NotAuthenticated) |
/// | authenticate a second time | `PERMISSION_DENY` | [`AlreadyAuthenticated`](Self::AlreadyAuthenticated) |
/// | authenticate after the end | `PERMISSION_DENY` | [`Closed`](Self::Closed) |
/// | authenticate, refused | `PERMISSION_DENY` | [`Denied`](Self::Denied) |
/// | publish, subscribe where the device may not | `PERMISSION_DENY` | [`Denied`](Self::Denied) |
/// | a QoS above 2, a timer of 0 s, a wildcard in a topic, an empty client id, `$share`, `$queue`, `$exclusive` | not asked: some crash EMQX | [`BadParams`](Self::BadParams) |
/// | anything after the connection has ended for good | `CONN_PROCESS_NOT_ALIVE` | [`Gone`](Self::Gone) |
/// | anything, and EMQX crashed, took more than 5 s or lost a node | `UNKNOWN`, gRPC `INTERNAL` | [`Internal`](Self::Internal) |
/// | raw publish with EMQX before 5.1 | gRPC `NOT_FOUND`, `UNIMPLEMENTED` | [`Unsupported`](Self::Unsupported) |
/// | anything, and EMQX was not reached or the answer was lost | none | [`Unreachable`](Self::Unreachable) |
///
/// The codes that the protocol documents and EMQX does not use
/// (`REQUIRED_PARAMS_MISSED`, `PARAMS_TYPE_ERROR`) are
/// [`BadParams`](Self::BadParams) too. Source: answers of EMQX 5.3.2 and 5.8.9.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallError {
    /// The device is not logged in, or its socket is closed.
    NotAuthenticated,
    /// The device is logged in already; EMQX knows one login per connection.
    AlreadyAuthenticated,
    /// The device's socket is closed.
    Closed,
    /// What we asked for is not allowed; EMQX said so, or would have crashed.
    BadParams {
        /// The MQTT 5 reason code that fits best.
        code: u8,
        /// What is wrong with it.
        what: Box<str>,
    },
    /// The device may not do this.
    Denied {
        /// The MQTT 5 reason code that fits best.
        code: u8,
        /// EMQX's reason.
        why: Box<str>,
    },
    /// EMQX does not have the connection any more.
    Gone,
    /// Something went wrong inside EMQX; it may have been done.
    Internal(Box<str>),
    /// This version of EMQX cannot do it.
    Unsupported,
    /// EMQX could not be asked, or its answer was lost: it may have been done.
    Unreachable(Box<str>),
}

impl CallError {
    /// A topic that must not be published on.
    pub(crate) fn topic(what: &str) -> Self {
        Self::BadParams { code: reason::TOPIC_NAME_INVALID, what: what.into() }
    }

    /// A filter that must not be subscribed to.
    pub(crate) fn filter(what: &str) -> Self {
        Self::BadParams { code: reason::TOPIC_FILTER_INVALID, what: what.into() }
    }

    /// A subscription that EMQX's gateway cannot do.
    pub(crate) fn shared() -> Self {
        Self::BadParams {
            code: reason::SHARED_NOT_SUPPORTED,
            what: "EMQX's ExProto gateway has no shared or exclusive subscriptions".into(),
        }
    }

    /// A QoS above 2.
    pub(crate) fn qos(qos: u8) -> Self {
        Self::BadParams { code: reason::QOS_NOT_SUPPORTED, what: format!("QoS {qos} does not exist").into() }
    }

    /// A client id that must not be used.
    pub(crate) fn client_id(what: &str) -> Self {
        Self::BadParams { code: reason::CLIENT_ID_NOT_VALID, what: what.into() }
    }

    /// A timer that must not be started.
    pub(crate) fn interval() -> Self {
        Self::bad_params("a timer needs a second at least")
    }

    /// Reads EMQX's answer to a call.
    pub(crate) fn judge(code: i32, message: &str) -> Result<(), Self> {
        let Ok(code) = ResultCode::try_from(code) else {
            return Err(Self::Internal(format!("unknown result code {code}").into()));
        };
        match code {
            ResultCode::Success => Ok(()),
            ResultCode::ConnProcessNotAlive => Err(Self::Gone),
            ResultCode::PermissionDeny => Err(Self::denied(message)),
            ResultCode::RequiredParamsMissed => Err(Self::bad_params("a parameter is missing")),
            ResultCode::ParamsTypeError => Err(Self::bad_params("a parameter is out of range")),
            // EMQX 5 answers everything else with this one.
            ResultCode::Unknown if message.contains("unexpected_call") => Err(Self::NotAuthenticated),
            ResultCode::Unknown if message.contains("PARAMS_TYPE_ERROR") => {
                Err(Self::bad_params("a parameter is out of range"))
            }
            ResultCode::Unknown if message.contains("REQUIRED_PARAMS_MISSED") => {
                Err(Self::bad_params("a parameter is missing"))
            }
            ResultCode::Unknown => Err(Self::Internal(plain(message))),
        }
    }

    fn bad_params(what: &str) -> Self {
        Self::BadParams { code: reason::IMPLEMENTATION_SPECIFIC, what: what.into() }
    }

    fn denied(message: &str) -> Self {
        let why = plain(message);
        // The code that the protocol documents for it, which EMQX does not use.
        if why.contains("unexpected_call") {
            return Self::NotAuthenticated;
        }
        if why.contains("Duplicated authenticate") {
            return Self::AlreadyAuthenticated;
        }
        if why.contains("socket disconnected") {
            return Self::Closed;
        }
        let code = if why.contains("bad_username_or_password") {
            reason::BAD_USER_NAME_OR_PASSWORD
        } else if why.contains("banned") {
            reason::BANNED
        } else {
            reason::NOT_AUTHORIZED
        };
        Self::Denied { code, why }
    }

    /// What the session gets to know.
    pub(crate) fn outcome(&self) -> Outcome {
        match self {
            Self::NotAuthenticated | Self::AlreadyAuthenticated => {
                Outcome::Refused { code: reason::NOT_AUTHORIZED, reason: self.text() }
            }
            Self::BadParams { code, .. } | Self::Denied { code, .. } => {
                Outcome::Refused { code: *code, reason: self.text() }
            }
            Self::Closed | Self::Gone | Self::Internal(_) | Self::Unsupported | Self::Unreachable(_) => {
                Outcome::Failed(self.text())
            }
        }
    }

    fn text(&self) -> Box<str> {
        self.to_string().into()
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAuthenticated => {
                f.write_str("the device is not logged in at EMQX, or its socket is closed")
            }
            Self::AlreadyAuthenticated => f.write_str("the device is logged in at EMQX already"),
            Self::Closed => f.write_str("the device's socket is closed"),
            Self::BadParams { what, .. } => f.write_str(what),
            Self::Denied { why, .. } => write!(f, "EMQX refused: {why}"),
            Self::Gone => f.write_str("EMQX does not have the connection any more"),
            Self::Internal(why) => write!(f, "EMQX could not do it: {why}"),
            Self::Unsupported => f.write_str("this version of EMQX cannot do it"),
            Self::Unreachable(why) => write!(f, "EMQX's ExProto adapter is not reachable: {why}"),
        }
    }
}

impl std::error::Error for CallError {}

/// The text inside an Erlang term, cut to a length fit for a log.
fn plain(message: &str) -> Box<str> {
    const LIMIT: usize = 200;
    let text = match message.split_once("<<\"") {
        Some((_, rest)) => rest.split_once("\">>").map_or(rest, |(text, _)| text),
        None => message,
    };
    text.chars().take(LIMIT).map(|c| if c.is_control() { ' ' } else { c }).collect::<String>().into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// The result codes that EMQX 5.8.9 and 5.3.2 give.
    #[test]
    fn every_result_has_one_meaning() {
        let judge = |code: ResultCode, message| CallError::judge(code as i32, message);
        assert_eq!(judge(ResultCode::Success, ""), Ok(()));
        assert_eq!(judge(ResultCode::Unknown, "{error,unexpected_call}"), Err(CallError::NotAuthenticated));
        for (code, message) in [
            (ResultCode::Unknown, "{error,'PARAMS_TYPE_ERROR'}"),
            (ResultCode::ParamsTypeError, ""),
            (ResultCode::RequiredParamsMissed, ""),
            (ResultCode::Unknown, "{error,'REQUIRED_PARAMS_MISSED'}"),
        ] {
            let error = judge(code, message).unwrap_err();
            assert!(matches!(error, CallError::BadParams { .. }), "{message}: {error:?}");
        }
        assert_eq!(
            judge(ResultCode::ConnProcessNotAlive, "<<\"Connection process is not alive\">>"),
            Err(CallError::Gone)
        );
        assert_eq!(
            judge(ResultCode::PermissionDeny, "<<\"Authorization deny\">>"),
            Err(CallError::Denied { code: 0x87, why: "Authorization deny".into() })
        );
        assert_eq!(
            judge(ResultCode::PermissionDeny, "bad_username_or_password"),
            Err(CallError::Denied { code: 0x86, why: "bad_username_or_password".into() })
        );
        assert_eq!(
            judge(ResultCode::PermissionDeny, "<<\"Duplicated authenticate command\">>"),
            Err(CallError::AlreadyAuthenticated)
        );
        assert_eq!(
            judge(ResultCode::PermissionDeny, "<<\"Client socket disconnected\">>"),
            Err(CallError::Closed)
        );
        assert_eq!(
            judge(ResultCode::PermissionDeny, "{error,unexpected_call}"),
            Err(CallError::NotAuthenticated)
        );
        // EMQX 4.
        assert_eq!(
            judge(ResultCode::PermissionDeny, "<<\"ACL deny\">>"),
            Err(CallError::Denied { code: 0x87, why: "ACL deny".into() })
        );
        assert_eq!(
            judge(ResultCode::Unknown, "{error,'UNKNOWN',<<\"Unknown crashes\">>}"),
            Err(CallError::Internal("Unknown crashes".into()))
        );
        assert!(matches!(CallError::judge(77, ""), Err(CallError::Internal(_))));
    }

    #[test]
    fn erlang_and_control_characters_stay_inside() {
        let long = format!("<<\"{}\n\">>", "x".repeat(1000));
        let text = plain(&long);
        assert_eq!(text.len(), 200);
        assert!(!plain("a\nb").contains('\n'));
        // An unfinished term must not cut the text away.
        assert_eq!(&*plain("<<\"half"), "half");
    }

    #[test]
    fn outcomes_keep_refused_and_failed_apart() {
        assert!(matches!(CallError::NotAuthenticated.outcome(), Outcome::Refused { code: 0x87, .. }));
        assert!(matches!(CallError::Gone.outcome(), Outcome::Failed(_)));
        assert!(matches!(CallError::shared().outcome(), Outcome::Refused { code: 0x9E, .. }));
    }
}
