//! Records that take fewer bytes: ten with the place, then the tags of what else
//! there is, then the values of all of them. A tag says how long its value is, so
//! the values are put behind their tags before they are read.

use exproto_runtime::codec::{Decode, ListBuf, Reader, Transform};
use exproto_runtime::prelude::*;

use super::{Port, Tag, Taken};

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 1024)]
#[wire(endian = little)]
#[route(one_of = Port<'_>)]
pub struct Packed {
    #[wire(before(b"\x08"), before(length: u16 = size(body)), via = TagsFirst)]
    pub body: Body,
    #[wire(is = crc("CRC-16/MODBUS", ..=body))]
    pub check: u16,
}

/// Records, or bytes that have a tag that nobody knows.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8)]
#[route(login_elsewhere)]
#[route(reply = outcome.pick(Some(Port::Taken(Taken { check: frame.check })), None))]
pub enum Body {
    #[wire(tag = 1)]
    #[route(publish("galileosky/{client_id}/up/packed", qos = 1, each = records))]
    Records {
        #[wire(rest)]
        records: ListBuf<Record>,
    },

    #[wire(tag = 0)]
    #[route(publish("galileosky/{client_id}/up/unknown", qos = 1, payload = data))]
    Unknown {
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Record {
    /// Since 1 January of this year.
    #[wire(before(_: bits(1)), bits = 25, unit = "s")]
    pub time: u32,
    #[wire(bits = 1)]
    pub invalid: bool,
    /// 360 degrees in 22 bits, as 180 in 21.
    #[wire(bits = 22, scale = 8.58306884766e-5, offset = -180, unit = "deg")]
    pub lon: u32,
    #[wire(bits = 21, scale = 8.58306884766e-5, offset = -90, unit = "deg")]
    pub lat: u32,
    #[wire(bits = 1)]
    pub alarm: bool,
    #[wire(before(_: bits(9)), before(n: u8 = count(tags)))]
    pub tags: ListBuf<Tag>,
}

/// The bytes of a record before its tags: the place, and how many there are.
const HEAD: usize = 11;

/// On the wire all tags of a record, then all values; read as tag and value, again
/// and again, behind a byte that says whether all tags are known.
struct TagsFirst;

/// A tag and its value, at the beginning of bytes, and what follows.
fn first(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut reader = Reader::new(bytes);
    Tag::decode(&mut reader, ()).ok()?;
    bytes.split_at_checked(bytes.len() - reader.left())
}

/// Tag and value, again and again; nothing if a tag is unknown.
fn unpacked(mut wire: &[u8]) -> Option<Vec<u8>> {
    let mut plain = vec![1];
    while !wire.is_empty() {
        let (head, rest) = wire.split_at_checked(HEAD)?;
        let (tags, mut values) = rest.split_at_checked(usize::from(*head.last()?))?;
        plain.extend_from_slice(head);
        for tag in tags {
            let alone = [&[*tag], values].concat();
            let (element, rest) = first(&alone)?;
            plain.extend_from_slice(element);
            values = values.split_at_checked(values.len() - rest.len())?.1;
        }
        wire = values;
    }
    Some(plain)
}

/// The tags and then the values of each record.
fn packed(mut plain: &[u8]) -> Option<Vec<u8>> {
    let mut wire = Vec::new();
    while !plain.is_empty() {
        let (head, mut rest) = plain.split_at_checked(HEAD)?;
        let (mut tags, mut values) = (Vec::new(), Vec::new());
        for _ in 0..*head.last()? {
            let (element, more) = first(rest)?;
            let (tag, value) = element.split_first()?;
            tags.push(*tag);
            values.extend_from_slice(value);
            rest = more;
        }
        wire.extend([head, &tags, &values].concat());
        plain = rest;
    }
    Some(wire)
}

impl Transform for TagsFirst {
    fn decode(&self, wire: &[u8], _: usize) -> Option<Vec<u8>> {
        unpacked(wire).or_else(|| Some([&[0], wire].concat()))
    }

    fn encode(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let (kind, plain) = plain.split_first()?;
        if *kind == 1 { packed(plain) } else { Some(plain.to_vec()) }
    }

    fn exact(&self) -> bool {
        true // the same bytes in another order
    }
}
