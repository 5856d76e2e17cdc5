//! The location report declared for binrw.
//!
//! Only the 2013 header without segments, which is less than the other peers
//! do and so in binrw's favour.

use std::io::Cursor;

use binrw::{BinRead, BinResult, BinWrite, binrw};

use crate::framing;
use crate::{Plain, PlainItem, PlainLocation};

const LENGTH: u16 = 0x3FF;
const FIXED: u16 = 28;

/// A message whose attributes are one integer.
#[binrw]
#[brw(big)]
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    id: u16,
    attributes: u16,
    phone: [u8; 6],
    serial: u16,
    #[br(args(attributes & LENGTH))]
    location: Location,
}

/// The body.
#[binrw]
#[brw(big)]
#[br(import(length: u16))]
#[derive(Clone, Debug, PartialEq)]
pub struct Location {
    alarm: u32,
    status: u32,
    latitude: u32,
    longitude: u32,
    altitude: u16,
    speed: u16,
    course: u16,
    time: [u8; 6],
    // `until_eof` would take an error inside an item for the end.
    #[br(parse_with = items, args(length.saturating_sub(FIXED)))]
    items: Vec<Item>,
}

#[binrw::parser(reader, endian)]
fn items(mut left: u16) -> BinResult<Vec<Item>> {
    let mut items = Vec::new();
    while left > 0 {
        let item = Item::read_options(reader, endian, ())?;
        left = left.saturating_sub(2 + u16::from(item.length));
        items.push(item);
    }
    Ok(items)
}

/// An additional item.
#[binrw]
#[brw(big)]
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    id: u8,
    length: u8,
    #[br(parse_with = item_value, args(id, length))]
    value: ItemValue,
}

/// The value of an additional item.
#[derive(BinWrite, Clone, Debug, PartialEq)]
#[bw(big)]
enum ItemValue {
    Mileage(u32),
    Fuel(u16),
    RecorderSpeed(u16),
    Signal(u8),
    Satellites(u8),
    Other(Vec<u8>),
}

// Chosen by hand: a derived enum tries one variant after the other, and each
// failure allocates an error (26 % more instructions for the whole message).
#[binrw::parser(reader, endian)]
fn item_value(id: u8, length: u8) -> BinResult<ItemValue> {
    Ok(match (id, length) {
        (0x01, 4) => ItemValue::Mileage(u32::read_options(reader, endian, ())?),
        (0x02, 2) => ItemValue::Fuel(u16::read_options(reader, endian, ())?),
        (0x03, 2) => ItemValue::RecorderSpeed(u16::read_options(reader, endian, ())?),
        (0x30, 1) => ItemValue::Signal(u8::read_options(reader, endian, ())?),
        (0x31, 1) => ItemValue::Satellites(u8::read_options(reader, endian, ())?),
        _ => {
            let count = binrw::VecArgs { count: usize::from(length), inner: () };
            ItemValue::Other(Vec::read_options(reader, endian, count)?)
        }
    })
}

impl Message {
    /// Reads header and body.
    ///
    /// # Errors
    ///
    /// Those of binrw.
    #[inline]
    pub fn parse(payload: &[u8]) -> BinResult<Self> {
        Self::read(&mut Cursor::new(payload))
    }

    /// Appends the frame as it stands on the wire.
    ///
    /// # Errors
    ///
    /// Those of binrw.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) -> BinResult<()> {
        let start = framing::begin(out);
        let mut cursor = Cursor::new(&mut *out);
        cursor.set_position(start as u64 + 1);
        self.write(&mut cursor)?;
        framing::close(out, start);
        Ok(())
    }

    /// The value to compare with that of other peers.
    #[must_use]
    pub fn plain(&self) -> Plain {
        let location = &self.location;
        let items = location.items.iter().map(|item| match &item.value {
            ItemValue::Mileage(value) => PlainItem::Mileage(*value),
            ItemValue::Fuel(value) => PlainItem::Fuel(*value),
            ItemValue::RecorderSpeed(value) => PlainItem::RecorderSpeed(*value),
            ItemValue::Signal(value) => PlainItem::Signal(*value),
            ItemValue::Satellites(value) => PlainItem::Satellites(*value),
            ItemValue::Other(data) => PlainItem::Other { id: item.id, data: data.clone() },
        });
        Plain {
            id: self.id,
            reserved: self.attributes >> 15 != 0,
            encryption: (self.attributes >> 10 & 7) as u8,
            version: None,
            phone: self.phone.to_vec(),
            serial: self.serial,
            location: PlainLocation {
                alarm: location.alarm,
                status: location.status,
                latitude: location.latitude,
                longitude: location.longitude,
                altitude: location.altitude,
                speed: location.speed,
                course: location.course,
                time: location.time,
                items: items.collect(),
                tail: Vec::new(),
            },
        }
    }
}
