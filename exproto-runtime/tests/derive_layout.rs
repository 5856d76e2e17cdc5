//! Layouts of all kinds, in both directions.
#![allow(clippy::unwrap_used, clippy::identity_op, missing_docs)]

mod derived;

use derived::{both, flagged, read, refused, write};
use exproto_runtime::codec::{Codec, ErrorKind, Flag};
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = little)]
struct Little {
    a: u16,
    b: i32,
    #[wire(endian = big)]
    c: u16,
    #[wire(as = u24)]
    d: u32,
    #[wire(as = i24)]
    e: i32,
    #[wire(as = u48, endian = big)]
    f: u64,
    g: f32,
    #[wire(as = u8)]
    h: u16,
}

#[test]
fn integers_of_both_byte_orders_and_odd_widths() {
    let bytes = [
        0x34, 0x12, 0xFE, 0xFF, 0xFF, 0xFF, 0x12, 0x34, 0x03, 0x02, 0x01, 0xFF, 0xFF, 0xFF, 1, 2, 3, 4, 5, 6,
        0, 0, 0xC0, 0x3F, 200,
    ];
    let value =
        Little { a: 0x1234, b: -2, c: 0x1234, d: 0x01_0203, e: -1, f: 0x0102_0304_0506, g: 1.5, h: 200 };
    both(&bytes, value.clone());
    for end in 0..bytes.len() {
        assert_eq!(refused::<Little>(&bytes[..end]).0, ErrorKind::Short);
    }
    assert_eq!(refused::<Little>(&bytes[..10]), (ErrorKind::Short, 8, "d"));
    for (large, field) in [
        (Little { d: 1 << 24, ..value.clone() }, "d"),
        (Little { e: 1 << 23, ..value.clone() }, "e"),
        (Little { e: -(1 << 23) - 1, ..value.clone() }, "e"),
        (Little { f: 1 << 48, ..value.clone() }, "f"),
        (Little { h: 256, ..value.clone() }, "h"),
    ] {
        let error = write(&large).unwrap_err();
        assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, field));
    }
    assert!(write(&Little { e: -(1 << 23), ..value }).is_ok());
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
enum Mode {
    #[wire(tag = 0)]
    Off,
    #[wire(tag = 1)]
    On,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u16, endian = big)]
struct Status {
    #[wire(bits = 1)]
    alarm: bool,
    #[wire(before(_: bits(3)))]
    #[wire(bits = 4)]
    level: u8,
    #[wire(bits = 5)]
    drift: i8,
    #[wire(bits = 3)]
    mode: Mode,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Bits {
    #[wire(bits = 4)]
    high: u8,
    #[wire(bits = 12)]
    low: u16,
    status: Status,
    #[wire(as = u8)]
    mode: Mode,
    #[wire(as = u8)]
    flag: bool,
}

#[test]
fn bits_from_the_highest() {
    let status = Status { alarm: true, level: 0b1010, drift: -2, mode: Mode::Other(5) };
    both(
        &[0x12, 0x34, 0b1000_1010, 0b1111_0101, 1, 1],
        Bits { high: 1, low: 0x234, status, mode: Mode::On, flag: true },
    );
    let error = write(&Bits { high: 16, low: 0, status, mode: Mode::On, flag: false }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "high"));
    let bits = |status| Bits { high: 0, low: 0, status, mode: Mode::On, flag: false };
    for large in [
        Status { level: 16, ..status },
        Status { drift: 16, ..status },
        Status { drift: -17, ..status },
        Status { mode: Mode::Other(8), ..status },
    ] {
        assert_eq!(write(&bits(large)).unwrap_err().kind(), ErrorKind::Overflow, "{large:?}");
    }
    assert!(write(&bits(Status { drift: -16, ..status })).is_ok());
}

