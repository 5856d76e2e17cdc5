//! Frames in blocks with a checksum behind each.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use exproto_runtime::codec::{
    Deframer, ErrorKind, Flag, Item, Random, decode, encode, explain_item, reencode,
};
use exproto_runtime::prelude::*;

/// A link frame of DNP3, IEEE 1815: ten bytes with a checksum, then blocks of 16 bytes with
/// one each. The length counts neither itself nor checksums.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(blocks(first = 8, size = 16, check: u16 = crc("CRC-16/DNP", ..)))]
#[wire(endian = little)]
struct Link<'a> {
    #[wire(before(b"\x05\x64"), before(length: u8 = size(control..=data)))]
    control: u8,
    destination: u16,
    source: u16,
    data: &'a [u8],
}

/// The checksum as the standard computes it, bit by bit.
fn crc(bytes: &[u8]) -> [u8; 2] {
    let register = bytes.iter().fold(0_u16, |register, byte| {
        (0..8).fold(register ^ u16::from(*byte), |register, _| {
            if register & 1 == 1 { register >> 1 ^ 0xA6BC } else { register >> 1 }
        })
    });
    (!register).to_le_bytes()
}

/// A frame put together by hand.
fn link(data: &[u8]) -> Vec<u8> {
    let mut wire = vec![0x05, 0x64, 5 + data.len() as u8, 0xC4, 0x01, 0x00, 0x00, 0x04];
    wire.extend(crc(&wire.clone()));
    for block in data.chunks(16) {
        wire.extend(block);
        wire.extend(crc(block));
    }
    wire
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 11 + 3) as u8).collect()
}

#[derive(Debug, PartialEq, Clone)]
enum Seen {
    Frame(Vec<u8>, bool),
    Bad(ErrorKind, u32, usize),
}

fn seen_in(chunks: &[&[u8]], accept: bool) -> Vec<Seen> {
    let mut deframer = Deframer::<Link<'_>>::new().accepting_bad(accept);
    let (mut scratch, mut seen, mut total) = (Vec::new(), Vec::new(), 0);
    let mut note = |item: Item<'_>| {
        seen.push(match item {
            Item::Frame(raw) => {
                assert_eq!(raw.offset, total);
                total += raw.wire.len() as u64;
                let received = raw.decode::<Link<'_>>().unwrap();
                let mut again = Vec::new();
                reencode::<Link<'_>>(&received, &raw, &mut again).unwrap();
                assert_eq!(again, raw.wire);
                Seen::Frame(received.frame.data.to_vec(), received.flags.has(Flag::Checksum))
            }
            Item::Bad(bad) => {
                assert_eq!(bad.offset, total);
                total += bad.wire.len() as u64;
                Seen::Bad(bad.error.kind(), bad.error.offset(), bad.wire.len())
            }
        });
    };
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            note(item);
        }
    }
    while let Some(item) = deframer.finish(&mut scratch) {
        note(item);
    }
    assert_eq!(total, chunks.concat().len() as u64);
    seen
}

fn every_split(stream: &[u8], accept: bool) -> Vec<Seen> {
    let seen = seen_in(&[stream], accept);
    for at in 0..=stream.len() {
        let (front, back) = stream.split_at(at);
        assert_eq!(seen_in(&[front, back], accept), seen, "cut at {at}");
    }
    let single: Vec<_> = stream.chunks(1).collect();
    assert_eq!(seen_in(&single, accept), seen);
    seen
}

