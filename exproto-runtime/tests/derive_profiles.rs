//! `profile` and `payload = with(..)` in `#[route(..)]`.
#![allow(clippy::unwrap_used, reason = "tests")]
#![cfg(all(feature = "derive", feature = "testkit"))]

use exproto_runtime::codec::{FillError, JsonObject, Node};
use exproto_runtime::host::{Host, HostError, Listener};
use exproto_runtime::prelude::*;
use exproto_runtime::session::{Gateway, SessionSettings};
use exproto_runtime::testkit::{TestConn, vectors};

#[derive(ExProtoFrame, Debug, Clone)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256)]
#[wire(endian = big)]
#[route(gateway, downlink = envelope, profiles(old, other))]
struct Message<'a> {
    #[wire(before(id: u8 = tag(body)))]
    serial: u16,
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
#[route(profile = old, publish("old/{client_id}/{serial}/up", qos = 1, payload = with(old::up)))]
#[route(profile = old, deliver("old/{client_id}/dn", qos = 2, payload = with(old::down)))]
enum Body<'a> {
    #[wire(tag = 1)]
    #[route(auth(client_id = "meter-{device}"), reply = answer)]
    Login { device: u16 },
    #[wire(tag = 2)]
    #[route(publish("meters/{client_id}/{kind}"), reply = answer)]
    #[route(profile = other, publish("other/{value}"), publish("other/all", payload = with(whole)))]
    Reading { value: u16 },
    #[wire(tag = 3)]
    #[route(publish("meters/{client_id}/{kind}"))]
    #[route(profile = old, publish = none, reply = answer)]
    Note {
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
    #[wire(tag = 4)]
    #[route(answers = to, publish("meters/{client_id}/answer/{request}"))]
    #[route(profile = old, publish("old/{client_id}/answer/{request}"))]
    Answer { to: u16 },
    #[wire(tag = 5)]
    #[route(publish("meters/{client_id}/cell", each = cells))]
    #[route(
        profile = other,
        publish("cells/{client_id}", each = cells, payload = with(cell)),
        subscribe("other/{client_id}/more")
    )]
    Batch {
        #[wire(count = prefix(u8))]
        cells: Vec<u16>,
    },
    #[wire(tag = 0x81)]
    #[route(sent)]
    Ack { serial: u16 },
    #[wire(tag = 0x82)]
    #[route(deliver("meters/{client_id}/limit", answer = serial))]
    SetLimit {
        #[wire(scale = 0.1)]
        limit: u16,
    },
    #[wire(tag = 0x83)]
    #[route(deliver("meters/{client_id}/text", answer = serial))]
    #[route(profile = other, deliver("other/{client_id}/text", payload = with(shout)))]
    Show {
        #[wire(rest, as = Ascii)]
        text: Text<'a>,
    },
}

fn envelope<'a>(body: Body<'a>, cx: &mut Cx<'_, ()>) -> Message<'a> {
    Message { serial: cx.next_serial(), body }
}

fn answer(frame: &Message<'_>, cx: &mut Cx<'_, ()>, _: &Outcome) -> Message<'static> {
    let body = Body::Ack { serial: frame.serial };
    Message { serial: if cx.profile().is_empty() { 0 } else { 0x100 }, body }
}

/// What another gateway made of such frames.
mod old {
    use super::*;

    pub(super) fn up(frame: &Message<'_>, cx: &mut Cx<'_, ()>, payload: &mut Vec<u8>) {
        JsonObject::write(payload, |json| {
            json.put("Device", cx.client_id).put("No", &frame.serial);
            match &frame.body {
                Body::Reading { value } => json.put("Value", value).end(),
                Body::Batch { cells } => json.list("Cells", cells).end(),
                _ => {}
            }
        });
    }

