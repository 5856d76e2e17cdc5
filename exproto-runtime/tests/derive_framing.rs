//! Framing that follows from the layout, delimiters, stuffing, several kinds
//! of frames on one port, and finding frames again.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(feature = "derive")]

mod framing;

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{
    Deframer, ErrorKind, Flag, FrameScan, Item, Protocol, Scanner, Step, Text, encode, reencode,
};
use framing::{Got, feed, hex, round_trip, same_however_cut, visits};

fn frames(got: &[Got]) -> Vec<Vec<u8>> {
    got.iter()
        .map(|got| match got {
            Got::Frame(_, wire, _) => wire.clone(),
            Got::Bad(..) => panic!("{got:?}"),
        })
        .collect()
}

// --- A constant size ------------------------------------------------------

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
pub struct Position {
    pub lat: u32,
    pub lon: u32,
}

/// Twelve bytes, part of which only the compiler knows the size of.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Fixed {
    #[wire(before(b"\xA5"))]
    pub id: u16,
    pub position: Position,
    #[wire(before(end: u8 = 0x5A))]
    #[wire(after(check: u8 = xor(id..)))]
    pub speed: u16,
}

fn fixed(id: u16) -> Vec<u8> {
    let mut out = Vec::new();
    encode::<Fixed>(&Fixed { id, position: Position { lat: 1, lon: 0xA5 }, speed: 3 }, &mut out).unwrap();
    out
}

#[test]
fn a_layout_of_constant_size_is_a_frame() {
    let stream = [fixed(1), fixed(0xA5A5), fixed(2)].concat();
    assert_eq!(fixed(1).len(), 15);
    let got = same_however_cut::<Fixed>(&stream);
    assert_eq!(frames(&got), [fixed(1), fixed(0xA5A5), fixed(2)]);
    assert_eq!(round_trip::<Fixed>(&stream), 3);
    // The leading byte, nothing else.
    assert!(visits::<Fixed>(&stream) <= 0.1);
}

#[test]
fn after_garbage_the_leading_byte_is_found_again() {
    // The garbage holds the leading byte too.
    let stream = [&b"xx\xA5yy"[..], &fixed(1), b"\xA5", &fixed(2)].concat();
    let got = same_however_cut::<Fixed>(&stream);
    let [
        Got::Bad(ErrorKind::Garbage, front, false),
        Got::Frame(_, first, _),
        Got::Bad(_, middle, false),
        Got::Frame(_, second, _),
    ] = &got[..]
    else {
        panic!("{got:?}")
    };
    assert_eq!((&front[..], &middle[..]), (&b"xx\xA5yy"[..], &b"\xA5"[..]));
    assert_eq!((first, second), (&fixed(1), &fixed(2)));
}

// --- A length at a constant place ------------------------------------------

/// Sizes that only the types know, and a block of a constant size.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
#[wire(before(b"T"))]
pub struct Timed {
    pub time: exproto_runtime::codec::BcdTime<0>,
    #[wire(size = 16)]
    pub points: Vec<Position>,
    #[wire(as = Tenths)]
    pub level: i16,
}

/// One byte, as tenths above -40.
pub struct Tenths;

impl exproto_runtime::codec::Codec<'_, i16> for Tenths {
    const SIZE: Option<usize> = Some(1);
    fn decode(
        &self,
        r: &mut exproto_runtime::codec::Reader<'_>,
        at: &'static exproto_runtime::codec::FieldInfo,
    ) -> Result<i16, exproto_runtime::codec::Error> {
        Ok(i16::from(r.run::<1>(at)?[0]) - 40)
    }
    fn encode(
        &self,
        value: &i16,
        w: &mut exproto_runtime::codec::Writer<'_>,
        _: &'static exproto_runtime::codec::FieldInfo,
    ) -> Result<(), exproto_runtime::codec::Error> {
        w.run([(value + 40) as u8]);
        Ok(())
    }
}

#[test]
fn sizes_of_types_and_codecs_count() {
    let one = hex("54 261121073400 00000001 00000002 00000003 00000004 30");
    let stream = [&one[..], &one].concat();
    assert_eq!(frames(&same_however_cut::<Timed>(&stream)), [one.clone(), one]);
    assert_eq!(round_trip::<Timed>(&stream), 2);
}

