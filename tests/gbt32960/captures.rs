//! Frames through the GB/T 32960.3 example: read, written again byte for byte,
//! compared with what is known of them, cut anywhere, answered.
use std::collections::BTreeMap;

use exproto_runtime::codec::{Deframer, ErrorKind, Flag, Item, RawFrame, Received, explain, reencode};
use exproto_runtime::session::CloseReason;
use exproto_runtime::testkit::TestConn;
use serde_json::{Value as Json, json};

use super::gbt32960::{Block, Body, Edition, Encryption, Login, Message as Frame, Report};
use super::{Message, frame, unhex};

struct Capture {
    name: String,
    wire: Vec<u8>,
    expect: Json,
}

fn captures() -> Vec<Capture> {
    let files = [
        include_str!("../captures/gbt32960/smallchi.jsonl"),
        include_str!("../captures/gbt32960/made.jsonl"),
    ];
    let all: Vec<_> = files.iter().flat_map(|file| file.lines()).map(capture).collect();
    assert_eq!(all.len(), 9 + 150);
    all
}

fn capture(line: &str) -> Capture {
    let json: Json = serde_json::from_str(line).unwrap();
    assert!(json["checksum_ok"] == true && json["length_ok"] == true);
    let text = |key: &str| json[key].as_str().unwrap().to_owned();
    Capture { name: text("name"), wire: unhex(&text("hex")), expect: json["expect"].clone() }
}

pub(super) fn with_frame<R>(
    name: &str,
    wire: &[u8],
    look: impl FnOnce(&RawFrame<'_>, Received<Frame<'_>>) -> R,
) -> R {
    let (mut deframer, mut scratch, mut input) = (Deframer::<Message>::new(), Vec::new(), wire);
    let result = match deframer.next(&mut input, &mut scratch).expect("an item") {
        Item::Frame(raw) => match raw.decode::<Message>() {
            Ok(received) => look(&raw, received),
            Err(error) => panic!("{name}: {error}\n{}", explain::<Message>(&raw)),
        },
        Item::Bad(bad) => panic!("{name}: {}", bad.error),
    };
    assert!(deframer.next(&mut input, &mut scratch).is_none() && deframer.pending().is_empty());
    result
}

#[test]
fn frames_are_read_and_written_again_byte_for_byte() {
    // What is not as the declaration says, and why.
    let odd = [
        // Reports with the answer flag of a reply and without their time.
        ("README.md:201", Flag::Raw),
        ("JTNE_0x02_Package_PlatformTest.cs:130", Flag::Raw),
    ];
    let (mut kinds, mut seen) = (BTreeMap::<&str, usize>::new(), 0);
    for Capture { name, wire, .. } in captures() {
        with_frame(&name, &wire, |raw, received| {
            let mut again = Vec::new();
            reencode::<Message>(&received, raw, &mut again).unwrap();
            assert_eq!(again, wire, "{name}");
            for flag in received.flags.iter() {
                assert!(odd.contains(&(&name, flag)), "{name}: {flag:?}\n{}", explain::<Message>(raw));
                seen += 1;
            }
            if !received.flags.is_lossy() {
                let mut encoded = Vec::new();
                exproto_runtime::codec::encode::<Message>(&received.frame, &mut encoded).unwrap();
                assert_eq!(encoded, wire, "{name}");
            }
            *kinds
                .entry(<Message as exproto_runtime::codec::Protocol>::kind(&received.frame))
                .or_default() += 1;
        });
    }
    assert_eq!(seen, odd.len());
    let expected = [
        ("heartbeat", 11),
        ("login", 11),
        ("logout", 11),
        // The two of above, and one that is encrypted.
        ("other", 3),
        ("platform_login", 1),
        ("platform_logout", 1),
        ("reissue", 20),
        ("report", 100),
        ("time_sync", 1),
    ];
    assert_eq!(kinds, BTreeMap::from(expected));
}

