//! The trait that users implement.

use std::future::Future;

use super::answer::{Auth, IntoAnswer, Publish};
use super::event::{
    ClientAuthenticate, ClientAuthorize, ClientConnack, ClientConnect, ClientConnected, ClientDisconnected,
    ClientSubscribe, ClientUnsubscribe, Loaded, MessageAcked, MessageDelivered, MessageDropped,
    MessagePublish, SessionCreated, SessionDiscarded, SessionResumed, SessionSubscribed, SessionTakenover,
    SessionTerminated, SessionUnsubscribed, Unloaded,
};
use super::hook::Registration;

macro_rules! provider {
    (
        asks { $($(#[$ask_doc:meta])* $ask:ident($request:ty) -> $answer:ty = $default:expr;)* }
        tells { $($(#[$tell_doc:meta])* $tell:ident($event:ty);)* }
    ) => {
        /// A hook provider: write the hooks you want as `async fn` and put
        /// [`#[exhook]`](super::exhook) on the `impl`; those that are written
        /// are registered with EMQX, and no others.
        ///
        /// A hook that EMQX waits for borrows its request and returns an
        /// answer, or a `Result` of it with any error. A hook that EMQX only
        /// tells of something owns its event and returns nothing, or a
        /// `Result<(), _>`.
        ///
        /// # Examples
        ///
        #[cfg_attr(feature = "derive", doc = "```")]
        #[cfg_attr(not(feature = "derive"), doc = "```ignore")]
        /// use exproto_runtime::exhook::{
        ///     Auth, ClientAuthenticate, ClientDisconnected, ExHookServer, HookProvider, Publish,
        ///     MessagePublish, exhook,
        /// };
        ///
        /// struct Guard;
        ///
        /// #[exhook]
        /// impl HookProvider for Guard {
        ///     async fn on_client_authenticate(&self, request: &ClientAuthenticate) -> Auth {
        ///         Auth::from(request.password.reveal() == "secret")
        ///     }
        ///
        ///     async fn on_client_disconnected(&self, event: ClientDisconnected) {
        ///         println!("{} left: {}", event.client.client_id, event.reason);
        ///     }
        ///
        ///     #[on(topics = ["private/#"])]
        ///     async fn on_message_publish(&self, _: &MessagePublish) -> Publish {
        ///         Publish::Drop
        ///     }
        /// }
        ///
        /// let hooks: Vec<_> = Guard::HOOKS.iter().map(|one| one.hook().name()).collect();
        /// assert_eq!(hooks, ["client.disconnected", "client.authenticate", "message.publish"]);
        /// ```
        #[diagnostic::on_unimplemented(
            message = "`{Self}` is no hook provider",
            label = "write `#[exhook] impl HookProvider for {Self} {{ .. }}`"
        )]
        pub trait HookProvider: Send + Sync + 'static {
            /// The hooks to register: written by `#[exhook]`. If the compiler
            /// misses it, the attribute is missing.
            const HOOKS: &'static [Registration];

            $(
                $(#[$ask_doc])*
                fn $ask(
                    &self,
                    request: $request,
                ) -> impl Future<Output: IntoAnswer<$answer>> + Send {
                    let _ = request;
                    async { $default }
                }
            )*

            $(
                $(#[$tell_doc])*
                fn $tell(&self, event: $event) -> impl Future<Output: IntoAnswer<()>> + Send {
                    let _ = event;
                    async {}
                }
            )*
        }
    };
}

provider! {
    asks {
        /// `client.authenticate`: may this client connect? Not asked where
        /// EMQX's own authentication has decided. A client is let in only by
        /// [`Auth::Allow`] or [`Auth::Stop`]: [`Auth::Ignore`] ends in "not
        /// authorised", also where no authentication is configured. There are no
        /// reason codes, and no superusers.
        on_client_authenticate(&ClientAuthenticate) -> Auth = Auth::Ignore;
        /// `client.authorize` (before EMQX 5: `client.check_acl`): may this
        /// client publish or subscribe here? Not asked where a source of EMQX's
        /// own authorisation has decided, nor for a decision that EMQX still
        /// has in its cache.
        on_client_authorize(&ClientAuthorize) -> Auth = Auth::Ignore;
        /// `message.publish`: what becomes of this message? Takes topic
        /// filters. `$SYS/#` is never asked about. Rules and the store of
        /// retained messages see the message as it was, see [`Publish`].
        on_message_publish(&MessagePublish) -> Publish = Publish::Pass;
    }
    tells {
        /// A node of EMQX has loaded this provider. Comes again whenever the
        /// node reloads it, with or without an `on_unloaded` between.
        on_loaded(Loaded);
        /// A node of EMQX has unloaded this provider. Does not come when either
        /// side just ends.
        on_unloaded(Unloaded);
        /// `client.connect`: a CONNECT packet has come.
        on_client_connect(ClientConnect);
        /// `client.connack`: a CONNACK packet is sent, after
        /// `client.connected`.
        on_client_connack(ClientConnack);
        /// `client.connected`: a client is connected.
        on_client_connected(ClientConnected);
        /// `client.disconnected`: a client is no longer connected. When another
        /// connection of the same client id takes over, the old one's end may
        /// come after the new one's `session.resumed`.
        on_client_disconnected(ClientDisconnected);
        /// `client.subscribe`: a SUBSCRIBE packet has come.
        on_client_subscribe(ClientSubscribe);
        /// `client.unsubscribe`: an UNSUBSCRIBE packet has come.
        on_client_unsubscribe(ClientUnsubscribe);
        /// `session.created`: before `client.connected`.
        on_session_created(SessionCreated);
        /// `session.subscribed`: a session has a subscription more.
        on_session_subscribed(SessionSubscribed);
        /// `session.unsubscribed`: a session has a subscription less.
        on_session_unsubscribed(SessionUnsubscribed);
        /// `session.resumed`: a session goes on after a reconnect.
        on_session_resumed(SessionResumed);
        /// `session.discarded`: ended by a clean start of the same client id.
        on_session_discarded(SessionDiscarded);
        /// `session.takenover` (before EMQX 5: `session.takeovered`).
        on_session_takenover(SessionTakenover);
        /// `session.terminated`: the session has ended for another reason. Not
        /// for sessions that outlive their connection.
        on_session_terminated(SessionTerminated);
        /// `message.delivered`: a message was given to a subscriber; once for
        /// each of its subscriptions that match. Takes topic filters.
        on_message_delivered(MessageDelivered);
        /// `message.acked`: a subscriber has acknowledged a message of QoS 1 or
        /// 2. Takes topic filters.
        on_message_acked(MessageAcked);
        /// `message.dropped`: a message reached nobody. Takes topic filters.
        /// Messages that a provider drops are not reported.
        on_message_dropped(MessageDropped);
    }
}
