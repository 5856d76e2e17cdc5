//! Types that hold themselves: `max_depth`, `Box<T>`.
#![allow(clippy::unwrap_used, clippy::panic)]

mod derived;
#[allow(unreachable_pub)]
mod framing;

use derived::{both, flagged, refused, write};
use exproto_runtime::codec::{
    Decode, Encode, ErrorKind, FieldInfo, Fill, Flag, Item, ListBuf, Node, Random, Sample, Value, decode,
    encode, explain_item, from_bytes, to_json,
};
use exproto_runtime::prelude::*;
use framing::{Got, same_however_cut};

static AT: FieldInfo = FieldInfo::new("", "");

/// Tag, length, value; values of one tag are such items again.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(max_depth = 4)]
struct Tlv {
    #[wire(before(id: u8 = tag(value)), before(length: u8 = size(value)))]
    value: Content,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
enum Content {
    #[wire(tag = 1)]
    Number(u16),
    #[wire(tag = 2)]
    Group {
        #[wire(rest)]
        items: Vec<Tlv>,
    },
    #[wire(tag = 3)]
    Lazy {
        #[wire(rest)]
        items: ListBuf<Tlv>,
    },
    #[wire(tag = 4)]
    Boxed(Box<Tlv>),
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 60_000)]
#[wire(endian = big)]
struct Message {
    #[wire(before(b"T"), before(length: u16 = size(items)))]
    items: Vec<Strict>,
}

