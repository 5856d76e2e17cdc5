//! pymodbus's frames through the Modbus example: read, compared with what its
//! tests say, written again byte for byte, in all forms, cut everywhere.
#![allow(clippy::unwrap_used)]

#[path = "../examples/modbus.rs"]
#[allow(dead_code, clippy::print_stdout)]
mod modbus;

use exproto_runtime::codec::{
    Deframer, ErrorKind, Flag, Item, NoCtx, Protocol, encode, from_bytes, reencode, to_bytes, to_json,
};
use exproto_runtime::session::{ConnInfo, Gateway, SessionSettings};
use exproto_runtime::testkit::TestConn;
use modbus::{Hex, HexAnswer, HexAsk, Request, Response, Rtu, RtuAnswer, RtuAsk, Tcp, TcpAnswer, TcpAsk};
use serde_json::{Value as Json, json};
use std::time::Duration;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

struct Case {
    name: String,
    wire: Vec<u8>,
    direction: String,
    expect: Json,
}

fn cases(text: &str) -> Vec<Case> {
    let case = |line: &str| {
        let line: Json = serde_json::from_str(line).unwrap();
        let text = |key: &str| line[key].as_str().unwrap().to_owned();
        Case {
            name: text("name"),
            wire: unhex(&text("hex")),
            direction: text("direction"),
            expect: line["expect"].clone(),
        }
    };
    text.lines().map(case).collect()
}

/// PDUs; of the source's exceptions the two bytes that its decoder looks at.
fn pdus() -> Vec<Case> {
    let mut cases = cases(include_str!("captures/modbus/pymodbus_pdu.jsonl"));
    for case in cases.iter_mut().filter(|case| case.direction == "exceptions") {
        assert_eq!(case.wire.len(), 4);
        case.wire.truncate(2);
    }
    cases
}

/// PDUs that are no such function: kept raw in `other`, the reason beside each.
const RAW: [(&str, &str); 7] = [
    ("DiagnosticBase:85", "a diagnosis without data"),
    ("DiagnosticBase:125", "a diagnosis without data"),
    ("ForceListenOnlyModeResponse:131", "this function is not answered"),
    ("requests:0x0f:25", "a spare byte"),
    ("requests:0x10:26", "a spare byte"),
    ("responses:0x18:69", "a byte count of 1 for 4 bytes"),
    ("bad:0x81:90", "an exception of 3 bytes"),
];

/// What a PDU is in JSON, and whether it was kept raw; it is written again as
/// it was.
fn read(request: bool, pdu: &[u8]) -> (Json, bool) {
    let mut text = Vec::new();
    let (again, raw) = if request {
        let received = from_bytes::<Request<'_>>(pdu).unwrap();
        to_json(&received.frame, &mut text);
        (to_bytes(&received.frame).unwrap(), received.flags.has(Flag::Raw))
    } else {
        let received = from_bytes::<Response<'_>>(pdu).unwrap();
        to_json(&received.frame, &mut text);
        (to_bytes(&received.frame).unwrap(), received.flags.has(Flag::Raw))
    };
    assert_eq!(again, pdu);
    (serde_json::from_slice(&text).unwrap(), raw)
}

