//! What the user's functions see of a connection.

use core::any::Any;
use core::time::Duration;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use super::certificate::PeerCertificate;
use super::event::{Action, CloseReason, Credentials, Millis, Out, Ticket};
use super::gateway::Refusal;
use super::line::Asking;
use super::topic::{TopicBuf, TopicPolicy, TopicValue};

/// Facts about a connection that do not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnInfo {
    /// The device's address.
    pub peer: SocketAddr,
    /// The address it connected to.
    pub local: SocketAddr,
    /// The name of the listener.
    pub listener: Box<str>,
    /// What its bytes come through.
    pub transport: Transport,
    /// The certificate that it has shown, if its listener asks for one.
    pub certificate: Option<Arc<PeerCertificate>>,
}

/// What the bytes of a device come through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transport {
    /// A stream over TCP.
    #[default]
    Tcp,
    /// A stream over TCP with TLS.
    Tls,
    /// Datagrams of one peer.
    Udp,
    /// Datagrams of one peer, with DTLS.
    Dtls,
}

impl Transport {
    /// Whether what is read at once is a datagram: frames end with it, and what
    /// is not whole in it never will be.
    #[must_use]
    pub const fn is_datagram(self) -> bool {
        matches!(self, Self::Udp | Self::Dtls)
    }

    /// The name: `tcp`, `tls`, `udp` or `dtls`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Udp => "udp",
            Self::Dtls => "dtls",
        }
    }
}

