//! A frame that owns its fields reads and writes the bytes of its borrowed
//! twin.
#![allow(clippy::unwrap_used, missing_docs)]

mod derived;

use derived::{flagged, write};
use exproto_runtime::codec::{Decode, Encode, Flag, to_json};
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Borrowed<'a> {
    #[wire(before(id: u16 = tag(body)))]
    #[wire(before(len: bits(12) = size(body)), before(more: bits(1) = present(extra)), before(_: bits(3)))]
    extra: Option<u32>,
    #[wire(size = prefix(u8), as = Utf8)]
    name: Text<'a>,
    #[wire(after(check: u8 = xor(id..)))]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
enum Body<'a> {
    #[wire(tag = 1)]
    Track {
        at: u32,
        #[wire(before(n: u8 = count(points)))]
        points: List<'a, Point>,
        #[wire(rest, lenient)]
        items: List<'a, Item<'a>>,
    },
    #[wire(tag = 2)]
    Empty,
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Item<'a> {
    id: u8,
    #[wire(size = prefix(u8))]
    value: &'a [u8],
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
struct Point {
    #[wire(scale = 0.1)]
    x: i16,
    y: i16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Owned {
    #[wire(before(id: u16 = tag(body)))]
    #[wire(before(len: bits(12) = size(body)), before(more: bits(1) = present(extra)), before(_: bits(3)))]
    extra: Option<u32>,
    #[wire(size = prefix(u8), as = Utf8)]
    name: TextBuf,
    #[wire(after(check: u8 = xor(id..)))]
    body: OwnedBody,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
enum OwnedBody {
    #[wire(tag = 1)]
    Track {
        at: u32,
        #[wire(before(n: u8 = count(points)))]
        points: Vec<Point>,
        #[wire(rest, lenient)]
        items: ListBuf<OwnedItem>,
    },
    #[wire(tag = 2)]
    Empty,
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u16,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct OwnedItem {
    id: u8,
    #[wire(size = prefix(u8))]
    value: Vec<u8>,
}

/// A frame with this id, extra, name and body; the checksum is computed.
fn frame(id: u16, extra: Option<u32>, name: &str, body: &[u8]) -> Vec<u8> {
    let word = (body.len() as u16) << 4 | u16::from(extra.is_some()) << 3;
    let mut bytes = [id.to_be_bytes(), word.to_be_bytes()].concat();
    bytes.extend(extra.iter().flat_map(|extra| extra.to_be_bytes()));
    bytes.push(name.len() as u8);
    bytes.extend(name.as_bytes());
    bytes.extend(body);
    bytes.push(bytes.iter().fold(0, |check, byte| check ^ byte));
    bytes
}

fn frames() -> Vec<(Vec<u8>, Vec<Flag>)> {
    let track = [0, 0, 0, 7, 2, 0, 1, 0xFF, 0xFF, 0, 3, 0, 4, 9, 2, 0xAA, 0xBB, 8, 0];
    let cut = [&track[..], &[1, 9, 9]].concat();
    vec![
        (frame(1, None, "box", &track), vec![]),
        (frame(1, Some(5), "", &[0, 0, 0, 1, 0]), vec![]),
        (frame(1, Some(5), "", &cut), vec![Flag::Tail]),
        (frame(1, None, "x", &[1, 2]), vec![Flag::Raw]),
        (frame(2, None, "é", &[]), vec![]),
        (frame(2, None, "x", &[1]), vec![Flag::Raw]),
        (frame(0xFFFF, None, "x", &[7, 8, 9]), vec![]),
    ]
}

fn bytes_of<'a, T: Decode<'a, Ctx = ()> + Encode<Ctx = ()>>(bytes: &'a [u8]) -> (Vec<u8>, Vec<Flag>) {
    let (value, flags) = flagged::<T>(bytes).unwrap();
    (write(&value).unwrap(), flags)
}

#[test]
fn both_read_and_write_the_same_bytes() {
    for (bytes, odd) in frames() {
        assert_eq!(bytes_of::<Borrowed<'_>>(&bytes), (bytes.clone(), odd.clone()), "{bytes:02x?}");
        assert_eq!(bytes_of::<Owned>(&bytes), (bytes.clone(), odd), "{bytes:02x?}");
    }
}

#[test]
fn both_refuse_the_same_bytes_at_the_same_place() {
    for (bytes, _) in frames() {
        for at in 0..bytes.len() {
            for bit in 0..8 {
                let mut bad = bytes.clone();
                bad[at] ^= 1 << bit;
                let place =
                    |error: exproto_runtime::codec::Error| (error.kind(), error.offset(), error.field().name);
                let borrowed =
                    derived::flagged_loose::<Borrowed<'_>>(&bad).map(|(_, flags)| flags).map_err(place);
                let owned = derived::flagged_loose::<Owned>(&bad).map(|(_, flags)| flags).map_err(place);
                assert_eq!(borrowed, owned, "{bad:02x?}");
            }
            let cut = &bytes[..at];
            assert!(derived::flagged_loose::<Borrowed<'_>>(cut).is_err());
            assert!(derived::flagged_loose::<Owned>(cut).is_err());
        }
    }
}

#[test]
fn both_show_the_same_json() {
    for (bytes, _) in frames() {
        let (mut borrowed, mut owned) = (Vec::new(), Vec::new());
        to_json(&flagged::<Borrowed<'_>>(&bytes).unwrap().0, &mut borrowed);
        to_json(&flagged::<Owned>(&bytes).unwrap().0, &mut owned);
        assert_eq!(String::from_utf8(borrowed), String::from_utf8(owned));
    }
}
