//! What the gateway of the JT/T 808 example does with each message, seen from
//! the device and from the broker.
#![allow(clippy::unwrap_used)]

#[path = "../common/mod.rs"]
mod common;
mod segments;

use common::{
    Conn, Header, Message, PHONE, acknowledgement, encoded, hex, location_body, settings, unhex, v2013,
    v2019, wrap,
};
use exproto_runtime::codec::{Text, decode};
use exproto_runtime::session::{BeforeLogin, CloseReason, ConnInfo, OnRefused, Report};
use exproto_runtime::testkit::Fate;
use serde_json::{Value as Json, json};

/// The device's header of 2019 has ten bytes of phone.
const PHONE_2019: &str = "00000000013800138000";

/// Makes a header of 2013 or of 2019.
type Form = fn(u16) -> Header;

/// A connection of a device that is logged in, with the form of 2013.
fn logged_in() -> Conn {
    let mut conn = Conn::new();
    conn.send(&v2013(1).frame(0x0102, b"exproto"));
    assert_eq!(conn.client_id(), PHONE);
    conn.take_sent();
    conn.take_tally();
    conn
}

fn logged_in_2019() -> Conn {
    let mut conn = Conn::new();
    conn.send(&v2019(1).frame(0x0102, &authentication_2019("exproto")));
    assert_eq!(conn.client_id(), PHONE_2019);
    conn.take_sent();
    conn
}

/// Length and code, IMEI, software version.
fn authentication_2019(code: &str) -> Vec<u8> {
    let mut body = vec![code.len() as u8];
    body.extend(code.as_bytes());
    body.extend(b"867530912345678");
    body.extend(b"V1.0.2");
    body.resize(1 + code.len() + 15 + 20, 0);
    body
}

/// A frame that the platform sends: its header's serial, and the body.
fn platform(form: Form, serial: u16, id: u16, body: &[u8]) -> Vec<u8> {
    form(serial).frame(id, body)
}

fn published(conn: &Conn) -> Vec<(&str, Json)> {
    conn.publishes().iter().map(|publish| (publish.topic.as_str(), publish.json())).collect()
}

/// Lines of the transcript without their payloads.
fn steps(conn: &Conn) -> Vec<String> {
    let short = |line: &String| {
        let cut = line.find(" {").or(line.strip_prefix("send ").map(|_| 4)).unwrap_or(line.len());
        line[..cut].to_owned()
    };
    conn.transcript().iter().map(short).collect()
}

#[track_caller]
fn assert_sent(conn: &mut Conn, expected: &[Vec<u8>]) {
    assert_eq!(hex(&conn.take_sent()), hex(&expected.concat()));
}

// Coming in.

/// Province, city, maker, model, terminal, colour, plate in GBK.
fn registration() -> Vec<u8> {
    let mut body = unhex("002c 0133");
    body.extend(b"70111");
    body.extend(b"TR-900\0\0\0\0\0\0\0\0\0\0\0\0\0\0");
    body.extend(b"0012345");
    body.push(2);
    // 粤B12345
    body.extend(unhex("d4c1 42 31 32 33 34 35"));
    body
}

#[test]
fn a_registration_is_answered_with_a_code() {
    let mut conn = Conn::new();
    conn.send(&v2013(7).frame(0x0100, &registration()));
    let body = [&unhex("0007 00")[..], b"exproto"].concat();
    assert_sent(&mut conn, &[platform(v2013, 0, 0x8100, &body)]);
    // In the form that the device uses, with the next serial number.
    conn.send(&v2019(0xFFFF).frame(0x0100, &registration_2019()));
    let body = [&unhex("ffff 00")[..], b"exproto"].concat();
    assert_sent(&mut conn, &[platform(v2019, 1, 0x8100, &body)]);
    assert_eq!(conn.client_id(), "");
    assert!(conn.publishes().is_empty());
    assert!(conn.is_open());
}

