//! New settings for the connections that come to a running host.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, PoisonError, RwLock};

use super::HostError;
use super::settings::{Limits, Listener};
use crate::session::{Gateway, SessionSettings};

/// What connections of a listener are told.
type Terms = (Arc<Limits>, Arc<SessionSettings>);

/// What is newer than the listeners, by their names. Looked at when a connection comes.
#[derive(Clone, Debug, Default)]
pub(super) struct Newer(Arc<RwLock<HashMap<Box<str>, Terms>>>);

impl Newer {
    pub(super) fn of(&self, listener: &str) -> Option<Terms> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(listener).cloned()
    }
}

/// Changes the settings of a running host, see
/// [`Host::reload`](super::Host::reload).
///
/// Connections that come from then on have the new settings of their listener: those of its
/// [session](Listener::session) and its limits for one connection, such as
/// [`write_timeout`](Listener::write_timeout). Those that are open keep theirs, and what
/// belongs to the socket stays: address, backlog, system buffers, how many connections there
/// may be.
///
/// # Examples
///
/// ```no_run
/// use std::time::Duration;
/// use exproto_runtime::host::{Host, Listener};
/// use exproto_runtime::session::SessionSettings;
/// # use exproto_runtime::{broker::Broker, session::Gateway};
///
/// # fn start<Message: Gateway, B: Broker>(broker: B) -> Result<(), Box<dyn std::error::Error>> {
/// let host = Host::<Message>::builder().listener(Listener::tcp(([127, 0, 0, 1], 7611))).bind(broker)?;
/// let reload = host.reload();
/// // Later, while it runs:
/// let mut session = SessionSettings::default();
/// session.idle = Duration::from_secs(60);
/// reload.listener(Listener::tcp(([127, 0, 0, 1], 7611)).session(session))?;
/// # Ok(()) }
/// ```
pub struct Reload<G> {
    newer: Newer,
    names: Arc<[Box<str>]>,
    gateway: PhantomData<fn() -> G>,
}

impl<G> Reload<G> {
    pub(super) fn new(newer: &Newer, names: Arc<[Box<str>]>) -> Self {
        Self { newer: newer.clone(), names, gateway: PhantomData }
    }
}

impl<G: Gateway> Reload<G> {
    /// From now on connections of the listener of the same name have these settings.
    ///
    /// # Errors
    ///
    /// The host has no listener of this name, or the gateway not this profile; then nothing
    /// has changed.
    pub fn listener(&self, listener: Listener) -> Result<(), HostError> {
        if !self.names.contains(&listener.name) {
            return Err(HostError::NoSuchListener { listener: listener.name });
        }
        listener.session.check_profile::<G>().map_err(HostError::Profile)?;
        let terms = (Arc::new(listener.limits), listener.session);
        self.newer.0.write().unwrap_or_else(PoisonError::into_inner).insert(listener.name, terms);
        Ok(())
    }
}

impl<G> Clone for Reload<G> {
    fn clone(&self) -> Self {
        Self::new(&self.newer, Arc::clone(&self.names))
    }
}

impl<G> fmt::Debug for Reload<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reload").field("listeners", &self.names).finish_non_exhaustive()
    }
}
