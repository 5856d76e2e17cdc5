//! What selects a variant.

use super::mistakes;

#[test]
fn c_like_enums_lose_no_value() {
    mistakes(&[
        ("#[wire(tag = bits(1))] enum E { A, B }", &[]),
        (
            "#[wire(tag = bits(2))] enum E { A, B, C }",
            &[("`E` names 3 of 4 values and would lose the others: add `#[wire(other)] Other(u8)`", "E")],
        ),
        (
            "#[wire(tag = bits(1))] enum E { A, B = 2 }",
            &[("the value 2 of `B` does not fit `tag = bits(1)`", "2")],
        ),
        (
            "#[wire(tag = bits(0))] enum E { A, B }",
            &[("an enum of bits has 1 to 63 of them: `tag = bits(2)`", "bits")],
        ),
        (
            "#[wire(tag = bits(2))] enum E { #[wire(tag = 0)] A { level: u8 }, #[wire(tag = 1)] B }",
            &[(
                "the tag of variants with content is an integer of whole bytes; one of some bits stands in an item, `before(id: bits(2) = tag(body))`",
                "bits",
            )],
        ),
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 0)] A, #[wire(tag = 1)] B }",
            &[("`E` names 2 of 256 values and would lose the others: add `#[wire(other)] Other(u8)`", "E")],
        ),
        (
            "#[wire(tag = u16, endian = big)] enum E { A, #[wire(other)] Other(u8) }",
            &[("`u8` cannot keep every value of a `u16`: use `u16`", "u8")],
        ),
        (
            "#[wire(tag = u8)] enum E { A, #[wire(other)] Other }",
            &[("`Other` does not keep the value: write `Other(u8)`", "Other")],
        ),
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 1)] A, #[wire(tag = 1)] B, #[wire(other)] C(u8) }",
            &[("`B` and `A` have the same value 1: give one of them another", "1")],
        ),
        (
            "#[wire(tag = u8)] enum E { A = 3, #[wire(tag = 2)] B, C, #[wire(other)] D(u8) }",
            &[("`C` and `A` have the same value 3: give one of them another", "C")],
        ),
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 0x100)] A, #[wire(other)] D(u8) }",
            &[("the value 256 of `A` does not fit `tag = u8`", "0x100")],
        ),
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 1..=3)] A, #[wire(other)] D(u8) }",
            &[("a variant without content has one value", "1..=3")],
        ),
        (
            "#[wire(tag = i8)] enum E { A, #[wire(other)] D(u8) }",
            &[("a tag is an unsigned integer: `tag = u8`, `u16`, `u24` .. `u64`", "i8")],
        ),
        (
            "#[wire(tag = u8, ctx(x: u8))] enum E { A, #[wire(other)] D(u8) }",
            &[("an enum that is one integer takes no context: remove `ctx`", "x")],
        ),
        (
            "#[wire(tag = u8)] enum E { A, #[wire(other)] C(u8), #[wire(other)] D(u8) }",
            &[("an enum has one `other` variant", "D")],
        ),
        (
            "#[wire(tag = u8)] enum E { #[route(ignore)] A, #[wire(other)] D(u8) }",
            &[(
                "this enum is one integer, no body: routes go on the variants of the enum that `tag(..)` selects",
                "route",
            )],
        ),
    ]);
}

#[test]
fn tags_select_one_variant() {
    mistakes(&[
        (
            "enum E { #[wire(tag = 0x01)] A(u8), #[wire(tag = 0x01 | 2)] B { #[wire(tag)] id: u8 } }",
            &[("`B` and `A` both have the tag 0x01: give one of them another", "0x01 | 2")],
        ),
        (
            "enum E { #[wire(tag = 0x10..=0x1F)] A { #[wire(tag)] id: u8 }, #[wire(tag = 0x1F)] B }",
            &[("`B` and `A` both have the tag 0x1F: give one of them another", "0x1F")],
        ),
        (
            "enum E { #[wire(tag = 1 | 1)] A { #[wire(tag)] id: u8 } }",
            &[("`A` has the tag 0x01 twice: remove one", "1 | 1")],
        ),
        (
            "enum E { #[wire(tag = 1)] A, B(u8), C }",
            &[(
                "`B` has no tag: add `#[wire(tag = ..)]`, or `#[wire(other)]` to take all other tags; neither have `C`",
                "B",
            )],
        ),
        (
            "enum E { A(u8), B(u8) }",
            &[(
                "nothing says which variant of `E` is meant: give each of them `#[wire(tag = ..)]` or `#[wire(when = ..)]`",
                "E",
            )],
        ),
        (
            "enum E { #[wire(tag = 1)] A, #[wire(other, tag = 2)] B { #[wire(tag)] id: u8 } }",
            &[("`other` takes every tag that no variant has: remove `tag`", "tag")],
        ),
        (
            "enum E { #[wire(tag = 1)] A, #[wire(other)] B { #[wire(rest)] data: Vec<u8> } }",
            &[("`B` would lose the tag: add a field `#[wire(tag)] id: u16`", "B")],
        ),
        (
            "enum E { #[wire(tag = 1 | 2)] A(u8) }",
            &[(
                "`A` has several tags, and nothing says which one was received: add a field `#[wire(tag)] id: u8` to it",
                "1 | 2",
            )],
        ),
        (
            "enum E { #[wire(tag = 1..=0x100)] A { #[wire(tag)] id: u8 } }",
            &[("`id` may receive the tag 0x100, which does not fit a `u8`: use a larger integer", "u8")],
        ),
        (
            "#[wire(tag = u16, endian = big)] enum E { #[wire(tag = 1)] A(u8), #[wire(other)] B { #[wire(tag)] id: u8, #[wire(rest)] data: Vec<u8> } }",
            &[("`id` may receive the tag 0xFFFF, which does not fit a `u8`: use a larger integer", "u8")],
        ),
        (
            "enum E { #[wire(tag = 1)] A { #[wire(tag)] id: i8 } }",
            &[("a tag is an unsigned integer: use `u8` for `id`", "i8")],
        ),
        (
            "enum E { #[wire(tag = 1)] A { #[wire(tag)] id: u8, #[wire(tag)] again: u8 } }",
            &[("`id` receives the tag already: remove one of the two", "again")],
        ),
        (
            "enum E { #[wire(tag = 1)] A { #[wire(tag, size = 3)] id: u8 } }",
            &[("`id` receives the tag and is not on the wire itself: remove `size`", "size")],
        ),
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 0x100)] A(u8), #[wire(tag = 2)] B(u8) }",
            &[("the tag 0x100 does not fit `tag = u8`", "0x100")],
        ),
        (
            "#[wire(lenient)] enum E { #[wire(tag = 1)] A(u8) }",
            &[(
                "`lenient` keeps what does not fit its variant in `other`: add `#[wire(other)] Other { #[wire(tag)] id: u16, #[wire(rest)] data: &'a [u8] }`",
                "lenient",
            )],
        ),
        (
            "#[wire(lenient)] enum E { #[wire(tag = 1)] A(u8), #[wire(other)] B { #[wire(tag)] id: u8 } }",
            &[(
                "`lenient` keeps what does not fit its variant in `B`, which has no place for it: add `#[wire(rest)] data: &'a [u8]`",
                "B",
            )],
        ),
        (
            "enum E { #[wire(tag = \"x\")] A(u8) }",
            &[("a tag is an integer, a range or several with `|`: `0x02`, `0x80..=0xFE`, `1 | 2`", "\"x\"")],
        ),
    ]);
}