fn registration_2019() -> Vec<u8> {
    let mut body = unhex("002c 0133");
    for (text, size) in [("70111", 11), ("TR-900", 30), ("0012345", 30)] {
        body.extend(text.as_bytes());
        body.resize(body.len() + size - text.len(), 0);
    }
    body.push(2);
    body.extend(unhex("d4c1 42 31 32 33 34 35"));
    body
}

#[test]
fn the_code_of_the_registration_is_the_one_to_log_in_with() {
    let mut conn = Conn::new();
    conn.send(&v2013(0).frame(0x0100, &registration()));
    let sent = conn.sent_frames();
    let code = sent[0][12 + 3..sent[0].len() - 1].to_vec();
    conn.send(&v2013(1).frame(0x0102, &code));
    assert_eq!(conn.client_id(), PHONE);
    assert_eq!(conn.sent_kinds(), ["register_ack", "platform_ack"]);
}

#[test]
fn before_the_login_nothing_is_published_or_answered() {
    let location = v2013(3).frame(0x0200, &location_body(&[]));
    for frame in [&location, &v2013(4).frame(0x1234, b"x"), &v2013(5).frame(0x0704, &batch(1))] {
        let mut conn = Conn::new();
        conn.send(frame);
        assert!(conn.publishes().is_empty() && conn.sent().is_empty());
        assert_eq!(conn.take_tally().refused, 1);
        assert!(matches!(&conn.take_reports()[..], [Report::Refused { .. }]));
        assert!(conn.is_open());
        // It may still log in, and then the same frame is taken.
        conn.send(&v2013(6).frame(0x0102, b"exproto")).send(frame);
        assert!(!conn.publishes().is_empty());
        assert_eq!(conn.sent_kinds().len(), 2);
    }
    let mut conn =
        Conn::with(ConnInfo::default(), settings(|settings| settings.before_login = BeforeLogin::Close));
    conn.send(&location);
    assert!(matches!(conn.closed(), Some(CloseReason::Refused(_))));
}

#[test]
fn an_authentication_logs_the_device_in() {
    let forms: [(Vec<u8>, Form, &str); 2] = [
        (v2013(9).frame(0x0102, b"s3cret"), v2013, PHONE),
        (v2019(9).frame(0x0102, &authentication_2019("s3cret")), v2019, PHONE_2019),
    ];
    for (frame, form, phone) in forms {
        let mut conn = Conn::new();
        conn.pause();
        conn.send(&frame);
        assert_eq!(conn.client_id(), "");
        assert!(conn.sent().is_empty(), "answered before the broker has said anything");
        while conn.waiting() > 0 {
            assert!(conn.sent().is_empty());
            conn.acknowledge_next();
        }
        assert_eq!(conn.client_id(), phone);
        assert_sent(&mut conn, &[platform(form, 0, 0x8001, &unhex("0009 0102 00"))]);
        let downs: Vec<_> = ["query_parameters", "set_parameters", "text"]
            .map(|what| (format!("jt808/{phone}/down/{what}"), 1_u8))
            .into();
        let mut subscriptions = conn.subscriptions().to_vec();
        subscriptions.sort();
        assert_eq!(subscriptions, downs);
    }
}

#[test]
fn the_broker_is_asked_with_phone_and_code() {
    use exproto_runtime::session::{Action, Event, Now, Out, Session};
    for (frame, phone) in [
        (v2013(9).frame(0x0102, b"s3cret"), PHONE),
        (v2019(9).frame(0x0102, &authentication_2019("s3cret")), PHONE_2019),
    ] {
        let mut session = Session::<Message>::new(ConnInfo::default(), settings(|_| {}).into());
        let mut out = Out::new();
        session.on(Now::default(), Event::Connected, &mut Vec::new(), &mut out);
        session.on(Now::default(), Event::Bytes(&frame), &mut Vec::new(), &mut out);
        let asked: Vec<_> = out
            .actions()
            .iter()
            .filter_map(|action| match action {
                Action::Authenticate(_, credentials) => Some(&**credentials),
                _ => None,
            })
            .collect();
        let [credentials] = asked[..] else { panic!("{asked:?}") };
        assert_eq!(credentials.client_id, phone);
        assert_eq!(credentials.username.as_deref(), Some(phone));
        assert_eq!(credentials.password.as_deref(), Some("s3cret"));
    }
}

