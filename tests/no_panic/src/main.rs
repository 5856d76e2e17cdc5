//! Proof that decoding what a device has sent has no way to panic.
//!
//! Built with `--cfg proved`, optimised and as one piece, a guard stands around
//! each decode whose `drop` calls a function that nobody has. Only unwinding would
//! drop it. Where the compiler sees that nothing unwinds, nothing calls the
//! function and the program links; else the linker misses it.
//!
//! Decoded are the frames of the benchmarks that borrow: what allocates may run
//! out of memory.

#[path = "../../../benches/src/ours.rs"]
#[allow(dead_code)]
mod ours;
#[path = "../../../benches/src/plain.rs"]
#[allow(dead_code)]
mod plain;

use std::hint::black_box;

use exproto_runtime::codec;
use ours::borrowed::{Body, Message};
#[allow(unused_imports)]
use plain::{Plain, PlainItem, PlainLocation};

/// Stands around what must not unwind.
struct NoPanic;

impl Drop for NoPanic {
    fn drop(&mut self) {
        #[cfg(proved)]
        {
            unsafe extern "C" {
                safe fn decoding_can_panic();
            }
            decoding_can_panic();
        }
    }
}

/// Verifies the checksum, decodes, reads each item once.
#[inline(never)]
fn decode(payload: &[u8]) -> usize {
    let guard = NoPanic;
    let mut items = 0;
    if let Ok(received) = codec::decode::<Message<'_>>(payload)
        && let Body::Location(location) = &received.frame.body
    {
        for item in &location.items {
            black_box(&item);
            items += 1;
        }
    }
    if cfg!(broken) {
        black_box(payload[17]);
    }
    std::mem::forget(guard);
    items
}

fn main() {
    // A report with one item, and every beginning of it.
    let mut payload = vec![0x02, 0x00, 0x00, 28 + 3, 0, 0, 0, 0, 0, 1, 0, 1];
    payload.extend([0; 28]);
    payload.extend([0x30, 1, 9]);
    payload.push(payload.iter().fold(0, |check, byte| check ^ byte));
    assert_eq!(decode(black_box(&payload)), 1, "the report has an item");
    for len in 0..payload.len() {
        assert_eq!(decode(black_box(&payload[..len])), 0, "{len} bytes are no report");
    }
}
