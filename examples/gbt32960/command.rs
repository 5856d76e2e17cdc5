//! What the platform asks of a terminal and tells it: parameters and commands.

use super::*;

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(ctx(v2025: bool))]
pub struct Parameters<'a> {
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
