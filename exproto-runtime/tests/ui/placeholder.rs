//! A topic names what is not there, or what cannot stand in a topic.
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
    #[route(auth(client_id = "{phone}"))]
    Login { code: u16 },
    #[wire(tag = 2)]
    #[route(publish("up/{phon}"))] //~ no placeholder `{phon}` for `Body::Report`; did you mean `{phone}`?
    Report { value: u16 },
    #[wire(tag = 3)]
    #[route(publish("up/{version}"))] //~ `Message::version` is a `f32`, which cannot stand in a topic
    Other { value: u16 },
    #[wire(tag = 4)]
    #[route(publish("up/{login.imei}"))] //~ no `auth` keeps `imei` for the topic of `Body::Kept`: write `auth(client_id = .., keep(imei))`
    Kept { value: u16 },
}

fn main() {}
