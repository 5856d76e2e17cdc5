//! The same frames come out of a stream however it was cut into chunks, and no
//! byte of it is looked at twice.
#![allow(clippy::unwrap_used)]

mod common;

use common::{
    Conn, Found, MAX, Message, PHONE, Rng, find, good_frames, hex, location_body, unescape, v2013, v2019,
    wrap,
};
use exproto_runtime::codec::{Deframer, ErrorKind, Flags};
use exproto_runtime::session::{ConnInfo, OnRefused};

/// Finds what there is and checks that the scanner's work is bounded: each byte
/// once, and for each item at most once more its closing flag and, where a
/// frame that was cut goes on, its first byte.
#[track_caller]
fn find_in(chunks: &[&[u8]]) -> Vec<Found> {
    let mut deframer = Deframer::<Message>::new();
    let found = find(&mut deframer, chunks);
    let len: usize = chunks.iter().map(|chunk| chunk.len()).sum();
    let bound = len as u64 + 2 * found.len() as u64 + 2;
    let visited = deframer.visited();
    assert!(visited <= bound, "{visited} bytes visited of {len} with {} items", found.len());
    found
}

#[track_caller]
fn whole(stream: &[u8]) -> Vec<Found> {
    find_in(&[stream])
}

/// Payloads at their places: what a frame alone is found as.
fn frames(payloads: &[(u64, &[u8])]) -> Vec<Found> {
    payloads.iter().map(|(at, payload)| frame(*at, payload)).collect()
}

fn frame(at: u64, payload: &[u8]) -> Found {
    Found::Frame { at, payload: payload.to_vec(), flags: Flags::NONE }
}

fn payload(wire: &[u8]) -> Vec<u8> {
    unescape(&wire[1..wire.len() - 1]).unwrap()
}

#[track_caller]
fn same_at_every_split(stream: &[u8]) -> Vec<Found> {
    let expected = whole(stream);
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        assert_eq!(find_in(&[head, tail]), expected, "cut at {at}: {}", hex(stream));
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(find_in(&bytes), expected, "byte by byte: {}", hex(stream));
    expected
}

/// A stream of all good frames, with all between them that is no frame, and
/// what has to be found in it.
fn everything(frames: &[Vec<u8>]) -> (Vec<u8>, Vec<Found>) {
    let mut rng = Rng(5);
    let (mut stream, mut expected) = (Vec::new(), Vec::new());
    let bad =
        |at: usize, kind, offset: usize, len| Found::Bad { at: at as u64, kind, offset: offset as u32, len };
    // Before the first flag everything is garbage.
    stream.extend(b"hello\x7D\x7D");
    expected.push(bad(0, ErrorKind::Garbage, 0, 0));
    stream.push(0x7E);
    for wire in frames {
        // `stream` ends in a flag.
        match rng.below(8) {
            0 => stream.extend([0x7E; 9]),
            1 => {
                // A frame that breaks off where the next one begins.
                let cut = 2 + rng.below(wire.len() / 2);
                let inner = &wire[1..cut];
                let plain = unescape(inner);
                let at = stream.len();
                stream.extend(inner);
                stream.push(0x7E);
                match plain {
                    Some(plain) if common::xor(&plain) == 0 && plain.len() > 1 => {
                        expected.push(frame(at as u64, &plain))
                    }
                    Some(plain) if plain.is_empty() => {}
                    Some(plain) => {
                        // One byte has nothing before its checksum.
                        let offset = common::wire_offset(wire, plain.len() - 1) - 1;
                        expected.push(bad(at, ErrorKind::Checksum, offset, inner.len() + 1));
                    }
                    None => expected.push(bad(at, ErrorKind::Escape, inner.len() - 1, inner.len() + 1)),
                }
            }
            2 => {
                // The escape is the last byte before the flag.
                let at = stream.len();
                stream.extend(b"ab\x7D\x7E");
                expected.push(bad(at, ErrorKind::Escape, 2, 4));
            }
            _ => {}
        }
        // Shared flags and flags of its own.
        if rng.below(2) == 0 {
            stream.push(0x7E);
        }
        expected.push(frame(stream.len() as u64, &payload(wire)));
        stream.extend(&wire[1..]);
    }
    (stream, expected)
}

