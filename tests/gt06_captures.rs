//! Frames of Traccar's tests through the GT06 example: read, compared with what
//! Traccar says, written again byte for byte, answered.
#![allow(clippy::unwrap_used)]

#[path = "../examples/gt06.rs"]
#[allow(dead_code, unreachable_pub, missing_docs, clippy::print_stdout)]
mod gt06;

use exproto_runtime::codec::{Deframer, Flag, Item, reencode};
use exproto_runtime::testkit::TestConn;
use gt06::{Alarm, Content, Fix, Location, Mixed, Packet, Short, Unanswered};
use serde_json::Value as Json;

type Conn = TestConn<Packet<'static>>;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

struct Capture {
    name: String,
    wire: Vec<u8>,
    expect: Json,
}

/// CRC-16/X-25, without the codec.
fn crc(bytes: &[u8]) -> u16 {
    !bytes.iter().fold(0xFFFF_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0x8408 })
    })
}

impl Capture {
    fn length_ok(&self) -> bool {
        let length = match &self.wire[..] {
            [b'x', b'x', len, ..] => usize::from(*len) + 5,
            [b'y', b'y', high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])) + 6,
            _ => 0,
        };
        length == self.wire.len() && length >= 10 && self.wire.ends_with(b"\r\n")
    }

    fn checksum_ok(&self) -> bool {
        let end = self.wire.len() - 4;
        crc(&self.wire[2..end]).to_be_bytes() == self.wire[end..end + 2]
    }
}

fn captures() -> Vec<Capture> {
    let parse = |line: &str| {
        let json: Json = serde_json::from_str(line).unwrap();
        let name = json["name"].as_str().unwrap().to_owned();
        Capture { name, wire: unhex(json["hex"].as_str().unwrap()), expect: json["expect"].clone() }
    };
    include_str!("captures/gt06/traccar.jsonl").lines().map(parse).collect()
}

fn good() -> Vec<Capture> {
    captures().into_iter().filter(|capture| capture.length_ok() && capture.checksum_ok()).collect()
}

/// What comes of a stream cut into these chunks: each frame written again.
fn frames(chunks: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut deframer = Deframer::<Packet<'_>>::new();
    let (mut scratch, mut found) = (Vec::new(), Vec::new());
    for chunk in chunks {
        let mut input = *chunk;
        while let Some(item) = deframer.next(&mut input, &mut scratch) {
            let Item::Frame(raw) = item else { panic!("a bad item") };
            let received = raw.decode::<Packet<'_>>().unwrap();
            let mut again = Vec::new();
            reencode::<Packet<'_>>(&received, &raw, &mut again).unwrap();
            found.push(again);
        }
    }
    found
}

#[test]
fn good_frames_are_written_again_however_they_are_cut() {
    let good = good();
    assert!(good.len() > 140, "{}", good.len());
    for capture in &good {
        for at in 0..capture.wire.len() {
            let (front, back) = capture.wire.split_at(at);
            assert_eq!(frames(&[front, back]), [&capture.wire[..]], "{} cut at {at}", capture.name);
        }
    }
    let all: Vec<_> = good.iter().map(|capture| capture.wire.clone()).collect();
    let stream = all.concat();
    assert_eq!(frames(&stream.chunks(1).collect::<Vec<_>>()), all);
}

#[test]
fn frames_with_a_wrong_checksum_or_length_are_not_taken_in() {
    let mut bad = 0;
    for capture in captures().iter().filter(|capture| !capture.length_ok() || !capture.checksum_ok()) {
        // The line holds the same frame twice: each of them is taken in.
        if capture.name.ends_with(":514") {
            continue;
        }
        let mut conn = Conn::new();
        conn.log_in("1").send(&capture.wire);
        assert!(conn.publishes().is_empty() && conn.sent().is_empty(), "{}", capture.name);
        bad += 1;
    }
    assert!(bad > 20, "{bad}");
}

fn fix(content: &Content<'_>) -> Option<Fix> {
    match content {
        Content::Gps { fix, .. }
        | Content::WideCell { fix, .. }
        | Content::Altitude { fix, .. }
        | Content::Lte { fix, .. }
        | Content::Fence { fix, .. }
        | Content::LteFence { fix, .. }
        | Content::CellFix { fix, .. }
        | Content::Items { fix, .. }
        | Content::AskAddress { fix, .. }
        | Content::Unanswered(Unanswered { fix, .. })
        | Content::Mixed(Mixed::Location { fix, .. })
        | Content::Location {
            location: Location::Common { fix, .. } | Location::Thermometer { fix, .. },
            ..
        }
        | Content::Alarm {
            alarm: Alarm::Plain { fix, .. } | Alarm::Common { fix, .. } | Alarm::Other { fix, .. },
            ..
        } => Some(*fix),
        _ => None,
    }
}

