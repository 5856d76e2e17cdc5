//! GT06, the protocol of Concox, Jimi and most of the cheap trackers for
//! vehicles, declared once and run as a gateway to MQTT.

use exproto_runtime::codec::{ByteTime, SignMagnitude, UnixSeconds};
use exproto_runtime::prelude::*;

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
pub enum Content<'a> {
    #[wire(tag = 0x01)]
    #[route(auth(client_id = "{imei}", username = "{imei}"), reply = acknowledge)]
    Login {
        imei: Imei,
        #[wire(if = left > 0)]
        model: Option<u16>,
        #[wire(if = left > 0)]
        zone: Option<Zone>,
    },

    #[wire(tag = 0x13)]
    #[route(publish("gt06/{client_id}/up/status"), reply = acknowledge)]
    Heartbeat(Heartbeat<'a>),

    #[wire(tag = 0x23)]
    #[route(publish("gt06/{client_id}/up/status"), reply = acknowledge)]
    Voltage {
        info: Info,
        #[wire(scale = 0.01, unit = "V")]
        voltage: u16,
        gsm: u8,
        alarm: u8,
        language: u8,
    },

    #[wire(tag = 0x10)]
    #[route(publish("gt06/{client_id}/up/location", qos = 1), reply = acknowledge)]
    Gps {
        fix: Fix,
        #[wire(rest)]
        more: &'a [u8],
    },

    #[wire(tag = 0x11)]
    #[route(publish("gt06/{client_id}/up/location", qos = 1), reply = acknowledge)]
    WideCell { fix: Fix, mcc: u16, mnc: u16, lac: u16, cid: u32 },

    #[wire(tag = 0x12 | 0x22)]
    #[route(publish("gt06/{client_id}/up/location", qos = 1), reply = acknowledge)]
    Location {
        #[wire(tag)]
        protocol: u8,
        location: Location<'a>,
    },

    #[wire(tag = 0x1E)]
    #[route(publish("gt06/{client_id}/up/location", qos = 1), reply = acknowledge)]
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
    #[route(publish("gt06/{client_id}/up/location", qos = 1))]
    Unanswered(Unanswered),

    #[wire(tag = 0x37)]
    #[route(publish("gt06/{client_id}/up/location", qos = 1), reply = acknowledge)]
    Items {
        fix: Fix,
        cell: Cell,
        report: Report,
        #[wire(rest, lenient)]
        items: List<'a, Item<'a>>,
    },

    /// A picture was taken: its parts are asked for one after the other.
    #[wire(tag = 0x35)]
    #[route(publish("gt06/{client_id}/up/photo", qos = 1), reply = first_part)]
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
    #[route(publish("gt06/{client_id}/up/status", qos = 1), reply = next_part)]
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
    #[route(publish("gt06/{client_id}/up/wifi", qos = 1))]
    Wifi {
        time: ByteTime<0>,
        #[wire(count = prefix(u8))]
        stations: List<'a, Station>,
    },

    #[wire(tag = 0x94)]
    #[route(publish("gt06/{client_id}/up/information", qos = 1))]
    Power {
        #[wire(scale = 0.01, unit = "V")]
        power: u16,
    },

    #[wire(tag = 0x31)]
    #[route(publish("gt06/{client_id}/up/location", qos = 1), reply = acknowledge)]
    Altitude { fix: Fix, mcc: u16, mnc: u16, lac: u16, cid: u32, report: Report, mileage: u32, altitude: i16 },

    #[wire(tag = 0xA0)]
    #[route(publish("gt06/{client_id}/up/location", qos = 1), reply = acknowledge)]
    Lte { fix: Fix, cell: LteCell, report: Report },

    #[wire(tag = 0x16 | 0x26)]
    #[route(publish("gt06/{client_id}/up/alarm", qos = 1), reply = acknowledge)]
    Alarm {
        #[wire(tag)]
        protocol: u8,
        alarm: Alarm<'a>,
    },

    #[wire(tag = 0x27)]
    #[route(publish("gt06/{client_id}/up/alarm", qos = 1), reply = acknowledge)]
    Fence {
        fix: Fix,
        #[wire(before(lbs: u8 = size(cell) + 1))]
        cell: Cell,
        status: Status,
        fence: u8,
    },

    #[wire(tag = 0xA4)]
    #[route(publish("gt06/{client_id}/up/alarm", qos = 1), reply = acknowledge)]
    LteFence {
        fix: Fix,
        #[wire(before(lbs: u8 = size(cell) + 1))]
        cell: LteCell,
        status: Status,
        fence: u8,
    },

    #[wire(tag = 0x19)]
    #[route(publish("gt06/{client_id}/up/alarm", qos = 1), reply = acknowledge)]
    CellAlarm { cell: Cell, status: Status },

    #[wire(tag = 0xA5)]
    #[route(publish("gt06/{client_id}/up/alarm", qos = 1), reply = acknowledge)]
    LteCellAlarm { cell: LteCell, status: Status },

    #[wire(tag = 0x18 | 0x28 | 0x2C | 0x2E)]
    #[route(publish("gt06/{client_id}/up/cells", qos = 1), reply = acknowledge)]
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
    #[route(publish("gt06/{client_id}/up/answer", qos = 1), reply = acknowledge)]
    Answer {
        #[wire(before(n: u8 = size(flag..=text)))]
        flag: u32,
        #[wire(as = Ascii)]
        text: Text<'a>,
        #[wire(rest)]
        language: &'a [u8],
    },

    #[wire(tag = 0x8A)]
    #[route(reply = clock)]
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
    #[route(publish("gt06/{client_id}/up/answer", qos = 1))]
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
    #[route(publish("gt06/{client_id}/up/{protocol}", qos = 1), reply = acknowledge)]
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
    /// Degrees times 1 800 000, without a sign.
    #[wire(scale = 0.000000555555556, unit = "deg", range = 0..=162_000_000)]
    pub lat: u32,
    #[wire(scale = 0.000000555555556, unit = "deg", range = 0..=324_000_000)]
    pub lon: u32,
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
    #[wire(bits = 1)]
    pub west: bool,
    #[wire(bits = 1)]
    pub north: bool,
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
    #[wire(if = !wide)]
    pub mnc: Option<u8>,
    #[wire(if = wide)]
    pub wide_mnc: Option<u16>,
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

/// The picture that is being fetched from a device.
#[derive(Debug, Default)]
pub struct Photo {
    id: u32,
    size: u32,
}

impl Photo {
    /// The question for what stands at an offset, if anything does.
    fn ask(&self, offset: u32) -> Option<Packet<'static>> {
        let size = u16::try_from(self.size.checked_sub(offset)?.min(1024)).unwrap_or(1024);
        let content = Content::Mixed(Mixed::Ask { id: self.id, offset, size });
        (size > 0).then_some(Packet::Short(Short { content, serial: 0 }))
    }
}

