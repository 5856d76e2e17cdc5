//! Networks: who may connect.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses, written `10.0.0.0/8`, `2001:db8::/32` or, for one
/// address, without the slash.
///
/// # Examples
///
/// ```
/// use exproto_runtime::host::Network;
///
/// let network: Network = "10.1.0.0/16".parse()?;
/// assert!(network.contains([10, 1, 2, 3].into()));
/// assert!(!network.contains([10, 2, 2, 3].into()));
/// // An IPv4 peer of an IPv6 socket is what it is.
/// assert!(network.contains("::ffff:10.1.2.3".parse()?));
/// let error = "10.1.2.3/16".parse::<Network>().unwrap_err();
/// assert_eq!(error.to_string(), "`10.1.2.3/16` names one address of a network: write 10.1.0.0/16");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

impl Network {
    /// The addresses that begin with the same `prefix` bits as this one.
    ///
    /// # Errors
    ///
    /// More bits than an address has; an address with bits set behind them.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, NetworkError> {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        if prefix > bits {
            return Err(NetworkError(format!("`{address}/{prefix}`: an address has {bits} bits")));
        }
        let first = first_of(address, prefix);
        if first != address {
            let text = format!("`{address}/{prefix}` names one address of a network: write {first}/{prefix}");
            return Err(NetworkError(text));
        }
        Ok(Self { address, prefix })
    }

    /// Whether the address is one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = if self.address.is_ipv4() { address.to_canonical() } else { address };
        address.is_ipv4() == self.address.is_ipv4() && first_of(address, self.prefix) == self.address
    }
}

/// The address with all bits behind the first `prefix` cleared.
fn first_of(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V4((u32::from(v4) & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(prefix)).unwrap_or(0);
            IpAddr::V6((u128::from(v6) & mask).into())
        }
    }
}

/// What one user of the internet has: an IPv4 address, or the /64 of an IPv6 one.
pub(super) fn subscriber(address: IpAddr) -> u64 {
    match address.to_canonical() {
        // The form that such addresses have in IPv6; ::/16 is nobody's.
        IpAddr::V4(v4) => 0x0000_ffff_0000_0000 | u64::from(u32::from(v4)),
        IpAddr::V6(v6) => upper(v6),
    }
}

#[allow(clippy::cast_possible_truncation, reason = "the upper half has 64 bits")]
fn upper(address: Ipv6Addr) -> u64 {
    (u128::from(address) >> 64) as u64
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(format!("`{text}` is no network: write ADDRESS or ADDRESS/BITS"));
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let prefix = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| wrong())?,
            None if address.is_ipv4() => 32,
            None => 128,
        };
        Self::new(address, prefix)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that names no network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkError(String);

impl fmt::Display for NetworkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NetworkError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn networks_hold_what_begins_alike() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        for (text, inside, outside) in [
            ("0.0.0.0/0", "203.0.113.9", "::1"),
            ("::/0", "2001:db8::1", "10.0.0.1"),
            ("192.0.2.128/25", "192.0.2.200", "192.0.2.127"),
            ("192.0.2.7", "192.0.2.7", "192.0.2.6"),
            ("2001:db8:0:1::/64", "2001:db8:0:1:ffff::", "2001:db8:0:2::"),
            ("::1", "::1", "::2"),
        ] {
            assert!(network(text).contains(address(inside)), "{inside} is in {text}");
            assert!(!network(text).contains(address(outside)), "{outside} is not in {text}");
        }
        assert!(network("10.0.0.0/8").contains(address("::ffff:10.9.9.9")));
        assert_eq!(network("10.0.0.0/8").to_string(), "10.0.0.0/8");
        assert_eq!(network("::1").to_string(), "::1/128");
    }

    #[test]
    fn what_is_no_network_is_refused_with_the_mend() {
        let error = |text: &str| text.parse::<Network>().unwrap_err().to_string();
        assert_eq!(error("lan"), "`lan` is no network: write ADDRESS or ADDRESS/BITS");
        assert_eq!(error("10.0.0.0/x"), "`10.0.0.0/x` is no network: write ADDRESS or ADDRESS/BITS");
        assert_eq!(error("10.0.0.0/33"), "`10.0.0.0/33`: an address has 32 bits");
        assert_eq!(
            error("2001:db8::1/32"),
            "`2001:db8::1/32` names one address of a network: write 2001:db8::/32"
        );
    }

    #[test]
    fn subscribers_are_ipv4_addresses_and_ipv6_networks() {
        let of = |text: &str| subscriber(text.parse().unwrap());
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
    }
}