#[test]
fn values_are_those_that_are_known() {
    for Capture { name, wire, expect } in captures() {
        with_frame(&name, &wire, |_, Received { frame, .. }| {
            let Some(vin) = expect["vin"].as_str() else { return };
            assert_eq!((frame.vin.to_string().as_str(), frame.edition), (vin, Edition::V2016), "{name}");
            match &frame.body {
                Body::Login(Login::V2016 { serial, iccid, .. }) => {
                    assert_eq!(expect["serial"], *serial, "{name}");
                    assert_eq!(expect["iccid"], *iccid.to_str(), "{name}");
                }
                Body::Logout { serial, .. } => assert_eq!(expect["serial"], *serial, "{name}"),
                Body::Report(Report::V2016 { blocks, .. }) | Body::Reissue(Report::V2016 { blocks, .. }) => {
                    let cells: usize = blocks
                        .iter()
                        .map(|block| match block {
                            Block::Voltages { systems } => {
                                systems.iter().map(|system| system.cells.len()).sum()
                            }
                            _ => 0,
                        })
                        .sum();
                    assert_eq!(expect["cells"], cells, "{name}");
                    assert!(blocks.tail().is_empty(), "{name}");
                    assert!(blocks.len() >= 7, "{name}");
                }
                Body::Heartbeat => {}
                other => panic!("{name}: {other:?}"),
            }
        });
    }
}

#[test]
fn an_encrypted_data_unit_is_kept_as_it_is() {
    let all = captures();
    let encrypted = all.iter().find(|capture| capture.name == "JTNE_0x01_Package_DeviceTest.cs:88").unwrap();
    with_frame(&encrypted.name, &encrypted.wire, |_, Received { frame, .. }| {
        assert_eq!(frame.encryption, Encryption::Aes128);
        assert!(matches!(frame.body, Body::Other { kind: 0x01FE, data } if data.len() == 48));
    });
}

#[derive(Debug, PartialEq)]
enum Found {
    Frame(u64, Vec<u8>),
    Bad(u64, ErrorKind, usize),
}

fn find(chunks: &[&[u8]]) -> Vec<Found> {
    let (mut deframer, mut scratch, mut found) = (Deframer::<Message>::new(), Vec::new(), Vec::new());
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            found.push(match item {
                Item::Frame(raw) => Found::Frame(raw.offset, raw.wire.to_vec()),
                Item::Bad(bad) => Found::Bad(bad.offset, bad.error.kind(), bad.wire.len()),
            });
        }
        assert!(input.is_empty());
    }
    found
}

#[test]
fn every_frame_is_the_same_wherever_it_is_cut() {
    for Capture { name, wire, .. } in captures() {
        let expected = [Found::Frame(0, wire.clone())];
        for at in 0..=wire.len() {
            let (head, tail) = wire.split_at(at);
            assert_eq!(find(&[head, tail]), expected, "{name} cut at {at}");
        }
        assert_eq!(find(&wire.chunks(1).collect::<Vec<_>>()), expected, "{name} byte by byte");
    }
}

#[test]
fn frames_between_garbage_and_broken_ones_are_found_however_the_stream_is_cut() {
    let (mut stream, mut frames) = (Vec::new(), 0);
    for (number, Capture { wire, .. }) in captures().into_iter().step_by(6).enumerate() {
        match number % 4 {
            1 => stream.extend(b"noise"),
            2 => {
                // A wrong checksum.
                let mut broken = wire.clone();
                *broken.last_mut().unwrap() ^= 0x55;
                stream.extend(broken);
            }
            _ => {}
        }
        stream.extend(wire);
        frames += 1;
    }
    let expected = find(&[&stream]);
    assert_eq!(expected.iter().filter(|found| matches!(found, Found::Frame(..))).count(), frames);
    for size in [1, 2, 3, 7, 24, 25, 100, 1000] {
        assert_eq!(find(&stream.chunks(size).collect::<Vec<_>>()), expected, "chunks of {size}");
    }
    for at in 0..stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(find(&[head, tail]), expected, "cut at {at}");
    }
}

// The gateway.

const LOGIN: &str = "18051f0c0000 0001 3839383630303030303030303030303030303030 00 00";

fn logged_in() -> TestConn<Message> {
    let mut conn = TestConn::new();
    conn.send(&frame("##", 1, 0xFE, &unhex(LOGIN)));
    assert_eq!(conn.client_id(), "LTEST000000000001");
    conn
}

/// The frames sent since the last call, their times checked and made zero.
fn answers(conn: &mut TestConn<Message>) -> Vec<Vec<u8>> {
    let frames: Vec<_> = conn.sent_frames();
    conn.take_sent();
    let mask = |mut wire: Vec<u8>| {
        assert_eq!(wire.iter().skip(2).fold(0, |check, byte| check ^ byte), 0, "the checksum");
        assert!(wire[24] >= 24 && (1..=12).contains(&wire[25]), "no time");
        wire.truncate(24);
        wire
    };
    frames.into_iter().map(mask).collect()
}

