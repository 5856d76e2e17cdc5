//! Where a frame begins and ends.

use super::mistakes;

#[test]
fn something_says_where_a_frame_ends() {
    mistakes(&[
        (
            "#[frame] struct S { a: u8, #[wire(rest)] b: Vec<u8> }",
            &[(
                "nothing says where this frame ends: `b` takes all bytes that are left; let a length before it say `= size(b)`, or give it a `size`, or end the frame with `flag = 0x7E`, `end = b\"..\"`, `line` or `datagram`",
                "b",
            )],
        ),
        ("#[frame(max = 64)] struct S { a: u8, #[wire(size = a)] b: Vec<u8> }", &[]),
        (
            "#[frame] struct S { a: u8, #[wire(size = left - 2)] b: Vec<u8>, c: u16, #[wire(size = a)] d: Vec<u8> }",
            &[(
                "`c` has no byte order: add `#[wire(endian = big)]` or `little` to the type or the field",
                "c",
            )],
        ),
        (
            "#[frame] struct S { a: u8, #[wire(size = left - 2)] b: Vec<u8>, #[wire(size = a)] d: Vec<u8> }",
            &[(
                "nothing says where this frame ends: how many bytes are `left` for `b` is not known before; decide by a field, or let a length before it say `= size(..)`",
                "left - 2",
            )],
        ),
        (
            "#[frame] struct S<'a> { #[wire(size = prefix(u8))] a: &'a [u8], #[wire(size = a.len())] b: Vec<u8> }",
            &[(
                "nothing says where this frame ends: a size depends on `a`, which the frame search cannot keep; let it depend on a number or a flag before it",
                "a",
            )],
        ),
        (
            "#[frame] #[wire(sep = b',')] struct S<'a> { #[wire(as = Ascii)] a: Text<'a>, #[wire(as = Ascii)] b: Text<'a> }",
            &[(
                "nothing says where this frame ends: `b` goes on to its end; add the bytes that follow it, `after(b\"#\")`, or `end = b\"..\"` or `line`",
                "b",
            )],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 2 => 0x7E), end = 0x0A, max = 64)] struct S { a: u8 }",
            &[("`flag` and `start/end` both say where a frame ends: keep one of them", "end")],
        ),
        (
            "#[frame(datagram, find = f)] struct S { a: u8 }",
            &[("`datagram` and `find` both say where a frame ends: keep one of them", "find")],
        ),
        ("#[frame(find = f)] struct S { a: u8, #[wire(rest)] b: Vec<u8> }", &[]),
        (
            "#[frame(stuffing = slip, line, max = 64)] struct S { a: u8 }",
            &[("`stuffing = slip` has a flag of its own: remove the other delimiter", "stuffing")],
        ),
        (
            "#[frame(flag = 0x7F, stuffing = slip, max = 64)] struct S { a: u8 }",
            &[(
                "`stuffing = slip` has the flag 0xC0 of its own: remove `flag`, or write `escape(..)` with the codes for another flag in place of `stuffing`",
                "flag",
            )],
        ),
        (
            "#[frame(flag = 0x7E, stuffing = cobs, max = 64)] struct S { a: u8 }",
            &[(
                "`stuffing = cobs` keeps nothing but zeros out of a frame and ends it with one: remove `flag`",
                "flag",
            )],
        ),
        (
            "#[frame(start = b\"*\", end = b\"#\", stuffing = cobs, max = 64)] struct S { a: u8 }",
            &[(
                "`stuffing = cobs` keeps nothing but zeros out of a frame and ends it with one: remove `end`",
                "end",
            )],
        ),
        ("#[frame(start = b\"*\", end = 0x00, stuffing = cobs, max = 64)] struct S { a: u8 }", &[]),
        (
            "#[frame(stuffing = with(f, g))] struct S { #[wire(size = prefix(u8))] a: Vec<u8> }",
            &[(
                "a transform is given a whole frame, and its layout is read only behind it: say where a frame ends by `flag`, `end`, `line`, `datagram` or `find`",
                "stuffing",
            )],
        ),
        ("#[frame(line, stuffing = with(f, g), max = 64)] struct S { a: u8 }", &[]),
        ("#[frame(datagram, stuffing = T, max = 64)] struct S { a: u8 }", &[]),
        (
            "#[frame(line, stuffing = with(f), max = 64)] struct S { a: u8 }",
            &[(
                "`with` takes two functions, `with(DECODE, ENCODE)`: from the bytes on the wire to those that the layout reads, and back",
                "with(f)",
            )],
        ),
        ("#[frame(flag = 0x7E, stuffing = hex, max = 64)] struct S { a: u8 }", &[]),
        (
            "#[frame(stuffing = sloop, max = 64)] struct S { a: u8 }",
            &[(
                "no stuffing `sloop`: there are slip, hdlc, ppp, cobs and hex; another one is `escape(..)` or `stuffing = with(DECODE, ENCODE)`",
                "sloop",
            )],
        ),
        (
            "#[frame(start = b\"*\", max = 64)] struct S { a: u8 }",
            &[(
                "`start` says where a frame begins; say where it ends with `end = b\"..\"`. If a length says it, write the constant as `before(b\"..\")`",
                "start",
            )],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D ^ 0x20: 0x7D), max = 64)] struct S { a: u8 }",
            &[("the flag 0x7E is not escaped, so it could not be sent within a frame: add `0x7E`", "escape")],
        ),
        (
            "#[frame] enum E { #[wire(tag = 1)] A(u8) }",
            &[(
                "`#[frame]` goes on the struct that surrounds an enum; an enum whose variants are whole frames says `#[frame(one_of)]`",
                "frame",
            )],
        ),
        (
            "#[frame(one_of)] enum E { #[frame(if = x)] A(Frame), #[frame(follow)] B(Frame) }",
            &[
                (
                    "what the connection knows decides here, and nothing of it is declared: add `#[wire(ctx(NAME: TYPE))]` to the enum",
                    "if",
                ),
                ("`#[frame]` has no key `follow`; did you mean `followed`?", "follow"),
            ],
        ),
        (
            "#[frame(one_of)] #[wire(ctx(x: bool))] enum E { #[frame(if = x, followed)] A(Frame), B(Frame) }",
            &[],
        ),
        (
            "#[frame(one_of)] enum E { A(Frame), B { a: u8 }, #[frame(lead = [0x100])] C(Frame) }",
            &[
                (
                    "a variant of a `one_of` enum is one whole frame: write `B(TYPE)`, where TYPE has `#[frame]`",
                    "B",
                ),
                ("a leading byte is `0x7E`, a range `0x01..=0xFF`, several with `|`, or `_`", "0x100"),
            ],
        ),
        (
            "#[frame(escape(0x7D: 1 => 0x7D), max = 9)] struct S { a: u8 }",
            &[("`escape` keeps the flag out of a frame, and there is none: add `flag = 0x7E`", "escape")],
        ),
        (
            "#[frame(flag = 0x7E, max = 64)] struct S { a: u8 }",
            &[(
                "`a` may hold 0x7E and would end its own frame: say how it is escaped, `escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E)`; where the protocol does without, `unescaped` ends a frame at the first flag there is",
                "0x7E",
            )],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 2 => 0x7E))] struct S { a: u8 }",
            &[(
                "a frame whose end never comes would be kept for ever: add `max = BYTES`, the most that a frame has",
                "frame",
            )],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 2 => 0x7E), max = 0)] struct S { a: u8 }",
            &[("no frame has 0 bytes: write the most that a frame has", "0")],
        ),
        (
            "#[frame(flg = 0x7E)] struct S { a: u8 }",
            &[("`#[frame]` has no key `flg`; did you mean `flag`?", "flg")],
        ),
        ("#[frame(flag = 0x17E)] struct S { a: u8 }", &[("`0x17E` is no byte: write 0x00 to 0xFF", "0x17E")]),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 2 => 0x7E), max = 9)] enum E { #[wire(tag = 1)] A(u8) }",
            &[
                (
                    "`flag` does not go on an enum; the keys of `#[frame]` there are: one_of, skip, resync",
                    "flag",
                ),
                (
                    "`escape` does not go on an enum; the keys of `#[frame]` there are: one_of, skip, resync",
                    "escape",
                ),
                (
                    "`max` does not go on an enum; the keys of `#[frame]` there are: one_of, skip, resync",
                    "max",
                ),
            ],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 2 => 0x7E), max = 9)] #[wire(bits = u8)] struct S { #[wire(bits = 8)] a: u8 }",
            &[(
                "a struct of bits is one integer, no frame: put `#[frame]` on the struct that holds it",
                "frame",
            )],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 2 => 0x7E), max = 9)] #[wire(ctx(x: u8))] struct S { a: u8 }",
            &[],
        ),
        // What the connection knows may say where a frame ends.
        ("#[frame] #[wire(ctx(n: usize))] struct S { #[wire(size = n)] a: Vec<u8> }", &[]),
    ]);
}

