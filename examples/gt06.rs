//! GT06, the protocol of Concox, Jimi and most of the cheap trackers for
//! vehicles, declared once and run as a gateway to MQTT.

use exproto_runtime::codec::{ByteTime, SignMagnitude, UnixSeconds};
use exproto_runtime::prelude::*;

#[path = "gt06/layouts.rs"]
mod layouts;
#[path = "gt06/parts.rs"]
mod parts;
#[path = "gt06/photo.rs"]
mod photo;

pub use {layouts::*, parts::*, photo::Photo};

/// What a tracker and its platform send: two widths of the length on one port.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(one_of, skip = b"\r\n")]
#[route(gateway, state = Photo)]
pub enum Packet<'a> {
    Short(Short<'a>),
    Long(Long<'a>),
    /// The general answer has the number of what it answers and no content.
    #[frame(sent)]
    Ack(Ack),
    #[frame(sent)]
    LongAck(LongAck),
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Packet<'_>, downlink = envelope)]
pub struct Short<'a> {
    #[wire(before(b"xx"), before(length: u8 = size(protocol..=crc)))]
    #[wire(before(protocol: u8 = tag(content)))]
    pub content: Content<'a>,
    #[wire(after(crc: u16 = crc("CRC-16/X-25", length..=serial)), after(b"\r\n"))]
    pub serial: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 2048)]
#[wire(endian = big)]
#[route(one_of = Packet<'_>)]
pub struct Long<'a> {
    #[wire(before(b"yy"), before(length: u16 = size(protocol..=crc)))]
    #[wire(before(protocol: u8 = tag(content)))]
    pub content: LongContent<'a>,
    #[wire(after(crc: u16 = crc("CRC-16/X-25", length..=serial)), after(b"\r\n"))]
    pub serial: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Packet<'_>, sent)]
pub struct Ack {
    #[wire(before(b"xx"), before(length: u8 = size(protocol..=crc)))]
    pub protocol: u8,
    #[wire(after(crc: u16 = crc("CRC-16/X-25", length..=serial)), after(b"\r\n"))]
    pub serial: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Packet<'_>, sent)]
pub struct LongAck {
    #[wire(before(b"yy"), before(length: u16 = size(protocol..=crc)))]
    pub protocol: u8,
    #[wire(after(crc: u16 = crc("CRC-16/X-25", length..=serial)), after(b"\r\n"))]
    pub serial: u16,
}

/// What a frame with `78 78` says, by its protocol number.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
#[route(publish("gt06/{client_id}/up/location", qos = 1), reply = acknowledge)]
pub enum Content<'a> {
    #[wire(tag = 0x01)]
    #[route(auth(client_id = "{imei}", username = "{imei}"), publish = none)]
    Login {
        imei: Imei,
        #[wire(if = left > 0)]
        model: Option<u16>,
        #[wire(if = left > 0)]
        zone: Option<Zone>,
    },

