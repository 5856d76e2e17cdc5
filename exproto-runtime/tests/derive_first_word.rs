//! Gateways that speak before the device does, and functions that end a
//! connection.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use exproto_runtime::prelude::*;
use exproto_runtime::session::CloseReason;
use exproto_runtime::testkit::TestConn;

/// A controlled station: it sends nothing until it is started, numbers what it
/// sends, and is tested when it is silent.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
#[wire(endian = big)]
#[route(gateway, state = Link, downlink = bare, poll(next, before_login))]
struct Message {
    #[wire(before(id: u8 = tag(body)))]
    body: Body,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
enum Body {
    #[wire(tag = 1)]
    #[route(public, with = started)]
    Started,
    #[wire(tag = 2)]
    #[route(auth(client_id = "{station}"), reply = confirm)]
    Name { station: u16 },
    #[wire(tag = 3)]
    #[route(publish("stations/{client_id}/{number}", qos = 1), with = numbered, reply = confirm)]
    Value { number: u8 },
    #[wire(tag = 4)]
    #[route(heartbeat)]
    Alive,
    #[wire(tag = 0x81)]
    #[route(sent)]
    Start,
    #[wire(tag = 0x82)]
    #[route(sent)]
    Confirm { number: u8 },
    #[wire(tag = 0x84)]
    #[route(sent)]
    Test,
    #[wire(tag = 0x85)]
    #[route(deliver("stations/{client_id}/set"))]
    Set { value: u8 },
}

#[derive(Debug, Default)]
struct Link {
    start_sent: bool,
    expected: u8,
    heard: u64,
}

const SILENCE: u64 = 20_000;

fn next(cx: &mut Cx<'_, Link>) -> Next<Message> {
    if !cx.state.start_sent {
        cx.state.start_sent = true;
        cx.state.heard = cx.clock;
        return Next::Tell(Message { body: Body::Start });
    }
    let due = cx.state.heard + SILENCE;
    if cx.clock < due {
        return Next::In(Duration::from_millis(due - cx.clock));
    }
    cx.state.heard = cx.clock;
    Next::Tell(Message { body: Body::Test })
}

fn bare(body: Body, cx: &mut Cx<'_, Link>) -> Message {
    if body == (Body::Set { value: 0 }) {
        cx.close("zero is not set");
    }
    Message { body }
}

fn started(_: &Message, cx: &mut Cx<'_, Link>, _: &mut Asks<'_>) {
    cx.state.heard = cx.clock;
}

fn numbered(frame: &Message, cx: &mut Cx<'_, Link>, _: &mut Asks<'_>) {
    cx.state.heard = cx.clock;
    if let Body::Value { number } = frame.body {
        if number != cx.state.expected {
            cx.close(format!("{number} came instead of {}", cx.state.expected));
        }
        cx.state.expected = number.wrapping_add(1);
    }
}

fn confirm(frame: &Message, cx: &mut Cx<'_, Link>, _: &Outcome) -> Message {
    let number = match frame.body {
        Body::Value { number } => number,
        _ => 0,
    };
    if number == 9 {
        cx.close("enough");
    }
    Message { body: Body::Confirm { number } }
}

fn station() -> TestConn<Message> {
    let mut station = TestConn::<Message>::new();
    assert_eq!(station.take_sent(), [0x7E, 0x81, 0x7E], "before anything came");
    station.send(&[0x7E, 1, 0x7E, 2, 0, 7, 0x7E]);
    assert_eq!(station.client_id(), "7");
    assert_eq!(station.take_sent(), [0x7E, 0x82, 0, 0x7E]);
    station
}

#[test]
fn the_gateway_speaks_first_and_again_in_silence() {
    let mut station = station();
    station.advance(Duration::from_millis(SILENCE - 1));
    assert!(station.take_sent().is_empty());
    station.advance(Duration::from_millis(1));
    assert_eq!(station.take_sent(), [0x7E, 0x84, 0x7E]);
}

#[test]
fn a_function_ends_the_connection_after_the_reply() {
    let mut station = station();
    // The frame behind the one that is out of order is not looked at.
    station.send(&[0x7E, 3, 0, 0x7E, 3, 2, 0x7E, 3, 3, 0x7E]);
    assert_eq!(station.take_sent(), [0x7E, 0x82, 0, 0x7E, 0x7E, 0x82, 2, 0x7E]);
    let topics: Vec<_> = station.publishes().iter().map(|publish| publish.topic.clone()).collect();
    assert_eq!(topics, ["stations/7/0", "stations/7/2"]);
    assert_eq!(station.closed(), Some(&CloseReason::User("2 came instead of 1".into())));
}

#[test]
fn replies_and_downlinks_end_it_too() {
    let mut first = station();
    first.send(&[0x7E, 3, 9, 0x7E]);
    assert_eq!(first.take_sent(), [0x7E, 0x82, 9, 0x7E]);
    // `with` was called before the reply, and the first reason counts.
    assert_eq!(first.closed(), Some(&CloseReason::User("9 came instead of 0".into())));

    let mut second = station();
    second.deliver("stations/7/set", br#"{"value":0}"#);
    assert_eq!(second.take_sent(), [0x7E, 0x85, 0, 0x7E]);
    assert_eq!(second.closed(), Some(&CloseReason::User("zero is not set".into())));
}
