//! EMQX hooks (ExHook, EMQX 4.3 to 6.x): authenticate, authorise, watch and
//! rewrite from outside of EMQX.
//!
//! Implement [`HookProvider`], put [`#[exhook]`](macro@exhook) on the `impl`,
//! and serve it with an [`ExHookServer`]. The page
//! `doc::exhook` of the manual shows how, and what EMQX makes of each
//! answer.
//!
//! # Setting up EMQX
//!
//! ```text
//! exhook.servers = [{
//!   name = "guard"
//!   url = "http://127.0.0.1:9000"      # our address
//!   failed_action = deny               # while no provider runs
//!   request_timeout = 5s
//!   auto_reconnect = 10s               # how often loading is tried again
//! }]
//! ```
//!
//! All generations of the interface are served on one port; EMQX calls its own.
//!
//! # What to expect
//!
//! * EMQX waits for the answer to every call in the process of the client
//!   concerned. What it is only told of is answered at once and worked off from
//!   a queue, in order for each client; see [`ExHookSettings::max_events`].
//! * What it asks is answered in time, by [`FailSafe`] if the user's code is
//!   late, fails or panics.
//! * **Until EMQX has loaded the provider, it asks nobody and lets everybody
//!   in**, whatever `failed_action` says. Start the provider first. Loading is
//!   never refused here.
//! * A restarted provider is called again without being loaded again, except by
//!   EMQX 5.9 and later. So change the set of hooks only together with a reload
//!   in EMQX; calls for hooks that are not registered any more are answered with
//!   "ignore" and counted.

mod answer;
mod convert;
mod core;
mod event;
mod guard;
mod hook;
mod lanes;
pub(crate) mod pb;
mod provider;
mod recent;
mod service;
mod settings;
mod stats;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;

#[cfg(feature = "derive")]
pub use exproto_derive::exhook;
use tokio::net::{TcpListener, ToSocketAddrs};
use tonic::service::{Routes, RoutesBuilder};

pub use self::answer::{Auth, Decision, HookError, IntoAnswer, Publish, Qos, Replace, Verdict};
use self::core::Core;
pub use self::event::{
    Access, Client, ClientAuthenticate, ClientAuthorize, ClientConnack, ClientConnect, ClientConnected,
    ClientDisconnected, ClientSubscribe, ClientUnsubscribe, Connection, Loaded, Message, MessageAcked,
    MessageDelivered, MessageDropped, MessagePublish, Node, Password, Property, SessionCreated,
    SessionDiscarded, SessionResumed, SessionSubscribed, SessionTakenover, SessionTerminated,
    SessionUnsubscribed, SubscribeOptions, TopicFilter, Unloaded,
};
pub use self::hook::{Hook, Registration};
use self::pb::v1::hook_provider_server::HookProviderServer as V1;
use self::pb::v2::hook_provider_server::HookProviderServer as V2;
use self::pb::v3::hook_provider_server::HookProviderServer as V3;
pub use self::provider::HookProvider;
use self::service::Service;
pub use self::settings::{ExHookSettings, FailSafe};
pub use self::stats::HookStats;
use crate::grpc::sealed::Mount;
use crate::grpc::{self, GrpcServer, Running};

/// Serves a [`HookProvider`] to EMQX.
///
/// # Examples
///
/// ```no_run
/// use exproto_runtime::exhook::{ExHookServer, ExHookSettings, HookProvider};
///
/// async fn serve(provider: impl HookProvider) -> std::io::Result<()> {
///     let server = ExHookServer::new(provider, ExHookSettings::default());
///     server.listen("0.0.0.0:9000", std::future::pending()).await
/// }
/// ```
#[must_use = "a server does nothing until it listens"]
pub struct ExHookServer<P> {
    core: Arc<Core<P>>,
}

impl<P> fmt::Debug for ExHookServer<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExHookServer").field("settings", &self.core.settings).finish_non_exhaustive()
    }
}

impl<P: HookProvider> ExHookServer<P> {
    /// A provider that is not served yet.
    pub fn new(provider: P, settings: ExHookSettings) -> Self {
        Self { core: Core::new(provider, settings) }
    }

    /// A view of the counters, which outlives [`serve`](Self::serve).
    #[must_use]
    pub fn counters(&self) -> ExHookCounters {
        ExHookCounters(Arc::clone(&self.core) as Arc<dyn Counted>)
    }

