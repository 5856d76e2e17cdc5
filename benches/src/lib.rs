//! Peers and inputs of the benchmarks.
//!
//! The main subject is one JT/T 808 location report (message 0x0200) with four
//! additional items, one of them unknown. Each peer reads and writes it its
//! own way; [`Plain`] is what all of them have to agree on.
//!
//! | module | what it is |
//! |---|---|
//! | [`framing`] | flags, escapes and checksum by hand, shared by the peers that cannot express them |
//! | [`hand`] | careful hand-written code, the measure of everything else |
//! | [`ours`] | the layout as exproto has it |
//! | [`with_deku`], [`with_binrw`] | the same layout declared for other crates |
//! | [`telt`] | batches of records with nested lists: Teltonika codec 8 |
//! | [`report`] | a report without lengths: GB/T 32960 |
//! | [`modbus`] | short requests and responses: Modbus/TCP |
//! | [`header`] | a header of 16 bytes with bit fields and a CRC |
//! | [`mix`] | streams of what devices send, cut at random and byte by byte |
//! | [`cases`] | every measurement by name |

pub mod cases;
pub mod framing;
pub mod hand;
pub mod header;
pub mod input;
pub mod mix;
pub mod modbus;
pub mod ours;
mod plain;
pub mod report;
mod rounds;
pub mod telt;
pub mod with_binrw;
pub mod with_deku;

pub use plain::{Plain, PlainItem, PlainLocation};
