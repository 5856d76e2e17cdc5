//! M-Bus, wired (EN 13757-2 and -3): the gateway asks as the master behind a converter.

use std::time::Duration;

use exproto_runtime::codec::{BcdInt, BitTime, TimeLayout};
use exproto_runtime::prelude::*;
use exproto_runtime::session::{ConnInfo, SessionSettings};
use exproto_runtime::testkit::TestConn;

use super::{cut_everywhere, frames, hex, support, topics, unhex};

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway, state = Bus, poll(next, before_login))]
enum Port<'a> {
    Ack(Ack),
    #[frame(sent)]
    Short(Short),
    Long(Long<'a>),
}

#[derive(ExProtoFrame, Debug, Clone)]
#[frame]
#[wire(before(b"\xE5"))]
#[route(one_of = Port<'_>, auth(client_id = "{param.line}"), answers)]
struct Ack {}

#[derive(ExProtoFrame, Debug, Clone)]
#[frame]
#[wire(before(b"\x10"), after(b"\x16"))]
#[route(one_of = Port<'_>)]
struct Short {
    #[wire(before(control: u8 = tag(body)))]
    address: u8,
    #[wire(after(check: u8 = sum(control..=body)))]
    body: Ask,
}

#[derive(ExProtoFrame, Debug, Clone)]
enum Ask {
    #[wire(tag = 0x40)]
    #[route(sent, answer)]
    Init,
    #[wire(tag = 0x5B | 0x7B)]
    #[route(sent, answer = address)]
    Data {
        #[wire(tag)]
        control: u8,
    },
    #[wire(tag = 0x5A | 0x7A)]
    #[route(sent, answer = address)]
    Alarm {
        #[wire(tag)]
        control: u8,
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[frame]
#[wire(before(b"\x68"), after(b"\x16"))]
#[route(one_of = Port<'_>, downlink = envelope)]
struct Long<'a> {
    #[wire(before(l1: u8 = size(control..=body)), before(l2: u8 = size(control..=body)), before(b"\x68"))]
    control: u8,
    address: u8,
    #[wire(before(ci: u8 = tag(body)))]
    #[wire(after(check: u8 = sum(control..=body)))]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little, lenient)]
#[route(auth(client_id = "{param.line}"))]
enum Body<'a> {
    #[wire(tag = 0x72)]
    #[route(answers = address, publish("mbus/{client_id}/{address}/{id}"), with = more)]
    Variable {
        #[wire(size = 4, as = with(read_id, write_id))]
        id: TextBuf,
        #[wire(size = 2, as = with(read_maker, write_maker))]
        maker: TextBuf,
        version: u8,
        medium: Medium,
        access: u8,
        status: Status,
        signature: u16,
        #[wire(rest, lenient)]
        records: List<'a, Record<'a>>,
    },
    #[wire(tag = 0x73)]
    #[route(answers = address, publish("mbus/{client_id}/{address}/{id}"))]
    Fixed {
        #[wire(size = 4, as = with(read_id, write_id))]
        id: TextBuf,
        access: u8,
        #[wire(bits = 1)]
        binary: bool,
        #[wire(bits = 1)]
        stored: bool,
        #[wire(bits = 6)]
        errors: u8,
        #[wire(bits = 6)]
        unit1: u8,
        #[wire(bits = 2)]
        medium_low: u8,
        #[wire(bits = 6)]
        unit2: u8,
        #[wire(bits = 2)]
        medium_high: u8,
        #[wire(ctx(binary))]
        counter1: Counter,
        #[wire(ctx(binary))]
        counter2: Counter,
    },
    #[wire(tag = 0x70)]
    #[route(answers = address, publish("mbus/{client_id}/{address}/error"))]
    Error {
        #[wire(if = left > 0)]
        code: Option<u8>,
    },
    #[wire(tag = 0x52)]
    #[route(deliver("mbus/{client_id}/select", answer))]
    Select {
        #[wire(size = 4, as = with(read_id, write_id))]
        id: TextBuf,
        maker: u16,
        version: u8,
        medium: u8,
    },
    #[wire(other)]
    #[route(answers = address, publish("mbus/{client_id}/{address}/unknown"))]
    Other {
        #[wire(tag)]
        ci: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = little, ctx(binary: bool))]
enum Counter {
    #[wire(when = binary)]
    Binary(u32),
    Bcd(#[wire(as = u32)] BcdInt<8>),
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
enum Medium {
    #[wire(tag = 0)]
    Other_,
    #[wire(tag = 1)]
    Oil,
    #[wire(tag = 2)]
    Electricity,
    #[wire(tag = 3)]
    Gas,
    #[wire(tag = 4)]
    Heat,
    #[wire(tag = 5)]
    Steam,
    #[wire(tag = 6)]
    HotWater,
    #[wire(tag = 7)]
    Water,
    #[wire(tag = 0x0D)]
    HeatCooling,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u8, endian = little)]
struct Status {
    #[wire(bits = 2)]
    application: u8,
    #[wire(bits = 1)]
    power_low: bool,
    #[wire(bits = 1)]
    permanent: bool,
    #[wire(bits = 1)]
    temporary: bool,
    #[wire(bits = 3)]
    specific: u8,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(tag = u8, endian = little)]
enum Record<'a> {
    #[wire(tag = 0x2F)]
    Filler,
    #[wire(tag = 0x0F)]
    Specific(#[wire(size = left)] &'a [u8]),
    #[wire(tag = 0x1F)]
    More(#[wire(size = left)] &'a [u8]),
    #[wire(other)]
    Value {
        #[wire(tag, hidden)]
        dif: u8,
        #[wire(if = dif & 0x80 != 0, until = |it| !it.more)]
        difes: Option<Vec<Dife>>,
        #[wire(hidden)]
        vif: u8,
        #[wire(if = vif & 0x80 != 0, until = |it| !it.more)]
        vifes: Option<Vec<Vife>>,
        #[wire(if = vif & 0x7F == 0x7C, size = prefix(u8), as = with(read_reversed, write_reversed))]
        text: Option<TextBuf>,
        #[wire(skip, default = dif >> 4 & 3)]
        function: u8,
        #[wire(skip, default = storage(dif, &difes))]
        storage: u64,
        #[wire(skip, default = unit(vif, &vifes))]
        unit: TextBuf,
        #[wire(skip, default = exponent(vif, &vifes))]
        exponent: i8,
        #[wire(ctx(coding = dif & 0x0F, vif = vif & 0x7F))]
        value: Value<'a>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u8, endian = big)]
struct Dife {
    #[wire(bits = 1)]
    more: bool,
    #[wire(bits = 1)]
    unit: u8,
    #[wire(bits = 2)]
    tariff: u8,
    #[wire(bits = 4)]
    storage: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u8, endian = big)]
struct Vife {
    #[wire(bits = 1)]
    more: bool,
    #[wire(bits = 7)]
    code: u8,
}

/// Type F and type G of the standard.
#[derive(Debug, Clone, Copy, PartialEq)]
struct TypeF;
impl TimeLayout for TypeF {
    const PATTERN: &'static str = "YYYYMMMM YYYDDDDD _CChhhhh __mmmmmm";
    const YEAR: i64 = 1900; // without a century
}
#[derive(Debug, Clone, Copy, PartialEq)]
struct TypeG;
impl TimeLayout for TypeG {
    const PATTERN: &'static str = "YYYYMMMM YYYDDDDD";
    const YEAR: i64 = 2000;
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little, ctx(coding: u8, vif: u8))]
enum Value<'a> {
    #[wire(when = coding == 0)]
    None,
    #[wire(when = coding == 2 && vif == 0x6C)]
    Date(#[wire(as = u16)] BitTime<TypeG>),
    #[wire(when = coding == 4 && vif == 0x6D)]
    DateTime(#[wire(as = u32)] BitTime<TypeF>),
    #[wire(when = coding == 5)]
    Real(f32),
    #[wire(when = coding < 8)]
    Integer(#[wire(size = [0_usize, 1, 2, 3, 4, 4, 6, 8][coding as usize])] i64),
    #[wire(when = coding == 8)]
    Selection,
    #[wire(when = coding == 9)]
    Bcd2(#[wire(as = u8)] BcdInt<2>),
    #[wire(when = coding == 10)]
    Bcd4(#[wire(as = u16)] BcdInt<4>),
    #[wire(when = coding == 11)]
    Bcd6(#[wire(as = u24)] BcdInt<6>),
    #[wire(when = coding == 12)]
    Bcd8(#[wire(as = u32)] BcdInt<8>),
    #[wire(when = coding == 14)]
    Bcd12(#[wire(as = u48)] BcdInt<12>),
    #[wire(when = coding == 13)]
    Variable(Variable<'a>),
    Reserved(#[wire(size = left)] &'a [u8]),
}

/// LVAR: the first byte says what and how much.
#[derive(ExProtoFrame, Debug, Clone)]
#[wire(tag = u8, endian = little)]
enum Variable<'a> {
    #[wire(tag = 0x00..=0xBF)]
    Text {
        #[wire(tag, hidden)]
        length: u8,
        #[wire(size = length as usize, as = with(read_reversed, write_reversed))]
        text: TextBuf,
    },
    #[wire(tag = 0xC0..=0xCF)]
    Positive {
        #[wire(tag, hidden)]
        length: u8,
        #[wire(size = length as usize - 0xC0)]
        digits: &'a [u8],
    },
    #[wire(tag = 0xD0..=0xDF)]
    Negative {
        #[wire(tag, hidden)]
        length: u8,
        #[wire(size = length as usize - 0xD0)]
        digits: &'a [u8],
    },
    #[wire(tag = 0xE0..=0xEF)]
    Binary {
        #[wire(tag, hidden)]
        length: u8,
        #[wire(size = length as usize - 0xE0)]
        bytes: &'a [u8],
    },
    #[wire(tag = 0xF0..=0xF6)]
    Wide {
        #[wire(tag, hidden)]
        length: u8,
        #[wire(size = 4 * (length as usize - 0xEC))]
        bytes: &'a [u8],
    },
}

/// Text whose last character comes first.
fn read_reversed(bytes: &[u8]) -> Option<TextBuf> {
    Some(String::from_utf8(bytes.iter().rev().copied().collect()).ok()?.as_str().into())
}
fn write_reversed(text: &TextBuf) -> Vec<u8> {
    text.as_text().as_bytes().iter().rev().copied().collect()
}
/// Three letters of five bits, low byte first.
fn read_maker(bytes: &[u8]) -> Option<TextBuf> {
    let raw = u16::from_le_bytes(bytes.try_into().ok()?);
    if raw >= 0x8000 {
        return None;
    }
    let text: String = [10, 5, 0].map(|at| ((raw >> at & 31) as u8 + 64) as char).iter().collect();
    Some(text.as_str().into())
}
fn write_maker(text: &TextBuf) -> Option<[u8; 2]> {
    let text = text.as_text();
    let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
    let raw = bytes.iter().try_fold(0_u16, |all, it| {
        it.checked_sub(64).filter(|it| *it < 32).map(|it| all << 5 | u16::from(it))
    })?;
    Some(raw.to_le_bytes())
}
/// Digits, the last two first; zeros in front belong to the number.
fn read_id(bytes: &[u8]) -> Option<TextBuf> {
    Some(bytes.iter().rev().map(|it| format!("{it:02X}")).collect::<String>().as_str().into())
}
fn write_id(id: &TextBuf) -> Option<Vec<u8>> {
    let text = id.as_text().to_str().into_owned();
    (0..text.len()).step_by(2).rev().map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}
/// What the information blocks mean.
fn storage(dif: u8, difes: &Option<Vec<Dife>>) -> u64 {
    difes
        .iter()
        .flatten()
        .enumerate()
        .fold(u64::from(dif >> 6 & 1), |all, (at, it)| all | u64::from(it.storage) << (1 + 4 * at))
}
fn unit(vif: u8, _: &Option<Vec<Vife>>) -> TextBuf {
    match vif & 0x7F {
        0..=7 => "Wh",
        8..=15 => "J",
        0x10..=0x17 => "m³",
        0x28..=0x2F => "W",
        0x38..=0x3F => "m³/h",
        0x58..=0x5F => "°C",
        0x60..=0x63 => "K",
        _ => "",
    }
    .into()
}
fn exponent(vif: u8, _: &Option<Vec<Vife>>) -> i8 {
    let low = (vif & 7) as i8;
    match vif & 0x7F {
        0..=7 | 0x28..=0x2F => low - 3,
        0x10..=0x17 | 0x38..=0x3F => low - 6,
        0x58..=0x63 => (vif & 3) as i8 - 3,
        _ => 0,
    }
}

#[derive(Debug, Default)]
struct Bus {
    initialised: bool,
    toggle: bool,
    again: bool,
    asked: bool,
}

fn next<'a>(cx: &mut Cx<'_, Bus>) -> Next<Port<'a>> {
    let address = cx.param("address").and_then(|it| it.parse().ok()).unwrap_or(1);
    if !cx.state.initialised {
        cx.state.initialised = true;
        return Next::Ask(Port::Short(Short { address, body: Ask::Init }));
    }
    if !cx.state.asked || cx.state.again {
        cx.state.asked = true;
        cx.state.again = false;
        let control = if cx.state.toggle { 0x5B } else { 0x7B };
        cx.state.toggle = !cx.state.toggle;
        return Next::Ask(Port::Short(Short { address, body: Ask::Data { control } }));
    }
    Next::Idle
}

/// More telegrams follow.
fn more(frame: &Long<'_>, cx: &mut Cx<'_, Bus>, _: &mut Asks<'_>) {
    let Body::Variable { records, .. } = &frame.body else { return };
    cx.state.again = records.iter().any(|it| matches!(it, Record::More(_)));
}

fn envelope<'a>(body: Body<'a>, _: &mut Cx<'_, Bus>) -> Long<'a> {
    Long { control: 0x53, address: 0xFD, body }
}

fn real() -> Vec<Vec<u8>> {
    frames(include_str!("../captures/mbus/libmbus.hexl"))
}

#[test]
fn telegrams_of_real_meters() {
    let mut units = Vec::new();
    for frame in real() {
        let seen = support::seen::<Port>(&hex(&frame), &frame);
        assert_eq!(seen.len(), 1, "{}", hex(&frame));
        cut_everywhere::<Port>(&frame);
        let records = seen[0].json["long"]["body"]["variable"]["records"].as_array().cloned();
        units.extend(records.into_iter().flatten().map(|record| record["value"]["unit"].clone()));
    }
    for unit in ["Wh", "m³", "W", "m³/h", "°C", "K"] {
        assert!(units.iter().any(|seen| seen == unit), "{unit}");
    }
}

#[test]
fn a_damaged_telegram_is_no_frame() {
    for frame in real() {
        for at in [2, frame.len() - 2] {
            let mut damaged = frame.clone();
            damaged[at] ^= 1;
            let mut bus = bus();
            bus.send(&damaged);
            bus.advance(Duration::from_secs(1));
            assert!(bus.publishes().is_empty(), "{}", hex(&damaged));
        }
    }
}

/// A line that has answered the first question.
fn bus() -> TestConn<Port<'static>> {
    let mut settings = SessionSettings::default();
    settings.params.insert("line".into(), "cellar".into());
    settings.params.insert("address".into(), "78".into());
    let mut bus = TestConn::<Port>::with(ConnInfo::default(), settings);
    assert_eq!(bus.take_sent(), unhex("10 40 4E 8E 16"));
    bus.send(&[0xE5]);
    assert_eq!(bus.client_id(), "cellar");
    assert_eq!(bus.take_sent(), unhex("10 7B 4E C9 16"));
    bus
}

#[test]
fn a_meter_is_asked_until_it_has_said_all() {
    let mut bus = bus();
    bus.send(&real()[16]); // says that more follows
    assert_eq!(topics(&bus), ["mbus/cellar/78/21519982"]);
    assert_eq!(bus.take_sent(), unhex("10 5B 4E A9 16"));
    bus.advance(Duration::from_secs(1)); // no answer: the same again
    assert_eq!(bus.take_sent(), unhex("10 5B 4E A9 16"));
    bus.send(&unhex("68 04 04 68 08 4E 70 08 CE 16"));
    assert_eq!(topics(&bus)[1], "mbus/cellar/78/error");
    let select = br#"{"id": "12345678", "maker": 65535, "version": 255, "medium": 255}"#;
    assert!(bus.message("mbus/cellar/select", select));
    assert_eq!(bus.take_sent(), unhex("68 0B 0B 68 53 FD 52 78 56 34 12 FF FF FF FF B2 16"));
    bus.send(&[0xE5]);
    // Who has logged in once is asked no more who it is.
    assert_eq!(bus.take_tally().logins, 1);
}
