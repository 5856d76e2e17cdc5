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
