//! Subscriptions of devices, and what to tell the broker about them.
//!
//! A filter is subscribed at the broker while at least one device wants it.
//! This is bookkeeping without IO: calls return what has to be sent.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;

use super::peer::Peer;
use super::router::{FilterId, Joined, Left, Router};
use crate::session::{Outcome, Ticket};

/// Somebody who waits for the end of a request.
pub(crate) type Waiter = (Arc<Peer>, Ticket);

/// A packet for the broker.
#[derive(Debug)]
pub(crate) enum Command {
    /// SUBSCRIBE; report with [`Subscriptions::subscribed`].
    Subscribe { id: FilterId },
    /// UNSUBSCRIBE; tell the waiter.
    Unsubscribe { filter: Arc<str>, waiter: Option<Waiter> },
}

/// How the broker answered a SUBSCRIBE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It will send messages.
    Granted,
    /// It will not.
    Refused { code: u8, reason: Box<str> },
}

#[derive(Debug, Default)]
struct State {
    /// The broker has granted it on this session.
    granted: bool,
    waiting: Vec<Waiter>,
}

/// All subscriptions over one MQTT connection.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    router: Router<Arc<Peer>>,
    states: HashMap<FilterId, State>,
    of_peer: HashMap<u64, HashSet<FilterId>>,
}

impl Subscriptions {
    /// The number of filters.
    pub(crate) fn len(&self) -> usize {
        self.router.len()
    }

    /// A filter's text and QoS.
    pub(crate) fn filter(&self, id: FilterId) -> Option<(Arc<str>, u8)> {
        self.router.filter(id)
    }

    /// A device wants a filter's messages.
    pub(crate) fn subscribe(
        &mut self,
        peer: Arc<Peer>,
        ticket: Ticket,
        filter: &str,
        qos: u8,
    ) -> Option<Command> {
        let joined = self.router.subscribe(filter, peer.id, qos, Arc::clone(&peer));
        let id = joined.id();
        self.of_peer.entry(peer.id).or_default().insert(id);
        let state = self.states.entry(id).or_default();
        if matches!(joined, Joined::Already(_)) && state.granted {
            peer.inbox.completed(ticket, Outcome::Done);
            return None;
        }
        state.waiting.push((peer, ticket));
        match joined {
            Joined::First(_) | Joined::Raised(_) => Some(Command::Subscribe { id }),
            Joined::Already(_) => None,
        }
    }

    /// A device no longer wants a filter's messages.
    pub(crate) fn unsubscribe(&mut self, peer: Arc<Peer>, ticket: Ticket, filter: &str) -> Option<Command> {
        let Some(id) = self.router.find(filter) else {
            peer.inbox.completed(ticket, Outcome::Done);
            return None;
        };
        if let Some(filters) = self.of_peer.get_mut(&peer.id) {
            filters.remove(&id);
        }
        match self.router.unsubscribe(id, peer.id) {
            Left::NotThere | Left::Others => {
                peer.inbox.completed(ticket, Outcome::Done);
                None
            }
            Left::Last(id) => {
                self.forget(id);
                Some(Command::Unsubscribe { filter: filter.into(), waiter: Some((peer, ticket)) })
            }
        }
    }

    /// A device is gone.
    pub(crate) fn leave(&mut self, peer: u64) -> Vec<Command> {
        let mut commands = Vec::new();
        for id in self.of_peer.remove(&peer).into_iter().flatten() {
            let text = self.router.filter(id).map(|(text, _)| text);
            if let (Left::Last(id), Some(filter)) = (self.router.unsubscribe(id, peer), text) {
                self.forget(id);
                commands.push(Command::Unsubscribe { filter, waiter: None });
            }
        }
        commands
    }

