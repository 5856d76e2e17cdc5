//! Lists of elements without bytes, random lists of a fixed size, filters of what
//! a login notes.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations)]
#![cfg(all(feature = "derive", feature = "testkit"))]

use exproto_runtime::codec::{List, Random, from_bytes, to_bytes};
use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Nothing {}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Marks<'a> {
    #[wire(count = prefix(u8))]
    marks: List<'a, Nothing>,
}

#[test]
fn a_list_has_as_many_elements_as_it_says() {
    let marks = from_bytes::<Marks<'_>>(&[3]).unwrap().frame;
    assert_eq!((marks.marks.len(), marks.marks.iter().count()), (3, 3));
    assert_eq!(to_bytes(&marks).unwrap(), [3]);
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Pair(u8, u8);

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Lists {
    #[wire(size = 6)]
    pairs: Vec<Pair>,
    #[wire(size = 4)]
    numbers: Vec<u16>,
}

#[test]
fn a_random_list_fills_its_size() {
    let lists: Lists = Random::new(1).make();
    assert_eq!((lists.pairs.len(), lists.numbers.len()), (3, 2));
    assert_eq!(to_bytes(&lists).unwrap().len(), 10);
}

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
#[route(gateway, state = Noted, downlink = envelope)]
struct Message {
    #[wire(before(id: u8 = tag(body)))]
    device: u8,
    body: Told,
}

#[derive(Debug, Default)]
struct Noted {
    group: u8,
}

#[derive(ExProtoFrame, Debug)]
enum Told {
    #[wire(tag = 1)]
    #[route(auth(client_id = "{device}"), with = note, publish("in/{device}", qos = 1))]
    Login { group: u8 },
    #[wire(tag = 0x81)]
    #[route(deliver("down/{state.group}/limit"))]
    Limit { limit: u8 },
}

fn note(frame: &Message, cx: &mut Cx<'_, Noted>, _: &mut Asks<'_>) {
    if let Told::Login { group } = frame.body {
        cx.state.group = group;
    }
}

fn envelope(body: Told, _: &mut Cx<'_, Noted>) -> Message {
    Message { device: 0, body }
}

#[test]
fn filters_are_made_of_what_the_login_notes() {
    let mut device = TestConn::<Message>::new();
    device.send(b"\x7E\x01\x07\x05\x7E");
    let subscriptions: Vec<_> = device.subscriptions().iter().map(|(filter, _)| filter.clone()).collect();
    assert_eq!(
        (device.publishes()[0].topic.as_str(), &subscriptions[..]),
        ("in/7", &["down/5/limit".to_owned()][..])
    );
    // They are asked for before anything is published.
    let order: Vec<_> =
        device.transcript().iter().filter(|line| line.contains("down/5") || line.contains("in/7")).collect();
    assert!(order[0].contains("down/5"), "{order:?}");
}
