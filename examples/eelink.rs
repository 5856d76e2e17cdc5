//! Eelink's trackers over TCP and UDP, old and new packages, declared once and
//! run as a gateway to MQTT.

use exproto_runtime::codec::{Latin1, UnixSeconds, from_bytes};
use exproto_runtime::prelude::*;

#[path = "eelink/parts.rs"]
mod parts;

pub use parts::*;

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

/// What a package says, by its type.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
#[route(reply = taken)]
pub enum Body<'a> {
    #[wire(tag = 0x01)]
    #[route(auth(client_id = "{imei}", username = "{imei}"), reply = welcome)]
    Login {
        imei: Imei,
        language: u8,
        #[wire(if = left > 0)]
        zone: Option<i8>,
        #[wire(rest)]
        more: &'a [u8],
    },

    #[wire(tag = 0x02)]
    #[route(publish("eelink/{client_id}/up/location", qos = 1), reply = none)]
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
    #[route(publish("eelink/{client_id}/up/heartbeat"))]
    Heartbeat {
        #[wire(if = left >= 2)]
        status: Option<Status>,
    },

    #[wire(tag = 0x04)]
    #[route(publish("eelink/{client_id}/up/alarm", qos = 1))]
    OldAlarm { fix: OldFix, alarm: Alarm },

    #[wire(tag = 0x05)]
    #[route(publish("eelink/{client_id}/up/state", qos = 1))]
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
    #[route(publish("eelink/{client_id}/up/sms", qos = 1))]
    OldSms {
        fix: OldFix,
        #[wire(rest, as = Latin1)]
        text: Text<'a>,
    },

    #[wire(tag = 0x07)]
    #[route(publish("eelink/{client_id}/up/obd", qos = 1))]
    OldObd(OldObd<'a>),

    #[wire(tag = 0x12)]
    #[route(publish("eelink/{client_id}/up/location", qos = 1))]
    Normal { place: Place<'a>, status: Status, tail: Tail<'a> },

    #[wire(tag = 0x14)]
    #[route(publish("eelink/{client_id}/up/alarm", qos = 1))]
    Warning { place: Place<'a>, alarm: Alarm, status: Status },

    #[wire(tag = 0x15)]
    #[route(publish("eelink/{client_id}/up/state", qos = 1))]
    Report { place: Place<'a>, kind: u8, status: Status },

    #[wire(tag = 0x16)]
    #[route(publish("eelink/{client_id}/up/message", qos = 1))]
    Message {
        place: Place<'a>,
        #[wire(rest)]
        data: &'a [u8],
    },

    #[wire(tag = 0x17..=0x19)]
    #[route(publish("eelink/{client_id}/up/obd", qos = 1))]
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
    #[route(answers = uid, publish("eelink/{client_id}/up/answer/{request}", qos = 1))]
    Command {
        kind: u8,
        uid: u32,
        #[wire(rest, as = Latin1)]
        text: Text<'a>,
    },

    #[wire(tag = 0x81)]
    #[route(publish("eelink/{client_id}/up/data", qos = 1, payload = data), reply = none)]
    Data {
        #[wire(rest)]
        data: &'a [u8],
    },

    #[wire(other)]
    #[route(publish("eelink/{client_id}/up/{kind}", qos = 1))]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// The checksum of an envelope.
fn rotated(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0, |sum: u16, byte| sum.rotate_left(1).wrapping_add(u16::from(*byte)))
}

/// A command before it goes to the device.
fn package<'a>(body: Body<'a>, _: &mut Cx<'_, ()>) -> Package<'a> {
    Package { serial: 0, body }
}

/// The same type and serial.
fn taken(frame: &Package<'_>, _: &mut Cx<'_, ()>, _: &Outcome) -> Port<'static> {
    Port::Answer(Answer { serial: frame.serial, content: Content::Taken { kind: frame.body.tag() as u8 } })
}

/// A login is told the time.
fn welcome(frame: &Package<'_>, cx: &mut Cx<'_, ()>, _: &Outcome) -> Port<'static> {
    let time = UnixSeconds::from_unix_millis(cx.now).unwrap_or_default();
    Port::Answer(Answer { serial: frame.serial, content: Content::Welcome { time, version: 1, action: 0 } })
}

/// What a package is answered, in an envelope as it came.
fn enclosed(frame: &Envelope<'_>, reply: &[u8], _: &mut Cx<'_, ()>, _: &Outcome) -> Option<Port<'static>> {
    let answer = from_bytes::<Answer>(reply).ok()?.frame;
    Some(Port::Enclosed(Enclosed { imei: frame.imei, answer }))
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
