//! The gRPC messages and services of `proto/exproto.proto`.
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
mod emqx_exproto_v1;

pub(crate) use emqx_exproto_v1::*;

#[cfg(test)]
mod recorded;
