//! Frames that only the checksum at their end ends.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(feature = "derive")]

mod framing;

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Deframer, ErrorKind, Item, Protocol, decode, encode};
use framing::{Got, feed, round_trip, same_however_cut};

/// Blocks behind an identity, each with a length.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 400)]
#[wire(endian = little)]
pub struct Blocks<'a> {
    pub imei: u64,
    #[wire(until = check, after(check: u16 = crc("CRC-16/X-25", ..)))]
    pub blocks: Vec<Block<'a>>,
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[wire(endian = little)]
pub struct Block<'a> {
    #[wire(size = prefix(u16))]
    pub data: &'a [u8],
}

/// Values of one size, a mark and the digits of a sum over the values alone.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = big)]
pub struct Values {
    #[wire(before(b"V"))]
    #[wire(until = check, each(endian = big), after(b"*"), after(check: hex(4) = crc("CRC-16/MODBUS", values)))]
    pub values: Vec<u16>,
    #[wire(before(b"\r"))]
    pub unit: u8,
}

/// Bytes, and a checksum that covers a field behind them too.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = big)]
pub struct Bytes<'a> {
    #[wire(before(b"B"), until = check)]
    pub bytes: &'a [u8],
    #[wire(after(check: u32 = crc("CRC-32/ISO-HDLC", bytes..=last)))]
    pub last: u8,
}

fn wire<P: Protocol<Ctx = ()>>(frame: &P::At<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    encode::<P>(frame, &mut out).unwrap();
    out
}

fn blocks(sizes: &[usize]) -> Vec<u8> {
    let data = [0x5A; 100];
    let blocks = sizes.iter().map(|size| Block { data: &data[..*size] }).collect();
    wire::<Blocks<'_>>(&Blocks { imei: 359_006_055_003_838, blocks })
}

#[test]
fn a_list_ends_where_the_checksum_fits() {
    let stream = [blocks(&[3]), blocks(&[0, 7, 90]), blocks(&[1; 20])].concat();
    assert_eq!(round_trip::<Blocks<'_>>(&stream), 3);
    let got = same_however_cut::<Blocks<'_>>(&stream);
    assert_eq!(got.len(), 3);
    assert_eq!(decode::<Blocks<'_>>(&blocks(&[3, 4])).unwrap().frame.blocks.len(), 2);

    let values =
        |count: u16| wire::<Values>(&Values { values: (0..count).map(|n| n * 77).collect(), unit: 9 });
    let stream = [values(1), values(12), values(2)].concat();
    assert_eq!(round_trip::<Values>(&stream), 3);
    same_however_cut::<Values>(&stream);

    let bytes = |bytes| wire::<Bytes<'_>>(&Bytes { bytes, last: 7 });
    let stream = [bytes(b"x"), bytes(b"BBBB and more"), bytes(b"\0\0\0")].concat();
    assert_eq!(round_trip::<Bytes<'_>>(&stream), 3);
    same_however_cut::<Bytes<'_>>(&stream);
}

#[test]
fn damage_costs_one_frame() {
    let sound = [blocks(&[3]), blocks(&[9, 7]), blocks(&[20])];
    let after: Vec<u8> = (0..30).flat_map(|n| blocks(&[n, 30])).collect();
    for bit in 0..sound[1].len() * 8 {
        let mut stream = [sound.concat(), after.clone()].concat();
        stream[sound[0].len() + bit / 8] ^= 1 << (bit % 8);
        let (got, _) = feed::<Blocks<'_>>(&[&stream], false);
        let found = got.iter().filter(|got| matches!(got, Got::Frame(..))).count();
        assert_eq!(found, 32, "bit {bit}");
    }
}

#[test]
fn the_bytes_are_added_up_once() {
    // No checksum fits, up to the most bytes of a frame.
    let noise: Vec<u8> = (0..4000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8 | 1).collect();
    let mut deframer = Deframer::<Bytes<'_>>::new();
    let (mut input, mut scratch) = (&noise[..], Vec::new());
    while let Some(item) = deframer.next(&mut input, &mut scratch) {
        let Item::Bad(bad) = item else { panic!("{item:?}") };
        assert!(!bad.fatal && bad.wire.len() <= 64, "{bad:?}");
        assert!(matches!(bad.error.kind(), ErrorKind::Garbage | ErrorKind::TooLong), "{bad:?}");
    }
}

/// The number of bytes summed for a frame of many elements stays about its size.
#[test]
fn many_elements_cost_no_more_than_few() {
    use exproto_runtime::__private::{Cursor, FrameLayout};
    for count in [1_u16, 14] {
        let frame = wire::<Values>(&Values { values: vec![7; usize::from(count)], unit: 1 });
        let mut sizer = <Values as FrameLayout>::Sizer::default();
        let mut c = Cursor::new(&frame, 64);
        let size = <Values as FrameLayout>::size(&mut sizer, &mut c, ()).unwrap();
        assert_eq!(size, frame.len());
        assert_eq!(c.checked(), 2 * u64::from(count));
    }
}
