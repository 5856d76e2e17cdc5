//! Types with the same byte between their fields as there is around them, which
//! do not say how many fields they have.
use exproto_runtime::codec::{Dec, Word};
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
struct Group {
    id: Dec,
    more: Option<Dec>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
struct Whole {
    id: Dec,
    level: Dec,
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
struct Line {
    group: Group, //~ `group` has `,` between its fields as what follows it has, and does not say how many they are: its last fields may be missing or take the rest; let a condition or a count speak of them, or put it last
    #[wire(sep = b',', count = 2)]
    groups: Vec<Group>, //~ an element of `groups` has `,` between its fields
    whole: Option<Whole>, //~ `whole` has several fields between `,`, and nothing says whether they are there: add `if = CONDITION`
    #[wire(before(kind: Word = tag(body)))]
    body: Body, //~ `body` has `,` between its fields as what follows it has
    end: Dec,
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
enum Body {
    #[wire(tag = b"1")]
    One { id: Dec },
    #[wire(other)]
    Other {
        #[wire(tag)]
        tag: Word,
        #[wire(rest, as = Ascii)]
        text: TextBuf,
    },
}

#[derive(ExProtoFrame, Debug)]
#[wire(sep = b',')]
struct Other {
    group: Piped,
    last: Group,
}

/// Another byte: one field.
#[derive(ExProtoFrame, Debug)]
#[wire(sep = b'|')]
struct Piped {
    id: Word,
    more: Option<Dec>,
}

fn main() {}
