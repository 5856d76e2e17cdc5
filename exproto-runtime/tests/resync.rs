//! Finding the next frame after damage: whatever bit of a stream is wrong, the
//! frames around it are found.
#![allow(clippy::unwrap_used, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(feature = "derive")]

mod framing;

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Deframer, ErrorKind, Item, Protocol, encode};
use framing::{Got, feed, same_however_cut};

/// Frames of all sizes from an encoder, enough of them to outlast the largest.
fn frames<P: Protocol<Ctx = ()>>(mut make: impl FnMut(&[u8], &mut Vec<u8>), max: usize) -> Vec<Vec<u8>> {
    let data: Vec<u8> = (0..40_u8).map(|at| at.wrapping_mul(73) ^ 0x55).collect();
    let (mut frames, mut bytes) = (Vec::new(), 0);
    while bytes < 3 * max + 100 {
        let size = [5, 0, 13, 1, 30, 9][frames.len() % 6];
        let from = frames.len() % 10;
        let mut frame = Vec::new();
        make(&data[from..from + size], &mut frame);
        let mut deframer = Deframer::<P>::new();
        let (mut input, mut scratch) = (&frame[..], Vec::new());
        let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!("{frame:02x?}") };
        assert_eq!(raw.wire, frame);
        raw.decode::<P>().unwrap();
        bytes += frame.len();
        frames.push(frame);
    }
    frames
}

/// Flips each bit of one of the frames: all others are found in their order,
/// but for the one behind it, if `neighbour` may be lost with it.
fn flips<P: Protocol<Ctx = ()>>(frames: &[Vec<u8>], neighbour: bool) {
    for damaged in [1, 3, 4] {
        let before: usize = frames[..damaged].iter().map(Vec::len).sum();
        for bit in 0..frames[damaged].len() * 8 {
            let mut stream = frames.concat();
            stream[before + bit / 8] ^= 1 << (bit % 8);
            let (got, _) = feed::<P>(&[&stream], false);
            let mut found = got.iter().filter_map(|got| match got {
                Got::Frame(_, wire, _) => Some(wire),
                Got::Bad(_, _, fatal) => {
                    assert!(!fatal, "bit {bit} of frame {damaged}");
                    None
                }
            });
            for (at, frame) in frames.iter().enumerate() {
                let spared = at == damaged || (neighbour && at == damaged + 1);
                let there = found.clone().any(|wire| wire == frame);
                assert!(there || spared, "bit {bit} of frame {damaged}: {at} is lost, {got:02x?}");
                if there && !spared {
                    found.find(|wire| *wire == frame);
                }
            }
        }
    }
}

/// The same, and the same however the stream is cut.
fn hunted<P: Protocol<Ctx = ()>>(make: impl FnMut(&[u8], &mut Vec<u8>), max: usize, neighbour: bool) {
    let frames = frames::<P>(make, max);
    flips::<P>(&frames, neighbour);
    let mut stream = frames[..8].concat();
    let got = same_however_cut::<P>(&stream);
    assert!(
        got.iter().zip(&frames).all(|(got, frame)| matches!(got, Got::Frame(_, wire, _) if wire == frame))
    );
    let at = frames[0].len() + 2;
    stream[at] ^= 0x20;
    same_however_cut::<P>(&stream);
}

macro_rules! hunt {
    ($type:ty, $max:expr, |$data:ident| $frame:expr) => {
        hunt!($type, $max, false, |$data| $frame)
    };
    ($type:ty, $max:expr, $neighbour:expr, |$data:ident| $frame:expr) => {
        hunted::<$type>(|$data, out| encode::<$type>(&$frame, out).unwrap(), $max, $neighbour)
    };
}

// --- One checksum, at no constant place ------------------------------------------

/// It covers everything; an optional field stands before what varies.
#[derive(ExProtoFrame, Debug)]
#[frame(max = 200)]
#[wire(endian = little)]
pub struct OptAll<'a> {
    #[wire(before(version: u8 = 1), before(length: u16 = size(body)), before(routed: u8 = present(route)))]
    route: Option<u8>,
    #[wire(after(check: u16 = crc("CRC-16/IBM-3740", version..)))]
    body: &'a [u8],
}

/// It covers the data alone.
#[derive(ExProtoFrame, Debug)]
#[frame(max = 200)]
#[wire(endian = little)]
pub struct OptBody<'a> {
    #[wire(before(b"\xA5\x5A"), before(length: u16 = size(body)), before(routed: u8 = present(route)))]
    route: Option<u8>,
    #[wire(after(check: u16 = crc("CRC-16/IBM-3740", body)))]
    body: &'a [u8],
}

