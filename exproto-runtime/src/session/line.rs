//! The line to a device that is asked: one request at a time, and what waits
//! behind it.

use core::any::Any;
use std::collections::VecDeque;

use super::event::Millis;
use super::gateway::Pairing;
use super::report::LineCounters;

/// A value that travels with a request, see [`Cx::remember`](super::Cx::remember).
pub(crate) type Note = Box<dyn Any + Send>;

/// What a function says of the request that it makes.
#[derive(Debug, Default)]
pub(crate) struct Asking {
    pub(crate) note: Option<Note>,
    pub(crate) no_answer: bool,
}

/// What the device was asked.
#[derive(Debug)]
pub(crate) struct Request {
    /// The name of the frame that went out.
    pub(crate) kind: &'static str,
    pub(crate) note: Option<Note>,
    /// More of the answer will come: how the next frame of it will be known.
    pub(crate) back: Option<Back>,
}

impl Request {
    pub(crate) fn new(kind: &'static str, note: Option<Note>) -> Self {
        Self { kind, note, back: None }
    }
}

/// Where a request goes back to that is not answered to its end.
#[derive(Debug)]
pub(crate) struct Back {
    pub(crate) pairing: Pairing,
    /// To the line, as its open request.
    pub(crate) line: bool,
}

/// A request, or a downlink that is answered, that is not answered yet.
#[derive(Debug)]
pub(crate) struct Open {
    pub(crate) request: Request,
    pub(crate) pairing: Pairing,
    /// The frame, to send it again.
    pub(crate) bytes: Box<[u8]>,
    /// When waiting for the answer ends.
    pub(crate) until: Option<Millis>,
    /// How often it may still be sent.
    pub(crate) tries: u32,
}

/// A message of the broker that waits for the line.
#[derive(Debug)]
pub(crate) struct Queued {
    pub(crate) topic: Box<str>,
    pub(crate) payload: Box<[u8]>,
}

#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) open: Option<Open>,
    pub(crate) queue: VecDeque<Queued>,
    /// Before this nothing is sent.
    pub(crate) free_at: Millis,
    /// Before this the gateway is not asked what to send; `None` for until
    /// something happens.
    pub(crate) poll_at: Option<Millis>,
    /// Whether something happened since the gateway was asked.
    pub(crate) stirred: bool,
    pub(crate) counters: LineCounters,
}

impl Line {
    /// When there is something to do.
    pub(crate) fn due(&self) -> Option<Millis> {
        match &self.open {
            Some(open) => open.until,
            None if self.stirred || !self.queue.is_empty() => Some(self.free_at),
            None => self.poll_at.map(|at| at.max(self.free_at)),
        }
    }
}
