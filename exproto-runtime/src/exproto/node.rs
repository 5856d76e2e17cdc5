//! The name of the EMQX node that has a connection.
//!
//! EMQX names a connection by its process identifier as Erlang writes it to
//! the wire, in base64, and the name of the node stands in front. It is no
//! more than a hint: who cannot read it asks any node.

/// The version of the format, `NEW_PID_EXT`, and the two kinds of short names.
const VERSION: u8 = 131;
const PID: u8 = 88;
const SMALL_ATOM_UTF8: u8 = 119;
const ATOM: u8 = 100;

/// Erlang's own limit on the length of an atom's text in bytes.
const LONGEST: usize = 255 * 4;

/// The node's name, such as `emqx@10.0.0.5`.
pub(crate) fn of(conn: &str) -> Option<String> {
    let mut bytes = decode(conn);
    if bytes.next()? != VERSION || bytes.next()? != PID {
        return None;
    }
    let len = match bytes.next()? {
        SMALL_ATOM_UTF8 => usize::from(bytes.next()?),
        ATOM => usize::from(bytes.next()?) << 8 | usize::from(bytes.next()?),
        _ => return None,
    };
    if len == 0 || len > LONGEST {
        return None;
    }
    let name: Vec<u8> = bytes.take(len).collect();
    if name.len() < len { None } else { String::from_utf8(name).ok() }
}

/// The bytes that base64 stands for, up to the first character that is none.
fn decode(text: &str) -> impl Iterator<Item = u8> + '_ {
    text.as_bytes().chunks(4).flat_map(|four| {
        let mut bits = 0_u32;
        let mut digits = 0;
        for digit in four.iter().map_while(|digit| value(*digit)) {
            bits = bits << 6 | digit;
            digits += 1;
        }
        bits <<= 6 * (4 - digits);
        let [_, bytes @ ..] = bits.to_be_bytes();
        // Two digits make one byte, four make three.
        bytes.into_iter().take((digits * 6 / 8) as usize)
    })
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}

#[cfg(test)]
mod tests {
    use super::of;

    /// Names seen of EMQX on Erlang/OTP 25 and 26.
    #[test]
    fn names_of_nodes_are_read() {
        let of = |conn| of(conn);
        assert_eq!(of("g1h3DmVtcXhAMTAuMTAuMC41AAANBAAAAAAAAAAE").as_deref(), Some("emqx@10.10.0.5"));
        assert_eq!(of("g1hkAA9lbXF4MUAxMjcuMC4wLjEAAAJWAAAAAAAAAAM=").as_deref(), Some("emqx1@127.0.0.1"));
    }

    #[test]
    fn anything_else_has_no_node() {
        for conn in
            ["", "g", "g1h", "g1hk", "g1h3", "g1h3Dm", "g1h3AA==", "conn-17", "g1h3Dm\u{e9}\u{e9}", "####"]
        {
            assert_eq!(of(conn), None, "{conn}");
        }
        // Cut anywhere inside the name.
        let whole = "g1h3DmVtcXhAMTAuMTAuMC41AAANBAAAAAAAAAAE";
        for len in 0..23 {
            assert_eq!(of(&whole[..len]), None, "{len}");
        }
    }
}
