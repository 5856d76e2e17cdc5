//! Tells what was told just now.
//!
//! EMQX may have a provider loaded twice and then calls it twice for
//! everything. What happens once is recognised by its hash; a table of fixed
//! size remembers the last ones. Two entries that want the same place make it
//! forget, never mistake.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

const SLOTS: usize = 1 << 14;
/// Bits of an entry that are seconds; the others are of the hash.
const SECONDS: u64 = (1 << 20) - 1;

#[derive(Debug)]
pub(super) struct Recent {
    slots: Box<[AtomicU64]>,
    hasher: RandomState,
    epoch: Instant,
    window: u64,
}

impl Recent {
    /// Remembers for at least this long, if there is room.
    pub(super) fn new(window: Duration) -> Self {
        let seconds = window.as_secs() + u64::from(window.subsec_nanos() > 0);
        let slots = if seconds == 0 { 0 } else { SLOTS };
        Self {
            slots: (0..slots).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            epoch: Instant::now(),
            window: seconds.min(SECONDS / 2),
        }
    }

    /// Whether this was noted within the window; it is from now on.
    pub(super) fn again(&self, what: &impl Hash) -> bool {
        if self.slots.is_empty() {
            return false;
        }
        let hash = self.hasher.hash_one(what);
        // Never 0, which is an empty slot.
        let now = self.epoch.elapsed().as_secs() + 1;
        let entry = (hash & !SECONDS) | (now & SECONDS);
        let index = usize::try_from(hash).unwrap_or(0) % SLOTS;
        let Some(slot) = self.slots.get(index) else { return false };
        let before = slot.swap(entry, Ordering::Relaxed);
        let age = now.wrapping_sub(before) & SECONDS;
        before != 0 && before & !SECONDS == entry & !SECONDS && age <= self.window
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn remembers_for_the_window_and_no_longer() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let recent = Recent::new(Duration::from_secs(10));
            assert!(!recent.again(&("connected", "a", 1)));
            assert!(!recent.again(&("connected", "a", 2)));
            assert!(recent.again(&("connected", "a", 1)));
            tokio::time::advance(Duration::from_secs(9)).await;
            assert!(recent.again(&("connected", "a", 1)));
            tokio::time::advance(Duration::from_secs(12)).await;
            assert!(!recent.again(&("connected", "a", 1)));

            let off = Recent::new(Duration::ZERO);
            assert!(!off.again(&1) && !off.again(&1));
        });
    }
}
