//! Putting messages together that were cut into several frames.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::hash::Hasher as _;

use super::parts::{Parts, Slot, Store};
use crate::codec::fnv::Fnv;
use crate::codec::layout::Segment;

/// How much a [`Reassembler`] keeps and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReassemblyLimits {
    /// Messages put together at the same time. One more pushes the oldest out.
    pub messages: usize,
    /// Bytes kept in all. A segment beyond them pushes the oldest message out.
    pub bytes: usize,
    /// Milliseconds after the last segment when a message is given up.
    pub timeout: u64,
}

impl Default for ReassemblyLimits {
    fn default() -> Self {
        Self { messages: 4, bytes: 1 << 20, timeout: 120_000 }
    }
}

/// A message whose segments are all there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assembled {
    /// Which kind of frame carried its first segment.
    pub kind: usize,
    /// The payload of the frame that carried the first segment.
    pub head: Vec<u8>,
    /// The segments, joined.
    pub body: Vec<u8>,
    /// How many segments there were, or how many bytes where they are told by
    /// their place.
    pub total: u32,
}

/// A message of which segments are missing.
#[derive(Debug)]
struct Partial {
    kind: usize,
    key: u64,
    total: Option<u32>,
    store: Store,
    bytes: usize,
    /// When the last segment came.
    last: u64,
    /// When it came, or when the device was asked for what is missing.
    quiet: u64,
    /// How often it was, since something new came.
    asked: u32,
    /// The payload of the frame with the first segment of those that have
    /// come, and which one that is.
    head: Vec<u8>,
    head_at: u32,
}

/// A message that was whole: its segments may come again.
#[derive(Debug)]
struct Done {
    kind: usize,
    key: u64,
    at: u64,
    /// The frames that brought it, sorted.
    frames: Box<[u64]>,
}

/// A message whose device is to be asked for what is missing.
#[derive(Debug)]
pub struct Ask<'r> {
    /// Which kind of frame the head is.
    pub kind: usize,
    /// The payload of the frame with the first segment of those that have come,
    /// whose number is [`Parts::number`].
    pub head: &'r [u8],
    /// What has come.
    pub parts: Parts<'r>,
}

/// Collects segments; see [`ReassemblyLimits`].
///
/// Segments may come in any order and more than once; a segment that comes
/// again replaces the earlier one. One that comes again when the message is
/// whole already is dropped: only the first segment, or another one than
/// before, begins a message anew.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{Reassembler, ReassemblyLimits, Segment};
///
/// let mut reassembler = Reassembler::new(ReassemblyLimits::default());
/// let part = |index, data| Segment::numbered(7, index, 2, data);
/// assert!(reassembler.add(0, part(2, b"world"), b"frame 2").unwrap().is_none());
/// let whole = reassembler.add(5, part(1, b"hello "), b"frame 1").unwrap().unwrap();
/// assert_eq!((whole.body.as_slice(), whole.head.as_slice()), (&b"hello world"[..], &b"frame 1"[..]));
/// ```
#[derive(Debug)]
pub struct Reassembler {
    limits: ReassemblyLimits,
    partial: Vec<Partial>,
    done: Vec<Done>,
    bytes: usize,
    given_up: u64,
}

impl Reassembler {
    /// An empty one.
    #[must_use]
    pub fn new(limits: ReassemblyLimits) -> Self {
        Self { limits, partial: Vec::new(), done: Vec::new(), bytes: 0, given_up: 0 }
    }

