//! KNXnet/IP: the gateway tunnels into an interface and speaks first.

use core::net::Ipv4Addr;
use core::time::Duration;

use exproto_runtime::codec::{FillError, Mac, Node};
use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;

use super::{sound, unhex};

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 1024)]
#[wire(endian = big, before(header: u8 = 6), before(version: u8 = 0x10))]
#[route(gateway, state = Tunnel, poll(next, before_login), downlink = envelope)]
struct Message<'a> {
    #[wire(before(service: u16 = tag(body)), before(length: u16 = size(..)))]
    body: Body<'a>,
}

/// What the gateway keeps of its tunnel.
#[derive(Debug)]
struct Tunnel {
    asked: bool,
    channel: u8,
    sequence: u8,
    beats: Schedule<()>,
}
impl Default for Tunnel {
    fn default() -> Self {
        let mut beats = Schedule::new();
        beats.every(Duration::from_secs(60), ());
        Self { asked: false, channel: 0, sequence: 0, beats }
    }
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
enum Body<'a> {
    #[wire(tag = 0x0201)]
    #[route(sent)]
    SearchRequest { discovery: Hpai },
    #[wire(tag = 0x0202)]
    #[route(public, publish("knx/{peer}/found"))]
    SearchResponse {
        control: Hpai,
        #[wire(rest)]
        dibs: List<'a, Dib<'a>>,
    },
    #[wire(tag = 0x020B)]
    #[route(sent)]
    SearchExtended {
        discovery: Hpai,
        #[wire(rest)]
        parameters: List<'a, Srp<'a>>,
    },
    #[wire(tag = 0x0203)]
    #[route(sent)]
    DescriptionRequest { control: Hpai },
    #[wire(tag = 0x0204)]
    #[route(public, publish("knx/{peer}/described"))]
    DescriptionResponse {
        #[wire(rest)]
        dibs: List<'a, Dib<'a>>,
    },
    #[wire(tag = 0x0205)]
    #[route(sent, answer)]
    ConnectRequest { control: Hpai, data: Hpai, kind: Connection },
    #[wire(tag = 0x0206)]
    #[route(auth(client_id = connected(frame)), answers, subscribe("knx/{client_id}/+/+/+/set"), with = keep)]
    ConnectResponse {
        channel: u8,
        status: u8,
        #[wire(if = left > 0)]
        rest: Option<Connected>,
    },
    #[wire(tag = 0x0207)]
    #[route(sent, answer = channel)]
    StateRequest {
        channel: u8,
        #[wire(before(_: u8))]
        control: Hpai,
    },
    #[wire(tag = 0x0208)]
    #[route(answers = channel, publish("knx/{client_id}/state"))]
    StateResponse { channel: u8, status: u8 },
    #[wire(tag = 0x0209)]
    #[route(heartbeat, close("the interface disconnects"), reply = Message { body: Body::DisconnectResponse { channel: *channel_of(frame), status: 0 } })]
    DisconnectRequest {
        channel: u8,
        #[wire(before(_: u8))]
        control: Hpai,
    },
    #[wire(tag = 0x020A)]
    #[route(sent)]
    DisconnectResponse { channel: u8, status: u8 },
    #[wire(tag = 0x0420)]
    #[route(publish("knx/{client_id}/{cemi.main}/{cemi.middle}/{cemi.sub}", payload = cemi))]
    #[route(reply = Message { body: Body::TunnellingAck { channel: *channel_of(frame), sequence: sequence_of(frame), status: 0 } })]
    #[route(deliver("knx/{client_id}/{+main}/{+middle}/{+sub}/set", payload = with(down), answer = (channel, sequence)))]
    TunnellingRequest {
        #[wire(before(structure: u8 = 4))]
        channel: u8,
        sequence: u8,
        #[wire(before(_: u8))]
        cemi: Cemi<'a>,
    },
    #[wire(tag = 0x0421)]
    #[route(answers = (channel, sequence), publish("knx/{client_id}/done/{request}"))]
    TunnellingAck {
        #[wire(before(structure: u8 = 4))]
        channel: u8,
        sequence: u8,
        status: u8,
    },
    #[wire(tag = 0x0530)]
    #[route(public, publish("knx/routing", payload = cemi))]
    Routing { cemi: Cemi<'a> },
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        service: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big, before(length: u8 = 8))]
struct Hpai {
    protocol: u8,
    address: Ipv4Addr,
    port: u16,
}
const BACK: Hpai = Hpai { protocol: 1, address: Ipv4Addr::UNSPECIFIED, port: 0 };

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
struct Connected {
    data: Hpai,
    given: Crd,
}

