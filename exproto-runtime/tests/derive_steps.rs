//! Downlinks that are answered in several frames, late, or not at all.
#![allow(missing_docs, clippy::unwrap_used)]

use std::time::Duration;

use exproto_runtime::prelude::*;
use exproto_runtime::session::{ConnInfo, SessionSettings};
use exproto_runtime::testkit::TestConn;

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
#[route(gateway, downlink = envelope, unanswered = silent)]
struct Message {
    #[wire(before(id: u8 = tag(body)))]
    serial: u8,
    body: Body,
}

#[derive(ExProtoFrame, Debug)]
enum Body {
    #[wire(tag = 1)]
    #[route(auth(client_id = "meter-{device}"))]
    Login { device: u8 },
    #[wire(tag = 2)]
    #[route(answers = to, last = state != 1 && frame.serial != 99)]
    #[route(publish("{client_id}/answer/{request}/{state}", qos = 1))]
    Answer { to: u8, state: u8 },
    #[wire(tag = 3)]
    #[route(answers, last = left == 0, publish("{client_id}/ordered/{request}/{left}"))]
    Ordered { left: u8 },
    #[wire(tag = 4)]
    #[route(publish("{client_id}/reading", qos = 1))]
    Reading,
    #[wire(tag = 0x82)]
    #[route(deliver("{client_id}/set", answer = serial))]
    Set { value: u8 },
    #[wire(tag = 0x83)]
    #[route(deliver("{client_id}/open", answer))]
    Open,
}

fn envelope(body: Body, cx: &mut Cx<'_, ()>) -> Message {
    Message { serial: cx.next_serial(), body }
}

