//! The numbers of elements.

use super::mistakes;

#[test]
fn elements_that_are_read_in_order_have_a_number() {
    mistakes(&[
        ("struct S { first: u8, #[wire(rest, ctx(at = first + index as u8))] list: Vec<Part> }", &[]),
        (
            "struct S<'a> { #[wire(rest, ctx(at = index))] list: List<'a, Part> }",
            &[(
                "the elements of `list` are read when they are looked at, all with the same context: use a `Vec`, whose elements have an `index`",
                "index",
            )],
        ),
        ("struct S<'a> { index: u8, #[wire(rest, ctx(at = index))] list: List<'a, Part> }", &[]),
        (
            "#[frame(max = 64)] struct S { #[wire(until = sum, ctx(at = index), after(sum: u8 = sum(..)))] list: Vec<Part> }",
            &[("where only a checksum ends `list`, its elements have no `index`", "list")],
        ),
    ]);
}
