//! How calls of a handler end, in the codes of the protocol.

use tonic::{Response, Status};

use crate::exproto::pb::{CodeResponse, ResultCode};
use crate::session::Outcome;

/// Which result codes a handler gets.
///
/// The messages are the same; EMQX writes Erlang terms, and handlers look for
/// their words.
///
/// | call | documented | as EMQX 5 |
/// |---|---|---|
/// | publish, subscribe, unsubscribe before the login or after the end | `PERMISSION_DENY` | `UNKNOWN` |
/// | a QoS above 2, a timer of 0 s or of an unknown type, a topic or filter that no broker takes | `PARAMS_TYPE_ERROR` | `UNKNOWN` |
/// | a raw publish with such a QoS | `PARAMS_TYPE_ERROR` | gRPC `INTERNAL` |
/// | a login without `clientinfo` | `REQUIRED_PARAMS_MISSED` | gRPC `INTERNAL` |
/// | a login with an empty client id, which EMQX takes | `REQUIRED_PARAMS_MISSED` | `PERMISSION_DENY` |
/// | a login that is refused, or a second one | `PERMISSION_DENY` | `PERMISSION_DENY` |
/// | what the broker does not allow | `PERMISSION_DENY` | `PERMISSION_DENY` |
/// | a connection that is gone | `CONN_PROCESS_NOT_ALIVE` | `CONN_PROCESS_NOT_ALIVE` |
/// | a `conn` that never was one | `CONN_PROCESS_NOT_ALIVE` | `UNKNOWN` |
/// | the broker failed, or it took too long | `UNKNOWN` | `UNKNOWN` |
///
/// ```
/// use exproto_runtime::emqx::Codes;
///
/// assert_eq!(Codes::default(), Codes::Documented);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Codes {
    /// Those that the protocol documents.
    #[default]
    Documented,
    /// Those that EMQX 5.3 to 5.8 give.
    Emqx5,
}

/// How a call has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Done,
    /// Not logged in, or the connection has ended.
    Unexpected,
    /// A parameter that nobody could carry out.
    Wrong,
    /// The QoS of a raw publish.
    WrongRaw,
    /// A login without a client.
    Missing,
    /// A login without a client id.
    Nameless,
    /// A second login.
    Duplicate,
    /// A login after the end.
    Disconnected,
    /// A login that is refused.
    Refused(Box<str>),
    /// Not allowed.
    Denied,
    Gone,
    /// A name that was never given to a connection.
    NeverWas,
    /// It went wrong or took too long.
    Failed(Box<str>),
}

impl Reply {
    pub(super) fn taken_too_long() -> Self {
        Self::Failed("Unknown crashes".into())
    }

