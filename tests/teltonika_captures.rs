//! Traccar's frames through the Teltonika example: read, written again byte
//! for byte, compared with its positions, cut everywhere, answered.
#![allow(clippy::unwrap_used)]

#[path = "../examples/teltonika.rs"]
#[allow(dead_code, clippy::print_stdout)]
mod teltonika;

use exproto_runtime::codec::{Deframer, Flag, Item, explain, reencode};
use exproto_runtime::testkit::TestConn;
use serde_json::{Value as Json, json};
use teltonika::{Body, Fix, Packet, Port as AnyPort};

type Port = AnyPort<'static>;

const HELLO: &[u8] = b"\x00\x0F123456789012345";

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

/// The packets after the hello.
fn packets() -> Vec<(String, Vec<u8>, Json)> {
    include_str!("captures/teltonika/traccar.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap())
        .map(|line| {
            let name = line["name"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
            (name, unhex(line["hex"].as_str().unwrap()), line)
        })
        .filter(|(_, wire, _)| wire.starts_with(&[0, 0, 0, 0]))
        .collect()
}

/// CRC-16/ARC, bit by bit, so that the codec's cannot hide a mistake.
fn is_good(wire: &[u8]) -> bool {
    let length = u32::from_be_bytes(wire[4..8].try_into().unwrap()) as usize;
    let crc = |bytes: &[u8]| {
        bytes.iter().fold(0_u32, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| crc >> 1 ^ if crc & 1 == 1 { 0xA001 } else { 0 })
        })
    };
    wire.len() == length + 12 && wire[wire.len() - 4..] == crc(&wire[8..wire.len() - 4]).to_be_bytes()
}

fn good() -> Vec<(String, Vec<u8>, Json)> {
    packets().into_iter().filter(|(_, wire, _)| is_good(wire)).collect()
}

/// Kept raw in `other`: the reason beside each.
const RAW: [(&str, &str); 2] = [
    ("testDecode:158", "a group of 16-byte values that nothing announces"),
    ("testDecode:161", "a group of 16-byte values that nothing announces"),
];

fn fixes(body: &Body<'_>) -> Vec<Fix> {
    match body {
        Body::Codec8 { records } => records.iter().map(|record| record.fix).collect(),
        Body::Codec8E { records } => records.iter().map(|record| record.fix).collect(),
        Body::Codec16 { records } => records.iter().map(|record| record.fix).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn good_packets_are_read_compared_and_written_again_byte_for_byte() {
    let (mut raws, mut compared, mut sevens, mut scratch) = (Vec::new(), 0, 0, Vec::new());
    let good = good();
    assert!(good.len() >= 40, "{}", good.len());
    for (name, wire, line) in &good {
        let mut deframer = Deframer::<Port>::new();
        let mut input = &[HELLO, wire].concat()[..];
        assert!(matches!(deframer.next(&mut input, &mut scratch), Some(Item::Frame(_))));
        let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!("{name}") };
        let received = raw.decode::<Port>().unwrap_or_else(|error| {
            panic!("{name}: {error}\n{}", explain::<Port>(&raw));
        });
        let mut again = Vec::new();
        reencode::<Port>(&received, &raw, &mut again).unwrap();
        assert_eq!(&again, wire, "{name}");
        let AnyPort::Packet(Packet { body }) = &received.frame else { panic!("{name}") };
        if let Body::Other { .. } = body {
            raws.push(name.clone());
            continue;
        }
        assert!(!received.flags.has(Flag::Raw), "{name}");
        let positions = line["positions"].as_array().cloned().unwrap_or_default();
        if let Body::Codec7 { records } = body {
            assert_eq!(records.len(), positions.len(), "{name}");
            sevens += compare_sevens(name, records.iter().zip(&positions));
        }
        let ours = fixes(body);
        if !ours.is_empty() {
            assert_eq!(ours.len(), positions.len(), "{name}");
        }
        for (fix, position) in ours.iter().zip(&positions) {
            // A record without satellites has Traccar's last known position.
            if fix.satellites == 0 {
                continue;
            }
            let near = |key: &str, ours: f64| {
                let theirs = position[key].as_f64().unwrap_or(ours);
                assert!((ours - theirs).abs() < 1e-3, "{name} {key}: {ours}, {theirs}");
            };
            near("latitude", f64::from(fix.lat) * 1e-7);
            near("longitude", f64::from(fix.lon) * 1e-7);
            near("altitude", fix.altitude.into());
            near("course", fix.course.into());
            near("speedKnots", f64::from(fix.speed) / 1.852);
            let time = position["deviceTime"].as_str().unwrap_or_default().replace(".000Z", "Z");
            assert_eq!(fix.time.to_string().replace(".000Z", "Z"), time, "{name}");
            compared += 1;
        }
    }
    raws.sort();
    let mut known: Vec<_> = RAW.map(|(name, _)| name.to_owned()).into();
    known.sort();
    assert_eq!(raws, known);
    assert!(compared > 20 && sevens == 4, "{compared}, {sevens}");
}

/// Compares places, and says how many there were.
fn compare_sevens<'a>(name: &str, pairs: impl Iterator<Item = (teltonika::Record7<'a>, &'a Json)>) -> usize {
    let mut places = 0;
    for (record, position) in pairs {
        let time = position["deviceTime"].as_str().unwrap().replace(".000Z", "Z");
        assert_eq!(record.time.to_string(), time, "{name}");
        let Some(place) = record.place else { continue };
        let Some(fix) = place.fix else { continue };
        let near = |key: &str, ours: Option<f64>| {
            let (ours, theirs) = (ours.unwrap_or_default(), position[key].as_f64().unwrap());
            assert!((ours - theirs).abs() < 1e-3, "{name} {key}: {ours}, {theirs}");
        };
        near("latitude", Some(fix.lat.into()));
        near("longitude", Some(fix.lon.into()));
        near("altitude", place.altitude.map(f64::from));
        near("course", place.course.map(|course| f64::from(course) * 360.0 / 256.0));
        near("speedKnots", place.speed.map(|speed| f64::from(speed) / 1.852));
        places += 1;
    }
    places
}

