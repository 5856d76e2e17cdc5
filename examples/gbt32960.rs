//! GB/T 32960.3, the protocol of electric vehicles in China, declared once and
//! run as a gateway to MQTT: the editions of 2016 and 2025 on one port.

use exproto_runtime::codec::ByteTime;
use exproto_runtime::prelude::*;

/// Six bytes in China Standard Time.
type Time = ByteTime<{ 8 * 60 }>;

/// The leading bytes of the editions.
pub const V2016: u16 = u16::from_be_bytes(*b"##");
pub const V2025: u16 = u16::from_be_bytes(*b"$$");

/// A message of either direction (section 6.2).
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(lead = [b'#' | b'$', b'#' | b'$'])]
#[wire(endian = big)]
#[route(gateway, state = Vehicle, downlink = envelope)]
pub struct Message<'a> {
    pub edition: u16,
    // Command and answer flag: together they say what the data unit is.
    #[wire(before(kind: u16 = tag(body)))]
    #[wire(size = 17, fill = 0, as = Ascii)]
    pub vin: TextBuf,
    pub encryption: Encryption,
    #[wire(before(length: u16 = size(body)))]
    #[wire(ctx(v2025 = edition == V2025), opaque = encryption != Encryption::None)]
    #[wire(after(bcc: u8 = xor(kind..)))]
    pub body: Body<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
pub enum Encryption {
    #[wire(tag = 1)]
    None,
    #[wire(tag = 2)]
    Rsa,
    #[wire(tag = 3)]
    Aes128,
    #[wire(tag = 4)]
    Sm2,
    #[wire(tag = 5)]
    Sm4,
    #[wire(other)]
    Other(u8),
}

