//! Frames between flag bytes.

use memchr::{memchr, memchr2};

use super::{FRAME, Scanner, Step};
use crate::codec::error::{Error, ErrorKind};

/// Finds frames between flag bytes; see [`Framing::Flag`](super::Framing::Flag).
///
/// Every flag is a boundary, so a damaged frame costs nothing but itself.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{FlagScan, Scanner, Step};
///
/// let mut scan = FlagScan::new(0x7E, 64);
/// assert_eq!(scan.scan(b"\x7Eab"), Step::Skip(1));            // the opening flag
/// assert_eq!(scan.scan(b"ab"), Step::Need(1));
/// assert_eq!(scan.scan(b"ab\x7Ecd\x7E"), Step::Frame { start: 0, end: 2, next: 3 });
/// // The closing flag opens the neighbour.
/// assert_eq!(scan.scan(b"cd\x7E"), Step::Frame { start: 0, end: 2, next: 3 });
/// ```
#[derive(Clone, Debug)]
pub struct FlagScan {
    flag: u8,
    /// The escape byte, or the flag once more.
    second: u8,
    max: usize,
    /// An escape byte was seen in the frame so far, or may have been missed.
    escaped: bool,
    /// The last frame holds no escape byte.
    clean: bool,
    /// Bytes at the front that were looked at and are no flag.
    from: usize,
    /// Whether a flag stands right before the front.
    open: bool,
    /// These bytes were reported as garbage or as a frame that has outgrown
    /// `max`: drop everything up to the next flag.
    dropping: bool,
    /// The opening flag and `from` bytes after it were looked at, see
    /// [`Scanner::looked`].
    peeked: bool,
    visited: u64,
}

impl FlagScan {
    /// Looks for frames of at most `max` bytes between two `flag`s.
    #[must_use]
    pub const fn new(flag: u8, max: usize) -> Self {
        Self {
            flag,
            second: flag,
            max,
            escaped: true,
            clean: false,
            from: 0,
            open: false,
            dropping: false,
            peeked: false,
            visited: 0,
        }
    }

    /// Looks for `escape` on the way, so that frames without it need no
    /// second look: [`Scanner::clean`].
    #[must_use]
    pub const fn escaping(mut self, escape: u8) -> Self {
        self.second = escape;
        self.escaped = false;
        self
    }

    /// Takes bytes before the first flag for a frame: the flag in front of it
    /// may be missing.
    #[must_use]
    pub const fn opened(mut self) -> Self {
        self.open = true;
        self
    }

    /// Whether there is an escape byte to look for.
    #[inline(always)]
    const fn escapes(&self) -> bool {
        self.second != self.flag
    }

    /// The next flag in `bytes`.
    #[inline]
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        if self.escaped || !self.escapes() {
            return memchr(self.flag, bytes);
        }
        // One pass for both: most frames have no escape.
        let at = memchr2(self.flag, self.second, bytes)?;
        if bytes.get(at) == Some(&self.flag) {
            return Some(at);
        }
        self.escaped = true;
        memchr(self.flag, bytes.get(at..)?).map(|more| at + more)
    }

    /// What stands before a flag at `at`.
    #[inline(always)]
    fn boundary(&mut self, at: usize) -> Step {
        self.from = 0;
        self.clean = !self.escaped;
        self.escaped = !self.escapes();
        let next = at + 1;
        if self.dropping {
            // Reported before.
            self.dropping = false;
            self.open = true;
            return Step::Skip(next);
        }
        if !self.open {
            if at == 0 {
                self.open = true;
                return Step::Skip(next);
            }
            // The flag opens a frame and is no part of the garbage: the next
            // scan finds it at once.
            return bad(ErrorKind::Garbage, at);
        }
        match at {
            0 => Step::Skip(next),
            _ if at > self.max => bad(ErrorKind::TooLong, next),
            _ => Step::Frame { start: 0, end: at, next },
        }
    }
}

fn bad(kind: ErrorKind, len: usize) -> Step {
    Step::Bad { error: Error::new(kind, 0, &FRAME), len, fatal: false }
}

impl Scanner for FlagScan {
    const WHOLE: bool = true;

    #[inline(always)]
    fn took(&mut self) {
        debug_assert_eq!(self.from, 0, "bytes before the frame were looked at");
        (self.open, self.dropping) = (true, false);
    }

    #[inline]
    fn looked(&mut self, bytes: usize, escaped: bool) {
        debug_assert_eq!(self.from, 0, "bytes before the flag were looked at");
        (self.open, self.dropping) = (true, false);
        self.peeked = true;
        self.from = bytes;
        self.escaped |= escaped;
    }

