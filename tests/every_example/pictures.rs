//! A picture for everything that can be wrong with a frame of an example: frames of
//! real devices are damaged in every byte, and of each kind of mistake and oddity the
//! picture of the first is kept in `pictures/EXAMPLE.txt`.
//!
//! `PICTURES=write cargo test --test every_example` makes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use exproto_runtime::codec::{Deframer, Item, explain_item_with};
use exproto_runtime::session::Gateway;
use exproto_runtime::testkit::TestConn;

use super::{eelink, frames, galileosky, gbt32960, gt06, h02, jt808, modbus, teltonika};

/// Calls `look` with all items of a stream.
fn items<G: Gateway>(wire: &[u8], accept_bad: bool, mut look: impl FnMut(&Item<'_>)) {
    let ctx = TestConn::<G>::new().ctx();
    let (mut deframer, mut scratch) = (Deframer::<G>::with_ctx(ctx).accepting_bad(accept_bad), Vec::new());
    deframer.datagram(wire, &mut scratch, |item| look(&item));
}

/// The shortest frame of each kind, and of each variant, with its delimiters.
fn shortest<G: Gateway>(frames: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let ctx = TestConn::<G>::new().ctx();
    let mut kinds = BTreeMap::<String, Vec<u8>>::new();
    for wire in frames {
        let mut found = Vec::new();
        items::<G>(&wire, false, |item| {
            found.push(match item {
                Item::Frame(raw) => raw
                    .decode_with::<G>(ctx)
                    .ok()
                    .filter(|received| received.flags.is_empty())
                    .map(|received| format!("{} {}", raw.kind, G::kind(&received.frame))),
                Item::Bad(_) => None,
            });
        });
        let [Some(kind)] = &found[..] else { continue };
        let kept = kinds.entry(kind.clone()).or_insert_with(|| wire.clone());
        if wire.len() < kept.len() {
            *kept = wire;
        }
    }
    kinds.into_values().collect()
}

/// A frame with each byte changed, cut off behind each, and with one more anywhere:
/// nothing, or an escape without a meaning.
fn damaged(frame: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let changed = (0..frame.len()).flat_map(move |at| {
        [0x01, 0x80, 0xFF].map(|mask| {
            let mut changed = frame.to_vec();
            changed[at] ^= mask;
            changed
        })
    });
    let cut = (1..frame.len()).map(move |end| frame[..end].to_vec());
    let longer = (0..frame.len())
        .flat_map(move |at| [0x00, 0x7D].map(|byte| [&frame[..at], &[byte], &frame[at..]].concat()));
    changed.chain(cut).chain(longer)
}

/// The first picture of each kind of mistake, and of each flag.
fn pictures<G: Gateway>(frames: Vec<Vec<u8>>) -> BTreeMap<String, String> {
    let ctx = TestConn::<G>::new().ctx();
    let mut all = BTreeMap::new();
    for frame in shortest::<G>(frames) {
        for (wire, accept_bad) in damaged(&frame).flat_map(|wire| [(wire.clone(), false), (wire, true)]) {
            items::<G>(&wire, accept_bad, |item| {
                let mut what = Vec::new();
                match item {
                    Item::Bad(bad) => what.push(format!("{:?}", bad.error.kind())),
                    Item::Frame(raw) => match raw.decode_with::<G>(ctx) {
                        Ok(received) => {
                            what.extend(received.flags.iter().map(|flag| format!("flag {flag:?}")))
                        }
                        Err(error) => what.push(format!("{:?}", error.kind())),
                    },
                }
                for what in what {
                    all.entry(what).or_insert_with(|| explain_item_with::<G>(item, ctx).to_string());
                }
            });
        }
    }
    all
}

#[track_caller]
fn drawn<G: Gateway>(name: &str, frames: Vec<Vec<u8>>) {
    let mut text = String::new();
    for (what, picture) in pictures::<G>(frames) {
        // Where, in which field, and what is wrong.
        assert!(picture.contains("  0000  ") && picture.contains(" at byte "), "{name} {what}\n{picture}");
        write!(text, "== {what}\n{picture}\n").unwrap();
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/every_example/pictures/{name}.txt"));
    if std::env::var_os("PICTURES").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    for (kept, drawn) in kept.split("== ").zip(text.split("== ")) {
        assert_eq!(drawn, kept, "{name}");
    }
    assert_eq!(text.len(), kept.len(), "{name}");
}

#[test]
fn everything_wrong_has_its_picture() {
    let eelink = include_str!("../captures/eelink/traccar.jsonl");
    drawn::<eelink::Port<'static>>("eelink", frames(eelink));
    drawn::<galileosky::Port<'static>>(
        "galileosky",
        frames(include_str!("../captures/galileosky/traccar.jsonl")),
    );
    drawn::<gbt32960::Message<'static>>(
        "gbt32960",
        frames(include_str!("../captures/gbt32960/smallchi.jsonl")),
    );
    drawn::<gt06::Packet<'static>>("gt06", frames(include_str!("../captures/gt06/traccar.jsonl")));
    drawn::<h02::Port<'static>>("h02", frames(include_str!("../captures/h02/traccar.jsonl")));
    let jt808 =
        [include_str!("../captures/jt808/traccar.jsonl"), include_str!("../captures/jt808/smallchi.jsonl")];
    drawn::<jt808::Message<'static>>("jt808", jt808.into_iter().flat_map(frames).collect());
    let modbus = frames(include_str!("../captures/modbus/pymodbus_tcp.jsonl"));
    drawn::<modbus::Tcp<'static>>("modbus_tcp", modbus);
    let modbus = frames(include_str!("../captures/modbus/pymodbus_rtu.jsonl"));
    drawn::<modbus::Rtu<'static>>("modbus_rtu", modbus);
    let modbus = frames(include_str!("../captures/modbus/pymodbus_ascii.jsonl"));
    drawn::<modbus::Hex<'static>>("modbus_ascii", modbus);
    drawn::<teltonika::Port<'static>>(
        "teltonika",
        frames(include_str!("../captures/teltonika/traccar.jsonl")),
    );
}
