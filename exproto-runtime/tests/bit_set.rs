//! Words of flags by name.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used)]

use exproto_runtime::codec::{
    BitSet, ErrorKind, FieldInfo, Fill, Node, Random, from_bytes, to_bytes, to_json,
};
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
enum Alarm {
    Sos,
    Overspeed,
    #[wire(tag = 9)]
    PowerCut,
    #[wire(other)]
    Bit(u8),
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = bits(1))]
enum Side {
    Left,
    Right,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Report {
    #[wire(as = u16)]
    alarms: BitSet<Alarm>,
    #[wire(bits = 4)]
    sides: BitSet<Side>,
    #[wire(bits = 4)]
    inputs: BitSet<u8>,
    #[wire(if = alarms.has(Alarm::PowerCut))]
    voltage: Option<u8>,
    #[wire(count = prefix(u8), each(as = u24))]
    history: Vec<BitSet<Alarm>>,
}

static AT: FieldInfo = FieldInfo::new("", "report");

#[test]
fn bits_are_names_in_json_and_back() {
    let bytes = [0x82, 0x02, 0b1010_0101, 12, 1, 0x80, 0, 1];
    let received = from_bytes::<Report>(&bytes).unwrap();
    assert!(received.flags.is_empty());
    let report = received.frame;
    assert_eq!(report.alarms.iter().collect::<Vec<_>>(), [Alarm::Overspeed, Alarm::PowerCut, Alarm::Bit(15)]);
    assert_eq!((report.alarms.len(), report.voltage), (3, Some(12)));
    let mut json = Vec::new();
    to_json(&report, &mut json);
    assert_eq!(
        String::from_utf8_lossy(&json),
        r#"{"alarms":["overspeed","power_cut",15],"sides":["right",3],"inputs":[0,2],"voltage":12,"history":[["sos",23]]}"#
    );
    assert_eq!(to_bytes(&report).unwrap(), bytes);
    let node =
        Node::parse(br#"{"alarms":["sos",15],"sides":[],"inputs":[],"voltage":null,"history":[]}"#).unwrap();
    let filled = Report::fill(Some(&node), &AT).unwrap();
    assert_eq!(to_bytes(&filled).unwrap(), [0x80, 0x01, 0, 0]);
    let node = Node::parse(br#"{"alarms":[64],"sides":[],"inputs":[],"history":[]}"#).unwrap();
    let error = Report::fill(Some(&node), &AT).unwrap_err();
    assert_eq!(error.to_string(), "alarms[0]: bits are numbered from 0 to 63");
}

#[test]
fn bits_that_do_not_fit_do_not_encode() {
    let mut report: Report = Random::new(3).make();
    report.alarms = [Alarm::Bit(16)].into_iter().collect();
    let error = to_bytes(&report).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "alarms"));
    report.alarms.set(Alarm::Bit(16), false);
    assert!(report.alarms.is_empty());
}

#[test]
fn random_sets_are_read_again() {
    for seed in 0..100 {
        let report: Report = Random::new(seed).make();
        let bytes = to_bytes(&report).unwrap();
        assert_eq!(from_bytes::<Report>(&bytes).unwrap().frame, report);
    }
}
