//! `#[wire(via = TRANSFORM)]`: bytes that stand on the wire in another form.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod derived;
#[allow(unreachable_pub)]
mod framing;

use derived::{both, flagged, refused, write};
use exproto_runtime::codec::{
    Ascii, Decode, Deframer, Encode, ErrorKind, FieldInfo, Fill, Flag, Item, ListBuf, Node, Random, Sample,
    TextBuf, Transform, Value, decode, encode, explain_item, from_bytes, reencode, to_json,
};
use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;
use framing::{Got, same_however_cut};

/// Each byte combined with the key.
#[derive(Clone, Copy)]
struct Xor(u8);

impl Transform for Xor {
    fn decode(&self, bytes: &[u8], _: usize) -> Option<Vec<u8>> {
        self.encode(bytes)
    }

    fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        Some(bytes.iter().map(|byte| byte ^ self.0).collect())
    }

    fn exact(&self) -> bool {
        true
    }
}

/// DEFLATE in a zlib stream, which others may pack otherwise than we do.
struct Zlib;

impl Transform for Zlib {
    fn decode(&self, bytes: &[u8], max: usize) -> Option<Vec<u8>> {
        miniz_oxide::inflate::decompress_to_vec_zlib_with_limit(bytes, max).ok()
    }

    fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        Some(miniz_oxide::deflate::compress_to_vec_zlib(bytes, 6))
    }
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().rev().copied().collect()
}

fn even(bytes: &[u8]) -> Option<Vec<u8>> {
    bytes.len().is_multiple_of(2).then(|| reversed(bytes))
}

static AT: FieldInfo = FieldInfo::new("", "");

/// The header is clear, the body is not; what the header says decides how.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 256)]
#[wire(endian = big)]
struct Message {
    #[wire(before(b"@@"), before(id: u8 = tag(body)), before(length: u16 = size(body)))]
    key: u8,
    sealed: u8,
    #[wire(via = (sealed != 0).then_some(Xor(key)))]
    #[wire(after(check: u8 = xor(id..)))]
    body: Body,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
enum Body {
    #[wire(tag = 1)]
    Reading {
        #[wire(range = 0..=1000)]
        value: u16,
        #[wire(before(count: u8 = count(more)))]
        more: ListBuf<Pair>,
    },
    #[wire(tag = 2)]
    Text {
        #[wire(rest, as = Ascii)]
        text: TextBuf,
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Pair(u8, u8);

fn wire(message: &Message) -> Vec<u8> {
    let mut wire = Vec::new();
    encode::<Message>(message, &mut wire).unwrap();
    wire
}

#[test]
fn the_layout_reads_what_the_transform_makes() {
    let body = Body::Reading { value: 0x0123, more: vec![Pair(1, 2), Pair(3, 4)].into() };
    let message = Message { key: 0x55, sealed: 1, body };
    let sealed = [0x01 ^ 0x55, 0x23 ^ 0x55, 2 ^ 0x55, 1 ^ 0x55, 2 ^ 0x55, 3 ^ 0x55, 4 ^ 0x55];
    let mut expected = vec![b'@', b'@', 1, 0, 7, 0x55, 1];
    expected.extend(sealed);
    expected.push(expected[2..].iter().fold(0, |sum, byte| sum ^ byte));
    assert_eq!(wire(&message), expected);

    let clear = Message { sealed: 0, ..message.clone() };
    assert_eq!(wire(&clear)[7..14], [0x01, 0x23, 2, 1, 2, 3, 4]);

    let stream = [wire(&message), wire(&clear)].concat();
    let found = same_however_cut::<Message>(&stream);
    let decoded: Vec<Message> = found
        .iter()
        .map(|got| match got {
            Got::Frame(_, wire, _) => {
                let received = decode::<Message>(wire).unwrap();
                assert!(received.flags.is_empty());
                received.frame
            }
            Got::Bad(..) => panic!("{found:?}"),
        })
        .collect();
    assert_eq!(decoded, [message, clear]);
}

#[test]
fn odd_values_inside_are_flagged_and_errors_say_that_they_are_inside() {
    let mut bytes =
        wire(&Message { key: 7, sealed: 1, body: Body::Reading { value: 1001, more: vec![].into() } });
    let mut scratch = Vec::new();
    assert!(decode::<Message>(&bytes).unwrap().flags.has(Flag::Range));

    // The count says one more than there is.
    let end = bytes.len() - 1;
    bytes[end - 1] ^= 1;
    bytes[end] ^= 1;
    let mut input = &bytes[..];
    let mut deframer = Deframer::<Message>::new();
    let item = deframer.next(&mut input, &mut scratch).unwrap();
    let Item::Frame(raw) = &item else { panic!("{item:?}") };
    let error = raw.decode::<Message>().unwrap_err();
    assert_eq!((error.kind(), error.offset(), error.inside()), (ErrorKind::Short, 3, true));
    assert!(error.to_string().contains("at byte 3 of the transformed bytes: "), "{error}");
    let picture = explain_item::<Message>(&item);
    assert_eq!(
        picture.to_string(),
        "\
Message, 11 bytes from byte 0 of the stream
  0000  40 40 01 00 03 07 01 04  ee 06 e8                 @@.........
Message.body transformed, 3 bytes
  0000  03 e9 01                                          ...
                 ^^
       0..2  40 40                      Message._
       2..3  01                         Message.id
       3..5  00 03                      Message.length
       5..6  07                         Message.key
       6..7  01                         Message.sealed
        7..  04 ee 06 e8                Message.body
   body 0..  03 e9 01                     Body.reading
  body 0..2  03 e9                          Body::Reading.value
  body 2..3  01                             Body::Reading.count
   body 3..                                 Body::Reading.more
   body 3..                                   [0]
odd: Message.body > Body.reading > Body::Reading.value at byte 0 of the transformed bytes: value outside its range
error: Message.body > Body.reading > Body::Reading.more[0] > Pair.0 at byte 3 of the transformed bytes: the field needs more bytes than are left
       0 bytes left, 1 needed
"
    );
}

#[test]
fn several_kinds_of_fields_and_extents() {
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big)]
    struct Kinds {
        #[wire(size = 4, via = with(even, even))]
        fixed: Inner,
        #[wire(size = prefix(u8), via = Xor(0xFF))]
        bytes: Vec<u8>,
        #[wire(count = prefix(u8), each(size = prefix(u8), via = Xor(fixed.low)))]
        list: Vec<Inner>,
        #[wire(size = 3, as = Ascii, via = with(|bytes| reversed(bytes), |bytes| Some(reversed(bytes))))]
        text: TextBuf,
        #[wire(until = b"\0", via = Xor(0x80))]
        ended: Vec<Pair>,
        #[wire(before(there: u8 = present(maybe)))]
        #[wire(size = 4, via = &Xor(1))]
        maybe: Option<Inner>,
        #[wire(rest, via = Box::new(Xor(2)) as Box<dyn Transform>)]
        last: ListBuf<Pair>,
    }

