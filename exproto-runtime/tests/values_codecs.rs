//! Values in forms that codecs give them: text, armour, word orders, addresses.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used)]

mod derived;

use std::net::{Ipv4Addr, Ipv6Addr};

use derived::{filled, json, round};
use exproto_runtime::codec::{
    Armor, Badc, BitText, Cdab, Decimal, ErrorKind, FieldInfo, Fill, Flag, Half, Mac, Node, Utf16Le, Uuid,
    from_bytes, to_bytes,
};
use exproto_runtime::prelude::*;

static AT: FieldInfo = FieldInfo::new("", "value");

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Line {
    #[wire(as = Decimal::places(2), scale = 0.01)]
    level: i32,
    #[wire(as = Decimal::places(1).width(7).plus(), scale = 0.1, range = -9999..=9999)]
    height: i64,
    #[wire(as = Armor::HEX_LOWER)]
    status: Status,
    #[wire(as = Decimal::places(0).spaces(4))]
    count: u16,
    #[wire(as = Armor::BASE64)]
    key: Vec<u8>,
    #[wire(as = Decimal::places(0))]
    last: Option<i8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Status {
    alarms: u8,
    #[wire(count = prefix(u8))]
    levels: Vec<u16>,
}

#[test]
fn text_holds_numbers_and_parts() {
    let line = Line {
        level: -1205,
        height: 421,
        status: Status { alarms: 0xFA, levels: vec![1] },
        count: 42,
        key: b"abcd".to_vec(),
        last: Some(-5),
    };
    let text = b"-12.05,+0042.1,fa010001,  42,YWJjZA==,-5";
    assert_eq!(to_bytes(&line).unwrap(), text);
    let read = from_bytes::<Line>(text).unwrap();
    assert!(read.flags.is_empty());
    assert_eq!(read.frame, line);
    let shown = r#"{"level":-12.05,"height":42.1,"status":{"alarms":250,"levels":[1]},"count":42,"key":"61626364","last":-5}"#;
    assert_eq!(json(&line), shown);
    assert_eq!(filled::<Line>(shown), line);
    let short = Line { last: None, ..line };
    assert_eq!(from_bytes::<Line>(&to_bytes(&short).unwrap()).unwrap().frame, short);
    round::<Line>(100);
}

#[test]
fn errors_in_armour_tell_the_character() {
    let error = |text: &[u8]| {
        let error = from_bytes::<Line>(text).unwrap_err();
        (error.kind(), error.offset(), error.field().name)
    };
    assert_eq!(error(b"1,+0000.0,fag10001,0,,1"), (ErrorKind::Digits, 12, "status"));
    assert_eq!(error(b"1,+0000.0,fa020001,0,,1"), (ErrorKind::Short, 18, "levels"));
    assert_eq!(error(b"1,+0000.0,fa00000,0,,1"), (ErrorKind::Trailing, 14, "status"));
    assert_eq!(error(b"1x,+0000.0,fa00,0,,1"), (ErrorKind::Digits, 0, "level"));
    let read = from_bytes::<Line>(b"1.00,+0000.0,FA00,   0,,1").unwrap();
    assert!(read.flags.has(Flag::Reserved));
}

const SIX: &str = "@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_ !\"#$%&'()*+,-./0123456789:;<=>?";
const DIAL: &str = "0123456789*#abcF";

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Texts {
    #[wire(size = 6, as = BitText::big(SIX).pad('@').chars(8))]
    name: TextBuf,
    #[wire(size = prefix(u8), as = BitText::little(DIAL).pad('F'))]
    number: TextBuf,
    #[wire(rest, as = BitText::big(DIAL))]
    rest: TextBuf,
}

#[test]
fn characters_of_a_few_bits() {
    let bytes = [0x14, 0x91, 0x05, 0x4A, 0x0D, 0xC0, 3, 0x21, 0x4A, 0xF5, 0xAB];
    let texts = from_bytes::<Texts>(&bytes).unwrap().frame;
    assert_eq!(json(&texts), r##"{"name":"EIDER 7","number":"12*45","rest":"*#"}"##);
    assert_eq!(to_bytes(&texts).unwrap(), bytes);
    assert_eq!(to_bytes(&filled::<Texts>(&json(&texts))).unwrap(), bytes);
    // Padding within the bytes goes back as it came.
    let odd = [0; 6].into_iter().chain([2, 0xF1, 0xFF]).collect::<Vec<u8>>();
    let read = from_bytes::<Texts>(&odd).unwrap();
    assert_eq!(json(&read.frame), r#"{"name":"","number":"1","rest":""}"#);
    assert_eq!(to_bytes(&read.frame).unwrap(), odd);
    let refused = Texts { number: "12x".into(), ..read.frame };
    assert_eq!(to_bytes(&refused).unwrap_err().kind(), ErrorKind::Custom);
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Registers {
    #[wire(as = Cdab)]
    power: f32,
    #[wire(as = Badc, scale = 0.1)]
    energy: i64,
    #[wire(as = Cdab)]
    total: u64,
    #[wire(as = Half::LITTLE)]
    half: f32,
    #[wire(count = prefix(u8), each(as = Badc))]
    phases: Vec<u32>,
}

#[test]
fn words_stand_in_their_own_order() {
    let registers = Registers {
        power: f32::from_bits(0x0A0B_0C0D),
        energy: -2,
        total: 0x0102_0304_0506_0708,
        half: -2.5,
        phases: vec![0x0102_0304],
    };
    let bytes = to_bytes(&registers).unwrap();
    assert_eq!(bytes[..4], [0x0C, 0x0D, 0x0A, 0x0B]);
    assert_eq!(bytes[4..12], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFE, 0xFF]);
    assert_eq!(bytes[12..20], [7, 8, 5, 6, 3, 4, 1, 2]);
    assert_eq!(bytes[20..], [0x00, 0xC1, 1, 2, 1, 4, 3]);
    assert_eq!(from_bytes::<Registers>(&bytes).unwrap().frame, registers);
    for end in 0..bytes.len() {
        assert!(from_bytes::<Registers>(&bytes[..end]).is_err());
    }
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Ranged {
    #[wire(as = Cdab, range = -5..=5)]
    a: i32,
    #[wire(size = 3, as = Decimal::places(0).width(3), range = 1..=12, strict)]
    b: u8,
}

#[test]
fn numbers_of_codecs_have_ranges_too() {
    assert!(from_bytes::<Ranged>(b"\0\x05\0\x00012").unwrap().flags.is_empty());
    assert!(from_bytes::<Ranged>(b"\0\x06\0\x00012").unwrap().flags.has(Flag::Range));
    assert_eq!(from_bytes::<Ranged>(b"\0\0\0\x00013").unwrap_err().kind(), ErrorKind::Range);
    round::<Ranged>(50);
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Peer {
    v4: Ipv4Addr,
    v6: Option6,
    hardware: Mac,
    id: Uuid,
    #[wire(count = prefix(u8))]
    more: Vec<Mac>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Option6(Ipv6Addr);

#[test]
fn addresses_show_as_people_write_them() {
    let text = r#"{"v4":"10.0.0.1","v6":"fe80::1","hardware":"00:1a:2b:3c:4d:5e","id":"f81d4fae-7dec-11d0-a765-00a0c91e6bf6","more":["ff:ff:ff:ff:ff:ff"]}"#;
    let peer = filled::<Peer>(text);
    assert_eq!(json(&peer), text);
    assert_eq!(to_bytes(&peer).unwrap()[..5], [10, 0, 0, 1, 0xFE]);
    let node = Node::parse(br#"{"v4":"10.0.0","v6":"fe80::1"}"#).unwrap();
    let error = Peer::fill(Some(&node), &AT).unwrap_err().to_string();
    assert!(error.contains("v4"), "{error}");
    round::<Peer>(50);
}

/// Of sizes that are said, in which bytes take more than themselves.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Armored {
    #[wire(size = 8, as = Armor::HEX)]
    hex: Vec<u8>,
    #[wire(size = 8, as = Armor::BASE64)]
    base64: Vec<u8>,
    #[wire(size = 8, as = Armor::BASE64_URL)]
    url: Vec<u8>,
    n: u8,
    #[wire(size = usize::from(n) * 4, as = Armor::HEX_LOWER)]
    late: Vec<u8>,
    #[wire(size = 6, as = Utf16Le)]
    wide: TextBuf,
    #[wire(count = prefix(u8), each(size = 4, as = Armor::HEX))]
    list: Vec<Vec<u8>>,
}

#[test]
fn random_values_fill_what_their_codec_makes_of_them() {
    round::<Armored>(200);
}
