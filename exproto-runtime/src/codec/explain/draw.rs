//! The picture as text.

use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::ops::Range;

use super::{Explanation, Failure, Place, Source, Span};
use crate::codec::error::ErrorKind;

/// Bytes in a row of the hex dump.
const ROW: usize = 16;
/// Rows shown at the beginning; of a longer dump, only those around the error
/// and the last one follow.
const ROWS: usize = 64;
/// Fields shown.
const FIELDS: usize = 1000;
/// Bytes of a field shown beside it.
const BESIDE: usize = 8;
/// Characters of a value shown.
const VALUE: usize = 60;

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.headline(f)?;
        dump(f, &self.bytes, self.marked(0).as_ref())?;
        for (index, layer) in self.layers.iter().enumerate() {
            writeln!(f, "{} transformed, {}", layer.at, bytes(layer.bytes.len()))?;
            dump(f, &layer.bytes, self.marked(index + 1).as_ref())?;
        }
        self.tree(f)?;
        for oddity in &self.oddities {
            writeln!(f, "odd: {oddity}")?;
        }
        match &self.failure {
            Some(failure) => failure.fmt(f),
            None => Ok(()),
        }
    }
}

impl Explanation {
    fn headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.bytes.len();
        match self.source {
            Source::Frame(offset) => {
                write!(f, "{}", self.name)?;
                if let Some(kind) = self.kind.filter(|kind| *kind != self.name) {
                    write!(f, " {kind}")?;
                }
                writeln!(f, ", {} from byte {offset} of the stream", bytes(count))
            }
            Source::Stream(offset) => {
                writeln!(f, "no {}, {} from byte {offset} of the stream", self.name, bytes(count))
            }
            Source::Joined => {
                write!(f, "{}", self.name)?;
                if let Some(kind) = self.kind.filter(|kind| *kind != self.name) {
                    write!(f, " {kind}")?;
                }
                writeln!(f, ", {} joined of segments", bytes(count))
            }
        }
    }

    /// The bytes that these spans count in.
    fn bytes_of(&self, layer: usize) -> &[u8] {
        match layer.checked_sub(1) {
            None => &self.bytes,
            Some(index) => self.layers.get(index).map_or(&[], |layer| &layer.bytes),
        }
    }

    /// The bytes that the error is about, if they are of this layer.
    fn marked(&self, layer: usize) -> Option<Range<usize>> {
        let failure = self.failure.as_ref().filter(|failure| failure.layer == layer)?;
        let start = failure.error.offset() as usize;
        let same = |span: &&Span| {
            span.start as usize == start
                && span.layer == layer
                && span.place == Place::Field(failure.error.field())
        };
        let len = match (failure.error.kind(), failure.compared) {
            (ErrorKind::Short | ErrorKind::Trailing, Some((left, _))) => left as usize,
            (ErrorKind::Checksum, _) => self.bytes_of(layer).len().saturating_sub(start),
            _ => match self.spans.iter().find(same).and_then(|span| span.end) {
                Some(end) => end as usize - start.min(end as usize),
                None => 1,
            },
        };
        // One row of marks is enough to find the place; where bytes are
        // missing, the mark stands behind the last.
        Some(start..start + len.clamp(1, ROW))
    }

    fn tree(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let placed = self.source != Source::Joined;
        let name = |span: &Span| {
            let name = match span.place {
                Place::Field(at) => at.to_string(),
                Place::Element(index) => format!("[{index}]"),
            };
            format!("{:indent$}{name}", "", indent = 2 * span.depth)
        };
        let shown = || self.spans.iter().take(FIELDS);
        let width = shown().map(|span| name(span).chars().count()).max().unwrap_or(0);
        let range = shown().map(|span| self.range(span).len()).max().unwrap_or(0);
        for span in shown() {
            write!(f, " ")?;
            if placed {
                let beside = 3 * BESIDE + 2;
                write!(f, " {:>range$}  {:<beside$}", self.range(span), self.beside(span))?;
            }
            let mut line = format!(" {:<width$}", name(span));
            if let Some(value) = &span.value {
                line.push_str("  ");
                line.push_str(&clip(value));
                if let Place::Field(at) = span.place
                    && !at.unit.is_empty()
                {
                    line.push(' ');
                    line.push_str(at.unit);
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        match self.spans.len().checked_sub(FIELDS) {
            Some(more) if more > 0 => writeln!(f, "  .. and {more} fields more"),
            _ => Ok(()),
        }
    }

    fn range(&self, span: &Span) -> String {
        let within = match span.layer.checked_sub(1).and_then(|index| self.layers.get(index)) {
            Some(layer) => format!("{} ", layer.at.name),
            None => String::new(),
        };
        match span.end {
            Some(end) => format!("{within}{}..{end}", span.start),
            None => format!("{within}{}..", span.start),
        }
    }

    /// The first bytes of a field.
    fn beside(&self, span: &Span) -> String {
        let start = span.start as usize;
        // Of a field that was not finished, what was read before the error.
        let bytes = self.bytes_of(span.layer);
        let failed = self.failure.as_ref().filter(|failure| failure.layer == span.layer);
        let end = span.end.or_else(|| failed.map(|failure| failure.error.offset()));
        let end = end.map_or(bytes.len(), |end| end as usize);
        let field = bytes.get(start..end).unwrap_or(&[]);
        let mut out = String::new();
        for byte in field.iter().take(BESIDE) {
            out.push_str(&format!("{byte:02x} "));
        }
        if field.len() > BESIDE {
            out.push_str("..");
        }
        out
    }
}

/// The hex dump of the frame or of a layer.
fn dump(f: &mut fmt::Formatter<'_>, bytes: &[u8], marked: Option<&Range<usize>>) -> fmt::Result {
    let near = marked.map(|marked| marked.start / ROW);
    let rows = bytes.len().div_ceil(ROW);
    let mut left_out = false;
    // One row more when the mark stands behind a full last one.
    for row in 0..rows.max(near.map_or(0, |near| near.min(rows) + 1)) {
        let far = near.is_none_or(|near| row.abs_diff(near) > 2);
        if row >= ROWS && row + 1 < rows && far {
            if !left_out {
                writeln!(f, "   ..")?;
            }
            left_out = true;
            continue;
        }
        left_out = false;
        let start = row * ROW;
        let chunk = bytes.get(start..).unwrap_or(&[]);
        let chunk = chunk.get(..ROW).unwrap_or(chunk);
        write!(f, "  {start:04x} ")?;
        for at in 0..ROW {
            let gap = if at == ROW / 2 { " " } else { "" };
            match chunk.get(at) {
                Some(byte) => write!(f, "{gap} {byte:02x}")?,
                None => write!(f, "{gap}   ")?,
            }
        }
        write!(f, "  ")?;
        for byte in chunk {
            let shown = if byte.is_ascii_graphic() || *byte == b' ' { char::from(*byte) } else { '.' };
            write!(f, "{shown}")?;
        }
        writeln!(f)?;
        if let Some(marked) = marked {
            marks(f, start, marked)?;
        }
    }
    Ok(())
}

/// Carets under the marked bytes of a row.
fn marks(f: &mut fmt::Formatter<'_>, start: usize, marked: &Range<usize>) -> fmt::Result {
    let row = start..start + ROW;
    let (first, end) = (marked.start.max(row.start), marked.end.min(row.end));
    if first >= end {
        return Ok(());
    }
    let column = |at: usize| 3 * (at - start) + usize::from(at - start >= ROW / 2);
    let indent = column(first);
    let width = column(end - 1) + 2 - indent;
    writeln!(f, "        {:indent$}{:^<width$}", "", "")
}

impl Failure {
    /// What was received and what was wanted, in words.
    #[must_use]
    pub fn said(&self) -> Option<String> {
        let (got, want) = self.compared?;
        let at = self.error.field();
        Some(match self.error.kind() {
            ErrorKind::Short => format!("{} left, {want} needed", bytes(got as usize)),
            ErrorKind::Trailing => format!("{} left over", bytes(got as usize)),
            ErrorKind::Length => format!("the field says {got}, {want} are there"),
            ErrorKind::Tag => format!("received {}", number(got)),
            ErrorKind::Range => format!("received {}", at.scale.render(i128::from(got as i64))),
            _ => format!("received {}, wanted {}", number(got), number(want)),
        })
    }

    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let error = &self.error;
        let bytes = if self.layer > 0 { " of the transformed bytes" } else { "" };
        writeln!(f, "error: {} at byte {}{bytes}: {}", self.path, error.offset(), error.kind().sentence())?;
        let at = error.field();
        if let Some(said) = self.said() {
            writeln!(f, "       {said}")?;
        }
        if let (ErrorKind::Range, Some((low, high))) = (error.kind(), at.range) {
            let (low, high) = (at.scale.render(i128::from(low)), at.scale.render(i128::from(high)));
            let space = if at.unit.is_empty() { "" } else { " " };
            writeln!(f, "       the range is {low} to {high}{space}{}", at.unit)?;
        }
        Ok(())
    }
}

fn number(value: u64) -> String {
    if value < 10 { value.to_string() } else { format!("{value} (0x{value:02x})") }
}

fn bytes(count: usize) -> String {
    if count == 1 { String::from("1 byte") } else { format!("{count} bytes") }
}

fn clip(value: &str) -> String {
    match value.char_indices().nth(VALUE) {
        None => String::from(value),
        Some((at, _)) => format!("{}..", value.get(..at).unwrap_or("")),
    }
}
