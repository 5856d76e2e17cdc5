//! A connection that is one device's own: mode *per device*.
//!
//! The device is an MQTT client like any other: it logs in with its own
//! credentials, and its session, with subscriptions and the messages that wait
//! for it, lives in the broker, where any host can go on with it. The device's
//! connection to us and ours to the broker live and die together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::Instant;

use super::connection::Control;
use super::dial::Login;
use super::peer::{ClientIds, Peer};
use super::reason::{self, Code};
use super::wire::{Kind, Message, Trouble};
use crate::session::{Outcome, Ticket};

/// The device behind a connection.
pub(crate) struct Device {
    pub(crate) peer: Arc<Peer>,
    pub(crate) client_id: String,
    pub(crate) login: Login,
    pub(crate) ids: Arc<ClientIds>,
    /// Its login, while the broker has not decided.
    pub(crate) pending: Option<Pending>,
    /// Why the broker said it ends the connection.
    pub(crate) leaving: Option<Code>,
    /// Whether the broker had a session that another connection has begun. What
    /// was half-way there of QoS 2 is unknown here, and its packet identifiers
    /// with it: a new message under one of them would be taken for the old one.
    pub(crate) inherited: bool,
    /// Where it is noted, and under which number.
    pub(crate) all: Arc<Devices>,
    pub(crate) number: u64,
}

/// A login that the broker has not decided about.
pub(crate) struct Pending {
    /// `None` for devices that don't log in.
    pub(crate) ticket: Option<Ticket>,
    pub(crate) deadline: Instant,
    /// Makes room for the next login when it goes.
    pub(crate) _turn: Option<OwnedSemaphorePermit>,
}

impl Device {
    /// Until when the broker has to let the device in.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.pending.as_ref().map(|pending| pending.deadline)
    }

    /// The broker has let the device in; `false` if the device is gone.
    pub(crate) fn connected(&mut self, session_present: bool) -> bool {
        let Some(pending) = self.pending.take() else { return true };
        self.inherited = session_present;
        let Some(ticket) = pending.ticket else { return true };
        let here = self.ids.claim(&self.client_id, &self.peer);
        if here {
            self.peer.inbox.completed(ticket, Outcome::Done);
        }
        here
    }

    /// There is no connection; whether that is the end.
    pub(crate) fn is_over(&mut self, trouble: Option<&Trouble>) -> bool {
        if self.peer.is_gone() || self.peer.is_replaced() {
            return true;
        }
        let refused = match trouble.map(|trouble| &trouble.kind) {
            Some(Kind::Refused(code)) if !code.is_passing() => Some(*code),
            _ => None,
        };
        if let Some(pending) = &self.pending {
            let Some(code) = refused else { return false };
            match pending.ticket {
                Some(ticket) => self.peer.inbox.completed(ticket, reason::refused(code, None)),
                None => self.close(&format!("the broker refuses the device: {}", code.text())),
            }
            self.pending = None;
            return true;
        }
        let said = match trouble.map(|trouble| &trouble.kind) {
            Some(Kind::Ended(code)) => Some(*code),
            _ => self.leaving,
        };
        // Connecting again could drive out whoever has taken the client id over,
        // who would do the same; not every broker says that this is why.
        match said {
            Some(Code::SESSION_TAKEN_OVER) => self.close("another connection took over the client id"),
            Some(code) => self.close(&format!("the broker has ended the connection: {}", code.text())),
            None => self.close("the connection to the broker has ended"),
        }
        true
    }

    /// The broker has not let the device in in time.
    pub(crate) fn too_late(&mut self) {
        let why = "the broker did not answer in time";
        match self.pending.take().map(|pending| pending.ticket) {
            Some(Some(ticket)) => self.peer.inbox.completed(ticket, Outcome::Failed(why.into())),
            Some(None) => self.close(why),
            None => {}
        }
    }

    fn close(&self, why: &str) {
        self.peer.inbox.close(why);
    }

    /// Hands a message to the device; whether there was room for it.
    pub(crate) fn deliver(&self, topic: &str, message: &mut Message) -> bool {
        let receipt = message.receipt.take();
        self.peer.inbox.message_with(topic.into(), message.payload.clone(), message.qos, receipt)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.all.remove(self.number);
    }
}

/// All connections of devices.
#[derive(Debug, Default)]
pub(crate) struct Devices(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    controls: HashMap<u64, mpsc::UnboundedSender<Control>>,
    last: u64,
    closed: bool,
}

impl Devices {
    /// Notes a connection and returns its number; `None` when there are to be no
    /// more.
    pub(crate) fn insert(&self, control: mpsc::UnboundedSender<Control>) -> Option<u64> {
        let mut table = self.lock();
        if table.closed {
            return None;
        }
        table.last += 1;
        let number = table.last;
        table.controls.insert(number, control);
        Some(number)
    }

    /// Takes no more connections and returns those that are there.
    pub(crate) fn close(&self) -> Vec<mpsc::UnboundedSender<Control>> {
        let mut table = self.lock();
        table.closed = true;
        table.controls.values().cloned().collect()
    }

    fn remove(&self, number: u64) {
        self.lock().controls.remove(&number);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // Nothing panics under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
