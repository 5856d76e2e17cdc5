//! Replies of another protocol, downlinks without a header, bodies of no frame.
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
#[wire(endian = big)]
#[route(gateway)]
pub struct Message {
    #[wire(before(id: u8 = tag(body)))]
    pub phone: u32,
    pub version: f32,
    pub body: Body,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
pub enum Body {
    #[wire(tag = 1)]
    #[route(auth(client_id = "{phone}"), reply = wrong)] //~ `Alien` cannot answer a `Message`
    Login { code: u16 },
    #[wire(tag = 2)]
    #[route(deliver("down/{client_id}"))] //~ `deliver` needs a function that puts the header before the body
    Set { value: u16 },
}

struct Alien;

fn wrong(_: &Message, _: &mut Cx<'_, ()>, _: &Outcome) -> Alien {
    Alien
}

#[derive(ExProtoFrame, Debug)] //~+ `Orphan` has routes but no frame has it as its body
pub enum Orphan {
    #[wire(tag = 1)]
    #[route(heartbeat)]
    Beat,
}

fn main() {}
