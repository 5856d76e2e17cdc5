//! Traccar's frames through the Eelink example: read, written again byte for
//! byte, compared with all that Traccar reads of them, answered, cut everywhere.
#![allow(clippy::unwrap_used)]

#[path = "../examples/eelink.rs"]
#[allow(dead_code, clippy::print_stdout)]
mod eelink;
mod support;

use eelink::Port as AnyPort;
use exproto_runtime::codec::Flag;
use exproto_runtime::testkit::TestConn;
use serde_json::{Value as Json, json};
use support::{Capture, captures, cut_everywhere, near, seen, unhex};

type Port = AnyPort<'static>;

/// The time that Traccar's tests answer a login with.
const CLOCK: i64 = 0x6B00_656F * 1000;

fn all() -> Vec<Capture> {
    captures(include_str!("captures/eelink/traccar.jsonl"))
}

/// The packages of a frame as JSON.
fn packages(json: &Json) -> Vec<Json> {
    match json["envelope"]["packages"].as_array() {
        Some(packages) => packages.clone(),
        None => vec![json["package"].clone()],
    }
}

/// The content of a package, whatever it is.
fn content(package: &Json) -> (&str, &Json) {
    let (kind, content) = package["body"].as_object().unwrap().iter().next().unwrap();
    (kind, content)
}

#[test]
fn every_frame_is_read_and_written_again_byte_for_byte() {
    let all = all();
    assert_eq!(all.len(), 38);
    for capture in &all {
        for seen in seen::<Port>(&capture.name, &capture.wire) {
            assert!(!seen.flags.has(Flag::Raw) && !seen.flags.has(Flag::Tail), "{}", capture.name);
            assert!(!seen.flags.has(Flag::Extra), "{}", capture.name);
        }
    }
}

#[test]
fn every_value_is_what_traccar_reads() {
    let mut compared = 0;
    for capture in all() {
        let frames = seen::<Port>(&capture.name, &capture.wire);
        let packages: Vec<_> = frames.iter().flat_map(|frame| packages(&frame.json)).collect();
        if capture.positions().is_empty() {
            continue;
        }
        assert_eq!(packages.len(), capture.positions().len(), "{}", capture.name);
        for (package, position) in packages.iter().zip(capture.positions()) {
            compare(&capture.name, package, position);
            compared += 1;
        }
    }
    assert_eq!(compared, 42);
}

fn compare(name: &str, package: &Json, position: &Json) {
    let (kind, content) = content(package);
    // Traccar takes a place from the text of an answer, we publish the text.
    if kind == "command" {
        return near(name, "index", &package["serial"], &position["attributes"]["index"]);
    }
    let old = kind.starts_with("old");
    let (at, status) = match (kind, old) {
        ("old_obd", _) => return compare_obd(name, content, position),
        (_, true) => (&content["fix"], &content["status"]),
        _ => (&content["place"], &content["status"]),
    };
    let fix = if old { at } else { &at["fix"] };
    let time = at["time"].as_str().unwrap_or_default().replace('Z', ".000Z");
    if kind != "heartbeat" {
        assert_eq!(json!(time), position["deviceTime"], "{name}");
    }
    assert_eq!(fix.is_null(), position["noLocation"] == true, "{name}");
    if !fix.is_null() {
        near(name, "latitude", &fix["lat"], &position["latitude"]);
        near(name, "longitude", &fix["lon"], &position["longitude"]);
        near(name, "course", &fix["course"], &position["course"]);
        near(name, "speed", &json!(fix["speed"].as_f64().unwrap() * 0.539957), &position["speedKnots"]);
        near(name, "altitude", fix.get("altitude").unwrap_or(&json!(0)), &position["altitude"]);
        let valid = if old { &fix["valid"] } else { &status["fixed"] };
        assert_eq!(valid, &position["valid"], "{name}");
    }
    compare_network(name, at, &position["network"]);
    let tail = &content["tail"];
    for (key, theirs) in position["attributes"].as_object().unwrap() {
        let ours = match key.as_str() {
            "index" => package["serial"].clone(),
            "sat" => fix["satellites"].clone(),
            "status" => word(status),
            "ignition" => status["ignition"].clone(),
            "armed" => status["armed"].clone(),
            "motion" => status["moving"].clone(),
            "charge" => status["charging"].clone(),
            "gps" => status["gps_on"].clone(),
            "blocked" => json!((status["relay"] == true) != (old || kind == "heartbeat")),
            "event" => content["kind"].clone(),
            "alarm" => json!(match content["alarm"].as_str().unwrap() {
                "removed" => "removing",
                "fence_in" => "geofenceEnter",
                other => other,
            }),
            "battery" if old => content["battery"].clone(),
            "battery" => tail["battery"].clone(),
            "rssi" => content["signal"].clone(),
            "adc1" if old => content["inputs"][0].clone(),
            "adc2" => content["inputs"][1].clone(),
            "adc0" => tail["inputs"][0].clone(),
            "adc1" => tail["inputs"][1].clone(),
            "odometer" => tail["odometer"].clone(),
            "steps" => tail["pedometer"]["steps"].clone(),
            "temp1" => tail["climate"]["temperature"].clone(),
            "humidity" => tail["climate"]["humidity"].clone(),
            "illuminance" => tail["climate"]["light"].clone(),
            "co2" => tail["climate"]["co2"].clone(),
            "temp2" => tail["temperature"].clone(),
            key => beacon(tail, key),
        };
        near(name, key, &ours, theirs);
    }
}

