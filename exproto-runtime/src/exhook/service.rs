//! The gRPC services that EMQX calls, one for each generation.
//!
//! No fault of the user's code is answered with a gRPC error, and loading never
//! fails: EMQX would install no hook and let everybody in.

use std::sync::Arc;
use std::time::Duration;

use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::core::{Core, Event, Order};
use super::event::Loaded;
use super::hook::Generation;
use super::pb::{v1, v2, v3};
use super::provider::HookProvider;

/// The services of one provider.
pub(super) struct Service<P>(pub(super) Arc<Core<P>>);

type Answer<T> = Result<Response<T>, Status>;

/// How long EMQX waits.
fn patience(metadata: &MetadataMap) -> Option<Duration> {
    let text = metadata.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number.saturating_mul(3600)),
        "M" => Duration::from_secs(number.saturating_mul(60)),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

macro_rules! service {
    (
        $pb:ident, $generation:ident, order: |$core:ident, $meta:ident| $order:expr,
        tells { $($tell:ident($request:ident) => $event:ident;)* }
        $authorize:ident($authorize_request:ident)
    ) => {
        #[tonic::async_trait]
        impl<P: HookProvider> $pb::hook_provider_server::HookProvider for Service<P> {
            async fn on_provider_loaded(
                &self,
                request: Request<$pb::ProviderLoadedRequest>,
            ) -> Answer<$pb::LoadedResponse> {
                let generation = Generation::$generation;
                self.0.loaded(generation, Loaded::from(request.into_inner()));
                let hooks = self.0.registered.list(generation).map(|(name, topics)| $pb::HookSpec {
                    name: name.to_owned(),
                    topics: topics.iter().map(|&topic| topic.to_owned()).collect(),
                });
                Ok(Response::new($pb::LoadedResponse { hooks: hooks.collect() }))
            }

            async fn on_provider_unloaded(
                &self,
                request: Request<$pb::ProviderUnloadedRequest>,
            ) -> Answer<$pb::EmptySuccess> {
                self.0.unloaded(request.into_inner().into());
                Ok(Response::new($pb::EmptySuccess {}))
            }

            $(
                async fn $tell(&self, request: Request<$pb::$request>) -> Answer<$pb::EmptySuccess> {
                    self.0.tell(Event::$event(request.into_inner().into()));
                    Ok(Response::new($pb::EmptySuccess {}))
                }
            )*

            async fn on_client_authenticate(
                &self,
                request: Request<$pb::ClientAuthenticateRequest>,
            ) -> Answer<$pb::ValuedResponse> {
                let time = patience(request.metadata());
                let request = request.into_inner();
                let ($core, $meta) = (&self.0, request.meta.is_some());
                let order = $order;
                let answer = $core.authenticate(request.into(), time).await;
                Ok(Response::new($pb::ValuedResponse::new(answer, order)))
            }

            async fn $authorize(
                &self,
                request: Request<$pb::$authorize_request>,
            ) -> Answer<$pb::ValuedResponse> {
                let time = patience(request.metadata());
                let request = request.into_inner();
                let ($core, $meta) = (&self.0, request.meta.is_some());
                let order = $order;
                let answer = $core.authorize(request.into(), time).await;
                Ok(Response::new($pb::ValuedResponse::new(answer, order)))
            }

            async fn on_message_publish(
                &self,
                request: Request<$pb::MessagePublishRequest>,
            ) -> Answer<$pb::ValuedResponse> {
                let time = patience(request.metadata());
                let request = request.into_inner();
                let ($core, $meta) = (&self.0, request.meta.is_some());
                let order = $order;
                let answer = $core.publish(request.into(), time).await;
                Ok(Response::new($pb::ValuedResponse::new(answer, order)))
            }
        }
    };
}

service! {
    v1, V1, order: |core, meta| if meta { Order::New } else { core.order() },
    tells {
        on_client_connect(ClientConnectRequest) => ClientConnect;
        on_client_connack(ClientConnackRequest) => ClientConnack;
        on_client_connected(ClientConnectedRequest) => ClientConnected;
        on_client_disconnected(ClientDisconnectedRequest) => ClientDisconnected;
        on_client_subscribe(ClientSubscribeRequest) => ClientSubscribe;
        on_client_unsubscribe(ClientUnsubscribeRequest) => ClientUnsubscribe;
        on_session_created(SessionCreatedRequest) => SessionCreated;
        on_session_subscribed(SessionSubscribedRequest) => SessionSubscribed;
        on_session_unsubscribed(SessionUnsubscribedRequest) => SessionUnsubscribed;
        on_session_resumed(SessionResumedRequest) => SessionResumed;
        on_session_discarded(SessionDiscardedRequest) => SessionDiscarded;
        on_session_takeovered(SessionTakeoveredRequest) => SessionTakenover;
        on_session_terminated(SessionTerminatedRequest) => SessionTerminated;
        on_message_delivered(MessageDeliveredRequest) => MessageDelivered;
        on_message_dropped(MessageDroppedRequest) => MessageDropped;
        on_message_acked(MessageAckedRequest) => MessageAcked;
    }
    on_client_check_acl(ClientCheckAclRequest)
}

macro_rules! since_v5 {
    ($($pb:ident, $generation:ident;)*) => {$(
        service! {
            $pb, $generation, order: |core, _meta| Order::New,
            tells {
                on_client_connect(ClientConnectRequest) => ClientConnect;
                on_client_connack(ClientConnackRequest) => ClientConnack;
                on_client_connected(ClientConnectedRequest) => ClientConnected;
                on_client_disconnected(ClientDisconnectedRequest) => ClientDisconnected;
                on_client_subscribe(ClientSubscribeRequest) => ClientSubscribe;
                on_client_unsubscribe(ClientUnsubscribeRequest) => ClientUnsubscribe;
                on_session_created(SessionCreatedRequest) => SessionCreated;
                on_session_subscribed(SessionSubscribedRequest) => SessionSubscribed;
                on_session_unsubscribed(SessionUnsubscribedRequest) => SessionUnsubscribed;
                on_session_resumed(SessionResumedRequest) => SessionResumed;
                on_session_discarded(SessionDiscardedRequest) => SessionDiscarded;
                on_session_takenover(SessionTakenoverRequest) => SessionTakenover;
                on_session_terminated(SessionTerminatedRequest) => SessionTerminated;
                on_message_delivered(MessageDeliveredRequest) => MessageDelivered;
                on_message_dropped(MessageDroppedRequest) => MessageDropped;
                on_message_acked(MessageAckedRequest) => MessageAcked;
            }
            on_client_authorize(ClientAuthorizeRequest)
        }
    )*};
}

since_v5! { v2, V2; v3, V3; }

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_time_that_emqx_waits_is_read_in_all_units() {
        let of = |text: &str| {
            let mut metadata = MetadataMap::new();
            metadata.insert("grpc-timeout", text.parse().unwrap());
            patience(&metadata)
        };
        assert_eq!(of("5S"), Some(Duration::from_secs(5)));
        assert_eq!(of("200m"), Some(Duration::from_millis(200)));
        assert_eq!(of("1H"), Some(Duration::from_secs(3600)));
        assert_eq!(of("2M"), Some(Duration::from_secs(120)));
        assert_eq!(of("7u"), Some(Duration::from_micros(7)));
        assert_eq!(of("9n"), Some(Duration::from_nanos(9)));
        for bad in ["", "S", "5", "5x", "-1S", "1.5S", "5ü"] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(patience(&MetadataMap::new()), None);
    }
}
