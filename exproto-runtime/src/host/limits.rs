//! What a [`Listener`] is told of who may connect, of rates and of memory.

use super::network::Network;
use super::settings::Listener;

impl Listener {
    /// Lets only devices of this network connect, and of others that are named
    /// so. Others are turned away, see [`Shed::Network`](crate::metrics::Shed).
    /// Default: all.
    #[must_use]
    pub fn allow(mut self, network: Network) -> Self {
        self.rules.allow.push(network);
        self
    }

    /// Turns devices of this network away, whatever [`allow`](Self::allow) says;
    /// see [`Shed::Network`](crate::metrics::Shed). Default: none.
    #[must_use]
    pub fn deny(mut self, network: Network) -> Self {
        self.rules.deny.push(network);
        self
    }

    /// The most connections at once from one IPv4 address, or from one /64 of
    /// IPv6. A new one above it is turned away, see
    /// [`Shed::Address`](crate::metrics::Shed). Default: no limit, because
    /// thousands of devices may share an address of their mobile network.
    #[must_use]
    pub fn connections_per_address(mut self, connections: usize) -> Self {
        self.rules.per_address = connections;
        self
    }

    /// The most new connections each second, after a second's worth at once. More
    /// are turned away, see [`Shed::Rate`](crate::metrics::Shed); those turned away
    /// for another reason don't count. 0: no limit. Default: 0.
    #[must_use]
    pub fn connections_per_second(mut self, connections: u32) -> Self {
        self.rules.per_second = connections;
        self
    }

    /// The most bytes that a device may send each second, evened out over a
    /// second. One that sends faster is read later: nothing is dropped, the
    /// network makes it wait. Counted as `reads_delayed`. 0: as fast as it can.
    /// Default: 0.
    #[must_use]
    pub fn bytes_per_second(mut self, bytes: u32) -> Self {
        self.limits.rates.bytes = bytes;
        self
    }

    /// The most frames that a device may send each second, evened out over a
    /// second, with those that cannot be read. Frames that come in one
    /// [chunk](Self::chunk) are dealt with; it is the next chunk that is read
    /// later. Counted as `reads_delayed`. 0: as fast as it can. Default: 0.
    #[must_use]
    pub fn frames_per_second(mut self, frames: u32) -> Self {
        self.limits.rates.frames = frames;
        self
    }

    /// The most bytes kept for one device: of frames that are not whole or wait
    /// for the broker, segments of messages, and bytes that it has not taken. One
    /// that needs more is disconnected, counted as `flooded`. Default: no limit
    /// but those of the parts: the largest frame that the declaration allows, a
    /// [chunk](Self::chunk), [`reassembly`](crate::session::SessionSettings::reassembly)
    /// and [`unsent`](Self::unsent).
    #[must_use]
    pub fn buffer(mut self, bytes: usize) -> Self {
        self.limits.buffer = bytes;
        self
    }

    /// The most bytes kept for all devices of the gateway together, not counting
    /// the first 16 KiB of each. Above it new connections are turned away, and
    /// devices that keep more than 16 KiB are not read until there is room; one
    /// that waits for 30 s is disconnected, counted as `crowded`. Default:
    /// 256 MiB.
    #[must_use]
    pub fn all_buffers(mut self, bytes: usize) -> Self {
        self.limits.all_buffers = bytes;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listener_without_limits_has_the_documented_defaults() {
        let listener = Listener::tcp(([127, 0, 0, 1], 0));
        let (limits, rules) = (listener.limits, listener.rules);
        assert_eq!((rules.connections, rules.per_address, rules.per_second), (usize::MAX, usize::MAX, 0));
        assert!(rules.allow.is_empty() && rules.deny.is_empty());
        assert_eq!((limits.rates.bytes, limits.rates.frames), (0, 0));
        assert_eq!((limits.buffer, limits.all_buffers), (usize::MAX, 256 << 20));
        assert_eq!((limits.chunk, limits.unsent, limits.inbox), (4096, 16 << 10, 64));
    }
}
