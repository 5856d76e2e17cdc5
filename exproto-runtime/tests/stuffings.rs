//! Transforms of whole frames.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use exproto_runtime::codec::{Deframer, ErrorKind, Flag, Item, Transform, decode, encode, reencode};
use exproto_runtime::prelude::*;

/// Runs of a byte as the byte and how many there are: `aaab` is `a3b1`.
fn unpack(wire: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for pair in wire.chunks(2) {
        let [byte, count @ b'1'..=b'9'] = *pair else { return None };
        out.extend(std::iter::repeat_n(byte, usize::from(count - b'0')));
    }
    Some(out)
}

fn pack(plain: &[u8]) -> Vec<u8> {
    let runs = plain.chunk_by(|a, b| a == b).flat_map(|run| run.chunks(9));
    runs.flat_map(|run| [run[0], b'0' + run.len() as u8]).collect()
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(start = b"<", end = b">", stuffing = with(unpack, pack), max = 24)]
struct Packed<'a> {
    #[wire(rest, as = Ascii)]
    #[wire(after(check: u8 = lrc(..)))]
    text: Text<'a>,
}

/// Text and whether it was written as we write it; or what is wrong, where, of how many bytes.
type Seen = Result<(String, bool), (ErrorKind, u32, usize)>;

fn items(stream: &[u8], size: usize) -> Vec<Seen> {
    let (mut deframer, mut scratch, mut seen) = (Deframer::<Packed<'_>>::new(), Vec::new(), Vec::new());
    for chunk in stream.chunks(size) {
        let mut input = chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            seen.push(match item {
                Item::Frame(raw) => {
                    let received = raw.decode::<Packed<'_>>().unwrap();
                    let mut again = Vec::new();
                    reencode::<Packed<'_>>(&received, &raw, &mut again).unwrap();
                    assert_eq!(again, raw.wire);
                    Ok((received.frame.text.to_str().into_owned(), received.flags.has(Flag::Framing)))
                }
                Item::Bad(bad) => Err((bad.error.kind(), bad.error.offset(), bad.wire.len())),
            });
        }
    }
    seen
}

fn every_split(stream: &[u8]) -> Vec<Seen> {
    let seen = items(stream, stream.len());
    for size in 1..stream.len() {
        assert_eq!(items(stream, size), seen, "{size}");
    }
    seen
}

#[test]
fn a_function_takes_the_stuffing_out_and_another_puts_it_in() {
    let mut wire = Vec::new();
    encode::<Packed<'_>>(&Packed { text: "aaab".into() }, &mut wire).unwrap();
    assert_eq!(wire, b"<a3b1\x7B1>");
    assert_eq!(every_split(&wire), [Ok(("aaab".into(), false))]);
    assert_eq!(decode::<Packed<'_>>(b"aaab\x7B").unwrap().frame, Packed { text: "aaab".into() });
}

#[test]
fn what_it_refuses_is_no_frame() {
    // No count; more than `max` bytes; a wrong checksum; written in another way.
    let stream = b"<a3b><a9a9a9><a3b1\x7C1><a2a1b1\x7B1><a3b1\x7B1>";
    assert_eq!(
        every_split(stream),
        [
            Err((ErrorKind::Transform, 1, 5)),
            Err((ErrorKind::Transform, 1, 8)),
            Err((ErrorKind::Checksum, 5, 8)),
            Ok(("aaab".into(), true)),
            Ok(("aaab".into(), false)),
        ]
    );
}

#[test]
fn the_delimiter_that_it_leaves_in_is_refused() {
    let error = encode::<Packed<'_>>(&Packed { text: "a>b".into() }, &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Delimiter);
}

/// A transform of a type of one's own, over datagrams, which writes nothing with zeros.
struct Inverted;

impl Transform for Inverted {
    fn decode(&self, bytes: &[u8], max: usize) -> Option<Vec<u8>> {
        (bytes.len() <= max).then(|| bytes.iter().map(|byte| !byte).collect())
    }
    fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        (!bytes.contains(&0)).then(|| bytes.iter().map(|byte| !byte).collect())
    }
    fn exact(&self) -> bool {
        true
    }
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(datagram, stuffing = Inverted, max = 9)]
#[wire(endian = big)]
struct Datagram {
    #[wire(before(b"@"), after(check: u8 = xor(value..)))]
    value: u16,
}

#[test]
fn datagrams_are_transformed_too() {
    let (frame, mut wire) = (Datagram { value: 0x0102 }, Vec::new());
    encode::<Datagram>(&frame, &mut wire).unwrap();
    assert_eq!(wire, [!b'@', !1, !2, !3]);
    let (mut deframer, mut scratch, mut seen) = (Deframer::<Datagram>::new(), Vec::new(), Vec::new());
    for datagram in [&wire[..], &[!b'@', !1, !2, 3]] {
        deframer.datagram(datagram, &mut scratch, |item| {
            seen.push(match item {
                Item::Frame(raw) => Ok(raw.decode::<Datagram>().unwrap().frame),
                Item::Bad(bad) => Err(bad.error.kind()),
            });
        });
    }
    assert_eq!(seen, [Ok(frame), Err(ErrorKind::Checksum)]);
    // Nothing is written of what cannot be.
    let mut wire = vec![7];
    let error = encode::<Datagram>(&Datagram { value: 0x0002 }, &mut wire).unwrap_err();
    assert_eq!((error.kind(), &wire[..]), (ErrorKind::Transform, &[7][..]));
}

/// Found by a function of the bytes on the wire.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(find = newline, stuffing = with(backwards, backwards), max = 32)]
struct Backwards<'a> {
    #[wire(before(b"\n"), rest, as = Ascii)]
    text: Text<'a>,
}

fn newline(bytes: &[u8], _: usize) -> exproto_runtime::codec::End {
    use exproto_runtime::codec::End;
    bytes.iter().position(|byte| *byte == b'\n').map_or(End::Need(1), |at| End::After(at + 1))
}

fn backwards(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().rev().copied().collect()
}

#[test]
fn what_a_function_finds_is_transformed() {
    let mut wire = Vec::new();
    encode::<Backwards<'_>>(&Backwards { text: "one".into() }, &mut wire).unwrap();
    assert_eq!(wire, b"eno\n");
    wire.extend(b"owt\n");
    let (mut deframer, mut scratch, mut seen) = (Deframer::<Backwards<'_>>::new(), Vec::new(), Vec::new());
    for chunk in wire.chunks(3) {
        let mut input = chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            let Item::Frame(raw) = item else { panic!("{item:?}") };
            seen.push(raw.decode::<Backwards<'_>>().unwrap().frame.text.to_str().into_owned());
        }
    }
    assert_eq!(seen, ["one", "two"]);
}
