//! A context that is missing, or given under another name.
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
#[wire(ctx(wide: bool))]
struct Part {
    low: u8,
    #[wire(if = wide)]
    high: Option<u8>,
}

#[derive(ExProtoFrame, Debug)]
struct Missing {
    part: Part, //~+ this layout needs a context
}

#[derive(ExProtoFrame, Debug)]
struct Unknown {
    kind: u8,
    #[wire(ctx(wid = kind > 1))] //~+ has no field named `wid`
    part: Part,
}

fn main() {}
