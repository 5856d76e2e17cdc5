//! One device connection as a deterministic state machine: events in, actions
//! out. No IO, no clock, no async.
//!
//! | module | what it holds |
//! |---|---|
//! | `event` | what happens to a session and what it wants done |
//! | `gateway` | the trait that generated routes implement |
//! | `certificate` | the certificate that a device has shown |
//! | `cx` | what routes and functions of the user work with |
//! | `topic` | topics of literals and values, filters, matching |
//! | `poll`, `line` | asking devices: what to send next; the request that is open |
//! | `lookup` | what a frame waits for outside |
//! | `machine` | the [`Session`] itself |
//! | `form` | values written as a template says |
//! | `payload` | payloads of what is published, and of downlinks |
//! | `flight`, `rare` | a frame that waits; what most sessions do not have |
//! | `settings`, `report` | limits and policies; counters and what to log |

mod certificate;
mod cx;
mod event;
mod flight;
mod form;
mod gateway;
mod known;
mod line;
pub(crate) mod lookup;
mod machine;
#[cfg(feature = "grpc")]
mod memory;
mod payload;
mod poll;
mod rare;
mod report;
pub(crate) mod routes;
mod settings;
mod topic;

pub use certificate::PeerCertificate;
pub use cx::{Asks, ConnInfo, Cx, Transport};
pub use event::{Action, CloseReason, Credentials, Event, Millis, Now, Out, Outcome, Ticket};
pub use gateway::{Access, After, DeliverError, Delivery, Gateway, Pairing, Polled, Refusal, Stage};
pub use lookup::{Lookup, Ran};
pub use machine::Session;
#[cfg(feature = "grpc")]
pub(crate) use memory::Memory;
pub use poll::{Next, Schedule};
pub use report::{HEX_BYTES, Report, Tally};
pub use settings::{BeforeLogin, OnRefused, SessionSettings, UnknownProfile};
pub use topic::{MAX_TOPIC, TopicBuf, TopicPolicy, TopicValue, capture, matches, valid_filter, valid_topic};
