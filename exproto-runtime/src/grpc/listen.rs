//! Accepts connections and serves each in a task of its own, on the caller's
//! runtime or on threads with a runtime each: nothing of a connection moves
//! between threads then.
//!
//! TLS handshakes are made side by side, so that a slow one keeps nobody out, and
//! not more than a limit.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep;
#[cfg(feature = "tls")]
use tokio::{sync::Semaphore, time::timeout};
#[cfg(feature = "tls")]
use tokio_rustls::TlsAcceptor;
use tracing::warn;

use super::connection::{self, Services};
#[cfg(feature = "tls")]
use crate::tls::Certificates;

/// Handshakes under way at most; more connections wait in the system's queue.
#[cfg(feature = "tls")]
const MOST: usize = 256;

/// A handshake that takes longer is given up.
#[cfg(feature = "tls")]
const PATIENCE: Duration = Duration::from_secs(10);

/// Before the listener is asked again after it failed, as it does while there
/// are too many open files.
const PAUSE: Duration = Duration::from_millis(200);

/// Threads that serve at most.
pub(crate) const WORKERS: usize = 64;

thread_local! {
    static WORKER: Cell<usize> = const { Cell::new(0) };
}

/// The number of this thread among those that serve, from 1 to [`WORKERS`]; 0
/// for all others.
pub(crate) fn worker() -> usize {
    WORKER.get()
}

/// All connections of a server.
pub(super) struct Crew {
    /// None: the runtime of the caller serves.
    workers: Vec<Worker>,
    next: AtomicUsize,
    services: Arc<Services>,
    stop: watch::Sender<bool>,
    /// Each connection holds one; the receiver learns that all have ended.
    alive: mpsc::Sender<Infallible>,
    ended: mpsc::Receiver<Infallible>,
}

impl Crew {
    /// Starts so many threads; with 0, the runtime of the caller serves.
    pub(super) fn start(workers: usize, services: Arc<Services>) -> io::Result<Self> {
        let (alive, ended) = mpsc::channel(1);
        let workers = (1..=workers.min(WORKERS)).map(Worker::start).collect::<io::Result<_>>()?;
        let next = AtomicUsize::new(0);
        Ok(Self { workers, next, services, stop: watch::Sender::new(false), alive, ended })
    }

    /// Serves a connection on the thread whose turn it is.
    fn spawn<F: Future<Output = ()> + Send + 'static>(
        &self,
        socket: TcpStream,
        serve: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(worker) = turn.checked_rem(self.workers.len()).and_then(|it| self.workers.get(it)) else {
            tokio::spawn(serve(socket));
            return;
        };
        // It has waked this thread until now.
        let socket = match socket.into_std() {
            Ok(socket) => socket,
            Err(error) => return warn!(%error, "a connection could not be handed over"),
        };
        worker.runtime.spawn(async move {
            match TcpStream::from_std(socket) {
                Ok(socket) => serve(socket).await,
                Err(error) => warn!(%error, "a connection could not be handed over"),
            }
        });
    }

    /// Accepts connections, for ever.
    #[cfg(feature = "tls")]
    pub(super) async fn accept(
        &self,
        listener: TcpListener,
        certificates: Option<Arc<Certificates>>,
    ) -> io::Result<()> {
        let Some(certificates) = certificates else {
            return self.accept_plain(listener).await;
        };
        let handshakes = Arc::new(Semaphore::new(MOST));
        loop {
            // It is never closed.
            let room = Arc::clone(&handshakes).acquire_owned().await.map_err(io::Error::other)?;
            let stream = accepted(&listener).await;
            let acceptor = TlsAcceptor::from(certificates.current());
            let (services, stop) = (Arc::clone(&self.services), self.stop.subscribe());
            let alive = self.alive.clone();
            self.spawn(stream, move |stream| async move {
                let _alive = alive;
                match timeout(PATIENCE, acceptor.accept(stream)).await {
                    Ok(Ok(stream)) => {
                        drop(room);
                        connection::serve(stream, services, stop).await;
                    }
                    Ok(Err(error)) => warn!(%error, "a TLS handshake failed"),
                    Err(_) => tracing::debug!("a TLS handshake took too long"),
                }
            });
        }
    }

    /// Accepts connections, for ever.
    #[cfg(not(feature = "tls"))]
    pub(super) async fn accept(&self, listener: TcpListener) -> io::Result<()> {
        self.accept_plain(listener).await
    }

    async fn accept_plain(&self, listener: TcpListener) -> io::Result<()> {
        loop {
            let stream = accepted(&listener).await;
            let (services, stop) = (Arc::clone(&self.services), self.stop.subscribe());
            let alive = self.alive.clone();
            self.spawn(stream, move |stream| async move {
                let _alive = alive;
                connection::serve(stream, services, stop).await;
            });
        }
    }

    /// Has all connections end when their calls are answered; ends then. The
    /// threads go on until they are dropped.
    pub(super) fn end(self) -> (impl Future<Output = ()>, Vec<Worker>) {
        let Self { stop, alive, mut ended, workers, .. } = self;
        let end = async move {
            stop.send_replace(true);
            drop(alive);
            ended.recv().await;
        };
        (end, workers)
    }
}

/// A thread with a runtime of its own, until it is dropped.
pub(super) struct Worker {
    runtime: Handle,
    _running: oneshot::Sender<Infallible>,
}

impl Worker {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (running, ended) = oneshot::channel();
        std::thread::Builder::new().name(format!("grpc-{number}")).spawn(move || {
            WORKER.set(number);
            // Nothing is sent.
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self { runtime: handle, _running: running })
    }
}

/// The next connection.
async fn accepted(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // An answer must not wait for the acknowledgement of another.
                // A socket that can't have it works all the same.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) => {
                warn!(%error, "a connection could not be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Otherwise an answer waits up to 40 ms for the acknowledgement of the one
    /// before it.
    #[tokio::test]
    async fn answers_do_not_wait_for_acknowledgements() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        assert!(accepted(&listener).await.nodelay().unwrap());
    }
}
