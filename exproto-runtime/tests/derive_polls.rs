//! Gateways that ask their devices: one request at a time, with repetitions,
//! pauses and messages of the broker between, and answers that mean something
//! only together with what was asked.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use exproto_runtime::prelude::*;
use exproto_runtime::session::{ConnInfo, SessionSettings};
use exproto_runtime::testkit::TestConn;

/// A bus of meters behind a converter that says its name first.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
#[wire(endian = big, ctx(wide: bool))]
#[route(gateway, state = Bus, ctx = known, downlink = address, poll = next, unanswered = silent, request = Point)]
struct Message {
    #[wire(before(id: u8 = tag(body)))]
    unit: u8,
    #[wire(ctx(wide))]
    body: Body,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, ctx(wide: bool))]
enum Body {
    #[wire(tag = 1)]
    #[route(auth(client_id = "bus-{number}"))]
    Hello { number: u8 },
    #[wire(tag = 2)]
    #[route(heartbeat)]
    Beat,
    #[wire(tag = 3)]
    #[route(answers = unit, publish("bus/{client_id}/{unit}/{request.name}", qos = 1))]
    Value {
        #[wire(if = !wide)]
        short: Option<u8>,
        #[wire(if = wide)]
        long: Option<u16>,
    },
    #[wire(tag = 4)]
    #[route(answers = unit, publish("bus/{client_id}/{unit}/done/{request}"))]
    Done,
    #[wire(tag = 0x83)]
    #[route(sent, answer = unit)]
    Read { register: u8 },
    #[wire(tag = 0x84)]
    #[route(deliver("bus/{client_id}/set", answer = unit))]
    Set { value: u8 },
    #[wire(tag = 0x85)]
    #[route(deliver("bus/{client_id}/all"))]
    All { value: u8 },
}

/// What is read of a meter.
#[derive(Debug, Clone, PartialEq)]
struct Point {
    name: &'static str,
    unit: u8,
    register: u8,
    wide: bool,
}

#[derive(Debug, Default)]
struct Bus {
    schedule: Schedule<Point>,
    asked: u32,
}

const POINTS: [(Point, u64); 2] = [
    (Point { name: "power", unit: 1, register: 16, wide: false }, 1_000),
    (Point { name: "energy", unit: 2, register: 17, wide: true }, 10_000),
];

fn known(cx: &Cx<'_, Bus>) -> MessageCtx {
    MessageCtx { wide: cx.asked::<Point>().is_some_and(|point| point.wide) }
}

fn next(cx: &mut Cx<'_, Bus>) -> Next<Message> {
    cx.state.asked += 1;
    if cx.state.schedule.is_empty() {
        for (point, every) in POINTS {
            cx.state.schedule.every(Duration::from_millis(every), point);
        }
    }
    let Some(point) = cx.state.schedule.due(cx.clock).cloned() else {
        return Next::In(cx.state.schedule.wait(cx.clock));
    };
    let ask = Message { unit: point.unit, body: Body::Read { register: point.register } };
    cx.remember(point);
    Next::Ask(ask)
}

fn silent(cx: &mut Cx<'_, Bus>, asks: &mut Asks<'_>) -> Result<(), Refusal> {
    let name = cx.asked::<Point>().map_or("none", |point| point.name);
    let mut topic = asks.topic();
    topic.literal("bus/");
    topic.value(&cx.client_id);
    topic.literal("/silent/");
    topic.value(&cx.request.unwrap_or("none"));
    asks.publish(&topic, 0, false, |payload| payload.extend_from_slice(name.as_bytes()))
}

fn address(body: Body, cx: &mut Cx<'_, Bus>) -> Message {
    let unit = if body == (Body::Set { value: 0 }) { 0 } else { 9 };
    if unit == 0 {
        cx.expect_no_answer();
    }
    Message { unit, body }
}

fn settings() -> SessionSettings {
    let mut settings = SessionSettings::default();
    settings.request_timeout = Duration::from_millis(200);
    settings.request_retries = 1;
    settings.request_queue = 2;
    settings
}

