//! Flags, escapes and checksum of a JT/T 808 frame, by hand.

use memchr::{memchr, memchr2};

const FLAG: u8 = 0x7E;
const ESCAPE: u8 = 0x7D;

/// Why bytes are no frame or a frame is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// No flag at the front, or none at the end.
    Flag,
    /// An escape byte before a byte that is no code.
    Escape,
    /// The checksum differs.
    Checksum,
    /// The body length of the header differs from the frame.
    Length,
    /// A field needs more bytes than are left.
    Short,
    /// Encoding: a length that its field cannot hold.
    Overflow,
}

/// The header and body of the frame at the front of `wire`, un-escaped and
/// with its checksum verified. `scratch` is used if there are escapes.
///
/// # Errors
///
/// What is wrong with the frame.
#[inline]
pub fn open<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<&'a [u8], Error> {
    let Some((&FLAG, inner)) = wire.split_first() else {
        return Err(Error::Flag);
    };
    // One pass for both: most frames have no escape.
    let at = memchr2(ESCAPE, FLAG, inner).ok_or(Error::Flag)?;
    let (clean, special) = inner.split_at(at);
    let frame = if special.first() == Some(&FLAG) { clean } else { unescape(inner, at, scratch)?.1? };
    verify(frame)
}

/// As [`open`], for a stream: the frame or what is wrong inside its flags, and
/// where in `wire` its closing flag stands.
///
/// # Errors
///
/// There is no whole frame yet.
#[inline]
fn first<'a>(wire: &'a [u8], scratch: &'a mut Vec<u8>) -> Result<(Result<&'a [u8], Error>, usize), Error> {
    let Some((&FLAG, inner)) = wire.split_first() else {
        return Err(Error::Flag);
    };
    let at = memchr2(ESCAPE, FLAG, inner).ok_or(Error::Flag)?;
    let (clean, special) = inner.split_at(at);
    if special.first() == Some(&FLAG) {
        return Ok((verify(clean), 1 + at));
    }
    let (left, frame) = unescape(inner, at, scratch)?;
    Ok((frame.and_then(verify), wire.len() - left))
}

#[inline(always)]
fn verify(frame: &[u8]) -> Result<&[u8], Error> {
    let (check, payload) = frame.split_last().ok_or(Error::Short)?;
    if xor(payload) == *check { Ok(payload) } else { Err(Error::Checksum) }
}

/// Un-escapes `inner` up to its flag; `at` is the first escape. Also says how
/// many bytes are left from the flag on.
#[inline(never)]
fn unescape<'a>(
    inner: &[u8],
    at: usize,
    scratch: &'a mut Vec<u8>,
) -> Result<(usize, Result<&'a [u8], Error>), Error> {
    scratch.clear();
    let (mut clean, mut special) = inner.split_at(at);
    loop {
        scratch.extend_from_slice(clean);
        let after = match special {
            [FLAG, ..] => return Ok((special.len(), Ok(scratch))),
            [ESCAPE, code @ (1 | 2), after @ ..] => {
                scratch.push(code + 0x7C);
                after
            }
            [_, after @ ..] => {
                let flag = memchr(FLAG, after).ok_or(Error::Flag)?;
                return Ok((after.len() - flag, Err(Error::Escape)));
            }
            [] => return Err(Error::Flag),
        };
        let at = memchr2(ESCAPE, FLAG, after).ok_or(Error::Flag)?;
        (clean, special) = after.split_at(at);
    }
}

/// Cuts a stream into frames: chunks are appended to one buffer, frames are
/// read where they lie, and what is used up is dropped once per chunk.
#[derive(Debug, Default)]
pub struct Stream {
    buffer: Vec<u8>,
    scratch: Vec<u8>,
}

impl Stream {
    /// Calls `each` with what every frame that ends in `chunk` holds.
    #[inline]
    pub fn feed(&mut self, chunk: &[u8], mut each: impl FnMut(Result<&[u8], Error>)) {
        self.buffer.extend_from_slice(chunk);
        let mut rest = &self.buffer[..];
        loop {
            // Flags may be shared or doubled, and what stands before one is noise.
            let Some(begin) = memchr(FLAG, rest) else {
                rest = &[];
                break;
            };
            rest = rest.get(begin..).unwrap_or(&[]);
            if let [FLAG, FLAG, ..] = rest {
                rest = rest.get(1..).unwrap_or(&[]);
                continue;
            }
            let Ok((frame, used)) = first(rest, &mut self.scratch) else {
                break;
            };
            each(frame);
            rest = rest.get(used..).unwrap_or(&[]);
        }
        let used = self.buffer.len() - rest.len();
        self.buffer.drain(..used);
    }
}

/// Ends the frame whose flag, header and body were appended at `start`: adds
/// the checksum, escapes in place, adds the closing flag.
#[inline]
pub fn close(out: &mut Vec<u8>, start: usize) {
    let inner = start + 1;
    let check = xor(out.get(inner..).unwrap_or(&[]));
    out.push(check);
    if let Some(at) = memchr2(ESCAPE, FLAG, out.get(inner..).unwrap_or(&[])) {
        escape(out, inner + at);
    }
    out.push(FLAG);
}

/// Begins a frame and returns where.
#[inline]
pub fn begin(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.push(FLAG);
    start
}

/// Escapes everything from `from`, moving each byte once, from the back.
#[inline(never)]
fn escape(out: &mut Vec<u8>, from: usize) {
    let is_special = |byte: &u8| matches!(*byte, ESCAPE | FLAG);
    let more = out.get(from..).unwrap_or(&[]).iter().filter(|byte| is_special(byte)).count();
    let mut read = out.len();
    let mut write = read + more;
    out.resize(write, 0);
    // Where both meet, no special byte is left before them.
    while read < write {
        read -= 1;
        let byte = out[read];
        if is_special(&byte) {
            write -= 2;
            out[write] = ESCAPE;
            out[write + 1] = byte - 0x7C;
        } else {
            write -= 1;
            out[write] = byte;
        }
    }
}

/// All bytes combined by exclusive or, eight at a time.
#[inline]
#[must_use]
pub fn xor(bytes: &[u8]) -> u8 {
    let (words, tail) = bytes.as_chunks::<8>();
    let mut word = words.iter().fold(0_u64, |word, bytes| word ^ u64::from_ne_bytes(*bytes));
    let mut check = 0;
    match bytes.last_chunk::<8>() {
        // The last word overlaps; what it repeats is shifted out.
        Some(last) if !tail.is_empty() => word ^= u64::from_le_bytes(*last) >> (8 * (8 - tail.len())),
        Some(_) => {}
        None => check = tail.iter().fold(0, |check, byte| check ^ byte),
    }
    word ^= word >> 32;
    word ^= word >> 16;
    word ^= word >> 8;
    check ^ word as u8
}
