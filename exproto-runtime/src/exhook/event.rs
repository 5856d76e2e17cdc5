//! What EMQX tells and asks: one set of types for all its versions.
//!
//! Texts are as EMQX gives them; what a version does not send is empty or 0.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use super::answer::Qos;

/// A password. `Debug` hides it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// The password in clear, as the client has sent it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Password {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "\"\"" } else { "\"***\"" })
    }
}

/// The part of EMQX that calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Node {
    /// Its name, `emqx@127.0.0.1`; empty before EMQX 4.3.14 and 4.4.3.
    pub name: String,
    /// Its version, `5.8.9`.
    pub version: String,
    /// What it is: `EMQX`, `EMQX Enterprise`.
    pub description: String,
    /// The cluster it belongs to.
    pub cluster: String,
}

/// A client that is, was or wants to be connected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Client {
    /// The node it is connected to.
    pub node: String,
    /// Its client id.
    pub client_id: String,
    /// Its user name, empty if it has none.
    pub username: String,
    /// Its address.
    pub peer_host: String,
    /// Its port; 0 before EMQX 5.4.
    pub peer_port: u16,
    /// EMQX's port.
    pub sock_port: u16,
    /// What it speaks: `mqtt`; for gateways the name of theirs.
    pub protocol: String,
    /// What is put before its topics.
    pub mountpoint: String,
    /// Whether it may do everything.
    pub is_superuser: bool,
    /// EMQX says so of every client.
    pub anonymous: bool,
    /// The common name of its certificate.
    pub cert_cn: String,
    /// The subject of its certificate.
    pub cert_dn: String,
}

/// A connection that is being made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connection {
    /// The node it is made to.
    pub node: String,
    /// The client id; empty if the client has left it to the broker.
    pub client_id: String,
    /// The user name, empty if there is none.
    pub username: String,
    /// The client's address.
    pub peer_host: String,
    /// The client's port; 0 before EMQX 5.4.
    pub peer_port: u16,
    /// EMQX's port.
    pub sock_port: u16,
    /// `MQTT`.
    pub proto_name: String,
    /// `4` for MQTT 3.1.1, `5`.
    pub proto_ver: String,
    /// In seconds.
    pub keepalive: u32,
}

/// A message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// The node it was published at.
    pub node: String,
    /// Unique in the cluster.
    pub id: String,
    /// Its quality of service.
    pub qos: Qos,
    /// The publisher's client id.
    pub from: String,
    /// Its topic.
    pub topic: String,
    /// Its payload.
    pub payload: Bytes,
    /// Milliseconds since 1970.
    pub timestamp: u64,
    /// `username`, `protocol`, `peerhost` of the publisher, if it has them;
    /// none before the last versions of EMQX 4.4.
    pub headers: BTreeMap<String, String>,
}

impl Message {
    /// The publisher's user name, if EMQX tells.
    #[must_use]
    pub fn username(&self) -> Option<&str> {
        self.headers.get("username").map(String::as_str)
    }
}

/// A property of a packet, as EMQX prints it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Property {
    /// `Session-Expiry-Interval`; of user properties the user's name.
    pub name: String,
    /// Its value. Before EMQX 5.9 all user properties are one `User-Property`
    /// whose value is an Erlang term.
    pub value: String,
}

/// The options of a subscription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubscribeOptions {
    /// The greatest quality of service.
    pub qos: Qos,
    /// Retain handling: 0 send, 1 send if the subscription is new, 2 don't.
    pub retain_handling: u8,
    /// Whether messages keep their retain flag.
    pub retain_as_published: bool,
    /// Whether the client's own messages are left out.
    pub no_local: bool,
}

/// A filter that a client subscribes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TopicFilter {
    /// The filter, of a shared subscription with `$share`.
    pub filter: String,
    /// Its options. EMQX 4 and 5.0 to 5.3 tell none but the quality of
    /// service, and 5.0 to 5.3 not even that.
    pub options: SubscribeOptions,
}

/// What a client wants to do with a topic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Access {
    /// Publish.
    #[default]
    Publish,
    /// Subscribe.
    Subscribe,
}

macro_rules! events {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $ty,)*
            /// The node that calls.
            pub caller: Node,
        }
    )*};
}

