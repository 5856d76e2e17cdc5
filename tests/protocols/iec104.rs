//! IEC 60870-5-104, the controlling station's side: it starts the transfer, asks for
//! everything once, counts what comes and ends a connection on which something is lost.

use std::time::Duration;

use exproto_runtime::codec::{Cp56Time, JsonObject, Value};
use exproto_runtime::prelude::*;
use exproto_runtime::session::Millis;
use exproto_runtime::testkit::TestConn;
use serde_json::json;

use super::{sent, sound, topics, unhex};

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(one_of)]
#[route(gateway, state = Link, poll(next, before_login))]
enum Apdu {
    S(Supervisory),
    U(Unnumbered),
    I(Information),
}

/// N(R) of an S frame.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = little, before(b"\x68\x04\x01\x00"))]
#[route(one_of = Apdu, ignore)]
struct Supervisory {
    #[wire(before(zero: bits(1) = 0), bits = 15)]
    receive: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(before(b"\x68\x04"), after(b"\0\0\0"))]
#[route(one_of = Apdu)]
struct Unnumbered {
    #[wire(before(function: u8 = tag(body)))]
    body: Function,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
enum Function {
    #[wire(tag = 0x07)]
    #[route(sent)]
    StartAct,
    #[wire(tag = 0x0B)]
    #[route(auth(client_id = "{peer}"), reply = interrogate)]
    StartCon,
    #[wire(tag = 0x13)]
    #[route(sent)]
    StopAct,
    #[wire(tag = 0x23)]
    #[route(ignore)]
    StopCon,
    #[wire(tag = 0x43)]
    #[route(heartbeat, reply = Unnumbered { body: Function::TestCon })]
    TestAct,
    #[wire(tag = 0x83)]
    #[route(ignore)]
    TestCon,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 255)]
#[wire(endian = little, before(start: u8 = 0x68), before(length: u8 = size(zero..), range = 12..=253))]
#[route(one_of = Apdu, downlink = envelope)]
struct Information {
    #[wire(before(zero: bits(1) = 0), bits = 15)]
    send: u16,
    #[wire(before(_r: bits(1) = 0), bits = 15)]
    receive: u16,
    #[wire(before(kind: u8 = tag(body)))]
    #[wire(bits = 7)]
    number: u8,
    #[wire(bits = 1)]
    sequence: bool,
    #[wire(bits = 6)]
    cause: Cause,
    #[wire(bits = 1)]
    negative: bool,
    #[wire(bits = 1)]
    test: bool,
    originator: u8,
    station: u16,
    #[wire(ctx(sequence, number))]
    body: Asdu,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
enum Cause {
    #[wire(tag = 1)]
    Periodic,
    #[wire(tag = 2)]
    Background,
    #[wire(tag = 3)]
    Spontaneous,
    #[wire(tag = 4)]
    Initialised,
    #[wire(tag = 5)]
    Request,
    #[wire(tag = 6)]
    Activation,
    #[wire(tag = 7)]
    ActivationCon,
    #[wire(tag = 8)]
    Deactivation,
    #[wire(tag = 9)]
    DeactivationCon,
    #[wire(tag = 10)]
    ActivationTermination,
    #[wire(tag = 20)]
    Interrogated,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = little, ctx(sequence: bool, number: u8))]
