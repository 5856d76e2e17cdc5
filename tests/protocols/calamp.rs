//! CalAmp's LMU messages over UDP: a head of optional parts, bodies that break off where
//! the unit has no more to tell.

use exproto_runtime::codec::{BitText, Deframer, Item, UnixSeconds, encode, reencode};
use exproto_runtime::prelude::*;

use super::{frames, hex, sent, unhex};

const ID: &str = "0123456789abcdeF";

/// The first byte is a mask of options, or, without bit 7, already the service.
#[derive(ExProtoFrame, Debug, Clone)]
#[frame(datagram)]
#[wire(endian = big)]
#[route(gateway, downlink = envelope)]
struct Message<'a> {
    head: u8,
    #[wire(if = head & 0x81 == 0x81, size = prefix(u8), as = BitText::big(ID).pad('F'))]
    mobile: Option<TextBuf>,
    #[wire(if = head & 0x82 == 0x82, size = prefix(u8))]
    mobile_kind: Option<u8>,
    #[wire(if = head & 0x84 == 0x84, size = prefix(u8))]
    authentication: Option<&'a [u8]>,
    #[wire(if = head & 0x88 == 0x88, size = prefix(u8))]
    routing: Option<&'a [u8]>,
    #[wire(if = head & 0x90 == 0x90, size = prefix(u8))]
    forwarding: Option<&'a [u8]>,
    #[wire(if = head & 0xA0 == 0xA0, size = prefix(u8))]
    redirection: Option<&'a [u8]>,
    #[wire(if = head & 0x80 != 0)]
    service_behind: Option<u8>,
    #[wire(skip, default = service_behind.unwrap_or(head))]
    service: u8,
    #[wire(before(kind: u8 = tag(body)))]
    sequence: u16,
    #[wire(rest)]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
#[route(auth(client_id = frame.mobile.as_ref().map(|it| it.as_text().to_str().into_owned())), reply = acknowledge)]
enum Body<'a> {
    #[wire(tag = 0)]
    #[route(heartbeat)]
    Null,
    #[wire(tag = 1)]
    #[route(answers = sequence, publish("calamp/{client_id}/ack/{request}"), reply = none)]
    Ack {
        kind: u8,
        code: u8,
        #[wire(before(_: u8))]
        version: [u8; 3],
    },
    #[wire(tag = 2)]
    #[route(publish("calamp/{client_id}/event", qos = 1))]
    Event {
        #[wire(flatten)]
        fix: Fix,
        index: u8,
        code: u8,
        #[wire(flatten)]
        values: Accumulators<'a>,
    },
    #[wire(tag = 3)]
    #[route(publish("calamp/{client_id}/id"))]
    Id {
        script: u8,
        config: u8,
        #[wire(size = 3)]
        firmware: &'a [u8],
        #[wire(rest)]
        rest: &'a [u8],
    },
    #[wire(tag = 4)]
    #[route(publish("calamp/{client_id}/user"))]
    User {
        #[wire(flatten)]
        fix: Fix,
        route: u8,
        id: u8,
        #[wire(size = prefix(u16), as = Ascii)]
        text: Text<'a>,
        #[wire(rest)]
        more: &'a [u8],
    },
    #[wire(tag = 7)]
    #[route(deliver("calamp/{client_id}/request", answer = sequence))]
    Request { action: u8, data8: u8, data16: u16, data32: u32 },
    #[wire(tag = 8)]
    #[route(publish("calamp/{client_id}/locate"))]
    Locate {
        #[wire(flatten)]
        fix: Fix,
        #[wire(flatten)]
        values: Accumulators<'a>,
    },
    #[wire(tag = 10)]
    #[route(publish("calamp/{client_id}/mini", qos = 1))]
    Mini {
        #[wire(as = u32)]
        time: UnixSeconds,
        #[wire(scale = 1e-7, unit = "deg")]
        lat: i32,
        #[wire(scale = 1e-7, unit = "deg")]
        lon: i32,
        #[wire(unit = "deg")]
        course: i16,
        #[wire(unit = "km/h")]
        speed: u8,
        #[wire(before(_: bits(2)), bits = 1)]
        invalid: bool,
        #[wire(before(_: bits(1)), bits = 4)]
        satellites: u8,
        comm: u8,
        inputs: u8,
        code: u8,
        #[wire(before(_: bits(2)), bits = 6)]
        count: u8,
        #[wire(size = (count as usize * 4).min(left))]
        accumulators: Vec<u32>,
        #[wire(rest)]
        more: &'a [u8],
    },
    #[wire(other)]
    #[route(publish("calamp/{client_id}/other/{kind}", payload = data))]
    Other {
        #[wire(tag)]
        kind: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
struct Fix {
    #[wire(as = u32)]
    time: UnixSeconds,
    #[wire(as = u32)]
    fixed: UnixSeconds,
    #[wire(scale = 1e-7, unit = "deg")]
    lat: i32,
    #[wire(scale = 1e-7, unit = "deg")]
    lon: i32,
    #[wire(scale = 0.01, unit = "m")]
    altitude: i32,
    #[wire(scale = 0.01, unit = "m/s")]
    speed: u32,
    #[wire(unit = "deg")]
    course: i16,
    satellites: u8,
    #[wire(before(_: bits(2)), bits = 1)]
    predicted: bool,
    #[wire(bits = 1)]
    diff: bool,
    #[wire(bits = 1)]
    invalid: bool,
    #[wire(bits = 1)]
    two_d: bool,
    #[wire(bits = 1)]
    historic: bool,
    #[wire(bits = 1)]
    invalid_time: bool,
    carrier: u16,
    rssi: i16,
    comm: u8,
    #[wire(scale = 0.1)]
    hdop: u8,
    #[wire(bits = 7)]
    inputs: u8,
    #[wire(bits = 1)]
    ignition: bool,
    status: u8,
}

/// What is there of as many as are announced.
#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big)]
struct Accumulators<'a> {
    #[wire(bits = 2)]
    kind: u8,
    #[wire(bits = 6)]
    count: u8,
    append: u8,
    #[wire(if = kind == 1)]
    threshold: Option<u32>,
    #[wire(if = kind == 1)]
    mask: Option<u32>,
    #[wire(size = (count as usize * 4).min(left / 4 * 4))]
    values: Vec<u32>,
    #[wire(rest)]
    more: &'a [u8],
}

