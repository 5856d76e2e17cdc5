//! Hostile bytes for all examples: what devices are known to send, spoilt. Nothing panics,
//! nothing takes more memory than its bytes are worth, and what is read is written again.
#![allow(clippy::unwrap_used)]

macro_rules! examples {
    ($($name:ident $path:literal)*) => {$(
        #[path = $path]
        #[allow(dead_code, unreachable_pub, missing_docs, clippy::print_stdout, non_shorthand_field_patterns)]
        mod $name;
    )*};
}

examples! {
    eelink "../examples/eelink.rs"
    galileosky "../examples/galileosky.rs"
    gbt32960 "../examples/gbt32960.rs"
    gt06 "../examples/gt06.rs"
    h02 "../examples/h02.rs"
    jt808 "../examples/jt808.rs"
    modbus "../examples/modbus.rs"
    teltonika "../examples/teltonika.rs"
}

use exproto_hostile::{Chance, spoilt, stream};
use exproto_runtime::session::Gateway;
use exproto_runtime::testkit::TestConn;
use serde_json::Value as Json;

/// The frames of a file.
fn captured(lines: &str) -> Vec<Vec<u8>> {
    let unhex = |text: &str| {
        let digits = text.as_bytes().chunks(2).map(|two| std::str::from_utf8(two).unwrap());
        digits.map(|two| u8::from_str_radix(two, 16).unwrap()).collect()
    };
    let lines = lines.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    lines.filter_map(|line| line["hex"].as_str().map(unhex)).collect()
}

/// Streams of captured frames, each second one spoilt, in pieces of every size.
#[track_caller]
fn hostile<G: Gateway>(frames: &[Vec<u8>], rounds: usize) {
    let ctx = TestConn::<G>::new().ctx();
    let (mut chance, mut found) = (Chance(frames.len() as u64), 0);
    for round in 0..rounds {
        let mut bytes = Vec::new();
        for _ in 0..4 {
            let sound = &frames[chance.below(frames.len())];
            if chance.below(2) == 0 {
                bytes.extend(spoilt(&mut chance, sound));
            } else {
                bytes.extend(sound);
            }
        }
        let size = 1 + chance.below(bytes.len() + 1);
        found += stream::<G>(ctx, &bytes, size, round % 4 == 0);
    }
    // The bytes reached what is behind the search.
    assert!(found > rounds / 4, "{found} frames in {rounds} rounds");
}

#[test]
fn eelink_bears_it() {
    hostile::<eelink::Port<'static>>(&captured(include_str!("captures/eelink/traccar.jsonl")), 400);
}

#[test]
fn galileosky_bears_it() {
    hostile::<galileosky::Port<'static>>(&captured(include_str!("captures/galileosky/traccar.jsonl")), 400);
}

#[test]
fn gbt32960_bears_it() {
    let mut frames = captured(include_str!("captures/gbt32960/smallchi.jsonl"));
    frames.extend(captured(include_str!("captures/gbt32960/made.jsonl")));
    hostile::<gbt32960::Message<'static>>(&frames, 400);
}

#[test]
fn gt06_bears_it() {
    hostile::<gt06::Packet<'static>>(&captured(include_str!("captures/gt06/traccar.jsonl")), 400);
}

#[test]
fn h02_bears_it() {
    let mut frames = captured(include_str!("captures/h02/traccar.jsonl"));
    frames.extend(captured(include_str!("captures/h02/binary.jsonl")));
    frames.extend(captured(include_str!("captures/h02/text.jsonl")));
    hostile::<h02::Port<'static>>(&frames, 400);
}

#[test]
fn jt808_bears_it() {
    let mut frames = captured(include_str!("captures/jt808/traccar.jsonl"));
    frames.extend(captured(include_str!("captures/jt808/smallchi.jsonl")));
    hostile::<jt808::Message<'static>>(&frames, 400);
}

#[test]
fn modbus_bears_it() {
    hostile::<modbus::Tcp<'static>>(&captured(include_str!("captures/modbus/pymodbus_tcp.jsonl")), 400);
    hostile::<modbus::Rtu<'static>>(&captured(include_str!("captures/modbus/pymodbus_rtu.jsonl")), 400);
    hostile::<modbus::Hex<'static>>(&captured(include_str!("captures/modbus/pymodbus_ascii.jsonl")), 400);
}

#[test]
fn teltonika_bears_it() {
    hostile::<teltonika::Port<'static>>(&captured(include_str!("captures/teltonika/traccar.jsonl")), 400);
}
