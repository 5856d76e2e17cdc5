//! What the connection knows decides the layout of its frames: `ctx` of a
//! frame, given by `#[route(ctx = FUNCTION)]`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use exproto_runtime::codec::{ErrorKind, Item, decode_with, encode_with, explain_with, reencode_with};
use exproto_runtime::prelude::*;
use exproto_runtime::session::{ConnInfo, SessionSettings};
use exproto_runtime::testkit::TestConn;

/// The login tells the version and, from then on, readings are of that
/// version.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
#[wire(endian = big, ctx(version: u8, wide: bool))]
#[route(gateway, state = Known, ctx = known, downlink = envelope)]
struct Message {
    #[wire(before(id: u8 = tag(body)))]
    device: u16,
    #[wire(ctx(version, wide))]
    body: Body,
}

#[derive(Debug, Default)]
struct Known {
    version: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, ctx(version: u8, wide: bool))]
enum Body {
    #[wire(tag = 1)]
    #[route(auth(client_id = "{device}"), with = learn, reply = welcome)]
    Login { version: u8 },
    #[wire(tag = 2)]
    #[route(publish("meters/{client_id}/reading", qos = 1), reply = welcome)]
    Reading {
        value: u8,
        #[wire(if = version >= 2)]
        status: Option<u8>,
        #[wire(if = wide)]
        more: Option<u16>,
    },
    #[wire(tag = 0x81)]
    #[route(sent)]
    Ack {
        #[wire(if = version >= 2)]
        status: Option<u8>,
    },
    #[wire(tag = 0x82)]
    #[route(deliver("meters/{client_id}/limit"))]
    Limit {
        limit: u8,
        #[wire(if = wide)]
        more: Option<u16>,
    },
}

fn known(cx: &Cx<'_, Known>) -> MessageCtx {
    MessageCtx { version: cx.state.version, wide: cx.param("form") == Some("long") }
}

fn learn(frame: &Message, cx: &mut Cx<'_, Known>, _: &mut Asks<'_>) {
    if let Body::Login { version } = frame.body {
        cx.state.version = version;
    }
}

fn welcome(frame: &Message, cx: &mut Cx<'_, Known>, _: &Outcome) -> Message {
    let status = (cx.state.version >= 2).then_some(9);
    Message { device: frame.device, body: Body::Ack { status } }
}

fn envelope(body: Body, _: &mut Cx<'_, Known>) -> Message {
    Message { device: 0, body }
}

fn conn(long: bool) -> TestConn<Message> {
    let mut settings = SessionSettings::default();
    if long {
        settings.params.insert("form".into(), "long".into());
    }
    TestConn::with(ConnInfo::default(), settings)
}

