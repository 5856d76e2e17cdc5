//! Frames as items of `tokio_util::codec`, whatever the chunks.
#![cfg(feature = "tokio-util")]
#![allow(clippy::unwrap_used, reason = "a test that fails says so")]

use bytes::BytesMut;
use exproto_runtime::codec::{ErrorKind, encode};
use exproto_runtime::framed::{BadFrame, FrameCodec, OwnedFrameCodec};
use exproto_runtime::prelude::ExProtoFrame;
use tokio_util::codec::{Decoder, Encoder};

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
struct Owned {
    kind: u8,
    #[wire(size = prefix(u8), after(check: u8 = xor(kind..)))]
    data: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
struct Borrowed<'a> {
    #[wire(before(b"@@"), before(length: u8 = size(data)))]
    data: &'a [u8],
}

fn stream() -> (Vec<u8>, Vec<Result<Owned, ErrorKind>>) {
    let (mut bytes, mut want) = (Vec::new(), Vec::new());
    for data in [&b"a"[..], b"\x7E\x7D", b""] {
        encode::<Owned>(&Owned { kind: 1, data: data.to_vec() }, &mut bytes).unwrap();
        want.push(Ok(Owned { kind: 1, data: data.to_vec() }));
    }
    // A wrong checksum; a length that leaves bytes over.
    bytes.extend(b"\x7E\x01\x00\x77\x7E");
    want.push(Err(ErrorKind::Checksum));
    bytes.extend(b"\x7E\x01\x00\x05\x04\x7E");
    want.push(Err(ErrorKind::Trailing));
    encode::<Owned>(&Owned { kind: 2, data: vec![9] }, &mut bytes).unwrap();
    want.push(Ok(Owned { kind: 2, data: vec![9] }));
    (bytes, want)
}

#[test]
fn a_bad_frame_is_an_item_at_every_split() {
    let (bytes, want) = stream();
    for split in 0..=bytes.len() {
        let mut codec = OwnedFrameCodec::<Owned>::new();
        let mut input = BytesMut::new();
        let mut got = Vec::new();
        for chunk in [&bytes[..split], &bytes[split..]] {
            input.extend_from_slice(chunk);
            while let Some(item) = codec.decode(&mut input).unwrap() {
                got.push(item.map_err(|bad: BadFrame| bad.error.kind()));
            }
        }
        assert!(codec.decode_eof(&mut input).unwrap().is_none());
        assert_eq!(got, want, "split at {split}");
    }
}

#[test]
fn what_is_left_at_the_end_is_an_item() {
    let mut codec = FrameCodec::<Borrowed<'static>>::new();
    let mut input = BytesMut::from(&b"@@\x02ab@@\x09xy"[..]);
    let held = codec.decode(&mut input).unwrap().unwrap().unwrap();
    assert_eq!(held.decode().unwrap().frame, Borrowed { data: b"ab" });
    assert!(codec.decode(&mut input).unwrap().is_none());
    let bad = codec.decode_eof(&mut input).unwrap().unwrap().unwrap_err();
    assert_eq!((bad.error.kind(), &bad.wire[..], bad.offset), (ErrorKind::Short, &b"@@\x09xy"[..], 5));
    assert!(codec.decode_eof(&mut input).unwrap().is_none());
}

#[test]
fn frames_are_sent_and_passed_on() {
    let mut codec = FrameCodec::<Borrowed<'static>>::new();
    let mut out = BytesMut::new();
    let local = vec![1, 2];
    codec.encode(&Borrowed { data: &local }, &mut out).unwrap();
    assert_eq!(out[..], *b"@@\x02\x01\x02");
    let held = codec.decode(&mut out).unwrap().unwrap().unwrap();
    codec.encode(held, &mut out).unwrap();
    assert_eq!(out[..], *b"@@\x02\x01\x02");
    let long = vec![0; 256];
    let error = codec.encode(&Borrowed { data: &long }, &mut out).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    assert_eq!(out.len(), 5, "nothing is written of a frame that cannot be");

    // The opening flag that the second frame shared is written again.
    let mut codec = FrameCodec::<Owned>::new();
    let mut input = BytesMut::from(&b"\x7E\x01\x00\x01\x7E\x02\x00\x02\x7E"[..]);
    let mut out = BytesMut::new();
    while let Some(item) = codec.decode(&mut input).unwrap() {
        codec.encode(item.unwrap(), &mut out).unwrap();
    }
    assert_eq!(out[..], *b"\x7E\x01\x00\x01\x7E\x7E\x02\x00\x02\x7E");
}
