//! Numbers whose width something else says: a field, the context, a parameter
//! of the type, a prefix, the extent.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod derived;
mod framing;

use derived::{both, flagged, read, refused, write};
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{
    Endian, ErrorKind, FieldInfo, Fill, Flag, List, Node, Random, to_bytes, to_json,
};
use framing::{round_trip, same_however_cut};

static AT: FieldInfo = FieldInfo::new("", "value");

/// One width for two numbers; a prefix; what the extent leaves.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Widths {
    #[wire(range = 1..=8)]
    width: u8,
    #[wire(size = width, scale = 0.1)]
    value: u64,
    #[wire(size = width, endian = little)]
    signed: i32,
    #[wire(size = prefix(u8))]
    count: u32,
    #[wire(size = if width > 4 { 8 } else { 4 })]
    float: f64,
    #[wire(rest)]
    last: i64,
}

#[test]
fn a_number_has_the_width_that_is_said() {
    let value = Widths { width: 3, value: 0x0102, signed: -2, count: 0x1234, float: 1.5, last: -1 };
    let bytes = [3, 0, 1, 2, 0xFE, 0xFF, 0xFF, 2, 0x12, 0x34, 0x3F, 0xC0, 0, 0, 0xFF];
    both(&bytes, value.clone());
    let mut json = Vec::new();
    to_json(&value, &mut json);
    assert_eq!(
        String::from_utf8_lossy(&json),
        r#"{"width":3,"value":25.8,"signed":-2,"count":4660,"float":1.5,"last":-1}"#
    );
    assert_eq!(Widths::fill(Some(&Node::parse(&json).unwrap()), &AT).unwrap(), value);
    // Wider than our own form: kept by the frame, not by the value.
    let (same, flags) = flagged::<Widths>(&[&bytes[..7], &[3, 0], &bytes[8..]].concat()).unwrap();
    assert_eq!((same, flags), (value.clone(), vec![Flag::Reserved]));
    let error = to_bytes(&Widths { width: 1, ..value.clone() }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "value"));
    let error = to_bytes(&Widths { float: 0.1, ..value }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "float"));
}

#[test]
fn a_number_that_is_too_large_for_its_type_is_refused() {
    let bytes = [5, 0, 0, 0, 1, 2, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    assert_eq!(refused::<Widths>(&bytes), (ErrorKind::Range, 6, "signed"));
    assert_eq!(refused::<Widths>(&[9, 1, 0, 0, 0, 0, 0, 0, 0, 0]), (ErrorKind::Range, 1, "value"));
    assert_eq!(refused::<Widths>(&[2, 1]), (ErrorKind::Short, 1, "value"));
}

/// The width is a parameter of the elements: as context, as parameter of the type.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
struct Groups<'a> {
    #[wire(before(b"\x08"), count = prefix(u8), ctx(width = 1_usize, order = Endian::Big))]
    ones: List<'a, Pair>,
    #[wire(count = prefix(u8), ctx(width = 2_usize, order = Endian::Big))]
    twos: List<'a, Pair>,
    #[wire(count = prefix(u8), ctx(width = 8_usize, order = Endian::Little))]
    eights: Vec<Pair>,
    three: Fixed<3>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(ctx(width: usize, order: Endian), endian = order)]
