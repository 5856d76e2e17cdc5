//! Lines of hex.

use std::io::{self, BufRead, Read};

/// The longest line in characters. All frames of a line go into one JSON
/// object, so the memory for it is bounded by this.
pub(super) const MAX_LINE: usize = 4 << 20;

/// A line that is neither empty nor a comment.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'l> {
    Bytes(&'l [u8]),
    Bad { offset: usize, message: String },
}

/// Reads lines of hex from anywhere.
pub(super) struct Lines<'i> {
    input: &'i mut dyn BufRead,
    text: Vec<u8>,
    bytes: Vec<u8>,
    number: usize,
}

impl<'i> Lines<'i> {
    pub(super) fn new(input: &'i mut dyn BufRead) -> Self {
        Self { input, text: Vec::new(), bytes: Vec::new(), number: 0 }
    }

    /// The next line and its number, from 1.
    pub(super) fn next(&mut self) -> io::Result<Option<(usize, Line<'_>)>> {
        loop {
            self.text.clear();
            let most = MAX_LINE as u64 + 1;
            if (&mut *self.input).take(most).read_until(b'\n', &mut self.text)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if self.text.len() > MAX_LINE && self.text.last() != Some(&b'\n') {
                self.skip_line()?;
                let message = format!("the line is longer than {MAX_LINE} characters; cut it with --stream");
                return Ok(Some((self.number, Line::Bad { offset: MAX_LINE, message })));
            }
            // Some shells begin what they pipe with a byte order mark.
            let mark = if self.number == 1 { b"\xEF\xBB\xBF".as_slice() } else { b"" };
            let text = self.text.strip_prefix(mark).unwrap_or(&self.text);
            self.bytes.clear();
            match parse(text, &mut self.bytes) {
                Ok(()) if self.bytes.is_empty() => {}
                Ok(()) => return Ok(Some((self.number, Line::Bytes(&self.bytes)))),
                Err((offset, message)) => {
                    return Ok(Some((self.number, Line::Bad { offset, message })));
                }
            }
        }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let count = end.map_or(buffer.len(), |end| end + 1);
            self.input.consume(count);
            if end.is_some() || count == 0 {
                return Ok(());
            }
        }
    }
}

/// Appends the bytes that a line stands for; what is wrong and at which
/// character.
pub(super) fn parse(text: &[u8], out: &mut Vec<u8>) -> Result<(), (usize, String)> {
    let mut at = 0;
    let mut high: Option<u8> = None;
    // Counts characters where they are more than a byte.
    let place = |at: usize| text.iter().take(at).filter(|byte| **byte & 0xC0 != 0x80).count();
    while let Some(&byte) = text.get(at) {
        match (byte, high) {
            (b'#', None) => break,
            (b' ' | b'\t' | b'\r' | b'\n', None) => {}
            (b'0', None) if matches!(text.get(at + 1), Some(b'x' | b'X')) => at += 1,
            _ => match (char::from(byte).to_digit(16), high.take()) {
                (Some(digit), None) => high = Some(digit as u8),
                (Some(digit), Some(high)) => out.push(high << 4 | digit as u8),
                (None, Some(_)) if byte.is_ascii_whitespace() || byte == b'#' => {
                    return Err((place(at - 1), String::from("half a byte: one hex digit stands alone")));
                }
                (None, _) => {
                    let rest = text.get(at..).unwrap_or(&[]);
                    let shown = String::from_utf8_lossy(rest).chars().next().unwrap_or('?');
                    return Err((place(at), format!("{shown:?} is no hex digit")));
                }
            },
        }
        at += 1;
    }
    match high {
        None => Ok(()),
        Some(_) => Err((place(at - 1), String::from("half a byte: one hex digit stands alone"))),
    }
}
