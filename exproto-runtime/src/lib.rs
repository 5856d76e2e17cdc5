//! Declare a device's binary protocol as Rust structs, and get a compile-time
//! checked gateway from that protocol to MQTT.
//!
//! # Layout
//!
//! From the bottom up; no layer imports one above it.
//!
//! | layer | module | what it knows |
//! |---|---|---|
//! | codec | [`codec`] | bytes and typed frames; no IO, no clock |
//! | session | [`session`] | one device connection as a state machine |
//! | broker | [`broker`] | the way to an MQTT broker |
//! | drivers | [`host`], [`exproto`] | sockets; EMQX over gRPC |
//! | application | [`app`] | command line, configuration |
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

#[cfg(feature = "mqtt")]
pub mod broker;
pub mod codec;
#[cfg(feature = "grpc")]
pub mod exproto;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "testkit")]
pub mod testkit;

#[cfg(feature = "derive")]
pub use exproto_derive::ExProtoFrame;
