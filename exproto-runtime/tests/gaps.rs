//! Bytes that mean nothing, and fields that are not always on the wire.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod derived;
mod framing;

use derived::{both, flagged, read, refused, write};
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{
    Ascii, ErrorKind, FieldInfo, Fill, Flag, Node, Random, Text, from_bytes, to_bytes, to_json,
};
use framing::{round_trip, same_however_cut};

static AT: FieldInfo = FieldInfo::new("", "value");

/// Padding of a constant size stands in runs, other padding between them.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Padded {
    kind: u8,
    #[wire(before(_: pad(3)), after(_: pad(2), fill = 0xFF))]
    value: u16,
    #[wire(before(length: u8 = size(name)), after(_: align(4), fill = b' '))]
    name: Vec<u8>,
    #[wire(after(_: pad(kind as usize)), after(_: pad(to = 20)))]
    last: u8,
}

#[test]
fn padding_is_written_and_kept() {
    both(
        &[1, 0, 0, 0, 0, 7, 0xFF, 0xFF, 2, b'a', b'b', b' ', 9, 0, 0, 0, 0, 0, 0, 0],
        Padded { kind: 1, value: 7, name: b"ab".to_vec(), last: 9 },
    );
    // No padding where the multiple is reached; none where the size is exceeded.
    let long = Padded { kind: 6, value: 7, name: b"abc".to_vec(), last: 9 };
    both(&[6, 0, 0, 0, 0, 7, 0xFF, 0xFF, 3, b'a', b'b', b'c', 9, 0, 0, 0, 0, 0, 0, 0], long.clone());
    let longer = Padded { kind: 9, name: b"abcdefg".to_vec(), ..long };
    assert_eq!(write(&longer).unwrap().len(), 26);
    both(&write(&longer).unwrap(), longer);
}

#[test]
fn other_padding_is_flagged() {
    let bytes = [1, 0, 0, 0, 0, 7, 0xFF, 0xFF, 2, b'a', b'b', b' ', 9, 0, 0, 0, 0, 0, 0, 0];
    for at in [1, 2, 3, 6, 7, 11, 13, 14, 19] {
        let mut other = bytes;
        other[at] ^= 1;
        let (value, flags) = flagged::<Padded>(&other).unwrap();
        assert_eq!((flags, value.last), (vec![Flag::Reserved], 9), "byte {at}");
        assert!(from_bytes::<Padded>(&other).unwrap().flags.is_lossy());
    }
    assert_eq!(refused::<Padded>(&bytes[..19]), (ErrorKind::Short, 14, "_"));
    assert_eq!(refused::<Padded>(&bytes[..10]), (ErrorKind::Short, 9, "name"));
    for len in 0..bytes.len() {
        assert!(read::<Padded>(&bytes[..len]).is_err());
    }
}

#[test]
fn random_values_have_their_padding() {
    let mut random = Random::new(3);
    for _ in 0..200 {
        let value: Padded = random.make();
        both(&write(&value).unwrap(), value.clone());
    }
}

/// Blocks that are aligned each from its own start, in a frame whose end is worked out.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big, before(b"\xAA"))]
struct Blocks {
    #[wire(count = prefix(u8))]
    blocks: Vec<Block>,
    #[wire(before(_: align(8)), after(_: pad(to = 32)))]
    end: u8,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, after(_: align(4)))]
struct Block {
    kind: u8,
    #[wire(size = prefix(u8), after(_: pad(kind % 3)))]
    data: Vec<u8>,
}

#[test]
fn the_frame_search_skips_padding() {
    let mut stream = Vec::new();
    let mut frames = Vec::new();
    for sizes in [&[][..], &[3, 0, 1], &[4, 5, 6, 7, 8, 9], &[2]] {
        let blocks = sizes.iter().map(|size| Block { kind: *size as u8, data: vec![7; *size] }).collect();
        let frame = Blocks { blocks, end: 1 };
        stream.extend(to_bytes(&frame).unwrap());
        frames.push(frame);
    }
    assert_eq!(to_bytes(&frames[1]).unwrap().len(), 32);
    assert_eq!(same_however_cut::<Blocks>(&stream).len(), frames.len());
    assert_eq!(round_trip::<Blocks>(&stream), frames.len());
}

