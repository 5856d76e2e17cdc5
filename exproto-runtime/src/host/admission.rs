//! Who is let in.
//!
//! What a listener can do about overload is here: it turns new connections
//! away, before anything is spent on them, and leaves alone those it has taken.
//! One that is turned away is closed without a byte and counted by its reason,
//! see [`Shed`].

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::network::{Network, subscriber};
use super::rate::Bucket;
use crate::metrics::{Metrics, Shard, Shed};

/// What a listener asks of new connections.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// Networks that may connect; if none is named, all.
    pub(super) allow: Vec<Network>,
    /// Networks that may not, whatever the others say.
    pub(super) deny: Vec<Network>,
    /// The most connections at once.
    pub(super) connections: usize,
    /// The most from one address.
    pub(super) per_address: usize,
    /// The most new ones in a second; 0 for no limit.
    pub(super) per_second: u32,
    /// Bytes kept for all connections above which there are no new ones.
    pub(super) all_buffers: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            deny: Vec::new(),
            connections: usize::MAX,
            per_address: usize::MAX,
            per_second: 0,
            all_buffers: usize::MAX,
        }
    }
}

impl Rules {
    fn let_in(&self, address: IpAddr) -> bool {
        let within = |networks: &[Network]| networks.iter().any(|network| network.contains(address));
        !within(&self.deny) && (self.allow.is_empty() || within(&self.allow))
    }
}

/// What the connections of one listener share.
#[derive(Debug)]
pub(crate) struct Entrance {
    metrics: Arc<Metrics>,
    rules: Rules,
    /// How many are open.
    open: AtomicUsize,
    /// How many of each address, where that is limited. Locked when a
    /// connection begins and ends.
    addresses: Mutex<HashMap<u64, usize>>,
    /// New connections.
    rate: Option<Mutex<Bucket>>,
}

impl Entrance {
    pub(crate) fn new(metrics: &Arc<Metrics>, rules: Rules, now: Instant) -> Arc<Self> {
        let rate = (rules.per_second != 0).then(|| Mutex::new(Bucket::new(rules.per_second, now)));
        Arc::new(Self {
            metrics: Arc::clone(metrics),
            rules,
            open: AtomicUsize::new(0),
            addresses: Mutex::default(),
            rate,
        })
    }

    /// Lets a new connection in, or counts why not.
    pub(crate) fn admit(self: &Arc<Self>, peer: IpAddr, now: Instant) -> Result<Place, Shed> {
        self.judge(Some(peer), now).map_err(|reason| self.shed(reason))
    }

    /// The same for a connection of which [`Place::identify`] will tell whose it
    /// is.
    pub(crate) fn admit_unseen(self: &Arc<Self>, now: Instant) -> Result<Place, Shed> {
        self.judge(None, now).map_err(|reason| self.shed(reason))
    }

    /// Counts that a connection is turned away.
    pub(crate) fn shed(&self, reason: Shed) -> Shed {
        self.metrics.shard(0).shed(reason);
        reason
    }

    /// The rate comes last, so that those who are turned away for another reason
    /// use nothing of it up.
    fn judge(self: &Arc<Self>, peer: Option<IpAddr>, now: Instant) -> Result<Place, Shed> {
        if peer.is_some_and(|peer| !self.rules.let_in(peer)) {
            return Err(Shed::Network);
        }
        if self.metrics.held() > self.rules.all_buffers as u64 {
            return Err(Shed::Buffers);
        }
        let open = self.open.fetch_add(1, Ordering::AcqRel);
        // Gives the place back when one of the rules below is against it.
        let mut place = Place { entrance: Arc::clone(self), subscriber: None, left: false };
        if open >= self.rules.connections {
            return Err(Shed::Connections);
        }
        if let Some(peer) = peer {
            place.count(peer)?;
        }
        if let Some(rate) = &self.rate
            && !rate.lock().unwrap_or_else(PoisonError::into_inner).try_take(now)
        {
            return Err(Shed::Rate);
        }
        Ok(place)
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place of a connection that was let in, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    entrance: Arc<Entrance>,
    subscriber: Option<u64>,
    left: bool,
}

impl Place {
    /// Where the connection counts, if this worker serves it.
    pub(crate) fn shard(&self, worker: usize) -> &Shard {
        self.entrance.metrics.shard(worker)
    }

    /// Bytes that all connections of the gateway keep.
    pub(crate) fn held(&self) -> u64 {
        self.entrance.metrics.held()
    }

    /// Tells whose connection it is, and counts why it is turned away, if it is.
    pub(crate) fn identify(&mut self, peer: IpAddr) -> Result<(), Shed> {
        let let_in = self.entrance.rules.let_in(peer);
        let judged = if let_in { self.count(peer) } else { Err(Shed::Network) };
        judged.map_err(|reason| self.entrance.shed(reason))
    }

