//! Messages in several frames: how they may be cut up, the answer to each
//! segment, the request for those that are missing.
#![cfg(all(feature = "derive", feature = "testkit"))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use exproto_runtime::codec::{Protocol, Segment};
use exproto_runtime::prelude::*;
use exproto_runtime::session::{ConnInfo, SessionSettings};
use exproto_runtime::testkit::TestConn;

/// The body is cut up, whatever it is; the gateway answers each segment and
/// asks for those that are missing by the serial number of the first.
mod bodies {
    use super::*;

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[frame(
        flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256,
        reassemble(key = (device, tag(body)), index = part.index, total = part.total, into = body)
    )]
    #[wire(endian = big)]
    #[route(gateway, segment = taken, missing = again)]
    pub(super) struct Message<'a> {
        #[wire(before(id: u8 = tag(body)), before(segmented: u8 = present(part)))]
        pub device: u8,
        pub serial: u16,
        pub part: Option<Part>,
        #[wire(opaque = part.is_some())]
        pub body: Body<'a>,
    }

    #[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
    pub(super) struct Part {
        pub total: u8,
        pub index: u8,
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big)]
    #[route(anonymous)]
    pub(super) enum Body<'a> {
        #[wire(tag = 1)]
        #[route(publish("log", qos = 1, payload = text), reply = stored)]
        Log {
            #[wire(rest, as = Ascii)]
            text: Text<'a>,
        },
        #[wire(tag = 0x81)]
        #[route(sent)]
        Taken { index: u8 },
        #[wire(tag = 0x82)]
        #[route(sent)]
        Stored { outcome: u8 },
        #[wire(tag = 0x83)]
        #[route(sent)]
        Again {
            first: u16,
            #[wire(before(n: u8 = count(missing)))]
            missing: Vec<u8>,
        },
        #[wire(other)]
        #[route(ignore)]
        Other {
            #[wire(tag)]
            id: u8,
            #[wire(rest)]
            data: &'a [u8],
        },
    }

    fn taken(frame: &Message<'_>, cx: &mut Cx<'_, ()>, parts: &Parts<'_>) -> Option<Message<'static>> {
        // The reply to the message answers the last one.
        (!parts.is_complete()).then(|| Message {
            device: frame.device,
            serial: cx.next_serial(),
            part: None,
            body: Body::Taken { index: parts.number() as u8 },
        })
    }

    fn again<'a>(frame: &Message<'a>, cx: &mut Cx<'_, ()>, parts: &Parts<'_>) -> Message<'a> {
        let first = frame.serial.wrapping_sub(parts.number() as u16 - 1);
        let missing = parts.missing().map(|index| index as u8).collect();
        Message {
            device: frame.device,
            serial: cx.next_serial(),
            part: None,
            body: Body::Again { first, missing },
        }
    }

    fn stored<'a>(frame: &Message<'a>, cx: &mut Cx<'_, ()>, outcome: &Outcome) -> Message<'a> {
        let body = Body::Stored { outcome: outcome.pick(0, 1) };
        Message { device: frame.device, serial: cx.next_serial(), part: None, body }
    }

    pub(super) fn segment(index: u8, total: u8, data: &'static [u8]) -> Message<'static> {
        Message {
            device: 7,
            serial: 0x0FFF + u16::from(index),
            part: Some(Part { total, index }),
            body: Body::Other { id: 1, data },
        }
    }
}

