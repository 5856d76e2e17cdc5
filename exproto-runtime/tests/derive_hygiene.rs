//! Generated code names nothing that the user may call something else.
#![allow(clippy::unwrap_used, missing_docs, dead_code, unreachable_pub)]

mod derived;

use derived::both;

/// A module without a prelude, in which every usual name is something else.
#[no_implicit_prelude]
mod shadowed {
    use ::core::clone::Clone;
    use ::core::cmp::PartialEq;
    use ::core::fmt::Debug;
    use ::core::marker::Copy;
    use ::exproto_runtime::ExProtoFrame;
    use ::exproto_runtime::codec::{Ascii, ListBuf, TextBuf, Wire};

    pub struct Result;
    pub struct Some;
    pub struct None;
    pub struct Ok;
    pub struct Err;
    pub struct String;
    pub struct Box;
    pub struct Reader;
    pub struct Writer;
    pub struct Error;
    pub struct FieldInfo;
    pub struct Codec;
    pub trait Decode {}
    pub trait Encode {}
    pub trait Default {}
    pub trait From {}
    pub trait Into {}
    pub trait Iterator {}
    pub trait FnMut {}
    pub trait ToString {}
    pub trait TryFrom {}
    pub mod core {}
    pub mod alloc {}
    pub mod std {}
    pub mod exproto_runtime {}

    // The macro knows these two by name.
    pub use ::core::option::Option;
    pub use ::std::vec::Vec;

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big)]
    pub struct Frame {
        #[wire(before(id: u8 = tag(body)), before(len: bits(15) = size(body..=list)), before(has: bits(1) = present(more)))]
        #[wire(size = prefix(u8), as = Ascii)]
        pub name: TextBuf,
        #[wire(range = 0..=9, scale = 0.1)]
        pub level: u16,
        pub more: Option<u24>,
        #[wire(ctx(wide = level > 5))]
        #[wire(size = 2)]
        pub body: Body,
        #[wire(each(size = 1))]
        pub list: Vec<Vec<u8>>,
        #[wire(after(check: u8 = sum(id..)), rest, lenient)]
        pub tail: ListBuf<Flags>,
    }

    /// Frames that stand on the wire in another way.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[frame(blocks(first = 4, size = 4, check: u16 = crc("CRC-16/DNP", ..)))]
    #[wire(endian = big)]
    pub struct Blocked {
        #[wire(before(n: u16 = size(rest)), before(two: u16))]
        pub rest: Vec<u8>,
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[frame(datagram, stuffing = with(super::flip, super::flip))]
    pub struct Flipped {
        #[wire(rest)]
        pub rest: Vec<u8>,
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[frame(max = 99)]
    pub struct Pieces<'a> {
        #[wire(before(b"@"), size = prefix(u8), stream = 4, after(check: u8 = xor(..)))]
        pub rest: ::exproto_runtime::codec::Chunk<&'a [u8]>,
    }

    /// Other shapes of JSON.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big)]
    pub struct Shaped {
        #[wire(hidden)]
        pub serial: u16,
        #[wire(flatten)]
        pub place: Placed,
        #[wire(before(has: u8 = present(more)), flatten)]
        pub more: Option<Kind>,
        #[wire(count = prefix(u8), map)]
        pub list: Vec<Kind>,
        #[wire(rest, map)]
        pub rest: ListBuf<Pair>,
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    pub struct Placed {
        pub lat: u8,
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(tag = u8)]
    pub enum Kind {
        #[wire(tag = 1)]
        None,
        #[wire(tag = 2)]
        Some(u8),
        #[wire(tag = 3, key = "probe{number}")]
        Probe { number: u8, value: u8, ok: u8 },
        #[wire(other, key = "io{id}")]
        Ok {
            #[wire(tag)]
            id: u8,
            value: u8,
        },
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(key = "{id}")]
    pub struct Pair {
        pub id: u8,
        pub value: u8,
    }

    /// Orders chosen at run time, values of several parts, bits across bytes.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = if mark == 1 { little } else { big })]
    pub struct Parts {
        pub mark: u8,
        #[wire(before(south: bits(1) = sign(lat)), before(high: bits(3) = bits(meter, 16)), bits = 60)]
        pub little: u64,
        #[wire(bits = 16)]
        pub big: i16,
        #[wire(as = u16, range = -9..=9)]
        pub lat: i32,
        #[wire(as = u16)]
        pub meter: u32,
        #[wire(count = prefix(u16), each(bits = 12))]
        pub samples: Vec<i16>,
        #[wire(size = 1, each(bits = 4))]
        pub modes: Vec<Mode>,
    }

    #[allow(non_camel_case_types)]
    #[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
    pub struct u24(pub u8);

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big, lenient, ctx(wide: bool))]
    pub enum Body {
        #[wire(tag = 1)]
        One(u16),
        #[wire(tag = 2)]
        Two {
            #[wire(if = wide)]
            high: Option<u8>,
            low: u8,
        },
        #[wire(other)]
        Other {
            #[wire(tag)]
            id: u8,
            #[wire(rest)]
            data: Vec<u8>,
        },
    }

    #[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
    #[wire(bits = u8)]
    pub struct Flags {
        #[wire(bits = 1)]
        pub on: bool,
        #[wire(bits = 7)]
        pub mode: Mode,
    }

    #[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
    #[wire(tag = u8)]
    pub enum Mode {
        Off,
        #[wire(other)]
        Other(u8),
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    pub struct Sealed {
        #[wire(before(id: u8 = tag(body)))]
        #[wire(size = prefix(u8), via = with(|bytes| bytes.to_vec(), |bytes| bytes.to_vec()), lenient)]
        #[wire(ctx(wide = true), opaque = false)]
        pub body: Body,
    }

    pub fn smallest() -> usize {
        <Frame as Wire>::MIN
    }
}

