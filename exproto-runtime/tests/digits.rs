//! Numbers that stand on the wire as digits and say something of what stands
//! beside them.
#![allow(
    clippy::unwrap_used,
    elided_lifetimes_in_paths,
    missing_docs,
    missing_debug_implementations,
    unreachable_pub
)]
#![cfg(feature = "derive")]

mod derived;
mod framing;

use derived::{both, flagged, read, refused, write};
use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{
    Ascii, Dec, Deframer, ErrorKind, Flag, Item, Text, encode, explain_item, from_bytes, reencode, to_bytes,
    to_json,
};
use framing::{Got, round_trip, same_however_cut};

#[derive(ExProtoFrame, Debug, PartialEq)]
pub struct Block<'a> {
    #[wire(before(length: dec(4) = size(kind..=data)), before(version: hex(2) = 0x1F))]
    #[wire(as = dec(2))]
    pub kind: u8,
    #[wire(before(n: hex(2, lower) = count(data)))]
    pub data: &'a [u8],
    #[wire(after(check: hex(2) = xor(length..)))]
    #[wire(as = dec(3))]
    pub mode: Mode,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
pub enum Mode {
    #[wire(tag = 7)]
    On,
    #[wire(other)]
    Other(u8),
}

#[test]
fn lengths_counts_constants_and_checksums_may_be_digits() {
    both(b"00161F090chello, world00711", Block { kind: 9, data: b"hello, world", mode: Mode::On });
    assert_eq!(
        write(&Block { kind: 100, data: b"", mode: Mode::On }).unwrap_err().kind(),
        ErrorKind::Overflow
    );
    assert_eq!(
        write(&Block { kind: 0, data: &[0; 256], mode: Mode::On }).unwrap_err().kind(),
        ErrorKind::Overflow
    );
}

#[test]
fn wrong_digits_are_errors_where_they_stand() {
    assert_eq!(refused::<Block>(b"00x61F090chello, world00711"), (ErrorKind::Digits, 2, "length"));
    assert_eq!(refused::<Block>(b"00161G090chello, world00711"), (ErrorKind::Digits, 5, "version"));
    assert_eq!(refused::<Block>(b"00162F090chello, world00711"), (ErrorKind::Constant, 4, "version"));
    assert_eq!(refused::<Block>(b"00161F9a0chello, world00711"), (ErrorKind::Digits, 7, "kind"));
    assert_eq!(refused::<Block>(b"00161F090chello, world00710"), (ErrorKind::Checksum, 25, "check"));
    assert_eq!(refused::<Block>(b"00161F090chello, world0071 "), (ErrorKind::Digits, 26, "check"));
    assert_eq!(refused::<Block>(b"00171F090chello, world00711"), (ErrorKind::Relation, 8, "n"));
}

#[test]
fn digits_in_another_case_are_read_and_kept() {
    #[derive(ExProtoFrame, Debug, PartialEq)]
    struct Two {
        #[wire(as = hex(2))]
        upper: u8,
        #[wire(as = hex(4, lower))]
        lower: u16,
    }
    both(b"FA00fb", Two { upper: 0xFA, lower: 0xFB });
    let (value, flags) = flagged::<Two>(b"fA00Fb").unwrap();
    assert_eq!((value, flags), (Two { upper: 0xFA, lower: 0xFB }, vec![Flag::Reserved]));
}

#[derive(ExProtoFrame, Debug, PartialEq)]
pub struct Prefixed {
    #[wire(size = prefix(dec(3)))]
    pub name: Vec<u8>,
    #[wire(count = prefix(hex(1)), each(as = dec(2)))]
    pub list: Vec<u16>,
    pub body: Tagged,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(tag = dec(2))]
pub enum Tagged {
    #[wire(tag = 1)]
    One(#[wire(as = hex(8))] u32),
    #[wire(tag = 99)]
    Last,
}

#[test]
fn prefixes_and_tags_may_be_digits() {
    both(
        b"003abcA01020304050607080910010000BEEF",
        Prefixed { name: b"abc".to_vec(), list: (1..=10).collect(), body: Tagged::One(0xBEEF) },
    );
    both(b"000099", Prefixed { name: Vec::new(), list: Vec::new(), body: Tagged::Last });
    let long = Prefixed { name: vec![0; 1000], list: Vec::new(), body: Tagged::Last };
    assert_eq!(write(&long).unwrap_err().kind(), ErrorKind::Overflow);
    assert_eq!(refused::<Prefixed>(b"000002").0, ErrorKind::Tag);
    assert_eq!(refused::<Prefixed>(b"0000 9").0, ErrorKind::Digits);
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(sep = b',')]
pub struct Fields<'a> {
    #[wire(is = size(name..=speed), as = dec)]
    pub length: u16,
    #[wire(as = Ascii)]
    pub name: Text<'a>,
    #[wire(as = dec(3))]
    pub channel: u16,
    pub speed: Dec,
    #[wire(before(check: hex = xor(name..=speed)))]
    #[wire(as = hex(lower))]
    pub status: u32,
}

