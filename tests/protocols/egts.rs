//! EGTS (GOST 33465): packets of records of services, a checksum of the header and one
//! of the rest, a confirmation for each record.

use exproto_runtime::codec::{FillError, Latin1, Node, Ticks};
use exproto_runtime::prelude::*;

use super::{frames, sent, sound, spared, unhex};

type Since2010 = Ticks<1, 1, 1_262_304_000>;

#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(endian = big)]
#[route(gateway, downlink = down)]
pub struct Packet<'a> {
    #[wire(before(version: u8 = 1))]
    security_key: u8,
    #[wire(bits = 2)]
    prefix: u8,
    #[wire(before(routed: bits(1) = present(route)), bits = 2)]
    encryption: u8,
    #[wire(bits = 1)]
    compressed: bool,
    #[wire(bits = 2)]
    priority: u8,
    #[wire(before(header_length: u8 = size(version..=header_check)))]
    encoding: u8,
    #[wire(before(length: u16 = size(body), endian = little), endian = little)]
    id: u16,
    #[wire(before(kind: u8 = tag(body)))]
    #[wire(after(header_check: u8 = crc("CRC-8/NRSC-5", version..)))]
    route: Option<Route>,
    #[wire(opaque = encryption != 0 || compressed)]
    #[wire(after(check: u16 = crc("CRC-16/IBM-3740", body), endian = little))]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(endian = little)]
pub struct Route {
    peer: u16,
    recipient: u16,
    ttl: u8,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = little)]
pub enum Body<'a> {
    #[wire(tag = 0)]
    #[route(ignore)]
    Response {
        to: u16,
        result: u8,
        #[wire(rest)]
        records: Vec<Record<'a>>,
    },
    #[wire(tag = 1)]
    #[route(deliver("egts/{client_id}/down/command", qos = 1, payload = with(command)))]
    #[route(auth(client_id = identify(frame, cx)), publish("egts/{client_id}/record", qos = 1, each = records))]
    #[route(reply(each = records, confirm(frame, cx, item, outcome)), reply = welcome)]
    Data {
        #[wire(rest)]
        records: Vec<Record<'a>>,
    },
    #[wire(tag = 2)]
    #[route(auth(client_id = identify(frame, cx)), publish("egts/{client_id}/record", qos = 1, each = records))]
    #[route(reply(each = records, confirm(frame, cx, item, outcome)), reply = welcome)]
    Signed {
        #[wire(size = prefix(u16))]
        signature: &'a [u8],
        #[wire(rest)]
        records: Vec<Record<'a>>,
    },
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
pub struct Record<'a> {
    #[wire(before(length: u16 = size(data), endian = little), endian = little)]
    number: u16,
    #[wire(bits = 1)]
    source_on_device: bool,
    #[wire(bits = 1)]
    recipient_on_device: bool,
    #[wire(bits = 1)]
    group: bool,
    #[wire(bits = 2)]
    priority: u8,
    #[wire(before(timed: bits(1) = present(time)), before(evented: bits(1) = present(event)), before(objected: bits(1) = present(object)))]
    #[wire(endian = little)]
    object: Option<u32>,
    #[wire(endian = little)]
    event: Option<u32>,
    #[wire(as = u32, endian = little)]
    time: Option<Since2010>,
    #[wire(before(service: u8 = tag(data)))]
    recipient: u8,
    data: Service<'a>,
}

#[derive(ExProtoFrame, Debug, Clone)]
pub enum Service<'a> {
    #[wire(tag = 1)]
    Auth(#[wire(rest)] Vec<AuthPart<'a>>),
    #[wire(tag = 2)]
    Tele(#[wire(rest)] Vec<TelePart<'a>>),
    #[wire(tag = 4)]
    Commands(#[wire(rest)] Vec<CommandPart<'a>>),
    #[wire(other)]
    Other {
        #[wire(tag)]
        service: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
pub struct AuthPart<'a>(#[wire(before(kind: u8 = tag(0)), before(length: u16 = size(0)), extra)] Auth<'a>);

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
pub struct TelePart<'a>(#[wire(before(kind: u8 = tag(0)), before(length: u16 = size(0)), extra)] Tele<'a>);

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
pub struct CommandPart<'a>(
    #[wire(before(kind: u8 = tag(0)), before(length: u16 = size(0)), extra)] Command<'a>,
);

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(endian = little)]
pub struct Confirmed {
    number: u16,
    result: u8,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big, lenient)]