events! {
    /// A CONNECT packet has come. It cannot be refused here, see
    /// [`ClientAuthenticate`].
    ClientConnect {
        /// The connection.
        connection: Connection,
        /// The properties of the packet.
        properties: Vec<Property>,
        /// Its user properties; EMQX 5.9 and later.
        user_properties: Vec<Property>,
    }
    /// A CONNACK packet is sent; after [`ClientConnected`].
    ClientConnack {
        /// The connection.
        connection: Connection,
        /// `success`, or the name of a reason.
        result: String,
        /// The properties of the packet.
        properties: Vec<Property>,
        /// Its user properties; EMQX 5.9 and later.
        user_properties: Vec<Property>,
    }
    /// A client is connected.
    ClientConnected {
        /// The client.
        client: Client,
    }
    /// A client is no longer connected.
    ClientDisconnected {
        /// The client.
        client: Client,
        /// `normal`, `takenover`, `keepalive_timeout` and others, or an Erlang
        /// term as text.
        reason: String,
    }
    /// May this client connect?
    ClientAuthenticate {
        /// The client.
        client: Client,
        /// Its password, empty if it has none.
        password: Password,
        /// What was decided before; false when nothing was.
        allowed: bool,
    }
    /// May this client publish or subscribe here?
    ClientAuthorize {
        /// The client.
        client: Client,
        /// What it wants to do.
        access: Access,
        /// The topic or filter, without `$share`.
        topic: String,
        /// What was decided before; true when nothing was.
        allowed: bool,
    }
    /// A SUBSCRIBE packet has come. It cannot be refused here, see
    /// [`ClientAuthorize`].
    ClientSubscribe {
        /// The client.
        client: Client,
        /// The properties of the packet.
        properties: Vec<Property>,
        /// What it subscribes to.
        filters: Vec<TopicFilter>,
        /// User properties; EMQX 5.9 and later.
        user_properties: Vec<Property>,
    }
    /// An UNSUBSCRIBE packet has come.
    ClientUnsubscribe {
        /// The client.
        client: Client,
        /// The properties of the packet.
        properties: Vec<Property>,
        /// What it unsubscribes from; the options mean nothing.
        filters: Vec<TopicFilter>,
        /// User properties; EMQX 5.9 and later.
        user_properties: Vec<Property>,
    }
    /// A session was made.
    SessionCreated {
        /// The client.
        client: Client,
    }
    /// A session has a subscription more.
    SessionSubscribed {
        /// The client.
        client: Client,
        /// The filter, of a shared subscription with `$share`.
        filter: String,
        /// Its options.
        options: SubscribeOptions,
    }
    /// A session has a subscription less.
    SessionUnsubscribed {
        /// The client.
        client: Client,
        /// The filter.
        filter: String,
    }
    /// A session goes on after a reconnect.
    SessionResumed {
        /// The client.
        client: Client,
    }
    /// A session was ended by a clean start of the same client id.
    SessionDiscarded {
        /// The client.
        client: Client,
    }
    /// A session moved to another connection of the same client id.
    SessionTakenover {
        /// The client.
        client: Client,
    }
    /// A session has ended; only sessions that do not outlive their connection
    /// are reported.
    SessionTerminated {
        /// The client.
        client: Client,
        /// As in [`ClientDisconnected`].
        reason: String,
    }
    /// What becomes of this message?
    MessagePublish {
        /// The message.
        message: Message,
        /// The properties of the packet; EMQX 5.9 and later.
        properties: Vec<Property>,
        /// Its user properties; EMQX 5.9 and later.
        user_properties: Vec<Property>,
    }
    /// A message was given to a subscriber.
    MessageDelivered {
        /// The subscriber.
        client: Client,
        /// The message.
        message: Message,
    }
    /// A subscriber has acknowledged a message.
    MessageAcked {
        /// The subscriber.
        client: Client,
        /// The message.
        message: Message,
    }
    /// A message reached nobody.
    MessageDropped {
        /// The message.
        message: Message,
        /// `no_subscribers`, `queue_full` and others.
        reason: String,
    }
    /// A node has loaded the provider; each node of a cluster does, and again
    /// after every restart of either side.
    Loaded {
        /// The node's version, `5.8.9`.
        version: String,
        /// What it is: `EMQX`.
        description: String,
        /// The node's time and date, as it prints them.
        datetime: String,
    }
    /// A node has unloaded the provider.
    Unloaded {}
}