#[test]
fn what_bits_do_not_keep_is_flagged() {
    // A reserved bit of the struct of bits is set; a `bool` byte is 2.
    let (_, flags) = flagged::<Bits>(&[0, 0, 0b0100_0000, 0, 0, 0]).unwrap();
    assert_eq!(flags, [Flag::Reserved]);
    let (bits, flags) = flagged::<Bits>(&[0, 0, 0, 0, 0, 2]).unwrap();
    assert!(bits.flag);
    assert_eq!(flags, [Flag::Reserved]);
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = little)]
struct LittleBits {
    #[wire(bits = 3)]
    first: u8,
    #[wire(bits = 9)]
    second: u16,
    #[wire(bits = 4)]
    third: i8,
    #[wire(before(_: bits(7)), bits = 1)]
    last: bool,
}

#[test]
fn bits_from_the_lowest() {
    // 0 | -1 | 0x155 | 5, highest first, sent lowest byte first.
    let word: u16 = 0xF << 12 | 0x155 << 3 | 5;
    let [low, high] = word.to_le_bytes();
    let bytes: [u8; 3] = [low, high, 0x80];
    both(&bytes, LittleBits { first: 5, second: 0x155, third: -1, last: true });
    let (_, flags) = flagged::<LittleBits>(&[0, 0, 1]).unwrap();
    assert_eq!(flags, [Flag::Reserved]);
    for third in [8, -9] {
        let error = write(&LittleBits { first: 5, second: 0, third, last: true }).unwrap_err();
        assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "third"));
    }
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Prefixed {
    #[wire(size = prefix(u8))]
    bytes: Vec<u8>,
    #[wire(count = prefix(u16))]
    numbers: Vec<u16>,
    #[wire(count = prefix(u8), each(size = prefix(u8), as = Ascii))]
    names: Vec<TextBuf>,
    #[wire(count = prefix(u8), each(count = prefix(u8), each(as = u24)))]
    nested: Vec<Vec<u32>>,
    #[wire(size = prefix(u8))]
    pairs: Vec<Pair>,
    #[wire(rest, each(size = 2))]
    tail: Vec<Vec<u8>>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
struct Pair(u8, u16);

#[test]
fn prefixes_and_nested_lists() {
    let bytes = [
        2, 0xAA, 0xBB, // bytes
        0, 2, 0, 1, 0, 2, // numbers
        2, 1, b'a', 0, // names
        2, 1, 0, 0, 9, 0, // nested
        6, 1, 0, 2, 3, 0, 4, // pairs
        7, 7, 8, 8, // tail
    ];
    both(
        &bytes,
        Prefixed {
            bytes: vec![0xAA, 0xBB],
            numbers: vec![1, 2],
            names: vec!["a".into(), "".into()],
            nested: vec![vec![9], vec![]],
            pairs: vec![Pair(1, 2), Pair(3, 4)],
            tail: vec![vec![7, 7], vec![8, 8]],
        },
    );
    // Half a pair within its extent.
    let mut broken = bytes;
    broken[19] = 5;
    assert!(read::<Prefixed>(&broken).is_err());
    // A count beyond what is there allocates nothing of that size.
    assert_eq!(refused::<Prefixed>(&[0, 0xFF, 0xFF, 1]).0, ErrorKind::Short);
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Ranges {
    #[wire(before(len: u16 = size(from..=data) + 1))]
    #[wire(before(words: u8 = size(data) / 2))]
    from: u16,
    #[wire(after(sum: u8 = xor(from..=data)))]
    data: Vec<u8>,
    to: u16,
}

#[test]
fn lengths_over_ranges_with_arithmetic() {
    // `len` covers from and data, plus one; `words` counts pairs of bytes.
    both(
        &[0, 7, 2, 0, 1, 1, 2, 3, 4, 1 ^ 1 ^ 2 ^ 3 ^ 4, 0, 9],
        Ranges { from: 1, data: vec![1, 2, 3, 4], to: 9 },
    );
    // The two lengths disagree.
    assert_eq!(refused::<Ranges>(&[0, 7, 1, 0, 1, 1, 2, 3, 4, 5, 0, 9]), (ErrorKind::Length, 2, "words"));
    // Less than nothing.
    assert_eq!(refused::<Ranges>(&[0, 1, 0, 0, 1, 1, 0, 9]), (ErrorKind::Length, 0, "len"));
    // The checksum in the middle.
    assert_eq!(refused::<Ranges>(&[0, 3, 0, 0, 1, 2, 0, 9]), (ErrorKind::Checksum, 5, "sum"));
    // Half a word cannot be said.
    let error = write(&Ranges { from: 1, data: vec![1], to: 9 }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "words"));
    // A length that does not fit.
    let error = write(&Ranges { from: 1, data: vec![0; 65_534], to: 9 }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overflow);
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, before(b"\xFA\xFB"))]
struct FixedRelations {
    #[wire(before(len: u8 = size(a..=b)))]
    a: u8,
    b: u16,
    c: u8,
    #[wire(before(sum: u8 = sum(a..=b)), before(version: u8 = 3))]
    d: u8,
}

