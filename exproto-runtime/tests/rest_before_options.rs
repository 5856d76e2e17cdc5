//! What takes the rest before fields that may be absent, where what tells stands
//! before it; and lists of which the last element takes the rest.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used)]

mod derived;

use derived::{both, place, round};
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{ErrorKind, from_bytes, to_bytes};

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Answer {
    #[wire(bits = 1)]
    calibrated: bool,
    #[wire(bits = 7)]
    kind: u8,
    #[wire(rest)]
    data: Vec<u8>,
    #[wire(if = calibrated, before(mark: u8 = 0xCC))]
    calibration: Option<u16>,
    #[wire(if = kind > 5)]
    more: Option<u32>,
    end: u8,
}

#[test]
fn what_is_decided_before_has_its_place() {
    let bare = Answer { calibrated: false, kind: 1, data: vec![7, 8], calibration: None, more: None, end: 9 };
    both(&[1, 7, 8, 9], bare);
    let data = vec![7];
    let all = Answer { calibrated: true, kind: 6, data, calibration: Some(2), more: Some(3), end: 9 };
    both(&[0x86, 7, 0xCC, 0, 2, 0, 0, 0, 3, 9], all);
    let error = from_bytes::<Answer>(&[0x86, 0xCC, 0, 2, 0, 0, 0, 3]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Short);
    round::<Answer>(200);
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Telegram {
    #[wire(rest)]
    records: Vec<Record>,
}

/// The length 0xF says that the maker's own bytes follow, up to the end.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Record {
    #[wire(bits = 4, before(_: bits(4)))]
    length: u8,
    #[wire(size = if length == 0xF { left } else { length as usize })]
    data: Vec<u8>,
}

#[test]
fn the_last_element_may_take_the_rest() {
    let bytes = [2, 7, 8, 0, 0xF, 1, 2, 3];
    let telegram = from_bytes::<Telegram>(&bytes).unwrap().frame;
    let lengths: Vec<_> = telegram.records.iter().map(|record| record.data.len()).collect();
    assert_eq!(lengths, [2, 0, 3]);
    assert_eq!(to_bytes(&telegram).unwrap(), bytes);
    assert_eq!(place(&from_bytes::<Telegram>(&[2, 7]).unwrap_err()), (ErrorKind::Short, "data"));
}
