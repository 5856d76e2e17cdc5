//! Suntech's units: text lines of several families, with options that only the set-up
//! of a unit tells, and binary reports on one port.

use exproto_runtime::codec::{
    Dec, Decimal, Deframer, End, Item, SignMagnitude, TextTime, TimeLayout, Word, encode_with,
};
use exproto_runtime::prelude::*;
use exproto_runtime::session::SessionSettings;
use exproto_runtime::testkit::TestConn;

use super::{frames, sent};

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[wire(ctx(hbm: bool, adc: bool, rpm: bool, temp: bool, variant: u8))]
#[route(gateway, ctx = known)]
enum Port<'a> {
    Binary(Binary<'a>),
    Universal(Universal<'a>),
    Nine(#[wire(ctx(variant))] Nine<'a>),
    Legacy(#[wire(ctx(hbm, adc, rpm, temp))] Legacy<'a>),
    #[frame(sent)]
    Command(Command<'a>),
}

/// `ST300CMD;205173382;02;Reboot`
#[derive(ExProtoFrame, Debug)]
#[frame(end = b"\r", max = 256)]
#[wire(sep = b';')]
#[route(one_of = Port<'_>, deliver("suntech/{client_id}/command"), downlink = address)]
struct Command<'a> {
    #[wire(hidden)]
    head: Word,
    #[wire(hidden, as = Ascii)]
    id: TextBuf,
    #[wire(hidden, as = Ascii)]
    version: TextBuf,
    #[wire(as = Ascii)]
    command: Text<'a>,
    #[wire(sep = b';')]
    arguments: Option<Vec<Dec>>,
}

fn address<'a>(command: Command<'a>, cx: &mut Cx<'_, ()>) -> Command<'a> {
    let head = Word::new(cx.param("command").unwrap_or("ST300CMD").as_bytes()).unwrap_or_default();
    Command { head, id: cx.client_id.into(), version: "02".into(), ..command }
}

fn known(cx: &Cx<'_, ()>) -> PortCtx {
    let on = |name| cx.param(name) == Some("on");
    PortCtx {
        hbm: on("hbm"),
        adc: on("adc"),
        rpm: on("rpm"),
        temp: on("temp"),
        variant: u8::from(on("variant")),
    }
}

/// A carriage return ends a line unless a line feed follows it.
fn line(bytes: &[u8], seen: usize, _: LegacyCtx) -> End {
    for at in seen..bytes.len() {
        if bytes[at] == b'\r' && bytes.get(at + 1) != Some(&b'\n') {
            return End::Perhaps(at + 1);
        }
    }
    End::Need(1)
}

struct Date;
impl TimeLayout for Date {
    const PATTERN: &'static str = "YYYYMMDD";
}
struct Clock;
impl TimeLayout for Clock {
    const PATTERN: &'static str = "hh:mm:ss";
}

// ---------------------------------------------------------------- ST300STT;..

#[derive(ExProtoFrame, Debug)]
#[frame(find = line, max = 1024, lead = [b'S', b'T' | b'A', b'2' | b'3' | b'5' | b'6'])]
#[wire(sep = b';', after(b"\r"), ctx(hbm: bool, adc: bool, rpm: bool, temp: bool))]
#[route(one_of = Port<'_>)]
struct Legacy<'a> {
    #[wire(is = tag(body))]
    kind: Word,
    #[wire(as = Ascii)]
    id: Text<'a>,
    #[wire(if = !old(kind), as = Ascii)]
    hardware: Option<Text<'a>>,
    #[wire(as = Ascii)]
    firmware: Text<'a>,
    date: TextTime<Date>,
    time: TextTime<Clock>,
    #[wire(if = !st500(kind), as = Ascii)]
    cell: Option<Text<'a>>,
    #[wire(if = st600(kind), as = dec)]
    mcc: Option<u16>,
    #[wire(if = st600(kind), as = dec)]
    mnc: Option<u16>,
    #[wire(if = st600(kind), as = hex(4, lower))]
    lac: Option<u16>,
    #[wire(if = st600(kind), as = dec)]
    rssi: Option<u8>,
    #[wire(as = Decimal::places(6).plus().width(10), scale = 1e-6)]
    lat: i32,
    #[wire(as = Decimal::places(6).plus().width(11), scale = 1e-6)]
    lon: i32,
    #[wire(as = Decimal::places(3).width(7), scale = 1e-3, unit = "km/h")]
    speed: u32,
    #[wire(as = Decimal::places(2).width(6), scale = 1e-2)]
    course: u32,
    #[wire(as = dec)]
    satellites: u8,
    #[wire(as = dec)]
    fix: u8,
    #[wire(as = dec, unit = "m")]
    odometer: u64,
    power: Dec,
    #[wire(as = Ascii)]
    io: Text<'a>,
    #[wire(ctx(hbm, adc, rpm, temp))]
    body: Body<'a>,
}

fn old(kind: Word) -> bool {
    kind.to_string().starts_with("SA")
}
fn st500(kind: Word) -> bool {
    kind.to_string().starts_with("ST5")
}
fn st600(kind: Word) -> bool {
    kind.to_string().starts_with("ST600")
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b';', ctx(hbm: bool, adc: bool, rpm: bool, temp: bool))]
#[route(auth(client_id = "{id}"), publish("suntech/{client_id}/{kind}", payload = frame))]
enum Body<'a> {
    #[wire(tag = b"ST300STT" | b"ST390STT" | b"ST600STT" | b"ST500STT" | b"SA200STT")]
    Stt {
        #[wire(tag, hidden)]
        tag: Word,
        #[wire(as = dec)]
        status: u8,
        index: Dec,
        #[wire(ctx(hbm, adc, rpm, temp))]
        more: More<'a>,
    },
    #[wire(tag = b"ST300EVT" | b"ST600EVT")]
    Evt {
        #[wire(tag, hidden)]
        tag: Word,
        #[wire(as = dec)]
        event: u8,
        #[wire(ctx(hbm, adc, rpm, temp))]
        more: More<'a>,
    },
    #[wire(tag = b"ST300ALT" | b"ST600ALT" | b"SA200ALT")]
    Alt {
        #[wire(tag, hidden)]
        tag: Word,
        #[wire(as = dec)]
        alert: u8,
        #[wire(ctx(hbm, adc, rpm, temp))]
        more: More<'a>,
    },
    #[wire(tag = b"ST300EMG" | b"SA200EMG")]
    Emg {
        #[wire(tag, hidden)]
        tag: Word,
        #[wire(as = dec)]
        emergency: u8,
        #[wire(ctx(hbm, adc, rpm, temp))]
        more: More<'a>,
    },
    #[wire(tag = b"ST300UEX" | b"ST600UEX")]
    Uex {
        #[wire(tag, hidden)]
        tag: Word,
        #[wire(before(length: dec = size(data)), as = Ascii)]
        data: Text<'a>,
        #[wire(as = hex(2))]
        check: u8,
        #[wire(ctx(hbm, adc, rpm, temp))]
        more: More<'a>,
    },
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b';', ctx(hbm: bool, adc: bool, rpm: bool, temp: bool))]
enum More<'a> {
    #[wire(when = hbm)]
    Hbm {
        #[wire(if = left > 0)]
        hours: Option<Dec>,
        #[wire(if = left > 0)]
        battery: Option<Dec>,
        #[wire(if = left > 0)]
        live: Option<Dec>,
        #[wire(if = adc && left > 0)]
        adc1: Option<Dec>,
        #[wire(if = adc && left > 0)]
        adc2: Option<Dec>,
        #[wire(if = adc && left > 0)]
        adc3: Option<Dec>,
        #[wire(if = rpm && left > 0)]
        rpm: Option<Dec>,
        #[wire(if = left > 0, as = Ascii)]
        driver: Option<Text<'a>>,
        #[wire(if = left > 0)]
        registered: Option<Dec>,
        #[wire(if = temp && left > 0, as = Ascii)]
        temp1: Option<Text<'a>>,
        #[wire(if = temp && left > 0, as = Ascii)]
        temp2: Option<Text<'a>>,
        #[wire(if = temp && left > 0, as = Ascii)]
        temp3: Option<Text<'a>>,
    },
    Raw {
        #[wire(as = Ascii)]
        text: Option<Text<'a>>,
    },
}

