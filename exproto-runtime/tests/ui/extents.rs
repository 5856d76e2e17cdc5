//! Values that take everything where something follows, and elements without
//! bytes.
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
struct Greedy {
    id: u8,
    #[wire(rest)]
    data: Vec<u8>,
}

#[derive(ExProtoFrame, Debug)]
struct Part {
    part: Greedy, //~ `part` takes all bytes there are, but other fields follow it: give it a `size`
    end: u8,
}

#[derive(ExProtoFrame, Debug)]
struct Coded {
    #[wire(as = Ascii)]
    name: TextBuf, //~ `name` takes all bytes there are, but other fields follow it
    end: u8,
}

#[derive(ExProtoFrame, Debug)]
struct Empty;

#[derive(ExProtoFrame, Debug)]
struct Endless {
    #[wire(rest)]
    list: Vec<Empty>, //~ an element of `list` may have no bytes, so the list would have no end
}

#[derive(ExProtoFrame, Debug)]
struct Single {
    #[wire(rest)]
    list: Vec<Greedy>, //~ an element of `list` takes all bytes there are, so there could be only one
}

fn main() {}
