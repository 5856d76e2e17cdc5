//! One device connection as a deterministic state machine: events in, actions
//! out. No IO, no clock, no async.

mod cx;
mod event;
mod gateway;
mod topic;

pub use cx::{Asks, ConnInfo, Cx};
pub use event::{Action, CloseReason, Credentials, Event, Millis, Out, Outcome, Ticket};
pub use gateway::{Access, After, DeliverError, Delivery, Gateway, Refusal, Stage};
pub use topic::{TopicBuf, TopicValue};
