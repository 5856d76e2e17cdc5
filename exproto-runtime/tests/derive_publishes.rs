//! What is published only sometimes, and topics of what may be absent.
#![allow(clippy::unwrap_used)]

use exproto_runtime::codec::List;
use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;

#[derive(ExProtoFrame, Debug, Clone)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
#[wire(endian = big)]
#[route(gateway, state = u8, downlink = bare)]
struct Message<'a> {
    #[wire(before(id: u8 = tag(body)))]
    device: u8,
    body: Body<'a>,
}

fn bare<'a>(body: Body<'a>, _: &mut Cx<'_, u8>) -> Message<'a> {
    Message { device: 0, body }
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
#[route(anonymous)]
enum Body<'a> {
    /// The same both ways; what the device says means nothing.
    #[wire(tag = 1)]
    #[route(deliver("set"), ignore)]
    Set { value: u8 },
    #[wire(tag = 2)]
    #[route(publish("report"), publish("alarm/{alarm}", qos = 1, if = alarm & 0x80 != 0 && frame.device > 1))]
    #[route(publish("known", payload = alarm, if = *cx.state > 0))]
    Report { alarm: u8, value: u16 },
    #[wire(tag = 3)]
    #[route(publish("items/{item.id}", each = items, if = item.valid && item.id != skip))]
    Items {
        skip: u8,
        #[wire(rest)]
        items: List<'a, Item>,
    },
    #[wire(tag = 4)]
    #[route(publish("groups/{info.group.number:03}/{info.group.mode.kind}/{info.group.area|none}"))]
    Grouped { info: Info },
    #[wire(tag = 5)]
    #[route(publish("table", if = WIDTHS[value as usize] > 1))]
    Table { value: u8 },
    #[wire(tag = 6)]
    #[route(subscribe("set"))]
    Listen,
}

static WIDTHS: [u8; 2] = [1, 2];

#[derive(ExProtoFrame, Debug, Clone)]
struct Item {
    #[wire(bits = 1)]
    valid: bool,
    #[wire(bits = 7)]
    id: u8,
}

#[derive(ExProtoFrame, Debug, Clone)]
struct Info {
    #[wire(before(has: u8 = present(group)))]
    group: Option<Group>,
}

#[derive(ExProtoFrame, Debug, Clone)]
struct Group {
    number: u8,
    mode: Mode,
    #[wire(if = left > 0)]
    area: Option<u8>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(tag = u8)]
enum Mode {
    #[wire(tag = 1)]
    Auto,
    #[wire(other)]
    Other(u8),
}

fn topics(bytes: &[&[u8]]) -> (Vec<String>, u64) {
    let mut device = TestConn::<Message<'static>>::new();
    for payload in bytes {
        device.send(&[b"\x7E", *payload, b"\x7E"].concat());
    }
    let topics = device.publishes().iter().map(|publish| publish.topic.clone()).collect();
    (topics, device.take_tally().refused)
}

#[test]
fn a_condition_leaves_out_what_it_does_not_hold_for() {
    let (topics, _) = topics(&[&[2, 1, 0x81, 0, 1], &[2, 2, 0x81, 0, 1], &[2, 2, 1, 0, 1]]);
    assert_eq!(topics, ["report", "report", "alarm/129", "report"]);
}

#[test]
fn a_condition_chooses_elements() {
    let (topics, _) = topics(&[&[3, 1, 9, 0x85, 0x06, 0x87, 0x89, 0x81]]);
    assert_eq!(topics, ["items/5", "items/7", "items/1"]);
}

#[test]
fn an_element_that_is_not_there_refuses_the_frame() {
    assert_eq!(topics(&[&[5, 1, 0], &[5, 1, 1], &[5, 1, 9]]), (vec!["table".to_owned()], 1));
}

#[test]
fn paths_lead_through_what_may_be_absent() {
    let frames: &[&[u8]] = &[&[4, 1, 1, 7, 1, 3], &[4, 1, 1, 7, 9], &[4, 1, 0]];
    let (topics, refused) = topics(frames);
    assert_eq!(topics, ["groups/007/auto/3", "groups/007/other/none"]);
    assert_eq!(refused, 1);
}

#[test]
fn what_is_delivered_may_mean_nothing_from_the_device() {
    let mut device = TestConn::<Message<'static>>::new();
    device.send(b"\x7E\x06\x01\x7E\x7E\x01\x01\x05\x7E");
    assert!(device.publishes().is_empty() && device.take_reports().is_empty());
    assert!(device.message("set", br#"{"value": 6}"#));
    assert_eq!(device.sent(), b"\x7E\x01\x00\x06\x7E");
}