fn silent(cx: &mut Cx<'_, ()>, asks: &mut Asks<'_>) -> Result<(), Refusal> {
    let mut topic = asks.topic();
    topic.value(&cx.client_id);
    topic.literal("/error/");
    topic.value(&cx.request.unwrap_or("none"));
    asks.publish(&topic, 1, false, |payload| payload.extend_from_slice(br#"{"error":"no answer"}"#))
}

fn meter(settings: SessionSettings) -> TestConn<Message> {
    let mut meter = TestConn::<Message>::with(ConnInfo::default(), settings);
    meter.send_frame(&Message { serial: 1, body: Body::Login { device: 7 } });
    meter
}

fn answer(to: u8, state: u8) -> Message {
    Message { serial: 5, body: Body::Answer { to, state } }
}

fn topics(meter: &mut TestConn<Message>) -> Vec<String> {
    meter.publishes().iter().map(|publish| publish.topic.clone()).collect()
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_command_waits_for_the_last_frame_of_its_answer() {
    let mut meter = meter(SessionSettings::default());
    meter.message("meter-7/set", br#"{"value": 9}"#);
    // Accepted, still accepted, done; and what is said then answers nothing.
    for state in [1, 1, 0, 0] {
        meter.send_frame(&answer(0, state));
    }
    let topics = topics(&mut meter);
    assert_eq!(
        topics,
        ["meter-7/answer/set/1", "meter-7/answer/set/1", "meter-7/answer/set/0", "meter-7/answer/none/0"]
    );
    assert_eq!(meter.take_tally().answered, 1);
    assert_eq!(meter.sent_frames().len(), 1);
}

#[test]
fn an_answer_in_steps_keeps_its_place() {
    let mut meter = meter(SessionSettings::default());
    for _ in 0..2 {
        meter.message("meter-7/open", b"{}");
    }
    meter.message("meter-7/set", br#"{"value": 9}"#);
    // While the broker is asked, other messages go out.
    meter.pause();
    meter.send_frame(&answer(2, 1)).message("meter-7/set", br#"{"value": 8}"#);
    meter.resume();
    for left in [2, 1, 0, 0, 0] {
        meter.send_frame(&Message { serial: 5, body: Body::Ordered { left } });
    }
    meter.send_frame(&answer(2, 0)).send_frame(&answer(3, 0));
    assert_eq!(
        topics(&mut meter),
        [
            "meter-7/answer/set/1",
            "meter-7/ordered/open/2",
            "meter-7/ordered/open/1",
            "meter-7/ordered/open/0",
            "meter-7/ordered/open/0",
            "meter-7/ordered/none/0",
            "meter-7/answer/set/0",
            "meter-7/answer/set/0",
        ]
    );
    assert_eq!(meter.take_tally().answered, 4);
    meter.advance(seconds(600));
    assert_eq!(meter.take_tally().unanswered, 0);
}

#[test]
fn a_condition_may_speak_of_the_frame() {
    let mut meter = meter(SessionSettings::default());
    meter.message("meter-7/set", br#"{"value": 9}"#);
    meter.send_frame(&Message { serial: 99, body: Body::Answer { to: 0, state: 0 } });
    assert_eq!(meter.take_tally().answered, 0);
    meter.send_frame(&answer(0, 0));
    assert_eq!(meter.take_tally().answered, 1);
}

#[test]
fn what_is_not_answered_is_told() {
    let mut meter = meter(SessionSettings::default());
    meter.message("meter-7/set", br#"{"value": 9}"#);
    meter.advance(seconds(30)).message("meter-7/set", br#"{"value": 8}"#);
    meter.advance(seconds(29));
    // A step puts the end off.
    meter.send_frame(&answer(1, 1)).advance(seconds(1));
    assert_eq!(topics(&mut meter), ["meter-7/answer/set/1", "meter-7/error/set"]);
    let reports: Vec<_> = meter.take_reports().iter().map(ToString::to_string).collect();
    assert_eq!(reports, ["no answer to `set`"]);
    meter.advance(seconds(58));
    assert_eq!(meter.take_tally().unanswered, 1);
    meter.advance(seconds(1));
    assert_eq!(topics(&mut meter).len(), 3);
    // Late, it answers nothing.
    meter.send_frame(&answer(0, 0));
    assert_eq!(topics(&mut meter)[3], "meter-7/answer/none/0");
    assert_eq!(meter.sent_frames().len(), 2);
}

#[test]
fn a_downlink_is_sent_again_with_its_number() {
    let mut settings = SessionSettings::default();
    settings.answer_timeout = seconds(5);
    settings.answer_retries = 2;
    let mut meter = meter(settings);
    meter.message("meter-7/set", br#"{"value": 9}"#);
    meter.message("meter-7/set", br#"{"value": 8}"#);
    let (first, second) = (b"\x7E\x82\x00\x09\x7E", b"\x7E\x82\x01\x08\x7E");
    assert_eq!(meter.take_sent(), [&first[..], second].concat());
    meter.send_frame(&answer(1, 0)).advance(seconds(5));
    assert_eq!(meter.take_sent(), first);
    meter.advance(seconds(5));
    assert_eq!(meter.take_sent(), first);
    // Those without a number keep their order.
    meter.message("meter-7/open", b"{}");
    meter.message("meter-7/open", b"{}");
    assert_eq!(meter.take_sent(), b"\x7E\x83\x02\x7E\x7E\x83\x03\x7E");
    // Accepted: it is not asked for again.
    meter.send_frame(&answer(0, 1));
    for _ in 0..2 {
        meter.advance(seconds(5));
        assert_eq!(meter.take_sent(), b"\x7E\x83\x02\x7E\x7E\x83\x03\x7E");
    }
    let tally = meter.take_tally();
    assert_eq!((tally.repeated, tally.unanswered, tally.answered), (6, 1, 1));
}

#[test]
fn too_many_that_wait_are_told_too() {
    let mut settings = SessionSettings::default();
    settings.answers = 2;
    let mut meter = meter(settings);
    for _ in 0..3 {
        meter.message("meter-7/open", b"{}");
    }
    assert_eq!(topics(&mut meter), ["meter-7/error/open"]);
    // The number of a downlink comes round while it waits.
    let mut settings = SessionSettings::default();
    settings.answers = 1000;
    let mut meter = self::meter(settings);
    for _ in 0..257 {
        meter.message("meter-7/set", br#"{"value": 9}"#);
    }
    assert_eq!(topics(&mut meter), ["meter-7/error/set"]);
}

#[test]
fn nothing_is_given_up_while_the_socket_is_not_read() {
    let mut meter = meter(SessionSettings::default());
    meter.message("meter-7/set", br#"{"value": 9}"#);
    meter.advance(seconds(30)).pause();
    meter.send_frame(&Message { serial: 2, body: Body::Reading });
    meter.send_frame(&answer(0, 0)).advance(seconds(50));
    meter.resume();
    assert_eq!(topics(&mut meter), ["meter-7/reading", "meter-7/answer/set/0"]);
    assert_eq!(meter.take_tally().unanswered, 0);
}

#[test]
fn an_answer_in_steps_leaves_a_newer_downlink_its_number() {
    let mut settings = SessionSettings::default();
    settings.answers = 300;
    let mut meter = meter(settings);
    meter.message("meter-7/set", br#"{"value": 9}"#);
    // A part of the answer waits for the broker; meanwhile all numbers are used up, and
    // the first one means another downlink.
    meter.pause();
    meter.send_frame(&answer(0, 1));
    for value in 0..256 {
        meter.message("meter-7/set", format!("{{\"value\": {}}}", value % 200).as_bytes());
    }
    meter.resume();
    assert_eq!(topics(&mut meter), ["meter-7/answer/set/1", "meter-7/error/set"]);
    meter.send_frame(&answer(0, 0)).send_frame(&answer(0, 0));
    let topics = topics(&mut meter);
    assert_eq!(topics[2..], ["meter-7/answer/set/0", "meter-7/answer/none/0"]);
    assert_eq!((meter.take_tally().answered, meter.sent_frames().len()), (1, 257));
}
