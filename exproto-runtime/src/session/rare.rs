//! What most sessions do not have: segments of messages, downlinks that wait
//! for an answer, reports. Boxed, so that idle sessions stay small.

use std::collections::VecDeque;

use super::cx::Subscribed;
use super::event::Millis;
use super::gateway::Pairing;
use super::line::{Line, Open, Request};
use super::report::{MAX_REPORTS, RareCounters, Report};
use crate::codec::{Ask, Assembled, Parts, Reassembler, ReassemblyLimits, Segment};

/// Bytes of segments that a device may have kept before it has logged in.
const BYTES_BEFORE_LOGIN: usize = 64 << 10;

#[derive(Debug, Default)]
pub(crate) struct Rare {
    pub(crate) reports: Vec<Report>,
    pub(crate) counters: RareCounters,
    /// Datagrams that came while a frame waited.
    pub(crate) datagrams: Datagrams,
    /// When a frame that waits for what follows it is taken for whole.
    pub(crate) whole_at: Option<Millis>,
    /// What frames have subscribed to.
    pub(crate) subscribed: Subscribed,
    segments: Option<Segments>,
    /// Oldest first.
    answers: Vec<Open>,
    /// Where the gateway asks its devices.
    pub(crate) line: Option<Box<Line>>,
}

/// What a datagram costs that is kept, besides its bytes.
const KEEPING: usize = 32;

/// Datagrams, oldest first, and what keeping them costs.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    queue: VecDeque<Box<[u8]>>,
    cost: usize,
}

impl Datagrams {
    /// Keeps one if all together then cost at most this; whether it does.
    pub(crate) fn keep(&mut self, bytes: &[u8], most: usize) -> bool {
        let cost = self.cost.saturating_add(bytes.len());
        if cost > most {
            return false;
        }
        self.cost = cost.saturating_add(KEEPING);
        self.queue.push_back(bytes.into());
        true
    }

    pub(crate) fn next(&mut self) -> Option<Box<[u8]>> {
        let next = self.queue.pop_front()?;
        self.cost = self.cost.saturating_sub(next.len().saturating_add(KEEPING));
        Some(next)
    }
}

#[derive(Debug)]
struct Segments {
    reassembler: Reassembler,
    /// When the newest segment is too old.
    expires: Millis,
    /// Messages given up that are counted already.
    given_up: u64,
}

/// What becomes of a downlink that was not answered in time.
#[derive(Debug)]
pub(crate) enum Overdue {
    /// These bytes are sent again.
    Again(Box<[u8]>),
    GivenUp(Request),
}

impl Rare {
    pub(crate) fn is_empty(&self) -> bool {
        self.reports.is_empty()
            && self.counters.is_empty()
            && self.datagrams.queue.is_empty()
            && self.whole_at.is_none()
            && self.subscribed.len() == 0
            && self.segments.is_none()
            && self.answers.is_empty()
            && self.line.is_none()
    }

    /// Bytes of the device that are kept here.
    pub(crate) fn held(&self) -> usize {
        let segments = self.segments.as_ref().map_or(0, |segments| segments.reassembler.bytes());
        segments + self.datagrams.cost
    }

    pub(crate) fn report(&mut self, report: Report) {
        if self.reports.len() < MAX_REPORTS {
            self.reports.push(report);
        }
    }

    /// Adds a segment. The limits are those of the first segment of all that
    /// are kept: a device that has just logged in may keep more as soon as
    /// nothing from before is left. Gives the number of messages given up to make room and
    /// the message that it completes.
    pub(crate) fn add_segment(
        &mut self,
        now: Millis,
        mut limits: ReassemblyLimits,
        member: bool,
        segment: Segment<'_>,
        payload: &[u8],
    ) -> (u32, Result<Option<Assembled>, &'static str>) {
        if !member {
            limits.bytes = limits.bytes.min(BYTES_BEFORE_LOGIN);
        }
        let segments = self.segments.get_or_insert_with(|| Segments {
            reassembler: Reassembler::new(limits),
            expires: 0,
            given_up: 0,
        });
        // One millisecond more, because a message lives until its timeout has
        // passed.
        segments.expires = now.saturating_add(limits.timeout).saturating_add(1);
        let result = segments.reassembler.add(now, segment, payload);
        (segments.lost(), result)
    }

    /// When segments have to be given up.
    pub(crate) fn expires(&self) -> Option<Millis> {
        self.segments.as_ref().map(|segments| segments.expires)
    }

    /// Gives up messages whose segments are too old; how many.
    pub(crate) fn expire(&mut self, now: Millis) -> u32 {
        let Some(segments) = &mut self.segments else { return 0 };
        segments.reassembler.expire(now);
        let lost = segments.lost();
        self.drop_empty_segments();
        lost
    }

    /// Drops what is of no use once a segment has been dealt with.
    pub(crate) fn drop_empty_segments(&mut self) {
        self.segments.take_if(|segments| segments.reassembler.is_forgetful());
    }

