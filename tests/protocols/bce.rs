//! BCE's trackers: four masks, each of which says whether the next is there, decide
//! which values a record has.

use exproto_runtime::codec::{Flag, List, Ticks};
use exproto_runtime::prelude::*;
use serde_json::json;

use super::{frames, refused, sent, sound, support, topics};

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway, nulls = omit)]
pub enum Port<'a> {
    #[frame(first)]
    Hello(Hello),
    #[frame(lead = [_, _, _, _, _, _, 0..=3, 0])]
    Packet(Packet<'a>),
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(before(b"#BCE#\r\n"))]
#[route(one_of = Port<'_>, ignore)]
pub struct Hello {}

#[derive(ExProtoFrame, Debug)]
#[frame(max = 2100)]
#[wire(endian = little)]
#[route(one_of = Port<'_>, downlink = down)]
pub struct Packet<'a> {
    imei: u64,
    #[wire(before(length: u16 = size(kind..=body), range = 2..=2000, strict), before(kind: u8 = tag(body)))]
    #[wire(after(check: u8 = sum(imei..)))]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = little)]
#[route(auth(client_id = "{imei:015}", username = "{imei:015}"))]
pub enum Body<'a> {
    #[wire(tag = 0xA5)]
    #[route(publish("bce/{client_id}/record", qos = 1, each = records), reply = confirm)]
    Stack {
        #[wire(bits = 7)]
        key: u8,
        #[wire(bits = 1)]
        high: bool,
        #[wire(rest)]
        records: List<'a, Record<'a>>,
    },
    #[wire(tag = 0xA0)]
    #[route(publish("bce/{client_id}/record", qos = 1, each = records))]
    TimeTriggered {
        key: u8,
        #[wire(rest)]
        records: List<'a, Record<'a>>,
    },
    #[wire(tag = 0xC1)]
    #[route(publish("bce/{client_id}/answer/{request}"), answers = key)]
    OutputDone { key: u8, result: u8 },
    #[wire(tag = 0x19)]
    #[route(sent)]
    Confirm { key: u8 },
    #[wire(tag = 0x41)]
    #[route(deliver("bce/{client_id}/down/output", qos = 1, answer = key))]
    Output {
        key: u8,
        #[wire(before(index: u8 = 0xFF), before(form: u8 = 0))]
        value: u16,
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
pub struct Record<'a>(#[wire(size = prefix(u8), extra)] Content<'a>);

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
pub struct Content<'a> {
    #[wire(before(kind: bits(4) = tag(event)), bits = 28)]
    time: Ticks<1, 2, 1_199_145_600>,
    event: Event<'a>,
}

#[derive(ExProtoFrame, Debug, Clone)]
pub enum Event<'a> {
    #[wire(tag = 7)]
    Data(Data),
    #[wire(other)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(endian = little)]
pub struct Fix {
    #[wire(unit = "deg")]
    lon: f32,
    #[wire(unit = "deg")]
    lat: f32,
    #[wire(unit = "km/h")]
    speed: u8,
    #[wire(bits = 4)]
    satellites: u8,
    #[wire(bits = 4)]
    hdop: u8,
    #[wire(scale = 2, unit = "deg")]
    course: u8,
    #[wire(unit = "m")]
    altitude: u16,
    #[wire(unit = "m")]
    odometer: u32,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(endian = little)]
pub struct Cell {
    mcc: u16,
    mnc: u8,
    lac: u16,
    cid: u16,
    rssi: u8,
    more: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(endian = little)]
