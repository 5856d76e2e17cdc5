//! What happens to a call, whatever generation of the interface it came by.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tracing::{info, trace};

use super::answer::{Auth, Decision, HookError, IntoAnswer, Publish, Replace, Verdict};
use super::event::{
    ClientAuthenticate, ClientAuthorize, ClientConnack, ClientConnect, ClientConnected, ClientDisconnected,
    ClientSubscribe, ClientUnsubscribe, Loaded, Message, MessageAcked, MessageDelivered, MessageDropped,
    MessagePublish, SessionCreated, SessionDiscarded, SessionResumed, SessionSubscribed, SessionTakenover,
    SessionTerminated, SessionUnsubscribed, Unloaded,
};
use super::guard::{self, Failure, UnderWay, Warnings};
use super::hook::{Generation, Hook, Registered, Version};
use super::lanes::{self, Lanes, Limits, Work};
use super::provider::HookProvider;
use super::recent::Recent;
use super::settings::{ExHookSettings, FailSafe};
use super::stats::Counters;
use crate::session::valid_topic;

/// Nodes whose loading is remembered; for the eye only.
const MAX_NODES: usize = 1_024;

/// What an answer is, before a generation gives it its form.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Answer {
    /// Nothing is decided.
    Ignore,
    /// A decision; `last` ends the chain.
    Bool { value: bool, last: bool },
    /// A message in place of the one that was asked about.
    Message { message: Box<Message>, permitted: bool, last: bool },
}

/// How the kinds of an answer are numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// CONTINUE, IGNORE, STOP.
    New,
    /// IGNORE, CONTINUE, STOP: EMQX 4.3.0 to 4.3.2.
    Old,
    /// One of the two. Decisions stop the chain, which both number alike, and
    /// IGNORE is a 0 without a value: the one takes it for what it is, the
    /// other has nothing to continue with.
    Either,
}

impl Order {
    pub(super) const fn kind(self, answer: &Answer) -> i32 {
        let last = match answer {
            Answer::Ignore => return if matches!(self, Self::New) { 1 } else { 0 },
            Answer::Bool { last, .. } | Answer::Message { last, .. } => *last,
        };
        match self {
            _ if last => 2,
            Self::New => 0,
            Self::Old => 1,
            Self::Either => 2,
        }
    }
}

macro_rules! events {
    ($($event:ident => $method:ident,)*) => {
        /// An event that waits to be worked off.
        #[derive(Debug)]
        pub(super) enum Event {
            $($event($event),)*
        }

        impl Event {
            /// `None` stands for loading and unloading.
            const fn hook(&self) -> Option<Hook> {
                match self {
                    $(Self::$event(_) => events!(@hook $event),)*
                }
            }
        }

        impl<P: HookProvider> Core<P> {
            async fn perform(&self, event: Box<Event>) -> Result<(), Failure> {
                let patience = self.settings.event_patience;
                match *event {
                    $(Event::$event(event) => {
                        guard::run(patience, async { self.provider.$method(event).await }).await
                    })*
                }
            }
        }
    };
    (@hook Loaded) => { None };
    (@hook Unloaded) => { None };
    (@hook $event:ident) => { Some(Hook::$event) };
}

events! {
    Loaded => on_loaded,
    Unloaded => on_unloaded,
    ClientConnect => on_client_connect,
    ClientConnack => on_client_connack,
    ClientConnected => on_client_connected,
    ClientDisconnected => on_client_disconnected,
    ClientSubscribe => on_client_subscribe,
    ClientUnsubscribe => on_client_unsubscribe,
    SessionCreated => on_session_created,
    SessionSubscribed => on_session_subscribed,
    SessionUnsubscribed => on_session_unsubscribed,
    SessionResumed => on_session_resumed,
    SessionDiscarded => on_session_discarded,
    SessionTakenover => on_session_takenover,
    SessionTerminated => on_session_terminated,
    MessageDelivered => on_message_delivered,
    MessageAcked => on_message_acked,
    MessageDropped => on_message_dropped,
}