    /// What has come of the message that a segment is of which was just added.
    pub(crate) fn parts(&self, segment: &Segment<'_>) -> Option<Parts<'_>> {
        Some(self.segments.as_ref()?.reassembler.parts(segment))
    }

    /// A message whose device is to be asked for what is missing.
    pub(crate) fn ask(&mut self, now: Millis, silence: Millis, times: u32) -> Option<Ask<'_>> {
        self.segments.as_mut()?.reassembler.ask(now, silence, times)
    }

    /// When there is one next.
    pub(crate) fn ask_at(&self, silence: Millis, times: u32) -> Option<Millis> {
        self.segments.as_ref()?.reassembler.ask_at(silence, times)
    }

    /// Nobody has read what the device sends until now.
    pub(crate) fn listen_anew(&mut self, now: Millis) {
        if let Some(segments) = &mut self.segments {
            segments.reassembler.listen_anew(now);
        }
    }

    pub(crate) fn has_answers(&self) -> bool {
        !self.answers.is_empty() || self.line.as_ref().is_some_and(|line| line.open.is_some())
    }

    /// Remembers a downlink; at most `most`, the oldest is forgotten. A number
    /// that is used again means the newer one. Gives those that nothing can
    /// answer any more.
    #[must_use]
    pub(crate) fn expect_answer(&mut self, open: Open, most: usize) -> Vec<Open> {
        let again = |old: &mut Open| old.pairing != Pairing::Order && old.pairing == open.pairing;
        let mut gone: Vec<Open> = self.answers.extract_if(.., again).collect();
        if self.answers.len() >= most.max(1) {
            gone.push(self.answers.remove(0));
        }
        self.answers.push(open);
        gone
    }

    /// A downlink of which only a part is answered waits on, before all others.
    /// It comes back if a newer one is answered alike: a number means the newer
    /// one.
    #[must_use]
    pub(crate) fn expect_more(&mut self, open: Open) -> Option<Open> {
        if open.pairing != Pairing::Order && self.answers.iter().any(|newer| newer.pairing == open.pairing) {
            return Some(open);
        }
        self.answers.insert(0, open);
        None
    }

    /// The oldest downlink that is answered so, if it still waits.
    pub(crate) fn take_answer(&mut self, now: Millis, pairing: Pairing) -> Option<Open> {
        let waits = |open: &Open| open.until.is_none_or(|until| now < until);
        let is_it = |open: &Open| waits(open) && pairing.answers(open.pairing, open.request.kind);
        let at = self.answers.iter().position(is_it)?;
        Some(self.answers.remove(at))
    }

    /// When the first of the downlinks is not waited for any longer.
    pub(crate) fn answers_due(&self) -> Option<Millis> {
        self.answers.iter().filter_map(|open| open.until).min()
    }

    /// A downlink that has not been answered in time. If it may be sent again it
    /// waits on until then, in its place.
    pub(crate) fn overdue(&mut self, now: Millis, again: Option<Millis>) -> Option<Overdue> {
        let at = self.answers.iter().position(|open| open.until.is_some_and(|until| until <= now))?;
        let open = self.answers.get_mut(at)?;
        match open.tries.checked_sub(1) {
            Some(tries) => {
                (open.tries, open.until) = (tries, again);
                Some(Overdue::Again(open.bytes.clone()))
            }
            None => Some(Overdue::GivenUp(self.answers.remove(at).request)),
        }
    }

    /// Answers may have waited in the socket: nothing is overdue before this.
    pub(crate) fn wait_until(&mut self, at: Millis) {
        let untils = self.answers.iter_mut().filter_map(|open| open.until.as_mut());
        untils.for_each(|until| *until = (*until).max(at));
    }

    /// The connection has ended: only the reports are still of use.
    pub(crate) fn give_up(&mut self) {
        self.whole_at = None;
        self.datagrams = Datagrams::default();
        self.segments = None;
        self.answers = Vec::new();
        if let Some(line) = &mut self.line {
            // What was counted is still to be taken.
            **line = Line { counters: core::mem::take(&mut line.counters), ..Line::default() };
        }
    }
}

impl Segments {
    fn lost(&mut self) -> u32 {
        let all = self.reassembler.given_up();
        let new = all.saturating_sub(self.given_up);
        self.given_up = all;
        u32::try_from(new).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::Datagrams;

    #[test]
    fn what_datagrams_cost_is_given_back() {
        let mut kept = Datagrams::default();
        for round in 0..3 {
            // Each costs its 10 bytes and 32 more; the last one its bytes alone.
            assert!(kept.keep(&[round; 10], 94) && kept.keep(&[round; 10], 94) && kept.keep(&[9; 10], 94));
            assert!(!kept.keep(&[0], 94) && kept.keep(&[0], 127));
            assert_eq!(kept.next().as_deref(), Some(&[round; 10][..]));
            while kept.next().is_some() {}
            assert_eq!(kept.cost, 0);
        }
    }
}