fn answer_head(lead: &str, command: u8, flag: u8) -> Vec<u8> {
    [lead.as_bytes(), &[command, flag], b"LTEST000000000001", &[1, 0, 6]].concat()
}

#[test]
fn a_login_is_answered_with_its_command_and_the_time() {
    let mut conn = logged_in();
    assert_eq!(answers(&mut conn), [answer_head("##", 1, 1)]);
    let filters: Vec<_> = conn.subscriptions().iter().map(|(filter, _)| filter.as_str()).collect();
    for what in ["query", "set", "control"] {
        assert!(filters.contains(&format!("gbt32960/LTEST000000000001/down/{what}").as_str()), "{filters:?}");
    }
    let mut conn = TestConn::<Message>::new();
    conn.deny_login(0x87, "not authorized").send(&frame("##", 1, 0xFE, &unhex(LOGIN)));
    assert_eq!(answers(&mut conn), [answer_head("##", 1, 2)]);
    assert!(matches!(conn.closed(), Some(CloseReason::Refused(_))));
}

#[test]
fn heartbeats_times_reports_and_logouts_are_answered() {
    let mut conn = logged_in();
    conn.take_sent();
    conn.send(&frame("##", 7, 0xFE, &[])).send(&frame("##", 8, 0xFE, &[]));
    assert_eq!(answers(&mut conn), [answer_head("##", 7, 1), answer_head("##", 8, 1)]);
    conn.send(&frame("##", 2, 0xFE, &unhex("18051f0c0001")));
    conn.send(&frame("##", 3, 0xFE, &unhex("18051f0c0002")));
    assert_eq!(answers(&mut conn), [answer_head("##", 2, 1), answer_head("##", 3, 1)]);
    conn.refuse_next(0x97, "quota exceeded").send(&frame("##", 2, 0xFE, &unhex("18051f0c0001")));
    assert_eq!(answers(&mut conn), [answer_head("##", 2, 2)]);
    conn.send(&frame("##", 4, 0xFE, &unhex("18051f0c0003 0001")));
    assert_eq!(answers(&mut conn), [answer_head("##", 4, 1)]);
    assert_eq!(conn.closed(), Some(&CloseReason::Done("logged out".into())));
    let topics: Vec<_> =
        conn.publishes().iter().map(|publish| publish.topic.rsplit('/').next().unwrap()).collect();
    assert_eq!(topics, ["login", "report", "reissue", "report", "logout"]);
}

#[test]
fn a_report_is_published_with_its_states_and_an_unknown_block_is_kept() {
    let mut conn = logged_in();
    let vehicle = "01 01 03 fe 0226 ffffffff 0f0a 2710 55 01 1e fffe 0a 65";
    let user = "80 0002 abcd";
    let report = unhex(&["18051f0c0001", vehicle, user, "30 0102"].concat());
    conn.send(&frame("##", 2, 0xFE, &report));
    let publish = conn.publishes().last().unwrap();
    assert_eq!((publish.topic.as_str(), publish.qos), ("gbt32960/LTEST000000000001/up/report", 1));
    let vehicle = json!({
        "state": 1, "charging": 3, "mode": "abnormal", "speed": 55, "mileage": "invalid", "voltage": 385,
        "current": 0, "soc": 85, "dc_dc": 1, "gear": 30, "insulation": "abnormal", "accelerator": 10,
        "brake": 101,
    });
    let blocks = json!([{"vehicle": vehicle}, {"user": {"id": 128, "data": "abcd"}}, {"tail": "300102"}]);
    assert_eq!(publish.json(), json!({"v2016": {"time": "2024-05-31T12:00:01+08:00", "blocks": blocks}}));
}