#[test]
fn escapes_can_be_undone() {
    mistakes(&[
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D), max = 9)] struct S { a: u8 }",
            &[(
                "the flag 0x7E has no code, so it could not be sent within a frame: add `0x02 => 0x7E`",
                "escape",
            )],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7E), max = 9)] struct S { a: u8 }",
            &[(
                "the escape byte 0x7D has no code, so it could not be sent within a frame: add `0x02 => 0x7D`",
                "escape",
            )],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 1 => 0x7E), max = 9)] struct S { a: u8 }",
            &[("the code 1 stands for two bytes: use another code for 0x7E", "1")],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 2 => 0x7E, 3 => 0x7E), max = 9)] struct S { a: u8 }",
            &[("the byte 0x7E has two codes: remove one", "0x7E")],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 1 => 0x7D, 0x7E => 0x7E), max = 9)] struct S { a: u8 }",
            &[("the code 0x7E is the flag itself, which ends the frame: use another code", "0x7E")],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7D: 0x7D => 0x7D, 2 => 0x7E), max = 9)] struct S { a: u8 }",
            &[("the code 0x7D is the escape byte itself: use another code", "0x7D")],
        ),
        (
            "#[frame(flag = 0x7E, escape(0x7E: 1 => 0x7E), max = 9)] struct S { a: u8 }",
            &[("the escape byte is the flag itself, which ends the frame: they have to differ", "0x7E")],
        ),
    ]);
}

