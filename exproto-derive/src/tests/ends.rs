//! Where frames and values end.

use super::mistakes;

#[test]
fn frames_are_of_one_kind() {
    mistakes(&[
        (
            "#[frame] #[wire(tag = u8)] enum E { A, #[wire(other)] B(u8) }",
            &[(
                "an enum that is one integer is no frame: put `#[frame]` on the struct that holds it",
                "frame",
            )],
        ),
        (
            "#[frame(one_of)] enum E { #[wire(tag = 1)] A(A) }",
            &[("frames are told apart by their leading bytes: write `#[frame(lead = [..])]`", "tag")],
        ),
        ("#[frame(one_of)] enum E {}", &[("a `one_of` enum has 1 to 12 variants", "E")]),
        (
            "#[frame(stuffing = slip, escape(0xDB: 0xDC => 0xC0, 0xDD => 0xDB), max = 9)] struct S { #[wire(rest)] a: Vec<u8> }",
            &[("`stuffing = slip` is an escape table already: remove one of them", "escape")],
        ),
        (
            "#[frame(max = 99999999999)] struct S { a: u8 }",
            &[(
                "this is no number of bytes: write the most that a frame has, such as `max = 4096`",
                "99999999999",
            )],
        ),
        (
            "#[frame(blocks(first = 8, size = 16, check: u16 = crc(\"CRC-16/DNP\", ..)))] #[wire(endian = little)] struct S { a: Part, #[wire(before(length: u8 = size(b)))] b: Vec<u8> }",
            &[(
                "what stands before the length has no size that is known here: write arrays and integers before it",
                "8",
            )],
        ),
    ]);
}

#[test]
fn tags_and_pieces() {
    mistakes(&[
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 1)] A { #[wire(tag)] id: Option<u8> } }",
            &[
                (
                    "nothing says when `id` is there: add `#[wire(if = ..)]`, or let a flag say `= present(id)`",
                    "id",
                ),
                ("`id` receives the tag, which is always there: remove `Option`", "id"),
            ],
        ),
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 1)] A { #[wire(tag, bits = 8)] id: u8 } }",
            &[("`id` receives the tag and is not on the wire itself: remove `bits`", "id")],
        ),
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 1)] A { a: u8 }, #[wire(other, when = left > 1)] B { #[wire(rest)] d: Vec<u8> } }",
            &[("`other` takes every tag that no variant has: remove `when`", "when")],
        ),
        (
            "#[frame(reassemble(key = a, index = i, total = n, into = b))] #[wire(endian = big)] struct S<'a> { a: u8, #[wire(if = a > 1)] i: Option<u16>, n: u16, #[wire(before(id: u8 = tag(b)), size = 4)] b: Body, #[wire(stream = 4096, size = prefix(u32))] d: Chunk<&'a [u8]> }",
            &[(
                "segments are joined when they are whole, and `d` is handed out in pieces: remove one of `reassemble` and `stream`",
                "reassemble",
            )],
        ),
        (
            "#[frame] #[wire(sep = b',')] struct S<'a> { #[wire(as = dec)] b: u8, #[wire(stream = 4096)] d: Chunk<&'a [u8]> }",
            &[
                (
                    "`d` stands between separators, which are looked for in all of it: remove `stream`",
                    "stream",
                ),
                (
                    "nothing says where this frame ends: `d` goes on to its end; add the bytes that follow it, `after(b\"#\")`, or `end = b\"..\"` or `line`",
                    "d",
                ),
            ],
        ),
    ]);
}

#[test]
fn what_ends_too_late_ends_no_frame() {
    mistakes(&[
        (
            "#[frame] struct S { #[wire(before(n: u8 = count(a) + size(b)))] #[wire(count = prefix(u8))] a: Vec<u8>, b: Vec<u8> }",
            &[(
                "nothing says where this frame ends: `b` ends where a sum of sizes and counts says, which is known only when all of it is there; let one length speak of a range, `size(a..=b)`",
                "count(a) + size(b)",
            )],
        ),
        (
            "#[frame] struct S { #[wire(before(k: u8 = count(a)), before(n: [u8] = counts(a)), each(each(size = prefix(u8))))] a: Vec<Vec<Vec<u8>>> }",
            &[(
                "nothing says where this frame ends: the elements of the elements of `a` vary in size; let a length before it say `= size(a)`, or end the frame with `flag = 0x7E`, `end = b\"..\"`, `line` or `datagram`",
                "a",
            )],
        ),
        (
            "#[frame] struct S { #[wire(until = |p| p.last)] a: Vec<Part> }",
            &[(
                "nothing says where this frame ends: which element of `a` is the last is known only when it is decoded; let a length before it say `= size(a)`, or end the frame with `flag = 0x7E`, `end = b\"..\"`, `line` or `datagram`",
                "a",
            )],
        ),
    ]);
}