fn acknowledge<'a>(frame: &Message<'a>, _: &mut Cx<'_, ()>, outcome: &Outcome) -> Option<Message<'a>> {
    let body = Body::Ack { kind: frame.body.tag() as u8, code: outcome.pick(0, 1), version: [0; 3] };
    (frame.service == 1).then(|| Message { sequence: frame.sequence, ..message(2, body) })
}
fn message(head: u8, body: Body<'_>) -> Message<'_> {
    Message {
        head,
        mobile: None,
        mobile_kind: None,
        authentication: None,
        routing: None,
        forwarding: None,
        redirection: None,
        service_behind: None,
        service: head,
        sequence: 0,
        body,
    }
}
fn envelope<'a>(body: Body<'a>, cx: &mut Cx<'_, ()>) -> Message<'a> {
    Message { sequence: cx.next_serial(), ..message(1, body) }
}

/// Frames of Traccar's tests.
fn real() -> Vec<Vec<u8>> {
    frames(include_str!("../captures/calamp/traccar.hexl"))
}

#[test]
fn datagrams_are_read_and_written_again() {
    for wire in real() {
        let (mut deframer, mut scratch, mut seen) = (Deframer::<Message<'_>>::new(), Vec::new(), 0);
        deframer.datagram(&wire, &mut scratch, |item| {
            let Item::Frame(raw) = item else { panic!("{}", hex(&wire)) };
            let received = raw.decode::<Message<'_>>().unwrap();
            let (mut again, mut kept) = (Vec::new(), Vec::new());
            encode::<Message<'_>>(&received.frame, &mut again).unwrap();
            reencode::<Message<'_>>(&received, &raw, &mut kept).unwrap();
            assert_eq!(hex(&kept), hex(&wire));
            // Of one a reserved bit is set.
            assert_eq!(again == wire, received.flags.is_empty(), "{}", hex(&wire));
            seen += 1;
        });
        assert_eq!(seen, 1);
    }
}

#[test]
fn what_is_cut_off_spoils_no_other_datagram() {
    for wire in real() {
        for at in 0..wire.len() {
            let (mut deframer, mut scratch, mut sound) = (Deframer::<Message<'_>>::new(), Vec::new(), 0);
            for part in [&wire[..at], &wire[at..], &wire[..]] {
                deframer.datagram(part, &mut scratch, |item| {
                    if let Item::Frame(raw) = item {
                        sound += usize::from(raw.decode::<Message<'_>>().is_ok());
                    }
                });
            }
            assert!(sound >= 1);
        }
    }
}

#[test]
fn what_asks_for_it_is_acknowledged() {
    for wire in real() {
        let unit = sent::<Message<'static>>(&wire);
        let service = 4 + usize::from(wire[1]);
        let ack = match wire[service] {
            1 => vec![2, 1, wire[service + 2], wire[service + 3], wire[service + 1], 0, 0, 0, 0, 0],
            _ => vec![],
        };
        assert_eq!(unit.sent(), ack, "{}", hex(&wire));
    }
}

#[test]
fn requests_are_answered() {
    let mut unit = sent::<Message<'static>>(&real()[7]);
    unit.take_sent();
    assert!(unit.message("calamp/2132052924/request", br#"{"action":10,"data8":0,"data16":0,"data32":0}"#));
    assert_eq!(hex(&unit.take_sent()), hex(&unhex("01 07 0000 0a 00 0000 00000000")));
    unit.send(&unhex("02 01 0000 07 00 00 000000"));
    assert_eq!(unit.publishes().last().unwrap().topic, "calamp/2132052924/ack/request");
    assert!(unit.sent().is_empty());
}