#[test]
fn a_refused_login_is_answered_and_closed() {
    let mut conn = Conn::new();
    conn.deny_login(0x87, "not authorized");
    conn.send(&v2013(9).frame(0x0102, b"wrong"));
    assert_sent(&mut conn, &[platform(v2013, 0, 0x8001, &unhex("0009 0102 01"))]);
    assert_eq!(conn.client_id(), "");
    assert_eq!(conn.closed(), Some(&CloseReason::Refused("not authorized".into())));
    assert!(conn.subscriptions().is_empty());
    // Or it may try again.
    let mut conn =
        Conn::with(ConnInfo::default(), settings(|settings| settings.on_refused = OnRefused::Keep));
    conn.deny_login(0x87, "not authorized").send(&v2013(9).frame(0x0102, b"wrong"));
    conn.allow_login().send(&v2013(10).frame(0x0102, b"right"));
    let replies = [unhex("0009 0102 01"), unhex("000a 0102 00")];
    let replies = [platform(v2013, 0, 0x8001, &replies[0]), platform(v2013, 1, 0x8001, &replies[1])];
    assert_sent(&mut conn, &replies);
    assert_eq!(conn.client_id(), PHONE);
}

#[test]
fn a_broker_that_fails_is_no_answer() {
    let mut conn = Conn::new();
    conn.fail_next("the broker is away").send(&v2013(9).frame(0x0102, b"s3cret"));
    assert!(conn.sent().is_empty(), "the device would think that it was accepted or refused");
    assert_eq!(conn.closed(), Some(&CloseReason::Undelivered("the broker is away".into())));
}

#[test]
fn a_heartbeat_is_answered() {
    let mut conn = logged_in();
    conn.send(&v2013(0x7E7D).frame(0x0002, &[]));
    assert_sent(&mut conn, &[platform(v2013, 1, 0x8001, &unhex("7e7d 0002 00"))]);
    assert!(conn.publishes().is_empty());
    // Also before the login: it keeps the connection, it says nothing.
    let mut conn = Conn::new();
    conn.send(&v2013(1).frame(0x0002, &[]));
    assert_sent(&mut conn, &[platform(v2013, 0, 0x8001, &unhex("0001 0002 00"))]);
}

/// 3.5 km/h as the recorder sees it, 31 of signal, 12 satellites, an item that
/// nobody knows.
const ITEMS: &str = "01 04 000003e8  02 02 012c  03 02 0023  30 01 1f  31 01 0c  eb 02 7e7d";

#[test]
fn a_location_is_published_and_answered_when_the_broker_has_it() {
    let mut conn = logged_in();
    conn.pause();
    conn.send(&v2013(0x0102).frame(0x0200, &location_body(&unhex(ITEMS))));
    let [publish] = conn.publishes() else { panic!("{:?}", conn.publishes()) };
    assert_eq!(publish.topic, format!("jt808/{PHONE}/up/location"));
    assert_eq!((publish.qos, publish.retain, publish.fate), (1, false, Fate::Waiting));
    assert_eq!(
        publish.text(),
        r#"{"alarm":1,"status":3,"lat":31.23546,"lon":121.576024,"altitude":40,"speed":55,"course":90,"time":"2024-05-31T12:00:00+08:00","items":[{"mileage":100},{"fuel":30},{"recorder_speed":3.5},{"signal_strength":31},{"satellites":12},{"other":{"id":235,"data":"7e7d"}}]}"#
    );
    assert!(conn.sent().is_empty(), "answered before the broker has it");
    conn.acknowledge_next();
    assert_eq!(conn.publishes()[0].fate, Fate::Acknowledged);
    assert_sent(&mut conn, &[platform(v2013, 1, 0x8001, &unhex("0102 0200 00"))]);
}

