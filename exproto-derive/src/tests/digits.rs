//! Integers that stand as digits.

use super::mistakes;

#[test]
fn digits_have_a_number_or_an_end() {
    mistakes(&[
        ("struct S { #[wire(as = dec(0))] a: u8 }", &[("`dec` has 1 to 19 digits", "0")]),
        (
            "struct S { #[wire(before(a: hex(17) = size(d)), rest)] d: Vec<u8> }",
            &[("`hex` has 1 to 16 digits", "17")],
        ),
        (
            "struct S { #[wire(before(a: dec(2, lower)))] b: u8 }",
            &[("write `dec(4)`, a number of four digits, or `dec`, one of as many as it needs", "lower")],
        ),
        (
            "struct S { #[wire(before(a: hex(2, small)))] b: u8 }",
            &[(
                "write `hex(2)` or `hex(2, lower)`, a number of two digits, or `hex`, `hex(lower)`, one of as many as it needs",
                "small",
            )],
        ),
        (
            "struct S { #[wire(as = dec)] a: u8 }",
            &[(
                "nothing ends the digits of `a`: say how many they are, `dec(4)`, or what ends them, `until = b\":\"`, or put it between separators, `sep = b','`",
                "a",
            )],
        ),
        (
            "struct S { #[wire(before(n: hex = size(a)), rest)] a: Vec<u8> }",
            &[(
                "nothing ends the digits of `n`: say how many they are, `dec(4)`, or what ends them, `until = b\":\"`, or put it between separators, `sep = b','`",
                "n",
            )],
        ),
        (
            "struct S { #[wire(size = prefix(dec))] a: Vec<u8> }",
            &[("the digits of a prefix have nothing that ends them: say how many, `prefix(dec(4))`", "dec")],
        ),
        (
            "#[wire(tag = hex)] enum E { #[wire(tag = 1)] A(u8) }",
            &[("the digits of the tag have nothing that ends them: say how many, `tag = dec(2)`", "hex")],
        ),
        (
            "struct S { #[wire(before(n: dec = sum(..), until = b\":\"))] a: [u8; 4] }",
            &[(
                "`n` covers itself, and its own digits change with it: say how many they are, `dec(4)`",
                "sum(..)",
            )],
        ),
    ]);
}

#[test]
fn numbers_fit_their_digits() {
    mistakes(&[
        (
            "struct S { #[wire(as = dec(3))] a: u8 }",
            &[("a `u8` cannot hold every `dec(3)`: use a larger type for the field", "dec(3)")],
        ),
        (
            "struct S { #[wire(as = dec(4))] a: i16 }",
            &[("a `i16` is no `dec(4)`: use the same kind of integer on both sides", "dec(4)")],
        ),
        (
            "struct S { #[wire(as = hex(5, lower))] a: i16 }",
            &[(
                "a `i16` cannot hold every `hex(5, lower)`: use a larger type for the field",
                "hex(5, lower)",
            )],
        ),
        (
            "struct S { #[wire(before(version: dec(2) = 100))] a: u8 }",
            &[("`100` does not fit `dec(2)` of `version`", "100")],
        ),
        (
            "#[wire(tag = dec(1))] enum E { #[wire(tag = 10)] A(u8) }",
            &[("the tag 0x0A does not fit `tag = dec(1)`", "10")],
        ),
        (
            "#[wire(tag = hex(1))] enum E { #[wire(tag = 16)] A, #[wire(other)] Other(u8) }",
            &[("the value 16 of `A` does not fit `tag = hex(1)`", "16")],
        ),
        (
            "#[wire(tag = dec(1))] enum E { #[wire(tag = 1)] A, #[wire(tag = 2)] B }",
            &[("`E` names 2 of 10 values and would lose the others: add `#[wire(other)] Other(u8)`", "E")],
        ),
        (
            "struct S { #[wire(rest, after(check: dec(2) = xor(a)))] a: Vec<u8> }",
            &[("xor makes 8 bits, too many for `dec(2)` of `check`: use `dec(3)`", "check")],
        ),
        (
            "struct S { #[wire(rest, after(check: hex(2) = crc(\"CRC-16/MODBUS\", a)))] a: Vec<u8> }",
            &[("CRC-16/MODBUS makes 16 bits, too many for `hex(2)` of `check`: use `hex(4)`", "check")],
        ),
    ]);
}
