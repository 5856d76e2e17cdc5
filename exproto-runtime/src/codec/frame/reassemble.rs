//! Putting messages together that were cut into several frames.

use alloc::boxed::Box;
use alloc::vec::Vec;

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
    /// The payload of the frame that carried segment 1.
    pub head: Vec<u8>,
    /// The segments, joined.
    pub body: Vec<u8>,
    /// How many there were.
    pub total: u32,
}

#[derive(Debug)]
struct Partial {
    key: u64,
    total: u32,
    missing: u32,
    bytes: usize,
    last: u64,
    head: Vec<u8>,
    parts: Vec<Option<Box<[u8]>>>,
}

/// Collects segments; see [`ReassemblyLimits`].
///
/// Segments may come in any order and more than once; a segment that comes
/// again replaces the earlier one.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{Reassembler, ReassemblyLimits, Segment};
///
/// let mut reassembler = Reassembler::new(ReassemblyLimits::default());
/// let part = |index, data| Segment { key: 7, index, total: 2, data };
/// assert!(reassembler.add(0, part(2, b"world"), b"frame 2").unwrap().is_none());
/// let whole = reassembler.add(5, part(1, b"hello "), b"frame 1").unwrap().unwrap();
/// assert_eq!((whole.body.as_slice(), whole.head.as_slice()), (&b"hello world"[..], &b"frame 1"[..]));
/// ```
#[derive(Debug)]
pub struct Reassembler {
    limits: ReassemblyLimits,
    partial: Vec<Partial>,
    bytes: usize,
    given_up: u64,
}

impl Reassembler {
    /// An empty one.
    #[must_use]
    pub fn new(limits: ReassemblyLimits) -> Self {
        Self { limits, partial: Vec::new(), bytes: 0, given_up: 0 }
    }

