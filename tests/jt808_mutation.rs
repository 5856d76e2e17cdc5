//! Nothing read is lost: whatever a damaged frame decodes to, it is written
//! again as it was received, and what the gateway derives is never taken from
//! a frame in silence.
#![allow(clippy::unwrap_used)]

mod common;

use common::kept::repair_length;
use common::{Message, Rng, good_frames, hex, unescape, with_check, wrap};
use exproto_runtime::codec::{Deframer, ErrorKind, Flag, Item, decode, explain_item};

/// The payloads of the good frames.
fn payloads() -> Vec<Vec<u8>> {
    good_frames().iter().map(|wire| unescape(&wire[1..wire.len() - 1]).unwrap()).collect()
}

/// Reads and writes again; whether it could be read. The picture takes longer
/// than all else: each eighth frame.
#[track_caller]
fn kept(payload: &[u8], accept_bad: bool) -> bool {
    let drawn = payload.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 8 == 0;
    common::kept::kept(payload, accept_bad, drawn)
}

/// Some bytes changed, taken out, put in or repeated.
fn mutate(rng: &mut Rng, payload: &mut Vec<u8>) {
    for _ in 0..1 + rng.below(3) {
        let at = rng.below(payload.len());
        match rng.below(12) {
            0 => payload.truncate(at.max(1)),
            1 => drop(payload.remove(at)),
            2 => payload.insert(at, rng.byte()),
            3 => {
                let end = (at + rng.below(40)).min(payload.len());
                let copy = payload[at..end].to_vec();
                payload.splice(at..at, copy);
            }
            4 => payload[at] = 0xFF,
            5 => payload[at] = 0,
            6 => payload[at] ^= 1 << rng.below(8),
            // The header more often than its share.
            7..=8 => {
                let header = payload.len().min(21);
                let at = rng.below(header);
                payload[at] = rng.byte();
            }
            _ => payload[at] = rng.byte(),
        }
        if payload.is_empty() {
            payload.push(rng.byte());
        }
    }
}

#[test]
fn whatever_decodes_is_written_again_as_it_was() {
    let seeds = payloads();
    let mut rng = Rng(808);
    let (mut decoded, mut accepted) = (0, 0);
    for _ in 0..20_000 {
        let mut payload = seeds[rng.below(seeds.len())].clone();
        mutate(&mut rng, &mut payload);
        // As received, with the checksum made right, and with the length too.
        if rng.below(4) > 0 {
            if rng.below(2) == 0 {
                repair_length(&mut payload);
            }
            payload = with_check(payload);
        }
        decoded += usize::from(kept(&payload, false));
        accepted += usize::from(kept(&payload, true));
    }
    // Otherwise this would show nothing.
    assert!(decoded > 5_000 && accepted > 12_000, "{decoded} decoded, {accepted} with accept-bad");
}

#[test]
fn made_up_bytes_are_kept_too() {
    let mut rng = Rng(809);
    let mut decoded = 0;
    let ids: [u16; 16] = [
        0x0001, 0x0002, 0x0003, 0x0100, 0x0102, 0x0104, 0x0200, 0x0704, 0x8001, 0x8100, 0x8103, 0x8104,
        0x8300, 0x0200, 0x0704, 0x1234,
    ];
    for _ in 0..6_000 {
        let body: Vec<u8> =
            (0..rng.below(90)).map(|_| if rng.below(3) == 0 { rng.byte() % 6 } else { rng.byte() }).collect();
        let header = if rng.below(2) == 0 { common::v2013(7) } else { common::v2019(7) };
        let header =
            if rng.below(8) == 0 { header.part(rng.byte().into(), rng.byte().into()) } else { header };
        let mut payload = header.payload(ids[rng.below(ids.len())], &body);
        if rng.below(4) == 0 {
            payload[2] ^= rng.byte() & 0x9C;
        }
        decoded += usize::from(kept(&with_check(payload), false));
    }
    assert!(decoded > 4_500, "{decoded} decoded");
}

/// The header's bytes that the encoder computes from the rest of the value,
/// and where they are.
fn derived(payload: &[u8]) -> Vec<usize> {
    // The id, the attributes (length, flags of version and segments,
    // encryption), the checksum.
    vec![0, 1, 2, 3, payload.len() - 1]
}

