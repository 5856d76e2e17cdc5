//! The bytes that come next.

use super::mistakes;

#[test]
fn only_conditions_of_what_comes_next_look_ahead() {
    mistakes(&[
        ("struct S { #[wire(if = peek(0) == 1 && matches!(peek(1..3), [1, _]))] a: Option<u8> }", &[]),
        (
            "struct S { #[wire(size = peek(0) as usize)] a: Vec<u8> }",
            &[(
                "`peek` looks at the bytes that come next, which only `when` and `if` do: let a field decide",
                "peek(0) as usize",
            )],
        ),
        (
            "struct S { #[wire(ctx(a = peek(0) == 1))] a: Part }",
            &[(
                "`peek` looks at the bytes that come next, which only `when` and `if` do: let a field decide",
                "peek(0) == 1",
            )],
        ),
        (
            "struct S { #[wire(if = peek(0) == 1, default = 5)] a: u8 }",
            &[(
                "whether `a` is there is told by its bytes, so that its `default` would be written as well: make it an `Option`, or tell it by a field",
                "peek(0) == 1",
            )],
        ),
        (
            "#[frame(max = 64)] struct S { #[wire(if = peek(0) == 1)] a: Option<u8>, b: u8 }",
            &[(
                "nothing says where this frame ends: whether `a` is there depends on the bytes that come next; decide by a field, or let a length before it say `= size(..)`",
                "peek(0) == 1",
            )],
        ),
    ]);
}