#[test]
fn the_device_is_asked_for_what_is_missing() {
    use bodies::{Message, segment};
    let mut device = TestConn::<Message<'_>>::new();
    device.send_frame(&segment(2, 4, b"b")).send_frame(&segment(4, 4, b"d"));
    assert_eq!(device.sent_frames(), [[0x81, 0, 7, 0, 0, 2], [0x81, 0, 7, 0, 1, 4]]);
    device.take_sent();
    device.advance(Duration::from_millis(4999));
    assert!(device.sent().is_empty());
    device.advance(Duration::from_millis(1));
    // The first one came with serial number 0x1000.
    assert_eq!(device.take_sent(), [0x7E, 0x83, 0, 7, 0, 2, 0x10, 0, 2, 1, 3, 0x7E]);
    // A segment puts the next request off.
    device.advance(Duration::from_secs(3)).send_frame(&segment(3, 4, b"c"));
    assert_eq!(device.sent_kinds(), ["taken"]);
    device.take_sent();
    device.advance(Duration::from_millis(4999));
    assert!(device.sent().is_empty());
    device.advance(Duration::from_millis(1));
    assert_eq!(device.take_sent(), [0x7E, 0x83, 0, 7, 0, 4, 0x10, 0, 1, 1, 0x7E]);
    // What comes again is answered again.
    device.send_frame(&segment(3, 4, b"c"));
    assert_eq!(device.sent_kinds(), ["taken"]);
    device.take_sent();
    device.send_frame(&segment(1, 4, b"a"));
    assert_eq!(device.publishes()[0].text(), "abcd");
    assert_eq!(device.sent_kinds(), ["stored"]);
    assert_eq!(device.take_tally().segments_asked, 2);
    // One that was under way all the time is late, and nobody asks for more.
    device.send_frame(&segment(4, 4, b"d")).advance(Duration::from_secs(60));
    assert_eq!((device.publishes().len(), device.take_tally().segments_asked), (1, 0));
}

#[test]
fn it_is_asked_a_few_times_and_then_left_alone() {
    use bodies::{Message, segment};
    let mut settings = SessionSettings::default();
    settings.missing_after = Duration::from_secs(2);
    settings.missing_tries = 2;
    let mut device = TestConn::<Message<'_>>::with(ConnInfo::default(), settings);
    device.send_frame(&segment(1, 2, b"a")).advance(Duration::from_secs(119));
    assert_eq!(device.sent_kinds(), ["taken", "again", "again"]);
    let tally = device.take_tally();
    assert_eq!((tally.segments_asked, tally.segments_lost), (2, 0));
    device.advance(Duration::from_secs(2));
    assert_eq!(device.take_tally().segments_lost, 1);

    let mut settings = SessionSettings::default();
    settings.missing_after = Duration::ZERO;
    let mut device = TestConn::<Message<'_>>::with(ConnInfo::default(), settings);
    device.send_frame(&segment(1, 2, b"a")).advance(Duration::from_secs(119));
    assert_eq!(device.sent_kinds(), ["taken"]);
}

#[test]
fn nobody_is_asked_while_the_socket_is_not_read() {
    use bodies::{Body, Message, segment};
    let mut device = TestConn::<Message<'_>>::new();
    device.send_frame(&segment(1, 2, b"a"));
    device.take_sent();
    device.pause();
    let log = Message { device: 7, serial: 1, part: None, body: Body::Log { text: "x".into() } };
    device.send_frame(&log).advance(Duration::from_secs(20));
    assert!(device.sent().is_empty());
    device.resume();
    assert_eq!(device.sent_kinds(), ["stored"]);
    device.take_sent();
    device.advance(Duration::from_millis(4999));
    assert!(device.sent().is_empty());
    device.advance(Duration::from_millis(1));
    assert_eq!(device.sent_kinds(), ["again"]);
}

/// A photo goes packet by packet, each asked for. Numbers count from 0; what is
/// joined is a field of one variant.
mod packets {
    use super::*;

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[frame(
        start = b"<", end = b">", unescaped, max = 256,
        reassemble(
            of = Body::Photo, key = (device, body.photo),
            index = body.number, first = 0, total = body.total, into = body.data
        )
    )]
    #[wire(endian = big)]
    #[route(gateway, segment = next, missing = next)]
    pub(super) struct Message<'a> {
        #[wire(before(id: u8 = tag(body)))]
        pub device: u8,
        pub body: Body<'a>,
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big)]
    #[route(anonymous)]
    pub(super) enum Body<'a> {
        #[wire(tag = 1)]
        #[route(reply = Message { device: frame.device, body: Body::Get { photo: 9, number: 0 } })]
        Ready,
        #[wire(tag = 2)]
        #[route(publish("photos/{device}/{photo}", qos = 1, payload = data), reply = stored)]
        Photo {
            photo: u8,
            total: u16,
            number: u16,
            #[wire(rest)]
            data: &'a [u8],
        },
        #[wire(tag = 0x81)]
        #[route(sent)]
        Get { photo: u8, number: u16 },
        #[wire(tag = 0x82)]
        #[route(sent)]
        Stored { photo: u8 },
    }

    fn next(frame: &Message<'_>, _: &mut Cx<'_, ()>, parts: &Parts<'_>) -> Option<Message<'static>> {
        let (Body::Photo { photo, .. }, Some(wanted)) = (&frame.body, parts.wanted()) else { return None };
        Some(Message { device: frame.device, body: Body::Get { photo: *photo, number: wanted as u16 } })
    }

    fn stored(frame: &Message<'_>, _: &mut Cx<'_, ()>, outcome: &Outcome) -> Option<Message<'static>> {
        let Body::Photo { photo, .. } = frame.body else { return None };
        outcome.is_done().then_some(Message { device: frame.device, body: Body::Stored { photo } })
    }

    pub(super) fn packet(number: u16, data: &'static [u8]) -> Message<'static> {
        Message { device: 7, body: Body::Photo { photo: 9, total: 3, number, data } }
    }
}

