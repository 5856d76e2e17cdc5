//! Expressions of the user over what a device sent: they always have a result,
//! or the field has an error.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{ErrorKind, Random, from_bytes, to_bytes};

const WIDTHS: [usize; 3] = [1, 2, 4];

/// The values of a device are of the width that a table says, and the lengths
/// of its texts stand before the texts.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Table {
    kind: u8,
    #[wire(size = WIDTHS[kind as usize])]
    value: Vec<u8>,
    #[wire(count = prefix(u8))]
    lengths: Vec<u8>,
    #[wire(size = lengths[0])]
    first: Vec<u8>,
    #[wire(if = lengths[lengths.len() - 1] > 3)]
    last: Option<u8>,
    #[wire(ctx(two = (lengths[..2][1], { let n = kind - 1; n })))]
    inner: Inner,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(ctx(two: (u8, u8)))]
struct Inner {
    #[wire(size = two.0 - 2)]
    bytes: Vec<u8>,
}

#[test]
fn an_element_that_is_not_there_is_an_error_of_the_field() {
    let bytes = [1, 7, 8, 2, 1, 4, 9, 5, 1, 2];
    let table = from_bytes::<Table>(&bytes).unwrap().frame;
    assert_eq!((&table.first[..], table.last, &table.inner.bytes[..]), (&[9][..], Some(5), &[1, 2][..]));
    assert_eq!(to_bytes(&table).unwrap(), bytes);

    let failed = |bytes: &[u8]| {
        let error = from_bytes::<Table>(bytes).unwrap_err();
        (error.kind(), error.field().name)
    };
    assert_eq!(failed(&[3, 7, 8, 2, 1, 4, 9, 5, 1, 2]), (ErrorKind::Relation, "value"));
    assert_eq!(failed(&[0, 7, 0]), (ErrorKind::Relation, "first"));
    assert_eq!(failed(&[0, 7, 1, 0]), (ErrorKind::Relation, "inner"));
    // `kind - 1` and `two.0 - 2` of 0 are no reason to stop.
    assert_eq!(failed(&[0, 7, 2, 0, 4, 5]), (ErrorKind::Short, "bytes"));

    let unknown = Table { kind: 200, ..table };
    let error = to_bytes(&unknown).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Relation, "value"));
}

#[test]
fn no_bytes_and_no_random_value_stop_the_program() {
    let mut random = Random::new(7);
    for _ in 0..500 {
        let _: Table = random.make();
        let bytes: Vec<u8> = (0..random.within(0..=12_usize)).map(|_| random.within(0..=9_u8)).collect();
        let _ = from_bytes::<Table>(&bytes);
    }
}