/// The data unit, by command and answer flag (table 3; 0xFE is a command).
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient, ctx(v2025: bool))]
pub enum Body<'a> {
    #[wire(tag = 0x01FE)]
    #[route(
        auth(client_id = "{vin}", username = "{vin}"), with = remember, reply = answer,
        publish("gbt32960/{vin}/up/login", qos = 1)
    )]
    Login(#[wire(ctx(v2025))] Login<'a>),

    #[wire(tag = 0x02FE)]
    #[route(publish("gbt32960/{vin}/up/report", qos = 1), reply = answer)]
    Report(#[wire(ctx(v2025))] Report<'a>),

    #[wire(tag = 0x03FE)]
    #[route(publish("gbt32960/{vin}/up/reissue", qos = 1), reply = answer)]
    Reissue(#[wire(ctx(v2025))] Report<'a>),

    #[wire(tag = 0x04FE)]
    #[route(publish("gbt32960/{vin}/up/logout", qos = 1), close("logged out"), reply = answer)]
    Logout { time: Time, serial: u16 },

    #[wire(tag = 0x05FE)]
    #[route(
        auth(client_id = "{vin}", username = "{user}", password = "{password}"),
        with = remember, reply = answer
    )]
    PlatformLogin {
        time: Time,
        serial: u16,
        #[wire(size = 12, fill = 0, as = Ascii)]
        user: Text<'a>,
        #[wire(size = 20, fill = 0, as = Ascii)]
        password: Text<'a>,
        encryption: u8,
    },

    #[wire(tag = 0x06FE)]
    #[route(close("platform logged out"), reply = answer)]
    PlatformLogout { time: Time, serial: u16 },

    #[wire(tag = 0x07FE)]
    #[route(heartbeat, reply = answer)]
    Heartbeat,

    #[wire(tag = 0x08FE)]
    #[route(public, reply = answer)]
    TimeSync,

    #[wire(tag = 0x09FE)]
    #[route(public, publish("gbt32960/{vin}/up/activation", qos = 1), reply = answer)]
    Activate {
        time: Time,
        #[wire(size = 16, fill = 0, as = Ascii)]
        chip: Text<'a>,
        #[wire(size = prefix(u16))]
        public_key: &'a [u8],
        #[wire(size = 17, fill = 0, as = Ascii)]
        of: Text<'a>,
        signature: Signature<'a>,
    },

    #[wire(tag = 0x0AFE)]
    #[route(deliver("gbt32960/{client_id}/down/activated", qos = 1))]
    Activated { status: u8, info: u8 },

    #[wire(tag = 0x0BFE)]
    #[route(publish("gbt32960/{vin}/up/key", qos = 1))]
    #[route(deliver("gbt32960/{client_id}/down/key", qos = 1))]
    ExchangeKey {
        kind: u8,
        #[wire(size = prefix(u16))]
        key: &'a [u8],
        from: Time,
        to: Time,
    },

    /// The platform's answer to any of the above.
    #[wire(tag = 0x0101..=0x0103 | 0x0201..=0x0203 | 0x0301..=0x0303 | 0x0401..=0x0403
        | 0x0501..=0x0503 | 0x0601..=0x0603 | 0x0701..=0x0703 | 0x0801..=0x0803 | 0x0901..=0x0903)]
    #[route(sent)]
    Answer {
        #[wire(tag)]
        kind: u16,
        time: Time,
    },

    #[wire(tag = 0x80FE)]
    #[route(deliver("gbt32960/{client_id}/down/query", qos = 1))]
    Query {
        time: Time,
        #[wire(size = prefix(u8))]
        ids: &'a [u8],
    },

    #[wire(tag = 0x81FE)]
    #[route(deliver("gbt32960/{client_id}/down/set", qos = 1))]
    Set(#[wire(ctx(v2025))] Parameters<'a>),

    #[wire(tag = 0x82FE)]
    #[route(deliver("gbt32960/{client_id}/down/control", qos = 1))]
    Control { time: Time, command: Command<'a> },

    #[wire(tag = 0x8001..=0x80FD)]
    #[route(publish("gbt32960/{vin}/up/answer/query", qos = 1))]
    Queried {
        #[wire(tag)]
        kind: u16,
        #[wire(ctx(v2025))]
        parameters: Parameters<'a>,
    },

    #[wire(tag = 0x0B01..=0x0BFD | 0x8101..=0x81FD | 0x8201..=0x82FD)]
    #[route(publish("gbt32960/{vin}/up/answer/command", qos = 1))]
    Done {
        #[wire(tag)]
        kind: u16,
        time: Time,
        #[wire(rest)]
        data: &'a [u8],
    },

    #[wire(other)]
    #[route(publish("gbt32960/{vin}/up/other/{kind}", qos = 1))]
    Other {
        #[wire(tag)]
        kind: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, ctx(v2025: bool))]
pub enum Login<'a> {
    #[wire(when = v2025)]
    V2025 {
        time: Time,
        serial: u16,
        #[wire(size = 20, fill = 0, as = Ascii)]
        iccid: Text<'a>,
        #[wire(size = prefix(u8))]
        packs: &'a [u8],
        #[wire(rest, each(size = 24, fill = 0, as = Ascii))]
        codes: Vec<Text<'a>>,
    },
    V2016 {
        time: Time,
        serial: u16,
        #[wire(size = 20, fill = 0, as = Ascii)]
        iccid: Text<'a>,
        number: u8,
        code_length: u8,
        #[wire(size = usize::from(number) * usize::from(code_length), as = Ascii)]
        codes: Text<'a>,
    },
}

/// A real-time report: time, and blocks of information without lengths.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(ctx(v2025: bool))]
pub enum Report<'a> {
    #[wire(when = v2025)]
    V2025 {
        time: Time,
        #[wire(rest, lenient)]
        blocks: List<'a, Block2025<'a>>,
    },
    V2016 {
        time: Time,
        #[wire(rest, lenient)]
        blocks: List<'a, Block<'a>>,
    },
}

/// Information of 2016, by type (table 6); nobody knows the length of another
/// type, so the report keeps the rest as it is.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum Block<'a> {
    #[wire(tag = 0x01)]
    Vehicle {
        state: Code,
        charging: Code,
        mode: Code,
        #[wire(scale = 0.1, unit = "km/h", range = 0..=2200, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
        speed: u16,
        #[wire(scale = 0.1, unit = "km", range = 0..=9_999_999)]
        #[wire(sentinel(0xFFFF_FFFE => abnormal, 0xFFFF_FFFF => invalid))]
        mileage: u32,
        #[wire(scale = 0.1, unit = "V", range = 0..=10_000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
        voltage: u16,
        current: Amps,
        soc: Percent,
        dc_dc: Code,
        gear: u8,
        #[wire(unit = "kOhm", range = 0..=60_000, sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
        insulation: u16,
        accelerator: Percent,
        #[wire(unit = "%", range = 0..=101, sentinel(0xFE => abnormal, 0xFF => invalid))]
        brake: u8,
    },
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

