//! Contents that have one number and several layouts: makers reuse numbers, and only
//! the length tells them apart.

use super::*;

/// 0x12 and 0x22: what follows the cell depends on the maker.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub enum Location<'a> {
    #[wire(when = left == 42)]
    Thermometer {
        fix: Fix,
        network: Network,
        lac: u16,
        cid: u32,
        report: Report,
        mileage: u32,
        travel: u32,
        #[wire(as = u16, scale = 0.01, unit = "°C")]
        temperature: SignMagnitude<16>,
        #[wire(scale = 0.01, unit = "%")]
        humidity: u16,
    },
    /// Lengths that makers fill in ways of their own.
    #[wire(when = left == 34 || left == 55)]
    Maker(#[wire(rest)] &'a [u8]),
    Common {
        fix: Fix,
        cell: Cell,
        more: More<'a>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub enum More<'a> {
    #[wire(when = left == 0)]
    Nothing,
    #[wire(when = left == 2)]
    Mask(u16),
    #[wire(when = left == 3)]
    Report(Report),
    #[wire(when = left == 4)]
    Mileage(u32),
    #[wire(when = left == 5)]
    Power {
        info: Info,
        #[wire(scale = 0.01, unit = "V")]
        power: u16,
        gsm: u8,
        alarm: u8,
    },
    #[wire(when = left == 7)]
    Long {
        report: Report,
        mileage: u32,
    },
    Other(#[wire(rest)] &'a [u8]),
}

/// 0x16 and 0x26: the cell with and without its length.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub enum Alarm<'a> {
    #[wire(when = left == 31)]
    Plain { fix: Fix, cell: Cell, status: Status },
    #[wire(when = left == 32 || left == 40)]
    Common {
        fix: Fix,
        #[wire(before(lbs: u8 = size(cell) + 1))]
        cell: Cell,
        status: Status,
        #[wire(rest)]
        rfid: &'a [u8],
    },
    Other {
        fix: Fix,
        #[wire(rest)]
        more: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub enum Heartbeat<'a> {
    #[wire(when = left == 5)]
    Status(Status),
    #[wire(when = left == 3)]
    Brief { info: Info, battery: u8, gsm: u8 },
    Other {
        info: Info,
        #[wire(rest)]
        more: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Unanswered {
    pub alarm: u32,
    pub fix: Fix,
    pub info: u16,
    pub mileage: u32,
    pub mcc: u16,
    pub mnc: u8,
    pub lac: u16,
    pub cid: u32,
    pub driver: u32,
    pub battery: u16,
    #[wire(scale = 0.01, unit = "V")]
    pub power: u16,
    pub ports: u32,
    pub inputs: u8,
    pub outputs: u8,
    #[wire(rest)]
    pub analogues: Vec<u16>,
}

/// 0x36: parts of pictures, a state and a location, told apart by their length.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub enum Mixed<'a> {
    #[wire(when = left == 10)]
    Ask { id: u32, offset: u32, size: u16 },
    #[wire(when = left == 18)]
    Status {
        status: Status,
        #[wire(rest, lenient)]
        items: List<'a, Item<'a>>,
    },
    #[wire(when = left == 48)]
    Location {
        fix: Fix,
        network: Network,
        lac: u16,
        cid: u32,
        report: Report,
        mileage: u32,
        #[wire(scale = 0.01, unit = "V")]
        power: u16,
        #[wire(scale = 0.1, unit = "V")]
        battery: u8,
        #[wire(as = u24, unit = "min")]
        hours: u32,
        rfid: [u8; 8],
    },
    Part {
        id: u32,
        offset: u32,
        #[wire(size = prefix(u16))]
        data: &'a [u8],
    },
}

/// 0x94, by its sub-type.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big, lenient)]
pub enum Information<'a> {
    #[wire(tag = 0x00)]
    Power(#[wire(scale = 0.01, unit = "V")] u16),
    #[wire(tag = 0x04)]
    Settings(#[wire(rest, as = Ascii)] Text<'a>),
    #[wire(tag = 0x0A)]
    Identity {
        imei: Imei,
        imsi: Imei,
        #[wire(size = 10)]
        iccid: Bcd<10>,
    },
    #[wire(tag = 0x0D)]
    Fuel(#[wire(rest, as = Ascii)] Text<'a>),
    #[wire(other)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}
