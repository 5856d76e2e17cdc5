//! Types that know nothing of this library as fields: by a codec, by two
//! functions. Every walk has to work without a trait of theirs.
#![allow(clippy::unwrap_used, reason = "a test that fails says so")]

use exproto_runtime::codec::{
    Decode, ErrorKind, FieldInfo, Fill, Node, Value, explain_item, from_bytes, to_bytes, to_json,
};
use exproto_runtime::codec::{Deframer, Item};
use exproto_runtime::prelude::*;

/// A type of another crate: no trait of ours, not even `Clone`.
#[derive(Debug, PartialEq)]
struct Foreign {
    name: String,
}

/// A length byte, then letters.
struct Letters;

impl Codec<'_, Foreign> for Letters {
    const DELIMITED: bool = true;

    fn decode(&self, r: &mut Reader<'_>, at: &'static FieldInfo) -> Result<Foreign, Error> {
        let [size] = *r.run::<1>(at)?;
        let offset = r.offset();
        let bytes = r.take(usize::from(size), at)?;
        let name =
            std::str::from_utf8(bytes).ok().filter(|name| name.chars().all(|c| c.is_ascii_lowercase()));
        let name = name.ok_or_else(|| r.fail(ErrorKind::Custom, offset, at, 0, 0))?;
        Ok(Foreign { name: name.into() })
    }

    fn encode(&self, value: &Foreign, w: &mut Writer<'_>, at: &'static FieldInfo) -> Result<(), Error> {
        let size = u8::try_from(value.name.len());
        w.run([size.map_err(|_| w.error(ErrorKind::Overflow, w.here(), at))?]);
        w.bytes(value.name.as_bytes());
        Ok(())
    }

    // So few random bytes are letters that these are made.
    fn sample(&self, random: &mut Random, _: Option<usize>, _: &'static FieldInfo) -> Option<Foreign> {
        Some(Foreign { name: "abcdef".chars().take(random.within(0..=6)).collect() })
    }
}

#[derive(Debug, PartialEq)]
struct Version(u8, u8);

fn read_version(bytes: &[u8]) -> Result<Version, std::num::ParseIntError> {
    let text = String::from_utf8_lossy(bytes);
    let (major, minor) = text.split_once('.').unwrap_or((&text, "0"));
    Ok(Version(major.parse()?, minor.parse()?))
}

fn write_version(version: &Version) -> Vec<u8> {
    format!("{}.{}", version.0, version.1).into()
}

#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 256)]
#[wire(endian = big)]
struct Message<'a> {
    serial: u16,
    #[wire(as = Letters)]
    first: Foreign,
    flags: u8,
    #[wire(if = flags & 1 != 0, as = Letters)]
    second: Option<Foreign>,
    #[wire(count = prefix(u8), each(as = Letters))]
    more: Vec<Foreign>,
    #[wire(as = Ascii, size = prefix(u8))]
    text: Text<'a>,
    #[wire(as = with(read_version, write_version), rest)]
    version: Version,
}

fn foreign(name: &str) -> Foreign {
    Foreign { name: name.into() }
}

fn message() -> Message<'static> {
    Message {
        serial: 7,
        first: foreign("ab"),
        flags: 1,
        second: Some(foreign("c")),
        more: vec![foreign(""), foreign("xyz")],
        text: "T".into(),
        version: Version(2, 11),
    }
}

const BYTES: &[u8] = b"\x00\x07\x02ab\x01\x01c\x02\x00\x03xyz\x01T2.11";
const JSON: &str = r#"{"serial":7,"first":"026162","flags":1,"second":"0163","more":["00","0378797a"],"text":"T","version":"322e3131"}"#;

