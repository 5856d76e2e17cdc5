//! What a connection has to do before it is served: tell whose it is, where a
//! load balancer stands before us, and agree on TLS.
//!
//! It has its place at a worker meanwhile, a limited time, and is one of a
//! limited number: whoever opens connections and leaves it at that costs a
//! bounded amount of memory, and the devices that are served do not notice.

use std::future::{Future, poll_fn};
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};
use tracing::debug;

use super::network::Network;
use super::proxy::{self, Addresses, Header};
use super::serve::{Arrival, Serve};
#[cfg(feature = "tls")]
use super::tls::Tls;
use super::worker::{Seat, Stage};
#[cfg(feature = "tls")]
use crate::metrics::Counter;
use crate::metrics::Ended;
#[cfg(feature = "tls")]
use crate::tls::Certificates;

/// What connections of a listener have to do first.
#[derive(Debug)]
pub(super) struct Entry {
    #[cfg(feature = "tls")]
    pub(super) certificates: Option<Certificates>,
    /// The load balancers, if connections come from them.
    balancers: Vec<Network>,
    patience: Duration,
    /// So many at a time.
    most: usize,
    under_way: AtomicUsize,
}

/// One of the connections that are allowed to be at it.
#[derive(Debug)]
pub(super) struct Pass(Arc<Entry>);

/// What its bytes go through from then on.
enum Through {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Tls),
}

impl Entry {
    pub(super) fn new(balancers: Vec<Network>, patience: Duration, most: usize) -> Self {
        Self {
            #[cfg(feature = "tls")]
            certificates: None,
            balancers,
            patience,
            most,
            under_way: AtomicUsize::new(0),
        }
    }

    /// Whether connections have something to do first.
    pub(super) fn is_needed(&self) -> bool {
        #[cfg(feature = "tls")]
        if self.certificates.is_some() {
            return true;
        }
        self.is_balanced()
    }

    /// Whether a load balancer stands before us.
    pub(super) fn is_balanced(&self) -> bool {
        !self.balancers.is_empty()
    }

    /// Whether a PROXY header of this address is believed.
    pub(super) fn believes(&self, peer: IpAddr) -> bool {
        self.balancers.iter().any(|network| network.contains(peer))
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
    let late = Instant::now() + pass.0.patience;
    let through = agree(&pass.0, &mut arrival, stream, late).await;
    drop(pass);
    match through {
        Ok(through) => {
            arrival.seat.ended(Ended::Other);
            match through {
                Through::Plain(stream) => serve.begin(&Handle::current(), arrival, stream),
                #[cfg(feature = "tls")]
                Through::Tls(tls) => serve.begin(&Handle::current(), arrival, tls),
            }
        }
        Err(reason) => {
            let Arrival { info, mut seat, .. } = arrival;
            debug!(peer = %info.peer, listener = %info.listener, reason = reason.label(), "not let in");
            seat.ended(reason);
        }
    }
}

async fn agree(
    entry: &Entry,
    arrival: &mut Arrival,
    stream: TcpStream,
    late: Instant,
) -> Result<Through, Ended> {
    if entry.is_balanced() {
        let seen = within(&arrival.seat, late, header(&stream)).await?;
        if let Some((source, to)) = seen.map_err(|error| because(&error, Ended::BadHeader))? {
            arrival.info.peer = source;
            arrival.info.local = to;
        }
        arrival.seat.identify(arrival.info.peer.ip()).map_err(|_| Ended::TurnedAway)?;
    }
    #[cfg(feature = "tls")]
    if let Some(certificates) = &entry.certificates {
        let failed = |error: io::Error| because(&error, Ended::BadHandshake);
        let mut tls = Tls::new(stream, certificates.current()).map_err(failed)?;
        within(&arrival.seat, late, poll_fn(|cx| tls.poll_handshake(cx))).await?.map_err(failed)?;
        arrival.seat.shard().add(Counter::Handshakes, 1);
        arrival.info.transport = crate::session::Transport::Tls;
        arrival.info.certificate = tls.certificate();
        return Ok(Through::Tls(tls));
    }
    Ok(Through::Plain(stream))
}

/// The reason that is counted.
fn because(error: &io::Error, reason: Ended) -> Ended {
    debug!(%error, reason = reason.label(), "a connection could not begin");
    reason
}

/// Does something as long as there is time and the host runs.
async fn within<T>(seat: &Seat, late: Instant, work: impl Future<Output = T>) -> Result<T, Ended> {
    let mut work = pin!(work);
    let mut late = pin!(sleep_until(late));
    poll_fn(|cx| {
        seat.register(cx.waker());
        if seat.stage() != Stage::Running {
            return Poll::Ready(Err(Ended::Shutdown));
        }
        if let Poll::Ready(done) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(done));
        }
        late.as_mut().poll(cx).map(|()| Err(Ended::NoHandshake))
    })
    .await
}

/// Reads the header, and no byte behind it.
async fn header(stream: &TcpStream) -> io::Result<Addresses> {
    let mut seen = Vec::new();
    loop {
        let start = seen.len();
        match proxy::parse(&seen).map_err(io::Error::other)? {
            Header::Whole(_, addresses) => return Ok(addresses),
            Header::Part(needed) => seen.resize(needed, 0),
        }
        stream.readable().await?;
        match stream.try_read(seen.get_mut(start..).unwrap_or(&mut [])) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(length) => seen.truncate(start + length),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {
                seen.truncate(start);
            }
            Err(error) => return Err(error),
        }
    }
}
