//! Lists and arrays of numbers, codec values and parts.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used)]

use exproto_runtime::codec::{ErrorKind, FieldInfo, Fill, Node, Random, from_bytes, to_bytes, to_json};
use exproto_runtime::prelude::*;

static AT: FieldInfo = FieldInfo::new("", "value");

const PHASES: usize = 3;

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Cell {
    number: u8,
    voltage: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Meter {
    kind: u8,
    #[wire(scale = 0.1)]
    voltages: [u16; 3],
    #[wire(each(as = u24), endian = little)]
    counters: [u32; PHASES],
    cells: [Cell; 2],
    #[wire(each(size = 2))]
    codes: [Bcd<2>; 2],
    #[wire(each(size = prefix(u8), as = Ascii))]
    names: [TextBuf; 2],
    grid: [[u16; 2]; 2],
    #[wire(if = kind > 1)]
    more: Option<[i16; 2]>,
}

const WIRE: &[u8] = &[
    2, 0x08, 0xFC, 0x08, 0xFD, 0x08, 0xFE, // kind, voltages
    1, 0, 0, 2, 0, 0, 3, 0, 1, // counters
    7, 0, 1, 8, 0, 2, // cells
    0x12, 0x34, 0x56, 0x78, // codes
    1, b'a', 2, b'b', b'c', // names
    0, 1, 0, 2, 0, 3, 0, 4, // grid
    0xFF, 0xFF, 0, 5, // more
];

#[test]
fn arrays_hold_numbers_codec_values_and_parts() {
    let meter = from_bytes::<Meter>(WIRE).unwrap().frame;
    assert_eq!(meter.voltages, [2300, 2301, 2302]);
    assert_eq!(meter.counters, [1, 2, 0x01_0003]);
    assert_eq!(meter.cells, [Cell { number: 7, voltage: 1 }, Cell { number: 8, voltage: 2 }]);
    assert_eq!(meter.names, [TextBuf::from("a"), TextBuf::from("bc")]);
    assert_eq!(meter.grid, [[1, 2], [3, 4]]);
    assert_eq!(meter.more, Some([-1, 5]));
    assert_eq!(to_bytes(&meter).unwrap(), WIRE);

    let mut json = Vec::new();
    to_json(&meter, &mut json);
    assert_eq!(
        String::from_utf8_lossy(&json),
        concat!(
            r#"{"kind":2,"voltages":[230,230.1,230.2],"counters":[1,2,65539],"#,
            r#""cells":[{"number":7,"voltage":1},{"number":8,"voltage":2}],"codes":["1234","5678"],"#,
            r#""names":["a","bc"],"grid":[[1,2],[3,4]],"more":[-1,5]}"#
        )
    );
    let node = Node::parse(&json).unwrap();
    assert_eq!(Meter::fill(Some(&node), &AT).unwrap(), meter);
}

#[test]
fn arrays_that_are_cut_off_are_short() {
    for cut in 0..WIRE.len() {
        let error = from_bytes::<Meter>(&WIRE[..cut]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Short, "{cut}: {error}");
    }
}

#[test]
fn made_up_arrays_encode_and_come_back() {
    let mut random = Random::new(7);
    for _ in 0..200 {
        let meter: Meter = random.make();
        let bytes = to_bytes(&meter).unwrap();
        assert_eq!(from_bytes::<Meter>(&bytes).unwrap().frame, meter);
    }
}

#[test]
fn json_with_another_number_of_elements_is_refused() {
    #[derive(ExProtoFrame, Debug)]
    #[wire(endian = big)]
    struct Three {
        a: [u16; 3],
    }
    let node = Node::parse(br#"{"a":[1,2]}"#).unwrap();
    let error = Three::fill(Some(&node), &AT).unwrap_err();
    assert_eq!(error.to_string(), "a: exactly 3 are needed here, not 2");
}

/// Arrays of constant size take part in finding the end of a frame.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = big, before(b"\xAA"))]
struct Sized<'a> {
    cells: [Cell; 2],
    #[wire(before(length: u8 = size(data)))]
    data: &'a [u8],
}

#[test]
fn a_length_may_stand_behind_arrays() {
    use exproto_runtime::codec::{Deframer, Item, encode};
    let frame =
        Sized { cells: [Cell { number: 1, voltage: 2 }, Cell { number: 3, voltage: 4 }], data: b"xy" };
    let mut wire = Vec::new();
    encode::<Sized<'_>>(&frame, &mut wire).unwrap();
    assert_eq!(wire, [0xAA, 1, 0, 2, 3, 0, 4, 2, b'x', b'y']);
    for split in 0..wire.len() {
        let (mut deframer, mut scratch) = (Deframer::<Sized<'_>>::new(), Vec::new());
        let (mut head, mut tail) = wire.split_at(split);
        assert!(deframer.next(&mut head, &mut scratch).is_none());
        let Some(Item::Frame(raw)) = deframer.next(&mut tail, &mut scratch) else { panic!("{split}") };
        assert_eq!(raw.decode::<Sized<'_>>().unwrap().frame, frame);
    }
}
