//! JT/T 808, the protocol of trucks, buses and taxis in China, declared once
//! and run as a gateway to MQTT.

use exproto_runtime::prelude::*;

#[path = "jt808/emqx.rs"]
mod emqx;

/// China Standard Time, the zone of all times in the protocol.
const CST: i32 = 8 * 60;

/// A message of either direction (JT/T 808-2019, section 4.4).
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(
    flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 4096,
    reassemble(key = (phone, tag(body)), index = part.index, total = part.total, into = body)
)]
#[wire(endian = big)]
#[route(gateway, state = Terminal, downlink = envelope, missing = resend, profiles(emqx))]
pub struct Message<'a> {
    #[wire(before(id: u16 = tag(body)))]
    #[wire(before(_: bits(1)))]
    #[wire(before(versioned: bits(1) = present(version)))]
    #[wire(before(segmented: bits(1) = present(part)))]
    #[wire(bits = 3)]
    pub encryption: Encryption,
    /// The protocol version, since 2019.
    #[wire(before(length: bits(10) = size(body)))]
    pub version: Option<u8>,
    #[wire(size = if version.is_some() { 10 } else { 6 })]
    pub phone: Bcd<10>,
    pub serial: u16,
    pub part: Option<Part>,
    #[wire(ctx(v2019 = version.is_some()), opaque = part.is_some() || encryption != Encryption::None)]
    #[wire(after(check: u8 = xor(id..)))]
    pub body: Body<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Part {
    pub total: u16,
    pub index: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
pub enum Encryption {
    #[wire(tag = 0)]
    None,
    #[wire(tag = 1)]
    Rsa,
    #[wire(other)]
    Other(u8),
}

/// What a message says, by its id (table B.1).
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient, ctx(v2019: bool))]
#[route(profile = emqx, publish("jt808/{client_id}/{phone}/up", qos = 1, payload = with(emqx::up)))]
#[route(profile = emqx, deliver("jt808/{client_id}/{login.phone}/dn", qos = 1, payload = with(emqx::down)))]
pub enum Body<'a> {
    #[wire(tag = 0x0001)]
    #[route(answers = serial, publish("jt808/{phone}/up/answer/{request}", qos = 1))]
    #[route(profile = emqx, publish = none)]
    TerminalAck { serial: u16, id: u16, result: u8 },

    #[wire(tag = 0x0002)]
    #[route(heartbeat, reply = acknowledge)]
    Heartbeat,

    #[wire(tag = 0x0003)]
    #[route(close("logged out"), reply = acknowledge)]
    Logout,

    #[wire(tag = 0x0100)]
    #[route(reply = welcome)]
    Register(#[wire(ctx(v2019))] Register<'a>),

    #[wire(tag = 0x0102)]
    #[route(auth(client_id = "{phone}", username = "{phone}", password = "{0}", keep(phone)), with = remember, reply = acknowledge)]
    Authenticate(#[wire(ctx(v2019))] Authenticate<'a>),

    #[wire(tag = 0x0104)]
    #[route(answers = serial, publish("jt808/{phone}/up/parameters", qos = 1))]
    Parameters {
        serial: u16,
        #[wire(before(n: u8 = count(list)))]
        list: List<'a, Parameter<'a>>,
    },

    #[wire(tag = 0x0200)]
    #[route(publish("jt808/{phone}/up/location", qos = 1), reply = acknowledge)]
    Location(Location<'a>),

    #[wire(tag = 0x0704)]
    #[route(publish("jt808/{phone}/up/location", qos = 1, each = items), reply = acknowledge)]
    Batch {
        #[wire(before(n: u16 = count(items)))]
        kind: BatchKind,
        items: List<'a, BatchItem<'a>>,
    },

    #[wire(tag = 0x8001)]
    #[route(sent)]
    PlatformAck { serial: u16, id: u16, result: u8 },

    #[wire(tag = 0x8003)]
    #[route(sent)]
    Resend(#[wire(ctx(v2019))] Resend),

    #[wire(tag = 0x8100)]
    #[route(sent)]
    RegisterAck {
        serial: u16,
        result: u8,
        #[wire(if = result == 0, rest, as = Gbk)]
        code: Option<Text<'a>>,
    },

    #[wire(tag = 0x8103)]
    #[route(deliver("jt808/{client_id}/down/set_parameters", qos = 1, answer = serial))]
    SetParameters {
        #[wire(before(n: u8 = count(list)))]
        list: List<'a, Parameter<'a>>,
    },

    #[wire(tag = 0x8104)]
    #[route(deliver("jt808/{client_id}/down/query_parameters", qos = 1, answer = serial))]
    QueryParameters,

    #[wire(tag = 0x8300)]
    #[route(deliver("jt808/{client_id}/down/text", qos = 1, answer = serial))]
    Text {
        flags: u8,
        #[wire(if = v2019)]
        kind: Option<u8>,
        #[wire(rest, as = Gbk)]
        text: Text<'a>,
    },

    #[wire(other)]
    #[route(publish("jt808/{phone}/up/{id}", qos = 1), reply = acknowledge)]
    Other {
        #[wire(tag)]
        id: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, ctx(v2019: bool))]
pub enum Register<'a> {
    #[wire(when = v2019)]
    V2019 {
        province: u16,
        city: u16,
        #[wire(size = 11, fill = 0, as = Gbk)]
        maker: Text<'a>,
        #[wire(size = 30, fill = 0, as = Gbk)]
        model: Text<'a>,
        #[wire(size = 30, fill = 0, as = Gbk)]
        terminal: Text<'a>,
        colour: u8,
        #[wire(rest, as = Gbk)]
        plate: Text<'a>,
    },
    #[wire(when = left >= 37)]
    V2013 {
        province: u16,
        city: u16,
        #[wire(size = 5, fill = 0, as = Gbk)]
        maker: Text<'a>,
        #[wire(size = 20, fill = 0, as = Gbk)]
        model: Text<'a>,
        #[wire(size = 7, fill = 0, as = Gbk)]
        terminal: Text<'a>,
        colour: u8,
        #[wire(rest, as = Gbk)]
        plate: Text<'a>,
    },
    V2011 {
        province: u16,
        city: u16,
        #[wire(size = 5, fill = 0, as = Gbk)]
        maker: Text<'a>,
        #[wire(size = 8, fill = 0, as = Gbk)]
        model: Text<'a>,
        #[wire(size = 7, fill = 0, as = Gbk)]
        terminal: Text<'a>,
        colour: u8,
        #[wire(rest, as = Gbk)]
        plate: Text<'a>,
    },
}

/// The serial number of a message's first segment, and which segments it lacks.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, ctx(v2019: bool))]
pub enum Resend {
    #[wire(when = v2019)]
    V2019(u16, #[wire(count = prefix(u16))] Vec<u16>),
    V2013(u16, #[wire(count = prefix(u8))] Vec<u16>),
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(lenient, ctx(v2019: bool))]
pub enum Authenticate<'a> {
    #[wire(when = v2019)]
    V2019 {
        #[wire(size = prefix(u8), as = Gbk)]
        code: Text<'a>,
        #[wire(size = 15, fill = 0, as = Ascii)]
        imei: Text<'a>,
        #[wire(size = 20, fill = 0, as = Gbk)]
        software: Text<'a>,
    },
    V2013 {
        #[wire(rest, as = Gbk)]
        code: Text<'a>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Location<'a> {
    pub alarm: u32,
    pub status: u32,
    #[wire(scale = 1e-6, unit = "deg", range = 0..=90_000_000)]
    pub lat: u32,
    #[wire(scale = 1e-6, unit = "deg", range = 0..=180_000_000)]
    pub lon: u32,
    #[wire(unit = "m")]
    pub altitude: u16,
    #[wire(scale = 0.1, unit = "km/h")]
    pub speed: u16,
    #[wire(unit = "deg", range = 0..=360)]
    pub course: u16,
    #[wire(size = 6)]
    pub time: BcdTime<CST>,
    #[wire(rest, lenient)]
    pub items: List<'a, Item<'a>>,
}

/// Additional information: id, length, value.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub struct Item<'a>(
    #[wire(before(id: u8 = tag(0)))]
    #[wire(before(length: u8 = size(0)))]
    pub ItemValue<'a>,
);

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
pub enum ItemValue<'a> {
    #[wire(tag = 0x01)]
    Mileage(#[wire(scale = 0.1, unit = "km")] u32),
    #[wire(tag = 0x02)]
    Fuel(#[wire(scale = 0.1, unit = "L")] u16),
    #[wire(tag = 0x03)]
    RecorderSpeed(#[wire(scale = 0.1, unit = "km/h")] u16),
    #[wire(tag = 0x30)]
    SignalStrength(u8),
    #[wire(tag = 0x31)]
    Satellites(u8),
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
pub enum BatchKind {
    #[wire(tag = 0)]
    Normal,
    #[wire(tag = 1)]
    BlindZone,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct BatchItem<'a>(#[wire(size = prefix(u16))] pub Location<'a>);

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Parameter<'a> {
    pub id: u32,
    #[wire(size = prefix(u8))]
    pub value: &'a [u8],
}

/// What the gateway remembers of a device: the header it writes itself.
#[derive(Debug, Default)]
pub struct Terminal {
    version: Option<u8>,
    phone: Bcd<10>,
}

impl TopicValue for Authenticate<'_> {
    fn put(&self, out: &mut String) {
        let (Authenticate::V2019 { code, .. } | Authenticate::V2013 { code }) = self;
        code.put(out);
    }
}

/// Keeps the form of the header that the device uses.
fn remember(frame: &Message<'_>, cx: &mut Cx<'_, Terminal>, _: &mut Asks<'_>) {
    *cx.state = Terminal { version: frame.version, phone: frame.phone };
}

/// The header before a downlink.
fn envelope<'a>(body: Body<'a>, cx: &mut Cx<'_, Terminal>) -> Message<'a> {
    let Terminal { version, phone } = *cx.state;
    Message { encryption: Encryption::None, version, phone, serial: cx.next_serial(), part: None, body }
}

/// 0x8001: the platform's general answer.
fn acknowledge<'a>(frame: &Message<'a>, cx: &mut Cx<'_, Terminal>, outcome: &Outcome) -> Message<'a> {
    let body =
        Body::PlatformAck { serial: frame.serial, id: frame.body.tag() as u16, result: outcome.pick(0, 1) };
    Message { serial: cx.next_serial(), part: None, encryption: Encryption::None, body, ..*frame }
}

/// 0x8100: the answer to a registration, with the code to log in with.
fn welcome<'a>(frame: &Message<'a>, cx: &mut Cx<'_, Terminal>, _: &Outcome) -> Message<'a> {
    let body = Body::RegisterAck { serial: frame.serial, result: 0, code: Some("exproto".into()) };
    Message { serial: cx.next_serial(), part: None, body, ..*frame }
}

/// 0x8003: segments have serial numbers that follow each other.
fn resend<'a>(frame: &Message<'a>, cx: &mut Cx<'_, Terminal>, parts: &Parts<'_>) -> Message<'a> {
    let first = frame.serial.wrapping_sub(parts.number() as u16).wrapping_add(1);
    let missing = parts.missing().take(u8::MAX.into()).map(|index| index as u16).collect();
    let body = Body::Resend(match frame.version {
        Some(_) => Resend::V2019(first, missing),
        None => Resend::V2013(first, missing),
    });
    Message { serial: cx.next_serial(), part: None, encryption: Encryption::None, body, ..*frame }
}

/// A simulated truck: what a device says, and how it answers.
struct Truck {
    phone: Bcd<10>,
    serial: u16,
}

impl Truck {
    fn send(&mut self, body: Body<'_>, out: &mut Sender<'_, Message<'static>>) {
        self.serial = self.serial.wrapping_add(1);
        let (phone, serial) = (self.phone, self.serial);
        out.send(&Message {
            encryption: Encryption::None,
            version: Some(1),
            phone,
            serial,
            part: None,
            body,
        });
    }
}

impl Device<Message<'static>> for Truck {
    fn new(number: u32, _: &mut Random) -> Self {
        let phone = Bcd::from_number(13_900_000_000 + u64::from(number), 10);
        Self { phone: phone.expect("eleven digits fit ten bytes"), serial: 0 }
    }

    fn start(&mut self, out: &mut Sender<'_, Message<'static>>) {
        let register = Register::V2019 {
            province: 44,
            city: 300,
            maker: "exproto".into(),
            model: "simulated".into(),
            terminal: "truck".into(),
            colour: 2,
            plate: "粤B12345".into(),
        };
        self.send(Body::Register(register), out);
    }

    fn received(&mut self, frame: &Message<'_>, out: &mut Sender<'_, Message<'static>>) {
        match &frame.body {
            Body::RegisterAck { result: 0, code: Some(code), .. } => {
                let (imei, software) = ("860000000000001".into(), "1.0".into());
                let login = Authenticate::V2019 { code: *code, imei, software };
                self.send(Body::Authenticate(login), out);
            }
            Body::PlatformAck { id: 0x0102, result: 0, .. } => out.ready(),
            Body::PlatformAck { result: 0, .. } => {}
            Body::QueryParameters => {
                let list = vec![Parameter { id: 0x0001, value: &[0, 0, 0, 60] }].into();
                self.send(Body::Parameters { serial: frame.serial, list }, out);
            }
            Body::SetParameters { .. } | Body::Text { .. } => {
                let (serial, id) = (frame.serial, frame.body.tag() as u16);
                self.send(Body::TerminalAck { serial, id, result: 0 }, out);
            }
            other => out.failed(&format!("unexpected {other:?}")),
        }
    }

    fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, Message<'static>>) {
        if self.serial.is_multiple_of(10) {
            return self.send(Body::Heartbeat, out);
        }
        let now = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs() as i64);
        let items = vec![
            Item(ItemValue::Mileage(random.within(0..=5_000_000))),
            Item(ItemValue::Satellites(random.within(4..=20))),
        ];
        let time = BcdTime::from_unix(now).unwrap_or_default();
        self.send(Body::Location(Location { time, items: items.into(), ..random.make() }), out);
    }
}

fn main() -> std::process::ExitCode {
    App::<Message>::new().port(7611).simulate::<Truck>().main()
}
