//! The values that are compared with those of other peers.

use super::{BodyRef, Fix, Header, ItemRef, LOCATION, MessageRef};
use crate::{Plain, PlainItem, PlainLocation};

impl MessageRef<'_> {
    /// The value to compare with that of other peers.
    #[must_use]
    pub fn plain(&self) -> Option<Plain> {
        let BodyRef::Location { fix, items, tail } = &self.body else {
            return None;
        };
        let items = items
            .into_iter()
            .map(|item| match item {
                ItemRef::Mileage(value) => PlainItem::Mileage(value),
                ItemRef::Fuel(value) => PlainItem::Fuel(value),
                ItemRef::RecorderSpeed(value) => PlainItem::RecorderSpeed(value),
                ItemRef::Signal(value) => PlainItem::Signal(value),
                ItemRef::Satellites(value) => PlainItem::Satellites(value),
                ItemRef::Other { id, data } => PlainItem::Other { id, data: data.to_vec() },
            })
            .collect();
        Some(plain(&self.header, fix, items, tail))
    }
}

/// The value of these parts.
pub(super) fn plain(header: &Header, fix: &Fix, items: Vec<PlainItem>, tail: &[u8]) -> Plain {
    Plain {
        id: LOCATION,
        reserved: header.reserved,
        encryption: header.encryption,
        version: header.version,
        phone: header.phone.as_bytes().to_vec(),
        serial: header.serial,
        location: PlainLocation {
            alarm: fix.alarm,
            status: fix.status,
            latitude: fix.latitude,
            longitude: fix.longitude,
            altitude: fix.altitude,
            speed: fix.speed,
            course: fix.course,
            time: fix.time,
            items,
            tail: tail.to_vec(),
        },
    }
}
