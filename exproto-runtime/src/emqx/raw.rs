//! Messages that a handler publishes without a connection.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};

use bytes::Bytes;
use tokio::sync::mpsc;
use tracing::warn;

use super::hub::To;
use super::reply::Reply;
use crate::broker::{Broker, Link as _, Notice, Request, inbox};
use crate::session::{ConnInfo, Ticket};

/// Publishes under way at most; further ones wait.
const MOST: usize = 1024;

/// What is to be published.
#[derive(Debug)]
pub(super) struct RawPublish {
    pub(super) topic: String,
    pub(super) payload: Bytes,
    pub(super) qos: u32,
}

/// Publishes until nobody can ask any more and all has ended.
pub(super) async fn run<B: Broker>(broker: B, mut jobs: mpsc::Receiver<(RawPublish, To)>) {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let info =
        ConnInfo { peer: nowhere, local: nowhere, listener: "raw publish".into(), ..ConnInfo::default() };
    let (notices, mut outbox) = inbox(0);
    let mut link = broker.link(&info, notices);
    let mut under_way: HashMap<Ticket, To> = HashMap::new();
    let mut next = 0;
    let mut more = true;
    while more || !under_way.is_empty() {
        tokio::select! {
            job = jobs.recv(), if more && under_way.len() < MOST => {
                let Some((what, to)) = job else {
                    more = false;
                    continue;
                };
                next += 1;
                let ticket = Ticket(next);
                under_way.insert(ticket, to);
                let RawPublish { topic, payload, qos } = what;
                let qos = qos as u8;
                let request = Request::Publish { ticket, topic, payload, qos, retain: false };
                if link.submit(request).await.is_err() {
                    warn!("the broker is gone: nothing is published without a connection any more");
                    return;
                }
            }
            notice = outbox.next() => match notice {
                Some(Notice::Completed(ticket, outcome)) => {
                    if let Some(to) = under_way.remove(&ticket) {
                        // Whoever asked may not wait any more.
                        let _ = to.send(Reply::of(&outcome));
                    }
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}
