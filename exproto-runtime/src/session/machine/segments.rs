//! Segments of longer messages: kept, answered one by one, asked for again.

use super::limits::after;
use super::{Core, Given};
use crate::codec::{RawFrame, Segment};
use crate::session::event::{Millis, Out};
use crate::session::flight::Kept;
use crate::session::gateway::Gateway;
use crate::session::report::Report;

/// A segment was not kept.
pub(super) struct Refused;

impl<G: Gateway> Core<G> {
    /// Keeps a segment; the whole message when it was the last. One that is refused is
    /// reported, and not answered: its device would take it for kept.
    pub(super) fn segment(
        &mut self,
        now: Millis,
        kind: &'static str,
        segment: Segment<'_>,
        raw: &RawFrame<'_>,
    ) -> Result<Option<Kept>, Refused> {
        self.rare().counters.segments.up();
        let limits = self.settings.reassembly;
        let member = self.is_member();
        let (lost, result) = self.rare().add_segment(now, limits, member, segment, raw.payload);
        self.rare().counters.segments_lost.add(lost);
        match result {
            Ok(joined) => Ok(joined.map(|it| Kept::Joined { kind: it.kind, head: it.head, body: it.body })),
            Err(reason) => {
                self.rare().counters.segments_lost.up();
                self.report(Report::Segment { kind, reason });
                Err(Refused)
            }
        }
    }

    pub(super) fn joined(&mut self, now: Millis, kept: Kept, ctx: G::Ctx, raw: &RawFrame<'_>, out: &mut Out) {
        let frame = match kept.decode::<G>(ctx, self.settings.accept_bad) {
            Ok(frame) => frame,
            Err(error) => {
                let body: &[u8] = if let Kept::Joined { body, .. } = &kept { body } else { &[] };
                return self.bad_frame(body, raw.offset, error, out);
            }
        };
        self.rare().counters.joined.up();
        let wait = self.begin(now, &frame, kept.wire(), out);
        drop(frame);
        if let Some((wait, request)) = wait {
            self.wait(now, kept, ctx, wait, request);
        }
    }

    /// What the device is told of a segment that has just been kept.
    pub(super) fn answer_segment(
        &mut self,
        frame: &G::At<'_>,
        segment: Segment<'_>,
        wire: &[u8],
        out: &mut Out,
    ) {
        let Some(rare) = &mut self.rare else { return };
        if let Some(parts) = rare.parts(&segment) {
            let start = out.buffer().len();
            let mut cx = self.device.cx(&self.settings, Given { wire, ..Given::NONE });
            match G::segment_came(frame, &mut cx, &parts, out.buffer()) {
                Ok(()) => {
                    if out.send_from(start) {
                        self.counters.replies.up();
                    }
                }
                Err(error) => {
                    out.buffer().truncate(start);
                    rare.counters.replies_lost.up();
                    rare.report(Report::NoReply { kind: G::kind(frame), error });
                }
            }
        }
        self.rest_segments();
    }

    /// Drops what no segment needs any more.
    pub(super) fn rest_segments(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.drop_empty_segments();
        }
        self.forget_rare();
    }

    /// Asks for what is missing of messages of which nothing has come for a
    /// while.
    pub(super) fn ask_missing(&mut self, now: Millis, out: &mut Out) {
        if !self.asks_missing() {
            return;
        }
        let Some(silence) = after(0, self.settings.missing_after) else { return };
        let times = self.settings.missing_tries;
        loop {
            let ctx = self.ctx(&[]);
            let Some(ask) = self.rare.as_mut().and_then(|rare| rare.ask(now, silence, times)) else { return };
            let raw = RawFrame::of(ask.kind, ask.head, self.settings.accept_bad);
            // It was decoded before, perhaps as what the connection knew then.
            let Ok(head) = raw.decode_with::<G>(ctx) else { continue };
            let start = out.buffer().len();
            let mut cx = self.device.cx(&self.settings, Given { wire: ask.head, ..Given::NONE });
            let written = G::segments_missing(&head.frame, &mut cx, &ask.parts, out.buffer());
            let kind = G::kind(&head.frame);
            drop(head);
            match written {
                Ok(()) => {
                    if out.send_from(start) {
                        self.rare().counters.segments_asked.up();
                    }
                }
                Err(error) => {
                    out.buffer().truncate(start);
                    self.rare().counters.replies_lost.up();
                    self.report(Report::NoReply { kind, error });
                }
            }
        }
    }

    /// When that is to be done next.
    pub(super) fn ask_missing_at(&self) -> Option<Millis> {
        if !self.asks_missing() {
            return None;
        }
        let silence = after(0, self.settings.missing_after)?;
        self.rare.as_ref()?.ask_at(silence, self.settings.missing_tries)
    }

    /// While a frame waits for the broker, what is missing may wait in the
    /// socket.
    fn asks_missing(&self) -> bool {
        G::ASKS_MISSING && self.flight.is_none()
    }

    /// What the device sends is read again.
    pub(super) fn listen_anew(&mut self, now: Millis) {
        if let Some(rare) = &mut self.rare {
            rare.listen_anew(now);
        }
    }
}