pub enum Auth<'a> {
    #[wire(tag = 0)]
    Confirmed(Confirmed),
    #[wire(tag = 1)]
    Identity(Identity<'a>),
    #[wire(tag = 2)]
    Module {
        kind: u8,
        #[wire(endian = little)]
        vendor: u32,
        #[wire(endian = little)]
        firmware: u16,
        #[wire(endian = little)]
        software: u16,
        modification: u8,
        state: u8,
        #[wire(until = 0, as = Latin1)]
        serial: Text<'a>,
        #[wire(until = 0, as = Latin1)]
        description: Text<'a>,
    },
    #[wire(tag = 3)]
    Vehicle {
        #[wire(size = 17, as = Ascii)]
        vin: Text<'a>,
        #[wire(endian = little)]
        kind: u32,
        #[wire(endian = little)]
        propulsion: u32,
    },
    #[wire(tag = 5)]
    Dispatcher {
        kind: u8,
        #[wire(endian = little)]
        id: u32,
        #[wire(rest, as = Latin1)]
        description: Text<'a>,
    },
    #[wire(tag = 7)]
    Info {
        #[wire(until = 0, as = Latin1)]
        user: Text<'a>,
        #[wire(until = 0, as = Latin1)]
        password: Text<'a>,
        #[wire(rest, as = Latin1)]
        sequence: Text<'a>,
    },
    #[wire(tag = 9)]
    Result(u8),
    #[wire(other)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
pub struct Identity<'a> {
    #[wire(endian = little)]
    terminal: u32,
    #[wire(before(_7: bits(1) = present(msisdn)), before(_6: bits(1) = present(buffer)), before(_5: bits(1) = present(network)))]
    #[wire(bits = 1)]
    simple: bool,
    #[wire(before(_3: bits(1) = present(language)), before(_2: bits(1) = present(imsi)), before(_1: bits(1) = present(imei)), before(_0: bits(1) = present(home)))]
    #[wire(endian = little)]
    home: Option<u16>,
    #[wire(size = 15, fill = 0, as = Ascii)]
    imei: Option<Text<'a>>,
    #[wire(size = 16, fill = 0, as = Ascii)]
    imsi: Option<Text<'a>>,
    #[wire(size = 3, as = Ascii)]
    language: Option<Text<'a>>,
    #[wire(as = u24, endian = little)]
    network: Option<u32>,
    #[wire(endian = little)]
    buffer: Option<u16>,
    #[wire(size = 15, fill = 0, as = Ascii)]
    msisdn: Option<Text<'a>>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little, lenient)]
pub enum Tele<'a> {
    #[wire(tag = 0)]
    Confirmed(Confirmed),
    #[wire(tag = 16)]
    Position(Position),
    #[wire(tag = 17)]
    Extended {
        #[wire(before(_0: bits(1) = present(vdop)), before(_1: bits(1) = present(hdop)), before(_2: bits(1) = present(pdop)))]
        #[wire(before(_3: bits(1) = present(satellites)), bits = 1)]
        has_systems: bool,
        #[wire(before(_: bits(3)), scale = 0.01)]
        vdop: Option<u16>,
        #[wire(scale = 0.01)]
        hdop: Option<u16>,
        #[wire(scale = 0.01)]
        pdop: Option<u16>,
        satellites: Option<u8>,
        #[wire(if = has_systems && left > 0)]
        systems: Option<u16>,
    },
    #[wire(tag = 18)]
    Sensors(Sensors),
    #[wire(tag = 19)]
    Counters(Counters),
    #[wire(tag = 21)]
    State {
        state: u8,
        #[wire(scale = 0.1, unit = "V")]
        main: u8,
        #[wire(scale = 0.1, unit = "V")]
        backup: u8,
        #[wire(scale = 0.1, unit = "V")]
        internal: u8,
        #[wire(bits = 1)]
        backup_used: bool,
        #[wire(bits = 1)]
        internal_used: bool,
        #[wire(bits = 1, after(_: bits(5)))]
        navigation: bool,
    },
    #[wire(tag = 24)]
    Analog {
        number: u8,
        #[wire(as = u24)]
        value: u32,
    },
    #[wire(tag = 25)]
    Counter {
        number: u8,
        #[wire(as = u24)]
        value: u32,
    },
    #[wire(tag = 27)]
    Liquid(Liquid<'a>),
    #[wire(other)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
pub struct Liquid<'a> {
    #[wire(bits = 3)]
    number: u8,
    #[wire(bits = 1)]
    raw: bool,
    #[wire(bits = 2)]
    unit: u8,
    #[wire(bits = 1, after(_: bits(1)))]
    error: bool,
    address: u16,
    #[wire(if = !raw)]
    level: Option<u32>,
    #[wire(if = raw, rest)]
    bytes: Option<&'a [u8]>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(endian = little)]
pub struct Position {
    #[wire(as = u32)]
    time: Since2010,
    #[wire(as = u32, scale = 2.0954757934e-8, unit = "deg")]
    lat: i64,
    #[wire(as = u32, scale = 4.1909515867e-8, unit = "deg")]
    lon: i64,
    #[wire(bits = 1)]
    valid: bool,
    #[wire(bits = 1)]
    three_d: bool,
    #[wire(bits = 1)]
    pz90: bool,
    #[wire(bits = 1)]
    black_box: bool,
    #[wire(bits = 1)]
    moving: bool,
    #[wire(before(south: bits(1) = sign(lat)), before(west: bits(1) = sign(lon)), before(high: bits(1) = present(altitude)))]
    #[wire(bits = 14, scale = 0.1, unit = "km/h")]
    speed: u16,
    #[wire(bits = 1)]
    below: bool,
    #[wire(before(course8: bits(1) = bits(course, 8)))]
    #[wire(as = u8, unit = "deg")]
    course: u16,
    #[wire(as = u24, scale = 0.1, unit = "km")]
    odometer: u32,
    inputs: u8,
    source: u8,
    #[wire(as = u24, unit = "m")]
    altitude: Option<u32>,
    #[wire(if = left > 0)]
    source_data: Option<i16>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
pub struct Sensors {
    #[wire(before(_i1: bits(1) = present(input1)), before(_i2: bits(1) = present(input2)), before(_i3: bits(1) = present(input3)), before(_i4: bits(1) = present(input4)), before(_i5: bits(1) = present(input5)), before(_i6: bits(1) = present(input6)), before(_i7: bits(1) = present(input7)), before(_i8: bits(1) = present(input8)))]
    outputs: u8,
    #[wire(before(_a1: bits(1) = present(analog1)), before(_a2: bits(1) = present(analog2)), before(_a3: bits(1) = present(analog3)), before(_a4: bits(1) = present(analog4)), before(_a5: bits(1) = present(analog5)), before(_a6: bits(1) = present(analog6)), before(_a7: bits(1) = present(analog7)), before(_a8: bits(1) = present(analog8)))]
    input1: Option<u8>,
    input2: Option<u8>,
    input3: Option<u8>,
    input4: Option<u8>,
    input5: Option<u8>,
    input6: Option<u8>,
    input7: Option<u8>,
    input8: Option<u8>,
    #[wire(as = u24)]
    analog1: Option<u32>,
    #[wire(as = u24)]
    analog2: Option<u32>,
    #[wire(as = u24)]
    analog3: Option<u32>,
    #[wire(as = u24)]
    analog4: Option<u32>,
    #[wire(as = u24)]
    analog5: Option<u32>,
    #[wire(as = u24)]
    analog6: Option<u32>,
    #[wire(as = u24)]
    analog7: Option<u32>,
    #[wire(as = u24)]
    analog8: Option<u32>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
pub struct Counters {
    #[wire(before(_c1: bits(1) = present(counter1)), before(_c2: bits(1) = present(counter2)), before(_c3: bits(1) = present(counter3)), before(_c4: bits(1) = present(counter4)), before(_c5: bits(1) = present(counter5)), before(_c6: bits(1) = present(counter6)), before(_c7: bits(1) = present(counter7)), before(_c8: bits(1) = present(counter8)))]
    #[wire(as = u24)]
    counter1: Option<u32>,
    #[wire(as = u24)]
    counter2: Option<u32>,
    #[wire(as = u24)]
    counter3: Option<u32>,
    #[wire(as = u24)]
    counter4: Option<u32>,
    #[wire(as = u24)]
    counter5: Option<u32>,
    #[wire(as = u24)]
    counter6: Option<u32>,
    #[wire(as = u24)]
    counter7: Option<u32>,
    #[wire(as = u24)]
    counter8: Option<u32>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big, lenient)]
pub enum Command<'a> {
    #[wire(tag = 0)]
    Confirmed(Confirmed),
    #[wire(tag = 51)]
    Order {
        #[wire(bits = 4)]
        kind: u8,
        #[wire(bits = 4)]
        confirmation: u8,
        #[wire(endian = little)]
        id: u32,
        #[wire(endian = little)]
        source: u32,
        #[wire(before(_: bits(6)), before(_1: bits(1) = present(code)), before(_0: bits(1) = present(charset)))]
        charset: Option<u8>,
        #[wire(size = prefix(u8), as = Latin1)]
        code: Option<Text<'a>>,
        #[wire(endian = little)]
        address: u16,
        #[wire(bits = 4)]
        size: u8,
        #[wire(bits = 4)]
        action: u8,
        #[wire(endian = little)]
        command: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

fn packet(id: u16, body: Body<'_>) -> Packet<'_> {
    Packet {
        security_key: 0,
        prefix: 0,
        encryption: 0,
        compressed: false,
        priority: 0,
        encoding: 0,
        id,
        route: None,
        body,
    }
}

fn record(number: u16, service: u8, data: Service<'_>) -> Record<'_> {
    Record {
        number,
        source_on_device: false,
        recipient_on_device: false,
        group: false,
        priority: 0,
        object: None,
        event: None,
        time: None,
        recipient: service,
        data,
    }
}

fn parts<'f, 'a>(frame: &'f Packet<'a>) -> &'f [Record<'a>] {
    match &frame.body {
        Body::Data { records } | Body::Signed { records, .. } => records,
        _ => &[],
    }
}

fn identify(frame: &Packet<'_>, cx: &Cx<'_, ()>) -> Option<String> {
    for record in parts(frame) {
        if let Service::Auth(parts) = &record.data {
            for AuthPart(part) in parts {
                match part {
                    Auth::Identity(identity) => {
                        let text =
                            identity.imei.as_ref().or(identity.imsi.as_ref()).or(identity.msisdn.as_ref());
                        return text
                            .map(|text| text.to_str().into_owned())
                            .or(Some(identity.terminal.to_string()));
                    }
                    Auth::Dispatcher { id, .. } => return Some(format!("dispatcher-{id}")),
                    _ => {}
                }
            }
        }
    }
    match cx.client_id {
        "" => parts(frame).iter().find_map(|record| record.object).map(|object| object.to_string()),
        _ => None,
    }
}

fn confirm<'a>(frame: &Packet<'a>, cx: &mut Cx<'_, ()>, item: &Record<'a>, outcome: &Outcome) -> Packet<'a> {
    let done = Confirmed { number: item.number, result: outcome.pick(0, 151) };
    let (service, data) = match item.data {
        Service::Auth(_) => (1, Service::Auth(vec![AuthPart(Auth::Confirmed(done))])),
        Service::Commands(_) => (4, Service::Commands(vec![CommandPart(Command::Confirmed(done))])),
        _ => (2, Service::Tele(vec![TelePart(Tele::Confirmed(done))])),
    };
    packet(
        cx.next_serial(),
        Body::Response { to: frame.id, result: 0, records: vec![record(0, service, data)] },
    )
}

fn welcome<'a>(frame: &Packet<'a>, cx: &mut Cx<'_, ()>, outcome: &Outcome) -> Option<Packet<'a>> {
    let asked = parts(frame).iter().any(|record| match &record.data {
        Service::Auth(parts) => {
            parts.iter().any(|part| matches!(part.0, Auth::Identity(_) | Auth::Dispatcher { .. }))
        }
        _ => false,
    });
    asked.then(|| {
        let result = Service::Auth(vec![AuthPart(Auth::Result(outcome.pick(0, 151)))]);
        packet(cx.next_serial(), Body::Data { records: vec![record(0, 1, result)] })
    })
}

fn command(payload: &Node, cx: &mut Cx<'_, ()>) -> Result<Body<'static>, FillError> {
    let id: u32 = payload.field("id")?;
    let command = Command::Order {
        kind: 5,
        confirmation: 0,
        id,
        source: 0,
        charset: None,
        code: None,
        address: 0,
        size: 0,
        action: 2,
        command: payload.field("command")?,
        data: &[],
    };
    Ok(Body::Data {
        records: vec![record(cx.next_serial(), 4, Service::Commands(vec![CommandPart(command)]))],
    })
}

fn down<'a>(body: Body<'a>, cx: &mut Cx<'_, ()>) -> Packet<'a> {
    packet(cx.next_serial(), body)
}

/// Frames of Traccar's tests, all but the longest.
fn real() -> Vec<Vec<u8>> {
    frames(include_str!("../captures/egts/traccar.hexl"))
}

#[test]
fn frames_are_read_and_written_again() {
    sound::<Packet<'static>>(&real());
    for frame in real() {
        if frame[15..].len() > 1 {
            spared::<Packet<'static>>(&frame, 0);
        }
    }
}

#[test]
fn a_wrong_length_is_told_by_the_checksum_of_the_header() {
    let good = &real()[1];
    let mut damaged = good.clone();
    damaged[6] ^= 0x40; // 16 384 bytes more
    let conn = sent::<Packet<'static>>(&[damaged, good.repeat(20)].concat());
    assert_eq!(conn.publishes().len(), 20 * 2);
}

#[test]
fn records_are_published_and_confirmed() {
    // Client id, kinds of the replies, what a message holds.
    let wanted: [(&str, &[&str], &str); 12] = [
        ("dispatcher-2219", &["response", "data"], r#""description":"bG9naW46cGFzc3dvcmQ=""#),
        ("3636500978", &["response"; 2], r#""lat":54.907"#),
        ("2586625890", &["response"; 10], r#""valid":true"#),
        ("", &[], ""),
        ("45177", &["response"; 22], r#""time":"201"#),
        ("", &[], ""),
        ("865905", &["response", "data"], r#""imei":"865905""#),
        ("864495034643376", &["response", "data"], r#""buffer":256"#),
        ("100723", &["response"], r#""lat":59.876173"#),
        ("1231580877", &["response"], r#""time":"2018-03-21T05:38:19Z","lat":51.67569349"#),
        ("265004316", &["response"], r#""altitude":130"#),
        ("265004316", &["response"; 2], r#""altitude":13"#),
    ];
    for (frame, (client, kinds, part)) in real().iter().zip(wanted) {
        let mut conn = sent::<Packet<'static>>(frame);
        assert_eq!(conn.client_id(), client);
        assert_eq!(conn.sent_kinds(), kinds);
        assert_eq!(conn.publishes().len(), kinds.iter().filter(|kind| **kind == "response").count());
        assert!(conn.publishes().iter().all(|publish| publish.text().contains(part)), "{part}");
        assert!(conn.take_reports().is_empty());
    }
    // Packet 573a, record 573a, taken.
    let mut conn = sent::<Packet<'static>>(&real()[9]);
    assert_eq!(conn.take_sent(), unhex("0100000b00100000000068 3a5700 06000000000202 000300 3a5700 5c59"));
}

#[test]
fn a_connection_goes_on_and_takes_commands() {
    let mut conn = sent::<Packet<'static>>(&[0, 1, 2, 4].map(|frame| real()[frame].clone()).concat());
    assert_eq!(conn.publishes().len(), 1 + 2 + 10 + 22);
    conn.take_sent();
    assert!(conn.message("egts/dispatcher-2219/down/command", br#"{"id": 7, "command": 4}"#));
    let sent = conn.take_sent();
    assert_eq!(sent[16..34], unhex("0404 330f00 50 07000000 00000000 00 0000 02 0400")[..18]);
    sound::<Packet<'static>>(&[sent]);
}
