//! MAVLink 1 and 2, the second also signed, on one port: two headers around the same
//! messages, of which the first has no room for all.

use std::time::Duration;

use exproto_runtime::codec::{Crc, CrcParams, Ticks, TrailingZeros};
use exproto_runtime::prelude::*;
use exproto_runtime::testkit::TestConn;
use serde_json::json;

use super::{frames, sent, sound, texts, topics, unhex};

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway, state = Link, poll(beat, before_login))]
enum Port {
    V1(V1),
    V2(V2),
}

#[derive(Debug, Default)]
struct Link {
    beat: u64,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[frame]
#[wire(endian = little, before(b"\xFE"))]
#[route(one_of = Port, shared, downlink = envelope)]
struct V1 {
    #[wire(before(length: u8 = size(body)))]
    sequence: u8,
    system: u8,
    component: u8,
    #[wire(before(id: u8 = tag(body)))]
    #[wire(via = old(id as u32), max = 255)]
    body: Body,
    #[wire(if = extra(id as u32).is_some())]
    #[wire(is = crc("CRC-16/MCRF4XX", length..=body, also = extra(id as u32)))]
    check: Option<u16>,
    #[wire(if = extra(id as u32).is_none())]
    unverified: Option<u16>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[frame]
#[wire(endian = little, before(b"\xFD"))]
#[route(one_of = Port, shared, downlink = envelope)]
struct V2 {
    #[wire(before(length: u8 = size(body)))]
    incompatible: u8,
    compatible: u8,
    sequence: u8,
    system: u8,
    component: u8,
    #[wire(before(id: u24 = tag(body)))]
    #[wire(via = TrailingZeros::keep(1), max = 255)]
    body: Body,
    #[wire(if = extra(id).is_some())]
    #[wire(is = crc("CRC-16/MCRF4XX", length..=body, also = extra(id)))]
    check: Option<u16>,
    #[wire(if = extra(id).is_none())]
    unverified: Option<u16>,
    #[wire(if = incompatible & 1 != 0)]
    signature: Option<Signature>,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = little)]
struct Signature {
    link: u8,
    #[wire(as = u48)]
    at: Ticks<100_000, 1, 1_420_070_400>,
    hash: [u8; 6],
}

/// Id, the byte that tells layouts apart, size in version 1.
const MESSAGES: [(u32, u8, usize); 12] = [
    (0, 50, 9),
    (1, 124, 31),
    (2, 137, 12),
    (22, 220, 25),
    (23, 168, 23),
    (24, 24, 30),
    (30, 39, 28),
    (33, 104, 28),
    (76, 152, 33),
    (77, 143, 3),
    (253, 83, 51),
    (256, 71, 42),
];

fn row(id: u32) -> Option<&'static (u32, u8, usize)> {
    MESSAGES.iter().find(|row| row.0 == id)
}

fn extra(id: u32) -> Option<u8> {
    row(id).map(|row| row.1)
}

/// Version 1 knows nothing of the fields that came later.
struct Old(usize);

fn old(id: u32) -> Option<Old> {
    row(id).map(|row| Old(row.2))
}

impl Transform for Old {
    fn decode(&self, bytes: &[u8], _: usize) -> Option<Vec<u8>> {
        Some(bytes.to_vec())
    }

    fn encode(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        bytes.get(..self.0).map(<[u8]>::to_vec)
    }

