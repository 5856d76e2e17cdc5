//! Who, when, where and how: the parts that many contents share.

use super::*;

/// Fifteen digits after a zero.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct Imei(#[wire(size = 8)] pub Bcd<8>);

/// The device's zone: hours and minutes as a decimal number.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u16, endian = big)]
pub struct Zone {
    #[wire(bits = 12)]
    pub offset: u16,
    #[wire(bits = 1)]
    pub west: bool,
    #[wire(bits = 3)]
    pub language: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Fix {
    pub time: ByteTime<0>,
    #[wire(bits = 4)]
    pub size: u8,
    #[wire(bits = 4)]
    pub satellites: u8,
    /// Degrees times 1 800 000; the signs stand among the flags.
    #[wire(as = u32, scale = 0.000000555555556, unit = "deg")]
    pub lat: SignMagnitude<33>,
    #[wire(as = u32, scale = 0.000000555555556, unit = "deg")]
    pub lon: SignMagnitude<33>,
    #[wire(unit = "km/h")]
    pub speed: u8,
    #[wire(bits = 1)]
    pub acc: bool,
    #[wire(bits = 1)]
    pub has_acc: bool,
    #[wire(bits = 1)]
    pub differential: bool,
    #[wire(bits = 1)]
    pub fixed: bool,
    #[wire(before(west: bits(1) = sign(lon)), before(north: bits(1) = sign(lat, 1, 0)))]
    #[wire(bits = 10, unit = "deg", range = 0..=360)]
    pub course: u16,
}

/// The operator; the highest bit says that the network code has two bytes.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Network {
    #[wire(bits = 1)]
    pub wide: bool,
    #[wire(bits = 15)]
    pub mcc: u16,
    #[wire(size = if wide { 2 } else { 1 })]
    pub mnc: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Cell {
    pub network: Network,
    pub lac: u16,
    #[wire(as = u24)]
    pub cid: u32,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct LteCell {
    pub network: Network,
    pub lac: u32,
    pub cid: u64,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Neighbour {
    pub lac: u16,
    #[wire(as = u24)]
    pub cid: u32,
    #[wire(scale = -1, unit = "dBm")]
    pub rssi: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct Report {
    #[wire(as = u8)]
    pub acc: bool,
    pub mode: u8,
    pub archive: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u8)]
pub struct Info {
    #[wire(bits = 1)]
    pub cut: bool,
    #[wire(bits = 1)]
    pub gps: bool,
    #[wire(bits = 3)]
    pub alarm: u8,
    #[wire(bits = 1)]
    pub charging: bool,
    #[wire(bits = 1)]
    pub acc: bool,
    #[wire(bits = 1)]
    pub armed: bool,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct Status {
    pub info: Info,
    pub battery: u8,
    pub gsm: u8,
    pub alarm: u8,
    pub language: u8,
}

/// A value with its number and size.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Item<'a> {
    pub id: u16,
    #[wire(size = prefix(u8))]
    pub value: &'a [u8],
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct WideItem<'a> {
    pub id: u16,
    #[wire(size = prefix(u16))]
    pub value: &'a [u8],
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Station {
    pub signal: u16,
    pub mac: [u8; 6],
}

/// The client id is the IMEI without the zero before it.
impl TopicValue for Imei {
    fn put(&self, out: &mut String) {
        let digits = self.0.to_string();
        out.push_str(digits.strip_prefix('0').unwrap_or(&digits));
    }
}
