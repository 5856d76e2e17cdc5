//! Feeds a stream to a deframer in every way it can be cut and compares what
//! comes out.
#![allow(dead_code)]

use exproto_runtime::codec::{Deframer, ErrorKind, Item, Protocol, encode, reencode};

/// What a deframer handed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Got {
    /// A frame: its kind, its bytes on the wire and its payload.
    Frame(usize, Vec<u8>, Vec<u8>),
    /// Bytes that are none.
    Bad(ErrorKind, Vec<u8>, bool),
}

/// Everything that comes out of these chunks, and the bytes looked at.
pub fn feed<P: Protocol<Ctx = ()>>(chunks: &[&[u8]], accept_bad: bool) -> (Vec<Got>, u64) {
    let mut deframer = Deframer::<P>::new().accepting_bad(accept_bad);
    let (mut out, mut scratch, mut at) = (Vec::new(), Vec::new(), 0_u64);
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            out.push(match item {
                Item::Frame(raw) => {
                    assert!(raw.offset >= at, "frames come in order");
                    at = raw.offset + raw.wire.len() as u64;
                    Got::Frame(raw.kind, raw.wire.to_vec(), raw.payload.to_vec())
                }
                Item::Bad(bad) => {
                    assert!(bad.offset >= at, "items come in order");
                    assert!(!bad.wire.is_empty(), "every item takes bytes");
                    at = bad.offset + bad.wire.len() as u64;
                    Got::Bad(bad.error.kind(), bad.wire.to_vec(), bad.fatal)
                }
            });
        }
        assert!(input.is_empty(), "a chunk is used up");
    }
    (out, deframer.visited())
}

/// Cuts the stream in every way: whole, byte by byte, at each place, and at
/// random; all have to give the same. Returns what that is.
pub fn same_however_cut<P: Protocol<Ctx = ()>>(stream: &[u8]) -> Vec<Got> {
    let (whole, _) = feed::<P>(&[stream], false);
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(feed::<P>(&bytes, false).0, whole, "byte by byte");
    for at in 0..=stream.len().min(2000) {
        let (a, b) = stream.split_at(at);
        assert_eq!(feed::<P>(&[a, b], false).0, whole, "cut at {at}");
    }
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for round in 0..200 {
        let mut chunks = Vec::new();
        let mut rest = stream;
        while !rest.is_empty() {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            let (chunk, after) = rest.split_at((seed as usize % 13 + 1).min(rest.len()));
            chunks.push(chunk);
            rest = after;
        }
        assert_eq!(feed::<P>(&chunks, false).0, whole, "cut at random, round {round}");
    }
    whole
}

/// How often each byte is looked at, at most, on average, however it comes.
pub fn visits<P: Protocol<Ctx = ()>>(stream: &[u8]) -> f64 {
    let most = [1, 2, 7, stream.len()]
        .into_iter()
        .map(|size| feed::<P>(&stream.chunks(size).collect::<Vec<_>>(), false).1)
        .max()
        .unwrap();
    most as f64 / stream.len() as f64
}

/// Decodes every frame of the stream and encodes it again; the stream comes
/// out as it was, as far as it is frames.
pub fn round_trip<P: Protocol<Ctx = ()>>(stream: &[u8]) -> usize {
    let mut deframer = Deframer::<P>::new();
    let (mut input, mut scratch, mut frames) = (stream, Vec::new(), 0);
    while let Some(item) = deframer.next(&mut input, &mut scratch) {
        let Item::Frame(raw) = item else { panic!("{item:?}") };
        let received = raw.decode::<P>().unwrap();
        let (mut again, mut encoded) = (Vec::new(), Vec::new());
        reencode::<P>(&received, &raw, &mut again).unwrap();
        assert_eq!(again, raw.wire);
        if !received.flags.is_lossy() {
            encode::<P>(&received.frame, &mut encoded).unwrap();
            assert_eq!(encoded, raw.wire);
        }
        frames += 1;
    }
    assert_eq!(deframer.pending(), b"");
    frames
}

/// Bytes written as hexadecimal digits.
pub fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}