    #[inline]
    fn grows(&mut self, have: usize, input: &[u8]) -> bool {
        let [byte] = input else { return false };
        let within = self.from == have && self.open && !self.dropping && have < self.max;
        if !within || *byte == self.flag {
            return false;
        }
        self.escaped |= *byte == self.second;
        self.visited += 1;
        self.from += 1;
        true
    }

    #[inline(always)]
    fn scan(&mut self, buf: &[u8]) -> Step {
        if self.peeked {
            // The opening flag and what stands behind it up to the next flag or escape.
            self.peeked = false;
            self.visited += self.from as u64 + 1;
            return Step::Skip(1);
        }
        let unseen = buf.get(self.from..).unwrap_or(&[]);
        // The opening flag, most often: no search for what stands in front.
        if unseen.first() == Some(&self.flag) {
            self.visited += 1;
            return self.boundary(self.from);
        }
        if let Some(at) = self.find(unseen) {
            self.visited += at as u64 + 1;
            let at = self.from + at;
            return self.boundary(at);
        }
        self.visited += unseen.len() as u64;
        self.from = buf.len();
        if self.dropping {
            self.from = 0;
            return if buf.is_empty() { Step::Need(1) } else { Step::Skip(buf.len()) };
        }
        if !self.open && !buf.is_empty() {
            self.from = 0;
            // The rest of it is no news: what is reported does not depend on
            // how the bytes were cut.
            self.dropping = true;
            return bad(ErrorKind::Garbage, buf.len());
        }
        if buf.len() > self.max {
            self.from = 0;
            self.dropping = true;
            return bad(ErrorKind::TooLong, buf.len());
        }
        Step::Need(1)
    }

    fn want(&mut self, have: usize, input: &[u8]) -> usize {
        // What is skipped here is not searched for escapes.
        self.escaped = true;
        let room = self.max.saturating_sub(have).saturating_add(1);
        let input = input.get(..room).unwrap_or(input);
        match memchr(self.flag, input) {
            Some(at) => {
                // The flag is looked at again by `scan`, which finds it at once.
                self.visited += at as u64;
                self.from = have + at;
                at + 1
            }
            None => {
                self.visited += input.len() as u64;
                self.from = have + input.len();
                input.len()
            }
        }
    }

    fn in_frame(&self) -> bool {
        self.open && !self.dropping
    }

    fn clean(&self) -> bool {
        self.clean
    }

