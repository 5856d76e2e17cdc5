//! Binary frames: `$`, digits on nibbles and, behind the place, what each maker
//! adds. Only their size tells them apart, so what follows a frame does.

use exproto_runtime::codec::{BcdDegMin, BcdInt, BcdTime, order};
use exproto_runtime::prelude::*;

use super::Port;

/// `X` in place of `$` is a sign of life with the last place.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(lead = [b'$' | b'X'])]
#[wire(endian = big)]
#[route(one_of = Port<'_>, auth(client_id = "{id}", username = "{id}"))]
#[route(publish("h02/{client_id}/up/binary", qos = 1))]
pub struct Short {
    #[wire(range = b'$'..=b'X')]
    pub mark: u8,
    #[wire(size = 5)]
    pub id: Bcd<5>,
    pub place: Place,
    /// 255 is none.
    pub alarm: u8,
    /// 0 as a rule.
    pub more: u8,
    pub serial: u8,
}

/// The identity is an IMEI.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big, before(b"$"))]
#[route(one_of = Port<'_>, auth(client_id = imei(frame), username = imei(frame)))]
#[route(publish("h02/{client_id}/up/binary", qos = 1))]
pub struct Imei {
    #[wire(bits = 60, after(_: bits(4)))]
    pub id: BcdInt<15>,
    pub place: Place,
    pub tail: [u8; 10],
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big, before(b"$"))]
#[route(one_of = Port<'_>, auth(client_id = "{id}", username = "{id}"))]
#[route(publish("h02/{client_id}/up/binary", qos = 1))]
pub struct Long {
    #[wire(size = 5)]
    pub id: Bcd<5>,
    pub place: Place,
    /// 255 is none.
    pub alarm: u8,
    /// 0 as a rule.
    pub more: u8,
    pub signal: u8,
    pub satellites: u8,
    pub odometer: u32,
    pub mcc: u16,
    pub mnc: u8,
    pub lac: u16,
    pub cid: u16,
    pub serial: u8,
}

/// A tail of a maker that does not say what it means.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big, before(b"$"))]
#[route(one_of = Port<'_>, auth(client_id = "{id}", username = "{id}"))]
#[route(publish("h02/{client_id}/up/binary", qos = 1))]
pub struct Long46 {
    #[wire(size = 5)]
    pub id: Bcd<5>,
    pub place: Place,
    pub tail: [u8; 17],
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big, before(b"$"))]
#[route(one_of = Port<'_>, auth(client_id = "{id}", username = "{id}"))]
#[route(publish("h02/{client_id}/up/binary", qos = 1))]
pub struct Long48 {
    #[wire(size = 5)]
    pub id: Bcd<5>,
    pub place: Place,
    pub tail: [u8; 19],
}

/// When and where; the time is UTC.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Place {
    pub time: BcdTime<0, { order("hmsDMY") }>,
    #[wire(bits = 32)]
    pub lat: BcdDegMin<2, 8>,
    /// 1 to 6 are steps, 0xF1 to 0xF6 too; 0 is unknown.
    pub battery: u8,
    #[wire(bits = 36, after(east: bits(1) = sign(lon, 1, 0)), after(north: bits(1) = sign(lat, 1, 0)))]
    pub lon: BcdDegMin<3, 9>,
    #[wire(bits = 1, after(_: bits(1)))]
    pub valid: bool,
    #[wire(bits = 12, unit = "kn")]
    pub speed: BcdInt<3>,
    #[wire(bits = 12, unit = "deg")]
    pub course: BcdInt<3>,
    /// As in text.
    pub status: u32,
}

/// Who sends, in fifteen digits.
fn imei(frame: &Imei) -> Option<String> {
    Some(format!("{:015}", frame.id.get()?))
}