impl Default for ConnInfo {
    fn default() -> Self {
        let any = SocketAddr::from(([0, 0, 0, 0], 0));
        Self {
            peer: any,
            local: any,
            listener: "default".into(),
            transport: Transport::Tcp,
            certificate: None,
        }
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
    /// The name of the downlink or request that the present frame answers, if
    /// any; see [`asked`](Self::asked) for what belongs to it.
    pub request: Option<&'static str>,
    /// Milliseconds since 1970-01-01T00:00Z, when the frame or message
    /// arrived or, in a reply, when the broker had confirmed everything. The
    /// time types are made of it: `BcdTime::from_unix(cx.now / 1000)`.
    pub now: i64,
    /// The present frame as received, without delimiters and escapes; of a
    /// message put together from segments, its joined body. Empty in
    /// downlinks.
    pub wire: &'c [u8],
    /// Milliseconds on a clock that never runs backwards: for what is due
    /// after some time, such as a [`Schedule`](super::Schedule).
    pub clock: Millis,
    pub(crate) asked: Option<&'c (dyn Any + Send)>,
    pub(crate) found: Option<&'c (dyn Any + Send)>,
    pub(crate) asking: Option<&'c mut Asking>,
    pub(crate) closing: Option<&'c mut Option<Box<CloseReason>>>,
    pub(crate) idle: Option<&'c mut u32>,
    pub(crate) kept: &'c [(&'static str, Box<str>)],
    pub(crate) levels: Vec<(&'static str, Box<str>)>,
    pub(crate) params: Option<&'c BTreeMap<String, String>>,
    pub(crate) profile: &'c str,
    pub(crate) serial: &'c mut u64,
    pub(crate) topics: TopicPolicy,
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
        let topics = TopicPolicy::default();
        Self {
            state,
            info,
            client_id,
            request,
            now: 0,
            wire: &[],
            clock: 0,
            asked: None,
            found: None,
            asking: None,
            closing: None,
            idle: None,
            kept: &[],
            levels: Vec::new(),
            params: None,
            profile: "",
            serial,
            topics,
        }
    }

    /// The same view at a time, in milliseconds since 1970.
    #[must_use]
    pub fn at(mut self, now: i64) -> Self {
        self.now = now;
        self
    }

    /// The same view of a frame as it was received.
    #[must_use]
    pub fn of_wire(mut self, wire: &'c [u8]) -> Self {
        self.wire = wire;
        self
    }

    pub(crate) fn for_asking(mut self, asking: &'c mut Asking) -> Self {
        self.asking = Some(asking);
        self
    }

    /// Keeps a value with the request that the present function makes, `poll`
    /// or one that makes a downlink which the device answers: it is there
    /// again, as [`asked`](Self::asked), when the answer comes. Of several the
    /// last is kept; other functions keep nothing.
    pub fn remember<T: Any + Send>(&mut self, value: T) {
        if let Some(asking) = &mut self.asking {
            asking.note = Some(Box::new(value));
        }
    }

    /// The request that the present function makes is not answered, whatever
    /// its route says: one to all devices on a line, say.
    pub fn expect_no_answer(&mut self) {
        if let Some(asking) = &mut self.asking {
            asking.no_answer = true;
        }
    }

    /// What [`remember`](Self::remember) kept with the request that the
    /// present frame answers; before a frame is decoded, with the one that is
    /// open. `None` if there is none, or if it is of another type.
    #[must_use]
    pub fn asked<T: Any>(&self) -> Option<&'c T> {
        self.asked?.downcast_ref()
    }

    /// What the [lookup](crate::doc::route#lookup) of the present frame has
    /// found; `None` if it has none, or if it is of another type.
    #[must_use]
    pub fn found<T: Any>(&self) -> Option<&'c T> {
        self.found?.downcast_ref()
    }

    /// Ends the connection, for a reason that is logged and counted, as soon as
    /// the frame or message in hand is dealt with: what it publishes is
    /// acknowledged and its replies are sent first. Frames behind it are not
    /// looked at. In [`ctx`](crate::doc::route#ctx) functions, which only see
    /// the connection, there is none to be ended.
    pub fn close(&mut self, reason: impl Into<Box<str>>) {
        if let Some(closing) = &mut self.closing {
            closing.get_or_insert_with(|| Box::new(CloseReason::User(reason.into())));
        }
    }

    /// Time without a byte from this device after which its connection is closed,
    /// in place of [`SessionSettings::idle`](super::SessionSettings::idle): for
    /// protocols whose devices say how often they send. Mostly a multiple of what
    /// they say, so that one message may be late. It is counted from the last byte
    /// and holds until it is set again; zero goes back to the setting. At least
    /// 1 s, at most 49 days.
    ///
    /// In [`ctx`](crate::doc::route#ctx) functions, which only see the connection,
    /// it does nothing.
    pub fn idle_after(&mut self, time: Duration) {
        if let Some(idle) = &mut self.idle {
            let millis = u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
            **idle = if millis == 0 { 0 } else { millis.max(1000) };
        }
    }

    /// A value of the login that `auth(.., keep(NAME))` kept; `""` if there is
    /// none.
    #[must_use]
    pub fn login(&self, name: &str) -> &str {
        self.kept.iter().find(|(kept, _)| *kept == name).map_or("", |(_, value)| value)
    }

    /// What stands in the topic of the present message at the level `{+NAME}` of
    /// its `deliver` filter; `""` if there is none, and in frames of the device.
    #[must_use]
    pub fn level(&self, name: &str) -> &str {
        self.levels.iter().find(|(level, _)| *level == name).map_or("", |(_, value)| value)
    }

    /// The same view with a policy for values in topics.
    #[must_use]
    pub fn with_topics(mut self, policy: TopicPolicy) -> Self {
        self.topics = policy;
        self
    }

    /// A parameter of the listener, see
    /// [`SessionSettings::params`](super::SessionSettings::params); `None` if it
    /// was not given.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<&'c str> {
        self.params?.get(name).map(String::as_str)
    }

    /// A part of the certificate that the device has shown, see
    /// [`PeerCertificate::part`]; `""` if it has shown none.
    #[must_use]
    pub fn certificate(&self, part: &str) -> &'c str {
        self.info.certificate.as_ref().map_or("", |shown| shown.part(part))
    }

    /// The profile whose routes hold, `""` for none; see
    /// [`SessionSettings::profile`](super::SessionSettings::profile).
    #[must_use]
    pub fn profile(&self) -> &'c str {
        self.profile
    }

    /// An empty topic or filter that follows the gateway's policy. Where there
    /// are [`Asks`], [`Asks::topic`] does the same without an allocation.
    #[must_use]
    pub fn topic(&self) -> TopicBuf {
        TopicBuf::new(self.topics)
    }

    /// The next number of the counter that starts at 0 with the connection and
    /// wraps round in `T`: the platform's own serial number.
    pub fn next_serial<T: TryFrom<u64> + Default>(&mut self) -> T {
        if let Ok(value) = T::try_from(*self.serial) {
            *self.serial = self.serial.wrapping_add(1);
            return value;
        }
        *self.serial = 1;
        T::try_from(0).unwrap_or_default()
    }
}

