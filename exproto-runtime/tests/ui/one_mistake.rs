//! A mistake in one type is reported once, whatever uses the type.
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 4096)]
#[wire(endian = big)]
#[route(gateway, state = Device, downlink = envelope)]
pub struct Message<'a> {
    #[wire(before(id: u16 = tag(body)))]
    pub phone: u32,
    #[wire(siz = 6)] //~ `#[wire]` has no key `siz`; did you mean `size`?
    pub serial: Bcd<6>,
    #[wire(ctx(old = false))]
    pub body: Body<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big, lenient, ctx(old: bool))]
pub enum Body<'a> {
    #[wire(tag = 1)]
    #[route(auth(client_id = "{phone}"), reply = ack)]
    Login { code: u16 },
    #[wire(tag = 2)]
    #[route(publish("up/{phone}", each = list), reply = ack)]
    Report {
        #[wire(rest)]
        list: List<'a, Item<'a>>,
    },
    #[wire(tag = 3)]
    #[route(deliver("down/{client_id}"))]
    Set(Flags),
    #[wire(tag = 4)]
    #[route(sent)]
    Ack(#[wire(ctx(old))] Choice),
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        id: u16,
        #[wire(rest)]
        data: &'a [u8],
    },
}

#[derive(ExProtoFrame, Debug, Clone)]
pub struct Item<'a> {
    data: &'a [u8], //~ `data` has no extent
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(tag = u8)]
pub enum Mode { //~ `Mode` names 1 of 256 values and would lose the others
    #[wire(tag = 1)]
    One,
}

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(bits = u8)]
pub struct Flags { //~^ the fields have 9 bits, the integer has 8
    #[wire(bits = 4)]
    mode: Mode,
    #[wire(bits = 5)]
    more: u8,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big, ctx(old: bool))]
pub enum Choice {
    New(u8),
    #[wire(when = old)]
    Old(u8), //~ `Old` is never chosen, because `New` before it has no `when`
}

#[derive(Debug, Default)]
pub struct Device;

fn envelope<'a>(body: Body<'a>, _: &mut Cx<'_, Device>) -> Message<'a> {
    Message { phone: 0, serial: Bcd::default(), body }
}

fn ack<'a>(_: &Message<'a>, _: &mut Cx<'_, Device>, _: &Outcome) -> Option<Message<'a>> {
    None
}

fn main() {
    fn gateway<G: exproto_runtime::session::Gateway>() {}
    gateway::<Message>();
}