impl Event {
    /// Whose event it is; events of one client keep their order.
    fn client(&self) -> &str {
        let client = match self {
            Self::Loaded(event) => return &event.caller.name,
            Self::Unloaded(event) => return &event.caller.name,
            Self::ClientConnect(ClientConnect { connection, .. })
            | Self::ClientConnack(ClientConnack { connection, .. }) => return &connection.client_id,
            Self::MessageDropped(event) => return &event.message.from,
            Self::ClientConnected(ClientConnected { client, .. })
            | Self::ClientDisconnected(ClientDisconnected { client, .. })
            | Self::ClientSubscribe(ClientSubscribe { client, .. })
            | Self::ClientUnsubscribe(ClientUnsubscribe { client, .. })
            | Self::SessionCreated(SessionCreated { client, .. })
            | Self::SessionSubscribed(SessionSubscribed { client, .. })
            | Self::SessionUnsubscribed(SessionUnsubscribed { client, .. })
            | Self::SessionResumed(SessionResumed { client, .. })
            | Self::SessionDiscarded(SessionDiscarded { client, .. })
            | Self::SessionTakenover(SessionTakenover { client, .. })
            | Self::SessionTerminated(SessionTerminated { client, .. })
            | Self::MessageDelivered(MessageDelivered { client, .. })
            | Self::MessageAcked(MessageAcked { client, .. }) => client,
        };
        &client.client_id
    }

    fn message(&self) -> Option<&Message> {
        match self {
            Self::MessageDelivered(MessageDelivered { message, .. })
            | Self::MessageAcked(MessageAcked { message, .. })
            | Self::MessageDropped(MessageDropped { message, .. }) => Some(message),
            _ => None,
        }
    }

    /// What tells it from all other events, if it happens once in the life of
    /// a connection. Connections are told apart by their port, so nothing can
    /// be said where EMQX does not send it.
    fn once(&self) -> Option<(&str, &str, &str, u16)> {
        let client = match self {
            Self::ClientConnect(ClientConnect { connection, .. })
            | Self::ClientConnack(ClientConnack { connection, .. }) => {
                let of = connection;
                return (of.peer_port > 0).then_some((&of.node, &of.client_id, &of.peer_host, of.peer_port));
            }
            Self::ClientConnected(ClientConnected { client, .. })
            | Self::ClientDisconnected(ClientDisconnected { client, .. })
            | Self::SessionCreated(SessionCreated { client, .. })
            | Self::SessionResumed(SessionResumed { client, .. })
            | Self::SessionDiscarded(SessionDiscarded { client, .. })
            | Self::SessionTakenover(SessionTakenover { client, .. })
            | Self::SessionTerminated(SessionTerminated { client, .. }) => client,
            _ => return None,
        };
        let of = client;
        (of.peer_port > 0).then_some((&of.node, &of.client_id, &of.peer_host, of.peer_port))
    }
}

/// A provider and everything that its calls share.
#[derive(Debug)]
pub(super) struct Core<P> {
    pub(super) provider: P,
    pub(super) settings: ExHookSettings,
    pub(super) registered: Registered,
    pub(super) counters: Counters,
    lanes: Lanes<Event>,
    recent: Recent,
    under_way: AtomicUsize,
    warnings: Warnings,
    nodes: Mutex<BTreeMap<String, String>>,
    /// The order of those EMQX 4 that don't tell their version with each call.
    order: AtomicU8,
}

impl<P: HookProvider> Core<P> {
    pub(super) fn new(provider: P, settings: ExHookSettings) -> Arc<Self> {
        let limits = Limits {
            events: settings.max_events.max(1),
            bytes: settings.max_event_bytes.max(1),
            client_events: settings.max_client_events,
            concurrency: settings.concurrency,
        };
        Arc::new(Self {
            provider,
            registered: Registered::new(P::HOOKS),
            counters: Counters::default(),
            lanes: Lanes::new(limits),
            recent: Recent::new(settings.duplicates),
            under_way: AtomicUsize::new(0),
            warnings: Warnings::new(),
            nodes: Mutex::default(),
            order: AtomicU8::new(0),
            settings,
        })
    }

    pub(super) fn lanes(&self) -> &Lanes<Event> {
        &self.lanes
    }

