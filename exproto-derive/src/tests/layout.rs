//! Fields, extents, relations.

use super::mistakes;

#[test]
fn bounds_sentinels_and_separators_go_where_they_mean_something() {
    mistakes(&[
        (
            "struct S { #[wire(max = 4)] a: u8 }",
            &[("`max` bounds a size or count that the device says, and `a` has none: remove it", "max")],
        ),
        (
            "struct S { #[wire(size = prefix(u8), extra)] data: Vec<u8> }",
            &[(
                "`extra` bytes follow a declared type within its `size`, and `data` leaves none: remove it",
                "extra",
            )],
        ),
        (
            "struct S { #[wire(until = b\"\")] data: Vec<u8> }",
            &[("something has to end the value: give at least one byte", "b\"\"")],
        ),
        (
            "struct S { #[wire(sentinel(0x100 => invalid))] a: u8 }",
            &[("the value of `invalid` does not fit the 8 bits of `a`", "invalid")],
        ),
        (
            "struct S { #[wire(sentinel(0xFF => invalid, 0xFF => other))] a: u8 }",
            &[("`other` or its value is given twice: each sentinel has one name", "other")],
        ),
        (
            "struct S { #[wire(sentinel(0 => none))] b: Time }",
            &[("`sentinel` names values of an integer, and `b` is none: remove it", "sentinel")],
        ),
        (
            "#[wire(sep = b',')] struct S { a: u8, b: Dec }",
            &[(
                "`a` would be binary between separators: use a number as text: `as = dec`, `Dec` or `HexNum`",
                "a",
            )],
        ),
    ]);
}

#[test]
fn extents_are_said_once() {
    mistakes(&[
        (
            "struct S<'a> { data: &'a [u8] }",
            &[(
                "`data` has no extent: add `size`, `count` or `rest`, or let a length field say `= size(data)`",
                "data",
            )],
        ),
        (
            "struct S { data: Vec<u8> }",
            &[(
                "`data` has no extent: add `size`, `count` or `rest`, or let a length field say `= size(data)`",
                "data",
            )],
        ),
        (
            "struct S { list: Vec<Part> }",
            &[(
                "`list` has no extent: add `size`, `count` or `rest`, or let a count say `= count(list)`",
                "list",
            )],
        ),
        (
            "struct S(Vec<u8>);",
            &[(
                "`0` has no extent: add `size`, `count` or `rest`, or let a length field say `= size(0)`",
                "Vec<u8>",
            )],
        ),
        (
            "struct S { #[wire(rest)] names: Vec<Vec<u8>> }",
            &[(
                "an element of `names` has no extent: add `each(size = ..)`, such as `each(size = prefix(u8))`",
                "Vec<u8>",
            )],
        ),
        (
            "struct S { #[wire(size = 4, rest)] data: Vec<u8> }",
            &[("`data` has two extents: keep one of `size`, `count`, `rest`, `until`", "rest")],
        ),
        (
            "struct S { #[wire(rest)] data: Vec<u8>, #[wire(size = prefix(u8))] more: Vec<u8> }",
            &[(
                "`data` takes the rest, but `more` after it has no fixed size: give one of them a `size`",
                "data",
            )],
        ),
        (
            "struct S { part: Part, #[wire(as = Varint)] number: u32, #[wire(rest)] data: Vec<u8>, end: u8 }",
            &[],
        ),
        (
            "struct S { #[wire(size = 0)] data: Vec<u8> }",
            &[("`data` has no bytes: remove the field, or say how many it has", "0")],
        ),
    ]);
}

#[test]
fn what_has_a_size_of_its_own_takes_no_other() {
    mistakes(&[
        (
            "struct S { #[wire(size = 3)] a: u8 }",
            &[("`a` is an integer of 1 bytes: remove `size`; another width is `as = u24`", "size")],
        ),
        (
            "struct S { #[wire(rest)] a: [u8; 4] }",
            &[("`a` has the size of its array: remove `rest`", "rest")],
        ),
        ("struct S { #[wire(bits = 8, size = 1)] a: u8 }", &[("`a` is made of bits: remove `size`", "size")]),
        (
            "struct S { #[wire(count = 3)] a: u8 }",
            &[("`count` is for lists; say the bytes of `a` with `size`", "count")],
        ),
        (
            "struct S { #[wire(rest, fill = 0)] a: Vec<u8> }",
            &[("`fill` pads up to a size, and `a` has none: add `size = N`, or remove `fill`", "fill")],
        ),
        (
            "struct S { #[wire(each(size = 1))] a: Part }",
            &[("`each` is for the elements of a `Vec` or an array, and `a` is none: remove it", "each")],
        ),
    ]);
}

