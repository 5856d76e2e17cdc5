//! Downlinks and requests that the device answers: which frame answers which, what
//! is sent again, what is given up.

use super::limits::after;
use super::{Core, Given};
use crate::session::cx::Asks;
use crate::session::event::{Millis, Out};
use crate::session::gateway::Gateway;
use crate::session::line::{Back, Open, Request};
use crate::session::rare::Overdue;
use crate::session::report::Report;

impl<G: Gateway> Core<G> {
    /// A downlink that the device will answer, which stands in the buffer from
    /// `start` on.
    pub(super) fn expect_answer(&mut self, now: Millis, mut open: Open, start: usize, out: &mut Out) {
        open.until = after(now, self.settings.answer_timeout);
        open.tries = self.settings.answer_retries;
        if open.tries > 0 {
            open.bytes = out.buffer().get(start..).unwrap_or(&[]).into();
        }
        let most = self.settings.answers;
        let gone = self.rare().expect_answer(open, most);
        out.send_from(start);
        for open in gone {
            self.give_up(&open.request, out);
        }
    }

    /// The downlink or request that the frame answers.
    pub(super) fn take_request(&mut self, now: Millis, frame: &G::At<'_>) -> Option<Request> {
        let rare = self.rare.as_mut().filter(|rare| rare.has_answers())?;
        let pairing = G::answers(frame)?;
        let (open, line) = match rare.take_answer(now, pairing) {
            Some(open) => (open, false),
            None => (self.close_request(now, pairing)?, true),
        };
        let Open { mut request, pairing, .. } = open;
        if G::is_last(frame) {
            self.counters.answered.up();
        } else {
            request.back = Some(Back { pairing, line });
        }
        self.forget_rare();
        Some(request)
    }

    /// What the frame in hand has answered in part waits for the rest. The
    /// device has it, so it is not sent again. If a newer one has its number by
    /// now, the rest would be taken for an answer to that one: it is given up.
    pub(super) fn put_back(&mut self, now: Millis, request: Option<Request>, out: &mut Out) {
        let Some(mut request) = request else { return };
        let Some(back) = request.back.take() else { return };
        if self.closed.is_some() {
            return;
        }
        let until = after(now, self.settings.answer_timeout);
        let open = Open { request, pairing: back.pairing, bytes: Box::default(), until, tries: 0 };
        if back.line {
            self.line().open = Some(open);
        } else if let Some(open) = self.rare().expect_more(open) {
            self.forget_rare();
            self.give_up(&open.request, out);
        }
    }

    /// Sends downlinks again that were not answered in time, or gives them up.
    pub(super) fn answers_timer(&mut self, now: Millis, out: &mut Out) {
        if self.flight.is_some() {
            return;
        }
        let again = after(now, self.settings.answer_timeout);
        while let Some(overdue) = self.rare.as_mut().and_then(|rare| rare.overdue(now, again)) {
            match overdue {
                Overdue::Again(bytes) => {
                    let start = out.buffer().len();
                    out.buffer().extend_from_slice(&bytes);
                    out.send_from(start);
                    self.rare().counters.repeated.up();
                }
                Overdue::GivenUp(request) => self.give_up(&request, out),
            }
        }
    }

    /// When that is to be done next.
    pub(super) fn answers_due(&self) -> Option<Millis> {
        self.rare.as_ref().filter(|_| self.flight.is_none())?.answers_due()
    }

    /// Answers may have waited in the socket, which is read again.
    pub(super) fn wait_for_answers(&mut self, now: Millis) {
        let grace = after(now, self.settings.request_timeout).unwrap_or(now);
        if let Some(rare) = &mut self.rare {
            rare.wait_until(grace);
        }
    }

    /// Tells the gateway what was not answered.
    #[cold]
    pub(super) fn give_up(&mut self, request: &Request, out: &mut Out) {
        self.rare().counters.unanswered.up();
        self.report(Report::Unanswered { kind: request.kind });
        let mark = out.mark();
        let mut asks = Asks::new(out, &mut self.next_ticket).with_topics(self.settings.topics);
        let given = Given { request: Some(request), ..Given::NONE };
        let mut cx = self.device.cx(&self.settings, given);
        match G::unanswered(&mut cx, &mut asks) {
            Ok(()) => self.counters.publishes.add(asks.publishes()),
            Err(refusal) => {
                out.rewind(mark);
                self.counters.refused.up();
                self.report(Report::Refused { kind: request.kind, reason: refusal.reason });
            }
        }
    }
}