pub struct Fuel {
    level: u16,
    temperature: i8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
pub struct Max {
    #[wire(scale = 0.02)]
    acceleration: u8,
    #[wire(scale = 0.02)]
    braking: u8,
    #[wire(scale = 0.02)]
    cornering: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(endian = little)]
pub struct Temperature {
    #[wire(scale = 0.1, offset = -273, unit = "°C", sentinel(0 => null))]
    value: u16,
    id: [u8; 8],
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
pub struct Drivers {
    first: [u8; 16],
    second: [u8; 16],
}

/// A stack that is not confirmed comes again.
fn confirm(frame: &Packet<'_>, _: &mut Cx<'_, ()>, outcome: &Outcome) -> Option<Packet<'static>> {
    let Body::Stack { key, .. } = frame.body else { return None };
    outcome.is_done().then_some(Packet { imei: frame.imei, body: Body::Confirm { key } })
}

fn down<'a>(body: Body<'a>, cx: &mut Cx<'_, ()>) -> Packet<'a> {
    Packet { imei: cx.client_id.parse().unwrap_or(0), body }
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
pub struct Data {
    #[wire(before(has_fix: bits(1) = present(fix)), before(has_input: bits(1) = present(input)), before(has_adc1: bits(1) = present(adc1)), before(has_adc2: bits(1) = present(adc2)), before(has_adc3: bits(1) = present(adc3)), before(has_adc4: bits(1) = present(adc4)), before(has_adc5: bits(1) = present(adc5)), before(has_adc6: bits(1) = present(adc6)), before(has_adc7: bits(1) = present(adc7)), before(has_adc8: bits(1) = present(adc8)), before(has_unknown1a: bits(1) = present(unknown1a)), before(has_unknown1b: bits(1) = present(unknown1b)), before(has_unknown1c: bits(1) = present(unknown1c)), before(has_unknown1d: bits(1) = present(unknown1d)), before(has_cell: bits(1) = present(cell)))]
    #[wire(before(more1: bits(1) = present(mask2)))]
    #[wire(hidden)]
    mask2: Option<Mask2>,
    #[wire(if = mask2.is_some_and(|mask| mask.more), hidden)]
    mask3: Option<Mask3>,
    #[wire(if = mask3.is_some_and(|mask| mask.more), hidden)]
    mask4: Option<Mask4>,
    fix: Option<Fix>,
    input: Option<u16>,
    adc1: Option<u16>,
    adc2: Option<u16>,
    adc3: Option<u16>,
    adc4: Option<u16>,
    adc5: Option<u16>,
    adc6: Option<u16>,
    adc7: Option<u16>,
    adc8: Option<u16>,
    unknown1a: Option<u32>,
    unknown1b: Option<u32>,
    unknown1c: Option<u16>,
    unknown1d: Option<u16>,
    cell: Option<Cell>,
    #[wire(if = mask2.is_some_and(|mask| mask.wheel_speed))]
    wheel_speed: Option<u16>,
    #[wire(if = mask2.is_some_and(|mask| mask.pedal))]
    pedal: Option<u8>,
    #[wire(if = mask2.is_some_and(|mask| mask.fuel_used))]
    fuel_used: Option<u32>,
    #[wire(if = mask2.is_some_and(|mask| mask.fuel_level))]
    fuel_level: Option<u8>,
    #[wire(if = mask2.is_some_and(|mask| mask.engine_speed))]
    engine_speed: Option<u16>,
    #[wire(if = mask2.is_some_and(|mask| mask.hours))]
    hours: Option<u32>,
    #[wire(if = mask2.is_some_and(|mask| mask.distance))]
    distance: Option<u32>,
    #[wire(if = mask2.is_some_and(|mask| mask.coolant))]
    coolant: Option<u8>,
    #[wire(if = mask2.is_some_and(|mask| mask.fuel_level2))]
    fuel_level2: Option<u8>,
    #[wire(if = mask2.is_some_and(|mask| mask.load))]
    load: Option<u8>,
    #[wire(if = mask2.is_some_and(|mask| mask.service_distance))]
    service_distance: Option<u16>,
    #[wire(if = mask2.is_some_and(|mask| mask.sensors))]
    sensors: Option<[u8; 8]>,
    #[wire(if = mask2.is_some_and(|mask| mask.ambient))]
    ambient: Option<u16>,
    #[wire(if = mask2.is_some_and(|mask| mask.trailer))]
    trailer: Option<[u8; 8]>,
    #[wire(if = mask2.is_some_and(|mask| mask.fuel_rate))]
    fuel_rate: Option<u16>,
    #[wire(if = mask3.is_some_and(|mask| mask.economy))]
    economy: Option<u16>,
    #[wire(if = mask3.is_some_and(|mask| mask.consumption))]
    consumption: Option<u32>,
    #[wire(if = mask3.is_some_and(|mask| mask.axle), as = u24)]
    axle: Option<u32>,
    #[wire(if = mask3.is_some_and(|mask| mask.mil))]
    mil: Option<u8>,
    #[wire(if = mask3.is_some_and(|mask| mask.dtc))]
    dtc: Option<[u8; 20]>,
    #[wire(if = mask3.is_some_and(|mask| mask.unknown3))]
    unknown3: Option<u16>,
    #[wire(if = mask3.is_some_and(|mask| mask.driver))]
    driver: Option<u64>,
    #[wire(if = mask3.is_some_and(|mask| mask.dallas), scale = 0.1, offset = -273, unit = "°C")]
    dallas: Option<u16>,
    #[wire(if = mask3.is_some_and(|mask| mask.humidity))]
    humidity: Option<u16>,
    #[wire(if = mask3.is_some_and(|mask| mask.fuel12))]
    fuel12: Option<[Fuel; 2]>,
    #[wire(if = mask3.is_some_and(|mask| mask.fuel34))]
    fuel34: Option<[Fuel; 2]>,
    #[wire(if = mask3.is_some_and(|mask| mask.j1979))]
    j1979: Option<[u8; 21]>,
    #[wire(if = mask3.is_some_and(|mask| mask.j1979_dtc))]
    j1979_dtc: Option<[u8; 20]>,
    #[wire(if = mask3.is_some_and(|mask| mask.j1708))]
    j1708: Option<[u8; 9]>,
    #[wire(if = mask3.is_some_and(|mask| mask.quality))]
    quality: Option<[u8; 21]>,
    #[wire(if = mask4.is_some_and(|mask| mask.unknown4a))]
    unknown4a: Option<u32>,
    #[wire(if = mask4.is_some_and(|mask| mask.lls3))]
    lls3: Option<[u8; 30]>,
    #[wire(if = mask4.is_some_and(|mask| mask.instant))]
    instant: Option<u32>,
    #[wire(if = mask4.is_some_and(|mask| mask.axles))]
    axles: Option<[u8; 10]>,
    #[wire(if = mask4.is_some_and(|mask| mask.unknown4b))]
    unknown4b: Option<u8>,
    #[wire(if = mask4.is_some_and(|mask| mask.unknown4c))]
    unknown4c: Option<u16>,
    #[wire(if = mask4.is_some_and(|mask| mask.max))]
    max: Option<Max>,
    #[wire(if = mask4.is_some_and(|mask| mask.unknown4d))]
    unknown4d: Option<[u8; 16]>,
    #[wire(if = mask4.is_some_and(|mask| mask.temperatures))]
    temperatures: Option<[Temperature; 4]>,
    #[wire(if = mask4.is_some_and(|mask| mask.drivers))]
    drivers: Option<Drivers>,
    #[wire(if = mask4.is_some_and(|mask| mask.odometer2))]
    odometer2: Option<u32>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(endian = little)]
pub struct Mask2 {
    #[wire(bits = 1)]
    wheel_speed: bool,
    #[wire(bits = 1)]
    pedal: bool,
    #[wire(bits = 1)]
    fuel_used: bool,
    #[wire(bits = 1)]
    fuel_level: bool,
    #[wire(bits = 1)]
    engine_speed: bool,
    #[wire(bits = 1)]
    hours: bool,
    #[wire(bits = 1)]
    distance: bool,
    #[wire(bits = 1)]
    coolant: bool,
    #[wire(bits = 1)]
    fuel_level2: bool,
    #[wire(bits = 1)]
    load: bool,
    #[wire(bits = 1)]
    service_distance: bool,
    #[wire(bits = 1)]
    sensors: bool,
    #[wire(bits = 1)]
    ambient: bool,
    #[wire(bits = 1)]
    trailer: bool,
    #[wire(bits = 1)]
    fuel_rate: bool,
    #[wire(bits = 1)]
    more: bool,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(endian = little)]
pub struct Mask3 {
    #[wire(bits = 1)]
    economy: bool,
    #[wire(bits = 1)]
    consumption: bool,
    #[wire(bits = 1)]
    axle: bool,
    #[wire(bits = 1)]
    mil: bool,
    #[wire(bits = 1)]
    dtc: bool,
    #[wire(bits = 1)]
    unknown3: bool,
    #[wire(bits = 1)]
    driver: bool,
    #[wire(bits = 1)]
    dallas: bool,
    #[wire(bits = 1)]
    humidity: bool,
    #[wire(bits = 1)]
    fuel12: bool,
    #[wire(bits = 1)]
    fuel34: bool,
    #[wire(bits = 1)]
    j1979: bool,
    #[wire(bits = 1)]
    j1979_dtc: bool,
    #[wire(bits = 1)]
    j1708: bool,
    #[wire(bits = 1)]
    quality: bool,
    #[wire(bits = 1)]
    more: bool,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(endian = little)]
pub struct Mask4 {
    #[wire(bits = 1)]
    unknown4a: bool,
    #[wire(bits = 1)]
    lls3: bool,
    #[wire(bits = 1)]
    instant: bool,
    #[wire(bits = 1)]
    axles: bool,
    #[wire(bits = 1)]
    unknown4b: bool,
    #[wire(bits = 1)]
    unknown4c: bool,
    #[wire(bits = 1)]
    max: bool,
    #[wire(bits = 1)]
    unknown4d: bool,
    #[wire(bits = 1)]
    temperatures: bool,
    #[wire(bits = 1)]
    drivers: bool,
    #[wire(bits = 1)]
    odometer2: bool,
    #[wire(before(_: bits(4)), bits = 1)]
    more: bool,
}

/// Frames of Traccar's tests.
fn real() -> Vec<Vec<u8>> {
    frames(include_str!("../captures/bce/traccar.hexl"))
}

const HELLO: &[u8] = b"#BCE#\r\n";

/// IMEI, length and content, their sum.
fn framed(imei: &[u8], content: &[u8]) -> Vec<u8> {
    let mut all = [imei, &(content.len() as u16).to_le_bytes(), content].concat();
    all.push(all.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)));
    all
}

