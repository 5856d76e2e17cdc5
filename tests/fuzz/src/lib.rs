//! What the fuzz targets check.
//!
//! The checks know nothing of libFuzzer: `tests/regressions.rs` of the project
//! runs them on a stable compiler with the seeds and all inputs that ever
//! failed.
#![allow(clippy::unwrap_used)]

pub mod checks;
#[path = "../../common/mod.rs"]
pub mod common;
