//! The location report by hand: as fast as safe code was found to be.
//!
//! The header is that of JT/T 808-2011 to -2019 in full. Additional items that
//! are unknown or have another length than usual are kept raw, and so is what
//! follows the last whole item; a segment, an encrypted body and any other
//! message are kept raw as a whole. So every frame encodes to what was
//! received.

mod plain;

use crate::framing::{self, Error};
use crate::{Plain, PlainItem};
use plain::plain;

const VERSIONED: u16 = 1 << 14;
const SEGMENTED: u16 = 1 << 13;
const ENCRYPTION: u16 = 7 << 10;
const LOCATION: u16 = 0x0200;

/// Packed digits of the phone number: 6 bytes, or 10 with a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phone {
    digits: [u8; 10],
    len: u8,
}

impl Phone {
    #[inline(always)]
    fn new(bytes: &[u8]) -> Self {
        let mut digits = [0; 10];
        if let Some(bytes) = bytes.first_chunk::<10>() {
            digits = *bytes;
        } else if let (Some(to), Some(from)) = (digits.first_chunk_mut::<6>(), bytes.first_chunk::<6>()) {
            *to = *from;
        }
        Self { digits, len: bytes.len() as u8 }
    }

    /// The bytes as received.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.digits.get(..usize::from(self.len)).unwrap_or(&self.digits)
    }
}

/// Which segment of a longer message this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Number of segments.
    pub total: u16,
    /// Number of this one, from 1.
    pub index: u16,
}

/// The header without what follows from the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bit 15 of the attributes.
    pub reserved: bool,
    /// Bits 10 to 12 of the attributes.
    pub encryption: u8,
    /// The protocol version, of a 2019 header.
    pub version: Option<u8>,
    /// The terminal's number.
    pub phone: Phone,
    /// Serial number of the message.
    pub serial: u16,
    /// Present in a segment.
    pub part: Option<Part>,
}

/// The fixed fields of a location report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Alarm bits.
    pub alarm: u32,
    /// Status bits.
    pub status: u32,
    /// Latitude in millionths of a degree.
    pub latitude: u32,
    /// Longitude in millionths of a degree.
    pub longitude: u32,
    /// Altitude in metres.
    pub altitude: u16,
    /// Speed in tenths of a kilometre per hour.
    pub speed: u16,
    /// Course in degrees.
    pub course: u16,
    /// Packed digits YYMMDDhhmmss.
    pub time: [u8; 6],
}

/// A message that owns what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The header.
    pub header: Header,
    /// The body.
    pub body: Body,
}

/// The body of a [`Message`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// 0x0200.
    Location {
        /// The fixed fields.
        fix: Fix,
        /// The additional items.
        items: Vec<Item>,
        /// What follows the last whole item.
        tail: Vec<u8>,
    },
    /// Anything else.
    Other {
        /// The message id.
        id: u16,
        /// The body.
        data: Vec<u8>,
    },
}

/// An additional item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// 0x01, tenths of a kilometre.
    Mileage(u32),
    /// 0x02, tenths of a litre.
    Fuel(u16),
    /// 0x03, tenths of a kilometre per hour.
    RecorderSpeed(u16),
    /// 0x30.
    Signal(u8),
    /// 0x31.
    Satellites(u8),
    /// Any other.
    Other {
        /// Its id.
        id: u8,
        /// Its bytes.
        data: Vec<u8>,
    },
}

/// A message that borrows from the received bytes.
#[derive(Clone, Copy, Debug)]
pub struct MessageRef<'a> {
    /// The header.
    pub header: Header,
    /// The body.
    pub body: BodyRef<'a>,
}

/// The body of a [`MessageRef`].
#[derive(Clone, Copy, Debug)]
pub enum BodyRef<'a> {
    /// 0x0200.
    Location {
        /// The fixed fields.
        fix: Fix,
        /// The additional items, their extents verified.
        items: Items<'a>,
        /// What follows the last whole item.
        tail: &'a [u8],
    },
    /// Anything else.
    Other {
        /// The message id.
        id: u16,
        /// The body.
        data: &'a [u8],
    },
}

/// Additional items whose values are decoded when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Items<'a> {
    bytes: &'a [u8],
    count: usize,
}

