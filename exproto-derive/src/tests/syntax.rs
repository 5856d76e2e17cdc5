//! Keys, their values, and what a mistake hides.

use super::mistakes;

#[test]
fn keys_are_known_and_complete() {
    mistakes(&[
        (
            "struct S { #[wire(siez = 3)] a: Vec<u8> }",
            &[("`#[wire]` has no key `siez`; did you mean `size`?", "siez")],
        ),
        (
            "#[wire(rest)] struct S { a: u8 }",
            &[(
                "`rest` does not go on a struct; the keys of `#[wire]` there are: endian, ctx, bits, sep, max_depth, before, after, key, crate",
                "rest",
            )],
        ),
        ("struct S { #[wire(size)] a: Vec<u8> }", &[("`size` needs a value: `size = BYTES`", "size")]),
        ("struct S { #[wire(ctx = 1)] a: Part }", &[("`ctx` needs parentheses: `ctx(..)`", "ctx")]),
        ("struct S { #[wire = 1] a: u8 }", &[("write `#[wire(..)]` with parentheses", "wire = 1")]),
        ("struct S { #[wire(rest rest)] a: Vec<u8> }", &[("expected `,` after `rest`", "rest")]),
        ("struct S { #[wire(rest, rest)] a: Vec<u8> }", &[("`rest` is given twice; remove one", "rest")]),
        (
            "#[wire(endian = middle)] struct S { a: u16, b: u16 }",
            &[(
                "no byte order `middle`: write `big`, `little` or an expression over earlier fields and the context; did you mean `little`?",
                "middle",
            )],
        ),
        (
            "struct S { #[wire(before(len u8 = size(a)))] a: Vec<u8> }",
            &[("say the type: `before(NAME: u8 = ..)` or `before(NAME: bits(3))`", "len")],
        ),
        (
            "struct S { #[wire(before(len: bit(8) = size(a)))] a: Vec<u8> }",
            &[("no type `bit(..)`: write an integer type, `bits(N)`, `dec(N)` or `hex(N)`", "bit")],
        ),
        (
            "struct S { #[wire(size = prefix(i8))] a: Vec<u8> }",
            &[("a prefix is an unsigned integer or a codec of one: `prefix(u8)`, `prefix(Leb128)`", "i8")],
        ),
    ]);
}

#[test]
fn types_that_cannot_be_layouts() {
    mistakes(&[
        ("union U { a: u8 }", &[("a union has no layout: use a struct or an enum", "union")]),
        (
            "struct S<'a, 'b> { #[wire(size = 1)] a: &'a [u8], #[wire(size = 1)] b: &'b [u8] }",
            &[("a frame borrows from one buffer: use one lifetime for all borrowed fields", "'b")],
        ),
        ("struct S<const N: usize> { a: [u8; N] }", &[]),
    ]);
}

#[test]
fn several_mistakes_are_said_at_once() {
    mistakes(&[(
        "struct S { a: u16, #[wire(strict)] b: u8, c: Vec<u8> }",
        &[
            ("`a` has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field", "a"),
            ("`strict` refuses values outside a range: add `range = LOW..=HIGH`, or remove it", "strict"),
            ("`c` has no extent: add `size`, `count` or `rest`, or let a length field say `= size(c)`", "c"),
        ],
    )]);
}
