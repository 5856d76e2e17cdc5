//! Sums of sizes and counts.

use super::mistakes;

#[test]
fn a_sum_leaves_the_rest_to_one_item() {
    mistakes(&[
        (
            "struct S { #[wire(before(n: u8 = size(a) + size(b)))] a: Vec<u8>, b: Vec<u8> }",
            &[(
                "nothing says how much of this is `a` and how much `b`: give one of them an extent of its own",
                "size(a) + size(b)",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = size(a) + size(b)))] a: Vec<u8>, #[wire(size = prefix(u8))] b: Vec<u8> }",
            &[(
                "this does not say where `a` ends, because `b` is read after it: give `a` an extent of its own",
                "size(a) + size(b)",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = size(b) - size(a)))] #[wire(size = prefix(u8))] b: Vec<u8>, a: Vec<u8> }",
            &[(
                "`a` is taken away here, which does not say where it ends: give it an extent of its own",
                "size(b) - size(a)",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(a) + count(b)))] a: u8, #[wire(rest)] b: Vec<u8> }",
            &[("`a` is no list: `count(..)` speaks of a `List`, `Vec` or bytes", "a")],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(a) + xor(a)))] #[wire(rest)] a: Vec<u8> }",
            &[(
                "a sum is made of sizes, counts and integers, each of which may be multiplied by an integer",
                "xor",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(a) * size(a)))] #[wire(rest)] a: Vec<u8> }",
            &[(
                "a sum is made of sizes, counts and integers, each of which may be multiplied by an integer",
                "*",
            )],
        ),
    ]);
}

#[test]
fn what_rounds_up_decides_nothing() {
    mistakes(&[
        ("struct S { #[wire(before(n: u8 = size(a).div_ceil(2)))] #[wire(rest)] a: Vec<u8> }", &[]),
        (
            "struct S { #[wire(before(n: u8 = size(a).max(2)))] #[wire(rest)] a: Vec<u8> }",
            &[(
                "the one method of a relation is `.div_ceil(N)`, which divides by a positive constant and rounds up",
                "max",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = tag(a).div_ceil(2)))] a: B }",
            &[(
                "`n` is rounded up, which does not say which tag it was: remove `div_ceil`",
                "tag(a).div_ceil(2)",
            )],
        ),
    ]);
}

#[test]
fn counts_sizes_and_flags_look_further_in() {
    mistakes(&[
        (
            "struct S { #[wire(before(n: u8 = count(body.items) + 1), before(m: bits(8) = size(body.0.data)))] body: B }",
            &[],
        ),
        (
            "struct S { #[wire(before(n: u8 = tag(body.kind)))] body: B }",
            &[(
                "`kind` is read by the type of `body`, and `tag(..)` speaks of a field beside it; only `count`, `size` and `present` look further in",
                "body.kind",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(bdy.items)))] body: B }",
            &[("no field `bdy` here; did you mean `body`?", "bdy")],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(body.items)))] body: u8 }",
            &[("`body` is no declared type of its own, so nothing in it has a name", "items")],
        ),
        (
            "struct S { #[wire(before(n: u8 = present(body.items) + 1))] body: B }",
            &[("the flag `n` is 0 or 1: remove the arithmetic", "present(body.items) + 1")],
        ),
    ]);
}

#[test]
fn numbers_of_varying_width_are_computed() {
    mistakes(&[
        (
            "struct S { #[wire(before(n: Leb128 = size(b..)), before(m: Leb128 = size(a)))] a: Vec<u8>, #[wire(before(l: my::Codec::<2> = count(b)))] b: Vec<u8> }",
            &[],
        ),
        (
            "struct S { #[wire(before(n: Leb128))] a: u8 }",
            &[("a number of varying width is computed: write what it is, `Leb128 = size(FIELD)`", "Leb128")],
        ),
        (
            "struct S { #[wire(size = 3, after(n: Leb128 = sum(a)))] a: Vec<u8> }",
            &[(
                "`n` varies in width: it holds a size, count, tag or constant, other relations an integer of fixed width",
                "sum(a)",
            )],
        ),
    ]);
}