fn xor(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |all, byte| all ^ byte)
}

#[test]
fn between_separators_numbers_are_as_wide_as_they_need() {
    let name = |name: &'static str| Text::from(name);
    let value =
        |name, speed: i64| Fields { length: 0, name, channel: 7, speed: speed.into(), status: 0xBEEF };
    for (text, speed, length) in [("tracker", 5, 13), ("", -100_000_000_000_000, 21)] {
        let body = format!("{text},007,{speed}");
        assert_eq!(body.len(), length);
        let line = format!("{length},{body},{:X},beef", xor(body.as_bytes()));
        assert_eq!(write(&value(name(text), speed)).unwrap(), line.as_bytes());
        let back = read::<Fields>(line.as_bytes()).unwrap();
        assert_eq!(back, Fields { length: length as u16, ..value(name(text), speed) });
        // Zeros in front and another case are kept.
        let odd = format!("0{length},{body},{:02x},BEEF", xor(body.as_bytes()));
        let (back, flags) = flagged::<Fields>(odd.as_bytes()).unwrap();
        assert_eq!(back, Fields { length: length as u16, ..value(name(text), speed) });
        assert_eq!(flags, [Flag::Reserved]);
    }
    let line = b"13,tracker,007,5,7B,beef";
    assert_eq!(refused::<Fields>(line), (ErrorKind::Checksum, 17, "check"));
    assert_eq!(refused::<Fields>(b"12,tracker,007,5,7A,beef"), (ErrorKind::Length, 0, "length"));
    assert_eq!(refused::<Fields>(b",tracker,007,5,7A,beef"), (ErrorKind::Digits, 0, "length"));
    assert_eq!(refused::<Fields>(b"13,tracker,07,5,7A,beef").0, ErrorKind::Short);
    assert_eq!(refused::<Fields>(b"13,tracker,0007,5,7A,beef").0, ErrorKind::Trailing);
    assert_eq!(refused::<Fields>(b"99999,tracker,007,5,7A,beef").0, ErrorKind::Range);
}

/// `12:hello world!,`
#[derive(ExProtoFrame, Debug, PartialEq)]
pub struct NetString<'a> {
    #[wire(before(length: dec = size(data), until = b":"), after(b","))]
    pub data: &'a [u8],
    #[wire(as = dec, until = b';')]
    pub serial: u16,
}

#[test]
fn numbers_may_end_before_given_bytes() {
    both(b"12:hello world!,0;", NetString { data: b"hello world!", serial: 0 });
    both(b"0:,65535;", NetString { data: b"", serial: 65535 });
    assert_eq!(refused::<NetString>(b":,65535;"), (ErrorKind::Digits, 0, "length"));
    assert_eq!(refused::<NetString>(b"1:a,65536;"), (ErrorKind::Range, 4, "serial"));
}

// --- Frames ---------------------------------------------------------------

/// `@@0014A:hello*5C`: the length is the whole frame.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 256)]
pub struct Whole<'a> {
    #[wire(before(b"@@"), before(length: dec(4) = size(..)))]
    pub kind: u8,
    #[wire(before(b":"), after(b"*"), after(check: hex(2) = sum(kind..=data)))]
    pub data: &'a [u8],
}

fn whole(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    encode::<Whole>(&Whole { kind: b'A', data }, &mut out).unwrap();
    out
}