#[test]
fn relations_over_part_of_a_fixed_run() {
    let bytes = [0xFA, 0xFB, 3, 1, 2, 3, 4, 6, 3, 5];
    both(&bytes, FixedRelations { a: 1, b: 0x0203, c: 4, d: 5 });
    let wrong = |at: usize| {
        let mut bytes = bytes;
        bytes[at] ^= 0x10;
        let error = read::<FixedRelations>(&bytes).unwrap_err();
        (error.kind(), error.offset())
    };
    assert_eq!(wrong(1).0, ErrorKind::Constant);
    assert_eq!(wrong(2), (ErrorKind::Length, 2));
    assert_eq!(wrong(7), (ErrorKind::Checksum, 7));
    assert_eq!(wrong(8), (ErrorKind::Constant, 8));
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct LengthAfter {
    #[wire(size = 3)]
    data: Vec<u8>,
    #[wire(after(len: u8 = size(data)))]
    end: u8,
    #[wire(before(first: u8 = count(list)), count = prefix(u8), after(again: u8 = count(list)))]
    list: Vec<u8>,
}

#[test]
fn lengths_after_and_counts_repeated() {
    both(&[1, 2, 3, 9, 3, 2, 2, 7, 8, 2], LengthAfter { data: vec![1, 2, 3], end: 9, list: vec![7, 8] });
    assert_eq!(refused::<LengthAfter>(&[1, 2, 3, 9, 4, 0, 0, 0]), (ErrorKind::Length, 4, "len"));
    assert_eq!(refused::<LengthAfter>(&[1, 2, 3, 9, 3, 1, 0, 0]), (ErrorKind::Relation, 5, "first"));
    assert_eq!(refused::<LengthAfter>(&[1, 2, 3, 9, 3, 0, 0, 1]), (ErrorKind::Relation, 7, "again"));
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Optional {
    kind: u8,
    #[wire(if = kind & 1 != 0)]
    a: Option<u16>,
    #[wire(before(len_b: u8 = size(b)), before(has_b: u8 = present(b)))]
    b: Option<Vec<u8>>,
    #[wire(if = left > 0)]
    c: Option<u8>,
}

#[test]
fn presence_by_condition_flag_and_what_is_left() {
    both(&[0, 0, 0], Optional { kind: 0, a: None, b: None, c: None });
    both(&[1, 0, 5, 2, 1, 8, 9, 7], Optional { kind: 1, a: Some(5), b: Some(vec![8, 9]), c: Some(7) });
    // A length of what is absent, and a flag that is neither 0 nor 1, say
    // something that would be lost.
    assert_eq!(refused::<Optional>(&[0, 1, 0, 7]), (ErrorKind::Length, 1, "len_b"));
    assert_eq!(refused::<Optional>(&[0, 1, 2, 7]), (ErrorKind::Relation, 2, "has_b"));
    let error = write(&Optional { kind: 1, a: None, b: None, c: None }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Relation, "a"));
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, ctx(wide: bool, unit: u8))]
struct Reading {
    #[wire(if = wide)]
    more: Option<u16>,
    #[wire(size = unit)]
    data: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, ctx(wide: bool))]
