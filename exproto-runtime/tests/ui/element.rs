//! A template goes into a value where there is nothing of that name.
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
#[route(gateway)]
pub struct Message {
    #[wire(before(id: u8 = tag(body)))]
    pub head: Head,
    pub body: Body,
}

#[derive(ExProtoFrame, Debug)]
pub struct Head {
    pub serial: u8,
}

#[derive(ExProtoFrame, Debug)]
#[route(anonymous)]
pub enum Body {
    #[wire(tag = 1)]
    #[route(publish("up/{head.seriel}"))] //~ no field `seriel` on type `Head`
    Deep { value: u8 },
    #[wire(tag = 2)]
    #[route(publish("up/{heat.serial}"))] //~ no field `heat` on type `Message`
    First { value: u8 },
    #[wire(tag = 3)]
    #[route(publish("up/{item.objct}", each = records))] //~ no field `objct`
    Each { #[wire(count = prefix(u8))] records: Vec<Record> },
    #[wire(tag = 4)]
    #[route(publish("up/{item.place}", each = records))] //~ `Option<&Head>` cannot stand in a topic
    Part { #[wire(count = prefix(u8))] records: Vec<Record> },
    #[wire(tag = 5)]
    #[route(publish("up/{item.kind}", each = records))] //~ `Record` has no `kind`
    Kind { #[wire(count = prefix(u8))] records: Vec<Record> },
}

#[derive(ExProtoFrame, Debug)]
pub struct Record {
    pub object: u8,
    pub place: Head,
}

fn main() {}
