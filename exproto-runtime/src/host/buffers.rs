//! Buffers that all connections of a thread share.
//!
//! An event is dealt with in one go, without waiting, so one set of buffers
//! per thread is enough and an idle connection has none.

use std::cell::Cell;

use crate::session::Out;

/// Capacity above which a buffer is given back to the allocator after use.
const KEEP: usize = 256 * 1024;

/// The same of the spare one.
const KEEP_SPARE: usize = 16 * 1024;

/// What one event needs.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    /// Bytes read from a device.
    pub(crate) read: Vec<u8>,
    /// Bytes for a device, of all `Send`s of one event.
    pub(crate) write: Vec<u8>,
    /// For the session to take escapes out.
    pub(crate) scratch: Vec<u8>,
    /// The session's actions.
    pub(crate) out: Out,
}

thread_local! {
    static BUFFERS: Cell<Option<Box<Buffers>>> = const { Cell::new(None) };
}

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An empty buffer to keep for a while, mostly one with room.
pub(super) fn spare() -> Vec<u8> {
    SPARE.take()
}

/// Gives it back. A large one is not kept: the next who takes it may keep it long.
pub(super) fn give_back(mut buffer: Vec<u8>) {
    if buffer.capacity() <= KEEP_SPARE {
        buffer.clear();
        SPARE.set(buffer);
    }
}

/// Lends the buffers of this thread.
///
/// They are taken out while they are lent: a panic inside drops them and the
/// next event starts with new ones, so no half-made action is ever seen.
pub(crate) fn lend<R>(work: impl FnOnce(&mut Buffers) -> R) -> R {
    let mut buffers = BUFFERS.take().unwrap_or_default();
    let result = work(&mut buffers);
    buffers.out.clear();
    for buffer in [&mut buffers.read, &mut buffers.write, &mut buffers.scratch] {
        if buffer.capacity() > KEEP {
            *buffer = Vec::new();
        }
    }
    buffers.write.clear();
    BUFFERS.set(Some(buffers));
    result
}
