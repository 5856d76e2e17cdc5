//! Instruments for tests of gateways.

#[cfg(feature = "testkit")]
pub mod mqtt;
