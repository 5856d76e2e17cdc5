//! Modbus over TCP and of serial lines behind serial-to-TCP converters, declared
//! once and run as a gateway to MQTT: the gateway is the master.
//!
//! `modbus tcp`, `modbus rtu` or `modbus ascii`, then as every program here. The
//! converter is set to send its name and a line end first, and `ping` as its
//! heartbeat. With `--param map=FILE` the registers of a map are read again and
//! again; a line of it is `voltage 1 input-register 30 f32 0.1 5s`, see
//! `modbus/master.rs`, and `modbus/NAME/1/voltage` then gets `{"value":230.1}`. A
//! request of one's own is a message on `modbus/NAME/down`, such as
//! `{"unit":1,"pdu":{"read_holding":{"address":107,"count":3}}}`; the answer comes on
//! `modbus/NAME/1/107`.

#[path = "modbus/master.rs"]
mod master;

use std::time::Duration;

use exproto_runtime::codec::{FillError, Node};
use exproto_runtime::prelude::*;
use exproto_runtime::session::SessionSettings;
use master::{Master, Point};

/// What stands on a connection of Modbus/TCP.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(one_of)]
#[route(gateway, state = Master, poll = tcp::next, unanswered = master::silent, request = Point)]
pub enum Tcp<'a> {
    #[frame(first, lead = [b'!'..=b'~'])]
    Hello(TcpHello<'a>),
    Answer(TcpAnswer<'a>),
    Beat(TcpBeat),
    #[frame(sent)]
    Ask(TcpAsk<'a>),
}

/// What a converter is set to send first: its name.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(line, max = 64)]
#[route(one_of = Tcp<'_>, auth(client_id = "{name}"), with = master::start)]
pub struct TcpHello<'a> {
    #[wire(rest, as = Ascii)]
    pub name: Text<'a>,
}

/// What a converter is set to send when the line is silent.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(before(b"ping"))]
#[route(one_of = Tcp<'_>, heartbeat)]
pub struct TcpBeat {}

/// A request; the answer has the same transaction.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Tcp<'_>, deliver("modbus/{client_id}/down", qos = 1, answer = transaction, payload = with(tcp::down)))]
pub struct TcpAsk<'a> {
    pub transaction: u16,
    #[wire(before(protocol: u16 = 0), before(length: u16 = size(unit..=pdu), range = 2..=254, strict))]
    pub unit: u8,
    pub pdu: Request<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Tcp<'_>, answers = transaction)]
#[route(publish("modbus/{client_id}/{unit}/{request.name}", qos = 1, payload = with(tcp::up)))]
pub struct TcpAnswer<'a> {
    pub transaction: u16,
    #[wire(before(protocol: u16 = 0), before(length: u16 = size(unit..=pdu), range = 2..=254, strict))]
    pub unit: u8,
    pub pdu: Response<'a>,
}

/// What stands on a connection to a serial line with Modbus RTU.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(one_of)]
#[route(gateway, state = Master, poll = rtu::next, unanswered = master::silent, request = Point)]
pub enum Rtu<'a> {
    #[frame(first, lead = [b'!'..=b'~'])]
    Hello(RtuHello<'a>),
    Beat(RtuBeat),
    #[frame(lead = [_, 0x01..=0x18 | 0x2B | 0x81..=0x98 | 0xAB])]
    Answer(RtuAnswer<'a>),
    #[frame(sent)]
    Ask(RtuAsk<'a>),
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(line, max = 64)]
#[route(one_of = Rtu<'_>, auth(client_id = "{name}"), with = master::start)]
pub struct RtuHello<'a> {
    #[wire(rest, as = Ascii)]
    pub name: Text<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(before(b"ping"))]
#[route(one_of = Rtu<'_>, heartbeat)]
pub struct RtuBeat {}

/// A request; the answer comes from the same unit.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 256)]
#[wire(endian = big)]
#[route(one_of = Rtu<'_>)]
#[route(deliver("modbus/{client_id}/down", qos = 1, answer = unit, payload = with(rtu::down)))]
pub struct RtuAsk<'a> {
    pub unit: u8,
    #[wire(rest, after(check: u16 = crc("CRC-16/MODBUS", unit..=pdu), endian = little))]
    pub pdu: Request<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 256)]
