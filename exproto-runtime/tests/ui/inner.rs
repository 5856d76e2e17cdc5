//! Relations that speak of fields further in.

use exproto_runtime::prelude::*;

#[derive(ExProtoFrame)]
struct Message {
    #[wire(before(kind: u8 = tag(body)), before(n: u8 = count(body.recods)))]
    //~^ nothing in `body` that `count(..)` can speak of is `recods`; did you mean `records`?
    body: Body,
}

#[derive(ExProtoFrame)]
struct Sized {
    #[wire(before(kind: u8 = tag(body)), before(n: u8 = size(body.value)))]
    //~^ nothing in `body` that `size(..)` can speak of is `value`: it is the size of bytes or text
    body: Body,
}

#[derive(ExProtoFrame)]
enum Body {
    #[wire(tag = 1)]
    Report {
        value: u8,
        #[wire(rest)]
        records: Vec<u8>,
    },
}

fn main() {}
