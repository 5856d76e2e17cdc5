//! All sizes or counts first, the elements after: rows of integers, and lists
//! with both a count and a size.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod derived;
mod framing;

use derived::{both, read, refused, write};
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Ascii, ErrorKind, List, Random, TextBuf, to_bytes};
use framing::{round_trip, same_however_cut};

/// A count, the lengths of all texts, the texts; each length counts itself too.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = little)]
struct Texts {
    #[wire(before(n: u8 = count(texts)), before(lengths: [u16] = sizes(texts) + 2))]
    kind: u8,
    #[wire(each(as = Ascii))]
    texts: Vec<TextBuf>,
}

#[test]
fn lengths_stand_before_all_elements() {
    let texts = Texts { kind: 9, texts: vec!["abc".into(), "".into(), "de".into()] };
    let bytes = [3, 5, 0, 2, 0, 4, 0, 9, b'a', b'b', b'c', b'd', b'e'];
    both(&bytes, texts);
    both(&[0, 9], Texts { kind: 9, texts: Vec::new() });
    // A length below what it counts itself; one beyond the end.
    assert_eq!(refused::<Texts>(&[1, 1, 0, 9]), (ErrorKind::Length, 1, "lengths"));
    assert_eq!(refused::<Texts>(&[2, 2, 0, 4, 0, 9, 1]), (ErrorKind::Short, 6, "texts"));
    assert_eq!(refused::<Texts>(&[255, 2, 0, 9]), (ErrorKind::Short, 1, "lengths"));
    let stream = [&bytes[..], &[0, 9], &bytes].concat();
    assert_eq!(same_however_cut::<Texts>(&stream).len(), 3);
    assert_eq!(round_trip::<Texts>(&stream), 3);
    let error = to_bytes(&Texts { kind: 9, texts: vec!["a".repeat(70_000).as_str().into()] }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "lengths"));
}

/// The counts of four groups, then their elements.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(endian = big)]
struct Groups {
    #[wire(before(counts: [u8] = counts(groups)))]
    groups: [Vec<u16>; 4],
    #[wire(before(check: u8 = xor(..)))]
    end: u8,
}

/// Elements that are declared types, and lists of those.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Nested<'a> {
    #[wire(before(n: u8 = count(lists)), before(counts: [u8] = counts(lists)))]
    lists: Vec<List<'a, Pair>>,
    #[wire(before(sizes: [u16] = sizes(blocks)), count = 2)]
    blocks: Vec<Block>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Pair(u8, u8);

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Block {
    kind: u8,
    #[wire(rest)]
    data: Vec<u8>,
}

#[test]
fn counts_stand_before_all_groups() {
    let groups = Groups { groups: [vec![1, 2], vec![], vec![3], vec![]], end: 7 };
    let bytes = [2, 0, 1, 0, 0, 1, 0, 2, 0, 3, 3, 7];
    both(&bytes, groups);
    let stream = [bytes, bytes].concat();
    assert_eq!(same_however_cut::<Groups>(&stream).len(), 2);
    assert_eq!(round_trip::<Groups>(&stream), 2);
    let nested = [2, 1, 2, 1, 1, 2, 2, 3, 3, 0, 1, 0, 3, 8, 9, 1, 2];
    let value = read::<Nested<'_>>(&nested).unwrap();
    assert_eq!(value.lists[1].iter().last(), Some(Pair(3, 3)));
    assert_eq!(value.blocks, [Block { kind: 8, data: vec![] }, Block { kind: 9, data: vec![1, 2] }]);
    assert_eq!(write(&value).unwrap(), nested);
    for len in 0..nested.len() {
        assert!(read::<Nested<'_>>(&nested[..len]).is_err());
    }
    // A block has its kind at least.
    let mut short = nested;
    short[10] = 0;
    assert_eq!(refused::<Nested<'_>>(&short).0, ErrorKind::Short);
}

#[test]
fn random_rows_hold() {
    let mut random = Random::new(5);
    for _ in 0..200 {
        let value: Texts = random.make();
        both(&write(&value).unwrap(), value);
        let value: Groups = random.make();
        both(&write(&value).unwrap(), value);
    }
}

/// One of a count and a size decides, the other is verified; both are written.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Both {
    #[wire(before(size: u16 = size(items)), before(n: u8 = count(items)))]
    items: Vec<Item>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Item {
    #[wire(size = prefix(u8))]
    data: Vec<u8>,
}

#[test]
fn a_count_and_a_size_agree() {
    let items = Both { items: vec![Item { data: vec![7] }, Item { data: vec![] }] };
    both(&[0, 3, 2, 1, 7, 0], items);
    assert_eq!(refused::<Both>(&[0, 3, 1, 1, 7, 0]), (ErrorKind::Relation, 2, "n"));
    assert_eq!(refused::<Both>(&[0, 2, 2, 1, 7, 0]), (ErrorKind::Relation, 2, "n"));
}