#[test]
fn commands_go_down_and_their_answers_come_up() {
    let mut conn = logged_in();
    conn.take_sent();
    let down = |what: &str| format!("gbt32960/LTEST000000000001/down/{what}");
    let query = json!({"time": "2024-05-31T12:00:09+08:00", "ids": "0102"});
    conn.deliver(&down("query"), query.to_string().as_bytes());
    assert_eq!(conn.take_sent(), frame("##", 0x80, 0xFE, &unhex("18051f0c0009 02 01 02")));
    // Without a time it is the gateway's.
    conn.set_clock(1_717_171_207_000);
    conn.deliver(&down("control"), br#"{"command": "reset"}"#);
    assert_eq!(conn.take_sent(), frame("##", 0x82, 0xFE, &unhex("180601000007 03")));
    conn.send(&frame("##", 0x80, 1, &unhex("18051f0c0009 05 02 000a 04 03 05 612e62 06 1f90 80 01")));
    let publish = conn.publishes().last().unwrap();
    assert_eq!(publish.topic, "gbt32960/LTEST000000000001/up/answer/query");
    let parameters = publish.json()["list"].clone();
    let expected = json!([
        {"report_period": {"v2016": 10}}, {"platform": {"address": "a.b"}}, {"platform_port": 8080}, {"tail": "8001"},
    ]);
    assert_eq!(parameters, expected);
    // An answer that says no, and others without anything.
    for (command, flag, what) in
        [(0x80, 2, "query"), (0x81, 1, "set"), (0x82, 1, "control"), (0x0B, 1, "key")]
    {
        conn.send(&frame("##", command, flag, &unhex("18051f0c0009")));
        let publish = conn.publishes().last().unwrap();
        assert_eq!(publish.topic, format!("gbt32960/LTEST000000000001/up/answer/{what}"));
        assert_eq!(publish.json()["kind"], u16::from(command) << 8 | u16::from(flag));
    }
}

#[test]
fn a_wrong_checksum_is_refused_and_flagged_where_it_is_accepted() {
    let good = frame("##", 2, 0xFE, &unhex("18051f0c0001"));
    let mut wire = good.clone();
    *wire.last_mut().unwrap() ^= 1;
    let mut conn = logged_in();
    conn.take_sent();
    conn.send(&wire).send(&good);
    assert_eq!(answers(&mut conn), [answer_head("##", 2, 1)]);
    assert_eq!(conn.take_tally().bad_frames, 1);
    let mut deframer = Deframer::<Message>::new().accepting_bad(true);
    let (mut scratch, mut input) = (Vec::new(), &wire[..]);
    let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!("no frame") };
    let received = raw.decode::<Message>().unwrap();
    assert!(received.flags.has(Flag::Checksum));
    let mut again = Vec::new();
    reencode::<Message>(&received, &raw, &mut again).unwrap();
    assert_eq!(again, wire);
}

#[test]
fn a_car_of_2025_is_answered_in_its_edition() {
    let mut conn = TestConn::<Message>::new();
    // Two battery systems of one pack each.
    let packs = [&unhex("02 01 01")[..], &[b'A'; 24], &[b'B'; 24]].concat();
    let login = [&unhex("18051f0c0000 0001")[..], &[b'8'; 20], &packs].concat();
    conn.send(&frame("$$", 1, 0xFE, &login));
    assert_eq!(answers(&mut conn), [answer_head("$$", 1, 1)]);
    let json = conn.publishes()[0].json();
    assert_eq!(json["v2025"]["codes"], json!(["A".repeat(24), "B".repeat(24)]));
    let query = json!({"time": "2024-05-31T12:00:09+08:00", "ids": "01"});
    conn.deliver("gbt32960/LTEST000000000001/down/query", query.to_string().as_bytes());
    assert_eq!(conn.take_sent(), frame("$$", 0x80, 0xFE, &unhex("18051f0c0009 01 01")));
}

