//! Who may log in where devices share an MQTT connection.

use std::future::Future;
use std::pin::Pin;

use super::reason::{self, Code};
use crate::session::{ConnInfo, Credentials, Outcome};

/// A login under way.
pub type Login<'a> = Pin<Box<dyn Future<Output = Outcome> + Send + 'a>>;

/// Decides about logins of devices.
///
/// Devices that share an MQTT connection send no CONNECT of their own, so the
/// broker cannot decide. Functions that return an [`Outcome`] at once are
/// authenticators too:
///
/// ```
/// use exproto_runtime::broker::{MqttBroker, MqttSettings};
/// use exproto_runtime::session::{ConnInfo, Credentials, Outcome};
///
/// fn known(_from: &ConnInfo, who: &Credentials) -> Outcome {
///     if who.client_id.starts_with("0138") {
///         Outcome::Done
///     } else {
///         Outcome::Refused { code: 0x87, reason: "unknown device".into() }
///     }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let settings = MqttSettings::new("mqtt://127.0.0.1:1883".parse().unwrap());
/// let broker = MqttBroker::start_with(settings, known);
/// # }
/// ```
pub trait Authenticator: Send + Sync + 'static {
    /// Decides about one login.
    fn authenticate<'a>(&'a self, from: &'a ConnInfo, who: &'a Credentials) -> Login<'a>;
}

impl<F> Authenticator for F
where
    F: Fn(&ConnInfo, &Credentials) -> Outcome + Send + Sync + 'static,
{
    fn authenticate<'a>(&'a self, from: &'a ConnInfo, who: &'a Credentials) -> Login<'a> {
        Box::pin(std::future::ready(self(from, who)))
    }
}

/// Lets everybody in who names a client id.
#[derive(Clone, Copy, Debug, Default)]
pub struct AcceptAll;

impl Authenticator for AcceptAll {
    fn authenticate<'a>(&'a self, _from: &'a ConnInfo, _who: &'a Credentials) -> Login<'a> {
        Box::pin(std::future::ready(Outcome::Done))
    }
}

/// What holds whoever decides: a login names a client id.
pub(crate) fn check(who: &Credentials) -> Result<(), Outcome> {
    if who.client_id.is_empty() {
        return Err(reason::refused(Code::CLIENT_ID_INVALID, Some("the client id is empty")));
    }
    Ok(())
}
