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
            let before = place.replace(data.into()).map_or(0, |old| old.len());
            if before == 0 {
                partial.missing = partial.parts.iter().filter(|part| part.is_none()).count() as u32;
            }
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
