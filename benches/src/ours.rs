//! The location report as exproto has it: declared, owned and borrowing.
//!
//! The checks that the declaration states (ranges, digits, time) are made,
//! which the other peers do not do.

use exproto_runtime::ExProtoFrame;
use exproto_runtime::codec::{Bcd, BcdTime, List, ListBuf};

use crate::{Plain, PlainItem, PlainLocation};

/// Values that borrow from the frame.
pub mod borrowed {
    use super::*;

    /// A message.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 4096)]
    #[wire(endian = big)]
    pub struct Message<'a> {
        #[wire(before(id: u16 = tag(body)))]
        /// Bit 15 of the attributes.
        #[wire(bits = 1)]
        pub reserved: bool,
        #[wire(before(versioned: bits(1) = present(version)))]
        #[wire(before(segmented: bits(1) = present(part)))]
        /// Bits 10 to 12 of the attributes.
        #[wire(bits = 3)]
        pub encryption: u8,
        /// The protocol version, of a 2019 header.
        #[wire(before(length: bits(10) = size(body)))]
        pub version: Option<u8>,
        /// The terminal's number.
        #[wire(size = if version.is_some() { 10 } else { 6 })]
        pub phone: Bcd<10>,
        /// Serial number of the message.
        pub serial: u16,
        /// Present in a segment.
        pub part: Option<Part>,
        /// The body.
        #[wire(opaque = part.is_some() || encryption != 0)]
        #[wire(after(check: u8 = xor(id..)))]
        pub body: Body<'a>,
    }

    /// Which segment of a longer message this is.
    #[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
    #[wire(endian = big)]
    pub struct Part {
        /// Number of segments.
        pub total: u16,
        /// Number of this one, from 1.
        pub index: u16,
    }

    /// The body of a message.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big, lenient)]
    pub enum Body<'a> {
        /// 0x0200.
        #[wire(tag = 0x0200)]
        Location(Location<'a>),
        /// Anything else.
        #[wire(other)]
        Other {
            /// The message id.
            #[wire(tag)]
            id: u16,
            /// The body.
            #[wire(rest)]
            data: &'a [u8],
        },
    }

    /// A location report.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big)]
    pub struct Location<'a> {
        /// Alarm bits.
        pub alarm: u32,
        /// Status bits.
        pub status: u32,
        /// Latitude.
        #[wire(scale = 1e-6, unit = "deg", range = 0..=90_000_000)]
        pub latitude: u32,
        /// Longitude.
        #[wire(scale = 1e-6, unit = "deg", range = 0..=180_000_000)]
        pub longitude: u32,
        /// Altitude.
        #[wire(unit = "m")]
        pub altitude: u16,
        /// Speed.
        #[wire(scale = 0.1, unit = "km/h")]
        pub speed: u16,
        /// Course.
        #[wire(unit = "deg", range = 0..=360)]
        pub course: u16,
        /// When.
        #[wire(size = 6)]
        pub time: BcdTime<480>,
        /// Additional items.
        #[wire(rest, lenient)]
        pub items: List<'a, Item<'a>>,
    }

    /// An additional item.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    pub struct Item<'a> {
        #[wire(before(id: u8 = tag(value)))]
        #[wire(before(length: u8 = size(value)))]
        /// Its value.
        pub value: ItemValue<'a>,
    }

    /// The value of an additional item.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big, lenient)]
    pub enum ItemValue<'a> {
        /// Distance driven.
        #[wire(tag = 0x01)]
        Mileage(#[wire(scale = 0.1, unit = "km")] u32),
        /// Fuel in the tank.
        #[wire(tag = 0x02)]
        Fuel(#[wire(scale = 0.1, unit = "L")] u16),
        /// Speed by the tachograph.
        #[wire(tag = 0x03)]
        RecorderSpeed(#[wire(scale = 0.1, unit = "km/h")] u16),
        /// Strength of the mobile signal.
        #[wire(tag = 0x30)]
        Signal(u8),
        /// Satellites in use.
        #[wire(tag = 0x31)]
        Satellites(u8),
        /// Any other.
        #[wire(other)]
        Other {
            /// Its id.
            #[wire(tag)]
            id: u8,
            /// Its bytes.
            #[wire(rest)]
            data: &'a [u8],
        },
    }

    impl Message<'_> {
        /// The value to compare with that of other peers.
        #[must_use]
        pub fn plain(&self) -> Option<Plain> {
            let Body::Location(location) = &self.body else {
                return None;
            };
            let items = location.items.iter().map(|item| match &item.value {
                ItemValue::Mileage(value) => PlainItem::Mileage(*value),
                ItemValue::Fuel(value) => PlainItem::Fuel(*value),
                ItemValue::RecorderSpeed(value) => PlainItem::RecorderSpeed(*value),
                ItemValue::Signal(value) => PlainItem::Signal(*value),
                ItemValue::Satellites(value) => PlainItem::Satellites(*value),
                ItemValue::Other { id, data } => PlainItem::Other { id: *id, data: data.to_vec() },
            });
            Some(Plain {
                id: 0x0200,
                reserved: self.reserved,
                encryption: self.encryption,
                version: self.version,
                phone: self.phone.as_bytes().to_vec(),
                serial: self.serial,
                location: PlainLocation {
                    alarm: location.alarm,
                    status: location.status,
                    latitude: location.latitude,
                    longitude: location.longitude,
                    altitude: location.altitude,
                    speed: location.speed,
                    course: location.course,
                    time: *location.time.as_bytes(),
                    items: items.collect(),
                    tail: location.items.tail().to_vec(),
                },
            })
        }
    }
}

