//! The JT/T 808 example under `--profile emqx`: topics and JSON of EMQX's own
//! gateway, both ways.
#![allow(clippy::unwrap_used)]

mod common;

use common::{Conn, PHONE, location_body, unhex, v2013, v2019};
use serde_json::{Value as Json, json};

fn logged_in() -> Conn {
    let mut conn = Conn::with_profile("emqx");
    conn.send(&v2013(1).frame(0x0102, b"exproto"));
    assert_eq!(conn.client_id(), PHONE);
    assert_eq!(conn.subscriptions(), [(format!("jt808/{PHONE}/{PHONE}/dn"), 1)]);
    conn.take_sent();
    conn
}

/// What one message of the device becomes.
fn up(id: u16, body: &[u8]) -> Json {
    let mut conn = logged_in();
    conn.send(&v2013(7).frame(id, body));
    let [publish] = conn.publishes() else { panic!("{:?}", conn.publishes()) };
    assert_eq!((publish.topic.as_str(), publish.qos), (&*format!("jt808/{PHONE}/{PHONE}/up"), 1));
    let header = json!({"msg_id": id, "encrypt": 0, "len": body.len(), "phone": PHONE, "msg_sn": 7});
    assert_eq!(publish.json()["header"], header);
    publish.json()["body"].clone()
}

fn location() -> Json {
    json!({
        "alarm": 1, "status": 3, "latitude": 0x01dc_9d84, "longitude": 0x073f_1a58, "altitude": 40,
        "speed": 550, "direction": 90, "time": "240531120000"
    })
}

#[test]
fn uplinks_have_the_json_of_emqx() {
    assert_eq!(up(0x0200, &location_body(&[])), location());
    let items = unhex("0104 000003E8 0202 0064 0302 0226 3001 1F 3101 09 E102 ABCD");
    let mut with_items = location();
    with_items["extra"] = json!({
        "mileage": 1000, "fuel_meter": 100, "speed": 550, "rssi": 31, "gnss_sat_num": 9, "225": "q80="
    });
    assert_eq!(up(0x0200, &location_body(&items)), with_items);

    let one = location_body(&[]);
    let batch = [&unhex("0002 01")[..], &[0, 28], &one, &[0, 28], &one].concat();
    assert_eq!(up(0x0704, &batch), json!({"type": 1, "length": 2, "location": [location(), location()]}));

    let parameters = unhex("0009 04 00000001 04 0000003C 00000084 01 02 00000083 03 C3F741 0000F001 02 0102");
    assert_eq!(
        up(0x0104, &parameters),
        json!({"seq": 9, "length": 4, "params": [
            {"id": 1, "value": 60}, {"id": 0x84, "value": 2}, {"id": 0x83, "value": "明A"},
            {"id": 0xF001, "value": "AQI="}
        ]})
    );
    assert_eq!(up(0x0F00, &[1, 2, 3]), json!({"unknown_id": true, "data": "AQID"}));
}

#[test]
fn what_emqx_keeps_to_itself_is_not_published() {
    let mut conn = logged_in();
    conn.send(&v2013(2).frame(0x0002, &[]));
    conn.send(&v2013(3).frame(0x0001, &unhex("0001 8103 00")));
    assert!(conn.publishes().is_empty());
}

#[test]
fn the_header_of_2019_has_its_version() {
    let mut conn = Conn::with_profile("emqx");
    let login = [&[7][..], b"exproto", b"860000000000001", &[b'1'; 20]].concat();
    conn.send(&v2019(1).frame(0x0102, &login));
    conn.send(&v2019(2).frame(0x0200, &location_body(&[])));
    let header = &conn.publishes()[0].json()["header"];
    assert_eq!(header["proto_ver"], 1);
    assert_eq!((&header["len"], &header["phone"]), (&json!(28), &json!("00000000013800138000")));
}

/// What a message of the broker becomes.
fn down(payload: &Json) -> Result<Vec<u8>, String> {
    let mut conn = logged_in();
    let topic = format!("jt808/{PHONE}/{PHONE}/dn");
    assert!(conn.message(&topic, payload.to_string().as_bytes()));
    match conn.sent_frames().last() {
        Some(frame) if frame[..2] != [0x80, 0x01] => {
            Ok(frame[..2].iter().chain(&frame[12..frame.len() - 1]).copied().collect())
        }
        _ => Err(conn.take_reports().last().unwrap().to_string()),
    }
}

#[test]
fn downlinks_have_the_json_of_emqx() {
    let message = |id: u16, body: Json| json!({"header": {"msg_id": id}, "body": body});
    assert_eq!(down(&message(0x8104, json!({}))), Ok(unhex("8104")));
    assert_eq!(down(&json!({"header": {"msg_id": 0x8104}})), Ok(unhex("8104")));
    let text = message(0x8300, json!({"flag": 8, "text": "明A"}));
    assert_eq!(down(&text), Ok(unhex("8300 08 C3F7 41")));
    let params = json!({"length": 3, "params": [
        {"id": 1, "value": 60}, {"id": 0x83, "value": "明A"}, {"id": 0xF001, "value": "AQI="}
    ]});
    let want = unhex("8103 03 00000001 04 0000003C 00000083 03 C3F741 0000F001 02 0102");
    assert_eq!(down(&message(0x8103, params)), Ok(want));
    for (payload, why) in [
        (message(0x8999, json!({})), "header.msg_id: no such command: 0x8999"),
        (json!({"body": {}}), "header: missing"),
        (
            message(0x8103, json!({"params": [{"id": 1, "value": "x"}]})),
            "body.params[0].value: a number is needed",
        ),
        (message(0x8300, json!({"flag": 300, "text": ""})), "body.flag: 300 is not within 0 to 255"),
    ] {
        let error = down(&payload).unwrap_err();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn the_answer_to_a_downlink_is_known() {
    let mut conn = logged_in();
    let topic = format!("jt808/{PHONE}/{PHONE}/dn");
    conn.message(&topic, json!({"header": {"msg_id": 0x8104}}).to_string().as_bytes());
    let serial = conn.sent_frames()[0][10..12].to_vec();
    conn.send(&v2013(8).frame(0x0104, &[&serial[..], &[0]].concat()));
    assert_eq!(conn.publishes()[0].json()["body"]["params"], json!([]));
}