/// Modbus TCP.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Adu<'a> {
    pub transaction: u16,
    #[wire(before(protocol: u16 = 0))]
    #[wire(before(len: u16 = size(unit..=pdu), range = 2..=254))]
    pub unit: u8,
    pub pdu: &'a [u8],
}

const ADUS: [&str; 3] = ["0000000000060003007c0002", "000000000007000304008d008e", "000000000003008302"];

#[test]
fn a_length_ends_the_frame() {
    let stream = ADUS.map(hex).concat();
    let got = same_however_cut::<Adu<'_>>(&stream);
    assert_eq!(frames(&got), ADUS.map(hex));
    assert_eq!(round_trip::<Adu<'_>>(&stream), 3);
    // Four leading bytes and two of the length.
    assert!(visits::<Adu<'_>>(&stream) <= 18.0 / stream.len() as f64);
}

#[test]
fn the_scanner_says_exactly_what_it_needs() {
    let mut scan = Adu::scanner(());
    let frame = hex(ADUS[0]);
    assert_eq!(scan.scan(&frame[..4]), Step::Need(2));
    assert_eq!(scan.scan(&frame[..6]), Step::Need(6));
    assert_eq!(scan.scan(&frame), Step::Frame { start: 0, end: 12, next: 12 });
}

#[test]
fn the_range_of_the_length_bounds_the_frame() {
    let mut long = hex("000000000102");
    long.extend([0; 258]);
    let stream = [long, hex(ADUS[0])].concat();
    let got = same_however_cut::<Adu<'_>>(&stream);
    let Got::Bad(ErrorKind::TooLong, _, false) = &got[0] else { panic!("{got:?}") };
    // A length below the smallest frame is no length.
    let stream = [hex("000000000000"), hex(ADUS[0])].concat();
    let got = same_however_cut::<Adu<'_>>(&stream);
    assert!(matches!(&got[0], Got::Bad(ErrorKind::Length, ..)), "{got:?}");
}

/// A length within bits, in words, that counts the whole frame.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = little)]
pub struct Words<'a> {
    pub kind: u8,
    #[wire(before(len: bits(6) = size(..) / 2))]
    #[wire(before(_: bits(2)))]
    pub data: &'a [u8],
}

/// A length of what follows it up to the check, with arithmetic.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 400)]
#[wire(endian = little)]
pub struct Plus<'a> {
    #[wire(before(b"@@"))]
    #[wire(before(len: u16 = size(id..=data) + 5))]
    pub id: u16,
    #[wire(after(check: u8 = sum(len..)), after(b"\r\n"))]
    pub data: &'a [u8],
}

/// A count of elements of one size.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Counted {
    #[wire(before(b"C"))]
    #[wire(before(n: u8 = count(points)))]
    pub points: Vec<Position>,
    pub last: u8,
}

/// A prefix.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Prefixed<'a> {
    #[wire(size = prefix(u16), as = exproto_runtime::codec::Ascii)]
    pub imei: Text<'a>,
}