#[test]
fn bits_fit_their_types() {
    mistakes(&[
        (
            "#[wire(endian = big)] struct S { #[wire(bits = 16)] a: u8 }",
            &[("16 bits do not fit a `u8`: use a larger integer for `a`", "u8")],
        ),
        (
            "struct S { #[wire(bits = 8)] a: bool }",
            &[(
                "`a` is a `bool`, which is one bit, not 8: use an integer, or `before(_: bits(7))` for reserved ones",
                "bool",
            )],
        ),
        (
            "struct S { #[wire(bits = 8)] a: f32 }",
            &[("`a` is a float, which takes whole bytes: remove `bits`", "f32")],
        ),
        (
            "struct S { #[wire(bits = 8)] a: Vec<u8> }",
            &[(
                "`a` cannot be made of bits: use an integer, `bool`, a C-like enum or a struct of bits",
                "Vec<u8>",
            )],
        ),
        (
            "struct S { #[wire(bits = 8, if = true)] a: Option<u8> }",
            &[("`a` is made of bits, so it is always there: remove `Option`", "a")],
        ),
        ("struct S { #[wire(bits = 65)] a: u8 }", &[("a field of bits has 1 to 64 of them", "65")]),
        (
            "struct S { #[wire(bits = 3)] a: u8, b: u8 }",
            &[(
                "the fields of bits from here on have 3 bits together; a container has whole bytes: name reserved bits with `before(_: bits(N))`",
                "a",
            )],
        ),
        (
            "struct S { #[wire(count = 9, each(bits = 1))] a: Vec<bool> }",
            &[(
                "`a` has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field",
                "a",
            )],
        ),
        (
            "struct S { #[wire(until = |e| *e == 0, endian = big, each(bits = 4))] a: Vec<u8> }",
            &[(
                "the elements of `a` are bits, and only all of them together end with a byte: say `count` or `size`",
                "|e| *e == 0",
            )],
        ),
        (
            "struct S { #[wire(count = 9, endian = big, each(bits = 9))] a: Vec<u8> }",
            &[("9 bits do not fit a `u8`: use a larger integer for `a`", "u8")],
        ),
        (
            "#[frame(skip = b\"\\r\")] #[wire(endian = big)] struct S<'a> { #[wire(before(_: bits(7)), before(length: bits(60) = size(..)), bits = 5)] a: u8, data: &'a [u8] }",
            &[(
                "`length` says where the frame ends and lies in nine bytes: such a length has at most 57 bits, or begins with a byte",
                "length",
            )],
        ),
        (
            "struct S { a: bool }",
            &[("`a` is a single bit: say `bits = 1`, or `as = u8` for a whole byte", "a")],
        ),
        (
            "#[wire(bits = u8)] struct S { #[wire(bits = 4)] a: u8 }",
            &[(
                "the fields have 4 bits, the integer has 8: name reserved bits with `before(_: bits(N))`",
                "u8",
            )],
        ),
        (
            "#[wire(bits = u8)] struct S { #[wire(bits = 4)] a: u8, b: u8 }",
            &[("`b` needs `bits = N`: all fields of a struct of bits are bits", "b")],
        ),
        (
            "#[wire(bits = i8)] struct S { #[wire(bits = 8)] a: u8 }",
            &[("a struct of bits lies in an unsigned integer: `bits = u8`, `u16`, `u24` .. `u64`", "i8")],
        ),
        (
            "#[wire(bits = u8)] struct S { #[wire(bits = 8, is = 3)] a: u8 }",
            &[(
                "`a` lies in a struct of bits, which is one integer: relations go where that integer is a field",
                "3",
            )],
        ),
        (
            "#[wire(bits = u8, ctx(x: u8))] struct S { #[wire(bits = 8)] a: u8 }",
            &[("a struct of bits is one integer and takes no context: remove `ctx`", "x")],
        ),
    ]);
}

