//! Why a connection is not read for a while: it sends too fast, or the buffers
//! of all connections are full.

use std::time::Duration;

use tokio::time::Instant;

use super::rate::{Pace, Rates};

/// What a connection may always keep: only what it keeps beyond counts towards
/// the limit of all, and is delayed by it. So a usual frame touches no counter
/// that it shares, and those with little are served whatever others do.
pub(crate) const GUARANTEED: usize = 16 * 1024;

/// How often is looked whether there is room again.
const LOOK: Duration = Duration::from_millis(100);

/// How long a connection waits for room. What it keeps is freed when it is
/// closed, so that not all wait for each other.
const PATIENCE: Duration = Duration::from_secs(30);

/// What a connection waits for, boxed: most never do.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    pace: Option<Box<Pace>>,
    /// Until when the socket is not read.
    until: Option<Instant>,
    /// Since when there was no room.
    crowded: Option<Instant>,
}

/// Whether to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Read,
    /// Not before the time that is due now.
    Wait {
        /// Whether it was read before.
        begins: bool,
    },
    /// Not yet, as was said before.
    StillWait,
    /// There was no room for too long.
    GiveUp,
}

impl Throttle {
    /// Nothing, if there are no rates to be kept.
    pub(crate) fn of(rates: Rates, now: Instant) -> Option<Box<Self>> {
        let pace = Pace::of(rates, now)?;
        Some(Box::new(Self { pace: Some(pace), ..Self::default() }))
    }

    /// Notes what was read.
    pub(crate) fn bytes(&mut self, now: Instant, count: usize) {
        if let Some(pace) = &mut self.pace {
            pace.bytes(now, count);
        }
    }

    /// Notes what became of it.
    pub(super) fn frames(&mut self, now: Instant, count: u64) {
        if let Some(pace) = &mut self.pace {
            pace.frames(now, count);
        }
    }

    /// The most bytes to be read at once.
    pub(crate) fn at_once(&self, chunk: usize) -> usize {
        self.pace.as_ref().map_or(chunk, |pace| pace.at_once(chunk))
    }

    /// When the connection is to be looked at again.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.until
    }

    /// A wait that is over is no longer due, whether the connection may be read or
    /// waits for something else.
    pub(super) fn passed(&mut self, now: Instant) {
        self.until.take_if(|until| *until <= now);
    }

    /// Looks whether to read.
    pub(crate) fn look(&mut self, now: Instant, is_crowded: bool) -> Verdict {
        if self.until.is_some_and(|until| until > now) {
            return Verdict::StillWait;
        }
        let was_crowded = self.crowded.is_some();
        if !is_crowded {
            self.crowded = None;
        } else if *self.crowded.get_or_insert(now) + PATIENCE <= now {
            return Verdict::GiveUp;
        }
        let paced = self.pace.as_ref().and_then(|pace| pace.waits(now));
        self.until = paced.max(is_crowded.then(|| now + LOOK));
        match self.until {
            None => Verdict::Read,
            Some(_) => Verdict::Wait { begins: !was_crowded },
        }
    }
}
