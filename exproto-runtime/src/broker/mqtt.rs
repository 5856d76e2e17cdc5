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
use super::device::{Device, Devices, Pending};
use super::dial::{Dialer, Login};
use super::peer::{ClientIds, Peer};
use super::reason::{self, Code};
use super::settings::made_up_client_id;
use super::stats::Stats;
use super::wire::{DevicePlan, Plan};
use super::{Broker, Gone, Inbox, Link, Mode, MqttCounters, MqttSettings, Request};
use crate::session::{ConnInfo, Credentials, Outcome, Ticket};

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
/// In [`Mode::PerDevice`] each device is a client of the broker itself:
///
/// * Its login is the broker's decision, after the [`Authenticator`]'s; the
///   reason of a refusal is the outcome of the login.
/// * Its subscriptions and the messages for them live in its session at the
///   broker, also while it is away, and come to it through whatever gateway it
///   returns to. A message of QoS 1 or 2 stays there until the device's
///   session here has taken it.
/// * Devices that don't log in have a client id made for the occasion, and the
///   login of the address.
/// * When another connection takes a client id over, here or elsewhere, the
///   device that had it is told to go.
/// * A device's connection to the broker lives and dies with its own: when it is
///   lost, the device is told to go, and finds its session when it is back.
/// * In a session that another connection has begun, QoS 2 is published as
///   QoS 1: what that one had half-way is unknown here.
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
    client_ids: Arc<ClientIds>,
    connections: Vec<Handle>,
    /// Connections of devices, and what they share.
    devices: Arc<Devices>,
    dialer: Arc<Dialer>,
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
        let connections = match settings.mode {
            Mode::Shared => {
                (0..settings.connections).map(|number| connect(number, &settings, &stats)).collect()
            }
            Mode::PerDevice(_) => Vec::new(),
        };
        Self {
            shared: Arc::new(Shared {
                authenticator: Box::new(authenticator),
                logins: Arc::new(Semaphore::new(settings.logins)),
                client_ids: Arc::default(),
                connections,
                devices: Arc::default(),
                dialer: Arc::new(Dialer::new(&settings)),
                stats,
                links: AtomicU64::new(0),
                settings,
            }),
        }
    }

    /// Whether all shared connections stand. Always, where each device has its own.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared.connections.iter().all(|connection| *connection.connected.borrow())
    }

    /// Waits until all shared connections have stood once. Where each device has
    /// its own, there are none to wait for.
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
        let shared = self.shared.connections.iter().map(|connection| connection.control.clone());
        let ends: Vec<_> = shared
            .chain(self.shared.devices.close())
            .filter_map(|control| {
                let (done, ended) = oneshot::channel();
                control.send(Control::Close { within, done }).ok().map(|()| ended)
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
    let plan = Plan::new(settings, &name, &dialer, BATCH);
    let (jobs, job_queue) = mpsc::channel(settings.queue);
    let (control, control_queue) = mpsc::unbounded_channel();
    let (status, connected) = watch::channel(false);
    let channels = Channels { jobs: job_queue, control: control_queue, status: Some(status) };
    let (connection, events) = Connection::new(plan, Arc::clone(settings), channels, Arc::clone(stats), None);
    tokio::spawn(connection.run(events));
    Handle { jobs, control, connected }
}

impl Broker for MqttBroker {
    type Link = MqttLink;

    fn link(&self, info: &ConnInfo, inbox: Inbox) -> MqttLink {
        let id = self.shared.links.fetch_add(1, Ordering::Relaxed);
        let way = match self.shared.connections.len() as u64 {
            0 => Way::Own(None),
            connections => Way::Shared((id % connections) as usize),
        };
        MqttLink {
            peer: Arc::new(Peer::new(id, inbox)),
            info: info.clone(),
            way,
            shared: Arc::clone(&self.shared),
        }
    }
}

/// One device's way through an [`MqttBroker`].
pub struct MqttLink {
    peer: Arc<Peer>,
    info: ConnInfo,
    way: Way,
    shared: Arc<Shared>,
}

/// How requests get to the broker.
enum Way {
    /// Through the connection with this number.
    Shared(usize),
    /// Through a connection of the device's own, once there is one.
    Own(Option<Own>),
}

/// A connection of a device's own.
struct Own {
    jobs: mpsc::Sender<Job>,
    control: mpsc::UnboundedSender<Control>,
}

impl Link for MqttLink {
    async fn submit(&mut self, request: Request) -> Result<(), Gone> {
        if let Request::Authenticate(ticket, who) = request {
            return self.log_in(ticket, who).await;
        }
        let jobs = match &mut self.way {
            Way::Shared(number) => &self.shared.connections[*number].jobs,
            Way::Own(Some(own)) => &own.jobs,
            Way::Own(none) => {
                let (own, channels) = own_channels(&self.shared.settings);
                let who = Credentials { client_id: made_up_client_id(), ..Credentials::default() };
                let login = match self.shared.dialer.login() {
                    Ok(login) => login,
                    Err(error) => {
                        let failed = Outcome::Failed(error.to_string().into());
                        self.peer.inbox.completed(request.ticket(), failed);
                        return Ok(());
                    }
                };
                let pending = Pending { ticket: None, deadline: self.shared.login_deadline(), _turn: None };
                start(&self.shared, &self.peer, &who, login, pending, channels, own.control.clone())?;
                &none.insert(own).jobs
            }
        };
        let ticket = request.ticket();
        let peer = Arc::clone(&self.peer);
        match (jobs.send(Job { peer, request }).await, &self.way) {
            (Ok(()), _) => Ok(()),
            (Err(_), Way::Shared(_)) => Err(Gone),
            (Err(_), Way::Own(_)) => {
                let why = "the device has no connection to the MQTT broker";
                self.peer.inbox.completed(ticket, Outcome::Failed(why.into()));
                Ok(())
            }
        }
    }

    fn good_bye(&mut self) {
        self.peer.say_good_bye();
    }
}

impl MqttLink {
    async fn log_in(&mut self, ticket: Ticket, who: Box<Credentials>) -> Result<(), Gone> {
        if let Err(refused) = auth::check(&who) {
            self.peer.inbox.completed(ticket, refused);
            return Ok(());
        }
        let turn = Arc::clone(&self.shared.logins).acquire_owned().await.map_err(|_| Gone)?;
        let (peer, shared, info) = (Arc::clone(&self.peer), Arc::clone(&self.shared), self.info.clone());
        let channels = match &mut self.way {
            Way::Shared(_) => None,
            Way::Own(own) => {
                let (handle, channels) = own_channels(&self.shared.settings);
                let control = handle.control.clone();
                leave(own.replace(handle), &self.peer);
                Some((channels, control))
            }
        };
        tokio::spawn(async move {
            // Code of the user: whatever it does, the device gets an answer.
            let login = AssertUnwindSafe(async { shared.authenticator.authenticate(&info, &who).await })
                .catch_unwind();
            let outcome = match tokio::time::timeout(shared.settings.login_timeout, login).await {
                Ok(Ok(outcome)) => outcome,
                Ok(Err(_panic)) => Outcome::Failed("the authenticator panicked".into()),
                Err(_) => Outcome::Failed("the login took too long".into()),
            };
            match channels {
                Some((channels, control)) if outcome.is_done() => {
                    let login = Login {
                        username: who.username.clone(),
                        password: who.password.clone().map(String::into_bytes),
                    };
                    let deadline = shared.login_deadline();
                    let pending = Pending { ticket: Some(ticket), deadline, _turn: Some(turn) };
                    if start(&shared, &peer, &who, login, pending, channels, control).is_err() {
                        peer.inbox.completed(ticket, Outcome::Failed("the gateway is closing".into()));
                    }
                }
                _ => {
                    if outcome.is_done() {
                        shared.client_ids.claim(&who.client_id, &peer);
                    }
                    peer.inbox.completed(ticket, outcome);
                }
            }
        });
        Ok(())
    }
}

impl Drop for MqttLink {
    fn drop(&mut self) {
        self.peer.set_gone();
        self.shared.client_ids.release(&self.peer);
        match &mut self.way {
            Way::Own(own) => leave(own.take(), &self.peer),
            // The task may have ended before.
            Way::Shared(number) => {
                let _ = self.shared.connections[*number].control.send(Control::Leave(self.peer.id));
            }
        }
    }
}

/// Lets a device's own connection end when what is under way has ended.
fn leave(own: Option<Own>, peer: &Peer) {
    let Some(Own { jobs, control }) = own else { return };
    drop(jobs);
    // Wakes it, so that it sees that nobody sends any more.
    let _ = control.send(Control::Leave(peer.id));
}

fn own_channels(settings: &MqttSettings) -> (Own, Channels) {
    let queue = match &settings.mode {
        Mode::PerDevice(devices) => devices.queue,
        Mode::Shared => settings.queue,
    };
    let (jobs, job_queue) = mpsc::channel(queue);
    let (control, control_queue) = mpsc::unbounded_channel();
    let channels = Channels { jobs: job_queue, control: control_queue, status: None };
    (Own { jobs, control }, channels)
}

/// Starts a device's own connection.
fn start(
    shared: &Arc<Shared>,
    peer: &Arc<Peer>,
    who: &Credentials,
    login: Login,
    pending: Pending,
    channels: Channels,
    control: mpsc::UnboundedSender<Control>,
) -> Result<(), Gone> {
    let Mode::PerDevice(devices) = &shared.settings.mode else { return Err(Gone) };
    let will = match devices.will.as_ref().map(|will| will.of(&who.client_id)) {
        Some(None) => {
            if let Some(ticket) = pending.ticket {
                let words = Some("the client id cannot stand in the topic of the will");
                peer.inbox.completed(ticket, reason::refused(Code::CLIENT_ID_INVALID, words));
            }
            return Ok(());
        }
        will => will.flatten(),
    };
    // A device that does not log in has a client id that never comes again.
    let passing = pending.ticket.is_none();
    let resume = !passing && !devices.clean_start && !devices.session_expiry.is_zero();
    let receive_max = u16::try_from(peer.inbox.limit()).unwrap_or(u16::MAX);
    let plan = Plan {
        keep_alive: devices.keep_alive,
        session_expiry: if passing { Duration::ZERO } else { devices.session_expiry },
        in_flight: devices.in_flight,
        device: Some(DevicePlan { resume, receive_max, will }),
        ..Plan::new(&shared.settings, &who.client_id, &shared.dialer, BATCH)
    };
    let number = shared.devices.insert(control).ok_or(Gone)?;
    let device = Device {
        peer: Arc::clone(peer),
        client_id: who.client_id.clone(),
        login,
        ids: Arc::clone(&shared.client_ids),
        pending: Some(pending),
        leaving: None,
        inherited: false,
        all: Arc::clone(&shared.devices),
        number,
    };
    let (connection, events) = Connection::new(
        plan,
        Arc::clone(&shared.settings),
        channels,
        Arc::clone(&shared.stats),
        Some(device),
    );
    tokio::spawn(connection.run(events));
    Ok(())
}

impl Shared {
    fn login_deadline(&self) -> tokio::time::Instant {
        tokio::time::Instant::now() + self.settings.login_timeout
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