#[test]
fn a_photo_is_asked_for_packet_by_packet() {
    use packets::{Body, Message, packet};
    let mut device = TestConn::<Message<'_>>::new();
    device.send_frame(&Message { device: 7, body: Body::Ready });
    assert_eq!(device.take_sent(), b"<\x81\x07\x09\0\0>");
    device.send_frame(&packet(0, b"ab"));
    assert_eq!(device.take_sent(), b"<\x81\x07\x09\0\x01>");
    // It has not heard that.
    device.send_frame(&packet(0, b"ab"));
    assert_eq!(device.take_sent(), b"<\x81\x07\x09\0\x01>");
    // Nor this, and it says nothing.
    device.advance(Duration::from_secs(5));
    assert_eq!(device.take_sent(), b"<\x81\x07\x09\0\x01>");
    device.send_frame(&packet(1, b"cd"));
    assert_eq!(device.take_sent(), b"<\x81\x07\x09\0\x02>");
    device.pause();
    device.send_frame(&packet(2, b"e"));
    assert!(device.sent().is_empty(), "not before the broker has it");
    device.resume();
    assert_eq!(device.take_sent(), b"<\x82\x07\x09>");
    assert_eq!((&device.publishes()[0].topic[..], device.publishes()[0].text()), ("photos/7/9", "abcde"));
    // The last answer was lost: the device sends all of it again.
    for number in 0..3 {
        device.send_frame(&packet(number, b"x"));
    }
    assert_eq!(device.publishes()[1].text(), "xxx");
    assert_eq!(device.sent_kinds(), ["get", "get", "stored"]);
}

#[test]
fn fields_of_one_variant_say_where_a_segment_belongs() {
    use packets::{Body, Message, packet};
    let frame = packet(2, b"xyz");
    let segment = <Message<'_> as Protocol>::segment(&frame, ()).unwrap();
    assert_eq!((segment.data, segment.to_string().as_str()), (&b"xyz"[..], "segment 2 of 3"));
    let other = packet(1, b"").body;
    let other = Message { device: 8, body: other };
    assert_ne!(Message::segment(&other, ()).unwrap().key, segment.key);
    assert!(Message::segment(&Message { device: 7, body: Body::Ready }, ()).is_none());
}

