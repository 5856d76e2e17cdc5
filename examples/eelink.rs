//! Eelink's trackers over TCP and UDP, old and new packages, declared once and
//! run as a gateway to MQTT.

use exproto_runtime::codec::{Latin1, UnixSeconds, from_bytes};
use exproto_runtime::prelude::*;

/// What stands on a connection or in a datagram.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(one_of)]
#[route(gateway)]
pub enum Port<'a> {
    Package(Package<'a>),
    Envelope(Envelope<'a>),
    #[frame(sent)]
    Answer(Answer),
    #[frame(sent)]
    Enclosed(Enclosed),
    #[frame(sent)]
    Order(Order<'a>),
}

/// A message over TCP, in both directions; a part of an envelope over UDP.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 4096)]
#[wire(endian = big)]
#[route(one_of = Port<'_>, downlink = package)]
pub struct Package<'a> {
    #[wire(before(b"gg"), before(kind: u8 = tag(body)), before(length: u16 = size(serial..=body)))]
    pub serial: u16,
    pub body: Body<'a>,
}

/// Packages over UDP: each datagram says whose they are.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 4096)]
#[wire(endian = big)]
#[route(one_of = Port<'_>, auth(client_id = "{imei}", username = "{imei}"))]
#[route(inner(packages, reply = enclosed))]
pub struct Envelope<'a> {
    #[wire(before(b"EL"), before(length: u16 = size(check..=packages)))]
    #[wire(before(check: u16 = fn(rotated, imei..)), size = 8)]
    pub imei: Imei,
    #[wire(rest, lenient)]
    pub packages: List<'a, Package<'a>>,
}

/// What every package but two is answered with: its type and serial.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Port<'_>)]
pub struct Answer {
    #[wire(before(b"gg"), before(kind: u8 = tag(content)), before(length: u16 = size(serial..=content)))]
    pub serial: u16,
    pub content: Content,
}

/// The same over UDP.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Port<'_>, sent)]
pub struct Enclosed {
    #[wire(before(b"EL"), before(length: u16 = size(check..=answer)))]
    #[wire(before(check: u16 = fn(rotated, imei..)), size = 8)]
    pub imei: Imei,
    pub answer: Answer,
}

/// A package over UDP for a device, most often a command.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 4096)]
#[wire(endian = big)]
#[route(one_of = Port<'_>, deliver("eelink/{client_id}/down/package", qos = 1))]
pub struct Order<'a> {
    #[wire(before(b"EL"), before(length: u16 = size(check..=package)))]
    #[wire(before(check: u16 = fn(rotated, imei..)), size = 8)]
    pub imei: Imei,
    #[wire(rest)]
    pub package: Package<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub enum Content {
    #[wire(tag = 0x01)]
    #[route(sent)]
    Welcome {
        #[wire(as = u32)]
        time: UnixSeconds,
        version: u16,
        action: u8,
    },
    #[wire(other)]
    #[route(sent)]
    Taken {
        #[wire(tag)]
        kind: u8,
    },
}

/// Fifteen digits after a zero.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct Imei(#[wire(size = 8)] pub Bcd<8>);

