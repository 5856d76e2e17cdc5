//! The manual: attribute references, a tutorial and a cookbook.
//!
//! | page | what it answers |
//! |---|---|
//! | [`tutorial`] | how to get from a vendor's table to a running gateway |
//! | [`cookbook`] | how to say a certain thing: "the length counts itself", "unknown tags" |
//! | [`wire`] | what each key of `#[wire(..)]` means: layout of bytes |
//! | [`frame`] | what each key of `#[frame(..)]` means: where frames begin and end |
//! | [`route`] | what each key of `#[route(..)]` means: frames and MQTT |
//! | [`sockets`] | what devices may connect through: TLS, certificates, load balancers |
//! | [`broker`] | how to reach an MQTT broker: addresses, TLS, versions, a client for each device |
//! | [`settings`] | how a finished program is set: file, environment, flags |
//! | [`host`] | how to run it on the internet: listeners and their limits |
//! | [`operation`] | how it runs in production: counters, health, its end |
//! | [`exproto`] | how to be an ExProto handler of EMQX, with or without a declaration; how to keep a handler without EMQX |
//! | [`exhook`] | how to answer EMQX's hooks, and what EMQX makes of each answer |
//!
//! All examples are run when the crate is tested. Those on small parts of a
//! frame use [`from_bytes`](crate::codec::from_bytes) and
//! [`to_bytes`](crate::codec::to_bytes), those on routes
//! [`TestConn`](crate::testkit::TestConn).

#[cfg_attr(feature = "full", doc = include_str!("broker.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod broker {}

#[cfg_attr(feature = "full", doc = include_str!("cookbook.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod cookbook {}

#[cfg_attr(feature = "full", doc = include_str!("exhook.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod exhook {}

#[cfg_attr(feature = "full", doc = include_str!("exproto.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod exproto {}

#[cfg_attr(feature = "full", doc = include_str!("frame.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod frame {}

#[cfg_attr(feature = "full", doc = include_str!("host.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod host {}

#[cfg_attr(feature = "full", doc = include_str!("operation.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod operation {}

#[cfg_attr(feature = "full", doc = include_str!("route.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod route {}

#[cfg_attr(feature = "full", doc = include_str!("settings.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod settings {}

#[cfg_attr(feature = "full", doc = include_str!("sockets.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod sockets {}

#[cfg_attr(feature = "full", doc = include_str!("tutorial.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod tutorial {}

#[cfg_attr(feature = "full", doc = include_str!("wire.md"))]
#[cfg_attr(not(feature = "full"), doc = "Documented with the feature `full`.")]
pub mod wire {}
