//! Lists and arrays.

use super::mistakes;

#[test]
fn arrays_have_their_size_and_their_elements_a_layout() {
    mistakes(&[
        (
            "#[wire(endian = big)] struct S { #[wire(count = 3)] a: [u16; 3] }",
            &[("`a` has the size of its array: remove `count`", "count")],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(max = 3)] a: [u16; 3] }",
            &[("`max` bounds a size or count that the device says, and `a` has none: remove it", "max")],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(lenient)] a: [u16; 3] }",
            &[(
                "`a` has the size of its array, so nothing of it can be missing: remove `lenient`",
                "lenient",
            )],
        ),
        (
            "struct S { a: [u16; 3] }",
            &[(
                "`a` has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field",
                "a",
            )],
        ),
        (
            "struct S { a: [Vec<u8>; 2] }",
            &[(
                "an element of `a` has no extent: add `each(size = ..)`, such as `each(size = prefix(u8))`",
                "Vec<u8>",
            )],
        ),
    ]);
}

#[test]
fn an_element_ends_only_a_list() {
    mistakes(&[
        (
            "struct S { #[wire(until = |x| *x == 0)] a: Vec<u16> }",
            &[(
                "`a` has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field",
                "a",
            )],
        ),
        (
            "struct S<'a> { #[wire(until = |x| *x == 0)] a: &'a [u8] }",
            &[(
                "this asks each element of a list whether it is the last, and `a` is no list: give the bytes that end it, `until = b\"\\0\"`",
                "|x| *x == 0",
            )],
        ),
        (
            "struct S { #[wire(until = |x| *x == 0)] a: u8 }",
            &[("`a` is an integer of 1 bytes: remove `until`; another width is `as = u24`", "until")],
        ),
        (
            "struct S { #[wire(until = |x| x.a == 0, lenient)] a: List<T> }",
            &[(
                "`lenient` takes the elements that are there, but the last of `a` has to be: remove `lenient`, or say `rest` or `size` instead of `until`",
                "lenient",
            )],
        ),
    ]);
}

#[test]
fn a_row_speaks_of_the_elements_of_a_list() {
    mistakes(&[
        (
            "#[wire(endian = big)] struct S { #[wire(before(n: u8 = count(a)), before(l: [u16] = sizes(a)))] a: Vec<Vec<u8>> }",
            &[],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(a)), before(l: [u16] = sizes(a)))] a: Vec<Vec<u8>> }",
            &[(
                "`l` has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field",
                "l",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(a)), before(l: u8 = sizes(a)))] a: Vec<Vec<u8>> }",
            &[("there is one for each element of the list: write `[u8]`", "l")],
        ),
        (
            "struct S { #[wire(before(l: [u8]))] a: u8 }",
            &[(
                "a row holds the size or count of each element of a list: write `[u16] = sizes(LIST)` or `counts(LIST)`",
                "l",
            )],
        ),
        (
            "struct S { #[wire(before(l: [u8] = sizes(a)))] a: Vec<Vec<u8>> }",
            &[(
                "nothing says before `l` how many elements `a` has: let an item before it say `= count(a)`, or add `count = ..`",
                "a",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(a)), before(l: [u8] = sizes(a)))] a: List<T> }",
            &[(
                "`a` is no `Vec` or array whose elements are laid out here: what `l` says is of each of those",
                "a",
            )],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(a)), before(l: [u8] = sizes(a)), each(size = 3))] a: Vec<Vec<u8>> }",
            &[("an element of `a` has a size already", "a")],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(a)), before(l: [u8] = counts(a)), each(size = prefix(u8)))] a: Vec<Vec<i8>> }",
            &[("an element of `a` is no list without a count of its own", "a")],
        ),
        (
            "struct S { #[wire(count = 2, after(l: [u8] = sizes(a)))] a: Vec<Vec<u8>> }",
            &[("`a` stands before `l`, so nothing says yet where its elements end", "a")],
        ),
        (
            "struct S { n: u8, #[wire(is = sizes(a))] l: u8, #[wire(count = n)] a: Vec<Vec<u8>> }",
            &[(
                "`l` is one value, and there is one for each element: write it as an item, `before(l: [u16] = ..)`",
                "sizes(a)",
            )],
        ),
    ]);
}

#[test]
fn a_checksum_ends_a_list() {
    mistakes(&[
        (
            "struct S { #[wire(until = chek, after(check: u8 = sum(..)))] a: Vec<u8> }",
            &[("no checksum `chek` here; did you mean `check`?", "chek")],
        ),
        (
            "struct S { b: u8, #[wire(until = b)] a: Vec<u8> }",
            &[(
                "`b` is no checksum, so it does not tell where `a` ends: name one, `after(check: u8 = sum(..))`",
                "b",
            )],
        ),
        (
            "struct S { #[wire(before(check: u8 = sum(a)), until = check)] a: Vec<u8> }",
            &[(
                "`check` does not stand behind `a` and cover it, so it does not tell where that ends",
                "check",
            )],
        ),
        (
            "struct S { #[wire(until = check, after(check: u8 = fn(own, ..)))] a: Vec<u8> }",
            &[(
                "`check` is computed behind each element of `a` and has to go on where it left off: use `xor`, `sum`, `lrc`, `internet` or `crc` in an integer of its own, without a seed or arithmetic",
                "check",
            )],
        ),
        (
            "struct S { #[wire(until = check, size = 2, after(check: u8 = sum(..)))] a: Vec<u8> }",
            &[("`a` has two extents: keep one of `size`, `count`, `rest`, `until`", "until")],
        ),
        (
            "struct S { #[wire(as = Ascii, until = check, after(check: u8 = sum(..)))] a: TextBuf }",
            &[(
                "a checksum ends a list or bytes, and `a` is neither: give the bytes that end it, `until = b\"\\0\"`",
                "check",
            )],
        ),
    ]);
}
