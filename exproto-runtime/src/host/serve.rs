//! What is made of the connections that listeners take.
//!
//! Listeners know a [`Serve`] alone: it is given what there is to know about a
//! connection and the thing its bytes go through, and makes a task of it. A
//! [`Session`] for each connection is one way.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::connection;
use super::log;
use super::reload::Newer;
use super::settings::Limits;
use super::transport::Transport;
use super::worker::Seat;
use crate::broker::{Broker, inbox};
use crate::metrics::Ended;
use crate::session::{ConnInfo, Gateway, Session, SessionSettings};

/// A connection that was taken, but for its [`Transport`].
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Who it is.
    pub(crate) info: ConnInfo,
    /// What it may cost.
    pub(crate) limits: Arc<Limits>,
    /// What its listener says about sessions.
    pub(crate) session: Arc<SessionSettings>,
    /// Its place at a worker. Whoever serves the connection says why it ended,
    /// with [`Seat::ended`], and drops the seat last.
    pub(crate) seat: Seat,
}

/// Serves connections.
pub(crate) trait Serve: Send + Sync + 'static {
    /// Begins to serve a connection, on the runtime of its worker.
    fn begin<T: Transport>(&self, runtime: &Handle, arrival: Arrival, transport: T);
}

/// A [`Session`] for each connection, in front of a broker.
pub(super) struct Sessions<G, B> {
    pub(super) broker: B,
    /// Settings that have changed since the listeners were bound.
    pub(super) newer: Newer,
    /// The zero of the clock that the sessions are told.
    start: Instant,
    gateway: PhantomData<fn() -> G>,
}

impl<G, B> Sessions<G, B> {
    pub(super) fn new(broker: B) -> Self {
        Self { broker, newer: Newer::default(), start: Instant::now(), gateway: PhantomData }
    }
}

impl<G: Gateway, B: Broker> Serve for Sessions<G, B> {
    fn begin<T: Transport>(&self, runtime: &Handle, arrival: Arrival, transport: T) {
        let Arrival { info, limits, session, mut seat } = arrival;
        let (limits, session) = self.newer.of(&info.listener).unwrap_or((limits, session));
        let span = log::span(&info);
        let (notices, outbox) = inbox(limits.inbox);
        let link = self.broker.link(&info, notices);
        // Functions of the user may be asked for the layout of the first frame.
        let session = match catch_unwind(AssertUnwindSafe(|| Session::<G>::new(info, session))) {
            Ok(session) => session,
            Err(panic) => {
                connection::count_panic(&seat, "", &*panic);
                return seat.ended(Ended::Panic);
            }
        };
        runtime.spawn(
            connection::run(session, transport, link, outbox, limits, self.start, seat).instrument(span),
        );
    }
}

impl<G, B> fmt::Debug for Sessions<G, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}