#[test]
fn a_location_that_the_broker_does_not_take_is_answered_with_a_failure() {
    let mut conn = logged_in();
    conn.refuse_next(0x97, "quota exceeded").send(&v2013(5).frame(0x0200, &location_body(&[])));
    assert_sent(&mut conn, &[platform(v2013, 1, 0x8001, &unhex("0005 0200 01"))]);
    assert!(conn.is_open());
    // If nobody knows whether it has it, the device must send it again.
    conn.fail_next("connection lost").send(&v2013(6).frame(0x0200, &location_body(&[])));
    assert!(conn.sent().is_empty());
    assert_eq!(conn.closed(), Some(&CloseReason::Undelivered("connection lost".into())));
}

/// 0x0704 with as many reports, each a minute later.
fn batch(items: u8) -> Vec<u8> {
    let mut body = vec![0, items, 1];
    for minute in 0..items {
        let mut item = location_body(&unhex("30 01 1f"));
        item[26] = ((minute / 10) << 4) | (minute % 10);
        body.extend((item.len() as u16).to_be_bytes());
        body.extend(item);
    }
    body
}

#[test]
fn a_batch_is_a_message_for_each_report_and_one_answer() {
    let mut conn = logged_in();
    conn.pause();
    conn.send(&v2013(8).frame(0x0704, &batch(12)));
    assert_eq!(conn.publishes().len(), 12);
    for left in (0..12).rev() {
        assert!(conn.sent().is_empty(), "answered with {left} reports on their way");
        conn.acknowledge_next();
    }
    assert_sent(&mut conn, &[platform(v2013, 1, 0x8001, &unhex("0008 0704 00"))]);
    for (minute, (topic, json)) in published(&conn).into_iter().enumerate() {
        assert_eq!(topic, format!("jt808/{PHONE}/up/location"));
        assert_eq!(json["time"], format!("2024-05-31T12:{minute:02}:00+08:00"));
        assert_eq!(json["items"], json!([{"signal_strength": 31}]));
    }
    // One that is not taken is enough for "failed".
    conn.resume().refuse_next(0x97, "quota exceeded").send(&v2013(9).frame(0x0704, &batch(3)));
    assert_sent(&mut conn, &[platform(v2013, 2, 0x8001, &unhex("0009 0704 01"))]);
    // Nothing to publish is published at once.
    conn.send(&v2013(10).frame(0x0704, &batch(0)));
    assert_sent(&mut conn, &[platform(v2013, 3, 0x8001, &unhex("000a 0704 00"))]);
}

#[test]
fn an_unknown_message_is_published_under_its_id() {
    let mut conn = logged_in();
    conn.send(&v2013(3).frame(0x0900, &unhex("f1 00 ff")));
    assert_eq!(published(&conn), [("jt808/013800138000/up/2304", json!({"id": 2304, "data": "f100ff"}))]);
    assert_sent(&mut conn, &[platform(v2013, 1, 0x8001, &unhex("0003 0900 00"))]);
}

#[test]
fn a_known_message_that_does_not_fit_its_layout_is_published_raw() {
    let mut conn = logged_in();
    // A location of 27 bytes.
    conn.send(&v2013(3).frame(0x0200, &location_body(&[])[..27]));
    assert_eq!(published(&conn)[0].0, "jt808/013800138000/up/512");
    assert_eq!(conn.take_tally().flagged, 1);
    assert_sent(&mut conn, &[platform(v2013, 1, 0x8001, &unhex("0003 0200 00"))]);
}

#[test]
fn a_logout_is_answered_and_closed() {
    let mut conn = logged_in();
    conn.send(&v2013(3).frame(0x0003, &[]));
    assert_sent(&mut conn, &[platform(v2013, 1, 0x8001, &unhex("0003 0003 00"))]);
    assert_eq!(conn.closed(), Some(&CloseReason::Done("logged out".into())));
    assert!(!conn.is_open());
    let transcript = conn.transcript();
    assert!(transcript[transcript.len() - 2].starts_with("send "), "{transcript:?}");
}

