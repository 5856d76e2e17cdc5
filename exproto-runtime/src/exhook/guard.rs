//! Runs the user's code so that it always comes to an end: with an answer, an
//! error, a panic caught, or too late.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, timeout};
use tracing::warn;

use super::answer::{HookError, IntoAnswer};
use super::stats::HookCounters;

/// Why there is no answer of the user's code.
#[derive(Debug)]
pub(super) enum Failure {
    Late(Duration),
    Error(HookError),
    Panic(Box<dyn Any + Send>),
    Overload,
}

impl Failure {
    pub(super) fn count(&self, counters: &HookCounters) {
        match self {
            Self::Late(_) => counters.late.up(),
            Self::Error(_) => counters.errors.up(),
            Self::Panic(_) => counters.panics.up(),
            Self::Overload => counters.overload.up(),
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Late(time) => write!(f, "it took longer than {time:?}"),
            Self::Error(error) => error.fmt(f),
            Self::Panic(cause) => {
                let text = cause.downcast_ref::<&str>().copied();
                let text = text.or_else(|| cause.downcast_ref::<String>().map(String::as_str));
                write!(f, "it panicked: {}", text.unwrap_or("(no text)"))
            }
            Self::Overload => f.write_str("too many calls are under way"),
        }
    }
}

/// Runs a hook for at most `time`. What is too late is dropped, and so ends at
/// its next `.await`.
pub(super) async fn run<A: Send, O: IntoAnswer<A>>(
    time: Duration,
    hook: impl Future<Output = O>,
) -> Result<A, Failure> {
    let mut hook = pin!(hook);
    let mut caught = poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| hook.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(output.into_answer().map_err(Failure::Error)),
        Err(cause) => Poll::Ready(Err(Failure::Panic(cause))),
    });
    // Most hooks never wait, and need no clock.
    if let Poll::Ready(answer) = poll_fn(|cx| Poll::Ready(Pin::new(&mut caught).poll(cx))).await {
        return answer;
    }
    timeout(time, caught).await.unwrap_or(Err(Failure::Late(time)))
}

/// Calls under way, counted while this lives.
#[derive(Debug)]
pub(super) struct UnderWay<'c>(&'c AtomicUsize);

impl<'c> UnderWay<'c> {
    /// `None` if there are `most` already.
    pub(super) fn enter(count: &'c AtomicUsize, most: usize) -> Option<Self> {
        let entered = Self(count);
        (count.fetch_add(1, Ordering::Relaxed) < most).then_some(entered)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Warns at most once a second, and says how often it did not.
#[derive(Debug)]
pub(super) struct Warnings {
    epoch: Instant,
    /// Seconds after the epoch at which the next one may come.
    next: AtomicU64,
    held_back: AtomicU64,
}

impl Warnings {
    pub(super) fn new() -> Self {
        Self { epoch: Instant::now(), next: AtomicU64::new(0), held_back: AtomicU64::new(0) }
    }

    pub(super) fn warn(&self, hook: &str, client: &str, what: &dyn std::fmt::Display) {
        let now = self.epoch.elapsed().as_secs();
        let next = self.next.load(Ordering::Relaxed);
        if now < next
            || self.next.compare_exchange(next, now + 1, Ordering::Relaxed, Ordering::Relaxed).is_err()
        {
            self.held_back.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let held_back = self.held_back.swap(0, Ordering::Relaxed);
        warn!(hook, client, held_back, "{what}");
    }
}
