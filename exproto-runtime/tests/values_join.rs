//! Values whose parts stand at several places of the wire.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, clippy::unusual_byte_groupings)]

mod derived;

use derived::{json, no_shorter, round};
use exproto_runtime::codec::{
    BcdNumber, DegMin, FieldInfo, Fill, Flag, Node, SignMagnitude, Word, from_bytes, to_bytes,
};
use exproto_runtime::prelude::*;

static AT: FieldInfo = FieldInfo::new("", "value");

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Position {
    /// Speed has eight bits here and two more behind the odometer.
    #[wire(bits = 8, scale = 0.5, unit = "km/h")]
    speed: u16,
    #[wire(before(north: bits(1) = sign(lat, 1, 0)), before(west: bits(1) = sign(lon)))]
    #[wire(before(odo_high: bits(4) = bits(odometer, 24)), before(drift_high: bits(2) = bits(drift, 8)))]
    #[wire(as = u32, scale = 1e-6, unit = "deg", range = -90_000_000..=90_000_000)]
    lat: i64,
    #[wire(as = u32, scale = 1e-6)]
    lon: SignMagnitude<33>,
    #[wire(as = u24)]
    odometer: u32,
    #[wire(before(speed_high: bits(2) = bits(speed, 8)), bits = 6)]
    sats: u8,
    #[wire(as = i8)]
    drift: i16,
    #[wire(before(below: u8 = sign(height, b'+', b'-')), as = BcdNumber::<2>)]
    height: i32,
}

#[test]
fn parts_are_put_together_and_taken_apart() {
    let position = Position {
        speed: 0x2AA,
        lat: -22_500_000,
        lon: SignMagnitude::new(-3_000_000_000).unwrap(),
        odometer: 0xABC_DEF0,
        sats: 0x15,
        drift: -300,
        height: -42,
    };
    let bytes = to_bytes(&position).unwrap();
    assert_eq!(bytes[..2], [0xAA, 0b0_1_1010_10]);
    assert_eq!(bytes[2..6], 22_500_000_u32.to_be_bytes());
    assert_eq!(bytes[6..10], 3_000_000_000_u32.to_be_bytes());
    assert_eq!(bytes[10..], [0xBC, 0xDE, 0xF0, 0b10_010101, 0xD4, b'-', 0x00, 0x42]);
    let read = from_bytes::<Position>(&bytes).unwrap();
    assert!(read.flags.is_empty());
    assert_eq!(read.frame, position);
    assert_eq!(
        json(&position),
        r#"{"speed":341,"lat":-22.5,"lon":-3000,"odometer":180150000,"sats":21,"drift":-300,"height":-42}"#
    );
    round::<Position>(300);
    no_shorter::<Position>(300);

    let too_much = |position: Position| to_bytes(&position).unwrap_err().field().name;
    assert_eq!(too_much(Position { odometer: 1 << 28, ..read.frame }), "odometer");
    assert_eq!(too_much(Position { lat: 1 << 32, ..from_bytes(&bytes).unwrap().frame }), "lat");
    assert_eq!(too_much(Position { drift: 512, ..from_bytes(&bytes).unwrap().frame }), "drift");
    assert!(to_bytes(&Position { drift: -512, ..from_bytes(&bytes).unwrap().frame }).is_ok());
    assert_eq!(too_much(Position { speed: 1024, ..from_bytes(&bytes).unwrap().frame }), "speed");
    assert_eq!(too_much(Position { height: 10_000, ..from_bytes(&bytes).unwrap().frame }), "height");
}

#[test]
fn minus_zero_and_unknown_signs_are_not_lost() {
    let mut bytes = to_bytes(&Position {
        speed: 0,
        lat: 0,
        lon: SignMagnitude::new(0).unwrap(),
        odometer: 0,
        sats: 0,
        drift: 0,
        height: 0,
    })
    .unwrap();
    bytes[1] |= 0x40;
    let read = from_bytes::<Position>(&bytes).unwrap();
    // The type keeps it.
    assert!(read.flags.is_empty());
    assert_eq!(to_bytes(&read.frame).unwrap(), bytes);
    // An integer does not, so the frame is kept as received.
    bytes[1] &= 0x7F;
    assert!(from_bytes::<Position>(&bytes).unwrap().flags.has(Flag::Reserved));
    bytes[1] |= 0x80;
    bytes[15] = b'*';
    assert!(from_bytes::<Position>(&bytes).unwrap().flags.has(Flag::Reserved));
    // The range is that of the whole value.
    bytes[15] = b'+';
    bytes[2..6].copy_from_slice(&90_000_001_u32.to_be_bytes());
    assert!(from_bytes::<Position>(&bytes).unwrap().flags.has(Flag::Range));
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Line {
    #[wire(after(ns: Word = sign(lat, b"N", b"S")))]
    lat: DegMin<2>,
    #[wire(after(ew: Word = sign(lon, b"E", b"W")))]
    lon: DegMin<3>,
    course: exproto_runtime::codec::Dec,
}

#[test]
fn the_hemisphere_of_text_is_a_later_word() {
    let read = |text: &'static str| from_bytes::<Line>(text.as_bytes()).unwrap();
    let south = read("2235.3445,S,11354.4351,E,045");
    assert!(south.flags.is_empty());
    assert_eq!(
        json(&south.frame),
        r#"{"lat":-22.589075,"lon":113.907252,"course":45}"#
            .replace("113.907252", &format!("{}", south.frame.lon.degrees().unwrap()))
    );
    assert_eq!(to_bytes(&south.frame).unwrap(), b"2235.3445,S,11354.4351,E,045");
    // Without a fix all are empty; minus zero is kept.
    for text in [",,,,", "0000.0000,S,00000.0000,W,"] {
        let read = read(text);
        assert!(read.flags.is_empty(), "{text}");
        assert_eq!(to_bytes(&read.frame).unwrap(), text.as_bytes());
    }
    assert_eq!(json(&read(",,,,").frame), r#"{"lat":null,"lon":null,"course":null}"#);
    for text in ["2235.3445,X,11354.4351,E,045", ",N,,,", "2235.3445,,11354.4351,E,0"] {
        assert!(read(text).flags.has(Flag::Reserved), "{text}");
    }
    let node = Node::parse(br#"{"lat":-22.589075,"lon":-113.5,"course":null}"#).unwrap();
    let line = Line::fill(Some(&node), &AT).unwrap();
    assert_eq!(String::from_utf8(to_bytes(&line).unwrap()).unwrap(), "2235.3445,S,11330.0000,W,");
}

#[test]
fn coordinates_have_many_forms() {
    let lat = |text: &str| DegMin::<2>::from_bytes(text.as_bytes()).unwrap().micro();
    for text in ["2235.3445", "22353445", "22-35.3445", "22 35.3445", "0022-35.3445"] {
        assert_eq!(lat(text), Some(22_589_075), "{text}");
    }
    assert_eq!(lat("-22-35.3445"), Some(-22_589_075));
    assert_eq!(lat("-2235.3445"), Some(-22_589_075));
    assert_eq!(lat("2235"), Some(22_583_333));
    assert_eq!(DegMin::<3>::from_bytes(b"113544351").unwrap().micro(), Some(113_907_252));
    for text in ["", "-", "2260.0000", "22.5", "2235.34.45", "22-3", "ab35.3", "2235,3", "223"] {
        assert_eq!(lat(text), None, "{text}");
    }
}
