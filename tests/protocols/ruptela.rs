//! Ruptela's trackers: records with values behind their ids, by width.

use exproto_runtime::codec::{List, UnixSeconds};
use exproto_runtime::prelude::*;
use exproto_runtime::session::SessionSettings;
use exproto_runtime::testkit::TestConn;

use super::{frames, sent, sound, spared, topics, unhex};

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway)]
pub enum Port<'a> {
    Up(Up<'a>),
    #[frame(sent)]
    Down(Down<'a>),
}

#[derive(ExProtoFrame, Debug)]
#[frame(max = 1100)]
#[wire(endian = big)]
#[route(one_of = Port<'_>)]
pub struct Up<'a> {
    #[wire(before(length: u16 = size(imei..=body), range = 9..=1050, strict))]
    #[wire(after(kind: u8 = tag(body)))]
    imei: u64,
    #[wire(after(crc: u16 = crc("CRC-16/KERMIT", imei..=body)))]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
#[route(auth(client_id = "{imei:015}", username = "{imei:015}"))]
pub enum Body<'a> {
    #[wire(tag = 1)]
    #[route(publish("ruptela/{client_id}/record", qos = 1, each = records), reply = ack(Command::RecordsAck(outcome.pick(1, 0))))]
    Records {
        records_left: u8,
        #[wire(count = prefix(u8))]
        records: List<'a, Record<'a>>,
    },
    #[wire(tag = 68)]
    #[route(publish("ruptela/{client_id}/record", qos = 1, each = records), reply = ack(Command::RecordsAck(outcome.pick(1, 0))))]
    ExtendedRecords {
        records_left: u8,
        #[wire(count = prefix(u8))]
        records: List<'a, ExtendedRecord<'a>>,
    },
    #[wire(tag = 9)]
    #[route(publish("ruptela/{client_id}/dtc", qos = 1, each = codes), reply = ack(Command::DtcAck(outcome.pick(1, 0))))]
    Dtcs {
        #[wire(count = prefix(u8))]
        codes: List<'a, Dtc<'a>>,
    },
    #[wire(tag = 15)]
    #[route(publish("ruptela/{client_id}/identification"), reply = ack(Command::IdentificationAck(outcome.pick(1, 0))))]
    Identification {
        #[wire(size = 4, as = Ascii)]
        device: Text<'a>,
        #[wire(size = 11, as = Ascii)]
        firmware: Text<'a>,
        imsi: u64,
        operator: u32,
        #[wire(unit = "m")]
        distance: u32,
        #[wire(unit = "s")]
        time: u32,
        #[wire(unit = "deg")]
        angle: u16,
    },
    #[wire(tag = 16)]
    #[route(reply = ack(Command::HeartbeatAck(1)))]
    Heartbeat,
    #[wire(tag = 2)]
    #[route(publish("ruptela/{client_id}/answer/{request}"), answers(configure))]
    Configuration {
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
    #[wire(tag = 3)]
    #[route(publish("ruptela/{client_id}/answer/{request}"), answers(get_version))]
    Version {
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
    #[wire(tag = 4)]
    #[route(publish("ruptela/{client_id}/answer/{request}"), answers(update_firmware))]
    Firmware {
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
    #[wire(tag = 7)]
    #[route(publish("ruptela/{client_id}/answer/{request}"), answers(sms))]
    Sms {
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
    #[wire(tag = 17)]
    #[route(publish("ruptela/{client_id}/answer/{request}"), answers(set_io))]
    SetIo { result: u8 },
    #[wire(tag = 36)]
    #[route(publish("ruptela/{client_id}/driver", qos = 1), reply = ack(Command::DriverAck(outcome.pick(1, 0))))]
    Driver {
        sub: u8,
        #[wire(as = u32)]
        time: UnixSeconds,
        registered: u8,
        card: u8,
        track: u8,
        #[wire(size = prefix(u16), as = Ascii)]
        track1: Text<'a>,
        #[wire(size = prefix(u16), as = Ascii)]
        track2: Text<'a>,
        #[wire(size = prefix(u16), as = Ascii)]
        track3: Text<'a>,
    },
    #[wire(tag = 37)]
    #[route(publish("ruptela/{client_id}/file"), reply = next_chunk)]
    File(File<'a>),
    #[wire(other)]
    #[route(publish("ruptela/{client_id}/unknown/{kind}"))]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug)]
#[wire(tag = u8, endian = big)]
pub enum File<'a> {
    #[wire(tag = 2)]
    Chunk {
        source: u8,
        #[wire(size = 8, as = Ascii)]
        name: Text<'a>,
        total: u16,
        current: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        sub: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
pub struct Dtc<'a> {
    #[wire(before(_: u8, fill = 0xFF))]
    #[wire(as = u32)]
    time: UnixSeconds,
    #[wire(scale = 1e-7, unit = "deg")]
    lon: i32,
    #[wire(scale = 1e-7, unit = "deg")]
    lat: i32,
    kind: DtcKind,
    #[wire(size = 5, as = Ascii)]
    code: Text<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(tag = u8)]
pub enum DtcKind {
    #[wire(tag = 1)]
    Current,
    #[wire(tag = 2)]
    Archive,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
pub struct Fix {
    #[wire(scale = 1e-7, unit = "deg", sentinel(-2147483648 => null))]
    lon: i32,
    #[wire(scale = 1e-7, unit = "deg", sentinel(-2147483648 => null))]
    lat: i32,
    #[wire(scale = 0.1, unit = "m")]
    altitude: u16,
    #[wire(scale = 0.01, unit = "deg")]
    course: u16,
    satellites: u8,
    #[wire(unit = "km/h")]
    speed: u16,
    #[wire(scale = 0.1)]
    hdop: u8,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
pub struct Record<'a> {
    #[wire(as = u32)]
    time: UnixSeconds,
    #[wire(scale = 0.001, unit = "s")]
    extension: u8,
    priority: u8,
    fix: Fix,
    event: u8,
    #[wire(count = prefix(u8))]
    one: List<'a, ShortOne>,
    #[wire(count = prefix(u8))]
    two: List<'a, ShortTwo>,
    #[wire(count = prefix(u8))]
    four: List<'a, ShortFour>,
    #[wire(count = prefix(u8))]
    eight: List<'a, ShortEight>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
pub struct ExtendedRecord<'a> {
    #[wire(as = u32)]
    time: UnixSeconds,
    extension: u8,
    #[wire(bits = 4)]
    merged: u8,
    #[wire(bits = 4)]
    current: u8,
    priority: u8,
    fix: Fix,
    event: u16,
    #[wire(count = prefix(u8))]
    one: List<'a, LongOne>,
    #[wire(count = prefix(u8))]
    two: List<'a, LongTwo>,
    #[wire(count = prefix(u8))]
    four: List<'a, LongFour>,
    #[wire(count = prefix(u8))]
    eight: List<'a, LongEight>,
}

macro_rules! behind_an_id {
    ($($name:ident: $id:ident $value:ident),*) => {$(
        #[derive(ExProtoFrame, Debug, Clone)]
        #[wire(endian = big)]
        pub struct $name(#[wire(before(id: $id = tag(0)))] $value);
    )*};
}
behind_an_id!(ShortOne: u8 One, ShortTwo: u8 Two, ShortFour: u8 Four, ShortEight: u8 Eight);
behind_an_id!(LongOne: u16 One, LongTwo: u16 Two, LongFour: u16 Four, LongEight: u16 Eight);

#[derive(ExProtoFrame, Debug, Clone)]
pub enum One {
    #[wire(tag = 2..=5)]
    Input {
        #[wire(tag)]
        id: u16,
        value: u8,
    },
    #[wire(tag = 13 | 173)]
    Motion {
        #[wire(tag)]
        id: u16,
        #[wire(as = u8)]
        value: bool,
    },
    #[wire(tag = 32)]
    DeviceTemperature(#[wire(unit = "°C")] i8),
    #[wire(tag = 88)]
    Jamming(u8),
    #[wire(tag = 95)]
    ObdSpeed(#[wire(unit = "km/h")] u8),
    #[wire(tag = 98)]
    FuelLevel(u8),
    #[wire(tag = 170)]
    Charge(u8),
    #[wire(tag = 207)]
    FuelLevelCan(#[wire(scale = 0.4, unit = "%")] u8),
    #[wire(tag = 251)]
    Ignition {
        #[wire(tag)]
        id: u16,
        value: u8,
    },
    #[wire(other)]
    Io {
        #[wire(tag)]
        id: u16,
        value: u8,
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
pub enum Two {
    #[wire(tag = 20..=23)]
    Adc {
        #[wire(tag)]
        id: u16,
        value: u16,
    },
    #[wire(tag = 29)]
    Power(#[wire(scale = 0.001, unit = "V")] u16),
    #[wire(tag = 30)]
    Battery(#[wire(scale = 0.001, unit = "V")] u16),
    #[wire(tag = 78..=80)]
    Temperature {
        #[wire(tag)]
        id: u16,
        #[wire(scale = 0.1, unit = "°C")]
        value: i16,
    },
    #[wire(tag = 94)]
    Rpm(#[wire(scale = 0.25)] u16),
    #[wire(tag = 197)]
    RpmCan(#[wire(scale = 0.125)] u16),
    #[wire(other)]
    Io {
        #[wire(tag)]
        id: u16,
        value: u16,
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
pub enum Four {
    #[wire(tag = 65)]
    Odometer(#[wire(unit = "m")] u32),
    #[wire(tag = 163)]
    OdometerCan(#[wire(scale = 5, unit = "m")] u32),
    #[wire(tag = 208)]
    FuelUsed(#[wire(scale = 0.5, unit = "l")] u32),
    #[wire(other)]
    Io {
        #[wire(tag)]
        id: u16,
        value: u32,
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
pub enum Eight {
    #[wire(tag = 34)]
    DriverKey([u8; 8]),
    #[wire(other)]
    Io {
        #[wire(tag)]
        id: u16,
        value: u64,
    },
}

#[derive(ExProtoFrame, Debug)]
#[frame(max = 1100)]
#[wire(endian = big)]
#[route(one_of = Port<'_>, downlink = down)]
pub struct Down<'a> {
    #[wire(before(length: u16 = size(kind..=body)), before(kind: u8 = tag(body)))]
    #[wire(after(crc: u16 = crc("CRC-16/KERMIT", kind..=body)))]
    body: Command<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
#[route(login_elsewhere)]
pub enum Command<'a> {
    #[wire(tag = 100)]
    #[route(sent)]
    RecordsAck(u8),
    #[wire(tag = 109)]
    #[route(sent)]
    DtcAck(u8),
    #[wire(tag = 115)]
    #[route(sent)]
    IdentificationAck(u8),
    #[wire(tag = 116)]
    #[route(sent)]
    HeartbeatAck(u8),
    #[wire(tag = 136)]
    #[route(sent)]
    DriverAck(u8),
    #[wire(tag = 102)]
    #[route(deliver("ruptela/{client_id}/down/configuration", qos = 1, answer, payload = text))]
    Configure {
        #[wire(rest, as = Ascii, after(b"\r\n"))]
        text: Text<'a>,
    },
    #[wire(tag = 103)]
    #[route(deliver("ruptela/{client_id}/down/version", qos = 1, answer))]
    GetVersion,
    #[wire(tag = 104)]
    #[route(deliver("ruptela/{client_id}/down/firmware", qos = 1, answer, payload = text))]
    UpdateFirmware {
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
    #[wire(tag = 105)]
    #[route(deliver("ruptela/{client_id}/down/connection", qos = 1, payload = text))]
    SetConnection {
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
    #[wire(tag = 106)]
    #[route(deliver("ruptela/{client_id}/down/odometer", qos = 1))]
    SetOdometer { metres: u32 },
    #[wire(tag = 108)]
    #[route(deliver("ruptela/{client_id}/down/sms", qos = 1, answer, payload = text))]
    Sms {
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
    #[wire(tag = 117)]
    #[route(deliver("ruptela/{client_id}/down/io", qos = 1, answer))]
    SetIo { io: u32, value: u32 },
    #[wire(tag = 137)]
    #[route(deliver("ruptela/{client_id}/down/file", qos = 1))]
    File(FileCommand<'a>),
}

#[derive(ExProtoFrame, Debug)]
#[wire(tag = u8, endian = big)]
pub enum FileCommand<'a> {
    #[wire(tag = 1)]
    Request {
        source: u8,
        #[wire(as = u32)]
        from: UnixSeconds,
        #[wire(as = u32)]
        to: UnixSeconds,
    },
    #[wire(tag = 2)]
    Next {
        source: u8,
        #[wire(size = 8, as = Ascii)]
        name: Text<'a>,
        chunk: u16,
    },
}

fn ack(body: Command<'static>) -> Port<'static> {
    Port::Down(Down { body })
}

fn down<'a>(body: Command<'a>, _: &mut Cx<'_, ()>) -> Down<'a> {
    Down { body }
}

fn next_chunk<'a>(frame: &Up<'a>, _: &mut Cx<'_, ()>, _: &Outcome) -> Option<Port<'a>> {
    match frame.body {
        Body::File(File::Chunk { source, name, total, current, .. }) if current + 1 < total => {
            Some(Port::Down(Down {
                body: Command::File(FileCommand::Next { source, name, chunk: current + 1 }),
            }))
        }
        _ => None,
    }
}

/// Frames of Traccar's tests; the checksum of the third is wrong.
fn real() -> Vec<Vec<u8>> {
    let mut all = frames(include_str!("../captures/ruptela/traccar.hexl"));
    all.remove(2);
    all.extend(frames(include_str!("../captures/ruptela/mended.hexl")));
    all
}

fn wrong() -> Vec<u8> {
    frames(include_str!("../captures/ruptela/traccar.hexl")).remove(2)
}

/// CRC-16/KERMIT, without the codec.
fn crc(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0x8408 })
    })
}

/// Length, content, checksum.
fn framed(content: &[u8]) -> Vec<u8> {
    [&(content.len() as u16).to_be_bytes(), content, &crc(content).to_be_bytes()].concat()
}

/// A frame of the device.
fn up(kind: u8, content: &[u8]) -> Vec<u8> {
    framed(&[&unhex("000315bc70d3e2ff")[..], &[kind], content].concat())
}

#[test]
fn frames_are_read_and_written_again() {
    let json = sound::<Port<'static>>(&real());
    assert_eq!(json[0]["up"]["body"]["identification"]["firmware"], "00.01.08.00");
    let record = &json[2]["up"]["body"]["extended_records"]["records"][0];
    assert_eq!((&record["fix"]["lon"], &record["fix"]["lat"]), (&21.923_156_6.into(), &47.055_453_3.into()));
    let made = [
        up(16, b""),
        up(17, &[1]),
        up(36, &unhex("01 56000000 01 02 03 0003 414243 0000 0002 7879")),
        up(77, b"abc"),
        up(2, b"ok\r\n"),
    ];
    sound::<Port<'static>>(&made);
    for frame in real() {
        // Of 829 bytes hundreds read as lengths of frames that are whole: looking at all
        // of them is more than the search does.
        if frame.len() > 800 {
            continue;
        }
        spared::<Port<'static>>(&frame, 0);
    }
    let wrong = sent::<Port<'static>>(&wrong());
    assert!(wrong.publishes().is_empty() && wrong.sent().is_empty());
}

#[test]
fn records_are_published_and_taken() {
    let check = |frame: &[u8], client: &str, reply: &str, topic: &str, part: &str, count: usize| {
        let mut conn = sent::<Port<'static>>(frame);
        assert_eq!(conn.client_id(), client);
        assert_eq!(conn.take_sent(), unhex(reply));
        assert_eq!(topics(&conn), vec![format!("ruptela/{client}/{topic}"); count]);
        assert!(conn.publishes()[0].text().contains(part), "{}", conn.publishes()[0].text());
    };
    let real = real();
    let imsi = r#""imsi":214074300792387"#;
    check(&real[0], "868324021101311", "00027301cb25", "identification", imsi, 1);
    check(&real[2], "868324023580306", "0002640113bc", "record", r#""lon":21.9231566"#, 8);
    check(&real[3], "863071016796572", "0002640113bc", "record", r#""power":13.286"#, 1);
    check(&real[6], "012207007303107", "0002640113bc", "record", r#""lat":54.63"#, 2);
    check(&real[7], "013227001564487", "0002640113bc", "record", r#""lon":41.07"#, 5);
    check(&real[9], "012207001062170", "00026d01c4a4", "dtc", r#""code":"P0010""#, 2);
    let driver = up(36, &unhex("01 56000000 01 02 03 0003 414243 0000 0002 7879"));
    check(&driver, "868324021101311", "000288015385", "driver", r#""track1":"ABC""#, 1);
}

#[test]
fn a_wrong_checksum_may_be_accepted() {
    let mut settings = SessionSettings::default();
    settings.accept_bad = true;
    let mut conn = TestConn::<Port<'static>>::with(Default::default(), settings);
    conn.send(&wrong());
    assert_eq!(conn.publishes().len(), 4);
    assert_eq!(conn.take_sent(), unhex("0002640113bc"));
}

#[test]
fn a_file_is_fetched_chunk_by_chunk() {
    let chunk = |current: &str| up(37, &unhex(&format!("02 00 3544444131464144 0002 {current} FFD8")));
    let mut conn = sent::<Port<'static>>(&chunk("0000"));
    assert_eq!(conn.take_sent(), framed(&unhex("89 02 00 3544444131464144 0001")));
    conn.send(&chunk("0001"));
    assert_eq!(conn.take_sent(), b"");
}

#[test]
fn commands_go_down_and_answers_come_up_by_their_kind() {
    let mut conn = sent::<Port<'static>>(&up(16, b""));
    conn.take_sent();
    let mut down = |topic: &str, payload: &[u8]| {
        assert!(conn.message(&format!("ruptela/868324021101311/down/{topic}"), payload));
        conn.take_sent()
    };
    assert_eq!(down("configuration", b"x=1"), framed(b"fx=1\r\n"));
    assert_eq!(down("version", b""), framed(b"g"));
    assert_eq!(down("sms", b" getio"), framed(b"l getio"));
    assert_eq!(down("io", br#"{"io":1,"value":2}"#), framed(&unhex("75 00000001 00000002")));
    let file = br#"{"request":{"source":0,"from":"1970-01-01T00:00:00Z","to":"2038-01-19T03:14:07Z"}}"#;
    assert_eq!(down("file", file), framed(&unhex("89 01 00 00000000 7FFFFFFF")));
    for kind in [7, 3, 2] {
        conn.send(&up(kind, b"ok"));
    }
    let answers =
        ["sms", "get_version", "configure"].map(|name| format!("ruptela/868324021101311/answer/{name}"));
    assert_eq!(topics(&conn), answers);
}
