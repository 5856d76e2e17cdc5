//! Tags, values and constants that do not fit.
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
enum Body {
    #[wire(tag = 0x100)]
    Wide(u8),
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug)]
struct Narrow {
    #[wire(before(id: u8 = tag(body)))]
    body: Body, //~ a tag of `body` does not fit the 8 bits of `id`
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
struct Lost {
    #[wire(before(id: u16 = tag(body)))]
    body: Body, //~ `other` cannot keep every tag of the 16 bits of `id`
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(tag = u8)]
enum Mode {
    #[wire(tag = 8)]
    Eight,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug)]
enum Closed {
    #[wire(tag = 1)]
    One(u8),
}

#[derive(ExProtoFrame, Debug)]
struct Opaque {
    #[wire(before(id: u8 = tag(body)))]
    #[wire(opaque = true)] //~ `opaque` keeps `body` raw in its `other` variant, and it has none
    body: Closed,
}

const VERSION: u16 = 0x100;

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
struct Bits {
    #[wire(bits = 3)]
    mode: Mode, //~ a value of `Mode` does not fit the 3 bits of `mode`
    #[wire(bits = 5, before(version: bits(8) = VERSION))] //~ this constant does not fit the 8 bits of `version`
    rest: u8,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(tag = bits(1))]
enum Two {
    Off,
    On,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
struct TooFew {
    #[wire(bits = 3)]
    wide: Two, //~ `Two` has fewer bits than the 3 of `wide`, whose other values it would lose
    #[wire(bits = 1)]
    fits: Two,
    #[wire(bits = 1, before(more: bits(2) = bits(tied, 1)))]
    tied: Two, //~ `Two` has fewer bits than the 3 of `tied`, whose other values it would lose
    #[wire(bits = 1)]
    rest: bool,
    #[wire(count = 4, each(bits = 2))]
    list: Vec<Two>, //~ `Two` has fewer bits than the 2 of `list`, whose other values it would lose
}

#[derive(ExProtoFrame, Debug)]
enum Told {
    #[wire(tag = 1..=2)]
    Several {
        #[wire(tag)]
        which: Two, //~ `which` may receive the tag 0x02, and `Two` has fewer bits
    },
    #[wire(other)]
    Other {
        #[wire(tag)]
        id: Two,
        #[wire(rest)]
        data: Vec<u8>,
    },
}

#[derive(ExProtoFrame, Debug)]
struct Tells {
    #[wire(before(id: u8 = tag(body)))]
    body: Told, //~ `other` cannot keep every tag of the 8 bits of `id`
}

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 3)] //~ no frame fits into `max = 3`
#[wire(endian = big)]
struct Message {
    serial: u32,
}

fn main() {}
