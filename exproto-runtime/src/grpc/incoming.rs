//! Connections with TLS: handshakes side by side, so that a slow one keeps
//! nobody out, and not more than a limit.

use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tracing::{debug, warn};

use crate::tls::Certificates;

/// Handshakes under way at most; more connections wait in the system's queue.
const MOST: usize = 256;

/// A handshake that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(10);

/// Before the listener is asked again after it failed, as it does while there
/// are too many open files.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) struct TlsIncoming {
    listener: TcpListener,
    certificates: Arc<Certificates>,
    handshakes: JoinSet<Option<TlsStream<TcpStream>>>,
    pause: Option<Pin<Box<Sleep>>>,
}

impl TlsIncoming {
    pub(super) fn new(listener: TcpListener, certificates: Arc<Certificates>) -> Self {
        Self { listener, certificates, handshakes: JoinSet::new(), pause: None }
    }

    /// Accepts what waits, as far as there is room.
    fn accept(&mut self, cx: &mut Context<'_>) {
        while self.handshakes.len() < MOST {
            if let Some(pause) = &mut self.pause {
                if pause.as_mut().poll(cx).is_pending() {
                    return;
                }
                self.pause = None;
            }
            match self.listener.poll_accept(cx) {
                Poll::Pending => return,
                Poll::Ready(Ok((stream, peer))) => {
                    let acceptor = TlsAcceptor::from(self.certificates.current());
                    self.handshakes.spawn(async move {
                        // A socket that can't have it works all the same.
                        let _ = stream.set_nodelay(true);
                        match timeout(PATIENCE, acceptor.accept(stream)).await {
                            Ok(Ok(stream)) => return Some(stream),
                            Ok(Err(error)) => warn!(%peer, %error, "a TLS handshake failed"),
                            Err(_) => debug!(%peer, "a TLS handshake took too long"),
                        }
                        None
                    });
                }
                Poll::Ready(Err(error)) => {
                    warn!(%error, "a connection could not be accepted");
                    self.pause = Some(Box::pin(sleep(PAUSE)));
                }
            }
        }
    }
}

impl Stream for TlsIncoming {
    type Item = io::Result<TlsStream<TcpStream>>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            self.accept(cx);
            match self.handshakes.poll_join_next(cx) {
                Poll::Ready(Some(Ok(Some(stream)))) => return Poll::Ready(Some(Ok(stream))),
                // One that failed has made room.
                Poll::Ready(Some(_)) => {}
                // Without handshakes the listener wakes.
                Poll::Ready(None) | Poll::Pending => return Poll::Pending,
            }
        }
    }
}