/// Fields that are computed, that newer devices send, that depend on a version.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Report {
    version: u8,
    base: u32,
    #[wire(skip, default = base + 100, scale = 0.1)]
    total: u32,
    #[wire(skip)]
    seen: Option<u8>,
    #[wire(if = version > 1, default = 25)]
    temperature: i16,
    #[wire(default = 80)]
    battery: u8,
    #[wire(default = 0xFFFF)]
    cell: u16,
    check: u8,
}

#[test]
fn fields_have_their_defaults() {
    let all = Report {
        version: 2,
        base: 5,
        total: 105,
        seen: None,
        temperature: -1,
        battery: 7,
        cell: 8,
        check: 9,
    };
    both(&[2, 0, 0, 0, 5, 0xFF, 0xFF, 7, 0, 8, 9], all.clone());
    let old = Report { version: 1, temperature: 25, ..all.clone() };
    both(&[1, 0, 0, 0, 5, 7, 0, 8, 9], old.clone());
    // What would be lost is refused.
    let error = to_bytes(&Report { temperature: 26, ..old.clone() }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Relation, "temperature"));
    for (bytes, battery, cell) in [(&[1, 0, 0, 0, 5, 9][..], 80, 0xFFFF), (&[1, 0, 0, 0, 5, 6, 9], 6, 0xFFFF)]
    {
        let received = from_bytes::<Report>(bytes).unwrap();
        assert_eq!(received.frame, Report { battery, cell, ..old.clone() });
        assert!(received.flags.has(Flag::Missing) && received.flags.is_lossy());
    }
    assert_eq!(refused::<Report>(&[1, 0, 0, 0, 5, 6, 1, 9]), (ErrorKind::Short, 8, "check"));
}

#[test]
fn json_need_not_have_what_has_a_default() {
    let mut json = Vec::new();
    let report = Report {
        version: 2,
        base: 5,
        total: 105,
        seen: None,
        temperature: -1,
        battery: 7,
        cell: 8,
        check: 9,
    };
    to_json(&report, &mut json);
    assert_eq!(
        String::from_utf8_lossy(&json),
        r#"{"version":2,"base":5,"total":10.5,"seen":null,"temperature":-1,"battery":7,"cell":8,"check":9}"#
    );
    let node = Node::parse(br#"{"version":1,"base":1,"check":3}"#).unwrap();
    let made = Report::fill(Some(&node), &AT).unwrap();
    assert_eq!(
        made,
        Report {
            version: 1,
            base: 1,
            total: 101,
            seen: None,
            temperature: 25,
            battery: 80,
            cell: 0xFFFF,
            check: 3
        }
    );
}

/// A size may depend on what is computed; the walk computes it too.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
struct Computed {
    words: u8,
    #[wire(skip, default = words as u16 * 2)]
    bytes: u16,
    #[wire(if = words > 3, default = 1)]
    extra: u8,
    #[wire(size = bytes + extra as u16)]
    data: Vec<u8>,
}

#[test]
fn a_size_depends_on_computed_fields() {
    let stream = [&[1, 5, 6, 7][..], &[4, 0, 1, 2, 3, 4, 5, 6, 7, 8]].concat();
    assert_eq!(same_however_cut::<Computed>(&stream).len(), 2);
    assert_eq!(round_trip::<Computed>(&stream), 2);
}

/// Between separators fields at the end have defaults too.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
struct Line<'a> {
    #[wire(as = Ascii)]
    id: Text<'a>,
    #[wire(as = dec, default = 60)]
    interval: u16,
    #[wire(as = dec, default = interval * 2)]
    timeout: u16,
}

#[test]
fn fields_of_text_have_defaults() {
    both(b"a,5,6", Line { id: "a".into(), interval: 5, timeout: 6 });
    let (line, flags) = flagged::<Line<'_>>(b"a,5").unwrap();
    assert_eq!((line.interval, line.timeout, flags), (5, 10, vec![Flag::Missing]));
    let (line, _) = flagged::<Line<'_>>(b"a").unwrap();
    assert_eq!((line.interval, line.timeout), (60, 120));
    assert_eq!(write(&line).unwrap(), b"a,60,120");
}
