//! Messages in nobody's name.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::call::Call;
use super::error::CallError;
use super::registry::Shared;

/// Publishes in nobody's name: what a gateway has to say itself.
///
/// EMQX 5.1 and later. No login, no authorisation, no mountpoint. A clone
/// publishes the same way, at any time.
#[derive(Clone)]
pub struct Publisher(Arc<Shared>);

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Publisher")
    }
}

impl Publisher {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Publishes and waits for EMQX's answer.
    ///
    /// # Errors
    ///
    /// See [`CallError`].
    pub async fn publish(
        &self,
        topic: impl Into<String>,
        payload: impl Into<Bytes>,
        qos: u8,
    ) -> Result<(), CallError> {
        let call = Call::RawPublish { topic: topic.into(), payload: payload.into(), qos };
        let shared = Arc::clone(&self.0);
        // A task of its own, because a call that has begun must be carried
        // through.
        let task = tokio::spawn(async move {
            let result = shared.adapter.call("", call).await;
            if let Err(error) = &result {
                shared.note("", error);
            }
            result
        });
        task.await.unwrap_or(Err(CallError::Unreachable("the program ends".into())))
    }
}
