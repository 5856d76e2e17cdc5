//! From the first event of a connection to its beginning.
//!
//! With the unary service the beginning is the first event. Over streams
//! anything may come first, even the end; what comes before the beginning is
//! kept for it.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::call::Call;
use super::ending::End;
use super::error::CallError;
use super::event::{Facts, Finish, Job, What};
use super::registry::Seat;
use super::settings::UnknownConnection;
use crate::session::Memory;

/// Time for EMQX to report the end of a connection that we have closed; it
/// takes 15 s at most.
pub(super) const CLOSE_WAIT: Duration = Duration::from_secs(30);

/// A time that never comes.
const FAR: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A connection at its beginning.
#[derive(Default)]
pub(super) struct Begun {
    /// None if it is taken over in the middle.
    pub(super) info: Option<Facts>,
    /// What an earlier handler has left of it, if it is resumed.
    pub(super) memory: Option<Memory>,
    /// Events that came before the beginning and are due now.
    pub(super) backlog: VecDeque<Job>,
    /// The senders of the events that are not done.
    pub(super) waiting: Vec<Finish>,
    /// When the end is certain, if it has come already.
    pub(super) quiet: Option<Instant>,
}

/// Waits for the beginning; none if the connection ended without one.
pub(super) async fn wait(seat: Seat, jobs: &mut mpsc::Receiver<Job>) -> Option<(Seat, Begun)> {
    let settings = &seat.shared.settings;
    let until = after(Instant::now(), settings.created_wait);
    let mut begun = Begun::default();
    let mut bytes = 0_usize;
    let why = loop {
        tokio::select! {
            biased;
            job = jobs.recv() => {
                let Job { what, mut done, streamed } = job?;
                if streamed && (begun.quiet.is_some() || matches!(what, What::Closed(_))) {
                    begun.quiet = Some(after(Instant::now(), settings.quiet));
                }
                match what {
                    What::Created(info) => {
                        done.begun();
                        begun.waiting.push(done);
                        begun.info = Some(Facts::new(*info.unwrap_or_default()));
                        return Some((seat, begun));
                    }
                    What::Closed(reason) => {
                        debug!(conn = &*seat.conn, end = %End::of(&reason), reason, "closed before its beginning");
                        begun.waiting.push(done);
                        if !streamed {
                            drop(seat);
                            return None;
                        }
                    }
                    what => {
                        if let What::Bytes(more) = &what {
                            bytes = bytes.saturating_add(more.len());
                        }
                        begun.backlog.push_back(Job { what, done, streamed });
                        if bytes > settings.early_bytes || begun.backlog.len() > settings.mailbox {
                            break "too much before its beginning";
                        }
                    }
                }
            }
            () = at(begun.quiet) => {
                drop(seat);
                return None;
            }
            () = sleep_until(until), if begun.quiet.is_none() => {
                seat.shared.counters.unknown.up();
                if settings.unknown != UnknownConnection::Close {
                    return Some((seat, begun));
                }
                break "its beginning was not seen";
            }
        }
    };
    close(seat, jobs, begun, why).await;
    None
}

/// Has EMQX close a connection, and stays until that has happened.
pub(super) async fn close(seat: Seat, jobs: &mut mpsc::Receiver<Job>, begun: Begun, why: &str) {
    debug!(conn = &*seat.conn, why, "closing");
    let Begun { backlog, mut waiting, mut quiet, .. } = begun;
    waiting.extend(backlog.into_iter().map(|job| job.done));
    loop {
        let result = seat.call(Call::Close).await;
        if let Err(error) = &result {
            seat.note(error);
        }
        if result == Err(CallError::Gone) {
            break;
        }
        waiting.clear();
        // Perhaps EMQX did not get the call.
        let again = Instant::now() + CLOSE_WAIT;
        loop {
            tokio::select! {
                biased;
                job = jobs.recv() => {
                    let Some(Job { what, done, streamed }) = job else { return };
                    let closed = matches!(what, What::Closed(_));
                    if closed && !streamed {
                        // Who is told must find the connection gone.
                        drop(seat);
                        drop(done);
                        return;
                    }
                    if closed || quiet.is_some() {
                        quiet = Some(after(Instant::now(), seat.shared.settings.quiet));
                    }
                }
                () = at(quiet) => return,
                () = sleep_until(again) => break,
            }
        }
    }
    drop(seat);
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}

/// A time that the clock may be too small for.
pub(super) fn after(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or(now + FAR)
}

/// When EMQX is asked next whether it still has a connection.
pub(super) fn next_probe(now: Instant, interval: Duration) -> Instant {
    if interval.is_zero() { now + FAR } else { after(now, interval) }
}
