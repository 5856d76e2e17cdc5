//! The location report declared for deku, with and without its bit fields.
//!
//! Only the 2013 header without segments, which is less than the other peers
//! do and so in deku's favour. Lengths are fields of the struct, as deku has
//! it, and are written as they were read: no `update()` is measured.

use std::io::Cursor;

use deku::prelude::*;

use crate::framing;
use crate::{Plain, PlainItem, PlainLocation};

/// A message whose attributes are one integer.
#[derive(Clone, Debug, PartialEq, DekuRead, DekuWrite)]
#[deku(endian = "big")]
pub struct Message {
    id: u16,
    attributes: u16,
    phone: [u8; 6],
    serial: u16,
    location: Location,
}

/// A message whose attributes are bit fields.
#[derive(Clone, Debug, PartialEq, DekuRead, DekuWrite)]
#[deku(endian = "big")]
pub struct BitMessage {
    id: u16,
    #[deku(bits = 1)]
    reserved: bool,
    #[deku(bits = 1)]
    versioned: bool,
    #[deku(bits = 1)]
    segmented: bool,
    #[deku(bits = 3)]
    encryption: u8,
    #[deku(bits = 10)]
    length: u16,
    phone: [u8; 6],
    serial: u16,
    location: Location,
}

/// The body.
#[derive(Clone, Debug, PartialEq, DekuRead, DekuWrite)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
pub struct Location {
    alarm: u32,
    status: u32,
    latitude: u32,
    longitude: u32,
    altitude: u16,
    speed: u16,
    course: u16,
    time: [u8; 6],
    #[deku(read_all)]
    items: Vec<Item>,
}

/// An additional item.
#[derive(Clone, Debug, PartialEq, DekuRead, DekuWrite)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
pub struct Item {
    id: u8,
    length: u8,
    #[deku(ctx = "*id, *length")]
    value: ItemValue,
}

/// The value of an additional item.
#[derive(Clone, Debug, PartialEq, DekuRead, DekuWrite)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian, id: u8, length: u8", id = "(id, length)")]
enum ItemValue {
    #[deku(id = "(0x01, 4)")]
    Mileage(u32),
    #[deku(id = "(0x02, 2)")]
    Fuel(u16),
    #[deku(id = "(0x03, 2)")]
    RecorderSpeed(u16),
    #[deku(id = "(0x30, 1)")]
    Signal(u8),
    #[deku(id = "(0x31, 1)")]
    Satellites(u8),
    #[deku(id_pat = "_")]
    Other(#[deku(count = "length")] Vec<u8>),
}

macro_rules! peer {
    ($message:ty) => {
        impl $message {
            /// Reads header and body.
            ///
            /// # Errors
            ///
            /// Those of deku.
            #[inline]
            pub fn parse(payload: &[u8]) -> Result<Self, DekuError> {
                let mut cursor = Cursor::new(payload);
                let mut reader = Reader::new(&mut cursor);
                Self::from_reader_with_ctx(&mut reader, ())
            }

            /// Appends the frame as it stands on the wire.
            ///
            /// # Errors
            ///
            /// Those of deku.
            #[inline]
            pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), DekuError> {
                let start = framing::begin(out);
                let mut cursor = Cursor::new(&mut *out);
                cursor.set_position(start as u64 + 1);
                let mut writer = Writer::new(&mut cursor);
                self.to_writer(&mut writer, ())?;
                framing::close(out, start);
                Ok(())
            }
        }
    };
}

peer!(Message);
peer!(BitMessage);

impl Message {
    /// The value to compare with that of other peers.
    #[must_use]
    pub fn plain(&self) -> Plain {
        Plain {
            id: self.id,
            reserved: self.attributes >> 15 != 0,
            encryption: (self.attributes >> 10 & 7) as u8,
            version: None,
            phone: self.phone.to_vec(),
            serial: self.serial,
            location: self.location.plain(),
        }
    }
}

impl BitMessage {
    /// The value to compare with that of other peers.
    #[must_use]
    pub fn plain(&self) -> Plain {
        Plain {
            id: self.id,
            reserved: self.reserved,
            encryption: self.encryption,
            version: None,
            phone: self.phone.to_vec(),
            serial: self.serial,
            location: self.location.plain(),
        }
    }
}

impl Location {
    fn plain(&self) -> PlainLocation {
        let items = self.items.iter().map(|item| match &item.value {
            ItemValue::Mileage(value) => PlainItem::Mileage(*value),
            ItemValue::Fuel(value) => PlainItem::Fuel(*value),
            ItemValue::RecorderSpeed(value) => PlainItem::RecorderSpeed(*value),
            ItemValue::Signal(value) => PlainItem::Signal(*value),
            ItemValue::Satellites(value) => PlainItem::Satellites(*value),
            ItemValue::Other(data) => PlainItem::Other { id: item.id, data: data.clone() },
        });
        PlainLocation {
            alarm: self.alarm,
            status: self.status,
            latitude: self.latitude,
            longitude: self.longitude,
            altitude: self.altitude,
            speed: self.speed,
            course: self.course,
            time: self.time,
            items: items.collect(),
            tail: Vec::new(),
        }
    }
}
