//! Following a decode field by field.
//!
//! Decoding is generic over a [`Trace`]. With [`NoTrace`] the calls vanish at
//! compile time; with a recording trace the same generated code tells where
//! each field began, which rule flagged a value and what an error wanted. So
//! `explain` and the picture of `decode` cost nothing until somebody asks.

use super::error::ErrorKind;
use super::schema::FieldInfo;

/// Something about a decoded frame that is odd but did not stop the decode.
///
/// The value is kept as received; encoding the frame gives the same bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Flag {
    /// A number lies outside its declared `range`.
    Range = 0,
    /// A packed decimal field holds a nibble above 9.
    Digits = 1,
    /// Text is not valid in its character set.
    Text = 2,
    /// A date or time does not exist.
    Time = 3,
    /// Reserved bits or padding hold another value than the declared one.
    Reserved = 4,
    /// A list ends in bytes that are no whole element.
    Tail = 5,
    /// A known tag has a value that does not fit its layout: kept raw.
    Raw = 6,
    /// The checksum is wrong and the gateway accepts that.
    Checksum = 7,
    /// The length field is wrong and the gateway accepts that.
    Length = 8,
    /// A length-bounded block holds more bytes than its layout.
    Extra = 9,
    /// The frame is delimited or escaped in another way than our own encoder
    /// does it.
    Framing = 10,
    /// Fields at the end are missing: they have their `default`.
    Missing = 11,
    /// A field was transformed (`via`) in another way than our own encoder does
    /// it, or could not be transformed back and is kept as it came.
    Transform = 12,
}

impl Flag {
    /// All flags, in the order of their numbers.
    pub const ALL: [Self; 13] = [
        Self::Range,
        Self::Digits,
        Self::Text,
        Self::Time,
        Self::Reserved,
        Self::Tail,
        Self::Raw,
        Self::Checksum,
        Self::Length,
        Self::Extra,
        Self::Framing,
        Self::Missing,
        Self::Transform,
    ];

    /// One sentence that says what is odd.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Range => "value outside its range",
            Self::Digits => "digit above 9",
            Self::Text => "text not valid in its character set",
            Self::Time => "no such date or time",
            Self::Reserved => "reserved bits or padding not as declared",
            Self::Tail => "list ends in bytes that are no whole element",
            Self::Raw => "value does not fit the layout of its tag, kept raw",
            Self::Checksum => "wrong checksum accepted",
            Self::Length => "wrong length accepted",
            Self::Extra => "bytes beyond the layout",
            Self::Framing => "delimited or escaped in another way than we do",
            Self::Missing => "fields at the end are missing",
            Self::Transform => "transformed in another way than we do",
        }
    }
}

