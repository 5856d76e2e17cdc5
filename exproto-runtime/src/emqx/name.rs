//! Names of connections, as EMQX makes them.
//!
//! EMQX names a connection by its process in Erlang's external format
//! (`NEW_PID_EXT`), in base64. A handler should not look inside, and those that
//! do find the node's name.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// What is left of a longer name of a node, in bytes.
const LONGEST_NODE: usize = 200;

/// As much of a node's name as there is room for.
pub(super) fn node(node: &str) -> &str {
    &node[..node.floor_char_boundary(LONGEST_NODE)]
}

/// The name of the connection with this number at a node. `creation` differs
/// from start to start, so that no name is ever used again.
pub(super) fn of(node: &str, number: u64, creation: u32) -> String {
    let node = self::node(node);
    let mut term = Vec::with_capacity(node.len() + 16);
    term.extend([131, 88, 119, u8::try_from(node.len()).unwrap_or(0)]);
    term.extend(node.as_bytes());
    // `ID` and `Serial`: the lower half comes first.
    term.extend((number as u32).to_be_bytes());
    term.extend(((number >> 32) as u32).to_be_bytes());
    term.extend(creation.to_be_bytes());
    base64(&term)
}

fn base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let mut bits = 0;
        for (at, byte) in three.iter().enumerate() {
            bits |= u32::from(*byte) << (16 - 8 * at);
        }
        for at in 0..4 {
            let digit = (bits >> (18 - 6 * at) & 63) as usize;
            text.push(if at > three.len() { '=' } else { DIGITS.get(digit).map_or('=', |&d| d.into()) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exproto::node;

    #[test]
    fn a_name_is_written_as_emqx_writes_it() {
        // As EMQX 5.8 has named a connection.
        let recorded = "g1h3DmVtcXhAMTAuMTAuMC41AAANBAAAAAAAAAAE";
        assert_eq!(of("emqx@10.10.0.5", 0xD04, 4), recorded);
        for node in ["a", "ab", "abc", "exproto@127.0.0.1"] {
            assert_eq!(node::of(&of(node, u64::MAX, 7)).as_deref(), Some(node));
        }
        assert_eq!(node::of(&of(&"ä".repeat(200), 1, 7)), Some("ä".repeat(100)));
        assert_ne!(of("n", 1, 7), of("n", 1 << 32, 7));
    }

    #[test]
    fn base64_is_padded() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