#[route(login_elsewhere, with = received, reply = acknowledge)]
enum Asdu {
    /// M_SP_NA_1
    #[wire(tag = 1)]
    SinglePoint(#[wire(ctx(sequence, number))] Objects<Single>),
    /// M_DP_NA_1
    #[wire(tag = 3)]
    DoublePoint(#[wire(ctx(sequence, number))] Objects<Double>),
    /// M_ME_NA_1
    #[wire(tag = 9)]
    Normalised(#[wire(ctx(sequence, number))] Objects<Normal>),
    /// M_ME_NB_1
    #[wire(tag = 11)]
    Scaled(#[wire(ctx(sequence, number))] Objects<Scaled>),
    /// M_ME_NC_1
    #[wire(tag = 13)]
    Float(#[wire(ctx(sequence, number))] Objects<Float>),
    /// M_SP_TB_1
    #[wire(tag = 30)]
    SinglePointTime(#[wire(ctx(sequence, number))] Objects<Timed<Single>>),
    /// M_ME_TD_1
    #[wire(tag = 34)]
    NormalisedTime(#[wire(ctx(sequence, number))] Objects<Timed<Normal>>),
    /// M_ME_TF_1
    #[wire(tag = 36)]
    FloatTime(#[wire(ctx(sequence, number))] Objects<Timed<Float>>),
    /// C_SC_NA_1
    #[wire(tag = 45)]
    #[route(deliver("iec104/{client_id}/command", qos = 1, answer))]
    #[route(answers, publish("iec104/{client_id}/done/{request}", payload = frame))]
    Command {
        #[wire(as = u24)]
        address: u32,
        #[wire(bits = 1)]
        on: bool,
        #[wire(before(_: bits(1)), bits = 5)]
        qualifier: u8,
        #[wire(bits = 1)]
        select: bool,
    },
    /// C_IC_NA_1
    #[wire(tag = 100)]
    Interrogation {
        #[wire(as = u24)]
        address: u32,
        qualifier: u8,
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

/// SQ = 0: each element behind its address; SQ = 1: one address, elements at this and the next ones.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = little, ctx(sequence: bool, number: u8))]
enum Objects<T> {
    #[wire(when = sequence)]
    Row {
        #[wire(as = u24)]
        first: u32,
        #[wire(count = number)]
        values: Vec<T>,
    },
    Each {
        #[wire(count = number)]
        objects: Vec<Object<T>>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = little)]
struct Object<T> {
    #[wire(as = u24)]
    address: u32,
    value: T,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Timed<T> {
    value: T,
    time: Cp56Time,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u8, endian = little)]
struct Single {
    #[wire(bits = 1)]
    on: bool,
    #[wire(before(_: bits(3)), bits = 1)]
    blocked: bool,
    #[wire(bits = 1)]
    substituted: bool,
    #[wire(bits = 1)]
    not_topical: bool,
    #[wire(bits = 1)]
    invalid: bool,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u8, endian = little)]
struct Double {
    #[wire(bits = 2)]
    state: DoubleState,
    #[wire(before(_: bits(2)), bits = 1)]
    blocked: bool,
    #[wire(bits = 1)]
    substituted: bool,
    #[wire(bits = 1)]
    not_topical: bool,
    #[wire(bits = 1)]
    invalid: bool,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = bits(2))]
enum DoubleState {
    Between,
    Off,
    On,
    Faulty,
}

/// QDS
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u8, endian = little)]
struct Quality {
    #[wire(bits = 1)]
    overflow: bool,
    #[wire(before(_: bits(3)), bits = 1)]
    blocked: bool,
    #[wire(bits = 1)]
    substituted: bool,
    #[wire(bits = 1)]
    not_topical: bool,
    #[wire(bits = 1)]
    invalid: bool,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = little)]
struct Normal {
    #[wire(scale = 0.000030517578125)]
    value: i16,
    quality: Quality,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = little)]
struct Scaled {
    value: i16,
    quality: Quality,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = little)]
struct Float {
    value: f32,
    quality: Quality,
}

/// What is known of the connection.
#[derive(Debug, Default)]
struct Link {
    /// When the line is to be tested, unless something comes before.
    silent_at: Option<Millis>,
    receive: u16,
    station: u16,
}

/// How long the line may be silent before it is tested.
const SILENCE: Duration = Duration::from_secs(20);

/// The controlling station speaks first, and tests a silent line.
fn next(cx: &mut Cx<'_, Link>) -> Next<Apdu> {
    let silent_at = cx.state.silent_at.replace(cx.clock + SILENCE.as_millis() as Millis);
    let body = match silent_at {
        None => Function::StartAct,
        Some(at) if at <= cx.clock => Function::TestAct,
        Some(_) => return Next::In(SILENCE),
    };
    Next::Tell(Apdu::U(Unnumbered { body }))
}

fn interrogate(_: &Unnumbered, cx: &mut Cx<'_, Link>, _: &Outcome) -> Apdu {
    Apdu::I(envelope(Asdu::Interrogation { address: 0, qualifier: 20 }, cx))
}

fn envelope(body: Asdu, cx: &mut Cx<'_, Link>) -> Information {
    Information {
        send: cx.next_serial::<u16>() & 0x7FFF,
        receive: cx.state.receive,
        number: 1,
        sequence: false,
        cause: Cause::Activation,
        negative: false,
        test: false,
        originator: 0,
        // All stations, as long as none is known.
        station: if cx.state.station == 0 { 0xFFFF } else { cx.state.station },
        body,
    }
}

/// Counts the frame and publishes its points.
fn received(frame: &Information, cx: &mut Cx<'_, Link>, asks: &mut Asks<'_>) -> Result<(), Refusal> {
    if frame.send != cx.state.receive {
        cx.close("a frame is missing");
        return Ok(());
    }
    cx.state.receive = (frame.send + 1) & 0x7FFF;
    cx.state.station = frame.station;
    match &frame.body {
        Asdu::SinglePoint(all) => points(frame, all, cx, asks),
        Asdu::DoublePoint(all) => points(frame, all, cx, asks),
        Asdu::Normalised(all) => points(frame, all, cx, asks),
        Asdu::Scaled(all) => points(frame, all, cx, asks),
        Asdu::Float(all) => points(frame, all, cx, asks),
        Asdu::SinglePointTime(all) => points(frame, all, cx, asks),
        Asdu::NormalisedTime(all) => points(frame, all, cx, asks),
        Asdu::FloatTime(all) => points(frame, all, cx, asks),
        _ => Ok(()),
    }
}

/// A message for each point: those of a row have addresses one after the other.
fn points<T: Value>(
    frame: &Information,
    all: &Objects<T>,
    cx: &Cx<'_, Link>,
    asks: &mut Asks<'_>,
) -> Result<(), Refusal> {
    let each: Vec<(u32, &T)> = match all {
        Objects::Row { first, values } => (*first..).zip(values).collect(),
        Objects::Each { objects } => objects.iter().map(|it| (it.address, &it.value)).collect(),
    };
    for (address, value) in each {
        let mut topic = asks.topic();
        topic.literal("iec104/");
        topic.value(&cx.client_id);
        topic.literal("/");
        topic.value(&frame.station);
        topic.literal("/");
        topic.value(&address);
        asks.publish(&topic, 1, false, |payload| {
            JsonObject::write(payload, |json| json.put("cause", &frame.cause).put("value", value).end());
        })?;
        asks.reuse(topic);
    }
    Ok(())
}

fn acknowledge(_: &Information, cx: &mut Cx<'_, Link>, _: &Outcome) -> Apdu {
    Apdu::S(Supervisory { receive: cx.state.receive })
}

/// Made from the tables of the standard, and what is to stand in their JSON.
const FRAMES: &[(&str, &str)] = &[
    ("68 04 0B 00 00 00", r#""start_con""#),
    ("68 04 43 00 00 00", r#""test_act""#),
    ("68 04 83 00 00 00", r#""test_con""#),
    ("68 04 23 00 00 00", r#""stop_con""#),
    ("68 04 01 00 FE FF", r#""receive":32767"#),
    ("68 0F 10 00 02 00 01 82 14 00 07 00 2A 01 00 01 00", r#""first":298"#),
    ("68 12 12 00 02 00 01 02 14 00 07 00 2A 01 00 01 30 01 00 10", r#""address":304"#),
    ("68 12 14 00 02 00 03 02 14 00 07 00 5A 02 00 02 5B 02 00 81", r#""state":"on""#),
    ("68 13 16 00 02 00 09 82 14 00 07 00 89 02 00 00 40 00 00 C0 80", r#""value":-0.5"#),
    ("68 16 18 00 02 00 0B 02 03 00 07 00 10 30 00 E8 03 00 11 30 00 18 FC 00", r#""value":-1000"#),
    ("68 17 1A 00 02 00 0D 82 01 00 07 00 E7 0B 00 00 00 C8 42 00 00 00 48 C1 01", r#""value":-12.5"#),
    ("68 15 1C 00 02 00 1E 01 03 00 07 00 B0 36 00 01 10 27 1E 0F 70 05 18", "2024-05-16T15:30:10.000Z"),
    (
        "68 17 1E 00 02 00 22 01 01 00 07 00 01 00 00 00 20 00 F4 01 00 00 01 01 18",
        "2024-01-01T00:00:00.500Z",
    ),
    (
        "68 19 20 00 02 00 24 01 03 00 07 00 EE 03 00 00 00 80 3F 00 00 00 0C 0C 1F 0C 18",
        "2024-12-31T12:12:00.000Z",
    ),
    ("68 0E 22 00 02 00 64 01 07 00 07 00 00 00 00 14", r#""qualifier":20"#),
    ("68 0E 24 00 02 00 2D 01 07 00 07 00 01 00 00 81", r#""select":true"#),
    ("68 10 26 00 02 00 7D 01 03 00 07 00 0A 00 00 01 02 03", r#""kind":125"#),
];

#[test]
fn frames_are_read_and_written_again() {
    let frames: Vec<_> = FRAMES.iter().map(|(hex, _)| unhex(hex)).collect();
    for (json, (hex, part)) in sound::<Apdu>(&frames).iter().zip(FRAMES) {
        assert!(json.to_string().contains(part), "{hex}: {json}");
    }
}

#[test]
fn what_is_no_frame_is_skipped() {
    let points = unhex(FRAMES[6].0);
    let stream = [b"noise", &points[..], b"\x68\x04\x0F\0\0\0", &points, b"\x68\x03\x01", &points].concat();
    assert_eq!(sent::<Apdu>(&stream).take_tally().frames, 3);
}

/// A station that has been started and asked for everything.
fn started() -> TestConn<Apdu> {
    let mut station = TestConn::<Apdu>::new();
    station.advance(Duration::ZERO);
    assert_eq!(station.take_sent(), unhex("68 04 07 00 00 00"));
    station.send(&unhex("68 04 0B 00 00 00"));
    assert_eq!(station.take_sent(), unhex("68 0E 00 00 00 00 64 01 06 00 FF FF 00 00 00 14"));
    station
}

#[test]
fn points_are_published_and_counted() {
    let mut station = started();
    station.send(&unhex("68 04 43 00 00 00"));
    assert_eq!(station.take_sent(), unhex("68 04 83 00 00 00"));
    station.send(&unhex("68 0F 00 00 02 00 01 82 14 00 07 00 2A 01 00 01 00"));
    assert_eq!(station.take_sent(), unhex("68 04 01 00 02 00"));
    let id = station.client_id().to_owned();
    assert_eq!(topics(&station), [format!("iec104/{id}/7/298"), format!("iec104/{id}/7/299")]);
    let on =
        json!({"on": true, "blocked": false, "substituted": false, "not_topical": false, "invalid": false});
    assert_eq!(station.publishes()[0].json(), json!({"cause": "interrogated", "value": on}));

    let command = br#"{"address":1,"on":true,"qualifier":0,"select":false}"#;
    assert!(station.message(&format!("iec104/{id}/command"), command));
    assert_eq!(station.take_sent(), unhex("68 0E 02 00 02 00 2D 01 06 00 07 00 01 00 00 01"));
    station.send(&unhex("68 0E 02 00 04 00 2D 01 07 00 07 00 01 00 00 01"));
    assert_eq!(station.take_sent(), unhex("68 04 01 00 04 00"));
    assert_eq!(topics(&station)[2], format!("iec104/{id}/done/command"));
}

#[test]
fn a_silent_line_is_tested() {
    let mut station = started();
    for _ in 0..3 {
        station.advance(SILENCE / 2);
        station.send(&unhex("68 04 01 00 02 00"));
    }
    assert_eq!(station.take_sent(), b"");
    station.advance(SILENCE);
    assert_eq!(station.take_sent(), unhex("68 04 43 00 00 00"));
}

#[test]
fn a_missing_frame_ends_the_connection() {
    let mut station = started();
    station.send(&unhex("68 0F 02 00 02 00 01 82 14 00 07 00 2A 01 00 01 00"));
    assert!(!station.is_open());
    assert!(station.publishes().is_empty());
}
