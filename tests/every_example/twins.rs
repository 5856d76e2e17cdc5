//! The same layouts declared for another crate: both read the same values of the same
//! bytes, and write the same.

use deku::prelude::*;
use exproto_runtime::codec::{Random, decode, encode, to_bytes};

use super::jt808::{self, Body as Said};
use super::modbus::{Request, TcpAsk};
use super::teltonika::{Body, Fix, Packet};
use super::{frames, unhex};

// --- JT/T 808 ---

#[derive(DekuRead, DekuWrite, Debug, PartialEq)]
#[deku(endian = "big")]
struct Location {
    id: u16,
    attributes: u16,
    phone: [u8; 6],
    serial: u16,
    alarm: u32,
    status: u32,
    lat: u32,
    lon: u32,
    altitude: u16,
    speed: u16,
    course: u16,
    time: [u8; 6],
    #[deku(read_all)]
    items: Vec<Item>,
}

#[derive(DekuRead, DekuWrite, Debug, PartialEq)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
struct Item {
    id: u8,
    length: u8,
    #[deku(count = "length")]
    value: Vec<u8>,
}

/// What is between the flags, without escapes and checksum.
fn payload(wire: &[u8]) -> Vec<u8> {
    let (mut plain, mut inner) = (Vec::new(), wire[1..wire.len() - 1].iter());
    while let Some(byte) = inner.next() {
        plain.push(if *byte == 0x7D { 0x7C + inner.next().unwrap() } else { *byte });
    }
    plain.pop();
    plain
}

#[test]
fn locations_of_trucks() {
    let lines = include_str!("../captures/jt808/bench_0200.hexl").lines();
    let wires: Vec<_> = lines.map(unhex).collect();
    assert_eq!(wires.len(), 256);
    for wire in wires {
        let payload = payload(&wire);
        let twin = Location::from_bytes((&payload, 0)).unwrap().1;
        assert_eq!(twin.to_bytes().unwrap(), payload);
        let check = payload.iter().fold(0, |check, byte| check ^ byte);
        let checked = [&payload[..], &[check]].concat();
        let ours = decode::<jt808::Message<'static>>(&checked).unwrap().frame;
        let Said::Location(at) = &ours.body else { panic!("{ours:?}") };
        assert_eq!((ours.serial, ours.phone.as_bytes()), (twin.serial, &twin.phone[..]));
        assert_eq!((at.alarm, at.status, at.lat, at.lon), (twin.alarm, twin.status, twin.lat, twin.lon));
        assert_eq!((at.altitude, at.speed, at.course), (twin.altitude, twin.speed, twin.course));
        assert_eq!(at.time.as_bytes(), &twin.time);
        let items: Vec<_> = at.items.iter().map(|item| to_bytes(&item).unwrap()).collect();
        let twins: Vec<_> =
            twin.items.iter().map(|item| [&[item.id, item.length], &item.value[..]].concat()).collect();
        assert_eq!(items, twins);
        let mut again = Vec::new();
        encode::<jt808::Message<'static>>(&ours, &mut again).unwrap();
        assert_eq!(again, wire);
    }
}

// --- Teltonika ---

#[derive(DekuRead, DekuWrite, Debug, PartialEq)]
#[deku(endian = "big")]
struct Codec8 {
    preamble: u32,
    length: u32,
    codec: u8,
    n: u8,
    #[deku(count = "n")]
    records: Vec<Record>,
    again: u8,
    check: u32,
}

#[derive(DekuRead, DekuWrite, Debug, PartialEq)]
#[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
struct Record {
    time: u64,
    priority: u8,
    lon: i32,
    lat: i32,
    altitude: i16,
    course: u16,
    satellites: u8,
    speed: u16,
    event: u8,
    ids: u8,
    ones: u8,
    #[deku(count = "ones")]
    one: Vec<One>,
    twos: u8,
    #[deku(count = "twos")]
    two: Vec<Two>,
    fours: u8,
    #[deku(count = "fours")]
    four: Vec<Four>,
    eights: u8,
    #[deku(count = "eights")]
    eight: Vec<Eight>,
}

macro_rules! io {
    ($($name:ident $int:ident)*) => {$(
        #[derive(DekuRead, DekuWrite, Debug, PartialEq)]
        #[deku(endian = "endian", ctx = "endian: deku::ctx::Endian")]
        struct $name {
            id: u8,
            value: $int,
        }

        impl From<&$name> for (u8, u64) {
            fn from(io: &$name) -> Self {
                (io.id, io.value.into())
            }
        }
    )*};
}

io!(One u8 Two u16 Four u32 Eight u64);

