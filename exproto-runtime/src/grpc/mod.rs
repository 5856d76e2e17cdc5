//! The gRPC server that EMQX calls: one port for an ExProto handler, hook
//! providers, or both, with the settings that EMQX's client needs.
//!
//! ```no_run
//! use exproto_runtime::exproto::ExProtoHandler;
//! use exproto_runtime::grpc::GrpcServer;
//! use exproto_runtime::session::Gateway;
//!
//! async fn serve<G: Gateway>(handler: ExProtoHandler<G>) -> std::io::Result<()> {
//!     GrpcServer::new().with(handler).listen("0.0.0.0:9001", std::future::pending()).await
//! }
//! ```
//!
//! The standard health service (`grpc.health.v1`) is served too: `SERVING`
//! until the shutdown begins, `NOT_SERVING` from then on; and with the feature
//! `reflection` the standard reflection service, so that tools such as `grpcurl`
//! need no `.proto` file.

#[cfg(feature = "tls")]
mod incoming;
#[cfg(feature = "reflection")]
mod reflection;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::time::timeout;
use tonic::service::{Routes, RoutesBuilder};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic_health::ServingStatus;
use tracing::{info, warn};

#[cfg(feature = "tls")]
use crate::tls::{Certificates, ServerTls};

/// EMQX's client does not look at our limit on streams and keeps to our
/// windows.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;

/// What a service does besides answering calls.
pub(crate) struct Running {
    /// In logs.
    pub(crate) name: &'static str,
    /// The services' `FileDescriptorSet`s.
    #[cfg(feature = "reflection")]
    pub(crate) descriptors: &'static [&'static [u8]],
    /// Ends at a good moment for the shutdown to begin.
    pub(crate) calm: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Called when the shutdown begins.
    pub(crate) stop: Box<dyn FnOnce() + Send>,
    /// Ends when everything that calls have led to is done. Polled only when
    /// no call comes any more.
    pub(crate) finish: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// How long calls under way, and then `finish`, are waited for.
    pub(crate) drain: Duration,
}

pub(crate) mod sealed {
    /// Puts the services into a server.
    pub trait Mount {
        #[doc(hidden)]
        #[allow(private_interfaces)]
        fn mount(self, routes: &mut tonic::service::RoutesBuilder) -> super::Running;
    }
}

/// What a [`GrpcServer`] serves: an
/// [`ExProtoHandler`](crate::exproto::ExProtoHandler) or, with the feature
/// `exhook`, a hook provider.
pub trait GrpcService: sealed::Mount {}

impl<S: sealed::Mount> GrpcService for S {}

/// A gRPC server with everything that EMQX calls on one port.
#[must_use = "a server does nothing until it listens"]
#[derive(Default)]
pub struct GrpcServer {
    routes: RoutesBuilder,
    running: Vec<Running>,
    #[cfg(feature = "tls")]
    tls: Option<ServerTls>,
}

impl fmt::Debug for GrpcServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.running.iter().map(|running| running.name).collect();
        f.debug_struct("GrpcServer").field("services", &names).finish_non_exhaustive()
    }
}

impl GrpcServer {
    /// A server without a service.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a service.
    pub fn with(mut self, service: impl GrpcService) -> Self {
        let running = service.mount(&mut self.routes);
        self.running.push(running);
        self
    }

    /// Serves with TLS, and without it no more.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, tls: ServerTls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Listens at `address` and serves until `shutdown` ends, see
    /// [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// The address cannot be listened at, or as for [`serve`](Self::serve).
    pub async fn listen(
        self,
        address: impl ToSocketAddrs,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        self.serve(TcpListener::bind(address).await?, shutdown).await
    }

    /// Serves until `shutdown` ends. Then no connection is accepted any more,
    /// EMQX is told to go, calls that have come are answered and what they led
    /// to is done, each for at most the `drain` of the services' settings, and
    /// the function returns.
    ///
    /// # Errors
    ///
    /// The listener fails, or the certificates cannot be used
    /// ([`InvalidInput`](io::ErrorKind::InvalidInput)).
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        #[cfg(feature = "tls")]
        let certificates = match self.tls {
            Some(tls) => Some(Arc::new(Certificates::open(tls, b"h2")?)),
            None => None,
        };
        let (mut routes, running) = (self.routes, self.running);
        let drain = running.iter().map(|running| running.drain).max().unwrap_or_default();
        #[cfg(feature = "reflection")]
        let descriptors: Vec<_> = running.iter().flat_map(|running| running.descriptors).copied().collect();
        let mut calms = Vec::new();
        let mut stops = Vec::new();
        let mut finishes = Vec::new();
        for running in running {
            if let Ok(address) = listener.local_addr() {
                info!(%address, "serving {}", running.name);
            }
            calms.push(running.calm);
            stops.push(running.stop);
            finishes.push((running.name, running.drain, running.finish));
        }
        let (health, service) = tonic_health::server::health_reporter();
        routes.add_service(service);
        #[cfg(feature = "reflection")]
        reflection::add(&mut routes, &descriptors)?;
        let (begin_drain, draining) = tokio::sync::oneshot::channel();
        let shutdown = async move {
            shutdown.await;
            health.set_service_status("", ServingStatus::NotServing).await;
            for calm in calms {
                calm.await;
            }
            for stop in stops {
                stop();
            }
            // Nobody to tell if serving has failed.
            let _ = begin_drain.send(());
        };
        let late = async move {
            // Without a shutdown the server alone decides.
            if draining.await.is_err() {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(drain).await;
        };
        let server = builder().add_routes(routes.routes());
        #[cfg(feature = "tls")]
        let fresh = keep_fresh(certificates.clone());
        #[cfg(not(feature = "tls"))]
        let fresh = std::future::pending();
        let server = async {
            #[cfg(feature = "tls")]
            if let Some(certificates) = certificates {
                let incoming = incoming::TlsIncoming::new(listener, certificates);
                return server.serve_with_incoming_shutdown(incoming, shutdown).await;
            }
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            server.serve_with_incoming_shutdown(incoming, shutdown).await
        };
        let result = tokio::select! {
            result = server => result,
            () = fresh => Ok(()),
            () = late => {
                warn!("calls are still under way after {drain:?}; not waiting any longer");
                Ok(())
            }
        };
        for (name, drain, finish) in finishes {
            if timeout(drain, finish).await.is_err() {
                warn!("{name}: work is still under way after {drain:?}; not waiting any longer");
            }
        }
        result.map_err(io::Error::other)
    }
}

/// Reads certificates again as long as they are served with.
#[cfg(feature = "tls")]
async fn keep_fresh(certificates: Option<Arc<Certificates>>) {
    match certificates {
        Some(certificates) => certificates.keep_fresh().await,
        None => std::future::pending().await,
    }
}

/// The settings that EMQX needs.
///
/// It opens more streams than we would allow, and gives up what a refused one
/// was for; it resets streams of clients that have gone. So there is no limit
/// on streams, none on the age of connections, and a high one on resets.
fn builder() -> Server {
    Server::builder()
        .max_concurrent_streams(None)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keepalive_interval(Some(Duration::from_secs(60)))
        .http2_keepalive_timeout(Some(Duration::from_secs(60)))
        .http2_max_pending_accept_reset_streams(Some(100_000))
}

/// The services alone, for a server of the user's own.
pub(crate) fn routes(service: impl GrpcService) -> Routes {
    let mut routes = RoutesBuilder::default();
    drop(service.mount(&mut routes));
    routes.routes()
}