#[test]
fn frames_that_only_the_platform_sends_are_not_taken() {
    let mut conn = logged_in();
    conn.send(&acknowledgement(&v2013(1), 1, 0x0200, 0));
    assert!(conn.sent().is_empty() && conn.publishes().is_empty());
    assert_eq!(conn.take_tally().unexpected, 1);
}

#[test]
fn implausible_values_are_flagged_and_published() {
    let mut conn = logged_in();
    let mut body = location_body(&unhex("01 02 0001 31 01 0c 99"));
    // 99 degrees north, a course of 400, the 31st of February.
    body[8..12].copy_from_slice(&99_000_000_u32.to_be_bytes());
    body[20..22].copy_from_slice(&400_u16.to_be_bytes());
    body[22..28].copy_from_slice(&unhex("24 02 31 12 00 aa"));
    conn.send(&v2013(3).frame(0x0200, &body));
    let json = &published(&conn)[0].1;
    assert_eq!(json["lat"], 99);
    assert_eq!(json["course"], 400);
    // A time that there is not is shown as its digits.
    assert_eq!(json["time"], "2402311200aa");
    // An item that does not fit is kept raw, a half one as the list's tail.
    assert_eq!(
        json["items"],
        json!([{"other": {"id": 1, "data": "0001"}}, {"satellites": 12}, {"tail": "99"}])
    );
    assert_sent(&mut conn, &[platform(v2013, 1, 0x8001, &unhex("0003 0200 00"))]);
    let tally = conn.take_tally();
    assert_eq!((tally.frames, tally.flagged, tally.bad_frames), (1, 1, 0));
}

#[test]
fn a_plate_in_gbk_is_text_in_both_directions() {
    let payload = v2013(1).payload(0x0100, &registration());
    let received = decode::<Message>(&payload).unwrap();
    assert!(received.flags.is_empty());
    let mut json = Vec::new();
    exproto_runtime::codec::to_json(&received.frame, &mut json);
    let json: Json = serde_json::from_slice(&json).unwrap();
    let register = &json["body"]["register"]["v2013"];
    assert_eq!(register["plate"], "粤B12345", "{json}");
    assert_eq!((&register["maker"], &register["model"]), (&json!("70111"), &json!("TR-900")));
    assert_eq!(hex(&encoded(&received.frame)), hex(&wrap(&payload)));
    // Made of text.
    let payload = v2019(1).payload(0x0100, &registration_2019());
    let mut frame = decode::<Message>(&payload).unwrap().frame;
    let common::jt808::Body::Register(common::jt808::Register::V2019 { plate, model, .. }) = &mut frame.body
    else {
        panic!("{frame:?}")
    };
    *plate = Text::from("粤B12345");
    *model = Text::from("TR-900");
    assert_eq!(hex(&encoded(&frame)), hex(&wrap(&payload)), "padded and in GBK");
}

// Going out.