/// Filters that frames have subscribed to, each with its QoS.
#[derive(Debug, Default)]
pub(crate) struct Subscribed(BTreeMap<Box<str>, u8>);

impl Subscribed {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    fn qos(&self, filter: &str) -> Option<u8> {
        self.0.get(filter).copied()
    }

    /// Notes what a frame has asked for.
    pub(crate) fn note(&mut self, actions: &[Action], out: &Out) {
        for action in actions {
            match action {
                Action::Subscribe { filter, qos, .. } => {
                    self.0.insert(out.text(filter).into(), *qos);
                }
                Action::Unsubscribe { filter, .. } => {
                    self.0.remove(out.text(filter));
                }
                _ => {}
            }
        }
    }
}

/// Collects what the routes of one frame ask for.
///
/// # Examples
///
/// What the code generated for `publish("cars/{id}/up", qos = 1)` does:
///
/// ```
/// use exproto_runtime::session::{Asks, Out, Refusal};
///
/// fn ask(id: u16, asks: &mut Asks<'_>) -> Result<(), Refusal> {
///     let mut topic = asks.topic();
///     topic.literal("cars/");
///     topic.value(&id);
///     topic.literal("/up");
///     asks.publish(&topic, 1, false, |payload| payload.extend_from_slice(b"{}"))?;
///     asks.reuse(topic);
///     Ok(())
/// }
///
/// let (mut out, mut next) = (Out::new(), 0);
/// ask(41, &mut Asks::new(&mut out, &mut next)).unwrap();
/// assert_eq!(out.actions().len(), 1);
/// ```
#[derive(Debug)]
pub struct Asks<'o> {
    out: &'o mut Out,
    next: &'o mut u64,
    topics: TopicPolicy,
    asked: u32,
    publishes: u32,
    no_login: bool,
    /// What frames have subscribed to before.
    held: Option<&'o Subscribed>,
    /// How many filters more a frame may subscribe to.
    free: usize,
}

impl<'o> Asks<'o> {
    /// Appends to `out` and numbers the tickets from `next` on.
    pub fn new(out: &'o mut Out, next: &'o mut u64) -> Self {
        Self {
            out,
            next,
            topics: TopicPolicy::default(),
            asked: 0,
            publishes: 0,
            no_login: false,
            held: None,
            free: usize::MAX,
        }
    }

    /// The same with a policy for values in topics.
    #[must_use]
    pub fn with_topics(mut self, policy: TopicPolicy) -> Self {
        self.topics = policy;
        self
    }

    /// The same with what is subscribed to already, and how much may be.
    pub(crate) fn holding(mut self, held: Option<&'o Subscribed>, most: usize) -> Self {
        self.free = most.saturating_sub(held.map_or(0, Subscribed::len));
        self.held = held;
        self
    }

    /// How many tickets are out.
    #[must_use]
    pub fn asked(&self) -> u32 {
        self.asked
    }

    /// How many of them are for publishes.
    #[must_use]
    pub fn publishes(&self) -> u32 {
        self.publishes
    }

    /// An empty topic or filter that follows the gateway's policy, in memory
    /// that is used again and again; give it back with [`reuse`](Self::reuse).
    #[must_use]
    pub fn topic(&mut self) -> TopicBuf {
        self.out.take_topic(self.topics)
    }