#[test]
fn shadowed_names_are_not_in_the_way() {
    use shadowed::{Body, Flags, Frame, Mode, smallest};
    assert_eq!(smallest(), 1 + 2 + 1 + 2 + 2 + 1);
    let mut bytes = vec![2, 0, 8 | 1, 1, b'a', 0, 7, 3, 4, 5, 6, 7, 0x80, 0x05];
    let check = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    bytes.push(check);
    both(
        &bytes,
        Frame {
            name: "a".into(),
            level: 7,
            more: Some(shadowed::u24(3)),
            body: Body::Two { high: Some(4), low: 5 },
            list: vec![vec![6], vec![7]],
            tail: vec![Flags { on: true, mode: Mode::Off }, Flags { on: false, mode: Mode::Other(5) }].into(),
        },
    );
}

fn flip(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| !byte).collect()
}

#[test]
fn frames_in_blocks_and_pieces_name_nothing_either() {
    use exproto_runtime::codec::{Chunk, encode};
    let mut wire = Vec::new();
    encode::<shadowed::Blocked>(&shadowed::Blocked { rest: vec![7; 5] }, &mut wire).unwrap();
    assert_eq!(wire.len(), 9 + 3 * 2);
    wire.clear();
    encode::<shadowed::Flipped>(&shadowed::Flipped { rest: vec![1] }, &mut wire).unwrap();
    assert_eq!(wire, [0xFE]);
    wire.clear();
    encode::<shadowed::Pieces<'_>>(&shadowed::Pieces { rest: Chunk::whole(b"12345") }, &mut wire).unwrap();
    assert_eq!(wire.len(), 8);
}

#[test]
fn chosen_orders_and_parts_name_nothing_either() {
    use shadowed::{Mode, Parts};
    let parts = Parts {
        mark: 0,
        little: 0xABC_DEF0_1234_5678,
        big: -2,
        lat: -5,
        meter: 0x7_1234,
        samples: vec![-1, 2],
        modes: vec![Mode::Off, Mode::Other(3)],
    };
    let bytes = [
        0, 0xFA, 0xBC, 0xDE, 0xF0, 0x12, 0x34, 0x56, 0x78, 0xFF, 0xFE, 0, 5, 0x12, 0x34, 0, 2, 0xFF, 0xF0,
        0x02, 0x03,
    ];
    both(&bytes, parts.clone());
    let bytes = [
        1, 0xFE, 0xFF, 0x78, 0x56, 0x34, 0x12, 0xF0, 0xDE, 0xBC, 0xFA, 5, 0, 0x34, 0x12, 2, 0, 0xFF, 0x2F,
        0x00, 0x30,
    ];
    both(&bytes, Parts { mark: 1, ..parts });
}

mod raw {
    use exproto_runtime::prelude::*;

    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[wire(endian = big)]
    pub struct Raw {
        #[wire(before(r#fn: u8 = size(r#type)), before(r#in: u8 = count(r#match)), before(r#as: u8 = present(r#if)))]
        pub r#type: Vec<u8>,
        pub r#match: Vec<u16>,
        #[wire(before(r#loop: u8 = xor(r#type..=r#match)))]
        pub r#if: Option<u8>,
        #[wire(if = r#type.len() > 1)]
        pub r#move: Option<u8>,
    }

    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[wire(tag = u8)]
    pub enum r#Enum {
        #[wire(tag = 1)]
        r#Struct { r#type: u8 },
        #[wire(other)]
        r#Other {
            #[wire(tag)]
            r#type: u8,
            #[wire(rest)]
            r#dyn: Vec<u8>,
        },
    }
}

