//! One body in several kinds of frames, and frames whose body may be absent.
#![allow(clippy::unwrap_used)]

use exproto_runtime::codec::{ErrorKind, encode};
use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;

/// Two versions of an envelope around the same messages. Only the second has
/// room for all their numbers.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(one_of)]
#[route(gateway, state = Link)]
enum Port {
    Old(Old),
    New(New),
}

#[derive(Debug, Default)]
struct Link {
    new: bool,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 64)]
#[wire(before(b"\xFE"))]
#[route(one_of = Port, shared, downlink = envelope)]
struct Old {
    #[wire(before(length: u8 = size(body)))]
    unit: u8,
    #[wire(before(id: u8 = tag(body)), after(check: u8 = sum(length..)))]
    body: Body,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 64)]
#[wire(endian = big, before(b"\xFD"))]
#[route(one_of = Port, shared, downlink = envelope)]
struct New {
    #[wire(before(length: u8 = size(body)))]
    flags: u8,
    unit: u8,
    #[wire(before(id: u24 = tag(body)), after(check: u8 = sum(length..)))]
    body: Body,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
#[route(frames(Old, New))]
enum Body {
    #[wire(tag = 1)]
    #[route(auth(client_id = "unit-{unit}"), with = note)]
    Hello,
    #[wire(tag = 2)]
    #[route(publish("units/{unit}/{kind}"), reply = answer)]
    Reading { value: u16 },
    #[wire(tag = 300)]
    #[route(publish("units/{client_id}/{number}"))]
    Event { number: u8 },
    #[wire(tag = 4)]
    #[route(deliver("units/{client_id}/set"))]
    Set { value: u8 },
    #[wire(tag = 5)]
    #[route(sent)]
    Taken,
}

/// What the functions have to know of both.
trait Version: Clone {
    const NEW: bool;
    fn with_body(&self, body: Body) -> Self;
}

impl Version for Old {
    const NEW: bool = false;
    fn with_body(&self, body: Body) -> Self {
        Self { body, ..self.clone() }
    }
}

impl Version for New {
    const NEW: bool = true;
    fn with_body(&self, body: Body) -> Self {
        Self { body, ..self.clone() }
    }
}

fn note<F: Version>(_: &F, cx: &mut Cx<'_, Link>, _: &mut Asks<'_>) {
    cx.state.new = F::NEW;
}

fn answer<F: Version>(frame: &F, _: &mut Cx<'_, Link>, _: &Outcome) -> F {
    frame.with_body(Body::Taken)
}

fn envelope(body: Body, cx: &mut Cx<'_, Link>) -> Port {
    match cx.state.new {
        true => Port::New(New { flags: 0, unit: 0, body }),
        false => Port::Old(Old { unit: 0, body }),
    }
}

fn old(unit: u8, body: Body) -> Port {
    Port::Old(Old { unit, body })
}

fn new(unit: u8, body: Body) -> Port {
    Port::New(New { flags: 9, unit, body })
}

#[test]
fn a_body_means_the_same_in_each_frame() {
    let mut device = TestConn::<Port>::new();
    device.send_frame(&old(7, Body::Hello)).send_frame(&new(8, Body::Reading { value: 1 }));
    device.send_frame(&old(9, Body::Reading { value: 2 })).send_frame(&new(8, Body::Event { number: 3 }));
    let topics: Vec<_> = device.publishes().iter().map(|publish| publish.topic.as_str()).collect();
    assert_eq!(topics, ["units/8/reading", "units/9/reading", "units/unit-7/3"]);
    assert_eq!(device.sent(), [0xFD, 0, 9, 8, 0, 0, 5, 22, 0xFE, 0, 9, 5, 14]);
    assert_eq!(device.subscriptions(), [("units/unit-7/set".to_owned(), 0)]);
    device.take_sent();
    assert!(device.message("units/unit-7/set", br#"{"value": 6}"#));
    assert_eq!(device.take_sent(), [0xFE, 1, 0, 4, 6, 11]);

    let mut device = TestConn::<Port>::new();
    device.send_frame(&new(7, Body::Hello));
    assert!(device.message("units/unit-7/set", br#"{"value": 6}"#));
    assert_eq!(device.sent(), [0xFD, 1, 0, 0, 0, 0, 4, 6, 11]);
}

#[test]
fn a_tag_that_does_not_fit_is_of_the_other_frames() {
    let error = encode::<Port>(&old(1, Body::Event { number: 3 }), &mut Vec::new()).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "id"));
    let mut bytes = Vec::new();
    encode::<Port>(&new(1, Body::Event { number: 3 }), &mut bytes).unwrap();
    assert_eq!(bytes, [0xFD, 1, 9, 1, 0, 1, 0x2C, 3, 59]);
}

/// Frames without information are common.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 64)]
#[wire(before(b"\xA0"))]
#[route(gateway, downlink = numbered)]
struct Link2 {
    #[wire(before(length: u8 = size(control..=body)))]
    control: u8,
    #[wire(if = length > 1)]
    body: Option<Information>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8)]
enum Information {
    #[wire(tag = 1)]
    #[route(auth(client_id = "{number}"), reply = Link2 { control: frame.control, body: None })]
    Hello { number: u8 },
    #[wire(tag = 2)]
    #[route(publish("{client_id}/{control}/{kind}"))]
    Reading { value: u8 },
    #[wire(tag = 3)]
    #[route(deliver("{client_id}/set"))]
    Set { value: u8 },
}

fn numbered(body: Information, cx: &mut Cx<'_, ()>) -> Link2 {
    Link2 { control: cx.next_serial(), body: Some(body) }
}

#[test]
fn a_frame_may_have_no_body() {
    let mut device = TestConn::<Link2>::new();
    device.send(&[0xA0, 1, 5, 0xA0, 3, 6, 1, 7, 0xA0, 1, 7, 0xA0, 3, 8, 2, 9]);
    assert_eq!(device.client_id(), "7");
    assert_eq!(device.take_sent(), [0xA0, 1, 6]);
    assert_eq!(device.publishes()[0].topic, "7/8/reading");
    assert_eq!(device.publishes()[0].text(), r#"{"value":9}"#);
    assert!(device.message("7/set", br#"{"value": 6}"#));
    assert_eq!(device.sent(), [0xA0, 3, 0, 3, 6]);
    assert!(device.take_reports().is_empty());
}

/// The same where a tag stands before it.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 64)]
#[wire(before(b"\xA1"))]
#[route(gateway)]
struct Tagged {
    has: u8,
    #[wire(if = has > 0, before(id: u8 = tag(body)), before(length: u8 = size(body)))]
    body: Option<Content>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[route(anonymous, publish("tagged/{kind}"))]
enum Content {
    #[wire(tag = 1)]
    One(u8),
    #[wire(tag = 2)]
    Two,
}

#[test]
fn a_body_with_a_tag_may_be_absent() {
    let mut device = TestConn::<Tagged>::new();
    device.send(&[0xA1, 0, 0xA1, 1, 2, 0, 0xA1, 1, 1, 1, 5]);
    let topics: Vec<_> = device.publishes().iter().map(|publish| publish.topic.as_str()).collect();
    assert_eq!(topics, ["tagged/two", "tagged/one"]);
}