/// `tag3Temp`: a value of the third beacon.
fn beacon(tail: &Json, key: &str) -> Json {
    let digits: String = key.chars().filter(char::is_ascii_digit).collect();
    let beacon = &tail["beacons"]["beacons"][digits.parse::<usize>().unwrap() - 1];
    match key.trim_start_matches("tag").trim_start_matches(|c: char| c.is_ascii_digit()) {
        "Id" => beacon["mac"].clone(),
        "Battery" => beacon["battery"].clone(),
        "Temp" => beacon["temperature"].clone(),
        "Data" => beacon["data"].clone(),
        other => panic!("{other}"),
    }
}

/// The bits of the status as the number they stand in.
fn word(status: &Json) -> Json {
    let bits = [
        "gps_on",
        "moving",
        "charging",
        "has_charging",
        "relay",
        "has_relay",
        "armed",
        "has_armed",
        "ignition",
        "has_ignition",
        "fixed",
    ];
    let more = status["more"].as_u64().unwrap();
    json!(bits.iter().fold(more, |word, bit| word << 1 | u64::from(status[*bit] == true)))
}

fn compare_network(name: &str, at: &Json, network: &Json) {
    let cells: Vec<_> = match at.get("cell") {
        Some(cell) => [cell, &at["near1"], &at["near2"]].into_iter().filter(|cell| !cell.is_null()).collect(),
        None => vec![at],
    };
    for (cell, tower) in cells.iter().zip(network["cellTowers"].as_array().into_iter().flatten()) {
        near(name, "cell", &cell["cid"], &tower["cellId"]);
        near(name, "lac", &cell["lac"], &tower["locationAreaCode"]);
        near(name, "mcc", cell.get("mcc").unwrap_or(&at["cell"]["mcc"]), &tower["mobileCountryCode"]);
        near(name, "mnc", cell.get("mnc").unwrap_or(&at["cell"]["mnc"]), &tower["mobileNetworkCode"]);
        near(name, "signal", &cell["signal"], &tower["signalStrength"]);
    }
    let wifi = ["wifi1", "wifi2", "wifi3"].iter().map(|key| &at[*key]).filter(|wifi| !wifi.is_null());
    for (wifi, theirs) in wifi.zip(network["wifiAccessPoints"].as_array().into_iter().flatten()) {
        assert_eq!(wifi["mac"], theirs["macAddress"].as_str().unwrap().replace(':', ""), "{name}");
        near(name, "wifi", &wifi["signal"], &theirs["signalStrength"]);
    }
}

fn compare_obd(name: &str, content: &Json, position: &Json) {
    let theirs = &position["attributes"];
    if let Some(brief) = content.get("brief") {
        assert_eq!(brief["status"]["ignition"], theirs["ignition"], "{name}");
        return near(name, "status", &word(&brief["status"]), &theirs["status"]);
    }
    let full = &content["full"];
    assert_eq!(json!(full["time"].as_str().unwrap().replace('Z', ".000Z")), position["deviceTime"], "{name}");
    let value =
        |key: &str| full["values"].as_array().unwrap().iter().find_map(|value| value.get(key)).unwrap();
    near(name, "consumption", value("consumption"), &theirs["fuelConsumption"]);
    near(name, "odometer", &json!(value("odometer").as_f64().unwrap() * 1000.0), &theirs["odometer"]);
    near(name, "fuel", value("fuel"), &theirs["fuel"]);
}