// ---------------------------------------------------------------- ST910;Location;..

#[derive(ExProtoFrame, Debug)]
#[frame(end = b"\r", max = 1024, lead = [b'S', b'T', b'9'])]
#[wire(sep = b';', ctx(variant: u8))]
#[route(one_of = Port<'_>, auth(client_id = "{id}"), publish("suntech/{client_id}/nine"))]
struct Nine<'a> {
    family: Word,
    #[wire(as = Ascii)]
    what: Text<'a>,
    #[wire(as = Ascii)]
    id: Text<'a>,
    #[wire(if = variant == 0 || what.to_str() != "Alert", as = Ascii)]
    firmware: Option<Text<'a>>,
    date: TextTime<Date>,
    time: TextTime<Clock>,
    #[wire(if = variant == 1, as = Ascii)]
    cell: Option<Text<'a>>,
    #[wire(as = Decimal::places(6).plus().width(10), scale = 1e-6)]
    lat: i32,
    #[wire(as = Decimal::places(6).plus().width(11), scale = 1e-6)]
    lon: i32,
    speed: Dec,
    course: Dec,
    #[wire(as = dec)]
    fix: u8,
    #[wire(if = variant == 1, as = dec)]
    odometer: Option<u64>,
    #[wire(as = Ascii)]
    more: Option<Text<'a>>,
}

