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

mod connection;
mod listen;
#[cfg(feature = "reflection")]
mod reflection;
#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::time::timeout;
use tonic::service::{Routes, RoutesBuilder};
use tonic_health::ServingStatus;
use tracing::{info, warn};

use self::connection::Services;
pub(crate) use self::connection::{Answer, Direct, Refused, keep_alive};
pub(crate) use self::listen::{WORKERS, worker};
#[cfg(feature = "tls")]
use crate::tls::{Certificates, ServerTls};

/// What a service does besides answering calls.
pub(crate) struct Running {
    /// In logs.
    pub(crate) name: &'static str,
    /// Takes some of its calls itself.
    pub(crate) direct: Option<Arc<dyn Direct>>,
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
    workers: usize,
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

    /// Serves on so many threads of its own, 64 at most, each with a runtime of
    /// one thread; 0, the default, is the runtime that serves otherwise.
    ///
    /// A runtime of several threads (`#[tokio::main]`) moves work between them all
    /// the time, which costs half as much again of the processor. Give the server as
    /// many threads as cores it may have, or run it on a runtime of one thread.
    ///
    /// Functions of the program, such as callbacks and hooks, run on these threads
    /// too.
    ///
    /// ```no_run
    /// use exproto_runtime::exproto::ExProtoHandler;
    /// use exproto_runtime::grpc::GrpcServer;
    /// use exproto_runtime::session::Gateway;
    ///
    /// async fn serve<G: Gateway>(handler: ExProtoHandler<G>) -> std::io::Result<()> {
    ///     let cores = std::thread::available_parallelism()?.get();
    ///     let server = GrpcServer::new().workers(cores).with(handler);
    ///     server.listen("0.0.0.0:9001", std::future::pending()).await
    /// }
    /// ```
    pub fn workers(mut self, threads: usize) -> Self {
        self.workers = threads;
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
    /// The certificates cannot be used
    /// ([`InvalidInput`](io::ErrorKind::InvalidInput)), or a thread cannot be started.
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
        let mut direct = Vec::new();
        for running in running {
            if let Ok(address) = listener.local_addr() {
                info!(%address, "serving {}", running.name);
            }
            calms.push(running.calm);
            stops.push(running.stop);
            finishes.push((running.name, running.drain, running.finish));
            direct.extend(running.direct);
        }
        let (health, service) = tonic_health::server::health_reporter();
        routes.add_service(service);
        #[cfg(feature = "reflection")]
        reflection::add(&mut routes, &descriptors)?;
        let services = Arc::new(Services { direct, routes: routes.routes().prepare() });
        let crew = listen::Crew::start(self.workers, services)?;
        #[cfg(feature = "tls")]
        let (accepting, fresh) =
            (crew.accept(listener, certificates.clone()), keep_fresh(certificates.clone()));
        #[cfg(not(feature = "tls"))]
        let (accepting, fresh) = (crew.accept(listener), std::future::pending());
        let shutdown = async {
            shutdown.await;
            health.set_service_status("", ServingStatus::NotServing).await;
            for calm in calms {
                calm.await;
            }
        };
        tokio::select! {
            result = accepting => return result,
            () = fresh => {}
            () = shutdown => {}
        }
        for stop in stops {
            stop();
        }
        // What calls have led to goes on until the function returns.
        let (end, _workers) = crew.end();
        if timeout(drain, end).await.is_err() {
            warn!("calls are still under way after {drain:?}; not waiting any longer");
        }
        for (name, drain, finish) in finishes {
            if timeout(drain, finish).await.is_err() {
                warn!("{name}: work is still under way after {drain:?}; not waiting any longer");
            }
        }
        Ok(())
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

/// The services alone, for a server of the user's own.
pub(crate) fn routes(service: impl GrpcService) -> Routes {
    let mut routes = RoutesBuilder::default();
    drop(service.mount(&mut routes));
    routes.routes()
}
