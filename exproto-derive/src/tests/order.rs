//! Byte orders that are chosen at run time.

use super::mistakes;

#[test]
fn a_chosen_byte_order_is_known_where_it_is_needed() {
    mistakes(&[
        (
            "#[wire(endian = if mark == 1 { little } else { big })] struct S { a: u16, mark: u8, b: u16 }",
            &[(
                "`a` is read before `mark`, which chooses its byte order: give `a` an `endian` of its own",
                "a",
            )],
        ),
        (
            "#[wire(endian = litle)] struct S { a: u16, b: u32 }",
            &[(
                "no byte order `litle`: write `big`, `little` or an expression over earlier fields and the context; did you mean `little`?",
                "litle",
            )],
        ),
        (
            "#[wire(ctx(order: Endian), endian = order)] struct S { a: u16, #[wire(endian = big)] b: u16 }",
            &[],
        ),
        (
            "#[wire(ctx(order: Endian), endian = order)] #[wire(tag = u16)] enum S { #[wire(tag = 1)] A(u16) }",
            &[],
        ),
        (
            "#[wire(tag = u16, endian = order)] enum S { #[wire(tag = 1)] A { a: u8 } }",
            &[("no byte order `order`: write `big`, `little` or an expression over the context", "order")],
        ),
        (
            "#[wire(bits = u16, endian = order)] struct S { #[wire(bits = 16)] a: u16 }",
            &[(
                "a struct of bits says `endian = big` or `little`: where the order is chosen, say `as = u16, endian = ..` on the field that holds it",
                "order",
            )],
        ),
        (
            "#[wire(tag = u16, endian = order)] enum S { #[wire(tag = 1)] A, #[wire(other)] B(u16) }",
            &[(
                "an enum that is one integer says `endian = big` or `little`: where the order is chosen, say `as = u16, endian = ..` on the field that holds it",
                "order",
            )],
        ),
        (
            "#[frame] #[wire(endian = if mark == 1 { little } else { big })] struct S { mark: u8, #[wire(before(len: u16 = size(data)))] data: Vec<u8> }",
            &[],
        ),
    ]);
}
