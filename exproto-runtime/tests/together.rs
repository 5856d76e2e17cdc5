//! What stands before and after a field that may be absent is there with it, or
//! not at all; and what is computed may be absent.
#![cfg(feature = "derive")]
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod derived;
mod framing;

use derived::{place, samples};
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Crc, CrcParams, ErrorKind, Flag, from_bytes, to_bytes};
use framing::{Got, feed};

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Marked {
    id: u8,
    #[wire(if = id > 3, before(mark: u8 = 0xAA), after(_: u8, fill = 0xFF))]
    c: Option<u16>,
    #[wire(before(_: bits(7)), before(has: bits(1) = present(name)))]
    #[wire(before(n: u8 = size(name) + 1), after(check: u8 = xor(n..=name)))]
    name: Option<Vec<u8>>,
    #[wire(if = id > 4, default = -1, before(b"\xB0"), before(neg: u8 = sign(level)), as = u16)]
    level: i32,
    end: u8,
}

#[test]
fn items_belong_to_their_field() {
    let all = Marked { id: 5, c: Some(1), name: Some(vec![7, 8]), level: -3, end: 9 };
    let bytes = [5, 0xAA, 0, 1, 0xFF, 1, 3, 7, 8, 3 ^ 7 ^ 8, 0xB0, 1, 0, 3, 9];
    assert_eq!(to_bytes(&all).unwrap(), bytes);
    assert_eq!(from_bytes::<Marked>(&bytes).unwrap().frame, all);
    let none = Marked { id: 3, c: None, name: None, level: -1, end: 9 };
    assert_eq!(to_bytes(&none).unwrap(), [3, 0, 9]);
    assert_eq!(from_bytes::<Marked>(&[3, 0, 9]).unwrap().frame, none);
    let error = from_bytes::<Marked>(&[4, 0xAB, 0, 1, 0xFF, 0, 9]).unwrap_err();
    assert_eq!((place(&error), error.offset()), ((ErrorKind::Constant, "mark"), 1));
    let odd = from_bytes::<Marked>(&[4, 0xAA, 0, 1, 0xFE, 0, 9]).unwrap();
    assert!(odd.flags.has(Flag::Reserved));
    let mut wrong = bytes;
    wrong[9] ^= 1;
    assert_eq!(place(&from_bytes::<Marked>(&wrong).unwrap_err()), (ErrorKind::Checksum, "check"));
    let wrong = Marked { c: Some(1), ..none };
    assert_eq!(place(&to_bytes(&wrong).unwrap_err()), (ErrorKind::Relation, "c"));
    let wrong = Marked { c: None, level: 2, ..wrong };
    assert_eq!(place(&to_bytes(&wrong).unwrap_err()), (ErrorKind::Relation, "level"));
    samples::<Marked>(1);
}

/// A length counts what is there, from before and from behind.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Counted {
    #[wire(before(length: u8 = size(kind..=tail)))]
    kind: u8,
    #[wire(if = kind == 1, before(mark: u16 = 7), after(_: align(4)))]
    extra: Option<u8>,
    tail: Vec<u8>,
    #[wire(after(all: u8 = size(..=extra) + 1))]
    end: u8,
}

#[test]
fn lengths_count_what_is_there() {
    let with = Counted { kind: 1, extra: Some(2), tail: vec![3], end: 4 };
    let bytes = [8, 1, 0, 7, 2, 0, 0, 0, 3, 4, 6];
    assert_eq!(to_bytes(&with).unwrap(), bytes);
    assert_eq!(from_bytes::<Counted>(&bytes).unwrap().frame, with);
    let without = Counted { kind: 0, extra: None, ..with };
    assert_eq!(to_bytes(&without).unwrap(), [2, 0, 3, 4, 3]);
    assert_eq!(from_bytes::<Counted>(&[2, 0, 3, 4, 3]).unwrap().frame, without);
    samples::<Counted>(2);
}

/// No data, no checksum.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 300)]
#[wire(endian = big, before(b"\x7E"))]
struct Packet {
    #[wire(before(length: u16 = size(data)))]
    number: u8,
    #[wire(after(head: u8 = sum(length..=number)))]
    data: Vec<u8>,
    #[wire(if = length > 0, is = crc("CRC-16/MODBUS", data))]
    check: Option<u16>,
}