    pub(super) fn down<'f>(payload: &'f Node, _: &mut Cx<'_, ()>) -> Result<Body<'f>, FillError> {
        match payload.field("Cmd")? {
            "limit" => Ok(Body::SetLimit { limit: payload.field("Limit")? }),
            "show" => Ok(Body::Show { text: payload.field::<&str>("Text")?.into() }),
            other => Err(FillError::new(format!("no command {other}")).within("Cmd")),
        }
    }
}

fn whole(frame: &Message<'_>, _: &mut Cx<'_, ()>, payload: &mut Vec<u8>) {
    payload.extend(frame.serial.to_be_bytes());
}

fn cell(_: &Message<'_>, cell: &u16, _: &mut Cx<'_, ()>, payload: &mut Vec<u8>) {
    payload.extend(cell.to_string().bytes());
}

fn shout<'f>(payload: &'f Node, _: &mut Cx<'_, ()>) -> Result<Body<'f>, FillError> {
    Ok(Body::SetLimit { limit: payload.field("limit")? })
}

fn device(profile: Option<&str>) -> TestConn<Message<'static>> {
    let mut device = match profile {
        Some(name) => TestConn::with_profile(name),
        None => TestConn::new(),
    };
    device.send_frame(&Message { serial: 1, body: Body::Login { device: 7 } });
    device.take_sent();
    device
}

fn topics(device: &TestConn<Message<'static>>) -> Vec<(String, String)> {
    device.publishes().iter().map(|publish| (publish.topic.clone(), publish.text().to_owned())).collect()
}

fn all(device: &mut TestConn<Message<'static>>) {
    let bodies = [
        Body::Reading { value: 21 },
        Body::Note { text: "hi".into() },
        Body::Answer { to: 9 },
        Body::Batch { cells: vec![5, 6] },
    ];
    for (serial, body) in (2..).zip(bodies) {
        device.send_frame(&Message { serial, body });
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(topic, payload)| ((*topic).to_owned(), (*payload).to_owned())).collect()
}