#[test]
fn keywords_may_be_names() {
    both(
        &[2, 1, 1, 5, 6, 0, 9, 5 ^ 6 ^ 9, 7, 8],
        raw::Raw { r#type: vec![5, 6], r#match: vec![9], r#if: Some(7), r#move: Some(8) },
    );
    both(&[1, 2], raw::Enum::Struct { r#type: 2 });
    let mut json = Vec::new();
    exproto_runtime::codec::to_json(&raw::Enum::Struct { r#type: 2 }, &mut json);
    assert_eq!(json, br#"{"struct":{"type":2}}"#);
}

mod made {
    use exproto_runtime::prelude::*;

    macro_rules! record {
        ($name:ident { $($field:ident: $ty:ty),* }, $size:expr) => {
            #[derive(ExProtoFrame, Debug, PartialEq)]
            #[wire(endian = big, ctx(wide: bool))]
            pub struct $name {
                $(pub $field: $ty,)*
                #[wire(before(len: u8 = size(data..=more)))]
                #[wire(size = $size)]
                pub data: Vec<u8>,
                #[wire(if = wide && data.len() > 1)]
                pub more: Option<u8>,
                #[wire(if = left > 1, range = 1..=9)]
                pub last: Option<u16>,
            }

            #[derive(ExProtoFrame, Debug, PartialEq)]
            pub struct Holder {
                kind: u8,
                #[wire(ctx(wide = kind == 1))]
                pub record: $name,
            }

            impl Holder {
                pub fn new(kind: u8, record: $name) -> Self {
                    Self { kind, record }
                }
            }
        };
    }

    record!(Record { a: u8, b: u16 }, 2);

    macro_rules! fields {
        ($name:ident $($fields:tt)*) => {
            #[derive(ExProtoFrame, Debug, PartialEq)]
            pub struct $name { $($fields)* }
        };
    }

    fields! { Halves #[wire(size = left / 2)] pub half: Vec<u8>, #[wire(rest)] pub more: Vec<u8> }
}

#[test]
fn macros_may_make_the_types() {
    let record = |more, last| made::Record { a: 1, b: 2, data: vec![3, 4], more, last };
    both(&[1, 1, 0, 2, 3, 3, 4, 5, 0, 6], made::Holder::new(1, record(Some(5), Some(6))));
    both(&[0, 1, 0, 2, 2, 3, 4], made::Holder::new(0, record(None, None)));
    both(&[1, 2, 3, 4, 5], made::Halves { half: vec![1, 2], more: vec![3, 4, 5] });
}

mod renamed {
    pub use exproto_runtime as wire_format;

    pub mod inner {
        use super::wire_format::ExProtoFrame;

        #[derive(ExProtoFrame, Debug, PartialEq)]
        #[wire(crate = super::wire_format, endian = big)]
        pub struct Renamed {
            #[wire(before(len: u16 = size(data)))]
            pub data: Vec<u8>,
        }
    }
}

#[test]
fn the_crate_may_be_renamed() {
    both(&[0, 1, 9], renamed::inner::Renamed { data: vec![9] });
}

/// Fields and contexts with the names that generated code uses without
/// underscores elsewhere.
mod plain {
    use exproto_runtime::prelude::*;

    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[wire(endian = big)]
    pub struct Plain {
        pub r: u8,
        pub w: u8,
        pub ctx: u8,
        pub v: u8,
        pub at: u8,
        pub node: u8,
        #[wire(ctx(left = r))]
        pub inner: Inner,
    }

    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[wire(ctx(left: u8))]
    pub struct Inner {
        #[wire(size = left)]
        pub data: Vec<u8>,
    }
}

#[test]
fn short_names_are_the_users() {
    let inner = plain::Inner { data: vec![9] };
    both(&[1, 2, 3, 4, 5, 6, 9], plain::Plain { r: 1, w: 2, ctx: 3, v: 4, at: 5, node: 6, inner });
}

/// Variants whose fields have the names that replies and functions see.
#[cfg(feature = "session")]
mod routed {
    use exproto_runtime::prelude::*;

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
    #[wire(endian = big)]
    #[route(gateway, downlink = head)]
    pub struct Message {
        #[wire(before(id: u8 = tag(r#type)))]
        pub cx: u8,
        pub r#type: Body,
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big)]
    pub enum Body {
        #[wire(tag = 1)]
        #[route(auth(client_id = "{cx}"), with = look, reply = answer)]
        Login { frame: u8, cx: u16, outcome: u8, __out: u8 },
        #[wire(tag = 2)]
        #[route(publish("{cx}/{kind}/{peer}/{frame}", payload = frame), reply = Message { r#type: Body::Done, ..frame.clone() })]
        Report { frame: u8, outcome: u16 },
        #[wire(tag = 3)]
        #[route(publish("each/{cx}", each = r#match), reply = { let _ = (cx, outcome); Some(frame.clone()) })]
        List {
            #[wire(count = prefix(u8))]
            r#match: Vec<u16>,
        },
        #[wire(tag = 4)]
        #[route(sent)]
        Done,
        #[wire(tag = 5)]
        #[route(deliver("down/{client_id}"), answers = r#type)]
        Set { r#type: u8, payload: u8, topic: u8 },
    }

    fn head(body: Body, _: &mut Cx<'_, ()>) -> Message {
        Message { cx: 0, r#type: body }
    }

    fn look(_: &Message, _: &mut Cx<'_, ()>, _: &mut Asks<'_>) {}

    fn answer(frame: &Message, _: &mut Cx<'_, ()>, _: &Outcome) -> Message {
        Message { r#type: Body::Done, ..frame.clone() }
    }

    #[test]
    fn fields_may_have_the_names_of_the_session() {
        use exproto_runtime::session::Gateway;
        let frame = Message { cx: 1, r#type: Body::Set { r#type: 7, payload: 0, topic: 0 } };
        assert_eq!(Message::answers(&frame), Some(exproto_runtime::session::Pairing::Key(7)));
        let mut wire = Vec::new();
        exproto_runtime::codec::encode::<Message>(&frame, &mut wire).unwrap();
        assert_eq!(wire, [0x7E, 5, 1, 7, 0, 0, 0x7E]);
    }
}

#[test]
fn nor_in_that_of_a_transform() {
    use shadowed::{Body, Sealed};
    both(&[2, 2, 1, 7], Sealed { body: Body::Two { high: Some(1), low: 7 } });
}

/// Functions have the names of fields.
mod called {
    use exproto_runtime::prelude::*;

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[frame(max = 64)]
    #[wire(endian = big)]
    #[route(gateway, state = u8, anonymous)]
    pub struct Message {
        #[wire(before(b"\x7E"), before(id: u8 = tag(body)))]
        pub dif: u8,
        #[wire(skip, default = storage(dif))]
        pub storage: u8,
        #[wire(size = size(dif))]
        pub size: Vec<u8>,
        #[wire(if = there(dif))]
        pub there: Option<u8>,
        pub body: Body,
        #[wire(is = fn(check, dif..=body, dif))]
        pub check: u8,
    }

    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[route(anonymous)]
    pub enum Body {
        #[wire(tag = 1)]
        #[route(with = version, lookup = found, publish("said", payload = with(payload)), reply = reply)]
        Version { version: u8, payload: u8, found: u8, reply: u8 },
    }

    fn storage(dif: u8) -> u8 {
        dif >> 1
    }

    fn size(dif: u8) -> usize {
        usize::from(dif & 1)
    }

    fn there(dif: u8) -> bool {
        dif > 0
    }

    fn check(bytes: &[u8], dif: u8) -> u8 {
        bytes.iter().fold(dif, |all, byte| all ^ byte)
    }

    fn version(frame: &Message, cx: &mut Cx<'_, u8>, _: &mut Asks<'_>) {
        let Body::Version { version, .. } = frame.body;
        *cx.state = version;
    }

    fn found(_: &Message, _: &mut Cx<'_, u8>) -> Option<Lookup> {
        None
    }

    fn payload(_: &Message, _: &mut Cx<'_, u8>, out: &mut Vec<u8>) {
        out.extend(b"yes");
    }

    fn reply(frame: &Message, _: &mut Cx<'_, u8>, _: &Outcome) -> Message {
        frame.clone()
    }
}

#[test]
fn functions_may_have_the_names_of_fields() {
    use called::{Body, Message};
    use exproto_runtime::testkit::TestConn;

    let body = Body::Version { version: 7, payload: 1, found: 2, reply: 3 };
    let message = Message { dif: 5, storage: 2, size: vec![9], there: Some(8), body, check: 14 };
    let bytes = [0x7E, 1, 5, 9, 8, 7, 1, 2, 3, 6];
    let read = exproto_runtime::codec::from_bytes::<Message>(&bytes).unwrap().frame;
    assert_eq!(Message { check: read.check, ..message }, read);
    let mut device = TestConn::<Message>::new();
    device.send(&bytes);
    assert_eq!((device.sent(), *device.state()), (&bytes[..], 7));
    assert_eq!(device.publishes()[0].text(), "yes");
}
