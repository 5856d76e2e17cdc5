//! The trace that writes down what a decode does.

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use super::{Oddity, Path, Place};
use crate::codec::error::{Error, ErrorKind};
use crate::codec::schema::FieldInfo;
use crate::codec::trace::{Flag, Trace};

/// A [`Trace`] that writes down what a decode does.
#[derive(Debug, Default)]
pub struct Recorder {
    log: RefCell<Vec<Entry>>,
}

#[derive(Clone, Copy, Debug)]
enum Entry {
    Enter(Place, u32),
    Leave(u32),
    Flag(Flag, &'static FieldInfo, u32),
    Fail(Error, u64, u64),
}

/// The bytes of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The field or element.
    pub place: Place,
    /// How many others surround it.
    pub depth: usize,
    /// The first byte.
    pub start: u32,
    /// The end, unless the decode stopped inside.
    pub end: Option<u32>,
    /// The value in its JSON form, where the field has one of its own.
    pub value: Option<String>,
}

/// What a recorder heard.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) spans: Vec<Span>,
    pub(super) oddities: Vec<Oddity>,
    /// Where the error happened.
    pub(super) path: Path,
    pub(super) compared: Option<(u64, u64)>,
}

impl Recorder {
    fn note(&self, entry: Entry) {
        // Nothing that runs while the log is borrowed reports to it.
        if let Ok(mut log) = self.log.try_borrow_mut() {
            log.push(entry);
        }
    }

    /// Makes spans of the log; `error` is what the decode returned.
    pub(super) fn into_found(self, error: Option<&Error>) -> Found {
        let mut found = Found::default();
        let mut open: Vec<usize> = Vec::new();
        let mut failed = None;
        for entry in self.log.into_inner() {
            match entry {
                Entry::Enter(place, start) => {
                    let depth = open.len();
                    open.push(found.spans.len());
                    found.spans.push(Span { place, depth, start, end: None, value: None });
                }
                Entry::Leave(end) => {
                    if let Some(span) = open.pop().and_then(|index| found.spans.get_mut(index)) {
                        span.end = Some(end);
                    }
                }
                Entry::Flag(flag, at, offset) => {
                    let path = path_of(&open, &found.spans).ending_in(at);
                    found.oddities.push(Oddity { flag, path, offset });
                }
                Entry::Fail(reported, got, want) if Some(&reported) == error => {
                    // The decode ended with this error, so the first report
                    // of it was made where it happened.
                    failed.get_or_insert_with(|| (path_of(&open, &found.spans), got, want));
                }
                Entry::Fail(..) => {}
            }
        }
        if let Some(error) = error {
            let (path, compared) = match failed {
                // A codec of the user compares what we cannot know.
                Some((path, 0, 0)) => (path, None),
                Some((path, got, want)) => (path, Some((got, want))),
                None => (path_of(&open, &found.spans), None),
            };
            // The rule may be about a field that was read before, such as a
            // tag that selects nothing.
            found.path = match found.path_to(error) {
                Some(earlier) => earlier,
                None => path.ending_in(error.field()),
            };
            found.compared = compared;
        }
        found
    }
}

impl Found {
    /// The way to the finished field that the error speaks of.
    fn path_to(&self, error: &Error) -> Option<Path> {
        let wanted = |span: &Span| {
            span.place == Place::Field(error.field()) && span.start == error.offset() && span.end.is_some()
        };
        let at = self.spans.iter().rposition(wanted)?;
        let mut steps = Vec::new();
        let mut depth = usize::MAX;
        for span in self.spans.get(..=at)?.iter().rev() {
            if span.depth < depth {
                depth = span.depth;
                steps.push(span.place);
            }
        }
        steps.reverse();
        Some(Path { steps })
    }
}

fn path_of(open: &[usize], spans: &[Span]) -> Path {
    let steps = open.iter().filter_map(|index| spans.get(*index)).map(|span| span.place);
    Path { steps: steps.collect() }
}

impl Trace for &Recorder {
    const ON: bool = true;

    fn enter(self, at: &'static FieldInfo, offset: u32) {
        self.note(Entry::Enter(Place::Field(at), offset));
    }

    fn element(self, index: u32, offset: u32) {
        self.note(Entry::Enter(Place::Element(index), offset));
    }

    fn leave(self, offset: u32) {
        self.note(Entry::Leave(offset));
    }

    fn flag(self, flag: Flag, at: &'static FieldInfo, offset: u32) {
        self.note(Entry::Flag(flag, at, offset));
    }

    fn fail(self, kind: ErrorKind, at: &'static FieldInfo, offset: u32, got: u64, want: u64) {
        self.note(Entry::Fail(Error::new(kind, offset, at), got, want));
    }

    fn rewind(self, mark: usize) {
        if let Ok(mut log) = self.log.try_borrow_mut() {
            log.truncate(mark);
        }
    }

    fn mark(self) -> usize {
        self.log.try_borrow().map_or(0, |log| log.len())
    }
}
