//! Settings of [`MqttBroker`](super::MqttBroker).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::PathBuf;
use std::time::Duration;

use super::{Mode, MqttUrl};

/// How to reach an MQTT broker, and how much may be under way there.
///
/// Make one with [`MqttSettings::new`] and change what differs:
///
/// ```
/// use exproto_runtime::broker::MqttSettings;
///
/// let mut settings = MqttSettings::new("mqtt://127.0.0.1:1883".parse()?);
/// settings.in_flight = 100;
/// # Ok::<(), exproto_runtime::broker::UrlError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MqttSettings {
    /// Where the broker is, what it speaks, and as whom to log in.
    pub url: MqttUrl,
    /// Where else to go when no connection can be made there, in this order and
    /// round again. Logins are those of each address; the version of MQTT is
    /// that of `url`. A connection stays where it is until it is lost, and then
    /// tries the same address first. Default: none.
    pub fallbacks: Vec<MqttUrl>,
    /// The addresses are nodes of one cluster, each of which can go on with a
    /// session that began at another. Without it, every change of address
    /// begins a new session: what was not acknowledged is published again, and
    /// subscriptions are made again. Default: no.
    pub one_cluster: bool,
    /// The file with the password in its first line, instead of one in the
    /// address. It is read for each connection. Default: none.
    pub password_file: Option<PathBuf>,
    /// For `mqtts://`: whose certificates are taken, and our own. Default:
    /// those of the authorities that this machine trusts.
    #[cfg(feature = "tls")]
    pub tls: crate::tls::ClientTls,
    /// Who is a client of the broker. Default: the gateway, for all devices.
    /// Where each device is, `client_id`, `connections`, `in_flight`, `queue`,
    /// `keep_alive` and `session_expiry` here don't count.
    pub mode: Mode,
    /// The client id; with more than one connection, `-0`, `-1`, .. is added.
    /// Default `exproto-` and a random number: two gateways with the same
    /// client id would throw each other out.
    pub client_id: String,
    /// The number of MQTT connections that the devices share. Default 1;
    /// held within 1 and 64.
    pub connections: usize,
    /// Publishes per connection that may wait for their acknowledgement.
    /// Default 500; held within 1 and 65,535. The broker's own limit
    /// (`Receive Maximum`) counts too.
    pub in_flight: u16,
    /// Requests per connection that may wait to be sent. When so many wait,
    /// [`Link::submit`](super::Link::submit) waits. Default 1,000; at least 1.
    pub queue: usize,
    /// Logins that may be under way at the same time. Default 256; at least 1.
    pub logins: usize,
    /// How long a login may take. Default 10 s.
    pub login_timeout: Duration,
    /// The MQTT keep alive. Default 30 s; held within 1 s and 65,535 s.
    pub keep_alive: Duration,
    /// How long reaching the broker may take, with its answer to CONNECT.
    /// Default 5 s.
    pub connect_timeout: Duration,
    /// The first wait before connecting again. Default 0.1 s. Each further
    /// one is twice as long; each is cut by up to half at random, so that many
    /// gateways don't come back at the same moment.
    pub reconnect_min: Duration,
    /// The longest wait before connecting again. Default 10 s.
    pub reconnect_max: Duration,
    /// How long the broker keeps subscriptions and messages for us while we
    /// are away. Default 600 s. 0: every reconnect starts from nothing, as it
    /// always does with MQTT 3.1.1, which cannot say how long: messages for
    /// devices that come in such a gap are lost.
    /// Whatever the broker keeps or loses, what it has not acknowledged is
    /// published again.
    pub session_expiry: Duration,
    /// The largest packet we take from the broker; it drops larger ones.
    /// Default 1 MiB; held within 1 KiB and 256 MiB.
    pub max_packet_size: u32,
}

