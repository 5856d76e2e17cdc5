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
//! | test kit | [`testkit`] | sessions without sockets, for unit tests |
//! | application | [`app`] | command line, configuration |
#![cfg_attr(not(feature = "std"), no_std)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
// Unit tests share gateways with the tests in `tests`.
#[cfg(test)]
extern crate self as exproto_runtime;

#[cfg(feature = "cli")]
pub mod app;
#[cfg(feature = "mqtt")]
pub mod broker;
pub mod codec;
#[cfg(any(doc, doctest))]
pub mod doc;
#[cfg(feature = "grpc")]
pub mod exproto;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "session")]
pub mod metrics;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "testkit")]
pub mod testkit;

#[doc(hidden)]
pub mod __private;

#[cfg(feature = "cli")]
pub use app::main;
#[cfg(feature = "derive")]
pub use exproto_derive::ExProtoFrame;

/// What a program that declares a protocol needs.
pub mod prelude {
    #[cfg(feature = "derive")]
    pub use crate::ExProtoFrame;
    #[cfg(feature = "cli")]
    pub use crate::app::{App, Device, Sender};
    #[cfg(feature = "charsets")]
    pub use crate::codec::Gbk;
    pub use crate::codec::{
        Ascii, Bcd, BcdTime, Codec, Deframer, Encode, Error, FieldInfo, List, ListBuf, Random, Reader,
        Tagged, Text, TextBuf, Utf8, Writer,
    };
    #[cfg(feature = "session")]
    pub use crate::session::{Asks, CloseReason, Cx, Outcome, Refusal, TopicValue};
}
