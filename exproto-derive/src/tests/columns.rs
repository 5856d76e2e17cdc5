//! Fields with a byte between them.

use super::mistakes;

#[test]
fn a_list_between_separators_has_another_one() {
    mistakes(&[
        (
            "#[wire(sep = b',')] struct S { #[wire(sep = b',')] list: Vec<Dec>, x: Dec }",
            &[(
                "the elements of `list` have the same byte between them as the fields, so nothing says which is the last: say how many they are, `count = ..`, give it another `sep`, or put it last",
                "sep",
            )],
        ),
        ("#[wire(sep = b',')] struct S { x: Dec, #[wire(sep = b',')] list: Vec<Dec> }", &[]),
        (
            "#[wire(sep = b',')] struct S { #[wire(sep = b',', count = 2)] a: Vec<Dec>, #[wire(sep = b',')] b: [Dec; 2], #[wire(before(n: dec = count(c)), sep = b',')] c: Vec<Dec>, x: Dec }",
            &[],
        ),
    ]);
}

#[test]
fn what_stands_beside_a_field_belongs_to_it() {
    mistakes(&[
        (
            "#[wire(sep = b',')] struct S { a: Dec, #[wire(before(b\"T\"))] b: Option<Dec> }",
            &[(
                "`b` may be missing, what stands with it between two separators may not: put both into a type of their own",
                "b\"T\"",
            )],
        ),
        (
            "#[wire(sep = b',')] struct S { a: Dec, #[wire(after(b\"C\"))] b: Option<Dec>, c: Dec }",
            &[(
                "`b` may be missing, what stands with it between two separators may not: put both into a type of their own",
                "b\"C\"",
            )],
        ),
        (
            "#[wire(sep = b',')] struct S { #[wire(after(n: dec = 1, until = b\";\"))] a: Dec, b: Dec }",
            &[(
                "`n` stands behind `a`, before a separator, and has no fixed size: put it before the next field",
                "n",
            )],
        ),
        (
            "#[wire(sep = b',')] struct S { #[wire(after(b\"C,\"))] a: Dec, b: Dec }",
            &[(
                "the separator behind `a` is written without being said: leave it out here, or put these bytes before the next field",
                "b\"C,\"",
            )],
        ),
        (
            "#[wire(sep = b',')] struct S { a: Dec, #[wire(after(n: dec = 1, until = b\";\"))] b: Dec }",
            &[("`n` follows `b`, the last separated field, and has no fixed size", "n")],
        ),
        (
            "#[wire(sep = b',')] struct S { #[wire(rest)] a: Vec<u8>, b: Dec }",
            &[("`a` takes the rest, but `b` after it has no fixed size: give one of them a `size`", "a")],
        ),
        (
            "#[wire(sep = b',')] struct S { #[wire(before(b\"$\"))] a: Option<Dec>, #[wire(as = dec)] b: Option<u8>, c: Dec }",
            &[],
        ),
    ]);
}

#[test]
fn a_byte_stands_between_elements_of_text() {
    mistakes(&[
        (
            "#[wire(sep = b',')] struct S { #[wire(sep = b'|')] a: List<T>, b: Dec }",
            &[("elements of a `List` have nothing between them: use `Vec` for `a`", "sep")],
        ),
        (
            "#[wire(sep = b',', endian = big)] struct S { #[wire(sep = b'|')] a: Vec<u16> }",
            &[(
                "the elements of `a` would be binary between separators: use numbers as text: `each(as = dec)`, `Dec` or `HexNum`",
                "a",
            )],
        ),
        (
            "struct S { #[wire(rest, sep = b'|', each(until = b\";\", as = Ascii))] a: Vec<TextBuf> }",
            &[("each element of `a` ends by itself: remove `sep`, or `until` in `each`", "sep")],
        ),
        (
            "#[wire(sep = b',')] struct S { #[wire(sep = b'|')] a: Cell, b: Dec }",
            &[(
                "`sep` stands between the fields of a type or the elements of a list, and `a` is no list: remove it, or put it on the type of `a`",
                "sep",
            )],
        ),
        (
            "struct S { #[wire(size = 2, as = hex(2))] a: u8, #[wire(size = 2, as = dec(2))] b: i8 }",
            &[
                ("`a` has as many characters as `hex(2)` says: remove `size`", "size"),
                ("a `i8` is no `dec(2)`: use the same kind of integer on both sides", "dec(2)"),
            ],
        ),
    ]);
}