impl MqttSettings {
    /// The defaults, for a broker at this address.
    #[must_use]
    pub fn new(url: MqttUrl) -> Self {
        Self {
            url,
            fallbacks: Vec::new(),
            one_cluster: false,
            password_file: None,
            #[cfg(feature = "tls")]
            tls: crate::tls::ClientTls::system(),
            mode: Mode::Shared,
            client_id: made_up_client_id(),
            connections: 1,
            in_flight: 500,
            queue: 1_000,
            logins: 256,
            login_timeout: Duration::from_secs(10),
            keep_alive: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            reconnect_min: Duration::from_millis(100),
            reconnect_max: Duration::from_secs(10),
            session_expiry: Duration::from_secs(600),
            max_packet_size: 1 << 20,
        }
    }

    /// Brings values into their bounds.
    pub(crate) fn bounded(mut self) -> Self {
        self.connections = self.connections.clamp(1, 64);
        self.in_flight = self.in_flight.max(1);
        self.queue = self.queue.max(1);
        self.logins = self.logins.max(1);
        self.keep_alive = self.keep_alive.clamp(Duration::from_secs(1), Duration::from_secs(u16::MAX.into()));
        self.reconnect_max = self.reconnect_max.max(self.reconnect_min);
        if let Mode::PerDevice(devices) = &mut self.mode {
            devices.bound();
        }
        self.max_packet_size = self.max_packet_size.clamp(1 << 10, 1 << 28);
        self
    }
}

/// A client id that nobody else has, in the 23 characters that every broker has
/// to take.
pub(crate) fn made_up_client_id() -> String {
    format!("exproto-{:015x}", random() >> 4)
}

/// A number that differs from process to process and from call to call; not
/// for secrets.
pub(crate) fn random() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// Waits between attempts: twice as long each time, up to a limit.
#[derive(Debug)]
pub(crate) struct Backoff {
    min: Duration,
    max: Duration,
    /// All addresses are tried before the wait gets longer.
    addresses: u32,
    attempts: u32,
}

impl Backoff {
    pub(crate) fn new(settings: &MqttSettings) -> Self {
        Self {
            min: settings.reconnect_min,
            max: settings.reconnect_max,
            addresses: u32::try_from(1 + settings.fallbacks.len()).unwrap_or(u32::MAX),
            attempts: 0,
        }
    }

    /// The next wait; `random` decides how much of its second half is left out.
    pub(crate) fn next(&mut self, random: u64) -> Duration {
        let full = self.min.saturating_mul(1 << (self.attempts / self.addresses).min(20)).min(self.max);
        self.attempts = self.attempts.saturating_add(1);
        let share = (random % 1_000) as u32;
        full / 2 + full / 2_000 * share
    }

    pub(crate) fn reset(&mut self) {
        self.attempts = 0;
    }

    /// Whether a connection that lasted so long counts as a good one.
    pub(crate) fn is_stable(&self, lasted: Duration) -> bool {
        lasted >= self.max
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn waits_double_up_to_the_limit_and_vary_by_half() {
        let mut settings = MqttSettings::new("mqtt://h".parse().unwrap());
        settings.reconnect_min = Duration::from_millis(100);
        settings.reconnect_max = Duration::from_secs(1);
        let mut backoff = Backoff::new(&settings);
        let mut longest = Vec::new();
        for _ in 0..6 {
            longest.push(backoff.next(999).as_millis());
        }
        assert_eq!(longest, [99, 199, 399, 799, 999, 999]);
        assert_eq!(backoff.next(0), Duration::from_millis(500));
        for _ in 0..100 {
            assert!(backoff.next(random()) <= Duration::from_secs(1));
        }
        backoff.reset();
        assert_eq!(backoff.next(0), Duration::from_millis(50));

        settings.fallbacks = vec!["mqtt://i".parse().unwrap()];
        let mut backoff = Backoff::new(&settings);
        let waits: Vec<_> = (0..4).map(|_| backoff.next(0).as_millis()).collect();
        assert_eq!(waits, [50, 50, 100, 100]);
    }

    #[test]
    fn client_ids_differ() {
        let url: MqttUrl = "mqtt://h".parse().unwrap();
        assert_ne!(MqttSettings::new(url.clone()).client_id, MqttSettings::new(url).client_id);
    }
}