#[test]
fn a_link_frame_of_the_standard() {
    let wire = [0x05, 0x64, 0x05, 0xC0, 0x01, 0x00, 0x00, 0x04, 0xE9, 0x21];
    assert_eq!(every_split(&wire, false), [Seen::Frame(Vec::new(), false)]);
    let mut again = Vec::new();
    let frame = Link { control: 0xC0, destination: 1, source: 0x0400, data: &[] };
    encode::<Link<'_>>(&frame, &mut again).unwrap();
    assert_eq!(again, wire);
    // What decoding is given has no checksums.
    assert_eq!(decode::<Link<'_>>(&wire[..8]).unwrap().frame, frame);
}

#[test]
fn blocks_of_every_size() {
    for size in [1, 2, 15, 16, 17, 31, 32, 33, 100, 250] {
        let data = bytes(size);
        let wire = link(&data);
        let mut again = Vec::new();
        let frame = Link { control: 0xC4, destination: 1, source: 0x0400, data: &data };
        encode::<Link<'_>>(&frame, &mut again).unwrap();
        assert_eq!(again, wire, "{size}");
        let stream = [&wire[..], &link(b"next")].concat();
        let want = [Seen::Frame(data, false), Seen::Frame(b"next".to_vec(), false)];
        assert_eq!(every_split(&stream, false), want, "{size}");
    }
}

#[test]
fn a_wrong_block_is_told_where_it_stands_on_the_wire() {
    for (at, check) in [(9, 8), (4, 8), (12, 26), (27, 26), (30, 32)] {
        let mut wire = link(&bytes(20));
        wire[at] ^= 0x04;
        let stream = [&wire[..], &link(b"next")].concat();
        let seen = every_split(&stream, false);
        let Seen::Bad(ErrorKind::Checksum, offset, _) = seen[0] else { panic!("{at}: {seen:?}") };
        assert_eq!(offset, check, "{at}");
        assert_eq!(seen.last(), Some(&Seen::Frame(b"next".to_vec(), false)), "{at}");
        // Accepted, it is flagged and goes on as it came.
        let accepted = every_split(&stream, true);
        assert!(matches!(&accepted[..], [Seen::Frame(_, true), Seen::Frame(_, false)]), "{at}: {accepted:?}");
    }
}

#[test]
fn a_length_counts_only_in_a_right_block() {
    // 255 bytes that never come: the next frame is found at once.
    let mut wire = link(b"");
    wire[2] = 0xFF;
    let stream = [&wire[..], &link(b"next")].concat();
    let mut deframer = Deframer::<Link<'_>>::new();
    let (mut input, mut scratch, mut seen) = (&stream[..], Vec::new(), Vec::new());
    while let Some(item) = deframer.next(&mut input, &mut scratch) {
        seen.push(matches!(item, Item::Frame(_)));
    }
    assert_eq!(seen, [false, true]);
    // A length that the first block does not have.
    let mut short = link(b"");
    short[2] = 4;
    let check = crc(&short[..8]);
    short[8..].copy_from_slice(&check);
    let seen = every_split(&[&short[..], &link(b"next")].concat(), false);
    assert!(matches!(&seen[..], [Seen::Bad(ErrorKind::Length, ..), Seen::Frame(..)]), "{seen:?}");
}

#[test]
fn damage_loses_no_later_frame() {
    let sound = link(&bytes(40));
    for at in 0..sound.len() {
        for bit in 0..8 {
            let mut stream = sound.clone();
            stream[at] ^= 1 << bit;
            stream.extend(link(b"next"));
            stream.extend(&sound);
            let seen = seen_in(&[&stream], false);
            let want = [Seen::Frame(b"next".to_vec(), false), Seen::Frame(bytes(40), false)];
            assert!(seen.ends_with(&want), "{at} {bit}: {seen:?}");
            assert!(matches!(seen[0], Seen::Bad(..)));
        }
    }
}

#[test]
fn random_frames_come_back() {
    for seed in 0..60 {
        let frame: Link<'_> = Random::new(seed).make();
        let mut wire = Vec::new();
        encode::<Link<'_>>(&frame, &mut wire).unwrap();
        assert_eq!(seen_in(&[&wire], false), [Seen::Frame(frame.data.to_vec(), false)]);
    }
}

#[test]
fn errors_have_a_picture() {
    let mut wire = link(&bytes(20));
    wire[30] ^= 1;
    let (mut deframer, mut input, mut scratch) = (Deframer::<Link<'_>>::new(), &wire[..], Vec::new());
    let mut picture =
        deframer.next(&mut input, &mut scratch).map(|item| explain_item::<Link<'_>>(&item).to_string());
    picture = picture
        .or_else(|| deframer.finish(&mut scratch).map(|item| explain_item::<Link<'_>>(&item).to_string()));
    let picture = picture.unwrap();
    assert!(picture.contains("Link.blocks") || picture.contains("blocks"), "{picture}");
}

/// Big-endian sums, a checksum of the frame within, and a constant behind the first block.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(blocks(first = 4, size = 3, check: u8 = xor(..)), max = 64)]
#[wire(endian = big)]
struct Inner {
    #[wire(before(b"@"), before(length: u16 = size(a..)))]
    #[wire(before(mark: u8 = 0x55))]
    a: u16,
    #[wire(before(b"OK"), rest, after(sum: u16 = sum(a..)))]
    data: Vec<u8>,
}

#[test]
fn what_stands_within_is_verified_when_it_is_decoded() {
    let frame = Inner { a: 7, data: vec![1, 2, 3, 4, 5] };
    let mut wire = Vec::new();
    encode::<Inner>(&frame, &mut wire).unwrap();
    let (mut deframer, mut scratch, mut input) = (Deframer::<Inner>::new(), Vec::new(), &wire[..]);
    let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
    assert_eq!(raw.wire.len(), raw.payload.len() + 1 + (raw.payload.len() - 4).div_ceil(3));
    assert_eq!(raw.decode::<Inner>().unwrap().frame, frame);
    // Another sum in blocks that are right: an error at its place in the stream.
    let mut plain = raw.payload.to_vec();
    *plain.last_mut().unwrap() ^= 1;
    let error = decode::<Inner>(&plain).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Checksum, "sum"));
    assert_eq!(raw.stream_offset::<Inner>(4), 5);
    assert_eq!(raw.stream_offset::<Inner>(3), 3);
    assert_eq!(raw.stream_offset::<Inner>(7), 9);
}