#[test]
fn both_directions() {
    assert_eq!(to_bytes(&message()).unwrap(), BYTES);
    assert_eq!(from_bytes::<Message<'_>>(BYTES).unwrap().frame, message());
}

#[test]
fn json_is_the_bytes_and_comes_back() {
    let mut json = Vec::new();
    to_json(&message(), &mut json);
    assert_eq!(String::from_utf8(json).unwrap(), JSON);
    let node = Node::parse(JSON.as_bytes()).unwrap();
    static AT: FieldInfo = FieldInfo::new("", "payload");
    assert_eq!(Message::fill(Some(&node), &AT).unwrap(), message());
    let fill = |json: &str| {
        let node = Node::parse(json.as_bytes()).unwrap();
        Message::fill(Some(&node), &AT).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(fill(&JSON.replace("0378797a", "0378")), "more[1]: the field needs more bytes than are left");
    assert_eq!(fill(&JSON.replace("0163", "016300")), "second: there are more bytes than a value has");
    assert_eq!(fill(&JSON.replace(r#""first":"026162","#, "")), "first: missing");
    assert_eq!(fill(&JSON.replace("322e3131", "2e")), "version: the codec of the field refused the bytes");
    assert!(
        Message::fill(Some(&Node::parse(JSON.replace(r#""0163""#, "null").as_bytes()).unwrap()), &AT).is_ok()
    );
}

#[test]
fn a_refusal_says_where() {
    let at = |bytes: &[u8]| {
        let error = Message::decode(&mut Reader::new(bytes), ()).unwrap_err();
        (error.kind(), error.offset(), error.field().name)
    };
    assert_eq!(at(b"\x00\x07\x02a!"), (ErrorKind::Custom, 3, "first"));
    assert_eq!(at(b"\x00\x07\x09ab"), (ErrorKind::Short, 3, "first"));
    assert_eq!(at(b"\x00\x07\x00\x00\x00\x00x.1"), (ErrorKind::Custom, 6, "version"));
    for cut in 0..BYTES.len() - 4 {
        assert!(Message::decode(&mut Reader::new(&BYTES[..cut]), ()).is_err(), "{cut}");
    }
    let long = Message { first: foreign(&"a".repeat(256)), ..message() };
    let error = to_bytes(&long).unwrap_err();
    assert_eq!((error.kind(), error.field().name), (ErrorKind::Overflow, "first"));
}

#[test]
fn pictures_show_them() {
    let mut wire = vec![0x7E];
    wire.extend(BYTES);
    wire.push(0x7E);
    let (mut input, mut scratch) = (&wire[..], Vec::new());
    let mut deframer = Deframer::<Message<'_>>::new();
    let item = deframer.next(&mut input, &mut scratch).unwrap();
    assert!(matches!(item, Item::Frame(_)));
    let picture = explain_item::<Message<'_>>(&item).to_string();
    assert!(picture.contains(r#""322e3131""#), "{picture}");
}

#[derive(ExProtoFrame, Debug, PartialEq)]
struct Made {
    #[wire(as = Letters)]
    name: Foreign,
    #[wire(count = 2, each(as = Letters))]
    names: Vec<Foreign>,
    #[wire(size = 2, as = with(|bytes: &[u8]| bytes.try_into().map(Pair).ok(), |pair: &Pair| pair.0))]
    pair: Pair,
}

#[derive(Debug, PartialEq)]
struct Pair([u8; 2]);

#[test]
fn random_values_are_made() {
    let mut random = Random::new(1);
    for _ in 0..100 {
        let made: Made = random.make();
        assert_eq!(from_bytes::<Made>(&to_bytes(&made).unwrap()).unwrap().frame, made);
    }
}

/// A type with a form of its own keeps it.
#[derive(Debug)]
struct Named(u8);

impl Value for Named {
    fn show<V: exproto_runtime::codec::Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        v.text(if self.0 == 0 { "off" } else { "on" });
    }
}

#[derive(ExProtoFrame, Debug)]
struct Switch {
    #[wire(size = 1, as = with(|bytes: &[u8]| bytes.first().copied().map(Named), |named: &Named| [named.0]))]
    state: Named,
}

#[test]
fn an_own_form_comes_first() {
    let mut json = Vec::new();
    to_json(&Switch { state: Named(1) }, &mut json);
    assert_eq!(json, br#"{"state":"on"}"#);
}