    /// The broker has answered a SUBSCRIBE. A filter that was given up
    /// meanwhile is passed over.
    pub(crate) fn subscribed(&mut self, id: FilterId, answer: &Answer) {
        let Some(state) = self.states.get_mut(&id) else { return };
        let was_granted = std::mem::replace(&mut state.granted, *answer == Answer::Granted);
        let waiting = std::mem::take(&mut state.waiting);
        let Answer::Refused { code, reason } = answer else {
            for (peer, ticket) in waiting {
                peer.inbox.completed(ticket, Outcome::Done);
            }
            return;
        };
        // A refused change of QoS leaves the subscription that was there.
        state.granted = was_granted;
        for (peer, ticket) in waiting {
            if let Some(filters) = self.of_peer.get_mut(&peer.id) {
                filters.remove(&id);
            }
            if let Left::Last(id) = self.router.unsubscribe(id, peer.id) {
                self.states.remove(&id);
            }
            peer.inbox.completed(ticket, Outcome::Refused { code: *code, reason: reason.clone() });
        }
        if !was_granted {
            // Restoring it after a reconnect was refused: its devices would be
            // deaf without knowing, so they have to connect again.
            self.states.remove(&id);
            for member in self.router.remove(id) {
                if let Some(filters) = self.of_peer.get_mut(&member.value.id) {
                    filters.remove(&id);
                }
                member
                    .value
                    .inbox
                    .close(&format!("the broker refused a subscription after a reconnect: {reason}"));
            }
        }
    }

    /// The broker has lost its session: what to subscribe again.
    pub(crate) fn restore(&mut self) -> impl Iterator<Item = Command> + use<> {
        for state in self.states.values_mut() {
            state.granted = false;
        }
        self.router.filter_ids().into_iter().map(|id| Command::Subscribe { id })
    }

    /// Hands a message to the devices that want it; returns to how many it
    /// went and how many had no room for it.
    pub(crate) fn deliver(&self, topic: &str, through: &[usize], payload: &Bytes, qos: u8) -> (u64, u64) {
        let (mut taken, mut dropped) = (0, 0);
        let mut shared: Option<Arc<str>> = None;
        self.router.route(topic, through, |peer, wanted| {
            let topic = shared.get_or_insert_with(|| topic.into());
            if peer.inbox.message(Arc::clone(topic), payload.clone(), qos.min(wanted)) {
                taken += 1;
            } else {
                dropped += 1;
            }
        });
        (taken, dropped)
    }

    /// Tells everybody who waits that nothing will come any more.
    pub(crate) fn fail(&mut self, why: &str) {
        for state in self.states.values_mut() {
            for (peer, ticket) in state.waiting.drain(..) {
                peer.inbox.completed(ticket, Outcome::Failed(why.into()));
            }
        }
    }

