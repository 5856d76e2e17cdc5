//! DLMS/COSEM telegrams that meters push, in HDLC frames of format type 3.

use exproto_runtime::codec::{BerLength, Crc, CrcParams};
use exproto_runtime::prelude::*;
use exproto_runtime::session::{ConnInfo, SessionSettings};
use exproto_runtime::testkit::TestConn;

use super::{refused, sound, unhex};

/// The header has a checksum of its own where information follows it.
#[derive(ExProtoFrame, Debug, Clone)]
#[frame]
#[wire(endian = big, before(b"\x7E"), after(b"\x7E"))]
#[route(gateway, auth(client_id = "{param.meter}"))]
#[route(publish("dlms/{client_id}/push", payload = info, if = control == 0x13))]
struct Hdlc<'a> {
    #[wire(before(kind: bits(4) = 0xA), bits = 1)]
    segmented: bool,
    #[wire(before(length: bits(11) = size(kind..=fcs)))]
    #[wire(until = |part| part.last, max = 4)]
    destination: Vec<Part>,
    #[wire(until = |part| part.last, max = 4)]
    source: Vec<Part>,
    control: u8,
    #[wire(if = length as usize > 5 + destination.len() + source.len())]
    #[wire(is = crc("CRC-16/X-25", kind..=control), endian = little)]
    hcs: Option<u16>,
    #[wire(if = length as usize > 5 + destination.len() + source.len(), rest)]
    info: Option<Information<'a>>,
    #[wire(is = crc("CRC-16/X-25", kind..=info), endian = little)]
    fcs: u16,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(endian = big, try)]
enum Information<'a> {
    Push {
        #[wire(before(b"\xE6\xE7\x00\x0F"))]
        invoke: u32,
        notification: Notification<'a>,
    },
    Raw {
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// Seven bits of an address.
#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(bits = u8, endian = big)]
struct Part {
    #[wire(bits = 7)]
    value: u8,
    #[wire(bits = 1)]
    last: bool,
}

#[derive(ExProtoFrame, Debug, Clone)]
struct Notification<'a> {
    time: Stamp,
    data: Data<'a>,
}

/// Nothing, twelve bytes with their length, or these with their type as well.
#[derive(ExProtoFrame, Debug, Clone)]
#[wire(tag = u8)]
enum Stamp {
    #[wire(tag = 0x00)]
    None,
    #[wire(tag = 0x0C)]
    Time(DateTime),
    #[wire(tag = 0x09)]
    Typed(#[wire(before(length: u8 = 12))] DateTime),
}

#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big)]
struct DateTime {
    year: u16,
    month: u8,
    day: u8,
    weekday: u8,
    hour: u8,
    minute: u8,
    second: u8,
    #[wire(sentinel(0xFF => null))]
    hundredths: u8,
    #[wire(unit = "min", sentinel(-0x8000 => null))]
    deviation: i16,
    status: u8,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[wire(tag = u8, endian = big, max_depth = 8)]
enum Data<'a> {
    #[wire(tag = 0)]
    Null,
    #[wire(tag = 1)]
    Array(#[wire(count = prefix(BerLength))] Vec<Data<'a>>),
    #[wire(tag = 2)]
    Structure(#[wire(count = prefix(BerLength))] Vec<Data<'a>>),
    #[wire(tag = 3)]
    Boolean(#[wire(as = u8)] bool),
    #[wire(tag = 5)]
    DoubleLong(i32),
    #[wire(tag = 6)]
    DoubleLongUnsigned(u32),
    #[wire(tag = 9)]
    Octets(#[wire(size = prefix(BerLength))] &'a [u8]),
    #[wire(tag = 10)]
    Visible(#[wire(size = prefix(BerLength), as = Ascii)] Text<'a>),
    #[wire(tag = 15)]
    Integer(i8),
    #[wire(tag = 16)]
    Long(i16),
    #[wire(tag = 17)]
    Unsigned(u8),
    #[wire(tag = 18)]
    LongUnsigned(u16),
    #[wire(tag = 20)]
    Long64(i64),
    #[wire(tag = 21)]
    Long64Unsigned(u64),
    #[wire(tag = 22)]
    Enumerate(u8),
    #[wire(tag = 23)]
    Float32(f32),
    #[wire(tag = 24)]
    Float64(f64),
    #[wire(tag = 25)]
    DateTime(DateTime),
}

/// A frame from 3 to 0x41, made of its parts.
fn framed(control: u8, info: &[u8]) -> Vec<u8> {
    static CRC: Crc<u32> = Crc::<u32>::new(CrcParams {
        width: 16,
        poly: 0x1021,
        init: 0xFFFF,
        refin: true,
        refout: true,
        xorout: 0xFFFF,
    });
    let length = 7 + info.len() + if info.is_empty() { 0 } else { 2 };
    let mut frame = vec![0xA0 | (length >> 8) as u8, length as u8, 0x03, 0x41, control];
    let check = |frame: &mut Vec<u8>| frame.extend((CRC.compute(frame) as u16).to_le_bytes());
    if !info.is_empty() {
        check(&mut frame);
        frame.extend(info);
    }
    check(&mut frame);
    [&[0x7E][..], &frame, &[0x7E]].concat()
}

/// What meters of three makers push: one value; a list of names, values and units; a
/// time with its type.
const PUSHED: [&str; 3] = [
    "E6 E7 00 0F 40000000 00 0101 0203 0906 0100010700FF 06 00000200 0202 0F00 161B",
    "E6 E7 00 0F 00000000 0C 07E80118041232FF00FF8000 02 0204 0A05 4D41444530 0906 0101010700FF 12 00E8 10 FFC4",
    "E6 E7 00 0F 40000000 09 0C 07E80118041232FF00003C00 0201 06 00000D5F",
];

fn meter() -> TestConn<Hdlc<'static>> {
    let mut settings = SessionSettings::default();
    settings.params.insert("meter".into(), "flat7".into());
    TestConn::with(ConnInfo::default(), settings)
}

#[test]
fn telegrams_with_and_without_information() {
    let mut frames: Vec<_> = PUSHED.map(|info| framed(0x13, &unhex(info))).into();
    frames.push(framed(0x53, &[]));
    let json = sound::<Hdlc>(&frames);
    assert_eq!(
        json[0]["info"]["push"]["notification"]["data"]["array"][0]["structure"][1]["double_long_unsigned"],
        512
    );
    assert_eq!((&json[3]["info"], &json[3]["hcs"]), (&serde_json::Value::Null, &serde_json::Value::Null));
    for frame in &frames {
        refused::<Hdlc>(frame, 1);
    }
    // The checksum of the header alone is wrong.
    let mut damaged = frames[0].clone();
    damaged[6] ^= 1;
    let mut meter = meter();
    meter.send(&damaged).send(&frames[0]);
    assert_eq!(meter.publishes().len(), 1);
}

#[test]
fn what_is_pushed_is_published() {
    let mut meter = meter();
    for info in PUSHED {
        meter.send(&framed(0x13, &unhex(info)));
    }
    meter.send(&framed(0x53, &[]));
    assert_eq!((meter.publishes().len(), meter.take_tally().logins), (3, 1));
    let last = meter.publishes()[2].json();
    assert_eq!(last["push"]["notification"]["time"]["typed"]["deviation"], 60);
}
