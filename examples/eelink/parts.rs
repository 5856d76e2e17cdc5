//! Who, when, where and how: the parts of packages.

use super::*;

/// Fifteen digits after a zero.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct Imei(#[wire(size = 8)] pub Bcd<8>);

/// When and where, in old packages.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct OldFix {
    #[wire(as = u32)]
    pub time: UnixSeconds,
    #[wire(scale = 0.000000555555556, unit = "deg", range = -162_000_000..=162_000_000)]
    pub lat: i32,
    #[wire(scale = 0.000000555555556, unit = "deg", range = -324_000_000..=324_000_000)]
    pub lon: i32,
    #[wire(unit = "km/h")]
    pub speed: u8,
    #[wire(unit = "deg", range = 0..=360)]
    pub course: u16,
    pub mcc: u16,
    pub mnc: u16,
    pub lac: u16,
    #[wire(as = u24)]
    pub cid: u32,
    #[wire(bits = 7)]
    pub flags: u8,
    #[wire(bits = 1)]
    pub valid: bool,
}

/// When and where, in new packages: a mask says which parts there are.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Place<'a> {
    #[wire(as = u32)]
    pub time: UnixSeconds,
    #[wire(before(has_lte: bits(1) = present(lte)))]
    #[wire(before(has_wifi3: bits(1) = present(wifi3)), before(has_wifi2: bits(1) = present(wifi2)))]
    #[wire(before(has_wifi1: bits(1) = present(wifi1)), before(has_near2: bits(1) = present(near2)))]
    #[wire(before(has_near1: bits(1) = present(near1)), before(has_cell: bits(1) = present(cell)))]
    #[wire(before(has_fix: bits(1) = present(fix)))]
    pub fix: Option<Fix>,
    pub cell: Option<Cell>,
    pub near1: Option<Near>,
    pub near2: Option<Near>,
    pub wifi1: Option<Wifi>,
    pub wifi2: Option<Wifi>,
    pub wifi3: Option<Wifi>,
    pub lte: Option<Lte<'a>>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Fix {
    #[wire(scale = 0.000000555555556, unit = "deg", range = -162_000_000..=162_000_000)]
    pub lat: i32,
    #[wire(scale = 0.000000555555556, unit = "deg", range = -324_000_000..=324_000_000)]
    pub lon: i32,
    #[wire(unit = "m")]
    pub altitude: i16,
    #[wire(unit = "km/h")]
    pub speed: u16,
    #[wire(unit = "deg", range = 0..=360)]
    pub course: u16,
    pub satellites: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Cell {
    pub mcc: u16,
    pub mnc: u16,
    pub lac: u16,
    pub cid: u32,
    #[wire(scale = -1, unit = "dBm")]
    pub signal: u8,
}