#[test]
fn digits_stand_between_delimiters_that_are_none() {
    mistakes(&[
        (
            "#[frame(stuffing = hex, max = 64)] struct S { a: u8 }",
            &[(
                "`stuffing = hex` makes digits of the bytes between delimiters, and there are none: add `start = b\":\", end = b\"\\r\\n\"` or `line`",
                "stuffing",
            )],
        ),
        (
            "#[frame(start = b\":\", end = b\"END\", stuffing = hex, max = 64)] struct S { a: u8 }",
            &[("every frame may hold the digit `E`: a delimiter has other bytes", "end")],
        ),
    ]);
}

#[test]
fn no_field_holds_a_delimiter() {
    mistakes(&[
        (
            "#[frame(end = b\"#\", max = 64)] #[wire(endian = big)] struct S { #[wire(before(b\"*\"))] a: u16, b: u8 }",
            &[(
                "`a` may hold b\"#\" and would end its own frame: say how it is escaped, `escape(0x7D: 0x01 => 0x7D, 0x02 => 0x23)`, or let a length say where the frame ends and write the end as a constant, `after(b\"#\")`; where the protocol does without, `unescaped` ends a frame at the first end there is",
                "end",
            )],
        ),
        (
            "#[frame(line, max = 64)] struct S<'a> { #[wire(rest, after(check: u8 = xor(text)))] text: &'a [u8] }",
            &[(
                "`check` may hold b\"\\n\" and would end its own frame: say how it is escaped, `escape(0x7D: 0x01 => 0x7D, 0x02 => 0x0A)`, or let a length say where the frame ends and write the end as a constant, `after(b\"\\n\")`; where the protocol does without, `unescaped` ends a frame at the first line end there is",
                "line",
            )],
        ),
        (
            "#[frame(start = b\"$\", end = b\"\\r\\n\", max = 64)] struct S<'a> { #[wire(rest)] text: &'a [u8], key: [u8; 4] }",
            &[(
                "`key` may hold b\"\\r\\n\" and would end its own frame: say how it is escaped, `escape(..)`, or let a length say where the frame ends and write the end as a constant, `after(b\"\\r\\n\")`; where the protocol does without, `unescaped` ends a frame at the first end there is",
                "end",
            )],
        ),
        // Digits, text, bytes up to the end, small ranges.
        (
            "#[frame(start = b\"$\", end = b\"#\", max = 64)] #[wire(sep = b',')] struct S<'a> { #[wire(as = dec(2))] n: u8, #[wire(as = dec)] m: u64, #[wire(as = Ascii, after(b\"*\"), after(check: hex(2) = xor(n..=text)))] text: Text<'a> }",
            &[],
        ),
        (
            "#[frame(end = b\"#\", max = 64)] struct S<'a> { #[wire(range = b'A'..=b'Z')] kind: u8, #[wire(rest)] text: &'a [u8] }",
            &[],
        ),
        (
            "#[frame(end = b\"M\", max = 64)] struct S<'a> { #[wire(range = b'A'..=b'Z')] kind: u8, #[wire(rest)] text: &'a [u8] }",
            &[(
                "`kind` may hold b\"M\" and would end its own frame: say how it is escaped, `escape(0x7D: 0x01 => 0x7D, 0x02 => 0x4D)`, or let a length say where the frame ends and write the end as a constant, `after(b\"M\")`; where the protocol does without, `unescaped` ends a frame at the first end there is",
                "end",
            )],
        ),
        ("#[frame(end = b\"#\", max = 64, unescaped)] struct S { a: u8 }", &[]),
        ("#[frame(flag = 0x7E, max = 64, unescaped)] struct S { a: u8 }", &[]),
        (
            "#[frame(unescaped)] struct S { a: u8 }",
            &[(
                "`unescaped` is for a `flag`, `end` or `line` that nothing keeps out of a frame: remove it",
                "unescaped",
            )],
        ),
        (
            "#[frame(end = b\"#\", escape(0x7D: 1 => 0x7D, 2 => 0x7E), max = 9)] struct S { a: u8 }",
            &[(
                "the end b\"#\" is not escaped, so it could not be sent within a frame: add a code for it",
                "escape",
            )],
        ),
        ("#[frame(end = b\"#\", escape(0x7D: 1 => 0x7D, 2 => 0x23), max = 9)] struct S { a: u8 }", &[]),
    ]);
}
