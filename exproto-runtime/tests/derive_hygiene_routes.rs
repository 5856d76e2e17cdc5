//! The code of routes, segments, pieces and choices names nothing that the user may
//! call something else.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]

use exproto_runtime::testkit::TestConn;

/// A module without a prelude, in which every usual name is something else.
#[no_implicit_prelude]
mod shadowed {
    use ::core::clone::Clone;
    use ::core::fmt::Debug;
    use ::exproto_runtime::ExProtoFrame;
    use ::exproto_runtime::codec::{Ascii, Chunk, TextBuf};
    use ::exproto_runtime::session;

    pub struct Result;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct Err;
    pub struct String;
    pub struct Box;
    pub struct Reader;
    pub struct Error;
    pub struct Session;
    pub struct Cx;
    pub struct Asks;
    pub struct Outcome;
    pub struct Parts;
    pub struct Gateway;
    pub struct Lookup;
    pub trait Default {}
    pub trait From {}
    pub trait Into {}
    pub trait Iterator {}
    pub trait IntoIterator {}
    pub trait Fn {}
    pub trait FnOnce {}
    pub trait ToString {}
    pub trait Value {}
    pub trait Routes {}
    pub trait Placeholder {}
    pub mod core {}
    pub mod alloc {}
    pub mod std {}
    pub mod exproto_runtime {}

    // The macro knows these two by name.
    pub use ::core::option::Option;
    pub use ::std::vec::Vec;

    /// Frames of two forms around one body, and one that is told by what it holds.
    #[derive(ExProtoFrame, Debug, Clone)]
    #[frame(one_of)]
    #[route(gateway, state = u16, profiles(loud), nulls = omit)]
    pub enum Port {
        Old(Old),
        New(New),
        Pieces(Pieces),
        Parted(Parted),
        #[frame(sent)]
        Ack(Ack),
    }

    #[derive(ExProtoFrame, Debug, Clone)]
    #[frame]
    #[wire(before(b"\xFE"))]
    #[route(one_of = Port, shared, downlink = old)]
    pub struct Old {
        #[wire(before(length: u8 = size(unit..)))]
        pub unit: u8,
        #[wire(before(id: u8 = tag(body)))]
        pub body: Body,
    }

    #[derive(ExProtoFrame, Debug, Clone)]
    #[frame]
    #[wire(endian = big, before(b"\xFD"))]
    #[route(one_of = Port, shared, downlink = new)]
    pub struct New {
        #[wire(before(length: u8 = size(unit..)))]
        pub unit: u8,
        #[wire(before(id: u24 = tag(body)))]
        pub body: Body,
    }

    #[derive(ExProtoFrame, Debug, Clone)]
    #[route(frames(Old, New))]
    pub enum Body {
        #[wire(tag = 1)]
        #[route(auth(client_id = "{unit}", username = "{name}", keep(name)), with = note, reply = ack)]
        Login {
            #[wire(size = prefix(u8), as = Ascii)]
            name: TextBuf,
        },
        #[wire(tag = 2)]
        #[route(publish("up/{login.name}/{number}", each = list, if = number > 0, include(number)), reply = ack)]
        #[route(profile = loud, publish("loud/{unit}", payload = raw), reply = ack)]
        Report {
            number: u8,
            #[wire(count = prefix(u8))]
            list: Vec<Record>,
        },
        #[wire(tag = 3)]
        #[route(deliver("down/{client_id}", answer = number))]
        Ask { number: u8 },
        #[wire(tag = 4)]
        #[route(answers = number, publish("answered/{unit}", retain, payload = number))]
        Answer { number: u8 },
    }

    #[derive(ExProtoFrame, Debug, Clone)]
    pub struct Record {
        pub kind: u8,
        #[wire(sentinel(0xFF => null))]
        pub value: u8,
    }

    fn note<F>(_: &F, cx: &mut session::Cx<'_, u16>, _: &mut session::Asks<'_>) {
        *cx.state += 1;
    }

