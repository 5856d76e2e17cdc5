//! H02, the protocol of Sinotrack and many cheap trackers, text and binary,
//! declared once and run as a gateway to MQTT.

use exproto_runtime::codec::{Dec, DegMin, Latin1, TextTime, TimeLayout, Word};
use exproto_runtime::prelude::*;

#[path = "h02/binary.rs"]
pub mod binary;

/// What stands on a connection. Where all devices have binary frames of one size,
/// `--param binary=45` says it, and nothing has to be waited for.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(one_of, skip = b"\r\n")]
#[wire(ctx(size: u8))]
#[route(gateway, ctx = binary)]
#[allow(clippy::large_enum_variant, reason = "a frame is looked at where it was read")]
pub enum Port<'a> {
    Line(Line<'a>),
    #[frame(followed, if = size == 0 || size == 32)]
    Short(binary::Short),
    #[frame(followed, if = size == 0 || size == 42)]
    Imei(binary::Imei),
    #[frame(followed, if = size == 0 || size == 45)]
    Long(binary::Long),
    #[frame(followed, if = size == 0 || size == 46)]
    Long46(binary::Long46),
    #[frame(followed, if = size == 0 || size == 48)]
    Long48(binary::Long48),
    #[frame(sent)]
    Confirm(Confirm<'a>),
    #[frame(sent)]
    Order(Order<'a>),
}

/// The size of binary frames that the listener was told, 0 if none.
fn binary(cx: &Cx<'_, ()>) -> PortCtx {
    PortCtx { size: cx.param("binary").and_then(|size| size.parse().ok()).unwrap_or(0) }
}

/// `*HQ,4109179024,V1,181519,A,..#`
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(start = b"*", end = b"#", max = 1024)]
#[wire(sep = b',')]
#[route(one_of = Port<'_>)]
pub struct Line<'a> {
    #[wire(as = Latin1)]
    pub maker: Text<'a>,
    #[wire(as = Latin1)]
    pub id: Text<'a>,
    #[wire(is = tag(body))]
    pub command: Word,
    pub body: Body<'a>,
}

/// What a device says, by its command. All that say who it is log it in.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(sep = b',', lenient)]
#[route(auth(client_id = id(frame), username = id(frame)))]
pub enum Body<'a> {
    #[wire(tag = b"V1" | b"V2" | b"V5" | b"V6" | b"V8" | b"V19" | b"VI1")]
    #[route(publish("h02/{client_id}/up/location", qos = 1), reply = confirm)]
    Location {
        #[wire(tag)]
        kind: Word,
        fix: Fix<'a>,
    },

    /// The answer to a command; its arguments, times and a place follow.
    #[wire(tag = b"V4")]
    #[route(answers, publish("h02/{client_id}/up/answer/{request}", qos = 1))]
    Answer {
        #[wire(as = Latin1)]
        command: Text<'a>,
        #[wire(as = Latin1)]
        result: Text<'a>,
    },

    #[wire(tag = b"NBR")]
    #[route(publish("h02/{client_id}/up/cells", qos = 1), reply = confirm)]
    Cells {
        time: TextTime<Clock>,
        mcc: Dec,
        mnc: Dec,
        timing_advance: Dec,
        n: Dec,
        /// `LAC,CID,signal` of each cell, the date, the status.
        #[wire(as = Latin1)]
        cells: Text<'a>,
    },

    #[wire(tag = b"V3")]
    #[route(publish("h02/{client_id}/up/cells", qos = 1))]
    Network {
        time: TextTime<Clock>,
        network: Dec,
        n: Dec,
        /// `LAC,CID,signal,` of each cell, battery, restarts, date, status.
        #[wire(as = Latin1)]
        cells: Text<'a>,
    },

    #[wire(tag = b"LINK")]
    #[route(publish("h02/{client_id}/up/link", qos = 1))]
    Link {
        time: TextTime<Clock>,
        signal: Dec,
        satellites: Dec,
        battery: Dec,
        steps: Dec,
        turnovers: Dec,
        date: TextTime<Day>,
        #[wire(as = hex(8))]
        status: u32,
    },

    #[wire(tag = b"VP1")]
    #[route(publish("h02/{client_id}/up/place", qos = 1))]
    Place(Place<'a>),

    #[wire(tag = b"V0" | b"HTBT")]
    #[route(publish("h02/{client_id}/up/heartbeat"), reply = alive)]
    Heartbeat {
        #[wire(tag)]
        kind: Word,
        battery: Option<Dec>,
    },

    #[wire(tag = b"SMS")]
    #[route(publish("h02/{client_id}/up/sms", qos = 1))]
    Sms {
        #[wire(as = Latin1)]
        text: Text<'a>,
    },

    #[wire(other)]
    #[route(publish("h02/{client_id}/up/other", qos = 1))]
    Other {
        #[wire(tag)]
        kind: Word,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// When and where; times are UTC, speed is in knots.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(sep = b',')]
pub struct Fix<'a> {
    pub time: TextTime<Clock>,
    /// `A` is valid, `V` is not.
    #[wire(as = Latin1)]
    pub valid: Text<'a>,
    #[wire(after(ns: Word = sign(lat, b"N", b"S")))]
    pub lat: DegMin<2>,
    #[wire(after(ew: Word = sign(lon, b"E", b"W")))]
    pub lon: DegMin<3>,
    pub speed: Dec,
    pub course: Dec,
    pub more: More<'a>,
}

/// What follows the course: some devices put in the battery, some the card.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(sep = b',', lenient)]
pub enum More<'a> {
    #[wire(when = left > 0)]
    Common {
        date: TextTime<Day>,
        /// 0 is an alarm: bit 1 and 18 SOS, 2 too fast, 19 power cut; 10 is the
        /// ignition.
        #[wire(as = hex(8))]
        status: u32,
        #[wire(as = Latin1)]
        more: Option<Text<'a>>,
    },
    #[wire(when = left > 0)]
    Battery {
        battery: Dec,
        date: TextTime<Day>,
        #[wire(as = hex(8))]
        status: u32,
        #[wire(as = Latin1)]
        more: Option<Text<'a>>,
    },
    #[wire(when = left > 0)]
    Card {
        date: TextTime<Day>,
        #[wire(as = Latin1)]
        phone: Text<'a>,
        #[wire(as = Latin1)]
        address: Text<'a>,
        #[wire(as = Latin1)]
        card: Text<'a>,
        #[wire(as = hex(8))]
        status: u32,
    },
    Other {
        #[wire(as = Latin1)]
        fields: Text<'a>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(sep = b',', lenient)]
pub enum Place<'a> {
    #[wire(when = left > 0)]
    Cells {
        #[wire(before(b"V,"))]
        mcc: Dec,
        mnc: Dec,
        /// `LAC,CID,signal`, joined by `Y`.
        #[wire(as = Latin1)]
        cells: Text<'a>,
    },
    Fixed {
        #[wire(as = Latin1)]
        valid: Text<'a>,
        #[wire(after(ns: Word = sign(lat, b"N", b"S")))]
        lat: DegMin<2>,
        #[wire(after(ew: Word = sign(lon, b"E", b"W")))]
        lon: DegMin<3>,
        speed: Dec,
        course: Dec,
        date: TextTime<Day>,
    },
}

/// `*HQ,4109179024,V4,V1,20261120152119#`
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(start = b"*", end = b"#", max = 64)]
#[wire(sep = b',')]
#[route(one_of = Port<'_>, sent)]
pub struct Confirm<'a> {
    #[wire(as = Latin1)]
    pub maker: Text<'a>,
    #[wire(as = Latin1)]
    pub id: Text<'a>,
    /// `V4`, or a sign of life, which is answered by itself.
    pub kind: Word,
    pub command: Option<Word>,
    pub time: Option<TextTime<Stamp>>,
}

