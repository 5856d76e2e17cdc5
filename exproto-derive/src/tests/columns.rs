//! Fields with a byte between them.

use super::mistakes;

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