    fn zeros(&self) -> bool {
        true
    }
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = little)]
#[route(frames(V1, V2))]
enum Body {
    #[wire(tag = 0)]
    #[route(auth(client_id = "mav-{system}"), publish("mav/{system}/{component}/heartbeat"))]
    Heartbeat { custom_mode: u32, kind: u8, autopilot: u8, base_mode: Mode, status: State, version: u8 },
    #[wire(tag = 1)]
    #[route(publish("mav/{system}/{component}/status"))]
    SysStatus {
        present: u32,
        enabled: u32,
        health: u32,
        #[wire(scale = 0.1, unit = "%")]
        load: u16,
        #[wire(scale = 0.001, unit = "V", sentinel(0xFFFF => null))]
        voltage: u16,
        #[wire(scale = 0.01, unit = "A", sentinel(-1 => null))]
        current: i16,
        drop_rate: u16,
        errors: u16,
        counts: [u16; 4],
        #[wire(sentinel(-1 => null))]
        remaining: i8,
        present_ext: u32,
        enabled_ext: u32,
        health_ext: u32,
    },
    #[wire(tag = 2)]
    #[route(publish("mav/{system}/{component}/time"))]
    SystemTime {
        #[wire(as = u64)]
        unix: Ticks<1_000_000>,
        boot_ms: u32,
    },
    #[wire(tag = 22)]
    #[route(publish("mav/{system}/{component}/param"))]
    ParamValue {
        value: f32,
        count: u16,
        index: u16,
        #[wire(size = 16, fill = 0, as = Ascii)]
        id: TextBuf,
        kind: u8,
    },
    #[wire(tag = 24)]
    #[route(publish("mav/{system}/{component}/gps"))]
    GpsRawInt {
        #[wire(as = u64)]
        time: Ticks<1_000_000>,
        #[wire(scale = 1e-7, unit = "deg")]
        lat: i32,
        #[wire(scale = 1e-7, unit = "deg")]
        lon: i32,
        #[wire(scale = 0.001, unit = "m")]
        alt: i32,
        #[wire(scale = 0.01, sentinel(0xFFFF => null))]
        eph: u16,
        #[wire(scale = 0.01, sentinel(0xFFFF => null))]
        epv: u16,
        #[wire(scale = 0.01, unit = "m/s", sentinel(0xFFFF => null))]
        speed: u16,
        #[wire(scale = 0.01, unit = "deg", sentinel(0xFFFF => null))]
        course: u16,
        fix: u8,
        #[wire(sentinel(0xFF => null))]
        satellites: u8,
        #[wire(scale = 0.001, unit = "m")]
        alt_ellipsoid: i32,
        h_acc: u32,
        v_acc: u32,
        vel_acc: u32,
        hdg_acc: u32,
        #[wire(scale = 0.01)]
        yaw: u16,
    },
    #[wire(tag = 30)]
    #[route(publish("mav/{system}/{component}/attitude"))]
    Attitude { boot_ms: u32, roll: f32, pitch: f32, yaw: f32, roll_rate: f32, pitch_rate: f32, yaw_rate: f32 },
    #[wire(tag = 33)]
    #[route(publish("mav/{system}/{component}/position"))]
    GlobalPosition {
        boot_ms: u32,
        #[wire(scale = 1e-7, unit = "deg")]
        lat: i32,
        #[wire(scale = 1e-7, unit = "deg")]
        lon: i32,
        #[wire(scale = 0.001, unit = "m")]
        alt: i32,
        #[wire(scale = 0.001, unit = "m")]
        relative: i32,
        vx: i16,
        vy: i16,
        vz: i16,
        #[wire(scale = 0.01, sentinel(0xFFFF => null))]
        heading: u16,
    },
    #[wire(tag = 77)]
    #[route(answers = command, publish("mav/{system}/{component}/ack/{request}"))]
    CommandAck { command: u16, result: u8, progress: u8, result2: i32, target: u8, target_component: u8 },
    #[wire(tag = 253)]
    #[route(publish("mav/{system}/{component}/text"))]
    StatusText {
        severity: u8,
        #[wire(size = 50, fill = 0, as = Utf8)]
        text: TextBuf,
        id: u16,
        chunk: u8,
    },
    #[wire(tag = 23)]
    #[route(deliver("mav/{client_id}/set"))]
    ParamSet {
        value: f32,
        target: u8,
        target_component: u8,
        #[wire(size = 16, fill = 0, as = Ascii)]
        id: TextBuf,
        kind: u8,
    },
    #[wire(tag = 76)]
    #[route(deliver("mav/{client_id}/command", qos = 1, answer = command))]
    CommandLong { params: [f32; 7], command: u16, target: u8, target_component: u8, confirmation: u8 },
    #[wire(tag = 256)]
    #[route(ignore)]
    SetupSigning { initial: u64, target: u8, target_component: u8, key: [u8; 32] },
    #[wire(other)]
    #[route(publish("mav/{system}/{component}/unknown/{id}", payload = data))]
    Other {
        #[wire(tag)]
        id: u32,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(bits = u8, endian = big)]
struct Mode {
    #[wire(bits = 1)]
    armed: bool,
    #[wire(bits = 1)]
    manual: bool,
    #[wire(bits = 1)]
    hil: bool,
    #[wire(bits = 1)]
    stabilize: bool,
    #[wire(bits = 1)]
    guided: bool,
    #[wire(bits = 1)]
    auto: bool,
    #[wire(bits = 1)]
    test: bool,
    #[wire(bits = 1)]
    custom: bool,
}

#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[wire(tag = u8)]
enum State {
    #[wire(tag = 0)]
    Uninit,
    #[wire(tag = 1)]
    Boot,
    #[wire(tag = 2)]
    Calibrating,
    #[wire(tag = 3)]
    Standby,
    #[wire(tag = 4)]
    Active,
    #[wire(tag = 5)]
    Critical,
    #[wire(tag = 6)]
    Emergency,
    #[wire(other)]
    Other(u8),
}

/// A station shows every second that it is there, whether or not it hears anybody.
fn beat(cx: &mut Cx<'_, Link>) -> Next<Port> {
    if cx.clock < cx.state.beat {
        return Next::In(Duration::from_millis(cx.state.beat - cx.clock));
    }
    cx.state.beat = cx.clock + 1000;
    let base_mode = Mode {
        armed: false,
        manual: false,
        hil: false,
        stabilize: false,
        guided: false,
        auto: false,
        test: false,
        custom: false,
    };
    let status = State::Active;
    let body = Body::Heartbeat { custom_mode: 0, kind: 6, autopilot: 8, base_mode, status, version: 3 };
    Next::Tell(envelope(body, cx))
}

fn envelope(body: Body, cx: &mut Cx<'_, Link>) -> Port {
    Port::V2(V2 {
        incompatible: 0,
        compatible: 0,
        sequence: cx.next_serial(),
        system: 255,
        component: 190,
        body,
        check: None,
        unverified: None,
        signature: None,
    })
}

fn real() -> Vec<Vec<u8>> {
    frames(include_str!("../captures/mavlink/rust_mavlink.hexl"))
}

/// Both versions of one message.
fn both(id: u8, payload: &[u8], whole: usize) -> [Vec<u8>; 2] {
    let check = |frame: &mut Vec<u8>| {
        static CRC: Crc<u32> = Crc::<u32>::new(CrcParams {
            width: 16,
            poly: 0x1021,
            init: 0xFFFF,
            refin: true,
            refout: true,
            xorout: 0,
        });
        let covered = [&frame[1..], &[extra(u32::from(id)).unwrap()]].concat();
        frame.extend((CRC.compute(&covered) as u16).to_le_bytes());
    };
    let mut old = vec![0xFE, whole as u8, 7, 1, 1, id];
    old.extend(payload);
    old.resize(6 + whole, 0);
    check(&mut old);
    let mut new = vec![0xFD, payload.len() as u8, 0, 0, 7, 1, 1, id, 0, 0];
    new.extend(payload);
    check(&mut new);
    [old, new]
}

#[test]
fn frames_of_both_versions() {
    let all = sound::<Port>(&real());
    assert_eq!(all[0]["v1"]["body"], all[1]["v2"]["body"]);
    assert_eq!(all[1]["v2"]["body"]["heartbeat"]["status"], "standby");
    assert_eq!(all[2]["v2"]["body"]["param_value"]["id"], "BAT1_R_INTERNAL");
    assert_eq!(all[5]["v2"]["signature"]["link"], 0);
    for (at, frame) in real().into_iter().enumerate() {
        let mut damaged = frame;
        let check = damaged.len() - if at == 5 { 15 } else { 2 };
        damaged[check] ^= 1;
        assert!(sent::<Port>(&damaged).publishes().is_empty());
    }
}

#[test]
fn zeros_at_the_end_are_not_sent() {
    let text = [&[4][..], b"EKF3 IMU0 is using GPS"].concat();
    let cases = [(253, &text[..], 51), (77, &[0x90, 1], 3), (2, &[1, 2, 3], 12)];
    for (id, payload, whole) in cases {
        let frames = both(id, payload, whole);
        let json = sound::<Port>(&frames);
        assert_eq!(json[0]["v1"]["body"], json[1]["v2"]["body"]);
    }
}

#[test]
fn a_vehicle_and_a_station() {
    let mut drone = TestConn::<Port>::new();
    assert_eq!(drone.take_sent()[..10], unhex("fd 09 00 00 00 ff be 00 00 00"));
    drone.advance(Duration::from_secs(3));
    assert_eq!(drone.sent_frames().len(), 3);
    for frame in real() {
        drone.send(&frame);
    }
    assert_eq!(drone.client_id(), "mav-1");
    assert_eq!(topics(&drone)[..3], ["mav/1/2/heartbeat", "mav/1/2/heartbeat", "mav/1/1/param"]);
    drone.take_sent();
    let command = json!({"params": [1, 0, 0, 0, 0, 0, 0], "command": 400, "target": 1, "target_component": 1, "confirmation": 0});
    assert!(drone.message("mav/mav-1/command", command.to_string().as_bytes()));
    assert_eq!(drone.take_sent()[7..10], [76, 0, 0]);
    let [old, _] = both(77, &[0x90, 1], 3);
    drone.send(&old);
    assert_eq!(topics(&drone).last(), Some(&"mav/1/1/ack/command_long"));
}

#[test]
fn a_message_that_nobody_knows_is_not_verified() {
    let conn =
        sent::<Port>(&[&real()[1][..], &unhex("fd 03 00 00 07 01 01 10 a4 00 01 02 03 99 99")].concat());
    assert_eq!(texts(&conn)[1].split(' ').next(), Some("mav/1/1/unknown/42000"));
}
