//! Traccar's frames through the Galileosky example: read, written again byte
//! for byte, compared with all that Traccar reads of them, answered, cut
//! everywhere.
#![allow(clippy::unwrap_used)]

#[path = "../examples/galileosky.rs"]
#[allow(dead_code, clippy::print_stdout)]
mod galileosky;
mod support;

use exproto_runtime::testkit::TestConn;
use galileosky::Port as AnyPort;
use serde_json::{Value as Json, json};
use support::{Capture, captures, cut_everywhere, near, seen, unhex};

type Port = AnyPort<'static>;

const IMEI: &str = "866050038437586";

/// A frame that logs a device in.
const HELLO: &str = "011780011102e603383636303530303338343337353836043200";

fn all() -> Vec<Capture> {
    captures(include_str!("captures/galileosky/traccar.jsonl"))
}

fn uplinks() -> impl Iterator<Item = Capture> {
    all().into_iter().filter(Capture::is_uplink)
}

/// A frame with the checksum it needs, computed bit by bit.
fn sealed(mut frame: Vec<u8>) -> Vec<u8> {
    let crc = frame.iter().fold(0xFFFF_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xA001 } else { 0 })
    });
    frame.extend(crc.to_le_bytes());
    frame
}

fn hello() -> Vec<u8> {
    sealed(unhex(HELLO))
}

#[test]
fn every_frame_is_read_and_written_again_byte_for_byte() {
    let all = all();
    assert_eq!(all.len(), 18);
    for capture in &all {
        for seen in seen::<Port>(&capture.name, &capture.wire) {
            assert!(seen.flags.is_empty(), "{}: {:?}", capture.name, seen.flags);
        }
    }
}

#[test]
fn every_value_is_what_traccar_reads() {
    let (mut records, mut values) = (0, 0);
    for capture in uplinks() {
        let name = &capture.name;
        let [frame] = &seen::<Port>(name, &capture.wire)[..] else { panic!("{name}") };
        if capture.positions().is_empty() {
            continue;
        }
        if let Some(answer) = frame.json["tags"]["body"].get("answer") {
            let theirs = &capture.positions()[0]["attributes"];
            assert_eq!(answer["text"], theirs["result"], "{name}");
            assert_eq!(answer["number"], theirs["index"], "{name}");
            assert_eq!(answer["device"], theirs["deviceId"], "{name}");
            assert_eq!(answer["imei"], capture.line["expect"]["deviceIds"][0], "{name}");
            continue;
        }
        let list = match frame.json.get("iridium") {
            Some(iridium) => &iridium["records"],
            None => &frame.json["tags"]["body"]["records"]["records"],
        };
        // Traccar makes no position of a record that only says who it is.
        let list: Vec<_> = list.as_array().unwrap().iter().collect();
        assert_eq!(list.len(), capture.positions().len(), "{name}");
        for (record, position) in list.iter().zip(capture.positions()) {
            values += compare(name, record.as_array().unwrap(), position);
            records += 1;
        }
    }
    assert_eq!(records, 71);
    assert!(values > 1_900, "{values}");
}

/// The value of the first tag of this name.
fn value<'r>(record: &'r [Json], key: &str) -> &'r Json {
    record.iter().find_map(|tag| tag.get(key)).unwrap_or(&Json::Null)
}

/// The value of a tag that is one of several alike.
fn numbered(record: &[Json], key: &str, tag: usize) -> Json {
    let mut found = record.iter().filter_map(|element| element.get(key));
    found.find(|content| content["tag"] == tag).map_or(Json::Null, |content| content["value"].clone())
}