    /// Whether no segment is waiting for others.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.partial.is_empty()
    }

    /// Bytes of segments that are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether it knows nothing, also of no message that was whole and may be
    /// sent again.
    #[must_use]
    pub fn is_forgetful(&self) -> bool {
        self.partial.is_empty() && self.done.is_empty()
    }

    /// Messages that were given up: too old, or pushed out by a limit.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Adds a segment that came at `now` in the frame with this payload;
    /// returns the message when it is complete.
    ///
    /// # Errors
    ///
    /// The segment's numbers make no sense, or it, alone or with
    /// what came of its message before, is beyond the limits.
    pub fn add(
        &mut self,
        now: u64,
        segment: Segment<'_>,
        payload: &[u8],
    ) -> Result<Option<Assembled>, &'static str> {
        self.expire(now);
        let Some(slot) = Slot::of(&segment) else {
            return Err("the segment lies outside of the message that it is of");
        };
        // What one more table entry costs counts too, so that a hostile total
        // allocates nothing that the limit does not cover.
        if Store::table(slot, segment.at).saturating_add(segment.data.len()) > self.limits.bytes {
            return Err("the message is larger than the reassembly limit");
        }
        let frame = hash(payload);
        let at = match self.place(&segment) {
            Some(at) if self.partial.get(at).is_some_and(|partial| partial.takes(slot, &segment)) => at,
            stale => {
                if let Some(stale) = stale {
                    self.give_up(stale);
                } else if slot.at != 0 && self.is_late(&segment, frame) {
                    return Ok(None);
                }
                while self.partial.len() >= self.limits.messages.max(1) {
                    self.give_up(0);
                }
                self.partial.push(Partial::new(now, &segment));
                self.partial.len() - 1
            }
        };
        let Some(partial) = self.partial.get_mut(at) else { return Ok(None) };
        let before = partial.bytes;
        let whole = partial.add(now, slot, segment.data, payload, frame);
        self.bytes = (self.bytes - before).saturating_add(partial.bytes);
        if whole {
            let partial = self.partial.remove(at);
            self.bytes = self.bytes.saturating_sub(partial.bytes);
            return Ok(Some(self.finish(now, partial)));
        }
        while self.bytes > self.limits.bytes && !(self.partial.is_empty() && self.done.is_empty()) {
            if self.done.is_empty() { self.give_up(0) } else { self.forget(0) }
        }
        match self.place(&segment) {
            Some(_) => Ok(None),
            // It has pushed itself out, and is told of as refused instead.
            None => {
                self.given_up -= 1;
                Err("the message is larger than the reassembly limit")
            }
        }
    }

    /// What has come of the message that this segment is of, once it has been
    /// added.
    #[must_use]
    pub fn parts(&self, segment: &Segment<'_>) -> Parts<'_> {
        let partial = self.place(segment).and_then(|at| self.partial.get(at));
        let slot = Slot::of(segment);
        Parts {
            number: segment.at.number(),
            total: partial.map_or(slot.and_then(|slot| slot.total), |partial| partial.total),
            asked: partial.map_or(0, |partial| partial.asked),
            store: partial.map(|partial| &partial.store),
        }
    }

    /// A message of which nothing has come for `silence` milliseconds, whose
    /// device has been asked for the rest less than `times` times. It counts as
    /// asked then.
    pub fn ask(&mut self, now: u64, silence: u64, times: u32) -> Option<Ask<'_>> {
        let due =
            |partial: &&mut Partial| partial.asked < times && now >= partial.quiet.saturating_add(silence);
        let partial = self.partial.iter_mut().find(due)?;
        let asked = partial.asked;
        partial.asked += 1;
        partial.quiet = now;
        let parts =
            Parts { number: partial.head_number(), total: partial.total, asked, store: Some(&partial.store) };
        Some(Ask { kind: partial.kind, head: &partial.head, parts })
    }

    /// When [`ask`](Self::ask) has something next.
    #[must_use]
    pub fn ask_at(&self, silence: u64, times: u32) -> Option<u64> {
        let waiting = self.partial.iter().filter(|partial| partial.asked < times);
        waiting.map(|partial| partial.quiet.saturating_add(silence)).min()
    }

    /// Nobody has listened until `now`: silence begins anew.
    pub fn listen_anew(&mut self, now: u64) {
        self.partial.iter_mut().for_each(|partial| partial.quiet = partial.quiet.max(now));
    }

    /// Gives messages up whose last segment is too long ago.
    pub fn expire(&mut self, now: u64) {
        let timeout = self.limits.timeout;
        let mut at = 0;
        while let Some(partial) = self.partial.get(at) {
            if now.saturating_sub(partial.last) > timeout {
                self.give_up(at);
            } else {
                at += 1;
            }
        }
        while self.done.first().is_some_and(|done| now.saturating_sub(done.at) > timeout) {
            self.forget(0);
        }
    }

    /// Where the message is that a segment is of.
    fn place(&self, segment: &Segment<'_>) -> Option<usize> {
        self.partial.iter().position(|it| it.key == segment.key && it.kind == segment.kind)
    }

    /// Whether the frame has brought a segment of a message that was whole.
    fn is_late(&self, segment: &Segment<'_>, frame: u64) -> bool {
        let done = self.done.iter().find(|done| done.key == segment.key && done.kind == segment.kind);
        done.is_some_and(|done| done.frames.binary_search(&frame).is_ok())
    }

    fn finish(&mut self, now: u64, partial: Partial) -> Assembled {
        let Partial { kind, key, head, total, store, .. } = partial;
        let (body, mut frames) = store.join();
        if let Some(at) = self.done.iter().position(|done| done.key == key && done.kind == kind) {
            self.forget(at);
        }
        let room = self.limits.bytes.saturating_sub(self.bytes) / size_of::<u64>();
        // One segment alone is the first.
        if frames.len() > 1 && frames.len() <= room {
            while self.done.len() >= self.limits.messages.max(1) {
                self.forget(0);
            }
            frames.sort_unstable();
            self.bytes += size_of_val(&frames[..]);
            self.done.push(Done { kind, key, at: now, frames: frames.into() });
        }
        Assembled { kind, head, body, total: total.unwrap_or(0) }
    }

    fn give_up(&mut self, at: usize) {
        let partial = self.partial.remove(at);
        self.bytes = self.bytes.saturating_sub(partial.bytes);
        self.given_up += 1;
    }

    fn forget(&mut self, at: usize) {
        let done = self.done.remove(at);
        self.bytes = self.bytes.saturating_sub(size_of_val(&done.frames[..]));
    }
}