/// Information of 2025, by type: other numbers, and other layouts of most.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum Block2025<'a> {
    #[wire(tag = 0x01)]
    Vehicle {
        state: Code,
        charging: Code,
        mode: Code,
        #[wire(scale = 0.1, unit = "km/h", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
        speed: u16,
        #[wire(scale = 0.1, unit = "km", sentinel(0xFFFF_FFFE => abnormal, 0xFFFF_FFFF => invalid))]
        mileage: u32,
        voltage: Volts,
        current: WideAmps,
        soc: Percent,
        dc_dc: Code,
        gear: u8,
        #[wire(unit = "kOhm", sentinel(0xFFFE => abnormal, 0xFFFF => invalid))]
        insulation: u16,
    },
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
    #[wire(offset = -40, unit = "degC", range = 0..=250, sentinel(0xFE => abnormal, 0xFF => invalid))] u8,
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

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(ctx(v2025: bool))]
pub struct Parameters<'a> {
    pub time: Time,
    // An address and its length are two parameters, one after the other.
    pub number: u8,
    #[wire(rest, lenient, ctx(v2025))]
    pub list: List<'a, Parameter<'a>>,
}

/// A parameter of the terminal (table B.10).
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big, ctx(v2025: bool))]
pub enum Parameter<'a> {
    #[wire(tag = 0x01)]
    StorePeriod(#[wire(unit = "ms")] u16),
    #[wire(tag = 0x02)]
    ReportPeriod(#[wire(ctx(v2025))] Period),
    #[wire(tag = 0x03)]
    AlarmPeriod(#[wire(ctx(v2025))] Period),
    #[wire(tag = 0x04)]
    Platform {
        #[wire(before(length: u8 = size(address)), before(b"\x05"), as = Ascii)]
        address: Text<'a>,
    },
    #[wire(tag = 0x06)]
    PlatformPort(u16),
    #[wire(tag = 0x07)]
    Hardware(#[wire(size = 5, fill = 0, as = Ascii)] Text<'a>),
    #[wire(tag = 0x08)]
    Firmware(#[wire(size = 5, fill = 0, as = Ascii)] Text<'a>),
    #[wire(tag = 0x09)]
    HeartbeatPeriod(#[wire(unit = "s")] u8),
    #[wire(tag = 0x0A)]
    TerminalTimeout(#[wire(unit = "s")] u16),
    #[wire(tag = 0x0B)]
    PlatformTimeout(#[wire(unit = "s")] u16),
    #[wire(tag = 0x0C)]
    LoginWait(#[wire(unit = "min")] u8),
    #[wire(tag = 0x0D)]
    PublicPlatform {
        #[wire(before(length: u8 = size(address)), before(b"\x0E"), as = Ascii)]
        address: Text<'a>,
    },
    #[wire(tag = 0x0F)]
    PublicPort(u16),
    #[wire(tag = 0x10)]
    Sampling(u8),
}

/// How often to report: seconds, of alarms milliseconds; a byte since 2025.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big, ctx(v2025: bool))]
pub enum Period {
    #[wire(when = v2025)]
    V2025(u8),
    V2016(u16),
}

/// What a terminal is told to do (table B.13).
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8)]
pub enum Command<'a> {
    #[wire(tag = 0x01)]
    Upgrade(Upgrade<'a>),
    #[wire(tag = 0x02)]
    ShutDown,
    #[wire(tag = 0x03)]
    Reset,
    #[wire(tag = 0x04)]
    FactoryReset,
    #[wire(tag = 0x05)]
    Disconnect,
    #[wire(tag = 0x06)]
    Alarm {
        level: u8,
        #[wire(rest, as = Gbk)]
        text: Text<'a>,
    },
    #[wire(tag = 0x07)]
    StartSampling,
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// Where the new firmware is: text that ends in a semicolon beside binary fields.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Upgrade<'a> {
    #[wire(until = b';', as = Ascii)]
    pub dial: Text<'a>,
    #[wire(until = b';', as = Ascii)]
    pub user: Text<'a>,
    #[wire(until = b';', as = Ascii)]
    pub password: Text<'a>,
    #[wire(after(b";"))]
    pub ip: [u8; 6],
    #[wire(after(b";"))]
    pub port: u16,
    #[wire(size = 4, fill = 0, as = Ascii, after(b";"))]
    pub maker: Text<'a>,
    #[wire(size = 5, fill = 0, as = Ascii, after(b";"))]
    pub hardware: Text<'a>,
    #[wire(size = 5, fill = 0, as = Ascii, after(b";"))]
    pub firmware: Text<'a>,
    #[wire(until = b';', as = Ascii)]
    pub url: Text<'a>,
    #[wire(unit = "min")]
    pub limit: u16,
}

/// What the gateway remembers of a device: the header it writes itself.
#[derive(Debug, Default)]
pub struct Vehicle {
    v2025: bool,
    vin: String,
}

/// Keeps edition and VIN of the device.
fn remember(frame: &Message<'_>, cx: &mut Cx<'_, Vehicle>, _: &mut Asks<'_>) {
    *cx.state = Vehicle { v2025: frame.edition == V2025, vin: frame.vin.to_string() };
}

/// The header before a downlink.
fn envelope<'a>(body: Body<'a>, cx: &mut Cx<'_, Vehicle>) -> Message<'a> {
    let Vehicle { v2025, vin } = &*cx.state;
    let edition = if *v2025 { V2025 } else { V2016 };
    Message { edition, vin: vin.as_str().into(), encryption: Encryption::None, body }
}

/// The answer: the same command, and the time.
fn answer<'a>(frame: &Message<'a>, _: &mut Cx<'_, Vehicle>, outcome: &Outcome) -> Message<'a> {
    let kind = frame.body.tag() as u16 & 0xFF00 | outcome.pick(1, 2);
    let body = Body::Answer { kind, time: now() };
    Message { edition: frame.edition, vin: frame.vin.clone(), encryption: Encryption::None, body }
}

fn now() -> Time {
    let seconds = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs() as i64);
    Time::from_unix(seconds).unwrap_or_default()
}

/// A simulated car.
struct Car {
    vin: TextBuf,
    ticks: u32,
}

impl Car {
    fn send(&self, body: Body<'_>, out: &mut Sender<'_, Message<'static>>) {
        let (edition, encryption) = (V2016, Encryption::None);
        out.send(&Message { edition, vin: self.vin.clone(), encryption, body });
    }
}

impl Device<Message<'static>> for Car {
    fn new(number: u32, _: &mut Random) -> Self {
        Self { vin: format!("LSIM{number:013}").as_str().into(), ticks: 0 }
    }

    fn start(&mut self, out: &mut Sender<'_, Message<'static>>) {
        let iccid = "89860000000000000000".into();
        let login =
            Login::V2016 { time: now(), serial: 1, iccid, number: 1, code_length: 0, codes: "".into() };
        self.send(Body::Login(login), out);
    }

    fn received(&mut self, frame: &Message<'_>, out: &mut Sender<'_, Message<'static>>) {
        match &frame.body {
            Body::Answer { kind: 0x0101, .. } => out.ready(),
            Body::Answer { kind, .. } if kind & 0xFF == 1 => {}
            Body::Query { .. } => {
                let list = vec![Parameter::ReportPeriod(Period::V2016(10))].into();
                let parameters = Parameters { time: now(), number: 1, list };
                self.send(Body::Queried { kind: 0x8001, parameters }, out);
            }
            Body::Set(_) => self.send(Body::Done { kind: 0x8101, time: now(), data: &[] }, out),
            Body::Control { .. } => self.send(Body::Done { kind: 0x8201, time: now(), data: &[] }, out),
            other => out.failed(&format!("unexpected {other:?}")),
        }
    }

    fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, Message<'static>>) {
        self.ticks += 1;
        if self.ticks.is_multiple_of(10) {
            return self.send(Body::Heartbeat, out);
        }
        let (lon, lat) = (random.within(73_000_000..=135_000_000), random.within(18_000_000..=53_000_000));
        let blocks = vec![
            Block::Motors { motors: vec![random.make()].into() },
            Block::Location { state: 0, lon, lat },
        ];
        self.send(Body::Report(Report::V2016 { time: now(), blocks: blocks.into() }), out);
    }
}

fn main() -> std::process::ExitCode {
    App::<Message>::new().port(32960).simulate::<Car>().main()
}
