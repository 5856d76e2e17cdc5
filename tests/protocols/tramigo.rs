//! Tramigo's trackers: reports in text, positions and records in binary on one port,
//! whose lengths have different byte orders.

use exproto_runtime::codec::{Decimal, Latin1, List, UnixSeconds};
use exproto_runtime::prelude::*;
use serde_json::json;

use super::{frames, sent, sound, topics, unhex};

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway)]
enum Port<'a> {
    Report(Report<'a>),
    Binary(Binary<'a>),
    Records(Records<'a>),
    #[frame(sent)]
    Ack(Ack),
}

/// 80: the length has its low byte first; the other numbers as traccar reads them.
#[derive(ExProtoFrame, Debug)]
#[frame(max = 1024)]
#[wire(endian = big, before(b"\x80"))]
#[route(one_of = Port<'_>)]
struct Report<'a> {
    #[wire(range = 0..=15)]
    version: u8,
    index: u16,
    #[wire(before(kind: u16 = tag(body)))]
    #[wire(before(length: u16 = size(..), endian = little, range = 20..=1024))]
    mask: u16,
    checksum: u16,
    id: u32,
    #[wire(as = u32, endian = little)]
    time: UnixSeconds,
    body: ReportBody<'a>,
}

#[derive(ExProtoFrame, Debug)]
enum ReportBody<'a> {
    #[wire(tag = 0xB000)]
    #[route(auth(client_id = "{id}"), publish("tramigo/{client_id}/report", qos = 1), reply = Port::Ack(Ack { index: frame.index }))]
    Text {
        #[wire(rest, as = Latin1)]
        text: Text<'a>,
    },
    #[wire(tag = 0xC000)]
    #[route(auth(client_id = "{id}"), reply = Port::Ack(Ack { index: frame.index }))]
    Ping {
        #[wire(rest, as = Latin1)]
        text: Text<'a>,
    },
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        kind: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// 01: the length has its high byte first, the other numbers the low one.
#[derive(ExProtoFrame, Debug)]
#[frame(max = 1024)]
#[wire(endian = little, before(b"\x01"))]
#[route(one_of = Port<'_>)]
struct Binary<'a> {
    #[wire(range = 0..=15)]
    version: u8,
    index: u16,
    #[wire(before(kind: u16 = tag(body)))]
    #[wire(before(length: u16 = size(..), endian = big, range = 20..=1024))]
    mask: u16,
    checksum: u16,
    id: u32,
    #[wire(as = u32)]
    time: UnixSeconds,
    body: BinaryBody<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = little)]
enum BinaryBody<'a> {
    #[wire(tag = 0x0100 | 0x00FE)]
    #[route(auth(client_id = "{id}"), publish("tramigo/{client_id}/position", qos = 1))]
    Position {
        #[wire(tag)]
        kind: u16,
        trigger: u16,
        state: u16,
        #[wire(scale = 1e-7, unit = "deg")]
        lat: i32,
        #[wire(scale = 1e-7, unit = "deg")]
        lon: i32,
        rssi: u16,
        satellites: u16,
        visible: u16,
        antenna: u16,
        #[wire(scale = 0.1, unit = "m/s")]
        speed: u16,
        course: u16,
        odometer: u32,
        battery: u16,
        charge: u16,
        #[wire(as = u32)]
        fix: UnixSeconds,
        #[wire(rest)]
        more: &'a [u8],
    },
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        kind: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// 04
#[derive(ExProtoFrame, Debug)]
#[frame(max = 2048)]
#[wire(endian = little, before(b"\x04"), before(length: u16 = size(..), range = 19..=2048))]
#[route(one_of = Port<'_>, auth(client_id = format!("{:08}{:07}", frame.tac, frame.serial)), publish("tramigo/{client_id}/record", each = records))]
struct Records<'a> {
    checksum: u16,
    index: u16,
    tac: u32,
    serial: u32,
    #[wire(as = u32)]
    time: UnixSeconds,
    #[wire(rest, lenient)]
    records: List<'a, Record<'a>>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(tag = u8, endian = little)]