#[test]
fn what_the_login_says_decides_later_frames_and_replies() {
    let mut device = conn(false);
    // Both in one read: the second is read with what the first has said.
    device.send(b"\x7E\x01\x00\x07\x02\x7E\x7E\x02\x00\x07\x20\x30\x7E");
    assert_eq!(device.publishes()[0].text(), r#"{"value":32,"status":48,"more":null}"#);
    assert_eq!(device.sent(), b"\x7E\x81\x00\x07\x09\x7E\x7E\x81\x00\x07\x09\x7E");
    assert_eq!(device.sent_kinds(), ["ack", "ack"]);

    let mut device = conn(false);
    device.send(b"\x7E\x01\x00\x07\x01\x7E").send(b"\x7E\x02\x00\x07\x20\x7E");
    assert_eq!(device.publishes()[0].text(), r#"{"value":32,"status":null,"more":null}"#);
    assert_eq!(device.sent(), b"\x7E\x81\x00\x07\x7E\x7E\x81\x00\x07\x7E");
}

#[test]
fn a_parameter_of_the_listener_decides_too_in_both_directions() {
    let mut device = conn(true);
    device.send_frame(&Message { device: 7, body: Body::Login { version: 1 } });
    device.send_frame(&Message { device: 7, body: Body::Reading { value: 1, status: None, more: Some(2) } });
    assert_eq!(device.publishes()[0].text(), r#"{"value":1,"status":null,"more":2}"#);
    device.take_sent();
    device.message("meters/7/limit", br#"{"limit": 5, "more": 258}"#);
    assert_eq!(device.take_sent(), b"\x7E\x82\x00\x00\x05\x01\x02\x7E");
}

#[test]
fn a_frame_that_waits_keeps_what_it_was_read_with() {
    let mut device = conn(false);
    device.pause();
    // The login changes the version while it waits for the broker; it is
    // decoded a second time with what was known before.
    device.send(b"\x7E\x01\x00\x07\x02\x7E");
    device.acknowledge_next();
    device.send(b"\x7E\x02\x00\x07\x20\x30\x7E");
    while device.waiting() > 0 {
        device.acknowledge_next();
    }
    assert_eq!(device.sent_kinds(), ["ack", "ack"]);
    assert!(device.take_reports().is_empty());
}

#[test]
fn a_wrong_form_is_a_bad_frame() {
    let mut device = conn(false);
    device.send_frame(&Message { device: 7, body: Body::Login { version: 2 } });
    device.send(b"\x7E\x02\x00\x07\x20\x7E");
    assert!(device.publishes().is_empty());
    assert!(device.take_reports()[0].to_string().contains("Reading.status"));
}

#[test]
fn without_a_session_the_context_is_an_argument() {
    let (old, new) = (MessageCtx { version: 1, wide: false }, MessageCtx { version: 2, wide: false });
    let bytes = [2, 0, 7, 0x20, 0x30];
    let received = decode_with::<Message>(&bytes, new).unwrap();
    assert_eq!(received.frame.body, Body::Reading { value: 0x20, status: Some(0x30), more: None });
    assert_eq!(decode_with::<Message>(&bytes, old).unwrap_err().kind(), ErrorKind::Trailing);
    let mut wire = Vec::new();
    encode_with::<Message>(&received.frame, new, &mut wire).unwrap();
    assert_eq!(wire, b"\x7E\x02\x00\x07\x20\x30\x7E");

    let mut deframer = exproto_runtime::codec::Deframer::<Message>::with_ctx(new);
    let (mut input, mut scratch) = (&wire[..], Vec::new());
    let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
    assert!(explain_with::<Message>(&raw, new).failure().is_none());
    assert!(explain_with::<Message>(&raw, old).failure().is_some());
    let mut again = Vec::new();
    reencode_with::<Message>(&received, &raw, new, &mut again).unwrap();
    assert_eq!(again, wire);
}

mod kinds {
    use super::*;

    /// Two kinds of frames, of which one depends on the connection.
    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[frame(one_of)]
    #[wire(ctx(key: u8))]
    #[route(gateway, ctx = key)]
    enum Port<'a> {
        #[frame(first, lead = [b'#'])]
        Hello(Hello<'a>),
        Data(#[wire(ctx(key))] Data<'a>),
    }

    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[frame(start = b"#", end = b"\n", max = 16)]
    #[route(one_of = Port<'_>, auth(client_id = "{name}", keep(name)))]
    struct Hello<'a> {
        #[wire(rest, as = Ascii)]
        name: Text<'a>,
    }

    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[frame(start = b"*", end = b"\n", max = 16, unescaped)]
    #[wire(ctx(key: u8))]
    #[route(one_of = Port<'_>, publish("data/{client_id}"), reply = echo)]
    struct Data<'a> {
        #[wire(if = key == b'k')]
        extra: Option<u8>,
        #[wire(rest)]
        data: &'a [u8],
    }

    fn key(cx: &Cx<'_, ()>) -> PortCtx {
        PortCtx { key: cx.login("name").bytes().next().unwrap_or(0) }
    }

    fn echo<'a>(frame: &Data<'a>, _: &mut Cx<'_, ()>, _: &Outcome) -> Data<'a> {
        Data { extra: frame.extra, data: frame.data }
    }

    #[test]
    fn kinds_take_their_context_from_the_enum() {
        let mut device = TestConn::<Port<'_>>::new();
        device.send(b"#kay\n*1x\n");
        assert_eq!(device.publishes()[0].text(), r#"{"extra":49,"data":"78"}"#);
        assert_eq!(device.sent(), b"*1x\n");
        let mut device = TestConn::<Port<'_>>::new();
        device.send(b"#joe\n*1x\n");
        assert_eq!(device.publishes()[0].text(), r#"{"extra":null,"data":"3178"}"#);
        assert_eq!(device.sent(), b"*1x\n");
    }
}

mod segments {
    use super::*;

    #[derive(ExProtoFrame, Debug)]
    #[frame(
        flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256,
        reassemble(key = (device, tag(body)), index = part.index, total = part.total, into = body)
    )]
    #[wire(endian = big, ctx(long: bool))]
    #[route(gateway, ctx = form)]
    struct Message<'a> {
        #[wire(before(segmented: u8 = present(part)), before(id: u8 = tag(body)))]
        device: u8,
        part: Option<Part>,
        #[wire(opaque = part.is_some(), ctx(long))]
        body: Body<'a>,
    }

    #[derive(ExProtoFrame, Debug, Clone, Copy)]
    struct Part {
        total: u8,
        index: u8,
    }

    #[derive(ExProtoFrame, Debug)]
    #[wire(endian = big, ctx(long: bool))]
    #[route(anonymous)]
    enum Body<'a> {
        #[wire(tag = 1)]
        #[route(publish("devices/{device}/log"))]
        Log {
            #[wire(if = long)]
            level: Option<u8>,
            #[wire(rest, as = Ascii)]
            text: Text<'a>,
        },
        #[wire(other)]
        #[route(ignore)]
        Other {
            #[wire(tag)]
            id: u8,
            #[wire(rest)]
            data: &'a [u8],
        },
    }

    fn form(cx: &Cx<'_, ()>) -> MessageCtx {
        MessageCtx { long: cx.param("form").is_some() }
    }

    #[test]
    fn joined_messages_are_read_with_it() {
        let mut settings = SessionSettings::default();
        settings.params.insert("form".into(), "long".into());
        let mut device = TestConn::<Message<'_>>::with(ConnInfo::default(), settings);
        device.send(b"\x7E\x01\x01\x07\x02\x02lo\x7E").send(b"\x7E\x01\x01\x07\x02\x01\x05hel\x7E");
        assert_eq!(device.publishes()[0].text(), r#"{"level":5,"text":"hello"}"#);
    }
}
