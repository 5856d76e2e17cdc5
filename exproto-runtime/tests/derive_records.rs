//! Messages by record: topics that speak of the elements of a list, and of
//! what lies within fields; one connection that carries many devices.
#![cfg(all(feature = "derive", feature = "testkit"))]
#![allow(clippy::unwrap_used, reason = "a test")]

use exproto_runtime::codec::List;
use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;

#[derive(ExProtoFrame, Debug, Clone)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256)]
#[wire(endian = big)]
#[route(gateway, state = Kept)]
struct Message<'a> {
    #[wire(before(id: u8 = tag(body)))]
    head: Head,
    #[wire(rest)]
    body: Body<'a>,
}

#[derive(Debug, Default)]
struct Kept {
    place: Head,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, Default)]
struct Head {
    serial: u8,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
#[route(anonymous)]
enum Body<'a> {
    /// Elements made one by one, which keep their fields within parts.
    #[wire(tag = 1)]
    #[route(publish("{head.serial}/{site:02X}/{item.object}/{item.place.serial}", each = records))]
    #[route(subscribe("{site}/{item.object}/down", qos = 1, each = records))]
    #[route(reply(each = records, Message { head: Head { serial: item.place.serial }, body: Body::Taken { site: site_of(frame) } }))]
    Records {
        site: u8,
        #[wire(rest)]
        records: List<'a, Record>,
    },
    /// The kind of an element: the name of a variant, of a value, or a field.
    #[wire(tag = 2)]
    #[route(publish("a/{item.kind}", each = values))]
    Values {
        #[wire(rest)]
        values: Vec<Reading>,
    },
    #[wire(tag = 3)]
    #[route(publish("b/{item.mode.kind}/{item.kind}", payload = with(mode), each = values))]
    Kinds {
        #[wire(count = prefix(u8))]
        values: Vec<Moded>,
    },
    #[wire(tag = 4)]
    #[route(publish("c/{part.serial:03}/{state.place.serial:X}/{param.line|none}", payload = hex))]
    Part { part: Head },
    #[wire(tag = 5)]
    #[route(unsubscribe("{site}/{item}/down", each = objects))]
    Gone {
        site: u8,
        #[wire(rest)]
        objects: Vec<u16>,
    },
    #[wire(tag = 0x81)]
    #[route(sent)]
    Taken { site: u8 },
}

#[derive(ExProtoFrame, Debug, Clone)]
struct Record {
    #[wire(before(has: u8 = present(object)))]
    object: Option<u8>,
    place: Head,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(tag = u8, endian = big)]
enum Reading {
    #[wire(tag = 1)]
    Power(u8),
    #[wire(tag = 2)]
    DoorOpen,
}

