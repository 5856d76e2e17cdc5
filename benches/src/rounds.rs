//! Rounds over the frames of a file, for the inputs that need no more.

use std::hint::black_box;

use crate::cases::Work;

/// Whole frames through `each`, which says whether it was one.
pub(crate) fn work(wire: Vec<Vec<u8>>, each: impl Fn(&[u8]) -> bool + 'static) -> Work {
    let frames = wire.len();
    let round = move || {
        for frame in &wire {
            assert!(each(black_box(frame)));
        }
    };
    Work { round: Box::new(round), frames }
}

/// Values through `write`, into one buffer that is kept.
pub(crate) fn encoding<V: 'static>(
    values: Vec<V>,
    write: impl Fn(&V, &mut Vec<u8>) -> bool + 'static,
) -> Work {
    let frames = values.len();
    let mut out = Vec::with_capacity(8192);
    let round = move || {
        for value in &values {
            out.clear();
            assert!(write(black_box(value), &mut out));
            black_box(&out);
        }
    };
    Work { round: Box::new(round), frames }
}

/// Whether there is a value, which has to be made for it.
#[inline]
pub(crate) fn some<T>(value: &Option<T>) -> bool {
    black_box(value).is_some()
}

/// Whether there is a value, which has to be made for it.
#[inline]
pub(crate) fn ok<T, E>(value: &Result<T, E>) -> bool {
    black_box(value).is_ok()
}