/// Compares a field of the source's test with ours.
fn compare(name: &str, ours: &Json, key: &str, theirs: &Json) {
    let is = |key: &str, theirs: &Json| assert_eq!(&ours[key], theirs, "{name} {key}: {ours}");
    match key {
        // A response to a read has no address on the wire.
        "address" if ours["address"].is_null() => assert!(name.starts_with("Read"), "{name}"),
        "address" | "count" | "write_address" => is(key, theirs),
        "read_address" => is("address", theirs),
        "read_count" => is("count", theirs),
        "write_registers" => is("values", theirs),
        "registers" if ours["values"].is_null() => is("value", &theirs[0]),
        "registers" => is("values", theirs),
        "values" => is("values", theirs),
        "and_mask" => is("and", theirs),
        "or_mask" => is("or", theirs),
        "read_code" => is("access", theirs),
        "object_id" => is("object", theirs),
        "event_count" => is("events", theirs),
        "message_count" => is("messages", theirs),
        "events" => {
            let events: Vec<u64> = theirs.as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect();
            let text: String = events.iter().map(|event| format!("{event:02x}")).collect();
            is("log", &json!(text));
        }
        "identifier" => is("data", &json!(format!("{}ff", theirs["$hex"].as_str().unwrap()))),
        "status" if theirs.is_u64() => is("status", theirs),
        "status" if ours["busy"].is_u64() => is("busy", &json!(0)),
        "status" => assert!(ours["data"].as_str().unwrap().ends_with("ff"), "{name}"),
        "message" if theirs.is_null() => {}
        "message" if theirs == "ModbusStatus.ON" => is("data", &json!(0xFF00)),
        "message" if theirs.is_object() => {
            let data = u64::from_str_radix(theirs["$hex"].as_str().unwrap(), 16).unwrap();
            is("data", &json!(data));
        }
        "message" => is("data", theirs),
        "bits" if ours["state"].is_string() => {
            is("state", &json!(if theirs[0] == true { "on" } else { "off" }))
        }
        "bits" => {
            let coils = ["coils", "inputs"].iter().find_map(|key| ours[*key].as_str()).unwrap();
            let bytes = unhex(coils);
            for (at, bit) in theirs.as_array().unwrap().iter().enumerate() {
                assert_eq!(json!(bytes[at / 8] >> (at % 8) & 1 == 1), *bit, "{name} bit {at}");
            }
        }
        // The source's test leaves them empty; only their number can be told.
        "records" => {
            let list = ["parts", "records"].iter().find_map(|key| ours[*key].as_array()).unwrap();
            assert_eq!(list.len(), theirs.as_array().unwrap().len(), "{name}");
        }
        other => panic!("{name}: {other} is not compared"),
    }
}

#[test]
fn pdus_are_read_compared_and_written_again_byte_for_byte() {
    let (mut raws, mut compared, mut exceptions) = (Vec::new(), 0, 0);
    for Case { name, wire, direction, expect } in pdus() {
        let (pdu, raw) = read(direction.starts_with("request"), &wire);
        let ours = pdu.as_object().and_then(|pdu| pdu.values().next()).unwrap_or(&Json::Null);
        if raw {
            raws.push(name);
            continue;
        }
        if let Some(code) = expect["exception"].as_u64() {
            let names = [
                "function",
                "address",
                "value",
                "failure",
                "acknowledge",
                "busy",
                "",
                "parity",
                "",
                "no_path",
                "silent",
            ];
            assert_eq!(ours["code"], names[code as usize - 1], "{name}");
            assert_eq!(ours["function"], expect["function"], "{name}");
            exceptions += 1;
        }
        for (key, theirs) in expect["fields"].as_object().into_iter().flatten() {
            compare(&name, ours, key, theirs);
            compared += 1;
        }
    }
    raws.sort();
    let mut known: Vec<_> = RAW.map(|(name, _)| name.to_owned()).into();
    known.sort();
    assert_eq!(raws, known);
    assert!(compared > 90 && exceptions == 9, "{compared}, {exceptions}");
}

/// CRC-16/MODBUS, bit by bit, so that the codec's cannot hide a mistake.
fn crc(bytes: &[u8]) -> [u8; 2] {
    let shift = |crc: u16| crc >> 1 ^ if crc & 1 == 1 { 0xA001 } else { 0 };
    let crc = bytes.iter().fold(0xFFFF, |crc, byte| (0..8).fold(crc ^ u16::from(*byte), |crc, _| shift(crc)));
    crc.to_le_bytes()
}

/// An item of a stream: a frame as JSON and its bytes, or why it is none.
#[derive(Debug, PartialEq, Clone)]
enum Got {
    Frame { json: Json, payload: Vec<u8>, raw: bool },
    Bad(ErrorKind, Vec<u8>),
}