#[wire(endian = big)]
#[route(one_of = Rtu<'_>, answers = unit)]
#[route(publish("modbus/{client_id}/{unit}/{request.name}", qos = 1, payload = with(rtu::up)))]
pub struct RtuAnswer<'a> {
    pub unit: u8,
    #[wire(rest, after(check: u16 = crc("CRC-16/MODBUS", unit..=pdu), endian = little))]
    pub pdu: Response<'a>,
}

/// What stands on a connection to a serial line with Modbus ASCII.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(one_of)]
#[route(gateway, state = Master, poll = ascii::next, unanswered = master::silent, request = Point)]
pub enum Hex<'a> {
    #[frame(first, lead = [b'!'..=b'9' | b';'..=b'~'])]
    Hello(HexHello<'a>),
    Answer(HexAnswer<'a>),
    Beat(HexBeat),
    #[frame(sent)]
    Ask(HexAsk<'a>),
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(line, max = 64)]
#[route(one_of = Hex<'_>, auth(client_id = "{name}"), with = master::start)]
pub struct HexHello<'a> {
    #[wire(rest, as = Ascii)]
    pub name: Text<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(before(b"ping"))]
#[route(one_of = Hex<'_>, heartbeat)]
pub struct HexBeat {}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(start = b":", end = b"\r\n", stuffing = hex, max = 513)]
#[route(one_of = Hex<'_>)]
#[route(deliver("modbus/{client_id}/down", qos = 1, answer = unit, payload = with(ascii::down)))]
pub struct HexAsk<'a> {
    pub unit: u8,
    #[wire(rest, after(check: u8 = lrc(unit..=pdu)))]
    pub pdu: Request<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(start = b":", end = b"\r\n", stuffing = hex, max = 513)]
#[route(one_of = Hex<'_>, answers = unit)]
#[route(publish("modbus/{client_id}/{unit}/{request.name}", qos = 1, payload = with(ascii::up)))]
pub struct HexAnswer<'a> {
    pub unit: u8,
    #[wire(rest, after(check: u8 = lrc(unit..=pdu)))]
    pub pdu: Response<'a>,
}