impl Items<'_> {
    /// The number of items.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// An additional item that borrows its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemRef<'a> {
    /// 0x01, tenths of a kilometre.
    Mileage(u32),
    /// 0x02, tenths of a litre.
    Fuel(u16),
    /// 0x03, tenths of a kilometre per hour.
    RecorderSpeed(u16),
    /// 0x30.
    Signal(u8),
    /// 0x31.
    Satellites(u8),
    /// Any other.
    Other {
        /// Its id.
        id: u8,
        /// Its bytes.
        data: &'a [u8],
    },
}

impl<'a> ItemRef<'a> {
    #[inline(always)]
    fn new(id: u8, data: &'a [u8]) -> Self {
        match (id, data) {
            (0x01, &[a, b, c, d]) => Self::Mileage(u32::from_be_bytes([a, b, c, d])),
            (0x02, &[a, b]) => Self::Fuel(u16::from_be_bytes([a, b])),
            (0x03, &[a, b]) => Self::RecorderSpeed(u16::from_be_bytes([a, b])),
            (0x30, &[a]) => Self::Signal(a),
            (0x31, &[a]) => Self::Satellites(a),
            _ => Self::Other { id, data },
        }
    }
}

impl Item {
    /// The whole items at the front of `bytes`, and what follows them; whether
    /// that is odd, if it is looked at.
    #[inline(never)]
    fn read_all<const CHECKED: bool>(bytes: &[u8]) -> (Vec<Self>, Vec<u8>, bool) {
        let (count, whole, odd) = measure::<CHECKED>(bytes);
        let (bytes, tail) = bytes.split_at(whole);
        let mut items = Vec::with_capacity(count);
        for item in (Items { bytes, count }) {
            items.push(item.to_owned());
        }
        (items, tail.to_vec(), odd)
    }
}

impl ItemRef<'_> {
    #[inline(always)]
    fn to_owned(self) -> Item {
        match self {
            Self::Mileage(value) => Item::Mileage(value),
            Self::Fuel(value) => Item::Fuel(value),
            Self::RecorderSpeed(value) => Item::RecorderSpeed(value),
            Self::Signal(value) => Item::Signal(value),
            Self::Satellites(value) => Item::Satellites(value),
            Self::Other { id, data } => Item::Other { id, data: data.to_vec() },
        }
    }
}

impl<'a> IntoIterator for Items<'a> {
    type Item = ItemRef<'a>;
    type IntoIter = ItemIter<'a>;

    #[inline]
    fn into_iter(self) -> ItemIter<'a> {
        ItemIter { rest: self.bytes }
    }
}

/// Decodes one item after the other.
#[derive(Clone, Debug)]
pub struct ItemIter<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for ItemIter<'a> {
    type Item = ItemRef<'a>;

    #[inline(always)]
    fn next(&mut self) -> Option<ItemRef<'a>> {
        let [id, len, after @ ..] = self.rest else {
            return None;
        };
        let (data, rest) = after.split_at_checked(usize::from(*len))?;
        self.rest = rest;
        Some(ItemRef::new(*id, data))
    }
}

/// Counts the whole items at the front of `bytes` and measures them. If they
/// are `CHECKED`, also whether one has another length than its id or bytes are
/// left.
#[inline]
fn measure<const CHECKED: bool>(bytes: &[u8]) -> (usize, usize, bool) {
    let mut count = 0;
    let mut rest = bytes;
    let mut odd = false;
    while let [id, len, after @ ..] = rest {
        let Some(next) = after.get(usize::from(*len)..) else {
            break;
        };
        if CHECKED {
            odd |= match id {
                0x01 => *len != 4,
                0x02 | 0x03 => *len != 2,
                0x30 | 0x31 => *len != 1,
                _ => false,
            };
        }
        rest = next;
        count += 1;
    }
    (count, bytes.len() - rest.len(), odd | (CHECKED && !rest.is_empty()))
}

#[inline]
fn run<'a, const N: usize>(bytes: &mut &'a [u8]) -> Result<&'a [u8; N], Error> {
    let (run, rest) = bytes.split_first_chunk::<N>().ok_or(Error::Short)?;
    *bytes = rest;
    Ok(run)
}

/// A payload whose extents are verified and whose fields are still to be read.
struct Cut<'a> {
    id: u16,
    attr: u16,
    version: Option<u8>,
    phone: &'a [u8],
    serial: &'a [u8; 2],
    part: Option<Part>,
    body: CutBody<'a>,
}

