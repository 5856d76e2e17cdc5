//! Finding the next frame after bytes that are none, where every kind has a
//! checksum.
//!
//! Of the frames that could begin in such bytes the one that ends first with a
//! right checksum is taken. So a false length, which may claim more than has come,
//! holds up no frame that is whole. What happens is worked out in the order of the
//! bytes, not of the chunks: the same frames are found however the stream is cut.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::kinds::{Proof, size_in_blocks, verify};
use super::seek::{CHECK_FACTOR, FrameScan};
use super::{FRAME, Frames, Framing, Halt, Role, Step};
use crate::codec::error::{Error, ErrorKind};

/// How many beginnings are followed at the same time. Where as many are, later
/// ones wait until it is known of one that it is no frame.
const MOST: usize = 32;

/// What could be frames.
#[derive(Clone)]
pub(super) struct Trials<S> {
    /// In the order of their beginnings.
    live: Vec<Trial<S>>,
    /// The next place where one may begin.
    next: usize,
}

#[derive(Clone)]
pub(super) struct Trial<S> {
    at: usize,
    /// The bytes in hand with which more is known.
    wake: usize,
    /// Unknown as long as the leading bytes are.
    kind: Option<u8>,
    /// 0 if unknown.
    size: usize,
    sizers: S,
}

impl<S: Default> Trial<S> {
    /// One of a known kind at the front, with so many bytes.
    pub(super) fn of(kind: u8, wake: usize) -> Self {
        Self { at: 0, wake, kind: Some(kind), size: 0, sizers: S::default() }
    }
}

/// What became of a trial.
enum Turn {
    Goes,
    Frame,
    None,
}

impl<S> Trials<S> {
    /// The bytes at the front have been dropped.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.next = self.next.saturating_sub(bytes);
        for trial in &mut self.live {
            trial.at = trial.at.saturating_sub(bytes);
            trial.wake = trial.wake.saturating_sub(bytes);
        }
    }

    /// Bytes before which no frame begins.
    fn front(&self) -> usize {
        self.live.first().map_or(self.next, |trial| trial.at)
    }
}

impl<F: Frames> FrameScan<F> {
    /// Whether a right checksum tells every frame from other bytes.
    pub(super) fn all_checked(&self) -> bool {
        let told = const {
            let mut all = !F::CLOSE;
            let mut at = 0;
            while at < F::KINDS.len() {
                let kind = &F::KINDS[at];
                let told = (kind.is_verified() || kind.proven) && kind.stream.is_none();
                all &= told && !kind.followed && matches!(kind.framing, Framing::Bare { .. });
                at += 1;
            }
            all
        };
        told && !self.accept_bad && (F::KINDS.len() == 1 || self.role == Role::Platform)
    }

    /// Looks for the next frame behind the bytes given up.
    pub(super) fn resync(&mut self, buf: &[u8]) -> Step {
        let lost = self.lost;
        let mut trials =
            self.trials.take().unwrap_or_else(|| Box::new(Trials { live: Vec::new(), next: lost }));
        loop {
            let front = trials.front();
            self.pay(front.saturating_sub(self.lost));
            self.lost = front;
            if let Some(step) = self.flush_with(&mut trials) {
                self.trials = Some(trials);
                return step;
            }
            let soonest = trials.live.iter().enumerate().min_by_key(|(_, trial)| trial.wake);
            let soonest = soonest.map(|(index, trial)| (index, trial.wake));
            let opens = trials.live.len() < MOST && soonest.is_none_or(|(_, wake)| trials.next < wake);
            if opens && trials.next < buf.len() {
                self.begin_trial(&mut trials, buf);
                continue;
            }
            let Some((index, _)) = soonest.filter(|(_, wake)| *wake <= buf.len()) else {
                if self.ended && !trials.live.is_empty() {
                    // They will never be whole.
                    trials.live.clear();
                    continue;
                }
                let none = trials.live.is_empty() && trials.next >= buf.len();
                self.trials = Some(trials);
                if self.ended && none && self.lost > 0 {
                    self.trials = None;
                    return self.bad(self.lost);
                }
                return self.need(1);
            };
            let Some(trial) = trials.live.get_mut(index) else { return self.need(1) };
            match self.trial(trial, buf) {
                Turn::Goes => {}
                Turn::None => drop(trials.live.remove(index)),
                Turn::Frame => {
                    let front = trial.at;
                    self.pay(front.saturating_sub(self.lost));
                    self.lost = front;
                    self.chosen = trial.kind;
                    self.verified = true;
                    self.confirmed = Some((0, trial.size, trial.size));
                    return self.before_confirmed();
                }
            }
        }
    }

    /// Whether bytes that wait for more may hold a whole frame: what they begin
    /// with may be none, or so many beginnings wait that later ones do too.
    pub(super) fn may_hold_one(&self) -> bool {
        let first = self.lost == 0 && self.chosen.is_some();
        let crowded = self.trials.as_ref().is_some_and(|trials| trials.live.len() >= MOST);
        (first || crowded) && !self.dead && !self.dropping && self.all_checked()
    }

