//! Payloads with fields of the frame around them.
#![allow(missing_docs, clippy::unwrap_used)]

use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;

#[derive(ExProtoFrame, Debug)]
#[frame(start = b"<", end = b">", unescaped, max = 256)]
#[wire(endian = big)]
#[route(gateway, nulls = omit)]
struct Message<'a> {
    #[wire(before(id: u8 = tag(body)))]
    head: Head,
    #[wire(hidden, sentinel(0xFF => null))]
    secret: u8,
    #[wire(scale = 0.5)]
    half: u8,
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug)]
struct Head {
    a: u8,
    b: [u8; 2],
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
#[route(anonymous, publish("all", include(half)))]
enum Body<'a> {
    #[wire(tag = 1)]
    #[route(publish("numbers", each = numbers, include(head, kind)))]
    Numbers {
        kind: u8,
        #[wire(count = prefix(u8))]
        numbers: Vec<u16>,
    },
    #[wire(tag = 2)]
    #[route(publish("records", each = records, include(secret, half, note)))]
    Records {
        #[wire(size = prefix(u8), as = Ascii)]
        note: Text<'a>,
        #[wire(rest)]
        records: Vec<Record>,
    },
    #[wire(tag = 3)]
    Empty,
    #[wire(tag = 4)]
    Few { x: u8 },
    #[wire(tag = 5)]
    #[route(publish("nothing", each = list, include(secret)))]
    Nothing {
        #[wire(rest)]
        list: Vec<Record>,
    },
}

#[derive(ExProtoFrame, Debug)]
struct Record {
    value: u8,
    #[wire(sentinel(0xFF => null))]
    other: u8,
}

#[test]
fn members_of_the_frame_stand_before_those_of_the_payload() {
    let mut device = TestConn::<Message<'_>>::new();
    for (frame, payloads) in [
        (
            &b"<\x01\x05\x06\x07\x01\x03\x09\x02\x00\x01\x00\x02>"[..],
            &[
                r#"{"head":{"a":5,"b":"0607"},"kind":9,"value":1}"#,
                r#"{"head":{"a":5,"b":"0607"},"kind":9,"value":2}"#,
            ][..],
        ),
        (
            b"<\x02\x05\x06\x07\x01\x03\x02hi\x01\x02\x03\xFF>",
            &[
                r#"{"secret":1,"half":1.5,"note":"hi","value":1,"other":2}"#,
                r#"{"secret":1,"half":1.5,"note":"hi","value":3}"#,
            ],
        ),
        (b"<\x03\x05\x06\x07\x01\x03>", &[r#"{"half":1.5}"#]),
        (b"<\x04\x05\x06\x07\x01\x03\x08>", &[r#"{"half":1.5,"x":8}"#]),
        // What is included may have no value.
        (b"<\x05\x05\x06\x07\xFF\x03\x01\x02>", &[r#"{"value":1,"other":2}"#]),
    ] {
        let before = device.publishes().len();
        device.send(frame);
        let texts: Vec<_> = device.publishes()[before..].iter().map(|publish| publish.text()).collect();
        assert_eq!(texts, payloads);
        for publish in &device.publishes()[before..] {
            assert!(publish.json().is_object());
        }
    }
}