#[test]
fn a_text_reaches_the_device_in_the_form_it_uses() {
    let mut conn = logged_in();
    assert!(conn.message("jt808/013800138000/down/text", r#"{"flags":8,"text":"前方2公里拥堵"}"#.as_bytes()));
    // 前方2公里拥堵
    let text = unhex("c7b0 b7bd 32 b9ab c0ef d3b5 b6c2");
    assert_sent(&mut conn, &[platform(v2013, 1, 0x8300, &[&[8], &text[..]].concat())]);

    let mut conn = logged_in_2019();
    assert!(conn.message(
        "jt808/00000000013800138000/down/text",
        r#"{"flags":8,"kind":1,"text":"前方2公里拥堵"}"#.as_bytes()
    ));
    assert_sent(&mut conn, &[platform(v2019, 1, 0x8300, &[&[8, 1], &text[..]].concat())]);
}

#[test]
fn parameters_are_set_and_asked_for() {
    let mut conn = logged_in();
    let set = br#"{"list":[{"id":1,"value":"0000001e"},{"id":19,"value":"7777772e6578616d706c65"}]}"#;
    assert!(conn.message("jt808/013800138000/down/set_parameters", set));
    assert!(conn.message("jt808/013800138000/down/query_parameters", b"{}"));
    let body = [&unhex("02 00000001 04 0000001e 00000013 0b")[..], b"www.example"].concat();
    assert_sent(&mut conn, &[platform(v2013, 1, 0x8103, &body), platform(v2013, 2, 0x8104, &[])]);
    assert_eq!(conn.take_tally().downlinks, 2);
}

#[test]
fn serial_numbers_count_up_over_replies_and_downlinks_and_wrap_round() {
    let mut conn = logged_in();
    let mut next = 1_u16;
    for round in 0..65_540_u32 {
        if round % 1000 == 0 {
            assert!(conn.message("jt808/013800138000/down/query_parameters", b"{}"));
            assert_sent(&mut conn, &[platform(v2013, next, 0x8104, &[])]);
        } else {
            conn.send(&v2013(round as u16).frame(0x0002, &[]));
            let sent = conn.take_sent();
            // Unescaping most of them would take most of the time.
            if !(3..=65_533).contains(&next) || round % 97 == 0 {
                let expected = acknowledgement(&v2013(next), round as u16, 0x0002, 0);
                assert_eq!(hex(&sent), hex(&expected), "round {round}");
            }
        }
        next = next.wrapping_add(1);
    }
    assert_eq!(next, 5);
}

/// An answer of the device to the downlink with this serial number.
fn terminal_ack(serial: u16, request: u16, id: u16, result: u8) -> Vec<u8> {
    let body = [&request.to_be_bytes()[..], &id.to_be_bytes(), &[result]].concat();
    v2013(serial).frame(0x0001, &body)
}

#[test]
fn an_answer_is_published_under_the_name_of_what_it_answers() {
    let mut conn = logged_in();
    conn.message("jt808/013800138000/down/text", br#"{"flags":1,"text":"one"}"#);
    conn.message("jt808/013800138000/down/set_parameters", br#"{"list":[]}"#);
    assert_eq!(conn.sent_frames().iter().map(|frame| frame[11]).collect::<Vec<_>>(), [1, 2]);
    conn.take_sent();
    // Out of order, and one that answers nothing.
    conn.send(&terminal_ack(10, 2, 0x8103, 0));
    conn.send(&terminal_ack(11, 1, 0x8300, 1));
    conn.send(&terminal_ack(12, 77, 0x8300, 2));
    let topics: Vec<_> = published(&conn).iter().map(|(topic, _)| topic.to_string()).collect();
    let expected =
        ["set_parameters", "text", "none"].map(|request| format!("jt808/{PHONE}/up/answer/{request}"));
    assert_eq!(topics, expected);
    let bodies: Vec<_> = published(&conn).into_iter().map(|(_, json)| json).collect();
    assert_eq!(bodies[0], json!({"serial": 2, "id": 0x8103, "result": 0}));
    assert_eq!(bodies[1], json!({"serial": 1, "id": 0x8300, "result": 1}));
    assert_eq!(conn.take_tally().answered, 2);
    // An answer is not answered.
    assert!(conn.sent().is_empty());
}

#[test]
fn an_answer_with_parameters_is_published() {
    let mut conn = logged_in();
    conn.message("jt808/013800138000/down/query_parameters", b"{}");
    conn.take_sent();
    let body = [&unhex("0001 02 00000001 04 0000001e 00000013 0b")[..], b"www.example"].concat();
    conn.send(&v2013(10).frame(0x0104, &body));
    assert_eq!(
        published(&conn),
        [(
            "jt808/013800138000/up/parameters",
            json!({"serial": 1, "list": [{"id": 1, "value": "0000001e"}, {"id": 19, "value": "7777772e6578616d706c65"}]})
        )]
    );
    assert_eq!(conn.take_tally().answered, 1);
}

#[test]
fn a_payload_that_makes_no_frame_is_reported_with_its_place() {
    let cases: [(&str, &str, &str); 7] = [
        ("text", r#"{"flags":1,"text":7}"#, "text"),
        ("text", r#"{"flags":256,"text":"x"}"#, "flags"),
        ("text", r#"{"flags":1,"text":"x","colour":3}"#, "colour"),
        ("text", r#"{"text":"x"}"#, "flags"),
        ("set_parameters", r#"{"list":[{"id":1,"value":"00"},{"id":-1,"value":"00"}]}"#, "list[1].id"),
        ("set_parameters", r#"{"list":[{"id":1,"value":"0g"}]}"#, "list[0].value"),
        ("text", r#"{"flags":1,"text":"#, ""),
    ];
    for (topic, payload, place) in cases {
        let mut conn = logged_in();
        conn.message(&format!("jt808/013800138000/down/{topic}"), payload.as_bytes());
        assert!(conn.sent().is_empty(), "{payload}");
        assert!(conn.is_open());
        assert_eq!(conn.take_tally().undeliverable, 1, "{payload}");
        match &conn.take_reports()[..] {
            [Report::Undeliverable { topic: of, reason }] => {
                assert!(of.ends_with(topic));
                assert!(reason.contains(place), "{payload}: {reason}");
            }
            other => panic!("{payload}: {other:?}"),
        }
        // Serial numbers are for what was sent.
        conn.message("jt808/013800138000/down/query_parameters", b"{}");
        assert_sent(&mut conn, &[platform(v2013, 1, 0x8104, &[])]);
    }
}

#[test]
fn downlinks_that_do_not_fit_a_frame_are_reported() {
    let mut conn = logged_in();
    let payload = format!(r#"{{"flags":1,"text":"{}"}}"#, "x".repeat(1023));
    conn.message("jt808/013800138000/down/text", payload.as_bytes());
    assert!(conn.sent().is_empty());
    let reports = conn.take_reports();
    let [Report::Undeliverable { reason, .. }] = &reports[..] else { panic!("{reports:?}") };
    assert!(reason.contains("length"), "{reason}");
    // One byte less does.
    let payload = format!(r#"{{"flags":1,"text":"{}"}}"#, "x".repeat(1022));
    conn.message("jt808/013800138000/down/text", payload.as_bytes());
    assert_eq!(conn.sent_kinds(), ["text"]);
}

#[test]
fn topics_of_other_devices_are_not_subscribed() {
    let mut conn = logged_in();
    for topic in ["jt808/013800138001/down/text", "jt808/013800138000/down/reboot", "jt808/013800138000/down"]
    {
        assert!(!conn.message(topic, b"{}"), "{topic}");
    }
    assert!(conn.sent().is_empty());
}

// The whole day of a device.

#[test]
fn a_day_of_a_device() {
    let mut conn = Conn::new();
    conn.send(&v2013(0).frame(0x0100, &registration()));
    conn.send(&v2013(1).frame(0x0102, b"exproto"));
    conn.send(&v2013(2).frame(0x0200, &location_body(&[])));
    conn.message("jt808/013800138000/down/text", br#"{"flags":1,"text":"hi"}"#);
    conn.send(&terminal_ack(3, 3, 0x8300, 0));
    conn.send(&v2013(4).frame(0x0003, &[]));
    assert_eq!(
        steps(&conn),
        [
            "send",
            "authenticate 013800138000",
            "authenticate: done",
            "subscribe jt808/013800138000/down/set_parameters qos 1",
            "subscribe jt808/013800138000/down/query_parameters qos 1",
            "subscribe jt808/013800138000/down/text qos 1",
            "subscribe: done",
            "subscribe: done",
            "subscribe: done",
            "send",
            "publish jt808/013800138000/up/location qos 1",
            "publish: done",
            "send",
            "publish jt808/013800138000/up/answer/text qos 1",
            "publish: done",
            "send",
            "close: done: logged out",
        ]
    );
}