// ---------------------------------------------------------------- STT;id;mask;..

#[derive(ExProtoFrame, Debug)]
#[frame(end = b"\r", max = 1024, lead = [b'S' | b'A' | b'B', b'T' | b'L' | b'S', b'T' | b'E' | b'A', b';'])]
#[wire(sep = b';')]
#[route(one_of = Port<'_>)]
struct Universal<'a> {
    #[wire(is = tag(report))]
    kind: Word,
    #[wire(as = Ascii)]
    id: Text<'a>,
    report: Report<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b';')]
#[route(auth(client_id = "{id}"), publish("suntech/{client_id}/{kind}"))]
enum Report<'a> {
    #[wire(tag = b"STT" | b"ALT")]
    Status {
        #[wire(tag, hidden)]
        tag: Word,
        #[wire(as = hex(6))]
        mask: u32,
        #[wire(if = mask >> 1 & 1 != 0, as = Ascii)]
        model: Option<Text<'a>>,
        #[wire(if = mask >> 2 & 1 != 0, as = Ascii)]
        firmware: Option<Text<'a>>,
        #[wire(if = mask >> 3 & 1 != 0, as = dec)]
        live: Option<u8>,
        #[wire(if = mask >> 4 & 1 != 0)]
        date: Option<TextTime<Date>>,
        #[wire(if = mask >> 5 & 1 != 0)]
        time: Option<TextTime<Clock>>,
        #[wire(if = mask >> 6 & 1 != 0, as = Ascii)]
        cell: Option<Text<'a>>,
        #[wire(if = mask >> 7 & 1 != 0, as = dec)]
        mcc: Option<u16>,
        #[wire(if = mask >> 8 & 1 != 0, as = dec)]
        mnc: Option<u16>,
        #[wire(if = mask >> 9 & 1 != 0, as = Ascii)]
        lac: Option<Text<'a>>,
        #[wire(if = mask >> 10 & 1 != 0, as = dec)]
        rssi: Option<u8>,
        #[wire(if = mask >> 11 & 1 != 0)]
        lat: Option<Dec>,
        #[wire(if = mask >> 12 & 1 != 0)]
        lon: Option<Dec>,
        #[wire(if = mask >> 13 & 1 != 0)]
        speed: Option<Dec>,
        #[wire(if = mask >> 14 & 1 != 0)]
        course: Option<Dec>,
        #[wire(if = mask >> 15 & 1 != 0, as = dec)]
        satellites: Option<u8>,
        #[wire(if = mask >> 16 & 1 != 0, as = dec)]
        fix: Option<u8>,
        #[wire(if = mask >> 17 & 1 != 0, as = Ascii)]
        inputs: Option<Text<'a>>,
        #[wire(if = mask >> 18 & 1 != 0, as = Ascii)]
        outputs: Option<Text<'a>>,
        #[wire(if = mask >> 19 & 1 != 0, as = dec)]
        mode: Option<u8>,
        #[wire(if = mask >> 20 & 1 != 0, as = Ascii)]
        reason: Option<Text<'a>>,
        #[wire(if = mask >> 21 & 1 != 0 && left > 0, as = Ascii)]
        index: Option<Text<'a>>,
        #[wire(if = mask >> 22 & 1 != 0, as = Ascii)]
        reserved: Option<Text<'a>>,
        #[wire(if = mask >> 23 & 1 != 0, as = hex(8))]
        assign: Option<u32>,
        #[wire(sep = b';')]
        values: Option<Vec<Dec>>,
    },
    #[wire(tag = b"BLE")]
    Ble {
        #[wire(as = Ascii)]
        model: Text<'a>,
        #[wire(as = Ascii)]
        firmware: Text<'a>,
        date: TextTime<Date>,
        time: TextTime<Clock>,
        lat: Dec,
        lon: Dec,
        #[wire(before(count: dec = count(tags)), sep = b';')]
        tags: Vec<Beacon>,
    },
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        kind: Word,
        #[wire(as = Ascii)]
        fields: Text<'a>,
    },
}