#[test]
fn every_answer_is_the_one_that_traccar_gives() {
    let mut answered = 0;
    for capture in all().iter().filter(|capture| capture.is_uplink()) {
        let mut conn = TestConn::<Port>::new();
        conn.set_clock(CLOCK);
        let enclosed = capture.wire.starts_with(b"EL");
        if !enclosed && capture.wire[2] != 1 {
            conn.log_in("352544071677471");
        }
        conn.send(&capture.wire);
        let sent: Vec<_> = conn.sent_frames();
        // Over UDP the same within an envelope of its own.
        let inner = sent.iter().map(|frame| if enclosed { frame[14..].to_vec() } else { frame.clone() });
        assert_eq!(inner.collect::<Vec<_>>(), capture.replies(), "{}", capture.name);
        answered += sent.len();
        for frame in sent.iter().filter(|_| enclosed) {
            assert_eq!(frame[4..6], rotated(&frame[6..]).to_be_bytes(), "{}", capture.name);
            assert_eq!(frame[6..14], capture.wire[6..14], "{}", capture.name);
        }
        assert_eq!(conn.client_id().len(), 15, "{}", capture.name);
    }
    assert_eq!(answered, 42);
}

/// The checksum in another way than the example's.
fn rotated(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0_u32, |sum, byte| ((sum << 1 | sum >> 15) + u32::from(*byte)) & 0xFFFF) as u16
}

#[test]
fn an_envelope_with_a_wrong_checksum_is_refused() {
    for capture in all().iter().filter(|capture| capture.wire.starts_with(b"EL")) {
        let mut wire = capture.wire.clone();
        *wire.last_mut().unwrap() ^= 1;
        let mut conn = TestConn::<Port>::new();
        conn.send(&wire);
        assert!(conn.publishes().is_empty() && conn.sent().is_empty(), "{}", capture.name);
    }
}

#[test]
fn packages_are_published_by_what_they_are() {
    let all = all();
    let of = |line: &str| &all.iter().find(|capture| capture.name.ends_with(line)).unwrap().wire;
    let mut conn = TestConn::<Port>::new();
    conn.send(of(":57")).send(of(":17")).send(of(":20")).send(of(":63")).send(of(":75"));
    let topics: Vec<_> = conn.publishes().iter().map(|message| message.topic.as_str()).collect();
    let kinds = ["location", "alarm", "state", "heartbeat"];
    assert_eq!(topics, kinds.map(|kind| format!("eelink/352544071750518/up/{kind}")));
    let mut conn = TestConn::<Port>::new();
    conn.send(of(":14"));
    let topics: Vec<_> = conn.publishes().iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(topics, ["eelink/354679090044671/up/location"; 9]);
}

#[test]
fn commands_go_down_as_traccar_writes_them_and_answers_are_told_apart() {
    let all = all();
    let of = |line: &str| &all.iter().find(|capture| capture.name.ends_with(line)).unwrap().wire;
    let mut conn = TestConn::<Port>::new();
    conn.send(of(":57")).take_sent();
    let command = json!({"kind": 1, "uid": 0, "text": "RELAY,1#"});
    assert!(conn.message("eelink/352544071750518/down/command", command.to_string().as_bytes()));
    assert_eq!(&conn.take_sent(), of(":18"));
    let answer = unhex("6767800009000701000000004f4b");
    conn.send(&answer).send(&answer);
    let topics: Vec<_> = conn.publishes().iter().map(|message| message.topic.as_str()).collect();
    assert_eq!(topics, ["command", "none"].map(|to| format!("eelink/352544071750518/up/answer/{to}")));

    let mut conn = TestConn::<Port>::new();
    conn.send(of(":54")).take_sent();
    let order = json!({"imei": "0123456789012345", "package": {"serial": 0, "body": {"command": command}}});
    assert!(conn.message("eelink/352544071677471/down/package", order.to_string().as_bytes()));
    assert_eq!(&conn.take_sent(), of(":31"));
}

#[test]
fn cut_anywhere_the_same_happens() {
    let all = all();
    let tcp = all.iter().filter(|capture| capture.is_uplink() && capture.wire.starts_with(b"gg"));
    let login = unhex("676701000c007b03525440717505180104");
    let stream = tcp.take(12).fold(login, |stream, capture| [&stream[..], &capture.wire].concat());
    assert_eq!(cut_everywhere::<Port>(&stream), 13);
    let udp = all.iter().filter(|capture| capture.wire.starts_with(b"EL") && capture.wire.len() < 100);
    let stream = udp.fold(b"noise".to_vec(), |stream, capture| [&stream[..], &capture.wire].concat());
    assert!(cut_everywhere::<Port>(&stream) >= 3);
}
