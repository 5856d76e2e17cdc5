//! TLS of our own listeners: certificates in PEM files, read again when they
//! change; and of our ways to brokers and to EMQX.
//!
//! TLS 1.2 and 1.3, by `rustls` with `ring`. An old certificate stays in use
//! until the new one and its key are both there and fit each other, so that
//! whatever renews them need not know of us.

#[cfg(feature = "host")]
mod certificate;
mod client;
mod error;
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod made;
#[cfg_attr(not(any(feature = "grpc", feature = "host")), allow(dead_code, reason = "nobody listens"))]
mod server;

#[cfg(feature = "host")]
pub(crate) use self::certificate::describe;
#[cfg(any(feature = "mqtt", feature = "grpc"))]
pub(crate) use self::client::ClientConnector;
pub use self::client::ClientTls;
pub use self::error::TlsError;
#[cfg(any(feature = "grpc", feature = "host"))]
pub(crate) use self::server::Certificates;
pub use self::server::ServerTls;