    /// The nodes that have loaded the provider, with their versions.
    pub(super) fn nodes(&self) -> BTreeMap<String, String> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn loaded(self: &Arc<Self>, generation: Generation, event: Loaded) {
        if generation == Generation::V1 && event.caller.name.is_empty() {
            self.learn_order(&event.version);
        }
        {
            let mut nodes = self.nodes.lock().unwrap_or_else(PoisonError::into_inner);
            let name = event.caller.name.clone();
            if nodes.len() < MAX_NODES || nodes.contains_key(&name) {
                nodes.insert(name, event.version.clone());
            }
        }
        info!(node = event.caller.name, version = event.version, "EMQX has loaded the hooks");
        self.tell(Event::Loaded(event));
    }

    pub(super) fn unloaded(self: &Arc<Self>, event: Unloaded) {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).remove(&event.caller.name);
        info!(node = event.caller.name, "EMQX has unloaded the hooks");
        self.tell(Event::Unloaded(event));
    }

    const NEW: u8 = 1;
    const OLD: u8 = 2;

    fn learn_order(&self, version: &str) {
        let seen = match Version::parse(version) {
            Some(version) if version.has_old_order() => Self::OLD,
            Some(_) => Self::NEW,
            None => Self::OLD | Self::NEW,
        };
        self.order.fetch_or(seen, Ordering::Relaxed);
    }

    /// How an EMQX 4 that sent no version with its call numbers answers.
    pub(super) fn order(&self) -> Order {
        match self.order.load(Ordering::Relaxed) {
            Self::NEW => Order::New,
            Self::OLD => Order::Old,
            // EMQX has loaded an earlier run of this program, or there are
            // nodes of both kinds.
            _ => Order::Either,
        }
    }

    /// Takes an event over, to be worked off later.
    pub(super) fn tell(self: &Arc<Self>, event: Event) {
        let hook = event.hook();
        let counters = self.counters.of(hook);
        counters.calls.up();
        let message = event.message();
        if let Some(hook) = hook {
            let wanted = match message {
                Some(message) => self.registered.wants(hook, &message.topic),
                None => self.registered.has(hook),
            };
            if !wanted {
                counters.unregistered.up();
                return;
            }
            if event.once().is_some_and(|once| self.recent.again(&(hook, once))) {
                counters.duplicates.up();
                return;
            }
        }
        trace!(hook = hook.map(Hook::name), client = event.client(), "told");
        let bytes = message.map_or(0, |message| message.payload.len() + message.topic.len());
        // The event moves away; its client's name stays with the queue.
        if !lanes::push(self, event, Event::client, bytes) {
            counters.dropped.up();
            self.warnings.warn(name(hook), "", &"an event was dropped because too many wait");
        }
    }

    pub(super) async fn authenticate(&self, request: ClientAuthenticate, time: Option<Duration>) -> Answer {
        let ask = async { self.provider.on_client_authenticate(&request).await };
        let (hook, client) = (Hook::ClientAuthenticate, &request.client.client_id);
        self.decide(hook, client, time, self.settings.authenticate, ask).await
    }

    pub(super) async fn authorize(&self, request: ClientAuthorize, time: Option<Duration>) -> Answer {
        let ask = async { self.provider.on_client_authorize(&request).await };
        let (hook, client) = (Hook::ClientAuthorize, &request.client.client_id);
        self.decide(hook, client, time, self.settings.authorize, ask).await
    }

    async fn decide<O: IntoAnswer<Auth>>(
        &self,
        hook: Hook,
        client: &str,
        time: Option<Duration>,
        fail_safe: FailSafe,
        ask: impl Future<Output = O>,
    ) -> Answer {
        let counters = self.counters.of(Some(hook));
        counters.calls.up();
        if !self.registered.has(hook) {
            counters.unregistered.up();
            return Answer::Ignore;
        }
        let auth = match self.ask(hook, client, time, ask).await {
            Ok(auth) => auth,
            Err(_) if fail_safe == FailSafe::Deny => Auth::Stop(Decision::Deny),
            Err(_) => Auth::Ignore,
        };
        trace!(%hook, client, ?auth, "answered");
        let (value, last) = match auth {
            Auth::Ignore => {
                counters.ignored.up();
                return Answer::Ignore;
            }
            Auth::Allow => (true, false),
            Auth::Deny => (false, false),
            Auth::Stop(decision) => (decision == Decision::Allow, true),
        };
        if value { &counters.allowed } else { &counters.denied }.up();
        Answer::Bool { value, last }
    }

    pub(super) async fn publish(&self, request: MessagePublish, time: Option<Duration>) -> Answer {
        let hook = Hook::MessagePublish;
        let counters = self.counters.of(Some(hook));
        counters.calls.up();
        let message = &request.message;
        if !self.registered.wants(hook, &message.topic) {
            counters.unregistered.up();
            return Answer::Ignore;
        }
        if self.recent.again(&fingerprint(message)) {
            // The first call's answer is in the message already.
            counters.duplicates.up();
            return Answer::Ignore;
        }
        let ask = async {
            let answer = self.provider.on_message_publish(&request).await;
            answer.into_answer().and_then(checked)
        };
        let decided = self.ask(hook, &message.from, time, ask).await;
        let publish = match decided {
            Ok(publish) => publish,
            Err(_) if self.settings.publish == FailSafe::Deny => Publish::Stop(Verdict::Drop),
            Err(_) => Publish::Pass,
        };
        let (verdict, last) = match publish {
            Publish::Pass => {
                counters.ignored.up();
                return Answer::Ignore;
            }
            Publish::Replace(with) => (Verdict::Replace(with), false),
            Publish::Drop => (Verdict::Drop, false),
            Publish::Stop(verdict) => (verdict, true),
        };
        let permitted = verdict != Verdict::Drop;
        if permitted { &counters.allowed } else { &counters.denied }.up();
        let mut message = Box::new(request.message);
        if let Verdict::Replace(with) = verdict {
            replace(&mut message, with);
            // A second call would come with what the first has answered.
            let _ = self.recent.again(&fingerprint(&message));
        }
        Answer::Message { message, permitted, last }
    }

    async fn ask<A: Send, O: IntoAnswer<A>>(
        &self,
        hook: Hook,
        client: &str,
        time: Option<Duration>,
        ask: impl Future<Output = O>,
    ) -> Result<A, Failure> {
        let answer = match UnderWay::enter(&self.under_way, self.settings.max_calls) {
            Some(_under_way) => guard::run(self.settings.deadline(time), ask).await,
            None => Err(Failure::Overload),
        };
        if let Err(failure) = &answer {
            failure.count(self.counters.of(Some(hook)));
            self.warnings.warn(hook.name(), client, failure);
        }
        answer
    }
}