/// What a package says, by its type.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
pub enum Body<'a> {
    #[wire(tag = 0x01)]
    #[route(auth(client_id = "{imei}", username = "{imei}"), reply = taken)]
    Login {
        imei: Imei,
        language: u8,
        #[wire(if = left > 0)]
        zone: Option<i8>,
        #[wire(rest)]
        more: &'a [u8],
    },

    #[wire(tag = 0x02)]
    #[route(publish("eelink/{client_id}/up/location", qos = 1))]
    OldLocation {
        fix: OldFix,
        /// Some makers have one byte more.
        #[wire(if = left == 1)]
        more: Option<u8>,
        #[wire(if = left >= 2)]
        status: Option<Status>,
        #[wire(if = left >= 2, scale = 0.001, unit = "V")]
        battery: Option<u16>,
        #[wire(if = left >= 2)]
        signal: Option<u16>,
        #[wire(if = left >= 4)]
        inputs: Option<[u16; 2]>,
    },

    #[wire(tag = 0x03)]
    #[route(publish("eelink/{client_id}/up/heartbeat"), reply = taken)]
    Heartbeat {
        #[wire(if = left >= 2)]
        status: Option<Status>,
    },

    #[wire(tag = 0x04)]
    #[route(publish("eelink/{client_id}/up/alarm", qos = 1), reply = taken)]
    OldAlarm { fix: OldFix, alarm: Alarm },

    #[wire(tag = 0x05)]
    #[route(publish("eelink/{client_id}/up/state", qos = 1), reply = taken)]
    OldState {
        fix: OldFix,
        #[wire(if = left == 6)]
        more: Option<u8>,
        kind: u8,
        #[wire(if = left >= 4, as = u32)]
        time: Option<UnixSeconds>,
        #[wire(if = left >= 2)]
        status: Option<Status>,
    },

    #[wire(tag = 0x06)]
    #[route(publish("eelink/{client_id}/up/sms", qos = 1), reply = taken)]
    OldSms {
        fix: OldFix,
        #[wire(rest, as = Latin1)]
        text: Text<'a>,
    },

    #[wire(tag = 0x07)]
    #[route(publish("eelink/{client_id}/up/obd", qos = 1), reply = taken)]
    OldObd(OldObd<'a>),

    #[wire(tag = 0x12)]
    #[route(publish("eelink/{client_id}/up/location", qos = 1), reply = taken)]
    Normal { place: Place<'a>, status: Status, tail: Tail<'a> },

    #[wire(tag = 0x14)]
    #[route(publish("eelink/{client_id}/up/alarm", qos = 1), reply = taken)]
    Warning { place: Place<'a>, alarm: Alarm, status: Status },

    #[wire(tag = 0x15)]
    #[route(publish("eelink/{client_id}/up/state", qos = 1), reply = taken)]
    Report { place: Place<'a>, kind: u8, status: Status },

    #[wire(tag = 0x16)]
    #[route(publish("eelink/{client_id}/up/message", qos = 1), reply = taken)]
    Message {
        place: Place<'a>,
        #[wire(rest)]
        data: &'a [u8],
    },

    #[wire(tag = 0x17..=0x19)]
    #[route(publish("eelink/{client_id}/up/obd", qos = 1), reply = taken)]
    Obd {
        #[wire(tag)]
        kind: u8,
        place: Place<'a>,
        #[wire(rest)]
        data: &'a [u8],
    },

    /// A command, and the device's answer with the number of the command.
    #[wire(tag = 0x80)]
    #[route(deliver("eelink/{client_id}/down/command", qos = 1, answer = uid))]
    #[route(answers = uid, publish("eelink/{client_id}/up/answer/{request}", qos = 1), reply = taken)]
    Command {
        kind: u8,
        uid: u32,
        #[wire(rest, as = Latin1)]
        text: Text<'a>,
    },

    #[wire(tag = 0x81)]
    #[route(publish("eelink/{client_id}/up/data", qos = 1, payload = data))]
    Data {
        #[wire(rest)]
        data: &'a [u8],
    },

    #[wire(other)]
    #[route(publish("eelink/{client_id}/up/{kind}", qos = 1), reply = taken)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// When and where, in old packages.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct OldFix {
    #[wire(as = u32)]
    pub time: UnixSeconds,
    #[wire(scale = 0.000000555555556, unit = "deg", range = -162_000_000..=162_000_000)]
    pub lat: i32,
    #[wire(scale = 0.000000555555556, unit = "deg", range = -324_000_000..=324_000_000)]
    pub lon: i32,
    #[wire(unit = "km/h")]
    pub speed: u8,
    #[wire(unit = "deg", range = 0..=360)]
    pub course: u16,
    pub mcc: u16,
    pub mnc: u16,
    pub lac: u16,
    #[wire(as = u24)]
    pub cid: u32,
    #[wire(bits = 7)]
    pub flags: u8,
    #[wire(bits = 1)]
    pub valid: bool,
}

/// When and where, in new packages: a mask says which parts there are.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Place<'a> {
    #[wire(as = u32)]
    pub time: UnixSeconds,
    #[wire(before(has_lte: bits(1) = present(lte)))]
    #[wire(before(has_wifi3: bits(1) = present(wifi3)), before(has_wifi2: bits(1) = present(wifi2)))]
    #[wire(before(has_wifi1: bits(1) = present(wifi1)), before(has_near2: bits(1) = present(near2)))]
    #[wire(before(has_near1: bits(1) = present(near1)), before(has_cell: bits(1) = present(cell)))]
    #[wire(before(has_fix: bits(1) = present(fix)))]
    pub fix: Option<Fix>,
    pub cell: Option<Cell>,
    pub near1: Option<Near>,
    pub near2: Option<Near>,
    pub wifi1: Option<Wifi>,
    pub wifi2: Option<Wifi>,
    pub wifi3: Option<Wifi>,
    pub lte: Option<Lte<'a>>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Fix {
    #[wire(scale = 0.000000555555556, unit = "deg", range = -162_000_000..=162_000_000)]
    pub lat: i32,
    #[wire(scale = 0.000000555555556, unit = "deg", range = -324_000_000..=324_000_000)]
    pub lon: i32,
    #[wire(unit = "m")]
    pub altitude: i16,
    #[wire(unit = "km/h")]
    pub speed: u16,
    #[wire(unit = "deg", range = 0..=360)]
    pub course: u16,
    pub satellites: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Cell {
    pub mcc: u16,
    pub mnc: u16,
    pub lac: u16,
    pub cid: u32,
    #[wire(scale = -1, unit = "dBm")]
    pub signal: u8,
}

/// A neighbour; its operator is that of the cell.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Near {
    pub lac: u16,
    pub cid: u32,
    #[wire(scale = -1, unit = "dBm")]
    pub signal: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
pub struct Wifi {
    pub mac: [u8; 6],
    #[wire(scale = -1, unit = "dBm")]
    pub signal: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Lte<'a> {
    pub radio: u8,
    #[wire(is = count(cells))]
    pub n: u8,
    #[wire(if = n > 0)]
    pub network: Option<Network>,
    pub cells: List<'a, LteCell>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Network {
    pub mcc: u16,
    pub mnc: u16,
    pub lac: u16,
    pub tac: u16,
    pub cid: u32,
    pub timing_advance: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct LteCell {
    pub pci: u16,
    pub earfcn: u16,
    #[wire(scale = -1, unit = "dBm")]
    pub signal: u8,
}

/// The relay's bit means closed in new packages and open in old ones.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u16, endian = big)]
pub struct Status {
    #[wire(bits = 5)]
    pub more: u8,
    #[wire(bits = 1)]
    pub gps_on: bool,
    #[wire(bits = 1)]
    pub moving: bool,
    #[wire(bits = 1)]
    pub charging: bool,
    #[wire(bits = 1)]
    pub has_charging: bool,
    #[wire(bits = 1)]
    pub relay: bool,
    #[wire(bits = 1)]
    pub has_relay: bool,
    #[wire(bits = 1)]
    pub armed: bool,
    #[wire(bits = 1)]
    pub has_armed: bool,
    #[wire(bits = 1)]
    pub ignition: bool,
    #[wire(bits = 1)]
    pub has_ignition: bool,
    #[wire(bits = 1)]
    pub fixed: bool,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
pub enum Alarm {
    #[wire(tag = 0x01)]
    PowerCut,
    #[wire(tag = 0x02)]
    Sos,
    #[wire(tag = 0x03)]
    LowBattery,
    #[wire(tag = 0x04)]
    Vibration,
    #[wire(tag = 0x08)]
    AntennaOpen,
    #[wire(tag = 0x09)]
    AntennaShort,
    #[wire(tag = 0x25)]
    Removed,
    #[wire(tag = 0x81)]
    TooSlow,
    #[wire(tag = 0x82)]
    TooFast,
    #[wire(tag = 0x83)]
    FenceIn,
    #[wire(tag = 0x84)]
    FenceOut,
    #[wire(tag = 0x85)]
    Crash,
    #[wire(tag = 0x86)]
    Fall,
    #[wire(other)]
    Other(u8),
}

/// What follows the status: newer devices send more.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub struct Tail<'a> {
    #[wire(if = left >= 2, scale = 0.001, unit = "V")]
    pub battery: Option<u16>,
    #[wire(if = left >= 4)]
    pub inputs: Option<[u16; 2]>,
    #[wire(if = left >= 4, unit = "m")]
    pub odometer: Option<u32>,
    #[wire(if = left >= 4)]
    pub counters: Option<Counters>,
    #[wire(if = left >= 4)]
    pub pedometer: Option<Pedometer>,
    #[wire(if = left >= 12)]
    pub climate: Option<Climate>,
    #[wire(if = left >= 2, scale = 0.0625, unit = "°C")]
    pub temperature: Option<i16>,
    #[wire(if = left >= 2)]
    pub beacons: Option<Beacons<'a>>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Counters {
    pub gsm: u16,
    pub gps: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Pedometer {
    pub steps: u16,
    pub walking: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Climate {
    #[wire(scale = 0.00390625, unit = "°C")]
    pub temperature: i16,
    #[wire(scale = 0.1, unit = "%")]
    pub humidity: u16,
    #[wire(scale = 0.00390625, unit = "lx")]
    pub light: u32,
    #[wire(unit = "ppm")]
    pub co2: u32,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
pub struct Beacons<'a> {
    #[wire(before(n: u8 = count(beacons)))]
    pub id: u8,
    pub beacons: List<'a, Beacon>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Beacon {
    pub mac: [u8; 6],
    #[wire(scale = -1, unit = "dBm")]
    pub signal: u8,
    pub reserved: u8,
    pub model: u8,
    pub version: u8,
    #[wire(scale = 0.001, unit = "V")]
    pub battery: u16,
    #[wire(scale = 0.00390625, unit = "°C")]
    pub temperature: i16,
    pub data: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
pub enum OldObd<'a> {
    #[wire(when = left == 4)]
    Brief { status: Status, more: u16 },
    Full {
        #[wire(as = u32)]
        time: UnixSeconds,
        #[wire(rest)]
        values: List<'a, ObdValue>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8, endian = big)]
pub enum ObdValue {
    #[wire(tag = 0x89)]
    Consumption(i32),
    #[wire(tag = 0x8A)]
    Odometer(#[wire(unit = "km")] i32),
    #[wire(tag = 0x8B)]
    Fuel(#[wire(scale = 0.1)] i32),
    #[wire(other)]
    Other {
        #[wire(tag)]
        pid: u8,
        value: u32,
    },
}

/// The client id is the IMEI without the zero before it.
impl TopicValue for Imei {
    fn put(&self, out: &mut String) {
        let digits = self.0.to_string();
        out.push_str(digits.strip_prefix('0').unwrap_or(&digits));
    }
}

/// The checksum of an envelope.
fn rotated(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum: u16, byte| sum.rotate_left(1).wrapping_add(u16::from(*byte)))
}

/// A command before it goes to the device.
fn package<'a>(body: Body<'a>, _: &mut Cx<'_, ()>) -> Package<'a> {
    Package { serial: 0, body }
}

/// The same type and serial; a login is told the time.
fn taken(frame: &Package<'_>, cx: &mut Cx<'_, ()>, _: &Outcome) -> Option<Port<'static>> {
    answer(frame.serial, &frame.body, cx).map(Port::Answer)
}

/// What a package is answered, in an envelope as it came.
fn enclosed(frame: &Envelope<'_>, reply: &[u8], _: &mut Cx<'_, ()>, _: &Outcome) -> Option<Port<'static>> {
    let answer = from_bytes::<Answer>(reply).ok()?.frame;
    Some(Port::Enclosed(Enclosed { imei: frame.imei, answer }))
}

fn answer(serial: u16, body: &Body<'_>, cx: &Cx<'_, ()>) -> Option<Answer> {
    let content = match body {
        Body::OldLocation { .. } | Body::Data { .. } => return None,
        Body::Login { .. } => Content::Welcome {
            time: UnixSeconds::from_unix_millis(cx.now).unwrap_or_default(),
            version: 1,
            action: 0,
        },
        other => Content::Taken { kind: other.tag() as u8 },
    };
    Some(Answer { serial, content })
}

/// A simulated tracker.
struct Tracker {
    imei: Imei,
    serial: u16,
}

impl Tracker {
    fn send(&mut self, body: Body<'_>, out: &mut Sender<'_, Port<'static>>) {
        self.serial = self.serial.wrapping_add(1);
        out.send(&Port::Package(Package { serial: self.serial, body }));
    }
}

impl Device<Port<'static>> for Tracker {
    fn new(number: u32, _: &mut Random) -> Self {
        let imei = Bcd::from_number(354_188_040_000_000 + u64::from(number), 8);
        Self { imei: Imei(imei.expect("fifteen digits fit eight bytes")), serial: 0 }
    }

    fn start(&mut self, out: &mut Sender<'_, Port<'static>>) {
        self.send(Body::Login { imei: self.imei, language: 1, zone: Some(32), more: &[] }, out);
        out.ready();
    }

    fn received(&mut self, frame: &Port<'_>, out: &mut Sender<'_, Port<'static>>) {
        if let Port::Package(Package { body: Body::Command { uid, .. }, .. }) = frame {
            self.send(Body::Command { kind: 1, uid: *uid, text: "OK!".into() }, out);
        }
    }

    fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, Port<'static>>) {
        let fix = random.make();
        let (more, status, battery, signal, inputs) = (None, None, None, None, None);
        self.send(Body::OldLocation { fix, more, status, battery, signal, inputs }, out);
    }
}

fn main() -> std::process::ExitCode {
    App::<Port>::new().port(5064).simulate::<Tracker>().main()
}
