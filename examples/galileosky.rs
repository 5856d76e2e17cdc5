//! Galileosky's trackers: tags without lengths, records that end where a tag
//! comes again or that name their tags first, pictures, commands and frames over
//! Iridium, declared once and run as a gateway to MQTT.

use exproto_runtime::codec::{Distinct, Latin1, UnixSeconds};
use exproto_runtime::prelude::*;

#[path = "galileosky/packed.rs"]
pub mod packed;

/// What stands on a connection.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(one_of)]
#[route(gateway)]
pub enum Port<'a> {
    #[frame(lead = [0x01, _, _, 0x01, 0x00, 0x1C])]
    Iridium(Iridium<'a>),
    Tags(Tags<'a>),
    Photo(Photo<'a>),
    Packed(packed::Packed),
    #[frame(sent)]
    Taken(Taken),
    #[frame(sent)]
    PhotoTaken(PhotoTaken),
    #[frame(sent)]
    Order(Order<'a>),
}

/// Tags, and whether the device has more in its archive.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 1024)]
#[wire(endian = little)]
#[route(one_of = Port<'_>)]
pub struct Tags<'a> {
    #[wire(before(b"\x01"), before(length: bits(15) = size(body)), bits = 1)]
    pub archive: bool,
    pub body: Body<'a>,
    #[wire(is = crc("CRC-16/MODBUS", ..=body))]
    pub check: u16,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = little, lenient)]
pub enum Body<'a> {
    /// The answer to a command, by its number.
    #[wire(when = left > 25)]
    #[route(auth(client_id = "{imei}", username = "{imei}"), answers = number)]
    #[route(publish("galileosky/{client_id}/up/answer/{request}", qos = 1), reply = taken)]
    Answer {
        #[wire(before(b"\x03"), size = 15, as = Ascii)]
        imei: Text<'a>,
        #[wire(before(b"\x04"))]
        device: u16,
        #[wire(before(b"\xE0"))]
        number: u32,
        #[wire(before(b"\xE1"), size = prefix(u8), as = Latin1)]
        text: Text<'a>,
    },

    /// Records; the first frame of a connection says whose they are.
    #[route(auth(client_id = imei(frame), username = imei(frame)))]
    #[route(publish("galileosky/{client_id}/up/record", qos = 1, each = records), reply = taken)]
    Records {
        #[wire(rest, lenient)]
        records: List<'a, Distinct<'a, Tag>>,
    },
}

/// A command for a device.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = little)]
#[route(one_of = Port<'_>, deliver("galileosky/{client_id}/down/command", qos = 1, answer = number))]
pub struct Order<'a> {
    #[wire(before(b"\x01"), before(length: u16 = size(imei..=text) + 1))]
    #[wire(before(b"\x03"), size = 15, as = Ascii)]
    pub imei: Text<'a>,
    #[wire(before(b"\x04"))]
    pub device: u16,
    #[wire(before(b"\xE0"))]
    pub number: u32,
    #[wire(before(b"\xE1"), size = prefix(u8), as = Latin1)]
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", ..=text)))]
    pub text: Text<'a>,
}

/// A part of a picture; one without data is its end.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 1024)]
#[wire(endian = little)]
#[route(one_of = Port<'_>, publish("galileosky/{client_id}/up/photo/{part}", qos = 1, payload = data))]
#[route(reply = Port::PhotoTaken(PhotoTaken { check: frame.check }))]
pub struct Photo<'a> {
    #[wire(before(b"\x07"), before(length: u16 = size(part..=data)))]
    pub part: u8,
    #[wire(rest)]
    pub data: &'a [u8],
    #[wire(is = crc("CRC-16/MODBUS", ..=data))]
    pub check: u16,
}

