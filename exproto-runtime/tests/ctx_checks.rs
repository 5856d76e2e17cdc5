//! Frames with a context: the search verifies their checksums as those of others.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]

use exproto_runtime::codec::{Deframer, Item, encode_with};
use exproto_runtime::prelude::*;

/// The header has a checksum that begins with the key of the connection, so that a
/// wrong length is known before it is waited for.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 1000)]
#[wire(before(b"\x55"), endian = big, ctx(key: u8))]
pub struct Message {
    pub id: u8,
    #[wire(before(length: u16 = size(data)), before(check: u8 = fn(keyed, id..=length, key)))]
    pub data: Vec<u8>,
}

fn keyed(bytes: &[u8], key: u8) -> u8 {
    bytes.iter().fold(key, |all, byte| all.rotate_left(3) ^ byte)
}

#[test]
fn a_wrong_length_swallows_nothing() {
    let ctx = MessageCtx { key: 0x5A };
    let mut stream = Vec::new();
    for id in 0..20 {
        encode_with::<Message>(&Message { id, data: vec![id; 5] }, ctx, &mut stream).unwrap();
    }
    let found = |stream: &[u8]| {
        let mut deframer = Deframer::<Message>::with_ctx(ctx);
        let (mut input, mut scratch, mut frames) = (stream, Vec::new(), 0);
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            frames += usize::from(matches!(item, Item::Frame(_)));
        }
        frames
    };
    assert_eq!(found(&stream), 20);
    // Each bit of the second length.
    for bit in 0..16 {
        let mut damaged = stream.clone();
        damaged[10 + 2 + bit / 8] ^= 1 << (bit % 8);
        assert!(found(&damaged) >= 18, "bit {bit}: {}", found(&damaged));
    }
}
