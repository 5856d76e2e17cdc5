//! The inputs that fuzzing starts from: captured frames, laid out as each
//! target reads them.

use exproto_runtime::codec::{decode, to_json};

use crate::common::{Capture, Message, Rng, all_captures, unescape};

/// The targets, by the names of their checks.
pub const TARGETS: [(&str, fn(&[u8])); 5] = [
    ("deframe", crate::checks::deframe),
    ("decode", crate::checks::decode),
    ("roundtrip", crate::checks::roundtrip),
    ("session", crate::checks::session),
    ("json", crate::checks::json),
];

/// The seeds of a target.
pub fn seeds(target: &str) -> Vec<Vec<u8>> {
    let wires: Vec<_> = all_captures().into_iter().map(|capture: Capture| capture.wire).collect();
    let payloads: Vec<_> = wires.iter().filter_map(|wire| unescape(&wire[1..wire.len() - 1])).collect();
    let mut rng = Rng(2);
    match target {
        "deframe" => {
            let streams = wires.chunks(3).map(|frames| frames.concat()).chain(wires.iter().cloned());
            streams.map(|stream| [&[rng.byte(), rng.byte(), 0, 0, 0], &stream[..]].concat()).collect()
        }
        // As they came, and as heads of messages that were cut.
        "decode" => payloads
            .iter()
            .flat_map(|payload| {
                let len = payload.len() as u16;
                let head = [&[4][..], &len.to_le_bytes(), payload, &payload[payload.len() / 2..]].concat();
                [[&[8 | rng.byte() & 3], &payload[..]].concat(), head]
            })
            .collect(),
        "roundtrip" => {
            payloads.iter().map(|payload| [&rng.next().to_le_bytes(), &[0][..], payload].concat()).collect()
        }
        "session" => session(&wires, &mut rng),
        "json" => {
            let mut texts = JSON.map(|text| text.as_bytes().to_vec()).to_vec();
            for payload in &payloads {
                let Ok(received) = decode::<Message>(payload) else { continue };
                let (mut frame, mut body) = (Vec::new(), Vec::new());
                to_json(&received.frame, &mut frame);
                to_json(&received.frame.body, &mut body);
                texts.extend([frame, body]);
            }
            texts
        }
        other => panic!("no target {other}"),
    }
}

/// Downlinks, and what is easily taken for one.
const JSON: [&str; 8] = [
    r#"{"flags":1,"text":"前方拥堵"}"#,
    r#"{"flags":1,"kind":2,"text":"\ud83d\ude9a\n"}"#,
    r#"{"list":[{"id":1,"value":"0000003c"},{"id":19,"value":""}]}"#,
    "{}",
    "null",
    r#"{"query_parameters":null}"#,
    r#"{"location":{"alarm":0,"status":3,"lat":31.2,"lon":121.4,"altitude":1,"speed":5.5,"course":9,"time":"2024-05-31T12:00:00+08:00","items":[{"mileage":1.5},{"other":{"id":9,"data":"00"}}]}}"#,
    "[1,-0,1e400,0.10,18446744073709551616,true,{\"a\":[]}]",
];

/// Devices that log in, report, are cut off and get downlinks; captured bytes
/// among it.
fn session(wires: &[Vec<u8>], rng: &mut Rng) -> Vec<Vec<u8>> {
    // Login, two reports, a paused broker that answers one by one, a downlink
    // for each device, time, a refusal, a loss.
    let downlink = [&[12, JSON[0].len() as u8][..], JSON[0].as_bytes()].concat();
    let life: Vec<&[u8]> = vec![
        &[4],
        &[5],
        &[6, 5, 5],
        &[8, 9],
        &[7],
        &downlink,
        &[14, 0x88, 0x13],
        &[10, 5],
        &[0x00, 0x61, 0x82, 0x15, 0x12, 0x11],
        &[0x20, 0x1A, 3, 1, 0, 2, 0x20, 0x1A, 3, 2, 0, 2],
        &[11, 5],
    ];
    let mut seeds =
        vec![life.concat(), [&[0][..], &life.concat()].concat(), [&[0x80][..], &life.concat()].concat()];
    for frames in wires.chunks(2) {
        let mut seed = vec![rng.byte() & 0x9F, 4, 8, 8, 8, 8, 8];
        let mut bytes = &frames.concat()[..];
        // The op says how many bytes are sent.
        while bytes.len() >= 3 {
            let len = ((bytes.len().min(0xF3) - 3) & 0xF0) | 3;
            let (now, later) = bytes.split_at(len);
            seed.push(len as u8);
            seed.extend(now);
            bytes = later;
        }
        seed.extend(life[rng.below(life.len())]);
        seeds.push(seed);
    }
    seeds
}
