//! What happens when nothing happens: the one timer of a session.

use core::time::Duration;

use super::{Core, NEVER};
use crate::session::event::{Action, CloseReason, Millis, Out};
use crate::session::gateway::Gateway;

impl<G: Gateway> Core<G> {
    /// Whether a request was not answered in time.
    pub(super) fn timer(&mut self, now: Millis, out: &mut Out) -> bool {
        self.timer_at = NEVER;
        let silent = self.line_timer(now, out);
        self.ask_missing(now, out);
        self.answers_timer(now, out);
        if let Some(rare) = &mut self.rare {
            let lost = rare.expire(now);
            rare.counters.segments_lost.add(lost);
            self.forget_rare();
        }
        if self.next_limit().is_some_and(|at| at <= now) {
            let reason = if self.flight.is_some() {
                let seconds = self.settings.deadline.as_secs_f32();
                CloseReason::Undelivered(format!("the broker did not answer within {seconds} s").into())
            } else if self.greeted || self.settings.first_frame.is_zero() {
                CloseReason::Idle
            } else {
                CloseReason::NoFrame
            };
            self.close(reason, out);
        }
        silent
    }

    /// When the connection is closed if nothing happens.
    pub(super) fn next_limit(&self) -> Option<Millis> {
        if let Some(flight) = &self.flight {
            return flight.deadline;
        }
        if !self.greeted && !self.settings.first_frame.is_zero() {
            return after(self.since, self.settings.first_frame);
        }
        match self.device.idle {
            0 => after(self.since, self.settings.idle),
            millis => Some(self.since.saturating_add(millis.into())),
        }
    }

    /// Notes when the frame that waits for what follows it is taken for whole.
    pub(super) fn wait_for_more(&mut self, now: Millis, waits: bool) {
        let at = after(now, self.settings.pause).filter(|_| waits);
        if at.is_some() || self.rare.is_some() {
            self.rare().whole_at = at;
            self.forget_rare();
        }
    }

    /// Keeps a datagram that came while a frame waits, if there is room for it
    /// beside so many bytes.
    pub(super) fn keep_datagram(&mut self, bytes: &[u8], beside: usize, out: &mut Out) {
        let room = self.settings.stash.checked_sub(beside);
        if !room.is_some_and(|room| self.rare().datagrams.keep(bytes, room)) {
            self.close(CloseReason::Flooded, out);
        }
    }

    /// The next datagram of those, if no frame waits any more.
    pub(super) fn next_datagram(&mut self) -> Option<Box<[u8]>> {
        if self.flight.is_some() || self.is_ending() {
            return None;
        }
        let next = self.rare.as_mut()?.datagrams.next();
        self.forget_rare();
        next
    }

    /// Whether that time has come.
    pub(super) fn waited(&mut self, now: Millis) -> bool {
        self.rare.as_mut().and_then(|rare| rare.whole_at.take_if(|at| *at <= now)).is_some()
    }

    /// Sets the timer if the one that is set is too late. One that is too
    /// early does no harm: most events only move the limit on.
    pub(super) fn arm(&mut self, now: Millis, out: &mut Out) {
        if self.closed.is_some() {
            return;
        }
        let segments = self.rare.as_ref().and_then(|rare| rare.expires());
        let whole = self.rare.as_ref().and_then(|rare| rare.whole_at);
        let missing = self.ask_missing_at();
        let next = [self.next_limit(), segments, missing, whole, self.line_due(), self.answers_due()]
            .into_iter()
            .flatten()
            .min();
        if let Some(next) = next.filter(|next| *next < self.timer_at) {
            self.timer_at = next;
            out.push(Action::StartTimer(Duration::from_millis(next.saturating_sub(now))));
        }
    }
}

/// A time that much later; `None` if the setting says never.
pub(super) fn after(now: Millis, time: Duration) -> Option<Millis> {
    (!time.is_zero()).then(|| now.saturating_add(u64::try_from(time.as_millis()).unwrap_or(NEVER)))
}