enum CutBody<'a> {
    Location { fix: &'a [u8; 28], items: &'a [u8] },
    Other(&'a [u8]),
}

impl<'a> Cut<'a> {
    #[inline(always)]
    fn new(payload: &'a [u8]) -> Result<Self, Error> {
        let mut rest = payload;
        let &[id0, id1, attr0, attr1] = run::<4>(&mut rest)?;
        let id = u16::from_be_bytes([id0, id1]);
        let attr = u16::from_be_bytes([attr0, attr1]);
        let (version, phone, serial);
        if attr & VERSIONED == 0 {
            let mut head = &run::<8>(&mut rest)?[..];
            version = None;
            phone = &run::<6>(&mut head)?[..];
            serial = run::<2>(&mut head)?;
        } else {
            let mut head = &run::<13>(&mut rest)?[..];
            version = Some(run::<1>(&mut head)?[0]);
            phone = run::<10>(&mut head)?;
            serial = run::<2>(&mut head)?;
        }
        let part = if attr & SEGMENTED == 0 {
            None
        } else {
            let &[t0, t1, i0, i1] = run::<4>(&mut rest)?;
            Some(Part { total: u16::from_be_bytes([t0, t1]), index: u16::from_be_bytes([i0, i1]) })
        };
        if rest.len() != usize::from(attr & 0x3FF) {
            return Err(Error::Length);
        }
        // Neither a segment nor an encrypted body is what the id says.
        let body = if id == LOCATION && attr & (SEGMENTED | ENCRYPTION) == 0 {
            let fix = run::<28>(&mut rest)?;
            CutBody::Location { fix, items: rest }
        } else {
            CutBody::Other(rest)
        };
        Ok(Self { id, attr, version, phone, serial, part, body })
    }

    #[inline(always)]
    fn header(&self) -> Header {
        Header {
            reserved: self.attr >> 15 != 0,
            encryption: (self.attr >> 10 & 7) as u8,
            version: self.version,
            phone: Phone::new(self.phone),
            serial: u16::from_be_bytes(*self.serial),
            part: self.part,
        }
    }
}

/// Reads header and body; the values borrow.
///
/// # Errors
///
/// Too few bytes, or a body length that differs from the frame's.
#[inline(always)]
pub fn parse_ref(payload: &[u8]) -> Result<MessageRef<'_>, Error> {
    Ok(read_ref::<false>(payload)?.0)
}

/// As [`parse_ref`]; also whether something is odd: a nibble that is no digit, a
/// time that does not exist, a value outside its range, an item with another
/// length than its id has, bytes behind the last item.
///
/// # Errors
///
/// As [`parse_ref`].
#[inline(always)]
pub fn parse_ref_checked(payload: &[u8]) -> Result<(MessageRef<'_>, bool), Error> {
    read_ref::<true>(payload)
}

#[inline(always)]
fn read_ref<const CHECKED: bool>(payload: &[u8]) -> Result<(MessageRef<'_>, bool), Error> {
    let cut = Cut::new(payload)?;
    let header = cut.header();
    let mut is_odd = CHECKED && header.is_odd();
    let body = match cut.body {
        CutBody::Location { fix, items } => {
            let (count, whole, odd) = measure::<CHECKED>(items);
            let (bytes, tail) = items.split_at(whole);
            let fix = Fix::read(fix);
            is_odd |= CHECKED && (odd | fix.is_odd());
            BodyRef::Location { fix, items: Items { bytes, count }, tail }
        }
        CutBody::Other(data) => BodyRef::Other { id: cut.id, data },
    };
    Ok((MessageRef { header, body }, is_odd))
}

/// Reads header and body; the values are owned.
///
/// # Errors
///
/// As [`parse_ref`].
#[inline]
pub fn parse(payload: &[u8]) -> Result<Message, Error> {
    Ok(read::<false>(payload)?.0)
}

/// As [`parse`] and [`parse_ref_checked`].
///
/// # Errors
///
/// As [`parse_ref`].
#[inline]
pub fn parse_checked(payload: &[u8]) -> Result<(Message, bool), Error> {
    read::<true>(payload)
}