/// A neighbour; its operator is that of the cell.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Near {
    pub lac: u16,
    pub cid: u32,
    #[wire(scale = -1, unit = "dBm")]
    pub signal: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct Wifi {
    pub mac: [u8; 6],
    #[wire(scale = -1, unit = "dBm")]
    pub signal: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Lte<'a> {
    pub radio: u8,
    #[wire(is = count(cells))]
    pub n: u8,
    #[wire(if = n > 0)]
    pub network: Option<Network>,
    pub cells: List<'a, LteCell>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Network {
    pub mcc: u16,
    pub mnc: u16,
    pub lac: u16,
    pub tac: u16,
    pub cid: u32,
    pub timing_advance: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct LteCell {
    pub pci: u16,
    pub earfcn: u16,
    #[wire(scale = -1, unit = "dBm")]
    pub signal: u8,
}

/// The relay's bit means closed in new packages and open in old ones.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u16, endian = big)]
pub struct Status {
    #[wire(bits = 5)]
    pub more: u8,
    #[wire(bits = 1)]
    pub gps_on: bool,
    #[wire(bits = 1)]
    pub moving: bool,
    #[wire(bits = 1)]
    pub charging: bool,
    #[wire(bits = 1)]
    pub has_charging: bool,
    #[wire(bits = 1)]
    pub relay: bool,
    #[wire(bits = 1)]
    pub has_relay: bool,
    #[wire(bits = 1)]
    pub armed: bool,
    #[wire(bits = 1)]
    pub has_armed: bool,
    #[wire(bits = 1)]
    pub ignition: bool,
    #[wire(bits = 1)]
    pub has_ignition: bool,
    #[wire(bits = 1)]
    pub fixed: bool,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
pub enum Alarm {
    #[wire(tag = 0x01)]
    PowerCut,
    #[wire(tag = 0x02)]
    Sos,
    #[wire(tag = 0x03)]
    LowBattery,
    #[wire(tag = 0x04)]
    Vibration,
    #[wire(tag = 0x08)]
    AntennaOpen,
    #[wire(tag = 0x09)]
    AntennaShort,
    #[wire(tag = 0x25)]
    Removed,
    #[wire(tag = 0x81)]
    TooSlow,
    #[wire(tag = 0x82)]
    TooFast,
    #[wire(tag = 0x83)]
    FenceIn,
    #[wire(tag = 0x84)]
    FenceOut,
    #[wire(tag = 0x85)]
    Crash,
    #[wire(tag = 0x86)]
    Fall,
    #[wire(other)]
    Other(u8),
}

/// What follows the status: newer devices send more.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Tail<'a> {
    #[wire(if = left >= 2, scale = 0.001, unit = "V")]
    pub battery: Option<u16>,
    #[wire(if = left >= 4)]
    pub inputs: Option<[u16; 2]>,
    #[wire(if = left >= 4, unit = "m")]
    pub odometer: Option<u32>,
    #[wire(if = left >= 4)]
    pub counters: Option<Counters>,
    #[wire(if = left >= 4)]
    pub pedometer: Option<Pedometer>,
    #[wire(if = left >= 12)]
    pub climate: Option<Climate>,
    #[wire(if = left >= 2, scale = 0.0625, unit = "°C")]
    pub temperature: Option<i16>,
    #[wire(if = left >= 2)]
    pub beacons: Option<Beacons<'a>>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Counters {
    pub gsm: u16,
    pub gps: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Pedometer {
    pub steps: u16,
    pub walking: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Climate {
    #[wire(scale = 0.00390625, unit = "°C")]
    pub temperature: i16,
    #[wire(scale = 0.1, unit = "%")]
    pub humidity: u16,
    #[wire(scale = 0.00390625, unit = "lx")]
    pub light: u32,
    #[wire(unit = "ppm")]
    pub co2: u32,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub struct Beacons<'a> {
    #[wire(before(n: u8 = count(beacons)))]
    pub id: u8,
    pub beacons: List<'a, Beacon>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Beacon {
    pub mac: [u8; 6],
    #[wire(scale = -1, unit = "dBm")]
    pub signal: u8,
    pub reserved: u8,
    pub model: u8,
    pub version: u8,
    #[wire(scale = 0.001, unit = "V")]
    pub battery: u16,
    #[wire(scale = 0.00390625, unit = "°C")]
    pub temperature: i16,
    pub data: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub enum OldObd<'a> {
    #[wire(when = left == 4)]
    Brief { status: Status, more: u16 },
    Full {
        #[wire(as = u32)]
        time: UnixSeconds,
        #[wire(rest)]
        values: List<'a, ObdValue>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum ObdValue {
    #[wire(tag = 0x89)]
    Consumption(i32),
    #[wire(tag = 0x8A)]
    Odometer(#[wire(unit = "km")] i32),
    #[wire(tag = 0x8B)]
    Fuel(#[wire(scale = 0.1)] i32),
    #[wire(other)]
    Other {
        #[wire(tag)]
        pid: u8,
        value: u32,
    },
}

/// The client id is the IMEI without the zero before it.
impl TopicValue for Imei {
    fn put(&self, out: &mut String) {
        let digits = self.0.to_string();
        out.push_str(digits.strip_prefix('0').unwrap_or(&digits));
    }
}
