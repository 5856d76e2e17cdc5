//! Kinds of frames that their leading bytes do not tell apart: by what follows
//! a frame, and by what the connection knows.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, missing_debug_implementations)]
#![cfg(all(feature = "derive", feature = "testkit"))]

use std::time::Duration;

use exproto_runtime::codec::{Deframer, Item, to_json};
use exproto_runtime::prelude::*;
use exproto_runtime::session::{ConnInfo, SessionSettings};
use exproto_runtime::testkit::TestConn;

/// Three sizes that begin alike, beside text.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(one_of, skip = b"\r\n")]
#[wire(ctx(long: bool))]
#[route(gateway, ctx = form)]
enum Port<'a> {
    #[frame(followed, if = !long)]
    Short(Short),
    #[frame(followed, if = !long)]
    Middle(Middle),
    Long(Long),
    Text(Line<'a>),
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(before(b"$"))]
#[route(one_of = Port<'_>, anonymous, publish("short"))]
struct Short {
    values: [u8; 3],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(before(b"$"))]
#[route(one_of = Port<'_>, anonymous, publish("middle"))]
struct Middle {
    #[wire(after(check: u8 = xor(values)))]
    values: [u8; 4],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame]
#[wire(before(b"$"))]
#[route(one_of = Port<'_>, anonymous, publish("long"))]
struct Long {
    values: [u8; 7],
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(start = b"*", end = b"#", max = 16)]
#[route(one_of = Port<'_>, anonymous, publish("text"))]
struct Line<'a> {
    #[wire(rest)]
    text: &'a [u8],
}

fn form(cx: &Cx<'_, ()>) -> PortCtx {
    PortCtx { long: cx.param("form") == Some("long") }
}

const SHORT: &[u8] = b"$\x01\x02\x03";
const MIDDLE: &[u8] = b"$\x01\x02\x03\x04\x04";
const LONG: &[u8] = b"$\x01\x02\x03\x05\x06\x07\x08";
const TEXT: &[u8] = b"*ab#";

