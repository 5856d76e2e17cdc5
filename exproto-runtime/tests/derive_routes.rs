//! Routes that go beyond one topic and one reply: clocks, answers without a
//! number, several replies, heartbeats that publish, what a login leaves.
#![cfg(all(feature = "derive", feature = "testkit"))]
#![allow(clippy::unwrap_used, reason = "a test")]

use core::time::Duration;

use exproto_runtime::codec::{BcdTime, List};
use exproto_runtime::prelude::*;
use exproto_runtime::session::{ConnInfo, SessionSettings};
use exproto_runtime::testkit::TestConn;

#[derive(ExProtoFrame, Debug, Clone)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256)]
#[wire(endian = big)]
#[route(gateway, state = Kept, downlink = envelope)]
struct Message<'a> {
    #[wire(before(id: u8 = tag(body)))]
    head: Head,
    #[wire(rest)]
    body: Body<'a>,
    #[wire(is = xor(id..))]
    check: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
struct Head {
    serial: u8,
}

#[derive(Debug, Default)]
struct Kept {
    group: u8,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
enum Body<'a> {
    #[wire(tag = 0x01)]
    #[route(auth(client_id = "m-{device}", keep(device, site)), reply = Message::to(frame, Down::Clock(BcdTime::from_unix(cx.now / 1000).unwrap())))]
    Login {
        device: u16,
        #[wire(size = prefix(u8), as = Ascii)]
        site: Text<'a>,
    },
    #[wire(tag = 0x02)]
    #[route(heartbeat, publish("m/{client_id}/beat", payload = hex), reply = Message::to(frame, Down::Echo(frame.check)))]
    Beat,
    #[wire(tag = 0x03)]
    #[route(publish("{login.site}/{login.device}/records", each = records))]
    #[route(reply(each = records, Message::to(frame, Down::Echo(item.n))))]
    #[route(reply = [Message::to(frame, Down::Echo(records_of(frame))), Message::to(frame, Down::Echo(0xFF))])]
    Records {
        #[wire(count = prefix(u8))]
        records: List<'a, Record>,
    },
    #[wire(tag = 0x04)]
    #[route(answers, publish("m/{client_id}/answer/{request}", payload = raw))]
    Answer,
    #[wire(tag = 0x05)]
    #[route(answers = head.serial, publish("m/{client_id}/result/{request}"))]
    Result { code: u8 },
    #[wire(tag = 0x06)]
    #[route(answers = part.n, publish("m/{client_id}/part/{request}"))]
    Part { part: Record },
    #[wire(tag = 0x07)]
    #[route(publish("{param.site}/mark"))]
    Mark,
    #[wire(tag = 0x81)]
    #[route(deliver("{login.site}/{login.device}/start", answer))]
    Start,
    #[wire(tag = 0x82)]
    #[route(deliver("{login.site}/{login.device}/stop", answer))]
    Stop,
    #[wire(tag = 0x83)]
    #[route(deliver("{login.site}/{login.device}/text", payload = text, answer = head.serial))]
    Show {
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
    #[wire(tag = 0x84)]
    #[route(deliver("group/{state.group}/raw", payload = data))]
    Raw {
        #[wire(rest)]
        data: &'a [u8],
    },
    #[wire(tag = 0x85)]
    #[route(deliver("{login.site}/{login.device}/read", answer = part.n))]
    Read { part: Record },
    #[wire(tag = 0x90)]
    #[route(sent)]
    Clock { time: BcdTime<0> },
    #[wire(tag = 0x91)]
    #[route(sent)]
    Echo { value: u8 },
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
struct Record {
    n: u8,
}

enum Down {
    Clock(BcdTime<0>),
    Echo(u8),
}

impl<'a> Message<'a> {
    fn of(body: Body<'a>) -> Self {
        Self { head: Head { serial: 7 }, body, check: 0 }
    }

    fn to(frame: &Message<'_>, down: Down) -> Message<'static> {
        let body = match down {
            Down::Clock(time) => Body::Clock { time },
            Down::Echo(value) => Body::Echo { value },
        };
        Message { head: frame.head, body, check: 0 }
    }
}

fn records_of(frame: &Message<'_>) -> u8 {
    let Body::Records { records } = &frame.body else { return 0 };
    u8::try_from(records.len()).unwrap()
}

fn envelope<'a>(body: Body<'a>, cx: &mut Cx<'_, Kept>) -> Message<'a> {
    Message { head: Head { serial: cx.next_serial() }, body, check: 0 }
}

fn logged_in() -> TestConn<Message<'static>> {
    let mut meter = TestConn::new();
    meter.set_clock(1_717_128_000_000); // 2024-05-31T04:00Z
    meter.send_frame(&Message::of(Body::Login { device: 300, site: "north".into() }));
    meter
}

fn echoes(meter: &TestConn<Message<'static>>) -> Vec<u8> {
    let mut values = Vec::new();
    meter.each_sent(|frame| match frame.body {
        Body::Echo { value } => values.push(value),
        _ => values.push(0xEE),
    });
    values
}

#[test]
fn replies_know_the_time() {
    let mut meter = logged_in();
    assert_eq!(meter.sent_frames()[0][..8], [0x90, 7, 0x24, 0x05, 0x31, 0x04, 0x00, 0x00]);
    meter.take_sent();
    meter.advance(Duration::from_secs(61));
    meter.send_frame(&Message::of(Body::Login { device: 300, site: "north".into() }));
    assert_eq!(meter.sent_frames()[0][..8], [0x90, 7, 0x24, 0x05, 0x31, 0x04, 0x01, 0x01]);
}

#[test]
fn a_heartbeat_is_answered_before_the_login_and_published_after() {
    let mut meter = TestConn::<Message<'_>>::new();
    meter.send_frame(&Message::of(Body::Beat));
    // The checksum that was received comes back.
    assert_eq!(echoes(&meter), [0x02 ^ 7]);
    assert!(meter.publishes().is_empty() && meter.take_reports().is_empty());

    let mut meter = logged_in();
    meter.send_frame(&Message::of(Body::Beat));
    assert_eq!(meter.publishes()[0].topic, "m/m-300/beat");
    assert_eq!(meter.publishes()[0].text(), "020705");
}

#[test]
fn each_record_has_its_reply() {
    let mut meter = logged_in();
    meter.take_sent();
    let bytes = [1, 2, 3];
    let frame = [&[0x7E, 0x03, 7, 3][..], &bytes, &[0x03 ^ 7 ^ 3 ^ 1 ^ 2 ^ 3, 0x7E]].concat();
    meter.send(&frame);
    assert_eq!(echoes(&meter), [1, 2, 3, 3, 0xFF]);
    let topics: Vec<_> = meter.publishes().iter().map(|publish| publish.topic.as_str()).collect();
    assert_eq!(topics, ["north/300/records"; 3]);
}

#[test]
fn filters_hold_what_the_login_kept_and_the_state() {
    let meter = logged_in();
    let filters: Vec<_> = meter.subscriptions().iter().map(|(filter, _)| filter.as_str()).collect();
    assert_eq!(
        filters,
        ["north/300/start", "north/300/stop", "north/300/text", "group/0/raw", "north/300/read"]
    );
    assert_eq!(meter.state().group, 0);
}

#[test]
fn a_refused_login_keeps_nothing() {
    let mut meter = TestConn::<Message<'_>>::new();
    meter.refuse_next(0x87, "no");
    meter.send_frame(&Message::of(Body::Login { device: 300, site: "north".into() }));
    assert!(meter.subscriptions().is_empty() && !meter.is_open());
}

#[test]
fn payloads_of_downlinks_are_bytes_or_text() {
    let mut meter = logged_in();
    meter.take_sent();
    meter.message("north/300/text", b"hello");
    meter.message("group/0/raw", &[0, 1, 0xFF]);
    let frames = meter.sent_frames();
    assert_eq!(frames[0][..7], *b"\x83\x00hello");
    assert_eq!(frames[1][..5], [0x84, 1, 0, 1, 0xFF]);
}

#[test]
fn answers_without_a_number_come_in_order() {
    let mut meter = logged_in();
    for topic in ["start", "stop", "start"] {
        meter.message(&format!("north/300/{topic}"), b"");
    }
    // One with a number does not take the place of those without.
    meter.message("north/300/text", b"x");
    meter.send_frame(&Message { head: Head { serial: 3 }, ..Message::of(Body::Result { code: 0 }) });
    for _ in 0..4 {
        meter.send_frame(&Message::of(Body::Answer));
    }
    let topics: Vec<_> = meter.publishes().iter().map(|publish| publish.topic.as_str()).collect();
    assert_eq!(
        topics,
        [
            "m/m-300/result/show",
            "m/m-300/answer/start",
            "m/m-300/answer/stop",
            "m/m-300/answer/start",
            "m/m-300/answer/none"
        ]
    );
    assert_eq!(meter.publishes()[1].payload, [0x04, 7, 0x03]);
}

#[test]
fn numbers_lie_deep_in_variants() {
    let mut meter = logged_in();
    meter.message("north/300/read", br#"{"part":{"n":9}}"#);
    meter.send_frame(&Message::of(Body::Part { part: Record { n: 9 } }));
    assert_eq!(meter.publishes()[0].topic, "m/m-300/part/read");
}

#[test]
fn parameters_of_the_listener_stand_in_topics() {
    let mut settings = SessionSettings::default();
    settings.params.insert("site".into(), "south".into());
    let mut meter = TestConn::<Message<'_>>::with(ConnInfo::default(), settings);
    meter.log_in("m").send_frame(&Message::of(Body::Mark));
    assert_eq!(meter.publishes()[0].topic, "south/mark");

    // One that is not given stands in no topic.
    let mut meter = TestConn::<Message<'_>>::new();
    meter.log_in("m").send_frame(&Message::of(Body::Mark));
    assert!(meter.publishes().is_empty());
    assert_eq!(meter.take_tally().refused, 1);
}
