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
    layers: RefCell<Vec<Layer>>,
}

/// What a transform (`via`) made of the bytes of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layer {
    /// The field.
    pub at: &'static FieldInfo,
    /// What was made of its bytes.
    pub bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Entry {
    Enter(Place, u32),
    Leave(u32),
    Flag(Flag, &'static FieldInfo, u32),
    Fail(Error, u64, u64),
    /// Into the layer of this number.
    Open(usize),
    Close,
}

/// The bytes of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The field or element.
    pub place: Place,
    /// How many others surround it.
    pub depth: usize,
    /// Which bytes `start` and `end` count in: 0 for those of the frame, else the
    /// number of the [layer](super::Explanation::layers), from 1.
    pub layer: usize,
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
    /// In which layer.
    pub(super) layer: usize,
    pub(super) layers: Vec<Layer>,
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
        let mut found = Found { layers: self.layers.into_inner(), ..Found::default() };
        let mut open: Vec<usize> = Vec::new();
        let mut layers: Vec<usize> = Vec::new();
        let mut failed = None;
        for entry in self.log.into_inner() {
            let layer = layers.last().copied().unwrap_or(0);
            match entry {
                Entry::Open(layer) => layers.push(layer),
                Entry::Close => {
                    layers.pop();
                }
                Entry::Enter(place, start) => {
                    let depth = open.len();
                    open.push(found.spans.len());
                    found.spans.push(Span { place, depth, layer, start, end: None, value: None });
                }
                Entry::Leave(end) => {
                    if let Some(span) = open.pop().and_then(|index| found.spans.get_mut(index)) {
                        span.end = Some(end);
                    }
                }
                Entry::Flag(flag, at, offset) => {
                    let path = path_of(&open, &found.spans).ending_in(at);
                    found.oddities.push(Oddity { flag, path, offset, layer });
                }
                Entry::Fail(reported, got, want) => {
                    let reported = if layer > 0 { reported.from_inside() } else { reported };
                    // What knew no name has been given one since.
                    let named = |error: &Error| reported.named(error.field()) == *error;
                    if error.is_some_and(named) {
                        // The decode ended with this error, so the first report
                        // of it was made where it happened.
                        failed.get_or_insert_with(|| (path_of(&open, &found.spans), got, want, layer));
                    }
                }
            }
        }
        if let Some(error) = error {
            let last = layers.last().copied().unwrap_or(0);
            let (path, compared, layer) = match failed {
                // A codec of the user compares what we cannot know.
                Some((path, 0, 0, layer)) => (path, None, layer),
                Some((path, got, want, layer)) => (path, Some((got, want)), layer),
                None => (path_of(&open, &found.spans), None, if error.inside() { last } else { 0 }),
            };
            found.layer = layer;
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
            span.place == Place::Field(error.field())
                && span.start == error.offset()
                && span.end.is_some()
                && span.layer == self.layer
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

    fn open(self, at: &'static FieldInfo, bytes: &[u8]) {
        if let Ok(mut layers) = self.layers.try_borrow_mut() {
            layers.push(Layer { at, bytes: bytes.to_vec() });
            self.note(Entry::Open(layers.len()));
        }
    }

    fn close(self) {
        self.note(Entry::Close);
    }

    fn rewind(self, mark: usize) {
        if let Ok(mut log) = self.log.try_borrow_mut() {
            // What a transform made for an attempt that is given up goes with it.
            let opened = log.iter().skip(mark).find_map(|entry| match entry {
                Entry::Open(layer) => Some(layer - 1),
                _ => None,
            });
            if let (Some(before), Ok(mut layers)) = (opened, self.layers.try_borrow_mut()) {
                layers.truncate(before);
            }
            log.truncate(mark);
        }
    }

    fn mark(self) -> usize {
        self.log.try_borrow().map_or(0, |log| log.len())
    }
}