    #[wire(tag = 0x13)]
    #[route(publish("gt06/{client_id}/up/status"))]
    Heartbeat(Heartbeat<'a>),

    #[wire(tag = 0x23)]
    #[route(publish("gt06/{client_id}/up/status"))]
    Voltage {
        info: Info,
        #[wire(scale = 0.01, unit = "V")]
        voltage: u16,
        gsm: u8,
        alarm: u8,
        language: u8,
    },

    #[wire(tag = 0x10)]
    Gps {
        fix: Fix,
        #[wire(rest)]
        more: &'a [u8],
    },

    #[wire(tag = 0x11)]
    WideCell { fix: Fix, mcc: u16, mnc: u16, lac: u16, cid: u32 },

    #[wire(tag = 0x12 | 0x22)]
    Location {
        #[wire(tag)]
        protocol: u8,
        location: Location<'a>,
    },

    #[wire(tag = 0x1E)]
    CellFix {
        fix: Fix,
        network: Network,
        #[wire(size = 42)]
        cells: List<'a, Neighbour>,
        timing_advance: u8,
        language: u16,
    },

    /// Serials and times of a maker that wants no answer.
    #[wire(tag = 0x34)]
    #[route(reply = none)]
    Unanswered(Unanswered),

    #[wire(tag = 0x37)]
    Items {
        fix: Fix,
        cell: Cell,
        report: Report,
        #[wire(rest, lenient)]
        items: List<'a, Item<'a>>,
    },

    /// A picture was taken: its parts are asked for one after the other.
    #[wire(tag = 0x35)]
    #[route(publish("gt06/{client_id}/up/photo", qos = 1), reply = photo::first_part)]
    Photo {
        time: ByteTime<0>,
        fixed: u8,
        #[wire(scale = 0.000000555555556, unit = "deg")]
        lat: u32,
        #[wire(scale = 0.000000555555556, unit = "deg")]
        lon: u32,
        camera: u8,
        source: u8,
        format: u8,
        size: u32,
        id: u32,
    },

    #[wire(tag = 0x36)]
    #[route(publish("gt06/{client_id}/up/status", qos = 1), reply = photo::next_part)]
    Mixed(Mixed<'a>),

    #[wire(tag = 0x1A | 0x2A)]
    #[route(publish("gt06/{client_id}/up/ask/address", qos = 1), reply = no_address)]
    AskAddress {
        #[wire(tag)]
        protocol: u8,
        fix: Fix,
        #[wire(size = 21, fill = 0, as = Ascii)]
        phone: Text<'a>,
        alarm: u8,
        language: u8,
    },

    #[wire(tag = 0xF3)]
    #[route(publish("gt06/{client_id}/up/wifi", qos = 1), reply = none)]
    Wifi {
        time: ByteTime<0>,
        #[wire(count = prefix(u8))]
        stations: List<'a, Station>,
    },

    #[wire(tag = 0x94)]
    #[route(publish("gt06/{client_id}/up/information", qos = 1), reply = none)]
    Power {
        #[wire(scale = 0.01, unit = "V")]
        power: u16,
    },

    #[wire(tag = 0x31)]
    Altitude { fix: Fix, mcc: u16, mnc: u16, lac: u16, cid: u32, report: Report, mileage: u32, altitude: i16 },

    #[wire(tag = 0xA0)]
    Lte { fix: Fix, cell: LteCell, report: Report },

    #[wire(tag = 0x16 | 0x26)]
    #[route(publish("gt06/{client_id}/up/alarm", qos = 1))]
    Alarm {
        #[wire(tag)]
        protocol: u8,
        alarm: Alarm<'a>,
    },

    #[wire(tag = 0x27)]
    #[route(publish("gt06/{client_id}/up/alarm", qos = 1))]
    Fence {
        fix: Fix,
        #[wire(before(lbs: u8 = size(cell) + 1))]
        cell: Cell,
        status: Status,
        fence: u8,
    },

    #[wire(tag = 0xA4)]
    #[route(publish("gt06/{client_id}/up/alarm", qos = 1))]
    LteFence {
        fix: Fix,
        #[wire(before(lbs: u8 = size(cell) + 1))]
        cell: LteCell,
        status: Status,
        fence: u8,
    },

    #[wire(tag = 0x19)]
    #[route(publish("gt06/{client_id}/up/alarm", qos = 1))]
    CellAlarm { cell: Cell, status: Status },

    #[wire(tag = 0xA5)]
    #[route(publish("gt06/{client_id}/up/alarm", qos = 1))]
    LteCellAlarm { cell: LteCell, status: Status },

    #[wire(tag = 0x18 | 0x28 | 0x2C | 0x2E)]
    #[route(publish("gt06/{client_id}/up/cells", qos = 1))]
    Cells {
        #[wire(tag)]
        protocol: u8,
        time: ByteTime<0>,
        network: Network,
        #[wire(size = 42)]
        cells: List<'a, Neighbour>,
        timing_advance: u8,
        language: u16,
        #[wire(rest)]
        wifi: &'a [u8],
    },

    #[wire(tag = 0x15)]
    #[route(publish("gt06/{client_id}/up/answer", qos = 1))]
    Answer {
        #[wire(before(n: u8 = size(flag..=text)))]
        flag: u32,
        #[wire(as = Ascii)]
        text: Text<'a>,
        #[wire(rest)]
        language: &'a [u8],
    },

    #[wire(tag = 0x8A)]
    #[route(publish = none, reply = clock)]
    AskTime {
        #[wire(if = left > 0)]
        time: Option<ByteTime<0>>,
    },

    #[wire(tag = 0x80)]
    #[route(deliver("gt06/{client_id}/down/command", qos = 1))]
    Command {
        #[wire(before(n: u8 = size(flag..=text)))]
        flag: u32,
        #[wire(as = Ascii)]
        text: Text<'a>,
        #[wire(if = left > 0)]
        language: Option<u16>,
    },

    /// Commands in text that some devices send back as they are.
    #[wire(tag = 0x81 | 0x82)]
    #[route(publish("gt06/{client_id}/up/answer", qos = 1), reply = none)]
    Echo {
        #[wire(tag)]
        protocol: u8,
        #[wire(before(n: u8 = size(flag..=text)))]
        flag: u32,
        #[wire(as = Ascii)]
        text: Text<'a>,
        #[wire(if = left > 0)]
        language: Option<u16>,
    },

    #[wire(other)]
    #[route(publish("gt06/{client_id}/up/{protocol}", qos = 1))]
    Other {
        #[wire(tag)]
        protocol: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// What a frame with `79 79` says.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
#[route(login_elsewhere)]
pub enum LongContent<'a> {
    #[wire(tag = 0x21)]
    #[route(publish("gt06/{client_id}/up/answer", qos = 1))]
    Answer {
        flag: u32,
        coding: u8,
        #[wire(rest)]
        text: &'a [u8],
    },

    #[wire(tag = 0x94)]
    #[route(publish("gt06/{client_id}/up/information", qos = 1))]
    Information(Information<'a>),

    #[wire(tag = 0x9B)]
    #[route(publish("gt06/{client_id}/up/serial/{port}", qos = 1, payload = data))]
    Serial {
        port: u8,
        #[wire(rest)]
        data: &'a [u8],
    },

    #[wire(tag = 0x70)]
    #[route(publish("gt06/{client_id}/up/modules", qos = 1), reply = acknowledge_long)]
    Modules {
        #[wire(rest, lenient)]
        items: List<'a, WideItem<'a>>,
    },

    #[wire(tag = 0xF1 | 0xF2)]
    #[route(publish("gt06/{client_id}/up/{protocol}", qos = 1), reply = acknowledge_long)]
    Timed {
        #[wire(tag)]
        protocol: u8,
        #[wire(as = u32)]
        time: UnixSeconds,
        #[wire(rest, lenient)]
        items: List<'a, Item<'a>>,
    },

    /// The answer to a question for an address: there is none.
    #[wire(tag = 0x97)]
    #[route(sent)]
    Address {
        #[wire(before(n: u8 = size(text)))]
        flag: u32,
        #[wire(as = Ascii)]
        text: Text<'a>,
    },

    #[wire(tag = 0x32 | 0x33 | 0x41)]
    #[route(publish("gt06/{client_id}/up/{protocol}", qos = 1), reply = acknowledge_wide)]
    Extended {
        #[wire(tag)]
        protocol: u8,
        #[wire(rest)]
        data: &'a [u8],
    },

    #[wire(other)]
    #[route(publish("gt06/{client_id}/up/{protocol}", qos = 1))]
    Other {
        #[wire(tag)]
        protocol: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// The header before a downlink.
fn envelope<'a>(content: Content<'a>, _: &mut Cx<'_, Photo>) -> Short<'a> {
    Short { content, serial: 0 }
}

/// The general answer: number and serial of what it answers.
fn acknowledge(frame: &Short<'_>, _: &mut Cx<'_, Photo>, _: &Outcome) -> Packet<'static> {
    Packet::Ack(Ack { protocol: frame.content.tag() as u8, serial: frame.serial })
}

fn acknowledge_long(frame: &Long<'_>, _: &mut Cx<'_, Photo>, _: &Outcome) -> Packet<'static> {
    Packet::Ack(Ack { protocol: frame.content.tag() as u8, serial: frame.serial })
}

fn acknowledge_wide(frame: &Long<'_>, _: &mut Cx<'_, Photo>, _: &Outcome) -> Packet<'static> {
    Packet::LongAck(LongAck { protocol: frame.content.tag() as u8, serial: frame.serial })
}

/// 0x2A wants an address as text; 0x1A only to be acknowledged.
fn no_address(frame: &Short<'_>, cx: &mut Cx<'_, Photo>, outcome: &Outcome) -> Packet<'static> {
    if frame.content.tag() != 0x2A {
        return acknowledge(frame, cx, outcome);
    }
    let content = LongContent::Address { flag: 0, text: "NA&&NA&&0##".into() };
    Packet::Long(Long { content, serial: 0 })
}

/// 0x8A: the time in UTC.
fn clock(frame: &Short<'_>, cx: &mut Cx<'_, Photo>, _: &Outcome) -> Packet<'static> {
    let content = Content::AskTime { time: ByteTime::from_unix(cx.now / 1000) };
    Packet::Short(Short { content, serial: frame.serial })
}

/// A simulated tracker.
struct Tracker {
    imei: Imei,
    serial: u16,
}

impl Tracker {
    fn send(&mut self, content: Content<'_>, out: &mut Sender<'_, Packet<'static>>) {
        self.serial = self.serial.wrapping_add(1);
        out.send(&Packet::Short(Short { content, serial: self.serial }));
    }
}

impl Device<Packet<'static>> for Tracker {
    fn new(number: u32, _: &mut Random) -> Self {
        let imei = Bcd::from_number(860_000_000_000_000 + u64::from(number), 8);
        Self { imei: Imei(imei.expect("fifteen digits fit eight bytes")), serial: 0 }
    }