#[test]
fn no_derived_byte_changes_in_silence() {
    for payload in payloads() {
        for at in derived(&payload) {
            for mask in [0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xFF, 0x5A] {
                let mut changed = payload.clone();
                changed[at] ^= mask;
                // As it comes the checksum tells, at its place.
                let wire = wrap(&changed);
                let (mut scratch, mut input) = (Vec::new(), &wire[..]);
                let mut deframer = Deframer::<Message>::new();
                let Some(Item::Bad(bad)) = deframer.next(&mut input, &mut scratch) else {
                    panic!("{at} ^ {mask:02x}: not refused: {}", hex(&wire));
                };
                assert_eq!(bad.error.kind(), ErrorKind::Checksum, "{}", hex(&wire));
                let place = common::wire_offset(&wire, changed.len() - 1);
                assert_eq!(bad.offset as usize + bad.error.offset() as usize, place, "{}", hex(&wire));
                let picture = explain_item::<Message>(&Item::Bad(bad));
                assert_eq!(picture.failure().unwrap().error.kind(), ErrorKind::Checksum);
                // Accepted, it is flagged.
                let mut deframer = Deframer::<Message>::new().accepting_bad(true);
                let mut input = &wire[..];
                let Some(Item::Frame(accepted)) = deframer.next(&mut input, &mut scratch) else {
                    panic!("{at} ^ {mask:02x}: refused: {}", hex(&wire));
                };
                assert!(accepted.flags.has(Flag::Checksum), "{at} ^ {mask:02x}: {}", hex(&wire));
                kept(&changed, true);
                // With a checksum that fits it is another value, an error or a flag.
                if at + 1 < changed.len() {
                    let changed = with_check(changed);
                    match decode::<Message>(&changed) {
                        Err(error) => assert!(error.offset() as usize <= changed.len(), "{error}"),
                        Ok(now) => {
                            let before = decode::<Message>(&payload).unwrap();
                            let differs = now.frame != before.frame || now.flags != before.flags;
                            assert!(
                                differs,
                                "{at} ^ {mask:02x}: {} reads as {}",
                                hex(&changed),
                                hex(&payload)
                            );
                        }
                    }
                    kept(&changed, false);
                }
            }
        }
    }
}

#[test]
fn a_length_that_is_off_is_refused_whatever_is_off() {
    for payload in payloads() {
        let length = u16::from_be_bytes([payload[2], payload[3]]);
        for off in [-3_i16, -1, 1, 2, 100] {
            let wrong = (length & 0x3FF).wrapping_add_signed(off) & 0x3FF;
            let mut changed = payload.clone();
            changed[2..4].copy_from_slice(&(length & 0xFC00 | wrong).to_be_bytes());
            let changed = with_check(changed);
            let error = decode::<Message>(&changed).expect_err("a wrong length");
            assert_eq!((error.kind(), error.offset(), error.field().name), (ErrorKind::Length, 2, "length"));
            let wire = wrap(&changed);
            let (mut scratch, mut input) = (Vec::new(), &wire[..]);
            let mut deframer = Deframer::<Message>::new().accepting_bad(true);
            let Some(Item::Frame(raw)) = deframer.next(&mut input, &mut scratch) else { panic!("refused") };
            assert!(raw.decode::<Message>().unwrap().flags.has(Flag::Length));
            assert!(kept(&changed, true));
        }
    }
}

#[test]
fn a_frame_that_breaks_off_anywhere_is_no_panic() {
    for payload in payloads() {
        for len in (0..payload.len()).step_by(1 + payload.len() / 150) {
            let cut = &payload[..len];
            kept(cut, false);
            kept(cut, true);
            kept(&with_check(cut.to_vec()), true);
        }
    }
}

#[test]
fn streams_of_made_up_bytes_are_read_to_their_end() {
    let mut rng = Rng(810);
    let alphabet = [0x7E, 0x7D, 0x01, 0x02, 0x00, 0x55];
    for _ in 0..2_000 {
        let stream: Vec<u8> = (0..rng.below(300)).map(|_| alphabet[rng.below(alphabet.len())]).collect();
        let mut deframer = Deframer::<Message>::new();
        let found = common::find(&mut deframer, &[&stream]);
        let again = common::find(&mut Deframer::<Message>::new(), &rng.chunks(&stream, 9));
        assert_eq!(found, again, "{}", hex(&stream));
        for item in found {
            if let common::Found::Frame { payload, .. } = item {
                kept(&payload, false);
            }
        }
    }
}
