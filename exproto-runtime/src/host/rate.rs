//! Rates, and what a connection does about its own: it is not read.
//!
//! A rate is a bucket that holds a second's worth and is filled evenly. What is
//! kept is one time: when the bucket would have been filled up to nothing. So
//! more may be taken out than is in it, and what was taken too much is paid by
//! waiting. Bytes of a device are never dropped: they wait in the system's
//! buffers, and then at the device.

use std::time::Duration;

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// A bucket of tokens.
#[derive(Debug)]
pub(super) struct Bucket {
    /// Tokens that come in each second.
    rate: u32,
    /// When nothing is owed any more.
    free: Instant,
}

impl Bucket {
    /// A full one.
    pub(super) fn new(rate: u32, now: Instant) -> Self {
        Self { rate: rate.max(1), free: now.checked_sub(SECOND).unwrap_or(now) }
    }

    /// Takes tokens out, also those that are not in it.
    pub(super) fn take(&mut self, now: Instant, tokens: u64) {
        let nanos = u128::from(tokens) * SECOND.as_nanos() / u128::from(self.rate);
        let cost = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let full = now.checked_sub(SECOND).unwrap_or(now);
        let free = self.free.max(full);
        self.free = free.checked_add(cost).unwrap_or(free);
    }

    /// When something may be taken out, if not now.
    pub(super) fn waits(&self, now: Instant) -> Option<Instant> {
        (self.free > now).then_some(self.free)
    }

    /// Takes one token out if nothing is owed.
    pub(super) fn try_take(&mut self, now: Instant) -> bool {
        // A full bucket lets exactly a second's worth through at once.
        let free = self.free.max(now.checked_sub(SECOND).unwrap_or(now));
        let cost = SECOND / self.rate;
        if free + cost > now {
            return false;
        }
        self.free = free + cost;
        true
    }
}

/// How fast a device may send, both 0 for as fast as it can.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rates {
    /// Bytes each second.
    pub(crate) bytes: u32,
    /// Frames each second, bad ones too.
    pub(crate) frames: u32,
}

/// The rates of one connection.
#[derive(Debug)]
pub(super) struct Pace {
    bytes: Option<Bucket>,
    frames: Option<Bucket>,
}

impl Pace {
    /// Nothing if there is no limit. Boxed, because most listeners have none.
    pub(super) fn of(rates: Rates, now: Instant) -> Option<Box<Self>> {
        let bucket = |rate: u32| (rate != 0).then(|| Bucket::new(rate, now));
        let pace = Self { bytes: bucket(rates.bytes), frames: bucket(rates.frames) };
        (pace.bytes.is_some() || pace.frames.is_some()).then(|| Box::new(pace))
    }

    /// Notes what was read.
    pub(super) fn bytes(&mut self, now: Instant, count: usize) {
        if let Some(bytes) = &mut self.bytes {
            bytes.take(now, count as u64);
        }
    }

    /// Notes what became of it.
    pub(super) fn frames(&mut self, now: Instant, count: u64) {
        if let Some(frames) = &mut self.frames {
            frames.take(now, count);
        }
    }

    /// Until when the socket is not read.
    pub(super) fn waits(&self, now: Instant) -> Option<Instant> {
        let waits = |bucket: &Option<Bucket>| bucket.as_ref().and_then(|bucket| bucket.waits(now));
        waits(&self.bytes).max(waits(&self.frames))
    }

    /// The most bytes that may be read at once, so that what is owed after them
    /// is about a second.
    pub(super) fn at_once(&self, chunk: usize) -> usize {
        match &self.bytes {
            Some(bytes) => chunk.min(usize::try_from(bytes.rate).unwrap_or(usize::MAX)),
            None => chunk,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_bucket_lets_a_seconds_worth_through_and_then_the_rate() {
        let start = Instant::now() + Duration::from_secs(1000);
        let mut bucket = Bucket::new(4, start);
        let taken = |bucket: &mut Bucket, at: Instant| (0..100).filter(|_| bucket.try_take(at)).count();
        assert_eq!(taken(&mut bucket, start), 4);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(249)), 0);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(250)), 1);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(1000)), 3);
        // However long nothing was taken, it never holds more.
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(3600)), 4);
    }

    #[test]
    fn what_was_taken_too_much_is_waited_for() {
        let start = Instant::now() + Duration::from_secs(1000);
        let mut bucket = Bucket::new(100, start);
        bucket.take(start, 100);
        assert_eq!(bucket.waits(start), None, "a second's worth is there");
        bucket.take(start, 350);
        assert_eq!(bucket.waits(start), Some(start + Duration::from_millis(3500)));
        assert_eq!(bucket.waits(start + Duration::from_millis(3500)), None);
        // Numbers of any size do no harm.
        bucket.take(start, u64::MAX);
        bucket.take(start, u64::MAX);
        assert!(bucket.waits(start).is_some());
    }

    #[test]
    fn a_pace_waits_for_the_slower_of_both() {
        let start = Instant::now() + Duration::from_secs(1000);
        assert!(Pace::of(Rates::default(), start).is_none());
        let mut pace = Pace::of(Rates { bytes: 1000, frames: 10 }, start).unwrap();
        assert_eq!((pace.at_once(4096), pace.at_once(64)), (1000, 64));
        pace.bytes(start, 1500);
        pace.frames(start, 30);
        assert_eq!(pace.waits(start), Some(start + Duration::from_secs(2)));
        assert_eq!(pace.waits(start + Duration::from_secs(2)), None);
    }
}