    #[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
    #[wire(endian = little)]
    struct Inner {
        high: u16,
        mid: u8,
        low: u8,
    }

    let value = Kinds {
        fixed: Inner { high: 0x0201, mid: 3, low: 4 },
        bytes: vec![1],
        list: vec![Inner { high: 0, mid: 0, low: 1 }],
        text: "abc".into(),
        ended: vec![Pair(1, 2)],
        maybe: Some(Inner { high: 0, mid: 0, low: 0 }),
        last: vec![Pair(0, 1)].into(),
    };
    let bytes = [4, 3, 2, 1, 1, 0xFE, 1, 4, 4, 4, 4, 5, b'c', b'b', b'a', 0x81, 0x82, 0, 1, 1, 1, 1, 1, 2, 3];
    both(&bytes, value.clone());

    // All walks know the value as it is, not as it stands on the wire.
    let mut json = Vec::new();
    to_json(&value, &mut json);
    assert_eq!(
        String::from_utf8_lossy(&json),
        r#"{"fixed":{"high":513,"mid":3,"low":4},"bytes":"01","list":[{"high":0,"mid":0,"low":1}],"text":"abc","ended":[[1,2]],"maybe":{"high":0,"mid":0,"low":0},"last":[[0,1]]}"#
    );
    assert_eq!(Kinds::fill(Some(&Node::parse(&json).unwrap()), &AT).unwrap(), value);
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Packed {
    #[wire(size = prefix(u8), via = Zlib, max = 1000)]
    data: Vec<u8>,
    end: u8,
}

#[test]
fn what_is_packed_otherwise_re_encodes_as_it_came() {
    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[frame(line, max = 400, unescaped)]
    struct Line {
        #[wire(rest)]
        packed: Packed,
    }

    let value = Packed { data: vec![7; 1000], end: 9 };
    let ours = write(&value).unwrap();
    both(&ours, value.clone());

    // Stored without compression.
    let data: Vec<u8> = (0..=100).map(|byte| byte | 0x80).collect();
    let stored = miniz_oxide::deflate::compress_to_vec_zlib(&data, 0);
    let bytes = [&[stored.len() as u8], &stored[..], b"\x09"].concat();
    let (other, flags) = flagged::<Packed>(&bytes).unwrap();
    assert_eq!(other, Packed { data, end: 9 });
    assert_eq!(flags, [Flag::Transform]);
    assert_ne!(write(&other).unwrap(), bytes);

    let framed = [&bytes[..], b"\r\n"].concat();
    let (mut input, mut scratch) = (&framed[..], Vec::new());
    let mut deframer = Deframer::<Line>::new();
    let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!() };
    let received = raw.decode::<Line>().unwrap();
    let mut again = Vec::new();
    reencode::<Line>(&received, &raw, &mut again).unwrap();
    assert_eq!(again, framed);
}

#[test]
fn neither_bombs_nor_garbage_get_through() {
    let bomb = miniz_oxide::deflate::compress_to_vec_zlib(&[0; 20_000], 9);
    assert!(bomb.len() < 100);
    let bytes = [&[bomb.len() as u8], &bomb[..], b"\x09"].concat();
    assert_eq!(refused::<Packed>(&bytes), (ErrorKind::Transform, 1, "data"));
    assert_eq!(refused::<Packed>(&[2, 0x31, 0x32, 9]), (ErrorKind::Transform, 1, "data"));

    // A transform that does not care is stopped behind it.
    #[derive(ExProtoFrame, Debug)]
    struct Doubled {
        #[wire(rest, via = with(|bytes| bytes.repeat(2), reversed), max = 4)]
        data: Vec<u8>,
    }
    assert_eq!(refused::<Doubled>(&[1, 2, 3]), (ErrorKind::TooLong, 0, "data"));
    let error = write(&Doubled { data: vec![0; 5] }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::TooLong, "data"));
    let error = write(&Odd { data: vec![0; 5] }).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Transform, "data"));

    #[derive(ExProtoFrame, Debug)]
    struct Odd {
        #[wire(rest, via = with(even, even))]
        data: Vec<u8>,
    }
}

