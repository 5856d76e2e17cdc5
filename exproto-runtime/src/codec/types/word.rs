//! Short words that say what follows.

use core::fmt;

use crate::codec::byte_set::ByteSet;
use crate::codec::error::{Error, ErrorKind};
use crate::codec::layout::{Decode, Encode, Scalar, Wire};
use crate::codec::reader::Reader;
use crate::codec::schema::FieldInfo;
use crate::codec::trace::Trace;
use crate::codec::value::{Value, Visitor};
use crate::codec::writer::Writer;

static WORD: FieldInfo = FieldInfo::new("", "word");

/// A word of up to eight characters: the tag of an enum in a text protocol.
///
/// Takes all bytes of its extent. A word stands for the number that its bytes
/// make, high byte first, so `#[wire(tag = b"V1")]` is a tag like any other.
///
/// # Examples
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use exproto_runtime::codec::{Dec, Decode, Reader, Text, Ascii, Word};
/// use exproto_runtime::ExProtoFrame;
///
/// #[derive(ExProtoFrame, Debug)]
/// #[wire(sep = b',')]
/// struct Line<'a> {
///     #[wire(is = tag(body))] command: Word,
///     body: Body<'a>,
/// }
///
/// #[derive(ExProtoFrame, Debug)]
/// #[wire(sep = b',')]
/// enum Body<'a> {
///     #[wire(tag = b"SPEED")] Speed { limit: Dec, seconds: Option<Dec> },
///     #[wire(other)] Other { #[wire(tag)] command: Word, #[wire(as = Ascii)] fields: Text<'a> },
/// }
///
/// let line = Line::decode(&mut Reader::new(b"SPEED,080"), ()).unwrap();
/// assert!(matches!(line.body, Body::Speed { limit, .. } if limit.value() == Some(80)));
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Word(u64);

impl Word {
    /// The word of these bytes; `None` if they are more than eight or begin
    /// with NUL.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > 8 || bytes.first() == Some(&0) {
            return None;
        }
        Some(Self(bytes.iter().fold(0, |number, byte| (number << 8) | u64::from(*byte))))
    }

    /// Hands the bytes on.
    fn with<R>(self, take: impl FnOnce(&[u8]) -> R) -> R {
        let bytes = self.0.to_be_bytes();
        let skip = bytes.iter().take_while(|byte| **byte == 0).count();
        take(bytes.get(skip..).unwrap_or(&[]))
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|bytes| f.write_str(&alloc::string::String::from_utf8_lossy(bytes)))
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Word({self})")
    }
}

impl Scalar for Word {
    const MAX_RAW: u64 = u64::MAX;
    const BYTES: ByteSet = ByteSet::NONE;

    #[inline(always)]
    fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    #[inline(always)]
    fn raw(self) -> u64 {
        self.0
    }
}

impl Wire for Word {
    const MIN: usize = 0;
    const SIZE: Option<usize> = None;
    const GREEDY: bool = true;
    const BYTES: ByteSet = ByteSet::NONE;
    type Ctx = ();
}

impl<'a> Decode<'a> for Word {
    fn decode<T: Trace>(r: &mut Reader<'a, T>, (): ()) -> Result<Self, Error> {
        let offset = r.offset();
        let bytes = r.rest();
        Self::new(bytes).ok_or_else(|| r.fail(ErrorKind::Size, offset, &WORD, bytes.len() as u64, 8))
    }
}

impl Encode for Word {
    fn encode(&self, w: &mut Writer<'_>, (): ()) -> Result<(), Error> {
        self.with(|bytes| w.bytes(bytes));
        Ok(())
    }
}

impl Value for Word {
    fn show<V: Visitor>(&self, _: &'static FieldInfo, v: &mut V) {
        self.with(|bytes| v.text(&alloc::string::String::from_utf8_lossy(bytes)));
    }
}