fn kinds(chunks: &[&[u8]]) -> Vec<String> {
    let ctx = PortCtx { long: false };
    let (mut deframer, mut scratch, mut seen) = (Deframer::<Port<'_>>::with_ctx(ctx), Vec::new(), Vec::new());
    let mut note = |item: Item<'_>| match item {
        Item::Frame(raw) => {
            let mut json = Vec::new();
            to_json(&raw.decode_with::<Port<'_>>(ctx).unwrap().frame, &mut json);
            let json = String::from_utf8(json).unwrap();
            seen.push(json.split('"').nth(1).unwrap().into());
        }
        Item::Bad(bad) => seen.push(format!("{:?} {:02X?}", bad.error.kind(), bad.wire)),
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
    seen
}

/// The same wherever the stream is cut.
fn cut_everywhere(stream: &[u8]) -> Vec<String> {
    let whole = kinds(&[stream]);
    for at in 0..=stream.len() {
        let (a, b) = stream.split_at(at);
        assert_eq!(kinds(&[a, b]), whole, "{at} {stream:02X?}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(kinds(&bytes), whole, "{stream:02X?}");
    whole
}

#[test]
fn what_follows_tells_the_size() {
    for (parts, want) in [
        (&[SHORT, LONG, MIDDLE, SHORT][..], &["short", "long", "middle", "short"][..]),
        (&[LONG, SHORT, TEXT, SHORT, b"\r\n", TEXT], &["long", "short", "text", "short", "text"]),
        (&[MIDDLE], &["middle"]),
        (&[SHORT], &["short"]),
        (&[SHORT, b"\r\n"], &["short"]),
        (&[LONG, LONG], &["long", "long"]),
    ] {
        assert_eq!(cut_everywhere(&parts.concat()), want);
    }
}

#[test]
fn bytes_that_mean_nothing_are_followed_by_something() {
    // The fourth value of the long one is a line feed.
    let long = b"$\x01\x02\x03\x0A\x06\x07\x08";
    assert_eq!(cut_everywhere(&[long, SHORT].concat()), ["long", "short"]);
}

#[test]
fn garbage_is_no_frame() {
    // The long one needs nothing behind it.
    let seen = cut_everywhere(&[LONG, b"xy", TEXT].concat());
    assert_eq!(seen, ["long", "Garbage [78, 79]", "text"]);
    let seen = cut_everywhere(&[b"xy", SHORT, TEXT].concat());
    assert_eq!(seen, ["Garbage [78, 79]", "short", "text"]);
}

#[test]
fn the_last_one_waits_as_long_as_the_settings_say() {
    let mut settings = SessionSettings::default();
    settings.pause = Duration::from_secs(3);
    let mut device = TestConn::<Port<'_>>::with(ConnInfo::default(), settings);
    device.send(SHORT);
    assert!(device.publishes().is_empty());
    device.advance(Duration::from_millis(2999));
    assert!(device.publishes().is_empty());
    device.advance(Duration::from_millis(1));
    assert_eq!(device.publishes()[0].topic, "short");
    // What is not whole then is waited for.
    device.send(&LONG[..7]).advance(Duration::from_secs(9));
    assert_eq!(device.publishes().len(), 1);
    device.send(&LONG[7..]);
    assert_eq!(device.publishes()[1].topic, "long");
}

#[test]
fn garbage_before_the_last_one_is_told_with_it() {
    let mut device = TestConn::<Port<'_>>::new();
    device.send(b"xy").send(SHORT);
    assert!(device.publishes().is_empty());
    device.advance(Duration::from_secs(1));
    assert_eq!(device.publishes()[0].topic, "short");
    assert_eq!(device.take_tally().bad_frames, 1);
}

#[test]
fn a_parameter_of_the_listener_fixes_the_kind() {
    let mut settings = SessionSettings::default();
    settings.params.insert("form".into(), "long".into());
    let mut device = TestConn::<Port<'_>>::with(ConnInfo::default(), settings);
    // Two short ones could have been meant.
    device.send(b"$\x01\x02\x03$\x05\x06\x07");
    assert_eq!(device.publishes()[0].topic, "long");
}

#[test]
fn without_a_stream_the_kind_that_decodes_is_taken() {
    let ctx = PortCtx { long: true };
    let decode = |bytes| exproto_runtime::codec::decode_with::<Port<'_>>(bytes, ctx);
    assert!(matches!(decode(LONG).unwrap().frame, Port::Long(_)));
    assert!(!matches!(decode(SHORT).unwrap().frame, Port::Short(_)));
}

mod learnt {
    use super::*;

    /// From version 2 on lengths have two bytes.
    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[frame(max = 600)]
    #[wire(endian = big, ctx(version: u8), before(b"@"))]
    #[route(gateway, state = u8, ctx = known)]
    struct Message<'a> {
        #[wire(if = version >= 2)]
        high: Option<u8>,
        low: u8,
        #[wire(before(id: u8 = tag(body)))]
        #[wire(size = (usize::from(high.unwrap_or(0)) << 8) + usize::from(low), after(check: u8 = xor(id..=body)))]
        body: Body<'a>,
    }

    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[route(anonymous)]
    enum Body<'a> {
        #[wire(tag = 1)]
        #[route(with = learn)]
        Version { version: u8 },
        #[wire(tag = 2)]
        #[route(publish("text", qos = 1))]
        Text {
            #[wire(rest)]
            text: &'a [u8],
        },
    }

    fn known(cx: &Cx<'_, u8>) -> MessageCtx {
        MessageCtx { version: *cx.state }
    }

    fn learn(frame: &Message<'_>, cx: &mut Cx<'_, u8>, _: &mut Asks<'_>) {
        if let Body::Version { version } = frame.body {
            *cx.state = version;
        }
    }

    #[test]
    fn a_login_decides_how_later_frames_are_found() {
        let mut stream = b"@\x01\x01\x02\x03@\x01\x00\x02".to_vec();
        stream.extend([b'a'; 256]);
        stream.push(2);
        // A publish that waits for the broker is followed by more.
        stream.extend(b"@\x00\x02\x02hi\x03@\x00\x01\x02x\x7A");
        for at in 0..stream.len() {
            let (a, b) = stream.split_at(at);
            let mut device = TestConn::<Message<'_>>::new();
            device.send(a).send(b);
            let sizes: Vec<_> = device.publishes().iter().map(|told| told.text().len()).collect();
            assert_eq!(sizes.len(), 3, "{at} {:?}", device.take_reports());
            assert!(device.is_open());
        }
    }
}

mod walked {
    use super::*;

    /// Kinds whose ends are walked to, side by side and generic.
    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[frame(one_of)]
    #[route(gateway)]
    enum Port<'a> {
        List(List<'a>),
        Part(Part<'a>),
    }

    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[frame(max = 64)]
    #[wire(before(b"L"))]
    #[route(one_of = Port<'_>, anonymous, publish("list"))]
    struct List<'a> {
        #[wire(count = prefix(u8))]
        names: Vec<Name<'a>>,
    }

    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[frame(max = 64)]
    #[route(one_of = Port<'_>, anonymous, publish("part"))]
    struct Part<'a> {
        #[wire(before(b"P"), before(wide: bits(1) = present(more)), before(_: bits(7)))]
        more: Option<u8>,
        name: Name<'a>,
    }

    #[derive(ExProtoFrame, Debug, PartialEq)]
    struct Name<'a> {
        #[wire(size = prefix(u8))]
        text: &'a [u8],
    }

    #[test]
    fn ends_of_several_kinds_are_walked_to() {
        let stream = b"L\x02\x01a\x02bcP\x80\x07\x01dL\0P\0\0";
        for at in 0..=stream.len() {
            let (a, b) = stream.split_at(at);
            let mut device = TestConn::<Port<'_>>::new();
            device.send(a).send(b);
            let told: Vec<_> = device.publishes().iter().map(|told| told.topic.as_str()).collect();
            assert_eq!(told, ["list", "part", "list", "part"], "{at}");
        }
    }
}
