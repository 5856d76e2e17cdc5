//! The picture of frames whose layout is derived.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs)]

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{
    Bcd, Deframer, ErrorKind, Explanation, Flag, List, Protocol, explain_item, xor,
};

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256)]
#[wire(endian = big)]
struct Packet<'a> {
    #[wire(before(id: u8 = tag(body)))]
    #[wire(before(_: bits(4)))]
    #[wire(before(dated: bits(1) = present(day)))]
    #[wire(bits = 3)]
    mode: u8,
    #[wire(before(length: bits(8) = size(body)))]
    day: Option<u16>,
    #[wire(size = 3)]
    number: Bcd<3>,
    #[wire(after(check: u8 = xor(id..)))]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
enum Body<'a> {
    #[wire(tag = 1)]
    Sensors {
        #[wire(scale = 0.1, unit = "V", range = 90..=320)]
        supply: u16,
        #[wire(rest, lenient)]
        values: List<'a, Sensor>,
    },
    #[wire(tag = 2)]
    Version(#[wire(range = 1..=9, strict)] u8),
    #[wire(tag = 3)]
    Ping,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Sensor {
    port: u8,
    place: Place,
    #[wire(if = port > 9)]
    level: Option<u8>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Place {
    row: u8,
    column: u8,
}

/// A frame of these bytes and their checksum.
fn wire(payload: &[u8]) -> Vec<u8> {
    let mut payload = payload.to_vec();
    payload.push(xor(&payload));
    let mut wire = Vec::new();
    <Packet<'_> as Protocol>::KINDS[0].framing.wrap(&payload, &mut wire);
    wire
}

fn explained(payload: &[u8]) -> Explanation {
    let wire = wire(payload);
    let mut input = &wire[..];
    let mut scratch = Vec::new();
    let mut deframer = Deframer::<Packet<'_>>::new();
    explain_item::<Packet<'_>>(&deframer.next(&mut input, &mut scratch).unwrap())
}

#[track_caller]
fn draws(payload: &[u8], expected: &str) {
    let drawn = explained(payload).to_string();
    assert_eq!(drawn, expected.strip_prefix('\n').unwrap(), "drawn:\n{drawn}");
}

#[test]
fn bits_parts_lists_and_absent_fields_have_their_place() {
    // Two elements without and one with a level, in this order: each value
    // stands at its own element.
    draws(
        b"\x01\x05\x0C\x01\x23\x45\x00\x78\x01\x02\x03\x0A\x04\x05\x63\x02\x06\x07",
        r#"
Packet sensors, 19 bytes from byte 1 of the stream
  0000  01 05 0c 01 23 45 00 78  01 02 03 0a 04 05 63 02  ....#E.x......c.
  0010  06 07 7c                                          ..|
    0..1  01                         Packet.id
    1..3  05 0c                      Packet._
    1..3  05 0c                      Packet.dated
    1..3  05 0c                      Packet.mode               5
    1..3  05 0c                      Packet.length
    3..3                             Packet.day
    3..6  01 23 45                   Packet.number             "012345"
   6..18  00 78 01 02 03 0a 04 05 .. Packet.body
   6..18  00 78 01 02 03 0a 04 05 ..   Body.sensors
    6..8  00 78                          Body::Sensors.supply  12 V
   8..18  01 02 03 0a 04 05 63 02 ..     Body::Sensors.values
   8..11  01 02 03                         [0]
    8..9  01                                 Sensor.port       1
   9..11  02 03                              Sensor.place
   9..10  02                                   Place.row       2
  10..11  03                                   Place.column    3
  11..11                                     Sensor.level
  11..15  0a 04 05 63                      [1]
  11..12  0a                                 Sensor.port       10
  12..14  04 05                              Sensor.place
  12..13  04                                   Place.row       4
  13..14  05                                   Place.column    5
  14..15  63                                 Sensor.level      99
  15..18  02 06 07                         [2]
  15..16  02                                 Sensor.port       2
  16..18  06 07                              Sensor.place
  16..17  06                                   Place.row       6
  17..18  07                                   Place.column    7
  18..18                                     Sensor.level
  18..19  7c                         Packet.check
"#,
    );
}

#[test]
fn what_is_odd_is_named_with_its_path() {
    let payload = b"\x01\x15\x09\x0A\x23\x45\x01\x41\x0A\x02\x03\x01\x0A\x04\x05";
    draws(
        payload,
        r#"
Packet sensors, 16 bytes from byte 1 of the stream
  0000  01 15 09 0a 23 45 01 41  0a 02 03 01 0a 04 05 30  ....#E.A.......0
    0..1  01                         Packet.id
    1..3  15 09                      Packet._
    1..3  15 09                      Packet.dated
    1..3  15 09                      Packet.mode               5
    1..3  15 09                      Packet.length
    3..3                             Packet.day
    3..6  0a 23 45                   Packet.number             "0a2345"
   6..15  01 41 0a 02 03 01 0a 04 .. Packet.body
   6..15  01 41 0a 02 03 01 0a 04 ..   Body.sensors
    6..8  01 41                          Body::Sensors.supply  32.1 V
   8..15  0a 02 03 01 0a 04 05           Body::Sensors.values
   8..12  0a 02 03 01                      [0]
    8..9  0a                                 Sensor.port       10
   9..11  02 03                              Sensor.place
   9..10  02                                   Place.row       2
  10..11  03                                   Place.column    3
  11..12  01                                 Sensor.level      1
  15..16  30                         Packet.check
odd: Packet._ at byte 1: reserved bits or padding not as declared
odd: Packet.number at byte 3: digit above 9
odd: Packet.body > Body.sensors > Body::Sensors.supply at byte 6: value outside its range
odd: Packet.body > Body.sensors > Body::Sensors.values at byte 12: list ends in bytes that are no whole element
"#,
    );
    let explanation = explained(payload);
    let flags: Vec<_> = explanation.oddities().iter().map(|odd| (odd.flag, odd.path.dotted())).collect();
    assert_eq!(
        flags,
        [
            (Flag::Reserved, "_".to_string()),
            (Flag::Digits, "number".to_string()),
            (Flag::Range, "body.sensors.supply".to_string()),
            (Flag::Tail, "body.sensors.values".to_string()),
        ]
    );
}

#[test]
fn a_wrong_length_in_bits_is_marked_where_they_lie() {
    let explanation = explained(b"\x02\x00\x05\x01\x23\x45\x07");
    let failure = explanation.failure().unwrap();
    assert_eq!((failure.error.kind(), failure.error.offset()), (ErrorKind::Length, 1));
    assert_eq!(failure.path.dotted(), "length");
    assert_eq!(failure.compared, Some((5, 1)));
}

#[test]
fn a_strict_range_says_what_it_is() {
    draws(
        b"\x02\x00\x01\x01\x23\x45\x0B",
        r#"
Packet, 8 bytes from byte 1 of the stream
  0000  02 00 01 01 23 45 0b 6f                           ....#E.o
                          ^^
  0..1  02                         Packet.id
  1..3  00 01                      Packet._
  1..3  00 01                      Packet.dated
  1..3  00 01                      Packet.mode
  1..3  00 01                      Packet.length
  3..3                             Packet.day
  3..6  01 23 45                   Packet.number
   6..                             Packet.body
   6..                               Body.version
  6..7  0b                             Body::Version.0
error: Packet.body > Body.version > Body::Version.0 at byte 6: the value lies outside its range
       received 11
       the range is 1 to 9
"#,
    );
}

#[test]
fn an_absent_date_is_no_value_and_a_present_one_is() {
    let drawn = explained(b"\x03\x08\x00\x4E\x20\x01\x23\x45").to_string();
    assert!(drawn.contains("Packet.day     20000\n"), "{drawn}");
    let drawn = explained(b"\x03\x00\x00\x01\x23\x45").to_string();
    assert!(drawn.contains("Packet.day\n"), "{drawn}");
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(line, max = 16)]
struct Line<'a> {
    #[wire(rest)]
    text: &'a [u8],
}

#[test]
fn another_way_of_framing_is_told() {
    let (mut deframer, mut input, mut scratch) = (Deframer::<Line<'_>>::new(), &b"ab\n"[..], Vec::new());
    let drawn = explain_item::<Line<'_>>(&deframer.next(&mut input, &mut scratch).unwrap()).to_string();
    assert!(
        drawn.ends_with("odd: frame at byte 0: delimited or escaped in another way than we do\n"),
        "{drawn}"
    );
}

/// A sign and high digits that stand before their values.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
struct Joined {
    #[wire(before(west: bits(1) = sign(lon)), before(high: bits(7) = bits(odometer, 16)))]
    #[wire(as = u8, unit = "deg", range = -90..=90)]
    lon: i16,
    #[wire(as = u16, unit = "m", range = 0..=5_000_000)]
    odometer: u32,
}

#[test]
fn values_of_several_parts_are_shown_whole() {
    let drawn = |bytes: [u8; 4]| {
        let (mut deframer, mut scratch) = (Deframer::<Joined>::new(), Vec::new());
        let mut input = &bytes[..];
        explain_item::<Joined>(&deframer.next(&mut input, &mut scratch).unwrap()).to_string()
    };
    let line = |drawn: &str, field: &str| {
        let found = drawn.lines().find(|line| line.contains(field));
        found
            .unwrap_or_else(|| panic!("no {field} in\n{drawn}"))
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    };
    let right = drawn([0x80 | 0x12, 42, 0x34, 0x56]);
    assert_eq!(line(&right, "Joined.west"), "0..1 92 Joined.west");
    assert_eq!(line(&right, "Joined.high"), "0..1 92 Joined.high");
    assert_eq!(line(&right, "Joined.lon"), "1..2 2a Joined.lon -42 deg");
    assert_eq!(line(&right, "Joined.odometer"), "2..4 34 56 Joined.odometer 1193046 m");
    // What is odd about the whole is said of the field, where its own bytes are.
    let odd = drawn([0x80 | 0x7F, 91, 0xFF, 0xFF]);
    assert_eq!(line(&odd, "Joined.lon"), "1..2 5b Joined.lon -91 deg");
    let said: Vec<_> = odd.lines().filter(|line| line.starts_with("odd: ")).collect();
    assert_eq!(
        said,
        [
            "odd: Joined.lon at byte 1: value outside its range",
            "odd: Joined.odometer at byte 2: value outside its range"
        ]
    );
}
