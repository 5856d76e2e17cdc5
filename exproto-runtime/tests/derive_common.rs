//! What frames have in common: routes that the enum says of all its variants,
//! answers that name what they answer, frames that go in both directions.
#![cfg(all(feature = "derive", feature = "testkit"))]
#![allow(clippy::unwrap_used, reason = "a test")]

use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;

#[derive(ExProtoFrame, Debug, Clone)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256)]
#[wire(endian = big)]
#[route(gateway, downlink = envelope)]
struct Message {
    #[wire(before(id: u8 = tag(body)))]
    imei: u16,
    body: Body,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
#[route(auth(client_id = "t-{imei}", keep(imei)), publish("{imei}/{kind}", qos = 1), reply = acknowledge)]
enum Body {
    #[wire(tag = 1)]
    Position { place: u8 },
    #[wire(tag = 2)]
    #[route(publish("{login.imei}/alarm"), reply = NOTHING)]
    Alarm { code: u8 },
    #[wire(tag = 3)]
    #[route(heartbeat, auth = none, publish = none)]
    Beat,
    #[wire(tag = 4)]
    #[route(ignore)]
    Noise,
    #[wire(tag = 5)]
    #[route(answers(take_picture, reset), publish("{imei}/answer/{request}"), reply = None::<Message>)]
    Executed,
    #[wire(tag = 6)]
    #[route(answers(say), publish("{imei}/said/{request}"), reply = None::<Message>)]
    Said { text: u8 },
    /// Goes in both directions: the device says when it sleeps, and is told so.
    #[wire(tag = 7)]
    #[route(deliver("{client_id}/sleep"), auth(client_id = "t-{imei}", keep(imei)))]
    Sleep { minutes: u8 },
    #[wire(tag = 0x81)]
    #[route(sent)]
    Taken { of: u8 },
    #[wire(tag = 0x82)]
    #[route(deliver("{client_id}/picture", answer))]
    TakePicture,
    #[wire(tag = 0x83)]
    #[route(deliver("{client_id}/reset", answer))]
    Reset,
    #[wire(tag = 0x84)]
    #[route(deliver("{client_id}/say", answer))]
    Say { text: u8 },
}

const NOTHING: Option<Message> = None;

fn acknowledge(frame: &Message, _: &mut Cx<'_, ()>, outcome: &Outcome) -> Option<Message> {
    outcome.pick(Some(Message { imei: frame.imei, body: Body::Taken { of: frame.body.tag() as u8 } }), None)
}

fn envelope(body: Body, cx: &mut Cx<'_, ()>) -> Message {
    Message { imei: cx.login("imei").parse().unwrap(), body }
}

fn send(device: &mut TestConn<Message>, imei: u16, body: Body) {
    device.send_frame(&Message { imei, body });
}

fn topics(device: &TestConn<Message>) -> Vec<&str> {
    device.publishes().iter().map(|publish| publish.topic.as_str()).collect()
}

#[test]
fn any_frame_logs_in_once_and_says_what_all_say() {
    let mut device = TestConn::<Message>::new();
    send(&mut device, 7, Body::Beat);
    assert_eq!((device.client_id(), device.sent_kinds()), ("", vec!["taken"]));
    send(&mut device, 7, Body::Position { place: 1 });
    assert_eq!(device.client_id(), "t-7");
    send(&mut device, 7, Body::Alarm { code: 2 });
    send(&mut device, 7, Body::Noise);
    assert_eq!(topics(&device), ["7/position", "7/alarm"]);
    assert_eq!(device.publishes()[0].qos, 1);
    assert_eq!(device.sent_kinds(), ["taken", "taken"]);
    assert_eq!(device.take_tally().logins, 1);
    // A connection is one device, whichever frame says another.
    send(&mut device, 8, Body::Position { place: 1 });
    assert!(!device.is_open());
}

#[test]
fn an_answer_is_to_the_oldest_of_the_downlinks_it_names() {
    let mut device = TestConn::<Message>::new();
    send(&mut device, 7, Body::Position { place: 1 });
    for (topic, payload) in [("t-7/say", &br#"{"text": 5}"#[..]), ("t-7/reset", b""), ("t-7/picture", b"")] {
        assert!(device.message(topic, payload));
    }
    send(&mut device, 7, Body::Executed);
    send(&mut device, 7, Body::Said { text: 5 });
    send(&mut device, 7, Body::Executed);
    send(&mut device, 7, Body::Executed);
    assert_eq!(
        topics(&device)[1..],
        ["7/answer/reset", "7/said/say", "7/answer/take_picture", "7/answer/none"]
    );
}

#[test]
fn a_frame_logs_in_in_one_direction_and_is_sent_in_the_other() {
    let mut device = TestConn::<Message>::new();
    send(&mut device, 7, Body::Sleep { minutes: 5 });
    assert_eq!(device.client_id(), "t-7");
    device.take_sent();
    assert!(device.message("t-7/sleep", br#"{"minutes": 9}"#));
    assert_eq!(device.sent(), b"\x7E\x07\x00\x07\x09\x7E");
}