/// A command: `S20` with `1,1` stops the engine, with `1,0` lets it go on.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(start = b"*", end = b"#", max = 256)]
#[wire(sep = b',')]
#[route(one_of = Port<'_>, deliver("h02/{client_id}/down/command", qos = 1, answer))]
pub struct Order<'a> {
    #[wire(as = Latin1)]
    pub maker: Text<'a>,
    #[wire(as = Latin1)]
    pub id: Text<'a>,
    #[wire(as = Latin1)]
    pub command: Text<'a>,
    #[wire(as = Latin1)]
    pub time: Text<'a>,
    #[wire(as = Latin1)]
    pub arguments: Option<Text<'a>>,
}

/// `181519`
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Clock;

impl TimeLayout for Clock {
    const PATTERN: &'static str = "hhmmss";
}

/// `090217`
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Day;

impl TimeLayout for Day {
    const PATTERN: &'static str = "DDMMYY";
}

/// `20261120152119`
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stamp;

impl TimeLayout for Stamp {
    const PATTERN: &'static str = "YYYYMMDDhhmmss";
}

/// Who sends; nobody, where that is left out.
fn id<'a>(frame: &Line<'a>) -> Option<Text<'a>> {
    Some(frame.id).filter(|id| !id.as_bytes().is_empty())
}

/// Locations of the first kind and cells want to be confirmed.
fn confirm<'a>(frame: &Line<'a>, cx: &mut Cx<'_, ()>, outcome: &Outcome) -> Option<Port<'a>> {
    let confirmed = [b"V1".as_slice(), b"NBR"].into_iter().any(|kind| Word::new(kind) == Some(frame.command));
    let time = TextTime::from_unix(cx.now.div_euclid(1000))?;
    let kind = Word::new(b"V4")?;
    // Whatever the device says in its place.
    let (command, time) = (Some(frame.command), Some(time));
    let confirm = Confirm { kind, maker: "HQ".into(), id: frame.id, command, time };
    (confirmed && outcome.is_done()).then_some(Port::Confirm(confirm))
}

fn alive<'a>(frame: &Line<'a>, _: &mut Cx<'_, ()>, _: &Outcome) -> Port<'a> {
    let (kind, command, time) = (frame.command, None, None);
    Port::Confirm(Confirm { maker: frame.maker, id: frame.id, kind, command, time })
}

/// A simulated tracker.
struct Tracker {
    id: String,
}

impl Device<Port<'static>> for Tracker {
    fn new(number: u32, _: &mut Random) -> Self {
        Self { id: format!("41{number:08}") }
    }

    fn ctx(&self) -> Option<PortCtx> {
        Some(PortCtx { size: 0 })
    }

    fn start(&mut self, out: &mut Sender<'_, Port<'static>>) {
        out.ready();
    }

    fn received(&mut self, _: &Port<'_>, _: &mut Sender<'_, Port<'static>>) {}

    fn tick(&mut self, random: &mut Random, out: &mut Sender<'_, Port<'static>>) {
        let Some(command) = Word::new(b"HTBT") else { return };
        let body = Body::Heartbeat { kind: command, battery: Some(random.make()) };
        out.send(&Port::Line(Line { maker: "HQ".into(), id: self.id.as_str().into(), command, body }));
    }
}

fn main() -> std::process::ExitCode {
    App::<Port>::new().port(5013).simulate::<Tracker>().main()
}
