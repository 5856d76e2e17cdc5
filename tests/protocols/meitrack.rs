//! Meitrack's trackers: text and binary behind the same header, whose length and
//! checksum are text.

use exproto_runtime::codec::{Armor, Dec, Decimal, Flag, HexNum, List, TextTime, Ticks, TimeLayout, Word};
use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;
use serde_json::json;

use super::{cut_everywhere, frames, sent, sound, spared, support, topics};

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway)]
enum Port<'a> {
    Up(Up<'a>),
    #[frame(sent)]
    Down(Down<'a>),
}

/// `$$A158,IMEI,AAA,..*4A\r\n`: the length counts from the first comma to the end of the line.
#[derive(ExProtoFrame, Debug)]
#[frame(max = 4096)]
#[wire(before(b"$$"))]
#[route(one_of = Port<'_>)]
struct Up<'a> {
    #[wire(range = 0x41..=0x7A)]
    flag: u8,
    #[wire(before(length: dec = size(imei..) + 1, until = b","))]
    #[wire(until = b",", as = Ascii, max = 15)]
    imei: Text<'a>,
    #[wire(is = tag(body), until = b",")]
    command: Word,
    #[wire(after(b"*"), after(check: hex(2) = sum8(..)), after(b"\r\n"))]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = little)]
#[route(auth(client_id = "{imei}", username = "{imei}"))]
enum Body<'a> {
    #[wire(tag = b"AAA")]
    #[route(publish("meitrack/{client_id}/position", qos = 1))]
    Position(Position<'a>),
    #[wire(tag = b"AFF")]
    #[route(publish("meitrack/{client_id}/stored", qos = 1))]
    Stored {
        #[wire(until = b",")]
        remaining: Dec,
        position: Position<'a>,
    },
    #[wire(tag = b"CCC")]
    #[route(publish("meitrack/{client_id}/record", qos = 1, each = records), reply = stored)]
    Batch {
        version: u16,
        record_size: u16,
        remaining: u32,
        #[wire(count = left / record_size as usize, ctx(record_size))]
        records: List<'a, Sized>,
    },
    #[wire(tag = b"CCE")]
    #[route(publish("meitrack/{client_id}/record", qos = 1, each = records))]
    Parameters {
        remaining: u32,
        #[wire(before(count: u16 = count(records)))]
        records: List<'a, Parameters<'a>>,
    },
    #[wire(tag = b"D00")]
    #[route(publish("meitrack/{client_id}/photo/{file}/{current}", payload = data), reply = next_part)]
    Photo {
        #[wire(until = b",", as = Ascii)]
        file: Text<'a>,
        #[wire(until = b",", as = Decimal::places(0))]
        total: u16,
        #[wire(until = b",", as = Decimal::places(0))]
        current: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
    #[wire(tag = b"D03")]
    #[route(reply = first_part)]
    PhotoTaken {
        #[wire(rest, as = Ascii)]
        result: Text<'a>,
    },
    #[wire(other)]
    #[route(publish("meitrack/{client_id}/other"))]
    Other {
        #[wire(tag)]
        command: Word,
        #[wire(rest)]
        data: &'a [u8],
    },
}

struct Stamp;
impl TimeLayout for Stamp {
    const PATTERN: &'static str = "YYMMDDhhmmss";
    const YEAR: i64 = 2000;
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
struct Position<'a> {
    event: Dec,
    #[wire(as = Decimal::places(6), scale = 1e-6, range = -90_000_000..=90_000_000)]
    lat: i32,
    #[wire(as = Decimal::places(6), scale = 1e-6, range = -180_000_000..=180_000_000)]
    lon: i32,
    time: TextTime<Stamp>,
    valid: Validity,
    satellites: Dec,
    rssi: Dec,
    #[wire(unit = "km/h")]
    speed: Dec,
    course: Dec,
    hdop: Dec,
    #[wire(unit = "m")]
    altitude: Dec,
    #[wire(unit = "m")]
    odometer: Dec,
    #[wire(unit = "s")]
    runtime: Dec,
    cell: Cell,
    #[wire(as = Armor::HEX)]
    io: InOut,
    /// Hexadecimal, or volts with a point.
    #[wire(sep = b'|', each(as = Ascii))]
    analog: Vec<TextBuf>,
    #[wire(as = Ascii)]
    event_data: Option<Text<'a>>,
    #[wire(as = Ascii)]
    reserved: Option<Text<'a>>,
    protocol: Option<Dec>,
    fuel: Option<HexNum>,
    /// Of devices with protocol 3 and later.
    #[wire(sep = b'|', each(size = 6, as = Armor::HEX))]
    temperatures: Option<Vec<Sensor>>,
    data_count: Option<Dec>,
    #[wire(as = Ascii)]
    data: Option<Text<'a>>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
enum Validity {
    #[wire(tag = 0x41)]
    Valid,
    #[wire(tag = 0x56)]
    Invalid,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b'|')]
struct Cell {
    mcc: Dec,
    mnc: Dec,
    lac: HexNum,
    cid: HexNum,
}

/// `06FB2E`: sensor and hundredths of a degree.
#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
struct Sensor {
    id: u8,
    #[wire(scale = 0.01, unit = "°C")]
    temperature: i16,
}

#[derive(ExProtoFrame, Debug)]
struct InOut {
    inputs: u8,
    outputs: u8,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(ctx(record_size: u16))]
struct Sized(#[wire(size = record_size, extra)] Record);

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
struct Record {
    event: u8,
    #[wire(scale = 1e-6, unit = "deg")]
    lat: i32,
    #[wire(scale = 1e-6, unit = "deg")]
    lon: i32,
    #[wire(as = u32)]
    time: Ticks<1, 1, 946_684_800>,
    #[wire(as = u8)]
    valid: bool,
    satellites: u8,
    rssi: u8,
    #[wire(unit = "km/h")]
    speed: u16,
    course: u16,
    #[wire(scale = 0.1)]
    hdop: u16,
    altitude: i16,
    odometer: u32,
    runtime: u32,
    mcc: u16,
    mnc: u16,
    lac: u16,
    cid: u16,
    status: u16,
    adc1: u16,
    #[wire(scale = 0.01, unit = "V")]
    battery: u16,
    #[wire(scale = 0.01, unit = "V")]
    power: u16,
    geofence: u32,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
struct Parameters<'a> {
    #[wire(before(length: u16 = size(index..)))]
    index: u16,
    #[wire(count = prefix(u8))]
    bytes: List<'a, Byte>,
    #[wire(count = prefix(u8))]
    words: List<'a, Short>,
    #[wire(count = prefix(u8))]
    longs: List<'a, Long>,
    #[wire(count = prefix(u8))]
    blobs: List<'a, Blob<'a>>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(tag = u8)]
enum Byte {
    #[wire(tag = 0x01)]
    Event(u8),
    #[wire(tag = 0x05)]
    Valid(#[wire(as = u8)] bool),
    #[wire(tag = 0x06)]
    Satellites(u8),
    #[wire(tag = 0x07)]
    Rssi(u8),
    #[wire(tag = 0x14)]
    Outputs(u8),
    #[wire(tag = 0x15)]
    Inputs(u8),
    #[wire(tag = 0x1B)]
    Charging(u8),
    #[wire(tag = 0x97)]
    Throttle(u8),
    #[wire(tag = 0x9D)]
    Fuel(u8),
    #[wire(tag = 0xFE)]
    Extended(ByteFe),
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        value: u8,
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(tag = u8)]
enum ByteFe {
    #[wire(tag = 0x69)]
    BatteryLevel(u8),
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        value: u8,
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(tag = u8, endian = little)]
enum Short {
    #[wire(tag = 0x08)]
    Speed(u16),
    #[wire(tag = 0x09)]
    Course(u16),
    #[wire(tag = 0x0A)]
    Hdop(#[wire(scale = 0.1)] u16),
    #[wire(tag = 0x0B)]
    Altitude(i16),
    #[wire(tag = 0x16)]
    Adc1(#[wire(scale = 0.01)] u16),
    #[wire(tag = 0x19)]
    Battery(#[wire(scale = 0.01, unit = "V")] u16),
    #[wire(tag = 0x1A)]
    Power(#[wire(scale = 0.01, unit = "V")] u16),
    #[wire(tag = 0x40)]
    Event(u16),
    #[wire(tag = 0x91 | 0x92)]
    ObdSpeed {
        #[wire(tag)]
        id: u8,
        value: u16,
    },
    #[wire(tag = 0x98)]
    FuelUsed(u16),
    #[wire(tag = 0x99)]
    Rpm(u16),
    #[wire(tag = 0x9C)]
    Coolant(u16),
    #[wire(tag = 0xFE)]
    Extended { id: u8, value: u16 },
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        value: u16,
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(tag = u8, endian = little)]
enum Long {
    #[wire(tag = 0x02)]
    Lat(#[wire(scale = 1e-6)] i32),
    #[wire(tag = 0x03)]
    Lon(#[wire(scale = 1e-6)] i32),
    #[wire(tag = 0x04)]
    Time(#[wire(as = u32)] Ticks<1, 1, 946_684_800>),
    #[wire(tag = 0x0C)]
    Odometer(u32),
    #[wire(tag = 0x0D)]
    Runtime(u32),
    #[wire(tag = 0xA0)]
    FuelUsed(#[wire(scale = 0.001)] u32),
    #[wire(tag = 0xA2)]
    FuelConsumption(#[wire(scale = 0.01)] u32),
    #[wire(tag = 0xFE)]
    Extended { id: u8, value: u32 },
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        value: u32,
    },
}

/// A value of any length behind its id.
#[derive(ExProtoFrame, Debug, Clone)]
#[wire(tag = u8)]
enum Blob<'a> {
    #[wire(tag = 0x0E)]
    Cell {
        #[wire(size = prefix(u8))]
        cell: CellTower,
    },
    #[wire(tag = 0xFE)]
    Extended {
        id: u8,
        #[wire(size = prefix(u8))]
        data: &'a [u8],
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(size = prefix(u8))]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
struct CellTower {
    mcc: u16,
    mnc: u16,
    lac: u16,
    cid: u32,
    rssi: i16,
}

/// `@@A27,IMEI,CCC,1*..\r\n`; all commands have three letters.
#[derive(ExProtoFrame, Debug)]
#[frame(max = 1024)]
#[wire(before(b"@@"))]
#[route(one_of = Port<'_>, downlink = envelope)]
struct Down<'a> {
    flag: u8,
    #[wire(before(length: dec = size(imei..) + 1, until = b","))]
    #[wire(until = b",", as = Ascii, max = 15)]
    imei: TextBuf,
    #[wire(is = tag(body), size = 3)]
    command: Word,
    #[wire(after(b"*"), after(check: hex(2) = sum8(..)), after(b"\r\n"))]
    body: Command<'a>,
}

#[derive(ExProtoFrame, Debug)]
enum Command<'a> {
    #[wire(tag = b"CCC")]
    #[route(sent)]
    Stored {
        #[wire(before(b","), rest, as = Decimal::places(0))]
        records: u16,
    },
    #[wire(tag = b"D00")]
    #[route(sent)]
    PhotoPart {
        #[wire(before(b","), until = b",", as = Ascii)]
        file: Text<'a>,
        #[wire(rest, as = Decimal::places(0))]
        part: u16,
    },
    #[wire(tag = b"A10")]
    #[route(deliver("meitrack/{client_id}/locate"))]
    Locate,
    #[wire(tag = b"C01")]
    #[route(deliver("meitrack/{client_id}/outputs"))]
    Outputs {
        #[wire(before(b","), until = b",", as = Decimal::places(0))]
        speed: u8,
        #[wire(rest, as = Ascii)]
        states: Text<'a>,
    },
}

fn down<'a>(flag: u8, imei: &str, body: Command<'a>) -> Down<'a> {
    Down { flag, imei: imei.into(), command: Word::default(), body }
}

fn envelope<'a>(body: Command<'a>, cx: &mut Cx<'_, ()>) -> Down<'a> {
    down(b'A', cx.client_id, body)
}

/// How many records the broker has taken.
fn stored<'a>(frame: &Up<'a>, _: &mut Cx<'_, ()>, outcome: &Outcome) -> Option<Port<'a>> {
    let Body::Batch { records, .. } = &frame.body else { return None };
    let records = records.len() as u16;
    let stored = Command::Stored { records };
    outcome.is_done().then(|| Port::Down(down(frame.flag, &frame.imei.to_str(), stored)))
}

/// A photo comes in eights of parts.
fn next_part<'a>(frame: &Up<'a>, _: &mut Cx<'_, ()>, _: &Outcome) -> Option<Port<'a>> {
    let Body::Photo { file, total, current, .. } = frame.body else { return None };
    let part = current.checked_add(1)?;
    let ask = || Port::Down(down(b'O', &frame.imei.to_str(), Command::PhotoPart { file, part }));
    (part < total && part % 8 == 0).then(ask)
}

fn first_part<'a>(frame: &Up<'a>, _: &mut Cx<'_, ()>, _: &Outcome) -> Port<'a> {
    let ask = Command::PhotoPart { file: "camera_picture.jpg".into(), part: 0 };
    Port::Down(down(b'O', &frame.imei.to_str(), ask))
}

/// Lines of Traccar's tests, with the line ends that these leave out.
fn lines(lines: &str) -> Vec<Vec<u8>> {
    lines.lines().map(|line| format!("{line}\r\n").into_bytes()).collect()
}

fn text() -> Vec<Vec<u8>> {
    lines(include_str!("../captures/meitrack/traccar.txt"))
}

fn binary() -> Vec<Vec<u8>> {
    frames(include_str!("../captures/meitrack/traccar.hexl"))
}

/// What ends in `*`, with its checksum.
fn sealed(text: &[u8]) -> Vec<u8> {
    let sum = text.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    [text, format!("{sum:02X}\r\n").as_bytes()].concat()
}

#[test]
fn frames_are_read_and_written_again() {
    let mut all = [text(), binary()].concat();
    // Two have their checksum in lower case, which we would not write.
    for frame in all.drain(text().len() + 4..) {
        let seen = support::seen::<Port<'static>>("lower case", &frame).remove(0);
        assert_eq!(seen.flags.iter().collect::<Vec<_>>(), [Flag::Reserved]);
        cut_everywhere::<Port<'static>>(&frame);
    }
    for frame in sound::<Port<'static>>(&all) {
        assert_eq!(frame["up"]["body"].get("other"), None, "{frame}");
    }
    for frame in [text(), binary()].concat() {
        spared::<Port<'static>>(&frame, 2);
    }
}

#[test]
fn lines_that_were_changed_by_hand_are_refused() {
    let good = &text()[0];
    for edited in lines(include_str!("../captures/meitrack/edited.txt")) {
        let conn = sent::<Port<'static>>(&[&b"noise"[..], &edited, good].concat());
        assert_eq!(topics(&conn), ["meitrack/867047043162018/position"]);
    }
}

#[test]
fn positions_are_published() {
    let conn = sent::<Port<'static>>(&text()[0]);
    let position = conn.publishes()[0].json();
    assert_eq!((&position["lat"], &position["lon"]), (&json!(-1.264865), &json!(36.800705)));
    assert_eq!(position["time"], "2021-10-01T10:52:40Z");
    assert_eq!(position["analog"], json!(["4.33", "12.96", "1.92", "2.72", "2.69"]));

    let line = b"$$V184,863835026871173,AAA,35,34.516428,10.470160,170915154043,A,9,12,68,74,0.9,9,1988259,\
        525882,605|2|008C|0007B5A6,0200,0003|0000|0000|01A6|0571,00000001,,3,0000,06FB2E|07010A,360,511*";
    let conn = sent::<Port<'static>>(&sealed(line));
    let sensors = json!([{"id": 6, "temperature": -12.34}, {"id": 7, "temperature": 2.66}]);
    assert_eq!(conn.publishes()[0].json()["temperatures"], sensors);
}

#[test]
fn records_are_published_one_by_one_and_counted() {
    for (frame, count) in binary().iter().zip([3, 1, 1, 3, 1, 18]) {
        assert_eq!(sent::<Port<'static>>(frame).publishes().len(), count);
    }
    let mut conn = sent::<Port<'static>>(&binary()[4]);
    assert_eq!(conn.take_sent(), sealed(b"@@X27,369800014090021,CCC,1*"));
    assert!(conn.message("meitrack/369800014090021/locate", b"{}"));
    assert_eq!(conn.take_sent(), sealed(b"@@A25,369800014090021,A10*"));
    assert!(conn.message("meitrack/369800014090021/outputs", br#"{"speed":0,"states":"12222"}"#));
    assert_eq!(conn.take_sent(), sealed(b"@@A33,369800014090021,C01,0,12222*"));
}

#[test]
fn a_photo_is_fetched_in_parts_with_any_bytes() {
    let mut conn: TestConn<Port<'static>> = sent(&sealed(b"$$D28,353358017784062,D03,OK*"));
    assert_eq!(conn.take_sent(), sealed(b"@@O46,353358017784062,D00,camera_picture.jpg,0*"));
    conn.send(&sealed(b"$$E58,353358017784062,D00,camera_picture.jpg,14,7,\0$$,*\r\n\xFF*"));
    assert_eq!(topics(&conn), ["meitrack/353358017784062/photo/camera_picture.jpg/7"]);
    assert_eq!(conn.publishes()[0].payload, b"\0$$,*\r\n\xFF");
    assert_eq!(conn.take_sent(), sealed(b"@@O46,353358017784062,D00,camera_picture.jpg,8*"));
}