struct Group {
    unit: u8,
    #[wire(ctx(wide, unit = unit + 1))]
    one: Reading,
    #[wire(count = prefix(u8), ctx(wide = !wide, unit))]
    more: Vec<Reading>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Report {
    version: u8,
    #[wire(ctx(wide = version >= 2))]
    group: Group,
    #[wire(rest, ctx(wide = version >= 2))]
    rest: ListBuf<Wide>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, ctx(wide: bool))]
struct Wide {
    low: u8,
    #[wire(if = wide)]
    high: Option<u8>,
}

#[test]
fn contexts_are_handed_down() {
    let reading = |more, data: &[u8]| Reading { more, data: data.to_vec() };
    both(
        &[2, 1, 0, 9, 1, 2, 1, 3, 5, 6],
        Report {
            version: 2,
            group: Group { unit: 1, one: reading(Some(9), &[1, 2]), more: vec![reading(None, &[3])] },
            rest: vec![Wide { low: 5, high: Some(6) }].into(),
        },
    );
    both(
        &[1, 0, 4, 1, 0, 7, 5, 6],
        Report {
            version: 1,
            group: Group { unit: 0, one: reading(None, &[4]), more: vec![reading(Some(7), &[])] },
            rest: vec![Wide { low: 5, high: None }, Wide { low: 6, high: None }].into(),
        },
    );
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(tag = u16, endian = little)]
enum Command {
    #[wire(tag = 0x0001)]
    Ping,
    #[wire(tag = 0x0010..=0x001F | 0x0100)]
    Data {
        #[wire(tag)]
        id: u16,
        value: u32,
    },
    #[wire(tag = 2)]
    Pair(#[wire(scale = 0.1)] u8, u8),
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u16,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[test]
fn enums_that_begin_with_their_tag() {
    both(&[1, 0], Command::Ping);
    both(&[0x1F, 0, 4, 3, 2, 1], Command::Data { id: 0x1F, value: 0x0102_0304 });
    both(&[0x00, 1, 4, 0, 0, 0], Command::Data { id: 0x100, value: 4 });
    both(&[2, 0, 7, 8], Command::Pair(7, 8));
    both(&[0x20, 0, 9], Command::Other { id: 0x20, data: vec![9] });
    assert_eq!(refused::<Command>(&[1]).0, ErrorKind::Short);
    assert_eq!(Command::Other { id: 7, data: vec![] }.tag(), 7);
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big, ctx(old: bool))]
enum Either {
    #[wire(when = old)]
    Old(u8),
    #[wire(when = left == 2)]
    Two(u16),
    Many {
        #[wire(rest)]
        all: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Choice {
    old: u8,
    #[wire(ctx(old = old != 0))]
    either: Either,
}

#[test]
fn variants_chosen_by_conditions() {
    both(&[1, 5], Choice { old: 1, either: Either::Old(5) });
    both(&[0, 0, 5], Choice { old: 0, either: Either::Two(5) });
    both(&[0, 1, 2, 3], Choice { old: 0, either: Either::Many { all: vec![1, 2, 3] } });
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Ranged {
    #[wire(range = 1..=12)]
    month: u8,
    #[wire(range = 0..=9, strict)]
    digit: u8,
    #[wire(before(kind: bits(4), fill = 1, range = 1..=2), bits = 4, range = -4..=4)]
    step: i8,
    #[wire(range = -1.0..=1.0)]
    ratio: f32,
}

#[test]
fn ranges_flag_or_refuse() {
    let ratio = 0.5_f32.to_be_bytes();
    let bytes = |month, digit, bits| [month, digit, bits, ratio[0], ratio[1], ratio[2], ratio[3]];
    let (value, flags) = flagged::<Ranged>(&bytes(13, 9, 0x10)).unwrap();
    assert_eq!((value.month, flags), (13, vec![Flag::Range]));
    assert_eq!(refused::<Ranged>(&bytes(12, 10, 0x10)), (ErrorKind::Range, 1, "digit"));
    let (_, flags) = flagged::<Ranged>(&bytes(12, 9, 0x1B)).unwrap();
    assert_eq!(flags, [Flag::Range]);
    let (_, flags) = flagged::<Ranged>(&bytes(12, 9, 0x30)).unwrap();
    assert_eq!(flags, [Flag::Range, Flag::Reserved]);
}

/// Degrees as one byte above -40.
struct Celsius;

impl Codec<'_, i16> for Celsius {
    const SIZE: Option<usize> = Some(1);

    fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<i16, Error> {
        Ok(i16::from(r.run::<1>(at)?[0]) - 40)
    }

    fn encode(&self, value: &i16, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
        let raw = u8::try_from(value + 40).map_err(|_| w.error(ErrorKind::Overflow, w.here(), at))?;
        w.run([raw]);
        Ok(())
    }
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Weather {
    #[wire(as = Celsius)]
    inside: i16,
    #[wire(as = Celsius, size = 1)]
    outside: i16,
    #[wire(rest, each(as = Celsius))]
    history: Vec<i16>,
}

#[test]
fn codecs_that_know_their_size_stand_anywhere() {
    both(&[0, 40, 41, 42], Weather { inside: -40, outside: 0, history: vec![1, 2] });
    let error = write(&Weather { inside: -41, outside: 0, history: vec![] }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "inside"));
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Slots {
    #[wire(size = 4, fill = 0x20, as = Ascii)]
    name: TextBuf,
    id: [u8; 2],
    #[wire(if = id[0] != 0)]
    key: Option<[u8; 3]>,
    #[wire(before(_: u8, fill = 0xFF), rest)]
    data: Vec<u8>,
    #[wire(before(check: u16 = sum(..)))]
    end: u8,
}

#[test]
fn slots_arrays_and_a_tail_after_the_rest() {
    let sum = |bytes: &[u8]| bytes.iter().map(|byte| u16::from(*byte)).sum::<u16>().to_be_bytes();
    let mut bytes = b"ab  \x01\x02\x07\x08\x09\xFF\x05".to_vec();
    let check = sum(&bytes);
    bytes.extend([check[0], check[1], 6]);
    let value = Slots { name: "ab".into(), id: [1, 2], key: Some([7, 8, 9]), data: vec![5], end: 6 };
    both(&bytes, value);
    let short = Slots { name: "ab".into(), id: [0, 2], key: None, data: vec![], end: 6 };
    assert_eq!(&write(&short).unwrap()[..4], b"ab  ");
    let long = Slots { name: "abcde".into(), ..short };
    assert_eq!(write(&long).unwrap_err().field().name, "name");
    bytes[9] = 0;
    let check = sum(&bytes[..11]);
    bytes[11..13].copy_from_slice(&check);
    let (_, flags) = flagged::<Slots>(&bytes).unwrap();
    assert_eq!(flags, [Flag::Reserved]);
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Empties {
    #[wire(count = prefix(u32))]
    list: Vec<Empty>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Empty;

#[test]
fn a_count_of_elements_without_bytes_is_no_work() {
    assert_eq!(refused::<Empties>(&[0xFF, 0xFF, 0xFF, 0xFF]).0, ErrorKind::Short);
    both(&[0, 0, 0, 0], Empties { list: vec![] });
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Huge {
    #[wire(before(len: u64 = size(data) / 8))]
    data: Vec<u8>,
}

#[test]
fn no_length_overflows() {
    for len in [u64::MAX, 1 << 63, (1 << 61) + 1, i64::MAX as u64] {
        assert!(read::<Huge>(&len.to_be_bytes()).is_err(), "{len:#x}");
    }
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct HeadAndData {
    #[wire(before(len: u8 = size(head..=data)))]
    head: Pair,
    data: Vec<u8>,
    #[wire(before(all: u8 = size(first..)))]
    first: Pair,
    second: HeadAndTail,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct HeadAndTail(#[wire(before(n: u8 = count(0)))] Vec<u8>, #[wire(rest)] Vec<u8>);

#[test]
fn a_length_bounds_what_has_no_end_of_its_own() {
    both(
        &[5, 1, 0, 2, 7, 8, 6, 3, 0, 4, 1, 9, 5],
        HeadAndData {
            head: Pair(1, 2),
            data: vec![7, 8],
            first: Pair(3, 4),
            second: HeadAndTail(vec![9], vec![5]),
        },
    );
    assert_eq!(refused::<HeadAndData>(&[2, 1, 0, 2]), (ErrorKind::Length, 0, "len"));
}

/// Random values of a type come back as they were.
#[track_caller]
fn round_trips<T>()
where
    T: for<'a> exproto_runtime::codec::Decode<'a, Ctx = ()>
        + exproto_runtime::codec::Encode<Ctx = ()>
        + exproto_runtime::codec::Sample
        + PartialEq
        + core::fmt::Debug,
{
    let mut random = exproto_runtime::codec::Random::new(7);
    let mut written = 0;
    for _ in 0..300 {
        let value: T = random.make();
        // Some values cannot be written, such as a length of half a word.
        let Ok(bytes) = write(&value) else { continue };
        written += 1;
        let again = read::<T>(&bytes).unwrap_or_else(|error| panic!("{error}: {value:?} as {bytes:02x?}"));
        assert_eq!(again, value, "{bytes:02x?}");
        assert_eq!(write(&again).unwrap(), bytes);
    }
    assert!(written > 30, "only {written} of 300 values of {} could be written", core::any::type_name::<T>());
}

#[test]
fn random_values_come_back() {
    round_trips::<Little>();
    round_trips::<Bits>();
    round_trips::<LittleBits>();
    round_trips::<Prefixed>();
    round_trips::<Ranges>();
    round_trips::<FixedRelations>();
    round_trips::<LengthAfter>();
    round_trips::<Optional>();
    round_trips::<Report>();
    round_trips::<Command>();
    round_trips::<Ranged>();
    round_trips::<Huge>();
    round_trips::<HeadAndData>();
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Framed<T> {
    id: u16,
    first: T,
    #[wire(count = prefix(u8))]
    more: Vec<T>,
    end: u8,
}

#[test]
fn types_may_have_parameters() {
    both(
        &[0, 1, 2, 0, 3, 1, 4, 0, 5, 9],
        Framed { id: 1, first: Pair(2, 3), more: vec![Pair(4, 5)], end: 9 },
    );
    both(
        &[0, 1, 0, 1, 2, 0, 3, 0, 7, 0, 9],
        Framed {
            id: 1,
            first: Framed { id: 1, first: Pair(2, 3), more: vec![], end: 7 },
            more: vec![],
            end: 9,
        },
    );
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = big)]
struct Computed {
    len: u8,
    by: u8,
    #[wire(size = len - 2)]
    data: Vec<u8>,
    #[wire(if = (1_u8 << by) & len != 0 && len % by == 0)]
    odd: Option<u8>,
    #[wire(size = if by > 3 { len / by } else { len * by + 1 })]
    more: Vec<u8>,
}

#[test]
fn expressions_have_a_result_for_every_byte() {
    both(
        &[3, 1, 7, 9, 1, 2, 3, 4],
        Computed { len: 3, by: 1, data: vec![7], odd: Some(9), more: vec![1, 2, 3, 4] },
    );
    both(&[1, 8], Computed { len: 1, by: 8, data: vec![], odd: None, more: vec![] });
    let many = [0; 600];
    for len in 0..=255 {
        for by in 0..=255 {
            let mut bytes = many;
            (bytes[0], bytes[1]) = (len, by);
            if let Ok((value, _)) = derived::flagged_loose::<Computed>(&bytes) {
                let written = write(&value).unwrap();
                assert_eq!(bytes[..written.len()], written[..]);
            }
        }
    }
}
