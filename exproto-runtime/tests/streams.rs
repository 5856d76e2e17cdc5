//! Payloads that are handed out in pieces.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use exproto_runtime::codec::{
    Chunk, Deframer, ErrorKind, Fill, Flag, Item, Node, Random, decode, encode, explain_item, reencode,
    to_json,
};
use exproto_runtime::prelude::*;
use exproto_runtime::session::{ConnInfo, SessionSettings};
use exproto_runtime::testkit::TestConn;

/// A checksum of its own for what says the length, one behind all, and an end.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 64)]
#[wire(endian = big)]
struct Upload<'a> {
    #[wire(before(b"UP"), size = prefix(u8), as = Ascii)]
    name: Text<'a>,
    #[wire(before(length: u32 = size(data) + 2))]
    #[wire(after(head: u8 = xor(..)))]
    id: u16,
    #[wire(stream = 8, max = 1000)]
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", name..)), after(b"\r\n"))]
    data: Chunk<&'a [u8]>,
}

/// What an item is, without what it borrows.
#[derive(Debug, PartialEq, Clone)]
enum Seen {
    Whole(u16, Vec<u8>),
    Piece { id: u16, offset: u64, total: u64, last: bool, bytes: Vec<u8>, flagged: bool },
    Bad(ErrorKind, String, u64, Vec<u8>),
}

fn see(item: &Item<'_>) -> Seen {
    match item {
        Item::Frame(raw) => {
            let received = raw.decode::<Upload<'_>>().unwrap();
            assert!(received.frame.name == *"cam");
            let (id, data) = (received.frame.id, received.frame.data);
            if raw.piece.is_none() {
                assert!(data.is_whole());
                return Seen::Whole(id, data.bytes.to_vec());
            }
            let Chunk { offset, total, last, bytes } = data;
            let flagged = received.flags.has(Flag::Checksum);
            Seen::Piece { id, offset, total, last, bytes: bytes.to_vec(), flagged }
        }
        Item::Bad(bad) => Seen::Bad(bad.error.kind(), bad.error.to_string(), bad.offset, bad.wire.to_vec()),
    }
}

/// All items of a stream that comes in these pieces, and the bytes they came in.
fn seen_in(chunks: &[&[u8]], accept: bool, end: bool) -> (Vec<Seen>, Vec<u8>) {
    let mut deframer = Deframer::<Upload<'_>>::new().accepting_bad(accept);
    let (mut scratch, mut seen, mut wire) = (Vec::new(), Vec::new(), Vec::new());
    let mut note = |item: Item<'_>| {
        let bytes = match item {
            Item::Frame(raw) => raw.wire,
            Item::Bad(bad) => bad.wire,
        };
        let offset = match item {
            Item::Frame(raw) => raw.offset,
            Item::Bad(bad) => bad.offset,
        };
        assert_eq!(offset, wire.len() as u64);
        wire.extend_from_slice(bytes);
        seen.push(see(&item));
    };
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            note(item);
        }
        assert!(input.is_empty());
    }
    while let Some(item) = deframer.finish(&mut scratch).filter(|_| end) {
        note(item);
    }
    (seen, wire)
}

fn upload(id: u16, bytes: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let frame = Upload { name: "cam".into(), id, data: Chunk::whole(bytes) };
    encode::<Upload<'_>>(&frame, &mut wire).unwrap();
    wire
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|at| (at * 7 + 1) as u8).collect()
}

/// What is expected of a sound upload.
fn expected(id: u16, payload: &[u8]) -> Vec<Seen> {
    if payload.len() <= 8 {
        return vec![Seen::Whole(id, payload.to_vec())];
    }
    let mut offset = 0;
    let pieces = payload.chunks(8).map(|piece| {
        let at = offset;
        offset += piece.len() as u64;
        let (total, last) = (payload.len() as u64, offset == payload.len() as u64);
        Seen::Piece { id, offset: at, total, last, bytes: piece.to_vec(), flagged: false }
    });
    pieces.collect()
}

/// The same events however the stream is cut.
fn every_split(stream: &[u8], accept: bool, end: bool) -> Vec<Seen> {
    let (seen, wire) = seen_in(&[stream], accept, end);
    if end {
        assert_eq!(wire, stream);
    }
    for at in 0..=stream.len() {
        let (front, back) = stream.split_at(at);
        assert_eq!(seen_in(&[front, back], accept, end), (seen.clone(), wire.clone()), "cut at {at}");
    }
    for size in 1..20 {
        let chunks: Vec<_> = stream.chunks(size).collect();
        assert_eq!(seen_in(&chunks, accept, end), (seen.clone(), wire.clone()), "{size} at a time");
    }
    seen
}

