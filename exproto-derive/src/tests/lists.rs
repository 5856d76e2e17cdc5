//! Lists and arrays.

use super::mistakes;

#[test]
fn arrays_have_their_size_and_their_elements_a_layout() {
    mistakes(&[
        (
            "#[wire(endian = big)] struct S { #[wire(count = 3)] a: [u16; 3] }",
            &[("`a` has the size of its array: remove `count`", "count")],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(max = 3)] a: [u16; 3] }",
            &[("`max` bounds a size or count that the device says, and `a` has none: remove it", "max")],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(lenient)] a: [u16; 3] }",
            &[(
                "`a` has the size of its array, so nothing of it can be missing: remove `lenient`",
                "lenient",
            )],
        ),
        (
            "struct S { a: [u16; 3] }",
            &[(
                "`a` has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field",
                "a",
            )],
        ),
        (
            "struct S { a: [Vec<u8>; 2] }",
            &[(
                "an element of `a` has no extent: add `each(size = ..)`, such as `each(size = prefix(u8))`",
                "Vec<u8>",
            )],
        ),
    ]);
}

#[test]
fn an_element_ends_only_a_list() {
    mistakes(&[
        (
            "struct S { #[wire(until = |x| *x == 0)] a: Vec<u16> }",
            &[(
                "`a` has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field",
                "a",
            )],
        ),
        (
            "struct S<'a> { #[wire(until = |x| *x == 0)] a: &'a [u8] }",
            &[(
                "this asks each element of a list whether it is the last, and `a` is no list: give the bytes that end it, `until = b\"\\0\"`",
                "|x| *x == 0",
            )],
        ),
        (
            "struct S { #[wire(until = |x| *x == 0)] a: u8 }",
            &[("`a` is an integer of 1 bytes: remove `until`; another width is `as = u24`", "until")],
        ),
        (
            "struct S { #[wire(until = |x| x.a == 0, lenient)] a: List<T> }",
            &[(
                "`lenient` takes the elements that are there, but the last of `a` has to be: remove `lenient`, or say `rest` or `size` instead of `until`",
                "lenient",
            )],
        ),
    ]);
}
