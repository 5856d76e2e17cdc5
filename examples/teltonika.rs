//! Teltonika's trackers over TCP and UDP, codecs 7, 8, 8 extended, 16 and 12 to
//! 15, declared once and run as a gateway to MQTT.

use exproto_runtime::codec::{Latin1, UnixMillis, UnixSeconds};
use exproto_runtime::prelude::*;

#[path = "teltonika/udp.rs"]
pub mod udp;

/// What stands on a connection or in a datagram. A hello begins with the size of
/// an IMEI, a packet with zeros, a datagram with its size and, in the fifth byte, 1.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(one_of)]
#[route(gateway)]
pub enum Port<'a> {
    #[frame(first, lead = [0x00, 0x01..=0xFF, b'0'..=b'9', b'0'..=b'9', b'0'..=b'9'])]
    Hello(Hello<'a>),
    #[frame(lead = [0x00, 0x00, 0x00, 0x00, 0x00])]
    Packet(Packet<'a>),
    KeepAlive(KeepAlive),
    #[frame(lead = [0x00..=0x07, _, _, _, 0x01, _, 0x00, 0x0F, b'0'..=b'9', b'0'..=b'9'])]
    Datagram(udp::Datagram<'a>),
    #[frame(sent, first)]
    Welcome(Welcome),
    #[frame(sent)]
    Noted(udp::Noted),
    #[frame(sent)]
    Taken(Taken),
}

/// Who the device is.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Port<'_>, auth(client_id = "{imei}", username = "{imei}"), reply = welcome)]
pub struct Hello<'a> {
    #[wire(size = prefix(u16), as = Ascii)]
    pub imei: Text<'a>,
}

/// One byte now and then.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(before(b"\xFF"))]
#[route(one_of = Port<'_>, heartbeat)]
pub struct KeepAlive {}

/// The answer to the hello: 1 is yes, 0 is no.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[route(one_of = Port<'_>, sent)]
pub struct Welcome {
    pub accepted: u8,
}

/// The answer to records: how many the gateway has taken.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Port<'_>, sent)]
pub struct Taken {
    pub records: u32,
}

/// Everything after the hello, in both directions.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 8192)]
#[wire(endian = big)]
#[route(one_of = Port<'_>, downlink = envelope)]
pub struct Packet<'a> {
    #[wire(before(preamble: u32 = 0))]
    #[wire(before(length: u32 = size(codec..=body)))]
    #[wire(before(codec: u8 = tag(body)))]
    #[wire(after(check: u32 = crc("CRC-16/ARC", codec..)))]
    pub body: Body<'a>,
}