#[inline(always)]
fn read<const CHECKED: bool>(payload: &[u8]) -> Result<(Message, bool), Error> {
    let cut = Cut::new(payload)?;
    let mut is_odd = false;
    let body = match cut.body {
        CutBody::Location { fix, items } => {
            // Before the fields: what calls the allocator would have to keep
            // them all out of registers.
            let (items, tail, odd) = Item::read_all::<CHECKED>(items);
            let fix = Fix::read(fix);
            is_odd = CHECKED && (odd | fix.is_odd());
            Body::Location { fix, items, tail }
        }
        CutBody::Other(data) => Body::Other { id: cut.id, data: data.to_vec() },
    };
    let header = cut.header();
    is_odd |= CHECKED && header.is_odd();
    Ok((Message { header, body }, is_odd))
}

/// Reads a whole frame; the values are owned.
///
/// # Errors
///
/// What is wrong with the frame.
#[inline]
pub fn decode(wire: &[u8], scratch: &mut Vec<u8>) -> Result<Message, Error> {
    parse(framing::open(wire, scratch)?)
}

/// Reads a whole frame; the values borrow from it or, if it has escapes, from
/// `scratch`.
///
/// # Errors
///
/// What is wrong with the frame.
#[inline]
pub fn decode_ref<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<MessageRef<'a>, Error> {
    parse_ref(framing::open(wire, scratch)?)
}

/// As [`decode_ref`] and [`parse_ref_checked`].
///
/// # Errors
///
/// What is wrong with the frame.
#[inline]
pub fn decode_ref_checked<'a>(
    wire: &'a [u8],
    scratch: &'a mut Vec<u8>,
) -> Result<(MessageRef<'a>, bool), Error> {
    parse_ref_checked(framing::open(wire, scratch)?)
}

impl Header {
    /// Whether the phone number holds a nibble that is no digit.
    #[inline]
    #[must_use]
    fn is_odd(&self) -> bool {
        let [a, b, c, d, e, f, g, h, i, j] = self.phone.digits;
        above_nine(u64::from_ne_bytes([a, b, c, d, e, f, g, h]))
            | above_nine(u64::from(u16::from_ne_bytes([i, j])))
            != 0
    }
}

/// A set bit for each nibble above 9.
#[inline(always)]
const fn above_nine(nibbles: u64) -> u64 {
    nibbles >> 3 & (nibbles >> 2 | nibbles >> 1) & 0x1111_1111_1111_1111
}

impl Fix {
    /// Whether a value lies outside its range or the time does not exist.
    #[inline]
    #[must_use]
    fn is_odd(&self) -> bool {
        self.latitude > 90_000_000 || self.longitude > 180_000_000 || self.course > 360 || self.has_odd_time()
    }

    #[inline]
    fn has_odd_time(&self) -> bool {
        let [year, month, day, hour, minute, second] = self.time;
        if above_nine(u64::from_ne_bytes([year, month, day, hour, minute, second, 0, 0])) != 0 {
            return true;
        }
        // Packed digits compare like the numbers they stand for.
        let days = match month {
            0x01..=0x12 if day <= 0x28 => 0x28,
            0x02 if ((year >> 4) * 2 + year) & 3 == 0 => 0x29,
            0x04 | 0x06 | 0x09 | 0x11 => 0x30,
            0x01 | 0x03 | 0x05 | 0x07 | 0x08 | 0x10 | 0x12 => 0x31,
            _ => 0,
        };
        !matches!(day, 1..=0x31 if day <= days) || hour > 0x23 || minute > 0x59 || second > 0x59
    }

    #[inline]
    fn read(bytes: &[u8; 28]) -> Self {
        let u32_at = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let u16_at = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        Self {
            alarm: u32_at(0),
            status: u32_at(4),
            latitude: u32_at(8),
            longitude: u32_at(12),
            altitude: u16_at(16),
            speed: u16_at(18),
            course: u16_at(20),
            time: *bytes.last_chunk().unwrap_or(&[0; 6]),
        }
    }

