//! Declare a device's binary protocol as Rust structs, and get a compile-time
//! checked gateway from that protocol to MQTT.
//!
//! Half packets, sticky packets, length fields, checksums, byte stuffing and
//! resynchronisation are dealt with by what the declaration generates, and the
//! encoder comes from the same declaration. A whole program:
//!
#![cfg_attr(
    feature = "full",
    doc = r##"
```no_run
use exproto_runtime::prelude::*;

#[derive(ExProtoFrame, Debug)]
#[frame(flag = 0x7E, escape(0x7D: 0x01 => 0x7D, 0x02 => 0x7E), max = 1024)]
#[wire(endian = big)]
#[route(gateway)]
pub struct Message<'a> {
    #[wire(before(id: u8 = tag(body)))]
    pub serial: u16,
    #[wire(before(length: u16 = size(body)), after(check: u8 = xor(id..)))]
    pub body: Body<'a>,
}

#[derive(ExProtoFrame, Debug)]
#[wire(endian = big)]
pub enum Body<'a> {
    #[wire(tag = 0x01)]
    #[route(auth(client_id = "{imei}"), reply = acknowledge)]
    Login {
        #[wire(rest, as = Ascii)]
        imei: Text<'a>,
    },
    #[wire(tag = 0x02)]
    #[route(publish("meter/{client_id}/reading", qos = 1), reply = acknowledge)]
    Reading {
        #[wire(scale = 0.1, unit = "°C")]
        temperature: i16,
        #[wire(scale = 0.01, unit = "m³")]
        volume: u32,
    },
    #[wire(tag = 0x81)]
    #[route(sent)]
    Ack { serial: u16, accepted: u8 },
    #[wire(other)]
    #[route(ignore)]
    Other {
        #[wire(tag)]
        id: u8,
        #[wire(rest)]
        data: &'a [u8],
    },
}

fn acknowledge<'a>(frame: &Message<'a>, cx: &mut Cx<'_, ()>, outcome: &Outcome) -> Message<'a> {
    let body = Body::Ack { serial: frame.serial, accepted: outcome.pick(1, 0) };
    Message { serial: cx.next_serial(), body }
}

fn main() -> std::process::ExitCode {
    exproto_runtime::main::<Message>()
}
```
"##
)]
//! A length is stated once and both read and written; so are the tag and the
//! checksum. `acknowledge` is called when the broker has taken the reading over,
//! not before. A placeholder that no field has, a topic with a wildcard, a
//! variant without a route are errors when this compiles.
//!
//! # Where to go
//!
//! | page | |
//! |---|---|
//! | [`doc::tutorial`] | from a vendor's table and a hex dump to a running gateway |
//! | [`doc::cookbook`] | "the length counts itself", "unknown tags", .. in a few lines each |
//! | [`doc::wire`], [`doc::frame`], [`doc::route`] | every key of the attributes |
//! | [`doc::exproto`] | a handler of EMQX's ExProto gateway, also without a declaration |
//! | [`doc::exhook`] | a program that EMQX's hooks call |
//! | [`codec::Deframer`] | the codec alone |
//! | [`testkit::TestConn`](doc::cookbook#testing-without-sockets) | tests of a gateway without sockets |
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `derive`, `std`, `charsets`, `session` (default) | the derive macro, GBK, routes and the session without sockets |
//! | `deku` | types of the `deku` crate as fields |
//! | `tokio-util` | frames as items of `tokio_util::codec::Framed`, see `framed` |
//! | `mqtt` | the way to MQTT brokers |
//! | `embedded-broker` | an MQTT broker in the same process |
//! | `host` | listeners in front of a broker |
//! | `grpc` | the EMQX ExProto handler |
//! | `emqx` | EMQX's side of ExProto, for handlers that lose their EMQX |
//! | `exhook` | EMQX hooks: authenticate, authorise, watch, rewrite |
//! | `reflection` | the reflection service beside what EMQX calls |
//! | `tls` | certificates for what EMQX calls |
//! | `cli` | `main`: `serve`, `decode`, `check`, `simulate`, `watch`, `send` |
//! | `testkit` | device connections for tests, without sockets or a clock |
//! | `full` | all of these |
//!
//! Without default features the codec is `no_std` with `alloc`: no IO, no clock.
//! Features add names and never change what others do.
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
//! | drivers | [`host`], [`exproto`], [`exhook`] | sockets; EMQX's devices and hooks over gRPC |
//! | stand-in | [`emqx`] | handlers of others, called as EMQX calls them |
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
#[cfg(any(feature = "host", feature = "grpc"))]
mod clock;
pub mod codec;
#[cfg(any(doc, doctest))]
pub mod doc;
#[cfg(feature = "emqx")]
pub mod emqx;
#[cfg(feature = "exhook")]
pub mod exhook;
#[cfg(feature = "grpc")]
pub mod exproto;
#[cfg(feature = "tokio-util")]
pub mod framed;
#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(feature = "host")]
pub mod host;
#[cfg(feature = "session")]
pub mod metrics;
#[cfg(feature = "session")]
pub mod session;
#[cfg(feature = "testkit")]
pub mod testkit;
#[cfg(feature = "tls")]
pub mod tls;

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
        Ascii, Bcd, BcdTime, Codec, Deframer, Encode, Endian, Error, FieldInfo, Latin1, List, ListBuf, Parts,
        Random, Reader, Tagged, Text, TextBuf, Transform, Utf8, Utf16Be, Utf16Le, Writer,
    };
    #[cfg(feature = "session")]
    pub use crate::session::{Asks, CloseReason, Cx, Lookup, Next, Outcome, Refusal, Schedule, TopicValue};
}
