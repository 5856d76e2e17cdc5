//! Lines whose end only what follows tells, and what lines say of their fields.
#![allow(clippy::unwrap_used)]
#![cfg(feature = "derive")]

mod derived;

use derived::{filled, json, round};
use exproto_runtime::codec::{Deframer, End, ErrorKind, Item, Word, encode, from_bytes, to_bytes};
use exproto_runtime::prelude::*;

/// A carriage return ends the line unless a line feed follows it.
#[derive(ExProtoFrame, Debug)]
#[frame(find = end_of_line, max = 32)]
struct Line<'a> {
    #[wire(before(b"$"), rest, as = Ascii, after(b"\r"))]
    text: Text<'a>,
}

fn end_of_line(bytes: &[u8], seen: usize) -> End {
    for at in seen..bytes.len() {
        if bytes.get(at) == Some(&b'\r') && bytes.get(at + 1) != Some(&b'\n') {
            return End::Perhaps(at + 1);
        }
    }
    End::Need(1)
}

/// What the chunks hold; an empty one is a pause.
fn found(chunks: &[&[u8]]) -> Vec<String> {
    let (mut deframer, mut scratch, mut found) = (Deframer::<Line<'_>>::new(), Vec::new(), Vec::new());
    let mut show = |item: &Item<'_>| match item {
        Item::Frame(raw) => found.push(raw.decode::<Line<'_>>().unwrap().frame.text.to_str().into_owned()),
        Item::Bad(bad) => found.push(format!("?{}", bad.wire.len())),
    };
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            show(&item);
        }
        if chunk.is_empty() {
            assert_eq!(deframer.may_pause(), deframer.pending().last() == Some(&b'\r'));
            while let Some(item) = deframer.pause(&mut scratch) {
                show(&item);
            }
        }
    }
    while let Some(item) = deframer.finish(&mut scratch) {
        show(&item);
    }
    found
}

#[test]
fn the_next_byte_or_a_pause_decides() {
    let stream = b"$a\r$b\r\nc\r$d\r";
    for at in 1..stream.len() {
        let found = found(&[&stream[..at], &stream[at..]]);
        assert_eq!(found, ["a", "b\r\nc", "d"], "cut at {at}");
    }
    assert_eq!(found(&stream.chunks(1).collect::<Vec<_>>()), ["a", "b\r\nc", "d"]);
    // Before a pause it is the end.
    assert_eq!(found(&[b"$a\r", b"", b"$b\r"]), ["a", "b"]);
    assert_eq!(found(&[b"$a", b"", b"b\r"]), ["ab"]);
    assert_eq!(found(&[b"x$a\r", b"", b"$b\r"]), ["?1", "a", "b"]);
    // The line feed belongs to it as long as there was none.
    assert_eq!(found(&[b"$a\r", b"\nb\r", b""]), ["a\r\nb"]);
    // As long as may be: nothing more can belong to it.
    let long = [b"$".as_slice(), &[b'x'; 30], b"\r"].concat();
    assert_eq!(found(&[&long]), ["x".repeat(30)]);
    let mut out = Vec::new();
    encode::<Line<'_>>(&Line { text: "a".into() }, &mut out).unwrap();
    assert_eq!(out, b"$a\r");
}

/// A word that is too long is that of its field.
#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
struct Words {
    #[wire(before(kind: Word = b"A", until = b":"))]
    first: Word,
    second: Option<Word>,
}

#[test]
fn a_field_has_its_name_in_errors() {
    for (text, field, offset) in
        [(&b"A:Emergency,b"[..], "first", 2), (b"A:a,Emergency", "second", 4), (b"Emergency:a", "kind", 0)]
    {
        let error = from_bytes::<Words>(text).unwrap_err();
        assert_eq!((error.kind(), error.field().name, error.offset()), (ErrorKind::Size, field, offset));
        assert_eq!(error.field().owner, "Words");
    }
}

/// An address that ends with the first byte whose lowest bit is set.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Addressed {
    #[wire(until = |it| it & 1 != 0)]
    address: Vec<u8>,
    #[wire(rest)]
    data: Vec<u8>,
}

#[test]
fn a_byte_may_say_that_it_is_the_last() {
    let it = from_bytes::<Addressed>(&[2, 4, 5, 6, 7]).unwrap().frame;
    assert_eq!(it, Addressed { address: vec![2, 4, 5], data: vec![6, 7] });
    assert_eq!(to_bytes(&it).unwrap(), [2, 4, 5, 6, 7]);
    assert_eq!(json(&it), r#"{"address":"020405","data":"0607"}"#);
    assert_eq!(filled::<Addressed>(&json(&it)), it);
    assert!(from_bytes::<Addressed>(&[2, 4]).is_err());
    assert!(to_bytes(&Addressed { address: vec![2, 5, 5], data: vec![] }).is_err());
    round::<Addressed>(50);
}

#[derive(ExProtoFrame, Debug)]
#[wire(ctx(wide: bool, kind: Kind))]
struct Chosen {
    #[wire(if = wide)]
    value: Option<u8>,
}

/// No `PartialEq`.
#[derive(Debug, Clone, Copy)]
struct Kind;

#[derive(ExProtoFrame, Debug)]
#[wire(ctx(wide: bool, n: u8))]
struct Compared {
    #[wire(if = wide && n > 0)]
    value: Option<u8>,
}

#[test]
fn contexts_are_compared_where_their_fields_are() {
    assert!(CompareAll { wide: true, n: 1 }.same(true, 1));
    let _ = ChosenCtx { wide: true, kind: Kind };
}

struct CompareAll {
    wide: bool,
    n: u8,
}

impl CompareAll {
    fn same(self, wide: bool, n: u8) -> bool {
        ComparedCtx { wide: self.wide, n: self.n } == ComparedCtx { wide, n }
    }
}

#[test]
fn no_text_is_the_default() {
    assert_eq!(Text::default(), *"");
    assert_eq!(TextBuf::default(), TextBuf::from(""));
}