#[test]
fn integers_have_a_byte_order_and_fit() {
    mistakes(&[
        (
            "struct S { a: u16, b: u16, #[wire(bits = 16)] c: u16 }",
            &[(
                "`a` has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field",
                "a",
            )],
        ),
        ("struct S { a: u8, #[wire(endian = big)] b: u16 }", &[]),
        (
            "#[wire(endian = big)] struct S { #[wire(as = u24)] a: u16 }",
            &[("a `u16` cannot hold every `u24`: use a larger type for the field", "u24")],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(as = i24)] a: u32 }",
            &[("a `u32` is no `i24`: use the same kind of integer on both sides", "i24")],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(as = i16)] a: Mode }",
            &[("`as` needs an unsigned integer here: `as = u8`, `u16`, `u24` .. `u64`", "i16")],
        ),
        (
            "struct S { #[wire(before(v: u8 = 0x1FF))] a: u8 }",
            &[("`0x1FF` does not fit the 8 bits of `v`", "0x1FF")],
        ),
        (
            "struct S { #[wire(before(v: bits(3) = 8), bits = 5)] a: u8 }",
            &[("`8` does not fit the 3 bits of `v`", "8")],
        ),
        ("struct S { #[wire(is = -129)] a: i8 }", &[("`- 129` does not fit the 8 bits of `a`", "-129")]),
        ("struct S { #[wire(is = -128)] a: i8 }", &[]),
        (
            "struct S { a: &'static str }",
            &[(
                "text keeps the bytes it was received as: use `Text<'a>` with `as = Ascii`, `Utf8` or `Gbk`",
                "&'static str",
            )],
        ),
    ]);
}

#[test]
fn relations_speak_of_what_makes_sense() {
    mistakes(&[
        (
            "struct S { #[wire(before(len: u8 = size(dta)))] data: Vec<u8> }",
            &[("no field `dta` here; did you mean `data`?", "dta")],
        ),
        (
            "struct S { #[wire(before(n: u8 = cont(list)), rest)] list: Vec<u8> }",
            &[("no relation `cont`; did you mean `count`?", "cont")],
        ),
        (
            "struct S { #[wire(before(n: u8 = count(a)))] a: u8 }",
            &[("`a` is no list: `count(..)` speaks of a `List`, `Vec` or bytes", "a")],
        ),
        (
            "struct S { #[wire(before(n: u8 = present(a)))] a: u8 }",
            &[("`a` is always there: make it an `Option`", "a")],
        ),
        (
            "struct S { #[wire(after(n: u8 = present(a)))] a: Option<u8> }",
            &[("`a` stands before this item, so nothing says yet whether it is there", "a")],
        ),
        (
            "struct S { a: Option<u8> }",
            &[(
                "nothing says when `a` is there: add `#[wire(if = ..)]`, or let a flag say `= present(a)`",
                "a",
            )],
        ),
        (
            "struct S { #[wire(if = true)] a: u8 }",
            &[("`if` makes the field optional: write `a: Option<u8>`", "if")],
        ),
        (
            "struct S { #[wire(before(n: u8 = tag(a)))] a: u8 }",
            &[("`a` is no enum: `tag(..)` speaks of an enum with `#[wire(tag = ..)]` on its variants", "a")],
        ),
        (
            "struct S { #[wire(before(n: u8 = tag(a)), before(m: u8 = tag(a)))] a: Body }",
            &[("`a` has its tag already: a body has one", "a")],
        ),
        (
            "struct S { #[wire(is = size(data))] len: Part, #[wire(rest)] data: Vec<u8> }",
            &[(
                "`len` is no integer, so nothing can be computed into it: use an integer type or `bits = N`",
                "size(data)",
            )],
        ),
        (
            "#[wire(endian = big)] struct S { a: u8, #[wire(size = a, is = size(data))] len: u32, #[wire(size = 4)] data: Vec<u8> }",
            &[(
                "`len` is a number whose width is said elsewhere, `size = EXPR`: it holds a count, tag, flag or constant, other relations an integer of fixed width",
                "size(data)",
            )],
        ),
        (
            "struct S { #[wire(is = size(data), if = true)] len: Option<u8>, #[wire(rest)] data: Vec<u8> }",
            &[(
                "`len` may be absent, so it speaks of nothing that is there without it: `data` is",
                "size(data)",
            )],
        ),
        (
            "struct S { #[wire(before(len: u8 = size(a..=b)))] a: Vec<u8>, #[wire(size = prefix(u8))] b: Vec<u8> }",
            &[(
                "this length does not say where `a` ends, because `b` after it has no fixed size: give `a` an extent of its own",
                "a..=b",
            )],
        ),
        (
            "struct S { #[wire(before(len: u8 = size(b..=a)))] a: u8, b: u8 }",
            &[("the range is empty: its end stands before its beginning", "b..=a")],
        ),
        (
            "struct S { #[wire(bits = 4)] a: u8, #[wire(bits = 4)] b: u8, #[wire(before(len: u8 = size(a..=c)))] c: u8, #[wire(before(l: u8 = size(b..=c)))] d: u8 }",
            &[(
                "the range begins within a container of bits: begin with the container's first field",
                "b..=c",
            )],
        ),
        (
            "struct S { c: u8, #[wire(bits = 4)] a: u8, #[wire(bits = 4)] b: u8, #[wire(before(l: u8 = size(c..=a)))] d: u8 }",
            &[("the range ends within a container of bits: end with the container's last field", "c..=a")],
        ),
        (
            "struct S { #[wire(before(x: u8 = xor(y)), before(y: u8 = xor(x)))] b: u8 }",
            &[
                ("the checksum `x` covers one that covers it in turn: neither can be computed first", "y"),
                ("the checksum `y` covers one that covers it in turn: neither can be computed first", "x"),
            ],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(after(x: u16 = xor(a)))] a: u8 }",
            &[("`xor` makes one byte, and `x` has 16 bits: use `u8`", "x")],
        ),
        (
            "struct S { #[wire(after(x: u8 = crc(\"CRC-16/MODBUSS\", a)))] a: u8 }",
            &[("no CRC is called `CRC-16/MODBUSS`; did you mean `CRC-16/MODBUS`?", "\"CRC-16/MODBUSS\"")],
        ),
        (
            "struct S { #[wire(after(x: u8 = crc(\"CRC-16/MODBUS\", a)))] a: u8 }",
            &[("CRC-16/MODBUS makes 16 bits, and `x` has 8: widen the field", "\"CRC-16/MODBUS\"")],
        ),
        (
            "struct S { #[wire(before(x: u8 = present(a) * 2))] a: Option<u8> }",
            &[("the flag `x` is 0 or 1: remove the arithmetic", "present(a) * 2")],
        ),
        (
            "struct S { #[wire(before(x: u8 = size(a) * -1), rest)] a: Vec<u8> }",
            &[("a relation is turned round on decode, so this has to be an integer literal", "-1")],
        ),
        (
            "struct S { #[wire(before(a: u8 = 1))] a: u8 }",
            &[("two items are called `a`: give one of them another name", "a")],
        ),
        (
            "struct S { #[wire(before(len: f32 = size(a)), rest)] a: Vec<u8> }",
            &[(
                "an item that stands only on the wire is an integer, `bits(N)`, `dec(N)`, `hex(N)`, a codec such as `Leb128`, `pad(N)`, `align(N)` or a constant",
                "f32",
            )],
        ),
        (
            "struct S { #[wire(before(len: u8 = size(a), size = 3))] a: Vec<u8> }",
            &[(
                "`size` does not go on what stands only on the wire; the keys there are: endian, fill, range, strict",
                "size",
            )],
        ),
        (
            "struct S { #[wire(before(x: u8 = 1, fill = 3))] a: u8 }",
            &[("`x` is computed: remove `fill`", "fill")],
        ),
    ]);
}