/// The [`Flag`]s of one decode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(u32);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// Set on a reader that accepts wrong checksums and lengths.
    pub(crate) const ACCEPT_BAD: Self = Self(1 << 31);
    /// Set on a reader over a frame that the frame search has found and
    /// verified, until its decode begins.
    pub(crate) const FOUND: Self = Self(1 << 30);
    /// Set on a reader of a type whose fields stand among those of another with
    /// the same byte between them, until its decode begins.
    const FIELDS: u32 = 1 << 29;
    /// How deep the reader is within types that hold themselves.
    const DEPTH: u32 = 0xFF << Self::DEPTH_AT;
    const DEPTH_AT: u32 = 20;

    /// Flags whose cause the typed value has no room for, so that encoding it
    /// would not give the received bytes.
    const LOSSY: u32 = 1 << Flag::Reserved as u32
        | 1 << Flag::Checksum as u32
        | 1 << Flag::Length as u32
        | 1 << Flag::Extra as u32
        | 1 << Flag::Framing as u32
        | 1 << Flag::Missing as u32
        | 1 << Flag::Transform as u32;

    /// Adds a flag.
    #[inline]
    pub const fn set(&mut self, flag: Flag) {
        self.0 |= 1 << flag as u32;
    }

    /// Adds all flags of `other`.
    #[inline]
    pub const fn merge(&mut self, other: Self) {
        self.0 |= other.0 & !(Self::DEPTH | Self::FIELDS);
    }

    /// Whether the flag is set.
    #[must_use]
    pub const fn has(self, flag: Flag) -> bool {
        self.0 & (1 << flag as u32) != 0
    }

    /// Whether nothing odd was seen.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 & !(Self::ACCEPT_BAD.0 | Self::FOUND.0 | Self::FIELDS | Self::DEPTH) == 0
    }

    /// Whether the typed value alone does not give the received bytes back.
    #[must_use]
    pub const fn is_lossy(self) -> bool {
        self.0 & Self::LOSSY != 0
    }

    #[inline]
    pub(crate) const fn accepts_bad(self) -> bool {
        self.0 & Self::ACCEPT_BAD.0 != 0
    }

    /// What a reader knows, without what was odd.
    #[inline]
    pub(crate) const fn unflagged(self) -> Self {
        Self(self.0 & (Self::ACCEPT_BAD.0 | Self::DEPTH))
    }

    /// One level deeper, unless that is deeper than `max`, which is below 256.
    #[inline(always)]
    pub(crate) const fn deeper(&mut self, max: u32) -> bool {
        let deep = (self.0 & Self::DEPTH) >> Self::DEPTH_AT;
        if deep < max {
            self.0 += 1 << Self::DEPTH_AT;
        }
        deep < max
    }

    /// Back from one level.
    #[inline(always)]
    pub(crate) const fn shallower(&mut self) {
        self.0 -= 1 << Self::DEPTH_AT;
    }

    /// Takes the mark of a frame that was found off.
    #[inline(always)]
    pub(crate) const fn take_found(&mut self) -> bool {
        let found = self.0 & Self::FOUND.0 != 0;
        self.0 &= !Self::FOUND.0;
        found
    }

    /// Sets the mark of a type whose fields stand among others.
    #[inline(always)]
    pub(crate) const fn set_fields(&mut self, fields: bool) {
        if fields {
            self.0 |= Self::FIELDS;
        }
    }

    #[inline(always)]
    pub(crate) const fn has_fields(self) -> bool {
        self.0 & Self::FIELDS != 0
    }

    /// Takes that mark off.
    #[inline(always)]
    pub(crate) const fn without_fields(self) -> Self {
        Self(self.0 & !Self::FIELDS)
    }

    /// The flags that are set.
    pub fn iter(self) -> impl Iterator<Item = Flag> {
        Flag::ALL.into_iter().filter(move |flag| self.has(*flag))
    }
}

/// Receives what a decode does. See the module's documentation.
pub trait Trace: Copy {
    /// `false` removes all calls at compile time.
    const ON: bool;

    /// A field begins at `offset`.
    fn enter(self, at: &'static FieldInfo, offset: u32) {
        let _ = (at, offset);
    }

    /// The element `index` of a list begins at `offset`; it ends with
    /// [`leave`](Self::leave) as a field does.
    fn element(self, index: u32, offset: u32) {
        let _ = (index, offset);
    }

    /// The field or element that was entered last ends before `offset`.
    fn leave(self, offset: u32) {
        let _ = offset;
    }

    /// A transform made `bytes` of those of the field `at`: offsets count in
    /// them until [`close`](Self::close).
    fn open(self, at: &'static FieldInfo, bytes: &[u8]) {
        let _ = (at, bytes);
    }

    /// The transformed bytes end; offsets count as before them.
    fn close(self) {}

    /// A value was kept although it is odd.
    fn flag(self, flag: Flag, at: &'static FieldInfo, offset: u32) {
        let _ = (flag, at, offset);
    }

    /// The decode fails; `got` and `want` are what the rule compared.
    fn fail(self, kind: ErrorKind, at: &'static FieldInfo, offset: u32, got: u64, want: u64) {
        let _ = (kind, at, offset, got, want);
    }

    /// The attempt since `mark` was given up: forget what it reported.
    fn rewind(self, mark: usize) {
        let _ = mark;
    }

    /// Which piece of a payload the bytes end with, if they are not a whole frame.
    #[doc(hidden)]
    #[inline(always)]
    fn piece(self) -> Option<super::Piece> {
        None
    }

    /// A place to [`rewind`](Self::rewind) to.
    fn mark(self) -> usize {
        0
    }
}

/// The trace that records nothing and costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoTrace;

impl Trace for NoTrace {
    const ON: bool = false;
}
