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

/// A number in all bytes that there are.
struct Open;

impl Codec<'_, u64> for Open {
    fn decode(&self, r: &mut Reader<'_>, _: &'static FieldInfo) -> Result<u64, Error> {
        Ok(r.rest().len() as u64)
    }

    fn encode(&self, _: &u64, _: &mut Writer<'_>, _: &'static FieldInfo) -> Result<(), Error> {
        Ok(())
    }
}

#[derive(ExProtoFrame, Debug)]
struct OpenPrefix {
    #[wire(size = prefix(Open))] //~ the prefix of `data` would take all bytes there are
    data: Vec<u8>,
}

fn main() {}
