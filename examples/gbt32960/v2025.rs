//! The information of a report by the tables of 2025.

use super::*;

/// Information of 2025, by type: other numbers, and other layouts of most.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum Block2025<'a> {
    #[wire(tag = 0x01)]
    Vehicle(Running2025),
    #[wire(tag = 0x02)]
    Motors {
        #[wire(count = prefix(u8))]
        motors: List<'a, Motor2025>,
    },
    #[wire(tag = 0x03)]
    FuelCell {
        hydrogen: Hydrogen,
        #[wire(unit = "%", sentinel(0xFE => abnormal, 0xFF => invalid))]
        remaining: u8,
        dc_dc_temperature: Celsius,
    },
    #[wire(tag = 0x04)]
    Engine {
        #[wire(unit = "r/min", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
        speed: u16,
    },
    #[wire(tag = 0x05)]
    Location {
        state: u8,
        system: u8,
        #[wire(scale = 1e-6, unit = "deg", range = 0..=180_000_000)]
        lon: u32,
        #[wire(scale = 1e-6, unit = "deg", range = 0..=90_000_000)]
        lat: u32,
    },
    #[wire(tag = 0x06)]
    Alarms(#[wire(ctx(v2025 = true))] Alarms),
    #[wire(tag = 0x07)]
    Voltages {
        #[wire(count = prefix(u8))]
        packs: List<'a, Pack>,
    },
    #[wire(tag = 0x08)]
    Temperatures {
        #[wire(count = prefix(u8))]
        packs: List<'a, Temperatures<'a>>,
    },
    #[wire(tag = 0x30)]
    Stacks {
        #[wire(count = prefix(u8))]
        stacks: List<'a, Stack<'a>>,
    },
    #[wire(tag = 0x31)]
    Capacitor {
        system: u8,
        voltage: Volts,
        current: WideAmps,
        #[wire(count = prefix(u16), scale = 0.001, unit = "V")]
        #[wire(sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
        cells: Vec<u16>,
        #[wire(count = prefix(u16))]
        probes: List<'a, Celsius>,
    },
    #[wire(tag = 0x32)]
    CapacitorExtremes {
        highest: CapacitorVoltage,
        lowest: CapacitorVoltage,
        hottest: CapacitorTemperature,
        coldest: CapacitorTemperature,
    },
    #[wire(tag = 0x80..=0xFE)]
    User {
        #[wire(tag)]
        id: u8,
        #[wire(size = prefix(u16))]
        data: &'a [u8],
    },
    #[wire(tag = 0xFF)]
    Signature(Signature<'a>),
}

/// The vehicle itself.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Running2025 {
    pub state: Code,
    pub charging: Code,
    pub mode: Code,
    #[wire(scale = 0.1, unit = "km/h", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub speed: u16,
    #[wire(scale = 0.1, unit = "km", sentinel(0xFFFF_FFFE => abnormal, 0xFFFF_FFFF => invalid))]
    pub mileage: u32,
    pub voltage: Volts,
    pub current: WideAmps,
    pub soc: Percent,
    pub dc_dc: Code,
    pub gear: u8,
    #[wire(unit = "kOhm", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub insulation: u16,
}

/// Tenths of a volt without the limits of 2016.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Volts(#[wire(scale = 0.1, unit = "V", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))] pub u16);

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct WideAmps(
    #[wire(scale = 0.1, offset = -3000, unit = "A", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))] pub u16,
);

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct KiloPascal(
    #[wire(scale = 0.1, offset = -100, unit = "kPa", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))] pub u16,
);

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Motor2025 {
    pub number: u8,
    pub state: Code,
    pub controller: Celsius,
    #[wire(offset = -32_000, unit = "r/min", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub speed: u16,
    #[wire(scale = 0.1, offset = -20_000, unit = "N.m")]
    #[wire(sentinel(0xFFFF_FFFE => abnormal, 0xFFFF_FFFF => invalid))]
    pub torque: u32,
    pub temperature: Celsius,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Pack {
    pub pack: u8,
    pub voltage: Volts,
    pub current: WideAmps,
    #[wire(count = prefix(u16), scale = 0.001, unit = "V", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub cells: Vec<u16>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Stack<'a> {
    pub stack: u8,
    pub voltage: Volts,
    #[wire(scale = 0.1, unit = "A", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub current: u16,
    pub hydrogen_inlet: KiloPascal,
    pub air_inlet: KiloPascal,
    pub air_temperature: Celsius,
    #[wire(count = prefix(u16))]
    pub probes: List<'a, Celsius>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct CapacitorVoltage {
    pub system: u8,
    #[wire(sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub cell: u16,
    #[wire(scale = 0.001, unit = "V", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub voltage: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct CapacitorTemperature {
    pub system: u8,
    #[wire(sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
    pub probe: u16,
    pub temperature: Celsius,
}

/// Who signed, and the two numbers of the signature.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Signature<'a> {
    pub kind: u8,
    #[wire(size = prefix(u16))]
    pub r: &'a [u8],
    #[wire(size = prefix(u16))]
    pub s: &'a [u8],
}
