//! Traccar's text frames through the H02 example: read, written again byte for
//! byte, compared with what Traccar reads, answered, cut everywhere.
#![allow(clippy::unwrap_used)]

#[path = "../examples/h02.rs"]
#[allow(dead_code, clippy::print_stdout)]
mod h02;
mod support;

use exproto_runtime::codec::Flag;
use exproto_runtime::testkit::TestConn;
use h02::Port as AnyPort;
use serde_json::{Value as Json, json};
use support::{Capture, captures, cut_everywhere, near, seen};

type Port = AnyPort<'static>;

fn all() -> Vec<Capture> {
    let all = captures(include_str!("captures/h02/decoded.jsonl"));
    assert_eq!(all.len(), 74);
    all
}

/// The frame, without the end of a line that may stand behind it.
fn line(capture: &Capture) -> &[u8] {
    capture.wire.trim_ascii_end()
}

/// Other places than Traccar's: the reason beside each.
const ELSEWHERE: [(&str, &str); 4] = [
    (":14", "minutes without degrees: its text is kept"),
    (":170", "a minus and a south: its text is kept"),
    (":173", "a minus and a south: its text is kept"),
    (":180", "a minus and a south: its text is kept"),
];

#[test]
fn every_frame_is_read_and_written_again_byte_for_byte() {
    for capture in all() {
        let [frame] = &seen::<Port>(&capture.name, line(&capture))[..] else { panic!("{}", capture.name) };
        assert!(!frame.flags.has(Flag::Raw), "{}", capture.name);
        // Nothing of a location stays apart.
        let more = &frame.json["line"]["body"]["location"]["fix"]["more"];
        assert!(more.get("other").is_none(), "{} {more}", capture.name);
    }
}

#[test]
fn every_place_is_what_traccar_reads() {
    let (mut compared, mut timed, mut elsewhere) = (0, 0, Vec::new());
    for capture in all() {
        let [frame] = &seen::<Port>(&capture.name, line(&capture))[..] else { panic!("{}", capture.name) };
        let Some(position) = capture.positions().first() else { continue };
        let body = &frame.json["line"]["body"];
        let fix = match (body.get("location"), body.get("place")) {
            (Some(location), _) => &location["fix"],
            (_, Some(place)) if place.get("fixed").is_some() => &place["fixed"],
            _ => continue,
        };
        let (name, command) = (&capture.name, frame.json["line"]["command"].as_str().unwrap());
        let close = |key: &str, theirs: &str| {
            let (a, b) = (fix[key].as_f64(), position[theirs].as_f64());
            a.zip(b).is_some_and(|(a, b)| (a - b).abs() < 1e-6)
        };
        if !close("lat", "latitude") || !close("lon", "longitude") {
            elsewhere.push((
                name.clone(),
                fix["lat"].clone(),
                fix["lon"].clone(),
                position["latitude"].clone(),
                position["longitude"].clone(),
            ));
            continue;
        }
        near(name, "speed", &fix["speed"], &position["speedKnots"]);
        near(
            name,
            "course",
            fix.get("course").filter(|course| !course.is_null()).unwrap_or(&json!(0)),
            &position["course"],
        );
        assert_eq!(
            json!(!["", "V", "B"].map(Json::from).contains(&fix["valid"])),
            position["valid"],
            "{name}"
        );
        let more = ["common", "battery", "card"].iter().find_map(|kind| fix["more"].get(*kind));
        if let Some(status) = position["attributes"].get("status") {
            near(name, "status", &more.unwrap()["status"], status);
        }
        // Traccar takes the present for a time that is not there, or not where it
        // looks for it.
        let times = more.and_then(|more| Some((more["date"].as_str()?, fix["time"].as_str()?)));
        if let Some((date, time)) = times.filter(|_| !["V19", "VP1"].contains(&command)) {
            let time = format!("{date}T{}.000Z", time.trim_end_matches('Z'));
            assert_eq!(json!(time), position["deviceTime"], "{name}");
            timed += 1;
        }
        compared += 1;
    }
    let unknown: Vec<_> = elsewhere
        .iter()
        .filter(|(name, ..)| !ELSEWHERE.iter().any(|(known, _)| name.ends_with(known)))
        .collect();
    assert!(unknown.is_empty() && elsewhere.len() == ELSEWHERE.len(), "{unknown:#?}");
    assert_eq!((compared, timed), (37, 30));
}

#[test]
fn answers_are_those_that_traccar_gives() {
    let (mut answered, mut others) = (0, Vec::new());
    for capture in all() {
        let mut conn = TestConn::<Port>::new();
        // 2026-11-20T15:21:19Z.
        conn.set_clock(1_795_188_079_000).send(line(&capture));
        // Without a place Traccar does not confirm, and the device sends it again.
        if [":64", ":184"].iter().any(|line| capture.name.ends_with(line)) {
            assert!(conn.sent().ends_with(b",V4,V1,20261120152119#"), "{}", capture.name);
            continue;
        }
        if conn.sent() == capture.replies().concat() {
            answered += capture.replies().len();
        } else {
            others.push((
                capture.name.clone(),
                String::from_utf8_lossy(conn.sent()).into_owned(),
                String::from_utf8_lossy(&capture.wire).into_owned(),
            ));
        }
    }
    assert!(others.is_empty() && answered == 39, "{answered} {others:#?}");
}

