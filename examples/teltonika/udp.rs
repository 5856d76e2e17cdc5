//! Teltonika over UDP: the records are as over TCP, and each datagram says whose
//! they are. It has no checksum of its own.

use super::{Port, Record7, Record8, Record8E, Record16};
use exproto_runtime::prelude::*;

/// A datagram from a device.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[frame(max = 2048)]
#[wire(endian = big)]
#[route(one_of = Port<'_>)]
pub struct Datagram<'a> {
    #[wire(before(length: u16 = size(packet..=body)))]
    pub packet: u16,
    #[wire(before(b"\x01"))]
    pub number: u8,
    #[wire(size = prefix(u16), as = Ascii)]
    pub imei: Text<'a>,
    #[wire(before(codec: u8 = tag(body)))]
    pub body: Records<'a>,
}

/// What a datagram holds, by its codec; the count stands before and after.
#[derive(ExProtoFrame, Debug, Clone, PartialEq)]
#[wire(endian = big, lenient)]
#[route(auth(client_id = "{imei}", username = "{imei}"), reply = noted)]
pub enum Records<'a> {
    #[wire(tag = 0x07)]
    #[route(publish("teltonika/{client_id}/up/record", qos = 1, each = records))]
    Codec7 {
        #[wire(before(n: u8 = count(records)), after(again: u8 = count(records)))]
        records: List<'a, Record7<'a>>,
    },

    #[wire(tag = 0x08)]
    #[route(publish("teltonika/{client_id}/up/record", qos = 1, each = records))]
    Codec8 {
        #[wire(before(n: u8 = count(records)), after(again: u8 = count(records)))]
        records: List<'a, Record8<'a>>,
    },

    #[wire(tag = 0x8E)]
    #[route(publish("teltonika/{client_id}/up/record", qos = 1, each = records))]
    Codec8E {
        #[wire(before(n: u8 = count(records)), after(again: u8 = count(records)))]
        records: List<'a, Record8E<'a>>,
    },

    #[wire(tag = 0x10)]
    #[route(publish("teltonika/{client_id}/up/record", qos = 1, each = records))]
    Codec16 {
        #[wire(before(n: u8 = count(records)), after(again: u8 = count(records)))]
        records: List<'a, Record16<'a>>,
    },

    #[wire(other)]
    #[route(publish("teltonika/{client_id}/up/codec/{codec}", qos = 1))]
    Other {
        #[wire(tag)]
        codec: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

/// The answer to a datagram: its two numbers, and how many records the gateway has
/// taken.
#[derive(ExProtoFrame, Debug, Clone, Copy, PartialEq)]
#[frame]
#[wire(endian = big)]
#[route(one_of = Port<'_>, sent)]
pub struct Noted {
    #[wire(before(b"\x00\x05"))]
    pub packet: u16,
    #[wire(before(b"\x01"))]
    pub number: u8,
    pub records: u8,
}

fn noted(frame: &Datagram<'_>, _: &mut Cx<'_, ()>, outcome: &Outcome) -> Port<'static> {
    let records = match &frame.body {
        Records::Codec7 { records } => records.len(),
        Records::Codec8 { records } => records.len(),
        Records::Codec8E { records } => records.len(),
        Records::Codec16 { records } => records.len(),
        // The first byte of every codec is its count.
        Records::Other { data, .. } => data.first().copied().map_or(0, usize::from),
    };
    Port::Noted(Noted { packet: frame.packet, number: frame.number, records: outcome.pick(records as u8, 0) })
}