#[derive(ExProtoFrame, Debug, Clone)]
struct Moded {
    mode: Mode,
    kind: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
enum Mode {
    Off,
    On,
    #[wire(other)]
    Other(u8),
}

fn mode(_: &Message<'_>, moded: &Moded, _: &mut Cx<'_, Kept>, payload: &mut Vec<u8>) {
    payload.push(moded.kind);
}

fn site_of(frame: &Message<'_>) -> u8 {
    let Body::Records { site, .. } = frame.body else { return 0 };
    site
}

fn topics(device: &TestConn<Message<'static>>) -> Vec<String> {
    device.publishes().iter().map(|publish| publish.topic.clone()).collect()
}

#[test]
fn a_topic_speaks_of_each_record_and_of_the_frame() {
    let mut device = TestConn::<Message<'_>>::new();
    device.send(&[0x7E, 1, 9, 5, 1, 40, 7, 1, 41, 8, 0x7E]);
    assert_eq!(topics(&device), ["9/05/40/7", "9/05/41/8"]);
    assert_eq!(device.publishes()[1].text(), r#"{"object":41,"place":{"serial":8}}"#);
    assert_eq!(device.subscriptions(), [("5/40/down".to_owned(), 1), ("5/41/down".to_owned(), 1)]);
    assert_eq!(device.sent(), [0x7E, 0x81, 7, 5, 0x7E, 0x7E, 0x81, 8, 5, 0x7E]);
    device.send(&[0x7E, 5, 0, 5, 0, 40, 0x7E]);
    assert_eq!(device.subscriptions(), [("5/41/down".to_owned(), 1)]);
}

#[test]
fn a_record_without_the_value_of_its_topic_refuses_the_frame() {
    let mut device = TestConn::<Message<'_>>::new();
    device.send(&[0x7E, 1, 9, 5, 1, 40, 7, 0, 8, 0x7E]);
    assert!(device.publishes().is_empty());
    assert!(device.take_reports()[0].to_string().contains("the value after `9/05/` is empty"));
}

#[test]
fn kinds_are_names_of_variants_or_fields() {
    let mut device = TestConn::<Message<'_>>::new();
    device.send(&[0x7E, 2, 0, 1, 12, 2, 0x7E]);
    device.send(&[0x7E, 3, 0, 2, 1, 30, 9, 31, 0x7E]);
    device.send(&[0x7E, 4, 0, 171, 0x7E]);
    assert_eq!(topics(&device), ["a/power", "a/door_open", "b/on/30", "b/other/31", "c/171/0/none"]);
    assert_eq!(device.publishes()[2].payload, [30]);
}

/// A concentrator: its frames come from many meters, and go to them.
mod concentrator {
    use exproto_runtime::prelude::*;
    use exproto_runtime::session::{ConnInfo, SessionSettings, TopicPolicy};
    use exproto_runtime::testkit::TestConn;

    #[derive(ExProtoFrame, Debug)]
    #[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256)]
    #[wire(endian = big)]
    #[route(gateway, downlink = envelope)]
    struct Message {
        #[wire(before(id: u8 = tag(body)), size = prefix(u8), as = Ascii)]
        meter: TextBuf,
        body: Body,
    }

    #[derive(ExProtoFrame, Debug)]
    #[wire(endian = big)]
    #[route(anonymous)]
    enum Body {
        #[wire(tag = 1)]
        #[route(publish("meters/{meter}/up"), subscribe("meters/{meter}/+/set", qos = 1))]
        #[route(subscribe("meters/{meter}/text"))]
        Reading { value: u8 },
        #[wire(tag = 0x81)]
        #[route(deliver("meters/{+meter}/{+register}/set"))]
        Set { register: u16, value: u8 },
        #[wire(tag = 0x82)]
        #[route(deliver("meters/{+meter}/text", payload = text))]
        Show { text: u8 },
    }

    fn envelope(body: Body, cx: &mut Cx<'_, ()>) -> Message {
        Message { meter: cx.level("meter").into(), body }
    }

    fn reading(device: &mut TestConn<Message>, meter: &str) {
        device.send_frame(&Message { meter: meter.into(), body: Body::Reading { value: 1 } });
    }

    #[test]
    fn messages_find_the_meter_that_their_topic_names() {
        let mut device = TestConn::<Message>::new();
        reading(&mut device, "m7");
        reading(&mut device, "m8");
        let filters: Vec<_> = device.subscriptions().iter().map(|(filter, _)| filter.as_str()).collect();
        assert_eq!(filters, ["meters/m7/+/set", "meters/m7/text", "meters/m8/+/set", "meters/m8/text"]);
        assert!(device.message("meters/m8/513/set", br#"{"value": 9}"#));
        assert_eq!(device.take_sent(), b"\x7E\x81\x02m8\x02\x01\x09\x7E");
        assert!(device.message("meters/m7/text", b"65"));
        assert_eq!(device.take_sent(), b"\x7E\x82\x02m7A\x7E");
        assert!(!device.message("meters/m9/text", b"65"));
        device.message("meters/m8/513/set", br#"{"value": 9, "register": 1}"#);
        device.message("meters/m8/x/set", br#"{"value": 9}"#);
        let reports: Vec<_> = device.take_reports().iter().map(ToString::to_string).collect();
        assert!(reports[0].contains("register: is given beside the payload"), "{reports:?}");
        assert!(reports[1].contains("register: "), "{reports:?}");
    }

    #[test]
    fn a_filter_is_subscribed_once_until_it_is_refused() {
        let mut device = TestConn::<Message>::new();
        device.pause();
        reading(&mut device, "m7");
        assert_eq!(device.waiting(), 3);
        device.resume();
        device.pause();
        reading(&mut device, "m7");
        assert_eq!(device.waiting(), 1); // the publish
        device.resume();
        device.pause();
        reading(&mut device, "m8");
        device.refuse_next(0x87, "no");
        device.resume();
        device.pause();
        reading(&mut device, "m7");
        assert_eq!(device.waiting(), 3);
    }

    #[test]
    fn a_connection_has_so_many_subscriptions() {
        let mut settings = SessionSettings::default();
        settings.subscriptions = 3;
        let mut device = TestConn::<Message>::with(ConnInfo::default(), settings);
        reading(&mut device, "m7");
        reading(&mut device, "m8");
        assert_eq!(device.subscriptions().len(), 2);
        let report = device.take_reports()[0].to_string();
        assert!(
            report.contains("`meters/m8/text` is one subscription more than a device may have"),
            "{report}"
        );
    }

    #[test]
    fn levels_are_values_as_they_were_before_they_were_escaped() {
        let mut settings = SessionSettings::default();
        settings.topics = TopicPolicy::Escape;
        let mut device = TestConn::<Message>::with(ConnInfo::default(), settings);
        reading(&mut device, "m/7");
        assert_eq!(device.publishes()[0].topic, "meters/m%2F7/up");
        assert!(device.message("meters/m%2F7/text", b"65"));
        assert_eq!(device.sent(), b"\x7E\x82\x03m/7A\x7E");
    }
}