#[test]
fn without_a_profile_nothing_of_any_holds() {
    let mut device = device(None);
    let subscribed = [("meters/meter-7/limit".to_owned(), 0), ("meters/meter-7/text".to_owned(), 0)];
    assert_eq!(device.subscriptions(), subscribed);
    all(&mut device);
    let want = [
        ("meters/meter-7/reading", r#"{"value":21}"#),
        ("meters/meter-7/note", r#"{"text":"hi"}"#),
        ("meters/meter-7/answer/none", r#"{"to":9}"#),
        ("meters/meter-7/cell", "5"),
        ("meters/meter-7/cell", "6"),
    ];
    assert_eq!(topics(&device), pairs(&want));
    assert_eq!(device.take_sent(), b"\x7E\x81\0\0\0\x02\x7E");
    assert!(!device.message("old/meter-7/dn", b"{}"));
}

#[test]
fn a_profile_stands_in_for_what_it_names() {
    let mut device = device(Some("old"));
    assert_eq!(device.subscriptions(), [("old/meter-7/dn".to_owned(), 2)]);
    all(&mut device);
    let want = [
        ("old/meter-7/2/up", r#"{"Device":"meter-7","No":2,"Value":21}"#),
        ("old/meter-7/answer/none", r#"{"to":9}"#),
        ("old/meter-7/5/up", r#"{"Device":"meter-7","No":5,"Cells":[5,6]}"#),
    ];
    assert_eq!(topics(&device), pairs(&want));
    assert_eq!(device.publishes()[0].qos, 1);
    // The note publishes nothing, and is answered.
    assert_eq!(device.take_sent(), b"\x7E\x81\x01\0\0\x02\x7E\x7E\x81\x01\0\0\x03\x7E");
}

#[test]
fn a_function_makes_a_downlink_and_the_variant_knows_its_answer() {
    let mut device = device(Some("old"));
    assert!(device.message("old/meter-7/dn", br#"{"Cmd": "limit", "Limit": 215}"#));
    assert!(device.message("old/meter-7/dn", br#"{"Cmd": "show", "Text": "hello", "More": 1}"#));
    assert_eq!(device.take_sent(), b"\x7E\x82\0\0\0\xD7\x7E\x7E\x83\0\x01hello\x7E");
    device.send_frame(&Message { serial: 9, body: Body::Answer { to: 1 } });
    device.send_frame(&Message { serial: 10, body: Body::Answer { to: 0 } });
    assert_eq!(device.publishes()[0].topic, "old/meter-7/answer/show");
    assert_eq!(device.publishes()[1].topic, "old/meter-7/answer/set_limit");
    for (payload, why) in [
        (r#"{"Cmd": "stop"}"#, "Cmd: no command stop"),
        (r#"{"Cmd": "limit"}"#, "Limit: missing"),
        (r#"{"Cmd": "limit", "Limit": 70000}"#, "Limit: 70000 is not within 0 to 65535"),
        ("[]", "an object is needed here, not an array"),
    ] {
        device.message("old/meter-7/dn", payload.as_bytes());
        assert!(device.take_sent().is_empty());
        let report = device.take_reports()[0].to_string();
        assert!(report.contains(why), "{report}");
    }
}

#[test]
fn what_a_profile_does_not_name_stays() {
    let mut device = device(Some("other"));
    let subscribed = [("meters/meter-7/limit".to_owned(), 0), ("other/meter-7/text".to_owned(), 0)];
    assert_eq!(device.subscriptions(), subscribed);
    all(&mut device);
    let want = [
        ("other/21", r#"{"value":21}"#),
        ("other/all", "\0\x02"),
        ("meters/meter-7/note", r#"{"text":"hi"}"#),
        ("meters/meter-7/answer/none", r#"{"to":9}"#),
        ("cells/meter-7", "5"),
        ("cells/meter-7", "6"),
    ];
    assert_eq!(topics(&device), pairs(&want));
    assert!(device.subscriptions().contains(&("other/meter-7/more".to_owned(), 0)));
    // Another variant than the one whose topic it is.
    assert!(device.message("other/meter-7/text", br#"{"limit": 3}"#));
    assert_eq!(device.sent_kinds().last(), Some(&"set_limit"));
}

#[tokio::test]
async fn a_profile_that_is_not_there_is_found_before_the_first_device() {
    assert_eq!(Message::PROFILES, ["old", "other"]);
    let settings = |name: &str| {
        let mut settings = SessionSettings::default();
        settings.profile = Some(name.into());
        settings
    };
    let error = |name| settings(name).check_profile::<Message<'static>>().unwrap_err().to_string();
    assert_eq!(error("othr"), "Message has no profile `othr`; did you mean `other`?");
    assert_eq!(error("emqx"), "Message has no profile `emqx`; there are: old, other");
    assert_eq!(settings("old").check_profile::<Message<'static>>(), Ok(()));

    let listener = Listener::tcp(([127, 0, 0, 1], 0)).session(settings("olb"));
    let broker = exproto_runtime::broker::MqttBroker::start(exproto_runtime::broker::MqttSettings::new(
        "mqtt://127.0.0.1:1".parse().unwrap(),
    ));
    let bound = Host::<Message<'static>>::builder().listener(listener).bind(broker);
    assert!(matches!(bound, Err(HostError::Profile(_))));

    let ran = vectors::run::<Message<'static>>(r#"{"profile": "olb", "in": ""}"#);
    assert_eq!(ran.failures[0].message, "Message has no profile `olb`; did you mean `old`?");
}

#[test]
fn cases_of_vectors_have_a_profile() {
    let case = r#"{"client_id":"7","profile":"old","in":"7E 02 0005 0015 7E","publishes":[{"topic":"old/7/5/up","payload":{"Device":"7","No":5,"Value":21},"qos":1}]}"#;
    let ran = vectors::run::<Message<'static>>(case);
    assert_eq!(ran.failures, []);
    assert!(ran.blessed.contains(r#""profile":"old""#));
}