impl Partial {
    fn new(now: u64, segment: &Segment<'_>) -> Self {
        Self {
            kind: segment.kind,
            key: segment.key,
            total: None,
            store: Store::new(segment.at),
            bytes: 0,
            last: now,
            quiet: now,
            asked: 0,
            head: Vec::new(),
            head_at: u32::MAX,
        }
    }

    /// Whether the segment is one of this message, and not of the next one
    /// under the same key.
    fn takes(&self, slot: Slot, segment: &Segment<'_>) -> bool {
        self.store.is_cut_so(segment.at)
            && match (self.total, slot.total) {
                (Some(own), Some(other)) => own == other,
                (Some(own), None) => slot.end <= own,
                (None, Some(other)) => self.store.end() <= other,
                (None, None) => true,
            }
    }

    /// Takes a segment in; whether the message is whole now.
    fn add(&mut self, now: u64, slot: Slot, data: &[u8], payload: &[u8], frame: u64) -> bool {
        self.total = self.total.or(slot.total);
        self.last = now;
        self.quiet = now;
        let (new, more) = self.store.put(Slot { total: self.total, ..slot }, data, frame);
        self.bytes = self.bytes.saturating_add_signed(more);
        if new {
            self.asked = 0;
        }
        if slot.at <= self.head_at {
            self.bytes = self.bytes.saturating_sub(self.head.len()).saturating_add(payload.len());
            self.head = payload.to_vec();
            self.head_at = slot.at;
        }
        self.store.is_whole(self.total)
    }

    /// The number of the segment that the head has carried, as on the wire.
    fn head_number(&self) -> u32 {
        self.head_at.saturating_add(self.store.first())
    }
}