/// Compares all that Traccar says of a record, and says how much it was.
fn compare(name: &str, record: &[Json], position: &Json) -> usize {
    let place = value(record, "position");
    let time = value(record, "time").as_str().unwrap().replace('Z', ".000Z");
    assert_eq!(json!(time), position["deviceTime"], "{name}");
    assert_eq!(json!(place["source"] == 0), position["valid"], "{name}");
    near(name, "latitude", &place["lat"], &position["latitude"]);
    near(name, "longitude", &place["lon"], &position["longitude"]);
    near(name, "altitude", value(record, "altitude"), &position["altitude"]);
    let motion = value(record, "motion");
    near(name, "course", &motion["course"], &position["course"]);
    near(name, "speed", &json!(motion["speed"].as_f64().unwrap() * 0.539957), &position["speedKnots"]);
    let theirs = position["attributes"].as_object().unwrap();
    for (key, want) in theirs {
        let split = key.find(|c: char| c.is_ascii_digit() && key.starts_with(|first: char| first != 'c'));
        let number: usize = split.map_or(0, |at| key[at..].parse().unwrap());
        let can = |width: &str| key.strip_prefix(width)?.parse::<usize>().ok();
        let ours = if let Some(n) = can("can8BitR") {
            numbered(record, "can8", if n < 15 { 0xC4 + n } else { 0xA0 + n - 15 })
        } else if let Some(n) = can("can16BitR") {
            numbered(record, "can16", if n < 5 { 0xD6 + n } else { 0xB0 + n - 5 })
        } else if let Some(n) = can("can32BitR") {
            numbered(record, "can32", if n < 5 { 0xDB + n } else { 0xF0 + n - 5 })
        } else {
            match key.trim_end_matches(|c: char| c.is_ascii_digit()) {
                "versionHw" => value(record, "hardware").clone(),
                "versionFw" => value(record, "firmware").clone(),
                "deviceId" => value(record, "device").clone(),
                "index" => value(record, "record").clone(),
                "hdop" => value(record, "hdop").clone(),
                "status" => value(record, "status").clone(),
                "power" => value(record, "supply").clone(),
                "battery" => value(record, "battery").clone(),
                "deviceTemp" => value(record, "temperature").clone(),
                "output" => value(record, "outputs").clone(),
                "input" => value(record, "inputs").clone(),
                "odometer" => value(record, "odometer").clone(),
                "driverUniqueId" => json!(value(record, "key")["id"].to_string()),
                "fuelTotal" => value(record, "fuel_used").clone(),
                "fuel" if split.is_none() => value(record, "engine")["fuel"].clone(),
                "temp" => value(record, "engine")["coolant"].clone(),
                "rpm" => value(record, "engine")["speed"].clone(),
                "canB" => value(record, if key == "canB0" { "can_b0" } else { "can_b1" }).clone(),
                "acceleration" => {
                    let at = |axis| value(record, "acceleration")[axis].as_u64().unwrap();
                    json!(at("x") | at("y") << 10 | at("z") << 20)
                }
                "adc" => numbered(record, "analogue", 0x50 + number),
                "rs" => numbered(record, "rs232", 0x58 + number - 2320),
                "fuel" => numbered(record, "fuel_level", 0x60 + number),
                "userData" => numbered(record, "user", 0xE2 + number),
                "userDataArray" => value(record, "user_data").clone(),
                _ => panic!("{name} {key}"),
            }
        };
        near(name, key, &ours, want);
    }
    theirs.len() + 7
}

#[test]
fn every_frame_is_answered_with_its_checksum() {
    let mut answered = 0;
    for capture in uplinks().filter(|capture| capture.line["kind"] == "frame") {
        let mut conn = TestConn::<Port>::new();
        let ids = capture.line["expect"]["deviceIds"].as_array();
        if ids.is_none() {
            conn.send(&hello());
            assert_eq!(conn.take_sent()[0], 2);
        }
        conn.send(&capture.wire);
        assert_eq!(conn.sent(), capture.replies().concat(), "{}", capture.name);
        answered += capture.replies().len();
        let id = ids.map_or(IMEI, |ids| ids[0].as_str().unwrap());
        assert_eq!(conn.client_id(), id, "{}", capture.name);
        for message in conn.publishes() {
            assert!(message.topic.starts_with(&format!("galileosky/{id}/up/")), "{}", message.topic);
        }
    }
    assert_eq!(answered, 13);
}

#[test]
fn records_wait_for_a_login_and_a_wrong_checksum_is_refused() {
    let all = all();
    let of = |line: &str| &all.iter().find(|capture| capture.name.ends_with(line)).unwrap().wire;
    let mut conn = TestConn::<Port>::new();
    conn.send(of("Test.testDecode:37"));
    assert!(conn.publishes().is_empty() && conn.sent().is_empty());
    let mut wire = of("Test.testDecode:34").clone();
    *wire.last_mut().unwrap() ^= 1;
    conn.send(&wire);
    assert!(conn.sent().is_empty() && conn.client_id().is_empty());
    conn.send(&hello()).take_sent();
    conn.send(of("Test.testDecode:37"));
    assert_eq!(conn.publishes().len(), 16); // one of the login
    assert_eq!(conn.sent(), [2, 0xFF, 0x3F]);
}

