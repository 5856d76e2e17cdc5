//! What went wrong, at which byte, in which field.

use core::fmt;

use super::schema::FieldInfo;

/// The rule that bytes or a value broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The field needs more bytes than its extent has left.
    Short,
    /// Bytes are left over in an extent that its value should have used up.
    Trailing,
    /// A length field disagrees with the bytes that are there.
    Length,
    /// A constant has another value.
    Constant,
    /// A checksum differs from the one computed over the bytes received.
    Checksum,
    /// A value lies outside its declared `range` and the field is `strict`.
    Range,
    /// A tag that no variant has, in an enum without an `other` variant.
    Tag,
    /// A relation stated with `is` does not hold.
    Relation,
    /// An escape byte is followed by a byte that the escape table does not have.
    Escape,
    /// A frame is longer than its `max`.
    TooLong,
    /// Bytes between frames that belong to no frame.
    Garbage,
    /// Encoding only: a length, count, tag or value does not fit its field.
    Overflow,
    /// Encoding only: a value has another size than its field.
    Size,
    /// A codec of the user refused the bytes or the value.
    Custom,
    /// A segment of a longer message could not be used.
    Segment,
    /// A byte is no digit where a number stands as digits.
    Digits,
    /// Encoding only: the content holds the delimiter that ends the frame.
    Delimiter,
    /// The transform of a field (`via`) refused the bytes.
    Transform,
    /// Values of a type lie within each other deeper than its `max_depth`.
    Depth,
}

impl ErrorKind {
    /// A short name in lower case that stays the same between releases.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Trailing => "trailing",
            Self::Length => "length",
            Self::Constant => "constant",
            Self::Checksum => "checksum",
            Self::Range => "range",
            Self::Tag => "tag",
            Self::Relation => "relation",
            Self::Escape => "escape",
            Self::TooLong => "too_long",
            Self::Garbage => "garbage",
            Self::Overflow => "overflow",
            Self::Size => "size",
            Self::Custom => "custom",
            Self::Segment => "segment",
            Self::Digits => "digits",
            Self::Delimiter => "delimiter",
            Self::Transform => "transform",
            Self::Depth => "depth",
        }
    }

    /// One sentence that says what the rule is.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Short => "the field needs more bytes than are left",
            Self::Trailing => "bytes are left over after the value",
            Self::Length => "the length field disagrees with the bytes that follow",
            Self::Constant => "another value stands where a constant should",
            Self::Checksum => "the checksum does not match the bytes received",
            Self::Range => "the value lies outside its range",
            Self::Tag => "no variant has this tag",
            Self::Relation => "the value differs from what it should be computed from",
            Self::Escape => "the escape byte is followed by a byte that is no escape code",
            Self::TooLong => "the frame is longer than its limit",
            Self::Garbage => "the bytes belong to no frame",
            Self::Overflow => "the value does not fit its field",
            Self::Size => "the value has another size than its field",
            Self::Custom => "the codec of the field refused the bytes",
            Self::Segment => "the segment fits no message being put together",
            Self::Digits => "a byte is no digit of the number that stands here",
            Self::Delimiter => "the content holds the bytes that end the frame",
            Self::Transform => "the transform of the field refused the bytes",
            Self::Depth => "values lie within each other deeper than the layout allows",
        }
    }
}

/// A decode or encode error: 16 bytes, no allocation.
///
/// [`explain`](crate::codec::explain) turns it into a picture with the whole
/// field path and the bytes around it.
///
/// # Examples
///
/// ```
/// use exproto_runtime::codec::{Error, ErrorKind, FieldInfo};
///
/// static SERIAL: FieldInfo = FieldInfo::new("Message", "serial");
/// let error = Error::new(ErrorKind::Short, 11, &SERIAL);
/// assert_eq!(error.offset(), 11);
/// assert_eq!(
///     error.to_string(),
///     "Message.serial at byte 11: the field needs more bytes than are left"
/// );
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Error {
    at: &'static FieldInfo,
    offset: u32,
    kind: ErrorKind,
    inside: bool,
}

impl Error {
    /// An error at byte `offset` of the frame, in the field `at`.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub const fn new(kind: ErrorKind, offset: u32, at: &'static FieldInfo) -> Self {
        Self { at, offset, kind, inside: false }
    }

    /// The rule that was broken.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Bytes from the start of the un-escaped frame to the place of the error;
    /// [inside](Self::inside) a transform, from the start of what it made.
    #[must_use]
    pub const fn offset(&self) -> u32 {
        self.offset
    }

    /// The field in which it happened.
    #[must_use]
    pub const fn field(&self) -> &'static FieldInfo {
        self.at
    }

    /// Whether the offset counts in the bytes that a transform (`via`) made of a
    /// field's, because the error is in what these bytes mean.
    #[must_use]
    pub const fn inside(&self) -> bool {
        self.inside
    }

    /// The same error, in what a transform made.
    #[doc(hidden)]
    #[must_use]
    pub const fn from_inside(mut self) -> Self {
        self.inside = true;
        self
    }

    /// The same error at this field, where it is that of a value which does not
    /// know its name.
    #[doc(hidden)]
    #[must_use]
    pub const fn named(mut self, at: &'static FieldInfo) -> Self {
        if self.at.owner.is_empty() {
            self.at = at;
        }
        self
    }

    /// The same error, counted from another start.
    #[must_use]
    pub const fn at_offset(mut self, offset: u32) -> Self {
        self.offset = offset;
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = if self.inside { " of the transformed bytes" } else { "" };
        write!(f, "{} at byte {}{bytes}: {}", self.at, self.offset, self.kind.sentence())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({}, {} at byte {})", self.kind.name(), self.at, self.offset)
    }
}

impl core::error::Error for Error {}

const _: () = assert!(size_of::<Error>() == 16 || size_of::<usize>() != 8);