/// Values that own what they hold.
pub mod owned {
    use super::*;

    /// A message.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 4096)]
    #[wire(endian = big)]
    pub struct Message {
        #[wire(before(id: u16 = tag(body)))]
        /// Bit 15 of the attributes.
        #[wire(bits = 1)]
        pub reserved: bool,
        #[wire(before(versioned: bits(1) = present(version)))]
        #[wire(before(segmented: bits(1) = present(part)))]
        /// Bits 10 to 12 of the attributes.
        #[wire(bits = 3)]
        pub encryption: u8,
        /// The protocol version, of a 2019 header.
        #[wire(before(length: bits(10) = size(body)))]
        pub version: Option<u8>,
        /// The terminal's number.
        #[wire(size = if version.is_some() { 10 } else { 6 })]
        pub phone: Bcd<10>,
        /// Serial number of the message.
        pub serial: u16,
        /// Present in a segment.
        pub part: Option<Part>,
        /// The body.
        #[wire(opaque = part.is_some() || encryption != 0)]
        #[wire(after(check: u8 = xor(id..)))]
        pub body: Body,
    }

    /// Which segment of a longer message this is.
    #[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
    #[wire(endian = big)]
    pub struct Part {
        /// Number of segments.
        pub total: u16,
        /// Number of this one, from 1.
        pub index: u16,
    }

    /// The body of a message.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big, lenient)]
    pub enum Body {
        /// 0x0200.
        #[wire(tag = 0x0200)]
        Location(Location),
        /// Anything else.
        #[wire(other)]
        Other {
            /// The message id.
            #[wire(tag)]
            id: u16,
            /// The body.
            #[wire(rest)]
            data: Vec<u8>,
        },
    }

    /// A location report.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big)]
    pub struct Location {
        /// Alarm bits.
        pub alarm: u32,
        /// Status bits.
        pub status: u32,
        /// Latitude.
        #[wire(scale = 1e-6, unit = "deg", range = 0..=90_000_000)]
        pub latitude: u32,
        /// Longitude.
        #[wire(scale = 1e-6, unit = "deg", range = 0..=180_000_000)]
        pub longitude: u32,
        /// Altitude.
        #[wire(unit = "m")]
        pub altitude: u16,
        /// Speed.
        #[wire(scale = 0.1, unit = "km/h")]
        pub speed: u16,
        /// Course.
        #[wire(unit = "deg", range = 0..=360)]
        pub course: u16,
        /// When.
        #[wire(size = 6)]
        pub time: BcdTime<480>,
        /// Additional items.
        #[wire(rest, lenient)]
        pub items: ListBuf<Item>,
    }

    /// An additional item.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    pub struct Item {
        #[wire(before(id: u8 = tag(value)))]
        #[wire(before(length: u8 = size(value)))]
        /// Its value.
        pub value: ItemValue,
    }

    /// The value of an additional item.
    #[derive(ExProtoFrame, Debug, Clone, PartialEq)]
    #[wire(endian = big, lenient)]
    pub enum ItemValue {
        /// Distance driven.
        #[wire(tag = 0x01)]
        Mileage(#[wire(scale = 0.1, unit = "km")] u32),
        /// Fuel in the tank.
        #[wire(tag = 0x02)]
        Fuel(#[wire(scale = 0.1, unit = "L")] u16),
        /// Speed by the tachograph.
        #[wire(tag = 0x03)]
        RecorderSpeed(#[wire(scale = 0.1, unit = "km/h")] u16),
        /// Strength of the mobile signal.
        #[wire(tag = 0x30)]
        Signal(u8),
        /// Satellites in use.
        #[wire(tag = 0x31)]
        Satellites(u8),
        /// Any other.
        #[wire(other)]
        Other {
            /// Its id.
            #[wire(tag)]
            id: u8,
            /// Its bytes.
            #[wire(rest)]
            data: Vec<u8>,
        },
    }

    impl Message {
        /// The value to compare with that of other peers.
        #[must_use]
        pub fn plain(&self) -> Option<Plain> {
            let Body::Location(location) = &self.body else {
                return None;
            };
            let items = location.items.iter().map(|item| match &item.value {
                ItemValue::Mileage(value) => PlainItem::Mileage(*value),
                ItemValue::Fuel(value) => PlainItem::Fuel(*value),
                ItemValue::RecorderSpeed(value) => PlainItem::RecorderSpeed(*value),
                ItemValue::Signal(value) => PlainItem::Signal(*value),
                ItemValue::Satellites(value) => PlainItem::Satellites(*value),
                ItemValue::Other { id, data } => PlainItem::Other { id: *id, data: data.to_vec() },
            });
            Some(Plain {
                id: 0x0200,
                reserved: self.reserved,
                encryption: self.encryption,
                version: self.version,
                phone: self.phone.as_bytes().to_vec(),
                serial: self.serial,
                location: PlainLocation {
                    alarm: location.alarm,
                    status: location.status,
                    latitude: location.latitude,
                    longitude: location.longitude,
                    altitude: location.altitude,
                    speed: location.speed,
                    course: location.course,
                    time: *location.time.as_bytes(),
                    items: items.collect(),
                    tail: location.items.tail.to_vec(),
                },
            })
        }
    }
}