#[test]
fn keys_go_where_they_mean_something() {
    mistakes(&[
        (
            "struct S { #[wire(ctx(a = 1))] b: u8 }",
            &[("`b` is no declared type, so it takes no context: remove `ctx`", "ctx")],
        ),
        (
            "struct S { #[wire(ctx(a = 1), as = Ascii, rest)] b: TextBuf }",
            &[(
                "`b` is read by a codec, which takes no context: give the codec its values, or remove `ctx`",
                "ctx",
            )],
        ),
        (
            "struct S { #[wire(opaque = true)] b: Part }",
            &[(
                "`opaque` keeps a body raw, and no `tag(..)` selects `b`: remove it, or add `before(id: u8 = tag(b))`",
                "opaque",
            )],
        ),
        (
            "struct S { #[wire(lenient)] b: u8 }",
            &[("`lenient` goes on enums and on lists, and `b` is neither: remove it", "lenient")],
        ),
        (
            "struct S { #[wire(rest, lenient)] b: Vec<Part> }",
            &[(
                "a `Vec` has no place for the bytes of an element that is cut off: use `List` or `ListBuf` for `b`",
                "lenient",
            )],
        ),
        (
            "struct S { #[wire(count = 3, lenient)] b: ListBuf<Part> }",
            &[(
                "`lenient` takes the elements that are there, but `b` has a count: say `rest` or `size` instead, or remove it",
                "lenient",
            )],
        ),
        (
            "struct S { #[wire(strict)] b: u8 }",
            &[("`strict` refuses values outside a range: add `range = LOW..=HIGH`, or remove it", "strict")],
        ),
        (
            "struct S { #[wire(range = 9..=1)] b: u8 }",
            &[("no value lies in this range: write `range = 1..=9`", "9..=1")],
        ),
        (
            "struct S { #[wire(range = 1..9)] b: u8 }",
            &[("a range names its lowest and highest value: `range = 1..=12`", "1..9")],
        ),
        (
            "struct S { #[wire(range = 1..=2)] b: Part }",
            &[("`range` is for numbers, and `b` is none: remove it", "range")],
        ),
        (
            "struct S { #[wire(scale = 0.1, rest)] b: Vec<u8> }",
            &[("`scale` renders numbers, and `b` is none: remove it", "scale")],
        ),
        (
            "struct S { #[wire(bits = 1, unit = \"V\")] b: bool, #[wire(bits = 7)] c: u8 }",
            &[("`unit` renders numbers, and `b` is none: remove it", "unit")],
        ),
        (
            "#[wire(endian = big)] struct S { #[wire(offset = -40)] b: f32 }",
            &[("`b` is a float, which holds the physical value already: remove `offset`", "offset")],
        ),
        (
            "struct S { #[wire(scale = 0.0)] b: u8 }",
            &[("a factor of 0 makes all values the same: write another", "0.0")],
        ),
        (
            "struct S { #[wire(scale = x)] b: u8 }",
            &[("write a decimal number or a ratio of two, such as `0.1`, `1e-6` or `1 / 1_800_000`", "x")],
        ),
        (
            "struct S { #[wire(scale = 0.1, offset = x)] b: u8 }",
            &[("write a decimal number, such as `0.5` or `-40`", "x")],
        ),
        (
            "struct S { #[wire(scale = 1e-19)] b: u8 }",
            &[("this scale needs more than 18 decimals: scale to another unit", "1e-19")],
        ),
        (
            "struct S { #[wire(scale = 1e-12, offset = 10_000_000)] b: u8 }",
            &[(
                "this offset does not fit beside the 12 decimals that the values have: both have 18 digits together",
                "10_000_000",
            )],
        ),
        ("struct S { #[wire(scale = 1 / 3, offset = -0.25)] b: u8 }", &[]),
        (
            "struct S { #[wire(tag)] b: u8 }",
            &[("`b` would receive the tag of a variant, and this is a struct: remove `tag`", "b")],
        ),
        (
            "struct Node { #[wire(rest)] children: Vec<Node> }",
            &[(
                "`Node` contains itself, so a device could nest it without end: say how deep, `#[wire(max_depth = 8)]`, or declare a type for each level that the protocol has",
                "Node",
            )],
        ),
        (
            "struct S { #[wire(each(size = 1), rest)] b: ListBuf<Part> }",
            &[(
                "elements of a `List` read themselves: put these keys on a field of the element's own type, or use `Vec`",
                "each",
            )],
        ),
    ]);
}