    fn forget(&mut self, id: FilterId) {
        for (peer, ticket) in self.states.remove(&id).into_iter().flat_map(|state| state.waiting) {
            peer.inbox
                .completed(ticket, Outcome::Failed("unsubscribed before the broker had answered".into()));
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::{Notice, Outbox, inbox};
    use super::*;

    fn peer(id: u64) -> (Arc<Peer>, Outbox) {
        let (sender, receiver) = inbox(1);
        (Arc::new(Peer::new(id, sender)), receiver)
    }

    fn outcome(outbox: &mut Outbox) -> Option<Outcome> {
        match outbox.try_next()? {
            Notice::Completed(_, outcome) => Some(outcome),
            other => panic!("{other:?}"),
        }
    }

    fn refused() -> Answer {
        Answer::Refused { code: 0x87, reason: "no".into() }
    }

    #[test]
    fn a_shared_filter_is_subscribed_once_and_dropped_with_its_last_device() {
        let mut subscriptions = Subscriptions::default();
        let (one, mut one_out) = peer(1);
        let (two, mut two_out) = peer(2);
        let Some(Command::Subscribe { id }) = subscriptions.subscribe(Arc::clone(&one), Ticket(1), "a/+", 1)
        else {
            panic!("the first subscription goes to the broker")
        };
        assert!(subscriptions.subscribe(Arc::clone(&two), Ticket(1), "a/+", 1).is_none());
        assert_eq!((outcome(&mut one_out), outcome(&mut two_out)), (None, None));
        subscriptions.subscribed(id, &Answer::Granted);
        assert_eq!(outcome(&mut one_out), Some(Outcome::Done));
        assert_eq!(outcome(&mut two_out), Some(Outcome::Done));
        assert!(subscriptions.subscribe(Arc::clone(&two), Ticket(2), "a/+", 1).is_none());
        assert_eq!(outcome(&mut two_out), Some(Outcome::Done));

        assert_eq!(subscriptions.deliver("a/b", &[], &Bytes::new(), 2), (2, 0));
        assert_eq!(subscriptions.deliver("a/b", &[], &Bytes::new(), 2), (0, 2), "inboxes of one message");
        assert!(subscriptions.leave(1).is_empty());
        assert!(matches!(&subscriptions.leave(2)[..], [Command::Unsubscribe { waiter: None, .. }]));
        assert_eq!(subscriptions.len(), 0);
        assert!(subscriptions.states.is_empty() && subscriptions.of_peer.is_empty());
    }

    #[test]
    fn a_refusal_reaches_all_who_wait_and_forgets_the_filter() {
        let mut subscriptions = Subscriptions::default();
        let (one, mut one_out) = peer(1);
        let (two, mut two_out) = peer(2);
        let Some(Command::Subscribe { id }) = subscriptions.subscribe(one, Ticket(1), "x", 1) else {
            panic!()
        };
        subscriptions.subscribe(two, Ticket(1), "x", 1);
        subscriptions.subscribed(id, &refused());
        for out in [&mut one_out, &mut two_out] {
            assert!(matches!(outcome(out), Some(Outcome::Refused { code: 0x87, .. })));
        }
        assert_eq!((subscriptions.len(), subscriptions.states.len()), (0, 0));
        assert_eq!(subscriptions.deliver("x", &[], &Bytes::new(), 0), (0, 0));
    }

    #[test]
    fn a_refused_change_of_qos_leaves_the_subscription_of_others() {
        let mut subscriptions = Subscriptions::default();
        let (one, mut one_out) = peer(1);
        let (two, mut two_out) = peer(2);
        let Some(Command::Subscribe { id }) = subscriptions.subscribe(one, Ticket(1), "x", 0) else {
            panic!()
        };
        subscriptions.subscribed(id, &Answer::Granted);
        assert!(matches!(subscriptions.subscribe(two, Ticket(1), "x", 1), Some(Command::Subscribe { .. })));
        subscriptions.subscribed(id, &refused());
        assert_eq!(outcome(&mut one_out), Some(Outcome::Done));
        assert!(matches!(outcome(&mut two_out), Some(Outcome::Refused { .. })));
        assert_eq!(subscriptions.deliver("x", &[], &Bytes::new(), 1), (1, 0));
    }

    #[test]
    fn devices_whose_subscription_cannot_be_restored_are_closed() {
        let mut subscriptions = Subscriptions::default();
        let (one, mut out) = peer(1);
        let Some(Command::Subscribe { id }) = subscriptions.subscribe(one, Ticket(1), "x", 0) else {
            panic!()
        };
        subscriptions.subscribed(id, &Answer::Granted);
        assert_eq!(subscriptions.restore().count(), 1);
        subscriptions.subscribed(id, &refused());
        assert_eq!(outcome(&mut out), Some(Outcome::Done));
        assert!(matches!(out.try_next(), Some(Notice::Closed(_))));
        assert_eq!(subscriptions.len(), 0);
    }

    #[test]
    fn an_answer_for_a_filter_given_up_changes_nothing() {
        let mut subscriptions = Subscriptions::default();
        let (one, mut out) = peer(1);
        let Some(Command::Subscribe { id }) = subscriptions.subscribe(Arc::clone(&one), Ticket(1), "x", 0)
        else {
            panic!()
        };
        assert!(matches!(
            subscriptions.unsubscribe(Arc::clone(&one), Ticket(2), "x"),
            Some(Command::Unsubscribe { waiter: Some(_), .. })
        ));
        assert!(matches!(outcome(&mut out), Some(Outcome::Failed(_))));
        let Some(Command::Subscribe { id: again }) = subscriptions.subscribe(one, Ticket(3), "x", 0) else {
            panic!()
        };
        assert_ne!(id, again);
        subscriptions.subscribed(id, &Answer::Granted);
        assert_eq!(outcome(&mut out), None);
        subscriptions.subscribed(again, &Answer::Granted);
        assert_eq!(outcome(&mut out), Some(Outcome::Done));
    }
}