/// It stands before what it covers.
#[derive(ExProtoFrame, Debug)]
#[frame(max = 200)]
#[wire(endian = big)]
pub struct Ahead<'a> {
    #[wire(before(check: u32 = crc("CRC-32/ISO-HDLC", length..)), before(length: u8 = size(body)))]
    kind: u8,
    body: &'a [u8],
}

/// It depends on fields, and stands in digits.
#[derive(ExProtoFrame, Debug)]
#[frame(max = 200)]
#[wire(endian = big)]
pub struct Seeded<'a> {
    #[wire(before(b"S"))]
    key: u8,
    #[wire(before(length: u8 = size(body)))]
    #[wire(after(check: hex(4) = fn(mixed, length..=body, key)))]
    body: &'a [u8],
}

fn mixed(bytes: &[u8], key: u8) -> u16 {
    bytes.iter().fold(u16::from(key), |sum, byte| sum.rotate_left(3) ^ u16::from(*byte).wrapping_mul(257))
}

/// It counts its own bytes as zeros.
#[derive(ExProtoFrame, Debug)]
#[frame(max = 200)]
#[wire(endian = big)]
pub struct Own<'a> {
    #[wire(before(b"\x01"), before(length: u16 = size(..)), before(check: u16 = internet(..)))]
    id: u16,
    body: &'a [u8],
}

/// Nothing but the walk knows where it stands.
#[derive(ExProtoFrame, Debug)]
#[frame(max = 200)]
#[wire(endian = big)]
pub struct Listed<'a> {
    #[wire(count = prefix(u8), max = 20)]
    records: Vec<Record<'a>>,
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", mark..)))]
    #[wire(before(mark: u8 = 0x33))]
    end: u8,
}

/// Each record has one of its own.
#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
pub struct Record<'a> {
    #[wire(size = prefix(u8))]
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", ..)))]
    text: &'a [u8],
}

#[test]
fn a_checksum_at_any_place_is_verified() {
    hunt!(OptAll<'_>, 200, |data| OptAll {
        route: data.first().copied().filter(|byte| *byte > 99),
        body: data
    });
    hunt!(OptBody<'_>, 200, |data| OptBody { route: Some(1), body: data });
    hunt!(Ahead<'_>, 200, |data| Ahead { kind: 7, body: data });
    hunt!(Seeded<'_>, 200, |data| Seeded { key: 0x5A, body: data });
    hunt!(Own<'_>, 200, |data| Own { id: 0x1234, body: data });
    hunt!(Listed<'_>, 200, |data| Listed {
        records: data.chunks(7).map(|text| Record { text }).collect(),
        end: 1
    });
}

// --- A checksum of the header -------------------------------------------------------

/// The header's at a constant place, one of the data behind it.
#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(endian = little)]
pub struct Small<'a> {
    #[wire(before(version: u8 = 1), before(length: u16 = size(body)))]
    #[wire(after(header_check: u16 = crc("CRC-16/DNP", version..)))]
    id: u16,
    #[wire(after(check: u16 = crc("CRC-16/IBM-3740", body)))]
    body: &'a [u8],
}

/// The header's alone.
#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(endian = big)]
pub struct HeadOnly<'a> {
    #[wire(before(b"\x05\x64"), before(length: u8 = size(control..=body)))]
    control: u8,
    #[wire(after(check: u16 = crc("CRC-16/DNP", ..)))]
    to: u16,
    body: &'a [u8],
}

/// The length counts the header's checksum too.
#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(endian = big)]
pub struct Within<'a> {
    #[wire(before(length: u16 = size(..)))]
    #[wire(after(header_check: u16 = crc("CRC-16/DNP", ..)))]
    id: u16,
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", body)))]
    body: &'a [u8],
}

/// The header varies, and says its own size.
#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(endian = little)]
pub struct Packet<'a> {
    #[wire(before(version: u8 = 1))]
    key: u8,
    #[wire(before(routed: bits(1) = present(route)), bits = 7)]
    flags: u8,
    #[wire(before(header_length: u8 = size(version..=header_check)))]
    encoding: u8,
    #[wire(before(length: u16 = size(body)))]
    id: u16,
    #[wire(before(kind: u8 = tag(body)), after(header_check: u8 = crc("CRC-8/NRSC-5", version..)))]
    route: Option<u32>,
    #[wire(after(check: u16 = crc("CRC-16/IBM-3740", body)))]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = little)]