    #[inline]
    fn bytes(&self) -> [u8; 28] {
        let mut bytes = [0; 28];
        bytes[0..4].copy_from_slice(&self.alarm.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.status.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.latitude.to_be_bytes());
        bytes[12..16].copy_from_slice(&self.longitude.to_be_bytes());
        bytes[16..18].copy_from_slice(&self.altitude.to_be_bytes());
        bytes[18..20].copy_from_slice(&self.speed.to_be_bytes());
        bytes[20..22].copy_from_slice(&self.course.to_be_bytes());
        bytes[22..28].copy_from_slice(&self.time);
        bytes
    }
}

impl Message {
    /// Appends the frame as it stands on the wire.
    ///
    /// # Errors
    ///
    /// A body or an item that is too long; `out` is then as before.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let start = framing::begin(out);
        let result = self.write(out);
        match result {
            Ok(()) => framing::close(out, start),
            Err(_) => out.truncate(start),
        }
        result
    }

    #[inline]
    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        let header = &self.header;
        let id = match &self.body {
            Body::Location { .. } => LOCATION,
            Body::Other { id, .. } => *id,
        };
        let mut attr = u16::from(header.encryption & 7) << 10;
        if header.reserved {
            attr |= 1 << 15;
        }
        if header.version.is_some() {
            attr |= VERSIONED;
        }
        if header.part.is_some() {
            attr |= SEGMENTED;
        }
        let at = out.len();
        let [id0, id1] = id.to_be_bytes();
        let [s0, s1] = header.serial.to_be_bytes();
        let digits = &header.phone.digits;
        if let Some(version) = header.version {
            out.extend_from_slice(&[id0, id1, 0, 0, version]);
            out.extend_from_slice(digits);
            out.extend_from_slice(&[s0, s1]);
        } else {
            let &[a, b, c, d, e, f, ..] = digits;
            out.extend_from_slice(&[id0, id1, 0, 0, a, b, c, d, e, f, s0, s1]);
        }
        if let Some(part) = header.part {
            out.extend_from_slice(&part.total.to_be_bytes());
            out.extend_from_slice(&part.index.to_be_bytes());
        }
        let body = out.len();
        match &self.body {
            Body::Location { fix, items, tail } => {
                out.extend_from_slice(&fix.bytes());
                for item in items {
                    item.write(out)?;
                }
                out.extend_from_slice(tail);
            }
            Body::Other { data, .. } => out.extend_from_slice(data),
        }
        let len = out.len() - body;
        if len > 0x3FF {
            return Err(Error::Overflow);
        }
        if let Some(place) = out.get_mut(at + 2..at + 4) {
            place.copy_from_slice(&(attr | len as u16).to_be_bytes());
        }
        Ok(())
    }

    /// The value to compare with that of other peers.
    #[must_use]
    pub fn plain(&self) -> Option<Plain> {
        let Body::Location { fix, items, tail } = &self.body else {
            return None;
        };
        let items = items
            .iter()
            .map(|item| match item {
                Item::Mileage(value) => PlainItem::Mileage(*value),
                Item::Fuel(value) => PlainItem::Fuel(*value),
                Item::RecorderSpeed(value) => PlainItem::RecorderSpeed(*value),
                Item::Signal(value) => PlainItem::Signal(*value),
                Item::Satellites(value) => PlainItem::Satellites(*value),
                Item::Other { id, data } => PlainItem::Other { id: *id, data: data.clone() },
            })
            .collect();
        Some(plain(&self.header, fix, items, tail))
    }
}

impl Item {
    #[inline]
    fn write(&self, out: &mut Vec<u8>) -> Result<(), Error> {
        match self {
            Self::Mileage(value) => {
                let [a, b, c, d] = value.to_be_bytes();
                out.extend_from_slice(&[0x01, 4, a, b, c, d]);
            }
            Self::Fuel(value) => {
                let [a, b] = value.to_be_bytes();
                out.extend_from_slice(&[0x02, 2, a, b]);
            }
            Self::RecorderSpeed(value) => {
                let [a, b] = value.to_be_bytes();
                out.extend_from_slice(&[0x03, 2, a, b]);
            }
            Self::Signal(value) => out.extend_from_slice(&[0x30, 1, *value]),
            Self::Satellites(value) => out.extend_from_slice(&[0x31, 1, *value]),
            Self::Other { id, data } => {
                let len = u8::try_from(data.len()).map_err(|_| Error::Overflow)?;
                out.extend_from_slice(&[*id, len]);
                out.extend_from_slice(data);
            }
        }
        Ok(())
    }
}