#[test]
fn small_payloads_are_whole_and_large_ones_come_in_pieces() {
    for size in [0, 1, 7, 8, 9, 15, 16, 17, 24, 25, 60] {
        let payload = bytes(size);
        let mut stream = upload(1, &payload);
        stream.extend(upload(2, b"next"));
        let mut want = expected(1, &payload);
        want.push(Seen::Whole(2, b"next".to_vec()));
        assert_eq!(every_split(&stream, false, true), want, "{size}");
        // Without a stream the same bytes are one frame.
        let whole = upload(1, &payload);
        let received = decode::<Upload<'_>>(&whole).unwrap();
        assert_eq!(received.frame.data, Chunk::whole(&payload[..]));
    }
}

#[test]
fn a_wrong_checksum_is_an_item_at_the_end_and_nothing_is_searched_again() {
    for size in [9, 16, 23] {
        // What was handed out looks like another frame.
        let mut payload = bytes(size);
        payload[..2].copy_from_slice(b"UP");
        let mut stream = upload(1, &payload);
        let at = stream.len() - 4;
        stream[at] ^= 1;
        stream.extend(upload(2, b""));
        let seen = every_split(&stream, false, true);
        let mut want = expected(1, &payload);
        want.pop();
        let last = payload.chunks(8).last().unwrap();
        let from = stream.len() - upload(2, b"").len() - 4 - last.len();
        want.push(Seen::Bad(
            ErrorKind::Checksum,
            format!("Upload.check at byte {}: the checksum does not match the bytes received", last.len()),
            from as u64,
            stream[from..from + last.len() + 4].to_vec(),
        ));
        want.push(Seen::Whole(2, Vec::new()));
        assert_eq!(seen, want);
        // Accepted, it is flagged.
        let accepted = every_split(&stream, true, true);
        assert_eq!(accepted.len(), want.len());
        let Seen::Piece { last: true, flagged: true, .. } = accepted[accepted.len() - 2] else {
            panic!("{accepted:?}")
        };
    }
}

#[test]
fn damage_anywhere_loses_no_later_frame() {
    let payload = bytes(30);
    let sound = upload(1, &payload);
    for at in 0..sound.len() {
        let mut stream = sound.clone();
        stream[at] ^= 0x10;
        stream.extend(upload(2, b"next"));
        stream.extend(upload(3, &payload));
        let seen = every_split(&stream, false, true);
        let want: Vec<_> = [vec![Seen::Whole(2, b"next".to_vec())], expected(3, &payload)].concat();
        assert!(seen.ends_with(&want), "{at}: {seen:?}");
        let bad = seen.iter().filter(|item| matches!(item, Seen::Bad(..))).count();
        assert!(bad > 0, "{at}");
    }
}

#[test]
fn what_stands_behind_is_compared() {
    let payload = bytes(12);
    let mut stream = upload(1, &payload);
    *stream.last_mut().unwrap() = b'!';
    let seen = every_split(&stream, false, true);
    let Seen::Bad(ErrorKind::Constant, text, ..) = &seen[1] else { panic!("{seen:?}") };
    assert_eq!(text, "Upload._ at byte 6: another value stands where a constant should");
}

#[test]
fn the_end_of_the_stream_in_the_middle_is_an_error_that_names_the_payload() {
    let payload = bytes(20);
    let sound = upload(1, &payload);
    let head = sound.len() - 20 - 4;
    for cut in head..sound.len() {
        let seen = every_split(&sound[..cut], false, true);
        let Some(Seen::Bad(ErrorKind::Short, text, offset, wire)) = seen.last() else {
            panic!("{cut} {seen:?}")
        };
        let given = seen.len() - 1;
        assert_eq!(given, (cut - head).min(19) / 8, "{cut}");
        if given > 0 {
            assert_eq!(offset + wire.len() as u64, cut as u64);
            assert_eq!(
                *text,
                format!("Upload.data at byte {}: the field needs more bytes than are left", wire.len())
            );
        }
    }
}

#[test]
fn a_payload_beyond_its_max_is_no_frame() {
    let mut stream = upload(1, &bytes(1000));
    assert_eq!(seen_in(&[&stream], false, true).0.len(), 125);
    // 1001 bytes, and the checksum of the head as it should be.
    let at = stream.iter().position(|byte| *byte == 0).unwrap();
    stream[at + 3] += 1;
    let head = stream[..at + 6].iter().fold(0, |sum, byte| sum ^ byte);
    stream[at + 6] = head;
    let (seen, _) = seen_in(&[&stream], false, true);
    let Seen::Bad(ErrorKind::TooLong, text, ..) = &seen[0] else { panic!("{seen:?}") };
    assert!(text.starts_with("Upload.data"), "{text}");
}