#[test]
fn a_checksum_may_be_absent() {
    let full = Packet { number: 1, data: vec![0, 3], check: None };
    let bytes = to_bytes(&full).unwrap();
    let (crc, front) = (&bytes[7..], &bytes[..7]);
    assert_eq!((front, crc.len()), (&[0x7E, 0, 2, 1, 0, 3, 3][..], 2));
    let read = from_bytes::<Packet>(&bytes).unwrap().frame;
    assert_eq!(read.check, Some(u16::from_be_bytes([crc[0], crc[1]])));
    assert_eq!(to_bytes(&read).unwrap(), bytes);
    let mut wrong = bytes.clone();
    wrong[8] ^= 1;
    assert_eq!(place(&from_bytes::<Packet>(&wrong).unwrap_err()), (ErrorKind::Checksum, "check"));
    let empty = to_bytes(&Packet { number: 2, data: vec![], check: Some(5) }).unwrap();
    assert_eq!(empty, [0x7E, 0, 0, 2, 2]);
    assert_eq!(from_bytes::<Packet>(&empty).unwrap().frame.check, None);

    let stream: Vec<u8> = [&bytes[..], &empty, &bytes].concat();
    for at in 0..=stream.len() {
        let (got, _) = feed::<Packet>(&[&stream[..at], &stream[at..]], false);
        let found: Vec<Vec<u8>> = got
            .into_iter()
            .map(|got| match got {
                Got::Frame(_, wire, _) => wire,
                Got::Bad(..) => panic!("{got:?}"),
            })
            .collect();
        assert_eq!(found, [&bytes[..], &empty, &bytes], "split at {at}");
    }
}

/// The end is looked for where items are there only with their field.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 300)]
#[wire(endian = big, before(b"\x7E"))]
struct Walked {
    #[wire(before(_: bits(7)), before(has: bits(1) = present(name)))]
    #[wire(before(mark: u8 = 0xAA), before(n: u8 = size(name)), after(b"\xBB"))]
    name: Option<Vec<u8>>,
    kind: u8,
    #[wire(if = kind > 1, before(_: bits(4)), before(four: bits(4) = 4), before(k: u8 = count(list)))]
    list: Option<Vec<u8>>,
    #[wire(count = prefix(u8))]
    more: Vec<u8>,
}

#[test]
fn the_search_steps_over_what_is_absent() {
    let full = Walked { name: Some(vec![1, 2]), kind: 2, list: Some(vec![5]), more: vec![6] };
    let bytes = to_bytes(&full).unwrap();
    assert_eq!(bytes, [0x7E, 1, 0xAA, 2, 1, 2, 0xBB, 2, 4, 1, 5, 1, 6]);
    let empty = to_bytes(&Walked { name: None, kind: 1, list: None, more: vec![] }).unwrap();
    assert_eq!(empty, [0x7E, 0, 1, 0]);
    let stream: Vec<u8> = [&bytes[..], &empty, &bytes].concat();
    for at in 0..=stream.len() {
        let (got, _) = feed::<Walked>(&[&stream[..at], &stream[at..]], false);
        assert_eq!(got.len(), 3, "split at {at}: {got:?}");
        assert!(got.iter().all(|got| matches!(got, Got::Frame(..))), "split at {at}: {got:?}");
    }
    samples::<Walked>(3);
}

/// Parts of a value that may be absent.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Parts {
    #[wire(before(has: bits(1) = present(altitude)), before(below: bits(1) = sign(altitude)))]
    #[wire(before(high: bits(2) = bits(odometer, 8)), bits = 4)]
    fix: u8,
    #[wire(as = u16, range = -1000..=9000)]
    altitude: Option<i32>,
    #[wire(if = fix > 3, as = u8)]
    odometer: Option<u16>,
}

#[test]
fn parts_of_what_may_be_absent() {
    let full = Parts { fix: 5, altitude: Some(-2), odometer: Some(0x301) };
    assert_eq!(to_bytes(&full).unwrap(), [0xF5, 0, 2, 1]);
    assert_eq!(from_bytes::<Parts>(&[0xF5, 0, 2, 1]).unwrap().frame, full);
    let none = Parts { fix: 0, altitude: None, odometer: None };
    assert_eq!(to_bytes(&none).unwrap(), [0]);
    assert_eq!(from_bytes::<Parts>(&[0]).unwrap().frame, none);
    let odd = from_bytes::<Parts>(&[0x40]).unwrap();
    assert_eq!(odd.frame, none);
    assert!(odd.flags.has(Flag::Reserved));
    samples::<Parts>(4);
}

/// A checksum of the header, only where more follows, which the length before it
/// counts: it is known when all that is written.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 300)]
#[wire(endian = little, before(b"\xA8"))]
struct Linked {
    #[wire(before(length: u16 = size(length..=fcs)))]
    #[wire(until = |byte| byte.last)]
    address: Vec<Address>,
    #[wire(if = length as usize > 4 + address.len(), before(mark: u8 = 0x11))]
    #[wire(is = crc("CRC-16/MODBUS", length..=mark))]
    hcs: Option<u16>,
    #[wire(rest)]
    data: Vec<u8>,
    #[wire(is = sum(length..=data))]
    fcs: u16,
    #[wire(is = crc("CRC-16/MODBUS", length..=fcs))]
    all: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u8, endian = big)]
