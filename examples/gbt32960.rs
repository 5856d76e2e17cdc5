//! GB/T 32960.3, the protocol of electric vehicles in China, declared once and
//! run as a gateway to MQTT: the editions of 2016 and 2025 on one port.

use exproto_runtime::codec::ByteTime;
use exproto_runtime::prelude::*;

#[path = "gbt32960/command.rs"]
mod command;
#[path = "gbt32960/emqx.rs"]
mod emqx;
#[path = "gbt32960/v2016.rs"]
mod v2016;
#[path = "gbt32960/v2025.rs"]
mod v2025;

pub use {command::*, v2016::*, v2025::*};

/// Six bytes in China Standard Time.
type Time = ByteTime<{ 8 * 60 }>;

/// A message of either direction (section 6.2).
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(lead = [b'#' | b'$', b'#' | b'$'])]
#[wire(endian = big)]
#[route(gateway, state = Vehicle, downlink = envelope, profiles(emqx))]
pub struct Message<'a> {
    pub edition: Edition,
    // Command and answer flag: together they say what the data unit is.
    #[wire(before(kind: u16 = tag(body)))]
    #[wire(size = 17, fill = 0, as = Ascii)]
    pub vin: TextBuf,
    pub encryption: Encryption,
    #[wire(before(length: u16 = size(body)))]
    #[wire(ctx(v2025 = edition == Edition::V2025), opaque = encryption != Encryption::None)]
    #[wire(after(bcc: u8 = xor(kind..)))]
    pub body: Body<'a>,
}

