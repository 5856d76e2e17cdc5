//! Padding, and fields that are not always on the wire.

use super::mistakes;

#[test]
fn padding_has_a_size_and_no_meaning() {
    mistakes(&[
        ("struct S { #[wire(before(_: pad(3)), after(_: align(4), fill = 1))] a: u8 }", &[]),
        ("struct S { n: u8, #[wire(after(tail: pad(n)), after(_: pad(to = 2 * n)))] a: u8 }", &[]),
        (
            "struct S { #[wire(before(_: pad(0)))] a: u8 }",
            &[("this has no bytes: remove it, or say how many", "0")],
        ),
        (
            "struct S { #[wire(after(_: align(1)))] a: u8 }",
            &[("what follows begins at a multiple of 2 to 4096 bytes: `align(4)`", "1")],
        ),
        (
            "struct S { #[wire(after(_: pad(up = 4)))] a: u8 }",
            &[("`pad` has no `up`: write `pad(3)`, three bytes, or `pad(to = 64)`, up to 64 bytes", "up")],
        ),
        (
            "struct S { #[wire(after(_: pad(3) = 1))] a: u8 }",
            &[(
                "`pad(..)` has no meaning that could be computed: remove the relation; what the bytes are is `fill = 0x00`",
                "=",
            )],
        ),
        (
            "struct S { #[wire(after(_: pad(3), range = 0..=1))] a: u8 }",
            &[("`range` does not go on bytes that mean nothing; the one key there is `fill`", "range")],
        ),
        (
            "struct S { #[wire(after(_: pad(left - 2)))] a: u8 }",
            &[(
                "only decoding knows how many bytes are `left`: let the padding depend on fields or the context",
                "left - 2",
            )],
        ),
        (
            "struct S { #[wire(rest, after(_: align(4)))] a: Vec<u8> }",
            &[("`a` takes the rest, but `_` after it has no fixed size: give one of them a `size`", "a")],
        ),
    ]);
}

#[test]
fn a_default_is_for_what_can_be_missing() {
    mistakes(&[
        ("struct S { a: u8, #[wire(default = 1)] b: u8, #[wire(if = a > 1, default = a)] c: u8 }", &[]),
        (
            "struct S { a: u8, #[wire(if = a > 1, default = 1)] b: Option<u8> }",
            &[("`b` is `None` where it is not there: remove `default`, or the `Option`", "default")],
        ),
        (
            "struct S { #[wire(bits = 4, default = 1)] a: u8, #[wire(bits = 4)] b: u8 }",
            &[("`a` is made of bits, so it is always there: remove `default`", "default")],
        ),
        (
            "struct S { #[wire(is = size(b), default = 1)] a: u8, b: Vec<u8> }",
            &[(
                "`a` is computed or stands at several places, so it is always there: remove `default`",
                "default",
            )],
        ),
        (
            "struct S { #[wire(default = 1)] a: u8, #[wire(size = prefix(u8))] b: Vec<u8> }",
            &[(
                "nothing says whether `a` is missing, because `b` after it has no fixed size: add `if = CONDITION`",
                "default",
            )],
        ),
        (
            "struct S { #[wire(rest, each(default = 1))] a: Vec<i8> }",
            &[("`default` goes on a field, not on each element of it: remove it", "default")],
        ),
    ]);
}

#[test]
fn a_skipped_field_has_no_bytes() {
    mistakes(&[
        (
            "struct S { a: u8, #[wire(skip, default = a * 2, unit = \"V\")] b: u8, #[wire(skip)] c: Option<u16> }",
            &[],
        ),
        (
            "struct S { #[wire(skip, size = 4)] a: Vec<u8> }",
            &[("`a` is not on the wire: remove `size`, or `skip`", "size")],
        ),
        (
            "struct S { #[wire(skip, bits = 4)] a: u8 }",
            &[("`a` is not on the wire: remove `bits`, or `skip`", "bits")],
        ),
    ]);
}
