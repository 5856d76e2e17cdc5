//! Types without a layout, and codecs for other types.
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
struct Wrong {
    #[wire(size = 4, as = Ascii)] //~+ Ascii` is no codec for `u32`
    number: u32,
}

fn main() {}