#[test]
fn conditions_reach_every_variant() {
    mistakes(&[
        (
            "#[wire(ctx(x: bool))] enum E { A(u8), #[wire(when = x)] B(u8) }",
            &[(
                "`B` is never chosen, because `A` before it has no `when`: add one there, or move it to the end",
                "B",
            )],
        ),
        (
            "#[wire(ctx(x: bool))] enum E { #[wire(when = x)] A(u8), #[wire(tag = 1)] B(u8) }",
            &[("`A` has no tag: add `#[wire(tag = ..)]`, or `#[wire(other)]` to take all other tags", "A")],
        ),
        (
            "#[wire(ctx(x: bool))] enum E { #[wire(when = x)] A(u8), #[wire(other)] B(u8) }",
            &[("`other` is for tags; here a last variant without `when` takes what is left", "other")],
        ),
        (
            "#[wire(tag = u8, ctx(x: bool))] enum E { #[wire(when = x)] A(u8, u8), B(u8) }",
            &[(
                "nothing says which variant of `E` is meant: give each of them `#[wire(tag = ..)]` or `#[wire(when = ..)]`",
                "E",
            )],
        ),
        (
            "#[wire(ctx(x: bool))] enum E { #[wire(when = x)] A(u8), B { #[wire(tag)] id: u8 } }",
            &[("`id` would receive a tag, but the variants here are chosen by `when`: remove `tag`", "id")],
        ),
    ]);
}

#[test]
fn a_condition_tells_variants_of_one_tag_apart() {
    mistakes(&[
        ("#[wire(ctx(x: bool))] enum E { #[wire(tag = 1, when = x)] A(u8), #[wire(tag = 1)] B(i8) }", &[]),
        (
            "#[wire(ctx(x: bool))] enum E { #[wire(tag = 1)] A(u8), #[wire(tag = 1, when = x)] B(i8) }",
            &[("`B` and `A` both have the tag 0x01: give one of them another", "1")],
        ),
    ]);
}

#[test]
fn what_is_tried_has_no_tags() {
    mistakes(&[
        (
            "#[wire(try, ctx(x: bool))] enum E { A(u8), #[wire(when = x)] B(i8), C { #[wire(rest)] c: Vec<u8> } }",
            &[],
        ),
        (
            "#[wire(try)] enum E { A(u8), #[wire(tag = 1)] B(i8) }",
            &[("the first variant that fits is taken here: remove `tag`, or `try` from the enum", "tag")],
        ),
        (
            "#[wire(try, tag = u8)] enum E { A(u8), B(i8) }",
            &[(
                "this enum begins with a tag, which says which variant follows: remove `try`, or `tag`",
                "try",
            )],
        ),
        (
            "#[wire(try, lenient)] enum E { A(u8), B(i8) }",
            &[(
                "`try` looks already for a variant that fits: remove `lenient`; a last variant with `#[wire(rest)] data: &'a [u8]` keeps the rest",
                "try",
            )],
        ),
        (
            "#[wire(try, max_depth = 4)] enum E { A(u8), B(#[wire(size = prefix(u8))] Box<E>) }",
            &[(
                "what is tried at every level of values within each other has no end in sight: tell these variants apart by a tag or by `when`",
                "try",
            )],
        ),
        (
            "#[wire(try)] struct S { a: u8 }",
            &[(
                "`try` does not go on a struct; the keys of `#[wire]` there are: endian, ctx, bits, sep, max_depth, before, after, key, crate",
                "try",
            )],
        ),
    ]);
}
