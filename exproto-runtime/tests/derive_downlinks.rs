//! What `downlink` functions make of a body: the frame around it, the same frame
//! with what its payload does not say, another kind of the port's frames.
#![allow(clippy::unwrap_used)]

use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;

/// Binary reports and commands as text on one port.
#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway)]
enum Port {
    Report(Report),
    Line(Line),
    #[frame(sent)]
    Numbered(Numbered),
}

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
#[route(one_of = Port, downlink = text)]
struct Report {
    #[wire(before(id: u8 = tag(body)))]
    device: u8,
    body: Body,
}

#[derive(ExProtoFrame, Debug)]
enum Body {
    #[wire(tag = 1)]
    #[route(auth(client_id = "{device}"))]
    Login,
    #[wire(tag = 0x81)]
    #[route(deliver("to/{client_id}/light", answer))]
    Light { level: u8 },
    #[wire(tag = 0x82)]
    #[route(deliver("to/{client_id}/binary"))]
    Binary { level: u8 },
}

/// A command, and the answer to one.
#[derive(ExProtoFrame, Debug)]
#[frame(start = b"*", end = b"#", max = 64)]
#[route(one_of = Port, answers, publish("from/{client_id}/{request}", payload = text))]
struct Line {
    #[wire(rest, as = Ascii)]
    text: TextBuf,
}

/// The gateway numbers what the payload does not.
#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(before(b"N"))]
#[route(one_of = Port, deliver("to/{client_id}/numbered"), downlink = number)]
struct Numbered {
    #[wire(range = 0..=9)]
    number: u8,
    level: u8,
}

fn text(body: Body, _: &mut Cx<'_, ()>) -> Port {
    match body {
        Body::Light { level } => Port::Line(Line { text: format!("LIGHT,{level}").as_str().into() }),
        body => Port::Report(Report { device: 0, body }),
    }
}

fn number(frame: Numbered, cx: &mut Cx<'_, ()>) -> Numbered {
    Numbered { number: cx.next_serial(), ..frame }
}

#[test]
fn a_message_may_go_out_as_another_kind_of_frame() {
    let mut device = TestConn::<Port>::new();
    device.send(b"\x7E\x01\x07\x7E");
    assert!(device.message("to/7/light", br#"{"level": 40}"#));
    assert_eq!(device.take_sent(), b"*LIGHT,40#");
    assert!(device.message("to/7/binary", br#"{"level": 40}"#));
    assert_eq!(device.take_sent(), b"\x7E\x82\0\x28\x7E");
    // The answer is that to the message, whatever it went out as.
    device.send(b"*OK#");
    assert_eq!(device.publishes()[0].topic, "from/7/light");
    assert_eq!(device.publishes()[0].text(), "OK");
}

#[test]
fn a_frame_without_a_body_is_completed() {
    let mut device = TestConn::<Port>::new();
    device.send(b"\x7E\x01\x07\x7E");
    for number in 0..2 {
        device.message("to/7/numbered", br#"{"number": 9, "level": 3}"#);
        assert_eq!(device.take_sent(), [b'N', number, 3]);
    }
}