    /// Looks for a whole frame within bytes that wait for more, because nothing has
    /// come for a while. If there is none they go on waiting.
    pub(super) fn within_waiting(&mut self, buf: &[u8]) -> Step {
        let mut other = self.clone();
        if other.trials.is_none() {
            other.blame(Error::new(ErrorKind::Short, buf.len() as u32, &FRAME), None);
            other.give_up(1);
        }
        // What is given up on the way to the frame is given up only if there is one.
        let (mut rest, mut first) = (buf, None);
        loop {
            let step = other.resync(rest);
            if other.confirmed.is_some() {
                let (state, step) = first.unwrap_or((other, step));
                *self = state;
                return step;
            }
            match step {
                Step::Bad { len, .. } => {
                    rest = rest.get(len..).unwrap_or(&[]);
                    first = first.or_else(|| Some((other.clone(), step)));
                }
                _ if other.forget_waiting(rest.len()) => {}
                _ => break,
            }
        }
        (self.spent, self.checked, self.visited) = (other.spent, other.checked, other.visited);
        self.need(1)
    }

    /// Makes room for later beginnings, because none of those that are followed is
    /// whole.
    fn forget_waiting(&mut self, bytes: usize) -> bool {
        let Some(trials) = self.trials.as_deref_mut() else { return false };
        let crowded = trials.live.len() >= MOST && trials.next < bytes;
        if crowded {
            trials.live.clear();
        }
        crowded
    }

    fn flush_with(&mut self, trials: &mut Trials<F::Sizers>) -> Option<Step> {
        let step = self.flush()?;
        if let Step::Bad { len, .. } = step {
            trials.moved(len);
        }
        Some(step)
    }

    /// The next place, if a frame may begin there.
    fn begin_trial(&mut self, trials: &mut Trials<F::Sizers>, buf: &[u8]) {
        let at = trials.next;
        trials.next += 1;
        self.visited += 1;
        let begins = |byte: &u8| F::KINDS.iter().any(|kind| kind.lead.begins(*byte));
        if buf.get(at).is_some_and(begins) {
            let sizers = F::Sizers::default();
            trials.live.push(Trial { at, wake: at + 1, kind: None, size: 0, sizers });
        }
    }

    /// Whether a trial comes to a sound frame within `buf`.
    pub(super) fn is_whole(&mut self, trial: &mut Trial<F::Sizers>, buf: &[u8]) -> bool {
        while trial.wake <= buf.len() {
            match self.trial(trial, buf) {
                Turn::Goes => {}
                Turn::Frame => return true,
                Turn::None => return false,
            }
        }
        false
    }

    /// Goes on with a trial: all that it waited for is there, and it sees no more
    /// than that.
    fn trial(&mut self, trial: &mut Trial<F::Sizers>, buf: &[u8]) -> Turn {
        let Some(bytes) = buf.get(trial.at..trial.wake) else { return Turn::None };
        let Some(kind) = trial.kind else {
            for (index, kind) in F::KINDS.iter().enumerate() {
                if self.rank(index, kind).is_none() {
                    continue;
                }
                match kind.lead.matches(bytes) {
                    Ok(false) => {}
                    Ok(true) => {
                        trial.kind = u8::try_from(index).ok();
                        return Turn::Goes;
                    }
                    Err(more) => {
                        trial.wake += more;
                        return Turn::Goes;
                    }
                }
            }
            return Turn::None;
        };
        let Some(of) = F::KINDS.get(usize::from(kind)) else { return Turn::None };
        let max = of.framing.max();
        if trial.size == 0 {
            let most = self.is_dear().then_some(CHECK_FACTOR as usize);
            let mut proof = Proof { most, ..Proof::default() };
            let ctx = self.ctx;
            let (size, visited, _) = size_in_blocks(of, (bytes, max), &mut proof, |c| {
                F::size(usize::from(kind), &mut trial.sizers, c, ctx)
            });
            self.visited += visited;
            let checked = proof.checked;
            self.checked += checked;
            self.spent += checked;
            match size {
                Ok(size) if size > 0 && size <= max => {
                    trial.size = size;
                    trial.wake = trial.wake.max(trial.at + size);
                }
                Err(Halt::Need(more)) if bytes.len().saturating_add(more) <= max => trial.wake += more,
                _ => return Turn::None,
            }
            return Turn::Goes;
        }
        let Some(frame) = bytes.get(..trial.size) else { return Turn::None };
        if of.constants.iter().any(|constant| constant.differs(frame).is_some()) {
            return Turn::None;
        }
        if !of.is_verified() {
            return if of.proven { Turn::Frame } else { Turn::None };
        }
        if self.is_dear() {
            return Turn::None;
        }
        self.checked += frame.len() as u64;
        if let Some(Ok(())) = verify(of, frame) {
            return Turn::Frame;
        }
        self.spent += frame.len() as u64;
        Turn::None
    }
}
