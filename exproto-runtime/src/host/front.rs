//! Bound listeners, what serves their connections, and the way to the end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::time::timeout;
use tracing::{debug, info, warn};

use super::listen::{self, Bound};
use super::serve::Serve;
use super::worker::{Crew, Stage};
use super::{HostError, Listener, OpenFiles, Stopped};
use crate::metrics::Metrics;

/// How long connections that were told to end at once may take to do it.
const ABORT: Duration = Duration::from_secs(2);

/// Listeners whose connections are served alike and counted together.
#[derive(Debug)]
pub(crate) struct Front<S> {
    pub(super) listeners: Vec<Bound>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) serve: Arc<S>,
}

impl<S> Front<S> {
    /// Binds the listeners; `name` and the number of workers are the metrics'.
    pub(crate) fn bind(
        listeners: Vec<Listener>,
        name: &str,
        workers: usize,
        serve: S,
    ) -> Result<Self, HostError> {
        if listeners.is_empty() {
            return Err(HostError::NoListener);
        }
        let allowed = OpenFiles::now().map_or(usize::MAX, OpenFiles::connections);
        let listeners = listeners
            .into_iter()
            .map(|listener| listen::bind(listener, allowed))
            .collect::<Result<_, _>>()?;
        Ok(Self { listeners, metrics: Arc::new(Metrics::new(name, workers)), serve: Arc::new(serve) })
    }

    /// Name and address of each listener.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.listeners.iter().map(|bound| (&*bound.name, bound.address))
    }

    /// The counters of its connections.
    pub(crate) fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }
}

impl<S: Serve> Front<S> {
    /// Takes connections and serves them until `shutdown` is ready, then
    /// finishes what is in flight.
    pub(crate) async fn run(
        self,
        workers: usize,
        drain: Duration,
        shutdown: impl Future<Output = ()>,
    ) -> Result<Stopped, HostError> {
        let crew = Crew::start(workers, "exproto-host").map_err(HostError::Start)?;
        let mut accepting: Vec<Accepting<'_>> = Vec::new();
        for bound in self.listeners {
            debug!(listener = %bound.name, address = %bound.address, "listening");
            #[cfg(feature = "tls")]
            if let Some(entry) = bound.entry.clone() {
                accepting.push(Box::pin(async move {
                    match &entry.certificates {
                        Some(certificates) => certificates.keep_fresh().await,
                        None => std::future::pending().await,
                    }
                    Ok(())
                }));
            }
            accepting.push(Box::pin(listen::accept(bound, &crew, &self.serve, &self.metrics)));
        }
        until(&mut accepting, shutdown).await?;
        drop(accepting);
        Ok(stop(crew, drain, &self.metrics).await)
    }
}

/// A listener at work.
type Accepting<'f> = Pin<Box<dyn Future<Output = io::Result<()>> + Send + 'f>>;

/// Lets listeners work until `shutdown` is ready or one of them fails.
async fn until(accepting: &mut [Accepting<'_>], shutdown: impl Future<Output = ()>) -> Result<(), HostError> {
    let mut shutdown = pin!(shutdown);
    std::future::poll_fn(|cx| {
        if shutdown.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Ok(()));
        }
        for listener in accepting.iter_mut() {
            if let Poll::Ready(Err(error)) = listener.as_mut().poll(cx) {
                return Poll::Ready(Err(HostError::Start(error)));
            }
        }
        Poll::Pending
    })
    .await
}

async fn stop(crew: Crew, drain: Duration, metrics: &Metrics) -> Stopped {
    // Of the counters, so that the caller and an operator see the same.
    let still_open = || usize::try_from(metrics.open()).unwrap_or(usize::MAX);
    let open = still_open();
    info!(open, "stopping: connections finish what is in flight");
    crew.enter(Stage::Draining);
    let mut cut_off = 0;
    if timeout(drain, crew.empty()).await.is_err() {
        cut_off = still_open();
        warn!(cut_off, "connections did not finish in time and are cut off");
        crew.enter(Stage::Aborting);
        let _ = timeout(ABORT, crew.empty()).await;
    }
    // A connection whose code never returns keeps its thread; do not wait for it.
    let _ = timeout(ABORT, crew.stop()).await;
    Stopped { open, cut_off }
}