/// The length counts itself and the type.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
struct Connection {
    #[wire(before(length: u8 = size(length..)), before(kind: u8 = tag(request)))]
    request: Request,
}
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
enum Request {
    #[wire(tag = 3)]
    Management,
    #[wire(tag = 4)]
    Tunnel {
        #[wire(after(_: u8))]
        layer: u8,
    },
}
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
struct Crd {
    #[wire(before(length: u8 = size(length..)), before(kind: u8 = tag(response)))]
    response: Response,
}
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(endian = big)]
enum Response {
    #[wire(tag = 3)]
    Management,
    #[wire(tag = 4)]
    Tunnel { address: Individual },
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Dib<'a>(#[wire(before(length: u8 = size(length..)), before(kind: u8 = tag(0)))] Description<'a>);

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
enum Description<'a> {
    #[wire(tag = 1)]
    Device {
        medium: u8,
        status: u8,
        address: Individual,
        project: u16,
        serial: [u8; 6],
        multicast: Ipv4Addr,
        mac: Mac,
        #[wire(size = 30, fill = 0, as = Latin1)]
        name: Text<'a>,
    },
    #[wire(tag = 2)]
    Families(#[wire(rest)] List<'a, Family>),
    #[wire(other)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Family {
    family: u8,
    version: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
struct Srp<'a>(
    #[wire(before(length: u8 = size(length..)), before(mandatory: bits(1) = 1), before(kind: bits(7) = tag(0)))]
     Parameter<'a>,
);
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
enum Parameter<'a> {
    #[wire(tag = 1)]
    Programming,
    #[wire(tag = 2)]
    ByMac(Mac),
    #[wire(other)]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u16, endian = big)]
struct Individual {
    #[wire(bits = 4)]
    area: u8,
    #[wire(bits = 4)]
    line: u8,
    #[wire(bits = 8)]
    device: u8,
}
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u16, endian = big)]
struct Group {
    #[wire(bits = 5)]
    main: u8,
    #[wire(bits = 3)]
    middle: u8,
    #[wire(bits = 8)]
    sub: u8,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct Cemi<'a> {
    code: u8,
    #[wire(size = prefix(u8))]
    info: &'a [u8],
    #[wire(bits = 1)]
    standard: bool,
    #[wire(before(_: bits(1)), bits = 1)]
    no_repeat: bool,
    #[wire(bits = 1)]
    broadcast: bool,
    #[wire(bits = 2)]
    priority: u8,
    #[wire(bits = 1)]
    acknowledge: bool,
    #[wire(bits = 1)]
    failed: bool,
    #[wire(before(to_group: bits(1) = present(group)), bits = 3)]
    hops: u8,
    #[wire(bits = 4)]
    extended: u8,
    source: Individual,
    group: Option<Group>,
    #[wire(if = to_group == 0)]
    individual: Option<Individual>,
    // What topics speak of.
    #[wire(skip, hidden, default = group.map(|it| it.main))]
    main: Option<u8>,
    #[wire(skip, hidden, default = group.map(|it| it.middle))]
    middle: Option<u8>,
    #[wire(skip, hidden, default = group.map(|it| it.sub))]
    sub: Option<u8>,
    #[wire(before(length: u8 = size(tpdu) - 1))]
    tpdu: Tpdu<'a>,
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
enum Tpdu<'a> {
    #[wire(when = left == 1)]
    Control {
        #[wire(bits = 1)]
        control: bool,
        #[wire(bits = 1)]
        numbered: bool,
        #[wire(bits = 4)]
        sequence: u8,
        #[wire(bits = 2)]
        code: u8,
    },
    #[wire(when = left == 2)]
    Short {
        #[wire(bits = 6)]
        tpci: u8,
        #[wire(bits = 4)]
        apci: Apci,
        #[wire(bits = 6)]
        value: u8,
    },
    Long {
        #[wire(bits = 6)]
        tpci: u8,
        #[wire(bits = 4)]
        apci: Apci,
        #[wire(bits = 6)]
        small: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = bits(4))]
enum Apci {
    #[wire(tag = 0)]
    Read,
    #[wire(tag = 1)]
    Response,
    #[wire(tag = 2)]
    Write,
    #[wire(other)]
    Other(u8),
}

fn channel_of<'f>(frame: &'f Message<'_>) -> &'f u8 {
    match &frame.body {
        Body::ConnectResponse { channel, .. }
        | Body::TunnellingRequest { channel, .. }
        | Body::DisconnectRequest { channel, .. } => channel,
        _ => &0,
    }
}
fn sequence_of(frame: &Message<'_>) -> u8 {
    if let Body::TunnellingRequest { sequence, .. } = frame.body { sequence } else { 0 }
}
fn connected(frame: &Message<'_>) -> Option<&'static str> {
    matches!(frame.body, Body::ConnectResponse { status: 0, .. }).then_some("interface")
}
fn keep(frame: &Message<'_>, cx: &mut Cx<'_, Tunnel>, _: &mut Asks<'_>) {
    cx.state.channel = *channel_of(frame);
}

fn next<'a>(cx: &mut Cx<'_, Tunnel>) -> Next<Message<'a>> {
    if cx.client_id.is_empty() {
        if core::mem::replace(&mut cx.state.asked, true) {
            return Next::Idle;
        }
        let kind = Connection { request: Request::Tunnel { layer: 2 } };
        return Next::Ask(Message { body: Body::ConnectRequest { control: BACK, data: BACK, kind } });
    }
    if cx.state.beats.due(cx.clock).is_some() {
        return Next::Ask(Message { body: Body::StateRequest { channel: cx.state.channel, control: BACK } });
    }
    Next::In(cx.state.beats.wait(cx.clock))
}