#[test]
fn with_accept_bad_a_wrong_checksum_is_flagged_and_written_again_as_received() {
    let (mut flagged, mut scratch) = (0, Vec::new());
    for (name, wire, _) in packets() {
        let length = u32::from_be_bytes(wire[4..8].try_into().unwrap()) as usize;
        if is_good(&wire) || wire.len() != length + 12 {
            continue;
        }
        let mut deframer = Deframer::<Port>::new().accepting_bad(true);
        let Some(Item::Frame(raw)) = deframer.next(&mut &wire[..], &mut scratch) else { panic!("{name}") };
        let received = raw.decode::<Port>().unwrap();
        assert!(received.flags.has(Flag::Checksum), "{name}");
        let mut again = Vec::new();
        reencode::<Port>(&received, &raw, &mut again).unwrap();
        assert_eq!(again, wire, "{name}");
        flagged += 1;
    }
    assert!(flagged >= 3, "{flagged}");
}

#[test]
fn packets_with_a_wrong_checksum_are_refused() {
    let mut bad = 0;
    for (name, wire, _) in packets() {
        let length = u32::from_be_bytes(wire[4..8].try_into().unwrap()) as usize;
        if is_good(&wire) || wire.len() != length + 12 {
            continue;
        }
        bad += 1;
        let mut conn = TestConn::<Port>::new();
        conn.send(HELLO).send(&wire);
        assert_eq!(conn.sent(), [1], "{name}");
        assert!(conn.publishes().is_empty(), "{name}");
    }
    assert!(bad >= 3, "{bad}");
}

#[test]
fn cut_at_every_byte_the_items_are_the_same() {
    let good = good();
    let stream = [HELLO, &good[3].1, b"\xFF", &good[4].1, &good.last().unwrap().1].concat();
    let found = |chunks: &[&[u8]]| {
        let (mut deframer, mut scratch, mut found) = (Deframer::<Port>::new(), Vec::new(), Vec::new());
        for chunk in chunks {
            let mut input = *chunk;
            while let Some(item) = deframer.next(&mut input, &mut scratch) {
                let Item::Frame(raw) = item else { panic!("no frame") };
                found.push((raw.offset, raw.payload.to_vec()));
            }
        }
        found
    };
    let whole = found(&[&stream]);
    assert_eq!(whole.len(), 5);
    for at in 1..stream.len() {
        let (front, back) = stream.split_at(at);
        assert_eq!(found(&[front, back]), whole, "cut at {at}");
    }
    assert_eq!(found(&stream.chunks(1).collect::<Vec<_>>()), whole);
}

#[test]
fn a_hello_is_answered_and_so_are_records_when_the_broker_has_all() {
    let mut conn = TestConn::<Port>::new();
    conn.send(HELLO);
    assert_eq!((conn.client_id(), conn.sent()), ("123456789012345", &[1][..]));
    let good = good();
    let (_, wire, _) = good.iter().find(|(_, wire, _)| wire[8] == 8 && wire[9] == 3).unwrap();
    conn.pause().send(wire);
    let topics: Vec<_> = conn.publishes().iter().map(|message| message.topic.clone()).collect();
    assert_eq!(topics, ["teltonika/123456789012345/up/record"; 3]);
    conn.acknowledge_next();
    conn.acknowledge_next();
    assert_eq!(conn.sent(), [1]);
    conn.acknowledge_next();
    assert_eq!(conn.sent(), [1, 0, 0, 0, 3]);
}

