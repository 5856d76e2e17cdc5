//! Bytes as hexadecimal digits.

use alloc::vec::Vec;

/// Appends the bytes that pairs of digits stand for.
///
/// # Errors
///
/// The offset of the first byte that is no digit, or of a last one without a
/// second.
pub(super) fn remove(wire: &[u8], out: &mut Vec<u8>) -> Result<(), usize> {
    out.reserve(wire.len() / 2);
    let (pairs, odd) = wire.as_chunks::<2>();
    for (index, [high, low]) in pairs.iter().enumerate() {
        match (digit(*high), digit(*low)) {
            (Some(high), Some(low)) => out.push(high << 4 | low),
            (None, _) => return Err(index * 2),
            (_, None) => return Err(index * 2 + 1),
        }
    }
    if odd.is_empty() { Ok(()) } else { Err(wire.len() - 1) }
}

/// Appends each byte as two digits in upper case.
pub(super) fn apply(plain: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
    out.extend(plain.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xF)]));
}

fn digit(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let plain: Vec<u8> = (0..=255).collect();
        let (mut wire, mut again) = (Vec::new(), Vec::new());
        apply(&plain, &mut wire);
        assert_eq!(wire.len(), 512);
        assert_eq!(remove(&wire, &mut again), Ok(()));
        assert_eq!(again, plain);
        wire.make_ascii_lowercase();
        again.clear();
        assert_eq!(remove(&wire, &mut again), Ok(()));
        assert_eq!(again, plain);
    }

    #[test]
    fn what_is_no_digit_is_found_where_it_stands() {
        let mut out = Vec::new();
        assert_eq!(remove(b"01g2", &mut out), Err(2));
        assert_eq!(remove(b"012 ", &mut out), Err(3));
        assert_eq!(remove(b"012", &mut out), Err(2));
        assert_eq!(remove(b"", &mut out), Ok(()));
    }
}
