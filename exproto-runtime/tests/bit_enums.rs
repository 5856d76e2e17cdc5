//! C-like enums of some bits.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Random, from_bytes, to_bytes, to_json};

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = bits(2))]
enum Priority {
    Low,
    Normal,
    High,
    Alarm,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Event {
    #[wire(bits = 2)]
    priority: Priority,
    #[wire(bits = 6)]
    number: u8,
    #[wire(count = 4, each(bits = 2))]
    more: Vec<Priority>,
}

#[test]
fn a_few_bits_have_all_their_names() {
    for first in 0..=255_u8 {
        let bytes = [first, 0b1110_0100];
        let event = from_bytes::<Event>(&bytes).unwrap();
        assert!(event.flags.is_empty());
        assert_eq!(to_bytes(&event.frame).unwrap(), bytes);
    }
    let event: Event = Random::new(1).make();
    assert_eq!(from_bytes::<Event>(&to_bytes(&event).unwrap()).unwrap().frame, event);
    let mut json = Vec::new();
    to_json(&from_bytes::<Event>(&[0x85, 0xE4]).unwrap().frame, &mut json);
    assert_eq!(json, br#"{"priority":"high","number":5,"more":["alarm","high","normal","low"]}"#);
}