    fn ack<F>(_: &F, cx: &mut session::Cx<'_, u16>, outcome: &session::Outcome) -> Port {
        Port::Ack(Ack { count: *cx.state as u8, result: outcome.pick(0, 1) })
    }

    fn new(body: Body, _: &mut session::Cx<'_, u16>) -> New {
        New { unit: 7, body }
    }

    fn old(body: Body, _: &mut session::Cx<'_, u16>) -> Old {
        Old { unit: 7, body }
    }

    #[derive(ExProtoFrame, Debug, Clone)]
    #[frame]
    #[wire(before(b"\xFA"))]
    #[route(one_of = Port, sent)]
    pub struct Ack {
        pub count: u8,
        pub result: u8,
    }

    /// A payload in pieces.
    #[derive(ExProtoFrame, Debug, Clone)]
    #[frame(max = 99)]
    #[wire(before(b"\xFC"))]
    #[route(one_of = Port, public, publish("pieces", payload = data))]
    pub struct Pieces {
        #[wire(size = prefix(u8), stream = 4)]
        pub data: Chunk<Vec<u8>>,
    }

    /// Messages in segments.
    #[derive(ExProtoFrame, Debug, Clone)]
    #[frame(reassemble(key = unit, index = part.at, total = part.of, into = body))]
    #[wire(before(b"\xFB"))]
    #[route(one_of = Port)]
    pub struct Parted {
        #[wire(before(length: u8 = size(unit..)))]
        pub unit: u8,
        #[wire(before(has: u8 = present(part)))]
        pub part: Option<Part>,
        #[wire(before(id: u8 = tag(body)), opaque = part.is_some())]
        pub body: Long,
    }

    #[derive(ExProtoFrame, Debug, Clone)]
    pub struct Part {
        pub of: u8,
        pub at: u8,
    }

    #[derive(ExProtoFrame, Debug, Clone)]
    pub enum Long {
        #[wire(tag = 1)]
        #[route(auth(client_id = "{unit}"), publish("long/{unit}", include(unit)))]
        Text {
            choice: Choice,
            #[wire(rest, as = Ascii)]
            text: TextBuf,
        },
        #[wire(other)]
        #[route(ignore)]
        Other {
            #[wire(tag)]
            id: u8,
            #[wire(rest)]
            data: Vec<u8>,
        },
    }

    /// Told apart by the bytes that come next.
    #[derive(ExProtoFrame, Debug, Clone)]
    pub enum Choice {
        #[wire(when = peek(0) & 1 == 0)]
        Even(u8),
        #[wire(when = peek(0..2) == b"\x01!")]
        Mark {
            one: u8,
            two: u8,
        },
        Odd(u8),
    }
}

#[test]
fn routes_name_nothing_that_is_shadowed() {
    let mut device = TestConn::<shadowed::Port>::new();
    device.send(b"\xFE\x05\x07\x01\x02ab");
    assert_eq!((device.client_id(), device.sent()), ("7", &[0xFA, 1, 0][..]));
    device.send(b"\xFD\x08\x07\0\0\x02\x05\x01\x09\xFF");
    device.send(b"\xFC\x05hello");
    device.send(b"\xFB\x07\x07\x01\x02\x01\x01\x02a\xFB\x07\x07\x01\x02\x02\x01bc");
    let publishes: Vec<_> = device.publishes().iter().map(|one| (&one.topic[..], one.text())).collect();
    assert_eq!(
        publishes,
        [
            ("up/ab/5", r#"{"number":5,"kind":9}"#),
            ("pieces", "hell"),
            ("pieces", "o"),
            ("long/7", r#"{"unit":7,"choice":{"even":2},"text":"abc"}"#),
        ]
    );
    device.deliver("down/7", br#"{"number":3}"#);
    assert_eq!(device.take_sent().last_chunk(), Some(b"\xFE\x03\x07\x03\x03"));
    device.send(b"\xFE\x03\x07\x04\x03");
    assert_eq!(device.publishes().last().unwrap().topic, "answered/7");
}
