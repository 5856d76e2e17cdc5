//! Requests to a device that is asked: one at a time, again if no answer
//! comes, messages of the broker before what the gateway thinks of itself.

use core::any::Any;
use core::time::Duration;

use super::limits::after;
use super::{Core, Given};
use crate::session::event::{Millis, Out};
use crate::session::gateway::{Gateway, Pairing, Polled};
use crate::session::line::{Asking, Line, Note, Open, Queued, Request};
use crate::session::report::Report;

/// Frames without an answer that go out one right after the other; then
/// others get their turn.
const AT_ONCE: u32 = 16;

impl<G: Gateway> Core<G> {
    pub(super) fn line(&mut self) -> &mut Line {
        self.rare().line.get_or_insert_with(|| Box::new(Line { stirred: true, ..Line::default() }))
    }

    /// Something happened, so the gateway may want something else.
    pub(super) fn stir(&mut self) {
        if self.polls {
            self.line().stirred = true;
        }
    }

    /// A message of the broker waits for its turn.
    pub(super) fn enqueue(&mut self, topic: &str, payload: &[u8]) {
        let most = self.settings.request_queue;
        let line = self.line();
        line.stirred = true;
        if line.queue.len() < most {
            line.queue.push_back(Queued { topic: topic.into(), payload: payload.into() });
        } else {
            let reason = format!("{most} others wait for the device to answer");
            self.undeliverable(topic, reason);
        }
    }

    /// Sends what is next if nothing is open.
    pub(super) fn ask_device(&mut self, now: Millis, out: &mut Out) {
        if !self.polls || self.flight.is_some() || !self.may_ask() {
            return;
        }
        for _ in 0..AT_ONCE {
            if self.is_ending() {
                return;
            }
            let line = self.line();
            if line.open.is_some() || now < line.free_at {
                return;
            }
            if let Some(Queued { topic, payload }) = line.queue.pop_front() {
                self.deliver(now, &topic, &payload, out);
            } else if line.stirred || line.poll_at.is_some_and(|at| at <= now) {
                line.stirred = false;
                line.poll_at = None;
                self.poll(now, out);
            } else {
                return;
            }
        }
        let line = self.line();
        line.free_at = line.free_at.max(now.saturating_add(1));
        line.stirred = true;
    }

    /// Asks the gateway what to send.
    fn poll(&mut self, now: Millis, out: &mut Out) {
        let start = out.buffer().len();
        let mut asking = Asking::default();
        let mut cx = self.device.cx(&self.settings, Given::NONE).for_asking(&mut asking);
        match G::poll(&mut cx, out.buffer()) {
            Ok(Polled::Ask { kind, answer }) if !asking.no_answer => {
                self.line().counters.polls.up();
                self.open(now, Request::new(kind, asking.note), answer, start, out);
            }
            Ok(Polled::Tell | Polled::Ask { .. }) => {
                self.line().counters.polls.up();
                out.send_from(start);
                self.free_after_gap(now);
            }
            Ok(Polled::In(time)) => {
                let time = time.max(Duration::from_millis(1));
                self.line().poll_at = after(now, time);
            }
            Ok(Polled::Idle) => {}
            Err(error) => {
                out.buffer().truncate(start);
                self.line().counters.unasked.up();
                self.report(Report::NotAsked { error });
                // As after a request that is not answered: the next one may be better.
                let pause = self.settings.request_timeout.max(Duration::from_millis(1));
                self.line().poll_at = after(now, pause);
            }
        }
    }

    /// A request that stands in the buffer from `start` on goes out.
    pub(super) fn open(
        &mut self,
        now: Millis,
        request: Request,
        pairing: Pairing,
        start: usize,
        out: &mut Out,
    ) {
        let bytes = out.buffer().get(start..).unwrap_or(&[]).into();
        out.send_from(start);
        let until = after(now, self.settings.request_timeout);
        let tries = self.settings.request_retries;
        self.line().open = Some(Open { request, pairing, bytes, until, tries });
    }

    /// The next request waits until the line has been silent.
    pub(super) fn free_after_gap(&mut self, now: Millis) {
        let free_at = after(now, self.settings.request_gap).unwrap_or(now);
        let line = self.line();
        line.free_at = free_at;
        line.stirred = true;
    }

    /// The open request, if this is its answer.
    pub(super) fn close_request(&mut self, now: Millis, pairing: Pairing) -> Option<Open> {
        let line = self.rare.as_mut()?.line.as_mut()?;
        let open = line.open.take_if(|open| pairing.answers(open.pairing, open.request.kind))?;
        self.free_after_gap(now);
        Some(open)
    }

    /// The broker has kept an answer waiting in the socket: it gets its time
    /// again.
    pub(super) fn wait_anew(&mut self, now: Millis) {
        let until = after(now, self.settings.request_timeout);
        if let Some(open) = self.rare.as_mut().and_then(|rare| rare.line.as_mut()?.open.as_mut()) {
            open.until = until;
        }
    }

    /// Whether the device may be asked already.
    fn may_ask(&self) -> bool {
        G::POLLS_BEFORE_LOGIN || self.is_member()
    }

    /// When something is to be sent, or waited for no longer.
    pub(super) fn line_due(&self) -> Option<Millis> {
        if self.flight.is_some() || !self.may_ask() {
            return None;
        }
        self.rare.as_ref()?.line.as_ref()?.due()
    }

    /// Sends the open request again, or gives it up, if its time is over;
    /// whether it was.
    pub(super) fn line_timer(&mut self, now: Millis, out: &mut Out) -> bool {
        if self.flight.is_some() {
            return false;
        }
        let until = after(now, self.settings.request_timeout);
        let Some(line) = self.rare.as_mut().and_then(|rare| rare.line.as_mut()) else { return false };
        let Some(open) = line.open.as_mut().filter(|open| open.until.is_some_and(|at| at <= now)) else {
            return false;
        };
        if let Some(tries) = open.tries.checked_sub(1) {
            open.tries = tries;
            open.until = until;
            let start = out.buffer().len();
            out.buffer().extend_from_slice(&open.bytes);
            out.send_from(start);
            self.rare().counters.repeated.up();
        } else if let Some(open) = line.open.take() {
            self.free_after_gap(now);
            self.give_up(&open.request, out);
        }
        true
    }
}

/// What [`Cx::asked`](crate::session::Cx::asked) shows of a request.
pub(super) fn note(request: Option<&Request>) -> Option<&(dyn Any + Send)> {
    let note: &Note = request?.note.as_ref()?;
    Some(&**note)
}