/// The same without a way out, and it is the enum that holds itself.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big, max_depth = 5)]
enum Strict {
    #[wire(tag = 1)]
    Number(u16),
    #[wire(tag = 2)]
    Group(#[wire(size = prefix(u16))] Vec<Strict>),
    #[wire(tag = 3)]
    Not(Box<Strict>),
    #[wire(tag = 4)]
    Maybe {
        #[wire(before(there: u8 = present(inner)))]
        inner: Option<Box<Strict>>,
    },
}

/// Neither of the two names itself; one of them says how deep.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(max_depth = 3)]
struct Ping {
    #[wire(count = prefix(u8))]
    pongs: Vec<Pong>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Pong {
    id: u8,
    #[wire(size = prefix(u8))]
    ping: Box<Ping>,
}

#[test]
fn values_lie_within_each_other_as_deep_as_is_said() {
    let number = Tlv { value: Content::Number(0x0102) };
    let group = |items: Vec<Tlv>| Tlv { value: Content::Group { items } };
    let three = group(vec![group(vec![group(vec![number.clone()]), number.clone()])]);
    both(&[2, 12, 2, 10, 2, 4, 1, 2, 1, 2, 1, 2, 1, 2], three.clone());
    both(
        &[3, 6, 4, 4, 1, 2, 1, 2],
        Tlv { value: Content::Lazy { items: vec![Tlv { value: Content::Boxed(Box::new(number)) }].into() } },
    );

    // One more is too deep to be written, and kept raw where it is read.
    let error = write(&group(vec![three])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Depth);
    let bytes = [2, 8, 2, 6, 2, 4, 2, 2, 2, 0];
    let (value, flags) = flagged::<Tlv>(&bytes).unwrap();
    let raw = Tlv { value: Content::Other { id: 2, data: vec![2, 0] } };
    assert_eq!(value, group(vec![group(vec![group(vec![raw])])]));
    assert_eq!(flags, [Flag::Raw]);
    assert_eq!(write(&value).unwrap(), bytes);

    assert_eq!(refused::<Strict>(&[3, 3, 3, 3, 3, 1, 0, 0]), (ErrorKind::Depth, 6, "Strict"));
    both(
        &[3, 4, 1, 1, 0, 9],
        Strict::Not(Box::new(Strict::Maybe { inner: Some(Box::new(Strict::Number(9))) })),
    );
    // What lies side by side is not deep.
    let flat = Strict::Group(vec![Strict::Group(vec![]); 1000]);
    assert_eq!(from_bytes::<Strict>(&write(&flat).unwrap()).unwrap().frame, flat);
}

#[test]
fn types_that_hold_each_other_count_together() {
    let ping = |pongs| Ping { pongs };
    let pong = |ping| Pong { id: 7, ping: Box::new(ping) };
    let deep = ping(vec![pong(ping(vec![pong(ping(vec![]))]))]);
    both(&[1, 7, 4, 1, 7, 1, 0], deep.clone());
    assert_eq!(write(&ping(vec![pong(deep)])).unwrap_err().kind(), ErrorKind::Depth);
    assert_eq!(refused::<Ping>(&[1, 7, 7, 1, 7, 4, 1, 7, 1, 0]), (ErrorKind::Depth, 9, "Ping"));
}

#[test]
fn nesting_without_end_is_an_error() {
    for (tag, size) in [(3_u8, 50_000_usize), (4, 50_000)] {
        let mut bytes = vec![b'T', (size >> 8) as u8, size as u8];
        bytes.extend([tag, 1].iter().cycle().take(size).map(|byte| if tag == 3 { tag } else { *byte }));
        let error = decode::<Message>(&bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Depth);
        let (mut input, mut scratch) = (&bytes[..], Vec::new());
        let item = Deframer::<Message>::new().next(&mut input, &mut scratch).map(|item| {
            assert!(matches!(item, Item::Frame(_)));
            explain_item::<Message>(&item).to_string()
        });
        assert!(item.unwrap().contains("values lie within each other deeper than the layout allows"));
    }
}

#[test]
fn the_search_runs_over_it_by_its_length() {
    let inner = Strict::Group(vec![Strict::Not(Box::new(Strict::Number(5)))]);
    let message = Message { items: vec![inner, Strict::Number(1)] };
    let mut stream = Vec::new();
    encode::<Message>(&message, &mut stream).unwrap();
    encode::<Message>(&message, &mut stream).unwrap();
    let found = same_however_cut::<Message>(&stream);
    assert_eq!(found.len(), 2);
    let Got::Frame(_, wire, _) = &found[0] else { panic!("{found:?}") };
    assert_eq!(decode::<Message>(wire).unwrap().frame, message);
}

#[test]
fn random_values_end_and_come_back() {
    fn round<T>()
    where
        T: for<'a> Decode<'a, Ctx = ()> + Encode<Ctx = ()> + Sample + Value + for<'f> Fill<'f>,
        T: std::fmt::Debug + PartialEq,
    {
        let mut random = Random::new(4);
        for _ in 0..200 {
            let value = T::sample(&mut random, None, &AT, ());
            // A group may be longer than its length can say.
            let Ok(bytes) = write(&value) else { continue };
            assert_eq!(from_bytes::<T>(&bytes).unwrap().frame, value);
            let mut json = Vec::new();
            to_json(&value, &mut json);
            assert_eq!(T::fill(Some(&Node::parse(&json).unwrap()), &AT).unwrap(), value);
        }
    }
    round::<Tlv>();
    round::<Strict>();
    round::<Ping>();
}

#[test]
fn json_that_nests_without_end_is_refused() {
    let mut json = br#"{"not":"#.repeat(10_000);
    json.extend(br#"{"number":1}"#);
    json.extend(b"}".repeat(10_000));
    assert!(Node::parse(&json).is_err());
    let mut json = br#"{"not":"#.repeat(20);
    json.extend(br#"{"number":1}"#);
    json.extend(b"}".repeat(20));
    let value = Strict::fill(Some(&Node::parse(&json).unwrap()), &AT).unwrap();
    assert_eq!(write(&value).unwrap_err().kind(), ErrorKind::Depth);
}

#[test]
fn a_box_is_laid_out_as_what_it_holds() {
    #[allow(clippy::vec_box, reason = "boxes in a list are laid out like others")]
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    struct Boxes {
        #[wire(before(id: u8 = tag(body)), size = prefix(u8))]
        body: Box<Content>,
        #[wire(count = prefix(u8))]
        list: Vec<Box<Ping>>,
        #[wire(if = left > 0)]
        last: Option<Box<Ping>>,
    }

    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[frame(max = 64)]
    struct Walked {
        #[wire(before(b"W"))]
        fixed: Box<Fixed>,
        #[wire(after(check: u8 = sum(fixed..)))]
        varying: Box<Varying>,
    }

    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[wire(endian = big)]
    struct Fixed(u16);

    #[derive(ExProtoFrame, Debug, PartialEq)]
    struct Varying(#[wire(size = prefix(u8))] Vec<u8>);

    let empty = Box::new(Ping { pongs: vec![] });
    let body = Box::new(Content::Number(1));
    both(&[1, 2, 0, 1, 1, 0, 0], Boxes { body, list: vec![empty.clone()], last: Some(empty) });

    let frame = Walked { fixed: Box::new(Fixed(1)), varying: Box::new(Varying(vec![2])) };
    let mut stream = Vec::new();
    encode::<Walked>(&frame, &mut stream).unwrap();
    assert_eq!(stream, [b'W', 0, 1, 1, 2, 4]);
    assert_eq!(same_however_cut::<Walked>(&stream).len(), 1);
}