enum Record<'a> {
    #[wire(tag = 0)]
    Status {
        event: u16,
        event_data: u32,
        #[wire(bits = 5)]
        status_low: u8,
        #[wire(bits = 1)]
        ignition: bool,
        #[wire(bits = 10)]
        status_high: u16,
        #[wire(scale = 1e-5, unit = "deg")]
        lat: i32,
        #[wire(scale = 1e-5, unit = "deg")]
        lon: i32,
        #[wire(unit = "km/h")]
        speed: u16,
        course: u16,
        rssi: u8,
        gps: u8,
        battery: u8,
        trip: u16,
        #[wire(scale = 0.001)]
        acceleration: u16,
        #[wire(scale = 0.001)]
        deceleration: u16,
        bearing: u16,
        distance: u32,
        #[wire(as = u32, after(_: u8))]
        fix: UnixSeconds,
    },
    #[wire(tag = 1)]
    Landmark {
        #[wire(before(length: u16 = size(landmark) + 3))]
        landmark: Landmark<'a>,
    },
    #[wire(tag = 4)]
    Trip(Trip),
    #[wire(tag = 20)]
    Extended([u8; 32]),
    #[wire(tag = 22)]
    Zone {
        flag: u8,
        #[wire(size = prefix(u16), as = Ascii)]
        name: Text<'a>,
    },
    #[wire(tag = 30)]
    System([u8; 79]),
    #[wire(tag = 40)]
    Analog([u8; 40]),
    #[wire(tag = 50)]
    Console {
        #[wire(before(length: u16 = size(text) + 3), as = Ascii)]
        text: Text<'a>,
    },
    #[wire(tag = 255)]
    Ack(u32),
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
struct Trip {
    #[wire(as = u32)]
    start: UnixSeconds,
    _a: u32,
    _b: u32,
    #[wire(scale = 1e-5, unit = "deg")]
    start_lat: i32,
    #[wire(scale = 1e-5, unit = "deg")]
    start_lon: i32,
    #[wire(as = u32)]
    end: UnixSeconds,
    _c: u32,
    _d: u16,
    _e: u16,
    #[wire(scale = 1e-5, unit = "deg")]
    end_lat: i32,
    #[wire(scale = 1e-5, unit = "deg")]
    end_lon: i32,
    #[wire(unit = "m")]
    distance: u32,
    _f: u16,
    _g: u16,
    _h: u16,
    _i: u16,
    _j: u8,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
struct Landmark<'a> {
    bearing: u32,
    distance: u32,
    #[wire(before(name_size: u16 = size(name)), before(area_size: u16 = size(area)), before(city_size: u16 = size(city)))]
    #[wire(size = 2, as = Ascii)]
    country: Text<'a>,
    #[wire(as = Ascii)]
    name: Text<'a>,
    #[wire(as = Ascii)]
    area: Text<'a>,
    #[wire(as = Ascii)]
    city: Text<'a>,
}

/// `gprs,ack,50214`, with nothing behind it.
#[derive(ExProtoFrame, Debug)]
#[frame(datagram)]
#[wire(before(b"gprs,ack,"))]
#[route(one_of = Port<'_>, sent)]
struct Ack {
    #[wire(rest, as = Decimal::places(0))]
    index: u16,
}

/// Frames of Traccar's tests.
fn real() -> Vec<Vec<u8>> {
    frames(include_str!("../captures/tramigo/traccar.hexl"))
}

/// A position, of which Traccar has a decoder and no frame.
fn position() -> Vec<u8> {
    unhex(
        "0100 0700 0001 003e 4200 0100 04030201 00000000 0100 0200 80969800 00e1f505 1400 0900 0b00 0000 6400 b400
         10270000 a00f 5a00 001bc65f 000000000000",
    )
}

#[test]
fn frames_are_read_and_written_again() {
    let json = sound::<Port<'static>>(&[real(), vec![position()]].concat());
    let landmark = json!({
        "bearing": 0, "distance": 0, "country": "ZW", "name": "Coca-Cola Bottling Plant Harare",
        "area": "Graniteside", "city": "Harare",
    });
    assert_eq!(json[0]["records"]["records"][1]["landmark"]["landmark"], landmark);
    assert_eq!(json[15]["binary"]["body"]["position"]["lat"], 1);
    // The search skips noise that no kind begins with.
    for frame in real() {
        let conn = sent::<Port<'static>>(&[b"noise", &frame[..]].concat());
        assert_eq!(conn.publishes(), sent::<Port<'static>>(&frame).publishes());
    }
}

#[test]
fn reports_are_published_and_taken_by_their_number() {
    for frame in real() {
        let conn = sent::<Port<'static>>(&frame);
        if frame[0] == 0x80 {
            let index = u16::from_be_bytes([frame[2], frame[3]]);
            assert_eq!(conn.sent(), format!("gprs,ack,{index}").as_bytes());
        }
    }
    let conn = sent::<Port<'static>>(&real()[3]);
    assert_eq!(topics(&conn), ["tramigo/58038277/report"]);
    assert!(conn.publishes()[0].text().contains("Moving"));
    let ping = sent::<Port<'static>>(&real()[6]);
    assert!(ping.publishes().is_empty());
}

#[test]
fn records_are_published_one_by_one() {
    let conn = sent::<Port<'static>>(&real()[0]);
    assert_eq!(conn.client_id(), "352625695239614");
    assert_eq!(topics(&conn).len(), 3);
    let trip = &conn.publishes()[0].json()["trip"];
    assert_eq!((&trip["start_lat"], &trip["start_lon"]), (&json!(-17.85246), &json!(31.05215)));
    assert_eq!(trip["start"], "2023-02-15T08:19:03Z");
}
