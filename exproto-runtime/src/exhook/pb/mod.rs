//! The gRPC messages and services of `proto/exhook_v1.proto` to
//! `proto/exhook_v3.proto`.
//!
//! `proto/tests/codegen.rs` writes the code and checks that it is up to date.

#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    rust_2018_idioms,
    clippy::all,
    clippy::unwrap_used
)]
#[rustfmt::skip]
#[path = "emqx_exhook_v1.rs"]
pub(crate) mod v1;

#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    rust_2018_idioms,
    clippy::all,
    clippy::unwrap_used
)]
#[rustfmt::skip]
#[path = "emqx_exhook_v2.rs"]
pub(crate) mod v2;

#[allow(
    missing_docs,
    missing_debug_implementations,
    unreachable_pub,
    rust_2018_idioms,
    clippy::all,
    clippy::unwrap_used
)]
#[rustfmt::skip]
#[path = "emqx_exhook_v3.rs"]
pub(crate) mod v3;
