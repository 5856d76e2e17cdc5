//! An MQTT broker, reached over a few connections that all devices share.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use super::auth::{self, AcceptAll, Authenticator};
use super::connection::{BATCH, Channels, Connection, Control, Job};
use super::dial::Dialer;
use super::peer::{ClientIds, Peer};
use super::stats::Stats;
use super::wire::{self, Plan};
use super::{Broker, Gone, Inbox, Link, MqttCounters, MqttSettings, Request};
use crate::session::{ConnInfo, Outcome};

/// A broker reached by MQTT 5 or 3.1.1, in mode *shared*: a few connections for all
/// devices.
///
/// * A publish of QoS 1 or 2 is done when the broker has acknowledged it; one
///   of QoS 0 when it is written.
/// * When the broker goes away, connecting is tried for ever. What was not
///   acknowledged is published again, also if the broker has forgotten us;
///   subscriptions are made again. Devices notice only delay. An acknowledged
///   publish may then arrive a second time if its acknowledgement was lost, as
///   MQTT allows for QoS 1; for QoS 2 only if the broker lost its session, which
///   with MQTT 3.1.1 ends with each connection.
/// * Publishes of a device keep their order.
/// * A filter is subscribed at the broker once, however many devices want it.
///   Retained messages therefore come to the first of them alone.
/// * There is no CONNECT per device; an [`Authenticator`] decides about logins.
///   The newest connection with a client id stays; the older one is told to
///   go.
///
/// Dropping it leaves links working; the connections end with the last link.
#[derive(Clone)]
pub struct MqttBroker {
    shared: Arc<Shared>,
}

struct Shared {
    settings: Arc<MqttSettings>,
    authenticator: Box<dyn Authenticator>,
    logins: Arc<Semaphore>,
    client_ids: ClientIds,
    connections: Vec<Handle>,
    stats: Arc<Stats>,
    links: AtomicU64,
}

/// The way to a connection's task.
struct Handle {
    jobs: mpsc::Sender<Job>,
    control: mpsc::UnboundedSender<Control>,
    connected: watch::Receiver<bool>,
}

impl MqttBroker {
    /// Starts to connect. Logins are accepted from everybody who names a
    /// client id.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start(settings: MqttSettings) -> Self {
        Self::start_with(settings, AcceptAll)
    }

    /// Starts to connect.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn start_with(settings: MqttSettings, authenticator: impl Authenticator) -> Self {
        let settings = Arc::new(settings.bounded());
        let stats = Arc::new(Stats::default());
        let connections =
            (0..settings.connections).map(|number| connect(number, &settings, &stats)).collect();
        Self {
            shared: Arc::new(Shared {
                authenticator: Box::new(authenticator),
                logins: Arc::new(Semaphore::new(settings.logins)),
                client_ids: ClientIds::default(),
                connections,
                stats,
                links: AtomicU64::new(0),
                settings,
            }),
        }
    }

    /// Whether all connections stand.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.connections.iter().all(|connection| *connection.connected.borrow())
    }

    /// Waits until all connections have stood once.
    ///
    /// # Errors
    ///
    /// [`Gone`] if the broker was closed.
    pub async fn connected(&self) -> Result<(), Gone> {
        for connection in &self.shared.connections {
            connection.connected.clone().wait_for(|connected| *connected).await.map_err(|_| Gone)?;
        }
        Ok(())
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> MqttCounters {
        self.shared.stats.read()
    }

    /// The number of devices that are logged in.
    #[must_use]
    pub fn logged_in(&self) -> usize {
        self.shared.client_ids.len()
    }

    /// Takes no further requests, waits until those taken over have ended,
    /// then disconnects. What has not ended within the given time fails.
    pub async fn close(&self, within: Duration) {
        let ends: Vec<_> = self
            .shared
            .connections
            .iter()
            .filter_map(|connection| {
                let (done, ended) = oneshot::channel();
                connection.control.send(Control::Close { within, done }).ok().map(|()| ended)
            })
            .collect();
        for end in ends {
            // An error says that the task is gone, which is as good.
            let _ = end.await;
        }
    }
}

fn connect(number: usize, settings: &Arc<MqttSettings>, stats: &Arc<Stats>) -> Handle {
    let name = if settings.connections == 1 {
        settings.client_id.clone()
    } else {
        format!("{}-{number}", settings.client_id)
    };
    let dialer = Arc::new(Dialer::new(settings));
    let (client, events) = wire::open(&Plan::new(settings, &name, &dialer, BATCH));
    let (jobs, job_queue) = mpsc::channel(settings.queue);
    let (control, control_queue) = mpsc::unbounded_channel();
    let (status, connected) = watch::channel(false);
    let channels = Channels { jobs: job_queue, control: control_queue, status };
    let connection = Connection::new(name, Arc::clone(settings), client, dialer, channels, Arc::clone(stats));
    tokio::spawn(connection.run(events));
    Handle { jobs, control, connected }
}

impl Broker for MqttBroker {
    type Link = MqttLink;

    fn link(&self, info: &ConnInfo, inbox: Inbox) -> MqttLink {
        let id = self.shared.links.fetch_add(1, Ordering::Relaxed);
        let connection = (id % self.shared.connections.len() as u64) as usize;
        MqttLink {
            peer: Arc::new(Peer::new(id, inbox)),
            info: info.clone(),
            jobs: self.shared.connections[connection].jobs.clone(),
            connection,
            shared: Arc::clone(&self.shared),
        }
    }
}

/// One device's way through an [`MqttBroker`].
pub struct MqttLink {
    peer: Arc<Peer>,
    info: ConnInfo,
    jobs: mpsc::Sender<Job>,
    connection: usize,
    shared: Arc<Shared>,
}

impl Link for MqttLink {
    async fn submit(&mut self, request: Request) -> Result<(), Gone> {
        let Request::Authenticate(ticket, who) = request else {
            let peer = Arc::clone(&self.peer);
            return self.jobs.send(Job { peer, request }).await.map_err(|_| Gone);
        };
        if let Err(refused) = auth::check(&who) {
            self.peer.inbox.completed(ticket, refused);
            return Ok(());
        }
        let turn = Arc::clone(&self.shared.logins).acquire_owned().await.map_err(|_| Gone)?;
        let (peer, shared, info) = (Arc::clone(&self.peer), Arc::clone(&self.shared), self.info.clone());
        tokio::spawn(async move {
            // Code of the user: whatever it does, the device gets an answer.
            let login = AssertUnwindSafe(async { shared.authenticator.authenticate(&info, &who).await })
                .catch_unwind();
            let outcome = match tokio::time::timeout(shared.settings.login_timeout, login).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_panic)) => Outcome::Failed("the authenticator panicked".into()),
                Err(_) => Outcome::Failed("the login took too long".into()),
            };
            if outcome.is_done() {
                shared.client_ids.claim(&who.client_id, &peer);
            }
            peer.inbox.completed(ticket, outcome);
            drop(turn);
        });
        Ok(())
    }
}

impl Drop for MqttLink {
    fn drop(&mut self) {
        self.peer.set_gone();
        self.shared.client_ids.release(&self.peer);
        // The task may have ended before.
        let _ = self.shared.connections[self.connection].control.send(Control::Leave(self.peer.id));
    }
}

impl fmt::Debug for MqttBroker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttBroker")
            .field("settings", &self.shared.settings)
            .field("connected", &self.is_connected())
            .field("counters", &self.counters())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MqttLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MqttLink").field("peer", &self.peer).field("info", &self.info).finish_non_exhaustive()
    }
}