/// By the leading bytes, `##` and `$$`.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u16, endian = big)]
pub enum Edition {
    #[wire(tag = 0x2323)]
    V2016,
    #[wire(tag = 0x2424)]
    V2025,
    #[wire(other)]
    Other(u16),
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
pub enum Encryption {
    #[wire(tag = 1)]
    None,
    #[wire(tag = 2)]
    Rsa,
    #[wire(tag = 3)]
    Aes128,
    #[wire(tag = 4)]
    Sm2,
    #[wire(tag = 5)]
    Sm4,
    #[wire(other)]
    Other(u8),
}

/// The data unit, by command and answer flag (table 3; 0xFE is a command).
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient, ctx(v2025: bool))]
#[route(profile = emqx, publish("gbt32960/{vin}/upstream/response", qos = 1, payload = with(emqx::up)))]
#[route(profile = emqx, deliver("gbt32960/{client_id}/dnstream", qos = 1, payload = with(emqx::down)))]
pub enum Body<'a> {
    #[wire(tag = 0x01FE)]
    #[route(
        auth(client_id = "{vin}", username = "{vin}"), with = remember, reply = answer,
        publish("gbt32960/{vin}/up/login", qos = 1)
    )]
    #[route(profile = emqx, publish("gbt32960/{vin}/upstream/vlogin", qos = 1, payload = with(emqx::up)))]
    Login(#[wire(ctx(v2025))] Login<'a>),

    #[wire(tag = 0x02FE)]
    #[route(publish("gbt32960/{vin}/up/report", qos = 1), reply = answer)]
    #[route(profile = emqx, publish("gbt32960/{vin}/upstream/info", qos = 1, payload = with(emqx::up)))]
    Report(#[wire(ctx(v2025))] Report<'a>),

    #[wire(tag = 0x03FE)]
    #[route(publish("gbt32960/{vin}/up/reissue", qos = 1), reply = answer)]
    #[route(profile = emqx, publish("gbt32960/{vin}/upstream/reinfo", qos = 1, payload = with(emqx::up)))]
    Reissue(#[wire(ctx(v2025))] Report<'a>),

    #[wire(tag = 0x04FE)]
    #[route(publish("gbt32960/{vin}/up/logout", qos = 1), close("logged out"), reply = answer)]
    #[route(profile = emqx, publish("gbt32960/{vin}/upstream/vlogout", qos = 1, payload = with(emqx::up)))]
    Logout { time: Time, serial: u16 },

    #[wire(tag = 0x05FE)]
    #[route(
        auth(client_id = "{vin}", username = "{user}", password = "{password}"),
        with = remember, reply = answer
    )]
    #[route(profile = emqx, publish("gbt32960/{vin}/upstream/plogin", qos = 1, payload = with(emqx::up)))]
    PlatformLogin {
        time: Time,
        serial: u16,
        #[wire(size = 12, fill = 0, as = Ascii)]
        user: Text<'a>,
        #[wire(size = 20, fill = 0, as = Ascii)]
        password: Text<'a>,
        encryption: u8,
    },

    #[wire(tag = 0x06FE)]
    #[route(close("platform logged out"), reply = answer)]
    #[route(profile = emqx, publish("gbt32960/{vin}/upstream/plogout", qos = 1, payload = with(emqx::up)))]
    PlatformLogout { time: Time, serial: u16 },

    #[wire(tag = 0x07FE)]
    #[route(heartbeat, reply = answer)]
    Heartbeat,

    #[wire(tag = 0x08FE)]
    #[route(public, reply = answer)]
    TimeSync,

    #[wire(tag = 0x09FE)]
    #[route(public, publish("gbt32960/{vin}/up/activation", qos = 1), reply = answer)]
    #[route(profile = emqx, publish("gbt32960/{vin}/upstream/activation", qos = 1, payload = with(emqx::up)))]
    Activate {
        time: Time,
        #[wire(size = 16, fill = 0, as = Ascii)]
        chip: Text<'a>,
        #[wire(size = prefix(u16))]
        public_key: &'a [u8],
        #[wire(size = 17, fill = 0, as = Ascii)]
        of: Text<'a>,
        signature: Signature<'a>,
    },

    #[wire(tag = 0x0AFE)]
    #[route(deliver("gbt32960/{client_id}/down/activated", qos = 1))]
    Activated { status: u8, info: u8 },

    #[wire(tag = 0x0BFE)]
    #[route(publish("gbt32960/{vin}/up/key", qos = 1))]
    #[route(deliver("gbt32960/{client_id}/down/key", qos = 1))]
    #[route(profile = emqx, publish("gbt32960/{vin}/upstream/transparent", qos = 1, payload = with(emqx::up)))]
    ExchangeKey {
        kind: u8,
        #[wire(size = prefix(u16))]
        key: &'a [u8],
        from: Time,
        to: Time,
    },

    /// The platform's answer to any of the above.
    #[wire(tag = 0x0101..=0x0103 | 0x0201..=0x0203 | 0x0301..=0x0303 | 0x0401..=0x0403
        | 0x0501..=0x0503 | 0x0601..=0x0603 | 0x0701..=0x0703 | 0x0801..=0x0803 | 0x0901..=0x0903)]
    #[route(sent)]
    Answer {
        #[wire(tag)]
        kind: u16,
        time: Time,
    },

    #[wire(tag = 0x80FE)]
    #[route(deliver("gbt32960/{client_id}/down/query", qos = 1))]
    Query {
        #[wire(hidden)]
        time: Time,
        #[wire(size = prefix(u8))]
        ids: &'a [u8],
    },

    #[wire(tag = 0x81FE)]
    #[route(deliver("gbt32960/{client_id}/down/set", qos = 1))]
    Set {
        #[wire(hidden)]
        time: Time,
        #[wire(flatten, ctx(v2025))]
        parameters: Parameters<'a>,
    },

    #[wire(tag = 0x82FE)]
    #[route(deliver("gbt32960/{client_id}/down/control", qos = 1))]
    Control {
        #[wire(hidden)]
        time: Time,
        command: Command<'a>,
    },

    #[wire(tag = 0x8001..=0x80FD)]
    #[route(publish("gbt32960/{vin}/up/answer/query", qos = 1))]
    Queried {
        #[wire(tag)]
        kind: u16,
        time: Time,
        #[wire(if = left > 0, flatten, ctx(v2025))]
        parameters: Option<Parameters<'a>>,
    },

    #[wire(tag = 0x8101..=0x81FD)]
    #[route(publish("gbt32960/{vin}/up/answer/set", qos = 1))]
    Configured {
        #[wire(tag)]
        kind: u16,
        time: Time,
        #[wire(if = left > 0, flatten, ctx(v2025))]
        parameters: Option<Parameters<'a>>,
    },

    #[wire(tag = 0x8201..=0x82FD)]
    #[route(publish("gbt32960/{vin}/up/answer/control", qos = 1))]
    Controlled {
        #[wire(tag)]
        kind: u16,
        time: Time,
        #[wire(if = left > 0)]
        command: Option<Command<'a>>,
    },

    #[wire(tag = 0x0B01..=0x0BFD)]
    #[route(publish("gbt32960/{vin}/up/answer/key", qos = 1))]
    KeyExchanged {
        #[wire(tag)]
        kind: u16,
        time: Time,
        #[wire(rest)]
        data: &'a [u8],
    },

    #[wire(other)]
    #[route(publish("gbt32960/{vin}/up/other/{kind}", qos = 1))]
    #[route(profile = emqx, publish("gbt32960/{vin}/upstream/transparent", qos = 1, payload = with(emqx::up)))]
    Other {
        #[wire(tag)]
        kind: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, ctx(v2025: bool))]
pub enum Login<'a> {
    #[wire(when = v2025)]
    V2025 {
        time: Time,
        serial: u16,
        #[wire(size = 20, fill = 0, as = Ascii)]
        iccid: Text<'a>,
        #[wire(size = prefix(u8))]
        packs: &'a [u8],
        #[wire(rest, each(size = 24, fill = 0, as = Ascii))]
        codes: Vec<Text<'a>>,
    },
    V2016 {
        time: Time,
        serial: u16,
        #[wire(size = 20, fill = 0, as = Ascii)]
        iccid: Text<'a>,
        number: u8,
        code_length: u8,
        #[wire(size = usize::from(number) * usize::from(code_length), as = Ascii)]
        codes: Text<'a>,
    },
}