fn down<'a>(payload: &'a Node, cx: &mut Cx<'_, Tunnel>) -> Result<Body<'a>, FillError> {
    let level = |name: &str| cx.level(name).parse().map_err(|_| FillError::new(format!("no {name}")));
    let group = Group { main: level("main")?, middle: level("middle")?, sub: level("sub")? };
    let cemi = Cemi {
        code: 0x11,
        info: &[],
        standard: true,
        no_repeat: true,
        broadcast: true,
        priority: 3,
        acknowledge: false,
        failed: false,
        hops: 6,
        extended: 0,
        source: Individual { area: 0, line: 0, device: 0 },
        group: Some(group),
        individual: None,
        main: None,
        middle: None,
        sub: None,
        tpdu: Tpdu::Short { tpci: 0, apci: Apci::Write, value: payload.field("value")? },
    };
    Ok(Body::TunnellingRequest { channel: 0, sequence: 0, cemi })
}
fn envelope<'a>(mut body: Body<'a>, cx: &mut Cx<'_, Tunnel>) -> Message<'a> {
    if let Body::TunnellingRequest { channel, sequence, .. } = &mut body {
        *channel = cx.state.channel;
        *sequence = cx.state.sequence;
        cx.state.sequence = cx.state.sequence.wrapping_add(1);
    }
    Message { body }
}

/// Made for these tests from the formats of the services.
const MADE: [&str; 16] = [
    "0610 0201 000e 0801 c0a80164 0e57",
    "0610 0202 0050 0801 c0a80114 0e57 3601 02 00 1105 0000 0a0b0c0d0e0f e000170c 0a0b0c0d0e01
     526f7574657220322e30 0000000000000000000000000000000000000000 0c02 0201 0302 0401 0501 0701",
    "0610 0206 0014 01 00 0801 c0a80114 0e57 0404 11ff",
    "0610 0206 0012 01 00 0801 c0a80114 0e57 0203",
    "0610 0205 001a 0801 c0a80164 8495 0801 c0a80164 cca9 0404 0200",
    "0610 0420 0015 0401 1700 1100 bce0 0000 4808 01 0081",
    "0610 0207 0010 1500 0801 c0a80164 c3b4",
    "0610 0208 0008 15 21",
    "0610 0209 0010 1500 0801 c0a80164 c3b4",
    "0610 020a 0008 15 25",
    "0610 0421 000a 042a 1700",
    "0610 0530 0012 2900 bcd0 1202 0151 02 0040f0",
    "0610 0530 0014 2900 bcd0 1202 0151 04 00800d172a",
    "0610 0530 0011 2900 bcd0 fff9 0149 01 0080",
    "0610 020b 0018 0801 e000170c 0e57 0281 0882 0a0b0c0d0e01",
    "0610 0530 0010 2900 0000 0000 0000 00 80",
];

#[test]
fn frames_are_read_and_written_again() {
    let json = sound::<Message<'static>>(&MADE.map(unhex));
    assert_eq!(json[1]["body"]["search_response"]["dibs"][0]["device"]["name"], "Router 2.0");
}

#[test]
fn the_gateway_tunnels_into_the_interface() {
    let mut bus = TestConn::<Message<'static>>::new();
    assert_eq!(bus.take_sent(), unhex("0610 0205 001a 0801 00000000 0000 0801 00000000 0000 0404 0200"));
    bus.send(&unhex(MADE[2]));
    assert_eq!(bus.client_id(), "interface");
    assert_eq!(bus.take_sent(), unhex("0610 0207 0010 0100 0801 00000000 0000"));
    bus.send(&unhex("0610 0208 0008 01 00"));
    bus.send(&unhex("0610 0420 0015 0401 1700 2900 bce0 110a 4808 01 0081"));
    assert_eq!(bus.take_sent(), unhex("0610 0421 000a 0401 1700"));
    assert_eq!(bus.publishes().last().unwrap().topic, "knx/interface/9/0/8");
    assert!(bus.message("knx/interface/9/0/8/set", br#"{"value":1}"#));
    assert_eq!(bus.take_sent(), unhex("0610 0420 0015 0401 0000 1100 bce0 0000 4808 01 0081"));
    bus.send(&unhex("0610 0421 000a 0401 0000"));
    assert_eq!(bus.publishes().last().unwrap().topic, "knx/interface/done/tunnelling_request");
    let state = unhex("0610 0207 0010 0100 0801 00000000 0000");
    bus.advance(Duration::from_secs(60));
    assert_eq!(bus.take_sent(), state);
    bus.send(&unhex("0610 0208 0008 01 00"));
    bus.advance(Duration::from_secs(59));
    assert_eq!(bus.take_sent(), b"");
    // Without an answer within a second it is asked again.
    bus.advance(Duration::from_secs(2));
    assert_eq!(bus.take_sent(), [&state[..], &state].concat());
}
