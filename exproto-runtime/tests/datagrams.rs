//! Sessions over UDP: a frame ends with its datagram.
#![cfg(all(feature = "derive", feature = "testkit"))]
#![allow(missing_docs, clippy::unwrap_used)]

use std::sync::Arc;

use exproto_runtime::prelude::*;
use exproto_runtime::session::{
    Action, ConnInfo, Event, Now, Out, Outcome, Session, SessionSettings, Ticket, Transport,
};
use exproto_runtime::testkit::TestConn;

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway)]
enum Port<'a> {
    #[frame(followed)]
    Short(Short),
    Long(Long),
    Text(TextFrame<'a>),
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[route(one_of = Port<'_>, anonymous, publish("short/{value}", qos = 1))]
struct Short {
    #[wire(before(b"$"))]
    value: u8,
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[route(one_of = Port<'_>, anonymous, publish("long/{0}"))]
struct Long(#[wire(before(b"$"))] Pair);

#[derive(ExProtoFrame, Debug)]
struct Pair {
    a: u8,
    b: u8,
}

impl TopicValue for Pair {
    fn put(&self, out: &mut String) {
        out.push_str(&format!("{}-{}", self.a, self.b));
    }
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[route(one_of = Port<'_>, anonymous, publish("text", payload = text))]
struct TextFrame<'a> {
    #[wire(before(b"T"), size = prefix(u8), as = Ascii)]
    text: Text<'a>,
}

fn by(transport: Transport) -> TestConn<Port<'static>> {
    let info = ConnInfo { transport, ..ConnInfo::default() };
    TestConn::with(info, SessionSettings::default())
}

fn topics(device: &TestConn<Port<'static>>) -> Vec<String> {
    device.publishes().iter().map(|publish| publish.topic.clone()).collect()
}

#[test]
fn a_frame_that_what_follows_tells_ends_with_its_datagram() {
    for (transport, seen) in [
        (Transport::Tcp, &[][..]),
        (Transport::Tls, &[]),
        (Transport::Udp, &["short/5"]),
        (Transport::Dtls, &["short/5"]),
    ] {
        let mut device = by(transport);
        device.send(b"$\x05");
        assert_eq!(topics(&device), seen, "{transport:?}");
        assert_eq!(transport.is_datagram(), !seen.is_empty());
    }
    let mut device = by(Transport::Udp);
    device.send(b"$\x01$\x02\x03").send(b"$\x04$\x05T\x02hi");
    assert_eq!(topics(&device), ["short/1", "long/2-3", "short/4", "short/5", "text"]);
    assert!(device.take_reports().is_empty());
}

#[test]
fn what_is_not_whole_in_a_datagram_is_not_joined_with_the_next() {
    let mut device = by(Transport::Udp);
    device.send(b"T\x05he").send(b"llo").send(b"T\x02ok");
    assert_eq!(device.publishes().len(), 1);
    assert_eq!(device.publishes()[0].text(), "ok");
    assert_eq!(device.take_tally().bad_frames, 2);
    let mut device = by(Transport::Tcp);
    device.send(b"T\x05he").send(b"llo").send(b"T\x02ok");
    assert_eq!(device.publishes()[0].text(), "hello");
}

/// A frame whose layout alone ends it: what is wrong leaves no way on.
#[derive(ExProtoFrame, Debug)]
#[frame(resync = close)]
#[route(gateway, anonymous, publish("item/{value}"))]
struct Strict {
    #[wire(before(b"S"))]
    value: u8,
}

#[test]
fn a_datagram_that_cannot_be_read_costs_no_other() {
    let info = ConnInfo { transport: Transport::Udp, ..ConnInfo::default() };
    let mut device = TestConn::<Strict>::with(info, SessionSettings::default());
    device.send(b"S\x01?S\x02").send(b"S\x03");
    assert!(device.is_open());
    let topics: Vec<_> = device.publishes().iter().map(|publish| publish.topic.as_str()).collect();
    assert_eq!((topics.first(), topics.last()), (Some(&"item/1"), Some(&"item/3")));
    let mut device = TestConn::<Strict>::new();
    device.send(b"S\x01?S\x02").send(b"S\x03");
    assert!(!device.is_open());
}

/// The session alone: what a driver gives it that cannot stop reading.
struct Bare {
    session: Session<Port<'static>>,
    scratch: Vec<u8>,
    tickets: Vec<Ticket>,
    topics: Vec<String>,
    closed: bool,
}

impl Bare {
    fn new(stash: usize) -> Self {
        let info = ConnInfo { transport: Transport::Udp, ..ConnInfo::default() };
        let mut settings = SessionSettings::default();
        settings.stash = stash;
        let session = Session::new(info, Arc::new(settings));
        Self { session, scratch: Vec::new(), tickets: Vec::new(), topics: Vec::new(), closed: false }
    }

    fn on(&mut self, event: Event<'_>) {
        let mut out = Out::new();
        self.session.on(Now::default(), event, &mut self.scratch, &mut out);
        for action in out.actions() {
            match action {
                Action::Publish { ticket, topic, .. } => {
                    self.tickets.push(*ticket);
                    self.topics.push(out.text(topic).to_owned());
                }
                Action::Close(_) => self.closed = true,
                _ => {}
            }
        }
    }

    fn acknowledge(&mut self) {
        for ticket in std::mem::take(&mut self.tickets) {
            self.on(Event::Completed(ticket, Outcome::Done));
        }
    }
}

#[test]
fn datagrams_that_come_while_a_frame_waits_stay_apart() {
    let mut bare = Bare::new(1024);
    bare.on(Event::Connected);
    // The first waits; half a frame ends the second, and the third begins like
    // the rest of it.
    for datagram in [&b"$\x01$\x02"[..], b"$\x03$", b"\x04$", b"$\x05"] {
        bare.on(Event::Bytes(datagram));
    }
    assert_eq!(bare.topics, ["short/1"]);
    for _ in 0..8 {
        bare.acknowledge();
    }
    assert_eq!(bare.topics, ["short/1", "short/2", "short/3", "short/5"]);
    assert!(bare.session.wants_bytes() && !bare.closed);

    let mut bare = Bare::new(69);
    bare.on(Event::Connected);
    for _ in 0..3 {
        bare.on(Event::Bytes(b"$\x01"));
    }
    assert!(!bare.closed);
    bare.on(Event::Bytes(b"$\x01"));
    assert!(bare.closed, "each costs more than its bytes");
}
