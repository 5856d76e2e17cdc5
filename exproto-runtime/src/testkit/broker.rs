//! The broker at the other end of a [`TestConn`](super::TestConn).

use std::collections::VecDeque;
use std::fmt;

use crate::session::{Credentials, Outcome, Ticket, matches};

/// A message that the gateway has handed to the broker.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Vec<u8>,
    /// 0, 1 or 2.
    pub qos: u8,
    /// Whether the broker keeps it for later subscribers.
    pub retain: bool,
    /// What has become of it.
    pub fate: Fate,
}

/// What the broker has done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Nothing yet.
    Waiting,
    /// It has it.
    Acknowledged,
    /// It did not take it.
    Refused,
    /// Nobody knows.
    Failed,
}

impl Published {
    pub(super) fn new(topic: &str, payload: &[u8], qos: u8, retain: bool) -> Self {
        Self { topic: topic.into(), payload: payload.into(), qos, retain, fate: Fate::Waiting }
    }

    /// The payload as text.
    ///
    /// # Panics
    ///
    /// It is none.
    #[track_caller]
    #[must_use]
    pub fn text(&self) -> &str {
        match core::str::from_utf8(&self.payload) {
            Ok(text) => text,
            Err(error) => panic!("the payload on `{}` is no text: {error}", self.topic),
        }
    }

    /// The payload as JSON.
    ///
    /// # Panics
    ///
    /// It is none.
    #[track_caller]
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.payload) {
            Ok(value) => value,
            Err(error) => panic!("the payload on `{}` is no JSON: {error}", self.topic),
        }
    }
}

/// Something the session asked for.
#[derive(Debug)]
pub(super) struct Wanted {
    ticket: Ticket,
    what: What,
}

#[derive(Debug)]
enum What {
    Login(Credentials),
    Publish(Published),
    Subscribe(String, u8),
    Unsubscribe(String),
}

impl Wanted {
    pub(super) fn login(ticket: Ticket, credentials: Credentials) -> Self {
        Self { ticket, what: What::Login(credentials) }
    }

    pub(super) fn publish(ticket: Ticket, message: Published) -> Self {
        Self { ticket, what: What::Publish(message) }
    }

    pub(super) fn subscribe(ticket: Ticket, filter: &str, qos: u8) -> Self {
        Self { ticket, what: What::Subscribe(filter.into(), qos) }
    }

    pub(super) fn unsubscribe(ticket: Ticket, filter: &str) -> Self {
        Self { ticket, what: What::Unsubscribe(filter.into()) }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Login(credentials) => write!(f, "authenticate {}", credentials.client_id),
            What::Publish(Published { topic, payload, qos, retain, .. }) => {
                let retain = if *retain { " retained" } else { "" };
                write!(f, "publish {topic} qos {qos}{retain} ")?;
                match core::str::from_utf8(payload) {
                    Ok(text) => f.write_str(text),
                    Err(_) => payload.iter().try_for_each(|byte| write!(f, "{byte:02X}")),
                }
            }
            What::Subscribe(filter, qos) => write!(f, "subscribe {filter} qos {qos}"),
            What::Unsubscribe(filter) => write!(f, "unsubscribe {filter}"),
        }
    }
}

/// What the broker knows and how it will answer.
#[derive(Debug, Default)]
pub(super) struct Script {
    pub(super) paused: bool,
    /// How the next requests end.
    pub(super) verdicts: VecDeque<Outcome>,
    /// How logins end, if they are denied.
    pub(super) deny: Option<Outcome>,
    /// Asked and not answered; publishes with their place in `published`.
    pub(super) waiting: VecDeque<(Ticket, Request)>,
    pub(super) published: Vec<Published>,
    pub(super) subscriptions: Vec<(String, u8)>,
}

#[derive(Debug)]
pub(super) enum Request {
    Login,
    Publish(usize),
    Subscribe(String, u8),
    Unsubscribe(String),
}

impl Script {
    pub(super) fn ask(&mut self, wanted: Wanted) {
        let request = match wanted.what {
            What::Login(_) => Request::Login,
            What::Publish(message) => {
                self.published.push(message);
                Request::Publish(self.published.len() - 1)
            }
            What::Subscribe(filter, qos) => Request::Subscribe(filter, qos),
            What::Unsubscribe(filter) => Request::Unsubscribe(filter),
        };
        self.waiting.push_back((wanted.ticket, request));
    }

    /// Whether something waits that is answered without being told.
    pub(super) fn is_ready(&self) -> bool {
        !self.waiting.is_empty() && (!self.paused || !self.verdicts.is_empty())
    }

    /// Answers the oldest request: as told, or as scripted.
    pub(super) fn answer(&mut self, told: Option<Outcome>) -> Option<(Ticket, &'static str, Outcome)> {
        let (ticket, request) = self.waiting.pop_front()?;
        let scripted = || match (&request, &self.deny) {
            (Request::Login, Some(deny)) => deny.clone(),
            _ => Outcome::Done,
        };
        let outcome = told.or_else(|| self.verdicts.pop_front()).unwrap_or_else(scripted);
        let line = match request {
            Request::Login => "authenticate",
            Request::Publish(at) => {
                if let Some(message) = self.published.get_mut(at) {
                    message.fate = match outcome {
                        Outcome::Done => Fate::Acknowledged,
                        Outcome::Refused { .. } => Fate::Refused,
                        Outcome::Failed(_) => Fate::Failed,
                    };
                }
                "publish"
            }
            Request::Subscribe(filter, qos) => {
                if outcome.is_done() {
                    self.subscriptions.retain(|(known, _)| *known != filter);
                    self.subscriptions.push((filter, qos));
                }
                "subscribe"
            }
            Request::Unsubscribe(filter) => {
                if outcome.is_done() {
                    self.subscriptions.retain(|(known, _)| *known != filter);
                }
                "unsubscribe"
            }
        };
        Some((ticket, line, outcome))
    }

    pub(super) fn has_subscriber(&self, topic: &str) -> bool {
        self.subscriptions.iter().any(|(filter, _)| matches(filter, topic))
    }
}