    pub(super) fn of_login(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Refused { code: 0x86, .. } => Self::Refused("bad_username_or_password".into()),
            Outcome::Refused { code: 0x87, .. } => Self::Refused("not_authorized".into()),
            Outcome::Refused { reason, .. } => Self::Refused(reason.clone()),
            Outcome::Failed(why) => Self::Failed(why.clone()),
        }
    }

    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::Done,
            Outcome::Refused { code: 0x87, .. } => Self::Denied,
            // Topic filter, topic name, QoS: what the broker cannot do.
            Outcome::Refused { code: 0x8F | 0x90 | 0x9B, .. } => Self::Wrong,
            Outcome::Refused { reason, .. } | Outcome::Failed(reason) => Self::Failed(reason.clone()),
        }
    }

    /// The answer on the wire.
    pub(super) fn answer(self, codes: Codes) -> Result<Response<CodeResponse>, Status> {
        use ResultCode as Code;
        let emqx = codes == Codes::Emqx5;
        let text = |text: &str| format!("<<\"{text}\">>");
        let (code, message) = match self {
            Self::Done => (Code::Success, String::new()),
            Self::Unexpected => {
                (if emqx { Code::Unknown } else { Code::PermissionDeny }, "{error,unexpected_call}".into())
            }
            Self::WrongRaw | Self::Missing if emqx => return Err(Status::internal("RPC Execution Crashed")),
            Self::Wrong | Self::WrongRaw => (
                if emqx { Code::Unknown } else { Code::ParamsTypeError },
                "{error,'PARAMS_TYPE_ERROR'}".into(),
            ),
            Self::Missing => (Code::RequiredParamsMissed, "{error,'REQUIRED_PARAMS_MISSED'}".into()),
            Self::Nameless if emqx => (Code::PermissionDeny, "client_identifier_not_valid".into()),
            Self::Nameless => (Code::RequiredParamsMissed, "{error,'REQUIRED_PARAMS_MISSED'}".into()),
            Self::Duplicate => (Code::PermissionDeny, text("Duplicated authenticate command")),
            Self::Disconnected => (Code::PermissionDeny, text("Client socket disconnected")),
            Self::Refused(why) => (Code::PermissionDeny, why.into_string()),
            Self::Denied => (Code::PermissionDeny, text("Authorization deny")),
            Self::NeverWas if emqx => {
                (Code::Unknown, format!("{{error,'UNKNOWN',{}}}", text("Unknown crashes")))
            }
            Self::Gone | Self::NeverWas => {
                (Code::ConnProcessNotAlive, text("Connection process is not alive"))
            }
            Self::Failed(why) => (Code::Unknown, format!("{{error,'UNKNOWN',{}}}", text(&why))),
        };
        Ok(Response::new(CodeResponse { code: code as i32, message }))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use ResultCode as Code;

    /// Left as documented, right as EMQX 5.8.9 was recorded.
    #[test]
    fn each_end_has_the_code_of_the_table() {
        let crash = Err("RPC Execution Crashed".to_owned());
        let said = |code: Code, message: &str| Ok((code as i32, message.to_owned()));
        let unknown = "{error,'UNKNOWN',<<\"Unknown crashes\">>}";
        let wrong = "{error,'PARAMS_TYPE_ERROR'}";
        let gone = "<<\"Connection process is not alive\">>";
        let denied = |message| [said(Code::PermissionDeny, message), said(Code::PermissionDeny, message)];
        for (reply, [documented, emqx]) in [
            (Reply::Done, [said(Code::Success, ""), said(Code::Success, "")]),
            (
                Reply::Unexpected,
                [
                    said(Code::PermissionDeny, "{error,unexpected_call}"),
                    said(Code::Unknown, "{error,unexpected_call}"),
                ],
            ),
            (Reply::Wrong, [said(Code::ParamsTypeError, wrong), said(Code::Unknown, wrong)]),
            (Reply::WrongRaw, [said(Code::ParamsTypeError, wrong), crash.clone()]),
            (
                Reply::Missing,
                [said(Code::RequiredParamsMissed, "{error,'REQUIRED_PARAMS_MISSED'}"), crash.clone()],
            ),
            (
                Reply::Nameless,
                [
                    said(Code::RequiredParamsMissed, "{error,'REQUIRED_PARAMS_MISSED'}"),
                    said(Code::PermissionDeny, "client_identifier_not_valid"),
                ],
            ),
            (Reply::Duplicate, denied("<<\"Duplicated authenticate command\">>")),
            (Reply::Disconnected, denied("<<\"Client socket disconnected\">>")),
            (Reply::Refused("not_authorized".into()), denied("not_authorized")),
            (Reply::Denied, denied("<<\"Authorization deny\">>")),
            (Reply::Gone, [said(Code::ConnProcessNotAlive, gone), said(Code::ConnProcessNotAlive, gone)]),
            (Reply::NeverWas, [said(Code::ConnProcessNotAlive, gone), said(Code::Unknown, unknown)]),
            (Reply::taken_too_long(), [said(Code::Unknown, unknown), said(Code::Unknown, unknown)]),
        ] {
            for (codes, wanted) in [(Codes::Documented, documented), (Codes::Emqx5, emqx)] {
                let answer = reply.clone().answer(codes).map(|answer| {
                    let answer = answer.into_inner();
                    (answer.code, answer.message)
                });
                assert_eq!(answer.map_err(|status| status.message().to_owned()), wanted, "{reply:?}");
            }
        }
    }

    #[test]
    fn outcomes_of_the_broker_have_emqx_s_words() {
        let refused = |code| Outcome::Refused { code, reason: "banned".into() };
        assert_eq!(Reply::of_login(&refused(0x86)), Reply::Refused("bad_username_or_password".into()));
        assert_eq!(Reply::of_login(&refused(0x87)), Reply::Refused("not_authorized".into()));
        assert_eq!(Reply::of_login(&refused(0x8A)), Reply::Refused("banned".into()));
        assert_eq!(Reply::of_login(&Outcome::Failed("lost".into())), Reply::Failed("lost".into()));
        assert_eq!(Reply::of(&refused(0x87)), Reply::Denied);
        assert_eq!(Reply::of(&refused(0x90)), Reply::Wrong);
        assert_eq!(Reply::of(&refused(0x97)), Reply::Failed("banned".into()));
        assert_eq!(Reply::of(&Outcome::Done), Reply::Done);
    }
}