/// A real-time report: time, and blocks of information without lengths.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(ctx(v2025: bool))]
pub enum Report<'a> {
    #[wire(when = v2025)]
    V2025 {
        time: Time,
        #[wire(rest, lenient)]
        blocks: List<'a, Block2025<'a>>,
    },
    V2016 {
        time: Time,
        #[wire(rest, lenient)]
        blocks: List<'a, Block<'a>>,
    },
}

/// What the gateway remembers of a device: the header it writes itself.
#[derive(Debug, Default)]
pub struct Vehicle {
    v2025: bool,
    vin: String,
}

/// Keeps edition and VIN of the device.
fn remember(frame: &Message<'_>, cx: &mut Cx<'_, Vehicle>, _: &mut Asks<'_>) {
    *cx.state = Vehicle { v2025: frame.edition == Edition::V2025, vin: frame.vin.to_string() };
}

/// The header before a downlink, and its time unless the message gives one.
fn envelope<'a>(mut body: Body<'a>, cx: &mut Cx<'_, Vehicle>) -> Message<'a> {
    if let Body::Query { time, .. } | Body::Set { time, .. } | Body::Control { time, .. } = &mut body
        && *time == Time::default()
    {
        *time = now(cx);
    }
    let Vehicle { v2025, vin } = &*cx.state;
    let edition = if *v2025 { Edition::V2025 } else { Edition::V2016 };
    Message { edition, vin: vin.as_str().into(), encryption: Encryption::None, body }
}

/// The answer: the same command, and the time.
fn answer<'a>(frame: &Message<'a>, cx: &mut Cx<'_, Vehicle>, outcome: &Outcome) -> Message<'a> {
    let kind = frame.body.tag() as u16 & 0xFF00 | outcome.pick(1, 2);
    let body = Body::Answer { kind, time: now(cx) };
    Message { edition: frame.edition, vin: frame.vin.clone(), encryption: Encryption::None, body }
}

fn now(cx: &Cx<'_, Vehicle>) -> Time {
    Time::from_unix(cx.now / 1000).unwrap_or_default()
}

/// A simulated car.
struct Car {
    vin: TextBuf,
    ticks: u32,
}

impl Car {
    fn clock() -> Time {
        let seconds = std::time::UNIX_EPOCH.elapsed().map_or(0, |time| time.as_secs() as i64);
        Time::from_unix(seconds).unwrap_or_default()
    }

    fn send(&self, body: Body<'_>, out: &mut Sender<'_, Message<'static>>) {
        let (edition, encryption) = (Edition::V2016, Encryption::None);
        out.send(&Message { edition, vin: self.vin.clone(), encryption, body });
    }
}

impl Device<Message<'static>> for Car {
    fn new(number: u32, _: &mut Random) -> Self {
        Self { vin: format!("LSIM{number:013}").as_str().into(), ticks: 0 }
    }

    fn start(&mut self, out: &mut Sender<'_, Message<'static>>) {
        let iccid = "89860000000000000000".into();
        let login = Login::V2016 {
            time: Self::clock(),
            serial: 1,
            iccid,
            number: 1,
            code_length: 0,
            codes: "".into(),
        };
        self.send(Body::Login(login), out);
    }

    fn received(&mut self, frame: &Message<'_>, out: &mut Sender<'_, Message<'static>>) {
        match &frame.body {
            Body::Answer { kind: 0x0101, .. } => out.ready(),
            Body::Answer { kind, .. } if kind & 0xFF == 1 => {}
            Body::Query { .. } => {
                let list = vec![Parameter::ReportPeriod(Period::V2016(10))].into();
                let parameters = Some(Parameters { number: 1, list });
                self.send(Body::Queried { kind: 0x8001, time: Self::clock(), parameters }, out);
            }
            Body::Set { .. } => {
                self.send(Body::Configured { kind: 0x8101, time: Self::clock(), parameters: None }, out);
            }
            Body::Control { .. } => {
                self.send(Body::Controlled { kind: 0x8201, time: Self::clock(), command: None }, out);
            }
            other => out.failed(&format!("unexpected {other:?}")),
        }
    }

    fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, Message<'static>>) {
        self.ticks += 1;
        if self.ticks.is_multiple_of(10) {
            return self.send(Body::Heartbeat, out);
        }
        let (lon, lat) = (random.within(73_000_000..=135_000_000), random.within(18_000_000..=53_000_000));
        let blocks = vec![
            Block::Motors { motors: vec![random.make()].into() },
            Block::Location { state: 0, lon, lat },
        ];
        self.send(Body::Report(Report::V2016 { time: Self::clock(), blocks: blocks.into() }), out);
    }
}

fn main() -> std::process::ExitCode {
    App::<Message>::new().port(32960).simulate::<Car>().main()
}