struct Address {
    #[wire(bits = 7)]
    value: u8,
    #[wire(bits = 1)]
    last: bool,
}

#[test]
fn a_checksum_that_may_be_absent_covers_a_length_that_is_known_late() {
    static CRC: Crc<u32> = Crc::<u32>::new(CrcParams {
        width: 16,
        poly: 0x8005,
        init: 0xFFFF,
        refin: true,
        refout: true,
        xorout: 0,
    });
    let address = || vec![Address { value: 1, last: false }, Address { value: 2, last: true }];
    for data in [vec![], vec![7], vec![1, 2, 3]] {
        // What the fields hold does not count.
        let hcs = (!data.is_empty()).then_some(0xDEAD);
        let bytes =
            to_bytes(&Linked { address: address(), hcs, data: data.clone(), fcs: 9, all: 9 }).unwrap();
        let mut want = vec![0xA8, 0, 0, 2, 5];
        want[1] = (6 + data.len() + 3 * usize::from(hcs.is_some())) as u8;
        if hcs.is_some() {
            want.push(0x11);
            let crc = CRC.compute(&want[1..]) as u16;
            want.extend(crc.to_le_bytes());
        }
        want.extend(&data);
        let fcs: u16 = want[1..].iter().map(|byte| u16::from(*byte)).sum();
        want.extend(fcs.to_le_bytes());
        let crc = CRC.compute(&want[1..]) as u16;
        want.extend(crc.to_le_bytes());
        assert_eq!(bytes, want);
        let read = from_bytes::<Linked>(&bytes).unwrap();
        assert!(read.flags.is_empty() && read.frame.hcs.is_some() == hcs.is_some());
        assert_eq!(to_bytes(&read.frame).unwrap(), bytes);
    }
    let mut bytes =
        to_bytes(&Linked { address: address(), hcs: Some(0), data: vec![7], fcs: 0, all: 0 }).unwrap();
    bytes[6] ^= 1;
    assert_eq!(place(&from_bytes::<Linked>(&bytes).unwrap_err()), (ErrorKind::Checksum, "hcs"));
}

/// The same with a flag, and with a checksum in as many digits as it needs, that a
/// function makes of what belongs to it.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Late {
    #[wire(before(length: dec(3) = size(data)), before(has: u8 = present(check)), as = dec(2))]
    kind: u8,
    #[wire(is = xor(length..=kind))]
    check: Option<u8>,
    #[wire(if = kind > 9, before(mark: u8 = 3), as = dec, until = b";")]
    #[wire(is = fn(weighted, length..=mark, kind))]
    sum: Option<u64>,
    data: Vec<u8>,
    #[wire(is = xor(length..=data))]
    end: u8,
}

fn weighted(bytes: &[u8], weight: u8) -> u64 {
    bytes.iter().map(|byte| u64::from(*byte)).sum::<u64>() * u64::from(weight)
}

#[test]
fn what_is_known_late_may_be_absent_in_any_form() {
    let none = Late { kind: 7, check: None, sum: None, data: vec![1, 2], end: 0 };
    assert_eq!(to_bytes(&none).unwrap(), *b"002\x0007\x01\x02\x36");
    let all = Late { kind: 10, check: Some(0), sum: None, data: vec![1], end: 0 };
    let bytes = to_bytes(&all).unwrap();
    let sum = 10 * (0x30 + 0x30 + 0x31 + 1 + 0x31 + 0x30 + 0x31 + 3);
    let mut want = format!("001\x0110\x31\x03{sum};\x01").into_bytes();
    want.push(want.iter().fold(0, |all, byte| all ^ byte));
    assert_eq!(bytes, want);
    assert_eq!(to_bytes(&from_bytes::<Late>(&bytes).unwrap().frame).unwrap(), bytes);
}

/// A checksum of more than its field is always there, and so is what it depends on.
#[derive(ExProtoFrame, Debug, PartialEq)]
struct Beside {
    id: u8,
    #[wire(if = id > 3, before(mark: u8 = 0xAA), before(n: u8 = count(list)))]
    #[wire(after(check: u8 = fn(times, id..=list, n)))]
    list: Option<Vec<u8>>,
}

fn times(bytes: &[u8], n: u8) -> u8 {
    bytes.iter().fold(n, |all, byte| all ^ byte)
}

#[test]
fn what_is_always_there_depends_on_nothing_that_is_not() {
    let bytes = [1, 0xAA, 0, 0xAB];
    assert_eq!(to_bytes(&Beside { id: 1, list: None }).unwrap(), bytes);
    assert_eq!(from_bytes::<Beside>(&bytes).unwrap().frame, Beside { id: 1, list: None });
    samples::<Beside>(6);
}
