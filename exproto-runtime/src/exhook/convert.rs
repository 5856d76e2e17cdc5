//! From the messages of each generation to the one set of types.

use super::answer::Qos;
use super::core::{Answer, Order};
use super::event::{
    Access, Client, ClientAuthenticate, ClientAuthorize, ClientConnack, ClientConnect, ClientConnected,
    ClientDisconnected, ClientSubscribe, ClientUnsubscribe, Connection, Loaded, Message, MessageAcked,
    MessageDelivered, MessageDropped, MessagePublish, Node, Password, Property, SessionCreated,
    SessionDiscarded, SessionResumed, SessionSubscribed, SessionTakenover, SessionTerminated,
    SessionUnsubscribed, SubscribeOptions, TopicFilter, Unloaded,
};
use super::pb::{v1, v2, v3};

fn node<M: Into<Node>>(meta: Option<M>) -> Node {
    meta.map(Into::into).unwrap_or_default()
}

fn or_default<M: Into<T>, T: Default>(part: Option<M>) -> T {
    part.map(Into::into).unwrap_or_default()
}

fn properties<M: Into<Property>>(list: Vec<M>) -> Vec<Property> {
    list.into_iter().map(Into::into).collect()
}

fn filters<M: Into<TopicFilter>>(list: Vec<M>) -> Vec<TopicFilter> {
    list.into_iter().map(Into::into).collect()
}

/// A port; 0 for what is none.
fn port(number: u32) -> u16 {
    u16::try_from(number).unwrap_or(0)
}

fn small(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}

/// A client with its password beside it.
fn with_password<M: Into<(Client, Password)>>(part: Option<M>) -> (Client, Password) {
    part.map(Into::into).unwrap_or_default()
}

/// A client; a password has no business in most events.
fn client<M: Into<(Client, Password)>>(part: Option<M>) -> Client {
    with_password(part).0
}

/// The first of some expressions: a field where there is one, or what stands
/// for it.
macro_rules! first {
    ($first:expr $(, $rest:expr)*) => {
        $first
    };
}

