//! Names in expressions.

use super::mistakes;

#[test]
fn an_expression_speaks_of_what_is_known() {
    mistakes(&[
        ("struct S { #[wire(before(kind: u8 = tag(b)), if = kind == 1)] a: Option<u8>, b: B }", &[]),
        (
            "struct S { #[wire(before(n: bits(8) = count(b)), size = n)] a: Vec<u8>, #[wire(rest)] b: Vec<u8> }",
            &[],
        ),
        ("struct S { #[wire(size = { let b = 2; b })] a: Vec<u8>, b: u8 }", &[]),
        ("#[wire(ctx(b: u8))] struct S { #[wire(size = b)] a: Vec<u8>, b: u8 }", &[]),
        (
            "struct S { #[wire(if = x.b == 1 && b != 0)] a: Option<u8>, b: u8 }",
            &[("`b` is read after `a`: an expression speaks of what stands before it", "b")],
        ),
        (
            "struct S { #[wire(before(spare: u8), size = spare)] a: Vec<u8> }",
            &[(
                "`spare` is reserved and always written the same, so nothing can depend on it: make it a field",
                "spare",
            )],
        ),
    ]);
}
