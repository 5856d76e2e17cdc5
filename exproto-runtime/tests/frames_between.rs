//! Frames of digits between delimiters, frames whose end was lost, frames that
//! go to devices, several frames in a datagram.
#![allow(
    clippy::unwrap_used,
    elided_lifetimes_in_paths,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub
)]
#![cfg(feature = "derive")]

mod framing;

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Deframer, ErrorKind, Flag, Item, Role, encode, explain_item, reencode};
use framing::{Got, round_trip, same_however_cut, visits};

// --- Digits between delimiters ----------------------------------------------

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(start = b":", end = b"\r\n", stuffing = hex, max = 64)]
#[wire(endian = big)]
pub struct Ascii<'a> {
    pub address: u8,
    #[wire(rest, after(check: u8 = lrc(address..)))]
    pub data: &'a [u8],
}

fn ascii(address: u8, data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::<Ascii>(&Ascii { address, data }, &mut out).unwrap();
    out
}

fn kinds(got: &[Got]) -> Vec<Result<Vec<u8>, ErrorKind>> {
    let one = |got: &Got| match got {
        Got::Frame(_, wire, _) => Ok(wire.clone()),
        Got::Bad(kind, ..) => Err(*kind),
    };
    got.iter().map(one).collect()
}

#[test]
fn each_byte_stands_as_two_digits() {
    let frame = ascii(0x11, &[3, 0, 0x6B, 0, 3]);
    assert_eq!(frame, b":1103006B00037E\r\n");
    let lower = frame.to_ascii_lowercase();
    let stream = [ascii(1, b""), lower.clone(), frame.clone()].concat();
    assert_eq!(kinds(&same_however_cut::<Ascii>(&stream)), [Ok(ascii(1, b"")), Ok(lower.clone()), Ok(frame)]);
    assert_eq!(round_trip::<Ascii>(&stream), 3);
    let (mut deframer, mut scratch) = (Deframer::<Ascii>::new(), Vec::new());
    let Some(Item::Frame(raw)) = deframer.next(&mut &lower[..], &mut scratch) else { panic!() };
    let received = raw.decode::<Ascii>().unwrap();
    assert!(received.flags.has(Flag::Framing));
    assert_eq!(raw.stream_offset::<Ascii>(2), 5);
    let mut again = Vec::new();
    reencode::<Ascii>(&received, &raw, &mut again).unwrap();
    assert_eq!(again, lower);
}

#[test]
fn what_is_no_digit_is_no_frame() {
    for (wire, error) in [
        (&b":1103006x00037E\r\n"[..], (ErrorKind::Digits, 8)),
        (b":1103006B00037\r\n", (ErrorKind::Digits, 13)),
        (b":1103006B00037F\r\n", (ErrorKind::Checksum, 13)),
    ] {
        let (mut deframer, mut scratch) = (Deframer::<Ascii>::new(), Vec::new());
        let mut input = wire;
        let item = deframer.next(&mut input, &mut scratch).unwrap();
        let Item::Bad(bad) = &item else { panic!("{item:?}") };
        assert_eq!((bad.error.kind(), bad.error.offset()), error);
        assert!(!explain_item::<Ascii>(&item).to_string().is_empty());
    }
}

// --- Lost ends ----------------------------------------------------------------

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(start = b"$", end = b"#", max = 64)]
pub struct Marked<'a> {
    #[wire(rest, after(check: hex(2) = xor(text)))]
    pub text: &'a [u8],
}

fn marked(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::<Marked>(&Marked { text }, &mut out).unwrap();
    out
}

fn without_end(mut frame: Vec<u8>) -> Vec<u8> {
    frame.pop();
    frame
}

#[test]
fn a_lost_end_costs_one_frame() {
    let stream = [
        marked(b"one"),
        without_end(marked(b"two")),
        marked(b"three"),
        // A start mark in a frame is no other frame.
        marked(b"fo$ur"),
        without_end(marked(b"fi$ve")),
        marked(b"s$i$x"),
        without_end(marked(b"seven")),
        without_end(marked(b"eight")),
        marked(b"nine"),
    ]
    .concat();
    let bad = || Err(ErrorKind::Short);
    assert_eq!(
        kinds(&same_however_cut::<Marked>(&stream)),
        [
            Ok(marked(b"one")),
            bad(),
            Ok(marked(b"three")),
            Ok(marked(b"fo$ur")),
            bad(),
            Ok(marked(b"s$i$x")),
            bad(),
            Ok(marked(b"nine")),
        ]
    );
    // Without a sound frame in it the whole is none.
    assert_eq!(
        kinds(&same_however_cut::<Marked>(b"$a$b00#$A41#")),
        [Err(ErrorKind::Checksum), Ok(b"$A41#".to_vec())]
    );
    // Too long: the search goes on at the next start, and hands out what stands
    // before it in items of at most `max` bytes.
    let long = [b"$".to_vec(), vec![b'x'; 80], marked(b"one")].concat();
    assert_eq!(
        kinds(&same_however_cut::<Marked>(&long)),
        [Err(ErrorKind::TooLong), Err(ErrorKind::Garbage), Ok(marked(b"one"))]
    );
}

