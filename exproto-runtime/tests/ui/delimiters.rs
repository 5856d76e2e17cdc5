//! Delimiters that other types may hold, and kinds of frames that cannot be
//! told apart.
use exproto_runtime::codec::{Dec, Utf16Be};
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug, Clone, Copy)]
#[wire(tag = u8)]
enum Validity {
    #[wire(tag = b'A')]
    Valid,
    #[wire(tag = b'V')]
    Void,
    #[wire(other)]
    Other(u8),
}

#[derive(ExProtoFrame, Debug)]
struct Point {
    validity: Validity,
    #[wire(size = 6)]
    phone: Bcd<6>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
struct Words<'a> {
    #[wire(as = Ascii)]
    name: Text<'a>,
    limit: Dec,
}

#[derive(ExProtoFrame, Debug)]
#[frame(end = b"\r\n", max = 64)]
struct Fine<'a> {
    point: Point,
    #[wire(before(kind: u8 = tag(body)))]
    body: Body<'a>,
}

#[derive(ExProtoFrame, Debug)]
enum Body<'a> {
    #[wire(tag = b'w')]
    Words(Words<'a>),
    #[wire(tag = b'r')]
    Raw(#[wire(rest)] &'a [u8]),
}

#[derive(ExProtoFrame, Debug)]
#[frame(end = b"#", max = 64)] //~ `points` may hold b"#" and would end its own frame
struct Points {
    #[wire(rest)]
    points: Vec<Point>,
}

#[derive(ExProtoFrame, Debug)]
#[frame(end = b"A", max = 64)] //~ `validity` may hold b"A"
struct Letters<'a> {
    validity: Validity,
    words: Words<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[frame(line, max = 64)] //~ `name` may hold b"\n"
struct Wide<'a> {
    #[wire(rest, as = Utf16Be)]
    name: Text<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[frame(end = 0x00, max = 64)] //~ `name` may hold b"\x00"
struct Padded<'a> {
    #[wire(size = 8, as = Ascii)]
    name: Text<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[frame(one_of)]
enum Port {
    Plain(Plain),
    Marked(Marked), //~ a frame may begin as both `Plain` and `Marked`, and would always be taken for `Plain`
    #[frame(sent)]
    Ack(Ack),
    #[frame(sent)]
    Again(Ack), //~ `Again` is never read by a device: `Ack` is tried before it
}

#[derive(ExProtoFrame, Debug)]
#[frame]
struct Plain {
    #[wire(before(b"x"))]
    id: u8,
}

#[derive(ExProtoFrame, Debug)]
#[frame]
struct Marked {
    #[wire(before(b"xy"))]
    id: u8,
}

#[derive(ExProtoFrame, Debug)]
#[frame]
struct Ack {
    id: u8,
}

fn main() {}