/// A beacon that was heard.
#[derive(ExProtoFrame, Debug)]
#[wire(sep = b';')]
struct Beacon {
    highest: Dec,
    lowest: Dec,
    average: Dec,
    #[wire(as = Ascii)]
    mac: TextBuf,
    #[wire(as = dec)]
    count: u16,
    #[wire(as = dec)]
    battery: u16,
    #[wire(as = dec)]
    status: u16,
}

// ---------------------------------------------------------------- binary

#[derive(ExProtoFrame, Debug)]
#[frame(max = 1024, lead = [0x81 | 0x82, 0x00])]
#[wire(endian = big)]
#[route(one_of = Port<'_>, auth(client_id = "{id}"), publish("suntech/{client_id}/binary"))]
struct Binary<'a> {
    kind: u8,
    #[wire(before(length: u16 = size(id..=rest)))]
    #[wire(size = 5)]
    id: Bcd<5>,
    #[wire(before(_: bits(2)), before(has_data: bits(1) = present(data)), before(has_modifier: bits(1) = present(modifier)))]
    #[wire(before(has_alert: bits(1) = present(alert)), before(has_outputs: bits(1) = present(outputs)))]
    #[wire(before(has_inputs: bits(1) = present(inputs)), before(has_fix: bits(1) = present(fix)))]
    #[wire(before(has_satellites: bits(1) = present(satellites)), before(has_course: bits(1) = present(course)))]
    #[wire(before(has_speed: bits(1) = present(speed)), before(has_lon: bits(1) = present(lon)))]
    #[wire(before(has_lat: bits(1) = present(lat)), before(has_rssi: bits(1) = present(rssi)))]
    #[wire(before(has_lac: bits(1) = present(lac)), before(has_mnc: bits(1) = present(mnc)))]
    #[wire(before(has_mcc: bits(1) = present(mcc)), before(has_cell: bits(1) = present(cell)))]
    #[wire(before(has_time: bits(1) = present(time)), before(has_date: bits(1) = present(date)))]
    #[wire(before(has_live: bits(1) = present(live)), before(has_firmware: bits(1) = present(firmware)))]
    #[wire(before(has_model: bits(1) = present(model)), bits = 1)]
    low: bool,
    model: Option<u8>,
    firmware: Option<[u8; 3]>,
    live: Option<u8>,
    date: Option<[u8; 3]>,
    time: Option<[u8; 3]>,
    cell: Option<u32>,
    mcc: Option<u16>,
    mnc: Option<u16>,
    lac: Option<u16>,
    rssi: Option<u8>,
    #[wire(as = u32, scale = 1e-6)]
    lat: Option<SignMagnitude<32>>,
    #[wire(as = u32, scale = 1e-6)]
    lon: Option<SignMagnitude<32>>,
    #[wire(scale = 0.01)]
    speed: Option<u16>,
    #[wire(scale = 0.01)]
    course: Option<u16>,
    satellites: Option<u8>,
    fix: Option<u8>,
    inputs: Option<u8>,
    outputs: Option<u8>,
    alert: Option<u8>,
    modifier: Option<u16>,
    #[wire(size = if alert == Some(59) { 8 } else { 2 })]
    data: Option<&'a [u8]>,
    #[wire(rest)]
    rest: &'a [u8],
}

const PLAIN: PortCtx = PortCtx { hbm: false, adc: false, rpm: false, temp: false, variant: 0 };

/// What the lines of a unit hold, by the options it was set up with.
fn options(name: &str) -> PortCtx {
    let hbm = PortCtx { hbm: true, ..PLAIN };
    match name {
        "hbm" => hbm,
        "adc" => PortCtx { adc: true, ..hbm },
        "temp" => PortCtx { adc: true, temp: true, ..hbm },
        "rpm" => PortCtx { rpm: true, ..hbm },
        "one" => PortCtx { variant: 1, ..PLAIN },
        _ => PLAIN,
    }
}