/// What stands in a stream; every frame is written again as it was.
fn items<P: Protocol<Ctx: NoCtx>>(chunks: &[&[u8]]) -> Vec<Got> {
    let (mut deframer, mut scratch, mut found) = (Deframer::<P>::new(), Vec::new(), Vec::new());
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            match item {
                Item::Frame(raw) => {
                    let received = raw.decode::<P>().unwrap();
                    let mut again = Vec::new();
                    reencode::<P>(&received, &raw, &mut again).unwrap();
                    assert_eq!(again, raw.wire);
                    let mut text = Vec::new();
                    to_json(&received.frame, &mut text);
                    found.push(Got::Frame {
                        json: serde_json::from_slice(&text).unwrap(),
                        payload: raw.payload.to_vec(),
                        raw: received.flags.has(Flag::Raw),
                    });
                }
                Item::Bad(bad) => found.push(Got::Bad(bad.error.kind(), bad.wire.to_vec())),
            }
        }
    }
    found
}

/// Reads streams as the source's tests do and says which frames were kept raw.
fn streams<Q: Protocol<Ctx: NoCtx>, A: Protocol<Ctx: NoCtx>>(
    text: &str,
    pdu_of: fn(&[u8]) -> &[u8],
    mends: &[(&str, &[&str], &str)],
) -> (usize, Vec<String>) {
    let (mut frames, mut raws) = (0, Vec::new());
    for Case { name, wire, direction, expect } in cases(text) {
        let mut want: Vec<String> = match expect["steps"].as_array() {
            Some(steps) => steps.iter().map(|step| step["pdu"].as_str().unwrap().to_owned()).collect(),
            None => expect["pdu"].as_str().map(str::to_owned).into_iter().collect(),
        };
        want.retain(|pdu| !pdu.is_empty());
        if let Some((_, ours, _)) = mends.iter().find(|(mended, ..)| *mended == name) {
            want = ours.iter().map(|pdu| (*pdu).to_owned()).collect();
        }
        // The source's streams of several frames are requests whatever they are called.
        let request = direction == "request" || want.iter().any(|pdu| pdu == "03007c0002");
        let got = if request { items::<Q>(&[&wire]) } else { items::<A>(&[&wire]) };
        let mut found = Vec::new();
        for got in &got {
            let Got::Frame { json, payload, raw } = got else { continue };
            let pdu = pdu_of(payload);
            assert_eq!(json["pdu"], read(request, pdu).0, "{name}");
            for (key, theirs) in [("unit", "dev_id"), ("transaction", "transaction_id")] {
                if !json[key].is_null() && !expect[theirs].is_null() {
                    assert_eq!(json[key], expect[theirs], "{name}");
                }
            }
            if *raw {
                raws.push(name.clone());
            }
            found.push(pdu.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            frames += 1;
        }
        if expect["steps"].is_array() || expect["pdu"].is_string() {
            assert_eq!(found, want, "{name}: {got:?}");
        } else {
            assert_eq!(found.len(), 1, "{name}: {got:?}");
        }
        raws.dedup();
    }
    (frames, raws)
}

#[test]
fn tcp_streams_hold_what_their_tests_say() {
    let mends: [(&str, &[&str], &str); 1] =
        [("test_decode_complicated:337", &["83"], "the length is one short of the frame")];
    let text = include_str!("captures/modbus/pymodbus_tcp.jsonl");
    let (frames, raws) = streams::<TcpAsk<'_>, TcpAnswer<'_>>(text, |payload| &payload[7..], &mends);
    assert_eq!((frames, &raws[..]), (22, &["test_decode_complicated:337".to_owned()][..]));
}

#[test]
fn rtu_streams_hold_what_their_tests_say() {
    let mends: [(&str, &[&str], &str); 2] = [
        ("test_decode_complicated:348", &["8302"], "a sound answer stands behind a damaged one"),
        ("test_decode_complicated:352", &["8302"], "a sound answer stands behind a damaged one"),
    ];
    let text = include_str!("captures/modbus/pymodbus_rtu.jsonl");
    let (frames, raws) =
        streams::<RtuAsk<'_>, RtuAnswer<'_>>(text, |payload| &payload[1..payload.len() - 2], &mends);
    assert_eq!((frames, raws.len()), (15, 0));
}

#[test]
fn ascii_streams_hold_what_their_tests_say() {
    let text = include_str!("captures/modbus/pymodbus_ascii.jsonl");
    let (frames, raws) =
        streams::<HexAsk<'_>, HexAnswer<'_>>(text, |payload| &payload[1..payload.len() - 1], &BAD_LRC);
    assert_eq!((frames, raws.len()), (16, 0));
}

/// Streams that the source's tests accept, or expect nothing of, because their
/// checksum is not looked at or wrong.
const BAD_LRC: [(&str, &[&str], &str); 3] = [
    ("test_roundtrip:369", &[], "the LRC is DE, not DF"),
    ("test_roundtrip:370", &[], "the LRC is 7B, not 7D"),
    ("test_roundtrip:371", &[], "the LRC is F4, not F7"),
];

#[test]
fn with_accept_bad_a_wrong_checksum_is_flagged_and_written_again_as_received() {
    let (mut flagged, mut scratch) = (0, Vec::new());
    let mut flag = |name: &str, item: Option<Item<'_>>, wire: &[u8], rtu: bool| {
        let Some(Item::Frame(raw)) = item else { panic!("{name}") };
        let (has, mut again) = (|flags: exproto_runtime::codec::Flags| flags.has(Flag::Checksum), Vec::new());
        if rtu {
            let received = raw.decode::<RtuAnswer<'_>>().unwrap();
            assert!(has(received.flags), "{name}");
            reencode::<RtuAnswer<'_>>(&received, &raw, &mut again).unwrap();
        } else {
            let received = raw.decode::<HexAnswer<'_>>().unwrap();
            assert!(has(received.flags), "{name}");
            reencode::<HexAnswer<'_>>(&received, &raw, &mut again).unwrap();
        }
        assert_eq!(again, wire, "{name}");
        flagged += 1;
    };
    for Case { name, wire, .. } in cases(include_str!("captures/modbus/pymodbus_ascii.jsonl")) {
        if BAD_LRC.iter().any(|(bad, ..)| *bad == name) {
            let mut deframer = Deframer::<HexAnswer<'_>>::new().accepting_bad(true);
            flag(&name, deframer.next(&mut &wire[..], &mut scratch), &wire, false);
        }
    }
    for Case { name, wire, .. } in cases(include_str!("captures/modbus/pymodbus_rtu.jsonl")) {
        if name == "test_decode_complicated:340" {
            let mut deframer = Deframer::<RtuAnswer<'_>>::new().accepting_bad(true);
            flag(&name, deframer.next(&mut &wire[..], &mut scratch), &wire, true);
        }
    }
    assert_eq!(flagged, 4);
}

