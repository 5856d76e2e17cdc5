//! The location report declared for binrw, twice: with the item's value chosen
//! by a derived enum, and by a `match` of our own.
//!
//! Only the 2013 header without segments, which is less than hand-written code
//! does and so in binrw's favour.

use std::io::Cursor;

use binrw::{BinRead, BinResult, BinWrite, binrw};

use crate::framing;
use crate::{Plain, PlainItem, PlainLocation};

const LENGTH: u16 = 0x3FF;
const FIXED: u16 = 28;

/// The value of an additional item, as one declares it: the derive tries one
/// variant after the other, and each failure allocates an error.
#[binrw]
#[brw(big)]
#[br(import(id: u8, length: u8), return_unexpected_error)]
#[derive(Clone, Debug, PartialEq)]
pub enum Declared {
    /// 0x01.
    #[br(pre_assert((id, length) == (0x01, 4)))]
    Mileage(u32),
    /// 0x02.
    #[br(pre_assert((id, length) == (0x02, 2)))]
    Fuel(u16),
    /// 0x03.
    #[br(pre_assert((id, length) == (0x03, 2)))]
    RecorderSpeed(u16),
    /// 0x30.
    #[br(pre_assert((id, length) == (0x30, 1)))]
    Signal(u8),
    /// 0x31.
    #[br(pre_assert((id, length) == (0x31, 1)))]
    Satellites(u8),
    /// Any other.
    Other(#[br(count = length)] Vec<u8>),
}

/// The value of an additional item, read by a parser of our own.
#[derive(BinWrite, Clone, Debug, PartialEq)]
#[bw(big)]
pub enum Matched {
    /// 0x01.
    Mileage(u32),
    /// 0x02.
    Fuel(u16),
    /// 0x03.
    RecorderSpeed(u16),
    /// 0x30.
    Signal(u8),
    /// 0x31.
    Satellites(u8),
    /// Any other.
    Other(Vec<u8>),
}

impl BinRead for Matched {
    type Args<'a> = (u8, u8);

    #[inline]
    fn read_options<R: std::io::Read + std::io::Seek>(
        reader: &mut R,
        endian: binrw::Endian,
        (id, length): (u8, u8),
    ) -> BinResult<Self> {
        Ok(match (id, length) {
            (0x01, 4) => Self::Mileage(u32::read_options(reader, endian, ())?),
            (0x02, 2) => Self::Fuel(u16::read_options(reader, endian, ())?),
            (0x03, 2) => Self::RecorderSpeed(u16::read_options(reader, endian, ())?),
            (0x30, 1) => Self::Signal(u8::read_options(reader, endian, ())?),
            (0x31, 1) => Self::Satellites(u8::read_options(reader, endian, ())?),
            _ => {
                let count = binrw::VecArgs { count: usize::from(length), inner: () };
                Self::Other(Vec::read_options(reader, endian, count)?)
            }
        })
    }
}

macro_rules! peer {
    ($module:ident, $value:ident, $doc:literal) => {
        #[doc = $doc]
        pub mod $module {
            use super::*;

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

            #[binrw]
            #[brw(big)]
            #[br(import(length: u16))]
            #[derive(Clone, Debug, PartialEq)]
            struct Location {
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

            #[binrw]
            #[brw(big)]
            #[derive(Clone, Debug, PartialEq)]
            struct Item {
                id: u8,
                length: u8,
                #[br(args(id, length))]
                value: $value,
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
                        $value::Mileage(value) => PlainItem::Mileage(*value),
                        $value::Fuel(value) => PlainItem::Fuel(*value),
                        $value::RecorderSpeed(value) => PlainItem::RecorderSpeed(*value),
                        $value::Signal(value) => PlainItem::Signal(*value),
                        $value::Satellites(value) => PlainItem::Satellites(*value),
                        $value::Other(data) => PlainItem::Other { id: item.id, data: data.clone() },
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
        }
    };
}

peer!(declared, Declared, "Everything derived.");
peer!(matched, Matched, "The item's value chosen by a `match`.");
