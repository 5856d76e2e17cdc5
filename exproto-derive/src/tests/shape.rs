//! The shape of JSON.

use super::mistakes;

#[test]
fn shapes_are_of_what_has_them() {
    mistakes(&[
        ("struct S { #[wire(flatten)] a: Part, #[wire(hidden)] b: u8, #[wire(rest, map)] c: Vec<T> }", &[]),
        (
            "struct S<B> { #[wire(flatten)] a: B, b: u8 }",
            &[(
                "`B` is a type parameter, whose fields are not known here: name the type of `a`, or remove `flatten`",
                "flatten",
            )],
        ),
        (
            "struct S { #[wire(flatten)] a: u8 }",
            &[("`flatten` puts the fields of a declared struct or enum here, and `a` is neither", "flatten")],
        ),
        (
            "struct S { #[wire(map)] a: u8 }",
            &[("`map` shows a `List`, `ListBuf` or `Vec` as an object, and `a` is none", "map")],
        ),
        (
            "struct S(#[wire(hidden)] u8, u8);",
            &[("`hidden` is for fields with names: in JSON a tuple is a list, or its only value", "hidden")],
        ),
        (
            "struct S { #[wire(hidden, flatten)] a: Part }",
            &[("what is hidden has no shape in JSON: remove `hidden`, or the other key of `a`", "hidden")],
        ),
        (
            "#[frame] #[route(gateway, anonymous, ignore, nulls = keep)] struct S { a: u8 }",
            &[("nulls stand in JSON, or are left out: `nulls = omit`", "keep")],
        ),
        (
            "#[frame] #[route(one_of = E, ignore, nulls = omit)] struct S { a: u8 }",
            &[("the enum is the gateway: put `nulls` there", "nulls")],
        ),
    ]);
}

#[test]
fn names_of_elements_hold_one_number() {
    mistakes(&[
        ("#[wire(key = \"io{id}\")] struct S { id: u8, value: u8 }", &[]),
        (
            "#[wire(key = \"io\")] struct S { id: u8 }",
            &[(
                "a name holds one number, with letters, digits, `_`, `-`, `.`, `:` and `/` around it: `\"io{id}\"`",
                "\"io\"",
            )],
        ),
        (
            "#[wire(key = \"io#{id}\")] struct S { id: u8 }",
            &[(
                "a name holds one number, with letters, digits, `_`, `-`, `.`, `:` and `/` around it: `\"io{id}\"`",
                "\"io#{id}\"",
            )],
        ),
        (
            "#[wire(key = \"io{ip}\")] struct S { id: u8, value: u8 }",
            &[("`S` has no field `ip`; did you mean `id`?", "\"io{ip}\"")],
        ),
        (
            "#[wire(endian = big, key = \"{id}\")] struct S { id: f32, #[wire(rest)] value: Vec<u8> }",
            &[(
                "`id` is a `f32`: a name holds an integer, a `Word` or a `TextBuf` that is always there",
                "\"{id}\"",
            )],
        ),
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 1, key = \"io{id}\")] A { id: u8 }, #[wire(tag = 2, key = \"io{of}\")] B { of: u8 }, #[wire(tag = 3)] Io7 }",
            &[
                ("`io7` is also the name of `Io7`", "\"io{id}\""),
                ("`io7` is also the name of `Io7`", "\"io{of}\""),
                ("`a` has the same names, so `B` would never be made of JSON", "\"io{of}\""),
            ],
        ),
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 1, key = \"a\")] A, #[wire(other, key = \"io{id}\")] Other(u8) }",
            &[
                ("`key` names variants with a number in them; this enum is one integer", "key"),
                ("`key` names variants with a number in them; this enum is one integer", "key"),
            ],
        ),
        (
            "#[wire(bits = u8, key = \"io{a}\")] struct S { #[wire(bits = 8)] a: u8 }",
            &[("`key` names structs and variants with a number in them; this type is one integer", "key")],
        ),
        (
            "#[wire(key = \"io{id}\")] struct S(u8);",
            &[(
                "the number is a field, by its name, and `S` has none: write `S { id: u8, .. }`",
                "\"io{id}\"",
            )],
        ),
        (
            "#[wire(tag = u8, key = \"a{b}\")] enum E { #[wire(tag = 1)] A { b: u8 } }",
            &[(
                "`key` does not go on an enum; the keys of `#[wire]` there are: endian, ctx, tag, lenient, try, sep, max_depth, crate",
                "key",
            )],
        ),
    ]);
}
