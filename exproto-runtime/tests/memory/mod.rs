//! A broker in memory that acknowledges, holds back and queues on command.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use exproto_runtime::broker::{Broker, Gone, Inbox, Link, Request};
use exproto_runtime::session::{ConnInfo, Outcome, Ticket};
use tokio::sync::watch;

/// The broker; clones are the same one.
#[derive(Clone, Debug)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    /// Counts changes, for tests that wait for one.
    changed: Arc<watch::Sender<u64>>,
}

#[derive(Debug, Default)]
struct State {
    published: Vec<(String, String)>,
    acknowledged: usize,
    held: Option<String>,
    waiting: Vec<(Inbox, Ticket)>,
    full: Option<String>,
    queueing: usize,
    subscriptions: Vec<(String, Inbox)>,
    clients: Vec<(String, Inbox)>,
}

impl Default for Memory {
    fn default() -> Self {
        Self { state: Arc::default(), changed: Arc::new(watch::Sender::new(0)) }
    }
}

impl Memory {
    fn change<R>(&self, work: impl FnOnce(&mut State) -> R) -> R {
        let result = work(&mut self.state.lock().unwrap());
        self.changed.send_modify(|changes| *changes += 1);
        result
    }

    async fn until(&self, what: &str, condition: impl Fn(&State) -> bool) {
        let mut changed = self.changed.subscribe();
        let wait = changed.wait_for(|_| condition(&self.state.lock().unwrap()));
        match tokio::time::timeout(std::time::Duration::from_secs(60), wait).await {
            Ok(result) => drop(result.unwrap()),
            Err(_) => panic!("waited in vain for {what}: {:?}", self.state.lock().unwrap()),
        }
    }

    /// What was handed over, in order.
    pub fn published(&self) -> Vec<(String, String)> {
        self.state.lock().unwrap().published.clone()
    }

    /// Publishes on `topic` are not acknowledged until [`release`](Self::release).
    pub fn hold(&self, topic: &str) {
        self.change(|state| state.held = Some(topic.into()));
    }

    /// Acknowledges what was held, and everything from now on.
    pub fn release(&self) {
        self.change(|state| {
            state.held = None;
            for (inbox, ticket) in state.waiting.drain(..) {
                state.acknowledged += 1;
                inbox.completed(ticket, Outcome::Done);
            }
        });
    }

    /// The queue has no room for publishes on `topic`.
    pub fn refuse_room(&self, topic: &str) {
        self.change(|state| state.full = Some(topic.into()));
    }

    /// The queue has room again.
    pub fn give_room(&self) {
        self.change(|state| state.full = None);
    }

    /// Waits until `count` publishes are held.
    pub async fn waiting(&self, count: usize) {
        self.until("held publishes", |state| state.waiting.len() == count).await;
    }

    /// Waits until `count` publishes wait for room.
    pub async fn queueing(&self, count: usize) {
        self.until("publishes without room", |state| state.queueing == count).await;
    }

    /// Waits until `count` publishes were acknowledged in all.
    pub async fn acknowledged(&self, count: usize) {
        self.until("acknowledged publishes", |state| state.acknowledged >= count).await;
    }

    /// Waits for a subscription.
    pub async fn subscribed(&self, filter: &str) {
        self.until("a subscription", |state| state.subscriptions.iter().any(|(known, _)| known == filter))
            .await;
    }

    /// Sends a message to those who subscribed to exactly this topic.
    pub fn deliver(&self, topic: &str, payload: &str) -> usize {
        self.change(|state| {
            let inboxes = state.subscriptions.iter().filter(|(filter, _)| filter == topic);
            inboxes
                .filter(|(_, inbox)| {
                    inbox.message(topic.into(), Bytes::copy_from_slice(payload.as_bytes()), 1)
                })
                .count()
        })
    }

    /// Tells a device to go.
    pub fn kick(&self, client_id: &str) {
        self.change(|state| {
            for (_, inbox) in state.clients.iter().filter(|(known, _)| known == client_id) {
                inbox.close("taken over");
            }
        });
    }
}

/// A device's way to the broker.
#[derive(Debug)]
pub struct MemoryLink {
    broker: Memory,
    inbox: Inbox,
}

impl Broker for Memory {
    type Link = MemoryLink;

    fn link(&self, _: &ConnInfo, inbox: Inbox) -> MemoryLink {
        MemoryLink { broker: self.clone(), inbox }
    }
}

impl Link for MemoryLink {
    async fn submit(&mut self, request: Request) -> Result<(), Gone> {
        if let Request::Publish { topic, .. } = &request {
            let full = |state: &State| state.full.as_ref() == Some(topic);
            if self.broker.change(|state| {
                let full = full(state);
                state.queueing += usize::from(full);
                full
            }) {
                let mut changed = self.broker.changed.subscribe();
                let room = changed.wait_for(|_| !full(&self.broker.state.lock().unwrap())).await;
                drop(room.map_err(|_| Gone)?);
                self.broker.change(|state| state.queueing -= 1);
            }
        }
        self.broker.change(|state| match request {
            Request::Publish { ticket, topic, payload, .. } => {
                state.published.push((topic.clone(), String::from_utf8_lossy(&payload).into_owned()));
                if state.held.as_ref() == Some(&topic) {
                    state.waiting.push((self.inbox.clone(), ticket));
                } else {
                    state.acknowledged += 1;
                    self.inbox.completed(ticket, Outcome::Done);
                }
            }
            Request::Subscribe { ticket, filter, .. } => {
                state.subscriptions.push((filter, self.inbox.clone()));
                self.inbox.completed(ticket, Outcome::Done);
            }
            Request::Authenticate(ticket, credentials) => {
                state.clients.push((credentials.client_id, self.inbox.clone()));
                self.inbox.completed(ticket, Outcome::Done);
            }
            Request::Unsubscribe { ticket, .. } => self.inbox.completed(ticket, Outcome::Done),
            #[allow(unreachable_patterns, reason = "the enum grows")]
            other => panic!("{other:?}"),
        });
        Ok(())
    }
}
