//! The broker of a scenario.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use bytes::Bytes;

use super::shown;
use crate::broker::{Broker, Gone, Inbox, Link, Request as Wanted};
use crate::session::{ConnInfo as At, Outcome, matches};

/// A broker in memory with access rules and retained messages.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Lab(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    authn: bool,
    subscriptions: Vec<(u64, String, Inbox)>,
    clients: HashMap<String, (u64, Inbox)>,
    retained: BTreeMap<String, (Bytes, u8)>,
    observed: Vec<String>,
    seen: Vec<String>,
    links: u64,
    turn: usize,
}

impl Lab {
    pub(super) fn check_logins(&self, check: bool) {
        self.0.lock().unwrap().authn = check;
    }

    /// What its other clients have got.
    pub(super) fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().seen.clone()
    }

    pub(in super::super) fn observe(&self, filter: &str) {
        self.0.lock().unwrap().observed.push(filter.into());
    }

    pub(in super::super) fn kick(&self, client_id: &str) {
        if let Some((_, inbox)) = self.0.lock().unwrap().clients.get(client_id) {
            inbox.close("an administrator asks for it");
        }
    }

    pub(in super::super) fn publish(&self, topic: &str, payload: &Bytes, qos: u8, retain: bool) {
        let mut state = self.0.lock().unwrap();
        if retain && payload.is_empty() {
            state.retained.remove(topic);
        } else if retain {
            state.retained.insert(topic.into(), (payload.clone(), qos));
        }
        if state.observed.iter().any(|filter| matches(filter, topic)) {
            state.seen.push(format!("{topic} {qos} {}", shown(payload)));
        }
        let mut groups: BTreeMap<&str, Vec<&Inbox>> = BTreeMap::new();
        for (_, filter, inbox) in &state.subscriptions {
            match filter.strip_prefix("$share/").and_then(|shared| shared.split_once('/')) {
                Some((_, inner)) if matches(inner, topic) => groups.entry(filter).or_default().push(inbox),
                None if matches(filter, topic) => {
                    inbox.message(topic.into(), payload.clone(), qos);
                }
                _ => {}
            }
        }
        for members in groups.values() {
            // Each in turn.
            members[state.turn % members.len()].message(topic.into(), payload.clone(), qos);
        }
        state.turn += 1;
    }
}

#[derive(Debug)]
pub(in super::super) struct LabLink {
    lab: Lab,
    id: u64,
    inbox: Inbox,
}

impl Broker for Lab {
    type Link = LabLink;

    fn link(&self, _: &At, inbox: Inbox) -> LabLink {
        let mut state = self.0.lock().unwrap();
        state.links += 1;
        LabLink { lab: self.clone(), id: state.links, inbox }
    }
}

impl Link for LabLink {
    async fn submit(&mut self, request: Wanted) -> Result<(), Gone> {
        let refused = |code| Outcome::Refused { code, reason: "no".into() };
        let (ticket, outcome) = match request {
            Wanted::Authenticate(ticket, who) => {
                let mut state = self.lab.0.lock().unwrap();
                let outcome = match (&*who.client_id, who.password.as_deref()) {
                    _ if !state.authn => Outcome::Done,
                    ("good", Some("secret")) => Outcome::Done,
                    ("good", _) => refused(0x86),
                    _ => refused(0x87),
                };
                if outcome.is_done()
                    && let Some((id, older)) =
                        state.clients.insert(who.client_id, (self.id, self.inbox.clone()))
                    && id != self.id
                {
                    older.close("another connection took over the client id");
                }
                (ticket, outcome)
            }
            Wanted::Publish { ticket, topic, .. } if topic.starts_with("denied/") => (ticket, refused(0x87)),
            Wanted::Publish { ticket, topic, payload, qos, retain } => {
                self.lab.publish(&topic, &payload, qos, retain);
                (ticket, Outcome::Done)
            }
            Wanted::Subscribe { ticket, filter, .. } if filter.starts_with("denied/") => {
                (ticket, refused(0x87))
            }
            Wanted::Subscribe { ticket, filter, .. } => {
                let mut state = self.lab.0.lock().unwrap();
                let known =
                    state.subscriptions.iter().any(|(id, known, _)| (*id, known) == (self.id, &filter));
                if !known {
                    for (topic, (payload, qos)) in &state.retained {
                        if matches(&filter, topic) {
                            self.inbox.message((&**topic).into(), payload.clone(), *qos);
                        }
                    }
                    state.subscriptions.push((self.id, filter, self.inbox.clone()));
                }
                (ticket, Outcome::Done)
            }
            Wanted::Unsubscribe { ticket, filter } => {
                let mut state = self.lab.0.lock().unwrap();
                state.subscriptions.retain(|(id, known, _)| (*id, known) != (self.id, &filter));
                (ticket, Outcome::Done)
            }
        };
        self.inbox.completed(ticket, outcome);
        Ok(())
    }
}

impl Drop for LabLink {
    fn drop(&mut self) {
        let mut state = self.lab.0.lock().unwrap();
        state.subscriptions.retain(|(id, ..)| *id != self.id);
        state.clients.retain(|_, (id, _)| *id != self.id);
    }
}
