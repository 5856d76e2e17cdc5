//! What a callback can do with a connection.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::super::call::Call;
use super::super::error::CallError;
use super::super::event::Facts;
use super::super::registry::Shared;
use crate::session::{ConnInfo, Credentials};

/// A device's connection, as EMQX has it.
///
/// All methods wait for EMQX's answer; those of one connection go out one after
/// the other, in the order in which they were called, because EMQX gives no
/// order to calls that are under way together. A call that has begun is carried
/// through, also if nobody waits for it any more.
///
/// A clone is another handle of the same connection, good for a task of your
/// own. It does not keep the connection alive: once that has ended, calls fail
/// with [`CallError::Gone`].
#[derive(Clone)]
pub struct Connection(Arc<Inner>);

struct Inner {
    id: Arc<str>,
    info: ConnInfo,
    certificate: Option<PeerCertificate>,
    adopted: bool,
    shared: Arc<Shared>,
    /// Held by the call under way.
    turn: Arc<tokio::sync::Mutex<()>>,
    /// EMQX has said that it does not have the connection.
    gone: AtomicBool,
    tell: Notify,
    /// The client id of the last login, until it is taken note of.
    login: Mutex<Option<String>>,
}

/// What EMQX tells of a device's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCertificate {
    /// The common name of its subject.
    pub cn: String,
    /// Its subject, `CN=meter-1,O=acme` say.
    pub dn: String,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.0.id)
            .field("info", &self.0.info)
            .finish_non_exhaustive()
    }
}

impl Connection {
    pub(super) fn new(id: Arc<str>, shared: Arc<Shared>, facts: Option<Facts>, adopted: bool) -> Self {
        let (info, certificate) = match facts {
            Some(Facts { conn, certificate, .. }) => (conn, certificate),
            None => (ConnInfo { listener: "adopted".into(), ..ConnInfo::default() }, None),
        };
        Self(Arc::new(Inner {
            id,
            info,
            certificate: certificate.map(|it| PeerCertificate { cn: it.cn, dn: it.dn }),
            adopted,
            shared,
            turn: Arc::default(),
            gone: AtomicBool::new(false),
            tell: Notify::new(),
            login: Mutex::default(),
        }))
    }

    /// EMQX's name for the connection: unique, and meaningless otherwise.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// Where the device connected from and to.
    #[must_use]
    pub fn info(&self) -> &ConnInfo {
        &self.0.info
    }

    /// The certificate that the device has shown, if it has.
    #[must_use]
    pub fn certificate(&self) -> Option<&PeerCertificate> {
        self.0.certificate.as_ref()
    }

    /// Whether the connection was taken over in the middle: EMQX may have it
    /// logged in and subscribed, and its addresses are not known unless it is
    /// [resumed](super::super::UnknownConnection::Resume).
    #[must_use]
    pub fn is_adopted(&self) -> bool {
        self.0.adopted
    }

    /// Sends bytes to the device: to UDP one datagram, of 65,507 bytes at most.
    /// EMQX answers before it has written them.
    ///
    /// # Errors
    ///
    /// See [`CallError`], here and of all methods.
    pub async fn send(&self, bytes: impl Into<Bytes>) -> Result<(), CallError> {
        self.call(Call::Send(bytes.into())).await
    }

    /// Closes the connection. Events that have come before follow still, and
    /// then its end.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn close(&self) -> Result<(), CallError> {
        self.call(Call::Close).await
    }

    /// Logs the device in. EMQX refuses a second login, ends the connection
    /// that the same client id had before, and leaves a refused device
    /// connected.
    ///
    /// EMQX 5.8 asks its authentication only for the protocol named `exproto`,
    /// which is therefore the name of all.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn authenticate(&self, who: Credentials) -> Result<(), CallError> {
        let client_id = who.client_id.clone();
        self.call(Call::Authenticate(Box::new(who))).await?;
        *self.0.login.lock().unwrap_or_else(PoisonError::into_inner) = Some(client_id);
        Ok(())
    }

    /// Has EMQX watch for the device's silence, see
    /// [`on_timer`](super::Callbacks::on_timer): in whole seconds, at least one
    /// and at most 65,535,000. EMQX 5.7.2 and later wait for one and a half
    /// times as long.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn start_timer(&self, silence: Duration) -> Result<(), CallError> {
        let seconds = silence.as_secs().min(65_535_000);
        self.call(Call::StartTimer(u32::try_from(seconds).unwrap_or(0))).await
    }

    /// Publishes in the device's name, which must be logged in. Success means
    /// that EMQX has taken it over.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn publish(
        &self,
        topic: impl Into<String>,
        payload: impl Into<Bytes>,
        qos: u8,
    ) -> Result<(), CallError> {
        self.call(Call::Publish { topic: topic.into(), payload: payload.into(), qos }).await
    }

    /// Publishes in nobody's name: no login, no mountpoint, no authorisation.
    /// EMQX 5.1 and later.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn raw_publish(
        &self,
        topic: impl Into<String>,
        payload: impl Into<Bytes>,
        qos: u8,
    ) -> Result<(), CallError> {
        self.call(Call::RawPublish { topic: topic.into(), payload: payload.into(), qos }).await
    }

    /// Subscribes the device, which must be logged in. Retained messages come
    /// at once, and so do messages that it has published itself.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn subscribe(&self, filter: impl Into<String>, qos: u8) -> Result<(), CallError> {
        self.call(Call::Subscribe { filter: filter.into(), qos }).await
    }

    /// Ends a subscription; one that there is not is none to end.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn unsubscribe(&self, filter: impl Into<String>) -> Result<(), CallError> {
        self.call(Call::Unsubscribe { filter: filter.into() }).await
    }

    pub(super) async fn call(&self, call: Call) -> Result<(), CallError> {
        let inner = Arc::clone(&self.0);
        let turn = Arc::clone(&inner.turn).lock_owned().await;
        let of_connection = !matches!(call, Call::RawPublish { .. });
        // A task of its own, because a callback may be given up while a call
        // must be carried through.
        let task = tokio::spawn(async move {
            let _turn = turn;
            let result = inner.shared.adapter.call(&inner.id, call).await;
            if let Err(error) = &result {
                inner.shared.note(&inner.id, error);
            }
            if of_connection && result == Err(CallError::Gone) {
                inner.gone.store(true, Ordering::Release);
                inner.tell.notify_one();
            }
            result
        });
        // It neither panics nor is it cancelled, but with the whole runtime.
        task.await.unwrap_or(Err(CallError::Unreachable("the program ends".into())))
    }

    /// Ends when EMQX turns out not to have the connection any more.
    pub(super) async fn gone(&self) {
        while !self.0.gone.load(Ordering::Acquire) {
            self.0.tell.notified().await;
        }
    }

    /// The client id of a login since the last time.
    pub(super) fn take_login(&self) -> Option<String> {
        self.0.login.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