    fn visited(&self) -> u64 {
        self.visited
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn knows_which_frames_hold_no_escape() {
        let mut scan = FlagScan::new(0x7E, 64).escaping(0x7D);
        assert_eq!(scan.scan(b"\x7Eab\x7E"), Step::Skip(1));
        assert_eq!(scan.scan(b"ab\x7E"), Step::Frame { start: 0, end: 2, next: 3 });
        assert!(scan.clean());
        assert_eq!(scan.scan(b"a\x7D\x01\x7E"), Step::Frame { start: 0, end: 3, next: 4 });
        assert!(!scan.clean());
        assert_eq!(scan.scan(b"c\x7E"), Step::Frame { start: 0, end: 1, next: 2 });
        assert!(scan.clean());
        // Seen in an earlier look at the same frame.
        assert_eq!(scan.scan(b"\x7D"), Step::Need(1));
        assert_eq!(scan.scan(b"\x7D\x01a\x7E"), Step::Frame { start: 0, end: 3, next: 4 });
        assert!(!scan.clean());
        // Perhaps skipped by `want`.
        assert_eq!(scan.scan(b"a"), Step::Need(1));
        assert_eq!(scan.want(1, b"bc\x7E"), 3);
        assert_eq!(scan.scan(b"abc\x7E"), Step::Frame { start: 0, end: 3, next: 4 });
        assert!(!scan.clean());
    }

    #[test]
    fn reports_garbage_once() {
        let mut scan = FlagScan::new(0x7E, 64);
        assert_eq!(scan.scan(b"ab"), bad(ErrorKind::Garbage, 2));
        assert_eq!(scan.scan(b"cd"), Step::Skip(2));
        assert_eq!(scan.scan(b"e\x7Efg\x7E"), Step::Skip(2));
        assert_eq!(scan.scan(b"fg\x7E"), Step::Frame { start: 0, end: 2, next: 3 });
    }

    #[test]
    fn knows_nothing_without_an_escape_to_look_for() {
        let mut scan = FlagScan::new(0x7E, 64);
        assert_eq!(scan.scan(b"\x7Eab\x7E"), Step::Skip(1));
        assert_eq!(scan.scan(b"ab\x7E"), Step::Frame { start: 0, end: 2, next: 3 });
        assert!(!scan.clean());
    }

    #[derive(Clone, Debug, PartialEq, Eq)]
    enum Seen {
        Frame(Vec<u8>),
        Bad(ErrorKind),
    }

    /// What is found when the chunks come one after the other. Bytes that are
    /// no frame are reported once however many chunks they came in.
    fn find(mut scan: FlagScan, chunks: &[&[u8]], by_want: bool) -> Vec<Seen> {
        let (mut buf, mut seen) = (Vec::new(), Vec::new());
        let mut stream = 0;
        for mut chunk in chunks.iter().copied() {
            stream += chunk.len() as u64;
            loop {
                match scan.scan(&buf) {
                    Step::Need(more) => {
                        assert_eq!(more, 1);
                        if chunk.is_empty() {
                            break;
                        }
                        let take = if by_want { scan.want(buf.len(), chunk) } else { chunk.len() };
                        let (now, later) = chunk.split_at(take);
                        buf.extend_from_slice(now);
                        chunk = later;
                    }
                    Step::Skip(len) => drop(buf.drain(..len)),
                    Step::Frame { start, end, next } => {
                        seen.push(Seen::Frame(buf[start..end].to_vec()));
                        buf.drain(..next);
                    }
                    Step::Bad { error, len, .. } => {
                        if seen.last() != Some(&Seen::Bad(error.kind())) {
                            seen.push(Seen::Bad(error.kind()));
                        }
                        assert!(len > 0);
                        buf.drain(..len);
                    }
                }
            }
            // Nothing is kept that could not become a frame.
            assert!(buf.len() <= scan.max, "{} bytes are kept", buf.len());
        }
        // Only flags, at most, are looked at again.
        let flags = chunks.concat().iter().filter(|byte| **byte == scan.flag).count() as u64;
        assert!(scan.visited() >= stream && scan.visited() <= stream + flags, "{}", scan.visited());
        seen
    }

    #[test]
    fn chunks_make_no_difference() {
        let frame = |bytes: &[u8]| Seen::Frame(bytes.to_vec());
        let stream = b"xy\x7Eab\x7E\x7Ecd\x7Eef\x7E\x7E\x7E12345678\x7E123456789\x7Eg\x7D\x01\x7Eopen";
        let expected = [
            Seen::Bad(ErrorKind::Garbage),
            frame(b"ab"),
            frame(b"cd"),
            frame(b"ef"),
            frame(b"12345678"),
            Seen::Bad(ErrorKind::TooLong),
            frame(b"g\x7D\x01"),
        ];
        for scan in [FlagScan::new(0x7E, 8), FlagScan::new(0x7E, 8).escaping(0x7D)] {
            for by_want in [false, true] {
                for first in 0..=stream.len() {
                    for second in first..=stream.len() {
                        let chunks = [&stream[..first], &stream[first..second], &stream[second..]];
                        assert_eq!(find(scan.clone(), &chunks, by_want), expected, "{first} {second}");
                    }
                }
                let single: Vec<&[u8]> = stream.chunks(1).collect();
                assert_eq!(find(scan.clone(), &single, by_want), expected);
            }
        }
    }

    #[test]
    fn a_frame_without_end_is_dropped_and_costs_only_itself() {
        let mut scan = FlagScan::new(0x7E, 4);
        assert_eq!(scan.scan(b"\x7E1234"), Step::Skip(1));
        assert_eq!(scan.scan(b"1234"), Step::Need(1));
        assert!(scan.in_frame());
        assert_eq!(scan.scan(b"12345"), bad(ErrorKind::TooLong, 5));
        assert!(!scan.in_frame());
        // Whatever follows is dropped up to the next flag, without a report.
        assert_eq!(scan.scan(b""), Step::Need(1));
        assert_eq!(scan.scan(b"6789"), Step::Skip(4));
        assert_eq!(scan.scan(b"0\x7Eab\x7E"), Step::Skip(2));
        assert!(scan.in_frame());
        assert_eq!(scan.scan(b"ab\x7E"), Step::Frame { start: 0, end: 2, next: 3 });
    }

    #[test]
    fn no_more_than_a_frame_is_wanted() {
        let mut scan = FlagScan::new(0x7E, 4);
        assert_eq!(scan.scan(b"\x7E"), Step::Skip(1));
        assert_eq!(scan.scan(b"ab"), Step::Need(1));
        // Two bytes more and one that shows that it is too long.
        assert_eq!(scan.want(2, &[b'x'; 100]), 3);
        assert_eq!(scan.scan(b"abxxx"), bad(ErrorKind::TooLong, 5));
    }
}
