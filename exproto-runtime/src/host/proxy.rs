//! The header that a load balancer sends before a device's first byte: PROXY
//! protocol, versions 1 and 2.
//!
//! Source: "The PROXY protocol, versions 1 & 2" of HAProxy
//! (`doc/proxy-protocol.txt`, 2020-03-05), sections 2.1 and 2.2.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// The beginning of version 1.
const TEXT: &[u8] = b"PROXY";

/// The beginning of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The longest line of version 1 with its end, by the specification.
const LINE: usize = 107;

/// The shortest header, of version 1.
const SHORTEST: usize = 15;

/// What of version 2 has a fixed size.
const FIXED: usize = 16;

/// The longest header taken: of version 2 with what the balancer tells besides
/// addresses, which is not looked at. The length field would allow 64 KiB.
pub(super) const MOST: usize = FIXED + 2048;

/// Source and destination as the balancer saw them; `None` for connections of
/// its own, which count as coming from it.
pub(super) type Addresses = Option<(SocketAddr, SocketAddr)>;

/// What bytes at the beginning of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    /// A header of so many bytes.
    Whole(usize, Addresses),
    /// The beginning of one. At least so many bytes belong to it.
    Part(usize),
}

/// Why it is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoHeader(&'static str);

impl std::fmt::Display for NoHeader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "no PROXY header: {}", self.0)
    }
}

impl std::error::Error for NoHeader {}

/// Looks for a header at the beginning of `bytes`.
pub(super) fn parse(bytes: &[u8]) -> Result<Header, NoHeader> {
    let begins = |with: &[u8]| bytes.iter().zip(with).all(|(byte, expected)| byte == expected);
    if bytes.is_empty() {
        Ok(Header::Part(SHORTEST))
    } else if begins(SIGNATURE) {
        binary(bytes)
    } else if begins(TEXT) {
        text(bytes)
    } else {
        Err(NoHeader("it begins otherwise"))
    }
}

fn text(bytes: &[u8]) -> Result<Header, NoHeader> {
    let within = bytes.get(..LINE).unwrap_or(bytes);
    let Some(end) = within.windows(2).position(|pair| pair == b"\r\n") else {
        // The shortest is `PROXY UNKNOWN\r\n`.
        let missing = if within.ends_with(b"\r") { 1 } else { 2 };
        return match within.len() + missing {
            length if length > LINE => Err(NoHeader("the line is too long")),
            length => Ok(Header::Part(length.max(SHORTEST))),
        };
    };
    let line = within.get(..end).and_then(|line| std::str::from_utf8(line).ok());
    let mut words = line.ok_or(NoHeader("the line is no text"))?.split(' ');
    words.next();
    let wrong = NoHeader("the line is not as it should be");
    let addresses = match words.next() {
        // What follows is not looked at.
        Some("UNKNOWN") => None,
        Some(family @ ("TCP4" | "TCP6")) => {
            let [source, to, source_port, port] = std::array::from_fn(|_| words.next());
            if words.next().is_some() {
                return Err(wrong);
            }
            let address = |ip: Option<&str>, port: Option<&str>| {
                let (ip, port) = (ip?, port?);
                let ip: IpAddr = match family {
                    "TCP4" => ip.parse::<Ipv4Addr>().ok()?.into(),
                    _ => ip.parse::<Ipv6Addr>().ok()?.into(),
                };
                // Digits alone: no sign, no leading zero.
                let plain =
                    port.bytes().all(|byte| byte.is_ascii_digit()) && (port == "0" || !port.starts_with('0'));
                Some(SocketAddr::new(ip, port.parse().ok().filter(|_| plain)?))
            };
            Some(address(source, source_port).zip(address(to, port)).ok_or(wrong)?)
        }
        _ => return Err(wrong),
    };
    Ok(Header::Whole(end + 2, addresses))
}

