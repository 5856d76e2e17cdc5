//! The information of a report by the tables of 2016, and what 2025 has kept of it.

use super::*;

/// Information of 2016, by type (table 6); nobody knows the length of another
/// type, so the report keeps the rest as it is.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum Block<'a> {
    #[wire(tag = 0x01)]
    Vehicle(Running),
    #[wire(tag = 0x02)]
    Motors {
        #[wire(count = prefix(u8))]
        motors: List<'a, Motor>,
    },
    #[wire(tag = 0x03)]
    FuelCell(FuelCell<'a>),
    #[wire(tag = 0x04)]
    Engine {
        state: Code,
        #[wire(unit = "r/min", range = 0..=60_000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
        speed: u16,
        #[wire(scale = 0.01, unit = "L/100 km", range = 0..=60_000)]
        #[wire(sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
        consumption: u16,
    },
    #[wire(tag = 0x05)]
    Location {
        state: u8,
        #[wire(scale = 1e-6, unit = "deg", range = 0..=180_000_000)]
        lon: u32,
        #[wire(scale = 1e-6, unit = "deg", range = 0..=90_000_000)]
        lat: u32,
    },
    #[wire(tag = 0x06)]
    Extremes {
        highest: CellVoltage,
        lowest: CellVoltage,
        hottest: ProbeTemperature,
        coldest: ProbeTemperature,
    },
    #[wire(tag = 0x07)]
    Alarms(#[wire(ctx(v2025 = false))] Alarms),
    #[wire(tag = 0x08)]
    Voltages {
        #[wire(count = prefix(u8), max = 250)]
        systems: List<'a, Voltages>,
    },
    #[wire(tag = 0x09)]
    Temperatures {
        #[wire(count = prefix(u8), max = 250)]
        systems: List<'a, Temperatures<'a>>,
    },
    #[wire(tag = 0x80..=0xFE)]
    User {
        #[wire(tag)]
        id: u8,
        #[wire(size = prefix(u16))]
        data: &'a [u8],
    },
}

/// The vehicle itself.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Running {
    pub state: Code,
    pub charging: Code,
    pub mode: Code,
    #[wire(scale = 0.1, unit = "km/h", range = 0..=2200, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub speed: u16,
    #[wire(scale = 0.1, unit = "km", range = 0..=9_999_999)]
    #[wire(sentinel(0xFFFF_FFFE => abnormal, 0xFFFF_FFFF => invalid))]
    pub mileage: u32,
    #[wire(scale = 0.1, unit = "V", range = 0..=10_000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub voltage: u16,
    pub current: Amps,
    pub soc: Percent,
    pub dc_dc: Code,
    pub gear: u8,
    #[wire(unit = "kOhm", range = 0..=60_000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub insulation: u16,
    pub accelerator: Percent,
    #[wire(unit = "%", range = 0..=101, sentinel(0xFE => abnormal, 0xFF => invalid))]
    pub brake: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Motor {
    pub number: u8,
    pub state: Code,
    pub controller: Celsius,
    #[wire(offset = -20_000, unit = "r/min", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub speed: u16,
    #[wire(scale = 0.1, offset = -2000, unit = "N.m", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub torque: u16,
    pub temperature: Celsius,
    #[wire(scale = 0.1, unit = "V", range = 0..=60_000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub voltage: u16,
    pub current: Amps,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct FuelCell<'a> {
    #[wire(scale = 0.1, unit = "V", range = 0..=20_000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub voltage: u16,
    #[wire(scale = 0.1, unit = "A", range = 0..=20_000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub current: u16,
    #[wire(scale = 0.01, unit = "kg/100 km", range = 0..=60_000)]
    #[wire(sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub consumption: u16,
    #[wire(count = prefix(u16))]
    pub probes: List<'a, Celsius>,
    pub hydrogen: Hydrogen,
}

/// The state of the hydrogen, the same in both editions.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Hydrogen {
    #[wire(scale = 0.1, offset = -40, unit = "degC", range = 0..=2400)]
    #[wire(sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub temperature: u16,
    pub temperature_probe: u8,
    #[wire(unit = "mg/kg", range = 0..=60_000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub concentration: u16,
    pub concentration_sensor: u8,
    #[wire(scale = 0.1, unit = "MPa", range = 0..=1000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub pressure: u16,
    pub pressure_sensor: u8,
    pub dc_dc: Code,
}

/// A state or a number of something.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct Code(#[wire(sentinel(0xFE => abnormal, 0xFF => invalid))] pub u8);

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct Percent(#[wire(unit = "%", range = 0..=100, sentinel(0xFE => abnormal, 0xFF => invalid))] pub u8);

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Amps(
    #[wire(scale = 0.1, offset = -1000, unit = "A", range = 0..=20_000)]
    #[wire(sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub u16,
);

/// The alarms of both editions; 2025 adds the levels of general ones.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, ctx(v2025: bool))]
pub struct Alarms {
    #[wire(range = 0..=3, sentinel(0xFE => abnormal, 0xFF => invalid))]
    pub level: u8,
    pub flags: u32,
    #[wire(count = prefix(u8), max = 252)]
    pub battery: Vec<u32>,
    #[wire(count = prefix(u8), max = 252)]
    pub motor: Vec<u32>,
    #[wire(count = prefix(u8), max = 252)]
    pub engine: Vec<u32>,
    #[wire(count = prefix(u8), max = 252)]
    pub other: Vec<u32>,
    #[wire(if = v2025)]
    pub general: Option<General>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub struct General(#[wire(count = prefix(u8))] pub Vec<GeneralAlarm>);

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct GeneralAlarm {
    pub flag: u8,
    pub level: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct Celsius(
    #[wire(offset = -40, unit = "degC", range = 0..=250, sentinel(0xFE => abnormal, 0xFF => invalid))] pub u8,
);

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct CellVoltage {
    pub system: Code,
    pub cell: Code,
    #[wire(scale = 0.001, unit = "V", range = 0..=15_000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub voltage: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct ProbeTemperature {
    pub system: Code,
    pub probe: Code,
    pub temperature: Celsius,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Voltages {
    pub system: u8,
    #[wire(scale = 0.1, unit = "V", range = 0..=10_000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub voltage: u16,
    pub current: Amps,
    #[wire(sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub total: u16,
    #[wire(sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub first: u16,
    #[wire(count = prefix(u8), scale = 0.001, unit = "V", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub cells: Vec<u16>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Temperatures<'a> {
    pub system: u8,
    #[wire(count = prefix(u16))]
    pub probes: List<'a, Celsius>,
}