#[test]
fn start_marks_without_end_are_bounded_work() {
    let stream = [b"$".repeat(60), b"#".to_vec()].concat().repeat(50);
    assert!(visits::<Marked>(&stream) <= 3.0, "{}", visits::<Marked>(&stream));
}

// --- The device's side ----------------------------------------------------------

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(one_of)]
pub enum Port<'a> {
    #[frame(first, lead = [0x00, 0x01..=0xFF])]
    Hello(Hello<'a>),
    Packet(Packet<'a>),
    #[frame(sent, first)]
    Welcome(Welcome),
    #[frame(sent)]
    Order(Order),
    #[frame(sent)]
    Taken(Taken),
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Hello<'a> {
    #[wire(size = prefix(u16))]
    pub id: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 256)]
#[wire(endian = big)]
pub struct Packet<'a> {
    #[wire(before(preamble: u32 = 0), before(length: u16 = size(data)), after(check: u8 = sum(data)))]
    pub data: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
pub struct Welcome {
    pub accepted: u8,
}

/// Leading bytes that those of a packet are, too.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
pub struct Order {
    #[wire(before(b"\x00\x00\x00\x00\xFF\xFF"))]
    pub code: u8,
}

/// Nothing tells it from other bytes.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Taken {
    pub records: u32,
}

fn port(frame: &Port) -> Vec<u8> {
    let mut out = Vec::new();
    encode::<Port>(frame, &mut out).unwrap();
    out
}

#[test]
fn a_device_reads_what_the_platform_sends() {
    let sent = [
        Port::Welcome(Welcome { accepted: 0 }),
        Port::Taken(Taken { records: 3 }),
        Port::Packet(Packet { data: b"ab" }),
        Port::Order(Order { code: 9 }),
        Port::Taken(Taken { records: 0x0100_0000 }),
        Port::Packet(Packet { data: b"" }),
        Port::Taken(Taken { records: 0 }),
    ];
    let stream: Vec<u8> = sent.iter().flat_map(port).collect();
    for size in [1, 2, 3, 5, stream.len()] {
        let mut deframer = Deframer::<Port>::new().read_as(Role::Device);
        let (mut scratch, mut at) = (Vec::new(), 0);
        let mut check = |item: Item| {
            let Item::Frame(raw) = item else { panic!("{item:?}") };
            assert_eq!(raw.decode::<Port>().unwrap().frame, sent[at], "{size}");
            at += 1;
        };
        for chunk in stream.chunks(size) {
            let mut input = chunk;
            while let Some(item) = deframer.next(&mut input, &mut scratch) {
                check(item);
            }
        }
        // Four zeros could begin a packet; when nothing follows they do not.
        while let Some(item) = deframer.finish(&mut scratch) {
            check(item);
        }
        assert_eq!(at, sent.len());
    }
}

#[test]
fn the_platform_looks_for_none_of_them() {
    let stream =
        [port(&Port::Hello(Hello { id: b"7" })), port(&Port::Packet(Packet { data: b"ab" }))].concat();
    let got = same_however_cut::<Port>(&stream);
    assert!(matches!(&got[..], [Got::Frame(0, ..), Got::Frame(1, ..)]), "{got:?}");
}

// --- Datagrams --------------------------------------------------------------------

#[test]
fn a_datagram_holds_whole_frames() {
    let (mut deframer, mut scratch, mut seen) = (Deframer::<Port>::new(), Vec::new(), Vec::new());
    let hello = port(&Port::Hello(Hello { id: b"7" }));
    let packet = port(&Port::Packet(Packet { data: b"ab" }));
    let datagrams = [
        [&hello[..], &packet, &packet].concat(),
        [&packet[..], &packet[..5]].concat(),
        // What was missing is no frame, and is not joined with what came.
        packet[5..].to_vec(),
        // The peer has said hello: what looks like one is none.
        [&hello[..], &packet].concat(),
    ];
    for datagram in &datagrams {
        deframer.datagram(datagram, &mut scratch, |item| {
            seen.push(match item {
                Item::Frame(raw) => Ok(raw.kind),
                Item::Bad(bad) => Err((bad.error.kind(), bad.wire.len())),
            });
        });
        assert_eq!(deframer.pending(), b"");
    }
    assert_eq!(seen[..5], [Ok(0), Ok(1), Ok(1), Ok(1), Err((ErrorKind::Short, 5))]);
    assert!(seen[5..seen.len() - 2].iter().all(Result::is_err), "{seen:?}");
    assert_eq!(seen.last(), Some(&Ok(1)));
}

#[test]
fn a_hello_is_looked_for_until_a_frame_came() {
    let (mut deframer, mut scratch, mut seen) = (Deframer::<Port>::new(), Vec::new(), Vec::new());
    let hello = port(&Port::Hello(Hello { id: b"7" }));
    for datagram in [&b"\xFF"[..], &hello, &hello] {
        deframer.datagram(datagram, &mut scratch, |item| seen.push(matches!(item, Item::Frame(_))));
        seen.push(true);
    }
    assert_eq!(seen[..4], [false, true, true, true]);
    assert!(seen[4..seen.len() - 1].iter().all(|frame| !frame) && seen.len() > 5, "{seen:?}");
}
