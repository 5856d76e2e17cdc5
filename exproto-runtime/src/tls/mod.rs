//! TLS of our own listeners: certificates in PEM files, read again when they
//! change; and of our ways to brokers and to EMQX.
//!
//! TLS 1.2 and 1.3, by `rustls` with `ring`. An old certificate stays in use
//! until the new one and its key are both there and fit each other, so that
//! whatever renews them need not know of us.

mod client;
mod error;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod made;
mod server;

#[cfg(any(feature = "mqtt", feature = "grpc"))]
pub(crate) use self::client::ClientConnector;
pub use self::client::ClientTls;
pub use self::error::TlsError;
#[cfg(feature = "grpc")]
pub(crate) use self::server::Certificates;
pub use self::server::ServerTls;
