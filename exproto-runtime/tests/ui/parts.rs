//! What is no part of another layout, and what makes no bytes of bytes.
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 64)]
struct Escaped {
    id: u8,
}

#[derive(ExProtoFrame, Debug, Clone)]
#[frame(start = b"*", end = b"#", max = 64)]
struct Marked {
    #[wire(rest, as = Ascii)]
    text: TextBuf,
}

#[derive(ExProtoFrame, Debug)]
struct Envelope {
    inner: Escaped, //~ `inner` holds frames whose delimiters and escapes only the frame search takes off
    #[wire(count = prefix(u8), each(size = prefix(u8)))]
    list: Vec<Marked>, //~ `list` holds frames whose delimiters and escapes only the frame search takes off
}

struct Key(u8);

#[derive(ExProtoFrame, Debug)]
struct Sealed {
    key: u8,
    #[wire(size = prefix(u8), via = Key(key))] //~+ `Key` is no transform
    body: Vec<u8>,
}

fn main() {}