    /// Whether no segment is waiting for others.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.partial.is_empty()
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
    /// The segment's numbers make no sense, or it alone is beyond the limits.
    pub fn add(
        &mut self,
        now: u64,
        segment: Segment<'_>,
        payload: &[u8],
    ) -> Result<Option<Assembled>, &'static str> {
        self.expire(now);
        let Segment { key, index, total, data } = segment;
        if index == 0 || index > total {
            return Err("the segment's number is 0 or above the number of segments");
        }
        // What one more table entry costs counts too, so that a hostile total
        // allocates nothing that the limit does not cover.
        let table = (total as usize).saturating_mul(size_of::<Option<Box<[u8]>>>());
        if table.saturating_add(data.len()) > self.limits.bytes {
            return Err("the message is larger than the reassembly limit");
        }
        let at = match self.partial.iter().position(|p| p.key == key) {
            Some(at) if self.partial.get(at).is_some_and(|p| p.total == total) => at,
            stale => {
                if let Some(stale) = stale {
                    self.give_up(stale);
                }
                while self.partial.len() >= self.limits.messages.max(1) {
                    self.give_up(0);
                }
                let mut parts = Vec::new();
                parts.resize_with(total as usize, || None);
                self.partial.push(Partial {
                    key,
                    total,
                    missing: total,
                    bytes: table,
                    last: now,
                    head: Vec::new(),
                    parts,
                });
                self.bytes += table;
                self.partial.len() - 1
            }
        };
        let Some(partial) = self.partial.get_mut(at) else { return Ok(None) };
        partial.last = now;
        if index == 1 {
            self.bytes = self.bytes.saturating_sub(partial.head.len()) + payload.len();
            partial.bytes = partial.bytes.saturating_sub(partial.head.len()) + payload.len();
            partial.head = payload.to_vec();
        }
        if let Some(place) = partial.parts.get_mut(index as usize - 1) {
            let before = match place.replace(data.into()) {
                Some(old) => old.len(),
                None => {
                    partial.missing -= 1;
                    0
                }
            };
            partial.bytes = partial.bytes - before + data.len();
            self.bytes = self.bytes - before + data.len();
        }
        if partial.missing == 0 {
            let partial = self.partial.remove(at);
            self.bytes = self.bytes.saturating_sub(partial.bytes);
            let body = partial.parts.into_iter().flatten().collect::<Vec<_>>().concat();
            return Ok(Some(Assembled { head: partial.head, body, total }));
        }
        while self.bytes > self.limits.bytes && !self.partial.is_empty() {
            self.give_up(0);
        }
        Ok(None)
    }

    /// Gives messages up whose last segment is too long ago.
    pub fn expire(&mut self, now: u64) {
        let mut at = 0;
        while let Some(partial) = self.partial.get(at) {
            if now.saturating_sub(partial.last) > self.limits.timeout {
                self.give_up(at);
            } else {
                at += 1;
            }
        }
    }

    fn give_up(&mut self, at: usize) {
        let partial = self.partial.remove(at);
        self.bytes = self.bytes.saturating_sub(partial.bytes);
        self.given_up += 1;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::vec;

    use super::*;

    fn limited(messages: usize, bytes: usize, timeout: u64) -> Reassembler {
        Reassembler::new(ReassemblyLimits { messages, bytes, timeout })
    }

    fn part(key: u64, index: u32, total: u32, data: &[u8]) -> Segment<'_> {
        Segment { key, index, total, data }
    }

    /// What a message of so many segments costs before any came.
    fn table(total: usize) -> usize {
        total * size_of::<Option<Box<[u8]>>>()
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
                            Assembled { head: vec![b'#', 0], body: b"onethree4".to_vec(), total: 4 };
                        assert_eq!(whole, expected);
                    }
                }
            }
            assert!(r.is_empty(), "{order:?}");
            assert_eq!((r.bytes, r.given_up()), (0, 0));
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
        assert_eq!(r.bytes, 0);
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
        assert_eq!(r.add(0, part(2, 2, 2, &[2; 10]), &[9; 10]), Ok(None));
        assert_eq!((r.bytes, r.given_up()), (limit, 0));
        // One byte more in the younger message costs the older one.
        assert_eq!(r.add(0, part(2, 2, 2, &[2; 11]), &[]), Ok(None));
        assert_eq!((r.bytes, r.given_up()), (table(2) + 11, 1));
        assert!(r.add(0, part(2, 1, 2, &[3]), &[]).unwrap().is_some());
        assert_eq!((r.bytes, r.given_up()), (0, 1));
    }

    #[test]
    fn a_message_alone_beyond_the_limit_is_given_up() {
        let mut r = limited(4, table(3) + 10, 1000);
        assert_eq!(r.add(0, part(1, 2, 3, &[0; 10]), &[]), Ok(None));
        assert_eq!(r.add(0, part(1, 3, 3, &[0; 1]), &[]), Ok(None));
        assert_eq!((r.is_empty(), r.bytes, r.given_up()), (true, 0, 1));
        // The frame that carries segment 1 is kept too.
        assert_eq!(r.add(0, part(1, 1, 3, &[0; 5]), &[0; 6]), Ok(None));
        assert_eq!((r.is_empty(), r.bytes, r.given_up()), (true, 0, 2));
        // A segment that can never fit costs the others nothing.
        assert_eq!(r.add(0, part(1, 1, 3, &[0; 5]), &[0; 5]), Ok(None));
        assert!(r.add(0, part(2, 1, 3, &[0; 11]), &[]).is_err());
        assert_eq!((r.partial.len(), r.given_up()), (1, 2));
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
        assert_eq!(r.bytes, 0);
        // Adding looks at the time too, and a clock that goes back ends nothing.
        assert_eq!(r.add(300, part(3, 1, 2, b"x"), b""), Ok(None));
        assert_eq!(r.add(10, part(4, 1, 2, b"y"), b""), Ok(None));
        assert_eq!((r.partial.len(), r.given_up()), (2, 1));
        assert_eq!(r.add(401, part(3, 2, 2, b"z"), b""), Ok(None));
        assert_eq!((r.partial.len(), r.given_up()), (1, 3));
    }
}
