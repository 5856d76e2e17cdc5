//! Payloads that are handed out in pieces.

use super::mistakes;

#[test]
fn a_payload_in_pieces_is_sized_before_it() {
    mistakes(&[
        (
            "#[frame] #[wire(endian = big)] struct S { #[wire(before(n: u32 = size(a)), stream = 64, after(check: u8 = xor(..)), after(b\"!\"))] a: Chunk<Vec<u8>> }",
            &[],
        ),
        (
            "#[frame] #[wire(endian = big)] struct S { n: u32, #[wire(size = n - 2, stream = 64)] a: Chunk<Vec<u8>> }",
            &[],
        ),
        (
            "#[frame] struct S { #[wire(rest, stream = 64)] a: Chunk<Vec<u8>> }",
            &[(
                "nothing before `a` says how many bytes it has: add `size = prefix(u32)`, or let a length say `= size(a)`",
                "stream",
            )],
        ),
        (
            "#[frame] struct S { #[wire(size = 9, stream = 64)] a: Chunk<Vec<u8>> }",
            &[(
                "nothing before `a` says how many bytes it has: add `size = prefix(u32)`, or let a length say `= size(a)`",
                "stream",
            )],
        ),
        (
            "#[frame] struct S { #[wire(size = prefix(u8), stream = 64)] a: Vec<u8> }",
            &[(
                "a field with `stream` holds one piece and which one it is: write `Chunk<&'a [u8]>` or `Chunk<Vec<u8>>`",
                "Vec<u8>",
            )],
        ),
        (
            "#[frame] struct S { n: u8, #[wire(if = n > 0, size = prefix(u8), stream = 64)] a: Option<Chunk<Vec<u8>>> }",
            &[(
                "`a` is not in every frame: declare a frame without it and tell the two apart by `#[frame(one_of)]`, or let it be empty",
                "stream",
            )],
        ),
        (
            "#[frame] struct S { #[wire(size = prefix(u8), via = T, stream = 64)] a: Chunk<Vec<u8>> }",
            &[("`via` is given all bytes of `a` at once: remove one of `via` and `stream`", "stream")],
        ),
        (
            "#[frame] struct S { #[wire(size = prefix(u8), stream = 0)] a: Chunk<Vec<u8>> }",
            &[("this is no number of bytes: write the most that a piece has, such as `stream = 4096`", "0")],
        ),
    ]);
}

#[test]
fn only_a_frame_that_its_layout_ends_comes_in_pieces() {
    mistakes(&[
        (
            "struct S { #[wire(size = prefix(u8), stream = 64)] a: Chunk<Vec<u8>> }",
            &[(
                "only a frame is handed out in pieces: put `stream` on a field of the struct with `#[frame(..)]`",
                "stream",
            )],
        ),
        (
            "#[wire(tag = u8)] enum E { #[wire(tag = 1)] A { #[wire(size = prefix(u8), stream = 64)] a: Chunk<Vec<u8>> } }",
            &[(
                "only a frame is handed out in pieces: put `stream` on a field of the struct with `#[frame(..)]`",
                "stream",
            )],
        ),
        (
            "#[frame(stuffing = slip, max = 99)] struct S { #[wire(size = prefix(u8), stream = 64)] a: Chunk<Vec<u8>> }",
            &[(
                "`stuffing` ends a frame that is there as a whole, and `a` is handed out before: remove `stuffing` and let a length say how many bytes `a` has",
                "stuffing",
            )],
        ),
        (
            "#[frame(datagram)] struct S { #[wire(size = prefix(u8), stream = 64)] a: Chunk<Vec<u8>> }",
            &[(
                "`datagram` ends a frame that is there as a whole, and `a` is handed out before: remove `datagram` and let a length say how many bytes `a` has",
                "datagram",
            )],
        ),
        (
            "#[frame(max = 64)] struct S { n: u8, #[wire(size = prefix(u8), stream = 64)] a: Chunk<Vec<u8>> }",
            &[(
                "a piece of `a` and what surrounds it have 65 bytes: write at least that, the payload counts no more",
                "64",
            )],
        ),
    ]);
}

#[test]
fn behind_a_payload_in_pieces_stand_its_checksum_and_constants() {
    mistakes(&[
        (
            "#[frame] struct S { #[wire(size = prefix(u8), stream = 64)] a: Chunk<Vec<u8>>, b: u8 }",
            &[(
                "`b` comes behind `a`, of which pieces are handed out before: only constants and a checksum in `after(..)` may stand there; put it before",
                "b",
            )],
        ),
        (
            "#[frame] struct S { #[wire(size = prefix(u8), stream = 64)] a: Chunk<Vec<u8>>, #[wire(is = xor(a))] b: u8 }",
            &[(
                "`b` comes behind `a`, of which pieces are handed out before: only constants and a checksum in `after(..)` may stand there; write it as `after(..)`",
                "b",
            )],
        ),
        (
            "#[frame] struct S { #[wire(size = prefix(u8), stream = 64)] a: Chunk<Vec<u8>>, #[wire(size = prefix(u8), stream = 64)] b: Chunk<Vec<u8>> }",
            &[
                (
                    "`a` is handed out in pieces already, and a frame has one such payload: remove `stream`",
                    "stream",
                ),
                (
                    "`b` comes behind `a`, of which pieces are handed out before: only constants and a checksum in `after(..)` may stand there; put it before",
                    "b",
                ),
            ],
        ),
        (
            "#[frame] struct S { #[wire(before(c: u8 = xor(a)), size = prefix(u8), stream = 64)] a: Chunk<Vec<u8>> }",
            &[(
                "`c` is added up piece by piece: it stands behind `a`, covers all from a constant place up to itself, and is `xor`, `sum`, `lrc`, `internet` or `crc` without a seed or arithmetic",
                "xor(a)",
            )],
        ),
        (
            "#[frame] struct S { #[wire(size = prefix(u8), stream = 64, after(c: u8 = fn(f, a)))] a: Chunk<Vec<u8>> }",
            &[(
                "`c` is added up piece by piece: it stands behind `a`, covers all from a constant place up to itself, and is `xor`, `sum`, `lrc`, `internet` or `crc` without a seed or arithmetic",
                "fn(f, a)",
            )],
        ),
        (
            "#[frame] struct S { #[wire(size = prefix(u8))] n: Vec<u8>, #[wire(before(m: u8), size = prefix(u8), stream = 64, after(c: u8 = xor(m..)))] a: Chunk<Vec<u8>> }",
            &[(
                "`c` is added up piece by piece: it stands behind `a`, covers all from a constant place up to itself, and is `xor`, `sum`, `lrc`, `internet` or `crc` without a seed or arithmetic",
                "xor(m..)",
            )],
        ),
    ]);
}
