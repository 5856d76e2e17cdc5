//! What the broker side knows of a device connection.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Inbox;

/// A device connection.
#[derive(Debug)]
pub(crate) struct Peer {
    /// Counts up; a higher number is a newer connection.
    pub(crate) id: u64,
    pub(crate) inbox: Inbox,
    gone: AtomicBool,
    /// Another connection has its client id.
    replaced: AtomicBool,
    /// The device has said good-bye.
    good_bye: AtomicBool,
}

impl Peer {
    pub(crate) fn new(id: u64, inbox: Inbox) -> Self {
        Self {
            id,
            inbox,
            gone: AtomicBool::default(),
            replaced: AtomicBool::default(),
            good_bye: AtomicBool::default(),
        }
    }

    /// Whether the device's link was dropped.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    pub(crate) fn set_gone(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Whether another connection has taken over its client id.
    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced.load(Ordering::Acquire)
    }

    /// Whether the device has said good-bye.
    pub(crate) fn has_said_good_bye(&self) -> bool {
        self.good_bye.load(Ordering::Acquire)
    }

    pub(crate) fn say_good_bye(&self) {
        self.good_bye.store(true, Ordering::Release);
    }
}

/// Which device connection holds which client id.
///
/// Locked once per login and once per disconnect, never on the way of a message.
#[derive(Debug, Default)]
pub(crate) struct ClientIds(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    holders: HashMap<Box<str>, Arc<Peer>>,
    ids: HashMap<u64, Box<str>>,
}

impl ClientIds {
    /// Gives a client id to a device connection; who held it before is told to
    /// go. `false` if the connection is gone already.
    pub(crate) fn claim(&self, client_id: &str, peer: &Arc<Peer>) -> bool {
        let mut table = self.lock();
        if peer.is_gone() {
            return false;
        }
        table.release(peer.id);
        if let Some(older) = table.holders.insert(client_id.into(), Arc::clone(peer)) {
            table.ids.remove(&older.id);
            older.replaced.store(true, Ordering::Release);
            older.inbox.close("another connection took over the client id");
        }
        table.ids.insert(peer.id, client_id.into());
        true
    }

    /// The device connection is gone.
    pub(crate) fn release(&self, peer: &Peer) {
        self.lock().release(peer.id);
    }

    /// The number of client ids in use.
    pub(crate) fn len(&self) -> usize {
        self.lock().holders.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        // No code of others runs under the lock, so the table is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn release(&mut self, peer: u64) {
        if let Some(client_id) = self.ids.remove(&peer) {
            self.holders.remove(&client_id);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Notice, inbox};
    use super::*;

    #[test]
    fn the_newest_connection_keeps_the_client_id() {
        let ids = ClientIds::default();
        let (one_in, mut one_out) = inbox(1);
        let (two_in, mut two_out) = inbox(1);
        let (one, two) = (Arc::new(Peer::new(1, one_in)), Arc::new(Peer::new(2, two_in)));
        assert!(ids.claim("id", &one));
        assert!(ids.claim("id", &two));
        assert!(matches!(one_out.try_next(), Some(Notice::Closed(_))));
        one.set_gone();
        ids.release(&one);
        assert_eq!(ids.len(), 1, "the older one's end does not free the newer one's id");
        assert!(ids.claim("other", &two), "a connection holds one id");
        assert_eq!(ids.len(), 1);
        two.set_gone();
        ids.release(&two);
        assert_eq!(ids.len(), 0);
        assert!(!ids.claim("id", &two), "who is gone gets nothing");
        assert_eq!(ids.len(), 0);
        assert!(two_out.try_next().is_none());
    }
}
