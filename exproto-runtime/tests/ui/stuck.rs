//! Frames whose end no walk finds, because of what other types say.

use exproto_runtime::prelude::*;

#[derive(ExProtoFrame)]
#[frame(max = 64)] //~ nothing says where this frame ends: which variant of `Sized` it is depends on how many bytes are left
struct ByLeft {
    body: Sized,
    end: u8,
}

#[derive(ExProtoFrame)]
#[wire(endian = big)]
enum Sized {
    #[wire(when = left > 4)]
    Long(u32),
    Short(u16),
}

#[derive(ExProtoFrame)]
#[frame(max = 64)] //~ nothing says where this frame ends: which variant of `Told` it is depends on the bytes behind its tag
struct ByTag {
    body: Told,
    end: u8,
}

#[derive(ExProtoFrame)]
#[wire(tag = u8, endian = big)]
enum Told {
    #[wire(tag = 1, when = peek(0) == 0)]
    Long(u32),
    #[wire(tag = 1)]
    Short(u16),
}

#[derive(ExProtoFrame)]
#[frame(max = 64)] //~ nothing says where this frame ends: how many bytes are `left` for `more` is not known before
struct ByPart {
    part: Inner,
    check: u8,
}

#[derive(ExProtoFrame)]
struct Inner {
    n: u8,
    #[wire(if = left > 1)]
    more: Option<u8>,
}

fn main() {}
