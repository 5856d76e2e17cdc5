//! What is no frame, and what is no gateway.
use exproto_runtime::prelude::*;

use exproto_runtime::codec::Protocol;
use exproto_runtime::session::Gateway;

#[derive(ExProtoFrame, Debug)]
struct Part {
    id: u8,
}

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
struct Plain {
    id: u8,
}

fn frame<P: Protocol>() {}
fn gateway<G: Gateway>() {}

fn main() {
    frame::<Part>(); //~ `Part` is not a frame
    gateway::<Plain>(); //~ `Plain` is no gateway
}
