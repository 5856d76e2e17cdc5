//! What the user's functions see of a connection.

use std::net::SocketAddr;
use std::ops::Range;

use super::event::{Action, Credentials, Out, Ticket};
use super::topic::TopicBuf;

/// Facts about a connection that do not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnInfo {
    /// The device's address.
    pub peer: SocketAddr,
    /// The address it connected to.
    pub local: SocketAddr,
    /// The name of the listener.
    pub listener: Box<str>,
}

impl Default for ConnInfo {
    fn default() -> Self {
        let any = SocketAddr::from(([0, 0, 0, 0], 0));
        Self { peer: any, local: any, listener: "default".into() }
    }
}

/// The connection, as routes and functions of the user see it.
///
/// `S` is the user's own state, one per connection.
#[derive(Debug)]
#[non_exhaustive]
pub struct Cx<'c, S> {
    /// The user's own state of this connection.
    pub state: &'c mut S,
    /// Where the device connected from and to.
    pub info: &'c ConnInfo,
    /// The client id the device logged in with, `""` before.
    pub client_id: &'c str,
    /// The name of the downlink that the present frame answers, if any.
    pub request: Option<&'static str>,
    pub(crate) serial: &'c mut u64,
}

impl<'c, S> Cx<'c, S> {
    /// A view of a connection; `serial` counts what was sent to the device.
    pub fn new(
        state: &'c mut S,
        info: &'c ConnInfo,
        client_id: &'c str,
        request: Option<&'static str>,
        serial: &'c mut u64,
    ) -> Self {
        Self { state, info, client_id, request, serial }
    }

    /// The next number of the counter that starts at 0 with the connection and
    /// wraps round in `T`: the platform's own serial number.
    pub fn next_serial<T: TryFrom<u64>>(&mut self) -> T
    where
        T: Default,
    {
        loop {
            let serial = *self.serial;
            match T::try_from(serial) {
                Ok(value) => {
                    *self.serial = serial.wrapping_add(1);
                    return value;
                }
                Err(_) => *self.serial = 0,
            }
        }
    }
}

/// Collects what the routes of one frame ask for.
#[derive(Debug)]
pub struct Asks<'o> {
    out: &'o mut Out,
    next: &'o mut u64,
    asked: u32,
}

impl<'o> Asks<'o> {
    /// Appends to `out` and numbers the tickets from `next` on.
    pub fn new(out: &'o mut Out, next: &'o mut u64) -> Self {
        Self { out, next, asked: 0 }
    }

    /// How many tickets are out.
    #[must_use]
    pub fn asked(&self) -> u32 {
        self.asked
    }

    fn ticket(&mut self) -> Ticket {
        let ticket = Ticket(*self.next);
        *self.next += 1;
        self.asked += 1;
        ticket
    }

    /// Logs the device in.
    pub fn authenticate(&mut self, credentials: Credentials) {
        let ticket = self.ticket();
        self.out.push(Action::Authenticate(ticket, Box::new(credentials)));
    }

    /// Publishes what `payload` appends.
    pub fn publish(&mut self, topic: &TopicBuf, qos: u8, retain: bool, payload: impl FnOnce(&mut Vec<u8>)) {
        let topic = self.out.store(topic.as_str().as_bytes());
        let buffer = self.out.buffer();
        let start = buffer.len();
        payload(buffer);
        let payload: Range<usize> = start..buffer.len();
        let ticket = self.ticket();
        self.out.push(Action::Publish { ticket, topic, payload, qos, retain });
    }

    /// Subscribes the device.
    pub fn subscribe(&mut self, filter: &TopicBuf, qos: u8) {
        let filter = self.out.store(filter.as_str().as_bytes());
        let ticket = self.ticket();
        self.out.push(Action::Subscribe { ticket, filter, qos });
    }

    /// Ends a subscription of the device.
    pub fn unsubscribe(&mut self, filter: &TopicBuf) {
        let filter = self.out.store(filter.as_str().as_bytes());
        let ticket = self.ticket();
        self.out.push(Action::Unsubscribe { ticket, filter });
    }
}
