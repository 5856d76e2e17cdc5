//! Shapes of JSON: hidden fields, parts in their parent, lists as objects,
//! members without a value.
#![cfg(all(feature = "derive", feature = "testkit"))]
#![allow(clippy::unwrap_used, reason = "a test")]

mod derived;

use derived::json;
use exproto_runtime::codec::{Deframer, FieldInfo, Fill, Item, List, ListBuf, Node, explain, to_json};
use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(datagram)]
#[wire(endian = big)]
struct Report {
    #[wire(hidden)]
    serial: u16,
    #[wire(flatten)]
    place: Place,
    #[wire(before(has: u8 = present(fix)), flatten)]
    fix: Option<Fix>,
    #[wire(flatten)]
    state: State,
    #[wire(count = prefix(u8), map)]
    readings: Vec<Reading>,
    #[wire(rest, map)]
    io: ListBuf<Io>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Place {
    #[wire(scale = 0.1)]
    lat: i16,
    #[wire(flatten)]
    more: More,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct More {
    height: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Fix {
    #[wire(sentinel(0xFF => null))]
    satellites: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8)]
enum State {
    #[wire(tag = 0)]
    Parked,
    #[wire(tag = 1)]
    Moving { speed: u8 },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big)]
enum Reading {
    #[wire(tag = 1)]
    Power(#[wire(scale = 0.1)] u8),
    #[wire(tag = 2)]
    Door,
    #[wire(tag = 3, key = "probe{number}")]
    Probe { number: u8, celsius: i8, ok: u8 },
    #[wire(other, key = "io{id}")]
    Io {
        #[wire(tag)]
        id: u8,
        value: u8,
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(key = "{id}")]
struct Io {
    id: u8,
    value: u8,
}

fn report() -> Report {
    Report {
        serial: 7,
        place: Place { lat: -215, more: More { height: 9 } },
        fix: Some(Fix { satellites: 5 }),
        state: State::Moving { speed: 80 },
        readings: vec![
            Reading::Power(127),
            Reading::Io { id: 49, value: 243 },
            Reading::Door,
            Reading::Power(126),
            Reading::Probe { number: 2, celsius: -3, ok: 1 },
            Reading::Power(125),
        ],
        io: vec![Io { id: 1, value: 2 }, Io { id: 1, value: 3 }].into(),
    }
}

const JSON: &str = r#"{"lat":-21.5,"height":9,"satellites":5,"moving":{"speed":80},"readings":{"power":12.7,"io49":243,"door":true,"power#2":12.6,"probe2":{"celsius":-3,"ok":1},"power#3":12.5},"io":{"1":2,"1#2":3}}"#;

static AT: FieldInfo = FieldInfo::new("", "report");

fn made(json: &str) -> Result<Report, String> {
    let node = Node::parse(json.as_bytes()).unwrap();
    Report::fill(Some(&node), &AT).map_err(|error| error.to_string())
}

#[test]
fn shapes_go_out_and_come_back() {
    assert_eq!(json(&report()), JSON);
    // What is hidden is its default, or given all the same.
    assert_eq!(made(JSON).unwrap(), Report { serial: 0, ..report() });
    let given = JSON.replacen('{', r#"{"serial":7,"#, 1);
    assert_eq!(made(&given).unwrap(), report());
    let bare = Report { fix: None, state: State::Parked, readings: vec![], ..report() };
    let text = json(&bare);
    assert_eq!(text, r#"{"lat":-21.5,"height":9,"parked":true,"readings":{},"io":{"1":2,"1#2":3}}"#);
    assert_eq!(made(&text).unwrap(), Report { serial: 0, ..bare });
}

#[test]
fn a_list_is_taken_as_a_list_too() {
    let list = JSON.replace(r#"{"1":2,"1#2":3}"#, r#"[{"id":1,"value":2},{"id":1,"value":3}]"#);
    assert_eq!(made(&list).unwrap().io, report().io);
}

#[test]
fn what_is_wrong_is_named() {
    for (from, to, error) in [
        ("height", "hight", "unknown field `hight`; did you mean `height`?"),
        ("moving", "parking", "unknown field `parking`"),
        (r#""moving":{"speed":80},"#, "", "one of these is missing: parked, moving"),
        (r#""moving":{"#, r#""parked":true,"moving":{"#, "only one of these may be given: parked, moving"),
        ("io49", "io", "readings.io: no such element; there are: power, door, probe{number}, io{id}"),
        ("io49", "io300", "readings.io300: no such element"),
        ("power#2", "power#", "readings.power#: no such element"),
        (":243", ":300", "readings.io49: "),
        (r#""1#2":3"#, r#""x":3"#, "io.x: no such element; there are: {id}"),
    ] {
        let text = JSON.replace(from, to);
        let found = made(&text).unwrap_err();
        assert!(found.contains(error), "{text}\n{found}\n{error}");
    }
}

#[test]
fn explaining_shows_what_is_declared() {
    let bytes = exproto_runtime::codec::to_bytes(&report()).unwrap();
    let mut shown = String::new();
    Deframer::<Report>::new().datagram(&bytes, &mut Vec::new(), |item| {
        let Item::Frame(raw) = item else { panic!("no frame") };
        shown = explain::<Report>(&raw).to_string();
    });
    for field in ["serial", "place", "lat", "readings", "number"] {
        assert!(shown.contains(field), "{shown}");
    }
}

/// What a part is of does not matter.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Framed<T> {
    #[wire(flatten)]
    pair: Pair<T>,
    #[wire(hidden)]
    serial: T,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Pair<T> {
    left: T,
    right: T,
}

#[test]
fn parts_may_be_of_any_type() {
    let framed = Framed { pair: Pair { left: 1_u8, right: 2 }, serial: 0 };
    let mut out = Vec::new();
    to_json(&framed, &mut out);
    assert_eq!(out, br#"{"left":1,"right":2}"#);
    let given = Node::parse(br#"{"left":1,"right":2,"serial":0}"#).unwrap();
    assert_eq!(Framed::fill(Some(&given), &AT), Ok(framed));
}

mod nulls {
    use super::*;

    #[derive(ExProtoFrame, Debug)]
    #[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256)]
    #[route(gateway, nulls = omit)]
    struct Message<'a> {
        #[wire(before(id: u8 = tag(body)), sentinel(0xFF => null))]
        level: u8,
        body: Body<'a>,
    }

    #[derive(ExProtoFrame, Debug)]
    #[route(anonymous)]
    enum Body<'a> {
        #[wire(tag = 1)]
        #[route(publish("a"), publish("b", payload = frame), publish("c", payload = fixes), publish("d", each = fixes))]
        Report {
            #[wire(before(has: u8 = present(part)))]
            part: Option<u8>,
            #[wire(sentinel(0xFF => null))]
            speed: u8,
            #[wire(rest)]
            fixes: List<'a, Fix>,
        },
    }

    #[test]
    fn members_without_a_value_are_left_out() {
        let mut device = TestConn::<Message<'_>>::new();
        device.send(&[0x7E, 1, 0xFF, 0, 0xFF, 0xFF, 3, 0x7E]);
        let texts: Vec<_> = device.publishes().iter().map(|publish| publish.text()).collect();
        assert_eq!(
            texts,
            [
                r#"{"fixes":[{},{"satellites":3}]}"#,
                r#"{"body":{"report":{"fixes":[{},{"satellites":3}]}}}"#,
                r#"[{},{"satellites":3}]"#,
                "{}",
                r#"{"satellites":3}"#,
            ]
        );
    }
}