#[test]
fn lengths_count_what_the_layout_says() {
    let words = |kind, data: &[u8]| {
        let mut out = Vec::new();
        encode::<Words<'_>>(&Words { kind, data }, &mut out).unwrap();
        out
    };
    assert_eq!(words(1, b"ab"), [1, 2, b'a', b'b']);
    let stream = [words(1, b"ab"), words(2, b""), words(3, b"abcdef")].concat();
    assert_eq!(same_however_cut::<Words<'_>>(&stream).len(), 3);
    assert_eq!(round_trip::<Words<'_>>(&stream), 3);

    let plus = |id, data: &[u8]| {
        let mut out = Vec::new();
        encode::<Plus<'_>>(&Plus { id, data }, &mut out).unwrap();
        out
    };
    assert_eq!(plus(1, b"\x07"), [0x40, 0x40, 8, 0, 1, 0, 7, 16, 13, 10]);
    let stream = [plus(1, b"x"), plus(2, b""), plus(3, &[b'@'; 300])].concat();
    assert_eq!(frames(&same_however_cut::<Plus<'_>>(&stream)).len(), 3);
    assert_eq!(round_trip::<Plus<'_>>(&stream), 3);

    let stream = hex("43 00 09 43 02 00000001 00000002 00000003 00000004 07");
    assert_eq!(frames(&same_however_cut::<Counted>(&stream)).len(), 2);
    assert_eq!(round_trip::<Counted>(&stream), 2);

    let stream = hex("000f313233343536373839303132333435 0000 0001 39");
    assert_eq!(frames(&same_however_cut::<Prefixed<'_>>(&stream)).len(), 3);
    assert_eq!(round_trip::<Prefixed<'_>>(&stream), 3);
}

/// A checksum at the end that covers a length which counts it.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = big)]
#[wire(before(b"@"), before(len: u16 = size(len..=check)))]
pub struct Mutual<'a> {
    #[wire(after(check: u8 = xor(len..)), after(b"!"))]
    pub data: &'a [u8],
}

/// The same before what it covers.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = big)]
#[wire(before(check: u8 = xor(len..=data)), before(len: u16 = size(..)))]
pub struct Ahead<'a> {
    pub data: &'a [u8],
}

#[test]
fn a_checksum_covers_a_length_that_counts_it() {
    let mut out = Vec::new();
    encode::<Mutual<'_>>(&Mutual { data: b"hi" }, &mut out).unwrap();
    assert_eq!(out, b"@\x00\x05hi\x04!");
    assert_eq!(round_trip::<Mutual<'_>>(&out), 1);
    assert_eq!(frames(&same_however_cut::<Mutual<'_>>(&out.repeat(3))).len(), 3);
    let mut out = Vec::new();
    encode::<Ahead<'_>>(&Ahead { data: b"hi" }, &mut out).unwrap();
    assert_eq!(out, b"\x04\x00\x05hi");
    assert_eq!(round_trip::<Ahead<'_>>(&out), 1);
}

#[test]
fn a_damaged_length_costs_only_its_frame() {
    let plus = |id, data: &[u8]| {
        let mut out = Vec::new();
        encode::<Plus<'_>>(&Plus { id, data }, &mut out).unwrap();
        out
    };
    // Enough bytes that a length that is too large is found out.
    let good: Vec<_> = (0..40).map(|id| plus(id, b"data")).collect();
    for (at, value) in
        [(2, 40), (2, 6), (2, 0), (3, 1), (3, 0xFF), (4, 8), (9, 0), (10, 0), (0, 0), (1, b'?')]
    {
        let mut damaged = plus(9, b"bad");
        damaged[at] = value;
        let stream = [&good[0][..], &damaged, &good[1..].concat()].concat();
        let got = same_however_cut::<Plus<'_>>(&stream);
        let found: Vec<_> = got.iter().filter(|got| matches!(got, Got::Frame(..))).cloned().collect();
        assert_eq!(frames(&found), good, "byte {at} set to {value}: {got:x?}");
        let lost: Vec<u8> = got
            .iter()
            .flat_map(|got| if let Got::Bad(_, wire, _) = got { wire.clone() } else { vec![] })
            .collect();
        assert_eq!(lost, damaged, "byte {at} set to {value}");
    }
}

#[test]
fn a_wrong_checksum_is_reported_when_its_frame_ends() {
    let mut bad = Vec::new();
    encode::<Plus<'_>>(&Plus { id: 1, data: b"x" }, &mut bad).unwrap();
    *bad.iter_mut().rev().nth(2).unwrap() ^= 1;
    // No byte of another frame is needed.
    let got = same_however_cut::<Plus<'_>>(&bad);
    assert_eq!(got, [Got::Bad(ErrorKind::Checksum, bad.clone(), false)]);
    // And who accepts it has it at once.
    let (got, _) = feed::<Plus<'_>>(&[&bad], true);
    assert!(matches!(&got[..], [Got::Frame(..)]));
    let mut deframer = Deframer::<Plus<'_>>::new().accepting_bad(true);
    let (mut input, mut scratch) = (&bad[..], Vec::new());
    let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
    let received = raw.decode::<Plus<'_>>().unwrap();
    assert!(received.flags.has(Flag::Checksum));
    let mut again = Vec::new();
    reencode::<Plus<'_>>(&received, &raw, &mut again).unwrap();
    assert_eq!(again, bad);
}

/// Neither leading bytes nor a check.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 100)]
pub struct Bare<'a> {
    #[wire(before(len: u8 = size(data)))]
    pub kind: u8,
    pub data: &'a [u8],
}

/// The first bad byte ends it.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(resync = close)]
pub struct Strict<'a> {
    #[wire(before(b"S"))]
    #[wire(before(len: u8 = size(data)))]
    pub data: &'a [u8],
}

#[test]
fn without_a_mark_the_stream_is_lost() {
    let got = same_however_cut::<Bare<'_>>(b"\x01ax\xFFabc\x01ax");
    assert_eq!(
        got,
        [
            Got::Frame(0, b"\x01ax".to_vec(), b"\x01ax".to_vec()),
            Got::Bad(ErrorKind::TooLong, b"\xFF".to_vec(), true)
        ]
    );
    let got = same_however_cut::<Strict<'_>>(b"S\x01ax S\x01a");
    assert_eq!(got[1], Got::Bad(ErrorKind::Garbage, b"x".to_vec(), true));
    assert_eq!(got.len(), 2);
}

#[test]
fn hostile_streams_cost_what_they_are_long() {
    // Every place is the start of a frame with a plausible length and a wrong
    // checksum over many bytes.
    let stream = vec![b'@'; 300_000];
    let mut scan = <Plus<'_> as Protocol>::scanner(());
    let mut rest = &stream[..];
    let mut lost = 0;
    loop {
        match scan.scan(rest) {
            Step::Bad { len, .. } | Step::Skip(len) => {
                lost += len;
                rest = &rest[len..];
            }
            Step::Need(_) => break,
            Step::Frame { .. } => panic!("no frame there"),
        }
    }
    assert!(lost > 200_000);
    // 16 for each byte that came and as much for the largest frame.
    assert!(cost(&scan) <= 17 * (stream.len() + 400) as u64, "{}", cost(&scan));
    assert!(scan.visited() <= 12 * stream.len() as u64, "{}", scan.visited());
}

fn cost<F: exproto_runtime::__private::Frames>(scan: &FrameScan<F>) -> u64 {
    scan.checked()
}

// --- Delimiters ------------------------------------------------------------

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(start = b"*", end = b"##", max = 32, skip = b"\r\n")]
pub struct Marked<'a> {
    #[wire(rest)]
    pub text: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(line, max = 32)]
pub struct Line<'a> {
    #[wire(rest)]
    pub text: &'a [u8],
}

fn payloads(got: &[Got]) -> Vec<&[u8]> {
    got.iter()
        .filter_map(|got| if let Got::Frame(_, _, payload) = got { Some(&payload[..]) } else { None })
        .collect()
}

#[test]
fn delimiters_of_several_bytes() {
    let got = same_however_cut::<Marked<'_>>(b"*one##\r\n*t#w#o##*##*three##\r\n");
    assert_eq!(payloads(&got), [&b"one"[..], b"t#w#o", b"three"]);
    assert_eq!(got.len(), 3);
    assert_eq!(round_trip::<Marked<'_>>(b"*one##*two##"), 2);
    let got = same_however_cut::<Marked<'_>>(b"junk*one##?*two##");
    assert_eq!(got[0], Got::Bad(ErrorKind::Garbage, b"junk".to_vec(), false));
    assert_eq!(payloads(&got), [&b"one"[..], b"two"]);
    let long = [b"*", &[b'x'; 40][..], b"##*two##"].concat();
    let got = same_however_cut::<Marked<'_>>(&long);
    assert!(matches!(&got[0], Got::Bad(ErrorKind::TooLong, wire, false) if wire.len() == 32), "{got:?}");
    assert_eq!(payloads(&got), [&b"two"[..]]);
    let stream = b"*a frame of some length##".repeat(50);
    assert!(visits::<Marked<'_>>(&stream) <= 1.3, "{}", visits::<Marked<'_>>(&stream));
    // No end ever comes, and every byte may be a start.
    assert!(visits::<Marked<'_>>(&[b'*'; 5000]) <= 5.0);
}

#[test]
fn lines_end_in_one_or_two_bytes() {
    let got = same_however_cut::<Line<'_>>(b"one\r\ntwo\n\r\n\nthree\r\n");
    assert_eq!(payloads(&got), [&b"one"[..], b"two", b"three"]);
    assert_eq!(round_trip::<Line<'_>>(b"one\r\ntwo\r\n"), 2);
    // What is written differently goes out as it came.
    let mut deframer = Deframer::<Line<'_>>::new();
    let (mut input, mut scratch) = (&b"two\n"[..], Vec::new());
    let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
    let received = raw.decode::<Line<'_>>().unwrap();
    assert!(received.flags.has(Flag::Framing));
    let mut again = Vec::new();
    reencode::<Line<'_>>(&received, &raw, &mut again).unwrap();
    assert_eq!(again, b"two\n");
    // A line that is too long is dropped up to its end.
    for len in 29..100 {
        let long = [b"first\n", &vec![b'x'; len][..], b"\r\nshort\r\n"].concat();
        let got = same_however_cut::<Line<'_>>(&long);
        if len <= 30 {
            assert_eq!(payloads(&got), [&b"first"[..], &vec![b'x'; len], b"short"]);
        } else {
            assert_eq!(payloads(&got), [&b"first"[..], b"short"]);
            assert_eq!(
                got[1],
                Got::Bad(
                    ErrorKind::TooLong,
                    vec![b'x'; 32][..32.min(len)]
                        .iter()
                        .copied()
                        .chain((len < 32).then_some(b'\r'))
                        .collect(),
                    false
                )
            );
        }
    }
}

// --- Stuffing --------------------------------------------------------------

macro_rules! stuffed {
    ($name:ident: $($frame:tt)*) => {
        #[derive(ExProtoFrame, Debug, PartialEq)]
        #[frame($($frame)*)]
        pub struct $name<'a> {
            #[wire(rest)]
            pub data: &'a [u8],
        }
    };
}

stuffed!(Slip: stuffing = slip, max = 600);
stuffed!(Hdlc: stuffing = hdlc, max = 600);
stuffed!(Ppp: stuffing = ppp, max = 600);
stuffed!(Cobs: stuffing = cobs, max = 600);
stuffed!(Xor: flag = 0x7E, escape(0x7D ^ 0x40: 0x7E, 0x7D), max = 600);
stuffed!(Pairs: start = 0x5B, end = 0x5D, max = 600, escape(
    b"\x5A\x01" => b"\x5B", b"\x5A\x02" => b"\x5A", b"\x5E\x01" => b"\x5D", b"\x5E\x02" => b"\x5E"));

macro_rules! any_bytes {
    ($($name:ident)*) => {$({
        let datas: Vec<Vec<u8>> = vec![
            b"plain".to_vec(),
            (0..=255).collect(),
            vec![0; 7],
            vec![0x7E, 0x7D, 0xC0, 0xDB, 0x5A, 0x5B, 0x5D, 0x5E],
            vec![1],
        ];
        let mut stream = Vec::new();
        for data in &datas {
            encode::<$name<'_>>(&$name { data }, &mut stream).unwrap();
        }
        let got = same_however_cut::<$name<'_>>(&stream);
        let want: Vec<&[u8]> = datas.iter().map(|data| &data[..]).collect();
        assert_eq!(payloads(&got), want, stringify!($name));
        let mut deframer = Deframer::<$name<'_>>::new();
        let (mut input, mut scratch) = (&stream[..], Vec::new());
        let mut again = Vec::new();
        while let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) {
            let received = raw.decode::<$name<'_>>().unwrap();
            assert!(received.flags.is_empty(), "{}: {:?}", stringify!($name), received.flags);
            reencode::<$name<'_>>(&received, &raw, &mut again).unwrap();
        }
        assert_eq!(again, stream, stringify!($name));
    })*};
}

#[test]
fn stuffing_carries_any_bytes() {
    any_bytes!(Slip Hdlc Ppp Cobs Xor Pairs);
}

#[test]
fn well_known_stuffings_are_as_published() {
    let wire = |encode: &dyn Fn(&mut Vec<u8>)| {
        let mut out = Vec::new();
        encode(&mut out);
        out
    };
    let data = &[1, 0xC0, 0xDB, 0x7E, 0x7D, 0][..];
    assert_eq!(
        wire(&|out| encode::<Slip<'_>>(&Slip { data }, out).unwrap()),
        [0xC0, 1, 0xDB, 0xDC, 0xDB, 0xDD, 0x7E, 0x7D, 0, 0xC0]
    );
    assert_eq!(
        wire(&|out| encode::<Hdlc<'_>>(&Hdlc { data }, out).unwrap()),
        [0x7E, 1, 0xC0, 0xDB, 0x7D, 0x5E, 0x7D, 0x5D, 0, 0x7E]
    );
    assert_eq!(
        wire(&|out| encode::<Ppp<'_>>(&Ppp { data }, out).unwrap()),
        [0x7E, 0x7D, 0x21, 0xC0, 0xDB, 0x7D, 0x5E, 0x7D, 0x5D, 0x7D, 0x20, 0x7E]
    );
    assert_eq!(
        wire(&|out| encode::<Cobs<'_>>(&Cobs { data }, out).unwrap()),
        [6, 1, 0xC0, 0xDB, 0x7E, 0x7D, 1, 0]
    );
    // The END before the first SLIP frame may be missing.
    let got = same_however_cut::<Slip<'_>>(b"ab\xC0\xC0cd\xC0");
    assert_eq!(payloads(&got), [&b"ab"[..], b"cd"]);
}

#[test]
fn more_escapes_than_needed_are_kept() {
    // 01 need not be escaped in HDLC, but may be.
    let wire = b"\x7E\x7D\x21\x55\x7E";
    let mut deframer = Deframer::<Hdlc<'_>>::new();
    let (mut input, mut scratch) = (&wire[..], Vec::new());
    let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
    let received = raw.decode::<Hdlc<'_>>().unwrap();
    assert_eq!(received.frame.data, b"\x01\x55");
    assert!(received.flags.has(Flag::Framing));
    let mut again = Vec::new();
    reencode::<Hdlc<'_>>(&received, &raw, &mut again).unwrap();
    assert_eq!(again, wire);
}

// --- Datagrams ---------------------------------------------------------------

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(datagram, max = 16)]
pub struct Datagram<'a> {
    pub kind: u8,
    #[wire(rest)]
    pub data: &'a [u8],
}

#[test]
fn at_the_end_of_a_datagram_nothing_waits() {
    let plus = |id| {
        let mut out = Vec::new();
        encode::<Plus<'_>>(&Plus { id, data: b"data" }, &mut out).unwrap();
        out
    };
    let mut damaged = plus(1);
    damaged[3] = 1;
    let datagram = [&plus(0)[..], &damaged, &plus(2), b"@@\x01"].concat();
    let mut deframer = Deframer::<Plus<'_>>::new();
    for _ in 0..2 {
        let (mut input, mut scratch, mut got) = (&datagram[..], Vec::new(), Vec::new());
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            got.push(matches!(item, Item::Frame(_)));
        }
        assert_eq!(got, [true]);
        while let Some(item) = deframer.finish(&mut scratch) {
            got.push(matches!(item, Item::Frame(_)));
        }
        assert_eq!(got, [true, false, true, false]);
        assert_eq!(deframer.pending(), b"");
    }
    assert_eq!(deframer.offset(), 2 * datagram.len() as u64);
}

#[test]
fn a_datagram_is_a_frame() {
    let (got, visited) = feed::<Datagram<'_>>(&[b"\x01abc", b"\x02", &[0; 17], b"\x03x"], false);
    assert_eq!(payloads(&got), [&b"\x01abc"[..], b"\x02", b"\x03x"]);
    assert!(matches!(&got[2], Got::Bad(ErrorKind::TooLong, wire, false) if wire.len() == 17));
    assert_eq!(visited, 0);
}

// --- Several kinds on one port -------------------------------------------------

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(one_of, skip = b"\r\n")]
pub enum Port<'a> {
    #[frame(first, lead = [0x00, 0x01..=0xFF])]
    Hello(Prefixed<'a>),
    Batch(Batch<'a>),
    Text(Marked<'a>),
    Short(Short<'a>),
    Long(Long<'a>),
    Flagged(Xor<'a>),
    Ping(Ping),
}

/// Four zeros, a length, data and how much it was.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 32)]
#[wire(endian = big)]
pub struct Batch<'a> {
    #[wire(before(_preamble: u32 = 0))]
    #[wire(before(len: u32 = size(data)), after(check: u32 = sum(data)))]
    pub data: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Short<'a> {
    #[wire(before(b"xx"))]
    #[wire(before(len: u8 = size(data)), after(b"\r\n"))]
    pub data: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
pub struct Long<'a> {
    #[wire(before(b"yy"))]
    #[wire(before(len: u16 = size(data)), after(b"\r\n"))]
    pub data: &'a [u8],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(before(b"\xFF"))]
pub struct Ping {}

fn port(frames: &[Port<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for frame in frames {
        encode::<Port<'_>>(frame, &mut out).unwrap();
    }
    out
}

#[test]
fn leading_bytes_choose_the_kind() {
    let hello = hex("0003 313233");
    let sent = [
        Port::Batch(Batch { data: b"\r\n" }),
        Port::Ping(Ping {}),
        Port::Text(Marked { text: b"V1,ok" }),
        Port::Short(Short { data: b"yy\r\n" }),
        Port::Flagged(Xor { data: b"\x7E\x7D" }),
        Port::Flagged(Xor { data: b"*" }),
        Port::Long(Long { data: &[b'*'; 300] }),
        Port::Ping(Ping {}),
        Port::Ping(Ping {}),
    ];
    let stream = [hello, port(&sent)].concat();
    let got = same_however_cut::<Port<'_>>(&stream);
    let kinds: Vec<_> =
        got.iter().map(|got| if let Got::Frame(kind, ..) = got { *kind } else { 99 }).collect();
    assert_eq!(kinds, [0, 1, 6, 2, 3, 5, 5, 4, 6, 6]);
    assert_eq!(round_trip::<Port<'_>>(&stream), 10);
    let mut deframer = Deframer::<Port<'_>>::new();
    let (mut input, mut scratch, mut at) = (&stream[..], Vec::new(), 0);
    while let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) {
        let frame = raw.decode::<Port<'_>>().unwrap().frame;
        if at > 0 {
            assert_eq!(frame, sent[at - 1]);
        }
        let names = ["hello", "batch", "ping", "text", "short", "flagged", "flagged", "long", "ping", "ping"];
        assert_eq!(Port::kind(&frame), names[at]);
        at += 1;
    }
}

#[test]
fn a_hello_is_the_first_frame_only() {
    let got = same_however_cut::<Port<'_>>(&[&b"\xFF"[..], &hex("0003 313233"), b"*a##"].concat());
    assert!(
        matches!(&got[..], [Got::Frame(6, ..), Got::Bad(ErrorKind::Garbage, lost, false), Got::Frame(2, ..)] if lost.len() == 5),
        "{got:?}"
    );
}

#[test]
fn neighbours_of_one_kind_may_share_a_flag() {
    let got = same_however_cut::<Port<'_>>(b"\x7Eone\x7Etwo\x7E\x7Ethree\x7E*text##\x7Efour\x7E");
    assert_eq!(payloads(&got), [&b"one"[..], b"two", b"three", b"text", b"four"]);
}

#[test]
fn any_kind_is_found_after_garbage() {
    let mut broken = port(&[Port::Batch(Batch { data: b"hello" })]);
    *broken.last_mut().unwrap() ^= 1;
    let stream = [
        &b"\xFF??\x00\x00"[..],
        &broken,
        &port(&[Port::Ping(Ping {}), Port::Short(Short { data: b"s" })]),
        b"yy\x00\x01a!!*t##",
    ]
    .concat();
    let got = same_however_cut::<Port<'_>>(&stream);
    let kinds: Vec<_> = got
        .iter()
        .filter_map(|got| if let Got::Frame(kind, ..) = got { Some(*kind) } else { None })
        .collect();
    assert_eq!(kinds, [6, 6, 3, 2], "{got:x?}");
}

#[test]
fn a_one_of_is_named_and_shown() {
    let frame = Port::Text(Marked { text: b"hi" });
    let mut json = Vec::new();
    exproto_runtime::codec::to_json(&frame, &mut json);
    assert!(String::from_utf8(json).unwrap().starts_with("{\"text\":"));
}
