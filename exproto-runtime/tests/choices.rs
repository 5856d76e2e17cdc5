//! Variants told apart by trying them, and by a tag together with a condition.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod derived;
mod framing;

use derived::{both, flagged, read, refused, write};
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{ErrorKind, Flag, Random, from_bytes, to_bytes};
use framing::{round_trip, same_however_cut};

/// Makers that reuse a message with layouts of their own.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, try, ctx(old: bool))]
enum Report {
    /// Told by a constant.
    Marked {
        #[wire(before(b"\x5A"))]
        value: u16,
    },
    /// Told by its size and a range.
    Dated {
        year: u16,
        #[wire(range = 1..=12)]
        month: u8,
    },
    /// Told by a checksum.
    Checked {
        #[wire(after(sum: u8 = xor(data)))]
        #[wire(size = prefix(u8))]
        data: Vec<u8>,
    },
    #[wire(when = old)]
    Old(#[wire(size = 3)] Vec<u8>),
    Raw(#[wire(rest)] Vec<u8>),
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
struct Message {
    old: u8,
    #[wire(before(length: u8 = size(report)), ctx(old = old == 1))]
    report: Report,
}

#[test]
fn the_first_variant_that_fits_is_taken() {
    let of = |old, report| Message { old, report };
    both(&[0, 3, 0x5A, 1, 2], of(0, Report::Marked { value: 0x0102 }));
    both(&[0, 3, 7, 232, 12], of(0, Report::Dated { year: 2024, month: 12 }));
    both(&[0, 4, 2, 8, 1, 2 ^ 8 ^ 1], of(0, Report::Checked { data: vec![8, 1] }));
    both(&[0, 4, 2, 8, 1, 8], of(0, Report::Raw(vec![2, 8, 1, 8])));
    both(&[0, 2, 9, 9], of(0, Report::Raw(vec![9, 9])));
    // What is odd in one variant is not in another.
    both(&[1, 3, 7, 232, 13], of(1, Report::Old(vec![7, 232, 13])));
    both(&[0, 3, 7, 232, 13], of(0, Report::Raw(vec![7, 232, 13])));
    both(&[0, 0], of(0, Report::Raw(vec![])));
    let stream = [&[0, 3, 0x5A, 1, 2][..], &[0, 4, 2, 8, 1, 9], &[1, 0]].concat();
    assert_eq!(same_however_cut::<Message>(&stream).len(), 3);
    assert_eq!(round_trip::<Message>(&stream), 3);
}

/// Without a last one that takes everything.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, try)]
enum Strict {
    Dated {
        #[wire(range = 2000..=2100)]
        year: u16,
        #[wire(range = 1..=12)]
        month: u8,
    },
    Long {
        #[wire(range = 0..=100)]
        a: u8,
        b: u32,
    },
    Longer {
        #[wire(before(b"\x01\x02"))]
        b: u32,
    },
}

#[test]
fn what_is_odd_is_taken_only_if_nothing_else_fits() {
    let (value, flags) = flagged::<Strict>(&[7, 232, 13]).unwrap();
    assert_eq!((value.clone(), flags), (Strict::Dated { year: 2024, month: 13 }, vec![Flag::Range]));
    assert_eq!(to_bytes(&value).unwrap(), [7, 232, 13]);
    // The one that came furthest says what is wrong.
    assert_eq!(refused::<Strict>(&[1, 2, 0, 0]), (ErrorKind::Trailing, 3, "dated"));
    assert_eq!(refused::<Strict>(&[1]), (ErrorKind::Short, 1, "b"));
    let mut random = Random::new(4);
    let mut kinds = [0; 3];
    for _ in 0..200 {
        let value: Strict = random.make();
        kinds[match value {
            Strict::Dated { .. } => 0,
            Strict::Long { .. } => 1,
            Strict::Longer { .. } => 2,
        }] += 1;
        let bytes = write(&value).unwrap();
        assert_eq!(read::<Strict>(&bytes).unwrap(), value);
    }
    assert!(kinds.iter().all(|kind| *kind > 20), "{kinds:?}");
}

/// A tag that the version gives another layout.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 64)]
struct Versioned {
    version: u8,
    #[wire(ctx(version))]
    body: Body,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big, ctx(version: u8))]
enum Body {
    #[wire(tag = 1, when = version >= 3)]
    StatusV3 { value: u32, quality: u8 },
    #[wire(tag = 1, when = version == 2)]
    StatusV2 { value: u32 },
    #[wire(tag = 1)]
    Status { value: u16 },
    #[wire(tag = 2, when = version > 1)]
    Ping,
    #[wire(other)]
    Other {
        #[wire(tag)]
        tag: u8,
        #[wire(size = prefix(u8))]
        data: Vec<u8>,
    },
}

#[test]
fn a_condition_decides_between_variants_of_a_tag() {
    both(&[1, 1, 0, 5], Versioned { version: 1, body: Body::Status { value: 5 } });
    both(&[2, 1, 0, 0, 0, 5], Versioned { version: 2, body: Body::StatusV2 { value: 5 } });
    both(&[4, 1, 0, 0, 0, 5, 9], Versioned { version: 4, body: Body::StatusV3 { value: 5, quality: 9 } });
    both(&[2, 2], Versioned { version: 2, body: Body::Ping });
    both(&[1, 2, 1, 7], Versioned { version: 1, body: Body::Other { tag: 2, data: vec![7] } });
    let stream = [&[1, 1, 0, 5][..], &[4, 1, 0, 0, 0, 5, 9], &[2, 2], &[1, 2, 1, 7]].concat();
    assert_eq!(same_however_cut::<Versioned>(&stream).len(), 4);
    assert_eq!(round_trip::<Versioned>(&stream), 4);
    let mut random = Random::new(9);
    for _ in 0..300 {
        let value: Versioned = random.make();
        both(&write(&value).unwrap(), value);
    }
    assert!(from_bytes::<Versioned>(&[3, 1, 0, 0, 0, 5]).is_err());
}
