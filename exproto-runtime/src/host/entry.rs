//! What a connection has to do before it is served: agree on TLS.
//!
//! It has its place at a worker meanwhile, a limited time, and is one of a
//! limited number: whoever opens connections and leaves it at that costs a
//! bounded amount of memory, and the devices that are served do not notice.

use std::future::{Future as _, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::sleep;
use tracing::debug;

use super::serve::{Arrival, Serve};
use super::tls::Tls;
use super::worker::Stage;
use crate::metrics::{Counter, Ended};
use crate::session::Transport as Kind;
use crate::tls::Certificates;

/// What connections of a listener have to do first.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) certificates: Certificates,
    pub(super) patience: Duration,
    /// So many at a time.
    pub(super) most: usize,
    under_way: AtomicUsize,
}

/// One of the connections that are allowed to be at it.
#[derive(Debug)]
pub(super) struct Pass(Arc<Entry>);

impl Entry {
    pub(super) fn new(certificates: Certificates, patience: Duration, most: usize) -> Self {
        Self { certificates, patience, most, under_way: AtomicUsize::new(0) }
    }

    /// A pass, if there are any left.
    pub(super) fn pass(self: &Arc<Self>) -> Option<Pass> {
        if self.under_way.fetch_add(1, Ordering::AcqRel) < self.most {
            return Some(Pass(Arc::clone(self)));
        }
        self.under_way.fetch_sub(1, Ordering::AcqRel);
        None
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Lets a connection in, and serves it when that is done.
pub(super) async fn enter<S: Serve>(serve: Arc<S>, mut arrival: Arrival, stream: TcpStream, pass: Pass) {
    // Counted if the worker ends before this does.
    arrival.seat.ended(Ended::Shutdown);
    let agreed = {
        let mut work = pin!(agree(&pass.0, stream));
        let mut late = pin!(sleep(pass.0.patience));
        let seat = &arrival.seat;
        poll_fn(|cx| {
            seat.register(cx.waker());
            if seat.stage() != Stage::Running {
                return Poll::Ready(Err(Ended::Shutdown));
            }
            if let Poll::Ready(agreed) = work.as_mut().poll(cx) {
                return Poll::Ready(agreed.map_err(|error| why(&error)));
            }
            late.as_mut().poll(cx).map(|()| Err(Ended::NoHandshake))
        })
        .await
    };
    drop(pass);
    match agreed {
        Ok(tls) => {
            arrival.seat.shard().add(Counter::Handshakes, 1);
            arrival.info.transport = Kind::Tls;
            arrival.info.certificate = tls.certificate();
            arrival.seat.ended(Ended::Other);
            serve.begin(&Handle::current(), arrival, tls);
        }
        Err(reason) => {
            let Arrival { info, mut seat, .. } = arrival;
            debug!(peer = %info.peer, listener = %info.listener, reason = reason.label(), "not let in");
            seat.ended(reason);
        }
    }
}

/// The reason that is counted.
fn why(error: &io::Error) -> Ended {
    debug!(%error, "a TLS handshake failed");
    Ended::BadHandshake
}

async fn agree(entry: &Entry, stream: TcpStream) -> io::Result<Tls> {
    let mut tls = Tls::new(stream, entry.certificates.current())?;
    poll_fn(|cx| tls.poll_handshake(cx)).await?;
    Ok(tls)
}