#[test]
fn lenient_keeps_what_cannot_be_read_as_it_came() {
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    struct Lenient {
        #[wire(before(id: u8 = tag(body)), size = prefix(u8), via = with(even, even), lenient)]
        body: Body,
        #[wire(rest, via = with(even, even), lenient)]
        raw: Vec<u8>,
    }

    let read = |bytes: &[u8]| flagged::<Lenient>(bytes).unwrap();
    let (value, flags) = read(&[2, 2, b'b', b'a', 9, 8]);
    assert_eq!(value.body, Body::Text { text: "ab".into() });
    assert_eq!((value.raw, flags), (vec![8, 9], vec![]));
    // Refused by the transform.
    let (value, flags) = read(&[2, 3, 1, 2, 3, 9]);
    assert_eq!(value.body, Body::Other { id: 2, data: vec![1, 2, 3] });
    assert_eq!((value.raw, flags), (vec![9], vec![Flag::Transform]));
    // Refused by the layout, as with a wrong key: nothing odd of it is left.
    let (value, flags) = read(&[1, 4, 0, 7, 0xFF, 0xFF, 1, 2]);
    assert_eq!(value.body, Body::Other { id: 1, data: vec![0, 7, 0xFF, 0xFF] });
    assert_eq!((value.raw, flags), (vec![2, 1], vec![Flag::Transform]));
}

#[test]
fn bytes_behind_the_value_may_be_filling() {
    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[wire(endian = big)]
    struct Filled {
        #[wire(size = 4, via = Xor(1), extra)]
        value: Pair,
    }
    let (value, flags) = flagged::<Filled>(&[2, 3, 1, 1]).unwrap();
    assert_eq!((value.value, flags), (Pair(3, 2), vec![Flag::Extra]));
}