/// Conversions that read alike in all generations, with the fields that not
/// all of them have.
macro_rules! generation {
    (
        $pb:ident, $authorize:ident, $takenover:ident
        $(, peer_port = $peer_port:ident)?
        $(, user_properties = $user:ident)?
        $(, publish_properties = $publish:ident)?
    ) => {
        impl From<$pb::RequestMeta> for Node {
            fn from(it: $pb::RequestMeta) -> Self {
                Self {
                    name: it.node,
                    version: it.version,
                    description: it.sysdescr,
                    cluster: it.cluster_name,
                }
            }
        }

        impl From<$pb::ConnInfo> for Connection {
            fn from(it: $pb::ConnInfo) -> Self {
                Self {
                    node: it.node,
                    client_id: it.clientid,
                    username: it.username,
                    peer_host: it.peerhost,
                    peer_port: first!($(port(it.$peer_port),)? 0),
                    sock_port: port(it.sockport),
                    proto_name: it.proto_name,
                    proto_ver: it.proto_ver,
                    keepalive: it.keepalive,
                }
            }
        }

        impl From<$pb::ClientInfo> for (Client, Password) {
            fn from(it: $pb::ClientInfo) -> Self {
                let client = Client {
                    node: it.node,
                    client_id: it.clientid,
                    username: it.username,
                    peer_host: it.peerhost,
                    peer_port: first!($(port(it.$peer_port),)? 0),
                    sock_port: port(it.sockport),
                    protocol: it.protocol,
                    mountpoint: it.mountpoint,
                    is_superuser: it.is_superuser,
                    anonymous: it.anonymous,
                    cert_cn: it.cn,
                    cert_dn: it.dn,
                };
                (client, Password::from(it.password))
            }
        }

        impl From<$pb::Message> for Message {
            fn from(it: $pb::Message) -> Self {
                Self {
                    node: it.node,
                    id: it.id,
                    qos: Qos::from_number(it.qos),
                    from: it.from,
                    topic: it.topic,
                    payload: it.payload,
                    timestamp: it.timestamp,
                    headers: it.headers,
                }
            }
        }

        impl From<$pb::Property> for Property {
            fn from(it: $pb::Property) -> Self {
                Self { name: it.name, value: it.value }
            }
        }

        impl From<$pb::SubOpts> for SubscribeOptions {
            fn from(it: $pb::SubOpts) -> Self {
                Self {
                    qos: Qos::from_number(it.qos),
                    retain_handling: small(it.rh),
                    retain_as_published: it.rap != 0,
                    no_local: it.nl != 0,
                }
            }
        }

        impl From<$pb::ProviderLoadedRequest> for Loaded {
            fn from(it: $pb::ProviderLoadedRequest) -> Self {
                let broker = it.broker.unwrap_or_default();
                Self {
                    version: broker.version,
                    description: broker.sysdescr,
                    datetime: broker.datetime,
                    caller: node(it.meta),
                }
            }
        }

        impl From<$pb::ProviderUnloadedRequest> for Unloaded {
            fn from(it: $pb::ProviderUnloadedRequest) -> Self {
                Self { caller: node(it.meta) }
            }
        }

        impl From<$pb::ClientConnectRequest> for ClientConnect {
            fn from(it: $pb::ClientConnectRequest) -> Self {
                Self {
                    connection: or_default(it.conninfo),
                    properties: properties(it.props),
                    user_properties: first!($(properties(it.$user),)? Vec::new()),
                    caller: node(it.meta),
                }
            }
        }

        impl From<$pb::ClientConnackRequest> for ClientConnack {
            fn from(it: $pb::ClientConnackRequest) -> Self {
                Self {
                    connection: or_default(it.conninfo),
                    result: it.result_code,
                    properties: properties(it.props),
                    user_properties: first!($(properties(it.$user),)? Vec::new()),
                    caller: node(it.meta),
                }
            }
        }

        impl From<$pb::ClientAuthenticateRequest> for ClientAuthenticate {
            fn from(it: $pb::ClientAuthenticateRequest) -> Self {
                let (client, password) = with_password(it.clientinfo);
                Self { client, password, allowed: it.result, caller: node(it.meta) }
            }
        }

        impl From<$pb::$authorize> for ClientAuthorize {
            fn from(it: $pb::$authorize) -> Self {
                Self {
                    client: client(it.clientinfo),
                    access: if it.r#type == 0 { Access::Publish } else { Access::Subscribe },
                    topic: it.topic,
                    allowed: it.result,
                    caller: node(it.meta),
                }
            }
        }

        generation!(@filters $pb ClientSubscribeRequest ClientSubscribe $($user)?);
        generation!(@filters $pb ClientUnsubscribeRequest ClientUnsubscribe $($user)?);
        generation!(@client $pb ClientConnectedRequest ClientConnected);
        generation!(@client $pb ClientDisconnectedRequest ClientDisconnected reason = reason);
        generation!(@client $pb SessionCreatedRequest SessionCreated);
        generation!(@client $pb SessionUnsubscribedRequest SessionUnsubscribed filter = topic);
        generation!(@client $pb SessionResumedRequest SessionResumed);
        generation!(@client $pb SessionDiscardedRequest SessionDiscarded);
        generation!(@client $pb $takenover SessionTakenover);
        generation!(@client $pb SessionTerminatedRequest SessionTerminated reason = reason);
        generation!(@message $pb MessageDeliveredRequest MessageDelivered);
        generation!(@message $pb MessageAckedRequest MessageAcked);

        impl From<$pb::MessagePublishRequest> for MessagePublish {
            fn from(it: $pb::MessagePublishRequest) -> Self {
                Self {
                    message: or_default(it.message),
                    properties: first!($(properties(it.$publish),)? Vec::new()),
                    user_properties: first!($(properties(it.$user),)? Vec::new()),
                    caller: node(it.meta),
                }
            }
        }

        impl From<$pb::MessageDroppedRequest> for MessageDropped {
            fn from(it: $pb::MessageDroppedRequest) -> Self {
                Self { message: or_default(it.message), reason: it.reason, caller: node(it.meta) }
            }
        }

        impl From<Message> for $pb::Message {
            fn from(it: Message) -> Self {
                Self {
                    node: it.node,
                    id: it.id,
                    qos: it.qos.number().into(),
                    from: it.from,
                    topic: it.topic,
                    payload: it.payload,
                    timestamp: it.timestamp,
                    headers: it.headers,
                }
            }
        }

        impl $pb::ValuedResponse {
            pub(super) fn new(answer: Answer, order: Order) -> Self {
                use $pb::valued_response::Value;
                let kind = order.kind(&answer);
                let value = match answer {
                    Answer::Ignore => None,
                    Answer::Bool { value, .. } => Some(Value::BoolResult(value)),
                    Answer::Message { mut message, permitted, .. } => {
                        // What an earlier provider has forbidden stays so
                        // unless it is permitted here.
                        let headers = &mut message.headers;
                        if !permitted {
                            headers.insert(ALLOW_PUBLISH.to_owned(), "false".to_owned());
                        } else if let Some(allow) = headers.get_mut(ALLOW_PUBLISH) {
                            "true".clone_into(allow);
                        }
                        Some(Value::Message((*message).into()))
                    }
                };
                Self { r#type: kind, value }
            }
        }
    };
    (@filters $pb:ident $request:ident $event:ident $($user:ident)?) => {
        impl From<$pb::$request> for $event {
            fn from(it: $pb::$request) -> Self {
                Self {
                    client: client(it.clientinfo),
                    properties: properties(it.props),
                    filters: filters(it.topic_filters),
                    user_properties: first!($(properties(it.$user),)? Vec::new()),
                    caller: node(it.meta),
                }
            }
        }
    };
    (@client $pb:ident $request:ident $event:ident $($field:ident = $from:ident)?) => {
        impl From<$pb::$request> for $event {
            fn from(it: $pb::$request) -> Self {
                Self { client: client(it.clientinfo), $($field: it.$from,)? caller: node(it.meta) }
            }
        }
    };
    (@message $pb:ident $request:ident $event:ident) => {
        impl From<$pb::$request> for $event {
            fn from(it: $pb::$request) -> Self {
                Self {
                    client: client(it.clientinfo),
                    message: or_default(it.message),
                    caller: node(it.meta),
                }
            }
        }
    };
}

/// The header by which a message is dropped.
const ALLOW_PUBLISH: &str = "allow_publish";

generation!(v1, ClientCheckAclRequest, SessionTakeoveredRequest);
generation!(v2, ClientAuthorizeRequest, SessionTakenoverRequest, peer_port = peerport);
generation!(
    v3,
    ClientAuthorizeRequest,
    SessionTakenoverRequest,
    peer_port = peerport,
    user_properties = user_props,
    publish_properties = props
);

impl From<v1::TopicFilter> for TopicFilter {
    fn from(it: v1::TopicFilter) -> Self {
        let options = SubscribeOptions { qos: Qos::from_number(it.qos), ..SubscribeOptions::default() };
        Self { filter: it.name, options }
    }
}

impl From<v2::TopicFilter> for TopicFilter {
    fn from(it: v2::TopicFilter) -> Self {
        Self { filter: it.name, options: or_default(it.subopts) }
    }
}

impl From<v3::TopicFilter> for TopicFilter {
    fn from(it: v3::TopicFilter) -> Self {
        Self { filter: it.name, options: or_default(it.subopts) }
    }
}

impl From<v1::SessionSubscribedRequest> for SessionSubscribed {
    fn from(it: v1::SessionSubscribedRequest) -> Self {
        let share = it.subopts.as_ref().map(|options| options.share.as_str()).unwrap_or_default();
        let filter = match share {
            "" => it.topic,
            "$queue" => format!("$queue/{}", it.topic),
            group => format!("$share/{group}/{}", it.topic),
        };
        Self { client: client(it.clientinfo), filter, options: or_default(it.subopts), caller: node(it.meta) }
    }
}

impl From<v2::SessionSubscribedRequest> for SessionSubscribed {
    fn from(it: v2::SessionSubscribedRequest) -> Self {
        let options = or_default(it.subopts);
        Self { client: client(it.clientinfo), filter: it.topic, options, caller: node(it.meta) }
    }
}

impl From<v3::SessionSubscribedRequest> for SessionSubscribed {
    fn from(it: v3::SessionSubscribedRequest) -> Self {
        let options = or_default(it.subopts);
        Self { client: client(it.clientinfo), filter: it.topic, options, caller: node(it.meta) }
    }
}
