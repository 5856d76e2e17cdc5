//! Lists and arrays of numbers, codec values and parts.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used)]

use exproto_runtime::codec::{
    BerLength, Charset, Codec, Error, ErrorKind, FieldInfo, Fill, Leb128, Node, Random, Reader, Writer,
    from_bytes, to_bytes, to_json,
};
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

/// A byte, or 0xFF and two bytes.
struct OneOrThree;

impl Codec<'_, u64> for OneOrThree {
    const DELIMITED: bool = true;

    fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<u64, Error> {
        match r.run::<1>(at)?[0] {
            0xFF => Ok(u64::from(u16::from_be_bytes(*r.run(at)?))),
            small => Ok(u64::from(small)),
        }
    }

    fn encode(&self, value: &u64, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
        match (u8::try_from(*value), u16::try_from(*value)) {
            (Ok(small), _) if small < 0xFF => w.bytes(&[small]),
            (_, Ok(large)) => {
                w.bytes(&[0xFF]);
                w.bytes(&large.to_be_bytes());
            }
            _ => return Err(w.error(ErrorKind::Overflow, w.here(), at)),
        }
        Ok(())
    }
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Prefixed<'a> {
    #[wire(size = prefix(Leb128))]
    data: &'a [u8],
    #[wire(size = prefix(OneOrThree), as = Ascii)]
    name: Text<'a>,
    #[wire(count = prefix(BerLength), max = 300)]
    values: Vec<u16>,
    #[wire(count = prefix(Leb128), each(size = prefix(BerLength)))]
    blobs: Vec<Vec<u8>>,
    #[wire(size = prefix(BerLength))]
    nested: Option2,
    after: u8,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Option2 {
    #[wire(before(check: u8 = sum(text)), size = prefix(Leb128))]
    text: Vec<u8>,
}

#[test]
fn prefixes_may_have_a_width_of_their_own() {
    for size in [0_usize, 1, 127, 128, 254, 255, 300] {
        let long = vec![b'x'; size];
        let frame = Prefixed {
            data: &long,
            name: Text::new(&long, Charset::Ascii),
            values: vec![7; size],
            blobs: vec![long.clone(), Vec::new()],
            nested: Option2 { text: long.clone() },
            after: 9,
        };
        let bytes = to_bytes(&frame).unwrap();
        let received = from_bytes::<Prefixed<'_>>(&bytes).unwrap();
        assert_eq!(received.frame, frame);
        assert!(received.flags.is_empty());
        for cut in 0..bytes.len() {
            assert_eq!(from_bytes::<Prefixed<'_>>(&bytes[..cut]).unwrap_err().kind(), ErrorKind::Short);
        }
    }
    let small = Prefixed {
        data: b"ab",
        name: "c".into(),
        values: vec![1],
        blobs: vec![vec![5]],
        nested: Option2 { text: vec![6] },
        after: 9,
    };
    // The sum covers the prefix of `text`, 1, and its byte, 6.
    let bytes = [2, b'a', b'b', 1, b'c', 1, 0, 1, 1, 1, 5, 3, 7, 1, 6, 9];
    assert_eq!(to_bytes(&small).unwrap(), bytes);
}

#[test]
fn a_count_before_nothing_allocates_nothing() {
    // Four thousand million blobs in no bytes.
    let bytes = [0, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F];
    assert_eq!(from_bytes::<Prefixed<'_>>(&bytes).unwrap_err().kind(), ErrorKind::Short);
    let bytes = [0, 0, 0x84, 0xFF, 0xFF, 0xFF, 0xFF];
    assert_eq!(from_bytes::<Prefixed<'_>>(&bytes).unwrap_err().kind(), ErrorKind::TooLong);
    // A longer form than needed is read and flagged.
    let bytes = [0x80, 0x00, 0, 0, 0, 2, 0, 0, 9];
    assert!(!from_bytes::<Prefixed<'_>>(&bytes).unwrap().flags.is_empty());
}

#[test]
fn made_up_prefixes_encode_and_come_back() {
    #[derive(ExProtoFrame, Debug, PartialEq)]
    struct Owned {
        #[wire(size = prefix(BerLength))]
        data: Vec<u8>,
        #[wire(count = prefix(Leb128))]
        cells: Vec<Cell>,
    }
    let mut random = Random::new(3);
    for _ in 0..200 {
        let owned: Owned = random.make();
        let bytes = to_bytes(&owned).unwrap();
        assert_eq!(from_bytes::<Owned>(&bytes).unwrap().frame, owned);
        let mut json = Vec::new();
        to_json(&owned, &mut json);
        assert_eq!(Owned::fill(Some(&Node::parse(&json).unwrap()), &AT).unwrap(), owned);
    }
}