    fn start(&mut self, out: &mut Sender<'_, Packet<'static>>) {
        self.send(Content::Login { imei: self.imei, model: None, zone: None }, out);
    }

    fn received(&mut self, frame: &Packet<'_>, out: &mut Sender<'_, Packet<'static>>) {
        match frame {
            Packet::Ack(Ack { protocol: 0x01, .. }) => out.ready(),
            Packet::Ack(_) | Packet::LongAck(_) => {}
            Packet::Short(Short { content: Content::Command { flag, .. }, .. }) => {
                self.send(Content::Answer { flag: *flag, text: "OK!".into(), language: &[0, 2] }, out);
            }
            other => out.failed(&format!("unexpected {other:?}")),
        }
    }

    fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, Packet<'static>>) {
        if self.serial.is_multiple_of(5) {
            return self.send(Content::Heartbeat(Heartbeat::Status(random.make())), out);
        }
        let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs() as i64);
        let time = ByteTime::from_unix(now).unwrap_or_default();
        let lat = SignMagnitude::new(random.within(32_400_000..=95_400_000)).unwrap_or_default();
        let lon = SignMagnitude::new(random.within(131_400_000..=243_000_000)).unwrap_or_default();
        let fix = Fix { time, size: 12, lat, lon, ..random.make() };
        let network = Network { wide: false, mcc: 460, mnc: 0 };
        let cell = Cell { network, lac: 10_321, cid: random.within(1..=65_535) };
        let location = Location::Common { fix, cell, more: More::Report(random.make()) };
        self.send(Content::Location { protocol: 0x22, location }, out);
    }
}

fn main() -> std::process::ExitCode {
    App::<Packet>::new().port(5023).simulate::<Tracker>().main()
}
