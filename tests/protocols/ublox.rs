//! u-blox receivers: UBX, RTCM 3, NMEA 0183 and PUBX mixed on one serial line.

use exproto_runtime::codec::{Dec, Deframer, DegMin, Item, TextTime, TimeLayout, Word, encode};
use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;
use serde_json::json;

use super::{sound, unhex};

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway, poll(identify, before_login))]
enum Port<'a> {
    Ubx(Ubx<'a>),
    Rtcm(Rtcm<'a>),
    Proprietary(Proprietary<'a>),
    Nmea(Nmea<'a>),
}

// ---------------------------------------------------------------- UBX

#[derive(ExProtoFrame, Debug, Clone)]
#[frame(max = 8192)]
#[wire(endian = little, before(b"\xB5\x62"))]
#[route(one_of = Port<'_>, downlink = envelope)]
struct Ubx<'a> {
    #[wire(before(id: u16 = tag(body), endian = big))]
    #[wire(before(length: u16 = size(body)))]
    #[wire(after(check: u16 = fn(fletcher, id..=body)))]
    body: Body<'a>,
}

/// The 8-bit Fletcher checksum of RFC 1145; its first sum comes first.
fn fletcher(bytes: &[u8]) -> u16 {
    let (mut a, mut b) = (0_u8, 0_u8);
    for byte in bytes {
        a = a.wrapping_add(*byte);
        b = b.wrapping_add(a);
    }
    u16::from_le_bytes([a, b])
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little, lenient)]
enum Body<'a> {
    #[wire(tag = 0x0107)]
    #[route(publish("gnss/{client_id}/pvt"))]
    NavPvt(NavPvt),
    #[wire(tag = 0x0112)]
    #[route(publish("gnss/{client_id}/velned"))]
    NavVelNed {
        #[wire(scale = 0.001, unit = "s")]
        itow: u32,
        #[wire(unit = "cm/s")]
        vel_n: i32,
        vel_e: i32,
        vel_d: i32,
        speed: u32,
        g_speed: u32,
        #[wire(scale = 1e-5, unit = "deg")]
        heading: i32,
        s_acc: u32,
        #[wire(scale = 1e-5, unit = "deg")]
        c_acc: u32,
    },
    #[wire(tag = 0x0135)]
    #[route(publish("gnss/{client_id}/sat", payload = satellites))]
    NavSat {
        #[wire(scale = 0.001, unit = "s")]
        itow: u32,
        version: u8,
        #[wire(before(count: u8 = count(satellites)), before(_: u16))]
        satellites: Vec<Satellite>,
    },
    #[wire(tag = 0x0A04)]
    #[route(publish("gnss/{client_id}/version"))]
    MonVer {
        #[wire(size = 30, fill = 0, as = Ascii)]
        software: Text<'a>,
        #[wire(size = 10, fill = 0, as = Ascii)]
        hardware: Text<'a>,
        #[wire(rest)]
        extensions: List<'a, Extension<'a>>,
    },
    #[wire(tag = 0x0400..=0x0404)]
    #[route(publish("gnss/{client_id}/inf/{level}", payload = text))]
    Inf {
        #[wire(tag)]
        level: u16,
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
    #[wire(tag = 0x0501)]
    #[route(answers = of, publish("gnss/{client_id}/done/{request}"))]
    Ack {
        #[wire(endian = big)]
        of: u16,
    },
    #[wire(tag = 0x0500)]
    #[route(answers = of, publish("gnss/{client_id}/refused/{request}"))]
    Nak {
        #[wire(endian = big)]
        of: u16,
    },
    #[wire(tag = 0x0600, when = left == 0)]
    #[route(ignore)]
    PollPrt,
    #[wire(tag = 0x0600)]
    #[route(ignore)]
    CfgPrt(CfgPrt),
    #[wire(tag = 0x0601)]
    #[route(deliver("gnss/{client_id}/message", answer = id), publish("gnss/{client_id}/rates"))]
    CfgMsg {
        #[wire(tag, hidden)]
        id: u16,
        class: u8,
        message: u8,
        rates: [u8; 6],
    },
    #[wire(tag = 0x068A)]
    #[route(deliver("gnss/{client_id}/set", answer = id))]
    ValSet {
        #[wire(tag, hidden)]
        id: u16,
        #[wire(before(version: u8 = 0), after(_: u16))]
        #[wire(range = 1..=7)]
        layers: u8,
        #[wire(rest)]
        values: Vec<KeyValue>,
    },
    #[wire(tag = 0x068B, when = left >= 9)]
    #[route(publish("gnss/{client_id}/values"))]
    ValGet {
        version: u8,
        layer: u8,
        position: u16,
        #[wire(rest)]
        values: Vec<KeyValue>,
    },
    #[wire(tag = 0x068B)]
    #[route(sent)]
    PollVal {
        #[wire(before(version: u8 = 0))]
        layer: u8,
        position: u16,
        #[wire(rest)]
        keys: Vec<u32>,
    },
    #[wire(tag = 0x1002)]
    #[route(publish("gnss/{client_id}/esf"))]
    EsfMeas {
        time: u32,
        #[wire(bits = 2)]
        mark_sent: u8,
        #[wire(bits = 1)]
        mark_edge: bool,
        #[wire(before(calib: bits(1) = present(calibration)))]
        #[wire(before(_: bits(7)), bits = 5)]
        measurements: u8,
        id: u16,
        #[wire(size = left - 4 * calib as usize)]
        data: Vec<EsfData>,
        calibration: Option<u32>,
    },
    #[wire(tag = 0x2703, when = left == 0)]
    #[route(sent, answer)]
    PollId,
    #[wire(tag = 0x2703)]
    #[route(auth(client_id = "{chip:010x}"), answers)]
    UniqueId {
        #[wire(before(version: u8 = 1), before(_: u8), before(_: u16), as = u40, endian = big)]
        chip: u64,
    },
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        id: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
struct NavPvt {
    #[wire(scale = 0.001, unit = "s")]
    itow: u32,
    year: u16,
    #[wire(range = 1..=12)]
    month: u8,
    day: u8,
    hour: u8,
    minute: u8,
    second: u8,
    #[wire(bits = 1)]
    valid_date: bool,
    #[wire(bits = 1)]
    valid_time: bool,
    #[wire(bits = 1)]
    fully_resolved: bool,
    #[wire(bits = 1, after(_: bits(4)))]
    valid_mag: bool,
    #[wire(unit = "ns")]
    t_acc: u32,
    nano: i32,
    fix: Fix,
    #[wire(bits = 1)]
    fix_ok: bool,
    #[wire(bits = 1)]
    differential: bool,
    #[wire(bits = 3)]
    psm: u8,
    #[wire(bits = 1)]
    heading_valid: bool,
    #[wire(bits = 2)]
    carrier: u8,
    #[wire(before(_: bits(5)), bits = 1)]
    confirmed_avail: bool,
    #[wire(bits = 1)]
    confirmed_date: bool,
    #[wire(bits = 1)]
    confirmed_time: bool,
    satellites: u8,
    #[wire(scale = 1e-7, unit = "deg")]
    lon: i32,
    #[wire(scale = 1e-7, unit = "deg")]
    lat: i32,
    #[wire(scale = 0.001, unit = "m")]
    height: i32,
    #[wire(scale = 0.001, unit = "m")]
    msl: i32,
    #[wire(scale = 0.001, unit = "m")]
    h_acc: u32,
    #[wire(scale = 0.001, unit = "m")]
    v_acc: u32,
    vel_n: i32,
    vel_e: i32,
    vel_d: i32,
    g_speed: i32,
    #[wire(scale = 1e-5, unit = "deg")]
    heading: i32,
    s_acc: u32,
    #[wire(scale = 1e-5)]
    heading_acc: u32,
    #[wire(scale = 0.01)]
    pdop: u16,
    #[wire(bits = 1)]
    invalid_llh: bool,
    #[wire(bits = 4, after(_: bits(11)))]
    correction_age: u8,
    #[wire(before(_: u32))]
    #[wire(scale = 1e-5)]
    heading_vehicle: i32,
    #[wire(scale = 0.01)]
    declination: i16,
    #[wire(scale = 0.01)]
    declination_acc: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
enum Fix {
    #[wire(tag = 0)]
    None,
    #[wire(tag = 1)]
    DeadReckoning,
    #[wire(tag = 2)]
    TwoD,
    #[wire(tag = 3)]
    ThreeD,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
struct Satellite {
    gnss: u8,
    id: u8,
    cno: u8,
    elevation: i8,
    azimuth: i16,
    #[wire(scale = 0.1)]
    residual: i16,
    #[wire(bits = 3)]
    quality: u8,
    #[wire(bits = 1)]
    used: bool,
    #[wire(bits = 2)]
    health: u8,
    #[wire(bits = 26)]
    rest: u32,
}

#[derive(ExProtoFrame, Debug, Clone)]
struct Extension<'a>(#[wire(size = 30, fill = 0, as = Ascii)] Text<'a>);

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
struct CfgPrt {
    port: u8,
    #[wire(before(_: u8), bits = 1)]
    tx_ready: bool,
    #[wire(bits = 1)]
    active_low: bool,
    #[wire(bits = 5)]
    pin: u8,
    #[wire(bits = 9)]
    threshold: u16,
    mode: u32,
    baud: u32,
    in_mask: u16,
    out_mask: u16,
    #[wire(after(_: u16))]
    flags: u16,
}

/// The width of the value is in bits 28 to 30 of the key.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = little)]
struct KeyValue {
    key: u32,
    #[wire(size = WIDTHS[(key >> 28 & 7) as usize])]
    value: u64,
}
const WIDTHS: [usize; 8] = [0, 1, 1, 2, 4, 8, 0, 0];

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
struct EsfData {
    #[wire(bits = 24)]
    value: i32,
    #[wire(bits = 6, after(_: bits(2)))]
    kind: u8,
}

// ---------------------------------------------------------------- RTCM 3

#[derive(ExProtoFrame, Debug, Clone)]
#[frame]
#[wire(endian = big, before(b"\xD3"))]
#[route(one_of = Port<'_>, publish("gnss/{client_id}/rtcm", payload = data))]
struct Rtcm<'a> {
    #[wire(before(_: bits(6)), before(length: bits(10) = size(data)))]
    #[wire(after(check: u24 = crc("CRC-24/LTE-A", ..)))]
    data: &'a [u8],
}

// ---------------------------------------------------------------- NMEA

struct Clock;
impl TimeLayout for Clock {
    const PATTERN: &'static str = "hhmmss.ff";
}
struct Date;
impl TimeLayout for Date {
    const PATTERN: &'static str = "DDMMYY";
    const YEAR: i64 = 2000;
}

#[derive(ExProtoFrame, Debug, Clone)]
#[frame(start = b"$", end = b"\r\n", max = 128, lead = [b'$', b'P'])]
#[route(one_of = Port<'_>)]
struct Proprietary<'a> {
    #[wire(before(mark: u8 = 0x50), before(maker: Word = tag(body), until = b","), rest)]
    #[wire(after(b"*"), after(check: hex(2) = xor(mark..=body)))]
    body: Own<'a>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[route(login_elsewhere)]
enum Own<'a> {
    #[wire(tag = b"UBX")]
    #[route(publish("gnss/{client_id}/pubx"))]
    Pubx(#[wire(rest, as = Ascii)] Text<'a>),
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        maker: Word,
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[frame(start = b"$", end = b"\r\n", max = 128)]
#[route(one_of = Port<'_>)]
struct Nmea<'a> {
    #[wire(size = 2, as = Ascii)]
    talker: Text<'a>,
    #[wire(before(kind: Word = tag(body), until = b","), rest)]
    #[wire(after(b"*"), after(check: hex(2) = xor(talker..=body)))]
    body: Sentence<'a>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(sep = b',')]
#[route(login_elsewhere, publish("gnss/{client_id}/nmea/{kind}"))]
enum Sentence<'a> {
    #[wire(tag = b"RMC")]
    Rmc {
        time: TextTime<Clock>,
        status: Word,
        #[wire(after(ns: Word = sign(lat, b"N", b"S")))]
        lat: DegMin<2>,
        #[wire(after(ew: Word = sign(lon, b"E", b"W")))]
        lon: DegMin<3>,
        #[wire(unit = "kn")]
        speed: Dec,
        course: Dec,
        date: TextTime<Date>,
        #[wire(after(mew: Word = sign(variation, b"E", b"W")))]
        variation: Dec,
        mode: Option<Word>,
        nav: Option<Word>,
    },
    #[wire(tag = b"GGA")]
    Gga {
        time: TextTime<Clock>,
        #[wire(after(ns: Word = sign(lat, b"N", b"S")))]
        lat: DegMin<2>,
        #[wire(after(ew: Word = sign(lon, b"E", b"W")))]
        lon: DegMin<3>,
        #[wire(as = dec)]
        quality: u8,
        #[wire(as = dec(2))]
        satellites: u8,
        hdop: Dec,
        #[wire(after(mu: Word = b"M"))]
        altitude: Dec,
        #[wire(after(su: Word = b"M"))]
        geoid: Dec,
        age: Dec,
        #[wire(as = Ascii)]
        station: Text<'a>,
    },
    #[wire(tag = b"GSA")]
    Gsa {
        op: Word,
        #[wire(as = dec)]
        fix: u8,
        #[wire(sep = b',')]
        used: [Dec; 12],
        pdop: Dec,
        hdop: Dec,
        vdop: Dec,
        system: Option<Dec>,
    },
    #[wire(tag = b"GSV")]
    Gsv {
        #[wire(as = dec)]
        messages: u8,
        #[wire(as = dec)]
        number: u8,
        #[wire(as = dec(2))]
        total: u8,
        #[wire(sep = b',', count = here(number, total))]
        satellites: Vec<InView>,
        signal: Option<Word>,
    },
    #[wire(tag = b"VTG")]
    Vtg {
        #[wire(after(t: Word = b"T"))]
        course: Dec,
        #[wire(after(m: Word = b"M"))]
        magnetic: Dec,
        #[wire(after(n: Word = b"N"))]
        knots: Dec,
        #[wire(after(k: Word = b"K"))]
        kmh: Dec,
        mode: Option<Word>,
    },
    #[wire(tag = b"TXT")]
    Txt {
        #[wire(as = dec(2))]
        messages: u8,
        #[wire(as = dec(2))]
        number: u8,
        #[wire(as = dec(2))]
        severity: u8,
        #[wire(as = Ascii)]
        text: Text<'a>,
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: Word,
        #[wire(as = Ascii)]
        text: Text<'a>,
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(sep = b',')]
struct InView {
    id: Dec,
    elevation: Dec,
    azimuth: Dec,
    cno: Dec,
}

/// How many satellites the sentence of this number tells of, four at most.
fn here(number: u8, total: u8) -> usize {
    usize::from(total).saturating_sub(4 * usize::from(number).saturating_sub(1)).min(4)
}

fn identify<'a>(cx: &mut Cx<'_, ()>) -> Next<Port<'a>> {
    if cx.client_id.is_empty() { Next::Ask(Port::Ubx(Ubx { body: Body::PollId })) } else { Next::Idle }
}
fn envelope<'a>(body: Body<'a>, _: &mut Cx<'_, ()>) -> Ubx<'a> {
    Ubx { body }
}

fn ubx(body: &str) -> Vec<u8> {
    let body = unhex(body);
    [&b"\xB5\x62"[..], &body, &fletcher(&body).to_le_bytes()].concat()
}

fn nmea(text: &str) -> Vec<u8> {
    let sum = text.bytes().fold(0, |all, byte| all ^ byte);
    format!("${text}*{sum:02X}\r\n").into_bytes()
}

/// Made for these tests.
fn made() -> Vec<Vec<u8>> {
    let pvt =
        "0107 5c00 081a021d ea07 07 1f 0f 0a 3b 07 17000000 866a0100 03 01 e0 0b 212bfd3b b4502f08 809c0000
        b6070000 da020000 f4030000 fffffffb 00000001 01000000 06000000 00000000 05000000 80a81201 5900
        0400 00000000 00000000 0000 0000";
    let mut all: Vec<Vec<u8>> = [
        pvt,
        "0501 0200 0600",
        "0600 0000",
        "0601 0800 f000010001010000",
        "0112 2400 30440a18 fdffffff f1ffffff fcffffff 10000000 0f000000 83f50100 41000000 f0df7a00",
        "068b 0c00 00000000 01005240 80250000",
        "1002 1000 01020304 0000 0000 01020304 05060708",
        "1002 1400 01020304 0008 0000 01020304 05060708 01020304",
        "1380 0e00 0102030405060708090a0b0c0d0e",
    ]
    .into_iter()
    .map(ubx)
    .collect();
    for text in [
        "GNRMC,103607.00,A,5327.03000,N,00214.42000,W,0.046,,060321,,,A,V",
        "GPRMC,092725.00,A,4717.12000,N,00833.91000,E,0.004,77.52,091202,,,A",
        "GNRMC,,V,,,,,,,,,,N",
        "GPGGA,092725.00,4717.12000,N,00833.91000,E,1,08,1.01,499.6,M,48.0,M,,",
        "GNGSA,A,3,32,08,10,18,23,,,,,,,,3.10,1.38,2.78,1",
        "GPGSA,A,3,23,29,07,08,09,18,26,28,,,,,1.94,1.18,1.54",
        "GPGSV,3,1,10,23,38,230,44,29,71,156,47,07,29,116,41,08,09,081,36",
        "GPGSV,3,3,10,18,05,040,,26,,,33,1",
        "GPGSV,1,1,00",
        "GLGSV,1,1,00,1",
        "GPVTG,77.52,T,,M,0.004,N,0.008,K,A",
        "GNTXT,01,01,02,antenna open",
        "GPZDA,082710.00,16,09,2002,00,00",
        "PUBX,00,081350.00,4717.113,N,00833.915,E,546.589,G3,2.1,2.0",
        "PGRME,15.0,M,45.0,M,25.0,M",
    ] {
        all.push(nmea(text));
    }
    let mut rtcm = Vec::new();
    encode::<Port<'_>>(&Port::Rtcm(Rtcm { data: &[0x3E, 0xD0, 1, 2, 3] }), &mut rtcm).unwrap();
    all.push(rtcm);
    all
}

#[test]
fn frames_are_read_and_written_again() {
    let json = sound::<Port<'static>>(&made());
    let of = |kind: &str| json.iter().filter_map(|it| it["nmea"]["body"].get(kind)).collect::<Vec<_>>();
    assert_eq!(of("gsa")[0]["used"][4], 23);
    let views = of("gsv");
    assert_eq!(views[1]["satellites"][1], json!({ "id": 26, "elevation": null, "azimuth": null, "cno": 33 }));
    assert_eq!((&views[1]["signal"], &views[2]["satellites"]), (&json!("1"), &json!([])));
}

#[test]
fn a_sentence_that_is_cut_off_swallows_nothing() {
    let (ack, rmc) = (ubx("0501 0200 0600"), nmea("GNRMC,,V,,,,,,,,,,N"));
    let kinds = |stream: &[u8]| {
        let (mut deframer, mut scratch, mut input) = (Deframer::<Port<'_>>::new(), Vec::new(), stream);
        let mut kinds = String::new();
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            kinds.push(match item {
                Item::Bad(_) => '?',
                Item::Frame(raw) => match raw.decode::<Port<'_>>().unwrap().frame {
                    Port::Ubx(_) => 'u',
                    Port::Rtcm(_) => 'r',
                    _ => 'n',
                },
            });
        }
        kinds
    };
    let cut = b"$GNRMC,1036";
    assert_eq!(kinds(&[&cut[..], &ack, &rmc].concat()), "?un");
    assert_eq!(kinds(&[&cut[..], &ack, &ack, &ack, &rmc, &ack].concat()), "?uuunu");
    assert_eq!(kinds(&[&cut[..], &rmc, &ack].concat()), "?nu");
    assert_eq!(kinds(&[&cut[..], &ack, b"$GPGGA,08", &ack, &rmc].concat()), "?u?un");
}

#[test]
fn settings_are_acknowledged() {
    let mut gps = TestConn::<Port<'static>>::new();
    assert_eq!(gps.take_sent(), ubx("2703 0000"));
    gps.send(&ubx("2703 0900 01000000 0102030405"));
    assert_eq!(gps.client_id(), "0102030405");
    for wire in made() {
        gps.send(&wire);
    }
    assert!(gps.publishes().iter().any(|it| it.topic == "gnss/0102030405/nmea/gsv"));
    gps.take_sent();
    assert!(gps.message("gnss/0102030405/message", br#"{"class":1,"message":7,"rates":"000100000000"}"#));
    assert_eq!(gps.take_sent(), ubx("0601 0800 0107 000100000000"));
    gps.send(&ubx("0501 0200 0601"));
    assert_eq!(gps.publishes().last().unwrap().topic, "gnss/0102030405/done/cfg_msg");
    assert!(
        gps.message("gnss/0102030405/set", br#"{"layers":1,"values":[{"key":1079115777,"value":115200}]}"#)
    );
    assert_eq!(gps.take_sent(), ubx("068a 0c00 00 01 0000 01005240 00c20100"));
}
