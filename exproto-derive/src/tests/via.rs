//! Transforms between the layout of a field and its bytes on the wire.

use super::mistakes;

#[test]
fn a_transform_is_given_bytes() {
    mistakes(&[
        (
            "struct S { #[wire(via = T)] a: u8 }",
            &[(
                "`via` is for bytes that a size or length ends, and `a` has the size of its type: declare a type for what is inside and give it a `size`",
                "via",
            )],
        ),
        (
            "struct S { #[wire(via = T)] a: [u8; 4] }",
            &[(
                "`via` is for bytes that a size or length ends, and `a` has the size of its type: declare a type for what is inside and give it a `size`",
                "via",
            )],
        ),
        (
            "struct S { #[wire(via = T)] a: Inner }",
            &[(
                "nothing says how many bytes `via` is given for `a`: add `size` or `rest`, or let a length say `= size(a)`",
                "via",
            )],
        ),
        (
            "struct S { #[wire(via = T)] a: Vec<u8> }",
            &[(
                "`a` has no extent: add `size`, `count` or `rest`, or let a length field say `= size(a)`",
                "a",
            )],
        ),
        (
            "struct S { #[wire(count = 2, via = T)] a: Vec<Inner> }",
            &[(
                "a count does not say how many bytes `via` is given for `a`: say `size` or `rest`, or let a length say `= size(a)`",
                "via",
            )],
        ),
        ("struct S { #[wire(before(n: u8 = size(a)), via = T)] a: Inner }", &[]),
        ("struct S { #[wire(rest, via = T, max = 9)] a: ListBuf<Inner> }", &[]),
        ("struct S { #[wire(size = 9, via = with(a, b), extra)] a: Inner }", &[]),
    ]);
}

#[test]
fn nothing_borrows_from_what_a_transform_makes() {
    mistakes(&[
        (
            "struct S<'a> { #[wire(rest, via = T)] a: &'a [u8] }",
            &[(
                "`a` would borrow from what `via` makes, which is gone when the field is read: use a type without a lifetime that owns its bytes (`Vec<u8>`, `TextBuf`, `ListBuf`)",
                "&",
            )],
        ),
        (
            "struct S<'a> { #[wire(rest, via = T)] a: Inner<'a> }",
            &[(
                "`a` would borrow from what `via` makes, which is gone when the field is read: use a type without a lifetime that owns its bytes (`Vec<u8>`, `TextBuf`, `ListBuf`)",
                "'",
            )],
        ),
        (
            "struct S<B> { #[wire(rest, via = T)] a: B }",
            &[(
                "`B` is a type parameter, which may borrow, and what `via` makes is gone when the field is read: name the type",
                "B",
            )],
        ),
    ]);
}

#[test]
fn keys_beside_a_transform() {
    mistakes(&[
        (
            "struct S { #[wire(size = 9, fill = 0, via = T)] a: Vec<u8> }",
            &[(
                "what `via` makes of `a` is not filled up: let the transform do it, or remove `fill`",
                "fill",
            )],
        ),
        (
            "struct S { #[wire(rest, via = pick(left))] a: Vec<u8> }",
            &[(
                "how many bytes are `left` is not known when the field is written: let an earlier field or the context decide",
                "pick(left)",
            )],
        ),
        (
            "struct S { #[wire(rest, via = T, lenient)] a: Inner }",
            &[(
                "`lenient` keeps what cannot be transformed as it came, and `a` has no place for it: use `Vec<u8>` or a body with an `other` variant, or remove it",
                "lenient",
            )],
        ),
        (
            "struct S { #[wire(rest, via = with(a))] a: Vec<u8> }",
            &[(
                "`with` takes two functions, `with(DECODE, ENCODE)`: from the bytes on the wire to those that the layout reads, and back",
                "with(a)",
            )],
        ),
        ("struct S { #[wire(rest, via)] a: Vec<u8> }", &[("`via` needs a value: `via = TRANSFORM`", "via")]),
        (
            "struct S { #[wire(before(n: u8, via = T))] a: u8 }",
            &[(
                "`via` does not go on what stands only on the wire; the keys there are: endian, fill, range, strict",
                "via",
            )],
        ),
        (
            "#[frame] struct S { #[wire(rest, via = T)] a: Inner }",
            &[(
                "nothing says where this frame ends: `a` takes all bytes that are left; let a length before it say `= size(a)`, or give it a `size`, or end the frame with `flag = 0x7E`, `end = b\"..\"`, `line` or `datagram`",
                "a",
            )],
        ),
    ]);
}