#[test]
fn a_decimal_length_ends_the_frame() {
    let sum: u8 = b"A:hello".iter().fold(0, |sum, byte| sum.wrapping_add(*byte));
    assert_eq!(whole(b"hello"), format!("@@0016A:hello*{sum:02X}").into_bytes());
    let mut lower = whole(b"\xFD");
    let at = lower.len() - 2;
    lower[at..].make_ascii_lowercase();
    let mut broken = whole(b"broken");
    broken[10] ^= 1;
    let stream = [
        whole(b"one"),
        b"@@00x0A:".to_vec(),
        whole(b"@@0"),
        broken.clone(),
        whole(b""),
        b"@@9999A:".to_vec(),
        lower.clone(),
    ]
    .concat();
    let got = same_however_cut::<Whole>(&stream);
    let found: Vec<_> = got
        .iter()
        .map(|got| match got {
            Got::Frame(_, wire, _) => (None, wire.clone()),
            Got::Bad(kind, ..) => (Some(*kind), Vec::new()),
        })
        .collect();
    let bad = |kind| (Some(kind), Vec::new());
    assert_eq!(
        found,
        [
            (None, whole(b"one")),
            bad(ErrorKind::Digits),
            (None, whole(b"@@0")),
            bad(ErrorKind::Checksum),
            (None, whole(b"")),
            bad(ErrorKind::TooLong),
            (None, lower.clone()),
        ]
    );
    assert_eq!(round_trip::<Whole>(&[whole(b"one"), lower, whole(b"")].concat()), 3);
}

/// `$GPTXT,01,hello*47` and the end of a line.
#[derive(ExProtoFrame, Debug)]
#[frame(start = b"$", end = b"\r\n", max = 82)]
#[wire(sep = b',')]
pub struct Sentence<'a> {
    #[wire(as = Ascii)]
    pub kind: Text<'a>,
    #[wire(as = dec(2))]
    pub part: u8,
    #[wire(after(b"*"), after(check: hex(2) = xor(kind..=text)))]
    #[wire(as = Ascii)]
    pub text: Text<'a>,
}

#[test]
fn a_checksum_in_digits_covers_what_stands_between_delimiters() {
    let line = b"$GPTXT,01,hello, world*0B\r\n";
    let check = xor(b"GPTXT,01,hello, world");
    let line = [&line[..23], format!("{check:02X}").as_bytes(), b"\r\n"].concat();
    assert_eq!(round_trip::<Sentence>(&line), 1);
    let got = same_however_cut::<Sentence>(&line);
    assert!(matches!(&got[..], [Got::Frame(..)]), "{got:?}");
    // The frame layer finds out, before anything is decoded.
    for at in 1..22 {
        let mut wrong = line.clone();
        wrong[at] ^= 1;
        let (mut deframer, mut scratch) = (Deframer::<Sentence>::new(), Vec::new());
        let mut input = &wrong[..];
        let item = deframer.next(&mut input, &mut scratch).unwrap();
        let Item::Bad(bad) = &item else { panic!("{item:?}") };
        assert_eq!((bad.error.kind(), bad.error.offset()), (ErrorKind::Checksum, 23), "{at}");
        assert!(explain_item::<Sentence>(&item).to_string().contains("check"));
    }
    let mut wrong = line.clone();
    wrong[24] = b'x';
    let (mut deframer, mut scratch) = (Deframer::<Sentence>::new(), Vec::new());
    let Some(Item::Bad(bad)) = deframer.next(&mut &wrong[..], &mut scratch) else { panic!() };
    assert_eq!((bad.error.kind(), bad.error.offset()), (ErrorKind::Digits, 24));
}

#[test]
fn accepted_wrong_digits_of_a_checksum_are_kept() {
    let mut wrong = whole(b"data");
    let at = wrong.len() - 1;
    wrong[at] ^= 1;
    let (mut deframer, mut scratch) = (Deframer::<Whole>::new().accepting_bad(true), Vec::new());
    let Some(Item::Frame(raw)) = deframer.next(&mut &wrong[..], &mut scratch) else { panic!() };
    let received = raw.decode::<Whole>().unwrap();
    assert!(received.flags.has(Flag::Checksum));
    let mut again = Vec::new();
    reencode::<Whole>(&received, &raw, &mut again).unwrap();
    assert_eq!(again, wrong);
}

#[test]
fn digits_are_numbers_in_json() {
    let value = from_bytes::<Block>(b"00161F090chello, world00711").unwrap().frame;
    let mut json = Vec::new();
    to_json(&value, &mut json);
    assert_eq!(json, br#"{"kind":9,"data":"68656c6c6f2c20776f726c64","mode":"on"}"#);
    assert_eq!(to_bytes(&value).unwrap(), b"00161F090chello, world00711");
}
