//! Types that hold themselves.

use super::mistakes;

#[test]
fn how_deep_is_said() {
    mistakes(&[
        (
            "struct Node { #[wire(count = prefix(u8))] children: Vec<Node> }",
            &[(
                "`Node` contains itself, so a device could nest it without end: say how deep, `#[wire(max_depth = 8)]`, or declare a type for each level that the protocol has",
                "Node",
            )],
        ),
        ("#[wire(max_depth = 8)] struct Node { #[wire(count = prefix(u8))] children: Vec<Node> }", &[]),
        (
            "#[wire(tag = u8, max_depth = 64)] enum Node { #[wire(tag = 1)] Not(Box<Self>), #[wire(tag = 2)] End }",
            &[],
        ),
        (
            "#[wire(max_depth = 65)] struct S { a: u8 }",
            &[("values lie within each other 1 to 64 deep, so that they do not exhaust the stack", "65")],
        ),
        (
            "#[wire(max_depth = 0)] struct S { a: u8 }",
            &[("values lie within each other 1 to 64 deep, so that they do not exhaust the stack", "0")],
        ),
        (
            "struct S { #[wire(max_depth = 8)] a: u8 }",
            &[(
                "`max_depth` does not go on a field; the keys of `#[wire]` there are: endian, as, bits, size, count, rest, until, max, extra, each, fill, is, if, tag, opaque, lenient, range, strict, ctx, scale, offset, unit, sentinel, hidden, flatten, map, skip, default, via, sep, stream, before, after",
                "max_depth",
            )],
        ),
    ]);
}