/// The search walks over what it cannot read.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 200)]
#[wire(endian = big)]
struct Walked {
    #[wire(before(b"W"))]
    #[wire(count = prefix(u8), each(size = prefix(u8), via = Xor(0x20)))]
    parts: Vec<Pairs>,
    #[wire(size = prefix(u8), via = Xor(0x20), max = 100, after(check: u8 = sum(parts..)))]
    text: Vec<u8>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Pairs {
    #[wire(rest)]
    pairs: Vec<Pair>,
}

#[test]
fn the_search_walks_over_transformed_bytes() {
    let mut random = Random::new(3);
    let mut stream = Vec::new();
    let mut sent = Vec::new();
    for _ in 0..20 {
        let frame = Walked::sample(&mut random, None, &AT, ());
        let start = stream.len();
        encode::<Walked>(&frame, &mut stream).unwrap();
        sent.push((stream[start..].to_vec(), frame));
    }
    let found = same_however_cut::<Walked>(&stream);
    assert_eq!(found.len(), sent.len());
    for (got, (wire, frame)) in found.iter().zip(&sent) {
        assert!(matches!(got, Got::Frame(_, found, _) if found == wire));
        assert_eq!(decode::<Walked>(wire).unwrap().frame, *frame);
    }
}

#[test]
fn random_values_come_back_from_the_wire_and_from_json() {
    fn round<T>(rounds: u32)
    where
        T: for<'a> Decode<'a, Ctx = ()> + Encode<Ctx = ()> + Sample + Value + for<'f> Fill<'f>,
        T: std::fmt::Debug + PartialEq,
    {
        let mut random = Random::new(11);
        for _ in 0..rounds {
            let value = T::sample(&mut random, None, &AT, ());
            let bytes = write(&value).unwrap();
            assert_eq!(from_bytes::<T>(&bytes).unwrap().frame, value);
            let mut json = Vec::new();
            to_json(&value, &mut json);
            assert_eq!(T::fill(Some(&Node::parse(&json).unwrap()), &AT).unwrap(), value);
        }
    }
    round::<Message>(200);
    round::<Packed>(50);
    round::<Walked>(50);
}

#[test]
fn no_byte_changed_on_the_wire_panics() {
    let body = Body::Reading { value: 1, more: vec![Pair(1, 2)].into() };
    let good = wire(&Message { key: 3, sealed: 1, body });
    let packed = write(&Packed { data: b"aaaaaaaaaaaaaaaaaaaaaaab".to_vec(), end: 1 }).unwrap();
    for at in 0..good.len().max(packed.len()) {
        for bit in 0..8 {
            for mut bytes in [good.clone(), packed.clone()] {
                let Some(byte) = bytes.get_mut(at) else { continue };
                *byte ^= 1 << bit;
                let _ = from_bytes::<Message>(&bytes);
                let _ = from_bytes::<Packed>(&bytes);
            }
        }
    }
}

/// The login brings the key; what comes later is read with it.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64,
    reassemble(key = (tag(body)), index = part.index, total = part.total, into = body))]
#[wire(ctx(key: Option<u8>))]
#[route(gateway, state = Known, ctx = known, downlink = envelope)]
struct Session {
    #[wire(before(id: u8 = tag(body)), before(segmented: u8 = present(part)))]
    part: Option<Part>,
    #[wire(rest, via = key.map(Xor), opaque = part.is_some())]
    body: Talk,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
struct Part {
    index: u8,
    total: u8,
}

#[derive(Debug, Default)]
struct Known {
    key: Option<u8>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
enum Talk {
    #[wire(tag = 1)]
    #[route(auth(client_id = "one"), with = learn)]
    Login { key: u8 },
    #[wire(tag = 2)]
    #[route(publish("readings/{client_id}", qos = 1))]
    Reading { value: u16 },
    #[wire(tag = 0x81)]
    #[route(deliver("limits/{client_id}"))]
    Limit { limit: u8 },
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

fn known(cx: &Cx<'_, Known>) -> SessionCtx {
    SessionCtx { key: cx.state.key }
}

fn learn(frame: &Session, cx: &mut Cx<'_, Known>, _: &mut Asks<'_>) {
    if let Talk::Login { key } = frame.body {
        cx.state.key = Some(key);
    }
}

fn envelope(body: Talk, _: &mut Cx<'_, Known>) -> Session {
    Session { part: None, body }
}

#[test]
fn the_key_comes_from_the_session() {
    let mut device = TestConn::<Session>::new();
    device.send(b"\x7E\x01\x00\x55\x7E");
    device.send(b"\x7E\x02\x00\x54\x57\x7E");
    assert_eq!(device.publishes()[0].text(), r#"{"value":258}"#);
    device.message("limits/one", br#"{"limit": 2}"#);
    assert_eq!(device.take_sent(), b"\x7E\x81\x00\x57\x7E");
    // In two segments, each of which cannot be read alone.
    device.send(b"\x7E\x02\x01\x01\x02\x54\x7E\x7E\x02\x01\x02\x02\x58\x7E");
    assert_eq!(device.publishes().last().unwrap().text(), r#"{"value":269}"#);
}
