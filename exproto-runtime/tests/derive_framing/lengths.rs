//! Frames that the layout ends: constant sizes, lengths, counts; datagrams.

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{
    Deframer, ErrorKind, Flag, FrameScan, Item, Protocol, Scanner, Step, Text, encode, reencode,
};

use super::framing::{Got, feed, hex, round_trip, same_however_cut, visits};
use super::{frames, payloads};

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