fn all<'t, T: 't>(list: &'t [T]) -> Vec<(u8, u64)>
where
    (u8, u64): From<&'t T>,
{
    list.iter().map(Into::into).collect()
}

#[test]
fn records_of_teltonika() {
    let wires = frames(include_str!("../captures/teltonika/traccar.jsonl"));
    let mut compared = 0;
    for wire in wires.iter().filter(|wire| wire.starts_with(&[0; 4])) {
        let Ok(received) = decode::<Packet<'static>>(wire) else { continue };
        let Body::Codec8 { records } = &received.frame.body else { continue };
        let twin = Codec8::from_bytes((wire, 0)).unwrap().1;
        assert_eq!(twin.to_bytes().unwrap(), *wire);
        assert_eq!(records.len(), twin.records.len());
        for (ours, twin) in records.iter().zip(&twin.records) {
            let Fix { time, lon, lat, altitude, course, satellites, speed, .. } = ours.fix;
            assert_eq!((time.get(), lon, lat), (twin.time, twin.lon, twin.lat));
            assert_eq!((altitude, course, satellites), (twin.altitude, twin.course, twin.satellites));
            assert_eq!((speed, ours.event, ours.ids), (twin.speed, twin.event, twin.ids));
            let values = [&ours.one, &ours.two, &ours.four, &ours.eight]
                .map(|list| list.iter().map(|io| (io.id, io.value)).collect::<Vec<_>>());
            assert_eq!(values, [all(&twin.one), all(&twin.two), all(&twin.four), all(&twin.eight)]);
            compared += 1;
        }
    }
    assert!(compared > 40, "{compared}");
}

// --- Modbus ---

#[derive(DekuRead, DekuWrite, Debug, PartialEq)]
#[deku(endian = "big")]
struct Adu {
    transaction: u16,
    protocol: u16,
    length: u16,
    unit: u8,
    pdu: Pdu,
}

#[derive(DekuRead, DekuWrite, Debug, PartialEq)]
#[deku(id_type = "u8", endian = "endian", ctx = "endian: deku::ctx::Endian")]
enum Pdu {
    #[deku(id = "0x01")]
    ReadCoils { address: u16, count: u16 },
    #[deku(id = "0x02")]
    ReadInputs { address: u16, count: u16 },
    #[deku(id = "0x03")]
    ReadHolding { address: u16, count: u16 },
    #[deku(id = "0x04")]
    ReadInput { address: u16, count: u16 },
    #[deku(id = "0x06")]
    WriteRegister { address: u16, value: u16 },
    #[deku(id = "0x10")]
    WriteRegisters {
        address: u16,
        count: u16,
        bytes: u8,
        #[deku(count = "count")]
        values: Vec<u16>,
    },
    #[deku(id = "0x16")]
    Mask { address: u16, and: u16, or: u16 },
}

fn twin_of(request: &Request<'_>) -> Option<Pdu> {
    Some(match request {
        &Request::ReadCoils { address, count } => Pdu::ReadCoils { address, count },
        &Request::ReadInputs { address, count } => Pdu::ReadInputs { address, count },
        &Request::ReadHolding { address, count } => Pdu::ReadHolding { address, count },
        &Request::ReadInput { address, count } => Pdu::ReadInput { address, count },
        &Request::WriteRegister { address, value } => Pdu::WriteRegister { address, value },
        Request::WriteRegisters { address, values } => Pdu::WriteRegisters {
            address: *address,
            count: values.len() as u16,
            bytes: 2 * values.len() as u8,
            values: values.clone(),
        },
        &Request::Mask { address, and, or } => Pdu::Mask { address, and, or },
        _ => return None,
    })
}

#[test]
fn requests_of_modbus() {
    let (mut random, mut compared) = (Random::new(502), 0);
    for _ in 0..1000 {
        let ask: TcpAsk<'static> = random.make();
        let Some(pdu) = twin_of(&ask.pdu) else { continue };
        let mut wire = Vec::new();
        encode::<TcpAsk<'static>>(&ask, &mut wire).unwrap();
        let (transaction, length) = (ask.transaction, wire.len() as u16 - 6);
        let twin = Adu { transaction, protocol: 0, length, unit: ask.unit, pdu };
        assert_eq!(twin.to_bytes().unwrap(), wire);
        assert_eq!(Adu::from_bytes((&wire, 0)).unwrap().1, twin);
        assert_eq!(decode::<TcpAsk<'static>>(&wire).unwrap().frame, ask);
        compared += 1;
    }
    assert!(compared > 200, "{compared}");
}