/// The checksum of a frame that was taken.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[frame]
#[wire(endian = little, before(b"\x02"))]
#[route(one_of = Port<'_>, sent)]
pub struct Taken {
    pub check: u16,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[frame]
#[wire(endian = little, before(b"\x07"))]
#[route(one_of = Port<'_>, sent)]
pub struct PhotoTaken {
    pub check: u16,
}

/// What a satellite has passed on, with tags as over other networks.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Port<'_>, auth(client_id = "{imei}", username = "{imei}"))]
#[route(publish("galileosky/{client_id}/up/iridium", qos = 1))]
pub struct Iridium<'a> {
    #[wire(before(b"\x01"), before(length: u16 = size(index..=records) + 3), before(b"\x01\x00\x1C"))]
    pub index: u32,
    #[wire(size = 15, as = Ascii)]
    pub imei: Text<'a>,
    pub status: u8,
    pub counters: [u8; 4],
    #[wire(as = u32)]
    pub time: UnixSeconds,
    #[wire(before(b"\x03\x00\x0B"), before(_: bits(6)), bits = 1)]
    pub south: bool,
    #[wire(bits = 1)]
    pub west: bool,
    #[wire(size = 3)]
    pub lat: Degrees,
    #[wire(size = 3)]
    pub lon: Degrees,
    pub accuracy: u32,
    #[wire(before(b"\x02"), size = prefix(u16), lenient)]
    pub records: List<'a, Distinct<'a, Tag>>,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
pub struct Degrees {
    #[wire(unit = "deg")]
    pub whole: u8,
    #[wire(scale = 0.001, unit = "min")]
    pub minutes: u16,
}

/// A value behind its tag; nothing says how long it is.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(tag = u8, endian = little)]
pub enum Tag {
    #[wire(tag = 0x01)]
    Hardware(u8),
    #[wire(tag = 0x02)]
    Firmware(u8),
    #[wire(tag = 0x03)]
    Imei(#[wire(size = 15, as = Ascii)] TextBuf),
    #[wire(tag = 0x04)]
    Device(u16),
    #[wire(tag = 0x10)]
    Record(u16),
    #[wire(tag = 0x20)]
    Time(#[wire(as = u32)] UnixSeconds),
    #[wire(tag = 0x30)]
    Position {
        #[wire(bits = 4)]
        satellites: u8,
        /// 0 is a valid position, 2 one of a cell.
        #[wire(bits = 4)]
        source: u8,
        #[wire(scale = 1e-6, unit = "deg", range = -90_000_000..=90_000_000)]
        lat: i32,
        #[wire(scale = 1e-6, unit = "deg", range = -180_000_000..=180_000_000)]
        lon: i32,
    },
    #[wire(tag = 0x33)]
    Motion {
        #[wire(scale = 0.1, unit = "km/h")]
        speed: u16,
        #[wire(scale = 0.1, unit = "deg", range = 0..=3600)]
        course: u16,
    },
    #[wire(tag = 0x34)]
    Altitude(#[wire(unit = "m")] i16),
    #[wire(tag = 0x35)]
    Hdop(#[wire(scale = 0.1)] u8),
    #[wire(tag = 0x40)]
    Status(u16),
    #[wire(tag = 0x41)]
    Supply(#[wire(scale = 0.001, unit = "V")] u16),
    #[wire(tag = 0x42)]
    Battery(#[wire(scale = 0.001, unit = "V")] u16),
    #[wire(tag = 0x43)]
    Temperature(#[wire(unit = "°C")] i8),
    #[wire(tag = 0x44)]
    Acceleration {
        #[wire(bits = 10)]
        x: u16,
        #[wire(bits = 10)]
        y: u16,
        #[wire(bits = 12)]
        z: u16,
    },
    #[wire(tag = 0x45)]
    Outputs(u16),
    #[wire(tag = 0x46)]
    Inputs(u16),
    #[wire(tag = 0x47)]
    EcoDriving([u8; 4]),
    #[wire(tag = 0x48)]
    ExtendedStatus(u16),
    #[wire(tag = 0x50..=0x57)]
    Analogue {
        #[wire(tag)]
        tag: u8,
        value: u16,
    },
    #[wire(tag = 0x58 | 0x59)]
    Rs232 {
        #[wire(tag)]
        tag: u8,
        value: u16,
    },
    #[wire(tag = 0x5A)]
    Refrigerator(u32),
    #[wire(tag = 0x5B)]
    Pressure([u8; 7]),
    #[wire(tag = 0x5C)]
    Tyres([u8; 68]),
    #[wire(tag = 0x5D)]
    Dosimeter([u8; 3]),
    #[wire(tag = 0x60..=0x62)]
    FuelLevel {
        #[wire(tag)]
        tag: u8,
        value: u16,
    },
    #[wire(tag = 0x63..=0x6F)]
    FuelSensor {
        #[wire(tag)]
        tag: u8,
        value: u16,
        #[wire(unit = "°C")]
        temperature: i8,
    },
    #[wire(tag = 0x70..=0x77)]
    Thermometer {
        #[wire(tag)]
        tag: u8,
        id: u8,
        #[wire(unit = "°C")]
        temperature: i8,
    },
    #[wire(tag = 0x80..=0x87)]
    Hygrometer {
        #[wire(tag)]
        tag: u8,
        id: u8,
        #[wire(unit = "°C")]
        temperature: i8,
        #[wire(unit = "%")]
        humidity: u8,
    },
    #[wire(tag = 0x88..=0x8C)]
    Rs485Temperature {
        #[wire(tag)]
        tag: u8,
        #[wire(unit = "°C")]
        temperature: i8,
    },
    #[wire(tag = 0x90 | 0xD3)]
    Key {
        #[wire(tag)]
        tag: u8,
        id: u32,
    },
    #[wire(tag = 0xA0..=0xAF | 0xC4..=0xD2)]
    Can8 {
        #[wire(tag)]
        tag: u8,
        value: u8,
    },
    #[wire(tag = 0xB0..=0xB9 | 0xD6..=0xDA)]
    Can16 {
        #[wire(tag)]
        tag: u8,
        value: u16,
    },
    #[wire(tag = 0xDB..=0xDF | 0xF0..=0xF9)]
    Can32 {
        #[wire(tag)]
        tag: u8,
        value: u32,
    },
    #[wire(tag = 0xC0)]
    FuelUsed(#[wire(scale = 0.5, unit = "l")] u32),
    #[wire(tag = 0xC1)]
    Engine {
        #[wire(scale = 0.4, unit = "%")]
        fuel: u8,
        #[wire(offset = -40, unit = "°C")]
        coolant: u8,
        #[wire(scale = 0.125, unit = "rpm")]
        speed: u16,
    },
    #[wire(tag = 0xC2)]
    CanB0(u32),
    #[wire(tag = 0xC3)]
    CanB1(u32),
    #[wire(tag = 0xD4)]
    Odometer(#[wire(unit = "m")] u32),
    #[wire(tag = 0xD5)]
    KeyState(u8),
    #[wire(tag = 0xE0)]
    Number(u32),
    #[wire(tag = 0xE1)]
    Answer(#[wire(size = prefix(u8), as = Latin1)] TextBuf),
    #[wire(tag = 0xE2..=0xE9)]
    User {
        #[wire(tag)]
        tag: u8,
        value: u32,
    },
    #[wire(tag = 0xEA)]
    UserData(#[wire(size = prefix(u8))] Vec<u8>),
    #[wire(tag = 0xFA)]
    Fa([u8; 3]),
    #[wire(tag = 0xFD)]
    Fd([u8; 8]),
    #[wire(tag = 0xFE)]
    Extended(#[wire(size = prefix(u16))] Vec<u8>),
}

/// The IMEI among the tags of a frame, if it is there.
fn imei(frame: &Tags<'_>) -> Option<TextBuf> {
    let Body::Records { records } = &frame.body else { return None };
    let imei = |tag| if let Tag::Imei(imei) = tag { Some(imei) } else { None };
    records.iter().find_map(|record| record.iter().find_map(imei))
}

/// What the broker did not take the device sends again.
fn taken(frame: &Tags<'_>, _: &mut Cx<'_, ()>, outcome: &Outcome) -> Option<Port<'static>> {
    outcome.is_done().then_some(Port::Taken(Taken { check: frame.check }))
}

/// A simulated tracker.
struct Tracker {
    imei: String,
    record: u16,
}

impl Tracker {
    fn send(&self, tags: Vec<Tag>, out: &mut Sender<'_, Port<'static>>) {
        let body = Body::Records { records: vec![tags.into()].into() };
        out.send(&Port::Tags(Tags { archive: false, body, check: 0 }));
    }
}

impl Device<Port<'static>> for Tracker {
    fn new(number: u32, _: &mut Random) -> Self {
        Self { imei: format!("86{number:013}"), record: 0 }
    }

    fn start(&mut self, out: &mut Sender<'_, Port<'static>>) {
        let imei = Tag::Imei(self.imei.as_str().into());
        self.send(vec![Tag::Hardware(17), Tag::Firmware(230), imei, Tag::Device(50)], out);
        out.ready();
    }

    fn received(&mut self, frame: &Port<'_>, out: &mut Sender<'_, Port<'static>>) {
        if let Port::Order(Order { imei, device, number, .. }) = frame {
            let body = Body::Answer { imei: *imei, device: *device, number: *number, text: "OK".into() };
            out.send(&Port::Tags(Tags { archive: false, body, check: 0 }));
        }
    }

    fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, Port<'static>>) {
        self.record = self.record.wrapping_add(1);
        let (lat, lon) = (random.within(50_000_000..=56_000_000), random.within(30_000_000..=50_000_000));
        let position = Tag::Position { satellites: 12, source: 0, lat, lon };
        let motion = Tag::Motion { speed: random.within(0..=900), course: random.within(0..=3600) };
        self.send(vec![Tag::Device(50), Tag::Record(self.record), position, motion], out);
    }
}

fn main() -> std::process::ExitCode {
    App::<Port>::new().port(5034).simulate::<Tracker>().main()
}