/// To tell frames apart that were received one after the other.
fn hash(payload: &[u8]) -> u64 {
    let mut hash = Fnv::default();
    hash.write(payload);
    hash.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::vec;

    use super::*;
    use crate::codec::layout::Position;

    fn limited(messages: usize, bytes: usize, timeout: u64) -> Reassembler {
        Reassembler::new(ReassemblyLimits { messages, bytes, timeout })
    }

    fn part(key: u64, index: u32, total: u32, data: &[u8]) -> Segment<'_> {
        Segment::numbered(key, index, total, data)
    }

    /// What a message of so many segments costs before any came.
    fn table(total: usize) -> usize {
        Store::table(Slot { at: 0, end: 1, total: Some(total as u32) }, part(0, 1, 1, b"").at)
    }

    #[test]
    fn every_order_gives_the_same_message() {
        let data = [&b"one"[..], b"", b"three", b"4"];
        let mut orders = 0;
        for order in 0..4_usize.pow(4) {
            let order = [order % 4, order / 4 % 4, order / 16 % 4, order / 64];
            if (0..4).any(|index| !order.contains(&index)) {
                continue;
            }
            orders += 1;
            let mut r = Reassembler::new(ReassemblyLimits::default());
            for (came, at) in order.into_iter().enumerate() {
                let head = [b'#', at as u8];
                let whole = r.add(came as u64, part(7, at as u32 + 1, 4, data[at]), &head).unwrap();
                match whole {
                    None => assert!(came < 3 && !r.is_empty()),
                    Some(whole) => {
                        assert_eq!(came, 3);
                        let expected =
                            Assembled { kind: 0, head: vec![b'#', 0], body: b"onethree4".to_vec(), total: 4 };
                        assert_eq!(whole, expected);
                    }
                }
            }
            assert!(r.is_empty(), "{order:?}");
            assert_eq!((r.bytes, r.given_up()), (4 * 8, 0));
        }
        assert_eq!(orders, 24);
    }

    #[test]
    fn a_segment_that_comes_again_replaces_the_earlier_one() {
        let mut r = Reassembler::new(ReassemblyLimits::default());
        for data in [&b"first"[..], b"", b"second"] {
            assert_eq!(r.add(0, part(1, 1, 2, data), data), Ok(None));
            assert_eq!(r.bytes, table(2) + 2 * data.len());
        }
        let whole = r.add(0, part(1, 2, 2, b"!"), b"").unwrap().unwrap();
        assert_eq!((&whole.head[..], &whole.body[..]), (&b"second"[..], &b"second!"[..]));
        assert_eq!(r.bytes, 16);
    }

    #[test]
    fn one_message_too_many_pushes_the_oldest_out() {
        let mut r = limited(2, 1 << 20, 1000);
        for key in 1..=3 {
            assert_eq!(r.add(0, part(key, 1, 2, b"a"), b""), Ok(None));
        }
        assert_eq!(r.given_up(), 1);
        // The two younger ones are whole.
        for key in [3, 2] {
            assert_eq!(r.add(0, part(key, 2, 2, b"b"), b"").unwrap().unwrap().body, b"ab");
        }
        // Of the first, nothing is left: it begins anew.
        assert_eq!(r.add(0, part(1, 2, 2, b"b"), b""), Ok(None));
        assert_eq!((r.partial.len(), r.given_up()), (1, 1));
    }

    #[test]
    fn a_limit_of_no_message_keeps_one() {
        let mut r = limited(0, 1 << 20, 1000);
        assert_eq!(r.add(0, part(1, 1, 2, b"a"), b""), Ok(None));
        assert!(r.add(0, part(1, 2, 2, b"b"), b"").unwrap().is_some());
    }

    #[test]
    fn bytes_beyond_the_limit_push_the_oldest_out() {
        // Room for the tables, both first segments and not a byte more.
        let limit = 2 * table(2) + 20 + 10;
        let mut r = limited(4, limit, 1000);
        assert_eq!(r.add(0, part(1, 1, 2, &[1; 10]), &[9; 10]), Ok(None));
        assert_eq!(r.add(0, part(2, 2, 2, &[2; 10]), &[]), Ok(None));
        assert_eq!((r.bytes, r.given_up()), (limit, 0));
        // One byte more in the younger message costs the older one.
        assert_eq!(r.add(0, part(2, 2, 2, &[2; 11]), &[]), Ok(None));
        assert_eq!((r.bytes, r.given_up()), (table(2) + 11, 1));
        assert!(r.add(0, part(2, 1, 2, &[3]), &[]).unwrap().is_some());
        assert_eq!((r.bytes, r.given_up()), (2 * 8, 1));
    }

    #[test]
    fn a_message_that_grows_beyond_the_limit_is_refused() {
        let mut r = limited(4, table(3) + 10, 1000);
        assert_eq!(r.add(0, part(1, 2, 3, &[0; 10]), &[]), Ok(None));
        // Not `Ok(None)`: nothing is left of it, which looks as if all had come.
        assert!(r.add(0, part(1, 3, 3, &[0; 1]), &[]).is_err());
        assert_eq!((r.is_empty(), r.bytes, r.given_up()), (true, 0, 0));
        // The frame that carries segment 1 is kept too.
        assert!(r.add(0, part(1, 1, 3, &[0; 5]), &[0; 6]).is_err());
        assert_eq!((r.is_empty(), r.bytes, r.given_up()), (true, 0, 0));
        // A segment that can never fit costs the others nothing.
        assert_eq!(r.add(0, part(1, 1, 3, &[0; 5]), &[0; 5]), Ok(None));
        assert!(r.add(0, part(2, 1, 3, &[0; 11]), &[]).is_err());
        assert_eq!((r.partial.len(), r.given_up()), (1, 0));
    }

    #[test]
    fn a_hostile_total_allocates_nothing() {
        let mut r = Reassembler::new(ReassemblyLimits::default());
        assert_eq!(r.add(0, part(1, 1, 2, b"a"), b""), Ok(None));
        for total in [u32::MAX, 1 << 31, 1 << 20, (1 << 20) / 16] {
            assert!(r.add(0, part(2, 1, total, b"a"), b"").is_err(), "{total}");
        }
        assert_eq!((r.partial.len(), r.bytes, r.given_up()), (1, table(2) + 1, 0));
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused() {
        let mut r = Reassembler::new(ReassemblyLimits::default());
        for (index, total) in [(0, 0), (0, 3), (4, 3), (1, 0), (u32::MAX, 3)] {
            assert!(r.add(0, part(1, index, total, b"a"), b"").is_err(), "{index} of {total}");
        }
        assert!(r.is_empty());
        assert_eq!(r.add(0, part(1, 1, 1, b"a"), b"h").unwrap().unwrap().body, b"a");
        assert!(r.is_forgetful());
    }

    #[test]
    fn another_total_begins_the_message_anew() {
        let mut r = Reassembler::new(ReassemblyLimits::default());
        assert_eq!(r.add(0, part(1, 1, 3, b"old"), b"old"), Ok(None));
        assert_eq!(r.add(0, part(1, 2, 2, b"new"), b""), Ok(None));
        assert_eq!((r.partial.len(), r.given_up(), r.bytes), (1, 1, table(2) + 3));
        assert_eq!(r.add(0, part(1, 1, 2, b"a "), b"").unwrap().unwrap().body, b"a new");
    }

    #[test]
    fn silence_ends_a_message_and_each_segment_extends_it() {
        let mut r = limited(4, 1 << 20, 100);
        assert_eq!(r.add(0, part(1, 1, 3, b"a"), b""), Ok(None));
        assert_eq!(r.add(50, part(2, 1, 2, b"x"), b""), Ok(None));
        assert_eq!(r.add(100, part(1, 2, 3, b"b"), b""), Ok(None));
        // 100 ms after its last segment a message is still there, at 101 not.
        r.expire(150);
        assert_eq!((r.partial.len(), r.given_up()), (2, 0));
        r.expire(151);
        assert_eq!((r.partial.len(), r.given_up()), (1, 1));
        assert_eq!(r.add(200, part(1, 3, 3, b"c"), b"").unwrap().unwrap().body, b"abc");
        assert_eq!(r.bytes, 3 * 8);
        // Adding looks at the time too, and a clock that goes back ends nothing.
        assert_eq!(r.add(300, part(3, 1, 2, b"x"), b""), Ok(None));
        assert_eq!(r.add(10, part(4, 1, 2, b"y"), b""), Ok(None));
        assert_eq!((r.partial.len(), r.given_up()), (2, 1));
        assert_eq!(r.add(401, part(3, 2, 2, b"z"), b""), Ok(None));
        assert_eq!((r.partial.len(), r.given_up()), (1, 3));
    }

    /// A message of this many segments, all but those named.
    fn without(r: &mut Reassembler, total: u32, missing: &[u32]) {
        for index in (1..=total).filter(|index| !missing.contains(index)) {
            assert_eq!(r.add(0, part(1, index, total, b"x"), &[index as u8]), Ok(None), "{index}");
        }
    }

    #[test]
    fn what_is_missing_is_asked_for_after_silence_a_few_times() {
        let mut r = Reassembler::new(ReassemblyLimits::default());
        without(&mut r, 6, &[1, 4, 5]);
        assert_eq!(r.ask_at(100, 2), Some(100));
        assert!(r.ask(99, 100, 2).is_none());
        let ask = r.ask(100, 100, 2).unwrap();
        assert_eq!((ask.kind, ask.head, ask.parts.number(), ask.parts.asked()), (0, &[2][..], 2, 0));
        assert_eq!(ask.parts.missing().collect::<Vec<_>>(), [1, 4, 5]);
        assert!(r.ask(199, 100, 2).is_none());
        assert_eq!(r.ask(200, 100, 2).unwrap().parts.asked(), 1);
        assert!(r.ask(10_000, 100, 2).is_none());
        assert_eq!(r.ask_at(100, 2), None);
        // What is there already is a sign of life, and nothing new.
        assert_eq!(r.add(10_000, part(1, 2, 6, b"x"), b""), Ok(None));
        assert_eq!(r.ask_at(100, 2), None);
        assert_eq!(r.add(10_000, part(1, 4, 6, b"x"), b""), Ok(None));
        assert_eq!(r.ask_at(100, 2), Some(10_100));
        r.listen_anew(10_050);
        assert_eq!(r.ask_at(100, 2), Some(10_150));
        // Of several messages one after the other.
        assert_eq!(r.add(10_060, part(2, 1, 2, b"x"), b"other"), Ok(None));
        assert_eq!(r.ask(10_500, 100, 2).unwrap().parts.missing().collect::<Vec<_>>(), [1, 5]);
        assert_eq!(r.ask(10_500, 100, 2).unwrap().head, b"other");
        assert!(r.ask(10_500, 100, 2).is_none());
    }

    #[test]
    fn segments_of_a_message_that_is_whole_come_again_for_nothing() {
        let mut r = Reassembler::new(ReassemblyLimits::default());
        let add = |r: &mut Reassembler, now, index: u32, frame: &[u8]| {
            r.add(now, part(1, index, 3, b"x"), frame).unwrap().is_some()
        };
        without(&mut r, 3, &[3]);
        assert!(add(&mut r, 0, 3, &[3]));
        assert!(r.is_empty() && !r.is_forgetful());
        for index in [2, 3] {
            assert!(!add(&mut r, 1, index, &[index as u8]));
            assert!(r.is_empty());
            assert!(r.parts(&part(1, index, 3, b"x")).is_complete());
        }
        // Another frame with the same key begins the next message, and so does
        // the first segment: the device may send all of it again.
        assert!(!add(&mut r, 2, 3, &[33]));
        assert!(!r.is_empty());
        let mut r = Reassembler::new(ReassemblyLimits::default());
        for _ in 0..3 {
            without(&mut r, 3, &[3]);
            assert!(add(&mut r, 0, 3, &[3]));
        }
        assert_eq!(r.given_up(), 0);
        // What is remembered costs something and is forgotten with time.
        assert_eq!(r.bytes, 3 * 8);
        r.expire(120_001);
        assert_eq!((r.is_forgetful(), r.bytes), (true, 0));
        let mut r = limited(2, table(2) + 30, 1000);
        for key in 0..9 {
            assert_eq!(r.add(0, part(key, 1, 2, b"a"), b""), Ok(None));
            assert!(r.add(0, part(key, 2, 2, b"b"), b"").unwrap().is_some());
            assert!(r.bytes <= table(2) + 30 && r.done.len() <= 2);
        }
    }

    #[test]
    fn the_last_segment_may_say_how_many_there_are() {
        let cut = |index, last: bool, data: &'static [u8]| Segment {
            kind: 0,
            key: 1,
            at: Position::Number { index, first: 0, total: last.then(|| index + 1) },
            data,
        };
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
            let mut r = Reassembler::new(ReassemblyLimits::default());
            for (came, index) in order.into_iter().enumerate() {
                let segment = cut(index, index == 2, [&b"a"[..], b"b", b"c"][index as usize]);
                let whole = r.add(0, segment, &[index as u8]).unwrap();
                let parts = r.parts(&segment);
                assert_eq!(parts.is_complete(), came == 2);
                assert_eq!(parts.wanted().is_none(), came == 2);
                if let Some(whole) = whole {
                    assert_eq!((&whole.body[..], &whole.head[..], whole.total), (&b"abc"[..], &[0][..], 3));
                }
            }
            assert_eq!(r.given_up(), 0);
        }
        // A last one that stands before others is one of the next message.
        let mut r = Reassembler::new(ReassemblyLimits::default());
        assert_eq!(r.add(0, cut(3, false, b"d"), b""), Ok(None));
        assert_eq!(r.add(0, cut(1, true, b"b"), b""), Ok(None));
        assert_eq!((r.given_up(), r.partial.len()), (1, 1));
        assert!(r.add(0, cut(0, false, b"a"), b"").unwrap().is_some());
        // A hostile number costs nothing.
        assert!(r.add(0, cut(u32::MAX - 1, false, b"a"), b"").is_err());
        assert!(r.add(0, cut(u32::MAX, false, b"a"), b"").is_err());
        assert!(r.is_empty());
    }

    #[test]
    fn bytes_may_come_at_any_place() {
        let cut = |offset, size, data| Segment { kind: 0, key: 1, at: Position::Byte { offset, size }, data };
        let text = b"hello world";
        for seed in 0..200_u32 {
            let mut r = Reassembler::new(ReassemblyLimits::default());
            let (mut whole, mut state, mut count) = (None, seed, 0);
            while whole.is_none() {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let from = (state >> 8) % 11;
                let to = (from + (state >> 16) % 5).min(11);
                let segment = cut(from, Some(11), &text[from as usize..to as usize]);
                whole = r.add(0, segment, b"").unwrap();
                let parts = r.parts(&segment);
                assert_eq!(parts.is_complete(), whole.is_some());
                assert_eq!(parts.missing().count() == 0, whole.is_some());
                count += 1;
                assert!(count < 500);
            }
            let whole = whole.unwrap();
            assert_eq!((&whole.body[..], whole.total), (&text[..], 11));
        }
        let mut r = limited(4, 100, 1000);
        assert!(r.add(0, cut(50, Some(1000), &[1; 51]), b"").is_err());
        assert!(r.add(0, cut(u32::MAX, None, b"a"), b"").is_err());
        assert!(r.add(0, cut(10, Some(10), b"a"), b"").is_err());
        assert!(r.is_forgetful());
        assert_eq!(r.add(0, cut(1, None, b"ab"), b""), Ok(None));
        assert_eq!(r.parts(&cut(1, None, b"ab")).gaps().collect::<Vec<_>>(), [0..1, 3..u32::MAX]);
        assert_eq!(r.add(0, cut(0, Some(3), b"x"), b"").unwrap().unwrap().body, b"xab");
        assert_eq!(r.add(0, cut(0, Some(0), b""), b"").unwrap().unwrap().body, b"");
    }
}
