//! Types that hold each other, and neither says how deep.
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
struct Ping { //~ ENDS_WITHOUT_MAX_DEPTH
    #[wire(count = prefix(u8))]
    pongs: Vec<Pong>,
}

#[derive(ExProtoFrame, Debug)]
struct Pong {
    #[wire(count = prefix(u8))]
    pings: Vec<Ping>,
}

fn main() {}
