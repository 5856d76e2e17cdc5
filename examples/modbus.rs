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
#[path = "modbus/pdu.rs"]
mod pdu;

use std::time::Duration;

use exproto_runtime::codec::{FillError, Node};
use exproto_runtime::prelude::*;
use exproto_runtime::session::SessionSettings;
use master::{Master, Point};
pub use pdu::*;

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
