//! Frames in blocks.

use super::mistakes;

#[test]
fn the_first_block_says_where_a_frame_ends() {
    mistakes(&[
        (
            "#[frame(blocks(first = 4, size = 16, check: u8 = xor(..)))] struct S { #[wire(before(n: u8 = size(a)))] a: Vec<u8> }",
            &[],
        ),
        (
            "#[frame(blocks(first = 4, size = 16, check: u8 = xor(..)))] struct S { a: [u8; 4], #[wire(size = prefix(u8))] b: Vec<u8> }",
            &[(
                "the length ends at byte 5, behind the first block: it has to lie within, because it counts only once the checksum behind it is right",
                "4",
            )],
        ),
        (
            "#[frame(blocks(first = 4, size = 16, check: u8 = xor(..)))] struct S { #[wire(size = prefix(u8))] a: Vec<u8>, #[wire(size = prefix(u8))] b: Vec<u8> }",
            &[(
                "the end of a frame in blocks is known from its first block: let a length at a constant place say how many bytes follow, `before(length: u8 = size(a..))`",
                "blocks",
            )],
        ),
        (
            "#[frame(blocks(first = 4, size = 16, check: u8 = xor(..)), flag = 0x7E, max = 9)] struct S { #[wire(as = hex(2))] a: u8 }",
            &[("a length in the first block says where a frame in blocks ends: remove `flag`", "flag")],
        ),
        (
            "#[frame(blocks(first = 0, size = 16, check: u8 = xor(..)))] struct S { a: u8 }",
            &[("a block has 1 to 65535 bytes, its checksum not counted", "0")],
        ),
        (
            "#[frame(blocks(first = 4, size = 16, check: u16 = sum(..)))] struct S { a: u8 }",
            &[(
                "the checksum of a block has no byte order: add `#[wire(endian = big)]` or `little` to the type",
                "u16",
            )],
        ),
        (
            "#[frame(blocks(first = 4, size = 16, check: i8 = sum(..)))] struct S { a: u8 }",
            &[("the checksum of a block is an unsigned integer: `u8`, `u16`, `u24` .. `u64`", "i8")],
        ),
        (
            "#[frame(blocks(first = 4, size = 16, check: u8 = sum(a)))] struct S { a: u8 }",
            &[(
                "a block's checksum covers the block: write `xor(..)`, `sum(..)`, `lrc(..)`, `internet(..)`, `crc(\"CRC-16/DNP\", ..)` or `fn(FUNCTION, ..)`",
                "sum(a)",
            )],
        ),
        (
            "#[frame(blocks(first = 4, size = 16))] struct S { a: u8 }",
            &[("`blocks` needs `check: u16 = crc(\"..\", ..)`", "blocks")],
        ),
        (
            "#[frame(blocks(first = 4, rest = 16, check: u8 = xor(..)))] struct S { a: u8 }",
            &[("`blocks` has no key `rest`; its keys are: first, size, check", "rest")],
        ),
    ]);
}