/// The client id is the IMEI without the zero before it.
impl TopicValue for Imei {
    fn put(&self, out: &mut String) {
        let digits = self.0.to_string();
        out.push_str(digits.strip_prefix('0').unwrap_or(&digits));
    }
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

fn first_part(frame: &Short<'_>, cx: &mut Cx<'_, Photo>, _: &Outcome) -> Option<Packet<'static>> {
    let Content::Photo { id, size, .. } = frame.content else { return None };
    *cx.state = Photo { id, size };
    cx.state.ask(0)
}

fn next_part(frame: &Short<'_>, cx: &mut Cx<'_, Photo>, _: &Outcome) -> Option<Packet<'static>> {
    match frame.content {
        Content::Mixed(Mixed::Part { id, offset, data }) if id == cx.state.id => {
            cx.state.ask(offset.checked_add(u32::try_from(data.len()).ok()?)?)
        }
        Content::Mixed(Mixed::Part { .. } | Mixed::Ask { .. }) => None,
        _ => Some(Packet::Ack(Ack { protocol: frame.content.tag() as u8, serial: frame.serial })),
    }
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
fn clock(frame: &Short<'_>, _: &mut Cx<'_, Photo>, _: &Outcome) -> Packet<'static> {
    Packet::Short(Short { content: Content::AskTime { time: now() }, serial: frame.serial })
}

fn now() -> Option<ByteTime<0>> {
    ByteTime::from_unix(std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs() as i64))
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
        let fix = Fix { time: now().unwrap_or_default(), size: 12, ..random.make() };
        let network = Network { wide: false, mcc: 460, mnc: Some(0), wide_mnc: None };
        let cell = Cell { network, lac: 10_321, cid: random.within(1..=65_535) };
        let location = Location::Common { fix, cell, more: More::Report(random.make()) };
        self.send(Content::Location { protocol: 0x22, location }, out);
    }
}

fn main() -> std::process::ExitCode {
    App::<Packet>::new().port(5023).simulate::<Tracker>().main()
}
