//! Pairs of names and values in text, as objects.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used)]

use exproto_runtime::codec::{FieldInfo, Fill, Node, from_bytes, to_bytes, to_json};
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Line {
    #[wire(as = Ascii)]
    id: TextBuf,
    #[wire(sep = b';', map)]
    values: Vec<Pair>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b'=', key = "x.{name}")]
struct Pair {
    #[wire(as = Ascii)]
    name: TextBuf,
    #[wire(as = Ascii)]
    value: TextBuf,
}

static AT: FieldInfo = FieldInfo::new("", "line");

#[test]
fn pairs_keep_their_order_and_come_back() {
    let bytes = b"7,b=1;a=x y;b=2;c#2=3;=4;b=5";
    let line = from_bytes::<Line>(bytes).unwrap().frame;
    assert_eq!(to_bytes(&line).unwrap(), bytes);
    let mut json = Vec::new();
    to_json(&line, &mut json);
    assert_eq!(
        String::from_utf8_lossy(&json),
        r#"{"id":"7","values":{"x.b":"1","x.a":"x y","x.b#2":"2","x.c#2#1":"3","x.":"4","x.b#3":"5"}}"#
    );
    let node = Node::parse(&json).unwrap();
    let filled = Line::fill(Some(&node), &AT).unwrap();
    assert_eq!(to_bytes(&filled).unwrap(), bytes);
    let node = Node::parse(br#"{"id":"7","values":{"y":"1"}}"#).unwrap();
    let error = Line::fill(Some(&node), &AT).unwrap_err();
    assert_eq!(error.to_string(), "values.y: no such element; there are: x.{name}");
}
