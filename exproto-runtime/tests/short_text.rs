//! Text that is copied.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used)]

use exproto_runtime::codec::{
    ErrorKind, FieldInfo, Fill, Flag, Node, Random, ShortText, from_bytes, to_bytes, to_json,
};
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
struct Device {
    #[wire(size = 4, fill = b' ', as = Latin1)]
    name: ShortText<4>,
    #[wire(size = prefix(u8), as = Utf8)]
    note: ShortText<6>,
}

#[test]
fn it_is_text_like_any_other() {
    let bytes = *b"\xE9t  \x03abc";
    let device = from_bytes::<Device>(&bytes).unwrap().frame;
    let copy = device;
    assert_eq!((copy.name.to_string(), copy.note), ("ét".to_string(), ShortText::new("abc").unwrap()));
    assert_eq!(to_bytes(&device).unwrap(), bytes);
    let mut json = Vec::new();
    to_json(&device, &mut json);
    assert_eq!(String::from_utf8_lossy(&json), r#"{"name":"ét","note":"abc"}"#);
    static AT: FieldInfo = FieldInfo::new("", "device");
    let node = Node::parse(&json).unwrap();
    assert_eq!(to_bytes(&Device::fill(Some(&node), &AT).unwrap()).unwrap(), bytes);
    let node = Node::parse(br#"{"name":"abcde","note":""}"#).unwrap();
    let error = Device::fill(Some(&node), &AT).unwrap_err();
    assert_eq!(error.to_string(), "name: at most 4 bytes are possible here");
}

#[test]
fn what_has_no_room_is_an_error_and_what_is_odd_is_kept() {
    let error = from_bytes::<Device>(b"abcd\x07abcdefg").unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::TooLong, "note"));
    let odd = from_bytes::<Device>(b"abcd\x02\xFF\xFE").unwrap();
    assert!(odd.flags.has(Flag::Text));
    assert_eq!(to_bytes(&odd.frame).unwrap(), b"abcd\x02\xFF\xFE");
    assert_eq!(ShortText::<3>::new("abcd"), None);
    for seed in 0..50 {
        let device: Device = Random::new(seed).make();
        let bytes = to_bytes(&device).unwrap();
        assert_eq!(from_bytes::<Device>(&bytes).unwrap().frame, device);
    }
}
