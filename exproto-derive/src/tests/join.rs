//! Values whose parts stand at several places.

use super::mistakes;

#[test]
fn the_parts_of_a_value_make_it_up() {
    mistakes(&[
        (
            "struct S { #[wire(as = u8)] a: i16, #[wire(if = a > 1)] b: Option<u8>, #[wire(before(south: u8 = sign(a)))] c: u8, #[wire(if = a > 1)] d: Option<u8> }",
            &[("`b` depends on `a`, whose part `south` is not read yet: nothing can depend on it here", "b")],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(before(hi: u8 = bits(a, 16)))] a: u32 }",
            &[(
                "`hi` holds the bits of `a` from 16, but those before it end at 32: write `bits(a, 32)`",
                "hi",
            )],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(before(hi: u8 = bits(a, 16)))] a: u16 }",
            &[("`a` has 24 bits with its parts, more than a `u16`: use a larger integer", "a")],
        ),
        ("#[wire(endian = big)] struct S { #[wire(before(hi: u8 = bits(a, 24)), as = u24)] a: u32 }", &[]),
        (
            "struct S { #[wire(before(hi: u8 = bits(b, 16)))] a: u8 }",
            &[("no field `b` here; did you mean `a`?", "b")],
        ),
        (
            "struct S { #[wire(before(hi: u8 = bits(a)))] a: u8 }",
            &[(
                "write `bits(FIELD, N)`: this holds the bits of the field from bit N up, the field itself those below",
                "bits(a)",
            )],
        ),
        (
            "struct S { #[wire(before(hi: u8 = bits(a, 8) + 1))] a: u16 }",
            &[
                (
                    "`a` has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field",
                    "a",
                ),
                ("`hi` is a part of a value: remove the arithmetic", "bits(a, 8) + 1"),
            ],
        ),
        (
            "struct S { #[wire(before(south: u8 = sign(a)))] a: u8 }",
            &[("`a` is never negative: make it an `i64`, or another signed integer", "a")],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(before(south: u8 = sign(a)))] a: i32 }",
            &[(
                "a `i32` cannot hold every sign and 32 bits: use a larger integer, or `SignMagnitude<33>`, which keeps minus zero",
                "a",
            )],
        ),
        ("#[wire(endian = big)] struct S { #[wire(before(south: u8 = sign(a)), as = u32)] a: i64 }", &[]),
        (
            "#[wire(endian = big)] struct S { #[wire(as = u32)] a: i64 }",
            &[("a `i64` is no `u32`: use the same kind of integer on both sides", "u32")],
        ),
        (
            "struct S { #[wire(before(n: u8 = sign(a)), before(m: u8 = sign(a)), as = u8)] a: i16 }",
            &[("`a` has its sign already: a value has one", "a")],
        ),
        (
            "struct S { #[wire(before(n: u8 = sign(a, 1, 1)), as = u8)] a: i16 }",
            &[
                ("plus and minus are the same: nothing would tell them apart", "sign(a, 1, 1)"),
                ("a `i16` is no `u8`: use the same kind of integer on both sides", "u8"),
            ],
        ),
        (
            "struct S { #[wire(before(n: u8 = sign(a, b\"NO\", b\"SO\")), as = u8)] a: i16 }",
            &[("`n` cannot hold what stands for plus or minus", "a")],
        ),
    ]);
}