fn bus(settings: SessionSettings) -> TestConn<Message> {
    let mut bus = TestConn::with(ConnInfo::default(), settings);
    assert!(bus.sent().is_empty(), "nothing is asked before the login");
    bus.send(b"\x7E\x01\x00\x05\x7E");
    bus
}

const READ_POWER: &[u8] = b"\x7E\x83\x01\x10\x7E";
const READ_ENERGY: &[u8] = b"\x7E\x83\x02\x11\x7E";
const POWER: &[u8] = b"\x7E\x03\x01\x63\x7E";
const ENERGY: &[u8] = b"\x7E\x03\x02\x01\x00\x7E";

fn published(bus: &TestConn<Message>) -> Vec<String> {
    bus.publishes().iter().map(|publish| format!("{} {}", publish.topic, publish.text())).collect()
}

fn millis(time: u64) -> Duration {
    Duration::from_millis(time)
}

#[test]
fn answers_are_read_and_named_by_what_was_asked() {
    let mut bus = bus(settings());
    assert_eq!(bus.take_sent(), READ_POWER);
    bus.send(POWER);
    assert_eq!(bus.take_sent(), READ_ENERGY);
    bus.send(ENERGY);
    assert!(bus.sent().is_empty());
    assert_eq!(
        published(&bus),
        [r#"bus/bus-5/1/power {"short":99,"long":null}"#, r#"bus/bus-5/2/energy {"short":null,"long":256}"#]
    );
    // A second after the first: the short period comes again, the long one not.
    bus.advance(millis(999));
    assert!(bus.sent().is_empty());
    bus.advance(millis(1)).send(POWER).advance(millis(1_000));
    assert_eq!(bus.take_sent(), [READ_POWER, READ_POWER].concat());
    assert_eq!(bus.take_tally().polls, 4);
}

#[test]
fn every_cut_of_an_answer_is_the_same() {
    for cut in 0..=ENERGY.len() {
        let mut bus = bus(settings());
        bus.send(POWER).send(&ENERGY[..cut]).send(&ENERGY[cut..]);
        assert_eq!(published(&bus)[1], r#"bus/bus-5/2/energy {"short":null,"long":256}"#);
    }
}

#[test]
fn a_request_is_repeated_and_then_given_up() {
    let mut bus = bus(settings());
    bus.advance(millis(199));
    assert_eq!(bus.take_sent(), READ_POWER);
    bus.advance(millis(1));
    assert_eq!(bus.take_sent(), READ_POWER);
    bus.advance(millis(200));
    assert_eq!(bus.take_sent(), READ_ENERGY, "the next one");
    assert_eq!(published(&bus), ["bus/bus-5/silent/read power"]);
    let reports: Vec<_> = bus.take_reports().iter().map(ToString::to_string).collect();
    assert_eq!(reports, ["no answer to `read`"]);
    let tally = bus.take_tally();
    assert_eq!((tally.polls, tally.repeated, tally.unanswered), (2, 1, 1));
    // An answer of another unit is none to this request, whatever its time.
    bus.send(POWER);
    assert!(bus.sent().is_empty());
    bus.send(ENERGY);
    assert_eq!(published(&bus).last().unwrap(), r#"bus/bus-5/2/energy {"short":null,"long":256}"#);
}

#[test]
fn what_is_no_answer_leaves_the_request_open() {
    let mut bus = bus(settings());
    bus.take_sent();
    bus.send(b"\x7E\x02\x00\x7E\x7E\x04\x07\x7E");
    assert!(bus.sent().is_empty());
    assert_eq!(published(&bus), ["bus/bus-5/7/done/none {}"]);
    bus.send(POWER);
    assert_eq!(bus.sent(), READ_ENERGY);
}

#[test]
fn messages_wait_for_the_answer_and_go_before_polls() {
    let mut bus = bus(settings());
    assert_eq!(bus.take_sent(), READ_POWER);
    assert!(bus.message("bus/bus-5/set", br#"{"value": 1}"#));
    assert!(bus.message("bus/bus-5/all", br#"{"value": 2}"#));
    assert!(bus.message("bus/bus-5/set", br#"{"value": 3}"#));
    assert!(bus.sent().is_empty());
    let reports: Vec<_> = bus.take_reports().iter().map(ToString::to_string).collect();
    assert_eq!(reports, ["message on `bus/bus-5/set` not delivered: 2 others wait for the device to answer"]);
    bus.send(POWER);
    assert_eq!(bus.take_sent(), b"\x7E\x84\x09\x01\x7E", "the first message, not yet the second");
    bus.send(b"\x7E\x04\x09\x7E");
    assert_eq!(published(&bus)[1], "bus/bus-5/9/done/set {}");
    assert_eq!(
        bus.take_sent(),
        [b"\x7E\x85\x09\x02\x7E", READ_ENERGY].concat(),
        "the second needs no answer, then polls go on"
    );
}

#[test]
fn a_function_may_say_that_nobody_answers() {
    let mut bus = bus(settings());
    bus.take_sent();
    bus.message("bus/bus-5/set", br#"{"value": 0}"#);
    bus.send(POWER);
    assert_eq!(bus.take_sent(), [b"\x7E\x84\x00\x00\x7E", READ_ENERGY].concat());
}

#[test]
fn the_line_is_silent_between_requests() {
    let mut settings = settings();
    settings.request_gap = millis(50);
    let mut bus = bus(settings);
    bus.take_sent();
    bus.advance(millis(10)).send(POWER).advance(millis(49));
    assert!(bus.sent().is_empty());
    bus.advance(millis(1));
    assert_eq!(bus.take_sent(), READ_ENERGY);
    // Half an answer, then silence: what comes after the repetition is whole.
    bus.send(&ENERGY[..3]).advance(millis(200));
    assert_eq!(bus.take_sent(), READ_ENERGY);
    bus.send(&ENERGY[1..]);
    bus.send(ENERGY);
    assert_eq!(published(&bus)[1], r#"bus/bus-5/2/energy {"short":null,"long":256}"#);
}

#[test]
fn nothing_is_asked_while_the_broker_is_waited_for() {
    let mut bus = bus(settings());
    bus.take_sent();
    bus.pause().send(POWER);
    bus.advance(millis(5_000));
    assert!(bus.sent().is_empty());
    bus.resume();
    assert_eq!(bus.take_sent(), READ_ENERGY);
    assert_eq!(bus.take_tally().unanswered, 0);
}

#[test]
fn the_gateway_is_asked_when_something_happens_and_not_otherwise() {
    let mut bus = bus(settings());
    bus.send(POWER).send(ENERGY);
    let asked = bus.state().asked;
    bus.send(b"\x7E\x02").send(b"\x00");
    assert_eq!(bus.state().asked, asked, "no frame yet");
    bus.send(b"\x7E");
    assert_eq!(bus.state().asked, asked + 1);
    bus.advance(millis(900));
    assert_eq!(bus.state().asked, asked + 1);
}

/// A gateway that looks again every second, whether or not somebody is logged in.
#[derive(ExProtoFrame, Debug)]
#[frame(line, max = 16)]
#[route(gateway, state = u32, poll(count, before_login), auth(client_id = "{text}"), publish("{text}"))]
struct Line {
    #[wire(rest, as = Ascii)]
    text: TextBuf,
}

fn count(cx: &mut Cx<'_, u32>) -> Next<Line> {
    *cx.state += 1;
    Next::In(millis(1000))
}

#[test]
fn time_passes_before_the_login_too() {
    let mut line = TestConn::<Line>::new();
    for calls in 1..=3 {
        assert_eq!(*line.state(), calls);
        line.advance(millis(1000));
    }
    line.send(b"x\r\n");
    assert_eq!((line.client_id(), *line.state()), ("x", 5));
    line.advance(millis(1000));
    assert_eq!(*line.state(), 6);
}

#[test]
fn a_frame_without_a_body_logs_in_once() {
    let mut line = TestConn::<Line>::new();
    line.send(b"x\r\nx\r\nx\r\n");
    assert_eq!((line.take_tally().logins, line.publishes().len()), (1, 3));
    line.send(b"y\r\n");
    assert_eq!((line.client_id(), line.publishes().len()), ("x", 3));
}