#[test]
fn cells_signs_of_life_and_links_are_published() {
    let wanted = [
        (
            ":46",
            "place",
            json!({"cells": {"mcc": 470, "mnc": 2, "cells": "92,3565,0Y92,19433,30Y92,1340,29"}}),
        ),
        (":27", "heartbeat", json!({"kind": "HTBT", "battery": 100})),
    ];
    for (line, topic, payload) in wanted {
        let capture = all().into_iter().find(|capture| capture.name.ends_with(line)).unwrap();
        let mut conn = TestConn::<Port>::new();
        conn.send(&capture.wire);
        assert_eq!(conn.publishes()[0].topic, format!("h02/{}/up/{topic}", conn.client_id()));
        let told: Json = serde_json::from_str(conn.publishes()[0].text()).unwrap();
        assert_eq!(told, payload, "{line}");
    }
}

#[test]
fn a_command_goes_down_and_its_answer_names_it() {
    let mut conn = TestConn::<Port>::new();
    conn.send(b"*TH,2020916012,HTBT,100#");
    assert_eq!(conn.client_id(), "2020916012");
    assert_eq!(conn.sent(), b"*TH,2020916012,HTBT#");
    let order =
        json!({"maker": "HQ", "id": "2020916012", "command": "S20", "time": "130305", "arguments": "1,1"});
    conn.take_sent();
    assert!(conn.message("h02/2020916012/down/command", order.to_string().as_bytes()));
    assert_eq!(conn.sent(), b"*HQ,2020916012,S20,130305,1,1#");
    let answer =
        b"*TH,2020916012,V4,S20,DONE,130305,050316,A,2212.8745,N,11346.6574,E,14.28,028,220902,F7FFFBFF#";
    conn.send(answer).send(answer);
    let topics: Vec<_> = conn.publishes()[1..].iter().map(|message| &*message.topic).collect();
    assert_eq!(topics, ["h02/2020916012/up/answer/order", "h02/2020916012/up/answer/none"]);
    let answer: Json = serde_json::from_str(conn.publishes()[1].text()).unwrap();
    assert_eq!(answer["command"], "S20");
}

#[test]
fn cut_anywhere_the_same_happens() {
    let frames = all().into_iter().filter(|capture| capture.wire.starts_with(b"*HQ,35350")).take(6);
    let stream = frames.fold(Vec::new(), |stream, capture| [&stream[..], line(&capture), b"\r\n"].concat());
    assert!(cut_everywhere::<Port>(&stream) >= 4);
}

/// Binary frames, of each of five sizes.
fn binary() -> Vec<Capture> {
    let all = captures(include_str!("captures/h02/binary.jsonl"));
    assert_eq!(all.len(), 17);
    all
}

#[test]
fn binary_places_are_what_traccar_reads() {
    let mut compared = 0;
    for capture in binary() {
        let [frame] = &seen::<Port>(&capture.name, &capture.wire)[..] else { panic!("{}", capture.name) };
        assert!(!frame.flags.has(Flag::Raw), "{} {:?}", capture.name, frame.flags);
        let Some(position) = capture.positions().first() else { continue };
        let (name, frame) = (&capture.name, frame.json.as_object().unwrap().values().next().unwrap());
        let place = &frame["place"];
        near(name, "lat", &place["lat"], &position["latitude"]);
        near(name, "lon", &place["lon"], &position["longitude"]);
        near(name, "speed", &place["speed"], &position["speedKnots"]);
        near(name, "course", &place["course"], &position["course"]);
        near(name, "status", &place["status"], &position["attributes"]["status"]);
        assert_eq!(place["valid"], position["valid"], "{name}");
        let time = place["time"].as_str().unwrap().replace('Z', ".000Z");
        assert_eq!(json!(time), position["deviceTime"], "{name}");
        compared += 1;
    }
    assert_eq!(compared, 14);
}

#[test]
fn binary_and_text_share_a_stream_however_it_is_cut() {
    let binary = binary();
    let text: Vec<_> = all().into_iter().take(3).collect();
    let stream = binary.iter().zip(text.iter().cycle()).enumerate().fold(
        Vec::new(),
        |stream, (at, (binary, text))| {
            let text = if at % 3 == 1 { line(text) } else { b"" };
            [&stream[..], &binary.wire, text].concat()
        },
    );
    // The last one waits for what follows.
    let stream = [&stream[..], b"*HQ,1,HTBT,100#"].concat();
    assert_eq!(cut_everywhere::<Port>(&stream), binary.len() + 6 + 1);
}

#[test]
fn a_frame_that_nothing_follows_waits_unless_the_listener_knows_its_size() {
    let capture = binary().into_iter().find(|capture| capture.wire.len() == 45).unwrap();
    let mut conn = TestConn::<Port>::new();
    conn.send(&capture.wire);
    assert!(conn.publishes().is_empty());
    conn.advance(core::time::Duration::from_secs(1));
    assert_eq!(conn.publishes().len(), 1);
    let mut settings = exproto_runtime::session::SessionSettings::default();
    settings.params.insert("binary".into(), "45".into());
    let mut conn = TestConn::<Port>::with(exproto_runtime::session::ConnInfo::default(), settings);
    conn.send(&capture.wire);
    assert_eq!(conn.publishes()[0].topic, format!("h02/{}/up/binary", conn.client_id()));
}