/// Pieces of any size at any place; how many bytes there are was said before.
mod pieces {
    use super::*;

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[frame(
        start = b"<", end = b">", unescaped, max = 256,
        reassemble(of = Body::Piece, key = (), offset = body.0.offset, size = size, into = body.0.data)
    )]
    #[wire(endian = big, ctx(size: u32))]
    #[route(gateway, state = Photo, ctx = known, segment = next, missing = next)]
    pub(super) struct Message<'a> {
        #[wire(before(id: u8 = tag(body)))]
        pub body: Body<'a>,
    }

    #[derive(Debug, Default)]
    pub(super) struct Photo {
        size: u32,
    }

    fn known(cx: &Cx<'_, Photo>) -> MessageCtx {
        MessageCtx { size: cx.state.size }
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big)]
    #[route(anonymous)]
    pub(super) enum Body<'a> {
        #[wire(tag = 1)]
        #[route(with = begin, reply = Message { body: Body::Get { offset: 0, most: 4 } })]
        Photo { size: u32 },
        #[wire(tag = 2)]
        #[route(publish("photo", payload = with(picture)))]
        Piece(Piece<'a>),
        #[wire(tag = 0x81)]
        #[route(sent)]
        Get { offset: u32, most: u16 },
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big)]
    pub(super) struct Piece<'a> {
        pub offset: u32,
        #[wire(rest)]
        pub data: &'a [u8],
    }

    fn begin(frame: &Message<'_>, cx: &mut Cx<'_, Photo>, _: &mut Asks<'_>) {
        if let Body::Photo { size } = frame.body {
            cx.state.size = size;
        }
    }

    fn picture(frame: &Message<'_>, _: &mut Cx<'_, Photo>, payload: &mut Vec<u8>) {
        if let Body::Piece(piece) = &frame.body {
            payload.extend_from_slice(piece.data);
        }
    }

    fn next(_: &Message<'_>, _: &mut Cx<'_, Photo>, parts: &Parts<'_>) -> Option<Message<'static>> {
        let gap = parts.gaps().next()?;
        let most = gap.len().min(4) as u16;
        Some(Message { body: Body::Get { offset: gap.start, most } })
    }
}

#[test]
fn bytes_are_asked_for_by_their_place() {
    use pieces::{Body, Message, Piece};
    let mut device = TestConn::<Message<'static>>::new();
    let get = |device: &mut TestConn<Message<'static>>| {
        let frame = device.sent_frames().last().cloned().unwrap_or_default();
        device.take_sent();
        let (Some(offset), Some(most)) = (frame.get(4).copied(), frame.get(6).copied()) else { return None };
        Some((u32::from(offset), most))
    };
    device.send_frame(&Message { body: Body::Photo { size: 11 } });
    let text = b"hello world";
    let mut asked = Vec::new();
    while let Some((offset, most)) = get(&mut device) {
        asked.push((offset, most));
        // This device sends three bytes at most, whatever it is asked for.
        let end = offset as usize + usize::from(most.min(3));
        let data = &text[offset as usize..end];
        device.send_frame(&Message { body: Body::Piece(Piece { offset, data }) });
    }
    assert_eq!(asked, [(0, 4), (3, 4), (6, 4), (9, 2)]);
    assert_eq!(device.publishes()[0].text(), "hello world");
    // A piece beyond the end is refused, and not answered.
    device.take_reports();
    device.send_frame(&Message { body: Body::Piece(Piece { offset: 10, data: b"xx" }) });
    assert_eq!(
        device.take_reports()[0].to_string(),
        "segment in `piece` not used: the segment lies outside of the message that it is of"
    );
    assert!(device.sent().is_empty());
}

/// A kind of frames of its own, of which each is a segment; the last says that
/// it is.
mod blocks {
    use super::*;

    #[derive(ExProtoFrame, Debug)]
    #[frame(one_of)]
    #[route(gateway)]
    pub(super) enum Port<'a> {
        Hello(Hello),
        Block(Block<'a>),
        Line(Line<'a>),
        #[frame(sent)]
        Ack(Ack),
    }

    #[derive(ExProtoFrame, Debug)]
    #[frame]
    #[route(one_of = Port<'_>, auth(client_id = "{device}"))]
    pub(super) struct Hello {
        #[wire(before(mark: u8 = 0x01))]
        pub device: u8,
    }

    #[derive(ExProtoFrame, Debug)]
    #[frame(reassemble(key = file, index = number, last = flags & 1 != 0, into = data))]
    #[wire(endian = big)]
    #[route(one_of = Port<'_>, segment = Port::Ack(Ack { number: parts.number() as u8 }))]
    #[route(publish("files/{client_id}/{file}", payload = data))]
    pub(super) struct Block<'a> {
        #[wire(before(mark: u8 = 0x02))]
        pub file: u8,
        pub number: u8,
        pub flags: u8,
        #[wire(size = prefix(u8))]
        pub data: &'a [u8],
    }