#[test]
fn frames_are_read_and_written_again() {
    let real = real();
    // The fourth mask of one says more than is known; what that is, is kept.
    const MORE: usize = 2;
    let known: Vec<_> = [&real[..MORE], &real[MORE + 1..]].concat();
    sound::<Port<'static>>(&known);
    let more = support::seen::<Port<'static>>("more", &real[MORE]).remove(0).flags;
    assert_eq!(more.iter().collect::<Vec<_>>(), [Flag::Reserved, Flag::Extra]);
    for frame in &real {
        // What a sum of eight bits does not tell: where the next frame begins.
        refused::<Port<'static>>(frame, 0);
    }
}

#[test]
fn records_are_published_and_confirmed_by_their_key() {
    for (frame, count) in real().iter().zip([1, 2, 11, 6, 8, 3, 1, 1, 9, 28]) {
        let mut conn = sent::<Port<'static>>(&[HELLO, frame].concat());
        let imei = format!("{:015}", u64::from_le_bytes(frame[..8].try_into().unwrap()));
        assert_eq!(conn.client_id(), imei);
        let confirmed =
            if frame[10] == 0xA5 { framed(&frame[..8], &[0x19, frame[11] & 0x7F]) } else { vec![] };
        assert_eq!(conn.take_sent(), confirmed);
        assert_eq!(conn.publishes().len(), count);
    }
    let record = sent::<Port<'static>>(&real()[6]).publishes()[0].json();
    assert_eq!(record["time"], "2014-12-18T01:36:58Z");
    let data = &record["event"]["data"];
    let fix = json!({
        "lon": 39.271946, "lat": 21.188976, "speed": 73, "satellites": 8, "hdop": 1, "course": 354,
        "altitude": 21, "odometer": 0,
    });
    let cell =
        json!({"mcc": 420, "mnc": 4, "lac": 42030, "cid": 57621, "rssi": 2, "more": data["cell"]["more"]});
    assert_eq!((&data["fix"], &data["cell"], &data["input"]), (&fix, &cell, &json!(721)));
    assert_eq!(data.get("dtc"), None);
}

#[test]
fn a_command_is_answered_by_its_key() {
    let imei = &real()[6][..8];
    let mut conn = sent::<Port<'static>>(&real()[6]);
    conn.message("bce/359006055003838/down/output", br#"{"key":11,"value":85}"#);
    assert_eq!(conn.take_sent(), framed(imei, &[0x41, 11, 0xFF, 0, 85, 0]));
    conn.send(&framed(imei, &[0xC1, 11, 0xFF]));
    assert_eq!(topics(&conn)[1], "bce/359006055003838/answer/output");
}