#[test]
fn every_pdu_goes_through_all_forms() {
    fn same<P: Protocol<Ctx: NoCtx>>(frame: &P::At<'_>, wire: &[u8], pdu: &Json) {
        let mut out = Vec::new();
        encode::<P>(frame, &mut out).unwrap();
        assert_eq!(out, wire);
        let got = items::<P>(&wire.chunks(1).collect::<Vec<_>>());
        let [Got::Frame { json, .. }] = &got[..] else { panic!("{got:?}") };
        assert_eq!(&json["pdu"], pdu);
    }
    for Case { name, wire, direction, .. } in pdus() {
        let request = direction.starts_with("request");
        let (pdu, _) = read(request, &wire);
        let body = [&[17], &wire[..]].concat();
        let tcp = [&[1, 2, 0, 0, 0, body.len() as u8], &body[..]].concat();
        let rtu = [&body[..], &crc(&body)].concat();
        let lrc = body.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
        let digits: String = body.iter().chain([&lrc]).map(|byte| format!("{byte:02X}")).collect();
        let ascii = format!(":{digits}\r\n");
        // Without its length the end of what has the wrong one is unknown.
        let ends = pdu["other"].is_null();
        if request {
            let it = || from_bytes::<Request<'_>>(&wire).unwrap().frame;
            same::<TcpAsk<'_>>(&TcpAsk { transaction: 0x0102, unit: 17, pdu: it() }, &tcp, &pdu);
            same::<HexAsk<'_>>(&HexAsk { unit: 17, pdu: it() }, ascii.as_bytes(), &pdu);
            if ends {
                same::<RtuAsk<'_>>(&RtuAsk { unit: 17, pdu: it() }, &rtu, &pdu);
            } else {
                assert!(!matches!(items::<RtuAsk<'_>>(&[&rtu])[..], [Got::Frame { .. }, ..]), "{name}");
            }
        } else {
            let it = || from_bytes::<Response<'_>>(&wire).unwrap().frame;
            same::<TcpAnswer<'_>>(&TcpAnswer { transaction: 0x0102, unit: 17, pdu: it() }, &tcp, &pdu);
            same::<HexAnswer<'_>>(&HexAnswer { unit: 17, pdu: it() }, ascii.as_bytes(), &pdu);
            if ends {
                same::<RtuAnswer<'_>>(&RtuAnswer { unit: 17, pdu: it() }, &rtu, &pdu);
            } else {
                assert!(!matches!(items::<RtuAnswer<'_>>(&[&rtu])[..], [Got::Frame { .. }, ..]), "{name}");
            }
        }
    }
}

/// Answers of a device in a form, between the name of its converter and noise.
fn stream(form: fn(&[u8]) -> Vec<u8>, noise: &[u8]) -> Vec<u8> {
    let answers: Vec<_> = pdus()
        .into_iter()
        .filter(|case| case.direction.starts_with("response") || case.direction == "exceptions")
        .filter(|case| read(false, &case.wire).0["other"].is_null())
        .map(|case| form(&case.wire))
        .collect();
    let (front, back) = answers.split_at(answers.len() / 2);
    [b"gw-1\r\n", &front.concat()[..], b"ping", noise, &back.concat(), b"ping"].concat()
}

fn tcp(pdu: &[u8]) -> Vec<u8> {
    [&[0, 9, 0, 0, 0, pdu.len() as u8 + 1, 17], pdu].concat()
}

fn rtu(pdu: &[u8]) -> Vec<u8> {
    let body = [&[17], pdu].concat();
    [&body[..], &crc(&body)].concat()
}

fn ascii(pdu: &[u8]) -> Vec<u8> {
    let lrc = pdu.iter().fold(0_u8.wrapping_sub(17), |sum, byte| sum.wrapping_sub(*byte));
    let digits: String = [&[17], pdu, &[lrc]].concat().iter().map(|byte| format!("{byte:02X}")).collect();
    format!(":{digits}\r\n").into_bytes()
}

/// However a stream is cut, the frames and the bytes between them are the same.
fn same_however_cut<P: Protocol<Ctx: NoCtx>>(stream: &[u8], frames: usize) {
    // Bytes that are no frame may come in several pieces.
    let found = |chunks: &[&[u8]]| {
        let mut joined: Vec<Got> = Vec::new();
        for got in items::<P>(chunks) {
            match (joined.last_mut(), got) {
                (Some(Got::Bad(kind, all)), Got::Bad(same, more)) if *kind == same => all.extend(more),
                (_, got) => joined.push(got),
            }
        }
        joined
    };
    let whole = found(&[stream]);
    let good = whole.iter().filter(|got| matches!(got, Got::Frame { raw: false, .. })).count();
    assert_eq!(good, frames, "{whole:?}");
    for at in 1..stream.len() {
        let (front, back) = stream.split_at(at);
        assert_eq!(found(&[front, back]), whole, "cut at {at}");
    }
    assert_eq!(found(&stream.chunks(1).collect::<Vec<_>>()), whole);
    let mut seed = 1_u32;
    for _ in 0..20 {
        let (mut chunks, mut rest) = (Vec::new(), stream);
        while !rest.is_empty() {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (chunk, next) = rest.split_at((1 + (seed >> 16) as usize % 32).min(rest.len()));
            chunks.push(chunk);
            rest = next;
        }
        assert_eq!(found(&chunks), whole);
    }
}

#[test]
fn cut_at_every_byte_the_items_are_the_same() {
    let answers = pdus()
        .iter()
        .filter(|case| case.direction.starts_with("response") || case.direction == "exceptions")
        .filter(|case| read(false, &case.wire).0["other"].is_null())
        .count();
    // The name, the answers and two signs of life.
    same_however_cut::<Tcp<'static>>(&stream(tcp, b""), answers + 3);
    same_however_cut::<Rtu<'static>>(&stream(rtu, b"\x11\x03\x02\x00\x07\x00\x00"), answers + 3);
    same_however_cut::<Hex<'static>>(&stream(ascii, b":110302000700\r\nxyz"), answers + 3);
}

/// A read goes down, and its answer comes up.
fn asked<G: Gateway>(down: &Json, ask: &[u8], answer: &[u8], up: &Json) {
    let mut conn = TestConn::<G>::new();
    conn.send(b"gw-1\r\n");
    assert_eq!(conn.client_id(), "gw-1");
    assert_eq!(conn.subscriptions(), [("modbus/gw-1/down".to_owned(), 1)]);
    assert!(conn.message("modbus/gw-1/down", down.to_string().as_bytes()));
    assert_eq!(conn.sent(), ask);
    conn.send(b"ping").send(answer);
    assert_eq!(conn.publishes()[0].topic, "modbus/gw-1/17/107");
    assert_eq!(&serde_json::from_str::<Json>(conn.publishes()[0].text()).unwrap(), up);
    assert_eq!(conn.publishes().len(), 1);
    assert!(conn.take_reports().is_empty());
}

/// A frame of Modbus/TCP.
fn numbered(transaction: u16, unit: u8, pdu: &[u8]) -> Vec<u8> {
    let [high, low] = transaction.to_be_bytes();
    [&[high, low, 0, 0, 0, pdu.len() as u8 + 1, unit], pdu].concat()
}

#[test]
fn requests_go_down_and_answers_come_up() {
    let (read, values) = (unhex("03006b0003"), unhex("0306ae4156524340"));
    let ask = json!({"read_holding": {"address": 107, "count": 3}});
    let answer = json!({"holding": {"values": [44609, 22098, 17216]}});
    let (down, up) = (json!({"unit": 17, "pdu": ask}), json!({"unit": 17, "pdu": answer}));
    let mut tcp_up = up.clone();
    tcp_up["transaction"] = json!(0);
    asked::<Tcp<'static>>(&down, &numbered(0, 17, &read), &numbered(0, 17, &values), &tcp_up);
    asked::<Rtu<'static>>(&down, &rtu(&read), &rtu(&values), &up);
    asked::<Hex<'static>>(&down, &ascii(&read), &ascii(&values), &up);
}

/// A map of what is read on a line, as a file.
fn with_map(name: &str, map: &str) -> SessionSettings {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&file, map).unwrap();
    let mut settings = SessionSettings::default();
    settings.params.insert("map".into(), file.to_str().unwrap().into());
    settings
}

const MAP: &str = "# what the cellar has\n\
    voltage 17 input-register 30 u16 0.1 5s\n\
    energy 18 holding-register 107 f32-low-first 1 60s\n\
    door 17 input 4 bit 1 60s\n";

fn seen<G: Gateway>(conn: &TestConn<G>) -> Vec<String> {
    conn.publishes().iter().map(|publish| format!("{} {}", publish.topic, publish.text())).collect()
}

#[test]
fn a_map_is_read_and_its_values_have_names() {
    let mut conn = TestConn::<Tcp<'_>>::with(ConnInfo::default(), with_map("tcp.map", MAP));
    conn.send(b"gw-1\r\n");
    assert_eq!(conn.take_sent(), numbered(0, 17, &unhex("04001e0001")));
    // A message waits for the answer, and goes before the next line of the map.
    conn.message("modbus/gw-1/down", br#"{"unit":17,"pdu":{"write_register":{"address":2,"value":7}}}"#);
    assert!(conn.sent().is_empty());
    conn.send(&numbered(0, 17, &unhex("040208fd")));
    assert_eq!(conn.take_sent(), numbered(1, 17, &unhex("0600020007")));
    conn.send(&numbered(1, 17, &unhex("0600020007")));
    assert_eq!(conn.take_sent(), numbered(2, 18, &unhex("03006b0002")));
    // An answer to an earlier request comes too late to be one.
    conn.send(&numbered(1, 17, &unhex("040208fd"))).send(&numbered(2, 18, &unhex("030400004148")));
    assert_eq!(conn.take_sent(), numbered(3, 17, &unhex("0200040001")));
    conn.send(&numbered(3, 17, &unhex("8202")));
    assert_eq!(
        seen(&conn),
        [
            r#"modbus/gw-1/17/voltage {"value":230.1}"#,
            r#"modbus/gw-1/17/2 {"transaction":1,"unit":17,"pdu":{"register_written":{"address":2,"value":7}}}"#,
            r#"modbus/gw-1/18/energy {"value":12.5}"#,
            r#"modbus/gw-1/17/door {"error":"address"}"#,
        ]
    );
    assert_eq!(conn.take_reports().len(), 1, "what came too late");
    // Everything is read; five seconds after the first the first is due again.
    conn.advance(Duration::from_millis(4_999));
    assert!(conn.sent().is_empty());
    conn.advance(Duration::from_millis(1));
    assert_eq!(conn.take_sent(), numbered(4, 17, &unhex("04001e0001")));
}

#[test]
fn on_a_serial_line_silence_is_told_and_the_next_is_asked() {
    let mut settings = with_map("rtu.map", MAP);
    settings.request_gap = Duration::from_millis(20);
    let mut conn = TestConn::<Rtu<'_>>::with(ConnInfo::default(), settings);
    conn.send(b"gw-1\r\n");
    let ask = rtu(&unhex("04001e0001"));
    assert_eq!(conn.take_sent(), ask);
    // Noise, and half an answer.
    conn.send(&rtu(&unhex("040208fd"))[..4]).advance(Duration::from_secs(1));
    assert_eq!(conn.take_sent(), ask);
    conn.advance(Duration::from_secs(2));
    assert_eq!(seen(&conn), [r#"modbus/gw-1/17/voltage {"error":"no answer"}"#]);
    conn.take_sent();
    conn.advance(Duration::from_millis(20));
    let energy = [&[18_u8][..], &unhex("03006b0002")].concat();
    assert_eq!(conn.take_sent(), [&energy[..], &crc(&energy)].concat());
}

#[test]
fn a_map_with_a_mistake_is_reported() {
    for (line, why) in [
        ("voltage 17 input-register 30 u16 5s", "NAME UNIT TABLE ADDRESS TYPE SCALE PERIOD are wanted"),
        ("voltage 17 register 30 u16 1 5s", "no table \"register\""),
        ("voltage 17 coil 30 u16 1 5s", ""),
        ("voltage 17 holding-register 30 u64 1 5s", "no type \"u64\" in this table"),
        ("voltage 300 coil 30 bit 1 5s", "a unit is at most 247"),
        ("voltage 17 coil 30 bit 1 often", "\"often\" is no time such as 5s"),
    ] {
        let map = format!("\n{line}\n");
        let settings = with_map("wrong.map", &map);
        let mut conn = TestConn::<Hex<'_>>::with(ConnInfo::default(), settings);
        conn.send(b"gw-1\r\n");
        let reports = conn.take_reports();
        match reports.first() {
            Some(report) => {
                assert!(report.to_string().ends_with(&format!("line 2 of the map: {why}")), "{report}")
            }
            None => assert_eq!(why, ""),
        }
    }
}
