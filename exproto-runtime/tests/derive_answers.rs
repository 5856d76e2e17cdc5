//! Answers that echo text, bytes or several fields of a downlink.
#![allow(clippy::unwrap_used)]

use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 128)]
#[wire(endian = big)]
#[route(gateway, downlink = envelope)]
struct Message<'a> {
    #[wire(before(id: u8 = tag(body)))]
    unit: u8,
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
enum Body<'a> {
    #[wire(tag = 1)]
    #[route(auth(client_id = "{unit}"))]
    Login,
    #[wire(tag = 2)]
    #[route(answers = id, publish("up/{unit}/{request}"))]
    Named {
        #[wire(size = prefix(u8), as = Ascii)]
        id: Text<'a>,
    },
    #[wire(tag = 3)]
    #[route(answers = (unit, step, by), publish("up/{unit}/{request}"))]
    Step {
        step: u16,
        #[wire(size = 2)]
        by: &'a [u8],
    },
    #[wire(tag = 4)]
    #[route(answers = id, publish("up/{unit}/{request}"))]
    Digits { id: u32 },
    #[wire(tag = 0x82)]
    #[route(deliver("name", answer = id))]
    Name {
        #[wire(size = prefix(u8), as = Ascii)]
        id: Text<'a>,
        level: u8,
    },
    #[wire(tag = 0x83)]
    #[route(deliver("go", answer = (unit, step, by)))]
    Go {
        step: u16,
        #[wire(size = 2)]
        by: &'a [u8],
    },
    #[wire(tag = 0x84)]
    #[route(deliver("maybe", answer = id))]
    Maybe {
        #[wire(if = left > 0)]
        id: Option<u8>,
    },
}

fn envelope<'a>(body: Body<'a>, _: &mut Cx<'_, ()>) -> Message<'a> {
    Message { unit: 7, body }
}

fn device() -> TestConn<Message<'static>> {
    let mut device = TestConn::<Message<'_>>::new();
    device.send(b"\x7E\x01\x07\x7E");
    device
}

fn topics(device: &TestConn<Message<'static>>) -> Vec<String> {
    device.publishes().iter().map(|publish| publish.topic.clone()).collect()
}

#[test]
fn an_answer_echoes_text() {
    let mut device = device();
    device.message("name", br#"{"id": "a-1", "level": 1}"#);
    device.message("name", br#"{"id": "17", "level": 1}"#);
    device.send_frame(&Message { unit: 7, body: Body::Named { id: "a-2".into() } });
    device.send_frame(&Message { unit: 7, body: Body::Named { id: "a-1".into() } });
    device.send_frame(&Message { unit: 7, body: Body::Named { id: "a-1".into() } });
    // As a number, and not again.
    device.send_frame(&Message { unit: 7, body: Body::Digits { id: 17 } });
    device.send_frame(&Message { unit: 7, body: Body::Named { id: "17".into() } });
    assert_eq!(topics(&device), ["up/7/none", "up/7/name", "up/7/none", "up/7/name", "up/7/none"]);
}

#[test]
fn an_answer_echoes_several_fields() {
    let mut device = device();
    device.message("go", br#"{"step": 5, "by": "0102"}"#);
    let step = |unit, step, by| Message { unit, body: Body::Step { step, by } };
    device.send_frame(&step(8, 5, &[1, 2])).send_frame(&step(7, 6, &[1, 2])).send_frame(&step(7, 5, &[2, 1]));
    device.send_frame(&step(7, 5, &[1, 2]));
    assert_eq!(topics(&device), ["up/8/none", "up/7/none", "up/7/none", "up/7/go"]);
}

#[test]
fn nothing_is_echoed_of_no_value() {
    let mut device = device();
    device.message("maybe", b"{}");
    device.message("maybe", br#"{"id": 4}"#);
    device.send_frame(&Message { unit: 7, body: Body::Digits { id: 0 } });
    device.send_frame(&Message { unit: 7, body: Body::Digits { id: 4 } });
    assert_eq!(topics(&device), ["up/7/none", "up/7/maybe"]);
}