fn binary(bytes: &[u8]) -> Result<Header, NoHeader> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED>() else { return Ok(Header::Part(FIXED)) };
    let [.., command, family, high, low] = *fixed;
    let length = usize::from(u16::from_be_bytes([high, low]));
    if command >> 4 != 2 {
        return Err(NoHeader("the version is not 2"));
    }
    if FIXED + length > MOST {
        return Err(NoHeader("it is too long"));
    }
    let local = match command & 0x0F {
        0 => true,
        1 => false,
        _ => return Err(NoHeader("the command is not known")),
    };
    // Said before the rest comes: nothing is waited for in vain.
    let needed = match family {
        _ if local => 0,
        0x11 | 0x12 => 12,
        0x21 | 0x22 => 36,
        // UNSPEC and UNIX: the addresses are of no use here.
        0x00 | 0x31 | 0x32 => 0,
        _ => return Err(NoHeader("the family is not known")),
    };
    if length < needed {
        return Err(NoHeader("it is too short for its addresses"));
    }
    let Some(content) = rest.get(..length) else { return Ok(Header::Part(FIXED + length)) };
    let mut content = content;
    let addresses = match needed {
        12 => take::<4>(&mut content)
            .zip(take::<4>(&mut content))
            .map(|(a, b)| (IpAddr::from(a), IpAddr::from(b))),
        36 => take::<16>(&mut content)
            .zip(take::<16>(&mut content))
            .map(|(a, b)| (IpAddr::from(a), IpAddr::from(b))),
        _ => None,
    };
    let ports = take::<2>(&mut content).zip(take::<2>(&mut content));
    let addresses = addresses.zip(ports).map(|((source, to), (source_port, port))| {
        (
            SocketAddr::new(source, u16::from_be_bytes(source_port)),
            SocketAddr::new(to, u16::from_be_bytes(port)),
        )
    });
    Ok(Header::Whole(FIXED + length, addresses))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, content: &[u8]) -> Vec<u8> {
        let mut header = SIGNATURE.to_vec();
        header.extend([0x20 | command, family]);
        header.extend(u16::try_from(content.len()).unwrap().to_be_bytes());
        header.extend(content);
        header
    }

    fn both(source: &str, to: &str) -> Addresses {
        Some((source.parse().unwrap(), to.parse().unwrap()))
    }

    fn good() -> Vec<(Vec<u8>, Addresses)> {
        let four = [192, 0, 2, 1, 198, 51, 100, 7, 0xDD, 0xD5, 0x01, 0xBB];
        let mut six = Vec::new();
        six.extend("2001:db8::1".parse::<Ipv6Addr>().unwrap().octets());
        six.extend("::2".parse::<Ipv6Addr>().unwrap().octets());
        six.extend([0, 1, 0xFF, 0xFF]);
        // A TLV of the type "ALPN", and padding.
        let more = [&four[..], &[1, 0, 2, b'h', b'2', 4, 0, 1, 0]].concat();
        let seen = both("192.0.2.1:56789", "198.51.100.7:443");
        vec![
            (b"PROXY TCP4 192.0.2.1 198.51.100.7 56789 443\r\n".to_vec(), seen),
            (b"PROXY TCP6 2001:db8::1 ::2 1 65535\r\n".to_vec(), both("[2001:db8::1]:1", "[::2]:65535")),
            (b"PROXY UNKNOWN\r\n".to_vec(), None),
            (b"PROXY UNKNOWN ffff::1 what ever\r\n".to_vec(), None),
            (v2(1, 0x11, &four), seen),
            (v2(1, 0x11, &more), seen),
            (v2(1, 0x21, &six), both("[2001:db8::1]:1", "[::2]:65535")),
            // A check of the balancer's own.
            (v2(0, 0x00, &[]), None),
            (v2(0, 0x11, &four), None),
            (v2(1, 0x00, &[]), None),
            (v2(1, 0x31, &[0; 216]), None),
        ]
    }

    #[test]
    fn headers_are_read_and_what_follows_them_is_not() {
        for (header, addresses) in good() {
            let whole = Ok(Header::Whole(header.len(), addresses));
            assert_eq!(parse(&header), whole);
            assert_eq!(parse(&[&header[..], b"PROXY \r\n~~"].concat()), whole);
        }
    }

    #[test]
    fn headers_may_be_cut_anywhere() {
        for (header, _) in good() {
            for end in 0..header.len() {
                let Ok(Header::Part(needed)) = parse(&header[..end]) else { panic!("{header:?} to {end}") };
                assert!(end < needed && needed <= header.len(), "{needed} of {header:?} to {end}");
            }
        }
    }

    #[test]
    fn what_is_no_header_is_told_at_once() {
        let long = [&b"PROXY UNKNOWN "[..], &[b'x'; 200]].concat();
        let bytes = [
            &b"GET / HTTP/1.1"[..],
            b"PROXX",
            b"\r\n\r\n\0\r\nQUIX",
            b"PROXY TCP4 192.0.2.1 198.51.100.7 56789\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.7 56789 443 1\r\n",
            b"PROXY TCP4 ::1 ::1 1 1\r\n",
            b"PROXY TCP6 1.2.3.4 ::1 1 1\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 +1 1\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 01 1\r\n",
            b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n",
            b"PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n",
            b"PROXY\r\n",
            b"PROXY \xFF\r\n",
            &long,
            &v2(2, 0x11, &[0; 12]),
            &v2(1, 0x11, &[0; 11]),
            &v2(1, 0x21, &[0; 35]),
            &v2(1, 0x41, &[0; 36]),
            &v2(0x11, 0x11, &[0; 12]),
            &v2(1, 0x11, &[0; 2049])[..FIXED],
        ];
        for bytes in bytes {
            assert!(parse(bytes).is_err(), "{:?}", String::from_utf8_lossy(bytes));
        }
    }
}