#[test]
fn positions_are_those_that_traccar_reads() {
    let (mut compared, mut differ) = (0, Vec::new());
    for capture in good() {
        let position = &capture.expect["decoded"][0];
        if position.get("latitude").is_none() {
            continue;
        }
        let mut deframer = Deframer::<Packet<'_>>::new();
        let (mut scratch, mut input) = (Vec::new(), &capture.wire[..]);
        let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
        let received = raw.decode::<Packet<'_>>().unwrap();
        let Packet::Short(Short { content, .. }) = &received.frame else { continue };
        let Some(fix) = fix(content) else { continue };
        assert!(!received.flags.has(Flag::Raw));
        compared += 1;
        let ours = [
            fix.lat.get() as f64 / 1_800_000.0,
            fix.lon.get() as f64 / 1_800_000.0,
            f64::from(fix.speed) / 1.852,
            f64::from(fix.course),
        ];
        for (ours, key) in ours.into_iter().zip(["latitude", "longitude", "speedKnots", "course"]) {
            let theirs = position[key].as_f64().unwrap();
            if (ours - theirs).abs() > 0.001 {
                differ.push(format!("{} {key}: {ours}, Traccar: {theirs}", capture.name));
            }
        }
    }
    assert!(compared >= 38, "{compared}");
    assert!(differ.is_empty(), "{differ:#?}");
}

/// A device that is logged in.
fn logged_in() -> Conn {
    let mut conn = Conn::new();
    conn.send(&unhex("78780d01086471700328358100093f040d0a"));
    assert_eq!(conn.client_id(), "864717003283581");
    assert_eq!(conn.take_sent(), unhex("78780501000955940d0a"));
    conn
}

#[test]
fn a_login_is_answered_and_later_frames_belong_to_it() {
    let mut conn = logged_in();
    assert_eq!(conn.subscriptions(), [("gt06/864717003283581/down/command".to_owned(), 1)]);
    conn.send(&unhex("787822221106160a1016c60278019407c7783800040001940504700046fc01030100065f570d0a"));
    assert_eq!(conn.publishes()[0].topic, "gt06/864717003283581/up/location");
    assert_eq!(conn.take_sent(), unhex("787805220006413c0d0a"));
}

#[test]
fn good_frames_get_the_replies_that_traccar_gives() {
    let mut different = Vec::new();
    for capture in good() {
        let Some(replies) = capture.expect["replies"].as_array() else { continue };
        let mut conn = Conn::new();
        if !capture.wire.starts_with(b"xx\x0D\x01") && !capture.wire.starts_with(b"xx\x11\x01") {
            conn.log_in("1");
        }
        conn.send(&capture.wire);
        let expected: Vec<u8> =
            replies.iter().flat_map(|reply| unhex(reply.as_str().unwrap_or_default())).collect();
        if conn.sent() != expected {
            different.push(format!("{} {:02x?}", capture.name, &capture.wire[2..5]));
        }
    }
    // By line of Traccar's test: an empty location (14), a location of one maker
    // (177) and a broken alarm (200) are answered as all others are; the time is
    // now (550).
    let lines: Vec<_> = different.iter().map(|line| line.split([':', ' ']).nth(1).unwrap()).collect();
    let known = ["14", "177", "200", "550"];
    assert_eq!(lines, known, "{different:#?}");
}

/// A frame around protocol, content and serial.
fn frame(inside: &[u8]) -> Vec<u8> {
    let mut frame = [b"xx", &[inside.len() as u8 + 2][..], inside].concat();
    frame.extend(crc(&frame[2..]).to_be_bytes());
    frame.extend(b"\r\n");
    frame
}

#[test]
fn a_picture_is_fetched_part_by_part_to_its_end() {
    let mut conn = logged_in();
    let size = 500_u32;
    let head = [unhex("3511061a0b24330503107d06084889cb010001"), size.to_be_bytes().to_vec()].concat();
    conn.send(&frame(&[&head[..], &unhex("20e3acd30133")].concat()));
    let mut offset = 0_u32;
    while offset < size {
        let (at, rest) = (offset.to_be_bytes(), (size - offset).to_be_bytes());
        assert_eq!(conn.take_sent(), frame(&[&unhex("3620e3acd3"), &at[..], &rest[2..], &[0, 0]].concat()));
        let n = (size - offset).min(200) as u16;
        let data = vec![7; n.into()];
        conn.send(&frame(&[&unhex("3620e3acd3"), &at[..], &n.to_be_bytes(), &data, &[0, 1]].concat()));
        offset += u32::from(n);
    }
    assert!(conn.take_sent().is_empty());
}

#[test]
fn a_command_goes_down() {
    let mut conn = logged_in();
    assert!(
        conn.message("gt06/864717003283581/down/command", br#"{"flag":1,"text":"Relay,1#","language":2}"#)
    );
    let mut frame = unhex("787814800c00000001");
    frame.extend(b"Relay,1#\0\x02\0\0");
    let check = crc(&frame[2..]);
    frame.extend(check.to_be_bytes());
    frame.extend(b"\r\n");
    assert_eq!(conn.take_sent(), frame);
}