#[test]
fn two_functions_are_a_codec() {
    mistakes(&[
        (
            "struct S { #[wire(size = 2, as = with(read))] a: Own }",
            &[(
                "`with` takes two functions: `as = with(READ, WRITE)`, from `&[u8]` to the value and from a reference to it to its bytes",
                "with(read)",
            )],
        ),
        (
            "struct S { #[wire(size = 2, as = with(read, write), ctx(a = 1))] a: Own }",
            &[(
                "`a` is read by a codec, which takes no context: give the codec its values, or remove `ctx`",
                "ctx",
            )],
        ),
    ]);
}

#[test]
fn a_number_of_any_width_takes_all_its_bytes() {
    mistakes(&[
        (
            "#[wire(endian = big)] struct S<const N: usize> { n: u8, #[wire(size = n)] a: u32, #[wire(size = N, range = 0..=9)] b: i16, #[wire(size = prefix(u8))] c: f64, #[wire(rest)] d: u64 }",
            &[],
        ),
        (
            "struct S { n: u8, #[wire(size = n)] a: u32 }",
            &[(
                "`a` has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field",
                "a",
            )],
        ),
        (
            "#[wire(endian = big)] struct S { n: u8, #[wire(size = n, fill = 0)] a: u32 }",
            &[("`a` is a number, which takes all bytes of its size: remove `fill`", "fill")],
        ),
    ]);
}
