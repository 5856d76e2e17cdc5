//! Kinds that what follows a frame does not tell apart.
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
#[frame]
struct Short {
    #[wire(before(b"$"))]
    value: u8,
}

#[derive(ExProtoFrame, Debug)]
#[frame]
struct Signed {
    #[wire(before(b"$"))]
    value: i8,
}

#[derive(ExProtoFrame, Debug)]
#[frame(start = b"*", end = b"#", max = 16)]
struct Line {
    #[wire(as = hex(2))]
    value: u8,
}

#[derive(ExProtoFrame, Debug)]
#[frame]
struct Bare {
    value: u8,
}

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
enum Equal {
    #[frame(followed)]
    Short(Short),
    Signed(Signed), //~ a frame may begin as both `Short` and `Signed`
}

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
enum Marked {
    #[frame(followed)]
    Line(Line), //~ what follows does not tell whether a frame is `Line`
    Short(Short),
}

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
enum Anything {
    #[frame(followed)]
    Short(Short), //~ what follows does not tell whether a frame is `Short`
    Bare(Bare),
}

fn main() {}