#[test]
fn pieces_are_kept_as_they_came() {
    let payload = bytes(21);
    let stream = upload(7, &payload);
    let (mut deframer, mut scratch) = (Deframer::<Upload<'_>>::new(), Vec::new());
    let (mut input, mut again) = (&stream[..], Vec::new());
    while let Some(item) = deframer.next(&mut input, &mut scratch) {
        let Item::Frame(raw) = item else { panic!("{item:?}") };
        let received = raw.decode::<Upload<'_>>().unwrap();
        let error = encode::<Upload<'_>>(&received.frame, &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Size);
        reencode::<Upload<'_>>(&received, &raw, &mut again).unwrap();
        let at = stream.len() - 21 - 4 + received.frame.data.offset as usize;
        assert_eq!(
            raw.stream_offset::<Upload<'_>>((raw.payload.len() - received.frame.data.bytes.len()) as u32),
            at as u64
        );
    }
    assert_eq!(again, stream);
    assert!(!deframer.in_pieces());
}

#[test]
fn a_piece_is_shown() {
    let payload = bytes(9);
    let stream = upload(7, &payload);
    let (mut deframer, mut scratch, mut input) = (Deframer::<Upload<'_>>::new(), Vec::new(), &stream[..]);
    let first = deframer.next(&mut input, &mut scratch).unwrap();
    let Item::Frame(raw) = &first else { panic!() };
    let mut json = Vec::new();
    to_json(&raw.decode::<Upload<'_>>().unwrap().frame, &mut json);
    assert_eq!(
        String::from_utf8(json).unwrap(),
        r#"{"name":"cam","id":7,"data":{"offset":0,"total":9,"last":false,"bytes":"01080f161d242b32"}}"#
    );
    let explanation = explain_item::<Upload<'_>>(&first);
    assert!(explanation.failure().is_none());
    assert!(
        explanation
            .spans()
            .iter()
            .any(|span| span.value.as_deref().is_some_and(|value| value.contains("total"))),
        "{explanation}"
    );
    let mut broken = stream.clone();
    let at = broken.len() - 3;
    broken[at] ^= 1;
    let (mut deframer, mut input) = (Deframer::<Upload<'_>>::new(), &broken[..]);
    deframer.next(&mut input, &mut scratch).unwrap();
    let bad = deframer.next(&mut input, &mut scratch).unwrap();
    let explanation = explain_item::<Upload<'_>>(&bad);
    assert!(explanation.to_string().contains("checksum"), "{explanation}");
}

#[test]
fn a_payload_is_made_of_json_and_at_random() {
    static NONE: exproto_runtime::codec::FieldInfo = exproto_runtime::codec::FieldInfo::new("", "");
    let of = |json: &str| {
        let node = Node::parse(json.as_bytes()).unwrap();
        let frame = Upload::fill(Some(&node), &NONE).unwrap();
        (frame.data.offset, frame.data.total, frame.data.last, frame.data.bytes.to_vec())
    };
    assert_eq!(of(r#"{"name":"x","id":1,"data":"0a0b"}"#), (0, 2, true, vec![10, 11]));
    assert_eq!(
        of(r#"{"name":"x","id":1,"data":{"offset":8,"total":10,"last":true,"bytes":"0a0b"}}"#),
        (8, 10, true, vec![10, 11])
    );
    for seed in 0..50 {
        let frame: Upload<'_> = Random::new(seed).make();
        let mut wire = Vec::new();
        encode::<Upload<'_>>(&frame, &mut wire).unwrap();
        assert_eq!(decode::<Upload<'_>>(&wire).unwrap().frame, frame);
    }
}

/// Each algorithm goes on from piece to piece, over odd sizes too.
macro_rules! algorithms {
    ($($name:ident $ty:ident $algorithm:expr;)*) => {$({
        #[derive(ExProtoFrame, Debug, PartialEq)]
        #[frame]
        #[wire(endian = little)]
        struct $name {
            #[wire(before(b"@"), size = prefix(u16), stream = 5)]
            #[wire(after(b"-"), after(check: $ty = $algorithm))]
            data: Chunk<Vec<u8>>,
        }
        let mut stream = Vec::new();
        encode::<$name>(&$name { data: Chunk::whole(bytes(33)) }, &mut stream).unwrap();
        let (mut deframer, mut scratch, mut input) = (Deframer::<$name>::new(), Vec::new(), &stream[..]);
        let mut all = Vec::new();
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            let Item::Frame(raw) = item else { panic!("{item:?}") };
            all.extend(raw.decode::<$name>().unwrap().frame.data.bytes);
        }
        assert_eq!(all, bytes(33), stringify!($name));
        let at = stream.len() - 10;
        stream[at] ^= 0x20;
        let (mut deframer, mut input, mut last) = (Deframer::<$name>::new(), &stream[..], None);
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            last = Some(match item { Item::Bad(bad) => bad.error.kind(), Item::Frame(_) => continue });
        }
        assert_eq!(last, Some(ErrorKind::Checksum), stringify!($name));
    })*};
}

#[test]
fn every_algorithm_goes_on() {
    algorithms! {
        Xored u8 xor(..);
        Summed u16 sum(data..);
        Negated u8 lrc(..);
        Internet u16 internet(..);
        Long u32 crc("CRC-32/ISO-HDLC", data);
        Longest u64 crc("CRC-64/XZ", ..);
    }
}

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway)]
enum Port<'a> {
    File(File<'a>),
    Ping(Ping),
    Ack(Ack),
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Port<'_>, anonymous)]
#[route(publish("files/{number}/{data.offset}", qos = 1, payload = data), reply = taken)]
struct File<'a> {
    #[wire(before(b"F"), before(length: u32 = size(number..=data)))]
    number: u16,
    #[wire(stream = 4, after(check: u8 = xor(number..)))]
    data: Chunk<&'a [u8]>,
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[route(one_of = Port<'_>, anonymous, publish("ping"))]
struct Ping {
    #[wire(before(b"P"))]
    value: u8,
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Port<'_>, sent)]
struct Ack {
    #[wire(before(b"A"))]
    number: u16,
    bytes: u32,
}

fn taken(file: &File<'_>, _: &mut Cx<'_, ()>, _: &Outcome) -> Option<Port<'static>> {
    file.data.last.then_some(Port::Ack(Ack { number: file.number, bytes: file.data.total as u32 }))
}

fn file(bytes: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    let frame = Port::File(File { number: 7, data: Chunk::whole(bytes) });
    encode::<Port<'_>>(&frame, &mut wire).unwrap();
    wire
}

#[test]
fn each_piece_is_published_and_the_last_one_answered() {
    let stream = [file(b"abcdefghij"), b"P\x01".to_vec()].concat();
    for size in 1..=stream.len() {
        let mut device = TestConn::<Port<'_>>::new();
        for chunk in stream.chunks(size) {
            device.send(chunk);
        }
        let topics: Vec<_> = device
            .publishes()
            .iter()
            .map(|publish| (publish.topic.clone(), publish.payload.to_vec()))
            .collect();
        let want = [
            ("files/7/0", &b"abcd"[..]),
            ("files/7/4", b"efgh"),
            ("files/7/8", b"ij"),
            ("ping", b"{\"value\":1}"),
        ];
        assert_eq!(topics.len(), 4, "{size}: {topics:?}");
        for ((topic, payload), (to, of)) in topics.iter().zip(want) {
            assert_eq!((topic.as_str(), &payload[..]), (to, of), "{size}");
        }
        assert_eq!(device.sent(), b"A\0\x07\0\0\0\x0A", "{size}");
    }
}

#[test]
fn a_connection_that_ends_in_the_middle_is_reported() {
    let stream = file(b"abcdefghij");
    let mut device = TestConn::<Port<'_>>::with(ConnInfo::default(), SessionSettings::default());
    device.send(&stream[..14]);
    device.disconnect();
    let reports: Vec<_> = device.take_reports().iter().map(ToString::to_string).collect();
    assert!(reports.iter().any(|report| report.contains("File.data")), "{reports:?}");
}

#[test]
fn pieces_that_wait_do_not_hide_the_cut() {
    let stream = file(b"abcdefghij");
    // Without a piece behind the one that waits, with a part of one, with one and more.
    for end in [12, 14, 16, stream.len() - 1] {
        let mut settings = SessionSettings::default();
        settings.max_bad_frames = 1;
        let mut device = TestConn::<Port<'_>>::with(ConnInfo::default(), settings);
        device.pause().send(&stream[..end]);
        assert!(!device.wants_bytes());
        device.disconnect();
        let reports: Vec<_> = device.take_reports().iter().map(ToString::to_string).collect();
        assert!(reports.iter().any(|report| report.contains("File.data")), "{end}: {reports:?}");
        assert_eq!(device.take_tally().bad_frames, 1, "{end}");
        // The device has closed, not we.
        assert_eq!(device.closed(), None, "{end}");
    }
    // A whole frame that waits is no damage.
    let mut device = TestConn::<Port<'_>>::new();
    device.pause().send(&stream);
    device.disconnect();
    assert_eq!((device.take_tally().bad_frames, device.take_reports().len()), (0, 0));
}