    /// The same in lines, whose bytes are kept by the frame.
    #[derive(ExProtoFrame, Debug)]
    #[frame(reassemble(key = (), index = at, first = 0, last = more.is_none(), into = text))]
    #[wire(endian = big)]
    #[route(one_of = Port<'_>, publish("lines/{client_id}", payload = text))]
    pub(super) struct Line<'a> {
        #[wire(before(mark: u8 = 0x03))]
        pub at: u16,
        #[wire(before(has: u8 = present(more)))]
        pub more: Option<u8>,
        #[wire(size = prefix(u8))]
        pub text: Vec<u8>,
        #[wire(size = prefix(u8))]
        pub note: &'a [u8],
    }

    #[derive(ExProtoFrame, Debug)]
    #[frame]
    #[route(one_of = Port<'_>, sent)]
    pub(super) struct Ack {
        #[wire(before(mark: u8 = 0x82))]
        pub number: u8,
    }
}

#[test]
fn the_last_block_says_that_it_is() {
    use blocks::Port;
    let bytes = b"\x01\x07\x02\x05\x02\x00\x02cd\x02\x05\x03\x01\x01e\x02\x05\x01\x00\x02ab\
                  \x03\x00\x01\x00\x01y\x00\x03\x00\x00\x01\x09\x01x\x02??";
    for chunk in [1, 2, 3, 7, bytes.len()] {
        let mut device = TestConn::<Port<'_>>::new();
        for chunk in bytes.chunks(chunk) {
            device.send(chunk);
        }
        assert_eq!(device.sent(), b"\x82\x02\x82\x03\x82\x01");
        let published: Vec<_> =
            device.publishes().iter().map(|it| (it.topic.clone(), it.text().to_owned())).collect();
        assert_eq!(
            published,
            [("files/7/5".to_owned(), "abcde".to_owned()), ("lines/7".to_owned(), "xy".to_owned())]
        );
        assert_eq!(device.take_tally().segments_lost, 0);
    }
}

/// Two kinds of messages that are cut up in two ways.
mod two {
    use super::*;

    #[derive(ExProtoFrame, Debug)]
    #[frame(
        start = b"<", end = b">", unescaped, max = 256,
        reassemble(of = Body::Sound, key = body.id, index = body.number, total = body.total, into = body.data),
        reassemble(of = Body::Picture, key = body.id, offset = body.at * 2, last = body.last != 0, into = body.data)
    )]
    #[route(gateway)]
    pub(super) struct Message<'a> {
        #[wire(before(id: u8 = tag(body)))]
        pub body: Body<'a>,
    }

    #[derive(ExProtoFrame, Debug)]
    #[route(anonymous, publish("media/{kind}", payload = data))]
    pub(super) enum Body<'a> {
        #[wire(tag = b'S')]
        Sound {
            id: u8,
            number: u8,
            total: u8,
            #[wire(rest)]
            data: &'a [u8],
        },
        #[wire(tag = b'P')]
        Picture {
            id: u8,
            at: u8,
            last: u8,
            #[wire(rest)]
            data: &'a [u8],
        },
    }
}

#[test]
fn several_kinds_of_messages_are_put_together_at_once() {
    let mut device = TestConn::<two::Message<'_>>::new();
    device.send(b"<S\x05\x01\x02so><P\x05\x01\x01re><S\x05\x02\x02und><P\x05\x00\x00pi>");
    let published: Vec<_> =
        device.publishes().iter().map(|it| (it.topic.clone(), it.text().to_owned())).collect();
    assert_eq!(
        published,
        [("media/sound".to_owned(), "sound".to_owned()), ("media/picture".to_owned(), "pire".to_owned())]
    );
}

#[test]
fn hostile_segments_cost_what_the_limits_allow() {
    use bodies::{Message, segment};
    // Every message is another one, and no more than four are kept.
    let mut device = TestConn::<Message<'_>>::new();
    for device_number in 0..200 {
        let mut frame = segment(1, 255, b"x");
        frame.device = device_number;
        device.send_frame(&frame);
    }
    device.take_sent();
    device.advance(Duration::from_secs(5));
    assert_eq!(device.take_tally().segments_asked, 4);
    let _: Segment<'_> = Segment::numbered(0, 1, 2, b"");
}