/// What a packet holds, by its codec; the count stands before and after.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
#[route(login_elsewhere)]
pub enum Body<'a> {
    #[wire(tag = 0x07)]
    #[route(publish("teltonika/{client_id}/up/record", qos = 1, each = records), reply = taken)]
    Codec7 {
        #[wire(before(n: u8 = count(records)), after(again: u8 = count(records)))]
        records: List<'a, Record7<'a>>,
    },

    #[wire(tag = 0x08)]
    #[route(publish("teltonika/{client_id}/up/record", qos = 1, each = records), reply = taken)]
    Codec8 {
        #[wire(before(n: u8 = count(records)), after(again: u8 = count(records)))]
        records: List<'a, Record8<'a>>,
    },

    #[wire(tag = 0x8E)]
    #[route(publish("teltonika/{client_id}/up/record", qos = 1, each = records), reply = taken)]
    Codec8E {
        #[wire(before(n: u8 = count(records)), after(again: u8 = count(records)))]
        records: List<'a, Record8E<'a>>,
    },

    #[wire(tag = 0x10)]
    #[route(publish("teltonika/{client_id}/up/record", qos = 1, each = records), reply = taken)]
    Codec16 {
        #[wire(before(n: u8 = count(records)), after(again: u8 = count(records)))]
        records: List<'a, Record16<'a>>,
    },

    #[wire(tag = 0x0C)]
    #[route(publish("teltonika/{client_id}/up/message", qos = 1))]
    #[route(deliver("teltonika/{client_id}/down/command", qos = 1))]
    Codec12 {
        #[wire(before(n: u8 = 1), before(kind: u8 = tag(message)), before(size: u32 = size(message)))]
        #[wire(after(again: u8 = 1))]
        message: Message<'a>,
    },

    #[wire(tag = 0x0D)]
    #[route(publish("teltonika/{client_id}/up/message", qos = 1))]
    Codec13 {
        #[wire(before(n: u8 = 1), before(kind: u8 = tag(message)), before(size: u32 = size(time..=message)))]
        #[wire(as = u32)]
        time: UnixSeconds,
        #[wire(after(again: u8 = 1))]
        message: Message<'a>,
    },

    /// Codec 12 with the IMEI of the device that is meant.
    #[wire(tag = 0x0E)]
    #[route(publish("teltonika/{client_id}/up/message", qos = 1))]
    #[route(deliver("teltonika/{client_id}/down/command/meant", qos = 1))]
    Codec14 {
        #[wire(before(n: u8 = 1), before(kind: u8 = tag(message)), before(size: u32 = size(imei..=message)))]
        #[wire(size = 8)]
        imei: Bcd<8>,
        #[wire(after(again: u8 = 1))]
        message: Message<'a>,
    },

    #[wire(tag = 0x0F)]
    #[route(publish("teltonika/{client_id}/up/message", qos = 1))]
    Codec15 {
        #[wire(before(n: u8 = 1), before(kind: u8 = tag(message)), before(size: u32 = size(time..=message)))]
        #[wire(as = u32)]
        time: UnixSeconds,
        #[wire(size = 8)]
        imei: Bcd<8>,
        #[wire(after(again: u8 = 1))]
        message: Message<'a>,
    },

    #[wire(other)]
    #[route(publish("teltonika/{client_id}/up/codec/{codec}", qos = 1), reply = taken)]
    Other {
        #[wire(tag)]
        codec: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// A line of text to or from a device.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub enum Message<'a> {
    #[wire(tag = 5)]
    Command(#[wire(rest, as = Latin1)] Text<'a>),
    #[wire(tag = 6)]
    Answer(#[wire(rest, as = Latin1)] Text<'a>),
    /// The command had the IMEI of another device.
    #[wire(tag = 0x11)]
    Refused(#[wire(rest, as = Latin1)] Text<'a>),
    #[wire(other)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// When and where.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Fix {
    #[wire(as = u64)]
    pub time: UnixMillis,
    pub priority: Priority,
    #[wire(scale = 1e-7, unit = "deg", range = -1_800_000_000..=1_800_000_000)]
    pub lon: i32,
    #[wire(scale = 1e-7, unit = "deg", range = -900_000_000..=900_000_000)]
    pub lat: i32,
    #[wire(unit = "m")]
    pub altitude: i16,
    #[wire(unit = "deg", range = 0..=360)]
    pub course: u16,
    pub satellites: u8,
    #[wire(unit = "km/h")]
    pub speed: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
pub enum Priority {
    #[wire(tag = 0)]
    Low,
    #[wire(tag = 1)]
    High,
    #[wire(tag = 2)]
    Panic,
    #[wire(other)]
    Other(u8),
}

/// A record of codec 7: masks say which parts it has.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Record7<'a> {
    #[wire(bits = 2)]
    pub priority: u8,
    #[wire(bits = 30)]
    pub time: UnixSeconds<1_167_609_600>,
    #[wire(before(_: bits(4)), before(fours: bits(1) = present(four)), before(twos: bits(1) = present(two)))]
    #[wire(before(ones: bits(1) = present(one)), before(placed: bits(1) = present(place)))]
    pub place: Option<Place>,
    pub one: Option<Ones<'a>>,
    pub two: Option<Twos<'a>>,
    pub four: Option<Fours<'a>>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Place {
    #[wire(before(operators: bits(1) = present(operator)), before(signals: bits(1) = present(signal)))]
    #[wire(before(cells: bits(1) = present(cell)), before(counted: bits(1) = present(satellites)))]
    #[wire(before(moving: bits(1) = present(speed)), before(turned: bits(1) = present(course)))]
    #[wire(before(high: bits(1) = present(altitude)), before(fixed: bits(1) = present(fix)))]
    pub fix: Option<Degrees>,
    #[wire(unit = "m")]
    pub altitude: Option<i16>,
    #[wire(scale = 1.40625, unit = "deg")]
    pub course: Option<u8>,
    #[wire(unit = "km/h")]
    pub speed: Option<u8>,
    pub satellites: Option<u8>,
    pub cell: Option<Cell>,
    pub signal: Option<u8>,
    pub operator: Option<u32>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Degrees {
    pub lat: f32,
    pub lon: f32,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Cell {
    pub lac: u16,
    pub id: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub struct Ones<'a>(#[wire(count = prefix(u8), ctx(width = 1_usize))] pub List<'a, Short>);

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub struct Twos<'a>(#[wire(count = prefix(u8), ctx(width = 2_usize))] pub List<'a, Short>);

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub struct Fours<'a>(#[wire(count = prefix(u8), ctx(width = 4_usize))] pub List<'a, Short>);

/// A record of codec 8: ids of one byte.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub struct Record8<'a> {
    pub fix: Fix,
    pub event: u8,
    pub ids: u8,
    #[wire(count = prefix(u8), ctx(width = 1_usize))]
    pub one: List<'a, Short>,
    #[wire(count = prefix(u8), ctx(width = 2_usize))]
    pub two: List<'a, Short>,
    #[wire(count = prefix(u8), ctx(width = 4_usize))]
    pub four: List<'a, Short>,
    #[wire(count = prefix(u8), ctx(width = 8_usize))]
    pub eight: List<'a, Short>,
}

/// A record of codec 8 extended: everything of two bytes, and values of any size.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Record8E<'a> {
    pub fix: Fix,
    pub event: u16,
    pub ids: u16,
    #[wire(count = prefix(u16), ctx(width = 1_usize))]
    pub one: List<'a, Long>,
    #[wire(count = prefix(u16), ctx(width = 2_usize))]
    pub two: List<'a, Long>,
    #[wire(count = prefix(u16), ctx(width = 4_usize))]
    pub four: List<'a, Long>,
    #[wire(count = prefix(u16), ctx(width = 8_usize))]
    pub eight: List<'a, Long>,
    #[wire(count = prefix(u16))]
    pub more: List<'a, Bytes<'a>>,
}

/// A record of codec 16: ids of two bytes, and why it was made.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Record16<'a> {
    pub fix: Fix,
    pub event: u16,
    pub cause: Cause,
    pub ids: u8,
    #[wire(count = prefix(u8), ctx(width = 1_usize))]
    pub one: List<'a, Long>,
    #[wire(count = prefix(u8), ctx(width = 2_usize))]
    pub two: List<'a, Long>,
    #[wire(count = prefix(u8), ctx(width = 4_usize))]
    pub four: List<'a, Long>,
    #[wire(count = prefix(u8), ctx(width = 8_usize))]
    pub eight: List<'a, Long>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
pub enum Cause {
    #[wire(tag = 0)]
    Exit,
    #[wire(tag = 1)]
    Entrance,
    #[wire(tag = 2)]
    Both,
    #[wire(tag = 4)]
    Hysteresis,
    #[wire(tag = 5)]
    Change,
    #[wire(tag = 6)]
    Event,
    #[wire(tag = 7)]
    Periodic,
    #[wire(other)]
    Other(u8),
}

/// A value of as many bytes as its group says.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, ctx(width: usize))]
pub struct Short {
    pub id: u8,
    #[wire(size = width)]
    pub value: u64,
}

/// The same with an id of two bytes.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, ctx(width: usize))]
pub struct Long {
    pub id: u16,
    #[wire(size = width)]
    pub value: u64,
}

/// A value that says its size.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Bytes<'a> {
    pub id: u16,
    #[wire(size = prefix(u16))]
    pub value: &'a [u8],
}

