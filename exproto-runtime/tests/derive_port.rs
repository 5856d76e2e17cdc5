//! A gateway of several kinds of frames: text and binary, with and without a
//! body, a hello, one-byte frames and a frame that is only ever sent.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(all(feature = "derive", feature = "session"))]

use std::sync::Arc;

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Ascii, Text};
use exproto_runtime::session::{
    Action, ConnInfo, Cx, Event, Now, Out, Outcome, Session, SessionSettings, Ticket,
};

/// What is kept of a connection.
#[derive(Debug, Default)]
pub struct Seen {
    pings: u32,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(one_of, skip = b"\r\n")]
#[route(gateway, state = Seen)]
pub enum Port<'a> {
    #[frame(first, lead = [0x00, 0x01..=0xFF])]
    Hello(Hello<'a>),
    Data(Data<'a>),
    Report(Report<'a>),
    Ping(Ping),
    #[frame(sent)]
    Welcome(Welcome),
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Port<'_>, auth(client_id = "{imei}"), reply = welcome)]
pub struct Hello<'a> {
    #[wire(size = prefix(u16), as = Ascii)]
    pub imei: Text<'a>,
}

/// Binary, with a body that a tag selects.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Port<'_>, downlink = envelope)]
pub struct Data<'a> {
    #[wire(before(b"DD"))]
    #[wire(before(id: u8 = tag(body)), before(len: u8 = size(body)))]
    pub serial: u8,
    #[wire(after(check: u8 = xor(id..)))]
    pub body: Body<'a>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
#[route(login_elsewhere)]
pub enum Body<'a> {
    #[wire(tag = 1)]
    #[route(publish("port/{client_id}/{serial}/speed", qos = 1), reply = echo)]
    Speed { value: u16 },
    #[wire(tag = 2)]
    #[route(deliver("port/{client_id}/command"))]
    Command { code: u8 },
    #[wire(tag = 3)]
    #[route(sent)]
    Ack,
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// Text.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(start = b"*", end = b"#", max = 64)]
#[route(one_of = Port<'_>, publish("port/{client_id}/{kind}"))]
pub struct Report<'a> {
    #[wire(rest, as = Ascii)]
    pub text: Text<'a>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(before(b"\xFF"))]
#[route(one_of = Port<'_>, heartbeat, reply = count)]
pub struct Ping {}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[route(one_of = Port<'_>, sent)]
pub struct Welcome {
    pub accepted: u8,
}

fn welcome(_: &Hello<'_>, _: &mut Cx<'_, Seen>, outcome: &Outcome) -> Port<'static> {
    Port::Welcome(Welcome { accepted: outcome.pick(1, 0) })
}

fn echo<'a>(frame: &Data<'a>, _: &mut Cx<'_, Seen>, _: &Outcome) -> Data<'a> {
    Data { serial: frame.serial, body: Body::Ack }
}

fn count(_: &Ping, cx: &mut Cx<'_, Seen>, _: &Outcome) {
    cx.state.pings += 1;
}

fn envelope<'a>(body: Body<'a>, _: &mut Cx<'_, Seen>) -> Data<'a> {
    Data { serial: 0, body }
}

/// What the session did, one line each.
fn run(chunks: &[&[u8]]) -> (Vec<String>, Session<Port<'static>>) {
    let address = "127.0.0.1:1".parse().unwrap();
    let info = ConnInfo { peer: address, local: address, listener: "port".into(), ..ConnInfo::default() };
    let mut session = Session::<Port<'_>>::new(info, Arc::new(SessionSettings::default()));
    let (mut log, mut scratch) = (Vec::new(), Vec::new());
    let mut events: Vec<Event<'_>> = vec![Event::Connected];
    events.extend(chunks.iter().map(|chunk| Event::Bytes(chunk)));
    events.push(Event::Message { topic: "port/123/command", payload: b"{\"code\":7}" });
    for event in events {
        let mut done: Vec<Ticket> = Vec::new();
        let mut next = Some(event);
        while let Some(event) = next.take() {
            let mut out = Out::new();
            session.on(Now::default(), event, &mut scratch, &mut out);
            let (actions, bytes) = out.parts();
            let text = |range: core::ops::Range<usize>| String::from_utf8(bytes[range].to_vec()).unwrap();
            for action in actions {
                match action {
                    Action::Send(range) => log.push(format!("send {:02x?}", &bytes[range])),
                    Action::Authenticate(ticket, credentials) => {
                        log.push(format!("login {}", credentials.client_id));
                        done.push(ticket);
                    }
                    Action::Publish { ticket, topic, payload, .. } => {
                        log.push(format!("publish {} {}", text(topic), text(payload)));
                        done.push(ticket);
                    }
                    Action::Subscribe { ticket, filter, .. } => {
                        log.push(format!("subscribe {}", text(filter)));
                        done.push(ticket);
                    }
                    Action::Close(reason) => log.push(format!("close {reason:?}")),
                    _ => {}
                }
            }
            next = done.pop().map(|ticket| Event::Completed(ticket, Outcome::Done));
        }
    }
    (log, session)
}

#[test]
fn every_kind_of_frame_has_its_routes() {
    let stream = [
        &b"\x00\x03123"[..],
        b"*hello#\r\n",
        b"DD\x01\x02\x09\x00\x50\x5A",
        b"\xFF",
        b"DD\x07\x01\x09x\x77",
        b"*bye#",
    ]
    .concat();
    let (whole, session) = run(&[&stream]);
    assert_eq!(
        whole,
        [
            "login 123",
            "subscribe port/123/command",
            "send [01]",
            "publish port/123/report {\"text\":\"hello\"}",
            "publish port/123/9/speed {\"value\":80}",
            "send [44, 44, 03, 00, 09, 0a]",
            "publish port/123/report {\"text\":\"bye\"}",
            "send [44, 44, 02, 01, 00, 07, 04]",
        ]
    );
    assert_eq!((session.client_id(), session.state().pings), ("123", 1));
    for at in 1..stream.len() {
        let (front, back) = stream.split_at(at);
        assert_eq!(run(&[front, back]).0, whole, "cut at {at}");
    }
    assert_eq!(run(&stream.chunks(1).collect::<Vec<_>>()).0, whole);
}

#[test]
fn frames_before_the_login_and_frames_that_are_only_sent_are_refused() {
    let (log, mut session) = run(&[b"*hello#"]);
    assert!(log.is_empty(), "{log:?}");
    assert_eq!(session.take_tally().refused, 1);
}

/// A gateway whose frame has no body: all frames are of one kind.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(line, max = 64)]
#[route(gateway, anonymous, publish("lines/{peer}"))]
pub struct Line<'a> {
    #[wire(rest, as = Ascii)]
    pub text: Text<'a>,
}

#[test]
fn a_flat_frame_is_a_gateway() {
    fn gateway<G: exproto_runtime::session::Gateway>() -> bool {
        G::ANONYMOUS
    }
    assert!(gateway::<Line<'_>>());
}
