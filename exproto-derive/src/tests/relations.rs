//! What is computed of what.

use super::mistakes;

#[test]
fn relations_are_written_so() {
    mistakes(&[
        (
            "#[wire(endian = big)] struct S { #[wire(before(n: u16 = size(a) % 2))] a: Vec<u8> }",
            &[(
                "a relation can be turned round only with `+`, `-`, and `*`, `/` by a positive constant",
                "%",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = length_of(a)))] #[wire(rest)] a: Vec<u8> }",
            &[(
                "no relation `length_of`; the relations are: size, count, sizes, counts, present, tag, bits, sign, xor, sum, sum8, sum16, sum32, lrc, internet, fletcher255, fletcher256, crc, fn",
                "length_of",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(a, b)))] a: Vec<u8>, b: u8 }",
            &[("`count(..)` takes one argument, the field it speaks of", "count(a, b)")],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(a + 1)))] a: Vec<u8>, b: u8 }",
            &[("`count(..)` speaks of one field: write its name", "a + 1")],
        ),
        (
            "struct S { #[wire(after(n: u8 = crc(a..)))] a: u8 }",
            &[(
                "write `crc(\"CRC-16/MODBUS\", RANGE)`, with `, seed = EXPR` if it has one, and `, also = EXPR` for bytes behind the range that are not on the wire",
                "crc(a..)",
            )],
        ),
        (
            "struct S { #[wire(after(n: u8 = crc(\"Fletcher's own\", a..)))] a: u8 }",
            &[(
                "no CRC is called `Fletcher's own`: names are those of the usual catalogue, such as `CRC-16/MODBUS`",
                "\"Fletcher's own\"",
            )],
        ),
        (
            "struct S { #[wire(after(n: u8 = sign(a, b\"N\")))] a: i8 }",
            &[(
                "write `sign(FIELD)`, or `sign(FIELD, b\"N\", b\"S\")` with what stands for plus and for minus",
                "sign(a, b\"N\")",
            )],
        ),
        (
            "struct S { #[wire(after(n: u8 = fn(my_check)))] a: u8 }",
            &[(
                "write `fn(path::to::function, RANGE)`; the function takes the bytes, and the arguments that follow",
                "fn(my_check)",
            )],
        ),
        (
            "struct S { #[wire(after(n: u8 = xor(a.b..)))] a: u8 }",
            &[("a range of fields is written `a..=b`, `a..` or `..`", "a.b")],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(after(n: u8 = internet(a..)))] a: u8 }",
            &[("`internet` makes 16 bits, and `n` has 8: use `u16`", "n")],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(after(n: u8 = fletcher255(a..)))] a: u8 }",
            &[("a Fletcher checksum makes 16 bits, and `n` has 8: use `u16`", "n")],
        ),
        (
            "#[wire(sep = b',')] struct S { #[wire(as = dec)] a: u8, #[wire(as = dec(3), is = xor(a..=a))] n: Option<u16> }",
            &[("`n` is an `Option`, but what is computed is always there: remove `Option`", "xor(a..=a)")],
        ),
        (
            "struct S { a: Body, #[wire(before(id: u8 = tag(a)))] b: u8 }",
            &[("`a` stands before its tag and cannot be read", "a")],
        ),
        (
            "struct S { #[wire(after(n: dec(2) = fletcher255(a..)))] a: u8 }",
            &[("the Fletcher checksum makes 16 bits, too many for `dec(2)` of `n`: use `dec(5)`", "n")],
        ),
    ]);
}

#[test]
fn a_value_in_two_places_is_an_integer() {
    mistakes(&[
        (
            "struct S { #[wire(after(high: u8 = bits(a, 8)))] a: bool }",
            &[
                ("`a` is a single bit: say `bits = 1`, or `as = u8` for a whole byte", "a"),
                ("`a` is no integer on the wire, so it has no bits at another place", "a"),
            ],
        ),
        (
            "struct S { #[wire(before(low: u8 = size(a)))] #[wire(after(high: u8 = bits(low, 8)))] a: Vec<u8> }",
            &[("`low` is no field with a value of its own: name one that is", "low")],
        ),
        (
            "struct S { n: u8, #[wire(if = n > 0)] a: Option<u8>, #[wire(after(high: u8 = bits(a, 8)))] b: u8 }",
            &[(
                "`a` may be missing, and its other part is read after it: let that part stand before it, or in `after(..)` of it",
                "a",
            )],
        ),
    ]);
}

#[test]
fn what_is_only_on_the_wire_ends() {
    mistakes(&[(
        "struct S { #[wire(before(n: dec = size(a), until = |d| d > 0))] #[wire(size = 1)] a: Vec<u8> }",
        &[("an item that stands only on the wire is no list: give the bytes that end it", "|d| d > 0")],
    )]);
}
