//! What belongs to a field that may be absent.

use super::mistakes;

#[test]
fn what_may_be_absent_decides_nothing_else() {
    mistakes(&[
        (
            "struct S { a: u8, #[wire(if = a > 1, before(n: u8 = size(b)), after(c: u8 = xor(n..=b)))] b: Option<Vec<u8>> }",
            &[],
        ),
        ("struct S { a: u8, #[wire(if = a > 1, is = xor(a))] b: Option<u8> }", &[]),
        // What others depend on is always there.
        ("struct S { a: u8, #[wire(if = a > 1, before(n: u8 = size(c)))] b: Option<u8>, c: Vec<u8> }", &[]),
        ("struct S { a: u8, #[wire(if = n > 1, before(n: u8 = xor(b..=c)))] b: Option<u8>, c: u8 }", &[]),
        (
            "struct S { a: u8, #[wire(if = a > 1, is = size(c))] b: Option<u8>, c: Vec<u8> }",
            &[(
                "`b` may be absent, so it cannot be what says how `c` is read: move it to a field that is always there",
                "size(c)",
            )],
        ),
        (
            "struct S { a: u8, #[wire(if = a > 1, is = xor(c))] b: Option<u8>, c: u8 }",
            &[("`b` may be absent, so it speaks of nothing that is there without it: `c` is", "xor(c)")],
        ),
        (
            "struct S { a: u8, #[wire(if = a > 1, is = xor(a))] b: Option<u8>, #[wire(if = b.is_some())] c: Option<u8> }",
            &[("`b` is computed and may be absent: let this depend on what says so", "b")],
        ),
    ]);
}