    /// Takes back what [`topic`](Self::topic) lent.
    pub fn reuse(&mut self, topic: TopicBuf) {
        self.out.keep_topic(topic);
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

    /// The frame may log the device in and does not, so it needs a login
    /// before it.
    pub fn no_login(&mut self) {
        self.no_login = true;
    }

    /// Whether the frame might have logged the device in and does not.
    #[must_use]
    pub fn is_no_login(&self) -> bool {
        self.no_login
    }

    /// Keeps a value of the frame that logs the device in, as soon as it is
    /// in: see [`Cx::login`].
    pub fn keep(&mut self, name: &'static str, value: &dyn TopicValue) {
        let mut text = String::new();
        value.put(&mut text);
        self.out.keep(name, text);
    }

    /// Publishes what `payload` appends.
    ///
    /// # Errors
    ///
    /// The topic must not be used, see [`TopicBuf::finish`].
    pub fn publish(
        &mut self,
        topic: &TopicBuf,
        qos: u8,
        retain: bool,
        payload: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), Refusal> {
        let topic = self.out.store(topic.finish()?.as_bytes());
        let buffer = self.out.buffer();
        let start = buffer.len();
        payload(buffer);
        let payload: Range<usize> = start..buffer.len();
        let ticket = self.ticket();
        self.publishes += 1;
        self.out.push(Action::Publish { ticket, topic, payload, qos, retain });
        Ok(())
    }

    /// Subscribes the device; a filter that it is subscribed to with this QoS
    /// costs nothing.
    ///
    /// # Errors
    ///
    /// The filter must not be used, see [`TopicBuf::finish`]; the device is
    /// subscribed to as many filters as it may be, see
    /// [`SessionSettings::subscriptions`](super::SessionSettings::subscriptions).
    pub fn subscribe(&mut self, filter: &TopicBuf, qos: u8) -> Result<(), Refusal> {
        let filter = filter.finish()?;
        match self.held.and_then(|held| held.qos(filter)) {
            Some(held) if held == qos => return Ok(()),
            Some(_) => {}
            None if self.free == 0 => {
                return Err(Refusal::new(format!(
                    "`{filter}` is one subscription more than a device may have"
                )));
            }
            None => self.free -= 1,
        }
        let filter = self.out.store(filter.as_bytes());
        let ticket = self.ticket();
        self.out.push(Action::Subscribe { ticket, filter, qos });
        Ok(())
    }

    /// Ends a subscription of the device.
    ///
    /// # Errors
    ///
    /// The filter must not be used, see [`TopicBuf::finish`].
    pub fn unsubscribe(&mut self, filter: &TopicBuf) -> Result<(), Refusal> {
        let filter = self.out.store(filter.finish()?.as_bytes());
        let ticket = self.ticket();
        self.out.push(Action::Unsubscribe { ticket, filter });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn serial_numbers_wrap_in_the_type_of_their_field() {
        let (mut state, info, mut serial) = ((), ConnInfo::default(), 254);
        let mut cx = Cx::new(&mut state, &info, "", None, &mut serial);
        let small: [u8; 4] = core::array::from_fn(|_| cx.next_serial());
        assert_eq!(small, [254, 255, 0, 1]);
        assert_eq!(cx.next_serial::<u32>(), 2);
    }

    #[test]
    fn serial_numbers_end_in_a_type_that_has_none() {
        #[derive(Debug, Default, PartialEq)]
        struct Never;
        impl TryFrom<u64> for Never {
            type Error = ();
            fn try_from(_: u64) -> Result<Self, ()> {
                Err(())
            }
        }
        let (mut state, info, mut serial) = ((), ConnInfo::default(), 0);
        let mut cx = Cx::new(&mut state, &info, "", None, &mut serial);
        assert_eq!(cx.next_serial::<Never>(), Never);
    }
}
