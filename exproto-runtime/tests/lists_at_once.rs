//! Lists whose elements any bytes are: taken as one piece, and told from those that
//! have to be looked at.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used)]

use exproto_runtime::codec::{ErrorKind, Flag, List, ListBuf, Wire, from_bytes, to_bytes};
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
struct Point {
    at: Place,
    #[wire(bits = 4)]
    high: u8,
    #[wire(bits = 12)]
    low: i16,
    raw: [u8; 2],
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = little)]
struct Place {
    x: i16,
    y: f32,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Ranged {
    #[wire(range = 0..=100)]
    percent: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Marked {
    #[wire(before(b"#"))]
    value: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Reserved {
    #[wire(before(_: bits(4)))]
    #[wire(bits = 4)]
    value: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Holder {
    marked: Marked,
}

#[test]
fn only_what_is_neither_refused_nor_flagged_is_not_looked_at() {
    const { assert!(Point::ANY_BYTES && Place::ANY_BYTES) };
    const { assert!(!Ranged::ANY_BYTES && !Marked::ANY_BYTES && !Reserved::ANY_BYTES && !Holder::ANY_BYTES) };
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Lists<'a> {
    #[wire(count = prefix(u8))]
    borrowed: List<'a, Point>,
    #[wire(count = prefix(u8))]
    owned: Vec<Point>,
    #[wire(count = prefix(u8))]
    kept: ListBuf<Point>,
    #[wire(size = prefix(u8))]
    sized: Vec<Point>,
    #[wire(rest)]
    rest: List<'a, Point>,
}

const A: [u8; 10] = [1, 0, 0, 0, 0x80, 0x3F, 0x2F, 0xFF, 7, 8];
const B: [u8; 10] = [0xFF, 0xFF, 0, 0, 0, 0, 0, 1, 0xFF, 0];

fn wire() -> Vec<u8> {
    let [one, two, bytes] = [[1].as_slice(), &[2], &[20]];
    [one, &A, two, &A, &B, one, &B, bytes, &B, &A, &A, &B].concat()
}

#[test]
fn elements_are_the_same_however_they_are_held() {
    let a = Point { at: Place { x: 1, y: 1.0 }, high: 2, low: -1, raw: [7, 8] };
    let b = Point { at: Place { x: -1, y: 0.0 }, high: 0, low: 1, raw: [255, 0] };
    let wire = wire();
    let received = from_bytes::<Lists<'_>>(&wire).unwrap();
    let lists = received.frame;
    assert!(received.flags.is_empty());
    assert_eq!((lists.borrowed.len(), lists.rest.len()), (1, 2));
    assert_eq!(lists.borrowed.iter().collect::<Vec<_>>(), [a]);
    assert_eq!(lists.owned, [a, b]);
    assert_eq!(lists.kept.items, [b]);
    assert_eq!(lists.sized, [b, a]);
    assert_eq!(lists.rest.iter().collect::<Vec<_>>(), [a, b]);
    assert_eq!(to_bytes(&lists).unwrap(), wire);
    let built = Lists { borrowed: vec![a].into(), rest: vec![a, b].into(), ..lists };
    assert_eq!(to_bytes(&built).unwrap(), wire);
}

/// The error is that of the field of the element that is cut short.
#[test]
fn an_element_that_is_cut_short_is_named() {
    let wire = wire();
    for len in 0..wire.len() {
        let Err(error) = from_bytes::<Lists<'_>>(&wire[..len]) else {
            assert!([len == 64, len == 74].contains(&true), "{len} bytes are no whole frame");
            continue;
        };
        assert_eq!(error.kind(), ErrorKind::Short, "{len} bytes");
        assert!(error.offset() as usize <= len, "{len} bytes: {error}");
    }
    let short = |len: usize| {
        let error = from_bytes::<Lists<'_>>(&wire[..len]).unwrap_err();
        (error.field().name, error.offset())
    };
    assert_eq!(short(2), ("x", 1));
    assert_eq!(short(6), ("y", 3));
    assert_eq!(short(10), ("raw", 9));
    assert_eq!(short(12 + 10 + 3), ("y", 24));
    assert_eq!(short(64 + 2), ("y", 66));
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Odd<'a> {
    #[wire(count = prefix(u8))]
    ranged: List<'a, Ranged>,
    #[wire(rest)]
    reserved: Vec<Reserved>,
}

#[test]
fn elements_that_may_be_odd_are_looked_at() {
    let flags = |bytes: &[u8]| from_bytes::<Odd<'_>>(bytes).unwrap().flags;
    assert!(flags(&[2, 1, 100, 7]).is_empty());
    assert!(flags(&[2, 1, 101, 7]).has(Flag::Range));
    assert!(flags(&[2, 1, 100, 7, 0x17]).has(Flag::Reserved));
}

/// A count says how many elements an extent holds, and does not decide memory.
#[test]
fn a_count_beside_a_size_is_only_compared() {
    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[wire(endian = big)]
    struct Both {
        #[wire(before(size: u8 = size(list)), before(n: u32 = count(list) * 2))]
        list: Vec<Ranged>,
    }

    let both = from_bytes::<Both>(&[2, 0, 0, 0, 4, 7, 8]).unwrap().frame;
    assert_eq!(both.list.len(), 2);
    for count in [3_u32, 0xFFFF_FFFE] {
        let bytes = [&[2], &count.to_be_bytes()[..], &[7, 8]].concat();
        assert_eq!(from_bytes::<Both>(&bytes).unwrap_err().kind(), ErrorKind::Relation);
    }
}

/// Numbers as elements: by their bytes, in either order, also of odd widths.
#[test]
fn lists_of_numbers_are_the_same_as_their_bytes() {
    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[wire(endian = big)]
    struct Numbers {
        #[wire(count = prefix(u8))]
        words: Vec<u16>,
        #[wire(count = prefix(u8), endian = little)]
        signed: Vec<i32>,
        #[wire(size = prefix(u8), each(as = i24))]
        odd: Vec<i32>,
        #[wire(rest)]
        floats: Vec<f32>,
    }

    let wire = [
        [2, 1, 2, 3, 4].as_slice(),
        &[1, 0xFE, 0xFF, 0xFF, 0xFF],
        &[6, 0xFF, 0xFF, 0xFF, 0, 1, 0],
        &[0x3F, 0x80, 0, 0, 0xBF, 0x80, 0, 0],
    ];
    let wire = wire.concat();
    let numbers = from_bytes::<Numbers>(&wire).unwrap().frame;
    let want = Numbers {
        words: vec![0x0102, 0x0304],
        signed: vec![-2],
        odd: vec![-1, 0x100],
        floats: vec![1.0, -1.0],
    };
    assert_eq!(numbers, want);
    assert_eq!(to_bytes(&numbers).unwrap(), wire);
    for len in 0..wire.len() {
        match from_bytes::<Numbers>(&wire[..len]) {
            Ok(_) => assert!([17, 21].contains(&len), "{len} bytes are no whole frame"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Short, "{len} bytes");
                assert!(error.offset() as usize <= len, "{len} bytes: {error}");
            }
        }
    }
    let short = |bytes: &[u8]| from_bytes::<Numbers>(bytes).unwrap_err();
    assert_eq!((short(&wire[..4]).field().name, short(&wire[..4]).offset()), ("words", 3));
    assert_eq!((short(&wire[..20]).field().name, short(&wire[..20]).offset()), ("floats", 17));
    // Bytes of an extent that are no whole number.
    assert_eq!(short(&[0, 0, 4, 1, 2, 3, 4]).offset(), 6);
}
