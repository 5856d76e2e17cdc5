//! Where the search goes on behind bytes that are no frame, and frames whose end
//! a function finds.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs, missing_debug_implementations, unreachable_pub)]
#![cfg(feature = "derive")]

mod framing;

use exproto_runtime::codec::{Deframer, End, ErrorKind, FrameScan, Item, Protocol, Scanner, Step, encode};
use exproto_runtime::prelude::*;
use framing::{Got, feed, hex, same_however_cut};

/// No leading bytes, and a length that any byte may be.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(max = 260)]
#[wire(endian = little)]
pub struct Unit<'a> {
    pub unit: u8,
    #[wire(before(length: u8 = size(data)))]
    #[wire(after(check: u16 = crc("CRC-16/MODBUS", unit..)))]
    pub data: &'a [u8],
}

fn unit(unit: u8, data: &[u8]) -> Vec<u8> {
    let mut wire = Vec::new();
    encode::<Unit<'_>>(&Unit { unit, data }, &mut wire).unwrap();
    wire
}

fn frames(got: &[Got]) -> Vec<Vec<u8>> {
    let frame = |got: &Got| if let Got::Frame(_, wire, _) = got { Some(wire.clone()) } else { None };
    got.iter().filter_map(frame).collect()
}

#[test]
fn a_false_length_holds_up_no_frame() {
    // Behind a lost byte everything looks like a frame; the first place claims 40.
    let (a, b) = (unit(1, b"\x02\x00\x07"), unit(9, b"ab"));
    let damaged = [hex("0501"), vec![0x07, 0x28, 0x55], a.clone()].concat();
    let (got, _) = feed::<Unit<'_>>(&[&damaged[..]], false);
    assert_eq!(frames(&got), vec![a.clone()], "{got:?}");
    let stream = [damaged, b.clone(), a.clone()].concat();
    let got = same_however_cut::<Unit<'_>>(&stream);
    assert_eq!(frames(&got), [a.clone(), b, a]);
}

#[test]
fn the_frame_that_ends_first_is_taken() {
    // A frame that carries another: in step it is one frame.
    let inner = unit(3, b"x");
    let outer = unit(7, &inner);
    assert_eq!(frames(&same_however_cut::<Unit<'_>>(&outer)), vec![outer.clone()]);
    // Behind bytes that are none it is the one that ends first.
    let stream = [hex("0000 FFFF"), outer].concat();
    let got = same_however_cut::<Unit<'_>>(&stream);
    assert_eq!(frames(&got)[0], inner, "{got:?}");
}

#[test]
fn garbage_of_any_size_is_looked_at_a_limited_number_of_times() {
    let mut state = 7_u32;
    let mut noise = |bytes: usize| -> Vec<u8> {
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..bytes).map(next).collect()
    };
    for bytes in [1, 3, 40] {
        // What stands right behind a frame is waited for, whatever it claims.
        let more = unit(3, b"three").repeat(60);
        let stream = [unit(1, b"one"), noise(bytes), unit(2, b"two"), more].concat();
        let got = same_however_cut::<Unit<'_>>(&stream);
        let found = frames(&got);
        assert!(found.len() > 30, "{bytes}: {}", found.len());
        let all: usize = got
            .iter()
            .map(|got| {
                let (Got::Frame(_, wire, _) | Got::Bad(_, wire, _)) = got;
                wire.len()
            })
            .sum();
        assert_eq!(all, stream.len(), "every byte is told once");
    }
    let stream = noise(20_000);
    let mut scan = <Unit<'_> as Protocol>::scanner(());
    let (mut rest, mut held) = (&stream[..], 0);
    loop {
        match scan.scan(rest) {
            Step::Bad { len, .. } => {
                held = held.max(len);
                rest = &rest[len..];
            }
            Step::Frame { next, .. } => rest = &rest[next..],
            Step::Skip(len) => rest = &rest[len..],
            Step::Need(_) => break,
        }
    }
    assert!(rest.len() <= 600 && held <= 300, "{} {held}", rest.len());
    assert!(scan.visited() <= 8 * stream.len() as u64, "{}", scan.visited());
    assert!(cost(&scan) <= 17 * (stream.len() + 400) as u64, "{}", cost(&scan));
}

fn cost<F: exproto_runtime::__private::Frames>(scan: &FrameScan<F>) -> u64 {
    scan.checked()
}

/// Ends with the byte that makes the sum of all a multiple of 256.
#[derive(ExProtoFrame, Debug, PartialEq)]
#[frame(find = zero_sum, max = 16)]
pub struct Block<'a> {
    #[wire(before(b"@"), rest)]
    pub numbers: &'a [u8],
}

fn zero_sum(bytes: &[u8], _: usize) -> End {
    let mut sum = 0_u8;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        if *byte == 0xEE {
            return End::Never;
        }
        sum = sum.wrapping_add(*byte);
        if sum == 0 {
            return End::After(at + 1);
        }
    }
    End::Need(1)
}

#[test]
fn a_function_finds_the_end() {
    let stream = b"@\x01\x02\xFD@\x80\x80xx@\xEE@\xFF\x01@";
    let got = same_however_cut::<Block<'_>>(stream);
    assert_eq!(frames(&got), [&b"@\x01\x02\xFD"[..], b"@\x80\x80", b"@\xFF\x01"]);
    // What never ends is given up at `max`.
    let endless = [&[b'@'][..], &[1; 40], b"@\x80\x80"].concat();
    let got = same_however_cut::<Block<'_>>(&endless);
    assert_eq!(frames(&got), [b"@\x80\x80"]);
    assert!(matches!(&got[0], Got::Bad(ErrorKind::TooLong, wire, false) if wire.len() <= 16), "{got:?}");
}

mod told {
    use super::*;

    /// Where the mark stands that ends it the connection knows.
    #[derive(ExProtoFrame, Debug, PartialEq)]
    #[frame(find = mark, max = 16)]
    #[wire(ctx(mark: u8))]
    pub struct Text<'a> {
        #[wire(rest)]
        pub text: &'a [u8],
    }

    fn mark(bytes: &[u8], seen: usize, ctx: TextCtx) -> End {
        let found = bytes[seen..].iter().position(|byte| *byte == ctx.mark);
        found.map_or(End::Need(1), |at| End::After(seen + at + 1))
    }

    #[test]
    fn it_is_told_what_the_connection_knows_and_what_it_has_seen() {
        let ctx = TextCtx { mark: b';' };
        let (mut deframer, mut scratch, mut found) =
            (Deframer::<Text<'_>>::with_ctx(ctx), Vec::new(), Vec::new());
        for chunk in b"one;two;three".chunks(1) {
            let mut input = chunk;
            while let Some(item) = deframer.next(&mut input, &mut scratch) {
                let Item::Frame(raw) = item else { panic!() };
                found.push(raw.decode_with::<Text<'_>>(ctx).unwrap().frame.text.to_vec());
            }
        }
        assert_eq!(found, [b"one;", b"two;"]);
        // Each byte was looked at once.
        assert_eq!(deframer.visited(), 13);
    }
}