struct Pair {
    id: u8,
    #[wire(size = width)]
    value: u64,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
struct Fixed<const WIDTH: usize> {
    #[wire(size = WIDTH)]
    value: u64,
    pad: [u8; WIDTH],
}

#[test]
fn groups_have_values_of_their_widths() {
    let bytes = [8, 2, 1, 10, 2, 20, 1, 3, 0x01, 0x02, 1, 4, 5, 0, 0, 0, 0, 0, 0, 0x80, 0, 0, 7, 1, 2, 3];
    let groups = read::<Groups<'_>>(&bytes).unwrap();
    assert_eq!(groups.ones.iter().last(), Some(Pair { id: 2, value: 20 }));
    assert_eq!(groups.twos.iter().last(), Some(Pair { id: 3, value: 0x0102 }));
    assert_eq!(groups.eights, [Pair { id: 4, value: 0x8000_0000_0000_0005 }]);
    assert_eq!(groups.three, Fixed { value: 7, pad: [1, 2, 3] });
    assert_eq!(write(&groups).unwrap(), bytes);
    let stream = [&bytes[..], &bytes].concat();
    assert_eq!(same_however_cut::<Groups<'_>>(&stream).len(), 2);
    assert_eq!(round_trip::<Groups<'_>>(&stream), 2);
    for len in 0..bytes.len() {
        assert!(read::<Groups<'_>>(&bytes[..len]).is_err());
    }
}

/// A size that depends on a number of any width, in a frame of a parameter.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 4096)]
#[wire(endian = little)]
struct Deep<const WIDTH: usize> {
    width: u8,
    #[wire(size = width)]
    length: u32,
    #[wire(size = length)]
    data: Vec<u8>,
    #[wire(count = prefix(u8), each(size = WIDTH))]
    values: Vec<i32>,
}

#[test]
fn the_frame_search_reads_numbers_of_any_width() {
    let bytes = [2, 3, 0, 7, 8, 9, 2, 0xFF, 0xFF, 0xFE, 0xFF];
    both(&bytes, Deep::<2> { width: 2, length: 3, data: vec![7, 8, 9], values: vec![-1, -2] });
    let stream = [&bytes[..], &[4, 1, 0, 0, 0, 5, 0], &bytes].concat();
    assert_eq!(same_however_cut::<Deep<2>>(&stream).len(), 3);
    assert_eq!(round_trip::<Deep<2>>(&stream), 3);
    let mut random = Random::new(1);
    for _ in 0..100 {
        let value: Pair = exproto_runtime::codec::Sample::sample(
            &mut random,
            None,
            &AT,
            PairCtx { width: 2, order: Endian::Big },
        );
        assert!(value.value <= 0xFFFF);
        let value: Fixed<5> = random.make();
        both(&write(&value).unwrap(), value);
    }
}

/// One header in two versions: the second has more of it and wider tags.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 64, lead = [0xFD..=0xFE])]
#[wire(endian = little)]
struct Versions {
    version: u8,
    #[wire(before(length: u8 = size(body)))]
    #[wire(if = version == 0xFD)]
    flags: Option<u8>,
    #[wire(size = if version == 0xFD { 3 } else { 1 }, is = tag(body))]
    id: u32,
    #[wire(after(check: u8 = sum(length..)))]
    body: Message,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = little)]
enum Message {
    #[wire(tag = 1)]
    Beat(u16),
    #[wire(tag = 0x1_0002)]
    Far {
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[test]
fn a_tag_may_have_a_width_that_something_else_says() {
    let old = Versions { version: 0xFE, flags: None, id: 0, body: Message::Beat(7) };
    let new = Versions { version: 0xFD, flags: Some(3), id: 0, body: Message::Far { data: vec![9] } };
    let (of_old, of_new) = ([0xFE, 2, 1, 7, 0, 10], [0xFD, 1, 3, 2, 0, 1, 9, 16]);
    assert_eq!((to_bytes(&old).unwrap(), to_bytes(&new).unwrap()), (of_old.to_vec(), of_new.to_vec()));
    assert_eq!(read::<Versions>(&of_old).unwrap(), Versions { id: 1, ..old.clone() });
    assert_eq!(read::<Versions>(&of_new).unwrap(), Versions { id: 0x1_0002, ..new.clone() });
    let error = to_bytes(&Versions { body: new.body.clone(), ..old }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "id"));
    assert_eq!(refused::<Versions>(&[0xFE, 2, 2, 7, 0, 11]).0, ErrorKind::Tag);
    same_however_cut::<Versions>(&[&of_old[..], &of_new, &of_old].concat());
    let mut random = Random::new(7);
    for _ in 0..100 {
        let made: Message = random.make();
        let frame = Versions { version: 0xFD, flags: Some(0), id: 0, body: made };
        let bytes = to_bytes(&frame).unwrap();
        assert_eq!(read::<Versions>(&bytes).unwrap().body, frame.body);
    }
}
