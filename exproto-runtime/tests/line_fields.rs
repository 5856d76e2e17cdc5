//! Lists, arrays, groups and bodies among the fields of a line: each takes its
//! own number of fields. A value whose size is known may hold separators.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "derive")]

mod derived;

use std::fmt::Debug;

use derived::{filled, json, round};
use exproto_runtime::codec::{
    Dec, Decode, Encode, ErrorKind, Fill, Flag, Value, Wire, Word, from_bytes, to_bytes,
};
use exproto_runtime::prelude::*;

/// Reads `text`, writes the same again, also from its JSON, which is handed back.
/// Whatever it is cut down to is refused or another value that is written the same.
#[track_caller]
fn both<T>(text: &str) -> String
where
    T: for<'a> Decode<'a> + Wire<Ctx = ()> + Encode + Value + for<'f> Fill<'f> + Debug,
{
    let received = from_bytes::<T>(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert!(received.flags.is_empty(), "{text}: {received:?}");
    assert_eq!(String::from_utf8_lossy(&to_bytes(&received.frame).unwrap()), text, "{received:?}");
    let shown = json(&received.frame);
    assert_eq!(to_bytes(&filled::<T>(&shown)).unwrap(), text.as_bytes(), "{shown}");
    for at in 0..text.len() {
        for other in [
            text[..at].to_string(),
            format!("{},{}", &text[..at], &text[at..]),
            text[..at].to_string() + &text[at + 1..],
        ] {
            if let Ok(received) = from_bytes::<T>(other.as_bytes())
                && !received.flags.is_lossy()
            {
                assert_eq!(String::from_utf8_lossy(&to_bytes(&received.frame).unwrap()), other);
            }
        }
    }
    shown
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Group {
    id: Dec,
    #[wire(as = dec)]
    level: Option<u8>,
    #[wire(as = Ascii)]
    name: TextBuf,
}

fn group(id: i64, level: Option<u8>, name: &str) -> Group {
    Group { id: id.into(), level, name: name.into() }
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Lists {
    #[wire(sep = b',')]
    used: [Dec; 3],
    #[wire(before(count: dec = count(groups)), sep = b',')]
    groups: Vec<Group>,
    main: Group,
    #[wire(before(number: dec = count(cells)), sep = b',', each(as = hex(4)))]
    cells: Vec<u16>,
    #[wire(as = Ascii)]
    note: Option<TextBuf>,
}

#[test]
fn each_takes_its_own_number_of_fields() {
    let shown = both::<Lists>("1,,3,2,7,1,a,8,,b,9,2,c,2,00FF,0100,x");
    assert_eq!(
        shown,
        concat!(
            r#"{"used":[1,null,3],"groups":[{"id":7,"level":1,"name":"a"},{"id":8,"level":null,"name":"b"}],"#,
            r#""main":{"id":9,"level":2,"name":"c"},"cells":[255,256],"note":"x"}"#
        )
    );
    // A list without elements has no field, so no separator stands for it.
    let none = both::<Lists>(",,,0,9,2,,0");
    assert_eq!(
        none,
        r#"{"used":[null,null,null],"groups":[],"main":{"id":9,"level":2,"name":""},"cells":[],"note":null}"#
    );
    both::<Lists>(",,,0,9,2,,0,");
    both::<Lists>(",,,1,,,,9,2,,1,0000,,,");
    for short in
        ["1,2,3", "1,2,3,1,7,1", "1,2,3,0,9", "1,2,3,0,9,,x,1", "1,2,3,9,7,1,a,9,2,c,0", "1,2,3,4294967295,1"]
    {
        assert!(from_bytes::<Lists>(short.as_bytes()).is_err(), "{short}");
    }
    round::<Lists>(200);
}

#[test]
fn text_among_other_fields_holds_no_separator() {
    let value = from_bytes::<Lists>(b",,,1,1,,a,9,2,,0").unwrap().frame;
    let groups = vec![group(1, None, "a,b")];
    assert_eq!(to_bytes(&Lists { groups, ..value }).unwrap_err().kind(), ErrorKind::Custom);
    // In the last field of a line that is all of it one may stand.
    assert_eq!(to_bytes(&group(1, None, "a,b")).unwrap(), *b"1,,a,b");
    both::<Group>("1,,a,b");
}

/// As last, with bytes behind it, and as first.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(before(b"$"), sep = b';', after(b"#"))]
struct Ends {
    #[wire(sep = b';', count = 2)]
    first: Vec<Part>,
    #[wire(as = dec)]
    rest: u8,
    #[wire(sep = b';', count = rest)]
    last: Vec<Part>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b';')]
struct Part {
    #[wire(before(b"k"))]
    key: Dec,
    inner: Inner,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(before(b"<"), sep = b';')]
struct Inner {
    #[wire(as = dec)]
    mask: u8,
    #[wire(if = mask & 1 != 0)]
    one: Option<Word>,
    #[wire(if = mask & 2 != 0, sep = b';')]
    two: Option<[Dec; 2]>,
    #[wire(after(b">"))]
    end: Word,
}

#[test]
fn groups_of_varying_length_stand_anywhere() {
    both::<Ends>("$k1;<0;x>;k2;<3;4;5;6;y>;1;k3;<2;;;>#");
    both::<Ends>("$k1;<1;;>;k2;<0;x>;0#");
    for wrong in [
        "$k1;<1;;>;k2;<0;>;1#",
        "$k1;<1;;>;k2;<0;>;0;#",
        "$k1;<1;2;k2;<0;>;0#",
        "$k1;<0;>;k2;<0;>;1;k1;<0;>;#",
    ] {
        assert!(from_bytes::<Ends>(wrong.as_bytes()).is_err(), "{wrong}");
    }
    round::<Ends>(200);
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Message {
    #[wire(before(kind: Word = tag(body)))]
    body: Body,
    time: Dec,
    tail: Option<Dec>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
enum Body {
    #[wire(tag = b"A")]
    Nothing,
    #[wire(tag = b"B")]
    Position { lat: Dec, lon: Dec, at: Place },
    #[wire(tag = b"C")]
    Many {
        #[wire(before(n: dec = count(all)), sep = b',')]
        all: Vec<Group>,
    },
    #[wire(tag = b"D")]
    Fixed(#[wire(sep = b',')] [Word; 2]),
    #[wire(other)]
    Other {
        #[wire(tag)]
        kind: Word,
        #[wire(as = Ascii)]
        field: TextBuf,
    },
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b'|')]
struct Place {
    x: Dec,
    y: Dec,
}

#[test]
fn a_body_stands_before_other_fields() {
    assert_eq!(both::<Message>("A,5"), r#"{"body":"nothing","time":5,"tail":null}"#);
    both::<Message>("A,5,6");
    both::<Message>("B,1,2,3|4,5");
    both::<Message>("C,0,5,6");
    both::<Message>("C,2,1,1,a,2,,b,5");
    both::<Message>("D,x,y,5,6");
    both::<Message>("Q,x,5,6");
    for wrong in ["A", "B,1,2", "B,1,2,3|4", "C,1,1,1,5", "D,x,5"] {
        assert!(from_bytes::<Message>(wrong.as_bytes()).is_err(), "{wrong}");
    }
    round::<Message>(300);
}

/// Only lists, so perhaps no field at all.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',', ctx(n: u8))]
struct Columns {
    #[wire(sep = b',', count = n)]
    a: Vec<Dec>,
    #[wire(sep = b',', count = n)]
    b: Vec<Word>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Table {
    #[wire(as = dec)]
    n: u8,
    #[wire(ctx(n = n))]
    columns: Columns,
    #[wire(sep = b',', until = |it| it.to_f64() == Some(0.0))]
    open: Vec<Dec>,
    #[wire(if = n > 1)]
    more: Option<Group>,
    end: Word,
}

#[test]
fn what_has_no_fields_has_no_separator() {
    both::<Table>("0,0,x");
    both::<Table>("0,5,6,0,x");
    both::<Table>("1,1,a,0,x");
    both::<Table>("2,1,2,a,b,3,0,1,,z,x");
    assert!(from_bytes::<Table>(b"0,,0,x").is_ok_and(|it| it.frame.open.len() == 2));
    assert!(from_bytes::<Table>(b"1,1,0,x").is_err());
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b';')]
struct Sized {
    #[wire(before(n: dec = size(data)), as = Ascii)]
    data: TextBuf,
    #[wire(size = 3)]
    bytes: Vec<u8>,
    pair: [u8; 2],
    #[wire(size = prefix(dec(2)), as = Ascii)]
    list: TextBuf,
    #[wire(size = 4, fill = b' ', as = Ascii)]
    text: Option<TextBuf>,
    end: Dec,
}

#[test]
fn a_known_size_wins_over_the_separator() {
    both::<Sized>("3;abc;abc;xy;031;2;ab  ;5");
    both::<Sized>("5;a;c;;;;a;;;;;035;0; b  ;5");
    both::<Sized>("0;;abc;;;;00;;5");
    for (wrong, kind, field) in [
        ("2;abc;abc;xy;00;;5", ErrorKind::Trailing, "data"),
        ("3;abc;abcd;xy;00;;5", ErrorKind::Trailing, "bytes"),
        ("3;abc;abc;x;00;;5", ErrorKind::Trailing, "pair"),
        ("9;abc;abc", ErrorKind::Short, "data"),
        ("99;abc;abc", ErrorKind::Short, "data"),
    ] {
        let error = from_bytes::<Sized>(wrong.as_bytes()).unwrap_err();
        assert_eq!((error.kind(), error.field().name), (kind, field), "{wrong}");
    }
    round::<Sized>(100);
}

#[test]
fn a_line_without_what_it_has_is_flagged_as_before() {
    // The separator before a last body that is nothing.
    let received = from_bytes::<Command>(b"A,").unwrap();
    assert!(received.flags.has(Flag::Framing));
    both::<Command>("A");
    both::<Command>("B,1,2,3|4");
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Command {
    #[wire(is = tag(body))]
    kind: Word,
    body: Body,
}

/// A line that may end early, with a field at its end that a condition decides.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(before(b"$"), sep = b',', after(b"#"))]
struct Early {
    #[wire(as = dec)]
    mask: u8,
    #[wire(as = dec)]
    a: Option<u8>,
    b: Option<Word>,
    #[wire(if = mask > 0)]
    c: Option<Word>,
    d: Option<Word>,
}

#[test]
fn a_line_ends_early_before_a_field_with_a_condition() {
    both::<Early>("$0,1,x,y#");
    both::<Early>("$1,1,x,y,z#");
    both::<Early>("$1,,,y#");
    both::<Early>("$0,,#");
    for text in ["$0,1#", "$0#", "$0,#"] {
        let received = from_bytes::<Early>(text.as_bytes()).unwrap();
        assert_eq!(received.flags.iter().collect::<Vec<_>>(), [Flag::Missing], "{text}");
        assert_eq!((received.frame.b, received.frame.c), (None, None));
    }
    for wrong in ["$1#", "$1,1#", "$1,1,x#", "$#"] {
        assert!(from_bytes::<Early>(wrong.as_bytes()).is_err(), "{wrong}");
    }
    round::<Early>(100);
}