#[test]
fn every_good_frame_cut_in_two_anywhere() {
    for wire in good_frames() {
        assert_eq!(same_at_every_split(&wire), frames(&[(1, &payload(&wire))]), "{}", hex(&wire));
    }
}

#[test]
fn two_frames_glued_and_cut_in_two_anywhere() {
    let frames_ = good_frames();
    let mut rng = Rng(1);
    for _ in 0..60 {
        let [a, b] = [0, 0].map(|_| &frames_[rng.below(frames_.len())]);
        let glued = [&a[..], b].concat();
        let second = a.len() as u64 + 1;
        assert_eq!(same_at_every_split(&glued), frames(&[(1, &payload(a)), (second, &payload(b))]));
        let shared = [&a[..], &b[1..]].concat();
        assert_eq!(same_at_every_split(&shared), frames(&[(1, &payload(a)), (second - 1, &payload(b))]));
    }
}

#[test]
fn everything_in_one_chunk_byte_by_byte_and_in_thousands_of_ways() {
    let (stream, expected) = everything(&good_frames());
    assert!(expected.iter().any(|found| matches!(found, Found::Bad { kind: ErrorKind::Escape, .. })));
    assert!(expected.iter().any(|found| matches!(found, Found::Bad { kind: ErrorKind::Checksum, .. })));
    let found = whole(&stream);
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(find_in(&bytes), expected);
    let mut rng = Rng(2);
    for _ in 0..300 {
        let most = 1 << rng.below(13);
        assert_eq!(find_in(&rng.chunks(&stream, most)), expected, "chunks of at most {most}");
    }
    // Shorter streams, more ways.
    let start = 1 + rng.below(30);
    for piece in stream[start..].chunks(700).take(30) {
        let expected = whole(piece);
        for _ in 0..100 {
            let most = 1 + rng.below(64);
            assert_eq!(find_in(&rng.chunks(piece, most)), expected);
        }
    }
}

#[test]
fn the_session_does_the_same_however_the_stream_was_cut() {
    // Without those that end the connection.
    let frames: Vec<_> =
        good_frames().into_iter().filter(|wire| !wire.starts_with(b"\x7E\x00\x03")).collect();
    let (stream, _) = everything(&frames);
    let run = |chunks: &[&[u8]]| {
        let settings = common::settings(|settings| settings.on_refused = OnRefused::Keep);
        let mut conn = Conn::with(ConnInfo::default(), settings);
        conn.log_in(PHONE);
        for chunk in chunks {
            conn.send(chunk);
        }
        let tally = conn.take_tally();
        (conn.transcript().to_vec(), tally.frames, tally.publishes, tally.replies)
    };
    let expected = run(&[&stream]);
    assert!(expected.1 > 150, "{} frames", expected.1);
    let mut rng = Rng(3);
    for most in [1, 2, 7, 64, 500, 5000] {
        assert_eq!(run(&rng.chunks(&stream, most)), expected, "chunks of at most {most}");
    }
}

/// Frames whose checksum is the byte, by choosing the serial number.
fn with_checksum(check: u8) -> Vec<Vec<u8>> {
    [v2013(0), v2019(0)]
        .into_iter()
        .map(|mut header| {
            let body = location_body(&[]);
            let now = *header.payload(0x0200, &body).last().unwrap();
            header.serial = u16::from(now ^ check);
            let payload = header.payload(0x0200, &body);
            assert_eq!(payload.last(), Some(&check));
            wrap(&payload)
        })
        .collect()
}