#[test]
fn pictures_come_in_parts_and_records_with_unknown_tags_as_they_are() {
    let all = all();
    let photo = &all.iter().find(|capture| capture.wire[0] == 7).unwrap().wire;
    let mut conn = TestConn::<Port>::new();
    conn.send(&hello()).send(photo).send(&sealed(unhex("07010005"))).send(&sealed(unhex("080300010203")));
    let told: Vec<_> =
        conn.publishes()[1..].iter().map(|message| (&*message.topic, message.payload.len())).collect();
    let topic = |rest: &str| format!("galileosky/{IMEI}/up/{rest}");
    assert_eq!(told[0], (&*topic("photo/0"), photo.len() - 6));
    assert_eq!(told[1], (&*topic("photo/5"), 0));
    assert_eq!(told[2], (&*topic("unknown"), 3));
    let kinds: Vec<_> = conn.sent().chunks(3).map(|frame| frame[0]).collect();
    assert_eq!(kinds, [2, 7, 7, 2]);
}

/// A packed record: 86 400 s of the year, a valid place, and tags before values.
fn packed(lon: u64, lat: u64, tags: &str, values: &str) -> Vec<u8> {
    let place = 86_400_u128 << 54 | u128::from(lon) << 31 | u128::from(lat) << 10;
    let tags = unhex(tags);
    [&place.to_be_bytes()[6..], &[tags.len() as u8], &tags, &unhex(values)].concat()
}

#[test]
fn packed_records_have_their_tags_first() {
    // An eighth of the way around from 180 W, a quarter of the way up from 90 S.
    let records = [
        packed(1 << 19, 1 << 19, "1043e1", "0100fb024f4b"),
        packed(1 << 21, 1 << 20, "", ""),
        packed(1 << 21, 1 << 20, "35", "0c"),
    ]
    .concat();
    let wire = sealed([&[8, records.len() as u8, 0][..], &records].concat());
    let [frame] = &seen::<Port>("packed", &wire)[..] else { panic!() };
    assert!(frame.flags.is_empty(), "{:?}", frame.flags);
    let mut conn = TestConn::<Port>::new();
    conn.send(&hello()).take_sent();
    conn.send(&wire);
    assert_eq!(conn.sent(), [&[2], &wire[wire.len() - 2..]].concat());
    let told: Vec<Json> = conn.publishes()[1..]
        .iter()
        .map(|message| serde_json::from_slice(&message.payload).unwrap())
        .collect();
    let tags = json!([{"record": 1}, {"temperature": -5}, {"answer": "OK"}]);
    let want = [(-135, -45, tags), (0, 0, json!([])), (0, 0, json!([{"hdop": 1.2}]))];
    assert_eq!(told.len(), want.len());
    for (told, (lon, lat, tags)) in told.iter().zip(want) {
        near("packed", "lon", &told["lon"], &json!(lon));
        near("packed", "lat", &told["lat"], &json!(lat));
        assert_eq!((&told["time"], &told["invalid"], &told["tags"]), (&json!(86_400), &json!(false), &tags));
    }
    // Each byte less, and a value too few: not read, but kept.
    for cut in 0..records.len() {
        let wire = sealed([&[8, cut as u8, 0][..], &records[..cut]].concat());
        assert_eq!(seen::<Port>("cut", &wire).len(), 1, "cut at {cut}");
        conn.take_sent();
        conn.send(&wire);
        assert_eq!(conn.sent().len(), 3, "cut at {cut}");
    }
    let stream = [hello(), wire.clone(), b"noise".to_vec(), wire].concat();
    assert!(cut_everywhere::<Port>(&stream) >= 3);
}

#[test]
fn commands_go_down_as_traccar_writes_them_and_answers_are_told_apart() {
    let all = all();
    let of = |line: &str| &all.iter().find(|capture| capture.name.ends_with(line)).unwrap().wire;
    let mut conn = TestConn::<Port>::new();
    conn.send(&hello()).take_sent();
    let command = json!({"imei": "123456789012345", "device": 0, "number": 0, "text": "status"}).to_string();
    assert!(conn.message(&format!("galileosky/{IMEI}/down/command"), command.as_bytes()));
    assert_eq!(&conn.take_sent(), of("testEncode:19"));
    conn.send(of("Test.testDecode:25")).send(of("Test.testDecode:25"));
    let topics: Vec<_> = conn.publishes()[1..].iter().map(|message| message.topic.clone()).collect();
    assert_eq!(topics, ["order", "none"].map(|to| format!("galileosky/{IMEI}/up/answer/{to}")));
}

#[test]
fn cut_anywhere_the_same_happens() {
    let stream = [hello(), b"noise".to_vec()].concat();
    let frames = uplinks().filter(|capture| capture.wire.len() < 300 && !capture.name.contains("Iridium"));
    let stream = frames.fold(stream, |stream, capture| [&stream[..], &capture.wire].concat());
    assert!(cut_everywhere::<Port>(&stream) >= 6);
}
