//! The provider against EMQX's side of the interface.
#![allow(clippy::unwrap_used)]

mod calls;
mod emqx;
mod golden;
mod lifecycle;
mod recorded;

use std::fmt::Debug;
use std::future::{Future, pending};
use std::io;
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;

use self::emqx::Emqx;
use super::*;
use crate::grpc::GrpcServer;

/// What a scripted hook does instead of answering.
#[derive(Clone, Debug)]
enum Do<A> {
    Answer(A),
    Fail,
    Panic,
    Hang,
}

impl<A: Clone> Do<A> {
    async fn run(&self) -> Result<A, HookError> {
        match self {
            Self::Answer(answer) => Ok(answer.clone()),
            Self::Fail => Err("out of order".into()),
            Self::Panic => panic!("out of order"),
            Self::Hang => pending().await,
        }
    }
}

/// A provider with all hooks, which does as it is told and keeps what it sees.
struct Script {
    auth: Mutex<Do<Auth>>,
    publish: Mutex<Do<Publish>>,
    events: Mutex<Do<()>>,
    seen: Mutex<Vec<String>>,
    /// Events pass one for each permit.
    gate: Semaphore,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            auth: Mutex::new(Do::Answer(Auth::Allow)),
            publish: Mutex::new(Do::Answer(Publish::Pass)),
            events: Mutex::new(Do::Answer(())),
            seen: Mutex::default(),
            gate: Semaphore::new(Semaphore::MAX_PERMITS),
        }
    }
}

impl Script {
    fn note(&self, event: &impl Debug) {
        self.seen.lock().unwrap().push(format!("{event:?}"));
    }

    async fn event(&self, event: impl Debug) -> Result<(), HookError> {
        self.gate.acquire().await.unwrap().forget();
        self.note(&event);
        let script = self.events.lock().unwrap().clone();
        script.run().await
    }
}

/// The provider that the server and the test share.
#[derive(Clone, Default)]
struct Shared(Arc<Script>);

#[exhook]
impl HookProvider for Shared {
    async fn on_client_authenticate(&self, request: &ClientAuthenticate) -> Result<Auth, HookError> {
        self.0.note(request);
        let script = self.0.auth.lock().unwrap().clone();
        script.run().await
    }

    async fn on_client_authorize(&self, request: &ClientAuthorize) -> Result<Auth, HookError> {
        self.0.note(request);
        let script = self.0.auth.lock().unwrap().clone();
        script.run().await
    }

    #[on(topics = ["#"])]
    async fn on_message_publish(&self, request: &MessagePublish) -> Result<Publish, HookError> {
        self.0.note(request);
        let script = self.0.publish.lock().unwrap().clone();
        script.run().await
    }

    async fn on_loaded(&self, event: Loaded) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_unloaded(&self, event: Unloaded) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_client_connect(&self, event: ClientConnect) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_client_connack(&self, event: ClientConnack) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_client_connected(&self, event: ClientConnected) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_client_disconnected(&self, event: ClientDisconnected) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_client_subscribe(&self, event: ClientSubscribe) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_client_unsubscribe(&self, event: ClientUnsubscribe) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_session_created(&self, event: SessionCreated) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_session_subscribed(&self, event: SessionSubscribed) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_session_unsubscribed(&self, event: SessionUnsubscribed) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_session_resumed(&self, event: SessionResumed) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_session_discarded(&self, event: SessionDiscarded) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_session_takenover(&self, event: SessionTakenover) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_session_terminated(&self, event: SessionTerminated) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_message_delivered(&self, event: MessageDelivered) -> Result<(), HookError> {
        self.0.event(event).await
    }

    async fn on_message_acked(&self, event: MessageAcked) -> Result<(), HookError> {
        self.0.event(event).await
    }

    #[on(topics = ["#"])]
    async fn on_message_dropped(&self, event: MessageDropped) -> Result<(), HookError> {
        self.0.event(event).await
    }
}

/// A provider that is being served, and its EMQX.
struct Bench {
    script: Arc<Script>,
    emqx: Emqx,
    counters: ExHookCounters,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

impl Bench {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(set: impl FnOnce(&mut ExHookSettings)) -> Self {
        let mut settings = ExHookSettings::default();
        set(&mut settings);
        let shared = Shared::default();
        let script = Arc::clone(&shared.0);
        let server = ExHookServer::new(shared, settings);
        let counters = server.counters();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let emqx = Emqx::new(listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(GrpcServer::new().with(server).serve(listener, async {
            let _ = stopped.await;
        }));
        Self { script, emqx, counters, stop, served }
    }

    fn auth(&self, auth: Do<Auth>) {
        *self.script.auth.lock().unwrap() = auth;
    }

    fn publish(&self, publish: Do<Publish>) {
        *self.script.publish.lock().unwrap() = publish;
    }

    fn seen(&self) -> Vec<String> {
        self.script.seen.lock().unwrap().clone()
    }

    fn of(&self, hook: Hook) -> HookStats {
        self.counters.hook(hook)
    }

    /// Ends the server, and so all that it has taken over.
    async fn end(self) -> (Arc<Script>, ExHookCounters) {
        self.stop.send(()).unwrap();
        drop(self.emqx);
        self.served.await.unwrap().unwrap();
        (self.script, self.counters)
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test);
}

fn unhex(text: &str) -> Bytes {
    let digits = text.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

use bytes::Bytes;
