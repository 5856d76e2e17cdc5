//! A frame that waits for the broker.

use super::event::{Millis, Outcome, Ticket};
use super::gateway::Stage;
use super::line::{Note, Request};
use crate::codec::{Error, NoTrace, Piece, Protocol, RawFrame};

/// The bytes of a frame that waits, from which it is decoded again.
#[derive(Debug)]
pub(crate) enum Kept {
    /// The un-escaped payload of one frame, and which kind it is.
    Frame(usize, Box<[u8]>),
    /// The beginning of a frame of this kind, and a piece of its payload.
    Piece(usize, Box<[u8]>, Box<Piece>),
    /// A message put together from several frames of a kind.
    Joined { kind: usize, head: Vec<u8>, body: Vec<u8> },
}

impl Kept {
    /// What the frame is decoded from.
    pub(crate) fn of(raw: &RawFrame<'_>) -> Self {
        match raw.piece {
            None => Self::Frame(raw.kind, raw.payload.into()),
            Some(piece) => Self::Piece(raw.kind, raw.payload.into(), Box::new(*piece)),
        }
    }

    /// What routes see as the frame's bytes.
    pub(crate) fn wire(&self) -> &[u8] {
        match self {
            Self::Frame(_, payload) | Self::Piece(_, payload, _) => payload,
            Self::Joined { body, .. } => body,
        }
    }

    pub(crate) fn decode<G: Protocol>(&self, ctx: G::Ctx, accept_bad: bool) -> Result<G::At<'_>, Error> {
        match self {
            Self::Frame(kind, payload) => raw::<G>(*kind, payload, None, ctx, accept_bad),
            Self::Piece(kind, payload, piece) => raw::<G>(*kind, payload, Some(piece), ctx, accept_bad),
            Self::Joined { kind, head, body } => {
                G::join(*kind, head, body, ctx, NoTrace).map(|(frame, _)| frame)
            }
        }
    }
}

/// Decodes the payload of a frame, or of a piece of one.
fn raw<'f, G: Protocol>(
    kind: usize,
    payload: &'f [u8],
    piece: Option<&'f Piece>,
    ctx: G::Ctx,
    accept_bad: bool,
) -> Result<G::At<'f>, Error> {
    let raw = RawFrame { piece, ..RawFrame::of(kind, payload, accept_bad) };
    raw.decode_with::<G>(ctx).map(|received| received.frame)
}

/// What a login leaves behind when the broker has accepted it.
#[derive(Debug)]
pub(crate) struct Login {
    pub(crate) client_id: Box<str>,
    pub(crate) kept: Box<[(&'static str, Box<str>)]>,
}

/// One frame that waits until all it asked for has ended.
#[derive(Debug)]
pub(crate) struct Flight<C> {
    pub(crate) kept: Kept,
    /// What decided the layout of the frame: the connection may know more by
    /// the time it is decoded again.
    pub(crate) ctx: C,
    pub(crate) stage: Stage,
    /// What the frame logs in with.
    pub(crate) login: Option<Box<Login>>,
    /// The downlink that the frame answers.
    pub(crate) request: Option<Request>,
    /// Its one ticket is that of a lookup.
    pub(crate) lookup: bool,
    /// What the lookup has found.
    pub(crate) found: Option<Note>,
    /// When waiting ends.
    pub(crate) deadline: Option<Millis>,
    /// The worst end so far.
    pub(crate) outcome: Outcome,
    pub(crate) tickets: Tickets,
    /// The last so many tickets are subscriptions of `deliver` routes, whose
    /// refusal is no fault of the frame.
    pub(crate) filters: u32,
}

/// What an end of a ticket means to a [`Flight`].
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The ticket belongs to something else or has ended before.
    Unknown,
    /// Other tickets are still out.
    More,
    /// It was the last.
    All,
}

impl<C> Flight<C> {
    /// A frame that waits for nothing yet.
    pub(crate) fn new(kept: Kept, ctx: C) -> Self {
        Self {
            kept,
            ctx,
            stage: Stage::Rest,
            login: None,
            request: None,
            lookup: false,
            found: None,
            deadline: None,
            outcome: Outcome::Done,
            tickets: Tickets::new(0, 0),
            filters: 0,
        }
    }