#[test]
fn an_escaped_checksum_is_one_wherever_it_is_cut() {
    for (check, escaped) in [(0x7E, [0x7D, 0x02, 0x7E]), (0x7D, [0x7D, 0x01, 0x7E])] {
        for wire in with_checksum(check) {
            assert!(wire.ends_with(&escaped), "{}", hex(&wire));
            assert_eq!(same_at_every_split(&wire), frames(&[(1, &payload(&wire))]));
            let twice = [&wire[..], &wire].concat();
            assert_eq!(same_at_every_split(&twice).len(), 2);
            // Without its code the escape is the last byte of the frame.
            let mut cut = wire.clone();
            cut.remove(wire.len() - 2);
            let offset = cut.len() as u32 - 3;
            let stream = [&cut[..], &wire].concat();
            let bad = Found::Bad { at: 1, kind: ErrorKind::Escape, offset, len: cut.len() - 1 };
            let next = frame(cut.len() as u64 + 1, &payload(&wire));
            assert_eq!(same_at_every_split(&stream), [bad, next]);
        }
    }
}

#[test]
fn empty_frames_are_no_frames() {
    let wire = v2013(1).frame(0x0002, &[]);
    for flags in [1, 2, 3, 100, 5000] {
        let run = vec![0x7E; flags];
        assert_eq!(find_in(&[&run]), []);
        assert_eq!(find_in(&run.chunks(1).collect::<Vec<_>>()), []);
        let stream = [&run[..], &wire[1..], &run, &wire[1..], &run].concat();
        let found = whole(&stream);
        assert_eq!(found.len(), 2, "{flags} flags");
        assert_eq!(find_in(&stream.chunks(1).collect::<Vec<_>>()), found);
        assert_eq!(find_in(&stream.chunks(7).collect::<Vec<_>>()), found);
    }
}

#[test]
fn a_flood_without_a_flag_is_one_error_in_little_memory() {
    let wire = v2013(1).frame(0x0002, &[]);
    let flood = vec![0x55; 64 << 10];
    // In a frame that began, and before any frame.
    for (opening, kind) in [(&b"\x7E"[..], ErrorKind::TooLong), (b"", ErrorKind::Garbage)] {
        let stream = [opening, &flood, &wire[..]].concat();
        let next = stream.len() - wire.len() + 1;
        let bad = Found::Bad { at: opening.len() as u64, kind, offset: 0, len: 0 };
        let expected = [bad, frame(next as u64, &payload(&wire))];
        let mut rng = Rng(4);
        for most in [1, 2, 100, 1000, 4095, 4096, 4097, 5000, 70_000] {
            let mut deframer = Deframer::<Message>::new();
            let mut found = Vec::new();
            for chunk in rng.chunks(&stream, most) {
                found.extend(find(&mut deframer, &[chunk]));
                assert!(deframer.pending().len() <= MAX + 1, "{} bytes kept", deframer.pending().len());
            }
            assert_eq!(found, expected, "chunks of at most {most}");
            assert_eq!(find_in(&rng.chunks(&stream, most)), expected, "chunks of at most {most}");
        }
        assert_eq!(whole(&stream), expected);
    }
}

#[test]
fn the_longest_frame_is_found_and_a_byte_more_is_not() {
    let text = |len: usize| {
        // As many bytes between the flags as `len`.
        let mut inner = vec![0x11; len - 1];
        inner.push(common::xor(&inner));
        [&[0x7E][..], &inner, &[0x7E]].concat()
    };
    let longest = text(MAX);
    let too_long = text(MAX + 1);
    let stream = [&longest[..], &too_long, &longest].concat();
    let at = [1, longest.len() + 1, longest.len() + too_long.len() + 1].map(|at| at as u64);
    let bad = Found::Bad { at: at[1], kind: ErrorKind::TooLong, offset: 0, len: 0 };
    let expected = [frame(at[0], &payload(&longest)), bad, frame(at[2], &payload(&longest))];
    assert_eq!(whole(&stream), expected);
    let mut rng = Rng(6);
    for most in [1, 3, 50, 4095, 4096, 4097, 4098, 4099, 9000] {
        for _ in 0..10 {
            assert_eq!(find_in(&rng.chunks(&stream, most)), expected, "chunks of at most {most}");
        }
    }
}