pub enum Body<'a> {
    #[wire(tag = 1)]
    Data {
        id: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[test]
fn a_checksum_of_the_header_is_verified_before_its_length_counts() {
    // A wrong length of a frame that goes up to 64 KiB does not wait for them.
    hunt!(Small<'_>, 200, |data| Small { id: 5, body: data });
    hunt!(HeadOnly<'_>, 200, |data| HeadOnly { control: 0x44, to: 1024, body: data });
    hunt!(Within<'_>, 200, |data| Within { id: 77, body: data });
    hunt!(Packet<'_>, 200, |data| Packet {
        key: 0,
        flags: 3,
        encoding: 0,
        id: data.len() as u16,
        route: (data.len() > 9).then_some(0x0102_0304),
        body: Body::Data { id: 1, data }
    });
}

#[test]
fn a_wrong_header_is_told_as_soon_as_it_has_come() {
    let mut out = Vec::new();
    encode::<Small<'_>>(&Small { id: 5, body: &[7; 30] }, &mut out).unwrap();
    let sound = out.clone();
    out[2] ^= 0x40;
    let mut deframer = Deframer::<Small<'_>>::new();
    let mut scratch = Vec::new();
    let mut input = &out[..7];
    assert!(deframer.next(&mut input, &mut scratch).is_none());
    assert!(deframer.holds_garbage());
    let mut input = &sound[..];
    let Some(Item::Bad(bad)) = deframer.next(&mut input, &mut scratch) else { panic!() };
    assert_eq!(
        (bad.error.kind(), bad.error.field().name, bad.wire.len()),
        (ErrorKind::Checksum, "header_check", 7)
    );
    let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
    assert_eq!(raw.wire, sound);
}

#[test]
fn a_wrong_checksum_is_handed_out_where_it_is_accepted() {
    let mut out = Vec::new();
    encode::<Packet<'_>>(
        &Packet {
            key: 0,
            flags: 0,
            encoding: 0,
            id: 1,
            route: None,
            body: Body::Data { id: 1, data: b"ab" },
        },
        &mut out,
    )
    .unwrap();
    *out.last_mut().unwrap() ^= 1;
    let (got, _) = feed::<Packet<'_>>(&[&out], true);
    assert!(matches!(&got[..], [Got::Frame(..)]), "{got:?}");
}

// --- What waits --------------------------------------------------------------------

#[test]
fn a_sound_frame_within_what_waits_wins_when_nothing_comes() {
    // Noise before sound frames, which reads as the beginning of a longer one.
    let sound = frames::<Ahead<'_>>(
        |data, out| encode::<Ahead<'_>>(&Ahead { kind: 7, body: data }, out).unwrap(),
        20,
    );
    // The long ones hold more beginnings than are followed side by side.
    for noise in [&[0x40; 5][..], &[1, 2, 3, 0, 199], &[0; 3], &[0x40; 60], &[0x40; 150]] {
        let stream = [noise, &sound[0], &sound[1], &sound[2][..4]].concat();
        for at in 0..=stream.len() {
            let mut deframer = Deframer::<Ahead<'_>>::new();
            let (mut scratch, mut found, mut lost) = (Vec::new(), Vec::new(), 0);
            let mut take = |item: Item<'_>| match item {
                Item::Frame(raw) => found.push(raw.wire.to_vec()),
                Item::Bad(bad) => lost += bad.wire.len(),
            };
            let (first, second) = stream.split_at(at);
            for mut input in [first, second] {
                while let Some(item) = deframer.next(&mut input, &mut scratch) {
                    take(item);
                }
            }
            while let Some(item) = deframer.pause(&mut scratch) {
                take(item);
            }
            // What is not whole goes on waiting.
            assert!(deframer.may_pause());
            assert!(deframer.pause(&mut scratch).is_none());
            let mut input = &sound[2][4..];
            while let Some(item) = deframer.next(&mut input, &mut scratch) {
                take(item);
            }
            assert_eq!(found, sound[..3], "cut at {at}");
            assert_eq!(lost, noise.len());
        }
    }
}

#[test]
fn a_frame_that_comes_slowly_is_not_given_up() {
    let mut sound = Vec::new();
    encode::<Packet<'_>>(
        &Packet {
            key: 0,
            flags: 0,
            encoding: 0,
            id: 1,
            route: None,
            body: Body::Data { id: 1, data: &[1; 99] },
        },
        &mut sound,
    )
    .unwrap();
    let (mut deframer, mut scratch) = (Deframer::<Packet<'_>>::new(), Vec::new());
    let mut frames = 0;
    for byte in &sound {
        let mut input = std::slice::from_ref(byte);
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            assert!(matches!(item, Item::Frame(raw) if raw.wire == sound));
            frames += 1;
        }
        assert!(deframer.pause(&mut scratch).is_none());
    }
    assert_eq!(frames, 1);
}
