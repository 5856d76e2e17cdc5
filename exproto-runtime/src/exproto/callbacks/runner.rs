//! One connection: its callbacks one after the other.

use std::future::{Future, pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{debug, warn};

use super::super::beginning::{self, Begun, CLOSE_WAIT, after, next_probe};
use super::super::call::Call;
use super::super::ending::End;
use super::super::event::{Job, What};
use super::super::pb;
use super::super::registry::{Kind, Seat, Work};
use super::{Callbacks, Connection, Done, Message};
use crate::session::Memory;

/// The connections of a program's own callbacks.
pub(in super::super) struct Imperative<C>(pub(in super::super) Arc<C>);

impl<C: Callbacks> Kind for Imperative<C> {
    fn work(&self, seat: Seat, jobs: mpsc::Receiver<Job>, begun: Begun) -> Work {
        let callbacks = Arc::clone(&self.0);
        Box::pin(async move {
            let shared = Arc::clone(&seat.shared);
            let udp = begun.info.as_ref().map(|info| info.udp);
            let Begun { info, memory, backlog, waiting, quiet } = begun;
            let adopted = info.is_none() || memory.is_some();
            let conn = Connection::new(Arc::clone(&seat.conn), Arc::clone(&shared), info, adopted);
            let idle = shared.settings.session.idle;
            if let Some(seconds) = udp.and_then(|udp| shared.settings.timer(udp, idle)) {
                // Noted; whether EMQX still has the connection is seen below.
                let _ = conn.call(Call::StartTimer(seconds)).await;
            }
            let backlog = Begun { backlog, waiting, quiet, ..Begun::default() };
            let runner = Runner { callbacks, seat, jobs, conn, quiet, closing: false };
            let Ok(state) = catch_unwind(C::State::default) else {
                return runner.panicked(backlog).await;
            };
            runner.run(state, backlog).await;
        })
    }
}

struct Runner<C> {
    callbacks: Arc<C>,
    seat: Seat,
    jobs: mpsc::Receiver<Job>,
    conn: Connection,
    /// When the end is certain, once it was reported by a stream.
    quiet: Option<Instant>,
    /// We have closed the connection because of an error. Events mean nothing
    /// any more.
    closing: bool,
}

/// What comes next.
enum Next {
    Job(Job),
    /// EMQX does not have the connection, or its end is certain.
    Ended,
    /// Nothing came for some time.
    Ask,
    /// The handler stops.
    Deserted,
}

impl<C: Callbacks> Runner<C> {
    async fn run(mut self, mut state: C::State, begun: Begun) {
        let callbacks = Arc::clone(&self.callbacks);
        let conn = self.conn.clone();
        let Begun { mut backlog, waiting, .. } = begun;
        let mut waiting = waiting;
        let mut end = End::Vanished;
        if self.call(async { callbacks.on_connect(&conn, &mut state).await }).await.is_err() {
            return self.panicked(Begun { backlog, waiting, ..Begun::default() }).await;
        }
        // Of a connection whose end came first that one stays unanswered
        // until all is done; over streams nobody waits.
        loop {
            // Whatever has logged it in, of what came before.
            self.note_login();
            let next = match backlog.pop_front() {
                Some(job) => Next::Job(job),
                None => {
                    waiting.clear();
                    self.next().await
                }
            };
            let Job { what, mut done, streamed } = match next {
                Next::Job(job) => job,
                Next::Ended => break,
                Next::Deserted => {
                    if !self.closing && self.quiet.is_none() {
                        // By a task of the program's own, after the last event.
                        self.note_login();
                        let client_id = self.seat.client_id().to_owned();
                        let memory = Memory { client_id, ..Memory::default() };
                        let shown = conn.certificate();
                        let certificate =
                            shown.map(|it| pb::CertificateInfo { cn: it.cn.clone(), dn: it.dn.clone() });
                        self.seat.leave(conn.info(), certificate, memory);
                    }
                    return;
                }
                Next::Ask => {
                    let call = if self.closing { Call::Close } else { Call::Probe };
                    // What is wrong is noted, and `gone` is told.
                    let _ = conn.call(call).await;
                    continue;
                }
            };
            done.begun();
            waiting.push(done);
            if self.quiet.is_some() {
                self.quiet = Some(after(Instant::now(), self.seat.shared.settings.quiet));
            }
            let called = match what {
                What::Closed(reason) => {
                    end = End::of(&reason);
                    debug!(conn = &*self.seat.conn, %end, reason, "closed");
                    if !streamed {
                        break;
                    }
                    self.quiet = Some(after(Instant::now(), self.seat.shared.settings.quiet));
                    Ok(())
                }
                What::Doubted => {
                    let _ = conn.call(Call::Probe).await;
                    Ok(())
                }
                What::Created(_) => {
                    self.seat.shared.counters.duplicates.up();
                    Ok(())
                }
                _ if self.closing => Ok(()),
                What::Bytes(bytes) => {
                    self.call(async { callbacks.on_received(&conn, &mut state, bytes).await }).await
                }
                What::Messages(messages) => {
                    let messages = messages.into_iter().map(Message::from).collect();
                    self.call(async { callbacks.on_deliver(&conn, &mut state, messages).await }).await
                }
                What::TimedOut => {
                    self.seat.shared.counters.timeouts.up();
                    self.call(async { callbacks.on_timer(&conn, &mut state).await }).await
                }
            };
            if called.is_err() {
                return self.panicked(Begun { backlog, waiting, ..Begun::default() }).await;
            }
        }
        // Nothing can be closed any more.
        self.closing = true;
        let _ = self.call(async { callbacks.on_terminated(&conn, &mut state, end).await }).await;
        // Who is told must find the connection gone.
        drop(self);
        drop(waiting);
    }

    fn note_login(&mut self) {
        if let Some(client_id) = self.conn.take_login() {
            self.seat.logged_in(&client_id);
        }
    }

    async fn next(&mut self) -> Next {
        let shared = &self.seat.shared;
        let now = Instant::now();
        let ask = if self.closing { now + CLOSE_WAIT } else { next_probe(now, shared.settings.probe) };
        let quiet = self.quiet;
        tokio::select! {
            biased;
            job = self.jobs.recv() => job.map_or(Next::Deserted, Next::Job),
            () = self.conn.gone() => Next::Ended,
            () = async { match quiet { Some(quiet) => sleep_until(quiet).await, None => pending().await } } => Next::Ended,
            () = sleep_until(ask) => Next::Ask,
        }
    }

    /// Waits for a callback; an error if it panicked.
    async fn call(&mut self, callback: impl Future<Output = Done>) -> Result<(), Panicked> {
        let limit = self.seat.shared.settings.callback_timeout;
        let called = if limit.is_zero() {
            Ok(guarded(callback).await)
        } else {
            timeout(limit, guarded(callback)).await
        };
        let why = match called {
            Ok(Err(panicked)) => {
                self.seat.shared.counters.panics.up();
                warn!(conn = &*self.seat.conn, "a callback panicked; its device is closed");
                return Err(panicked);
            }
            Ok(Ok(Ok(()))) => return Ok(()),
            Ok(Ok(Err(error))) => error.to_string(),
            Err(_) => {
                warn!(conn = &*self.seat.conn, "a callback took longer than {limit:?}; its device is closed");
                "a callback took too long".to_owned()
            }
        };
        if !self.closing {
            debug!(conn = &*self.seat.conn, why, "closing");
            self.closing = true;
            // Repeated until EMQX reports the end.
            let _ = self.conn.call(Call::Close).await;
        }
        Ok(())
    }

    /// What the program has kept is not known to be right any more.
    async fn panicked(mut self, begun: Begun) {
        let begun = Begun { quiet: self.quiet, ..begun };
        beginning::close(self.seat, &mut self.jobs, begun, "panic").await;
    }
}

struct Panicked;

/// Runs a future of the program; a panic in it is an error.
async fn guarded<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    let mut future = pin!(future);
    poll_fn(|cx| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Ok(value)),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}