    /// Counts the connection as one of its address, where that is limited.
    fn count(&mut self, peer: IpAddr) -> Result<(), Shed> {
        let most = self.entrance.rules.per_address;
        if most == usize::MAX {
            return Ok(());
        }
        let subscriber = subscriber(peer);
        let mut addresses = self.entrance.addresses();
        let count = addresses.entry(subscriber).or_default();
        *count += 1;
        let too_many = *count > most;
        drop(addresses);
        self.subscriber = Some(subscriber);
        if too_many { Err(Shed::Address) } else { Ok(()) }
    }

    /// Gives the place back.
    pub(crate) fn leave(&mut self) {
        if std::mem::replace(&mut self.left, true) {
            return;
        }
        if let Some(subscriber) = self.subscriber.take() {
            let mut addresses = self.entrance.addresses();
            if let Some(count) = addresses.get_mut(&subscriber) {
                *count -= 1;
                if *count == 0 {
                    addresses.remove(&subscriber);
                }
            }
        }
        self.entrance.open.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.leave();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::time::Duration;

    use super::*;

    fn entrance(rules: Rules) -> Arc<Entrance> {
        Entrance::new(&Arc::new(Metrics::new("Line", 1)), rules, Instant::now())
    }

    fn from(entrance: &Arc<Entrance>, peer: &str) -> Result<Place, Shed> {
        entrance.admit(peer.parse().unwrap(), Instant::now())
    }

    fn refused(entrance: &Arc<Entrance>, peer: &str) -> Shed {
        from(entrance, peer).unwrap_err()
    }

    #[test]
    fn a_network_that_is_denied_is_denied_whatever_is_allowed() {
        let networks = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        let rules = Rules {
            allow: networks(&["10.0.0.0/8", "2001:db8::/32"]),
            deny: networks(&["10.9.0.0/16"]),
            ..Rules::default()
        };
        let entrance = entrance(rules);
        drop(from(&entrance, "10.1.1.1").unwrap());
        drop(from(&entrance, "::ffff:10.1.1.1").unwrap());
        drop(from(&entrance, "2001:db8::7").unwrap());
        assert_eq!(refused(&entrance, "10.9.1.1"), Shed::Network);
        assert_eq!(refused(&entrance, "192.0.2.1"), Shed::Network);
        assert_eq!(entrance.metrics.shed(Shed::Network), 2);
    }

    #[test]
    fn places_are_counted_and_given_back() {
        let entrance = entrance(Rules { connections: 2, per_address: 1, ..Rules::default() });
        let first = from(&entrance, "192.0.2.1").unwrap();
        assert_eq!(refused(&entrance, "192.0.2.1"), Shed::Address);
        let second = from(&entrance, "2001:db8::1").unwrap();
        assert_eq!(refused(&entrance, "192.0.2.3"), Shed::Connections);
        drop(first);
        assert_eq!(refused(&entrance, "2001:db8::2"), Shed::Address);
        let mut third = from(&entrance, "192.0.2.1").unwrap();
        third.leave();
        drop((second, third));
        assert_eq!(entrance.open.load(Ordering::Acquire), 0);
        assert!(entrance.addresses().is_empty(), "nothing is kept of those who are gone");
    }

    #[test]
    fn those_who_are_turned_away_use_nothing_of_the_rate_up() {
        let entrance = entrance(Rules { per_address: 1, per_second: 2, ..Rules::default() });
        let now = Instant::now() + Duration::from_secs(10);
        let admit = |peer: &str, at| entrance.admit(peer.parse().unwrap(), at);
        let _first = admit("192.0.2.1", now).unwrap();
        for _ in 0..10 {
            assert_eq!(admit("192.0.2.1", now).unwrap_err(), Shed::Address);
        }
        let _second = admit("192.0.2.2", now).unwrap();
        assert_eq!(admit("192.0.2.3", now).unwrap_err(), Shed::Rate);
        let _third = admit("192.0.2.3", now + Duration::from_millis(500)).unwrap();
        assert_eq!(entrance.open.load(Ordering::Acquire), 3);
    }

    #[test]
    fn nobody_is_let_in_while_the_buffers_are_full() {
        let entrance = entrance(Rules { all_buffers: 1000, ..Rules::default() });
        entrance.metrics.shard(0).hold(0, 1001);
        assert_eq!(refused(&entrance, "192.0.2.1"), Shed::Buffers);
        entrance.metrics.shard(0).hold(1001, 1000);
        drop(from(&entrance, "192.0.2.1").unwrap());
    }
}