/// A command before it goes to the device.
fn envelope<'a>(body: Body<'a>, _: &mut Cx<'_, ()>) -> Packet<'a> {
    Packet { body }
}

fn welcome(_: &Hello<'_>, _: &mut Cx<'_, ()>, outcome: &Outcome) -> Port<'static> {
    Port::Welcome(Welcome { accepted: outcome.pick(1, 0) })
}

/// The device keeps what the broker did not take and sends it again.
fn taken(frame: &Packet<'_>, _: &mut Cx<'_, ()>, outcome: &Outcome) -> Port<'static> {
    let records = match &frame.body {
        Body::Codec7 { records } => records.len(),
        Body::Codec8 { records } => records.len(),
        Body::Codec8E { records } => records.len(),
        Body::Codec16 { records } => records.len(),
        // The first byte of every packet is its count.
        Body::Other { data, .. } => data.first().copied().map_or(0, usize::from),
        Body::Codec12 { .. } | Body::Codec13 { .. } | Body::Codec14 { .. } | Body::Codec15 { .. } => 0,
    };
    Port::Taken(Taken { records: outcome.pick(records as u32, 0) })
}

/// A simulated tracker.
struct Tracker {
    number: u32,
}

impl Device<Port<'static>> for Tracker {
    fn new(number: u32, _: &mut Random) -> Self {
        Self { number }
    }

    fn start(&mut self, out: &mut Sender<'_, Port<'static>>) {
        let imei = format!("35{:013}", self.number);
        out.send(&Port::Hello(Hello { imei: imei.as_str().into() }));
        out.ready();
    }

    fn received(&mut self, frame: &Port<'_>, out: &mut Sender<'_, Port<'static>>) {
        if let Port::Packet(Packet { body: Body::Codec12 { message: Message::Command(text) } }) = frame {
            let message = Message::Answer(*text);
            out.send(&Port::Packet(Packet { body: Body::Codec12 { message } }));
        }
    }

    fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, Port<'static>>) {
        let record = Record8 {
            ids: 2,
            one: vec![Short { id: 239, value: 1 }].into(),
            two: vec![Short { id: 66, value: random.within(11_000..=14_400) }].into(),
            four: List::default(),
            eight: List::default(),
            ..random.make()
        };
        out.send(&Port::Packet(Packet { body: Body::Codec8 { records: vec![record].into() } }));
    }
}

fn main() -> std::process::ExitCode {
    App::<Port>::new().port(5027).simulate::<Tracker>().main()
}
