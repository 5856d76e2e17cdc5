//! Frames of other kinds within what was cut off before its end.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "derive")]

use exproto_runtime::codec::{Deframer, Item, encode};
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
enum Port<'a> {
    Packet(Packet<'a>),
    Line(Line<'a>),
    Other(Other<'a>),
}

#[derive(ExProtoFrame, Debug)]
#[frame(max = 64)]
struct Packet<'a> {
    #[wire(before(b"\xB5"), before(n: u8 = size(data)), after(check: u8 = sum(n..)))]
    data: &'a [u8],
}

#[derive(ExProtoFrame, Debug)]
#[frame(start = b"$", end = b"\r\n", max = 96)]
struct Line<'a> {
    #[wire(rest, as = Ascii, after(b"*"), after(check: hex(2) = xor(text)))]
    text: Text<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[frame(start = b"!", end = b"\r\n", max = 96)]
struct Other<'a> {
    #[wire(rest, as = Ascii, after(b"*"), after(check: hex(2) = xor(text)))]
    text: Text<'a>,
}

fn written(frame: Port<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode::<Port<'_>>(&frame, &mut out).unwrap();
    out
}

fn packet(data: &[u8]) -> Vec<u8> {
    written(Port::Packet(Packet { data }))
}

fn line(text: &str) -> Vec<u8> {
    written(Port::Line(Line { text: text.into() }))
}

fn other(text: &str) -> Vec<u8> {
    written(Port::Other(Other { text: text.into() }))
}

/// What comes out, of each way to cut the stream into two chunks the same:
/// frames, and `?` for bytes that are none.
fn found(stream: &[u8]) -> Vec<String> {
    let of = |chunks: &[&[u8]]| {
        let (mut deframer, mut scratch, mut found) = (Deframer::<Port<'_>>::new(), Vec::new(), Vec::new());
        let mut show = |item: &Item<'_>| match item {
            Item::Frame(raw) => match raw.decode::<Port<'_>>().unwrap().frame {
                Port::Packet(packet) => found.push(format!("{:?}", packet.data)),
                Port::Line(line) => found.push(format!("${}", line.text)),
                Port::Other(line) => found.push(format!("!{}", line.text)),
            },
            Item::Bad(bad) => found.push(format!("?{}", bad.wire.len())),
        };
        for chunk in chunks {
            let mut input = *chunk;
            while let Some(item) = deframer.next(&mut input, &mut scratch) {
                show(&item);
            }
        }
        while let Some(item) = deframer.finish(&mut scratch) {
            show(&item);
        }
        found
    };
    let whole = of(&[stream]);
    for at in 1..stream.len() {
        assert_eq!(of(&[&stream[..at], &stream[at..]]), whole, "cut at {at}");
    }
    assert_eq!(of(&stream.chunks(1).collect::<Vec<_>>()), whole);
    whole
}

#[test]
fn a_cut_off_line_swallows_no_frame_of_another_kind() {
    let (packet, line) = (packet(b"\x01\x02"), line("ab"));
    assert_eq!(found(&[b"$a", &packet[..], &line].concat()), ["?2", "[1, 2]", "$ab"]);
    let three = [b"$a", &packet[..], &packet, &packet, &line].concat();
    assert_eq!(found(&three), ["?2", "[1, 2]", "[1, 2]", "[1, 2]", "$ab"]);
    // Between them a line of the same kind.
    let mixed = [b"$a", &packet[..], b"$b", &line, &packet, &line].concat();
    assert_eq!(found(&mixed), ["?2", "[1, 2]", "?2", "$ab", "[1, 2]", "$ab"]);
    // The end came, the checksum did not.
    assert_eq!(found(&[b"$a*", &packet[..], b"\r\n", &line].concat()), ["?3", "[1, 2]", "?2", "$ab"]);
    // Of a third kind with the same end.
    assert_eq!(found(&[b"$a,b", &other("x")[..], &line].concat()), ["?4", "!x", "$ab"]);
}

#[test]
fn what_is_whole_stays_whole() {
    // A line may hold what looks like the beginning of another frame, and even a
    // whole one.
    let inner = String::from_utf8(other("x")).unwrap().replace("\r\n", "");
    let outer = line(&format!("a{inner}"));
    assert_eq!(found(&[&outer[..], &line("!b")].concat()), [format!("$a{inner}"), "$!b".into()]);
    // A wrong line with nothing in it is one item.
    assert_eq!(found(&[b"$a\xB5\x01bb*00\r\n", &line("c")[..]].concat()), ["?11", "$c"]);
}

/// Many beginnings that are none cost a limited number of checksums.
#[test]
fn noise_has_a_price() {
    let mut stream = Vec::new();
    for _ in 0..200 {
        stream.extend_from_slice(b"$");
        stream.extend_from_slice(&[0xB5, 1, 0, 0, b'!', b'*'].repeat(15));
        stream.extend_from_slice(b"\r\n");
    }
    let (mut deframer, mut scratch, mut input) = (Deframer::<Port<'_>>::new(), Vec::new(), &stream[..]);
    while let Some(item) = deframer.next(&mut input, &mut scratch) {
        assert!(matches!(item, Item::Bad(_)));
    }
    assert!(deframer.visited() < 64 * stream.len() as u64, "{}", deframer.visited());
}