/// Frames of Traccar's tests.
fn real() -> Vec<(PortCtx, Vec<u8>)> {
    let lines = include_str!("../captures/suntech/traccar.txt").lines().map(|line| {
        let (name, text) = line.split_once(' ').unwrap();
        (options(name), format!("{}\r", text.replace("\\r\\n", "\r\n")).into_bytes())
    });
    let binary = frames(include_str!("../captures/suntech/traccar.hexl"));
    lines.chain(binary.into_iter().map(|frame| (PLAIN, frame))).collect()
}

/// Everything that is found, as text.
fn found(chunks: &[&[u8]], ctx: PortCtx) -> Vec<String> {
    let mut deframer = Deframer::<Port<'_>>::with_ctx(ctx);
    let (mut scratch, mut found) = (Vec::new(), Vec::new());
    let mut show = |item: &Item<'_>| match item {
        Item::Frame(raw) => found.push(format!("{:?}", raw.decode_with::<Port<'_>>(ctx).unwrap().frame)),
        Item::Bad(bad) => found.push(format!("bad {:?}", bad.wire)),
    };
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            show(&item);
        }
    }
    while let Some(item) = deframer.finish(&mut scratch) {
        show(&item);
    }
    found
}

#[test]
fn frames_are_read_and_written_again() {
    for (ctx, wire) in real() {
        let name = String::from_utf8_lossy(&wire);
        let (mut deframer, mut scratch, mut input) =
            (Deframer::<Port<'_>>::with_ctx(ctx), Vec::new(), &wire[..]);
        // The last line ends with the stream.
        let item = match deframer.next(&mut input, &mut scratch).is_some() {
            true => {
                input = &wire;
                deframer = Deframer::with_ctx(ctx);
                deframer.next(&mut input, &mut scratch)
            }
            false => deframer.finish(&mut scratch),
        };
        let Some(Item::Frame(raw)) = item else { panic!("{name}: {item:?}") };
        let received = raw.decode_with::<Port<'_>>(ctx).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(received.flags.is_empty(), "{name}: {received:?}");
        let mut again = Vec::new();
        encode_with::<Port<'_>>(&received.frame, ctx, &mut again).unwrap();
        assert_eq!(String::from_utf8_lossy(&again), name);
        let whole = found(&[&wire], ctx);
        for at in 1..wire.len() {
            assert_eq!(found(&[&wire[..at], &wire[at..]], ctx), whole, "{name} cut at {at}");
        }
    }
}

#[test]
fn lines_with_line_feeds_within_are_found_in_a_stream() {
    let plain: Vec<_> = real().into_iter().filter(|(ctx, _)| *ctx == PLAIN).map(|(_, wire)| wire).collect();
    let stream = [b"noise".to_vec(), plain.concat()].concat();
    let whole = found(&[&stream], PLAIN);
    assert_eq!(whole.len(), plain.len() + 1);
    assert!(whole[0].starts_with("bad"));
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(found(&bytes, PLAIN), whole);
}

#[test]
fn groups_are_read_one_by_one() {
    let of = |begin: &str| real().into_iter().find(|(_, wire)| wire.starts_with(begin.as_bytes())).unwrap().1;
    let ble = sent::<Port<'static>>(&[of("BLE"), of("BSA")].concat());
    let json = ble.publishes()[0].json();
    assert_eq!(json["tags"][0]["mac"], "ACB89523EF68");
    assert_eq!(json["tags"].as_array().unwrap().len(), 1);
    let mut unit = TestConn::<Port<'static>>::new();
    unit.send(&of("ST300UEX"));
    unit.advance(SessionSettings::default().pause);
    assert_eq!(unit.publishes()[0].json()["body"]["uex"]["data"], "GTSL|6|1|0|9255143|2|\r\n");
}

#[test]
fn commands_are_addressed() {
    let mut unit = TestConn::<Port<'static>>::new();
    unit.send(&real().into_iter().find(|(_, wire)| wire.starts_with(b"SA200STT")).unwrap().1);
    unit.advance(SessionSettings::default().pause);
    assert!(unit.message("suntech/608945/command", br#"{"command":"Reboot"}"#), "{:?}", unit.subscriptions());
    assert_eq!(unit.take_sent(), b"ST300CMD;608945;02;Reboot\r");
    assert!(unit.message("suntech/608945/command", br#"{"command":"SetOdometer","arguments":[5,6]}"#));
    assert_eq!(unit.take_sent(), b"ST300CMD;608945;02;SetOdometer;5;6\r");
}
