//! What most sessions do not have: segments of messages, downlinks that wait
//! for an answer, reports. Boxed, so that idle sessions stay small.

use std::collections::VecDeque;

use super::cx::Subscribed;
use super::event::Millis;
use super::gateway::Pairing;
use super::line::{Line, Request};
use super::report::{MAX_REPORTS, RareCounters, Report};
use crate::codec::{Ask, Assembled, Parts, Reassembler, ReassemblyLimits, Segment};

/// Bytes of segments that a device may have kept before it has logged in.
const BYTES_BEFORE_LOGIN: usize = 64 << 10;

#[derive(Debug, Default)]
pub(crate) struct Rare {
    pub(crate) reports: Vec<Report>,
    pub(crate) counters: RareCounters,
    /// Datagrams that came while a frame waited.
    pub(crate) datagrams: VecDeque<Box<[u8]>>,
    /// When a frame that waits for what follows it is taken for whole.
    pub(crate) whole_at: Option<Millis>,
    /// What frames have subscribed to.
    pub(crate) subscribed: Subscribed,
    segments: Option<Segments>,
    /// Oldest first.
    answers: Vec<Answer>,
    /// Where the gateway asks its devices.
    pub(crate) line: Option<Box<Line>>,
}

#[derive(Debug)]
struct Segments {
    reassembler: Reassembler,
    /// When the newest segment is too old.
    expires: Millis,
    /// Messages given up that are counted already.
    given_up: u64,
}

/// A downlink that the device will answer.
#[derive(Debug)]
struct Answer {
    pairing: Pairing,
    request: Request,
    until: Option<Millis>,
}

impl Rare {
    pub(crate) fn is_empty(&self) -> bool {
        self.reports.is_empty()
            && self.counters.is_empty()
            && self.datagrams.is_empty()
            && self.whole_at.is_none()
            && self.subscribed.len() == 0
            && self.segments.is_none()
            && self.answers.is_empty()
            && self.line.is_none()
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
    ) -> Result<(u32, Option<Assembled>), &'static str> {
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
        let lost = segments.lost();
        result.map(|joined| (lost, joined))
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
    /// that is used again means the newer one.
    pub(crate) fn expect_answer(
        &mut self,
        pairing: Pairing,
        request: Request,
        until: Option<Millis>,
        most: usize,
    ) {
        self.answers.retain(|answer| pairing == Pairing::Order || answer.pairing != pairing);
        if self.answers.len() >= most.max(1) {
            self.answers.remove(0);
        }
        self.answers.push(Answer { pairing, request, until });
    }

    /// The oldest downlink that is answered so, if it still waits.
    pub(crate) fn take_answer(&mut self, now: Millis, pairing: Pairing) -> Option<Request> {
        self.answers.retain(|answer| answer.until.is_none_or(|until| now < until));
        let at =
            self.answers.iter().position(|answer| pairing.answers(answer.pairing, answer.request.kind))?;
        Some(self.answers.remove(at).request)
    }

    /// The connection has ended: only the reports are still of use.
    pub(crate) fn give_up(&mut self) {
        self.whole_at = None;
        self.datagrams = VecDeque::new();
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
