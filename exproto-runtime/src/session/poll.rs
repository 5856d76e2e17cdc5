//! Asking devices: what the `poll` function of a gateway answers, and a
//! schedule to answer it from.

use core::time::Duration;

use super::event::Millis;

/// What a [`poll`](crate::doc::route#poll) function wants sent now that nothing
/// waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next<Frame> {
    /// This request: nothing else is sent until it is answered or its time is
    /// over.
    Ask(Frame),
    /// This frame, which no device answers, such as a broadcast.
    Tell(Frame),
    /// Nothing for this time. The function is asked earlier if something
    /// happens on the connection: a frame, a message, the end of a request.
    In(Duration),
    /// Nothing until something happens on the connection.
    Idle,
}

/// Requests of which each is due again and again.
///
/// It lives in the state of a gateway; time is the connection's own clock,
/// [`Cx::clock`](super::Cx::clock).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use exproto_runtime::session::Schedule;
///
/// let mut schedule = Schedule::new();
/// schedule.every(Duration::from_secs(1), "speed").every(Duration::from_secs(5), "name");
/// // At first everything is due, in the order in which it was added.
/// assert_eq!(schedule.due(0), Some(&"speed"));
/// assert_eq!(schedule.due(0), Some(&"name"));
/// assert_eq!(schedule.due(0), None);
/// assert_eq!(schedule.wait(400), Duration::from_millis(600));
/// // What was due several times meanwhile is due once.
/// assert_eq!(schedule.due(7_000), Some(&"speed"));
/// assert_eq!(schedule.due(7_000), Some(&"name"));
/// assert_eq!(schedule.due(7_999), None);
/// assert_eq!(schedule.due(8_000), Some(&"speed"));
/// ```
#[derive(Clone, Debug)]
pub struct Schedule<T> {
    entries: Vec<Entry<T>>,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    item: T,
    every: Millis,
    due: Millis,
}

impl<T> Default for Schedule<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Schedule<T> {
    /// A schedule of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new() }
    }

    /// Adds a request that is due at once and then each time this time has
    /// passed; less than a millisecond is one.
    pub fn every(&mut self, time: Duration, item: T) -> &mut Self {
        let every = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        self.entries.push(Entry { item, every, due: 0 });
        self
    }

    /// The request that has been due for the longest time, if any is at `now`;
    /// it is due again one period after it was, or after `now` if that is over
    /// too.
    pub fn due(&mut self, now: Millis) -> Option<&T> {
        let entry = self.entries.iter_mut().filter(|entry| entry.due <= now).min_by_key(|entry| entry.due)?;
        let next = entry.due.saturating_add(entry.every);
        entry.due = if next > now { next } else { now.saturating_add(entry.every) };
        Some(&entry.item)
    }

    /// The time from `now` until one is due; a day if there are none.
    #[must_use]
    pub fn wait(&self, now: Millis) -> Duration {
        let next = self.entries.iter().map(|entry| entry.due).min();
        next.map_or(Duration::from_secs(86_400), |due| Duration::from_millis(due.saturating_sub(now)))
    }

    /// Makes everything due at once.
    pub fn reset(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.due = 0);
    }

    /// Forgets all requests.
    pub fn clear(&mut self) {
        self.entries.clear();
    }

    /// Whether there are no requests.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many requests there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// The requests in the order in which they were added.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.entries.iter().map(|entry| &entry.item)
    }
}
