//! Elements that know their number.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(feature = "derive")]

mod framing;

use exproto_runtime::codec::{ErrorKind, Random, encode, from_bytes, to_bytes, to_json};
use exproto_runtime::prelude::*;
use framing::{Got, same_however_cut};

/// Values of consecutive addresses.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
pub struct Values {
    pub first: u16,
    #[wire(count = prefix(u8), ctx(address = first + index as u16))]
    pub registers: Vec<Register>,
    #[wire(ctx(address = index as u16))]
    pub pair: [Register; 2],
    /// The second is as wide as its number says.
    #[wire(count = 3, each(size = index + 1))]
    pub widths: Vec<u32>,
    #[wire(rest, ctx(address = 100 + index as u16))]
    pub rest: Vec<Register>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, ctx(address: u16))]
pub struct Register {
    #[wire(skip, default = address)]
    pub address: u16,
    pub value: u16,
}

#[test]
fn the_number_of_an_element_gives_its_address() {
    let bytes = [0, 40, 2, 0, 1, 0, 2, 0, 7, 0, 8, 1, 0, 2, 0, 0, 3, 0, 9, 0, 10];
    let values = from_bytes::<Values>(&bytes).unwrap().frame;
    let addresses = |list: &[Register]| list.iter().map(|one| one.address).collect::<Vec<_>>();
    assert_eq!(addresses(&values.registers), [40, 41]);
    assert_eq!(addresses(&values.pair), [0, 1]);
    assert_eq!(values.widths, [1, 2, 3]);
    assert_eq!(addresses(&values.rest), [100, 101]);
    assert_eq!(to_bytes(&values).unwrap(), bytes);
    let mut json = Vec::new();
    to_json(&values.registers[1], &mut json);
    assert_eq!(json, br#"{"address":41,"value":2}"#);
}

#[test]
fn random_values_are_read_again() {
    for seed in 0..100 {
        let values: Values = Random::new(seed).make();
        let bytes = to_bytes(&values).unwrap();
        assert_eq!(from_bytes::<Values>(&bytes).unwrap().frame, values, "seed {seed}");
    }
}

/// Blocks of growing size, in a frame without a length: the first is empty.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 200)]
#[wire(before(b"#"))]
pub struct Blocks {
    pub step: u8,
    #[wire(count = prefix(u8), ctx(number = index, step))]
    pub blocks: Vec<Block>,
    #[wire(count = prefix(u8), each(size = index * 2 + step as usize))]
    pub more: Vec<Vec<u8>>,
    #[wire(after(b";"))]
    pub end: u8,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(ctx(number: usize, step: u8))]
pub struct Block {
    #[wire(size = number * step as usize)]
    pub data: Vec<u8>,
    #[wire(if = number == 1)]
    pub odd: Option<u8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 200)]
#[wire(before(b"#"), endian = big)]
pub struct Many {
    #[wire(count = prefix(u32), each(size = index / 1000))]
    pub blocks: Vec<Vec<u8>>,
}

#[test]
fn the_walk_counts_elements_however_they_come() {
    let frame = Blocks {
        step: 2,
        blocks: vec![
            Block { data: vec![], odd: None },
            Block { data: vec![1, 2], odd: Some(9) },
            Block { data: vec![3; 4], odd: None },
        ],
        more: vec![vec![1; 2], vec![2; 4]],
        end: 5,
    };
    let mut stream = Vec::new();
    encode::<Blocks>(&frame, &mut stream).unwrap();
    let one = stream.clone();
    assert_eq!(from_bytes::<Blocks>(&one).unwrap().frame, frame);
    stream.extend(&one);
    let got = same_however_cut::<Blocks>(&stream);
    assert_eq!(got, vec![Got::Frame(0, one.clone(), one.clone()); 2]);
    // Any count of elements without bytes is refused before it costs much.
    let got = same_however_cut::<Many>(&[b'#', 0xFF, 0xFF, 0xFF, 0xFF, b'#', 0, 0, 0, 0]);
    assert!(matches!(&got[..], [Got::Bad(ErrorKind::TooLong, bytes, _), Got::Frame(..)] if bytes.len() == 5));
}

/// All tags first, then a value of each.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 200)]
#[wire(before(b"#"), before(length: u8 = size(tags..)))]
pub struct Columns {
    #[wire(before(n: u8 = count(tags)))]
    pub tags: Vec<u8>,
    #[wire(count = n, ctx(tag = tags[index]))]
    pub values: Vec<Value>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, ctx(tag: u8))]
pub enum Value {
    #[wire(when = tag == 1)]
    Voltage(u16),
    #[wire(when = tag == 2)]
    Name(#[wire(size = prefix(u8))] Vec<u8>),
    Flag(u8),
}

#[test]
fn values_stand_behind_all_their_tags() {
    let bytes = [b'#', 8, 3, 2, 1, 9, 1, b'a', 0, 5, 7];
    let frame = from_bytes::<Columns>(&bytes).unwrap().frame;
    assert_eq!(frame.values, [Value::Name(b"a".to_vec()), Value::Voltage(5), Value::Flag(7)]);
    assert_eq!(to_bytes(&frame).unwrap(), bytes);
    let got = same_however_cut::<Columns>(&bytes);
    assert_eq!(got, [Got::Frame(0, bytes.to_vec(), bytes.to_vec())]);
}
