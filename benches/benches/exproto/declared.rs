//! The same handler, declared.

use exproto_runtime::codec::{Bcd, BcdTime, List};
use exproto_runtime::prelude::*;

/// A message of a device.
#[derive(ExProtoFrame, Clone, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 4096)]
#[wire(endian = big)]
#[route(gateway)]
pub(crate) struct Message<'a> {
    #[wire(before(id: u16 = tag(body)))]
    #[wire(before(_: bits(1)))]
    #[wire(before(versioned: bits(1) = present(version)))]
    #[wire(before(segmented: bits(1) = present(part)))]
    #[wire(bits = 3)]
    encryption: u8,
    #[wire(before(length: bits(10) = size(body)))]
    version: Option<u8>,
    #[wire(size = if version.is_some() { 10 } else { 6 })]
    phone: Bcd<10>,
    serial: u16,
    part: Option<Part>,
    #[wire(opaque = part.is_some() || encryption != 0)]
    #[wire(after(check: u8 = xor(id..)))]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Clone, Debug)]
#[wire(endian = big)]
pub(crate) struct Part {
    total: u16,
    index: u16,
}

#[derive(ExProtoFrame, Clone, Debug)]
#[wire(endian = big, lenient)]
pub(crate) enum Body<'a> {
    #[wire(tag = 0x0002)]
    #[route(auth(client_id = "{phone}"))]
    Heartbeat,
    #[wire(tag = 0x0200)]
    #[route(publish("devices/{client_id}/up/location", qos = 1))]
    Location(Location<'a>),
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        id: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Clone, Debug)]
#[wire(endian = big)]
pub(crate) struct Location<'a> {
    alarm: u32,
    status: u32,
    #[wire(scale = 1e-6, unit = "deg", range = 0..=90_000_000)]
    latitude: u32,
    #[wire(scale = 1e-6, unit = "deg", range = 0..=180_000_000)]
    longitude: u32,
    altitude: u16,
    #[wire(scale = 0.1, unit = "km/h")]
    speed: u16,
    #[wire(range = 0..=360)]
    course: u16,
    #[wire(size = 6)]
    time: BcdTime<480>,
    #[wire(rest, lenient)]
    items: List<'a, Item<'a>>,
}

#[derive(ExProtoFrame, Clone, Debug)]
pub(crate) struct Item<'a> {
    #[wire(before(id: u8 = tag(value)))]
    #[wire(before(length: u8 = size(value)))]
    value: Value<'a>,
}

#[derive(ExProtoFrame, Clone, Debug)]
#[wire(endian = big, lenient)]
pub(crate) enum Value<'a> {
    #[wire(tag = 0x01)]
    Mileage(#[wire(scale = 0.1, unit = "km")] u32),
    #[wire(tag = 0x02)]
    Fuel(#[wire(scale = 0.1, unit = "L")] u16),
    #[wire(tag = 0x03)]
    RecorderSpeed(#[wire(scale = 0.1, unit = "km/h")] u16),
    #[wire(tag = 0x30)]
    Signal(u8),
    #[wire(tag = 0x31)]
    Satellites(u8),
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}