impl<P: HookProvider> Work for Core<P> {
    type Event = Event;

    fn lanes(&self) -> &Lanes<Event> {
        &self.lanes
    }

    async fn work(&self, event: Box<Event>) {
        let hook = event.hook();
        if let Err(failure) = self.perform(event).await {
            failure.count(self.counters.of(hook));
            self.warnings.warn(name(hook), "", &failure);
        }
    }
}

const fn name(hook: Option<Hook>) -> &'static str {
    match hook {
        Some(hook) => hook.name(),
        None => "provider.loaded",
    }
}

/// What EMQX would not survive is an error.
fn checked(publish: Publish) -> Result<Publish, HookError> {
    if let Publish::Replace(with) | Publish::Stop(Verdict::Replace(with)) = &publish
        && let Some(topic) = &with.topic
    {
        valid_topic(topic).map_err(|why| format!("the topic {topic:?} cannot be published on: {why}"))?;
    }
    Ok(publish)
}

fn replace(message: &mut Message, with: Replace) {
    if let Some(topic) = with.topic {
        message.topic = topic;
    }
    if let Some(qos) = with.qos {
        message.qos = qos;
    }
    if let Some(payload) = with.payload {
        message.payload = payload;
    }
}

/// A message in a state: EMQX publishes one with an old id only with another
/// topic, when it was delayed.
fn fingerprint(message: &Message) -> (&str, &str, u8, usize) {
    (&message.id, &message.topic, message.qos.number(), message.payload.len())
}