#[test]
fn a_command_goes_down_as_traccar_writes_it() {
    let mut conn = TestConn::<Port>::new();
    conn.send(HELLO);
    let payload = json!({"message": {"command": "setdigout 11"}}).to_string();
    assert!(conn.message("teltonika/123456789012345/down/command", payload.as_bytes()));
    let wire = unhex("00000000000000140c01050000000c7365746469676f7574203131010000bed5");
    assert_eq!(conn.sent()[1..], wire);
}

const IMEI: &str = "352093086403655";

/// The content of a packet as it goes over UDP.
fn datagram(packet: u16, number: u8, wire: &[u8]) -> Vec<u8> {
    let content = &wire[8..wire.len() - 4];
    let [high, low] = packet.to_be_bytes();
    let rest = [&[high, low, 1, number, 0, 15], IMEI.as_bytes(), content].concat();
    [&(rest.len() as u16).to_be_bytes()[..], &rest].concat()
}

/// The packets with records, and how many each says that it has.
fn records() -> impl Iterator<Item = (String, Vec<u8>, u8)> {
    let good = good().into_iter().filter(|(_, wire, _)| [0x07, 0x08, 0x8E, 0x10].contains(&wire[8]));
    good.map(|(name, wire, _)| (name, wire.clone(), wire[9]))
}

#[test]
fn over_udp_the_records_are_the_same_and_every_datagram_is_answered() {
    let mut conn = TestConn::<Port>::new();
    let mut taken = 0;
    for (index, (name, wire, n)) in records().enumerate() {
        // By TCP first, to know what there is to publish.
        let mut tcp = TestConn::<Port>::new();
        tcp.log_in(IMEI).send(&wire);
        let before = conn.publishes().len();
        let [high, low] = (0xCAF0 + index as u16).to_be_bytes();
        conn.send(&datagram(0xCAF0 + index as u16, index as u8, &wire));
        assert_eq!(conn.take_sent(), [0, 5, high, low, 1, index as u8, n], "{name}");
        let published = |conn: &TestConn<Port>, from: usize| {
            let all = conn.publishes()[from..].iter();
            all.map(|message| (message.topic.clone(), message.text().to_owned())).collect::<Vec<_>>()
        };
        assert_eq!(published(&conn, before), published(&tcp, 0), "{name}");
        taken += usize::from(n);
    }
    assert!(taken > 60, "{taken}");
    assert_eq!(conn.take_tally().logins, 1);
    assert_eq!(conn.client_id(), IMEI);
}

#[test]
fn datagrams_are_written_again_byte_for_byte() {
    let (mut scratch, mut seen) = (Vec::new(), 0);
    for (name, wire, _) in records() {
        let sent = datagram(7, 9, &wire);
        // Whole frames may share a datagram.
        Deframer::<Port>::new().datagram(&sent.repeat(2), &mut scratch, |item| {
            let Item::Frame(raw) = item else { panic!("{name}") };
            let received = raw.decode::<Port>().unwrap();
            let AnyPort::Datagram(datagram) = &received.frame else { panic!("{name}") };
            assert_eq!((datagram.packet, datagram.number, datagram.imei), (7, 9, IMEI.into()), "{name}");
            let mut again = Vec::new();
            reencode::<Port>(&received, &raw, &mut again).unwrap();
            assert_eq!(again, sent, "{name}");
            seen += 1;
        });
    }
    assert!(seen > 60, "{seen}");
}

#[test]
fn what_the_broker_refuses_is_not_counted_and_a_cut_datagram_has_no_records() {
    let (_, wire, n) = records().find(|(_, _, n)| *n > 1).unwrap();
    let mut conn = TestConn::<Port>::new();
    conn.send(&datagram(1, 1, &wire)).take_sent();
    conn.refuse_next(0x87, "not authorized").send(&datagram(2, 2, &wire));
    assert_eq!(conn.take_sent(), [0, 5, 0, 2, 1, 2, 0]);
    let whole = datagram(3, 3, &wire);
    let mut scratch = Vec::new();
    for cut in 0..whole.len() {
        // Who it is and a byte FF may be found within it, but no records.
        Deframer::<Port>::new().datagram(&whole[..cut], &mut scratch, |item| {
            let Item::Frame(raw) = item else { return };
            let frame = raw.decode::<Port>().unwrap().frame;
            assert!(!matches!(frame, AnyPort::Datagram(_) | AnyPort::Packet(_)), "cut at {cut}");
        });
    }
    conn.send(&whole);
    assert_eq!(conn.take_sent(), [0, 5, 0, 3, 1, 3, n]);
}