    /// Notes the end of a ticket. A refused subscription of a `deliver` route
    /// is handed back instead of becoming the frame's outcome.
    pub(crate) fn end(&mut self, ticket: Ticket, outcome: Outcome) -> (Ended, Option<Outcome>) {
        let Some(index) = self.tickets.end(ticket) else { return (Ended::Unknown, None) };
        let mut aside = None;
        match (&self.outcome, &outcome) {
            (_, Outcome::Refused { .. }) if index >= self.tickets.count.saturating_sub(self.filters) => {
                aside = Some(outcome);
            }
            // An unknown end outweighs a known one: the device has to repeat.
            (Outcome::Done, _) | (Outcome::Refused { .. }, Outcome::Failed(_)) => self.outcome = outcome,
            _ => {}
        }
        (if self.tickets.out == 0 { Ended::All } else { Ended::More }, aside)
    }
}

/// Tickets with consecutive numbers, and which of them are still out.
#[derive(Debug)]
pub(crate) struct Tickets {
    first: u64,
    count: u32,
    out: u32,
    ended: u64,
    /// As `ended`, for those beyond the first 64.
    ended_more: Vec<u64>,
}

impl Tickets {
    pub(crate) fn new(first: u64, count: u32) -> Self {
        let more = (count as usize).saturating_sub(64).div_ceil(64);
        Self { first, count, out: count, ended: 0, ended_more: vec![0; more] }
    }

    /// The place of a ticket that is out; it is not any more.
    fn end(&mut self, ticket: Ticket) -> Option<u32> {
        let index = u32::try_from(ticket.0.checked_sub(self.first)?).ok()?;
        if index >= self.count {
            return None;
        }
        let word = match (index as usize / 64).checked_sub(1) {
            None => &mut self.ended,
            Some(more) => self.ended_more.get_mut(more)?,
        };
        let bit = 1 << (index % 64);
        if *word & bit != 0 {
            return None;
        }
        *word |= bit;
        self.out -= 1;
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ticket_ends_once_in_any_order() {
        for count in [1, 63, 64, 65, 128, 129, 1000] {
            let mut tickets = Tickets::new(7, count);
            assert_eq!(tickets.end(Ticket(6)), None);
            assert_eq!(tickets.end(Ticket(7 + u64::from(count))), None);
            for index in (0..count).rev() {
                assert_eq!(tickets.end(Ticket(7 + u64::from(index))), Some(index));
                assert_eq!(tickets.end(Ticket(7 + u64::from(index))), None);
            }
            assert_eq!(tickets.out, 0);
        }
    }

    #[test]
    fn an_unknown_end_outweighs_a_refusal() {
        let refused = || Outcome::Refused { code: 0x87, reason: "no".into() };
        let failed = || Outcome::Failed("lost".into());
        for (ends, last) in [
            (vec![Outcome::Done, Outcome::Done], Outcome::Done),
            (vec![refused(), Outcome::Done], refused()),
            (vec![Outcome::Done, refused()], refused()),
            (vec![refused(), failed()], failed()),
            (vec![failed(), refused()], failed()),
        ] {
            let kept = Kept::Frame(0, Box::default());
            let mut flight = Flight::new(kept, ());
            flight.tickets = Tickets::new(0, 2);
            for (ticket, end) in (0..).map(Ticket).zip(ends) {
                flight.end(ticket, end);
            }
            assert_eq!(flight.outcome, last);
        }
    }

    #[test]
    fn a_refused_filter_is_not_the_outcome_of_the_frame() {
        let refused = Outcome::Refused { code: 0x87, reason: "no".into() };
        let mut flight = Flight::new(Kept::Frame(0, Box::default()), ());
        flight.tickets = Tickets::new(1, 2);
        flight.filters = 1;
        assert_eq!(flight.end(Ticket(2), refused.clone()), (Ended::More, Some(refused)));
        assert_eq!(flight.end(Ticket(1), Outcome::Done), (Ended::All, None));
        assert!(flight.outcome.is_done());
    }
}
