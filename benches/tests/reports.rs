//! All peers read and write the same reports, requests and responses, and none
//! takes what is cut short.
#![allow(clippy::unwrap_used)]

use std::fmt::Debug;

use exproto_benches::{modbus, report, telt};
use exproto_runtime::codec::{decode, encode};

/// What a peer reads, by its name.
type Reads<'r, V> = &'r [(&'r str, &'r dyn Fn(&[u8]) -> Option<V>)];
/// What a peer writes of the bytes it has read, by its name.
type Writes<'r> = &'r [(&'r str, &'r dyn Fn(&[u8], &mut Vec<u8>) -> Option<()>)];

/// All give the same value.
fn agree<V: PartialEq + Debug>(bytes: &[u8], peers: Reads<'_, V>) {
    let [(_, first), others @ ..] = peers else { panic!("no peers") };
    let value = first(bytes).unwrap();
    for (peer, read) in others {
        assert_eq!(read(bytes).as_ref(), Some(&value), "{peer}");
    }
    // What is shorter is none; so many places in every frame.
    for len in (0..bytes.len()).step_by(1 + bytes.len() / 16) {
        for (peer, read) in peers {
            assert_eq!(read(&bytes[..len]), None, "{peer}, {len} bytes");
        }
    }
}

/// All append `wire` to what is there.
fn append(wire: &[u8], bytes: &[u8], peers: Writes<'_>) {
    for (peer, write) in peers {
        let mut out = vec![0xAA];
        write(bytes, &mut out).unwrap();
        assert_eq!((out[0], &out[1..]), (0xAA, wire), "{peer}");
    }
}

#[test]
fn reports_are_the_same() {
    use report::counted::Frame;
    use report::{hand, ours, with_winnow};
    let input = report::input();
    assert_eq!(input.len(), 143);
    for wire in &input {
        assert_eq!(hand::open(wire), Some(report::content(wire)));
        let owned = decode::<ours::Owned>(wire).unwrap();
        assert!(owned.flags.is_empty());
        assert_eq!(decode::<ours::Borrowed<'_>>(wire).unwrap().frame.owned(), owned.frame);
        assert_eq!(hand::parse(report::content(wire)), Some(owned.frame));
        agree(
            report::content(wire),
            &[
                ("hand", &hand::parse),
                ("winnow", &with_winnow::parse),
                ("binrw", &|bytes| Some(Frame::parse_binrw(bytes)?.plain())),
            ],
        );
        // deku reads blocks until the bytes end, whatever the length says.
        let deku = Frame::parse_deku(report::content(wire)).unwrap();
        assert_eq!(Some(deku.plain()), hand::parse(report::content(wire)));
        let (head, mut blocks) = hand::parse_ref(report::content(wire)).unwrap();
        assert_eq!(head.command, wire[2]);
        let mut number = 0;
        while !blocks.is_empty() {
            hand::BlockRef::read(&mut blocks).unwrap();
            number += 1;
        }
        assert_eq!(number, deku.plain().report.blocks.len());
        append(
            wire,
            report::content(wire),
            &[
                ("hand", &|bytes, out| hand::encode(&hand::parse(bytes)?, out)),
                ("ours", &|bytes, out| encode::<ours::Owned>(&hand::parse(bytes)?, out).ok()),
                ("binrw", &|bytes, out| Frame::parse_binrw(bytes)?.encode_binrw(out)),
                ("deku", &|bytes, out| Frame::parse_deku(bytes)?.encode_deku(out)),
            ],
        );
        let mut damaged = wire.clone();
        damaged[40] ^= 1;
        assert!(hand::open(&damaged).is_none() && decode::<ours::Owned>(&damaged).is_err());
    }
}

#[test]
fn requests_and_responses_are_the_same() {
    use modbus::{counted, hand, ours, with_winnow};
    let ours_of = |wire: &[u8]| Some(decode::<ours::Ask>(wire).ok()?.frame);
    for wire in &modbus::asks() {
        agree(
            wire,
            &[
                ("hand", &hand::ask),
                ("ours", &ours_of),
                ("winnow", &with_winnow::ask),
                ("binrw", &|wire| Some(counted::Ask::parse_binrw(wire)?.plain())),
                ("deku", &|wire| Some(counted::Ask::parse_deku(wire)?.plain())),
            ],
        );
        append(
            wire,
            wire,
            &[
                ("hand", &|wire, out| hand::write_ask(&hand::ask(wire)?, out)),
                ("ours", &|wire, out| encode::<ours::Ask>(&hand::ask(wire)?, out).ok()),
                ("binrw", &|wire, out| counted::Ask::parse_binrw(wire)?.encode_binrw(out)),
                ("deku", &|wire, out| counted::Ask::parse_deku(wire)?.encode_deku(out)),
            ],
        );
    }
    let ours_of = |wire: &[u8]| Some(decode::<ours::Answer>(wire).ok()?.frame);
    let lying = |wire: &[u8]| Some(decode::<ours::AnswerRef<'_>>(wire).ok()?.frame.owned());
    for wire in &modbus::answers() {
        agree(
            wire,
            &[
                ("hand", &hand::answer),
                ("ours", &ours_of),
                ("ours, borrowed", &lying),
                ("winnow", &with_winnow::answer),
                ("binrw", &|wire| Some(counted::Answer::parse_binrw(wire)?.plain())),
                ("deku", &|wire| Some(counted::Answer::parse_deku(wire)?.plain())),
            ],
        );
        append(
            wire,
            wire,
            &[
                ("hand", &|wire, out| hand::write_answer(&hand::answer(wire)?, out)),
                ("ours", &|wire, out| encode::<ours::Answer>(&hand::answer(wire)?, out).ok()),
                ("binrw", &|wire, out| counted::Answer::parse_binrw(wire)?.encode_binrw(out)),
                ("deku", &|wire, out| counted::Answer::parse_deku(wire)?.encode_deku(out)),
            ],
        );
    }
}

#[test]
fn winnow_reads_the_same_batches() {
    for wire in &telt::input() {
        agree(telt::content(wire), &[("hand", &telt::hand::parse), ("winnow", &telt::with_winnow::parse)]);
    }
}
