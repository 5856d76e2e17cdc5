//! Fields with a byte between them: every kind of field as the first, one in
//! the middle and the last.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "derive")]

mod derived;

use std::fmt::Debug;

use derived::json;
use exproto_runtime::codec::{
    Armor, Dec, Decimal, Decode, Encode, ErrorKind, Flag, Node, Random, Sample, Wire, Word, from_bytes,
    to_bytes,
};
use exproto_runtime::prelude::*;

/// A field of every kind between two others: `$text` is its column.
macro_rules! columns {
    ($($name:ident: $text:literal, $sampled:literal, { $(#[$attr:meta])* $ty:ty })*) => {$(
        mod $name {
            use super::*;

            #[derive(ExProtoFrame, Debug)]
            #[wire(sep = b',')]
            struct First { $(#[$attr])* v: $ty, x: Dec, y: Dec }

            #[derive(ExProtoFrame, Debug)]
            #[wire(sep = b',')]
            struct Middle { x: Dec, $(#[$attr])* v: $ty, y: Dec }

            #[derive(ExProtoFrame, Debug)]
            #[wire(sep = b',')]
            struct Last { x: Dec, y: Dec, $(#[$attr])* v: $ty }

            #[derive(ExProtoFrame, Debug)]
            #[wire(sep = b',', after(b"*"), after(check: hex(2) = xor(..)))]
            struct Checked { x: Dec, #[wire(before(b"<"), after(b">"))] y: Dec, $(#[$attr])* v: $ty }

            #[test]
            fn stands_between_separators() {
                both::<First>(concat!($text, ",1,2"));
                both::<Middle>(concat!("1,", $text, ",2"));
                both::<Last>(concat!("1,2,", $text));
                let text = concat!("1,<2>,", $text, "*");
                let check = text.bytes().rev().skip(1).fold(0, |all, byte| all ^ byte) ^ b'*';
                both::<Checked>(&format!("{text}{check:02X}"));
                // A column less or more.
                for short in ["1,2", "", "1"] {
                    assert!(from_bytes::<Middle>(short.as_bytes()).is_err(), "{short}");
                }
                if $sampled {
                    sampled::<First>();
                    sampled::<Middle>();
                    sampled::<Last>();
                    sampled::<Checked>();
                }
            }
        }
    )*};
}

columns! {
    sized_text: "abc", true, { #[wire(size = 3, as = Ascii)] TextBuf }
    padded_text: "ab  ", true, { #[wire(size = 4, fill = b' ', as = Ascii)] TextBuf }
    size_by_expression: "ab", true, { #[wire(size = 1 + 1, as = Ascii)] TextBuf }
    text: "a b", true, { #[wire(as = Ascii)] TextBuf }
    no_text: "", true, { #[wire(as = Ascii)] TextBuf }
    bounded_text: "abc", true, { #[wire(as = Ascii, max = 3)] TextBuf }
    bytes: "abc", true, { #[wire(size = 3)] Vec<u8> }
    open_bytes: "abcd", true, { Vec<u8> }
    counted_bytes: "abcd", true, { #[wire(count = 4)] Vec<u8> }
    prefixed: "03abc", true, { #[wire(size = prefix(dec(2)), as = Ascii)] TextBuf }
    prefixed_list: "0201ff", true, { #[wire(count = prefix(dec(2)), each(as = hex(2, lower)))] Vec<u8> }
    list_in_digits: "01ff", true, { #[wire(each(as = hex(2, lower)))] Vec<u8> }
    list_to_an_element: "010209", false, { #[wire(until = |id| *id == 9, each(as = dec(2)))] Vec<u8> }
    byte_array: "ab", true, { [u8; 2] }
    array: "0102", true, { #[wire(each(as = dec(2)))] [u8; 2] }
    digits: "7", true, { #[wire(as = dec)] u32 }
    fixed_digits: "007", true, { #[wire(as = dec(3))] u16 }
    armoured: "0102", false, { #[wire(size = 4, as = Armor::HEX)] Vec<u8> }
    open_armour: "010203", true, { #[wire(as = Armor::HEX)] Vec<u8> }
    armoured_part: "0007", true, { #[wire(as = Armor::HEX)] Half }
    decimal: "-1.50", true, { #[wire(as = Decimal::places(2))] i32 }
    number: "-1.5", true, { Dec }
    word: "V1", true, { Word }
    letter: "A", true, { Letter }
    optional_letter: "A", true, { Option<Letter> }
    part: "3|4", true, { Pair }
    sized_part: "3|4", false, { #[wire(size = 3)] Pair }
    by_length: "abc", false, { Counted }
    address: "abc", true, { #[wire(as = with(read, write))] String }
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Half(u16);

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
enum Letter {
    #[wire(tag = b'A')]
    A,
    #[wire(tag = b'V')]
    V,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(sep = b'|')]
struct Pair {
    a: Dec,
    #[wire(as = dec)]
    b: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Counted(#[wire(size = 3)] Vec<u8>);

fn read(bytes: &[u8]) -> Option<String> {
    String::from_utf8(bytes.to_vec()).ok()
}

fn write(text: &String) -> Vec<u8> {
    text.as_bytes().to_vec()
}

fn both<T: for<'a> Decode<'a> + Encode + Wire<Ctx = ()> + Debug>(text: &str) {
    let received = from_bytes::<T>(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(received.flags.is_empty(), "{text}: {received:?}");
    assert_eq!(String::from_utf8_lossy(&to_bytes(&received.frame).unwrap()), text, "{received:?}");
}

/// What is made at random is read back.
fn sampled<T: for<'a> Decode<'a> + Encode + Wire<Ctx = ()> + Sample + Debug>() {
    let mut random = Random::new(7);
    for _ in 0..100 {
        let value: T = random.make();
        let bytes = to_bytes(&value).unwrap_or_else(|error| panic!("{value:?}: {error}"));
        let again = from_bytes::<T>(&bytes).unwrap_or_else(|error| panic!("{value:?}: {error}"));
        assert!(again.flags.is_empty(), "{value:?} {again:?}");
        assert_eq!(to_bytes(&again.frame).unwrap(), bytes);
    }
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
struct Sizes {
    x: Dec,
    #[wire(size = 3, as = Ascii)]
    b: TextBuf,
    c: Dec,
}

#[test]
fn a_size_is_verified() {
    let error = from_bytes::<Sizes>(b"1,ab,5").unwrap_err();
    assert_eq!((error.kind(), error.offset(), error.field().name), (ErrorKind::Trailing, 5, "b"));
    let error = from_bytes::<Sizes>(b"1,abcd,5").unwrap_err();
    assert_eq!((error.kind(), error.offset(), error.field().name), (ErrorKind::Trailing, 5, "b"));
    let value = Sizes { x: 1.into(), b: "a,b".into(), c: 5.into() };
    assert_eq!(to_bytes(&value).unwrap(), *b"1,a,b,5");
    both::<Sizes>("1,a,b,5");
}

/// What stands only on the wire belongs to its field.
#[derive(ExProtoFrame, Debug)]
#[wire(before(b"$"), sep = b',', after(b"#"))]
struct Glued {
    #[wire(before(b"T"), after(b"C"))]
    temperature: Dec,
    #[wire(before(b"GPS,"), before(length: dec = size(speed..=height), until = b":"))]
    speed: Dec,
    #[wire(after(_: pad(2), fill = b' '))]
    height: Dec,
    #[wire(before(sum: hex = sum8(speed..=height)))]
    name: Word,
}

#[test]
fn constants_stand_beside_their_field() {
    let text = "$T20.5C,GPS,6:12,345  ,2D,x#";
    let sum = "12,345".bytes().fold(0_u8, |sum, byte| sum.wrapping_add(byte));
    let text = text.replace("2D", &format!("{sum:X}"));
    both::<Glued>(&text);
    sampled::<Glued>();
    for (wrong, kind) in [
        (text.replace('C', ""), ErrorKind::Constant),
        (text.replace("T20", "20"), ErrorKind::Constant),
        (text.replace("GPS,", "GPS"), ErrorKind::Constant),
        (text.replace("C,", ","), ErrorKind::Constant),
        (text.replace("6:", "5:"), ErrorKind::Length),
    ] {
        assert_eq!(from_bytes::<Glued>(wrong.as_bytes()).unwrap_err().kind(), kind, "{wrong}");
    }
}

/// What ends by itself has no separator behind it.
#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
struct Key {
    #[wire(until = b":", as = Ascii)]
    key: TextBuf,
    a: Dec,
    #[wire(until = b";", as = Ascii)]
    b: TextBuf,
    c: Dec,
}

#[test]
fn other_bytes_may_end_a_field() {
    both::<Key>("k:1,b;2");
    both::<Key>(":,;");
    sampled::<Key>();
}

/// `Option`s: at the end they may be missing, elsewhere their field is empty.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',', after(b"*"), after(n: hex(2) = xor(..)))]
struct Options {
    #[wire(as = Ascii)]
    first: Option<TextBuf>,
    #[wire(as = dec)]
    second: Option<u8>,
    third: Dec,
    #[wire(as = dec)]
    fourth: Option<u16>,
    letter: Option<Letter>,
    #[wire(as = Ascii)]
    last: Option<TextBuf>,
}

fn line(text: &str) -> String {
    let check = text.bytes().chain(*b"*").fold(0, |all, byte| all ^ byte);
    format!("{text}*{check:02X}")
}

#[test]
fn empty_fields_are_none() {
    for (text, shown) in [
        ("a,1,2,3,A,x", r#"{"first":"a","second":1,"third":2,"fourth":3,"letter":"a","last":"x"}"#),
        (",,2", r#"{"first":null,"second":null,"third":2,"fourth":null,"letter":null,"last":null}"#),
        (",,,,A", r#"{"first":null,"second":null,"third":null,"fourth":null,"letter":"a","last":null}"#),
        ("a,,2,,,", r#"{"first":"a","second":null,"third":2,"fourth":null,"letter":null,"last":""}"#),
        ("a,,2,5", r#"{"first":"a","second":null,"third":2,"fourth":5,"letter":null,"last":null}"#),
    ] {
        both::<Options>(&line(text));
        let value = from_bytes::<Options>(line(text).as_bytes()).unwrap().frame;
        assert_eq!(json(&value), shown);
        let node = Node::parse(shown.as_bytes()).unwrap();
        let again = <Options as exproto_runtime::codec::Fill>::fill(Some(&node), &AT).unwrap();
        assert_eq!(to_bytes(&again).unwrap(), line(text).as_bytes());
    }
    // Separators of fields that are not there are flagged, so that they go back.
    for text in ["a,1,2,", "a,1,2,,", "a,1,2,3,"] {
        let received = from_bytes::<Options>(line(text).as_bytes()).unwrap();
        assert!(received.flags.has(Flag::Framing), "{text}");
        assert_eq!(to_bytes(&received.frame).unwrap(), line(text.trim_end_matches(',')).as_bytes());
    }
    for text in ["", "a", "a,1", "a,x,1"] {
        assert!(from_bytes::<Options>(line(text).as_bytes()).is_err(), "{text}");
    }
    sampled::<Options>();
}

static AT: exproto_runtime::codec::FieldInfo = exproto_runtime::codec::FieldInfo::new("", "");

/// Commands, some without parameters.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',', after(b"#"))]
struct Command {
    serial: Dec,
    #[wire(is = tag(body))]
    word: Word,
    body: Body,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
enum Body {
    #[wire(tag = b"A10")]
    Locate,
    #[wire(tag = b"B1" | b"B2")]
    Reset {
        #[wire(tag)]
        word: Word,
    },
    #[wire(tag = b"C")]
    Interval {
        #[wire(as = dec)]
        seconds: Option<u16>,
        until: Option<Dec>,
    },
    #[wire(tag = b"D")]
    Limits(Limits),
    #[wire(tag = b"E")]
    Speed { limit: Dec },
    #[wire(other)]
    Other {
        #[wire(tag)]
        word: Word,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Limits {
    low: Option<Dec>,
    high: Option<Dec>,
}

#[test]
fn a_command_without_parameters_has_no_separator() {
    for text in [
        "5,A10#",
        "5,B1#",
        "5,B2#",
        "5,C#",
        "5,C,60#",
        "5,C,60,#",
        "5,C,60,7#",
        "5,C,,7#",
        "5,D#",
        "5,D,1#",
        "5,D,1,2#",
        "5,E,80#",
        "5,E,#",
        "5,X,#",
        "5,X,a,b#",
        ",A10#",
        ",,#",
    ] {
        both::<Command>(text);
    }
    sampled::<Command>();
    // What we would write otherwise is flagged.
    for (text, written, flag) in [
        ("5,A10,#", "5,A10#", Flag::Framing),
        ("5,C,#", "5,C#", Flag::Framing),
        ("5,D,#", "5,D#", Flag::Framing),
        ("5,X#", "5,X,#", Flag::Missing),
        (",#", ",,#", Flag::Missing),
    ] {
        let received = from_bytes::<Command>(text.as_bytes()).unwrap();
        assert!(received.flags.has(flag), "{text} {received:?}");
        assert_eq!(String::from_utf8(to_bytes(&received.frame).unwrap()).unwrap(), written);
    }
    let error = from_bytes::<Command>(b"5,E#").unwrap_err();
    assert_eq!((error.kind(), error.offset(), error.field().name), (ErrorKind::Short, 3, "body"));
    assert_eq!(from_bytes::<Command>(b"5,A10,x#").unwrap_err().kind(), ErrorKind::Trailing);
}

/// A field that an earlier one says is there, and one with a default.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Conditions {
    #[wire(as = dec)]
    kind: u8,
    #[wire(if = kind > 0)]
    a: Option<Dec>,
    #[wire(as = dec, is = present(c))]
    has: u8,
    c: Option<Dec>,
    #[wire(as = dec, if = kind > 1, default = 5)]
    d: u8,
    x: Dec,
}

#[test]
fn conditions_say_which_fields_there_are() {
    for text in ["0,0,7", "1,,0,7", "1,2,1,3,7", "2,2,1,3,4,7", "0,1,,", "2,,0,4,"] {
        both::<Conditions>(text);
    }
    sampled::<Conditions>();
    assert_eq!(from_bytes::<Conditions>(b"2,2,1,3,4").unwrap_err().kind(), ErrorKind::Short);
}

/// Lists with a byte between their elements, between other separators.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Lists {
    #[wire(sep = b'|')]
    sensors: Vec<Sensor>,
    #[wire(sep = b'|')]
    pairs: Vec<Level>,
    #[wire(sep = b'|', each(as = dec))]
    analog: [u16; 3],
    #[wire(sep = b' ', each(as = dec, range = 0..=99))]
    numbers: Vec<u16>,
    #[wire(before(n: dec = count(names)), sep = b';', each(as = Ascii))]
    names: Vec<TextBuf>,
    #[wire(sep = b';', each(sep = b'.', each(as = dec)))]
    nested: Vec<Vec<u32>>,
    x: Dec,
    #[wire(sep = b'|', extra)]
    last: Vec<Word>,
}

/// `06FB2E`: which sensor, and hundredths of a degree.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Sensor {
    #[wire(as = hex(2))]
    id: u8,
    #[wire(as = hex(4), scale = 0.01)]
    temperature: i16,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b'=')]
struct Level {
    key: Word,
    value: Dec,
}

#[test]
fn elements_have_a_byte_between_them() {
    let text = "06FB2E|07010A,a=1|b=2|c=,1|20|300,1 2 99,2,ab;c d,1.2;3,7,x|y";
    both::<Lists>(text);
    let value = from_bytes::<Lists>(text.as_bytes()).unwrap().frame;
    assert_eq!(value.sensors[0], Sensor { id: 6, temperature: -1234 });
    assert_eq!(
        json(&value),
        r#"{"sensors":[{"id":6,"temperature":-12.34},{"id":7,"temperature":2.66}],"pairs":[{"key":"a","value":1},{"key":"b","value":2},{"key":"c","value":null}],"analog":[1,20,300],"numbers":[1,2,99],"names":["ab","c d"],"nested":[[1,2],[3]],"x":7,"last":["x","y"]}"#
    );
    let node = json(&value);
    let node = Node::parse(node.as_bytes()).unwrap();
    let again = <Lists as exproto_runtime::codec::Fill>::fill(Some(&node), &AT).unwrap();
    assert_eq!(to_bytes(&again).unwrap(), text.as_bytes());
    for text in [",,0|0|0,,0,,,,", "06FB2E,a=1,1|2|3,5,1,ab,1;2,3,x", "06FB2E,a=1,1|2|3,5,2,;,1;2,3,x|y"] {
        both::<Lists>(text);
    }
    sampled::<Lists>();
    let trailing = from_bytes::<Lists>(format!("{text}|").as_bytes()).unwrap();
    assert!(trailing.flags.has(Flag::Extra));
    assert_eq!(to_bytes(&trailing.frame).unwrap(), text.as_bytes());
    for (wrong, kind, name) in [
        (text.replace("|300", ""), ErrorKind::Short, "analog"),
        (text.replace("|300", "|300|4"), ErrorKind::Trailing, "analog"),
        (text.replace("99", "99 "), ErrorKind::Digits, "numbers"),
        (text.replace(",2,ab", ",3,ab"), ErrorKind::Short, "names"),
        (text.replace(",2,ab", ",1,ab"), ErrorKind::Trailing, "names"),
        (text.replace("06FB2E", "06FB2"), ErrorKind::Short, "temperature"),
    ] {
        let error = from_bytes::<Lists>(wrong.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.field().name), (kind, name), "{wrong}");
    }
    let long = Lists { pairs: vec![Level { key: Word::new(b"a|b").unwrap(), value: 1.into() }], ..value };
    assert_eq!(to_bytes(&long).unwrap_err().kind(), ErrorKind::Custom);
}

/// Words that stand only on the wire.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Order {
    #[wire(before(b"@@"), until = b",", as = Ascii)]
    id: TextBuf,
    #[wire(rest, before(command: Word = tag(body), until = b","), after(b"*"))]
    body: Body,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Sentence {
    #[wire(before(kind: Word = b"GPS"), before(command: Word = tag(body)))]
    x: Dec,
    #[wire(before(version: Word = VERSION))]
    body: Body,
}

const VERSION: u64 = 0x5632;

#[test]
fn words_stand_only_on_the_wire() {
    both::<Order>("@@5,C,60,7*");
    both::<Order>("@@5,A10,*");
    both::<Sentence>("GPS,C,5,V2,60,7");
    both::<Sentence>("GPS,A10,5,V2");
    sampled::<Order>();
    sampled::<Sentence>();
    for (text, kind, name) in [
        ("GPX,C,5,V2,60", ErrorKind::Constant, "kind"),
        ("GPS,C,5,V1,60", ErrorKind::Constant, "version"),
        ("GPS,E,5,V2", ErrorKind::Short, "body"),
    ] {
        let error = from_bytes::<Sentence>(text.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.field().name), (kind, name), "{text}");
    }
}

/// Two's complement in hexadecimal digits.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Signed {
    #[wire(as = hex(4))]
    a: i16,
    #[wire(as = hex(3))]
    b: i16,
    #[wire(as = hex(8, lower))]
    c: i32,
    #[wire(as = hex(2))]
    d: i64,
}

#[test]
fn hexadecimal_digits_have_a_sign() {
    for (text, a, b, c, d) in
        [("FB2EFFFfffffffe80", -1234, -1, -2, -128), ("7FFF7FF000000107F", 32767, 2047, 16, 127)]
    {
        both::<Signed>(text);
        assert_eq!(from_bytes::<Signed>(text.as_bytes()).unwrap().frame, Signed { a, b, c, d });
    }
    let value = Signed { a: 0, b: -2049, c: 0, d: 0 };
    assert_eq!(to_bytes(&value).unwrap_err().kind(), ErrorKind::Overflow);
    assert_eq!(to_bytes(&Signed { b: 0, d: 128, ..value }).unwrap_err().kind(), ErrorKind::Overflow);
    sampled::<Signed>();
}