    /// Listens at `address` and serves EMQX until `shutdown` ends, see
    /// [`serve`](Self::serve).
    ///
    /// # Errors
    ///
    /// The address cannot be listened at.
    pub async fn listen(
        self,
        address: impl ToSocketAddrs,
        shutdown: impl Future<Output = ()>,
    ) -> io::Result<()> {
        self.serve(TcpListener::bind(address).await?, shutdown).await
    }

    /// Serves EMQX until `shutdown` ends. Then no connection is accepted any
    /// more, calls that have come are answered, events that wait are worked
    /// off, both for at most [`drain`](ExHookSettings::drain), and the function
    /// returns. To serve with TLS, or devices on the same port, add this to a
    /// [`GrpcServer`].
    ///
    /// # Errors
    ///
    /// The listener fails.
    pub async fn serve(self, listener: TcpListener, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        GrpcServer::new().with(self).serve(listener, shutdown).await
    }

    /// The services, to be mounted in a tonic server of your own: without a
    /// limit on streams and on the age of connections, with `TCP_NODELAY`.
    #[must_use]
    pub fn into_services(self) -> Routes {
        grpc::routes(self)
    }
}

impl<P: HookProvider> Mount for ExHookServer<P> {
    #[allow(private_interfaces)]
    fn mount(self, routes: &mut RoutesBuilder) -> Running {
        let core = self.core;
        let (limit, drain) = (core.settings.max_message, core.settings.drain);
        let service = Arc::new(Service(Arc::clone(&core)));
        routes.add_service(V1::from_arc(Arc::clone(&service)).max_decoding_message_size(limit));
        routes.add_service(V2::from_arc(Arc::clone(&service)).max_decoding_message_size(limit));
        routes.add_service(V3::from_arc(service).max_decoding_message_size(limit));
        Running {
            calm: Box::pin(std::future::ready(())),
            #[cfg(feature = "reflection")]
            descriptors: &[
                include_bytes!("pb/emqx_exhook_v1.bin"),
                include_bytes!("pb/emqx_exhook_v2.bin"),
                include_bytes!("pb/emqx_exhook_v3.bin"),
            ],
            name: "hook provider",
            direct: None,
            stop: Box::new(|| {}),
            finish: Box::pin(async move { core.lanes().emptied().await }),
            drain,
        }
    }
}

trait Counted: Send + Sync {
    fn hook(&self, hook: Hook) -> HookStats;
    fn loading(&self) -> HookStats;
    fn waiting(&self) -> usize;
    fn nodes(&self) -> BTreeMap<String, String>;
    fn write_open_metrics(&self, out: &mut String, provider: &str);
}

impl<P: HookProvider> Counted for Core<P> {
    fn hook(&self, hook: Hook) -> HookStats {
        self.counters.read(hook)
    }

    fn loading(&self) -> HookStats {
        self.counters.read_loading()
    }

    fn waiting(&self) -> usize {
        self.lanes().len()
    }

    fn nodes(&self) -> BTreeMap<String, String> {
        self.nodes()
    }

    fn write_open_metrics(&self, out: &mut String, provider: &str) {
        self.counters.write_open_metrics(out, provider, self.lanes().len());
    }
}

/// Reads the counters of a provider.
#[derive(Clone)]
pub struct ExHookCounters(Arc<dyn Counted>);

impl fmt::Debug for ExHookCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExHookCounters").field("waiting", &self.waiting()).finish_non_exhaustive()
    }
}

impl ExHookCounters {
    /// What has happened to a hook so far.
    #[must_use]
    pub fn hook(&self, hook: Hook) -> HookStats {
        self.0.hook(hook)
    }

    /// What has happened to `on_loaded` and `on_unloaded` so far.
    #[must_use]
    pub fn loading(&self) -> HookStats {
        self.0.loading()
    }

    /// Events that wait or are being worked off now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.waiting()
    }

    /// The nodes that have the provider loaded, with their versions, as far as
    /// they have said so to this run of the program.
    #[must_use]
    pub fn nodes(&self) -> BTreeMap<String, String> {
        self.0.nodes()
    }

    /// Appends the counters in the OpenMetrics text format, without the final
    /// `# EOF`, so that other families can follow; `provider` becomes a label.
    pub fn write_open_metrics(&self, out: &mut String, provider: &str) {
        self.0.write_open_metrics(out, provider);
    }
}
