//! Frames that do not say that they share their body.
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway)]
enum Port {
    Old(Old),
    New(New),
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(before(b"\xFE"))]
#[route(one_of = Port, shared)]
struct Old {
    unit: u8,
    #[wire(before(id: u8 = tag(body)))]
    body: Body,
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(before(b"\xFD"))]
#[route(one_of = Port)]
struct New {
    unit: u8,
    #[wire(before(id: u8 = tag(body)))]
    body: Body,
}

#[derive(ExProtoFrame, Debug)]
#[route(frames(Old, New), anonymous, publish("units/{unit}"))] //~ `New` shares this body: add `shared` to its `#[route(..)]`
enum Body {
    #[wire(tag = 1)]
    Reading { value: u8 },
}

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
#[route(gateway)]
enum Line {
    First(First),
    Second(Second),
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(before(b"\xFE"))]
#[route(one_of = Line)]
struct First {
    unit: u8,
    #[wire(before(id: u8 = tag(body)))]
    body: Both,
}

#[derive(ExProtoFrame, Debug)]
#[frame]
#[wire(before(b"\xFD"))]
#[route(one_of = Line)]
struct Second {
    unit: u8,
    #[wire(before(id: u8 = tag(body)))]
    body: Both, //~ OnlyFrameUnlessShared
}

#[derive(ExProtoFrame, Debug)]
#[route(anonymous, publish("units/{unit}"))]
enum Both {
    #[wire(tag = 1)]
    Reading { value: u8 },
}

fn main() {}