#[test]
fn a_report_of_2025_is_read_by_the_table_of_2025() {
    let blocks = [
        "01 01 03 01 0226 00000064 0f0a 7530 55 01 1e 0100",
        "02 01 01 02 32 7d00 00030d40 33",
        "03 01f4 01 0064 02 0001 03 01 50 46",
        "04 0bb8",
        "05 00 01 06f0a1c0 02612b40",
        "06 01 00000001 01 00000007 00 00 00 01 0502",
        "07 01 01 0f0a 7530 0002 0ce4 fffe",
        "08 01 01 0002 41 ff",
        "30 01 01 0f0a 0064 03e8 07d0 32 0001 33",
        "31 01 0f0a 7530 0001 0ce4 0001 41",
        "32 01 0002 0ce4 01 0003 0c80 01 0004 41 01 0005 40",
        "80 0002 abcd",
        "ff 01 0002 0102 0001 03",
    ];
    let report = unhex(&["18051f0c0001", &blocks.concat()].concat());
    let mut conn = TestConn::<Message>::new();
    conn.log_in("LTEST000000000001");
    let wire = frame("$$", 2, 0xFE, &report);
    conn.send(&wire);
    let json = conn.publishes().last().unwrap().json();
    let vehicle = json!({
        "state": 1, "charging": 3, "mode": 1, "speed": 55, "mileage": 10, "voltage": 385, "current": 0,
        "soc": 85, "dc_dc": 1, "gear": 30, "insulation": 256,
    });
    let hydrogen = json!({
        "temperature": 10, "temperature_probe": 1, "concentration": 100, "concentration_sensor": 2,
        "pressure": 0.1, "pressure_sensor": 3, "dc_dc": 1,
    });
    let expected = json!([
        {"vehicle": vehicle},
        {"motors": {"motors": [{
            "number": 1, "state": 2, "controller": 10, "speed": 0, "torque": 0, "temperature": 11,
        }]}},
        {"fuel_cell": {"hydrogen": hydrogen, "remaining": 80, "dc_dc_temperature": 30}},
        {"engine": {"speed": 3000}},
        {"location": {"state": 0, "system": 1, "lon": 116.433344, "lat": 39.922496}},
        {"alarms": {
            "level": 1, "flags": 1, "battery": [7], "motor": [], "engine": [], "other": [],
            "general": [{"flag": 5, "level": 2}],
        }},
        {"voltages": {"packs": [
            {"pack": 1, "voltage": 385, "current": 0, "cells": [3.3, "abnormal"]},
        ]}},
        {"temperatures": {"packs": [{"system": 1, "probes": [25, "invalid"]}]}},
        {"stacks": {"stacks": [{
            "stack": 1, "voltage": 385, "current": 10, "hydrogen_inlet": 0, "air_inlet": 100,
            "air_temperature": 10, "probes": [11],
        }]}},
        {"capacitor": {"system": 1, "voltage": 385, "current": 0, "cells": [3.3], "probes": [25]}},
        {"capacitor_extremes": {
            "highest": {"system": 1, "cell": 2, "voltage": 3.3},
            "lowest": {"system": 1, "cell": 3, "voltage": 3.2},
            "hottest": {"system": 1, "probe": 4, "temperature": 25},
            "coldest": {"system": 1, "probe": 5, "temperature": 24},
        }},
        {"user": {"id": 128, "data": "abcd"}},
        {"signature": {"kind": 1, "r": "0102", "s": "03"}},
    ]);
    // One by one, so that a difference is named.
    let blocks = json["v2025"]["blocks"].as_array().unwrap();
    for (ours, expected) in blocks.iter().zip(expected.as_array().unwrap()) {
        let (name, expected) = expected.as_object().unwrap().iter().next().unwrap();
        assert_eq!(&ours[name], expected, "{name}");
    }
    assert_eq!(blocks.len(), expected.as_array().unwrap().len());
    with_frame("2025", &wire, |raw, received| {
        assert!(received.flags.is_empty());
        let mut again = Vec::new();
        reencode::<Message>(&received, raw, &mut again).unwrap();
        assert_eq!(again, wire);
    });
}

#[test]
fn a_car_of_2025_is_activated_and_its_parameters_have_their_widths() {
    let mut conn = TestConn::<Message>::new();
    let key = [&unhex("18051f0c0000")[..], &[b'C'; 16], &unhex("0002 0a0b"), b"LTEST000000000001"].concat();
    conn.send(&frame("$$", 9, 0xFE, &[&key[..], &unhex("01 0001 05 0001 06")].concat()));
    assert_eq!(answers(&mut conn), [answer_head("$$", 9, 1)]);
    let mut conn = TestConn::<Message>::new();
    conn.log_in("LTEST000000000001");
    conn.send(&frame("$$", 0x80, 1, &unhex("18051f0c0009 02 02 0a 06 1f90")));
    let parameters = conn.publishes().last().unwrap().json()["list"].clone();
    assert_eq!(parameters, json!([{"report_period": {"v2025": 10}}, {"platform_port": 8080}]));
}

#[test]
fn an_upgrade_has_its_binary_fields_between_semicolons() {
    let mut conn = logged_in();
    conn.take_sent();
    let upgrade = json!({
        "dial": "net", "user": "u", "password": "p", "ip": "00003b3b0a01", "port": 15163, "maker": "ABCD",
        "hardware": "1.0", "firmware": "2.0", "url": "http://a/b", "limit": 59,
    });
    let down = json!({"time": "2024-05-31T12:00:09+08:00", "command": {"upgrade": upgrade}});
    conn.deliver("gbt32960/LTEST000000000001/down/control", down.to_string().as_bytes());
    let text = b"net;u;p;\0\0;;\x0A\x01;;;;ABCD;1.0\0\0;2.0\0\0;http://a/b;\0;";
    let data = [&unhex("18051f0c0009 01")[..], text].concat();
    assert_eq!(conn.take_sent(), frame("##", 0x82, 0xFE, &data));
}