/// What the master asks.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big, lenient)]
pub enum Request<'a> {
    #[wire(tag = 0x01)]
    ReadCoils {
        address: u16,
        #[wire(range = 1..=2000)]
        count: u16,
    },
    #[wire(tag = 0x02)]
    ReadInputs {
        address: u16,
        #[wire(range = 1..=2000)]
        count: u16,
    },
    #[wire(tag = 0x03)]
    ReadHolding {
        address: u16,
        #[wire(range = 1..=125)]
        count: u16,
    },
    #[wire(tag = 0x04)]
    ReadInput {
        address: u16,
        #[wire(range = 1..=125)]
        count: u16,
    },
    #[wire(tag = 0x05)]
    WriteCoil { address: u16, state: Switch },
    #[wire(tag = 0x06)]
    WriteRegister { address: u16, value: u16 },
    #[wire(tag = 0x07)]
    ReadStatus,
    #[wire(tag = 0x08)]
    Diagnose { sub: u16, data: u16 },
    #[wire(tag = 0x0B)]
    ReadEventCounter,
    #[wire(tag = 0x0C)]
    ReadEventLog,
    #[wire(tag = 0x0F)]
    WriteCoils {
        address: u16,
        #[wire(range = 1..=1968)]
        count: u16,
        #[wire(size = prefix(u8))]
        coils: &'a [u8],
    },
    #[wire(tag = 0x10)]
    WriteRegisters {
        address: u16,
        #[wire(before(count: u16 = count(values)), before(bytes: u8 = size(values)))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x11)]
    ReadId,
    #[wire(tag = 0x14)]
    ReadFile {
        #[wire(before(bytes: u8 = size(parts)))]
        parts: List<'a, FilePart>,
    },
    #[wire(tag = 0x15)]
    WriteFile {
        #[wire(before(bytes: u8 = size(records)))]
        records: List<'a, FileRecord>,
    },
    #[wire(tag = 0x16)]
    Mask { address: u16, and: u16, or: u16 },
    #[wire(tag = 0x17)]
    ReadWrite {
        address: u16,
        #[wire(range = 1..=125)]
        count: u16,
        write_address: u16,
        #[wire(before(n: u16 = count(values)), before(bytes: u8 = size(values)))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x18)]
    ReadFifo { address: u16 },
    #[wire(tag = 0x2B)]
    ReadDevice {
        #[wire(before(mei: u8 = 0x0E))]
        access: u8,
        object: u8,
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        function: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// What a device answers.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = big, lenient)]
pub enum Response<'a> {
    #[wire(tag = 0x01)]
    Coils {
        #[wire(size = prefix(u8))]
        coils: &'a [u8],
    },
    #[wire(tag = 0x02)]
    Inputs {
        #[wire(size = prefix(u8))]
        inputs: &'a [u8],
    },
    #[wire(tag = 0x03)]
    Holding {
        #[wire(size = prefix(u8))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x04)]
    Input {
        #[wire(size = prefix(u8))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x05)]
    CoilWritten { address: u16, state: Switch },
    #[wire(tag = 0x06)]
    RegisterWritten { address: u16, value: u16 },
    #[wire(tag = 0x07)]
    Status { status: u8 },
    #[wire(tag = 0x08)]
    Diagnosis { sub: u16, data: u16 },
    #[wire(tag = 0x0B)]
    EventCounter { busy: u16, count: u16 },
    #[wire(tag = 0x0C)]
    EventLog {
        #[wire(before(bytes: u8 = size(busy..=log)))]
        busy: u16,
        events: u16,
        messages: u16,
        log: &'a [u8],
    },
    #[wire(tag = 0x0F)]
    CoilsWritten { address: u16, count: u16 },
    #[wire(tag = 0x10)]
    RegistersWritten { address: u16, count: u16 },
    /// An id of as many bytes as the device likes, its state, and more.
    #[wire(tag = 0x11)]
    Id {
        #[wire(size = prefix(u8))]
        data: &'a [u8],
    },
    #[wire(tag = 0x14)]
    File {
        #[wire(before(bytes: u8 = size(parts)))]
        parts: List<'a, FileData>,
    },
    #[wire(tag = 0x15)]
    FileWritten {
        #[wire(before(bytes: u8 = size(records)))]
        records: List<'a, FileRecord>,
    },
    #[wire(tag = 0x16)]
    Masked { address: u16, and: u16, or: u16 },
    #[wire(tag = 0x17)]
    ReadWritten {
        #[wire(size = prefix(u8))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x18)]
    Fifo {
        #[wire(before(bytes: u16 = size(count..=values)), before(count: u16 = count(values)))]
        values: Vec<u16>,
    },
    #[wire(tag = 0x2B)]
    Device {
        #[wire(before(mei: u8 = 0x0E))]
        access: u8,
        conformity: u8,
        /// FF: there are more, from `next` on.
        more: u8,
        next: u8,
        #[wire(count = prefix(u8))]
        objects: List<'a, Object<'a>>,
    },
    #[wire(tag = 0x81..=0xFF)]
    Exception {
        #[wire(tag)]
        function: u8,
        code: Exception,
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        function: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u16, endian = big)]
pub enum Switch {
    #[wire(tag = 0)]
    Off,
    #[wire(tag = 0xFF00)]
    On,
    #[wire(other)]
    Other(u16),
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
pub enum Exception {
    #[wire(tag = 0x01)]
    Function,
    #[wire(tag = 0x02)]
    Address,
    #[wire(tag = 0x03)]
    Value,
    #[wire(tag = 0x04)]
    Failure,
    #[wire(tag = 0x05)]
    Acknowledge,
    #[wire(tag = 0x06)]
    Busy,
    #[wire(tag = 0x08)]
    Parity,
    #[wire(tag = 0x0A)]
    NoPath,
    #[wire(tag = 0x0B)]
    Silent,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct FilePart {
    #[wire(before(kind: u8 = 6))]
    pub file: u16,
    pub record: u16,
    pub length: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct FileRecord {
    #[wire(before(kind: u8 = 6))]
    pub file: u16,
    pub record: u16,
    #[wire(before(length: u16 = count(values)))]
    pub values: Vec<u16>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct FileData {
    #[wire(before(length: u8 = size(kind..=values)), before(kind: u8 = 6))]
    pub values: Vec<u16>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub struct Object<'a> {
    pub id: u8,
    #[wire(size = prefix(u8), as = Utf8)]
    pub value: Text<'a>,
}

/// The functions of the routes, which are alike in all forms.
macro_rules! master {
    ($form:ident: $port:ident, $ask:ident { $($number:ident)? }, $answer:ident) => {
        mod $form {
            use super::*;

            pub fn next(cx: &mut Cx<'_, Master>) -> Next<$port<'static>> {
                match master::due(cx) {
                    Ok(point) => Next::Ask($port::Ask($ask {
                        $($number: cx.next_serial(),)?
                        unit: point.unit(),
                        pdu: point.request(),
                    })),
                    Err(next) => next,
                }
            }

            pub fn down<'p>(payload: &'p Node, cx: &mut Cx<'_, Master>) -> Result<$ask<'p>, FillError> {
                let (unit, pdu) = master::asked(payload, cx)?;
                Ok($ask { $($number: cx.next_serial(),)? unit, pdu })
            }

            pub fn up(frame: &$answer<'_>, cx: &mut Cx<'_, Master>, payload: &mut Vec<u8>) {
                master::tell(frame, &frame.pdu, cx, payload);
            }
        }
    };
}

master!(tcp: Tcp, TcpAsk { transaction }, TcpAnswer);
master!(rtu: Rtu, RtuAsk {}, RtuAnswer);
master!(ascii: Hex, HexAsk {}, HexAnswer);

/// A serial line is silent for a while between an answer and the next request.
fn serial() -> SessionSettings {
    let mut settings = SessionSettings::default();
    settings.request_gap = Duration::from_millis(20);
    settings
}

/// A simulated converter with a device behind it whose registers hold their
/// addresses.
struct Converter {
    number: u32,
}

fn answer(request: &Request<'_>) -> Response<'static> {
    match request {
        Request::ReadHolding { address, count } => {
            let values = (0..*count).map(|at| address.wrapping_add(at)).collect();
            Response::Holding { values }
        }
        Request::ReadInput { address, count } => {
            let values = (0..*count).map(|at| address.wrapping_add(at)).collect();
            Response::Input { values }
        }
        Request::ReadCoils { .. } => Response::Coils { coils: &[0b1] },
        Request::ReadInputs { .. } => Response::Inputs { inputs: &[0b0] },
        Request::WriteRegister { address, value } => {
            Response::RegisterWritten { address: *address, value: *value }
        }
        other => Response::Exception { function: other.tag() as u8 | 0x80, code: Exception::Function },
    }
}

macro_rules! converter {
    ($port:ident, $hello:ident, $beat:ident, $answer:ident { $($echoed:ident)? }) => {
        impl Device<$port<'static>> for Converter {
            fn new(number: u32, _: &mut Random) -> Self {
                Self { number }
            }

            fn start(&mut self, out: &mut Sender<'_, $port<'static>>) {
                let name = format!("gw-{}", self.number);
                out.send(&$port::Hello($hello { name: name.as_str().into() }));
                out.ready();
            }

            fn received(&mut self, frame: &$port<'_>, out: &mut Sender<'_, $port<'static>>) {
                if let $port::Ask(ask) = frame {
                    let pdu = answer(&ask.pdu);
                    out.send(&$port::Answer($answer { $($echoed: ask.$echoed,)? unit: ask.unit, pdu }));
                }
            }

            fn tick(&mut self, _: &mut Random, out: &mut Sender<'_, $port<'static>>) {
                out.send(&$port::Beat($beat {}));
            }
        }
    };
}

converter!(Tcp, TcpHello, TcpBeat, TcpAnswer { transaction });
converter!(Rtu, RtuHello, RtuBeat, RtuAnswer {});
converter!(Hex, HexHello, HexBeat, HexAnswer {});

fn main() -> std::process::ExitCode {
    let mut args: Vec<_> = std::env::args_os().collect();
    let form = if args.len() > 1 { args.remove(1) } else { "tcp".into() };
    match form.to_str() {
        Some("tcp") => App::<Tcp>::new().port(502).simulate::<Converter>().main_with(args),
        Some("rtu") => App::<Rtu>::new().port(4001).session(serial()).simulate::<Converter>().main_with(args),
        Some("ascii") => {
            App::<Hex>::new().port(4001).session(serial()).simulate::<Converter>().main_with(args)
        }
        _ => {
            eprintln!("say which form the devices speak: tcp, rtu or ascii");
            std::process::ExitCode::FAILURE
        }
    }
}
